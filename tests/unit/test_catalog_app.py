"""The catalogue over HTTP, with a table in memory."""

import json

import pytest

from services.catalog.app import create_app
from services.catalog.browsing import Browsing, words_of
from services.catalog.products import PAGE_SIZE, Row, Shelf, containing
from services.common.cache import Cache
from services.common.errors import NotFound, TimedOut, TooOften
from tests.unit.cache_fakes import FakeNode

LIST = "/api/catalog/products"


class FakeProducts:
    """As `Products`: sixty teas; `failure` is raised instead of any answer."""

    def __init__(self) -> None:
        self.rows = [Row(f"tea-{i:03}", f"Tea <{i}>", "Good & hot", "tea", 100 + i) for i in range(1, 61)]
        self.failure: Exception | None = None
        self.asked: list[object] = []

    def _answer(self, question: object) -> None:
        self.asked.append(question)
        if self.failure:
            raise self.failure

    def get(self, sku: str) -> Row:
        self._answer(sku)
        for row in self.rows:
            if row.sku == sku:
                return row
        raise NotFound(f"there is no product {sku}")

    def find(self, words, category, page):
        self._answer((words, category, page))
        found = [row for row in self.rows if all(word in row.name.lower() for word in words)]
        return found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], len(found)

    def shelves(self):
        self._answer("shelves")
        return [Shelf("tea", len(self.rows))]


@pytest.fixture
def products() -> FakeProducts:
    return FakeProducts()


@pytest.fixture
def client(products):
    browsing = Browsing(products, Cache("catalog", [FakeNode()]), product_ttl_s=lambda: 60, list_ttl_s=20)
    return create_app(browsing, {"database": lambda: None}).test_client()


def test_a_product_has_all_that_its_page_shows(client):
    assert client.get(f"{LIST}/tea-001").json == {
        "sku": "tea-001",
        "name": "Tea <1>",
        "description": "Good & hot",
        "price_cents": 101,
        "category": "tea",
        "image": "/api/catalog/pictures/tea-001.svg",
    }


def test_a_product_is_answered_from_the_cache_when_the_database_is_gone(client, products):
    first = client.get(f"{LIST}/tea-001")
    products.failure = TimedOut("no database")
    assert client.get(f"{LIST}/tea-001").data == first.data
    assert client.get(f"{LIST}/tea-002").status_code == 504


def test_a_product_that_does_not_exist_is_looked_up_once(client, products):
    for _ in range(3):
        answer = client.get(f"{LIST}/tea-999")
        assert (answer.status_code, answer.json["type"]) == (404, "urn:shoplab:not-found")
    assert products.asked == ["tea-999"]


def test_a_list_has_24_a_page_and_says_how_many_there_are(client):
    pages = [client.get(f"{LIST}?page={page}").json for page in (1, 2, 3, 4)]
    assert [len(page["items"]) for page in pages] == [24, 24, 12, 0]
    assert {(page["pages"], page["total"]) for page in pages} == {(3, 60)}


def test_equal_searches_are_asked_once(client, products):
    for q in ("tea 7", "  TEA   7 ", "7 tea"):
        assert client.get(LIST, query_string={"q": q}).json["items"][0]["sku"] == "tea-007"
    assert len(products.asked) == 1


def test_beyond_the_limit_only_what_is_cached_and_the_first_page_of_all_are_answered(products):
    def admit(who):
        if products.asked:
            raise TooOften("slow down", retry_after_s=1)

    browsing = Browsing(products, Cache("catalog", [FakeNode()]), lambda: 60, 20, admit)
    client = create_app(browsing, {}).test_client()
    assert [client.get(f"{LIST}?q={q}").status_code for q in ("tea", "cup", "tea")] == [200, 429, 200]
    assert client.get(f"{LIST}?q=cup").headers["Retry-After"] == "1"
    assert [client.get(f"{LIST}?{query}").status_code for query in ("", "category=cup", "page=2")] == [200, 429, 429]


def test_a_form_that_nobody_filled_in_lists_everything(client, products):
    assert client.get(f"{LIST}?q=&category=&page=").json["page"] == 1


def test_searches_that_differ_only_in_where_a_word_stands_are_not_mixed_up(client, products):
    client.get(LIST, query_string={"q": "b", "category": "a"})
    client.get(LIST, query_string={"q": "", "category": "a b"})
    assert len(products.asked) == 2


@pytest.mark.parametrize(
    "q", ["\0", "%", "_", "\\", "🍵" * 80, "'; drop table products --", "\u202e", " " * 80, "\x7f\x1b["]
)
def test_whatever_is_typed_into_the_search_is_answered(client, q):
    assert client.get(LIST, query_string={"q": q}).status_code == 200


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=1.5", "page=x", f"page={10**40}", "q=" + "a" * 81])
def test_what_no_search_can_be_is_refused(client, query):
    answer = client.get(f"{LIST}?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


@pytest.mark.parametrize("sku", ["TEA", "%00", "%FF%FE", "a" * 41, "-tea", "tea%0a"])
def test_what_cannot_be_a_sku_is_refused(client, sku):
    assert client.get(f"{LIST}/{sku}").status_code == 422


def test_the_shelves_are_listed(client):
    assert client.get("/api/catalog/categories").json == {"items": [{"category": "tea", "products": 60}]}


def test_a_picture_may_be_kept_and_asked_for_again(client):
    first = client.get("/api/catalog/pictures/tea-001.svg")
    assert first.mimetype == "image/svg+xml" and "max-age=" in first.headers["Cache-Control"]
    again = client.get("/api/catalog/pictures/tea-001.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_there_is_no_picture_of_what_does_not_exist(client):
    assert client.get("/api/catalog/pictures/tea-999.svg").status_code == 404


def test_the_document_names_every_status_a_route_answers(client):
    document = client.get("/api/catalog/openapi.json").json
    assert set(document["paths"][f"{LIST}/{{sku}}"]["get"]["responses"]) == {"200", "404", "422", "503", "504"}
    assert json.dumps(document).count("problem+json") >= 10


def test_wildcards_in_a_search_mean_themselves():
    assert containing("50%_\\") == r"%50\%\_\\%"


def test_at_most_eight_words_are_searched_for():
    assert len(words_of(" ".join("abcdefghijkl"))) == 8
