"""Who may post, and what a browser may load: the two questions about security that a page has to answer.

Cross-site request forgery: the cart's cookie is SameSite=Lax, and a POST that a browser says comes from another site is
refused.
"""

import re
import secrets

from flask import Flask, Response, abort, g, request

from services.common import origin
from services.common.fields import CART_ID
from services.common.web import READS

PLAUSIBLE_ADMISSION = re.compile(r"[ -~]{1,300}")
CART_KEPT_S = 7 * 24 * 3600  # as long as the cart service keeps one
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def install(app: Flask) -> None:
    """Refuse foreign posts; put the security headers on every page."""

    @app.before_request
    def refuse_foreign_posts() -> None:
        if request.method not in READS and origin.foreign():
            abort(403, "this form was sent from another site")

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        if answer.mimetype == "text/html" and not request.path.startswith("/api/"):
            answer.headers["Content-Security-Policy"] = POLICY
            answer.headers["Cache-Control"] = "private, no-cache"
        if "written_cart" in g:
            answer.set_cookie("cart", g.written_cart, max_age=CART_KEPT_S, httponly=True, samesite="Lax")
        return answer


def cart_of_visitor() -> str:
    """The visitor's cart, empty when there is none yet. A malformed cookie counts as none."""
    given = request.cookies.get("cart", "")
    return given if CART_ID.fullmatch(given) else ""


def admission_of_visitor() -> str:
    """What the waiting room gave the visitor. A cookie that it cannot have made counts as none."""
    given = request.cookies.get("admission", "")
    return given if PLAUSIBLE_ADMISSION.fullmatch(given) else ""


def cart_for_writing() -> str:
    """The visitor's cart, made when there is none yet. Its cookie goes along with the answer and lasts as long anew."""
    g.written_cart = cart_of_visitor() or secrets.token_hex(16)
    return str(g.written_cart)
