from typing import Any

from labs.report import stretches


def broken(fault: str, target: str, since: float, until: float | None) -> dict[str, Any]:
    return {"fault": fault, "target": target, "from": since, "until": until}


def test_the_same_fault_on_several_targets_at_a_time_is_one_stretch() -> None:
    nodes = [broken("cache_flush", f"memcached-{n}", n, 9.0) for n in (1, 2, 3)]
    (stretch,) = stretches(nodes)
    assert (stretch.since, stretch.until, stretch.label) == (1, 9.0, "cache_flush on 3")


def test_one_after_the_other_and_different_faults_are_apart() -> None:
    found = stretches([broken("down", "a", 1, 2.0), broken("down", "a", 3, 4.0), broken("latency", "a", 3.5, None)])
    assert [stretch.label for stretch in found] == ["down on a", "down on a", "latency on a"]
    assert found[-1].until == 3.5
