"""Curves: what more of one setting brings, say of the tokens that a thought may have.

The arms of a curve are of one mode and differ in one number only; `Facts.settings` says in which. Each is compared,
question by question, with where the curve starts (the same prompt without thinking, else the smallest value), and with
the largest value. `chosen` is the smallest value that is shown to be not worse than the largest by more than a margin,
which is fixed before anyone looks: the interval of the difference lies above it. Values are tried from the largest
down, and the first that isn't shown ends it: so the chance of a wrong step is that of one test, however many there are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import ALL, Delta, Interval, ModeStats, Spread, delta_of, mode_stats
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.modes.context import RETRIEVED, Context, K

MARGIN = 0.02
BUDGET, LEAST = "budget", "min"  # limits of a thought; an arm without one is on the curve too
SPENDING = (BUDGET, LEAST, "paths", "max_tokens", K)  # more of these costs more, so the smallest that does is wanted
OFF, NO_LIMIT = "off", "no limit"
_KEYS = {"paths": "n"}  # what sampling calls a setting
OWN = frozenset({"max_tokens", "n", "stop", "thinking_budget", "thinking_min", "reasoning_effort"})  # each arm's


@dataclass(frozen=True, kw_only=True)
class Point:
    """One arm of a curve. Rates, accuracy and differences in 0..1 or -1..1, None where they can't be had.

    curve: what its arms share; setting: in what they differ; level: its value in words, "off" for the arm without
    thinking with which a curve starts, "no limit" for one without a budget; value: as a number, None for those two.
    n: questions with a verdict. start, largest: the arms that it is compared with, each with the pairs.
    margin: how much worse than the largest is no matter. not_worse: whether that is shown; None of the largest, and
    where no such thing is asked (of a temperature). chosen: the smallest of which it is, from the largest down. needed:
    how many questions like these would show it in 80% of cases, if there is no difference; None where there is one.
    thought, spent: tokens a question, of the thought and in all (of a curve of k with those of the prompt). kept: the
    share of `counted` questions whose thought kept to the limit; reached: that used all of it, so that it was closed
    there, or ended with its last token.
    """

    model: str
    task: str
    curve: str
    setting: str
    level: str
    value: float | None
    mode: str
    n: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high"))
    start: str
    n_start: int
    from_start: Interval = field(metadata=columns(value="from_start", low="from_start_low", high="from_start_high"))
    largest: str
    n_largest: int
    from_largest: Interval = field(
        metadata=columns(value="from_largest", low="from_largest_low", high="from_largest_high")
    )
    margin: float
    not_worse: bool | None
    chosen: bool = False
    needed: int | None
    thought: float | None
    spent: float | None
    counted: int
    kept: float | None
    reached: float | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Which curve it is on."""
        return self.model, self.task, self.curve, self.setting


def points_of(panel: Panel, margin: float = MARGIN) -> list[Point]:
    """Return the points of all curves of a panel, each curve from its start to the largest value."""
    return [point for name, setting, cells in _curves(panel) for point in _points(panel, name, setting, cells, margin)]


# --- which arms are on a curve ------------------------------------------------------------------------------------


def name_of(cell: Cell) -> str:
    """Return the mode that an arm is of."""
    return cell.facts.mode or cell.mode


def prompt_of(panel: Panel, cell: Cell) -> str:
    """Return the hash of the prompt that an arm was asked with, "" where the run doesn't say."""
    row = cell.run.manifest.spec_row["modes"][f"{panel.task}/{cell.mode}"]
    return str(row.get("prompt", ""))


def drawn_of(panel: Panel, cell: Cell) -> str:
    """Return how an arm's answers are drawn, but for what each arm has of its own."""
    sampling = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling
    return json.dumps({key: value for key, value in sampling.items() if key not in OWN}, sort_keys=True)


def _curves(panel: Panel) -> Iterator[tuple[str, str, list[tuple[float, Cell]]]]:
    """Yield name, setting, and arms by value, for each set of arms that differ in one number only.

    Two values of a limit of thought make a curve; two temperatures are a pair, as two prompts are.
    """
    cells = panel.cells.values()
    numeric = [key for cell in cells for key, value in cell.facts.settings.items() if type(value) in (int, float)]
    for setting in dict.fromkeys(numeric):
        found: dict[str, dict[float, Cell]] = {}
        for cell in cells:
            value = _value(panel, cell, setting)
            if value is not None:
                found.setdefault(_without(cell, setting), {}).setdefault(value, cell)
        for name, by_value in found.items():
            named = [cell for cell in by_value.values() if setting in cell.facts.settings]
            if named and len(by_value) >= (2 if setting in (BUDGET, LEAST) else 3):
                yield name, setting, sorted(by_value.items(), key=lambda pair: pair[0])


def _without(cell: Cell, setting: str) -> str:
    """Return what an arm is but for a setting, as an arm's name says it."""
    others = {key: value for key, value in cell.facts.settings.items() if key != setting}
    told = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in others.items()]
    return "@".join([name_of(cell), *told])


def _value(panel: Panel, cell: Cell, setting: str) -> float | None:
    """Return what an arm has of a setting: as it says, or as it comes. None where that is no number."""
    value = cell.facts.settings.get(setting)
    if setting == K:
        context = Context.of(cell.facts.settings)
        return float(context.k) if context.shown == RETRIEVED else None
    if value is None and setting in (BUDGET, LEAST):
        return None if cell.facts.thinks == "off" else math.inf if setting == BUDGET else 0.0
    if value is None:
        sampling = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling
        value = sampling.get(_KEYS.get(setting, setting))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _start(panel: Panel, setting: str, cells: Sequence[Cell]) -> Cell | None:
    """Return the arm without thinking with which a curve of a thought's limits starts: asked as the others are, and
    drawn alike if there is one, told not to think rather than with its thought closed for it."""
    first = cells[0]
    prompt = prompt_of(panel, first)
    if setting not in (BUDGET, LEAST) or not prompt:
        return None
    plain = [
        cell
        for cell in panel.cells.values()
        if cell.facts.thinks == "off"
        and cell not in cells
        and prompt_of(panel, cell) == prompt
        and cell.facts.votes_over == first.facts.votes_over
        and cell.facts.settings.get("answer") in (None, "begun", "asked")
    ]
    drawn = drawn_of(panel, first)
    return min(plain, key=lambda c: (drawn_of(panel, c) != drawn, c.facts.thinks_by == "closed"), default=None)


# --- its points ---------------------------------------------------------------------------------------------------


def _points(panel: Panel, name: str, setting: str, cells: Sequence[tuple[float, Cell]], margin: float) -> list[Point]:
    off = _start(panel, setting, [cell for _, cell in cells])
    start, largest = off or cells[0][1], cells[-1][1]
    placed: list[tuple[float | None, Cell]] = [*([(None, off)] if off else []), *cells]
    points = [_point(panel, (name, setting), at, (start, largest), margin) for at in placed]
    down = points[1 if off else 0 :][::-1]
    if setting not in SPENDING or not down[0].n:
        return points
    chosen = down[0]
    for point in down[1:]:
        if not point.not_worse:
            break
        chosen = point
    return [replace(point, chosen=point is chosen) for point in points]


def _point(
    panel: Panel, curve: tuple[str, str], at: tuple[float | None, Cell], ends: tuple[Cell, Cell], margin: float
) -> Point:
    """Make the point of an arm. at: its value (None: the arm without thinking) and itself. ends: of the curve."""
    (name, setting), (value, cell), (start, largest) = curve, at, ends
    everything = np.ones(len(panel.questions), dtype=bool)
    own = mode_stats(panel, cell, ALL, everything)
    before, after = (_difference(panel, cell, end) for end in ends)
    low = after.delta.low if after else None
    asked = setting in SPENDING and value is not None and low is not None
    counted, kept, reached = _limits(cell, setting, value)
    return Point(
        model=panel.model,
        task=panel.task,
        curve=name,
        setting=setting,
        level=_level(value),
        value=value if value is not None and math.isfinite(value) else None,
        mode=cell.mode,
        n=own.n,
        accuracy=own.accuracy,
        start=start.mode,
        n_start=before.n if before else own.n,
        from_start=before.delta if before else Interval(),
        largest=largest.mode,
        n_largest=after.n if after else own.n,
        from_largest=after.delta if after else Interval(),
        margin=margin,
        not_worse=low > -margin if asked and low is not None else None,
        needed=_needed(after, margin) if asked and after else None,
        thought=Spread.of(cell.tokens("reasoning")[cell.decided]).mean,
        spent=_spent(own, setting),
        counted=counted,
        kept=kept,
        reached=reached,
    )


def _spent(own: ModeStats, setting: str) -> float | None:
    """Return the tokens of a question that more of a setting makes more: of passages those of the prompt, too."""
    written, read = own.completion.mean, own.prompt.mean if setting == K else 0.0
    return None if written is None or read is None else written + read


def _level(value: float | None) -> str:
    return OFF if value is None else NO_LIMIT if math.isinf(value) else f"{value:,.10g}"


def _difference(panel: Panel, cell: Cell, other: Cell) -> Delta | None:
    """Return what an arm changes against another, None against itself."""
    everything = np.ones(len(panel.questions), dtype=bool)
    return None if cell is other else delta_of(panel, cell, other, ALL, everything, MARGIN)


def _needed(delta: Delta, margin: float) -> int | None:
    if delta.delta.se is None or (delta.delta.high or 0.0) < 0:
        return None
    return max(stats.least_pairs(margin), stats.questions_for(margin, delta.delta.se, delta.n) if delta.delta.se else 0)


def _limits(cell: Cell, setting: str, value: float | None) -> tuple[int, float | None, float | None]:
    """Return of how many questions the tokens of thought are known, and the shares that kept to the limit and used all
    of it. Of several paths only the sum is known, which says neither."""
    if setting not in (BUDGET, LEAST) or value is None or not math.isfinite(value) or (setting == LEAST and not value):
        return 0, None, None
    if cell.having("voted").any():
        return 0, None, None
    thought = cell.tokens("reasoning")[cell.decided]
    known = thought[~np.isnan(thought)]
    if not len(known):
        return 0, None, None
    if setting == LEAST:
        return len(known), float((known >= value).mean()), None
    return len(known), float((known <= value).mean()), float((known >= value).mean())
