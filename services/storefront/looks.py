"""How things look: prices, pictures, names of categories, addresses of static files, and the templates themselves."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, render_template, request

from services.common.telemetry import identity, request_id
from services.storefront.switches import Switches

YEAR_S = 365 * 24 * 3600
CATEGORIES = {
    "tea": "Tea",
    "coffee": "Coffee",
    "cups": "Cups",
    "pots": "Pots",
    "books": "Books",
    "chocolate": "Chocolate",
    "honey": "Honey",
    "biscuits": "Biscuits",
    "candles": "Candles",
    "spices": "Spices",
}
# The colours of a card are those of the catalogue's picture of the same product (a test compares them).
HUES = (8, 24, 38, 52, 88, 140, 168, 192, 212, 236, 262, 320, 344)
BEHIND = (30, 160, 200, 330)


def install(app: Flask, switches: Callable[[], Switches]) -> None:
    """Give the templates their words; let browsers keep static files for good, as their addresses carry a version."""
    versions = {path.name: _version(path) for path in Path(app.static_folder or "").iterdir()}

    def static(name: str) -> str:
        return f"/static/{name}?v={versions[name]}"

    @app.after_request
    def keep_static(answer: Response) -> Response:
        if request.endpoint == "static":
            current = request.args.get("v", "none") == versions.get(request.path.rpartition("/")[2])
            answer.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable" if current else "no-cache"
        return answer

    app.jinja_env.filters.update(price=price, moment=moment)
    app.jinja_env.globals.update(
        static=static, drawing=drawing, colours=colours, categories=CATEGORIES, identity=identity
    )
    app.jinja_env.globals.update(request_id=request_id.get, pieces_in_basket=pieces_in_basket, switches=switches)


def load_templates(app: Flask) -> None:
    """Compile every template now: a typing error shows at the start, and no shopper waits for the compiler."""
    app.jinja_env.auto_reload = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    folder = Path(app.root_path, "templates")
    for path in folder.rglob("*.html"):
        app.jinja_env.get_template(str(path.relative_to(folder)))


def page(template: str, status: int = 200, **words: Any) -> Response:
    """A page from a template."""
    return Response(render_template(template, **words), status=status, mimetype="text/html")


def price(cents: int) -> str:
    """`1250` as `€12.50`."""
    return f"€{cents // 100}.{cents % 100:02d}"


def moment(iso: str) -> str:
    """`2026-11-27T10:00:03.2Z` as `27 November 2026, 10:00:03 UTC`; what cannot be read stays as it is."""
    try:
        return datetime.fromisoformat(iso).astimezone(UTC).strftime("%-d %B %Y, %H:%M:%S UTC")
    except ValueError:
        return iso


def drawing(category: str) -> str:
    """The figure in static/pictures.svg that stands for a product of this kind."""
    return category if category in CATEGORIES else "other"


def colours(sku: str) -> str:
    """The classes of the style sheet that give a product its hue, and the hue behind it."""
    digest = hashlib.sha256(sku.encode()).digest()
    return f"h{HUES[digest[0] % len(HUES)]} b{BEHIND[digest[1] % len(BEHIND)]}"


def pieces_in_basket() -> int | None:
    """What the link to the basket shows; None when it is not known."""
    asked = g.get("pieces")
    return asked() if asked else None


def _version(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
