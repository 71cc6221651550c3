"""What is told around `cart-merge`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Each cart has an order of its own in which it prefers the three nodes, so two of three carts had a copy on the node that
was killed. Whoever wants both copies written must tell those shoppers no: {n["refuse_refused"]:.0f} writes refused
({n["refuse_refused_percent"]:.0f} %), and what was shown stayed right. That is consistency, and it was paid for by
people who wanted to buy.

One copy refused nobody. But a third of the carts had theirs on the lost node: {n["single_emptied"]:.0f} shoppers were
shown a cart without the tea they had put in, and {n["single_lost"]:.0f} additions that the shop had said yes to are
lost. What was added meanwhile lies on another node, where nobody looks any more.

Two copies that are merged: {n["merge_refused"]:.0f} refused, {n["merge_lost"]:.0f} lost, though
{n["merge_met"]:.0f} times the node did not answer. Another node took its place at once, and whoever reads writes down
what a copy lacks. When the node was only cut off it came back with carts of yesterday, cup included. Merging takes the
later line for each item, and a removal is a line, too (quantity 0, a tombstone): {n["old_back"]:.0f} came back.

But a shop cannot remember for ever what is not in a cart. In the last part it remembered for a second. The next write
threw the tombstones away, and then the old copy's cup was the only word on cups: {n["forgotten_back"]:.0f} of
{n["forgotten_removed"]:.0f} are back ({n["forgotten_back_percent"]:.0f} %), in all carts that had a copy there. Not one
addition is lost ({n["forgotten_lost"]:.0f}). The error has a direction, and it was chosen."""


def short_answer(n: Numbers) -> str:
    return (
        "A cart must always take a write: keep two copies on any nodes that answer, and merge when reading, so that "
        "additions are never lost and at worst a removed item is back. One of three nodes lost: "
        f"{n['merge_refused']:.0f} writes refused and {n['merge_lost']:.0f} lost, against "
        f"{n['refuse_refused_percent']:.0f} % refused when both copies must be written, and {n['single_lost']:.0f} "
        "additions lost with one copy."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
When a replica cannot be reached there are two choices: refuse, or go on and put it right later. Refusing keeps the data
consistent and cost {n["refuse_refused_percent"]:.0f} % of the writes here. For orders and stock that is the price I
pay: two buyers of one last piece cannot be merged afterwards.

A cart is another matter. It is one person's notes, it promises nothing, and its owner looks at it again before paying.
A refused "add to cart" is a lost sale; a cup too many is a click. So Amazon's Dynamo (DeCandia et al., 2007) takes
every write, on whichever nodes answer, and leaves it to the reader to reconcile versions that differ; for the cart by
keeping what is in any of them. The paper says what that costs: an addition is never lost, a deleted item may resurface.

How to merge decides what can go wrong. Last write wins for the whole cart loses additions. A union of the items loses
none and undoes removals. This shop merges line by line: for each item the later line wins, and a removal is a line of
quantity 0. So nothing came back while removals were remembered ({n["old_back"]:.0f} of {n["old_removed"]:.0f}), and
{n["forgotten_back_percent"]:.0f} % when a node was away for longer than that. Cassandra has the same bound under the
name gc_grace_seconds: a node that was away for longer must be emptied before it comes back.

What merging cannot do: with as many losses as copies, one right after the other, additions are gone as well. And the
later line is later by a clock, so versions here never fall behind what their writer has seen (a hybrid clock)."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
All of it is counted, nothing is timed. Which carts have a copy on the node is chance: with 90 shoppers two thirds means
some 60, give or take five. The node is killed in the first three parts and comes back empty; in the last two it is cut
off from everybody and keeps what it had. The shop leaves a node that has failed alone for 3 s, so each part waits that
long before it looks: earlier, one replica of the cart would ask the node again while the other does not yet. The very
first write that finds the node gone is refused after the other copy was written: it is counted as refused, though it
may show later. Removals are remembered for a second here and for an hour by default; a node that is away for an hour
would be a long lab.""",
    mitigation="""\
The knob is the flag `cart.copies`: refuse, single, merge. The code is services/cart/carts.py (which nodes, and how many
are enough) and services/cart/merge.py (merging, 60 lines without a network in them). How long removals are remembered
is `./shoplab flag cart.removals_s default`. It must be longer than a node may be away; a node that was away for longer
should come back empty, which for Memcached means: restart it.""",
    questionnaire=(
        (
            "Which way would you keep orders, and why not like carts?",
            "Refuse. Two orders for the last piece cannot be merged into something that is true for both buyers. In "
            "this shop orders are on the primary, and with synchronous replication nothing is confirmed without the "
            "replica.",
        ),
        (
            "Why is a removal kept as a line of quantity 0, instead of leaving the line out?",
            "A copy without the line looks like a copy that has not heard of the item yet. Merging would put it back "
            "at once, not only when the removal is forgotten.",
        ),
        (
            "Two replicas of the cart change the same item in the same millisecond, each seeing one node. What "
            "is left?",
            "One of the two quantities, the same one on both nodes: lines are compared by version, then by replica, "
            "then by quantity. Merging must not depend on who meets whom first.",
        ),
        (
            "Would three copies on three nodes cure the removals that come back?",
            "No. More copies survive more losses, and each old copy that returns after the removal is forgotten brings "
            "the item back. Only remembering longer, or emptying old copies, does.",
        ),
    ),
    further="""\
What if two nodes are lost? Cut off two of them, `./shoplab break cache_down memcached-1` and `./shoplab break
cache_down memcached-2`, open the shop in a browser and fill a cart: it still says yes. Say first what is in that cart
after `./shoplab heal`, and what would be if the third node had been restarted in between.""",
    interview=Interview(
        question="Design a shopping cart that must never refuse a write. What happens when replicas disagree?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
25 minutes: 5 for the choice between refusing and going on (let half of the class be the shop owner, half the
accountant), 5 for predictions, one for the run, the rest for the last plot. Most expect merging to be perfect or to
lose additions; few say that the error has a direction. Draw the two copies as two lists and merge them by hand, with
and without the tombstone. Nothing here depends on timing; if additions are lost where none should be, look at
`./shoplab status` for a second node that is away.""",
)
