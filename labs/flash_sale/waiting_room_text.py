"""What is told around `waiting-room`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Without a line everybody presses at once. The order path takes what it can, and sends the others away with "busy, try
again". They do, a second later, together with those who have just come, and whoever presses while a thread is free has
the piece. Nobody decided that, and it is nobody's turn: {n["naive_jumped"]:.0f} of {n["naive_bought"]:.0f} pieces went
to people who were not among the first {n["naive_bought"]:.0f} to come; arrival and turn agree with
{n["naive_rank"]:.2f}. It took {n["naive_presses"]:.0f} presses of {n["naive_people"]:.0f} people, each of them work.
{n["naive_others_failed"]:.0%} of the orders of other shoppers failed, who wanted tea.

With the line the first press is answered with "not your turn" ({n["room_sent_away"]:.0f} presses of
{n["room_people"]:.0f} people), which costs one look for its key in the table of attempts. The room gives a number, and
number n may come in when n ≤ R · t. So {n["admitted_rate"]:.1f} people a second reached the order path, less than half
of what it can do: {n["room_presses"]:.0f} presses for {n["room_bought"]:.0f} orders, and
{n["room_others_failed"]:.0%} of the other shoppers' orders failed. Who came first was served first
({n["room_rank"]:.3f}); the last buyer waited {n["last_wait_s"]:.1f} s and knew it from the first second. Whoever was
still in line when the last piece was paid for heard just that.

Nothing is kept about anybody. The number is in a signed ticket, the rate and the beginning are in one row, and the
rest is arithmetic: so a reload keeps the place, a restarted room too, a second browser only gets a later number, and
the page takes {n["page_ms"]:.0f} ms (p90), while the line asked {n["asked"]:.0f} times."""


def short_answer(n: Numbers) -> str:
    return (
        "Put a line in front: a signed number for whoever comes, admission at a rate that the order path can carry, "
        f"and one order for each. Without it {n['naive_jumped']:.0f} of {n['naive_bought']:.0f} pieces went to others "
        f"than the first to come and {n['naive_others_failed']:.0%} of other shoppers' orders failed; with it the "
        f"order was kept ({n['room_rank']:.3f}) and {n['room_others_failed']:.0%} failed."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
A rush is a queue whether I like it or not. Without a design it is in the threads, the connection pools and the retry
loops, unordered, and everybody's. I move it to where waiting costs nothing: a page.

The ticket: sale, number, a random name, an HMAC. The number comes from one statement on one row, so it is unique and
in the order of arrival. The server keeps no list; a million people waiting are one counter. Number n is admitted when
it is at most R · t since the start. When the line is empty the counter must stand, or a quiet hour would let in a
crowd on credit.

The admission: the same, with an end. The order path checks it and writes it down with the order's attempt under a
unique index, so one admission makes one order, also when it is sent twice at once, and a declined card does not use it
up. The check is in the order path and not in the room: a room can be walked around.

The rate R: what the path can carry less what others need, here {n["admitted_rate"]:.0f} of 15. Rather too low: a rate
that is too high brings the old rush back one floor deeper. R is a switch, and 0 is a pause.

Honesty: position and estimate from the first second, (n - 1) · (1/R - 1/λ), measured {n["last_wait_s"]:.1f} s; a word
when there are more people before you than pieces; and "sold out" to the whole line as soon as the last piece is paid
for, not held. And it must be light: no script, nothing else to load, stock asked once a second for all; p90
{n["page_ms"]:.0f} ms.

What it does not do: tell people from programs. One person with a hundred browsers has a hundred numbers. Shops let
people in before the opening and draw the numbers then, or ask for an account."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Orders take 0.4 s because the flag `inventory.decide_ms` says so, and one replica of orders asks inventory six times at
once: 15 a second are all it can do. People press again 0.5 to 1.5 s after they were turned away; real ones are less
patient, which is worse. Both crowds are the same program: it presses buy, and goes to the line only when the shop
sends it there, so with a line everybody's first press is in vain, and is counted by itself. The formula for
luck takes everybody who waits to be as likely as anybody else to be served next; people who press once a second nearly
are. It takes off the three a second that the other shoppers ask for; some pieces come back from checkouts that timed
out, and are sold late. Whoever comes within the same few milliseconds has come at once: the order is kept to 0.99 or
better, not always to 1.""",
    mitigation="""\
The switch is `./shoplab sale start pot-020 --stock 60 --rate 6`: it writes the sale down, sets the flag
`orders.admission`, which the order path obeys within a second, delivers, and starts the service `waiting-room`, which
rests otherwise. `./shoplab sale status` tells how the line is, `sale stop` takes all of it back. The arithmetic is in
services/waiting_room/sales.py and line.py, the signature in services/common/papers.py, the door in
services/orders/door.py.""",
    questionnaire=(
        (
            "Why does the line need no list of who stands in it?",
            "The ticket says the number, the sale says how far the counter is. Who left is not missed: the counter "
            "passes their number and nobody comes.",
        ),
        (
            "Somebody copies the admission and sends it from ten browsers. How many orders?",
            "One. It is written with the order's attempt, and a unique index allows it in one attempt that has not "
            "failed.",
        ),
        (
            "Why is sold out said only when the last piece is paid for?",
            "A held piece may come back: a declined card, somebody who gives up. Sent home too early, people would "
            "have left a line that still had a piece for them.",
        ),
        (
            "A line of up to twelve thousand asks the room some 200 times a second, however long it is. How?",
            "It tells everybody when to ask again: later the longer the line is, after a minute at most, and exactly "
            "at their turn. A longer line than that asks more often.",
        ),
    ),
    further="""\
Open `/sale/pot-020` in two browsers while the sale is on, press reload in one of them, and let a crowd come:
`./shoplab load --mix line:pot-020 --rate 20 --duration 5`. Slow the counter down with `./shoplab sale rate 2` and
watch the estimate triple; at `./shoplab sale rate 0` nobody can say. Then pause the database (`./shoplab break
process_pause postgres-1 --for 5`): newcomers are asked to wait, those in line move on. After `./shoplab sale rate 30`
hardly anybody waits. `./shoplab sale stop` ends it.""",
    interview=Interview(
        question="Ten thousand people want a hundred pieces at noon. How do you keep the shop up, and keep it fair?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Thirty minutes. Ask first what is fair: first come, first served, or a draw? Both are; what the rush does is neither.
Draw the bakery: a roll of tickets, and a number on the wall. Most guess that few pieces go astray and that others are
hardly touched. If the class is quick, have them find the hole in R · t (an empty line lets the counter run ahead) and
look for its repair in the `TAKE` statement. A run ends with as many pots as there were before.""",
)
