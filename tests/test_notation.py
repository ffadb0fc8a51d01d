"""The alphabet that answers and plans share: a sign is written for both, and cut into tokens by one lexer."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cotbench.answers.judging.forms import NotRead
from cotbench.answers.judging.words import tokens_of
from cotbench.answers.notation.lexer import END, Cursor, Token
from cotbench.answers.notation.signs import AS_LATEX, AS_PLAIN, closes, lowered, raised
from cotbench.answers.notation.units import unit_of
from cotbench.plans.alphabet import plain, tokenize
from cotbench.plans.failures import PlanInvalid


@pytest.mark.parametrize(
    ("sign", "latex", "text"),
    [
        ("−", "-", "-"),
        ("×", r"\times ", "*"),
        ("≤", r"\le ", "<="),
        ("½", r"\frac{1}{2}", "(1/2)"),
        ("π", r"\pi ", " pi "),
        ("⌊", r"\lfloor ", r"\lfloor "),
        ("℃", r"^\circ \text{C}", "℃"),
        ("⊕", "⊕", " xor "),
        ("\u200b", "", ""),
        ("\u00a0", " ", " "),
        ("５", "5", "５"),
    ],
)
def test_a_sign_is_written_for_answers_and_for_plans(sign: str, latex: str, text: str) -> None:
    assert sign.translate(AS_LATEX) == latex
    assert sign.translate(AS_PLAIN) == text


def test_small_digits() -> None:
    assert raised("x²⁻¹ + y", "{}") == "x^{2-1} + y"
    assert raised("2ⁿ", "()") == "2^(n)"
    assert lowered("a₁₂") == "a_{12}"


def test_both_alphabets_cut_the_same_formula() -> None:
    said = [("number", "2"), ("sign", "^"), ("number", "10"), ("sign", "<="), ("sign", "("), ("number", ".5")]
    assert [token[:2] for token in tokens_of("2^10<=(.5")] == said
    assert [token[:2] for token in tokenize("2^10<=(.5")] == [*said, END[:2]]


def test_what_is_no_sign_is_an_error_of_the_language() -> None:
    with pytest.raises(NotRead, match="what is '#'"):
        tokens_of("2 # 3")
    with pytest.raises(PlanInvalid, match="unexpected '#'"):
        tokenize("2 # 3")
    with pytest.raises(PlanInvalid, match="the line is too long"):
        tokenize(plain("1+" * 3_000))


def test_a_token_knows_the_space_before_it() -> None:
    assert [token.spaced for token in tokens_of("2 x+ y")] == [False, True, False, True]
    assert [token.spaced for token in tokenize(r"2\, x")[:-1]] == [False, True]


def test_a_cursor() -> None:
    cursor = Cursor([Token("number", "57"), Token("sign", "+")])
    cursor.split_number()
    assert cursor.next().text == "5"
    assert not cursor.take("7"), "the text of a number is no sign"
    assert cursor.next().text == "7"
    assert cursor.take_sign("+", "-")
    assert cursor.peek(3) == END
    with pytest.raises(ValueError, match=r"expected '\)' at the end"):
        cursor.need(")")


@pytest.mark.parametrize(
    ("unit", "known"),
    [
        ("km", ("m^1", Fraction(1000))),
        ("centimeters", ("m^1", Fraction(1, 100))),
        ("km/h", ("m^1 s^-1", Fraction(5, 18))),
        ("apples", None),
    ],
)
def test_units(unit: str, known: tuple[str, Fraction] | None) -> None:
    assert unit_of(unit) == known


def test_where_a_bracket_closes() -> None:
    assert closes("a(b(c)d)e", 1, "()") == 7
    assert closes("a(b", 1, "()") == -1
