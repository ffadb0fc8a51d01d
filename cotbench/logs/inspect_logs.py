"""Logs of Inspect (inspect_ai): `.eval` and `.json`, also of runs that crashed or ended in an error."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.errors import DataError
from cotbench.logs import inspect_files as files
from cotbench.logs.folders import of_task
from cotbench.logs.inspect_samples import sample
from cotbench.logs.log import Figure, Log, Sample
from cotbench.logs.values import Part, Skip, as_number, made, scalars

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "inspect"
ABOUT = "logs of Inspect (inspect_ai): .eval, .json, or a folder of them"
_SAMPLING = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "stop_seqs": "stop",
    "num_choices": "n",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
# Settings of how requests travel: two arms may differ in them, and ask the same.
_TRAVEL = frozenset(
    """max_retries timeout attempt_timeout stream_idle_timeout max_connections adaptive_connections cache cache_prompt
    batch logprobs top_logprobs prompt_logprobs tool_calls kwargs fail_on_refusal""".split()
)
_SHOTS = ("fewshot", "num_fewshot", "n_shots", "shots", "k_shot")
_EVAL = re.compile(rb'\s*\{.*?"eval"\s*:\s*\{', re.DOTALL)
_SIGNS = (b'"status"', b'"plan"', b'"task_id"', b'"run_id"', b'"task_args"', b'"dataset"')
_HEAD = 1 << 16
_VERSION = 2


def tells(path: Path) -> bool:
    """Whether a file is a log of Inspect, or a folder holds one."""
    try:
        return next(_found(path), None) is not None if path.is_dir() else _is_log(path)
    except OSError:
        return False


def _is_log(path: Path) -> bool:
    if path.suffix == ".eval" and path.is_file():
        return zipfile.is_zipfile(path)
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return _EVAL.match(head) is not None and sum(sign in head for sign in _SIGNS) >= 3


def _found(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.iterdir()) if one.suffix in (".eval", ".json") and _is_log(one))


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The log that a file is, or those of a folder. Raises DataError."""
    if not path.is_dir():
        return [_log(path)]
    return of_task(path, ((log.task, log) for log in map(_log, _found(path))), options.task, "Inspect")


def _log(path: Path) -> Log:
    head, whole = files.header(path)
    spec, plan = head.part("eval"), head.part("plan")
    if not spec.text("task") and not spec.text("model"):
        raise DataError(f"{head.place}: names neither task nor model under 'eval'.", "Name a log of Inspect.")
    dataset, config = spec.part("dataset"), spec.part("config")
    order = [str(one) for one in dataset.items("sample_ids")]
    figures = list(_figures(head.part("results")))
    metrics: dict[str, str] = {}
    for figure in figures:
        metrics.setdefault(figure.reading, figure.name)
    steps = list(plan.parts("steps"))
    arm = _arm(spec, plan, steps)
    model = spec.text("model")

    def samples(skip: Skip = None) -> Iterator[Sample]:
        with files.samples(path, order, skip) as groups:
            for entries in groups:
                read = made(skip, sample, entries, model, metrics)
                if read is not None:
                    yield read

    return Log(
        path=path,
        format=NAME,
        version=spec.part("packages").label("inspect_ai"),
        task=spec.text("task"),
        model=model,
        model_args=spec.part("model_args").value,
        dataset=dataset.text("location") or dataset.text("name"),
        sampling=_sampling(spec, plan, steps, config),
        shots=next((_whole(arm[key]) for key in _SHOTS if _whole(arm.get(key)) is not None), None),
        arm=arm,
        kind=_kind(spec, steps),
        date=spec.text("created"),
        figures=figures,
        notes=_notes(path, head, config, steps, whole, len(order)),
        samples=samples,
    )


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _kind(spec: Part, steps: Sequence[Part]) -> str:
    """Letters where options were shown: the solver `multiple_choice`, or the scorer `choice`."""
    shown = [step for step in steps if _bare(step.text("solver")) == "multiple_choice"]
    if any(step.part("params").any("multiple_correct") for step in shown):
        return "letters"
    scorers = [_bare(one.text("name")) for one in spec.parts("scorers")]
    return "letter" if shown or "choice" in scorers else ""


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _settings(spec: Part, plan: Part, steps: Sequence[Part]) -> dict[str, Any]:
    """How the model was asked: its own settings, the task's over them, a solver's over these."""
    settings = {**spec.part("model_generate_config").value, **plan.part("config").value}
    for step in steps:
        params = step.part("params")
        settings |= {key: value for key, value in params.value.items() if key in _SAMPLING and value is not None}
    return {key: value for key, value in settings.items() if value is not None}


def _sampling(spec: Part, plan: Part, steps: Sequence[Part], config: Part) -> dict[str, Any]:
    told = Part(_settings(spec, plan, steps), plan.place, "plan.config")
    drawn: dict[str, Any] = {}
    for theirs, ours in _SAMPLING.items():
        if theirs == "stop_seqs":
            stop = told.texts(theirs)
            drawn |= {ours: list(stop)} if stop else {}
        elif (value := told.number(theirs)) is not None:
            drawn[ours] = int(value) if value.is_integer() and theirs not in ("temperature", "top_p") else value
    if drawn.get("n") == 1:
        del drawn["n"]
    epochs = config.count("epochs")
    if epochs is not None and epochs > 1:
        drawn["n"] = epochs * int(drawn.get("n", 1))
    return drawn


def _arm(spec: Part, plan: Part, steps: Sequence[Part]) -> dict[str, Any]:
    """What may tell two arms from each other: the task's arguments, the solvers with theirs, settings of thought."""
    arm = scalars(spec.part("task_args"))
    thinks = arm.pop("cot") if isinstance(arm.get("cot"), bool) else _chain_of_thought(steps)
    if thinks is not None:
        arm["chain_of_thought"] = thinks
    solvers = [_bare(step.text("solver")) for step in steps]
    if solvers == [arm.get("arm")]:  # a log of ours (exports): its one solver is the arm, with its settings once more
        solvers = []
    if any(solvers):
        arm["solvers"] = " + ".join(solvers)
    for name, step in zip(solvers, steps if solvers else (), strict=True):
        told = scalars(step.part("params"), f"{name}.")
        arm |= {key: value for key, value in told.items() if key.partition(".")[2] not in {*_TRAVEL, *_SAMPLING}}
    asked = scalars(Part(_settings(spec, plan, steps), plan.place))
    return arm | {key: value for key, value in asked.items() if key not in {*_TRAVEL, *_SAMPLING}}


def _chain_of_thought(steps: Sequence[Part]) -> bool | None:
    """Whether the solvers ask for a chain of thought, where they say it: `multiple_choice` asks for the letter alone
    unless it is told otherwise, or has a template of its own."""
    said = None
    for step in steps:
        name, params = _bare(step.text("solver")), step.part("params")
        if name == "chain_of_thought":
            return True
        if name == "multiple_choice":
            told = params.any("cot")
            said = told if isinstance(told, bool) and "template" not in params else said
            said = False if told is None and "template" not in params else said
    return said


def _figures(results: Part) -> Iterator[Figure]:
    """The metrics of each scorer. A reading is called as in the samples: by its scorer, or scorer/value."""
    if not results:
        return
    entries = list(results.parts("scores"))
    reducers: dict[str, set[str]] = {}
    for entry in entries:
        reducers.setdefault(entry.text("name"), set()).add(entry.text("reducer"))
    for entry in entries:
        name, scorer = entry.text("name"), entry.text("scorer")
        same = not scorer or re.fullmatch(re.escape(scorer) + r"\d*", name) is not None
        reading = name if same else f"{scorer}/{name}"
        reducer = f" ({entry.text('reducer') or 'mean'})" if len(reducers[name]) > 1 else ""
        yield from _of_metrics(entry.part("metrics"), reading, reducer)
    if not entries:
        yield from _of_metrics(results.part("metrics"), results.part("scorer").text("name") or "score", "")


def _of_metrics(metrics: Part, reading: str, reducer: str) -> Iterator[Figure]:
    values: dict[str, float | None] = {}
    for key in metrics.value:
        told = metrics.any(key)
        values[key] = as_number(told) if not isinstance(told, dict) else metrics.part(key).number("value")
    error = values.get("stderr")
    for name, value in values.items():
        if name != "stderr" and value is not None:
            centre = name in ("accuracy", "mean")
            yield Figure(name=f"{name}{reducer}", value=value, reading=reading, stderr=error if centre else None)


def _notes(path: Path, head: Part, config: Part, steps: Sequence[Part], whole: bool, asked: int) -> list[str]:
    found = files.counted(path)
    wanted = asked * (config.count("epochs") or 1)
    notes = []
    if (version := head.count("version") or 0) > _VERSION:
        notes.append(f"the log is of version {version}, newer than {_VERSION}, the last one that is known here")
    if not whole:
        notes.append("the run crashed before its log was finished: its results aren't recorded")
    elif (status := head.text("status")) not in ("", "success"):
        why = head.part("error").text("message").strip().partition("\n")[0]
        notes.append(f"the run ended with the status '{status}'" + (f": {why:.200}" if why else ""))
    if wanted and found < wanted:
        notes.append(f"{found:,} of {wanted:,} samples are in the log")
    elif not found:
        notes.append("there is no sample in the log")
    if head.any("invalidated") is True:
        notes.append("somebody marked samples of the log as invalid")
    tools = sorted({_bare(step.text("solver")) for step in steps} & {"use_tools", "react", "basic_agent", "bridge"})
    if tools:
        notes.append(f"the model held a conversation ({', '.join(tools)}): an output is its last reply")
    return notes
