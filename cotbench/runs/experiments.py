"""Experiments as files: models x tasks x arms, limits, seeds, and any option of `cotbench run` by its long name.

    models: [demo, {model: Qwen/Qwen3-8B, engine: openai, base-url: http://host/v1}]
    tasks: [gsm8k, mmlu]
    modes: [direct, cot]
    limit: 200
    seeds: [0, 1]

A model's own options go before those of the file. Each model, seed and limit is a run; runs are found again by what
they are made of, so that running the file again goes on. A mistake is named with its file, line and column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cotbench.errors import UsageError, suggest
from cotbench.questions.files import content_of, shown
from cotbench.questions.tasks import Loader
from cotbench.runs.experiment_values import FIELDS, KEYS, MODELS, NOT_IN_FILES, OUTPUT, Unfit, key_of, value_of
from cotbench.runs.options import FLAGS, RunOptions

_REMEDY = "docs/experiments.md says what a file may hold; `cotbench schema experiment` prints its JSON Schema."
Path_ = tuple[Any, ...]


@dataclass(frozen=True)
class Planned:
    """A run of an experiment. places: where its options stand, by their fields; those of lists also by field and
    entry, as "modes cot"."""

    options: RunOptions
    places: Mapping[str, str]

    @property
    def name(self) -> str:
        """What it is told by: its model, and its seed and limit."""
        limit = f", limit {self.options.limit:,}" if self.options.limit is not None else ""
        return f"{self.options.model} ({self.options.engine_name}), seed {self.options.seed}{limit}"

    def placed(self, error: UsageError) -> UsageError:
        """An error about an option, with the place in the file where that stands."""
        found = re.match(r"--([a-z-]+)[^']*(?:'([^']*)')?", error.message)
        option = FIELDS.get(found[1], "") if found else ""
        place = self.places.get(f"{option} {found[2]}" if found else "", self.places.get(option))
        return UsageError(f"{place}: {error.message}", error.hint) if place else error


@dataclass(frozen=True)
class Experiment:
    """A file of runs. name: of the file. output_dir: where its runs are written; None where it doesn't say."""

    path: Path
    runs: Sequence[Planned]
    output_dir: Path | None

    @property
    def name(self) -> str:
        return self.path.stem


def is_experiment(name: str) -> bool:
    """Whether a word is what a file of an experiment is called."""
    return name.endswith((".yaml", ".yml"))


def read_experiment(
    path: Path, given: Mapping[str, Any], typed: Collection[str] = (), sets: Sequence[str] = ()
) -> Experiment:
    """Read a file of runs. given: all options as the command line has them; typed: those that were typed there, and go
    before what the file says. sets: "a.b=c", which go before it, too. Raises UsageError, which names all mistakes."""
    content = _Content.of(path)
    for text in sets:
        content.set(text)
    return _Reader(path, content, given, frozenset(typed)).experiment()


# --- the file's content, and where it stands ----------------------------------------------------------------------


@dataclass
class _Content:
    """What a file holds. keys, values: where a key or value stands, by the keys that lead to it."""

    root: dict[str, Any]
    name: str
    keys: dict[Path_, str] = field(default_factory=dict)
    values: dict[Path_, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> _Content:
        name = shown(path)
        try:
            loader = Loader(content_of(path, UsageError, "Name a file: cotbench run EXPERIMENT.yaml"))
            node = loader.get_single_node()
            root = loader.construct_document(node) if node is not None else {}
        except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
            reason = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise UsageError(f"{name}{place}: not valid YAML: {reason}.", "Correct the file.") from None
        except RecursionError:
            raise UsageError(f"{name}: is nested too deep.", "Correct the file.") from None
        if not isinstance(root, dict):
            found = f"{name}:1:1: expected keys and values, found {type(root).__name__}."
            raise UsageError(found, _REMEDY)
        content = cls(root, name)
        if node is not None:
            try:
                content._note(node, ())
            except RecursionError:
                raise UsageError(f"{name}: an anchor of it holds itself.", "Correct the file.") from None
        content._list_models()
        return content

    def _note(self, node: yaml.Node, path: Path_) -> None:
        """Note where nodes stand."""
        self.values[path] = self._place(node)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    self.keys[*path, key.value] = self._place(key)
                    self._note(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._note(value, (*path, number))

    def _place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"

    def _list_models(self) -> None:
        """Make of one model, or of names of models, a list of mappings."""
        for key in [key for key in self.root if key_of(key) in (MODELS, "model")]:
            found = self.root[key]
            if not isinstance(found, list):
                self.root[key] = found = [found]
                self._move((key,), (key, 0))
            for number, one in enumerate(found):
                if not isinstance(one, dict):
                    found[number] = {"model": one}
                    self.values[key, number, "model"] = self.values.get((key, number), self.name)

    def _move(self, old: Path_, new: Path_) -> None:
        for places in (self.keys, self.values):
            inside = {
                at: place
                for at, place in places.items()
                if at[: len(old)] == old and (at != old or places is self.values)
            }
            places.update({(*new, *at[len(old) :]): place for at, place in inside.items()})

    def place(self, path: Path_) -> str:
        """Where a value stands, or what is nearest around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, self.name)

    def set(self, text: str) -> None:
        """Put in the value of "a.b=c". Raises UsageError."""
        told, equals, value = text.partition("=")
        parts: list[Any] = [part.strip() for part in told.split(".")]
        option = f"--set {text}"
        if not equals or not all(parts):
            raise UsageError(f"{option}: expected KEY=VALUE.", "As in --set limit=50 or --set gen-kwargs.top_p=0.9.")
        try:
            made = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"{option}: the value is not valid YAML.", "Quote it.") from None
        holder: Any = self.root
        path: Path_ = ()
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            if isinstance(holder, list):
                if not part.isdigit() or int(part) >= len(holder):
                    found = f"{option}: '{'.'.join(map(str, parts[: number + 1]))}' is none of {len(holder)} entries."
                    raise UsageError(found, "Entries are counted from 0.")
                step: Any = int(part)
            elif isinstance(holder, dict):
                step = next((key for key in holder if _same(key, part)), part)
            else:
                raise UsageError(f"{option}: '{'.'.join(map(str, path))}' holds no keys.", "Set it as a whole.")
            path = (*path, step)
            if last:
                holder[step] = made
                self.keys[path] = self.values[path] = option
            else:
                if isinstance(holder, dict):
                    holder.setdefault(step, {})
                holder = holder[step]
        for places in (self.keys, self.values):  # of what stood there before
            for at in [at for at in places if at[: len(path)] == path and at != path]:
                del places[at]
        self._list_models()


def _same(one: object, other: object) -> bool:
    """Whether two keys stand for the same option."""
    keys = key_of(one), key_of(other)
    fields = [FIELDS.get(key) if key != MODELS else "model" for key in keys]
    return keys[0] == keys[1] or (fields[0] is not None and fields[0] == fields[1])


# --- options ------------------------------------------------------------------------------------------------------


@dataclass
class _Options:
    """Options that a file says, by their fields, and where they stand."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def over(self, others: _Options) -> _Options:
        """These, and the others where these say nothing."""
        return _Options({**others.values, **self.values}, {**others.places, **self.places})


_Limits = dict[str, int | None]


def _in_order(mistake: str) -> tuple[list[int], str]:
    """The order in which mistakes are told: that of the file."""
    found = re.match(r"[^:]*:(\d+):(\d+)", mistake)
    return ([int(number) for number in found.groups()] if found else [], mistake)


class _Reader:
    """Makes runs of what a file holds, and collects its mistakes."""

    def __init__(self, path: Path, content: _Content, given: Mapping[str, Any], typed: frozenset[str]) -> None:
        self._path = path
        self._content = content
        self._given = given
        self._typed = typed
        self._mistakes: dict[str, None] = {}

    def experiment(self) -> Experiment:
        root, models, output = self._content.root, [], None
        rest: dict[str, Any] = {}
        for key, value in root.items():
            name = key_of(key)
            if name in (MODELS, "model"):
                models += [((key, number), one) for number, one in enumerate(value)]
            elif name == OUTPUT:
                if not isinstance(value, str):
                    self._wrong((key,), "expected a folder's name", value)
                output = Path(str(value))
            else:
                rest[key] = value
        shared = self._options((), rest)
        own = [self._options(path, one) for path, one in models]
        for (path, _), one in zip(models, own, strict=True):
            if "model" not in one.places:
                self._wrong(path, "a model has no name: the key 'model' is missing")
        if "model" in self._typed:
            own = [one for one in own if one.values.get("model") == self._given["model"]]
            own = own or [_Options({"model": self._given["model"]})]
        elif not own and not self._mistakes:
            self._mistakes[f"{self._content.name}: names no model: the key '{MODELS}' is missing."] = None
        runs = [run for one in own for run in self._runs(one.over(shared))]
        if self._mistakes:
            raise UsageError("\n".join(sorted(self._mistakes, key=_in_order)), _REMEDY)
        for number, run in enumerate(runs):
            if any(run.options == other.options for other in runs[:number]):
                found = f"{run.places.get('model', self._content.name)}: {run.name} is the same run as one before it."
                raise UsageError(found, "Name each model with its options once.")
            if not run.options.tasks:
                found = f"{self._content.name}: names no task: the key 'tasks' is missing."
                raise UsageError(found, "As in tasks: [gsm8k], or --task gsm8k.")
        return Experiment(self._path, runs, output)

    def _options(self, path: Path_, mapping: Mapping[Any, Any]) -> _Options:
        """The options of a mapping: of the file, or of a model."""
        found, by = _Options(), dict[str, str]()
        for key, value in mapping.items():
            at, name = (*path, key), key_of(key)
            option = FIELDS.get(name)
            if option is None or (path == () and option == "model"):
                self._unknown(at, name, within_model=bool(path))
            elif option in NOT_IN_FILES:
                flag = FLAGS[option].names.split()[0]
                self._wrong(at, f"'{key}' can't be set by a file, which may come from somebody else: type {flag}")
            elif option in by:
                self._wrong(at, f"'{key}' and '{by[option]}' are the same option: keep one of them")
            else:
                by[option] = str(key)
                self._take(found, option, at, value)
        return found

    def _take(self, found: _Options, option: str, at: Path_, value: Any) -> None:
        """Take in what an option is, where it can be that."""
        found.places[option] = self._content.place(at)
        several = option == "seed" and isinstance(value, list)
        limits = option == "limit" and isinstance(value, dict)
        if several or limits:
            if not value:
                self._wrong(at, "is empty: give at least one number")
            items = enumerate(value) if several else value.items()
            read = {key: self._value(option, (*at, key), one) for key, one in items}
            found.values[option] = list(read.values()) if several else read
        else:
            found.values[option] = self._value(option, at, value)
            for number, one in enumerate(value if isinstance(value, list) else ()):
                found.places[f"{option} {one}"] = self._content.place((*at, number))

    def _value(self, option: str, at: Path_, value: Any) -> Any:
        try:
            return value_of(option, value, self._path.parent)
        except Unfit as error:
            inner = value
            for step in error.at:
                inner = inner[step]
            self._wrong((*at, *error.at), f"expected {error.expected}", inner)
        except UsageError as error:
            self._wrong(at, f"{error.message.rstrip('.')}{f'. {error.hint}' if error.hint else ''}".rstrip("."))
        return None

    def _wrong(self, at: Path_, what: str, *value: Any) -> None:
        found = f", found {value[0]!r:.60}" if value else ""
        key = "" if at in self._content.values and not value else f"{'.'.join(map(str, at))}: "
        self._mistakes[f"{self._content.place(at)}: {key}{what}{found}."] = None

    def _unknown(self, at: Path_, name: str, *, within_model: bool) -> None:
        known = list(KEYS) if within_model else [MODELS, OUTPUT, *(key for key in KEYS if key != "model")]
        remedy = suggest(name, known, "`cotbench run --help` lists the options")
        place = self._content.keys.get(at, self._content.place(at))
        self._mistakes[f"{place}: unknown key '{at[-1]}'. {remedy.rstrip('.')}"] = None

    def _runs(self, said: _Options) -> Iterable[Planned]:
        """The runs of a model: one for each seed, and for each limit of tasks."""
        values = {**self._given, **said.values, **{name: self._given[name] for name in self._typed}}
        places = {name: place for name, place in said.places.items() if name not in self._typed}
        seeds = values["seed"] if isinstance(values["seed"], list) else [values["seed"]]
        limits = values["limit"]
        groups = (
            self._by_limit(values["tasks"] or [], limits) if isinstance(limits, dict) else [(values["tasks"], limits)]
        )
        for seed in dict.fromkeys(seeds):
            for names, limit in groups:
                yield Planned(RunOptions(**{**values, "seed": seed, "tasks": names, "limit": limit}), places)

    def _by_limit(self, tasks: Sequence[str], limits: _Limits) -> list[tuple[list[str], int | None]]:
        """Tasks with the same limit together; "*" is that of all others."""
        known = {name: Path(name).stem if "/" in name else name for name in tasks}
        for name in limits if known else ():
            if name != "*" and name not in (*known, *known.values()):
                at = next((at for at in self._content.values if at[-1:] == (name,)), ("limit",))
                self._wrong(
                    at,
                    f"limit: there is no task '{name}' here. {suggest(str(name), [*known.values(), '*'])}".rstrip(". "),
                )
        groups: dict[int | None, list[str]] = {}
        for name, short in known.items():
            limit = limits.get(name, limits.get(short, limits.get("*")))
            groups.setdefault(limit, []).append(name)
        return [(names, limit) for limit, names in groups.items()]
