"""What faults do to a Memcached node, by its own protocol."""

from collections.abc import Callable, Mapping
from typing import Any

from compose.runtime.verbs import RuntimeFailed

JUNK_BYTES, JUNK_PER_MB = 95_000, 10
"""Ten such items fill a page, which is a megabyte."""
JUNK_S = 3600
PATIENCE_S = 1.0


class Caches:
    """Every method is bounded in time and raises RuntimeFailed when the node does not answer, or refuses."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses

    def command(self, node: str, words: str) -> None:
        """Give one command of the text protocol."""

        def give(client: Any) -> None:
            answer = client.raw_command(words.encode()).decode()
            if answer != "OK":
                raise RuntimeFailed(f"{node} answered `{words}` with {answer}")

        self._ask(node, give)

    def take_memory(self, node: str, memory_mb: int) -> None:
        """Leave an empty node so many megabytes and fill them with what nobody will ask for. A page belongs to items of
        one size: the junk takes all there are, one is added for each other size, and then no page moves any more.
        """
        junk = {f"junk:{number}": b"-" * JUNK_BYTES for number in range(memory_mb * JUNK_PER_MB)}
        self.command(node, f"cache_memlimit {memory_mb}")
        self._ask(node, lambda client: client.set_many(junk, JUNK_S, noreply=False))
        self.command(node, "slabs automove 0")

    def _ask(self, node: str, ask: Callable[[Any], object]) -> None:
        from pymemcache.client.base import Client
        from pymemcache.exceptions import MemcacheError

        client = Client(self._addresses[node], connect_timeout=PATIENCE_S, timeout=PATIENCE_S)
        try:
            ask(client)
        except (OSError, MemcacheError) as error:
            raise RuntimeFailed(f"{node} does not answer: {error!r}") from error
        finally:
            client.close()
