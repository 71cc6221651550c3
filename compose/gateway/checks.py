"""Refusing what makes no sense, in words that help."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

Name = TypeVar("Name", bound=str)


class SpecInvalid(ValueError):
    """The description contradicts itself or names what is not there; the message says what would be right."""


def one_of(what: str, value: Any, known: Sequence[Name]) -> Name:
    """The one of `known` that `value` is. Raises SpecInvalid naming the near ones."""
    names: list[str] = [str(each) for each in known]
    for each in known:
        if each == value:
            return each
    near = get_close_matches(str(value), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
    raise SpecInvalid(f"there is no {what} {value!r}; {hint}")


def fits(what: str, value: Any, pattern: re.Pattern[str], example: str) -> None:
    """Raises SpecInvalid unless the whole value has this form."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise SpecInvalid(f"{value!r} is no {what}; it looks like {example}")


def port(address: str) -> None:
    """Raises SpecInvalid unless the address ends with a port that exists."""
    if not 1 <= int(address.rpartition(":")[2]) <= 65535:
        raise SpecInvalid(f"{address}: a port is 1 to 65535")


def no_twins(what: str, names: Sequence[str]) -> None:
    """Raises SpecInvalid when a name appears twice."""
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise SpecInvalid(f"{what}: {', '.join(twins)} appears twice")
