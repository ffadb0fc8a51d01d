"""Whatever stops a run, nothing recorded is lost or generated again, and the records end up the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, run_cli

from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

TOTAL = 400
SLOW = "in_flight=4,latency_s=0.01"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 small questions; with two modes that makes 400 answers."""
    path = tmp_path_factory.mktemp("questions") / "sums.jsonl"
    rows = ({"question": f"What is {i} + {i}?", "answer": str(2 * i), "group": f"g{i % 3}"} for i in range(TOTAL // 2))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(questions: Path, output: Path, *more: str) -> list[str]:
    return [
        "run", "--model", "stub", "--task", str(questions), "--mode", "direct,cot", "--output-dir", str(output),
        "--quiet", "--json", *more,
    ]  # fmt: skip


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cotbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def lines(folder: Path) -> int:
    path = folder / JOURNAL
    return path.read_bytes().count(b"\n") if path.exists() else 0


def asked(folder: Path) -> int:
    """How many requests a finished run's answers come from: one for each, and one where a reply was gone on with."""
    rows = [json.loads(line) for line in (folder / RECORDS).read_text().splitlines()]
    found = len({(row["question"], *address) for row in rows for address in row["requests"]})
    assert found == TOTAL + sum(row.get("before", {"replies": 0})["replies"] for row in rows)
    return found


def wait_for(output: Path, count: int, process: subprocess.Popen[bytes]) -> Path:
    """The run's folder, once its journal holds that many lines."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        folders = [f.parent for f in output.glob(f"*/{MANIFEST}")]
        if folders and lines(folders[0]) >= count:
            return folders[0]
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    raise AssertionError("the run didn't get there in a minute")


def killed_at(count: int, arguments: list[str], output: Path) -> Path:
    """The folder of a run that SIGKILL ended once its journal held that many lines."""
    process = start(arguments)
    try:
        return wait_for(output, count, process)
    finally:
        process.kill()
        process.communicate()  # closes its pipes


def addresses(folder: Path) -> list[tuple[Any, ...]]:
    rows = [json.loads(line) for line in (folder / JOURNAL).read_bytes().splitlines()]
    return [(row["question"], row["request"], row["ordinal"]) for row in rows]


@pytest.fixture(scope="module")
def finished(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupts."""
    output = tmp_path_factory.mktemp("reference")
    done = run_cli(*command(questions, output))
    assert done.code == 0, done.err
    return Path(json.loads(done.out)["folder"])


@pytest.fixture(scope="module")
def reference(finished: Path) -> bytes:
    """Its records."""
    return (finished / RECORDS).read_bytes()


@pytest.fixture
def finished_in(finished: Path) -> Callable[[Path], Path]:
    """What copies that run into an output folder, as if it had been made there."""
    return lambda output: Path(shutil.copytree(finished, output / finished.name))


@pytest.mark.patient
def test_sigkill_at_five_random_points(questions: Path, reference: bytes, tmp_path: Path) -> None:
    points = random.Random(20261121).sample(range(10, TOTAL - 40), 5)
    for point in points:
        output = tmp_path / str(point)
        process = start(command(questions, output, "--model-args", SLOW))
        folder = wait_for(output, point, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        recorded = lines(folder)
        assert point <= recorded < TOTAL
        # Once the same command again, and once --resume.
        how = (
            command(questions, output) if point == points[0] else ["run", "--resume", str(folder), "--quiet", "--json"]
        )
        done = run_cli(*how)
        assert done.code == 0, done.err
        said = json.loads(done.out)
        assert Path(said["folder"]) == folder
        assert said["requests"] == asked(folder) - recorded
        assert said["reused"] == recorded
        assert len(addresses(folder)) == len(set(addresses(folder))) == asked(folder)
        assert (folder / RECORDS).read_bytes() == reference


@pytest.mark.patient
def test_a_killed_run_can_be_reported(questions: Path, tmp_path: Path) -> None:
    process = start(command(questions, tmp_path, "--model-args", SLOW))
    folder = wait_for(tmp_path, 200, process)
    process.kill()
    process.communicate()
    done = run_cli("report", str(folder))
    # The records of a killed run are what had been written of them: a report says so, or that there are none yet.
    assert done.code in (0, 3)
    assert "so far" in done.out or "no records yet" in done.err


@pytest.mark.patient
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_exits_130_and_resumes(number: int, questions: Path, reference: bytes, tmp_path: Path) -> None:
    process = start(command(questions, tmp_path, "--model-args", SLOW))
    folder = wait_for(tmp_path, 50, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert f"cotbench run --resume {folder}" in err.decode()
    assert json.loads((folder / MANIFEST).read_text())["status"] == "interrupted"
    recorded = lines(folder)
    report = run_cli("report", str(folder))
    assert report.code == 0, report.err
    assert "so far" in report.out
    done = run_cli("run", "--resume", folder.name, "--output-dir", str(tmp_path), "--quiet", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["requests"] == asked(folder) - recorded
    assert (folder / RECORDS).read_bytes() == reference


def test_ctrl_c_once_waits_for_what_is_in_flight_and_twice_does_not(questions: Path, tmp_path: Path) -> None:
    process = start(command(questions, tmp_path, "--model-args", "in_flight=8,latency_s=3"))
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(f"*/{JOURNAL}")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 2.5
    assert "Press Ctrl-C again" in err.decode()


def test_a_finished_run_asks_nothing_again(
    questions: Path, reference: bytes, finished_in: Callable[[Path], Path], tmp_path: Path
) -> None:
    first = finished_in(tmp_path)
    again = json.loads(run_cli(*command(questions, tmp_path)).out)
    assert (again["folder"], again["requests"], again["reused"]) == (str(first), 0, asked(first))
    assert (first / RECORDS).read_bytes() == reference
    fresh = json.loads(run_cli(*command(questions, tmp_path, "--fresh")).out)
    assert fresh["requests"] == asked(Path(fresh["folder"]))
    assert fresh["folder"] == f"{first}-2"


@pytest.mark.patient
def test_two_processes_on_one_run_are_refused(questions: Path, tmp_path: Path) -> None:
    process = start(command(questions, tmp_path, "--model-args", "in_flight=4,latency_s=0.3"))
    try:
        folder = wait_for(tmp_path, 5, process)
        done = run_cli(*command(questions, tmp_path))
        assert done.code == 3
        assert f"another process ({process.pid}) is writing this run" in done.err
        assert str(folder) in done.err
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (["--seed", "1"], "seed: 0 -> 1"),
        (["--max-tokens", "cot=9"], "sampling.max_tokens"),
        (["--model-args", "cot=0.5"], "model.revision"),
        (["--model", "other", "--engine", "stub"], 'model.model: "stub" -> "other"'),
        (["--limit", "10"], "questions: 200 -> 10"),
        (["--mode", "direct"], "/cot"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_resume_refuses_what_has_changed(
    change: list[str], place: str, questions: Path, tmp_path: Path, main: Cli
) -> None:
    folder = json.loads(main(*command(questions, tmp_path)).out)["folder"]
    done = main("run", "--resume", folder, *change)
    assert done.code == 3
    assert "can't be resumed" in done.err
    assert place in done.err


def test_resume_refuses_a_changed_prompt_and_a_changed_question(questions: Path, tmp_path: Path, main: Cli) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "direct.jinja").write_text("{% call user() %}{{ question.question }} In short!{% endcall %}")
    own = tmp_path / "own.jsonl"
    own.write_text(questions.read_text())
    folder = json.loads(main(*command(own, tmp_path, "--prompts-dir", str(prompts))).out)["folder"]
    assert main("run", "--resume", folder, "--quiet").code == 0
    (prompts / "direct.jinja").write_text("{% call user() %}{{ question.question }} At length!{% endcall %}")
    done = main("run", "--resume", folder)
    assert (done.code, "own/direct@answer=begun.prompt" in done.err) == (3, True), done.err
    (prompts / "direct.jinja").write_text("{% call user() %}{{ question.question }} In short!{% endcall %}")
    own.write_text(questions.read_text().replace("What is 7 + 7?", "What is seven plus seven?"))
    done = main("run", "--resume", folder)
    assert (done.code, "tasks.own.data" in done.err) == (3, True), done.err


@pytest.mark.patient
def test_a_full_disk_is_one_message_and_resumable(questions: Path, reference: bytes, tmp_path: Path) -> None:
    """A file-size limit stands in for a full disk: the write fails in the middle of the journal in the same way."""
    arguments = " ".join(command(questions, tmp_path, "--model-args", "in_flight=16"))
    limited = subprocess.run(
        ["bash", "-c", f"ulimit -f 120; exec {sys.executable} -m cotbench {arguments}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert limited.returncode == 3, limited.stderr
    assert "can't be written" in limited.stderr
    assert "resumes" in limited.stderr
    assert "Traceback" not in limited.stderr
    [folder] = [f.parent for f in tmp_path.glob(f"*/{MANIFEST}")]
    recorded = lines(folder)
    assert 0 < recorded < TOTAL
    assert (folder / JOURNAL).read_bytes().endswith(b"\n")
    done = run_cli(*command(questions, tmp_path))
    assert json.loads(done.out)["requests"] == asked(folder) - recorded
    assert (folder / RECORDS).read_bytes() == reference


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_results_folder(questions: Path, tmp_path: Path, main: Cli) -> None:
    output = tmp_path / "results"
    output.mkdir(mode=0o555)
    done = main(*command(questions, output))
    assert done.code == 3
    assert "can't be written" in done.err
