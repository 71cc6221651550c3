"""The waiting room's routes: the page for people, the same as JSON for programs."""

from typing import Literal, Protocol

from flask import Response, request
from flask_openapi import OpenAPI
from pydantic import BaseModel, Field

from services.common import origin
from services.common.errors import Forbidden
from services.common.fields import Sku
from services.common.web import create_web, json_answer, problems
from services.waiting_room import page
from services.waiting_room.line import Standing

KEPT_S = 24 * 3600
"""How long a browser keeps its ticket."""


class Line(Protocol):
    """The line; see `line.Line`."""

    def join(self, sku: str, ticket: str) -> tuple[Standing, bool]: ...
    def look(self, sku: str, ticket: str) -> Standing: ...


class SkuPath(BaseModel):
    sku: Sku


class TicketHeader(BaseModel):
    x_ticket: str = Field(default="", alias="X-Ticket", max_length=300, description="or in the cookie `ticket`")


class PlaceAnswer(BaseModel):
    """`ahead` people are before you. In about `wait_s` seconds it is your turn; null: nobody is let in at the moment.
    Ask again after `ask_again_s`. `left`: pieces, null when not known. Show the `admission` as X-Admission when you
    order.
    """

    sku: str
    name: str
    state: Literal["waiting", "admitted", "sold_out"]
    number: int
    ahead: int
    wait_s: float | None
    ask_again_s: float
    left: int | None
    ticket: str
    admission: str


def create_app(line: Line, hold_s: float) -> OpenAPI:
    """Build the app. It is always ready: who stands in line is answered also while the database is away. An admission
    is good for `hold_s` seconds.
    """
    app = create_web("waiting-room", {})
    page.install(app)

    @app.before_request
    def refuse_foreign_hands() -> None:
        """Nobody's place is given away, and no number taken, by another site's page."""
        if origin.foreign() and not origin.visit():
            raise Forbidden("this was sent from another site")

    @app.post("/api/waiting-room/<sku>", responses={200: PlaceAnswer, 201: PlaceAnswer, **problems(403, 404, 503, 504)})
    def join(path: SkuPath, header: TicketHeader) -> Response:
        standing, new = line.join(path.sku, _ticket(header))
        return _kept(_shown(standing, 201 if new else 200), standing)

    @app.get("/api/waiting-room/<sku>", responses={200: PlaceAnswer, **problems(403, 404, 503, 504)})
    def look(path: SkuPath, header: TicketHeader) -> Response:
        standing = line.look(path.sku, _ticket(header))
        return _kept(_shown(standing), standing)

    @app.route("/sale/<sku>")
    def room(sku: str) -> Response:
        if request.method == "HEAD":
            return page.there(line, sku)
        standing = page.standing(line, sku, request.cookies.get("ticket", ""))
        return _kept(page.shown(standing), standing)

    def _kept(answer: Response, standing: Standing) -> Response:
        """A browser keeps its papers for its user; scripts cannot read them, other sites cannot make it send them."""
        answer.set_cookie("ticket", standing.ticket, max_age=KEPT_S, httponly=True, samesite="Lax")
        if standing.admission:
            answer.set_cookie("admission", standing.admission, max_age=int(hold_s), httponly=True, samesite="Lax")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return app


def _ticket(header: TicketHeader) -> str:
    return header.x_ticket or request.cookies.get("ticket", "")


def _shown(standing: Standing, status: int = 200) -> Response:
    return json_answer(PlaceAnswer(**vars(standing)), status)
