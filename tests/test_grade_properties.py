r"""What holds for every formula: one written otherwise is equal, one more isn't, and gold and answer may change places.

Formulas are drawn as trees, and written by a writer that takes every liberty LaTeX allows: the order of terms and
factors, \dfrac, \left and \right, spaces, braces, signs of multiplication.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cotbench.answers.grader import WRONG, grade_now
from cotbench.answers.judging.cleaning import clean_latex
from cotbench.answers.judging.equality import latex_equal
from cotbench.answers.judging.forms import NotRead, TooLarge
from cotbench.answers.judging.formula import read
from cotbench.answers.judging.quick import too_big
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.types import AnswerType

pytestmark = pytest.mark.patient

Tree = tuple[str, tuple["Tree", ...]]  # what it is (a leaf is its text) and its parts

draw_all = settings(derandomize=True, deadline=None, max_examples=150)

NUMBERS = st.integers(2, 12).map(lambda n: (str(n), ()))
VARIABLES = st.sampled_from([("x", ()), ("y", ()), ("n", ())])


def trees(leaves: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Sums, products and quotients of leaves, roots and powers; small enough for one more to be seen at any point."""
    small = st.one_of(
        leaves,
        leaves,
        st.tuples(st.just("root"), st.tuples(leaves)),
        st.tuples(st.sampled_from(["square", "cube"]), st.tuples(leaves)),
    )
    return st.recursive(
        small,
        lambda inner: st.one_of(
            st.tuples(st.just("sum"), st.tuples(inner, inner)),
            st.tuples(st.just("difference"), st.tuples(inner, inner)),
            st.tuples(st.just("product"), st.tuples(inner, inner)),
            st.tuples(st.just("fraction"), st.tuples(inner, small)),
        ),
        max_leaves=5,
    )


FORMULAS = st.one_of(trees(NUMBERS), trees(st.one_of(NUMBERS, VARIABLES)))


@dataclass
class Writer:
    """Writes a tree as LaTeX; with a source of chance, in one of many ways."""

    chance: random.Random | None = None
    seen: set[str] = field(default_factory=set)  # the liberties taken

    def liberty(self, name: str) -> bool:
        taken = self.chance is not None and self.chance.random() < 0.5
        if taken:
            self.seen.add(name)
        return taken

    def write(self, tree: Tree) -> str:
        head, parts = tree
        if not parts:
            return f"{{{head}}}" if self.liberty("braces") else head
        if head == "root":
            return (
                rf"\sqrt {{ {self.write(parts[0])} }}"
                if self.liberty("spaces")
                else rf"\sqrt{{{self.write(parts[0])}}}"
            )
        if head in ("square", "cube"):
            exponent = "2" if head == "square" else "3"
            base = self.bracketed(parts[0]) if self.liberty("brackets") else self.write(parts[0])
            return f"{base}^{exponent}" if self.liberty("bare exponent") else f"{base}^{{{exponent}}}"
        if head == "fraction":
            command = r"\dfrac" if self.liberty("dfrac") else r"\frac"
            if self.liberty("slash"):
                return f"{self.bracketed(parts[0])}/{self.bracketed(parts[1])}"
            return f"{command}{{{self.write(parts[0])}}}{{{self.write(parts[1])}}}"
        one, other = parts
        if head == "difference":
            if self.liberty("turned round"):
                return f"-{self.bracketed(other)} + {self.write(one)}"
            return f"{self.write(one)} - {self.bracketed(other)}"
        if self.liberty("turned round"):
            one, other = other, one
        if head == "sum":
            between = "+" if self.liberty("spaces") else " + "
            return f"{self.write(one)}{between}{self.write(other)}"
        between = r" \cdot " if self.liberty("cdot") else r" \times " if self.liberty("times") else ""
        return f"{self.bracketed(one)}{between}{self.bracketed(other)}"

    def bracketed(self, tree: Tree) -> str:
        if self.liberty("left and right"):
            return rf"\left( {self.write(tree)} \right)"
        return f"({self.write(tree)})"


SEEDS = st.integers(0, 2**16)


@draw_all
@given(tree=FORMULAS, seed=SEEDS)
def test_a_formula_written_otherwise_is_equal(tree: Tree, seed: int) -> None:
    plain, other = Writer().write(tree), Writer(random.Random(seed)).write(tree)
    assert latex_equal(plain, other) is True
    assert latex_equal(other, plain) is True


@draw_all
@given(tree=FORMULAS, seed=SEEDS)
def test_one_more_is_not_equal(tree: Tree, seed: int) -> None:
    plain, other = Writer().write(tree), Writer(random.Random(seed)).write(tree)
    assert latex_equal(plain, f"{other} + 1") is False
    assert latex_equal(f"1 + {other}", plain) is False
    assert grade_now(f"{other} + 1", plain, AnswerType.LATEX) in (None, WRONG)


def test_the_writer_takes_every_liberty() -> None:
    seen: set[str] = set()
    x: Tree = ("x", ())
    parts: tuple[Tree, ...] = (("fraction", (x, ("cube", (x,)))), ("product", (("root", (x,)), x)))
    for seed in range(20):
        writer = Writer(random.Random(seed))
        writer.write(("difference", (("sum", parts), x)))
        seen |= writer.seen
    liberties = "braces spaces brackets dfrac slash cdot times"
    assert seen == {*liberties.split(), "bare exponent", "turned round", "left and right"}


@draw_all
@given(numbers=st.lists(st.integers(-40, 40), min_size=2, max_size=4, unique=True), data=st.data())
def test_lists_and_sets_have_no_order_and_tuples_have(numbers: list[int], data: st.DataObject) -> None:
    turned = data.draw(st.permutations(numbers))
    one, other = (", ".join(map(str, items)) for items in (numbers, turned))
    assert latex_equal(one, other) is True
    assert latex_equal(rf"\{{{one}\}}", rf"\{{{other}\}}") is True
    assert latex_equal(one, rf"\{{{other}\}}") is True
    assert latex_equal(f"({one})", f"({other})") is (numbers == turned)
    assert latex_equal(f"({one})", rf"\{{{one}\}}") is False
    assert latex_equal(one, ", ".join(map(str, turned[1:]))) is False


@draw_all
@given(low=st.integers(-40, 40), length=st.integers(1, 40), brackets=st.sampled_from(["()", "[]", "(]", "[)"]))
def test_an_interval_is_its_inequality_and_no_other(low: int, length: int, brackets: str) -> None:
    high = low + length
    interval = f"{brackets[0]}{low}, {high}{brackets[1]}"
    for left in ("<", r"\le"):
        for right in ("<", r"\le"):
            same = (left == "<") == (brackets[0] == "(") and (right == "<") == (brackets[1] == ")")
            assert latex_equal(interval, f"{low} {left} x {right} {high}") is same
            assert latex_equal(f"{low} {left} x {right} {high}", interval) is same
    assert latex_equal(interval, f"{brackets[0]}{low}, {high + 1}{brackets[1]}") is False


@draw_all
@given(top=st.integers(1, 9_999), bottom=st.integers(2, 9_999), places=st.integers(1, 12))
@example(top=1, bottom=3, places=5)
@example(top=1, bottom=3, places=6)
def test_a_decimal_stands_for_a_fraction_from_six_digits_on(top: int, bottom: int, places: int) -> None:
    assume(top < bottom and top * 10**13 % bottom)  # it doesn't end
    units = (2 * top * 10**places + bottom) // (2 * bottom)
    assume(0 < units < 10**places)
    fraction, decimal = rf"\frac{{{top}}}{{{bottom}}}", f"0.{units:0{places}d}"
    nearby = f"0.{units - 1:0{places}d}"
    assert latex_equal(fraction, decimal) is (len(str(units)) >= 6)
    assert latex_equal(decimal, fraction) is (len(str(units)) >= 6)
    if len(str(units)) < 12:  # of longer ones the last digit is noise
        assert latex_equal(fraction, nearby) is False


TOKENS = (
    r"1 2 3 0.5 x y i + - * / ^ = < ( ) [ ] { } , : | % _ \frac \sqrt \pi \pm \le \cup \in \{ \} \% \$ ^\circ "
    r"\text{cm} \text{and} \infty \sin "
    r"\gcd( \max\{ \lfloor \rfloor \cap \ne \bmod \sum_{k=1}^{3} \text{for} \text{h} 0.\dot3 C(3,2) ' \text{if} "
    r"\text{C}"
).split()
SOUP = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=7).map(" ".join)


def is_read(text: str) -> bool:
    try:
        read(text)
    except (NotRead, TooLarge):
        return False
    return True


@settings(draw_all, max_examples=400)
@given(one=SOUP, other=SOUP)
@example(one=r"\frac 0.5 1", other="3")
def test_gold_and_answer_may_change_places_whatever_they_are(one: str, other: str) -> None:
    for gold, answer in ((one, other), (one, f"{one} {other}"), (one, f"x = {one}")):
        assert latex_equal(gold, answer) is latex_equal(answer, gold)
    if is_read(one):
        assert latex_equal(one, one) is True


@draw_all
@given(text=SOUP)
def test_cleaning_twice_changes_nothing_and_cleaning_keeps_the_value(text: str) -> None:
    clean = clean_latex(text)
    assert clean_latex(clean) == clean
    if is_read(text):
        assert latex_equal(text, clean) is True


@pytest.mark.parametrize("opener", ["(", "{", "["])
def test_the_limit_of_depth_counts_what_is_open(opener: str) -> None:
    closer = {"(": ")", "{": "}", "[": "]"}[opener]
    assert not too_big((opener + "1" + closer) * 100)
    assert too_big(opener * 33 + "1" + closer * 33)


@pytest.mark.data
def test_every_gold_of_math_is_read(data_dir: Path) -> None:
    """All but two of the texts that are gold on MATH are formulas to the parser; those two are a date and a time."""
    golds = set(load_data(find_task("math"), data_dir).golds.values())
    unread = []
    for gold in golds:
        try:
            read(gold)
        except NotRead:
            unread.append(gold)
    assert len(golds) > 2_000
    assert len(unread) <= 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("27:64", "3:64", id="a ratio isn't a time of day"),
        pytest.param("x>2, y>3", "x>3, y>2", id="inequalities keep their unknowns"),
        pytest.param("x>2 \\text{ and } y<3", "(2,3)", id="two unknowns are no interval"),
        pytest.param("\\lfloor x\\rfloor", "x", id="floor, beside whole numbers"),
        pytest.param("|x-5|", "5-x", id="an absolute value far from zero"),
        pytest.param("\\sqrt{x}", "\\sqrt{|x|}", id="real on one side only"),
        pytest.param("1", "0.99999999999999", id="a whole number isn't rounded to"),
        pytest.param("1234567.5", "1234567.45", id="two decimals"),
        pytest.param("1,000", "0,1", id="thousands are no list with zeros in front"),
        pytest.param("f(2)=3", "f(3)=3", id="values of a function at two points"),
        pytest.param("5=x", "y=5", id="the unknown on the right"),
        pytest.param(
            "\\begin{pmatrix}&1\\\\1&\\end{pmatrix}",
            "\\begin{pmatrix}1&\\\\&1\\end{pmatrix}",
            id="empty cells of a matrix",
        ),
        pytest.param("2\\text{ gallons}", "2\\text{ quarts}", id="gallons and quarts"),
        pytest.param("(A) 5", "(B) 5", id="the same value under two letters"),
        pytest.param("5", "(1+x)^{2000}", id="a number and a high power"),
    ],
)
def test_what_must_not_be_confused(one: str, other: str) -> None:
    assert latex_equal(one, other) is False
    assert latex_equal(other, one) is False


def test_only_an_answer_may_name_what_was_asked_for() -> None:
    assert latex_equal("6", "m + n = 6") is True
    assert latex_equal("m + n = 6", "6") is False
    assert latex_equal("16", "x^2 + y^2 = 16") is False
