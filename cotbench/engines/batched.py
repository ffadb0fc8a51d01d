"""Queues of requests: for engines that have replies at once, and for those that generate one batch after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import structs

from cotbench.engines import EngineConfig
from cotbench.engines.chat import ChatFormat, Encoded, failed, plain_text
from cotbench.engines.confidence import Meter, measured
from cotbench.engines.likelihood import OptionTokens, likeliest
from cotbench.engines.phases import (
    Course,
    Written,
    completion,
    course_of,
    leg_seed,
    together,
    token_budget,
)
from cotbench.engines.rewards import refused
from cotbench.errors import ModelError
from cotbench.types import Completion, Key, Reply, Request, request_seed


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


class Job(NamedTuple):
    """One generation that waits: of a request's paths, or a leg of one of them.

    ids: what is gone on from. most: how many tokens may follow. thinking: whether it ends with the thought, and no stop
    string ends it. seed: of sampled ones. paths: how many are drawn. options: the tokens of which the probabilities are
    asked. place, course: of a leg, which path of its request it is of."""

    asked: Asked
    ids: list[int]
    most: int
    thinking: bool = False
    seed: int | None = None
    paths: int = 1
    options: tuple[int, ...] = ()
    place: int = 0
    course: Course | None = None

    def goes_with(self, other: Job) -> bool:
        """Whether the two may run in one batch."""
        return (
            self.asked.request.sampling == other.asked.request.sampling
            and (self.most, self.thinking, bool(self.options)) == (other.most, other.thinking, bool(other.options))
        )  # fmt: skip


class BatchedEngine(ABC):
    """An engine that runs greedy requests of the same sampling and budget together, so that no one's depends on its
    neighbours, and each sampled one alone, under a seed of its own.

    A thought within limits is several generations, each of which waits among the others for its batch."""

    name: str

    def __init__(self, chat: ChatFormat, *, max_len: int, batch: int, capacity: int, seed: int, ends: set[int]) -> None:
        self.capacity = capacity
        self._chat = chat
        self._options = OptionTokens(chat)
        self._max_len = max_len
        self._batch = batch
        self._seed = seed
        self._ends = ends
        self._waiting: deque[Job] = deque()
        self._courses: dict[Key, list[Course]] = {}
        self._ready: list[tuple[Key, Reply]] = []

    def submit(self, key: Key, request: Request) -> None:
        encoded = refused(request) if request.reward else self._chat.encode(request, self._max_len)
        if isinstance(encoded, Reply):
            self._ready.append((key, encoded))
            return
        budget = min(token_budget(request), self._max_len - len(encoded.ids))
        asked = Asked(key, request, encoded, budget)
        seed = None if request.sampling.greedy else request_seed(self._seed, key)
        if request.options:
            try:
                options = self._options.of(request)
            except ValueError as error:
                self._ready.append((key, failed(request, str(error), prompt=encoded.text)))
            else:
                self._waiting.append(Job(asked, encoded.ids, 1, options=options))
            return
        paths = 1 if request.sampling.greedy else request.sampling.n
        courses = [course_of(self._chat, request, encoded, self._max_len) for _ in range(paths)]
        found = [course for course in courses if course is not None]
        if not found:
            self._waiting.append(Job(asked, encoded.ids, budget, seed=seed, paths=paths))
            return
        self._courses[key] = found
        for place, course in enumerate(found):
            self._go_on(asked, place, course)
        self._finish(asked)

    def _go_on(self, asked: Asked, place: int, course: Course) -> None:
        """Have the next leg of a path wait for its batch, unless the path is over."""
        if course.over:
            return
        leg = course.leg()
        sampling = asked.request.sampling
        seed = None if sampling.greedy else leg_seed(request_seed(self._seed, asked.key), place, leg.number)
        ids = asked.encoded.ids + leg.written
        self._waiting.append(Job(asked, ids, leg.most, leg.thinking, seed, place=place, course=course))

    def _finish(self, asked: Asked) -> None:
        """Hand over the reply of a request if all of its paths are over."""
        courses = self._courses[asked.key]
        if all(course.over for course in courses):
            del self._courses[asked.key]
            stops = self._chat.stops(asked.request)
            paths = [together(self._chat, asked.request, asked.encoded, course, stops) for course in courses]
            self._ready.append((asked.key, self._reply(asked, paths)))

    def cancel(self) -> list[Key]:
        begun = {key for key, courses in self._courses.items() if any(course.begun for course in courses)}
        kept = deque(job for job in self._waiting if job.asked.key in begun)
        keys = list(dict.fromkeys(job.asked.key for job in self._waiting if job.asked.key not in begun))
        self._waiting = kept
        for key in keys:
            self._courses.pop(key, None)
        return keys

    def poll(self) -> list[tuple[Key, Reply]]:
        done: list[tuple[Key, Reply]] = []
        while not done and (self._ready or self._waiting):
            if self._ready:
                done, self._ready = self._ready, []
                break
            batch = self._next_batch()
            try:
                done = self._run(batch)
            except Exception as error:
                raise ModelError(
                    f"{self.name} stopped: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
                    "If it is memory, lower --model-args batch_size=N. Everything recorded is kept: the same "
                    "command resumes.",
                ) from None
        return done

    def _next_batch(self) -> list[Job]:
        first = self._waiting.popleft()
        batch, kept = [first], deque[Job]()
        while first.seed is None and self._waiting and len(batch) < self._batch:
            other = self._waiting.popleft()
            (batch if first.goes_with(other) else kept).append(other)
        self._waiting.extendleft(reversed(kept))
        return batch

    def _run(self, batch: list[Job]) -> list[tuple[Key, Reply]]:
        if batch[0].options:
            found = [
                (job.asked, likeliest(dict(zip(job.asked.request.options, logs, strict=True))))
                for job, logs in zip(batch, self._log_probabilities(batch), strict=True)
            ]
            return [(asked.key, self._reply(asked, [path])) for asked, path in found]
        done = []
        for job, written in zip(batch, self._generate(batch), strict=True):
            paths = [self._without_end(ids) for ids in written]
            request, encoded, stops = job.asked.request, job.asked.encoded, self._chat.stops(job.asked.request)
            meters = self._meters(job, written)
            if job.course is not None:
                [(ids, ended)] = paths
                stopped = not job.thinking and not ended and len(ids) < job.most
                job.course.take(ids, ended, stopped)
                self._go_on(job.asked, job.place, job.course)
                self._finish(job.asked)
                continue
            read = [
                measured(completion(self._chat, request, encoded, Written(ids, ended), stops), meter)
                for (ids, ended), meter in zip(paths, meters, strict=True)
            ]
            done.append((job.asked.key, self._reply(job.asked, read)))
        return done

    def _meters(self, job: Job, written: list[list[int]]) -> list[Meter | None]:
        """Measure the confidence of what was written for each path, where it is wanted. What a leg wrote is added to
        what was measured of its path before."""
        window = job.asked.request.confidence
        if not window:
            return [None] * len(written)
        meters = [job.course.meter if job.course is not None else Meter(window) for _ in written]
        for meter, ids in zip(meters, written, strict=True):
            assert meter is not None
            for likeliest_here, drawn in self._read_again(job.ids, ids) if ids else ():
                meter.add(likeliest_here, drawn)
        return meters

    def _without_end(self, ids: list[int]) -> tuple[list[int], bool]:
        """What was written up to the first token that ends a reply, and whether there is one."""
        end = next((place for place, token in enumerate(ids) if token in self._ends), None)
        return (ids, False) if end is None else (ids[:end], True)

    def _watched(self, job: Job) -> tuple[list[str], bool]:
        """The texts that end a generation, and whether special tokens are among them."""
        marks = self._chat.marks
        if job.thinking and marks is not None:
            return ([] if len(marks.close_ids) == 1 else [marks.family.close]), True
        return self._chat.stops(job.asked.request), False

    def _end_ids(self, job: Job) -> list[int]:
        """The tokens that end a generation."""
        marks = self._chat.marks
        closing = {marks.close_ids[0]} if job.thinking and marks is not None and len(marks.close_ids) == 1 else set()
        return sorted(self._ends | closing)

    @abstractmethod
    def _generate(self, batch: list[Job]) -> list[list[list[int]]]:
        """The token ids of the paths of each: all that are drawn, or one that stands for all. What ended one is among
        them; what stands behind that is not."""

    @abstractmethod
    def _log_probabilities(self, batch: list[Job]) -> list[list[float]]:
        """For each the natural logarithm of the probabilities of its options as the next token, among all tokens."""

    @abstractmethod
    def _read_again(self, before: list[int], written: list[int]) -> Iterable[tuple[list[float], float]]:
        """For each of the tokens that were written behind others the log-probabilities of the likeliest tokens at its
        place, and its own: of the model as it is, whatever the tokens were drawn with."""

    @staticmethod
    def _reply(asked: Asked, paths: list[Completion]) -> Reply:
        prompt_tokens = len(asked.encoded.ids)
        paths = [structs.replace(path, prompt_tokens=prompt_tokens) for path in paths]
        times = 1 if asked.request.options else asked.request.sampling.n // len(paths)
        return Reply(completions=tuple(paths * times), prompt=asked.encoded.text)

    def preview(self, request: Request) -> str:
        return self._chat.text(request)

    def token_ends(self, text: str) -> list[int] | None:
        return self._chat.token_ends(text)
