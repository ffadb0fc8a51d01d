"""Logs as other tools write them, made here by code: small, with what the readers of `cotbench/logs/` have to know."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa


def zipped(path: Path, members: dict[str, Any], *, method: int = 93, frames: int = 1) -> Path:
    """A zip file with some members, JSON where they aren't bytes, packed by a method: 0, 8 (deflate) or 93 (zstd, in
    so many frames)."""
    directory, out = b"", b""
    for name, value in members.items():
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        packed = _packed(data, method, frames)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0, zlib.crc32(data), len(packed), len(data), len(name), 0)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + name.encode()
        )
        out += b"PK\x03\x04" + fields + name.encode() + packed
    count = len(members)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(out), 0)
    path.write_bytes(out + directory + end)
    return path


def _packed(data: bytes, method: int, frames: int) -> bytes:
    if method == 8:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()
    if method == 93:
        size = max(1, -(-len(data) // frames))
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return b"".join(pa.Codec("zstd").compress(piece, asbytes=True) for piece in pieces)
    return data


def header(**changes: Any) -> dict[str, Any]:
    """What an Inspect log says of itself: two questions with options, asked twice."""
    told = {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "sums/letters",
            "task_args": {"subset": "easy"},
            "model": "acme/one",
            "model_args": {"device": "cpu"},
            "model_generate_config": {"temperature": 1.0, "max_connections": 4},
            "created": "2026-03-01T10:00:00+00:00",
            "dataset": {"name": "sums", "location": "acme/sums", "samples": 2, "sample_ids": [2, "b/1"]},
            "config": {"epochs": 2},
            "packages": {"inspect_ai": "0.3.285"},
            "scorers": [{"name": "choice"}],
        },
        "plan": {
            "steps": [
                {"solver": "system_message", "params": {"template": "Be brief."}},
                {"solver": "inspect_ai/multiple_choice", "params": {"cot": True, "max_tokens": 64}},
            ],
            "config": {"temperature": 0.5, "stop_seqs": ["END"], "reasoning_effort": "low"},
        },
        "results": {
            "scores": [
                {
                    "name": "choice",
                    "scorer": "choice",
                    "metrics": {"accuracy": {"value": 0.75}, "stderr": {"value": 0.1}, "odd": {"value": None}},
                },
                {"name": "style", "scorer": "judge", "metrics": {"mean": {"value": 0.5}}},
            ]
        },
    }
    return told | changes


def inspect_sample(name: int | str, epoch: int = 1, letter: str = "A", **changes: Any) -> dict[str, Any]:
    text = f"Two and {name} are?"
    sample = {
        "id": name,
        "epoch": epoch,
        "input": "attachment://aa",
        "choices": ["two", "three"],
        "target": "A",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "attachment://aa"}]},
            {"role": "assistant", "content": "gone", "source": "generate"},
        ],
        "output": {
            "model": "acme/one",
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": [
                            {"type": "reasoning", "reasoning": f"thought {epoch}"},
                            {"type": "text", "text": "ANSWER:"},
                            {"type": "text", "text": letter},
                        ],
                    },
                    "stop_reason": "stop",
                }
            ],
            "usage": {
                "input_tokens": 10,
                "output_tokens": 20,
                "input_tokens_cache_read": 5,
                "reasoning_tokens": 7,
            },
        },
        "scores": {
            "choice": {"value": "C" if letter == "A" else "I", "answer": letter},
            "judge": {"value": {"style": 0.5, "tone": float("nan")}},
        },
        "metadata": {"subject": "sums", "level": 3},
        "events": [{"deep": [[1]]}],
        "attachments": {"aa": text},
    }
    return sample | changes


def inspect_members(**changes: Any) -> dict[str, Any]:
    """The members of an `.eval`: two questions, each asked twice, in the order in which they ended."""
    samples = [
        inspect_sample("b/1"),
        inspect_sample(2, 2, "B"),
        inspect_sample(2),
        inspect_sample("b/1", 2),
    ]
    members = {"_journal/start.json": {key: header()[key] for key in ("version", "eval", "plan")}}
    members |= {f"samples/{one['id']}_epoch_{one['epoch']}.json": one for one in samples}
    return members | {"summaries.json": [], "header.json": header()} | changes


def helm_run(folder: Path, method: str = "multiple_choice_joint", **changes: Any) -> Path:
    """A run folder of HELM: two questions with options, and what it made of them."""
    folder.mkdir(parents=True)
    spec = {
        "name": f"sums:subject=small,method={method},use_chain_of_thought=True,model=acme_one",
        "scenario_spec": {"class_name": "helm.scenarios.SumsScenario", "args": {"subject": "small"}},
        "adapter_spec": {
            "method": method,
            "instructions": "Answer.",
            "max_train_instances": 2,
            "num_outputs": 3,
            "num_train_trials": 1,
            "model": "acme/one",
            "model_deployment": "local/one",
            "temperature": 0.0,
            "max_tokens": 4,
            "stop_sequences": ["\n"],
        },
    }
    states = changes.pop("states", [helm_state(0), helm_state(1)])
    names = ("exact_match", "num_prompt_tokens", "num_completion_tokens", "logprob")
    per_instance = [
        {
            "instance_id": f"id{at}",
            "train_trial_index": 0,
            "stats": [
                {"name": {"name": name, "split": "test"}, "mean": value}
                for name, value in zip(names, (float(at == 0), 11, 3 + at, -2.0), strict=True)
            ],
        }
        for at in range(2)
    ]
    stats = [
        {"name": {"name": "num_instances", "split": "test"}, "mean": 2.0},
        {"name": {"name": "exact_match", "split": "test"}, "mean": 0.5},
        {"name": {"name": "exact_match", "split": "test", "perturbation": {"name": "typos"}}, "mean": 0.1},
    ]
    files = {
        "run_spec.json": spec,
        "scenario_state.json": {"adapter_spec": spec["adapter_spec"], "request_states": states},
        "per_instance_stats.json": per_instance,
        "stats.json": stats,
    } | changes
    for name, value in files.items():
        if value is not None:
            (folder / name).write_text(json.dumps(value))
    return folder


def helm_state(at: int, **changes: Any) -> dict[str, Any]:
    state = {
        "instance": {
            "id": f"id{at}",
            "split": "test",
            "input": {"text": f"Two and {at} are?"},
            "references": [
                {"output": {"text": "two"}, "tags": ["correct"] if at == 0 else []},
                {"output": {"text": "three"}, "tags": ["correct"] if at == 1 else []},
            ],
        },
        "train_trial_index": 0,
        "output_mapping": {"A": "two", "B": "three"},
        "request": {"prompt": f"Answer.\nTwo and {at} are?", "max_tokens": 4, "num_completions": 1},
        "num_train_instances": 1,
        "result": {
            "success": True,
            "completions": [{"text": " A", "logprob": -0.5, "tokens": [{"text": " A"}], "thinking": {"text": "hm"}}],
        },
    }
    return state | changes


def instance(name: str = "q1", **changes: Any) -> dict[str, Any]:
    """A line of Every Eval Ever, schema 0.3."""
    row = {
        "schema_version": "0.3.0",
        "evaluation_id": "sums/acme_one/1",
        "model_id": "acme/one",
        "evaluation_name": "sums",
        "evaluation_result_id": "sums.accuracy",
        "sample_id": name,
        "sample_hash": f"hash-{name}",
        "interaction_type": "single_turn",
        "input": {"raw": f"Two and {name}?", "formatted": f"Q: Two and {name}?", "reference": ["4"], "choices": None},
        "output": {"raw": ["It is 4."], "reasoning_trace": ["two, three, four"]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": "4",
                "extraction_method": "x",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": 1.0, "is_correct": True},
        "token_usage": {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15, "reasoning_tokens": 3},
        "metadata": {"subject": "sums"},
    }
    return row | changes


def aggregate() -> dict[str, Any]:
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "sums/acme_one/1",
        "evaluation_timestamp": "1750000000",
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {"name": "one", "id": "acme/one", "developer": "acme"},
        "evaluation_results": [
            {
                "evaluation_result_id": "sums.accuracy",
                "evaluation_name": "sums",
                "source_data": {"dataset_name": "sums", "source_type": "hf_dataset", "hf_repo": "acme/sums"},
                "metric_config": {"metric_name": "accuracy"},
                "score_details": {"score": 1.0, "uncertainty": {"standard_error": {"value": 0.0}}},
                "generation_config": {
                    "generation_args": {"temperature": 0.2, "max_tokens": 512, "reasoning": True},
                    "additional_details": {"num_fewshot": "0"},
                },
            }
        ],
    }


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
