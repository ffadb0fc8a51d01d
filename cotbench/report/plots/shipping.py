"""Policies that ship: accuracy against tokens, of single arms, of what chooses among them, and of the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.shipping import ALWAYS, BY, CROSS_FITTED, NAIVE, ORACLE, Shipped
from cotbench.report import words
from cotbench.report.plots.cost import token_axis
from cotbench.report.plots.panels import curve_panels, percent_scale
from cotbench.report.plots.style import FAINT, GREY, INK, Entry, Looks, Pair, Plot, by_task, listed

_BY_RULE, _NAIVE = "by one rule, on other questions", "chosen and scored on the same questions"
_KINDS: dict[str, tuple[str, str, str, str]] = {  # label, mark, colour, face
    CROSS_FITTED: ("rule and arms chosen, on other questions", "D", INK, INK),
    BY: (_BY_RULE, "D", GREY, "none"),
    NAIVE: (_NAIVE, "D", FAINT, FAINT),
    ORACLE: ("oracle, a bound", "P", GREY, GREY),
}
_ORDER = {NAIVE: 1, BY: 2, ORACLE: 3, CROSS_FITTED: 4}  # arms before all


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any policy was made."""
    rows = comparison.shipped
    if not rows:
        return
    told = [
        f"{looks.named(row.task, row.model)}, {row.policy} {words.percent(row.accuracy)}% at "
        f"{words.tokens(row.tokens)} tokens"
        for row in rows
        if not row.policy.startswith(BY)
    ]
    title = looks.titled("Policies that ship, by tokens")
    alt = "Accuracy against mean completion tokens, of arms and of policies. " + listed(told, 30)
    yield Plot("shipping", "ship", title, alt, partial(_figure, title, rows, looks))


def _kind(row: Shipped) -> str:
    return BY if row.policy.startswith(BY) else row.policy


def _figure(title: str, rows: Sequence[Shipped], looks: Looks) -> Figure:
    """Draw a panel for each task and model."""
    places = by_task([(row.task, row.model) for row in rows])
    arms = list(dict.fromkeys(row.policy.removeprefix(ALWAYS) for row in rows if row.policy.startswith(ALWAYS)))
    figure, panels = curve_panels(
        title,
        len(places),
        2.4,
        looks=looks,
        labels=("completion tokens per question, mean (log scale)", "right, %"),
        note="Lines up and down: 95% intervals, of the procedure that chooses. The oracle takes the cheapest arm that "
        "was right.",
        key=[
            *(Entry(label=f"always {arm}", colour=looks.colour(arm), mark=looks.mark(arm)) for arm in arms),
            *(
                Entry(label=label, colour=colour, mark=mark, hollow=face == "none")
                for label, mark, colour, face in _KINDS.values()
            ),
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        axes = panel.axes
        here = [row for row in rows if (row.task, row.model) == (task, model)]
        token_axis(axes, [row.tokens for row in here], logarithmic=True)
        percent_scale(axes, [at for row in here for at in (row.accuracy, row.low, row.high)])
        panel.head_counted(looks.named(task, model), [row.n for row in here])
        # The figure that counts lies above all others.
        for row in sorted(here, key=lambda row: _ORDER.get(_kind(row), 0)):
            at, value = [row.tokens], [100 * row.accuracy]
            style: dict[str, Any] = {"clip_on": False, "linestyle": "none", "markersize": 6}
            if row.policy.startswith(ALWAYS):
                arm = row.policy.removeprefix(ALWAYS)
                axes.plot(at, value, marker=looks.mark(arm), color=looks.colour(arm), **style)
                continue
            _, mark, colour, face = _KINDS[_kind(row)]
            if row.policy == CROSS_FITTED:
                reach = [[100 * (row.accuracy - row.low)], [100 * (row.high - row.accuracy)]]
                axes.errorbar(at, value, yerr=reach, fmt="none", ecolor=INK, elinewidth=0.9, clip_on=False)
            axes.plot(at, value, marker=mark, color=colour, markerfacecolor=face, **style)
    return figure
