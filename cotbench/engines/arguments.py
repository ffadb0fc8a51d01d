"""`--model-args` of engines that are ours to check (vLLM and transformers check their own)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cotbench.errors import UsageError


def only_known(engine: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UsageError(
            f"--model-args: engine '{engine}' doesn't know {', '.join(unknown)}.", f"Known: {', '.join(known)}."
        )


def number(engine: str, given: Mapping[str, Any], name: str, default: float, *, low: float = 0.0) -> float:
    """A finite number from `low` up."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < float("inf"):
        raise UsageError(f"--model-args: engine '{engine}': {name} is {value!r}; expected a number from {low:g} up.")
    return value


def whole(engine: str, given: Mapping[str, Any], name: str, default: int, *, low: int = 0) -> int:
    value = number(engine, given, name, default, low=low)
    if value != int(value):
        raise UsageError(f"--model-args: engine '{engine}': {name} is {value!r}; expected a whole number.")
    return int(value)
