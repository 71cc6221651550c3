"""The description of the gateway: what it refuses, what it keeps, how it changes."""

import json

import pytest

from compose.gateway import (
    Gateway,
    RateLimits,
    Server,
    SpecInvalid,
    Upstream,
    from_json,
    from_replicas,
    to_json,
    with_down,
    with_limits,
    with_policy,
    with_replicas,
    with_weight,
)
from compose.gateway.resolve import expanded, has_names
from compose.gateway.serve import from_environment, replicas_from


def shop() -> Gateway:
    return from_replicas(
        {
            "catalog": {"catalog-1": "127.0.0.1:1001", "catalog-2": "127.0.0.1:1002"},
            "orders": {"orders-1": "127.0.0.1:1003"},
        },
        listen="127.0.0.1:1080",
        listen_internal="127.0.0.1:1081",
        data="/tmp/gateway",
        policies={"orders": "ip_hash"},
        weights={"catalog-2": 3},
    )


def test_the_description_comes_back_from_json_as_it_was() -> None:
    changed = with_limits(shop(), RateLimits(whom="everybody", per_s=3, burst=0))
    assert from_json(to_json(shop())) == shop()
    assert from_json(to_json(changed)) == changed


def test_a_service_shares_its_requests_in_turn_unless_told_otherwise() -> None:
    assert shop().upstream("catalog").policy == "round_robin"


def test_a_changed_policy_leaves_the_other_services_alone() -> None:
    changed = with_policy(shop(), "catalog", "least_conn")
    assert changed.upstream("catalog").policy == "least_conn"
    assert changed.upstream("orders") == shop().upstream("orders")


def test_weight_and_down_belong_to_one_replica() -> None:
    changed = with_down(with_weight(shop(), "catalog", "catalog-1", 5), "catalog", "catalog-2")
    assert [(s.weight, s.down) for s in changed.upstream("catalog").servers] == [(5, False), (3, True)]


def test_scaling_keeps_what_was_said_about_the_replicas_that_stay() -> None:
    addresses = {"catalog-2": "127.0.0.1:1002", "catalog-3": "127.0.0.1:1009"}
    scaled = with_replicas(shop(), "catalog", addresses)
    assert [(s.name, s.weight) for s in scaled.upstream("catalog").servers] == [("catalog-2", 3), ("catalog-3", 1)]


def test_a_wrong_service_name_names_the_near_one() -> None:
    with pytest.raises(SpecInvalid, match="did you mean catalog"):
        with_policy(shop(), "catalogue", "least_conn")


def test_a_wrong_policy_names_the_near_one() -> None:
    with pytest.raises(SpecInvalid, match="did you mean least_conn"):
        with_policy(shop(), "catalog", "least-connections")


def test_a_wrong_replica_names_the_near_ones() -> None:
    with pytest.raises(SpecInvalid, match="catalog-1"):
        with_weight(shop(), "catalog", "catalog-7", 2)


@pytest.mark.parametrize("weight", [0, -1, 101, 1.5, True, "2"])
def test_a_weight_is_a_whole_number_from_one_to_a_hundred(weight: int) -> None:
    with pytest.raises(SpecInvalid, match="weight"):
        Server(name="a", address="127.0.0.1:80", weight=weight)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "a b:80", "a;b:80", "a{:80", ":80"])
def test_an_address_that_could_become_a_directive_is_refused(address: str) -> None:
    with pytest.raises(SpecInvalid):
        Server(name="a", address=address)


@pytest.mark.parametrize("name", ["", "Catalog", "a b", "a;", "a\n", "$host", "-a"])
def test_a_name_that_could_become_a_directive_is_refused(name: str) -> None:
    with pytest.raises(SpecInvalid):
        Upstream(service=name)


def test_two_replicas_of_one_name_are_refused() -> None:
    twin = Server(name="a", address="127.0.0.1:80")
    with pytest.raises(SpecInvalid, match="twice"):
        Upstream(service="catalog", servers=(twin, twin))


@pytest.mark.parametrize(
    "change",
    [
        {"surprise": 1},
        {"listen": "localhost:80"},
        {"listen": None},
        {"upstreams": {}},
        {"upstreams": [{"servers": []}]},
        {"upstreams": [{"service": "a", "servers": [{"name": "a"}]}]},
        {"upstreams": [{"service": "a", "policy": ["ip_hash"]}]},
        {"waits": {"read_s": "4"}},
        {"limits": {"whom": "strangers"}},
        {"limits": {"per_s": 0}},
        {"limits": {"burst": 1.5}},
        {"limits": {"rate": 3}},
        {"access_log": "a b"},
    ],
)
def test_json_that_means_nothing_is_refused_with_a_reason(change: dict[str, object]) -> None:
    document = {**json.loads(to_json(shop())), **change}
    with pytest.raises(SpecInvalid):
        from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        from_json(text)


def test_the_environment_gives_replicas_their_numbers_and_keeps_empty_services() -> None:
    assert replicas_from("catalog=a:1,b:2 orders=") == {
        "catalog": {"catalog-1": "a:1", "catalog-2": "b:2"},
        "orders": {},
    }


@pytest.mark.parametrize("text", ["catalog", "catalog=a:1 catalog=b:1"])
def test_an_upstreams_variable_that_says_nothing_clear_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid, match="UPSTREAMS"):
        replicas_from(text)


def test_the_access_log_goes_to_standard_output_where_replicas_have_names() -> None:
    told = {"LISTEN": "0.0.0.0:8080", "LISTEN_INTERNAL": "0.0.0.0:8081", "DATA": "/tmp/gateway"}
    assert from_environment({**told, "UPSTREAMS": "catalog=catalog:8000"}).access_log == "/dev/stdout"
    assert from_environment({**told, "UPSTREAMS": "catalog=127.0.0.1:8000"}).access_log == "access.log"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(SpecInvalid, match="LISTEN_INTERNAL, DATA, UPSTREAMS"):
        from_environment({"LISTEN": "0.0.0.0:8080"})


def test_a_name_becomes_one_server_for_each_of_its_addresses() -> None:
    named = with_replicas(shop(), "catalog", {"catalog-1": "catalog:8000"})
    lines = expanded(named, lambda _host: ("10.0.0.2", "10.0.0.3")).upstream("catalog").servers
    assert [(s.name, s.address) for s in lines] == [("catalog-1-1", "10.0.0.2:8000"), ("catalog-1-2", "10.0.0.3:8000")]


def test_a_name_that_leads_nowhere_becomes_no_server() -> None:
    named = with_replicas(shop(), "catalog", {"catalog-1": "catalog:8000"})
    assert expanded(named, lambda _host: ()).upstream("catalog").servers == ()


def test_addresses_are_never_looked_up() -> None:
    def never(host: str) -> tuple[str, ...]:
        raise AssertionError(host)

    assert not has_names(shop())
    assert expanded(shop(), never) == shop()


TOLD = {"LISTEN": "0.0.0.0:80", "LISTEN_INTERNAL": "0.0.0.0:81", "DATA": "/tmp/g", "UPSTREAMS": "catalog=catalog:80"}


def test_the_environment_sets_the_waits_and_leaves_the_others() -> None:
    waits = from_environment({**TOLD, "SHOP_READ_S": "6.5"}).waits
    assert (waits.connect_s, waits.read_s, waits.internal_read_s) == (0.5, 6.5, 2.0)


@pytest.mark.parametrize("setting", [{"SHOP_REED_S": "6"}, {"SHOP_READ_S": "soon"}, {"SHOP_READ_S": "nan"}])
def test_a_wait_that_makes_no_sense_is_refused_by_name(setting: dict[str, str]) -> None:
    with pytest.raises(SpecInvalid, match="READ_S"):
        from_environment({**TOLD, **setting})
