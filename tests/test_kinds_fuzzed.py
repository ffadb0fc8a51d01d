"""No text, gold or value makes a kind's functions raise; and what was read can be compared with any gold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_new_kinds import CASES, OPTIONS

from cotbench.answers.grader import grade_now
from cotbench.answers.kinds import KINDS
from cotbench.answers.notation.arithmetic import parsed, written
from cotbench.answers.reading import extract
from cotbench.types import AnswerType, Execution, ExecutionOutcome

pytestmark = pytest.mark.patient

OF_CORPORA = [text for _, (_, _, _, text, _) in CASES]
PIECES = (
    *(
        "Answer:",
        "answer is",
        "\\boxed{",
        "}",
        "####",
        "\n",
        "\n\n",
        " ",
        "**",
        '"',
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
    ),
    *(
        "yes",
        "no",
        "not",
        "true",
        "n't",
        "A",
        "B, C",
        "and",
        "or",
        "4",
        "8 - 4",
        "*",
        "/",
        "\\frac{",
        "\\times",
        "1. ",
        "- ",
    ),
    *(
        "because",
        "Wait, that is wrong.",
        "Actually, it's",
        "<think>",
        "</think>",
        "<|im_end|>",
        "I don't know",
        "none",
        ".",
    ),
    *(
        "答案",
        "是",
        "故选",
        "İ",
        "ß",
        "\u200b",
        "\x00",
        "\ud800",
        "🙂",
        "$",
        "`",
        "```",
        ",",
        ";",
        ":",
        "？",
        "。",
        "=",
        "24",
        "x",
    ),
)
TEXTS = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(PIECES), max_size=24).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=24).map(" ".join),
    st.tuples(st.sampled_from(OF_CORPORA), st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]]),
    st.tuples(st.sampled_from(OF_CORPORA), st.sampled_from(OF_CORPORA)).map("\n".join),
)
GOLDS = {
    AnswerType.NUMBER: "5",
    AnswerType.LETTER: "B",
    AnswerType.TEXT: "The cat\nA cat",
    AnswerType.BOOLEAN: "yes",
    AnswerType.CHOICE: "blue",
    AnswerType.EXPRESSION: "4 6 8 8",
    AnswerType.LIST: "a b",
    AnswerType.LETTERS: "AC",
    AnswerType.NUMBER_OR_NONE: "none",
}
each_kind = pytest.mark.parametrize("kind", GOLDS)


@each_kind
@settings(max_examples=150, deadline=None)
@given(text=TEXTS, cut=st.booleans())
def test_any_text_is_read_and_graded(kind: AnswerType, text: str, cut: bool) -> None:
    found = extract(text, kind, OPTIONS, truncated=cut)
    assert (found.answer is None) == (found.span is None)
    if found.answer is not None and found.span is not None:
        begin, end = found.span
        assert 0 <= begin <= end <= len(text)
        assert found.answer.strip() == found.answer != ""
        for gold in (GOLDS[kind], found.answer, extract(text[:40], kind, OPTIONS).answer or GOLDS[kind]):
            verdict = grade_now(found.answer, gold, kind)
            assert verdict is not None
            assert 0 <= verdict.score <= 1


@pytest.mark.parametrize("kind", [kind for kind in GOLDS if kind is not AnswerType.LETTER])  # its readers check gold
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_any_gold_is_read_or_refused_in_words(kind: AnswerType, text: str) -> None:
    for read in (KINDS[kind].task_gold, KINDS[kind].file_gold):
        try:
            gold = read(text, OPTIONS)
        except ValueError as error:
            assert str(error)
            continue
        assert gold
        verdict = grade_now(GOLDS[kind], gold, kind)
        assert verdict is not None
        assert KINDS[kind].right(gold, OPTIONS)
        assert KINDS[kind].wrong(gold, OPTIONS)


@each_kind
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_any_value_is_an_answer_or_none(kind: AnswerType, text: str) -> None:
    execution = Execution(outcome=ExecutionOutcome.OK, value=text, latex=text, decimal=None, option="B", stdout=text)
    answer = KINDS[kind].value(execution)
    if answer is not None:
        assert grade_now(answer, GOLDS[kind], kind) is not None


@pytest.mark.parametrize("kind", GOLDS)
def test_what_is_right_and_what_is_wrong_are_graded_so(kind: AnswerType) -> None:
    """As an answer line says them, which is what the stub does."""
    gold, row = KINDS[kind].task_gold(GOLDS[kind], OPTIONS), KINDS[kind]
    for said, outcome in ((row.right(gold, OPTIONS), "correct"), (row.wrong(gold, OPTIONS), "wrong")):
        answer = extract(f"Answer: {said}", kind, OPTIONS).answer
        assert answer is not None
        verdict = grade_now(answer, gold, kind)
        assert verdict is not None
        assert verdict.outcome == outcome, (said, answer)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789+-*/(). ", max_size=60))
def test_an_expression_is_written_so_that_it_means_the_same(text: str) -> None:
    found = parsed(text)
    if found is not None:
        again = parsed(written(found))
        assert again is not None
        assert (again.numbers, again.value) == (found.numbers, found.value)
