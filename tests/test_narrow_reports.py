"""`cotbench report` in terminals of any width, of any number of models, tasks and arms: whole figures on one screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import run_cli
from handmade import make_run
from rich.cells import cell_len
from terminals import STYLE, in_a_terminal

from cotbench.types import Question

pytestmark = pytest.mark.patient  # plots are drawn, which takes its time


REPORT = ["report", "--no-plots", "--no-page"]
FIGURES = re.compile(r"[+−]?\d[\d,.]*( \([+−]?[\d.]+ to [+−]?[\d.]+\))?|all|–")


def task(name: str, outcomes: dict[str, str], folder: Path, model: str = "m") -> Path:
    asked = [
        Question(id=f"{name}-{at}", task=name, text=f"Of {name}, question {at}{' x = 1' * (at % 2)}?")
        for at in range(max(map(len, outcomes.values())))
    ]
    return make_run(folder, outcomes, questions=asked, model=model)


def shown(columns: int, folder: Path, *runs: str) -> list[str]:
    out = in_a_terminal(columns, [*REPORT, *runs], folder, rows=45, TERM="xterm-256color")
    return [line.rstrip() for line in STYLE.sub("", out).replace("\r", "").rstrip("\n").split("\n")]


EXTREME = {"direct": "ww", "self-consistency": "cc", "cot@prompt=brief,temperature=0.7": "cw", "direct-votes": "uc"}


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_a_table_keeps_its_figures_whole_at_any_width(columns: int, tmp_path: Path) -> None:
    task("sums", EXTREME, tmp_path / "results" / "sums")
    lines = shown(columns, tmp_path, "sums")
    assert max(map(cell_len, lines)) <= columns
    legend = next((at for at, line in enumerate(lines) if re.match(r"(with|unread)\b.*[:,]", line)), len(lines))
    table = lines[: min(legend, lines.index(""))]
    assert sum("(95% interval)" in line for line in table) == 1
    assert sum("+100.0 (−31.5 to +100.0)" in line for line in table) == 1
    for line in table[3:]:
        assert not FIGURES.sub("", re.sub(r"^ *[a-z]\S*", "", line)).strip(), line


def test_the_usual_arms_keep_all_columns_in_80(tmp_path: Path) -> None:
    task("sums", EXTREME, tmp_path / "results" / "sums")
    lines = shown(80, tmp_path, "sums")
    assert [word for word in lines[0].split() if word in ("right", "unread")] == ["right", "unread"]
    assert "tokens" in lines[1] and lines[1].count('"="') == 2


def test_names_that_have_no_room_are_counted_as_the_lines_they_take(tmp_path: Path) -> None:
    names = ["a-model-of-a-very-long-name-" * 4 + str(n) for n in range(3)]
    for model in names:
        for name in ("x", "y"):
            outcomes = dict.fromkeys(("direct", "cot", "pal", "plan-cot"), "cwcwccwc")
            task(name, outcomes, tmp_path / "results" / f"{name}{model[-1]}", model)
    lines = shown(80, tmp_path, *(f"{name}{n}" for n in range(3) for name in "xy"))
    assert len(lines) <= 40
    assert max(map(cell_len, lines)) <= 80


def test_many_models_under_one_arm_fit_a_screen(tmp_path: Path) -> None:
    runs = [(f"t{at}", f"m{n}") for at in range(4) for n in range(5)]
    for name, model in runs:
        task(name, {"direct": "cw"}, tmp_path / "results" / f"{name}{model}", model)
    assert len(shown(80, tmp_path, *(name + model for name, model in runs))) <= 40


def test_arms_with_unlike_numbers_of_answers_are_one_family(tmp_path: Path) -> None:
    outcomes = {f"cot@temperature={n}": "e" * n + "c" * (20 - n) for n in range(1, 8)}
    for name in ("a", "b"):
        task(name, {"direct": "wc" * 10, "cot": "c" * 20, **outcomes}, tmp_path / "results" / name)
    lines = shown(80, tmp_path, "a", "b")
    assert [line for line in lines if line.startswith("all tasks")] == ["all tasks: a, b (26 to 40 questions)"]
    assert [line.split()[0] for line in lines[3:11]] == ["cot", *outcomes]


def test_a_number_out_of_bounds_is_told_in_plain_words(tmp_path: Path) -> None:
    done = run_cli("run", "--model", "stub", "--task", "sample", "--probe", "0", cwd=tmp_path)
    assert done.code == 2
    assert "expected a number greater than or equal to 1" in done.err


def test_where_there_is_room_figures_stand_apart(tmp_path: Path) -> None:
    make_run(tmp_path / "results" / "r", {"direct": "wwwwwwuwwc", "cot": "ccccccttcc"})
    shown = STYLE.sub("", in_a_terminal(80, ["report", "--no-plots", "--no-page"], tmp_path, TERM="xterm"))
    [row] = [line for line in shown.splitlines() if line.startswith("  cot ")]
    assert re.fullmatch(r"  cot +\d+\.\d  \+\S+ \(.*\)( {2,}\S+)+ *", row.rstrip()), row
