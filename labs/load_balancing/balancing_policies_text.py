"""What is told around `balancing-policies`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
Round robin does not look at replicas at all, so one request in four met the slow one. The median did not notice
({n["round_robin_p50_ms"]:.0f} ms); p90 and p99 were entirely the slow replica's ({n["round_robin_p90_ms"]:.0f} and
{n["round_robin_p99_ms"]:.0f} ms). An average would have hidden both facts.

Least connections sends a request to whoever has the fewest under way. That number is Little's law at work: L = λW, so
a replica with a longer W collects a higher L and is passed over. The slow one got {n["least_conn_share"]:.1%}. Nobody
measured its latency; the queue told. But p99 was still {n["least_conn_p99_ms"]:.0f} ms: nginx does not remember that
it was slow. As soon as it is idle again its turn comes round, once in about λd + n requests, one in 25 here, and that
is more than one in a hundred.

IP hash looks at the client only. The slow replica's share was {n["ip_hash_share"]:.1%}, much like round robin's, but
always the same shoppers paid: their median was {n["ip_hash_hit_p50_ms"]:.0f} ms, everybody else's
{n["ip_hash_spared_p50_ms"]:.0f}. The proof is in the samples: {n["ip_hash_networks_faithful"]:.0%} of networks only
ever saw one X-Served-By under IP hash, {n["round_robin_networks_faithful"]:.0%} under round robin."""


def short_answer(n: Numbers) -> str:
    return (
        "Least connections is a feedback loop and round robin is not: with one of four replicas 300 ms late I measured "
        f"its share fall from {n['round_robin_share']:.0%} to {n['least_conn_share']:.0%} and p90 from "
        f"{n['round_robin_p90_ms']:.0f} to {n['least_conn_p90_ms']:.0f} ms."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
Round robin is right when replicas and requests are alike. When one replica is slow it keeps its 1/n: p50 stays
({n["round_robin_p50_ms"]:.0f} ms), the tail is the slow one's (p99 {n["round_robin_p99_ms"]:.0f} ms).

Least connections uses the number of requests under way as a proxy for slowness, so the slow one's share shrinks to
about 1/(λd + n), here {n["least_conn_share"]:.1%}, and all waiting added up went from {n["round_robin_wait_s"]:.0f}
to {n["least_conn_wait_s"]:.0f} s. It does not repair p99 while that share is above 1 %: for that the replica has to
leave (outlier detection, readiness). A replica that fails fast is its trap: nothing under way looks attractive.

IP hash buys affinity, for local caches or sessions, and pays with skew: behind one office address sit thousands. Here
the unlucky networks had a median of {n["ip_hash_hit_p50_ms"]:.0f} ms, every time.

With many gateways none of them sees all connections; power of two choices is then the usual compromise."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
The arrivals are evenly spaced: with bunches (`poisson`) the fast replicas are sometimes busy too, and the slow one
gets a little more under least connections. The slow replica has eight threads and needs λ/4 · 0.3 s = 5 of them, so
no queue forms in front of it; above 107 requests a second one would, and its latency would grow without bound. The
shoppers' addresses are made up (X-Forwarded-For, trusted from this machine only), and their 40 networks happen to
spread evenly; forty real networks would not.""",
    mitigation="""\
The knob was turned in the method: the same load under round robin and then under least connections, side by side in
every table here. In the shop it is `./shoplab balance catalog least_conn`, live and without a dropped request.""",
    questionnaire=(
        (
            "Why did p50 not move under round robin?",
            "Three in four requests never met the slow replica, and the median lies among them. It would move from a "
            "share of one half on.",
        ),
        (
            "Why is p99 still bad under least connections?",
            "The slow one's share is about 1/(λd + n), above 1 %, and p99 shows what happens to one in a hundred.",
        ),
        (
            "The slow replica starts to fail at once instead. What does least connections do?",
            "It has nothing under way, so it looks idle and gets more: a black hole. Passive checks (max_fails) help "
            "only if it refuses or breaks connections; a quick 503 is an answer to nginx. An active check, or outlier "
            "detection on 5xx, must take it out.",
        ),
        (
            "When is IP hash right?",
            "When being at the same replica is worth more than evenness: a local cache, a session in memory. Prefer to "
            "have neither.",
        ),
    ),
    further="""\
Now change the rate: from which rate on does the slow replica get less than 1 % under least connections, so that p99
recovers too? Solve 1/(λd + n) < 0.01 first, then look at what the other three replicas can carry.""",
    interview=Interview(
        question="You have four replicas and one becomes slow. Compare round robin, least connections and IP hash.",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: draw the map, collect predictions by show of hands (most say p50 rises by a quarter of the delay: that is the
mean). 10 min: run in quick mode, talk about Little's law meanwhile. 10 min: the tables and the questionnaire. What
goes wrong: on a busy laptop the verdict is `unknown` because the generator lagged; close the video call and run
again. Ask at the end what a load balancer would have to measure to take the replica out altogether: that is the next
lab, health checks.""",
)
