"""Outputs that are replayed by a part of the prompt, for modes that ask a turn several times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cotbench.engines import EngineConfig
from cotbench.engines.replay import ReplayEngine
from cotbench.errors import DataError
from cotbench.types import Completion, Key, Message, Question, Request, Sampling

PUZZLES = {"a": "Numbers: 4 5 6 14\n\nMake 24.", "b": "Numbers: 14 5 6 14\n\nMake 24."}


def engine(tmp_path: Path, rows: Sequence[dict[str, Any]]) -> ReplayEngine:
    outputs = tmp_path / "outputs.jsonl"
    outputs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    questions = {name: Question(id=name, task="t", text=text) for name, text in PUZZLES.items()}
    return ReplayEngine(EngineConfig(model="m", model_args={"path": str(outputs)}, questions=questions))


def ask(
    replay: ReplayEngine, prompt: str, *, question: str = "a", n: int = 1, ordinal: int = 0, template: str = "tot-value"
) -> Sequence[Completion]:
    messages = (Message(role="user", text="Numbers: 9 15\nJudge:"), Message(role="user", text=prompt))
    request = Request(messages=messages, sampling=Sampling(max_tokens=9, n=n), template=template)
    replay.submit(Key(question, request.hash, 0, ordinal), request)
    [(_, reply)] = replay.poll()
    return reply.completions


def texts(paths: Sequence[Completion]) -> list[str]:
    assert all(path.finish_reason == "stop" for path in paths), paths[0].error
    return [path.text for path in paths]


def row(prompt: object, output: str, **more: object) -> dict[str, Any]:
    return {"id": "a", "mode": "tot-value", "prompt": prompt, "output": output, **more}


def test_the_longest_part_that_stands_in_the_prompt_is_meant(tmp_path: Path) -> None:
    replay = engine(tmp_path, [row("Numbers: 4 5", "short"), row("Numbers:  4 5\n6", "long"), row("6 Judge:", "end")])
    assert texts(ask(replay, "Numbers: 4 5 6\nJudge:")) == ["long"]
    assert texts(ask(replay, "Numbers: 4 5\nJudge:")) == ["short"]
    assert texts(ask(replay, "Numbers: 7 6\nJudge:")) == ["end"]


def test_only_the_last_message_is_looked_at_so_that_examples_fit_nothing(tmp_path: Path) -> None:
    replay = engine(tmp_path, [row("Numbers: 9 15 Judge:", "example"), row("4 6", "own")])
    assert texts(ask(replay, "Numbers: 4 6\nJudge:")) == ["own"]


@pytest.mark.parametrize("prompt", ["Numbers: 14 5\nJudge:", "Numbers: 4 55\nJudge:"])
def test_a_part_ends_where_a_number_does(tmp_path: Path, prompt: str) -> None:
    [path] = ask(engine(tmp_path, [row("4 5", "no")]), prompt)
    assert path.finish_reason == "error"
    assert f"outputs.jsonl has 0 of 1 outputs for the prompt that ends {prompt!r}" in path.error


def test_all_of_several_parts_have_to_stand_there(tmp_path: Path) -> None:
    replay = engine(tmp_path, [row(["Numbers: 4 6", "easily"], "both"), row("Numbers: 4 6", "one")])
    assert texts(ask(replay, "Judge easily.\nNumbers: 4 6")) == ["both"]
    assert texts(ask(replay, "Judge.\nNumbers: 4 6")) == ["one"]


def test_lines_alike_are_paths_and_then_the_further_equal_requests(tmp_path: Path) -> None:
    replay = engine(tmp_path, [row("4 6", str(number)) for number in range(5)])
    assert texts(ask(replay, "4 6", n=2)) == ["0", "1"]
    assert texts(ask(replay, "4 6", n=2, ordinal=1)) == ["2", "3"]
    lacking = ask(replay, "4 6", n=2, ordinal=2)
    assert [path.finish_reason for path in lacking] == ["error", "error"]
    assert "has 1 of 2 outputs for the prompt with '4 6', asked 3 times" in lacking[0].error


def test_lines_without_a_part_serve_what_no_part_fits(tmp_path: Path) -> None:
    replay = engine(tmp_path, [row("4 6", "part"), {"id": "a", "mode": "tot-value", "output": "any"},
                               {"id": "a", "prompt": "9 9", "output": "any mode"}])  # fmt: skip
    assert texts(ask(replay, "4 6")) == ["part"]
    assert texts(ask(replay, "5 6")) == ["any"]
    assert texts(ask(replay, "9 9", template="other")) == ["any mode"]


def test_a_question_is_found_by_a_part_of_its_text(tmp_path: Path) -> None:
    replay = engine(tmp_path, [{"question_part": " 4 5 6\n14", "output": "first"},
                               {"question_part": "14 5 6 14", "output": "second"}])  # fmt: skip
    assert texts(ask(replay, "-", question="a")) == ["first"]
    assert texts(ask(replay, "-", question="b")) == ["second"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"question_part": "5 6 14", "output": "-"}, "2 questions have this text"),
        ({"question_part": " ", "output": "-"}, "question_part is empty"),
        ({"output": "-", "prompt": "x"}, "expected the keys 'output' and 'id', 'question' or 'question_part'"),
        ({"id": "a", "output": "-", "prompt": 3}, "prompt is 3, expected a part of the prompt, or a list of parts"),
        (
            {"id": "a", "output": "-", "prompt": ["x", ""]},
            "prompt is ['x', ''], expected a part of the prompt, or a list of parts",
        ),
    ],
)
def test_what_can_not_be_used_is_named(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as refused:
        engine(tmp_path, [wrong])
    assert f"outputs.jsonl:1: {said}" in str(refused.value)
    good = {"id": "a", "output": "-"}
    [warning] = engine(tmp_path, [wrong, good]).describe().warnings
    assert said in warning
