"""Replicas carried by Ray: the same records as the engine alone, clear refusals, and nothing left running.

Runs join one cluster of the module's, which has a token, except where they are to start their own: those are looked
at for what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome, run_cli
from rays import Cluster, Marked, a_cluster

pytest.importorskip("ray", reason="Ray is not installed (.ci/install-ray installs it)")
pytest.importorskip("ctranslate2")

from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

pytestmark = [pytest.mark.patient, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

DEMO = (
    "run", "--model", "demo", "--task", "demo", "--limit", "60", "--mode", "direct,cot,self-consistency",
    "--paths", "self-consistency=3",
)  # fmt: skip
STUB = ("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with a_cluster(4, {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}) as one:
        yield one


def under(cluster: Cluster, arguments: str = "replicas=2,requests_per_replica=2") -> tuple[str, ...]:
    """Options of a run that joins a cluster."""
    return ("--engine", "ray", "--ray-address", cluster.address, "-a", arguments)


def on(cluster: Cluster, *arguments: object, cwd: Path, **options: Any) -> Outcome:
    return run_cli(*arguments, cwd=cwd, env=dict(cluster.token), **options)


def of_own(marked: Marked, *arguments: object, cwd: Path, more: dict[str, str] | None = None) -> Outcome:
    """A run with a cluster of its own; it leaves nothing of that."""
    process = start(marked, *arguments, cwd=cwd, more=more)
    try:
        out, err = process.communicate(timeout=180)
        assert left_by(marked, process) == ({}, [])
    finally:
        marked.end()
    return Outcome(process.returncode, out.decode(), err.decode())


def left_by(marked: Marked, process: subprocess.Popen[bytes]) -> tuple[dict[int, str], list[Path]]:
    """Processes of a run that are left, and folders of its cluster."""
    return marked.wait_gone(), list(Path("/tmp").glob(f"cotbench-ray-{process.pid}-*"))


def only_run(folder: Path) -> Path:
    [found] = folder.glob(f"**/{MANIFEST}")
    return found.parent


def manifest(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / MANIFEST).read_text())
    return content


def addresses(run: Path) -> list[tuple[Any, ...]]:
    """The address of each reply in a journal."""
    rows = [json.loads(line) for line in (run / JOURNAL).read_text().splitlines()]
    return [(row["question"], row["request"], row.get("ordinal", 0)) for row in rows]


def wait_for_replies(folder: Path, count: int, process: subprocess.Popen[bytes], wait_s: float = 90) -> Path:
    """The folder of a run, once so many replies are on record."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        for journal in folder.glob(f"**/{JOURNAL}"):
            if journal.read_bytes().count(b"\n") >= count:
                return journal.parent
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"not {count} replies within {wait_s} s")


def start(marked: Marked, *arguments: object, cwd: Path, more: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cotbench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env={**marked.environment, **(more or {})},
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the engine without replicas: greedy, sampled, and votes."""
    folder = tmp_path_factory.mktemp("alone")
    done = run_cli(*DEMO, cwd=folder)
    assert done.code == 0, done.err
    return only_run(folder)


@pytest.fixture(scope="module")
def carried(cluster: Cluster, alone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by two replicas."""
    folder = tmp_path_factory.mktemp("carried")
    done = on(cluster, *DEMO, *under(cluster), cwd=folder)
    assert done.code == 0, done.err
    assert only_run(folder).name == alone.name
    return only_run(folder)


def test_two_replicas_write_the_records_that_the_engine_alone_writes(alone: Path, carried: Path) -> None:
    assert (carried / RECORDS).read_bytes() == (alone / RECORDS).read_bytes()
    assert sorted(addresses(carried)) == sorted(addresses(alone))
    told = manifest(carried)["engine"]
    assert (told["engine"], told["version"]) == tuple(manifest(alone)["engine"][name] for name in ("engine", "version"))
    replicas = told["carried"]["replicas"]
    assert [bool(one["replies"]) for one in replicas] == [True, True]
    assert sum(one["replies"] for one in replicas) == len(addresses(carried))
    assert [one["restarts"] for one in replicas] == [0, 0]
    assert told["carried"]["nodes"] == 1
    assert "carried" not in manifest(alone)["engine"]


def test_a_run_is_graded_reported_and_made_again_whoever_carried_it(carried: Path, alone: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results" / carried.name
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", carried, copy], check=True)
    before = (copy / RECORDS).read_bytes()
    scored = run_cli("score", copy, cwd=tmp_path)
    assert scored.code == 0, scored.err
    assert (copy / RECORDS).read_bytes() == before
    reports = [run_cli("report", run, cwd=tmp_path) for run in (copy, alone)]
    assert [one.code for one in reports] == [0, 0], [one.err for one in reports]
    shown = [[line for line in one.out.splitlines() if "%" in line] for one in reports]
    assert shown[0] == shown[1] != []
    reused = run_cli(*DEMO, "--reuse", copy, "--output-dir", "again", cwd=tmp_path)
    assert reused.code == 0, reused.err
    assert (only_run(tmp_path / "again") / RECORDS).read_bytes() == before
    assert f"{len(addresses(carried))}" in reused.err


@pytest.mark.parametrize("by_replicas", [False, True], ids=["begun by replicas", "begun by the engine"])
def test_what_one_began_the_other_goes_on_with(
    by_replicas: bool, cluster: Cluster, alone: Path, carried: Path, tmp_path: Path
) -> None:
    begun = alone if by_replicas else carried
    folder = tmp_path / begun.name
    subprocess.run(["cp", "-r", begun, folder], check=True)
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    (folder / JOURNAL).write_bytes(b"".join(lines[:half]))  # as if it had been killed there
    (folder / RECORDS).unlink()
    options = under(cluster) if by_replicas else ()
    done = on(cluster, *DEMO, *options, "--output-dir", tmp_path, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (Path(told["folder"]).name, told["requests"]) == (begun.name, len(lines) - half)
    assert (folder / RECORDS).read_bytes() == (alone / RECORDS).read_bytes()
    assert sorted(addresses(folder)) == sorted(addresses(alone))


def test_a_judge_has_replicas_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    arguments = ("run", "--model", "stub", "--task", "sample", "--limit", "8", "--mode", "best-of-n")
    judge = ("--judge-model", "stub")
    plain = run_cli(*arguments, *judge, "--output-dir", "alone", cwd=tmp_path)
    assert plain.code == 0, plain.err
    more = ("--judge-engine", "ray", "--judge-args", "replicas=2", "--ray-address", cluster.address)
    done = on(cluster, *arguments, *judge, *more, "--output-dir", "carried", cwd=tmp_path)
    assert done.code == 0, done.err
    runs = [only_run(tmp_path / name) for name in ("alone", "carried")]
    assert runs[0].name == runs[1].name
    assert (runs[0] / RECORDS).read_bytes() == (runs[1] / RECORDS).read_bytes()
    assert len(manifest(runs[1])["judge"]["carried"]["replicas"]) == 2
    assert "carried" not in manifest(runs[1])["engine"]


def test_a_run_by_replicas_is_reproduced(cluster: Cluster, carried: Path, tmp_path: Path) -> None:
    done = on(cluster, "reproduce", carried, "--output-dir", tmp_path / "again", cwd=tmp_path)
    assert done.code == 0, done.err
    assert (only_run(tmp_path / "again") / RECORDS).read_bytes() == (carried / RECORDS).read_bytes()


# Refusals. Each has one message, ends in bounded time, and leaves nothing.


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-a", "replicas=0"), "replicas is 0"),
        (("-a", "engine=openai"), "engine is openai"),
        (("-a", "engine=ray"), "engine is ray"),
        (("-a", "replicas=2,latency=1"), "latency"),
        (("-a", "silent_s=0"), "silent_s"),
    ],
)
def test_arguments_that_cant_be_are_refused_before_ray_is_loaded(
    arguments: tuple[str, ...], told: str, main: Cli
) -> None:
    done = main(*STUB, "--engine", "ray", *arguments)
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("listens", "told"), [(False, "nothing listens there"), (True, "it didn't answer for 30 s")], ids=["no", "mute"]
)
def test_an_address_where_no_cluster_is_is_told_in_time(listens: bool, told: str, tmp_path: Path) -> None:
    marked, began = Marked(), time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        if not listens:
            mute.close()
        options = ("--engine", "ray", "--ray-address", address)
        done = of_own(marked, *STUB, *options, cwd=tmp_path)
    assert done.code == 3
    assert f"--ray-address {address}: there is no cluster: {told}" in done.err
    assert [line.startswith("Error:") for line in done.err.splitlines()].count(True) == 1
    assert "Traceback" not in done.err
    assert time.monotonic() - began < 60


def test_a_run_that_is_killed_while_it_joins_leaves_nothing(tmp_path: Path) -> None:
    marked = Marked()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        process = start(marked, *STUB, "--engine", "ray", "--ray-address", address, cwd=tmp_path)
        mute.settimeout(60)
        mute.accept()[0].close()
        process.kill()
        process.communicate()
        assert marked.wait_gone(30) == {}


def test_more_gpus_than_there_are_is_told_with_what_there_is(tmp_path: Path) -> None:
    marked = Marked()
    done = of_own(marked, *STUB, "--engine", "ray", "-a", "replicas=1,gpus_per_replica=64,start_s=3", cwd=tmp_path)
    assert done.code == 3
    assert "a replica needs 1 CPU, 64 GPU, and the cluster has 1 nodes with" in done.err
    assert "gpus_per_replica" in done.err
    assert "Traceback" not in done.err


def test_a_cluster_without_room_is_waited_for_as_long_as_is_said(cluster: Cluster, tmp_path: Path) -> None:
    done = on(cluster, *STUB, *under(cluster, "replicas=1,cpus_per_replica=99,start_s=3"), cwd=tmp_path)
    assert done.code == 3
    assert "a replica needs 99 CPU" in done.err
    assert "start_s" in done.err


def test_a_model_that_cant_be_loaded_is_told_as_the_engine_alone_tells_it(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "model.bin").write_bytes(b"nothing")
    arguments = ("run", "--model", empty, "--task", "sample", "--mode", "direct")
    plain = run_cli(*arguments, "--engine", "ctranslate2", cwd=tmp_path)
    marked = Marked()
    done = of_own(marked, *arguments, "--engine", "ray", "-a", "engine=ctranslate2,replicas=2", cwd=tmp_path)
    assert (done.code, plain.code) == (3, 3)
    assert "Traceback" not in done.err
    [theirs], [ours] = ([line for line in one.err.splitlines() if line.startswith("Error")] for one in (plain, done))
    assert theirs == ours


_MIXED = """
import os
from dataclasses import replace
from cotbench.engines import EngineRow
from cotbench.engines.stub import StubEngine

class Mixed(StubEngine):
    # The first process that opens it has version 1, all others 2.
    def describe(self):
        told = super().describe()
        place = os.path.join(os.environ["MIXED"], "first")
        try:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL))
            self.version = "1"
        except FileExistsError:
            self.version = getattr(self, "version", "2")
        return replace(told, engine="mixed", version=self.version)

MIXED = EngineRow("mixed", "Mixed", "differs from process to process", needs_key=True, continues=True)
"""


@pytest.mark.parametrize(("more", "taken"), [("", False), (",mixed=true", True)])
def test_replicas_that_differ_are_refused_unless_that_is_wanted(more: str, taken: bool, tmp_path: Path) -> None:
    package = tmp_path / "mixed"
    (package / "cotbench_mixed-1.dist-info").mkdir(parents=True)
    (package / "cotbench_mixed.py").write_text(_MIXED)
    (package / "cotbench_mixed-1.dist-info" / "METADATA").write_text("Name: cotbench-mixed\nVersion: 1\n")
    entry = "[cotbench.engines]\nmixed = cotbench_mixed:MIXED\n"
    (package / "cotbench_mixed-1.dist-info" / "entry_points.txt").write_text(entry)
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))
    variables = {"PYTHONPATH": path, "MIXED": str(tmp_path)}
    marked = Marked()
    arguments = f"engine=mixed,replicas=2,in_flight=1,latency_s=0.3{more}"
    done = of_own(marked, *STUB, "--engine", "ray", "-a", arguments, cwd=tmp_path, more=variables)
    if taken:
        assert done.code == 0, done.err
    else:
        assert done.code == 3, done.err
        assert "version is 2, expected 1" in done.err
        assert "mixed=true" in done.err
        assert "Traceback" not in done.err


# Ends.


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_once_waits_for_what_is_in_flight_and_twice_does_not(times: int, tmp_path: Path) -> None:
    marked = Marked()
    arguments = "replicas=2,in_flight=2,latency_s=4"
    process = start(marked, *STUB, "--engine", "ray", "-a", arguments, "--output-dir", tmp_path, cwd=tmp_path)
    try:
        run = wait_for_replies(tmp_path, 1, process)
        time.sleep(1)
        before = len(addresses(run))
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert b"Traceback" not in err
        assert b"--resume" in err
        assert manifest(run)["status"] == "interrupted"
        came = len(addresses(run)) - before
        if times == 1:
            assert 1 <= came <= 6  # the four that the engines have, and none of those that wait
        else:
            assert came == 0
            assert time.monotonic() - began < 30
        assert left_by(marked, process) == ({}, [])
    finally:
        marked.end()
