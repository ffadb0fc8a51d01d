r"""(answer, gold, answer type) -> correct, wrong or grader_timeout.

Letters and numbers are compared here, exactly: numbers as fractions, so 0.5, 1/2 and 0.50 are one value, and 50% is
not. LaTeX is compared as text after a light clean-up and, where that doesn't settle it, by Math-Verify
(https://github.com/huggingface/Math-Verify) in worker processes that can be killed: its own time limit works in a main
thread only, and some inputs hang it all the same. Size limits come first; a worker has a memory limit.

Policies, where published graders disagree: units and text around a LaTeX answer don't count, nor does the base of a
numeral; 25\% is 25 and 0.25; decimals agree to six places; an inequality isn't the interval it describes. An answer that
takes longer than `TIMEOUT_S` to compare is `grader_timeout`, which is not `wrong`; an answer longer than
`extract.MAX_ANSWER_CHARS` never gets here.

A gold of words ("Evelyn", "New York") is compared with words as text, whatever their case: read as products of symbols,
"eat" would equal "tea".
"""

from __future__ import annotations

import logging
import queue
import re
import sys
import threading
import time
from collections.abc import Hashable
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cotbench.types import AnswerType, Outcome

if TYPE_CHECKING:
    from pebble import ProcessPool

Ticket = TypeVar("Ticket", bound=Hashable)

TIMEOUT_S = 5.0  # wall time for one comparison; Math-Verify's own default
MEMORY_BYTES = 4 << 30  # address space of a worker; SymPy with its caches stays below 1 GiB on MATH
MAX_POOLS = 5  # a pool of workers that breaks is replaced, this often
MAX_DIGIT_RUN = 64  # longer runs of digits make SymPy factor or multiply for minutes
MAX_DEPTH = 32  # nested braces; the parser recurses

_WRAPPERS = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf|textit)\s*\{([^{}]*)\}")
_NOISE = re.compile(
    r"\\(?:[,;!:]|(?:left|right|quad|qquad|displaystyle|limits)(?![A-Za-z]))|\\\s|(?<!\d)\s+|\s+(?!\d)|\s+(?=\d{3}(?!\d))"
    r"|\^\s*\\?circ|\^\{\\circ\}|\\\$|\$|\\%|%"
)
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:(\d)\s*(\d)|(\d)\s*\{([^{}]*)\}|\{([^{}]*)\}\s*(\d))")


# What models write for LaTeX in plain text, and what Math-Verify would read as the end of a formula.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("−–‑－", "-"),
        **dict(zip("²³½¼¾", ("^2", "^3", r"\frac12", r"\frac14", r"\frac34"), strict=True)),
        "∞": r"\infty ",
        "π": r"\pi ",
        "∪": r"\cup ",
        "∩": r"\cap ",
        "∅": r"\emptyset ",
        "≤": r"\le ",
        "≥": r"\ge ",
        "×": r"\times ",
        "·": r"\cdot ",
        "°": r"^\circ ",
    }
)
_DELIMITERS = re.compile(r"(?<!\\)(?:\\[()\[\]]|\$)")
_ROOT = re.compile(r"√\s*(\d+|[A-Za-z])|(?:√|\\sqrt)\s*\(([^()]*)\)|√(?=\s*\{)")
_POWER = re.compile(r"\^\s*\(([^()]*)\)")


def _full_fraction(match: re.Match[str]) -> str:
    top, bottom = (group for group in match.groups() if group is not None)
    return rf"\frac{{{top}}}{{{bottom}}}"


def plain_to_latex(text: str) -> str:
    r"""Signs and notations of plain text as LaTeX: − is -, √3 is \sqrt{3}, 2**(n+1) is 2^{n+1}; no $ or \( around it."""
    text = _DELIMITERS.sub(" ", text).translate(_PLAIN).replace("**", "^")
    text = _ROOT.sub(lambda root: rf"\sqrt{{{root[1] or root[2]}}}" if root[1] or root[2] else r"\sqrt", text)
    inner = None
    while inner != text:  # from the inside out; each round takes at least one pair of brackets
        inner, text = text, _POWER.sub(r"^{\1}", text)
    return text.strip()


def clean_latex(text: str) -> str:
    r"""A LaTeX answer without what doesn't change its value: spacing, \left, \text, \dfrac, degree and percent signs."""
    text = _WRAPPERS.sub(r"\1", plain_to_latex(text).rstrip("."))
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
    parsed_gold = parse(f"${plain_to_latex(gold)}$", ladder, parsing_timeout=None)
    parsed_answer = parse(f"${plain_to_latex(answer)}$", ladder, parsing_timeout=None)
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
    words, said = _words(gold), _words(answer)
    if words is not None and said is not None:
        return Outcome.CORRECT if words == said else Outcome.WRONG
    if too_big(answer):
        return Outcome.WRONG
    return Outcome.CORRECT if clean_latex(answer) == clean_latex(gold) else None


_IS_WORDS = re.compile(r"[^\W\d_]{3,}(?:[ '\-][^\W\d_]+)*\.?")


def _words(text: str) -> str | None:
    """A text of words, folded; None where it may be mathematics. As a product of symbols, "eat" would equal "tea"."""
    plain = " ".join(_WRAPPERS.sub(r"\1", text).split())
    return plain.casefold().rstrip(".") if _IS_WORDS.fullmatch(plain) else None


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
            self._started.append(SpawnProcess(*args, **kwargs))
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


class Grader(Generic[Ticket]):
    """Grades answers beside the engine: `submit` returns at once, `done` gives the verdicts that have come.

    Equal (answer, gold) pairs are compared once. A worker that dies is replaced and its pair tried once more; a pool
    that breaks, because a worker died that had no pair, is replaced with all its pairs.
    """

    def __init__(self, workers: int = 2) -> None:
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._pools = 0
        self._context = _Spawn()  # of the pool
        self._verdicts: dict[tuple[str, str], Outcome] = {}
        self._waiting: dict[tuple[str, str], list[Ticket]] = {}
        self._futures: dict[tuple[str, str], Any] = {}
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
        self._drop_broken_pool()
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
                del self._futures[pair]
                out.extend((ticket, verdict) for ticket in self._waiting.pop(pair))
        return out

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._context.end_all()
            self._pool.join()
            self._pool = None

    def _schedule(self, pair: tuple[str, str], tries: int) -> None:
        self._drop_broken_pool()
        if self._pool is None:
            from pebble import ProcessPool

            self._pools += 1
            self._context = _Spawn()
            self._pool = ProcessPool(max_workers=self._workers, context=self._context, initializer=_prepare_worker)
        future = self._pool.schedule(latex_equal, args=pair, timeout=TIMEOUT_S)
        self._futures[pair] = future
        future.add_done_callback(lambda done: self._finished.put((pair, done, tries)))

    def _drop_broken_pool(self) -> None:
        """A pool breaks when a worker dies without a pair; what it hadn't handed out yet would never come back."""
        if self._pool is not None and not self._pool.active:
            self.close()
            for future in list(self._futures.values()):
                future.cancel()

    def _verdict(self, pair: tuple[str, str], future: Any, tries: int) -> Outcome | None:
        from pebble import ProcessExpired

        try:
            return Outcome.CORRECT if future.result() else Outcome.WRONG
        except TimeoutError:
            return Outcome.GRADER_TIMEOUT
        except (CancelledError, BrokenProcessPool):  # not the doing of this pair
            if self._pools < MAX_POOLS:
                self._schedule(pair, tries)
                return None
            return Outcome.GRADER_TIMEOUT
        except (ProcessExpired, MemoryError, RecursionError):
            if tries < 2:
                self._schedule(pair, tries + 1)
                return None
            return Outcome.GRADER_TIMEOUT
        except Exception:  # whatever Math-Verify raises on an answer: it couldn't be shown to be equal
            return Outcome.WRONG
