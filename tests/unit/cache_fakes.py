"""Memcached nodes that live in this process and can be told to fail."""

import threading
from collections.abc import Callable

from services.common.memcached import NodeFailed


class FakeNode:
    """As `services.common.memcached.Node`; `down` makes every question fail, after which it is out."""

    def __init__(self, address: str = "a:1") -> None:
        self.address, self.down, self.out = address, False, False
        self.kept: dict[str, bytes] = {}
        self.ttls: dict[str, float] = {}
        self._lock = threading.Lock()

    def alive(self) -> bool:
        return not self.out

    def _answer(self) -> None:
        if self.down:
            self.out = True
            raise NodeFailed(f"{self.address} is down")

    def ping(self) -> None:
        self._answer()

    def get(self, key: str) -> bytes | None:
        self._answer()
        return self.kept.get(key)

    def set(self, key: str, value: bytes, ttl_s: float) -> None:
        self._answer()
        self.kept[key], self.ttls[key] = value, ttl_s

    def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        self._answer()
        with self._lock:
            if key in self.kept:
                return False
            self.set(key, value, ttl_s)
            return True

    def delete(self, key: str) -> None:
        self._answer()
        self.kept.pop(key, None)

    def count(self, key: str, ttl_s: float) -> int:
        self._answer()
        with self._lock:
            self.set(key, b"%d" % (int(self.kept.get(key, b"0")) + 1), ttl_s)
            return int(self.kept[key])

    def uncount(self, key: str) -> None:
        self._answer()
        with self._lock:
            self.kept[key] = b"%d" % (int(self.kept[key]) - 1)

    def update(self, key: str, change: Callable[[bytes | None], bytes], ttl_s: float) -> bytes:
        self._answer()
        with self._lock:
            self.set(key, change(self.kept.get(key)), ttl_s)
            return self.kept[key]
