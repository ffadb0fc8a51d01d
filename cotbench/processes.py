"""Everything that changes a process as a whole, and work in another one. Each function says what changes, for whom,
and until when.

A process's switch interval, collector, environment, signal handlers and way of starting children belong to whoever
wrote the program that runs in it, so each of these is set here and nowhere else, as late and for as short as
possible.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_parent_number = (
    os.getppid
)  # as the system says it: a process that runs model-written code has another one in its place


# --- this process -------------------------------------------------------------------------------------------------


@contextmanager
def hub_offline(switched: bool) -> Iterator[None]:
    """Let the Hub's client take what is in its cache and ask nobody, until the block ends: else it tries a host that
    isn't there six times, for half a minute, and says so each time."""
    if not switched:
        yield
        return
    import datasets
    from huggingface_hub import constants

    places: tuple[Any, ...] = (datasets.config, constants)
    before = [place.HF_HUB_OFFLINE for place in places]
    for place in places:
        place.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.HF_HUB_OFFLINE = value


@contextmanager
def loading_sets_by(made: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Have `datasets.load_dataset` be what `made` makes of it, until the block ends: packages of others load their data
    sets by that name, and have no place to say that these are in a folder."""
    import datasets

    before = datasets.load_dataset
    datasets.load_dataset = made(before)
    try:
        yield
    finally:
        datasets.load_dataset = before


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in another folder, until the block ends: a task of Inspect's reads files beside its own by their names."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def collect_seldom() -> None:
    """Have Python look for cycles of objects less often, for the rest of the process: only the console command does
    that.

    A run holds all its questions and records; looking through them again and again took a tenth of the time.
    """
    gc.set_threshold(50_000, 10, 10)


@contextmanager
def uncollected() -> Iterator[None]:
    """Have Python not look for cycles of objects inside; only `cotbench report` does that.

    Records are a quarter of a million small dicts, none of them garbage; looking through them again and again takes
    seconds.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def switch_threads_after(seconds: float) -> Callable[[], None]:
    """Have the interpreter's lock change hands at least this often (Python's default is 5 ms). Returns what undoes it.

    Set while the engine `openai` is open: its thread waits for the lock at each call to a socket, while the run works.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    return lambda: sys.setswitchinterval(before)


def default_environment(variables: Mapping[str, str]) -> None:
    """Set environment variables that aren't set yet, for the rest of the process and for its children, or until
    `variables_taken_back` ends.

    The engine `vllm` sets those that vLLM reads as it is imported: no usage reports, few messages, none on stdout.
    """
    for name, value in variables.items():
        if name not in os.environ:
            os.environ[name] = value
            _set_here[name] = value


_set_here: dict[str, str] = {}


@contextmanager
def variables_taken_back() -> Iterator[None]:
    """Take back, when the block ends, the environment variables that `default_environment` set inside, where nobody has
    changed them since: for a run in somebody else's process."""
    before = set(_set_here)
    try:
        yield
    finally:
        for name in _set_here.keys() - before:
            if os.environ.get(name) == _set_here.pop(name):
                del os.environ[name]


@contextmanager
def handling_signals(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have `handle` called inside for SIGINT, SIGTERM and SIGHUP; their handlers are as before when it ends.

    A run sets it while its loop works, so that a Ctrl-C lets what is in flight finish. A signal that is ignored stays
    so: that is what nohup asks for. Outside the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def handling_interrupts(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have `handle` called inside for SIGINT where Python's own handler is in force, which is as before when it ends.

    For a run in somebody else's process (`cotbench.run`): their handlers, and signals that aren't Ctrl-C, stay theirs.
    Outside the main thread nothing changes."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- children -----------------------------------------------------------------------------------------------------

PR_SET_PDEATHSIG = 1  # prctl(2)


@cache
def libc() -> Any:
    """The C library, for calls that Python has no name for."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "prctl"):
        library.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
    return library


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel (Linux) kill this process, one of ours, when its parent ends, however that ends: for good.

    parent: the parent's number; this process ends at once where that parent is gone already. Set in the workers that
    compare formulas and in the processes that run model-written code, so that a killed run leaves nobody behind.
    """
    if sys.platform == "linux":
        libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and _parent_number() != parent:
        os._exit(1)


# Runs Python with the arguments it is given, in a session of its own, and (Linux) has the kernel kill it with its
# parent. The resource tracker must outlive us, to clean up after us. It may not need this package, which need not be
# installed.
_LAUNCHER = """#!/bin/sh
exec {python} -c '
import os, sys
os.setsid()
if sys.platform == "linux" and not any("resource_tracker" in word for word in sys.argv):
    import ctypes
    ctypes.CDLL(None).prctl({option}, {signal}, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
' "$@"
"""


_staying: list[threading.Thread] = []


def stay() -> None:
    """Say that the current thread ends with its process and not before."""
    _staying.append(threading.current_thread())


@contextmanager
def spawning_apart() -> Iterator[None]:
    """Have processes that multiprocessing spawns inside stand in a session of their own, and die with this one.

    Set while the engine `vllm` starts. A Ctrl-C goes to the whole foreground process group; vLLM's processes would
    end at once (they set their own handlers), and what is in flight with them. So only this process gets it, and ends
    them when it is done. An engine that outlived a killed run would keep the GPU's memory, and the run couldn't be
    resumed. Outside the main thread, and threads that `stay`, nothing changes: the kernel would end them with that
    thread, not with the process.
    """
    if threading.current_thread() not in (threading.main_thread(), *_staying):
        yield
        return
    import multiprocessing.spawn
    import shlex
    import tempfile
    from pathlib import Path

    before = multiprocessing.spawn.get_executable()
    with tempfile.TemporaryDirectory(prefix="cotbench-") as folder:
        launcher = Path(folder, "python")
        python = shlex.quote(sys.executable)
        launcher.write_text(_LAUNCHER.format(python=python, option=PR_SET_PDEATHSIG, signal=int(signal.SIGKILL)))
        launcher.chmod(0o700)
        # Where temporary files may not be executed, a Ctrl-C ends the engine too.
        if os.access(launcher, os.X_OK):
            multiprocessing.spawn.set_executable(str(launcher))
        try:
            yield
        finally:
            multiprocessing.spawn.set_executable(before)


@contextmanager
def start_method_open() -> Iterator[None]:
    """Have nobody find multiprocessing's way of starting children settled because of what a block does: whoever spawns
    by a context of its own, or shows a progress bar, settles the default, which can then not be chosen any more."""
    import multiprocessing

    before: str | None = multiprocessing.get_start_method(allow_none=True)
    try:
        yield
    finally:
        settled: str | None = multiprocessing.get_start_method(allow_none=True)
        if before is None and settled == multiprocessing.get_all_start_methods()[0]:
            multiprocessing.set_start_method(None, force=True)


@contextmanager
def chance_kept() -> Iterator[None]:
    """Have the numbers of the module `random` go on behind a block as if it had drawn none: for imports that do."""
    import random

    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)


_spawning = threading.local()
_spawn_lock = threading.Lock()
_spawners: list[Any] = []  # what was in force before the first of those that are inside, once for each of them


@contextmanager
def spawning_without_main() -> Iterator[None]:
    """Have processes that this thread spawns inside not import the program that runs here: ours need nothing of it, and
    a script without `if __name__ == "__main__"` would begin again in each of them. Other threads' are as they were."""
    import multiprocessing.spawn as spawn

    with _spawn_lock:
        whole = _spawners[0] if _spawners else spawn.get_preparation_data
        _spawners.append(whole)

        def prepared(name: str) -> dict[str, Any]:
            data: dict[str, Any] = whole(name)
            if getattr(_spawning, "without_main", False):
                data.pop("init_main_from_path", None)
                data.pop("init_main_from_name", None)
            return data

        spawn.get_preparation_data = prepared
    _spawning.without_main = True
    try:
        yield
    finally:
        _spawning.without_main = False
        with _spawn_lock:
            before = _spawners.pop()
            if not _spawners:
                spawn.get_preparation_data = before


def spawn_alone(start: Callable[[], None]) -> None:
    """Start a process by spawn that needs nothing of the program that runs here, and dies with it: a process that
    multiprocessing calls a daemon may have no children, lest they outlive it, and these don't."""
    import multiprocessing.process

    settings: dict[str, Any] = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    daemon = settings.pop("daemon", None)
    try:
        with spawning_without_main():
            start()
    finally:
        if daemon is not None:
            settings["daemon"] = daemon


def beside(work: Callable[[], T], *, worth: bool = True) -> Callable[[], T]:
    """Start a function in a forked child, and return what waits for its value, or raises its error.

    For functions of what is in memory already, whose values are small: a fork shares what the parent has loaded,
    where a new process would load it again. It is safe only while this process has no other thread, and on Linux.
    Where it isn't worth a process, or one can't be forked, the work is done when its value is asked for; and again,
    where the child was lost.
    """
    if not worth or sys.platform != "linux" or (os.cpu_count() or 1) < 2 or threading.active_count() > 1:
        return cache(work)
    import pickle

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
    import pickle

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
