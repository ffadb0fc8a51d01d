"""What may go wrong around vLLM and transformers: models that can't be loaded, processes that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import descendants, run_cli
from vllm_server import EAGER, ENV, journal

from cotbench.store.journal import JOURNAL

pytestmark = [pytest.mark.vllm, pytest.mark.slow]


def test_a_model_that_isnt_there(tmp_path: Path) -> None:
    for engine in ("vllm", "transformers"):
        done = run_cli(
            "run",
            "--model",
            tmp_path / "nothing",
            "--engine",
            engine,
            "--task",
            "sample",
            "--mode",
            "cot",
            env=ENV,
            cwd=tmp_path,
        )
        assert done.code == 3, done.err
        assert f"--model {tmp_path / 'nothing'}: can't be loaded" in done.err
        assert "Traceback" not in done.err


class Gate(BaseHTTPRequestHandler):
    """A Hub whose every file stands behind a gate."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args: Any) -> None:
        return


def test_a_gated_model(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gate) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        env = ENV | {
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "HF_HOME": str(tmp_path),
        }
        for engine in ("vllm", "transformers"):
            done = run_cli(
                "run", "--model", "someone/behind-a-gate", "--engine", engine, "--task", "sample", "--mode", "cot",
                env=env, cwd=tmp_path,
            )  # fmt: skip
            assert done.code == 3, done.err
            assert "--model someone/behind-a-gate: can't be loaded" in done.err
            assert "accept its terms on the Hub and set HF_TOKEN" in done.err
            assert "Traceback" not in done.err
        hub.shutdown()


def test_too_little_memory(tiny: Path, tmp_path: Path) -> None:
    done = run_cli(
        "run",
        "--model",
        tiny,
        "--task",
        "sample",
        "--mode",
        "cot",
        "--model-args",
        f"{EAGER},num_gpu_blocks_override=1",
        env=ENV,
        cwd=tmp_path,
    )
    assert done.code == 3, done.err
    last = done.err[done.err.index(f"Error: --model {tiny}: can't be loaded") :]
    for flag in ("gpu_memory_utilization", "max_model_len", "tensor_parallel_size"):
        assert flag in last, "which flag to turn"
    assert "Traceback" not in last


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_engine_a_killed_run_and_a_ctrl_c(tiny: Path, tmp_path: Path) -> None:
    """A run whose engine dies says so.

    An engine that outlives its run would keep the device's memory, and the run couldn't be resumed. A Ctrl-C reaches
    the whole foreground process group, and what is in flight is still finished and recorded.
    """
    command = [
        sys.executable, "-m", "cotbench", "run", "--model", str(tiny), "--task", "sample", "--mode", "direct,cot",
        "--max-tokens", "cot=1200,direct=24", "--model-args", EAGER, "-o", str(tmp_path), "--quiet",
    ]  # fmt: skip

    def started(more_than: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env={**os.environ, **ENV}, stderr=subprocess.PIPE, start_new_session=True, text=True
        )
        deadline = time.monotonic() + 240
        while sum(p.read_bytes().count(b"\n") for p in tmp_path.glob(f"*/{JOURNAL}")) <= more_than:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        return process

    def engine_of(run: subprocess.Popen[str]) -> list[int]:
        found = [p for p in descendants(run.pid) if "resource_tracker" not in Path(f"/proc/{p}/cmdline").read_text()]
        assert found
        return found

    bereft = started(0)
    for pid in engine_of(bereft):
        os.kill(pid, signal.SIGKILL)
    _, err = bereft.communicate(timeout=120)
    assert bereft.returncode == 3, err
    assert "vLLM stopped" in err
    assert "Everything recorded is kept" in err
    assert "Traceback" not in err

    # Killed as soon as its engine is there: answers that end at their budget come all at once, and then it is over.
    [manifest] = tmp_path.glob("*/manifest.json")
    killed = started(-1)
    deadline = time.monotonic() + 240
    while len(json.loads(manifest.read_text())["sessions"]) < 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None, killed.communicate()[1]
        time.sleep(0.05)
    engine = engine_of(killed)
    killed.kill()
    killed.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while any(map(alive, engine)):
        assert time.monotonic() < deadline, "the engine outlives its run"
        time.sleep(0.1)
    [folder] = [p.parent for p in tmp_path.glob(f"*/{JOURNAL}")]
    recorded = len(journal(folder))
    assert 0 < recorded < 96

    resumed = started(recorded)
    os.killpg(resumed.pid, signal.SIGINT)
    _, err = resumed.communicate(timeout=240)
    # All requests were in flight already, and are finished; what goes on from a reply isn't asked for any more. Nothing
    # was lost or asked twice.
    assert resumed.returncode in (0, 130), err
    assert "Press Ctrl-C again" in err
    rows = journal(folder)
    assert len(rows) == len({(row["question"], row["request"]) for row in rows}) >= 96
