"""About these runs: which model was asked what, how, when and by which version, and how it is run again, in words.

Shared by all files of a report: the page and summary.md have the table, about.csv beside the other CSV files has the
same rows, plots carry it as metadata, and the terminal has a few lines of it. What the runs of a report share is said
once; what differs is said of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cotbench.analysis.compare import Comparison
from cotbench.analysis.provenance import ArmAsked, ArmImported, Provenance, TaskAsked
from cotbench.report import words
from cotbench.report.columns import Table
from cotbench.report.tame import tame_line
from cotbench.report.words import NOT_RECORDED

KEY = "about"  # of the table among the sections
MOST_IN_LINE = 160  # characters of what differs between runs, in a line
MOST_CHARS = 700  # of what a plot says of its runs


@dataclass(frozen=True, kw_only=True)
class About:
    """One thing that is told of the runs of a report. run: of which, "" where it holds for all of them; model: that
    run's, or what all are of."""

    model: str
    run: str
    what: str
    value: str


def rows(comparison: Comparison) -> list[About]:
    """Return all that is told, in order: a row where all runs share it, else a row for each."""
    return _told(comparison, _FACTS)


def _told(comparison: Comparison, says: Mapping[str, Callable[[Provenance], str]]) -> list[About]:
    runs = comparison.provenance
    models = list(dict.fromkeys(run.model for run in runs))
    found = []
    for what, say in says.items():
        values = [say(run) for run in runs]
        if runs and not any(values):  # none of them has anything of the kind
            continue
        if len(set(values)) == 1:
            found.append(About(model=", ".join(models), run="", what=what, value=values[0]))
        else:
            told = zip(runs, values, strict=True)
            found += [About(model=run.model, run=run.run, what=what, value=value) for run, value in told]
    return found


def facts(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the same as pairs of what is told and what it is; of what differs, the value begins with the run's id."""
    return [(row.what, f"{row.run}: {row.value}" if row.run else row.value) for row in rows(comparison)]


def about(comparison: Comparison) -> Table[About]:
    """Return the same as a table."""
    several = len(comparison.provenance) > 1
    of_run = [("run", lambda row: row.run or "all of them")] if several else []
    return Table(
        title="About these runs" if len(comparison.runs) > 1 else "About this run",
        rows=rows(comparison),
        names=[
            ("model", lambda row: ", ".join(map(words.short_model, row.model.split(", ")))),
            *of_run,
            ("what", lambda row: row.what),
            ("value", lambda row: row.value),
        ],
        about="data: the fingerprint of a task's questions and answers. prompts: the hash of a template with all that "
        "it is made of; shipped: it comes with cotbench as it is. reproduce: looks whether all of this is here, and "
        f"runs it again. {NOT_RECORDED}: an earlier version, or the log that was imported, doesn't say it.",
        brief=False,
    )


def lines(comparison: Comparison) -> list[str]:
    """Return the same in up to eight lines, for a terminal: hashes are shortened, and what is not recorded left out."""
    said: dict[str, dict[str, list[str]]] = {}
    for row in _told(comparison, {**_FACTS, **_SHORT}):
        if row.value and NOT_RECORDED not in row.value:
            value = _HASH.sub(lambda found: found[0][:8], row.value)
            said.setdefault(row.what, {}).setdefault(value, []).append(row.run)
    made = []
    for name, whats in _LINES.items():
        parts = [_part(what if len(whats) > 1 else "", said[what]) for what in whats if what in said]
        if parts:
            made.append(f"{name}: {'; '.join(parts)}")
    return made


def _part(what: str, values: Mapping[str, Sequence[str]]) -> str:
    """Say one thing in a line: what runs share, or each value with its runs where that is short enough. what: its name,
    where the line says other things too."""
    each = {value: ", ".join(filter(None, runs)) for value, runs in values.items()}
    told = "; ".join(f"{value} ({runs})" if runs else value for value, runs in each.items())
    if len(values) < 2 or len(told) <= MOST_IN_LINE:
        return told
    return f"{what}: not the same in all runs".removeprefix(": ")


_HASH = re.compile(r"(?<![\w-])[0-9a-f]{12,}(?![\w-])")
# The facts of each line, by their names in _FACTS; a line that says nothing is left out.
_LINES: Mapping[str, Sequence[str]] = {
    "Model": ("model", "revision", "engine", "judge", "device", "carried by", "date"),
    "Imported": ("imported from", "inferred", "not in the log", "prelude"),
    "Asked": ("suite", "tasks", "exemplars", "seed"),
    "Budgets": ("budgets",),
    "Drawn": ("sampling", "thinking"),
    "Prompts": ("prompts",),
    "Version": ("cotbench",),
    "Command": ("command",),
    "Again": ("reproduce",),
}


def metadata(comparison: Comparison) -> dict[str, str]:
    """Return what a plot's file says of the runs it shows: their ids, and a description in one short text. It is the
    same each time, and bounded."""
    runs = comparison.provenance
    said = {row[0]: row[1] for row in facts(comparison)}
    wanted = ("model", "engine", "date", "cotbench", "suite", "tasks")
    text = ". ".join(f"{what}: {said[what]}" for what in wanted if what in said)
    return {
        "Identifier": _cut(", ".join(run.run for run in runs)),
        "Description": _cut(text),
    } if runs else {}  # fmt: skip


def _cut(text: str) -> str:
    line = tame_line(text)
    return line if len(line) <= MOST_CHARS else f"{line[: MOST_CHARS - 1]}…"


# --- one fact of one run ----------------------------------------------------------------------------------------------


def _model(run: Provenance) -> str:
    """The model's name; of a folder its last part, since a page that is passed on has no use for a path."""
    return words.short_model(run.model) if run.model.startswith(("/", "~", ".")) else run.model


def _revision(run: Provenance) -> str:
    if run.engine == "stub":
        return "none: a stub, not a model"
    return run.revision or NOT_RECORDED


def _engine(run: Provenance) -> str:
    version = f" {run.engine_version}" if run.engine_version else f" (version {NOT_RECORDED})"
    if run.imported:
        return "none here: made of logs"
    if run.engine in ("stub", "replay"):
        version = ""
    elif run.engine == "openai":
        version = f" (client: aiohttp {run.engine_version or NOT_RECORDED}; the server's version isn't known)"
    return run.engine + version + (f", {run.dtype}" if run.dtype else "")


def _device(run: Provenance) -> str:
    if run.engine == "openai":
        return f"the server's ({run.device or NOT_RECORDED})"
    if run.engine in ("stub", "replay"):
        return "none"
    if run.imported:
        return NOT_RECORDED
    if run.device is None:
        return NOT_RECORDED
    return f"{run.device} ({run.processor})" if run.device == "cpu" and run.processor else run.device


def _date(run: Provenance) -> str:
    if run.started is None:
        return NOT_RECORDED
    first, last = run.started[:10], (run.ended or run.started)[:10]
    days = first if first == last else f"{first} to {last}"
    more = f", in {run.sessions} sessions" if run.sessions > 1 else ""
    going = "" if run.status == "finished" else f", {run.status}"
    return days + more + going


def _tasks(run: Provenance) -> str:
    return "; ".join(map(_task, run.tasks))


def _task(task: TaskAsked) -> str:
    asked = NOT_RECORDED if task.questions is None else f"{task.questions:,}"
    if task.of is not None and task.of != task.questions:
        asked += f" of {task.of:,}"
    source = f"{task.dataset}" + (f" at {task.revision[:12]}" if task.revision else "") if task.dataset else ""
    source = source or task.taken or (f"own file {task.own_file}" if task.own_file else "")
    data = f"data {task.data}" if task.data else ""
    whose = {True: "", False: "own task file" if task.dataset else "", None: f"whose task file: {NOT_RECORDED}"}
    details = ", ".join(filter(None, (source, data, whose[task.shipped])))
    return f"{task.task}: {asked} questions ({details})" if details else f"{task.task}: {asked} questions"


def _suites(run: Provenance) -> str:
    said = [f"{suite.name} ({'own file' if suite.own else 'shipped'}, {suite.hash})" for suite in run.suites]
    left = f"without {', '.join(run.skipped)}" if run.skipped else ""
    return ", ".join(filter(None, (*said, left)))


def _reused(run: Provenance) -> str:
    return ", ".join(f"{count:,} replies of {name}" for name, count in run.reused.items())


def _exemplars(run: Provenance) -> str:
    if run.imported:
        return _logs(run, lambda log: NOT_RECORDED if log.shots is None else f"{log.shots}-shot")
    if run.num_fewshot is None:
        return NOT_RECORDED
    if not run.num_fewshot:
        return "none (zero-shot)"
    return f"{run.num_fewshot} ({run.exemplars or NOT_RECORDED})"


def _shots(run: Provenance) -> str:
    if run.imported:
        return _exemplars(run)
    return NOT_RECORDED if run.num_fewshot is None else f"{run.num_fewshot}-shot" if run.num_fewshot else "zero-shot"


def _sample(run: Provenance) -> str:
    of_suites = [f"{suite.limit:,} of each category of {suite.name}" for suite in run.suites if suite.limit is not None]
    of_tasks = [f"{run.limit:,} of each task"] if run.limit is not None else []
    said = ", at most ".join([*of_suites, *of_tasks])
    return f"{said.replace(' of', ' questions of', 1)}, chosen by the seed" if said else "all questions"


def _seed(run: Provenance) -> str:
    return NOT_RECORDED if run.seed is None else f"seed {run.seed}"


def _over_tasks(run: Provenance, say: Callable[[ArmAsked], str]) -> str:
    """Say something of each arm, once where it is the same on all tasks."""
    arms: dict[str, dict[str, list[str]]] = {}
    for arm in run.arms:
        if said := say(arm):
            arms.setdefault(arm.mode, {}).setdefault(said, []).append(arm.task)
    told: dict[str, list[str]] = {}
    for mode, values in arms.items():
        each = [f"{value} ({', '.join(tasks)})" for value, tasks in values.items()] if len(values) > 1 else [*values]
        told.setdefault(", ".join(each), []).append(mode)
    if len(told) == 1 and len(arms) > 1:
        return f"{next(iter(told))} in all arms"
    return "; ".join(f"{', '.join(modes)}: {value}" for value, modes in told.items())


def _budgets(run: Provenance) -> str:
    return _over_tasks(run, lambda arm: "" if arm.max_tokens is None else f"{arm.max_tokens:,} tokens") or NOT_RECORDED


def _drawn(arm: ArmAsked) -> str:
    if arm.temperature is None:
        return ""
    paths = f"{arm.paths} paths, " if (arm.paths or 1) > 1 else ""
    top = f", top_p {arm.top_p:g}" if arm.top_p is not None else ""
    how = f"temperature {arm.temperature:g}{top}" if arm.temperature else "greedy"
    others = "".join(f", {name} {value}" for name, value in arm.other.items() if name != "stop")
    begun = f", begun with {arm.begun!r}" if arm.begun else ""
    return f"{paths}{how}{others}{begun}"


def _sampling(run: Provenance) -> str:
    return _over_tasks(run, _drawn) or NOT_RECORDED


def _thinking(run: Provenance) -> str:
    told = f" (--thinking {run.thinking})" if run.thinking not in (None, "auto") else ""
    return (_over_tasks(run, lambda arm: arm.thinks or NOT_RECORDED) or NOT_RECORDED) + told


def _whose(arm: ArmAsked) -> str:
    if arm.whose == "own":
        return f"own ({', '.join(arm.own_files)})"
    if arm.whose is not None and arm.whose.startswith("of the plugin "):
        return arm.whose
    said = {"shipped": "shipped", "another version's": "shipped with the version that ran it, not as this one's"}
    return said.get(arm.whose or "", f"whose: {NOT_RECORDED}")


def _prompts(run: Provenance) -> str:
    return _over_tasks(run, lambda arm: f"{arm.prompt or NOT_RECORDED}, {_whose(arm)}")


def _cotbench(run: Provenance) -> str:
    version = " and ".join(run.cotbench) or NOT_RECORDED
    commit = f", commit {run.commit[:12]}" if run.commit else ""
    return version + commit + (" with changes" if run.changed else "")


def _machine(run: Provenance) -> str:
    there = [run.platform, f"Python {run.python}" if run.python else None]
    return ", ".join(filter(None, there)) or NOT_RECORDED


def _template(run: Provenance) -> str:
    if run.chat_template is None:
        return NOT_RECORDED
    return run.chat_template + (f" ({run.chat_template_hash})" if run.chat_template_hash else "")


def _logs(run: Provenance, say: Callable[[ArmImported], str]) -> str:
    """Say something of the log of each arm, once where it is the same of several."""
    told: dict[str, list[str]] = {}
    tasks = {log.task for log in run.imported}
    for log in run.imported:
        if said := say(log):
            told.setdefault(said, []).append(log.mode if len(tasks) == 1 else f"{log.task}/{log.mode}")
    if len(told) == 1 and len(next(iter(told.values()))) == len(run.imported) > 1:
        return f"{next(iter(told))} in all arms"
    return "; ".join(f"{', '.join(arms)}: {said}" for said, arms in told.items())


def _log(log: ArmImported) -> str:
    version = f" {log.version}" if log.version else ""
    return f"{log.format}{version}, {', '.join(log.files)}" if log.files else f"{log.format}{version}"


def _inferred(log: ArmImported) -> str:
    return _listed(log.inferred)


def _listed(inferred: Mapping[str, str]) -> str:
    """What was inferred, with how."""
    said = ", ".join(f"{what} ({how})" for what, how in inferred.items())
    return f"inferred: {said}" if said else ""


def _lacking(log: ArmImported) -> str:
    names = [name.replace("_", " ") for name in log.not_recorded]
    return f"without {words.listed(names)}" if names else ""


_FACTS: Mapping[str, Callable[[Provenance], str]] = {
    "model": _model,
    "revision": _revision,
    "engine": _engine,
    "imported from": lambda run: _logs(run, _log),
    "their verdict": lambda run: _logs(run, lambda log: log.reading),
    "inferred": lambda run: "; ".join(filter(None, (_listed(run.inferred), _logs(run, _inferred)))),
    "not in the log": lambda run: _logs(run, _lacking),
    "prelude": lambda run: run.prelude,
    "judge": lambda run: run.judge or "",
    "device": _device,
    "carried by": lambda run: run.carried,
    "date": _date,
    "suite": _suites,
    "tasks": _tasks,
    "limit": _sample,
    "seed": _seed,
    "exemplars": _exemplars,
    "taken": _reused,
    "budgets": _budgets,
    "sampling": _sampling,
    "thinking": _thinking,
    "prompts": _prompts,
    "chat template": _template,
    "cotbench": _cotbench,
    "machine": _machine,
    "command": lambda run: run.command or NOT_RECORDED,
    "reproduce": lambda run: run.again,
}
_SHORT: Mapping[str, Callable[[Provenance], str]] = {
    "revision": lambda run: "" if run.engine == "stub" else _revision(run),
    "device": lambda run: "" if run.engine in ("stub", "replay") else _device(run),
    "exemplars": _shots,
    "thinking": lambda run: f"thinking {_thinking(run)}",
    "prompts": lambda run: _over_tasks(run, _whose),
    "reproduce": lambda run: run.again.replace(shlex.quote(run.run), "RUN"),
}
