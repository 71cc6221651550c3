"""Composition root of the recommendations: settings → peers → app → server."""

from dataclasses import dataclass

from flask import Flask

from services.common import shedding
from services.common.flags import follow
from services.common.http import Peers
from services.common.memcached import MemcachedSettings, make_nodes
from services.common.protection import following
from services.common.replica import Service
from services.common.settings import PeerSettings, WebSettings, env
from services.common.worker import Background
from services.recommendations.app import create_app
from services.recommendations.best_sellers import BestSellers
from services.recommendations.flags import FLAGS


@dataclass(frozen=True, kw_only=True)
class RecommendationSettings(WebSettings, PeerSettings, MemcachedSettings):
    """The recommendations' knobs."""

    best_sellers_every_s: float = env("how often orders and the catalogue are asked at most", default=5.0, unit="s")
    best_sellers_wait_s: float = env("how long a caller waits while nothing is known yet", default=0.5, unit="s")
    optional_s: float = env("bound on looking up one product, which may be left out", default=0.15, unit="s")


def build(settings: RecommendationSettings, background: Background) -> Flask:
    """Make the parts and put them together."""
    flags = follow(background, FLAGS, make_nodes(settings))
    peers = Peers(settings, following(flags, "recommendations"))
    best = BestSellers(peers, settings.best_sellers_every_s, settings.best_sellers_wait_s, settings.optional_s)
    app = create_app(best, {"best sellers": lambda: best.top(1)})
    shedding.obey(app, flags, "recommendations")
    return app


service = Service("recommendations", RecommendationSettings, build)
prepare, main = service.prepare, service.main

if __name__ == "__main__":
    main()
