"""The waiting room as a browser and as a program meet it."""

import re

import pytest
from flask.testing import FlaskClient

from services.waiting_room.app import create_app
from services.waiting_room.page import about
from tests.unit.test_waiting_room_line import Room


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def browser(room: Room) -> FlaskClient:
    return create_app(room.line, hold_s=120).test_client()


def heading(page: str) -> str:
    found = re.search("<h1>(.*?)</h1>", page)
    assert found
    return found[1]


def told(page: str) -> list[str]:
    """Number, people before, when."""
    return re.findall("<dd>(.*?)</dd>", page)


def test_the_page_gives_a_number_keeps_it_and_moves(room: Room, browser: FlaskClient) -> None:
    room.come(20)
    pages = [browser.get("/sale/pot-020").text]
    room.now += 5
    pages.append(browser.get("/sale/pot-020").text)
    assert [told(page) for page in pages] == [["21", "20", "in about 10 seconds"], ["21", "10", "in a few seconds"]]


def test_whose_turn_it_is_gets_a_button_and_an_admission_that_scripts_cannot_read(
    room: Room, browser: FlaskClient
) -> None:
    room.now += 1
    answer = browser.get("/sale/pot-020")
    assert heading(answer.text) == "It is your turn"
    assert '<form action="/cart/items/pot-020" method="post">' in answer.text
    [cookie] = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("admission=")]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Max-Age=120" in cookie


def test_it_says_honestly_that_it_will_hardly_do_and_that_it_is_over(room: Room, browser: FlaskClient) -> None:
    room.come(20)
    room.stock.pieces = 7
    assert "7 pieces are left for 20 people before you" in browser.get("/sale/pot-020").text
    room.stock.all_paid = True
    assert heading(browser.get("/sale/pot-020").text) == "Sold out"


def test_a_forged_cookie_is_worth_as_much_as_none(room: Room, browser: FlaskClient) -> None:
    room.come(3)
    browser.set_cookie("ticket", "ticket.pot-020~100.1.00.0.ffff")
    assert told(browser.get("/sale/pot-020").text)[0] == "4"


def test_the_page_is_small_asks_again_by_itself_and_needs_nothing_else(browser: FlaskClient) -> None:
    answer = browser.get("/sale/pot-020")
    assert len(answer.data) < 10_000
    assert '<meta http-equiv="refresh"' in answer.text
    assert not re.findall("<script|<img|<link rel=.stylesheet", answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_who_cannot_get_a_number_is_asked_to_wait_by_a_page_that_comes_back(room: Room, browser: FlaskClient) -> None:
    room.sales.away = True
    answer = browser.get("/sale/pot-020")
    assert (answer.status_code, answer.headers["Retry-After"], heading(answer.text)) == (503, "2", "One moment")


ELSEWHERE = [
    ("POST", "/api/waiting-room/pot-020", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}),
    ("POST", "/api/waiting-room/pot-020", {"Origin": "http://elsewhere.example"}),
    ("GET", "/sale/pot-020", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}),
    ("GET", "/sale/pot-020", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), ELSEWHERE)
def test_a_page_of_another_site_takes_no_number_and_nobodys_place(
    room: Room, browser: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    [ticket] = room.come()
    browser.set_cookie("ticket", ticket)
    answer = browser.open(path, method=method, headers=headers)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert room.sales.on().taken == 1


def test_a_link_from_another_site_leads_into_the_room(browser: FlaskClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert heading(browser.get("/sale/pot-020", headers=link).text) == "You are in line"


def test_a_page_stands_still_while_its_readers_turn_is_far_away(room: Room, browser: FlaskClient) -> None:
    def again_s() -> int:
        found = re.search('http-equiv="refresh" content="([0-9]+)"', browser.get("/sale/pot-020").text)
        assert found
        return int(found[1])

    room.come(60)
    far = again_s()
    room.now += 25
    assert (far, again_s()) == (10, 2)


@pytest.mark.parametrize("path", ["/sale/%0A", "/sale/%0d", "/sale/%22%3e"])
def test_what_no_item_can_be_called_leads_to_the_shelves(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).location == "/"


def test_without_a_sale_the_page_leads_to_the_product_and_the_document_says_so(browser: FlaskClient) -> None:
    assert browser.get("/sale/tea-001").location == "/products/tea-001"
    assert browser.get("/sale/..%2f").location != "/products/..%2f"
    assert browser.post("/api/waiting-room/tea-001").status_code == 404


def test_who_only_asks_whether_the_page_is_there_takes_no_number(room: Room, browser: FlaskClient) -> None:
    room.now += 60
    answer = browser.head("/sale/pot-020")
    assert (answer.status_code, answer.mimetype, "Set-Cookie" in answer.headers) == (200, "text/html", False)
    assert browser.head("/sale/tea-001").location == "/products/tea-001"
    assert room.sales.on().taken == 0


def test_programs_take_a_ticket_and_show_it(room: Room) -> None:
    program = create_app(room.line, hold_s=120).test_client(use_cookies=False)
    room.come(9)
    taken = program.post("/api/waiting-room/pot-020")
    shown = program.get("/api/waiting-room/pot-020", headers={"X-Ticket": taken.json["ticket"]})
    again = program.post("/api/waiting-room/pot-020", headers={"X-Ticket": taken.json["ticket"]})
    assert [taken.status_code, shown.status_code, again.status_code] == [201, 200, 200]
    assert [each.json["number"] for each in (taken, shown, again)] == [10, 10, 10]
    assert program.get("/api/waiting-room/pot-020").json["detail"].startswith("take a ticket first")
    assert program.post("/api/waiting-room/pot-020", headers={"X-Ticket": "forged"}).status_code == 403


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "a few seconds"), (31, "about 30 seconds"), (89, "about 90 seconds"), (121, "about 2 minutes")],
)
def test_an_estimate_is_as_exact_as_it_is_known(seconds: float, words: str) -> None:
    assert about(seconds) == words
