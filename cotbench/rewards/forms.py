"""Whether completions have the form that they are asked for: marks around thought and answer, each once, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, overload

from cotbench.rewards.columns import Completions, Reward, Rewards, texts_of

_OPEN, _CLOSE = "<think>", "</think>"
_ANSWER_OPEN, _ANSWER_CLOSE = "<answer>", "</answer>"


def _behind_thought(text: str, opened: bool) -> str | None:
    """What stands behind the one block of thought that a text begins with; None where it isn't so."""
    if opened and not text.startswith(_OPEN):
        text = _OPEN + text
    if not text.startswith(_OPEN) or text.count(_OPEN) != 1 or text.count(_CLOSE) != 1:
        return None
    return text.partition(_CLOSE)[2]


@dataclass(frozen=True)
class Format:
    """The reward `format` with its settings."""

    __name__: ClassVar[str] = "format"
    opened: bool = False

    def __call__(self, completions: Completions, **_: Any) -> Rewards:
        behind = [_behind_thought(text, self.opened) for text in texts_of(completions)]
        return [float(rest is not None and rest.strip() != "") for rest in behind]


@overload
def format(completions: Completions, **columns: Any) -> Rewards: ...  # noqa: A001


@overload
def format(completions: None = None, *, opened: bool = False) -> Reward: ...  # noqa: A001


def format(completions: Completions | None = None, **more: Any) -> Rewards | Reward:  # noqa: A001
    """Tell whether a completion is one block of thought and then a text: 1.0 or 0.0.

    A completion begins with <think>, has one </think>, neither a second time, and words behind it. TRL's
    `think_format_reward` (its pattern: ^<think>(?!.*<think>)(.*?)</think>.*$) also takes one that ends with </think>,
    and one that has </think> twice. In a chat, a thought that a message holds apart counts as marked.

    As a reward, completions has n texts or chats; returns n numbers. Columns don't matter.
    Without completions: makes such a reward with settings.
    opened: the chat template writes <think> at the end of the prompt, so that completions begin behind it.

    Source: DeepSeek-R1 (arXiv 2501.12948), section 2.2.2, format rewards."""
    return Format(**more) if completions is None else Format()(completions, **more)


def _has_answer_block(text: str) -> bool:
    rest = (_behind_thought(text, opened=False) or "").strip()
    inside = rest.removeprefix(_ANSWER_OPEN).removesuffix(_ANSWER_CLOSE)
    once = text.count(_ANSWER_OPEN) == 1 and text.count(_ANSWER_CLOSE) == 1
    return once and len(inside) == len(rest) - len(_ANSWER_OPEN + _ANSWER_CLOSE) and inside.strip() != ""


def answer_format(completions: Completions, **_: Any) -> Rewards:
    """Tell whether a completion has R1's form, <think>...</think> <answer>...</answer>: 1.0 or 0.0.

    All four marks are there once and in this order; the answer isn't empty; before, between and behind the two blocks
    there is nothing but white space (before them not even that).

    completions has n texts or chats; returns n numbers. Columns don't matter.
    Source: DeepSeek-R1 (arXiv 2501.12948), table 1, the template of R1-Zero."""
    return [float(_has_answer_block(text)) for text in texts_of(completions)]
