"""What is told around `health-checks`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
The replica that was cut off went on answering /livez: the process was alive, its sockets were open, nginx saw no broken
connection. So it kept its quarter of the requests and failed them: {n["shallow_failed"]:.0%} in all,
{n["shallow_at_the_end"]:.0%} still at the end. A 503 is an answer, and passive checks count broken connections only.

The deep check asked /readyz, which tries the database. Two noes in a row, and the replica's line in the gateway
was marked `down`: {n["deep_failed"]:.0%} failed until then, {n["deep_at_the_end"]:.0%} in the last seconds. Requests
under way ended on the old nginx workers, so {n["deep_cut_short"]:.0f} connections were cut. The proof is in control's
description of the gateway: `./shoplab logs gateway` shows no error, only fewer addresses.

Then every catalog replica lost the database at once. Each of them said no, truthfully, and without a floor all of them
left: {n["deep_for_all_at_the_end"]:.0%} of the last requests got the gateway's own 503, although Memcached had nearly
all that was asked for. With the floor nobody was taken out, because too few would have been left:
{n["floor_failed"]:.1%} failed. A dependency that all replicas share says nothing about which replica is better."""


def short_answer(n: Numbers) -> str:
    return (
        "Liveness says restart me, readiness says send me work. With a shallow check a replica without its database "
        f"kept failing {n['shallow_failed']:.0%} of all requests; a deep one took it out in two to three seconds, but "
        f"a deep check of a shared database took everybody out ({n['deep_for_all_at_the_end']:.0%} failed) until there "
        f"was a floor ({n['floor_failed']:.0%})."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
There are two questions. Is the process alive? Only its supervisor should ask that, to restart it. Can it do its
business now? That is for whoever shares out work. A check that answers the first and is used for the second lets a
broken replica fail its 1/n for ever: here {n["shallow_failed"]:.0%}.

A deep check costs the time to notice: interval times misses, here two to three seconds and {n["deep_failed"]:.0%} of
the requests of that phase. Shorter is quicker and takes out healthy replicas on a busy day; ask for more than one no.

The trap is a shared dependency. If all replicas ask the same database, the check is one bit, copied n times: an outage
of the database becomes an outage of everything, also of what a cache could have answered
({n["deep_for_all_at_the_end"]:.0%} failed). So balancers stop believing when too many say no: Envoy's panic threshold,
a load balancer that "fails open", here `gateway.health_floor` ({n["floor_failed"]:.0%} failed).

Silence is not a no: a saturated replica that answers late would be taken out, its load moved to the next, and so on.
And leaving must be a drain: no new requests, those under way are finished."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The cut is made by the fault proxy between one replica and Postgres, so connections are refused at once. A silent
database would show later: the replica first waits for its own bound. Readiness is asked once a second, and a replica
waits a second for a connection before it says no, so noticing takes two to three seconds. Products that nobody had
asked for before the cut are not in the cache; the lab looks at every product once before, otherwise the last figure
would be one minus the hit ratio.""",
    mitigation="""\
The knobs are flags of the running shop: `./shoplab flag gateway.health_checks deep` and
`./shoplab flag gateway.health_floor 50` are its defaults. They were turned in the method, under the same load.""",
    questionnaire=(
        (
            "Why did nginx's own passive checks not take the replica out?",
            "They count connections that are refused, reset or time out. The replica answered every request, with 503: "
            "that is an answer.",
        ),
        (
            "Should a replica that is not ready be restarted?",
            "No. Its database is away; a restart makes it lose its warm connections and brings nothing back. Restart "
            "what is not alive, drain what is not ready.",
        ),
        (
            "What should /readyz of the storefront ask?",
            "Not all its dependencies: it can show pages without recommendations, and without the catalog it can still "
            "show a cart and an apology. Only what no answer can do without.",
        ),
        (
            "Why is the floor a share and not a number of replicas?",
            "Because the rest must carry the load. Half of the replicas at twice the load may be beyond the knee.",
        ),
    ),
    further="""\
Now change the floor to 75 % with four replicas and cut off two of them. Who stays, what fails, and is that better or
worse than with 50 %? Say first what the two that are left would have to carry.""",
    interview=Interview(
        question="Design the health checks of a service with a database and a cache. What do they ask, and what then?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: ask who restarts and who shares out work, collect the predictions. 5 min: run in quick mode. 10 min: the table,
then the question why deep checks are dangerous (most have only heard that shallow ones are bad). What goes wrong: if
the learner's own shop has another number of replicas, the lab scales inventory to four by itself and back again. Ask at
the end what a check should do when it gets no answer at all.""",
)
