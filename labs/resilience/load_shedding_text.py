"""What is told around `load-shedding`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Sixteen threads with half a second of work for each page served {n["best"]:.1f} pages a second in time. Then
{n["offered"]:.0f} a second came.

Refusing nobody, the shop put everybody into a queue. It grows by two thirds of what comes, so each second of the crowd
adds two seconds of waiting, and after the first second everybody waits longer than anybody has patience. The threads
are as busy as before, with pages for people who have gone: {n["naive_goodput"]:.1f} answers a second came in time,
{n["naive_percent"]:.0f} % of the best, and of the checkouts {n["naive_pay_in_time"]:.0f} %. The shop was not broken and
not slow; it worked on the wrong requests.

With shedding a replica counts the requests inside, those at work and those that wait for a thread. Above a limit it
refuses, and each tier meets its own share of the limit: extras half of it, browsing all, checkout twice. Of the
extras {n["shedding_extras_refused"]:.0f} % were refused, of browsing {n["shedding_browse_refused"]:.0f} %, of checkouts
{n["shedding_pay_refused"]:.0f} %; of those let in {n["shedding_pay_of_admitted"]:.0f} % were answered in time. Goodput
was {n["shedding_goodput"]:.1f} a second, {n["shedding_percent"]:.0f} % of the best. A refusal took
{n["refusal_ms"]:.0f} ms, most of it waiting for a thread that has time to refuse.

Nobody sets the limit. Ten times a second it grows by one, or shrinks by a tenth if everybody had to wait for longer
than a tenth of a second: additive increase and multiplicative decrease, as TCP does with its window, and the shortest
wait as the sign of a standing queue, as CoDel does in routers. So it follows whatever a page costs today."""


def short_answer(n: Numbers) -> str:
    return (
        "Refuse early, and what matters least first. At three times the load a shop that refused nobody gave "
        f"{n['naive_percent']:.0f} % of its best goodput, because all waited longer than their patience; with "
        f"admission by tier it gave {n['shedding_percent']:.0f} %, and {n['shedding_pay_of_admitted']:.0f} % of the "
        "checkouts it let in succeeded."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Above capacity a queue grows for as long as the overload lasts, and waiting = backlog / capacity. Once that is longer
than clients wait, every answer is wasted work: throughput stays, goodput collapses. I measured {n["best"]:.1f} useful
answers a second at capacity and {n["naive_goodput"]:.1f} at three times the load.

So each replica bounds what is inside it. A fixed bound is wrong as soon as pages get slower or machines faster, so I
let it find itself: AIMD on the time a request waits for a thread, the same loop that TCP runs. The refusal has to be
cheap ({n["refusal_ms"]:.0f} ms here) and honest: 503 with Retry-After, so that clients and proxies neither retry at
once nor count it as a broken replica.

Then priority. Requests carry a tier, and what one service asks of another inherits it, or a checkout would be refused
in the catalogue by people who look around. Tiers get shares of the limit: extras were refused to
{n["shedding_extras_refused"]:.0f} %, browsing to {n["shedding_browse_refused"]:.0f} %, checkout to
{n["shedding_pay_refused"]:.0f} %. What I would add in a large shop: the same at the edge, because a refusal in the
replica still costs a request, and autoscaling, which is too slow for the first minutes: shedding buys it that time."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The work is a pause, not computation, so that the number of threads is the capacity and the load generator on the same
machine takes nothing from it. A refusal waits until a thread has time to say it; a server that refused before it had a
thread would be quicker still, but could not know the tier. While the limit finds its place, in the first second or two,
the queue is longer than later: that time is sent and not counted. The gateway asks a second replica when a page takes
longer than its timeout, so without shedding some pages are made twice: this belongs to the collapse. Refused people do
not come back in this load; real ones would, and Retry-After tells them when.""",
    mitigation="""\
The knob was turned in the method. By hand: `./shoplab flag storefront.shedding off`, and back to the shop's rule with
`./shoplab flag storefront.shedding default`. Every service has its own. The same mix is sent by
`./shoplab load --mix tiers --rate 20 --duration 5`.""",
    questionnaire=(
        (
            "Throughput without shedding is as high as with it. Why is that no comfort?",
            "It counts answers that nobody waits for any more. What matters is goodput: answers in time.",
        ),
        (
            "Why is the limit never below the number of threads?",
            "A thread that has nothing to do helps nobody. If fewer requests at once would be better, the replica has "
            "too many threads: that is for whoever sizes it, not for the limit.",
        ),
        (
            "A shopper's checkout asks the catalogue for a price. What would happen if that were a browsing request?",
            "It would be refused with the crowd's browsing, and the checkout that was let in would fail all the same. "
            "So the tier goes along in a header, and the gateway takes that header away from whoever comes from "
            "outside.",
        ),
        (
            "Why not a longer queue instead of refusing?",
            "A queue smooths what is above capacity for a moment. Against three times the load for a minute it only "
            "decides how late everybody is.",
        ),
    ),
    further="""\
Now let twice as many come as can be served instead of three times. Which share of browsing do you expect to be served?
Compute (capacity - checkout) / browsing first.""",
    interview=Interview(
        question="Your service gets three times the load it can serve. What happens, and what should happen?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask what a full restaurant does with the four hundredth guest. 10 min: predict and run. 5 min: the plot of
fates: the left bars are everybody's, the right ones are a choice. 5 min: who decides which tier a route has? What goes
wrong: a busy machine slows the refusals down; the run says so when the generator lags.""",
)
