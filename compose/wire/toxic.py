"""A toxic as the API knows it: an effect with a name, a stream and a toxicity."""

import math
from typing import Any, Literal

from compose.wire.bodies import Warn, read_fields
from compose.wire.errors import BadRequestBody, InvalidStream, InvalidToxicType
from compose.wire.toxics import EFFECTS, Effect

Direction = Literal["upstream", "downstream"]
DIRECTIONS: tuple[Direction, Direction] = ("upstream", "downstream")

NEW = {"name": str, "type": str, "stream": str, "toxicity": float, "attributes": dict}
CHANGE = {"toxicity": float, "attributes": dict}
IGNORED_IN_CHANGE = ("name", "type", "stream")


class Toxic:
    """One of a proxy's toxics. `toxicity`: the share of links it works on, drawn for each; 1 is all, 0 none."""

    def __init__(self, effect: Effect, name: str, stream: str, toxicity: float) -> None:
        self.effect, self.name, self.stream, self.toxicity = effect, name, stream, toxicity

    @property
    def direction(self) -> Direction:
        """`upstream`: what clients send; `downstream`: what they are answered."""
        return "upstream" if self.stream.lower() == "upstream" else "downstream"

    @classmethod
    def of(cls, wish: dict[str, Any], warn: Warn) -> "Toxic":
        """From a request's body. Raises InvalidStream, InvalidToxicType, BadRequestBody."""
        given = read_fields(wish, NEW, warn)
        stream, kind = given.get("stream") or "downstream", given.get("type", "")
        if stream.lower() not in DIRECTIONS:
            raise InvalidStream
        if kind not in EFFECTS:
            raise InvalidToxicType
        effect = EFFECTS[kind]().with_attributes(attributes(EFFECTS[kind], given, warn))
        toxic = cls(effect, given.get("name") or f"{kind}_{stream}", stream, toxicity(given, 1.0))
        toxic._say_doubts(warn)
        return toxic

    def change(self, wish: dict[str, Any], warn: Warn) -> None:
        """Merge attributes and toxicity of a request's body. Raises BadRequestBody, and nothing is changed then."""
        given = read_fields(wish, CHANGE, warn, ignored=IGNORED_IN_CHANGE)
        effect = self.effect.with_attributes(attributes(type(self.effect), given, warn))
        self.effect, self.toxicity = effect, toxicity(given, self.toxicity)
        self._say_doubts(warn)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        whole = math.isfinite(self.toxicity) and self.toxicity == int(self.toxicity)
        return {
            "attributes": self.effect.to_json(),
            "name": self.name,
            "type": self.effect.type(),
            "stream": self.stream,
            "toxicity": int(self.toxicity) if whole else self.toxicity,
        }

    def _say_doubts(self, warn: Warn) -> None:
        if doubts := self.effect.doubts():
            warn(f"toxic {self.name}: {doubts}")
        if not 0 <= self.toxicity <= 1:
            warn(f"toxic {self.name}: toxicity {self.toxicity} is not between 0 and 1")
        if "/" in self.name:
            warn(f"toxic {self.name}: a name with / cannot be addressed")


def attributes(effect: type[Effect], given: dict[str, Any], warn: Warn) -> dict[str, int]:
    """The attributes in a body."""
    known = dict.fromkeys(effect.attributes(), int)
    return read_fields(given.get("attributes", {}), known, warn)


def toxicity(given: dict[str, Any], otherwise: float) -> float:
    """The toxicity in a body, in single precision as in Toxiproxy: nothing larger than 3.4e38."""
    value = float(given.get("toxicity", otherwise))
    if abs(value) > 3.4e38:
        raise BadRequestBody("toxicity is too large")
    return value
