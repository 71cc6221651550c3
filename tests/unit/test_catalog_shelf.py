"""The products we invented, and their pictures."""

import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import services.catalog
from services.catalog.figures import FIGURES
from services.catalog.pictures import draw

PRODUCTS = json.loads((Path(services.catalog.__file__).parent / "products.json").read_text())


def test_there_are_some_two_hundred_products_and_the_first_is_tea_001():
    assert len(PRODUCTS) == 200 and PRODUCTS[0]["sku"] == "tea-001"


def test_every_product_is_complete_and_unlike_the_others():
    for product in PRODUCTS:
        assert list(product) == ["sku", "name", "description", "category", "price_cents", "stock"]
        assert re.fullmatch("[a-z0-9][a-z0-9-]{0,39}", product["sku"]) and len(product["name"]) <= 80
        assert product["price_cents"] > 0 and product["stock"] > 0
    assert max(Counter(p[key] for key in ("sku", "name") for p in PRODUCTS).values()) == 1


def test_every_category_has_a_figure_of_its_own():
    assert {product["category"] for product in PRODUCTS} == set(FIGURES)


def test_the_first_page_shows_every_category():
    assert {product["category"] for product in PRODUCTS[:24]} == set(FIGURES)


def test_every_picture_is_small_well_formed_and_titled_with_the_name():
    for product in PRODUCTS:
        drawn = draw(product["sku"], product["category"], product["name"])
        assert len(drawn.encode()) < 3000
        assert ElementTree.fromstring(drawn).find("{*}title").text == product["name"]


def test_a_picture_is_the_same_on_every_machine_and_differs_between_products():
    assert draw("tea-001", "tea", "T") == draw("tea-001", "tea", "T")
    teas = {draw(product["sku"], "tea", "T") for product in PRODUCTS if product["category"] == "tea"}
    assert len(teas) >= 15


def test_a_name_cannot_break_its_picture():
    drawn = draw("x", "no such category", "<script>&\"'")
    assert ElementTree.fromstring(drawn).find("{*}title").text == "<script>&\"'"
