"""How far the verdicts of the tool that wrote imported logs and ours agree, and what an arm changes under either.

`theirs.py` puts outputs side by side; here are the rows of a report. Differences are paired as ours are, question by
question, with the same intervals; where a question has several outputs with a verdict each, by their mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval, Paired, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.analysis.theirs import (
    OPEN,
    OTHER_ANSWERS,
    RIGHT,
    SAME_ANSWER,
    THEY_READ_NOTHING,
    UNCLEAR,
    UNREAD,
    WE_READ_NOTHING,
    Beside,
    Both,
    beside,
    cause_of,
    kind_of,
    readings_of,
)
from cotbench.store.manifest import Printed

ANSWER_CHARS = 200  # of an answer in the list of disagreements
ROUNDING = 0.0006  # how far a printed figure may be off, as one with a digit behind the point of a percentage
_WHOLE = 1e-9


@dataclass(frozen=True, kw_only=True)
class TheirArm:
    """One reading of an arm's outputs by the tool that wrote its log, beside ours. Counts of outputs.

    format: of the log; version: of the tool. default: whether this reading is the tool's verdict where none is named.
    n: how many have a verdict by both. agreement: the share of these on which both say right or neither does, with a
    Wilson interval. kappa: Cohen's, None where chance alone explains any agreement. Of outputs that are right by one
    verdict only, they_read_nothing: and we did; we_read_nothing: and they did; other_answers: both read, and not the
    same; same_answer: both read the same, and judged it otherwise; unclear: the log doesn't say what was read, or the
    two can't be compared at once. their_unread: in how many they read nothing, None where the log doesn't say what was
    read; our_unread: in how many we read nothing. their_undecided, our_undecided: how many have no verdict. questions:
    how many have scores; accuracy: the mean of these; printed: what the tool printed of it, None where that isn't on
    record; ours: our accuracy on the same questions, where there is a verdict of ours.
    """

    model: str
    task: str
    mode: str
    run: str
    format: str
    version: str
    reading: str
    metric: str
    default: bool
    n: int
    both_right: int
    only_theirs: int
    only_ours: int
    both_not: int
    agreement: Interval = field(metadata=columns(value="agreement", low="low", high="high"))
    kappa: float | None
    they_read_nothing: int
    we_read_nothing: int
    other_answers: int
    same_answer: int
    unclear: int
    their_unread: int | None
    our_unread: int
    their_undecided: int
    our_undecided: int
    questions: int
    accuracy: float | None
    printed: float | None
    printed_name: str
    ours: float | None


@dataclass(frozen=True, kw_only=True)
class TheirDelta(Paired):
    """What an arm changes under the verdicts of the tool that wrote its log, and under ours, on the same n questions:
    those with a verdict by both in both arms. Differences in -1..1.

    reading: of the arm; reading_baseline: of its baseline; default: whether these are the tool's verdicts where none is
    named. theirs: the paired difference under their verdicts; ours: under ours. read: on the read_n questions that they
    read in both arms; ours_read: on the ours_read_n that we did; common_theirs and common_ours: on the common_n that
    both read in both arms. bounds and ours_bounds: if all that is unread were right in one arm and wrong in the other;
    None of theirs where the log doesn't say what was read.
    """

    reading: str
    reading_baseline: str
    default: bool
    n: int
    theirs: Interval = field(metadata=columns(value="theirs", low="theirs_low", high="theirs_high", p="theirs_p"))
    ours: Interval = field(metadata=columns(value="ours", low="ours_low", high="ours_high", p="ours_p"))
    read_n: int | None
    read: Interval = field(metadata=columns(value="read", low="read_low", high="read_high"))
    ours_read_n: int
    ours_read: Interval = field(metadata=columns(value="ours_read", low="ours_read_low", high="ours_read_high"))
    common_n: int | None
    common_theirs: Interval = field(
        metadata=columns(value="common_theirs", low="common_theirs_low", high="common_theirs_high")
    )
    common_ours: Interval = field(metadata=columns(value="common_ours", low="common_ours_low", high="common_ours_high"))
    bounds: Interval = field(metadata=columns(low="bound_low", high="bound_high"))
    ours_bounds: Interval = field(metadata=columns(low="ours_bound_low", high="ours_bound_high"))


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """An output that is right by one verdict and not by the other, under the reading that is the arm's verdict where
    none is named. output: its number among the question's, from 0; None where all have one verdict. place: where it
    stands in the log. theirs, ours: right, wrong or unread. cause: as in `TheirArm`."""

    model: str
    task: str
    mode: str
    reading: str
    question: str
    output: int | None
    place: str
    theirs: str
    their_answer: str | None
    ours: str
    our_answer: str | None
    gold: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class Agreements:
    """All of it, of some panels. notes: what else is to be said."""

    arms: list[TheirArm] = field(default_factory=list)
    deltas: list[TheirDelta] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def agreement(panels: Sequence[Panel], compared: Sequence[tuple[str, str, str, str]]) -> Agreements:
    """Put their verdicts beside ours. compared: (model, task, mode, baseline) of the pairs that are compared."""
    found = Agreements()
    for panel in panels:
        arms = {name: _readings(panel, cell) for name, cell in panel.cells.items() if cell.run.theirs}
        for name, readings in arms.items():
            for one in readings.values():
                _add_arm(found, panel, panel.cells[name], one)
        for model, task, mode, baseline in dict.fromkeys(compared):
            if (model, task) == (panel.model, panel.task) and arms.get(mode) and arms.get(baseline):
                found.deltas.extend(_deltas(panel, mode, baseline, arms))
    return found


def _readings(panel: Panel, cell: Cell) -> dict[str, Beside]:
    """All readings of an arm by name, its verdict where none is named first."""
    names = readings_of(panel, cell)
    return {name: beside(panel, cell, name, default=not place) for place, name in enumerate(names)}


# --- one arm ------------------------------------------------------------------------------------------------------


def _add_arm(found: Agreements, panel: Panel, cell: Cell, one: Beside) -> None:
    kind = kind_of(panel, cell)
    causes = [cause_of(row, panel.questions[row.place], kind, told=one.told) for row in one.rows]
    row = _arm(panel, cell, one, Counter(filter(None, causes)))
    found.arms.append(row)
    where = f"{panel.task} by {panel.model}: of {cell.mode}, the log's reading {one.reading!r}"
    if one.unfit:
        left_out = f"on {one.unfit:,} question{'s' * (one.unfit != 1)}, which the agreement leaves out"
        found.notes.append(f"{where} has more or fewer scores than there are outputs {left_out}.")
    if one.beyond:
        outside = f"{one.beyond:,} scores that aren't from 0 to 1"
        found.notes.append(f"{where} has {outside}, which say neither right nor wrong.")
    if row.printed is not None and row.accuracy is not None and abs(row.printed - row.accuracy) > ROUNDING:
        both = f"{100 * row.printed:.1f}% as {row.printed_name}, and its scores of {row.questions:,} questions give"
        found.notes.append(f"{where} is printed with {both} {100 * row.accuracy:.1f}%: it may be over others.")
    if not one.default:
        return
    found.disagreements.extend(
        _disagreement(panel, cell, one, row, cause) for row, cause in zip(one.rows, causes, strict=True) if cause
    )


def _arm(panel: Panel, cell: Cell, one: Beside, causes: Mapping[str, int]) -> TheirArm:
    decided = [row for row in one.rows if row.decided]
    counts = Counter((row.theirs == RIGHT, row.ours == RIGHT) for row in decided)
    n, agreed = len(decided), counts[True, True] + counts[False, False]
    right = np.array([[row.theirs == RIGHT, row.ours == RIGHT] for row in decided]).reshape(-1, 2)
    low, high = stats.wilson(agreed, n) if n else (None, None)
    scored, both = ~np.isnan(one.value), one.decided
    imported = cell.imported
    name, printed = _printed(imported.figures if imported is not None else (), one)
    return TheirArm(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        run=cell.run.folder.name,
        format=imported.format if imported is not None else "",
        version=imported.version if imported is not None else "",
        reading=one.reading,
        metric=one.metric,
        default=one.default,
        n=n,
        both_right=counts[True, True],
        only_theirs=counts[True, False],
        only_ours=counts[False, True],
        both_not=counts[False, False],
        agreement=Interval(value=agreed / n if n else None, low=low, high=high),
        kappa=stats.kappa(right[:, 0], right[:, 1]) if n else None,
        they_read_nothing=causes.get(THEY_READ_NOTHING, 0),
        we_read_nothing=causes.get(WE_READ_NOTHING, 0),
        other_answers=causes.get(OTHER_ANSWERS, 0),
        same_answer=causes.get(SAME_ANSWER, 0),
        unclear=causes.get(UNCLEAR, 0),
        their_unread=sum(row.theirs == UNREAD for row in one.rows) if one.told else None,
        our_unread=sum(row.ours == UNREAD for row in one.rows),
        their_undecided=sum(row.theirs == OPEN for row in one.rows),
        our_undecided=sum(row.ours == OPEN for row in one.rows),
        questions=int(scored.sum()),
        accuracy=float(one.value[scored].mean()) if scored.any() else None,
        printed=printed,
        printed_name=name,
        ours=float(one.ours[both].mean()) if both.any() else None,
    )


def _printed(figures: Sequence[Printed], one: Beside) -> tuple[str, float | None]:
    """The figure that the tool printed of a reading's metric, with its name; ("", None) where there is none."""
    own = [figure for figure in figures if figure.name == one.metric]
    fitting = [figure for figure in own if figure.reading == one.reading] or [f for f in own if not f.reading]
    if not fitting:
        return "", None
    value = fitting[0].value
    return fitting[0].name, value / 100 if 1 < value <= 100 else value  # in percent


def _disagreement(panel: Panel, cell: Cell, one: Beside, row: Both, cause: str) -> Disagreement:
    question = panel.questions[row.place]
    return Disagreement(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        reading=one.reading,
        question=question.id,
        output=row.output,
        place=cell.run.theirs[question.id, cell.mode].place,
        theirs=row.theirs,
        their_answer=_short(row.their_answer),
        ours=row.ours,
        our_answer=_short(row.our_answer),
        gold=_short(panel.golds[row.place]) or "",
        cause=cause,
    )


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= ANSWER_CHARS else f"{text[: ANSWER_CHARS - 1]}…"


# --- pairs --------------------------------------------------------------------------------------------------------


def _deltas(panel: Panel, mode: str, baseline: str, arms: Mapping[str, Mapping[str, Beside]]) -> list[TheirDelta]:
    """A row for the verdicts of both arms, and one for each further reading that both have."""
    own, base = arms[mode], arms[baseline]
    first = next(iter(own)), next(iter(base))
    pairs = [first, *((name, name) for name in own if name in base and (name, name) != first)]
    cells = panel.cells[mode], panel.cells[baseline]
    return [_delta(panel, cells, own[one], base[other], default=(one, other) == first) for one, other in pairs]


def _delta(panel: Panel, cells: tuple[Cell, Cell], own: Beside, base: Beside, *, default: bool) -> TheirDelta:
    both = own.decided & base.decided
    told = own.told and base.told
    read, ours_read = both & own.read & base.read, both & own.ours_read & base.ours_read
    common = read & ours_read
    theirs, ours = own.value - base.value, own.ours - base.ours
    return TheirDelta(
        **names_of(panel, *cells),
        reading=own.reading,
        reading_baseline=base.reading,
        default=default,
        n=int(both.sum()),
        theirs=_estimate(panel, theirs, both),
        ours=_estimate(panel, ours, both),
        read_n=int(read.sum()) if told else None,
        read=_estimate(panel, theirs, read) if told else Interval(),
        ours_read_n=int(ours_read.sum()),
        ours_read=_estimate(panel, ours, ours_read),
        common_n=int(common.sum()) if told else None,
        common_theirs=_estimate(panel, theirs, common) if told else Interval(),
        common_ours=_estimate(panel, ours, common) if told else Interval(),
        bounds=_bounds((own.value, own.high), (base.value, base.high), both) if told else Interval(),
        ours_bounds=_bounds((own.ours, own.ours_high), (base.ours, base.ours_high), both),
    )


def _estimate(panel: Panel, differences: Array, mask: Array) -> Interval:
    """The mean of paired differences on the questions of a mask, with the interval and test that ours have."""
    if not mask.any():
        return Interval()
    values, design = differences[mask], panel.design(mask)
    if np.all(np.abs(values - np.round(values)) < _WHOLE):
        known = stats.paired(np.round(values), **design)
        p = known.p if design["clusters"] is None or known.se == 0 else stats.mean(values, **design).p
        return Interval(value=known.value, low=known.low, high=known.high, se=known.se, p=p)
    return Interval.of(stats.mean(values, **design, bound=1.0))


def _bounds(own: tuple[Array, Array], base: tuple[Array, Array], mask: Array) -> Interval:
    """The ends of a difference over all ways in which unread outputs may be right. own, base: of each question the
    value if all of them are wrong, and if all are right."""
    if not mask.any():
        return Interval()
    low, high = (own[0] - base[1])[mask].mean(), (own[1] - base[0])[mask].mean()
    return Interval(low=float(low), high=float(high))
