"""What lies under `results/` and is of no use: what killed processes had begun to write, and folders of runs that were
never asked anything. Nothing that may be the only copy of a reply, a record, or of what was fixed before a run."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from cotbench.errors import RunError
from cotbench.store.files import open_to_read
from cotbench.store.frames import PACKED, TEMPORARY, packed_path
from cotbench.store.journal import JOURNAL, JournalIndex, look_through
from cotbench.store.lock import LOCK, RunLock, is_held
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.store.passages import PASSAGES
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS
from cotbench.store.segments import folder_of_segments, segments_of
from cotbench.store.theirs import THEIRS

OLD_S = 600  # what is younger may be under way: who makes an index holds no lock
_PART = re.compile(re.escape(RECORDS) + r"\.\d+")
_NEVER_ASKED = {LOCK, MANIFEST, QUESTIONS, PASSAGES, JOURNAL, RECORDS}  # all that such a run has


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A file or folder that is of no use, and why."""

    path: Path
    bytes: int
    why: str

    def as_dict(self) -> dict[str, Any]:
        return {"path": str(self.path), "bytes": self.bytes, "why": self.why}

    def remove(self) -> None:
        """Delete it. Raises OSError."""
        if self.path.is_dir():
            rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


def leftovers_in(output_dir: Path) -> list[Leftover]:
    """What is of no use in a folder of runs; of one that goes on nothing is."""
    found: list[Leftover] = []
    for folder in sorted(path for path in output_dir.iterdir() if path.is_dir() and not path.is_symlink()):
        if not is_held(folder):
            found += _of_run(folder)
    return found


def clear(output_dir: Path) -> tuple[list[Leftover], list[str]]:
    """Delete what is of no use; what was deleted, and what couldn't be. Each folder is held, and looked at again: a run
    may have begun in it meanwhile."""
    gone: list[Leftover] = []
    failed: list[str] = []
    for folder in dict.fromkeys(_run_of(one, output_dir) for one in leftovers_in(output_dir)):
        try:
            before = _of_run(folder)
            with closing(RunLock(folder)):
                still = {one.path for one in _of_run(folder, aged=0)}
                for one in before:
                    if one.path in still:
                        one.remove()
                        gone.append(one)
        except RunError as error:
            failed.append(error.message)
        except OSError as error:
            failed.append(f"{folder}: can't be deleted: {error.strerror or error}.")
    return gone, failed


def _run_of(one: Leftover, output_dir: Path) -> Path:
    return output_dir / one.path.relative_to(output_dir).parts[0]


def _of_run(folder: Path, aged: float = OLD_S) -> list[Leftover]:
    """The leftovers of a run's folder that are older than some seconds."""
    if why := _never_asked(folder, aged):
        return [Leftover(path=folder, bytes=sum(p.stat().st_size for p in folder.iterdir()), why=why)]
    if not (folder / MANIFEST).is_file():
        return []
    return [
        Leftover(path=path, bytes=path.stat().st_size, why=why)
        for path, why in (*_temporary(folder), *_of_segments(folder))
        if time.time() - path.stat().st_mtime >= aged
    ]


def _never_asked(folder: Path, aged: float) -> str:
    """Why a folder is of no use as a whole; "" where it may be of some."""
    there = {path.name: path for path in folder.iterdir()}
    if not there.keys() <= _NEVER_ASKED or any(path.is_symlink() or not path.is_file() for path in there.values()):
        return ""
    if not there or time.time() - max(path.stat().st_mtime for path in there.values()) < aged:
        return ""
    if set(there) == {LOCK}:
        ours = re.fullmatch(rb"\d*\n?", there[LOCK].read_bytes())
        return "holds nothing but a lock that nobody has" if ours else ""
    if MANIFEST not in there or any(there[name].stat().st_size for name in (JOURNAL, RECORDS) if name in there):
        return ""
    try:
        manifest = read_manifest(folder)
    except RunError:
        return ""
    # What is fixed before the first token is of use because there is none yet.
    return "" if manifest.lock is not None or manifest.status == "finished" else "was never asked anything"


def _temporary(folder: Path) -> Iterator[tuple[Path, str]]:
    """What had begun to be written in place of a run's files."""
    names = (RECORDS, packed_path(folder / RECORDS).name, MANIFEST, QUESTIONS, PASSAGES, THEIRS)
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        if path.name in {name + TEMPORARY for name in names}:
            yield path, f"was to become {path.name.removesuffix(TEMPORARY)}, and its writer was killed"
        elif _PART.fullmatch(path.name):
            yield path, f"a part of {RECORDS}, whose import was killed"
        elif path.name == JOURNAL + TEMPORARY and _is_known(path, folder / JOURNAL):
            yield path, f"was to become {JOURNAL}, and all its replies are in there"


def _is_known(path: Path, journal: Path) -> bool:
    """Whether a journal has all replies of a file that was to become one."""
    try:
        with open_to_read(path) as file:
            return JournalIndex(journal).has_all(look_through(file, path))
    except (OSError, RunError):
        return False


def _of_segments(folder: Path) -> Iterator[tuple[Path, str]]:
    """What had begun to be made of sealed segments, and the indexes of such that aren't there."""
    inside = folder_of_segments(folder / JOURNAL)
    if inside.is_symlink() or not inside.is_dir():
        return
    numbers = {f"{segment.number:06}" for segment in segments_of(folder / JOURNAL)}
    for path in sorted(inside.iterdir()):
        number, _, rest = path.name.partition(".")
        if path.is_symlink() or not path.is_file():
            continue
        if rest == f"jsonl{PACKED}{TEMPORARY}" and number in numbers:
            yield path, "a segment of the journal half packed; it is there whole"
        elif rest.startswith("index.") and rest.endswith(TEMPORARY):
            yield path, "an index of the journal half written; it can be made again"
        elif rest == "index" and number not in numbers:
            yield path, "the index of a segment that isn't there"
