"""The containers' verbs with an engine that is pretended: every wait ends, and nothing runs twice that must not."""

import dataclasses

import pytest

from compose.runtime.container_engine import TRIES, Container, Engine
from compose.runtime.container_finder import Finder
from compose.runtime.container_launcher import ContainerLauncher
from compose.runtime.container_probe import Probe
from compose.runtime.containers import ContainersRuntime
from compose.runtime.verbs import RuntimeFailed, UnknownComponent
from compose.topology import COMPOSE_FILE, PROJECT, load
from tests.unit.container_fakes import CART, FakeEngine


def shop(*found: Container) -> tuple[ContainersRuntime, FakeEngine]:
    engine = FakeEngine(*found)
    return ContainersRuntime("shoplab-test", {}, PROJECT, engine=engine), engine


def launcher(*found: Container) -> ContainerLauncher:
    topology, engine = load().without_wire(), FakeEngine(*found)
    return ContainerLauncher(topology, engine, Finder(topology, engine), Probe(topology, {}))


def test_every_verb_on_a_container_is_bounded() -> None:
    runtime, engine = shop(CART)
    runtime.pause("cart-1")
    runtime.stop("cart-1", grace_s=3)
    runtime.kill("cart-1", "SIGTERM")
    assert [arguments for arguments, _ in engine.asked] == [
        ("pause", "c1"), ("stop", "-t", "3", "c1"), ("kill", "--signal", "SIGTERM", "c1"),
    ]  # fmt: skip
    assert all(within_s and within_s < 60 for _, within_s in engine.asked)


def test_an_engine_that_never_tells_of_a_container_is_asked_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, asked = Engine("shoplab-test", {}, COMPOSE_FILE), list[str]()

    def docker(verb: str, *_: str) -> bytes:
        asked.append(verb)
        if verb == "inspect":
            raise RuntimeFailed("no such container")
        return b"c1\n"

    monkeypatch.setattr(engine, "docker", docker)
    with pytest.raises(RuntimeFailed, match="no such container"):
        engine.containers()
    assert asked.count("inspect") == TRIES


def test_what_can_only_run_once_is_not_scaled() -> None:
    runtime, engine = shop()
    with pytest.raises(UnknownComponent, match="gateway can only run once"):
        runtime.scale("gateway", 2)
    assert engine.asked == []


def test_who_failed_before_this_start_is_given_another_one_and_who_fails_in_it_is_not() -> None:
    failed = dataclasses.replace(CART, state="exited", exit_code=1)
    assert not launcher(failed).is_up(lambda *_: None, {}, {(failed.id, failed.started_at)}, 0)
    with pytest.raises(RuntimeFailed, match="cart-1 ended with 1"):
        launcher(failed).is_up(lambda *_: None, {}, {(failed.id, "2026-11-27T11:00:00Z")}, 0)


def test_what_is_optional_is_waited_for_but_not_for_ever() -> None:
    names = [name for service in load().without_wire() for name in service.components()]
    told = {name: "ready" for name in names if not name.startswith("recommendations")}
    assert [launcher().is_up(lambda *_: None, told, set(), waited_s) for waited_s in (1, 100)] == [False, True]
