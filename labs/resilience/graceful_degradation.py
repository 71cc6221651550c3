"""A page is made of parts, and parts fail. Does a page fail with any of them, or only lose what failed?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.load.sample import Sample
from labs.resilience.graceful_degradation_text import TEACHING

STOCK_FAILS, STRIP_FAILS = 20, 25
"""Percent of the answers."""
PARTS = {"stock": "stock", "strip": "recommendations"}
REST = ("search", "basket", "pay")
PHASES = ("before", "needed", "optional", "frozen_needed", "frozen_optional")
LOAD = LoadPlan(mix="views", rate=30, seconds=20, quick_seconds=7)
MANY = replace(LOAD, quick_seconds=10)
"""In quick mode 190 pages, or chance would not tell 60 % from 75 %, which is the worst part."""
SHORT = replace(LOAD, seconds=10, quick_seconds=5)
UNNOTICED_MS = 250
"""A p95 below it counts as unchanged: so much a busy machine adds by itself. A phase has some eighty pages in quick
mode: enough for a p95, while its p99 would be the slowest page.
"""
FLOOR_MS = 100
"""A p90 below it counts as unchanged: less than the 0.15 s that an optional part is waited for."""


def before(shop: Bench) -> None:
    """See how pages are while every part works."""
    shop.load("before", SHORT)


def needed(shop: Bench) -> None:
    """Let a page need all its parts, as it does if nobody thinks of it, and let two of them fail now and then.

    Nobody tries twice, so that what is measured is composition and nothing else.
    """
    shop.flag("storefront.retries", 0)
    shop.flag("storefront.fallbacks", False)
    shop.fault("http_abort", "recommendations-1", httpStatus=503, percentage=STRIP_FAILS)
    for number in (1, 2):
        shop.fault("http_abort", f"inventory-{number}", httpStatus=503, percentage=STOCK_FAILS)
    shop.load("needed", MANY)


def optional(shop: Bench) -> None:
    """Turn one knob: a page does without stock and recommendations when they fail or are late. Parts fail as before."""
    shop.flag("storefront.fallbacks", True)
    counted(shop, "optional", MANY)
    shop.heal()
    shop.flag("storefront.retries", "default")


def frozen_needed(shop: Bench) -> None:
    """Freeze recommendations, which nobody needs for buying, and let pages need them all the same."""
    shop.flag("storefront.fallbacks", False)
    shop.fault("process_pause", "recommendations-1")
    shop.load("frozen_needed", SHORT)


def frozen_optional(shop: Bench) -> None:
    """Turn the same knob while they are still frozen."""
    shop.flag("storefront.fallbacks", True)
    counted(shop, "frozen_optional", SHORT)


def counted(shop: Bench, phase: str, plan: LoadPlan) -> None:
    """Load, and note how many percent of the pages and strips were shown without the part that fails."""
    already = missing(shop)
    samples = shop.load(phase, plan).samples
    for part, asked in {"stock": "page", "strip": "strip"}.items():
        count = sum(sample.what == asked for sample in samples)
        shop.note(f"{phase}_no_{part}", 100 * (missing(shop)[part] - already[part]) / max(count, 1))


def missing(shop: Bench) -> dict[str, float]:
    """How often the storefront has left each part out so far."""
    metrics = shop.shop.metrics("storefront")
    return {part: metrics.get(f'shop_degraded_total{{what="{name}"}}', 0.0) for part, name in PARTS.items()}


def measure(seen: Seen) -> Numbers:
    """`_ok`: percent of product pages that came, `_rest`: of everything else that is asked for; `_p90_ms`, `_p95_ms`:
    of product pages; `_no_...`: percent without that part; `beside`: percent of the rest, all together, that came while
    pages needed the frozen part.
    """
    n = dict(seen.facts)
    for phase in PHASES:
        pages = seen[phase].select(what="page")
        n[f"{phase}_ok"] = came(pages.waited_for)
        n[f"{phase}_p90_ms"], n[f"{phase}_p95_ms"] = (pages.latency.percentile(p) for p in (90, 95))
        n[f"{phase}_rest"] = min(came(seen[phase].select(what=what).waited_for) for what in REST)
    return n | {
        "beside": came([sample for sample in seen["frozen_needed"].waited_for if sample.what in REST]),
        "composed": 100 * formulas.availability_of_all(1 - STOCK_FAILS / 100, 1 - STRIP_FAILS / 100),
        "times_optional": times(n["frozen_optional_p90_ms"], n["before_p90_ms"]),
    }


def times(p90_ms: float, before_ms: float) -> float:
    """How many times what it was; 1 for less than it was, or than `FLOOR_MS`: a busy machine is busy before, too."""
    return max(p90_ms, before_ms, FLOOR_MS) / max(before_ms, FLOOR_MS)


def came(samples: list[Sample]) -> float:
    """Percent that were answered well."""
    return 100 * sum(sample.outcome == "ok" for sample in samples) / max(len(samples), 1)


def findings(n: Numbers) -> list[Finding]:
    """Each needs parts that fail: those that pages do without are missed where pages need them."""
    limit_ms = max(1.3 * n["before_p95_ms"], UNNOTICED_MS)
    missed, down = n["needed_ok"] - n["composed"] <= 12, n["frozen_needed_ok"] <= 25
    return [
        Finding(
            claim="What a page needs multiplies: with parts that answer 80 and 75 times of 100, some 60 pages come",
            holds=missed and n["needed_ok"] - n["composed"] >= -20,
            measured=f"{n['needed_ok']:.0f} % of pages came",
            expected=f"{n['composed']:.0f} %, at most 12 more and 20 less",
        ),
        Finding(
            claim="With the same failures every page comes if it may do without them: only the parts are missing",
            holds=missed and n["optional_ok"] >= 99 and min(n["optional_no_stock"], n["optional_no_strip"]) >= 10,
            measured=f"{n['optional_ok']:.0f} % came, {n['optional_no_stock']:.0f} % of them without stock; "
            f"{n['optional_no_strip']:.0f} % of the strips said that they cannot be filled",
            expected="at least 99 %; at least 10 % without stock and 10 % of the strips; when both were needed at most "
            f"{n['composed'] + 12:.0f} % came",
        ),
        Finding(
            claim="A frozen extra that pages need takes them down, and people wait for an error",
            holds=down and n["frozen_needed_p95_ms"] >= 2 * n["before_p95_ms"],
            measured=f"{n['frozen_needed_ok']:.0f} % of pages came; p95 {n['frozen_needed_p95_ms']:.0f} ms instead of "
            f"{n['before_p95_ms']:.0f} ms",
            expected="at most 25 %; at least twice the p95",
        ),
        Finding(
            claim="With the fallback pages are as many and as fast as before, and only the strip fades",
            holds=down
            and n["frozen_optional_ok"] >= 99
            and n["frozen_optional_p95_ms"] <= limit_ms
            and n["frozen_optional_no_strip"] >= 90,
            measured=f"{n['frozen_optional_ok']:.0f} % came, p95 {n['frozen_optional_p95_ms']:.0f} ms; "
            f"{n['frozen_optional_no_strip']:.0f} % of the strips faded",
            expected=f"at least 99 %, p95 at most {limit_ms:.0f} ms; at least 90 % faded; without the "
            "fallback at most 25 %",
        ),
        Finding(
            claim="Search, basket and checkout never needed the part: they came, also while product pages did not",
            holds=down and n["beside"] >= 60 and min(n["frozen_optional_rest"], n["optional_rest"]) >= 99,
            measured=f"{n['beside']:.0f} % of them came while product pages came in {n['frozen_needed_ok']:.0f} %; "
            f"with the fallback the worst of them in {min(n['frozen_optional_rest'], n['optional_rest']):.0f} %",
            expected="at least 60 % (they share threads with pages that wait), product pages at most 25 %; with it "
            "at least 99 %",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement."""
    return [
        Row(what="pages that come, both parts needed", unit="%", formula="product of the parts' availabilities",
            expected=n["composed"], measured=n["needed_ok"], question="composed"),
        Row(what="pages that come, both parts optional", unit="%", formula="availability of what is still needed",
            expected=100, measured=n["optional_ok"]),
        Row(what="pages without stock", unit="%", formula="1 - availability of stock", expected=STOCK_FAILS,
            measured=n["optional_no_stock"]),
        Row(what="strips that stay empty", unit="%", formula="1 - availability of recommendations",
            expected=STRIP_FAILS, measured=n["optional_no_strip"]),
        Row(what="pages that come, a frozen part needed", unit="%", formula="product with a zero in it",
            expected=0, measured=n["frozen_needed_ok"]),
        Row(what=f"p90 with a frozen part, optional / before (both from {FLOOR_MS} ms on)", unit="times",
            formula="nobody waits for it", expected=1, measured=n["times_optional"], question="times"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """How many pages came, and what waiting was like."""
    groups = ["flaky parts", "a frozen part"]
    phases = {"before": ("before", "before")} | {each: (each, f"frozen_{each}") for each in ("needed", "optional")}
    ok = {title: [n[f"{phase}_ok"] for phase in each] for title, each in phases.items()}
    slow = {title: [n[f"{phase}_p95_ms"] for phase in each] for title, each in phases.items()}
    return {
        "came": plots.bars("Product pages that came", "% of what was asked for", groups, ok),
        "p95": plots.bars("The slowest page in twenty", "ms (p95)", groups, slow),
    }


def _frozen(n: Numbers) -> str:
    if n["frozen_needed_ok"] < 50:
        return "mostly an error page"
    return "the page, but late" if n["frozen_needed_p95_ms"] > 2 * n["before_p95_ms"] else "the page, as fast as before"


LAB = Lab(
    slug="graceful-degradation",
    topic="resilience",
    title="Graceful degradation",
    minutes=25,
    question="An extra that nobody needs for buying fails, then freezes. Is the page gone, or only the extra?",
    goal="how the availability of a page follows from its parts, and what turns a needed part into an optional one.",
    map="""\
                              ┌─ catalogue        always needed
product page ◄── storefront ──┼─ stock            fails 1 time in 5 ────┐ needed, or may be
                              └─ recommendations  1 time in 4, freezes ─┘ missing: one knob
search, basket, checkout ◄── storefront""",
    predictions=(
        Number(
            id="composed",
            text="Stock answers 80 times of 100, recommendations 75 times. A page needs both. How many pages of 100 "
            "come?",
            unit="%",
            low=0,
            high=100,
            measured="needed_ok",
            factor=1.2,
        ),
        Choice(
            id="frozen",
            text="Recommendations freeze: they take questions and never answer. Pages need them, and wait 1.5 s at "
            "most. What does somebody get who looks at a product?",
            options=("the page, as fast as before", "the page, but late", "mostly an error page"),
            answer=_frozen,
        ),
        Number(
            id="times",
            text="They are still frozen, but pages may do without them. The p90 of product pages is how many times "
            f"what it was before? (Below {FLOOR_MS} ms, or less than before, counts as unchanged.)",
            unit="times",
            low=0,
            high=100,
            measured="times_optional",
            factor=1.6,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1000), probes.invariants()),
    steady_load=LoadPlan(mix="views", rate=15, seconds=10, quick_seconds=3),
    load=LOAD,
    prepare=(),
    method=(before, needed, optional, frozen_needed, frozen_optional),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(samples=150),
)
