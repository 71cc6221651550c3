"""The lane of a sale's item: replicas, connections and a queue of its own, so that a rush on it holds up nobody else.

    buyers of the hot item ─► orders ─(307)─► orders-lane ─► few threads: few calls to inventory and payments
                                                   └─► order.placed.lane ─► the queue and the packer of the lane
    all others ─────────────► orders ───────► order.placed ──────────────► fulfilment

Who buys by way of the storefront's pages is led there at once, or sent on by orders while the storefront has not heard
of the lane. While the lane rests the gateway gives its path to orders, so it never leads nowhere. A lane that is open
and whose replicas are dead is another matter: only its own buyers hear of that, the crowd is not let loose on orders.
"""

from collections.abc import Callable, Collection

from services.common.flags import Flag, Flags

SERVICE = "orders-lane"
PATH = f"/api/{SERVICE}"
HOT_ITEM = Flag(
    name="orders.hot_item", default="", help="the sku whose buyers take the lane; it is open while there is one"
)

Leads = Callable[[Collection[str]], bool]
"""Whether a checkout of these items takes the lane."""


def nowhere(_skus: Collection[str]) -> bool:
    """There is no lane."""
    return False


def following(flags: Flags) -> Leads:
    """As the flag says at the moment."""
    return lambda skus: flags[HOT_ITEM.name] in skus
