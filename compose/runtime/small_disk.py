"""A disk so small that it can be filled: a tmpfs of a fixed size, mounted over a local component's folder.

What lies below is hidden, not touched. Mounting takes root, and Linux; nothing ever fills the machine's own disk.
"""

import os
import subprocess
import sys
from pathlib import Path

from compose.places import User
from compose.runtime.verbs import RuntimeFailed

WITHIN_S = 10.0


def mount(folder: Path, megabytes: int, user: User) -> None:
    """Put an empty disk there, of this user. Raises RuntimeFailed."""
    if os.geteuid() != 0 or sys.platform != "linux":
        raise RuntimeFailed("a small disk is a tmpfs of its own, and to mount one takes root, on Linux")
    options = f"size={megabytes}m,mode=700,uid={user.uid},gid={user.gid}"
    _run("mount", "-t", "tmpfs", "-o", options, "shoplab", str(folder))


def unmount(folder: Path) -> None:
    """Take the disk away, with all that is on it; fine when there is none. Raises RuntimeFailed."""
    if os.path.ismount(folder):
        _run("umount", str(folder))


def unmount_all(data: Path) -> None:
    """The same for every component's folder below `data`."""
    for folder in data.glob("*"):
        unmount(folder)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise RuntimeFailed(f"`{' '.join(command)}` did not end within {WITHIN_S:g} s") from error
    if done.returncode:
        raise RuntimeFailed(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
