"""Shoppers, bots, and the plan that is made of them before the first request is sent."""

from collections import Counter
from itertools import groupby, islice, pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.load import shoppers as people
from labs.load.mixes import BOT_SHARE, MIXES, plan
from labs.load.request import BOT_ADDRESSES, Request
from labs.load.sample import BOT, BUYER
from labs.load.shoppers import Step, Visit, shoppers
from labs.load.twice import TRY_AGAIN_S
from labs.load.views import LOOK, views

SKUS = [f"sku-{number}" for number in range(50)]


def visits(count: int, seed: int = 1) -> list[Visit]:
    return list(islice(shoppers(Random(seed), SKUS), count))


def requests(mix: str, count: int) -> list[Request]:
    return [step.request for visit in islice(MIXES[mix](Random(1), SKUS), count) for step in visit]


def steps_of(visit: Visit) -> list[list[Request]]:
    """The requests of each moment."""
    return [[step.request for step in moment] for _, moment in groupby(visit, key=lambda step: step.at_s)]


def without_keys(steps: list[Step]) -> list[tuple[float, str, str]]:
    return [(step.at_s, step.request.path, step.request.client) for step in steps]


def test_a_shopper_walks_from_home_by_search_and_pages_to_the_cart_and_the_checkout() -> None:
    order = ["home", "search", "page", "cart", "checkout"]
    for visit in visits(200):
        kinds = [what for what, _ in groupby(step.request.what for step in visit)]
        assert kinds == order[: len(kinds)] and len(kinds) >= 3


def test_a_shopper_keeps_one_address_and_one_cart_through_the_visit_and_buys_what_is_in_it() -> None:
    for visit in visits(200):
        carts = {step.request.headers["Cookie"] for step in visit if step.request.what != "checkout"}
        assert len({step.request.client for step in visit}) == len(carts) == 1
        bought = {step.request.body["items"][0]["sku"] for step in visit if step.request.what == "checkout"}  # type: ignore[index]
        assert bought <= {step.request.path.split("/")[-1] for step in visit if step.request.what == "cart"}


def test_shoppers_leave_abandon_and_double_click_in_the_stated_shares() -> None:
    whats = [Counter(step.request.what for step in visit) for visit in visits(8000)]
    filled = sum(what["cart"] for what in whats)
    bought, twice = sum(what["checkout"] > 0 for what in whats), sum(what["checkout"] > 1 for what in whats)
    assert 1 - filled / len(whats) == pytest.approx(people.JUST_LOOKS, abs=0.03)
    assert 1 - bought / filled == pytest.approx(people.ABANDONS, abs=0.03)
    assert twice / bought == pytest.approx(people.DOUBLE_CLICKS, abs=0.04)


def test_only_a_double_click_is_two_requests_at_once_and_both_have_the_same_key() -> None:
    at_once = [clicks for visit in visits(2000) for clicks in steps_of(visit) if len(clicks) > 1]
    assert at_once and all(len(clicks) == 2 for clicks in at_once)
    assert all(one.what == "checkout" and one.headers == other.headers for one, other in at_once)


def test_think_times_are_exponential_and_have_an_end() -> None:
    random = Random(5)
    times = [people.think(random) for _ in range(20_000)]
    assert fmean(times) == pytest.approx(people.THINK_S, rel=0.05) and max(times) <= 10 * people.THINK_S
    assert sum(time > people.THINK_S for time in times) / len(times) == pytest.approx(0.368, abs=0.02)  # 1/e


def test_who_sends_twice_sends_the_same_at_once_or_later_than_the_shop_waits_for_payments() -> None:
    sent = list(islice(MIXES["twice"](Random(1), SKUS), 40))
    assert all(one.request == other.request for one, other in sent)
    assert [other.at_s - one.at_s for one, other in sent] == [0.0, TRY_AGAIN_S] * 20
    assert len({one.request.headers["Idempotency-Key"] for one, _ in sent}) == 40


@given(st.sampled_from(list(MIXES)), st.integers(0, 99))
def test_the_same_seed_makes_the_same_plan_and_it_is_in_order_and_within_the_time(mix: str, seed: int) -> None:
    arrivals = [number / 10 for number in range(50)]
    steps = plan(mix, arrivals, 5.0, seed, SKUS)
    assert without_keys(steps) == without_keys(plan(mix, arrivals, 5.0, seed, SKUS))
    assert all(a.at_s <= b.at_s for a, b in pairwise(steps)) and steps[-1].at_s < 5.0


def test_a_plan_holds_each_visit_at_its_arrival_as_far_as_the_load_lasts() -> None:
    drawn, arrivals = visits(30, seed=3), [float(number) for number in range(30)]
    due = [at + step.at_s for at, visit in zip(arrivals, drawn, strict=True) for step in visit]
    assert [step.at_s for step in plan("shoppers", arrivals, 30.0, 3, SKUS)] == sorted(at for at in due if at < 30.0)


@pytest.mark.parametrize("mix", ["browse", "products", "checkout", "sale", "bots", "rush"])
def test_in_a_mix_of_single_requests_every_arrival_is_one(mix: str) -> None:
    assert [step.at_s for step in plan(mix, [0.0, 0.5, 0.7], 1.0, 1, SKUS)] == [0.0, 0.5, 0.7]


def test_bots_come_from_few_addresses_in_networks_of_their_own_and_want_the_hottest_items_only() -> None:
    made = requests("bots", 2000)
    assert {request.client for request in made} == set(BOT_ADDRESSES)
    assert len({address.rsplit(".", 1)[0] for address in BOT_ADDRESSES}) == len(BOT_ADDRESSES)
    assert all(any(sku in f"{request.path} {request.body}" for sku in SKUS[:3]) for request in made)
    assert {request.kind for request in made} == {BOT}


def test_in_a_rush_a_share_of_the_requests_is_from_bots_and_all_others_are_from_people() -> None:
    kinds = Counter(request.kind for request in requests("rush", 4000))
    assert kinds[BOT] / 4000 == pytest.approx(BOT_SHARE, abs=0.03)
    assert set(kinds) == {BOT, BUYER}
    assert {request.kind for mix in ("sale", "shoppers") for request in requests(mix, 100)} == {BUYER}


def test_scalpers_send_six_requests_for_each_fans_visit_and_come_from_elsewhere() -> None:
    crowd = [visit for visit in islice(MIXES["scalpers"](Random(1), SKUS), 700)]
    kinds = Counter(visit[0].request.kind for visit in crowd)
    addresses = {
        kind: {step.request.client for visit in crowd for step in visit if step.request.kind == kind} for kind in kinds
    }
    assert kinds == {BUYER: 100, BOT: 600}
    assert addresses[BOT] == set(BOT_ADDRESSES) and not addresses[BUYER] & set(BOT_ADDRESSES)


def test_a_fan_buys_one_piece_from_one_address_and_scalpers_grab_three_with_one_card() -> None:
    fan = next(MIXES["fans"](Random(1), SKUS))
    assert len({step.request.client for step in fan}) == 1
    bodies = [request.body for request in requests("scalpers", 700) if request.what == "checkout"]
    wishes = {(body["items"][0]["quantity"], body["payment"]["token"]) for body in bodies}  # type: ignore[index]
    assert wishes == {(1, "tok_ok"), (3, "tok_ok_scalper")}


def test_what_fans_and_scalpers_search_for_nobody_has_searched_for() -> None:
    searches = [request.path for request in requests("scalpers", 700) if request.what == "search"]
    assert len(set(searches)) == len(searches) > 400


def test_who_looks_at_a_product_loads_the_strip_a_moment_after_the_page() -> None:
    seen = [[(step.at_s, step.request.what) for step in visit] for visit in islice(views(Random(1), SKUS), 4000)]
    looks = [visit for visit in seen if visit[0][1] == "page"]
    assert all([what for _, what in visit] == ["page", "strip"] and visit[1][0] > visit[0][0] for visit in looks)
    assert len(looks) / len(seen) == pytest.approx(LOOK, abs=0.03)
    assert {visit[0][1] for visit in seen} == {"page", "search", "basket", "pay"}
