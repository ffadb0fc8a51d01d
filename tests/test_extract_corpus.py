"""Numbers and formulas: a corpus of outputs in the shapes that models write, from `cases/reading/`."""

from __future__ import annotations

import pytest
from cases import groups

from cotbench.answers.reading import VAGUE, extract
from cotbench.types import AnswerType

EXPLICIT = ("contract", "boxed", "hashes", "phrase")

Case = tuple[str, AnswerType, str, str | None]

FIELDS = "case output answer"
CASES: list[Case] = [
    (f"{kind}: {group}: {case}", kind, output, answer)
    for kind, file in ((AnswerType.NUMBER, "reading/numbers"), (AnswerType.LATEX, "reading/formulas"))
    for group, rows in groups(file, FIELDS).items()
    for case, output, answer in rows
]
CUT: list[Case] = [
    (f"{kind}: {case}", AnswerType(kind), output, answer)
    for kind, rows in groups("reading/cut", FIELDS).items()
    for case, output, answer in rows
]


def params(cases: list[Case]) -> list[object]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


each_case = pytest.mark.parametrize(("kind", "text", "answer"), params(CASES))


def test_the_corpus_is_one() -> None:
    """Enough rows, no two of one name or of one text, and enough of more than one line."""
    kinds = [case[1] for case in CASES]
    assert kinds.count(AnswerType.NUMBER) >= 170
    assert kinds.count(AnswerType.LATEX) >= 130
    for cases in (CASES, CUT):
        assert len({case[0] for case in cases}) == len(cases)
        assert len({case[1:3] for case in cases}) == len(cases)
    assert sum("\n" in case[2].strip() for case in CASES) >= 250


@each_case
def test_reading(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind)
    assert found.answer == answer, found


@each_case
def test_line_ends_change_nothing(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text.replace("\n", "\r\n"), kind)
    assert (found.answer and found.answer.replace("\r", "")) == answer, found


@pytest.mark.parametrize(("kind", "text", "answer"), params(CUT))
def test_reading_of_what_was_cut(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind, truncated=True)
    assert found.answer == answer, found


@each_case
def test_a_cut_behind_an_explicit_answer_changes_nothing(kind: AnswerType, text: str, answer: str | None) -> None:
    whole, cut = extract(text, kind), extract(text, kind, truncated=True)
    assert cut.rule not in VAGUE
    if whole.rule in EXPLICIT and whole.span and whole.span[1] < len(text):
        assert cut == whole
