"""Most of a cache node's memory is taken by what nobody asks for: what is asked for is thrown out sooner."""

from labs.faults.fault import Fault, Parameter

FAULT = Fault(
    name="cache_evict",
    kinds=("memcached",),
    sees="right answers, more often slow: what was cached is gone when it is wanted again",
    teaches="working set against capacity: evictions, and a hit ratio that falls without any error",
    parameters={
        "memory_mb": Parameter(8, "MB", "what is left to the node, and full; it takes no less than 8", most=16, least=8)
    },
    apply=lambda shop, target, given: shop.caches.take_memory(target, given["memory_mb"]),
    undo=lambda shop, target: shop.caches.give_memory_back(target),
)
