"""The recommendations' route."""

from collections.abc import Mapping

from flask import Response
from flask_openapi import OpenAPI

from services.common.shedding import Tier
from services.common.web import Check, create_web, json_answer, problems
from services.recommendations.best_sellers import BestSellers
from services.recommendations.models import Recommendations, Wish


def create_app(best: BestSellers, ready: Mapping[str, Check]) -> OpenAPI:
    """Build the recommendations from their parts; `__main__` makes the real ones, tests pass fakes."""
    app = create_web("recommendations", ready, Tier.EXTRAS)

    @app.get("/api/recommendations/best-sellers", responses={200: Recommendations, **problems(422, 503)})
    def best_sellers(query: Wish) -> Response:
        """What others bought most."""
        return json_answer(Recommendations(items=best.top(query.limit)))

    return app
