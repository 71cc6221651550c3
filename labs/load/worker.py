"""The generator's own process: nothing else runs in it, so that its clock is honest.

One JSON object on standard input says what to do; each line of standard output is `{"begun": true}`, then
`{"progress": ...}` once a second, then `{"result": ...}` or `{"error": "why"}`. It ends when nobody reads any more.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

import aiohttp

from labs.load.generator import Generator, fetch_skus, tick
from labs.load.mixes import plan
from labs.load.sample import DROPPED


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one; below some 500 requests a second the ordinary loop is enough."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def generate(job: dict[str, Any]) -> dict[str, Any]:
    """Do one load as `labs.load.process` describes it; the recording as plain data."""
    skus = await fetch_skus(job["url"])
    if not skus:
        raise ValueError("the shop offers no products")
    steps = plan(job["mix"], job["arrivals"], job["duration_s"], job["seed"], skus)
    generator = Generator(job["url"], timeout_s=job["timeout_s"], max_in_flight=job["max_in_flight"])
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, generator.end)
    say("begun", True)
    reporter = asyncio.create_task(tick(generator, say_progress))
    try:
        return asdict(await generator.run(steps, job["duration_s"]))
    finally:
        reporter.cancel()


def say_progress(generator: Generator) -> None:
    samples = generator.recording.samples
    failed = sum(sample.outcome not in ("", "ok", DROPPED) for sample in samples)
    progress = {
        "elapsed_s": round(generator.elapsed_s, 2),
        "offered": len(samples),
        "completed": sum(sample.done_s is not None for sample in samples),
        "failed": failed,
        "dropped": sum(sample.outcome == DROPPED for sample in samples),
        "in_flight": generator.in_flight,
    }
    try:
        say("progress", progress)
    except BrokenPipeError:  # nobody reads any more
        generator.end()
        raise


def say(kind: str, content: object) -> None:
    print(json.dumps({kind: content}), flush=True)


def main() -> int:
    """Ctrl-C is the parent's business: it decides whether to wait for this load or to end it (SIGTERM: early)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # only root may; the instrument must not wait behind what it measures
        os.nice(-10)
    job = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=new_loop) as runner:
        try:
            say("result", runner.run(generate(job)))
        except BrokenPipeError:
            return 1
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
            say("error", f"{job['url']} does not answer as a shop should: {error or type(error).__name__}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
