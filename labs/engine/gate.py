"""Predict first: the run refuses until every question has an answer, and the answers cannot be edited afterwards.

Learners who only watch a demonstration understand it no better than those who never saw it; those who predict first do
(Crouch, Fagen, Callan, Mazur, Am. J. Phys. 72:835, 2004).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs.lab import Answer, Choice, Lab, Number, Numbers, Question

Answers = Mapping[str, Answer]


class PredictionsMissing(Exception):
    """Some questions have no answer yet; `questions` are those."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        super().__init__("predict first: " + "; ".join(f"{question.id}: {question.text}" for question in questions))


class BadAnswer(ValueError):
    """An answer does not fit its question; the message says what would."""


def check(lab: Lab, answers: Answers) -> dict[str, Answer]:
    """The answers as they will be graded. Raises `PredictionsMissing` or `BadAnswer`."""
    known = {question.id for question in lab.predictions}
    if unknown := sorted(set(answers) - known):
        raise BadAnswer(f"no such question: {', '.join(unknown)} (there are {', '.join(sorted(known))})")
    if missing := [question for question in lab.predictions if question.id not in answers]:
        raise PredictionsMissing(missing)
    return {question.id: _fit(question, answers[question.id]) for question in lab.predictions}


def grade(lab: Lab, answers: Answers, numbers: Numbers) -> list[dict[str, Any]]:
    """Each prediction beside what was measured."""
    return [_grade(question, answers[question.id], numbers) for question in lab.predictions if question.id in answers]


def ask(lab: Lab, read: Callable[[str], str] = input, write: Callable[[str], object] = print) -> dict[str, Answer]:
    """Put the questions to a person at a terminal, again until an answer fits."""
    return {question.id: _ask(question, read, write) for question in lab.predictions}


def hint(question: Question) -> str:
    """What an answer looks like."""
    match question:
        case Number():
            return f"a number from {question.low:g} to {question.high:g}, in {question.unit}"
        case Choice():
            return "one of: " + ", ".join(f"{number} {text}" for number, text in enumerate(question.options, 1))


def _ask(question: Question, read: Callable[[str], str], write: Callable[[str], object]) -> Answer:
    write(f"\n{question.text}\n  ({hint(question)})")
    while True:
        try:
            answer = _fit(question, Answer(value=read("  your prediction: ").strip()))
            return Answer(value=answer.value, because=read("  because: ").strip())
        except BadAnswer as error:
            write(f"  {error}")


def _fit(question: Question, answer: Answer) -> Answer:
    value = answer.value
    match question:
        case Number():
            return Answer(value=_number(question, value), because=answer.because)
        case Choice():
            if str(value).isdigit() and 1 <= int(value) <= len(question.options):
                value = question.options[int(value) - 1]
            if value not in question.options:
                raise BadAnswer(f"{question.id}: {hint(question)}, not {value!r}")
            return Answer(value=value, because=answer.because)


def _number(question: Number, value: float | str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not question.low <= number <= question.high:
        raise BadAnswer(f"{question.id}: {hint(question)}, not {value!r}")
    return number


def _grade(question: Question, answer: Answer, numbers: Numbers) -> dict[str, Any]:
    measured: float | str
    match question:
        case Number():
            measured = numbers[question.measured]
            right = _within_a_factor(float(answer.value), measured, question.factor)
        case Choice():
            measured = question.answer(numbers)
            right = answer.value == measured
    return {
        "id": question.id,
        "question": question.text,
        "unit": question.unit if isinstance(question, Number) else "",
        "predicted": answer.value,
        "because": answer.because,
        "measured": measured,
        "right": right,
    }


def _within_a_factor(predicted: float, measured: float, factor: float) -> bool:
    if predicted <= 0 or measured <= 0:
        return predicted == measured
    return 1 / factor <= predicted / measured <= factor
