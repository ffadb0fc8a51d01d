"""Reading answers: the tables of `cases/reading/rules.yaml`, and what must hold for any text at all."""

from __future__ import annotations

import inspect
import re
import time
from dataclasses import fields
from fractions import Fraction

import pytest
from cases import load, row, rows
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import (
    MAX_ANSWER_CHARS,
    VAGUE,
    boxed_spans,
    canonical_number,
    extract,
    show_number,
    split_reasoning,
)
from cotbench.answers.reading.patterns import PLAIN_SIGNS
from cotbench.types import AnswerType, Question

NUMBER, LETTER, LATEX = AnswerType.NUMBER, AnswerType.LETTER, AnswerType.LATEX

Case = tuple[str, AnswerType, tuple[str, ...], str, str | None, str]

TABLES = {
    name: row(table, "type rows", optional="options") for name, table in load("reading/rules").items()
}  # each its answer type, rows and, for letters, options
TRIP, TEN = (tuple(TABLES[name][2]) for name in ("trip", "ten"))
CASES: list[Case] = [
    (f"{kind}: {case}", AnswerType(kind), tuple(options or ()), *values)
    for kind, table, options in TABLES.values()
    for case, *values in rows(table, "case output answer rule")
]


def params(cases: list[Case]) -> list[object]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def lists_the_boxes_of(answer: str, source: str) -> bool:
    r"""Whether an answer is what the boxes of its source hold, one behind the other: "1, 2" of "1} and \\boxed{2"."""
    at = 0
    for part in answer.split(", "):
        at = source.find(part, at) + len(part)
        if at < len(part):
            return False
    return "\\boxed" in source or "\\fbox" in source


each_case = pytest.mark.parametrize(("kind", "options", "text", "answer", "rule"), params(CASES))
each_answer = pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"), params([case for case in CASES if case[4] is not None])
)
each_explicit = pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"),
    params([case for case in CASES if case[5] in ("contract", "boxed", "hashes", "phrase")]),
)


def test_the_tables_are_tables() -> None:
    reasons = [case[0] for case in CASES]
    for _, _, options in TABLES.values():
        assert len(set(options or ())) == len(options or ())
    numbers_and_formulas = [reason for reason in reasons if not reason.startswith("letter")]
    assert len(set(numbers_and_formulas)) == len(numbers_and_formulas)
    assert len(CASES) >= 150


@each_case
def test_reading(kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str) -> None:
    found = extract(text, kind, options)
    assert (found.answer, found.rule) == (answer, rule)


@each_answer
def test_span_holds_the_source(kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str) -> None:
    found = extract(text, kind, options)
    assert found.span is not None
    source = text[slice(*found.span)]
    assert source == source.strip()
    if kind is LATEX:
        assert source == answer or lists_the_boxes_of(answer, source)
    elif kind is NUMBER:
        assert extract(f"Answer: {source}", NUMBER).answer == answer
    elif source.upper() != answer:
        assert extract(f"Answer: {source}", LETTER, options).answer == answer


@each_explicit
def test_explicit_answer_survives_a_cut(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str
) -> None:
    found = extract(text + "\n\nAnd to say it in other words, we", kind, options, truncated=True)
    assert (found.answer, found.rule) == (answer, rule)


@each_explicit
def test_explicit_answer_survives_an_invented_question(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str
) -> None:
    run_on = "\n\nQuestion: What is next?\nAnswer: \\boxed{31}\nAnswer: 31\nAnswer: (B)\n#### 31"
    found = extract(text + run_on, kind, options)
    assert (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"),
    params([case for case in CASES if "think>" not in case[3] and case[3].strip()]),
)
def test_thought_changes_nothing(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str
) -> None:
    thought = "<think>Perhaps\nAnswer: \\boxed{31}\nAnswer: (B)\n#### 31\n</think>"
    found, bare = extract(thought + text, kind, options), extract(text, kind, options)
    assert (found.answer, found.rule) == (answer, rule)
    if found.span and bare.span:
        assert found.span == (bare.span[0] + len(thought), bare.span[1] + len(thought))


@each_case
def test_line_ends_change_nothing(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str
) -> None:
    found = extract(text.replace("\r\n", "\n").replace("\n", "\r\n"), kind, options)
    assert (found.answer and found.answer.replace("\r", ""), found.rule) == (answer, rule)


# --- cut at the token budget --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        pytest.param(NUMBER, "First she has 16 eggs, and then 3", None, id="a last number is an accident"),
        pytest.param(NUMBER, "She sells 9 of them. So 9 * 2", None, id="half a product"),
        pytest.param(NUMBER, "Answer: 42\nLet me check: 6 *", "42", id="answered before the cut"),
        pytest.param(NUMBER, "Answer: 1", None, id="more digits may have been to come"),
        pytest.param(NUMBER, "Answer: 120\nAnswer: 120\nAnswer: 1", "120", id="a loop: the last whole line"),
        pytest.param(NUMBER, "Answer: 42\n", "42", id="the line was ended"),
        pytest.param(NUMBER, "Answer: \\boxed{42}", "42", id="the box was closed"),
        pytest.param(NUMBER, "Answer: \\boxed{4", None, id="the box was left open"),
        pytest.param(NUMBER, "4", None, id="a digit"),
        pytest.param(LETTER, "So it is (B", None, id="a bracket left open"),
        pytest.param(LETTER, "Trains run.\nIt may be (B)", None, id="marked, vague"),
        pytest.param(LETTER, "Trains run.\n\nTrain", None, id="option text, vague"),
        pytest.param(LETTER, "Answer: B", "B", id="a letter is whole"),
        pytest.param(LETTER, "The answer is B. This is", "B", id="phrase before the cut"),
        pytest.param(LATEX, "Therefore $x = 5$ and then $y", None, id="the last formula is an accident"),
        pytest.param(LATEX, "$x = 5$", None, id="a formula alone"),
        pytest.param(LATEX, "So \\boxed{5} and", "5", id="boxed before the cut"),
        pytest.param(LATEX, "Answer: \\frac{1}{2", None, id="half a fraction"),
        pytest.param(LATEX, "Answer: \\boxed{\\frac{1}{2}", None, id="box left open"),
        pytest.param(LATEX, "\\boxed{1}\n\\boxed{1}\n\\boxed{", "1", id="a loop: the last whole box"),
        pytest.param(LATEX, "", None, id="nothing"),
        pytest.param(NUMBER, "<think>Answer: 5</think>", None, id="cut behind the thought: the answer was to come"),
        pytest.param(NUMBER, "So there are thirty-one", None, id="a last number in words"),
        pytest.param(NUMBER, "Answer: forty", None, id="more words may have been to come"),
    ],
)
def test_truncated(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind, TRIP if kind is LETTER else (), truncated=True)
    assert found.answer == answer
    assert found.rule not in VAGUE


# --- what is still read wrongly -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        pytest.param(
            LETTER, "Answer: C\n\nWhat sinks?\nA) Lead\nB) Wood\nAnswer: A", "C", id="run-on without 'Question:'"
        ),
    ],
)
@pytest.mark.xfail(strict=True, reason="known: a rule for it would misread more than it reads")
def test_known_misreadings(kind: AnswerType, text: str, answer: str | None) -> None:
    assert extract(text, kind, TRIP if kind is LETTER else ()).answer == answer


# --- building blocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("42", "42"),
        (" 42 ", "42"),
        ("042", "42"),
        ("1,000", "1000"),
        ("12 345", "12345"),
        ("-0", "0"),
        ("1/2", "0.5"),
        ("2/3", "2/3"),
        ("-4/6", "-2/3"),
        ("1.50", "1.5"),
        ("$5", "5"),
        ("\u22125", "-5"),
        ("1,00", None),
        ("5 apples", None),
        ("", None),
        ("1/0", None),
        ("x", None),
        ("9" * 257, None),
    ],
)
def test_canonical_number(text: str, canonical: str | None) -> None:
    assert canonical_number(text) == canonical


@settings(deadline=None, database=None)
@given(st.fractions())
def test_shown_numbers_are_exact(value: Fraction) -> None:
    shown = show_number(value)
    assert Fraction(shown) == value
    assert canonical_number(shown) == shown


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("", []),
        ("\\boxed{a}\\fbox{b}", ["a", "b"]),
        ("\\boxed{a{b}c}", ["a{b}c"]),
        ("\\boxed{a\\}b}", ["a\\}b"]),
        ("\\boxed{a\\\\}b}", ["a\\\\"]),
        ("\\boxed{a\\boxed{b}}", ["a\\boxed{b}", "b"]),
        ("{\\boxed{a}", ["a"]),
        ("}\\boxed{a}", ["a"]),
        ("\\boxed{a", []),
        ("\\boxed{" + "a" * MAX_ANSWER_CHARS + "}", ["a" * MAX_ANSWER_CHARS]),
        ("\\boxed{" + "a" * (MAX_ANSWER_CHARS + 1) + "}", []),
        ("\\boxed -7.", ["-7."]),
        ("\\boxed x", ["x"]),
        ("\\boxedfoo{a}", []),
    ],
)
def test_boxed_spans(text: str, contents: list[str]) -> None:
    assert [text[start:end] for start, end in boxed_spans(text)] == contents


@pytest.mark.parametrize(
    ("text", "visible", "thought", "unclosed"),
    [
        ("", "", None, False),
        ("plain", "plain", None, False),
        ("5 < 6", "5 < 6", None, False),
        ("a</think>b", "b", "a", False),
        ("<think>a</think>b", "b", "<think>a", False),
        ("a</think>b</think>c", "c", "b", False),
        ("a</think>", "", "a", False),
        ("a<think>b", "a", None, False),
        (" <think>a", " ", "a", True),
        ("a</think> <think>b", " ", "b", True),
        ("a</THINK>b", "b", "a", False),
        ("a</reasoning>b", "b", "a", False),
        ("[THINK]a[/THINK]b", "b", "[THINK]a", False),
        ("◁think▷a◁/think▷b", "b", "◁think▷a", False),
        ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "b", "<|channel|>analysis<|message|>a", False),
        ("analysisSo 5.assistantfinal5", "5", "analysisSo 5.", False),
        ("an assistantfinalist", "an assistantfinalist", None, False),
    ],
)
def test_split_reasoning(text: str, visible: str, thought: str | None, unclosed: bool) -> None:
    parts = split_reasoning(text)
    assert text[slice(*parts.visible)] == visible
    assert (parts.thought and text[slice(*parts.thought)]) == thought
    assert parts.unclosed == unclosed


# --- gold-blind, total, linear ------------------------------------------------------------------------------------


def test_extraction_has_no_gold() -> None:
    assert set(inspect.signature(extract).parameters) == {"text", "answer_type", "choices", "truncated"}
    assert not any("gold" in field.name for field in fields(Question))


@pytest.mark.parametrize("options", [TRIP[:1], TRIP[:2], TRIP, TEN], ids=len)
def test_letters_beyond_the_options_are_never_read(options: tuple[str, ...]) -> None:
    allowed = "ABCDEFGHIJ"[: len(options)]
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for form in ("Answer: {}", "({})", "The answer is {}.", "\\boxed{{{}}}", "So **{}**", "{}", "{}) it is"):
            found = extract(form.format(letter), LETTER, options)
            assert found.answer in (letter if letter in allowed else None, None)


@pytest.mark.parametrize("position", range(4))
def test_no_letter_is_easier_to_read_than_another(position: int) -> None:
    letter, option = "ABCD"[position], TRIP[position]
    for form in (
        "Answer: {}",
        "Answer: {} is right",
        "Answer: {} because it is fast",
        "The answer is {}",
        "({}) {option}",
        "{}. {option}",
        "{}\n\nIt is fast.",
        "So option {} is correct.",
        "It is fast.\nHence **{}**",
        "Answer: the {option}",
    ):
        assert extract(form.format(letter, option=option), LETTER, TRIP).answer == letter, form


def check_any(text: str) -> float:
    """What holds for every text; returns the longest CPU time of a reading, so that a busy machine doesn't matter."""
    longest = 0.0
    for kind in AnswerType:
        options = TRIP if KINDS[kind].has_choices else ()
        for truncated in (False, True):
            start = time.process_time()
            found = extract(text, kind, options, truncated=truncated)
            longest = max(longest, time.process_time() - start)
            assert (found.answer is None) == (found.span is None)
            if found.answer is None or found.span is None:
                assert found.rule in ("", "unclosed_think", "declined")
                continue
            assert 0 <= found.span[0] < found.span[1] <= len(text)
            assert not (truncated and found.rule in VAGUE)
            if kind is NUMBER:
                assert show_number(Fraction(found.answer)) == found.answer
            elif kind is LETTER:
                assert found.answer in "ABCD"
            elif kind is LATEX:
                source = text[slice(*found.span)].translate(PLAIN_SIGNS)
                assert found.answer == source or lists_the_boxes_of(found.answer, source)
            assert 0 < len(found.answer) <= MAX_ANSWER_CHARS
    return longest


FRAGMENTS = [
    *("Answer:", "answer", "The answer is ", "**", "####", "\\boxed{", "\\boxed", "\\frac{1}", "}", "{", "\\(", "\\)"),
    *(
        "\\[",
        "\\]",
        "$",
        "$$",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\t",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "<think>",
        "</think>",
        "\\",
    ),
    *(
        "1",
        "23,456",
        "7.",
        "-",
        "\u2212",
        "/",
        "=",
        ":",
        ".",
        ",",
        "(",
        ")",
        "A",
        "B",
        "C)",
        "(D)",
        "A plane",
        "Plane",
        "e5",
    ),
    *(
        "Question:",
        "<|im_end|>",
        "is ",
        "option ",
        "Option C is correct",
        "not ",
        " and ",
        "x^2",
        "I think",
        "\U0001f600",
        "٣",
    ),
]


@pytest.mark.patient
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.integers(1, 400)), max_size=30))
@example([("<think>", 3)])
@example([("The answer is ", 240), ("Plane", 400), ("(D)", 400)])
@example([("The answer is ", 160), ("B", 150), ("=", 1), ("\n\n", 400), ("A", 10)])
@example([("The answer is ", 51), ("answer", 289), ("C)", 1)])
def test_any_pile_of_fragments(parts: list[tuple[str, int]]) -> None:
    assert check_any("".join(fragment * times for fragment, times in parts)[:20_000]) < 1


@pytest.mark.patient
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60))
def test_any_mix_of_fragments(parts: list[str]) -> None:
    assert check_any("".join(parts)) < 1


@pytest.mark.patient
@settings(max_examples=150, deadline=None, database=None)
@given(st.text(max_size=200), st.integers(1, 100))
def test_any_text(text: str, times: int) -> None:
    assert check_any((text * times)[:20_000]) < 1


HUGE = {
    "nested braces": "{" * 10_000 + "5" + "}" * 10_000,
    "nested boxes": "\\boxed{" * 10_000 + "5" + "}" * 10_000,
    "boxes left open": "\\boxed{" * 14_000,
    "boxes left open on answer lines": "Answer: \\boxed{\n" * 6_000,
    "round math left open": "\\(" * 50_000,
    "square math left open": "\\[" * 50_000,
    "dollars": "$" * 100_000,
    "dollars apart": "$ " * 50_000,
    "escaped dollars": "\\$" * 50_000,
    "backslashes": "\\" * 100_000,
    "spaces behind the colon": "Answer:" + " " * 100_000,
    "spaces in the answer": "Answer: x" + " " * 100_000 + "y",
    "spaces behind 'the'": "the" + " " * 100_000 + "answer",
    "spaces behind 'answer'": "answer to" + " " * 100_000 + "is",
    "spaces in a box": "\\boxed" + " " * 100_000 + "{",
    "line ends": "\n" * 100_000,
    "line ends behind the colon": "Answer:" + "\n" * 100_000,
    "stars": "*" * 100_000,
    "stars behind the colon": "Answer:" + "*" * 100_000,
    "hashes": "#" * 100_000,
    "zero-width": "\u200b" * 100_000,
    "zero-width behind the colon": "Answer:" + "\u200b" * 100_000,
    "digits": "1" * 100_000,
    "digits and commas": "1,000" * 20_000,
    "commas and digits": ",000" * 25_000,
    "slashes": "1/" * 50_000,
    "minus signs": "-" * 100_000,
    "equals signs": "= " * 50_000,
    "fractions": "\\frac{1}" * 12_000,
    "letters": "A " * 50_000,
    "marked letters": "(A) " * 25_000,
    "letters and commas": "A, " * 33_000,
    "answer lines": "Answer: 4\n" * 10_000,
    "answers in a line": "Answer: " * 12_000,
    "answer headings": "Answer:\n" * 12_000,
    "phrases": "the answer is " * 7_000,
    "options": "option " * 14_000,
    "options that are right": "option A is correct " * 5_000,
    "thoughts": "<think>" * 14_000,
    "ends of thoughts": "</think>" * 12_000,
    "questions": "Question: 4\nAnswer: 4\n" * 4_500,
    "questions without answers": "Question: \n" * 9_000,
    "brackets": "(" * 100_000,
    "remarks": "Answer: 5" + " (x)" * 25_000,
    "text commands": "\\text{" * 16_000,
    "one sentence": "and so it goes on " * 5_500,
}


@pytest.mark.patient
@pytest.mark.parametrize("name", HUGE)
def test_huge_texts_are_read_in_no_time(name: str) -> None:
    assert check_any(HUGE[name]) < 1


@pytest.mark.patient
def test_reading_is_linear() -> None:
    """Four times the text takes about four times as long, not sixteen."""
    short, long = (min(check_any("so 3 * 4 = 12, and the answer is 12\n" * n) for _ in range(3)) for n in (500, 2_000))
    assert long < 10 * short + 0.05


def test_rules_of_the_docstring() -> None:
    """Every rule that a table row names is in the module's table, and the other way round."""
    import cotbench.answers.reading

    table = re.findall(r"^    ([a-z_]+) {2,}(?=\S)", cotbench.answers.reading.__doc__ or "", re.M)
    assert set(table) - {"rule"} == {case[5] for case in CASES} - {"", "unclosed_think"}
    assert set(table) >= VAGUE
