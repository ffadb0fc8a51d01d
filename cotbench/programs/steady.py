"""Makes a warmed process the same every time: chance from a fixed source, and clocks that begin at a fixed date.

Sets have one order because the hash seed is fixed and because what Python was started with lies at the same addresses
(`at_fixed_addresses`). What is left to differ from run to run is the order of a set of a program's own classes or
objects without a hash of their own, whose addresses depend on what the warmed process has read before, and what
libraries in C ask the system themselves: the present of NumPy's `datetime64` and of SQLite, SQLite's chance, and all
that a program reaches by `ctypes`.
"""

from __future__ import annotations

import _thread
import ctypes
import datetime
import errno
import gc
import os
import queue
import random
import resource
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

_ADDR_NO_RANDOMIZE, _ASK = 0x0040000, 0xFFFFFFFF  # personality(2)


def at_fixed_addresses() -> None:
    """Start this interpreter over without address space randomization, where the kernel allows that (Docker's default
    doesn't).

    The order of a set that holds None, types or functions follows from their addresses. A program can ask for an
    address anyway, so that random ones protect nothing here.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    now = libc.personality(_ASK)
    if now < 0 or now & _ADDR_NO_RANDOMIZE:
        return
    if libc.personality(now | _ADDR_NO_RANDOMIZE) >= 0 and libc.personality(_ASK) & _ADDR_NO_RANDOMIZE:
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - itself


# --- chance -------------------------------------------------------------------------------------------------------

_source = random.Random(0)  # noqa: S311 - that it can be foretold is the point


def _urandom(size: int, /) -> bytes:
    return _source.randbytes(size)


def fix_chance() -> None:
    """Let whatever asks the system for chance have it from `_source`: `random`, `secrets`, `uuid`, and what they
    serve (NumPy's generators, SymPy).

    Before SymPy and NumPy are loaded, since they draw as they are loaded.
    """
    seed = random.Random.seed

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        seed(self, int.from_bytes(_urandom(32), "big") if a is None else a, version)

    random.Random.seed = seeded  # type: ignore[method-assign]
    random.seed = random._inst.seed
    random._urandom = os.urandom = _urandom  # type: ignore[attr-defined]
    if hasattr(os, "getrandom"):
        os.getrandom = lambda size, flags=0: _urandom(size)  # noqa: ARG005
    # Loaded with its extension module, it would ask the system for the moment and for the network card's address.
    import uuid

    uuid._generate_time_safe = None  # type: ignore[attr-defined]


def rewind() -> None:
    """Set all sources and clocks to their beginning, for the programs that are forked from here."""
    global _passed
    _passed = 0
    _source.seed(0)
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


# --- the clock ----------------------------------------------------------------------------------------------------

BEGINNING = 1_704_067_200  # when every program begins: 2024-01-01, 00:00 UTC, in seconds since 1970
LOOK_NS = 10_000  # that pass from one look at a clock to the next: whoever waits by watching one must see it move
_RUN_NS = 1_000  # that a run of what `timeit` measures is said to take
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
# Nanoseconds since the program began: its looks at a clock, and what it has slept or waited, which it did in no time.
_passed = 0


def _skip(seconds: float) -> None:
    global _passed
    _passed += int(seconds * 1e9)


def _sleep(seconds: float, /) -> None:
    if not seconds >= 0:
        raise ValueError("sleep length must be non-negative")
    _skip(seconds)


def _look() -> int:
    global _passed
    _passed += LOOK_NS
    return _passed


def _clock(begin: int) -> tuple[Callable[[], float], Callable[[], int]]:
    """A clock that showed so many seconds when the program began: in seconds, and in nanoseconds."""
    begin_ns = begin * 1_000_000_000
    return lambda: (begin_ns + _look()) / 1e9, lambda: begin_ns + _look()


def fix_clock() -> None:
    """Let all clocks begin at the same time for every program, and move by its looks at them and by what it sleeps or
    waits.

    What a computation takes isn't on them, since it differs from run to run; limits are the kernel's, and go by its
    own clocks. Sleeping and waiting with a time-out take no time: threads can't be started, so nothing comes
    meanwhile.
    """
    date = _clock(BEGINNING)
    for name in _CLOCKS:
        seconds, nanoseconds = date if name == "time" else _clock(0)
        if hasattr(time, name):
            setattr(time, name, seconds)
            setattr(time, f"{name}_ns", nanoseconds)
    if hasattr(time, "clock_gettime"):
        of_date = {getattr(time, name, None) for name in ("CLOCK_REALTIME", "CLOCK_TAI")}
        time.clock_gettime = lambda number, /: time.time() if number in of_date else time.monotonic()
        time.clock_gettime_ns = lambda number, /: time.time_ns() if number in of_date else time.monotonic_ns()
    _fix_dates()
    time.sleep = _sleep  # type: ignore[assignment]
    threading._time = queue.time = time.monotonic  # type: ignore[attr-defined]
    wait = threading.Condition.wait

    def skipping(self: threading.Condition, timeout: float | None = None) -> bool:
        notified = wait(self, timeout)
        if not notified and timeout is not None and timeout > 0:
            _skip(timeout)
        return notified

    threading.Condition.wait = skipping  # type: ignore[method-assign]


def _fix_dates() -> None:
    """Let whatever takes the present for a date that isn't given ask `time.time`."""
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, partial(_of_now, getattr(time, name)))
    asctime, strftime = time.asctime, time.strftime
    time.asctime = lambda *given: asctime(*(given or (time.localtime(),)))
    time.strftime = lambda form, *given: strftime(form, *(given or (time.localtime(),)))
    # The system's own clock is behind these, in a type that can't be assigned to and must stay, for `type(x) is
    # datetime`.
    methods = gc.get_referents(datetime.datetime.__dict__)[0]
    methods["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(time.time(), tz))
    methods["utcnow"] = classmethod(lambda cls: cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))


def _of_now(convert: Callable[[float], Any], seconds: float | None = None, /) -> Any:
    return convert(time.time() if seconds is None else seconds)


def fix_timing() -> None:
    """Let `timeit` find that what it runs takes some time: it runs more and more until it does."""
    import timeit  # its default clock is the one that is there as it is loaded

    measure = timeit.Timer.timeit

    def counted(self: timeit.Timer, number: int = 1_000_000) -> float:
        found, taken = measure(self, number), number * _RUN_NS / 1e9
        _skip(taken)
        return found + taken

    timeit.Timer.timeit = counted  # type: ignore[method-assign]


# --- the process --------------------------------------------------------------------------------------------------

_NUMBER = 2  # of the process, its group, session and thread
_PARENT = 1


def _number_of(process: int, /) -> int:
    """The group or session of this process; of others the kernel says nothing, whether or not they exist."""
    if process in (0, _NUMBER):
        return _NUMBER
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def fix_numbers(*, contained: bool) -> None:
    """Let a program see the same numbers of its process, and the same use of resources, every time.

    Where it isn't contained its process keeps its own numbers: a signal to the number of another would arrive.
    """
    if contained:
        import posix

        numbers = {"getpid": lambda: _NUMBER, "getppid": lambda: _PARENT, "getpgrp": lambda: _NUMBER}
        for name, tell in {**numbers, "getpgid": _number_of, "getsid": _number_of}.items():
            setattr(os, name, tell)
            setattr(posix, name, tell)
        threading.get_native_id = _thread.get_native_id = lambda: _NUMBER
        threading.main_thread()._native_id = _NUMBER  # type: ignore[attr-defined]
    os.times = lambda: os.times_result((time.process_time(), 0.0, 0.0, 0.0, time.monotonic()))
    os.getloadavg = lambda: (0.0, 0.0, 0.0)
    resource.getrusage = lambda who, /: resource.struct_rusage((time.process_time(), *(0,) * 15))  # noqa: ARG005
    for module in filter(None, (sys.modules.get("_ssl"), sys.modules.get("ssl"))):
        module.RAND_bytes = _urandom  # type: ignore[attr-defined]
        if hasattr(module, "RAND_pseudo_bytes"):
            module.RAND_pseudo_bytes = lambda size, /: (_urandom(size), True)  # type: ignore[attr-defined]
