"""What is told around `replica-lag`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
An order is written at the primary and sent to the replica as part of its log. Between the two lies a moment in which
the shop knows the order and the replica does not. While the replica was well that moment was shorter than the way from
the buyer's confirmation to her next click: {n["well_at_once_missed"]:.0f} of {n["well_at_once"]:.0f} were told that
there is no such order. That is why this mistake passes every test on a quiet machine.

With the replica behind, {n["naive_at_once_missed"]:.0f} of {n["naive_at_once"]:.0f} were told so at once. Of those who
looked some time within three seconds it was {n["naive_later_percent"]:.0f} %, which is lag / window, so the looks alone
say how far the replica is behind: {n["lag_from_looks_s"]:.2f} s. The replica itself said {n["naive_behind_s"]:.2f} s.

Reading the order at the primary cured it: {n["own_at_once_missed"] + n["own_later_missed"]:.0f} of
{2 * n["own_at_once"]:.0f} looks missed, with the replica {n["own_behind_s"]:.2f} s behind. Nothing else was repaired.
The catalogue and the best sellers are still read there, as old as the lag, and nobody minds: a visitor cannot know that
a list is a second old. She does know what she has just done."""


def short_answer(n: Numbers) -> str:
    return (
        "A replica answers with the past, so whoever reads what they have just written must not be sent there. With a "
        f"lag of 1.5 s I measured {n['naive_at_once_percent']:.0f} % of buyers told that their order does not exist, "
        f"and {n['own_at_once_missed'] + n['own_later_missed']:.0f} once orders were read at the primary. Everything "
        "that everybody looks at stays on the replica."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Sort reads by who would notice. What is personal and just written (an order, a cart, a changed address) must show one's
own writes; what is everybody's (catalogue, best sellers) may be as old as the lag, here {n["own_behind_s"]:.2f} s.

Three ways, from cheap to clever. Read such things at the primary always: here it costs one look-up by key, by the one
person who bought; measured {n["own_at_once_missed"] + n["own_later_missed"]:.0f} misses instead of
{n["naive_at_once_missed"] + n["naive_later_missed"]:.0f}. Or send somebody who has just written to the primary for some
seconds: one cookie, but the seconds must be longer than any lag, and nobody promises that. Or hand out the position in
the log (an LSN, a GTID) with each write and let a replica answer only when it has replayed as far: exact, and worth its
effort when reads of one's own are many.

Asking the primary only when the replica finds nothing is not enough: an order seen as shipped at the primary can be
confirmed again on the replica a moment later. Users take that worse than old news (monotonic reads).

And never decide on a replica. Stock is taken, and keys are looked up, where they are written."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The lag is made by the replica itself, which has everything and applies it 1.5 s late (`recovery_min_apply_delay`). It
would lose nothing if it had to take over; a replica that has not received does (lab `sync-replication`). The share of
looks gives the lag a little too small: the buyer's clock starts with the answer, the replica's with the commit before
it. "How far behind" is now minus the time of the last commit applied, and 0 when all that was received is applied;
without the second half an idle shop would look further behind every second. At the beginning of a phase the line climbs
for as long as the lag, because nothing was written for a while before. With no fault a busy machine has a lag too, so a
few looks may miss then.""",
    mitigation="""\
The knob was turned in the method: the flag `orders.read_your_writes`, on unless a lab switches it off. The code is two
lines in services/common/db.py (`read`, with `own`) and one in services/orders/orders.py. `./shoplab status` says how
far the replica is behind.""",
    questionnaire=(
        (
            "The replica is lost altogether. What do buyers see without protection?",
            "Their orders: reads go to the primary then. A replica that is behind is worse than none.",
        ),
        (
            "Why not wait until the replica has everything, and confirm the order then?",
            "That is synchronous apply. Every purchase would wait for the slowest replica, and none could be confirmed "
            "without it. The waiting is needed by the few who read, not by all who write.",
        ),
        (
            "Reading from the replica, and from the primary when it is not found there: what is wrong with that?",
            "It finds new orders, but shows old states of them, and newer and older ones in turn.",
        ),
        (
            "An idempotency key is looked up on the replica. What happens?",
            "A second click within the lag finds nothing and becomes a second order. Whatever decides reads at the "
            "primary.",
        ),
    ),
    further="""\
Now let the replica stop applying: `./shoplab flag orders.read_your_writes off`, `./shoplab break replay_pause
postgres-2`, buy something in the browser, and look at the order again after a minute. Then `./shoplab heal` and
`./shoplab flag orders.read_your_writes default`. At which lag should a shop stop reading from a replica at all, and
who should notice?""",
    interview=Interview(
        question="You add read replicas, and users complain that what they just did is gone. Why, and what do you do?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask who has written a row and read it back from a replica; draw the moment between. 8 min: run in quick mode.
10 min: tables and questionnaire; insist on monotonic reads, most first answers (look again at the primary) break them.
What goes wrong: on a very busy machine the replica has a lag of its own, and a few looks miss before the fault.""",
)
