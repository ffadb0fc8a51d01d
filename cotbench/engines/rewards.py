"""Reward models: they read a conversation that ends with a reply, and say by one number how good the reply is.

The conversation is rendered as the model's chat template writes it, and nothing behind the reply; the number is the
model's own output at the last token, with no function over it, as model cards have it. A model of another kind is
refused when it is opened: one that tells several numbers (a classifier, or a process reward model that values each
step), and one that tells none.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from cotbench.engines import EngineConfig
from cotbench.engines.chat import ChatFormat, Encoded, failed
from cotbench.errors import ModelError
from cotbench.types import Completion, Key, Reply, Request

NO_REWARDS = "this model writes replies, and scores none: it is no reward model"
NO_NUMBER = "the reward model's score is no number"

# By the ending of the architecture's name, where a model's number is read: it has one for each conversation, or for
# each token, of which the last one counts.
_KINDS: Mapping[str, Literal["conversation", "token"]] = {
    "ForSequenceClassification": "conversation",
    "ForRewardModel": "token",
}
_OTHERS = ("ForTokenClassification", "RewardModel", "ForRewardModeling")  # classifiers whose numbers say something else


def kind_of(config: Any) -> Literal["conversation", "token", ""]:
    """How a model tells rewards, by its configuration; "" where it is one that writes.

    config: transformers' object, or what a config.json holds. Raises ValueError, with the reason, where it is a
    classifier and no reward model."""
    given = config if isinstance(config, Mapping) else config.to_dict()
    names = [name for name in given.get("architectures") or () if isinstance(name, str)]
    name = next(iter(names), "")
    kind: Literal["conversation", "token", ""] = ""
    for ending, known in _KINDS.items():
        kind = known if name.endswith(ending) else kind
    if not kind and name.endswith(_OTHERS):
        raise ValueError(f"{name} doesn't tell one number for a reply")
    if kind == "conversation" and (labels := _labels(config, given)) != 1:
        raise ValueError(f"{name} with {labels} labels is a classifier; a reward model has one")
    return kind


def _labels(config: Any, given: Mapping[str, Any]) -> int:
    told = getattr(config, "num_labels", None) or given.get("num_labels")
    if isinstance(told, int):
        return told
    names = given.get("id2label")
    return len(names) if isinstance(names, Mapping) and names else 2  # transformers' default


def no_reward_model(model: str, reason: object) -> ModelError:
    """The error of a model that can neither write nor score replies."""
    return ModelError(
        f"--model {model}: {reason}.", "Name a model that writes, or a reward model with one number for a reply."
    )


def writes_none(model: str) -> ModelError:
    """The error of a reward model that is asked to write."""
    return ModelError(
        f"--model {model} is a reward model: it scores replies, and writes none.",
        "Name a model that writes as --model, and this one as --judge-model.",
    )


def scored(value: float, prompt_tokens: int | None = None) -> Completion:
    """What a reward model says of a conversation: a score, and no text."""
    if not math.isfinite(value):
        return Completion(text="", finish_reason="error", prompt_tokens=prompt_tokens, error=f"{NO_NUMBER}: {value}")
    return Completion(
        text="", finish_reason="stop", prompt_tokens=prompt_tokens, completion_tokens=0, score=float(value)
    )


class _Waiting(NamedTuple):
    key: Key
    encoded: Encoded


class RewardEngine(ABC):
    """A reward model that is loaded here: conversations wait, and are scored some at a time. batch: how many; limit:
    the argument that says it."""

    name: str
    limit: str

    def __init__(self, config: EngineConfig, chat: ChatFormat, *, max_len: int, batch: int) -> None:
        self.capacity = 4 * batch
        self._config, self._chat = config, chat
        self._max_len, self._batch = max_len, batch
        self._waiting: deque[_Waiting] = deque()
        self._ready: list[tuple[Key, Reply]] = []

    def submit(self, key: Key, request: Request) -> None:
        if not request.reward:
            raise writes_none(self._config.model)
        encoded = self._chat.conversation(request, self._max_len)
        if isinstance(encoded, Reply):
            self._ready.append((key, encoded))
        else:
            self._waiting.append(_Waiting(key, encoded))

    def poll(self) -> list[tuple[Key, Reply]]:
        if self._ready or not self._waiting:
            done, self._ready = self._ready, []
            return done
        batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        try:
            values = self._scores([one.encoded.ids for one in batch])
        except Exception as error:
            raise ModelError(
                f"{self.name} stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
                f"If it is memory, lower --judge-args {self.limit}=N. Everything recorded is kept: the same command "
                "resumes.",
            ) from None
        return [
            (one.key, Reply(completions=(scored(value, len(one.encoded.ids)),), prompt=one.encoded.text))
            for one, value in zip(batch, values, strict=True)
        ]

    @abstractmethod
    def _scores(self, batch: Sequence[list[int]]) -> list[float]:
        """The number that the model has at the last token of each conversation; NaN where it failed."""

    def cancel(self) -> list[Key]:
        keys = [one.key for one in self._waiting]
        self._waiting.clear()
        return keys

    def preview(self, request: Request) -> str:
        encoded = self._chat.conversation(request, self._max_len)
        return (encoded.prompt or "") if isinstance(encoded, Reply) else encoded.text


def refused(request: Request) -> Reply:
    """The reply to a request for a score, of a model that is no reward model."""
    return failed(request, NO_REWARDS)
