"""A component is cut off from others behind the wire: what one sends never reaches the other. Both are well, both
answer everybody else, and neither can tell this from a partner that is slow. The name is Chaos Mesh's.
"""

from collections.abc import Mapping
from typing import Any

from labs.control.links import STREAMS
from labs.faults.fault import Fault, Parameter, UnknownFault, near
from labs.faults.network import note, on_links
from labs.faults.patient import Patient
from labs.faults.targets import LINKED

LOST = {"both": STREAMS, "to": ("upstream",), "from": ("downstream",)}
"""What a component loses on links it made itself."""
SEEN_BY_THE_OTHER = {"both": "both", "to": "from", "from": "to"}
SILENCE = {"type": "timeout", "attributes": {"timeout": 0}}


def apply(shop: Patient, component: str, given: Mapping[str, Any]) -> None:
    """Lose what it sends (`to`), what it is sent (`from`), or both. Raises UnknownFault when there is no such link."""
    other, direction = given["target"], given["direction"]
    made, taken = shop.links.of(component, other), shop.links.of(other, component)
    if not made and not taken:
        known = partners(shop, component)
        raise UnknownFault(f"partition: {component} has no link with {other}; {near(other, known)}")
    for links, ways in ((made, LOST[direction]), (taken, LOST[SEEN_BY_THE_OTHER[direction]])):
        for way in ways:
            shop.links.strike(note("partition", component), links, {**SILENCE, "stream": way})


def partners(shop: Patient, component: str) -> list[str]:
    """Whom it has links with."""
    made, taken = shop.links.of(component), shop.links.of("", component)
    return [*dict.fromkeys([link.server for link in made] + [link.client for link in taken])]


FAULT: Fault = on_links(
    "partition",
    apply,
    kinds=(LINKED,),
    sees="connections succeed, answers never come; the process itself is well, and says so",
    teaches="a replica that answers pings may be of no use; whoever is cut off must notice it himself",
    parameters={
        "target": Parameter("", "", "whom it is cut off from; all behind the wire when left out"),
        "direction": Parameter("both", "", "what is lost, as the component sees it", choices=tuple(LOST)),
    },
)
