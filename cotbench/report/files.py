"""The files of a report: which there are, and which of an earlier one go."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from cotbench.analysis.compare import Comparison
from cotbench.analysis.pairing import Panel
from cotbench.processes import beside
from cotbench.questions.tagging import Rule
from cotbench.report import tables
from cotbench.report.drawn import Drawn, remove_others
from cotbench.store.files import replace_file

PAGE, DOCUMENT, SUMMARY = "report.html", "report.json", "summary.md"
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
        remove_others(folder, ())
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
    """Write all files but the plots, and return the names of what is there then. Raises OSError.

    drawn: gives the plots. rules: the user's own. page_mb: megabytes that the page may have, None for no page.
    """
    tables.write_csvs(comparison, folder)
    replace_file(folder / DOCUMENT, [document(comparison).encode(), b"\n"])
    if page_mb is None:
        (folder / PAGE).unlink(missing_ok=True)
    else:
        from cotbench.report.page import write_page

        write_page(folder / PAGE, comparison, panels, plots=drawn, megabytes=page_mb, rules=rules)
    markdown = tables.markdown(comparison, drawn())
    replace_file(folder / SUMMARY, [markdown.encode("utf-8", "backslashreplace")])
    return sorted(path.name for path in folder.iterdir() if path.is_file())
