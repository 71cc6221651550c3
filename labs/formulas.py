"""The arithmetic that predicts what a lab measures. Rates in requests per second, times in seconds unless named."""

import math
from collections.abc import Sequence

Z95 = 1.959964


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


def percentile_of_two(slow_share: float, quick: float, slow: float, percentile: float) -> float:
    """A percentile of answers of which a share is slow: it is the slow one's as soon as the share exceeds the rest.

    `percentile` from 0 to 1. So p90 is slow from a share of 10 % on, and p99 already from 1 %.
    """
    return slow if slow_share > 1 - percentile else quick


def total_wait(requests: int, quick: float, slow_share: float, delay: float) -> float:
    """The waiting of all shoppers added up: everyone waits `quick`, the slow replica's visitors `delay` more."""
    return requests * (quick + slow_share * delay)


def in_flight(rate: float, time_s: float) -> float:
    """Little's law, L = λW: how many requests are under way on average. Holds for every stable system."""
    return rate * time_s


def utilisation(rate: float, service_s: float, servers: int) -> float:
    """ρ = λ·s / c: how busy each server is. Towards 1 waiting grows without bound; above 1 it never ends."""
    return rate * service_s / servers


def percentile_interval(values: Sequence[float], percentile: float) -> tuple[float, float] | None:
    """The 95 % confidence interval of a percentile (0 to 1) from order statistics, without assuming any distribution.

    The number of values below the true percentile is binomial; its 95 % range gives the ranks. None when a rank falls
    off the end: p99 needs about 400 samples. Normal approximation (Hahn and Meeker, Statistical Intervals, 5.2).
    """
    count, ordered = len(values), sorted(values)
    centre, half = count * percentile, Z95 * math.sqrt(count * percentile * (1 - percentile))
    low, high = math.floor(centre - half), math.ceil(centre + half)
    if low < 0 or high >= count:
        return None
    return ordered[low], ordered[high]
