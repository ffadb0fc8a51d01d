"""The verdicts of `cases/verdicts.yaml`, as `cotbench score` gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cases import load, rows

from cotbench.runs.score_file import score_file
from cotbench.types import AnswerType

VERDICTS = load("verdicts")


def outputs(answer_type: str) -> list[dict[str, Any]]:
    """The rows of a type as lines of a file of outputs, with the verdict wanted."""
    lines = []
    for kind, table in VERDICTS[answer_type].items():
        for place, values in enumerate(rows(table, "output gold", optional="want choices finish_reason")):
            output, gold, want, choices, finish_reason = values
            line = {"id": f"{kind} {place}", "output": output, "gold": gold, "want": want or "correct"}
            if choices is not None:
                line["choices"] = int(choices) if isinstance(choices, str) else choices
            if finish_reason is not None:
                line["finish_reason"] = finish_reason
            lines.append(line)
    return lines


@pytest.mark.parametrize("answer_type", list(VERDICTS))
def test_verdicts(answer_type: str, tmp_path: Path) -> None:
    lines = outputs(answer_type)
    path = tmp_path / "outputs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    scored, _ = score_file(path, AnswerType(answer_type), 2)
    errors = ("correct", "engine_error", "grader_timeout")
    missed = [
        (line["id"], line["output"], line["gold"], one.outcome, one.answer, line["want"])
        for line, one in zip(lines, scored, strict=True)
        if (one.outcome in errors if line["want"] == "not correct" else one.outcome != line["want"])
    ]
    assert not missed
    assert len(lines) >= {"number": 180, "letter": 30, "latex": 70}[answer_type]
