"""Runs that earlier code wrote, of every mode and kind of answer, are read, reported, shown and graded as it did.

`fixtures/old_runs.tar.gz` holds them, with what was said of them then; its README says how they were made.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

RUNS = ["demo-df97535c", "logged-0a6f14cb", "stub-0f4a854f", "stub-f3fbfc42"]
FIXTURE = Path(__file__).with_name("fixtures") / "old_runs.tar.gz"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unpacked fixture, its manifests with the folder's place in them."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(folder, filter="data")
    for path in folder.glob("runs/*/manifest.json"):
        path.write_text(path.read_text().replace('"/old', f'"{folder}'))
    yield folder
    shutil.rmtree(folder)


# Notes that came later, and one that the table of what names don't say stands for now.
_OTHER_NOTES = ("of the answers, vague rules read", "answers are drawn differently")


def _is_other(note: str) -> bool:
    return any(words in note for words in _OTHER_NOTES)


# The two sides of a tag were called arms.
_WORDS = {
    b"on one side of the tag": b"within an arm of the tag",
    b" and, on sides, ": b" and, in arms, ",
    b"both sides' differences": b"both arms' differences",
    b"on neither side": b"in neither arm",
    b"one side is empty": b"one arm is empty",
    b"on each side of the tag": b"in each arm of the tag",
}


def as_it_was_called(said: bytes) -> bytes:
    """What is said, with direct under its old name: it is shown as what it was, an answer that was asked for."""
    said = said.replace(b"\\@answer=asked", b"@answer=asked")  # Markdown would make a mention of it
    for word, was in _WORDS.items():
        said = said.replace(word, was)
    return said.replace(b"direct@answer=asked", b"direct").replace(b"direct (asked)", b"direct").replace(
        b"direct-votes@answer=asked", b"direct-votes").replace(b"votes (asked)", b"votes")  # fmt: skip


# Figures that say how far chance may move others. Subjects and types were clusters and are strata now, and p is of the
# test that goes with the interval: of tasks that have groups or clusters these figures are others, by design.
CHANCE = {
    "low", "high", "se", "p", "p_clustered", "p_holm", "p_bonferroni", "clusters", "read_low", "read_high", "mde",
    "n_needed", "low_symbolic", "high_symbolic", "low_other", "high_other", "share_low", "share_high", "share_unclear",
    "saving_low", "saving_high", "loss_low", "loss_high",
}  # fmt: skip


LATER_POLICIES = ("oracle, chosen on other paths",)
LATER_RULES = ("category", "numbers", "long", "hops", "perturbed")


def same(now: Any, then: Any) -> bool:
    """Whether a value is what it was, but for rounding: figures in CSV files are texts."""
    try:
        return bool(now == then or float(now) == pytest.approx(float(then), rel=1e-9, abs=1e-12))
    except (TypeError, ValueError):
        return bool(as_it_was_called(str(now).encode()) == str(then).encode())


def check_rows(
    now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]], parted: set[str], where: str
) -> None:
    """Every row that was there is there, in its place, with every figure that it had. parted: tasks with groups."""
    now = [row for row in now if row.get("policy") not in LATER_POLICIES]
    now = [row for row in now if not {row.get("rule"), row.get("other")} & {*LATER_RULES}]
    assert len(now) == len(then), where
    for place, (row, old_row) in enumerate(zip(now, then, strict=True)):
        for column, value in old_row.items():
            if column in CHANCE and old_row.get("task") in parted:
                continue
            assert same(row[column], value), f"{where}, row {place}, {column}: {row[column]} was {value}"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("run", RUNS)
def test_a_report_has_every_figure_that_it_had(old: Path, cli: Cli, run: str) -> None:
    to = old / "reports" / run
    done = cli("report", old / "runs" / run, "--no-plots", "--no-page", "--baseline", "cot", "--to", to)
    assert done.code == 0, done.err
    questions = map(json.loads, (old / "runs" / run / "questions.jsonl").read_text().splitlines())
    parted = {question["task"] for question in questions if question["group"] or question["cluster"]}
    expected = old / "expected" / run
    now, then = (json.loads((folder / "report.json").read_text()) for folder in (to, expected))
    for key, value in then.items():
        if key == "notes":
            now[key], value = ([note for note in notes if not _is_other(note)] for notes in (now[key], value))
        if isinstance(value, list) and value and isinstance(value[0], dict) and key != "rules":
            check_rows(now[key], value, parted, key)
        elif key == "families":  # in words, which may be said better
            assert value.keys() <= now[key].keys()
        elif key not in ("schema", "rules"):
            assert as_it_was_called(json.dumps(now[key]).encode()) == json.dumps(value).encode(), key
    for path in sorted(expected.glob("*.csv")):
        check_rows(read_csv(to / path.name), read_csv(path), parted, path.name)


@pytest.mark.patient
@pytest.mark.parametrize("run", RUNS)
def test_grading_it_again_changes_nothing(old: Path, cli: Cli, run: str) -> None:
    records = old / "runs" / run / "records.jsonl"
    before = records.read_bytes()
    done = cli("score", old / "runs" / run, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == json.loads((old / "expected" / run / "score.json").read_text())
    assert records.read_bytes() == before


@pytest.mark.parametrize("run", RUNS)
def test_questions_are_shown_as_they_were(old: Path, main: Cli, run: str) -> None:
    for line in (old / "expected" / run / "show.jsonl").read_text().splitlines():
        expected = json.loads(line)
        done = main("show", old / "runs" / run, expected["id"], "--json")
        assert done.code == 0, done.err
        shown = json.loads(as_it_was_called(done.out.encode()))
        assert all(rule in shown["tags"] for rule in LATER_RULES)
        shown["tags"] = {rule: tag for rule, tag in shown["tags"].items() if rule not in LATER_RULES}
        assert shown == expected


LACKING = re.compile(rb'"error":"(?:[^"\\]|\\.)* has \d+ of \d+ outputs for (?:[^"\\]|\\.)*"')


def told_alike(records: bytes) -> bytes:
    """Records without the words in which a replayed file is said to lack an output: what failed is asked again, and
    told as it is told now."""
    return LACKING.sub(b'"error":"lacking"', records)


@pytest.mark.patient
@pytest.mark.parametrize("run", RUNS)
def test_it_is_resumed_from_what_is_on_record(old: Path, cli: Cli, tmp_path: Path, run: str) -> None:
    """With all requests and prompts the same: nothing is asked again, and records and journal keep their bytes."""
    folder = tmp_path / run
    shutil.copytree(old / "runs" / run, folder)
    journal, records = (folder / name for name in ("journal.jsonl", "records.jsonl"))
    before = journal.read_bytes(), records.read_bytes()
    done = cli("run", "--resume", folder, "--json")
    failed = run.startswith("logged")  # requests that the replayed file had no outputs for, which are asked again
    assert done.code == (4 if failed else 0), done.err
    assert json.loads(done.out)["requests"] == (8 if failed else 0)
    assert told_alike(records.read_bytes()) == told_alike(before[1])
    assert journal.read_bytes().startswith(before[0])
    assert failed or journal.read_bytes() == before[0]


@pytest.mark.patient
@pytest.mark.parametrize("run", RUNS)
def test_a_killed_run_has_the_same_records_in_the_end(old: Path, cli: Cli, tmp_path: Path, run: str) -> None:
    """A journal's second half, where it is gone, is asked again, at the same addresses and with the same seeds."""
    folder = tmp_path / run
    shutil.copytree(old / "runs" / run, folder)
    journal, records = (folder / name for name in ("journal.jsonl", "records.jsonl"))
    lines, before = journal.read_bytes().splitlines(keepends=True), records.read_bytes()
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    done = cli("run", "--resume", folder, "--json")
    assert done.code in (0, 4), done.err
    assert told_alike(records.read_bytes()) == told_alike(before)
    assert set(lines) <= set(journal.read_bytes().splitlines(keepends=True))
