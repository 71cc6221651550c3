"""The stores' start scripts, run as a local runtime would: an unprivileged user, loopback, a folder of their own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest
from pymemcache.client.base import Client

pytestmark = pytest.mark.servers
PROJECT = Path(__file__).parents[2]
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
WITHIN_S = 60.0  # generous: a busy machine is not a broken store


class Store:
    """One start script and its folder; started and killed as often as a test likes."""

    def __init__(self, folder: Path, store: str, **environment: str) -> None:
        self.port, self._script = free_port(), f"compose/images/{store}"
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "LISTEN": f"127.0.0.1:{self.port}",
            "DATA": str(folder),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def knows(self, partner: "Store") -> None:
        """Tell it of a server that was made later."""
        self._environment["PARTNER"] = partner.address

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "output.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*AS_POSTGRES, f"{self._script}/start"],
                cwd=PROJECT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> bool:
        """What a container's health check asks."""
        asked = subprocess.run([f"{self._script}/ready"], cwd=PROJECT, env=self._environment, capture_output=True)
        return asked.returncode == 0

    def run(self, script: str, *arguments: str) -> str:
        """One of the store's other scripts, in the same place."""
        command = [*AS_POSTGRES, f"{self._script}/{script}", *arguments]
        return subprocess.run(
            command, cwd=PROJECT, env=self._environment, check=True, capture_output=True, text=True
        ).stdout

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")[-2000:]

    def eventually(self, attempt: Callable[[], Any]) -> Any:
        """The first result of `attempt` that is neither an error nor false; fails with the log's end."""
        deadline, last = time.monotonic() + WITHIN_S, None
        while time.monotonic() < deadline:
            assert self.process is None or self.process.poll() is None, self.log()
            try:
                if result := attempt():
                    return result
            except (psycopg.Error, pika.exceptions.AMQPError, OSError) as error:
                last = error
            time.sleep(0.05)
        pytest.fail(f"still {last!r} after {WITHIN_S} s; the log ends with\n{self.log()}")


@pytest.fixture
def store() -> Iterator[Callable[..., Store]]:
    """Makes stores in folders that an unprivileged user can reach, and ends them."""
    with ExitStack() as stack:

        def make(name: str, **environment: str) -> Store:
            folder = Path(tempfile.mkdtemp(prefix=f"store-{name}-", dir="/tmp"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            if AS_POSTGRES:
                os.chown(folder, pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid)
            made = Store(folder, name, **environment)
            stack.callback(made.kill)
            return made

        yield make


def free_port() -> int:
    """Below 32768, where no outgoing connection can take it in the meantime."""
    for port in range(22010, 22200):
        with closing(socket.socket()) as probe:
            if port not in handed_out and probe.connect_ex(("127.0.0.1", port)) != 0:
                handed_out.add(port)
                return port
    raise RuntimeError("no free port")


handed_out: set[int] = set()


def postgres(store: Callable[..., Store], follow: str = "") -> Store:
    return store("postgres", ADMIN_PASSWORD="pass'word", PARTNER=follow, COPY="yes" if follow else "")


def ask(server: Store, sql: str) -> Any:
    """The first column of the first row."""
    with psycopg.connect(
        host="127.0.0.1",
        port=server.port,
        user="shop_admin",
        password="pass'word",
        dbname="shop",
        connect_timeout=2,
        autocommit=True,
    ) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else ("done",)
        return row and row[0]


def rabbitmq(store: Callable[..., Store]) -> Store:
    return store("rabbitmq", RABBITMQ_USER="shop", RABBITMQ_PASSWORD='pass"word', DIST_PORT=str(free_port()))


def log_in(broker: Store) -> pika.BlockingConnection:
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1", broker.port, credentials=pika.PlainCredentials("shop", 'pass"word'), stack_timeout=3
        )
    )


def fetch(broker: Store, queue: str) -> bytes | None:
    with log_in(broker) as connection:
        return connection.channel().basic_get(queue, auto_ack=True)[2]


def test_a_copy_streams_what_the_primary_writes_and_refuses_to_be_written(store: Callable[..., Store]) -> None:
    primary = postgres(store)
    copy = postgres(store, follow=primary.address)
    primary.start()
    copy.start()
    primary.eventually(lambda: ask(primary, "CREATE TABLE tea AS SELECT 'earl grey' AS name"))

    assert copy.eventually(lambda: ask(copy, "SELECT name FROM tea")) == "earl grey"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        ask(copy, "DELETE FROM tea")
    assert ask(primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1


def test_killed_postgres_servers_start_again_on_the_same_data_and_stream_again(store: Callable[..., Store]) -> None:
    primary = postgres(store)
    copy = postgres(store, follow=primary.address)
    for server in (primary, copy):
        server.start()
    primary.eventually(lambda: ask(primary, "CREATE TABLE tea AS SELECT 1 AS cups"))
    copy.eventually(lambda: ask(copy, "SELECT cups FROM tea"))

    for server in (primary, copy):
        server.kill()
    for server in (primary, copy):
        server.start()

    primary.eventually(lambda: ask(primary, "UPDATE tea SET cups = 2"))
    assert copy.eventually(lambda: ask(copy, "SELECT cups FROM tea WHERE cups = 2")) == 2


def test_a_fenced_primary_comes_back_as_a_copy_of_the_one_that_was_promoted(store: Callable[..., Store]) -> None:
    old, new = two_servers(store)
    old.kill()
    assert ask(new, "SELECT pg_promote(true, 30)")
    ask(new, "UPDATE tea SET cups = 2")
    (old.folder / "rebuild").touch()
    old.start()

    assert old.eventually(lambda: ask(old, "SELECT cups FROM tea WHERE pg_is_in_recovery()")) == 2


def test_a_fenced_primary_goes_on_when_nobody_was_promoted_after_all(store: Callable[..., Store]) -> None:
    old, _ = two_servers(store)
    old.kill()
    (old.folder / "rebuild").touch()
    old.start()

    assert old.eventually(lambda: ask(old, "UPDATE tea SET cups = 2"))
    assert not (old.folder / "rebuild").exists()


def test_a_fenced_primary_does_not_start_while_its_partner_is_silent(store: Callable[..., Store]) -> None:
    old, new = two_servers(store)
    for server in (old, new):
        server.kill()
    (old.folder / "rebuild").touch()
    old.start()

    time.sleep(3)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        ask(old, "SELECT 1")


def test_writes_that_were_held_are_taken_again_after_a_restart(store: Callable[..., Store]) -> None:
    server = postgres(store)
    server.start()
    server.eventually(lambda: ask(server, "ALTER SYSTEM SET default_transaction_read_only = on"))
    server.kill()
    server.start()

    assert server.eventually(lambda: ask(server, "CREATE TABLE tea AS SELECT 1 AS cups"))


def two_servers(store: Callable[..., Store]) -> tuple[Store, Store]:
    """A primary and its copy, with a table in both."""
    old = postgres(store)
    new = postgres(store, follow=old.address)
    old.knows(new)
    for server in (old, new):
        server.start()
    old.eventually(lambda: ask(old, "CREATE TABLE tea AS SELECT 1 AS cups"))
    new.eventually(lambda: ask(new, "SELECT cups FROM tea"))
    return old, new


def test_a_lock_file_of_a_stranger_does_not_keep_postgres_from_starting(store: Callable[..., Store]) -> None:
    server = postgres(store)
    server.start()
    server.eventually(lambda: ask(server, "SELECT 1"))
    server.kill()
    lock = server.folder / "db" / "postmaster.pid"
    lock.write_text("\n".join([str(os.getpid()), *lock.read_text().splitlines()[1:]]) + "\n")

    server.start()

    assert server.eventually(lambda: ask(server, "SELECT 1")) == 1


def test_postgres_listens_on_its_address_only_and_wants_the_password(store: Callable[..., Store]) -> None:
    server = postgres(store)
    server.start()
    server.eventually(server.ready)

    assert ask(server, "SHOW unix_socket_directories") == ""
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host="127.0.0.1", port=server.port, user="shop_admin", password="wrong", dbname="shop")


def test_a_killed_broker_starts_again_with_its_durable_messages(store: Callable[..., Store]) -> None:
    broker = rabbitmq(store)
    broker.start()
    with broker.eventually(lambda: log_in(broker)) as connection:
        channel = connection.channel()
        channel.queue_declare("orders", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        time.sleep(4)  # RabbitMQ 3.10 keeps a new queue's name in memory for 3 s: only messages are safe at once
        channel.basic_publish("", "orders", b"tea", mandatory=True)

    broker.kill()
    broker.start()

    assert broker.eventually(lambda: fetch(broker, "orders")) == b"tea"


def test_rabbitmqctl_finds_the_broker_without_a_directory_of_nodes(store: Callable[..., Store]) -> None:
    broker = rabbitmq(store)
    broker.start()
    broker.eventually(broker.ready)

    assert "shop" in broker.run("ctl", "list_users")


def test_the_process_that_was_started_is_the_broker_and_leaves_nothing_behind(store: Callable[..., Store]) -> None:
    broker = rabbitmq(store)
    broker.start()
    broker.eventually(broker.ready)
    assert broker.process is not None
    assert "beam" in Path(f"/proc/{broker.process.pid}/exe").readlink().name

    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.wait()

    members = [pid for pid in Path("/proc").glob("[0-9]*") if session_of(pid) == broker.process.pid]
    deadline = time.monotonic() + 5
    while members and time.monotonic() < deadline:
        time.sleep(0.05)
        members = [pid for pid in members if session_of(pid) == broker.process.pid]
    assert members == []


def session_of(process: Path) -> int:
    """The session a process belongs to; 0 when it is gone or waits for its burial."""
    try:
        state, _, _, session = (process / "stat").read_text().rpartition(")")[2].split()[:4]
    except OSError:
        return 0
    return 0 if state == "Z" else int(session)


def test_a_frozen_broker_is_not_ready(store: Callable[..., Store]) -> None:
    broker = rabbitmq(store)
    broker.start()
    broker.eventually(broker.ready)
    assert broker.process is not None

    os.kill(broker.process.pid, signal.SIGSTOP)

    assert not broker.ready()


def test_memcached_answers_and_starts_again_empty(store: Callable[..., Store]) -> None:
    cache = store("memcached", MEMORY_MB="16")
    cache.start()
    cache.eventually(cache.ready)
    with closing(Client(("127.0.0.1", cache.port), connect_timeout=2, timeout=2)) as client:
        client.set("sku", b"tea", noreply=False)
        assert client.get("sku") == b"tea"

    cache.kill()
    cache.start()

    cache.eventually(cache.ready)
    with closing(Client(("127.0.0.1", cache.port), connect_timeout=2, timeout=2)) as client:
        assert client.get("sku") is None
