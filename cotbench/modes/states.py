"""What a search sees of replies and questions: the steps that a reply proposes, what a judge says, and what a state
shows by the kind of its answers. For `tree.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cotbench.answers.judging.expressions import TARGET
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import split_reasoning
from cotbench.types import AnswerType, Completion, Question

# What a judgement is worth, as in Yao et al.'s code.
WORTH = {"sure": 20.0, "likely": 1.0, "impossible": 0.001}
PROMISING = WORTH["likely"]  # what a state is worth at least in which some judge sees a chance


# --- replies ------------------------------------------------------------------------------------------------------

_MARKER = re.compile(r"\A(?:[-*•–]|\(?\d{1,2}[.):]|[Ss]tep \d{1,2}:|#+)\s+")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Words that may stand with a judgement on its line and leave it what it is.
_AROUND = frozenset("judge judgement judgment answer verdict evaluation value so it is this thus the final".split())
_NUMBER = re.compile(r"(?<![\w.])\d{1,4}(?!\w|\.\d)")


def visible(path: Completion) -> str:
    """Return what a reply says apart from its thoughts, with what was written for the model before it."""
    text = path.begun + path.text
    start, end = split_reasoning(text).visible
    return text[start:end].strip()


def lines_of(path: Completion) -> list[str]:
    """Return the lines of a reply that say something, without the marks of a list. The last line of a reply that was
    cut is no whole one, and a heading above the others is none of them."""
    lines = visible(path).splitlines()
    whole = lines[:-1] if path.finish_reason == "length" else lines
    said = [_MARKER.sub("", line.strip()).strip("`").strip() for line in whole]
    said = [line for line in said if line]
    return said[1:] if len(said) > 1 and said[0].endswith(":") else said


def read_judgement(path: Completion) -> float | None:
    """Read what a judge says that a state is worth, on the last line of its reply; None where that isn't one of the
    words it was to use, whatever is likely to be meant ("not sure")."""
    words = _words_of_last_line(path)
    said = [word for word in words if word not in _AROUND]
    return WORTH.get(said[0]) if len(said) == 1 else None


def read_choice(path: Completion, count: int) -> int | None:
    """Read which of some choices a judge votes for, on the last line of its reply: its place, from 0. None where the
    line names none of them, or several."""
    lines = lines_of(path)
    named = {int(number) for number in _NUMBER.findall(lines[-1])} if lines else set()
    return named.pop() - 1 if len(named) == 1 and named <= set(range(1, count + 1)) else None


def _words_of_last_line(path: Completion) -> list[str]:
    lines = lines_of(path)
    return [word.lower() for word in _WORDS.findall(lines[-1])] if lines else []


# --- states by the kind of answers ----------------------------------------------------------------------------------


Shown = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is particular to a kind of answers. A row of two.

    b, thoughts, evaluate: the settings where an arm says nothing; thoughts 0: as many as are proposed. steps(question):
    how many steps there are, the answer's among them. thought(lines): the step that a reply is, where one is drawn.
    shown(question, steps): what a proposer sees of a state: `steps`, or `left` in their place. judged(question, steps,
    reply): the turn by which a state is judged, and what the judge sees; reply: the model's answer, "" of a state that
    has none. ends(shown, last): whether the next step is the answer; last: whether there is but one more."""

    b: int
    thoughts: int
    evaluate: str
    steps: Callable[[Question], int]
    thought: Callable[[Sequence[str]], str]
    shown: Callable[[Question, Sequence[str]], Shown]
    judged: Callable[[Question, Sequence[str], str], tuple[str, Shown]]
    ends: Callable[[Shown, bool], bool]


_VALUE = r"-?\d+(?:[./]\d+)?"
_NUMBERS = re.compile(rf"{_VALUE}(?:[ ,;]+{_VALUE})+")
_LEFT = re.compile(r"\bleft:\s*([^()]*)")


def _numbers(question: Question) -> str:
    """The numbers of a puzzle: the first list of several that its text holds; "" where it holds none."""
    found = _NUMBERS.search(question.text)
    return " ".join(re.split(r"[ ,;]+", found[0])) if found else ""


def _left(question: Question, steps: Sequence[str]) -> Shown:
    """The numbers that a puzzle's steps leave, as the last one says, whether that is true or not: to find that out is
    the judge's part. Of one that doesn't say it, the line itself."""
    said = _LEFT.search(steps[-1]) if steps else None
    left = " ".join(said[1].replace(",", " ").split()) if said else steps[-1] if steps else _numbers(question)
    return {"steps": "", "left": left}


def _judged_by_numbers(question: Question, steps: Sequence[str], reply: str) -> tuple[str, Shown]:
    """Have the numbers judged that are left, or the last line as an answer where it doesn't say what is left."""
    line = (reply.splitlines() or steps)[-1]
    if _LEFT.search(line):
        return "value", _left(question, (line,))
    return "check", {**_left(question, ()), "reply": line}


def _judged_by_steps(question: Question, steps: Sequence[str], reply: str) -> tuple[str, Shown]:
    shown = _told(question, steps)
    return ("check", {**shown, "reply": reply}) if reply else ("value", shown)


def _told(_: Question, steps: Sequence[str]) -> Shown:
    return {"steps": "\n".join(steps), "left": ""}


# The Game of 24, as in the paper: a step combines two numbers; where 24 alone is left, only the answer is missing.
EXPRESSIONS = Kind(
    b=5,
    thoughts=0,
    evaluate="value",
    steps=lambda question: len(_numbers(question).split()),
    thought=lambda lines: lines[0],
    shown=_left,
    judged=_judged_by_numbers,
    ends=lambda shown, _: shown["left"] == str(TARGET),
)
# All other kinds. By vote, as the paper has it for GSM8K and StrategyQA (appendix B.1): whether a thought in words can
# lead to the answer is harder to say of one than of several side by side, and it takes one request for all of them.
OTHERS = Kind(
    b=2,
    thoughts=3,
    evaluate="vote",
    steps=lambda _: 3,
    thought="\n".join,
    shown=_told,
    judged=_judged_by_steps,
    ends=lambda _, last: last,
)


def kind_of(answer_type: str, question: Question) -> Kind:
    """Return the row of a question, whose answer is of a kind. A puzzle that lists no numbers is like the others."""
    expression = KINDS[answer_type].asked_as == AnswerType.EXPRESSION
    return EXPRESSIONS if expression and _numbers(question) else OTHERS
