"""What a model's tokens or a GPU's hours cost: read from the user's own file of prices. None is built in.

    currency: USD
    models:
      gpt-4o-mini: {in: 0.15, cached: 0.075, out: 0.60}      # per million tokens
      "meta-llama/*": {gpu_hour: 2.50, gpus: 4}              # per GPU-hour, with the seconds that the run was busy
    default: {in: 1, out: 4}

A file that is one price by itself, as {gpu_hour: 2.50, gpus: 4}, is the default. A model goes by its name as the run
has it, by its name without the organization before it, or by a pattern (* ? [..]); of several rows a name goes before a
pattern, and of patterns the longest. Prompt tokens that a cache had cost what `in` says where there is no `cached`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cotbench.analysis.stats import Array
from cotbench.errors import DataError, UsageError, suggest
from cotbench.questions.files import shown
from cotbench.questions.tasks import read_yaml
from cotbench.store.files import open_file

OPTION = "--prices"
MILLION = 1e6
HOUR_S = 3600.0
# How much of a completion token's time on a GPU a prompt token takes, where a row of prices doesn't say: prompts are
# read many tokens at a time. It only shares a run's seconds out among its answers; the run's cost doesn't depend on it.
PROMPT_WEIGHT = 0.2
_REMEDY = "As in: {currency: USD, models: {NAME: {in: 0.15, cached: 0.075, out: 0.6}}}, or {gpu_hour: 2.5, gpus: 4}."

Number = TypeVar("Number", float, Array)


@dataclass(frozen=True, kw_only=True)
class TokenPrice:
    """A price per million tokens: of prompts, of what of them a cache had, of completions (reasoning included)."""

    prompt: float
    cached: float
    completion: float


@dataclass(frozen=True, kw_only=True)
class HourPrice:
    """A price per GPU-hour. gpus: how many the run had; None where the row doesn't say. prompt_weight: see above."""

    hour: float
    gpus: int | None = None
    prompt_weight: float = PROMPT_WEIGHT


Price = TokenPrice | HourPrice


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A file of prices. currency: its name or sign, shown before or behind each amount."""

    currency: str
    models: Mapping[str, Price] = field(default_factory=dict)
    default: Price | None = None

    def of(self, model: str) -> Price | None:
        """Return the price of a model; None where no row is about it and there is no default."""
        short = model.rstrip("/").rsplit("/", 1)[-1]
        for name in (model, short):
            if name in self.models:
                return self.models[name]
        fitting = [row for row in self.models if fnmatchcase(model, row) or fnmatchcase(short, row)]
        return self.models[max(fitting, key=len)] if fitting else self.default


def money(
    price: Price,
    *,
    prompt: Number | float = 0.0,
    cached: Number | float = 0.0,
    completion: Number | float = 0.0,
    busy_s: Number | float | None = None,
    gpus: int = 1,
) -> Number | float | None:
    """Return what some tokens, or the seconds that a run was busy, cost; numbers or arrays.

    prompt: all prompt tokens; cached: those of them that a cache had. gpus: how many the run had, where the price
    doesn't say. None where the price is one of hours and no seconds are known.
    """
    if isinstance(price, HourPrice):
        return None if busy_s is None else price.hour * (price.gpus or gpus) * (busy_s / HOUR_S)
    cached = np.minimum(cached, prompt)
    paid = price.prompt * (prompt - cached) + price.cached * cached + price.completion * completion
    return paid / MILLION if isinstance(paid, np.ndarray) else float(paid / MILLION)


# --- reading ------------------------------------------------------------------------------------------------------

_TOP = ("currency", "models", "default")
_TOKENS, _HOURS = ("in", "cached", "out"), ("gpu_hour", "gpus", "prompt_weight")
_MOST = 1e12  # of any amount: sums of larger ones could be beyond what a float holds


def read_prices(path: Path) -> Prices:
    """Read a file of prices, YAML or JSON. Raises UsageError, with the place, what is there and what was
    expected, DataError where there is no such file."""
    place = f"{OPTION} {shown(path)}"
    if not path.exists():
        raise DataError(f"{shown(path)}: there is no such file.", f"{OPTION} takes a YAML or JSON file. {_REMEDY}")
    content = _json(path, place) if path.suffix.lower() == ".json" else read_yaml(path)
    if isinstance(content, dict) and (alone := {key: content[key] for key in (*_TOKENS, *_HOURS) if key in content}):
        rest = {key: value for key, value in content.items() if key not in alone}
        if both := [key for key in _TOP[1:] if key in rest]:
            raise _refused(place, f"has {next(iter(alone))} beside {both[0]}: expected it inside of {both[0]}")
        content = rest | {"default": alone}
    rows = _mapping(content, place, _TOP)
    currency = rows.get("currency", "USD")
    if not isinstance(currency, str) or not 0 < len(currency.strip()) <= 12 or not currency.isprintable():
        raise _refused(place, f"currency is {currency!r:.40}, expected a currency's name or sign, as USD or €")
    models = rows.get("models")
    named = {} if models is None else models
    if not isinstance(named, dict):
        raise _refused(place, f"models is {_kind(named)}, expected prices by the names of models")
    prices = {str(name): _price(row, place, f"models.{name}") for name, row in named.items()}
    default = rows.get("default")
    if not prices and default is None:
        raise _refused(place, "it has no price: expected models, default, or both")
    return Prices(
        currency=currency.strip(),
        models=prices,
        default=None if default is None else _price(default, place, "default"),
    )


def _json(path: Path, place: str) -> Any:
    try:
        with open_file(path) as file:
            text = file.read().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{place}: can't be read: {error.strerror or error}.", "Name a file of prices.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{place}: is not UTF-8.", "Write the file again as UTF-8.") from None

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                raise UsageError(f"{place}: the key '{key}' stands there twice.", "Correct the file.")
            made[key] = value
        return made

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{place}{line}: not valid JSON: {error}", "Correct the file.") from None


def _price(row: Any, place: str, name: str) -> Price:
    """Read one row. Raises UsageError."""
    given = _mapping(row, f"{place}: {name}", (*_TOKENS, *_HOURS))
    tokens, hours = [[key for key in keys if key in given] for keys in (_TOKENS, _HOURS)]
    if tokens and hours:
        raise _refused(place, f"{name} has both {tokens[0]} and {hours[0]}: expected a price of tokens or one of hours")
    if hours:
        gpus = _number(given["gpus"], place, f"{name}.gpus", least=1) if "gpus" in given else None
        if gpus is not None and gpus != int(gpus):
            raise _refused(place, f"{name}.gpus is {gpus:g}, expected how many GPUs the run had")
        if "gpu_hour" not in given:
            raise _refused(place, f"{name} lacks gpu_hour, the price of an hour of one GPU")
        weight = _number(given.get("prompt_weight", PROMPT_WEIGHT), place, f"{name}.prompt_weight")
        hour = _number(given["gpu_hour"], place, f"{name}.gpu_hour")
        return HourPrice(hour=hour, gpus=None if gpus is None else int(gpus), prompt_weight=weight)
    lacking = [key for key in ("in", "out") if key not in given]
    if lacking:
        raise _refused(place, f"{name} lacks {' and '.join(lacking)}: expected in and out, per million tokens")
    prompt, completion = (_number(given[key], place, f"{name}.{key}") for key in ("in", "out"))
    cached = _number(given["cached"], place, f"{name}.cached") if "cached" in given else prompt
    return TokenPrice(prompt=prompt, cached=cached, completion=completion)


def _mapping(given: Any, place: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _refused(place, f"found {_kind(given)}, expected a mapping with {', '.join(known)}")
    for key in given:
        if key not in known:
            raise UsageError(
                f"{place}: unknown key '{key!s:.40}'.", suggest(str(key), known, always=f"Known: {', '.join(known)}.")
            )
    return given


def _number(given: Any, place: str, name: str, least: float = 0.0) -> float:
    """Read an amount. YAML reads 1e-6 as a text."""
    number = math.nan
    if isinstance(given, int | float | str) and not isinstance(given, bool):
        try:
            number = float(given)
        except (ValueError, OverflowError):
            number = math.nan
    if not least <= number <= _MOST:
        raise _refused(place, f"{name} is {given!r:.40}, expected a number from {least:g} to {_MOST:g}")
    return number


def _kind(given: Any) -> str:
    named = {dict: "a mapping", list: "a list", str: "a text", type(None): "nothing", bool: "true or false"}
    return named.get(type(given), "a number")


def _refused(place: str, found: str) -> UsageError:
    return UsageError(f"{place}: {found}.", _REMEDY)
