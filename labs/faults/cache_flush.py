"""A cache node forgets everything at once, as after a restart or a careless deployment."""

from labs.faults.fault import Fault, Parameter

FAULT = Fault(
    name="cache_flush",
    kinds=("memcached",),
    sees="right answers, slower, until the cache is warm again; carts live on their second node",
    teaches="a cold cache: load on the database is λ · miss ratio; the stampede on what is hot",
    parameters={
        "delay_s": Parameter(0, "s", "the node waits so long; a heal does not call it back", most=60),
    },
    apply=lambda shop, target, given: shop.caches.command(target, f"flush_all {given['delay_s']}"),
    undo=lambda _shop, _target: None,  # it warms up by itself
)
