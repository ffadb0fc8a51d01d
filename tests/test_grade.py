r"""Verdicts: numbers and letters exactly, formulas in worker processes that may hang, die or be closed.

Tests replace `judge` of the kind latex, the function that a worker runs, by functions of this module: a spawned worker
can import them. They are given a pair of texts and nothing else, so a folder's path travels as the gold of a pair.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Cli
from handmade import write_formulas

import cotbench
from cotbench.answers import grader as workers
from cotbench.answers.grader import RIGHT, TIMEOUT, WRONG, Grader, grade_now
from cotbench.answers.judging.cleaning import clean_latex, plain_to_latex, same_text
from cotbench.answers.judging.quick import too_big
from cotbench.answers.kinds import KINDS, judge_formula
from cotbench.answers.reading import extract
from cotbench.errors import UsageError
from cotbench.types import AnswerType, Verdict

LATEX = AnswerType.LATEX

# --- numbers and letters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        pytest.param("42", "42", RIGHT, id="same"),
        pytest.param("42", "43", WRONG, id="different"),
        pytest.param("0.5", "1/2", RIGHT, id="decimal and fraction"),
        pytest.param("0.50", "0.5", RIGHT, id="zero at the end"),
        pytest.param("1000", "1000.0", RIGHT, id="whole and decimal"),
        pytest.param("2/6", "1/3", RIGHT, id="fractions are reduced"),
        pytest.param("1/3", "0.333", WRONG, id="rounded isn't equal"),
        pytest.param("0.3333333333333333", "1/3", WRONG, id="as close as a float can be isn't equal"),
        pytest.param("0.1", "0.1000000000000000055511151231257827", WRONG, id="what a float makes of 0.1"),
        pytest.param("100000000000000000001", "100000000000000000000", WRONG, id="beyond the precision of a float"),
        pytest.param("-5", "5", WRONG, id="sign"),
        pytest.param("-0", "0", RIGHT, id="negative zero"),
        pytest.param("50", "0.5", WRONG, id="percent isn't converted"),
    ],
)
def test_numbers(answer: str, gold: str, verdict: Verdict) -> None:
    assert grade_now(answer, gold, AnswerType.NUMBER) is verdict
    assert grade_now(gold, answer, AnswerType.NUMBER) is verdict


@pytest.mark.parametrize(("answer", "gold", "verdict"), [("A", "A", RIGHT), ("A", "B", WRONG), ("J", "J", RIGHT)])
def test_letters(answer: str, gold: str, verdict: Verdict) -> None:
    assert grade_now(answer, gold, AnswerType.LETTER) is verdict


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        ("tea", "eat", WRONG), ("York New", "New York", WRONG), ("evelyn", r"\text{Evelyn}", RIGHT),
        ("True", r"\text{true}", RIGHT), ("Tuesday.", "Tuesday", RIGHT), ("silent", "listen", WRONG),
    ],
)  # fmt: skip
def test_words_are_compared_as_words(answer: str, gold: str, verdict: Verdict) -> None:
    assert grade_now(answer, gold, LATEX) is verdict


# --- notation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param(" x + 1 ", "x + 1", id="spaces at the ends"),
        pytest.param("x  +\n1", "x + 1", id="spaces are one"),
        pytest.param("\\left( 1, 2 \\right)", "( 1, 2 )", id="left and right"),
        pytest.param("\\leftarrow", "\\leftarrow", id="a command that begins with left"),
        pytest.param("\\bigl( 1 \\bigr)", "( 1 )", id="big brackets"),
        pytest.param("\\dfrac{1}{2}", "\\frac{1}{2}", id="dfrac"),
        pytest.param("\\tfrac{1}{2}", "\\frac{1}{2}", id="tfrac"),
        pytest.param("\\frac12", "\\frac{1}{2}", id="fraction without braces"),
        pytest.param("\\frac 1 2", "\\frac{1}{2}", id="fraction with spaces"),
        pytest.param("\\frac1{10}", "\\frac{1}{10}", id="one brace behind"),
        pytest.param("\\frac{10}3", "\\frac{10}{3}", id="one brace before"),
        pytest.param("\\displaystyle\\frac{1}{2}", "\\frac{1}{2}", id="displaystyle"),
        pytest.param("\\text{Friday}", "\\text{Friday}", id="text is kept"),
        pytest.param("\\mbox{Friday}", "\\text{Friday}", id="mbox"),
        pytest.param("\\mathrm{Friday}", "\\text{Friday}", id="roman"),
        pytest.param("\\textbf{Friday}", "\\text{Friday}", id="bold"),
        pytest.param("5\\,\\text{cm}", "5 \\text{cm}", id="thin space before a command"),
        pytest.param("5\\,cm", "5 cm", id="thin space before a letter"),
        pytest.param("90°", "90^\\circ", id="degree sign"),
        pytest.param("25\\%", "25\\%", id="percent is kept"),
        pytest.param("\\$5", "\\$5", id="currency is kept"),
        pytest.param("$5$", "5", id="dollars"),
        pytest.param("\\(5\\)", "5", id="inline math"),
        pytest.param("\\[5\\]", "5", id="display math"),
        pytest.param("\\boxed{5}", "5", id="box"),
        pytest.param("1$, $2", "1 , 2", id="list in dollars"),
        pytest.param("5.", "5", id="full stop"),
        pytest.param("10{,}000", "10000", id="LaTeX thousands"),
        pytest.param("10,\\!000", "10000", id="thousands with a negative space"),
        pytest.param("10\\,000", "10000", id="thousands with a thin space"),
        pytest.param("10 000", "10000", id="thousands with a space"),
        pytest.param("10,000", "10000", id="thousands with a comma"),
        pytest.param("10,000,000", "10000000", id="millions"),
        pytest.param("(10,000)", "(10,000)", id="coordinates"),
        pytest.param("(10{,}000)", "(10000)", id="LaTeX thousands in brackets"),
        pytest.param("10,00", "10,00", id="two digits behind a comma"),
        pytest.param("1, 200", "1, 200", id="a comma and a space make a list"),
        pytest.param("1 1/2", "1 1/2", id="a mixed number isn't eleven halves"),
        pytest.param("1 2", "1 2", id="two numbers aren't one"),
        pytest.param("0.3\\ldots", "0.3\\ldots", id="dots are part of the answer"),
        pytest.param("0.3...", "0.3\\ldots", id="plain dots too"),
        pytest.param("\u22125", "-5", id="unicode minus"),
        pytest.param("3^{\\text{rd}}", "3", id="ordinal"),
        pytest.param("\\\\frac{1}{2}", "\\frac{1}{2}", id="doubled backslash"),
        pytest.param(
            "\\begin{pmatrix}1 \\\\[2pt] 2\\end{pmatrix}", "\\begin{pmatrix}1 \\\\ 2\\end{pmatrix}", id="row spacing"
        ),
        pytest.param("", "", id="empty"),
    ],
)
def test_clean_latex(text: str, clean: str) -> None:
    assert clean_latex(text) == clean
    assert clean_latex(clean) == clean


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("x + 1", "x+1", id="no spaces"),
        pytest.param("\\text{Friday}", "Friday", id="text"),
        pytest.param("12\\text{ ways}", "12ways", id="text behind a number"),
        pytest.param("New  York", "New York", id="words stay apart"),
        pytest.param("90^\\circ", "90", id="degrees"),
        pytest.param("90^{\\circ}", "90", id="degrees in braces"),
        pytest.param("\\overline{PQ}", "PQ", id="segment"),
        pytest.param("\\left( 1, 2 \\right)", "(1,2)", id="brackets"),
    ],
)
def test_same_text(text: str, same: str) -> None:
    assert same_text(text) == same
    assert same_text(same) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("1 1/2", "11/2", id="mixed number"),
        pytest.param("1 2", "12", id="two numbers"),
        pytest.param("25\\%", "25", id="percent"),
        pytest.param("\\frac{1}{2}3", "\\frac{1}{23}", id="factor behind a fraction"),
        pytest.param("x", "X", id="case"),
        pytest.param("\\cos 40^\\circ", "\\cos 40", id="degrees in a function"),
    ],
)
def test_what_is_not_the_same_text(one: str, other: str) -> None:
    assert same_text(one) != same_text(other)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x²", "x^{2}"),
        ("10⁻¹²", "10^{-12}"),
        ("x₁", "x_{1}"),
        ("√3", "\\sqrt{3}"),
        ("2√12", "2\\sqrt{12}"),
        ("√(x+1)", "\\sqrt{x+1}"),
        ("√((x+1)/2)", "\\sqrt{(x+1)/2}"),
        ("√{3}", "\\sqrt{3}"),
        ("\\sqrt(5)", "\\sqrt{5}"),
        ("sqrt(5)", "\\sqrt{5}"),
        ("\\sqrt{5}", "\\sqrt{5}"),
        ("2**3", "2^3"),
        ("2^(n+1)", "2^{n+1}"),
        ("5^(5^(5^5))", "5^{5^{5^5}}"),
        ("(x+1)^2", "(x+1)^2"),
        ("½", "\\frac{1}{2}"),
        ("\\begin{pmatrix}1 \\\\[2pt] 2\\end{pmatrix}", "\\begin{pmatrix}1 \\\\[2pt] 2\\end{pmatrix}"),
        ("\\$5", "\\$5"),
        ("√(3", "√(3"),
    ],
)
def test_plain_to_latex(text: str, latex: str) -> None:
    assert plain_to_latex(text) == latex


@pytest.mark.parametrize(
    ("text", "big"),
    [
        ("{" * 10_000 + "5" + "}" * 10_000, True),
        ("(" * 33 + ")" * 33, True),
        ("(" * 32 + ")" * 32, False),
        ("(1)" * 100, False),
        ("9" * 256, True),
        ("9" * 255, False),
        ("\\frac{1}{2}", False),
    ],
    ids=lambda value: f"{value[:10]} of {len(value)}" if isinstance(value, str) else None,
)
def test_size_limits_come_first(text: str, big: bool) -> None:
    assert too_big(text) is big
    assert grade_now(text + "+x", "x", LATEX) is (WRONG if big else None)


def test_a_gold_beyond_the_limits_still_equals_itself() -> None:
    assert grade_now("9" * 300, "9" * 300, LATEX) is RIGHT


# --- formulas -----------------------------------------------------------------------------------------------------

COLUMN = "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"

PAIRS: list[tuple[str, str, str, Verdict]] = [  # reason, gold, answer, verdict
    ("values of unknowns that a list turns round", "x=1, y=2", "2,1", WRONG),
    ("order of a sum", "x+1", "1+x", RIGHT),
    ("simplified root", "2\\sqrt{3}", "\\sqrt{12}", RIGHT),
    ("root without braces", "2\\sqrt3", "\\sqrt{12}", RIGHT),
    ("plain root", "2\\sqrt{3}", "2√3", RIGHT),
    ("root with brackets", "\\sqrt{5}", "sqrt(5)", RIGHT),
    ("thousands", "10000", "10,000", RIGHT),
    ("thousands in gold", "10,000", "10000", RIGHT),
    ("thousands with a negative space", "10,\\!000", "10000", RIGHT),
    ("fraction and decimal", "\\frac12", "0.5", RIGHT),
    ("decimal without a zero", "\\frac{1}{2}", ".5", RIGHT),
    ("where the minus stands", "-\\frac{1}{2}", "\\frac{-1}{2}", RIGHT),
    ("unreduced fraction", "\\frac{1}{2}", "\\frac{2}{4}", RIGHT),
    ("slash", "\\frac{3}{4}", "3/4", RIGHT),
    ("over", "\\frac{1}{2}", "{1 \\over 2}", RIGHT),
    ("mixed number", "1\\frac{4}{5}", "\\frac{9}{5}", RIGHT),
    ("rationalised", "\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", RIGHT),
    ("rounded to three places", "\\frac13", "0.333", WRONG),
    ("rounded to six places", "\\frac13", "0.333333", RIGHT),
    ("rounded root", "\\sqrt{2}", "1.414", WRONG),
    ("rounded pi", "\\pi", "3.14", WRONG),
    ("pi as a sign", "\\frac{\\pi}{2}", "π/2", RIGHT),
    ("spelt column", COLUMN, "\\begin{pmatrix}1\\\\2\\end{pmatrix}", RIGHT),
    ("square brackets of a matrix", COLUMN, "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}", RIGHT),
    (
        "decimals in a matrix",
        "\\begin{pmatrix} 1/2 \\\\ 2 \\end{pmatrix}",
        "\\begin{pmatrix} 0.5 \\\\ 2 \\end{pmatrix}",
        RIGHT,
    ),
    ("row for column", COLUMN, "\\begin{pmatrix} 1 & 2 \\end{pmatrix}", WRONG),
    ("another matrix", COLUMN, "\\begin{pmatrix} 1 \\\\ 3 \\end{pmatrix}", WRONG),
    ("pair", "\\left(\\frac12, 3\\right)", "(0.5,3)", RIGHT),
    ("pair with its unknowns", "(5,7)", "x = 5, y = 7", RIGHT),
    ("pair in dollars", "(5,7)", "x = 5$ and $y = 7", RIGHT),
    ("pair turned round", "(1,2)", "(2,1)", WRONG),
    ("polar pair", "(3,\\frac{\\pi}{2})", "\\left( 3, \\frac{\\pi}{2} \\right)", RIGHT),
    ("closed for half-open", "[1,2)", "[1,2]", WRONG),
    ("open for half-open", "[1,2)", "(1,2)", WRONG),
    ("infinite interval", "(-\\infty, 2]", "(-∞, 2]", RIGHT),
    ("union turned round", "(-\\infty,-1)\\cup(2,\\infty)", "(2,\\infty)\\cup(-\\infty,-1)", RIGHT),
    ("interval with its unknown", "[-2,7]", "x \\in [-2,7]", RIGHT),
    ("inequality for an interval", "[-2,7]", "-2 \\le x \\le 7", RIGHT),
    ("interval for an inequality", "-2 \\le x \\le 7", "[-2,7]", RIGHT),
    ("set turned round", "\\{1,2\\}", "\\{2,1\\}", RIGHT),
    ("set without an element", "\\{1,2,3\\}", "\\{1,2\\}", WRONG),
    ("list turned round", "1,2", "2,1", RIGHT),
    ("list with and", "1,2", "1 \\text{ and } 2", RIGHT),
    ("list with or and unknowns", "1,-2", "x=1 \\text{ or } x=-2", RIGHT),
    ("list in dollars", "3,5,7", "3$, $5$, and $7", RIGHT),
    ("list in round math", "1,2", "1\\), \\(2", RIGHT),
    ("list too short", "1,2,3", "1,2", WRONG),
    ("one of the list", "3,4", "3", WRONG),
    ("plus and minus", "3,-3", "\\pm 3", RIGHT),
    ("hedged", "5", "5 \\text{ or } 6", WRONG),
    ("text", "\\text{Friday}", "Friday", RIGHT),
    ("text in another case", "\\text{Friday}", "\\text{friday}", RIGHT),
    ("another text", "\\text{Friday}", "\\text{Monday}", WRONG),
    ("number for text", "\\text{odd}", "3", WRONG),
    ("option letter with brackets", "\\text{(A)}", "A", RIGHT),
    ("another option letter", "\\text{(A)}", "B", WRONG),
    ("unknown given", "5", "x = 5", RIGHT),
    ("unit", "5", "5\\text{ cm}", RIGHT),
    ("unit in gold", "12\\text{ square units}", "12", RIGHT),
    ("bare unit", "12", "12 square units", RIGHT),
    ("currency", "18.90", "\\$18.90", RIGHT),
    ("percent as it stands", "25", "25\\%", RIGHT),
    ("percent as a share", "0.25", "25\\%", RIGHT),
    ("base left out", "52_8", "52", RIGHT),
    ("braces of a base", "4210_5", "4210_{5}", RIGHT),
    ("expanded", "(x+1)^2", "x^2+2x+1", RIGHT),
    ("expanded wrongly", "(x+1)^2", "x^2+2x+2", WRONG),
    ("function of its argument", "y = 2x + 3", "y = 3 + 2x", RIGHT),
    ("identity", "1", "\\sin^2 x + \\cos^2 x", RIGHT),
    ("power", "1024", "2^{10}", RIGHT),
    ("power with stars", "8", "2**3", RIGHT),
    ("the base of a power isn't its value", "2", "2**3", WRONG),
    ("power with brackets", "2^{n+1}", "2^(n+1)", RIGHT),
    ("scientific", "5000", "5 \\times 10^3", RIGHT),
    ("complex", "1+2i", "2i+1", RIGHT),
    ("conjugate", "1+2i", "1-2i", WRONG),
    ("other sign", "2", "-2", WRONG),
    ("unicode minus", "-2", "\u22122", RIGHT),
    ("pi left out", "16\\pi", "16", WRONG),
    ("unknown added", "6", "6x", WRONG),
    ("other unknown", "x", "y", WRONG),
    ("digits of a list", "12", "1,2", WRONG),
    ("a root of a negative number", "i", "\\sqrt{-1}", RIGHT),
    ("degrees in a function", "\\frac{1}{2}", "\\cos 60^\\circ", RIGHT),
    ("a set for a pair", "(1,2)", "\\{1,2\\}", WRONG),
    ("an answer that breaks off", "2", "2x+", WRONG),
    ("a number within text", "17", "\\text{17 units}", RIGHT),
    ("a plain mixed number", "\\frac{3}{2}", "1 1/2", RIGHT),
    ("a plain mixed number isn't eleven halves", "1 1/2", "11/2", WRONG),
    ("rounded to a whole number", "1000000\\sqrt{2}", "1414214", WRONG),
    ("a small number isn't nothing", "10^{-7}", "0", WRONG),
    ("unit of another size", "12\\text{ cm}", "12\\text{ m}", WRONG),
    ("cents", "\\$0.054", "5.4\\text{ cents}", RIGHT),
    ("another base", "1011_2", "1011_3", WRONG),
    ("radians for degrees", "90^\\circ", "\\frac{\\pi}{2}", RIGHT),
    ("half of the day", "7{:}00\\text{ a.m.}", "7:00\\text{ p.m.}", WRONG),
    ("the sum is Math-Verify's to read", "\\sum_{k=1}^{n} k", "\\sum_{j=1}^{n} j", RIGHT),
    ("another sum", "\\sum_{k=1}^{n} k", "\\sum_{k=1}^{n} k^2", WRONG),
    ("too large to be had", "9^{9^{9^9}}", "9", TIMEOUT),
    ("not LaTeX", "5", "\\frac{", WRONG),
    ("nothing but a command", "5", "\\sqrt", WRONG),
    ("two units in one answer", "150\\text{ minutes}", "2\\text{ hours }30\\text{ minutes}", RIGHT),
    ("an aside with a rounded share", "\\frac{5}{11}", "\\frac{5}{11}\\text{ or about }45.5\\%", RIGHT),
    ("a number in words", "7", "\\text{seven}", RIGHT),
    ("intervals that touch", "[1,3]", "[1,2]\\cup[2,3]", RIGHT),
    ("a set within a set", "\\{\\{1\\},2\\}", "\\{1,2\\}", WRONG),
]

# What is still misgraded; each would need a rule of its own.
MISGRADED: list[tuple[str, str, str, Verdict]] = [
    ("two values of one inequality", "x \\ne 1, -1", "x \\ne \\pm 1", RIGHT),
    ("a sum told by dots", "\\sum_{k=1}^{n} \\frac{1}{k}", "1+\\frac{1}{2}+\\cdots+\\frac{1}{n}", RIGHT),
    ("an argument that ends before the slash", "\\frac{\\cos x}{2}", "\\cos x/2", RIGHT),
    ("square brackets for a floor", "\\lfloor n/2 \\rfloor", "[n/2]", RIGHT),
]


def drain(grader: Grader[int], limit_s: float = 60.0) -> dict[int, Verdict]:
    verdicts: dict[int, Verdict] = {}
    end = time.monotonic() + limit_s
    while grader.pending:
        assert time.monotonic() < end, f"{grader.pending} pairs without a verdict after {limit_s} s"
        verdicts.update(grader.done(0.2))
    return verdicts


def grade_all(pairs: list[tuple[str, str]], count: int = 2) -> dict[tuple[str, str], Verdict]:
    """Verdicts of (gold, answer) pairs, submitted in the given order."""
    grader: Grader[int] = Grader(count)
    try:
        verdicts = {}
        for ticket, (gold, answer) in enumerate(pairs):
            verdict = grader.submit(ticket, answer, gold, LATEX)
            if verdict is not None:
                verdicts[ticket] = verdict
        verdicts.update(drain(grader))
        return {pair: verdicts[ticket] for ticket, pair in enumerate(pairs)}
    finally:
        grader.close()


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], Verdict]:
    return grade_all([(gold, answer) for _, gold, answer, _ in PAIRS + MISGRADED])


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [pytest.param(*pair[1:], id=pair[0]) for pair in PAIRS]
    + [
        pytest.param(*pair[1:], id=pair[0], marks=pytest.mark.xfail(strict=True, reason="not read yet"))
        for pair in MISGRADED
    ],
)
def test_formulas(verdicts: dict[tuple[str, str], Verdict], gold: str, answer: str, verdict: Verdict) -> None:
    assert verdicts[gold, answer] is verdict


@pytest.mark.parametrize("count", [1, 3])
def test_order_and_number_of_workers_change_nothing(verdicts: dict[tuple[str, str], Verdict], count: int) -> None:
    pairs = [(gold, answer) for _, gold, answer, _ in PAIRS[::3]]
    assert len({verdicts[pair] for pair in pairs}) > 1
    shuffled = random.Random(count).sample(pairs, len(pairs))
    assert grade_all(shuffled, count) == {pair: verdicts[pair] for pair in pairs}


def test_hostile_formulas_end_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "TIMEOUT_S", 1.0)
    answers = [
        "9**9**9**9",
        "9^{9^{9^{9}}}",
        "5^(5^(5^5))",
        "5^{5^{5^{5}}}",
        "10^{10^{10}}",
        "{" * 10_000 + "5" + "}" * 10_000,
        "\\frac{" * 200,
        "9" * 1_000,
    ]
    start = time.monotonic()
    found = grade_all([("5", answer) for answer in answers] + [("9", "9**9**9**9")])
    assert set(found.values()) == {WRONG, TIMEOUT}
    assert found["5", "5^(5^(5^5))"] is TIMEOUT  # not 5, which is where a lenient parser stops
    assert time.monotonic() - start < 30


# --- speed --------------------------------------------------------------------------------------------------------


def test_letters_and_numbers_are_read_and_graded_at_once() -> None:
    """At least 2,000 a second on one core, extraction included; CPU time, so that a busy machine changes nothing."""
    steps = "First the boxes on each shelf, then the shelves: 12 * 7 = 84, and 84 + 15 = 99 of them. "
    outputs = [(f"{steps * 3}The answer is {number}.", str(number), AnswerType.NUMBER) for number in range(1_000)]
    outputs += [
        (f"{steps}So option B is too small.\n\nAnswer: {letter}", letter, AnswerType.LETTER) for letter in "ABCD" * 250
    ]
    start = time.process_time()
    for text, gold, answer_type in outputs:
        choices = ["fewer than 90", "exactly 95", "exactly 99", "more than 100"] * (answer_type is AnswerType.LETTER)
        answer = extract(text, answer_type, choices).answer
        assert answer is not None
        assert grade_now(answer, gold, answer_type) is RIGHT
    assert time.process_time() - start < len(outputs) / 2_000


@pytest.mark.patient
def test_formulas_are_graded_faster_than_a_model_writes_them() -> None:
    """1,000 pairs of the common kinds, none decided as text: below 10 s of the workers' CPU time, imports included."""
    pairs = [
        pair
        for n in range(2, 127)
        for pair in (
            (f"\\frac{{{n}}}{{{2 * n + 1}}}", f"{n} \\cdot \\frac{{1}}{{{2 * n + 1}}}"),
            (f"{n}\\sqrt{{{n + 1}}}", f"\\sqrt{{{n * n * (n + 1)}}}"),
            (f"(x+{n})^2", f"x^2 + {2 * n}x + {n * n}"),
            (f"({n}, -{n})", f"x = {n}, y = -{n}"),
            (f"(-\\infty, {n}]", f"x \\le {n}"),
            (f"{n}, {n + 5}", f"\\{{{n + 5}, {n}\\}}"),
            (f"{n} - {n + 2}i", f"-{n + 2}i + {n}"),
            (f"\\begin{{pmatrix}} {n} \\\\ 1 \\end{{pmatrix}}", f"({n}, 1)"),
        )
    ]
    assert len(pairs) == 1_000
    assert all(grade_now(answer, gold, LATEX) is None for gold, answer in pairs)
    before = os.times()
    assert set(grade_all(pairs).values()) == {RIGHT}
    after = os.times()  # the workers have ended, so theirs is counted
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert 0.1 < spent < 10


# --- workers ------------------------------------------------------------------------------------------------------


def sleeps(gold: str, answer: str) -> bool:
    time.sleep(60)
    return True


def sleeps_if_slow(gold: str, answer: str) -> bool:
    return sleeps(gold, answer) if answer == "slow" else True


def leaves_its_pid(gold: str, answer: str) -> bool:
    """One file for each call; the first call then hangs."""
    folder = Path(gold)
    first = not any(folder.iterdir())
    (folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    return sleeps(gold, answer) if first and answer == "slow" else True


def dies(gold: str, answer: str) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def runs_out_of_memory(gold: str, answer: str) -> bool:
    (Path(gold) / str(time.monotonic_ns())).touch()
    raise MemoryError


def recurses(gold: str, answer: str) -> bool:
    return recurses(gold, answer)


def decides_nothing(gold: str, answer: str) -> bool | None:
    return None


def fails(gold: str, answer: str) -> bool:
    raise ValueError("no such formula")


def worker_pids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"waited {limit_s} s in vain"
        time.sleep(0.02)


def imports_nothing() -> None:
    """Prepares a worker that doesn't compare without importing SymPy, which takes a second."""


@pytest.fixture
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_prepare_worker", imports_nothing)


@pytest.fixture
def grader() -> Iterator[Grader[int]]:
    made: Grader[int] = Grader(2)
    yield made
    made.close()


@pytest.mark.usefixtures("quick_start")
def test_a_comparison_that_hangs_is_no_wrong_answer(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=sleeps_if_slow))
    monkeypatch.setattr(workers, "TIMEOUT_S", 0.5)
    answers = ["fast 0", "slow", "fast 1", "fast 2", "fast 3"]
    for ticket, answer in enumerate(answers):
        assert grader.submit(ticket, answer, "x+1", LATEX) is None
    found = drain(grader, 20)
    assert found == {ticket: TIMEOUT if answer == "slow" else RIGHT for ticket, answer in enumerate(answers)}
    assert grader.submit(9, "slow", "x+1", LATEX) is TIMEOUT  # it isn't tried again
    assert grader.fatal == set()  # no worker ended of itself


def burns_or_waits(gold: str, answer: str) -> bool:
    while answer == "burns":
        pass
    time.sleep(1.2 if answer == "waits" else 0)
    return True


@pytest.mark.patient
@pytest.mark.usefixtures("quick_start")
def test_the_limit_is_of_cpu_time(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that waits for a core on a busy machine isn't given up."""
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=burns_or_waits))
    monkeypatch.setattr(workers, "TIMEOUT_S", 0.5)
    for ticket, answer in enumerate(["waits", "burns", "fast"]):
        assert grader.submit(ticket, answer, "x+1", LATEX) is None
    assert drain(grader, 20) == {0: RIGHT, 1: TIMEOUT, 2: RIGHT}
    assert grader.fatal == set()


@pytest.mark.usefixtures("quick_start")
def test_a_killed_worker_is_replaced(grader: Grader[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=leaves_its_pid))
    monkeypatch.setattr(workers, "TIMEOUT_S", 30.0)
    grader.submit(0, "slow", str(tmp_path), LATEX)
    wait_for(lambda: any(tmp_path.iterdir()))
    [victim] = (int(path.name.split("-")[0]) for path in tmp_path.iterdir())
    assert victim in worker_pids()
    os.kill(victim, signal.SIGKILL)
    assert drain(grader, 20) == {0: RIGHT}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("quick_start")
def test_a_pair_that_kills_its_worker_is_tried_twice(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=dies))
    grader.submit(0, "answer", "x+1", LATEX)
    grader.submit(1, "answer", "x+1", LATEX)
    assert drain(grader, 20) == {0: TIMEOUT, 1: TIMEOUT}
    assert grader.fatal == {0, 1}
    assert grader.submit(2, "answer", "x+1", LATEX) is TIMEOUT  # nor a third time
    assert grader.fatal == {0, 1, 2}


def test_a_pool_that_breaks_is_replaced(grader: Grader[int]) -> None:
    grader.submit(0, "1+x", "x+1", LATEX)
    assert drain(grader) == {0: RIGHT}
    for _ in range(2):
        for pid in worker_pids():
            with suppress(ProcessLookupError):  # the pool that has lost one may end the others first
                os.kill(pid, signal.SIGKILL)
        for ticket in range(40):
            grader.submit(ticket, f"{ticket}+y", f"y+{ticket + ticket % 2}", LATEX)
    assert drain(grader) == {ticket: WRONG if ticket % 2 else RIGHT for ticket in range(40)}


@pytest.mark.parametrize(
    ("function", "score"), [(fails, 0.0), (runs_out_of_memory, MemoryError), (recurses, RecursionError)]
)
def test_what_is_raised_by_comparing_two_formulas(
    function: Callable[[str, str], bool],
    score: float | type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """That they could not be shown to be equal, but for what another try or the grader has to decide."""
    monkeypatch.setattr("cotbench.answers.judging.equality.latex_equal", function)
    if isinstance(score, float):
        assert judge_formula(str(tmp_path), "answer") == score
    else:
        with pytest.raises(score):
            judge_formula(str(tmp_path), "answer")


@pytest.mark.usefixtures("quick_start")
@pytest.mark.parametrize(
    ("function", "verdict", "calls"),
    [
        pytest.param(runs_out_of_memory, TIMEOUT, 2, id="out of memory: tried again, then undecided"),
        pytest.param(recurses, TIMEOUT, 0, id="too deep: undecided"),
        pytest.param(decides_nothing, TIMEOUT, 0, id="can't be decided: not wrong"),
    ],
)
def test_errors_of_a_comparison(
    grader: Grader[int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    function: Callable[[str, str], bool],
    verdict: Verdict,
    calls: int,
) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=function))
    grader.submit(0, "answer", str(tmp_path), LATEX)
    assert drain(grader, 20) == {0: verdict}
    assert len(list(tmp_path.iterdir())) == calls


@pytest.mark.usefixtures("quick_start")
def test_equal_pairs_are_compared_once(grader: Grader[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=leaves_its_pid))
    for ticket in range(10):
        assert grader.submit(ticket, "a", str(tmp_path), LATEX) is None
    assert grader.submit(10, "b", str(tmp_path), LATEX) is None
    assert grader.pending == 11
    assert drain(grader) == dict.fromkeys(range(11), RIGHT)
    assert grader.submit(11, "a", str(tmp_path), LATEX) is RIGHT
    assert len(list(tmp_path.iterdir())) == 2


def test_what_needs_no_worker_starts_none(grader: Grader[int]) -> None:
    before = worker_pids()
    assert grader.submit(0, "0.5", "1/2", AnswerType.NUMBER) is RIGHT
    assert grader.submit(1, "A", "B", AnswerType.LETTER) is WRONG
    assert grader.submit(2, "\\dfrac12", "\\frac{1}{2}", LATEX) is RIGHT
    assert grader.pending == 0
    assert grader.done(5.0) == []
    assert worker_pids() == before


@pytest.mark.usefixtures("quick_start")
def test_done_does_not_wait_unless_told(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=sleeps))
    grader.submit(0, "answer", "x+1", LATEX)
    start = time.monotonic()
    assert grader.done() == []
    assert time.monotonic() - start < 1


# --- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_start")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_close_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, busy: bool) -> None:
    before = worker_pids()
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=leaves_its_pid))
    grader: Grader[int] = Grader(2)
    grader.submit(0, "slow" if busy else "fast", str(tmp_path), LATEX)
    wait_for(lambda: any(tmp_path.iterdir()))
    started = worker_pids() - before
    assert len(started) == 2
    grader.close()
    assert worker_pids() == before
    assert not any(map(is_running, started))
    grader.close()  # twice does no harm


SCRIPT = """
import sys, time
from pathlib import Path
from pebble.pool import process
from contextlib import suppress
from dataclasses import replace
from cotbench.answers import grader as workers
from cotbench.answers.grader import Grader
from cotbench.answers.kinds import KINDS
from cotbench.types import AnswerType

from hanging import hang

def stop_late(manager, stop=process.WorkerManager.force_stop_workers):
    time.sleep(1)  # between taking the locks away and ending the workers
    stop(manager)

if __name__ == "__main__":
    process.WorkerManager.force_stop_workers = stop_late
    workers.TIMEOUT_S = float(sys.argv[2])
    KINDS["latex"] = replace(KINDS["latex"], judge=hang)
    grader = Grader(1)
    grader.submit(0, "answer", sys.argv[1], AnswerType.LATEX)
    while grader.pending:
        grader.done(0.1)
    grader.close()
"""


JUDGE = """
import time
from pathlib import Path

def hang(gold, answer):
    Path(gold).touch()
    time.sleep(60)
"""


def script(tmp_path: Path, timeout_s: float) -> subprocess.Popen[str]:
    (tmp_path / "hanging.py").write_text(JUDGE)  # workers import modules, and never the program itself
    (tmp_path / "grading.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "grading.py"), str(tmp_path / "called"), str(timeout_s)]
    root = Path(cotbench.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.patient
def test_close_is_silent_while_a_worker_starts(tmp_path: Path) -> None:
    """A worker is replaced after a timeout; the pool is closed before the new one is up."""
    _, err = script(tmp_path, 0.2).communicate(timeout=60)
    assert err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_workers_die_with_a_killed_run(tmp_path: Path) -> None:
    run = script(tmp_path, 50.0)
    wait_for((tmp_path / "called").exists)
    listed = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    children = [int(pid) for pid in listed]
    started = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert started
    run.kill()
    run.communicate(timeout=20)
    wait_for(lambda: not any(map(is_running, started)))


def test_a_judge_that_stands_in_the_program_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(gold: str, answer: str) -> float:
        return 1.0

    judge.__module__ = "__main__"
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=judge))
    work: Grader[int] = Grader(1)
    with pytest.raises(UsageError, match="kind latex is a function of the program itself"):
        work.submit(0, "x+y", "x-y", "latex")
    work.close()


# --- without semaphores -------------------------------------------------------------------------------------------

NO_SEMAPHORES = "formulas can't be compared here: the processes for it can't have semaphores, which lie in /dev/shm"


@pytest.fixture
def formula(tmp_path: Path) -> Path:
    path = tmp_path / "outputs.jsonl"
    path.write_text(json.dumps({"id": "1", "output": r"\boxed{\frac{\sqrt{8}}{2}}", "gold": r"\sqrt{2}"}))
    return path


@pytest.mark.patient
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(30, "Read-only file system"), "(Read-only file system)"),
        (PermissionError(13, "Permission denied"), "(Permission denied)"),
        (ImportError("no sem_open"), "(no sem_open)"),
    ],
)
def test_without_semaphores_there_is_one_message(
    main: Cli, formula: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(workers._Spawn, "RLock", refuse)
    done = main("score", formula, "--answer-type", "latex")
    assert done.code == 3
    assert f"{NO_SEMAPHORES} {reason}" in done.err
    assert "Traceback" not in done.err
    check = next(one for one in json.loads(main("doctor", "--json").out) if one["name"] == "grading")
    assert (check["ok"], check["found"].startswith(NO_SEMAPHORES)) == (False, True)
    assert "/dev/shm be writable" in check["remedy"]


def test_a_run_that_needs_semaphores_says_so_before_it_asks(
    main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(workers._Spawn, "RLock", refuse)
    words = ("run", "--model", "stub", "--task", write_formulas(tmp_path, 3), "--mode", "direct", "--quiet")
    done = main(*words, "-o", tmp_path / "results")
    assert (done.code, NO_SEMAPHORES in done.err) == (3, True)
    assert not (tmp_path / "results").exists()


@pytest.mark.patient
def test_a_read_only_dev_shm(formula: Path) -> None:
    own_mounts = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*own_mounts, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system of its own")
    words = [*own_mounts, sys.executable, "-m", "cotbench", "score", str(formula), "--answer-type", "latex"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(f"Error: {NO_SEMAPHORES}")
