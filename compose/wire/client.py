"""A client of the wire's API. What the wire says no to is raised with its own words."""

import http.client
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

WITHIN_S = 3.0


class WireFailed(Exception):
    """It did not answer in time, or refused; the message says which."""


class WireGone(WireFailed):
    """Nobody listens there: it has ended, and with it whatever was on its links."""


class Wire:
    """The wire whose API is at `address`, "host:port". Every method raises WireFailed, within `within_s`."""

    def __init__(self, address: str, within_s: float = WITHIN_S) -> None:
        self._address, self._within_s = address, within_s

    def version(self) -> str:
        """Of the API that it speaks."""
        return str(self._ask("GET", "/version")["version"])

    def proxies(self) -> dict[str, dict[str, Any]]:
        """All proxies by name, as the API shows them."""
        found: dict[str, dict[str, Any]] = self._ask("GET", "/proxies")
        return found

    def populate(self, proxies: Iterable[Mapping[str, str]]) -> None:
        """Make those that are missing; what is there already stays as it is, toxics included."""
        self._ask("POST", "/populate", list(proxies))

    def delete(self, proxy: str) -> None:
        """Forget a proxy and end its connections."""
        self._ask("DELETE", f"/proxies/{quote(proxy)}")

    def enable(self, proxy: str, enabled: bool) -> None:
        """Listen, or refuse everybody and end all connections."""
        self._ask("PATCH", f"/proxies/{quote(proxy)}", {"enabled": enabled})

    def add_toxic(self, proxy: str, toxic: Mapping[str, Any]) -> None:
        """Let it work on all connections of a proxy."""
        self._ask("POST", f"/proxies/{quote(proxy)}/toxics", toxic)

    def remove_toxic(self, proxy: str, toxic: str) -> None:
        """Take it away again."""
        self._ask("DELETE", f"/proxies/{quote(proxy)}/toxics/{quote(toxic)}")

    def reset(self) -> None:
        """Every proxy listens, no toxic is left."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=self._within_s)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        except ConnectionRefusedError as error:
            raise WireGone(f"the wire at {self._address} does not run") from error
        except (OSError, http.client.HTTPException) as error:
            raise WireFailed(f"the wire at {self._address} does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise WireFailed(f"the wire refuses {method} {path}: {text.decode(errors='replace').strip()}")
        return json.loads(text) if text else None
