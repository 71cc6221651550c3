"""Where a shop keeps its things on this machine, who runs them, and which ports are its own."""

import fcntl
import json
import os
import pwd
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

FIRST_BLOCK, LAST_BLOCK, BLOCK = 21000, 31900, 100
PASSWORDS = (
    "ADMIN_PASSWORD",
    "RABBITMQ_PASSWORD",
    "CATALOG_DB_PASSWORD",
    "INVENTORY_DB_PASSWORD",
    "PAYMENTS_DB_PASSWORD",
    "ORDERS_DB_PASSWORD",
    "FULFILMENT_DB_PASSWORD",
    "NOTIFICATIONS_DB_PASSWORD",
    "WAITING_ROOM_DB_PASSWORD",
    "ADMISSION_SECRET",
)


class NoPlace(Exception):
    """There is no usable place (name, folder, ports) for the shop; the message says why and what to do."""


class BadName(NoPlace):
    """What was given as a shop's name cannot be one."""


@dataclass(frozen=True)
class User:
    """Who runs the shop's processes: Postgres and RabbitMQ refuse or dislike root."""

    name: str
    uid: int
    gid: int


def runner() -> User:
    """The present user; for root the one behind sudo, else `postgres`, who exists once the package is installed."""
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return User(me.pw_name, me.pw_uid, me.pw_gid)
    for name in (os.environ.get("SUDO_USER", ""), "postgres", "nobody"):
        if name and name != "root":
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return User(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise NoPlace("no unprivileged user to run the shop as: create one, or start from a normal user")


def state_home() -> Path:
    """The folder of all shops: $SHOPLAB_STATE, or /var/lib/shoplab for root, or the user's state home."""
    if os.environ.get("SHOPLAB_STATE"):
        return Path(os.environ["SHOPLAB_STATE"]).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/shoplab/shops")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "shoplab"


def folder(name: str) -> Path:
    """One shop's folder. Raises BadName for one that could not be a folder, a container and a host name alike."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name):
        raise BadName(
            f"{name!r} is no name for a shop: lower-case letters, digits and hyphens, at most 30, a letter first"
        )
    return state_home() / name


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    partial = path.with_name(path.name + ".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def passwords(shop: Path) -> Mapping[str, str]:
    """This shop's passwords: each made once, kept in a file only its owner may read."""
    path = shop / "passwords.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if missing := [name for name in PASSWORDS if name not in kept]:
        kept |= {name: secrets.token_hex(16) for name in missing}
        write_private(path, json.dumps(kept))
    return kept


def is_free(port: int) -> bool:
    """Could a server listen on this loopback port now? What lingers in TIME_WAIT does not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, for an error message."""
    import psutil

    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN" and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"


@dataclass(frozen=True)
class Block:
    """A hundred ports from `base`. They are this shop's as long as some process holds `lock` open."""

    base: int
    lock: IO[str]


def claim_ports(base: int | None = None) -> Block:
    """The first block that is free as a whole and claimed by no other shop, or the one at `base`. Raises NoPlace."""
    claims = state_home() / "ports"
    claims.mkdir(parents=True, exist_ok=True)
    if base is not None:
        busy = [port for port in range(base, base + BLOCK) if not is_free(port)]
        if busy:
            raise NoPlace(f"port {busy[0]} is taken by {holder(busy[0])}: end it, or choose another block with --port")
    for first in [base] if base is not None else range(FIRST_BLOCK, LAST_BLOCK, BLOCK):
        lock = (claims / f"{first}.lock").open("w")
        if locked(lock) and all(is_free(port) for port in range(first, first + BLOCK)):
            return Block(first, lock)
        lock.close()
    asked = f"the {BLOCK} ports from {base} belong to another shop" if base is not None else "no block of ports is free"
    raise NoPlace(f"{asked}; ./shoplab down --name OTHER frees one")


def locked(file: IO[str]) -> bool:
    """Lock an open file for as long as it stays open, unless somebody else has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
