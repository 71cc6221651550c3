"""Whom a fault can strike. A target is a component (`cart-1`) or a service (`cart`: all that is meant by it)."""

from collections.abc import Mapping, Sequence

from compose.runtime.verbs import Component, UnknownComponent
from labs.faults.fault import Fault, UnknownFault, near

COMPONENT = ("store", "wire", "gateway", "service", "worker")
STORES = ("postgres", "memcached", "rabbitmq")
ANYTHING = COMPONENT
ANSWERS_HTTP = ("service", "worker")


def words(components: Sequence[Component]) -> Mapping[str, set[str]]:
    """Everything that can be struck, each with the words a fault's `kinds` may call it by: a component by its kind, a
    store also by its make and its present role, a service by `balanced` or `consumers`.
    """
    found: dict[str, set[str]] = {}
    for component in components:
        make = next((make for make in STORES if component.name.startswith(make)), "")
        found[component.name] = {component.kind, make, component.role or ""} - {""}
    for component in components:
        if together := {"service": "balanced", "worker": "consumers"}.get(component.kind):
            found.setdefault(component.service, set()).add(together)
    return found


def must_strike(fault: Fault, target: str, components: Sequence[Component]) -> None:
    """Raises UnknownComponent when there is no such target, UnknownFault when it is not of the fault's kinds; both
    name what would do.
    """
    known = words(components)
    if target not in known:
        raise UnknownComponent(f"there is no component {target!r}; {near(target, list(known))}")
    if not known[target].intersection(fault.kinds):
        would = [name for name, called in known.items() if called.intersection(fault.kinds)]
        raise UnknownFault(
            f"{fault.name} cannot strike {target}; it strikes: {', '.join(fault.kinds)}, "
            f"here {', '.join(would) or 'nothing'}"
        )
