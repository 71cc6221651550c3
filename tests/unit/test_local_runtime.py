"""Local processes without any: who there is after scaling, and what is kept when the disk is full."""

import json
import os
import threading
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest

from compose import places, topology
from compose.runtime import launcher
from compose.runtime.addresses import Addresses
from compose.runtime.local import LocalRuntime
from compose.runtime.roster import Roster
from compose.runtime.supervisor import Supervisor
from compose.runtime.surroundings import Surroundings
from compose.runtime.verbs import RuntimeFailed, UnknownComponent

ME = places.User("me", 4711, 4711)


@pytest.fixture
def shop() -> topology.Topology:
    return topology.load().without_wire()


@pytest.fixture
def runtime(tmp_path: Path, shop: topology.Topology, monkeypatch: pytest.MonkeyPatch) -> LocalRuntime:
    """Whoever is started is so at once."""
    made = LocalRuntime(tmp_path, shop, 39000, places.runner())
    monkeypatch.setattr(made, "start", lambda component: None)
    return made


def throttles() -> Sequence[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "throttle"]


def test_a_replica_that_does_not_start_takes_the_scaling_back(
    runtime: LocalRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(component: str) -> None:
        if component == "catalog-4":
            raise RuntimeFailed("it does not like Mondays")

    monkeypatch.setattr(runtime, "start", start)
    with pytest.raises(RuntimeFailed, match="Mondays"):
        runtime.scale("catalog", 4)
    assert runtime.members("catalog") == ["catalog-1", "catalog-2"]
    runtime.scale("catalog", 3)
    assert runtime.members("catalog") == ["catalog-1", "catalog-2", "catalog-3"]


def test_a_replica_that_goes_takes_its_limit_along(runtime: LocalRuntime) -> None:
    runtime.scale("catalog", 3)
    runtime.limit_cpu("catalog-3", 0.2)
    assert len(throttles()) == 1
    runtime.scale("catalog", 2)
    assert throttles() == []
    with pytest.raises(UnknownComponent):
        runtime.limit_cpu("catalog-3", None)


def test_a_new_replica_passes_over_a_port_that_somebody_has(shop: topology.Topology) -> None:
    addresses = Addresses(shop, 21000)
    addresses.reserve(["catalog-3"])
    first = port_of(addresses, "catalog-3")
    addresses.reserve(["catalog-3", "catalog-4"], lambda port: port not in (first, first + 1))
    assert [port_of(addresses, name) for name in ("catalog-3", "catalog-4")] == [first + 2, first + 3]


def test_when_not_all_get_a_port_nobody_keeps_one(shop: topology.Topology) -> None:
    addresses = Addresses(shop, 21000)
    with pytest.raises(RuntimeFailed, match="no port left"):
        addresses.reserve(shop["catalog"].components(80))
    with pytest.raises(KeyError):
        addresses["catalog-3"]


def port_of(addresses: Addresses, component: str) -> int:
    return int(addresses[component].rpartition(":")[2])


def test_on_a_full_disk_the_books_are_kept_though_not_written(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "no-such-folder", ME)
    answers = [{"name": name, "error": "no such program"} for name in ("one", "two")]
    supervisor._listen(BytesIO(b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)))
    assert supervisor.exits == {"one": "no such program", "two": "no such program"}


def test_what_another_users_shop_has_left_is_given_to_this_one(
    tmp_path: Path, shop: topology.Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, given = tmp_path / "data" / "postgres-1" / "db" / "PG_VERSION", list[Path]()
    database.parent.mkdir(parents=True)
    database.touch()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, *_, **__: given.append(path))
    around = Surroundings(tmp_path, tmp_path, Addresses(shop, 21000), Roster(shop), {})
    around.prepare(shop, ME)
    assert {database, database.parent, tmp_path / "archive"} <= set(given)


def test_each_run_begins_with_empty_logs(tmp_path: Path, shop: topology.Topology) -> None:
    old = [tmp_path / "logs" / "cart-1.log", tmp_path / "data" / "gateway" / "access.log"]
    for log in old:
        log.parent.mkdir(parents=True)
        log.touch()
    me = places.User("me", os.getuid(), os.getgid())
    Surroundings(tmp_path, tmp_path, Addresses(shop, 21000), Roster(shop), {}).prepare(shop, me)
    assert not any(log.exists() for log in old)


@pytest.mark.parametrize("name", ["recommendations-1", "catalog-1"])
def test_only_what_is_optional_may_be_late(runtime: LocalRuntime, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(launcher, "OPTIONAL_WITHIN_S", 0.1)
    monkeypatch.setattr(launcher, "READY_WITHIN_S", 0.1)
    service, never = runtime._roster.of(name), threading.Event()
    if name == "recommendations-1":
        assert "sells without it" in runtime._launcher._wait(service, name, never)
    else:
        with pytest.raises(RuntimeFailed, match="not ready within"):
            runtime._launcher._wait(service, name, never)
