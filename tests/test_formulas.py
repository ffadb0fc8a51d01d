"""Formulas in texts: which are found, what becomes of them, and that nothing odd comes out or takes long."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import cases
import pytest
from test_page import HOSTILE

from cotbench.report import formulas
from cotbench.report.formulas import DEEPEST, LONGEST, Allowance, Formulas, mathml, spans

TABLE = cases.load("formulas")
TAGS = {
    *("mrow", "mi", "mn", "mo", "mtext", "mspace", "msup", "msub", "msubsup", "mfrac", "msqrt", "mroot", "mover"),
    *("munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "menclose", "mpadded", "mphantom"),
}


def _found() -> Iterator[Any]:
    for kind, rows in TABLE["found"].items():
        for found in rows:
            text, expected = cases.row(found, "text formulas")
            yield pytest.param(text, expected, id=f"{kind}: {text[:40]}")


def parts(tree: Any, depth: int = 0) -> Iterator[tuple[str, Any, int]]:
    """Each element of a tree with its attributes and its depth; and each text, under the name "text"."""
    for part in tree:
        if isinstance(part, str):
            yield "text", part, depth
            continue
        tag, *rest = part
        yield tag, rest[0] if rest and isinstance(rest[0], dict) else {}, depth
        yield from parts([one for one in rest if not isinstance(one, dict)], depth + 1)


def seen(tree: Any) -> str:
    return "".join(text for kind, text, _ in parts(tree) if kind == "text")


@pytest.mark.parametrize(("text", "expected"), list(_found()))
def test_formulas_are_found_and_money_is_none(text: str, expected: list[str]) -> None:
    assert [span.latex for span in spans(text)] == expected


@pytest.mark.parametrize("text", TABLE["answers"]["yes"])
def test_an_answer_may_be_a_formula_as_a_whole(text: str) -> None:
    assert Formulas().of_answer(text) == [0, len(text), 0]


@pytest.mark.parametrize("text", TABLE["answers"]["no"])
def test_an_answer_that_is_none_stays_a_text(text: str) -> None:
    assert Formulas().of_answer(text) == []


@pytest.mark.parametrize(("latex", "shown"), TABLE["seen"])
def test_a_formula_shows_what_it_says(latex: str, shown: str) -> None:
    tree = mathml(latex, False)
    assert tree is not None and seen(tree).replace("\u00a0", "") == shown


@pytest.mark.parametrize("latex", TABLE["not understood"])
def test_what_is_not_understood_stays_as_typed(latex: str) -> None:
    assert mathml(latex, False) is None


def test_a_sign_is_no_operation() -> None:
    tree = mathml("[-3, 5) - 2", False)
    assert tree is not None
    signs = [part for part in tree[0][1:] if part[0] == "mo" and part[-1] == "\u2212"]
    assert signs == [["mo", {"form": "prefix"}, "\u2212"], ["mo", "\u2212"]]


def test_places_are_counted_in_utf_16_units() -> None:
    text = "🧮 $x$ é $y^2$ 🎉"
    placed = Formulas().of(text)
    units = text.encode("utf-16-le")
    found = [units[2 * a : 2 * b].decode("utf-16-le") for a, b in zip(placed[::3], placed[1::3], strict=True)]
    assert found == ["$x$", "$y^2$"] and placed[2::3] == [0, 1]


def test_each_formula_is_kept_once() -> None:
    table = Formulas()
    assert table.of("$x$ and $x$")[2::3] == [0, 0] and table.of("$x$")[2] == 0 and len(table.trees) == 1


def test_a_text_is_mathematics_as_a_whole_or_not_at_all() -> None:
    allowance = Allowance(left=9, each=6)
    table = Formulas(allowance=allowance)
    allowance.next_question()
    assert table.of("$a+b$ and $c+d+e$") == []  # 8 of 6
    assert table.of("$a+b$ and $a+b$ again") != []  # 3
    allowance.next_question()
    assert table.of("$a+b$ and $u+v$") != []  # 3 new ones
    allowance.next_question()
    assert allowance.left == 3 and table.of("$1+2+3$") == [] and table.of("$a+b$") != []


def test_nothing_hostile_comes_out() -> None:
    """Elements and attributes are those that are listed, whatever stands in a formula."""
    text = "".join(f"${prefix}{HOSTILE}}}$ " for prefix in (r"\text{", r"\mathrm{", r"\color{", r"\boxed{", "{x^"))
    table = Formulas()
    table.of(text)
    table.of_answer(rf"\text{{{HOSTILE}}}")
    assert table.trees
    for kind, value, depth in parts([part for tree in table.trees for part in tree]):
        assert kind in TAGS | {"text"} and depth <= DEEPEST
        if kind != "text":
            assert not {name for name in value if name.startswith("on") or name in ("href", "style", "class")}


WORDS = r"""{ } \frac \left( \right) ^ _ & \\ \begin{matrix} \end{matrix} \sqrt ' x 1 \text{a} \over \sum \limits \sqrt[
\overset [ ] \hbox{ \color red \not \binom \underbrace \xrightarrow \substack{ \big \mathbb % \genfrac \sideset
\mathchoice \skew \cfrac \boxed{ \hline \begin{array}{ \pmod \smash \phantom $ \operatorname{a} \mathbf{""".split()


def test_made_up_formulas_raise_nothing_and_take_no_time() -> None:
    draw = random.Random(7)
    slowest = 0.0
    for _ in range(300):
        few = draw.sample(WORDS, draw.randint(1, 3)) if draw.random() < 0.7 else WORDS
        latex = "".join(draw.choice(few) for _ in range(LONGEST))[:LONGEST]
        started = time.process_time()
        tree = formulas.mathml.__wrapped__(latex, False)
        slowest = max(slowest, time.process_time() - started)
        for kind, _, depth in parts(tree or []):
            assert kind in TAGS | {"text"} and depth <= DEEPEST
    assert slowest < 2  # 0.2 s when it was written


@pytest.mark.parametrize("piece", ["$", "\\(", "$x", "\\begin{align}", "\\boxed{", "[asy]", "$ ", "$a\n\n", "\\[ "])
def test_looking_for_formulas_is_linear(piece: str) -> None:
    def took(characters: int) -> float:
        text = piece * (characters // len(piece))
        started = time.process_time()
        list(spans(text))
        return time.process_time() - started

    took(20_000)
    assert took(160_000) < 16 * took(20_000) + 0.1
