"""Every error becomes a page that says what happened and what to do next. Programs still get problem documents: below
/api/, and wherever they ask for JSON rather than for a page.
"""

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from services.common import web
from services.common.errors import Invalid, NotFound, ShopError, TimedOut, TooOften, Unavailable
from services.common.telemetry import log
from services.storefront.looks import page

TITLES = {
    "catalog": "We cannot reach our shelves",
    "cart": "We cannot reach your basket",
    "orders": "We cannot look into the order book",
}
PROGRAMS = ("application/json", web.PROBLEM_JSON)


def install(app: Flask) -> None:
    """Replace the frame's handlers by pages."""
    app.register_error_handler(ShopError, _known)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _unexpected)


def _known(error: ShopError) -> Response:
    if _asked_by_program():
        return web.problem(error)
    if isinstance(error, NotFound) or (isinstance(error, Invalid) and request.method == "GET"):
        return page("apology.html", 404, title="We do not have that", words="not-found")
    if error.extra.get("by") == "shedding":
        return _crowded(int(error.extra.get("retry_after_s", 2)))
    if isinstance(error, TooOften):
        return _too_often(int(error.extra.get("retry_after_s", 1)))
    if isinstance(error, Unavailable | TimedOut):
        return _out_of_reach(str(error.extra.get("part", "")))
    return page("apology.html", error.status, title="That did not work", words="refused", detail=error.detail)


def _refused(error: HTTPException) -> Response:
    if _asked_by_program():
        return web.refusal(error)
    if error.code == 404:
        return page("apology.html", 404, title="We do not have that", words="not-found")
    detail = error.description or error.name
    return page("apology.html", error.code or 500, title="That did not work", words="refused", detail=detail)


def _unexpected(error: Exception) -> Response:
    log().error("unexpected", path=request.path, exc_info=error)
    if _asked_by_program():
        return web.problem(ShopError("something went wrong on our side; the log has the request's id"))
    return page("apology.html", 500, title="That is our fault", words="unexpected")


def _asked_by_program() -> bool:
    if f"{request.path}/".startswith(("/api/", "/internal/")):
        return True
    return request.accept_mimetypes.best_match(("text/html", *PROGRAMS)) in PROGRAMS


def _crowded(wait_s: int) -> Response:
    """503: this replica, or one it asked, has too much to do."""
    return _come_again(503, wait_s, title="The shop is full right now", words="crowded")


def _too_often(wait_s: int) -> Response:
    """429: more was asked of a part of the shop than it answers, by this visitor or by all together."""
    return _come_again(429, wait_s, title="One moment, please", words="too-often")


def _come_again(status: int, wait_s: int, **words: str) -> Response:
    """A page that was only to be read asks again by itself; not where htmx puts it, which leaves its head out."""
    by_itself = request.method == "GET" and "HX-Request" not in request.headers
    answer = page("apology.html", status, again_s=wait_s if by_itself else None, **words)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _out_of_reach(part: str) -> Response:
    """503 whichever way it failed: a page that was only to be read may always be asked for again."""
    title = TITLES.get(part, "Something is out of reach")
    answer = page("apology.html", 503, title=title, words=part if part in TITLES else "part", out_of_reach=True)
    answer.headers["Retry-After"] = "2"
    return answer
