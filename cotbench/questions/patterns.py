"""A user's own patterns (`--tag`, `--grep`): Python's `re` syntax, searched for with a limit of time.

`re` can't be stopped, and a pattern with nested repeats may take hours on one question; the package `regex` searches
for the same with a limit. What it understands beyond `re` (fuzzy matches, set operations) is no part of this syntax.
"""

from __future__ import annotations

import re
import time
import warnings
from typing import Any

from cotbench.errors import UsageError

LIMIT_S = 2.0  # on one text
SLOW_S, SLOW_LIMIT_S = 0.02, 5.0  # of searches that take longer than the one, all together
MOST_REPEATS = 1_000_000  # regex lays repeats out in memory

_REPEAT = re.compile(r"\\.|\{(\d*)(?:,(\d*))?\}", re.S)
_BRACE = re.compile(r"\\.|\{(?!\d*,?\d*\})", re.S)
_REMEDY = "Write it without repeats inside repeats, or with fewer of `.*`."


class Pattern:
    """A pattern and where it comes from, for errors. Raises UsageError where it is no regular expression."""

    def __init__(self, text: str, source: str) -> None:
        import regex

        self.text = text
        self._source = source
        self._slow_s = 0.0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what may mean something else one day
                re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(f"{source}: not a regular expression: {error}.", "Python's `re` syntax.") from None
        repeats = 1
        for found in _REPEAT.finditer(text):
            repeats *= max(1, *(int(digits) for digits in found.groups() if digits), 1)
            if repeats > MOST_REPEATS:
                fault = f"{source}: repeats more than {MOST_REPEATS:,} times."
                raise UsageError(fault, "Use * or +, or smaller numbers.")
        literal = _BRACE.sub(lambda found: r"\{" if found[0] == "{" else found[0], text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._compiled: Any = regex.compile(literal, regex.V0)
        except regex.error as error:
            raise UsageError(f"{source}: can't be searched for: {error}.", "Python's `re` syntax.") from None

    def found_in(self, text: str) -> bool:
        """Raises UsageError where the search takes too long."""
        began = time.perf_counter()
        try:
            found = self._compiled.search(text, timeout=LIMIT_S) is not None
        except TimeoutError:
            fault = f"takes more than {LIMIT_S:g} s on one text, which begins {text[:40]!r}"
            raise UsageError(f"{self._source}: {fault}.", _REMEDY) from None
        took = time.perf_counter() - began
        self._slow_s += took if took > SLOW_S else 0.0
        if self._slow_s > SLOW_LIMIT_S:
            fault = f"takes more than {SLOW_LIMIT_S:g} s in all on texts like these"
            raise UsageError(f"{self._source}: {fault}.", _REMEDY)
        return found
