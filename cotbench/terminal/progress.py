"""Progress of a run on stderr: bars on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cotbench.run.tally import Tally, Watch
from cotbench.terminal.console import Output
from cotbench.terminal.printing import say

PLAIN_EVERY_S = 10.0
OTHERS = 90  # columns of a terminal, for what stands beside the bar


def _figures(tally: Tally) -> str:
    elapsed = max(time.monotonic() - tally.started, 1e-9)
    accuracy = f"{100 * tally.correct / tally.graded:.1f}% right" if tally.graded else "nothing graded yet"
    failed = f", {tally.outcomes['engine_error']} failed" if tally.outcomes["engine_error"] else ""
    return f"{accuracy}, {tally.new_tokens / elapsed:,.0f} tokens/s{failed}"


@contextmanager
def shown(quiet: bool) -> Generator[Watch]:
    """Yield a function to be called with the tally whenever it has changed."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as watch:
            yield watch
    else:
        yield _plain()


@contextmanager
def _bars() -> Generator[Watch]:
    console = Output(to_stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(1, min(40, console.width - OTHERS))),  # figures aren't cut for it
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
    )
    last = 0.0
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        task = progress.add_task("answers", total=None, figures="")

        def watch(tally: Tally) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < 0.2 and tally.done < tally.total:
                return
            last = now
            what = "stopping" if tally.stopping else "answers"
            progress.update(task, description=what, total=tally.total, completed=tally.done, figures=_figures(tally))

        yield watch


def _plain() -> Watch:
    last, finished = time.monotonic(), False

    def watch(tally: Tally) -> None:
        nonlocal last, finished
        now = time.monotonic()
        if finished or (now - last < PLAIN_EVERY_S and tally.done < tally.total):
            return
        last, finished = now, tally.done >= tally.total
        rate = tally.done / max(now - tally.started, 1e-9)
        eta = "" if finished or not rate else f", about {(tally.total - tally.done) / rate:,.0f} s left"
        say(f"{tally.done:,} of {tally.total:,} answers, {_figures(tally)}{eta}", to_stderr=True)

    return watch
