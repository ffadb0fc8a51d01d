"""Logs of EleutherAI's lm-evaluation-harness: `samples_<task>_<time>.jsonl` (or .jsonl.gz), one line for each question
and filter, and the `results_<time>.json` beside them, which says with what model and settings.

Two filters are two readings of the same output, so their lines are one sample. Of multiple choice by likelihood
nothing was written: a sample's output is the likeliest option's letter, with the log-probability of each option's text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from cotbench.errors import DataError
from cotbench.logs.folders import GLANCE, below
from cotbench.logs.lines import first_row, opened
from cotbench.logs.lm_eval_samples import is_likelihood, kwargs_of, mapping, reading_name, samples_of, texts_of
from cotbench.logs.log import Figure, Log

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "lm-eval"
_SAMPLES = re.compile(r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl(?:\.gz)?\Z")
_MC = frozenset({"multiple_choice", "loglikelihood"})
_GENERATION = {"max_gen_toks": "max_tokens", "max_tokens": "max_tokens", "max_new_tokens": "max_tokens"}
_DRAWN = ("temperature", "top_p", "top_k", "min_p", "seed")


def tells(path: Path) -> bool:
    """Whether a file holds lm-eval's samples, or a folder such files."""
    if path.is_dir():
        return next(_files(path, GLANCE), None) is not None
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        return False
    row = first_row(path)
    return "doc" in row and bool({"resps", "filtered_resps", "arguments"} & row.keys())


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The logs of a file or a folder, one for each task. Raises DataError."""
    if path.is_dir():
        files = [file for file in sorted(_files(path)) if not options.task or _named(file)[0] == options.task]
        if not files:
            known = ", ".join(sorted({_named(file)[0] for file in _files(path)})[:8])
            raise DataError(f"{path}: holds no samples of {options.task}. There are: {known}.", "Name one of them.")
        seen: dict[tuple[Path, str], Path] = {}
        for file in files:
            task = _named(file)[0]
            other = seen.setdefault((file.parent, task), file)
            if other is not file:
                found = f"{path}: holds two logs of {task}: {other.name} and {file.name}"
                raise DataError(f"{found}.", "Name the file that is meant.")
        return [_log(file) for file in files]
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.", "Name a samples_*.jsonl, or the folder that holds it.")
    return [_log(path)]


def _files(folder: Path, most: int | None = None) -> Iterator[Path]:
    return (file for file in below(folder, (".jsonl", ".jsonl.gz"), most) if _SAMPLES.fullmatch(file.name))


def _named(file: Path) -> tuple[str, str]:
    """Task and time as the file's name has them."""
    found = _SAMPLES.fullmatch(file.name)
    return (found["task"], found["time"] or "") if found else (file.name.partition(".")[0], "")


def _log(file: Path) -> Log:
    task, time = _named(file)
    beside = _results(file, time)
    told = _read_results(beside) if beside is not None else {}
    config = mapping(told.get("config"))
    own = mapping(mapping(told.get("configs")).get(task))
    first = first_row(file)
    mc = str(own.get("output_type")) in _MC or is_likelihood(first.get("resps"))
    figures = _figures(mapping(mapping(told.get("results")).get(task)))
    notes = () if told else (f"no results_*.json beside {file.name}: the model and most settings aren't recorded",)
    chat = told.get("chat_template_sha") or told.get("chat_template")
    arm = {
        "template": own.get("doc_to_text") if isinstance(own.get("doc_to_text"), str) else None,
        "description": own.get("description") or None,
        "system": told.get("system_instruction") or None,
        "chat_template": str(chat)[:16] if chat else ("none" if "chat_template" in told else None),
        "fewshot_as_multiturn": told.get("fewshot_as_multiturn"),
        "limit": config.get("limit"),
        "arm": mapping(own.get("metadata")).get("arm"),
        "task_version": mapping(told.get("versions")).get(task),
    }
    return Log(
        path=file,
        format=NAME,
        version=str(told.get("lm_eval_version") or ""),
        task=task,
        model=_model(told, config),
        revision=str(config.get("model_sha") or config.get("model_revision") or ""),
        model_args=_arguments(config.get("model_args")),
        dataset=str(own.get("dataset_path") or ""),
        config=str(own.get("dataset_name") or ""),
        split=str(own.get("test_split") or own.get("validation_split") or ""),
        sampling={} if mc else _sampling(own, first),
        shots=_shots(told, own, task),
        arm={name: value for name, value in arm.items() if value is not None},
        kind="letter" if mc else "",
        likelihoods=mc,
        date=_date(told.get("date"), time),
        figures=figures,
        notes=notes,
        samples=partial(samples_of, file, mc),
    )


# --- what stands beside ---------------------------------------------------------------------------------------------


def _results(file: Path, time: str) -> Path | None:
    """The results of the same start; else the only ones there are."""
    exact = file.with_name(f"results_{time}.json")
    if time and exact.is_file():
        return exact
    there = sorted({*file.parent.glob("results*.json"), *(file.parent.glob(f"*{time}.json") if time else ())})
    same = [one for one in there if time and time in one.name]
    found = same or there
    return found[0] if len(found) == 1 else None


def _read_results(path: Path) -> Mapping[str, Any]:
    try:
        with opened(path) as file:
            content = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid JSON: {error}.", "Restore the file, or move it away.") from None
    return mapping(content)


def _arguments(given: Any) -> Mapping[str, Any]:
    if isinstance(given, str):
        parts = (part.partition("=") for part in given.split(",") if "=" in part)
        return {key.strip(): value.strip() for key, _, value in parts}
    return mapping(given)


def _model(told: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    arguments = _arguments(config.get("model_args"))
    names = (told.get("model_name"), arguments.get("pretrained"), arguments.get("model"), arguments.get("engine"))
    return next((str(name) for name in names if name), str(config.get("model") or ""))


def _shots(told: Mapping[str, Any], own: Mapping[str, Any], task: str) -> int | None:
    for value in (own.get("num_fewshot"), mapping(told.get("n-shot")).get(task)):
        if type(value) is int:
            return value
    return None


def _date(given: Any, time: str) -> str:
    if isinstance(given, int | float) and not isinstance(given, bool):
        with suppress(ValueError, OverflowError, OSError):  # no moment that there is
            return datetime.fromtimestamp(given, UTC).isoformat(timespec="seconds")
    return time.partition(".")[0]


def _figures(results: Mapping[str, Any]) -> list[Figure]:
    found = []
    for key, value in results.items():
        metric, _, name = key.partition(",")
        if metric.endswith("_stderr") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if metric in ("alias", "sample_len") or abs(value) > sys.float_info.max:
            continue
        stderr = results.get(f"{metric}_stderr,{name}" if name else f"{metric}_stderr")
        error = float(stderr) if _is_number(stderr) and abs(stderr) <= sys.float_info.max else None
        found.append(Figure(name=metric, value=float(value), reading=reading_name(metric, name), stderr=error))
    return found


def _sampling(own: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """How outputs were drawn: as the first line says of its request, else the task's configuration."""
    kwargs = {**mapping(own.get("generation_kwargs")), **kwargs_of(first)}
    drawn: dict[str, Any] = {name: kwargs[name] for name in _DRAWN if _is_number(kwargs.get(name))}
    for name, ours in _GENERATION.items():
        if _is_number(kwargs.get(name)):
            drawn.setdefault(ours, kwargs[name])
    if kwargs.get("do_sample") is False:
        drawn["temperature"] = 0.0
    stop = kwargs.get("until")
    if isinstance(stop, str | list):
        drawn["stop"] = [stop] if isinstance(stop, str) else [str(one) for one in stop]
    repeats = own.get("repeats")
    paths: list[str | None] = []
    with suppress(ValueError):
        paths = texts_of(first.get("resps"))
    if len(paths) > 1 or type(repeats) is int:
        drawn["n"] = max(len(paths), repeats if type(repeats) is int else 1)
    return drawn


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
