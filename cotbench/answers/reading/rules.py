"""What a reading is, and the rows of the tables of rules.

A table is a tuple of `Rule`s in the order in which they are asked; what its `find` takes and gives stands above it.
Every row has examples in `tests/cases/reading/rows.yaml`: outputs that it reads, and some that it must not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cotbench.answers.reading.parts import Span
from cotbench.types import AnswerType

MAX_ANSWER_CHARS = 1_000  # an answer longer than this is not one; MATH's longest gold has 159 characters
OF_NUMBERS, OF_FORMULAS, OF_LETTERS = (AnswerType.NUMBER,), (AnswerType.LATEX,), (AnswerType.LETTER,)
OF_TEXTS, OF_WORDS = (AnswerType.TEXT,), (AnswerType.BOOLEAN, AnswerType.CHOICE)
OF_EXPRESSIONS, OF_LISTS, OF_SEVERAL = (AnswerType.EXPRESSION,), (AnswerType.LIST,), (AnswerType.LETTERS,)
ALL_KINDS = (*OF_NUMBERS, *OF_FORMULAS, *OF_LETTERS, *OF_TEXTS, *OF_WORDS, *OF_EXPRESSIONS, *OF_LISTS, *OF_SEVERAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """The answer that was read of an output, or that there was none.

    answer: canonical for numbers ("42", "-0.5", "1/3") and letters ("C"), the text itself for LaTeX; None where nothing
    was read. rule: the name of the rule that read it, as records have it. row: which row of the tables that was. span:
    the characters [start, end) of the output that give the answer.
    """

    answer: str | None
    rule: str = ""
    span: Span | None = None
    row: str = field(default="", compare=False)


UNDECIDED = Extraction(answer=None)  # "7 or 8": an answer that is none; nothing vaguer is looked for
DECLINED = "declined"  # the rule that finds that a model says that there is no answer to give
REFUSAL = Extraction(answer=None, rule=DECLINED)
Reading = tuple[str, Extraction]  # a rule's name, and what it found


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a table: one way of finding an answer.

    row: its own name. name: the rule's name in records; rows that read the same thing in several forms share it. kinds:
    the answer types that it serves. find: what finds it. vague: whether it guesses where nothing is stated, so that it
    doesn't apply to cut texts.
    """

    row: str
    name: str
    kinds: tuple[AnswerType, ...]
    find: Callable[..., Any]
    vague: bool = False

    def reads(self, found: Extraction) -> Reading:
        """Name the rule of what this row found."""
        return self.name, Extraction(answer=found.answer, rule=found.rule or self.name, span=found.span, row=self.row)

    def ask(self, *place: Any) -> Iterator[Reading]:
        """Yield what this row finds in a place: nothing, one answer, or several."""
        found = self.find(*place)
        return (self.reads(one) for one in ([found] if isinstance(found, Extraction) else found or ()))
