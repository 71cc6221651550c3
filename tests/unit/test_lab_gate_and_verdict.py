import pytest

from labs.catalogue import NoSuchLab, all_labs, lab_named, overview
from labs.engine import gate
from labs.engine.verdict import doubts, judge
from labs.lab import Answer, Finding, Lab, Limits
from labs.load import LoadResult
from labs.load.sample import DROPPED, Sample

LAB = lab_named("balancing-policies")
RIGHT = {
    "round_robin_share": Answer(value="25", because="in turn"),
    "round_robin_p50": Answer(value="1"),
    "least_conn_share": Answer(value=4.0),
    "least_conn_p99": Answer(value="no, it is still the slow replica's"),
}
NUMBERS = {
    "round_robin_share_percent": 25.1, "round_robin_p50_ms": 3.0, "normal_ms": 2.5, "least_conn_share_percent": 4.6,
    "least_conn_p99_ms": 303.0,
}  # fmt: skip


def finding(holds: bool) -> Finding:
    return Finding(claim="c", holds=holds, measured="m", expected="e")


def load(count: int = 400, lag_s: float = 0.0, outcome: str = "ok") -> LoadResult:
    samples = [
        Sample(intended_s=0.0, what="product", client="", sent_s=lag_s, done_s=lag_s + 0.01, outcome=outcome)
        for _ in range(count)
    ]
    return LoadResult(
        mix="products", arrival="constant", rate=1, duration_s=1, seed=1, started_at=0, samples=samples
    )  # fmt: skip


def test_right_predictions_are_graded_as_right() -> None:
    grades = gate.grade(LAB, gate.check(LAB, RIGHT), NUMBERS)
    assert [grade["right"] for grade in grades] == [True] * 4


def test_wrong_predictions_are_graded_as_wrong_and_keep_their_reason() -> None:
    wrong = {"round_robin_share": 50, "round_robin_p50": "2", "least_conn_share": 12.5, "least_conn_p99": "yes"}
    answers = gate.check(LAB, {name: Answer(value=value, because="a guess") for name, value in wrong.items()})
    grades = gate.grade(LAB, answers, NUMBERS)
    assert [(grade["right"], grade["because"]) for grade in grades] == [(False, "a guess")] * 4


@pytest.mark.parametrize(("name", "value"), [("round_robin_share", 101), ("round_robin_share", "much"),
                                             ("round_robin_p50", "4"), ("nonsense", 1)])  # fmt: skip
def test_an_answer_that_does_not_fit_its_question_is_refused(name: str, value: float | str) -> None:
    with pytest.raises(gate.BadAnswer):
        gate.check(LAB, RIGHT | {name: Answer(value=value)})


def test_a_person_is_asked_again_until_the_answer_fits() -> None:
    said = iter(["much", "25", "in turn", "1", "", "5", "", "2", ""])
    answers = gate.ask(LAB, read=lambda prompt: next(said), write=lambda text: None)
    assert answers["round_robin_share"] == Answer(value=25.0, because="in turn")
    assert answers["least_conn_p99"].value == "no, it is still the slow replica's"


def test_an_open_gate_names_what_is_missing() -> None:
    with pytest.raises(gate.PredictionsMissing, match="least_conn_p99"):
        gate.check(LAB, {name: answer for name, answer in RIGHT.items() if name != "least_conn_p99"})


def test_bad_measurements_are_unknown_whatever_the_findings_say() -> None:
    assert [judge([finding(holds)], ["lagged"], []) for holds in (True, False)] == ["unknown", "unknown"]


def test_all_findings_must_hold_and_nothing_may_be_left_behind() -> None:
    assert judge([finding(True), finding(True)], [], []) == "pass"
    assert judge([finding(True), finding(False)], [], []) == "fail"
    assert judge([finding(True)], [], ["catalog still runs four replicas"]) == "fail"


def test_lag_drops_and_scarce_samples_are_doubts() -> None:
    limits = Limits()
    assert doubts({"fine": load()}, limits) == []
    assert "lagged" in doubts({"late": load(lag_s=0.2)}, limits)[0]
    assert "dropped" in doubts({"full": load(outcome=DROPPED)}, limits)[0]
    assert "samples" in doubts({"few": load(count=367)}, limits)[0]


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.slug)
def test_every_lab_asks_two_to_four_questions_and_probes_its_steady_state(lab: Lab) -> None:
    assert 2 <= len(lab.predictions) <= 4 and lab.steady_state
    assert len({question.id for question in lab.predictions}) == len(lab.predictions)


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.slug)
def test_every_lab_fits_into_a_minute_in_quick_mode(lab: Lab) -> None:
    loads = 2 * lab.steady_load.quick_seconds + len(lab.method) * lab.load.quick_seconds
    assert loads <= 50


def test_the_list_of_labs_says_what_each_asks() -> None:
    assert set(overview()[0]) == {"slug", "topic", "title", "question", "minutes"}


def test_an_unknown_lab_names_the_near_ones() -> None:
    with pytest.raises(NoSuchLab, match="balancing-policies"):
        lab_named("balancing-policy")
