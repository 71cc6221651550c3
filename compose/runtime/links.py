"""A link: the way of one component to another through the wire. A fault on it strikes this pair and nobody else."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

    def names(self) -> Iterator[str]:
        """All it may be called by, alone or with others: `catalog:postgres-1`, `postgres`, `replication` ..."""
        servers = dict.fromkeys((self.server, family(self.server)))
        yield from servers
        for client in dict.fromkeys((self.client, family(self.client))):
            yield from (f"{client}:{server}" for server in servers)
        if family(self.client) == family(self.server):
            yield "replication"

    def proxy(self) -> dict[str, str]:
        """As the wire's API wants it."""
        return {"name": self.name, "listen": self.listen, "upstream": self.upstream}


def family(component: str) -> str:
    """The service of a replica, the make of a store: `catalog` of `catalog-1`."""
    return re.sub(r"-\d+$", "", component)


def by_name(links: Iterable[Link]) -> Mapping[str, Sequence[Link]]:
    """Every name that stands for one or several of these links."""
    found: dict[str, list[Link]] = {}
    for link in links:
        for name in link.names():
            found.setdefault(name, []).append(link)
    return found


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
