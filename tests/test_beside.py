"""Work in a forked child: its value, its error, and what is done where there can be no child."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from cotbench.errors import RunError
from cotbench.processes import beside

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
