"""The order path on real tables."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from services.common.papers import Paper, Papers
from services.inventory.shelf import Line
from services.orders.attempts import Attempt, PricedLine
from services.orders.door import NotAdmitted
from tests.integration.order_shop import OrderShop, opened
from tests.integration.private_stores import ShopDatabase

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def shop(shop_database: ShopDatabase) -> Iterator[OrderShop]:
    with opened(shop_database) as shop:
        yield shop


@pytest.fixture
def item(shop_database: ShopDatabase) -> Callable[[int], str]:
    """Makes an item with so many pieces."""

    def make(pieces: int) -> str:
        sku = f"thing-{uuid.uuid4().hex[:12]}"
        with shop_database.admin() as connection:
            query = "insert into inventory.stock (sku, stock, available) values (%s, %s, %s)"
            connection.execute(query, (sku, pieces, pieces))
        return sku

    return make


@pytest.fixture(autouse=True)
def a_provider_in_good_order(shop: OrderShop) -> Iterator[None]:
    """The next test pays as ever, whatever becomes of this one."""
    yield
    shop.payments.test_client().put("/internal/payments/provider", json={})


def new_key() -> str:
    return f"key {uuid.uuid4().hex}".replace(" ", "!")


def test_an_order_is_answered_as_the_contract_says(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku = item(5)
    answer = shop.order(new_key(), sku, 2)
    assert answer.status_code == 201
    assert answer.json["status"] == "confirmed" and answer.json["total_cents"] == 1000
    assert answer.json["items"] == [{"sku": sku, "name": "Thing", "quantity": 2, "price_cents": 500}]
    shown = shop.app.test_client().get(answer.headers["Location"])
    assert shown.json == answer.json


def test_every_refusal_has_its_status(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku, key = item(5), new_key()
    assert shop.order(key, sku, 2).status_code == 201
    assert shop.order(key, sku, 2).status_code == 200
    assert shop.order(key, sku, 3).status_code == 422
    assert shop.order(new_key(), sku, 6).status_code == 409
    assert shop.order(new_key(), sku, 1, "tok_declined").status_code == 402
    assert shop.order(new_key(), sku, 1, "4111111111111111").status_code == 422
    assert shop.order("", sku).status_code == shop.order("ü" * 3, sku).status_code == 422
    assert shop.app.test_client().get("/api/orders/none").status_code == 404
    assert shop.stock.level(sku).left == 3


def test_a_backlog_is_what_waits_and_what_left_while_the_oldest_waited(
    shop: OrderShop, item: Callable[[int], str]
) -> None:
    sku = item(5)
    shop.order(new_key(), sku)
    second = shop.order(new_key(), sku).json["order_id"]
    before = shop.orders.backlog()
    shop.orders.ship(second)
    after = shop.orders.backlog()
    assert (after.waiting, after.shipped) == (before.waiting - 1, before.shipped + 1)
    assert after.busy_s > 0


def test_a_full_warehouse_refuses_before_anything_is_written_and_says_when_to_come_again(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    sku, early, late = item(5), new_key(), new_key()
    shop.order(early, sku)
    shop.policy, shop.limit_s = "refuse", 0.0
    refused, again = shop.order(late, sku), shop.order(early, sku)
    shop.policy = "off"
    assert (refused.status_code, refused.get_json(force=True)["type"]) == (503, "urn:shoplab:warehouse-full")
    assert int(refused.headers["Retry-After"]) >= 1 and again.status_code == 200
    with shop_database.admin() as connection:
        assert connection.execute("select from orders.attempts where key = %s", (late,)).rowcount == 0


def test_a_promise_is_in_the_answer_and_stays(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku = item(5)
    assert shop.order(new_key(), sku).json["promised_for"] is None
    shop.policy, shop.limit_s = "promise_later", 0.0
    answer = shop.order(new_key(), sku).json
    shop.policy = "off"
    assert answer["promised_for"] > answer["placed_at"]
    assert shop.app.test_client().get(f"/api/orders/{answer['order_id']}").json == answer


def test_no_token_is_stored_or_told(shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase) -> None:
    answer = shop.order(new_key(), item(5), 1, "tok_secret")
    assert b"tok_secret" not in answer.data
    shop.order(new_key(), item(5))
    with shop_database.admin() as connection:
        rows = connection.execute("select attempts::text from orders.attempts").fetchall()
    assert not any("tok_" in str(row) for row in rows)


def test_ten_clicks_at_once_make_one_order(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku, key = item(5), new_key()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shop.order(key, sku), range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json["order_id"] for answer in answers}) == 1
    assert shop.stock.level(sku).sold == 1


def test_forty_buyers_of_ten_pieces_make_ten_paid_orders(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    sku = item(10)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: shop.order(new_key(), sku), range(40)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 30
    with shop_database.admin() as connection:
        unpaid = connection.execute(
            "select count(*) from orders.orders o join payments.charges c on c.key = o.charge_key "
            "where c.state <> 'charged' or c.amount_cents <> o.total_cents"
        ).fetchone()
    assert unpaid == (0,)
    assert (shop.stock.level(sku).sold, shop.stock.level(sku).reserved) == (10, 0)


def test_an_outage_of_the_provider_is_a_503_and_the_same_key_works_afterwards(
    shop: OrderShop, item: Callable[[int], str]
) -> None:
    sku, key, payments = item(5), new_key(), shop.payments.test_client()
    assert payments.put("/internal/payments/provider", json={"error_rate": 1.0}).status_code == 200
    answer = shop.order(key, sku)
    assert answer.status_code == 503 and "same Idempotency-Key" in answer.json["detail"]
    payments.put("/internal/payments/provider", json={})
    assert shop.order(key, sku).status_code == 201


def test_what_nobody_finishes_is_settled_by_the_reconciler(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku, key, payments = item(5), new_key(), shop.payments.test_client()
    payments.put("/internal/payments/provider", json={"error_rate": 1.0})
    shop.order(key, sku)
    payments.put("/internal/payments/provider", json={})
    assert shop.stock.level(sku).reserved == 1
    shop.reconciler.reconcile()
    assert shop.stock.level(sku).left == 5
    attempt = shop.attempts.find(key)
    assert attempt is not None and shop.charges.find(attempt.charge_key).state == "voided"
    assert shop.order(key, sku).status_code == 201
    assert shop.reconciler.reconcile() == 0


def test_a_charged_attempt_is_rolled_forward_by_the_reconciler(shop: OrderShop, item: Callable[[int], str]) -> None:
    sku, key = item(5), new_key()
    order = shop.order(key, sku).json
    attempt = shop.attempts.find(key)
    assert attempt is not None
    late = shop.attempts.open(f"{key}-2", attempt.fingerprint, attempt.lines)
    near = {"key": late.charge_key, "items": [{"sku": sku, "quantity": 1}]}
    assert shop.inventory.test_client().post("/internal/inventory/reservations", json=near).status_code == 201
    paid = {"key": late.charge_key, "amount_cents": late.total_cents, "token": "tok_ok"}
    assert shop.payments.test_client().post("/internal/payments/charges", json=paid).status_code == 201
    shop.reconciler.reconcile()
    assert shop.orders.of_key(f"{key}-2").head.order_id != order["order_id"]
    assert shop.stock.level(sku).sold == 2


@pytest.mark.parametrize("older_round_is_known", [False, True])
def test_a_round_that_a_lost_primary_took_with_it_is_placed_once(
    older_round_is_known: bool, shop: OrderShop, shop_database: ShopDatabase
) -> None:
    attempt = Attempt(new_key(), "print", 2, "pending", "", {"lines": [vars(PricedLine("tea", "Tea", 1, 890))]})
    if older_round_is_known:
        older = shop.attempts.open(attempt.key, attempt.fingerprint, attempt.lines)
        assert shop.attempts.fail(older, "out_of_stock")
    assert shop.orders.place(attempt, new_key(), None) is not None
    assert shop.orders.place(attempt, new_key(), None) is None
    assert not shop.attempts.give_up(attempt, "given_up")
    known = shop.attempts.find(attempt.key)
    assert known is not None and (known.round, known.state) == (2, "done")


@pytest.mark.parametrize("state", ["pending", "failing", "done"])
def test_a_later_round_overtakes_no_earlier_one_that_has_not_failed(shop: OrderShop, state: str) -> None:
    earlier = shop.attempts.open(new_key(), "print", [PricedLine("tea", "Tea", 1, 890)])
    later = replace(earlier, round=2)
    if state == "failing":
        assert shop.attempts.give_up(earlier, "given_up")
    if state == "done":
        assert shop.orders.place(earlier, new_key(), None) is not None
    assert shop.orders.place(later, new_key(), None) is None
    assert not shop.attempts.fail(later, "declined") and not shop.attempts.give_up(later, "given_up")
    known = shop.attempts.find(earlier.key)
    assert known is not None and (known.round, known.state) == (1, state)


def lost(admission: str | None = None) -> Attempt:
    """An attempt that a lost primary took with it."""
    body = {"lines": [vars(PricedLine("tea", "Tea", 1, 890))]}
    return Attempt(new_key(), "print", 1, "pending", "", body, admission)


def test_an_attempt_that_is_written_anew_keeps_its_admission(shop: OrderShop) -> None:
    attempt = lost(f"tea~100.1.{uuid.uuid4().hex}")
    shop.attempts.resume(attempt)
    assert shop.attempts.find(attempt.key) == attempt
    assert shop.orders.place(attempt, new_key(), None) is not None
    with pytest.raises(NotAdmitted, match="used"):
        shop.attempts.open(new_key(), "print", attempt.lines, attempt.admission)


def test_a_lost_attempt_whose_admission_has_bought_under_another_key_is_given_up(shop: OrderShop) -> None:
    attempt = lost(f"tea~100.1.{uuid.uuid4().hex}")
    other = shop.attempts.open(new_key(), "print", attempt.lines, attempt.admission)
    assert shop.orders.place(other, new_key(), None) is not None
    for take_up in (shop.attempts.resume, lambda lost: shop.orders.place(lost, new_key(), None)):
        with pytest.raises(NotAdmitted, match="used"):
            take_up(attempt)
    assert shop.attempts.give_up(attempt, "given_up") and shop.attempts.close(attempt)
    known = shop.attempts.find(attempt.key)
    assert known is not None and (known.state, known.admission) == ("failed", None)


def test_a_charge_whose_reservation_was_lost_is_given_back_when_nothing_is_left(
    shop: OrderShop, item: Callable[[int], str]
) -> None:
    attempt = shop.attempts.open(new_key(), "print", [PricedLine(item(0), "Thing", 1, 500)])
    shop.charges.record(attempt.charge_key, "charged", attempt.total_cents)
    shop.reconciler.reconcile()
    known = shop.attempts.find(attempt.key)
    assert known is not None and (known.state, known.failure) == ("failed", "out_of_stock")
    assert shop.charges.find(attempt.charge_key).state == "refunded"


def test_an_order_whose_transaction_a_lost_primary_took_with_it_comes_back_as_the_same(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    key = new_key()
    order_id = shop.order(key, item(5)).json["order_id"]
    with shop_database.admin() as connection:
        for table, column in (("outbox", "payload->>'order_id'"), ("lines", "order_id"), ("orders", "order_id")):
            connection.execute(f"delete from orders.{table} where {column} = %s".encode(), (order_id,))
        connection.execute("update orders.attempts set state = 'pending' where key = %s", (key,))
    shop.reconciler.reconcile()
    assert shop.orders.of_key(key).head.order_id == order_id


def lanes(shop_database: ShopDatabase, order_id: str) -> list[tuple[bool, bool]]:
    """Whether the order, and each event of it, is the lane's."""
    query = "select o.lane, e.lane from orders.orders o join orders.outbox e on payload->>'order_id' = o.order_id "
    with shop_database.admin() as connection:
        return connection.execute(query + "where o.order_id = %s", (order_id,)).fetchall()  # type: ignore[return-value]


def test_what_is_placed_in_the_lane_is_said_by_its_items_not_by_who_places_it(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    hot, other = item(5), item(5)
    shop.hot = hot
    late = shop.attempts.open(new_key(), "print", [PricedLine(hot, "Hot", 1, 500)])
    shop.charges.record(late.charge_key, "charged", late.total_cents)
    shop.reconciler.reconcile()
    usual = shop.app.test_client().post(
        "/api/orders-lane",
        json={"items": [{"sku": other, "quantity": 1}], "payment": {"token": "tok_ok"}},
        headers={"Idempotency-Key": new_key()},
    )
    shop.hot = ""
    assert lanes(shop_database, shop.orders.of_key(late.key).head.order_id) == [(True, True)]
    assert lanes(shop_database, usual.json["order_id"]) == [(False, False)]


def test_a_shipment_is_told_once_however_often_it_is_reported(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    order_id, client = shop.order(new_key(), item(5)).json["order_id"], shop.app.test_client()
    answers = [client.put(f"/internal/orders/{order_id}/shipment") for _ in range(3)]
    assert [answer.json["status"] for answer in answers] == ["shipped"] * 3
    with shop_database.admin() as connection:
        events = connection.execute(
            "select event from orders.outbox where payload->>'order_id' = %s order by id", (order_id,)
        ).fetchall()
    assert events == [("order.placed",), ("order.shipped",)]
    assert client.put("/internal/orders/none/shipment").status_code == 404


def test_an_event_keeps_the_id_of_the_request_that_made_it(
    shop: OrderShop, item: Callable[[int], str], shop_database: ShopDatabase
) -> None:
    order_id = shop.order(new_key(), item(5)).json["order_id"]
    shop.app.test_client().put(f"/internal/orders/{order_id}/shipment", headers={"X-Request-Id": "shipping-1"})
    with shop_database.admin() as connection:
        query = "select request_id from orders.outbox where event = 'order.shipped' and payload->>'order_id' = %s"
        assert connection.execute(query, (order_id,)).fetchall() == [("shipping-1",)]


def test_best_sellers_are_those_sold_most(shop: OrderShop, item: Callable[[int], str]) -> None:
    much, more = item(500), item(500)
    shop.order(new_key(), much, 98)
    shop.order(new_key(), more, 99)
    best = shop.app.test_client().get("/internal/orders/best-sellers?limit=2").json["items"]
    assert best == [{"sku": more, "sold": 99}, {"sku": much, "sold": 98}]


@pytest.mark.parametrize(("state", "status"), [("refund", 409), ("none", 200)])
def test_a_charge_key_is_charged_once_and_never_after_a_refund(shop: OrderShop, state: str, status: int) -> None:
    client, body = shop.payments.test_client(), {"key": new_key()[4:], "amount_cents": 700, "token": "tok_ok"}
    assert client.post("/internal/payments/charges", json=body).status_code == 201
    if state == "refund":
        assert client.post(f"/internal/payments/charges/{body['key']}/refund").json["state"] == "refunded"
    assert client.post("/internal/payments/charges", json=body).status_code == status
    assert client.post("/internal/payments/charges", json={**body, "amount_cents": 1}).status_code == 409


def test_the_first_outcome_counts_when_two_charge_at_once(shop: OrderShop) -> None:
    key = new_key()[4:]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda n: shop.charges.record(key, ("charged", "declined")[n % 2], 5), range(12)))
    assert [new for _, new in outcomes].count(True) == 1
    assert len({charge.state for charge, _ in outcomes}) == 1


def test_the_provider_behaves_alike_in_all_replicas(shop: OrderShop, shop_database: ShopDatabase) -> None:
    with opened(shop_database) as other:
        mood = {"latency_ms": 3, "error_rate": 0.25, "decline_rate": 0.5}
        shop.payments.test_client().put("/internal/payments/provider", json=mood)
        assert other.payments.test_client().get("/internal/payments/provider").json == mood
        shop.payments.test_client().put("/internal/payments/provider", json={})


@pytest.fixture
def admission(shop: OrderShop) -> Iterator[Callable[[str], str]]:
    """Begins the sale of an item; makes an admission to it."""

    def make(sku: str) -> str:
        shop.sale = f"{sku}~100"
        return Papers("a secret").write(Paper("admission", shop.sale, 1, uuid.uuid4().hex[:16], 2**40))

    yield make
    shop.sale = ""


def test_an_admission_makes_one_order_however_often_and_under_whatever_key(
    shop: OrderShop, item: Callable[[int], str], admission: Callable[[str], str]
) -> None:
    sku, keys = item(50), [new_key() for _ in range(8)]
    shown = admission(sku)
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda key: shop.order(key, sku, admission=shown), keys * 2))
    assert {answer.status_code for answer in answers} <= {200, 201, 403}
    assert len({answer.json["order_id"] for answer in answers if answer.status_code < 300}) == 1
    assert {answer.json["why"] for answer in answers if answer.status_code == 403} == {"used"}
    assert shop.stock.level(sku).left == 49


def test_a_key_that_was_admitted_needs_no_admission_to_ask_again(
    shop: OrderShop, item: Callable[[int], str], admission: Callable[[str], str]
) -> None:
    sku, key = item(5), new_key()
    first = shop.order(key, sku, admission=admission(sku))
    assert (first.status_code, shop.order(key, sku).json) == (201, first.json)
    assert shop.order(new_key(), sku).json["why"] == "none"


def test_after_a_declined_card_the_same_admission_buys_with_another(
    shop: OrderShop, item: Callable[[int], str], admission: Callable[[str], str]
) -> None:
    sku, declined = item(5), new_key()
    shown = admission(sku)
    assert shop.order(declined, sku, token="tok_declined", admission=shown).status_code == 402
    assert shop.order(new_key(), sku, admission=shown).status_code == 201
    assert shop.order(new_key(), sku, admission=shown).status_code == 403


@contextmanager
def sold_out(shop: OrderShop, sku: str) -> Iterator[None]:
    """Somebody holds its only piece meanwhile."""
    shop.stock.reserve(holder := new_key(), [Line(sku, 1)])
    yield
    shop.stock.release(holder)


def test_a_failed_try_is_not_taken_up_again_once_its_admission_has_bought(
    shop: OrderShop, item: Callable[[int], str], admission: Callable[[str], str]
) -> None:
    sku, early = item(1), new_key()
    shown = admission(sku)
    with sold_out(shop, sku):
        assert shop.order(early, sku, admission=shown).status_code == 409
    assert shop.order(new_key(), sku, admission=shown).status_code == 201
    assert [shop.order(early, sku, admission=a).json["why"] for a in ("", shown)] == ["none", "used"]


def test_a_key_that_failed_before_the_sale_is_asked_for_an_admission_in_it(
    shop: OrderShop, item: Callable[[int], str], admission: Callable[[str], str]
) -> None:
    sku, early = item(1), new_key()
    with sold_out(shop, sku):
        assert shop.order(early, sku).status_code == 409
        shown = admission(sku)
        assert shop.order(early, sku).json["why"] == "none"
        assert shop.order(early, sku, admission=shown).status_code == 409
    assert shop.order(new_key(), sku, admission=shown).status_code == 201
