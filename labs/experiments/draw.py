"""Draw experiments: from a seed and a number, always the same one. The catalogue itself says who may be struck."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from labs.faults import all_faults
from labs.faults.fault import Fault

MODULE = "labs.experiments.actions"
RATE = 12.0
SETTLED_S = 0.4
"""Shoppers come so long before the first fault."""
APART_S = (0.0, 0.8)
LASTS_S = (0.5, 2.5)
BY_ITSELF = ("duration_s", "hold_s")
"""Parameters of faults that end by themselves: they do so even while control is busy with another fault."""
ROLES = frozenset(("primary", "replica"))

Experiment = dict[str, Any]
"""As Chaos Toolkit has it."""


class BadExperiment(Exception):
    """A file is no experiment for this shop; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Strike:
    """One fault of an experiment: `after_s` the one before, for `for_s` seconds."""

    fault: str
    target: str
    after_s: float
    for_s: float
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.fault}@{self.target}"


def eligible(targets: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Every fault with what it may strike; `targets` is what the shop says can be struck here. Where a role is meant,
    it stays the role: who plays it is seen when it is struck.
    """
    found = {fault.name: sorted(_targets(fault, targets)) for fault in all_faults()}
    return {name: where for name, where in found.items() if where}


def left_out(targets: Mapping[str, Sequence[str]], runtime: str) -> list[str]:
    """Every other fault of the catalogue, each with the reason."""
    lines = []
    for fault in all_faults():
        if runtime not in fault.runtimes:
            lines.append(f"{fault.name}: works only in {', '.join(fault.runtimes)}, this shop runs in {runtime}")
        elif not targets.get(fault.name):
            lines.append(f"{fault.name}: this shop has nothing it could strike ({fault.whom})")
    return lines


def draw(seed: int, number: int, targets: Mapping[str, Sequence[str]]) -> list[Strike]:
    """One to three different faults, each on a random target, with random choices where a fault has a choice."""
    random, may = Random(f"{seed}/{number}"), eligible(targets)
    faults = [fault for fault in all_faults() if fault.name in may]
    return [_strike(random, fault, may[fault.name]) for fault in random.sample(faults, random.randint(1, 3))]


def experiment(title: str, strikes: Sequence[Strike], seed: int) -> Experiment:
    """The file: steady state, shoppers, faults, heal, steady state; rollbacks for when it does not come that far."""
    begins, end = 0.0, 0.0
    for each in strikes:
        begins += each.after_s
        end = max(end, begins + each.for_s)
    return {
        "version": "1.0.0",
        "title": title,
        "description": "Faults under checkout load; nothing may be lost, sold twice, charged twice or left broken.",
        "configuration": {"shop": {"type": "env", "key": "SHOPLAB_NAME", "default": "shop"}},
        "steady-state-hypothesis": {
            "title": "The shop sells, and every promise is kept",
            "probes": [
                _activity("probe", "pages answer", "pages_answer", tolerance=True),
                _activity("probe", "an order confirms", "an_order_confirms", tolerance=True),
                _activity("probe", "no promise is broken", "broken_promises", tolerance=0),
            ],
        },
        "method": [
            _activity("action", "shoppers come", "shoppers_come", {"rate": RATE, "seed": seed}, after=SETTLED_S),
            *map(_struck, strikes),
            _activity("action", "heal", "heal", before=round(end - begins, 2)),
            _activity("probe", "what shoppers saw", "shoppers_go_home"),
            _activity("action", "put dead letters back", "put_dead_letters_back"),
        ],
        "rollbacks": [
            _activity("action", "send shoppers home", "send_shoppers_home"),
            _activity("action", "heal whatever is left", "heal"),
        ],
    }


def strikes_of(experiment: Experiment) -> list[dict[str, Any]]:
    """The activities of an experiment that strike something."""
    return [each for each in experiment.get("method", []) if is_strike(each)]


def is_strike(activity: Mapping[str, Any]) -> bool:
    """Does this activity apply a fault of the catalogue?"""
    provider = activity.get("provider", {})
    return (provider.get("module"), provider.get("func")) == (MODULE, "strike")


def _strike(random: Random, fault: Fault, targets: Sequence[str]) -> Strike:
    texts = {name: knob.choices or knob.such_as for name, knob in fault.parameters.items()}
    choices = {name: random.choice(some) for name, some in texts.items() if some}
    target, after_s = random.choice(targets), round(random.uniform(*APART_S), 2)
    for_s = round(random.uniform(*LASTS_S), 2)
    lasts = {name: max(fault.parameters[name].least, for_s) for name in BY_ITSELF if name in fault.parameters}
    return Strike(fault=fault.name, target=target, after_s=after_s, for_s=for_s, given=choices | lasts)


def roles(fault: Fault) -> frozenset[str]:
    """What a fault strikes by its role, whoever has it by then."""
    return ROLES.intersection(fault.kinds)


def _targets(fault: Fault, targets: Mapping[str, Sequence[str]]) -> Sequence[str]:
    here = targets.get(fault.name, ())
    return fault.kinds if here and ROLES.issuperset(fault.kinds) else here


def _struck(strike: Strike) -> dict[str, Any]:
    arguments = {name: value for name, value in asdict(strike).items() if name != "after_s"}
    return _activity("action", f"strike {strike}", "strike", arguments, before=strike.after_s)


def _activity(
    kind: str, name: str, func: str, arguments: Mapping[str, Any] | None = None,
    *, before: float = 0.0, after: float = 0.0, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    provider = {"type": "python", "module": MODULE, "func": func, "arguments": dict(arguments or {})}
    pauses = {when: seconds for when, seconds in (("before", before), ("after", after)) if seconds}
    return {"type": kind, "name": name, "provider": provider, **({"pauses": pauses} if pauses else {}), **more}
