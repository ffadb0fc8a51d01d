"""Runs model-written programs and plans outside our process, contained by the kernel.

A few warmed processes (`zygote.py`) hold Python and SymPy ready and fork a child for each program. The child gives
up, for good and before the program begins, everything but computing: a seccomp filter that knows no call with a path,
an address or another process (`kernel.py`), Landlock on top, limits on CPU time, memory, output and wall time. What a
program may import is in memory already (`modules.py`). No privilege and no user namespace is needed.

The same program gives the same value every time, whichever process runs it: hashes, chance and the date are fixed
(`steady.py`, which says what is not), and nothing waits. A program is compiled as a model wrote it (`source.py`), and
what it prints is read back as a value (`printed.py`).

What comes back is JSON of exact types and limited size; nothing of it is ever unpickled, evaluated or parsed as a
formula here.

Not promised: that a program can't measure time or find the date (by `ctypes`), or tell that it is contained or where
its interpreter lies; protection from a kernel with holes in what little it is still asked for. Threads and loops of
events can't be started, and modules other than the standard library (docs/programs.md names those that are left out),
SymPy, mpmath and NumPy aren't there.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from cotbench.errors import SandboxError
from cotbench.programs.kernel import WAITS_FOR_EVER, landlock_version, missing_features
from cotbench.programs.modules import Kind, import_paths, names_rare_modules
from cotbench.types import Execution, ExecutionOutcome, Program

__all__ = ["Limits", "Sandbox", "landlock_version", "missing_features", "require_containment", "require_logic"]

Ticket = TypeVar("Ticket", bound=Hashable)

START_S = 120.0  # for a zygote to be ready, on a machine that is busy
GRACE_S = 15.0  # beyond a program's wall time, for the zygote to say how it ended
MOST_WORKERS = 8
# Programs that are pending for each further process that is started: SymPy takes a second to be ready, in which one
# that is ready runs dozens.
PENDING_PER_WORKER = 4
MOST_TRIES = 2  # of a program whose zygote was lost
MOST_STARTS = 5  # of a zygote that somebody kills before it is ready
_BOOT = """\
import sys; sys.path += sys.argv[4:]
from cotbench.programs.steady import at_fixed_addresses; at_fixed_addresses()
from cotbench.programs.zygote import main; main()
"""
# All that the process has of an environment, so that Python may read it (-I would have it ignored).
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # sets of texts in the same order every time
    "PYTHONDONTWRITEBYTECODE": "1",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_NUMERIC = re.compile(r"numpy|\bnp\.")
_SYMBOLIC = re.compile(
    r"sympy|mpmath|\b(?:sp\.|(?:symbols?|Symbol|solve|Eq|Rational|simplify|expand|integrate|diff|Matrix)\s*\()"
)
# A plan of true and false, which z3 may be needed for.
_LOGICAL = re.compile(r"^[^\w\n]*(?:(?:the|to)\s+)?(?:premise|ask|question|conclu|hypothesis|claim|prove)", re.I | re.M)
# What a program may say of itself, in characters at most.
TEXT_CHARS = {"value": 20_000, "latex": 20_000, "decimal": 100, "option": 1, "error": 500, "stdout": 16_384}
# How it was killed is for the zygote to say.
_OWN_WORDS = frozenset(ExecutionOutcome) - {ExecutionOutcome.TIMEOUT, ExecutionOutcome.KILLED}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use. CPU time decides, so that a busy machine doesn't change results; wall_s is the
    backstop.

    memory_mb: MiB of address space beyond what the warmed process has.
    """

    cpu_s: float = 5.0
    wall_s: float = 30.0
    memory_mb: float = 512.0


def require_containment() -> None:
    """Raises SandboxError, naming what the kernel lacks, where programs can't be contained."""
    if missing := missing_features():
        raise SandboxError(
            f"model-written code can't be contained on this machine: it lacks {', '.join(missing)}.",
            "Use Linux with seccomp filters, or leave out pal, tools and plan-solver; --allow-unsandboxed-code runs "
            "such code all the same, at your own risk.",
        )


def require_logic() -> None:
    """Raises SandboxError where first-order plans can't be solved here."""
    if importlib.util.find_spec("z3") is None:
        raise SandboxError(
            "plans in first-order logic are solved by z3, and the package z3-solver isn't installed.",
            "Install it with: pip install 'cotbench[logic]'; or leave out plan-solver.",
        )


class _Lost(Exception):
    """The zygote ended, or said nothing in time."""


class _Process:
    """One zygote and its socket. Started at once, waited for when it is first needed."""

    def __init__(self, kind: Kind, *, contained: bool) -> None:
        ours, theirs = socket.socketpair()
        # Out of the way of the standard descriptors, which may be closed here.
        number = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
        folders = import_paths(("cotbench", "sympy", "mpmath", "numpy", "z3"))
        command = [sys.executable, "-s", "-P", "-S", "-B", "-W", "ignore", "-c", _BOOT, str(number)]
        command += ["contained" if contained else "open", kind, *folders]
        self._process = subprocess.Popen(
            command,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[number],
            cwd="/",
            start_new_session=True,
        )
        os.close(number)
        theirs.close()
        self._socket = ours
        self._stream = ours.makefile("rwb")
        self.ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()

    def wait_until_ready(self) -> None:
        """Raises SandboxError with what the process said where it doesn't start; _Lost where somebody killed it
        meanwhile."""
        self._socket.settimeout(START_S)
        line = None
        with suppress(OSError):
            line = self._stream.readline()
            self.ready = line == b"ready\n"
        if not self.ready:
            if line is not None:  # it has ended, or is about to
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(1)
            killed = self._process.poll() == -signal.SIGKILL
            self._process.kill()
            said = (self._process.communicate()[1] or b"").decode(errors="replace").strip().splitlines()
            if killed and not said:
                raise _Lost
            raise SandboxError(
                f"the process that runs model-written code didn't start: {said[-1] if said else 'no message'}.",
                "Look at `cotbench doctor`.",
            )

    def run(self, program: Program, limits: Limits) -> Execution:
        """Raises _Lost where the zygote gives no answer."""
        self._socket.settimeout(limits.wall_s + GRACE_S)
        try:
            self._stream.write(json.dumps(asdict(program) | asdict(limits)).encode() + b"\n")
            self._stream.flush()
            return _execution(json.loads(self._stream.readline()), limits)
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            raise _Lost from None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for thing in (self._stream, self._socket, self._process.stderr):
            with suppress(OSError, ValueError, AttributeError):
                thing.close()  # type: ignore[union-attr]


def _kind(program: Program) -> Kind:
    """The lightest process that has what a program may need. Telling which option a value is takes SymPy."""
    if program.runtime == "sympy":
        return "logic" if _LOGICAL.search(program.code) else "symbolic"
    code = "\n".join((*program.earlier, program.code))
    if names_rare_modules(code):
        return "all"
    if _NUMERIC.search(code):
        return "numeric"
    return "symbolic" if program.choices or _SYMBOLIC.search(code) else "plain"


def _execution(answer: dict[str, Any], limits: Limits) -> Execution:
    """The zygote's word on how the program ended goes before the program's own on what it found."""
    used = {"cpu_s": round(answer["cpu_s"], 4), "wall_s": round(answer["wall_s"], 4)}
    number = answer["status"] & 0x7F
    outcome, error = ExecutionOutcome.TIMEOUT, ""
    if answer["killed"] == "output_limit":
        outcome, error = ExecutionOutcome.OUTPUT_LIMIT, "too much output"
    elif answer["killed"]:
        error = f"stopped after {limits.wall_s:g} s"
    elif answer["status"] == WAITS_FOR_EVER << 8:
        error = "waits for what can't come"
    elif number == signal.SIGXCPU or (number == signal.SIGKILL and answer["cpu_s"] >= limits.cpu_s):
        error = f"used {limits.cpu_s:g} s of CPU time"
    elif number:
        outcome, error = ExecutionOutcome.KILLED, f"ended by a signal: {signal.strsignal(number)}"
    elif report := _report(answer["payload"]):
        return Execution(**report, **used)
    else:
        outcome, error = ExecutionOutcome.KILLED, "ended without a result"
    return Execution(outcome=outcome, error=error, **used)


def _report(payload: str) -> dict[str, Any] | None:
    """What a child left, where it is what a child may leave: the right keys, and texts."""
    try:
        report = json.loads(payload)
        outcome = ExecutionOutcome(report.pop("outcome"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    if outcome not in _OWN_WORDS or report.keys() != TEXT_CHARS.keys():
        return None
    if any(text is not None and type(text) is not str for text in report.values()):
        return None
    if (outcome is ExecutionOutcome.OK) != (report["value"] is not None):
        return None
    report = {
        name: text and text[: TEXT_CHARS[name]].encode("utf-8", "replace").decode() for name, text in report.items()
    }
    return report | {"outcome": outcome, "error": report["error"] or "", "stdout": report["stdout"] or ""}


class Sandbox(Generic[Ticket]):
    """Runs programs beside the engine: `submit` returns at once, `done` gives the executions that have come.

    workers: programs that run at the same time at most, each with a warmed process of its own. The first is started
    when the first program comes, others as more are pending. contained: False is `--allow-unsandboxed-code`. Raises
    SandboxError from `done` where no process can be started.
    """

    def __init__(self, workers: int | None = None, limits: Limits | None = None, *, contained: bool = True) -> None:
        self.limits = limits or Limits()
        self._contained = contained
        # Two for each core: while one hands over a result, another computes.
        self._workers = workers or max(1, min(MOST_WORKERS, 2 * (os.cpu_count() or 1)))
        self._threads: list[threading.Thread] = []
        self._wanted: queue.SimpleQueue[tuple[Ticket, Program] | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[tuple[Ticket, Execution | SandboxError]] = queue.SimpleQueue()
        self._processes: dict[tuple[int, Kind], _Process] = {}
        self._closing = threading.Event()
        self.pending = 0

    def __enter__(self) -> Sandbox[Ticket]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, ticket: Ticket, program: Program) -> None:
        self.pending += 1
        if len(self._threads) < min(self._workers, 1 + self.pending // PENDING_PER_WORKER):
            thread = threading.Thread(target=self._work, args=(len(self._threads),), daemon=True, name="sandbox")
            self._threads.append(thread)
            thread.start()
        self._wanted.put((ticket, program))

    def done(self, wait_s: float = 0.0) -> list[tuple[Ticket, Execution]]:
        """Executions that have come since the last call; waits up to wait_s for the first one."""
        out: list[tuple[Ticket, Execution]] = []
        with suppress(queue.Empty):
            while self.pending:
                waits = bool(wait_s and not out)
                ticket, result = self._finished.get(waits, wait_s if waits else None)
                self.pending -= 1
                if isinstance(result, SandboxError):
                    raise result
                out.append((ticket, result))
        return out

    def run(self, program: Program) -> Execution:
        """Run one program and wait for it. Not while others are pending."""
        if self.pending:
            raise RuntimeError("other programs are pending")
        ticket: Any = None
        self.submit(ticket, program)
        while True:
            for _, execution in self.done(1.0):
                return execution

    def pids(self) -> list[int]:
        """The warmed processes, for tests of what happens when one dies."""
        return [process.pid for process in list(self._processes.values())]

    def close(self) -> None:
        self._closing.set()
        for _ in self._threads:
            self._wanted.put(None)
        for process in list(self._processes.values()):
            process.kill()  # so that a thread that waits for it goes on
        for thread in self._threads:
            thread.join()
        for process in self._processes.values():
            process.close()
        self._processes.clear()
        self._threads.clear()

    def _work(self, place: int) -> None:
        """One thread: takes programs in turn, over a process that it replaces when it is lost."""
        while (item := self._wanted.get()) is not None and not self._closing.is_set():
            ticket, program = item
            result: Execution | SandboxError
            try:
                result = self._run(place, program)
            except SandboxError as error:
                result = error
            except Exception as error:  # a bug here must not leave anybody waiting
                result = SandboxError(f"running model-written code failed: {error!r:.300}")
            self._finished.put((ticket, result))

    def _run(self, place: int, program: Program) -> Execution:
        started = time.monotonic()
        kind, runs, starts = _kind(program), 0, 0
        while runs < MOST_TRIES and starts < MOST_STARTS:
            if (place, kind) not in self._processes:
                self._processes[place, kind] = _Process(kind, contained=self._contained)
            process = self._processes[place, kind]
            if self._closing.is_set():
                break  # `close` may have looked before it was there, and closes it when this thread has ended
            try:
                if not process.ready:
                    process.wait_until_ready()
                return process.run(program, self.limits)
            except (_Lost, SandboxError) as error:
                self._processes.pop((place, kind), None)
                process.close()
                if isinstance(error, SandboxError):
                    raise
                if self._closing.is_set():
                    break
                runs, starts = (runs + 1, starts) if process.ready else (runs, starts + 1)
        if starts == MOST_STARTS:
            raise SandboxError(
                f"the process that runs model-written code didn't start: it was killed {starts} times.",
                "The system may be out of memory; then run the same command again: it resumes.",
            )
        return Execution(
            outcome=ExecutionOutcome.KILLED,
            error=f"its process was lost {MOST_TRIES} times",
            wall_s=round(time.monotonic() - started, 4),
        )
