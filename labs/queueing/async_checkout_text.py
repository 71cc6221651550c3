"""What is told around `async-checkout`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A checkout that waits for its parcel is as slow as checkout and warehouse together: {n["steady_before_p50_ms"]:.0f} ms
became {n["waits_a_little_p50_ms"]:.0f} ms when packing took 180. That is the harmless case, as the packer keeps up.

At 400 ms for a parcel, 2.5 of 4 orders a second could be packed, so one expects that 2.5 of 4 shoppers get through.
Only {n["waits_slow_percent"]:.0f} % did, the first ones, and {n["later_percent"]:.0f} % of those who came after 3 s.
Each shopper waits 150 ms longer than the one before, until waiting takes more than the 1.5 s that anybody waits. From
then on the packer, who works in order, is always busy with the parcel of somebody who has just left.

With a dead warehouse the waiting checkout confirmed {n["waits_dead_percent"]:.0f} %. The checkout with the queue
confirmed {n["queue_slow_percent"]:.0f} % and {n["queue_dead_percent"]:.0f} %, at {n["queue_slow_p50_ms"]:.0f} and
{n["queue_dead_p50_ms"]:.0f} ms: it only writes down, in the transaction that makes the order, that there is something
to pack.

And the worst: {n["charged"]:.0f} of the {n["errors"]:.0f} shoppers who read an error have an order and were charged.
The error was about the parcel, but they cannot know. All parcels were packed later, once each, because the event is
written either way and packing is idempotent."""


def short_answer(n: Numbers) -> str:
    return (
        "What a request waits for, it inherits: with a dead warehouse the checkout that waits for the parcel confirmed "
        f"{n['waits_dead_percent']:.0f} % of orders, the one that hands it to a queue {n['queue_dead_percent']:.0f} %, "
        f"in {n['queue_dead_p50_ms']:.0f} ms."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
I ask of every step in a request: must the customer know the outcome now? Stock and payment yes, they decide whether
there is an order. Packing no: so the checkout writes an event into an outbox, in the same transaction as the order,
and a relay publishes it. If I published in the request, a crash between commit and publish would lose the parcel.

The price is that the outcome comes later, so the consumer has to be idempotent and the page has to say "confirmed", not
"shipped".

What it buys I measured. Latency: {n["rise_ms"]:.0f} ms of packing left the request. Overload: with a packer for 2.5 of
4 orders a second the waiting checkout did not serve 2.5 of 4 but {n["waits_slow_percent"]:.0f} % and falling, because
a line in order and a timeout mean working for people who have left. Availability: in series they multiply, so a dead
warehouse left {n["waits_dead_percent"]:.0f} %, against {n["queue_dead_percent"]:.0f} % with the queue. Honesty: of
{n["errors"]:.0f} shoppers who read an error {n["charged"]:.0f} had been charged.

A queue moves the overload, it does not remove it: now I watch the age of its oldest message."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Both checkouts write the event, so the queue packs as well while shoppers wait, and takes its turn at the packing table:
the waiting checkout has a little less than the whole packer, and a few shoppers less get through than the formula says.
A parcel also takes a little longer than the packing time, as it is written down. The dead warehouse refuses at once; a
frozen one would have let every shopper wait for the whole bound before the error. Percentiles of some twenty requests
are rough: the claims are about shares and factors.""",
    mitigation="""\
The knob was turned in the method: `./shoplab flag orders.ship_in_request off`, which is the shop's default. Were the
synchronous call needed, a shorter bound, a breaker, and serving the newest first in an overload would each help.""",
    questionnaire=(
        (
            "Why did the waiting checkout not serve 2.5 of 4 shoppers?",
            "Because the packer works in order and everybody leaves after 1.5 s. Once the line is 1.5 s long, each "
            "parcel is finished just after its shopper has gone. Serving the newest first would serve 2.5 of 4.",
        ),
        (
            "Why does a shopper who read an error have an order?",
            "The order was committed before the call to the warehouse. Calling before the commit would be worse: a "
            "parcel for an order that may not come to be. An honest answer is 504, may have happened: ask again with "
            "the same key.",
        ),
        (
            "Why is the event written in the transaction of the order, and not published by the checkout?",
            "Two systems cannot be changed in one step. A crash in between would lose the parcel, or announce an order "
            "that was rolled back.",
        ),
        (
            "Three services in series, each available 99.9 % of the time. How available is the request?",
            "0.999 to the third power, 99.7 %: 26 hours a year instead of 9. Whatever leaves the request leaves the "
            "product.",
        ),
    ),
    further="""\
Now let the checkout wait again, with a packing time below 1/λ = 250 ms: `./shoplab flag orders.ship_in_request on`,
`./shoplab break consumer_slow fulfilment delay_ms=220`. Under `./shoplab load --mix checkout --rate 4 --duration 8`
nothing fails. Then let arrivals come in bunches with
`./shoplab load --mix checkout --rate 4 --duration 8 --arrival poisson`: how full may a server be before bunches make
shoppers wait? Compare with the utilisation λ·s. Afterwards `./shoplab heal` and
`./shoplab flag orders.ship_in_request default`.""",
    interview=Interview(
        question="Which steps of a checkout belong into the request, which do not, and what does a wrong choice cost?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: list the steps of a checkout on the board and let them mark those a shopper has to wait for. 10 min: predict and
run. 15 min: the plots; stay with the third claim, it surprises everybody: overload and a timeout do not share out what
there is, they waste it. What goes wrong: on a slow machine a parcel takes longer than 400 ms and even fewer get
through. Ask at the end what happens to the queue if the warehouse stays slow all day: that is the next lab.""",
)
