"""Budget curves and thinking x prompt: records by hand, whose figures are worked out by hand or by plain SciPy."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from matplotlib.collections import PolyCollection
from msgspec import structs
from scipy import optimize
from scipy import stats as scipy_stats
from test_stats import _score_by_brute_force, brute_cr2

from cotbench.analysis import bounded, stats
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.curve import Point
from cotbench.analysis.factorial import Effect
from cotbench.analysis.pairing import load_run
from cotbench.report import budgets, factorial, plots
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.store.manifest import read_manifest
from cotbench.types import Question

GREEDY = {"temperature": 0.0, "top_p": 1.0}
CARD = {"temperature": 0.6, "top_p": 0.95}


def arm(outcomes: str, prompt: str = "free", thinks: str = "off", **given: Any) -> dict[str, Any]:
    """An arm: c right, w wrong, e failed, a letter a question. thought: tokens of each, or one number for all."""
    return {"outcomes": outcomes, "prompt": prompt, "thinks": thinks, "mode": "", "settings": {}, **given}


def on(outcomes: str, mode: str = "think", **settings: Any) -> dict[str, Any]:
    """An arm of a mode whose prompt is free's, which thinks. Other keys than those of an arm are its settings."""
    own = {key: settings.pop(key) for key in ("prompt", "sampling", "thought", "thinks", "votes") if key in settings}
    return arm(outcomes, **{"thinks": "on", **own}, mode=mode if settings else "", settings=settings)


def compared(folder: Path, arms: Mapping[str, Mapping[str, Any]], clusters: Sequence[str] = ()) -> Comparison:
    """Compare the arms of a run that is written for it."""
    count = max(len(one["outcomes"]) for one in arms.values())
    named = clusters or [""] * count
    questions = [Question(id=f"t-{i:04}", task="t", text=f"Question {i}?", cluster=named[i]) for i in range(count)]
    words = {"c": "correct", "w": "wrong", "e": "engine_error"}
    records = []
    for mode, one in arms.items():
        thought = one.get("thought", 0)
        tokens = [thought] * count if thought is None or isinstance(thought, int) else thought
        for question, letter, spent in zip(questions, one["outcomes"], tokens, strict=True):
            answered = {"c": "1", "w": "2"}.get(letter)
            row = make_record(
                question=question.id, task="t", mode=mode, outcome=words[letter], answer=answered, gold="1",
                rule="contract" if answered else "", completion_tokens=5 + (spent or 0), reasoning_tokens=spent,
                votes=one.get("votes"),
            )  # fmt: skip
            records.append(row)
    write_run(folder, questions, records)
    manifest = read_manifest(folder)
    facts = {}
    for mode, one in arms.items():
        entry = {"prompt": one["prompt"], "sampling": {"max_tokens": 99, **one.get("sampling", GREEDY)}}
        manifest.spec_row["modes"][f"t/{mode}"] = entry
        facts[mode] = {key: one[key] for key in ("thinks", "mode", "settings") if one[key]}
    structs.replace(manifest, modes=facts).write(folder)
    return compare([load_run(folder)])


def by_level(comparison: Comparison, curve: str = "think") -> dict[str, Point]:
    return {point.level: point for point in comparison.points if point.curve == curve}


def tango_low(helped: int, hurt: int, n: int) -> float:
    """The lower end of Tango's interval, by another way to find a root of the score."""
    z = scipy_stats.norm.ppf(0.975)
    value = (helped - hurt) / n

    def excess(delta: float) -> float:
        return float(_score_by_brute_force(delta, helped, hurt, n)) - z

    return float(optimize.brentq(excess, -0.999, value - 1e-9, xtol=1e-10))


# --- curves -------------------------------------------------------------------------------------------------------

TEN = {
    "free": arm("ccwwwwwwww"),
    "think@budget=0": on("ccwwwwwwww", budget=0),
    "think@budget=16": on("wcccwwwwww", budget=16, thought=[16] * 7 + [9, 12, 20]),
    "think@budget=64": on("cccccccwww", budget=64, thought=[64, 64, 30, 30, 30, 30, 30, 30, 30, 30]),
    "think": on("ccccccccww", thought=40),
}


def test_a_curve_goes_from_no_thinking_over_its_budgets_to_no_limit(tmp_path: Path) -> None:
    points = compared(tmp_path / "r", TEN).points
    assert [point.level for point in points] == ["off", "0", "16", "64", "no limit"]
    assert [point.value for point in points] == [None, 0, 16, 64, None]
    assert [point.accuracy.value for point in points] == [0.2, 0.2, 0.3, 0.7, 0.8]
    assert {(point.start, point.largest, point.setting, point.n) for point in points} == {
        ("free", "think", "budget", 10)
    }
    # Under 16: question 0 lost, 2 and 3 won against free; against think, 0 and 4 to 7 lost.
    assert [point.from_start.value for point in points] == [None, 0.0, pytest.approx(0.1), 0.5, pytest.approx(0.6)]
    against = [-0.6, -0.6, -0.5, pytest.approx(-0.1), None]
    assert [point.from_largest.value for point in points] == [
        pytest.approx(value) if isinstance(value, float) else value for value in against
    ]
    assert points[2].from_start.low == pytest.approx(stats.tango(2, 1, 10)[0])


def test_a_curve_tells_tokens_and_how_many_thoughts_kept_to_their_budget(tmp_path: Path) -> None:
    level = by_level(compared(tmp_path / "r", TEN))
    assert (level["16"].thought, level["16"].spent) == (pytest.approx(15.3), pytest.approx(20.3))
    assert (level["16"].kept, level["16"].reached, level["16"].counted) == (0.9, 0.8, 10)  # 20 is more than 16
    assert (level["64"].kept, level["64"].reached) == (1.0, 0.2)
    assert (level["0"].kept, level["0"].reached) == (1.0, 1.0)
    assert level["no limit"].kept is level["off"].kept is None


def test_where_tokens_of_thought_are_not_known_nothing_is_said_of_keeping(tmp_path: Path) -> None:
    arms = TEN | {"think@budget=16": on("wcccwwwwww", budget=16, thought=[16, 20, None, None, 8, *[None] * 5])}
    point = by_level(compared(tmp_path / "r", arms))["16"]
    assert (point.counted, point.kept) == (3, pytest.approx(2 / 3))
    voted = {
        "answers": [{"answer": "1", "votes": 2, "outcome": "correct"}],
        "ballots": [0, 0],
        "abstained": {},
        "margin": 2,
    }
    several = TEN | {"think@budget=16": on("wcccwwwwww", budget=16, thought=20, votes=voted)}
    point = by_level(compared(tmp_path / "s", several))["16"]
    assert (point.counted, point.kept, point.reached) == (0, None, None)


def test_a_curve_without_an_arm_that_does_not_think_starts_at_its_smallest_budget(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", {name: one for name, one in TEN.items() if name != "free"})
    assert {point.start for point in comparison.points} == {"think@budget=0"}
    other_prompt = TEN | {"free": arm("ccwwwwwwww", prompt="another")}
    assert {point.start for point in compared(tmp_path / "s", other_prompt).points} == {"think@budget=0"}


def test_of_arms_that_do_not_think_the_one_that_is_drawn_alike_is_the_start(tmp_path: Path) -> None:
    arms = {
        "free": arm("ccwwwwwwww"),
        "free@sampling=card": arm("cccwwwwwww", sampling=CARD, mode="free", settings={"sampling": "card"}),
        "think@budget=8": on("ccccwwwwww", budget=8, sampling=CARD | {"thinking_budget": 8}),
        "think@budget=64": on("cccccwwwww", budget=64, sampling=CARD | {"thinking_budget": 64}),
    }
    assert {point.start for point in compared(tmp_path / "r", arms).points} == {"free@sampling=card"}


def test_failed_requests_are_in_no_pair_of_a_curve(tmp_path: Path) -> None:
    arms = TEN | {"think@budget=64": on("eccccccwww", budget=64)}
    point = by_level(compared(tmp_path / "r", arms))["64"]
    assert (point.n, point.n_start, point.n_largest) == (9, 9, 9)
    assert point.from_largest.value == pytest.approx(-1 / 9)


def test_two_budgets_make_a_curve_and_two_temperatures_are_a_pair(tmp_path: Path) -> None:
    two = {name: TEN[name] for name in ("think@budget=16", "think@budget=64")}
    assert len(compared(tmp_path / "a", two).points) == 2
    warm = {
        f"cot@temperature={value:g}": arm("ccww", "cot", sampling={"temperature": value}, mode="cot",
                                          settings={"temperature": value})
        for value in (0.5, 1.0)
    }  # fmt: skip
    assert not compared(tmp_path / "b", warm).points
    with_greedy = {"cot": arm("cccw", "cot"), **warm}
    points = compared(tmp_path / "c", with_greedy).points
    assert [(point.level, point.mode, point.start) for point in points] == [
        ("0", "cot", "cot"), ("0.5", "cot@temperature=0.5", "cot"), ("1", "cot@temperature=1", "cot"),
    ]  # fmt: skip
    assert {(point.not_worse, point.chosen) for point in points} == {(None, False)}


def test_arms_that_differ_in_more_are_on_curves_of_their_own(tmp_path: Path) -> None:
    more = {
        "cot": arm("cccccwwwww", "cot"),
        "cot@think=on@budget=8": on("ccccccwwww", "cot", think="on", budget=8, prompt="cot"),
        "cot@think=on@budget=64": on("cccccccwww", "cot", think="on", budget=64, prompt="cot"),
    }
    comparison = compared(tmp_path / "r", TEN | more)
    assert {point.curve for point in comparison.points} == {"think", "cot@think=on"}
    assert [point.mode for point in by_level(comparison, "cot@think=on").values()] == list(more)


# --- which budget is enough ---------------------------------------------------------------------------------------


def against_largest(helped: int, hurt: int, n: int = 600) -> str:
    """Outcomes of an arm, where the largest budget is right on the first half of the questions."""
    half = n // 2
    return "w" * hurt + "c" * (half - hurt) + "c" * helped + "w" * (half - helped)


def enough(folder: Path, **pairs: tuple[int, int]) -> dict[str, Point]:
    arms = {
        f"think@budget={name[1:]}": on(against_largest(*pair), budget=int(name[1:])) for name, pair in pairs.items()
    }
    return by_level(compared(folder, {"free": arm("w" * 600), **arms, "think": on(against_largest(0, 0))}))


def test_the_smallest_budget_that_is_not_worse_is_told_by_the_lower_end_of_its_paired_interval(tmp_path: Path) -> None:
    assert tango_low(2, 4, 600) > -0.02 > tango_low(2, 8, 600)
    level = enough(tmp_path / "r", b8=(0, 200), b16=(2, 8), b32=(2, 4))
    assert level["32"].from_largest.low == pytest.approx(tango_low(2, 4, 600), abs=1e-7)
    assert level["16"].from_largest.low == pytest.approx(tango_low(2, 8, 600), abs=1e-7)
    assert {name: point.not_worse for name, point in level.items()} == {
        "off": None, "8": False, "16": False, "32": True, "no limit": None,
    }  # fmt: skip
    assert [name for name, point in level.items() if point.chosen] == ["32"]
    assert {point.margin for point in level.values()} == {0.02}


def test_values_are_tried_from_the_largest_down_and_the_first_that_is_not_shown_ends_it(tmp_path: Path) -> None:
    level = enough(tmp_path / "r", b8=(2, 4), b16=(2, 8), b32=(2, 4))
    assert (level["8"].not_worse, level["16"].not_worse, level["32"].not_worse) == (True, False, True)
    assert [name for name, point in level.items() if point.chosen] == ["32"]


def test_how_many_questions_would_show_it_is_told_only_where_no_difference_is_known(tmp_path: Path) -> None:
    level = enough(tmp_path / "r", b8=(0, 200), b16=(5, 8), b32=(0, 0))
    differences = np.r_[np.ones(5), -np.ones(8), np.zeros(587)]
    se = float(differences.std(ddof=1)) / math.sqrt(600)
    z = scipy_stats.norm.ppf(0.975) + scipy_stats.norm.ppf(0.8)
    assert level["16"].needed == math.ceil(600 * (z * se / 0.02) ** 2)
    assert level["8"].needed is None  # it is worse
    assert level["32"].needed == stats.least_pairs(0.02)


@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05])
def test_the_least_number_of_pairs_is_where_tangos_interval_of_equal_pairs_passes_the_margin(margin: float) -> None:
    least = stats.least_pairs(margin)
    assert stats.tango(0, 0, least)[0] > -margin >= stats.tango(0, 0, least - 1)[0]


# --- curves in words, tables and plots ----------------------------------------------------------------------------


def test_a_curve_in_words(tmp_path: Path) -> None:
    arms = {f"think@budget={at}": on(against_largest(*pair), budget=at, thought=at)
            for at, pair in {8: (0, 200), 32: (2, 4)}.items()}  # fmt: skip
    whole = {"free": arm("w" * 600), **arms, "think": on(against_largest(0, 0), thought=50)}
    [said] = budgets.sentences(compared(tmp_path / "r", whole))
    low, high = stats.tango(2, 4, 600)
    assert said.startswith(
        "think on t for m, by budget: 0.0% right without thinking (free), 50.0% with no limit (think)"
    )
    assert "a paired difference of +50.0 points (" in said
    ends = f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", "−")
    assert (
        f"The smallest budget shown to be not worse than no limit by more than 2 points is 32 (−0.3, {ends}), at 37.0 "
        "tokens a question against 55.0; 8 is worse (−33.3, "
    ) in said


def test_few_questions_are_said_to_be_too_few(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", TEN)
    [said] = budgets.sentences(comparison)
    assert "That it is not worse by more than 2 points is not shown for any smaller budget: 64 may be as good" in said
    assert "10 questions can't show it however alike the answers: it takes 189" in said
    assert said.endswith("; but only 90.0% of thoughts kept to 16 tokens.")
    assert said in headlines(comparison)


def test_the_table_of_a_curve(tmp_path: Path) -> None:
    table = next(one for one in sections(compared(tmp_path / "r", TEN)) if one.key == "budgets")
    assert table.header[:2] == ["task", "with"] and "against free" in table.header
    row = dict(zip(table.header, table.rows[2], strict=True))
    assert (row["with"], row["right %"], row["kept %"], row["used up %"]) == ("budget 16", "30.0", "90.0", "80.0")
    assert [one[list(table.header).index("not worse")] for one in table.rows] == [
        "–",
        "worse",
        "worse",
        "not shown",
        "the largest",
    ]
    assert "by more than 2 points" in table.about


def drawn(comparison: Comparison, stem: str) -> Any:
    return next(plot for plot in plots.plots_of(comparison) if plot.stem == stem)


def test_a_curve_is_drawn_with_its_band_its_start_and_the_budget_that_is_enough(tmp_path: Path) -> None:
    arms = {f"think@budget={at}": on(against_largest(*pair), budget=at)
            for at, pair in {0: (0, 290), 8: (0, 200), 32: (2, 4)}.items()}  # fmt: skip
    comparison = compared(tmp_path / "r", {"free": arm("w" * 597 + "ccc"), **arms, "think": on(against_largest(0, 0))})
    plot = drawn(comparison, "budgets")
    (axes,) = plot.figure().axes
    lines = {line.get_label(): line for line in axes.lines}
    x, y = lines["think"].get_xdata(), lines["think"].get_ydata()
    assert list(x[:3]) == [0, 8, 32] and x[3] > 32
    assert y == pytest.approx([100 * 10 / 600, 100 * 100 / 600, 100 * 298 / 600, 50.0])
    [ring] = [line for line in axes.lines if line.get_markersize() > 9]
    assert (list(ring.get_xdata()), ring.get_ydata()[0]) == ([32], pytest.approx(100 * 298 / 600))
    [start] = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert set(start.get_ydata()) == {0.5}
    [band] = [drawn for drawn in axes.collections if isinstance(drawn, PolyCollection)]
    low, high = stats.wilson(100, 600)
    corners = {(round(a, 6), round(b, 6)) for a, b in band.get_paths()[0].vertices}
    assert {(8, round(100 * low, 6)), (8, round(100 * high, 6))} <= corners
    assert axes.get_xscale() == "symlog"
    below = [text.get_text() for text in axes.texts if text.get_position()[1] < 0]
    assert [text for text in below if not text.startswith("tokens")] == ["0", "8", "32", "no limit"]
    assert "budget 32 49.7 (" in plot.alt and "smallest shown not to be worse" in plot.alt


def test_other_numbers_are_drawn_by_the_same_code_on_a_plain_scale(tmp_path: Path) -> None:
    warm = {
        f"cot@temperature={value:g}": arm("cw" * 5, "cot", sampling={"temperature": value}, mode="cot",
                                          settings={"temperature": value})
        for value in (0.5, 1.0)
    }  # fmt: skip
    plot = drawn(compared(tmp_path / "r", {"cot": arm("c" * 10, "cot"), **warm}), "curve-temperature")
    (axes,) = plot.figure().axes
    assert axes.get_xscale() == "linear" and "temperature" in [text.get_text() for text in axes.texts]
    assert list(next(line for line in axes.lines if line.get_label() == "cot").get_ydata()) == [100, 50, 50]


def test_without_a_curve_nothing_is_said_of_one(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", {"free": arm("cw"), "cot": arm("cc", "cot")})
    assert not comparison.points and not comparison.effects
    assert not {"budgets", "interaction"} & {table.key for table in sections(comparison)}
    assert not {plot.stem for plot in plots.plots_of(comparison)} & {"budgets"}


# --- thinking x prompt --------------------------------------------------------------------------------------------

# Right under: free 2, think 5, cot 6, cot@think=on 7 of 10.
FOUR = {
    "free": arm("ccwwwwwwww"),
    "cot": arm("cwcccccwww", "cot"),
    "think": on("cccccwwwww"),
    "cot@think=on": on("wccccccwcw", "cot", think="on", prompt="cot"),
}


def effects_of(comparison: Comparison) -> dict[tuple[str, str], Effect]:
    return {(effect.effect, effect.under): effect for effect in comparison.effects}


def test_simple_effects_and_interaction_by_hand(tmp_path: Path) -> None:
    effects = effects_of(compared(tmp_path / "r", FOUR))
    got = {place: (effect.difference.value, effect.helped, effect.hurt) for place, effect in effects.items()}
    assert got == {
        ("thinking", "free"): (pytest.approx(0.3), 3, 0),
        ("thinking", "cot"): (pytest.approx(0.1), 2, 1),
        ("prompt", "off"): (pytest.approx(0.4), 5, 1),
        ("prompt", "on"): (pytest.approx(0.2), 3, 1),
        ("interaction", ""): (pytest.approx(-0.2), None, None),
    }
    assert {(effect.first, effect.second, effect.thinking, effect.n) for effect in effects.values()} == {
        ("free", "cot", "on", 10)
    }
    assert effects["interaction", ""].arms == "(cot@think=on − cot) − (think − free)"
    simple = effects["thinking", "free"].difference
    assert (simple.low, simple.high) == pytest.approx(stats.tango(3, 0, 10))
    assert simple.p == pytest.approx(0.25)  # exact: 2 * (1/2)^3


def test_an_interaction_is_tested_on_each_questions_difference_of_differences(tmp_path: Path) -> None:
    between = effects_of(compared(tmp_path / "r", FOUR))["interaction", ""].difference
    # cot@think=on - cot: -1 1 0 0 0 0 0 0 1 0; think - free: 0 0 1 1 1 0 0 0 0 0
    each = np.array([-1, 1, -1, -1, -1, 0, 0, 0, 1, 0], dtype=float)
    # Six questions that differ by 1 each, two of them up: as far apart as that are all ways but 20 of 64.
    assert between.p == pytest.approx(44 / 64)
    expected = bounded.estimate(each)
    assert (between.value, between.low, between.high) == (pytest.approx(-0.2), expected.low, expected.high)


def test_with_clusters_an_interaction_is_clustered(tmp_path: Path) -> None:
    names = [f"c{i // 2}" for i in range(10)]
    between = effects_of(compared(tmp_path / "r", FOUR, clusters=names))["interaction", ""].difference
    each = np.array([-1, 1, -1, -1, -1, 0, 0, 0, 1, 0], dtype=float)
    value, variance, df = brute_cr2(np.ones((10, 1)), each, np.repeat(np.arange(5), 2), np.array([1.0]))
    reach = scipy_stats.t.ppf(0.975, df) * math.sqrt(variance)
    assert (between.value, between.low, between.high) == pytest.approx((value, value - reach, value + reach))
    assert between.p == pytest.approx(2 * scipy_stats.t.sf(abs(value) / math.sqrt(variance), df))


def test_all_effects_are_on_the_questions_that_all_four_arms_decided(tmp_path: Path) -> None:
    effects = effects_of(compared(tmp_path / "r", FOUR | {"cot": arm("ewcccccwww", "cot")}))
    assert {effect.n for effect in effects.values()} == {9}
    thinking, under_cot = (effects["thinking", prompt].difference.value for prompt in ("free", "cot"))
    assert thinking == pytest.approx(3 / 9) and under_cot == pytest.approx(2 / 9)
    assert effects["interaction", ""].difference.value == pytest.approx(-1 / 9)


def test_an_interaction_without_variance_keeps_a_width(tmp_path: Path) -> None:
    same = {name: one | {"outcomes": "cw" * 5} for name, one in FOUR.items()}
    got = effects_of(compared(tmp_path / "r", same))["interaction", ""].difference
    assert (got.value, got.p) == (0, 1.0)
    assert got.low is not None and got.high is not None
    assert got.low < -0.3 and got.high > 0.3


def test_of_arms_at_a_corner_those_are_taken_that_are_drawn_alike(tmp_path: Path) -> None:
    arms = FOUR | {
        "think": on("cccccwwwww", sampling=CARD),
        "free@sampling=card": arm("cwcwwwwwww", sampling=CARD, mode="free", settings={"sampling": "card"}),
    }
    comparison = compared(tmp_path / "r", arms)
    effects = effects_of(comparison)
    assert effects["thinking", "free"].arms == "think − free@sampling=card"
    unlike = effects["interaction", ""].unlike
    assert "temperature 0.6, top_p 0.95 (free@sampling=card, think)" in unlike and "(cot, cot@think=on)" in unlike
    assert unlike in factorial.sentences(comparison)[0]
    assert effects_of(compared(tmp_path / "s", FOUR))["interaction", ""].unlike == ""


def test_each_kind_of_thinking_that_two_prompts_share_is_a_square(tmp_path: Path) -> None:
    arms = FOUR | {
        "think@effort=low": on("cccwwwwwww", effort="low"),
        "cot@think=on@effort=low": on("cccccccwww", "cot", think="on", effort="low", prompt="cot"),
        "think@budget=8": on("cccwwwwwww", budget=8),
        "cot@prompt=brief": arm("ccccwwwwww", "brief", mode="cot", settings={"prompt": "brief"}),
        "cot@prompt=brief@think=on": on("cccccwwwww", "cot", think="on", prompt="brief") | {
            "settings": {"prompt": "brief", "think": "on"}
        },
        "free@max_tokens=9": arm("cwwwwwwwww", mode="free", settings={"max_tokens": 9}),
    }  # fmt: skip
    comparison = compared(tmp_path / "r", arms)
    assert {(effect.first, effect.second, effect.thinking) for effect in comparison.effects} == {
        ("free", "cot", "on"), ("free", "cot@prompt=brief", "on"), ("cot", "cot@prompt=brief", "on"),
        ("free", "cot", "effort low"),
    }  # fmt: skip
    assert comparison.effects[0].arms == "think − free"  # not the arm with less room
    assert len(factorial.sentences(comparison)) == 3  # the square without a limit for each two prompts


def test_p_is_corrected_over_interactions_and_over_simple_effects(tmp_path: Path) -> None:
    arms = FOUR | {
        "draft": arm("ccccccwwww", "draft"),
        "draft@think=on": on("cccccccccw", "draft", think="on", prompt="draft"),
    }
    effects = compared(tmp_path / "r", arms).effects
    assert len(effects) == 15
    for kind in (True, False):
        own = [effect for effect in effects if (effect.effect == "interaction") == kind]
        assert [effect.p_holm for effect in own] == pytest.approx(stats.holm([e.difference.p or 0.0 for e in own]))
        assert {effect.family for effect in own} == {len(own)}


def counted(a: int, b: int, c: int, d: int, n: int = 400) -> dict[str, dict[str, Any]]:
    """Four arms that are right on their first so many questions."""
    prompts = {"free": (a, "free", False), "cot": (b, "cot", False), "think": (c, "free", True),
               "cot@think=on": (d, "cot", True)}  # fmt: skip
    made = {}
    for name, (right, prompt, thinks) in prompts.items():
        outcomes = "c" * right + "w" * (n - right)
        settings = {"think": "on"} if name == "cot@think=on" else {}
        made[name] = on(outcomes, "cot", prompt=prompt, **settings) if thinks else arm(outcomes, prompt)
    return made


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        (
            (100, 148, 148, 160),  # 12 points, and 3 with the prompt
            ["thinking adds 12.0 points (", "without a request to reason (free), and adds 3.0 points (",
             "with a request to reason (cot). Thinking and cot together bring +15.0 points, 9.0 points less than the "
             "sum of what each brings alone (", "): one does a part of the work of the other."],
        ),
        ((100, 200, 200, 120), ["and costs 20.0 points (", "they bring less than the better of the two alone."]),
        ((100, 120, 120, 200), ["15.0 points more than the sum", "each brings more where the other is there."]),
        ((100, 120, 120, 140), ["which is the sum of what each brings alone", "no clear interaction."]),
        ((100, 100, 120, 120), ["and adds 5.0 points"]),
        ((100, 101, 102, 103), ["has no clear effect (+0.5 points, "]),
    ],
)  # fmt: skip
def test_thinking_x_prompt_in_words(tmp_path: Path, rights: tuple[int, int, int, int], said: list[str]) -> None:
    comparison = compared(tmp_path / "r", counted(*rights))
    [sentence] = factorial.sentences(comparison)
    assert sentence.startswith("Thinking x prompt for m on t (400 questions under four arms): thinking ")
    for part in said:
        assert part in sentence
    assert sentence in headlines(comparison)


def test_the_table_of_a_square(tmp_path: Path) -> None:
    table = next(one for one in sections(compared(tmp_path / "r", FOUR)) if one.key == "interaction")
    assert [row[1] for row in table.rows] == [
        "thinking under free", "thinking under cot", "cot instead of free, without thinking",
        "cot instead of free, with thinking", "interaction of thinking and cot",
    ]  # fmt: skip
    assert table.rows[-1][list(table.header).index("points")] == "−20.0"


# --- a whole run --------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_stub_run_ends_in_a_report_with_a_curve_and_a_square(tmp_path: Path, cli: Cli) -> None:
    arms = "free,cot,think,cot@think=on,think@budget=0|16|64"
    done = cli("run", "--model", "stub", "--task", "sample", "--mode", arms, "--output-dir", "out", cwd=tmp_path)
    assert done.code == 0, done.err
    [folder] = [path for path in (tmp_path / "out").iterdir() if path.is_dir()]
    done = cli("report", str(folder), cwd=tmp_path)
    assert done.code == 0, done.err
    assert "by budget: " in done.out and "Thinking x prompt for stub on sample" in done.out
    with (folder / "report" / "budgets.csv").open(encoding="utf-8") as file:
        rows = {row["level"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["off", "0", "16", "64", "no limit"]
    # The stub's thought has 18 tokens, so 16 closes all of them and 64 none.
    assert [(rows[at]["thought"], rows[at]["kept"], rows[at]["reached"]) for at in ("0", "16", "64")] == [
        ("0.0", "1.0", "1.0"), ("16.0", "1.0", "1.0"), ("18.0", "1.0", "0.0"),
    ]  # fmt: skip
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for at, mode in (("off", "free"), ("16", "think@budget=16"), ("no limit", "think")):
        own = [row["outcome"] == "correct" for row in records if row["mode"] == mode]
        assert float(rows[at]["accuracy"]) == pytest.approx(sum(own) / len(own))
    assert rows["64"]["from_largest"] == "0.0"  # the same thought, so the same answers
    report = folder / "report"
    assert (report / "budgets.png").is_file() and "Accuracy against a budget" in (report / "report.html").read_text()
    assert "](budgets.png)" in (report / "summary.md").read_text()
    with (report / "interaction.csv").open(encoding="utf-8") as file:
        assert [row["effect"] for row in csv.DictReader(file)] == ["thinking"] * 2 + ["prompt"] * 2 + ["interaction"]
    content = json.loads((report / "report.json").read_text())
    assert len(content["points"]) == 5 and len(content["effects"]) == 5
