"""Clusters and runs for tests of the engine `ray`: which processes are theirs is told by a mark in their environment,
which children inherit, so that no other cluster of the machine is looked at or ended."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

MARK = "COTBENCH_TEST_MARK"
RAY = Path(sys.executable).with_name("ray")


@dataclass(frozen=True)
class Marked:
    """Processes that were started with a mark, and all that they have started."""

    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, MARK: self.mark, "OMP_NUM_THREADS": "1"}

    def processes(self) -> dict[int, str]:
        """Those that live, by number: their command lines, or the names that they have given themselves."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{MARK}={self.mark}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
                    continue
                if (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    found[int(folder.name)] = command or (folder / "comm").read_text()
        return found

    def named(self, *names: str) -> list[int]:
        """Those with one of these texts in the first two words of their command line, or behind `-m`, in order."""
        return sorted(
            number
            for number, command in self.processes().items()
            if any(name in word for name in names for word in command.split(" ")[:3])
        )

    def wait_gone(self, wait_s: float = 20.0) -> dict[int, str]:
        """What is left after so many seconds at most."""
        until = time.monotonic() + wait_s
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.2)
        return left

    def end(self) -> None:
        """End all."""
        while left := self.processes():
            for number in left:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster on this machine, beside those that runs start."""

    address: str
    marked: Marked
    folder: Path
    token: Mapping[str, str]  # variables for who joins it

    def add(self, cpus: int) -> Node:
        """Start another node."""
        marked = Marked()
        _start(marked, self.folder, f"--address={self.address}", cpus, {**self.token, "RAY_AUTH_MODE": "token"})
        return Node(marked)


@dataclass(frozen=True)
class Node:
    marked: Marked

    def leave(self) -> None:
        """End it at once, with all that runs on it."""
        self.marked.end()


def _start(marked: Marked, folder: Path, where: str, cpus: int, env: Mapping[str, str], *more: str) -> str:
    """Start a node; what Ray tells of it."""
    command = [str(RAY), "start", where, f"--num-cpus={cpus}", f"--object-store-memory={80 << 20}", *more]
    environment = {**marked.environment, "RAY_USAGE_STATS_ENABLED": "0", **env}
    told = folder / f"{marked.mark}.log"
    with told.open("wb") as log:  # what it starts keeps its output open, so that a pipe's end would never come
        done = subprocess.run(
            command, env=environment, stdout=log, stderr=log, timeout=120, cwd=folder, stdin=subprocess.DEVNULL
        )
    assert done.returncode == 0, told.read_text()[-2000:]
    return told.read_text()


@contextmanager
def a_cluster(cpus: int, env: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster of one node, with a token; it is ended with all nodes that were added. env: of its processes."""
    marked = Marked()
    folder = Path(tempfile.mkdtemp(prefix="ray-test-", dir="/tmp"))
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        more = [f"--port={free_port()}", f"--temp-dir={folder}", "--include-dashboard=false"]
        told = _start(marked, folder, "--head", cpus, {**token, "RAY_AUTH_MODE": "token", **(env or {})}, *more)
        address = re.search(r"--address='([^']+)'", told)
        assert address is not None, told
        yield Cluster(address[1], marked, folder, token)
    finally:
        marked.end()
        shutil.rmtree(folder, ignore_errors=True)
