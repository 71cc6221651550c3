"""Where the shop's servers are on this machine, and whether they are new enough.

Unusable            a server cannot be used; the message says what to type
├── MissingBinary   it is not installed
└── TooOld          only versions older than the oldest supported one are
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, ...]


class Unusable(Exception):
    """A server of the shop cannot be used on this machine."""


class MissingBinary(Unusable):
    """It is not installed."""


class TooOld(Unusable):
    """It is installed, but older than the shop supports."""


@dataclass(frozen=True)
class Need:
    """A server: the oldest version that will do, Debian's package, and where it may be (patterns below the root).

    `on_path` is empty where PATH leads to a wrapper that no shop of one's own can use (RabbitMQ, Postgres on Debian).
    """

    name: str
    oldest: Version
    package: str
    patterns: tuple[str, ...]
    on_path: str = ""
    flag: str = "--version"
    in_path: str = r"(?!)"
    """Pattern that finds the version in the path, so that nothing needs to be started."""


NGINX = Need("nginx", (1, 18), "nginx", ("usr/sbin/nginx", "usr/local/sbin/nginx"), "nginx", flag="-v")
MEMCACHED = Need("memcached", (1, 6), "memcached", ("usr/bin/memcached",), "memcached")
RABBITMQ = Need(
    "RabbitMQ",
    (3, 9),
    "rabbitmq-server",
    ("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server", "opt/rabbitmq_server-*/sbin/rabbitmq-server"),
    in_path=r"rabbitmq_server-([\d.]+)",
)
POSTGRES = Need(
    "Postgres",
    (14,),
    "postgresql",
    ("usr/lib/postgresql/*/bin/postgres", "usr/pgsql-*/bin/postgres"),
    in_path=r"(?:postgresql/|pgsql-)(\d+)",
)
NEEDS = (NGINX, MEMCACHED, RABBITMQ, POSTGRES)


def ask_version(program: Path, *arguments: str) -> str:
    """What a program says about its version, on either stream; nothing when it fails or takes more than 3 s."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=3, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Machine:
    """Where to look and how to ask; tests hand in a folder, a PATH and ready answers. `path` None is the real PATH."""

    root: Path = Path("/")
    path: str | None = None
    ask: Callable[..., str] = ask_version

    def which(self, program: str) -> Path | None:
        """The program's absolute path on PATH, if it is there."""
        path = os.environ.get("PATH", os.defpath) if self.path is None else self.path
        found = shutil.which(program, path=path)
        return Path(found).absolute() if found else None


THIS_MACHINE = Machine()


def parse_version(text: str) -> Version:
    """The first version number in a text: "nginx/1.22.1" is (1, 22, 1). Empty when there is none."""
    found = re.search(r"\d+(?:\.\d+)+|\d+", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def show(version: Version) -> str:
    return ".".join(map(str, version))


def how_to_install(package: str) -> str:
    return f"type: ./shoplab --install-packages {package}   (apt-get does the work, no service is started)"


def candidates(need: Need, machine: Machine) -> Iterator[Path]:
    for pattern in need.patterns:
        yield from (path for path in machine.root.glob(pattern) if os.access(path, os.X_OK))
    if need.on_path and (found := machine.which(need.on_path)):
        yield found


def version_of(program: Path, need: Need, machine: Machine) -> Version:
    in_path = re.search(need.in_path, str(program))
    return parse_version(in_path[1] if in_path else machine.ask(program, need.flag))


def newest(need: Need, machine: Machine = THIS_MACHINE) -> tuple[Path, Version]:
    """The newest one on this machine; raises `MissingBinary`, or `TooOld` when even that will not do."""
    found = [(version_of(path, need, machine), path) for path in dict.fromkeys(candidates(need, machine))]
    if not found:
        raise MissingBinary(f"{need.name} is not installed; {how_to_install(need.package)}")
    version, path = max(found)
    if version < need.oldest:
        said = show(version) or "of unknown version"
        raise TooOld(f"{need.name} {said} ({path}) is too old: install {show(need.oldest)} or newer")
    return path, version


def binary(name: str, machine: Machine = THIS_MACHINE) -> Path:
    """The absolute path of `nginx`, `memcached`, `rabbitmq-server`, or of any program in Postgres' own folder.

    RabbitMQ's is the script behind Debian's wrapper, which insists on the system's own user. Raises `Unusable`.
    """
    needs = {"nginx": NGINX, "memcached": MEMCACHED, "rabbitmq-server": RABBITMQ}
    program = newest(needs.get(name, POSTGRES), machine)[0]
    if name not in needs:
        program = program.with_name(name)
    if not program.exists():
        raise MissingBinary(f"{program} does not exist, though it comes with Postgres; {how_to_install('postgresql')}")
    return program


def require_servers(machine: Machine = THIS_MACHINE) -> None:
    """Return when a local shop has all its servers, otherwise raise one `Unusable` that names all it lacks."""
    reasons = []
    for need in NEEDS:
        try:
            newest(need, machine)
        except Unusable as reason:
            reasons.append(str(reason))
    if reasons:
        raise Unusable("\n".join(reasons))
