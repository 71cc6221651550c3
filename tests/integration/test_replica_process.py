"""A replica's process as a container or the nursery runs it: how it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from compose.topology import PROJECT

pytestmark = pytest.mark.servers

REPLICA = """
import os, time
from services.common.settings import WebSettings, read
from services.common.web import create_web, serve
from services.common.worker import Background

app, background = create_web("any", {}), Background()

@app.route("/slow/<seconds>")
def slow(seconds):
    time.sleep(float(seconds))
    return "done"

def loop(stopping):
    stopping.wait()
    print("stopped", flush=True)

background.runs("loop", loop)
serve(app, read(WebSettings, os.environ), background)
"""


@contextmanager
def replica(graceful_s: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"PYTHONPATH": str(PROJECT), "LISTEN": address, "SHOP_GRACEFUL_S": str(graceful_s)}
    command = [sys.executable, "-c", REPLICA]
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_alive(f"http://{address}/livez")
            yield process, f"http://{address}"
        finally:
            process.kill()


def wait_alive(url: str) -> None:
    for _ in range(300):
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


@contextmanager
def asked(url: str) -> Iterator[list[str]]:
    """Somebody waits for the answer of `url` meanwhile; afterwards the list holds it."""
    answers: list[str] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                answers.append(answer.read().decode())
        except OSError as error:
            answers.append(type(error).__name__)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    yield answers
    asking.join()


def test_a_request_in_flight_is_answered_after_term_and_then_the_loops_end() -> None:
    with replica(graceful_s=10) as (process, url):
        with asked(f"{url}/slow/1.5") as answers:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    assert (answers, process.returncode, output) == (["done"], 0, "stopped\n")


def test_a_request_that_hangs_holds_the_process_no_longer_than_promised() -> None:
    with replica(graceful_s=1) as (process, url):
        with asked(f"{url}/slow/25") as answers:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=15)
    assert answers == ["RemoteDisconnected"]
