"""Everybody wants the same product: one key of the cache, and so one node of it, gets nearly all the requests."""

from collections.abc import Mapping
from typing import Any

from labs.faults.fault import Fault, Parameter, UnknownFault
from labs.faults.patient import Patient


def apply(shop: Patient, _target: str, given: Mapping[str, Any]) -> None:
    """Send shoppers who ask for it, beside whoever else comes. Raises UnknownFault for what can be no product."""
    from labs.load import schedule
    from labs.load.mixes import HOT_KEY

    crowd = schedule.poisson(given["rate"], given["duration_s"], seed=1)
    try:
        shop.helpers.send("hot_key", shop.url, crowd, HOT_KEY.format(sku=given["key"], percent=given["share"]))
    except ValueError as error:
        raise UnknownFault(f"hot_key: there is no product {given['key']!r}; one is called by its sku") from error


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
