"""How good the probabilities are that an arm gives to the options of its questions: `direct@answer=likeliest`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from msgspec import UNSET

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array

BINS = 10
MOST_OF_ALL = 0.5  # of the probability of all tokens


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The probabilities of one arm on one task.

    brier: the sum over the options of the squared difference between an option's probability and 1 for the right one, 0
    for the others (Brier 1950): 0 is best, 2 worst; its interval is as an accuracy's. brier_guessing: what equal
    probabilities get. ece: how far confidence (of the likeliest option) and accuracy lie apart on the average over BINS
    bins of equal width, weighted by their questions (Guo et al. 2017, arXiv:1706.04599); with few questions it is too
    high, whatever the model. confidence, accuracy: means. mass: what the letters have of the probability of all tokens,
    on the average and at least; low_mass: of how many questions less than half.
    """

    model: str
    task: str
    mode: str
    n: int
    brier: Interval = field(metadata=columns(value="brier", low="brier_low", high="brier_high"))
    brier_guessing: float
    ece: float
    confidence: float
    accuracy: float
    mass: float
    least_mass: float
    low_mass: int


def calibrations(panel: Panel) -> list[Calibration]:
    """Return a row for each arm of a panel whose records have probabilities."""
    return [row for cell in panel.cells.values() if (row := _calibration(panel, cell)) is not None]


def _calibration(panel: Panel, cell: Cell) -> Calibration | None:
    likely = np.flatnonzero(cell.having("likely") & cell.decided).tolist()
    places = [
        place
        for place in likely
        if (row := cell.rows[place]) is not None and row.options is not UNSET and row.gold in row.options.probabilities
    ]
    if not places:
        return None
    squares, guesses, sure, mass = (np.empty(len(places)) for _ in range(4))
    for number, place in enumerate(places):
        row = cell.rows[place]
        assert row is not None and row.options is not UNSET
        given = row.options.probabilities
        squares[number] = sum((p - (letter == row.gold)) ** 2 for letter, p in given.items())
        guesses[number] = 1 - 1 / len(given)
        sure[number], mass[number] = max(given.values()), row.options.mass
    right = cell.right[places].astype(float)
    mask = np.zeros(len(cell.rows), dtype=bool)
    mask[places] = True
    found = stats.mean(squares, **panel.design(mask), bound=2.0)
    known = found.se is not None
    return Calibration(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        n=len(places),
        brier=Interval(
            value=found.value, low=max(found.low, 0.0) if known else None, high=found.high if known else None
        ),
        brier_guessing=float(guesses.mean()),
        ece=expected_calibration_error(sure, right),
        confidence=float(sure.mean()),
        accuracy=float(right.mean()),
        mass=float(mass.mean()),
        least_mass=float(mass.min()),
        low_mass=int((mass < MOST_OF_ALL).sum()),
    )


def expected_calibration_error(confidence: Array, right: Array, bins: int = BINS) -> float:
    """Return the mean distance of confidence and accuracy over bins of equal width. A bin holds its upper end."""
    numbers = np.clip(np.ceil(np.round(confidence * bins, 9)).astype(int) - 1, 0, bins - 1)
    apart = np.bincount(numbers, weights=confidence - right, minlength=bins)
    return float(np.abs(apart).sum() / len(confidence))
