"""The rest of the shop, as the storefront sees it: one method per question, typed answers out.

What a page can do without (`count`, `stock`, `best_sellers`, `messages`) is bounded at `optional_s`; that and
`take_out` answer None when they fail, `basket` has no prices then, and each counts it in `shop_degraded_total`.
Everything else raises ShopError, with the failing part's name in `extra["part"]`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar
from urllib.parse import quote, urlencode

from services.common import lane
from services.common.errors import NotFound, ShopError
from services.common.fallback import or_else
from services.common.http import Peers
from services.common.papers import ADMISSION_HEADER
from services.storefront.things import Basket, Json, Line, Message, Order, Product, Shelf

T = TypeVar("T")
Items = Sequence[tuple[str, int]]
MOST = 99
CHECKOUT = "checkout"
"""The compartment of placing orders: it may take long, and looking at one should not."""


class Shop:
    """The other services. Safe to share among threads. `leads_to_lane` tells what is bought there."""

    def __init__(
        self, peers: Peers, optional_s: float = 0.15, order_s: float = 3.8, leads_to_lane: lane.Leads = lane.nowhere
    ) -> None:
        self._peers, self._optional_s, self._order_s = peers, optional_s, order_s
        self._leads_to_lane = leads_to_lane
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="ask")
        self._lookups = ThreadPoolExecutor(max_workers=8, thread_name_prefix="price")
        """Of their own: what a page can do without must not wait behind somebody's full basket."""

    def soon(self, question: Callable[[], T]) -> Callable[[], T]:
        """Ask beside other questions; call what comes back to get the answer (or its error)."""
        return self._threads.submit(copy_context().run, question).result

    # -- catalog
    def products(self, text: str = "", category: str = "", page: int = 1) -> Shelf:
        """Search. Raises ShopError."""
        query = urlencode({"q": text, "category": category, "page": page})
        with _asking("catalog"):
            found = self._peers.get(f"/api/catalog/products?{query}")
        return Shelf([Product.of(row) for row in found["items"]], found["page"], found["pages"], found["total"])

    def product(self, sku: str) -> Product:
        """One product in full. Raises NotFound, ShopError."""
        with _asking("catalog"):
            return Product.of(self._peers.get(f"/api/catalog/products/{quote(sku, safe='')}"))

    # -- inventory
    def stock(self, sku: str, needed: bool = False) -> int | None:
        """How many are left; None: not known right now. Raises ShopError when it is `needed`."""
        answer = self._part("stock", f"/api/inventory/{quote(sku, safe='')}", needed)
        return None if answer is None else int(answer["left"])

    # -- recommendations
    def best_sellers(self, needed: bool = False) -> list[Product] | None:
        """What others buy; None: not known right now. Raises ShopError when it is `needed`."""
        answer = self._part("recommendations", "/api/recommendations/best-sellers?limit=4", needed)
        return None if answer is None else [Product.of(row) for row in answer["items"]]

    # -- cart
    def basket(self, cart: str) -> Basket:
        """What is in the cart, with the products beside it unless the catalogue is away. Raises ShopError."""
        with _asking("cart"):
            lines = _lines(self._peers.get("/api/cart/items", cookie=_cookie(cart))) if cart else []
        bare = Basket([Line(sku, n) for sku, n in lines], priced=False)
        return or_else("basket_prices", lambda: self.priced(lines), bare)

    def priced(self, lines: Items) -> Basket:
        """The same lines with their products, all looked up at once. Raises ShopError."""
        asked = [self._lookups.submit(copy_context().run, self._still_sold, sku) for sku, _ in lines]
        try:
            return Basket([Line(sku, n, answer.result()) for (sku, n), answer in zip(lines, asked, strict=True)])
        finally:
            for answer in asked:
                answer.cancel()  # after the first failure nobody wants the others

    def _still_sold(self, sku: str) -> Product | None:
        try:
            return self.product(sku)
        except NotFound:
            return None

    def count(self, cart: str) -> int | None:
        """How many pieces are in the cart; None: not known right now."""
        if not cart:
            return 0
        path, cookie = "/api/cart/items", _cookie(cart)
        answer = self._optional("cart_count", lambda: self._peers.get(path, total_s=self._optional_s, cookie=cookie))
        return None if answer is None else sum(n for _, n in _lines(answer))

    def add(self, cart: str, sku: str, pieces: int) -> int:
        """Put more of a product into the cart (99 at most); how many pieces are in it then. Raises ShopError."""
        with _asking("cart"):
            present = dict(_lines(self._peers.get("/api/cart/items", cookie=_cookie(cart))))
        return self.put(cart, sku, min(MOST, present.get(sku, 0) + pieces))

    def put(self, cart: str, sku: str, pieces: int) -> int:
        """Set how many of a product are in the cart; none takes it out. Raises ShopError."""
        path = f"/api/cart/items/{quote(sku, safe='')}"
        method, body = ("PUT", {"quantity": min(MOST, pieces)}) if pieces > 0 else ("DELETE", None)
        with _asking("cart"):
            return sum(n for _, n in _lines(self._peers.call(method, path, body, safe=True, cookie=_cookie(cart))))

    def take_out(self, cart: str, bought: Items) -> None:
        """Leave in the cart what was put there since the checkout was shown. Or leave some or all of it: a full cart is
        a nuisance, never a second order.
        """
        self._optional("cart_not_emptied", lambda: self._take_out(cart, bought))

    def _take_out(self, cart: str, bought: Items) -> None:
        present = _lines(self._peers.get("/api/cart/items", cookie=_cookie(cart)))
        for sku, _ in set(present).intersection(bought):
            self.put(cart, sku, 0)

    # -- orders
    def place(self, key: str, items: Items, token: str, admission: str = "", cart: str = "") -> Order:
        """Buy, as the shopper with this cart. The same key with the same body is the same order, so this may be
        retried.

        Raises Forbidden (`extra["waiting_room"]` is where to wait), Conflict (out of stock, `extra["sku"]`), Declined,
        Unavailable (not bought), TimedOut (not known).
        """
        body = {"items": [{"sku": sku, "quantity": n} for sku, n in items], "payment": {"token": token}}
        path = lane.PATH if self._leads_to_lane([sku for sku, _ in items]) else "/api/orders"
        with _asking("orders"):
            call, more = self._peers.call, {ADMISSION_HEADER: admission} if admission else {}
            cookie = _cookie(cart) if cart else ""
            return _order(
                call(
                    "POST", path, body, safe=True, total_s=self._order_s, cookie=cookie, key=key, more=more,
                    compartment="" if path == lane.PATH else CHECKOUT,
                )
            )  # fmt: skip

    def order(self, order_id: str) -> Order:
        """An order. Raises NotFound, ShopError."""
        with _asking("orders"):
            return _order(self._peers.get(f"/api/orders/{quote(order_id, safe='')}"))

    # -- notifications
    def messages(self, order_id: str) -> list[Message] | None:
        """What the shop would have mailed about an order, newest first; None: not known right now."""
        path = f"/api/notifications?{urlencode({'order': order_id})}"
        answer = self._optional("messages", lambda: self._peers.get(path, total_s=self._optional_s))
        return None if answer is None else [_message(row) for row in answer["items"]]

    def _part(self, what: str, path: str, needed: bool) -> Json | None:
        """What a page can do without, within a bound of its own. Or, if it is `needed`, as everything else is."""
        if not needed:
            return self._optional(what, lambda: self._peers.get(path, total_s=self._optional_s))
        with _asking(what):
            answer: Json = self._peers.get(path)
        return answer

    def _optional(self, what: str, question: Callable[[], T]) -> T | None:
        return or_else(what, question, None)


@contextmanager
def _asking(part: str) -> Iterator[None]:
    try:
        yield
    except ShopError as error:
        error.extra.setdefault("part", part)
        raise


def _cookie(cart: str) -> str:
    return f"cart={cart}"


def _lines(answer: Json) -> list[tuple[str, int]]:
    return [(row["sku"], row["quantity"]) for row in answer["items"]]


def _order(row: Json) -> Order:
    lines = [Line(item["sku"], item["quantity"], Product.of(item)) for item in row["items"]]
    times = row.get("promised_for") or "", row.get("placed_at") or ""
    return Order(row["order_id"], row["status"], row["total_cents"], lines, *times)


def _message(row: Json) -> Message:
    return Message(row["kind"], row["subject"], row["body"], str(row["created_at"]))
