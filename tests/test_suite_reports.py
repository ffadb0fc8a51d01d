"""Reports of suites: what each category is together, what is said and drawn of it, and what of the suite isn't here."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from rich.cells import cell_len
from terminals import STYLE, in_a_terminal

from cotbench.analysis.categories import LEFT_OUT, NOT_RUN, NOT_THERE, Category, named_suite
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.pooled import QUESTION, TASK
from cotbench.analysis.verdicts import HELPS, HIGHER, NO_EFFECT
from cotbench.errors import TaskError, UsageError
from cotbench.report.categories import categories, lacking, sentences
from cotbench.report.headlines import headlines
from cotbench.report.plots import plots_of, settings
from cotbench.report.plots.style import NARROW, WIDE, laid_out
from cotbench.report.sections import sections
from cotbench.store.manifest import Lacking, SuiteEntry, read_manifest
from cotbench.types import Question


@dataclass(frozen=True)
class Made:
    """A task made by hand: of n questions, how many CoT helped and hurt, and how many of direct's answers were cut."""

    n: int
    helped: int
    hurt: int
    cut: int = 0


TASKS = {
    "gsm8k": Made(300, 120, 12),
    "math": Made(200, 90, 10),
    "sums": Made(80, 30, 4),
    "bbh": Made(150, 40, 20),
    "mmlu": Made(400, 22, 22),
    "facts": Made(60, 5, 4),
    "logiqa": Made(100, 12, 11),
}
SUITE = SuiteEntry(
    name="try",
    hash="0123456789abcdef",
    categories={
        "math": ["gsm8k", "math", "sums"],
        "symbolic": ["bbh", "folio"],
        "knowledge": ["mmlu", "facts"],
        "soft": ["logiqa"],
    },
    symbolic=["math", "symbolic"],
    missing=[Lacking(name="GPQA", category="math", why="gated", terms="https://example.org/terms")],
)


def made_run(
    folder: Path,
    tasks: Mapping[str, Made],
    suites: Sequence[SuiteEntry] = (SUITE,),
    *,
    modes: Sequence[str] = ("direct", "cot"),
    model: str = "m",
    skipped: Mapping[str, str] | None = None,
) -> Path:
    questions, records = [], []
    for task, made in tasks.items():
        for place in range(made.n):
            own = Question(id=f"{task}-{place:05}", task=task, text=f"The {place} of {task}?", choices=("one", "two"))
            questions.append(own)
            helped, hurt = place < made.helped, made.helped <= place < made.helped + made.hurt
            for mode in modes:
                right = (not helped if mode == "direct" else not hurt) and (helped or hurt or place % 2 == 0)
                cut = mode == "direct" and place < made.cut
                outcome = "truncated" if cut else "correct" if right else "wrong"
                records.append(
                    make_record(
                        question=own.id, task=task, mode=mode, outcome=outcome, answer=None if cut else "1", gold="1",
                        truncated=cut, rule="contract", completion_tokens=4 if mode == "direct" else 40,
                    )
                )  # fmt: skip
    write_run(folder, questions, records, model=model)
    manifest = read_manifest(folder)
    manifest.suites, manifest.skipped = list(suites), dict(skipped or {})
    manifest.write(folder)
    return folder


def row(comparison: Comparison, category: str, unit: str = QUESTION, mode: str = "cot") -> Category:
    [found] = [r for r in comparison.categories if (r.category, r.unit, r.mode) == (category, unit, mode)]
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare([load_run(made_run(tmp_path_factory.mktemp("made") / "r", TASKS))])


# --- the numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["math", "symbolic", "knowledge", "soft"])
def test_by_question_all_questions_of_a_category_count_alike(made: Comparison, category: str) -> None:
    got = row(made, category)
    there = [task for task in SUITE.categories[category] if task in TASKS]
    n = sum(TASKS[task].n for task in there)
    helped, hurt = (sum(getattr(TASKS[task], name) for task in there) for name in ("helped", "hurt"))
    assert (got.tasks, got.n, got.helped, got.hurt) == (there, n, helped, hurt)
    assert got.delta.value == pytest.approx((helped - hurt) / n)
    within = [np.repeat([1, -1, 0], [m.helped, m.hurt, m.n - m.helped - m.hurt]) for m in (TASKS[t] for t in there)]
    variance = sum((len(d) / n) ** 2 * d.var(ddof=1) / len(d) for d in within)
    assert got.delta.se == pytest.approx(variance**0.5, rel=1e-2)


def test_with_tasks_as_units_each_counts_alike_and_there_are_three_or_none(made: Comparison) -> None:
    got = row(made, "math", TASK)
    assert got.delta.value == pytest.approx(np.mean([108 / 300, 80 / 200, 26 / 80]))
    assert (row(made, "symbolic", TASK).delta.value, row(made, "symbolic", TASK).unclear) == (
        None,
        "fewer than 3 tasks",
    )


@pytest.mark.parametrize("category", ["math", "knowledge"])
def test_a_category_is_what_a_report_of_its_tasks_alone_has_over_all(
    made: Comparison, category: str, tmp_path: Path
) -> None:
    tasks = {task: TASKS[task] for task in SUITE.categories[category]}
    alone = compare([load_run(made_run(tmp_path / "r", tasks, suites=()))])
    assert not alone.categories
    for unit in (QUESTION, TASK):
        [whole] = [r for r in alone.pooled if (r.side, r.unit, r.rule) == (ALL, unit, "")]
        got = row(made, category, unit)
        same = ("delta", "predicted", "tau2", "i2", "reml", "weighted", "k", "n", "helped", "hurt", "tasks")
        assert {name: getattr(got, name) for name in same} == {name: getattr(whole, name) for name in same}


def test_p_is_corrected_over_categories_and_modes(made: Comparison, tmp_path: Path) -> None:
    assert {r.family for r in made.categories if r.unit == QUESTION} == {4}
    smallest = min((r for r in made.categories if r.unit == QUESTION), key=lambda r: r.delta.p or 0)
    assert smallest.p_holm == pytest.approx(min(1.0, 4 * (smallest.delta.p or 0)))
    more = compare([load_run(made_run(tmp_path / "r", TASKS, modes=("direct", "cot", "pal")))])
    assert {r.family for r in more.categories if r.unit == QUESTION} == {8}


def test_the_suite_says_which_tasks_are_math_and_symbolic(made: Comparison, tmp_path: Path) -> None:
    def families(comparison: Comparison) -> dict[str, str]:
        return {t: r.side for r in comparison.pooled if not r.rule and r.side in (SYMBOLIC, OTHER) for t in r.tasks}

    assert families(made) == dict.fromkeys(["gsm8k", "math", "sums", "bbh"], SYMBOLIC) | dict.fromkeys(
        ["mmlu", "facts", "logiqa"], OTHER
    )
    assert {r.category: r.side for r in made.categories} == {
        "math": SYMBOLIC, "symbolic": SYMBOLIC, "knowledge": OTHER, "soft": OTHER,
    }  # fmt: skip
    named = compare([load_run(made_run(tmp_path / "r", TASKS))], symbolic_tasks=["facts"])
    assert [t for t, side in families(named).items() if side == SYMBOLIC] == ["facts"]


def test_a_difference_of_budgets_is_no_help_in_its_category(tmp_path: Path) -> None:
    tasks = TASKS | {"logiqa": Made(100, 60, 2, cut=60)}
    comparison = compare([load_run(made_run(tmp_path / "r", tasks))])
    assert (row(comparison, "soft").verdict, row(comparison, "soft").why) == (
        HIGHER,
        "a difference of budget on logiqa",
    )
    assert row(comparison, "math").verdict == HELPS
    assert "scores higher on soft by 58.0" in sentences(comparison)[0]


def copied(question: Question, label: str) -> Question:
    """The same question from another hand."""
    text = f"Q:  {question.text} "
    choices = tuple(f"{label.format('AB'[at])}{one.title()}" for at, one in enumerate(question.choices))
    return Question(id=f"copy-{question.id}", task="copy", text=text, choices=choices)


@pytest.mark.parametrize("label", ["({})", "{})", "{}. "])
def test_copies_of_questions_count_once_whatever_their_spaces_and_labels(label: str, tmp_path: Path) -> None:
    """As AQuA-RAT and AGIEval's copy of it are."""
    questions = [
        Question(id=f"{task}-{at}", task=task, text=f"What is {at} in {task}?", choices=("one", "two"))
        for task in ("first", "other") for at in range(20)
    ]  # fmt: skip
    questions += [copied(question, label) for question in questions[:20]]
    records = [
        make_record(question=q.id, task=q.task, mode=mode, outcome="correct", answer="A", gold="A")
        for q in questions for mode in ("direct", "cot")
    ]  # fmt: skip
    folder = write_run(tmp_path / "r", questions, records)
    manifest = read_manifest(folder)
    manifest.suites = [SuiteEntry(name="s", hash="x", categories={"a": ["first", "copy", "other"]})]
    manifest.write(folder)
    comparison = compare([load_run(folder)])
    got = row(comparison, "a")
    assert (got.tasks, got.missing, got.n) == (["first", "other"], [], 40)
    assert any("copy by m: 20 of its 20 questions stand in first too" in note for note in comparison.notes)


def test_questions_that_differ_in_a_sign_are_no_copies(tmp_path: Path) -> None:
    questions = [
        Question(id=f"{task}-{at}", task=task, text=f"What is {at} {sign} 2?")
        for task, sign in (("plus", "+"), ("minus", "-")) for at in range(20)
    ]  # fmt: skip
    records = [
        make_record(question=q.id, task=q.task, mode=mode, outcome="correct", answer="1", gold="1")
        for q in questions for mode in ("direct", "cot")
    ]  # fmt: skip
    comparison = compare([load_run(write_run(tmp_path / "r", questions, records))])
    assert not [note for note in comparison.notes if "in no figure over tasks" in note]


# --- which suite, and what is missing -----------------------------------------------------------------------------


def test_what_is_missing_is_named_with_its_reason(tmp_path: Path) -> None:
    folder = made_run(tmp_path / "r", TASKS, skipped={"folio": "task folio: the Hub can't be reached"})
    comparison = compare([load_run(folder)])
    found = {(r.category, r.name): (r.state, r.why, r.terms) for r in comparison.missing}
    assert found == {
        ("math", "GPQA"): (NOT_THERE, "gated", "https://example.org/terms"),
        ("symbolic", "folio"): (LEFT_OUT, "the Hub can't be reached", ""),
    }
    assert lacking(comparison) == ["Not here of the suite try: left out: folio; not in cotbench: GPQA."]
    assert row(comparison, "symbolic").missing == ["folio"]
    assert row(comparison, "math").missing == ["GPQA"]


def test_runs_make_up_a_suite_together(made: Comparison, tmp_path: Path) -> None:
    parts = [["gsm8k", "mmlu"], ["math", "sums", "bbh"], ["facts", "logiqa"]]
    runs = [
        load_run(made_run(tmp_path / f"r{at}", {task: TASKS[task] for task in part})) for at, part in enumerate(parts)
    ]
    together = compare(runs)
    assert [(r.category, r.unit, r.delta, r.p_holm, r.verdict) for r in together.categories] == [
        (r.category, r.unit, r.delta, r.p_holm, r.verdict) for r in made.categories
    ]
    [folio] = [r for r in together.missing if r.name == "folio"]
    assert (folio.state, folio.model) == (NOT_RUN, "")


def test_what_one_model_lacks_is_said_of_that_model(tmp_path: Path) -> None:
    runs = [made_run(tmp_path / "a", TASKS, model="a"), made_run(tmp_path / "b", {"gsm8k": TASKS["gsm8k"]}, model="b")]
    comparison = compare(list(map(load_run, runs)))
    assert {r.model for r in comparison.missing if r.name == "mmlu"} == {"b"}
    assert {r.model for r in comparison.missing if r.name in ("folio", "GPQA")} == {""}
    assert "math by b" in lacking(comparison)[0]


def test_a_report_is_by_the_suite_that_is_asked_for(tmp_path: Path) -> None:
    run = load_run(made_run(tmp_path / "r", TASKS, suites=()))
    assert compare([run]).suite == ""
    by_core = compare([run], suite=named_suite("core", [run]))
    assert by_core.suite == "core"
    assert row(by_core, "math").tasks == ["gsm8k", "math"]
    assert "In no category of the suite core: sums, bbh, facts." in by_core.notes
    with pytest.raises(TaskError, match="--suite: there is no suite 'cor'") as found:
        named_suite("cor", [run])
    assert "Did you mean 'core'?" in found.value.hint


def test_of_several_suites_the_one_with_most_tasks_is_told(tmp_path: Path) -> None:
    small = SuiteEntry(name="small", hash="x", categories={"a": ["gsm8k"]})
    run = load_run(made_run(tmp_path / "r", TASKS, suites=(small, SUITE)))
    comparison = compare([run])
    assert comparison.suite == "try"
    assert "By the suite try; these runs were of small, too: --suite chooses." in comparison.notes
    assert compare([run], suite=named_suite("small", [run])).suite == "small"


def test_a_suite_that_changed_between_runs_is_as_the_first_has_it(tmp_path: Path) -> None:
    other = SuiteEntry(name="try", hash="y", categories={"all of it": ["gsm8k", "mmlu"]})
    runs = [
        made_run(tmp_path / "a", {"gsm8k": TASKS["gsm8k"]}),
        made_run(tmp_path / "b", {"mmlu": TASKS["mmlu"]}, suites=(other,)),
    ]
    comparison = compare(list(map(load_run, runs)))
    assert "The suite try is as a has it; b had other tasks in it." in comparison.notes
    assert {r.category for r in comparison.categories} == {"math", "knowledge"}


# --- what is said and shown ---------------------------------------------------------------------------------------


def test_the_sentence_says_of_each_category_what_its_verdict_is(made: Comparison) -> None:
    assert [row(made, name).verdict for name in SUITE.categories] == [HELPS, HELPS, NO_EFFECT, NO_EFFECT]
    [said] = sentences(made)
    assert said.startswith("By category (try), CoT helps on math by 36.9 points (+")
    assert " and symbolic by 13.3 (+" in said
    assert "; has no clear effect on knowledge (+0.2, −" in said
    assert " and soft (+1.0, −" in said
    assert headlines(made)[0] == said


def test_every_number_of_table_and_sentence_stands_in_the_document_and_the_csv(tmp_path: Path, main: Cli) -> None:
    folder = made_run(tmp_path / "r", TASKS)
    assert main("report", folder, "--no-plots", "--no-page").code == 0
    document = json.loads((folder / "report" / "report.json").read_text())
    with (folder / "report" / "categories.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert document["suite"] == "try"
    assert len(rows) == len(document["categories"]) == 8
    for told, held in zip(rows, document["categories"], strict=True):
        assert {name: told[name] for name in ("category", "unit", "verdict", "suite")} == {
            name: held[name] for name in ("category", "unit", "verdict", "suite")
        }
        for name in ("delta", "low", "high", "p", "p_holm", "predicted_low"):
            assert told[name] == ("" if held[name] is None else str(held[name]))
    with (folder / "report" / "missing.csv").open() as file:
        assert [(one["name"], one["state"]) for one in csv.DictReader(file)] == [
            ("GPQA", NOT_THERE), ("folio", NOT_RUN),
        ]  # fmt: skip
    [math] = [r for r in document["categories"] if (r["category"], r["unit"]) == ("math", "question")]
    summary = (folder / "report" / "summary.md").read_text()
    assert f"by {100 * math['delta']:.1f} points (+{100 * math['low']:.1f} to +{100 * math['high']:.1f})" in summary


def test_tables_have_the_categories_and_what_is_missing(made: Comparison) -> None:
    table = categories(made)
    assert [(r.category, r.unit) for r in table.rows] == [
        ("math", QUESTION), ("math", TASK), ("symbolic", QUESTION), ("knowledge", QUESTION), ("soft", QUESTION),
    ]  # fmt: skip
    assert "math: gsm8k, math, sums. symbolic: bbh." in table.about
    keys = [section.key for section in sections(made)]
    assert {"categories", "missing", "across_tasks"} <= set(keys)


def test_a_report_by_no_suite_has_none_of_it(tmp_path: Path) -> None:
    comparison = compare([load_run(made_run(tmp_path / "r", TASKS, suites=()))])
    assert (comparison.categories, comparison.missing, lacking(comparison), sentences(comparison)) == ([], [], [], [])
    assert not {"categories", "missing"} & {section.key for section in sections(comparison)}
    with settings():
        assert "suite" not in [plot.stem for plot in plots_of(comparison)]
    with pytest.raises(UsageError, match="this report is by no suite"):
        check_gate(parse_gate("category[math,cot] < 1"), comparison)


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_one_forest_has_all_categories_and_tasks(made: Comparison, layout: object, tmp_path: Path) -> None:
    with settings(), laid_out(layout):  # type: ignore[arg-type]
        [plot] = [plot for plot in plots_of(made) if plot.section in ("categories", "across_tasks")]
        plot.figure().savefig(tmp_path / "p.svg")
    assert (plot.stem, plot.section) == ("suite", "categories")
    texts = [
        (node.text or "").strip() for node in ET.parse(tmp_path / "p.svg").iter("{http://www.w3.org/2000/svg}text")
    ]
    order = ["math", "gsm8k", "math", "sums", "3 tasks", "580 questions", "symbolic", "bbh", "knowledge", "mmlu"]
    order += ["facts", "460 questions", "soft", "logiqa", "all tasks", "7 tasks", "1,290 questions"]
    assert sorted(set(order) - set(texts)) == []
    assert "+36.9" in texts  # of math's questions, as in the table
    assert "Of the suite not here: GPQA, folio." in " ".join(texts)
    assert "knowledge, 460 questions: +0.2 (" in plot.alt


@pytest.mark.patient
def test_a_screen_of_many_tasks_is_one_of_categories(tmp_path: Path) -> None:
    many = {f"{name}{at}": TASKS[name] for name in ("gsm8k", "bbh", "mmlu", "facts", "logiqa") for at in range(5)}
    names = ["math", "symbolic", "commonsense", "knowledge", "soft"]
    by_name = dict(zip(names, (list(many)[at : at + 5] for at in range(0, 25, 5)), strict=True))
    entry = SuiteEntry(name="big", hash="x", categories=by_name, symbolic=names[:2])
    made_run(tmp_path / "results" / "r", many, (entry,), modes=("direct", "cot", "pal", "free"))
    shown = STYLE.sub("", in_a_terminal(80, ["report", "--no-plots", "--no-page"], tmp_path, rows=45, TERM="xterm"))
    lines = [line.rstrip() for line in shown.replace("\r", "").rstrip("\n").split("\n")]
    assert len(lines) <= 40
    assert max(map(cell_len, lines)) <= 80
    assert [line.split(":")[0] for line in lines if line.endswith("questions)")] == [*names, "all tasks"]
    assert sum(line.lstrip().startswith("cot ") for line in lines) == 6
    assert any(line.startswith("By category (big), CoT helps on math by") for line in lines)


def test_gates_ask_about_categories(made: Comparison) -> None:
    assert check_gate(parse_gate("category[math,cot] > 36%"), made).holds
    assert not check_gate(parse_gate("category_low[soft, cot] > 0"), made).holds
    assert check_gate(parse_gate("category_macro[math,cot] >= 30pt"), made).holds
    assert check_gate(parse_gate("category_n[knowledge,cot] == 460"), made).holds
    assert [name for name, _ in check_gate(parse_gate("category_p_holm[*,cot] < 0.05"), made).holding] == [
        "math,cot,model=m,baseline=direct", "symbolic,cot,model=m,baseline=direct",
    ]  # fmt: skip
    open_ = check_gate(parse_gate("category_macro[*,cot] > 0"), made).open
    assert [name.split(",")[0] for name in open_] == ["symbolic", "knowledge", "soft"]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("category[maths,cot] > 0", "this report has no category of category 'maths'. It has: math, symbolic"),
        ("category[math] > 0", "expected a category and a mode in the brackets, found 'math'"),
        ("category[math,cot,symbolic] > 0", "category is about all questions"),
        ("category_macro[soft,cot] > 0", "can't be checked: category_macro of soft,cot,model=m,baseline=direct"),
    ],
)
def test_a_gate_on_a_category_that_cant_be_checked_is_an_error(gate: str, message: str, made: Comparison) -> None:
    with pytest.raises(UsageError) as found:
        check_gate(parse_gate(gate), made)
    assert message in found.value.message
    assert found.value.hint


@pytest.mark.patient
def test_the_page_opens_with_the_suite_and_folds_the_cards_of_many_tasks(tmp_path: Path, main: Cli) -> None:
    many = {f"{name}{at}": TASKS[name] for name in ("gsm8k", "mmlu") for at in range(7)}
    entry = SuiteEntry(name="big", hash="x", categories={"math": list(many)[:7], "soft": list(many)[7:]})
    folder = made_run(tmp_path / "r", many, (entry,))
    assert main("report", folder).code == 0
    page = (folder / "report" / "report.html").read_text()
    assert "m on the suite big (14 tasks)" in page
    assert (
        page.index("By category (big)")
        < page.index("Suite big: cot − direct")
        < page.index("A card for each of the 14")
    )
    assert 'id="categories"' in page
