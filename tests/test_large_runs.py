"""Reports of large runs: their records by column, what records.parquet is believed for, and how much a page lists."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from handmade import QUESTIONS, make_record, make_run, write_journal, write_run
from pyarrow import parquet

from cotbench.analysis.asking import Asked
from cotbench.analysis.pairing import load_run
from cotbench.analysis.subsets import MOST_OF_TWO, maj_at_each, maj_of_two
from cotbench.errors import RunError
from cotbench.report import browser
from cotbench.report.files import document
from cotbench.store import table
from cotbench.store.manifest import read_manifest
from cotbench.store.records import RECORD_TABLE, RECORDS, RecordFile
from cotbench.store.table import RecordTable
from cotbench.types import Completion


@pytest.fixture
def voted(tmp_path: Path) -> Path:
    """A run of three arms: one with votes and programs, one gone on with, one of which records are missing."""
    chance = random.Random(5)
    records = []
    for question in QUESTIONS:
        own = {
            "question": question.id,
            "task": "t",
            "gold": "1",
            "prompt_tokens": 10,
            "requests": [[f"r{question.id}", 0]],
        }
        for mode in ("direct", "cot", "self-consistency"):
            right = chance.random() < 0.6
            row = own | {
                "mode": mode,
                "outcome": "correct" if right else "wrong",
                "answer": "1" if right else "\ud800 2",
            }
            row |= {
                "rule": chance.choice(["contract", "last"]),
                "completion_tokens": chance.randrange(5, 50),
                "span": [0, 1],
            }
            if mode == "self-consistency":
                answers = [
                    {"answer": "1", "votes": 3, "outcome": "correct"},
                    {"answer": "2", "votes": 2, "outcome": "wrong"},
                ]
                ballots = chance.sample([0, 0, 0, 1, 1, None], 6)
                row |= {"votes": {"answers": answers, "ballots": ballots, "abstained": {"unparsed": 1}, "margin": 1}}
                row |= {"executions": [{"outcome": "ok", "value": "1"}], "prompt_tokens": None}
            if mode == "cot" and chance.random() < 0.5:
                row |= {"before": {"outcome": "unparsed", "answer": None, "replies": 1}, "score": 0.5}
            if mode != "direct" or question is not QUESTIONS[3]:
                records.append(make_record(**row))
    chance.shuffle(records)
    folder = write_run(tmp_path / "voted", QUESTIONS, records)
    write_journal(
        folder,
        {
            (q.id, f"r{q.id}"): [Completion(text="x = 1", finish_reason="stop", completion_tokens=4)]
            for q in QUESTIONS[:7]
        },
    )
    return folder


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes every run for a large one."""
    monkeypatch.setattr(table, "LARGE", 0)


def report_of(*folders: Path) -> str:
    return document(Asked().compare(folders).comparison)


def test_a_large_run_has_the_figures_of_a_small_one(
    voted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_run(tmp_path / "other", {"direct": "cwuteg-ccw", "draft": "ccccwwwuuw"}, model="n")
    as_list = report_of(voted, other)
    monkeypatch.setattr(table, "LARGE", 0)
    first, again = report_of(voted, other), report_of(voted, other)
    assert isinstance(load_run(voted).records, RecordTable)
    assert first == as_list
    assert again == as_list


def test_a_table_is_its_records(voted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = list(load_run(voted).records)
    monkeypatch.setattr(table, "LARGE", 0)
    for _ in range(2):  # made, then read
        found = load_run(voted).records
        assert list(found) == records
        assert [found[place] for place in range(-1, len(found) - 1)] == [records[-1], *records[:-1]]
        assert found[2:5] == records[2:5]
        with pytest.raises(IndexError):
            found[len(records)]


def test_the_parquet_file_is_for_anybody(voted: Path, large: None) -> None:
    records = load_run(voted).records
    rows = parquet.read_table(voted / RECORD_TABLE).to_pylist()
    assert [row["question"] for row in rows] == [record.question for record in records]
    assert [row["mode"] for row in rows] == [record.mode for record in records]
    assert [row["outcome"] for row in rows] == [record.outcome.value for record in records]
    assert [row["prompt_tokens"] for row in rows] == [record.prompt_tokens for record in records]
    assert {row["answer"] for row in rows} == {"1", "? 2"}


def changed_record(folder: Path) -> None:
    text = (folder / RECORDS).read_text()
    place = text.index('"outcome":"correct"')
    (folder / RECORDS).write_text(text[:place] + '"outcome":"wrong"  ' + text[place + 19 :])  # of the same size


def changed_question(folder: Path) -> None:
    path = folder / "questions.jsonl"
    path.write_text(path.read_text().replace("What is x if x = 1?", "What is y?"))


def damaged(folder: Path) -> None:
    content = bytearray((folder / RECORD_TABLE).read_bytes())
    for place in range(20, len(content) // 2, 7):
        content[place] ^= 255
    (folder / RECORD_TABLE).write_bytes(content)


def emptied(folder: Path) -> None:
    (folder / RECORD_TABLE).write_bytes(b"")


def of_another(folder: Path) -> None:
    rows = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    (other / RECORDS).write_bytes(b"".join(rows[:9]))
    load_run(other)
    shutil.copy(other / RECORD_TABLE, folder / RECORD_TABLE)


@pytest.mark.parametrize("spoil", [changed_record, changed_question, damaged, emptied, of_another])
def test_a_table_that_does_not_fit_is_made_again(spoil: object, voted: Path, large: None) -> None:
    load_run(voted)
    spoil(voted)  # type: ignore[operator]
    before = (voted / RECORD_TABLE).read_bytes()
    run = load_run(voted)
    endings = [record.outcome for record in run.records]
    assert [table.Outcome(list(table.Outcome)[code]) for code in run.columns["ending"].tolist()] == endings
    assert len(run.columns["question"]) == len(run.records) == 29
    assert (voted / RECORD_TABLE).read_bytes() != before
    assert len(parquet.read_table(voted / RECORD_TABLE)) == 29


def test_a_run_that_goes_on_keeps_no_table(voted: Path, large: None) -> None:
    manifest = json.loads((voted / "manifest.json").read_text()) | {"status": "running"}
    (voted / "manifest.json").write_text(json.dumps(manifest))
    with (voted / RECORDS).open("ab") as file:
        file.write(b'{"question":"t-1","ta')  # torn
    assert len(load_run(voted).records) == 29
    assert not (voted / RECORD_TABLE).exists()


def test_records_that_are_written_again_leave_no_table(voted: Path, large: None) -> None:
    records = list(load_run(voted).records)
    assert (voted / RECORD_TABLE).exists()
    file = RecordFile(voted / RECORDS)
    assert not (voted / RECORD_TABLE).exists()
    for place, record in enumerate(records):
        file(place, record)
    file.finish()


def test_a_folder_that_takes_no_file_is_reported_all_the_same(voted: Path, large: None) -> None:
    (voted / RECORD_TABLE).mkdir()
    assert len(load_run(voted).records) == 29


def test_records_that_change_under_a_report_are_an_error(voted: Path, large: None) -> None:
    records = load_run(voted).records
    (voted / RECORDS).open("wb").close()
    with pytest.raises(RunError, match="was changed while it was read"):
        list(records)
    with pytest.raises(RunError, match="was changed while it was read"):
        records[0]


def test_what_records_may_not_hold_is_named_by_its_line(voted: Path, large: None) -> None:
    lines = (voted / RECORDS).read_text().splitlines(keepends=True)
    (voted / RECORDS).write_text("".join([*lines[:4], lines[4].replace('"gold":"1"', '"gold":"7"'), *lines[5:]]))
    with pytest.raises(RunError, match=r"records\.jsonl:5: gold is '7'"):
        load_run(voted)


def test_parts_of_records_are_their_entries(voted: Path, large: None) -> None:
    records = load_run(voted).records
    places = [5, 2, 9, 28, 0]
    for kind in (table.Sent, table.Answered, table.Judged, table.Voted, table.WentOn, table.Ran):
        for place, part in zip(places, table.parts_of(records, kind, places), strict=True):
            for name in kind.__struct_fields__:
                assert getattr(part, name) == getattr(records[place], name), (kind, name)


def test_modes_of_a_table_are_called_otherwise(voted: Path, large: None) -> None:
    records = load_run(voted).records
    found = table.renamed(records, {"cot": "other"})
    assert [row.mode.replace("other", "cot") for row in found] == [row.mode for row in records]
    assert "cot" not in {row.mode for row in found}


def test_a_page_lists_so_many_answers_and_says_so(voted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = Asked().compare([voted])
    given = {"budget": 1_000_000, "megabytes": 1.0}
    whole = browser.browser_data(compared.comparison, compared.panels, **given)  # type: ignore[arg-type]
    assert whole.asked == sum(whole.sizes) == 10
    assert b"asked" not in unpacked(whole.places)
    monkeypatch.setattr(browser, "LISTED", 26)
    monkeypatch.setattr(browser, "CHUNK", 4)
    some = browser.browser_data(compared.comparison, compared.panels, **given)  # type: ignore[arg-type]
    assert 4 <= sum(some.sizes) <= 8
    places = json.loads(unpacked(some.places))
    assert (places["of"], places["asked"]) == (sum(some.sizes), 10)
    index, full = (json.loads(unpacked(data.index)) for data in (some, whole))
    for place, identity in enumerate(index["id"]):  # with the tags and outcomes that they have among all
        there = full["id"].index(identity)
        for column in ("tags", "outcome"):
            assert [one[place] for one in index[column]] == [one[there] for one in full[column]]
    first = next(browser._chunks(compared.panels, ["direct"]))
    assert {full["id"][number] for number in first.questions} <= set(index["id"])


def unpacked(content: bytes) -> bytes:
    import zlib

    return zlib.decompress(content)


def test_columns_of_a_list_and_of_a_table_are_the_same(voted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = load_run(voted)
    monkeypatch.setattr(table, "LARGE", 0)
    for large_run in (load_run(voted), load_run(voted)):
        for name in table._KINDS:
            if name != "rule":
                np.testing.assert_array_equal(small.columns[name], large_run.columns[name])
        names = [[run.columns.rules[code] for code in run.columns["rule"].tolist()] for run in (small, large_run)]
        assert names[0] == names[1]


def test_the_table_says_which_files_it_stands_for(voted: Path, large: None) -> None:
    load_run(voted)
    told = json.loads(parquet.read_metadata(voted / RECORD_TABLE).metadata[b"cotbench"])
    assert told["version"] == table.VERSION
    assert told[RECORDS].split()[0] == str((voted / RECORDS).stat().st_size)
    assert [tuple(pair) for pair in told["arms"]] == read_manifest(voted).spec.pairs


def test_votes_of_two_answers_are_counted_as_those_of_any() -> None:
    chance = random.Random(1)
    for paths in (1, 2, 3, 5, 8, 13, 40, MOST_OF_TWO):
        rows = [[chance.choice([0, 1, 1, 2, 2]) for _ in range(paths)] for _ in range(20)]
        sides = np.array(rows)
        found = maj_of_two(sides == 1, sides == 2)
        for row, shares in zip(rows, found.tolist(), strict=True):
            assert tuple(shares) == maj_at_each([side or None for side in row], frozenset({1}))
