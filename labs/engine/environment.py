"""What machine and which software a run's numbers belong to."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from labs.shop import Shop

PACKAGES = ("aiohttp", "uvloop", "hdrhistogram", "plotly", "flask", "gunicorn")
ROOT = Path(__file__).resolve().parents[2]


def environment(shop: Shop, seed: int) -> dict[str, Any]:
    """Plain data for env.json. Never fails: what cannot be found out is None."""
    return {
        "shop": {"name": shop.name, "runtime": shop.runtime, "url": shop.url},
        "seed": seed,
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
