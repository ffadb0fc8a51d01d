"""The plots of a report, from Comparisons made by hand: what is drawn, files, alternative texts, and hard names."""

from __future__ import annotations

import math
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, ModeStats, Split
from cotbench.analysis.flat import flat_type, flatten
from cotbench.analysis.policies import Policy
from cotbench.analysis.tallies import Curve, Outcomes
from cotbench.modes import MODES as TABLE
from cotbench.modes import Facts
from cotbench.report import plots
from cotbench.report.drawn import others
from cotbench.report.plots import colours, outcomes, style
from cotbench.report.sections import KEYS
from cotbench.types import Outcome

pytestmark = pytest.mark.patient  # plots are drawn, which takes its time


MODES = ("direct", "cot", "self-consistency", "pal", "plan-direct", "plan-cot", "plan-solver")
TOKENS = {"direct": 6.0, "cot": 180.0, "self-consistency": 3600.0, "pal": 120.0}


hints_of = cache(get_type_hints)  # a thousand rows are of a few kinds


@cache
def columns_of(kind: type) -> Mapping[str, Any]:
    """The columns of a kind of row, with their types."""
    return {f.name: f.type for f in fields(flat_type(kind))}


def built(kind: type, columns: Mapping[str, Any]) -> Any:
    """A row from what its columns hold in report.json."""
    hints, values = hints_of(kind), {}
    for one in fields(kind):
        parts = one.metadata.get("columns")
        values[one.name] = (
            hints[one.name](**{part: columns[column] for part, column in parts.items()}) if parts else columns[one.name]
        )
    return kind(**values)


def made(kind: type, **given: Any) -> Any:
    """A row of a table by columns; what isn't given is None, or nothing."""
    empty: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False}
    columns = {name: empty.get(of) for name, of in columns_of(kind).items()}
    if "mode" in columns and "group" in columns:
        columns["tag"] = ALL
    return built(kind, {**columns, **given})


def changed(row: Any, **given: Any) -> Any:
    """A row with other values in some columns."""
    return built(type(row), {**flatten(row), **given})


def stats(task: str, mode: str, n: int, accuracy: float | None, *, model: str = "m", **given: Any) -> ModeStats:
    reach = 1.96 * math.sqrt(max(accuracy * (1 - accuracy), 0.002) / n) if accuracy is not None and n else 0.0
    ends = (None, None) if accuracy is None else (max(0.0, accuracy - reach), min(1.0, accuracy + reach))
    row = made(
        ModeStats,
        model=model,
        task=task,
        mode=mode,
        tag=ALL,
        n=n,
        accuracy=accuracy,
        low=ends[0],
        high=ends[1],
        mean_completion_tokens=TOKENS.get(mode, 40.0),
    )
    return changed(row, **given)


def delta(task: str, mode: str, tag: str, n: int, value: float | None, *, model: str = "m", **given: Any) -> Delta:
    reach = 1.6 / math.sqrt(n) if n else 0.0
    known = value is not None
    row = made(
        Delta,
        model=model,
        task=task,
        mode=mode,
        baseline="direct",
        tag=tag,
        n=n,
        delta=value,
        low=max(-1.0, (value or 0.0) - reach) if known else None,
        high=min(1.0, (value or 0.0) + reach) if known else None,
    )
    return changed(row, **given)


def split(task: str, mode: str, symbolic: int, other: int, share: float | None, **given: Any) -> Split:
    row = made(
        Split,
        model="m",
        task=task,
        mode=mode,
        baseline="direct",
        rule="eq_question",
        default=True,
        n_symbolic=symbolic,
        n_other=other,
        share=share,
        share_low=None if share is None else share - 0.1,
        share_high=None if share is None else share + 0.1,
        share_unclear="" if share is not None else "one arm is empty",
    )
    return changed(row, **given)


# n, symbolic questions, accuracy under direct, differences in all, symbolic and other questions under CoT: much like an
# 8B model.
TASKS: Mapping[str, tuple[int, int, float, float, float | None, float]] = {
    "gsm8k": (1319, 0, 0.20, 0.64, None, 0.64),
    "math": (5000, 1974, 0.18, 0.33, 0.41, 0.28),
    "mmlu": (14042, 407, 0.66, 0.012, 0.18, 0.007),
    "logiqa": (651, 0, 0.36, -0.021, None, -0.021),
}
SUBJECTS = [f"high_school_subject_{at}" for at in range(45)] + [f"college_{at}" for at in range(12)]


def comparison(
    modes: Sequence[str] = MODES, models: Sequence[str] = ("m",), tasks: Sequence[str] = tuple(TASKS), **given: Any
) -> Comparison:
    """A report of some modes, models and tasks. Names of tasks are free: their figures go round those of TASKS."""
    figures = dict(zip(tasks, [list(TASKS.values())[at % 4] for at in range(len(tasks))], strict=True))
    found: dict[str, list[Any]] = {key: [] for key in "modes deltas groups splits policies outcomes curves".split()}
    for at_model, model in enumerate(models):
        for task, (n, symbolic, base, gain, gain_symbolic, gain_other) in figures.items():
            for at, mode in enumerate(modes):
                scale = 0.0 if at == 0 else (1.0 - 0.12 * (at - 1)) * (1 - 0.2 * at_model)
                value = base + scale * gain
                found["modes"].append(
                    stats(task, mode, n, value, model=model, mean_completion_tokens=TOKENS.get(mode, 20.0 + 15 * at))
                )
                counts = {"correct": round(n * value), "unparsed": n // 40 + 1, "truncated": n // 90, "no_program": at}
                counts["wrong"] = n - sum(counts.values())
                order = {o.value: counts[o.value] for o in Outcome if counts.get(o.value)}
                found["outcomes"].append(made(Outcomes, model=model, task=task, mode=mode, counts=order, programs={}))
                if at == 0:
                    continue
                arms = ((ALL, n, gain), (SYMBOLIC, symbolic, gain_symbolic), (OTHER, n - symbolic, gain_other))
                for tag, count, effect in arms:
                    found["deltas"].append(
                        delta(task, mode, tag, count, None if effect is None else scale * effect, model=model)
                    )
                share = None if gain_symbolic is None else 0.5 - 0.05 * at
                found["splits"] += [
                    split(task, mode, symbolic, n - symbolic, share, model=model),
                    split(task, mode, n // 3, n - n // 3, 0.6, model=model, rule="operators", default=False),
                ]
                if task == tasks[2 % len(tasks)]:
                    found["groups"] += [
                        delta(
                            task,
                            mode,
                            ALL,
                            100 + place,
                            gain + 0.004 * (place - 28),
                            model=model,
                            group=group,
                            family=57,
                            p=0.01,
                            p_holm=0.001 if abs(place - 28) > 20 else 0.4,
                        )
                        for place, group in enumerate(SUBJECTS)
                    ]
                for name, rule, tokens, right, paths in (
                    (f"{mode} where symbolic", "eq_question", 60.0, base + 0.3 * gain, None),
                    ("oracle", "", 90.0, base + 1.1 * abs(gain), None),
                    ("direct-votes, 9 of 20 paths", "", 170.0, base + 0.05, 9),
                ):
                    found["policies"].append(
                        made(
                            Policy,
                            model=model,
                            task=task,
                            mode=mode,
                            baseline=modes[0],
                            policy=name,
                            rule=rule,
                            n=n,
                            accuracy=min(1.0, right),
                            tokens=tokens,
                            paths=paths,
                        )
                    )
                if mode in ("self-consistency", "pal"):
                    found["curves"] += [
                        made(
                            Curve,
                            model=model,
                            task=task,
                            mode=mode,
                            questions=n,
                            n=20,
                            k=k,
                            maj=value * (1 + 0.02 * math.log2(k)),
                            any=1 - (1 - value) ** (1 + math.log2(k)),
                            mean=value,
                        )
                        for k in (1, 2, 4, 8, 16, 20)
                    ]
    for key in ("deltas", "groups", "splits"):
        found[key] = [replace(row, baseline=modes[0]) for row in found[key]]
    return replace(Comparison(runs=["run"], baselines=[modes[0]], modes=[], deltas=[]), **{**found, **given})


@pytest.fixture(autouse=True)
def look_and_settings() -> Any:
    """The plots' style, which `draw` sets, for tests that make a figure themselves."""
    with style.settings():
        yield


def plot_of(comparison: Comparison, stem: str) -> style.Plot:
    """The one plot of a report with this stem."""
    [plot] = [plot for plot in plots.plots_of(comparison) if plot.stem == stem]
    return plot


def stems(comparison: Comparison) -> list[str]:
    return [plot.stem for plot in plots.plots_of(comparison)]


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def ends(axes: Any) -> list[tuple[float, float, float]]:
    """(low, high, height) of all horizontal intervals of an axes."""
    out = []
    for container in axes.containers:
        for bars in container.lines[2]:
            out += [(round(a[0], 6), round(b[0], 6), round(a[1], 6)) for a, b in bars.get_segments()]
    return out


def marks(axes: Any, marker: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for line in axes.lines
        if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def check_texts(figure: Any) -> None:
    """Nothing is smaller than 7.5 points, and no two texts lie on each other or leave the page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw(renderer)
    undrawn = undrawn_ticks(figure)
    boxes = []
    for text in figure.findobj(Text):
        if not text.get_text().strip() or not text.get_visible():
            continue
        assert text.get_fontsize() >= 7.5, text.get_text()
        box = text.get_window_extent(renderer)
        if text in undrawn:
            continue
        assert box.x0 >= 0 and box.y0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text.get_text()
        boxes.append((text.get_text(), box.shrunk(0.98, 0.8)))
    names, ends = [name for name, _ in boxes], np.array([box.extents for _, box in boxes])
    low, high = ends[:, None, :2], ends[:, None, 2:]  # each against each; Python's loops would take seconds
    alike = ((low < ends[None, :, 2:]) & (high > ends[None, :, :2])).all(axis=2)
    for one, other in np.argwhere(np.triu(alike, 1)):
        raise AssertionError((names[one], names[other]))


def undrawn_ticks(figure: Any) -> list[Any]:
    """Labels of ticks outside an axis' limits, which aren't drawn."""
    out = []
    for axes in figure.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = axis.get_major_ticks()
            out += [tick.label1 for tick in ticks if not min(limits) <= tick.get_loc() <= max(limits)]
    return out


# --- differences --------------------------------------------------------------------------------------------------


def test_deltas_show_each_arm_with_its_interval_and_n() -> None:
    made_up = comparison(["direct", "cot"])
    figure = plot_of(made_up, "deltas").figure()
    everything, symbolic, other = figure.axes
    rows = {(d.task, d.tag): d for d in made_up.deltas}
    for axes, tag in ((everything, ALL), (symbolic, SYMBOLIC), (other, OTHER)):
        wanted = [rows[task, tag] for task in (TASKS if tag == ALL else ("math", "mmlu"))]
        got = ends(axes)
        assert [end[:2] for end in got] == [
            pytest.approx((100 * d.delta.low, 100 * d.delta.high), abs=1e-4) for d in wanted
        ]
    said = {tag: [text.get_text() for text in axes.texts] for axes, tag in zip(figure.axes, "aso", strict=True)}
    assert {"+64.0", "+59.6 to +68.4", "1,319", "points", "95% interval", "n"} <= set(said["a"])
    assert {"+41.0", "1,974", "+18.0", "407", "all 1,319 are non-symbolic", "all 651 are non-symbolic"} <= set(
        said["s"]
    )
    assert not {"+64.0", "1,319"} & set(said["s"] + said["o"])  # a task of one kind isn't shown as its opposite
    assert "What cot changes against direct, question by question (m)" in texts(figure)
    assert "difference in accuracy, points" in texts(figure)
    check_texts(figure)


def test_modes_keep_their_colour() -> None:
    made_up = comparison()
    look = style.looks_of(made_up)
    assert len({look.modes[mode] for mode in MODES}) == len(MODES)
    figure = plot_of(made_up, "deltas").figure()
    colours = [container.lines[0].get_color() for container in figure.axes[0].containers]
    assert colours == [look.colour(mode) for mode in MODES[1:]]
    figure = plot_of(made_up, "accuracy").figure()
    colours = [container.lines[0].get_color() for container in figure.axes[0].containers]
    assert colours == [look.colour(mode) for mode in MODES]


@pytest.mark.parametrize(
    ("facts", "look"),
    [
        (Facts(label="M", colour="#123456", marker="*"), ("#123456", "*")),
        (Facts(label="M"), None),
        (Facts(label="M", colour="no colour", marker="*"), None),
        (Facts(label="M", colour="#123456", marker="$x$"), None),
    ],
    ids=["said", "not said", "no colour", "no marker"],
)
def test_a_runs_own_mode_looks_as_its_manifest_says(facts: Facts, look: tuple[str, str] | None) -> None:
    """What can't be drawn, or isn't said, is one of the spare looks, which no mode of ours has."""
    looks = style.looks_of(comparison(["direct", "mine", "other"], tasks=["gsm8k"], facts={"mine": facts}))
    got = (looks.colour("mine"), looks.mark("mine"))
    assert got == look if look else got == (style._SPARE[0].colour, style._SPARE[0].mark)
    assert got != (looks.colour("other"), looks.mark("other"))


def test_a_tiny_arm_does_not_squash_the_others() -> None:
    made_up = comparison(["direct", "cot"])
    wide = [changed(d, n=2, low=-1.0, high=1.0) if (d.task, d.tag) == ("mmlu", SYMBOLIC) else d for d in made_up.deltas]
    figure = plot_of(replace(made_up, deltas=wide), "deltas").figure()
    low, high = figure.axes[1].get_xlim()
    assert high - low < 120
    assert len(marks(figure.axes[1], "<")) == len(marks(figure.axes[1], ">")) == 1
    assert any("Arrowheads" in text for text in texts(figure))


def test_a_second_baseline_has_its_own_file(tmp_path: Path) -> None:
    made_up = comparison(["direct", "cot", "pal"], tasks=["gsm8k"], baselines=["direct", "cot"])
    second = [changed(d, baseline="cot", delta=0.01) for d in made_up.deltas if d.mode == "pal"]
    drawn = plots.draw(replace(made_up, deltas=[*made_up.deltas, *second]), tmp_path)
    assert [one.stem for one in drawn][:2] == ["deltas", "deltas-vs-cot"]
    assert "+1.0" in drawn[1].alt and "against cot" in drawn[1].title


def test_groups_are_sorted_and_stand_beside_the_whole() -> None:
    made_up = comparison(["direct", "cot", "pal"])
    figure = plot_of(made_up, "groups-mmlu").figure()
    (axes,) = figure.axes
    assert len(ends(axes)) == 57
    values = {at: value for container in axes.containers for value, at in container.lines[0].get_xydata()}
    assert [values[at] for at in sorted(values)] == sorted(values.values(), reverse=True)
    filled = [len(c.lines[0].get_xdata()) for c in axes.containers if c.lines[0].get_markerfacecolor() != "white"]
    assert filled == [sum(row.p_holm == 0.001 for row in made_up.groups if row.mode == "cot")]
    assert any(line.get_xdata()[0] == pytest.approx(1.2) for line in axes.lines if line.get_linestyle() != "None")
    said = texts(figure)
    assert said.index("college_11") < said.index("high_school_subject_0") < said.index("all questions")
    assert {"+1.2", "14,042", "−0.2 to +2.6"} <= set(said) and "mmlu: cot − direct by subject or type (m)" in said
    check_texts(figure)


def test_of_many_groups_the_highest_and_lowest_are_shown() -> None:
    made_up = comparison(["direct", "cot"], tasks=["own"])
    many = [delta("own", "cot", ALL, 20, (at - 100) / 200, group=f"group {at:03}") for at in range(200)]
    none = [delta("own", "cot", ALL, 0, None, group="nobody")]
    figure = plot_of(replace(made_up, groups=[*many, *none]), "groups-own").figure()
    said = texts(figure)
    names = [text for text in said if text.startswith("group ")]
    assert (len(names), names[0], names[39], names[40]) == (80, "group 199", "group 160", "group 039")
    assert "… 120 between these …" in said
    assert any(
        "The 40 highest and the 40 lowest of 200. Without a pair of answers: 1." in " ".join(said[at : at + 2])
        for at in range(len(said))
    )
    check_texts(figure)


def test_shares_where_they_mean_something_and_words_where_not() -> None:
    made_up = comparison(["direct", "cot"])
    rows = [
        split("gsm8k", "cot", 0, 1319, None),
        split("math", "cot", 1974, 3026, 0.61, share_low=0.35, share_high=0.77),
        split(
            "mmlu", "cot", 407, 13635, 5.0, share_low=None, share_high=None, share_unclear="the total is too near zero"
        ),
        split("math", "cot", 3639, 1361, 0.82, rule="operators", default=False),
        split("logiqa", "cot", 100, 551, 0.2, delta_symbolic=0.1, delta_other=-0.2),
    ]
    made_up = replace(made_up, splits=rows)
    plot = plot_of(made_up, "share")
    figure = plot.figure()
    (axes,) = figure.axes
    assert ends(axes) == [(35.0, 77.0, 0.0), (10.0, 30.0, 1.0)]
    assert marks(axes, "s") == [(pytest.approx(39.48), 0.0), (pytest.approx(15.361, abs=1e-3), 1.0)]
    assert marks(axes, "^") == [(82.0, 0.0)]
    said = texts(figure)
    assert {"61%", "35 to 77", "39%", "20% (loss)", "15%", "share of the gain, rule operators"} <= set(said)
    assert "Without a share: gsm8k (one arm is empty); mmlu (total too near zero)." in " ".join(said)
    assert "math, cot: 61% of the gain (35 to 77) from 39% of the questions" in plot.alt
    check_texts(figure)
    assert "share" not in stems(replace(made_up, splits=[rows[0], rows[2]]))


def test_groups_of_a_few_questions_stand_last() -> None:
    """A group of two is at +100 or -100 by chance: on top of a list it would be what is read of it."""
    made_up = comparison(["direct", "cot"], tasks=["own"])
    rows = [
        delta("own", "cot", ALL, n, value, group=group)
        for group, n, value in (("two", 2, 1.0), ("ten", 10, -0.1), ("nine", 9, -1.0), ("many", 90, 0.2))
    ]
    figure = plot_of(replace(made_up, groups=rows), "groups-own").figure()
    names = [text for text in texts(figure) if text in {"two", "ten", "nine", "many", "fewer than 10 questions:"}]
    heights = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts if text.get_text() in names}
    order = ["many", "ten", "fewer than 10 questions:", "two", "nine"]
    assert sorted(heights, key=lambda name: heights[name]) == order
    check_texts(figure)
    many = [delta("own", "cot", ALL, 12, at / 100, group=f"large {at}") for at in range(80)]
    figure = plot_of(replace(made_up, groups=[*rows[:1], *many]), "groups-own").figure()
    assert "two" not in texts(figure) and "1 with fewer than 10 questions" in " ".join(texts(figure))
    figure = plot_of(replace(made_up, groups=[rows[0], rows[2]]), "groups-own").figure()
    assert {"two", "nine"} <= set(texts(figure)) and "fewer than 10 questions:" not in texts(figure)


def test_marks_at_the_ends_of_a_scale_are_whole() -> None:
    made_up = comparison(["direct", "cot"], tasks=["own"])
    rows = [delta("own", "cot", ALL, 20, value, group=f"{value}") for value in (1.0, -1.0)]
    (axes,) = plot_of(replace(made_up, groups=rows), "groups-own").figure().axes
    low, high = axes.get_xlim()
    assert low < -100 and high > 100
    assert all(not line.get_clip_on() for line in axes.lines if line.get_marker() not in ("None", "", None))


# --- panels -------------------------------------------------------------------------------------------------------


def test_accuracy_has_a_panel_for_each_task() -> None:
    made_up = comparison(models=("org/one", "org/two"))
    figure = plot_of(made_up, "accuracy").figure()
    assert len(figure.axes) == 4
    assert len(ends(figure.axes[0])) == 14
    assert {"gsm8k (n = 1,319)", "mmlu (n = 14,042)", "one", "two", "accuracy, %"} <= set(texts(figure))
    assert len({container.lines[0].get_marker() for container in figure.axes[0].containers}) == 2
    check_texts(figure)


def test_cost_draws_the_front_and_the_policies() -> None:
    made_up = comparison(["direct", "cot", "self-consistency"], tasks=["gsm8k"])
    (axes,) = plot_of(made_up, "cost").figure().axes
    assert axes.get_xscale() == "log"
    assert "Pareto front: none is both cheaper and better" in texts(axes.figure)
    front = next(line for line in axes.lines if line.get_drawstyle() == "steps-post")
    assert list(front.get_xdata()) == [6.0, 180.0]  # more votes cost more and are no better here
    assert list(front.get_ydata()) == pytest.approx([20.0, 84.0])
    assert marks(axes, "*") == [(90.0, pytest.approx(90.4))]
    assert (60.0, pytest.approx(39.2)) in marks(axes, "o") and (170.0, pytest.approx(25.0)) in marks(axes, "D")
    said = texts(axes.figure)
    assert all(
        said.count(mode) == 1 for mode in ("direct", "cot", "self-consistency")
    )  # beside the point or in the key
    near = [changed(row, mean_completion_tokens=10.0 + at) for at, row in enumerate(made_up.modes)]
    (axes,) = plot_of(replace(made_up, modes=near, policies=[]), "cost").figure().axes
    assert axes.get_xscale() == "linear"


def test_models_are_compared_in_one_panel_of_the_cost() -> None:
    made_up = comparison(["direct", "cot"], models=("org/one", "org/two"), tasks=["gsm8k", "math"])
    figure = plot_of(made_up, "cost").figure()
    assert len(figure.axes) == 2 and {"gsm8k (n = 1,319)", "one", "two", "direct", "cot"} <= set(texts(figure))
    (axes, other) = figure.axes
    assert len(axes.containers) == 4 and axes.get_xlim() == other.get_xlim()
    seen = {(c.lines[0].get_marker(), c.lines[0].get_markerfacecolor()) for c in axes.containers}
    assert len(seen) == 4  # modes differ in their marks, models in how these are filled: colour isn't all there is
    many = comparison(["direct", "cot"], models=tuple("abcde"), tasks=["gsm8k"])
    panels = plot_of(many, "cost").figure().axes
    assert len(panels) == 5 and len({(panel.get_xlim(), panel.get_ylim()) for panel in panels}) == 1


def test_tokens_may_be_zero_or_unknown() -> None:
    made_up = comparison(["direct", "cot"], tasks=["gsm8k"], policies=[])
    nothing = [changed(row, mean_completion_tokens=None) for row in made_up.modes]
    assert "cost" not in stems(replace(made_up, modes=nothing))
    half = [changed(made_up.modes[0], mean_completion_tokens=None), made_up.modes[1]]
    figure = plot_of(replace(made_up, modes=half), "cost").figure()
    assert any("Tokens unknown in part: direct." in text for text in texts(figure))
    zero = [changed(made_up.modes[0], mean_completion_tokens=0.0), made_up.modes[1]]
    (axes,) = plot_of(replace(made_up, modes=zero), "cost").figure().axes
    assert axes.get_xscale() == "linear"
    none = [changed(row, mean_completion_tokens=0.0) for row in zero]
    check_texts(plot_of(replace(made_up, modes=none, deltas=[]), "cost").figure())


def test_votes_by_k() -> None:
    made_up = comparison(["direct", "self-consistency", "pal"], tasks=["gsm8k"])
    figure = plot_of(made_up, "votes").figure()
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["maj self-consistency"].get_xdata()) == [1, 2, 4, 8, 16, 20]
    assert lines["pass pal"].get_linestyle() == ":"
    assert axes.get_xscale() == "log"
    assert list(axes.get_xticks()) == [1, 2, 4, 8, 16, 20]
    check_texts(figure)
    one = [replace(row, n=1, k=1) for row in made_up.curves if row.k == 1]
    assert "votes" not in stems(replace(made_up, curves=one))


def test_outcomes_add_up_in_the_order_of_the_field() -> None:
    made_up = comparison()
    figure = plot_of(made_up, "outcomes").figure()
    axes = figure.axes[0]
    names = [container.get_label() for container in axes.containers]
    assert names == ["correct", "wrong", "unparsed", "truncated", "no_program"]
    ends_at = [max(patch.get_x() + patch.get_width() for patch in container) for container in axes.containers]
    assert max(ends_at) == pytest.approx(100)
    assert "no program" in texts(figure) and not any("at most" in text for text in texts(figure))
    check_texts(figure)


def test_all_outcomes_look_different() -> None:
    assert set(outcomes._OUTCOMES) == set(Outcome)
    assert len(set(outcomes._OUTCOMES.values())) == len(Outcome)


# --- layouts and colours ------------------------------------------------------------------------------------------

ARMS = (
    "direct@answer=begun",
    "cot",
    "cot@prompt=brief",
    "cot@temperature=0.7",
    *(f"think@budget={budget}" for budget in (0, 256, 1024, 4096)),
    "self-consistency@prompt=brief@paths=40",
    "pal",
    "plan-solver",
    "free",
)


def _flat() -> Comparison:
    """All differences are nothing, without any doubt."""
    made_up = comparison(["direct", "cot", "pal"])
    nothing = {"delta": 0.0, "low": 0.0, "high": 0.0}
    rows = [changed(row, **nothing) if row.n else row for row in made_up.deltas]
    return replace(made_up, deltas=rows, groups=[changed(row, **nothing) for row in made_up.groups])


def _extreme() -> Comparison:
    """Five questions, and differences as large as there can be."""
    own = {"tasks": ["mine"]}
    sides = ((ALL, 5, 1.0, 0.1, 1.0), (SYMBOLIC, 3, 1.0, -0.3, 1.0), (OTHER, 2, -1.0, -1.0, 0.6))
    return replace(
        comparison(["direct", "cot"], **own),
        deltas=[delta("mine", "cot", tag, n, value, low=low, high=high) for tag, n, value, low, high in sides],
        modes=[stats("mine", "direct", 5, 0.0), stats("mine", "cot", 5, 1.0)],
        groups=[delta("mine", "cot", ALL, n, value, group=g) for g, n, value in (("a", 2, 1.0), ("b", 3, -1.0))],
        splits=[],
    )


def _unknown() -> Comparison:
    """Nothing can be estimated."""
    rows = [delta(task, "cot", tag, 0, None) for task in ("gsm8k", "math") for tag in (ALL, SYMBOLIC, OTHER)]
    return replace(comparison(["direct", "cot"]), deltas=rows, groups=[], splits=[], policies=[])


CASES: Mapping[str, Any] = {
    "a pair": lambda: comparison(["direct", "cot"]),
    "seven modes, stub": lambda: comparison(stub=True),
    "an arm alone": lambda: comparison(["cot"], tasks=["gsm8k"]),
    "twelve arms": lambda: comparison(ARMS),
    "two models": lambda: comparison(["direct", "cot"], models=("org/Llama-3.1-8B-Instruct", "org/Qwen3-8B")),
    "four models": lambda: comparison(["direct", "cot", "pal"], models=("a", "b/c", "d-7B-Instruct", "e"), tasks=["x"]),
    "no difference": _flat,
    "five questions": _extreme,
    "nothing known": _unknown,
}


@pytest.mark.parametrize("layout", [style.WIDE, style.NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("case", CASES)
def test_all_texts_can_be_read_in_both_layouts(case: str, layout: style.Layout) -> None:
    for plot in plots.plots_of(CASES[case]()):
        with style.laid_out(layout):
            figure = plot.figure()
        assert figure.get_figwidth() == layout.width
        check_texts(figure)


def test_a_telephone_shows_texts_of_nine_pixels() -> None:
    shown = 340  # pixels, of 400, that margins leave for a figure at the least
    assert style.SMALL * shown / (72 * style.NARROW.width) >= 9
    assert style.SMALL * 868 / (72 * style.WIDE.width) >= 9  # of 900


def test_texts_are_drawn_where_matplotlib_would_put_them() -> None:
    """Ours skip its layout; within a point and a half, ink is where its layout puts it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    found = []
    for kind in (style._Line, Text):
        for weight in ("normal", "bold"):
            figure = Figure(figsize=(3, 1), dpi=100)
            for at, (ha, va) in enumerate((("left", "top"), ("center", "center"), ("right", "center_baseline"))):
                figure.add_artist(kind(0.5, 0.8 - 0.3 * at, "+45.2 mmlu", ha=ha, va=va, fontsize=9, weight=weight))
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            ink = [i for i, row in enumerate(canvas.buffer_rgba().tolist()) if any(pixel[0] < 128 for pixel in row)]
            columns = [i for row in canvas.buffer_rgba().tolist() for i, pixel in enumerate(row) if pixel[0] < 128]
            found.append((min(ink), max(ink), min(columns), max(columns)))
    for ours, theirs in zip(found[:2], found[2:], strict=True):
        assert ours == pytest.approx(theirs, abs=2.1)


def test_ticks_are_round_and_do_not_touch() -> None:
    from cotbench.report.plots.forest import round_ticks

    assert round_ticks(-8, 75, 1.3) == [0, 20, 40, 60]
    assert round_ticks(-104, 104, 1.1) == [-100, 0, 100]
    assert round_ticks(-0.4, 0.4, 3) == pytest.approx([-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4], abs=1e-9)
    for width in (0.4, 0.7, 1.0, 2.0, 5.0):
        for low, high in ((-100, 100), (-3, 97), (0, 5), (-40, 2)):
            ticks = round_ticks(low, high, width)
            if len(ticks) > 1:
                room = (ticks[1] - ticks[0]) / (high - low) * width
                assert room > style.widest([style.signed(tick) for tick in ticks], style.SMALL)


def _colours(svg: str) -> set[str]:
    return set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg))


def test_an_svg_goes_dark_by_its_own_rules_and_stays_light_without_them(tmp_path: Path) -> None:
    drawn = plots.draw(comparison(["direct", "cot", "self-consistency"]), tmp_path)
    for one in drawn:
        for stem in (one.stem, one.narrow):
            svg = (tmp_path / f"{stem}.svg").read_text()
            rules, _, rest = svg.partition("</style>")
            assert rules.count("@media screen and (prefers-color-scheme: dark)") == 1
            assert "#14171b" not in rest and "fill: #ffffff" in rest
            for colour in _colours(rest):
                dark = colours.in_the_dark(colour)
                assert dark == colour or f'[style*="fill: {colour}"]{{fill:{dark}!important}}' in rules


def test_lines_marks_and_texts_have_contrast_on_both_grounds() -> None:
    look = style.looks_of(comparison(list(dict.fromkeys(["direct", *TABLE, *ARMS])), tasks=["gsm8k"]))
    for colour in {of.colour for of in look.modes.values()} | {style.FAINT, style.GREY, style.INK, style.WARNING}:
        least = 4.5 if colour in (style.GREY, style.INK, style.WARNING) else 3.0
        assert colours.contrast(colour.lower(), "#ffffff") >= least - 0.02, colour
        assert colours.contrast(colours.in_the_dark(colour.lower()), colours.GROUND) >= least - 0.02, colour


# --- files --------------------------------------------------------------------------------------------------------


def check_files(folder: Path, drawn: Sequence[plots.Drawn]) -> None:
    names = {f"{d.stem}.{suffix}" for d in drawn for suffix in ("png", "svg")}
    assert {path.name for path in folder.iterdir()} == names | {f"{d.narrow}.svg" for d in drawn}
    for one in drawn:
        content = (folder / f"{one.stem}.png").read_bytes()
        assert content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82")
        width, height = struct.unpack(">II", content[16:24])
        assert width == 1203 and height > 100
        for stem, inches in ((one.stem, style.WIDE.width), (one.narrow, style.NARROW.width)):
            root = ET.fromstring((folder / f"{stem}.svg").read_bytes())
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert float(root.attrib["viewBox"].split()[2]) == pytest.approx(72 * inches)
        assert one.section in KEYS and one.title and one.alt


def test_files_are_the_same_each_time_and_none_of_an_earlier_report_goes(tmp_path: Path) -> None:
    made_up = comparison(["direct", "cot", "self-consistency"], tasks=["gsm8k", "math", "mmlu"], stub=True)
    drawn = plots.draw(made_up, tmp_path)
    assert [one.stem for one in drawn] == ["deltas", "accuracy", "share", "groups-mmlu", "cost", "votes", "outcomes"]
    check_files(tmp_path, drawn)
    assert all(style.STUB_TITLE in (tmp_path / f"{one.stem}.svg").read_text() for one in drawn)
    assert all(one.alt.startswith("STUB") for one in drawn)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert plots.draw(made_up, tmp_path) == drawn
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    foreign = [tmp_path / name for name in ("groups-mine.png", "votes.txt", "mine.svg", "other")]
    for path in foreign[:3]:
        path.write_bytes(b"<svg/>")
    foreign[3].mkdir()
    fewer = comparison(["direct"], tasks=["gsm8k"])
    assert [one.stem for one in plots.draw(fewer, tmp_path)] == ["accuracy", "cost", "outcomes"]
    kinds = (".png", ".svg", "-narrow.svg")
    own = {f"{stem}{kind}" for stem in ("accuracy", "cost", "outcomes") for kind in kinds}
    assert {path.name for path in tmp_path.iterdir()} == set(before) | {path.name for path in foreign}
    assert {path.name for path in others(tmp_path, own)} == set(before) - own, "ours, and not of this report"


def test_alternative_texts_hold_the_figures(tmp_path: Path) -> None:
    made_up = comparison(["direct", "cot", "self-consistency"])
    alts = {one.stem: one.alt for one in plots.draw(made_up, tmp_path)}
    assert "gsm8k, cot: all questions +64.0" in alts["deltas"] and "(all 1,319 are non-symbolic)" in alts["deltas"]
    assert "mmlu, cot: all questions +1.2" in alts["deltas"] and "symbolic +18.0" in alts["deltas"]
    assert "gsm8k, direct 20.0" in alts["accuracy"] and "n = 1,319" in alts["accuracy"]
    assert "All questions +1.2" in alts["groups-mmlu"] and "Highest: college_11 +12.4" in alts["groups-mmlu"]
    assert "gsm8k, cot 84.0% at 180 tokens" in alts["cost"]
    assert "maj@20" in alts["votes"] and "unparsed" in alts["outcomes"]


HOSTILE = [
    "$x^2$ and $",
    "_under_",
    r"back\slash \frac{1}{2}",
    "<script>&amp;\"'",
    "control\x00\x1b[31m\x07 and\nnewline\u202e",
    "模型-七号",
    "\udcff lone",
    "../../up",
    "",
    "w" * 300,
]


@pytest.mark.parametrize(("name", "other"), list(zip(HOSTILE[::2], HOSTILE[1::2], strict=True)))
def test_names_that_are_hard_to_draw(name: str, other: str, tmp_path: Path) -> None:
    made_up = comparison(["direct", name, other], models=(other, name + "2"), tasks=[name, other])
    made_up = replace(
        made_up,
        groups=[replace(row, group=(name, other)[at % 2] + row.group) for at, row in enumerate(made_up.groups[:4])],
        tag_rule=name,
        outcomes=made_up.outcomes[:3],
    )
    drawn = plots.draw(made_up, tmp_path / "report")
    check_files(tmp_path / "report", drawn)
    for one in drawn:
        assert all(char.isprintable() for char in one.title + one.alt)
        one.alt.encode()


def test_names_that_fall_together_have_files_of_their_own(tmp_path: Path) -> None:
    made_up = comparison(["direct", "cot"], tasks=["Task", "own task", "task"])
    rows = [delta(task, "cot", ALL, 9, 0.1, group=g) for task in ("Task", "task") for g in "ab"]
    stems = [one.stem for one in plots.draw(replace(made_up, groups=rows), tmp_path)]
    assert "groups-task" in stems and "groups-task-2" in stems


def test_long_names_do_not_overlap() -> None:
    long = [f"{at} a name of a mode with 40 characters...." for at in range(7)]
    made_up = comparison(
        long,
        models=["org/" + "a model with a name of 40 characters, no " + c for c in "12"],
        tasks=[f"task {at} with a name of 40 characters, or so" for at in range(4)],
    )
    for stem in ("deltas", "accuracy", "share", "cost", "outcomes"):
        for layout in (style.WIDE, style.NARROW):
            with style.laid_out(layout):
                check_texts(plot_of(made_up, stem).figure())


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_question(value: float, tmp_path: Path) -> None:
    made_up = comparison(["direct", "cot"], tasks=["gsm8k"])
    made_up = replace(
        made_up,
        modes=[stats("gsm8k", "direct", 1, 0.0), stats("gsm8k", "cot", 1, value)],
        deltas=[
            delta("gsm8k", "cot", ALL, 1, value, low=None, high=None),
            delta("gsm8k", "cot", SYMBOLIC, 0, None),
            delta("gsm8k", "cot", OTHER, 1, value, low=-1.0, high=1.0),
        ],
        groups=[],
        splits=[],
        policies=[],
        outcomes=[made(Outcomes, model="m", task="gsm8k", mode="cot", counts={"correct": 1}, programs={})],
    )
    drawn = plots.draw(made_up, tmp_path)
    assert [one.stem for one in drawn] == ["deltas", "accuracy", "cost", "outcomes"]
    check_files(tmp_path, drawn)


def test_nothing_at_all(tmp_path: Path) -> None:
    empty = Comparison(runs=[], baselines=["direct"], modes=[], deltas=[])
    assert plots.draw(empty, tmp_path) == []
    unknown = replace(
        empty,
        modes=[stats("t", mode, 0, None, mean_completion_tokens=None) for mode in ("direct", "cot")],
        deltas=[delta("t", "cot", tag, 0, None) for tag in (ALL, SYMBOLIC, OTHER)],
        groups=[delta("t", "cot", ALL, 0, None, group="g")],
        splits=[split("t", "cot", 0, 0, None, share_unclear="no questions")],
        outcomes=[made(Outcomes, model="m", task="t", mode="cot", counts={}, programs={})],
    )
    assert [one.stem for one in plots.draw(unknown, tmp_path)] == ["deltas"]
    check_files(tmp_path, plots.draw(unknown, tmp_path))


def test_a_users_settings_do_not_show(tmp_path: Path) -> None:
    import matplotlib as mpl

    made_up = comparison(["direct", "cot"], tasks=["gsm8k"], groups=[], splits=[])
    plots.draw(made_up, tmp_path / "one")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "figure.constrained_layout.use": True}):
        plots.draw(made_up, tmp_path / "two")
        assert mpl.rcParams["font.size"] == 30
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
