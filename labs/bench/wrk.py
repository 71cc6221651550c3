"""The yardstick of the load generator: wrk, a closed-loop client in C, held to a rate by its connections' rests."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compose.runtime.verbs import RuntimeFailed
from compose.versions import MissingBinary, how_to_install

SCRIPT = Path(__file__).with_suffix(".lua")
CONNECTIONS = 20
"""Each asks again only when it was answered, so that no more than this many requests can wait at a time."""


def program() -> str:
    """Raises MissingBinary."""
    if found := shutil.which("wrk"):
        return found
    raise MissingBinary(f"wrk, which the load generator is compared with, is not installed; {how_to_install('wrk')}")


def drive(url: str, paths: Sequence[str], rate: float, seconds: int) -> dict[str, Any]:
    """Ask for these paths in turn, `rate` a second less what answers take. What it reports: `requests`, `seconds`, and
    `p50`, `p90`, `p99` in milliseconds from the sending. Raises RuntimeFailed when a request failed.
    """
    rest_ms = round(CONNECTIONS / rate * 1000)
    command = [program(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), url, "--"]
    said = subprocess.run(
        [*command, str(CONNECTIONS), str(rest_ms), *paths], capture_output=True, text=True, timeout=seconds + 30
    )
    try:
        report: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeFailed(f"wrk did not report: {said.stdout}{said.stderr}") from None
    if report["failed"] or not report["requests"]:
        raise RuntimeFailed(f"wrk was not served as expected: {report}")
    return report
