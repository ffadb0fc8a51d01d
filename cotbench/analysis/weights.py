"""A user's own mix of questions: which share of them is symbolic, of which task, of which subject (`report --weights`).

    symbolic: 60                        of all questions, by the report's tag rule
    non-symbolic: 40

    rule: operators                     the same by another rule
    tags: {symbolic: 60, non-symbolic: 40}

    groups: {algebra: 3, mmlu/law: 1}   by subject or type, with its task before it where several tasks have it

    tasks:                              by task, and within a task by side of the tag or by group
      gsm8k: 20
      mmlu: {symbolic: 30, non-symbolic: 50}

Shares are of questions like one's own, and need not sum to 1 or 100. What isn't named has no share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cotbench.analysis.estimates import OTHER, SYMBOLIC
from cotbench.errors import DataError, UsageError, suggest
from cotbench.store.files import open_file

OPTION = "--weights"
EXAMPLE = "As in a file with the two lines 'symbolic: 60' and 'non-symbolic: 40'."
_SIDES = {SYMBOLIC: SYMBOLIC, OTHER: OTHER, "nonsymbolic": OTHER}
_KINDS = ("tags", "tasks", "groups")
_MOST = 1e12  # of a share: sums of larger ones could be beyond what a float holds


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a mix. given: its share as it was written; share: scaled, so that all sum to 1.

    task, side, group: which questions it is of; "" where it doesn't say. rule: the tag rule that a side is of.
    """

    part: str
    given: float
    share: float
    task: str = ""
    side: str = ""
    group: str = ""
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a file says. rule: the tag rule that it names, "" where it names none."""

    path: str
    rule: str
    parts: Sequence[Part]

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def scaled(self) -> bool:
        """Whether shares were scaled: they sum neither to 1 nor to 100."""
        total = sum(part.given for part in self.parts)
        return not any(math.isclose(total, whole, rel_tol=1e-9) for whole in (1, 100))


def read_weights(path: Path) -> Weights:
    """Read a mix from YAML or JSON. Raises DataError where the file can't be read, UsageError for what it says."""
    try:
        with open_file(path) as file:
            content = yaml.load(file.read().decode("utf-8-sig"), Loader=_Loader)  # noqa: S506
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.", f"{OPTION} takes a YAML or JSON file. {EXAMPLE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}.", EXAMPLE) from None
    except RecursionError:
        raise UsageError(f"{path}: is nested too deeply to be a mix of shares.", EXAMPLE) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UsageError(f"{path}{where}: is neither YAML nor JSON: {problem}.", EXAMPLE) from None
    return _weights(path, content)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which no key stands twice: of two shares, one would be lost in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _weights(path: Path, content: Any) -> Weights:
    if not isinstance(content, Mapping) or not content:
        named = {list: "a list", str: "a text", bool: "true or false"}
        found = "nothing" if content is None or content == {} else named.get(type(content), "a number")
        raise UsageError(f"{path}: expected a mapping of shares, found {found}.", EXAMPLE)
    table = {str(key): value for key, value in content.items()}
    rule = table.pop("rule", "")
    if not isinstance(rule, str):
        raise UsageError(f"{path}: rule: expected the name of a tag rule, found {rule!r}.", EXAMPLE)
    if table and all(key.lower() in _SIDES for key in table):
        table = {"tags": table}
    kinds = [key for key in table if key in _KINDS]
    if unknown := next((key for key in table if key not in _KINDS), None):
        known = f"{', '.join(_KINDS)} or rule; or {SYMBOLIC} and {OTHER} alone"
        raise UsageError(
            f"{path}: '{unknown}' is no key of a mix; expected {known}.", suggest(unknown, [*_SIDES, *_KINDS], EXAMPLE)
        )
    if len(kinds) != 1:
        raise UsageError(
            f"{path}: expected one of {', '.join(_KINDS)}, found {' and '.join(kinds) or 'none'}.", EXAMPLE
        )
    [kind] = kinds
    shares = table[kind]
    if not isinstance(shares, Mapping) or not shares:
        raise UsageError(f"{path}: {kind}: expected a share for each of them, found {shares!r}.", EXAMPLE)
    placed = list({"tags": _tags, "tasks": _tasks, "groups": _groups}[kind](path, kind, shares))
    total = sum(share for _, share in placed)
    if total <= 0:
        raise UsageError(f"{path}: {kind}: all shares are 0.", "Give at least one of them a share above 0.")
    if rule and not any("side" in place for place, _ in placed):
        raise UsageError(f"{path}: rule: no share here is of a side of a tag.", "Leave rule out.")
    parts = [Part(part=_named(place), given=share, share=share / total, **place) for place, share in placed]
    return Weights(path=str(path), rule=rule, parts=parts)


_Placed = Iterator[tuple[dict[str, str], float]]


def _tags(path: Path, where: str, shares: Mapping[Any, Any]) -> _Placed:
    for key, value in shares.items():
        side = _SIDES.get(str(key).lower())
        if side is None:
            raise UsageError(
                f"{path}: {where}: there is no side '{key}'; expected {SYMBOLIC} or {OTHER}.",
                suggest(str(key), _SIDES, EXAMPLE),
            )
        yield {"side": side}, _share(path, f"{where}: {key}", value)


def _groups(path: Path, where: str, shares: Mapping[Any, Any]) -> _Placed:
    for key, value in shares.items():
        task, slash, group = str(key).partition("/")
        place = {"task": task, "group": group} if slash else {"group": str(key)}
        yield place, _share(path, f"{where}: {key}", value)


def _tasks(path: Path, where: str, shares: Mapping[Any, Any]) -> _Placed:
    for key, value in shares.items():
        task = {"task": str(key)}
        if not isinstance(value, Mapping):
            yield task, _share(path, f"{where}: {key}", value)
            continue
        sides = [str(one).lower() in _SIDES for one in value]
        if any(sides) and not all(sides):
            raise UsageError(
                f"{path}: {where}: {key}: sides of a tag and groups stand side by side.", "Use one of them."
            )
        for inner, share in value.items():
            named = _share(path, f"{where}: {key}: {inner}", share)
            yield task | ({"side": _SIDES[str(inner).lower()]} if any(sides) else {"group": str(inner)}), named


def _share(path: Path, where: str, value: Any) -> float:
    """Read a share. YAML reads 1e2 as a text."""
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not 0 <= number <= _MOST:
        raise UsageError(f"{path}: {where}: expected a number from 0 up, found {value!r:.40}.", EXAMPLE)
    return number


def _named(place: Mapping[str, str]) -> str:
    return " ".join(place[key] for key in ("task", "group", "side") if key in place)


# --- against what there is ----------------------------------------------------------------------------------------


def fitted(weights: Weights, groups: Mapping[str, Iterable[str]]) -> Weights:
    """Return a mix whose groups know their tasks. groups: those of each task of a report.

    Raises UsageError for tasks and groups that the report hasn't.
    """
    known = {task: set(names) for task, names in groups.items()}
    parts = []
    for part in weights.parts:
        if part.task and part.task not in known:
            what = f"{weights.path}: this report has no task '{part.task}'. It has: {', '.join(known)}."
            raise UsageError(what, suggest(part.task, known, "Leave it out, or add a run of it."))
        if not part.group:
            parts.append(part)
            continue
        homes = [task for task, names in known.items() if part.group in names and part.task in ("", task)]
        if len(homes) > 1:
            both = " and ".join(homes)
            raise UsageError(
                f"{weights.path}: {both} both have a group '{part.group}'.", f"Write {homes[0]}/{part.group}, say."
            )
        if not homes:
            there = sorted({name for task, names in known.items() if part.task in ("", task) for name in names})
            of = f"{part.task} has no group" if part.task else "no task of this report has a group"
            what = f"{weights.path}: {of} '{part.group}'. Known: {', '.join(there) or 'none'}."
            raise UsageError(what, suggest(part.group, there, "Leave it out."))
        parts.append(replace(part, part=f"{homes[0]} {part.group}", task=homes[0]))
    doubled = [part.part for part in parts]
    if twice := next((name for name in doubled if doubled.count(name) > 1), None):
        raise UsageError(f"{weights.path}: '{twice}' has two shares.", "Keep one of them.")
    return Weights(path=weights.path, rule=weights.rule, parts=parts)
