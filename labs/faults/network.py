"""How faults of the network are made: the wire puts a toxic on every link of the target, or cuts the links.

Names and parameters are Toxiproxy's. `stream` says which way: downstream is what the client is answered, upstream what
it sends.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.control.links import CUT, STREAMS
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient
from labs.faults.targets import LINK

LONGEST_MS = 60_000
WHERE = {
    "stream": Parameter("downstream", "", "which way: what the client is answered, or what it sends", choices=STREAMS),
    "toxicity": Parameter(1.0, "", "share of the connections it works on", most=1),
}

Apply = Callable[[Patient, str, Mapping[str, Any]], None]


def on_links(
    name: str, apply: Apply, *, kinds: Sequence[str], sees: str, teaches: str, parameters: Mapping[str, Parameter]
) -> Fault:
    """A fault that is written on links, and wiped off."""
    return Fault(
        name=name,
        kinds=kinds,
        sees=sees,
        teaches=teaches,
        parameters=parameters,
        apply=apply,
        undo=lambda shop, target: shop.links.clear(note(name, target)),
        outlives=True,
    )


def toxic(
    name: str,
    type: str,
    *,
    sees: str,
    teaches: str,
    parameters: Mapping[str, Parameter],
    kinds: Sequence[str] = (LINK,),
) -> Fault:
    """One toxic of that type on each link of the target; the parameters are its attributes."""

    def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
        where = {knob: given[knob] for knob in WHERE}
        attributes = {attribute: given[attribute] for attribute in parameters}
        wish = {"type": type, "attributes": attributes, **where}
        shop.links.strike(note(name, target), shop.links.named(target), wish)

    return on_links(name, apply, kinds=kinds, sees=sees, teaches=teaches, parameters={**parameters, **WHERE})


def cut(name: str, *, sees: str, teaches: str, kinds: Sequence[str] = (LINK,)) -> Fault:
    """Every link of the target refuses at once."""

    def apply(shop: Patient, target: str, _given: Mapping[str, Any]) -> None:
        shop.links.strike(note(name, target), shop.links.named(target), CUT)

    return on_links(name, apply, kinds=kinds, sees=sees, teaches=teaches, parameters={})


def note(fault: str, target: str) -> str:
    """What a fault writes on the links it strikes."""
    return f"{fault}@{target}"
