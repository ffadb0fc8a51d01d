"""What a log of another tool says, in one form for all formats. What it doesn't say is None, "" or absent, never 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotbench.types import Completion, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What the tool made of the outputs of a question, by one of its readings (a filter, a scorer).

    metric: the name of what the score is of. scores: one for each output, or one for all of them together; None where
    it has none. answers: what it read in them; None where it read nothing, or doesn't say."""

    metric: str
    scores: tuple[float | None, ...] = ()
    answers: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question of a log, with all its outputs.

    place: where it stands ("samples.jsonl:12", "log.eval:samples/3_epoch_1.json"), for messages. key: the tool's own
    hash of its content, "" where it has none; name: what the tool calls it (a position, an id).
    row: the row of data that it was made of, as the tool keeps it. question, choices, target: where the tool tells
    them apart itself; target: right answers, each a text (of options the letter or the option's text, as it stands).
    group: a subject or type. messages: what was sent, () where that isn't on record. outputs: the completions, of
    repeats all of them, in order. readings: what the tool made of them, by the name of the reading. error: why there
    is no output."""

    place: str
    key: str = ""
    name: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)
    question: str = ""
    choices: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    group: str = ""
    messages: tuple[Message, ...] = ()
    outputs: tuple[Completion, ...] = ()
    readings: Mapping[str, Theirs] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of the log about all its samples, as the tool printed it. name: of the metric; reading: of which
    reading; value: from 0 to 1 where the tool says so."""

    name: str
    value: float
    reading: str = ""
    stderr: float | None = None


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log: one model asked one task in one way.

    format: the name of its row in `logs.formats.FORMATS`; version: of the tool that wrote it. task: as the tool calls
    it. model: its name; revision, model_args: what else the log says of it. dataset: where the questions are from (a
    Hub id, a path), config: its configuration, split. sampling: how outputs were drawn, by cotbench's names
    (`max_tokens`, `temperature`, `top_p`, `stop`, `seed`, `n`), as far as the log says so. shots: how many exemplars.
    arm: what else tells one arm from another (a solver's parameters, an instruction, the hash of a chat template), by
    name. kind: of answers, where the tool says it by name or form (`letter` of multiple choice), "" else; likelihoods:
    whether options were scored by their likelihood, so that nothing was written. figures: what the tool printed.
    inferred: names of what above isn't said by the log and was inferred, with how. notes: what a reader of the report
    must know (a crashed log, a stripped thought). samples: reads them anew, one after the other, each time it is
    called; raises DataError at the first that can't be read, with its place, or where `skip` is given hands it that
    error and goes on."""

    path: Path
    format: str
    version: str = ""
    task: str = ""
    model: str = ""
    revision: str = ""
    model_args: Mapping[str, Any] = field(default_factory=dict)
    dataset: str = ""
    config: str = ""
    split: str = ""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    shots: int | None = None
    arm: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    likelihoods: bool = False
    date: str = ""
    figures: Sequence[Figure] = ()
    inferred: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    endings: bool = False
    samples: Callable[[Callable[[Exception], None] | None], Iterator[Sample]]
