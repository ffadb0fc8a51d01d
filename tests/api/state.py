"""What a process is like, as far as a call could change it for the rest of the program that it is a part of."""

from __future__ import annotations

import asyncio
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import scipy.sparse  # what these change as they are imported is theirs
import scipy.special  # noqa: F401


def state() -> dict[str, Any]:
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "umask": (os.umask(0o22), os.umask(0o22))[1],
        "signals": {number: repr(signal.getsignal(number)) for number in signal.valid_signals() if number < 30},
        "warnings": ([repr(one) for one in warnings.filters], repr(warnings.showwarning)),
        "logging": (root.level, repr(root.handlers), root.manager.disable, logging.raiseExceptions),
        "random": hash(random.getstate()),
        "numpy": hash(np.random.get_state()[1].tobytes()),  # type: ignore[index]
        "matplotlib": {key: repr(value) for key, value in dict.items(matplotlib.rcParams)},
        "switch interval": sys.getswitchinterval(),
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "hooks": [repr(one) for one in (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook)],
        "streams": [id(one) for one in (sys.stdin, sys.stdout, sys.stderr)],
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": repr(decimal.getcontext()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "limits": (sys.get_int_max_str_digits(), sys.getrecursionlimit()),
        "start method": multiprocessing.get_start_method(allow_none=True),
        "event loop": repr(asyncio.get_event_loop_policy().__class__),
        "path": (list(sys.path), len(sys.meta_path)),
        "tracing": (sys.gettrace(), sys.getprofile()),
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by name."""
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}
