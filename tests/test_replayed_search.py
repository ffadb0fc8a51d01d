"""A search that is replayed: the example of docs/replay.md, run as it stands there, and GPT-4's public logs.

The logs are looked for in the folder that COTBENCH_TOT_LOGS names: `logs/game24` of princeton-nlp/tree-of-thought-llm
on GitHub. The puzzles come from COTBENCH_DATA."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Cli
from tot_logs import judgements, write_outputs

PAGE = (ROOT / "docs" / "replay.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"# ([\w.]+)\n")
LOGS = os.environ.get("COTBENCH_TOT_LOGS", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    for _, content in BLOCK.findall(PAGE):
        if named := NAMED.match(content):
            (tmp_path / named[1]).write_text(content[named.end() :])
    return tmp_path


def records(results: Path) -> dict[str, list[dict[str, Any]]]:
    [path] = results.glob("*/records.jsonl")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in map(json.loads, path.read_text().splitlines()):
        found.setdefault(row["mode"], []).append(row)
    return found


def test_the_example_of_the_page_is_a_whole_search(folder: Path, main: Cli) -> None:
    [commands] = [content for language, content in BLOCK.findall(PAGE) if language == "console"]
    run, show = (shlex.split(line)[1:] for line in commands.splitlines())
    done = main(*run)
    assert done.code == 0, done.err
    [[row]] = records(folder / "results").values()
    assert (row["outcome"], row["answer"]) == ("correct", "(15 + 9) * (3 - 2)")
    asked = (folder / "outputs.jsonl").read_text().splitlines()
    assert len(row["requests"]) == len(asked), "no line is there for nothing"
    shown = main(*show)
    assert shown.code == 0, shown.err
    assert "15 + 9 = 24 (left: 2 3 24)" in shown.out


@pytest.mark.parametrize("line", range(10))
def test_each_line_of_the_example_is_needed(folder: Path, main: Cli, line: int) -> None:
    lines = (folder / "outputs.jsonl").read_text().splitlines(keepends=True)
    (folder / "outputs.jsonl").write_text("".join(one for place, one in enumerate(lines) if place != line))
    [commands] = [content for language, content in BLOCK.findall(PAGE) if language == "console"]
    done = main(*shlex.split(commands.splitlines()[0])[1:])
    assert done.code == 4
    assert "outputs.jsonl has 0 of 1 outputs for" in done.err


def test_sums_are_taken_apart_into_judgements() -> None:
    said = {60.0: "sure sure sure", 40.001: "sure sure impossible", 22.0: "sure likely likely",
            3.0: "likely likely likely", 1.002: "likely impossible impossible"}  # fmt: skip
    assert {value: " ".join(judgements(value)) for value in said} == said
    assert [len(judgements(value)) for value in (0.0, 0.001, 2.0, 20.002)] == [3, 3, 3, 3]


@pytest.mark.data
@pytest.mark.patient
@pytest.mark.skipif(not LOGS, reason="COTBENCH_TOT_LOGS names no folder of the public logs")
def test_public_logs_give_the_published_figures(folder: Path, main: Cli, data_dir: Path) -> None:
    write_outputs(Path(LOGS), folder / "outputs.jsonl")
    arms = "tot,tot@unfinished=judged,direct-votes,self-consistency"
    done = main("run", "--engine", "replay", "--model", "gpt-4", "--model-args", "path=outputs.jsonl", "-q",
                "--data-dir", data_dir, "--task", "hundred.yaml", "--mode", arms, "--paths", "100")  # fmt: skip
    assert done.code == 0, done.err
    found = records(folder / "results")
    assert figures(found["tot@unfinished=judged"]) == (69, 62, 59, 67)
    assert figures(found["tot"]) == (69, 65, 64, 67)
    texts = {}
    [questions] = (folder / "results").glob("*/questions.jsonl")
    for row in map(json.loads, questions.read_text().splitlines()):
        texts[row["id"]] = row["text"].split("\n")[0].removeprefix("Numbers: ")
    assert {mode: sum(row["completion_tokens"] for row in found[mode]) for mode in ("tot", "self-consistency")} == {
        "tot": 547_859,
        "self-consistency": 674_862,
    }
    firsts = [{row["question"]: first(row) for row in found[mode]} for mode in ("tot", "tot@unfinished=judged")]
    differ = {texts[question] for question, right in firsts[0].items() if right != firsts[1][question]}
    assert differ == {"2 3 6 13", "4 4 8 12", "5 6 6 8"}
    means = {mode: sum(map(mean, rows)) / 100 for mode, rows in found.items() if not mode.startswith("tot")}
    assert {mode: round(100 * mean, 1) for mode, mean in means.items()} == {
        "direct-votes@answer=asked": 7.3,
        "self-consistency": 4.0,
    }


def right(row: dict[str, Any]) -> list[bool]:
    """Whether each ballot is for a right answer."""
    votes = row["votes"]
    verdicts = [answer["outcome"] == "correct" for answer in votes["answers"]]
    return [ballot is not None and verdicts[ballot] for ballot in votes["ballots"]]


def first(row: dict[str, Any]) -> bool:
    return right(row)[0]


def mean(row: dict[str, Any]) -> float:
    return sum(right(row)) / len(right(row))


def figures(rows: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """Of how many puzzles an answer of the last states is right: any, the first, most by the letter, and most."""
    return (
        sum(any(right(row)) for row in rows),
        sum(map(first, rows)),
        sum(most([last_line(node["text"]) for node in last(row)], right(row)) for row in rows),
        sum(most(row["votes"]["ballots"], right(row)) for row in rows),
    )


def last(row: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted((node for node in row["nodes"] if node.get("ballot") is not None), key=lambda node: node["ballot"])


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1].lower().removeprefix("answer: ").split("=")[0].strip()


def most(said: list[Any], verdicts: list[bool]) -> bool:
    counts = Counter(one for one in said if one is not None)
    return bool(counts) and verdicts[said.index(max(counts, key=counts.__getitem__))]
