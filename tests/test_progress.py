"""Progress: each arm for itself, a time left that knows how long each arm's answers are, and what fits 80 columns."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import random
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from rich.console import Console

from cotbench.runs.tally import ArmTally, Clock, Tally
from cotbench.terminal.progress import drawn, duration, lines_of

ARMS = (
    "direct@answer=begun cot draft self-consistency direct-votes pal plan-direct plan-cot plan-solver free think "
    "no-think"
).split()


def tally(arms: dict[tuple[str, str], ArmTally], **others: Any) -> Tally:
    done, total = (sum(getattr(arm, name) for arm in arms.values()) for name in ("done", "total"))
    return Tally(total=total, done=done, arms=arms, **others)


def some(tasks: list[str], total: int = 14_042) -> Tally:
    """Arms that are done, under way and not begun, by turns."""
    arms = {}
    for number, (task, mode) in enumerate((task, mode) for task in tasks for mode in ARMS):
        done = (total, total // 3, 0)[number % 3]
        arms[task, mode] = ArmTally(
            total=total, done=done, graded=done, correct=done // 2, completion_tokens=2_048 * done, most_tokens=2_048
        )
    return tally(arms, in_flight=10)


def text(shown: Any, width: int = 80, height: int = 45) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(shown)
    return re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()


# --- what is shown ------------------------------------------------------------------------------------------------


def test_each_arm_has_a_row_with_what_is_done_and_right() -> None:
    arms = {
        ("demo", "direct"): ArmTally(total=400, done=400, graded=400, correct=194, completion_tokens=800),
        ("demo", "cot"): ArmTally(total=400, done=123, graded=120, correct=114, completion_tokens=123 * 31),
        ("demo", "pal"): ArmTally(total=400),
    }
    lines = text(drawn(tally(arms), Clock(), 80, 45))
    rows = {line.split()[0]: line for line in lines}
    assert "400/400" in rows["direct"]
    assert "48.5%" in rows["direct"]
    assert "123/400" in rows["cot"]
    assert "95.0%" in rows["cot"], "what has no verdict isn't in the share"
    assert " 31" in rows["cot"]
    assert "%" not in rows["pal"]
    assert lines[-1].startswith("523 of 1,200 answers")
    assert "%" not in lines[-1], "no share over arms"


@pytest.mark.parametrize("tasks", [["gsm8k"], ["gsm8k", "math500", "mmlu", "logiqa", "demo", "sample", "math"]])
@pytest.mark.parametrize(("width", "height"), [(80, 45), (80, 24), (120, 45), (60, 10)])
def test_many_arms_fit_the_terminal(tasks: list[str], width: int, height: int) -> None:
    run = some(tasks)
    lines = text(drawn(run, Clock(), width, height), width, height)
    assert len(lines) <= height - 2
    assert all(len(line) <= width for line in lines)
    assert all("%" in line for line in lines if "4,680/14,042" in line), "no figure is cut"
    assert "4,680/14,042" in "".join(lines), "arms that are under way are shown before others"
    if len(tasks) * len(ARMS) > 16:
        assert re.search(r"and \d+ more: ", "\n".join(lines))


@pytest.mark.parametrize("tasks", [["gsm8k"], ["gsm8k", "math500", "mmlu"]])
def test_lines_where_there_is_no_terminal_fit_80_columns_and_break_no_part(tasks: list[str]) -> None:
    run = some(tasks)
    lines = lines_of(run, Clock())
    assert all(len(line) <= 80 for line in lines)
    whole = " ".join(" ".join(lines).split())
    for (_, mode), arm in run.arms.items():
        share = " 50.0% right" if arm.done else ""
        assert f"{mode} {arm.done:,}/{arm.total:,}{share}" in whole
    assert "%" not in lines[0], "no share over arms"
    assert all(any(mode in line for mode in ARMS) for line in lines[2:])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (601, "10 min"), (7_500, "2 h 05 min"), (274_000, "3 d 4 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.patient
@pytest.mark.parametrize(("kind", "drawn_anew"), [("xterm-256color", True), ("dumb", False)])
def test_a_run_on_a_terminal_ends_with_its_last_answer(kind: str, drawn_anew: bool, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 80, 0, 0))
    line = "run --model stub --task sample --mode direct,cot --model-args latency_s=0.3,in_flight=16".split()
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cotbench", *line],
        cwd=tmp_path,
        env={**env, "TERM": kind, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while part := os.read(controller, 65_536):
            shown += part
    os.close(controller)
    assert process.wait(60) == 0
    said = shown.decode()
    assert ("\x1b[1A" in said or "\x1b[2K" in said) == drawn_anew
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).splitlines()
    assert any("cot" in line and "48/48" in line for line in last[-6:])
    assert any("96 of 96 answers" in line for line in last[-6:])
    assert all(len(line.strip("\r")) <= 80 for line in last)


# --- the time left ------------------------------------------------------------------------------------------------


def driven(arms: dict[str, tuple[int, int, int]], order: list[str], rate: float) -> list[tuple[float, float | None]]:
    """Drive made-up arms (answers, mean tokens, budget) one after the other at a number of tokens a second; what the
    clock says of the time left, each second, with the true time left."""
    draw = random.Random(1)
    run = tally({("t", name): ArmTally(total=n, most_tokens=budget) for name, (n, _, budget) in arms.items()})
    todo = [(name, max(1, round(draw.gauss(arms[name][1], arms[name][1] / 4)))) for name in order]
    for name, (n, _, _) in arms.items():
        assert order.count(name) == n
    end = sum(tokens for _, tokens in todo) / rate
    clock, now, said, second = Clock(), 0.0, [], 0.0
    run.in_flight = 8
    clock.left_s(run, 0.0)
    for name, tokens in todo:
        now += tokens / rate
        arm = run.arms["t", name]
        arm.done, arm.work, run.done = arm.done + 1, arm.work + tokens, run.done + 1
        run.new_work += tokens
        run.seen_work += tokens
        if now >= second + 1:
            second = now
            said.append((end - now, clock.left_s(run, now)))
    return said


def test_the_time_left_knows_that_short_answers_come_last() -> None:
    """By answers a second the direct answers that stand at the end would take as long as chains of thought."""
    arms = {"cot": (200, 300, 2_048), "direct": (200, 4, 128)}
    said = driven(arms, ["cot"] * 200 + ["direct"] * 200, rate=500)
    late = [(true, told) for true, told in said if true > 5][10:]
    assert late
    for true, told in late:
        assert told is not None
        # Until a direct answer has come, what it takes is a guess by its budget.
        assert 0.75 * true <= told <= 1.35 * true + 6


def test_the_time_left_knows_that_long_answers_are_to_come() -> None:
    arms = {"direct": (200, 16, 128), "cot": (200, 256, 2_048)}
    said = driven(arms, ["direct"] * 200 + ["cot"] * 200, rate=500)
    true, told = said[3]  # while no chain of thought has come
    assert told is not None
    assert 0.5 * true <= told <= 2 * true
    for true, told in said[20:-5]:
        assert told is not None
        assert 0.75 * true <= told <= 1.35 * true


def test_programs_that_wait_have_a_time_of_their_own() -> None:
    """When all replies are there the engine has nothing left to do, and programs take as long as they take."""
    arm = ArmTally(total=400, done=100, programs=100, work=4_000.0, most_tokens=1_024, runs=True)
    run = tally({("t", "pal"): arm}, executing=300, executed=0, new_work=16_000.0, seen_work=16_000.0, in_flight=0)
    clock = Clock()
    clock.left_s(run, 0.0)
    arm.done, arm.programs, arm.work, run.done, run.executed, run.executing = 150, 150, 6_000.0, 150, 50, 250
    assert clock.left_s(run, 10.0) == pytest.approx(50.0)


def test_replies_on_record_make_no_pace() -> None:
    """Of a run that is gone on with, the answers that were there are read in a second."""
    arm = ArmTally(total=1_000, done=500, work=50_000.0, most_tokens=2_048)
    run = tally({("t", "cot"): arm}, in_flight=8, seen_work=50_000.0)
    clock = Clock()
    assert clock.left_s(run, 0.0) is None, "nothing is known of the pace yet"
    for second in range(1, 11):
        arm.done, arm.work, run.done = arm.done + 5, arm.work + 500, run.done + 5
        run.new_work += 500
        run.seen_work += 500
        told = clock.left_s(run, float(second))
    assert told == pytest.approx(450 / 5, rel=0.1)


def test_a_run_that_is_over_has_no_time_left() -> None:
    run = tally({("t", "cot"): ArmTally(total=3, done=3)})
    assert Clock().left_s(run, time.monotonic()) == 0.0
