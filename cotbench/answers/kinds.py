r"""The kinds of answers: a row of `KINDS` says all that is particular to one; nothing else asks which kind it has.

A new kind is one row, with its functions; a task names it as `answer.type`, `cotbench score FILE` as `--answer-type`.
The functions take and return plain texts. None of them sees a model, a prompt, or (but for the two that compare) gold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cotbench.answers import reading  # which asks this table in turn, when it is called
from cotbench.answers.reading.formulas import read_formula
from cotbench.answers.reading.letters import read_letter
from cotbench.answers.reading.numbers import read_number
from cotbench.answers.reading.numerals import canonical_number
from cotbench.answers.reading.rules import Reading
from cotbench.types import LETTERS, AnswerType, Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKind:
    """One row of `KINDS`.

    form, phrase: the answer contract where a task states none: how the last line looks, what its placeholder means.
    read(text, start, vague, choices): the readings of text[start:], those that count most first; vague: whether rules
    apply that guess, where nothing is stated.
    quick(gold, answer): the score (0 to 1) of an answer that isn't gold letter by letter; None leaves it to `judge`.
    judge(gold, answer): the score, found in a worker process, which may take long and can be killed; None where it
    can't be decided. A function of a module, since workers import it. Without one, `quick` always decides.
    value(execution): the answer that a program's or plan's value is; None where it is none.
    task_gold(gold, choices): a task's gold in the form that is compared. file_gold(gold, choices): that of a line in a
    file of outputs, which may say more around it. Both raise ValueError, whose text says what was found instead.
    gold_readers: ways to read a gold column by name, beside those that all tasks have: (value, choices) -> text.
    asked_as: the `answer.type` that templates see; those of programs and plans know number, latex (any exact form) and
    letter.
    has_choices: whether its questions have options. lettered: whether these are shown with letters; else they are words
    that the contract names. likeliest: whether the one likeliest letter is an answer.
    right(gold, choices), wrong(gold, choices): an answer that is right, and one that isn't; for the stub, and to try
    whether a gold can be reached.
    may_be_cut: whether an answer at the end of a cut text may be a part of one.
    stands_alone: whether one that is all of a thought's last line is an answer.
    line_tokens: how many tokens the rest of an answer line may have whose words are written for the model.
    """

    name: str
    form: str
    phrase: str
    read: Callable[[str, int, bool, Sequence[str]], Iterator[Reading]]
    quick: Callable[[str, str], float | None] = lambda _gold, _answer: 0.0
    judge: Callable[[str, str], float | None] | None = None
    value: Callable[[Execution], str | None]
    task_gold: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    file_gold: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    gold_readers: Mapping[str, Callable[[Any, Sequence[str]], str]] = field(default_factory=dict)
    asked_as: str = AnswerType.LATEX
    has_choices: bool = False
    lettered: bool = True
    likeliest: bool = False
    right: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    wrong: Callable[[str, Sequence[str]], str] = lambda _gold, _choices: "-987654321"
    may_be_cut: bool = True
    stands_alone: bool = True
    line_tokens: int = 128


# --- numbers ------------------------------------------------------------------------------------------------------

_WORD, _NUMBERS = re.compile(r"[^\W\d_]{2}"), re.compile(r"\d[\d.,]*")


def _is_text(execution: Execution) -> bool:
    """Whether a value is a text of the program's, not a value that is shown as one."""
    return execution.latex == execution.value and (execution.value or "")[:1] not in ("(", "[", "{")


def _number_value(execution: Execution) -> str | None:
    """A text is read as an output is; several numbers without a word are none, nor is a list."""
    value = execution.value or ""
    number = canonical_number(value) or canonical_number(execution.decimal or "")
    if number or not _is_text(execution):
        return number
    if _WORD.search(value) or len(_NUMBERS.findall(value)) == 1:  # "18 dollars"
        number = reading.extract(value, AnswerType.NUMBER).answer
    # A program may say more below its answer; a line above counts where it says that it is one.
    said_above = value in execution.stdout
    above = said_above and reading.extract(execution.stdout, AnswerType.NUMBER, truncated=True).answer
    return number or above or None


def _number_of_task(gold: str, _: Sequence[str]) -> str:
    number = canonical_number(gold)
    if number is None:
        raise ValueError(f"{gold!r:.60}, which is not a number")
    return number


def _number_of_file(gold: str, _: Sequence[str]) -> str:
    found = reading.extract(gold, AnswerType.NUMBER)
    plain = found.rule not in reading.VAGUE or len(re.findall(r"\d+(?:[.,]\d+)*", gold)) == 1
    number = canonical_number(gold) or (found.answer if plain and "^" not in gold else None)
    if number is None:
        raise ValueError(f"{gold!r:.60}, which holds no number")
    return number


# --- formulas -----------------------------------------------------------------------------------------------------


def _formula_value(execution: Execution) -> str | None:
    value = execution.value or ""
    said = reading.extract(value, AnswerType.LATEX).answer if " " in value and _is_text(execution) else None
    return said or execution.latex or value or None


def _formula_of_file(gold: str, _: Sequence[str]) -> str:
    return (reading.extract(gold, AnswerType.LATEX).answer if "\\boxed" in gold else None) or gold


def _quick_formula(gold: str, answer: str) -> float | None:
    from cotbench.answers.judging.quick import equal_at_once  # what only reads needs none of it

    return equal_at_once(gold, answer)


def judge_formula(gold: str, answer: str) -> float | None:
    """Compare two LaTeX answers by what they mean. For worker processes: SymPy may hang, or exhaust memory."""
    from cotbench.answers.judging.equality import latex_equal

    try:
        return latex_equal(gold, answer)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # whatever SymPy or Math-Verify raises on an answer: it couldn't be shown to be equal
        return 0.0


# --- letters ------------------------------------------------------------------------------------------------------

_ONE_LETTER = re.compile(r"\W*([A-Za-z])\W*")


def _letter_of_file(gold: str, choices: Sequence[str]) -> str:
    letter = _ONE_LETTER.fullmatch(gold)
    if letter and letter[1].upper() in LETTERS[: len(choices)]:
        return letter[1].upper()
    if choices.count(gold) == 1:
        return LETTERS[choices.index(gold)]
    last = LETTERS[len(choices) - 1]
    raise ValueError(f"{gold!r:.60}, expected a letter from A to {last} or the text of an option")


KINDS: dict[str, AnswerKind] = {
    kind.name: kind
    for kind in (
        AnswerKind(
            name=AnswerType.NUMBER,
            form="<number>",
            phrase="where <number> is the final number, without its unit",
            asked_as=AnswerType.NUMBER,
            line_tokens=24,
            read=lambda text, start, vague, _: read_number(text, start, vague),
            quick=lambda gold, answer: Fraction(answer) == Fraction(gold),
            value=_number_value,
            task_gold=_number_of_task,
            file_gold=_number_of_file,
        ),
        AnswerKind(
            name=AnswerType.LATEX,
            form=r"\boxed{<answer>}",
            phrase="where <answer> is the final result, fully simplified, in LaTeX if it is a formula",
            read=lambda text, start, vague, _: read_formula(text, start, vague),
            quick=_quick_formula,
            judge=judge_formula,
            value=_formula_value,
            file_gold=_formula_of_file,
            stands_alone=False,
        ),
        AnswerKind(
            name=AnswerType.LETTER,
            form="<letter>",
            phrase="where <letter> is the letter of the one right option",
            asked_as=AnswerType.LETTER,
            read=read_letter,
            value=lambda execution: execution.option,
            file_gold=_letter_of_file,
            has_choices=True,
            likeliest=True,
            wrong=lambda gold, choices: LETTERS[(LETTERS.index(gold) + 1) % len(choices)],
            may_be_cut=False,
            line_tokens=8,
        ),
    )
}
