"""What is told around `failover`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
There is one server that takes writes. Without it nobody's order was confirmed for {n["nobody_outage_s"]:.1f} s, as long
as it took somebody to come and to start it again; {n["nobody_failed"]:.0f} orders failed meanwhile. Here that somebody
came after seven seconds. A person who is paged at night comes after a quarter of an hour.

A manager needs no sleep. It looks four times a second and acts when two looks in a row fail. A killed server refuses
connections at once, so it was found after {n["kill_gone_s"]:.2f} s. Its replica has all that was confirmed and needs
only to stop following: it took writes after {n["kill_promoted_s"]:.2f} s, and the first order was confirmed after
{n["kill_outage_s"]:.1f} s in all. What lies between is the services finding their way: each knows both servers and
asks for the one that takes writes.

The frozen one was found after {n["freeze_gone_s"]:.2f} s. It refuses nothing, it is silent, and silence is heard only
by waiting: half a second a look. And it is not dead. Had it been replaced and woken up then, it would have taken orders
as before, beside its successor, and nobody would ever have put the two together again. So it was fenced first: ended
after {n["freeze_fenced_s"]:.2f} s, before its replica was promoted after {n["freeze_promoted_s"]:.2f} s, and it can
only start as a copy. In the end there was {n["freeze_primaries"]:.0f} primary.

Lost of all that was confirmed: {n["nobody_lost"] + n["kill_lost"] + n["freeze_lost"]:.0f} orders, because each was on
both servers before its buyer heard of it (`postgres.synchronous`). What that costs, and what happens without it, is the
next lab."""


def short_answer(n: Numbers) -> str:
    return (
        "Detect, fence, promote, and let clients find the new one. I measured a killed primary: "
        f"{n['nobody_outage_s']:.0f} s without an order when somebody has to come, {n['kill_outage_s']:.1f} s with a "
        f"manager, {n['freeze_outage_s']:.1f} s when it froze, as silence must be waited for. Fencing comes before "
        "promoting, or a primary that wakes up splits the data."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Two numbers are promised. RTO: how long it may take until it works again. RPO: how much of what was confirmed may be
lost. Measured: {n["kill_outage_s"]:.1f} s after a kill, {n["freeze_outage_s"]:.1f} s after a freeze;
{n["kill_lost"] + n["freeze_lost"]:.0f} orders, as commits waited for the replica.

The time has parts, and each has its own knob. Finding it: half an interval, then looks in a row, one every
interval or every timeout, whichever is longer, and one more look before acting. Fewer or shorter looks find it sooner
and replace one that was merely busy. Fencing: end the old one, or take its disk, its network or its power; whoever
cannot be ended must not be replaced. Promoting: short, if the replica has little left to apply. Finding the new one:
clients that know all servers, a proxy, or a name with a short life.

Who decides must not be alone either, and two that cannot see each other must not both decide: over several machines
that takes a majority, which is what etcd under Patroni is for. One machine can do without; what it cannot do without is
the order: fence, then promote. And the clients need the rest: bounded waits, since a frozen server acknowledges every
packet, and idempotent requests, since an order that was under way is neither confirmed nor refused."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The outage is the longest time between two confirmed orders, so it has the time between two buyers in it, a twelfth of a
second. An order that came just before the end of it waited and was confirmed: fewer fail than came. "Found" is counted
until the manager begins to act; between two looks lie up to 0.25 s, so a single run may be that much off the mean. On
a busy machine a look takes longer than it should, and so does everything else. Process and manager are on one
machine here: nothing can come between them that is not also between the shop and its database, except what the wire
does, and through that the manager looks too. A killed process leaves the machine and its disk, so by hand it is enough
to start it; a real loss of a machine takes much longer by hand than these seven seconds.""",
    mitigation="""\
The knob was turned in the method: the flag `postgres.failover`, from `off` to `promote` (`rebuild` brings the old one
back as a replica as well). The manager is compose/failover.py, what watches is labs/control/primary_watch.py.
`./shoplab status` shows the roles, how far the replica is behind, and the latest moves with their times.""",
    questionnaire=(
        (
            "Why not act on the first look that fails?",
            "One lost packet, one long pause of a process, and a healthy primary is ended. A failover costs seconds; "
            "one for nothing costs the same seconds.",
        ),
        (
            "The primary is alive but nobody reaches it, its manager included. Is replacing it right?",
            "Yes, once it is fenced: what counts is whether it can be reached. If it cannot be fenced, no: it may "
            "still take writes from somebody.",
        ),
        (
            "Both servers are silent. What should the manager do?",
            "Nothing. It is more likely that its own view is broken, and there is nobody to promote.",
        ),
        (
            "An order was under way when the primary died, and its buyer heard nothing. Is it lost?",
            "It is unknown: perhaps it is there. The buyer asks again with the same key, and it becomes one order.",
        ),
        (
            "Why is the old primary copied anew, instead of just started as a replica?",
            "It may have commits that nobody else has. A replica must be a copy of its primary, so they have to go.",
        ),
    ),
    further="""\
Now see the trap: what would a shop promise whose manager looks every 10 ms and acts on the first failure? Try the other
end by hand: `./shoplab break process_pause postgres-1 --for 3` with nobody watching. Who notices, and is it worth a
failover?""",
    interview=Interview(
        question="Your database's primary dies in the middle of a sale. What happens, and how long does it take?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
10 min: RTO and RPO on the board, then the four parts of an outage; let them say which part takes longest. 10 min: run
in quick mode; it takes the better part of a minute, since each lost server is copied anew. 10 min: tables and
questionnaire; the frozen primary is the heart of it. What goes wrong: on a slow machine the outages grow together; the
ratios hold longer than the seconds.""",
)
