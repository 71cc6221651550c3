"""What a fault is: a name from the field, parameters with units, how to apply it, how to undo it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

Value = str | int | float


class UnknownFault(Exception):
    """No such fault or parameter, or a target it cannot strike; the message names what would do."""


class Patient(Protocol):
    """What a fault may do to a shop."""

    def start(self, component: str) -> None: ...
    def stop(self, component: str, grace_s: float) -> None: ...
    def kill(self, component: str, signal: str) -> None: ...
    def pause(self, component: str) -> None: ...
    def resume(self, component: str) -> None: ...
    def put(self, component: str, path: str, body: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Parameter:
    """One knob of a fault. The default's type is the parameter's type; a number is from 0 to `most`."""

    default: Value
    unit: str
    help: str
    most: float | None = None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`sees` is what a client notices, `teaches` what a learner takes away. An undo must tolerate a target that has
    died since.
    """

    name: str
    kinds: Sequence[str]
    sees: str
    teaches: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    apply: Callable[[Patient, str, Mapping[str, Any]], None]
    undo: Callable[[Patient, str], None]

    def read(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Defaults and what was given, as the right types. Raises UnknownFault."""
        for name in given:
            if name not in self.parameters:
                raise UnknownFault(f"{self.name} has no parameter {name!r}; {near(name, list(self.parameters))}")
        return {name: self._typed(name, given.get(name, p.default)) for name, p in self.parameters.items()}

    def _typed(self, name: str, value: Any) -> Value:
        kind = type(self.parameters[name].default)
        try:
            typed: Value = kind(value)
        except ValueError:
            raise UnknownFault(f"{self.name}: {name} must be a {kind.__name__}, not {value!r}") from None
        most = self.parameters[name].most
        if most is not None and not 0 <= float(typed) <= most:
            raise UnknownFault(f"{self.name}: {name} must be from 0 to {most:g}, not {value}")
        return typed


def near(name: str, known: Sequence[str]) -> str:
    """A hint for a name that was not found."""
    close = get_close_matches(name, known, n=3, cutoff=0.4)
    return f"do you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known) or 'none'}"


ANYTHING = ("store", "gateway", "service", "worker")
ANSWERS_HTTP = ("service", "worker")
