"""All proxies by name, and what the API may ask of them: one change at a time, as it needs waiting."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from compose.wire import addresses
from compose.wire.bodies import Warn, read_fields
from compose.wire.errors import CannotListen, MissingField, ProxyExists, ProxyNotFound, Refusal
from compose.wire.proxy import Proxy
from compose.wire.toxic import Toxic

Wish = dict[str, Any]
"""A request's body."""
FIELDS = {"name": str, "listen": str, "upstream": str, "enabled": bool}


class Engine:
    """`seed` makes the draws of toxicity repeatable. `loopback_only`: an address without a host means this machine."""

    def __init__(self, seed: int | None = None, loopback_only: bool = True) -> None:
        self.proxies: dict[str, Proxy] = {}
        self._dice = random.Random(seed)
        self._loopback_only = loopback_only
        self._change = asyncio.Lock()

    def proxy(self, name: str) -> Proxy:
        """Raises ProxyNotFound."""
        if name not in self.proxies:
            raise ProxyNotFound
        return self.proxies[name]

    async def create(self, wish: Wish, warn: Warn) -> Proxy:
        """A new proxy, started unless told otherwise. Raises MissingField, ProxyExists, CannotListen."""
        given = self._complete(wish, warn)
        async with self._change:
            if given["name"] in self.proxies:
                raise ProxyExists
            return await self._put(given)

    async def populate(self, wishes: Sequence[Wish], warn: Warn) -> tuple[list[Proxy], Refusal | None]:
        """Create or replace; those that have the same addresses stay as they are, toxics and `enabled` included.

        Stops at the first that cannot start: those before it stay and are returned with the error. Raises
        MissingField and BadRequestBody before anything is done.
        """
        given = [self._complete(wish, warn, f" at proxy {number}") for number, wish in enumerate(wishes, 1)]
        done: list[Proxy] = []
        async with self._change:
            for each in given:
                try:
                    done.append(await self._replace(each))
                except CannotListen as error:
                    return done, error
        return done, None

    async def update(self, name: str, wish: Wish, warn: Warn) -> Proxy:
        """Change addresses or `enabled`. Raises ProxyNotFound, CannotListen.

        After CannotListen the proxy is disabled and has the new address.
        """
        given = read_fields(wish, FIELDS, warn, ignored=("toxics", "logger"))
        async with self._change:
            proxy = self.proxy(name)
            enabled = given.get("enabled", proxy.enabled)
            listen = self._reachable(given["listen"], warn) if "listen" in given else proxy.listen
            upstream = given.get("upstream", proxy.upstream)
            if await proxy.differs(listen, upstream):
                await proxy.move(listen, upstream)
            await (proxy.start() if enabled else proxy.stop())
            return proxy

    async def delete(self, name: str) -> None:
        """Stop it and forget it. Raises ProxyNotFound."""
        async with self._change:
            proxy = self.proxy(name)
            del self.proxies[name]
            await proxy.stop()

    async def reset(self) -> None:
        """Every proxy listens again and has no toxics. Raises CannotListen."""
        async with self._change:
            for proxy in self.proxies.values():
                await proxy.start()
                for toxic in proxy.toxics:
                    proxy.remove(toxic)

    async def close(self) -> None:
        """Stop all."""
        async with self._change:
            for proxy in self.proxies.values():
                await proxy.stop()

    def add_toxic(self, name: str, wish: Wish, warn: Warn) -> Toxic:
        """Raises ProxyNotFound, InvalidStream, InvalidToxicType, BadRequestBody, ToxicExists."""
        proxy = self.proxy(name)
        toxic = Toxic.of(wish, warn)
        proxy.add(toxic)
        return toxic

    def update_toxic(self, name: str, toxic_name: str, wish: Wish, warn: Warn) -> Toxic:
        """Raises ProxyNotFound, ToxicNotFound, BadRequestBody."""
        proxy = self.proxy(name)
        toxic = proxy.toxic(toxic_name)
        toxic.change(wish, warn)
        proxy.update(toxic)
        return toxic

    def remove_toxic(self, name: str, toxic_name: str) -> None:
        """Raises ProxyNotFound, ToxicNotFound."""
        proxy = self.proxy(name)
        proxy.remove(proxy.toxic(toxic_name))

    async def _replace(self, given: Wish) -> Proxy:
        old = self.proxies.get(given["name"])
        if old and not await old.differs(given["listen"], given["upstream"]):
            return old
        if old:
            await old.stop()
        return await self._put(given)

    async def _put(self, given: Wish) -> Proxy:
        proxy = Proxy(given["name"], given["listen"], given["upstream"], self._dice)
        if given["enabled"]:
            await proxy.start()
        self.proxies[proxy.name] = proxy
        return proxy

    def _complete(self, wish: Wish, warn: Warn, where: str = "") -> Wish:
        given = read_fields(wish, FIELDS, warn, ignored=("toxics", "logger"))
        for name in ("name", "upstream"):
            if not given.get(name):
                raise MissingField(name + where)
        if "/" in given["name"]:
            warn(f"proxy {given['name']}: a name with / cannot be addressed")
        listen = self._reachable(given.get("listen", ""), warn)
        return {**given, "listen": listen, "enabled": given.get("enabled", True)}

    def _reachable(self, listen: str, warn: Warn) -> str:
        """Where to listen: all interfaces for an address without a host, unless the wire itself is on loopback."""
        listen = listen or ":0"
        if listen.startswith(":") and self._loopback_only:
            warn(f"listening on 127.0.0.1{listen}, not on all interfaces: say 0.0.0.0{listen} if you mean that")
            return addresses.join("127.0.0.1", int(listen[1:])) if listen[1:].isdigit() else listen
        return listen
