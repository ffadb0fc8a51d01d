"""Every Eval Ever, schema 0.3.0: for each task and arm a JSON of what came out, and one line for each question, in the
folders of its data store (`data/<collection>/<developer>/<model>/<uuid>.json`).

A question's hash is over input and references as the project's converters make it, so that it meets other runs'."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from cotbench import __version__
from cotbench.exports.files import Folder, Written, as_json, as_line, encodable, moment
from cotbench.exports.samples import Asked, Sample, started

_SCHEMA = "0.3.0"
_ORGANISATION = "unknown"


def write(asked: Sequence[Asked], folder: Folder) -> Iterator[Written]:
    """Write a JSON and a JSONL file for each task and arm."""
    for one in asked:
        identity = _uuid(one.run.folder.name, one.task, one.arm)
        place = f"data/{_safe(one.task)}/{_developer(one.model)}/{_safe(one.model.rpartition('/')[2])}"
        digest = hashlib.sha256()
        samples, aggregate = f"{place}/{identity}_samples.jsonl", f"{place}/{identity}.json"
        evaluation = f"{one.task}/{_model(one)}/{one.arm}/{int(moment(started(one.run)).timestamp())}"
        if one.decided:  # the data store takes no file without a line
            folder.write(samples, _lines(one, evaluation, digest))
        row = _aggregate(one, evaluation, samples, digest.hexdigest())
        folder.write(aggregate, [as_json(encodable(row), indent=2), b"\n"])
        yield Written(name=samples, task=one.task, arm=one.arm, rows=len(one.decided), left_out=one.left_out)
        results = len(row["evaluation_results"])
        yield Written(name=aggregate, task=one.task, arm=one.arm, rows=results, beside=True)


def _lines(asked: Asked, evaluation: str, digest: Any) -> Iterator[bytes]:
    for sample in asked:
        if sample.decided:
            line = as_line(_instance(asked, sample, evaluation))
            digest.update(line)
            yield line


def _instance(asked: Asked, sample: Sample, evaluation: str) -> dict[str, Any]:
    record, question = sample.record, sample.question
    thoughts = [output.reasoning for output in sample.outputs]
    return {
        "schema_version": _SCHEMA,
        "evaluation_id": evaluation,
        "model_id": _model(asked),
        "evaluation_name": asked.task,
        "evaluation_result_id": _result_id(asked),
        "sample_id": question.id,
        "sample_hash": sample_hash(question.text, sample.golds),
        "interaction_type": "single_turn",
        "input": {
            "raw": question.text,
            "formatted": sample.asked or None,
            "reference": sample.golds,
            "choices": list(question.choices) or None,
        },
        "output": {
            "raw": [output.text for output in sample.outputs],
            "reasoning_trace": thoughts if any(thoughts) else None,
        },
        "messages": None,
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": record.answer,
                "extraction_method": f"cotbench:{record.rule}" if record.rule else "cotbench",
                "is_terminal": True,
            }
        ]
        if record.answer is not None
        else [],
        "evaluation": {"score": sample.score, "is_correct": sample.correct},
        "token_usage": _usage(sample),
        "metadata": {
            "outcome": record.outcome.value,
            "answer_type": sample.kind,
            "arm": asked.arm,
            "finish_reasons": ",".join(output.finish_reason for output in sample.outputs),
            **({"group": question.group} if question.group else {}),
            **({"cluster": question.cluster} if question.cluster else {}),
            **{f"feature_{name}": value for name, value in question.features.items()},
            **{f"tag_{name}": "symbolic" if side else "non-symbolic" for name, side in sample.tags.items()},
        },
    }


def sample_hash(raw: str, reference: Sequence[str]) -> str:
    """SHA-256 over input and references, in the form that the project's own converters agree on."""
    text = json.dumps({"raw": raw, "reference": list(reference)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _usage(sample: Sample) -> dict[str, Any] | None:
    """The tokens of all requests of a question; None where the engine didn't tell them."""
    record = sample.record
    if record.prompt_tokens is None or record.completion_tokens is None:
        return None
    return {
        "input_tokens": record.prompt_tokens,
        "output_tokens": record.completion_tokens,
        "total_tokens": record.prompt_tokens + record.completion_tokens,
        "reasoning_tokens": record.reasoning_tokens,
    }


def _aggregate(asked: Asked, evaluation: str, samples: str, checksum: str) -> dict[str, Any]:
    run, manifest = asked.run, asked.run.manifest
    begun = moment(started(run))
    engine, spec = manifest.engine, manifest.spec
    results = [] if asked.accuracy is None else [_result(asked, asked.accuracy)]
    row = {
        "schema_version": _SCHEMA,
        "evaluation_id": evaluation,
        "evaluation_timestamp": begun.isoformat(),
        "retrieved_timestamp": str(int(begun.timestamp())),
        "source_metadata": {
            "source_name": "cotbench",
            "source_type": "evaluation_run",
            "source_organization_name": _ORGANISATION,
            "evaluator_relationship": "other",
            "additional_details": {"run": run.folder.name, "status": manifest.status},
        },
        "eval_library": {"name": "cotbench", "version": __version__},
        "model_info": {
            "name": asked.model,
            "id": _model(asked),
            "developer": _developer(asked.model),
            "inference_engine": _texts({"name": spec.model.engine, "version": engine.get("version")}),
            "additional_details": {
                "deployment_type": "unknown",
                "model_availability": "unknown",
                **_texts({"revision": spec.model.revision, "dtype": spec.model.dtype}),
            },
        },
        "evaluation_results": results,
    }
    if asked.decided:
        row["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": samples,
            "hash_algorithm": "sha256",
            "checksum": checksum,
            "total_rows": len(asked.decided),
            "additional_details": {"without_verdict": str(sum(asked.left_out.values()))},
        }
    return row


def _result(asked: Asked, accuracy: float) -> dict[str, Any]:
    drawn, facts = asked.sampling, asked.facts
    error = asked.standard_error
    arguments = {name: drawn[name] for name in ("temperature", "top_p", "top_k", "max_tokens") if name in drawn}
    return {
        "evaluation_result_id": _result_id(asked),
        "evaluation_name": asked.task,
        "source_data": _source(asked),
        "metric_config": {
            "evaluation_description": f"{asked.task} under {asked.arm}",
            "metric_id": "accuracy",
            "metric_name": "Accuracy",
            "metric_kind": "accuracy",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": accuracy,
            "uncertainty": {
                **({"standard_error": {"value": error, "method": "analytic"}} if error is not None else {}),
                "num_samples": len(asked.decided),
            },
        },
        "generation_config": {
            "generation_args": {**arguments, "reasoning": facts.thinks == "on" or facts.reasons},
            "additional_details": {
                "arm": asked.arm,
                "num_fewshot": str(asked.run.manifest.spec.num_fewshot),
                "paths": str(drawn.get("n", 1)),
                "stop": json.dumps(list(drawn.get("stop", []))),
                **{f"setting_{name}": str(value) for name, value in facts.settings.items()},
            },
        },
    }


def _source(asked: Asked) -> dict[str, Any]:
    data = asked.data
    details = _texts({name: data.get(name) for name in ("revision", "licence", "fingerprint")})
    dataset = data.get("dataset")
    if not dataset:
        return {"dataset_name": asked.task, "source_type": "other", "additional_details": details}
    split = _texts({"hf_split": data.get("split")})
    return {
        "dataset_name": asked.task,
        "source_type": "hf_dataset",
        "hf_repo": str(dataset),
        **split,
        "samples_number": len(asked.rows),
        "additional_details": details,
    }


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in row.items() if value not in (None, "")}


def _result_id(asked: Asked) -> str:
    return f"{asked.task}/{asked.arm}/accuracy"


def _developer(model: str) -> str:
    """Who made a model, as far as its name says it."""
    return _safe(model.rpartition("/")[0].rpartition("/")[2]) or _ORGANISATION


def _model(asked: Asked) -> str:
    return f"{_developer(asked.model)}/{_safe(asked.model.rpartition('/')[2])}"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name).strip(".")


def _uuid(*parts: str) -> UUID:
    """A version-4 UUID over parts: the same run is always exported under the same name."""
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return UUID(bytes=digest[:16], version=4)
