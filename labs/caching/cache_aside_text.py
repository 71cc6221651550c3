"""What is told around `cache-aside`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Cache-aside is three lines: look into the cache; what is missing, load from the database; keep it for a while. So the
database gets exactly what the cache cannot answer, λ · (1 - h), and everything is about h.

Just emptied, the cache missed {n["first_misses_per_s"]:.0f} times in the first second and
{n["last_misses_per_s"]:.0f} times a second at the end of it. It needs no help: whatever is asked for is there
afterwards. It is quick because wishes are not spread evenly. By Zipf's law 13 % of all requests are about one product
and two thirds about 40 of 200, and those are back within a second or two. The rest is a long tail that is asked for
rarely: five seconds later the hit ratio was {n["filled_hit"]:.0%}, and the database had {n["filled_loads_per_s"]:.1f}
loads a second instead of {n["gone_loads_per_s"]:.1f}.

Two seconds to live instead of sixty left a hit ratio of {n["short_hit"]:.0%}. The first product is asked for seven
times a second and has ten hits for every miss even so; one that is asked for once in ten seconds is hardly ever hit.
But it is the first kind that makes up the load. So a very short time to live costs less
than one fears, and buys freshness. But mind the median ({n["short_p50_ms"]:.0f} ms): with a hit ratio near one half it
may fall on either side, and below one half it is the database's.

Without the cache every request became a query, and the median shopper waited {n["gone_p50_ms"]:.0f} ms instead of
{n["filled_p50_ms"]:.0f}. The proof lies in Postgres: pg_stat_activity showed {n["gone_under_way"]:.1f} queries under
way on the mean, {n["filled_under_way"]:.1f} with the cache. That is Little's law, L = λ · (1 - h) · s. The catalog's
two replicas have eight connections for reading: at 130 requests a second without a cache they would be full, and
then nobody's wait has a bound any more."""


def short_answer(n: Numbers) -> str:
    return (
        f"The database behind a cache gets λ · (1 - h): at 50 requests a second I measured "
        f"{n['filled_loads_per_s']:.0f} loads a second with a hit ratio of {n['filled_hit']:.0%} and "
        f"{n['gone_loads_per_s']:.0f} when the cache was gone, so the cache is part of the capacity."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Cache-aside: the service looks into the cache first, loads what is missing and keeps it with a time to live. The load
of the database is λ · (1 - h). From 90 to 80 % is twice the load, not ten points less of something.

h follows from popularity and from how long entries live. A thing asked for λ times a second with a time to live T has
λT hits for each miss, so its ratio is λT / (1 + λT); summed over a Zipf popularity that gave what I measured with two
seconds: {n["short_hit"]:.0%}. The head of the distribution is always warm, the tail never is.

A cache that fails must count as a miss: slower, never wrong, never an error. In the run {n["gone_failed"]:.0f} requests
failed when all nodes were killed; the median went from {n["filled_p50_ms"]:.0f} to {n["gone_p50_ms"]:.0f} ms. But that
only worked because the database could bear λ. If it cannot, the cache is no optimisation, it is a part of the system
that must not fail, and one needs several nodes, a way to warm them, and a limit on how many may go to the database.

What is cached is stale for up to its time to live. For a product's text that is fine, for stock at the checkout it is
not: the order path does not read from the cache."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The database is made 60 ms dearer by a sleep inside the query (`catalog.origin_ms`): a laptop's Postgres has this table
in memory and answers in one. The connection is taken for that time, as by a real query, but no processor is. Before
each load the generator reads the nine pages of the list, which are cached too: they count as lookups, so "gone" shows a
load or two per second more than λ. Single flight is on: two who miss the same thing at once cost one load, so loads may
be a few per cent below the misses. Memcached's clock ticks once a second: "2 s to live" is 1.5 s on the mean, and so it
stands in the formula. Early refresh is off throughout, so that the formula holds; it has the next lab. The replica
is read, not the primary, so writes would not notice any of this.""",
    mitigation="""\
The knobs were turned in the method: with the cache and without it, with 60 s to live and with 2. In the shop it is
`./shoplab flag catalog.ttl_s 2`, and `./shoplab flag catalog.ttl_s default` gives it back. A longer time to live is
not the only way to more hits: warm what is known to be wanted, and refresh what is hot before it expires.""",
    questionnaire=(
        (
            "The hit ratio falls from 95 to 90 %. What does the database notice?",
            "Twice the load: 1 - h goes from 5 to 10 %. Watch the miss ratio; the hit ratio hides it.",
        ),
        (
            "Why does a cache in front of 200 products work with room for 40?",
            "Popularity: by Zipf's law the 40 most wanted get two thirds of all requests, the most that room for 40 "
            "can answer. LRU, which also lets in what is wanted once, gets a little over half.",
        ),
        (
            "You double the time to live. Does the database's load halve?",
            "Only for what is asked for often (λT well above 1), where it hardly matters any more. In the tail the "
            "ratio grows in proportion, but it is small.",
        ),
        (
            "Should the service load from the database when the cache does not answer?",
            "Yes, if the database can bear λ. If not, everybody who falls through makes it worse: bound how many may, "
            "and shed the rest.",
        ),
        (
            "What is wrong with writing to the cache first and to the database later?",
            "The cache may forget at any moment. It is a copy; the truth must be elsewhere.",
        ),
    ),
    further="""\
Now change the rate. The catalog's replicas have 8 connections for reading between them, and a read takes 60 ms: at
which rate without a cache are all of them taken (λ·s/c = 1)? Which hit ratio do you need at ten times that rate? Try
`./shoplab flag catalog.origin_ms 60`, kill the cache nodes with `./shoplab break process_kill memcached-1` (and 2 and
3), and send `./shoplab load --mix products --rate 100 --duration 5`. Afterwards: `./shoplab heal`, and
`./shoplab flag catalog.origin_ms default`.""",
    interview=Interview(
        question="Your read path has a cache. How much of your traffic can you afford to lose it for?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw the map, let the class guess the hit ratio five seconds after a flush (most say half). 5 min: run. 10 min:
the filling curve beside its formula, then the load: let them say λ · (1 - h) themselves. 5 min: the surprise is the
short time to live; let them compute λT for the first product (7 a second) and the hundredth (one in ten seconds). What
goes wrong: somebody looks at the shop in a browser meanwhile and counts as a shopper. Ask at the end what happens if
the first product, not the whole cache, is missing for a moment: that is the next lab, the stampede.""",
)
