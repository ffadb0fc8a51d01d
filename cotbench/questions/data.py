"""Data set rows -> `Question` and gold, and the subset of a run.

Rows are read with `datasets.load_dataset`; `--data-dir` / `COTBENCH_DATA` points the very same call at a folder that
mirrors the Hub's layout (`<dir>/openai/gsm8k`).

A question's id is made of the task, a hash of question and options and a counter for repeats (105 MMLU rows repeat
a question with its options), because row order differs between copies of a data set.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cotbench.errors import DataError, TaskError, suggest
from cotbench.processes import hub_offline
from cotbench.questions.files import is_table, read_rows, shown, unit_of
from cotbench.questions.readers import (
    AS_IT_IS,
    MISSING,
    Text,
    has_column,
    plain_text,
    read_gold,
    value_of,
)
from cotbench.questions.tasks import (
    Also,
    AsAsked,
    Exemplar,
    Part,
    Source,
    Task,
    TaskFile,
    read_yaml,
)
from cotbench.store.questions import golds_fingerprint
from cotbench.types import LETTERS, Passage, Question, unit

DATA_ENV = "COTBENCH_DATA"


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A task with its rows. golds: question id -> gold answer. fingerprint: over all ids and golds, in any row order.

    pool: group -> exemplars of that group, where the task draws them from a split. passages: question id -> what may
    help to answer it. left_out: how many rows can't be asked or graded, by reason."""

    file: TaskFile
    questions: tuple[Question, ...]
    golds: Mapping[str, str]
    fingerprint: str
    origin: str
    pool: Mapping[str, tuple[Exemplar, ...]] = field(default_factory=dict)
    passages: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.file.task

    @cached_property
    def all_passages(self) -> tuple[Passage, ...]:
        """All passages of the task, each once, in alphabetical order, so that neither the order of rows nor a subset of
        questions changes what is found among them. Which of them a question's answer rests on is its own matter."""
        texts = {(passage.title, passage.text) for own in self.passages.values() for passage in own}
        return tuple(Passage(title=title, text=text) for title, text in sorted(texts))

    def kind_of(self, question: Question) -> str:
        """The kind of a question's answer."""
        return question.kind or self.task.answer.type

    def exemplars(self, question: Question, count: int, *, own: bool = False) -> tuple[Exemplar, ...]:
        """Return the first `count` exemplars for a question, never the question itself. own: the task file's."""
        if count == 0:
            return ()
        from_split = self.task.fewshot is not None and not own
        pool = self.pool.get(question.group, ()) if from_split else self.task.asked_of(question).exemplars
        pool = tuple(e for e in pool if e.question != question.text)
        if len(pool) < count:
            of_group = from_split or bool(self.task.parts)
            whose = f"the group '{question.group}' of task {self.task.name}" if of_group else f"task {self.task.name}"
            raise TaskError(
                f"--num-fewshot {count}: {whose} has {len(pool)} exemplar{'s' * (len(pool) != 1)}.",
                f"Use --num-fewshot {len(pool)} or fewer.",
            )
        return pool[:count]


def question_hash(text: str, choices: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join([text, *choices]).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def load_data(file: TaskFile, data_dir: Path | None = None) -> TaskData:
    """All questions of a task with their golds.

    data_dir: a folder in the Hub's layout; None reads COTBENCH_DATA, and without it the Hub (or its local cache).
    Raises DataError where the rows can't be had or aren't those the task file pins."""
    parts: Sequence[Part | None] = file.task.parts or [None]
    read = [_read_part(file, part, data_dir) for part in parts]
    if file.task.also is not None:
        read.append(_also(file, file.task.also, read[0]))
    rows = [row for one in read for row in one.rows]
    if not rows:
        if left := sum(count for one in read for count in one.left_out.values()):
            found = f"{shown(file.path)}: `leave_out` leaves out all {left} rows of {read[0].origin}."
            raise DataError(found, "Correct its patterns: one that may match nothing is found everywhere.")
        found = f"{shown(file.path)}: {read[0].origin} has no rows."
        raise DataError(found, "Give a file or a split with at least one question.")
    questions, golds, passages = _questions(file.task, rows)
    return TaskData(
        file=file,
        questions=tuple(questions),
        golds=golds,
        fingerprint=golds_fingerprint(golds),
        origin=read[0].origin,
        pool=_pool(file, data_dir) if file.task.fewshot else {},
        passages=passages,
        left_out={why: count for one in read for why, count in one.left_out.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Rows that were read. left_out: how many of them aren't asked, by reason."""

    rows: Sequence[_Row]
    origin: str
    left_out: Mapping[str, int] = field(default_factory=dict)


def _read_part(file: TaskFile, part: Part | None, data_dir: Path | None) -> _Read:
    """Read the rows of a part, or of a task without parts. Raises DataError where they aren't those that are pinned."""
    source, asked, place = file.task.source, file.task.of(part), f"part '{part.name}': " if part is not None else ""
    config, split = source.config, source.split
    expected, key = source.counts, "source.rows"
    if part is not None:
        config, split = part.config or config, part.split or split
        expected, key = (part.rows,), "rows"
    values, origin = _rows(file, config, split, data_dir)
    if expected and len(values) not in expected and source.file is not None:
        found = f"{place}{key} is {' or '.join(map(str, expected))} but {origin} has {len(values)} rows"
        raise DataError(f"{shown(file.path)}: {found}.", f"Correct {key}, or the file.")
    if expected and len(values) not in expected:
        raise DataError(
            f"{shown(file.path)}: {place}{key} is {' or '.join(map(str, expected))} but the split '{split}' has "
            f"{len(values)} rows; the download is incomplete or the data set changed.",
            f"Look at {origin}; remove its cached copy and load it again, or correct source.rows and source.revision.",
        )
    called = part.name if part else None
    rows = [_row(file, place, number, row, part, called) for number, row in enumerate(values, 1)]
    left_out: dict[str, int] = {}
    for out in asked.leave_out:
        if rows and not any(has_column(row.values, out.column) for row in rows):
            raise rows[0].lacks(out.column, "`leave_out`")
        kept = [row for row in rows if not row.has(out.column, out.pattern)]
        left_out[place + out.why] = len(rows) - len(kept)
        if len(rows) - len(kept) != out.rows and len(values) == (expected or (len(values),))[0]:
            found = f"{place}leave_out says that {out.rows} rows {out.why}, and there are {len(rows) - len(kept)}"
            raise DataError(f"{shown(file.path)}: {found}.", "Correct `leave_out`, or load the data again.")
        rows = kept
    return _Read(rows=rows, origin=origin, left_out=left_out)


def _also(file: TaskFile, also: Also, read: _Read) -> _Read:
    """Make the further questions that rows bring with them, each once."""
    asked = file.task.of(None)._replace(fields=also.fields, leave_out=(), exemplars=())
    rows: dict[tuple[str, tuple[str, ...]], _Row] = {}
    for row in read.rows:
        own = replace(row, place="also: ", asked_as=asked)
        rows.setdefault(own.asked(), own)
    if len(rows) != also.rows and (len(read.rows),) == file.task.source.counts[:1]:
        found = f"also.rows is {also.rows} but its rows bring {len(rows)} further questions with them"
        raise DataError(f"{shown(file.path)}: {found}.", "Correct also.rows, or load the data again.")
    return _Read(rows=list(rows.values()), origin=read.origin)


def _rows(file: TaskFile, config: str | None, split: str, data_dir: Path | None) -> tuple[list[Mapping[str, Any]], str]:
    source = file.task.source
    if file.rows is not None:
        origin = file.taken.get("data") or shown(file.path)
        return [row for row in file.rows if config is None or row.get("group") == config], origin
    if source.file is not None:
        path = file.path.parent / source.file
        return [row for _, row in read_rows(path)], shown(path)
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
            table = datasets.load_dataset(where, config, split=split, revision=source.revision)
        return list(table.data.table.to_pylist() if table._indices is None else table), where
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if unreachable:
            found = (
                f"task {file.task.name}: the Hub can't be reached ({unreachable}), and {where} isn't in its cache here."
            )
            raise DataError(found, _remedy(error, where, source)) from None
        what = f"{where!r} (config {config!r}, split {split!r})"
        if folder and (wrong := re.match(r"(BuilderConfig|Unknown split) ", str(error))):
            key = "config" if wrong[1] == "BuilderConfig" else "split"
            remedy = f"Correct source.{key} (or a part's), or name it under `configs:` in {where}/README.md."
            raise DataError(f"task {file.task.name}: can't load {what}: {reason}", remedy) from None
        raise DataError(f"task {file.task.name}: can't load {what}: {reason}", _remedy(error, where, source)) from None
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


def _remedy(error: Exception, where: str, source: Source) -> str:
    if isinstance(error, OSError) and error.filename and not str(error.filename).startswith(where):
        cache = "It is the cache of data sets that can't be written"
        return f"{cache}: set HF_HOME to a folder that can, or make room there."
    offline = "Without network, point --data-dir or COTBENCH_DATA at a folder in the Hub's layout"
    if source.gated:
        from huggingface_hub import constants

        page = f"{constants.ENDPOINT}/datasets/{source.dataset}"
        return f"It is given to those who have accepted its terms: do so at {page} and set HF_TOKEN. {offline}."
    return f"{offline}; behind a login, set HF_TOKEN."


# What is said of a row of a user's file of questions, which has no keys of a task file.
_IN_OTHER_WORDS = (
    (r"the gold reader '\w+' finds (.*) \(fields\.gold: ([^()]+)\)$", r"\2: \1"),
    (r" has no value in the column '(.+?)' \(it has: .*\), which is there and empty$", r": nothing stands in \1"),
    (r"fields\.\w+ \(([^()]+)\)", r"\1"),
)


def _fault(file: TaskFile, place: str, number: int, fault: str, remedy: str) -> DataError:
    """Return the error of a row, which names its line where its file has lines."""
    if not is_table(file.path.name):
        return DataError(f"{shown(file.path)}: {place}row {number}{fault}.", remedy)
    # A user's file of questions: nobody wrote keys of a task file.
    own = f"{shown(file.path)}{unit_of(file.path)}{file.lines[number - 1] if file.lines else number}"
    for pattern, words in _IN_OTHER_WORDS:
        fault = re.sub(pattern, words, fault)
    remedy = "Correct the data, name other columns (--columns), or write a task file (docs/adding.md)."
    return DataError(f"{own}{fault if fault.startswith(':') else ':' + fault}.", remedy)


def _row(
    file: TaskFile, place: str, number: int, values: Mapping[str, Any], part: Part | None, called: str | None
) -> _Row:
    """Make a row, with how it is asked. Raises DataError where it isn't of a kind that its task has."""
    try:
        return _Row(file, place, number, values, file.task.of_row(part, values), called)
    except ValueError as error:
        raise _fault(file, place, number, f": {error}", "Correct the data, or `mixed`.") from None


def examined(file: TaskFile) -> tuple[list[tuple[str, tuple[str, ...]]], list[str], list[DataError]]:
    """Return the questions of a file of questions with their options, their golds, and what is wrong with rows, at most
    one error for each; all in the order of the rows."""
    asked: list[tuple[str, tuple[str, ...]]] = []
    golds: list[str] = []
    faults: list[DataError] = []
    for number, values in enumerate(file.rows or (), 1):
        try:
            text, choices, gold = _row(file, "", number, values, None, None).asked_and_gold()
        except DataError as error:
            faults.append(error)
        else:
            asked.append((text, choices))
            golds.append(gold)
    return asked, golds, faults


_NO_OPTIONS = (
    "Correct `fields.choices` or the data; a text is taken apart by `each`; `leave_out` names rows without any."
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a task's data. Its methods raise DataError, which names task file and row.

    place: in front of the row's number, where a task has several sources. number: counted from 1. part: the name of the
    part that it is of."""

    file: TaskFile
    place: str
    number: int
    values: Mapping[str, Any]
    asked_as: AsAsked
    part: str | None = None

    def error(self, fault: str, remedy: str = "Correct the data.") -> DataError:
        return _fault(self.file, self.place, self.number, fault, remedy)

    def column(self, name: str) -> Any:
        value = value_of(self.values, name)
        if value is MISSING:
            raise self.lacks(name)
        return value

    def lacks(self, name: str, key: str = "`fields`") -> DataError:
        """Return the error that nothing stands in a column. key: of the task file, which names the column."""
        parts = name.split(".")
        owner = next((at for n in range(len(parts) - 1, 0, -1) if (at := ".".join(parts[:n])) and self._parts(at)), "")
        known = sorted([f"{owner}.{part}" for part in self._parts(owner)] if owner else map(str, self.values))
        fault = f" has no value in the column '{name}' (it has: {', '.join(known)})"
        if has_column(self.values, name):
            rows = f"leave out such rows (`leave_out: [{{column: {name}, pattern: '^$', rows: .., why: ..}}]`)"
            return self.error(fault + ", which is there and empty", f"Fill it in, correct {key}, or {rows}.")
        if name in known:
            fault += ", of which some have no such part"
            return self.error(fault, "Give all of them that part.")
        return self.error(fault, suggest(name, known, always=f"Correct {key}, or the data."))

    def _parts(self, name: str) -> list[str]:
        """Return the parts that a column, or a part of one, has: the keys of an object, or of the objects of a list."""
        value = value_of(self.values, name)
        value = value[0] if isinstance(value, list) and value else value
        return sorted(map(str, value)) if isinstance(value, Mapping) else []

    def text(self, place: str, value: Any, where: Text | None = None) -> str:
        """Return a text, or a number as its digits: anything else would stand in the prompt as Python writes it.

        place: the field and column. where: what the task file says of it."""
        try:
            return plain_text(value) if where is None else where.text(value)
        except ValueError as error:
            expected = "a list" if where is not None and where.count else "a text or a number"
            fault = f": {place} is {error}, expected {expected}"
            raise self.error(fault, self._instead(place, value)) from None

    def _instead(self, place: str, value: Any) -> str:
        """Return what to write in a task file where something stands that is no text."""
        gold = place.startswith("fields.gold")
        if gold and isinstance(value, bool):
            return "Say `gold_reader: boolean`, which reads true and false, or name another column in `fields`."
        if gold and isinstance(value, list):
            return "Say `gold_reader: any_of` where any of a list is right, or name another column in `fields`."
        if isinstance(value, list) and value and not isinstance(value[0], Mapping):
            return "Say what stands between its texts (`join`), name another column in `fields`, or write the data so."
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, Mapping) and inner:
            parts = ", ".join(sorted(map(str, inner)))
            return (
                f"Name a part of it in `fields`, with a point before its name (it has: {parts}), or write the data so."
            )
        return "Name a column of texts in `fields`, or write the data so."

    def has(self, column: str, pattern: str) -> bool:
        """Whether a pattern is found in a column; where nothing stands in it, in an empty text."""
        value = value_of(self.values, column)
        return re.search(pattern, "" if value is MISSING else str(value)) is not None

    def asked(self) -> tuple[str, tuple[str, ...]]:
        """Return the question and its options."""
        fields = self.asked_as.fields
        parts = [self._taken("question", where) for where in fields.question]
        text = "\n\n".join(part.strip() for part in parts if part.strip())
        if not text.strip():
            raise self.error(": the question is empty")
        if fields.choices is None:
            return text, ()
        if fields.choices.column is not None:
            whole = self.column(fields.choices.column)
            if isinstance(whole, Mapping) and any(isinstance(part, list) for part in whole.values()):
                self.text(f"fields.choices ({fields.choices.column})", whole)  # raises: its parts are lists of options
        try:
            choices = fields.choices.taken(self.values)
        except ValueError as error:
            raise self.error(f": expected a list of 2 to 26 choices, found {error}", _NO_OPTIONS) from None
        if not 2 <= len(choices) <= len(LETTERS):
            raise self.error(f": expected a list of 2 to 26 choices, found {choices!r:.80}", _NO_OPTIONS)
        place = f"fields.choices ({fields.choices.of}), choice"
        return text, tuple(self.text(f"{place} {n},", choice).strip() for n, choice in enumerate(choices, 1))

    def _taken(self, field: str, where: Text) -> str:
        if where.column is None:
            return where.say or ""
        if where.optional and value_of(self.values, where.column) is MISSING:
            return ""
        return where.taken(self.text(f"fields.{field} ({where.column})", self.column(where.column), where))

    def label(self, field: str, where: Text | None) -> str:
        """Return the group, the cluster or a feature; an empty value is none."""
        value = value_of(self.values, where.column) if where is not None and where.column is not None else MISSING
        if where is None or (where.column is not None and value is MISSING):
            return ""
        return str(value) if isinstance(value, bool) else self._taken(field, where)

    @property
    def group(self) -> str:
        """The group: of a task with parts, the part's name."""
        return self.part if self.part is not None else self.label("group", self.asked_as.fields.group)

    @property
    def cluster(self) -> str:
        """What its cluster is called: a passage goes by its hash; several labels stand in the order of the alphabet."""
        cluster = ", ".join(sorted(filter(None, (self.label("cluster", at) for at in self.asked_as.fields.cluster))))
        return question_hash(cluster, ()) if len(cluster) > 40 else cluster

    @property
    def features(self) -> dict[str, str]:
        """What the data say of the question."""
        found = {name: self.label(f"features.{name}", at) for name, at in self.asked_as.fields.features.items()}
        return {name: value for name, value in found.items() if value}

    def passages(self) -> tuple[Passage, ...]:
        """Return what may help to answer it."""
        where = self.asked_as.fields.passages
        for name in (where.titles, where.texts, where.supporting) if where is not None else ():
            self.column(name)
        try:
            return tuple(Passage(*one) for one in where.taken(self.values)) if where is not None else ()
        except ValueError as error:
            raise self.error(f": {error}", "Correct `fields`, or the data.") from None

    def _gold_value(self, where: Text) -> Any:
        """Return what stands there, as it stands in its column where nothing else is asked for."""
        return self.column(where.column) if where.column and where.is_plain else self._taken("gold", where)

    def _gold_values(self, several: Sequence[Text]) -> list[Any]:
        """Return what stands in several columns; one may have nothing in it, or a list."""
        found: list[Any] = []
        for where in several:
            if where.column is not None and value_of(self.values, where.column) is MISSING:
                continue
            value = self._gold_value(where)
            found += value if isinstance(value, list) else [value]
        return found

    def gold(self, choices: Sequence[str]) -> str:
        reader, fields = self.asked_as.gold_reader, self.asked_as.fields
        value = self._gold_values(fields.gold) if len(fields.gold) > 1 else self._gold_value(fields.gold[0])
        if reader not in AS_IT_IS:
            value = self.text(f"fields.gold ({', '.join(where.of for where in fields.gold)})", value)
        try:
            labels = fields.choices.called(self.values, len(choices)) if fields.choices is not None else ()
            return read_gold(reader, self.asked_as.answer.type, value, choices, labels)
        except ValueError as error:
            where = ", ".join(where.of for where in fields.gold)
            fault = f": the gold reader '{reader}' finds {error} (fields.gold: {where})"
            instead = "Choose another gold_reader or answer.type, correct the data, or name such rows in `leave_out`."
            raise self.error(fault, instead) from None

    def asked_and_gold(self) -> tuple[str, tuple[str, ...], str]:
        """Return the question, its options in the order in which they are asked, and its gold."""
        text, choices = self.asked()
        gold, where = self.gold(choices), self.asked_as.fields.choices
        if where is None or not where.shuffle:
            return text, choices, gold
        order = where.drawn(text, choices)
        letters = {LETTERS[place]: LETTERS[at] for at, place in enumerate(order)}
        return text, tuple(choices[place] for place in order), "".join(sorted(letters[letter] for letter in gold))


def _questions(
    task: Task, rows: Sequence[_Row]
) -> tuple[list[Question], dict[str, str], dict[str, tuple[Passage, ...]]]:
    """Make the questions of rows, with their golds and passages by id."""
    asked: list[tuple[str, tuple[str, ...], str]] = []
    same: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        text, choices, gold = row.asked_and_gold()
        same[question_hash(text, choices)].append(len(asked))
        asked.append((text, choices, gold))
    ids: dict[int, str] = {}
    fields = rows[0].asked_as.fields
    optional = [where for where in fields.question if where.optional]
    labels = [where.column for where in (fields.group, *fields.cluster, *fields.features.values(), *optional) if where]
    for column in (*filter(None, labels), *(fields.choices.columns if fields.choices else ())):
        if not any(has_column(row.values, column) for row in rows):
            rows[0].column(column)  # raises: no row has the column
    arms = [(row.group, row.cluster) for row in rows]
    for digest, places in same.items():
        # Repeats are counted in the order of their golds, groups and clusters (many of MMLU's stand in two subjects),
        # so that ids don't depend on the order of the rows.
        for count, place in enumerate(sorted(places, key=lambda p: (asked[p][2], arms[p], p))):
            ids[place] = f"{task.name}-{digest}" + (f"-{count + 1}" if count else "")
    several = len(task.kinds) > 1
    questions = [
        Question(
            id=ids[place],
            task=task.name,
            text=text,
            choices=choices,
            group=group,
            cluster=cluster,
            kind=row.asked_as.answer.type if several else "",
            features=row.features,
        )
        for place, (row, (text, choices, _), (group, cluster)) in enumerate(zip(rows, asked, arms, strict=True))
    ]
    passages = {ids[place]: found for place, row in enumerate(rows) if (found := row.passages())}
    return questions, {ids[place]: gold for place, (*_, gold) in enumerate(asked)}, passages


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """A row of a task's data as it is asked. left_out: why it isn't, "" of one that is."""

    text: str
    choices: tuple[str, ...]
    gold: str
    group: str
    cluster: str
    kind: str
    features: Mapping[str, str]
    left_out: str = ""


def read_row(file: TaskFile, values: Mapping[str, Any], number: int, part: Part | None = None) -> ReadRow:
    """Read one row as a task file says, wherever the row is from. number: of the row, for messages. part: of which part
    of the task it is. Raises DataError where it can't be read so."""
    asked = file.task.of(part)
    row = _Row(file, "", number, values, asked, part.name if part is not None else None)
    why = next((out.why for out in asked.leave_out if row.has(out.column, out.pattern)), "")
    text, choices, gold = ("", (), "") if why else row.asked_and_gold()
    return ReadRow(
        text=text,
        choices=choices,
        gold=gold,
        group=row.group,
        cluster=row.cluster,
        kind=asked.answer.type if len(file.task.kinds) > 1 else "",
        features=row.features,
        left_out=why,
    )


def _pool(file: TaskFile, data_dir: Path | None) -> dict[str, tuple[Exemplar, ...]]:
    spec = file.task.fewshot
    assert spec is not None
    values, origin = _rows(file, file.task.source.config, spec.split, data_dir)
    if len(values) != spec.rows:
        raise DataError(
            f"{shown(file.path)}: fewshot.rows is {spec.rows} but the split '{spec.split}' has {len(values)} rows.",
            f"Look at {origin}; remove its cached copy and load it again.",
        )
    rationales: dict[str, str] = read_yaml(file.path.parent / spec.rationales) if spec.rationales else {}
    rows = [_Row(file, "", number, row, file.task.of(None)) for number, row in enumerate(values, 1)]
    questions, golds, _ = _questions(file.task, rows)
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
