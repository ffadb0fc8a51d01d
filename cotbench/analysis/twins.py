"""Twins: does what a mode changes hold on perturbed questions as it does on the questions that these were made of?

A task may hold questions beside variants of them (GSM-Plus: Li et al. 2024, arXiv:2402.19255): the tag rule `perturbed`
tells which is which, and a question and its variants are one cluster. The difference in differences of that rule, in
`Comparison.splits`, is over all of them; here each kind of perturbation is held against the questions that it was made
of, and of those only against the ones that are there.

A seed and its twin are answered alike, which makes the difference of the two surer than that of two questions: so the
error is that of whole clusters. Where each cluster is one seed and one twin, their difference is a whole number in
-2..2, with the score interval and the exact sign-flip test of `bounded.py`; else the sandwich over clusters with
questions on both sides (`stats.contrast`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cotbench.analysis import bounded, stats
from cotbench.analysis.estimates import ALL, Delta, Interval, Paired, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.many import by_family, in_words
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Estimate
from cotbench.questions.tagging import RULES, SEED

RULE = "perturbed"


@dataclass(frozen=True, kw_only=True)
class Twin(Paired):
    """A mode against a baseline on perturbed questions and on the seeds that these were made of. Differences in -2..2.

    tag: the kind of perturbation, or all. n, n_seeds: perturbed questions and seeds that both modes answered and whose
    counterpart they answered too; clusters: how many seeds that is, with what was made of them. accuracy,
    accuracy_seed: the mode's on both, and baseline_accuracy, baseline_accuracy_seed its baseline's. delta_perturbed,
    delta_seed: the paired differences, and difference: the first less the second. p: by exact sign flips where each
    seed has one twin, else the t test of clusters. p_holm: corrected over the `family`: of a pair of modes all kinds of
    perturbation; of rows over all kinds those of `Comparison.families`.
    """

    tag: str
    n: int
    n_seeds: int
    clusters: int
    accuracy: float | None
    accuracy_seed: float | None
    baseline_accuracy: float | None
    baseline_accuracy_seed: float | None
    perturbed: Interval = field(metadata=columns(value="delta_perturbed", low="low_perturbed", high="high_perturbed"))
    seed: Interval = field(metadata=columns(value="delta_seed", low="low_seed", high="high_seed"))
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", se="se", p="p"))
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.difference.p


_FAMILIES = {"twins": "comparisons of perturbed questions with their seeds, against {}"}


def twins_of(panels: Iterable[Panel], deltas: Sequence[Delta]) -> tuple[list[Twin], dict[str, str], list[str]]:
    """Return the rows of all panels that hold questions and variants of them, what their p are corrected over, and
    notes.

    deltas: which pairs of modes there are."""
    rows, notes = [], []
    for panel in panels:
        kinds = _kinds(panel)
        notes += _alone(panel, kinds)
        for delta in deltas:
            if (
                kinds
                and delta.tag == ALL
                and not delta.group
                and (delta.model, delta.task) == (panel.model, panel.task)
            ):
                rows += list(_rows(panel, panel.cells[delta.mode], panel.cells[delta.baseline], kinds))
    rows, sizes = by_family(rows, lambda row: ("twins", row.baseline) if row.tag == ALL else row.key)
    return rows, in_words({key: size for key, size in sizes.items() if len(key) == 2}, _FAMILIES), notes


def _kinds(panel: Panel) -> Mapping[str, Array]:
    """Return masks of perturbed questions, by kind and of all kinds; {} where a panel holds no seeds beside them."""
    tags = panel.tags(RULES[RULE])
    if tags is None or not (tags == 1).any() or not (tags == 0).any():
        return {}
    if panel.shared_of(tags >= 0) is None:
        return {}
    names = np.array([question.features.get(RULE, "") for question in panel.questions], dtype=object)
    there = dict.fromkeys(sorted(name for name in {*names} if name and name.strip().lower() != SEED))
    return {ALL: tags == 1, **{name: names == name for name in there if len(there) > 1}}


def _alone(panel: Panel, kinds: Mapping[str, Array]) -> list[str]:
    """Note where most perturbed questions are without their seeds, as where --limit has drawn some of both."""
    tags, shared = panel.tags(RULES[RULE]), panel.shared_of(np.ones(len(panel.questions), dtype=bool))
    if not kinds or tags is None or shared is None:
        return []
    matched = int(np.isin(shared[tags == 1], shared[tags == 0]).sum())
    total = int((tags == 1).sum())
    if matched > total / 2:
        return []
    found = (
        f"of {total:,} perturbed questions {matched:,} have their seed beside them, and only these are held against it"
    )
    return [f"{panel.task} by {panel.model}: {found}; --limit draws seeds and perturbed questions apart."]


def _rows(panel: Panel, cell: Cell, base: Cell, kinds: Mapping[str, Array]) -> Iterator[Twin]:
    both = cell.decided & base.decided
    shared = panel.shared_of(np.ones(len(both), dtype=bool))
    seeds = both & (panel.tags(RULES[RULE]) == 0)
    for kind, mask in kinds.items():
        asked = both & mask
        # Only those whose counterpart is there: what a seed alone brings says nothing of its variants.
        own = asked & np.isin(shared, shared[seeds])  # type: ignore[index, arg-type]
        of = seeds & np.isin(shared, shared[own])  # type: ignore[index, arg-type]
        yield _row(panel, cell, base, kind, own, of)


def _row(panel: Panel, cell: Cell, base: Cell, kind: str, own: Array, seeds: Array) -> Twin:
    n, n_seeds = int(own.sum()), int(seeds.sum())
    within = panel.shared_of(own), panel.shared_of(seeds)
    accuracies: dict[str, Any] = dict.fromkeys(
        ("accuracy", "accuracy_seed", "baseline_accuracy", "baseline_accuracy_seed")
    )
    perturbed = seed = difference = Interval()
    if n and within[0] is not None and within[1] is not None:
        sides = [(cell.right[mask].astype(float) - base.right[mask]) for mask in (own, seeds)]
        perturbed, seed = (Interval.of(stats.paired(side, codes)) for side, codes in zip(sides, within, strict=True))
        difference = Interval.of(_difference(sides[0], sides[1], within[0], within[1]))
        accuracies = {
            "accuracy": float(cell.right[own].mean()),
            "accuracy_seed": float(cell.right[seeds].mean()),
            "baseline_accuracy": float(base.right[own].mean()),
            "baseline_accuracy_seed": float(base.right[seeds].mean()),
        }
    return Twin(
        **names_of(panel, cell, base),
        tag=kind,
        n=n,
        n_seeds=n_seeds,
        clusters=0 if within[1] is None else len(np.unique(within[1])),
        **accuracies,
        perturbed=perturbed,
        seed=seed,
        difference=difference,
    )


def _difference(own: Array, seeds: Array, of_own: Array, of_seeds: Array) -> Estimate:
    """Return the mean of perturbed questions less that of their seeds. of_own, of_seeds: their clusters."""
    names, counts = np.unique(of_own, return_counts=True)
    if counts.max() == 1 and len(of_seeds) == len(names):
        before = dict(zip(of_seeds.tolist(), seeds.tolist(), strict=True))
        apart = own - np.array([before[code] for code in of_own.tolist()])
        return bounded.estimate(apart)
    return stats.difference_in_differences(own, seeds, (of_own, of_seeds))
