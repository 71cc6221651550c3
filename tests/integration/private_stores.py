"""Stores for one test session: the shop's own start scripts, as an unprivileged user, on loopback, in folders of their
own.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from services.common.bus import connect, hang_up
from services.common.db import Database
from services.common.errors import Unavailable
from services.common.settings import BusSettings, DatabaseSettings
from services.migrate.__main__ import Settings as MigrateSettings
from services.migrate.places import SERVICES

PROJECT = Path(__file__).parents[2]
PORTS = iter(range(22920, 23000))
PASSWORDS = {service: f"pass'word/of%{service}" for service in SERVICES}


def free_port() -> int:
    """Below 32768, where no outgoing connection can take it in the meantime."""
    for port in PORTS:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


def eventually(attempt: Callable[[], object], within_s: float = 60.0) -> object:
    """The first result of `attempt` that is not false; generous, because a busy machine is not a broken shop."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if result := attempt():
            return result
        time.sleep(0.05)
    raise AssertionError(f"still {result!r} after {within_s} s")


class Store:
    """A start script with its folder and port, to be started and killed as often as a test likes."""

    def __init__(self, kind: str, folder: Path, environment: dict[str, str]) -> None:
        self.port, self._folder = free_port(), folder
        self._command = [*_unprivileged(), str(PROJECT / "compose" / "images" / kind / "start")]
        base = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DATA": str(folder)}
        archive = {"ARCHIVE": str(folder / "archive"), "ARCHIVE_MB": "64"}
        self._environment = {**base, **archive, "LISTEN": self.address, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self._folder / "output.txt").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop it, and wait until none of its threads works any more."""
        assert self._process is not None
        self.signal(signal.SIGSTOP)
        tasks, deadline = Path(f"/proc/{self._process.pid}/task"), time.monotonic() + 10
        while any(task.read_text().rpartition(")")[2].split()[0] != "T" for task in tasks.glob("*/stat")):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def run(self, *command: str) -> str:
        """Something else in its place; what it prints."""
        done = subprocess.run(
            [*_unprivileged(), *command], cwd=PROJECT, env=self._environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def stop(self) -> None:
        """In good order, as the shop ends a Postgres."""
        assert self._process is not None
        self.signal(signal.SIGINT)
        self._process.wait(timeout=20)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def started(kind: str, **environment: str) -> Iterator[Store]:
    """A store that has been started; not necessarily ready."""
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir="/tmp"))
    try:
        if _unprivileged():
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        store = Store(kind, folder, environment)
        try:
            store.start()
            yield store
        finally:
            store.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> list[str]:
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


class ShopDatabase:
    """A private Postgres with everything in it that `services.migrate` makes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.migrate_settings = MigrateSettings(postgres=(address,), admin_password="adm'in", **PASSWORDS)

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that may do everything and commits at once."""
        return self._connect("shop_admin", "adm'in")

    def role(self, service: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection as a service."""
        return self._connect(service, PASSWORDS[service])

    def settings(self, service: str) -> DatabaseSettings:
        return DatabaseSettings(
            postgres=(self.address,),
            db_password=PASSWORDS[service],
            db_connect_s=2,
            db_statement_s=10.0,
            db_lock_s=10.0,
            db_pool_wait_s=30.0,
            db_pool=6,
        )

    @contextmanager
    def pools(self, service: str, reads: bool = False, **bounds: float) -> Iterator[Database]:
        """What a service gets; `bounds` in place of the settings of these names."""
        database = Database(replace(self.settings(service), **bounds), service, reads)
        database.open()
        try:
            yield database
        finally:
            database.close()

    def ready(self) -> bool:
        try:
            self.admin().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self, user: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
        host, port = self.address.split(":")
        return psycopg.connect(
            host=host, port=port, user=user, password=password, dbname="shop", connect_timeout=2, autocommit=True
        )


class Broker:
    """A private RabbitMQ."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.settings = BusSettings(
            rabbitmq=store.address,
            rabbitmq_user="shop",
            rabbitmq_password="pass'word",
            bus_connect_s=5.0,
            bus_heartbeat_s=10,
            bus_blocked_s=3.0,
            bus_prefetch=10,
            bus_retry_s=(0.1, 0.2, 0.3),
        )

    def ready(self) -> bool:
        try:
            hang_up(connect(self.settings))
        except Unavailable:
            return False
        return True

    def wait(self) -> None:
        eventually(self.ready, 120)
