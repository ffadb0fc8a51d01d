"""Rows as CSV files and report.json hold them: flat, with a column for each part of a nested value.

    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high"))

A field without such metadata is one column under its own name; one with no columns, `columns()`, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields, is_dataclass, make_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

Parts = Mapping[str, str]


def columns(**names: str) -> dict[str, Parts]:
    """Return the metadata of a field that holds a nested value: the column's name for each of its parts."""
    return {"columns": names}


@cache
def _fields_of(kind: Any) -> list[tuple[str, Parts | None]]:
    return [(one.name, one.metadata.get("columns")) for one in fields(kind)]


def flatten(row: Any) -> dict[str, Any]:
    """Return a row's values by column, in the order of its fields; rows in a list become such mappings too."""
    flat: dict[str, Any] = {}
    kind: Any = type(row)
    for name, parts in _fields_of(kind):
        value = getattr(row, name)
        if parts is not None:
            flat.update((column, getattr(value, part)) for part, column in parts.items())
        elif isinstance(value, list):
            flat[name] = [flatten(entry) if is_dataclass(entry) else entry for entry in value]
        else:
            flat[name] = value
    return flat


def flat_type(kind: type) -> type:
    """Return a dataclass with the fields that `flatten` gives for rows of this one: a JSON Schema is made of it."""
    hints = get_type_hints(kind)

    def specified() -> Iterator[tuple[str, Any, Any]]:
        for one in fields(kind):
            if (parts := one.metadata.get("columns")) is not None:
                nested = get_type_hints(hints[one.name]) if parts else {}
                yield from ((column, nested[part], field()) for part, column in parts.items())
            else:
                rows = [entry for entry in get_args(hints[one.name]) if is_dataclass(entry)]
                hint = list[flat_type(rows[0])] if rows else hints[one.name]  # type: ignore[misc, arg-type]
                yield one.name, hint, field(default=one.default, default_factory=one.default_factory)

    return make_dataclass(kind.__name__, specified(), kw_only=True, namespace={"__doc__": kind.__doc__})
