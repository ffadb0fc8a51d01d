"""LaTeX answers whose equality can be told without SymPy: words, numbers, and what is the same text in one notation."""

from __future__ import annotations

import re

from cotbench.answers.judging.cleaning import clean_latex, prose, same_text, without_text
from cotbench.answers.reading.numerals import canonical_number

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


def equal_at_once(gold: str, answer: str) -> bool | None:
    """Whether two LaTeX answers are equal, where that can be had without SymPy; None where a worker must decide."""
    words = prose(gold), prose(answer)
    if None not in words:
        return words[0] == words[1]
    one, other = same_text(gold), same_text(answer)
    if one == other and one:
        return True
    if too_big(answer) or too_big(gold):
        return False
    if _VARIABLE.search(one + other):  # the k of "5k" is a variable here, and no thousand
        return None
    numbers = canonical_number(without_text(clean_latex(gold))), canonical_number(without_text(clean_latex(answer)))
    if None not in numbers and "." not in one + other and "," not in gold + answer:
        return numbers[0] == numbers[1]
    return None
