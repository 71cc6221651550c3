"""A cache node is lost while people fill their carts: refuse, keep one copy, or keep two and merge what they say?"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, LoadPlan, Number, Numbers, Probe, Row, Seen, View
from labs.replication.baskets import Shopper, add, look, remove
from labs.replication.cart_merge_text import TEACHING
from labs.shop import Shop

NODE, NODES = "memcached-1", 3
SHOPPERS = 90
TEA, CUP, POT = "tea-001", "cup-001", "pot-001"
WRITES = 2 * SHOPPERS
"""While the node is away everybody takes the cup out and puts a pot in."""
LEFT_ALONE_S = 3.0
"""So long the shop does not ask a cache node that has failed."""
FORGOTTEN_S = 1.0
VARIANTS = {
    "refuse": "both copies or no",
    "single": "one copy",
    "merge": "two, merged",
    "old": "old copy back",
    "forgotten": "... removals forgotten",
}
GONE = ('shop_degraded_total{what="cart_node_failed"}', 'shop_degraded_total{what="cart_node_left_alone"}')


def refuse(shop: Bench) -> None:
    """Write a cart only when both of its copies can be written. Kill a cache node while people shop."""
    shop.flag("cart.copies", "refuse")
    lose_a_node(shop, "refuse")


def single(shop: Bench) -> None:
    """Turn the knob: one copy is enough, wherever. The same node is killed, the same things are bought."""
    shop.flag("cart.copies", "single")
    lose_a_node(shop, "single")


def merge(shop: Bench) -> None:
    """Turn it again: two copies on any two nodes, merged when read. The same again."""
    shop.flag("cart.copies", "merge")
    lose_a_node(shop, "merge")


def old_copy(shop: Bench) -> None:
    """Merge still, but the node is only cut off: it comes back with carts as they were before."""
    cut_off(shop, "old")


def forgotten(shop: Bench) -> None:
    """Cut it off for longer than the shop remembers that something was removed."""
    shop.flag("cart.removals_s", FORGOTTEN_S)
    cut_off(shop, "forgotten")


def lose_a_node(shop: Bench, variant: str) -> None:
    go_shopping(shop, variant, "process_kill")


def cut_off(shop: Bench, variant: str) -> None:
    go_shopping(shop, variant, "cache_down")


def go_shopping(shop: Bench, variant: str, fault: str) -> None:
    """A tea and a cup into every cart; while the node is away the cup out and, a little later, a pot in; then look."""
    url, shoppers, before = shop.shop.url, [Shopper() for _ in range(SHOPPERS)], failed_to_answer(shop.shop)
    for sku in (TEA, CUP):
        add(url, shoppers, sku)
    refused_before = refused(shoppers)  # a node may be left alone because it was slow for a moment
    shop.fault(fault, NODE)
    remove(url, shoppers, CUP)
    pause(shop, FORGOTTEN_S + 0.2, "the shoppers have changed their minds")
    add(url, shoppers, POT)
    shop.note(f"{variant}_refused", refused(shoppers) - refused_before)
    count(shop, variant, shoppers)
    shop.note(f"{variant}_met", failed_to_answer(shop.shop) - before)
    shop.heal()
    pause(shop, LEFT_ALONE_S + 0.5, "the shop asks the node again")
    for name, number in zip(("lost", "back"), look(url, shoppers), strict=True):
        shop.note(f"{variant}_{name}", number)


def pause(shop: Bench, seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    shop.wait_until(lambda: time.monotonic() >= until, what)


def refused(shoppers: Sequence[Shopper]) -> int:
    return sum(shopper.refused for shopper in shoppers)


def count(shop: Bench, variant: str, shoppers: Sequence[Shopper]) -> None:
    """Before the node is back: whom the shop showed a cart with something missing, and what was removed."""
    shop.note(f"{variant}_emptied", sum(shopper.missed > 0 for shopper in shoppers))
    shop.note(f"{variant}_removed", sum(len(shopper.removed) for shopper in shoppers))


def failed_to_answer(shop: Shop) -> float:
    """How often a cart's node did not answer, or was not asked because it had just failed, so far."""
    told = shop.metrics("cart")
    return sum(told.get(name, 0.0) for name in GONE)


def measure(seen: Seen) -> Numbers:
    """For each variant: writes refused, carts shown with something missing, additions lost, removals undone."""
    n = dict(seen.facts)
    for variant in VARIANTS:
        n[f"{variant}_refused_percent"] = 100 * n[f"{variant}_refused"] / WRITES
        n[f"{variant}_emptied_percent"] = 100 * n[f"{variant}_emptied"] / SHOPPERS
        n[f"{variant}_back_percent"] = 100 * n[f"{variant}_back"] / max(1.0, n[f"{variant}_removed"])
    return n


def findings(n: Numbers) -> list[Finding]:
    """With all nodes there nothing is refused, lost or undone, whichever way carts are kept. That nothing went wrong
    shows something only where the same loss does harm to carts kept in another way.
    """
    emptied = n["single_emptied_percent"] >= 12
    return [
        Finding(
            claim="To insist on both copies keeps every cart right, and turns away everybody whose node is away",
            holds=emptied
            and n["refuse_lost"] == n["refuse_back"] == n["refuse_emptied"] == 0
            and 45 <= n["refuse_refused_percent"] <= 88,
            measured=f"{n['refuse_refused']:.0f} of {WRITES} writes refused, {n['refuse_lost']:.0f} additions lost",
            expected="45 to 88 % refused, none lost, where one copy empties 12 % of the carts or more",
        ),
        Finding(
            claim="With one copy nobody is refused, and the lost node empties the carts that were on it",
            holds=min(n["refuse_refused"], n["single_lost"]) > 0 == n["single_refused"]
            and emptied
            and n["single_emptied_percent"] <= 55,
            measured=f"{n['single_refused']:.0f} writes refused; {n['single_emptied']:.0f} of {SHOPPERS} shoppers were "
            f"shown a cart with something missing, {n['single_lost']:.0f} additions are lost for good",
            expected="none refused, where some were; 12 to 55 % of the carts, with additions lost",
        ),
        Finding(
            claim="With two copies and merging, the same loss costs no write, no addition and no removal",
            holds=emptied
            and n["merge_refused"] == n["merge_emptied"] == n["merge_lost"] == n["merge_back"] == 0 < n["merge_met"],
            measured=f"{n['merge_refused']:.0f} refused, {n['merge_lost']:.0f} lost, {n['merge_back']:.0f} undone; "
            f"{n['merge_met']:.0f} times the node did not answer",
            expected="none of each, with a node that did not answer; one copy empties 12 % of the carts or more",
        ),
        Finding(
            claim="A node that returns with old carts undoes no removal, as long as the others remember it",
            holds=n["old_refused"] == n["old_lost"] == n["old_back"] == 0 < min(n["old_met"], n["forgotten_back"]),
            measured=f"{n['old_back']:.0f} of {n['old_removed']:.0f} removals undone, {n['old_lost']:.0f} additions "
            "lost",
            expected="none of either, with a node that did not answer, and some undone once removals are forgotten",
        ),
        Finding(
            claim="Once removals are forgotten the removed items come back with it; additions are never lost",
            holds=45 <= n["forgotten_back_percent"] <= 88
            and n["forgotten_lost"] == n["forgotten_refused"] == 0 < n["forgotten_met"],
            measured=f"{n['forgotten_back']:.0f} of {n['forgotten_removed']:.0f} removals undone, "
            f"{n['forgotten_lost']:.0f} additions lost, {n['forgotten_refused']:.0f} writes refused; "
            f"{n['forgotten_met']:.0f} times the node did not answer",
            expected="45 to 88 % undone; none lost, none refused, with a node that did not answer",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """What one node of three means to carts with two copies, or with one."""
    two, one = 100 * formulas.kept_on_a_node(2, NODES), 100 * formulas.kept_on_a_node(1, NODES)
    return [
        Row(what="both copies or no: writes refused", unit="%", formula="copies / nodes", expected=two,
            measured=n["refuse_refused_percent"], question="refused"),
        Row(what="one copy: carts with something missing", unit="%", formula="copies / nodes", expected=one,
            measured=n["single_emptied_percent"], question="emptied"),
        Row(what="two, merged: writes refused", unit="%", formula="0: any living node will do", expected=0,
            measured=n["merge_refused_percent"]),
        Row(what="two, merged: additions lost", unit="items", formula="0: one copy is left", expected=0,
            measured=n["merge_lost"]),
        Row(what="old copy back: removals undone", unit="%", formula="0: the later line wins", expected=0,
            measured=n["old_back_percent"]),
        Row(what="old copy back, removals forgotten: undone", unit="%", formula="copies / nodes", expected=two,
            measured=n["forgotten_back_percent"], question="back"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """What it cost in writes, and what it cost in items."""
    names = list(VARIANTS.values())
    writes = {
        "refused": [n[f"{variant}_refused_percent"] for variant in VARIANTS],
    }
    items = {
        "lost": [n[f"{variant}_lost"] for variant in VARIANTS],
        "back": [n[f"{variant}_back"] for variant in VARIANTS],
    }
    return {
        "refused": plots.bars("While a cache node is away", "share of writes (%)", names, writes),
        "items": plots.bars(
            "When it is back: additions that are lost, removed items that are back", "items", names, items
        ),
    }


def carts_kept() -> Probe:
    """Whoever puts something into a cart finds it there."""
    return Probe(name="items missing from carts", measure=_missing, high=0)


def _missing(view: View) -> float:
    shoppers = [Shopper() for _ in range(20)]
    add(view.shop.url, shoppers, TEA)
    return float(look(view.shop.url, shoppers)[0] + sum(shopper.refused for shopper in shoppers))


HARM = ("additions are lost", "removed items are back", "both", "neither")


def _harm(n: Numbers) -> str:
    lost, back = n["forgotten_lost"] > 0, n["forgotten_back"] > 0
    return HARM[2] if lost and back else HARM[0] if lost else HARM[1] if back else HARM[3]


LAB = Lab(
    slug="cart-merge",
    topic="replication",
    title="The cart that always says yes",
    minutes=25,
    question="A cache node is lost while people fill their carts. Refuse, forget, or merge?",
    goal="why a cart may be wrong but never closed while an order may be closed but never wrong, and what merging two "
    "copies can and cannot keep.",
    map="""\
                        ┌──► memcached-1   ◄── lost, or cut off
shopper ──► cart-1, -2 ─┼──► memcached-2       each cart on two of the three,
   tea in, cup out,     └──► memcached-3       in an order of its own;
   pot in                                      a reader merges what they say""",
    predictions=(
        Number(
            id="refused",
            text="Each cart on two of three nodes, and a write counts only when both have it. One node is killed: "
            "which share of writes is refused?",
            unit="%",
            low=0,
            high=100,
            measured="refuse_refused_percent",
            factor=1.3,
        ),
        Number(
            id="emptied",
            text="One copy on one of three nodes. One is killed: which share of shoppers misses something?",
            unit="%",
            low=0,
            high=100,
            measured="single_emptied_percent",
            factor=1.5,
        ),
        Choice(
            id="harm",
            text="Two copies, merged. A node is cut off, and comes back when removals are forgotten. What is "
            "wrong then?",
            options=HARM,
            answer=_harm,
        ),
        Number(
            id="back",
            text="Of all items that were removed meanwhile: which share is back?",
            unit="%",
            low=0,
            high=100,
            measured="forgotten_back_percent",
            factor=1.3,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(250), carts_kept(), probes.invariants()),
    steady_load=LoadPlan(mix="products", rate=40, seconds=10, quick_seconds=3),
    load=LoadPlan(mix="products", rate=40, seconds=10, quick_seconds=3),
    prepare=(),
    method=(refuse, single, merge, old_copy, forgotten),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
)
