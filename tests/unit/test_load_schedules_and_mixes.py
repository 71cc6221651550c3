import math
from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.load import constant, named, poisson, ramp, sale, spike, step
from labs.load.mixes import find
from labs.load.request import NETWORKS, Request
from labs.load.schedule import NAMES, sale_curve
from services.migrate.seed import products

SKUS = [f"sku-{number}" for number in range(50)]


def take(mix: str, count: int, seed: int = 1) -> list[Request]:
    """The first requests of a mix of single ones."""
    return [request for ((_, request),) in islice(find(mix)(Random(seed), SKUS), count)]


@given(st.sampled_from(NAMES), st.floats(10, 200), st.floats(5, 20), st.integers(0, 99))
def test_every_schedule_is_ascending_within_its_time_and_repeats_by_its_seed(
    name: str, rate: float, seconds: float, seed: int
) -> None:
    schedule = named(name, rate, seconds, seed)
    assert all(a <= b for a, b in pairwise(schedule.arrivals))
    assert 0 <= schedule.arrivals[0] and schedule.arrivals[-1] < schedule.duration_s + 1e-6
    assert schedule == named(name, rate, seconds, seed)


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert constant(4, 1).arrivals == (0.0, 0.25, 0.5, 0.75)


def test_poisson_arrivals_have_the_asked_rate_and_gaps_that_vary() -> None:
    schedule = poisson(100, 100, seed=3)
    gaps = [b - a for a, b in pairwise(schedule.arrivals)]
    assert schedule.rate == pytest.approx(100, rel=0.05)
    assert sum(gap < 0.01 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.03)  # 1 - 1/e


def test_a_step_ends_at_the_rate_and_a_spike_is_five_times_it() -> None:
    stairs, peak = step(100, 50, seed=1), spike(20, 50, seed=1)
    assert sum(at >= 40 for at in stairs.arrivals) == pytest.approx(1000, rel=0.15)
    assert sum(20 <= at < 30 for at in peak.arrivals) == pytest.approx(1000, rel=0.15)


def test_a_ramp_climbs_in_a_straight_line_and_stays() -> None:
    arrivals = ramp(100, 20, 50, seed=1).arrivals
    phases = [sum(begin <= at < end for at in arrivals) for begin, end in ((0, 10), (10, 20), (20, 50))]
    assert phases == pytest.approx([250, 750, 3000], rel=0.15)
    assert len(ramp(100, 0, 10, seed=1).arrivals) == pytest.approx(1000, rel=0.15)


def test_a_sale_is_quiet_then_gathers_then_jumps_and_fades_to_a_plateau() -> None:
    day = sale(100, 100, seed=1).arrivals
    phases = [sum(begin <= at < end for at in day) for begin, end in ((0, 20), (20, 40), (40, 50), (80, 100))]
    expected = [2000, 3000, 2000 + 3000 * (1 - math.exp(-1)), 4047]
    assert phases == pytest.approx(expected, rel=0.1)


def test_the_curve_of_a_sale_jumps_at_the_doors_only() -> None:
    values = [sale_curve(part / 1000) for part in range(1001)]
    jumps = [part for part, (before, after) in enumerate(pairwise(values), 1) if abs(after - before) > 0.1]
    assert jumps == [400] and max(values) == values[400] == 5.0


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (1, 0), (1_000_000, 60), (1, 4000)])
def test_a_load_is_bounded_in_count_and_time(rate: float, seconds: float) -> None:
    with pytest.raises(ValueError):
        constant(rate, seconds)


def test_products_are_wanted_unevenly() -> None:
    wanted = Counter(request.path for request in take("products", 5000))
    (_, most), *_, (_, least) = wanted.most_common()
    assert most > 10 * least


def test_a_hot_key_is_wanted_as_often_as_was_said() -> None:
    (hot, of_it), *_ = Counter(request.path for request in take("hot_key:coffee-001:80", 1000)).most_common()
    assert hot == "/api/catalog/products/coffee-001"
    assert of_it == pytest.approx(800, rel=0.1)


@pytest.mark.parametrize(("name", "why"), [("hot", r"browse.*hot_key:SKU:PERCENT"), ("hot_key:tea-001:many", "many")])
def test_a_mix_that_is_none_is_refused_before_anybody_is_sent_and_the_others_are_named(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        find(name)


def test_everybody_buys_the_hot_item_each_with_a_key_of_their_own() -> None:
    wanted = take("hot_item:pot-020", 30)
    assert {request.body["items"][0]["sku"] for request in wanted} == {"pot-020"}  # type: ignore[index]
    assert len({request.headers["Idempotency-Key"] for request in wanted}) == 30


def test_browsing_never_writes_and_checking_out_always_does() -> None:
    assert {request.method for request in take("browse", 300)} == {"GET"}
    assert {(request.method, request.path) for request in take("checkout", 50)} == {("POST", "/api/orders")}


def test_checking_out_for_hours_sells_out_no_product_of_the_shop() -> None:
    shelf = {product.sku: product.stock for product in products()}
    visits = islice(find("checkout")(Random(1), list(shelf)), 3000)
    bought = Counter(request.body["items"][0]["sku"] for ((_, request),) in visits)  # type: ignore[index]
    assert min(shelf[sku] / times for sku, times in bought.items()) > 10


def test_the_sale_is_mostly_looking_with_half_of_it_at_one_item() -> None:
    sale = take("sale", 4000)
    kinds = Counter(request.what for request in sale)
    assert kinds["checkout"] < kinds["cart"] < kinds["product"]
    assert sum("sku-0" in f"{request.path} {request.body}" for request in sale) > 1600


def test_clients_come_from_many_networks() -> None:
    assert len({request.client.split(".")[2] for request in take("browse", 2000)}) == NETWORKS
