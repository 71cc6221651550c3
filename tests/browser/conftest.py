"""The distribution's Chromium in front of the session's shop.

Per module, not per session: while it runs, Playwright's synchronous interface keeps an event loop in this thread, which
other tests' `asyncio.run` would trip over.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)  # the contexts' timeout is not that of `expect`
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. Skips without one, but never in CI."""
    if not CHROMIUM.exists():
        said = "the browser tests need Debian's Chromium: apt-get install chromium"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*sandbox, "--disable-dev-shm-usage"])
        yield browser
        browser.close()


NO_ANSWER = ("Failed to load resource", "Failed to fetch")
"""How browser and htmx say that a server refused or was not there, which is what many tests are about."""


@pytest.fixture
def visit(chromium: Browser, shop: Any) -> Iterator[Visit]:
    """Make a visitor, `visit(java_script_enabled=False)`; at the end no page may have complained in its console."""
    complaints: list[str] = []
    contexts = []

    def arrive(width: int = 1280, height: int = 800, **options: Any) -> Page:
        viewport = {"width": width, "height": height}
        context = chromium.new_context(base_url=shop.url, viewport=viewport, reduced_motion="reduce", **options)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield arrive
    for context in contexts:
        context.close()
    assert [said for said in complaints if not any(words in said for words in NO_ANSWER)] == []
