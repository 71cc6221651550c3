"""A lab does not know which runtime it is on: one of each topic passes in containers too."""

from pathlib import Path

import pytest

from labs.catalogue import lab_named
from labs.control.client import ShopClient
from labs.engine.runner import run_lab
from tests.labs.test_every_lab import blames_the_instrument

pytestmark = [pytest.mark.servers, pytest.mark.containers, pytest.mark.quiet]


@pytest.mark.parametrize("slug", ["balancing-policies", "cache-aside", "queue-backlog", "idempotency"])
def test_a_lab_of_each_topic_passes_in_containers(slug: str, container_shop: ShopClient, tmp_path: Path) -> None:
    result = run_lab(lab_named(slug), container_shop, predict=False, quick=True, runs=tmp_path)
    assert [finding.claim for finding in result.findings if not finding.holds] == [], result.findings
    assert result.verdict == "pass" or blames_the_instrument(result), result.reasons
    assert container_shop.report()["faults"] == []
