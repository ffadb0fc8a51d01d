"""Readings of what came back: an output as an answer, as a program or as a plan, and an execution as an answer.

The same for every mode, so that a difference between modes is never one of reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import DECLINED, extract, split_reasoning
from cotbench.answers.reading.programs import Code, find_block, find_plan, find_program
from cotbench.types import Completion, Execution, ExecutionOutcome, Outcome, Prediction


def as_one_text(path: Completion) -> tuple[str, int]:
    """Put before a completion's text what was written for the model, and before that its reasoning, as where no server
    splits it off; and where the text begins.

    What is read in an output must not depend on whether a server's parser split it, nor on where it put the answer."""
    if not path.reasoning:
        return path.begun + path.text, len(path.begun)
    before = f"<think>{path.reasoning}</think>{path.begun}"
    # A chat template's empty thought, where the server had split the real one off: blanked, so that places stay.
    return before + _EMPTY_THOUGHT.sub(lambda match: " " * len(match[0]), path.text, count=1), len(before)


_EMPTY_THOUGHT = re.compile(
    r"\A\s*(?:<(think|thinking|thought|reasoning)>\s*</\1>|\[THINK\]\s*\[/THINK\]|◁think▷\s*◁/think▷)", re.I
)


def read_answer(path: Completion, answer_type: str, choices: Sequence[str]) -> Prediction:
    """The same for every mode. An answer that was given before the budget ran out counts.

    The span is None where the answer stands in the reasoning that a server split off."""
    if path.finish_reason == "error":
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR, source=path)
    truncated = path.finish_reason == "length"
    text, begin = as_one_text(path)
    found = extract(text, answer_type, choices, truncated=truncated)
    if found.answer is not None:
        assert found.span is not None
        start, end = found.span
        span = (start - begin, end - begin) if start >= begin else None
        return Prediction(answer=found.answer, rule=found.rule, span=span, source=path)
    if path.finish_reason == "refused":
        return Prediction(answer=None, outcome=Outcome.REFUSED, source=path)
    outcome = Outcome.DECLINED if found.rule == DECLINED else Outcome.TRUNCATED if truncated else Outcome.UNPARSED
    return Prediction(answer=None, outcome=outcome, rule=found.rule, source=path)


def reasoning_tokens(paths: Sequence[Completion], completion_tokens: int | None) -> int | None:
    """Count reasoning among completion tokens: as the engine did, or by the share of characters in its blocks."""
    counted = [path.reasoning_tokens for path in paths]
    if counted and None not in counted:
        return sum(filter(None, counted))
    if completion_tokens is None:
        return None
    hidden = whole = 0
    for path in paths:
        start, end = split_reasoning(path.text).visible
        hidden += len(path.reasoning) + len(path.text) - (end - start)
        whole += len(path.reasoning) + len(path.text)
    return round(completion_tokens * hidden / whole) if whole else 0


_ENDED = {
    ExecutionOutcome.TIMEOUT: Outcome.PROGRAM_TIMEOUT,
    ExecutionOutcome.MEMORY: Outcome.PROGRAM_MEMORY,
    ExecutionOutcome.KILLED: Outcome.PROGRAM_KILLED,
}  # the others have the same name


def read_execution(execution: Execution, answer_type: str, code: Code) -> Prediction:
    """Take a program's value as a prediction, by the answer's type: a number, LaTeX, or the letter of an option."""
    if execution.outcome is not ExecutionOutcome.OK:
        outcome = _ENDED.get(execution.outcome) or Outcome(execution.outcome.value)
        return Prediction(answer=None, outcome=outcome, span=code.span)
    answer = KINDS[answer_type].value(execution)
    if answer is None:
        return Prediction(answer=None, outcome=Outcome.NO_VALUE, span=code.span)
    return Prediction(answer=answer, rule="program", span=code.span)


def without_answer(path: Completion, absent: Outcome) -> Prediction:
    """Where an output holds none of what was asked for: why."""
    outcomes = {"error": Outcome.ENGINE_ERROR, "refused": Outcome.REFUSED, "length": Outcome.TRUNCATED}
    return Prediction(answer=None, outcome=outcomes.get(path.finish_reason, absent))


def code_of(path: Completion, runtime: Literal["python", "sympy"]) -> Code | Prediction:
    """The program or plan of an output, or the outcome that stands in for it. One that was cut short isn't run."""
    find, absent = (find_program, Outcome.NO_PROGRAM) if runtime == "python" else (find_plan, Outcome.PLAN_INVALID)
    text, begin = as_one_text(path)
    found = None if path.finish_reason == "error" else find(text, truncated=path.finish_reason == "length")
    if found is None or found.cut or found.span is None:
        return without_answer(path, absent)
    start, end = found.span
    return replace(found, span=(start - begin, end - begin) if start >= begin else None)


class Block(NamedTuple):
    """A block of Python to be run at once. reply: the output up to its end, without a thought before it."""

    code: str
    reply: str


def block_of(path: Completion) -> Block | None:
    """The first block of Python of an output; None where there is none, or it was cut short."""
    if path.finish_reason not in ("stop", "length"):
        return None
    text, _ = as_one_text(path)
    found = find_block(text, truncated=path.finish_reason == "length")
    if found is None or found.cut or not found.text:
        return None
    return Block(found.text, text[split_reasoning(text).visible[0] : found.end].strip())


_NO_ERROR = (ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE)


def blamed(reading: Prediction, executions: Sequence[Execution]) -> Prediction:
    """Lay it to the last program's error where a model finished without an answer behind it."""
    if not executions or executions[-1].outcome in _NO_ERROR:
        return reading
    before = reading.before and blamed(reading.before, executions)
    outcome = reading.outcome
    if outcome is Outcome.UNPARSED:
        ended = executions[-1].outcome
        outcome = _ENDED.get(ended) or Outcome(ended.value)
    return replace(reading, outcome=outcome, before=before)
