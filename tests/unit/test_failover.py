"""Who is ended, who is promoted, and when nobody is: decisions, with two servers that are pretended."""

from pathlib import Path
from threading import RLock
from typing import Any

import pytest

from compose import failover
from compose.failover import UNFENCED, Failover, Step, unfenced
from compose.runtime.verbs import RuntimeFailed
from labs.control import roles
from labs.control.primary_watch import PrimaryWatch
from labs.control.roles import Roles

ROLES = {"postgres-1": "primary", "postgres-2": "replica"}


class Servers:
    """Runtime and Postgres at once, so that the order of what is done to either is kept in one list."""

    def __init__(
        self, silent: str = "", immortal: str = "", lags: bool = False, deaf: bool = False, follows: bool = True
    ) -> None:
        self.silent, self.immortal, self.lags, self.deaf, self.follows = silent, immortal, lags, deaf, follows
        self.said: dict[str, str] = dict(ROLES)
        self.stopped: set[str] = set()
        self.done: list[str] = []

    nodes = tuple(ROLES)

    def answers(self, node: str) -> bool:
        return node != self.silent and node not in self.stopped

    def role(self, node: str) -> str | None:
        return self.said[node] if self.answers(node) else None

    def roles(self) -> dict[str, str | None]:
        return {node: self.role(node) for node in self.nodes}

    def state(self, node: str) -> str:
        return "stopped" if node in self.stopped else "running"

    def kill(self, node: str, signal: str) -> None:
        self.done.append(f"kill {node}")
        if node != self.immortal:
            self.stopped.add(node)

    def stop(self, node: str, grace_s: float) -> None:
        self.done.append(f"stop {node}")
        self.stopped.add(node)

    def copy_anew(self, node: str) -> None:
        self.done.append(f"fence {node}")
        self.said[node] = "replica"

    def promote(self, node: str) -> None:
        self.done.append(f"promote {node}")
        self.said[node] = "primary"

    def start(self, node: str) -> None:
        self.done.append(f"start {node}")
        self.stopped.discard(node)
        self.silent = ""

    def hold_writes(self, node: str) -> None:
        self.done.append(f"hold {node}")
        if self.deaf:
            raise RuntimeFailed("it did not answer in time")

    def allow_writes(self, node: str) -> None:
        self.done.append(f"allow {node}")

    def catch_up(self, node: str, within_s: float) -> None:
        if self.lags:
            raise RuntimeFailed("its replica is 17 bytes behind")

    def follower(self, primary: str) -> dict[str, Any] | None:
        well = self.follows and all(self.answers(node) for node in self.nodes)
        return {"state": "streaming"} if well else None

    def links(self) -> list[Any]:
        return []


def manager(servers: Any) -> Failover:
    return Failover(servers, servers)


def test_a_frozen_primary_is_ended_and_fenced_before_its_replica_is_promoted() -> None:
    servers = Servers(silent="postgres-1")
    manager(servers).fail_over("it does not answer")
    assert servers.done == ["kill postgres-1", "fence postgres-1", "promote postgres-2"]


def test_nobody_is_promoted_in_the_place_of_one_that_cannot_be_ended() -> None:
    servers = Servers(silent="postgres-1", immortal="postgres-1")
    with pytest.raises(RuntimeFailed, match="postgres-1 could not be ended and may still take writes"):
        manager(servers).fail_over("it does not answer")
    assert servers.done == ["kill postgres-1"]


def test_a_primary_that_came_back_in_time_is_left_alone() -> None:
    servers = Servers()
    with pytest.raises(RuntimeFailed, match="postgres-1 answers: it is not replaced"):
        manager(servers).fail_over("it did not answer", gone=lambda primary: False)
    assert servers.done == []


def test_a_primary_that_only_the_manager_can_still_reach_is_replaced() -> None:
    servers = Servers()
    manager(servers).fail_over("it cannot be reached", gone=lambda primary: True)
    assert servers.done == ["kill postgres-1", "fence postgres-1", "promote postgres-2"]


def test_without_a_replica_nothing_is_done_and_the_way_to_one_is_said() -> None:
    servers = Servers(silent="postgres-2")
    with pytest.raises(RuntimeFailed, match=r"no replica that could be promoted.*./shoplab rejoin"):
        manager(servers).fail_over("asked for")
    assert servers.done == []


def test_two_primaries_are_called_a_split_brain_and_nothing_is_done() -> None:
    servers = Servers()
    servers.said["postgres-2"] = "primary"
    for move in (manager(servers).switch_over, manager(servers).rejoin, lambda: manager(servers).fail_over("asked")):
        with pytest.raises(RuntimeFailed, match=r"split brain: postgres-1 and postgres-2"):
            move()
    assert servers.done == []


def test_without_a_fence_which_tests_alone_may_ask_for_both_take_writes_until_a_reset_ends_one() -> None:
    servers = Servers(silent="postgres-1")
    move = Failover(servers, servers, fences=False).fail_over("it does not answer")  # type: ignore[arg-type]
    assert servers.done == ["promote postgres-2"] and "NOT FENCED" in move.steps[1].what
    servers.silent = ""
    manager(servers).end_split_brain(keep="postgres-1")
    assert servers.done[1:] == ["kill postgres-2", "fence postgres-2", "start postgres-2"]
    assert servers.roles() == ROLES


def test_two_servers_of_which_one_takes_writes_are_no_split_brain() -> None:
    servers = Servers()
    manager(servers).end_split_brain(keep="postgres-2")
    assert servers.done == []


@pytest.mark.parametrize(("said", "means"), [("shop-7", True), ("1", False), ("", False), (None, False)])
def test_only_the_shop_that_is_called_by_its_name_goes_without_a_fence(
    monkeypatch: pytest.MonkeyPatch, said: str | None, means: bool
) -> None:
    monkeypatch.delenv(UNFENCED, raising=False)
    if said is not None:
        monkeypatch.setenv(UNFENCED, said)
    assert unfenced("shop-7") is means


def test_a_switchover_holds_writes_and_ends_the_primary_in_good_order() -> None:
    servers = Servers()
    move = manager(servers).switch_over()
    done = ["hold postgres-1", "stop postgres-1", "fence postgres-1", "promote postgres-2", "start postgres-1"]
    assert servers.done == done
    assert [step.node for step in move.steps] == ["postgres-1", "postgres-2", "postgres-1", "postgres-2", "postgres-1"]


def test_a_switchover_to_a_replica_that_lags_behind_changes_nothing() -> None:
    servers = Servers(lags=True)
    with pytest.raises(RuntimeFailed, match=r"postgres-1 stays the primary: its replica is 17 bytes"):
        manager(servers).switch_over()
    assert servers.done == ["hold postgres-1", "allow postgres-1"]


def test_a_switchover_that_cannot_tell_whether_writes_are_held_lets_them_go_on() -> None:
    servers = Servers(deaf=True)
    with pytest.raises(RuntimeFailed, match=r"postgres-1 stays the primary: it did not answer in time"):
        manager(servers).switch_over()
    assert servers.done == ["hold postgres-1", "allow postgres-1"]


class Late(Servers):
    """A server is too busy to say its role when it is looked at first."""

    def __init__(self, late: str, **how: Any) -> None:
        super().__init__(**how)
        self.late = late

    def role(self, node: str) -> str | None:
        if node == self.late:
            self.late = ""
            return None
        return super().role(node)


@pytest.mark.parametrize("late", ROLES)
def test_who_is_late_once_is_not_taken_for_away_where_there_is_no_hurry(late: str) -> None:
    assert manager(Late(late)).sure_primary() == "postgres-1"
    servers = Late(late)
    manager(servers).switch_over()
    assert servers.said == {"postgres-1": "replica", "postgres-2": "primary"}


def test_a_split_brain_is_ended_also_when_one_of_the_two_is_late() -> None:
    servers = Late("postgres-1")
    servers.said["postgres-2"] = "primary"
    manager(servers).end_split_brain(keep="postgres-1")
    assert servers.said == ROLES


def test_where_nobody_takes_writes_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failover, "SURE_S", 0.2)
    with pytest.raises(RuntimeFailed, match="no Postgres takes writes"):
        manager(Servers(silent="postgres-1")).sure_primary()


def test_rejoin_brings_the_old_primary_back_as_a_copy_and_is_refused_when_all_is_well() -> None:
    servers = Servers(silent="postgres-1")
    manager(servers).fail_over("it does not answer")
    servers.done.clear()
    manager(servers).rejoin()
    assert servers.done == ["fence postgres-1", "start postgres-1"]
    with pytest.raises(RuntimeFailed, match="postgres-1 follows postgres-2 already"):
        manager(servers).rejoin()


def test_every_step_is_passed_on_as_it_is_done() -> None:
    servers, noted = Servers(silent="postgres-1"), []
    move = Failover(servers, servers, noted.append).fail_over("it does not answer")  # type: ignore[arg-type]
    assert noted == move.steps
    assert [step.what.split(":")[0] for step in noted] == ["it does not answer", "fenced", "promoted"]


def watched(servers: Any, failover: str = "promote") -> tuple[PrimaryWatch, list[str]]:
    """A watch that has found its primary, and the reasons for which it was replaced."""
    replaced: list[str] = []
    watch = PrimaryWatch(servers, servers, {"postgres.failover": failover}.__getitem__, replaced.append)
    watch.look()
    return watch, replaced


@pytest.mark.parametrize(
    ("silent", "stopped", "why"), [("postgres-1", "", "does not answer"), ("", "postgres-1", "has ended")]
)
def test_a_primary_is_gone_when_two_looks_in_a_row_find_it_so(silent: str, stopped: str, why: str) -> None:
    servers = Servers()
    watch, replaced = watched(servers)
    servers.silent, servers.stopped = silent, {stopped}
    watch.look()
    assert replaced == []
    watch.look()
    assert len(replaced) == 1 and why in replaced[0]


def test_one_answer_in_between_begins_the_count_anew() -> None:
    servers = Servers()
    watch, replaced = watched(servers)
    for silent in ("postgres-1", "", "postgres-1", "", "postgres-1"):
        servers.silent = silent
        watch.look()
    assert replaced == []


def test_when_both_are_silent_it_is_the_machine_and_nobody_is_replaced() -> None:
    servers = Servers()
    watch, replaced = watched(servers)
    servers.silent, servers.stopped = "postgres-1", {"postgres-2"}
    for _ in range(5):
        watch.look()
    assert replaced == []


def test_switched_off_it_replaces_nobody() -> None:
    servers = Servers()
    watch, replaced = watched(servers, failover="off")
    servers.stopped = {"postgres-1"}
    for _ in range(5):
        watch.look()
    assert replaced == []


def test_a_primary_that_was_lost_before_the_first_look_is_known_by_its_replica() -> None:
    watch, replaced = watched(Servers(silent="postgres-1"))
    watch.look()
    watch.look()
    assert len(replaced) == 1


def test_a_move_that_failed_half_way_is_looked_at_anew_and_its_fenced_server_is_not_replaced_once_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    servers = Servers(follows=False)
    monkeypatch.setattr(roles, "Postgres", lambda addresses, password: servers)
    monkeypatch.setattr(failover, "STREAM_WITHIN_S", 0.0)
    setting = {"postgres.failover": "promote", "postgres.synchronous": False}.__getitem__
    shop = Roles(servers, dict.fromkeys(ROLES, ""), "", setting, RLock(), tmp_path)  # type: ignore[arg-type]
    shop._watch.look()
    with pytest.raises(RuntimeFailed, match="postgres-1 was copied but does not follow postgres-2"):
        shop.switch_over()
    servers.stopped = {"postgres-1"}
    servers.done.clear()
    for _ in range(3):
        shop._watch.look()
    assert servers.done == [] and shop.primary() == "postgres-2"


def test_a_full_disk_ends_no_move_its_steps_are_only_not_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(roles, "Postgres", lambda addresses, password: Servers())
    shop = Roles(Servers(), dict.fromkeys(ROLES, ""), "", {}.__getitem__, RLock(), tmp_path / "gone")  # type: ignore[arg-type]
    shop.note(Step(at="now", seconds=0.0, node="postgres-1", what="promoted"))
    assert [step["what"] for step in shop.steps] == ["promoted"]
