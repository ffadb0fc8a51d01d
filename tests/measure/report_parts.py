"""Measure what a report takes, part by part: python tests/measure/report_parts.py RUN [RUN ...] [--to FOLDER].

For each part CPU seconds (user and system, of this process and of its children that have ended) and the largest memory
until its end: the sum over this process and its children of their proportional shares, looked at every 0.2 s, so that
pages which a fork shares count once. Parts are the steps of `cotbench report`; functions of PARTS are told apart within
them (their seconds are in those of their step, too; of what a child does only once it has ended).
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

PARTS = (
    ("cotbench.analysis.pairing", "read_questions"),
    ("cotbench.analysis.pairing", "read_any_records"),
    ("cotbench.analysis.asking", "load_run"),
    ("cotbench.analysis.asking", "panels_of"),
    ("cotbench.analysis.asking", "compare"),
    ("cotbench.analysis.asking", "lost_outputs"),
    ("cotbench.analysis.compare", "_add_panel"),
    ("cotbench.analysis.compare", "_add_pair"),
    ("cotbench.analysis.compare", "mode_stats"),
    ("cotbench.analysis.compare", "agreements"),
    ("cotbench.analysis.compare", "_silent"),
    ("cotbench.analysis.compare", "count_outcomes"),
    ("cotbench.analysis.compare", "delta_of"),
    ("cotbench.analysis.compare", "split_of"),
    ("cotbench.analysis.compare", "policies_of"),
    ("cotbench.analysis.compare", "plan_rows"),
    ("cotbench.analysis.compare", "_add_audits"),
    ("cotbench.analysis.compare", "_add_costs"),
    ("cotbench.analysis.compare", "_add_beside"),
    ("cotbench.analysis.compare", "_add_scores"),
    ("cotbench.analysis.compare", "chosen_of"),
    ("cotbench.analysis.compare", "chosen_at"),
    ("cotbench.analysis.compare", "flips_of"),
    ("cotbench.analysis.compare", "points_of"),
    ("cotbench.analysis.compare", "effects_of"),
    ("cotbench.analysis.compare", "tools_of"),
    ("cotbench.analysis.compare", "supports_of"),
    ("cotbench.analysis.compare", "recalls_of"),
    ("cotbench.analysis.compare", "between"),
    ("cotbench.analysis.compare", "calibrations"),
    ("cotbench.analysis.compare", "provenance_of"),
    ("cotbench.analysis.compare", "twins_of"),
    ("cotbench.report.tables", "write_csvs"),
    ("cotbench.report.files", "document"),
    ("cotbench.report.browser", "_index"),
    ("cotbench.report.browser", "_details"),
    ("cotbench.report.browser", "_fits"),
    ("cotbench.report.browser", "_chunks"),
    ("cotbench.report.page", "browser_data"),
)


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, of_children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + of_children.ru_utime + of_children.ru_stime


def share_of(process: int) -> int:
    """Bytes of a process's proportional share of memory."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    except (OSError, StopIteration):
        return 0


def children_of(process: int) -> list[int]:
    """A process and all below it."""
    try:
        own = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(one for child in own for one in children_of(int(child)))]


def watch(process: int, stop: threading.Event, seen: list[int]) -> None:
    """Look at the memory of a process and its children until told to stop."""
    while not stop.wait(0.2):
        seen[0] = max(seen[0], sum(map(share_of, children_of(process))))


def timed(named: str, work: Any, told: dict[str, list[float]], seen: list[int]) -> Any:
    """The same function, which adds to `told` its CPU seconds, wall seconds, and the largest memory until its end."""

    @functools.wraps(work)
    def timing(*given: Any, **more: Any) -> Any:
        before, clock = cpu(), time.monotonic()
        try:
            return work(*given, **more)
        finally:
            row = told.setdefault(named, [0.0, 0.0, 0.0])
            row[0] += cpu() - before
            row[1] += time.monotonic() - clock
            row[2] = max(row[2], seen[0])

    return timing


def main() -> None:
    """Measure the report of some runs; the last two lines are of all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--to", default="report-measured")
    given, more = parser.parse_known_args()
    told: dict[str, list[float]] = {}
    seen, stop = [0], threading.Event()
    # A process of its own looks on: this one must have no other thread, or it forks no children (`processes.beside`).
    reading, writing = os.pipe()
    measured = os.fork()
    if measured:
        os.close(writing)
        looking = threading.Thread(target=watch, args=(measured, stop, seen))
        looking.start()
        _, status, used = os.wait4(measured, 0)
        stop.set()
        looking.join()
        print(f"all: {used.ru_utime + used.ru_stime:.1f} s of CPU; at most {seen[0] / 1e6:,.0f} MB")
        sys.exit(os.waitstatus_to_exitcode(status))
    os.close(reading)
    for module, name in PARTS:
        try:
            place = importlib.import_module(module)
            setattr(place, name, timed(f"{module.removeprefix('cotbench.')}.{name}", getattr(place, name), told, seen))
        except (ImportError, AttributeError):
            print(f"{module}.{name}: isn't there")
    import gc

    from cotbench.processes import collect_seldom

    collect_seldom()
    gc.collect()
    from typer.testing import CliRunner

    from cotbench.cli import app

    before, clock = cpu(), time.monotonic()
    result = CliRunner().invoke(app, ["report", *given.runs, "--to", given.to, *more])
    for name, (used_s, wall, _) in told.items():
        if used_s >= 0.05:
            print(f"{name:45} {used_s:8.2f} s of CPU {wall:8.2f} s")
    own, child = (resource.getrusage(who).ru_maxrss / 1e3 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        f"report: {cpu() - before:.2f} s of CPU, {time.monotonic() - clock:.2f} s; {own:,.0f} MB, child {child:,.0f} MB"
    )
    if result.exit_code:
        print(result.output, result.exception)
    sys.stdout.flush()
    os._exit(result.exit_code)


if __name__ == "__main__":
    main()
