"""What a buyer's page said: who had to press again, and what a lost primary must have cost somebody."""

from collections import defaultdict

import pytest

from labs.flash_sale.kept_promises import BUYERS, findings
from labs.flash_sale.witnesses import Witness


def witness(*states: str) -> Witness:
    return Witness("", "tea-001", seen=[(float(at), state) for at, state in enumerate(states)])


def test_who_was_asked_to_press_again_counts_once_whatever_the_page_said() -> None:
    assert witness("asked", "not bought", "not known", "not bought", "placed").doubted
    assert not witness("asked", "placed", "shipped").doubted


@pytest.mark.parametrize(("slowest_s", "doubted", "holds"), [(0.1, 0, False), (1.0, 0, True), (0.1, 2, True)])
def test_a_lost_primary_that_nobody_felt_proves_nothing(slowest_s: float, doubted: float, holds: bool) -> None:
    n = defaultdict(float, replaced=1, primary_shipped=BUYERS, primary_slowest_s=slowest_s, primary_doubted=doubted)
    [lost] = [finding for finding in findings(n) if "lost primary" in finding.claim]
    assert lost.holds is holds
