"""Scaling in containers, with an engine that is pretended: more replicas come all or not at all."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from compose import topology
from compose.runtime.container_finder import Finder
from compose.runtime.container_launcher import ContainerLauncher
from compose.runtime.container_probe import Probe
from compose.runtime.container_scaling import Scaling
from compose.runtime.verbs import RuntimeFailed
from tests.unit.container_fakes import CART, FakeEngine

CARTS = [CART, dataclasses.replace(CART, id="c2", number=2)]
SHOP = topology.load().without_wire()


class ScalingEngine(FakeEngine):
    """Has two carts. Its Compose starts no cart beyond the `most`."""

    def __init__(self, most: int = 9) -> None:
        super().__init__(*CARTS)
        self.most = most

    def compose(self, *arguments: str, within_s: float) -> str:
        wanted = int(arguments[-2].removeprefix("cart="))
        numbers = range(1, min(wanted, self.most) + 1)
        self.found = [dataclasses.replace(CART, id=f"c{number}", number=number) for number in numbers]
        if wanted > self.most:
            raise RuntimeFailed("Compose ran out of tea")
        return ""

    def docker(self, *arguments: str, **rest: Any) -> bytes:
        if arguments[0] == "rm":
            self.found = [container for container in self.found if container.id not in arguments]
        return super().docker(*arguments, **rest)


class PretendedLauncher(ContainerLauncher):
    """Whoever is not `late` is ready at once."""

    late: Sequence[str] = ()

    def wait_ready(self, components: Sequence[str]) -> None:
        if late := [name for name in components if name in self.late]:
            raise RuntimeFailed(f"not ready: {late}")


class Carts:
    """What is scaled, and what is left."""

    def __init__(self, engine: ScalingEngine, late: Sequence[str] = ()) -> None:
        self.engine, self.finder = engine, Finder(SHOP, engine)
        self.launcher = PretendedLauncher(SHOP, engine, self.finder, Probe(SHOP, {}))
        self.launcher.late = late
        self.scaling = Scaling(engine, self.finder, self.launcher)

    def scale(self, replicas: int) -> None:
        self.scaling.scale(SHOP["cart"], replicas)

    def left(self) -> tuple[list[str], list[str]]:
        """The components the shop counts, and the containers that are there."""
        return self.finder.components(SHOP["cart"], self.finder.found()), [c.id for c in self.engine.found]


def test_new_replicas_that_are_never_ready_are_all_taken_away_again() -> None:
    carts = Carts(ScalingEngine(), late=["cart-4"])
    with pytest.raises(RuntimeFailed, match="not ready"):
        carts.scale(4)
    assert carts.left() == (["cart-1", "cart-2"], ["c1", "c2"])


def test_what_compose_had_begun_when_it_failed_is_taken_away_again() -> None:
    carts = Carts(ScalingEngine(most=3))
    with pytest.raises(RuntimeFailed, match="out of tea"):
        carts.scale(4)
    assert carts.left() == (["cart-1", "cart-2"], ["c1", "c2"])


def test_a_failure_takes_back_to_the_number_asked_for_last() -> None:
    carts = Carts(ScalingEngine(), late=["cart-4"])
    carts.scale(3)
    with pytest.raises(RuntimeFailed):
        carts.scale(5)
    assert carts.left() == (["cart-1", "cart-2", "cart-3"], ["c1", "c2", "c3"])


def test_after_a_failure_it_can_be_scaled_again() -> None:
    carts = Carts(ScalingEngine(), late=["cart-4"])
    with pytest.raises(RuntimeFailed):
        carts.scale(4)
    carts.launcher.late = ()
    carts.scale(4)
    assert carts.left() == (["cart-1", "cart-2", "cart-3", "cart-4"], ["c1", "c2", "c3", "c4"])


def test_whoever_is_too_many_does_not_come_back_when_one_that_stays_is_not_ready() -> None:
    carts = Carts(ScalingEngine(), late=["cart-1"])
    with pytest.raises(RuntimeFailed):
        carts.scale(1)
    assert carts.left() == (["cart-1"], ["c1"])
