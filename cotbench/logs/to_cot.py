"""Tables of the study "To CoT or not to CoT" (TAUR-Lab/Taur_CoT_Analysis_Project___<org>__<model> on the Hub): parquet
or JSON lines, in which each row is a question with up to four replies, of zero and few shots, direct and by chain of
thought. Each of the four is a log of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.errors import DataError
from cotbench.logs.folders import GLANCE, below, of_task
from cotbench.logs.log import Log, Sample, Theirs
from cotbench.logs.prompts import message
from cotbench.logs.tables import columns, rows
from cotbench.logs.values import Part, Skip, as_number, lines, made
from cotbench.types import LETTERS, Completion, FinishReason, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "to-cot"
ABOUT = "tables of the study To CoT or not to CoT (parquet or JSON lines)"
ARMS = ("zero_shot_direct", "zero_shot_cot", "few_shot_direct", "few_shot_cot")
_PARTS = ("model_response", "parsed_model_answer", "is_correct", "answer_was_parsed", "errored", "messages", "payload")
_SHARED = ("question", "answer", "answerKey", "choices", "additional_information")
_NOT_RUN = "[invalid] - configuration was not run"
_PROJECT = re.compile(r"Taur_CoT_Analysis_Project___(?P<org>[^/]+?)__(?P<model>[^/]+)")
_DRAWN = {"max_tokens": "max_tokens", "max_new_tokens": "max_tokens", "max_completion_tokens": "max_tokens",
          "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "seed": "seed", "n": "n"}  # fmt: skip
_CUT = frozenset({"length", "max_tokens", "model_length"})
_HEAD = 1 << 20


def tells(path: Path) -> bool:
    """Whether a file is a table of the study, or a folder holds one."""
    try:
        return next(_files(path, GLANCE), None) is not None if path.is_dir() else _is_log(path)
    except (OSError, DataError):
        return False


def _is_log(path: Path) -> bool:
    if path.suffix == ".parquet":
        return bool(_arms(columns(path)))
    if path.suffix != ".jsonl" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.readline(_HEAD)
    return any(f'"{arm}_model_response"'.encode() in head for arm in ARMS)


def _files(folder: Path, most: int | None = None) -> Iterator[Path]:
    return (one for ending in (".parquet", ".jsonl") for one in below(folder, ending, most) if _is_log(one))


def _arms(names: frozenset[str]) -> list[str]:
    return [arm for arm in ARMS if f"{arm}_model_response" in names]


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The logs of a table, one for each arm that was run, or those of a folder of tables. Raises DataError."""
    if not path.exists():
        raise DataError(f"{path}: there is no such file.", "Name a table of the study, or a folder of them.")
    files = list(_files(path)) if path.is_dir() else [path]
    logs = [log for file in files for log in _logs(file)]
    return of_task(path, ((log.task, log) for log in logs), options.task, "this study")


def _logs(file: Path) -> Iterator[Log]:
    """The arms whose first rows hold a reply."""
    first: dict[str, Part] = {}
    for number, row in enumerate(_rows(file, (*ARMS,), lambda _: None)):
        for arm in ARMS:
            if arm not in first and _was_run(row, arm):
                first[arm] = row
        if number >= 99 or len(first) == len(ARMS):
            break
    for arm in ARMS:
        if arm in first:
            yield _log(file, arm, first[arm])


def _was_run(row: Part, arm: str) -> bool:
    return row.any(f"{arm}_model_response") not in (None, _NOT_RUN)


def _log(file: Path, arm: str, first: Part) -> Log:
    project = _PROJECT.search(str(file.resolve()))
    payload = _payload(first, arm)

    def samples(skip: Skip = None) -> Iterator[Sample]:
        for row in _rows(file, (arm,), skip):
            found = made(skip, _sample, row, arm)
            if found is not None:
                yield found

    told = ((ours, as_number(payload.any(key))) for key, ours in _DRAWN.items())
    drawn = {ours: value for ours, value in told if value is not None}
    whole = ("max_tokens", "top_k", "seed", "n")
    return Log(
        path=file,
        format=NAME,
        task=_task(file),
        model=f"{project['org']}/{project['model']}" if project else payload.label("model"),
        dataset=_task(file),
        sampling={key: int(value) if value and key in whole else value for key, value in drawn.items()},
        shots=0 if arm.startswith("zero") else None,
        arm={"arm": arm, "chain_of_thought": arm.endswith("cot")},
        kind="letter" if _choices(first)[1] else "",
        inferred={
            "task": "name of the file or its folder",
            "sampling": "from the first reply's payload",
            **({} if payload.any("choices") else {"finish_reason": "isn't recorded: replies count as finished"}),
        },
        notes=[],
        samples=samples,
    )


def _task(file: Path) -> str:
    """The data set: a table is called after its split (latest-00000-of-00001.parquet), its folder after the data."""
    bare = re.match(r"(latest|train|test|validation|data)(-\d+-of-\d+)?\Z", file.stem)
    return file.parent.name if bare else file.stem


def _rows(file: Path, arms: Sequence[str], skip: Skip) -> Iterator[Part]:
    if file.suffix == ".parquet":
        names = [*_SHARED, *(f"{arm}_{part}" for arm in arms for part in _PARTS)]
        yield from (Part(row, place) for place, row in rows(file, names, skip))
        return
    yield from (row for _, row in lines(file, skip))


# --- samples --------------------------------------------------------------------------------------------------------


def _sample(row: Part, arm: str) -> Sample:
    labels, texts = _choices(row)
    key = row.label("answerKey")
    gold = key if key not in ("", "None") else row.label("answer")
    if labels and gold in labels and len(labels) <= len(LETTERS):
        gold = LETTERS[labels.index(gold)]
    errored = row.flag(f"{arm}_errored") is True
    ran = _was_run(row, arm)
    output = row.text(f"{arm}_model_response")
    written = ran and not (errored and not output.strip())
    right, was_read = row.flag(f"{arm}_is_correct"), row.flag(f"{arm}_answer_was_parsed")
    answer = row.label(f"{arm}_parsed_model_answer")
    ending, tokens = _ending(row, arm)
    return Sample(
        place=row.place,
        row={name: row.any(name) for name in _SHARED},
        question=row.text("question"),
        choices=tuple(texts),
        target=(gold,) if gold not in ("", "None") else (),
        messages=_messages(row, arm),
        outputs=(_completion(output, ending, tokens),) if written else (),
        readings={
            "parsed": Theirs(
                metric="is_correct",
                scores=(None if right is None else float(right),),
                answers=(answer if was_read is not False and answer not in ("", "None", _NOT_RUN) else None,),
            )
        }
        if written
        else {},
        error="" if written else "the request failed" if ran else "this arm was not run for the question",
    )


def _completion(text: str, ending: FinishReason, tokens: tuple[int | None, int | None]) -> Completion:
    return Completion(text=text, finish_reason=ending, prompt_tokens=tokens[0], completion_tokens=tokens[1])


def _json(row: Part, key: str) -> Any:
    """A column that holds JSON as text; None where it holds something else."""
    value = row.any(key)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _choices(row: Part) -> tuple[list[str], list[str]]:
    """Labels and texts of the options: {"label": [...], "text": [...]}, or a list of texts."""
    value = _json(row, "choices")
    labels: Any = ()
    if isinstance(value, dict):
        labels, value = value.get("label") or value.get("labels") or (), value.get("text") or value.get("texts")
    if not isinstance(value, list) or not all(isinstance(one, str | int | float) for one in value):
        return [], []
    texts = [str(one) for one in value]
    names = [str(one) for one in labels] if isinstance(labels, list) else []
    return (names if len(names) == len(texts) else list(LETTERS[: len(texts)])), texts


def _messages(row: Part, arm: str) -> tuple[Message, ...]:
    value = _json(row, f"{arm}_messages")
    if isinstance(value, str):
        return () if value == _NOT_RUN else (Message(role="user", text=value),)
    said = (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))
    return tuple(message(str(one.get("role")), one["content"]) for one in said if isinstance(one.get("content"), str))


def _payload(row: Part, arm: str) -> Part:
    """What was sent to a server, or came back, so far as it is an object."""
    value = _json(row, f"{arm}_payload")
    while isinstance(value, Mapping) and isinstance(value.get("raw_payload"), Mapping):
        value = value["raw_payload"]
    return Part(value if isinstance(value, dict) else {}, row.place, f"{arm}_payload")


def _ending(row: Part, arm: str) -> tuple[FinishReason, tuple[int | None, int | None]]:
    """Why a reply ended, and tokens of prompt and reply, where the payload is a server's response."""
    payload = _payload(row, arm)
    choices, usage = payload.any("choices"), payload.any("usage")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    ending: FinishReason = "length" if first.get("finish_reason") in _CUT else "stop"
    told = usage if isinstance(usage, dict) else {}
    counts = [told.get(key) for key in ("prompt_tokens", "completion_tokens")]
    asked, written = (one if type(one) is int and one >= 0 else None for one in counts)
    return ending, (asked, written)
