"""Which formats of logs there are: one row each, with how it is told and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cotbench.logs import every_eval_ever, helm, inspect_logs, jsonl, lighteval, lm_eval, opencompass, to_cot
from cotbench.logs.log import Log


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How logs are read. fields: of a JSONL file of any other form, the key of each part ("question", "gold",
    "output", "id", "choices", "reasoning" ...), a dotted path into nested objects. questions: the file in which the
    questions and right answers of such a file stand. answer_pattern: in the tool's answers, what counts is the first
    match of this. task: only samples of the tool's task of this name, where a folder
    holds several."""

    fields: Mapping[str, str] = field(default_factory=dict)
    questions: str = ""
    answer_pattern: str = ""
    task: str = ""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of logs.

    name: as `--format` takes it; about: a line for help and docs. tells: whether a path (a file or a folder) is of
    this format, looking at little of it. read: its logs: one for a file, perhaps several for a folder or a file with
    several tasks. read raises DataError with place, found, expected and remedy."""

    name: str
    about: str
    tells: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Sequence[Log]]


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            name=lm_eval.NAME,
            about="lm-evaluation-harness: samples_*.jsonl, with results_*.json beside it",
            tells=lm_eval.tells,
            read=lm_eval.read,
        ),
        *(
            Format(name=tool.NAME, about=tool.ABOUT, tells=tool.tells, read=tool.read)
            for tool in (inspect_logs, helm, opencompass, lighteval, every_eval_ever, to_cot)
        ),
        # The last: any file of JSON lines is one.
        Format(
            name=jsonl.NAME,
            about="JSON lines of any form, whose keys --field names",
            tells=jsonl.tells,
            read=jsonl.read,
        ),
    )
}
