"""The share of the gain that falls on symbolic questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import Split
from cotbench.report import words
from cotbench.report.plots.forest import (
    ARROW_NOTE,
    ROW,
    Limits,
    beside,
    intervals,
    lay_out,
    limits_of,
    put_headings,
    rows_of,
    zero,
)
from cotbench.report.plots.style import (
    EDGE,
    FAINT,
    INK,
    SMALL,
    WIDTH,
    Entry,
    Look,
    Page,
    listed,
    widest,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def share_rows(comparison: Comparison, baseline: str) -> list[Split]:
    """Splits of the first baseline, [] where none has a share that means something."""
    rows = [row for row in comparison.splits if row.baseline == baseline]
    return rows if any(map(_has_share, rows)) else []


def _has_share(row: Split) -> bool:
    return row.share is not None and row.share_low is not None and row.share_high is not None


def _unclear(row: Split) -> str:
    if "zero" in row.share_unclear:
        return "total too near zero"
    return row.share_unclear or "no share"


def share_title(look: Look, baseline: str, rows: Sequence[Split]) -> str:
    modes = {row.mode for row in rows}
    gain = f"gain of {modes.pop()}" if len(modes) == 1 else "gain"
    return look.titled(f"Share of the total {gain} over {baseline} that falls on symbolic questions")


def _share_text(row: Split) -> str:
    if not _has_share(row):
        return _unclear(row)
    return f"{_whole(row.share)}% of {_what(row)}, {_whole(_expected(row))}% of questions"


def _what(row: Split) -> str:
    total = (row.delta_symbolic or 0.0) * row.n_symbolic + (row.delta_other or 0.0) * row.n_other
    return "loss" if total < 0 else "gain"


def _whole(value: float | None) -> str:
    return words.DASH if value is None else f"{round(100 * value):,}".replace("-", "−")


def _expected(row: Split) -> float:
    return row.n_symbolic / (row.n_symbolic + row.n_other)


def share_figure(comparison: Comparison, look: Look, baseline: str) -> Figure:
    """The share of the gain against the share of the questions, a row for each task and mode."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    rows = share_rows(comparison, baseline)
    default = {(row.model, row.task, row.mode): row for row in rows if row.default}
    others = [row for row in rows if not row.default and _has_share(row)]
    keys = list(dict.fromkeys([(row.model, row.task, row.mode) for row in rows]))
    lines = lay_out(look, keys)
    texts = {key: _share_text(default[key]) if key in default else "not tagged" for key in keys}
    gutter = widest(list(texts.values()), SMALL) + 0.15
    left = EDGE + widest(list(lines.labels.values())) + 0.1
    width = WIDTH - EDGE - left - gutter
    known = [
        (100 * (r.share_low or 0.0), 100 * (r.share or 0.0), 100 * (r.share_high or 0.0))
        for r in (*default.values(), *others)
        if _has_share(r)
    ]
    limits = limits_of(known, floor=-150, ceiling=250, least=0)
    limits = Limits(low=min(limits.low, -4), high=max(limits.high, 104))
    over = any(low < limits.low or high > limits.high for low, _, high in known[: len(known) - len(others)])
    note = (
        "A share to the right of its hollow mark: symbolic questions gain more than the others. Above 100%: the others lose. "
        "Lines: 95% intervals. " + (ARROW_NOTE if over else "")
    )
    key = [
        Entry(label=f"share of the gain, rule {comparison.tag_rule}", colour=INK, mark="o", line="-"),
        Entry(label="share of the questions", colour=INK, mark="s", hollow=True, size=7),
    ]
    if others:
        key.append(Entry(label="share of the gain, other rules", colour=FAINT, mark=".", size=6))
    height = ROW * (lines.height + 0.2)
    page = Page(share_title(look, baseline, rows), height + 0.5, stub=look.stub, note=note, key=key)
    axes = page.axes(left, 0.0, width, height)
    axes.set_xlim(limits.low, limits.high)
    rows_of(axes, lines, width, names=True)
    zero(axes)
    axes.axvline(100, color=FAINT, linewidth=0.6, zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace("-", "−")))
    axes.set_xlabel("share of the total gain, %")
    faint = [(limits.cut(100 * (row.share or 0.0)), lines.rows[row.model, row.task, row.mode]) for row in others]
    if faint:
        axes.plot(*zip(*faint, strict=True), ".", color=FAINT, markersize=5, zorder=2, label="others")
    for mode in dict.fromkeys(key[2] for key in keys):
        own = [(lines.rows[k], row) for k, row in default.items() if k[2] == mode]
        drawn = [
            (at, 100 * (row.share_low or 0.0), 100 * (row.share or 0.0), 100 * (row.share_high or 0.0))
            for at, row in own
            if _has_share(row)
        ]
        intervals(axes, limits, drawn, colour=look.colour(mode), mark=look.mark(mode))
    expected = [(100 * _expected(row), lines.rows[k]) for k, row in default.items() if row.n_symbolic + row.n_other]
    if expected:
        axes.plot(
            *zip(*expected, strict=True),
            "s",
            color=INK,
            markerfacecolor="none",
            markersize=7,
            zorder=5,
            label="questions",
        )
    for k, at in lines.rows.items():
        beside(axes, at, texts[k], x=1 + 0.1 / width)
    put_headings(page, lines, 0.0)
    return page.figure


def share_alt(comparison: Comparison, look: Look, baseline: str) -> str:
    parts = []
    for row in share_rows(comparison, baseline):
        if row.default:
            name = f"{look.named(row.task, row.model)}, {row.mode}"
            if _has_share(row):
                ends = " to ".join(_whole(end) for end in (row.share_low, row.share_high))
                parts.append(
                    f"{name}: {_whole(row.share)}% of the {_what(row)} ({ends}) from {_whole(_expected(row))}% of the questions"
                )
            else:
                parts.append(f"{name}: {_unclear(row)}")
    return f"Share of the gain over {baseline} that falls on symbolic questions. " + listed(parts)
