"""A link: the way of one component to another through the wire. A fault on it strikes this pair and nobody else."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from compose.wire.client import Wire, WireFailed


@dataclass(frozen=True, kw_only=True)
class Link:
    """`listen` is where the wire takes the client's connections, `upstream` where it leads them."""

    client: str
    server: str
    listen: str
    upstream: str

    @property
    def name(self) -> str:
        """As the wire calls it: `catalog-1:postgres-1`."""
        return f"{self.client}:{self.server}"

    def proxy(self) -> dict[str, str]:
        """As the wire's API wants it."""
        return {"name": self.name, "listen": self.listen, "upstream": self.upstream}


def to_json(links: Iterable[Link]) -> str:
    """For the wire's environment, as one line."""
    return json.dumps([link.proxy() for link in links])


def lay(wire: Wire, links: Sequence[Link], gone: Iterable[Link] = ()) -> None:
    """Make the links that are missing and remove those that lead nowhere now. A wire that does not run gets all of them
    when it is started.
    """
    with suppress(WireFailed):
        wire.populate(link.proxy() for link in links)
        for link in gone:
            wire.delete(link.name)
