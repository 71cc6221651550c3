"""The shop's code, where the shop's user can read it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from compose.places import User
from compose.topology import PROJECT

ROOMS = ("services", "compose", "nginx")


def drop(user: User) -> dict[str, Any]:
    """Arguments that make `subprocess` run something as the shop's user."""
    return {"user": user.uid, "group": user.gid, "extra_groups": []} if os.geteuid() == 0 else {}


def readable_source(shop: Path, user: User) -> Path:
    """The project's folder, or a copy in the shop's folder when its user could not read it (a checkout under /root)."""
    if may_read(user, Path(__file__)):
        return PROJECT
    copy = shop / "source"
    shutil.rmtree(copy, ignore_errors=True)
    for room in ROOMS:
        shutil.copytree(PROJECT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return copy


def may_read(user: User, path: Path) -> bool:
    """Can the shop's user get there and read it?"""
    return os.geteuid() != 0 or subprocess.run(["/usr/bin/test", "-r", path], cwd="/", **drop(user)).returncode == 0
