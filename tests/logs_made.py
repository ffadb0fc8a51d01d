"""Logs as other tools write them, made by code: small, with questions of our own."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

TIME = "2026-02-03T04-05-06.789012"
Row = Mapping[str, Any]


def sums(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows of data in GSM8K's columns."""
    return [
        {
            "question": f"Ola has {n} pens and buys {n + 2} more. How many has she?",
            "answer": f"It is a sum.\n#### {2 * n + 2}",
        }
        for n in range(start, start + count)
    ]


def lm_eval_line(number: int, row: Row, output: str | Sequence[str], **changes: Any) -> dict[str, Any]:
    """A line of samples_*.jsonl for a row of `sums`."""
    gold = row["answer"].rpartition(" ")[2]
    outputs = [output] if isinstance(output, str) else list(output)
    found = next((word.strip(".") for word in outputs[0].split()[::-1] if word.strip(".").isdigit()), "[invalid]")
    line = {
        "doc_id": number,
        "doc": dict(row),
        "target": row["answer"],
        "arguments": {
            "gen_args_0": {
                "arg_0": f"Question: {row['question']}\nAnswer:",
                "arg_1": {"until": ["\n\n"], "do_sample": False, "temperature": 0.0, "max_gen_toks": 64},
            }
        },
        "resps": [outputs],
        "filtered_resps": [found],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": hashlib.sha256(json.dumps(dict(row)).encode()).hexdigest(),
        "prompt_hash": "p",
        "target_hash": "t",
        "exact_match": float(found == gold),
    }
    return {**line, **changes}


def write_lines(path: Path, lines: Sequence[Row]) -> Path:
    """Write JSON lines; packed where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def lm_eval(
    folder: Path,
    task: str,
    lines: Sequence[Row],
    *,
    model: str = "made/tiny",
    shots: int = 0,
    figures: Mapping[str, float] | None = None,
    packed: bool = False,
    results: bool = True,
    **config: Any,
) -> Path:
    """Write a log of lm-evaluation-harness, with its results beside it."""
    path = write_lines(folder / f"samples_{task}_{TIME}.jsonl{'.gz' if packed else ''}", lines)
    if results:
        told = {
            "results": {task: {"alias": task, **(figures or {})}},
            "configs": {
                task: {
                    "task": task,
                    "dataset_path": "openai/gsm8k",
                    "dataset_name": "main",
                    "test_split": "test",
                    "doc_to_text": "Question: {{question}}\nAnswer:",
                    "num_fewshot": shots,
                    "output_type": "generate_until",
                    "generation_kwargs": {"until": ["\n\n"], "do_sample": False, "temperature": 0.0},
                    "repeats": 1,
                    **config,
                }
            },
            "versions": {task: 3.0},
            "n-shot": {task: shots},
            "config": {"model": "hf", "model_args": f"pretrained={model},dtype=float32", "model_sha": "abc123"},
            "lm_eval_version": "0.4.9",
            "model_name": model,
            "chat_template_sha": None,
            "date": 1770091506.5,
        }
        (folder / f"results_{TIME}.json").write_text(json.dumps(told))
    return path


def pair(
    folder: Path, count: int = 6, answer: Callable[[int, Row], str] | None = None, **options: Any
) -> tuple[Path, Path]:
    """Two logs of the same sums: direct, right on even numbers, and CoT, right on all but the first."""

    def direct(number: int, row: Row) -> str:
        gold = int(row["answer"].rpartition(" ")[2])
        return f"The answer is {gold if number % 2 == 0 else gold + 1}."

    def cot(number: int, row: Row) -> str:
        gold = int(row["answer"].rpartition(" ")[2])
        return f"She adds both numbers.\nThe answer is {gold if number else gold + 1}."

    rows = sums(count)
    first = lm_eval(
        folder / "a",
        "gsm8k_direct",
        [lm_eval_line(n, r, (answer or direct)(n, r)) for n, r in enumerate(rows)],
        **options,
    )
    second = lm_eval(
        folder / "b",
        "gsm8k_cot",
        [lm_eval_line(n, r, cot(n, r)) for n, r in reversed(list(enumerate(rows)))],
        **options,
    )
    return first, second


def likely_line(number: int, row: Row, likely: Sequence[float], *, old: bool = False) -> dict[str, Any]:
    """A line of multiple choice by likelihood, in either form of `arguments`."""
    texts = row["choices"]["text"]
    ends = [f" {text}" for text in texts]
    prompt = f"Question: {row['question']}\nAnswer:"
    arguments: Any = [[prompt, end] for end in ends]
    if not old:
        arguments = {f"gen_args_{n}": {"arg_0": prompt, "arg_1": end} for n, end in enumerate(ends)}
    best = max(range(len(likely)), key=likely.__getitem__)
    right = row["choices"]["label"].index(row["answerKey"])
    by_length = max(range(len(likely)), key=lambda n: likely[n] / len(texts[n]))
    return {
        "doc_id": number,
        "doc": dict(row),
        "target": str(right),
        "arguments": arguments,
        "resps": [[[str(one), "False"]] for one in likely],
        "filtered_resps": [[str(one), "False"] for one in likely],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": f"h{number}",
        "acc": float(best == right),
        "acc_norm": float(by_length == right),
    }


def choices_of(count: int) -> list[dict[str, Any]]:
    """Rows of data in ARC's columns."""
    return [
        {
            "question": f"Which number follows {n} when counting?",
            "choices": {"text": [str(n), str(n + 1), f"the double of {n}"], "label": ["A", "B", "C"]},
            "answerKey": "B",
        }
        for n in range(10, 10 + count)
    ]
