"""What the keys of an experiment's file hold: options by their long names, with values as YAML has them or as they are
typed on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cotbench.runs import parsing
from cotbench.runs.options import FLAGS, TYPES
from cotbench.store.files import is_there

MODELS, OUTPUT = "models", "output-dir"
_ALIASES = {"seeds": "seed", "arms": "modes"}


def _names() -> dict[str, str]:
    found = {}
    for name, flag in FLAGS.items():
        words = [word.removeprefix("--") for word in flag.names.split() if word.startswith("--")]
        for word in (*words, name.replace("_", "-")):
            found[word] = name
    return found | _ALIASES


FIELDS: Mapping[str, str] = _names()  # the options' fields by the keys that stand for them
NOT_IN_FILES = frozenset(name for name, flag in FLAGS.items() if not flag.resumable)
KEYS: tuple[str, ...] = tuple(key for key, name in FIELDS.items() if name not in NOT_IN_FILES)


def key_of(written: object) -> str:
    """A key as it is compared: `num_fewshot` and `--num-fewshot` are `num-fewshot`."""
    return str(written).removeprefix("--").replace("_", "-")


def preferred(field: str) -> str:
    """The key by which a field is written."""
    if field in ("tasks", "modes"):
        return field
    return FLAGS[field].names.split()[0].removeprefix("--")


class Unfit(ValueError):
    """A value that a key can't have: what was expected. at: the keys within it that lead to the place."""

    def __init__(self, expected: str, at: tuple[Any, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.at = at


def value_of(field: str, value: Any, folder: Path) -> Any:
    """A field's value for what a file says. folder: of the file, in which names of files are looked for first.

    Raises Unfit where the value is of another type, UsageError where an option can't be that."""
    flag = FLAGS[field]
    if flag.choices or field == "reuse":
        value = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value  # YAML's on and off
    if value is None and flag.parse is None and TYPES[field] in _WORDS:
        raise Unfit(_WORDS[TYPES[field]])
    if value is None:
        return flag.value(None) if flag.parse is not None else None
    if flag.parse is None:
        value = _plain(field, value)
        if flag.minimum is not None and value < flag.minimum:
            raise Unfit(f"a whole number from {flag.minimum} up")
        value = flag.value(value)
    else:
        value = _OF[field](value, flag.parse, folder)
    value = _beside(field, value, folder)
    return value if flag.anchor is None else flag.anchor(value)


_WORDS: Mapping[Any, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _plain(field: str, value: Any) -> Any:
    for kind, words in _WORDS.items():
        if TYPES[field] in (kind, kind | None):
            if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
                return str(value)  # a model that is called 7
            if type(value) is not kind:
                raise Unfit(words)
    return value


Parse = Callable[[Any], Any]


def _text(value: Any, parse: Parse, _: Path) -> Any:
    if not isinstance(value, str):
        raise Unfit("a text")
    return parse(value)


def _folder(value: Any, parse: Parse, folder: Path) -> Any:
    if not isinstance(value, str):
        raise Unfit("a folder's name")
    return parse(folder / value if (folder / value).is_dir() else Path(value))


def _list(value: Any, parse: Parse, _: Path) -> Any:
    words = value if isinstance(value, list) else [value]
    for place, word in enumerate(words):
        if not isinstance(word, str | int | float) or isinstance(word, bool):
            raise Unfit("a name", (place,) if isinstance(value, list) else ())
    return parse([str(word) for word in words])


def _joined(value: Any, parse: Parse, folder: Path) -> Any:
    return _text(",".join(map(str, value)) if isinstance(value, list) else value, parse, folder)


def _number(value: Any, parse: Parse, _: Path) -> Any:
    if type(value) is not int and not isinstance(value, str):
        raise Unfit("a whole number")
    return parse(str(value))


def _amount(value: Any, parse: Parse, _: Path) -> Any:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise Unfit("a number")
    return parse(str(value))


def _pairs(value: Any, parse: Parse, _: Path) -> Any:
    """Of a mapping the text that is typed for it; a number or a text as it is."""
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict | list) or one is None:
                raise Unfit("a number", (key,))
        value = ",".join(f"{key}={json.dumps(one)}" for key, one in value.items())
    elif not isinstance(value, str | int) or isinstance(value, bool):
        raise Unfit("a mapping, or text as on the command line")
    return parse(str(value))


def _mapping(value: Any, parse: Parse, _: Path) -> Any:
    if isinstance(value, str):
        return parse(value)
    if not isinstance(value, dict):
        raise Unfit("a mapping, or text as on the command line")
    return {str(key): one for key, one in value.items()}


def _body(value: Any, parse: Parse, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith("@") and is_there(folder / value[1:]):
        value = f"@{folder / value[1:]}"
    if not isinstance(value, str | dict):
        raise Unfit("a mapping, or JSON as on the command line")
    return parse(value if isinstance(value, str) else json.dumps(value))


def _columns(value: Any, parse: Parse, _: Path) -> Any:
    if isinstance(value, str):
        return parse(value)
    if not isinstance(value, dict):
        raise Unfit("a mapping, or text as on the command line")
    several = {role: "+".join(map(str, one)) if isinstance(one, list) else one for role, one in value.items()}
    return parse(",".join(f"{role}={one}" for role, one in several.items()))


def _headers(value: Any, parse: Parse, folder: Path) -> Any:
    if isinstance(value, dict):
        value = [f"{key}={one}" for key, one in value.items()]
    return _list(value, parse, folder)


def _sampling(value: Any, parse: Parse, _: Path) -> Any:
    if isinstance(value, str):
        return parse(value)
    if not isinstance(value, dict):
        raise Unfit("a mapping, or text as on the command line")
    flat: dict[str, Any] = {}
    for key, one in value.items():
        flat |= {f"{key}.{name}": each for name, each in one.items()} if isinstance(one, dict) else {str(key): one}
    return parsing.gen_kwargs_of(flat)


_OF: Mapping[str, Callable[[Any, Parse, Path], Any]] = {
    "tasks": _list,
    "modes": _list,
    "columns": _columns,
    "model_args": _mapping,
    "judge_args": _mapping,
    "gen_kwargs": _sampling,
    "max_tokens": _pairs,
    "paths": _pairs,
    "program_limits": _pairs,
    "limit": _number,
    "extra_body": _body,
    "headers": _headers,
    "lock": _text,
    "shard": _text,
    "until": _amount,
    "max_cost": _amount,
    "max_hours": _amount,
    "reuse": _joined,
    "data_dir": _folder,
    "tasks_dir": _folder,
    "prompts_dir": _folder,
}


def _beside(field: str, value: Any, folder: Path) -> Any:
    """Names of files that lie beside the experiment's as absolute paths; others as they are."""

    def found(name: Any) -> Any:
        named = isinstance(name, str) and ("." in name or "/" in name)
        return str((folder / name).absolute()) if named and is_there(folder / name) else name

    if field == "tasks":
        return [found(name) for name in value]
    if field in ("chat_template", "tokenizer", "families"):
        return found(value)
    if field in ("model_args", "judge_args") and "path" in value:
        return {**value, "path": found(value["path"])}
    return value
