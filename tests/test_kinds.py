"""A kind of answers is one row: one of this file's own is read, judged in part, graded and run with no other edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli

from cotbench.answers.grader import Grader
from cotbench.answers.kinds import KINDS, AnswerKind
from cotbench.answers.reading import Extraction, extract
from cotbench.answers.reading.rules import Reading
from cotbench.errors import TaskError
from cotbench.questions.tasks import find_task
from cotbench.runs.score_file import score_file
from cotbench.types import AnswerType, Execution, ExecutionOutcome, Outcome, Verdict

COLOURS = re.compile(r"(?:red|green|blue)(?: (?:red|green|blue))*")


def read_colours(text: str, start: int, vague: bool, _: Sequence[str]) -> Iterator[Reading]:
    for match in [*COLOURS.finditer(text, start)][:: -1 if vague else 1]:
        yield "only", Extraction(answer=match[0], rule="only", span=match.span())


def share_of(gold: str, answer: str) -> float:
    """The share of gold's colours that an answer names."""
    wanted = gold.split()
    return sum(colour in answer.split() for colour in wanted) / len(wanted)


def judge_colours(gold: str, answer: str) -> float:
    return share_of(gold, answer)


def with_commas(value: Any, _: Sequence[str]) -> str:
    return " ".join(value.split(", "))


ROW = AnswerKind(
    name="colours",
    form="<colours>",
    phrase="where <colours> are colours with spaces between them",
    read=read_colours,
    quick=share_of,
    value=lambda execution: execution.value,
    gold_readers={"commas": with_commas},
)


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> AnswerKind:
    monkeypatch.setitem(KINDS, "colours", ROW)
    return ROW


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task file of four questions, with gold as its reader takes it."""
    golds = ["red, blue", "green", "blue, green", "red"]
    rows = [{"question": f"Which colours has flag {i}?", "answer": gold} for i, gold in enumerate(golds)]
    (tmp_path / "flags.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = {
        "name": "flags",
        "about": "colours of flags",
        "source": {"file": "flags.jsonl"},
        "fields": {"question": "question", "gold": "answer"},
        "gold_reader": "commas",
        "answer": {"type": "colours", "form": ROW.form, "phrase": ROW.phrase},
    }
    path = tmp_path / "flags.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_outputs_in_a_file_are_read_and_graded(tmp_path: Path) -> None:
    outputs = [("It is blue red", "blue red"), ("It is red", "red green"), ("No idea", "blue")]
    lines = [json.dumps({"id": i, "output": text, "gold": gold}) + "\n" for i, (text, gold) in enumerate(outputs)]
    (tmp_path / "o.jsonl").write_text("".join(lines))
    scored, summary = score_file(tmp_path / "o.jsonl", "colours", workers=1)
    assert [(row.answer, row.outcome) for row in scored] == [
        ("blue red", "correct"),
        ("red", "wrong"),
        (None, "unparsed"),
    ]
    assert summary.accuracy == 1 / 3


def test_the_command_takes_it(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "o.jsonl").write_text(json.dumps({"id": 1, "output": "red", "gold": "red"}) + "\n")
    assert main("score", "o.jsonl", "--answer-type", "colours").code == 0
    refused = main("score", "o.jsonl", "--answer-type", "color")
    assert f"expected {', '.join(AnswerType)}, colours, found 'color'" in refused.err


def test_a_task_of_it_runs(task: Path, tmp_path: Path, main: Cli) -> None:
    arguments = ("run", "--model", "stub", "--task", str(task), "--mode", "direct", "--mode", "pal")
    ran = main(
        *arguments, "--output-dir", str(tmp_path / "out"), "--model-args", "direct=1,pal=1,unparsed=0,truncated=0"
    )
    assert ran.code == 0, ran.err
    [records] = (tmp_path / "out").glob("*/records.jsonl")
    rows = [json.loads(line) for line in records.read_text().splitlines()]
    assert {(row["gold"], row["answer"], row["outcome"]) for row in rows} == {
        (gold, gold, "correct") for gold in ("red blue", "green", "blue green", "red")
    }
    assert len(rows) == 8


def test_a_record_keeps_the_score_of_an_answer_that_is_partly_right(task: Path, tmp_path: Path, main: Cli) -> None:
    """Written where the outcome doesn't say it; and the same when the run is graded again."""
    said = ["red", "green", "no idea", "blue"]  # of red and blue, green, blue and green, red
    rows = [{"question": f"Which colours has flag {i}?", "output": text} for i, text in enumerate(said)]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--model", "m", "--engine", "replay", "--model-args", "path=said.jsonl", "--mode", "direct")
    assert main("run", *options, "--task", task).code == 0
    [records] = (tmp_path / "results").glob("*/records.jsonl")
    before = records.read_bytes()
    rows = [json.loads(line) for line in before.splitlines()]
    assert sorted((row["answer"] or "", row["outcome"], row.get("score")) for row in rows) == [
        ("", "unparsed", None), ("blue", "wrong", None), ("green", "correct", None), ("red", "wrong", 0.5)
    ]  # fmt: skip
    assert json.loads(main("score", records.parent, "--json").out)["changes"] == []
    assert records.read_bytes() == before


def test_the_names_in_a_task_file_are_those_of_the_table(task: Path) -> None:
    text = task.read_text()
    task.write_text(text.replace("type: colours", "type: tones"))
    with pytest.raises(TaskError, match=r"answer.type: Input should be 'number', 'latex', 'letter', .* or 'colours'"):
        find_task(str(task))
    task.write_text(text.replace("gold_reader: commas", "gold_reader: dots"))
    with pytest.raises(TaskError, match=r"gold_reader: Input should be 'hashes', .* 'boolean' or 'commas'"):
        find_task(str(task))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("red green", Verdict(Outcome.CORRECT, 1.0)),
        ("green red", Verdict(Outcome.CORRECT, 1.0)),
        ("red", Verdict(Outcome.WRONG, 0.5)),
        ("blue", Verdict(Outcome.WRONG, 0.0)),
    ],
)
@pytest.mark.parametrize("in_a_worker", [False, True])
def test_an_answer_may_be_partly_right(
    answer: str, verdict: Verdict, in_a_worker: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_a_worker:
        from dataclasses import replace

        monkeypatch.setitem(KINDS, "colours", replace(ROW, quick=lambda gold, answer: None, judge=judge_colours))
    grader: Grader[int] = Grader(workers=1)
    try:
        verdicts = [grader.submit(0, answer, "red green", "colours")]
        while grader.pending:
            verdicts = [late for _, late in grader.done(0.5)] or verdicts
    finally:
        grader.close()
    assert verdicts == [verdict]


def test_kinds_do_not_share_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(KINDS, "colours", replace(ROW, quick=lambda gold, answer: None, judge=judge_colours))
    grader: Grader[int] = Grader(workers=1)
    try:
        assert grader.submit(0, "red", "red green", "colours") is None
        assert grader.submit(1, "red", "red green", "letter") == Verdict(Outcome.WRONG, 0.0)
        while grader.pending:
            grader.done(0.5)
        assert grader.submit(2, "red", "red green", "letter") == Verdict(Outcome.WRONG, 0.0)
    finally:
        grader.close()


def test_every_kind_that_comes_with_cotbench_has_a_row() -> None:
    assert [name for name in KINDS if name != "colours"] == list(AnswerType)
    assert [name for name, kind in KINDS.items() if kind.judge] == ["latex"], "only formulas need workers"


@pytest.mark.parametrize(
    ("name", "value", "decimal", "answer"),
    [
        ("number", "3/2", "1.5", "1.5"),
        ("number", "18 dollars", None, "18"),
        ("number", "(1, 2)", None, None),
        ("latex", "3/2", "1.5", r"\frac{3}{2}"),
        ("letter", "3/2", "1.5", "B"),
        ("colours", "red", None, "red"),
    ],
)
def test_a_programs_value_is_an_answer(name: str, value: str, decimal: str | None, answer: str | None) -> None:
    latex = r"\frac{3}{2}" if value == "3/2" else value
    execution = Execution(outcome=ExecutionOutcome.OK, value=value, latex=latex, decimal=decimal, option="B")
    assert KINDS[name].value(execution) == answer


def test_what_is_read_is_the_rows_doing() -> None:
    assert extract("first red, then blue", "colours").answer == "blue"
    assert extract("first red, then blue", "colours", truncated=True).answer == "red"
