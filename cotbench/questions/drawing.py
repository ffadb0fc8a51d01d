"""The order in which the questions of a drawn run come: a seeded shuffle, in which each brings all of its cluster.

It depends on the run's seed and on ids alone. So the next cluster is one of those that are left with a chance in
proportion to its questions, which is what `analysis/sequence.py` builds on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cotbench.questions.data import question_hash
from cotbench.types import Question, unit

# What draws its questions so, in messages.
MAY_STOP = "a run that may stop at any question (--until, --max-tokens-total, --max-cost, --max-hours)"


def cluster_of(question: Question) -> str:
    """The cluster of a question; "" where it shares nothing but its group. One that is the group by name says no more
    than the group."""
    alone = question.cluster in ("", question.group, question_hash(question.group, ()))
    return "" if alone else question.cluster


def clusters_of(questions: Sequence[Question]) -> list[list[Question]]:
    """The clusters of a task, each in the order of its questions' ids; a question that shares nothing is its own."""
    members: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in sorted(questions, key=lambda one: one.id):
        cluster = cluster_of(question)
        members[("cluster", cluster) if cluster else ("question", question.id)].append(question)
    return list(members.values())


def drawn(questions: Sequence[Question], seed: int) -> list[list[Question]]:
    """The clusters of a task in the order in which they are drawn."""

    def first(cluster: Sequence[Question]) -> tuple[float, str]:
        return min((unit("drawn", seed, question.id), question.id) for question in cluster)

    return sorted(clusters_of(questions), key=first)
