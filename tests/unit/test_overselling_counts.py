"""The lab counts, from outside, what inventory counts."""

from typing import Any, cast

from prometheus_client import generate_latest

from labs.control.instruments import parse
from labs.flash_sale.overselling import gave_up
from services.common.db import LOCKED_OUT


class Inventory:
    """A shop whose inventory is this process."""

    def metrics(self, _service: str) -> dict[str, float]:
        return parse(generate_latest().decode())


def test_whoever_was_locked_out_is_counted_as_having_given_up() -> None:
    shop = cast(Any, Inventory())
    before = gave_up(shop)
    LOCKED_OUT.inc(3)
    assert gave_up(shop) == before + 3
