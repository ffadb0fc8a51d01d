"""`cotbench score`: files of outputs from any source, and recorded runs graded again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import record_rows

from cotbench.answers.kinds import KINDS
from cotbench.errors import DataError, RunError
from cotbench.runs.rescore import score_run
from cotbench.runs.score_file import read_outputs, score_file
from cotbench.store.manifest import read_manifest
from cotbench.store.records import RECORDS
from cotbench.types import AnswerType

NUMBER, LETTER, LATEX = AnswerType.NUMBER, AnswerType.LETTER, AnswerType.LATEX


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def row(output: str, gold: Any, **more: Any) -> dict[str, Any]:
    return {"id": more.pop("id", "q"), "output": output, "gold": gold, **more}


def test_one_line_each_in_order(tmp_path: Path, main: Cli) -> None:
    path = write(
        tmp_path / "outputs.jsonl",
        row("6 * 7 = 42, so\nAnswer: 42", "42", id="a"),
        row("She has 41 left.", 42, id=7),
        "",
        row("No idea.", "1,000", id="c"),
        row("There are 16 eggs, then 9", 9, id="d", finish_reason="length"),
    )
    out = tmp_path / "scored.jsonl"
    result = main("score", str(path), "--answer-type", "number", "--output", str(out))
    assert result.code == 0, result.err
    scored = [json.loads(line) for line in out.read_text().splitlines()]
    assert scored == [
        {"id": "a", "answer": "42", "outcome": "correct", "rule": "contract", "span": [23, 25]},
        {"id": 7, "answer": "41", "outcome": "wrong", "rule": "last", "span": [8, 10]},
        {"id": "c", "answer": None, "outcome": "unparsed", "rule": "", "span": None},
        {"id": "d", "answer": None, "outcome": "truncated", "rule": "", "span": None},
    ]
    assert "4 outputs" in result.out
    assert "last (vague)" in result.out


def test_lines_to_stdout_and_the_summary_to_stderr(tmp_path: Path, main: Cli) -> None:
    path = write(tmp_path / "o.jsonl", row("Answer: 1", 1), row("Answer: 2", 1))
    result = main("score", str(path), "--answer-type", "number")
    assert [json.loads(line)["outcome"] for line in result.out.splitlines()] == ["correct", "wrong"]
    assert "2 outputs" in result.err


def test_json_is_one_document(tmp_path: Path, main: Cli) -> None:
    path = write(tmp_path / "o.jsonl", row("\\boxed{\\frac12}", "0.5"), row("\\boxed{2}", "$\\boxed{3}$"))
    found = json.loads(main("score", str(path), "--answer-type", "latex", "--json").out)
    assert found["outputs"] == 2
    assert found["outcomes"] == {"correct": 1, "wrong": 1}
    assert found["accuracy"] == 0.5
    assert found["rules"] == {"boxed": 2}
    assert found["vague"] == 0


@pytest.mark.parametrize(
    ("answer_type", "given", "output", "outcome"),
    [
        (NUMBER, "18", "Answer: $18.00", "correct"),
        (NUMBER, 18.0, "Answer: 18", "correct"),
        (NUMBER, "#### 1,018", "Answer: 1018", "correct"),
        (NUMBER, "18 dollars", "Answer: 18", "correct"),
        (LATEX, "So it is $\\boxed{\\frac{1}{2}}$.", "Answer: 0.5", "correct"),
        (LATEX, 5, "Answer: \\boxed{5}", "correct"),
        (LETTER, "C", "Answer: C", "correct"),
        (LETTER, "(c)", "Answer: C", "correct"),
        (LETTER, "Plane", "Answer: C", "correct"),
        (LETTER, "A", "Answer: C", "wrong"),
    ],
)
def test_golds_as_people_write_them(
    tmp_path: Path, answer_type: AnswerType, given: Any, output: str, outcome: str
) -> None:
    options = {"choices": ["Boat", "Train", "Plane"]} if answer_type is LETTER else {}
    [scored], _ = score_file(write(tmp_path / "o.jsonl", row(output, given, **options)), answer_type, 1)
    assert scored.outcome == outcome


def test_choices_may_be_their_number_or_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.jsonl",
        row("Answer: C", "C", choices=4),
        row("Answer: E", "A", choices=4),
        row("Answer: J", "J"),
        row("Answer: K", "J"),
        row("Answer: 5", "B", choices=[4, 5]),
    )
    scored, _ = score_file(path, LETTER, 1)
    assert [one.answer for one in scored] == ["C", None, "J", None, "B"]


@pytest.mark.parametrize("answer_type", AnswerType)
def test_gold_never_changes_the_answer(tmp_path: Path, answer_type: AnswerType) -> None:
    outputs = [
        "Answer: B",
        "So \\boxed{\\frac12} or 7.",
        "The answer is (A), not 3.",
        "**12** apples",
        "It is C",
        "x = 5",
    ]
    golds: tuple[Any, Any] = {
        NUMBER: (1, "12"),
        LATEX: ("\\frac12", "12"),
        LETTER: ("A", "B"),
        AnswerType.DECIMAL: (1, "12"),
        AnswerType.TEXT: ("B", ["It", "x"]),
        AnswerType.BOOLEAN: (True, "no"),
        AnswerType.CHOICE: ("12", "It"),
        AnswerType.EXPRESSION: ("1 2", "3 7"),
        AnswerType.LIST: (["B", "A"], "B"),
        AnswerType.LETTERS: ("AC", "B"),
        AnswerType.NUMBER_OR_NONE: ("none", 12),
    }[answer_type]
    choices = ["It", "12", "x"] if answer_type is AnswerType.CHOICE else 4
    read = []
    for gold in golds:
        path = write(tmp_path / "o.jsonl", *(row(text, gold, choices=choices) for text in outputs))
        scored, _ = score_file(path, answer_type, 1)
        read.append([(one.answer, one.rule, one.span) for one in scored])
    assert read[0] == read[1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "o.jsonl:2: not valid JSON"),
        ("[1]", "o.jsonl:2: expected a JSON object, found list"),
        ({"id": 1, "output": "x"}, "o.jsonl:2: gold is missing"),
        ({"output": "x", "gold": 1}, "o.jsonl:2: id is missing"),
        ({"id": 1, "output": None, "gold": 1}, "o.jsonl:2: output is None, expected a text"),
        ({"id": [1], "output": "x", "gold": 1}, "o.jsonl:2: id is [1]"),
        ({"id": 1, "output": "x", "gold": "many"}, "o.jsonl:2: gold is 'many', which holds no number"),
        ({"id": 1, "output": "x", "gold": True}, "o.jsonl:2: gold is True"),
        ({"id": 1, "output": "x", "gold": ""}, "o.jsonl:2: gold is ''"),
        ({"id": 1, "output": {"x": 1}, "gold": 1}, "o.jsonl:2: output is {'x': 1}, expected a text"),
        ({"id": 1, "output": 5, "gold": 1}, "o.jsonl:2: output is 5, expected a text"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_others_are_scored(
    tmp_path: Path, main: Cli, line: Any, says: str
) -> None:
    path = write(tmp_path / "o.jsonl", row("Answer: 1", 1), line, row("Answer: 2", 2, id="c"))
    result = main("score", str(path), "--answer-type", "number", "--output", str(tmp_path / "s.jsonl"))
    assert result.code == 4
    assert "1 of 3 lines can't be used" in result.err
    assert says in result.err
    scored = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert [one["outcome"] for one in scored] == ["correct", "invalid", "correct"]
    assert says in scored[1]["error"]
    assert scored[1]["id"] == (1 if isinstance(line, dict) and line.get("id") == 1 else None)
    found = json.loads(main("score", str(path), "--answer-type", "number", "--json").out)
    assert (found["outputs"], found["accuracy"], len(found["faults"])) == (3, 1.0, 1)


def test_a_file_of_lines_that_cannot_be_used(tmp_path: Path, main: Cli) -> None:
    path = write(tmp_path / "o.jsonl", row("Answer: 1", "many"), row("Answer: 2", "few"))
    result = main("score", str(path), "--answer-type", "number", "--output", str(tmp_path / "s.jsonl"))
    assert result.code == 3
    assert "o.jsonl:1: gold is 'many', which holds no number" in result.err
    assert result.out == ""
    assert not (tmp_path / "s.jsonl").exists()


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"finish_reason": None}, "wrong"),
        ({"finish_reason": ""}, "wrong"),
        ({"finish_reason": "eos"}, "wrong"),
        ({"finish_reason": "STOP"}, "wrong"),
        ({"finish_reason": "stop_sequence"}, "wrong"),
        ({"finish_reason": "as the wind blows"}, "wrong"),
        ({"finish_reason": "max_tokens"}, "truncated"),
        ({"finish_reason": "MAX_TOKENS"}, "truncated"),
        ({"finish_reason": {"type": "length"}}, "truncated"),
        ({"finish_reason": "tool_calls"}, "engine_error"),
        ({"prompt_tokens": 20.0, "completion_tokens": -5}, "wrong"),
        ({"completion_tokens": 10**400}, "wrong"),
    ],
)
def test_servers_own_words_and_counts(tmp_path: Path, more: dict[str, Any], outcome: str) -> None:
    """A last number is an answer of a text that is complete only."""
    path = write(tmp_path / "o.jsonl", row("There are 16 eggs, then 9", 8, **more))
    [scored], summary = score_file(path, NUMBER, 1)
    assert scored.outcome == outcome
    assert summary.unknown == (("finish_reason 'as the wind blows'",) if "wind" in str(more) else ())


def test_an_output_in_parts_and_reasoning_beside_it(tmp_path: Path) -> None:
    parts = [
        {"type": "thinking", "thinking": "Answer: 7"},
        {"type": "text", "text": "Answer: "},
        {"type": "text", "text": "8"},
    ]
    path = write(tmp_path / "o.jsonl", row(parts, 8), row("Answer: 8", 8, reasoning="Answer: 7"))  # type: ignore[arg-type]
    scored, _ = score_file(path, NUMBER, 1)
    assert [(one.answer, one.outcome) for one in scored] == [("8", "correct")] * 2


def test_json_as_servers_write_it(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    good = json.dumps(row("Answer: 1", 1))
    path.write_bytes(
        b"\xef\xbb\xbf" + good.encode() + b"\r\n"
        + good.replace("Answer: 1", "\\ud83d Answer: 1").encode() + b"\n"
        + good.replace('"id"', '"logprob": -Infinity, "id"').encode() + b"\n"
        + good.replace("Answer: 1", "A tab\tand Answer: 1").encode() + b"\n"
    )  # fmt: skip
    scored, summary = score_file(path, NUMBER, 1)
    assert [one.outcome for one in scored] == ["correct"] * 4
    assert summary.faults == ()


@pytest.mark.parametrize(
    ("gold", "choices", "says"),
    [
        ("E", 4, "expected a letter from A to D"),
        ("Ship", ["Boat", "Train"], "expected a letter from A to B or the text of an option"),
        ("A", 0, "choices is 0"),
        ("A", [], "choices is []"),
        ("A", "ABCD", "choices is 'ABCD'"),
        ("A", 27, "choices is 27"),
        ("A", 3.5, "choices is 3.5"),
        ("D", 3.0, "expected a letter from A to C"),
    ],
)
def test_letters_and_their_options_must_fit(tmp_path: Path, gold: str, choices: Any, says: str) -> None:
    with pytest.raises(DataError, match=r"o\.jsonl:1") as raised:
        read_outputs(write(tmp_path / "o.jsonl", row("Answer: A", gold, choices=choices)), LETTER)
    assert says in raised.value.message


def test_usage(tmp_path: Path, main: Cli) -> None:
    path = write(tmp_path / "o.jsonl", row("Answer: 1", 1))
    none = main("score", str(path))
    assert (none.code, f"--answer-type: expected {', '.join(AnswerType)}, found none" in none.err) == (2, True)
    other = main("score", str(path), "--answer-type", "word")
    assert (other.code, "found 'word'" in other.err) == (2, True)
    missing = main("score", str(tmp_path / "no.jsonl"), "--answer-type", "number")
    assert (missing.code, "there is no such file" in missing.err) == (3, True)
    empty = main("score", str(write(tmp_path / "e.jsonl")), "--answer-type", "number")
    assert (empty.code, "holds no lines" in empty.err) == (3, True)


# --- recorded runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path, main: Cli) -> Path:
    result = main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "-o", str(tmp_path / "r"), "-q")
    assert result.code == 0, result.err
    return Path(result.out.splitlines()[-1])


def test_a_run_is_graded_again_to_the_same_bytes(recorded: Path, main: Cli) -> None:
    before = (recorded / RECORDS).read_bytes()
    result = main("score", str(recorded))
    assert result.code == 0, result.err
    assert "96 answers graded again: 0 changed their verdict" in result.out
    assert (recorded / RECORDS).read_bytes() == before
    assert read_manifest(recorded).sessions[-1]["command"] == ["cotbench", "score"]


def test_changed_verdicts_are_named_and_written(recorded: Path, main: Cli) -> None:
    good = (recorded / RECORDS).read_bytes()
    rows = record_rows(recorded)
    right = next(r for r in rows if r["outcome"] == "correct" and r["mode"] == "cot")
    changed = [
        {**r, "outcome": "unparsed", "answer": None, "rule": "", "span": None} if r is right else r for r in rows
    ]
    bad = "".join(json.dumps(r) + "\n" for r in changed).encode()
    (recorded / RECORDS).write_bytes(bad)

    tried = json.loads(main("score", str(recorded), "--dry-run", "--json").out)
    assert tried["verdicts_changed"] == 1
    [change] = tried["changes"]
    assert (change["question"], change["mode"]) == (right["question"], "cot")
    assert (change["before"]["outcome"], change["after"]["outcome"]) == ("unparsed", "correct")
    assert change["after"]["answer"] == right["answer"]
    assert (recorded / RECORDS).read_bytes() == bad

    said = main("score", recorded.name, "-o", str(recorded.parent)).out
    assert "1 changed their verdict" in said
    assert right["question"] in said
    assert (recorded / RECORDS).read_bytes() == good
    assert read_manifest(recorded).totals["outcomes"]["correct"] == sum(r["outcome"] == "correct" for r in rows)


def test_a_run_whose_journal_lacks_a_reply_is_refused(recorded: Path) -> None:
    before = (recorded / RECORDS).read_bytes()
    journal = recorded / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(RunError, match="its journal lacks a reply"):
        score_run(recorded, 1)
    assert (recorded / RECORDS).read_bytes() == before


def test_options_of_files_are_refused_for_runs(recorded: Path, main: Cli) -> None:
    result = main("score", str(recorded), "--answer-type", "letter")
    assert (result.code, "is no file" in result.err) == (2, True)


# --- workers ------------------------------------------------------------------------------------------------------


def kills(gold: str, answer: str) -> bool:
    import os
    import signal

    if answer == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return True


@pytest.mark.patient
def test_an_output_that_kills_its_worker_twice_is_named(
    tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "latex", replace(KINDS["latex"], judge=kills))
    rows = [row("\\boxed{x}", "x+1", id="fine"), row("\\boxed{bad}", "x^2", id="bad one")]
    path = write(tmp_path / "o.jsonl", *rows)
    result = main("score", str(path), "--answer-type", "latex", "--output", str(tmp_path / "s.jsonl"))
    assert result.code == 0, result.err
    outcomes = {r["id"]: r["outcome"] for r in map(json.loads, (tmp_path / "s.jsonl").read_text().splitlines())}
    assert outcomes == {"fine": "correct", "bad one": "grader_timeout"}
    assert "ended its process twice" in result.out
    assert "bad one" in result.out


# A line's answer type, gold and options, its output, and what comes of it.
NEW_KINDS: list[tuple[str, Any, Any, str, str, float | None]] = [
    ("text", "The Beatles", None, "Answer: Beatles", "correct", None),
    ("text", ["Bob Hill", "Robert Hill"], None, "The answer is Robert Hill.", "correct", None),
    ("text", "Lerner and Loewe", None, "Answer: Loewe and Lerner", "wrong", 1.0),
    ("text", "Robert Altman", None, "Answer: Altman", "wrong", 2 / 3),
    ("boolean", True, None, "Answer: yes", "correct", None),
    ("boolean", "False", None, "It isn't plausible.", "correct", None),
    ("boolean", "no", None, "Yes.", "wrong", None),
    ("choice", "uncertain", ["True", "False", "Uncertain"], "It can't be determined from this.", "correct", None),
    ("choice", False, ["True", "False"], "Answer: not true", "correct", None),
    ("expression", "4 6 8 8", None, "Answer: 4 * 6 + 8 - 8 = 24", "correct", None),
    ("expression", "4 6 8 8", None, "Answer: 4 * 6", "wrong", None),
    ("expression", "4 6 8 8", None, "Answer: 4 * 6 * 8 / 8 + 0", "wrong", None),
    ("expression", "3 3 8 8", None, r"\boxed{\frac{8}{3-\frac{8}{3}}}", "correct", None),
    ("list", "apple birch", None, "Answer: Apple, birch", "correct", None),
    ("list", ["apple", "birch"], None, "Answer: birch, apple", "wrong", None),
    ("list", "] )", None, "Answer: ])", "correct", None),
    ("letters", "A, C", 4, "Answer: C and A", "correct", None),
    ("letters", ["A", "C"], 4, "Answer: A", "wrong", None),
    ("number-or-none", "None", None, "There is not enough information to tell.", "correct", None),
    ("number-or-none", "none", None, "Answer: 7", "wrong", None),
    ("number-or-none", 7, None, "Answer: none", "declined", None),
]


@pytest.mark.parametrize(("answer_type", "gold", "choices", "output", "outcome", "score"), NEW_KINDS)
def test_kinds_without_a_number_a_formula_or_one_letter(
    tmp_path: Path, answer_type: str, gold: Any, choices: Any, output: str, outcome: str, score: float | None
) -> None:
    given = {} if choices is None else {"choices": choices}
    [scored], _ = score_file(write(tmp_path / "o.jsonl", row(output, gold, **given)), answer_type, 1)
    assert (scored.outcome, scored.score) == (outcome, score if score is None else pytest.approx(score)), scored


@pytest.mark.parametrize(
    ("answer_type", "gold", "choices", "says"),
    [
        ("choice", "True", None, "expected a list of the words"),
        ("choice", "maybe", ["True", "False"], "expected one of True, False"),
        ("boolean", "perhaps", None, "expected yes or no"),
        ("expression", "24", None, "expected the numbers to be used"),
        ("letters", "E", 4, "expected letters from A to D"),
        ("list", "...", None, "expected items"),
        ("number", "none", None, "which holds no number"),
        ("number", True, None, "expected the right answer"),
        ("text", [], None, "expected the right answer"),
    ],
)
def test_golds_that_a_kind_can_not_have(tmp_path: Path, answer_type: str, gold: Any, choices: Any, says: str) -> None:
    given = {} if choices is None else {"choices": choices}
    with pytest.raises(DataError, match=r"o\.jsonl:1") as raised:
        read_outputs(write(tmp_path / "o.jsonl", row("Answer: A", gold, **given)), answer_type)
    assert says in raised.value.message
