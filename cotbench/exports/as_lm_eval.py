"""Logs as lm-evaluation-harness 0.4 writes them: a folder for each arm, in it one of the model's name with
`results_<date>.json` and `samples_<task>_<date>.jsonl`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotbench import __version__
from cotbench.exports.files import Folder, Written, as_json, as_line, encodable, moment
from cotbench.exports.samples import Asked, Sample, started, with_thought

FILTER = "cotbench"  # the filter that read the answer
METRIC, SCORE = "exact_match", "score"
INVALID = "[invalid]"  # as lm-eval's own filters say that they found nothing


def write(asked: Sequence[Asked], folder: Folder) -> Iterator[Written]:
    """Write a folder for each arm, with the samples of each task and the results of all."""
    for arm in dict.fromkeys(one.arm for one in asked):
        of_arm = [one for one in asked if one.arm == arm]
        hashes: dict[str, str] = {}
        place = f"{safe(arm)}/{safe(of_arm[0].model)}"
        date = moment(started(of_arm[0].run)).replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")
        for one in of_arm:
            name = f"{place}/samples_{safe(one.task)}_{date}.jsonl"
            folder.write(name, _lines(one, hashes))
            yield Written(name=name, task=one.task, arm=arm, rows=len(one.decided), left_out=one.left_out)
        name = f"{place}/results_{date}.json"
        folder.write(name, [as_json(_results(of_arm, hashes), indent=2), b"\n"])
        yield Written(name=name, arm=arm, rows=len(of_arm), beside=True)


def _lines(asked: Asked, hashes: dict[str, str]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    metrics = [METRIC, SCORE] if asked.in_part else [METRIC]
    for sample in asked:
        if sample.decided:
            row = encodable(_row(sample, metrics))
            digest.update((row["doc_hash"] + row["prompt_hash"] + row["target_hash"]).encode())
            yield as_line(row)
    hashes[asked.task] = digest.hexdigest()


def _row(sample: Sample, metrics: Sequence[str]) -> dict[str, Any]:
    question = sample.question
    doc = {
        "id": question.id,
        "question": question.text,
        "choices": list(question.choices),
        "answer": sample.gold,
        "group": question.group,
        "kind": sample.kind,
        "cluster": question.cluster,
        **{f"feature_{name}": value for name, value in question.features.items()},
    }
    chat = [{"role": message.role, "content": message.text} for message in sample.messages]
    prompt = sample.prompt or (json.dumps(chat, ensure_ascii=False) if chat else "")
    figures = {METRIC: float(sample.correct), SCORE: sample.score}
    return {
        "doc_id": sample.number,
        "doc": doc,
        "target": sample.gold,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": _drawn(sample.sampling)}},
        "resps": [[with_thought(output) for output in sample.outputs]],
        "filtered_resps": [INVALID if sample.record.answer is None else sample.record.answer],
        "filter": FILTER,
        "metrics": list(metrics),
        "doc_hash": _hash(json.dumps(encodable(doc), indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(sample.gold),
        **{name: figures[name] for name in metrics},
    }


def _drawn(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """How outputs were drawn, by lm-eval's names."""
    names = {"temperature": "temperature", "top_p": "top_p", "max_gen_toks": "max_tokens"}
    drawn = {theirs: sampling[ours] for theirs, ours in names.items() if ours in sampling}
    sampled = {"do_sample": sampling["temperature"] > 0} if "temperature" in sampling else {}
    return {"until": list(sampling.get("stop") or []), **sampled, **drawn}


def _results(asked: Sequence[Asked], hashes: Mapping[str, str]) -> dict[str, Any]:
    first = asked[0]
    manifest = first.run.manifest
    spec, begun = manifest.spec, moment(started(first.run))
    return {
        "results": {one.task: _figures(one) for one in asked},
        "group_subtasks": {one.task: [] for one in asked},
        "configs": {one.task: _config(one) for one in asked},
        "versions": {one.task: 0 for one in asked},
        "n-shot": {one.task: spec.num_fewshot for one in asked},
        "higher_is_better": {one.task: dict.fromkeys(_metrics(one), True) for one in asked},
        "n-samples": {
            one.task: {"original": int(one.data.get("rows") or len(one.rows)), "effective": len(one.decided)}
            for one in asked
        },
        "config": {
            "model": spec.model.engine,
            "model_args": {"pretrained": first.model, **(spec.model_args or {})},
            "model_revision": spec.model.revision,
            "model_dtype": spec.model.dtype,
            "limit": manifest.options.get("limit"),
            "gen_kwargs": _drawn(first.sampling) or None,
            "random_seed": spec.seed,
        },
        "git_hash": None,
        "date": begun.timestamp(),
        "cotbench_version": __version__,
        "cotbench": {"run": first.run.folder.name, "arm": first.arm, "settings": dict(first.facts.settings)},
        "task_hashes": dict(hashes),
        "model_source": spec.model.engine,
        "model_name": first.model,
        "model_name_sanitized": safe(first.model),
        "system_instruction": None,
        "chat_template": spec.model.chat_template,
        "chat_template_sha": spec.model.chat_template_hash,
        "total_evaluation_time_seconds": str(manifest.totals.get("wall_s", "")),
    }


def _metrics(asked: Asked) -> list[str]:
    return [METRIC, SCORE] if asked.in_part else [METRIC]


def _figures(asked: Asked) -> dict[str, Any]:
    found = {METRIC: (asked.accuracy, asked.standard_error)}
    if asked.in_part:
        found[SCORE] = (asked.mean_score, None)
    figures: dict[str, Any] = {"name": asked.task, "alias": asked.task, "sample_len": len(asked.decided)}
    for name, (value, error) in found.items():
        if value is not None:
            figures[f"{name},{FILTER}"] = value
            figures[f"{name}_stderr,{FILTER}"] = "N/A" if error is None else error
    return figures


def _config(asked: Asked) -> dict[str, Any]:
    data = asked.data
    return {
        "task": asked.task,
        "dataset_path": data.get("dataset") or data.get("origin"),
        "test_split": data.get("split"),
        "output_type": "generate_until",
        "num_fewshot": asked.run.manifest.spec.num_fewshot,
        "repeats": int(asked.sampling.get("n", 1)),
        "generation_kwargs": _drawn(asked.sampling),
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in _metrics(asked)],
        "filter_list": [{"name": FILTER}],
        "description": f"{asked.arm} of cotbench",
        "metadata": {"version": 0, "arm": asked.arm, "answer_type": data.get("answer_type")},
    }


def safe(name: str) -> str:
    """A name as lm-eval has it in paths."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
