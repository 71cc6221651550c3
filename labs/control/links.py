"""What a fault may do to the network: the shop's links, and what is put on them.

A fault is written on the wire itself: whatever it puts there bears its note, such as `latency@catalog:postgres`. So it
can be taken away whatever else is on the same link, and without asking any more whom it struck.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from compose.runtime.links import Link, by_name, family
from compose.runtime.verbs import Runtime, RuntimeFailed
from compose.wire.client import Wire, WireFailed, WireGone

Toxic = Mapping[str, Any]
STREAMS = ("downstream", "upstream")
"""What a client is answered, what it sends."""
CUT: Toxic = {"type": "noop", "stream": "upstream"}
"""Stands for a link that is cut: as long as one is on it, it stays so."""


class NoWire(RuntimeFailed):
    """It does not run, or there is none: nothing can be put on a link, and nothing is on one."""


class Links:
    """Every method is bounded in time and raises RuntimeFailed when the wire does not do it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def named(self, target: str) -> Sequence[Link]:
        """One link or several: `catalog-1:postgres-1`, `catalog:postgres`, `postgres-1`, `replication`."""
        return by_name(self._runtime.links()).get(target, ())

    def of(self, client: str = "", server: str = "") -> Sequence[Link]:
        """Those that a component, or a service, has made; and those that lead to one."""
        return [
            link
            for link in self._runtime.links()
            if client in ("", link.client, family(link.client)) and server in ("", link.server, family(link.server))
        ]

    def strike(self, note: str, links: Sequence[Link], toxic: Toxic) -> None:
        """Put a toxic (type, stream, toxicity, attributes) on each of the links that does not bear it yet; CUT ends all
        connections of a link and refuses new ones. Leaves nothing behind when it raises.
        """
        named = {**toxic, "name": f"{note}.{toxic['stream']}"}
        try:
            with self._wire() as wire:
                bearing = {name for name, proxy in wire.proxies().items() if named["name"] in _toxics(proxy)}
                for link in links:
                    if link.name not in bearing:
                        wire.add_toxic(link.name, named)
                    if toxic is CUT:
                        wire.enable(link.name, False)
        except RuntimeFailed:
            with suppress(RuntimeFailed):
                self.clear(note)
            raise

    def clear(self, note: str) -> None:
        """Take away all that bears the note. A link that was cut goes on, unless somebody else keeps it cut."""
        with suppress(NoWire), self._wire() as wire:
            for name, proxy in wire.proxies().items():
                toxics = _toxics(proxy)
                ours = [each for each in toxics if each.rpartition(".")[0] == note]
                for toxic in ours:
                    wire.remove_toxic(name, toxic)
                kept = {toxics[each] for each in toxics.keys() - ours}
                if any(toxics[each] == CUT["type"] for each in ours) and CUT["type"] not in kept:
                    wire.enable(name, True)

    def clear_all(self) -> None:
        """Every link goes on, and no toxic is left, also of those that others put there."""
        with suppress(NoWire), self._wire() as wire:
            wire.reset()

    @contextmanager
    def _wire(self) -> Iterator[Wire]:
        if not self._runtime.links():
            raise NoWire("this shop has no wire")
        try:
            yield Wire(self._runtime.address("wire"))
        except WireGone as error:
            raise NoWire(f"{error}; start it with: ./shoplab heal") from error
        except WireFailed as error:
            raise RuntimeFailed(str(error)) from error


def _toxics(proxy: Mapping[str, Any]) -> dict[str, str]:
    """Name -> type."""
    return {toxic["name"]: toxic["type"] for toxic in proxy["toxics"]}
