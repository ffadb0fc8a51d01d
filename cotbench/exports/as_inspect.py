"""Inspect logs (`.eval`, version 2): one for each task and arm, which `inspect view` opens.

A question is a sample of one epoch. Several outputs are choices of its output, that which decided first: a majority
isn't a mean over epochs, so as epochs they would make another figure than the report's."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cotbench import __version__
from cotbench.exports.files import Folder, Written, as_json, moment
from cotbench.exports.samples import Asked, Output, Sample, started

SCORER = "cotbench"
_VERSION = 2
_STOP = {"stop": "stop", "length": "max_tokens", "refused": "content_filter", "error": "unknown"}


def write(asked: Sequence[Asked], folder: Folder) -> Iterator[Written]:
    """Write a log for each task and arm."""
    for one in asked:
        yield _Log(one).write(folder)


class _Log:
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.run = asked.run
        self.id = _short(asked.run.folder.name, asked.task, asked.arm)
        self.started = moment(started(asked.run))
        ends = [str(one.get("ended") or "") for one in asked.run.manifest.sessions]
        self.ended = moment(max(ends, default="")) if any(ends) else None
        self.summaries: list[dict[str, Any]] = []
        self.usage: dict[str, int] = {}

    def write(self, folder: Folder) -> Written:
        stamp = self.started.isoformat(timespec="seconds").replace(":", "-")
        name = f"{stamp}_{_plain(self.asked.task)}-{_plain(self.asked.arm)}_{self.id}.eval"
        spec, plan = self._spec(), self._plan()
        with folder.opened(name) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as log:
            _put(log, "_journal/start.json", {"version": _VERSION, "eval": spec, "plan": plan})
            for sample in self.asked:
                row = self._sample(sample)
                _put(log, f"samples/{row['id']}_epoch_1.json", row)
                self.summaries.append(_summary(row))
            _put(log, "summaries.json", self.summaries)
            _put(log, "header.json", self._header(spec, plan))
        return Written(name=name, task=self.asked.task, arm=self.asked.arm, rows=len(self.summaries))

    def _header(self, spec: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
        finished = self.run.finished
        return {
            "version": _VERSION,
            "status": "success" if finished else "cancelled",
            "eval": spec,
            "plan": plan,
            "results": self._results(),
            "stats": {
                "started_at": self.started.isoformat(),
                "completed_at": self.ended.isoformat() if self.ended is not None else "",
                "model_usage": {self.asked.model: _usage(**self.usage)} if self.usage else {},
                "role_usage": {},
            },
            "invalidated": False,
            "tags": [],
            "metadata": {},
        }

    def _results(self) -> dict[str, Any]:
        decided = self.asked.decided
        figures = {"accuracy": self.asked.accuracy, "stderr": self.asked.standard_error}
        metrics = {name: value for name, value in figures.items() if value is not None}
        return {
            "total_samples": len(self.asked.rows),
            "completed_samples": len(decided),
            "scores": [
                {
                    "name": SCORER,
                    "scorer": SCORER,
                    "scored_samples": len(decided),
                    "unscored_samples": len(self.asked.rows) - len(decided),
                    "params": {},
                    "metrics": {name: {"name": name, "value": value, "params": {}} for name, value in metrics.items()},
                }
            ],
        }

    def _spec(self) -> dict[str, Any]:
        asked, manifest = self.asked, self.run.manifest
        data, model = asked.data, manifest.spec.model
        settings = {"arm": asked.arm, "num_fewshot": manifest.spec.num_fewshot, **asked.facts.settings}
        return {
            "eval_id": _short(self.id, "eval"),
            "run_id": _short(self.run.folder.name),
            "created": self.started.isoformat(),
            "task": asked.task,
            "task_id": self.id,
            "task_version": 0,
            "task_display_name": f"{asked.task} ({asked.arm})",
            "task_attribs": {},
            "task_args": settings,
            "task_args_passed": settings,
            "solver": asked.arm,
            "dataset": {
                "name": str(data.get("dataset") or asked.task),
                "location": str(data.get("dataset") or data.get("origin") or ""),
                "samples": int(data.get("questions") or len(asked.rows)),
                "sample_ids": [row.question for row in asked.rows],
                "shuffled": False,
            },
            "model": asked.model,
            "model_generate_config": self._config(),
            "model_args": {},
            "config": {"epochs": 1, "log_samples": True},
            "packages": {"cotbench": __version__},
            "metadata": {
                "run": self.run.folder.name,
                "revision": model.revision,
                "split": data.get("split"),
                "answer_type": data.get("answer_type"),
                "num_fewshot": manifest.spec.num_fewshot,
                "engine": model.engine,
                "status": manifest.status,
            },
            "scorers": [{"name": SCORER, "options": {}, "metrics": [{"name": n, "options": {}} for n in _METRICS]}],
        }

    def _plan(self) -> dict[str, Any]:
        step = {"solver": self.asked.arm, "params": dict(self.asked.facts.settings)}
        return {"name": "plan", "steps": [step], "config": self._config()}

    def _config(self) -> dict[str, Any]:
        drawn = self.asked.sampling
        names = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "n": "num_choices"}
        config = {theirs: drawn[ours] for ours, theirs in names.items() if ours in drawn}
        return config | ({"stop_seqs": list(drawn["stop"])} if drawn.get("stop") else {})

    def _sample(self, sample: Sample) -> dict[str, Any]:
        record, question = sample.record, sample.question
        outputs = sorted(sample.outputs, key=lambda output: not output.decides)
        replies = [_reply(output, self.asked.model) for output in outputs]
        usage = _usage_of(sample)
        for name, count in (usage or {}).items():
            self.usage[name] = self.usage.get(name, 0) + (count or 0)
        said = [{"role": message.role, "content": message.text} for message in sample.said]
        scores = {SCORER: _score(sample)} if sample.decided else {}
        row: dict[str, Any] = {
            "id": question.id,
            "epoch": 1,
            "input": question.text,
            **({"choices": list(question.choices)} if question.choices else {}),
            "target": sample.golds if len(sample.golds) > 1 else sample.gold,
            "messages": [*said, *(reply["message"] for reply in replies[:1])],
            "output": {
                "model": self.asked.model,
                "choices": replies,
                "completion": outputs[0].text if outputs else "",
                **({"usage": usage} if usage is not None else {}),
            },
            "scores": scores,
            "metadata": _metadata(sample),
            "store": {},
            "events": list(self._events(said, replies, scores, sample)),
            "model_usage": {self.asked.model: usage} if usage is not None else {},
            "role_usage": {},
            "uuid": _short(self.id, question.id),
            "attachments": {},
        }
        if not sample.decided:
            why = record.error or f"no verdict: {record.outcome.value}"
            row["error"] = {"message": why, "traceback": "", "traceback_ansi": ""}
        return row

    def _events(
        self,
        said: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        scores: Mapping[str, Any],
        sample: Sample,
    ) -> Iterator[dict[str, Any]]:
        """The transcript, which the viewer shows first: each output as an event of its own, then the score. Events have
        to have a time; that of single requests isn't on record, so it is the run's."""
        when = {"timestamp": self.started.isoformat(), "working_start": 0.0, "pending": False}
        asked = {"tools": [], "tool_choice": "none", "config": self._config()}
        for reply in replies:
            output = {"model": self.asked.model, "choices": [reply]}
            yield {"event": "model", **when, "model": self.asked.model, "input": said, **asked, "output": output}
        for score in scores.values():
            yield {"event": "score", **when, "score": score, "target": sample.golds, "intermediate": False}


_METRICS = ("accuracy", "stderr")


def _reply(output: Output, model: str) -> dict[str, Any]:
    text: Any = output.text
    if output.reasoning:
        text = [{"type": "reasoning", "reasoning": output.reasoning}, {"type": "text", "text": output.text}]
    message = {"role": "assistant", "content": text, "source": "generate", "model": model}
    return {"message": message, "stop_reason": _STOP[output.finish_reason]}


def _score(sample: Sample) -> dict[str, Any]:
    record = sample.record
    how = f"{record.outcome.value}; read by the rule {record.rule}" if record.rule else record.outcome.value
    if len(sample.outputs) > 1 and record.votes is not None:
        counts = ", ".join(f"{one.answer} ({one.votes})" for one in record.votes.answers)
        how = f"{how}; votes: {counts or 'none'}"
    return {
        "value": "C" if sample.correct else "I",
        **({"answer": record.answer} if record.answer is not None else {}),
        "explanation": how,
        "metadata": {"outcome": record.outcome.value, "rule": record.rule, "score": sample.score},
        "history": [],
    }


def _metadata(sample: Sample) -> dict[str, Any]:
    """What an Inspect sample has no place for: flat, so that its summary holds it too."""
    record, question, drawn = sample.record, sample.question, sample.outputs
    return {
        "question_id": question.id,
        **({"group": question.group} if question.group else {}),
        **({"cluster": question.cluster} if question.cluster else {}),
        "kind": sample.kind,
        **{f"feature_{name}": value for name, value in question.features.items()},
        **{f"tag_{name}": side for name, side in sample.tags.items()},
        "outcome": record.outcome.value,
        "rule": record.rule,
        "truncated": record.truncated,
        **({"begun": drawn[0].begun} if drawn and drawn[0].begun else {}),
        **({"completed": True} if any(output.completed for output in drawn) else {}),
        **({"rendered": True} if not sample.messages and sample.prompt else {}),
    }


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a list of samples shows of one."""
    shown = {name: row[name] for name in ("id", "epoch", "choices", "target", "model_usage", "uuid") if name in row}
    return {
        **shown,
        "input": row["input"][:1000],
        "metadata": row["metadata"],
        "scores": {name: {**score, "explanation": None} for name, score in row["scores"].items()},
        **({"error": row["error"]["message"]} if "error" in row else {}),
        "completed": True,
        "message_count": len(row["messages"]),
    }


def _usage_of(sample: Sample) -> dict[str, Any] | None:
    """The tokens of all requests of a question; None where the engine didn't tell them."""
    record = sample.record
    if record.prompt_tokens is None or record.completion_tokens is None:
        return None
    thought = {} if record.reasoning_tokens is None else {"reasoning_tokens": record.reasoning_tokens}
    return _usage(input_tokens=record.prompt_tokens, output_tokens=record.completion_tokens, **thought)


def _usage(input_tokens: int, output_tokens: int, **more: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        **more,
        "total_tokens": input_tokens + output_tokens,
    }


def _put(log: zipfile.ZipFile, name: str, value: Any) -> None:
    entry = zipfile.ZipInfo(name)  # without a time: the same run makes the same log
    entry.compress_type = zipfile.ZIP_DEFLATED
    log.writestr(entry, as_json(value))


def _plain(name: str) -> str:
    """A name as it stands between the underscores of a log's file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-")


def _short(*parts: str) -> str:
    """22 characters over parts, as Inspect names its things."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:22]
