"""What a runtime can do: one set of verbs, whether the shop runs as local processes or in containers.

A component is one running thing: `catalog-2` is the second replica of the service `catalog`; a service that can only
run once gives its component its own name (`rabbitmq`, `postgres-1`). Everything above (faults, labs, the command
line) speaks these verbs only.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

from compose.runtime.links import Link

State = Literal["running", "paused", "stopped"]
COPY_ANEW = 'touch "$DATA/rebuild"'
"""For a shell in a Postgres's place: how it is told to start as a copy of the other (compose/images/postgres/start)."""
Progress = Callable[[str, str], None]
"""Called with a component and what just happened to it: `starting`, `ready`, `failed: why`."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One running thing, as `status` shows it. `address` is reachable from this machine; `started_at` is UTC, ISO
    8601.
    """

    name: str
    service: str
    kind: str
    state: State
    ready: bool
    role: str | None = None
    address: str | None = None
    pid: int | None = None
    container: str | None = None
    memory_mb: float | None = None
    started_at: str | None = None


class RuntimeFailed(Exception):
    """A verb could not do its work. The message says what happened, why, and what to do, with the log's tail where
    one helps.
    """


class UnknownComponent(RuntimeFailed):
    """There is no such component or service; the message names the near ones."""


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownComponent:
    """The error for a name that is not there, to be raised."""
    near = get_close_matches(name, list(known), n=3)
    return UnknownComponent(f"there is no {what} {name}" + (f"; do you mean {' or '.join(near)}?" if near else ""))


def first_line(error: Exception) -> str:
    """What an error says, without details that fill further lines; its name when it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class Runtime(Protocol):
    """The verbs. Every one is bounded in time, raises `RuntimeFailed`, and says so when the component is unknown."""

    name: Literal["local", "containers"]

    def up(self, progress: Progress) -> None:
        """Start everything in dependency order; return when all is ready that is not optional, and what is optional
        has had its time. On failure take everything down again and raise.
        """

    def down(self, progress: Progress) -> None:
        """Stop everything and remove what belongs to the run; never fails because something is gone already."""

    def forget(self) -> None:
        """Remove the data of a shop that is down. Local processes keep all of it in the shop's folder."""

    def ps(self, memory: bool = False, ask: bool = True) -> Sequence[Component]:
        """All components, in the order of compose.yaml, whatever their state; with `memory` also how much each uses,
        which takes longer than all the rest. Each says whether it is ready and what its role is, unless none is asked.
        """

    def state(self, component: str) -> State:
        """Whether it is there, without asking it anything."""

    def start(self, component: str) -> None:
        """Start a stopped component, wait until it is ready (at most 30 s)."""

    def stop(self, component: str, grace_s: float = 5.0) -> None:
        """Ask it to end (its stop signal), kill it after `grace_s`."""

    def kill(self, component: str, signal: str = "SIGKILL") -> None:
        """Send a signal to the whole component; with SIGKILL, return when nothing of it is left."""

    def pause(self, component: str) -> None:
        """Freeze it: its sockets stay open, nothing answers."""

    def resume(self, component: str) -> None:
        """Let a frozen component go on."""

    def limit_cpu(self, component: str, cpus: float | None) -> None:
        """Give it at most so many processors' worth of time, now and when it is started again; None lifts the limit."""

    def small_disk(self, component: str, megabytes: int | None) -> None:
        """Have a stopped component start on an empty disk of its own that is so small; None: on its own one again, with
        what it held then.
        """

    def copy_anew(self, postgres: str) -> None:
        """Have a stopped Postgres start as a copy of the other one, and as nothing else, whoever starts it."""

    def shell(self, component: str, script: str) -> str:
        """Run a few words of shell among a component's files, whether it runs or not; what they print."""

    def scale(self, service: str, replicas: int) -> None:
        """Run that many replicas; the gateway is told by the caller."""

    def logs(self, component: str | None, tail: int) -> Iterator[str]:
        """The last `tail` lines, each prefixed `component | ` when all are asked."""

    def exec(self, component: str, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        """Run a command in the component's place (its environment, its files); its standard output."""

    def run(self, job: str, arguments: Sequence[str] = ()) -> None:
        """Run a job (`migrate`) to its end once more, with further arguments."""

    def published(self) -> Mapping[str, str]:
        """Addresses on this machine: `gateway`, `postgres-1`, `rabbitmq`, ... -> "127.0.0.1:port"."""

    def resting(self) -> Sequence[str]:
        """The services that have no replica unless they are scaled."""

    def members(self, service: str) -> Sequence[str]:
        """The components of a service, whatever their state."""

    def address(self, component: str) -> str:
        """Where a component listens, as this machine reaches it; it need not run."""

    def links(self) -> Sequence[Link]:
        """Who reaches whom through the wire; none in a shop without one."""

    def replicas(self) -> Mapping[str, Mapping[str, str]]:
        """What the gateway balances over: service -> {component: address as the gateway sees it}."""
