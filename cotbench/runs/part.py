"""A part of a run that one session asks: the questions of a probe, with which the run itself begins."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from msgspec import Struct

from cotbench.errors import RunError
from cotbench.questions.data import select
from cotbench.questions.drawing import drawn
from cotbench.runs.prepare import RunPlan
from cotbench.runs.tally import ArmTally, Tally
from cotbench.store.lines import read_lines
from cotbench.store.records import RECORDS
from cotbench.types import Outcome


@dataclass(frozen=True)
class Part:
    """questions: those that are asked under every mode. recorded: questions and modes that have their records from an
    earlier session, which cost nothing and keep them."""

    probed: frozenset[str]
    recorded: frozenset[tuple[str, str]]

    @property
    def questions(self) -> frozenset[str]:
        return self.probed | {question for question, _ in self.recorded}

    def has(self, question: str, mode: str) -> bool:
        return question in self.probed or (question, mode) in self.recorded


class _Recorded(Struct, frozen=True, gc=False):
    question: str
    mode: str
    outcome: Outcome


def part_of(plan: RunPlan, folder: Path, probe: int | None) -> Part | None:
    """The part of a run that a probe of so many questions of each task asks; None for all of it.

    They are the questions that `--limit` would choose, and so a sample of those of the run; of a drawn run the first
    that are drawn."""
    if probe is None:
        return None
    chosen = {
        question.id
        for task, questions in plan.questions.items()
        for question in (
            islice(chain.from_iterable(drawn(questions, plan.options.seed)), probe)
            if plan.options.draws
            else select(plan.data[task].questions, min(probe, len(questions)), plan.options.seed)
        )
    }
    recorded: set[tuple[str, str]] = set()
    with suppress(RunError):  # there are none yet
        for row in read_lines(folder / RECORDS, _Recorded, torn=True):
            if row.outcome != Outcome.ENGINE_ERROR:
                recorded.add((row.question, row.mode))
    return Part(frozenset(chosen), frozenset(recorded))


def tally_of(plan: RunPlan, part: Part | None) -> Tally:
    """The tally of a session that asks a run, or a part of it."""
    arms = {
        (task, mode): ArmTally(
            total=sum(part is None or part.has(question.id, mode) for question in plan.questions[task]),
            most_tokens=kit.most_tokens,
            runs=kit.mode.runs is not None,
        )
        for (task, mode), kit in plan.kits.items()
    }
    return Tally(total=sum(arm.total for arm in arms.values()), arms=arms)
