"""Whatever ends of a run's replicas, cluster, or of the run itself: no reply is lost and none is on record twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import run_cli
from rays import Marked, a_cluster

pytest.importorskip("ray", reason="Ray is not installed (.ci/install-ray installs it)")

from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

pytestmark = [pytest.mark.patient, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

SEED = 20
# What is killed, and how often. `silence`: a replica that is stopped, and goes on after it was given up.
KILLS = {"replica": 6, "silence": 3, "worker": 4, "raylet": 2, "between": 2, "run": 3}
QUESTIONS = 120  # of a run, each under two modes


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "sums.jsonl"
    rows = ({"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(QUESTIONS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def command(questions: Path, output: Path, *more: str) -> list[str]:
    return ["run", "--model", "stub", "--task", str(questions), "--mode", "direct,cot", "-o", str(output), *more]


@pytest.fixture(scope="module")
def undisturbed(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run_cli(*command(questions, folder))
    assert done.code == 0, done.err
    return next(folder.iterdir())


def start(marked: Marked, arguments: list[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cotbench", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**marked.environment, **(env or {})},
    )


def replies(output: Path) -> int:
    return sum(journal.read_bytes().count(b"\n") for journal in output.glob(f"*/{JOURNAL}"))


def wait_for(output: Path, count: int, process: subprocess.Popen[bytes], wait_s: float = 240) -> bool:
    """Whether so many replies come to be on record before the run ends."""
    until = time.monotonic() + wait_s
    while replies(output) < count:
        if process.poll() is not None:
            return False
        assert time.monotonic() < until, f"{replies(output)} replies after {wait_s} s, expected {count}"
        time.sleep(0.05)
    return True


def compare(output: Path, undisturbed: Path) -> dict[str, Any]:
    """Look whether a run's records are those of one that nothing happened to, each reply once; its manifest."""
    [run] = output.iterdir()
    assert (run / RECORDS).read_bytes() == (undisturbed / RECORDS).read_bytes()
    found = [
        sorted(
            (row["question"], row["request"], row.get("ordinal", 0))
            for row in map(json.loads, (one / JOURNAL).read_text().splitlines())
        )
        for one in (run, undisturbed)
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0])
    manifest: dict[str, Any] = json.loads((run / MANIFEST).read_text())
    assert (run.name, manifest["status"]) == (undisturbed.name, "finished")
    return manifest


def kill(what: str, marked: Marked, process: subprocess.Popen[bytes], rng: random.Random) -> list[int]:
    """End something of a run; those that are stopped only. Returns none where there is no such process now."""
    if what == "run":
        process.kill()
        return [process.pid]
    names = {"raylet": "raylet/raylet", "between": "cotbench.engines.ray_driver", "worker": "ray::"}
    found = marked.named(names.get(what, "ray::Replica"))
    if not found:
        return []
    chosen = rng.choice(found)
    os.kill(chosen, signal.SIGSTOP if what == "silence" else signal.SIGKILL)
    return [chosen]


def test_twenty_kills_lose_no_reply_and_double_none(questions: Path, undisturbed: Path, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    left = [what for what, count in KILLS.items() for _ in range(count)]
    rng.shuffle(left)
    done: list[str] = []
    runs = 0
    arguments = "replicas=2,in_flight=4,latency_s=0.4,silent_s=1"
    while left:
        runs += 1
        output, marked = tmp_path / f"run-{runs}", Marked()
        output.mkdir()
        try:
            process = start(marked, command(questions, output, "--engine", "ray", "-a", arguments))
            while True:
                # There was something to lose each time, and some of it is in flight.
                if left and wait_for(output, replies(output) + rng.randrange(10, 45), process):
                    if kill(left[-1], marked, process, rng):
                        done.append(left.pop())
                    else:
                        time.sleep(0.2)
                    if process.poll() is None and done[-1:] != ["run"]:
                        continue
                _, err = process.communicate(timeout=240)
                if process.returncode == 0:
                    break
                assert process.returncode == -signal.SIGKILL, (done, err)
                assert marked.wait_gone(30) == {}  # what it had doesn't outlive it
                process = start(marked, command(questions, output, "--engine", "ray", "-a", arguments))
            compare(output, undisturbed)
            assert marked.wait_gone() == {}
        finally:
            marked.end()
    assert sorted(done) == sorted(what for what, count in KILLS.items() for _ in range(count))
    assert runs > 1


def test_a_node_that_joins_is_used_and_one_that_leaves_is_done_without(
    questions: Path, undisturbed: Path, tmp_path: Path
) -> None:
    marked = Marked()
    # So that the cluster notices within seconds that a node is gone.
    quick = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "3"}
    with a_cluster(2, {**quick, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}) as cluster:
        arguments = "replicas=auto,cpus_per_replica=2,in_flight=4,latency_s=1"
        options = ("--engine", "ray", "--ray-address", cluster.address, "-a", arguments)
        process = start(marked, command(questions, tmp_path, *options), dict(cluster.token))
        try:
            assert wait_for(tmp_path, 2, process)
            node = cluster.add(2)
            until = time.monotonic() + 120
            while not node.marked.named("ray::Replica"):
                assert process.poll() is None, "it ended before another replica was started"
                assert time.monotonic() < until
                time.sleep(0.1)
            assert wait_for(tmp_path, replies(tmp_path) + 20, process)
            node.leave()
            _, err = process.communicate(timeout=240)
            assert process.returncode == 0, err
        finally:
            marked.end()
    carried = compare(tmp_path, undisturbed)["engine"]["carried"]
    assert len(carried["replicas"]) == 2
    assert sum(one["replies"] for one in carried["replicas"]) == replies(tmp_path)
