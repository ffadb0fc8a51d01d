"""How sure a model was of what it wrote: DeepConf's measures (Fu et al. 2025, arXiv:2508.15260, section 2) over the
log-probabilities that an engine tells of a path's tokens.

Engines hand over one place after the other, and a few numbers are kept: one a token until the path is over, and then
those of a `Confidence`. Log-probabilities are the model's own, before temperature, top-p and the like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec import structs

from cotbench.types import Completion, Confidence

LIKELIEST = 20  # of how many tokens the probabilities are asked for at each place, as in the paper
# With one token alone the measure would be the other way round: the surer the model is of it, the lower.
LEAST = 2
_IMPOSSIBLE = -9_999.0  # as vLLM's server writes the log-probability of a token that can't be
_TENTH = 10


class Meter:
    """Takes in a path's tokens in order. window: how many of them are averaged over at a time. most: how many of the
    likeliest tokens count at a place; some engines tell that of the token that was drawn beside them."""

    def __init__(self, window: int, most: int = LIKELIEST) -> None:
        self._window, self._most = window, most
        self._tokens: list[float] = []
        self._top = 0
        self._drawn: list[float] | None = []

    def add(self, likeliest: Iterable[float], drawn: float | None) -> None:
        """Take in one token. likeliest: the log-probabilities of the likeliest tokens at its place; drawn: its own,
        None where it isn't told."""
        known = sorted((value for value in likeliest if _IMPOSSIBLE < value < math.inf), reverse=True)[: self._most]
        if self._drawn is not None:
            if drawn is None or not _IMPOSSIBLE < drawn < math.inf:
                self._drawn = None
            else:
                self._drawn.append(drawn)
        if len(known) < LEAST:
            return
        self._tokens.append(-math.fsum(known) / len(known))
        self._top = len(known) if not self._top else min(self._top, len(known))

    def read(self) -> Confidence | None:
        """What has come together; None where too little was told."""
        if not self._tokens:
            return None
        means = windows(self._tokens, self._window)
        lowest = sorted(means)[: max(1, len(means) // _TENTH)]
        return Confidence(
            mean=_rounded(_mean(self._tokens)),
            lowest=_rounded(lowest[0]),
            bottom=_rounded(_mean(lowest)),
            tail=_rounded(_mean(self._tokens[-self._window :])),
            window=self._window,
            top=self._top,
            logprob=_rounded(_mean(self._drawn)) if self._drawn else None,
        )


def windows(tokens: Sequence[float], width: int) -> list[float]:
    """The means over all runs of `width` tokens, each beginning a token after the other; of fewer tokens, over all."""
    if len(tokens) <= width:
        return [_mean(tokens)]
    sums = [0.0, *accumulate(tokens)]
    return [(sums[end] - sums[end - width]) / width for end in range(width, len(sums))]


def measured(path: Completion, meter: Meter | None) -> Completion:
    """A path with its confidence, where one was measured."""
    found = meter.read() if meter is not None and path.finish_reason in ("stop", "length") else None
    return path if found is None else structs.replace(path, confidence=found)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _rounded(value: float) -> float:
    """To the digits that differ between equal runs of a model in no way that says anything."""
    return round(value, 6)
