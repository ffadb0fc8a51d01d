"""`cotbench show`: which questions are listed, what is on record about one, and that a model's text stays text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, run_cli
from handmade import QUESTIONS, make_record, make_run, write_journal, write_run

from cotbench.store.records import Record
from cotbench.types import Completion, Question

#                          0123456789   questions 0 to 3 hold an "="
FLIPS = {"direct": "wwwcccuwec", "cot": "cccwcctwcg"}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return make_run(tmp_path / "results" / "r", FLIPS)


def listed(main: Cli, *arguments: object) -> list[str]:
    done = main("show", *arguments, "--json")
    assert done.code == 0, done.err
    return [json.loads(line)["id"] for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--flips", "helped"], "012"),
        (["--flips", "hurt"], "3"),
        (["--flips", "hurt", "--mode", "direct", "--baseline", "cot"], "012"),
        (["--flips", "helped", "--tag", "symbolic"], "012"),
        (["--flips", "helped", "--tag", "nonsymbolic"], ""),
        (["--tag", "non-symbolic", "--outcome", "correct"], "458"),
        (["--outcome", "wrong"], "37"),
        (["--outcome", "wrong", "--mode", "direct"], "0127"),
        (["--grep", r"x = [23]\b"], "23"),
        (["--limit", "3"], "012"),
        (["--task", "t", "--limit", "2", "--mode", "direct"], "01"),
        ([], "0123456789"),
    ],
)
def test_lists(small: Path, main: Cli, arguments: list[str], expected: str) -> None:
    assert listed(main, "r", *arguments) == [f"t-{digit}" for digit in expected]


def test_the_table(small: Path, main: Cli) -> None:
    done = main("show", "--flips", "helped", "--limit", "2")
    assert done.code == 0, done.err
    assert "2 of 3 questions" in done.out
    assert "wrong → correct" in done.out
    assert done.out.rstrip().endswith("One of them: cotbench show results/r t-0")
    assert main("show", "--flips", "hurt").out.startswith("1 question\n")
    assert "No question is like that." in main("show", "--grep", "no such text").out


def test_questions_flip_across_runs(tmp_path: Path, main: Cli) -> None:
    for mode, letters in FLIPS.items():
        make_run(tmp_path / "results" / mode, {mode: letters})
    assert listed(main, "direct", "cot", "--flips", "hurt") == ["t-3"]


def test_tags_of_a_file(small: Path, tmp_path: Path, main: Cli) -> None:
    (tmp_path / "mine.csv").write_text("id,hard\nt-4,1\nt-5,0\n")
    options = ("--tags-file", "mine.csv", "--tag-rule", "hard")
    assert listed(main, "r", *options, "--tag", "symbolic") == ["t-4"]
    assert listed(main, "r", *options, "--tag", "nonsymbolic") == ["t-5"]


# --- one question -------------------------------------------------------------------------------------------------


def test_a_question_by_its_id_or_its_beginning(small: Path, main: Cli) -> None:
    whole = main("show", "r", "t-3")
    assert whole.code == 0, whole.err
    for piece in (
        "What is x if x = 3?",
        "gold: 1",
        "eq_question symbolic",
        "── direct: correct",
        "── cot: wrong",
        "by the rule last",
    ):
        assert piece in whole.out, piece
    assert main("show", "t-3").out == whole.out, "of the latest run"
    assert main("show", "t-3", "--mode", "direct").out.count("──") == 1
    done = main("show", "r", "t-")
    assert (done.code, done.out) == (2, "")
    assert "'t-' may be any of t-0, t-1, t-2, t-3, t-4 and 5 more" in done.err


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    done = run_cli(
        "run", "-q", "--model", "stub", "--task", "sample", "--limit", "2", "--paths", "4",
        "--mode", "direct,cot,self-consistency,pal,plan-cot,plan-solver", cwd=folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder / "results"


@pytest.fixture
def stub(finished: Path, tmp_path: Path) -> None:
    """That run in a folder of the test's."""
    shutil.copytree(finished, tmp_path / "results")


def test_everything_is_in_the_json(stub: None, main: Cli) -> None:
    rows = [json.loads(line) for line in main("show", "--json").out.splitlines()]
    assert len(rows) == 2
    [row] = [json.loads(line) for line in main("show", rows[0]["id"], "--json").out.splitlines()]
    assert row == rows[0]
    modes = {one["mode"]: one for one in row["modes"]}
    assert list(modes) == ["direct@answer=begun", "cot", "self-consistency", "pal", "plan-cot", "plan-solver"]
    for one in modes.values():
        if one["answer"] is None:
            continue
        exchange, path = one["deciding"]
        text = one["exchanges"][exchange]["completions"][path]["text"]
        assert one["found"] == text[slice(*one["span"])]
        assert one["exchanges"][0]["messages"][-1]["role"] == "user"
    assert len(modes["plan-cot"]["exchanges"]) == 2
    assert modes["plan-cot"]["deciding"] == [1, 0]
    assert modes["plan-cot"]["exchanges"][0] == modes["plan-solver"]["exchanges"][0], "they share the plan"
    assert len(modes["self-consistency"]["votes"]["ballots"]) == 4
    assert len(modes["self-consistency"]["exchanges"][0]["completions"]) == 4
    assert set(row["tags"]) >= {"eq_question", "eq_paper", "eq_response"}


def test_the_prompts_are_shown_when_asked(stub: None, main: Cli) -> None:
    identity = json.loads(main("show", "--limit", "1", "--json").out)["id"]
    without, with_them = main("show", identity), main("show", identity, "--prompts")
    assert without.code == with_them.code == 0
    assert "--prompts" in without.out.splitlines()[-1]
    assert "step by step" not in without.out
    assert "step by step" in with_them.out
    assert "path 2 of 4" in without.out
    assert "executed, 1: " in without.out


def record(mode: str, **more: Any) -> Record:
    answered: dict[str, Any] = {"outcome": "correct", "answer": "1", "rule": "contract", "requests": ((mode, 0),)}
    return make_record(question="t-0", task="t", mode=mode, gold="1", **(answered | more))


def test_of_votes_the_first_path_with_the_winning_answer_is_shown(tmp_path: Path, main: Cli) -> None:
    votes = {
        "answers": [{"answer": "9", "votes": 1, "outcome": "wrong"}, {"answer": "1", "votes": 2, "outcome": "correct"}],
        "ballots": [None, 0, 1, 1], "abstained": {"unparsed": 1}, "margin": 1,
    }  # fmt: skip
    folder = write_run(
        tmp_path / "results" / "r", QUESTIONS, [record("self-consistency", votes=votes, span=(8, 9)), record("cot")]
    )
    texts = ["silence", "Answer: 9", "Answer: 1 (third)", "Answer: 1 (fourth)"]
    write_journal(folder, {("t-0", "self-consistency"): [Completion(text=t, finish_reason="stop") for t in texts]})
    [row] = [json.loads(line) for line in main("show", "t-0", "--json").out.splitlines()]
    voted, cot = row["modes"]
    assert (voted["deciding"], voted["found"]) == ([0, 2], "1")
    assert (cot["deciding"], cot["found"], cot["exchanges"][0]["completions"]) == (None, None, [])
    done = main("show", "t-0")
    assert done.code == 0, done.err
    for piece in (
        "4 votes, margin 1, abstained: unparsed 1",
        "path 1 of 4: abstained",
        "path 2 of 4: 9",
        "path 3, the first",
        "(third)",
    ):
        assert piece in done.out, piece
    assert "(fourth)" not in done.out
    assert "not in the run's journal" in done.out


# --- hostile texts ------------------------------------------------------------------------------------------------

ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J back\bspace\rreturn"
HOSTILE = f"<b>bold</b> [red]markup[/red] [link=x]y {ESCAPES} \u202egpj.exe\u202c \u2028 \ud800 lone \x00 end"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    question = Question(id="t-0", task="t", text=HOSTILE, choices=(HOSTILE, "b"))
    execution = {"outcome": "runtime_error", "value": None, "error": HOSTILE, "stdout": HOSTILE}
    records = [
        record("direct", answer=HOSTILE, outcome="wrong", span=(3, 10), error=HOSTILE),
        record("cot", executions=(execution,), span=(900_000, 900_005)),
        record("pal", span=(0, 99)),
    ]
    folder = write_run(tmp_path / "results" / "r", [question], records)
    write_journal(
        folder,
        {
            ("t-0", "direct"): [Completion(text=HOSTILE, finish_reason="stop", reasoning=HOSTILE)],
            ("t-0", "cot"): [Completion(text="x" * 900_000 + "FOUND" + "y" * 95_000, finish_reason="length")],
            ("t-0", "pal"): [Completion(text="short", finish_reason="stop")],
        },
    )
    return folder


def is_tame(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize(
    "arguments", [["t-0"], ["t-0", "--prompts"], [], ["--flips", "helped"], ["--mode", "direct"]], ids=" ".join
)
def test_a_models_text_never_reaches_the_terminal_as_it_is(hostile: Path, main: Cli, arguments: list[str]) -> None:
    done = main("show", "r", *arguments)
    assert done.code == 0, done.err
    assert is_tame(done.out)
    for piece in ("<b>bold</b>", "[red]markup[/red]", "\\x1b[31mred"):
        assert piece in done.out, piece


def test_what_is_hidden_becomes_visible(hostile: Path, main: Cli) -> None:
    done = main("show", "t-0", "--mode", "direct")
    for piece in ("\\u202egpj.exe", "\\ud800", "\\x9b2J", "\\x08", "\\rreturn", "\\u2028", "\\x00 end", "[link=x]y"):
        assert piece in done.out, piece


def test_a_long_answer_is_shortened_around_what_was_read(hostile: Path, main: Cli) -> None:
    done = main("show", "t-0", "--mode", "cot")
    assert "FOUND" in done.out
    assert "880,000 characters are left out; --json has all" in done.out
    assert len(done.out) < 100_000
    [row] = [json.loads(line) for line in main("show", "t-0", "--json").out.splitlines()]
    cot = row["modes"][1]
    assert cot["found"] == "FOUND"
    assert len(cot["exchanges"][0]["completions"][0]["text"]) == 995_005
    assert row["question"] == HOSTILE
    assert row["modes"][2]["found"] is None, "a span beyond the text"


@pytest.mark.parametrize("encoding", ["utf-8", pytest.param("ascii", marks=pytest.mark.patient)])
def test_piped_into_head_and_without_unicode(hostile: Path, tmp_path: Path, encoding: str) -> None:
    import os

    line = f"{sys.executable} -m cotbench show t-0 | head -n 2"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert b"rror" not in done.stderr
    assert len(done.stdout.splitlines()) == 2
    whole = subprocess.run(
        [sys.executable, "-m", "cotbench", "show", "t-0"], cwd=tmp_path, capture_output=True, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert whole.returncode == 0, whole.stderr
    assert b"\x1b" not in whole.stdout
