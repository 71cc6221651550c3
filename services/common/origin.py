"""Whether a request was sent by a page of another site, as its browser says.

A cookie that is SameSite=Lax stays at home then, but the answer may set a new one. Programs without either header
(curl) pass: they carry no one's cookie.
"""

from contextlib import suppress
from urllib.parse import urlsplit

from flask import request

from services.common.web import READS


def foreign() -> bool:
    """Whether the present request comes from elsewhere; a link from there counts as well."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site:
        return site not in ("same-origin", "none")
    with suppress(ValueError):  # no address at all
        return origin is not None and urlsplit(origin).netloc != request.host
    return True


def visit() -> bool:
    """Whether a browser goes to a page, as by a link, and not a frame or a picture in one. Who cannot say so may."""
    return request.method in READS and request.headers.get("Sec-Fetch-Dest", "document") == "document"
