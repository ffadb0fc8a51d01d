"""What a drawn run is to know before it stops: its differences, and how they may be known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cotbench.analysis.sequence import ConfidenceSequence
from cotbench.errors import UsageError
from cotbench.modes import BASELINE, Mode
from cotbench.modes.arms import named

if TYPE_CHECKING:
    from cotbench.analysis.stats import Array

SIGN = "sign"
DISCORDANCE = 0.3  # of questions, that two arms answer differently, where nothing is known yet
_NATS = 4.4  # of evidence that it takes in the median, by simulation (docs/log.md), for one difference


@dataclass(frozen=True)
class Goal:
    """word: `sign`, or a half-width in points; "" where a run has limits only. tests: how many differences are to be
    known, over all tasks."""

    word: str
    tests: int

    def known(self, sequence: ConfidenceSequence) -> Array:
        """After each cluster, whether a difference is known as it is to be; once it is, it stays so."""
        if not self.word:
            return sequence.lows > math.inf
        if self.word == SIGN:
            return sequence.log_es >= sequence.enough(self.tests)
        return (sequence.highs - sequence.lows) / 2 <= float(self.word) / 100

    @property
    def text(self) -> str:
        """What is known when it is reached, in words."""
        what = "the sign is known" if self.word == SIGN else f"it is known to {self.word} points up and down"
        return what if self.tests == 1 else what.replace("the sign", "each sign").replace("it is", "each is")

    def questions(self, effect: float, of: int) -> int:
        """About how many of so many questions it takes, where a difference is so large."""
        spread = DISCORDANCE - effect**2
        reach = effect if self.word == SIGN else float(self.word) / 100
        more = math.log(self.tests) if self.word == SIGN else 0.0
        alone = 2 * spread * (_NATS + more) / reach**2
        return math.ceil(of * alone / (alone + of))


def contrasts_of(
    kits: Iterable[tuple[str, Mode]], goal: str | None, baseline: str | None = None
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """The baseline of each task and the arms that are compared with it. kits: tasks and their arms. baseline: where
    another one than the usual is fixed. Raises UsageError where there is a goal and nothing to compare."""
    arms: dict[str, dict[str, Mode]] = {}
    for task, mode in kits:
        of_task = arms.setdefault(task, {})
        if not mode.facts.measures:  # which is in no difference
            of_task[mode.name] = mode
    found = {}
    for task, modes in arms.items():
        meant = named(baseline or BASELINE, modes, lambda name, of=modes: of[name].facts)  # type: ignore[misc]
        others = tuple(name for name in modes if name != meant[0]) if len(meant) == 1 else ()
        if goal is not None and not others:
            here = ", ".join(modes) or "none that answer"
            raise UsageError(
                f"--until: expected {baseline or BASELINE} and arms to be compared with it, found {here} on {task}.",
                f"As in --mode {baseline or BASELINE},cot. Without --until, --max-tokens-total and its like need none.",
            )
        if others:
            found[task] = (meant[0], others)
    return found
