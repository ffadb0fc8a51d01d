"""What installed packages add: modes, engines, tag rules, and tasks with their templates, by entry points.

    [project.entry-points."cotbench.modes"]
    weigh = "acme.modes:WEIGH"    # a Mode of that name; cotbench.engines has EngineRows, cotbench.tags Rules

    [project.entry-points."cotbench.tasks"]
    acme = "acme"                 # a package, whose folder `tasks/` holds task files

Templates of either stand in a folder `prompts/` beside the module, or in the package, that an entry names. Packages are
asked for when a table is looked at in which something isn't found, or that is listed, and never before. What can't be
used is left out and told (`faults`); everything else works. Names that cotbench has can't be taken, nor what another
plugin has: then neither is.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = Literal["modes", "engines", "tasks", "tags"]
KINDS: tuple[Kind, ...] = ("modes", "engines", "tasks", "tags")
_ONE: Mapping[str, str] = {"modes": "mode", "engines": "engine", "tasks": "task", "tags": "tag rule"}


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
D = TypeVar("D")


@dataclass(frozen=True, order=True)
class Origin:
    """The installed package that something is from."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class Fault:
    """What can't be used of a plugin: of what kind, under which name, and why, in words."""

    origin: Origin
    kind: Kind
    name: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.origin}: {_ONE[self.kind]} '{self.name}': {self.reason}"


@dataclass(frozen=True)
class Entry:
    """An entry point and the package that has it."""

    point: EntryPoint
    origin: Origin

    def files(self, folder: str, pattern: str) -> list[tuple[str, Path]]:
        """The files in a folder of the package that it names, or beside its module, by what they are called there.
        Raises whatever an import may."""
        spec = importlib.util.find_spec(self.point.module)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {self.point.module!r}")
        places = spec.submodule_search_locations or [str(Path(str(spec.origin)).parent)]  # several, without __init__.py
        folders = [Path(place, folder) for place in places]
        return [(path.relative_to(one).as_posix(), path) for one in folders for path in sorted(one.glob(pattern))]


@cache
def entries(kind: Kind) -> tuple[Entry, ...]:
    """The entry points of a kind, in the order of their packages' names. Loads none of them."""
    from importlib.metadata import entry_points

    found = {}
    for point in entry_points(group=f"cotbench.{kind}"):
        said = (point.dist.name, point.dist.version) if point.dist is not None else (None, None)
        origin = Origin(said[0] or point.module.partition(".")[0] or "?", said[1] or "?")  # without metadata
        found[origin.package, point.name, point.value] = Entry(point, origin)
    return tuple(found[key] for key in sorted(found))


def names(kind: Kind) -> list[str]:
    """The names that plugins give to what they add, for a shell's Tab: nothing is loaded."""
    return list(_tasks()[0]) if kind == "tasks" else [entry.point.name for entry in entries(kind)]


def origin_of(kind: Kind, name: str, path: Path | None = None) -> Origin | None:
    """The package that something is from; None of what no plugin adds. path: of a task, its file."""
    if kind == "tasks":
        found = _tasks()[0].get(name)
        return found[1] if found is not None and path in (None, found[0]) else None
    table = _tables.get(kind)
    if table is not None and table.owns(name):
        return None  # whatever a plugin calls what it adds
    return next((entry.origin for entry in entries(kind) if entry.point.name == name), None)


def forget() -> None:
    """Ask for packages again: for tests, and for who has installed one in a running process."""
    for cached in (entries, _tasks, _templates):
        cached.cache_clear()
    for table in _tables.values():
        table.empty()


# --- what is an object: modes, engines, tag rules -------------------------------------------------------------------

_tables: dict[Kind, Table[Any]] = {}
_lock = threading.RLock()  # a plugin's module may look at a table as it is loaded


class Table(dict[str, T]):
    """What cotbench has, by name, and behind it what plugins add, which are loaded when all is listed, or when a name
    is looked up that isn't cotbench's. expected: the type of the rows; taken: makes of a plugin's row what stands in
    the table, by the module of its entry."""

    def __init__(
        self, kind: Kind, expected: type[T], rows: Iterable[T], taken: Callable[[T, str], T] = lambda row, _: row
    ) -> None:
        super().__init__({row.name: row for row in rows})
        self._kind, self._expected, self._taken = kind, expected, taken
        self._own = frozenset(dict.keys(self))
        self._full = False
        self._filling = False
        self._added: list[str] = []
        self._faults: list[Fault] = []
        _tables[kind] = self

    def fill(self) -> None:
        """Load what plugins add, once."""
        if self._full:
            return
        with _lock:
            if self._full or self._filling:
                return
            self._filling = True
            try:
                for entry in entries(self._kind):
                    if reason := self._load(entry):
                        self._faults.append(Fault(entry.origin, self._kind, entry.point.name, reason))
                self._full = True
            finally:
                self._filling = False

    def _load(self, entry: Entry) -> str:
        """Take a plugin's row into the table; or say why it can't be used."""
        name, value = entry.point.name, entry.point.value
        if name in self._own:
            return f"cotbench has {_article(_ONE[self._kind])} of that name itself, and keeps it"
        if others := [str(e.origin) for e in entries(self._kind) if e.point.name == name and e is not entry]:
            return f"{', '.join(others)} adds one of that name, too; neither is taken"
        try:
            row = entry.point.load()
        except (Exception, SystemExit) as error:
            if entry.point.pattern.match(value) is None:
                return f"{value} is no place in a package: expected MODULE:NAME, without quotes"
            return f"{value} can't be loaded: {type(error).__name__}: {error}"
        if not isinstance(row, self._expected):
            return f"{value} is of the type {type(row).__name__}, expected {self._expected.__name__}"
        if row.name != name:
            return f"{value} calls itself '{row.name}'; its entry point needs the same name"
        dict.__setitem__(self, name, self._taken(row, entry.point.module))
        self._added.append(name)
        return ""

    def owns(self, name: str) -> bool:
        """Whether something is cotbench's own."""
        return name in self._own

    def own_rows(self) -> list[T]:
        """What cotbench has itself; nothing is loaded for it."""
        return [dict.__getitem__(self, name) for name in dict.keys(self) if name in self._own]

    def empty(self) -> None:
        """Take out what plugins added."""
        for name in self._added:
            dict.pop(self, name, None)
        self._added, self._faults, self._full = [], [], False

    @property
    def faults(self) -> list[Fault]:
        """What can't be used of plugins."""
        self.fill()
        return self._faults

    def __missing__(self, name: str) -> T:
        if name in self:
            return dict.__getitem__(self, name)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if dict.__contains__(self, name):
            return True
        self.fill()
        return dict.__contains__(self, name)

    @overload
    def get(self, name: str, default: None = None, /) -> T | None: ...
    @overload
    def get(self, name: str, default: T, /) -> T: ...
    @overload
    def get(self, name: str, default: D, /) -> T | D: ...
    def get(self, name: str, default: Any = None, /) -> Any:
        return dict.__getitem__(self, name) if name in self else default

    def __iter__(self) -> Iterator[str]:
        self.fill()
        return dict.__iter__(self)

    def __len__(self) -> int:
        self.fill()
        return dict.__len__(self)

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self.fill()
        return dict.keys(self)

    def values(self) -> ValuesView[T]:  # type: ignore[override]
        self.fill()
        return dict.values(self)

    def items(self) -> ItemsView[str, T]:  # type: ignore[override]
        self.fill()
        return dict.items(self)

    def __or__(self, other: Any) -> Any:
        return {**self, **other}

    def __ror__(self, other: Any) -> Any:
        return {**other, **self}


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


# --- what is a file: tasks and templates ------------------------------------------------------------------------------


@cache
def _tasks() -> tuple[dict[str, tuple[Path, Origin]], tuple[Fault, ...]]:
    """The task files of plugins by name, of which each plugin's are its own; and what can't be used."""
    found: dict[str, list[tuple[Path, Origin]]] = {}
    faults = []
    for entry in entries("tasks"):
        try:
            files = entry.files("tasks", "*.yaml")
            reason = "" if files else f"{entry.point.value} has no folder tasks/ with task files (*.yaml)"
        except (Exception, SystemExit) as error:
            files, reason = [], f"{entry.point.value} can't be found: {type(error).__name__}: {error}"
        if reason:
            faults.append(Fault(entry.origin, "tasks", entry.point.name, reason))
        for _, path in files:
            if (path, entry.origin) not in found.setdefault(path.stem, []):
                found[path.stem].append((path, entry.origin))
    for name in [name for name, places in found.items() if len(places) > 1]:
        several = "several plugins have one of that name; none is taken"
        faults += [Fault(origin, "tasks", name, several) for _, origin in found.pop(name)]
    return {name: places[0] for name, places in found.items()}, tuple(faults)


def task_files(own: Iterable[str]) -> dict[str, Path]:
    """The task files that plugins add, by name. own: the names that cotbench has, which can't be taken."""
    kept = frozenset(own)
    return {name: path for name, (path, _) in _tasks()[0].items() if name not in kept}


@cache
def _templates() -> dict[str, tuple[Path, Origin]]:
    """The templates of plugins by name; those that two plugins have are nobody's. One in a folder, for one task only,
    is taken where the plugin adds this task: prompts of other tasks aren't a plugin's to change."""
    found: dict[str, dict[Path, Origin]] = {}
    for entry in (*entries("modes"), *entries("tasks")):
        try:
            files = entry.files("prompts", "**/*.jinja")
        except (Exception, SystemExit):  # noqa: S112 - told where the mode or the task is
            continue
        for name, path in files:
            task, slash, _ = name.partition("/")
            known = _tasks()[0].get(task)
            if not slash or (known is not None and known[1] == entry.origin):
                found.setdefault(name, {})[path] = entry.origin
    return {name: next(iter(places.items())) for name, places in found.items() if len(places) == 1}


def template_files() -> dict[str, Path]:
    """The templates that plugins add, by name; those that cotbench has go before them."""
    return {name: path for name, (path, _) in _templates().items()}


# --- all together ---------------------------------------------------------------------------------------------------


def faults(kind: Kind, own: Iterable[str] = ()) -> list[Fault]:
    """What can't be used of plugins' things of a kind. own: of tasks, the names that cotbench has."""
    if kind != "tasks":
        return list(_tables[kind].faults) if kind in _tables else []
    there, kept = _tasks(), frozenset(own)
    clash = "cotbench has a task of that name itself, and keeps it"
    return [*there[1], *(Fault(at[1], "tasks", name, clash) for name, at in there[0].items() if name in kept)]


def lacking(kind: Kind, name: str) -> str:
    """Why a name that a plugin should add isn't there, as a sentence; "" where no plugin should."""
    found = next((fault for fault in faults(kind) if fault.name == name), None)
    return f"{str(found)[0].upper()}{str(found)[1:]}." if found is not None else ""


def origins() -> dict[Origin, dict[Kind, list[str]]]:
    """All plugins, with the names of what each adds by kind, whether that can be used or not."""
    found: dict[Origin, dict[Kind, list[str]]] = {}
    for kind in KINDS:
        pairs: list[tuple[str, Origin]] = [(entry.point.name, entry.origin) for entry in entries(kind)]
        if kind == "tasks":
            added = [(name, origin) for name, (_, origin) in _tasks()[0].items()]
            pairs = added + [pair for pair in pairs if pair[1] not in {origin for _, origin in added}]
        for name, origin in pairs:
            found.setdefault(origin, {}).setdefault(kind, []).append(name)
    return dict(sorted(found.items()))
