"""Run folders written by hand, with a journal, for what looks at single questions; and a task with formulas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cotbench.store.journal import Journal
from cotbench.store.manifest import Imported, ImportedArm, ImportedFile, Manifest, Printed, read_manifest
from cotbench.store.questions import write_questions
from cotbench.store.records import Record
from cotbench.store.theirs import Reading, TheirsRow, write_theirs
from cotbench.types import Completion, Key, Message, Question, Reply, Request, Sampling

QUESTIONS = [
    Question(id=f"t-{i}", task="t", text=f"What is x if x = {i}?" if i < 4 else f"Question {i}?", cluster="")
    for i in range(10)
]
OUTCOMES = {"c": "correct", "w": "wrong", "u": "unparsed", "t": "truncated", "e": "engine_error", "g": "grader_timeout"}


def record_rows(folder: Path) -> list[dict[str, Any]]:
    """A run's records as JSON."""
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def make_record(**given: Any) -> Record:
    """A record with nothing in what isn't given; votes and executions as in JSON."""
    empty = {
        "rule": "", "span": None, "truncated": False, "prompt_tokens": None,
        "completion_tokens": None, "requests": [], "error": "",
    }  # fmt: skip
    return msgspec.convert(empty | given, Record)


def make_run(
    folder: Path, outcomes: Mapping[str, str], *, model: str = "m", questions: Sequence[Question] = QUESTIONS
) -> Path:
    """Writes a run. outcomes: mode -> one letter a question.

    c: right, w: wrong, u: unparsed, t: truncated, e: failed, g: grader timeout, -: none.
    """
    records = [
        make_record(
            question=question.id,
            task=question.task,
            mode=mode,
            outcome=OUTCOMES[letter],
            answer="1" if letter in "cwg" else None,
            gold="1",
            truncated=letter == "t",
            rule="last" if letter == "w" else "contract",
            prompt_tokens=10,
            completion_tokens=4 if mode == "direct" else 40,
        )
        for mode, letters in outcomes.items()
        for question, letter in zip(questions, letters, strict=True)
        if letter != "-"
    ]
    return write_run(folder, questions, records, model=model)


def write_run(folder: Path, questions: Sequence[Question], records: Sequence[Record], *, model: str = "m") -> Path:
    folder.mkdir(parents=True)
    write_questions(folder, questions, {q.id: "1" for q in questions} | {r.question: r.gold for r in records})
    (folder / "records.jsonl").write_bytes(b"".join(record.line() for record in records))
    spec: dict[str, Any] = {
        "model": {
            "engine": "vllm",
            "model": model,
            "revision": "r1",
            "chat_template": "model",
            "chat_template_hash": "h",
            "system_role": "native",
        },
        "tasks": {task: {"data": "d1"} for task in dict.fromkeys(q.task for q in questions)},
        "modes": {f"{r.task}/{r.mode}": {} for r in records},
        "num_fewshot": 0,
        "arms": 1,  # names are those of arms
        "seed": 0,
    }
    Manifest(run=folder.name, status="finished", spec_row=spec, options={"model": model}, engine={}, data={}).write(
        folder
    )
    return folder


def write_journal(folder: Path, replies: Mapping[tuple[str, str], Sequence[Completion]]) -> None:
    """replies: by question and name of the request, which is its address too."""
    journal = Journal(folder / "journal.jsonl", 0)
    entries = []
    for (question, name), paths in replies.items():
        request = Request(
            messages=(Message(role="user", text=f"Asked as {name}."),),
            sampling=Sampling(max_tokens=99, n=len(paths)),
            template=name,
        )
        entries.append((Key(question, name, 0, 0), request, None, Reply(completions=tuple(paths))))
    journal.append(entries)
    journal.close()


def write_formulas(folder: Path, count: int, *, form: str = "<answer>") -> Path:
    """A task file whose answers SymPy compares where they aren't the same text. form: of an answer in its box."""
    rows = [
        {"q": f"What is x in {i}?", "a": rf"\frac{{{2 * i + 1}}}{{{i + 2}}} + \sqrt{{{i + 2}}}"} for i in range(count)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "formulas.yaml"
    path.write_text(
        f"name: formulas\nabout: formulas\nsource: {{file: rows.jsonl, rows: {count}, licence: Apache-2.0}}\n"
        "fields: {question: q, gold: a}\ngold_reader: plain\n"
        f"answer: {{type: latex, form: '\\boxed{{{form}}}', phrase: where <answer> is the result}}\n"
    )
    return path


def answer_of(out: str) -> str:
    """The main finding in what `cotbench report` printed: the line above the one that says where the files are."""
    lines = out.splitlines()
    return lines[next(place for place, line in enumerate(lines) if line.startswith("Written to")) - 1]


def make_imported(
    folder: Path,
    outcomes: Mapping[str, str],
    theirs: Mapping[str, Mapping[str, Sequence[tuple[float | None, str | None]]]],
    *,
    questions: Sequence[Question] = QUESTIONS,
    printed: Mapping[str, float] | None = None,
    not_recorded: Sequence[str] = ("tokens", "finish_reason"),
) -> Path:
    """Writes a run as one that was imported: without tokens, and with the tool's verdicts.

    theirs: by mode and reading, of each question a score and what they read. printed: by mode, the figure in the log,
    of the first reading. The first reading of a mode is its verdict where none is named."""
    make_run(folder, outcomes, questions=questions)
    rows = [row | {"prompt_tokens": None, "completion_tokens": None} for row in record_rows(folder)]
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_theirs(
        folder,
        [
            TheirsRow(
                question=question.id,
                mode=mode,
                place=f"{mode}.jsonl:{number}",
                readings={
                    name: Reading(metric="exact_match", scores=(found[number - 1][0],), answers=(found[number - 1][1],))
                    for name, found in readings.items()
                },
            )
            for mode, readings in theirs.items()
            for number, question in enumerate(questions, 1)
        ],
    )
    manifest = read_manifest(folder)
    figures = printed or {}
    manifest.imported = Imported(
        arms={
            f"{questions[0].task}/{mode}": ImportedArm(
                format="lm-eval",
                version="0.4.9",
                files=[ImportedFile(name=f"{mode}.jsonl", fingerprint="ab12")],
                reading=next(iter(readings)),
                figures=[Printed(name="exact_match", value=figures[mode], reading=next(iter(readings)))]
                if mode in figures
                else [],
                not_recorded=list(not_recorded),
            )
            for mode, readings in theirs.items()
        }
    )
    manifest.write(folder)
    return folder


# Our outcomes on ten questions, and what a tool made of the same outputs by two readings, the stricter one its verdict.
MINE = {"direct": "ccccwwwwuu", "cot": "cccccccwwu"}
_RIGHT, _WRONG, _NOTHING = (1.0, "1"), (0.0, "2"), (0.0, None)
BY_DEFAULT: Mapping[str, Mapping[str, Sequence[tuple[float | None, str | None]]]] = {
    "direct": {"strict": [_RIGHT] * 3 + [_WRONG] * 5 + [_RIGHT, _NOTHING], "flexible": [_RIGHT] * 4 + [_WRONG] * 6},
    "cot": {
        "strict": [_RIGHT] * 2 + [_NOTHING] * 5 + [_WRONG, _RIGHT, (0.0, "3")],
        "flexible": [_RIGHT] * 8 + [_WRONG] * 2,
    },
}
