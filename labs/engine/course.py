"""How a run went, so far: filled in by `runner` from the first probe to the last."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Course:
    """`reasons` make the run unknown, `damage` is what the rollback left, `broke` is why the harness broke, if so.

    `measured`: the method went to its end and was taken back, so that there is something to judge.
    """

    before: list[dict[str, Any]] = field(default_factory=list)
    after: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    rollback: list[dict[str, object]] = field(default_factory=list)
    interrupted: bool = False
    measured: bool = False
    broke: str = ""
    seconds: float = 0.0

    @property
    def left(self) -> str:
        return "; ".join(self.damage) or "nothing is left behind"

    @contextmanager
    def interruptible(self, when: str) -> Iterator[None]:
        """Ctrl-C in this block ends the block and makes the run unknown."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True
            self.reasons.append(f"interrupted {when}")

    @contextmanager
    def breaking(self) -> Iterator[None]:
        """What is raised in this block breaks the harness, not the shop: it is kept for the journal."""
        try:
            yield
        except Exception as error:
            self.broke = self.broke or f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
