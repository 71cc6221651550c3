"""What `doctor` finds, on machines made of a folder, a PATH and ready answers."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from compose import doctor
from compose.versions import (
    NEEDS,
    Machine,
    MissingBinary,
    Need,
    TooOld,
    Unusable,
    binary,
    newest,
    parse_version,
    require_servers,
)

ANSWERS = {"nginx": "nginx version: nginx/1.22.1\n", "memcached": "memcached 1.6.18\n", "docker": "26.1.5+dfsg1\n"}


def answer(program: Path, *_arguments: str) -> str:
    return ANSWERS[program.name]


def put(program: Path) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch(mode=0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing on it, whose PATH is one empty folder."""
    return Machine(root=tmp_path, path=str(tmp_path / "bin"), ask=answer)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("nginx version: nginx/1.22.1", (1, 22, 1)),
        ("memcached 1.6.18", (1, 6, 18)),
        ("postgres (PostgreSQL) 17beta1", (17,)),
        ("2.26.1-4", (2, 26, 1)),
        ("v5.6.1", (5, 6, 1)),
        ("command not found", ()),
    ],
)
def test_the_first_number_in_an_answer_is_the_version(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)
def test_a_missing_server_is_named_with_the_command_that_installs_it(need: Need, machine: Machine) -> None:
    with pytest.raises(MissingBinary, match=f"{need.name} is not installed.*--install-packages {need.package}"):
        newest(need, machine)


def test_a_server_too_old_is_named_with_its_version_its_place_and_the_one_wanted(machine: Machine) -> None:
    put(machine.root / "usr/lib/rabbitmq/lib/rabbitmq_server-3.8.34/sbin/rabbitmq-server")
    with pytest.raises(TooOld, match=r"RabbitMQ 3\.8\.34 .*sbin/rabbitmq-server.* 3\.9 or newer"):
        binary("rabbitmq-server", machine)


def test_a_program_that_does_not_tell_its_version_is_not_trusted(tmp_path: Path) -> None:
    put(tmp_path / "usr/sbin/nginx")
    with pytest.raises(TooOld, match="unknown version"):
        binary("nginx", Machine(root=tmp_path, path="", ask=lambda *_: ""))


def test_of_several_versions_the_newest_is_taken(machine: Machine) -> None:
    for version in ("9.6", "15", "17"):
        put(machine.root / f"usr/lib/postgresql/{version}/bin/postgres")
    assert binary("postgres", machine).parent.parent.name == "17"


def test_programs_of_postgres_come_from_the_folder_of_its_server(machine: Machine) -> None:
    put(machine.root / "usr/lib/postgresql/15/bin/postgres")
    initdb = put(machine.root / "usr/lib/postgresql/15/bin/initdb")
    assert binary("initdb", machine) == initdb
    with pytest.raises(MissingBinary, match="pg_basebackup does not exist"):
        binary("pg_basebackup", machine)


def test_servers_outside_the_path_of_a_normal_user_are_found(machine: Machine) -> None:
    nginx = put(machine.root / "usr/sbin/nginx")
    assert binary("nginx", machine) == nginx


def test_a_server_somewhere_on_path_is_found(machine: Machine) -> None:
    put(machine.root / "bin/memcached")
    assert binary("memcached", machine) == machine.root / "bin/memcached"


def test_debians_wrapper_around_rabbitmq_is_not_taken_for_the_server(machine: Machine) -> None:
    put(machine.root / "bin/rabbitmq-server")
    with pytest.raises(MissingBinary):
        binary("rabbitmq-server", machine)


@pytest.mark.parametrize(
    ("check", "part"),
    [
        (lambda: doctor.python_version((3, 9, 2)), "3.11"),
        (lambda: doctor.disk(1_900_000_000), "RabbitMQ"),
        (lambda: doctor.memory(500_000_000), "memory"),
        (lambda: doctor.cores(1), "figures"),
        (lambda: doctor.free_ports({21000: "nginx (pid 7)"}), "block"),
    ],
)
def test_what_does_not_suffice_comes_with_advice(check: Callable[[], doctor.Check], part: str) -> None:
    finding = check()
    assert not finding.ok
    assert part in finding.advice


@pytest.mark.parametrize(
    "finding",
    [
        doctor.python_version((3, 11)),
        doctor.disk(2 * doctor.GB),
        doctor.memory(doctor.GB),
        doctor.cores(2),
        doctor.free_ports({}),
    ],
    ids=lambda finding: finding.name,
)
def test_what_just_suffices_is_fine_and_needs_no_advice(finding: doctor.Check) -> None:
    assert finding.ok
    assert finding.advice == ""


def test_a_taken_port_is_named_with_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = doctor.free_ports(doctor.holders([port])).found
    assert found.startswith(f"{port}: ")
    assert str(os.getpid()) in found


def test_a_folder_that_others_cannot_enter_is_no_place_for_the_state_of_roots_shop(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    finding = doctor.state_folder(closed / "state" / "shop", for_everybody=True)
    assert (finding.ok, "cannot enter" in finding.advice) == (False, True)


def test_a_state_folder_that_does_not_exist_yet_is_judged_by_its_nearest_parent(tmp_path: Path) -> None:
    assert doctor.state_folder(tmp_path / "not" / "there", for_everybody=False).ok


def test_a_docker_that_is_missing_or_too_old_is_no_obstacle_to_local_shops(machine: Machine) -> None:
    missing = doctor.docker_part("Docker Engine", (25,), ["version"], machine)
    put(machine.root / "bin/docker")
    too_old = doctor.docker_part("Docker Engine", (27,), ["version"], machine)
    assert (missing.ok, missing.optional, missing.found) == (False, True, "not installed")
    assert (too_old.ok, too_old.optional, too_old.found) == (False, True, "26.1.5")


def test_a_local_shop_is_refused_with_all_it_lacks_at_once(machine: Machine) -> None:
    put(machine.root / "usr/sbin/nginx")
    with pytest.raises(Unusable, match=r"(?s)^memcached .*RabbitMQ .*Postgres "):
        require_servers(machine)


def test_a_machine_with_all_servers_is_fit_for_a_local_shop(machine: Machine) -> None:
    for program in ("usr/sbin/nginx", "usr/bin/memcached", "usr/lib/postgresql/14/bin/postgres"):
        put(machine.root / program)
    put(machine.root / "usr/lib/rabbitmq/lib/rabbitmq_server-3.9.13/sbin/rabbitmq-server")
    require_servers(machine)


def test_an_empty_machine_gets_one_finding_for_each_thing_it_lacks(machine: Machine, tmp_path: Path) -> None:
    findings = doctor.diagnose(tmp_path, ports=[], machine=machine)
    lacking = [finding.name for finding in findings if finding.found == "not installed"]
    assert lacking == [
        "nginx",
        "memcached",
        "RabbitMQ",
        "Postgres",
        "Docker Engine",
        "Docker Compose",
        "Chromium",
        "wrk",
    ]
