"""Whatever stops a run of searches, judges and tools: what is recorded then can be graded, and it ends as if nothing
had."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

JUDGE = ("--judge-model", "big", "--judge-engine", "stub")
PUZZLES = """name: puzzles
about: puzzles of ours
source: {file: puzzles.jsonl}
fields: {question: {column: numbers, say: "Numbers: {}"}, gold: numbers}
gold_reader: plain
answer: {type: expression, form: <expression>, phrase: "where <expression> gives 24"}
"""


def rows(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def only(results: Path) -> Path:
    [run] = [path for path in results.iterdir() if path.is_dir()]
    return run


def changes(main: Cli, run: Path) -> Any:
    done = main("score", run, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["changes"]


def leave(run: Path, records: list[bytes]) -> None:
    """Leave a run as one that was interrupted when only these of its records were written."""
    (run / RECORDS).write_bytes(b"".join(records))
    manifest = json.loads((run / MANIFEST).read_text())
    (run / MANIFEST).write_text(json.dumps({**manifest, "status": "interrupted"}))


@pytest.fixture
def puzzles(tmp_path: Path) -> str:
    """Puzzles like the Game of 24, as a task's file."""
    (tmp_path / "puzzles.jsonl").write_text(
        "".join(json.dumps({"numbers": numbers}) + "\n" for numbers in ("2 3 4 6", "1 5 7 8", "4 4 10 10"))
    )
    path = tmp_path / "puzzles.yaml"
    path.write_text(PUZZLES)
    return str(path)


def test_a_reply_that_a_judge_was_not_asked_to_go_on_with_takes_no_place_where_a_run_is_graded_again(
    tmp_path: Path, main: Cli
) -> None:
    arguments = ("--judge-args", "unparsed=0.5", "--mode", "refine", "--seed", "3")
    assert main("run", "--model", "stub", "--task", "sample", "--limit", "6", "-q", *JUDGE, *arguments).code == 0
    run = only(tmp_path / "results")
    records = (run / RECORDS).read_bytes()
    verdicts = [node for row in rows(run, RECORDS) for node in row["nodes"] if node["role"] == "criticism"]
    assert any("value" not in node for node in verdicts), "some can't be read"
    assert changes(main, run) == []
    assert (run / RECORDS).read_bytes() == records


def test_what_a_record_says_of_replies_that_were_gone_on_with_counts_them_and_not_a_judges(
    tmp_path: Path, main: Cli
) -> None:
    arguments = ("--model-args", "unparsed=0.4", "--mode", "cot,best-of-n,refine", "--paths", "3")
    assert main("run", "--model", "stub", "--task", "sample", "--limit", "6", "-q", *arguments).code == 0
    run = only(tmp_path / "results")
    begun = {
        (line["question"], line["request"], line["ordinal"]): line
        for line in rows(run, JOURNAL)
        if line["completions"][0].get("begun")
    }
    answers = {address for address, line in begun.items() if line["template"] in ("cot", "refine")}
    assert answers < begun.keys(), "a judge's are gone on with, too"
    told = 0
    for row in rows(run, RECORDS):
        own = {(row["question"], *address) for address in row["requests"]}
        if "before" in row:
            assert row["before"]["replies"] == len(own & answers)
            told += row["before"]["replies"]
    assert told


def test_a_run_that_was_killed_between_arms_that_ask_the_same_can_be_graded(
    tmp_path: Path, main: Cli, puzzles: str
) -> None:
    mode = "tot@b=1,tot@b=3,tot@search=dfs@b=2@values=1,tot@values=1"
    assert main("run", "--model", "stub", "--task", puzzles, "-q", "--mode", mode).code == 0
    run = only(tmp_path / "results")
    records = (run / RECORDS).read_bytes().splitlines(True)
    shared = 0
    for mode in {row["mode"] for row in rows(run, RECORDS)}:
        own = [line for line in records if json.loads(line)["mode"] == mode]
        asked = {(row["question"], *address) for row in map(json.loads, own) for address in row["requests"]}
        shared += sum(
            (line["question"], *parent[:2]) not in asked
            for line in rows(run, JOURNAL)
            if (line["question"], line["request"], line["ordinal"]) in asked
            for parent in line.get("after", ())
        )
        leave(run, own)
        assert changes(main, run) == []
        assert (run / RECORDS).read_bytes() == b"".join(own)
    assert shared, "a line says what an arm built on that isn't on record"


ARMS = (
    "tot@b=1", "tot@b=2@search=dfs", "tot@b=3@calls=12", "tot@calls=3", "tot@evaluate=vote", "tot@evaluate=value",
    "tot@generate=sample@thoughts=2", "tot@steps=1", "tot@unfinished=judged@b=2", "best-of-n",
    "best-of-n@judge=rank", "best-of-n@temperature=1", "refine", "refine@critic=none", "refine@rounds=3", "tools",
    "tools@calls=2", "self-consistency@confidence=lowest", "self-consistency@confidence=mean@keep=0.5",
    "self-consistency", "cot", "direct",
)  # fmt: skip
DRAWING = ("best-of-n", "self-consistency")


@pytest.mark.patient
@pytest.mark.parametrize("seed", range(12))
def test_wherever_a_run_is_cut_it_ends_with_the_same_records(
    tmp_path: Path, main: Cli, puzzles: str, seed: int
) -> None:
    """Of arms, questions, judges and shares of bad replies by a seed; a journal is cut at and within lines."""
    rng = random.Random(seed)
    arms = rng.sample(ARMS, rng.randint(1, 4))
    judged = any(arm.startswith(("tot", "best", "refine")) and "none" not in arm for arm in arms)
    second = rng.choice([(), JUDGE, (*JUDGE, "--judge-args", "unparsed=0.4")]) if judged else ()
    shares = (
        f"unparsed={rng.choice([0.02, 0.3])},truncated={rng.choice([0.02, 0.2])},tools_error={rng.choice([0, 0.5])}"
    )
    options = (
        "run", "--model", "stub", "--task", rng.choice(["sample", puzzles, f"sample,{puzzles}"]),
        "--limit", rng.randint(1, 3), "--mode", ",".join(arms), "--seed", rng.randint(0, 3), "-q",
        "--model-args", f"{shares},in_flight={rng.choice([1, 2, 5, 1024])}", *second,
        *(("--paths", rng.randint(1, 5)) if any(arm.startswith(DRAWING) for arm in arms) else ()),
    )  # fmt: skip
    done = main(*options)
    assert done.code == 0, done.err
    run = only(tmp_path / "results")
    records, lines = (run / RECORDS).read_bytes(), (run / JOURNAL).read_bytes().splitlines(True)

    def known(line: bytes) -> tuple[Any, ...]:
        """What a line of the journal says; what shared replies build on is told by whoever asks first."""
        row = json.loads(line)
        return json.dumps({name: row[name] for name in row.keys() - {"after", "crc"}}, sort_keys=True), row["request"]

    assert changes(main, run) == []
    for end in sorted(rng.sample(range(len(lines) + 1), min(5, len(lines) + 1))):
        torn = lines[end][: rng.randrange(len(lines[end]))] if end < len(lines) else b""
        (run / JOURNAL).write_bytes(b"".join(lines[:end]) + torn)
        there = {(row["question"], row["request"], row["ordinal"]) for row in map(json.loads, lines[:end])}
        whole = [
            line
            for line in records.splitlines(True)
            if {(json.loads(line)["question"], *address) for address in json.loads(line)["requests"]} <= there
        ]
        leave(run, [line for line in whole if rng.random() < 0.7])
        assert changes(main, run) == []
        done = main(*rng.choice([options, ("run", "--resume", run, "-q")]))
        assert done.code == 0, done.err
        assert (run / RECORDS).read_bytes() == records
        assert sorted(map(known, (run / JOURNAL).read_bytes().splitlines(True))) == sorted(map(known, lines))
    assert changes(main, run) == []
    assert (run / RECORDS).read_bytes() == records
