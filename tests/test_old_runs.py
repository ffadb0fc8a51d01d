"""Runs that earlier code wrote, of every mode and kind of answer, are read, reported, shown and graded as it did.

`fixtures/old_runs.tar.gz` holds them, with what was said of them then; its README says how they were made.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cli

RUNS = ["demo-ce856802", "logged-0a6f14cb", "stub-0f4a854f", "stub-f3fbfc42"]
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


# Tables that came later: their keys in report.json, and how their titles begin.
LATER = (
    "effects",
    "points",
    "audits",
    "readings",
    "complied",
    "reading_errors",
    "calibrations",
    "locked",
    "unsaid",
    "provenance",
)
_LATER_TITLES = (
    "Audit of the arms",
    "Where answers were read",
    "How far misreading",
    "Pairs in which both arms complied",
    "What the names of the arms don't say",
    "About these runs",
)
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


def without_what_came_later(path: Path) -> bytes:
    """A file of a report without the tables and notes that not all versions have, nor the bounds in its headlines."""
    said = path.read_bytes()
    if path.name == "report.json":
        kept = {key: rows for key, rows in json.loads(said).items() if key not in LATER}
        kept["notes"] = [note for note in kept["notes"] if not _is_other(note)]
        return json.dumps(kept, sort_keys=True).encode() + b"\n"
    if path.name == "summary.md":
        first, *sections = re.split(r"(?=^## )|(?=^Note: )", said.decode(), flags=re.M)
        first = re.sub(r"; over all readings [^;)]*", "", first)
        kept_ones = [
            one for one in sections if not one.removeprefix("## ").startswith(_LATER_TITLES) and not _is_other(one)
        ]
        return "".join([first, *kept_ones]).rstrip().encode() + b"\n"
    return said


@pytest.mark.parametrize("run", RUNS)
def test_a_report_says_what_it_said(old: Path, cli: Cli, run: str) -> None:
    to = old / "reports" / run
    done = cli("report", old / "runs" / run, "--no-plots", "--no-page", "--baseline", "cot", "--to", to)
    assert done.code == 0, done.err
    expected = old / "expected" / run
    for path in sorted(expected.iterdir()):
        if path.suffix in (".json", ".csv", ".md") and path.name != "score.json":
            assert as_it_was_called(without_what_came_later(to / path.name)) == without_what_came_later(path), path.name


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
        assert json.loads(as_it_was_called(done.out.encode())) == expected


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
    assert records.read_bytes() == before[1]
    assert journal.read_bytes().startswith(before[0])
    assert failed or journal.read_bytes() == before[0]


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
    assert records.read_bytes() == before
    assert set(lines) <= set(journal.read_bytes().splitlines(keepends=True))
