"""Cache-aside with single flight, seen from a caller."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY

from services.common.cache import Cache, Habits
from services.common.errors import NotFound, Unavailable
from tests.unit.cache_fakes import FakeNode


class Origin:
    """Counts how often it is asked."""

    def __init__(self, answer: bytes | Exception = b"fresh") -> None:
        self.answer, self.asked = answer, 0

    def __call__(self) -> bytes:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def count(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0


def test_what_was_loaded_once_is_answered_from_the_cache():
    origin, cache = Origin(), Cache("t", [FakeNode()])
    assert [cache.through("k", origin, 60) for _ in range(3)] == [b"fresh"] * 3
    assert origin.asked == 1


def test_of_twenty_who_miss_at_once_one_loads():
    arrived, go = threading.Barrier(21), threading.Event()
    cache, asked = Cache("t", [FakeNode()], flight_s=10), []

    def load() -> bytes:
        asked.append(1)
        go.wait(10)
        return b"fresh"

    def shopper() -> bytes:
        arrived.wait(10)
        return cache.through("k", load, 60)

    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(shopper) for _ in range(20)]
        arrived.wait(10)
        go.set()
        assert {answer.result(10) for answer in answers} == {b"fresh"}
    assert len(asked) == 1


def test_without_single_flight_everyone_who_misses_at_once_loads():
    together, cache = threading.Barrier(5), Cache("t", [FakeNode()], habits=lambda: Habits(single_flight=False))

    def load() -> bytes:
        together.wait(10)  # passes only when five load at the same time
        return b"fresh"

    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(cache.through, "k", load, 60) for _ in range(5)]
        assert {answer.result(10) for answer in answers} == {b"fresh"}


def test_single_flight_needs_no_cache():
    node = FakeNode()
    node.down = True
    test_origin, cache = Origin(), Cache("t", [node], flight_s=10)
    started, go = threading.Event(), threading.Event()

    def slow() -> bytes:
        started.set()
        go.wait(10)
        return test_origin()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.through, "k", slow, 60)
        started.wait(10)
        second = pool.submit(cache.through, "k", test_origin, 60)
        threading.Timer(0.05, go.set).start()
        assert first.result(10) == second.result(10) == b"fresh"


def test_who_waited_in_vain_for_another_thread_loads_itself():
    started, go, cache = threading.Event(), threading.Event(), Cache("t", [FakeNode()], flight_s=0.01)

    def stuck() -> bytes:
        started.set()
        go.wait(10)
        return b"late"

    with ThreadPoolExecutor(1) as pool:
        pool.submit(cache.through, "k", stuck, 60)
        started.wait(10)
        assert cache.through("k", Origin(b"own"), 60) == b"own"
        go.set()


def test_what_another_replica_loads_is_waited_for():
    node = FakeNode()
    node.kept["lock:t:k"] = b"1"
    cache = Cache("t", [node], sleep=lambda _: node.set("t:k", b"theirs", 60))
    assert cache.through("k", Origin(), 60) == b"theirs"


def test_what_another_one_brought_between_our_look_and_our_lock_is_not_loaded_again():
    class Late(FakeNode):
        def add(self, key: str, value: bytes, ttl_s: float) -> bool:
            self.set("t:k", b"theirs", 60)
            return super().add(key, value, ttl_s)

    origin = Origin()
    assert Cache("t", [Late()]).through("k", origin, 60) == b"theirs"
    assert origin.asked == 0


def test_a_replica_that_never_finishes_is_waited_for_only_briefly():
    node, slept, origin = FakeNode(), [], Origin()
    node.kept["lock:t:k"] = b"1"
    assert Cache("t", [node], peer_s=0.2, sleep=slept.append).through("k", origin, 60) == b"fresh"
    assert origin.asked == 1 and 0.1 < sum(slept) <= 0.2


def test_the_lock_is_given_back_also_after_a_failed_load():
    node = FakeNode()
    with pytest.raises(Unavailable):
        Cache("t", [node]).through("k", Origin(Unavailable("no database")), 60)
    assert node.kept == {}


def test_that_something_does_not_exist_is_remembered_for_a_short_time():
    node, origin = FakeNode(), Origin(NotFound("there is no product x"))
    cache = Cache("t", [node], missing_s=5)
    for _ in range(2):
        with pytest.raises(NotFound, match="there is no product x"):
            cache.through("k", origin, 60)
    assert origin.asked == 1 and node.ttls["t:k"] <= 5


def test_an_error_of_the_origin_is_not_remembered():
    cache, origin = Cache("t", [FakeNode()]), Origin(Unavailable("no database"))
    with pytest.raises(Unavailable):
        cache.through("k", origin, 60)
    origin.answer = b"fresh"
    assert cache.through("k", origin, 60) == b"fresh"


def test_a_cache_that_fails_counts_as_a_miss_and_as_an_error():
    node, origin = FakeNode(), Origin()
    node.down = True
    assert Cache("failing", [node]).through("k", origin, 60) == b"fresh"
    assert count("shop_cache_lookups_total", cache="failing", result="miss") == 1
    assert count("shop_cache_lookups_total", cache="failing", result="error") >= 1
    assert count("shop_cache_loads_total", cache="failing") == 1


def test_when_a_node_fails_its_keys_are_kept_on_another_one():
    nodes = [FakeNode("a:1"), FakeNode("b:1")]
    origin, cache = Origin(), Cache("t", nodes)
    cache.through("k", origin, 60)
    next(node for node in nodes if node.kept).down = True
    assert [cache.through("k", origin, 60) for _ in range(3)] == [b"fresh"] * 3
    assert origin.asked == 2


def test_entries_made_together_do_not_expire_together():
    node = FakeNode()
    cache = Cache("t", [node])
    for key in range(100):
        cache.through(str(key), Origin(), 100)
    expiries = set(node.ttls[f"t:{key}"] for key in range(100))
    assert len(expiries) > 50 and min(expiries) >= 80 and max(expiries) <= 100


def test_without_jitter_entries_made_together_expire_together():
    node = FakeNode()
    cache = Cache("t", [node], habits=lambda: Habits(jitter=False))
    for key in range(100):
        cache.through(str(key), Origin(), 100)
    assert {node.ttls[f"t:{key}"] for key in range(100)} == {100}


@pytest.mark.parametrize("key", ["with space", "k" * 300, "naïve", "nul\0", "\ud800", "tab\t", "line\r\nset x"])
def test_any_text_can_be_a_key(key: str):
    node = FakeNode()
    Cache("t", [node]).through(key, Origin(), 60)
    (kept,) = node.kept
    assert len(kept) < 250 and kept.isascii() and kept.isprintable() and " " not in kept


def test_what_is_forgotten_is_loaded_anew():
    origin, cache = Origin(), Cache("t", [FakeNode()])
    cache.through("k", origin, 60)
    cache.forget("k")
    cache.through("k", origin, 60)
    assert origin.asked == 2
