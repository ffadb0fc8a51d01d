"""Placebos of a thought (`modes/placebo.py`): what is left of its gain where something else stands in its place.

Three arms stand beside each other on the questions that all of them decided: one that thinks, the placebo that rests on
its replies, and the answer at once, from which the placebo differs in what is begun for the model alone. Two figures:

    lost    the thought less the placebo, paired: what the thought is worth beyond the placebo
    share   (placebo - direct) / (thought - direct): of what the thought gains, what the placebo keeps; with Fieller's
            interval (`ratios.py`), since both parts are from the same questions; below 0 where the placebo harms

The thought itself fed back is no placebo but their control: where it doesn't keep the gain, the others can't
tell a thought from the way in which it was put there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cotbench.analysis import ratios, stats
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval, Paired, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.many import by_family
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.modes import BASELINE

CONTROL = "control"
NOT_CLEAR = "what the thought gains isn't clear of zero"
MOST = 0.5  # of a gain: a placebo that is shown to keep less isn't what makes it


@dataclass(frozen=True, kw_only=True)
class Placebo(Paired):
    """What an arm keeps of a gain that puts something in the place of the thought; baseline: the answer at once.

    of: the arm whose thought it is. placebo: what stands in its place: "control" (the thought itself), "dots",
    "foreign" (another question's), "order" (its sentences in another one). tag: all questions, or a side. n: questions
    that all three decided. accuracy, thought, direct: of the placebo, of the arm that thinks, and of the baseline.
    gain: the arm that thinks less the baseline; lost: less the placebo; kept: the placebo less the baseline. share:
    kept over gain; without a value, for the reason in unclear, where the gain may be zero. p_holm: of lost, over the
    placebos.
    """

    of: str
    placebo: str
    tag: str
    n: int
    unit: str
    clusters: int | None
    strata: int | None
    accuracy: Interval = field(metadata=columns(value="accuracy", low="accuracy_low", high="accuracy_high"))
    thought: Interval = field(metadata=columns(value="thought", low="thought_low", high="thought_high"))
    direct: Interval = field(metadata=columns(value="direct", low="direct_low", high="direct_high"))
    gain: Interval = field(metadata=columns(value="gain", low="gain_low", high="gain_high"))
    lost: Interval = field(metadata=columns(value="lost", low="lost_low", high="lost_high", se="lost_se", p="lost_p"))
    kept: Interval = field(metadata=columns(value="kept", low="kept_low", high="kept_high"))
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    share: Interval = field(metadata=columns(value="share", low="share_low", high="share_high"))
    unclear: str = ""

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.lost.p

    @property
    def control(self) -> bool:
        """Whether it is the thought itself."""
        return self.placebo == CONTROL


def placebos_of(panel: Panel, tags: Array) -> tuple[list[Placebo], list[str]]:
    """Return the rows of a panel's placebos, and what is to be said of those beside which an arm is missing. tags: of
    each question under the main rule, 1 symbolic, 0 not, -1 neither."""
    rows, notes = [], []
    for cell in panel.cells.values():
        if not cell.facts.placebo:
            continue
        thought, direct = panel.cell(cell.facts.of), panel.cell(cell.facts.against or BASELINE)
        if thought is None or direct is None:
            missing = cell.facts.of if thought is None else cell.facts.against or BASELINE
            notes.append(
                f"{panel.task} by {panel.model}: {cell.mode} has nothing to stand beside without {missing}: the same "
                f"command with --mode {missing} gives it, and both runs are reported together."
            )
            continue
        sides = {ALL: np.ones(len(tags), dtype=bool), SYMBOLIC: tags == 1, OTHER: tags == 0}
        rows += [_row(panel, cell, thought, direct, tag, mask) for tag, mask in sides.items()]
    return rows, notes


def corrected(rows: Sequence[Placebo]) -> list[Placebo]:
    """Return the rows with p corrected over the placebos: of all questions together, of sides apart; the control isn't
    one."""
    return by_family(rows, lambda row: None if row.control or not row.n else row.tag == ALL)[0]


def in_words(rows: Sequence[Placebo]) -> dict[str, str]:
    """Return what p_holm is corrected over."""
    sizes = {row.family for row in rows if row.family and row.tag == ALL}
    return {"placebos": f"the {max(sizes)} placebos on all questions of a task"} if sizes else {}


def _row(panel: Panel, cell: Cell, thought: Cell, direct: Cell, tag: str, mask: Array) -> Placebo:
    asked = mask & cell.decided & thought.decided & direct.decided
    right = [side.right[asked].astype(float) for side in (cell, thought, direct)]
    design = panel.design(asked)
    n = int(asked.sum())

    def of(values: Array) -> Interval:
        return Interval.of(stats.paired(values, **design) if n else None)

    gain = of(right[1] - right[2])
    lost, kept = of(right[1] - right[0]), of(right[0] - right[2])
    share = ratios.share(right[0] - right[2], right[1] - right[2], partial(stats.mean, **design), gain, kept, lost)
    known = stats.proportion(cell.right[asked], **design) if n else None
    return Placebo(
        **names_of(panel, cell, direct),
        of=thought.mode,
        placebo=cell.facts.placebo,
        tag=tag,
        n=n,
        unit=panel.unit,
        clusters=known.clusters if known else None,
        strata=known.strata if known else None,
        accuracy=Interval.of(known),
        thought=Interval.of(stats.proportion(thought.right[asked], **design) if n else None),
        direct=Interval.of(stats.proportion(direct.right[asked], **design) if n else None),
        gain=gain,
        lost=lost,
        kept=kept,
        share=Interval(value=share.value, low=share.low, high=share.high),
        unclear="" if share.value is not None else NOT_CLEAR,
    )
