"""Parts of a run's questions for machines that share nothing (`--shard 3/8`): which shard asks which question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from cotbench.errors import UsageError
from cotbench.questions.drawing import clusters_of
from cotbench.types import Question, unit

Cluster = Sequence[Question]


def homes(questions: Mapping[str, Sequence[Question]], of: int) -> dict[str, int]:
    """Which of so many shards asks each question, by its id; shards are counted from 1. questions: all of a run's, by
    task.

    It depends on the questions alone and not on their order. Questions that share something stay together, and each
    shard has some of every task: as many as any other, but for the size of the largest cluster, within a task and over
    all of them. Of clusters of a size each stratum's are spread evenly. Raises UsageError where a task has fewer
    clusters than there are shards."""
    found: dict[str, int] = {}
    loads = [0] * of
    for task in sorted(questions):
        clusters = _clusters(questions[task])
        if len(clusters) < of:
            raise UsageError(
                f"--shard: {task} has {len(clusters):,} clusters of questions (what shares a text stays together), "
                f"expected at least {of:,}: each shard asks some of every task.",
                f"Split the run into {len(clusters):,} shards or fewer, or run {task} by itself.",
            )
        bins = sorted(_bins(clusters, of), key=lambda ids: -len(ids))
        # The fullest bin goes to the emptiest shard: so no two shards come to differ by more than two bins do.
        for shard, ids in zip(sorted(range(of), key=loads.__getitem__), bins, strict=True):
            loads[shard] += len(ids)
            found |= dict.fromkeys(ids, shard + 1)
    return found


def held(whole: Mapping[str, Sequence[Question]], own: Mapping[str, Sequence[Question]], shard: str) -> str:
    """What a shard holds, in a sentence without its full stop. whole: all questions of its run; own: its own."""
    told = ", ".join(f"{task} {len(own[task]):,} of {len(questions):,}" for task, questions in whole.items())
    asked, of = (sum(map(len, questions.values())) for questions in (own, whole))
    number, _, count = shard.partition("/")
    return f"shard {number} of {count} asks {asked:,} of the run's {of:,} questions" + (
        f" ({told})" if len(whole) > 1 else ""
    )


def _clusters(questions: Sequence[Question]) -> list[Cluster]:
    """The clusters of a task, the largest first, then by stratum, in each in an order of chance that is always the
    same. A cluster's first question has the least id, and says its stratum."""
    return sorted(
        clusters_of(questions), key=lambda own: (-len(own), own[0].group, unit("shard", own[0].id), own[0].id)
    )


def _bins(clusters: Sequence[Cluster], of: int) -> list[list[str]]:
    """Put each cluster where there are the fewest questions, and of such places where there are the fewest of its
    stratum. No two bins then differ by more than the largest cluster."""
    bins: list[list[str]] = [[] for _ in range(of)]
    loads = np.zeros(of, dtype=np.int64)
    strata: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = defaultdict(lambda: np.zeros(of, dtype=np.int64))
    more = sum(map(len, clusters)) + 1  # than any stratum has
    for cluster in clusters:
        stratum = strata[cluster[0].group]
        place = int(np.argmin(loads * more + stratum))
        bins[place] += [question.id for question in cluster]
        loads[place] += len(cluster)
        stratum[place] += len(cluster)
    return bins
