"""The manifest of an imported run: all that its logs say of themselves, and what they don't."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cotbench.programs import Limits
from cotbench.runs.import_run import ArmFacts, ReadTask, tells_endings
from cotbench.runs.options import LOGS
from cotbench.runs.prepare import ARMS, digest
from cotbench.runs.provenance import public_path, without_home
from cotbench.store.manifest import Imported, ImportedArm, ImportedFile, Manifest, OnlyHere, Prelude, Printed
from cotbench.store.questions import asked_fingerprint, golds_fingerprint

ENGINE = "import"  # what a manifest calls the engine of a run that is made of logs
SHOWN = 5  # questions that are named
_MOST_CHARS = 500
_SCORED = "options were scored by their likelihood, and nothing was written"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the user said that the manifest has to hold.

    paths: of the logs. fields, questions, answer_pattern, reading, skip_broken, repeated: the options of these names.
    arms, task, named_model: whether each was said. limits: of programs."""

    paths: Sequence[Path]
    fields: Mapping[str, str]
    questions: str
    answer_pattern: str
    reading: str
    skip_broken: bool
    repeated: bool
    arms: bool
    task: bool
    named_model: bool
    prelude: Prelude | None
    limits: Limits


def fingerprint(path: Path) -> str:
    """16 hex digits over a file, or over the files of a folder."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            if path.is_dir():
                found.update(str(file.relative_to(path)).encode())
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    found.update(chunk)
    return found.hexdigest()[:16]


def spec_of(model: str, tasks: Sequence[ReadTask], said: Said, files: Mapping[Path, str]) -> dict[str, Any]:
    """All that the results depend on. What no log says is absent, or null."""
    arms = [(task, arm) for task in tasks for arm in task.arms]
    logs = [log for _, arm in arms for log in arm.logs.logs]
    revisions = dict.fromkeys(log.revision for log in logs if log.revision)
    runs = any(arm.logs.mode.runs for _, arm in arms)
    return {
        "model": {
            "engine": ENGINE,
            "model": model,
            "revision": ", ".join(revisions) or None,
            "chat_template": None,
            "chat_template_hash": None,
        },
        "model_args": {},
        "tasks": {
            task.name: {
                "file": task.file.hash if task.file is not None else None,
                "data": golds_fingerprint(task.golds),
                "questions": len(task.questions),
                "ids": digest([question.id for question in task.questions]),
            }
            for task in tasks
        },
        "arms": ARMS,
        "modes": {
            f"{task.name}/{arm.logs.name}": {
                "sampling": sampling_of(arm),
                "thinking": None,
                "files": [files[log.path] for log in arm.logs.logs],
                **({"settings": arm.logs.mode.recorded_values} if arm.logs.mode.recorded_values else {}),
            }
            for task, arm in arms
        },
        "num_fewshot": _shared(log.shots for log in logs),
        "seed": 0,
        **({"programs": {**asdict(said.limits), "contained": True}} if runs else {}),
        "imported": {
            "kinds": {task.name: task.settled.kind for task in tasks},
            "fields": dict(said.fields),
            "reading": said.reading,
            "questions": fingerprint(Path(said.questions)) if said.questions else "",
            "answer_pattern": said.answer_pattern,
            "prelude": said.prelude.hash if said.prelude is not None else "",
            "skip_broken": said.skip_broken,
            "repeated": said.repeated,
        },
    }


def manifest_of(
    run: str,
    model: str,
    tasks: Sequence[ReadTask],
    said: Said,
    spec: dict[str, Any],
    files: Mapping[Path, str],
    readings: Mapping[tuple[str, str], str],
    broken: Sequence[str],
) -> Manifest:
    """The manifest of a run that is being made of logs. files: the fingerprint of each; readings: by task and arm,
    which of the tool's is set beside ours; broken: lines that were passed over."""
    modes = {arm.logs.name: arm.logs.mode for task in tasks for arm in task.arms}
    arms = [(f"{task.name}/{arm.logs.name}", task, arm) for task in tasks for arm in task.arms]
    return Manifest(
        run=run,
        status="running",
        spec_row=spec,
        options=without_home(
            {
                "model": model,
                "tasks": [task.name for task in tasks],
                "modes": list(modes),
                LOGS: [str(path) for path in said.paths],
            }
        ),
        engine={"engine": ENGINE, "model": model},
        data={task.name: _data(task) for task in tasks},
        modes={name: mode.facts.as_dict() for name, mode in modes.items()},
        shown={name: shown for name, _, arm in arms if (shown := _shown(arm))},
        imported=Imported(
            arms={name: _told(task, arm, files, readings[task.name, arm.logs.name]) for name, task, arm in arms},
            prelude=said.prelude,
            inferred=without_home(_inferred(tasks, said)),
            notes=_notes(tasks),
            broken=list(broken),
        ),
    )


def _told(task: ReadTask, arm: ArmFacts, files: Mapping[Path, str], reading: str) -> ImportedArm:
    logs = arm.logs.logs
    own, every = task.has(arm), set(range(len(task.questions)))
    common = every.intersection(*(task.has(other) for other in task.arms))
    told = {name: value for log in reversed(logs) for name, value in log.arm.items()}
    args = {name: value for log in reversed(logs) for name, value in log.model_args.items()}
    votes = bool(arm.logs.mode.own.paths)
    scored = [_SCORED] if any(log.likelihoods for log in logs) else []
    return ImportedArm(
        format=logs[0].format,
        version=", ".join(dict.fromkeys(log.version for log in logs if log.version)),
        files=[ImportedFile(name=log.path.name, fingerprint=files[log.path]) for log in logs],
        reading=reading,
        figures=[
            Printed(name=one.name, value=one.value, reading=one.reading, stderr=one.stderr)
            for one in (logs[0].figures if len(logs) == 1 else ())
        ],
        inferred={**{name: how for log in logs for name, how in log.inferred.items()}, **_ends_inferred(arm)},
        not_recorded=_not_recorded(arm),
        only_here=_named(task, own - common),
        lacks=_named(task, every - own),
        notes=list(dict.fromkeys([*(note for log in logs for note in log.notes), *scored])),
        called=list(dict.fromkeys(log.task for log in logs if log.task)),
        date=max((log.date for log in logs), default=""),
        told={**told, **({"model_args": args} if args else {})},
        shots=_shared(log.shots for log in logs),
        readings=list(arm.metrics),
        samples=len(own),
        repeats=arm.repeats,
        left_out=0 if votes else arm.repeats,
        likelihoods=any(log.likelihoods for log in logs),
    )


def _ends_inferred(arm: ArmFacts) -> dict[str, str]:
    """How it is known how outputs ended, where a log tells only their tokens and the most that they may have."""
    if tells_endings(arm) or not arm.outputs or arm.tokens < arm.outputs or "max_tokens" not in sampling_of(arm):
        return {}
    return {"finish_reason": f"{arm.cut:,} outputs have all the tokens that they may have, so that they were cut"}


def _named(task: ReadTask, places: set[int]) -> OnlyHere | None:
    """How many questions, and the first of them."""
    if not places:
        return None
    return OnlyHere(count=len(places), first=[task.questions[place].id for place in sorted(places)[:SHOWN]])


def _inferred(tasks: Sequence[ReadTask], said: Said) -> dict[str, str]:
    found = {}
    for task in tasks:
        if task.logs.inferred:
            found[f"task {task.name}"] = task.logs.inferred
        if task.settled.inferred:
            found[f"answers of {task.name}"] = task.settled.inferred
    if not said.arms:
        arms = dict.fromkeys(arm.logs.name for task in tasks for arm in task.arms)
        found["arms"] = f"{', '.join(arms)}: as the logs' names or settings say"
    if not said.named_model:
        silent = [log for task in tasks for arm in task.arms for log in arm.logs.logs if not log.model]
        every = [log for task in tasks for arm in task.arms for log in arm.logs.logs]
        if silent:
            found["model"] = (
                "the logs don't say it (--model names it)"
                if len(silent) == len(every)
                else "that of the logs that say it"
            )
    return found


def _notes(tasks: Sequence[ReadTask]) -> list[str]:
    notes = []
    for task in tasks:
        if task.file is not None and not task.by_rows:
            why = "their rows aren't as its task file reads them" if task.why_not else "they hold no rows of data"
            told = f" ({task.why_not.partition(': ')[2].rstrip('.')})" if task.why_not else ""
            notes.append(f"{task.name}: its questions are as the logs have them, since {why}{told}")
        notes += [f"{task.name}: {count:,} rows are left out, which {why}" for why, count in task.left_out.items()]
        for arm in task.arms:
            if arm.repeats and not arm.logs.mode.own.paths:
                notes.append(
                    f"{arm.logs.name}: of each question the first output counts; {arm.repeats:,} repeats are left out. "
                    "As self-consistency or direct-votes they vote"
                )
    return notes


def _shared(values: Iterable[Any]) -> Any:
    """The value that all have; None where they differ."""
    found = set(values)
    return next(iter(found)) if len(found) == 1 else None


def sampling_of(arm: ArmFacts) -> dict[str, Any]:
    """How an arm's outputs were drawn, as far as all its logs say the same."""
    logs = arm.logs.logs
    drawn = {name: value for name, value in logs[0].sampling.items() if name != "n"}
    drawn = {name: value for name, value in drawn.items() if all(log.sampling.get(name) == value for log in logs)}
    return {**drawn, "n": max(1, arm.most) if arm.logs.mode.own.paths else 1}


def _not_recorded(arm: ArmFacts) -> list[str]:
    """What an arm's logs don't say."""
    drawn = sampling_of(arm)
    written = not any(log.likelihoods for log in arm.logs.logs)
    lacks = {
        "prompt": not arm.messages,
        "prompt_tokens": not arm.prompt_tokens,
        "completion_tokens": not arm.tokens,
        "finish_reason": written and not tells_endings(arm) and not _ends_inferred(arm),
        "thought": written and not arm.thoughts,
        "max_tokens": written and "max_tokens" not in drawn,
        "temperature": written and "temperature" not in drawn,
        "shots": _shared(log.shots for log in arm.logs.logs) is None,
    }
    return [name for name, lacking in lacks.items() if lacking]


def _shown(arm: ArmFacts) -> dict[str, Any]:
    """What an arm's prompts show, as far as its logs say it."""
    told = arm.logs.logs[0].arm
    shots = _shared(log.shots for log in arm.logs.logs)
    system = told.get("system") or told.get("system_message")
    return {
        **({"shots": shots} if shots is not None else {}),
        **({"system": str(system)[:200]} if system else {}),
    }


def _data(task: ReadTask) -> dict[str, Any]:
    source = task.file.task.source if task.file is not None else None
    logs = [log for arm in task.arms for log in arm.logs.logs]
    dataset = source.dataset if source is not None else next((log.dataset for log in logs if log.dataset), None)
    return {
        "origin": ", ".join(dict.fromkeys(public_path(str(log.path)) for log in logs))[:_MOST_CHARS],
        "dataset": dataset,
        "revision": None,
        "split": next((log.split for log in logs if log.split), source.split if source is not None else None),
        "licence": source.licence if source is not None else None,
        "answer_type": task.settled.kind,
        **({"left_out": dict(task.left_out)} if task.left_out else {}),
        "rows": len(task.questions),
        "questions": len(task.questions),
        "own_file": None if task.file is None or task.file.shipped else task.file.path.name,
        "fingerprint": golds_fingerprint(task.golds),
        "asked": asked_fingerprint(task.questions, task.golds),
    }
