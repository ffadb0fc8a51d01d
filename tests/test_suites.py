"""Suites: tasks in categories that are asked for by one name; what a run of one asks, records and goes on with."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from cases import load, row
from conftest import Cli

from cotbench.errors import TaskError
from cotbench.questions.shipped import shipped
from cotbench.questions.suites import SuiteFile, choose, find_suite, list_suite_files, read_suite_file, spread
from cotbench.questions.tasks import list_task_files
from cotbench.store.manifest import Manifest, read_manifest

CASES = load("suites")

# --- what is shipped ----------------------------------------------------------------------------------------------


def suite(name: str) -> SuiteFile:
    found = find_suite(name)
    assert found is not None
    return found


def test_the_shipped_suites_are_these() -> None:
    assert sorted(list_suite_files()) == ["core", "paper", "quick"]
    assert all(suite(name).shipped for name in list_suite_files())


def test_the_papers_suite_has_its_five_categories_and_says_what_it_lacks() -> None:
    paper = suite("paper").suite
    assert list(paper.categories) == ["math", "symbolic", "commonsense", "knowledge", "soft"]
    assert paper.symbolic == ["math", "symbolic"]
    assert {one.name for one in paper.missing} == {"GPQA", "ContextHub", "SiQA", "BiGGen-Bench", "MuSiQue"}
    assert [one.terms for one in paper.missing if one.terms] == ["https://huggingface.co/datasets/Idavidrein/gpqa"]
    # The paper has 20 data sets, of which ARC, LSAT and MuSR are several tasks here.
    sets = {"lsat" if name[:4] == "lsat" else "musr" if name[:4] == "musr" else name for name in paper.tasks}
    assert len(sets) + len(paper.missing) == 20


def test_the_quick_suite_is_the_papers_with_a_limit() -> None:
    quick, paper = suite("quick").suite, suite("paper").suite
    assert quick.limit_per_category == 200
    same = {"name", "about", "limit_per_category"}
    assert quick.model_dump(exclude=same) == paper.model_dump(exclude=same)


@pytest.mark.parametrize("name", ["core", "paper", "quick"])
def test_each_task_of_a_shipped_suite_is_shipped_and_no_suite_has_a_tasks_name(name: str) -> None:
    assert set(suite(name).suite.tasks) <= set(list_task_files())
    assert name not in list_task_files()


def test_the_papers_suite_and_the_table_of_categories_say_the_same() -> None:
    """A tag rule reads the table, and reports the suite."""
    table = yaml.safe_load((shipped("tasks") / "tables" / "categories.yaml").read_text())
    assert table["paper"] == suite("paper").suite.categories


# --- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "message"), [row(found, "content message") for found in CASES["mistakes"]])
def test_a_mistake_in_a_suite_is_told_with_its_place_and_a_remedy(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(content)
    with pytest.raises(TaskError) as found:
        read_suite_file(path)
    assert message in found.value.message
    assert "s.yaml" in found.value.message
    assert found.value.hint


def test_a_suite_that_has_a_tasks_name_is_refused(tmp_path: Path, main: Cli) -> None:
    write_suite(tmp_path / "tasks", "gsm8k", {"math": ["sums"]})
    found = main("run", "--model", "stub", "--task", "gsm8k", "--mode", "cot", "--tasks-dir", tmp_path / "tasks")
    assert found.code == 2
    assert "'gsm8k' is the name of a task, and of the suite tasks/suites/gsm8k.yaml" in found.err


def test_a_path_that_leads_nowhere_is_told(tmp_path: Path, main: Cli) -> None:
    found = main("run", "--model", "stub", "--task", "no.suite.yaml", "--mode", "cot")
    assert (found.code, "there is no file no.suite.yaml" in found.err) == (2, True)


@pytest.mark.parametrize(("sizes", "total", "counts"), [row(found, "sizes total counts") for found in CASES["spread"]])
def test_a_total_is_spread_as_evenly_as_can_be(sizes: str, total: str, counts: str) -> None:
    there = [*map(int, sizes.split())]
    assert spread(there, int(total)) == [*map(int, counts.split())]
    assert sum(spread(there, int(total))) == min(int(total), sum(there))


# --- made-up tasks ------------------------------------------------------------------------------------------------


def write_task(folder: Path, name: str, count: int, groups: int = 0) -> None:
    rows = [
        {"question": f"What is {place} + {len(name)} in {name}?", "answer": str(place + len(name))}
        | ({"group": f"g{place % groups}"} if groups else {})
        for place in range(count)
    ]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    group = ", group: group" if groups else ""
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\nabout: made up\nsource: {{file: {name}.jsonl, rows: {count}}}\n"
        f"fields: {{question: question, gold: answer{group}}}\ngold_reader: plain\n"
        "answer: {type: number, form: 'Answer: <answer>', phrase: where <answer> is a number}\n"
    )


def write_suite(tasks: Path, name: str, categories: dict[str, list[str]], **more: Any) -> Path:
    (tasks / "suites").mkdir(parents=True, exist_ok=True)
    path = tasks / "suites" / f"{name}.yaml"
    path.write_text(json.dumps({"name": name, "about": "made up", "categories": categories, **more}))
    return path


SIZES = {"sums": 60, "more": 12, "facts": 50, "others": 40}
TWO = {"math": ["sums", "more"], "soft": ["facts"]}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name, count in SIZES.items():
        write_task(folder, name, count, groups=3 if name == "sums" else 0)
    return folder


def run(main: Cli, *asked: object, code: int = 0) -> Manifest:
    found = main("run", "--model", "stub", "--mode", "direct,cot", "--tasks-dir", "tasks", "--json", "-q", *asked)
    assert found.code == code, found.err
    return read_manifest(Path(json.loads(found.out)["folder"]))


def questions_of(manifest: Manifest) -> dict[str, int]:
    return {task: row["questions"] for task, row in manifest.data.items()}


# --- what is asked ------------------------------------------------------------------------------------------------


def test_a_suite_asks_all_questions_of_its_tasks_in_their_order_and_the_manifest_records_it(
    tasks: Path, main: Cli
) -> None:
    path = write_suite(tasks, "two", TWO, symbolic=["math"])
    manifest = run(main, "--task", "two")
    assert list(questions_of(manifest).items()) == [("sums", 60), ("more", 12), ("facts", 50)]
    [entry] = manifest.suites
    assert (entry.name, entry.categories, entry.symbolic, entry.own) == ("two", TWO, ["math"], True)
    assert entry.hash == read_suite_file(path).hash
    assert manifest.options["tasks"] == ["two"]
    assert not manifest.question_ids


def test_what_a_suite_asks_is_what_its_tasks_by_name_ask(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "two", TWO)
    assert run(main, "--task", "two").run == run(main, "--task", "sums,more,facts").run


def test_a_task_that_is_named_through_suites_and_by_itself_counts_once(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "two", TWO)
    write_suite(tasks, "three", {"soft": ["facts", "others"]})
    manifest = run(main, "--task", "two,three,facts")
    assert list(questions_of(manifest)) == ["sums", "more", "facts", "others"]
    assert [entry.name for entry in manifest.suites] == ["two", "three"]
    twice = main("run", "--model", "stub", "--mode", "cot", "--tasks-dir", "tasks", "--task", "two,facts,facts")
    assert (twice.code, "facts is named twice" in twice.err) == (2, True)


def test_a_limit_per_category_is_spread_over_its_tasks_and_their_groups(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "few", TWO, limit_per_category=36)
    manifest = run(main, "--task", "few")
    assert questions_of(manifest) == {"sums": 24, "more": 12, "facts": 36}
    assert manifest.suites[0].limits == {"sums": 24, "facts": 36}
    folder = Path("results") / manifest.run
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    assert Counter(row["group"] for row in rows if row["task"] == "sums") == {"g0": 8, "g1": 8, "g2": 8}
    assert {task: len(ids) for task, ids in manifest.question_ids.items()} == {"sums": 24, "facts": 36}
    other = run(main, "--task", "few", "--seed", "1")
    assert other.question_ids["facts"] != manifest.question_ids["facts"]


def test_the_largest_number_of_questions_that_anybody_asks_for_is_asked(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "few", TWO, limit_per_category=36)
    write_suite(tasks, "fewer", {"soft": ["facts", "others"]}, limit_per_category=20)
    assert questions_of(run(main, "--task", "fewer,few")) == {"facts": 36, "others": 10, "sums": 24, "more": 12}
    assert questions_of(run(main, "--task", "fewer,facts")) == {"facts": 50, "others": 10}
    assert questions_of(run(main, "--task", "few", "--limit", "20")) == {"sums": 20, "more": 12, "facts": 20}


def test_a_dry_run_says_how_many_questions_of_which_category(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "few", TWO, limit_per_category=36)
    asked = ("run", "--model", "stub", "--mode", "cot", "--tasks-dir", "tasks", "--task", "few,others", "--dry-run")
    out = " ".join(main(*asked).out.split())
    assert "few: math 36 (sums 24, more 12); soft 36 (facts 36). others 40." in out
    counts = {row["task"]: row["questions"] for row in json.loads(main(*asked, "--json").out)}
    assert counts == {"sums": 24, "more": 12, "facts": 36, "others": 40}


def test_a_suite_of_ones_own_is_named_by_its_path_and_names_files_beside_it(
    tasks: Path, tmp_path: Path, main: Cli
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n' * 3)
    content = {"name": "mine", "about": "x", "categories": {"a": ["own rows.jsonl"], "b": ["sums"]}}
    for name in ("mine.suite.yaml", "mine.yaml"):
        (tmp_path / "mine" / name).write_text(json.dumps(content))
        manifest = run(main, "--task", f"mine/{name}")
        assert questions_of(manifest) == {"own_rows": 3, "sums": 60}
        assert manifest.suites[0].categories == {"a": ["own_rows"], "b": ["sums"]}
    assert main("run", "--resume", manifest.run).code == 0


def test_lists_and_help_have_the_suites(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "few", TWO, limit_per_category=36, missing=[{"name": "q", "category": "soft", "why": "no"}])
    rows = {row["suite"]: row for row in json.loads(main("list", "suites", "--tasks-dir", "tasks", "--json").out)}
    assert sorted(rows) == ["core", "few", "paper", "quick"]
    assert (rows["few"]["tasks"], rows["few"]["limit_per_category"]) == (3, 36)
    assert rows["few"]["missing"] == "q (no)"
    assert "few" not in main("list", "tasks", "--tasks-dir", "tasks", "--json").out
    assert "suites of them" in main("run", "--help").out


def test_doctor_looks_at_each_task_of_a_suite(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "few", TWO, limit_per_category=36)
    found = main("doctor", "--task", "few,facts", "--tasks-dir", "tasks", "--json")
    assert found.code == 0, found.err
    assert [(row["task"], row["ok"]) for row in json.loads(found.out)] == [
        ("sums", True), ("more", True), ("facts", True),
    ]  # fmt: skip


# --- what goes on, and what can't be had -------------------------------------------------------------------------


def test_a_run_is_gone_on_with_graded_and_run_again_as_its_suite_was(tasks: Path, main: Cli) -> None:
    path = write_suite(tasks, "few", TWO, limit_per_category=36)
    first = run(main, "--task", "few")
    write_suite(tasks, "few", {"soft": ["others"]})
    assert run(main, "--resume", first.run).spec_row == first.spec_row
    path.unlink()
    resumed = run(main, "--resume", first.run)
    assert (resumed.spec_row, resumed.suites) == (first.spec_row, first.suites)
    assert main("score", first.run).code == 0
    again = main("reproduce", Path("results") / first.run, "-o", "again", "--json")
    assert again.code == 0, again.err
    found = json.loads(again.out)
    assert {check["state"] for check in found["checks"] if check["what"].startswith("task")} == {"same"}
    assert all(row["same_answer"] == row["both"] for row in found["results"])


@pytest.mark.patient
def test_the_same_command_after_a_change_of_the_suite_is_another_run(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "two", TWO)
    first = run(main, "--task", "two")
    write_suite(tasks, "two", {"math": ["sums"]})
    assert run(main, "--task", "two").run != first.run
    write_suite(tasks, "two", TWO, symbolic=["math"])  # which no result depends on
    assert run(main, "--task", "two").run == first.run


def test_nothing_is_asked_where_a_task_cant_be_had_unless_somebody_says_so(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "two", {"math": ["sums", "nowhere"], "soft": ["gone"]})
    write_task(tasks, "gone", 5)
    (tasks / "gone.yaml").write_text((tasks / "gone.yaml").read_text().replace("rows: 5", "rows: 6"))
    asked = ("run", "--model", "stub", "--mode", "direct,cot", "--tasks-dir", "tasks", "--task", "two")
    found = main(*asked)
    assert found.code == 3
    assert "2 of 3 tasks can't be had" in found.err
    assert "nowhere: there is no such task here" in found.err
    assert "source.rows is 6 but" in found.err
    assert "--skip-missing" in found.err
    assert not list(Path().glob("results/*"))

    manifest = run(main, "--task", "two", "--skip-missing")
    assert questions_of(manifest) == {"sums": 60}
    assert sorted(manifest.skipped) == ["gone", "nowhere"]
    assert manifest.suites[0].categories == {"math": ["sums", "nowhere"], "soft": ["gone"]}
    write_task(tasks, "gone", 5)  # it can be had now, and isn't of this run
    assert questions_of(run(main, "--resume", manifest.run)) == {"sums": 60}
    said = main("run", "--resume", manifest.run).err
    assert "Left out: nowhere: there is no such task here" in said


def test_a_run_of_nothing_is_no_run(tasks: Path, main: Cli) -> None:
    write_suite(tasks, "none", {"math": ["nowhere"]})
    asked = ("run", "--model", "stub", "--mode", "cot", "--tasks-dir", "tasks", "--task", "none", "--skip-missing")
    found = main(*asked)
    assert (found.code, "1 of 1 tasks can't be had" in found.err) == (3, True)


def test_a_gated_data_set_that_is_left_out_is_told_with_where_its_terms_are(
    tasks: Path, main: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COTBENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "them" / "theirs").mkdir(parents=True)
    (tasks / "theirs.yaml").write_text(
        "name: theirs\nabout: gated\n"
        "source: {dataset: them/theirs, revision: abc, rows: 5, gated: true}\n"
        "fields: {question: question, gold: answer}\ngold_reader: plain\n"
        "answer: {type: number, form: 'Answer: <answer>', phrase: where <answer> is a number}\n"
    )
    write_suite(tasks, "two", {"math": ["sums", "theirs"]})
    asked = ("run", "--model", "stub", "--mode", "cot", "--tasks-dir", "tasks", "--task", "two")
    assert "accepted its terms: do so at https://huggingface.co/datasets/them/theirs" in main(*asked).err
    assert "huggingface.co/datasets/them/theirs" in run(main, "--task", "two", "--skip-missing").skipped["theirs"]


def test_words_are_tasks_where_no_suite_has_the_name(tasks: Path) -> None:
    chosen = choose(["sums", "facts"], tasks)
    assert (list(chosen.files), chosen.suites) == (["sums", "facts"], ())
    shutil.rmtree(tasks)


def test_a_suite_may_be_like_another(tmp_path: Path) -> None:
    folder = tmp_path / "suites"
    folder.mkdir()
    whole = {"name": "whole", "about": "all", "categories": {"math": ["gsm8k"]}, "symbolic": ["math"]}
    (folder / "whole.yaml").write_text(yaml.safe_dump(whole))
    brief = folder / "brief.yaml"
    brief.write_text(yaml.safe_dump({"name": "brief", "about": "some", "like": "whole", "limit_per_category": 20}))
    found = read_suite_file(brief)
    assert (found.suite.about, found.suite.limit_per_category) == ("some", 20)
    assert found.suite.categories == {"math": ["gsm8k"]}
    before = found.hash
    (folder / "whole.yaml").write_text(yaml.safe_dump({**whole, "categories": {"math": ["gsm8k", "math"]}}))
    assert read_suite_file(brief).hash != before
    brief.write_text(yaml.safe_dump({"name": "brief", "about": "some", "like": "wohle"}))
    with pytest.raises(TaskError, match=r"brief\.yaml: like: there is no file .*wohle\.yaml"):
        read_suite_file(brief)
