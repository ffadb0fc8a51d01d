"""`cotbench.load`: recorded runs as data frames."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import Cli
from handmade import QUESTIONS, make_record, make_run, write_journal, write_run

import cotbench
from cotbench.errors import RunError, UsageError
from cotbench.store.records import Record
from cotbench.types import Completion, Question

FLIPS = {"direct": "wwwcccuwec", "cot": "cccwcctwcg"}


def test_records_of_a_small_run_by_hand(tmp_path: Path) -> None:
    run = cotbench.load(make_run(tmp_path / "r", FLIPS))
    frame = run.records
    assert len(frame) == 20
    correct = frame.groupby("mode")["correct"]
    assert correct.count().to_dict() == {"direct": 9, "cot": 9}, "a failed request and a grader timeout are NA"
    assert correct.sum().to_dict() == {"direct": 4, "cot": 6}
    assert frame["correct"].dtype == "boolean"
    assert frame["completion_tokens"].dtype == "Int64"
    assert repr(run) == "Frames(r: 20 records)"


def test_every_field_of_a_record_is_there(tmp_path: Path) -> None:
    frame = cotbench.load(make_run(tmp_path / "r", FLIPS)).records
    flat = {"span": "span_start", "votes": "margin", "before": "correct_before", "options": "mass"}
    names = {flat.get(name, name) for name in Record.__struct_fields__}
    for_others = {"source", "steps", "nodes"}  # where an answer stands, what was asked at once; a frame of its own
    assert names - for_others <= set(frame.columns)


def test_the_score_of_an_answer(tmp_path: Path) -> None:
    outcomes = {"correct": 1.0, "wrong": 0.0, "unparsed": 0.0, "engine_error": None}
    rows = [
        make_record(question=q.id, task="t", mode="cot", outcome=outcome, answer=None, gold="1")
        for q, outcome in zip(QUESTIONS, outcomes, strict=False)
    ]
    partly = make_record(question="t-9", task="t", mode="cot", outcome="wrong", answer="x", gold="1", score=0.25)
    scores = cotbench.load(write_run(tmp_path / "r", QUESTIONS, [*rows, partly])).records["score"]
    assert scores.dropna().tolist() == [1.0, 0.0, 0.0, 0.25]
    assert len(scores) == 5


def test_questions_and_their_tags(tmp_path: Path) -> None:
    frame = cotbench.load(make_run(tmp_path / "r", FLIPS)).questions
    assert list(frame["question"]) == [question.id for question in QUESTIONS]
    assert frame["eq_question"].tolist() == [True] * 4 + [False] * 6
    assert frame["subject"].isna().all(), "the rule says nothing of this task"
    assert "eq_paper" not in frame.columns


def test_pairs(tmp_path: Path) -> None:
    run = cotbench.load(make_run(tmp_path / "r", FLIPS))
    pairs = run.pairs("cot")
    assert (len(pairs), pairs["helped"].sum(), pairs["hurt"].sum()) == (8, 3, 1)
    assert (pairs["after"].mean() - pairs["before"].mean()) == pytest.approx(0.25)
    back = run.pairs("direct", baseline="cot")
    assert (back["helped"].sum(), back["hurt"].sum()) == (1, 3)
    merged = pairs.query("eq_question")
    assert len(merged) == 4
    with pytest.raises(UsageError, match=r"no mode 'pal'\. They have: direct, cot"):
        run.pairs("pal")
    with pytest.raises(UsageError, match="there is no mode 'ctt'"):
        run.pairs("ctt")


def test_several_runs_by_folder_or_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for mode, letters in FLIPS.items():
        make_run(tmp_path / "results" / mode, {mode: letters})
    both = cotbench.load(["direct", tmp_path / "results" / "cot"])
    assert len(both.records) == 20
    assert len(both.questions) == 10
    assert len(both.pairs("cot")) == 8
    assert len(cotbench.load("direct").records) == 10
    assert len(cotbench.load("direct", output_dir=tmp_path / "results").records) == 10
    with pytest.raises(RunError, match="there is no run 'none'"):
        cotbench.load("none")
    with pytest.raises(UsageError, match="no run is named"):
        cotbench.load([])


def test_votes_executions_and_outputs_of_the_stub(tmp_path: Path, main: Cli) -> None:
    done = main(
        "run", "-q", "--model", "stub", "--task", "sample", "--limit", "6", "--paths", "4", "--json",
        "--mode", "direct,self-consistency,pal,plan-cot,plan-solver",
    )  # fmt: skip
    assert done.code == 0, done.err
    run = cotbench.load(tmp_path / json.loads(done.out)["folder"])
    votes = run.votes
    assert votes.groupby(["question", "mode"]).size().eq(4).all()
    assert set(votes["mode"]) == {"self-consistency", "pal"}
    assert votes["correct"].isna().equals(votes["answer"].isna()), "no verdict where a path abstained"
    assert set(run.executions["mode"]) == {"pal", "plan-solver"}
    assert run.executions["number"].max() == 4
    outputs = run.outputs()
    replies = outputs["begun"] == ""
    assert len(outputs[(outputs["mode"] == "self-consistency") & replies]) == 6 * 4
    assert set(outputs[outputs["mode"] == "plan-cot"]["template"]) == {"plan", "plan-cot"}
    one = run.outputs(run.questions["question"][0])
    assert one.reset_index(drop=True).equals(
        outputs[outputs["question"] == run.questions["question"][0]].reset_index(drop=True)
    )
    with pytest.raises(UsageError, match="no question 'none'"):
        run.outputs("none")


def test_empty_frames_have_their_columns(tmp_path: Path) -> None:
    run = cotbench.load(make_run(tmp_path / "r", FLIPS))
    for frame, column in ((run.votes, "path"), (run.executions, "stdout"), (run.outputs(), "finish_reason")):
        assert len(frame) == 0
        assert column in frame.columns


def test_lone_surrogates_become_escapes(tmp_path: Path) -> None:
    question = Question(id="t-0", task="t", text="What \ud800?")
    record = make_record(
        question="t-0", task="t", mode="cot", outcome="wrong", answer="\udfff", gold="1", requests=(("cot", 0),)
    )
    folder = write_run(tmp_path / "r", [question], [record])
    write_journal(folder, {("t-0", "cot"): [Completion(text="\x1b[31m\u202e \ud83d", finish_reason="stop")]})
    run = cotbench.load(folder)
    # An older pandas keeps them as they are.
    assert run.outputs()["text"][0].encode("utf-8", "backslashreplace").decode() == "\x1b[31m\u202e \\ud83d"
    assert run.questions["text"][0].encode("utf-8", "backslashreplace").decode() == "What \\ud800?"
    assert len(run.records) == 1


def test_importing_cotbench_is_light() -> None:
    script = "import sys, cotbench; print(sorted({'pandas', 'numpy', 'rich', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_frames_are_pandas(tmp_path: Path) -> None:
    run = cotbench.load(str(make_run(tmp_path / "r", FLIPS)))
    for frame in (run.questions, run.records, run.votes, run.executions, run.outputs(), run.pairs("cot")):
        assert isinstance(frame, pd.DataFrame)
