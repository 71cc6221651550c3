"""The page people wait on: one small document that needs nothing else, so it comes however busy the rest is. It loads
itself again when there is news to expect; no script.
"""

import hashlib
import math
import re
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.common import web
from services.common.errors import Forbidden, NotFound, ShopError
from services.common.fields import SKU
from services.waiting_room.line import Standing

STYLE = re.search(
    "<style>(.*?)</style>", Path(__file__).with_name("templates").joinpath("frame.html").read_text(), re.S
)
POLICY = ("default-src 'none'", "img-src data:", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
AGAIN_S = 2
UNHURRIED_S = 10
"""How long a page stands still at least while its reader's turn is further away than that: who reads aloud, or has
enlarged a part of it, begins anew each time.
"""
ADMITTED_AGAIN_S = 60
SOLD_OUT_AGAIN_S = 30


class Line(Protocol):
    """What the page needs; see `line.Line`."""

    def join(self, sku: str, ticket: str) -> tuple[Standing, bool]: ...
    def look(self, sku: str, ticket: str) -> Standing: ...


def install(app: Flask) -> None:
    """Compile the templates before anybody comes; say to browsers that a page needs nothing from elsewhere."""
    app.jinja_env.auto_reload = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["about"] = about
    for name in ("room.html", "sorry.html"):
        app.jinja_env.get_template(name)
    assert STYLE
    digest = b64encode(hashlib.sha256(STYLE[1].encode()).digest()).decode()
    policy = "; ".join([*POLICY, f"style-src 'sha256-{digest}'"])

    @app.after_request
    def protect(answer: Response) -> Response:
        if answer.mimetype == "text/html":
            answer.headers["Content-Security-Policy"] = policy
        return answer

    @app.errorhandler(ShopError)
    def explain(error: ShopError) -> AnyResponse:
        if not request.path.startswith("/sale/"):
            return web.problem(error)
        sku = request.path.rpartition("/")[2]
        if isinstance(error, NotFound):
            return redirect(f"/products/{sku}" if re.fullmatch(SKU, sku) else "/", 303)
        return sorry(error.status)


def standing(line: Line, sku: str, ticket: str) -> Standing:
    """Where the visitor stands. A forged ticket is worth as much as none."""
    try:
        return line.join(sku, ticket)[0]
    except Forbidden:
        return line.join(sku, "")[0]


def shown(standing: Standing) -> Response:
    """The page of somebody in line."""
    far = standing.wait_s is None or standing.wait_s > UNHURRIED_S
    waiting_s = max(math.ceil(standing.ask_again_s), UNHURRIED_S if far else 1)
    again_s = {"waiting": waiting_s, "admitted": ADMITTED_AGAIN_S, "sold_out": SOLD_OUT_AGAIN_S}
    return Response(render_template("room.html", you=standing, again_s=again_s[standing.state]), mimetype="text/html")


def there(line: Line, sku: str) -> Response:
    """What who only asks for the page's headers is told (a monitor, a checker of links): they take no number."""
    with suppress(Forbidden):  # a line there is, and they do not stand in it
        line.look(sku, "")
    return Response(mimetype="text/html", headers={"Cache-Control": "no-store"})


def sorry(status: int) -> Response:
    """No number can be given at the moment; the page asks again by itself."""
    answer = Response(render_template("sorry.html", again_s=AGAIN_S), status=status, mimetype="text/html")
    answer.headers["Retry-After"] = str(AGAIN_S)
    return answer


def about(seconds: float) -> str:
    """A time as honest as it is known: `a few seconds`, `about 40 seconds`, `about 3 minutes`."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 90:
        return f"about {10 * round(seconds / 10)} seconds"
    return f"about {round(seconds / 60)} minutes"
