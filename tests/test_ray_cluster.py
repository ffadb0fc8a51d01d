"""What `doctor` says of Ray: a fake in its place, and, where it is installed, a real cluster of this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Cli

from cotbench import doctor
from cotbench.doctor import Check, examine, folded
from cotbench.engines import EngineRow, ray_cluster
from cotbench.engines.ray_cluster import Cluster, look_at

CLUSTER = Cluster(
    nodes=2, dead=1, cpus=32, gpus=16, cpus_free=20, gpus_free=4, kinds=("H100",), fit=16, ray="2.60.0", python="3.11.7"
)
# A module that stands in Ray's place: two nodes alive and one dead, of which one has no CPU left for its last GPU.
FAKE = """
__version__ = "2.60.0"
def init(address, **more):
    assert address != "local"
    if address == "wrong": raise RuntimeError("Version mismatch: the cluster has\\n    Ray: 2.50.0")
    if address == "token": import sys; print("InvalidAuthToken: missing", file=sys.stderr); raise ConnectionError("no")
    if address == "hangs": import time; time.sleep(60)
    if address == "ends": import os, sys; print("fatal: gone", file=sys.stderr, flush=True); os._exit(1)
    print("{noise}")
def nodes():
    node = {"CPU": 8.0, "GPU": 8.0, "accelerator_type:H100": 1.0}
    return [{"Alive": True, "Resources": node}, {"Alive": True, "Resources": {**node, "CPU": 7.0}},
            {"Alive": False, "Resources": node}]
def cluster_resources(): return {"CPU": 15.0, "GPU": 16.0}
def available_resources(): return {"CPU": 3.0, "GPU": 4.0}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ray.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(doctor.__file__).parents[1])]))


def test_a_cluster_is_said_with_what_is_in_use() -> None:
    assert CLUSTER.said() == (
        "2 nodes (1 more dead), 32 CPUs (12 in use), 16 GPUs (H100; 12 in use); replicas of 1 GPU: 16 fit, 4 of them "
        "now; Ray 2.60.0 and Python 3.11.7 as here"
    )
    bare = Cluster(**{**vars(CLUSTER), "nodes": 1, "dead": 0, "gpus": 0.0, "gpus_free": 0.0, "kinds": (), "fit": 0})
    assert bare.said() == "1 node, 32 CPUs (12 in use), no GPU; Ray 2.60.0 and Python 3.11.7 as here"


@pytest.mark.patient
def test_replicas_that_fit_are_counted_node_by_node(fake: None) -> None:
    found = look_at("auto")
    assert isinstance(found, Cluster)
    assert (found.nodes, found.dead, found.fit, found.kinds) == (2, 1, 15, ("H100",))
    assert (found.gpus, found.gpus_free) == (16.0, 4.0)


@pytest.mark.patient
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("wrong", "RuntimeError: Version mismatch: the cluster has Ray: 2.50.0"),
        ("token", ray_cluster.NEEDS_KEY),
        ("hangs", "it gave no answer within 2 s"),
        ("ends", "Ray ended the process that asked (exit code 1): fatal: gone"),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_said_in_a_line(fake: None, address: str, why: str) -> None:
    begun = time.monotonic()
    assert look_at(address, wait_s=2.0 if address == "hangs" else 30.0) == why
    assert time.monotonic() - begun < 30.0


def test_an_address_where_nothing_answers_is_said_without_ray() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = look_at(f"127.0.0.1:{port}")
    assert isinstance(found, str) and found.startswith("nothing answers there")
    assert str(look_at("127.0.0.1:99999")).startswith("nothing answers there")


def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what doctor waits for beside Ray."""
    monkeypatch.setattr(doctor, "_grading", lambda: Check("grading", True, ""))
    monkeypatch.setattr(doctor, "_sandbox", lambda *, thorough: [Check("sandbox", True, "")])
    monkeypatch.setattr(doctor, "_gpus", lambda: ["H100, 80 GB"] * 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def _asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **given: str) -> tuple[dict[str, Check], list[str]]:
    """Doctor's checks with Ray as if it were installed, and the addresses that were looked at."""
    asked: list[str] = []

    def look(address: str) -> Cluster:
        asked.append(address)
        return CLUSTER

    monkeypatch.setattr(EngineRow, "missing", lambda row: [])
    monkeypatch.setattr(ray_cluster, "look_at", look)
    return {check.name: check for check in examine(tmp_path, tmp_path, thorough=False, **given)}, asked


def test_without_an_address_nothing_is_asked_and_what_a_run_would_start_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _quick(monkeypatch)
    checks, asked = _asked(monkeypatch, tmp_path)
    assert asked == [] and "Ray cluster" not in checks
    assert f"with {os.cpu_count()} CPUs and 2 GPUs" in checks["engine ray"].found
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert "CPUs and 1 GPU," in _asked(monkeypatch, tmp_path)[0]["engine ray"].found
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("RAY_ADDRESS", "local")  # would start one
    checks, asked = _asked(monkeypatch, tmp_path)
    assert "CPUs and no GPU," in checks["engine ray"].found and asked == []


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _quick(monkeypatch)
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    checks, asked = _asked(monkeypatch, tmp_path)
    assert asked == ["head:6379"] and checks["Ray cluster"].found.startswith("head:6379: 2 nodes")
    assert _asked(monkeypatch, tmp_path, ray_address="auto")[1] == ["auto"]
    assert "Ray cluster" in [check.name for check in folded(list(checks.values()))]


def test_an_address_without_ray_names_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _quick(monkeypatch)
    monkeypatch.setattr(EngineRow, "missing", lambda row: list(row.needs))
    checks = {check.name: check for check in examine(tmp_path, tmp_path, thorough=False, ray_address="auto")}
    assert checks["Ray cluster"].ok is False
    assert "not installed" in checks["Ray cluster"].found and "cotbench[ray]" in checks["Ray cluster"].remedy


STARTS = """
import sys, ray
ray.init(address="local", num_cpus=3, num_gpus=2, resources={"accelerator_type:H100": 1}, include_dashboard=False,
         _temp_dir=sys.argv[1], object_store_memory=100 << 20, log_to_driver=False)
@ray.remote(num_cpus=1, num_gpus=1)
class Busy:
    def there(self): return True
busy = Busy.remote()
ray.get(busy.there.remote())
print("at", ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.readline()
"""


@contextmanager
def cluster(**more: str) -> Iterator[str]:
    """A cluster of this machine with three CPUs and two made-up GPUs, one of each in use; its address."""
    with tempfile.TemporaryDirectory(prefix="cb", dir="/tmp") as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", STARTS, folder],
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            yield next(line.split()[1] for line in process.stdout if line.startswith("at "))
        finally:
            process.stdin.close()
            process.wait(60)
            process.stdout.close()


@pytest.mark.patient
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray")
@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_a_real_cluster_is_seen_as_it_is(mode: str, main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789" * 4)
    with cluster() as address:
        found = look_at(address)
        assert isinstance(found, Cluster), found
        assert (found.nodes, found.cpus, found.gpus, found.fit) == (1, 3.0, 2.0, 2)
        assert (found.cpus_free, found.gpus_free, found.kinds) == (2.0, 1.0, ("H100",))
        if mode == "token":
            monkeypatch.delenv("RAY_AUTH_MODE")  # Ray then sends none to an address that is named
            assert look_at(address) == ray_cluster.NEEDS_KEY
            return
        _quick(monkeypatch)
        checks = {row["name"]: row for row in json.loads(main("doctor", "--json", "--ray-address", address).out)}
        assert checks["Ray cluster"]["ok"] and "2 fit, 1 of them now" in checks["Ray cluster"]["found"]
        assert checks["engine ray"]["ok"] is True
