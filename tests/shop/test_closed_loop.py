"""Locust's users beside our own arrivals: what each of the two instruments says about the same shop."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil
import pytest

from compose.topology import PROJECT
from labs.control.client import ShopClient
from labs.load import constant, start_load
from tests.conftest import Cli
from tests.shop.buying import eventually

pytestmark = pytest.mark.servers

USERS = 3
PAUSE_S = 3.0
SLOW_MS = 500
BRISK = ["--mix", "products", "--users", str(USERS), "--think", "0.05"]


@contextmanager
def locust(shop: ShopClient, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """Users who are asking already."""
    command = [sys.executable, "-P", "-m", "labs.cli", "locust", "--name", shop.name, "--duration", str(seconds)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([*command, *BRISK, "--json"], stdout=subprocess.PIPE, text=True, env=environment) as users:
        port = urlsplit(shop.url).port
        eventually(lambda: sum(c.raddr[1:] == (port,) for c in psutil.Process(users.pid).net_connections()) >= USERS)
        yield users


def times_ms(report: str) -> list[float]:
    """Every response time of a report of Locust's, as exactly as it keeps them."""
    entries = json.loads(report)
    return [float(ms) for entry in entries for ms, count in entry["response_times"].items() for _ in range(count)]


def slow(times: list[float]) -> int:
    return sum(ms > SLOW_MS for ms in times)


def test_locusts_users_do_what_our_shoppers_do(healed: ShopClient, cli: Cli) -> None:
    words = ["--mix", "shoppers", "--users", "8", "--think", "0.3", "--duration", "8", "--json"]
    done = cli("locust", *words, "--name", healed.name)
    assert done.returncode == 0, done.stderr
    asked = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert set(asked) == {"home", "search", "page", "cart", "checkout"}
    failures, requests = (sum(entry[what] for entry in asked.values()) for what in ("num_failures", "num_requests"))
    assert failures <= requests / 10
    assert healed.check() == []


def test_of_one_pause_an_open_loop_sees_every_shopper_and_a_closed_one_each_user_once(healed: ShopClient) -> None:
    began = threading.Event()
    with locust(healed, seconds=12) as users:
        with start_load(healed.url, constant(50, 8), "products", progress=lambda _: began.set()) as load:
            assert began.wait(20)
            healed.set_fault("process_pause", "catalog-1")
            time.sleep(PAUSE_S)
            healed.heal()
            ours = [sample.latency_ms or 0.0 for sample in load.wait().waited_for]
        theirs = times_ms(users.communicate(timeout=30)[0])
    assert len(ours) > 300 and len(theirs) > 150
    assert slow(theirs) <= 4 * USERS < slow(ours)
    assert slow(ours) / len(ours) > 2 * slow(theirs) / len(theirs)
