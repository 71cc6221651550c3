"""Toxiproxy's HTTP API: routes, statuses and headers. What they do is in the engine."""

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from compose.wire.bodies import first_object, objects
from compose.wire.engine import Engine
from compose.wire.errors import Refusal
from compose.wire.http import Request, Response
from compose.wire.toxic import DIRECTIONS

VERSION = "2.12.0"
"""Of the API that is spoken here."""
JSON, TEXT = "application/json", "text/plain; charset=utf-8"
NOT_FOUND = b"404 page not found\n"
NO_BROWSERS = b"User agent not allowed\n"

Route = Callable[..., Awaitable[Response]]


class Api:
    """The handler of the wire's HTTP server."""

    def __init__(self, engine: Engine, metrics: bool = False) -> None:
        self._engine = engine
        proxy, toxic = r"/proxies/([^/]+)", r"/proxies/([^/]+)/toxics/([^/]+)"
        self._routes: list[tuple[str, dict[str, Route]]] = [
            (r"/version", {"GET": self.version}),
            (r"/reset", {"POST": self.reset}),
            (r"/populate", {"POST": self.populate}),
            (r"/proxies", {"GET": self.proxies, "POST": self.create}),
            (proxy, {"GET": self.show, "POST": self.update, "PATCH": self.update, "DELETE": self.delete}),
            (rf"{proxy}/toxics", {"GET": self.toxics, "POST": self.add_toxic}),
            (
                toxic,
                {
                    "GET": self.show_toxic,
                    "POST": self.update_toxic,
                    "PATCH": self.update_toxic,
                    "DELETE": self.remove_toxic,
                },
            ),
        ]
        if metrics:
            self._routes.append((r"/metrics", {"GET": self.metrics}))

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Only matched routes carry an id and keep browsers out, as in Toxiproxy."""
        for path, methods in self._routes:
            if found := re.fullmatch(path, request.path):
                if request.method not in methods:
                    return Response(405)
                response = await self._answer(methods[request.method], request, found.groups())
                response.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
                return response
        return _text(404, NOT_FOUND)

    async def _answer(self, route: Route, request: Request, names: tuple[str, ...]) -> Response:
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return _text(403, NO_BROWSERS)
        try:
            return await route(request, *names)
        except Refusal as error:
            return _text(error.status, json.dumps(error.to_json()).encode() + b"\n")

    async def version(self, request: Request) -> Response:
        body = json.dumps({"version": VERSION}).encode() + b"\n"
        return Response(200, body, {"Content-Type": "application/json;charset=utf-8"})

    async def reset(self, request: Request) -> Response:
        await self._engine.reset()
        return _nothing()

    async def populate(self, request: Request) -> Response:
        """The one route whose errors are JSON, and tell what was done before them."""
        try:
            done, error = await self._engine.populate(objects(request.body), request.warn)
        except Refusal as refused:
            done, error = [], refused
        document: dict[str, Any] = error.to_json() if error else {}
        document["proxies"] = [proxy.to_json() for proxy in done] or None
        return _json(error.status if error else 201, document)

    async def proxies(self, request: Request) -> Response:
        return _json(200, {name: proxy.to_json() for name, proxy in sorted(self._engine.proxies.items())})

    async def create(self, request: Request) -> Response:
        return _json(201, (await self._engine.create(first_object(request.body), request.warn)).to_json())

    async def show(self, request: Request, name: str) -> Response:
        return _json(200, self._engine.proxy(name).to_json())

    async def update(self, request: Request, name: str) -> Response:
        self._engine.proxy(name)
        return _json(200, (await self._engine.update(name, first_object(request.body), request.warn)).to_json())

    async def delete(self, request: Request, name: str) -> Response:
        await self._engine.delete(name)
        return _nothing()

    async def toxics(self, request: Request, name: str) -> Response:
        return _json(200, [toxic.to_json() for toxic in self._engine.proxy(name).toxics])

    async def add_toxic(self, request: Request, name: str) -> Response:
        self._engine.proxy(name)
        return _json(200, self._engine.add_toxic(name, first_object(request.body), request.warn).to_json())

    async def show_toxic(self, request: Request, name: str, toxic: str) -> Response:
        return _json(200, self._engine.proxy(name).toxic(toxic).to_json())

    async def update_toxic(self, request: Request, name: str, toxic: str) -> Response:
        self._engine.proxy(name).toxic(toxic)
        return _json(200, self._engine.update_toxic(name, toxic, first_object(request.body), request.warn).to_json())

    async def remove_toxic(self, request: Request, name: str, toxic: str) -> Response:
        self._engine.remove_toxic(name, toxic)
        return _nothing()

    async def metrics(self, request: Request) -> Response:
        lines = ["# TYPE toxiproxy_proxy_received_bytes_total counter"]
        for proxy in self._engine.proxies.values():
            received = proxy.received()
            for way in DIRECTIONS:
                labels = {"direction": way, "proxy": proxy.name, "listener": proxy.listen, "upstream": proxy.upstream}
                text = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
                lines.append(f"toxiproxy_proxy_received_bytes_total{{{text}}} {received[way]}")
        return Response(200, "\n".join([*lines, ""]).encode(), {"Content-Type": "text/plain; version=0.0.4"})


def _json(status: int, document: Any) -> Response:
    return Response(status, json.dumps(document, separators=(",", ":")).encode(), {"Content-Type": JSON})


def _text(status: int, body: bytes) -> Response:
    return Response(status, body, {"Content-Type": TEXT, "X-Content-Type-Options": "nosniff"})


def _nothing() -> Response:
    return Response(204)
