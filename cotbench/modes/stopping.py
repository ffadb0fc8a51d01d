"""Votes that stop early: paths are drawn one after the other until the answer is hardly in doubt.

Two rules, each of which sees nothing but which paths voted for the same answer:

    adaptive  Adaptive-Consistency (Aggarwal et al. 2023, arXiv:2305.11860): after each path, with a and b votes for the
              two most frequent answers, stop where P(Beta(a + 1, b + 1) > 1/2) is at least `sure`
    window    Early-Stopping Self-Consistency (Li et al. 2024, arXiv:2401.10480): after each window of `each` paths,
              stop where all of the window voted for one answer

What is concluded is the vote over all paths that were drawn. One that abstained counts as drawn, for no answer, and
breaks a window. Paths are requests of one path each at the same address with ordinals 0, 1, 2 ..., so that the same run
draws the same ones, wherever it stops: arms that stop otherwise share them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any, Final, Literal

from cotbench.errors import UsageError
from cotbench.modes.mode import Own, one_of, whole
from cotbench.modes.votes import Ballot

OFF: Final = "off"
FULL: Final = "full"
ADAPTIVE: Final = "adaptive"
WINDOW: Final = "window"
SURE, EACH = 0.95, 5  # those of the papers
SETTINGS: Mapping[str, Own] = {
    "stop": Own(OFF, *one_of(OFF, ADAPTIVE, WINDOW, FULL), "when no more paths are drawn: once the answer that leads "
                "is hardly in doubt, once a window of paths agrees, or never (full), one by one; off draws all at once",
                later=True),
    "sure": Own(SURE, "a number above 0.5 and below 1", lambda value: type(value) is float and 0.5 < value < 1,
                "of stop=adaptive: how likely the answer that leads must be the most frequent one", later=True),
    "each": Own(EACH, *whole(2), "of stop=window: how many paths a window has", later=True),
}  # fmt: skip
_OF = {"sure": ADAPTIVE, "each": WINDOW}  # of which rule a setting is


@dataclass(frozen=True, slots=True)
class Stop:
    """A rule by which a vote stops. level: of adaptive, how sure it is to be; of window, its paths; of full, none."""

    rule: Literal["adaptive", "window", "full"]
    level: float = 0.0

    def stops(self, ballots: Sequence[Ballot]) -> bool:
        """Whether no more paths are drawn behind these."""
        if self.rule == ADAPTIVE:
            return bool(ballots) and leads(*_first_two(ballots)) >= self.level
        if self.rule == WINDOW:
            size = int(self.level)
            last = set(ballots[-size:])
            return bool(ballots) and len(ballots) % size == 0 and len(last) == 1 and None not in last
        return False

    def least(self, ballots: Sequence[Ballot], most: int) -> int:
        """How many paths more are drawn at least behind these, where all together are `most`: these may be asked for at
        once. 0 where it stops."""
        left = most - len(ballots)
        if left <= 0 or self.stops(ballots):
            return 0
        if self.rule == WINDOW:
            size = int(self.level)
            return min(left, size - len(ballots) % size)
        if self.rule == ADAPTIVE:
            first, second = _first_two(ballots)
            return next((more for more in range(1, left) if leads(first + more, second) >= self.level), left)
        return left

    def at(self, ballots: Sequence[Ballot]) -> int:
        """After how many of these paths it stops; all of them where it doesn't."""
        return next((k for k in range(1, len(ballots)) if self.stops(ballots[:k])), len(ballots))


def _first_two(ballots: Sequence[Ballot]) -> tuple[int, int]:
    """How many votes the two most frequent answers have."""
    counts = [count for _, count in Counter(ballot for ballot in ballots if ballot is not None).most_common(2)]
    first, second, *_ = (*counts, 0, 0)
    return first, second


@cache
def leads(a: int, b: int) -> float:
    """P(Beta(a + 1, b + 1) > 1/2): how likely an answer with a votes is more frequent than one with b, if either is as
    likely before. It is the chance of at most a heads in a + b + 1 tosses, counted in whole numbers."""
    tosses = a + b + 1
    return sum(comb(tosses, heads) for heads in range(a + 1)) / (1 << tosses)


def stop_of(settings: Mapping[str, Any]) -> Stop | None:
    """Return the rule by which an arm stops; None where it draws all paths at once. Raises UsageError where only the
    rest of a rule is set, or votes are weighted, too."""
    stop = settings["stop"]
    for name, rule in _OF.items():
        if settings[name] != SETTINGS[name].default and stop != rule:
            found = f"--mode: {name}={settings[name]} is of votes with stop={rule}."
            raise UsageError(found, f"As in self-consistency@stop={rule}@{name}={settings[name]}.")
    if stop == OFF:
        return None
    if settings.get("confidence", OFF) != OFF:
        raise UsageError(
            f"--mode: stop={stop} counts votes, and confidence={settings['confidence']} weights them.",
            "Leave one of them out.",
        )
    return Stop(stop, {ADAPTIVE: settings["sure"], WINDOW: settings["each"]}.get(stop, 0))


def told_of(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is told of an arm by how it stops. One whose questions have different numbers of paths is no vote over so
    many of them, by which others could be judged."""
    stop = settings["stop"]
    return {} if stop == OFF else {"stops": stop} if stop == FULL else {"stops": stop, "votes_over": ""}
