"""What the gateway itself answers when no replica does: the words of its problem documents.

Browsers get the pages in nginx/pages/ instead, callers of /api/ and /internal/ get these. Each says what the caller may
do next: after 503 and 429 nothing has happened, after 502 and 504 it may have.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One problem document (RFC 9457); `extra` are further members; `retry_after_s` also becomes a header.

    `code`: what nginx calls the case inside, where that differs from the status it answers.
    """

    status: int
    kind: str
    title: str
    detail: str
    retry_after_s: int | None = None
    extra: tuple[tuple[str, Any], ...] = ()
    code: int | None = None

    def document(self, instance: str) -> str:
        """The JSON body. `instance` is put in as it is, so it may be an nginx variable."""
        body = {"type": f"urn:shoplab:{self.kind}", "title": self.title, "status": self.status, "detail": self.detail}
        return json.dumps({**body, "instance": instance, **dict(self.extra)}, separators=(",", ":"))


ANSWERS: Sequence[Answer] = (
    Answer(400, "bad-request", "Bad request", "this is no HTTP request that the gateway understands"),
    Answer(404, "not-found", "Not found", "no service answers under this path"),
    Answer(405, "method-not-allowed", "Method not allowed", "the gateway passes no request with this method on"),
    Answer(413, "too-large", "Too large", "the gateway takes bodies of at most 64 kB"),
    Answer(414, "uri-too-long", "URI too long", "the gateway takes a request line of at most 8 kB"),
    Answer(
        429, "too-many-requests", "Too many requests", "the request was not processed: slow down, then try again", 1
    ),
    Answer(431, "headers-too-large", "Headers too large", "the gateway takes a header of at most 8 kB", code=494),
    Answer(500, "unexpected", "Unexpected", "the gateway itself failed; its log has the request's id"),
    Answer(501, "not-implemented", "Not implemented", "the gateway knows no such transfer encoding"),
    Answer(502, "bad-gateway", "No replica answered", "the connection was refused or broke: it may have happened"),
    Answer(503, "unavailable", "Unavailable", "no replica is in service: it did not happen", 2, (("unsent", True),)),
    Answer(
        504, "timed-out", "Timed out", "no replica answered in time: it may have happened, look before you repeat it"
    ),
    Answer(505, "version-not-supported", "Version not supported", "the gateway speaks HTTP/1.0 and HTTP/1.1"),
)
PAGES = (429, 502, 503, 504)
