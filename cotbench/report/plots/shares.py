"""The share of the gain that falls on one side of the tag, by the rule of the report and by the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import SYMBOLIC, Split
from cotbench.report import words
from cotbench.report.plots.forest import Dot, Ends, Figures, Limits, draw_dots, ends_of, forest, lay_out, limits_of
from cotbench.report.plots.style import FAINT, INK, Entry, Looks, Pair, Plot, layout, listed


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot of the main baseline, where any share means something."""
    baseline = pair[1] if pair else ""
    rows = [row for row in comparison.splits if row.baseline == baseline]
    if pair and any(row.default and _share(row) for row in rows):
        modes = {row.mode for row in rows}
        gain = f"gain of {modes.pop()}" if len(modes) == 1 else "gain"
        which = words.of_questions(comparison, SYMBOLIC)
        title = looks.titled(f"Share of the total {gain} over {baseline} on questions {which}")
        told = [f"{looks.named(row.task, row.model)}, {row.mode}: {_told(row)}" for row in rows if row.default]
        alt = f"Share of the gain over {baseline} on questions {which}. {listed(told)}"
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


def _told(row: Split) -> str:
    if not (share := _share(row)):
        return _unclear(row)
    low, value, high = map(_whole, share)
    return f"{value}% of the {_what(row)} ({low} to {high}) from {_whole(_expected(row))}% of the questions"


def _figure(title: str, rows: Sequence[Split], looks: Looks, tag_rule: str) -> Figure:
    """Draw the share of the gain against the share of the questions, with a row for each task and mode.

    Those that have no share by the report's rule are named below: their rows would be empty.
    """
    shares = [(row, share) for row in rows if (share := _share(row))]
    default = {_key(row): row for row in rows if row.default}
    known = {_key(row): share for row, share in shares if row.default}
    keys = list(known)
    lines = lay_out(looks, keys)
    texts = {key: _figures(default[key], known[key]) for key in keys}
    others = [(row.rule, s, lines.rows[_key(row)]) for row, s in shares if not row.default and _key(row) in known]
    marks = dict(zip(dict.fromkeys(rule for rule, *_ in others), itertools.cycle("^v<>phd*8"), strict=False))
    limits = limits_of([*known.values(), *(share for _, share, _ in others)], floor=-150, ceiling=250, least=0)
    limits = Limits(low=min(limits.low, -4), high=max(limits.high, 104))
    key = [
        Entry(label=f"share of the gain, rule {tag_rule}", colour=INK, mark="o", line="-"),
        Entry(label="share of the questions, as many as would be by chance", colour=INK, mark="s", hollow=True, size=7),
        *(Entry(label=f"share of the gain, rule {rule}", colour=FAINT, mark=m, size=4.5) for rule, m in marks.items()),
    ]
    left_out: dict[str, dict[str, None]] = {}
    for missing, row in default.items():
        if missing not in known:
            left_out.setdefault(_unclear(row), {})[row.task] = None
    none = "; ".join(f"{', '.join(tasks)} ({why})" for why, tasks in left_out.items())
    stacked = layout().narrow
    figures = Figures(() if stacked else ["of gain", "95% interval", "of questions"], texts.values(), stacked=stacked)
    figure, [axes] = forest(
        title,
        lines,
        looks=looks,
        limits=limits,
        label="share of the total gain, %",
        gutter=figures.gutter,
        heads=not stacked,
        row=figures.row,
        named=_whole,
        note="To the right of its hollow mark: these questions gain more than the others. Above 100%: the "
        f"others lose. Lines: 95% intervals. {limits.note(known.values())}"
        + (f"Without a share: {none}." if none else ""),
        key=key,
    )
    axes.axvline(100, color=FAINT, linewidth=0.6, zorder=1)
    for rule, mark in marks.items():
        points = [(limits.cut(share[1]), at) for name, share, at in others if name == rule]
        style: dict[str, Any] = {"color": FAINT, "markersize": 4, "zorder": 2, "clip_on": False}
        axes.plot(*zip(*points, strict=True), mark, label=rule, **style)
    dots = [
        Dot(at=lines.rows[k], ends=ends, colour=looks.colour(k[2]), mark=looks.mark(k[2])) for k, ends in known.items()
    ]
    draw_dots(axes, dots, limits)
    if expected := [(_expected(default[k]), lines.rows[k]) for k in keys]:
        style = {"color": INK, "markerfacecolor": "none", "markersize": 7, "zorder": 5, "clip_on": False}
        axes.plot(*zip(*expected, strict=True), "s", label="questions", **style)
    for row_key in keys:
        figures.put(axes, lines.rows[row_key], texts[row_key])
    figures.put_heads(axes)
    return figure


def _key(row: Split) -> tuple[str, str, str]:
    return row.model, row.task, row.mode


def _figures(row: Split, share: Ends) -> list[str]:
    """Return what stands beside a row: the share of the gain with its interval, and of the questions, in percent."""
    low, value, high = map(_whole, share)
    questions = f"{_whole(_expected(row))}%"
    if layout().narrow:
        return [f"{value}% ({low} to {high})", f"of {_what(row)}, {questions} of questions"]
    return [f"{value}%" + (" (loss)" if _what(row) == "loss" else ""), f"{low} to {high}", questions]
