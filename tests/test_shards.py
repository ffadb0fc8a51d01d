"""`--shard`: which questions a shard asks, and what a run knows of being one."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st

import cotbench
from cotbench.errors import UsageError
from cotbench.questions.data import load_data, question_hash
from cotbench.questions.tasks import find_task
from cotbench.runs.options import RunOptions
from cotbench.runs.parsing import shard
from cotbench.runs.prepare import make_plan
from cotbench.runs.shards import homes
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.types import Question

Tasks = dict[str, list[Question]]


@st.composite
def tasks(draw: st.DrawFn) -> Tasks:
    """Up to three tasks with groups, and clusters of up to five questions; some clusters are the group by name."""
    found: Tasks = {}
    for task in draw(st.sets(st.sampled_from("abc"), min_size=1)):
        sizes = draw(st.lists(st.integers(1, 5), min_size=4, max_size=40))
        found[task] = []
        for number, size in enumerate(sizes):
            group = draw(st.sampled_from(["", "g", "h"]))
            own = draw(st.sampled_from(["", group, question_hash(group, ())])) if size == 1 else f"shared {number}"
            found[task] += [
                Question(id=f"{task}-{number}-{place}", task=task, text="?", group=group, cluster=own)
                for place in range(size)
            ]
    return found


def loads(questions: list[Question], home: dict[str, int], of: int) -> list[int]:
    counts = Counter(home[question.id] for question in questions)
    return [counts[number] for number in range(1, of + 1)]


def spread(counts: list[int]) -> int:
    return max(counts) - min(counts)


def largest(questions: list[Question]) -> int:
    shared = Counter(q.cluster for q in questions if q.cluster not in ("", q.group, question_hash(q.group, ())))
    return max(shared.values(), default=1)


@pytest.mark.patient
@given(tasks(), st.integers(1, 4), st.randoms())
@settings(max_examples=150, deadline=None)
def test_a_split_is_a_partition_into_equal_parts_of_whole_clusters(asked: Tasks, of: int, chance: object) -> None:
    home = homes(asked, of)
    every = [question for questions in asked.values() for question in questions]
    assert home.keys() == {question.id for question in every}
    assert set(home.values()) == set(range(1, of + 1))
    for questions in asked.values():
        assert spread(loads(questions, home, of)) <= largest(questions)
        shards: dict[str, set[int]] = {}
        for question in questions:
            if question.cluster.startswith("shared"):
                shards.setdefault(question.cluster, set()).add(home[question.id])
        assert all(len(found) == 1 for found in shards.values())
    assert spread(loads(every, home, of)) <= max(map(largest, asked.values()))
    mixed = {task: [*questions] for task, questions in reversed(asked.items())}
    for questions in mixed.values():
        chance.shuffle(questions)  # type: ignore[attr-defined]
    assert homes(mixed, of) == home


@pytest.mark.patient
@given(st.lists(st.sampled_from("ghij"), min_size=8, max_size=80), st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_questions_of_their_own_are_spread_evenly_within_each_stratum(groups: list[str], of: int) -> None:
    questions = [Question(id=f"q{n}", task="t", text="?", group=group) for n, group in enumerate(groups)]
    home = homes({"t": questions}, of)
    for group in "ghij":
        assert spread(loads([q for q in questions if q.group == group], home, of)) <= 1


def test_strata_are_spread_where_clusters_are_of_a_size() -> None:
    questions = [
        Question(id=f"q{n}-{place}", task="t", text="?", group=f"g{n % 3}", cluster=f"c{n}")
        for n in range(48)
        for place in range(2)
    ]
    home = homes({"t": questions}, 4)
    for group in ("g0", "g1", "g2"):
        assert loads([q for q in questions if q.group == group], home, 4) == [8, 8, 8, 8]


def test_the_split_stays_what_it_is() -> None:
    """Shards that were made by an earlier version go on with the same questions, and merge with later ones."""
    questions = [Question(id=f"q{n}", task="t", text="?", group=f"g{n % 2}", cluster=f"c{n // 3}") for n in range(18)]
    found = homes({"t": questions}, 3)
    assert [found[f"q{3 * n}"] for n in range(6)] == [3, 2, 2, 1, 1, 3]


@pytest.mark.data
@pytest.mark.parametrize("task", ["logiqa", "gsm-plus", "bbh", "winogrande", "lsat-rc"])
def test_real_tasks_are_split_evenly(task: str, data_dir: Path) -> None:
    questions = list(load_data(find_task(task), data_dir).questions)
    home = homes({task: questions}, 8)
    assert spread(loads(questions, home, 8)) <= (1 if largest(questions) < 9 else 9)  # seeds have eight variants each
    for group in {question.group for question in questions}:
        members = [question for question in questions if question.group == group]
        assert spread(loads(members, home, 8)) <= 2 * largest(questions)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("0/8", "The parts of 8 are 1/8 to 8/8."),
        ("9/8", "The parts of 8 are 1/8 to 8/8."),
        ("3", "As in --shard 3/8"),
        ("a/b", "As in --shard 3/8"),
        ("1/0", "As in --shard 3/8"),
        ("", "As in --shard 3/8"),
        ("-1/8", "As in --shard 3/8"),
    ],
)
def test_what_is_no_shard_has_one_error(typed: str, said: str, main: Cli) -> None:
    with pytest.raises(UsageError) as error:
        shard(typed)
    assert f"--shard: expected the number of a part and how many there are, found '{typed}'." in error.value.message
    assert said in error.value.hint
    done = main("run", "--model", "stub", "--task", "sample", "--shard", typed)
    assert done.code == 2
    assert done.err.count("Error") == 1


def test_what_is_typed_with_spaces_is_recorded_without() -> None:
    assert shard(" 03 / 8") == "3/8"


def test_more_shards_than_clusters_are_refused() -> None:
    with pytest.raises(UsageError) as error:
        make_plan(RunOptions(model="stub", tasks=["sample"], modes=["cot"], limit=6, shard="1/7"))
    assert error.value.message.startswith("--shard: sample has 6 clusters of questions")
    assert "Split the run into 6 shards or fewer" in error.value.hint


def planned(**more: object) -> dict[str, list[str]]:
    options = {"model": "stub", "tasks": ["sample"], "modes": ["direct", "cot"], "limit": 24, **more}
    plan = make_plan(RunOptions(**options))  # type: ignore[arg-type]
    return {task: [question.id for question in questions] for task, questions in plan.questions.items()}


def test_a_limit_comes_first_and_arms_and_seeds_change_nothing() -> None:
    whole = planned()["sample"]
    parts = [planned(shard=f"{number}/3")["sample"] for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(whole)
    assert [len(part) for part in parts] == [8, 8, 8]
    assert all(part == [name for name in whole if name in part] for part in parts)  # in the order of the run
    assert planned(shard="2/3", modes=["pal"])["sample"] == parts[1]


@pytest.mark.patient
def test_a_shard_is_a_run_of_its_own_that_knows_the_whole(tmp_path: Path, main: Cli) -> None:
    asked = {"tasks": ["sample"], "arms": ["direct", "cot"], "limit": 24, "progress": False, "output_dir": tmp_path}
    whole = cotbench.run("stub", reuse="off", **asked)  # type: ignore[arg-type]
    part = cotbench.run("stub", shard="2/3", reuse="off", **asked)  # type: ignore[arg-type]
    assert part.id != whole.id
    spec, of = read_manifest(part.folder).spec_row, read_manifest(whole.folder).spec_row
    row = of["tasks"]["sample"]
    assert spec["shard"] == {
        "number": 2,
        "of": 3,
        "whole": {"sample": {"questions": row["questions"], "ids": row["ids"]}},
    }
    assert spec["tasks"]["sample"]["questions"] == 8
    assert "shard" not in of
    assert {name: value for name, value in spec.items() if name not in ("shard", "tasks")} == {
        name: value for name, value in of.items() if name != "tasks"
    }
    again = cotbench.run("stub", shard="2/3", **asked)  # type: ignore[arg-type]
    assert (again.id, again.requests) == (part.id, 0)
    assert cotbench.run(resume=part, progress=False).requests == 0
    done = main("run", "--resume", part.folder, "--shard", "3/3")
    assert done.code == 3
    assert "shard.number: 2 -> 3" in done.err
    assert main("report", part.folder).code == 0
    assert "shard 2 of 3" in (part.folder / "report" / "summary.md").read_text()
    report = json.loads((part.folder / "report" / "report.json").read_text())
    assert report["provenance"][0]["shard"] == "2 of 3"
    done = main("reproduce", part.folder, "--check")
    assert done.code == 0, done.err


def test_a_dry_run_says_what_the_shard_holds(main: Cli) -> None:
    asked = ("run", "--model", "stub", "--task", "sample,demo", "--mode", "cot", "--limit", "24", "--shard", "1/3")
    done = main(*asked, "--dry-run")
    assert "Note: shard 1 of 3 asks 16 of the run's 48 questions (sample 8 of 24, demo 8 of 24)." in done.out
    done = main(*asked, "--dry-run", "--json")
    assert [row["questions"] for row in json.loads(done.out)] == [8, 8]
    assert "shard 1 of 3 asks 16 of the run's 48 questions" in done.err


def test_a_probe_is_of_the_whole_run(tmp_path: Path, main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", "sample", "--mode", "cot", "--shard", "1/3", "--probe", "4")
    assert done.code == 2
    assert done.err.startswith("Error: --probe asks the first questions of a run, and --shard 1/3 a part of all.")
    assert not (tmp_path / "results").exists()


@pytest.mark.patient
def test_experiments_have_shards_too(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "exp.yaml").write_text("models: stub\ntasks: sample\nmodes: [direct, cot]\nlimit: 12\n")
    for number in ("1/2", "2/2"):
        done = main("run", "exp.yaml", "--shard", number, "--quiet")
        assert done.code == 0, done.err
    folders = [path.parent for path in tmp_path.glob(f"results/*/{MANIFEST}")]
    assert sorted(read_manifest(folder).spec_row["shard"]["number"] for folder in folders) == [1, 2]
    assert main("merge", *folders, "--json").code == 0
    done = main("run", "exp.yaml", "--quiet", "--json")  # the merged run is the experiment's
    assert done.code == 0
    [row] = json.loads(done.out)["runs"]
    assert read_manifest(tmp_path / row["folder"]).merged is not None


@pytest.mark.patient
def test_a_shard_looks_for_no_replies_among_its_siblings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotbench.runs.earlier import Source

    looked: list[str] = []
    journal = Source.journal.func  # type: ignore[attr-defined]
    monkeypatch.setattr(Source, "journal", property(lambda self: looked.append(self.folder.name) or journal(self)))
    asked = {"tasks": ["sample"], "arms": ["cot"], "limit": 8, "progress": False, "output_dir": tmp_path}
    cotbench.run("stub", shard="1/2", **asked)  # type: ignore[arg-type]
    cotbench.run("stub", shard="2/2", **asked)  # type: ignore[arg-type]
    assert looked == []
    cotbench.run("stub", **asked)  # type: ignore[arg-type]
    assert len(set(looked)) == 2
