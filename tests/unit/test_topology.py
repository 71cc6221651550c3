"""compose.yaml is read once, for both runtimes."""

import pytest

from compose import topology
from compose.runtime.addresses import FIXED, Addresses
from compose.runtime.container_links import ContainerLinks
from compose.runtime.roster import Roster
from compose.runtime.verbs import RuntimeFailed


@pytest.fixture(scope="module")
def shop() -> topology.Topology:
    return topology.load()


def test_every_part_of_the_map_is_in_the_file(shop: topology.Topology) -> None:
    stores = {"rabbitmq", "postgres-1", "postgres-2", "memcached-1", "memcached-2", "memcached-3"}
    services = {"storefront", "catalog", "cart", "inventory", "orders", "payments", "recommendations"}
    workers = {"relay", "fulfilment", "notifications"}
    assert set(shop.services) == stores | services | workers | set(shop.resting()) | {"gateway", "migrate", "wire"}
    assert "orders-lane" in shop.resting()


def test_a_service_with_replicas_numbers_its_components_and_a_store_keeps_its_name(shop: topology.Topology) -> None:
    assert shop["catalog"].components() == ["catalog-1", "catalog-2"]
    assert shop["catalog"].components(3) == ["catalog-1", "catalog-2", "catalog-3"]
    assert shop["rabbitmq"].components() == ["rabbitmq"]


def test_what_rests_has_no_component_and_no_address_until_it_is_scaled(shop: topology.Topology) -> None:
    addresses, roster = Addresses(shop, 21000), Roster(shop)
    assert roster.components(shop["orders-lane"]) == []
    told = addresses.variables(roster.scale, shop["gateway"], "gateway")["UPSTREAMS"].split()
    assert "orders-lane=" in told

    addresses.reserve(shop["orders-lane"].components(1))
    told = addresses.variables({"orders-lane": 1}, shop["gateway"], "gateway")["UPSTREAMS"].split()
    assert f"orders-lane={addresses['orders-lane-1']}" in told


def test_nobody_waits_for_what_rests(shop: topology.Topology) -> None:
    assert not {needed for service in shop for needed in service.after} & set(shop.resting())


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
    with pytest.raises(RuntimeFailed, match="55 that a local shop has for replicas are taken"):
        Addresses(shop, 21000).reserve(shop["catalog"].components(80))


def test_a_store_is_where_services_are_told_to_look(shop: topology.Topology) -> None:
    addresses, relay = Addresses(shop.without_wire(), 21000), shop["relay"]
    told = topology.interpolate(relay.environment["RABBITMQ"], addresses.variables({}, relay, "relay-1"))
    assert told == addresses["rabbitmq"] == f"127.0.0.1:{21000 + FIXED['rabbitmq']}"


def test_behind_the_wire_replicas_are_told_the_same_and_each_finds_a_way_of_its_own(shop: topology.Topology) -> None:
    addresses, catalog = Addresses(shop, 21000), shop["catalog"]
    one, two = (addresses.variables({}, catalog, replica) for replica in catalog.components())
    assert one["MEMCACHED_1_ADDR"] == two["MEMCACHED_1_ADDR"] == "wire:21011"
    assert one["WIRE"] != two["WIRE"]
    assert addresses.link("catalog-1", "memcached-1").listen == f"{one['WIRE']}:21011"


def test_every_pair_that_talks_has_a_link_and_no_two_share_an_address(shop: topology.Topology) -> None:
    addresses = Addresses(shop, 21000)
    addresses.reserve(["catalog-3"])
    links = addresses.links({"catalog": 3})
    names = {link.name for link in links}
    assert {"catalog-3:postgres-2", "cart-1:memcached-1", "relay-1:rabbitmq", "gateway:payments-1"} <= names
    assert {"postgres-2:postgres-1", "postgres-1:postgres-2"} <= names
    assert not any(name.startswith("migrate") for name in names)
    assert len({link.listen for link in links}) == len(links) == len(names)


def test_without_the_wire_nothing_is_linked_and_nobody_waits_for_it(shop: topology.Topology) -> None:
    direct = shop.without_wire()
    assert direct.links() == []
    assert not any("wire" in service.after for service in direct)


def test_in_containers_a_link_belongs_to_the_service_and_keeps_its_port_when_others_come(
    shop: topology.Topology,
) -> None:
    links = ContainerLinks(shop, "tea")
    first = {link.name: link for link in links.among(lambda service: service.components())}
    later = {link.name: link for link in links.among(lambda service: service.components(2))}
    assert {"catalog:postgres-1", "postgres-2:postgres-1"} <= first.keys()
    assert later.keys() - first.keys() == {"gateway:payments-2"}
    assert all(later[name] == link for name, link in first.items())
    assert later["gateway:payments-2"].upstream == "tea-payments-2:8000"
    assert len({link.listen for link in later.values()}) == len(later)


def test_compose_is_told_the_wires_addresses_and_nothing_else(shop: topology.Topology) -> None:
    links = ContainerLinks(shop, "tea").among(lambda service: service.components())
    ports = {link.name: link.listen.rpartition(":")[2] for link in links}
    told = ContainerLinks(shop, "tea").override(links)["services"]
    assert told["postgres-2"] == {"environment": {"PARTNER": f"wire:{ports['postgres-2:postgres-1']}"}}
    assert told["cart"]["environment"].keys() == {"MEMCACHED"}
    upstreams = told["gateway"]["environment"]["UPSTREAMS"].split()
    assert f"payments=wire:{ports['gateway:payments-1']}" in upstreams
    assert "orders=orders:8000" in upstreams
    assert "migrate" not in told
