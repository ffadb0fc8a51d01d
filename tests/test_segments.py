"""A journal in segments: sealed, packed and found again, whatever stops it, and whatever becomes of its files."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotbench.errors import RunError
from cotbench.store import frames, journal
from cotbench.store.journal import JOURNAL, Entry, Journal, JournalIndex, StoredReply, look_through, read_journal
from cotbench.store.lock import LOCK
from cotbench.store.packing import pack_run, unpack_run
from cotbench.store.segments import Segment, has_index, pack, segments_of
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

REQUEST = Request(messages=(Message(role="user", text="What is 2 + 2?"),), sampling=Sampling(max_tokens=8))
SMALL = 2_000  # bytes after which the open end is sealed in these tests: a dozen lines
FRAME = 600


def entry(number: int, text: str = "", finish: str = "stop", ordinal: int = 0) -> Entry:
    path = Completion(text=text or f"It is {number}.", finish_reason=finish, completion_tokens=number % 50)  # type: ignore[arg-type]
    return Key(f"q-{number}", REQUEST.hash, 0, ordinal), REQUEST, None, Reply(completions=(path,), prompt="p")


def append(folder: Path, entries: Iterable[Entry], *, each: int = 1) -> None:
    """Append entries as a run does, and wait until everything is on the disk and sealed that is to be."""
    path = folder / JOURNAL
    file = Journal(path, JournalIndex(path).counts.good_bytes)
    left = iter(entries)
    while batch := list(itertools.islice(left, each)):
        file.append(batch)
        if file._syncing is not None:
            file._syncing.join()
    file.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEAL_BYTES", SMALL)
    monkeypatch.setattr(journal, "REST_S", 0.0)
    monkeypatch.setattr(frames, "FRAME_BYTES", FRAME)


@pytest.fixture
def packed(small: None, tmp_path: Path) -> Path:
    """A folder with a journal of three packed segments and an open end."""
    append(tmp_path, map(entry, range(40)))
    pack_rest(tmp_path)
    assert len(segments_of(tmp_path / JOURNAL)) >= 3
    assert not any(segment.is_plain for segment in segments_of(tmp_path / JOURNAL))
    assert (tmp_path / JOURNAL).stat().st_size
    return tmp_path


def pack_rest(folder: Path) -> None:
    for segment in segments_of(folder / JOURNAL):
        if segment.is_plain:
            pack(segment, partial(look_through, path=folder / JOURNAL))


def unpacked(segment: Segment) -> bytes:
    with segment.packed.open("rb") as file:
        return b"".join(frames.Unpacking(file))


def numbers(index: JournalIndex) -> list[int]:
    return [int(row.question.removeprefix("q-")) for row in index]


def index_of(folder: Path) -> JournalIndex:
    return JournalIndex(folder / JOURNAL)


def same(index: JournalIndex, reference: JournalIndex, keys: Sequence[Key]) -> None:
    """Whether two journals say the same, by all that can be asked of them."""
    assert list(index) == list(reference)
    assert list(index.lines()) == list(reference.lines())
    assert index.counts._replace(good_bytes=0) == reference.counts._replace(good_bytes=0)
    assert (index.state().replies, index.state().failed) == (reference.state().replies, reference.state().failed)
    for key in keys:
        assert (key in index) is (key in reference)
        assert index.reply(key) == reference.reply(key)
        assert index.told(key) == reference.told(key)
        for sign in journal.SIGNS:
            assert index.says(sign, [key]) is reference.says(sign, [key])


# --- what is sealed ------------------------------------------------------------------------------------------------


def test_a_small_journal_stays_one_plain_file(tmp_path: Path) -> None:
    append(tmp_path, map(entry, range(40)))
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


@pytest.mark.patient
def test_a_large_one_is_sealed_and_packed_beside_the_run(small: None, tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    file = Journal(path, 0)
    for number in range(40):
        file.append([entry(number)])
        time.sleep(0.01)
    file.close()
    assert segments_of(path)
    assert not any(segment.is_plain for segment in segments_of(path))
    assert all(map(has_index, segments_of(path)))
    assert not list(tmp_path.rglob("*.tmp"))
    assert numbers(index_of(tmp_path)) == list(range(40))


def test_a_file_that_is_cut_while_it_is_read_costs_what_is_cut(tmp_path: Path) -> None:
    append(tmp_path, [entry(number, "x" * 1_000) for number in range(50)], each=50)
    index, path = index_of(tmp_path), tmp_path / JOURNAL
    late = index_of(tmp_path)
    assert len(numbers(index)) == 50
    with path.open("r+b") as file:  # as a run that is resumed cuts a torn end off, only more of it
        file.truncate(len(path.read_bytes().splitlines(keepends=True)[0]))
    assert numbers(index) == numbers(late) == [0]


def test_what_an_earlier_process_left_is_packed_by_the_next(small: None, tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    append(tmp_path, map(entry, range(14)))
    [segment] = segments_of(path)
    segment.plain.write_bytes(unpacked(segment))
    segment.packed.write_bytes(segment.packed.read_bytes()[:300])  # both are there, and one is half written
    segment.packed.with_name(segment.packed.name + ".tmp").write_bytes(b"half")
    assert numbers(index_of(tmp_path)) == list(range(14))
    append(tmp_path, [entry(14)])
    assert not segment.is_plain
    assert has_index(segment)
    assert not list(tmp_path.rglob("*.tmp"))
    assert numbers(index_of(tmp_path)) == list(range(15))


def test_a_packed_segment_is_what_zstd_reads(packed: Path) -> None:
    import pyarrow

    lines = [line.split(b'"')[5] for line in index_of(packed).lines()]
    segment = segments_of(packed / JOURNAL)[0]
    with pyarrow.OSFile(str(segment.packed)) as file, pyarrow.CompressedInputStream(file, "zstd") as stream:
        content = stream.read()
    assert [line.split(b'"')[5] for line in content.splitlines()] == lines[: content.count(b"\n")]
    assert content.count(b"\n") > 5


def test_frames_hold_whole_lines(packed: Path) -> None:
    segment = segments_of(packed / JOURNAL)[0]
    with segment.packed.open("rb") as file:
        found = (unpacking := frames.Unpacking(file)).frames
        assert list(unpacking)
        found = unpacking.frames
        assert len(found.places) > 2
        for number in range(len(found.places)):
            lines = frames.read_frame(file.fileno(), found, number)
            assert lines is not None
            assert lines.endswith(b"\n")


def test_a_line_longer_than_a_frame_or_a_segment(small: None, tmp_path: Path) -> None:
    long = "x = 1 " * 5_000
    append(tmp_path, [entry(0), entry(1, long), entry(2), entry(3, long), entry(4)])
    pack_rest(tmp_path)
    index = index_of(tmp_path)
    assert numbers(index) == list(range(5))
    row = index.reply(entry(3)[0])
    assert row is not None
    assert row.completions[0].text == long
    assert index.says("equals", [entry(1)[0]]) is True
    assert index.says("equals", [entry(2)[0]]) is False


EVENT = st.tuples(
    st.integers(0, 6), st.integers(0, 1), st.sampled_from(["stop", "error", "length"]), st.text(max_size=30)
)


@pytest.mark.patient
@settings(max_examples=60, deadline=None)
@given(st.lists(EVENT, max_size=40), st.randoms(use_true_random=False))
def test_segments_say_what_one_file_says(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, int, str, str]], chance: random.Random
) -> None:
    """Repeated, failed and damaged lines, in whatever of the files they stand, packed or not."""
    folder = tmp_path_factory.mktemp("j")
    one, several = folder / "one", folder / "several"
    lines = [journal._line(*entry(number, text, finish, ordinal)) for number, ordinal, finish, text in events]
    lines = [line if chance.random() < 0.9 else line.replace(b"p", b"P", 1) for line in lines]
    one.mkdir()
    (one / JOURNAL).write_bytes(b"".join(lines))
    (several / "journal").mkdir(parents=True)
    cuts = sorted(chance.randrange(len(lines) + 1) for _ in range(3))
    for at, (start, end) in enumerate(itertools.pairwise([0, *cuts])):
        segment = Segment(several / "journal", at + 1)
        segment.plain.write_bytes(b"".join(lines[start:end]))
        if chance.random() < 0.6:
            pack(segment, partial(look_through, path=several / JOURNAL))
            if chance.random() < 0.3:
                segment.index.unlink()
    (several / JOURNAL).write_bytes(b"".join(lines[cuts[-1] :]))
    keys = [entry(number, ordinal=ordinal)[0] for number in range(8) for ordinal in (0, 1)]
    same(index_of(several), index_of(one), keys)


# --- what may become of the files ----------------------------------------------------------------------------------


def some(size: int, count: int = 120) -> list[int]:
    """Places in a file: its ends, and others all over it."""
    ends = [0, 1, 7, 8, 16, 20, size - 40, size - 32, size - 31, size - 1]
    return sorted({at for at in (*ends, *range(0, size, max(1, size // count))) if 0 <= at < size})


def in_frames(segment: Segment) -> list[tuple[int, int, int]]:
    """Of each frame its first byte, the one behind its last, and how many lines it has."""
    with segment.packed.open("rb") as file:
        list(unpacking := frames.Unpacking(file))
        return [
            (place, place + length, (frames.read_frame(file.fileno(), unpacking.frames, number) or b"").count(b"\n"))
            for number, (place, length, _) in enumerate(unpacking.frames.places.tolist())
        ]


@pytest.mark.patient
def test_a_packed_segment_cut_at_any_byte_has_the_lines_before(packed: Path) -> None:
    segment = segments_of(packed / JOURNAL)[1]
    content, places = segment.packed.read_bytes(), in_frames(segment)
    whole = numbers(index_of(packed))
    first = int(unpacked(segment).split(b'"')[5].removeprefix(b"q-"))
    count = sum(lines for *_, lines in places)
    for at in some(len(content)):
        segment.packed.write_bytes(content[:at])
        left = sum(lines for _, end, lines in places if end <= at)
        index = index_of(packed)
        assert numbers(index) == whole[: first + left] + whole[first + count :], at
        assert not at or index.counts.damaged or at in {end for _, end, _ in places}
        assert index.reply(entry(first + count - 1)[0]) is None or left == count
    segment.packed.write_bytes(content)  # an index that was made of half a file would say that this is all
    assert numbers(index_of(packed)) == whole


@pytest.mark.patient
def test_any_flipped_byte_of_a_packed_segment_costs_its_frame_at_most(packed: Path) -> None:
    segment = segments_of(packed / JOURNAL)[0]
    content, most = segment.packed.read_bytes(), max(lines for *_, lines in in_frames(segment))
    rows = {row.key: row for row in index_of(packed)}
    for at in some(len(content), 300):
        segment.packed.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        for again in (False, True):  # by the index that is beside it, and by one that is made anew
            if again:
                segment.index.unlink(missing_ok=True)
            index = index_of(packed)
            found = {row.key: row for row in index}
            assert len(found) >= len(rows) - most, at
            assert found.items() <= rows.items()
            assert all(index.reply(key) in (row, None) for key, row in rows.items())
    segment.packed.write_bytes(content)
    segment.index.unlink(missing_ok=True)
    assert {row.key: row for row in index_of(packed)} == rows


def test_an_index_that_is_missing_or_damaged_is_made_again(packed: Path) -> None:
    segment = segments_of(packed / JOURNAL)[0]
    content = segment.index.read_bytes()
    whole = list(index_of(packed))
    damaged = [content[:at] for at in some(len(content), 40)]
    damaged += [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in some(len(content), 60)]
    damaged += [content + b"\0", segments_of(packed / JOURNAL)[1].index.read_bytes(), b""]
    for spoilt in damaged:
        segment.index.write_bytes(spoilt)
        assert list(index_of(packed)) == whole
        assert segment.index.read_bytes() == content
    segment.index.unlink()
    assert list(index_of(packed)) == whole
    assert segment.index.read_bytes() == content
    segment.index.unlink()
    segment.index.mkdir()  # where none can be written
    assert list(index_of(packed)) == whole


def test_a_segment_that_is_plain_and_packed_counts_once(packed: Path) -> None:
    segment = segments_of(packed / JOURNAL)[1]
    whole = index_of(packed)
    content = segment.packed.read_bytes()
    plain = unpacked(segment)
    segment.plain.write_bytes(plain)
    for at in some(len(content), 20):
        segment.packed.write_bytes(content[:at])
        index = index_of(packed)
        assert list(index) == list(whole)
        assert index.counts == whole.counts


def test_a_torn_end_is_passed_over_in_a_sealed_segment_too(packed: Path) -> None:
    """A power cut may take the last lines of a file that was just sealed."""
    segment = segments_of(packed / JOURNAL)[-1]
    plain = unpacked(segment)
    whole = numbers(index_of(packed))
    last = plain.splitlines()[-1].split(b'"')[5].decode()
    segment.packed.unlink()
    for cut in (1, 20, 100):
        segment.plain.write_bytes(plain[:-cut])
        expected = [number for number in whole if f"q-{number}" != last]
        assert numbers(index_of(packed)) == expected
        copy = Path(shutil.copytree(packed, packed / f"copy{cut}", ignore=shutil.ignore_patterns("copy*")))
        pack_run(copy)
        assert numbers(index_of(copy)) == expected
        unpack_run(copy)
        assert numbers(index_of(copy)) == expected
        assert index_of(copy).counts.damaged == 0


def test_a_missing_segment_is_no_traceback(packed: Path) -> None:
    whole = numbers(index_of(packed))
    index = index_of(packed)
    segment = segments_of(packed / JOURNAL)[1]
    segment.packed.unlink()
    with pytest.raises(RunError, match="is missing"):
        list(index)
    left = numbers(index_of(packed))
    assert set(left) < set(whole)


def test_nothing_is_sealed_through_a_link(small: None, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link, and links aren't written through"):
        append(tmp_path / "run", map(entry, range(40)))
    assert not list((tmp_path / "elsewhere").iterdir())
    assert len(numbers(index_of(tmp_path / "run"))) >= 9


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_journal_folder_that_is_none(kind: str, small: None, tmp_path: Path) -> None:
    append(tmp_path, map(entry, range(3)))
    (tmp_path / "journal").write_text("mine") if kind == "file" else os.mkfifo(tmp_path / "journal")
    assert numbers(index_of(tmp_path)) == [0, 1, 2]
    with pytest.raises(RunError, match="can't be written"):
        append(tmp_path, map(entry, range(3, 40)))
    assert numbers(index_of(tmp_path))[:4] == [0, 1, 2, 3]


# --- who reads while a run goes on ---------------------------------------------------------------------------------


def test_an_index_finds_its_lines_while_they_are_sealed_and_packed(small: None, tmp_path: Path) -> None:
    append(tmp_path, map(entry, range(14)))
    append(tmp_path, map(entry, range(14, 20)))
    index, later = index_of(tmp_path), index_of(tmp_path)
    assert len(list(index)) == 20
    append(tmp_path, map(entry, range(20, 60)))
    pack_rest(tmp_path)
    assert numbers(index) == list(range(20))
    assert numbers(later) == list(range(20))  # which looks through them only now
    assert numbers(index_of(tmp_path)) == list(range(60))


def test_lines_that_are_sealed_while_a_journal_is_opened_are_there_once(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, map(entry, range(5)))
    real = journal.segments_of

    def sealed_first(path: Path) -> list[Segment]:
        monkeypatch.undo()
        (tmp_path / "journal").mkdir()
        path.rename(Segment(tmp_path / "journal", 1).plain)
        path.touch()
        return real(path)

    monkeypatch.setattr(journal, "segments_of", sealed_first)
    index = index_of(tmp_path)
    assert numbers(index) == list(range(5))
    assert index.counts.repeated == 0


# --- killed at any instant -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


STEPS = ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "fsync", "ftruncate", "open", "write", "close")


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], bool]:
    """Do something, and end it before its n-th call to the system; whether it came to an end before."""

    def do(step: int, work: Callable[[], Any]) -> bool:
        calls = itertools.count()
        real = {name: getattr(os, name) for name in STEPS}

        def wrapped(name: str, *args: Any, **more: Any) -> Any:
            if next(calls) == step:
                raise Killed
            return real[name](*args, **more)

        for name in STEPS:
            monkeypatch.setattr(os, name, partial(wrapped, name))
        try:
            work()
        except Killed:
            return False
        finally:
            for name in STEPS:
                monkeypatch.setattr(os, name, real[name])
        return True

    return do


def until_it_ends(
    folder: Path, killed_at: Callable[[int, Callable[[], Any]], bool], work: Callable[[Path], Any]
) -> Iterator[Path]:
    """A copy of a folder for each instant at which the work on it was killed."""
    for step in itertools.count():
        copy = Path(shutil.copytree(folder, folder.parent / f"{folder.name}-{step}"))
        ended = killed_at(step, partial(work, copy))
        (copy / LOCK).unlink(missing_ok=True)  # which dies with its process, and this one lives
        yield copy
        if ended:
            assert step > 5
            return


@pytest.mark.patient
def test_packing_killed_at_any_instant_loses_and_doubles_nothing(
    packed: Path, tmp_path_factory: pytest.TempPathFactory, killed_at: Callable[[int, Callable[[], Any]], bool]
) -> None:
    folder = Path(shutil.copytree(packed, tmp_path_factory.mktemp("k") / "run"))
    unpack_run(folder)
    content, rows = (folder / JOURNAL).read_bytes(), list(index_of(folder))
    for copy in until_it_ends(folder, killed_at, pack_run):
        assert list(index_of(copy)) == rows
        pack_run(copy)
        index = index_of(copy)
        assert list(index) == rows
        assert (index.counts.repeated, index.counts.damaged) == (0, 0)
        assert not any(segment.is_plain for segment in segments_of(copy / JOURNAL))
        unpack_run(copy)
        assert (copy / JOURNAL).read_bytes() == content


@pytest.mark.patient
def test_unpacking_killed_at_any_instant_loses_and_doubles_nothing(
    packed: Path, tmp_path_factory: pytest.TempPathFactory, killed_at: Callable[[int, Callable[[], Any]], bool]
) -> None:
    folder = Path(shutil.copytree(packed, tmp_path_factory.mktemp("k") / "run"))
    rows = list(index_of(folder))
    whole = Path(shutil.copytree(folder, folder.parent / "whole"))
    unpack_run(whole)
    for copy in until_it_ends(folder, killed_at, unpack_run):
        assert list(index_of(copy)) == rows
        unpack_run(copy)
        assert (copy / JOURNAL).read_bytes() == (whole / JOURNAL).read_bytes()
        assert not segments_of(copy / JOURNAL)


@pytest.mark.patient
def test_sealing_killed_at_any_instant_loses_and_doubles_nothing(
    small: None,
    tmp_path: Path,
    killed_at: Callable[[int, Callable[[], Any]], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "run").mkdir()
    append(tmp_path / "run", map(entry, range(9)))

    def go_on(copy: Path) -> None:
        file = Journal(copy / JOURNAL, JournalIndex(copy / JOURNAL).counts.good_bytes)
        file._packer.take = lambda _: None  # type: ignore[method-assign]  # its own test is above
        for number in range(9, 30):
            file.append([entry(number)])
            if file._syncing is not None:
                file._syncing.join()
        file.close()

    # What is raised in the thread that syncs ends that alone, as an fsync that never returns would.
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    for copy in until_it_ends(tmp_path / "run", killed_at, go_on):
        there = numbers(index_of(copy))
        assert there == list(range(len(there)))
        assert len(there) >= 9
        append(copy, map(entry, range(len(there), 30)))
        index = index_of(copy)
        assert numbers(index) == list(range(30))
        assert (index.counts.repeated, index.counts.damaged) == (0, 0)


_RUN = f"""
import sys
from pathlib import Path
from cotbench.store import frames, journal
from cotbench.store.journal import JOURNAL, Journal, JournalIndex
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_segments import entry
journal.SEAL_BYTES, journal.REST_S, frames.FRAME_BYTES = 20_000, 0.0, 3_000
path = Path(sys.argv[1]) / JOURNAL
index = JournalIndex(path)
file = Journal(path, index.counts.good_bytes)
number = index.counts.replies
while True:
    file.append([entry(number)])
    number += 1
    sys.stdout.write(f"{{number}}\\n")
    sys.stdout.flush()
"""


@pytest.mark.patient
def test_sigkill_at_many_points_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """What a process said it had written is there, once, however often it is killed while it seals and packs."""
    chance, written = random.Random(11), 0
    for _ in range(30):
        process = subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 0.25)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[0].split()
        with suppress(IndexError):
            written = int(said[-2])  # the last one may be half a number
        index = index_of(tmp_path)
        there = numbers(index)
        assert there == list(range(len(there)))
        assert len(there) >= written
        assert index.counts.repeated == 0
    assert len(segments_of(tmp_path / JOURNAL)) > 10
    pack_run(tmp_path)
    assert numbers(index_of(tmp_path)) == there
    unpack_run(tmp_path)
    assert (tmp_path / JOURNAL).read_bytes().count(b"\n") == len(there)


# --- a full disk ---------------------------------------------------------------------------------------------------


def test_what_can_not_be_packed_stays_as_it_was(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack_run(packed)
    content, rows = (packed / JOURNAL).read_bytes(), list(index_of(packed))

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    for name in ("pack_file", "save_index"):
        with monkeypatch.context() as patched:
            patched.setattr(f"cotbench.store.segments.{name}", full)
            with pytest.raises(RunError, match="No space left on device"):
                pack_run(packed)
        assert list(index_of(packed)) == rows
        assert not list(packed.rglob("*.tmp"))
    pack_run(packed)
    unpack_run(packed)
    assert (packed / JOURNAL).read_bytes() == content


def test_what_is_read_back_otherwise_than_it_was_written_is_not_believed(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack_run(packed)
    rows = list(index_of(packed))
    real = frames.read_frame
    monkeypatch.setattr(frames, "read_frame", lambda *args: (real(*args) or b"").replace(b"is 7", b"is 8"))
    with pytest.raises(RunError, match="isn't what is read back"):
        pack_run(packed)
    monkeypatch.undo()
    assert list(index_of(packed)) == rows


def test_a_run_with_a_full_disk_goes_on_unpacked(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cotbench.store.segments.pack_file", full)
    append(tmp_path, map(entry, range(60)))
    assert all(segment.is_plain for segment in segments_of(tmp_path / JOURNAL))
    assert numbers(index_of(tmp_path)) == list(range(60))


# --- its size ------------------------------------------------------------------------------------------------------


def test_a_line_takes_49_bytes_of_the_index(packed: Path) -> None:
    """2 million lines take less than 150 MB: their rows, and the hashes by which they are found, with an order."""
    places = index_of(packed)._places
    assert places.rows.nbytes == 49 * 40
    assert places._high.nbytes + places._order.nbytes == 12 * 40


def test_all_replies_are_read_one_by_one(packed: Path) -> None:
    """Few unpacked frames are kept at once."""
    index = index_of(packed)
    index._reader.MOST_FRAMES = 2
    rows: list[StoredReply] = list(index)
    assert len(rows) == 40
    assert len(index._reader._frames) <= 2
    assert len(read_journal(packed / JOURNAL).replies) == 40
