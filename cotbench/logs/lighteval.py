"""Details of lighteval: `details/<model>/<time>/details_<task>|<shots>_<time>.parquet`, a row for each question with
the columns doc, model_response and metric, and `results/<model>/results_<time>.json` with figures and settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.errors import DataError
from cotbench.logs.folders import GLANCE, below, of_task
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.logs.prompts import message
from cotbench.logs.tables import columns, rows
from cotbench.logs.thoughts import parted
from cotbench.logs.values import Part, Skip, as_number, made, mapped, object_of, scalars
from cotbench.types import LETTERS, Completion, FinishReason, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "lighteval"
ABOUT = "details of lighteval: a parquet file or a folder"
_COLUMNS = {"doc", "model_response", "metric"}
_FILE = re.compile(r"details_(?P<task>.+?)(?:_(?P<time>\d{4}-\d\d-\d\dT[\d.:-]+))?\Z")
_DRAWN = {
    "max_new_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "repetition_penalty": "repetition_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_GROUPS = ("subject", "category", "type")


def tells(path: Path) -> bool:
    """Whether a file holds details of lighteval, or a folder such files."""
    try:
        if path.is_dir():
            return next(_files(path, GLANCE), None) is not None
        return path.suffix == ".parquet" and columns(path) >= _COLUMNS
    except (OSError, DataError):
        return False


def _files(folder: Path, most: int | None = None) -> Iterator[Path]:
    """Files by their names, in a folder and in those below it."""
    return (file for file in below(folder, ".parquet", most) if file.name.startswith("details_"))


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The log that a file is, or those of a folder, one for each task. Raises DataError."""
    if not path.is_dir():
        return [_log(path)]
    named = ((_named(file)[0], file) for file in _files(path))
    return [_log(file) for file in of_task(path, named, options.task, "lighteval")]


def _named(file: Path) -> tuple[str, str]:
    found = _FILE.match(file.stem)
    return (found["task"], found["time"] or "") if found else (file.stem, "")


def _log(file: Path) -> Log:
    there = columns(file)
    if not there >= _COLUMNS:
        missing = ", ".join(sorted(_COLUMNS - there))
        found = f"{file}: has no column {missing}, expected doc, model_response and metric"
        remedy = "Name details of lighteval from 0.11 on; of older ones, write the log again."
        raise DataError(f"{found}.", remedy)
    named, time = _named(file)
    beside = _results(file, time)
    told = object_of(mapped(beside), str(beside)) if beside is not None else Part({}, str(file))
    general, tasks = told.part("config_general"), told.part("config_tasks")
    task, _, shots = named.rpartition("|") if "|" in named else (named, "", "")
    config = tasks.part(next((key for key in (named, task) if key in tasks), named))
    model = general.part("model_config")
    first = next(iter(_rows(file, lambda _: None)), Part({}, str(file)))
    scored = "LOGPROBS" in _methods(first) and not first.part("model_response").texts("text")
    settings = model.part("generation_parameters")
    most = settings.count("max_new_tokens")

    def samples(skip: Skip = None) -> Iterator[Sample]:
        for row in _rows(file, skip):
            found = made(skip, _sample, row, most)
            if found is not None:
                yield found

    return Log(
        path=file,
        format=NAME,
        version=general.label("lighteval_sha")[:12],
        task=task,
        model=general.text("model_name") or model.text("model_name") or (file.parent.parent.name if time else ""),
        revision=model.label("revision"),
        model_args={key: value for key, value in scalars(model).items() if key not in ("model_name", "revision")},
        dataset=config.text("hf_repo"),
        config=config.label("hf_subset"),
        split=",".join(config.texts("evaluation_splits")),
        sampling={} if scored else _sampling(settings, first.part("doc"), config),
        shots=int(shots) if shots.isdecimal() else config.count("num_fewshots"),
        arm=_arm(model, first.part("doc"), general),
        kind="letter" if scored or _lettered(first.part("doc")) else "",
        likelihoods=scored,
        date=time.partition(".")[0],
        figures=list(_figures(told.part("results"), named)),
        inferred={} if scored else {"finish_reason": "cut where as many tokens were written as allowed"},
        notes=[] if beside is not None else ["no results_*.json found: the model's settings aren't recorded"],
        samples=samples,
    )


def _results(file: Path, time: str) -> Path | None:
    """The results of the same start: beside the details, or where lighteval puts them by itself."""
    if not time:
        return None
    name = f"results_{time}.json"
    near = [file.parent / name, *(parent / name for parent in file.parents[1:4])]
    for above in file.parents:
        if above.name == "details":
            model = file.parent.relative_to(above).parent
            near.append(above.parent / "results" / model / name)
            break
    return next((one for one in near if one.is_file()), None)


def _sampling(settings: Part, doc: Part, config: Part) -> dict[str, Any]:
    drawn = {ours: settings.number(theirs) for theirs, ours in _DRAWN.items()}
    most = doc.count("generation_size") or config.count("generation_size")
    drawn["max_tokens"] = drawn["max_tokens"] if drawn["max_tokens"] is not None else most
    paths = doc.count("num_samples")
    stop = doc.texts("stop_sequences")
    told: dict[str, Any] = {
        name: int(value) if float(value).is_integer() and name in ("max_tokens", "top_k", "seed") else value
        for name, value in drawn.items()
        if value is not None
    }
    return told | ({"stop": list(stop)} if stop else {}) | ({"n": paths} if paths is not None and paths > 1 else {})


def _arm(model: Part, doc: Part, general: Part) -> dict[str, Any]:
    told = {
        "instruction": doc.text("instruction"),
        "system_prompt": model.any("system_prompt"),
        "override_chat_template": model.any("override_chat_template"),
        "max_samples": general.any("max_samples"),
        "reasoning_effort": model.part("generation_parameters").any("reasoning_effort"),
    }
    return {name: value for name, value in told.items() if value is not None and value != ""}


def _figures(results: Part, named: str) -> Iterator[Figure]:
    own = results.part(named if named in results else named.replace("|", ":"))
    for name in own.value:
        value = as_number(own.any(name))
        if value is not None and not name.endswith("_stderr"):
            yield Figure(name=name, value=value, reading=name, stderr=as_number(own.any(f"{name}_stderr")))


# --- samples --------------------------------------------------------------------------------------------------------


def _rows(file: Path, skip: Skip) -> Iterator[Part]:
    return (Part(row, place) for place, row in rows(file, sorted(_COLUMNS), skip))


def _methods(row: Part) -> str:
    return " ".join(map(str, row.part("doc").items("sampling_methods"))).upper()


def _lettered(doc: Part) -> bool:
    """Whether the options of a question stand in its text, and only their letters are told apart."""
    choices = [one.strip() for one in doc.texts("choices")]
    return len(choices) > 1 and choices == list(LETTERS[: len(choices)])


def _sample(row: Part, most: int | None) -> Sample:
    doc, response = row.part("doc"), row.part("model_response")
    choices = doc.texts("choices")
    gold = _gold(doc, choices)
    texts = response.texts("text")
    scored = not texts and bool(response.items("logprobs"))
    lettered = _lettered(doc)
    options = choices if scored or lettered else ()
    if scored or lettered:
        target = tuple(LETTERS[at] for at in gold if at < len(LETTERS))
    else:
        target = tuple(choices[at] for at in gold)
    most = most if most is not None else doc.count("generation_size")
    outputs = _scored(response, choices) if scored else tuple(_written(response, most, texts))
    specific = doc.part("specific")
    return Sample(
        place=row.place,
        name=doc.label("id"),
        row=specific.value,
        question=doc.text("original_query") or doc.text("query"),
        choices=tuple(one.strip() for one in options),
        target=tuple(one.strip() for one in target),
        group=next((specific.value[key] for key in _GROUPS if isinstance(specific.any(key), str)), ""),
        messages=_messages(response),
        outputs=outputs,
        readings=_readings(row.part("metric")) if outputs else {},
        error="" if outputs else "the log holds no output",
    )


def _gold(doc: Part, choices: Sequence[str]) -> list[int]:
    value = doc.any("gold_index")
    listed = value if isinstance(value, list) else [] if value is None else [value]
    if not all(type(one) is int and 0 <= one < len(choices) for one in listed):
        raise doc.wrong("gold_index", f"places among {len(choices)} choices")
    return list(listed)


def _written(response: Part, most: int | None, texts: Sequence[str]) -> Iterator[Completion]:
    tokens, asked = response.items("output_tokens"), len(response.items("input_tokens")) or None
    thoughts = [one if isinstance(one, str) else "" for one in response.items("reasonings")]
    cleaned = response.texts("text_post_processed")
    for number, text in enumerate(texts):
        own = tokens[number] if number < len(tokens) and isinstance(tokens[number], list) else None
        count = len(own) if own else None
        thought = thoughts[number] if number < len(thoughts) else ""
        if not thought:
            thought, text = _parted(text, cleaned[number] if number < len(cleaned) else None)
        ending: FinishReason = "length" if count is not None and most is not None and count >= most else "stop"
        yield Completion(
            text=text, finish_reason=ending, reasoning=thought, prompt_tokens=asked, completion_tokens=count
        )


def _parted(text: str, cleaned: str | None) -> tuple[str, str]:
    """Thought and answer: lighteval takes a thought off what its metrics read, and keeps the whole beside it."""
    if cleaned is None or cleaned == text:
        return parted(text, opened=cleaned is not None)
    if cleaned and text.rstrip().endswith(cleaned.strip()):
        at = text.rstrip().rindex(cleaned.strip())
        thought = text[:at].strip().removeprefix("<think>").removesuffix("</think>").strip()
        return thought, text[at:]
    return parted(text, opened=True)


def _scored(response: Part, choices: Sequence[str]) -> tuple[Completion, ...]:
    likely = [as_number(one) for one in response.items("logprobs")]
    if not likely or None in likely or len(likely) > len(LETTERS) or len(likely) != len(choices):
        raise response.wrong("logprobs", f"a number for each of {len(choices)} options")
    values = {LETTERS[at]: one for at, one in enumerate(likely) if one is not None}
    return (Completion(text=max(values, key=lambda letter: values[letter]), finish_reason="stop", options=values),)


def _messages(response: Part) -> tuple[Message, ...]:
    sent = response.any("input")
    if isinstance(sent, str):
        return (Message(role="user", text=sent),)
    return tuple(message(one.text("role"), one.any("content")) for one in response.parts("input"))


def _readings(metric: Part) -> dict[str, Theirs]:
    """Each metric of a question: one score for all its outputs together."""
    found: dict[str, Theirs] = {}
    for name, value in metric.value.items():
        score = float(value) if isinstance(value, bool) else as_number(value)
        if score is not None:
            found[name] = Theirs(metric=name, scores=(score,))
    return found
