"""Instances of Every Eval Ever (schema 0.2 and 0.3): JSON lines, one for each question (and each result of it), and the
aggregate beside them: `<id>_samples.jsonl` with `<id>.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cotbench.errors import DataError
from cotbench.logs.folders import GLANCE, below, of_task
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.logs.prompts import message
from cotbench.logs.values import Part, Skip, as_object, decode_object, made, mapped, object_of, scalars
from cotbench.types import Completion, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "every-eval-ever"
ABOUT = "instances of Every Eval Ever (JSON lines, schema 0.2 and 0.3)"
_SIGNS = (b'"evaluation_id"', b'"sample_id"', b'"interaction_type"', b'"answer_attribution"', b'"evaluation"')
_HEAD = 1 << 20
_DRAWN = ("temperature", "top_p", "top_k", "max_tokens")
_SAID = ("system", "user")
_GROUPS = ("subject", "category", "type")


class _Address(msgspec.Struct):
    """What of a line says of what it is."""

    evaluation_id: Any = None
    model_id: Any = None
    evaluation_name: Any = None
    evaluation_result_id: Any = None
    sample_id: Any = None
    sample_hash: Any = None


class _Which(NamedTuple):
    """One log of a file: of which evaluation, by which model."""

    evaluation: str
    model: str
    task: str


class _Line(NamedTuple):
    number: int
    start: int
    end: int


def tells(path: Path) -> bool:
    """Whether a file holds instances, or a folder such files."""
    try:
        return next(_files(path, GLANCE), None) is not None if path.is_dir() else _is_log(path)
    except OSError:
        return False


def _is_log(path: Path) -> bool:
    if path.suffix != ".jsonl" or not path.is_file():
        return False
    with path.open("rb") as file:
        line = file.readline(_HEAD)
    return line.lstrip()[:1] == b"{" and b'"evaluation_id"' in line and sum(sign in line for sign in _SIGNS) >= 4


def _files(folder: Path, most: int | None = None) -> Iterator[Path]:
    return (one for one in below(folder, ".jsonl", most) if _is_log(one))


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The logs of a file or a folder, one for each evaluation of a model. Raises DataError."""
    files = list(_files(path)) if path.is_dir() else [path]
    logs = [log for file in files for log in _logs(file)]
    return of_task(path, ((log.task, log) for log in logs), options.task, "Every Eval Ever")


def _logs(file: Path) -> list[Log]:
    found: dict[_Which, None] = {}
    for _, which, _ in _addresses(file, mapped(file), lambda _: None):
        found.setdefault(which)
    if not found:
        next(_addresses(file, mapped(file), None), None)  # raises at the first line
        raise DataError(f"{file}: there is no line in it.", "Name instances of Every Eval Ever.")
    return [_log(file, which, _aggregate(file, which)) for which in found]


def _aggregate(file: Path, which: _Which) -> Part:
    """The aggregate of an evaluation: beside the instances, by its name or by its id."""
    stem = file.stem.removesuffix("_samples")
    near = [file.with_name(f"{stem}.json"), *sorted(file.parent.glob("*.json"))[:64]]
    for one in dict.fromkeys(near):
        if one.is_file() and one.stat().st_size <= _HEAD:
            told = made(lambda _: None, object_of, mapped(one), str(one))
            if told is not None and told.any("evaluation_id") == which.evaluation:
                return told
    return Part({}, str(file))


def _log(file: Path, which: _Which, told: Part) -> Log:
    results = [one for one in told.parts("evaluation_results") if one.text("evaluation_name") == which.task]
    results = results or list(told.parts("evaluation_results"))
    first = results[0] if results else Part({}, str(file))
    source = first.part("source_data") or told.part("source_data")
    asked = first.part("generation_config")
    arguments = asked.part("generation_args")
    model = told.part("model_info")
    metrics = {_reading(one): one.part("metric_config").text("metric_name") or "score" for one in results}
    stamp = told.label("evaluation_timestamp")

    def samples(skip: Skip = None) -> Iterator[Sample]:
        return _samples(file, which, metrics, skip)

    return Log(
        path=file,
        format=NAME,
        version=told.text("schema_version"),
        task=which.task,
        model=which.model,
        model_args={key: value for key, value in scalars(model).items() if key not in ("name", "id")},
        dataset=source.text("hf_repo") or source.text("dataset_name"),
        split=source.text("hf_split"),
        sampling=_sampling(arguments),
        shots=_shots(asked.part("additional_details")),
        arm={
            **{key: value for key, value in scalars(arguments).items() if key not in _DRAWN},
            **scalars(asked.part("additional_details")),
            **_library(told.part("eval_library")),
        },
        date=_date(stamp),
        figures=list(_figures(results)),
        inferred={"finish_reason": "isn't recorded: replies count as finished"},
        notes=[] if told else ["no aggregate beside the instances: figures and settings aren't recorded"],
        samples=samples,
    )


def _sampling(arguments: Part) -> dict[str, Any]:
    told = ((key, arguments.number(key)) for key in _DRAWN)
    whole = ("top_k", "max_tokens")
    return {key: int(value) if key in whole else value for key, value in told if value is not None}


def _shots(details: Part) -> int | None:
    told = details.label("num_fewshot") or details.label("num_few_shot")
    return int(told) if told.isdecimal() and len(told) < 6 else None


def _library(told: Part) -> dict[str, str]:
    words = [one for one in (told.text("name"), told.text("version")) if one not in ("", "unknown")]
    return {"library": " ".join(words)} if words else {}


def _date(stamp: str) -> str:
    try:
        return datetime.fromtimestamp(float(stamp), UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return stamp


def _reading(result: Part) -> str:
    return result.text("evaluation_result_id") or result.text("evaluation_name")


def _figures(results: Sequence[Part]) -> Iterator[Figure]:
    for one in results:
        details = one.part("score_details")
        value, error = details.number("score"), details.part("uncertainty").part("standard_error").number("value")
        if value is not None:
            name = one.part("metric_config").text("metric_name") or "score"
            yield Figure(name=name, value=value, reading=_reading(one), stderr=error)


# --- lines ----------------------------------------------------------------------------------------------------------


def _addresses(file: Path, data: memoryview, skip: Skip) -> Iterator[tuple[_Line, _Which, tuple[str, str]]]:
    """Each line of a file, of which log it is, and of which question. Raises DataError."""
    start, number = 0, 0
    with_lines = data.obj if len(data) else b""
    while start < len(data):
        end = with_lines.find(b"\n", start)  # type: ignore[attr-defined]
        end = len(data) if end < 0 else end
        number += 1
        line = _Line(number, start, end)
        start = end + 1
        if bytes(data[line.start : line.end]).strip():
            found = made(skip, _address, file, data, line)
            if found is not None:
                yield line, *found


def _address(file: Path, data: memoryview, line: _Line) -> tuple[_Which, tuple[str, str]]:
    part = decode_object(data[line.start : line.end], f"{file}:{line.number}", _Address)
    which = _Which(part.text("evaluation_id"), part.text("model_id"), part.text("evaluation_name"))
    if "sample_id" not in part and "sample_hash" not in part:
        raise part.wrong("sample_id", "the id of a question")
    return which, (part.label("sample_id"), part.text("sample_hash"))


def _samples(file: Path, which: _Which, metrics: Mapping[str, str], skip: Skip) -> Iterator[Sample]:
    """One sample for each question: its lines are repeats, or other results of the same outputs."""
    data = mapped(file)
    groups: dict[tuple[str, str], list[_Line]] = {}
    for line, own, question in _addresses(file, data, skip):
        if own == which:
            groups.setdefault(question, []).append(line)
    for lines in groups.values():
        found = made(skip, _sample, file, data, lines, metrics)
        if found is not None:
            yield found


def _sample(file: Path, data: memoryview, lines: Sequence[_Line], metrics: Mapping[str, str]) -> Sample:
    rows = []
    for line in lines:
        place = f"{file}:{line.number}"
        rows.append(object_of(data[line.start : line.end], place))
    first, asked = rows[0], rows[0].part("input")
    by_reading: dict[str, list[Part]] = {}
    for row in rows:
        by_reading.setdefault(row.text("evaluation_result_id") or row.text("evaluation_name"), []).append(row)
    written = max(by_reading.values(), key=len)
    outputs = [completion for row in written for completion in _outputs(row)]
    return Sample(
        place=first.place,
        key=first.text("sample_hash"),
        name=first.label("sample_id"),
        row=first.part("metadata").value,
        question=asked.text("raw"),
        choices=asked.texts("choices"),
        target=asked.texts("reference") or asked.texts("references"),
        group=next((v for v in map(first.part("metadata").any, _GROUPS) if isinstance(v, str)), ""),
        messages=_sent(first),
        outputs=tuple(outputs),
        readings=_readings(by_reading, metrics) if outputs else {},
        error="" if outputs else first.text("error") or "the log holds no output",
    )


def _turns(row: Part) -> list[Part]:
    return list(row.parts("messages" if "messages" in row else "interactions"))


def _sent(row: Part) -> tuple[Message, ...]:
    """What was sent first: the prompt as the model saw it, or the messages before its first reply."""
    turns = _turns(row)
    asked = row.part("input")
    prompt = asked.text("formatted") or asked.text("raw")
    if not turns:
        return (Message(role="user", text=prompt),) if prompt else ()
    said = []
    for turn in turns:
        role = turn.text("role")
        if role == "assistant":
            break
        if role in _SAID:
            said.append(message(role, turn.text("content")))
    return tuple(said)


def _outputs(row: Part) -> list[Completion]:
    """The completions of a line: all that were drawn, or the last reply of a conversation."""
    told = row.part("output")
    replies = [turn for turn in _turns(row) if turn.text("role") == "assistant"]
    if "raw" not in told and replies:
        last = replies[-1]
        texts: tuple[str, ...] = (last.text("content"),)
        thoughts: tuple[str, ...] = (last.text("reasoning_trace"),)
    else:
        texts = told.texts("raw")
        traces = "reasoning_trace" if "reasoning_trace" in told else "reasoning_traces"
        held = told.any(traces)
        several = isinstance(held, list) and any(one is None for one in held)
        thoughts = tuple(one if isinstance(one, str) else "" for one in held) if several else told.texts(traces)
    usage = row.part("token_usage") if len(texts) == 1 else Part({}, row.place)
    return [
        Completion(
            text=text,
            finish_reason="stop",
            reasoning="\n".join(thoughts) if len(texts) == 1 else thoughts[at] if at < len(thoughts) else "",
            prompt_tokens=usage.count("input_tokens") or None,
            completion_tokens=usage.count("output_tokens") or None,
            reasoning_tokens=usage.count("reasoning_tokens"),
        )
        for at, text in enumerate(texts)
    ]


def _readings(by_reading: Mapping[str, Sequence[Part]], metrics: Mapping[str, str]) -> dict[str, Theirs]:
    """What was made of the outputs, by result: a score for each line, where a line holds one output each."""
    found: dict[str, Theirs] = {}
    for name, rows in by_reading.items():
        counts = [len(_outputs(row)) for row in rows]
        each = len(rows) == 1 or set(counts) == {1}
        scores = [_score(row) for row in rows]
        given = [score for score in scores if score is not None]
        column = tuple(scores) if each else (sum(given) / len(given) if given else None,)
        answers = tuple(_answer(row) for row in rows) if each else ()
        found[name] = Theirs(metric=metrics.get(name, "score"), scores=column, answers=answers)
    return found


def _score(row: Part) -> float | None:
    evaluation = row.part("evaluation") or row.part("metrics")
    score, right = evaluation.any("score"), evaluation.any("is_correct")
    if score is None and isinstance(right, bool):
        return float(right)
    return float(score) if isinstance(score, bool) else evaluation.number("score")


def _answer(row: Part) -> str | None:
    """The last answer that was read, where the log says that it is the one that counts."""
    value = row.any("answer_attribution")
    listed = (
        [as_object(value, row.place, "answer_attribution")]
        if isinstance(value, dict)
        else row.parts("answer_attribution")
    )
    final = [one for one in listed if one.any("is_terminal") is not False and "extracted_value" in one]
    return final[-1].label("extracted_value") if final else None
