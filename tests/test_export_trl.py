"""Exported chats and pairs in TRL's trainers. For an environment of their own, with torch and trl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_record, write_journal, write_run

from cotbench.types import Completion, Question

trl = pytest.importorskip("trl")
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]  # warnings are theirs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A vote over three paths of each question, one of them wrong and one long, with thoughts."""
    questions = [Question(id=f"n-{n}", task="t", text=f"What is {n} + {n}?") for n in range(4)]
    rows, replies = [], {}
    for n, question in enumerate(questions):
        right = {"answer": str(2 * n), "votes": 2, "outcome": "correct"}
        wrong = {"answer": str(2 * n + 1), "votes": 1, "outcome": "wrong"}
        rows.append(
            make_record(
                question=question.id, task="t", mode="self-consistency", outcome="correct", answer=str(2 * n),
                gold=str(2 * n), rule="contract", requests=[["sc", 0]],
                votes={"answers": [right, wrong], "ballots": [0, 1, 0], "abstained": {}, "margin": 1},
            )
        )  # fmt: skip
        texts = [(2 * n, 2), (2 * n + 1, 2), (2 * n, 9)]
        replies[question.id, "sc"] = [
            Completion(text=f"{'so ' * words}\nAnswer: {answer}", reasoning="hm", finish_reason="stop")
            for answer, words in texts
        ]
    folder = write_run(tmp_path / "r", questions, rows)
    write_journal(folder, replies)
    manifest = json.loads((folder / "manifest.json").read_text())
    data = {"t": {"licence": "MIT", "answer_type": "number"}}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "data": data}))
    return folder


def test_trl_trains_on_chats_and_pairs(run: Path, tiny: Path, main: Cli, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    common: dict[str, Any] = {
        "output_dir": str(tmp_path / "out"), "max_steps": 1, "per_device_train_batch_size": 2, "max_length": 128,
        "report_to": [], "use_cpu": True, "save_strategy": "no", "logging_strategy": "no",
    }  # fmt: skip
    for to, trainer, config in (
        ("sft", trl.SFTTrainer, trl.SFTConfig),
        ("preferences", trl.DPOTrainer, trl.DPOConfig),
    ):
        assert main("export", run, "--to", to, "--output", tmp_path / to).code == 0
        file, cache = str(tmp_path / to / "t.jsonl"), str(tmp_path / "cache")
        rows = datasets.load_dataset("json", data_files=file, split="train", cache_dir=cache)
        assert trl.data_utils.is_conversational(rows[0])
        assert len(rows) == (4 if to == "sft" else 8)
        done = trainer(model=str(tiny), args=config(**common), train_dataset=rows).train()
        assert done.training_loss > 0
