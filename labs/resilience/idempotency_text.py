"""What is told around `idempotency`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
{n["forgetful_resent"]:.0f} of {n["forgetful_wishes"]:.0f} wishes were sent twice: as a double click, or once more after
three seconds, because the first answer was not there or said "perhaps". Without keys the shop took each request for a
wish of its own: {n["forgetful_orders"]:.0f} orders, {n["forgetful_charges"]:.0f} charges, {n["forgetful_surplus"]:.0f}
too many. {n["forgetful_two_orders"]:.0f} buyers were told of two orders; the others will learn it from their bank. And
{n["forgetful_violated"]:.0f} invariants were violated: two honest orders look the same as one that was sent twice.
Nothing but the buyer's key tells them apart.

{n["keyed_unknown"]:.0f} requests were answered "unknown", because the shop had stopped waiting for payments after 2 s.
The charge was made all the same, a moment later. That is the third outcome of every call, beside yes and no: unknown.
To charge again would be wrong, to forget it as well. With keys the shop says so honestly (504: "ask again with the same
Idempotency-Key"), and the second request goes through the same steps under the same keys: the attempt is there, the
reservation is there, the charge is there, so what is missing is done and nothing is done twice. Who does not ask again
is taken care of by the reconciler, with the same steps. {n["keyed_orders"]:.0f} orders, {n["keyed_charges"]:.0f}
charges, {n["keyed_wishes"]:.0f} wishes; {n["keyed_repeated"]:.0f} requests were answered with the order there was."""


def short_answer(n: Numbers) -> str:
    return (
        "The client makes one key for each wish and sends it with every try; the server writes the key down before it "
        "does anything, and every step below is keyed too. I sent most orders twice while payments lost answers: "
        f"{n['forgetful_surplus']:.0f} orders too many without keys, {n['keyed_surplus']:.0f} with them, "
        f"{n['keyed_unknown']:.0f} unknown results all settled."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A call has three outcomes: done, not done, unknown. Unknown is what a timeout means, and what is done about it decides
whether people pay twice. Safe repetition is the answer, and it needs a name for what is repeated: a key that the client
makes, once for each wish, not once for each request. (Measured without: {n["forgetful_orders"]:.0f} orders for
{n["forgetful_wishes"]:.0f} wishes, and no invariant noticed.)

The server keeps a row for each key, written before anything else happens; a unique constraint decides between two
requests that come at the same moment, not a look beforehand. The row holds a fingerprint of the request: the same key
with another body is refused (422). The first result is stored and given again (201 the first time, 200 after).

The key has to go all the way down: reservation and charge are made under keys derived from it, so that each of them can
be asked for again, by the client, by a retry inside, or by a reconciler that finishes what a crash left. Here
{n["keyed_unknown"]:.0f} requests had an unknown result; afterwards there were {n["keyed_charges"]:.0f} charges for
{n["keyed_orders"]:.0f} orders.

Giving up is a decision under the same key: void the charge first, so that one that is still under way finds the door
shut. And a gateway must not repeat a POST by itself, unless it knows that a key makes it safe."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Payments is late because its replica is told to wait before it answers (the fault `http_delay`, on the way in): the
charge is made after the wait, whether anybody listens or not. Those who come in the last three seconds of the load do
not try again within it. Without keys, an order whose result was unknown is finished by the reconciler, so it counts as
an order too; that is why the orders are counted when everything is settled, ten seconds after the load. Some requests
may be refused while the circuit breaker leaves payments alone: those make no order in either variant, unless they are
sent again.""",
    mitigation="""\
The switch is the flag `orders.idempotent`, the code services/orders/attempts.py (one row for each key), rounds.py (the
steps, all keyed) and services/payments/charges.py (the first outcome under a key is the outcome). By hand: `./shoplab
flag orders.idempotent on`. What was bought twice must be found with the buyers' help: no table tells.""",
    questionnaire=(
        (
            "Who should make the key, and when?",
            "The client, when the wish is formed (here: when the checkout page is shown). A key made for each request, "
            "or by the server, tells nothing.",
        ),
        (
            "The same key comes with another basket. What now?",
            "422: a key stands for one wish. To take the second basket would be a surprise, to answer with the first "
            "order a lie.",
        ),
        (
            "Two requests with one key come at the same moment. Why does a look into the table first not suffice?",
            "Both look, neither finds anything, both begin. `insert ... on conflict do nothing` is one step: one wins, "
            "the other finds its row.",
        ),
        (
            "May a failed attempt be tried again under its key?",
            "Yes, when it is certain that nothing was taken: it becomes the next round, with keys of its own for "
            "reservation and charge. While that is not certain, the round must first be undone.",
        ),
    ),
    further="""\
Let a worker die instead of a payment: the lab `redelivery` shows the same rule for messages. Then send one order by
hand, twice, with curl and your own Idempotency-Key, and once more with another quantity. What changes in the status
codes? `./shoplab load --mix twice --rate 4 --duration 8` sends everything twice; `./shoplab check` says what came of
it.""",
    interview=Interview(
        question="A customer clicks 'buy', the payment times out, and the app tries again. How do you make sure that "
        "they are charged once?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Twenty-five minutes. Ask first what a timeout means: most say "it failed". Collect answers to "and what would you do
then?" before the run. The second finding is the one to dwell on: monitoring that looks at the shop's own tables cannot
see this damage. Each variant is followed by a wait of ten seconds or more: the reconciler leaves unfinished attempts
alone for so long. If too few results were unknown, payments was too idle: run it again without `--quick`.""",
)
