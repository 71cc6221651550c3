"""A cache node cannot be reached; it keeps what it has, and is stale when it is back."""

from labs.faults.network import cut
from labs.faults.targets import CACHE_LINK

FAULT = cut(
    "cache_down",
    kinds=(CACHE_LINK,),
    sees="the same answers; what this node held comes from the database",
    teaches="fall-through: load on the database is λ · miss ratio; a node that is back holds old answers",
)
