"""What is told around `broker-crash`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Nothing was lost at the checkout: {n["careless_orders"] + n["careful_orders"]:.0f} orders were confirmed,
{n["careless_failed"] + n["careful_failed"]:.0f} failed, whether the broker lived or not, because an order and its
announcement are one row each in one transaction. The rest is about who believes whom.

Without confirms the relay believed its own socket. A socket takes bytes as long as there is room in the buffers of two
kernels, whether or not the program at the other end still reads. The broker stalled for
{n["careless_stalled_s"]:.1f} s, {n["careless_lost_unheard"]:.0f} announcements went into the buffers, their rows were
marked as sent, and the kill threw them away. Nobody had an error.

What waited for another try waited in a durable queue. Durable is the queue, not what is in it: the queue came back
after the restart, and {n["careless_lost_waiting"]:.0f} of {n["careless_waiting"]:.0f} messages did not, because they
had been published as transient. The work queue itself lost nothing: a quorum queue writes every message to disk.

Both were found by looking for a trace that should be there: {n["resent"]:.0f} events without a letter or a parcel were
announced again from the outbox, and every order was shipped. With confirms the relay held the same announcements back
until the broker was there again; on disk, in a quorum queue, the {n["careful_waiting"]:.0f} that waited came back.
Orders lost: {n["careful_lost"]:.0f}."""


def short_answer(n: Numbers) -> str:
    return (
        "Four promises in a chain: the event is in the database with the order (outbox), it counts as sent only when "
        "the broker confirms, the broker has it on disk, the worker acknowledges after the work. I killed a stalled "
        f"broker: {n['careless_lost']:.0f} confirmed orders lost without confirms and with what waits in memory, "
        f"{n['careful_lost']:.0f} with confirms and everything on disk. The checkout did not depend on the broker."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Ask at each hand-over who may forget. From the checkout to the relay: nobody, the outbox row is in the order's own
transaction. From the relay to the broker: publishing is writing to a socket, so only a confirm counts. Measured
without: all that came while the broker stalled, λ·d, here {n["careless_lost_unheard"]:.0f} orders.

Inside the broker: a durable queue survives as a name; its messages survive only if they are persistent, or if the queue
is a quorum queue, which writes all of them. Measured: {n["careless_lost_waiting"]:.0f} of {n["careless_waiting"]:.0f}
transient ones gone. A confirm for a persistent message means that it is on disk, on most nodes in a cluster.

From the broker to the worker: acknowledge after the work. Each of these repeats rather than loses, so the work must be
idempotent.

And for the day when something is lost all the same: keep the outbox, compare both ends, announce again what left no
trace, as was done here for {n["resent"]:.0f} events. A loss that can be counted can be repaired."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The stall makes visible what a kill alone mostly hides: on an idle machine only a few milliseconds of announcements are
under way, so a plain kill loses one or none, and one believes that it is safe. Brokers do stall: a full disk, a long
garbage collection, a paused virtual machine. Persistent messages in a classic queue are not enough for what waits:
built so, this shop lost 38 of 40. They came back from disk, were due at once, and went to the work queue before that
was there; a classic queue asks for no confirm when it passes a message on. A quorum queue that dead-letters at least
once does (services/common/bus.py). The process is killed, the machine is not: a power cut would also take what the
operating system had not written, and there a confirm is worth as much as the disk's word. That messages wait for
another try at all is made by orders refusing to hear of shipments (503); those that wait have their parcel packed
already, and it is the shopper who never hears of it. The stall is counted until the kill is asked for; what comes in
the moment until it strikes is lost too. One node proves nothing about the loss of a disk: that is what a cluster and
its majority are for.""",
    mitigation="""\
The switches are the flags `relay.confirms` and `fulfilment.retry`; the code is services/relay/careless.py against
services/common/bus.py, and services/common/retries.py. By hand: `./shoplab flags` shows both, and `./shoplab resend`
announces again what left no trace.""",
    questionnaire=(
        (
            "Is `durable=True` on the queue enough?",
            "No. It keeps the queue's name and bindings. A message needs delivery mode 2, or a quorum queue.",
        ),
        (
            "The relay dies after the confirm, before it marks the row. What happens?",
            "The row is sent again after its restart: twice, never not at all. The worker is idempotent.",
        ),
        (
            "Why not publish in the checkout and wait for the confirm there?",
            "The order and the message cannot be one transaction: a crash between them loses one of the two. And the "
            "checkout would fail whenever the broker is away.",
        ),
        (
            "Does a confirm mean that the order will be packed?",
            "It means that the broker has the message. Packed it is when the worker has acknowledged, and what it "
            "never can is in the dead-letter queue.",
        ),
        (
            "What do confirms cost?",
            "A round trip and a disk write each, when waited for one by one: about a thousand a second here. Batches "
            "or a window of unconfirmed messages give most of it back.",
        ),
    ),
    further="""\
Now change one knob only: `./shoplab flag relay.confirms off`, kill the broker under a load without freezing it first,
heal, and count with `./shoplab resend`. How often do you have to try until something is lost? Then give it back:
`./shoplab flag relay.confirms default`.""",
    interview=Interview(
        question="Your message broker is killed. How do you know that no order was lost?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
10 min: the chain of four promises on the board, each with the question who may forget. 10 min: run in quick mode; the
broker needs five seconds for each start, so talk about the outbox meanwhile. 10 min: tables, questionnaire. What goes
wrong: on a slow machine the broker takes longer to come back and the run comes close to a minute. The lab announces
again at its end whatever left no trace, so no order stays behind, also when the run is interrupted.""",
)
