"""Where terminal output goes, and the look of its tables."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from cotbench.report.tame import tame, tame_line
from cotbench.terminal.printing import Stream, say

PLAIN_WIDTH = 120  # where there is no terminal
LEAST_WIDTH = 40


class Output(Console):
    """stdout, or stderr. A reader that goes away (`| head`) is an error for the caller, not an exit from in here.

    Texts are data: no markup in them counts, and no escape sequence leaves by here but the styles of our own. No table
    is cut, however narrow a terminal is, or says that it is: a figure that has lost its end is a wrong figure.
    """

    def __init__(self, *, to_stderr: bool = False) -> None:
        stream: Any = Stream(to_stderr=to_stderr, proxied=False)
        super().__init__(file=stream, markup=False, emoji=False, highlight=False)
        # Both, or rich asks the terminal again, and of one that is "dumb" it takes 80 columns for granted.
        width, height = shutil.get_terminal_size((PLAIN_WIDTH, 25)) if self.is_terminal else (PLAIN_WIDTH, 25)
        self.size = ConsoleDimensions(max(width, LEAST_WIDTH), max(height, 1))

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text == "\n" or segment.text.isprintable():
                yield segment
            else:
                yield Segment(tame(segment.text), segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        tables = [item for item in objects if isinstance(item, Table)]
        width, self.width = self.width, max([self.width, *map(self._needed, tables)])
        # rich leaves out some control characters by itself: here they are shown.
        shown = [tame(item) if isinstance(item, str) else item for item in objects]
        # Where there is no terminal, lines are whole: for `grep`, and for what wraps them itself.
        whole = not self.is_terminal and all(isinstance(item, (str, Text)) for item in objects)
        super().print(*shown, **{"crop": False, "soft_wrap": whole, **options})
        self.width = width

    def _needed(self, table: Table) -> int:
        """Return how wide a table must be to lose nothing.

        Columns that may be wrapped keep their longest word, the others all they hold.
        """
        options = self.options.update(max_width=10_000)
        if all(column.no_wrap for column in table.columns):
            return Measurement.get(self, options, table).maximum
        for column in table.columns:
            column.min_width = _least_width(column)
        return Measurement.get(self, options, table).minimum


def _least_width(column: Column) -> int:
    texts = [cell.plain if isinstance(cell, Text) else str(cell) for cell in (column.header, *column.cells)]
    parts = [part for text in texts for part in (text.split("\n") if column.no_wrap else text.split())]
    return max(map(cell_len, parts), default=0)


def tell(text: str, *, to_stderr: bool = True) -> None:
    """Print a text, on a terminal in lines that are broken between words."""
    if Stream(to_stderr=to_stderr).isatty():
        width = max(shutil.get_terminal_size((PLAIN_WIDTH, 25)).columns, LEAST_WIDTH)
        whole = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
        text = "\n".join(map(whole.fill, text.split("\n")))
    say(text, to_stderr=to_stderr)


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str | Text]], whole: Sequence[str]) -> Table:
    """Make a table without lines. whole: the columns whose cells aren't wrapped."""
    table = Table(box=None, header_style="bold")
    for name in header:
        table.add_column(name, no_wrap=name in whole, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else tame_line(cell) for cell in row))
    return table


def named_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> Table:
    """Make a table whose first `left` columns are names, and the others figures."""
    look: dict[str, Any] = {"title_justify": "left", "title_style": "bold", "header_style": "bold"}
    table = Table(title=tame_line(title), box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, **look)
    for place, name in enumerate(header):
        table.add_column(tame_line(name), justify="left" if place < left else "right", no_wrap=True, overflow="fold")
    for row in rows:
        table.add_row(*map(tame_line, row))
    return table
