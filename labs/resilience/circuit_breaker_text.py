"""What is told around `circuit-breaker`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A frozen payments still accepts connections, so nothing fails quickly. Without a breaker each checkout waited for the
whole timeout and then failed all the same: {n["without_wait_ms"]:.0f} ms for bad news. Meanwhile it held a thread of
orders. How many that are is Little's law, rate times time: {n["without_threads"]:.1f} threads of 16 were waiting for an
answer that would not come. At a slightly higher rate all of them would, and then orders cannot show an order either.
And payments, the sick one, was asked {n["without_asked"]:.0f} times in these seconds; had it come back weak, that would
have been its first work.

The breaker counts failures in a row. After five it opens: for half a second nobody asks, and whoever would is
refused at once ({n["breaker_refused"]:.0f} times, after {n["breaker_wait_ms"]:.0f} ms). Then it is half-open: one call,
and only one, is let through as a trial. While payments is silent that trial takes the timeout, so
{n["breaker_threads"]:.1f} threads waited instead of {n["without_threads"]:.1f}, and payments was asked
{n["breaker_asked"]:.0f} times. The first trial that is answered closes the circuit: {n["breaker_back_s"]:.1f} s after
payments went on an order was confirmed, and nobody had to notice anything."""


def short_answer(n: Numbers) -> str:
    return (
        "It stops asking a dependency that failed several times in a row: callers get an error at once and not after "
        "the timeout, threads stay free, and the sick one is left alone; then one trial at a time finds out whether it "
        f"is back. Measured: {n['without_threads']:.0f} threads waiting against {n['breaker_threads']:.0f}, "
        f"{n['without_wait_ms']:.0f} ms for the bad news against {n['breaker_wait_ms']:.0f} ms, and orders again "
        f"{n['breaker_back_s']:.1f} s after it was back."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A dependency that is slow to fail costs its callers more than one that is dead: each call holds a thread for the whole
timeout. By Little's law that is rate times timeout, here {n["without_threads"]:.1f} of 16 threads. Shorter timeouts
help in proportion; a breaker takes nearly all of it.

Closed, it counts: five failures in a row open it. (Better with much traffic: a share of the calls in a window, so that
one slow replica of many does not open it. And only outages count: a declined card is an answer, a timeout of a caller
in a hurry proves nothing, and a refusal of a service that protects itself is not an outage.) Open, it refuses at once;
{n["breaker_refused"]:.0f} checkouts were told after {n["breaker_wait_ms"]:.0f} ms. Half-open, it lets one trial
through. Letting everybody through would be a crowd at the door of somebody who has just got up. One success closes it.

What a shopper sees instead is a product decision: the recommendations fade away, the payment says "not now, your card
was not charged, the same order can be sent again". A breaker per dependency and per replica, no shared state: each
finds out for itself, at the price of one trial each ({n["breaker_asked"]:.0f} calls here).

It does not replace a timeout, which bounds each trial, nor a bulkhead, which bounds what is lost until it opens."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
All of it is counted from 5.5 s after the freeze: a circuit opens after five failures in a row, each takes 2 s, and so
long wait those who asked before it opened. Until then both variants are alike, so a short outage is over before a
breaker helps. Each of the two replicas has a breaker of its own. The bulkhead (at most six calls to one peer from each
replica) is off in both variants, or it would refuse some checkouts itself. Refused checkouts end sooner, and a
generator with an open schedule does not come again sooner for that; people and programs may. A call of the reconciler,
which settles what ended in the dark, can be the trial as well.""",
    mitigation="""\
The switch is the flag `orders.breaker`, the code services/common/breaker.py: fifty lines, a lock for the books and none
around the call. By hand: `./shoplab flag orders.breaker on`. Failures and rest are settings (`SHOP_BREAKER_FAILURES`,
`SHOP_BREAKER_WAIT_S`). Every service has one before each other service it calls; `shop_peer_circuit_open` in its
/metrics says how they are.""",
    questionnaire=(
        (
            "Payments declines one card in three. Should the circuit open?",
            "No. A refusal is an answer, and a quick one. Only what keeps callers from an answer counts.",
        ),
        (
            "Why is one trial let through, and not everybody?",
            "Whoever has just come back has cold caches and a queue. And if it is not back, everybody would wait for "
            "the timeout again.",
        ),
        (
            "The timeout is 2 s, the rest half a second. What share of the time does a trial wait while payments is "
            "silent?",
            "2 / 2.5, so 80 % of one thread in each replica. A longer rest makes it cheaper and the recovery later.",
        ),
        (
            "One of four replicas of a service is frozen. Does a breaker in front of the service open?",
            "It need not: a safe call is made again at another replica, and a success in between resets the count. The "
            "balancer's health checks are for a sick replica, the breaker is for a sick service.",
        ),
    ),
    further="""\
Run it at twice the rate: then the threads run out, and whoever asks for an order waits, too. Set
`SHOP_BREAKER_WAIT_S: "5"` for orders in compose/compose.yaml, then start the shop anew (`./shoplab down`,
`./shoplab up`): what happens to the recovery, what to the trials? Watch `./shoplab logs orders-1` meanwhile. The lab
`slow-cache` has the same idea for cache nodes.""",
    interview=Interview(
        question="A service you depend on has become very slow. How do you keep it from taking you down, and how do "
        "you notice that it is well again?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Twenty-five minutes. Ask for the number of threads first: rate times timeout is the one formula to take home. Then let
somebody say why "just set a shorter timeout" is half an answer. The dots of the first plot are worth a minute: both
clouds rise to the timeout, one comes down while payments is still frozen. Between the variants the lab waits some eight
seconds for the reconciler. If the threads are far fewer than predicted, the machine sent fewer checkouts than planned:
look at the generator's lag.""",
)
