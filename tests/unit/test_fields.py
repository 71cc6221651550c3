"""What every service accepts as the lines of an order."""

import pytest
from pydantic import TypeAdapter, ValidationError

from services.common.fields import LineRequest, LineRequests

LINES: TypeAdapter[list[LineRequest]] = TypeAdapter(LineRequests)


@pytest.mark.parametrize("quantity", [1, 99, 2.0])
def test_a_quantity_is_a_whole_number_from_1_to_99(quantity: float) -> None:
    assert LINES.validate_python([{"sku": "tea-001", "quantity": quantity}])[0].quantity == quantity


@pytest.mark.parametrize("quantity", [0, 100, 1.5, True, "1", None])
def test_what_only_looks_like_a_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(ValidationError):
        LINES.validate_python([{"sku": "tea-001", "quantity": quantity}])


def test_an_item_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        LINES.validate_python([{"sku": "tea-001", "quantity": 1}, {"sku": "tea-001", "quantity": 2}])
