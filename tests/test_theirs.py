"""theirs.jsonl, and what a manifest says of the logs that a run was imported from: written, read, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from handmade import QUESTIONS, make_run

from cotbench.errors import RunError
from cotbench.store.manifest import (
    Imported,
    ImportedArm,
    ImportedFile,
    Manifest,
    OnlyHere,
    Prelude,
    Printed,
    read_manifest,
)
from cotbench.store.theirs import THEIRS, Reading, TheirsRow, read_theirs, write_theirs

BY_ID = {question.id: question for question in QUESTIONS}
ROWS = [
    TheirsRow(
        question="t-0",
        mode="cot",
        place="samples.jsonl:1",
        readings={
            "strict": Reading(metric="exact_match", scores=(0.0,), answers=("[invalid]",)),
            "flexible": Reading(metric="exact_match", scores=(1.0,), answers=("1",)),
        },
    ),
    TheirsRow(
        question="t-0",
        mode="direct",
        place="other.jsonl:7",
        readings={"none": Reading(metric="f1", scores=(None, 0.5), answers=(None, "1"))},
    ),
]
IMPORTED = Imported(
    arms={
        "t/cot": ImportedArm(
            format="lm-eval",
            version="0.4.9",
            files=[ImportedFile(name="samples.jsonl", fingerprint="ab12")],
            reading="strict",
            figures=[Printed(name="exact_match", value=0.5, reading="strict", stderr=0.01)],
            inferred={"kind": "number, from the targets"},
            not_recorded=["tokens", "finish_reason"],
            only_here=OnlyHere(count=2, first=["t-8"]),
            notes=["It ended in a crash."],
        )
    },
    prelude=Prelude(name="helpers.py", hash="cd", text="def solve_it(): ..."),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "r", {"direct": "c" * 10, "cot": "w" * 10})


def manifest_of(run: Path) -> Manifest:
    return read_manifest(run)


def test_what_is_written_is_read(run: Path) -> None:
    write_theirs(run, ROWS)
    assert read_theirs(run, manifest_of(run), BY_ID) == {(row.question, row.mode): row for row in ROWS}
    first = json.loads((run / THEIRS).read_text().splitlines()[0])
    assert first["readings"]["strict"] == {"metric": "exact_match", "scores": [0.0], "answers": ["[invalid]"]}


def test_a_run_without_the_file_has_nothing_of_theirs(run: Path) -> None:
    assert read_theirs(run, manifest_of(run), BY_ID) == {}
    assert manifest_of(run).imported is None


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "question": ({"question": "t-none"}, "question is 't-none', expected one of this run"),
    "mode": ({"mode": "pal"}, "mode is 'pal', expected one of this run (direct, cot)"),
    "twice": ({"mode": "cot"}, "question 't-0' stands there twice for mode 'cot'"),
    "place": ({"place": None}, "place is None, expected a text"),
    "readings": ({"readings": []}, "readings is [], expected a mapping for each reading"),
    "score": (
        {"readings": {"x": {"metric": "m", "scores": ["yes"]}}},
        "readings.x.scores is ['yes'], expected a list of numbers or nulls",
    ),
    "key": ({"extra": 1}, "extra is nothing that this version knows"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_line_that_no_import_writes_is_named(name: str, run: Path) -> None:
    change, finding = FAULTS[name]
    write_theirs(run, ROWS)
    lines = [json.loads(line) for line in (run / THEIRS).read_text().splitlines()]
    (run / THEIRS).write_text("".join(json.dumps(row) + "\n" for row in [lines[0], lines[1] | change]))
    with pytest.raises(RunError) as caught:
        read_theirs(run, manifest_of(run), BY_ID)
    said = str(caught.value)
    assert f"{THEIRS}:2: " in said
    assert finding in said
    assert "cotbench import" in str(caught.value.hint)


def test_a_score_that_is_no_number_is_refused(run: Path) -> None:
    write_theirs(run, ROWS[:1])
    text = (run / THEIRS).read_text().replace("[0.0]", "[NaN]")
    (run / THEIRS).write_text(text)
    with pytest.raises(RunError, match=r"readings\.strict\.scores is"):
        read_theirs(run, manifest_of(run), BY_ID)


def test_a_manifest_keeps_what_was_imported(run: Path) -> None:
    manifest = manifest_of(run)
    manifest.imported = IMPORTED
    manifest.write(run)
    again = manifest_of(run)
    assert again.imported == IMPORTED
    assert again.imported.arm("t", "cot") == IMPORTED.arms["t/cot"]
    assert again.imported.arm("t", "direct") is None


def test_a_manifest_with_an_import_that_cannot_be_is_refused(run: Path) -> None:
    manifest = manifest_of(run)
    manifest.imported = IMPORTED
    content = msgspec.to_builtins(manifest)
    content["imported"]["arms"]["t/cot"]["figures"] = [{"name": "exact_match", "value": "half"}]
    (run / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="value is 'half', expected a number"):
        manifest_of(run)
