"""What a fault is: a name from the field, parameters with units, how to apply it, how to undo it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from labs.faults.patient import Patient

Value = str | int | float
RUNTIMES = ("local", "containers")


class UnknownFault(Exception):
    """No such fault or parameter, or a target it cannot strike; the message names what would do."""


@dataclass(frozen=True)
class Parameter:
    """One knob of a fault. The default's type is the parameter's type; a number is from `least` to `most`, a text one
    of `choices` if there are any. `such_as`: texts worth trying, where any will do.
    """

    default: Value
    unit: str
    help: str
    most: float | None = None
    least: float = 0
    choices: Sequence[str] = ()
    such_as: Sequence[str] = ()

    def __str__(self) -> str:
        """Its default with its unit."""
        number = f"{self.default:g}" if isinstance(self.default, float) else str(self.default)
        return f"{number} {self.unit}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`sees` is what a client notices, `teaches` what a learner takes away.

    `apply` leaves nothing behind when it raises. `undo` may be called for a fault that is half applied, and for a
    target that has died since. `outlives`: the trace is not in the process that is struck, so it stays when that ends,
    and may outlive control; a shop that comes up anew undoes it first. `runtimes`: where it works. `only`: of those
    kinds nothing but these services; all when empty.
    """

    name: str
    kinds: Sequence[str]
    sees: str
    teaches: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    apply: Callable[[Patient, str, Mapping[str, Any]], object]
    undo: Callable[[Patient, str], object]
    outlives: bool = False
    runtimes: Sequence[str] = RUNTIMES
    only: Sequence[str] = ()

    @property
    def whom(self) -> str:
        """Whom it strikes, in words."""
        return ", ".join(self.kinds) + (f" (only {', '.join(self.only)})" if self.only else "")

    def read(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Defaults and what was given, as the right types. Raises UnknownFault."""
        for name in given:
            if name not in self.parameters:
                raise UnknownFault(f"{self.name} has no parameter {name!r}; {near(name, list(self.parameters))}")
        return {name: self._typed(name, given.get(name, p.default)) for name, p in self.parameters.items()}

    def _typed(self, name: str, value: Any) -> Value:
        knob = self.parameters[name]
        kind = type(knob.default)
        try:
            typed: Value = kind(value)
        except (ValueError, TypeError, OverflowError):
            raise UnknownFault(f"{self.name}: {name} must be a {kind.__name__}, not {value!r}") from None
        if knob.most is not None and not knob.least <= float(typed) <= knob.most:
            raise UnknownFault(f"{self.name}: {name} must be from {knob.least:g} to {knob.most:g}, not {value}")
        if knob.choices and typed not in knob.choices:
            raise UnknownFault(f"{self.name}: {name} cannot be {value!r}; {near(str(value), knob.choices)}")
        return typed


def near(name: str, known: Sequence[str]) -> str:
    """A hint for a name that was not found."""
    close = get_close_matches(name, known, n=3, cutoff=0.4)
    return f"do you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known) or 'none'}"
