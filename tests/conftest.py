"""One real shop for all tests that need one: brought up by the command line as a learner would, once per session."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from compose import places
from compose.topology import PROJECT
from labs.control.client import ShopClient

Cli = Callable[..., subprocess.CompletedProcess[str]]


def run_cli(*arguments: str, timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
    """A command of `./shoplab`, past the bootstrap script: this interpreter is the environment already."""
    command = [sys.executable, "-P", "-m", "labs.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, cwd="/")


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Run a command; the result has returncode, stdout, stderr."""
    return run_cli


def bring_up(name: str, *options: str) -> dict[str, Any]:
    """`up --json`; fails the test with what it said."""
    done = run_cli("up", "--name", name, "--json", *options, timeout_s=900)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def take_down(name: str) -> None:
    """`down`, and nothing of it is left."""
    done = run_cli("down", "--name", name, "--clean")
    assert done.returncode == 0, done.stderr
    assert not places.folder(name).exists()


@pytest.fixture(scope="session")
def shop_name() -> Iterator[str]:
    """The name of a running shop of local processes, this session's own."""
    name = f"test-{os.getpid()}"
    bring_up(name, "--runtime", "local")
    try:
        yield name
    finally:
        take_down(name)


@pytest.fixture(scope="session")
def shop(shop_name: str) -> ShopClient:
    """The session's shop: `.url`, and every verb of control."""
    return ShopClient.of(shop_name)


@pytest.fixture
def healed(shop: ShopClient) -> Iterator[ShopClient]:
    """The session's shop, for tests that break it: as new before, healed after."""
    shop.reset()
    try:
        yield shop
    finally:
        assert shop.heal() == []


@pytest.fixture
def movable(healed: ShopClient) -> Iterator[ShopClient]:
    """The session's shop, for tests that move the roles of Postgres: as described before and after."""
    try:
        yield healed
    finally:
        healed.reset()


@pytest.fixture(scope="session")
def container_shop() -> Iterator[ShopClient]:
    """A running shop of containers, this session's own."""
    from compose.runtime.containers import available

    if reason := available():
        pytest.skip(f"no containers here: {reason}")
    name = f"testc-{os.getpid()}"
    bring_up(name, "--runtime", "containers")
    try:
        yield ShopClient.of(name)
    finally:
        take_down(name)


@pytest.fixture(scope="module", params=["local", pytest.param("containers", marks=pytest.mark.containers)])
def any_shop(request: pytest.FixtureRequest) -> ShopClient:
    """A running shop on each runtime in turn: what is tested with it is true of both."""
    shop: ShopClient = request.getfixturevalue("shop" if request.param == "local" else "container_shop")
    return shop


@pytest.fixture
def breakable(any_shop: ShopClient) -> Iterator[ShopClient]:
    """The same, for short tests that break it: healed after. It is not reset before, which takes longer than a test."""
    try:
        yield any_shop
    finally:
        assert any_shop.heal() == []
