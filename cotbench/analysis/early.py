"""How much of a thought its answer needs: what arms that answer early (`modes/early.py`) measured of another arm.

An answer behind a cut is set beside the arm's own. To begin it there is an intervention: behind all of the thought it
should be the arm's own answer, and how often it isn't (the disagreement at the end) is no matter of how much was cut.
So an area over the curve is what agreement at the cuts lacks of agreement at the end (Lanham et al. 2023,
arXiv:2307.13702, section 2.3, who take it to 1), and a question whose answer isn't the arm's own behind all of its
thought is never called settled.

A question is settled at the first cut from which on all answers are the arm's own, where two more cuts at least stand
behind it. What was written behind that is called wasted: the answer didn't change any more, which whoever wrote it
could not know. Answers that were right behind a cut and are wrong in the end are called abandoned (Wang et al. 2025,
arXiv:2501.18585); where several cuts are looked at, guesses are right now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from cotbench.analysis import stats
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval, designs_of
from cotbench.analysis.flat import columns
from cotbench.analysis.folds import cross_fitted, folds_of
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.repeats import flips
from cotbench.analysis.stats import Array
from cotbench.modes.early import CUT, CUTS, FREELY, SETTINGS, shares_of
from cotbench.questions.tagging import Rule
from cotbench.store.records import NodeRow, VoteRow

FURTHER = 2  # cuts that an answer must outlast to be called settled
LOST = 0.01  # accuracy that a threshold may lose on the questions that it is chosen on
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
NEVER = 2.0  # a threshold that no probability reaches
LEAST = 20  # questions by which a threshold is chosen


@dataclass(frozen=True, kw_only=True)
class Early:
    """After how much of its thought the answers of an arm stood, on the questions of a tag.

    mode: the arm that measured it; of: the arm whose thoughts were cut. n: questions with an answer of the arm's own
    and a verdict on all answers. unanswered: of the other ones those without an answer of its own. cuts: how many.
    disagreement: the share whose answer behind all of the thought isn't the arm's own. noise: where the arm was
    repeated (`--replicates`), the chance that of two repeats one is right and the other isn't: that much disagreement
    is the model's with itself. area: over the curve, 0..1: how
    far agreement at the cuts is below that at the end, on the mean; 0: the thought changed nothing. settled_at_0: the
    share that is settled before any of the thought; settled_p25, settled_p50, settled_p75: quartiles of where the
    answers were settled, as shares of the thought, 1 for those that were not; unsettled: the share of these. n_tokens:
    questions whose tokens are known; thought_tokens: the mean of all of the thought; wasted_tokens: of what stands
    behind the settled point; wasted_share: the wasted tokens of all questions over those of their thoughts. abandoned:
    the share that was right behind a cut and is wrong in the end; n_abandoned: how many.
    """

    model: str
    task: str
    mode: str
    of: str
    tag: str
    n: int
    unanswered: int
    cuts: int
    unit: str
    clusters: int | None
    strata: int | None
    disagreement: Interval = field(
        metadata=columns(value="disagreement", low="disagreement_low", high="disagreement_high")
    )
    noise: float | None
    area: Interval = field(metadata=columns(value="area", low="area_low", high="area_high", se="area_se", p="area_p"))
    settled_at_0: Interval = field(
        metadata=columns(value="settled_at_0", low="settled_at_0_low", high="settled_at_0_high")
    )
    settled_p25: float | None
    settled_p50: float | None
    settled_p75: float | None
    unsettled: float | None
    n_tokens: int
    thought_tokens: float | None
    wasted_tokens: Interval = field(
        metadata=columns(value="wasted_tokens", low="wasted_tokens_low", high="wasted_tokens_high")
    )
    wasted_share: Interval = field(
        metadata=columns(value="wasted_share", low="wasted_share_low", high="wasted_share_high")
    )
    n_abandoned: int
    abandoned: Interval = field(metadata=columns(value="abandoned", low="abandoned_low", high="abandoned_high"))


@dataclass(frozen=True, kw_only=True)
class EarlyPoint:
    """What was answered behind one cut. cut: the share of the thought that stands before it, 0..1. tokens: of the
    thought before it, on the mean. agrees: the share of answers that are the arm's own; right: that are right. settled:
    the share of questions that are settled there, or were before."""

    model: str
    task: str
    mode: str
    of: str
    tag: str
    n: int
    cut: float
    tokens: float | None
    agrees: Interval = field(metadata=columns(value="agrees", low="agrees_low", high="agrees_high"))
    right: Interval = field(metadata=columns(value="right", low="right_low", high="right_high"))
    settled: float


@dataclass(frozen=True, kw_only=True)
class EarlySplit:
    """How the sides of the tag differ: the area over the curve, and the share of the thought behind the settled point,
    on symbolic questions less on others."""

    model: str
    task: str
    mode: str
    of: str
    n_symbolic: int
    n_other: int
    area: Interval = field(metadata=columns(value="area", low="area_low", high="area_high", se="area_se", p="area_p"))
    behind: Interval = field(
        metadata=columns(value="behind", low="behind_low", high="behind_high", se="behind_se", p="behind_p")
    )


@dataclass(frozen=True, kw_only=True)
class EarlyExit:
    """What leaving the thought would bring at the first cut behind which an answer's probability reaches a threshold.

    threshold: that of a point of the curve; chosen: whether the row is of the procedure instead, which takes the
    threshold that saves most and loses at most LOST of accuracy, on other folds than it is scored on; threshold is then
    the one that it takes of all questions, None where it takes none. n: questions whose probabilities are known. left:
    the share whose thought is left before its end. saved: the share of the thought's tokens that wouldn't be written.
    accuracy: with leaving; change: to the arm's own. tries: answers that are begun and read for it, for a question.
    """

    model: str
    task: str
    mode: str
    of: str
    n: int
    chosen: bool
    threshold: float | None
    left: float
    tries: float
    saved: Interval = field(metadata=columns(value="saved", low="saved_low", high="saved_high"))
    accuracy: float
    change: Interval = field(metadata=columns(value="change", low="change_low", high="change_high"))


@dataclass(frozen=True, kw_only=True)
class EarlyFree:
    """Where thoughts would have gone from a cut: of the questions whose cut thoughts were gone on with, how often the
    answer that is begun at the cut is that of the thought that goes on, and how often either is right. own: how often
    the thought that goes on from there ends in the arm's own answer."""

    model: str
    task: str
    mode: str
    of: str
    n: int
    cut: float
    same: Interval = field(metadata=columns(value="same", low="same_low", high="same_high"))
    own: float
    right_at_cut: float
    right_freely: float
    change: Interval = field(metadata=columns(value="change", low="change_low", high="change_high"))


@dataclass(kw_only=True)
class Found:
    """What a report says of arms that answer early; nothing where there are none."""

    rows: list[Early] = field(default_factory=list)
    points: list[EarlyPoint] = field(default_factory=list)
    splits: list[EarlySplit] = field(default_factory=list)
    exits: list[EarlyExit] = field(default_factory=list)
    free: list[EarlyFree] = field(default_factory=list)


class _Told(Struct, frozen=True, gc=False):
    """Of a record its votes, and what was written."""

    votes: VoteRow | None = None
    nodes: tuple[NodeRow, ...] | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuts:
    """The answers of an arm's questions behind each cut, in the panel's order; a column for each cut.

    known: which questions have an answer of the arm's own, and verdicts on all. own: whether that is right. agrees:
    whether an answer is the arm's own; right: whether it is right. tokens: of the thought before the cut, nan where
    unknown; likely: the answer's probability, so too. free: which questions were gone on with; freely: the same of
    where these ended, and whether they ended in the answer at their cut."""

    shares: Array
    known: Array
    own: Array
    agrees: Array
    right: Array
    tokens: Array
    likely: Array
    free: Array
    free_same: Array
    free_agrees: Array
    free_right: Array

    @property
    def area(self) -> Array:
        """Of each question the area over the curve, by the trapezoid rule."""
        lacks = self.agrees[:, -1:].astype(float) - self.agrees
        return np.asarray(((lacks[:, 1:] + lacks[:, :-1]) / 2 * np.diff(self.shares)).sum(axis=1))

    @property
    def settled(self) -> Array:
        """Of each question the number of the cut at which it is settled; the last one where it isn't."""
        last = len(self.shares) - 1
        stays = np.logical_and.accumulate(self.agrees[:, ::-1], axis=1)[:, ::-1]
        first = np.where(stays.any(axis=1), stays.argmax(axis=1), last)
        return np.asarray(np.where(first <= last - FURTHER, first, last))

    @property
    def at(self) -> Array:
        """Of each question the share of the thought at which it is settled."""
        return np.asarray(self.shares[self.settled])

    @property
    def thought(self) -> Array:
        """Of each question the tokens of the whole thought."""
        return np.asarray(self.tokens[:, -1])

    @property
    def wasted(self) -> Array:
        """Of each question the tokens of the thought behind where it is settled."""
        return np.asarray(self.thought - np.take_along_axis(self.tokens, self.settled[:, None], axis=1)[:, 0])

    @property
    def abandoned(self) -> Array:
        """Which questions are right behind a cut and wrong in the end."""
        return np.asarray(self.right.any(axis=1) & ~self.own)


def early_of(panels: Iterable[Panel], rule: Rule | None) -> Found:
    """Return what all panels say of arms that answer early. rule: the one that splits the questions."""
    found = Found()
    for panel in panels:
        tags = panel.tags(rule) if rule is not None else None
        side = np.full(len(panel.questions), -1) if tags is None else tags
        for cell in panel.measuring.values():
            if not cell.decided.any() or CUTS not in _settings(panel, cell):
                continue
            cuts = cuts_of(panel, cell)
            names = {"model": panel.model, "task": panel.task, "mode": cell.mode, "of": cell.facts.of}
            for tag, mask in {ALL: side >= -1, SYMBOLIC: side == 1, OTHER: side == 0}.items():
                unanswered = int((cell.decided & mask & ~cell.read).sum())
                found.rows.append(_row(panel, cuts, names, tag, cuts.known & mask, unanswered))
                found.points += _points(panel, cuts, names, tag, cuts.known & mask)
            sides = cuts.known & (side == 1), cuts.known & (side == 0)
            if all(mask.any() for mask in sides):
                found.splits.append(_split(panel, cuts, names, sides))
            found.exits += _exits(panel, cuts, names)
            found.free += _freely(panel, cuts, names)
    return found


def _settings(panel: Panel, cell: Cell) -> dict[str, Any]:
    return dict(cell.run.manifest.spec.mode(panel.task, cell.mode).settings)


def cuts_of(panel: Panel, cell: Cell) -> Cuts:
    """Return the answers of a cell behind each cut."""
    defaults = {name: own.default for name, own in SETTINGS.items()}
    shares = np.array(shares_of({**defaults, **_settings(panel, cell)}))
    count, wide = len(panel.questions), len(shares)
    flags = {name: np.zeros((count, wide), dtype=bool) for name in ("agrees", "right")}
    free = {name: np.zeros((count, wide - 1), dtype=bool) for name in ("free_same", "free_agrees", "free_right")}
    known, own, freely = (np.zeros(count, dtype=bool) for _ in range(3))
    tokens, likely = (np.full((count, wide), np.nan) for _ in range(2))
    decided = cell.decided & cell.having("voted")
    for place, row in zip(np.flatnonzero(decided).tolist(), cell.parts(_Told, decided), strict=True):
        votes = row.votes
        assert votes is not None
        ballots = votes.ballots
        if ballots[0] is None or not votes.decided or len(ballots) <= wide:
            continue
        behind, further = ballots[1 : wide + 1], ballots[wide + 1 :]
        known[place], own[place] = True, ballots[0] in votes.right
        flags["agrees"][place] = [ballot == ballots[0] for ballot in behind]
        flags["right"][place] = [ballot in votes.right for ballot in behind]
        if votes.scores is not UNSET:
            likely[place] = [np.nan if score is None else score for score in votes.scores[1 : wide + 1]]
        cut = [node for node in (() if row.nodes is UNSET else row.nodes) if node.role == CUT]
        if len(cut) == wide:
            tokens[place] = [np.nan if node.tokens is None else node.tokens for node in cut]
        if len(further) == wide - 1 and any(node.role == FREELY for node in row.nodes or ()):
            freely[place] = True
            free["free_same"][place] = [a == b is not None for a, b in zip(further, behind, strict=False)]
            free["free_agrees"][place] = [ballot == ballots[0] for ballot in further]
            free["free_right"][place] = [ballot in votes.right for ballot in further]
    return Cuts(shares=shares, known=known, own=own, tokens=tokens, likely=likely, free=freely, **flags, **free)


def _mean(panel: Panel, values: Array, mask: Array, bound: float = 1.0) -> Interval:
    return Interval.of(
        stats.mean(values[mask].astype(float), bound=bound, **panel.design(mask)) if mask.any() else None
    )


def _share(panel: Panel, values: Array, mask: Array) -> Interval:
    return Interval.of(stats.proportion(values[mask], **panel.design(mask)) if mask.any() else None)


def _row(panel: Panel, cuts: Cuts, names: dict[str, Any], tag: str, mask: Array, unanswered: int) -> Early:
    n = int(mask.sum())
    at = cuts.at[mask]
    quartiles = np.quantile(at, [0.25, 0.5, 0.75], method="inverted_cdf").tolist() if n else [None] * 3
    told = mask & ~np.isnan(cuts.wasted)
    design = panel.design(mask)
    ratio = None
    if told.any() and cuts.thought[told].sum() > 0:
        ratio = stats.ratio(cuts.wasted[told], cuts.thought[told], **panel.design(told))
    return Early(
        **names,
        tag=tag,
        n=n,
        unanswered=unanswered,
        cuts=len(cuts.shares),
        unit=panel.unit,
        clusters=None if design["clusters"] is None else len(np.unique(design["clusters"])),
        strata=None if design["strata"] is None else len(np.unique(design["strata"])),
        disagreement=_share(panel, ~cuts.agrees[:, -1], mask),
        noise=_noise(panel, names["of"], mask),
        area=_mean(panel, cuts.area, mask),
        settled_at_0=_share(panel, cuts.settled == 0, mask),
        **dict(zip(("settled_p25", "settled_p50", "settled_p75"), quartiles, strict=True)),
        unsettled=float((at == 1).mean()) if n else None,
        n_tokens=int(told.sum()),
        thought_tokens=float(cuts.thought[told].mean()) if told.any() else None,
        wasted_tokens=_mean(panel, cuts.wasted, told, np.inf),
        wasted_share=Interval.of(ratio),
        n_abandoned=int(cuts.abandoned[mask].sum()),
        abandoned=_share(panel, cuts.abandoned, mask),
    )


def _noise(panel: Panel, of: str, mask: Array) -> float | None:
    """The chance that of two repeats of an arm one is right and the other isn't; None where it wasn't repeated."""
    base = panel.cell(of)
    cells = panel.repeats.get(base.mode, ()) if base is not None else ()
    known = np.logical_and.reduce([mask, *(cell.decided for cell in cells)])
    if len(cells) < 2 or not known.any():
        return None
    return float(flips(np.array([cell.right[known] for cell in cells]).T)[1].mean())


def _points(panel: Panel, cuts: Cuts, names: dict[str, Any], tag: str, mask: Array) -> list[EarlyPoint]:
    if not mask.any():
        return []
    told = mask & ~np.isnan(cuts.wasted)
    return [
        EarlyPoint(
            **names,
            tag=tag,
            n=int(mask.sum()),
            cut=float(share),
            tokens=float(cuts.tokens[told, place].mean()) if told.any() else None,
            agrees=_share(panel, cuts.agrees[:, place], mask),
            right=_share(panel, cuts.right[:, place], mask),
            settled=float((cuts.at[mask] <= share).mean()) if share < 1 else float((cuts.at[mask] < 1).mean()),
        )
        for place, share in enumerate(cuts.shares)
    ]


def _split(panel: Panel, cuts: Cuts, names: dict[str, Any], sides: tuple[Array, Array]) -> EarlySplit:
    clusters, strata = designs_of(panel, sides)

    def contrast(values: Array) -> Interval:
        return Interval.of(stats.contrast(values[sides[0]], values[sides[1]], clusters, strata))

    n_symbolic, n_other = (int(mask.sum()) for mask in sides)
    return EarlySplit(
        **names, n_symbolic=n_symbolic, n_other=n_other, area=contrast(cuts.area), behind=contrast(1 - cuts.at)
    )


# --- what if thoughts were left early -----------------------------------------------------------------------------


def _exits(panel: Panel, cuts: Cuts, names: dict[str, Any]) -> list[EarlyExit]:
    """Return the curve over thresholds, and before it the procedure that chooses one."""
    mask = cuts.known & ~np.isnan(cuts.likely).any(axis=1) & ~np.isnan(cuts.wasted) & (cuts.thought > 0)
    if not mask.any():
        return []
    own, design = cuts.own[mask].astype(float), panel.design(mask)
    by_threshold = [_left_at(cuts, mask, threshold) for threshold in (*THRESHOLDS, NEVER)]
    change = np.array([right - own for right, *_ in by_threshold])
    saved, left, tries = (np.array([one[part] for one in by_threshold]) for part in (1, 2, 3))

    def row(figures: Sequence[Array], threshold: float | None, **how: Any) -> EarlyExit:
        changed, saving, leaving, tried = figures
        return EarlyExit(
            **names,
            n=len(own),
            threshold=threshold,
            left=float(leaving.mean()),
            tries=float(tried.mean()),
            saved=Interval.of(stats.mean(saving, bound=1.0, **design)),
            accuracy=float((own + changed).mean()),
            change=Interval.of(stats.mean(changed, bound=1.0, **design)),
            **how,
        )

    rows = [
        row((change[at], saved[at], left[at], tries[at]), threshold, chosen=False)
        for at, threshold in enumerate(THRESHOLDS)
    ]
    clusters = design["clusters"]
    if len(own) < LEAST or (clusters is not None and len(np.unique(clusters)) < 2):
        return rows

    def chosen(some: Array) -> int:
        good = change[:, some].mean(axis=1) >= -LOST - 1e-12  # of the last one it is 0
        return int(np.where(good, saved[:, some].mean(axis=1), -1.0).argmax())

    def fit_and_score(some: Array, others: Array) -> Array:
        at = chosen(some)
        return np.stack([change[at, others], saved[at, others], left[at, others], tries[at, others]], axis=1)

    fitted = cross_fitted(folds_of(len(own), clusters), fit_and_score)
    of_all = chosen(np.ones(len(own), dtype=bool))
    threshold = THRESHOLDS[of_all] if of_all < len(THRESHOLDS) else None
    return [row(list(fitted.T), threshold, chosen=True), *rows]


def _left_at(cuts: Cuts, mask: Array, threshold: float) -> Sequence[Array]:
    """Return of each question whether it is right where its thought is left at a threshold; the share of the thought's
    tokens that this saves; whether it is left; and how many answers are begun for it. At its end nothing is saved."""
    sure = cuts.likely[mask, :-1] >= threshold
    leaves = sure.any(axis=1)
    at = np.where(leaves, sure.argmax(axis=1), sure.shape[1] - 1)
    rows = np.arange(len(at))
    right = np.where(leaves, cuts.right[mask][rows, at], cuts.own[mask])
    saved = np.where(leaves, 1 - cuts.tokens[mask][rows, at] / cuts.thought[mask], 0.0)
    return right.astype(float), saved, leaves.astype(float), (at + 1).astype(float)


# --- where thoughts would have gone -------------------------------------------------------------------------------


def _freely(panel: Panel, cuts: Cuts, names: dict[str, Any]) -> list[EarlyFree]:
    mask = cuts.known & cuts.free
    if not mask.any():
        return []
    design = panel.design(mask)
    return [
        EarlyFree(
            **names,
            n=int(mask.sum()),
            cut=float(share),
            same=_share(panel, cuts.free_same[:, place], mask),
            own=float(cuts.free_agrees[mask, place].mean()),
            right_at_cut=float(cuts.right[mask, place].mean()),
            right_freely=float(cuts.free_right[mask, place].mean()),
            change=Interval.of(
                stats.paired(cuts.free_right[mask, place].astype(float) - cuts.right[mask, place], **design)
            ),
        )
        for place, share in enumerate(cuts.shares[:-1])
    ]
