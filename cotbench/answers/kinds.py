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
from cotbench.answers.reading.expressions import read_expression
from cotbench.answers.reading.formulas import read_formula
from cotbench.answers.reading.letters import read_letter
from cotbench.answers.reading.letters.several import read_letters
from cotbench.answers.reading.lists import items_of, read_list
from cotbench.answers.reading.nones import NONE, is_none, read_number_or_none
from cotbench.answers.reading.numbers import read_number
from cotbench.answers.reading.numerals import canonical_number
from cotbench.answers.reading.rules import DECLINED, Reading
from cotbench.answers.reading.texts import read_text
from cotbench.answers.reading.words import NO, TRUTH, YES, read_choice, read_truth, vocabulary_of
from cotbench.types import LETTERS, AnswerType, Execution, Outcome, Verdict

Score = float | Verdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKind:
    """One row of `KINDS`.

    form, phrase: the answer contract where a task states none: how the last line looks, what its placeholder means.
    read(text, start, vague, choices): the readings of text[start:], those that count most first; vague: whether rules
    apply that guess, where nothing is stated.
    quick(gold, answer): the score (0 to 1) of an answer that isn't gold letter by letter, or a verdict where the score
    doesn't say the outcome; None leaves it to `judge`. Votes ask it whether two answers are one, the earlier as gold.
    judge(gold, answer): the score, found in a worker process, which may take long and can be killed; None where it
    can't be decided. A function of a module, since workers import it. Without one, `quick` always decides.
    value(execution): the answer that a program's or plan's value is; None where it is none.
    task_gold(gold, choices): a task's gold in the form that is compared. file_gold(gold, choices): that of a line in a
    file of outputs, which may say more around it. Both raise ValueError, whose text says what was found instead.
    gold_readers: ways to read a gold column by name, beside those that all tasks have: (value, choices) -> text.
    asked_as: the `answer.type` that templates see: a kind that those of programs and plans have words for, such as
    number or latex (any exact form).
    has_choices: whether its questions have options. lettered: whether these are shown with letters; else they are words
    that the contract names. likeliest: whether the one likeliest letter is an answer.
    right(gold, choices), wrong(gold, choices): an answer that is right, and one that isn't; for the stub, and to try
    whether a gold can be reached.
    in_logic: whether plans that answer it are asked for in formulas of logic.
    takes_truth: whether a gold that isn't a text but true or false is one.
    may_be_cut: whether an answer at the end of a cut text may be a part of one.
    opens: whether an answer that nothing announces may be the first line of an output that goes on.
    stands_alone: whether one that is all of a thought's last line is an answer.
    line_tokens: how many tokens the rest of an answer line may have whose words are written for the model.
    """

    name: str
    form: str
    phrase: str
    read: Callable[[str, int, bool, Sequence[str]], Iterator[Reading]]
    quick: Callable[[str, str], Score] = lambda _gold, _answer: 0.0
    judge: Callable[[str, str], Score] | None = None
    value: Callable[[Execution], str | None]
    task_gold: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    file_gold: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    gold_readers: Mapping[str, Callable[[Any, Sequence[str]], str]] = field(default_factory=dict)
    asked_as: str = AnswerType.LATEX
    has_choices: bool = False
    lettered: bool = True
    in_logic: bool = False
    takes_truth: bool = False
    likeliest: bool = False
    right: Callable[[str, Sequence[str]], str] = lambda gold, _choices: gold
    wrong: Callable[[str, Sequence[str]], str] = lambda _gold, _choices: "-987654321"
    may_be_cut: bool = True
    opens: bool = True
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
        hint = f" (in a task of the type {AnswerType.NUMBER_OR_NONE} it may be)" if is_none(gold) else ""
        raise ValueError(f"{gold!r:.60}, which is not a number{hint}")
    return number


def _number_of_file(gold: str, _: Sequence[str]) -> str:
    found = reading.extract(gold, AnswerType.NUMBER)
    plain = found.rule not in reading.VAGUE or len(re.findall(r"\d+(?:[.,]\d+)*", gold)) == 1
    number = canonical_number(gold) or (found.answer if plain and "^" not in gold else None)
    if number is None:
        raise ValueError(f"{gold!r:.60}, which holds no number")
    return number


# --- numbers that may be rounded ------------------------------------------------------------------------------------


def _same_decimal(gold: str, answer: str) -> float:
    from cotbench.answers.judging.rounding import same_number

    return float(same_number(gold, answer))


# --- numbers, or none -------------------------------------------------------------------------------------------------


def _number_or_none(gold: str, answer: str) -> Score:
    """Right where both are none; an answer that declines where there is one has the outcome that says so."""
    if NONE in (gold, answer):
        return Verdict(Outcome.DECLINED, 0.0) if gold != answer == NONE else float(gold == answer)
    return _same_decimal(gold, answer)


_NAMES = re.compile(r"[A-Za-z_]\w*")
_NOT_UNKNOWN = frozenset("True False None oo zoo nan inf I E pi".split())


def _number_or_none_value(execution: Execution) -> str | None:
    value = execution.value or ""
    if is_none(value) or reading.extract(value, AnswerType.NUMBER).rule == DECLINED:
        return NONE
    number = _number_value(execution)
    if number is None and not _is_text(execution) and set(_NAMES.findall(value)) - _NOT_UNKNOWN:
        return NONE  # "6*bags + 54": it depends on what isn't given
    return number


# --- formulas -----------------------------------------------------------------------------------------------------


def _formula_value(execution: Execution) -> str | None:
    value = execution.value or ""
    said = reading.extract(value, AnswerType.LATEX).answer if " " in value and _is_text(execution) else None
    return said or execution.latex or value or None


def _formula_of_file(gold: str, _: Sequence[str]) -> str:
    stated = "\\boxed" in gold or "####" in gold  # a worked solution, as those of MATH and of GSM8K
    return (reading.extract(gold, AnswerType.LATEX).answer if stated else None) or gold


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


def _next_letter(gold: str, choices: Sequence[str]) -> str:
    return LETTERS[(LETTERS.index(gold) + 1) % len(choices)]


# --- several letters ----------------------------------------------------------------------------------------------


def _letters_of(gold: str, choices: Sequence[str]) -> str:
    """The letters of gold ("AC", "A, C", a line each) in the order of the alphabet."""
    letters = re.sub(r"[\s,;&()\[\]'\"、，+]|\band\b", "", gold).upper()
    if not letters or not set(letters) <= set(LETTERS[: len(choices)]):
        if choices.count(gold) == 1:
            return LETTERS[choices.index(gold)]
        raise ValueError(f"{gold!r:.60}, expected letters from A to {LETTERS[len(choices) - 1]}")
    return "".join(sorted(set(letters)))


def _letters_value(execution: Execution) -> str | None:
    value = (execution.value or "").strip()
    bare = re.sub(r"[\s,;&()\[\]{}'\"]|\band\b", "", value)
    if re.fullmatch(r"[A-J]+", bare):
        return "".join(sorted(set(bare)))
    return execution.option


def _other_letters(gold: str, choices: Sequence[str]) -> str:
    left = [letter for letter in LETTERS[: len(choices)] if letter not in gold]
    return left[0] if left else gold[0]


# --- texts --------------------------------------------------------------------------------------------------------


def _lines(gold: str) -> list[str]:
    """The answers of which any is right: gold's lines."""
    return [line.strip() for line in gold.splitlines() if line.strip()]


def _text_of_task(gold: str, _: Sequence[str]) -> str:
    lines = _lines(gold)
    if not lines:
        raise ValueError("nothing, expected a text")
    return "\n".join(dict.fromkeys(" ".join(line.split()) for line in lines))


def _compare_texts(gold: str, answer: str) -> Score:
    """Compare with each line of gold, of which the best counts: right by exact match, scored by F1."""
    from cotbench.answers.judging.texts import exact_match, f1

    lines = _lines(gold) or [gold]
    if any(exact_match(line, answer) for line in lines):
        return 1.0
    return Verdict(Outcome.WRONG, max(f1(line, answer) for line in lines))


def _text_value(execution: Execution) -> str | None:
    value = execution.value or ""
    if not value.strip():
        return None
    return reading.extract(value, AnswerType.TEXT).answer if _is_text(execution) else value


# --- yes or no, and words of a task -------------------------------------------------------------------------------

_TRUE, _FALSE = ("yes", "true", "y", "t"), ("no", "false", "n", "f")


def _truth_of(gold: str, _: Sequence[str]) -> str:
    said = gold.strip().strip(".\"'").casefold()
    answer = TRUTH.means.get(said) or (YES if said in _TRUE else NO if said in _FALSE else None)
    if answer is None:
        raise ValueError(f"{gold!r:.60}, expected yes or no (or true or false)")
    return answer


def _truth_value(execution: Execution) -> str | None:
    value = execution.value or ""
    return reading.extract(value, AnswerType.BOOLEAN).answer


def _word_of(gold: str, choices: Sequence[str]) -> str:
    for same in (str, str.casefold):
        hits = [choice for choice in choices if same(choice.strip()) == same(gold.strip())]
        if len(hits) == 1:
            return hits[0]
    raise ValueError(f"{gold!r:.60}, expected one of {', '.join(choices):.200}")


def _same_word(gold: str, answer: str) -> float:
    """Whether two words are the same; unknown and uncertain are, as answers of programs and plans."""
    one, other = gold.casefold(), answer.casefold()
    if one == other:
        return 1.0
    return float(vocabulary_of((gold,)).means.get(other) == gold and vocabulary_of((gold,)).doubt == gold)


def _word_value(execution: Execution) -> str | None:
    value = (execution.value or "").strip().strip("\"'.")
    return value if value and len(value.split()) <= 6 else None


def _other_word(gold: str, choices: Sequence[str]) -> str:
    return next((choice for choice in choices if choice != gold), "")


# --- expressions --------------------------------------------------------------------------------------------------


def _numbers_of_gold(gold: str, _: Sequence[str]) -> str:
    from cotbench.answers.judging.expressions import numbers_of

    if numbers_of(gold) is None:
        raise ValueError(f"{gold!r:.60}, expected the numbers to be used, such as 4 6 8 8")
    return " ".join(re.findall(r"\d+", gold))


def _check_expression(gold: str, answer: str) -> float:
    from cotbench.answers.judging.expressions import check

    return float(check(gold, answer))


def _expression_value(execution: Execution) -> str | None:
    return reading.extract(execution.value or "", AnswerType.EXPRESSION).answer


def _solution(gold: str, _: Sequence[str]) -> str:
    from cotbench.answers.judging.expressions import solve

    return solve(tuple(map(int, gold.split()))) or gold


# --- lists --------------------------------------------------------------------------------------------------------


def _list_of(gold: str, _: Sequence[str]) -> str:
    items = items_of(gold)
    if not items:
        raise ValueError(f"{gold!r:.60}, expected items with spaces between them")
    return " ".join(items)


def _same_items(gold: str, answer: str) -> float:
    from cotbench.answers.judging.lists import same_items

    return float(same_items(gold, answer))


def _list_value(execution: Execution) -> str | None:
    value = execution.value or ""
    if value in ("[]", "()", "{}"):
        return None  # an empty list, whose brackets are none of the answer's
    parts = value[1:-1].split(", ")
    if len(parts) > 1 and all(len(part) == 1 for part in parts):  # a list of brackets, as it is shown: "[], )]"
        value = value[1:-1]
    return " ".join(items_of(value)) or None


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
            wrong=_next_letter,
            may_be_cut=False,
            line_tokens=8,
        ),
        AnswerKind(
            name=AnswerType.TEXT,
            form="<answer>",
            phrase="where <answer> is the answer in as few words as possible",
            asked_as=AnswerType.TEXT,
            line_tokens=48,
            read=lambda text, start, vague, _: read_text(text, start, vague),
            quick=_compare_texts,
            value=_text_value,
            task_gold=_text_of_task,
            file_gold=_text_of_task,
            opens=False,
            stands_alone=False,
            right=lambda gold, _: gold.partition("\n")[0],
        ),
        AnswerKind(
            name=AnswerType.BOOLEAN,
            form="<answer>",
            phrase="where <answer> is yes or no",
            asked_as=AnswerType.BOOLEAN,
            line_tokens=8,
            read=lambda text, start, vague, _: read_truth(text, start, vague),
            value=_truth_value,
            task_gold=_truth_of,
            file_gold=_truth_of,
            in_logic=True,
            takes_truth=True,
            may_be_cut=False,
            wrong=lambda gold, _: NO if gold == YES else YES,
        ),
        AnswerKind(
            name=AnswerType.CHOICE,
            form="<word>",
            phrase="where <word> is the right one of the words that the question allows",
            asked_as=AnswerType.CHOICE,
            line_tokens=16,
            read=read_choice,
            quick=_same_word,
            value=_word_value,
            task_gold=_word_of,
            file_gold=_word_of,
            has_choices=True,
            lettered=False,
            in_logic=True,
            takes_truth=True,
            may_be_cut=False,
            wrong=_other_word,
        ),
        AnswerKind(
            name=AnswerType.EXPRESSION,
            form="<expression>",
            phrase="where <expression> uses each of the numbers exactly once, with + - * / and brackets, and gives 24",
            asked_as=AnswerType.EXPRESSION,
            line_tokens=64,
            read=lambda text, start, vague, _: read_expression(text, start, vague),
            quick=_check_expression,
            value=_expression_value,
            task_gold=_numbers_of_gold,
            file_gold=_numbers_of_gold,
            opens=False,
            stands_alone=False,
            right=_solution,
            wrong=lambda gold, _: " + ".join(["0", *gold.split()]),
        ),
        AnswerKind(
            name=AnswerType.LIST,
            form="<list>",
            phrase="where <list> is the items in order, with spaces between them",
            asked_as=AnswerType.LIST,
            line_tokens=192,
            read=read_list,
            quick=_same_items,
            value=_list_value,
            task_gold=_list_of,
            file_gold=_list_of,
            opens=False,
            stands_alone=False,
        ),
        AnswerKind(
            name=AnswerType.LETTERS,
            form="<letters>",
            phrase="where <letters> is the letters of all right options",
            asked_as=AnswerType.LETTERS,
            line_tokens=16,
            read=read_letters,
            value=_letters_value,
            task_gold=_letters_of,
            file_gold=_letters_of,
            has_choices=True,
            wrong=_other_letters,
        ),
        AnswerKind(
            name=AnswerType.NUMBER_OR_NONE,
            form="<number>",
            phrase="where <number> is the final number, without its unit, or none if the question can't be answered",
            asked_as=AnswerType.NUMBER_OR_NONE,
            line_tokens=24,
            read=lambda text, start, vague, _: read_number_or_none(text, start, vague),
            quick=_number_or_none,
            value=_number_or_none_value,
            task_gold=lambda gold, choices: NONE if is_none(gold) else _number_of_task(gold, choices),
            file_gold=lambda gold, choices: NONE if is_none(gold) else _number_of_file(gold, choices),
        ),
        AnswerKind(
            name=AnswerType.DECIMAL,
            form="<number>",
            phrase="where <number> is the final number, without its unit",
            asked_as=AnswerType.NUMBER,
            line_tokens=24,
            read=lambda text, start, vague, _: read_number(text, start, vague),
            quick=_same_decimal,
            value=_number_value,
            task_gold=_number_of_task,
            file_gold=_number_of_file,
        ),
    )
}
