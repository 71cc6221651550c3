from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from labs.load.generator import Order
from labs.load.in_flight import InFlight
from labs.load.outcome import outcome_of_error
from labs.load.result import LoadResult
from labs.load.sample import BOT, BUYER, DROPPED, OUTCOMES, Sample, read_samples, write_samples


def sample(
    outcome: str = "ok", intended_s: float = 0.0, sent_s: float = 0.001, done_s: float = 0.011, what: str = "product",
    kind: str = BUYER,
) -> Sample:  # fmt: skip
    return Sample(
        what=what, client="10.77.1.2", kind=kind, intended_s=intended_s, sent_s=sent_s, done_s=done_s, outcome=outcome
    )


def dropped() -> Sample:
    return Sample(what="product", client="10.77.1.2", intended_s=0.5, outcome=DROPPED)


def result(samples: list[Sample], **more: object) -> LoadResult:
    return LoadResult(
        mix="browse", arrival="constant", rate=1, duration_s=1, seed=1, started_at=0.0, samples=samples, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def key() -> ConnectionKey:
    return ConnectionKey("shop", 80, False, True, None, None, None)


def test_offered_is_started_and_dropped_and_all_outcomes_are_listed() -> None:
    report = result([sample(), sample("timeout"), dropped()]).to_json()
    assert (report["offered"], report["started"], report["completed"], report["dropped"]) == (3, 2, 2, 1)
    assert tuple(report["outcomes"]) == OUTCOMES


def test_latency_counts_from_the_intended_start_and_from_send_beside_it() -> None:
    report = result([sample(intended_s=0.0, sent_s=0.1, done_s=0.15)]).to_json()
    assert report["latency_ms"]["p50"] == pytest.approx(150, rel=0.01)
    assert report["from_send_ms"]["p50"] == pytest.approx(50, rel=0.01)
    assert report["generator_lag_ms"]["p99"] == pytest.approx(100, rel=0.01)


def test_a_refused_connection_has_no_latency_but_a_timeout_has() -> None:
    assert result([sample("refused")]).latency.count == 0
    assert result([sample("timeout")]).latency.count == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimeoutError(), "timeout"),
        (aiohttp.ConnectionTimeoutError(), "timeout"),
        (aiohttp.ClientConnectorError(key(), OSError(111, "refused")), "refused"),
        (aiohttp.ClientOSError(104, "reset"), "reset"),
        (aiohttp.ServerDisconnectedError(), "reset"),
        (aiohttp.ClientPayloadError(), "reset"),
        (ConnectionResetError(), "reset"),
    ],
)
def test_every_error_maps_to_one_of_the_outcomes(error: Exception, outcome: str) -> None:
    assert outcome_of_error(error) == outcome


def test_an_order_without_a_definite_answer_is_undecided_not_lost() -> None:
    orders = [
        Order(key="a", outcome="ok", order_id="1"),
        Order(key="b", outcome="timeout"),
        Order(key="c", outcome="http_4xx"),
    ]
    assert (result([], orders=orders).confirmed, result([], orders=orders).undecided) == (["1"], ["b"])


def test_a_double_click_that_was_confirmed_once_is_one_order_and_not_undecided() -> None:
    orders = [Order(key="a", outcome="timeout"), Order(key="a", outcome="ok", order_id="1")]
    twice = [*orders, Order(key="a", outcome="ok", order_id="1")]
    assert (result([], orders=twice).confirmed, result([], orders=orders).undecided) == (["1"], [])


def test_a_part_of_a_load_is_selected_by_what_by_whom_and_by_when() -> None:
    load = result([sample(intended_s=at) for at in (0.0, 1.0, 2.0)] + [sample(kind=BOT, what="checkout")])
    parts = [load.select(kind=BOT), load.select(what="product"), load.select(kind=BUYER, since_s=1.0, until_s=2.0)]
    assert [part.offered for part in parts] == [1, 3, 1]
    assert load.select().offered == load.offered == 4


def test_a_parts_outcomes_sum_up_to_the_whole() -> None:
    load = result([sample(), sample("timeout", kind=BOT), sample("http_4xx", kind=BOT)])
    parts = [load.select(kind=kind).outcomes for kind in (BUYER, BOT)]
    assert load.outcomes == {name: sum(part[name] for part in parts) for name in OUTCOMES}


def test_orders_are_kept_by_whom_whenever_they_were_made() -> None:
    load = result([], orders=[Order(key="a", order_id="1"), Order(key="b", order_id="2", kind=BOT)])
    assert (load.after(9.0).confirmed, load.select(kind=BOT).confirmed) == (["1", "2"], ["2"])


def test_littles_law_is_not_asked_of_a_part_because_its_requests_in_flight_were_not_counted() -> None:
    whole = result([sample()], mean_in_flight=0.01, seconds=1.0)
    assert len(whole.checks()) - len(whole.after(0.0).checks()) == 1


def test_littles_law_catches_a_count_that_disagrees_with_the_times() -> None:
    samples = [sample(sent_s=0.0, done_s=0.5), sample(sent_s=0.5, done_s=1.0)]
    law = [result(samples, mean_in_flight=counted, seconds=1.0).checks()[1].holds for counted in (1.0, 2.0)]
    assert law == [True, False]


def test_a_generator_that_was_late_says_so() -> None:
    late = [result([sample(sent_s=lag_s, done_s=1.0)]).checks()[-1].holds for lag_s in (0.01, 0.1)]
    assert late == [True, False]


def test_in_flight_is_averaged_over_time() -> None:
    meter = InFlight()
    meter.change(+1, 1.0)
    meter.change(-1, 3.0)
    assert meter.mean(4.0) == pytest.approx(0.5)


def test_samples_survive_the_file(tmp_path: Path) -> None:
    phases = {"first": [sample()], "second": [dropped(), sample("http_5xx", kind=BOT)]}
    write_samples(tmp_path / "samples.csv.gz", phases)
    assert read_samples(tmp_path / "samples.csv.gz") == phases
