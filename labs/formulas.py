"""The arithmetic that predicts what a lab measures. Rates in requests per second, times in seconds unless named."""

import math
from collections.abc import Sequence


def round_robin_share(replicas: int) -> float:
    """Everyone in turn: each replica gets the same, slow or not."""
    return 1 / replicas


def least_conn_share(rate: float, delay_s: float, replicas: int) -> float:
    """The share of one slow replica under least connections, while the others are nearly always idle.

    It takes one request, is busy for `delay_s` and gets none meanwhile; idle again, it takes part in round robin among
    the idle ones, so its turn comes after about `replicas` more arrivals: one request per `rate * delay_s + replicas`.
    Without a delay that is the fair share. Assumes that one request at a time is enough to be the busiest.
    """
    return 1 / (rate * delay_s + replicas)


def ip_hash_replica(address: str, replicas: int) -> int:
    """The replica (counted from 0, in the order of nginx's server lines) that nginx's ip_hash gives an IPv4 client.

    Only the first three octets count. From nginx's ngx_http_upstream_ip_hash_module.c, for equal weights.
    """
    value = 89
    for octet in address.split(".")[:3]:
        value = (value * 113 + int(octet)) % 6271
    return value % replicas


def ip_hash_shares(addresses: Sequence[str], replicas: int) -> list[float]:
    """The share of each replica when these clients ask equally often."""
    chosen = [ip_hash_replica(address, replicas) for address in addresses]
    return [chosen.count(replica) / len(chosen) for replica in range(replicas)]


def other_replica(replicas: int) -> float:
    """How often round robin leads to another replica than the one that has a visitor's session in its memory."""
    return 1 - 1 / replicas


def other_or_gone(replicas: int) -> float:
    """The same once one replica has restarted: a session is found only if it is on one of the n - 1 that did not, and
    the next request happens to go there.
    """
    return 1 - (replicas - 1) / replicas**2


def percentile_of_two(slow_share: float, quick: float, slow: float, percentile: float) -> float:
    """A percentile of answers of which a share is slow: it is the slow one's as soon as the share exceeds the rest.

    `percentile` from 0 to 1. So p90 is slow from a share of 10 % on, and p99 already from 1 %.
    """
    return slow if slow_share > 1 - percentile else quick


def total_wait(requests: int, quick: float, slow_share: float, delay: float) -> float:
    """The waiting of all shoppers added up: everyone waits `quick`, the slow replica's visitors `delay` more."""
    return requests * (quick + slow_share * delay)


def availability_of_all(*availabilities: float) -> float:
    """In series: what needs all its parts works as often as all of them do, if they fail independently. 0 to 1."""
    return math.prod(availabilities)


def in_flight(rate: float, time_s: float) -> float:
    """Little's law, L = λW: how many requests are under way on average. Holds for every stable system."""
    return rate * time_s


def utilisation(rate: float, service_s: float, servers: int) -> float:
    """λ·s / c, in the books rho: how busy each server is. Towards 1 waiting grows without bound."""
    return rate * service_s / servers


def throughput_limit(servers: int, service_s: float) -> float:
    """Requests per second that so many servers can answer at most, each busy for `service_s` (Little's law with L = c).
    Above it a queue grows for as long as the load lasts, whatever the requests in it want.
    """
    return servers / service_s


def leaky_bucket(burst: float, rate: float, seconds: float) -> float:
    """1 + b + r·t: how many requests of somebody who never stops get through a limit of r a second with a burst of b.

    Each one fills the bucket by one, it leaks at the rate, and whoever would make it overflow is refused. So nginx's
    limit_req counts with `nodelay`: the first one finds it empty and fills nothing.
    """
    return 1 + burst + rate * seconds


def trials_per_s(replicas: int, timeout_s: float, rest_s: float) -> float:
    """Calls per second to a silent peer behind circuit breakers: each replica of the caller makes one trial at a time,
    waits for its whole timeout, then rests.
    """
    return replicas / (timeout_s + rest_s)


def attempts_in(total_s: float, timeout_s: float) -> int:
    """How often a call is tried that times out each time: as often as the timeout fits into the bound of the call."""
    return max(1, int(total_s / timeout_s))


def probing_share(share: float, wait_s: float, out_s: float) -> float:
    """The share of all requests that wait for a node whose own share is `share`, when it fails after `wait_s` and is
    left alone for `out_s` then: of every wait + out seconds, those that come in the first `wait_s`.
    """
    return share * wait_s / (wait_s + out_s)


def reloaded_by_modulo(nodes: int) -> float:
    """The share of keys that must be loaded anew when one of n cache nodes is lost and keys go by hash mod n.

    A key stays if it finds the same node by hash mod n among n as by hash mod (n - 1) among those left. Both remainders
    together take n(n - 1) values, all equally likely (Chinese remainder theorem: n and n - 1 have no common divisor),
    and each of the n - 1 nodes left is hit by one of them: 1/n stays, whichever node is lost.
    """
    return 1 - 1 / nodes


def reloaded_by_rendezvous(nodes: int) -> float:
    """The same with rendezvous hashing: the lost node's own keys and no other. Nobody can do with fewer."""
    return 1 / nodes


def kept_on_a_node(copies: int, nodes: int) -> float:
    """The share of things that have a copy on a given node, when each has its copies on different nodes and no node is
    preferred: what a lost node concerns.
    """
    return copies / nodes


def backlog(rate: float, capacity: float, seconds: float, before: float = 0) -> float:
    """(λ - μ)·t, added to what waited before: what comes faster than it is worked off piles up. Never below zero."""
    return max(0.0, before + (rate - capacity) * seconds)


def drain_s(backlog: float, capacity: float, rate: float) -> float:
    """backlog / (μ' - λ): how long until a backlog is gone while work still arrives. Never (infinite) if μ' ≤ λ."""
    return backlog / (capacity - rate) if capacity > rate else math.inf


def queue_delay_s(backlog: float, capacity: float) -> float:
    """backlog / μ: how long somebody who queues up now waits until those in front are served."""
    return backlog / capacity


def popularity(things: int, exponent: float = 0.9) -> list[float]:
    """The share of all wishes that goes to each of so many things by Zipf's law, the most wanted first. Sums to 1."""
    weights = [1 / rank**exponent for rank in range(1, things + 1)]
    return [weight / sum(weights) for weight in weights]


def database_load(rate: float, hit_ratio: float) -> float:
    """λ·(1 - h): what the cache does not answer, the database must."""
    return rate * (1 - hit_ratio)


def cold_hit_ratio(rate: float, shares: Sequence[float], after_s: float) -> float:
    """The chance of a hit so many seconds after the cache was emptied: that the thing has been asked for since.

    Arrivals are Poisson, `shares` their popularity; nothing expires yet.
    """
    return sum(share * (1 - math.exp(-rate * share * after_s)) for share in shares)


def cold_loads(rate: float, shares: Sequence[float], within_s: float) -> float:
    """How many different things are asked for in so many seconds: each is loaded once, when it is asked for first."""
    return sum(1 - math.exp(-rate * share * within_s) for share in shares)


def ttl_hit_ratio(rate: float, shares: Sequence[float], ttl_s: float) -> float:
    """The hit ratio in the long run when every entry lives `ttl_s` after it was loaded.

    A thing asked for λ times a second has λ·ttl hits for every miss, on the mean (Jung, Berger, Balakrishnan: Modeling
    TTL-based Internet Caches, INFOCOM 2003).
    """
    return sum(share * (rate * share * ttl_s) / (1 + rate * share * ttl_s) for share in shares)


def wait_behind_poison(poison: int, try_s: float, rate: float, work_s: float) -> float:
    """How long a good message waits while `poison` messages go round and round through the end of its queue.

    Every one of them is in front of it once, at `try_s` each; meanwhile good ones arrive and are served, `work_s` each:
    P·t / (1 - λs). Never (infinite) when the good ones alone are too many.
    """
    free = 1 - rate * work_s
    return poison * try_s / free if free > 0 else math.inf


def served_before_timeout(rate: float, service_s: float, bound_s: float) -> float:
    """How many get through a line that is served in order and too slowly, when everybody leaves after `bound_s`.

    Each waits `service_s` - 1/λ longer than the one before. Once that exceeds the bound, work is done in turn for
    people who have just left, so nobody gets through any more. Infinite when the server keeps up.
    """
    longer_s = service_s - 1 / rate
    return 1 + (bound_s - service_s) / longer_s if longer_s > 0 else math.inf


def stampede(rate: float, load_s: float) -> float:
    """1 + λ·s: how many load a thing that vanished, when each one who misses loads it. All miss until the first load
    is over.
    """
    return 1 + rate * load_s


def second_wave_s(rate: float, load_s: float, connections: int) -> float:
    """What the unlucky of a stampede wait: they find all connections taken, wait for the first load to end, and then
    load all the same. The first of them came after connections / λ seconds. Nobody is unlucky before that.
    """
    return 2 * load_s - connections / rate if connections / rate < load_s else load_s


def done_again(crashes: int, at_once: int = 1) -> int:
    """How much work is done twice when a worker without memory crashes between the work and its acknowledgement: what
    it has in hand done and unacknowledged, `at_once` messages, each time. Those it has merely fetched are not done yet.
    """
    return crashes * at_once


def stale_share(lag_s: float, window_s: float) -> float:
    """lag / window: how many of those who look at what they have written, evenly over a window after it, do so before
    the replica has it.
    """
    return min(1.0, lag_s / window_s)


def detection_s(every_s: float, looks: int, answer_s: float = 0.0) -> float:
    """How long a watch takes to find something gone that it looks at every `every_s`, on the mean: until the next look,
    then so many looks in a row that are in vain, and a last one before it acts. Each in vain takes `answer_s`: nothing
    if connections are refused, a whole timeout if nobody answers.
    """
    return every_s / 2 + (looks - 1) * max(every_s, answer_s) + 2 * answer_s


def commit_wait_s(commits: int, round_trip_s: float) -> float:
    """How much longer work takes whose commits, one after the other, each wait for a replica so far away."""
    return commits * round_trip_s


def percentile_interval(values: Sequence[float], percentile: float) -> tuple[float, float] | None:
    """The 95 % confidence interval of a percentile (0 to 1) from order statistics, whatever the distribution.

    How many of the values lie below the true percentile is binomial; the middle 95 % of that are the ranks to look at
    (Hahn and Meeker, Statistical Intervals, 5.2). None when a rank falls off the end: p95 needs 72 values, p99 368.
    """
    ordered, below, lower, upper = sorted(values), 0.0, 0, 0
    for rank in range(len(ordered)):
        below += _binomial(len(ordered), rank, percentile)
        if below <= 0.025:
            lower = rank + 1
        if below >= 0.975:
            upper = rank + 1
            break
    return (ordered[lower - 1], ordered[upper - 1]) if lower and upper else None


def _binomial(n: int, k: int, p: float) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log(1 - p))


def wait_in_line_s(place: int, arrivals: float, admitted: float) -> float:
    """What the person at that place waits when people come at one rate and are let in at a lower one: their turn comes
    (n - 1) / R after the first one's, and they came (n - 1) / λ after the first.
    """
    return max(0.0, (place - 1) * (1 / admitted - 1 / arrivals))


def jumped_at_random(pieces: int, arrivals: float, capacity: float) -> float:
    """Pieces that go to others than the first to come, when whoever waits is as likely to be served next as anybody
    else who does: P · (1 - r) / r · r^(1 / (1 - r)) with r = μ / λ < 1.

    After t seconds (λ - μ) t wait and μ a second are served, so whoever came at s is still unserved at T = P / μ, when
    all is sold, with probability (s / T)^(r / (1 - r)). The first P to come are those before P / λ; the rest is the
    integral over those who came later and were served.
    """
    ratio = capacity / arrivals
    return pieces * (1 - ratio) / ratio * math.pow(ratio, 1 / (1 - ratio))
