"""Data set rows -> `Question` and gold, and the subset of a run.

Rows are read with `datasets.load_dataset`; `--data-dir` / `COTBENCH_DATA` points the very same call at a folder that
mirrors the Hub's layout (`<dir>/openai/gsm8k`).

A question's id is made of the task, a hash of question and options and a counter for repeats (105 MMLU rows repeat
a question with its options), because row order differs between copies of a data set.
"""

from __future__ import annotations

import hashlib
import math
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.errors import DataError, TaskError
from cotbench.processes import hub_offline
from cotbench.questions.tasks import Exemplar, Task, TaskFile, read_jsonl, read_yaml, shown
from cotbench.store.questions import golds_fingerprint
from cotbench.types import LETTERS, Passage, Question, unit

DATA_ENV = "COTBENCH_DATA"


def _read_hashes(value: Any, _: Sequence[str]) -> str:
    """GSM8K: the number behind '####' at the end of the worked answer; thousands commas removed."""
    head, mark, tail = str(value).rpartition("####")
    number = canonical_number(tail.strip()) if mark else None
    if number is None or not head:
        raise ValueError("no number behind '####'")
    return number


def _read_boxed(value: Any, _: Sequence[str]) -> str:
    r"""MATH: the content of the last \boxed{..} or \fbox{..} of the worked solution (90 of 5,000 have several)."""
    spans = boxed_spans(str(value))
    content = str(value)[slice(*spans[-1])].strip() if spans else ""
    if not content:
        raise ValueError(r"no \boxed{..} with something in it")
    return content


def _read_index(value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(choices):
        raise ValueError(f"{value!r} is not the index of one of {len(choices)} choices")
    return LETTERS[value]


def _read_letter(value: Any, choices: Sequence[str]) -> str:
    text = str(value).strip()
    letter = text.strip("().").upper()
    if len(letter) == 1 and letter in LETTERS[: len(choices)]:
        return letter
    if list(choices).count(text) == 1:
        return LETTERS[list(choices).index(text)]
    raise ValueError(f"{value!r} is neither the letter nor the text of one of {len(choices)} choices")


def _read_plain(value: Any, _: Sequence[str]) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r:.60}, which is neither a text nor a number")
    text = str(value).strip()
    if not text:
        raise ValueError("the gold answer is empty")
    return text


GOLD_READERS: dict[str, Callable[[Any, Sequence[str]], str]] = {
    "hashes": _read_hashes,
    "boxed": _read_boxed,
    "index": _read_index,
    "letter": _read_letter,
    "plain": _read_plain,
}


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A task with its rows. golds: question id -> gold answer. fingerprint: over all ids and golds, in any row order.

    pool: group -> exemplars of that group, where the task draws them from a split. passages: question id -> the
    passages that come with it."""

    file: TaskFile
    questions: tuple[Question, ...]
    golds: Mapping[str, str]
    fingerprint: str
    origin: str
    pool: Mapping[str, tuple[Exemplar, ...]] = field(default_factory=dict)
    passages: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.file.task

    @cached_property
    def all_passages(self) -> tuple[Passage, ...]:
        """All passages of the task, each once, in alphabetical order, so that neither the order of rows nor a subset of
        questions changes what is found among them. Which of them a question's answer rests on is its own matter."""
        texts = {(passage.title, passage.text) for own in self.passages.values() for passage in own}
        return tuple(Passage(title=title, text=text) for title, text in sorted(texts))

    def exemplars(self, question: Question, count: int, *, own: bool = False) -> tuple[Exemplar, ...]:
        """Return the first `count` exemplars for a question, never the question itself. own: the task file's."""
        if count == 0:
            return ()
        from_split = self.task.fewshot is not None and not own
        pool = self.pool.get(question.group, ()) if from_split else tuple(self.task.exemplars)
        pool = tuple(e for e in pool if e.question != question.text)
        if len(pool) < count:
            whose = f"the group '{question.group}' of task {self.task.name}" if from_split else f"task {self.task.name}"
            raise TaskError(
                f"--num-fewshot {count}: {whose} has {len(pool)} exemplars.", f"Use --num-fewshot {len(pool)} or fewer."
            )
        return pool[:count]


def question_hash(text: str, choices: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join([text, *choices]).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def load_data(file: TaskFile, data_dir: Path | None = None) -> TaskData:
    """All questions of a task with their golds.

    data_dir: a folder in the Hub's layout; None reads COTBENCH_DATA, and without it the Hub (or its local cache).
    Raises DataError where the rows can't be had or aren't those the task file pins."""
    task = file.task
    rows, origin = _rows(file, task.source.split, data_dir)
    expected = task.source.rows
    if expected is not None and len(rows) != expected:
        raise DataError(
            f"{shown(file.path)}: source.rows is {expected} but the split '{task.source.split}' has {len(rows)} rows; "
            "the download is incomplete or the data set changed.",
            f"Look at {origin}; remove its cached copy and load it again, or correct source.rows and source.revision.",
        )
    if not rows:
        found = f"{shown(file.path)}: {origin} has no rows."
        raise DataError(found, "Give a file or a split with at least one question.")
    questions, golds = _questions(file, rows)
    return TaskData(
        file=file,
        questions=tuple(questions),
        golds=golds,
        fingerprint=golds_fingerprint(golds),
        origin=origin,
        pool=_pool(file, data_dir) if task.fewshot else {},
    )


def _rows(file: TaskFile, split: str, data_dir: Path | None) -> tuple[list[dict[str, Any]], str]:
    source = file.task.source
    if source.file is not None:
        path = file.path.parent / source.file
        return read_jsonl(path), shown(path)
    assert source.dataset is not None
    folder = data_dir or os.environ.get(DATA_ENV)
    where = source.dataset
    if folder:
        where = str(Path(folder) / source.dataset)
        if not Path(where).is_dir():
            raise DataError(
                f"task {file.task.name}: there is no folder {shown(Path(where))}.",
                f"--data-dir and {DATA_ENV} name a folder in the Hub's layout, with {source.dataset} in it; "
                "leave both out to load from the Hub.",
            )
    import datasets  # imported here: 0.9 s that `--help` and `report` don't need

    unreachable = "" if folder else hub_unreachable()

    # Off for this call alone: the process may be somebody's notebook.
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        with hub_offline(bool(unreachable)):
            table = datasets.load_dataset(where, source.config, split=split, revision=source.revision)
        return list(table.data.table.to_pylist() if table._indices is None else table), where
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if unreachable:
            found = (
                f"task {file.task.name}: the Hub can't be reached ({unreachable}), and {where} isn't in its cache here."
            )
            raise DataError(found, _remedy(error, where)) from None
        what = f"{where!r} (config {source.config!r}, split {split!r})"
        raise DataError(f"task {file.task.name}: can't load {what}: {reason}", _remedy(error, where)) from None
    finally:
        if bars:
            datasets.enable_progress_bars()


HUB_TIMEOUT_S = 5.0


def hub_unreachable() -> str:
    """Why the Hub can't be reached; "" where it can, or that isn't known: behind a proxy, or where the user has
    switched it off."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    host, known = address.hostname or "", getproxies()
    proxied = (known.get(address.scheme) or known.get("all")) and not proxy_bypass(host)
    if constants.HF_HUB_OFFLINE or proxied or not host:
        return ""
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((host, port), HUB_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        return f"{host}: {getattr(error, 'strerror', None) or error}"
    return ""


def _remedy(error: Exception, where: str) -> str:
    if isinstance(error, OSError) and error.filename and not str(error.filename).startswith(where):
        cache = "It is the cache of data sets that can't be written"
        return f"{cache}: set HF_HOME to a folder that can, or make room there."
    return (
        "Without network, point --data-dir or COTBENCH_DATA at a folder in the Hub's layout; behind a login, set "
        "HF_TOKEN."
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a task's data; number: counted from 1. Its methods raise DataError, which names task file and row."""

    file: TaskFile
    number: int
    values: Mapping[str, Any]

    def error(self, fault: str, remedy: str = "Correct the data.") -> DataError:
        return DataError(f"{shown(self.file.path)}: row {self.number}{fault}.", remedy)

    def column(self, name: str) -> Any:
        if self.values.get(name) is None:
            have = ", ".join(sorted(self.values))
            fault = f" has no value in the column '{name}' (it has: {have})"
            raise self.error(fault, "Correct `fields`, or the data.")
        return self.values[name]

    def text(self, place: str, value: Any) -> str:
        """Return a text, or a number as its digits: anything else would stand in the prompt as Python writes it.

        place: the field and column."""
        if isinstance(value, str):
            return value
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
            return str(value)
        kind = {bool: "true or false", list: "a list", dict: "an object", type(None): "nothing"}
        found = kind.get(type(value), f"a {type(value).__name__}")
        fault = f": {place} is {found} ({value!r:.80}), expected a text or a number"
        raise self.error(fault, "Name a column of texts in `fields`, or write the data so.")

    def asked(self) -> tuple[str, tuple[str, ...]]:
        """Return the question and its options."""
        fields = self.file.task.fields
        columns = [fields.question] if isinstance(fields.question, str) else fields.question
        parts = [(name, self.column(name)) for name in columns]
        text = "\n\n".join(self.text(f"fields.question ({name})", value).strip() for name, value in parts)
        if not text.strip():
            raise self.error(": the question is empty")
        if fields.choices is None:
            return text, ()
        choices = self.column(fields.choices)
        if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
            raise self.error(f": expected a list of 2 to 26 choices, found {choices!r:.80}")
        place = f"fields.choices ({fields.choices}), choice"
        return text, tuple(self.text(f"{place} {n},", choice).strip() for n, choice in enumerate(choices, 1))

    def label(self, field: str, name: str | None) -> str:
        """Return the group or cluster; an empty value is none."""
        value = self.values.get(name) if name else None
        if value is None or isinstance(value, bool):
            return "" if value is None else str(value)
        return self.text(f"fields.{field} ({name})", value)

    def gold(self, choices: Sequence[str]) -> str:
        task = self.file.task
        value = self.column(task.fields.gold)
        if task.gold_reader != "index":  # which says itself what it expects
            value = self.text(f"fields.gold ({task.fields.gold})", value)
        try:
            own = {name: read for kind in KINDS.values() for name, read in kind.gold_readers.items()}
            return KINDS[task.answer.type].task_gold({**GOLD_READERS, **own}[task.gold_reader](value, choices), choices)
        except ValueError as error:
            fault = f": the gold reader '{task.gold_reader}' finds {error}"
            raise self.error(fault, "Choose another gold_reader or correct the data.") from None


def _questions(file: TaskFile, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Question], dict[str, str]]:
    task = file.task
    fields = task.fields
    named = [_Row(file, number, row) for number, row in enumerate(rows, 1)]
    asked: list[tuple[str, tuple[str, ...], str]] = []
    same: dict[str, list[int]] = defaultdict(list)
    for row in named:
        text, choices = row.asked()
        same[question_hash(text, choices)].append(len(asked))
        asked.append((text, choices, row.gold(choices)))
    ids: dict[int, str] = {}
    for column in (fields.group, fields.cluster):
        if column is not None and rows and not any(column in row for row in rows):
            named[0].column(column)  # raises: no row has the column
    arms = [(row.label("group", fields.group), row.label("cluster", fields.cluster)) for row in named]
    for digest, places in same.items():
        # Repeats are counted in the order of their golds, groups and clusters (many of MMLU's stand in two subjects),
        # so that ids don't depend on the order of the rows.
        for count, place in enumerate(sorted(places, key=lambda p: (asked[p][2], arms[p], p))):
            ids[place] = f"{task.name}-{digest}" + (f"-{count + 1}" if count else "")
    questions = []
    for place, (text, choices, _) in enumerate(asked):
        group, cluster = arms[place]
        if len(cluster) > 40:  # a passage: its hash names it
            cluster = question_hash(cluster, ())
        questions.append(
            Question(id=ids[place], task=task.name, text=text, choices=choices, group=group, cluster=cluster)
        )
    return questions, {ids[place]: gold for place, (*_, gold) in enumerate(asked)}


def _pool(file: TaskFile, data_dir: Path | None) -> dict[str, tuple[Exemplar, ...]]:
    spec = file.task.fewshot
    assert spec is not None
    rows, origin = _rows(file, spec.split, data_dir)
    if len(rows) != spec.rows:
        raise DataError(
            f"{shown(file.path)}: fewshot.rows is {spec.rows} but the split '{spec.split}' has {len(rows)} rows.",
            f"Look at {origin}; remove its cached copy and load it again.",
        )
    rationales: dict[str, str] = read_yaml(file.path.parent / spec.rationales) if spec.rationales else {}
    questions, golds = _questions(file, rows)
    pool: dict[str, list[Exemplar]] = defaultdict(list)
    for question in questions:
        pool[question.group].append(
            Exemplar(
                question=question.text,
                choices=list(question.choices),
                rationale=rationales.get(question.id),
                answer=golds[question.id],
            )
        )
    return {group: tuple(exemplars) for group, exemplars in pool.items()}


def select(questions: Sequence[Question], limit: int | None, seed: int) -> tuple[Question, ...]:
    """A seeded sample of `limit` questions, stratified by group, in the order of the data set.

    Within a group of size s, the question of random rank r stands at (r + u) / s with one random u per group; the
    `limit` questions that stand first are taken. So each group has its proportional share to within a question or so,
    every question is as likely to be chosen as any other (a sample's accuracy is unbiased), and a larger limit
    contains a smaller one. MMLU is sorted by subject: its first N rows would be a few subjects only."""
    if limit is None or limit >= len(questions):
        return tuple(questions)
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        groups[question.group].append(question)
    standing: dict[str, tuple[float, float]] = {}
    for group, members in groups.items():
        offset = unit(seed, "group", group)
        for rank, (tie, identity) in enumerate(sorted((unit(seed, q.id), q.id) for q in members)):
            standing[identity] = ((rank + offset) / len(members), tie)
    chosen = set(sorted(standing, key=standing.__getitem__)[:limit])
    return tuple(q for q in questions if q.id in chosen)
