"""What is told around `retry-storm`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Before the stop the catalogue was busy for two thirds of its time, and {n["naive_before"]:.0f} % of the pages were
shown. While it stood still, requests piled up before it. When it went on, it began with the oldest, as queues do; but
whoever had sent them had stopped waiting after 0.7 s and had sent another one. So each page now cost the catalogue
{n["naive_attempts"]:.1f} requests instead of one, 26 a second where it can answer 20: the queue could only grow. Every
answer came too late for its page, which made the next page try again. {n["naive_wasted_percent"]:.0f} % of its answers
were given to nobody; that is what a machine looks like that is busy all the time and of no use. The stop was over, the
load was what it had been, and {n["naive_later"]:.0f} % of the pages were shown: a state that keeps itself alive is
called metastable (Bronson and others, 2021). Left to itself only less load would have ended it.

Then the bounds were switched on, in the middle of the storm. Nothing was restarted and as many people came as before;
pages were shown again after {n["healing_s"]:.1f} s, and from 8.5 s on {n["healed"]:.0f} % of them. The backlog had to
be worked off first, at 20 requests a second, while the storefronts asked for next to nothing; then a trial of each
breaker had to succeed.

With the bounds on all along, {n["bounded_later"]:.0f} % were shown where plain retries showed {n["naive_later"]:.0f} %,
and {n["bounded_failed"]:.0f} pages failed in all. All four were on together, so this run does not say which would have
been enough (see Further). What each did in it: the budget allows retries for a tenth of the calls (and ten to begin
with), which the catalogue can carry; {n["bounded_over_budget"]:.0f} retries were forbidden. The breaker asks nobody for
half a second at a time, so that the queue can drain; {n["bounded_left_alone"]:.0f} calls were not made because it was
open. A request says how long it is waited for; {n["bounded_too_late"]:.0f} were dropped by the catalogue because nobody
waited any more. Jitter keeps those who failed together from coming again together; nothing counts that."""


def short_answer(n: Numbers) -> str:
    return (
        "Retries multiply the load just when there is least to spare, and late answers make more retries: the outage "
        "outlives its cause. Bound them: a budget of about 10 % of the calls, jitter, a breaker, deadlines passed on. "
        f"Measured after a stop of 2.5 s: {n['naive_later']:.0f} % of the pages shown with plain retries, "
        f"{n['bounded_later']:.0f} % with bounded ones, and {n['healed']:.0f} % soon after the bounds were switched on "
        "in the middle of the storm."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A retry is a bet that the trouble was bad luck. For a lost packet or one sick replica it is; for overload it is the
opposite: work added because there is too much work. With a timeout of 0.7 s within 1.5 s each failing call was made
{n["naive_attempts"]:.1f} times; at two thirds of the capacity that is more than there is. Layers multiply: three tries
in each of three layers are 27.

Then comes the trap. The queue makes answers late, callers leave and try again, the server works for those who left
({n["naive_wasted_percent"]:.0f} % of its answers here). The trigger may be gone for minutes. Such a state ends by less
work, not by more patience: shed, restart, or bound the retries, then and there if there is a switch for it
(pages after {n["healing_s"]:.1f} s here) and better from the beginning.

Four bounds, each for another part of it. A retry budget, a bucket of tokens that first attempts (Finagle) or successes
(gRPC) fill with a tenth each, bounds the multiplication whatever happens; "three retries" bounds nothing. Full jitter
spreads what is left. A breaker stops first attempts, too. A deadline that travels with the request lets the server drop
what nobody waits for. And retry in one layer only, where it is safe (idempotent), never what was refused on purpose.
With them {n["bounded_later"]:.0f} % of the pages were shown where plain retries showed {n["naive_later"]:.0f} %."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The catalogue's 0.4 s an answer are a wait (the fault `http_delay`), so that its capacity is known: eight threads, 20
answers a second, on any machine. It is a wait that comes after the look at the deadline, as real work would. Its
shedding (`catalog.shedding`) is off in both variants: it would refuse what it cannot answer in time, and end the
storm by itself. The recommendations ask the catalogue, too, about one request a second. The retries that the budget
allows at first (ten for each replica of the storefront) are why bounded calls are made more than 1.1 times during a
short stop. The storefront has three replicas: in the storm a page holds a thread for 1.5 s, and before two of them
pages would queue as well. Attempts are counted at one moment of the storm, when some ten calls have been made again
and have not ended: so a few more than two come out. Healing counts from the first of the four switches, which
together take more than a second, and in steps of half a second: so it takes longer than backlog / μ.""",
    mitigation="""\
The switches are the flags `storefront.retry_budget`, `storefront.retry_jitter`, `storefront.breaker` and
`storefront.deadlines`; every service that calls others has its own. The code: services/common/retry_budget.py,
breaker.py and deadline.py, put together in protection.py and http.py. By hand: `./shoplab flag storefront.retry_budget
on`. A storm that is there ends by switching them on, too; without such switches by less load, or a restart of what
queues (`./shoplab break restart catalog-1`).""",
    questionnaire=(
        (
            "Below which utilisation could this storm not have lasted?",
            "Below one half: twice as many requests still fit then. A shop with room to spare recovers by itself; one "
            "that is run at 65 % with two attempts does not.",
        ),
        (
            "Why is 'at most three attempts' no protection?",
            "It bounds one call. When all calls fail, the load is three times as high, for as long as they fail. A "
            "budget bounds the sum.",
        ),
        (
            "Three layers each try three times. How many requests reach the lowest one?",
            "27 for each click. So retry in one layer, and let the others pass the failure on.",
        ),
        (
            "The service answers 503 because it has too much to do. Should the caller try again?",
            "Not at once. It was refused on purpose, before any work; the same answer would come. Here such an answer "
            "says so, and the client neither repeats it nor counts it as an outage.",
        ),
    ),
    further="""\
Which of the four is enough by itself? In `naive` switch on one of them, `shop.flag("storefront.retry_budget",
True)`, in the place of `bound_retries(shop, True)`, give `STORM` 60 seconds, restart the notebook's kernel and run
it again, not in quick mode; for the budget alone compute first how long the backlog takes: backlog / (capacity - 1.1
· rate). Then put all of them back and set `RATE` to 6 pages a second: does the storm stay?""",
    interview=Interview(
        question="A dependency had a hiccup of a few seconds, an hour ago. It is healthy, yet your service is still "
        "down. What may have happened, and how do you prevent it?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Thirty minutes. Draw the loop on the board before the run: late, leave, again, later. Ask what each of the four bounds
cuts. The first plot is the lesson: one line stays down although nothing is broken any more, until the switch. If it
comes back only just in time, the machine was busy: the queue has to drain first, which takes the longer the longer the
storm was.""",
)
