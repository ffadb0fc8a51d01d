"""How far a run is, for who called `cotbench.run`: in a notebook one text that is replaced, elsewhere as the command
has it. No escape sequences where there is no terminal, and nothing at all where it isn't wanted."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cotbench.runs.tally import Clock, Tally, Watch
from cotbench.terminal.progress import lines_of, shown

REDRAW_S = 0.5


def in_notebook() -> bool:
    """Whether this is a notebook's kernel, which shows rich outputs."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None


class _Cell:
    """One output of a notebook's cell, whose text is replaced."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, lines: list[str]) -> None:
        from IPython.display import display

        text = "\n".join(lines)
        shown_as = {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}
        if self._handle is None:
            self._handle = display(shown_as, raw=True, display_id=True)
        else:
            self._handle.update(shown_as, raw=True)


@contextmanager
def telling(wanted: bool, notes: list[str]) -> Iterator[tuple[Watch, Callable[[str], None]]]:
    """Yield what is called with the tally, and what is called with things to be said; `notes` gets these anyhow."""
    if not wanted:
        yield lambda _: None, notes.append
    elif in_notebook():
        with _in_cell(notes) as both:
            yield both
    else:
        from cotbench.terminal.console import tell

        def say(text: str) -> None:
            notes.append(text)
            tell(text)

        with shown(False) as watch:
            yield watch, say


@contextmanager
def _in_cell(notes: list[str]) -> Iterator[tuple[Watch, Callable[[str], None]]]:
    cell, clock, last = _Cell(), Clock(), 0.0
    said: list[str] = []
    latest: list[Tally] = []

    def draw() -> None:
        cell.show([*said, *(line for tally in latest for line in lines_of(tally, clock))])

    def watch(tally: Tally) -> None:
        nonlocal last
        latest[:] = [tally]
        if time.monotonic() - last >= REDRAW_S:
            last = time.monotonic()
            draw()

    def say(text: str) -> None:
        notes.append(text)
        said.append(text)
        draw()

    try:
        yield watch, say
    finally:
        if latest:
            draw()
