"""The storefront's settings."""

from dataclasses import dataclass

from services.common.memcached import MemcachedSettings
from services.common.settings import PeerSettings, WebSettings, env


@dataclass(frozen=True, kw_only=True)
class StorefrontSettings(WebSettings, PeerSettings, MemcachedSettings):
    """How long a page waits for what it cannot do without is `peer_total_s`; the rest is here."""

    peer_at_once: int = env("calls to one peer that a replica makes at once; a page asks several", default=12)
    checkouts_at_once: int = env("the same for placing orders, which may be slow: others need threads", default=5)
    lane_at_once: int = env("the same for the lane of a sale's item", default=2)
    optional_s: float = env("bound on each part a page can do without", default=0.15, unit="s")
    order_s: float = env("bound on placing an order, retries included; below the gateway's 4 s", default=3.8, unit="s")
