"""What is told around `cache-stampede`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A miss takes as long as a load, and until it is over everybody else misses too. So one vanished entry costs 1 + λ·s
loads: naive, {n["naive_per_drop"]:.1f} shoppers went to the database for the same answer each time the entry was
dropped. pg_stat_activity saw {n["naive_together"]:.0f} of them at once, as many as there are connections; the others
waited for one and then loaded all the same, which is why p99 was not one load's time but {n["naive_p99_ms"]:.0f} ms.
A stampede feeds on itself: the more come, the slower the load, the more come meanwhile.

Single flight cures the crowd. The first who misses loads; the others of the same process wait for its outcome, those of
another replica see the lock in Memcached and look again every 20 ms: {n["single_per_drop"]:.1f} loads. But p99 is still
{n["single_p99_ms"]:.0f} ms, the time of a load. Nobody went to the database, and everybody waited for the one who did.

Single flight is per key, so it does not help when many different entries vanish together, and what is loaded together
does: after a flush, a deployment, a warm-up. Of all products loaded at once {n["in_step_share"]:.0%} would have expired
within three seconds, a minute later, and again every minute. With a life up to a fifth shorter, thrown for each entry,
it was {n["jitter_share"]:.0%}: the wave is spread over twelve seconds.

Early refresh takes away the waiting. Each entry carries when it is due and how long its load took; each reader throws a
die, and the nearer the end, the likelier it is the one who loads it anew, while all others still have the old one.
Where {n["expiring_waited_per_load"]:.1f} shoppers waited for each load, now {n["early_waited_per_load"]:.1f} did, and
p95 fell from {n["expiring_p95_ms"]:.0f} to {n["early_p95_ms"]:.0f} ms (p99 still sees the one who loads). The
price is an entry that lives shorter than it might: {n["early_loads"]:.0f} loads instead of {n["expiring_loads"]:.0f} in
the same time here, next to nothing with a minute to live."""


def short_answer(n: Numbers) -> str:
    return (
        "A hot entry that expires costs 1 + λ·s loads; single flight makes it one (I measured "
        f"{n['naive_per_drop']:.0f} and {n['single_per_drop']:.1f}), jitter keeps entries from expiring together, "
        "and early refresh keeps them from expiring in anybody's face."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
While a load is under way everybody who asks misses, so a hot entry that vanishes sends λ·s requests to the database for
one answer. I measured {n["naive_per_drop"]:.0f} loads per vanished entry and a p99 of {n["naive_p99_ms"]:.0f} ms at a
load of 250 ms, because they queued for connections.

First, single flight: within a process by a table of loads under way, across processes by a lock in the cache
(`add` with a short life, a hint and not a promise: if its owner dies, the others stop waiting and load). That gave
{n["single_per_drop"]:.1f} loads; but all who come meanwhile still wait, p99 {n["single_p99_ms"]:.0f} ms.

Second, jitter on the time to live, because entries that are loaded together expire together, and single flight is per
key: within the worst three seconds {n["in_step_share"]:.0%} without, {n["jitter_share"]:.0%} with a fifth.

Third, refresh before it expires. XFetch does it without agreement: a reader loads anew when
now - took · ln(random) ≥ due, which begins earlier the longer a load takes. {n["early_waited_per_load"]:.1f} instead of
{n["expiring_waited_per_load"]:.1f} shoppers waited for each load. It cannot help with what is dropped without warning,
by a flush or a lost node: for that single flight stays. Serving stale while one revalidates is the same idea with the
old entry kept on purpose."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The load is made 250 ms long (`catalog.origin_ms`) instead of sending a hundred times as many shoppers: what counts is
λ·s. The catalog works on 16 requests at once, 8 in each replica, so no more than 16 can miss together; a larger shop
has no such merciful bound. Postgres is looked at twenty times a second, so "at once" may be missed by one or two. To
drop the hot entry its node is emptied altogether; nothing else on it is asked for here. Memcached counts whole seconds
by a clock that ticks once a second: "3 s to live" is one to three, and early refresh, which must not come too late,
aims one and a half seconds earlier. That is why it loads more often here than it would with a minute. Expiries were
read off the nodes' own lists of entries, not waited for; loading 200 products takes about a second, so "in step" is not
one instant.""",
    mitigation="""\
The knobs were turned in the method, one after the other, each against the run before it. In the shop all three are
switched on: `./shoplab flag catalog.single_flight on`, `./shoplab flag catalog.ttl_jitter on`,
`./shoplab flag catalog.early_refresh on`. The code is `services/common/cache.py` and
`services/common/early_refresh.py`.""",
    questionnaire=(
        (
            "Twice the shoppers, and a load that takes three times as long. How many loads for a vanished entry?",
            "λ·s goes from 15 to 90, so 91 loads where nothing bounds them. Here still 16, as no more than 16 requests "
            "are worked on at once, and the others queue for a thread. With single flight still one.",
        ),
        (
            "Why is p99 not back to a few milliseconds with single flight?",
            "Because all who come while the one load is under way wait for it. It spares the database, not them.",
        ),
        (
            "The lock's owner dies in the middle of its load. What happens?",
            "The others wait for half a second and then load themselves; the lock expires after two. So it must be a "
            "hint: a lock that promises would be an outage.",
        ),
        (
            "You warm the cache with 10,000 entries at midnight, an hour to live. What do you see at one o'clock?",
            "All of them expire within the time it took to load them, unless their lives differ. With jitter of a "
            "fifth it is spread over twelve minutes.",
        ),
        (
            "Can early refresh help when a cache node is lost?",
            "No: it needs an entry to look at. What vanishes without warning needs single flight, and enough database "
            "for the misses of different keys.",
        ),
    ),
    further="""\
Now change the order: early refresh on, single flight off (`./shoplab flag catalog.single_flight off`, and
`./shoplab flag catalog.single_flight default` afterwards). Is a hot entry that expires still safe? And one that is
dropped? Say first, then look into `Cache.through`, which has both in six lines.""",
    interview=Interview(
        question="A very popular cache entry expires under heavy traffic. What happens, and what do you do about it?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: let twelve people ask you the same question one second after the other, and answer each after three seconds: they
find λ·s by themselves. 5 min: predictions; nearly everybody expects p99 to be a few milliseconds after single flight.
10 min: run, and read `Cache.through` together meanwhile. 10 min: the plots in the order of the method, one cure each.
What goes wrong: on a very slow machine the three drops do not fit into the load, and the lab says so with a time-out.
Ask at the end which of the three would have helped after a flush of everything: only the first, and only per key. The
rest is warming, the next lab.""",
)
