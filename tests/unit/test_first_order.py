"""The proof order of `up`, with a shop that is pretended: what an earlier day has left does not keep the shop down."""

import io
import json
from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any
from urllib.error import HTTPError

import pytest

from compose.runtime.verbs import RuntimeFailed
from labs.control import first_order
from labs.control.first_order import FirstOrder

SHELF = {"items": [{"sku": "tea-001"}, {"sku": "tea-002"}, {"sku": "tea-003"}]}


class FakeShop:
    """Answers each order by its item: 201, or the codes in `says`, one after another. `status`: of every order."""

    def __init__(self, says: Mapping[str, list[int]], status: str = "shipped") -> None:
        self.says, self.status, self.asked = says, status, list[str]()

    def __call__(self, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None) -> Any:
        if body is None:
            return SHELF if url.endswith("/products") else {"status": self.status}
        sku = json.loads(body)["items"][0]["sku"]
        self.asked.append(sku)
        if codes := self.says.get(sku):
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            raise HTTPError(url, code, "no", Message(), io.BytesIO(f"says {code}".encode()))
        return {"order_id": f"order of {sku}"}


Opened = Callable[..., tuple[FirstOrder, FakeShop]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    def opened(says: Mapping[str, list[int]], status: str = "shipped") -> tuple[FirstOrder, FakeShop]:
        shop = FakeShop(says, status)
        monkeypatch.setattr(first_order, "_json", shop)
        return FirstOrder(lambda: "http://shop", ["gateway"]), shop

    return opened


def test_one_packet_of_tea_is_bought(opened: Opened) -> None:
    first, shop = opened({})
    assert first.placed() == "order of tea-001" and first.shipped("order of tea-001")
    assert shop.asked == ["tea-001"]


@pytest.mark.parametrize("code", [307, 403, 409])
def test_something_else_is_bought_when_tea_has_a_lane_or_a_line_or_is_sold_out(opened: Opened, code: int) -> None:
    first, _ = opened({"tea-001": [code], "tea-002": [409]})
    assert first.placed() == "order of tea-003"


def test_nothing_to_be_had_is_said(opened: Opened) -> None:
    first, _ = opened({product["sku"]: [409] for product in SHELF["items"]})
    with pytest.raises(RuntimeFailed, match="nothing on the first shelf"):
        first.placed()


def test_a_shop_that_is_not_ready_is_asked_again(opened: Opened) -> None:
    first, shop = opened({"tea-001": [503, 504, 409]})
    assert first.placed() == "order of tea-002"
    assert shop.asked.count("tea-001") == 3 + 1  # once more: it stands on the shelf as well


def test_a_refusal_that_another_item_would_meet_as_well_is_passed_on(opened: Opened) -> None:
    first, shop = opened({"tea-001": [402]})
    with pytest.raises(RuntimeFailed, match="says 402"):
        first.placed()
    assert shop.asked == ["tea-001"]


def test_a_parcel_that_is_late_is_no_failure(opened: Opened) -> None:
    first, _ = opened({}, status="confirmed")
    assert first.shipped("order", within_s=0.05) is False
