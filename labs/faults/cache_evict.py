"""Most of a cache node's memory is taken by what nobody asks for: what is asked for is thrown out sooner.

The node is started anew for it, and once more to end it: only an empty one can be filled so. (`slabs automove 2` could
take memory from one that is in use, but Memcached 1.6.38 dies of it.)
"""

from collections.abc import Mapping
from typing import Any

from compose.runtime.verbs import RuntimeFailed
from labs.faults.fault import Fault, Parameter
from labs.faults.patient import Patient


def apply(shop: Patient, target: str, given: Mapping[str, Any]) -> None:
    """Empty it, then take its memory."""
    start_anew(shop, target)
    try:
        shop.caches.take_memory(target, given["memory_mb"])
    except RuntimeFailed:
        start_anew(shop, target)
        raise


def start_anew(shop: Patient, target: str) -> None:
    """Empty, with all of its memory."""
    shop.stop(target, 1.0)
    shop.start(target)


FAULT = Fault(
    name="cache_evict",
    kinds=("memcached",),
    sees="right answers, more often slow: what was cached is gone when it is wanted again",
    teaches="working set against capacity: evictions, and a hit ratio that falls without any error",
    parameters={
        "memory_mb": Parameter(8, "MB", "what is left to the node, and full; it takes no less than 8", most=16, least=8)
    },
    apply=apply,
    undo=start_anew,
)
