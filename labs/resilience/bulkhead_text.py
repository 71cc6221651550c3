"""What is told around `bulkhead`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
To say how an order is takes one look into Postgres, {n["open_calm_ms"]:.0f} ms with all that belongs to it. Payments
has nothing to do with it. But both routes are served by the same threads. Fourteen buyers a second who wait 2 s each
want 28 threads (Little's law), and there are 16; a little more than a second after the freeze payments had all of them.
From then on everybody queued, whatever they wanted: {n["open_p50_ms"]:.0f} ms at the median, and
{n["open_in_time"]:.0f} % were answered within a second. A failure of one dependency had become a failure of the whole
service. Its health check uses the same threads: to a balancer it looks dead.

A bulkhead divides the ship. Of each replica's eight threads six at most may call payments; whoever finds them taken
waits a quarter of a second for a place and is refused then ({n["divided_refused"]:.0f} were). So two threads are left
for the rest, and buyers who wait for a place hold about one of them (4 a second · 0.25 s). Who asked waited
{n["divided_p50_ms"]:.0f} ms at the median, {n["divided_in_time"]:.0f} % were answered within a second, while payments
was as silent as before.

What does it cost? Early buyers lost nothing: of those who came in the first 2.5 s of the silence {n["open_sold"]:.0f}
had their order without the bulkhead, {n["divided_sold"]:.0f} with it. Of those who came in the last 5 s
{n["open_late_sold"]:.0f} had theirs without, {n["divided_late_sold"]:.0f} with it: the queue still held them when
payments went on, and who is refused is gone. A refusal is the price when the silence is short."""


def short_answer(n: Numbers) -> str:
    return (
        "Bound how many threads, or connections, each dependency may have at once, and refuse beyond that. One slow "
        "dependency then costs its own routes and leaves the others alone. Measured on a route that does not need the "
        f"slow one: p90 {n['open_p90_ms']:.0f} ms without, {n['divided_p90_ms']:.0f} ms with it."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A service with a fixed number of threads shares them among all its routes, so any dependency that becomes slow can take
them all: it needs rate times timeout. Here that was 28 of 16. Then the routes that do not need it wait as well; I
measured {n["open_p50_ms"]:.0f} ms for one that takes {n["open_calm_ms"]:.0f} ms, and {n["open_in_time"]:.0f} % of its
answers within a second.

A bulkhead bounds it: a semaphore for each dependency, taken with a short bounded wait or none, given back in any case.
How many places? In calm times rate times normal time are in use, which is far less than one here; so six of eight are
plenty for bursts, and two threads stay free of payments. Too few places refuse work that could be done, too many
protect nobody. (Measured: {n["divided_threads"]:.1f} of 12 taken during the silence, {n["divided_in_time"]:.0f} % of
the other route's answers within a second.)

Other forms of the same: a connection pool for each database, a thread pool for each kind of work, replicas of their own
for the checkout, cells that share nothing. An asynchronous service needs one as well: it has no threads to lose, but
memory and connections.

Timeout, breaker, bulkhead divide the work. The timeout bounds one call; the bulkhead bounds all calls at once, from the
first second; the breaker ends them when it has seen enough. Here it was off: with it the silence would have hurt for
about three seconds, until it opened."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Those who ask name an order that does not exist: the answer is 404, after the same look into the database, and counts as
an answer. The median is taken from 2.5 s after the freeze on, while the queue grows all the time: so the formula, which
looks at the middle of it, is near the median but not the same, and a longer silence gives a longer wait. With some
seventy requests a p99 would be the slowest one; so it is the p90 that is judged. Who buys in the last five seconds of
the silence is counted apart: some of them stand in the queue when it ends and are served, which a refused buyer is not.
The door's limit (`orders.shedding`) and the breaker are off in both variants: either would end the waiting, too. How
many threads wait for payments cannot be asked without a bulkhead: the answer would need a thread.""",
    mitigation="""\
The switch is the flag `orders.bulkhead`, the code services/common/bulkhead.py: a semaphore, twenty lines. By hand:
`./shoplab flag orders.bulkhead on`. Places and waiting are settings (`SHOP_PEER_AT_ONCE`, `SHOP_PEER_QUEUE_S`); how
many are taken is `shop_peer_calls_under_way` in /metrics, refusals are `shop_peer_refused_total`.""",
    questionnaire=(
        (
            "Would twice as many threads have helped?",
            "At this rate and timeout, yes: 28 are wanted and 32 would hold them, just. At three times the rate, or "
            "with a timeout of 5 s (70), they would be gone as well. A bound does not depend on that.",
        ),
        (
            "Why is a place waited for at all, and only so short?",
            "Bursts are normal, and a place is free again after a few milliseconds in calm times. A long wait would "
            "hold the very thread that the bulkhead is there to keep free.",
        ),
        (
            "How many places are too few?",
            "Fewer than rate times normal time, with room for bursts: then work is refused that could be done.",
        ),
        (
            "Payments is down, not silent: connections are refused at once. What is the bulkhead for then?",
            "Nothing: a call that fails at once holds no thread. Slow is worse than down.",
        ),
    ),
    further="""\
Switch the breaker on in `undivided` and run it again: how long do those who ask suffer then? Set `SHOP_PEER_AT_ONCE:
"2"` for orders in compose/compose.yaml, then start the shop anew (`./shoplab down`, `./shoplab up`), and let
`./shoplab load --mix checkout --rate 20 --duration 8` tell you whether two places are too few in calm times.""",
    interview=Interview(
        question="One of five dependencies of your service is slow, and the whole service is down. Why, and what do "
        "you do about it?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Twenty minutes. Let somebody compute rate times timeout before the run, and then ask who else is served by these
threads. The first plot shows it: a ramp without the bulkhead, a flat line with it. Compare with the lab
`circuit-breaker`: the same silence, another cure, and both are on by default.""",
)
