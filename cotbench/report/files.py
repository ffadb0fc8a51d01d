"""The files of a report: which there are, and what is said of those of an earlier one.

A report deletes nothing. What lies in its folder and isn't its own is named where it could be mistaken for it: in the
terminal, in summary.md and in about.csv."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from cotbench.analysis.compare import Comparison
from cotbench.analysis.pairing import Panel
from cotbench.processes import beside
from cotbench.questions.tagging import Rule
from cotbench.report import about, tables
from cotbench.report.drawn import Drawn, others
from cotbench.store.files import replace_file

PAGE, DOCUMENT, SUMMARY, ABOUT = "report.html", "report.json", "summary.md", "about.csv"
LARGE = 2_000  # questions; with fewer, a process costs about what it saves


def document(comparison: Comparison) -> str:
    """Return report.json: no NaN, keys in order."""
    return json.dumps(comparison.as_dict(), sort_keys=True, allow_nan=False)


def begin_plots(
    comparison: Comparison, panels: Sequence[Panel], folder: Path, *, wanted: bool
) -> Callable[[], list[Drawn]]:
    """Begin to draw plots; call the result for them. Raises OSError.

    Drawing takes seconds, in which tables can be read and the page's data be made.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def work() -> list[Drawn]:
        if wanted:
            from cotbench.report.plots import draw  # matplotlib takes a second to import

            return draw(comparison, folder)
        return []

    return beside(work, worth=wanted and sum(len(panel.questions) for panel in panels) > LARGE)


def write_report(
    comparison: Comparison,
    panels: Sequence[Panel],
    folder: Path,
    drawn: Callable[[], list[Drawn]],
    *,
    rules: Sequence[Rule],
    page_mb: float | None,
) -> list[str]:
    """Write all files but the plots, and return the names of this report's files. Raises OSError.

    drawn: gives the plots. rules: the user's own. page_mb: megabytes that the page may have, None for no page.
    """
    written = {*tables.write_csvs(comparison, folder), DOCUMENT, SUMMARY, ABOUT}
    replace_file(folder / DOCUMENT, [document(comparison).encode(), b"\n"])
    if page_mb is not None:
        from cotbench.report.page import write_page

        write_page(folder / PAGE, comparison, panels, plots=drawn, megabytes=page_mb, rules=rules)
        written.add(PAGE)
    written |= {name for plot in drawn() for name in plot.files}
    left = left_over(comparison, folder, written)
    markdown = tables.markdown(comparison, drawn(), left=left)
    replace_file(folder / SUMMARY, [markdown.encode("utf-8", "backslashreplace")])
    told = [(row.run, row.what, row.value) for row in about.rows(comparison)]
    files = [("", "files", " ".join(sorted(written))), *([("", "left over", left)] if left else [])]
    tables.write_csv(folder / ABOUT, ("run", "what", "value"), [*told, *files])
    return sorted(written)


def left_over(comparison: Comparison, folder: Path, written: Collection[str], *, brief: bool = False) -> str:
    """Say which files of a folder are of an earlier report, and of when; "" where there are none. written: the names of
    this report's files. brief: name the page only, and count the others."""
    names = [*(f"{name}.csv" for name in tables.csv_rows(comparison)), PAGE]
    there = [folder / name for name in names if name not in written]
    found = [path for path in there if path.is_file() and not path.is_symlink()] + others(folder, written)
    if not found:
        return ""
    days = {path.name: time.strftime("%Y-%m-%d", time.localtime(path.stat().st_mtime)) for path in sorted(found)}
    if brief:
        page = f"{PAGE} of {days.pop(PAGE)}" if PAGE in days else ""
        more = f"{len(days)} {'other ' if page else ''}file{'s' * (len(days) != 1)}" if days else ""
        return f"Left there of an earlier report: {' and '.join(filter(None, (page, more)))}"
    by_day: dict[str, list[str]] = {}
    for name, day in days.items():
        by_day.setdefault(day, []).append(name)
    told = "; ".join(f"{', '.join(files)} of {day}" for day, files in sorted(by_day.items()))
    return f"Left as they are, of an earlier report and not of this one: {told}."
