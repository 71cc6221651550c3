"""Messages that no worker can work on. What do they cost when they are requeued for ever, and what when retries end?"""

import time
from collections.abc import Mapping
from statistics import median
from typing import Any

from labs import formulas, plots, probes
from labs.engine.bench import Bench
from labs.lab import Choice, Finding, Lab, Limits, LoadPlan, Number, Numbers, Row, Seen
from labs.queueing import parcels
from labs.queueing.poison_message_text import TEACHING
from labs.shop import Shop

RATE = 12.0
PACK_S = 0.02
POISON = 60
WAITS_S = (1.0, 2.0, 4.0)
QUEUE = "fulfilment"
DEAD, LATER = f"{QUEUE}.dead", tuple(f"{QUEUE}.later.{wait_s * 1000:.0f}ms" for wait_s in WAITS_S)
CALM = LoadPlan(mix="checkout", rate=RATE, seconds=10, quick_seconds=4)
SHIPPED = "select count(*) as orders from orders.orders where status = 'shipped' and order_id = any('{{{orders}}}')"
REFUSED = LoadPlan(mix="checkout", rate=RATE, seconds=6, quick_seconds=3, warm_up_s=0)


def a_warehouse(shop: Bench) -> None:
    """Let packing take 20 ms; whatever dies in this lab is put back at its end."""
    shop.at_last("redeliver", QUEUE)
    shop.flag("fulfilment.pack_ms", PACK_S * 1000)


def poison(shop: Bench) -> None:
    """Have a failed message requeued at once, then put 60 messages into the queue that fail every time."""
    shop.flag("fulfilment.retry", "requeue_forever")
    shop.fault("poison_message", "rabbitmq", count=POISON, queue=QUEUE)


def requeued_for_ever(shop: Bench) -> None:
    """Sell meanwhile, and count how often the poison is delivered."""
    before, began = settled(shop), time.monotonic()
    with shop.watching("work", lambda s: s.queues()[QUEUE]):
        shop.load("requeue")
        counts, seconds = settled(shop), time.monotonic() - began
    shop.note("requeue_seconds", seconds)
    shop.note("requeue_deliveries", counts["requeued"] - before["requeued"])
    shop.note("requeue_good", counts["done"] - before["done"])


def limited_retries(shop: Bench) -> None:
    """Turn one knob: three more tries, 1, 2 and 4 s later, then the dead-letter queue. The poison is the same."""
    poisonous = sum(fault["params"]["count"] for fault in shop.faults)
    before, began = settled(shop), time.monotonic()
    shop.flag("fulfilment.retry", "limited")
    with shop.watching("later", waiting_for_a_retry), shop.loading("limited"):
        with shop.watching("dead", lambda s: s.queues()[DEAD]):
            shop.wait_until(lambda: settled(shop)["dead"] - before["dead"] >= poisonous, "all poison is dead", 30)
            shop.note("limited_seconds", time.monotonic() - began)
    counts = settled(shop)
    shop.note("limited_dead", counts["dead"] - before["dead"])
    shop.note("limited_deliveries", counts["retried"] - before["retried"] + shop.facts["limited_dead"])


def without_poison(shop: Bench) -> None:
    """The poison is out of the way: how late are parcels now?"""
    with shop.watching("later", waiting_for_a_retry), shop.watching("dead", lambda s: s.queues()[DEAD]):
        shop.load("calm", CALM)
    parcels.all_packed(shop)
    shop.series["delay"] = list(parcels.delays(shop.shop, shop.phases["steady_before"].load.started_at))


def a_bad_release(shop: Bench) -> None:
    """Now good orders die: orders refuses to hear that anything is shipped, for longer than the tries last."""
    for replica in ("orders-1", "orders-2"):
        shop.fault("http_abort", replica, httpStatus=400, path="/internal/orders")
    before = shop.shop.queues()[DEAD]
    shop.load("refused", REFUSED)
    dead_or_shipped = lambda: shop.shop.queues()[DEAD] - before == parcels.waiting(shop.shop)  # noqa: E731
    shop.wait_until(dead_or_shipped, "every order is shipped or dead", timeout_s=40)


def put_back(shop: Bench) -> None:
    """The cause is gone, of both: undo the faults, put the dead letters back, count who is shipped."""
    shop.heal()
    shop.note("dead_orders", shop.shop.queues()[DEAD])
    shop.note("put_back", shop.redeliver(QUEUE))
    parcels.all_packed(shop)
    orders = ",".join(shop.phases["refused"].load.confirmed)
    shop.note("refused_shipped", shop.shop.rows(SHIPPED.format(orders=orders))[0]["orders"])
    shop.note("dead_in_the_end", shop.shop.queues()[DEAD])


def waiting_for_a_retry(shop: Shop) -> float:
    """How many messages wait for another try."""
    queues = shop.queues()
    return float(sum(queues[name] for name in LATER))


def settled(shop: Bench) -> dict[str, float]:
    """How often fulfilment has settled a message in each of the ways there are."""
    counted = shop.shop.metrics("fulfilment")
    words = ("done", "requeued", "retried", "dead")
    return {word: counted.get(f'shop_consumed_total{{outcome="{word}",queue="{QUEUE}"}}', 0.0) for word in words}


def measure(seen: Seen) -> Numbers:
    """`_ms`: median from paying to the parcel, of a phase's good orders; `_try_ms`: what one try at poison costs."""
    n = dict(seen.facts)
    delay = seen.series["delay"]
    for name in ("steady_before", "requeue", "limited", "calm"):
        load = seen[name]
        late = parcels.between(delay, load.started_at + load.samples[0].intended_s, load.started_at + load.duration_s)
        n |= {f"{name}_ms": 1000 * median(late or [0.0]), f"{name}_checkout_ms": load.latency.percentile(50)}
    n["usual_ms"] = min(n["steady_before_ms"], n["calm_ms"])
    n["requeue_per_s"] = n["requeue_deliveries"] / n["requeue_seconds"]
    tries = n["requeue_deliveries"] + n["requeue_good"]
    n["requeue_try_ms"] = 1000 * (n["requeue_seconds"] - n["requeue_good"] * PACK_S) / max(tries, 1)
    n["refused"] = seen["refused"].outcomes["ok"]
    return n | {"shipped_percent": 100 * n["refused_shipped"] / max(n["refused"], 1)}


def round_ms(n: Numbers) -> float:
    """How long a good order waits for the poison in front of it, in milliseconds."""
    try_s = n["requeue_try_ms"] / 1000
    return 1000 * formulas.wait_behind_poison(POISON, try_s, RATE, PACK_S + try_s)


def findings(n: Numbers) -> list[Finding]:
    """Each counts messages that only a fault makes."""
    tries = POISON * (1 + len(WAITS_S))
    return [
        Finding(
            claim="Requeued at once, poison is delivered again and again: the worker does hardly anything else",
            holds=n["requeue_deliveries"] >= 3 * POISON and n["requeue_deliveries"] >= 3 * n["requeue_good"],
            measured=f"{n['requeue_deliveries']:.0f} deliveries of {POISON} messages in {n['requeue_seconds']:.0f} s, "
            f"beside {n['requeue_good']:.0f} good ones",
            expected="three for each message, and three for each good one, at least; no end in sight",
        ),
        Finding(
            claim="Good orders wait behind it: their parcels are late, and on time again when it is out of the way",
            holds=n["requeue_deliveries"] >= 3 * POISON and n["requeue_ms"] - n["usual_ms"] >= round_ms(n) / 2,
            measured=f"median from paying to the parcel {n['requeue_ms']:.0f} ms; {n['limited_ms']:.0f} ms while the "
            f"retries lasted, {n['calm_ms']:.0f} ms after that, {n['steady_before_ms']:.0f} ms before it all",
            expected=f"with three deliveries for each message, at least half a round of the poison later: "
            f"{round_ms(n) / 2:.0f} ms",
        ),
        Finding(
            claim="With a limit each is tried four times and then lies in the dead-letter queue",
            holds=n["limited_dead"] == POISON and tries <= n["limited_deliveries"] <= 1.1 * tries,
            measured=f"{n['limited_dead']:.0f} dead letters after {n['limited_deliveries']:.0f} deliveries",
            expected=f"{POISON} after {tries}",
        ),
        Finding(
            claim="Dead is not lost: when the cause is gone, the letters are put back and every order is shipped",
            holds=0 < n["refused"] <= n["dead_orders"] == n["put_back"]
            and n["dead_in_the_end"] == 0
            and n["refused_shipped"] == n["refused"],
            measured=f"{n['refused']:.0f} orders refused, {n['dead_orders']:.0f} dead letters, {n['put_back']:.0f} put "
            f"back, {n['dead_in_the_end']:.0f} dead in the end, {n['refused_shipped']:.0f} orders shipped",
            expected="every refused order dead, as many put back as died, none dead in the end, every order shipped",
        ),
    ]


def rows(n: Numbers) -> list[Row]:
    """Formula and measurement, in the order of the run."""
    return [
        Row(what="requeued at once: deliveries of poison", unit="/s", formula="(1 - λs) / t",
            expected=(1 - RATE * (PACK_S + n["requeue_try_ms"] / 1000)) * 1000 / max(n["requeue_try_ms"], 0.1),
            measured=n["requeue_per_s"], question="requeued"),
        Row(what="requeued at once: median from paying to the parcel", unit="ms", formula="usual + P·t / (1 - λs)",
            expected=n["usual_ms"] + round_ms(n), measured=n["requeue_ms"]),
        Row(what="limited: deliveries of poison in all", unit="messages", formula="P · (1 + retries)",
            expected=POISON * (1 + len(WAITS_S)), measured=n["limited_deliveries"], question="limited"),
        Row(what="limited: until the last is dead", unit="s", formula="the waits added up", expected=sum(WAITS_S),
            measured=n["limited_seconds"]),
        Row(what="dead letters of good orders", unit="messages", formula="orders confirmed while refused",
            expected=n["refused"], measured=n["dead_orders"]),
        Row(what="refused orders, shipped in the end", unit="%", formula="all: each confirmed before it leaves",
            expected=100, measured=n["shipped_percent"], question="shipped"),
    ]  # fmt: skip


def draw(seen: Seen, n: Numbers) -> Mapping[str, Any]:
    """How late each parcel was, how often poison was delivered, where the poison was."""
    delay = [(at, 1000 * late) for at, late in seen.series["delay"]]
    poisoned, split = seen["requeue"].started_at, seen["limited"].started_at
    late = {
        "before": [point for point in delay if point[0] < poisoned],
        "requeued at once": [point for point in delay if poisoned <= point[0] < split],
        "limited": [point for point in delay if point[0] >= split],
    }
    places = {"work queue": "work", "waiting for a retry": "later", "dead": "dead"}
    where = {name: seen.series[key] for name, key in places.items()}
    deliveries = {"deliveries": [n["requeue_deliveries"], n["limited_deliveries"]]}
    return {
        "parcels": plots.curves("How late each parcel was, by when it was ordered", "milliseconds", late, late),
        "deliveries": plots.bars("Deliveries of the same poison", "deliveries",
                                 ["requeued at once", "limited"], deliveries),
        "where": plots.curves("Where the messages wait", "messages", where),
    }  # fmt: skip


LATE = ("both the checkout and the parcels", "only the parcels", "neither")


def _who_waits(n: Numbers) -> str:
    if n["requeue_ms"] < 2 * n["usual_ms"]:
        return LATE[2]
    return LATE[0] if n["requeue_checkout_ms"] >= 2 * n["calm_checkout_ms"] else LATE[1]


LAB = Lab(
    slug="poison-message",
    topic="queueing",
    title="Poison messages and dead letters",
    minutes=25,
    question="Some messages fail every time they are tried. What becomes of them, and of the orders behind them?",
    goal="what endless redelivery costs, what a limit and a dead-letter queue change, and how dead letters come back.",
    map="""\
orders' outbox ─► relay ─► fulfilment (queue) ─► worker ─► parcel
                                ▲   ◄── 60 messages on which every try fails
   at once, for ever, or 1, 2 and 4 s later, three times
                                └─► fulfilment.dead ─► put back by hand""",
    predictions=(
        Number(
            id="requeued",
            text=f"{POISON} poison messages, requeued at once: how many deliveries of poison a second?",
            unit="/s",
            low=0,
            high=100_000,
            measured="requeue_per_s",
            factor=2.0,
        ),
        Choice(
            id="who_waits",
            text="What is late meanwhile?",
            options=LATE,
            answer=_who_waits,
        ),
        Number(
            id="limited",
            text="One try and three retries: how many deliveries of poison in all?",
            unit="messages",
            low=0,
            high=100_000,
            measured="limited_deliveries",
            factor=1.1,
        ),
        Number(
            id="shipped",
            text="Good orders die, too, while a peer refuses them. Which share of them is shipped in the end?",
            unit="%",
            low=0,
            high=100,
            measured="shipped_percent",
            factor=1.05,
        ),
    ),
    steady_state=(probes.all_ready(), probes.failures(), probes.p99_below(1500), probes.invariants()),
    steady_load=LoadPlan(mix="checkout", rate=RATE, seconds=6, quick_seconds=3),
    load=LoadPlan(mix="checkout", rate=RATE, seconds=20, quick_seconds=6),
    prepare=(a_warehouse,),
    method=(poison, requeued_for_ever, limited_retries, without_poison, a_bad_release, put_back),
    measure=measure,
    findings=findings,
    rows=rows,
    plots=draw,
    teaching=TEACHING,
    limits=Limits(generator_lag_p99_ms=200, samples=30),
)
