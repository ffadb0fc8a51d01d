"""What may happen to a run from outside, end to end: nothing recorded is lost, and it goes on or says why it can't.

`test_resume.py` has what stops a run (SIGKILL, SIGTERM, Ctrl-C, a full disk), `test_records.py` what may happen to a
journal, `test_openai_engine.py` what a server may do, `test_grade.py` and `test_sandbox_hostile.py` what may happen to
their processes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Cli, descendants, run_cli
from handmade import write_formulas
from mock_server import Answer, Json, MockServer, chat
from test_resume import (
    SLOW,
    TOTAL,
    asked,
    command,
    finished,
    finished_in,
    lines,
    questions,
    reference,
    start,
    wait_for,
)

from cotbench.engines.stub import StubEngine
from cotbench.errors import ModelError
from cotbench.store.journal import JOURNAL, read_journal
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS
from cotbench.types import Completion, Key, Reply

__all__ = ["finished", "finished_in", "questions", "reference"]  # fixtures


# --- the disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(folder)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.patient
def test_a_disk_that_fills_up(small_disk: Path, questions: Path, reference: bytes) -> None:
    done = run_cli(*command(questions, small_disk))
    assert done.code == 3, done.err
    assert "No space left on device" in done.err
    assert "Everything recorded so far is kept" in done.err
    assert "Traceback" not in done.err
    [folder] = small_disk.glob("stub-*")
    recorded = lines(folder)
    assert recorded > 0
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    done = run_cli(*command(questions, small_disk))
    assert done.code == 0, done.err
    assert json.loads(done.out)["requests"] == asked(folder) - recorded > 0
    assert (folder / RECORDS).read_bytes() == reference


def test_a_disk_that_is_full_before_it_begins(small_disk: Path, questions: Path) -> None:
    (small_disk / "other").write_bytes(b"x" * 307_200)
    done = run_cli(*command(questions, small_disk))
    assert done.code == 3, done.err
    assert "No space left on device" in done.err
    assert "Traceback" not in done.err


def test_results_that_can_not_be_written(questions: Path) -> None:
    """/proc takes no folders from anybody, root included."""
    done = run_cli(*command(questions, Path("/proc/cotbench")))
    assert done.code == 3, done.err
    assert "can't be written" in done.err
    assert "Choose another --output-dir" in done.err
    assert "Traceback" not in done.err


def test_a_folder_that_is_removed_meanwhile(questions: Path, tmp_path: Path) -> None:
    process = start(command(questions, tmp_path, "--model-args", SLOW))
    folder = wait_for(tmp_path, 50, process)
    shutil.rmtree(folder)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert f"{folder}" in err.decode()
    assert "can't be written" in err.decode()
    assert "Traceback" not in err.decode()


@pytest.mark.parametrize("name", [MANIFEST, JOURNAL])
def test_a_folder_that_has_lost_a_file(
    name: str, questions: Path, reference: bytes, finished_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = finished_in(tmp_path)
    (folder / name).unlink()
    again = run_cli(*command(questions, tmp_path))
    if name == MANIFEST:
        assert again.code == 3
        assert f"{folder}: holds a journal but no {MANIFEST}" in again.err
        assert "Restore the manifest" in again.err
        assert lines(folder) == asked(folder), "nothing recorded is lost"
    else:  # nothing is on record, so everything is asked
        assert again.code == 0, again.err
        assert json.loads(again.out)["requests"] == asked(folder)
        assert (folder / RECORDS).read_bytes() == reference


# --- a journal that was damaged -----------------------------------------------------------------------------------


def test_a_damaged_journal_is_gone_on_with(
    questions: Path, reference: bytes, finished_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    """A flipped byte, a duplicated line and a torn last line at once: the two that are lost are asked again."""
    folder = finished_in(tmp_path)
    content = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    flipped = bytearray(content[10])
    flipped[len(flipped) // 2] ^= 0x20
    spoilt = [*content[:10], bytes(flipped), *content[11:20], content[19], *content[20:-1], content[-1][:-30]]
    (folder / JOURNAL).write_bytes(b"".join(spoilt))
    done = run_cli(*[word for word in command(questions, tmp_path) if word != "--quiet"])
    assert done.code == 0, done.err
    assert "1 damaged journal lines are passed over" in done.err
    assert json.loads(done.out)["requests"] == 2
    assert (folder / RECORDS).read_bytes() == reference


def test_a_journal_of_a_later_version(questions: Path, finished_in: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = finished_in(tmp_path)
    import zlib

    body = (folder / JOURNAL).read_bytes().splitlines()[0][: -len(',"crc":"00000000"}')] + b"}"
    body = body.replace(b'{"v":1,', b'{"v":2,')
    with (folder / JOURNAL).open("ab") as file:
        file.write(body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body))
    done = run_cli(*command(questions, tmp_path))
    assert done.code == 3
    assert "holds lines of schema 2; this cotbench knows 1" in done.err
    assert lines(folder) == asked(folder) + 1


# --- the clock ----------------------------------------------------------------------------------------------------

BACKWARDS = """
import time
real, said, steps = time.time, time.strftime, [0]
def backwards():
    steps[0] += 1
    return real() - 3600 * steps[0]
time.time = backwards
time.strftime = lambda form, at=None: said(form, at or time.localtime(backwards()))
"""


@pytest.mark.patient
def test_a_clock_that_goes_backwards(questions: Path, reference: bytes, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BACKWARDS)
    env = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    done = run_cli(*command(questions, tmp_path / "r"), env=env)
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    assert (folder / RECORDS).read_bytes() == reference
    [session] = json.loads((folder / MANIFEST).read_text())["sessions"]
    assert session["ended"] < session["started"], "the clock of this test does go backwards"
    assert 0 < session["wall_s"] < 300
    listed = run_cli("list", "runs", "-o", tmp_path / "r", env=env)
    assert listed.code == 0, listed.err
    assert run_cli("report", folder, "--no-page", "--no-plots", env=env).code == 0


# --- processes ----------------------------------------------------------------------------------------------------


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


@pytest.mark.patient
def test_helpers_that_are_killed_all_the_time(tmp_path: Path) -> None:
    """Grading workers and sandbox processes die again and again while programs run and formulas are compared."""
    path = write_formulas(tmp_path, 60)
    arguments = ["run", "--model", "stub", "--task", str(path), "--mode", "cot,pal", "-q", "--json"]
    quiet = run_cli(*arguments, "-o", tmp_path / "quiet")
    assert quiet.code == 0, quiet.err
    process = start([*arguments, "-o", str(tmp_path / "loud"), "--model-args", "in_flight=2,latency_s=0.15"])
    chance, killed, deadline = random.Random(7), 0, time.monotonic() + 240
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise AssertionError("the run hangs", process.communicate())
        time.sleep(1)
        below = [pid for pid in descendants(process.pid) if "resource_tracker" not in command_line(pid)]
        if below and killed < 8:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(sorted(below)), signal.SIGKILL)
                killed += 1
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert killed >= 2
    loud, silent = (Path(json.loads(text)["folder"], RECORDS) for text in (out, quiet.out))
    rows_loud, rows_silent = ([json.loads(line) for line in path.read_bytes().splitlines()] for path in (loud, silent))
    assert len(rows_loud) == len(rows_silent) == 120
    # A pair or program whose process died twice is told as such, and counts as no wrong answer of the model.
    changed = [one["outcome"] for one, other in zip(rows_loud, rows_silent, strict=True) if one != other]
    assert set(changed) <= {"grader_timeout", "program_killed"}, changed
    assert len(changed) <= 6


# --- a soak -------------------------------------------------------------------------------------------------------


class Faulty(StubEngine):
    """The stub, of whose requests a share fails, each time others; and which dies now and then."""

    chance = random.Random(20261121)
    share = 0.02
    dies_after = 12_000
    served = 0

    def poll(self) -> list[tuple[Key, Reply]]:
        out = []
        for key, reply in super().poll():
            if self.chance.random() < self.share:
                path = Completion(text="", finish_reason="error", error="InternalServerError: made up")
                reply = Reply(completions=(path,) * len(reply.completions))
            out.append((key, reply))
        Faulty.served += len(out)
        if Faulty.served > self.dies_after:
            Faulty.served = 0
            self._waiting = []
            raise ModelError("engine 'stub': it died, as this test wants.", "Run again.")
        return out


@pytest.mark.patient
def test_a_soak(tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """50,000 requests, or 10,000 where it isn't asked for: however many sessions it takes, each ends in one record."""
    count = int(os.environ.get("COTBENCH_SOAK", "5000"))
    path = tmp_path / "sums.jsonl"
    with path.open("w") as file:
        for i in range(count):
            file.write(json.dumps({"question": f"What is {i} + {i}?", "answer": str(2 * i)}) + "\n")
    arguments = ["run", "--model", "stub", "--task", str(path), "--mode", "direct,cot", "-q", "--json"]
    clean = main(*arguments, "-o", "clean")
    assert clean.code == 0
    peaks = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
    from cotbench.engines import stub

    monkeypatch.setattr(stub, "StubEngine", Faulty)
    monkeypatch.setattr(Faulty, "dies_after", count * 2 // 4)
    codes: Counter[int] = Counter()
    while True:
        gc.collect()  # what earlier sessions in this process left; a command has a process of its own
        done = main(*arguments, "-o", "faulty")
        codes[done.code] += 1
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        assert "Traceback" not in done.err
        if done.code == 0:
            break
        assert done.code in (3, 4), done.err
        assert sum(codes.values()) < 30
    assert codes[3] >= 2
    assert codes[4] >= 1
    [folder] = (tmp_path / "faulty").glob("stub-*")
    [other] = (tmp_path / "clean").glob("stub-*")
    assert (folder / RECORDS).read_bytes() == (other / RECORDS).read_bytes()
    state = read_journal(folder / JOURNAL)
    answers = [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]
    assert len(answers) == 2 * count
    assert len(state.replies) == sum(len(row["requests"]) for row in answers)
    assert not state.failed
    assert state.repeated == state.damaged == 0, "nothing was asked again that had an answer"
    rows = [json.loads(line) for line in (folder / JOURNAL).read_bytes().splitlines()]
    good = Counter(
        (row["question"], row["request"]) for row in rows if row["completions"][0]["finish_reason"] != "error"
    )
    assert set(good.values()) == {1}
    assert peaks[-1] < 1.25 * peaks[0], ("memory stays flat", peaks)


# --- a server that goes away --------------------------------------------------------------------------------------


@pytest.mark.parametrize("away_s", [1.0, pytest.param(60.0, marks=pytest.mark.patient)])
def test_a_server_that_dies_and_comes_back(away_s: float, questions: Path, tmp_path: Path) -> None:
    """Its requests are asked again until it answers: the run goes on by itself, and no answer is missing or wrong."""

    def script(path: str, headers: object, body: Json, seen: int) -> Answer:
        return Answer(body=chat("Answer: 4"), delay_s=0.02)

    arguments = [
        "run", "--engine", "openai", "--model", "m", "--task", str(questions), "--mode", "direct", "-q", "--json",
        "--concurrency", "8", "-o", str(tmp_path),
    ]  # fmt: skip
    with MockServer(script) as server:
        port = server.port
        process = start([*arguments, "--base-url", server.url])
        wait_for(tmp_path, 40, process)
    time.sleep(away_s)
    assert process.poll() is None
    with MockServer(script, port=port):
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    said = json.loads(out)
    assert said["answers"] == said["requests"] == TOTAL // 2
    assert "engine_error" not in said["outcomes"]
