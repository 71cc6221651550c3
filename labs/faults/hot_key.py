"""Everybody wants the same product: one key of the cache, and so one node of it, gets nearly all the requests."""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient


def apply(shop: Patient, _target: str, given: Mapping[str, Any]) -> None:
    """Send shoppers who ask for it, beside whoever else comes."""
    from labs.load import schedule
    from labs.load.mixes import HOT_KEY

    crowd = schedule.poisson(given["rate"], given["duration_s"], seed=1)
    shop.helpers.send("hot_key", shop.url, crowd, HOT_KEY.format(sku=given["key"], percent=given["share"]))


FAULT = Fault(
    name="hot_key",
    kinds=("gateway",),
    sees="right answers; a stampede to the database each time the hot entry expires, if nothing holds it back",
    teaches="skew: more cache nodes do not help one key; single flight, early refresh",
    parameters={
        "key": Parameter("tea-001", "", "the product that is wanted"),
        "share": Parameter(90.0, "%", "how many of the requests want it", most=100),
        "rate": Parameter(50.0, "requests/s", "how many arrive", most=300, least=1),
        "duration_s": Parameter(30.0, "s", "then they go home", most=600, least=1),
    },
    apply=apply,
    undo=lambda shop, _target: shop.helpers.end("hot_key"),
)
