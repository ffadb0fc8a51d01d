"""Whether arms were shown the passages that answers rest on, and what became of the questions where they were.

A data set says which passages a question's answer rests on (HotpotQA: Yang et al. 2018, arXiv:1809.09600, calls them
supporting facts). Recall is the share of these that an arm showed; an answer that rests on two passages of which one is
missing can't be read off the prompt. What was shown is read from the run's own folder (`store/passages.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cotbench.analysis import means, stats
from cotbench.analysis.estimates import ALL, Interval, delta_of
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.modes.context import RETRIEVED, Context
from cotbench.store.passages import PASSAGES, ShownPassages

FOUND, LACKING = "found", "lacking"  # all that a question's answer rests on was shown, or not all


@dataclass(frozen=True, kw_only=True)
class Recall:
    """What an arm was shown, and how often it was right where all was there that the answer rests on. Rates in 0..1,
    None where n is 0.

    context: which passages, as the arms that share them have it. n: questions with a verdict and with supporting
    passages. supporting: how many of these a question has, shown: how many passages the prompt has, both on the
    average. recall: the mean share of supporting passages that was shown, with a t interval. all_found: the share of
    questions of which all were. precision: what part of the passages shown is supporting, over all questions together.
    right: how often they were answered rightly; score: the mean score, where answers may be partly right (of text
    answers F1). n_found, right_found, score_found: the same of questions of which all were shown; n_lacking,
    right_lacking, score_lacking: of the others.
    """

    model: str
    task: str
    mode: str
    context: str
    n: int
    supporting: float | None
    shown: float | None
    recall: Interval = field(metadata=columns(value="recall", low="recall_low", high="recall_high", se="recall_se"))
    all_found: Interval = field(metadata=columns(value="all_found", low="all_found_low", high="all_found_high"))
    precision: float | None
    right: Interval = field(metadata=columns(value="right", low="right_low", high="right_high"))
    score: Interval = field(metadata=columns(value="score", low="score_low", high="score_high"))
    n_found: int
    right_found: Interval = field(metadata=columns(value="right_found", low="right_found_low", high="right_found_high"))
    score_found: float | None
    n_lacking: int
    right_lacking: Interval = field(
        metadata=columns(value="right_lacking", low="right_lacking_low", high="right_lacking_high")
    )
    score_lacking: float | None


@dataclass(frozen=True, kw_only=True)
class Support:
    """What an arm changes against one that was shown the same passages, by whether all that the answer rests on was
    among them. In -1..1.

    support: found or lacking. n: questions with a verdict under both. helped, hurt: right under one of the two only.
    """

    model: str
    task: str
    mode: str
    baseline: str
    context: str
    support: str
    n: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    helped: int
    hurt: int


def recalls_of(panel: Panel) -> list[Recall]:
    """Return a row for each arm of a panel that was shown passages, as far as its run says which."""
    return [row for cell in panel.cells.values() if (row := _recall(panel, cell)) is not None]


def supports_of(panel: Panel) -> list[Support]:
    """Return what arms change against those that were shown the same passages, by support; of retrieved ones only:
    of others nothing lacks."""
    return [row for cell in panel.cells.values() for row in _supports(panel, cell)]


def unknown_passages(panel: Panel) -> list[str]:
    """Note runs of which an arm was shown passages and no file says which."""
    folders = dict.fromkeys(
        cell.run.folder for cell in panel.cells.values() if context_of(cell) and not cell.run.passages
    )
    return [
        f"{folder.name}: has no {PASSAGES}, so that nothing is known of the passages that its arms were shown. "
        f"To have it written again: cotbench run --resume {folder}"
        for folder in folders
    ]


def context_of(cell: Cell) -> Context:
    """Return which passages an arm was shown."""
    return Context.of(cell.facts.settings)


def has_own_baseline(panel: Panel, cell: Cell, base: Cell) -> bool:
    """Whether an arm was shown other passages than a baseline, and another arm is there to be compared with it that was
    shown the same: else a difference would be one of what could be read and of thought, both at once."""
    context = context_of(cell)
    own = panel.cell(cell.facts.against) if context and cell.facts.against else None
    same = own is not None and own is not cell and context_of(own) == context
    return same and context_of(base) != context


def shown_with(cell: Cell, question: str) -> ShownPassages | None:
    """Return the passages that an arm was shown with a question, by its id; None where it was shown none, or its run
    doesn't say which."""
    context = context_of(cell)
    return cell.run.passages.get((question, context.name)) if context else None


def shown_to(panel: Panel, cell: Cell) -> list[ShownPassages | None]:
    """Return what an arm was shown with each question; None where its run doesn't say, or the answer rests on none."""
    rows = [shown_with(cell, question.id) for question in panel.questions]
    return [row if row is not None and row.supporting else None for row in rows]


def _recall(panel: Panel, cell: Cell) -> Recall | None:
    context = context_of(cell)
    shown = shown_to(panel, cell) if context else []
    told = np.array([row is not None for row in shown], dtype=bool) & cell.decided if shown else np.zeros(0, dtype=bool)
    rows = [row for row, kept in zip(shown, told, strict=True) if kept and row is not None]
    if not rows:
        return None
    hits = np.array([sum(passage.supports for passage in row.passages) for row in rows], dtype=float)
    sizes = np.array([len(row.passages) for row in rows], dtype=float)
    supporting = np.array([row.supporting for row in rows], dtype=float)
    every = _all_found(shown)
    found, lacking = told & every, told & ~every
    design, in_part = panel.design(told), any(one.in_part.any() for one in panel.cells.values())
    return Recall(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        context=context.name,
        n=len(rows),
        supporting=float(supporting.mean()),
        shown=float(sizes.mean()),
        recall=_within_0_1(stats.mean(hits / supporting, **design, bound=1.0)),
        all_found=Interval.of(stats.proportion(every[told], **design)),
        precision=float(hits.sum() / sizes.sum()) if sizes.sum() else None,
        right=_right(panel, cell, told),
        score=Interval.of(means.mean_score(cell.scores[told], **design)) if in_part else Interval(),
        n_found=int(found.sum()),
        right_found=_right(panel, cell, found),
        score_found=_score(cell, found) if in_part else None,
        n_lacking=int(lacking.sum()),
        right_lacking=_right(panel, cell, lacking),
        score_lacking=_score(cell, lacking) if in_part else None,
    )


def _within_0_1(estimate: stats.Estimate) -> Interval:
    whole = Interval.of(estimate)
    low = None if whole.low is None else max(0.0, whole.low)
    return Interval(value=whole.value, low=low, high=whole.high, se=whole.se)


def _all_found(shown: list[ShownPassages | None]) -> Array:
    """Return of which questions all supporting passages were shown."""
    return np.array(
        [row is not None and sum(passage.supports for passage in row.passages) == row.supporting for row in shown],
        dtype=bool,
    )


def _right(panel: Panel, cell: Cell, mask: Array) -> Interval:
    return Interval.of(stats.proportion(cell.right[mask], **panel.design(mask)) if mask.any() else None)


def _score(cell: Cell, mask: Array) -> float | None:
    return float(cell.scores[mask].mean()) if mask.any() else None


def _supports(panel: Panel, cell: Cell) -> Iterator[Support]:
    context = context_of(cell)
    base = panel.cell(cell.facts.against) if context.shown == RETRIEVED and cell.facts.against else None
    if base is None or base is cell or context_of(base).name != context.name:
        return
    shown = shown_to(panel, cell)
    told = np.array([row is not None for row in shown], dtype=bool)
    if not told.any():
        return
    every = _all_found(shown)
    names: dict[str, Any] = {"model": panel.model, "task": panel.task, "mode": cell.mode, "baseline": base.mode}
    for support, mask in ((FOUND, told & every), (LACKING, told & ~every)):
        delta = delta_of(panel, cell, base, ALL, mask, 1.0)
        yield Support(
            **names,
            context=context.name,
            support=support,
            n=delta.n,
            delta=delta.delta,
            helped=delta.helped,
            hurt=delta.hurt,
        )
