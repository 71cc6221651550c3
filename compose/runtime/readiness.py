"""Asks one component whether it can do its business now. A probe checks identity where the protocol allows it:
something else may answer
on the port. Each raises when the answer is no; the message is the reason."""

import http.client
import json
import socket
from collections.abc import Callable, Mapping

from compose.topology import Service
from compose.wire.client import Wire

TIMEOUT_S = 1.0


class NotReady(Exception):
    """It does not answer, or says that it is not ready; the message is its reason."""


def ask(service: Service, component: str, address: str, secrets: Mapping[str, str]) -> str | None:
    """Probe a component. Returns its role (`primary`, `replica`) where it has one. Raises NotReady."""
    probe = PROBES[service.ready or "none"]
    try:
        return probe(component, address, secrets)
    except NotReady:
        raise
    except Exception as error:
        raise NotReady(f"{type(error).__name__}: {error}".strip()) from error


def _none(_component: str, _address: str, _secrets: Mapping[str, str]) -> None:
    """Nothing to ask: running is ready."""


def _http(component: str, address: str, _secrets: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if (by := answer.headers.get("X-Served-By")) != component:
        raise NotReady(f"{by or 'something else'} answers on {address}")
    if answer.status != 200:
        raise NotReady(_unmet(body))


def _unmet(body: bytes) -> str:
    checks = json.loads(body).get("checks", {})
    return "; ".join(f"{name}: {reason}" for name, reason in checks.items() if reason != "ok")


def _amqp(_component: str, address: str, secrets: Mapping[str, str]) -> None:
    import pika

    host, port = address.split(":")
    who = pika.PlainCredentials("shop", secrets["RABBITMQ_PASSWORD"])
    parameters = pika.ConnectionParameters(
        host,
        int(port),
        credentials=who,
        socket_timeout=TIMEOUT_S,
        stack_timeout=TIMEOUT_S,
        blocked_connection_timeout=TIMEOUT_S,
    )
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S):  # cheap, while it is not even listening
        pass
    pika.BlockingConnection(parameters).close()


def _postgres(_component: str, address: str, secrets: Mapping[str, str]) -> str:
    import psycopg

    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S):
        pass
    with psycopg.connect(
        host=host,
        port=int(port),
        user="shop_admin",
        password=secrets["ADMIN_PASSWORD"],
        dbname="shop",
        connect_timeout=2,
    ) as connection:
        row = connection.execute("select pg_is_in_recovery()").fetchone()
    return "replica" if row and row[0] else "primary"


def _memcached(_component: str, address: str, _secrets: Mapping[str, str]) -> None:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(b"version\r\n")
        if not connection.recv(64).startswith(b"VERSION"):
            raise NotReady("it does not speak Memcached's protocol")


def _wire(_component: str, address: str, _secrets: Mapping[str, str]) -> None:
    """It answers once all its proxies are there."""
    Wire(address, TIMEOUT_S).version()


PROBES: Mapping[str, Callable[[str, str, Mapping[str, str]], str | None]] = {
    "none": _none,
    "http": _http,
    "amqp": _amqp,
    "postgres": _postgres,
    "memcached": _memcached,
    "wire": _wire,
}
