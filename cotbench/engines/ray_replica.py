"""A replica: one of our engines in a process of Ray's, which is asked for much at once and tells what has come.

Ray calls its methods in threads of a pool. The engine lives in a thread of its own, the only one that touches it, for
as long as the process does. Requests and replies travel pickled, so that the processes between hand them on unread."""

from __future__ import annotations

import os
import pickle
import queue
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from cotbench import __version__
from cotbench.engines import Engine, EngineConfig, EngineInfo, open_engine
from cotbench.errors import CotbenchError
from cotbench.processes import stay
from cotbench.types import Key, Reply, Request

# Seconds: after a reply the next ones are waited for, so that they travel together; how long an engine that works by
# itself is waited for, before it is looked whether there is more to ask; the pause of one that has nothing to do.
GATHER_S, MOMENT_S, IDLE_S = 0.005, 0.02, 0.5
# For the engine to look up, when it is asked for what hasn't begun. One that doesn't keeps it, and answers it.
LOOKING_UP_S = 20.0


T = TypeVar("T")


class Hello(NamedTuple):
    """Which process a replica is, and where. incarnation: another one after each start."""

    incarnation: str
    pid: int
    node: str
    host: str
    cotbench: str


class Refusal(NamedTuple):
    """An error in words. kind: the name of its class in `errors`, or "" where it is none of ours."""

    kind: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Refusal:
        """The error that was raised."""
        if isinstance(error, CotbenchError):
            return cls(type(error).__name__, error.message, error.hint)
        return cls("", f"{type(error).__name__}: {' '.join(str(error).split())[:400]}")


class Opened(NamedTuple):
    """What an engine says of itself once it is open, and how many requests it wants."""

    info: EngineInfo
    capacity: int


class Taken(NamedTuple):
    """What has come since the last time. numbers: of the requests; replies: as many, pickled together. idle_s: seconds
    since the engine last moved on; fault: why it can't go on."""

    numbers: Sequence[int]
    replies: bytes
    idle_s: float
    fault: Refusal | None = None


class Carried(NamedTuple):
    """What the run is told when the first replica is ready."""

    opened: Opened
    limit: int


class News(NamedTuple):
    """How many requests all replicas that are ready take together, and what became of each."""

    limit: int
    carried: dict[str, Any]


def last_error(stderr: str = "/proc/self/fd/2") -> str:
    """The last line with an error that this process, or one of its engine's, has written where nobody reads it: Ray has
    it in a file, which goes with the cluster. "" where there is none."""
    with suppress(OSError), Path(stderr).resolve().open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 65_536))
        lines = [" ".join(line.split()) for line in file.read().decode("utf-8", "replace").splitlines()]
        found = [line for line in lines if "Error: " in line]
        # What an engine's process ended of stands before what became of its parent.
        causes = [line for line in found if "See root cause above" not in line]
        return (causes or found or [""])[-1][-400:]
    return ""


class NotOpenError(Exception):
    """The replica is another process than the one that was spoken to: it has no engine yet."""


class Replica:
    """Holds an engine. Its methods may be called side by side."""

    def __init__(self) -> None:
        self._incarnation = uuid.uuid4().hex
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[Engine], Any]]] = queue.SimpleQueue()
        self._news: threading.Condition = threading.Condition()
        self._came: list[tuple[int, Reply]] = []
        self._fault: Refusal | None = None
        self._moved = time.monotonic()
        self._engine: Engine | None = None
        self._held: deque[tuple[int, Key, Any]] = deque()  # of the engine's thread: beyond what it wants at once
        self._numbers: dict[Key, list[int]] = {}  # likewise: what it has

    def hello(self) -> Hello:
        """Say which process this is."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return Hello(self._incarnation, os.getpid(), node, socket.gethostname(), __version__)

    def open(self, name: str, config: bytes) -> Opened | Refusal:
        """Open the engine; or say why it can't be."""
        opening: Future[Opened] = Future()
        threading.Thread(target=self._work, args=(name, config, opening), daemon=True, name="engine").start()
        try:
            return opening.result()
        except BaseException as error:
            refusal = Refusal.of(error)
            if refusal.kind != "UsageError" and (cause := last_error()):
                refusal = refusal._replace(hint=f"{refusal.hint} The replica's process wrote: {cause}".strip())
            return refusal

    def ask(self, incarnation: str, requests: Sequence[tuple[int, bytes]]) -> None:
        """Take requests on. Raises NotOpenError where they are meant for an earlier process."""
        self._of(incarnation)
        asked = [(number, *pickle.loads(request)) for number, request in requests]  # noqa: S301  (our own)
        self._calls.put((Future(), lambda _: self._held.extend(asked)))

    def take(self, incarnation: str, wait_s: float) -> Taken:
        """Hand over what has come; waits for a first reply, so many seconds at most. Raises NotOpenError."""
        self._of(incarnation)
        with self._news:
            if not self._news.wait_for(lambda: self._came or self._fault, wait_s):
                return Taken((), b"", time.monotonic() - self._moved)
        time.sleep(GATHER_S)
        with self._news:
            came, self._came = self._came, []
            fault = self._fault
        numbers = [number for number, _ in came]
        return Taken(numbers, pickle.dumps([reply for _, reply in came], 5), time.monotonic() - self._moved, fault)

    def give_back(self, incarnation: str) -> list[int]:
        """Take back what hasn't begun; the numbers of these requests."""
        self._of(incarnation)
        back: Future[list[int]] = Future()
        self._calls.put((back, self._give_back))
        try:
            return back.result(LOOKING_UP_S)
        except TimeoutError:  # in a long batch: were it given back later nobody would hear of it, or ask for it again
            return [] if back.cancel() else back.result()

    def describe(self, incarnation: str) -> EngineInfo:
        """What the engine says of itself now."""
        self._of(incarnation)
        return self._call(lambda engine: engine.describe())

    def preview(self, incarnation: str, request: bytes) -> str:
        """What would be sent, as text."""
        self._of(incarnation)
        asked: Request = pickle.loads(request)  # noqa: S301  (our own)
        return self._call(lambda engine: engine.preview(asked))

    def close(self, incarnation: str) -> None:
        """Let go of the engine; nothing is asked of it any more."""
        self._of(incarnation)
        self._call(lambda engine: engine.close())

    def _of(self, incarnation: str) -> None:
        if incarnation != self._incarnation or self._engine is None:
            raise NotOpenError

    def _call(self, what: Callable[[Engine], T]) -> T:
        """Have the engine's thread do something, and return what comes of it."""
        done: Future[T] = Future()
        self._calls.put((done, what))
        return done.result()

    def _work(self, name: str, config: bytes, opening: Future[Opened]) -> None:
        """Drive the engine, from its opening on."""
        stay()
        try:
            settings: EngineConfig = pickle.loads(config)  # noqa: S301  (our own)
            engine = open_engine(name, settings)
            if hasattr(engine, "moved_on"):  # one that works in steps: requests that come meanwhile join it
                engine.moved_on = self._moved_on
            self._engine = engine
            opening.set_result(Opened(engine.describe(), engine.capacity))
        except BaseException as error:
            opening.set_exception(error)
            return
        try:
            while True:
                self._answer_calls(engine)
                self._hand_on(engine)
                self._generate(engine)
        except BaseException as error:
            with self._news:
                self._fault = Refusal.of(error)
                self._news.notify_all()
            while True:  # who waits for an answer gets none
                done, _ = self._calls.get()
                if done.set_running_or_notify_cancel():
                    done.set_exception(RuntimeError("the engine has stopped"))

    def _answer_calls(self, engine: Engine) -> None:
        idle = not self._held and not self._numbers
        while not self._calls.empty() or idle:
            try:
                done, what = self._calls.get(timeout=IDLE_S) if idle else self._calls.get_nowait()
            except queue.Empty:
                break
            idle = False
            if not done.set_running_or_notify_cancel():
                continue
            try:
                done.set_result(what(engine))
            except Exception as error:
                done.set_exception(error)
        self._moved = time.monotonic()

    def _hand_on(self, engine: Engine) -> None:
        """Give the engine as many requests as it wants."""
        while self._held and len(self._numbers) < engine.capacity:
            number, key, request = self._held.popleft()
            numbers = self._numbers.setdefault(key, [])
            numbers.append(number)
            if len(numbers) == 1:  # else it has this one already, from before it was taken back and asked again
                engine.submit(key, request)

    def _generate(self, engine: Engine) -> None:
        """Wait for the engine, and keep what comes of it."""
        if not self._numbers:
            return
        arrives: Callable[[float], bool] | None = getattr(engine, "arrives", None)
        if arrives is not None and not arrives(MOMENT_S):
            return
        replies = engine.poll()
        self._moved = time.monotonic()
        came = [(number, reply) for key, reply in replies for number in self._numbers.pop(key)]
        if came:
            with self._news:
                self._came += came
                self._news.notify_all()

    def _moved_on(self) -> bool:
        """Note that the engine has made a step; whether it is to look up."""
        self._moved = time.monotonic()
        return not self._calls.empty()

    def _give_back(self, engine: Engine) -> list[int]:
        back = [number for number, _, _ in self._held]
        self._held.clear()
        for key in engine.cancel():
            back += self._numbers.pop(key)
        return back
