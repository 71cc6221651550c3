"""What is told around `queue-backlog`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Six orders a second came in and one packer managed three, so {n["growth"]:.1f} more waited every second, and
{n["backlog"]:.0f} after {n["seconds"]:.0f} s. Nothing in the shop was broken: every request was answered, the checkout
took {n["slow_p50_ms"]:.0f} ms at the median ({n["normal_p50_ms"]:.0f} ms before). A checkout only writes down that
there is something to pack, in the transaction that makes the order, so it does not know how long packing takes.

The delay did not vanish, it moved to where nobody looked: a parcel used to be packed {n["normal_delay_s"]:.2f} s after
its order, the last one before help came was {n["late_delay_s"]:.1f} s late. Whoever comes next waits for all in front:
backlog / μ.

Four packers take 12 a second, but six still arrive, so the backlog shrinks by the difference only:
{n["helped_backlog"]:.0f} orders took {n["drain_s"]:.1f} s. That is why capacity that is just enough is not enough after
an outage: at μ' = λ the backlog stays for ever."""


def short_answer(n: Numbers) -> str:
    return (
        "A queue turns an overload into a delay: with 6 orders a second and one packer for 3 I saw the checkout stay "
        f"at {n['slow_p50_ms']:.0f} ms while parcels became {n['late_delay_s']:.0f} s late; four packers caught up in "
        f"{n['drain_s']:.0f} s, backlog / (μ' - λ)."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A queue between two steps lets each go at its own pace. It absorbs a burst: as long as arrivals exceed capacity it
grows by λ - μ (I measured {n["growth"]:.1f} a second for 6 - 3), afterwards it shrinks by μ' - λ.

What it does to people: those in front do not notice, checkout p50 was {n["slow_p50_ms"]:.0f} ms. Those behind it wait
backlog / μ: a parcel was {n["late_delay_s"]:.1f} s late when the arithmetic said
{n["late_expected_s"]:.1f}. So I alert on the age of the oldest message, not on the error rate: no request
failed here.

What it does not do is create capacity. A queue is for bursts; if λ > μ on average it only postpones the failure, and
then the intake must be told (backpressure). And the capacity that is added must exceed the arrivals by a margin, which
decides how long the recovery takes: {n["helped_backlog"]:.0f} orders at 12 - 6 a second took {n["drain_s"]:.1f} s."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
A packer is a little slower than 1 / packing time, because it also writes the parcel down and tells orders, so the
backlog grows a little faster than λ - μ and drains a little slower. The backlog is counted in the tables: the broker's
own figure leaves out up to ten messages that each packer has taken in advance (prefetch). Those ten stay with the first
packer when the others come, so some later orders are packed before them: look for it in the plot of delays. While the
new packers start, the backlog still grows. Arrivals are evenly spaced: bunches (`poisson`) would make queues even below
capacity.""",
    mitigation="""\
The knob was turned in the method: `./shoplab scale fulfilment=4`, while the shop is open. The queue's depth is the
signal to do it by, and an autoscaler does just that.""",
    questionnaire=(
        (
            "No request failed and no latency rose. Which two figures would have told you?",
            "The depth of the queue, and better: the age of its oldest message. A depth of 40 means nothing without "
            "the capacity; an age of 10 s is what a customer feels.",
        ),
        (
            "Packing is repaired, but only to 6 parcels a second, as many as are ordered. When is the backlog gone?",
            "Never: backlog / (μ' - λ) with μ' = λ. It waits for the night, when λ falls.",
        ),
        (
            "Why does the backlog go on growing for a moment after somebody ordered more packers?",
            "They have to start first. Whatever the start takes is paid for twice: (λ - μ) · start more orders, which "
            "take another (λ - μ) · start / (μ' - λ) to drain.",
        ),
        (
            "Would a longer queue help?",
            "No. A longer queue is a longer delay, and a bounded one at least says so. It helps against bursts only.",
        ),
    ),
    further="""\
Now change the number of packers: with three the capacity is 9. How long do 40 orders take then, and how many packers
would you need to be back within 2 s? Solve it first. Then try:
`./shoplab break consumer_slow fulfilment delay_ms=333.3`, `./shoplab load --mix checkout --rate 6 --duration 14`,
`./shoplab scale fulfilment=3`, and when you have seen enough `./shoplab heal` and `./shoplab scale fulfilment=1`. If
you scale after the load has ended, λ = 0: expect backlog / 9.""",
    interview=Interview(
        question="Your order pipeline has a queue, and its consumer becomes slow. What happens, and what do you do?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw the map, let them predict; most expect the checkout to become slower. 10 min: run, and look at the first
plot together: slope up, slope down, formula beside each. 10 min: who was hurt? Ask for the one alert they would set.
What goes wrong: on a machine that is very busy a packer is slower than a third of a second, and the drain takes longer
than the formula says; the table shows the measured μ. Ask at the end: what if no help comes?""",
)
