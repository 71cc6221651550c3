"""What is told around `kill-switch`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Each page asks for what others like. That took {n["on_ms"]:.0f} ms for each fragment, and a thread of the storefront
waits all that time: {n["on_threads"]:.1f} threads on the mean, as Little's law says (rate times wait). Nothing failed:
{n["failed"]:.0f} of {n["requests"]:.0f} requests, and of {n["costly"]:.0f} costly fragments {n["given_up"]:.0f} were
given up. So no timeout, no retry and no breaker has anything to react to. Only somebody who knows what matters today
can decide that this is too much.

That decision is a flag. Control wrote it to Postgres, which keeps it, and to every Memcached node, where each replica
looks every 0.4 s. The last replica's first fragment without extras was asked for {n["obeyed_s"]:.2f} s after the
switch, and {n["costly_after"]:.0f} costly ones from 1.5 s on. A fragment then took {n["off_ms"]:.0f} ms (from pages
that were loaded before) and {n["off_threads"]:.1f} threads waited; new pages do not ask at all.

Nothing was deployed or restarted, so nothing was cold or half done, and going back is the same switch. If no Memcached
node answers (for services with a database: nor Postgres), a replica keeps the last value it knew: a switch must never
be one more thing that can fail."""


def short_answer(n: Numbers) -> str:
    return (
        "A flag that every replica looks at every 0.4 s: switching off an extra that cost "
        f"{n['on_threads']:.1f} threads took {n['obeyed_s']:.1f} s to reach all of them, without a deployment, and a "
        "breaker would never have done it, because nothing failed."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
For each optional part I want three things: a bound on what it may cost a page, a breaker for when it fails, and a kill
switch for when it works but I want its capacity for something else. The third is a run-time flag, decided by people.

How it gets to the replicas matters. I keep the truth in the database, and copies in the caches that replicas read on a
timer: 0.4 s here, so the change was everywhere after {n["obeyed_s"]:.2f} s. Reading a flag costs a dictionary look-up,
never a call. When no cache node answers, the storefront keeps its last value; a replica that starts then has the
defaults, which here bring the extras back: choose defaults with that in mind.

I measured {n["on_ms"]:.0f} ms a fragment before and {n["off_ms"]:.0f} ms after, {n["on_threads"]:.1f} threads before
and {n["off_threads"]:.1f} after. Large shops rehearse this: the list of what is switched off at which load is written
before the day, and each switch is tried in production, because a switch that was never used does not work."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The time until replicas obey is at most one look (0.4 s) plus the time the look takes, and it is seen through requests:
with eight fragments a second for each replica, the first fragment without extras comes on the mean an eighth of a
second after a replica has obeyed, at times half a second. Threads are sampled five times a second, so their mean
wanders by a few tenths. A fragment is answered with 200 even if the storefront has given up on recommendations, so
those are counted apart: a busy machine may make a few answers later than 0.15 s.""",
    mitigation="""\
`./shoplab flag storefront.extras off`, and look at a product: the strip is gone. `./shoplab flag storefront.lite on`
makes pages lite, `./shoplab flag storefront.banner Hello` says something on each, and
`./shoplab flag storefront.extras default`, `./shoplab flag storefront.lite default` and
`./shoplab flag storefront.banner default` put everything back.""",
    questionnaire=(
        (
            "Why do replicas look for themselves instead of being told?",
            "Who is told must be known, reachable and alive at that moment. A replica that was restarting, frozen or "
            "new would miss it; looking, it finds the value as soon as it can.",
        ),
        (
            "Why not restart the replicas with another setting?",
            "A restart costs capacity when there is none to spare, and takes seconds to minutes for each. And going "
            "back costs the same again.",
        ),
        (
            "What must a replica do when it cannot read its flags?",
            "Go on with the last values it knew. A flag store that takes the shop down with it is worse than no flags.",
        ),
    ),
    further="""\
Now let a cache node be away while you switch: `./shoplab break cache_down memcached-1 --for 5`, then switch. Which node
do replicas read then, and why is the change not later?""",
    interview=Interview(
        question="It is your biggest day, and one feature takes too much capacity. How do you turn it off?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask what the class would switch off in their favourite shop. 5 min: predict and run. 5 min: the plot of
fragments: a cliff when the switch falls, and another when it comes back. 5 min: who may turn which switch? What goes
wrong: on a busy machine a look at the flags is later; the limit of a second has room for it.""",
)
