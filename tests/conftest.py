"""What all tests share: where the real data is, and a way to run the command line in this process or another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `data` are skipped with a reason where the data sets aren't; `.ci/run` then fails if it set COTBENCH_DATA."""
    if os.environ.get("COTBENCH_DATA"):
        return
    skip = pytest.mark.skip(reason="COTBENCH_DATA is not set: a folder with the data sets in the Hub's layout")
    for item in items:
        if "data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return Path(os.environ["COTBENCH_DATA"])


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


def run_cli(*arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 300) -> Outcome:
    """Run `cotbench ARGUMENTS` as a user's shell would, in a process of its own."""
    command = [sys.executable, "-m", "cotbench", *map(str, arguments)]
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """`cli("run", ...)` in an empty folder."""

    def call(*arguments: object, **options: object) -> Outcome:
        return run_cli(*arguments, **{"cwd": tmp_path, **options})  # type: ignore[arg-type]

    return call


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The same in this process, which is faster: for the many cases that only look at a message and an exit code."""
    from cotbench import cli

    def call(*arguments: object) -> Outcome:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["cotbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main(list(map(str, arguments)))
        captured = capsys.readouterr()
        code = end.value.code
        return Outcome(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    return call
