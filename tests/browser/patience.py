"""How a patient shopper uses a shop on a busy machine."""

import re
from contextlib import suppress

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotYet


def settles(page: Page) -> None:
    """After the button was pressed: press on what the page offers while it is not known what became of the order."""
    placed = page.get_by_role("heading", level=1, name="Your order is placed")
    again = page.get_by_role("button", name=re.compile("Find out|Try again"))
    for _ in range(10):
        expect(placed.or_(again)).to_be_visible()
        if placed.is_visible():
            return
        with suppress(NotYet), page.expect_navigation():
            again.click(timeout=2000)
    expect(placed).to_be_visible()
