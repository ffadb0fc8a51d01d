"""The verdicts of `verdicts.py`, as `cotbench score` gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from verdicts import VERDICTS

from cotbench.run.score_file import score_file
from cotbench.types import AnswerType


@pytest.mark.parametrize("answer_type", list(VERDICTS))
def test_verdicts(answer_type: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {**row, "id": f"{kind} {place}"}
        for kind, members in VERDICTS[answer_type].items()
        for place, row in enumerate(members)
    ]
    path = tmp_path / "outputs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored, _ = score_file(path, AnswerType(answer_type), 2)
    errors = ("correct", "engine_error", "grader_timeout")
    missed = [
        (row["id"], row["output"], row["gold"], one.outcome, one.answer, row["want"])
        for row, one in zip(rows, scored, strict=True)
        if (one.outcome in errors if row["want"] == "not correct" else one.outcome != row["want"])
    ]
    assert not missed
    assert len(rows) >= {"number": 180, "letter": 30, "latex": 70}[answer_type]
