"""The options of `cotbench.run`: the fields of `RunOptions`, typed, and checked as the command line checks them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from cotbench.api.naming import CALLED
from cotbench.errors import UsageError, suggest
from cotbench.runs import parsing
from cotbench.runs.options import FLAGS, TYPES, RunOptions, anchored

Names = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class Options(TypedDict, total=False):
    """What `cotbench.run` takes beside model, tasks and arms; `cotbench run --help` says what each is.

    Where the command line has `k=v,k2=v2`, a mapping or such a text; where it has a number for all modes or one for
    each, a number or a mapping."""

    columns: Mapping[str, str] | str
    kind: str | None
    engine: str | None
    model_args: Mapping[str, Any] | str
    gen_kwargs: Mapping[str, Any] | str
    max_tokens: int | Mapping[str, int] | str
    paths: int | Mapping[str, int] | str
    num_fewshot: int
    exemplars: str
    limit: int | None
    shard: str | None
    until: str | float | None
    max_tokens_total: int | None
    max_cost: float | None
    max_hours: float | None
    replicates: int
    wordings: int
    seed: int
    skip_missing: bool
    base_url: str | None
    ray_address: str | None
    concurrency: int
    chat_template: str
    tokenizer: str | None
    families: str | None
    thinking: Literal["auto", "on", "off"]
    extra_body: Mapping[str, Any] | str
    headers: Mapping[str, str] | Iterable[str]
    trust_remote_code: bool
    allow_unsandboxed_code: bool
    lock: str | None
    judge_model: str | None
    judge_engine: str | None
    judge_base_url: str | None
    judge_args: Mapping[str, Any] | str
    program_limits: Mapping[str, float] | str
    reuse: Names
    data_dir: str | os.PathLike[str] | None
    tasks_dir: str | os.PathLike[str] | None
    prompts_dir: str | os.PathLike[str] | None


def words(given: Names | None) -> list[str]:
    """Names as a list: one, several with commas, or several."""
    if given is None:
        return []
    several = [given] if isinstance(given, str | os.PathLike) else list(given)
    return parsing.names(os.fspath(one) for one in several)


def values_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The values of fields of RunOptions, of what a caller gives. Raises UsageError for an argument that there isn't,
    and for values that can't be."""
    if unknown := [name for name in options if name not in FLAGS or name == "modes"]:
        known = [CALLED.get(name, name) for name in FLAGS]
        remedy = suggest(unknown[0], known, always=f"It takes: {', '.join(known)}.")
        raise UsageError(f"run: there is no argument '{unknown[0]}'.", remedy)
    return anchored({name: _value(name, value) for name, value in options.items()})


def options_of(given: Mapping[str, Any]) -> RunOptions:
    """The options of a run, those that have a variable from the environment where nothing is given."""
    variables = {
        name: FLAGS[name].value(Path(os.environ[flag.variable]))
        for name, flag in FLAGS.items()
        if flag.variable and name not in given and os.environ.get(flag.variable)
    }
    return RunOptions(**{**variables, **given})


def _value(name: str, given: Any) -> Any:
    flag = FLAGS[name]
    typed = _as_typed(name, given)
    value = flag.value(typed) if flag.parse is not None or flag.choices else typed
    _check(name, value)
    if flag.minimum is not None and value < flag.minimum:
        raise UsageError(f"{name}: expected a number from {flag.minimum} up, found {value}.")
    return value


def _as_typed(name: str, given: Any) -> Any:
    """What a parser of the command line is given for a value of Python's."""
    if name == "tasks":
        return words(given)
    if name == "headers":
        return [f"{key}={value}" for key, value in given.items()] if isinstance(given, Mapping) else given
    if name == "extra_body" and isinstance(given, Mapping):
        try:
            return json.dumps(given, allow_nan=False) if given else None
        except (TypeError, ValueError) as error:
            raise UsageError(f"extra_body: {error}.", "It is sent as JSON.") from None
    if name in ("max_tokens", "paths") and isinstance(given, int) and not isinstance(given, bool):
        return {"*": given}
    if name == "columns" and isinstance(given, Mapping):
        return ",".join(f"{role}={column}" for role, column in given.items()) or None
    if name == "reuse":
        return ",".join(words(given)) if given is not None else None
    if name in ("limit", "until", "max_cost", "max_hours") and given is not None:
        return str(given)
    if name in ("data_dir", "tasks_dir", "prompts_dir"):
        return None if given is None else Path(given)
    if isinstance(given, os.PathLike):
        return os.fspath(given)
    if TYPES[name] in (dict[str, Any], dict[str, int], dict[str, float], dict[str, str]) and not isinstance(
        given, str | Mapping
    ):
        raise UsageError(f"{name}: expected a mapping, found {given!r:.60}.")
    return given


def _check(name: str, value: Any) -> None:
    """Refuse a value of another type than the field's."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(TYPES[name]).validate_python(value, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise UsageError(f"{name}: expected {reason}, found {value!r:.60}.") from None
