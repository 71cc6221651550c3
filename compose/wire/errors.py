"""Everything the API refuses, with the HTTP status of each; words and numbers are Toxiproxy's.

Refusal
├── 400 BadRequestBody, MissingField, InvalidStream, InvalidToxicType
├── 404 ProxyNotFound, ToxicNotFound
├── 409 ProxyExists, ToxicExists
└── 500 CannotListen
"""


class Refusal(Exception):
    """An answer other than the one hoped for; the detail says which field, which proxy, which address."""

    status = 500
    words = "refused"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.words}: {detail}" if detail else self.words)

    def to_json(self) -> dict[str, str | int]:
        """Toxiproxy's shape of an error."""
        return {"error": str(self), "status": self.status}


# ruff: noqa: E701
# fmt: off
class BadRequestBody(Refusal):   status, words = 400, "bad request body"
class MissingField(Refusal):     status, words = 400, "missing required field"
class InvalidStream(Refusal):    status, words = 400, "stream was invalid, can be either upstream or downstream"
class InvalidToxicType(Refusal): status, words = 400, "invalid toxic type"
class ProxyNotFound(Refusal):    status, words = 404, "proxy not found"
class ToxicNotFound(Refusal):    status, words = 404, "toxic not found"
class ProxyExists(Refusal):      status, words = 409, "proxy already exists"
class ToxicExists(Refusal):      status, words = 409, "toxic already exists"
class CannotListen(Refusal):     status, words = 500, "listen tcp"
# fmt: on
