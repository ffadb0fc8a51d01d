"""How tests run vLLM: its environment on a CPU, and its own OpenAI-compatible server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cotbench.store.journal import JOURNAL

# A quiet CPU set-up: two threads on busy cores are many times slower than one.
ENV = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}

VLLM_ARGS = "dtype=float32,gpu_memory_utilization=0.3"  # other tests use the memory too
EAGER = f"{VLLM_ARGS},enforce_eager=true"  # compiling takes half of a start: one run with it will do


def journal(folder: Path) -> list[dict[str, Any]]:
    """A run's journal, sorted by address."""
    rows = [json.loads(line) for line in (folder / JOURNAL).read_bytes().splitlines()]
    return sorted(rows, key=lambda row: (row["question"], row["template"]))


@contextlib.contextmanager
def serving(model: Path, name: str, *more: str) -> Iterator[str]:
    """vLLM's own OpenAI-compatible server on a free port; its base URL. more: arguments of the server's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", name,
        "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--gpu-memory-utilization", "0.3",
        "--enforce-eager",
        "--no-enable-chunked-prefill",  # which fails on a CPU with requests that have a seed, as in engines/vllm.py
        *more,
    ]  # fmt: skip
    server = subprocess.Popen(
        command, env={**os.environ, **ENV}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 300
        while True:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server isn't healthy after 300 s"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
