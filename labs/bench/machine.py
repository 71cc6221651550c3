"""What machine a measurement was taken on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from compose.topology import PROJECT


def describe() -> dict[str, Any]:
    """Plain data. Never fails: what cannot be found out is None."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "cpu": processor(Path("/proc/cpuinfo")),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
    }


def processor(cpuinfo: Path) -> str | None:
    """The processor's name as the kernel tells it, else its architecture."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or None


def commit() -> str | None:
    """The commit that is measured, with a + when files were changed since."""
    revision = _git("rev-parse", "--short", "HEAD")
    return revision and revision + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(PROJECT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
