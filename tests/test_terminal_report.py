"""`cotbench report` in a terminal: one screen, the answer last, words and figures whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Cli, run_cli
from handmade import answer_of, make_run
from rich.cells import cell_len
from terminals import STYLE, in_a_terminal

from cotbench.store.lock import RunLock
from cotbench.types import Question

ROWS, COLUMNS = 45, 80
REPORT = ["report", "--no-plots", "--no-page"]


def task(name: str, outcomes: dict[str, str], folder: Path) -> Path:
    asked = [
        Question(id=f"{name}-{at}", task=name, text=f"Of {name}, question {at}{' x = 1' * (at % 2)}?")
        for at in range(max(map(len, outcomes.values())))
    ]
    return make_run(folder, outcomes, questions=asked)


@pytest.fixture
def four(tmp_path: Path) -> Path:
    """Four tasks under direct, cot and pal: twelve rows, one of each verdict."""
    ends = {
        "sums": {"direct": "w" * 30 + "c" * 10, "cot": "c" * 38 + "ww", "pal": "c" * 36 + "wwww"},
        "facts": {"direct": "wc" * 20, "cot": "wc" * 19 + "cw", "pal": "cw" * 20},
        "logic": {"direct": "c" * 40, "cot": "w" * 20 + "c" * 20, "pal": "u" * 30 + "c" * 10},
        "law": {"direct": "cw" * 5, "cot": "cc" * 4 + "cw", "pal": "ww" * 5},
    }
    for name, outcomes in ends.items():
        task(name, outcomes, tmp_path / "results" / name)
    return tmp_path


ALL_FOUR = [*REPORT, "sums", "facts", "logic", "law"]


def lines_of(shown: str) -> list[str]:
    return [line.rstrip() for line in STYLE.sub("", shown).replace("\r", "").rstrip("\n").split("\n")]


@pytest.mark.patient
@pytest.mark.parametrize("env", [{"TERM": "xterm-256color"}, {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_four_tasks_fit_a_screen_with_words_whole(env: dict[str, str], four: Path) -> None:
    lines = lines_of(in_a_terminal(COLUMNS, ALL_FOUR, four, rows=ROWS, **env))
    assert len(lines) <= 40
    assert max(map(cell_len, lines)) <= COLUMNS
    known = {*run_cli(*ALL_FOUR, "--full", cwd=four).out.split(), *OF_THE_SCREEN.split()}
    known |= {word.strip(".,;:()") for word in known}
    shown = {word.strip(".,;:()") for line in lines[:-1] for word in line.split()}
    assert not {word for word in shown - known if not word.isdigit()}
    assert any(line.startswith("CoT helps on sums. CoT hurts on logic.") for line in lines[-ROWS:])
    assert lines[-1].startswith("Written to results/report (")


@pytest.mark.parametrize(
    "columns", [40, pytest.param(60, marks=pytest.mark.patient), 80, pytest.param(100, marks=pytest.mark.patient)]
)
def test_no_row_of_the_table_is_wider_than_the_terminal(columns: int, tmp_path: Path) -> None:
    ends = {"direct": "w" * 38 + "cc", "self-consistency": "c" * 39 + "u", "plan-solver": "c" * 36 + "wwww"}
    task("sums", ends, tmp_path / "results" / "r")
    lines = lines_of(in_a_terminal(columns, [*REPORT, "r"], tmp_path, rows=ROWS, TERM="xterm"))
    table = lines[: lines.index("")]
    assert max(map(cell_len, table)) <= columns
    at = next(at for at, line in enumerate(table) if line.startswith("  self-consistency"))
    assert any("97.5" in line and "+92.5 (" in line for line in table[at : at + 2])
    kept = {title for title in ("tokens", "unread") if any(title in line for line in table)}
    assert columns < 80 or kept == {"tokens", "unread"}


OF_THE_SCREEN = "more findings and notes: cotbench report --full, or the page."


@pytest.mark.patient
def test_a_pipe_has_whole_lines_and_no_colour(four: Path) -> None:
    out = run_cli(*ALL_FOUR, cwd=four).out
    assert "\x1b" not in out
    assert answer_of(out).startswith("Over 4 tasks ") or answer_of(out).startswith("On the 130 questions of 4 tasks ")
    assert "\nCoT helps on sums. CoT hurts on logic. What CoT changes is inconclusive on law (" in out
    assert "CoT helps on sums by 70.0 points (" in run_cli(*ALL_FOUR, "--full", cwd=four).out


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm-256color"}, True),
        pytest.param({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, marks=pytest.mark.patient),
        pytest.param({"TERM": "dumb"}, False, marks=pytest.mark.patient),
    ],
)
def test_green_and_red_stand_where_an_interval_is_clear_of_zero(
    env: dict[str, str], coloured: bool, four: Path
) -> None:
    shown = in_a_terminal(COLUMNS, ALL_FOUR, four, rows=ROWS, **env)
    green, red = (re.findall(f"\x1b\\[{code}m([^\x1b]*)", shown) for code in (32, 31))
    assert any(text.startswith("+70.0 (") for text in green) == coloured
    assert any(text.startswith("−50.0 (") for text in red) == coloured
    assert not any("+0.0" in text or text.startswith("+5.0 (−") for text in green)


@pytest.mark.patient
def test_a_side_of_few_questions_has_no_colour(tmp_path: Path) -> None:
    for count in (18, 22):  # half of them with a "="
        task(f"t{count}", {"direct": "w" * count, "cot": "c" * count}, tmp_path / "results" / f"r{count}")
        shown = in_a_terminal(COLUMNS, [*REPORT, f"r{count}"], tmp_path, rows=ROWS, TERM="xterm-256color")
        assert shown.count("\x1b[32m+100.0\x1b") == (2 if count > 20 else 0)
        assert shown.count("\x1b[2m+100.0\x1b") == (2 if count < 20 else 0)


def test_colour_can_be_had_in_a_pipe(four: Path) -> None:
    assert "\x1b[32m+70.0" in run_cli(*ALL_FOUR, cwd=four, env={"FORCE_COLOR": "1", "TERM": "xterm"}).out


@pytest.mark.patient
def test_in_place_of_many_rows_families_stand_and_all_are_there_in_full(tmp_path: Path) -> None:
    outcomes = {f"cot@temperature={n}": "cw" * 9 + "cc" for n in range(1, 8)}
    for name in ("a", "b"):
        task(name, {"direct": "wc" * 10, "cot": "c" * 20, **outcomes}, tmp_path / "results" / name)
    short, full = (run_cli(*REPORT, "a", "b", *more, cwd=tmp_path).out for more in ((), ("--full",)))
    assert "all tasks: a, b (40 questions)" in short and "a, 20 questions" not in short
    assert short.count("  cot@temperature=3 ") < full.count("  cot@temperature=3 ")
    assert "a, 20 questions" in full and "b, 20 questions" in full
    assert len(lines_of(in_a_terminal(COLUMNS, [*REPORT, "a", "b"], tmp_path, rows=ROWS, TERM="xterm"))) <= 40
    assert "Paired differences against direct" in full and "Paired differences" not in short


def test_quiet_says_what_gates_say_and_nothing_else(four: Path, main: Cli) -> None:
    done = main("report", "sums", "--no-plots", "--no-page", "--quiet", "--fail-if", "delta[sums,cot] > 0.5")
    assert (done.code, done.out) == (5, "")
    assert "holds" in done.err
    assert (four / "results" / "sums" / "report" / "report.json").is_file()
    assert main("report", "sums", "--no-plots", "--no-page", "-q").out == ""


def test_a_report_of_one_arm_says_what_is_missing(tmp_path: Path, main: Cli) -> None:
    task("t", {"cot": "ccw"}, tmp_path / "results" / "r")
    out = main(*REPORT).out
    assert "no records under 'direct', so there is nothing to compare with" in out


# --- one rule for the verdict -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direct", "cot", "verdict", "why"),
    [
        ("w" * 30 + "c" * 10, "c" * 40, "helps", ""),
        ("c" * 40, "c" * 10 + "w" * 30, "hurts", ""),
        ("wc" * 20, "wc" * 20, "no clear effect", ""),
        ("w" * 5 + "c" * 5, "c" * 10, "inconclusive", "interval and exact test disagree"),
        ("u" * 40, "c" * 40, "higher", "a difference of reading"),
        ("e" * 5, "e" * 5, "not estimable", "no questions"),
    ],
)
def test_sentence_interval_and_test_agree_or_it_is_said_that_they_do_not(
    direct: str, cot: str, verdict: str, why: str, tmp_path: Path, main: Cli
) -> None:
    task("t", {"direct": direct, "cot": cot}, tmp_path / "results" / "r")
    out = main(*REPORT).out
    [row] = [
        row
        for row in json.loads((tmp_path / "results/r/report/report.json").read_text())["deltas"]
        if row["tag"] == "all"
    ]
    assert (row["verdict"], row["why"]) == (verdict, why)
    apart = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
    if verdict == "no clear effect":
        assert not apart and row["p"] >= 0.05
    if verdict in ("helps", "hurts"):
        assert apart and row["p"] < 0.05
    if verdict == "inconclusive":
        assert apart and row["p"] >= 0.05
        assert f"is inconclusive on t ({why}): +50.0 points (" in answer_of(out)
        assert "no clear effect" not in out


def test_what_is_clear_by_itself_only_is_inconclusive_among_many(tmp_path: Path, main: Cli) -> None:
    arms = {f"cot@temperature={n}": "wc" * 10 for n in range(2, 9)}
    task("t", {"direct": "wc" * 10, "cot": "c" * 16 + "wcwc", **arms}, tmp_path / "results" / "r")
    out = main(*REPORT).out
    rows = json.loads((tmp_path / "results/r/report/report.json").read_text())["deltas"]
    [row] = [row for row in rows if row["tag"] == "all" and row["mode"] == "cot"]
    assert row["p"] < 0.05 <= row["p_holm"]
    assert (row["verdict"], row["why"]) == ("inconclusive", "clear by itself, not as one of 8 comparisons")
    assert "is inconclusive on t (clear by itself, not as one of 8 comparisons): +40.0 points (" in out


# --- while a run goes on ------------------------------------------------------------------------------------------


def test_an_arm_that_is_yet_to_be_asked_is_not_told_as_missing(tmp_path: Path, main: Cli) -> None:
    folder = task("t", {"cot": "ccw"}, tmp_path / "results" / "r")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["spec"]["modes"]["t/direct"] = {}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "status": "running", "totals": {"of": 1200}}))
    lock = RunLock(folder)
    try:
        out = main(*REPORT).out
        assert "no records under 'direct' yet, so there is nothing to compare with so far." in out
        assert "r is going on: so far 3 of 1,200 answers" in out and "--mode direct gives them" not in out
        assert "running 3/1,200" in main("list", "runs").out
    finally:
        lock.close()


@pytest.mark.patient
def test_what_costs_is_said_before_what_other_arms_do_in_a_mix(four: Path) -> None:
    (four / "prices.yaml").write_text("{currency: USD, default: {in: 1, out: 2}}")
    (four / "mix.yaml").write_text("{tasks: {sums: 1, facts: 1, logic: 1, law: 1}}")
    options = [*ALL_FOUR, "--prices", "prices.yaml", "--weights", "mix.yaml"]
    lines = lines_of(in_a_terminal(COLUMNS, options, four, rows=ROWS, TERM="xterm"))
    assert len(lines) <= 40
    text = " ".join(lines)
    assert "CoT pays " in text and "1 more notes" not in text and "1 more findings" not in text
