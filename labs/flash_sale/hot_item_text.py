"""What is told around `hot-item`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
The crowd wants a pot, all others want something else; what they share is the way. A checkout takes
{n["calm_p50_ms"]:.0f} ms, most of it in inventory, which decides for 0.3 s, and a replica of orders has eight threads.
By Little's law eight threads place 8 / {n["calm_p50_ms"] / 1000:.2f} = {8000 / n["calm_p50_ms"]:.0f} orders a second,
whoever wants what; 44 came, and {n["shared_rate"]:.1f} a second were placed. Who wanted tea stood in line behind people
who wanted a pot: {n["shared_in_time"]:.0f} % had their order within a second, {n["shared_turned_away"]:.0f} % were
turned away at a door that cannot tell tea from a pot. Nothing was broken.

The damage went on behind the checkout. One packer packs 12.5 parcels a second at best, and more came, the crowd's and
all others' in one queue. And the packer, too, stood in the crowd's line, because it tells orders of every parcel that
left: it packed {n["shared_pack_rate"]:.1f} a second. A parcel of tea was packed {n["shared_parcel_p90_s"]:.1f} s after
its order (p90).

With the lane, orders looks into the basket and sends whoever wants the pot elsewhere, with an answer that costs it no
call and no query (307). What is left for it is the quiet day's load: {n["lane_asking"]:.1f} threads at inventory, p50
{n["lane_p50_ms"]:.0f} ms, {n["lane_in_time"]:.0f} % within a second, parcels after {n["lane_parcel_p90_s"]:.1f} s. The
crowd was as large as before.

It meets a lane of three threads, about {3000 / n["calm_p50_ms"]:.0f} pots a second: {n["lane_hot_rate"]:.1f} here,
instead of {n["shared_hot_rate"]:.1f}. The rest heard "too much to do" at once. That is the price, and it is the point:
a lane protects others by bounding what the item may have."""


def short_answer(n: Numbers) -> str:
    return (
        "Give the item replicas, connections and a queue of its own, and send its buyers there before any work is done "
        f"for them. During a rush on one item {n['shared_in_time']:.0f} % of all other buyers had their order within a "
        f"second, {n['lane_in_time']:.0f} % with the lane; their parcels were packed after "
        f"{n['shared_parcel_p90_s']:.1f} s and {n['lane_parcel_p90_s']:.1f} s."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
First find what a rush on one thing shares with everything else: threads, connections, the queue behind the checkout and
its workers. A row lock on the item is the obvious one and concerns its buyers only. The pools concern everybody: λ · s
checkouts are under way, and once that is more than there are threads (44 · {n["calm_p50_ms"] / 1000:.2f} =
{44 * n["calm_p50_ms"] / 1000:.0f} for eight), whoever comes next waits, whatever they want.

Then cut along the thing that is hot. A few processes run the same code with few threads and connections of their own,
so that few calls of theirs are under way at the services behind. The decision which way an order takes must cost next
to nothing, because it is made for the whole crowd: here it is a look at the basket and a redirect. A CDN or a gateway
can make it too where the item is in the path.

Carry it through to the end. A lane whose orders land in everybody's queue only moves the damage:
{n["shared_parcel_p90_s"]:.1f} s for a parcel without, {n["lane_parcel_p90_s"]:.1f} s with a queue and a packer of its
own. But what is true is decided in one place still. The same table of attempts decides about a key at both entrances,
the same stock is taken, the same checks hold: a lane is a bulkhead, not a second shop.

Bound it and say so: {n["lane_hot_rate"]:.1f} of 36 a second were served, the others were refused at once. A waiting
room in front turns that refusal into a place in a line. And make opening and closing safe: replicas before buyers, and
the other way round; what is left in the queue must be worked on by somebody."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The shop is made small, so that 44 buyers a second are a crowd and your machine has little to do: one replica of orders
instead of two, and the flags `inventory.decide_ms` and `fulfilment.pack_ms`. Deciding stands for a limit for each
household or a fraud check. The bulkhead of orders (`orders.bulkhead`) is off: it would keep two of eight threads from
inventory, and turn people away in the middle, some of them between paying and getting their piece. The crowd comes from
a load generator of its own, so the lab's figures are of those only who want something else. The door's own limit
(`orders.shedding`) is on in both runs: it keeps the line short and turns people away instead. A machine's processors
are shared in spite of the lane; where they are the bottleneck, a lane needs machines of its own. How fast the packer
was while the crowd was there is measured and put into the formula: what it loses to the crowd's line varies. The
lane adds capacity, too: three threads and a packer. For orders that is not what decides: eleven threads for all would
place some 30 a second, and 44 come. For parcels the run does not tell two things apart: that there is a second packer,
and that the packer of all others is out of the crowd's line. Two packers in that line, at the pace of one here, would
still pack fewer than are placed; two that nothing holds up pack 25 a second, and some 20 are placed.""",
    mitigation="""\
By hand: `./shoplab lane pot-020` starts `orders-lane` and `fulfilment-lane`, which have no replica otherwise, and sets
the flag `orders.hot_item`; `./shoplab lane --close` sends buyers the usual way again, waits until the lane's parcels
are packed, and ends both. Which orders take it is said in services/common/lane.py; that the gateway lets orders answer
for a lane without a replica, in compose/gateway/listeners.py. To make it wider: `./shoplab scale orders-lane=2`.""",
    questionnaire=(
        (
            "Why not simply run more replicas of orders?",
            "They would carry this crowd, and the next one is twice as large. More replicas move the point where all "
            "suffer; a lane decides who suffers. And behind them inventory, payments and the packer are shared still.",
        ),
        (
            "A basket has the hot pot and a packet of tea in it. Which way?",
            "The lane: one order is placed in one place. Who mixes the two waits with the crowd.",
        ),
        (
            "A buyer's order times out at the usual door, the lane opens, the buyer tries again with the same key. Two "
            "orders?",
            "One. Both ways write into the same table of attempts, whose primary key is the buyer's key.",
        ),
        (
            "The lane's only replica dies. What do its buyers see, and all others?",
            "Its buyers hear 502 until it is back. That does not say whether the order was placed; with the same key "
            "they may try again all the same. All others notice nothing. That the gateway does not send the crowd to "
            "orders then is on purpose.",
        ),
        (
            "The lane is closed while parcels wait in its queue. Who packs them?",
            "Its packer, before it goes. If it has died, fulfilment takes from that queue as long as nobody else does.",
        ),
    ),
    further="""\
Open the lane with `./shoplab lane pot-020`, restock with `./shoplab restock pot-020 500`, and let a crowd come:
`./shoplab load --mix hot_item:pot-020 --rate 30 --duration 5`. Nobody is refused now: deciding takes no time here. Slow
it down with `./shoplab flag inventory.decide_ms 300` and send the same crowd again; then give the lane a second replica
with `./shoplab scale orders-lane=2` and count the confirmed orders once more. `./shoplab flag inventory.decide_ms
default`, `./shoplab lane --close` and `./shoplab restock pot-020 20` put everything back.""",
    interview=Interview(
        question="One item is on sale and everybody wants it. How do you keep the rest of the shop usable?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Twenty-five minutes: eight for the prediction. Let the class name what a buyer of tea shares with a buyer of the pot;
most say the database, few say the threads, nobody says the packer. Then ask what the crowd should hear. If the
first finding fails, the machine was too slow for the load to arrive; run it again. Of the pot the shop usually has
twenty; the lab delivers 2,000 and takes back what is left.""",
)
