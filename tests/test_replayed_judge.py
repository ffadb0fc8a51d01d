"""A judge whose outputs are replayed: the example of docs/replay.md, run as it stands there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Cli

PAGE = (ROOT / "docs" / "replay.md").read_text()
NAMED = re.compile(r"^```\w+\n# ([\w.]+)\n(.*?)^```$", re.M | re.S)
[COMMAND] = [
    shlex.split(block.replace("\\\n", " "))[1:]
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    if "--judge-engine" in block
]
FIRST = {"self-consistency": ["wrong", "wrong"], "best-of-n": ["correct", "correct"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for name, content in NAMED.findall(PAGE):
        (tmp_path / name).write_text(content)
    return tmp_path


def outcomes(folder: Path, done: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (folder / done.out.splitlines()[-1] / "records.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["mode"], []).append(row["outcome"])
    return found


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_example_of_the_page_is_as_it_says(folder: Path, main: Cli) -> None:
    done = main(*COMMAND)
    assert done.code == 0, done.err
    assert outcomes(folder, done) == FIRST


@pytest.mark.parametrize("place", range(6))
def test_each_mark_is_needed(folder: Path, main: Cli, place: int) -> None:
    marks = lines(folder, "marks.jsonl")
    lost = marks.pop(place)
    write(folder, "marks.jsonl", marks)
    done = main(*COMMAND)
    assert done.code == 4
    assert "marks.jsonl has 0 of 1 outputs for the prompt that says" in done.err
    assert "(mode judge)" in done.err
    assert lost["prompt"] in done.err
    assert sorted(outcomes(folder, done)["best-of-n"]) == ["correct", "engine_error"]


def test_what_is_wrong_with_a_judges_file_is_said_to_be_the_judges(folder: Path, main: Cli) -> None:
    write(folder, "marks.jsonl", [*lines(folder, "marks.jsonl"), {"output": "Score: 3"}])
    done = main(*COMMAND)
    assert done.code == 0, done.err
    assert "the judge: 1 line can't be used: marks.jsonl:7: expected the keys" in " ".join(done.err.split())


def test_one_file_serves_a_model_that_judges_itself(folder: Path, main: Cli) -> None:
    write(folder, "chains.jsonl", lines(folder, "chains.jsonl") + lines(folder, "marks.jsonl"))
    done = main(*COMMAND[: COMMAND.index("--judge-model")])
    assert done.code == 0, done.err
    assert outcomes(folder, done) == FIRST


def test_a_reward_models_numbers_stand_in_for_marks(folder: Path, main: Cli) -> None:
    chains, marks = lines(folder, "chains.jsonl"), lines(folder, "marks.jsonl")
    scores = [{"question_part": row["question_part"], "output": row["output"], "score": float(mark["output"][-1])}
              for row, mark in zip(chains, marks, strict=True)]  # fmt: skip
    write(folder, "marks.jsonl", scores)
    done = main(*COMMAND)
    assert done.code == 0, done.err
    assert outcomes(folder, done) == FIRST


def test_a_recorded_run_is_judged_again_from_a_file(folder: Path, main: Cli) -> None:
    task = COMMAND[COMMAND.index("--task") + 1]
    given = COMMAND[: COMMAND.index("--judge-model")]
    given[given.index("--mode") + 1] = "self-consistency"
    recorded = main(*given).out.splitlines()[-1]
    done = main("run", "--engine", "replay", "--model", "gpt-4", "--model-args", f"path={recorded}", "--task", task,
                "--mode", "best-of-n", "--paths", "3", *COMMAND[COMMAND.index("--judge-model") :])  # fmt: skip
    assert done.code == 0, done.err
    assert outcomes(folder, done) == {"best-of-n": FIRST["best-of-n"]}


def test_rank_and_refine_ask_by_the_names_that_the_page_has(folder: Path, main: Cli) -> None:
    people = ["Ann has 3 apples", "Bob has 9 pears"]
    chosen = [{"question_part": who, "mode": "judge-rank", "output": "Best: 1"} for who in people]
    told = [{"question_part": who, "mode": "criticism", "output": "It is wrong.\nVerdict: revise"} for who in people]
    again = [{"question_part": who, "mode": "refine", "output": "Answer: 7"} for who in people]
    write(folder, "chains.jsonl", [*lines(folder, "chains.jsonl"), *chosen, *told * 2, *again * 2])
    done = main("run", "--engine", "replay", "--model", "m", "--model-args", "path=chains.jsonl", "--task",
                "fruit.jsonl", "--mode", "best-of-n@judge=rank,refine", "--paths", "best-of-n=3")  # fmt: skip
    assert done.code == 0, done.err
    assert "no output" not in done.err
    assert outcomes(folder, done)["refine"] == ["correct", "correct"]
