"""`python3 -m compose.wire --config FILE`: a fault proxy for TCP that speaks Toxiproxy's HTTP API. Ctrl-C ends it.

FILE is a JSON array of proxies: [{"name": "cache", "listen": "127.0.0.1:23501", "upstream": "127.0.0.1:11211"}].
"""

import argparse
import asyncio
import logging
import resource
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

from compose.wire import addresses, http
from compose.wire.api import Api
from compose.wire.bodies import objects
from compose.wire.engine import Engine
from compose.wire.errors import Refusal

HOST, PORT = "127.0.0.1", 8474
"""Where Toxiproxy's clients look for it."""


class CannotStart(Exception):
    """The address or the configuration cannot be used; the message says which and why."""


async def run(host: str, port: int, config: Path | str | None, seed: int | None = None, metrics: bool = False) -> None:
    """Make the proxies, then answer until SIGINT or SIGTERM. Raises CannotStart."""
    engine = Engine(seed, loopback_only=addresses.is_loopback(host))
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        listener = await addresses.listening(addresses.join(host, port))
        print(f"wire: API at http://{addresses.name_of(listener)}", flush=True)
        await configure(engine, config)
        server = await http.serve(Api(engine, metrics), listener)
        await stopped.wait()
        server.close()
    except Refusal as error:
        raise CannotStart(f"{error}; is another program there? Choose another address") from error
    finally:
        await engine.close()


async def configure(engine: Engine, config: Path | str | None) -> None:
    """Make the proxies of a file, or of a text, and say where each listens. Raises CannotStart."""
    if config is None:
        return
    try:
        text = config.encode() if isinstance(config, str) else config.read_bytes()
        proxies, failed = await engine.populate(objects(text), logging.getLogger("wire").warning)
    except (OSError, Refusal) as error:
        raise CannotStart(f"{config}: {error}") from error
    for proxy in proxies:
        state = "" if proxy.enabled else " (disabled)"
        print(f"wire: {proxy.name} at {proxy.listen}, to {proxy.upstream}{state}", flush=True)
    if failed:
        raise CannotStart(f"{config}: {failed}; is another program there?")


def in_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run in uvloop, which halves the wire's cost, or in Python's own loop where there is none."""
    try:
        import uvloop
    except ModuleNotFoundError:
        asyncio.run(work)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)


def serve(host: str, port: int, config: Path | str | None, seed: int | None = None, metrics: bool = False) -> int:
    """Run the wire; its exit status. One line on standard error says why it could not."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection takes two
    logging.basicConfig(level=logging.WARNING, format="wire: %(levelname)s: %(message)s")
    try:
        in_loop(run(host, port, config, seed, metrics))
    except CannotStart as error:
        print(f"wire: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> NoReturn:
    """The command line."""
    parser = argparse.ArgumentParser(prog="wire", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--host", default=HOST, help="where the API listens (default %(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="its port (default %(default)s); 0 finds one")
    parser.add_argument("--config", type=Path, help="a JSON array of proxies")
    parser.add_argument("--seed", type=int, help="makes the draws of toxicity repeatable")
    parser.add_argument("--proxy-metrics", action="store_true", help="serve /metrics")
    given = parser.parse_args()
    sys.exit(serve(given.host, given.port, given.config, given.seed, given.proxy_metrics))


if __name__ == "__main__":
    main()
