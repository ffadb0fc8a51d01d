"""In which order a drawn run's questions come, how far its beginning is complete, and sequences over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cotbench.analysis.sequence import ConfidenceSequence
from cotbench.types import Question


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """How the questions of a panel were drawn. clusters: all of the set, in their order. complete: how many clusters
    have all their records. tests: primary differences, over all tasks. behind: answered questions that don't count."""

    clusters: Sequence[Sequence[Question]]
    complete: int
    tests: int
    behind: int = 0

    @property
    def asked(self) -> list[Question]:
        """The questions that count."""
        return [question for cluster in self.clusters[: self.complete] for question in cluster]

    @property
    def questions(self) -> list[Question]:
        return [question for cluster in self.clusters for question in cluster]

    def sequence(
        self, values: Mapping[str, tuple[float, float]], inside: Collection[str] | None, bottom: float
    ) -> ConfidenceSequence:
        """The sequence of the mean of a set. values: of each question that counts the least and the most that its value
        may be. inside: the set, as ids; all of them where it is that."""
        chosen = frozenset(one.id for one in self.questions) if inside is None else frozenset(inside)
        own = [[one.id for one in cluster if one.id in chosen] for cluster in self.clusters]
        there = [(ids, len(cluster)) for ids, cluster in zip(own, self.clusters, strict=True) if ids]
        sequence = ConfidenceSequence(
            sum(len(ids) for ids, _ in there), weight=sum(size for _, size in there), bottom=bottom
        )
        pairs = zip(own[: self.complete], self.clusters, strict=False)
        rows = [
            (*np.sum([values[identity] for identity in ids], axis=0), len(ids), len(cluster))
            for ids, cluster in pairs
            if ids
        ]
        if rows:
            sequence.add(*np.array(rows, dtype=float).T)
        return sequence


def complete_part(clusters: Sequence[Sequence[Question]], there: Iterable[Collection[str]]) -> tuple[int, int]:
    """How many clusters of the beginning have all their answers, and how many answered questions stand behind. there:
    of each arm the questions that have an answer."""
    arms = list(there)
    answered = set.intersection(*map(set, arms)) if arms else set()
    complete = next(
        (place for place, cluster in enumerate(clusters) if any(one.id not in answered for one in cluster)),
        len(clusters),
    )
    return complete, sum(one.id in answered for cluster in clusters[complete:] for one in cluster)
