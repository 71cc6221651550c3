"""What is told around `sync-replication`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
The primary confirmed each order when its own disk had it, and sent it to the replica when it could. Then it could not:
replication was cut, and for {n["async_cut_s"]:.1f} s nobody noticed anything. {n["async_between"]:.0f} orders were
confirmed in that time. The primary was killed, the replica took its place, and {n["async_lost"]:.0f} orders of
{n["async_confirmed"]:.0f} were gone: the order, its charge, its stock, its letter, all of it, as if it had never been.
What is left is the shop as it was two seconds earlier. It misses nothing; only who is outside of it knows better: the
buyers, and the broker.

Synchronous, the same cut and the same kill lost {n["sync_lost"]:.0f}. Nothing is better protected in that replica; the
shop merely stopped promising what it could not keep. Between the cut and the kill {n["sync_between"]:.0f} orders were
confirmed, with a primary in the best of health, and altogether nobody's was for {n["sync_outage_s"]:.1f} s
(asynchronous: {n["async_outage_s"]:.1f} s, only while the roles moved).

Day by day the price is a wait. An order takes five commits one after the other, and each waits for the way to the
replica and back: next door p50 went from {n["async_near_p50_ms"]:.0f} to {n["sync_near_p50_ms"]:.0f} ms
({n["near_ratio"]:.2f} times), with a replica 40 ms away from {n["async_far_p50_ms"]:.0f} to {n["sync_far_p50_ms"]:.0f}
ms, {n["far_extra_ms"]:.0f} ms more."""


def short_answer(n: Numbers) -> str:
    return (
        "Asynchronous replication confirms what one machine has. I cut the replica off, killed the primary two seconds "
        f"later, and {n['async_lost']:.0f} confirmed orders were gone; synchronous lost {n['sync_lost']:.0f}. It costs "
        f"a round trip for each commit ({n['far_extra_ms']:.0f} ms an order with a replica 40 ms away), and without "
        "a replica nobody can buy."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Ask how much may be forgotten (RPO), then who pays. Asynchronous: what was confirmed since the replica last heard,
λ times the lag; measured {n["async_lost"]:.0f} orders for a cut of {n["async_cut_s"]:.1f} s. A plain kill of a healthy
primary mostly loses nothing, which is why one believes that it is safe; two things must go wrong, and they like to do
it together, as one network or one power supply serves both.

Synchronous: none, measured {n["sync_lost"]:.0f}. The wait is the round trip times the commits in a row, measured
{n["far_extra_ms"]:.0f} ms for five commits over 40 ms; next door it was {n["near_extra_ms"]:.0f} ms. So put the
synchronous replica into another building of the same town, an asynchronous one into another country, and fewer commits
into an order.

And it couples two machines: with one replica, losing it stops all writes ({n["sync_between"]:.0f} orders confirmed
while it was cut off). Two replicas of which any one must confirm repair that. Going on alone when the replica is away
is asynchronous replication at exactly the moment when it matters.

It can be chosen for each transaction: wait for orders and charges, not for what can be counted again."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The cut comes first because a kill alone loses nothing here: the process that sends the log has sent it before it dies.
Losing the machine, or its network a moment earlier, is what the cut stands for. The wire's latency is put on one way
only, from the primary to the replica, so the round trip is that number plus what waiting takes next door: two more
programs must wake up and write, on the same two processors. The arithmetic adds what that was measured to take; how
busy the machine is changes it from one load to the next. Synchronous means that the replica has written the commit to
its disk, not that it has applied it: a reader there may still see the past (lab `replica-lag`). While nobody can
confirm, buyers wait until their service gives up: their orders were not confirmed, and some of them are there all the
same once the replica is back. Next door, both servers write to the same disk; with a disk each, waiting would cost less
there. Lost orders cannot be brought back, and a letter or a parcel of theirs that was under way in the broker arrives
without them, so at its end this lab puts the whole shop back to its seed state.""",
    mitigation="""\
The knob was turned in the method: the flag `postgres.synchronous`. `./shoplab status` says whether commits wait, and
`./shoplab flags` shows it. The code is two statements in compose/postgres.py (`set_synchronous`), and in
labs/control/roles.py what becomes of it when the roles move: a primary without a replica waits for nobody, or no order
could be confirmed after a failover.""",
    questionnaire=(
        (
            "The replica is merely slow, not cut off. What does each mode do?",
            "Asynchronous: buyers notice nothing, and more would be lost. Synchronous: every order is as slow as the "
            "replica's disk.",
        ),
        (
            "A buyer's order waited for the replica until the service gave up. Is it lost?",
            "Unknown. The primary has it already, and shows it once the replica answers. The same key again finds it.",
        ),
        (
            "The tables are those of a moment before, so they agree. Who could still find out about the loss?",
            "Whoever is outside of that database: the buyer, the payment provider, the broker, the mail that was sent. "
            "Compare with them.",
        ),
        (
            "Three servers, any two of which must have a commit. What can be lost now without a buyer noticing?",
            "Any one of the three, the primary included. That is what a majority is for.",
        ),
        (
            "Does synchronous replication replace a backup?",
            "No. A wrong delete is on both servers within a millisecond, confirmed by both.",
        ),
    ),
    further="""\
Now move the replica yourself: `./shoplab flag postgres.synchronous on`, `./shoplab break latency replication
latency=100`, `./shoplab load --mix checkout --rate 5 --duration 5`. Then `./shoplab heal` and `./shoplab flag
postgres.synchronous default`. How would you write an order with fewer commits in a row, and what would you give up?""",
    interview=Interview(
        question="Synchronous or asynchronous replication for the orders of a shop? What do you lose either way?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
10 min: let them define "confirmed"; most mean "written". 10 min: run in quick mode; it takes the better part of a
minute and ends with a fresh shop, so do not run it in the middle of something else. 10 min: tables and questionnaire.
What goes wrong: on a busy machine the wait next door drowns in noise; the far replica is there for that.""",
)
