"""Suites: `tasks/suites/*.yaml`, or a user's own, -> tasks in categories, which are asked for by one name.

A suite is data: which tasks belong together, in which categories, how many questions of each category are asked, and
which data sets belong to it without being among its tasks. Whoever names a suite names its tasks. A run records the
suite as it was (`SuiteEntry`), so that it is gone on with and reported by that, and not by what the file says later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cotbench.errors import CotbenchError, DataError, TaskError, suggest
from cotbench.questions.columns import Hints
from cotbench.questions.files import is_table, shown
from cotbench.questions.shipped import SUITES, known_task_files, shipped, suite_files
from cotbench.questions.tasks import NO_HINTS, TaskFile, find_task, read_yaml
from cotbench.store.files import is_file
from cotbench.store.manifest import Lacking, SuiteEntry

OWN_SUFFIXES = (".suite.yaml", ".suite.yml")  # of a suite that is named by its path
_YAML = (".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]*")
_RESERVED = ("all", "difference")  # what other figures over tasks are over
EXAMPLE = "tasks/suites/core.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Missing(_Strict):
    """A data set that belongs to a suite and that cotbench doesn't have, with the reason. terms: a page where they are
    accepted, where the set is given to those only who have done so."""

    name: str
    category: str
    why: str
    terms: str = ""


class Suite(_Strict):
    """Tasks in categories. What a file that says `like: NAME` leaves out is as in that file beside it.

    symbolic: the categories that are called math and symbolic, where others aren't.
    limit_per_category: how many questions of each category are asked, as equally many of its tasks as can be."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    about: str
    paper: str = ""
    categories: dict[str, list[str]] = Field(min_length=1)
    symbolic: list[str] = []
    limit_per_category: int | None = Field(default=None, ge=1)
    missing: list[Missing] = []

    @field_validator("categories")
    @classmethod
    def _each_task_once(cls, categories: dict[str, list[str]]) -> dict[str, list[str]]:
        seen: dict[str, str] = {}
        for name, tasks in categories.items():
            if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
                raise ValueError(f"a category can't be called '{name}'; use letters and digits, and none of 'all'")
            if not tasks:
                raise ValueError(f"the category '{name}' has no tasks")
            for task in tasks:
                if task in seen:
                    where = f"'{name}'" if seen[task] == name else f"'{seen[task]}' and in '{name}'"
                    raise ValueError(f"the task '{task}' stands {'twice ' if seen[task] == name else ''}in {where}")
                seen[task] = name
        return categories

    @model_validator(mode="after")
    def _of_its_categories(self) -> Suite:
        for place, names in (("symbolic", self.symbolic), ("missing", [one.category for one in self.missing])):
            if unknown := next((name for name in names if name not in self.categories), None):
                known = ", ".join(self.categories)
                raise ValueError(f"{place}: there is no category '{unknown}'; the categories are {known}")
        most = max(map(len, self.categories.values()))
        if self.limit_per_category is not None and self.limit_per_category < most:
            raise ValueError(f"limit_per_category is less than the {most} tasks of a category")
        there = {task for tasks in self.categories.values() for task in tasks}
        if both := next((one.name for one in self.missing if one.name in there), None):
            raise ValueError(f"missing: '{both}' is one of its tasks")
        return self

    @property
    def tasks(self) -> list[str]:
        """All its tasks, in order, as they are named in it."""
        return [task for tasks in self.categories.values() for task in tasks]


@dataclass(frozen=True, kw_only=True)
class SuiteFile:
    """A suite with the place it was read from. hash: sha256 over its file, and that of the one that it is like."""

    suite: Suite
    path: Path
    hash: str

    @property
    def shipped(self) -> bool:
        """Whether it comes with cotbench."""
        return self.path.parent == shipped("tasks") / SUITES

    def word(self, task: str) -> str:
        """What `find_task` is given for one of its tasks: names of files are relative to the suite's own."""
        return str(self.path.parent / task) if _is_file(task) else task


def _is_file(task: str) -> bool:
    """Whether a suite names a task by its file."""
    return is_table(task) or task.endswith(_YAML)


# --- reading ------------------------------------------------------------------------------------------------------


def _raw(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        found = f"{shown(path)}: expected a mapping of keys, found {type(content).__name__}."
        raise TaskError(found, f"See {EXAMPLE}.")
    return content


def read_suite_file(path: Path) -> SuiteFile:
    """Read and validate one suite file. Raises TaskError that names the file, the key and the remedy."""
    content = _raw(path)
    digest = hashlib.sha256(path.read_bytes())
    if "like" in content:
        other = path.parent / f"{content.pop('like')}.yaml"
        if not other.is_file():
            raise TaskError(f"{shown(path)}: like: there is no file {shown(other)}.", "Name a suite beside this one.")
        content = {**_raw(other), **content}
        digest.update(other.read_bytes())
    try:
        suite = Suite.model_validate(content)
    except ValidationError as error:
        raise _explained(path, error) from None
    if stem_of(path.name) != suite.name:
        fault = f"name is '{suite.name}' but the file is called {path.name}"
        raise TaskError(f"{shown(path)}: {fault}.", "Make them the same.")
    return SuiteFile(suite=suite, path=path, hash=digest.hexdigest()[:16])


def stem_of(word: str) -> str:
    """The name that a suite has by the word or path that it is asked for by."""
    name = word.rsplit("/", 1)[-1]
    return next((name.removesuffix(suffix) for suffix in (*OWN_SUFFIXES, *_YAML) if name.endswith(suffix)), name)


def _explained(path: Path, error: ValidationError) -> TaskError:
    lines = []
    for item in error.errors():
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in item["loc"])
        known = list((Missing if item["loc"] and item["loc"][0] == "missing" else Suite).model_fields)
        if item["type"] == "extra_forbidden":
            remedy = suggest(str(item["loc"][-1]), known, f"known here: {', '.join(known)}")
            lines.append(f"{shown(path)}: unknown key '{where}'; {remedy[0].lower()}{remedy[1:]}")
        elif item["type"] == "missing":
            lines.append(f"{shown(path)}: the key '{where}' is missing")
        else:
            value = "" if isinstance(item["input"], dict) else f" (found {item['input']!r:.60})"
            lines.append(
                f"{shown(path)}: {where + ': ' if where else ''}{item['msg'].removeprefix('Value error, ')}{value}"
            )
    return TaskError("\n".join(lines), f"The keys of a suite are described in docs/adding.md; {EXAMPLE} is an example.")


def list_suite_files(tasks_dir: Path | None = None) -> dict[str, Path]:
    """Name -> suite file; those below a user's folder of tasks go before what is shipped."""
    return suite_files(*filter(None, (shipped("tasks"), tasks_dir)))


def find_suite(word: str, tasks_dir: Path | None = None) -> SuiteFile | None:
    """The suite of a name or of a path; None where the word is no suite's. Raises TaskError where a suite has the name
    of a task, so that it can't be told which is meant."""
    path = Path(word)
    if word.endswith(OWN_SUFFIXES) and not is_file(path):
        raise TaskError(f"--task: there is no file {word}.", "Give the path of a suite, or a name of one.")
    if word.endswith(OWN_SUFFIXES) or (word.endswith(_YAML) and is_file(path) and _has_categories(path)):
        return read_suite_file(path)
    files = list_suite_files(tasks_dir)
    if word not in files:
        return None
    if word in known_task_files(tasks_dir):
        found = f"--task: '{word}' is the name of a task, and of the suite {shown(files[word])}."
        raise TaskError(found, "Give one of them another name.")
    return read_suite_file(files[word])


def _has_categories(path: Path) -> bool:
    content = read_yaml(path)
    return isinstance(content, dict) and "categories" in content


# --- what is asked for --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Named:
    """A task that is asked for. word: what `find_task` takes. suites: those that it is of; alone: whether it is asked
    for by its own name, too."""

    word: str
    suites: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The tasks that are asked for, by their names, and the suites of them.

    skipped: those that a run left out because they couldn't be had, and why. lacking: those that have no file here."""

    files: Mapping[str, TaskFile]
    named: Mapping[str, Named]
    suites: tuple[SuiteEntry, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, CotbenchError] = field(default_factory=dict)


def choose(
    words: Sequence[str],
    tasks_dir: Path | None = None,
    recorded: Sequence[SuiteEntry] = (),
    data_dir: Path | None = None,
    hints: Hints = NO_HINTS,
) -> Chosen:
    """The tasks that some words name: tasks, files, suites of them. A task that is named twice through a suite counts
    once; one that is named by itself twice is for the caller to refuse.

    recorded: of a run that is gone on with or run again: a suite of these is taken as it was then. hints: what a user
    says of files of questions."""
    known = {entry.name: entry for entry in recorded}
    suites: list[SuiteEntry] = []
    files: dict[str, TaskFile] = {}
    named: dict[str, Named] = {}
    lacking: dict[str, CotbenchError] = {}

    def take(word: str, suite: str = "") -> str:
        try:
            file = find_task(word, tasks_dir, data_dir, hints)
        except TaskError as error:
            if not suite or word in known_task_files(tasks_dir) or is_file(word):
                raise
            lacking[word] = DataError(f"task {word}: there is no such task here.", error.hint)
            return word
        name = file.task.name
        before = named.get(name)
        if before is not None and before.alone and not suite:
            raise TaskError(f"--task: {name} is named twice.", "Name each once.")
        files.setdefault(name, file)
        named[name] = Named(
            word=before.word if before else word,
            suites=(*(before.suites if before else ()), *([suite] if suite else [])),
            alone=not suite or bool(before and before.alone),
        )
        return name

    for word in words:
        entry = known.get(stem_of(word))
        found = find_suite(word, tasks_dir) if entry is None else None
        if entry is not None:
            for task in entry.tasks:
                take(own_file([entry], task, tasks_dir) or task, entry.name)
            suites.append(entry)
        elif found is not None:
            if any(one.name == found.suite.name for one in suites):
                raise TaskError(f"--task: the suite {found.suite.name} is named twice.", "Name each once.")
            suites.append(_entry(found, partial(_of_suite, take, found)))
        else:
            take(word)
    return Chosen(files=files, named=named, suites=tuple(suites), lacking=lacking)


def expanded(words: Sequence[str], tasks_dir: Path | None = None) -> list[str]:
    """What `find_task` is given for each task that some words name, suites among them; each once."""
    found: dict[str, None] = {}
    for word in words:
        suite = find_suite(word, tasks_dir)
        found |= dict.fromkeys([word] if suite is None else map(suite.word, suite.suite.tasks))
    return list(found)


def _of_suite(take: Callable[[str, str], str], found: SuiteFile, task: str) -> str:
    return take(found.word(task), found.suite.name)


def _entry(found: SuiteFile, take: Callable[[str], str]) -> SuiteEntry:
    """What a run records of a suite. take: gives the name of a task by what the suite calls it."""
    suite = found.suite
    categories: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for category, tasks in suite.categories.items():
        categories[category] = []
        for task in tasks:
            name = take(task)
            categories[category].append(name)
            if _is_file(task):
                files[name] = str(Path(found.word(task)).absolute())
    return SuiteEntry(
        name=suite.name,
        hash=found.hash,
        categories=categories,
        symbolic=suite.symbolic,
        limit=suite.limit_per_category,
        missing=[Lacking(**one.model_dump()) for one in suite.missing],
        files=files,
        own=not found.shipped,
    )


def entry_of(found: SuiteFile) -> SuiteEntry:
    """What a suite is made of, for a report: tasks need not be here, since its runs have them."""

    def take(task: str) -> str:
        if not _is_file(task):
            return task
        try:
            return find_task(found.word(task)).task.name
        except CotbenchError:
            return Path(task).stem

    return _entry(found, take)


def own_file(entries: Sequence[SuiteEntry], task: str, tasks_dir: Path | None = None) -> str:
    """Where the file of a user's own task of a recorded suite is: where it lay, or under the same name in a folder of
    tasks or in the working directory; "" of a task that is known by its name."""
    found = next((entry.files[task] for entry in entries if task in entry.files), "")
    if not found:
        return ""
    path = Path(found).expanduser()
    places = [path, *(folder / path.name for folder in (tasks_dir, Path.cwd()) if folder is not None)]
    return str(next((place for place in places if place.is_file()), path))


def spread(sizes: Sequence[int], total: int) -> list[int]:
    """How many of each of some tasks make up a total: as equally many as can be, all of those that have fewer, and
    all of all where there are no more."""
    left, out = total, [0] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda place: (sizes[place], place))
    for rank, place in enumerate(order):
        out[place] = min(sizes[place], left // (len(sizes) - rank))
        left -= out[place]
    return out


def with_limits(chosen: Chosen, sizes: Mapping[str, int]) -> Chosen:
    """The same with the numbers of questions that suites choose of their tasks. sizes: of the tasks that are there."""
    suites = []
    for entry in chosen.suites:
        if entry.limit is None or entry.limits:
            suites.append(entry)
            continue
        limits: dict[str, int] = {}
        for tasks in entry.categories.values():
            there = [task for task in tasks if task in sizes]
            counts = spread([sizes[task] for task in there], entry.limit)
            limits |= {task: count for task, count in zip(there, counts, strict=True) if count < sizes[task]}
        suites.append(msgspec.structs.replace(entry, limits=limits))
    return replace(chosen, suites=tuple(suites))


def limit_of(chosen: Chosen, task: str, limit: int | None) -> int | None:
    """How many questions of a task are asked; None for all. limit: of each task, by an option.

    The largest number that anybody asks for: what is named by itself is asked as a whole."""
    named = chosen.named[task]
    counts = [entry.limits.get(task) for entry in chosen.suites if entry.name in named.suites]
    of_suites = None if named.alone or not counts or None in counts else max(filter(None, counts))
    return min(filter(None, (of_suites, limit)), default=None)


def in_words(chosen: Chosen, asked: Mapping[str, int]) -> str:
    """What is asked for, in words: suites by their categories, then tasks that are named by themselves. asked: how many
    questions of each task."""
    parts = []
    for entry in chosen.suites:
        said = []
        for category, tasks in entry.categories.items():
            there = {task: asked[task] for task in tasks if task in asked}
            each = ", ".join(f"{task} {count:,}" for task, count in there.items())
            said.append(f"{category} {sum(there.values()):,}" + (f" ({each})" if there else ""))
        parts.append(f"{entry.name}: {'; '.join(said)}")
    alone = [f"{task} {count:,}" for task, count in asked.items() if chosen.named[task].alone]
    return ". ".join([*parts, *([", ".join(alone)] if alone else [])])


def briefly(chosen: Chosen) -> str:
    """What is asked for, in a few words: suites with how many tasks they have here, and tasks named by themselves."""
    tasks = [name for name in chosen.files if name not in chosen.skipped]
    parts = []
    for entry in chosen.suites:
        count = sum(task in entry.tasks for task in tasks)
        parts.append(f"{entry.name} ({count} task{'s' * (count != 1)})")
    return ", ".join([*parts, *(task for task in tasks if chosen.named[task].alone)])
