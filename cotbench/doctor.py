"""What works on this machine: engines, data, grading, containment of programs, and where results would go."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cotbench import __version__
from cotbench.answers.grader import Grader
from cotbench.engines import ENGINES
from cotbench.errors import CotbenchError
from cotbench.modes import MODES
from cotbench.modes.prompts import Prompts
from cotbench.programs import landlock_version, missing_features
from cotbench.programs.probes import probe
from cotbench.questions.data import DATA_ENV, load_data
from cotbench.questions.tasks import find_task, list_task_files
from cotbench.types import AnswerType, Outcome


@dataclass(frozen=True)
class Check:
    """ok: True works, False doesn't, None is only information."""

    name: str
    ok: bool | None
    found: str
    remedy: str = ""


def _engines() -> list[Check]:
    checks = []
    for row in ENGINES.values():
        missing = row.missing()
        if missing:
            remedy = f'pip install "cotbench[{row.extra}]"' if row.extra else f"pip install {missing[0]}"
            checks.append(
                Check(f"engine {row.name}", False, f"the {missing[0]} package is not installed", remedy=remedy)
            )
            continue
        versions = []
        for package in row.needs:
            for distribution in (package, f"{package}-cpu"):
                try:
                    versions.append(f"{distribution} {importlib.metadata.version(distribution)}")
                    break
                except importlib.metadata.PackageNotFoundError:
                    continue
        checks.append(Check(f"engine {row.name}", True, ", ".join(versions) or "needs nothing"))
    return checks


def _gpu() -> Check:
    command = shutil.which("nvidia-smi")
    if command:
        try:
            query = [command, "--query-gpu=name,memory.total", "--format=csv,noheader"]
            found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
            return Check("GPU", True, "; ".join(found.splitlines()))
        except (OSError, subprocess.SubprocessError):
            pass
    return Check("GPU", None, "none seen (no working nvidia-smi)")


def _data(data_dir: Path | None) -> list[Check]:
    where = data_dir or (Path(os.environ[DATA_ENV]) if os.environ.get(DATA_ENV) else None)
    checks = []
    for name in sorted(list_task_files()):
        file = find_task(name)
        if where is None and file.task.source.dataset is not None:
            found = f"would be loaded from the Hub ({file.task.source.dataset})"
            checks.append(Check(f"task {name}", None, found, remedy=f"without network, set {DATA_ENV}"))
            continue
        try:
            data = load_data(file, data_dir)
            checks.append(Check(f"task {name}", True, f"{len(data.questions):,} questions in {data.origin}"))
        except CotbenchError as error:
            checks.append(Check(f"task {name}", False, error.message, remedy=error.hint))
    return checks


def _grading() -> Check:
    grader: Grader[int] = Grader(workers=1)
    try:
        grader.submit(0, r"\frac{2}{4}", "0.5", AnswerType.LATEX)
        for _ in range(60):
            for _, verdict in grader.done(1.0):
                outcome = verdict.outcome
                ok = outcome is Outcome.CORRECT
                return Check("grading", ok, f"a worker process finds 2/4 = 0.5: {outcome.value}")
        return Check("grading", False, "a worker process gave no verdict in 60 s")
    except CotbenchError as error:
        return Check("grading", False, error.message, remedy=error.hint)
    finally:
        grader.close()


def _sandbox() -> list[Check]:
    """What contains model-written code, and whether it does: hostile and harmless programs through the real
    executor."""
    if missing := missing_features():
        remedy = "pal and plan-solver need it, or --allow-unsandboxed-code at your own risk"
        return [Check("sandbox", False, f"the kernel lacks {', '.join(missing)}", remedy=remedy)]
    version = landlock_version()
    landlock = (
        f"Landlock {version}" if version else "no Landlock (not needed: the filter has no call that takes a path)"
    )
    checks = [Check("sandbox", True, f"seccomp filter, limits, {landlock}")]
    try:
        return checks + [Check(f"sandbox {p.name}", p.ok, p.found) for p in probe()]
    except CotbenchError as error:
        return [*checks, Check("sandbox", False, error.message, remedy=error.hint)]


def _writable(output_dir: Path) -> Check:
    folder = output_dir
    while not folder.exists():
        folder = folder.parent
    ok = os.access(folder, os.W_OK)
    free = shutil.disk_usage(folder).free / 1e9
    return Check(
        "results",
        ok,
        f"{output_dir} {'can' if ok else 'can not'} be written, {free:,.0f} GB free",
        remedy="" if ok else "choose another --output-dir",
    )


def _prompts() -> Check:
    try:
        for turn in (turn for mode in MODES.values() for turn in mode.turns):
            Prompts().hash(turn.template, "")
        return Check("prompts", True, "the shipped templates load")
    except CotbenchError as error:
        return Check("prompts", False, error.message, remedy=error.hint)


def examine(data_dir: Path | None, output_dir: Path) -> list[Check]:
    """All checks; none of them loads a model or uses the network."""
    key = "set" if os.environ.get("OPENAI_API_KEY") else "not set"
    return [
        Check(
            "cotbench",
            None,
            f"{__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        ),
        *_engines(),
        _gpu(),
        Check("OPENAI_API_KEY", None, key),
        _prompts(),
        *_data(data_dir),
        _grading(),
        *_sandbox(),
        _writable(output_dir),
    ]
