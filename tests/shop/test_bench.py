"""One cheap measurement for real, on the session's shop; whether a budget is kept is no test's business here."""

import pytest

from compose.runtime.verbs import RuntimeFailed
from labs.bench import checkout, failover, load, memory, product, replication, resilience, room, stock, wire, wrk
from labs.control.client import ShopClient

pytestmark = pytest.mark.servers


def test_memory_is_counted_once_and_split_among_all_components(shop: ShopClient) -> None:
    sample = memory.whole(shop)
    split = sample.more["split"]
    assert {"control", "nursery", "rabbitmq", "gateway", "catalog-1", "catalog-2"} <= split.keys()
    assert "other" not in split
    assert sum(split.values()) == pytest.approx(sample.value, rel=0.1)
    assert sample.value < sample.more["rss_mb"]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the nursery's pipe, in this process here
def test_the_bare_route_is_measured_in_turn_with_the_product(shop: ShopClient) -> None:
    said: list[str] = []
    (found,) = product.measure(shop, said.append, rounds=1, seconds=0.3)
    assert found.measured > 0 and found.yardstick and found.ratio
    assert len(said) == 1


def test_orders_by_sql_are_orders_like_all_others(healed: ShopClient) -> None:
    (found,) = checkout.measure(healed, lambda _: None, rounds=1, orders=8)  # raises when an invariant is violated
    assert found.ratio and found.met is None


def test_the_load_generator_and_wrk_ask_the_same_at_about_the_same_rate(shop: ShopClient) -> None:
    achieved, *latencies = load.measure(shop, lambda _: None, rounds=1, seconds=2)
    assert achieved.ratio == pytest.approx(1, abs=0.5)
    assert [each.name for each in latencies] == ["load_p50", "load_p90", "load_p99"]
    assert all(each.measured > 0 and each.yardstick and each.ratio for each in latencies)


def test_wrk_asks_for_every_path_in_turn_at_the_rate_less_what_answers_take(shop: ShopClient) -> None:
    report = wrk.drive(shop.url, ["/api/catalog/products/tea-001", "/api/catalog/products/cup-001"], 100, 2)
    assert 20 < report["requests"] / report["seconds"] <= 101
    assert 0 < report["p50"] <= report["p90"] <= report["p99"]


def test_a_path_that_fails_makes_no_yardstick(shop: ShopClient) -> None:
    with pytest.raises(RuntimeFailed, match="not served"):
        wrk.drive(shop.url, ["/api/catalog/products/tea-001", "/api/catalog/products/nothing"], 100, 1)


def test_the_wire_is_measured_in_turn_with_a_shop_that_has_none(healed: ShopClient) -> None:
    said: list[str] = []
    found = wire.measure(healed, said.append, rounds=1, seconds=0.3, orders=8)
    assert [each.name for each in found] == ["wire_product", "wire_checkout"]
    assert [each.unit for each in found] == ["requests/s", "orders/s"]
    assert all(each.ratio for each in found)


def test_strategies_of_taking_stock_are_measured_and_leave_no_trace(healed: ShopClient) -> None:
    before = healed.rows("select sum(available) as left, sum(reserved) as reserved from inventory.stock")
    found = stock.measure(healed, lambda _: None, rounds=1, seconds=0.5)
    assert [each.name for each in found if each.met is not None] == ["stock_buckets_50ms"]
    assert all(each.ratio for each in found)
    assert healed.check() == []
    assert healed.rows("select sum(available) as left, sum(reserved) as reserved from inventory.stock") == before


def test_what_waiting_for_the_replica_costs_is_measured_and_ends_with_the_measurement(healed: ShopClient) -> None:
    found = replication.measure(healed, lambda _: None, rounds=1, orders=12)
    assert [each.name for each in found] == ["replication_checkout", "replication_sql"]
    assert all(each.ratio for each in found)
    assert not healed.report()["replication"]["synchronous"]


def test_the_outage_of_each_way_to_lose_the_primary_is_measured_and_confirmed_orders_are_looked_for(
    healed: ShopClient,
) -> None:
    said: list[str] = []
    *outages, lost, risked = failover.measure(healed, said.append, rounds=1)
    assert [each.name for each in outages] == [f"failover_{way}" for way in failover.WAYS]
    assert all(0 < each.measured < 60 for each in outages)
    assert (lost.measured, lost.met, risked.met) == (0, True, None)
    assert lost.rounds[0].ours.more["orders"] > 10
    assert len(said) == len(failover.WAYS)
    assert all(flag["value"] == flag["default"] for flag in healed.flags())


def test_the_page_of_the_waiting_room_is_timed_at_the_gateway_and_no_sale_is_left(healed: ShopClient) -> None:
    before = healed.rows("select sku, sum(available)::int as left from inventory.stock group by sku order by sku")
    (found,) = room.measure(healed, lambda _: None, rounds=1, pages=40, people=10)
    (each,) = found.rounds
    assert (found.name, each.ours.more["pages"]) == ("room", 40)
    assert 0 < each.ours.more["median_ms"] <= found.measured
    assert healed.sale() is None and healed.check() == []
    assert (
        healed.rows("select sku, sum(available)::int as left from inventory.stock group by sku order by sku") == before
    )


def test_requests_are_measured_in_turn_with_and_without_the_layer_which_is_on_again_afterwards(
    healed: ShopClient,
) -> None:
    found = resilience.measure(healed, lambda _: None, rounds=1, requests=12)
    assert [each.name for each in found] == ["resilience_page", "resilience_checkout"]
    assert all(each.measured > 0 and each.ratio for each in found)
    assert all(flag["value"] == flag["default"] for flag in healed.flags())
