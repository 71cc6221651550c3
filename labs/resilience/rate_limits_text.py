"""What is told around `rate-limits`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Fans alone bought in {n["alone_fans_bought"]:.0f} % of their tries and saw the item within
{n["alone_fans_look_p90_ms"]:.0f} ms (p90). There were twice as many pieces as they wanted.

Then bots came beside them, six requests for each fan. Without limits they took {n["naive_bots_share"]:.0f} % of the
pieces, and {n["naive_fans_bought"]:.0f} % of the fans' checkouts succeeded. And their searches, each with a word that
nobody had searched for, kept all of the catalogue's database connections busy: even a look at an item that was cached
took {n["naive_fans_look_p90_ms"]:.0f} ms, as it had to wait for a thread. The shop knows how to protect itself (it
sheds load), but a bot's request looks like anybody's.

One limit for all searches together, ten a second, gave the threads back: a look took
{n["total_fans_look_p90_ms"]:.0f} ms. It refused {n["total_bots_searches_refused"]:.0f} % of the bots' searches and
{n["total_fans_searches_refused"]:.0f} % of the fans', for it counts searches and knows nobody. It keeps the shop up; it
is not fair. And it did nothing about the pieces: bots had {n["total_bots_share"]:.0f} %.

What tells a bot from a person is how often the same one comes. The gateway counts by address: it refused
{n["limited_bots_stopped"]:.0f} % of the bots' requests and {n["limited_fans_refused"]:.1f} % of the fans'. Of what
came through, the checkouts met a second limit: three a minute for each shopper and for each card. All bots paid
with one card, so changing the address did not help: {n["limited_bots_pieces"]:.0f} pieces,
{n["limited_bots_share"]:.0f} %. Fans bought in {n["limited_fans_bought"]:.0f} % of their tries, and a look took
{n["limited_fans_look_p90_ms"]:.0f} ms.

The gateway counts in its own memory, the services in Memcached, where all replicas count together. When orders was cut
off from it, {n["uncounted"]:.0f} checkouts were let through uncounted and said so in a metric; of the fans' requests
{n["blind_fans_refused"]:.1f} % were refused, and bots got {n["blind_bots_pieces"]:.0f} pieces. A limit that failed
closed would have ended the sale."""


def short_answer(n: Numbers) -> str:
    return (
        "Limit each by what it cannot change cheaply: the address at the edge, the account and the card at the "
        "checkout, and all together where a request is dear. Bots' share of a rare item fell from "
        f"{n['naive_bots_share']:.0f} % to {n['limited_bots_share']:.0f} %, {n['limited_bots_refused']:.0f} % of their "
        f"requests were refused, and {n['limited_fans_refused']:.1f} % of the buyers'."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
There are three questions: by what key, with what algorithm, and what happens when the counter is away.

The key. By address at the edge, because refusing there costs next to nothing; but an office shares an address, and a
botnet has thousands, so that limit is generous. By account and by card where it matters, at the checkout: a card tester
tries many cards with one session, a scalper one card from many addresses. And one limit for everybody where a request
is dear, which protects the shop and not the buyer: it refused {n["total_fans_searches_refused"]:.0f} % of the buyers'
searches together with the bots'.

The algorithm. At the edge a leaky bucket, which lets 1 + burst + rate · seconds through: I measured
{n["limited_bots_through"]:.0f} requests from four addresses in {n["seconds"]:.0f} s. Across replicas a window that
slides, made of two counters, because an increment is one atomic step in Memcached, and compare-and-swap on a busy key
is not: within a window never more than the limit gets through, however many ask at once.

The failure. It fails open, with a metric to alert on. The limit protects; it does not make anything right or wrong, and
a counter's outage must not become the shop's: {n["uncounted"]:.0f} checkouts went through uncounted, and nobody was
refused for it. I would decide otherwise only where letting through is the damage, such as guessing passwords.

The refusal is a 429 with Retry-After (computed by the services, one second from the gateway), says that nothing
happened, and is neither repeated by our own clients nor counted as an outage. Refused requests do not count, so whoever
slows down is served again. Limits buy time and fairness against simple bots; against those who pay for addresses and
cards one needs a waiting room, one piece for each household, and cancelling afterwards."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
A search is made dear with a pause that holds a database connection, so that connections and not processors are what is
short. All addresses are made up: the generator says in X-Forwarded-For whom it speaks for, and the gateway believes it
because it comes from this machine; on the open net the edge must believe nobody. Bots do not slow down when they are
refused; real ones often do, or change their address. The flags are tight, because a sale of
a few seconds must show what takes minutes: as the shop comes, an address may send ten requests a second and fifty at
once. The checkout's window is a minute long and slides: three at the end of one minute still count at the beginning of
the next, and a fourth fits 20 s into it. So a minute that ends within a load, which takes 20 s at most, changes
nothing. A few fewer requests pass the gateway than the formula says: what has leaked at the end for less than a whole
request serves nobody, for each of the four addresses.""",
    mitigation="""\
The knobs were turned in the method. By hand: `./shoplab flag gateway.rate_limits off`, and back to the shop's rule with
`./shoplab flag gateway.rate_limits default`; `./shoplab flag orders.rate_limit 3` and
`./shoplab flag orders.rate_limit default`; `./shoplab flag catalog.rate_limit 10` and
`./shoplab flag catalog.rate_limit default`. The two mixes, after a delivery: `./shoplab restock pot-020 60`, then
`./shoplab load --mix fans --rate 4 --duration 5` and `./shoplab load --mix scalpers --rate 28 --duration 5`, which
tells buyers and bots apart. `./shoplab restock pot-020 20` leaves as many as there were.""",
    questionnaire=(
        (
            "Why does the gateway let the shop's own machine through?",
            "There sit the instruments: benches that send thousands a second on purpose, control, the learner's "
            "browser. The flag gateway.rate_limits has a value, everybody, that counts them as well.",
        ),
        (
            "A bot sends a new cart cookie with every request. Which limit still holds it back?",
            "Not the one for each cart. The one for each address, as long as it has few of them, and the one for each "
            "card, as long as it has few of those.",
        ),
        (
            "The limit is 20 a minute. Why not count from minute to minute, and begin anew at each?",
            "Then 20 at the end of one minute and 20 at the beginning of the next are 40 within two seconds. The "
            "sliding window counts the part of the minute before that still belongs to the last sixty seconds.",
        ),
        (
            "A mobile carrier sends ten thousand people through one address. What do you do?",
            "Set the limit by address so that it stops only what no crowd of people does, and rely on what is known "
            "better: the session, the account, the card. Or give known crowds a limit of their own.",
        ),
    ),
    further="""\
Now let bots have 400 addresses instead of four (`BOT_ADDRESSES` in labs/load/request.py, and restart the notebook's
kernel), at the same rate of requests. How many percent does the gateway refuse then, and how many pieces do they get?
Compute first: one request for each address in eleven seconds; and one card.""",
    interview=Interview(
        question="Bots buy out your sale and slow the shop down. How do you limit them without limiting customers?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: who in the room has lost concert tickets to a bot? 10 min: predict and run. 5 min: the plot of refusals: who pays
for the one limit for all? 5 min: fail open or closed; collect examples for both. 5 min: Retry-After: what would a
client do without it? What goes wrong: on a busy machine looking is slow in every phase; the ratios in the findings
leave room, and the run says so when the generator lags.""",
)
