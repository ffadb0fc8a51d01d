"""Runs -> panels: which records stand side by side, what keeps them apart, and what a cell says of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import Cli
from handmade import write_journal
from test_compare import OUTCOMES, QUESTIONS, make_run, record, write_run

from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.answers.reading import VAGUE
from cotbench.errors import RunError
from cotbench.modes import MODES, Facts, facts_of, find_mode
from cotbench.modes.arms import base_of
from cotbench.questions.tagging import RULES
from cotbench.store.manifest import Manifest
from cotbench.store.questions import write_questions
from cotbench.types import UNDECIDED, Completion, Question


def panels(*folders: Path) -> tuple[list[Panel], list[str]]:
    return panels_of([load_run(folder) for folder in folders])


def change(folder: Path, edit: Any) -> Path:
    """Edit a manifest as JSON."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    edit(content)
    msgspec.convert(content, Manifest).write(folder)
    return folder


def test_a_cell_by_hand(tmp_path: Path) -> None:
    letters = "cwutegrnxs"
    assert set(letters) <= set(OUTCOMES)
    vague = sorted(VAGUE)[0]
    rows = [
        record(q.id, "direct", letter, rule=vague if letter == "w" else "contract", completion_tokens=at or None)
        for at, (q, letter) in enumerate(zip(QUESTIONS, letters, strict=True))
    ]
    [panel], notes = panels(write_run(tmp_path / "r", [*rows[:-1], record("t-0", "cot", "c")]))
    assert notes == []
    # t-9 has no record under any mode, so the panel hasn't got it.
    assert [q.id for q in panel.questions] == [f"t-{i}" for i in range(9)]
    cell = panel.cells["direct"]
    assert cell.asked.tolist() == [True] * 9
    assert cell.decided.tolist() == [letter not in "eg" for letter in letters[:-1]]
    assert cell.right.tolist() == [letter == "c" for letter in letters[:-1]]
    assert cell.read.tolist() == [letter in "cwg" for letter in letters[:-1]]
    assert cell.cut.tolist() == [letter == "t" for letter in letters[:-1]]
    assert cell.vague.tolist() == [letter == "w" for letter in letters[:-1]]
    tokens = cell.tokens("completion")
    assert np.isnan(tokens[0])
    assert tokens[1:].tolist() == list(range(1, 9))
    other = panel.cells["cot"]
    assert other.asked.tolist() == [True] + [False] * 8
    assert not other.decided[1:].any()
    assert np.isnan(other.tokens("prompt")[1:]).all()
    assert {OUTCOMES[x] for x in "eg"} == {o.value for o in UNDECIDED}


def test_groups_and_clusters(tmp_path: Path) -> None:
    questions = [
        replace(q, group="ba "[at % 3].strip(), cluster="p" if at < 4 else "") for at, q in enumerate(QUESTIONS)
    ]
    [panel], _ = panels(make_run(tmp_path / "r", {"direct": "c" * 10}, questions=questions))
    assert list(panel.groups) == ["a", "b"]
    assert {name: np.flatnonzero(mask).tolist() for name, mask in panel.groups.items()} == {
        "a": [1, 4, 7],
        "b": [0, 3, 6, 9],
    }
    assert panel.clusters is not None
    assert len(set(panel.clusters.tolist())) == 7
    assert len(set(panel.clusters[:4].tolist())) == 1
    [plain], _ = panels(make_run(tmp_path / "s", {"direct": "c" * 10}))
    assert plain.clusters is None
    assert plain.clusters_of(np.ones(10, dtype=bool)) is None
    assert plain.groups == {}


def test_places(tmp_path: Path) -> None:
    [panel], _ = panels(make_run(tmp_path / "r", {"direct": "c" * 10}))
    assert [panel.places[q.id] for q in panel.questions] == list(range(10))


def test_runs_of_different_questions_make_one_panel(tmp_path: Path) -> None:
    """Two runs, each of which knows the questions that it asked, and no others."""
    first, second = QUESTIONS[:6], QUESTIONS[4:]
    one = make_run(tmp_path / "a", {"direct": "c" * 6}, questions=first)
    other = make_run(tmp_path / "b", {"cot": "w" * 6}, questions=second)
    [panel], notes = panels(one, other)
    assert [q.id for q in panel.questions] == [q.id for q in QUESTIONS]
    assert (panel.cells["direct"].asked & panel.cells["cot"].asked).sum() == 2
    assert notes == []


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("model revision", lambda m: m["spec"]["model"].update(revision="r2")),
        ("dtype", lambda m: m["spec"]["model"].update(dtype="float16")),
        ("--model-args", lambda m: m["spec"].update(model_args={"x": 1})),
        ("chat template", lambda m: m["spec"]["model"].update(chat_template_hash="other")),
        ("system role", lambda m: m["engine"].update(system_role="folded")),
        ("task file", lambda m: m["spec"]["tasks"]["t"].update(file="other")),
        ("data", lambda m: m["spec"]["tasks"]["t"].update(data="d2")),
        ("exemplars (--num-fewshot)", lambda m: m["spec"].update(num_fewshot=3)),
        ("exemplars' source (--exemplars)", lambda m: m["spec"].update(exemplars="mine")),
    ],
)
def test_what_keeps_two_runs_apart(name: str, edit: Any, tmp_path: Path) -> None:
    one = make_run(tmp_path / "a", {"direct": "c" * 10})
    other = make_run(tmp_path / "b", {"cot": "w" * 10})
    [panel], _ = panels(one, other)
    assert list(panel.cells) == ["direct", "cot"]
    change(other, edit)
    with pytest.raises(RunError) as error:
        panels(one, other)
    assert f"\n  {name}: " in str(error.value)
    # Where one of them can be paired with another run, the rest is a panel of its own, with a note.
    third = make_run(tmp_path / "c", {"cot": "c" * 10})
    two, [note] = panels(one, other, third)
    assert [(p.model, list(p.cells)) for p in two] == [("m [a]", ["direct", "cot"]), ("m [b]", ["cot"])]
    assert name in note


def test_one_mode_of_two_kinds_is_no_pair_and_no_error(tmp_path: Path) -> None:
    """Two revisions under one mode: nothing was asked to be paired."""
    runs = [make_run(tmp_path / name, {"direct": "c" * 10}, revision=name) for name in "ab"]
    two, notes = panels(*runs)
    assert [p.model for p in two] == ["m [a]", "m [b]"]
    assert notes == []


def test_tasks_and_models_have_panels_of_their_own(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, {"direct": "c" * 10, "cot": "w" * 10}, model=name) for name in "ab"]
    found, _ = panels(*runs)
    assert [(p.model, p.task, list(p.cells)) for p in found] == [
        ("a", "t", ["direct", "cot"]),
        ("b", "t", ["direct", "cot"]),
    ]


def test_a_run_without_records_and_a_record_without_a_question(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "-" * 10})
    with pytest.raises(RunError, match="there are no records yet"):
        panels(folder)
    folder = make_run(tmp_path / "b", {"direct": "c" * 10})
    write_questions(folder, QUESTIONS[:9], {q.id: "1" for q in QUESTIONS})
    with pytest.raises(RunError, match="lacks question t-9"):
        load_run(folder)


def test_a_record_of_a_mode_that_is_not_in_the_manifest_is_no_record(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", [record("t-0", "direct", "c"), record("t-0", "cot", "c")], modes=["direct"])
    with pytest.raises(RunError, match=r"records.jsonl:2: mode is 'cot', expected one of this run \(direct\)"):
        panels(folder)


def test_the_last_of_two_records_of_one_question_counts(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", [record("t-0", "direct", "w"), record("t-0", "direct", "c")])
    [panel], _ = panels(folder)
    assert panel.cells["direct"].right.tolist() == [True]


@pytest.mark.parametrize("identity", ['a "quote"', "back\\slash", "é 漢字 🙂", "lone \ud800", "", "\u2028"])
def test_names_of_questions(identity: str, tmp_path: Path) -> None:
    asked = [Question(id=identity, task="t", text="x = 1"), Question(id="z", task="t", text="y")]
    folder = make_run(tmp_path / "a", {"direct": "cw", "cot": "wc"}, questions=asked)
    [panel], _ = panels(folder)
    assert {q.id for q in panel.questions} == {identity, "z"}
    assert panel.cells["cot"].right[panel.places["z"]]


def test_a_new_mode_says_itself_whether_it_answers_in_words(tmp_path: Path) -> None:
    """Rules on responses ask a fact that the run recorded, so that a mode that nobody knew is not passed over."""
    folder = make_run(tmp_path / "a", {"direct": "c" * 10, "sketch": "w" * 10})
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for row in rows:
        row["requests"] = [[row["mode"], 0]]
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stop = {"finish_reason": "stop"}
    write_journal(
        folder,
        {
            (q.id, mode): [Completion(text="so x = 1" if mode == "sketch" else "Answer: 1", **stop)]
            for q in QUESTIONS
            for mode in ("direct", "sketch")
        },
    )
    for said, symbolic, noted in (
        ({}, 0, 1),
        ({"sketch": {"answers_in": "words"}}, 10, 0),
        ({"sketch": {"answers_in": "program"}}, 0, 0),
    ):
        change(folder, lambda m, said=said: m.update(modes=said))
        run = load_run(folder)
        [panel], _ = panels_of([run])
        tags = panel.tags(RULES["eq_response"])
        assert tags is not None
        assert int((tags == 1).sum()) == symbolic
        notes = compare([run]).notes
        assert sum("doesn't say whether sketch answers in words" in note for note in notes) == noted


def test_a_run_records_the_facts_of_its_modes(tmp_path: Path, main: Cli) -> None:
    names = [name for name in MODES if MODES[name].runs is None]
    options = ("--task", "sample", "--mode", ",".join(names), "--limit", "2", "--paths", "2", "-q")
    assert main("run", "--model", "stub", *options).code == 0
    [path] = (tmp_path / "results").glob("*/manifest.json")
    recorded = json.loads(path.read_text())["modes"]
    begun = {name: f"{name}@answer=begun" for name in names if MODES[name].own.answer}
    assert list(recorded) == [begun.get(name, name) for name in names]
    assert set(begun) == {"direct", "direct-votes", "plan-direct"}
    for name, facts in recorded.items():
        read = Facts.from_dict(facts, Facts())
        assert read == facts_of(name, facts)
        assert read.answers_in == MODES[base_of(name)].facts.answers_in
        thinks = {"think": ("on", "switch"), "no-think": ("off", "closed"), "cascade": ("", "")}.get(
            name, ("off", "switch")
        )
        assert (read.thinks, read.thinks_by) == thinks, name
        assert replace(read, thinks="", thinks_by="") == facts_of(name), name


@pytest.mark.parametrize(
    "arm",
    ["self-consistency@stop=adaptive", "direct-votes@stop=window", "direct-votes@stop=full",
     "self-consistency@confidence=lowest"],
)  # fmt: skip
def test_what_a_setting_takes_away_is_not_read_from_the_table_of_modes(arm: str) -> None:
    facts = find_mode(arm).facts
    read = facts_of(arm, facts.as_dict())
    assert (read.votes_over, read.stops, read.picks) == (facts.votes_over, facts.stops, facts.picks)
    assert bool(facts.votes_over) == ("full" in arm)
    odd = {**facts.as_dict(), "settings": {"stop": 3, "confidence": None, "else": 1}}
    assert facts_of(arm, odd).votes_over == MODES[base_of(arm)].facts.votes_over


def test_facts_of_the_wrong_type_are_passed_over() -> None:
    assert facts_of("cot", {"label": 3, "main": "no", "answers_in": "plan", "later": 1}) == replace(
        facts_of("cot"), answers_in="plan"
    )
    assert facts_of("sketch") == Facts(label="sketch")
