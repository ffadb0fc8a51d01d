"""The share of the gain that falls on symbolic questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import Split
from cotbench.report.plots.forest import Dot, Ends, Limits, beside, draw_dots, ends_of, forest, lay_out, limits_of, past
from cotbench.report.plots.style import FAINT, INK, SMALL, Entry, Looks, Pair, Plot, listed, widest


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot of the main baseline, where any share means something."""
    baseline = pair[1] if pair else ""
    rows = [row for row in comparison.splits if row.baseline == baseline]
    if pair and any(map(_share, rows)):
        modes = {row.mode for row in rows}
        gain = f"gain of {modes.pop()}" if len(modes) == 1 else "gain"
        title = looks.titled(f"Share of the total {gain} over {baseline} that falls on symbolic questions")
        told = [f"{looks.named(row.task, row.model)}, {row.mode}: {_told(row)}" for row in rows if row.default]
        alt = f"Share of the gain over {baseline} that falls on symbolic questions. {listed(told)}"
        yield Plot("splits", "share", title, alt, partial(_figure, title, rows, looks, comparison.tag_rule))


def _share(row: Split) -> Ends | None:
    """Return a share with its interval, in percent; None where it means nothing."""
    return None if row.share.low is None else ends_of(row.share)


def _unclear(row: Split) -> str:
    return "total too near zero" if "zero" in row.share_unclear else row.share_unclear or "no share"


def _what(row: Split) -> str:
    total = (row.symbolic.value or 0.0) * row.n_symbolic + (row.other.value or 0.0) * row.n_other
    return "loss" if total < 0 else "gain"


def _whole(value: float) -> str:
    return f"{round(value):,}".replace("-", "−")


def _expected(row: Split) -> float:
    """Return the share of the questions that are symbolic, in percent."""
    return 100 * (row.n_symbolic / (row.n_symbolic + row.n_other))


def _said_of(row: Split) -> str:
    share = _share(row)
    return f"{_whole(share[1])}% of {_what(row)}, {_whole(_expected(row))}% of questions" if share else _unclear(row)


def _told(row: Split) -> str:
    if not (share := _share(row)):
        return _unclear(row)
    low, value, high = map(_whole, share)
    return f"{value}% of the {_what(row)} ({low} to {high}) from {_whole(_expected(row))}% of the questions"


def _figure(title: str, rows: Sequence[Split], looks: Looks, tag_rule: str) -> Figure:
    """Draw the share of the gain against the share of the questions, with a row for each task and mode."""
    default = {(row.model, row.task, row.mode): row for row in rows if row.default}
    lines = lay_out(looks, list(dict.fromkeys((row.model, row.task, row.mode) for row in rows)))
    texts = {key: _said_of(default[key]) if key in default else "not tagged" for key in lines.rows}
    known = {key: share for key, row in default.items() if (share := _share(row))}
    others = [(share, lines.rows[r.model, r.task, r.mode]) for r in rows if not r.default and (share := _share(r))]
    limits = limits_of([*known.values(), *(share for share, _ in others)], floor=-150, ceiling=250, least=0)
    limits = Limits(low=min(limits.low, -4), high=max(limits.high, 104))
    key = [
        Entry(label=f"share of the gain, rule {tag_rule}", colour=INK, mark="o", line="-"),
        Entry(label="share of the questions", colour=INK, mark="s", hollow=True, size=7),
        *([Entry(label="share of the gain, other rules", colour=FAINT, mark=".", size=6)] if others else []),
    ]
    figure, [axes] = forest(
        title,
        lines,
        looks=looks,
        limits=limits,
        label="share of the total gain, %",
        gutter=widest(list(texts.values()), SMALL) + 0.15,
        note="A share to the right of its hollow mark: symbolic questions gain more than the others. Above 100%: the "
        f"others lose. Lines: 95% intervals. {limits.note(known.values())}",
        key=key,
    )
    axes.axvline(100, color=FAINT, linewidth=0.6, zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _whole(value)))
    if others:
        points = [(limits.cut(share[1]), at) for share, at in others]
        axes.plot(*zip(*points, strict=True), ".", color=FAINT, markersize=5, zorder=2, label="others")
    dots = [
        Dot(at=lines.rows[k], ends=ends, colour=looks.colour(k[2]), mark=looks.mark(k[2])) for k, ends in known.items()
    ]
    draw_dots(axes, dots, limits)
    if expected := [(_expected(row), lines.rows[k]) for k, row in default.items() if row.n_symbolic + row.n_other]:
        style: dict[str, Any] = {"color": INK, "markerfacecolor": "none", "markersize": 7, "zorder": 5}
        axes.plot(*zip(*expected, strict=True), "s", label="questions", **style)
    for row_key, at in lines.rows.items():
        beside(axes, at, texts[row_key], x=past(axes, 0.1))
    return figure
