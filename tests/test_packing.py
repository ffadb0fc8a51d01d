"""`cotbench pack` and `cotbench gc`: a packed run is a run as any, and nothing is deleted that anybody needs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, run_cli

from cotbench.cli.packing import in_units
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.leftovers import OLD_S, leftovers_in
from cotbench.store.lock import LOCK
from cotbench.store.manifest import MANIFEST
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

ASKED = ("run", "--model", "stub", "--task", "sample", "--limit", "8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    assert run_cli(*ASKED, "--mode", "direct,self-consistency", "--paths", "3", "-q", cwd=folder).code == 0
    return folder / "results"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    [folder] = shutil.copytree(finished, tmp_path / "results").iterdir()
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK
    }


def said(main: Cli, *words: object) -> Any:
    done = main(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


# --- pack ----------------------------------------------------------------------------------------------------------


def test_packing_and_undoing_it_gives_the_same_bytes(run: Path, main: Cli) -> None:
    before = tree(run)
    [row] = said(main, "pack", run.name)
    assert not (run / JOURNAL).stat().st_size
    assert not (run / RECORDS).exists()
    for part in ("journal_bytes", "records_bytes"):
        assert row[part]["after"] < row[part]["before"]
    names = set(tree(run))
    assert names == {"journal/000001.index", "journal/000001.jsonl.zst", "records.jsonl.zst"} | (
        {JOURNAL, MANIFEST, QUESTIONS} & set(before)
    )
    packed = tree(run)
    [again] = said(main, "pack", run)
    assert tree(run) == packed
    assert again["journal_bytes"]["before"] == again["journal_bytes"]["after"]
    done = main("pack", "--undo", run.name)
    assert done.out.startswith(f"results/{run.name}: ")
    assert tree(run) == before
    assert main("pack", "--undo", run.name).code == 0  # there is nothing to undo any more
    assert tree(run) == before


COMMANDS = (
    "report {} --no-plots --json",
    "show {} --json",
    "score {} --workers 1 --dry-run --json",
    "export {} --to csv --json",
    "export {} --to lm-eval --json",
    "list runs --json",
    "reproduce {} --check --json",
)


@pytest.mark.patient
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_a_packed_run_as_before(command: str, run: Path, main: Cli) -> None:
    words = command.format(run.name).split()

    def came() -> tuple[int, str, dict[str, bytes]]:
        done = main(*words)
        made = {name: content for name, content in tree(run).items() if name.startswith(("report/", "export/"))}
        for name in ("report", "export"):
            shutil.rmtree(run / name, ignore_errors=True)
        return done.code, done.out, made

    before = came()
    assert main("pack", run.name).code == 0
    assert came() == before
    assert before[0] == 0


@pytest.mark.patient
def test_a_packed_run_is_resumed_scored_and_served_from(run: Path, main: Cli) -> None:
    before = tree(run)
    assert main("pack", run.name).code == 0
    one = json.loads(before[JOURNAL].splitlines()[0])["question"]
    assert one in main("show", run.name, one).out
    assert said(main, *ASKED, "--mode", "direct,self-consistency", "--paths", "3", "-q")["requests"] == 0
    assert (run / RECORDS).read_bytes() == before[RECORDS]
    assert not (run / (RECORDS + ".zst")).exists()
    assert main("pack", run.name).code == 0
    assert said(main, "score", run.name, "--workers", "1")["verdicts_changed"] == 0
    assert (run / RECORDS).read_bytes() == before[RECORDS]
    assert main("pack", run.name).code == 0
    # Another run takes its replies, and one of more questions goes on from them.
    other = said(main, *ASKED, "--mode", "direct,cot", "-q")
    taken = [row for row in JournalIndex(Path(other["folder"], JOURNAL)) if row.whence]
    assert {row.whence for row in taken} == {run.name}
    assert len(taken) >= 8
    replayed = main(*ASKED, "--engine", "replay", "--model-args", f"path={run}", "--mode", "direct", "--json", "-q")
    assert replayed.code == 0, replayed.err
    assert main("pack", "--undo", run.name).code == 0
    assert (run / JOURNAL).read_bytes() == before[JOURNAL]


def test_a_run_that_was_stopped_is_packed_and_gone_on_with(run: Path, main: Cli) -> None:
    whole = tree(run)
    lines = whole[JOURNAL].splitlines(keepends=True)
    (run / JOURNAL).write_bytes(b"".join(lines[:9]) + lines[9][:50])  # the last line is torn
    assert main("pack", run.name).code == 0
    done = said(main, "run", "--resume", run.name)
    assert done["reused"] == 9
    assert (run / RECORDS).read_bytes() == whole[RECORDS]
    assert (run / JOURNAL).stat().st_size  # what is new is appended as ever
    assert main("pack", "--undo", run.name).code == 0
    assert sorted((run / JOURNAL).read_bytes().splitlines(keepends=True)) == sorted(lines)


def test_a_run_that_goes_on_is_not_packed(run: Path, main: Cli) -> None:
    before = tree(run)
    (run / LOCK).touch()
    with (run / LOCK).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for more in ((), ("--undo",)):
            done = main("pack", run.name, *more)
            assert done.code == 3
            assert "is writing this run" in done.err
    assert tree(run) == before


def test_what_is_damaged_is_not_unpacked(run: Path, main: Cli) -> None:
    assert main("pack", run.name).code == 0
    for path in (run / "journal" / "000001.jsonl.zst", run / (RECORDS + ".zst")):
        content = path.read_bytes()
        for spoilt in (content[:-1], content[:100] + bytes([content[100] ^ 1]) + content[101:]):
            path.write_bytes(spoilt)
            before = tree(run)
            done = main("pack", "--undo", run.name)
            assert done.code == 3
            assert f"{path}: is damaged, or not all of it is there" in done.err.replace("results/", f"{run.parent}/")
            left = tree(run)
            assert {name: left[name] for name in left if name.startswith(("journal/", RECORDS))}.items() >= {
                (name, before[name]) for name in before if name.startswith(str(path.relative_to(run)))
            }
        path.write_bytes(content)
        if path.name.startswith("0"):
            assert main("pack", "--undo", run.name).code == 0
            assert main("pack", run.name).code == 0
    path.write_bytes(content[:-1])
    done = main("report", run.name, "--no-plots", "--no-page")
    assert done.code == 3
    assert "records.jsonl.zst: is damaged" in done.err
    assert "cotbench run --resume RUN" in done.err
    assert main("run", "--resume", run.name, "-q").code == 0  # as it says
    assert main("report", run.name, "--no-plots", "--no-page").code == 0


def test_no_link_is_packed(run: Path, tmp_path: Path, main: Cli) -> None:
    elsewhere = tmp_path / "elsewhere.jsonl"
    shutil.move(run / JOURNAL, elsewhere)
    (run / JOURNAL).symlink_to(elsewhere)
    content = elsewhere.read_bytes()
    done = main("pack", run.name)
    assert (done.code, elsewhere.read_bytes()) == (3, content)
    assert "is a link" in done.err


def test_sizes_are_said_in_units() -> None:
    sizes = (0, 999, 1_000, 2_500_000, 300_000_000_000, 5 * 10**15)
    assert [in_units(size) for size in sizes] == ["0 bytes", "999 bytes", "1.0 kB", "2.5 MB", "300.0 GB", "5,000.0 TB"]


# --- gc ------------------------------------------------------------------------------------------------------------


def aged(path: Path, content: bytes = b"half") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    grow_old(path)
    return path


def grow_old(path: Path) -> None:
    then = time.time() - OLD_S - 10
    os.utime(path, (then, then))


def test_leftovers_are_listed_and_deleted_only_on_yes(run: Path, main: Cli) -> None:
    assert main("pack", run.name).code == 0
    before = tree(run)
    left = [
        aged(run / name)
        for name in (
            "records.jsonl.tmp",
            "records.jsonl.zst.tmp",
            "manifest.json.tmp",
            "records.jsonl.3",
            "journal/000001.jsonl.zst.tmp",
            "journal/000001.index.77.tmp",
            "journal/000009.index",
        )
    ]
    for kept in ("journal/000007.jsonl.zst.tmp", "notes.tmp", "records.jsonl.bak"):
        before[kept] = aged(run / kept).read_bytes()  # the only copy of something, for all that is known
    young = run / "questions.jsonl.tmp"
    young.write_bytes(b"under way")
    before[young.name] = young.read_bytes()
    done = said(main, "gc")
    assert {row["path"] for row in done["leftovers"]} == {f"results/{p.relative_to(run.parent)}" for p in left}
    assert (done["deleted"], done["bytes"]) == (False, 4 * len(left))
    listed = main("gc").out
    assert all(path.name in listed for path in left)
    assert all(path.exists() for path in left)
    assert said(main, "gc", "--yes")["deleted"]
    assert tree(run) == before
    assert said(main, "gc")["leftovers"] == []


def test_the_only_copy_of_a_reply_is_never_listed(run: Path, main: Cli) -> None:
    content = (run / JOURNAL).read_bytes()
    copy = aged(run / (JOURNAL + ".tmp"), content)
    assert [one.path for one in leftovers_in(run.parent)] == [copy]
    lines = content.splitlines(keepends=True)
    for journal in (b"".join(lines[:-1]), b"", b"".join(lines[:3]) + lines[-1][:-9] + b"\n"):
        (run / JOURNAL).write_bytes(journal)
        grow_old(run / JOURNAL)
        assert leftovers_in(run.parent) == []
    (run / JOURNAL).unlink()
    assert leftovers_in(run.parent) == []
    assert main("gc", "--yes").code == 0
    assert copy.read_bytes() == content


def test_a_run_that_was_never_asked_anything(run: Path, main: Cli) -> None:
    empty = run.parent / "empty"
    empty.mkdir()
    manifest = json.loads((run / MANIFEST).read_text())
    manifest["status"] = "running"
    for name, content in ((MANIFEST, json.dumps(manifest)), (QUESTIONS, "{}\n"), (JOURNAL, ""), (RECORDS, "")):
        aged(empty / name, content.encode())
    refused = run.parent / "refused"
    aged(refused / LOCK, b"1\n")
    listed = {one.path.name: one.why for one in leftovers_in(run.parent)}
    assert listed == {"empty": "was never asked anything", "refused": "holds nothing but a lock that nobody has"}
    for name, content in (("notes.txt", "mine"), ("theirs.jsonl", "{}"), (JOURNAL, "x"), (RECORDS, "x")):
        other = Path(shutil.copytree(empty, empty.with_name(f"other-{name}"), copy_function=shutil.copy2))
        aged(other / name, content.encode())
        assert other not in [one.path for one in leftovers_in(run.parent)], name
    with (refused / LOCK).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert [one.path for one in leftovers_in(run.parent)] == [empty]
        assert main("gc", "--yes").code == 0
        assert refused.exists()
    assert not empty.exists()
    assert main("gc", "--yes").code == 0
    assert not refused.exists()
    assert len(list(JournalIndex(run / JOURNAL))) > 0


def test_a_lock_on_what_a_run_will_be_about_is_kept(run: Path, main: Cli) -> None:
    assert main(*ASKED, "--mode", "direct,cot", "--lock", "auto", "-q", "--fresh").code == 0
    fixed = next(f for f in run.parent.iterdir() if f != run)
    for name in (JOURNAL, RECORDS):
        (fixed / name).write_bytes(b"")
    manifest = json.loads((fixed / MANIFEST).read_text())
    (fixed / MANIFEST).write_text(json.dumps(manifest | {"status": "running"}))
    for path in fixed.iterdir():
        grow_old(path)
    assert manifest["lock"]
    assert leftovers_in(run.parent) == []


def test_nothing_to_do_and_nowhere_to_do_it(run: Path, main: Cli) -> None:
    assert main("gc").out == "There is nothing in results that is of no use.\n"
    done = main("gc", "-o", "nowhere")
    assert (done.code, "there is no folder nowhere" in done.err) == (2, True)
