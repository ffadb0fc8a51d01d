"""`list` and `doctor` on a screen: ten rows, 80 columns, no word broken, and all of it where it is asked for."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Cli

from cotbench.doctor import Check, examine, folded
from cotbench.engines import ENGINES
from cotbench.modes import MODES
from cotbench.programs import missing_features
from cotbench.programs.probes import QUICK
from cotbench.questions.tasks import list_task_files

RUN = ("run", "--model", "stub", "--task", "sample", "--limit", "2", "--json", "--mode")


def on_a_terminal(*arguments: str, cwd: Path, columns: int = 80) -> list[str]:
    """The lines that a command shows on a real terminal of 45 lines."""
    controller, terminal = pty.openpty()
    script = f"import fcntl, struct, termios\nsize = struct.pack('HHHH', 45, {columns}, 0, 0)"
    script += "\nfcntl.ioctl(1, termios.TIOCSWINSZ, size)"
    script += "\nfrom cotbench.cli import main\nmain()"
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "COTBENCH_DATA")}
    env |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=terminal, stderr=terminal, stdin=terminal, cwd=cwd, env=env
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 65_536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(controller)
    assert process.wait(60) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    return [line.rstrip() for line in plain.replace("\r\n", "\n").split("\n")]


@pytest.mark.patient
@pytest.mark.parametrize("what", ["tasks", "modes", "engines", "runs"])
def test_lists_fit_80_columns(what: str, tmp_path: Path, main: Cli) -> None:
    main(*RUN, "direct,cot,draft,plan-direct,plan-cot,plan-solver")
    lines = on_a_terminal("list", what, cwd=tmp_path)
    assert all(len(line) <= 80 for line in lines)
    rows = json.loads(main("list", what, "--json").out)
    for row in rows:
        assert any(line.split()[:1] == [str(next(iter(row.values())))] for line in lines)
    words = {word for line in lines for word in line.replace(",", " ").split()}
    if what == "runs":
        assert {"draft", "plan-solver", "direct", "plan-direct"} <= words, "no name is broken"


def test_a_list_shows_ten_runs_the_latest_first_and_says_how_many_more_there_are(tmp_path: Path, main: Cli) -> None:
    folder = tmp_path / json.loads(main(*RUN, "cot").out)["folder"]
    manifest = json.loads((folder / "manifest.json").read_text())
    for number in range(1, 15):
        copy = folder.with_name(f"{folder.name}-{number}")
        copy.mkdir()
        sessions = [{**manifest["sessions"][0], "started": f"2027-01-{number:02}T10:00:00+0000"}]
        (copy / "manifest.json").write_text(json.dumps({**manifest, "run": copy.name, "sessions": sessions}))
    brief = main("list", "runs").out.splitlines()
    names = [line.split()[0] for line in brief[1:-1]]
    assert names == [f"{folder.name}-{number}" for number in range(14, 4, -1)]
    assert brief[-1].strip() == "and 5 more: cotbench list runs --verbose"
    verbose = main("list", "runs", "--verbose").out
    assert "more:" not in verbose
    assert len(verbose.splitlines()) == 16
    assert len(json.loads(main("list", "runs", "--json").out)) == 15


def test_all_modes_are_shown(main: Cli) -> None:
    shown = main("list", "modes").out
    assert [line.split()[0] for line in shown.splitlines()[1:]] == list(MODES)
    assert "more:" not in shown


def test_verbose_lists_say_all_that_is_known(main: Cli) -> None:
    assert "CC" not in main("list", "tasks").out
    verbose = " ".join(main("list", "tasks", "--verbose").out.split())
    assert "Apache-2.0" in verbose
    engines = " ".join(main("list", "engines", "--verbose").out.split())
    assert "timeout_s: seconds that a reply may take" in engines
    assert "max_retries" in engines
    assert "send_seed" in engines


def test_a_run_that_was_probed_is_listed_so(main: Cli) -> None:
    main(*RUN, "cot", "--probe", "1")
    [row] = json.loads(main("list", "runs", "--json").out)
    assert row["status"] == "probed"
    assert (row["answers"], row["of"]) == (1, 2)
    assert "1/2" in main("list", "runs").out


# --- doctor -------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_doctor_fits_ten_rows_of_80_columns(tmp_path: Path) -> None:
    lines = on_a_terminal("doctor", cwd=tmp_path)
    assert all(len(line) <= 80 for line in lines)
    rows = [line for line in lines[1:] if re.match(r" (ok|no|  )  \S", line)]
    assert len(rows) <= 10
    text = " ".join(" ".join(lines).split())
    for name in ("engines", "tasks", "grading", "sandbox", "results"):
        assert any(name in row for row in rows)
    assert "doctor --verbose" in text


@pytest.mark.patient
def test_verbose_and_json_have_every_check(main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COTBENCH_DATA", raising=False)
    checks = json.loads(main("doctor", "--json").out)
    names = {check["name"] for check in checks}
    assert {f"engine {name}" for name in ENGINES} <= names
    assert {f"task {name}" for name in list_task_files()} <= names
    assert {"cotbench", "GPU", "prompts", "grading", "results", "sandbox"} <= names
    if not missing_features():
        assert {f"sandbox {name}" for name in QUICK} < names
        assert {"sandbox stopped: an endless loop", "sandbox stopped: endless memory"} <= names


def test_what_takes_long_is_left_to_verbose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openai" / "gsm8k").mkdir(parents=True)
    checks = {check.name: check for check in examine(tmp_path, tmp_path, thorough=False)}
    assert checks["task gsm8k"].ok is True
    assert checks["task gsm8k"].found.endswith("is there")
    assert checks["task mmlu"].ok is False, "what isn't there is still found"
    assert checks["task sample"].found.startswith("48 questions")
    assert checks["grading"].ok is True
    assert not any("endless" in name for name in checks)


def test_what_doesnt_work_is_named_in_the_folded_rows() -> None:
    checks = [
        Check("cotbench", None, "0"),
        Check("engine a", False, "the x package is not installed", remedy="pip install x"),
        Check("engine b", True, "x 1"),
        Check("task t", True, "3 questions in f"),
        Check("task u", False, "task u: there is no folder f.", remedy="name it"),
        Check("task v", None, "would be loaded", remedy="without network, set Y"),
        Check("sandbox", True, "filter"),
        Check("sandbox refused: network", False, "escaped"),
        Check("sandbox works: Python", True, "45"),
    ]
    rows = {row.name: row for row in folded(checks)}
    assert list(rows) == ["cotbench", "engines", "tasks", "sandbox"]
    assert rows["engines"] == Check("engines", True, "b", remedy="not installed: a (pip install x)")
    assert rows["tasks"] == Check("tasks", False, "task u: there is no folder f.", remedy="name it")
    assert rows["sandbox"].ok is False
    assert rows["sandbox"].found == "refused: network: escaped"
    works = [check for check in checks if check.ok is not False]
    rows = {row.name: row for row in folded(works)}
    assert rows["tasks"].found == "here: t; from the Hub: v"
    assert rows["tasks"].remedy == "without network, set Y"
    assert rows["sandbox"].found == "filter; 1 programs did what they should"
