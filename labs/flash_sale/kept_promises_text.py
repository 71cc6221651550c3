"""What is told around `kept-promises`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Told at once, every buyer saw "Your order is placed" within a blink, and {n["eager_taken_back"]:.0f} of them saw "Order
cancelled" a moment later: payments was down, so there was nothing behind the first page. The shop had said what it
hoped.

Told when it is paid, the same buyers under the same fault saw "Not bought yet: nothing was charged, press again"
({n["down_not_bought"]:.0f} of them). They pressed, and when payments was back they had their orders:
{n["down_shipped"]:.0f} shipped, {n["down_taken_back"]:.0f} taken back. The first page is less pretty. It is true.

A slow payment only takes its time: placed after {n["slow_placed_s"]:.1f} s. When payments answers later than the shop
waits (2 s), nobody knows whether the money was taken. The page asks once more by itself, and then says just that
({n["late_not_known"]:.0f} times, after {n["late_told_s"]:.1f} s). "Not bought" could be a lie, and so could "placed".
Pressing again under the same key finds out and cannot charge twice.

Broker and warehouse are behind the promise. When they are away the order is placed all the same
({n["broker_placed_s"]:.1f} s and {n["warehouse_placed_s"]:.1f} s after the click) because placing it wrote down that
it must be announced; the parcel comes later. When the primary was killed buyers waited for up to
{n["primary_slowest_s"]:.1f} s and {n["primary_doubted"]:.0f} had to press again. None of them had been told anything
before the kill: that what was told before it survives is shown in the lab `sync-replication`. Through six failures
{n["taken_back"]:.0f} pages of {n["buyers"]:.0f} went back, {n["shipped"]:.0f} orders were shipped, and
{n["violated"]:.0f} invariants were violated."""


def short_answer(n: Numbers) -> str:
    return (
        "Say placed only once it is: stock taken, money taken, the order on disk where a failover finds it. Before "
        "that say honestly that it is not bought, or not known, and let people ask again under the same key. Shown at "
        f"once and tried later, {n['eager_taken_back']:.0f} promises were taken back; shown when paid, "
        f"{n['taken_back']:.0f} of {n['buyers']:.0f} through six failures."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
List what a page may say, and draw the arrows: asked, not bought, not known, placed, shipped. Arrows lead forward only.
Then find for each word the moment from which it is true whatever fails next.

"Placed" is true when three things are: the stock is kept, and no expiry can take it back; the charge is made, under a
key; and one transaction has written the order and what must be announced. Everything before that can still fail, so
the page must wait or say that it does not know. (Shown before, {n["eager_taken_back"]:.0f} were taken back.)
Everything behind it may be late but must not fail for good: an outbox, a queue that survives its broker, workers that
may do their work twice. So a broker or a warehouse that is away costs time, here up to {n["warehouse_shipped_s"]:.1f}
s until shipping, and no promise.

Two words are needed for bad news. "Not bought" when it surely did not happen: a refused connection, stock that is
gone. "Not known" when it may have happened: a timeout. {n["pressed_again"]:.0f} buyers were shown one of them. The key
makes the second harmless: the same click again is the same order.

And "placed" must survive its server. With asynchronous replication the last orders die with the primary, which is a
promise taken back without anybody saying so; with a synchronous replica what was shown is there after the failover.

When asynchronous order-taking is wanted, as under a flash crowd, it needs a word of its own: "received, we will tell
you by mail", with a reservation behind it. The mistake is to call that placed."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Buyers here are programs that send the form of the checkout page and read the headings of the pages they get, every
quarter of a second; a person looks less often, and the page itself asks every two seconds. A state that lasts for less
than a quarter of a second is not seen. Who hears "not bought" or "not known" presses again after 0.7 s, until the
fault is healed: people would go away sooner, and that costs orders but takes no promise back. Told at once, the
order's number is the buyer's key, as there is no order yet; that is the naive variant's own shortcut. It gives up at
once what surely was not bought. A kinder one would try again for a while, and show "placed" for longer before it says
"cancelled".""",
    mitigation="""\
The switch is the flag `orders.confirm`, the code services/orders/at_once.py (the naive way) against checkout.py and
rounds.py. By hand: `./shoplab flag orders.confirm when_paid`. That placed orders survive the primary is two more
flags: `postgres.synchronous` and `postgres.failover`.""",
    questionnaire=(
        (
            'Why is there a page for "not known", when people would rather read yes or no?',
            "Because after a timeout both would be wrong some of the time. A wrong yes is a promise taken back, a "
            "wrong no makes people order again elsewhere and pay twice.",
        ),
        (
            "The order is placed and the broker is away. What exactly must be on disk so that the parcel comes?",
            "The order and a row in the outbox, written in one transaction. The relay finds the row whenever the "
            "broker is back.",
        ),
        (
            "A reservation expires after the card was charged and before the order is written. What may the page say?",
            "Nothing yet. The shop keeps the stock first; if it is gone by then the money is given back and the page "
            "says sold out. Placed was never shown.",
        ),
        (
            "Which of these six failures would take promises back with an asynchronous replica?",
            "The primary lost: orders that were shown as placed in the last moments may be on the dead server only. "
            "(Not in this run: its buyers come after the kill.)",
        ),
    ),
    further="""\
Say first what a buyer is told when the replica of Postgres is away and orders wait for it: `./shoplab flag
postgres.synchronous on`, `./shoplab break replica_stop postgres-2 --for 8`, and try to buy something in a browser.
Then `./shoplab heal` and `./shoplab flag postgres.synchronous off`. Which promise is it that the shop rather does not
make?""",
    interview=Interview(
        question="When do you tell a customer that the order is placed? Which failures can make you take it back?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Thirty minutes: let the class draw the states and arrows first, ten minutes, before any code. Somebody will propose to
show the order at once because it is quick; let that group predict the first number. Then run, and read the lines of
the journal that begin with "pages" aloud: they are the whole ways, buyer by buyer. Most predict 2 s for the late
answer, and forget that the page asks again by itself before it bothers anybody. What goes wrong: on a busy machine the
primary's successor takes longer, and buyers press more often; no page may go back even then.""",
)
