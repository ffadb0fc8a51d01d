"""The index of the stand-in's tasks. `TASKS` holds them by name; a test may put others there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

TASKS: dict[str, dict[str, Any]] = {}
DEFAULTS: dict[str, Any] = {
    "output_type": "generate_until",
    "dataset_path": "made/up",
    "dataset_name": None,
    "test_split": "test",
    "validation_split": None,
    "description": "",
    "doc_to_text": "{question}",
    "doc_to_target": "answer",
}


class Task:
    VERSION = 1.0

    def __init__(self, written: dict[str, Any]) -> None:
        self.rows = written["rows"]
        given = {key: value for key, value in written.items() if key not in ("rows", "choices")}
        self.choices = written.get("choices", "choices")
        self.config = SimpleNamespace(**{**DEFAULTS, **given}, to_dict=lambda: {**DEFAULTS, **given})

    def has_test_docs(self) -> bool:
        return self.config.test_split is not None

    def test_docs(self) -> list[dict[str, Any]]:
        print("as packages do")
        return self.rows

    validation_docs = test_docs

    def doc_to_text(self, row: dict[str, Any]) -> Any:
        text = self.config.doc_to_text
        return text.format(**row) if isinstance(text, str) else text(row)

    def doc_to_target(self, row: dict[str, Any]) -> Any:
        return row[self.config.doc_to_target]

    def doc_to_choice(self, row: dict[str, Any]) -> Any:
        return self.choices if isinstance(self.choices, list) else row[self.choices]


class TaskManager:
    def __init__(self) -> None:
        pass

    @property
    def task_index(self) -> dict[str, Any]:
        def kind(written: dict[str, Any]) -> str:
            return "TAG" if "tags" in written else "GROUP" if "group" in written else "TASK"

        return {
            name: SimpleNamespace(
                name=name,
                kind=SimpleNamespace(name=kind(written)),
                cfg={"test_split": "test", **written},
                tags=written.get("tags", []),
            )
            for name, written in TASKS.items()
        }

    def load(self, spec: dict[str, Any]) -> dict[str, Any]:
        [member] = spec["task"]
        return {"tasks": {member["task"]: Task({**TASKS[member["task"]], **member})}}
