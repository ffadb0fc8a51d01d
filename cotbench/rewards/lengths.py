"""What the length of completions is worth: against the others of a prompt, against a limit, along a cosine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, overload

from cotbench.errors import UsageError
from cotbench.rewards.columns import Completions, Reward, Rewards, column, counted, lengths_of, numbered, token_lengths
from cotbench.rewards.correct import Accuracy
from cotbench.types import Outcome


def _groups(prompts: Sequence[Any] | None, count: int) -> list[list[int]]:
    """The places of completions of one prompt; all are of one where no prompts are given."""
    if prompts is None:
        return [list(range(count))] if count else []
    found: dict[str, list[int]] = {}
    for place, prompt in enumerate(prompts):
        name = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True, default=str)
        found.setdefault(name, []).append(place)
    return list(found.values())


def _right(accuracy: Accuracy, completions: Completions, columns: Mapping[str, Any]) -> list[bool | None]:
    checked = accuracy.check(completions, columns)
    return [None if one.verdict is None else one.verdict.outcome is Outcome.CORRECT for one in checked]


@dataclass(frozen=True)
class Length:
    """The reward `length` with its settings."""

    __name__: ClassVar[str] = "length"
    accuracy: Accuracy = field(default_factory=Accuracy)

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        right = _right(self.accuracy, completions, columns)
        lengths = lengths_of(completions, columns)
        rewards: Rewards = [None] * len(completions)
        for places in _groups(column(columns, "prompts", len(completions)), len(completions)):
            shortest, longest = min(lengths[n] for n in places), max(lengths[n] for n in places)
            for n in places:
                if right[n] is None:
                    continue
                spread = longest - shortest
                share = 0.5 - (lengths[n] - shortest) / spread if spread else 0.0
                rewards[n] = share if right[n] else min(0.0, share)
        return rewards


@overload
def length(completions: Completions, **columns: Any) -> Rewards: ...


@overload
def length(
    completions: None = None,
    *,
    kind: str | None = None,
    column: str | None = None,
    max_completion_len: int | None = None,
    wait_s: float = 60.0,
) -> Reward: ...


def length(completions: Completions | None = None, **more: Any) -> Rewards | Reward:
    """Give Kimi k1.5's length reward, -0.5 to 0.5: the shorter of one prompt's completions are worth more.

    Of the completions of one prompt, with min and max the length of the shortest and of the longest,
    lambda = 0.5 - (len - min) / (max - min); a right completion gets lambda, a wrong one min(0, lambda); all get 0
    where max = min. So nothing is won by a short wrong answer.

    As a reward it takes the columns of `accuracy`, whose verdict says what is right, and None is what has none.
    Lengths are in tokens (`completion_ids`), without these in characters. Completions with equal `prompts` are one
    group; without `prompts`, all of a call are. In training on several processes a group is what one process holds of
    it, so let a process's batch hold whole groups.
    Without completions: makes such a reward with the settings of `accuracy`.

    Source: Kimi k1.5 (arXiv 2501.12599), section 2.3.3, which adds it with a weight, and only after training has
    settled: as TRL's `reward_weights`."""
    return Length(Accuracy(**more)) if completions is None else Length()(completions, **more)


@dataclass(frozen=True)
class SoftOverlong:
    """The reward `soft_overlong` with its settings."""

    __name__: ClassVar[str] = "soft_overlong"
    max_completion_len: int
    soft_punish_cache: int

    def __post_init__(self) -> None:
        counted("soft_overlong", max_completion_len=self.max_completion_len, soft_punish_cache=self.soft_punish_cache)
        if not 0 <= self.soft_punish_cache <= self.max_completion_len or self.max_completion_len < 1:
            raise UsageError(
                f"soft_overlong: soft_punish_cache is {self.soft_punish_cache} and max_completion_len "
                f"{self.max_completion_len}, expected 0 <= soft_punish_cache <= max_completion_len.",
                "Both are numbers of tokens; DAPO has 4096 and 20480.",
            )

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        return [self._worth(tokens) for tokens in token_lengths(completions, columns, self.__name__)]

    def _worth(self, tokens: int) -> float:
        free = self.max_completion_len - self.soft_punish_cache
        if tokens <= free:
            return 0.0
        return -1.0 if tokens > self.max_completion_len else (free - tokens) / self.soft_punish_cache


def soft_overlong(max_completion_len: int, soft_punish_cache: int) -> Reward:
    """Make DAPO's soft punishment of completions that are too long: a reward from -1 to 0.

    A completion of y tokens gets 0 up to L - c, falls evenly to -1 at L, and -1 beyond, where L is max_completion_len
    and c soft_punish_cache, both in tokens. The reward needs `completion_ids`. Arguments and values are those of TRL's
    `get_soft_overlong_punishment`. Give the trainer a `max_completion_length` of at least L.

    Raises UsageError where c isn't from 0 to L. Source: DAPO (arXiv 2503.14476), equation 13."""
    return SoftOverlong(max_completion_len, soft_punish_cache)


@dataclass(frozen=True)
class CosineLength:
    """The reward `cosine_length` with its settings."""

    __name__: ClassVar[str] = "cosine_length"
    max_len: int
    min_value_wrong: float = -1.0
    max_value_wrong: float = -0.5
    min_value_correct: float = 0.5
    max_value_correct: float = 1.0
    accuracy: Accuracy = field(default_factory=Accuracy)

    def __post_init__(self) -> None:
        counted("cosine_length", max_len=self.max_len)
        numbered(
            "cosine_length",
            min_value_wrong=self.min_value_wrong,
            max_value_wrong=self.max_value_wrong,
            min_value_correct=self.min_value_correct,
            max_value_correct=self.max_value_correct,
        )
        if self.max_len < 1:
            raise UsageError(f"cosine_length: max_len is {self.max_len}, expected 1 or more.", "It is in tokens.")

    def __call__(self, completions: Completions, **columns: Any) -> Rewards:
        lengths = token_lengths(completions, columns, self.__name__)
        right = _right(self.accuracy, completions, columns)
        return [
            None if is_right is None else self._worth(is_right, n) for is_right, n in zip(right, lengths, strict=True)
        ]

    def _worth(self, right: bool, tokens: int) -> float:
        short, long = (
            (self.max_value_correct, self.min_value_correct) if right else (self.min_value_wrong, self.max_value_wrong)
        )
        return long + 0.5 * (short - long) * (1.0 + math.cos(min(tokens / self.max_len, 1.0) * math.pi))


def cosine_length(
    max_len: int,
    min_value_wrong: float = -1.0,
    max_value_wrong: float = -0.5,
    min_value_correct: float = 0.5,
    max_value_correct: float = 1.0,
    **settings: Any,
) -> Reward:
    """Make a reward of accuracy that falls with the length of right completions, and rises with that of wrong ones.

    With t = min(tokens / max_len, 1), from one value at t = 0 to the other at t = 1 along (1 + cos(pi t)) / 2: right
    ones from max_value_correct to min_value_correct, wrong ones from min_value_wrong to max_value_wrong, so that long
    thought isn't given up where it hasn't helped yet. Arguments as of TRL's `get_cosine_scaled_reward`; settings: those
    of `accuracy`, whose verdict counts. None is what `accuracy` leaves out. The reward needs `completion_ids`.

    Raises UsageError where max_len isn't positive.
    Source: Demystifying Long Chain-of-Thought Reasoning (arXiv 2502.03373), appendix C.1."""
    values = (min_value_wrong, max_value_wrong, min_value_correct, max_value_correct)
    return CosineLength(max_len, *values, accuracy=Accuracy(**settings))
