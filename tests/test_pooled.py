"""Differences across tasks: every number once more by hand, which tasks are in which family, and what is said of it."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from scipy import stats as scipy_stats

from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.analysis.gates import FIGURES, check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.pooled import DIFFERENCE, QUESTION, TASK, Pooled
from cotbench.analysis.verdicts import HELPS, HIGHER, INCONCLUSIVE, NO_EFFECT, NOT_ESTIMABLE
from cotbench.errors import UsageError
from cotbench.report.plots import plots_of, settings
from cotbench.report.pooled import across_tasks, sentences
from cotbench.report.sections import sections
from cotbench.types import Question


@dataclass(frozen=True)
class Made:
    """A task made by hand: of n questions, how many CoT helped and hurt; every so many has a "=", 0 for none."""

    n: int
    helped: int
    hurt: int
    equals: int = 0
    choices: bool = False
    group: str = ""
    cut: int = 0  # of direct's answers, those that were cut
    text: str = ""


FOUR = {
    "gsm8k": Made(300, 120, 12),
    "math": Made(200, 90, 10, equals=2),
    "mmlu": Made(400, 30, 22, equals=10, choices=True, group="anatomy"),
    "logiqa": Made(100, 12, 11, choices=True),
}
SEVEN = FOUR | {
    "math500": Made(80, 30, 4, text="Another {} of"),
    "facts": Made(60, 5, 4, choices=True),
    "more": Made(90, 6, 7, choices=True),
}


def made_run(folder: Path, tasks: Mapping[str, Made], *, modes: Sequence[str] = ("direct", "cot")) -> Path:
    questions, records = [], []
    for task, made in tasks.items():
        for place in range(made.n):
            sign = f" if y = {place}" if made.equals and place % made.equals == 0 else ""
            text = (made.text or "The {} of").format(place) + f" {task}{sign}?"
            choices = ("one", "two") if made.choices else ()
            own = Question(id=f"{task}-{place:05}", task=task, text=text, choices=choices, group=made.group)
            questions.append(own)
            helped, hurt = place < made.helped, made.helped <= place < made.helped + made.hurt
            for mode in modes:
                right = (not helped if mode == "direct" else not hurt) and (helped or hurt or place % 2 == 0)
                cut = mode == "direct" and helped and place < made.cut
                outcome = "truncated" if cut else "correct" if right else "wrong"
                records.append(
                    make_record(
                        question=own.id, task=task, mode=mode, outcome=outcome, answer=None if cut else "1", gold="1",
                        truncated=cut, rule="contract", completion_tokens=4 if mode == "direct" else 40,
                    )
                )  # fmt: skip
    return write_run(folder, questions, records)


def compared(folder: Path, tasks: Mapping[str, Made], **how: object) -> Comparison:
    modes = how.pop("modes", ("direct", "cot"))
    return compare([load_run(made_run(folder, tasks, modes=modes))], **how)  # type: ignore[arg-type]


def row(comparison: Comparison, side: str, unit: str, rule: str = "", mode: str = "cot") -> Pooled:
    [found] = [r for r in comparison.pooled if (r.side, r.unit, r.rule, r.mode) == (side, unit, rule, mode)]
    return found


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compared(tmp_path_factory.mktemp("four") / "r", FOUR)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compared(tmp_path_factory.mktemp("seven") / "r", SEVEN)


# --- the numbers --------------------------------------------------------------------------------------------------


def differences_of(made: Made) -> np.ndarray:
    return np.repeat([1.0, -1.0, 0.0], [made.helped, made.hurt, made.n - made.helped - made.hurt])


@pytest.mark.parametrize(
    ("side", "tasks"),
    [(ALL, list(FOUR)), (SYMBOLIC, ["gsm8k", "math"]), (OTHER, ["mmlu", "logiqa"])],
)
def test_by_question_all_questions_of_all_tasks_count_alike(four: Comparison, side: str, tasks: list[str]) -> None:
    got = row(four, side, QUESTION)
    every = np.concatenate([differences_of(FOUR[task]) for task in tasks])
    assert (sorted(got.tasks), got.k, got.n) == (sorted(tasks), len(tasks), len(every))
    assert (got.helped, got.hurt) == (int((every > 0).sum()), int((every < 0).sum()))
    assert got.delta.value == pytest.approx(every.mean())
    # Stratified by task, which is what the textbook has: the variances within, by the squares of the shares.
    within = sum(
        (FOUR[task].n / len(every)) ** 2 * differences_of(FOUR[task]).var(ddof=1) / FOUR[task].n for task in tasks
    )
    assert got.delta.se == pytest.approx(math.sqrt(within))
    reach = 1.96 * math.sqrt(within)
    assert got.delta.low == pytest.approx(every.mean() - reach, abs=0.1 * reach)
    assert got.delta.high == pytest.approx(every.mean() + reach, abs=0.1 * reach)


def test_the_stratified_interval_holds_what_a_bootstrap_within_tasks_says(four: Comparison) -> None:
    rng, got = np.random.default_rng(0), row(four, ALL, QUESTION).delta
    parts = [differences_of(made) for made in FOUR.values()]
    drawn = [np.concatenate([rng.choice(part, len(part)) for part in parts]).mean() for _ in range(4000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (got.low, got.high) == (pytest.approx(low, abs=0.003), pytest.approx(high, abs=0.003))


def test_with_tasks_as_units_each_task_counts_alike(four: Comparison) -> None:
    got = row(four, ALL, TASK)
    values = np.array([differences_of(made).mean() for made in FOUR.values()])
    errors = np.array([differences_of(made).std(ddof=1) / math.sqrt(made.n) for made in FOUR.values()])
    assert got.delta.value == pytest.approx(values.mean())
    assert got.tau2 is not None
    se = math.sqrt(max(values.var(ddof=1) / 4, (errors**2 + got.tau2).sum() / 16))
    assert got.delta.se == pytest.approx(se)
    reach = scipy_stats.t.ppf(0.975, 3) * se
    assert (got.delta.low, got.delta.high) == pytest.approx((values.mean() - reach, values.mean() + reach))
    weights = 1 / (errors**2 + got.tau2)
    assert weights @ (values - weights @ values / weights.sum()) ** 2 == pytest.approx(3, rel=1e-6)
    assert got.weighted.value == pytest.approx(weights @ values / weights.sum())
    assert got.predicted.low is not None
    assert got.delta.low is not None
    assert got.predicted.low < got.delta.low


def test_a_family_of_two_tasks_is_no_sample_of_tasks(four: Comparison) -> None:
    for side in (SYMBOLIC, OTHER):
        got = row(four, side, TASK)
        assert (got.delta.value, got.delta.low, got.tau2, got.predicted.low) == (None, None, None, None)
        assert (got.verdict, got.why) == (NOT_ESTIMABLE, "fewer than 3 tasks")
    between = row(four, DIFFERENCE, TASK)
    assert (between.delta.value, between.unclear) == (None, "fewer than 3 tasks in a family")


def test_families_of_three_tasks_differ_with_tasks_as_units(seven: Comparison) -> None:
    first, other, between = (row(seven, side, TASK) for side in (SYMBOLIC, OTHER, DIFFERENCE))
    assert set(first.tasks) == {"gsm8k", "math", "math500"}
    assert set(other.tasks) == {"mmlu", "logiqa", "facts", "more"}
    assert first.delta.value is not None
    assert other.delta.value is not None
    assert between.delta.value == pytest.approx(first.delta.value - other.delta.value)
    assert between.delta.se == pytest.approx(math.hypot(first.delta.se or 0, other.delta.se or 0))
    assert between.verdict == HIGHER  # that the others are hurt by it would be said wrongly


def test_the_difference_of_families_by_question_is_that_of_two_means(four: Comparison) -> None:
    got = row(four, DIFFERENCE, QUESTION)
    first, other = (row(four, side, QUESTION).delta for side in (SYMBOLIC, OTHER))
    assert first.value is not None
    assert other.value is not None
    assert got.delta.value == pytest.approx(first.value - other.value)
    assert got.delta.se == pytest.approx(math.hypot(first.se or 0, other.se or 0))
    gains = [500 * first.value, 500 * other.value]
    assert got.share.value == pytest.approx(gains[0] / sum(gains))
    assert got.share.low is not None
    assert got.share.high is not None
    assert got.share.low < gains[0] / sum(gains) < got.share.high


@pytest.mark.parametrize("rule", ["eq_question", "subject"])
def test_sides_of_a_tag_are_of_all_questions_of_all_tasks(four: Comparison, rule: str) -> None:
    """GSM8K has no "=" at all, and by `subject` all of it is symbolic: it counts, on one side."""
    inside: list[float] = []
    outside: list[float] = []
    for task, made in FOUR.items():
        for place, value in enumerate(differences_of(made)):
            tagged = (
                made.equals > 0 and place % made.equals == 0 if rule == "eq_question" else task in ("gsm8k", "math")
            )
            (inside if tagged else outside).append(value)
    got = [row(four, side, QUESTION, rule) for side in (SYMBOLIC, OTHER, DIFFERENCE)]
    assert [r.n for r in got] == [len(inside), len(outside), 1000]
    means = np.mean(inside), np.mean(outside)
    assert [r.delta.value for r in got] == pytest.approx([*means, means[0] - means[1]])
    assert got[2].share.value == pytest.approx(sum(inside) / (sum(inside) + sum(outside)))
    by_task = {delta.task: delta for delta in four.splits if delta.rule == rule}
    assert "gsm8k" in got[1 if rule == "eq_question" else 0].tasks
    assert by_task["gsm8k"].difference.value is None  # by itself it has no second side


def test_where_two_sides_share_clusters_their_difference_knows(tmp_path: Path) -> None:
    """Stories of two questions, one with "=": what a story does to both is in no difference of the two.

    The differences of 200 pairs of stories are what they are: a plain paired mean, worked out here once more.
    """
    rng = np.random.default_rng(1)
    questions, records = [], []
    gains: list[float] = []
    for task in ("a", "b"):
        for place in range(200):
            story = place // 2
            if place % 2 == 0:
                story_helps = rng.random() < 0.4
            helps = story_helps if rng.random() < 0.9 else not story_helps
            gains.append(float(helps))
            sign = " = 3" if place % 2 else ""
            own = Question(
                id=f"{task}-{place:03}", task=task, text=f"{task} of {place}{sign}?", cluster=f"{task}{story}"
            )
            questions.append(own)
            for mode, right in (("direct", False), ("cot", helps)):
                outcome = "correct" if right else "wrong"
                records.append(
                    make_record(question=own.id, task=task, mode=mode, outcome=outcome, answer="1", gold="1")
                )
    comparison = compare([load_run(write_run(tmp_path / "r", questions, records))])
    first, other, between = (row(comparison, side, QUESTION, "eq_question") for side in (SYMBOLIC, OTHER, DIFFERENCE))
    apart = np.array(gains[1::2]) - np.array(gains[::2])
    assert between.delta.value == pytest.approx(apart.mean())
    assert between.delta.se == pytest.approx(apart.std(ddof=1) / math.sqrt(200), rel=0.02)
    assert (between.delta.se or 0) < 0.7 * math.hypot(first.delta.se or 0, other.delta.se or 0)


def test_a_task_without_any_change_is_a_unit_that_isnt_known_without_error(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", FOUR | {"logiqa": Made(100, 0, 0, choices=True)})
    got = row(comparison, ALL, TASK)
    assert (got.k, got.left_out) == (4, [])
    assert got.delta.value == pytest.approx(np.mean([0.36, 0.4, 0.02, 0.0]))


def test_a_task_of_one_question_is_no_unit_but_counts_by_question(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", FOUR | {"logiqa": Made(1, 1, 0, choices=True)})
    got = row(comparison, ALL, TASK)
    assert (got.k, got.left_out) == (3, ["logiqa"])
    assert row(comparison, ALL, QUESTION).n == 901


def test_one_task_alone_is_in_no_figure_over_tasks(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", {"gsm8k": FOUR["gsm8k"]})
    assert comparison.pooled == []
    assert sentences(comparison) == []
    assert "across_tasks" not in {section.key for section in sections(comparison)}


def test_a_selection_of_a_task_doesnt_count_beside_it(tmp_path: Path) -> None:
    same = Made(50, 20, 2, text="Of {} is what,")
    questions = {"math": Made(200, 90, 10, text="Of {} is what,"), "math500": same, "gsm8k": FOUR["gsm8k"]}
    run = load_run(made_run(tmp_path / "r", questions))
    texts = {identity: question.text.replace("math500", "math") for identity, question in run.questions.items()}
    run = replace(run, questions={i: replace(q, text=texts[i]) for i, q in run.questions.items()})
    comparison = compare([run])
    assert row(comparison, ALL, QUESTION).tasks == ["math", "gsm8k"]
    assert row(comparison, SYMBOLIC, QUESTION, "subject").tasks == ["math", "gsm8k"]
    [note] = [note for note in comparison.notes if "in no figure over tasks" in note]
    assert note.startswith("math500 by m: 50 of its 50 questions stand in math too")


def test_p_is_corrected_over_the_modes(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", FOUR, modes=("direct", "cot", "pal", "free"))
    found = row(comparison, ALL, QUESTION)
    assert found.family == 3
    assert found.p_holm == pytest.approx(min(1.0, 3 * (found.delta.p or 0)))


# --- which family a task is in ------------------------------------------------------------------------------------


def families(comparison: Comparison) -> dict[str, str]:
    return {task: r.side for r in comparison.pooled if not r.rule and r.side in (SYMBOLIC, OTHER) for task in r.tasks}


def test_families_of_tasks_of_ones_own_are_known_by_their_questions(tmp_path: Path) -> None:
    own = {
        "sums": Made(40, 9, 2),  # no options: answers are numbers or formulas
        "prose": Made(40, 9, 2, choices=True),
        "algebra": Made(40, 9, 2, choices=True, text="Of {} is 3 + 4 * 5 in"),
        "gsm8k": Made(40, 9, 2, choices=True),  # known by name, whatever its questions look like
        "logiqa": Made(40, 9, 2, text="Of {} is 3 + 4 * 5 in"),
    }
    assert families(compared(tmp_path / "r", own)) == {
        "sums": SYMBOLIC, "prose": OTHER, "algebra": SYMBOLIC, "gsm8k": SYMBOLIC, "logiqa": OTHER,
    }  # fmt: skip


def test_a_user_says_which_tasks_are_symbolic(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", FOUR, symbolic_tasks=["logiqa"])
    assert families(comparison) == {"gsm8k": OTHER, "math": OTHER, "mmlu": OTHER, "logiqa": SYMBOLIC}


def test_tasks_of_one_family_have_no_rows_of_families(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", {name: FOUR[name] for name in ("gsm8k", "math")})
    assert {r.side for r in comparison.pooled if not r.rule} == {ALL}


def test_the_option_names_tasks_that_are_there(main: Cli, tmp_path: Path) -> None:
    made_run(tmp_path / "r", FOUR)
    done = main("report", tmp_path / "r", "--no-plots", "--no-page", "--symbolic-tasks", "logiqua")
    assert done.code == 2
    assert "--symbolic-tasks: there is no task 'logiqua' in these runs." in done.err
    assert "Did you mean 'logiqa'?" in done.err
    done = main("report", tmp_path / "r", "--no-plots", "--no-page", "--symbolic-tasks", "logiqa,mmlu")
    assert done.code == 0
    rows = json.loads((tmp_path / "r" / "report" / "report.json").read_text())["pooled"]
    assert next(r["tasks"] for r in rows if r["side"] == SYMBOLIC and not r["rule"]) == ["mmlu", "logiqa"]


# --- what is said of it -------------------------------------------------------------------------------------------


def test_the_sentence_where_tasks_are_too_unlike_to_speak_of_others(four: Comparison) -> None:
    [said] = sentences(four)
    assert row(four, ALL, TASK).verdict == NO_EFFECT
    assert said.startswith("On the 1,000 questions of 4 tasks CoT adds 19.7 points (+16.6 to +22.7): +37.6 on the 2 ")
    assert "+37.6 on the 2 math and symbolic ones, +1.8 on the 2 others (difference +35.8, +29.6 to +41.8)" in said
    assert said.endswith("); for other tasks that isn't clear (+19.8, −13.9 to +53.4).")


def test_the_sentence_where_tasks_agree(tmp_path: Path) -> None:
    alike = {name: replace(made, helped=made.n // 3, hurt=made.n // 20) for name, made in FOUR.items()}
    [said] = sentences(compared(tmp_path / "r", alike))
    assert said == (
        "Over 4 tasks CoT adds 28.1 points (+21.8 to +34.5): all questions counting alike, +28.2 on the 2 math and "
        "symbolic ones, +28.2 on the 2 others (difference 0.0, −6.8 to +6.8: not clear)."
    )


def test_the_sentence_with_tasks_as_units_throughout(seven: Comparison) -> None:
    [said] = sentences(seven)
    assert said.startswith("Over 7 tasks CoT has no clear effect (+16.0 points, −1.6 to +33.6): +36.")
    first, other = (row(seven, side, TASK).delta.value or 0 for side in (SYMBOLIC, OTHER))
    assert f": +{100 * first:.1f} on the 3 math and symbolic ones, +{100 * other:.1f} on the 4 others (" in said
    assert "question" not in said


def test_the_sentence_of_two_tasks_speaks_of_their_questions_only(tmp_path: Path) -> None:
    [said] = sentences(compared(tmp_path / "r", {name: FOUR[name] for name in ("gsm8k", "mmlu")}))
    assert said.startswith("On the 700 questions of 2 tasks CoT adds 16.6 points (")
    assert ": +36.0 on the one math and symbolic task, +2.0 on the one other (difference " in said


def test_the_sentence_where_a_difference_is_one_of_budgets(tmp_path: Path) -> None:
    tasks = {name: FOUR[name] for name in ("gsm8k", "mmlu")} | {"math": replace(FOUR["math"], cut=90)}
    comparison = compared(tmp_path / "r", tasks)
    assert row(comparison, ALL, QUESTION).verdict == HIGHER
    [said] = sentences(comparison)
    assert "scores" in said
    assert said.endswith("; but this is a difference of budget on math.")


def test_a_finding_that_many_modes_take_away_is_inconclusive(tmp_path: Path) -> None:
    tasks = {"gsm8k": Made(300, 31, 15), "logiqa": Made(300, 1, 1, choices=True)}
    assert row(compared(tmp_path / "one", tasks), ALL, QUESTION).verdict == HELPS
    many = compared(tmp_path / "many", tasks, modes=("direct", "cot", "pal", "free", "self-consistency"))
    found = row(many, ALL, QUESTION)
    assert (found.verdict, found.why) == (INCONCLUSIVE, "clear by itself, not as one of 4 comparisons")
    assert "inconclusive: clear by itself, not as one of 4 comparisons" in sentences(many)[0]
    between = row(many, DIFFERENCE, QUESTION)
    assert (between.verdict, between.delta.low is not None and between.delta.low > 0) == (INCONCLUSIVE, True)
    assert ": inconclusive, clear by itself, not as one of 4 comparisons)" in sentences(many)[0]


def test_the_table_says_what_counts(four: Comparison) -> None:
    section = next(section for section in sections(four) if section.key == "across_tasks")
    rows = {tuple(cells[1:3]): cells for cells in section.rows}
    assert ("all tasks", "1,000 questions") in rows
    assert ("all tasks", "4 tasks") in rows
    assert ("math and symbolic tasks", "500 questions") in rows
    assert ("math and symbolic tasks", "2 tasks") not in rows
    assert ('questions with "="', "140 questions") in rows
    assert "math and symbolic tasks: gsm8k, math." in section.about
    assert len(across_tasks(four).rows) == len(section.rows)


def test_the_plot_has_all_tasks_and_what_they_are_together(seven: Comparison) -> None:
    with settings():
        [plot] = [plot for plot in plots_of(seven) if plot.section == "across_tasks"]
        figure = plot.figure()
    shown = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {*SEVEN, "3 tasks", "4 tasks", "7 tasks", "580 questions", "1,230 questions"} <= shown
    [axes] = figure.axes
    assert len(axes.patches) == 6  # diamonds: two for each family, and for all
    for name in ("math500", "all tasks, 7 tasks: "):
        assert name in plot.alt


def test_numbers_are_the_same_in_json_csv_and_gates(main: Cli, tmp_path: Path) -> None:
    made_run(tmp_path / "r", SEVEN)
    done = main(
        "report", tmp_path / "r", "--no-page", "--fail-if", "macro[cot,symbolic] > 1pt",
        "--fail-if", "pooled[cot,difference,rule=eq_question] > 5pt", "--fail-if", "macro_predicted_low[cot] > 0",
    )  # fmt: skip
    assert done.code == 5
    folder = tmp_path / "r" / "report"
    rows = json.loads((folder / "report.json").read_text())["pooled"]
    with (folder / "across_tasks.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(rows) == len(table)
    for one, other in zip(rows, table, strict=True):
        for name, value in one.items():
            said = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
            assert other[name] == said
    wanted = next(r["delta"] for r in rows if (r["side"], r["unit"], r["rule"]) == (SYMBOLIC, TASK, ""))
    assert f"macro of cot,symbolic,model=m,baseline=direct is {wanted:.6g}." in done.err
    assert "macro_predicted_low" not in done.err.split("Error:")[0]
    ET.parse(folder / "across-tasks.svg")


# --- gates --------------------------------------------------------------------------------------------------------

OVER = [name for name, figure in FIGURES.items() if figure.rows == "pooled"]


@pytest.mark.parametrize("name", OVER)
def test_each_figure_over_tasks_has_a_gate(seven: Comparison, name: str) -> None:
    side = ",difference" if "share" in name else ""
    checked = check_gate(parse_gate(f"{name}[cot{side}] > -1e9"), seven)
    assert len(checked.holding) == 1
    assert math.isfinite(checked.holding[0][1])


def test_all_figures_of_a_row_have_gates() -> None:
    paths = {FIGURES[name].path for name in OVER}
    assert paths >= {"delta.value", "delta.low", "delta.high", "delta.p", "p_holm", "tau2", "i2", "share.value"}
    assert paths >= {"predicted.low", "predicted.high", "weighted.value", "reml.value", "tau2_reml", "n", "k"}


BAD = {
    "pooled[gsm8k,cot,all] > 0": "pooled is over tasks: expected a mode and a side, found 3 words",
    "macro[cot,maths] > 0": "there is no tag 'maths'",
    "delta[gsm8k,cot,difference] > 0": "there is no tag 'difference'",
    "delta[gsm8k,cot,rule=subject] > 0": "delta is under the report's tag rule",
    "pooled[cot,rule=subject] > 0": "a tag rule has two sides",
    "macro_tasks[cot] > 5%": "macro_tasks is no share",
}


@pytest.mark.parametrize(("text", "finding"), BAD.items(), ids=BAD)
def test_what_is_no_condition_over_tasks(text: str, finding: str) -> None:
    with pytest.raises(UsageError, match=finding):
        parse_gate(text)


UNKNOWN = {
    "macro[cot,symbolic] > 0": "not estimable \\(fewer than 3 tasks\\)",
    "macro[cot,difference] > 0": "not estimable \\(fewer than 3 tasks in a family\\)",
    "macro[cot,symbolic,rule=subject] > 0": "there is no macro of the sides of a tag rule",
    "pooled[cot,symbolic,rule=subjekt] > 0": "no pooled of rule 'subjekt'",
    "pooled[pal] > 0": "no pooled of mode 'pal'",
}


@pytest.mark.parametrize(("text", "finding"), UNKNOWN.items(), ids=UNKNOWN)
def test_a_condition_over_tasks_that_cant_be_checked_is_an_error(four: Comparison, text: str, finding: str) -> None:
    with pytest.raises(UsageError, match=finding):
        check_gate(parse_gate(text), four)


def test_a_condition_over_tasks_of_a_report_of_one_task(tmp_path: Path) -> None:
    comparison = compared(tmp_path / "r", {"gsm8k": FOUR["gsm8k"]})
    with pytest.raises(UsageError, match="no figures over tasks, which take two tasks of a model"):
        check_gate(parse_gate("pooled[cot] > 0"), comparison)
