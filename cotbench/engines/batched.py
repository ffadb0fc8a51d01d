"""Queues of requests: for engines that have replies at once, and for those that generate one batch after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from cotbench.engines import EngineConfig
from cotbench.engines.chat import ChatFormat, Encoded, plain_text
from cotbench.errors import ModelError
from cotbench.types import Completion, Key, Reply, Request


class ModellessEngine(ABC):
    """An engine without a model, which has its replies at once: whatever waits is answered when it is polled."""

    capacity = 4_096

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._waiting: list[tuple[Key, Request]] = []

    def submit(self, key: Key, request: Request) -> None:
        self._waiting.append((key, request))

    def poll(self) -> list[tuple[Key, Reply]]:
        taken, self._waiting = self._waiting, []
        return [(key, self._reply(key, request)) for key, request in taken]

    @abstractmethod
    def _reply(self, key: Key, request: Request) -> Reply: ...

    def cancel(self) -> list[Key]:
        return []

    def preview(self, request: Request) -> str:
        return plain_text(request.messages)

    def close(self) -> None:
        return None


class Asked(NamedTuple):
    """A request that waits. budget: how many tokens each of its paths may have, within the model's context."""

    key: Key
    request: Request
    encoded: Encoded
    budget: int


class BatchedEngine(ABC):
    """An engine that runs greedy requests of the same sampling and budget together, so that no one's depends on its
    neighbours, and each sampled one alone, under a seed of its own."""

    name: str

    def __init__(self, chat: ChatFormat, *, max_len: int, batch: int, capacity: int) -> None:
        self.capacity = capacity
        self._chat = chat
        self._max_len = max_len
        self._batch = batch
        self._waiting: deque[Asked] = deque()
        self._refused: list[tuple[Key, Reply]] = []

    def submit(self, key: Key, request: Request) -> None:
        encoded = self._chat.encode(request, self._max_len)
        if isinstance(encoded, Reply):
            self._refused.append((key, encoded))
        else:
            budget = min(request.sampling.max_tokens, self._max_len - len(encoded.ids))
            self._waiting.append(Asked(key, request, encoded, budget))

    def cancel(self) -> list[Key]:
        keys = [asked.key for asked in self._waiting]
        self._waiting.clear()
        return keys

    def poll(self) -> list[tuple[Key, Reply]]:
        if self._refused or not self._waiting:
            done, self._refused = self._refused, []
            return done
        batch = self._next_batch()
        try:
            return [
                (asked.key, self._reply(asked, paths))
                for asked, paths in zip(batch, self._generate(batch), strict=True)
            ]
        except Exception as error:
            raise ModelError(
                f"{self.name} stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
                "If it is memory, lower --model-args batch_size=N. Everything recorded is kept: the same "
                "command resumes.",
            ) from None

    def _next_batch(self) -> list[Asked]:
        first = self._waiting.popleft()
        batch, kept = [first], deque[Asked]()
        while first.request.sampling.greedy and self._waiting and len(batch) < self._batch:
            other = self._waiting.popleft()
            alike = (other.request.sampling, other.budget) == (first.request.sampling, first.budget)
            (batch if alike else kept).append(other)
        self._waiting.extendleft(reversed(kept))
        return batch

    @abstractmethod
    def _generate(self, batch: list[Asked]) -> list[list[Completion]]:
        """The paths of each request: all that it asks for, or one that stands for all."""

    @staticmethod
    def _reply(asked: Asked, paths: list[Completion]) -> Reply:
        prompt_tokens = len(asked.encoded.ids)
        paths = [structs.replace(path, prompt_tokens=prompt_tokens) for path in paths]
        return Reply(completions=tuple(paths * (asked.request.sampling.n // len(paths))), prompt=asked.encoded.text)

    def preview(self, request: Request) -> str:
        return self._chat.text(request)


def first_stop(stops: Sequence[str], text: str) -> int | None:
    """Where the first of the stop strings begins."""
    return min((place for place in map(text.find, stops) if place >= 0), default=None)
