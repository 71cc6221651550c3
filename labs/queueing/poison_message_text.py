"""What is told around `poison-message`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A queue does not know whether a message is worth another try; only its worker does. The naive worker says "again, at
once" whatever happened, so the same 60 messages went round and round: {n["requeue_deliveries"]:.0f} deliveries in
{n["requeue_seconds"]:.0f} s, {n["requeue_per_s"]:.0f} a second, {n["requeue_per_s"] * 86_400 / 1e6:.0f} million a day.
Each failed within {n["requeue_try_ms"]:.1f} ms, which sounds cheap. But a queue is first come, first served: a good
order joined at the end, behind all of the poison, every time. Its parcel was {n["requeue_ms"]:.0f} ms late instead of
{n["usual_ms"]:.0f}. The log grew by a line for every delivery, and nobody was told.

With a limit the same messages were tried four times: at once, and after 1, 2 and 4 s, out of the way in a retry queue.
After {n["limited_deliveries"]:.0f} deliveries, {n["limited_seconds"]:.0f} s later, all {n["limited_dead"]:.0f} lay in
the dead-letter queue, each with the reason in its header x-reason. Waiting is what makes a retry worth anything: a
cause that heals by itself needs time, not attempts.

A dead letter is a promise not kept yet. For a while orders refused to hear of shipments, as after a bad release, and
{n["dead_orders"]:.0f} good orders died. When the cause was gone, {n["put_back"]:.0f} letters were put back: each copy
confirmed by the broker before the letter left the dead-letter queue, so none was lost: {n["refused_shipped"]:.0f} of
the {n["refused"]:.0f} orders are shipped and {n["dead_in_the_end"]:.0f} letters are dead in the end. That some parcel
had been packed already did no harm: packing is idempotent."""


def short_answer(n: Numbers) -> str:
    return (
        "Limit the retries, let each wait longer, then park the message in a dead-letter queue that somebody watches. "
        f"I measured 60 poison messages: requeued at once they were delivered {n['requeue_per_s']:.0f} times a second "
        f"and parcels were {n['requeue_ms']:.0f} instead of {n['usual_ms']:.0f} ms late; with three delayed retries "
        f"there were {n['limited_deliveries']:.0f} deliveries in all."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
First tell two kinds of failure apart. An outage (the database is away) says nothing about the message: keep it, wait,
try for ever, slowly. Anything else may be the message's own fault: try a few times, later each time, then stop.

Where it waits matters. A message that goes back into its own queue stands in front of good ones: with P poison
messages of t seconds each, everybody waits P·t / (1 - λs) longer, here {n["requeue_ms"] - n["usual_ms"]:.0f} ms. A
message that waits in a queue of its own, whose time to live sends it back, costs nothing meanwhile.

The dead-letter queue needs an owner, an alarm on its length, the reason in each letter, and a way back. Ours is a
command that copies with confirms and only then removes: {n["put_back"]:.0f} of {n["dead_orders"]:.0f} came back. A
crash in between makes a copy too many, never one too few, so the worker must be idempotent.

Brokers have a last resort of their own: RabbitMQ's quorum queues count deliveries and give up at a limit. It is no
policy: it knows neither waits nor outages."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The naive variant publishes a copy to the end of the queue and acknowledges the original; a plain reject would be ended
by the queue's own delivery limit of 20. The cost t of a try is not known beforehand: it is what the time of the run
leaves for each try when packing is taken out, so the first formula says only that the worker never rests. t holds
a Postgres client that refuses, a publish with confirm and an acknowledgement, and grows on a busy machine. What is
usual is measured before the poison and after it, and the lower counts, because a busy machine only ever makes things
later: relay's poll (0 to 100 ms), packing, Postgres. The last letter is dead a little
after 7 s, because 60 messages come back at the same moment and are worked on one after the other.""",
    mitigation="""\
The switch is the flag `fulfilment.retry`, the code is services/common/retries.py: two policies of a few lines. By hand:
`./shoplab flag fulfilment.retry limited`, `./shoplab redeliver fulfilment`.""",
    questionnaire=(
        (
            "Why was the checkout not late?",
            "It does not wait for the warehouse: the order is confirmed when it is in the database, with its outbox "
            "row. What waits is behind the queue.",
        ),
        (
            "Would a second worker have helped?",
            "It more than halves the wait and more than doubles the burning: good orders leave 2 - λs of two workers' "
            "time to the poison, but only 1 - λs of one worker's.",
        ),
        (
            "Why wait 1, 2 and 4 s and not three times 1 s?",
            "Most causes are over soon, some are not. Doubling covers both with few tries, and a crowd of messages "
            "that failed together does not hammer whatever is recovering.",
        ),
        (
            "You put dead letters back before the cause is gone. What happens?",
            "Each is tried four times again and dies again, 7 s later: nothing is lost, nothing is gained.",
        ),
        (
            "An order is shipped only after two days in the dead-letter queue. What was missing?",
            "An alarm on the queue's length. A dead-letter queue that nobody watches is a slow way to lose orders.",
        ),
    ),
    further="""\
Now change where the poison goes: `./shoplab break poison_message rabbitmq queue=notifications count=20`. Who notices
this time? Look with `./shoplab logs notifications-1`, count the retries, then `./shoplab heal`.""",
    interview=Interview(
        question="A message makes your consumer fail every time. What do you do, and what happens if you do nothing?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw the map without the lower half and ask what a worker should say to the broker after a failure. 10 min: run
in quick mode; let somebody follow `./shoplab logs fulfilment-1` meanwhile. 10 min: tables, questionnaire. What goes
wrong: on a slow machine a try takes 10 ms, so there are fewer deliveries and longer waits; the claims are ratios and
hold. Good orders may die of other causes if somebody breaks the shop meanwhile: the lab puts back at the end whatever
is dead.""",
)
