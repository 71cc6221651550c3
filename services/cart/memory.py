"""A replica's own memory in a cache node's place: no other replica sees what is in it, and it ends with the process."""

import threading
from collections.abc import Callable


class Memory:
    """What carts need of a node, without a server and so without failures. Forgets nothing, whatever `ttl_s` says."""

    address = "memory"

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def alive(self) -> bool:
        """Always: who asks is in the same process."""
        return True

    def get(self, key: str) -> bytes | None:
        """What is kept under the key."""
        return self._kept.get(key)

    def update(self, key: str, change: Callable[[bytes | None], bytes], ttl_s: float) -> bytes:
        """Replace what is kept by `change` of it; one at a time."""
        with self._lock:
            self._kept[key] = change(self._kept.get(key))
            return self._kept[key]
