"""A cache node answers late: everybody who asks it first waits, and then perhaps asks the database all the same."""

from labs.faults.latency import PARAMETERS
from labs.faults.network import toxic
from labs.faults.targets import CACHE_LINK

FAULT = toxic(
    "cache_slow",
    "latency",
    kinds=(CACHE_LINK,),
    sees="the same answers, late",
    teaches="a slow cache is worse than none: bound the wait, and leave a slow node alone",
    parameters=PARAMETERS,
)
