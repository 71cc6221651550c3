"""As much HTTP/1.1 as an API of small JSON documents needs: no framework, so that the wire stays light.

A request must come within 60 s, its body within 15 s and be at most 10 MB. A connection serves one after the other.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from socket import socket
from urllib.parse import unquote

IDLE_S, READ_S, HANDLE_S, WRITE_S = 60.0, 15.0, 25.0, 30.0
LARGEST_BYTES = 10_000_000

log = logging.getLogger("wire")


@dataclass
class Request:
    """`path` without query, decoded; header names in lower case. `warn` adds a Warning header to the answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Tell the caller, and whoever reads the log."""
        log.warning("%s %s: %s", self.method, self.path, text)
        self.warnings.append(text)

    @property
    def last(self) -> bool:
        """Does the caller want the connection to end after this one?"""
        return self.headers.get("connection", "").lower() == "close"


@dataclass
class Response:
    """What is answered; a Content-Length is added."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """As bytes; 204 has neither a body nor a length."""
        headers = dict(self.headers) | ({} if self.status == 204 else {"Content-Length": str(len(self.body))})
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + self.body


Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(Exception):
    """Not HTTP that we understand; the status says what is wrong."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


async def serve(handler: Handler, listener: socket) -> asyncio.Server:
    """Answer requests on a listening socket."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(handler, reader, writer):
                pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the caller has gone, or does not get to the point
        except asyncio.CancelledError:
            pass  # the wire is being closed
        finally:
            writer.close()

    return await asyncio.start_server(talk, sock=listener)


async def _exchange(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer; may there be another?"""
    try:
        request = await _read(reader, writer)
    except BadRequest as error:
        writer.write(Response(error.status, headers={"Connection": "close"}).encode())
        return False
    try:
        async with asyncio.timeout(HANDLE_S):
            response = await handler(request)
    except TimeoutError:
        response = Response(503)
    if request.warnings:
        response.headers["Warning"] = ", ".join('199 wire "' + _quotable(text) + '"' for text in request.warnings)
    if request.last:
        response.headers["Connection"] = "close"
    writer.write(response.encode())
    async with asyncio.timeout(WRITE_S):
        await writer.drain()
    return not request.last


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    async with asyncio.timeout(IDLE_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(400)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if words[2] == "HTTP/1.0":
        headers["connection"] = "close"
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async with asyncio.timeout(READ_S):
        body = await _body(reader, headers)
    return Request(words[0], unquote(words[1].partition("?")[0]), headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    return await reader.readexactly(_size(headers.get("content-length", "0"), 10))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := _size((await reader.readuntil(b"\r\n")).decode("latin-1").partition(";")[0].strip(), 16):
        body += await reader.readexactly(size)
        _size(str(len(body)), 10)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return body


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise BadRequest(400) from None
    if not 0 <= size <= LARGEST_BYTES:
        raise BadRequest(413 if size > 0 else 400)
    return size


def _quotable(text: str) -> str:
    return "".join(letter if letter.isprintable() and letter not in '"\\' else "'" for letter in text)
