"""Tasks: `tasks/*.yaml`, or a user's own file of questions, -> `Task`.

A task is data, an answer type and a gold reader; it says nothing about prompting methods, so every task runs under
every mode. Task files hold no code: how a row is read is said with the few words of `readers`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from cotbench.answers.kinds import KINDS
from cotbench.errors import TaskError, suggest
from cotbench.plugins import lacking
from cotbench.questions import others
from cotbench.questions.columns import Hints
from cotbench.questions.files import SUFFIXES, WORKBOOKS, content_of, is_table, shown
from cotbench.questions.golds import READERS_OF_EACH, kind_of_gold
from cotbench.questions.readers import (
    MISSING,
    OF_OPTIONS,
    STRICT,
    Choices,
    Options,
    Passages,
    Several,
    Text,
    Where,
    gold_readers,
    has_options,
    in_quotes,
    value_of,
)
from cotbench.questions.shipped import SUITES, known_task_files, shipped, suite_files
from cotbench.store.files import is_file, kind_of
from cotbench.types import LETTERS, AnswerType, Question


def _one_of(value: Any, names: Iterable[str]) -> str:
    """A name among others. Raises ValueError in pydantic's words for a value that is none of them."""
    known = list(names)
    if isinstance(value, str) and value in known:
        return value
    quoted = [f"'{name}'" for name in known]
    raise ValueError(f"Input should be {', '.join(quoted[:-1])} or {quoted[-1]}")


class _Strict(BaseModel):
    model_config = STRICT


_PLACEHOLDER = re.compile(r"<\w+>")
NO_HINTS = Hints()


class Source(_Strict):
    """Where the rows come from: a Hub data set with a pinned revision, or a file beside the task file.

    rows: how many there are; several numbers where copies of the set differ (a part of it, say). gated: the Hub gives
    it only to those who have accepted its terms."""

    dataset: str | None = None
    config: str | None = None
    split: str = "test"
    revision: str | None = None
    file: str | None = None
    rows: int | list[int] | None = None
    gated: bool = False
    licence: str = ""
    paper: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        if (self.dataset is None) == (self.file is None):
            raise ValueError("give either 'dataset' (a Hub id) or 'file' (rows beside the task file: .jsonl, .csv ...)")
        if self.dataset is not None and (self.rows is None or self.revision is None):
            raise ValueError("a 'dataset' needs its pinned 'revision' and the expected number of 'rows'")
        return self

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of rows that are as they should be; none where any number is."""
        return () if self.rows is None else (self.rows,) if isinstance(self.rows, int) else tuple(self.rows)


class Fields(_Strict):
    """Where things stand in a row: a column's name, or what `readers` describes.

    question may be a list, joined by blank lines (a passage and its query); so may cluster. features: what the data say
    of a question, by name. passages: those that may help to answer it. kind: of a question's answer, in a task that has
    `mixed`."""

    question: Several
    gold: Several
    choices: Options | None = None
    group: Where | None = None
    cluster: Several = []
    features: dict[str, Where] = {}
    passages: Passages | None = None
    kind: Where | None = None


class Answer(_Strict):
    """The answer contract: `form` is how the answer stands on the last line, `phrase` says what it means.

    Without them they are those of the kind; then its name is enough."""

    type: str
    form: str
    phrase: str

    @field_validator("type", mode="plain")
    @classmethod
    def _known_type(cls, value: Any) -> str:
        return KINDS[_one_of(value, KINDS)].name

    @field_validator("form")
    @classmethod
    def _has_a_place(cls, value: str) -> str:
        if not _PLACEHOLDER.search(value):
            raise ValueError("expected a form with a place for the answer, as <number>")
        return value

    @model_validator(mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any) -> Any:
        value = {"type": value} if isinstance(value, str) else value
        kind = KINDS.get(value["type"]) if isinstance(value, dict) and isinstance(value.get("type"), str) else None
        if kind is None or ("form" in value) != ("phrase" in value):
            return value
        return {"form": kind.form, "phrase": kind.phrase, **value}


class Exemplar(_Strict):
    """A worked question for few-shot prompts. The same exemplars serve every mode; each mode shows its own part."""

    question: str
    choices: list[str] = []
    rationale: str | None = None
    program: str | None = None
    equations: str | None = None
    answer: str


class Fewshot(_Strict):
    """Exemplars from a split of the data set itself: the first K rows of the question's own group.

    rationales: a file beside the task file that maps question ids of that split to rationales of ours."""

    split: str
    rows: int
    match: Literal["group"]
    rationales: str | None = None


class LeftOut(_Strict):
    """Rows that can't be asked or graded: those in whose column the pattern is found, how many these are, and why."""

    column: str
    pattern: str
    rows: int
    why: str

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value


class Also(_Strict):
    """Further questions that rows bring with them, each different one once, as the question of which a row is a
    variant: where they stand, how many there are, and what they are called."""

    fields: Fields
    rows: int


class Part(_Strict):
    """A part of a task with rows of its own; what it doesn't say is as the task says. name: the group of its
    questions."""

    name: str
    config: str | None = None
    split: str | None = None
    rows: int
    fields: Fields | None = None
    gold_reader: str | None = None
    answer: Answer | None = None
    leave_out: list[LeftOut] = []
    exemplars: list[Exemplar] = []

    @field_validator("gold_reader", mode="before")
    @classmethod
    def _known_reader(cls, value: Any) -> str | None:
        return None if value is None else _one_of(value, gold_readers())


class Mixed(_Strict):
    """A further kind of answers that questions of a task have, each of its own kind: as its column says, else by its
    options and gold. Rows without options are read without `fields.choices`."""

    answer: Answer
    gold_reader: str
    exemplars: list[Exemplar] = []

    @field_validator("gold_reader", mode="before")
    @classmethod
    def _known_reader(cls, value: Any) -> str:
        return _one_of(value, gold_readers())


class AsAsked(NamedTuple):
    """How the rows of a task, or of a part of one, are read, asked and answered."""

    fields: Fields
    gold_reader: str
    answer: Answer
    leave_out: tuple[LeftOut, ...]
    exemplars: tuple[Exemplar, ...]


class Task(_Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    about: str
    source: Source
    fields: Fields
    gold_reader: str
    answer: Answer
    parts: list[Part] = []
    mixed: list[Mixed] = []
    leave_out: list[LeftOut] = []
    also: Also | None = None
    fewshot: Fewshot | None = None
    exemplars: list[Exemplar] = []

    @field_validator("gold_reader", mode="before")
    @classmethod
    def _known_reader(cls, value: Any) -> str:
        return _one_of(value, gold_readers())

    @model_validator(mode="after")
    def _coherent(self) -> Task:
        names = [part.name for part in self.parts]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"there are two parts '{twice}'")
        if self.parts and (self.fewshot is not None or self.also is not None):
            raise ValueError("a task with parts has neither 'fewshot' nor 'also'")
        self._mixes()
        places: list[tuple[str, Part | None]] = [("", None), *((f"part '{part.name}': ", part) for part in self.parts)]
        for place, part in places:
            # The fields of a task with parts are what parts may leave out: they need not fit its own answer.
            if (part is not None or not self.parts) and not self.mixed:
                self._fits(place, self.of(part))
        return self

    def _mixes(self) -> None:
        """Refuse kinds of answers that can't be mixed, or told from each other."""
        if not self.mixed:
            if self.fields.kind is not None:
                raise ValueError("fields.kind is for a task with several kinds of answers: list the others in 'mixed'")
            return
        if self.parts or self.fewshot is not None or self.also is not None:
            raise ValueError("a task with 'mixed' has neither 'parts' nor 'fewshot' nor 'also'")
        kinds = list(self.kinds)
        if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
            raise ValueError(f"mixed: the kind '{twice}' stands there twice, or is that of 'answer'")
        with_options = [kind for kind in kinds if KINDS[kind].has_choices]
        if bool(with_options) != (self.fields.choices is not None):
            raise ValueError("mixed: a kind of answers with options and fields.choices go together")
        untold = [kind for kind in kinds if not KINDS[kind].has_choices and kind not in READERS_OF_EACH]
        if self.fields.kind is None and (len(with_options) > 1 or (untold and len(kinds) > len(with_options) + 1)):
            found = ", ".join([*with_options, *untold])
            raise ValueError(f"mixed: which questions are of which kind ({found}) is told by a column: fields.kind")
        for as_asked in self._of_kinds.values():
            self._fits(f"mixed ({as_asked.answer.type}): ", as_asked)

    @cached_property
    def _of_kinds(self) -> dict[str, AsAsked]:
        """How questions of each kind are read, asked and answered, in a task with `mixed`."""
        own = Mixed(answer=self.answer, gold_reader=self.gold_reader, exemplars=self.exemplars)
        bare = self.fields.model_copy(update={"choices": None})
        return {
            one.answer.type: AsAsked(
                self.fields if KINDS[one.answer.type].has_choices else bare,
                one.gold_reader,
                one.answer,
                tuple(self.leave_out),
                tuple(one.exemplars),
            )
            for one in (own, *self.mixed)
        }

    def of_row(self, part: Part | None, row: Mapping[str, Any]) -> AsAsked:
        """How a row of a part, or of a task without parts, is read, asked and answered.

        Raises ValueError where it isn't of a kind that the task has."""
        if not self.mixed:
            return self.of(part)
        known = self._of_kinds
        if self.fields.kind is not None and self.fields.kind.column is not None:
            said = value_of(row, self.fields.kind.column)
            if said not in known:
                found = "nothing" if said is MISSING else repr(said)[:60]
                raise ValueError(f"its kind ({self.fields.kind.column}) is {found}, expected {' or '.join(known)}")
            return known[str(said)]
        where = self.fields.choices
        if where is not None and has_options(where, row):
            return next(one for kind, one in known.items() if KINDS[kind].has_choices)
        bare = {kind: one for kind, one in known.items() if not KINDS[kind].has_choices}
        if not bare:
            raise ValueError("it has no options")
        gold = value_of(row, self.fields.gold[0].column or "")
        kind = kind_of_gold(gold) if len(bare) > 1 else next(iter(bare))
        if kind not in bare:
            kind = next((other for other in (AnswerType.LATEX, AnswerType.TEXT) if other in bare), "")
        if not kind:
            raise ValueError(f"its gold {gold!r:.60} is none of {', '.join(bare)}")
        return bare[kind]

    @staticmethod
    def _fits(place: str, part: AsAsked) -> None:
        kind = KINDS[part.answer.type]
        if kind.has_choices != (part.fields.choices is not None):
            with_choices = " or ".join(f"'{name}'" for name, kind in KINDS.items() if kind.has_choices)
            lacks = "there are none" if kind.has_choices else f"answer.type is '{part.answer.type}'"
            raise ValueError(f"{place}answer.type {with_choices} and fields.choices go together, and {lacks}")
        if part.fields.choices is None and part.gold_reader in OF_OPTIONS:
            raise ValueError(
                f"{place}gold_reader '{part.gold_reader}' and fields.choices go together, and there are none"
            )
        if part.fields.choices is not None and part.fields.choices.shuffle and not kind.lettered:
            raise ValueError(f"{place}fields.choices.shuffle is for options with letters, not of '{part.answer.type}'")
        lettered = " or ".join(f"'{name}'" for name, kind in KINDS.items() if kind.has_choices and kind.lettered)
        for number, exemplar in enumerate(part.exemplars, 1):
            if (kind.has_choices and kind.lettered) != bool(exemplar.choices):
                found = f"{place}exemplar {number}: 'choices' are for tasks whose answer.type is {lettered}"
                raise ValueError(found)
            letters = LETTERS[: len(exemplar.choices)]
            if letters and not (exemplar.answer and set(exemplar.answer) <= set(letters)):
                expected = f"expected a letter from A to {letters[-1]}"
                raise ValueError(f"{place}exemplar {number}: answer is {exemplar.answer!r:.60}, {expected}")

    def of(self, part: Part | None) -> AsAsked:
        """How the rows of a part are read, asked and answered; of a task without parts, its rows."""
        if part is None:
            return AsAsked(self.fields, self.gold_reader, self.answer, tuple(self.leave_out), tuple(self.exemplars))
        return AsAsked(
            part.fields or self.fields,
            part.gold_reader or self.gold_reader,
            part.answer or self.answer,
            tuple(part.leave_out),
            tuple(part.exemplars),
        )

    @cached_property
    def _by_group(self) -> dict[str, AsAsked]:
        return {part.name: self.of(part) for part in self.parts}

    def asked(self, group: str) -> AsAsked:
        """How the questions of a group are asked and answered."""
        return self._by_group.get(group) or self.of(None)

    def asked_of(self, question: Question) -> AsAsked:
        """How a question is asked and answered."""
        return self._of_kinds[question.kind or self.answer.type] if self.mixed else self.asked(question.group)

    def answer_of(self, question: Question) -> Answer:
        """The answer contract of a question."""
        return self.asked_of(question).answer if self.parts or self.mixed else self.answer

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of answers that its questions have, in the order of the file."""
        parts = (self.of(part).answer.type for part in self.parts)
        mixed = (self.answer.type, *(one.answer.type for one in self.mixed))
        return tuple(dict.fromkeys(parts)) if self.parts else mixed

    @property
    def rows(self) -> int | None:
        """How many questions it has, as its file says; None where it doesn't."""
        if self.parts:
            return sum(part.rows - sum(out.rows for out in part.leave_out) for part in self.parts)
        if not self.source.counts:
            return None
        more = self.also.rows if self.also is not None else 0
        return self.source.counts[0] - sum(out.rows for out in self.leave_out) + more


@dataclass(frozen=True, kw_only=True)
class TaskFile:
    """A task with the place it was read from. hash: sha256 over the task file and the files it names.

    rows: the rows themselves, where they come neither from a data set of the Hub nor from a file; then `path` says
    what they come from, and `taken` whose task they are of: package, version, data. note: what a user is told of a task
    before it is asked; "" where there is nothing to tell. understood: what is told of a file of questions, whole.
    lines: the numbers of its rows, of its lines where it has lines."""

    task: Task
    path: Path
    hash: str
    rows: tuple[Mapping[str, Any], ...] | None = None
    taken: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    understood: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def shipped(self) -> bool:
        """Whether it comes with cotbench."""
        return self.path.parent == shipped("tasks")


_MOST_VALUES = 100_000  # of a file
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Safe):  # type: ignore[misc]
    """A safe loader that takes no key twice: YAML's own would keep the last in silence. Nor a file whose anchors, which
    may hold anchors, make it far larger than it is."""

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None and _written_out(node, {}) > _MOST_VALUES:
            problem = f"with its anchors written out it holds more than {_MOST_VALUES:,} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen and key.value != "<<":
                problem = f"the key '{key.value}' stands there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node holds where each anchor stands written out; what holds itself counts once.
    known: those of the nodes that were looked at."""
    if id(node) not in known:
        known[id(node)] = 1
        held = node.value if isinstance(node, yaml.CollectionNode) else ()
        each = (part for one in held for part in (one if isinstance(one, tuple) else (one,)))
        known[id(node)] = 1 + sum(_written_out(part, known) for part in each)
    return known[id(node)]


def read_yaml(path: Path) -> Any:
    content = content_of(path)
    try:
        return yaml.load(content, Loader=Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise TaskError(f"{shown(path)}{line}: not valid YAML: {reason}", "Correct the file.") from None
    except RecursionError:
        raise TaskError(f"{shown(path)}: is nested too deep.", "Correct the file.") from None


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at a location of a task file takes."""
    owner: Any = Task
    for part in location[:-1]:
        owner = _OWNERS.get(str(part), owner)
    return list(owner.model_fields)


# What the keys of a task file hold whose values have keys of their own.
_OWNERS: dict[str, Any] = {
    "source": Source,
    "fields": Fields,
    "answer": Answer,
    "fewshot": Fewshot,
    "exemplars": Exemplar,
    "parts": Part,
    "leave_out": LeftOut,
    "also": Also,
    "mixed": Mixed,
    "choices": Choices,
    "passages": Passages,
    **dict.fromkeys(("question", "group", "cluster", "features", "kind"), Text),
}


_KINDS_OF_VALUES = ("int", "list[int]", "str", "list[str]", "function-before[_words(), list[str]]")


def _explain(path: Path, error: ValidationError) -> TaskError:
    lines: dict[str, str] = {}
    for item in error.errors():
        # Of a value that may be of several kinds, pydantic has an error for each: "rows.int", "rows.list[int]".
        location = [part for part in item["loc"] if part not in _KINDS_OF_VALUES]
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
        if item["type"] == "extra_forbidden":
            known = _known_keys(item["loc"])
            remedy = suggest(str(item["loc"][-1]), known, f"known here: {', '.join(known)}")
            found = f"unknown key '{where}'; {remedy[0].lower()}{remedy[1:]}"
        elif item["type"] == "missing":
            found = f"the key '{where}' is missing"
        else:
            reason = item["msg"].removeprefix("Value error, ")
            if item["type"] in ("model_type", "model_attributes_type"):
                column = ", or a column's name where that is enough" if location[:1] == ["fields"] else ""
                reason = f"Input should be a mapping of keys{column}"
            if item["type"] == "string_type" and isinstance(item["input"], bool | int | float):
                reason = f"Input should be a text: {in_quotes(item['input'])}"
            value = "" if isinstance(item["input"], dict) else f" (found {item['input']!r:.60})"
            found = f"{where}: {reason}{value}" if where else reason
        lines.setdefault(where or found, f"{shown(path)}: {found}")
    return TaskError(
        "\n".join(lines.values()),
        "The keys of a task file are described in docs/adding.md; tasks/gsm8k.yaml is an example.",
    )


def read_task_file(path: Path) -> TaskFile:
    """Read and validate one task file. Raises TaskError that names the file, the key and the remedy."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        found = type(content).__name__
        raise TaskError(f"{shown(path)}: expected a mapping of keys, found {found}.", "See tasks/gsm8k.yaml.")
    try:
        task = Task.model_validate(content)
    except ValidationError as error:
        raise _explain(path, error) from None
    digest = hashlib.sha256(content_of(path))
    beside = [task.source.file, task.fewshot.rationales if task.fewshot else None]
    for name in filter(None, beside):
        companion = path.parent / name
        if not companion.exists():
            found = f"names the file '{name}', which is not in {shown(companion.parent)}"
            raise TaskError(f"{shown(path)}: {found}.", "Add the file or correct the name.")
        digest.update(content_of(companion))
    return TaskFile(task=task, path=path, hash=digest.hexdigest()[:16])


def list_task_files(tasks_dir: Path | None = None) -> dict[str, Path]:
    """Name -> task file; a user's folder goes before what is shipped, and before what plugins add."""
    folders = list(filter(None, (shipped("tasks"), tasks_dir)))
    if missing := [folder for folder in folders if not folder.is_dir()]:
        remedy = "Name the folder that holds your task files (*.yaml)."
        raise TaskError(f"--tasks-dir: {shown(missing[0])} is not a folder.", remedy)
    if tasks_dir is not None and not any(map(any, map(tasks_dir.glob, ("*.yaml", f"{SUITES}/*.yaml")))):
        found = f"--tasks-dir: {shown(tasks_dir)} holds no task file (*.yaml)."
        raise TaskError(found, "Name the folder that holds yours, or leave it out.")
    return known_task_files(tasks_dir)


def _no_file(path: str | Path) -> str:
    kind = kind_of(Path(path))
    return f"{path} is {kind}, expected a file" if kind else f"there is no file {path}"


_OR_A_NAME = (
    "Give the path of a task file (.yaml) or of a file of questions (.jsonl, .csv ...), or a name from "
    "`cotbench list tasks`."
)


def find_task(
    name: str, tasks_dir: Path | None = None, data_dir: Path | None = None, hints: Hints = NO_HINTS
) -> TaskFile:
    """The task of a name, of a path to a task file, of a user's own file of questions, or of others.

    data_dir: a folder in the Hub's layout, for a task of others, which comes with its rows. hints: what a user says of
    a file of questions."""
    if others.is_of_others(name):
        return others.find(name, data_dir)
    if is_table(name):
        return task_of_rows(Path(name), hints)
    if name.lower().endswith(WORKBOOKS) and is_file(name):
        fault = f"--task: {name} is a workbook, expected a file of questions ({', '.join(SUFFIXES)})."
        raise TaskError(fault, "Save its sheet as CSV (UTF-8).")
    is_path = name.endswith((".yaml", ".yml"))
    if is_path and is_file(name):
        return read_task_file(Path(name))
    files = {} if is_path else list_task_files(tasks_dir)
    if name not in files:
        if is_path or kind_of(Path(name)):
            remedy = _OR_A_NAME
            raise TaskError(f"--task: {_no_file(name)}.", remedy)
        if mine := next((name + end for end in SUFFIXES if is_file(name + end)), None):
            raise TaskError(f"--task: there is no task '{name}'.", f"Did you mean your file {mine}?")
        if "/" in name:
            remedy = _OR_A_NAME
            raise TaskError(f"--task: {_no_file(name)}.", remedy)
        own = "A path to your own .jsonl or .csv (question, answer, optional choices) or task file works too."
        if reason := lacking("tasks", name):
            raise TaskError(f"--task: there is no task '{name}' that can be had. {reason}", "See `cotbench doctor -v`.")
        suites = suite_files(*filter(None, (shipped("tasks"), tasks_dir)))
        lists = f"`cotbench list tasks` names all {len(files)}, `cotbench list suites` the suites."
        raise TaskError(
            f"--task: there is no task '{name}'.",
            suggest(name.lower(), [*files, *suites], lists, always=own),
        )
    found = read_task_file(files[name])
    if found.task.name != name:
        fault = f"name is '{found.task.name}' but the file is called {name}.yaml"
        raise TaskError(f"{shown(found.path)}: {fault}.", "Make them the same.")
    return found


def task_of_rows(path: Path, hints: Hints = NO_HINTS) -> TaskFile:
    """A task for a user's file of questions; `own` says how it is understood, and what hints are."""
    from cotbench.questions import own  # which makes tasks of this module

    return own.task_of_rows(path, hints)
