"""The catalogue's run-time switches."""

from services.common.flags import Flag
from services.common.placement import PLACEMENTS
from services.common.shedding import shedding_flag

FLAGS = (
    Flag(
        name="catalog.placement",
        default="rendezvous",
        choices=tuple(PLACEMENTS),
        help="how cached things are spread over the cache nodes",
    ),
    Flag(
        name="catalog.cache_wait_ms", default=200.0, unit="ms", help="how long the answer of a cache node is waited for"
    ),
    Flag(name="catalog.cache_out_s", default=3.0, unit="s", help="how long a cache node that failed is left alone"),
    Flag(name="catalog.ttl_s", default=60.0, unit="s", help="how long a product and its picture are cached at most"),
    Flag(name="catalog.single_flight", default=True, help="of all who miss the same thing at once, one loads it"),
    Flag(name="catalog.ttl_jitter", default=True, help="what was loaded together does not expire together"),
    Flag(name="catalog.early_refresh", default=True, help="what is wanted is loaded anew shortly before it expires"),
    Flag(name="catalog.origin_ms", default=0.0, unit="ms", help="how much longer each read of the database takes"),
    Flag(
        name="catalog.rate_limit",
        default=100,
        unit="searches/s",
        help="how many searches may go to the database, whoever searches, and as many shelves and further pages; "
        "what is cached does not count, and 0 is any number",
    ),
    shedding_flag("catalog"),
)
