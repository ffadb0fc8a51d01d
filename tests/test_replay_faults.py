"""A file of outputs with mistakes in it: each is told with its place, what was found and what is expected."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cotbench.engines import EngineConfig
from cotbench.engines.replay import ReplayEngine, lacks
from cotbench.types import Question

QUESTIONS = [{"question": "What is 4 plus 5?", "answer": "9"}, {"question": "What is 14 plus 5?", "answer": "19"}]
LINES: list[dict[str, Any]] = [
    {"question_part": "4 plus 5?", "mode": "cot", "output": "Answer: 9"},
    {"question_part": "14 plus 5?", "mode": "cot", "output": "Answer: 19"},
]


def words(text: str) -> str:
    return " ".join(text.split())


def replayed(main: Cli, folder: Path, content: str | bytes | Sequence[object], *, mode: str = "cot") -> Any:
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    if not isinstance(content, str | bytes):
        content = "".join(json.dumps(row) + "\n" for row in content)
    (folder / "o.jsonl").write_bytes(content.encode() if isinstance(content, str) else content)
    return main("run", "--engine", "replay", "--model", "m", "--model-args", "path=o.jsonl", "--task", "q.jsonl",
                "--mode", mode)  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(json.dumps, LINES)),
        "\r\n".join(map(json.dumps, LINES)) + "\r\n",
        b"\xef\xbb\xbf" + "\n\n".join(map(json.dumps, LINES)).encode(),
        "\r\n".join(json.dumps({**row, "prompt_tokens": "12", "completion_tokens": "3"}) for row in LINES),
    ],
    ids=["plain", "CRLF", "a byte order mark and empty lines", "numbers as texts"],
)
def test_what_is_no_mistake_is_read_without_a_word(main: Cli, tmp_path: Path, content: str | bytes) -> None:
    done = replayed(main, tmp_path, content)
    assert done.code == 0, done.err
    assert "2 correct" in done.out
    assert "replay: 2 of 2 lines are of a question of this run." in words(done.err)
    assert "can't be used" not in done.err
    assert "keys" not in done.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "o.jsonl: there is no line in it."),
        ("\n \r\n", "o.jsonl: there is no line in it."),
        (json.dumps(LINES[0]).encode("utf-16"), "o.jsonl: written in UTF-16, expected UTF-8."),
        (json.dumps(LINES), "o.jsonl:1: expected a JSON object, found list."),
    ],
)
def test_a_file_that_holds_no_line_for_us_is_refused(
    main: Cli, tmp_path: Path, content: str | bytes, said: str
) -> None:
    done = replayed(main, tmp_path, content)
    assert done.code == 3
    assert said in words(done.err)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"question_part": "plus 5?", "output": "-"}, "o.jsonl:3: 2 questions have this text, so that cotbench's "
         "question id must be given as `id` ('plus 5?'; or a longer part)"),
        ({**LINES[0], "mode": 5}, "o.jsonl:3: mode is 5, expected the name of a template, as cot"),
        ({**LINES[0], "promt": "x"}, "keys that aren't read: 'promt', perhaps for 'prompt', on 1 line (the first: "
         "o.jsonl:3)"),
        ({**LINES[0], "question_part": "6 plus 5"}, "2 of 3 lines are of a question of this run; the first of the "
         "others: o.jsonl:3 (question_part '6 plus 5')"),
    ],
)  # fmt: skip
def test_a_line_with_a_mistake_is_named(main: Cli, tmp_path: Path, line: dict[str, Any], said: str) -> None:
    done = replayed(main, tmp_path, [*LINES, line])
    assert done.code == 0, done.err
    assert said in words(done.err)


def test_keys_of_other_tools_are_no_misspellings(main: Cli, tmp_path: Path) -> None:
    done = replayed(main, tmp_path, [{**row, "model": "m", "gold": "9", "idx": 3, "question_id": "7"} for row in LINES])
    assert "keys that aren't read" not in done.err


def test_lines_that_are_not_utf_8_are_told(main: Cli, tmp_path: Path) -> None:
    lines = [json.dumps({**row, "output": f"café. {row['output']}"}, ensure_ascii=False) for row in LINES]
    done = replayed(main, tmp_path, "\n".join(lines).encode("latin-1"))
    assert "not UTF-8, so that some characters are lost: 2 lines (the first: o.jsonl:1)" in words(done.err)


def test_where_no_line_is_of_a_question_that_is_a_warning(main: Cli, tmp_path: Path) -> None:
    done = replayed(main, tmp_path, [{**row, "question_part": "no such text"} for row in LINES])
    assert done.code == 4
    assert "Note: 0 of 2 lines are of a question of this run; the first of the others: o.jsonl:1" in words(done.err)
    assert "(mode cot; it has none of this question)" in words(done.err)


def test_a_missing_output_is_told_with_the_mode_that_was_looked_for_and_those_that_are_there(
    main: Cli, tmp_path: Path
) -> None:
    done = replayed(main, tmp_path, [LINES[0], {**LINES[1], "mode": "cto"}])
    assert done.code == 4
    assert "has 0 of 1 outputs for this question and mode (mode cot; its lines of this question are of cto)" in words(
        done.err
    )


def test_of_a_missing_output_the_remedy_is_not_to_resume(main: Cli, tmp_path: Path) -> None:
    """Another file is another run: a run that is gone on with would look into the file that lacks it."""
    done = replayed(main, tmp_path, LINES[:1])
    assert done.code == 4
    said = words(done.err)
    assert "--resume" not in said
    assert "Add them to the file, and run the same command again: another file is another run." in said
    shown = re.search(r"cotbench show (\S+) QUESTION --prompts", said)
    assert shown is not None
    [lost] = [row for row in map(json.loads, (tmp_path / shown[1] / "records.jsonl").read_text().splitlines())
              if row["outcome"] == "engine_error"]  # fmt: skip
    assert "What is 14 plus 5?" in main("show", shown[1], lost["question"], "--prompts").out
    again = replayed(main, tmp_path, LINES)
    assert again.code == 0, again.err
    assert again.out.splitlines()[-1] != shown[1]


@pytest.mark.parametrize(
    ("error", "is_lacking"),
    [
        ("o.jsonl has 0 of 1 outputs for this question and mode (mode cot)", True),
        ("o.jsonl has no score of this reply", True),
        ("connection refused", False),
    ],
)
def test_what_lacks_an_output(error: str, *, is_lacking: bool) -> None:
    assert lacks(error) is is_lacking


def test_tokens_that_nobody_knows_are_not_told_as_none(main: Cli, tmp_path: Path) -> None:
    assert "2 correct (2 requests)." in replayed(main, tmp_path, LINES).out
    told = replayed(main, tmp_path, [{**row, "completion_tokens": 4} for row in LINES])
    assert "2 correct (2 requests, 8 completion tokens)." in told.out


PLACES = ["4 5 6 14", "14 5 6 14", "(4 5) 6, 14", "5 6", "4 5 6"]


@pytest.mark.parametrize(
    ("part", "fits"),
    [
        ("5 6 14", [0, 1]),
        ("4 5 6 14", [0]),
        ("4 5) 6, 14", [2]),
        ("14 5", [1]),
        ("5 6", [0, 1, 3, 4]),
        ("5", [0, 1, 2, 3, 4]),
        ("4  5\n6", [0, 4]),
        ("6 5 4", []),
        ("4 5 6 1", []),
    ],
)
def test_a_part_is_found_wherever_it_stands(tmp_path: Path, part: str, fits: list[int]) -> None:
    (tmp_path / "o.jsonl").write_text(
        json.dumps({"question_part": part, "output": "-"}) + "\n" + json.dumps({"id": "0", "output": "-"}) + "\n"
    )
    questions = {str(n): Question(id=str(n), task="t", text=text) for n, text in enumerate(PLACES)}
    config = EngineConfig(model="m", model_args={"path": str(tmp_path / "o.jsonl")}, questions=questions)
    told = ReplayEngine(config).describe()
    if len(fits) > 1:
        assert f"{len(fits)} questions have this text" in told.warnings[0]
    else:
        assert told.notes[0].startswith(f"{1 + len(fits)} of 2 lines")
