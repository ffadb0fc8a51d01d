"""Work beside our own, in a forked child: for functions of what is in memory already, whose values are small.

A fork shares what the parent has loaded, where a new process would load it again. It is safe only while this process has no other thread, and on Linux.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T], *, worth: bool = True) -> Callable[[], T]:
    """Start the work, and return what waits for its value, or raises its error.

    Where it isn't worth a process, or one can't be forked, the work is done when its value is asked for; and again, where the child was lost.
    """
    if not worth or sys.platform != "linux" or (os.cpu_count() or 1) < 2 or threading.active_count() > 1:
        return cache(work)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, reading, writing)
    os.close(writing)

    def value() -> T:
        with os.fdopen(reading, "rb") as pipe:
            content = pipe.read()
        os.waitpid(child, 0)
        try:
            done, result = pickle.loads(content)  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError):
            return work()
        if not done:
            raise result
        found: T = result
        return found

    return cache(value)


def _child(work: Callable[[], object], reading: int, writing: int) -> None:
    try:
        os.close(reading)
        try:
            result = (True, work())
        except BaseException as error:
            result = (False, error)
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe)
    finally:
        os._exit(0)  # nothing of the parent's is to be flushed or closed twice
