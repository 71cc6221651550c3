"""nginx as a program: where it is, how it is called, what it says about a configuration, which processes it has."""

import os
import re
import shutil
import subprocess
from pathlib import Path

CHECK_S = 5.0
_EARLY_LOG = (1, 19, 5)


class Refused(Exception):
    """The new configuration was not taken; the old one goes on serving. The message is nginx's own where it has one."""


def check(text: str, data: str) -> None:
    """Ask `nginx -t`. Raises Refused with what it says."""
    trial = Path(data, "nginx.conf.trial")
    trial.write_text(text)
    try:
        asked = subprocess.run(
            [*command(data, trial), "-t", "-q"], capture_output=True, text=True, timeout=CHECK_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"nginx -t did not end within {CHECK_S:.0f} s") from error
    finally:
        trial.unlink()
    if asked.returncode != 0:
        raise Refused(asked.stderr.strip())


def command(data: str, configuration: Path) -> list[str]:
    """How nginx is called for this folder, touching nothing outside it."""
    nginx = nginx_program()
    early = ["-e", "stderr"] if nginx_version(nginx) >= _EARLY_LOG else []
    return [nginx, "-p", f"{data}/", *early, "-c", str(configuration)]


def nginx_program() -> str:
    """Where nginx is; Debian keeps it out of a normal user's PATH. Raises Refused."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise Refused("nginx is not installed: apt install nginx")
    return found


def nginx_version(nginx: str) -> tuple[int, ...]:
    """(1, 22, 1) for example."""
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, timeout=CHECK_S, check=True).stderr
    found = re.search(r"nginx/([0-9.]+)", said)
    return tuple(int(part) for part in found[1].split(".")) if found else (0,)


def workers_user() -> str | None:
    """Who the workers become when root starts nginx. A normal user's nginx cannot change its user at all."""
    return "www-data" if os.geteuid() == 0 else None


def workers_of(master: int) -> dict[int, str]:
    """nginx's workers and their titles; a worker that only ends its last requests says `is shutting down`."""
    children: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(entry) == master:
            children[int(entry.name)] = titled(int(entry.name))
    return {pid: title for pid, title in children.items() if "worker process" in title}


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def titled(pid: int) -> str:
    """Its command line as ps shows it; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
