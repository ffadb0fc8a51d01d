"""Tag rules of what the data say of questions, of their numbers and length, and of what tables say of their task."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cases import load, rows
from conftest import ROOT, Cli
from handmade import QUESTIONS, make_run
from test_tagging import question

import cotbench
from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.questions.shipped import task_files
from cotbench.questions.tagging import (
    LONG,
    RULES,
    Seen,
    categories,
    has_number,
    main_rule,
    own_rule,
    words_in,
)
from cotbench.report.sections import sections
from cotbench.types import Question

TABLES = ROOT / "tasks" / "tables"
# The tasks of which the tables have to say something; demo and sample are no benchmarks.
TASKS = """
arc-easy arc-challenge commonsenseqa strategyqa piqa winogrande mmlu-pro lsat-ar lsat-lr lsat-rc sat-math
sat-en sat-en-without-passage agieval-aqua gaokao-english gaokao-chinese gaokao-geography gaokao-history
gaokao-biology gaokao-chemistry gaokao-physics gaokao-mathqa musr-murder musr-objects musr-teams bbh
folio proofwriter gsm-hard gsm-plus aime24 aime25 aqua-rat hotpotqa game24 gsm8k math math500 mmlu logiqa
""".split()


def cases(rule: str) -> list[Any]:
    """The texts of a table, with what is wanted of each."""
    return [one for table in load("tags")[rule].values() for one in rows(table, "text wanted")]


def tag(rule: str, asked: Question) -> bool | None:
    return RULES[rule].tag(Seen(question=asked))


# --- texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "wanted"), cases("numbers"))
def test_numbers(text: str, wanted: str) -> None:
    assert has_number(text) == (wanted == "with")
    assert tag("numbers", question("Which?", "some", text)) == (wanted == "with"), "options count like the question"


@pytest.mark.parametrize(("text", "count"), cases("words"))
def test_words(text: str, count: str) -> None:
    assert words_in(text) == int(count)


def test_long_is_of_the_question_without_its_options() -> None:
    assert tag("long", question("word " * LONG)) is False
    assert tag("long", question("word " * LONG + "more")) is True
    assert tag("long", question("short", "word " * 200, "b")) is False
    assert tag("long", question("字" * (2 * LONG + 2))) is True


def test_patterns_are_linear() -> None:
    start = time.process_time()
    for text in (
        "1" * 50_000,
        "a1" * 30_000,
        "two" * 30_000,
        "twenty-" * 10_000,
        "二" * 50_000,
        "二 " * 50_000,
        " " * 50_000,
    ):
        has_number(text)
        words_in(text)
    assert time.process_time() - start < 3, "what takes the square of the length takes half a minute"


# --- features -----------------------------------------------------------------------------------------------------


def featured(**features: str) -> Question:
    return replace(question("x"), features=features)


def test_hops() -> None:
    found = {hops: tag("hops", featured(hops=hops)) for hops in ("0", "1", "2", "3", "5", "many", "")}
    assert found == {"0": False, "1": False, "2": False, "3": True, "5": True, "many": None, "": None}
    assert tag("hops", question("x")) is None


def test_perturbed() -> None:
    found = {kind: tag("perturbed", featured(perturbed=kind)) for kind in ("seed", "Seed", "distraction insertion", "")}
    assert found == {"seed": False, "Seed": False, "distraction insertion": True, "": None}
    assert tag("perturbed", question("x")) is None
    assert RULES["perturbed"].sides == ("perturbed", "seed")


def test_rules_that_look_at_features_are_pre_treatment() -> None:
    looking = {name for name, rule in RULES.items() if rule.feature}
    assert looking == {"hops", "perturbed"}
    assert all(RULES[name].timing == "pre-treatment" and not RULES[name].symbols for name in looking)
    assert own_rule("a=feature:type=b").timing == "pre-treatment"


def test_any_feature_is_a_rule_of_ones_own() -> None:
    rule = own_rule("bridge=feature:type=Bridge")
    assert (rule.name, rule.feature, rule.sides) == ("bridge", "type", ("bridge", "not bridge"))
    assert rule.tag(Seen(question=featured(type="bridge"))) is True
    assert rule.tag(Seen(question=featured(type="comparison"))) is False
    assert rule.tag(Seen(question=featured(level="hard"))) is None
    equation = own_rule("e=feature:law=a=b")
    assert equation.tag(Seen(question=featured(law="a=b"))) is True
    pattern = own_rule("says=features?:")
    assert not pattern.feature and pattern.tag(Seen(question=question("two features: a"))) is True


@pytest.mark.parametrize("text", ["a=feature:", "a=feature:type", "a=feature:type=", "a=feature:=b"])
def test_a_feature_without_its_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=feature:KEY=VALUE"):
        own_rule(text)


def a_run(folder: Path, features: bool = True) -> Path:
    given = [
        replace(q, features={"type": ("bridge", "comparison")[n % 2]} if features else {})
        for n, q in enumerate(QUESTIONS)
    ]
    return make_run(folder, {"direct": "cwcwcwcwcw", "cot": "cccccccccw"}, questions=given)


def test_a_rule_about_a_feature_splits_a_report(tmp_path: Path, main: Cli) -> None:
    folder = a_run(tmp_path / "r")
    done = main(
        "report", folder, "--no-plots", "--no-page", "--tag", "bridge=feature:type=bridge", "--tag-rule", "bridge"
    )
    assert done.code == 0, done.err
    one = compare([load_run(folder)], rules=[own_rule("bridge=feature:type=bridge")])
    split = next(s for s in one.splits if s.rule == "bridge")
    assert (split.n_symbolic, split.n_other) == (5, 5)
    assert not [p for p in one.policies if p.rule == "bridge"], "nobody knows a question of one's own to be a bridge"


def test_a_feature_that_no_question_has_is_told(tmp_path: Path) -> None:
    rule = own_rule("bridge=feature:kind=bridge")
    one = compare([load_run(a_run(tmp_path / "r"))], rules=[rule])
    [note] = [note for note in one.notes if "bridge" in note]
    assert note == "The tag rule bridge says nothing: no question has the feature 'kind'; they have: type."
    none = compare([load_run(a_run(tmp_path / "n", features=False))], rules=[rule])
    assert [note for note in none.notes if note.endswith("has the feature 'kind'; they have none.")]


def test_frames_have_a_column_for_each_feature(tmp_path: Path) -> None:
    run = cotbench.load(a_run(tmp_path / "r"))
    assert Counter(run.questions["feature_type"]) == {"bridge": 5, "comparison": 5}
    right = run.records.groupby(["feature_type", "mode"])["correct"].mean()
    assert right["bridge", "direct"] == 1.0 and right["comparison", "direct"] == 0.0
    assert {"numbers", "long", "hops", "perturbed", "category"} <= {*run.questions.columns}
    without = cotbench.load(a_run(tmp_path / "n", features=False))
    assert not [name for name in without.records.columns if name.startswith("feature_")]


# --- tables -------------------------------------------------------------------------------------------------------


def test_every_task_is_in_one_category() -> None:
    content = yaml.safe_load((TABLES / "categories.yaml").read_text())
    listed = [task for part in content.values() for tasks in part.values() for task in tasks]
    assert sorted(listed) == sorted(TASKS)
    assert {*categories().values()} == {"math", "symbolic", "commonsense", "knowledge", "soft"}
    assert {*task_files(ROOT / "tasks")} - {"demo", "sample"} <= {*listed}, "a task file without a category"


def test_every_task_has_a_subject() -> None:
    content = yaml.safe_load((TABLES / "subjects.yaml").read_text())["tasks"]
    assert {*TASKS, "demo"} == {*content}
    for task, entry in content.items():
        if isinstance(entry, dict):
            assert not {*entry["symbolic"]} & {*entry["other"]}, task
            assert len({*entry["symbolic"], *entry["other"]}) == len([*entry["symbolic"], *entry["other"]]), task


def test_subjects_and_categories_agree_on_whole_tasks() -> None:
    """The rules part where a task's category is a whole data set's, and its subject a school subject's."""
    apart = [
        task
        for task in TASKS
        if (known := tag("subject", question("x", task=task))) is not None
        and known != tag("category", question("x", task=task))
    ]
    assert apart == ["gaokao-chemistry", "gaokao-physics"]


def test_groups_of_a_task() -> None:
    assert tag("subject", question("x", task="bbh", group="web_of_lies")) is True
    assert tag("subject", question("x", task="bbh", group="snarks")) is False
    assert tag("subject", question("x", task="mmlu-pro", group="physics")) is True
    assert tag("subject", question("x", task="mmlu-pro", group="law")) is False
    assert tag("category", question("x", task="bbh", group="snarks")) is True
    assert tag("category", question("x", task="mmlu-pro", group="physics")) is False
    assert tag("category", question("x", task="sample")) is None


def test_over_many_tasks_the_default_rule_is_of_the_question() -> None:
    assert main_rule(TASKS).name == main_rule(["gsm-plus"]).name == main_rule(["demo", "bbh"]).name == "eq_question"
    assert main_rule(["demo"]).name == "subject"


def test_a_side_without_questions_is_said_to_be_not_estimable(tmp_path: Path) -> None:
    """Of every rule: n 0, and no figure that looks like one."""
    plain = [replace(q, text=f"Who is it, {'abcdefghij'[n]}?") for n, q in enumerate(QUESTIONS)]
    one = compare([load_run(make_run(tmp_path / "r", {"direct": "cwcwcwcwcw", "cot": "cccccccccw"}, questions=plain))])
    empty = [s for s in one.splits if not s.n_symbolic]
    assert {s.rule for s in empty} >= {"eq_question", "operators", "numbers", "long"}
    for split in empty:
        assert split.symbolic.value is None and split.difference.value is None and split.share.value is None
        assert split.share_unclear == "one side is empty"
    [table] = [section for section in sections(one) if section.key == "rules"]
    first = table.left
    for row in table.rows:
        assert row[first : first + 2] == ["0", "not estimable"]
