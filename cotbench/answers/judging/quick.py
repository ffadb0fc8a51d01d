"""Verdicts that need no SymPy: letters, numbers, and answers that are equal as text."""

from __future__ import annotations

import re
from fractions import Fraction

from cotbench.answers.judging.notation import clean_latex, prose, same_text, without_text
from cotbench.answers.reading import canonical_number
from cotbench.types import AnswerType, Outcome

MAX_DIGIT_RUN = 256  # longer runs of digits make SymPy factor or multiply for minutes
MAX_DEPTH = 32  # nested braces; the parser recurses

_VARIABLE = re.compile(r"(?<![A-Za-z\\])[A-Za-z]")
_DIGITS = re.compile(rf"\d{{{MAX_DIGIT_RUN},}}")


def too_big(text: str) -> bool:
    """Whether an expression is out of the limits within which it is handed to SymPy."""
    depth = deepest = 0
    for char in text:
        depth += (char in "{([") - (char in "})]")
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH or _DIGITS.search(text) is not None


def grade_now(answer: str, gold: str, answer_type: AnswerType) -> Outcome | None:
    """The verdict where it can be had without SymPy; None where a worker must decide."""
    if answer == gold:
        return Outcome.CORRECT
    if answer_type is AnswerType.LETTER:
        return Outcome.WRONG
    if answer_type is AnswerType.NUMBER:
        return Outcome.CORRECT if Fraction(answer) == Fraction(gold) else Outcome.WRONG
    words = prose(gold), prose(answer)
    if None not in words:
        return Outcome.CORRECT if words[0] == words[1] else Outcome.WRONG
    one, other = same_text(gold), same_text(answer)
    if one == other and one:
        return Outcome.CORRECT
    if too_big(answer) or too_big(gold):
        return Outcome.WRONG
    if _VARIABLE.search(one + other):  # the k of "5k" is a variable here, and no thousand
        return None
    numbers = canonical_number(without_text(clean_latex(gold))), canonical_number(without_text(clean_latex(answer)))
    if None not in numbers and "." not in one + other and "," not in gold + answer:
        return Outcome.CORRECT if numbers[0] == numbers[1] else Outcome.WRONG
    return None
