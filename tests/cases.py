"""Tables of cases: reads the YAML files under `tests/cases/`, and refuses what a slip of the hand would silence.

Every scalar is a text, whether it is quoted or not (`42`, `yes`, `2.50`), but for `~`, which stands for "none". A row
is a list of its fields in order, or, where it is long, a mapping of their names to their values. As always in YAML,
what holds `: ` or ` #` or begins with a sign must be quoted; within single quotes a backslash is a backslash.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"
EQUAL = {"equal": True, "unequal": False}  # the words for the verdict on a pair of answers


class BadTable(Exception):
    """A table that says something twice, or something that no test reads."""


class Texts(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # slower where libyaml is missing
    """A loader that leaves scalars as texts, knows `~`, and takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value)
        if doubled := [key for key, times in keys.items() if times > 1]:
            raise BadTable(f"line {node.start_mark.line + 1}: keys that are there twice: {doubled}")
        return super().construct_mapping(node, deep)


Texts.add_implicit_resolver("none", re.compile(r"~\Z"), ["~"])
Texts.add_constructor("none", lambda loader, node: None)


def load(name: str) -> Any:
    """What stands in `tests/cases/NAME.yaml`."""
    path = FOLDER / f"{name}.yaml"
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Texts)
    except BadTable as problem:
        raise BadTable(f"{path}, {problem}") from None


def row(found: Any, fields: str, optional: str = "") -> tuple[Any, ...]:
    """The values of the fields of a row in order, and of the optional ones behind them, None where left out.

    Raises BadTable where the row lacks a field, or has one that isn't named.
    """
    if not isinstance(found, list | dict):
        raise BadTable(f"a row must be a list or a mapping; this one is not: {found}")
    required, names = fields.split(), [*fields.split(), *optional.split()]
    given = found if isinstance(found, dict) else dict(zip(names, found, strict=False))
    if len(given) < len(found) or not set(required) <= set(given) <= set(names):
        raise BadTable(
            f"a row must have the fields {required} and may have {optional.split()}; this one hasn't: {found}"
        )
    return tuple(given.get(name) for name in names)


def rows(found: Iterable[Any], fields: str, optional: str = "") -> list[tuple[Any, ...]]:
    """The rows of a table, as `row` reads each.

    Raises BadTable where a row is there twice; where its first field is `case`, where the name of a case is.
    """
    table = [row(line, fields, optional) for line in found]
    marks = Counter(values[0] if fields.split()[0] == "case" else repr(values) for values in table)
    if doubled := [mark for mark, times in marks.items() if times > 1]:
        raise BadTable(f"rows that are there twice: {doubled}")
    return table


def groups(name: str, fields: str, optional: str = "") -> dict[str, list[tuple[Any, ...]]]:
    """The tables of a file that groups its rows, by the groups' names."""
    return {group: rows(found, fields, optional) for group, found in load(name).items()}
