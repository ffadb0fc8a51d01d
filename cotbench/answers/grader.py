"""Gold meets an answer: at once where its kind can tell, else in worker processes, which can be killed.

Math-Verify's own time limit works in a main thread only, and some inputs hang it all the same; SymPy has none.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cotbench.answers.kinds import KINDS, Score
from cotbench.errors import UnavailableError, UsageError
from cotbench.processes import die_with_parent, spawn_alone
from cotbench.types import Verdict

if TYPE_CHECKING:
    from pebble import ProcessPool

Ticket = TypeVar("Ticket", bound=Hashable)
Judge = Callable[[str, str], Score]  # (gold, answer) -> score
Pair = tuple[str, str, str]  # name of the kind, gold, answer

RIGHT, WRONG, TIMEOUT = Verdict.of(1.0), Verdict.of(0.0), Verdict.of(None)

TIMEOUT_S = 5.0  # CPU time for one comparison; Math-Verify's own default, of wall time
PATIENCE = 4  # and so many times as much wall time: on a busy machine a comparison gets a part of a core
MEMORY_BYTES = 4 << 30  # address space of a worker; SymPy with its caches stays below 1 GiB on MATH
MAX_POOLS = 12  # a pool of workers that breaks is replaced, this often without a comparison in between


def _prepare_worker() -> None:
    """Prepare a worker, once: limits first, then the imports that every comparison needs."""
    logging.disable(logging.CRITICAL)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # not every system has it; the time limit and the size limits remain
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # of `_limited`
    import cotbench.answers.judging.equality  # noqa: F401


def _limited(judge: Judge, cpu_s: float, gold: str, answer: str) -> Score:
    """Judge within so much CPU time, in a worker: beyond it the kernel ends that, whatever C code it is in."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        return judge(gold, answer)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class _Worker(SpawnProcess):
    """A process that needs nothing of the program that started it, and dies with it."""

    def start(self) -> None:
        spawn_alone(super().start)


def disown_workers() -> None:
    """Have a child that was just forked off leave its parent's workers alone when it ends."""
    from multiprocessing.process import _children  # type: ignore[attr-defined]

    _children.difference_update([child for child in _children if isinstance(child, _Worker)])


class _Spawn(SpawnContext):
    """Starts the workers of one pool: by spawn, since the engine's threads and CUDA don't survive a fork.

    A pool that stops takes its locks away before it ends its workers; one that is just starting would say so on stderr.
    So the workers are ended from here first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._started: list[SpawnProcess] = []
        self._ending = False
        self.Process = self._new_process  # type: ignore[assignment,misc]

    def _new_process(self, *args: Any, **kwargs: Any) -> SpawnProcess:
        with self._lock:
            if self._ending:
                raise OSError("the pool is stopping")  # what Pebble expects of a process that can't be had
            self._started = [process for process in self._started if process.exitcode is None]
            self._started.append(_Worker(*args, **kwargs))
            return self._started[-1]

    def end_all(self) -> None:
        with self._lock:
            self._ending = True
        limit = time.monotonic() + 1
        for process in self._started:
            while process.pid is None and time.monotonic() < limit:  # Pebble's thread is about to start it
                time.sleep(0.005)
            if process.pid is not None:
                process.terminate()


def require_workers() -> None:
    """Raise UnavailableError where the system has no semaphores, without which no worker can compare formulas."""
    try:
        _Spawn().RLock()
    except (OSError, ImportError) as error:  # ImportError is how multiprocessing says that there are none at all
        reason = error.strerror if isinstance(error, OSError) else None
        raise UnavailableError(
            "formulas can't be compared here: the processes for it can't have semaphores, which lie in /dev/shm "
            f"({reason or error}).",
            "Let /dev/shm be writable (in a container: --tmpfs /dev/shm, or --shm-size). "
            "Number and letter answers don't need it.",
        ) from None


def _require_module(kind: str) -> None:
    """Raise UsageError where a kind's judge can't be imported by workers, which don't run the program again."""
    if getattr(KINDS[kind].judge, "__module__", None) == "__main__":
        raise UsageError(
            f"the judge of the kind {kind} is a function of the program itself, which the processes that compare "
            "answers don't run.",
            "Put it into a module that they can import.",
        )


def grade_now(answer: str, gold: str, answer_type: str) -> Verdict | None:
    """The verdict where it can be had at once; None where a worker must decide."""
    if answer == gold:
        return RIGHT
    score = KINDS[answer_type].quick(gold, answer)
    return None if score is None else _verdict_of(score)


def _verdict_of(score: Score) -> Verdict:
    if isinstance(score, Verdict):
        return score
    return RIGHT if score == 1 else WRONG if score == 0 else TIMEOUT if score is None else Verdict.of(score)


class Grader(Generic[Ticket]):
    """Grades answers beside the engine: `submit` returns at once, `done` gives the verdicts that have come.

    Equal (answer, gold) pairs are compared once. A worker that dies is replaced and its pair tried once more; a pair
    that ends a worker twice is `grader_timeout`, and its tickets are in `fatal`. A pool that breaks, because a worker
    died that had no pair, is replaced with all its pairs.
    """

    def __init__(self, workers: int = 2) -> None:
        self.fatal: set[Ticket] = set()
        self._fatal: set[Pair] = set()
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._pools = 0
        self._context = _Spawn()  # of the pool
        self._verdicts: dict[Pair, Verdict] = {}
        self._waiting: dict[Pair, list[Ticket]] = {}
        self._futures: dict[Pair, Any] = {}
        self._finished: queue.SimpleQueue[tuple[Pair, Any, int]] = queue.SimpleQueue()

    @property
    def pending(self) -> int:
        return sum(map(len, self._waiting.values()))

    def submit(self, ticket: Ticket, answer: str, gold: str, answer_type: str) -> Verdict | None:
        """The verdict, or None if it will come out of `done` under this ticket."""
        pair = (answer_type, gold, answer)
        verdict = grade_now(answer, gold, answer_type) or self._verdicts.get(pair)
        if verdict is None:
            tickets = self._waiting.setdefault(pair, [])
            tickets.append(ticket)
            if len(tickets) == 1:
                self._schedule(pair, tries=1)
        elif pair in self._fatal:
            self.fatal.add(ticket)
        return verdict

    def done(self, wait_s: float = 0.0) -> list[tuple[Ticket, Verdict]]:
        """Verdicts that have come since the last call; waits up to wait_s seconds for the first one."""
        out: list[tuple[Ticket, Verdict]] = []
        self._drop_broken_pool()
        while self._waiting:
            try:
                wait = wait_s > 0 and not out
                pair, future, tries = self._finished.get(timeout=wait_s) if wait else self._finished.get_nowait()
            except queue.Empty:
                break
            if self._futures.get(pair) is not future:
                continue  # given up
            verdict = self._verdict(pair, future, tries)
            if verdict is not None:
                self._verdicts[pair] = verdict
                del self._futures[pair]
                tickets = self._waiting.pop(pair)
                out += [(ticket, verdict) for ticket in tickets]
                self.fatal.update(tickets if pair in self._fatal else ())
        return out

    def give_up(self, tickets: Collection[Ticket]) -> None:
        """Take tickets back: no verdict comes for them, and comparisons that nobody waits for any more are ended.

        That ends the workers (Pebble would start a worker for each that it ends); others begin with what is left."""
        idle = set()
        for pair, waiting in self._waiting.items():
            waiting[:] = [ticket for ticket in waiting if ticket not in tickets]
            if not waiting:
                idle.add(pair)
        for pair in idle:
            del self._waiting[pair]
            self._futures.pop(pair, None)
        if idle and self._pool is not None:
            self.close()
            self._pools -= 1  # it wasn't broken
            for pair in self._waiting:
                self._schedule(pair, tries=1)

    def forget(self, most: int) -> None:
        """Forget all verdicts where more than so many are remembered: for a process that grades for days."""
        if len(self._verdicts) > most:
            self._verdicts.clear()
            self._fatal.clear()
            self.fatal.clear()

    def close(self) -> None:
        """End the workers; what was submitted and hasn't come never will."""
        if self._pool is not None:
            self._pool.stop()
            self._context.end_all()
            self._pool.join()
            self._pool = None

    def _schedule(self, pair: Pair, tries: int) -> None:
        _require_module(pair[0])
        self._drop_broken_pool()
        if self._pool is None:
            from pebble import ProcessPool

            require_workers()
            self._pools += 1
            self._context = _Spawn()
            self._pool = ProcessPool(max_workers=self._workers, context=self._context, initializer=_prepare_worker)
        kind, gold, answer = pair
        args = (KINDS[kind].judge, TIMEOUT_S, gold, answer)
        future = self._pool.schedule(_limited, args=args, timeout=PATIENCE * TIMEOUT_S)
        self._futures[pair] = future
        future.add_done_callback(lambda done: self._finished.put((pair, done, tries)))

    def _drop_broken_pool(self) -> None:
        """A pool breaks when a worker dies without a pair; what it hadn't handed out yet would never come back."""
        if self._pool is not None and not self._pool.active:
            self.close()
            for future in list(self._futures.values()):
                future.cancel()

    def _verdict(self, pair: Pair, future: Any, tries: int) -> Verdict | None:
        """Return what came of a pair; None where it is tried again. What a kind's judge raises is raised."""
        from pebble import ProcessExpired

        try:
            verdict = _verdict_of(future.result())
            self._pools = 1  # they do work
            return verdict
        except (CancelledError, BrokenProcessPool):  # not the doing of this pair
            again = self._pools < MAX_POOLS
        except (TimeoutError, RecursionError):
            return TIMEOUT
        except (ProcessExpired, MemoryError) as error:
            if isinstance(error, ProcessExpired) and error.exitcode == -signal.SIGPROF:
                return TIMEOUT
            again, tries = tries < 2, tries + 1
            if not again:
                self._fatal.add(pair)
        if not again:
            return TIMEOUT
        self._schedule(pair, tries)
        return None
