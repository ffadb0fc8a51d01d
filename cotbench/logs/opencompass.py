"""Predictions of OpenCompass: `predictions/<model>/<dataset>.json`, an object with an entry for each position in the
data set, or the lines of a `.jsonl` (as AISBench and interrupted runs leave them); beside them, where there is one,
`results/<model>/<dataset>.json` with the figures and what was read in each output.

OpenCompass doesn't keep the question apart from the prompt, nor the row of data: the question is what differs from one
prompt to the next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cotbench.errors import DataError
from cotbench.logs.folders import of_task
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.logs.prompts import INFERRED, Frame, frame_of, message
from cotbench.logs.thoughts import parted
from cotbench.logs.values import REMEDY, Part, Skip, as_number, lines, made, mapped, object_of, raw_items
from cotbench.types import LETTERS, Completion, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "opencompass"
ABOUT = "predictions of OpenCompass: a file or a folder"
_PIECE = re.compile(r"(?P<name>.+)_(?P<number>\d+)\Z")
_HEAD = 1 << 16
_LABEL = "label: "
_CORRECT = ("correct", "is_correct", "cascade_correct")
_READ = ("predictions", "pred")
_NO_FIGURES = frozenset({"details", "total predictions", "type"})


def tells(path: Path) -> bool:
    """Whether a file holds predictions of OpenCompass, or a folder such files, or folders of them."""
    try:
        return next(_files(path), None) is not None if path.is_dir() else _is_log(path)
    except OSError:
        return False


def _is_log(path: Path) -> bool:
    if path.suffix not in (".json", ".jsonl") or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if b'"prediction"' not in head and b'"origin_prompt"' not in head:
        return False
    start = rb'\s*\{\s*"\d+"\s*:\s*\{' if path.suffix == ".json" else rb"\s*\{"
    return re.match(start, head) is not None and b'"origin_prompt"' in head


def _files(folder: Path) -> Iterator[Path]:
    """The predictions in a folder (of a model), or in the folders of a folder `predictions` (of a run)."""
    inner = folder / "predictions"
    for one in sorted((inner if inner.is_dir() else folder).iterdir()):
        if one.is_dir():
            yield from (file for file in sorted(one.iterdir()) if _is_log(file))
        elif _is_log(one):
            yield one


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The log that a file is, or those of a folder, one for each model and data set. Raises DataError."""
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"{path}: there is no such file.", "Name predictions of OpenCompass.")
        return [_log([path], path.stem)]
    groups = _joined(_files(path))
    named = ((name, (files, name)) for (_, name), files in groups.items())
    return [_log(files, name) for files, name in of_task(path, named, options.task, "OpenCompass")]


def _joined(files: Iterable[Path]) -> dict[tuple[Path, str], list[Path]]:
    """The files of each data set: those that it was cut into (`gsm8k_0.json`, `gsm8k_1.json` ...) are one."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    listed = list(files)
    stems = {(file.parent, file.stem) for file in listed}
    for file in listed:
        piece = _PIECE.match(file.stem)
        first = piece is not None and (file.parent, f"{piece['name']}_0") in stems
        whole = piece is not None and (file.parent, piece["name"]) in stems
        name = piece["name"] if piece is not None and first and not whole else file.stem
        groups.setdefault((file.parent, name), []).append(file)
    for of_one in groups.values():
        of_one.sort(key=lambda file: (len(file.stem), file.stem))
    return groups


def _log(files: Sequence[Path], name: str) -> Log:
    first = next((object_of(one.value, one.place) for one in _entries(files[0], None)), None)
    if first is None or ("prediction" not in first and "origin_prompt" not in first):
        found = f"{files[0]}: its first entry has no 'prediction'" if first is not None else f"{files[0]}: has no entry"
        raise DataError(f"{found}.", "Name predictions of OpenCompass, as predictions/MODEL/DATASET.json.")
    likelihoods = _is_scored(first)
    beside = _results(files[0], name)
    results = object_of(mapped(beside), str(beside)) if beside is not None else Part({}, "")
    rounds = _rounds(first)
    shots = 0 if likelihoods or rounds else sum(message.role == "assistant" for message in _messages(first))
    folder = files[0].parent
    notes = [] if beside is not None else ["no results beside the predictions: OpenCompass's figures aren't recorded"]
    if rounds:
        notes.append("conversations of several rounds: they aren't read")

    def samples(skip: Skip = None) -> Iterator[Sample]:
        return _samples(files, results.any("details"), likelihoods, skip)

    return Log(
        path=files[0] if len(files) == 1 else folder,
        format=NAME,
        task=name,
        model=folder.name if folder.parent.name == "predictions" or folder.name != "predictions" else "",
        dataset=name,
        shots=shots or None,
        kind="letter" if likelihoods else "",
        likelihoods=likelihoods,
        figures=list(_figures(results)),
        inferred=_inferred(likelihoods, shots),
        notes=notes,
        samples=samples,
    )


def _inferred(likelihoods: bool, shots: int) -> dict[str, str]:
    told = {"model": "name of the folder", "question": INFERRED}
    told |= {"shots": "replies in the first prompt"} if shots else {}
    return told | ({} if likelihoods else {"finish_reason": "isn't recorded: replies count as finished"})


def _results(file: Path, name: str) -> Path | None:
    """results/<model>/<dataset>.json of the same run."""
    found = file.parent.parent.parent / "results" / file.parent.name / f"{name}.json"
    return found if found.is_file() else None


def _figures(results: Part) -> Iterator[Figure]:
    """As OpenCompass prints them, which is in percent for most metrics."""
    for key, told in results.value.items():
        value = as_number(told)
        if key not in _NO_FIGURES and value is not None:
            yield Figure(name=key, value=value, reading="details")


# --- samples --------------------------------------------------------------------------------------------------------


class _Entry(NamedTuple):
    """What stands at a position of the data set: still bytes, or an object already."""

    name: str
    place: str
    value: Any


def _entries(file: Path, skip: Skip) -> Iterator[_Entry]:
    """The entries of a file, each with its position in the data set. Raises DataError."""
    if file.suffix == ".jsonl":
        for number, row in lines(file, skip):
            name = made(skip, _name, row, number)
            if name is not None:
                yield _Entry(name, row.place, row.value)
        return
    data = mapped(file)
    held: Mapping[str, Any] | None = raw_items(data, str(file), dict[str, msgspec.Raw])
    for name, one in (object_of(data, str(file)).value if held is None else held).items():
        yield _Entry(name, f"{file}:{name}", one)


def _name(entry: Part, number: int) -> str:
    return entry.label("idx") or entry.label("id") or str(number - 1)


def _numbered(files: Sequence[Path], skip: Skip) -> Iterator[_Entry]:
    """The entries of all files of a data set, counted on from file to file."""
    start = 0
    for file in files:
        count = 0
        for entry in _entries(file, skip):
            count += 1
            moved = start and entry.name.isdecimal()
            yield entry._replace(name=str(start + int(entry.name))) if moved else entry
        start += count


def _samples(files: Sequence[Path], details: Any, likelihoods: bool, skip: Skip) -> Iterator[Sample]:
    """One sample for each question. With n > 1 OpenCompass asks the whole data set n times, one after another: where
    each prompt stands there equally often, its entries are repeats."""
    entries = list(_numbered(files, skip))
    prompts = [made(lambda _: None, _prompt, entry) or "" for entry in entries]
    frame = frame_of(prompt for prompt in prompts if prompt)
    groups: dict[Any, list[_Entry]] = {}
    for number, (prompt, entry) in enumerate(zip(prompts, entries, strict=True)):
        groups.setdefault(hash(prompt) if prompt else (number,), []).append(entry)
    del prompts
    together = not likelihoods and len({len(group) for group in groups.values()}) == 1
    for group in groups.values() if together else ([entry] for entry in entries):
        found = made(skip, _sample, group, details, likelihoods, frame)
        if found is not None:
            yield found


def _sample(group: Sequence[_Entry], details: Any, likelihoods: bool, frame: Frame) -> Sample:
    read = _scored if likelihoods else _written
    each = [read(entry.name, object_of(entry.value, entry.place), details) for entry in group]
    first = each[0]
    readings = {}
    for name, theirs in first.readings.items():
        own = [one.readings.get(name) for one in each]
        scores = tuple(score for one in own if one is not None for score in one.scores)
        answers = tuple(answer for one in own if one is not None for answer in one.answers)
        if len(each) == 1 or len(scores) == len(each):
            readings[name] = replace(theirs, scores=scores, answers=answers)
    return replace(
        first,
        question=frame.question(_asked(first.messages)),
        outputs=tuple(output for one in each for output in one.outputs),
        readings=readings,
        error="" if any(one.outputs for one in each) else first.error,
    )


def _prompt(entry: _Entry) -> str:
    return _asked(_messages(object_of(entry.value, entry.place)))


def _asked(messages: Sequence[Message]) -> str:
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _is_scored(entry: Part) -> bool:
    """Whether options were scored by their likelihood: there is a key for each of them, or a list of them."""
    return any(key.startswith(_LABEL) for key in entry.value) or ("choices" in entry and "pred_label" in entry)


def _rounds(entry: Part) -> bool:
    prompts = entry.any("origin_prompt")
    return isinstance(prompts, list) and bool(prompts) and all(isinstance(one, list) for one in prompts)


def _written(name: str, entry: Part, details: Any) -> Sample:
    if _rounds(entry):
        found = f"{entry.place}: is a conversation of {len(entry.items('prediction'))} rounds"
        raise DataError(f"{found}, expected one question.", REMEDY)
    if "prediction" not in entry:
        raise entry.wrong("prediction", "what the model wrote")
    texts = entry.texts("prediction")
    failed = entry.flag("success") is False
    lengths = entry.any("res_length")
    counts = [entry.count("res_length")] if not isinstance(lengths, list) else list(lengths)
    prompt = entry.any("all_input_length")
    asked = entry.count("all_input_length") if not isinstance(prompt, list) else None
    outputs = []
    for number, text in enumerate(texts):
        thought, rest = parted(text, opened=True)
        count = as_number(counts[number]) if number < len(counts) else None
        outputs.append(
            Completion(
                text=rest,
                finish_reason="stop",
                reasoning=thought,
                prompt_tokens=asked,
                completion_tokens=None if count is None or count < 0 else int(count),
            )
        )
    return Sample(
        place=entry.place,
        name=name,
        target=_gold(entry),
        messages=_messages(entry),
        outputs=() if failed else tuple(outputs),
        readings={} if failed else _reading(name, details, len(outputs)),
        error=(entry.text("error_info") or "the request failed") if failed else "" if outputs else "no prediction",
    )


def _scored(name: str, entry: Part, details: Any) -> Sample:
    """A question whose options were scored: by perplexity (the least is taken), or by probability."""
    labels = [key[len(_LABEL) :] for key in entry.value if key.startswith(_LABEL)]
    if labels:
        scores = [entry.part(_LABEL + label).number("PPL") for label in labels]
        likely = [None if score is None else -score for score in scores]
    else:
        labels = list(entry.texts("choices"))
        likely = [as_number(one) for one in entry.items("prediction")]
    if len(labels) != len(likely) or len(labels) > len(LETTERS) or None in likely:
        found = f"{entry.place}: scores {len([one for one in likely if one is not None])} of {len(labels)} options"
        raise DataError(f"{found}, expected each of at most {len(LETTERS)}.", REMEDY)
    values = [one for one in likely if one is not None]
    best = max(range(len(values)), key=values.__getitem__) if values else None
    gold = [LETTERS[labels.index(one)] if one in labels else one for one in _gold(entry)]
    sent = entry.any("origin_prompt")
    return Sample(
        place=entry.place,
        name=name,
        choices=tuple(labels),
        target=tuple(gold),
        messages=(Message(role="user", text=sent),) if isinstance(sent, str) else (),
        outputs=() if best is None else (Completion(text=LETTERS[best], finish_reason="stop"),),
        readings={} if best is None else _reading(name, details, 1),
        error="" if best is not None else "no option was scored",
    )


def _gold(entry: Part) -> tuple[str, ...]:
    key = "gold" if "gold" in entry else "refr"  # as LawBench has it
    value = entry.any(key)
    if isinstance(value, dict):
        return (json.dumps(value, ensure_ascii=False),)
    if isinstance(value, list):
        return tuple(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value)
    return () if value is None else (entry.label(key),)


def _messages(entry: Part) -> tuple[Message, ...]:
    value = entry.any("origin_prompt")
    if isinstance(value, str):
        return (Message(role="user", text=value),) if value else ()
    return tuple(
        message(one.text("role"), one.any("prompt") if "prompt" in one else one.any("content"))
        for one in entry.parts("origin_prompt")
    )


def _reading(name: str, details: Any, count: int) -> dict[str, Theirs]:
    """What OpenCompass's evaluator read in an output, and whether that is right."""
    told: Any = None
    if isinstance(details, dict):
        told = details.get(name)
    elif isinstance(details, list) and name.isdecimal() and int(name) < len(details):
        told = details[int(name)]
    if not isinstance(told, dict):
        return {}
    correct = next((told[key] for key in _CORRECT if told.get(key) is not None), None)
    read = next((told[key] for key in _READ if told.get(key) is not None), None)
    single = None if read is None or isinstance(read, dict) else str(read)
    scores = correct if isinstance(correct, list) else [correct]
    answers = read if isinstance(read, list) else [single]
    numbers = [float(one) if isinstance(one, bool) else as_number(one) for one in scores]
    if all(one is None for one in numbers):
        return {}
    several = count > 1 and len(numbers) == count
    return {
        "details": Theirs(
            metric="accuracy",
            scores=tuple(numbers) if several else (numbers[0],),
            answers=tuple(None if one is None else str(one) for one in answers) if len(answers) == len(numbers) else (),
        )
    }
