"""What lies in a Memcached node: its keys, and when each expires."""

import socket
import time
from urllib.parse import unquote

ASK_S = 1.0
COMMAND, END = b"lru_crawler metadump all\r\n", b"END\r\n"


def entries(address: str) -> dict[str, float]:
    """Each key with the seconds it has left; what never expires is left out. Raises OSError."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=ASK_S) as connection:
        connection.sendall(COMMAND)
        with connection.makefile("rb") as answer:
            return dict(_entry(line) for line in iter(answer.readline, END) if _expires(line))


def _expires(line: bytes) -> bool:
    """Lines look like `key=flags exp=1795737109 la=1795737049 cas=1 fetch=no cls=1 size=83`; -1 means never."""
    if not line.startswith(b"key="):
        raise ConnectionError(f"the node answered {line!r}")
    return b" exp=-1 " not in line


def _entry(line: bytes) -> tuple[str, float]:
    found = dict(word.split("=", 1) for word in line.decode().split())
    return unquote(found["key"]), float(found["exp"]) - time.time()
