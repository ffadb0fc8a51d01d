"""Logs of EleutherAI's lm-evaluation-harness: `samples_<task>_<time>.jsonl` (or .jsonl.gz), one line for each question
and filter, and the `results_<time>.json` beside them, which says with what model and settings.

Two filters are two readings of the same output, so their lines are one sample. Of multiple choice by likelihood
nothing was written: a sample's output is the likeliest option's letter, with the log-probability of each option's text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.errors import DataError
from cotbench.logs.lines import REMEDY, Skip, first_row, opened, rows_of
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.types import LETTERS, Completion, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "lm-eval"
INVALID = "[invalid]"  # what a filter gives where its pattern isn't found
_SAMPLES = re.compile(r"samples_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+))?\.jsonl(?:\.gz)?\Z")
_MC = frozenset({"multiple_choice", "loglikelihood"})
_QUESTIONS = ("question", "Question", "query", "problem", "Problem", "input", "prompt", "ctx", "goal", "sentence")
_CHOICES = ("choices", "options", "endings", "Choices")
_LABELS = ("A", "B", "C", "D", "E", "1", "2", "3", "4", "5")
_LEAST_QUESTION = 12  # characters of what may be a question; "cause" and "effect" are none
_LAST_PART = re.compile(r"\n\s*\n")
_ASKED = re.compile(r"\A(?:Question|Q|Problem|Input)\s*:\s*")
_TO_ANSWER = re.compile(r"\n\s*(?:Answer|A|Solution|Output)\s*:(?:\s*Let's think step by step\.?)?\s*\Z")
_GENERATION = {"max_gen_toks": "max_tokens", "max_tokens": "max_tokens", "max_new_tokens": "max_tokens"}
_DRAWN = ("temperature", "top_p", "top_k", "min_p", "seed")
_ROLES = ("system", "user", "assistant")


def tells(path: Path) -> bool:
    """Whether a file holds lm-eval's samples, or a folder such files."""
    if path.is_dir():
        return next(_files(path), None) is not None
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


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("samples_*.jsonl*") if _SAMPLES.fullmatch(file.name))


def _named(file: Path) -> tuple[str, str]:
    """Task and time as the file's name has them."""
    found = _SAMPLES.fullmatch(file.name)
    return (found["task"], found["time"] or "") if found else (file.name.partition(".")[0], "")


def _log(file: Path) -> Log:
    task, time = _named(file)
    beside = _results(file, time)
    told = _read_results(beside) if beside is not None else {}
    config = _mapping(told.get("config"))
    own = _mapping(_mapping(told.get("configs")).get(task))
    first = first_row(file)
    mc = own.get("output_type") in _MC or _is_likelihood(first.get("resps"))
    figures = _figures(_mapping(_mapping(told.get("results")).get(task)))
    notes = () if told else (f"no results_*.json beside {file.name}: the model and most settings aren't recorded",)
    chat = told.get("chat_template_sha") or told.get("chat_template")
    arm = {
        "template": own.get("doc_to_text") if isinstance(own.get("doc_to_text"), str) else None,
        "description": own.get("description") or None,
        "system": told.get("system_instruction") or None,
        "chat_template": str(chat)[:16] if chat else ("none" if "chat_template" in told else None),
        "fewshot_as_multiturn": told.get("fewshot_as_multiturn"),
        "limit": config.get("limit"),
        "task_version": _mapping(told.get("versions")).get(task),
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
        samples=partial(_samples, file, mc),
    )


# --- what stands beside ---------------------------------------------------------------------------------------------


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


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
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON: {error}.", "Restore the file, or move it away.") from None
    return _mapping(content)


def _arguments(given: Any) -> Mapping[str, Any]:
    if isinstance(given, str):
        parts = (part.partition("=") for part in given.split(",") if "=" in part)
        return {key.strip(): value.strip() for key, _, value in parts}
    return _mapping(given)


def _model(told: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    arguments = _arguments(config.get("model_args"))
    names = (told.get("model_name"), arguments.get("pretrained"), arguments.get("model"), arguments.get("engine"))
    return next((str(name) for name in names if name), str(config.get("model") or ""))


def _shots(told: Mapping[str, Any], own: Mapping[str, Any], task: str) -> int | None:
    for value in (own.get("num_fewshot"), _mapping(told.get("n-shot")).get(task)):
        if type(value) is int:
            return value
    return None


def _date(given: Any, time: str) -> str:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return datetime.fromtimestamp(given, UTC).isoformat(timespec="seconds")
    return time.partition(".")[0]


def _figures(results: Mapping[str, Any]) -> list[Figure]:
    found = []
    for key, value in results.items():
        metric, _, name = key.partition(",")
        if metric.endswith("_stderr") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if metric in ("alias", "sample_len"):
            continue
        stderr = results.get(f"{metric}_stderr,{name}" if name else f"{metric}_stderr")
        error = float(stderr) if isinstance(stderr, int | float) and not isinstance(stderr, bool) else None
        found.append(Figure(name=metric, value=float(value), reading=_reading(metric, name), stderr=error))
    return found


def _sampling(own: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """How outputs were drawn: as the first line says of its request, else the task's configuration."""
    kwargs = {**_mapping(own.get("generation_kwargs")), **_kwargs(first)}
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
        paths = _texts(first.get("resps"))
    if len(paths) > 1 or type(repeats) is int:
        drawn["n"] = max(len(paths), repeats if type(repeats) is int else 1)
    return drawn


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- samples --------------------------------------------------------------------------------------------------------


def _samples(file: Path, mc: bool, skip: Skip = None) -> Iterator[Sample]:
    """One sample for each question: the lines of the first filter, with what others read in the same output."""
    filters = _filters(file)
    further: dict[Any, dict[str, Theirs]] = {}
    if len(filters) > 1:
        for _, row in rows_of(file, lambda _: None):
            if _filter_of(row) != filters[0]:
                further.setdefault(_name_of(row), {}).update(_readings(row, mc))
    seen = set()
    for place, row in rows_of(file, skip):
        name = _name_of(row)
        if _filter_of(row) != filters[0]:
            continue
        seen.add(name)
        if (sample := _sample(place, row, mc, further.get(name, {}), skip)) is not None:
            yield sample
    if further.keys() - seen:  # a question that the first filter has no line of
        for place, row in rows_of(file, lambda _: None):
            name = _name_of(row)
            if name not in seen:
                seen.add(name)
                if (sample := _sample(place, row, mc, further.get(name, {}), skip)) is not None:
                    yield sample


_FILTER = re.compile(rb'"filter"\s*:\s*"((?:[^"\\]|\\.)*)"')


def _filters(file: Path) -> list[str]:
    """The filters of a file, in order, without parsing it."""
    found: dict[str, None] = {}
    with opened(file) as lines:
        for line in lines:
            at = line.rfind(b'"filter"')
            match = _FILTER.match(line, at) if at >= 0 else None
            name = match[1].decode(errors="replace") if match else ""
            if line.strip():
                found.setdefault(json.loads(f'"{name}"') if "\\" in name else name)
    return list(found)


def _filter_of(row: Mapping[str, Any]) -> str:
    return str(row.get("filter") or "")


def _name_of(row: Mapping[str, Any]) -> Any:
    name = row.get("doc_id")
    return name if isinstance(name, int | str) else json.dumps(name)


def _sample(place: str, row: Mapping[str, Any], mc: bool, further: Mapping[str, Theirs], skip: Skip) -> Sample | None:
    try:
        return _made(place, row, mc, further)
    except ValueError as error:
        fault = DataError(f"{place}: {error}.", REMEDY)
        if skip is None:
            raise fault from None
        skip(fault)
        return None


def _made(place: str, row: Mapping[str, Any], mc: bool, further: Mapping[str, Theirs]) -> Sample:
    """Raises ValueError, which says what was found instead, where a line isn't a sample."""
    if "doc" not in row:
        raise ValueError("'doc' is missing, the row of data that lm-eval's lines hold")
    if "resps" not in row:
        raise ValueError("'resps' is missing: what came back for the question")
    doc = row["doc"] if isinstance(row["doc"], Mapping) else {"doc": row["doc"]}
    likely = _likelihoods(row["resps"]) if mc else ()
    ends = _ends(row.get("arguments")) if mc else ()
    choices = _choices(doc)
    if mc and len(choices) != len(likely):
        choices = ends if len(ends) == len(likely) else ("",) * len(likely)
    messages = _messages(row.get("arguments"))
    target = row.get("target")
    several = target if isinstance(target, list) else [target]
    return Sample(
        place=place,
        key=str(row.get("doc_hash") or ""),
        name=str(row.get("doc_id", "")),
        row=doc,
        question=_question(doc, messages),
        choices=choices,
        target=tuple(_target(one, choices, ends, mc) for one in several if one is not None),
        group=str(doc.get("subject") or doc.get("category") or doc.get("type") or ""),
        messages=messages,
        outputs=_likeliest(likely) if mc else tuple(map(_completion, _texts(row["resps"]))),
        readings={**_readings(row, mc), **further},
    )


def _completion(text: str | None) -> Completion:
    if text is None:
        return Completion(text="", finish_reason="error", error="the log has no output")
    return Completion(text=text, finish_reason="stop")


def _texts(resps: Any) -> list[str | None]:
    """The outputs of a question: repeats of one request; None of one that didn't come. Raises ValueError."""
    if isinstance(resps, list) and len(resps) == 1 and isinstance(resps[0], list):
        resps = resps[0]
    if not isinstance(resps, list) or not all(isinstance(one, str | None) for one in resps):
        if _is_likelihood([resps] if not isinstance(resps, list) else resps):
            return []
        raise ValueError(f"resps is {resps!r:.60}, expected a list of texts")
    return list(resps)


def _is_likelihood(resps: Any) -> bool:
    """Whether replies are log-probabilities of options: [[["-0.26", "False"]], ...]."""
    while isinstance(resps, list) and resps:
        if len(resps) == 2 and not isinstance(resps[0], list) and str(resps[1]) in ("True", "False"):
            return True
        resps = resps[0]
    return False


def _likelihoods(resps: Any) -> tuple[float, ...]:
    """The log-probability of each option. Raises ValueError."""
    found = []
    for one in resps if isinstance(resps, list) else ():
        while isinstance(one, list) and one and isinstance(one[0], list):
            one = one[0]
        try:
            found.append(float(one[0]))
        except (TypeError, ValueError, LookupError):
            raise ValueError(f"resps has {one!r:.60}, expected the log-probability of an option") from None
    if not 1 <= len(found) <= len(LETTERS):
        raise ValueError(f"resps has {len(found)} options, expected 1 to {len(LETTERS)}")
    return tuple(found)


def _likeliest(likely: Sequence[float]) -> tuple[Completion, ...]:
    best = max(range(len(likely)), key=lambda place: likely[place] if math.isfinite(likely[place]) else -math.inf)
    options = {letter: one for letter, one in zip(LETTERS, likely, strict=False) if math.isfinite(one)}
    return (Completion(text=LETTERS[best], finish_reason="stop", options=options),)


def _requests(arguments: Any) -> list[Any]:
    """What was asked, as (prompt, rest), in either of the forms that versions write."""
    if isinstance(arguments, Mapping):
        return [(one.get("arg_0"), one.get("arg_1")) for one in arguments.values() if isinstance(one, Mapping)]
    if isinstance(arguments, list):
        return [(one[0], one[1] if len(one) > 1 else None) for one in arguments if isinstance(one, list) and one]
    return []


def _kwargs(row: Mapping[str, Any]) -> Mapping[str, Any]:
    asked = _requests(row.get("arguments"))
    return _mapping(asked[0][1]) if asked else {}


def _ends(arguments: Any) -> tuple[str, ...]:
    """The texts of the options whose likelihood was asked for."""
    return tuple(str(end).strip() for _, end in _requests(arguments) if isinstance(end, str))


def _messages(arguments: Any) -> tuple[Message, ...]:
    """What was sent: one text, or the messages of a chat, which the harness keeps as JSON."""
    asked = _requests(arguments)
    prompt = asked[0][0] if asked else None
    if isinstance(prompt, str) and prompt.lstrip().startswith('[{"'):
        with suppress(ValueError):
            prompt = json.loads(prompt)
    if isinstance(prompt, list) and all(isinstance(one, Mapping) and "role" in one for one in prompt):
        return tuple(
            Message(role=one["role"] if one["role"] in _ROLES else "user", text=_content(one.get("content")))
            for one in prompt
        )
    return (Message(role="user", text=prompt),) if isinstance(prompt, str) else ()


def _content(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else "" if content is None else str(content)


def _question(doc: Mapping[str, Any], messages: Sequence[Message]) -> str:
    """The question: where it usually stands in a row, else the last part of the prompt."""
    for name in _QUESTIONS:
        text = doc.get(name)
        if isinstance(text, str) and len(text.strip()) >= _LEAST_QUESTION:
            return text.strip()
    text = next((one.text for one in reversed(messages) if one.role == "user"), "").strip()
    last = _LAST_PART.split(text)[-1] if len(messages) == 1 and _ASKED.match(_LAST_PART.split(text)[-1]) else text
    return _TO_ANSWER.sub("", _ASKED.sub("", last)).strip()


def _choices(doc: Mapping[str, Any]) -> tuple[str, ...]:
    for name in _CHOICES:
        found = doc.get(name)
        if isinstance(found, Mapping):
            found = found.get("text")
        listed = found if isinstance(found, list) and 2 <= len(found) <= len(LETTERS) else []
        if listed and all(isinstance(one, str | int | float) for one in listed):
            return tuple(str(one).strip() for one in listed)
    columns = [f"choice{number}" for number in range(1, 10)]
    texts = [str(doc[name]) for name in columns if isinstance(doc.get(name), str)]
    return tuple(texts) if len(texts) > 1 else ()


def _target(target: Any, choices: Sequence[str], ends: Sequence[str], mc: bool) -> str:
    """The right answer; of options by likelihood the letter, where lm-eval has the index or the option's text."""
    if not mc:
        return str(target).strip()
    text = str(target).strip()
    if text.isdecimal() and int(text) < len(choices) and text not in ends:
        return LETTERS[int(text)]
    for options in (ends, choices):
        if list(options).count(text) == 1:
            return LETTERS[list(options).index(text)]
    if text.isdecimal() and int(text) < len(choices):
        return LETTERS[int(text)]
    return text


# --- its own verdicts -----------------------------------------------------------------------------------------------


def _reading(metric: str, name: str) -> str:
    """What a reading is called: by its filter, by its metric where nothing was filtered."""
    return name if name not in ("", "none") else metric


def _readings(row: Mapping[str, Any], mc: bool) -> dict[str, Theirs]:
    """What the harness made of a line: its first metric by the name of the filter, further ones beside it."""
    listed = row.get("metrics")
    metrics = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    metrics = metrics or [name for name in ("exact_match", "acc", "acc_norm") if name in row]
    name = _filter_of(row)
    found: dict[str, Theirs] = {}
    for metric in metrics:
        value = row.get(metric)
        if not isinstance(value, int | float):
            continue
        called = _reading(metric, name)
        called = f"{metric},{name}" if called in found else called
        found[called] = Theirs(metric=metric, scores=(float(value),), answers=_answers(row, metric, mc))
    return found


def _answers(row: Mapping[str, Any], metric: str, mc: bool) -> tuple[str | None, ...]:
    if mc:
        return _chosen(row, metric)
    filtered = row.get("filtered_resps")
    while isinstance(filtered, list) and len(filtered) == 1 and isinstance(filtered[0], list):
        filtered = filtered[0]
    values = filtered if isinstance(filtered, list) else [filtered]
    return tuple(None if one is None or one == INVALID else str(one) for one in values)


def _chosen(row: Mapping[str, Any], metric: str) -> tuple[str | None, ...]:
    """The option that a metric takes: the likeliest, or of `acc_norm` the likeliest by its length."""
    try:
        likely = _likelihoods(row.get("resps"))
    except ValueError:
        return (None,)
    ends = [str(end) for _, end in _requests(row.get("arguments")) if isinstance(end, str)]
    if metric == "acc_norm":
        if len(ends) != len(likely):
            return (None,)
        likely = tuple(one / max(1, len(end.lstrip())) for one, end in zip(likely, ends, strict=True))
    elif metric != "acc":
        return (None,)
    return (LETTERS[max(range(len(likely)), key=likely.__getitem__)],)
