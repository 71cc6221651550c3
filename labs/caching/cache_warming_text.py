"""What is told around `cache-warming`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A cold cache is only expensive once: each product is loaded when it is asked for first, {n["cold_loads"]:.0f} loads
in {n["seconds"]:.0f} seconds. But when a crowd comes at once, much of that falls into the first moments. Cold,
the database had {n["cold_first_loads"]:.0f} loads in the first two seconds. Eight connections can begin 72; while they
were busy, the catalog's threads were busy waiting for them, and so even those waited whose product had just been
loaded by somebody else. That is why the median of the first two seconds was {n["cold_first_p50_ms"]:.0f} ms, and p99
{n["cold_first_p99_ms"]:.0f}, more than one load takes.

Single flight did not help, though it was on: these were different products. Nor does early refresh, which needs an
entry to look at. What helps is to have asked before. `./shoplab warm` read all {n["warm_read"]:.0f} products in
{n["warm_read_s"]:.1f} seconds while the database was quiet, four at a time; the same crowd then cost
{n["warm_loads"]:.0f} loads, its p99 was {n["warm_first_p99_ms"]:.0f} ms, and all waiting added up to
{n["warm_wait_s"]:.1f} seconds instead of {n["cold_wait_s"]:.1f}.

With the top {n["top_read"]:.0f} warmed, {n["top_read_s"]:.1f} seconds of reading, two thirds of all requests were
hits from the first moment on; {n["top_first_loads"]:.0f} loads were left. That is more than a third of
{n["cold_first_loads"]:.0f}, and it must be: a warmed product spares exactly one load, however popular it is. What
popularity buys is that the load which is spared would have come in the very first moment."""


def short_answer(n: Numbers) -> str:
    return (
        "Before a sale I read what will be wanted through the shop, so that the first crowd finds it cached: in my run "
        f"that was {n['warm_loads']:.0f} loads instead of {n['cold_loads']:.0f}, and a p99 of "
        f"{n['warm_first_p99_ms']:.0f} instead of {n['cold_first_p99_ms']:.0f} ms in the first two seconds."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A cold cache is dangerous when it meets a crowd: after a deployment, a failover, a flush, or when new products go on
sale at midnight. Each thing is loaded once, but in the very first moments most requests are the first for their
thing, more than the database can load: 80 requests a second want it, and its connections manage c/s = 32. I measured
{n["cold_first_loads"]:.0f} loads in the first two seconds, for 160 requests (its connections can begin 72 in that
time), and a p99 of {n["cold_first_p99_ms"]:.0f} ms.

So one warms: read the most wanted things through the normal path, slowly, before the doors open. Through the shop
rather than into the cache, because then keys, formats and placement are right by construction. The order comes from
popularity: a fifth of the products is two thirds of the requests, and warming it left {n["top_first_loads"]:.0f} of
{n["cold_first_loads"]:.0f} first loads. Give the entries lives of different length, or what was warmed together
expires together in the middle of the sale.

It has to stay warm until it is needed: entries that live for a minute must be warmed within that minute, or
refreshed. And it is no substitute for surviving a cold cache: a node can be lost at the worst moment, so the
database needs a limit on how many may load at once. Warmed, all waiting added up to {n["warm_wait_s"]:.1f} seconds
instead of {n["cold_wait_s"]:.1f}."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The database takes 250 ms longer (`catalog.origin_ms`) only while the doors are open, as if the whole sale were upon
it; warming happens before, when it is quiet. The formula counts first wishes and knows no queue: while the
connections are all taken, loads come later than they were wanted, so the first two seconds are capped by what eight
connections can do. The counters are read five times a second and taken for straight between two looks. Each phase
has shoppers of its own (another seed), with the same popularity: a few loads more or less are theirs. A real crowd
also wants pictures, lists and pages; here only product JSON is asked for, and read by `warm`.""",
    mitigation="""\
The knob was turned in the method: nothing warmed, the top 40, everything. In the shop it is `./shoplab warm --top
40` or `./shoplab warm`. It takes a second or two and may be repeated at any time. What is cached already costs the
database nothing and gets no new life: it expires when it would have. Run it last before the doors open: what was read a
minute ago has expired.""",
    questionnaire=(
        (
            "Single flight was on. Why did it not protect the database?",
            "It is per key. A cold cache is many different keys, each of them loaded once.",
        ),
        (
            "40 of 200 products get two thirds of the requests. Why does warming them spare less than two thirds of "
            "the loads?",
            "A product is loaded once, be it wanted once or a thousand times. Warming 40 spares at most 40 loads. But "
            "those would have come first.",
        ),
        (
            "Why do shoppers wait whose product is cached already?",
            "The threads that should answer them wait for a connection to the database, with somebody else's miss. A "
            "bulkhead would keep some threads free for hits.",
        ),
        (
            "Why not write the entries straight into Memcached?",
            "Then two programs must agree on keys, format, life and placement, for ever. Reading through the shop "
            "cannot get it wrong.",
        ),
        (
            "You warm at 23:00 for midnight, and entries live for a minute. What is wrong?",
            "At 23:01 everything has expired. Warm at the last moment, or give what is warmed a longer life, or let "
            "early refresh keep alive what is read.",
        ),
    ),
    further="""\
Now change how much is warmed: for how many products does p99 of the first two seconds fall below one load's time?
More than 1 % of the requests must find nothing for p99 to see it, so compute first how many products get 99 % of all
requests (with Zipf's 0.9 and 200 products: nearly all of them). Then try it. Empty the nodes
(`./shoplab break cache_flush memcached-1`, then 2 and 3), read with `./shoplab warm --top 100`, make each load of the
database dear again (`./shoplab flag catalog.origin_ms 250`), and open the doors at once:
`./shoplab load --mix products --rate 80 --duration 2`. Afterwards: `./shoplab heal`, and
`./shoplab flag catalog.origin_ms 0`.""",
    interview=Interview(
        question="Tonight at midnight the sale starts. What do you do about your caches before that?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask what happened to the cache in last night's deployment (nobody knows). Predictions: for the top 40 most say
a third of the loads, because two thirds of the requests are hits; let them find the mistake. 5 min: run. 10 min: the
curve of loads: the cold one is straight at first, and its slope is the connections' capacity, c/s. What goes wrong:
a browser that looks at the shop warms it. Ask at the end what the warming itself would do to a database that is
already busy: hence few at a time, and the most wanted first.""",
)
