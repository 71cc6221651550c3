"""The order in which one server goes back to an earlier moment, and when the other one can no longer contradict it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from compose.archive import Backup, Plan
from compose.backups import Backups
from compose.runtime.verbs import RuntimeFailed

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
BACKUP = Backup(id="b1", bytes=1, at=AT, seconds=1.0, timeline=1, start=0, end=1)
PLAN = Plan(backup=BACKUP, moment=AT, timeline=1, newest=True)
SCRIPTS = {"restoring": "arrived", "aside": "put aside", "db.new": "called off"}
"""What a script does, by a word that only it has; the first that is found counts."""


class Servers:
    """Runtime and Postgres at once. `broken`: the step that fails, once."""

    nodes = ("postgres-1", "postgres-2")

    def __init__(self, broken: str = "") -> None:
        self.broken, self.done = broken, list[str]()
        self.said: dict[str, str | None] = {"postgres-1": "primary", "postgres-2": "replica"}
        self.states = dict.fromkeys(self.nodes, "running")

    def _do(self, step: str) -> None:
        self.done.append(step)
        if step == self.broken:
            self.broken = ""
            raise RuntimeFailed(f"{step} failed")

    def roles(self) -> dict[str, str | None]:
        return self.said

    def state(self, node: str) -> str:
        return self.states[node]

    def stop(self, node: str, grace_s: float) -> None:
        self._do(f"stop {node}")
        self.states[node] = "stopped"

    def kill(self, node: str, signal: str) -> None:
        self._do(f"kill {node}")
        self.states[node] = "stopped"

    def start(self, node: str) -> None:
        self._do(f"start {node}")
        self.states[node] = "running"

    def copy_anew(self, node: str) -> None:
        self._do(f"fence {node}")

    def shell(self, node: str, script: str) -> str:
        self._do(f"{next(what for word, what in SCRIPTS.items() if word in script)} {node}")
        return "aside-1"

    def ask(self, node: str, query: str) -> list[dict[str, str]]:
        return [{"state": "paused"}]

    def end_recovery(self, node: str) -> None:
        self._do(f"promote {node}")

    def allow_writes(self, node: str) -> None:
        self._do(f"writes {node}")

    def follower(self, primary: str) -> dict[str, str]:
        return {"state": "streaming"}

    def logs(self, node: str, tail: int) -> list[str]:
        return ["PANIC"]


def restore(servers: Any) -> None:
    backups = Backups(servers, servers, lambda step: None)
    backups.restore(PLAN, lambda node: servers.done.append(f"look {node}"))


def test_the_other_server_is_fenced_before_the_restored_one_is_promoted_and_looked_at_before_it_writes() -> None:
    servers = Servers()
    restore(servers)
    assert servers.done == [
        "stop postgres-1", "put aside postgres-1", "start postgres-1", "fence postgres-2", "arrived postgres-1",
        "promote postgres-1", "look postgres-1", "writes postgres-1", "kill postgres-2", "fence postgres-2",
        "start postgres-2",
    ]  # fmt: skip


@pytest.mark.parametrize("broken", ["start postgres-1", "fence postgres-2", "arrived postgres-1"])
def test_a_restore_that_does_not_get_there_puts_the_old_data_back_and_promotes_nobody(broken: str) -> None:
    servers = Servers(broken)
    with pytest.raises(RuntimeFailed, match="nothing is restored, postgres-1 is what it was"):
        restore(servers)
    assert servers.done[-2:] == ["called off postgres-1", "start postgres-1"]
    assert not any(step.startswith(("promote", "writes")) for step in servers.done)
