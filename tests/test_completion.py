"""What a shell offers at Tab: the values of options and arguments, at once, and without an error in the line."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Cli

from cotbench.engines import ENGINES
from cotbench.modes import MODES
from cotbench.questions.suites import list_suite_files
from cotbench.questions.tagging import RULES
from cotbench.questions.tasks import list_task_files

HEAVY = "pandas numpy scipy sympy matplotlib datasets jinja2 regex aiohttp math_verify".split()
_SCRIPT = f"""
import sys
from cotbench.cli import main
try:
    main([])
finally:
    print(*sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)
"""


def offered(line: str, cwd: Path, shell: str = "bash") -> tuple[list[str], str]:
    """What is offered at the end of a line, and what heavy packages were loaded for it: what typer's script asks."""
    words = line.split()
    words += [""] if line.endswith(" ") else []
    asked = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    if shell != "bash":
        asked = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    env = {**os.environ, "PYTHONPATH": str(ROOT), "_COTBENCH_COMPLETE": f"complete_{shell}", **asked}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    return list(filter(None, done.stdout.splitlines())), done.stderr.strip()


@pytest.fixture
def runs(tmp_path: Path, main: Cli) -> list[str]:
    lines = [("--mode", "cot"), ("--mode", "direct")]
    asked = ("run", "--model", "stub", "--task", "sample", "--json")
    return [json.loads(main(*asked, *line).out)["run"] for line in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cotbench run --task ", sorted([*list_task_files(), *list_suite_files()])),
        ("cotbench report --suite ", sorted(list_suite_files())),
        ("cotbench run --task gsm8k,mat", ["gsm8k,math", "gsm8k,math500"]),
        ("cotbench run --mode ", sorted(MODES)),
        ("cotbench run --mode direct,c", ["direct,cascade", "direct,cot"]),
        ("cotbench run --mode cot,direct,plan-s", ["cot,direct,plan-solver"]),
        ("cotbench run --mode cot,co", []),
        ("cotbench show-prompt --mode plan-d", ["plan-direct"]),
        ("cotbench run --engine ", sorted(ENGINES)),
        ("cotbench run --model de", ["demo", "demo-thinker"]),
        ("cotbench run --thinking ", ["auto", "off", "on"]),
        ("cotbench run --engine openai --model-args max_retries=3,t", ["max_retries=3,timeout_s="]),
        ("cotbench run --model demo --model-args ", ["batch_size=", "compute_type=", "max_model_len=", "threads="]),
        ("cotbench run --model stub --model-args plan-", ["plan-cot=", "plan-direct="]),
        ("cotbench run --gen-kwargs temperature=0.7,top_", ["temperature=0.7,top_k=", "temperature=0.7,top_p="]),
        ("cotbench list ", ["engines", "modes", "runs", "suites", "tags", "tasks"]),
        ("cotbench report --tag-rule eq_question", sorted(name for name in RULES if name.startswith("eq_question"))),
        ("cotbench score --answer-type l", ["latex", "letter", "letters", "list"]),
    ],
)
def test_values_are_offered(line: str, expected: list[str], tmp_path: Path) -> None:
    words, _ = offered(line, tmp_path)
    assert sorted(words) == expected


@pytest.mark.parametrize("command", ["report ", "show ", "score ", "run --resume "])
def test_runs_are_offered_by_their_ids(command: str, runs: list[str], tmp_path: Path) -> None:
    assert sorted(offered(f"cotbench {command}", tmp_path)[0]) == sorted(runs)
    shutil.move(tmp_path / "results", tmp_path / "elsewhere")
    assert offered(f"cotbench {command}", tmp_path)[0] == []
    own = command.split()
    line = f"cotbench {own[0]} -o elsewhere {' '.join(own[1:])}".rstrip() + " "
    assert sorted(offered(line, tmp_path)[0]) == sorted(runs)


def test_own_tasks_are_offered(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text("")
    (tmp_path / "my.jsonl").write_text("")
    words, _ = offered("cotbench run --tasks-dir own --task m", tmp_path)
    shipped = [name for name in list_task_files() if name.startswith("m")]
    assert sorted(words) == sorted([*shipped, "mine", "my.jsonl"])


def test_what_cant_be_looked_up_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for line in ("cotbench report -o file ", "cotbench run --engine nothing --model-args ", "cotbench list x,"):
        assert offered(line, tmp_path) == ([], ""), line


@pytest.mark.parametrize(
    "line",
    [
        "cotbench run --task ",
        "cotbench run --mode direct,",
        "cotbench run --engine ",
        "cotbench run --engine openai --model-args ",
        "cotbench report ",
        "cotbench run --resume ",
        "cotbench run --tas",
    ],
)
def test_nothing_heavy_is_loaded_at_tab(line: str, tmp_path: Path, runs: list[str]) -> None:
    words, heavy = offered(line, tmp_path)
    assert words
    assert heavy == ""


def test_other_shells_are_told_what_each_value_is(tmp_path: Path) -> None:
    words, _ = offered("cotbench run --engine openai --model-args ", tmp_path, shell="fish")
    assert "timeout_s=\tseconds that a reply may take" in words
    modes, _ = offered("cotbench run --mode pal", tmp_path, shell="fish")
    assert modes == ["pal\tthe model writes a program, Python runs it"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash isn't installed")
def test_a_real_bash_completes_a_line(tmp_path: Path) -> None:
    """By the script that `cotbench --show-completion` prints, and the variables that bash sets."""
    command = tmp_path / "bin" / "cotbench"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cotbench "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    script = """
eval "$(cotbench --show-completion bash)"
complete -p cotbench >&2
COMP_WORDS=(cotbench run --mode direct,plan-) COMP_CWORD=3
_cotbench_completion cotbench
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "_cotbench_completion" in done.stderr
    assert sorted(done.stdout.split()) == ["direct,plan-cot", "direct,plan-direct", "direct,plan-solver"]
