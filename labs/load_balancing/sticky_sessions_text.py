"""What is told around `sticky-sessions`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A cart in a replica's memory is there for whoever asks that replica. Round robin asks the other one every second time:
{n["round_robin_wrong_before_percent"]:.0f} % of the visitors found their cart empty though nothing was broken. Then
one replica restarted, as each does at every deployment. A cart was right only if it was on the other one and the look
went there too, one time in four: {n["round_robin_wrong_after_percent"]:.0f} % were wrong.

IP hash repaired the first half completely ({n["ip_hash_wrong_before"]:.0f} wrong). But look who came where: an office
is one network, so half of all visitors are one lump that cannot be shared out, and one replica of two had
{n["ip_hash_share_percent"]:.0f} % of the work. When it restarted, precisely its visitors lost their carts
({n["ip_hash_wrong_after_percent"]:.0f} %). Affinity does not keep anything, it only hides where things are kept. The
proof is X-Served-By: the replicas that filled the carts are counted in the second plot.

With carts in Memcached any replica answers for any visitor. Round robin was even again
({n["shared_share_percent"]:.0f} %) and the restart took {n["shared_wrong_after"]:.0f} carts. The replicas have become
alike, so that they may be restarted, added and removed whenever one likes."""


def short_answer(n: Numbers) -> str:
    return (
        "Keep services stateless and sessions in a shared store; affinity only postpones the loss. With carts in "
        f"memory round robin lost {n['round_robin_wrong_before_percent']:.0f} %, IP hash none until a restart took "
        f"{n['ip_hash_wrong_after_percent']:.0f} %, and Memcached lost {n['shared_wrong_after']:.0f}."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
State in a process ties a visitor to it. Under round robin the next request goes elsewhere with probability 1 - 1/n (I
measured {n["round_robin_wrong_before_percent"]:.0f} % wrong with two replicas), so one adds affinity, by address or
by cookie. That costs three things. Evenness: behind one address sit thousands, and one replica of two had
{n["ip_hash_share_percent"]:.0f} % of the visitors. Elasticity: a new replica takes nothing over from the old ones, or
the hash moves everybody and all are lost. And safety: a restart takes all sessions of that replica
({n["ip_hash_wrong_after_percent"]:.0f} %), so every deployment is an outage for some, or a drain that takes hours.

So the session goes where it outlives the replica: small and signed into a cookie, or into a shared store. The store
needs copies of its own, here two cache nodes per cart, merged when read. Then any replica will do, and
{n["shared_wrong_after"]:.0f} carts were lost.

Affinity stays useful as an optimisation, when losing it is only slow and not wrong: warm local caches, open
connections."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
All of it is counted, nothing is timed, so there is no noise but chance: under round robin half of 240 carts is right
give or take some eight. Carts are looked into in a shuffled order; in the order of filling, round robin over two
replicas would lead everybody to their own replica again and hide it all. The visitors speak to the cart's API through
the gateway. Pages go another way: there the storefront asks the gateway for the cart, so the client whose address is
hashed is the storefront. Affinity by address is lost at the first hop inside.""",
    mitigation="""\
The knob was turned in the method: the same visitors and the same restart with carts in memory and in Memcached, side
by side in every table here. In the shop it is `./shoplab flag cart.sessions shared`, which is also the default.
Turning it does not move carts: those in memory are not found any more.""",
    questionnaire=(
        (
            "Round robin over four replicas instead of two. How many carts look empty?",
            "1 - 1/4, three in four. The more replicas, the worse; with a single process, on one's own machine, the "
            "mistake is invisible.",
        ),
        (
            "Would a cookie that names the replica be better than IP hash?",
            "More even, since each visitor is assigned alone and not each network. The carts of a replica that "
            "restarts are gone all the same.",
        ),
        (
            "You scale from two to three replicas under IP hash. What happens to the carts in memory?",
            "The hash is taken modulo three instead of two, so about two thirds of the visitors come to another "
            "replica and find an empty cart. Adding capacity loses carts.",
        ),
        (
            "Now the store is what must not fail. What does this shop do about that?",
            "Every cart is on two of three cache nodes and merged when it is read, so any one node may be lost.",
        ),
    ),
    further="""\
Now scale the cart to three replicas in the middle: `./shoplab scale cart=3`, with carts in memory and IP hash. Say
first how many carts will be wrong, then ask what an autoscaler would do to such a shop, twice a day. (`./shoplab
scale cart=2` takes it back.)""",
    interview=Interview(
        question="Your service keeps sessions in memory and you want to run a second replica. What are your options?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask who has ever been logged out by a deployment. 5 min: collect predictions; for the restart most say a half,
"one of two replicas", and forget the office. 5 min: run. 5 min: the questionnaire; the third question leads to
hashing that moves less (see the lab about losing a cache node). What goes wrong: nothing to do with timing; if a cart
is wrong where none should be, look at `./shoplab status`.""",
)
