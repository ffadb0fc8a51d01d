"""How solving ends without an answer: an exception for each outcome that isn't `ok`."""

from __future__ import annotations

from typing import Literal


class Failure(Exception):
    """Solving ends with an outcome other than `ok`; the text is for people."""

    outcome: Literal["plan_invalid", "unsolved", "ambiguous"]


class PlanInvalid(Failure):
    """A text that is not in the language. line: counted from 1; 0 where no single line is to blame. message: the text
    without its line."""

    outcome = "plan_invalid"

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message = message
        self.line = line


class Unsolved(Failure):
    """No solution, or more than the solver can do."""

    outcome = "unsolved"


class TooLarge(Unsolved):
    """A number or a search beyond the limits."""

    def __init__(self, what: str) -> None:
        super().__init__(f"too large: {what}")


class Ambiguous(Failure):
    """Several answers are left, or the unknowns are not determined."""

    outcome = "ambiguous"
