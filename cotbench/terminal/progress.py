"""Progress of a run on stderr: a table of its arms on a terminal, lines now and then elsewhere.

No figure is one over several arms but how much is done and how long it takes: answers of arms that are short come
first, so that a share of right answers over all of them would say which these are.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cotbench.report.tame import tame_line
from cotbench.runs.tally import ArmTally, Clock, Standing, Tally, Watch
from cotbench.terminal.console import Output
from cotbench.terminal.printing import say

PLAIN_EVERY_S = 10.0  # between lines, in the first ten minutes
PLAIN_FIRST_S = 600.0
PLAIN_LATER_S = 60.0
PLAIN_WIDTH = 80
REDRAW_S = 0.25
BAR = 20  # columns, at most
MOST_ROWS = 16  # arms that are shown at once
REST = 6  # lines of the terminal that are left for what else is said


def duration(seconds: float) -> str:
    """A time in words: "8 s", "3 min 20 s", "2 h 05 min", "3 d 4 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s" if whole < 600 else f"{round(seconds / 60)} min"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3_600)
    return f"{hours // 24} d {hours % 24} h"


def right(arm: ArmTally) -> str:
    """The share of an arm's answers that are right so far, in %."""
    return "" if arm.accuracy is None else f"{100 * arm.accuracy:.1f}%"


def _state(tally: Tally, clock: Clock) -> list[str]:
    """What is said of a run as a whole, in parts."""
    elapsed = max(time.monotonic() - tally.started, 1e-9)
    parts = [f"{tally.done:,} of {tally.total:,} answers", f"{tally.new_tokens / elapsed:,.0f} tokens/s"]
    left = clock.left_s(tally)
    if tally.stopping:
        parts.append(f"stopping: {tally.in_flight:,} in flight")
    elif tally.done < tally.total:
        parts.append(f"{duration(elapsed)} so far")
        parts.append("time left not known yet" if left is None else f"about {duration(left)} left")
    else:
        parts.append(duration(elapsed))
    if failed := tally.outcomes["engine_error"]:
        parts.append(f"{failed:,} failed")
    return parts


@contextmanager
def shown(quiet: bool) -> Generator[Watch]:
    """Yield a function to be called with the tally whenever it has changed."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty() and not Output(to_stderr=True).is_dumb_terminal:  # where lines can't be drawn anew
        with _table() as watch:
            yield watch
    else:
        with _lines() as watch:
            yield watch


# --- on a terminal ------------------------------------------------------------------------------------------------


@contextmanager
def _table() -> Generator[Watch]:
    console, last, clock = Output(to_stderr=True), 0.0, Clock()
    latest: Tally | None = None
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def show(tally: Tally) -> None:
            live.update(drawn(tally, clock, console.size.width, console.size.height), refresh=True)

        def watch(tally: Tally) -> None:
            nonlocal last, latest
            now, latest = time.monotonic(), tally
            if now - last >= REDRAW_S:
                last = now
                show(tally)

        yield watch
        if latest is not None:  # the last answers may have come since it was drawn
            show(latest)


def drawn(tally: Tally, clock: Clock, width: int, height: int) -> Group:
    """The table of a run's arms, as wide as a terminal and no higher."""
    rows, rest = _rows(tally, max(1, min(MOST_ROWS, height - REST)))
    several = len({task for task, _ in tally.arms}) > 1
    done = f"{tally.total:,}/{tally.total:,}"
    figures = (several and 1) + len(done) + len("100.0%") + len("tokens each") + 8
    names = max([len(_name(key, several)) for key, _ in rows], default=0)
    names = max(min(names, width - figures), 8)
    bar = max(4, min(BAR, width - names - figures))
    table = Table.grid(padding=(0, 1))
    table.add_column(width=names, no_wrap=True, overflow="ellipsis")
    table.add_column(width=bar)
    for _ in range(3):
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", "", *(Text(title, style="dim") for title in ("done", "right", "tokens each")))
    for key, arm in rows:
        full = arm.done >= arm.total
        each = f"{arm.completion_tokens / arm.done:,.0f}" if arm.done else ""
        table.add_row(
            Text(tame_line(_name(key, several)), style="green" if full else ""),
            ProgressBar(total=max(arm.total, 1), completed=arm.done, width=bar),
            f"{arm.done:,}/{arm.total:,}",
            right(arm),
            each,
        )
    lines = [Text(rest, style="dim")] if rest else []
    lines += [Text(tame_line(standing(one)), style="green" if one.decided else "") for one in tally.standings]
    lines += map(Text, _filled("", _state(tally, clock), width))
    return Group(table, *lines)


def standing(one: Standing) -> str:
    """What is known of a difference in a drawn run, in a line."""
    value = "" if one.value is None else f"{100 * one.value:+.1f} ".replace("-", "−")
    evidence = "certain" if one.log_e == math.inf else f"{math.exp(min(one.log_e, 700)):,.3g}"
    known = ", known" if one.decided else ""
    return (
        f"{one.task} {one.mode} − {one.baseline}: {value}±{100 * one.half_width:.1f} points, evidence {evidence}, "
        f"{one.questions:,} of {one.of:,} questions{known}"
    )


_Rows = list[tuple[tuple[str, str], ArmTally]]


def _name(key: tuple[str, str], several: bool) -> str:
    return " ".join(key) if several else key[1]


def _rows(tally: Tally, room: int) -> tuple[_Rows, str]:
    """The arms that are shown, and what is said of the others: those first that are under way, then those to come."""
    arms = list(tally.arms.items())
    if len(arms) <= room:
        return arms, ""
    # One line is for the others.
    states = {key: 0 if 0 < arm.done < arm.total else 1 if not arm.done else 2 for key, arm in arms}
    chosen = {key for key, _ in sorted(arms, key=lambda pair: states[pair[0]])[: max(1, room - 1)]}
    left = [states[key] for key, _ in arms if key not in chosen]
    words = ("under way", "not begun", "done")
    said = ", ".join(f"{left.count(state)} {word}" for state, word in enumerate(words) if state in left)
    return [(key, arm) for key, arm in arms if key in chosen], f"and {len(left)} more: {said}"


# --- elsewhere ----------------------------------------------------------------------------------------------------


@contextmanager
def _lines() -> Generator[Watch]:
    last, clock = time.monotonic(), Clock()
    latest: Tally | None = None

    def show(tally: Tally) -> None:
        for line in lines_of(tally, clock):
            say(line, to_stderr=True)

    def watch(tally: Tally) -> None:
        nonlocal last, latest
        now, latest = time.monotonic(), tally
        if now - last >= (PLAIN_EVERY_S if now - tally.started < PLAIN_FIRST_S else PLAIN_LATER_S):
            last = now
            show(tally)

    yield watch
    if latest is not None:
        show(latest)


def lines_of(tally: Tally, clock: Clock) -> list[str]:
    """How far a run is, in lines of at most 80 columns: all of it, then each task's arms."""
    lines = _filled("", _state(tally, clock), PLAIN_WIDTH)
    tasks = dict.fromkeys(task for task, _ in tally.arms)
    for task in tasks:
        arms = [(mode, arm) for (of, mode), arm in tally.arms.items() if of == task]
        lines += _filled(f"  {task}: ", [_part(mode, arm) for mode, arm in arms], PLAIN_WIDTH)
        lines += [f"  {standing(one)}" for one in tally.standings if one.task == task]
    return lines


def _part(mode: str, arm: ArmTally) -> str:
    share = f" {right(arm)} right" if arm.accuracy is not None else ""
    return f"{mode} {arm.done:,}/{arm.total:,}{share}"


def _filled(head: str, parts: Sequence[str], width: int) -> list[str]:
    """Parts in lines, none of them broken."""
    lines, line = [], head
    for place, part in enumerate(parts):
        more = part + ("," if place + 1 < len(parts) else "")
        if len(line) + len(more) > width and line.strip() and line != head:
            lines.append(line.rstrip())
            line = "    "
        line += f"{more} "
    return [*lines, line.rstrip()]
