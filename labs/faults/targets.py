"""Whom a fault can strike. A target is a component (`cart-1`), a service (`cart`: all that is meant by it), or links of
the wire (`catalog-1:postgres-1`, `catalog:postgres`, `replication`, all that lead to `postgres-1`).
"""

from collections.abc import Mapping, Sequence

from compose.runtime.links import Link, by_name, family
from compose.runtime.verbs import Component, RuntimeFailed, UnknownComponent
from labs.faults.fault import Fault, UnknownFault, near

COMPONENT = ("store", "wire", "gateway", "service", "worker")
STORES = ("postgres", "memcached", "rabbitmq")
ANYTHING = COMPONENT
MACHINE = "machine"
"""What everything runs on, shared by all of the shop and by whoever else is there."""
ANSWERS_HTTP = ("service", "worker")
LINK, CACHE_LINK, LINKED = "link", "cache", "linked"
"""Of the network: links; all links to a cache node; whoever is at the end of a link."""
NETWORK = frozenset((LINK, CACHE_LINK, LINKED))
ROLES = frozenset(("primary", "replica"))
SHOWN = 8


def words(components: Sequence[Component], links: Sequence[Link] = ()) -> Mapping[str, set[str]]:
    """Everything that can be struck, each with the words a fault's `kinds` may call it by: a component by its kind, a
    store also by its make and its present role, a service by `balanced` or `consumers`; and those of the network.
    """
    found: dict[str, set[str]] = {MACHINE: {MACHINE}}
    for component in components:
        make = next((make for make in STORES if component.name.startswith(make)), "")
        found[component.name] = {component.kind, make, component.role or ""} - {""}
    for component in components:
        if together := {"service": "balanced", "worker": "consumers"}.get(component.kind):
            found.setdefault(component.service, set()).add(together)
    for name in by_name(links):
        found.setdefault(name, set()).update([LINK, CACHE_LINK] if family(name) == "memcached" else [LINK])
    for link in links:
        for end in (link.client, link.server):
            found.setdefault(end, set()).add(LINKED)
            found.setdefault(family(end), set()).add(LINKED)
    return found


def by_role(fault: Fault) -> bool:
    """Does it depend on the present roles whom it can strike?"""
    return bool(ROLES.intersection(fault.kinds))


def must_strike(fault: Fault, target: str, components: Sequence[Component], links: Sequence[Link] = ()) -> None:
    """Raises UnknownComponent when there is no such target, UnknownFault when it is not of the fault's kinds; both
    name what would do. Raises RuntimeFailed for a fault of the network where there is no wire.
    """
    if not links and NETWORK.intersection(fault.kinds):
        raise RuntimeFailed(
            f"{fault.name} needs the wire, and this shop was started without: ./shoplab down, then up without --no-wire"
        )
    would = all_of(fault, components, links)
    if target not in words(components, links):
        raise UnknownComponent(f"there is no component {target!r}; {near(target, would)}")
    if target not in would:
        here = near(target, would) if len(would) > SHOWN else f"here {', '.join(would) or 'nothing'}"
        raise UnknownFault(f"{fault.name} cannot strike {target}; it strikes: {fault.whom}; {here}")


def all_of(fault: Fault, components: Sequence[Component], links: Sequence[Link] = ()) -> list[str]:
    """Everything in this shop that a fault can strike."""
    return [
        name
        for name, called in words(components, links).items()
        if called.intersection(fault.kinds) and (not fault.only or family(name) in fault.only)
    ]
