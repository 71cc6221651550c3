"""The verbs on a small shop of real containers: one store, one job, one service with two replicas, one gateway."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from compose.runtime.containers import ContainersRuntime, available
from compose.runtime.verbs import Component, RuntimeFailed, UnknownComponent

pytestmark = [
    pytest.mark.containers,
    pytest.mark.servers,
    pytest.mark.skipif(available() is not None, reason=str(available())),
]
PROJECT = Path(__file__).parents[2]
SERVE = """
import http.server, os, socket
address = socket.gethostbyname(socket.gethostname())
name = os.environ.get("SERVES_AS") or socket.gethostbyaddr(address)[0].split(".")[0].partition("-")[2]
if name == "web-5":
    raise SystemExit("no room for a fifth")
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("X-Served-By", name); self.end_headers()
http.server.ThreadingHTTPServer(("", 8000), Ready).serve_forever()
"""
HEALTH = {"test": ["CMD", "compose/images/http-ready", "8000"], "start_period": "30s", "start_interval": "500ms"}
PYTHON = {
    "image": "shoplab/python",
    "build": {"context": str(PROJECT), "dockerfile": "compose/images/python.Dockerfile"},
    "init": True,
}
SERVICES = {
    "memcached-1": {
        "image": "shoplab/memcached",
        "build": {"context": str(PROJECT), "dockerfile": "compose/images/memcached.Dockerfile"},
        "command": ["compose/images/memcached/start"],
        "environment": {"LISTEN": "${LISTEN:-0.0.0.0:11211}", "MEMORY_MB": "16"},
        "ports": ["127.0.0.1:${MEMCACHED_1_PORT:?}:11211"],
        "x-shoplab": {"kind": "store", "ready": "memcached"},
    },
    "migrate": {**PYTHON, "command": ["python3", "-c", "print('migrated')"], "x-shoplab": {"kind": "job"}},
    "web": {
        **PYTHON,
        "command": ["python3", "-c", SERVE],
        "environment": {"LISTEN": "0.0.0.0:8000", "WORD": "${WORD:?}"},
        "deploy": {"replicas": 2},
        "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
        "healthcheck": HEALTH,
        "x-shoplab": {"kind": "service", "ready": "http"},
    },
    "spare": {
        **PYTHON,
        "command": ["python3", "-c", SERVE],
        "environment": {"LISTEN": "0.0.0.0:8000", "WORD": "${WORD:?}"},
        "deploy": {"replicas": 0},
        "healthcheck": HEALTH,
        "x-shoplab": {"kind": "service", "ready": "http"},
    },
    "gateway": {
        **PYTHON,
        "command": ["python3", "-c", SERVE],
        "environment": {"LISTEN": "0.0.0.0:8000", "SERVES_AS": "gateway", "UPSTREAMS": "web=web:8000 spare="},
        "healthcheck": HEALTH,
        "x-shoplab": {"kind": "gateway", "ready": "http"},
    },
}


def shop(folder: Path, services: dict[str, object]) -> ContainersRuntime:
    (folder / "compose").mkdir()
    (folder / "compose" / "compose.yaml").write_text(json.dumps({"services": services}))
    values = {"MEMCACHED_1_PORT": str(free_port()), "WORD": "hush"}
    return ContainersRuntime(f"test{uuid4().hex[:8]}", values, folder)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainersRuntime]:
    runtime = shop(tmp_path_factory.mktemp("shop"), SERVICES)
    runtime.up(lambda *_: None)
    yield runtime
    runtime.down(lambda *_: None)


def component(runtime: ContainersRuntime, name: str) -> Component:
    return next(component for component in runtime.ps() if component.name == name)


def test_everything_is_listed_ready_in_the_order_of_the_description(running: ContainersRuntime) -> None:
    listed = running.ps()

    assert [c.name for c in listed] == ["memcached-1", "web-1", "web-2", "gateway"]
    assert all(c.ready and c.state == "running" and c.container and c.pid for c in listed)


def test_a_paused_replica_is_shown_so_and_answers_again_when_resumed(running: ContainersRuntime) -> None:
    running.pause("web-1")
    assert (component(running, "web-1").state, component(running, "web-1").ready) == ("paused", False)

    running.resume("web-1")

    assert component(running, "web-1").ready


def test_a_paused_replica_can_be_killed_and_started_again(running: ContainersRuntime) -> None:
    running.pause("web-2")
    running.kill("web-2")
    assert component(running, "web-2").state == "stopped"

    running.start("web-2")

    assert component(running, "web-2").ready


def test_a_stopped_store_starts_again_at_its_published_address(running: ContainersRuntime) -> None:
    address = running.published()["memcached-1"]
    running.stop("memcached-1", grace_s=1)
    assert not component(running, "memcached-1").ready

    running.start("memcached-1")

    assert component(running, "memcached-1").address == address


def test_scaling_adds_and_removes_the_last_replicas(running: ContainersRuntime) -> None:
    running.scale("web", 4)
    assert [c.name for c in running.ps() if c.service == "web"] == ["web-1", "web-2", "web-3", "web-4"]
    assert sorted(running.replicas()["web"]) == ["web-1", "web-2", "web-3", "web-4"]

    running.scale("web", 2)

    assert sorted(running.replicas()["web"]) == ["web-1", "web-2"]


def test_when_a_new_replica_does_not_start_there_are_as_many_as_before(running: ContainersRuntime) -> None:
    earlier = [c.container for c in running.ps()]

    with pytest.raises(RuntimeFailed, match=r"web-5 ended with 1(.|\n)*no room for a fifth"):
        running.scale("web", 5)

    assert [c.container for c in running.ps()] == earlier
    with pytest.raises(UnknownComponent):
        running.state("web-3")


def test_what_rests_has_no_container_until_it_is_scaled_and_none_afterwards(running: ContainersRuntime) -> None:
    seen = [_spares(running)]
    for replicas in (1, 0):
        running.scale("spare", replicas)
        seen.append(_spares(running))
    assert seen == [([], []), (["spare-1"], ["spare-1"]), ([], [])]


def _spares(running: ContainersRuntime) -> tuple[list[str], list[str]]:
    """Those that are described, and those the gateway may ask."""
    return [c.name for c in running.ps() if c.service == "spare"], list(running.replicas()["spare"])


def test_scaling_past_a_paused_replica_is_refused_with_what_to_do(running: ContainersRuntime) -> None:
    running.pause("web-1")
    try:
        with pytest.raises(RuntimeFailed, match="resume it first"):
            running.scale("web", 3)
    finally:
        running.resume("web-1")


def test_a_command_runs_in_the_components_place_with_its_input(running: ContainersRuntime) -> None:
    said = running.exec("web-1", ["sh", "-c", 'echo "$WORD $(cat)"'], b"hush")

    assert said == b"hush hush\n"
    with pytest.raises(RuntimeFailed, match="no such thing"):
        running.exec("web-1", ["sh", "-c", "echo no such thing >&2; exit 3"])


def test_a_job_can_be_run_once_more_and_is_no_component(running: ContainersRuntime) -> None:
    running.run("migrate", ["ignored"])

    assert "migrate" not in [c.name for c in running.ps()]


def test_logs_say_who_said_it_when_all_are_asked(running: ContainersRuntime) -> None:
    assert "migrate | migrated" in list(running.logs(None, 5))
    assert all(" | " not in line for line in running.logs("migrate", 5))


def test_an_unknown_name_is_answered_with_near_ones(running: ContainersRuntime) -> None:
    with pytest.raises(UnknownComponent, match="web-1"):
        running.pause("wbe-1")


def test_memory_is_told_when_asked_for(running: ContainersRuntime) -> None:
    used = next(c.memory_mb for c in running.ps(memory=True) if c.name == "web-1")

    assert used is not None and 1 < used < 200


def test_a_component_that_dies_at_once_ends_the_start_with_its_log_and_leaves_nothing(tmp_path: Path) -> None:
    broken = {**PYTHON, "command": ["python3", "-c", "raise SystemExit('no tea today')"]}
    runtime = shop(tmp_path, {**SERVICES, "web": {**broken, "x-shoplab": {"kind": "service", "ready": "http"}}})

    with pytest.raises(RuntimeFailed, match=r"web ended with 1(.|\n)*no tea today"):
        runtime.up(lambda *_: None)

    assert not any(c.container for c in runtime.ps())


def test_passwords_are_no_argument_of_any_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments are there for every user of the machine to read."""
    seen: list[str] = []

    def remember(command: list[str], **rest: object) -> subprocess.CompletedProcess[bytes]:
        seen.extend(command)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    runtime = shop(tmp_path, SERVICES)
    monkeypatch.setattr(subprocess, "run", remember)
    runtime.scale("web", 0)

    assert seen and not any("hush" in word for word in seen)
