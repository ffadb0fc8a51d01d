"""Numbers that are the same but for rounding: 14053029.67 for 14053029.666..., 0.33 for 1/3.

Exact comparison, as of answers of the kind `number`, would call an answer wrong that stops where money or a measure
stops, and one whose arithmetic was done in floating point, where gold is such a number itself. So an answer is gold,
where that isn't whole, if

* one is the other, rounded to as many decimals as it has, which are two at least, and show two digits at least that
  aren't leading zeros (0.00 is no rounding of 0.000002, nor 0.3 of 1/3); or
* they differ by no more than 12 significant digits can show, to which values of programs are shown.

A whole gold is compared exactly: 18.004 isn't 18.
"""

from __future__ import annotations

import re
from fractions import Fraction

DECIMALS = 2  # the fewest to which a rounded number is taken for the other
DIGITS = 2  # the fewest that it shows, without zeros in front
NEAR = Fraction(5, 10**12)  # half of the last of 12 significant digits, where the first is 1
_DECIMAL = re.compile(r"-?(\d*)\.(\d+)")


def same_number(gold: str, answer: str) -> bool:
    """Whether an answer is the number that gold is. Both are canonical: digits, or a fraction of two whole numbers."""
    right, given = Fraction(gold), Fraction(answer)
    if right == given:
        return True
    if right.denominator == 1:
        return False
    if abs(right - given) <= NEAR * abs(right):
        return True
    return _rounds_to(gold, given) or _rounds_to(answer, right)


def _rounds_to(short: str, exact: Fraction) -> bool:
    """Whether a decimal is an exact value, rounded to as many decimals as it has. A half may be rounded either way."""
    shown = _DECIMAL.fullmatch(short)
    if shown is None:
        return False
    places = len(shown[2])
    if places < DECIMALS or len((shown[1] + shown[2]).lstrip("0")) < DIGITS:
        return False
    unit = Fraction(1, 10**places)
    return abs(Fraction(short) - exact) * 2 <= unit
