"""lm-eval writes a log for each subject of MMLU and each part of BBH: a folder of them is one arm of one task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logs_made import TIME, lm_eval

from cotbench.runs.importing import ImportOptions, ImportResult, import_logs
from cotbench.store.manifest import read_manifest
from cotbench.store.questions import read_questions

SUBJECTS = ("anatomy", "astronomy", "college_biology")
LETTERS = "ABCD"


def rows_of(subject: str, count: int = 4) -> list[dict[str, Any]]:
    """Rows in MMLU's columns."""
    return [
        {
            "question": f"Of {subject}: which number follows {n} when counting?",
            "subject": subject,
            "choices": [str(n + more) for more in ((1, 2, 3, 5) if n % 4 == 0 else (7, 1, 3, 5))],
            "answer": 0 if n % 4 == 0 else 1,
        }
        for n in range(10, 10 + count)
    ]


def line(number: int, row: dict[str, Any], target: str, output: str, *, likelihood: bool) -> dict[str, Any]:
    """A line of one subject's log, right where the output names the right letter."""
    prompt, right = f"{row['question']}\nAnswer:", output.strip(" .()")[-1:] == LETTERS[row["answer"]]
    both = {"doc_id": number, "doc": row, "doc_hash": f"{row['subject']}-{number}", "target": target}
    if likelihood:
        likely = [[str(-1.0 if letter == output else -2.0), "False"] for letter in LETTERS]
        asked = {f"gen_args_{n}": {"arg_0": prompt, "arg_1": f" {letter}"} for n, letter in enumerate(LETTERS)}
        replies = {"resps": [[one] for one in likely], "filtered_resps": likely, "filter": "none"}
        return {**both, **replies, "arguments": asked, "metrics": ["acc"], "acc": float(right)}
    asked = {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": ["</s>"], "do_sample": False}}}
    replies = {"resps": [[output]], "filtered_resps": [output], "filter": "get_response"}
    return {**both, **replies, "arguments": asked, "metrics": ["exact_match"], "exact_match": float(right)}


def arm(folder: Path, task: str, output: str, *, target: str, likelihood: bool = False) -> Path:
    """A folder with a log for each subject, in which `output` is the reply to all questions."""
    told: dict[str, Any] = {}
    for subject in SUBJECTS:
        name = task.format(subject)
        targets = {
            "index": str,
            "letter": lambda place: LETTERS[place],
            "brackets": lambda place: f"({LETTERS[place]})",
        }
        lines = [
            line(n, row, targets[target](row["answer"]), output, likelihood=likelihood)
            for n, row in enumerate(rows_of(subject))
        ]
        kind = "multiple_choice" if likelihood else "generate_until"
        lm_eval(folder, name, lines, dataset_path="cais/mmlu", dataset_name=subject, output_type=kind)
        one = json.loads((folder / f"results_{TIME}.json").read_text())
        told = {**one, "configs": {**told.get("configs", {}), **one["configs"]}}
    (folder / f"results_{TIME}.json").write_text(json.dumps(told))
    return folder


def made(folder: Path, *paths: Path, **options: Any) -> ImportResult:
    [result] = import_logs(ImportOptions(paths=paths, arms=("direct", "cot"), **options), folder / "runs")
    return result


@pytest.mark.parametrize("task", ["mmlu", ""])
@pytest.mark.parametrize(("target", "likelihood"), [("index", True), ("letter", True), ("letter", False)])
def test_a_folder_of_subjects_is_one_arm_of_one_task(tmp_path: Path, task: str, target: str, likelihood: bool) -> None:
    name = "mmlu_{}" if likelihood else "mmlu_{}_generative"
    direct = arm(tmp_path / "direct", name, "B", target=target, likelihood=likelihood)
    cot = arm(tmp_path / "cot", "mmlu_flan_cot_zeroshot_{}", "Let's see. The answer is (A).", target="brackets")
    result = made(tmp_path, direct, cot, task=task)
    [found] = result.tasks
    assert (found.name, found.questions, found.pairs, found.by_rows, found.kind) == ("mmlu", 12, 12, True, "letter")
    right = [sum(row["answer"] == place for row in rows_of("x")) / 4 for place in (1, 0)]
    assert [one.accuracy for one in found.arms] == right == [one.theirs for one in found.arms]
    questions, golds = read_questions(result.folder, read_manifest(result.folder))
    assert {question.group for question in questions.values()} == set(SUBJECTS)
    assert set(golds.values()) == {"A", "B"}


def test_parts_are_read_by_their_own_part_of_the_task_and_a_row_left_out_counts_once(tmp_path: Path) -> None:
    rows = {
        "boolean_expressions": [
            {"input": "not False is", "target": "True"},
            {"input": "not True is", "target": "False"},
        ],
        "word_sorting": [{"input": "Sort: pear fig", "target": "fig pear"}],
        "snarks": [
            {"input": "Which is it?\nOptions:\n(A) this one\n(B) that one", "target": "(B)"},
            {"input": "Which is it?\nOptions:\n(A) this one\n(B) this one", "target": "(B)"},
        ],
    }
    folders = []
    for name in ("direct", "cot"):
        told: dict[str, Any] = {}
        for part, own in rows.items():
            lines = [
                {
                    "doc_id": n,
                    "doc": row,
                    "doc_hash": f"{part}{n}",
                    "target": row["target"],
                    "arguments": {"gen_args_0": {"arg_0": f"Q: {row['input']}\nA:", "arg_1": {"until": ["\n"]}}},
                    "resps": [[f"The answer is {row['target']}"]],
                    "filtered_resps": [row["target"]],
                    "filter": "none",
                    "metrics": ["exact_match"],
                    "exact_match": 1.0,
                }
                for n, row in enumerate(own)
            ]
            task = f"bbh_{name}_{part}"
            lm_eval(tmp_path / name, task, lines, dataset_path="lukaemon/bbh", dataset_name=part)
            one = json.loads((tmp_path / name / f"results_{TIME}.json").read_text())
            told = {**one, "configs": {**told.get("configs", {}), **one["configs"]}}
        (tmp_path / name / f"results_{TIME}.json").write_text(json.dumps(told))
        folders.append(tmp_path / name)
    result = made(tmp_path, *folders, task="bbh")
    [found] = result.tasks
    assert (found.questions, found.pairs) == (4, 4)
    assert [one.accuracy for one in found.arms] == [1.0, 1.0]
    assert list(found.left_out.values()) == [1]
    questions, _ = read_questions(result.folder, read_manifest(result.folder))
    assert {question.group for question in questions.values()} == set(rows)
