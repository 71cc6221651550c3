"""What is told around `cache-node-loss`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A cache cluster has no master that knows where a key is: every client computes it. With hash modulo n the number of
nodes is part of that sum. Lose one of three and the divisor becomes two: a key stays only if hash mod 3 and hash mod
2 happen to name the same node, one time in three. {n["modulo_lost_loads"]:.0f} keys had to be loaded anew
({n["modulo_lost_share"]:.0%}), though only a third of them had been lost: the rest lay, well and warm, on nodes where
nobody looked any more.

Rendezvous hashing gives each key its own order of all nodes (the hash of node and key together, highest first) and
takes the first living one. Without one node only the keys that had it in first place move, to their second, and those
spread evenly over all others: {n["rendezvous_lost_loads"]:.0f} keys ({n["rendezvous_lost_share"]:.0%}). Nobody can do
with fewer. For the database it was {n["modulo_lost_per_s"]:.0f} against {n["rendezvous_lost_per_s"]:.0f} loads per
second.

When the node came back, empty, both paid alike: {n["modulo_returned_share"]:.0%} and
{n["rendezvous_returned_share"]:.0%}. With modulo one expects two thirds again, and would see them after a longer
outage. But the divisor is three again too, so every other key went back to where it had been before, and its old copy
was still there, within its time to live. It counts as a hit, and it is as old as the outage is long: a change of
price in the meantime is not in it. The proof is the counter `shop_cache_loads_total` in /metrics of the catalog."""


def short_answer(n: Numbers) -> str:
    return (
        "With hash modulo n a lost node moves all keys but one in n, with rendezvous or consistent hashing one in n: "
        f"with three nodes I measured {n['modulo_lost_share']:.0%} against {n['rendezvous_lost_share']:.0%} of "
        "everything loaded anew."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
The cost of losing a cache node is not the node, it is what hits the database until the cache is warm again: λ · (1 -
h). Modulo makes h fall to 1/n at once, because the divisor changes for every key; rendezvous hashing (or a ring with
virtual nodes) leaves all keys alone that were not on the lost node, so h stays at 1 - 1/n. Measured with three nodes:
{n["modulo_lost_per_s"]:.0f} against {n["rendezvous_lost_per_s"]:.0f} database loads per second.

The gap is n - 1: two with three nodes, nine with ten. So modulo gets worse the more nodes one buys, and adding a node
costs as much as losing one. A node that comes back empty costs 1/n once more ({n["rendezvous_returned_share"]:.0%}
here), by either placement: bring it back when it is quiet, or warm it first.

What keys move to is also a question of correctness: old copies lie about on nodes that did not hear of a change. So
everything cached needs a time to live one can live with. And the database must survive the misses in any case: single
flight, and knowing what λ · (1 - h) it can carry."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Every walk asks for each of the 200 products exactly once, so loads can be counted and no popular product hides the
misses of the rest. Before each walk the generator reads the nine pages of the list, which are cached too: hence 209
keys. Keys spread evenly by chance only: the lost node held a third of them give or take some seven. A replica leaves
a failed node alone for 3 s and then tries it again with one request, so a few loads come on top. All nodes are
emptied before each placement, so that copies left by the first one do not help the second. And the catalog waits 1 s
for a cache node here instead of 0.2 s: on a busy machine a node that is only late would count as lost for 3 s, and by
modulo that alone moves two thirds of all keys.""",
    mitigation="""\
The knob was turned in the method: the same loss under modulo and under rendezvous hashing, side by side in every
table here. In the shop it is `./shoplab flag catalog.placement rendezvous`, which is also the default. Turning it
costs a cold cache once: all keys but a third are then looked for elsewhere.""",
    questionnaire=(
        (
            "Ten nodes, one is lost. Which share must be loaded anew by each placement?",
            "Modulo: 1 - 1/10 = 90 %. Rendezvous: 1/10. The more nodes, the worse modulo gets.",
        ),
        (
            "You add a fourth node to three. What moves?",
            "Modulo: a key stays where hash mod 3 = hash mod 4, so three in four move. Rendezvous: those that have the "
            "new node in first place, one in four.",
        ),
        (
            "Why do the lost node's keys not all go to its neighbour?",
            "Each key has its own second place. On a plain hash ring the next node would take them all and might fall "
            "next; that is why rings use virtual nodes.",
        ),
        (
            "The node came back after a few seconds and modulo paid a third only. What is wrong with the hits?",
            "They are copies from before the loss, on nodes that were not asked meanwhile: nobody could tell them that "
            "something changed.",
        ),
    ),
    further="""\
Now change the outage: hold the node away for longer than the time to live of a product (60 s) and let it return.
Which share must be loaded anew then by modulo, and why is it the formula's again? Then think of a frozen node that
thaws instead of one that restarts: what is in it?""",
    interview=Interview(
        question="You run n cache nodes and one dies. What happens to your hit ratio and to your database?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw three nodes, give twelve keys numbers, let the class place them mod 3 and then mod 2 on paper: eight move.
5 min: collect predictions (nearly everybody says a third for modulo, "because a third was lost"). 5 min: run. 5 min:
the surprise is the return: modulo pays a third only. Let them find out why before you say it. What goes wrong:
nothing to do with timing, all is counted; if the numbers of loads look too high, somebody else uses the shop.""",
)
