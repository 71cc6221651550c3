"""Postgres: bounded waits, a pool for the primary, a pool for reads that may use the replica.

A server that is frozen (not dead) keeps its sockets open and acknowledges packets, so neither `statement_timeout` nor
TCP ends the wait:
the client must. `BoundedConnection` gives up by itself and closes.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from prometheus_client import Counter
from psycopg import Connection, errors
from psycopg_pool import ConnectionPool, PoolTimeout

from services.common.errors import TimedOut, Unavailable
from services.common.settings import DatabaseSettings, split
from services.common.telemetry import DEGRADED

T = TypeVar("T")
REPLICA_OUT_S = 3.0
CHECK_S = 0.5
FIRST_CONNECTION_S = 0.5
LOOK_FOR_PRIMARY_S, LOOK_EVERY_S = 1.0, 0.2
RECONNECT_S = 0.1  # then the pool gives up, and tries again when a request comes
MAX_IDLE_S = 10.0  # a connection is a process of 1 to 2 MB at the server

LOCKED_OUT = Counter("shop_locked_out_total", "Transactions given up because others held what they needed")
NOT_READ = (PoolTimeout, errors.OperationalError, errors.IdleInTransactionSessionTimeout, errors.UndefinedTable)


class BoundedConnection(Connection[Any]):
    """A connection whose every wait ends after `bound_s`; afterwards it is closed, because its state is unknown.

    Once it is in a pool, that is half a second more than Postgres itself gives a statement.
    """

    bound_s = 2.5

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.bound_s)
        except errors.OperationalError as error:
            if type(error).__name__ == "_WaitTimeout":
                self.pgconn.finish()
                raise errors.QueryCanceled(f"no answer from Postgres within {timeout or self.bound_s} s") from error
            raise


class PrimaryConnection(BoundedConnection):
    """One to whoever takes writes. While the roles move nobody does, for a second or two: then it looks again, as the
    pool itself would wait for a second before it does.
    """

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> "PrimaryConnection":
        """Raises OperationalError when a second was not enough."""
        deadline = time.monotonic() + LOOK_FOR_PRIMARY_S
        while True:
            try:
                return super().connect(*args, **kwargs)
            except errors.OperationalError:
                if time.monotonic() + LOOK_EVERY_S > deadline:
                    raise
            time.sleep(LOOK_EVERY_S)


def _check(connection: BoundedConnection) -> None:
    """Ask a pooled connection for a sign of life before a request gets it; the pool replaces it when this raises."""
    usual_s, connection.bound_s = connection.bound_s, CHECK_S
    connection.execute("")
    connection.bound_s = usual_s


def conninfo(settings: DatabaseSettings, role: str, target: str) -> str:
    """A DSN over all nodes; `target` picks among them (libpq's target_session_attrs)."""
    hosts, ports = zip(*map(split, settings.postgres), strict=True)
    return psycopg.conninfo.make_conninfo(
        host=",".join(hosts),
        port=",".join(map(str, ports)),
        dbname="shop",
        user=role,
        password=settings.db_password,
        target_session_attrs=target,
        connect_timeout=settings.db_connect_s,
        application_name=role,
        options=" ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in _waits(settings).items()),
    )


def _waits(settings: DatabaseSettings) -> Mapping[str, float]:
    """What Postgres itself bounds, in seconds. A replica that is frozen within a transaction holds its rows: others
    must give up waiting for them before the gateway takes them for dead too, and Postgres must let go of them.
    """
    return {
        "statement_timeout": settings.db_statement_s,
        "lock_timeout": settings.db_lock_s,
        "idle_in_transaction_session_timeout": settings.db_statement_s,
    }


def _pool(settings: DatabaseSettings, role: str, target: str, min_size: int) -> ConnectionPool[BoundedConnection]:
    def bound(connection: BoundedConnection) -> None:
        connection.bound_s = settings.db_statement_s + CHECK_S

    return ConnectionPool(
        lambda: conninfo(settings, role, target),  # when it connects: see `split`
        connection_class=PrimaryConnection if target == "read-write" else BoundedConnection,
        kwargs={"autocommit": False},
        min_size=min_size,
        max_size=settings.db_pool,
        max_idle=MAX_IDLE_S,
        timeout=settings.db_pool_wait_s,
        reconnect_timeout=RECONNECT_S,
        num_workers=1,
        configure=bound,
        check=_check,
        name=f"{role}-{target}",
        open=False,
    )


class Database:
    """Two pools for one role. `transaction()` writes to the primary, `read()` may be served by the replica, a moment
    stale. Connects, and starts the pools' threads, when it is opened.

    `kept`: how many connections to the primary stay while nobody asks. None for who rarely needs it or can wait for a
    few milliseconds.
    """

    def __init__(self, settings: DatabaseSettings, role: str, reads: bool = False, kept: int = 1) -> None:
        self._kept = kept
        self._primary = _pool(settings, role, "read-write", min_size=kept)
        self._replica = _pool(settings, role, "standby", min_size=0) if reads else None
        self._replica_out_until = 0.0

    def open(self) -> None:
        """Begin to connect; returns when what is kept is there, or after 0.5 s, as it may also come later."""
        self._primary.open()
        if self._replica is not None:
            self._replica.open()
        # A request that came before the first connection is there would have a second one made. (The pool's own `wait`
        # closes the pool for good when it was in vain.)
        deadline = time.monotonic() + FIRST_CONNECTION_S
        while self._primary.get_stats().get("pool_available", 0) < self._kept and time.monotonic() < deadline:
            time.sleep(0.01)

    @contextmanager
    def transaction(self) -> Iterator[BoundedConnection]:
        """One transaction on the primary: committed at the end of the block, rolled back when it raises.

        Raises Unavailable (did not happen) or TimedOut (may have happened).
        """
        try:
            with self._primary.connection() as connection:
                yield connection
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            LOCKED_OUT.inc()
            raise Unavailable("others hold what this needs; nothing was changed") from error
        except (PoolTimeout, errors.ReadOnlySqlTransaction) as error:
            raise Unavailable("the database takes no writes right now") from error
        except errors.UndefinedTable as error:  # somebody dropped it, and may bring it back
            raise Unavailable("a table is missing") from error
        except (errors.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
            raise TimedOut("the database did not confirm in time") from error

    def read(self, query: Callable[[BoundedConnection], T], own: bool = False) -> T:
        """Run a query that only reads: on the replica, or on the primary when the replica fails (then it is left
        alone for 3 s). `own`: whoever asks must see what they have just written, so the primary is asked at once.
        """
        if own:
            with self.transaction() as connection:
                return query(connection)
        if self._replica is not None and time.monotonic() >= self._replica_out_until:
            try:
                with self._replica.connection() as connection:
                    return query(connection)
            except NOT_READ:
                self._replica_out_until = time.monotonic() + REPLICA_OUT_S
        if self._replica is not None:
            DEGRADED.labels("read_from_primary").inc()
        with self.transaction() as connection:
            return query(connection)

    def ping(self) -> None:
        """Raise unless the primary answers: the readiness check of a service that must write."""
        with self.transaction() as connection:
            connection.execute("select 1")

    def ping_any(self) -> None:
        """Raise unless some node answers: the readiness check of a service that only reads."""
        self.read(lambda connection: connection.execute("select 1"))

    def close(self) -> None:
        """Give all connections back to the server."""
        self._primary.close()
        if self._replica is not None:
            self._replica.close()
