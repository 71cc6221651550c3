"""The container engine: is there one that can run the shop, and what does it say about one shop's containers.

Everything is asked by way of the `docker` command with a bounded wait. Values for compose.yaml's placeholders travel in
the command's environment, never in its arguments, where any user of the machine could read the passwords.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from compose.runtime.verbs import RuntimeFailed, State

OLDEST_ENGINE, OLDEST_COMPOSE = (25, 0), (2, 26)
ASK_S = 20.0
TRIES = 5
LABEL = "com.docker.compose."
STATES: Mapping[str, State] = {"running": "running", "paused": "paused"}


def available() -> str | None:
    """None when an engine and a Compose that can run the shop answer; otherwise why not, and what to do."""
    if not shutil.which("docker"):
        return "there is no docker command; install Docker Engine and its Compose plugin"
    engine = _version("docker", "version", "--format", "{{.Server.Version}}")
    if engine is None:
        return "no container engine answers; start one (`docker version` tells why), and may this user talk to it?"
    if engine < OLDEST_ENGINE:
        return f"the engine is {_text(engine)}, the shop needs {_text(OLDEST_ENGINE)} or newer"
    compose = _version("docker", "compose", "version", "--short")
    if compose is None:
        return "the docker command has no Compose plugin; install docker-compose-plugin (Debian: docker-compose)"
    if compose < OLDEST_COMPOSE:
        return f"Compose is {_text(compose)}, the shop needs {_text(OLDEST_COMPOSE)} or newer"
    return None


def _version(*argv: str) -> tuple[int, int] | None:
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.search(r"(\d+)\.(\d+)", said)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


@dataclass(frozen=True, kw_only=True)
class Container:
    """What the engine knows of one container. `health` is empty where nothing is checked; `ip` while it is stopped."""

    id: str
    service: str
    number: int
    state: str
    health: str
    exit_code: int
    pid: int
    started_at: str
    ip: str
    published: Mapping[str, str]
    """Port inside -> "127.0.0.1:port" on this machine."""

    @property
    def shown(self) -> State:
        """Its state in the words of the verbs."""
        return STATES.get(self.state, "stopped")

    @property
    def failed(self) -> bool:
        """Has it ended as it should not, or was it given up?"""
        return (self.state in ("exited", "dead") and self.exit_code != 0) or self.health == "unhealthy"

    @property
    def up(self) -> bool:
        """Healthy, or done where the work is done once."""
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")


class Engine:
    """The engine as one shop sees it: only containers that carry the shop's name in Compose's own label. Compose merges
    `override`, once it exists, into `compose_file`.
    """

    def __init__(self, name: str, values: Mapping[str, str], compose_file: Path, override: Path | None = None) -> None:
        self._name, self._file, self._override = name, compose_file, override
        placeholders = set(re.findall(r"\$\{(\w+)", compose_file.read_text()))
        self._environment = {k: v for k, v in os.environ.items() if k not in placeholders} | dict(values)

    def compose(self, *arguments: str, within_s: float) -> str:
        """Run `docker compose ...` on this shop; its standard output. Raises RuntimeFailed with the last it said."""
        return self.docker(*self._compose_words(), *arguments, within_s=within_s).decode(errors="replace")

    def begin(self, *arguments: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start `docker compose ...` and leave it to the caller to wait for it."""
        command = ["docker", *self._compose_words(), *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )

    def docker(self, *arguments: str, stdin: bytes = b"", within_s: float = ASK_S, merge: bool = False) -> bytes:
        """Run `docker ...`; its standard output (with `merge` both outputs). Raises RuntimeFailed."""
        try:
            done = subprocess.run(
                ["docker", *arguments],
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                env=self._environment,
                timeout=within_s,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeFailed(f"`{_shown(arguments)}` did not end within {within_s:.0f} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace")
            raise RuntimeFailed(f"`{_shown(arguments)}` ended with {done.returncode}:\n{tail(said)}")
        return done.stdout

    def containers(self, tries: int = TRIES) -> list[Container]:
        """All containers of the shop, whatever their state; not those of jobs that were run once more."""
        listed = self.docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}project={self._name}")
        ids = listed.decode().split()
        if not ids:
            return []
        try:
            found = json.loads(self.docker("inspect", "--type", "container", *ids))
        except RuntimeFailed:  # one went away in between
            if tries == 1:
                raise
            return self.containers(tries - 1)
        return [_container(entry) for entry in found if entry["Config"]["Labels"].get(f"{LABEL}oneoff") != "True"]

    def memory_mb(self, ids: Sequence[str]) -> Mapping[str, float]:
        """Container -> megabytes in use. The engine needs about two seconds for it."""
        if not ids:
            return {}
        said = self.docker("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", *ids).decode()
        return {line.split()[0]: _megabytes(line.split()[1]) for line in said.splitlines() if line.strip()}

    def _compose_words(self) -> list[str]:
        files = [file for file in (self._file, self._override) if file and file.exists()]
        named = [word for file in files for word in ("--file", str(file))]
        return ["compose", "--project-name", self._name, *named, "--progress", "plain"]


def tail(text: str, lines: int = 12) -> str:
    """The last lines, set in."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])


def _shown(arguments: Sequence[str]) -> str:
    shown = " ".join(["docker", *arguments])
    return shown if len(shown) < 200 else shown[:200] + " ..."


def _container(entry: Mapping[str, Any]) -> Container:
    labels, state = entry["Config"]["Labels"], entry["State"]
    networks = entry["NetworkSettings"]["Networks"].values()
    bound = entry["HostConfig"]["PortBindings"] or {}
    return Container(
        id=entry["Id"],
        service=labels[f"{LABEL}service"],
        number=int(labels[f"{LABEL}container-number"]),
        state=state["Status"],
        health=state.get("Health", {}).get("Status", "").replace("none", ""),
        exit_code=state["ExitCode"],
        pid=state["Pid"],
        started_at=state["StartedAt"],
        ip=next((network["IPAddress"] for network in networks if network["IPAddress"]), ""),
        published={
            inside.partition("/")[0]: f"{outside[0]['HostIp']}:{outside[0]['HostPort']}"
            for inside, outside in bound.items()
        },
    )


def _megabytes(usage: str) -> float:
    """`43.5MiB` in megabytes."""
    number, unit = re.fullmatch(r"([\d.]+)([KMG]i?)?B", usage).groups()  # type: ignore[union-attr]
    return float(number) * {None: 1e-6, "K": 1e-3, "M": 1.0, "G": 1e3}[unit and unit[0]]
