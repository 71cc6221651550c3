"""A container engine that is pretended."""

from typing import Any

from compose.runtime.container_engine import Container, Engine

CART = Container(
    id="c1", service="cart", number=1, state="running", health="healthy", exit_code=0, pid=1,
    started_at="2026-11-27T12:00:00Z", ip="172.18.0.2", published={},
)  # fmt: skip


class FakeEngine(Engine):
    """Has these containers, and notes what it is asked to do, and for how long."""

    def __init__(self, *found: Container) -> None:
        self.found, self.asked = list(found), list[tuple[tuple[str, ...], float | None]]()

    def containers(self, tries: int = 1) -> list[Container]:
        return list(self.found)

    def docker(self, *arguments: str, within_s: float | None = None, **_: Any) -> bytes:
        self.asked.append((arguments, within_s))
        return b""
