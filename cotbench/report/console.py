"""Where terminal output goes, and the look of its tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

PLAIN_WIDTH = 120  # where there is no terminal


def tame(text: str) -> str:
    """Without what a terminal would take as a command, or couldn't show: a model or its program may have written it.

    Control characters, escape sequences, marks that turn the direction of text, and lone surrogates become escapes that one can read.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


class Output(Console):
    """stdout, or stderr. A reader that goes away (`| head`) is an error for the caller, not an exit from in here."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        super().__init__(stderr=to_stderr)
        if not self.is_terminal:
            self.width = PLAIN_WIDTH

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def whole(self, table: Table) -> None:
        """Print a table at its full width: figures that a narrow terminal cuts would be wrong figures."""
        needed = Measurement.get(self, self.options.update(max_width=1_000), table).maximum
        width, self.width = self.width, max(self.width, needed)
        self.print(table)
        self.width = width


def named_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: int, *, skip: bool = False
) -> Table:
    """A table whose first `left` columns are names; skip leaves the model's out where there is only one."""
    first = 1 if skip else 0
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
    )
    for place, name in list(enumerate(header))[first:]:
        table.add_column(name, justify="left" if place < left else "right", no_wrap=True, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row[first:]))
    return table
