"""compose.yaml is read once, for both runtimes."""

import pytest

from compose import topology
from compose.runtime.addresses import FIXED, Addresses
from compose.runtime.verbs import RuntimeFailed


@pytest.fixture(scope="module")
def shop() -> topology.Topology:
    return topology.load()


def test_every_part_of_the_map_is_in_the_file(shop: topology.Topology) -> None:
    stores = {"rabbitmq", "postgres-1", "postgres-2", "memcached-1", "memcached-2", "memcached-3"}
    services = {"storefront", "catalog", "cart", "inventory", "orders", "payments", "recommendations"}
    workers = {"relay", "fulfilment", "notifications"}
    assert set(shop.services) == stores | services | workers | {"gateway", "migrate"}


def test_a_service_with_replicas_numbers_its_components_and_a_store_keeps_its_name(shop: topology.Topology) -> None:
    assert shop["catalog"].components() == ["catalog-1", "catalog-2"]
    assert shop["catalog"].components(3) == ["catalog-1", "catalog-2", "catalog-3"]
    assert shop["rabbitmq"].components() == ["rabbitmq"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "1"),
        ("${MISSING}", ""),
        ("${MISSING:-5}", "5"),
        ("${A:-5}", "1"),
        ("${EMPTY:-5}", "5"),
        ("${MISSING:-${A}}", "1"),
        ("x=${A},y=${MISSING:-b:2}", "x=1,y=b:2"),
    ],
)
def test_placeholders_are_filled_as_compose_fills_them(text: str, filled: str) -> None:
    assert topology.interpolate(text, {"A": "1", "EMPTY": ""}) == filled


def test_a_required_value_that_is_missing_is_refused_with_its_message() -> None:
    with pytest.raises(topology.BadTopology, match="SECRET must be set: make one"):
        topology.interpolate("${SECRET:?make one}", {})


def test_the_gateway_balances_over_exactly_the_services_its_environment_names(shop: topology.Topology) -> None:
    assert set(shop.balanced()) <= set(shop.services)
    assert {"storefront", "orders", "payments"} <= set(shop.balanced())


def test_no_two_components_share_a_port_and_all_stay_inside_the_block(shop: topology.Topology) -> None:
    addresses = Addresses(shop, 21000)
    names = [name for service in shop for name in service.components()]
    ports = [int(addresses[name].rpartition(":")[2]) for name in names]
    assert len(set(ports)) == len(ports)
    assert all(21000 <= port < 21100 for port in ports)


def test_a_block_that_is_full_says_how_many_replicas_a_shop_can_have(shop: topology.Topology) -> None:
    with pytest.raises(RuntimeFailed, match="is the most a local shop can have"):
        Addresses(shop, 21000).reserve(shop["catalog"].components(80))


def test_a_store_is_where_services_are_told_to_look(shop: topology.Topology) -> None:
    addresses = Addresses(shop, 21000)
    told = topology.interpolate(shop["orders"].environment["RABBITMQ"], addresses.variables({}))
    assert told == addresses["rabbitmq"] == f"127.0.0.1:{21000 + FIXED['rabbitmq']}"
