"""pass, fail or unknown. A bad measurement is `unknown` whatever it seems to show; it never passes and never fails."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from labs.lab import Finding, Limits
from labs.load.result import LoadResult

Verdict = Literal["pass", "fail", "unknown"]
EXIT_CODES: Mapping[Verdict, int] = {"pass": 0, "fail": 1, "unknown": 2}
EXIT_BROKEN = 3


def doubts(loads: Mapping[str, LoadResult], limits: Limits) -> list[str]:
    """Why the instrument itself cannot be trusted this time, if so."""
    return [doubt for phase, load in loads.items() for doubt in _doubts(phase, load, limits)]


def _doubts(phase: str, load: LoadResult, limits: Limits) -> list[str]:
    lag = load.generator_lag.percentile(99)
    found = []
    if lag > limits.generator_lag_p99_ms:
        found.append(f"{phase}: the generator lagged {lag:.0f} ms at p99, more than {limits.generator_lag_p99_ms:.0f}")
    if load.dropped > limits.dropped:
        found.append(f"{phase}: {load.dropped} arrivals were dropped")
    if len(load.waited_for) < limits.samples:
        found.append(f"{phase}: only {len(load.waited_for)} samples, {limits.samples} are needed")
    return found


def unmet(probes: Sequence[Mapping[str, Any]], when: str) -> list[str]:
    """The probes that were outside their tolerance, in words."""
    return [
        f"{when}, {probe['name']} was {probe['value']:g} {probe['unit']}".rstrip() + f" ({probe['tolerance']})"
        for probe in probes
        if not probe["holds"]
    ]


def judge(findings: Sequence[Finding], reasons: Sequence[str], damage: Sequence[str]) -> Verdict:
    """`reasons` make a run unknown; `damage` is what the rollback left behind, and a lab that leaves damage fails."""
    if reasons or not findings:
        return "unknown"
    return "fail" if damage or not all(finding.holds for finding in findings) else "pass"
