"""From which question of a run another one borrows a reply: one whose right answer is another, of the same kind where
there is one.

Chosen here, so that a mode is handed a question and sees no gold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from cotbench.answers.grader import grade_now
from cotbench.errors import UsageError
from cotbench.questions.data import TaskData
from cotbench.questions.drawing import cluster_of
from cotbench.types import Outcome, Question, unit

AMONG = 8  # questions that come next in the order, of which the one that is about as long is taken


def donors_of(arm: str, data: TaskData, questions: Sequence[Question], seed: int) -> dict[str, Question]:
    """Return by each question's id the one from which it borrows a reply, of those of a run's questions of a task.

    They have answers of one kind (of any, where none of its kind will do), another gold, and share no text. All are put
    in an order by chance (by the seed and their ids alone); of the next few that will do it is the one whose text is
    most nearly as long, since the thought of a longer question is longer, too. arm: for messages. Raises UsageError
    where there is none."""
    order: dict[str, list[Question]] = defaultdict(list)
    for question in sorted(questions, key=lambda one: (unit(seed, one.id, "donor"), one.id)):
        order[data.kind_of(question)].append(question)
    donors = {}
    for kind, ordered in order.items():
        for place, question in enumerate(ordered):
            next_ones = (ordered[(place + step) % len(ordered)] for step in range(1, len(ordered)))
            found = list(islice(_fitting(question, next_ones, data, kind), AMONG))
            if not found:  # an answer of another kind is another answer
                rest = (one for other, some in order.items() if other != kind for one in some)
                found = list(islice(_apart(question, rest), AMONG))
            if not found:
                raise UsageError(
                    f"--mode {arm}: no other question of {data.task.name} in this run has another right answer than "
                    f"{question.id} ({kind}), whose thought could stand in the place of its own.",
                    "Ask more questions of the task, or leave the arm out.",
                )
            donors[question.id] = min(found, key=lambda one: abs(len(one.text) - len(question.text)))
    return donors


def _fitting(question: Question, others: Iterator[Question], data: TaskData, kind: str) -> Iterator[Question]:
    """Those with another gold, of another cluster."""
    own = data.golds[question.id]
    for other in _apart(question, others):
        verdict = grade_now(data.golds[other.id], own, kind)
        if verdict is None or verdict.outcome is Outcome.WRONG:  # what takes a process to compare isn't the same text
            yield other


def _apart(question: Question, others: Iterator[Question]) -> Iterator[Question]:
    """Those of another cluster."""
    cluster = cluster_of(question)
    return (other for other in others if not cluster or cluster != other.cluster)
