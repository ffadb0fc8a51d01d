"""What changes a process as a whole, and is undone; and work in a forked child: its value, its error, and where there
can be none."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.spawn
import os
import re
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from conftest import ROOT

from cotbench.errors import RunError
from cotbench.processes import (
    beside,
    default_environment,
    die_with_parent,
    handling_signals,
    spawning_apart,
    switch_threads_after,
    uncollected,
)

forks = pytest.mark.skipif(sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="needs Linux and two cores")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that seems to have no other threads: tests that ran before in it may have left some that sleep."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@forks
@pytest.mark.usefixtures("alone")
def test_the_value_is_another_processs() -> None:
    values = list(range(1000))
    got = beside(lambda: (os.getpid(), sum(values), "\udc80"))
    child, total, text = got()
    assert (total, text) == (499_500, "\udc80")
    assert child != os.getpid()
    assert got()[0] == child, "asked for again it is the same"


@forks
@pytest.mark.usefixtures("alone")
def test_it_runs_while_we_do() -> None:
    started = time.monotonic()
    got = beside(lambda: time.sleep(0.5) or os.getpid())
    assert time.monotonic() - started < 0.3
    assert got() != os.getpid()


@forks
@pytest.mark.usefixtures("alone")
def test_its_error_is_raised_here() -> None:
    def fails() -> None:
        raise RunError("no such thing", "try another")

    got = beside(fails)
    with pytest.raises(RunError, match="no such thing") as caught:
        got()
    assert caught.value.hint == "try another"


@forks
@pytest.mark.usefixtures("alone")
def test_a_child_that_is_lost_is_done_without() -> None:
    us = os.getpid()

    def work() -> int:
        if os.getpid() != us:
            os.kill(os.getpid(), signal.SIGKILL)
        return 7

    assert beside(work)() == 7


def test_what_is_not_worth_a_process_is_done_here_and_once() -> None:
    calls: list[int] = []
    got = beside(lambda: calls.append(os.getpid()), worth=False)
    assert calls == []
    got()
    got()
    assert calls == [os.getpid()]


def test_no_fork_beside_a_thread() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert beside(os.getpid)() == os.getpid()
    finally:
        done.set()
        thread.join()


# --- this process -------------------------------------------------------------------------------------------------


def test_the_collector_is_off_inside_and_on_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), uncollected():
        assert not gc.isenabled()
        raise ValueError("inside")
    assert gc.isenabled()


def test_the_switch_interval_is_as_before_when_it_is_undone() -> None:
    before = sys.getswitchinterval()
    undo = switch_threads_after(before / 2)
    assert sys.getswitchinterval() == pytest.approx(before / 2)
    undo()
    assert sys.getswitchinterval() == before


def test_variables_of_the_users_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTBENCH_TEST_OWN", "mine")
    monkeypatch.delenv("COTBENCH_TEST_NEW", raising=False)
    default_environment({"COTBENCH_TEST_OWN": "ours", "COTBENCH_TEST_NEW": "ours"})
    assert (os.environ["COTBENCH_TEST_OWN"], os.environ.pop("COTBENCH_TEST_NEW")) == ("mine", "ours")


def test_signals_are_handled_inside_but_those_that_are_ignored() -> None:
    came: list[int] = []
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        with handling_signals(lambda number, _: came.append(number)):
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                os.kill(os.getpid(), number)
        assert came == [signal.SIGTERM, signal.SIGINT]
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    finally:
        signal.signal(signal.SIGHUP, ignored)


def test_no_handlers_outside_the_main_thread() -> None:
    before, inside = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with handling_signals(lambda *_: None):
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]


# --- children -----------------------------------------------------------------------------------------------------


def _session(pipe: Connection) -> None:
    pipe.send((os.getpid(), os.getsid(0)))


def test_what_is_spawned_apart_leads_a_session_of_its_own() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    executable = multiprocessing.spawn.get_executable()
    with spawning_apart():
        process = context.Process(target=_session, args=(theirs,))
        process.start()
        assert ours.poll(60), "it says nothing"
        number, session = ours.recv()
        process.join(60)
    assert number == session == process.pid
    assert multiprocessing.spawn.get_executable() == executable


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does that on Linux")
def test_a_child_dies_with_its_parent() -> None:
    child = (
        "import time; from cotbench.processes import die_with_parent; "
        "die_with_parent(); print('on', flush=True); time.sleep(60)"
    )
    parent = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]); "
        "print(p.pid, flush=True); p.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        assert process.stdout.readline() == "on\n"
        os.kill(number, 0)
        process.kill()
    for _ in range(100):
        try:
            os.kill(number, 0)
            with Path(f"/proc/{number}/stat").open() as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":  # ended, and nobody has asked for how
                    return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.05)
    pytest.fail("it lives on")


@forks
def test_a_child_whose_parent_is_gone_already_ends() -> None:
    child = os.fork()
    if child == 0:
        die_with_parent(parent=-1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_what_changes_a_process_as_a_whole_stands_in_one_file() -> None:
    """Outside it only processes of our own are changed: the grader's workers and those that run programs."""
    ways = re.compile(
        r"setswitchinterval\(|gc\.(?:disable|enable|set_threshold|freeze)\(|os\.environ\[[^]]+\] =|environ\.setdefault"
        r"|set_executable\(|set_start_method\(|signal\.signal\(|setrecursionlimit\(|set_int_max_str_digits\(|setrlimit\("
    )
    package = ROOT / "cotbench"
    own_children = {"answers/grader.py", "programs/zygote.py"}
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if ways.search(path.read_text()) and str(path.relative_to(package)) not in own_children
    }
    assert found == {"processes.py"}
