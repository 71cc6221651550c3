"""How a patient shopper uses a shop on a busy machine."""

import re

from playwright.sync_api import Page, expect


def settles(page: Page) -> None:
    """After the button was pressed: press on what the page offers while it is not known what became of the order."""
    placed = page.get_by_role("heading", level=1, name="Your order is placed")
    again = page.get_by_role("button", name=re.compile("Find out|Try again"))
    for _ in range(10):
        expect(placed.or_(again)).to_be_visible()
        if placed.is_visible():
            return
        page.wait_for_timeout(1000)
        again.click()
        page.wait_for_timeout(500)
    expect(placed).to_be_visible()
