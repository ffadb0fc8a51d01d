"""A run, exported as another tool's log and imported again: the same report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import run_cli

from cotbench.analysis.frames import Frames
from cotbench.analysis.pairing import load_run
from cotbench.modes.arms import base_of

LOGS = ("inspect", "lm-eval", "every-eval-ever")
ARMS = ("direct", "cot", "self-consistency")
OF_MODES = "accuracy low high n correct undecided unread strata unit".split()
OF_DELTAS = "delta low high se n helped hurt both_right both_wrong p p_holm strata verdict mde".split()
OF_SPLITS = "difference low high p n_symbolic n_other share delta_symbolic delta_other".split()

pytestmark = pytest.mark.patient


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("trips")
    for model, task in (("stub", "sample"), ("demo", "demo")):
        options = ("--mode", ",".join(ARMS), "--paths", "7", "--limit", "60", "--output-dir", task)
        done = run_cli("run", "--model", model, "--task", task, *options, cwd=made)
        assert done.code == 0, done.err
    return made


def logs_of(folder: Path, to: str) -> Iterator[Path]:
    """The log of each arm, in their order."""
    for arm in ARMS:
        if to == "inspect":
            found = [path for path in folder.glob("*.eval") if f"-{arm}_" in path.name or f"-{arm}-answer" in path.name]
        elif to == "lm-eval":
            found = [path for path in folder.iterdir() if base_of(path.name) == arm]
            found = [inner for path in found for inner in path.iterdir()]
        else:
            first = {path: path.read_text().splitlines()[0] for path in sorted(folder.rglob("*_samples.jsonl"))}
            found = [path for path, line in first.items() if base_of(json.loads(line)["metadata"]["arm"]) == arm]
        [one] = found
        yield one


def report_of(run: Path) -> dict[str, Any]:
    done = run_cli("report", run, "--quiet", cwd=run.parent)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads((run / "report" / "report.json").read_text())
    return found


def figures(report: Mapping[str, Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What a report says of arms and of differences, by what it is about, without tokens, times and names."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for table, names in (("modes", OF_MODES), ("deltas", OF_DELTAS), ("splits", OF_SPLITS)):
        for row in report[table]:
            about = (table, base_of(row["mode"]), row.get("tag"), row.get("rule"))
            found[about] = {name: row[name] for name in names}
    return found


@pytest.mark.parametrize("task", ["sample", "demo"])
@pytest.mark.parametrize("to", LOGS)
def test_the_same_report_comes_back(to: str, task: str, folder: Path) -> None:
    [run] = (folder / task).iterdir()
    output = folder / f"{to}-{task}"
    done = run_cli("export", run, "--to", to, "--output", output, cwd=folder)
    assert done.code == 0, done.err
    into = folder / f"{to}-{task}-results"
    logs = list(logs_of(output, to))
    done = run_cli("import", *logs, "--as", ",".join(ARMS), "--task", task, "--output-dir", into, cwd=folder)
    assert done.code == 0, done.err
    [again] = into.iterdir()
    before, after = figures(report_of(run)), figures(report_of(again))
    assert before.keys() == after.keys()
    for about, row in before.items():
        for name, value in row.items():
            expected = pytest.approx(value) if isinstance(value, float) else value
            assert after[about][name] == expected, (about, name)
    for arm in ("cot", "self-consistency"):
        one, other = (Frames([load_run(path)]).pairs(arm).set_index("question") for path in (run, again))
        columns = ["before", "after", "helped", "hurt", "group"]
        assert one[columns].sort_index().equals(other[columns].sort_index()), "question by question"
