"""What is told around `backpressure`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Eight orders a second were taken and {n["packed_per_s"]:.1f} packed, so every second of the sale made parcels
{n["growth"]:.2f} s later: {n["off_worst_s"]:.1f} s after only {n["off_seconds"]:.0f} s. No request failed and no
latency rose. The queue has no limit, so it takes the news from the warehouse and keeps it to itself.

The cure is to let the intake know. It needs two figures, and has both in its own table: how many orders wait, and how
many left while the oldest of them waited. In that time the warehouse was never idle, so what left is its capacity, and
waiting / capacity is what the next order would wait. Nobody configures the warehouse's speed, so nobody forgets to.

Refusing above the limit, the shop first refused everybody until the old backlog was packed, then took
{n["admitted_per_s"]:.1f} orders a second and refused {n["refused_percent"]:.0f} %. No order that was taken waited
longer than {n["refuse_worst_s"]:.1f} s. The limit was 2 s: between two looks at the backlog more comes in than should.
{n["refused"]:.0f} shoppers were refused and {n["refused_attempts"]:.0f} of them had been begun: the door is before
reservation and payment.

Promising later, it took {n["later_percent"]:.0f} % and said when each would be packed. At the median it took
{n["kept_ratio"]:.2f} times what was promised, up to {n["later_worst_s"]:.1f} s. The delay is the same as in silence,
and it is another thing to know it before."""


def short_answer(n: Numbers) -> str:
    return (
        "A queue needs a limit in seconds of work, and the limit must reach the intake: without it parcels became "
        f"{n['off_worst_s']:.0f} s late within {n['off_seconds']:.0f} s; with it the shop took "
        f"{n['admitted_per_s']:.1f} orders a second, as many as are packed, and none of them waited longer than "
        f"{n['refuse_worst_s']:.1f} s."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
If arrivals exceed capacity for long, a queue does not help: it grows by λ - μ and everybody behind it waits backlog /
μ. I measured {n["growth"]:.2f} s of delay for each second of sale. So the slowest link has to be heard at the front
door.

I measure the backlog in time, not in messages: orders waiting / orders leaving. While something waits, the rate at
which things leave is the capacity. The figure is refreshed twice a second, so it costs nothing, and its age is the
overshoot: λ · 0.5 s / μ in addition to the limit. I saw {n["refuse_worst_s"]:.1f} s for a limit of 2 s.

What to say at the door is a decision for the business. Refuse, before anything is reserved or charged, with 503 and
Retry-After: the shop then takes μ ({n["admitted_per_s"]:.1f} a second) and loses the rest, {n["refused_percent"]:.0f}
%. Or take everything and promise honestly: {n["later_percent"]:.0f} % sold, packed after {n["kept_ratio"]:.2f} times
what was promised. The second needs that people can wait for the goods, and that the overload ends some day.

What is not allowed is the third: take the money and say nothing."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
A parcel takes a little longer than the packing time, so the warehouse is slower than 4 a second and everything that
follows from it is a little worse; the table shows the measured μ. Each replica of orders looks at the backlog by
itself, twice a second: admission comes in small bunches, and promises are a little too early, as the last look is up to
half a second old and more has come in since. A shop that has to keep them adds a margin. The refused half of the
shoppers does not come back in this load; real ones would, and Retry-After tells them when. The estimate takes it that
orders leave in the order they came, which is not quite so with several packers.""",
    mitigation="""\
The knob was turned in the method. By hand: `./shoplab flag orders.intake refuse`, and back to the shop's rule with
`./shoplab flag orders.intake default`; the limit is `./shoplab flag orders.intake_limit_s default`. Look at an order's
page while the warehouse is slow: it says when the parcel will be packed.""",
    questionnaire=(
        (
            "Why is the limit a time and not a number of orders?",
            "40 orders are ten seconds for one packer and one second for ten of them. Shoppers feel the time, and a "
            "limit in orders would be wrong as soon as somebody adds a packer.",
        ),
        (
            "Why does the shop not simply use the number of orders packed in the last five seconds as the capacity?",
            "In a quiet hour few are packed because few are ordered. Only while something waits is the warehouse busy, "
            "and then what leaves tells what it can do.",
        ),
        (
            "Why must the refusal come before the payment?",
            "A charge that has to be given back is a failure the customer sees on a bank statement. And an order that "
            "was confirmed is never taken back.",
        ),
        (
            "RabbitMQ can limit a queue and reject what is published. Why is that not enough here?",
            "The relay would be refused, not the shopper: the order is taken and paid by then. Backpressure has to "
            "travel all the way to where somebody can still say no.",
        ),
    ),
    further="""\
Now make it overshoot more: what if the intake looked only every five seconds? Compute λ · 5 s / μ first. And what would
happen if both replicas of orders counted only what they themselves had taken?""",
    interview=Interview(
        question="Your warehouse packs half of what you sell during a sale. What does your system do?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask what a shop should say when it has more orders than hands; collect refusing, promising, hiding. 10 min:
predict and run. 10 min: the plot of delays: three policies, three shapes; the promises lie on the parcels. 5 min: who
decides between the two cures? Not the engineer. What goes wrong: on a busy machine packing is slower than 4 a second
and fewer orders are taken; the rate is compared with the arithmetic to a factor of 1.4.""",
)
