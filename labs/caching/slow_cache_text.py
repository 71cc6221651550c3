"""What is told around `slow-cache`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Nothing was wrong but late, and only a third of the keys lived there. But a thread that waits does nothing else, and
by Little's law L = λW the slow third keeps λ · share · late threads busy: 48 · 1/3 · 1.25 = 20. The catalog has 16.
From then on every request stands in line for a thread, whatever it wants: {n["patient_late_percent"]:.0f} % of all
were late, p50 was {n["patient_p50_ms"]:.0f} ms instead of {n["normal_ms"]:.0f}, and only {n["patient_per_s"]:.0f} of
48 requests per second were answered. The queue grew for as long as the load lasted. All that for answers which
Postgres gives in a few milliseconds: the cache was worse than none.

With a wait of 0.2 s threads come free earlier, and the others' pages were quick again (p50 {n["bounded_p50_ms"]:.0f}
ms). But nobody learned from it. Who misses because the node fails asks it three times (look, take the lock so that
nobody else loads, put it there), so each page of that third paid 3 · 0.2 s: p90 {n["bounded_p90_ms"]:.0f} ms.
{n["bounded_under_way"]:.0f} requests were under way on the mean, of 16 threads: a little more traffic, and it would be
as before.

Leaving the node alone for 3 s after a failure is what ends it. Its keys move to the next node in their order and are
loaded there once. Every 3 s a few requests find out that the node is still slow: {n["spared_late_percent"]:.1f} % of
all. p99 shows them ({n["spared_p99_ms"]:.0f} ms), p90 does not ({n["spared_p90_ms"]:.0f} ms).

The dead node was the best of all: p99 {n["dead_p99_ms"]:.0f} ms. A refused connection is an answer, and it comes at
once. The proof is `shop_cache_lookups_total` with result="error" in /metrics of the catalog: both bounded variants
count errors, the patient one counts hits only, the dead node added {n["dead_errors"]:.0f}."""


def short_answer(n: Numbers) -> str:
    return (
        "A slow dependency holds my threads, a dead one does not: with one of three cache nodes 1.25 s late, p50 was "
        f"{n['patient_p50_ms']:.0f} ms with a patient client, {n['spared_p50_ms']:.0f} ms with a wait of 0.2 s and the "
        "node left alone after a failure."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A cache is an optimisation, so it must never cost more than what it saves. First bound every wait by what the origin
would take, not by what feels patient: the client's default is often no timeout at all. Little's law says why: threads
busy = λ · share · wait. With 20 wanted and 16 there, the queue takes down also the pages that need none of the slow
node (p50 {n["patient_p50_ms"]:.0f} ms).

Then remember the failure: a bound alone pays on every request, and once per round trip (p90 {n["bounded_p90_ms"]:.0f}
ms with a bound of 200). Leave a failed node alone for a while, which is a circuit breaker per node; then only share ·
wait / (wait + out) of the requests still wait, here {n["spared_late_percent"]:.1f} %. Its keys must have another
place meanwhile, and the database must be able to carry the misses.

Fail fast is a feature: with the node dead p99 was {n["dead_p99_ms"]:.0f} ms. And watch what the cache itself does not
show: a slow node has a perfect hit ratio."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The rows with formulas take the node's share for a third; where a key lives is chance, so it may be 30 or 40 %. The
arithmetic of the bounded wait counts threads only; requests that stand in line for one come on top, so more are under
way than the formula says. The cache is filled anew before the load, with a time to live of ten minutes: a slow node
that had to be filled too would be asked five times per miss (look, lock, look again, put it there, unlock). When the
queue is longer than 4 s the gateway gives up and asks the other replica, which makes it worse: the last seconds of the
patient run may show that. A node is found out to be slow at the beginning of the load and 3.2 s later, so the load
lasts twice that; another length would count one probe more or less.""",
    mitigation="""\
Both knobs were turned in the method, one after the other, under the same load. In the shop they are `./shoplab flag
catalog.cache_wait_ms 200` and `./shoplab flag catalog.cache_out_s 3`, which are also the defaults. The flags
themselves are read over connections that are always bounded: whoever waits too long must still hear that it should
not.""",
    questionnaire=(
        (
            "The hit ratio was perfect while the shop stood still. What would have raised an alarm?",
            "Latency of the cache as its clients see it, threads in use, and above all what shoppers feel. A hit ratio "
            "says nothing about time.",
        ),
        (
            "You double the threads to 32. What changes for the patient client?",
            "20 are wanted, so the queue ends and only the third is late. Until traffic grows by 60 % (32 / 20), or "
            "the node is 2 s late: threads only move the limit.",
        ),
        (
            "Why not a bound of 5 ms?",
            "A lost packet or a busy neighbour would then make a well node count as failed, and its keys move: load of "
            "the database without a reason. The bound belongs above the p99 of a well cache and below what the origin "
            "takes under load.",
        ),
        (
            "Why does the dead node cost less than the one that is left alone?",
            "To find out that it is still dead costs one refused connection, below a millisecond. To find out that it "
            "is still slow costs the whole wait.",
        ),
    ),
    further="""\
Now freeze a node instead: `./shoplab break process_pause memcached-3 --for 5`. It accepts connections and never
answers. Which of the variants does that resemble, and what would the patient client see? Then ask the same of a slow
database replica, where there is no second copy two milliseconds away.""",
    interview=Interview(
        question="Your cache becomes slow, not dead. What happens to your service, and how do you prevent it?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw sixteen threads as boxes, let the class fill them by λ · share · late. 5 min: collect predictions (most
say the median stays, "because two thirds are quick", and that a bound of 200 ms gives a p90 of 200 ms). 5 min: run.
10 min: ask which setting in their own programs is the bound, and how often it is unset. What goes wrong: a very busy
laptop makes also the dead node's requests late; the verdict is `unknown` when the generator itself lagged.""",
)
