"""Cards and the catalogue's pictures show the same things: the two services share no code, so a test compares them."""

import json
import re
from pathlib import Path

import pytest

from services.catalog import pictures
from services.storefront import looks

STOREFRONT = Path(looks.__file__).parent
PRODUCTS = json.loads(Path(pictures.__file__).with_name("products.json").read_text())


def test_every_category_of_the_catalogue_has_its_link_and_its_drawing():
    sprite = (STOREFRONT / "static/pictures.svg").read_text()
    categories = {product["category"] for product in PRODUCTS}
    assert categories == set(looks.CATEGORIES)
    assert all(f'<symbol id="{looks.drawing(category)}"' in sprite for category in categories)


def test_what_has_no_drawing_comes_in_a_parcel():
    assert looks.drawing("umbrellas") == "other"


def test_a_card_has_the_colours_of_the_catalogues_picture():
    for product in PRODUCTS[:20]:
        hue, behind = re.findall(r"\d+", looks.colours(product["sku"]))
        picture = pictures.draw(product["sku"], product["category"], product["name"])
        assert f"hsl({(int(hue) + int(behind)) % 360} 48% 88%)" in picture


def test_the_style_sheet_knows_every_colour():
    css = (STOREFRONT / "static/shop.css").read_text()
    assert all(f".h{hue} {{" in css for hue in looks.HUES)
    assert all(f".b{turn} {{" in css for turn in looks.BEHIND)


@pytest.mark.parametrize(("cents", "text"), [(0, "€0.00"), (5, "€0.05"), (1250, "€12.50")])
def test_prices_are_exact(cents, text):
    assert looks.price(cents) == text


def test_a_time_that_cannot_be_read_is_shown_as_it_is():
    assert looks.moment("yesterday") == "yesterday"


def test_htmx_comes_with_its_licence():
    assert "Zero-Clause BSD" in (STOREFRONT / "static/htmx.LICENSE.txt").read_text()
