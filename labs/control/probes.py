"""SQL and AMQP from outside, as the shop's administrator: for checks, resets and labs."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import pika
import psycopg
from psycopg.rows import dict_row

from compose.runtime.verbs import RuntimeFailed, first_line
from labs.control.cache_entries import entries

T = TypeVar("T")
WORK_QUEUES = ("fulfilment", "notifications")
LANE_QUEUE = "fulfilment-lane"
"""What fails in it goes on where the other parcels are, so it has no queues of its own for that."""
QUEUES = (
    *(
        queue + suffix
        for queue in WORK_QUEUES
        for suffix in ("", ".dead", *(f".{where}.{ms}ms" for where in ("later", "memory") for ms in (1000, 2000, 4000)))
    ),
    LANE_QUEUE,
)
"""With the services' default waits; a test compares them. Those in memory are there only once they were needed."""


class Probes:
    """`addresses` are those on this machine: postgres-1, postgres-2, rabbitmq, memcached-1 ..."""

    def __init__(self, addresses: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._addresses, self._secrets = addresses, secrets

    def sql(self, node: str = "") -> psycopg.Connection[dict[str, Any]]:
        """A connection to whoever is the primary, or to the node that is named; rows are dictionaries. Raises
        RuntimeFailed.
        """
        nodes = [node] if node else ["postgres-1", "postgres-2"]
        hosts, ports = zip(*(self._addresses[each].split(":") for each in nodes), strict=True)
        try:
            return psycopg.connect(
                host=",".join(hosts),
                port=",".join(ports),
                dbname="shop",
                user="shop_admin",
                password=self._secrets["ADMIN_PASSWORD"],
                target_session_attrs="any" if node else "read-write",
                connect_timeout=2,
                row_factory=dict_row,
                options="-c statement_timeout=5000 -c synchronous_commit=local",  # never wait for a replica
            )
        except psycopg.OperationalError as error:
            raise RuntimeFailed(f"no Postgres takes writes: {first_line(error)}") from error

    def broker(self) -> pika.BlockingConnection:
        """A connection to RabbitMQ. Raises RuntimeFailed."""
        host, port = self._addresses["rabbitmq"].split(":")
        who = pika.PlainCredentials("shop", self._secrets["RABBITMQ_PASSWORD"])
        try:
            return pika.BlockingConnection(
                pika.ConnectionParameters(
                    host, int(port), credentials=who, socket_timeout=2, stack_timeout=3, blocked_connection_timeout=3
                )
            )
        except (pika.exceptions.AMQPError, OSError) as error:
            raise RuntimeFailed(f"RabbitMQ does not answer: {error!r}") from error

    def queue_depths(self) -> dict[str, int]:
        """Messages waiting in each of the shop's queues; those that do not exist are left out."""
        return self._each_queue(lambda channel, queue: channel.queue_declare(queue, passive=True).method.message_count)

    def purge_queues(self, within_s: float = 3.0) -> None:
        """Throw away every message, once nobody holds one any more: what a consumer had in hand comes back when it has
        gone.
        """
        consumers = lambda channel, queue: channel.queue_declare(queue, passive=True).method.consumer_count  # noqa: E731
        deadline = time.monotonic() + within_s
        while any(self._each_queue(consumers).values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._each_queue(lambda channel, queue: channel.queue_purge(queue).method.message_count)

    def _each_queue(self, ask: Any) -> dict[str, int]:
        found = {}
        with self.broker() as connection:
            for queue in QUEUES:
                channel = connection.channel()  # a missing queue closes its channel
                try:
                    found[queue] = int(ask(channel, queue))
                except pika.exceptions.ChannelClosedByBroker:
                    continue
                channel.close()
        return found

    def flush_caches(self) -> None:
        """Empty every cache node that answers."""
        self.each_cache(lambda client: client.flush_all(noreply=False))

    def cache_stats(self) -> dict[str, dict[str, float]]:
        """What each answering node counts, by its own names: get_hits, curr_items, evictions, bytes ..."""
        stats = self.each_cache(lambda client: client.stats())
        return {node: {k.decode(): float(v) for k, v in each.items() if _is_number(v)} for node, each in stats.items()}

    def cache_entries(self) -> dict[str, dict[str, float]]:
        """What lies in each answering node: keys, and in how many seconds each expires."""
        found = {}
        for node, address in self._addresses.items():
            if node.startswith("memcached-"):
                with suppress(OSError):
                    found[node] = entries(address)
        return found

    def each_cache(self, ask: Callable[[Any], T]) -> dict[str, T]:
        """Ask every cache node; those that do not answer are left out."""
        from pymemcache.client.base import Client
        from pymemcache.exceptions import MemcacheError

        found = {}
        for node, address in self._addresses.items():
            if node.startswith("memcached-"):
                client = Client(address, connect_timeout=0.5, timeout=0.5)
                with suppress(OSError, MemcacheError):
                    found[node] = ask(client)
                client.close()
        return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
