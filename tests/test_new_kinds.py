"""Texts, yes and no, words, expressions, lists, several letters: corpora of outputs in the shapes that models write."""

from __future__ import annotations

import pytest
from cases import load, rows

from cotbench.answers.grader import grade_now
from cotbench.answers.judging.texts import normalized
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import DECLINED, VAGUE, extract
from cotbench.types import AnswerType

CORPORA = {
    AnswerType.TEXT: ("reading/texts", "reading/broken_texts"),
    AnswerType.BOOLEAN: ("reading/truths", "reading/broken_truths"),
    AnswerType.CHOICE: ("reading/choices", "reading/broken_choices"),
    AnswerType.EXPRESSION: ("reading/expressions", "reading/broken_expressions"),
    AnswerType.LIST: ("reading/lists", "reading/broken_lists"),
    AnswerType.LETTERS: ("reading/several", "reading/broken_several"),
    AnswerType.NUMBER_OR_NONE: ("reading/nones", "reading/broken_nones"),
    AnswerType.DECIMAL: ("reading/decimals",),
}
OPTIONS = ("red", "blue", "green", "dull")
LEAST = {**dict.fromkeys(CORPORA, 250), AnswerType.NUMBER_OR_NONE: 80, AnswerType.DECIMAL: 20}

Case = tuple[AnswerType, tuple[str, ...], bool, str, str | None]


def cases_of(kind: AnswerType) -> list[tuple[str, Case]]:
    return [case for file in CORPORA[kind] for case in cases_in(file, kind)]


def cases_in(file: str, kind: AnswerType) -> list[tuple[str, Case]]:
    parts = load(file)
    by_words = {tuple(words.split(", ")): part for words, part in parts.items()} if kind is AnswerType.CHOICE else None
    return [
        (f"{file}: {group} {place}", (kind, words, group == "cut", output, answer))
        for words, groups in (by_words or {OPTIONS if KINDS[kind].has_choices else (): parts}).items()
        for group, table in groups.items()
        for place, (output, answer) in enumerate(rows(table, "output answer"))
    ]


CASES = [case for kind in CORPORA for case in cases_of(kind)]
each_case = pytest.mark.parametrize(
    ("kind", "words", "cut", "text", "answer"), [pytest.param(*case, id=name) for name, case in CASES]
)


def said(kind: AnswerType, answer: str | None, rule: str) -> str | None:
    """An answer in the form in which a corpus is compared."""
    if answer is None:
        return DECLINED if rule == DECLINED else None
    return normalized(answer) if kind is AnswerType.TEXT else answer


def wanted(kind: AnswerType, answer: str | None) -> str | None:
    return answer if answer in (None, DECLINED) else said(kind, answer, "")


def test_the_corpora_are_large_and_no_row_is_there_twice() -> None:
    for kind, least in LEAST.items():
        own = [case for _, case in CASES if case[0] is kind]
        assert len({(words, cut, text) for _, words, cut, text, _ in own}) == len(own) >= least, kind


@each_case
def test_reading(kind: AnswerType, words: tuple[str, ...], cut: bool, text: str, answer: str | None) -> None:
    found = extract(text, kind, words, truncated=cut)
    assert said(kind, found.answer, found.rule) == wanted(kind, answer), found


@pytest.mark.patient
@each_case
def test_line_ends_change_nothing(
    kind: AnswerType, words: tuple[str, ...], cut: bool, text: str, answer: str | None
) -> None:
    found = extract(text.replace("\n", "\r\n"), kind, words, truncated=cut)
    assert said(kind, found.answer, found.rule) == wanted(kind, answer), found


@pytest.mark.patient
@each_case
def test_a_thought_before_it_changes_nothing(
    kind: AnswerType, words: tuple[str, ...], cut: bool, text: str, answer: str | None
) -> None:
    if not text.strip() or "think" in text.casefold() or "<|" in text:
        return
    thought = "<think>\nThe answer may be yes, A and B, 3 + 4, true, or plain.\n</think>\n\n"
    found = extract(thought + text, kind, words, truncated=cut)
    assert said(kind, found.answer, found.rule) == wanted(kind, answer), found


@pytest.mark.patient
@each_case
def test_a_span_shows_where_the_answer_stands(
    kind: AnswerType, words: tuple[str, ...], cut: bool, text: str, answer: str | None
) -> None:
    found = extract(text, kind, words, truncated=cut)
    if found.answer is None:
        assert found.span is None
    else:
        assert found.span is not None
        begin, end = found.span
        assert 0 <= begin < end <= len(text)
        assert text[begin:end].strip() == text[begin:end]


@pytest.mark.patient
@each_case
def test_a_cut_behind_an_explicit_answer_changes_nothing(
    kind: AnswerType, words: tuple[str, ...], cut: bool, text: str, answer: str | None
) -> None:
    whole, cut_off = extract(text, kind, words), extract(text, kind, words, truncated=True)
    assert cut_off.rule not in VAGUE
    explicit = whole.rule in ("contract", "boxed", "hashes")
    if not cut and explicit and whole.span and whole.span[1] < len(text.rstrip()) and "Wait" not in text:
        assert cut_off == whole


@pytest.mark.parametrize("kind", CORPORA)
def test_an_answer_that_was_read_is_equal_to_itself_and_can_be_graded(kind: AnswerType) -> None:
    """So that votes over answers can compare any two of them."""
    own = [case for _, case in CASES if case[0] is kind]
    read = {found for _, words, cut, text, _ in own if (found := extract(text, kind, words, truncated=cut).answer)}
    for one in sorted(read):
        for other in sorted(read)[:20]:
            verdict = grade_now(one, other, kind)
            assert verdict is not None
            back = grade_now(other, one, kind)
            assert back is not None
            assert (verdict.outcome == "correct") == (back.outcome == "correct") >= (one == other)
