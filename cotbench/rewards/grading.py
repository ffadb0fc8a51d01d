"""The grader of this process: made when a comparison first needs one, shared by all threads, ended with the process.

Its workers are new processes, started by spawn: a trainer's process has threads and CUDA, which no fork survives. They
import this package and neither torch nor the trainer's script. A thread of its own holds them, since the kernel ends
them with the thread that started them, and a trainer may call a reward from one that doesn't last. A process that is
forked off has a grader of its own.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from cotbench.answers.grader import TIMEOUT, Grader, disown_workers, grade_now
from cotbench.types import Verdict

Item = tuple[str, str, str]  # answer, gold, name of the kind
_MOST_WORKERS = 4
_MOST_KEPT = 200_000  # verdicts that are remembered, of some hundred bytes each
_TICK_S = 0.05  # until work that has just come is seen, where other work is under way


def graded(items: Sequence[Item], wait_s: float) -> list[Verdict]:
    """The verdicts on answers, in order, within wait_s seconds; what isn't decided by then is `grader_timeout`.

    Raises UnavailableError where a formula needs a worker, and the system can't have one."""
    verdicts = [grade_now(*item) for item in items]
    left = [number for number, verdict in enumerate(verdicts) if verdict is None]
    if left:
        limit = time.monotonic() + wait_s
        for number, verdict in zip(left, _shared().ask([items[number] for number in left], limit), strict=True):
            verdicts[number] = verdict
    return [verdict or TIMEOUT for verdict in verdicts]


def end_workers() -> None:
    """End the grader of this process, if there is one; the next comparison that needs one starts another."""
    global _of_this_process
    with _lock:
        grading, _of_this_process = _of_this_process, None
    if grading is not None:
        grading.close()


@dataclass(slots=True)
class _Job:
    """Answers of one call. limit: of `time.monotonic`. missing: the numbers of those without a verdict."""

    items: Sequence[Item]
    limit: float
    verdicts: list[Verdict] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)
    result: Future[list[Verdict]] = field(default_factory=Future)


class _Grading:
    """A thread with a grader, which grades the answers of all calls side by side."""

    def __init__(self, workers: int) -> None:
        self._grader: Grader[tuple[int, int]] = Grader(workers)
        self._arriving: SimpleQueue[_Job | None] = SimpleQueue()
        self._jobs: dict[int, _Job] = {}
        self._thread = threading.Thread(target=self._work, name="cotbench-rewards", daemon=True)
        self._thread.start()

    def ask(self, items: Sequence[Item], limit: float) -> list[Verdict]:
        """Wait for the verdicts on answers; for any thread."""
        job = _Job(items, limit)
        self._arriving.put(job)
        return job.result.result()

    def close(self) -> None:
        self._arriving.put(None)
        self._thread.join(10)

    def _work(self) -> None:
        number = 0
        while True:
            try:
                job = self._arriving.get_nowait() if self._jobs else self._arriving.get()
            except Empty:
                self._go_on()
                continue
            if job is None:
                break
            number += 1
            self._begin(number, job)
        self._grader.close()
        for number in list(self._jobs):
            self._finish(number)

    def _begin(self, number: int, job: _Job) -> None:
        job.verdicts = [TIMEOUT] * len(job.items)
        self._jobs[number] = job
        try:
            for at, item in enumerate(job.items):
                verdict = self._grader.submit((number, at), *item)
                if verdict is None:
                    job.missing.add(at)
                else:
                    job.verdicts[at] = verdict
        except BaseException as error:
            del self._jobs[number]
            self._grader.give_up({(number, at) for at in range(len(job.items))})
            job.result.set_exception(error)
            return
        if not job.missing:
            self._finish(number)

    def _go_on(self) -> None:
        try:
            found = self._grader.done(_TICK_S)
        except BaseException as error:  # what a kind's judge raises, or there can be no workers any more
            for job in self._jobs.values():
                job.result.set_exception(error)
            self._jobs.clear()
            self._grader.close()
            return
        for (number, at), verdict in found:
            job = self._jobs[number]
            job.verdicts[at] = verdict
            job.missing.discard(at)
        now = time.monotonic()
        for number, job in list(self._jobs.items()):
            if not job.missing or now > job.limit:
                self._finish(number)

    def _finish(self, number: int) -> None:
        job = self._jobs.pop(number)
        self._grader.give_up({(number, at) for at in job.missing})
        self._grader.forget(_MOST_KEPT)
        job.result.set_result(job.verdicts)


_lock = threading.Lock()
_of_this_process: _Grading | None = None
_of_our_parent: list[_Grading | None] = []  # kept, so that nothing of its is closed from here


def _workers() -> int:
    """How many workers a process has: of a machine's cores its part, where several processes train on it."""
    try:
        side_by_side = max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))  # as torchrun and accelerate say
    except ValueError:
        side_by_side = 1
    return max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) // side_by_side))


def _shared() -> _Grading:
    global _of_this_process
    import multiprocessing.util  # whose own work at exit comes behind ours, in whatever kind of process

    with _lock:
        if _of_this_process is None:
            atexit.unregister(end_workers)
            atexit.register(end_workers)
            multiprocessing.util.Finalize(None, end_workers, exitpriority=100)
            _of_this_process = _Grading(_workers())
        return _of_this_process


def _after_fork() -> None:
    global _lock, _of_this_process
    disown_workers()
    _of_our_parent.append(_of_this_process)
    _lock, _of_this_process = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
