"""Tables and plots as notebooks show them: HTML without a script, and without a style but its own."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = "padding:0.2em 0.7em;text-align:"


def visible(value: object) -> str:
    """A text that no markup in it changes."""
    from cotbench.report.page import visible as without_controls

    return html.escape(without_controls(value))


def table_html(header: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A table whose first `left` columns are names, and the others figures."""

    def cells(row: Sequence[object], tag: str) -> str:
        sides = ("left" if place < left else "right" for place in range(len(row)))
        made = (f'<{tag} style="{_CELL}{side}">{visible(cell)}</{tag}>' for cell, side in zip(row, sides, strict=True))
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(cells(row, "td") for row in rows)
    return f"<table><thead>{cells(header, 'th')}</thead><tbody>{body}</tbody></table>"


def figure_html(figure: Figure, alt: str, width: int = 760) -> str:
    """A figure as an image that stands in the text itself: an SVG, of which nothing can run in an image."""
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="svg")
    data = base64.b64encode(buffer.getvalue()).decode()
    source = f"data:image/svg+xml;base64,{data}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="max-width:{width}px;width:100%;background:white">'


def plain_table(header: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A table as text, each column as wide as it must be."""
    lines = [[*map(str, header)], *([*map(str, row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def percent(value: Any) -> str:
    """A share in %, "" where there is none."""
    return "" if value is None or value != value else f"{100 * value:.1f}"
