"""Probes that most labs need for their steady state."""

from labs.lab import Probe, View


def failures() -> Probe:
    """Not one request of the short load failed."""
    return Probe(name="failed requests", measure=_failed, high=0)


def p99_below(limit_ms: float) -> Probe:
    """The shop answers as it normally does: generous, because it says "nothing is broken", not "nothing is slow"."""
    return Probe(name="p99", measure=lambda view: view.load.latency.percentile(99), unit="ms", high=limit_ms)


def all_ready() -> Probe:
    """Everything that should run is ready."""
    return Probe(name="components not ready", measure=_not_ready, high=0)


def invariants() -> Probe:
    """Stock, orders and charges agree."""
    return Probe(name="violated invariants", measure=lambda view: float(len(view.shop.check())), high=0)


def _failed(view: View) -> float:
    return float(view.load.completed - view.load.outcomes["ok"])


def _not_ready(view: View) -> float:
    jobs_end = ("job",)
    return float(sum(not part["ready"] for part in view.shop.status() if part.get("kind") not in jobs_end))
