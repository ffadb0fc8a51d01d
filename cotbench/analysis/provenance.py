"""Where the numbers of a report are from: of each run, all that its manifest says of how it was made.

A report is shared without the runs it is about, so report.json holds what somebody else needs to judge it, and to run
it again (`cotbench reproduce`). What a manifest doesn't say is None here and "not recorded" in words: nothing is
guessed. No key and no password is told, whatever a manifest holds: it may be an earlier version's, or somebody else's.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from msgspec import to_builtins

from cotbench.analysis.pairing import Run
from cotbench.errors import CotbenchError
from cotbench.modes import recorded_mode
from cotbench.modes.prompts import Prompts
from cotbench.questions.shipped import shipped, task_files
from cotbench.questions.tasks import read_task_file
from cotbench.store.lock import state_of
from cotbench.store.manifest import Manifest, ModelIdentity, read_manifest

MASK = "***"
_AGAIN_IMPORTED = "the same command, on the same logs"


@dataclass(frozen=True, kw_only=True)
class TaskAsked:
    """What a run asked of one task.

    questions: how many were asked, of how many there are; chosen: whether --limit or a suite chose them. dataset,
    revision and split: of the Hub. data: the fingerprint of all its questions and golds; asked: of those that were
    asked; ids: the hash of their ids, in their order. file: the hash of the task file, and own_file its name where
    it is the user's own; taken: whose task it is, where it is one of others; shipped: whether it is the one that comes
    with this version; None where that isn't recorded."""

    task: str
    questions: int | None
    of: int | None
    chosen: bool
    dataset: str | None
    revision: str | None
    split: str | None
    data: str | None
    asked: str | None
    ids: str | None
    file: str | None
    own_file: str | None
    taken: str | None
    shipped: bool | None


@dataclass(frozen=True, kw_only=True)
class SuiteAsked:
    """A suite that a run was asked for by. hash: of its file; own: whether that is the user's. limit: questions of each
    category, None for all."""

    name: str
    hash: str
    own: bool
    limit: int | None


@dataclass(frozen=True, kw_only=True)
class ArmAsked:
    """How a run asked one task under one arm.

    prompt: the hash of its template and all that this is made of. whose: "shipped" (it is the one that comes with this
    version), "another version's" (it came with the version that ran it), "own" (the user's), or None where that isn't
    recorded. own_files: the user's files that it is made of, by name. thinks: whether the model thinks: on, off, or
    None where that isn't known. max_tokens, temperature, top_p, paths (how many vote): how replies are drawn; other:
    everything else of sampling that was set. begun: the beginning of the reply that is written for the model."""

    task: str
    mode: str
    prompt: str | None
    whose: str | None
    own_files: list[str]
    thinks: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    paths: int | None
    other: dict[str, Any]
    begun: str | None


@dataclass(frozen=True, kw_only=True)
class ArmImported:
    """Which log an arm was imported from: its format, the version of the tool, its files as "name (fingerprint)";
    reading: which of the tool's readings is its verdict where none is named. inferred: what the log doesn't say and was
    inferred, with how; not_recorded: what it doesn't hold. shots: exemplars in each prompt; None where it doesn't say.
    """

    task: str
    mode: str
    format: str
    version: str
    files: list[str]
    reading: str
    inferred: dict[str, str]
    not_recorded: list[str]
    shots: int | None = None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How one run was made.

    status: running, finished, interrupted, failed, or killed. revision: the model's commit, or a fingerprint of its
    files, or what a server tells. engine_version: of the engine's package (of the client, for servers). device: the
    GPUs' names, "cpu", or a server's address; carried: by what replicas of the
    engine were carried, and how many, in words; processor: the machine's. chat_template: "model" (its own), "none"
    (plain text), "server", or a file's name. started, ended: of the first and the last of its sessions, whose
    number is `sessions`; answers: how many of how many `expected` there are. cotbench: its versions; commit: of the
    checkout it ran from, None of an installed package, and changed: whether that held changes. seed, num_fewshot,
    exemplars, limit, thinking: as they were set. judge: the second model, its revision and engine, where one was
    asked. suites: those that it was asked for by; skipped: tasks that were left out because they couldn't be had, and
    why. imported: the logs that it was made of, where it wasn't asked here; inferred: what was inferred of the run as a
    whole, and how; prelude: the file that was put before programs. reused: how many replies were taken from which
    other runs. command: as it was typed, without keys. again: what runs it again. recipe: its manifest, from which
    `cotbench reproduce` works, without the questions' ids."""

    run: str
    status: str
    answers: int
    expected: int | None
    model: str
    revision: str | None
    engine: str
    engine_version: str | None
    dtype: str | None
    device: str | None
    carried: str = field(default="")
    processor: str | None
    platform: str | None
    python: str | None
    chat_template: str | None
    chat_template_hash: str | None
    judge: str | None
    started: str | None
    ended: str | None
    sessions: int
    cotbench: list[str]
    commit: str | None
    changed: bool | None
    seed: int | None
    num_fewshot: int | None
    exemplars: str | None
    limit: int | None
    thinking: str | None
    suites: list[SuiteAsked] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    tasks: list[TaskAsked] = field(default_factory=list)
    arms: list[ArmAsked] = field(default_factory=list)
    imported: list[ArmImported] = field(default_factory=list)
    inferred: dict[str, str] = field(default_factory=dict)
    prelude: str = field(default="")
    reused: dict[str, int] = field(default_factory=dict)
    command: str | None
    again: str
    recipe: dict[str, Any] = field(default_factory=dict)


def provenance_of(runs: Sequence[Run]) -> list[Provenance]:
    """Return how each run was made. Of runs whose arms were given other names for this report, it has their own."""
    return [_provenance(run, several=len(runs) > 1) for run in runs]


def _provenance(run: Run, *, several: bool) -> Provenance:
    try:
        manifest = read_manifest(run.folder)
    except CotbenchError:  # it lay there a moment ago
        manifest = run.manifest
    spec, engine, options = manifest.spec, manifest.engine, manifest.options
    sessions = [one for one in manifest.sessions if one.get("command") != ["cotbench", "score"]]
    first: Mapping[str, Any] = sessions[0] if sessions else {}
    git = first.get("git")
    git = git if isinstance(git, dict) else {}
    versions = dict.fromkeys(text for one in sessions if (text := _text(one, "cotbench")))
    devices = dict.fromkeys(text for one in sessions if (text := _text(one, "device")))
    return Provenance(
        run=run.folder.name,
        status=state_of(run.folder, manifest),
        answers=len(run.records),
        expected=_whole(manifest.totals, "of"),
        model=spec.model.model,
        revision=spec.model.revision or None,
        engine=spec.model.engine,
        engine_version=_text(engine, "version"),
        dtype=spec.model.dtype or None,
        device=masked(", then ".join(devices)) or masked(_text(engine, "device") or "") or None,
        carried=_carried(engine.get("carried")),
        processor=_text(first, "cpu"),
        platform=_text(first, "platform"),
        python=_text(first, "python"),
        chat_template=spec.model.chat_template or None,
        chat_template_hash=spec.model.chat_template_hash or None,
        judge=_judge(spec.judge),
        started=_text(first, "started"),
        ended=next((text for one in reversed(sessions) if (text := _text(one, "ended"))), None),
        sessions=len(sessions),
        cotbench=list(versions),
        commit=_text(git, "commit"),
        changed=git["dirty"] if isinstance(git.get("dirty"), bool) else None,
        seed=None if manifest.imported is not None else _whole(manifest.spec_row, "seed"),
        num_fewshot=spec.num_fewshot,
        exemplars=_text(options, "exemplars"),
        limit=_whole(options, "limit"),
        thinking=_text(options, "thinking"),
        suites=[SuiteAsked(name=o.name, hash=o.hash, own=o.own, limit=o.limit) for o in manifest.suites],
        skipped=manifest.skipped,
        reused=_reused(sessions),
        tasks=[_task(manifest, task) for task in spec.tasks],
        arms=[_arm(manifest, task, mode) for task, mode in spec.pairs],
        imported=_imported(manifest),
        inferred=manifest.imported.inferred if manifest.imported is not None else {},
        prelude=_prelude(manifest),
        command=_command(first.get("command")),
        again=_AGAIN_IMPORTED
        if manifest.imported is not None
        else f"cotbench reproduce report.json{f' --run {shlex.quote(run.folder.name)}' if several else ''}",
        recipe=recipe_of(manifest),
    )


def _carried(told: Any) -> str:
    """Say by what the replicas of a run's engine were carried, how many there were, and how often one was lost."""
    if not isinstance(told, dict) or not (
        replicas := [one for one in told.get("replicas", ()) if isinstance(one, dict)]
    ):
        return ""
    restarts = sum(_whole(one, "restarts") or 0 for one in replicas) + len(told.get("ended", ()))
    some = f"{_counted(len(replicas), 'replica')} on {_counted(_whole(told, 'nodes') or 1, 'node')}"
    lost = f", {_counted(restarts, 'restart')}" if restarts else ""
    return f"{_text(told, 'by') or ''}: {some}{lost}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _reused(sessions: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many replies the sessions took from which other runs."""
    counts: Counter[str] = Counter()
    for session in sessions:
        for run, row in session.get("taken", {}).items():
            counts[run] += _whole(row, "replies") or 0
    return dict(counts)


def _imported(manifest: Manifest) -> list[ArmImported]:
    arms = manifest.imported.arms if manifest.imported is not None else {}
    return [
        ArmImported(
            task=name.partition("/")[0],
            mode=name.partition("/")[2],
            format=log.format,
            version=log.version,
            files=[f"{file.name} ({file.fingerprint})" for file in log.files],
            reading=log.reading,
            inferred=log.inferred,
            not_recorded=log.not_recorded,
            shots=log.shots,
        )
        for name, log in arms.items()
    ]


def _prelude(manifest: Manifest) -> str:
    found = manifest.imported.prelude if manifest.imported is not None else None
    return "" if found is None else f"{found.name} ({found.hash})"


def _judge(second: ModelIdentity | None) -> str | None:
    if second is None:
        return None
    revision = f", revision {second.revision}" if second.revision else ""
    return f"{second.model}{revision}, by {second.engine}"


def recipe_of(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as others may have it: without keys, and without the ids of its questions, which may be many
    thousands (their hash is in the spec)."""
    row: dict[str, Any] = to_builtins(manifest)
    row.pop("question_ids", None)
    found: dict[str, Any] = masked(row)
    return found


# --- of one task and arm ----------------------------------------------------------------------------------------------


def _task(manifest: Manifest, task: str) -> TaskAsked:
    data, row = manifest.data.get(task, {}), manifest.spec_row["tasks"][task]
    entry = manifest.spec.tasks[task]
    questions = _whole(data, "questions")
    known = entry.file is not None and entry.file == _shipped_task(task)
    own = _text(data, "own_file")
    return TaskAsked(
        task=task,
        questions=questions if questions is not None else _whole(row, "questions"),
        of=_whole(data, "rows"),
        chosen=manifest.options.get("limit") is not None or any(task in one.limits for one in manifest.suites),
        dataset=_text(data, "dataset"),
        revision=_text(data, "revision"),
        split=_text(data, "split"),
        data=entry.data or None,
        asked=_text(data, "asked"),
        ids=_text(row, "ids"),
        file=entry.file,
        own_file=own,
        taken=_taken(data.get("taken")),
        shipped=True if known else False if own or "own_file" in data else None,
    )


def _taken(found: Any) -> str | None:
    """Whose task it is, where it is one of others, in words."""
    if not isinstance(found, dict):
        return None
    version = f" (version {found['task_version']})" if found.get("task_version") else ""
    return f"{found.get('task')}{version} of {found.get('package')} {found.get('version')}: {found.get('data')}"


def _arm(manifest: Manifest, task: str, mode: str) -> ArmAsked:
    row = manifest.spec_row["modes"][f"{task}/{mode}"]
    shown = manifest.shown.get(f"{task}/{mode}", {})
    drawn = {**manifest.spec.mode(task, mode).sampling}
    begun, facts = row.get("begun"), manifest.modes.get(mode, {})
    thinks = facts.get("thinks")
    if thinks not in ("on", "off"):
        told = row.get("thinking")
        thinks = {True: "on", False: "off"}.get(told) if isinstance(told, bool) and not facts else None
    own = shown.get("own")
    prompt = _text(row, "prompt")
    limits = {name: drawn.pop(name, None) for name in ("max_tokens", "temperature", "top_p", "n")}
    return ArmAsked(
        task=task,
        mode=mode,
        prompt=prompt,
        whose=_whose(manifest, task, mode, prompt, own),
        own_files=[str(name) for name in own] if isinstance(own, list) else [],
        thinks=thinks,
        max_tokens=_whole(limits, "max_tokens"),
        temperature=_number(limits, "temperature"),
        top_p=_number(limits, "top_p"),
        paths=_whole(limits, "n"),
        other=masked({name: value for name, value in drawn.items() if value not in (None, [], {}, ())}),
        begun=_text(begun, "text") if isinstance(begun, dict) else None,
    )


def _whose(manifest: Manifest, task: str, mode: str, prompt: str | None, own: object) -> str | None:
    """Say whose template a hash is of; None where that can't be told."""
    if prompt is None:
        return None
    if prompt == _shipped_prompt(_template(manifest, mode), task):
        return "shipped"
    if own or (own is None and manifest.options.get("prompts_dir")):
        return "own" if own else None  # earlier versions didn't say which templates of a folder were used
    if isinstance(plugin := manifest.spec_row["modes"][f"{task}/{mode}"].get("plugin"), str):
        return f"of the plugin {plugin}"
    return "another version's"


def _template(manifest: Manifest, mode: str) -> str:
    """The name of the template that a mode's first turn has; "" of a mode that isn't there any more."""
    try:
        return recorded_mode(mode, manifest.modes.get(mode)).turns[0].template
    except CotbenchError:
        return ""


@cache
def _shipped() -> Prompts:
    return Prompts(plugins=False)


@cache
def _shipped_prompt(template: str, task: str) -> str | None:
    """The hash of a template that comes with this version, for a task."""
    try:
        return _shipped().hash(template, task) if template else None
    except CotbenchError:
        return None


@cache
def _shipped_task(task: str) -> str | None:
    """The hash of the task file of this name that comes with this version."""
    try:
        files = task_files(shipped("tasks"))
        return read_task_file(files[task]).hash if task in files else None
    except CotbenchError:
        return None


# --- what a manifest says, as far as it can be relied on -------------------------------------------------------------


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return value if type(value) is int else None


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _command(words: object) -> str | None:
    """A command line as a shell takes it, without keys."""
    if not isinstance(words, list) or not words:
        return None
    return shlex.join(["cotbench", *masked(list(map(str, words[1:])))])


# --- no keys ----------------------------------------------------------------------------------------------------------

_NAME = (
    r"(?:[\w-]*(?:api[-_]?key|secret|passw(?:or)?d|credential|authorization|bearer)[\w-]*"
    r"|(?:[\w-]*[-_])?(?:token|key|auth))"
)
_SECRET_NAME = re.compile(_NAME, re.I)
_NAMED = re.compile(
    rf"""((?<![\w-]){_NAME}["']?\s*[:=]\s*["']?(?:(?:bearer|basic)\s+)?)(?!\$|\*\*\*)[^\s"',}}&]+""", re.I
)
_KEY_LIKE = re.compile(
    r"(?<![\w-])(?:sk|pk|rk|gsk|hf|nvapi|xai|ghp|glpat|r8|csk|fw)[-_](?=[\w.-]*\d)[\w.-]{14,}|(?<!\w)AKIA[A-Z0-9]{12,}"
)
_USER = re.compile(r"(https?://)[^/\s@]+@", re.I)


def masked(value: Any) -> Any:
    """Put *** for what is, or looks like, a key or a password, in a text or in what holds texts: also for the word of a
    command that stands behind its option (`--api-key KEY`)."""
    if isinstance(value, dict):
        return {
            key: MASK
            if isinstance(entry, str) and entry and not entry.startswith("$") and _SECRET_NAME.fullmatch(str(key))
            else masked(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple):
        pairs = zip([None, *value[:-1]], value, strict=True) if value else ()
        return [MASK if _is_value(option, entry) else masked(entry) for option, entry in pairs]
    if not isinstance(value, str):
        return value
    text = _NAMED.sub(rf"\1{MASK}", value)
    return _USER.sub(rf"\1{MASK}@", _KEY_LIKE.sub(MASK, text))


def _is_value(option: object, word: object) -> bool:
    """Whether a word of a command line is the key that stands behind its option."""
    if not (isinstance(option, str) and option.startswith("--") and isinstance(word, str)):
        return False
    return _SECRET_NAME.fullmatch(option[2:]) is not None and not word.startswith(("$", "--"))
