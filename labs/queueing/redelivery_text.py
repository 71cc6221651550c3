"""What is told around `redelivery`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
The broker keeps a message until it is acknowledged. When the worker's connection ends before that, it cannot know
whether the work was done, so it delivers again: it would rather have work done twice than not at all. Killed
{n["forgetful_crashes"]:.0f} times between work and acknowledgement, the worker without memory packed
{n["forgetful_surplus"]:.0f} parcels too many: one per crash, because it works on one message after the other, and only
the one that was done and not acknowledged is done twice. The others it had fetched came back too, but no work had gone
into them. The shop's own books saw it: {n["violated"]:.0f} invariant was violated until {n["called_back"]:.0f} parcels
were called back.

Idempotent, the same worker met the same message just as often. It looked up whether the order was packed, and noted
"packed" in the same transaction that sent the parcel. {n["idempotent_crashes"]:.0f} crashes,
{n["idempotent_packed"]:.0f} orders, {n["idempotent_parcels"]:.0f} parcels. The delivery is not exactly once, and cannot
be; the effect is.

No order was lost either way ({n["forgetful_missing"]:.0f} and {n["idempotent_missing"]:.0f}): acknowledging after the
work buys that. The other way round, acknowledging each message before its work, every parcel too many becomes one too
few; with auto-ack, more."""


def short_answer(n: Numbers) -> str:
    return (
        "Acknowledge after the work, so nothing is lost, and make the work idempotent, so nothing is done twice: at "
        f"least once plus memory is exactly once in effect. I killed a worker {n['forgetful_crashes']:.0f} times "
        f"between work and acknowledgement: {n['forgetful_surplus']:.0f} parcels too many without memory, "
        f"{n['idempotent_surplus']:.0f} with it, none missing."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
There is no exactly-once delivery between two machines: whoever sends cannot tell a lost message from a lost answer. So
one chooses: acknowledge before the work (at most once: a crash loses it) or after it (at least once: a crash repeats
it). Money and parcels take the second.

Then the work must bear repetition. Give every event an id that is the same in each delivery, and keep what was done
under that id, in the same transaction as the effect: a unique key decides, not a look beforehand, because two workers
may look at the same moment. Measured: {n["forgetful_surplus"]:.0f} parcels too many in {n["forgetful_crashes"]:.0f}
crashes without, {n["idempotent_surplus"]:.0f} in {n["idempotent_crashes"]:.0f} with it.

An effect outside the database (a mail, a parcel, a charge) needs the id passed on, so that the other side can do the
same: that is what an idempotency key is. And where damage is done after all, count it and take it back: here
{n["called_back"]:.0f} parcels were called back until every invariant held again."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The worker is killed with SIGKILL by itself, at a line between the work and the acknowledgement that is there for this
purpose (services/common/consumer.py, `before_ack`): aiming from outside would mostly miss the few milliseconds. The
work that counts is the row in Postgres; a parcel that was packed by hand when the power went out before the row was
written would be packed again by any program. A crash may hit the redelivered message itself: then one order gets three
parcels, and it is still one too many per crash. Messages that were only fetched are counted as delivered too: after 20
such deliveries the queue would give up on them, and five crashes are far from that.""",
    mitigation="""\
The switch is the flag `fulfilment.idempotent`, the code services/fulfilment/shipments.py: two books, one of which
forgets. By hand: `./shoplab flag fulfilment.idempotent on`, and `./shoplab recall` for parcels sent twice.""",
    questionnaire=(
        (
            "The worker had fetched ten messages when it died. Why not ten parcels too many?",
            "It works on one after the other: nine had not been begun. With ten threads and one acknowledgement for "
            "all it would have been up to ten.",
        ),
        (
            "What if it acknowledged first and packed then?",
            "At most once. If it acknowledges each message just before working on it, one order is lost per crash; "
            "with the broker's auto-ack (`fulfilment.ack on_delivery`), all that was already sent to it and not yet "
            "packed.",
        ),
        (
            "Two workers get the same order at the same moment. Does looking it up first help?",
            "Not by itself: both look, both find nothing. The primary key decides, in the transaction that sends the "
            "parcel; looking first only saves the packing.",
        ),
        (
            "Why is the message told to orders again, although the parcel is packed?",
            "The crash may have come between the two. Telling is harmless when repeated; not telling is not.",
        ),
    ),
    further="""\
Now let the letter writer die: while `./shoplab load --mix checkout --rate 5 --duration 8` runs in one window, break
`crash_before_ack` on notifications-1 in another. How many letters does each shopper get, and which line of
services/notifications/messages.py decides it?""",
    interview=Interview(
        question="Your queue delivers at least once. How do you make sure that an order is shipped exactly once?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: write the four lines of the map on the board and let the class say where a crash does what. 10 min: run in quick
mode. 10 min: tables, questionnaire, then the question whether Kafka's "exactly once" contradicts this (it holds within
Kafka, where effect and offset share a transaction). What goes wrong: on a very busy machine a call to orders times out
and the work is tried again, which without memory is one more parcel; the claim allows for it. The lab calls parcels
back at its end, so the shop is well afterwards.""",
)
