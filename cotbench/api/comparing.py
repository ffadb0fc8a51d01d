"""`cotbench.compare` and what it returns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cotbench.api.naming import told_in_python
from cotbench.api.options import Names, words
from cotbench.api.running import Run
from cotbench.api.shown import figure_html, plain_table, table_html, visible
from cotbench.errors import UsageError, suggest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cotbench.analysis.asking import Compared
    from cotbench.analysis.estimates import Interval
    from cotbench.questions.tagging import Rule
    from cotbench.report.plots.style import Plot

OneRun = str | os.PathLike[str] | Run


class Comparison:
    """What runs say of their arms, paired question by question: the same figures as `cotbench report`.

    table     a row for each model, task and arm: share of right answers, difference against its baseline with its
              interval, on either side of the tag, what it is called, tokens. Shares and differences are from 0 to 1
    deltas    a row for each arm, baseline, task and tag (all, symbolic, non-symbolic) with interval, p, and counts
    summary   the answer in sentences
    plots     the names of the plots; `plot(name)` draws one"""

    def __init__(self, compared: Compared) -> None:
        self._compared = compared
        self.estimates = compared.comparison
        """All estimates, nested: `cotbench.analysis.compare.Comparison`."""

    @property
    def runs(self) -> list[str]:
        """The ids of the runs."""
        return list(self.estimates.runs)

    @property
    def tag_rule(self) -> str:
        """The rule that tells symbolic questions from others."""
        return self.estimates.tag_rule

    @property
    def notes(self) -> list[str]:
        """What else is to be known of the runs."""
        return list(self.estimates.notes)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The main table: a row for each model, task and arm, the baseline first."""
        import pandas as pd

        from cotbench.report.glance import glance

        rule = self.tag_rule
        rows = []
        for one in glance(self.estimates):
            row: dict[str, Any] = {"model": one.model, "task": one.task, "arm": one.mode, "n": one.n}
            row |= {"right": one.accuracy.value, "baseline": one.baseline or None}
            row |= _parts("difference", one.difference)
            row |= {
                "symbolic": one.side(rule, True).value,
                "non_symbolic": one.side(rule, False).value,
                "verdict": one.verdict or None,
                "tokens": one.tokens,
                "token_ratio": one.token_ratio,
                "unread": one.unread,
            }
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def deltas(self) -> pd.DataFrame:
        """All differences with their intervals, by tag: the rows of report.json's `deltas`."""
        return self.rows("deltas").rename(columns={"mode": "arm"})

    def rows(self, name: str) -> pd.DataFrame:
        """Any other list of report.json as a frame: modes, splits, policies, costs ... Raises UsageError where there is
        none of that name."""
        import pandas as pd

        from cotbench.analysis.flat import flatten

        lists = [key for key, value in vars(self.estimates).items() if isinstance(value, list)]
        if name not in lists:
            remedy = suggest(name, lists, always=f"There are: {', '.join(lists)}.")
            raise UsageError(f"rows: there is no list '{name}'.", remedy)
        found = getattr(self.estimates, name)
        return pd.DataFrame([flatten(row) if hasattr(row, "__dataclass_fields__") else {name: row} for row in found])

    @cached_property
    def summary(self) -> str:
        """The answer in sentences, one paragraph for each."""
        from cotbench.report.headlines import headlines

        return "\n".join(headlines(self.estimates))

    @cached_property
    def _plots(self) -> dict[str, Plot]:
        from cotbench.report.plots import plots_of
        from cotbench.report.plots.style import settings

        found: dict[str, Plot] = {}
        with settings():
            for plot in plots_of(self.estimates):
                names = (plot.stem, *(f"{plot.stem}-{number}" for number in range(2, len(found) + 2)))
                found[next(name for name in names if name not in found)] = plot
        return found

    @property
    def plots(self) -> list[str]:
        """The names of the plots that have something to show."""
        return list(self._plots)

    def plot(self, name: str = "deltas", layout: Literal["wide", "narrow"] = "wide") -> Figure:
        """Draw a plot: a matplotlib figure of its own, which no pyplot knows, whatever the backend.

        layout: for a page, or for a column and a telephone. Raises UsageError where there is no plot of that name."""
        from cotbench.report.plots.style import NARROW, WIDE, laid_out, settings

        if name not in self._plots:
            remedy = suggest(name, self.plots, always=f"There are: {', '.join(self.plots) or 'none'}.")
            raise UsageError(f"plot: there is no plot '{name}'.", remedy)
        with settings(), laid_out(NARROW if layout == "narrow" else WIDE):
            figure = self._plots[name].figure()
        # A notebook shows figures of itself only where pyplot's backend for notebooks is loaded.
        setattr(figure, "_repr_html_", lambda: self._html(name, figure))  # noqa: B010 - matplotlib has no such method
        return figure

    def _html(self, name: str, figure: Figure) -> str:
        from cotbench.report.plots.style import settings

        with settings():
            return figure_html(figure, self._plots[name].alt)

    def to_dict(self) -> dict[str, Any]:
        """What report.json holds (`cotbench report --json-schema` describes it)."""
        return self.estimates.as_dict()

    def to_html(self, path: str | os.PathLike[str] | None = None, *, megabytes: float = 25.0) -> str:
        """The page of the report, one file that needs nothing else; written where a path is given.

        megabytes: how large it may get; it shows fewer questions then. Raises UsageError where the file can't be
        written."""
        import tempfile

        from cotbench.report.page import write_page
        from cotbench.report.plots import draw

        with tempfile.TemporaryDirectory(prefix="cotbench-") as folder:
            page = Path(folder, "report.html")
            drawn = draw(self.estimates, page.parent)
            own = self._compared.own
            write_page(page, self.estimates, self._compared.panels, plots=drawn, megabytes=megabytes, rules=own)
            text = page.read_text("utf-8")
        if path is not None:
            from cotbench.store.files import replace_file

            try:
                replace_file(Path(path), [text.encode()])
            except OSError as error:
                found = f"to_html: {os.fspath(path)}: can't be written: {error.strerror or error}."
                raise UsageError(found, "Name a file in a folder that exists.") from None
        return text

    _HEADER = ("arm", "right %", "difference in points", "95% interval", "verdict", "tokens")

    def _blocks(self) -> Iterable[tuple[str, list[tuple[str, ...]]]]:
        """What is shown: a title for each model and task, and the rows of its arms."""
        from cotbench.report.glance import glance
        from cotbench.report.words import ends, percent, points, short_model, tokens

        blocks: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        counts: dict[tuple[str, str], int] = {}
        for one in glance(self.estimates):
            place = one.model, one.task
            counts[place] = max(counts.get(place, 0), one.n)
            value = one.difference.value
            told = ("", "") if value is None else (points(value), ends(one.difference, signed=True))
            row = (one.label, percent(one.accuracy.value), *told, one.verdict, tokens(one.tokens))
            blocks.setdefault(place, []).append(row)
        for (model, task), rows in blocks.items():
            yield f"{short_model(model)}, {task}: {counts[model, task]:,} questions", rows

    def __repr__(self) -> str:
        from cotbench.report.words import STUB_WARNING

        parts = [f"Comparison of {', '.join(self.runs)}", *([STUB_WARNING] if self.estimates.stub else [])]
        parts += [f"{title}\n{plain_table(self._HEADER, rows)}" for title, rows in self._blocks()]
        return "\n".join([*parts, self.summary])

    def _repr_html_(self) -> str:
        from cotbench.report import words as said

        parts = [f"<p><b>{visible(said.STUB_WARNING)}</b></p>"] if self.estimates.stub else []
        for title, rows in self._blocks():
            parts.append(f"<p><b>{visible(title)}</b></p>{table_html(self._HEADER, rows)}")
        parts += [f"<p>{visible(line)}</p>" for line in self.summary.splitlines()]
        if self.plots:
            parts.append(self._html(self.plots[0], self.plot(self.plots[0])))
        return "".join(parts)


def _parts(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.value, "low": interval.low, "high": interval.high}


def compare(
    runs: OneRun | Iterable[OneRun],
    *,
    baseline: Names | None = None,
    tag_rule: str | None = None,
    tags: Sequence[str | Rule] = (),
    tags_file: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    symbolic_tasks: Names | None = None,
    suite: str | os.PathLike[str] | None = None,
    one_arm: bool = False,
    against: Sequence[str] = (),
    weights: str | os.PathLike[str] | None = None,
    effect: float = 2.0,
    margin: float | None = None,
    prices: str | os.PathLike[str] | None = None,
    generalise: Literal["subject"] | None = None,
    output_dir: str | os.PathLike[str] = "results",
) -> Comparison:
    """Compare the arms of one or more runs, question by question, as `cotbench report` does; writes nothing.

    runs: what `cotbench.run` returned, or folders or ids (in output_dir). baseline: arms that the others are compared
    with, beside direct. tag_rule: the rule that says which questions are symbolic; tags: rules of your own, as
    "NAME=REGEX" or as a `Rule`. effect, margin: in points. The others are as `cotbench report --help` has them.

    Raises RunError where a run can't be read, UsageError for what isn't in them.

    >>> import cotbench
    >>> run = cotbench.run("stub", "sample", ["direct", "cot"], progress=False)
    >>> comparison = cotbench.compare(run)
    >>> comparison.table[["task", "arm", "n"]].values.tolist()
    [['sample', 'direct@answer=begun', 48], ['sample', 'cot', 48]]
    >>> sorted(comparison.deltas["tag"])
    ['all', 'non-symbolic', 'symbolic']
    >>> comparison.plot("deltas").get_size_inches().tolist() != [0, 0]
    True
    """
    from cotbench.analysis.asking import Asked
    from cotbench.analysis.prices import read_prices
    from cotbench.analysis.weights import read_weights
    from cotbench.questions.tagging import RULES, own_rules
    from cotbench.store.lookup import find_run

    with told_in_python():
        several = [runs] if isinstance(runs, str | os.PathLike | Run) else list(runs)
        if not several:
            raise UsageError("compare: no run is named.", "Give what cotbench.run returned, a run's folder, or its id.")
        results = Path(output_dir)
        folders = [one.folder if isinstance(one, Run) else find_run(os.fspath(one), results) for one in several]
        texts: list[str | Rule] = [tags] if isinstance(tags, str) else list(tags)
        files = [tags_file] if isinstance(tags_file, str | os.PathLike) else list(tags_file)
        rules = own_rules([one for one in texts if isinstance(one, str)], [Path(one) for one in files])
        objects = [one for one in texts if not isinstance(one, str)]
        if taken := [one.name for one in objects if one.name in RULES or one.name in {rule.name for rule in rules}]:
            raise UsageError(f"tags: there is a rule '{taken[0]}' already.", "Give yours another name.")
        asked = Asked(
            baselines=words(baseline),
            tag_rule=tag_rule,
            own=[*rules, *objects],
            symbolic_tasks=words(symbolic_tasks),
            suite=None if suite is None else os.fspath(suite),
            one_arm=one_arm,
            against=list(against),
            weights=None if weights is None else read_weights(Path(weights)),
            effect=effect,
            margin=margin,
            prices=None if prices is None else read_prices(Path(prices)),
            generalise=generalise,
        )
        return Comparison(asked.compare(list(dict.fromkeys(folders))))
