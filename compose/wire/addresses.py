"""Addresses as "host:port" texts, and the sockets that listen on them."""

import asyncio
import ipaddress
import os
import socket

from compose.wire.errors import CannotListen

BACKLOG = 1024


def split(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[host]:port". Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon:
        raise ValueError(f"address {address}: missing port in address")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"address {address}: invalid port {port!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def join(host: str, port: int) -> str:
    """The text of an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Is this a name or number of this machine that others cannot reach?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def resolve(address: str) -> tuple[str, int]:
    """The same address with a number for a host name, IPv4 first; an empty host stays. Raises CannotListen."""
    try:
        host, port = split(address)
        if not host:
            return host, port
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (ValueError, OSError) as error:
        raise CannotListen(str(error)) from error
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    return str(found[0][4][0]), port


async def listening(address: str) -> socket.socket:
    """A socket that listens there; port 0 finds one, an empty host means all interfaces. Raises CannotListen."""
    host, port = await resolve(address)
    dual = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
        raise CannotListen(f"{join(host, port)}: bind: {reason}") from error


def name_of(listener: socket.socket) -> str:
    """Where a socket really listens."""
    host, port = listener.getsockname()[:2]
    return join(host, port)
