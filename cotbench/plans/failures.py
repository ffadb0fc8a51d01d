"""How solving ends without an answer: three exceptions, one for each outcome that is not `ok`."""

from __future__ import annotations


class PlanInvalid(Exception):
    """A text that is not in the language. line: counted from 1; 0 where no single line is to blame."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line

    def __str__(self) -> str:
        message = super().__str__()
        return f"line {self.line}: {message}" if self.line else message


class Unsolved(Exception):
    """No solution, or more than the solver can do."""


class TooLarge(Unsolved):
    """A number or a search beyond the limits."""

    def __init__(self, what: str) -> None:
        super().__init__(f"too large: {what}")


class Ambiguous(Exception):
    """Several answers are left, or the unknowns are not determined."""
