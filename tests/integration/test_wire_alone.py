"""The wire as a program: what it prints, what it refuses, how it ends."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from compose.wire.cost import measure
from labs.commands.wire import wire as command
from tests.integration.wire_parts import PROJECT, WITHIN_S, Wire, ask, free_port, line_to, upstream, wire

pytestmark = pytest.mark.servers


def configured(folder: Path, *proxies: dict[str, object]) -> str:
    """A configuration file."""
    path = folder / "proxies.json"
    path.write_text(json.dumps(proxies))
    return str(path)


def refusal(*options: str) -> tuple[int, str, str]:
    """Exit status and what a wire that cannot start says."""
    command = [sys.executable, "-m", "compose.wire", *options]
    done = subprocess.run(command, cwd=PROJECT, text=True, capture_output=True, timeout=WITHIN_S)
    return done.returncode, done.stdout, done.stderr


def ended(running: Wire) -> tuple[int, str]:
    """Exit status and standard error, once it has ended."""
    _, errors = running.process.communicate(timeout=WITHIN_S)
    return running.process.returncode, errors


def test_it_says_where_its_api_and_its_proxies_listen(tmp_path: Path) -> None:
    port = free_port()
    with upstream() as server:
        on = {"name": "echo", "listen": f"127.0.0.1:{port}", "upstream": server.address}
        off = {**on, "name": "off", "enabled": False}
        with wire("--config", configured(tmp_path, on, off)) as running:
            assert running.process.stdout
            lines = [running.process.stdout.readline().strip() for _ in range(2)]
            assert lines == [
                f"wire: echo at 127.0.0.1:{port}, to {server.address}",
                f"wire: off at 127.0.0.1:{port}, to {server.address} (disabled)",
            ]
            with line_to(("127.0.0.1", port)) as line:
                ask(line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("uvloop", [True, False])
def test_ctrl_c_ends_it_quietly_also_with_connections_and_toxics(number: int, uvloop: bool) -> None:
    with upstream() as server, wire(uvloop=uvloop) as running:
        address = running.proxy("echo", server.address)
        with line_to(address) as line:
            ask(line)
            running.do("POST", "/proxies/echo/toxics", {"type": "latency", "attributes": {"latency": 60_000}})
            running.process.send_signal(number)
            assert ended(running) == (0, "")
            assert line.recv(1) == b""


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        status, _, error = refusal("--port", str(port))
    assert status == 1 and len(error.splitlines()) == 1
    assert f"127.0.0.1:{port}" in error and "address already in use" in error


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("{", "bad request body"), ("{}", "array"), ('[{"name": "a"}]', "upstream at proxy 1")],
)
def test_a_broken_configuration_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    status, _, error = refusal("--port", str(free_port()), "--config", str(path))
    assert (status, len(error.splitlines())) == (1, 1)
    assert str(path) in error and words in error


def test_a_configuration_that_is_not_there_is_one_clear_error() -> None:
    status, _, error = refusal("--port", str(free_port()), "--config", "/no/such/file.json")
    assert (status, len(error.splitlines())) == (1, 1) and "/no/such/file.json" in error


def test_a_proxys_port_in_use_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config = configured(tmp_path, {"name": "a", "listen": listen, "upstream": "127.0.0.1:1"})
        status, _, error = refusal("--port", str(free_port()), "--config", config)
    assert (status, len(error.splitlines())) == (1, 1) and listen in error


def test_metrics_are_not_served_unless_asked_for() -> None:
    with wire() as running:
        assert running.ask("GET", "/metrics").status == 404


def test_the_command_refuses_a_file_that_is_not_there_and_names_a_busy_port() -> None:
    app = typer.Typer()
    app.command()(command)
    assert CliRunner().invoke(app, ["--config", "/no/such/file"]).exit_code == 2
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        done = CliRunner().invoke(app, ["--port", str(taken.getsockname()[1])])
    assert done.exit_code == 1 and "address already in use" in done.output


def test_what_a_round_trip_costs_can_be_measured() -> None:
    free_port()
    cost = measure(free_port(), free_port(), rounds=1, trips=20)
    assert 0 < cost.direct_us and 0 < cost.wired_us
