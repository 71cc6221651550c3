"""What is told around `overselling`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Naive looked, thought for 0.2 s, and took. Whoever had looked before the last piece was taken saw it there, thought, and
took it as well: {n["naive_sold"]:.0f} orders for {n["naive_pieces"]:.0f} pieces, {n["naive_oversold"]:.0f} too many. By
Little's law λ · d buyers are between looking and taking at any moment, also at that one. No test with one buyer shows
it, nor does a quiet day.

The row lock makes them wait in line: {n["row_lock_oversold"]:.0f} too many, and {n["row_lock_rate"]:.1f} orders a
second. One at a time and 0.2 s each would be 5. It is {_below(n)} because nobody waits for ever: sixteen threads stood
in line, the shop gives up waiting for a lock after 1 s ({n["row_lock_gave_up"]:.0f} times here), and a buyer who has a
piece must stand in the same line once more, after paying, to have it marked as sold. Many who were served had already
been sent away. {n["row_lock_failed"]:.0f} of {n["row_lock_buyers"]:.0f} buyers saw an error while
{n["row_lock_left"]:.0f} pieces were left.

Conditional thinks just as long, before it touches the row. Then one statement looks and takes: `update stock set
available = available - 1 where available >= 1`. Postgres looks again after any wait, so the answer is true at the very
moment of taking. The row is locked from there to the commit, a millisecond or two. {n["conditional_rate"]:.1f} orders a
second, all who came; {n["conditional_sold"]:.0f} of {n["conditional_pieces"]:.0f} pieces.

Buckets spread those pieces over sixteen rows as soon as two buyers meet at one. Each takes from any row that nobody is
at (`for update skip locked`), and looks at all of them before it says "sold out". {n["buckets_rate"]:.1f} orders a
second: the same here, because {n["buckets_rate"]:.0f} a second is all that came. Both sold {n["ratio"]:.0f} times what
the row lock did."""


def _below(n: Numbers) -> str:
    return "less" if n["row_lock_rate"] < 4 else "a little less"


def short_answer(n: Numbers) -> str:
    return (
        "Look and take in one statement, and think before it, never inside a lock. With 20 buyers a second for one "
        f"item and 0.2 s to decide, look-then-take sold {n['naive_oversold']:.0f} too many; a row lock sold none too "
        f"many and {n['row_lock_rate']:.1f} orders a second; a conditional update {n['conditional_rate']:.1f}."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
The bug is the time between looking and taking. Whoever else looks in it sees the same piece, so about λ · d pieces are
sold too many, here {n["naive_oversold"]:.0f}. It needs no broken machine, only a good day.

Pessimistic: `select ... for update` puts everybody in line. It is right, and the line moves one buyer per time the lock
is held. As long as that is a few milliseconds, fine. With thinking, or worse a call to a payment provider, inside it,
throughput is 1 / d at most, and once the line is longer than anybody's patience nearly all work is done for people who
have left: {n["row_lock_rate"]:.1f} orders a second, p99 {n["row_lock_p99_ms"]:.0f} ms,
{n["row_lock_failed"]:.0f} of {n["row_lock_buyers"]:.0f} failed.

Optimistic: decide without a lock, then one conditional update; zero rows changed means sold out. Nothing too many, p99
{n["conditional_p99_ms"]:.0f} ms. A version column with a retry is the same idea, and worse on a hot item, because all
but one must retry.

One row is still one row: its updates come one after the other, each as long as a commit takes, some thousand a second
at best, less with a synchronous replica. Then split the counter: sixteen rows, take from one that is free, look at all
before saying sold out. It costs a sum on reading and care when little is left. Shops with hotter items yet put the
counter into a cache or a queue in front, and pay with a second truth.

Either way take it as a reservation that expires, charge, then make it final; and count: sold + reserved + left = stock,
always."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Deciding takes 0.2 s because the flag `inventory.decide_ms` says so: it stands for a fraud check or a limit for each
household. The same time is spent under all four strategies; what differs is who waits meanwhile. The naive strategy
switches off the guard that its table has (`check (available >= 0)`), because many shops' tables have none; the shop's
invariants still see it. It adds and subtracts; writing back the number that was read would lose every overlapping sale,
not only the last ones. Orders a second are counted from the doors' opening to the last piece, or to the end of the rush
if it never came; the last order's own time is in it, so 20 a second cannot quite be reached. That is far from what one
row can do, so conditional and buckets look alike: `./shoplab bench stock` measures them at full speed, with and without
time to decide.""",
    mitigation="""\
The switch is the flag `inventory.stock`, the code services/inventory/strategies: one small file each, all on the same
rows, so that they may be switched while the shop sells. By hand: `./shoplab flag inventory.stock buckets`. What was
sold and never there is bought elsewhere with `./shoplab restock pot-020 20`, which says how many that were: a shop that
has confirmed an order does not take it back.""",
    questionnaire=(
        (
            "Would a faster machine cure the naive strategy?",
            "No. It makes the window shorter and the damage rarer: λ · d gets smaller, never zero. Rare is worse: "
            "nobody looks for it.",
        ),
        (
            "The naive strategy runs inside a database transaction. Why does that not help?",
            "At the usual level, read committed, a transaction promises that others see all of it or nothing. It does "
            "not promise that what was read is still true. `serializable` does: all but one fail and must try again.",
        ),
        (
            "Two orders want the same two items in different order. What happens with locks?",
            "Each may hold what the other waits for. The shop takes lines in the order of their skus, and buckets in "
            "theirs, so that nobody ever waits in a circle.",
        ),
        (
            "Why does the row lock hurt buyers who have their piece already?",
            "To mark it as sold the same row must be changed: they stand in line again, behind people who only look.",
        ),
    ),
    further="""\
Turn the thinking down: `./shoplab flag inventory.decide_ms 20`, lock the row: `./shoplab flag inventory.stock
row_lock`, and let 20 buyers a second come: `./shoplab load --mix hot_item:pot-019 --rate 20 --duration 5`. The lock is
held for 20 ms now, 50 orders a second would be the limit, and nobody notices it. Then look at the rows that a rush has
spread: services/inventory/strategies/buckets.py says when that happens. `./shoplab flag inventory.decide_ms default`
and `./shoplab flag inventory.stock default` put everything back.""",
    interview=Interview(
        question="A flash sale: thousands of buyers for a few pieces of one item. How do you make sure that you do not "
        "oversell, and stay fast?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
Thirty minutes: ten for the prediction. Draw two buyers as two lines from top to bottom (look, decide, take) and let the
class place the second "look". Most predict 5 orders a second for the row lock: that is the right arithmetic, and the
answer is worse, which is the best discussion of this lab. The row lock's phase is followed by a wait of 10 to 20 s:
orders that nobody can vouch for are settled by the reconciler after 10 s. If naive sells none too many, the machine was
too busy to let two buyers overlap; run it again. A run ends with as many pots as there were before.""",
)
