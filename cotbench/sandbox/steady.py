"""Makes a warmed process the same every time: chance that comes from a fixed source, and a clock that waiting moves.

Sets have one order because the hash seed is fixed and because what Python was started with lies at the same addresses (`at_fixed_addresses`).
What is left to differ from run to run is the date, the time that a program takes, and the order of a set of a program's own classes or
objects without a hash of their own, whose addresses depend on what the warmed process has read before.
"""

from __future__ import annotations

import ctypes
import os
import queue
import random
import sys
import threading
import time
from typing import Any

_ADDR_NO_RANDOMIZE, _ASK = 0x0040000, 0xFFFFFFFF  # personality(2)


def at_fixed_addresses() -> None:
    """Start this interpreter over without address space randomization, where the kernel allows that (Docker's default doesn't).

    The order of a set that holds None, types or functions follows from their addresses. A program can ask for an address anyway, so that
    random ones protect nothing here.
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
    """Let whatever asks the system for chance have it from `_source`: `random`, `secrets`, `uuid`, and what they serve (NumPy's generators, SymPy).

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


def rewind_chance() -> None:
    """Set all sources to their beginning, for the programs that are forked from here."""
    _source.seed(0)
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)


# --- the clock ----------------------------------------------------------------------------------------------------

_CLOCKS = ("time", "monotonic", "perf_counter")
_skipped = 0  # nanoseconds that a program has slept or waited, which it did in no time


def _skip(seconds: float) -> None:
    global _skipped
    _skipped += int(seconds * 1e9)


def _sleep(seconds: float, /) -> None:
    if not seconds >= 0:
        raise ValueError("sleep length must be non-negative")
    _skip(seconds)


def fix_clock() -> None:
    """Let sleeping and waiting with a time-out move the clock and take no time. Threads can't be started, so nothing comes meanwhile."""
    for name in _CLOCKS:
        real, real_ns = getattr(time, name), getattr(time, f"{name}_ns")
        setattr(time, name, lambda real=real: real() + _skipped / 1e9)
        setattr(time, f"{name}_ns", lambda real_ns=real_ns: real_ns() + _skipped)
    time.sleep = _sleep  # type: ignore[assignment]
    threading._time = queue.time = time.monotonic  # type: ignore[attr-defined]
    wait = threading.Condition.wait

    def skipping(self: threading.Condition, timeout: float | None = None) -> bool:
        notified = wait(self, timeout)
        if not notified and timeout is not None and timeout > 0:
            _skip(timeout)
        return notified

    threading.Condition.wait = skipping  # type: ignore[method-assign]
