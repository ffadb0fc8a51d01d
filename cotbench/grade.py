r"""(answer, gold, answer type) -> correct, wrong or grader_timeout.

Letters and numbers are compared here, exactly: numbers as fractions, so 0.5, 1/2 and 0.50 are one value, and 50% is
not. LaTeX is compared as text after a light clean-up and, where that doesn't settle it, by Math-Verify
(https://github.com/huggingface/Math-Verify) in worker processes that can be killed: its own time limit works in a main
thread only, and some inputs hang it all the same. Size limits come first; a worker has a memory limit.

Policies, where published graders disagree: units and text around a LaTeX answer don't count; an answer that takes
longer than `TIMEOUT_S` to compare is `grader_timeout`, which is not `wrong`; an answer longer than
`extract.MAX_ANSWER_CHARS` never gets here.
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import re
import sys
from collections.abc import Hashable
from concurrent.futures import CancelledError
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cotbench.types import AnswerType, Outcome

if TYPE_CHECKING:
    from pebble import ProcessPool

Ticket = TypeVar("Ticket", bound=Hashable)

TIMEOUT_S = 5.0  # wall time for one comparison; Math-Verify's own default
MEMORY_BYTES = 4 << 30  # address space of a worker; SymPy with its caches stays below 1 GiB on MATH
MAX_DIGIT_RUN = 64  # longer runs of digits make SymPy factor or multiply for minutes
MAX_DEPTH = 32  # nested braces; the parser recurses

_WRAPPERS = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf|textit)\s*\{([^{}]*)\}")
_NOISE = re.compile(
    r"\\(?:left|right|,|;|!|:|quad|qquad|displaystyle|limits|ldots)(?![A-Za-z])|\\\s|\s+|\^\s*\\?circ|\^\{\\circ\}|\\\$|\$|\\%|%"
)
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:(\d)\s*(\d)|(\d)\s*\{([^{}]*)\}|\{([^{}]*)\}\s*(\d))")


def _full_fraction(match: re.Match[str]) -> str:
    top, bottom = (group for group in match.groups() if group is not None)
    return rf"\frac{{{top}}}{{{bottom}}}"


def clean_latex(text: str) -> str:
    r"""A LaTeX answer without what doesn't change its value: spacing, \left, \text, \dfrac, degree and percent signs."""
    text = _WRAPPERS.sub(r"\1", text.strip().rstrip("."))
    text = _SHORT_FRACTION.sub(_full_fraction, text)
    text = re.sub(r"\\[dtc]frac(?![A-Za-z])", r"\\frac", text)
    return _NOISE.sub("", text).replace("{,}", "")


def too_big(text: str) -> bool:
    """Whether an expression is out of the limits within which it is handed to SymPy."""
    depth = deepest = 0
    for char in text:
        depth += (char in "{([") - (char in "})]")
        deepest = max(deepest, depth)
    return deepest > MAX_DEPTH or re.search(rf"\d{{{MAX_DIGIT_RUN},}}", text) is not None


def _prepare_worker() -> None:
    """Runs once in each worker: limits first, then the imports that every comparison needs."""
    logging.disable(logging.CRITICAL)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # not every system has it; the time limit and the size limits remain
    _die_with_parent()
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    import math_verify  # noqa: F401


def _die_with_parent() -> None:
    """Linux: the kernel kills this process when its parent dies, so that a SIGKILLed run leaves nobody behind."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL


def latex_equal(gold: str, answer: str) -> bool:
    """Whether Math-Verify finds an answer equal to gold. Only for worker processes: it may hang or exhaust memory."""
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    ladder = [LatexExtractionConfig(), ExprExtractionConfig()]
    parsed_gold = parse(f"${gold}$", ladder, parsing_timeout=None)
    parsed_answer = parse(f"${answer}$", ladder, parsing_timeout=None)
    if not parsed_gold or not parsed_answer:
        return False
    return bool(verify(parsed_gold, parsed_answer, timeout_seconds=None))


def grade_now(answer: str, gold: str, answer_type: AnswerType) -> Outcome | None:
    """The verdict where it can be had without SymPy; None where a worker must decide."""
    if answer == gold:
        return Outcome.CORRECT
    if answer_type is AnswerType.LETTER:
        return Outcome.WRONG
    if answer_type is AnswerType.NUMBER:
        return Outcome.CORRECT if Fraction(answer) == Fraction(gold) else Outcome.WRONG
    if clean_latex(answer) == clean_latex(gold):
        return Outcome.CORRECT
    return Outcome.WRONG if too_big(answer) else None


class Grader(Generic[Ticket]):
    """Grades answers beside the engine: `submit` returns at once, `done` gives the verdicts that have come.

    Equal (answer, gold) pairs are compared once. A worker that dies is replaced and its pair tried once more.
    """

    def __init__(self, workers: int = 2) -> None:
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._verdicts: dict[tuple[str, str], Outcome] = {}
        self._waiting: dict[tuple[str, str], list[Ticket]] = {}
        self._finished: queue.SimpleQueue[tuple[tuple[str, str], Any, int]] = queue.SimpleQueue()

    @property
    def pending(self) -> int:
        return sum(map(len, self._waiting.values()))

    def submit(self, ticket: Ticket, answer: str, gold: str, answer_type: AnswerType) -> Outcome | None:
        """The verdict, or None if it will come out of `done` under this ticket."""
        verdict = grade_now(answer, gold, answer_type)
        pair = (gold, answer)
        verdict = verdict or self._verdicts.get(pair)
        if verdict is not None:
            return verdict
        if pair in self._waiting:
            self._waiting[pair].append(ticket)
        else:
            self._waiting[pair] = [ticket]
            self._schedule(pair, tries=1)
        return None

    def done(self, wait_s: float = 0.0) -> list[tuple[Ticket, Outcome]]:
        """Verdicts that have come since the last call; waits up to wait_s for the first one."""
        out: list[tuple[Ticket, Outcome]] = []
        while self._waiting:
            try:
                pair, future, tries = (
                    self._finished.get(timeout=wait_s) if wait_s and not out else self._finished.get_nowait()
                )
            except queue.Empty:
                break
            verdict = self._verdict(pair, future, tries)
            if verdict is not None:
                self._verdicts[pair] = verdict
                out.extend((ticket, verdict) for ticket in self._waiting.pop(pair))
        return out

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def _schedule(self, pair: tuple[str, str], tries: int) -> None:
        if self._pool is None:
            from pebble import ProcessPool

            # spawn: the engine's threads and CUDA don't survive a fork.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(max_workers=self._workers, context=context, initializer=_prepare_worker)
        future = self._pool.schedule(latex_equal, args=pair, timeout=TIMEOUT_S)
        future.add_done_callback(lambda done: self._finished.put((pair, done, tries)))

    def _verdict(self, pair: tuple[str, str], future: Any, tries: int) -> Outcome | None:
        from pebble import ProcessExpired

        try:
            return Outcome.CORRECT if future.result() else Outcome.WRONG
        except (TimeoutError, CancelledError):
            return Outcome.GRADER_TIMEOUT
        except (ProcessExpired, MemoryError, RecursionError):
            if tries < 2:
                self._schedule(pair, tries + 1)
                return None
            return Outcome.GRADER_TIMEOUT
        except Exception:  # whatever Math-Verify raises on an answer: it couldn't be shown to be equal
            return Outcome.WRONG
