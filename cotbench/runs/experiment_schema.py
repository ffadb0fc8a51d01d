"""The JSON Schema of experiments' files, made of the options, by which editors complete and check them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotbench.engines import ENGINES
from cotbench.engines.sampling import KEYS as SAMPLING
from cotbench.engines.sampling import OWN
from cotbench.modes import MODES
from cotbench.questions.shipped import shipped, suite_files, task_files
from cotbench.runs.experiment_values import FIELDS, KEYS, MODELS, OUTPUT
from cotbench.runs.options import FLAGS, TYPES

SCHEMA_FILE = "cotbench-experiment.schema.json"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_COUNTS: Schema = {"anyOf": [_COUNT, {"type": "object", "additionalProperties": _COUNT}, _TEXT]}
_ARGUMENTS: Schema = {"anyOf": [{"type": "object"}, _TEXT]}
_OF_TYPES: Mapping[Any, Schema] = {
    str: _TEXT,
    str | None: _TEXT,
    int: {"type": "integer"},
    int | None: {"type": "integer"},
    float | None: {"type": "number"},
    bool: {"type": "boolean"},
}


def schema() -> Schema:
    """The schema, which fits what `read_experiment` takes by the keys that it proposes."""
    options = {key: _property(FIELDS[key]) for key in KEYS}
    model = {
        "anyOf": [
            {**_TEXT, "description": FLAGS["model"].help},
            {"type": "object", "properties": options, "required": ["model"], "additionalProperties": False},
        ]
    }
    models = {
        "description": "The models: names, or mappings with a name and options of this model's own.",
        "anyOf": [model, {"type": "array", "items": model, "minItems": 1}],
    }
    top = {key: row for key, row in options.items() if key != "model"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An experiment of cotbench: models x tasks x arms",
        "type": "object",
        "properties": {
            MODELS: models,
            "model": models,
            OUTPUT: {**_TEXT, "description": "Where runs are written, from the working directory."},
            **top,
        },
        "additionalProperties": False,
    }


def _property(field: str) -> Schema:
    flag = FLAGS[field]
    about = flag.help.replace("\\[", "[")
    if field == "seed":
        number = {"type": "integer"}
        about = f"{about} A list of seeds is several runs."
        return {"description": about, "anyOf": [number, {"type": "array", "items": number, "minItems": 1}]}
    if field == "limit":
        about = f"{about} A mapping gives tasks limits of their own; '*' is all others."
        return {"description": about, "anyOf": [_COUNT, {"type": "object", "additionalProperties": _COUNT}]}
    return {"description": about, **_type_of(field)}


def _type_of(field: str) -> Schema:
    flag = FLAGS[field]
    if flag.choices:
        return {"enum": list(flag.choices)}
    if field == "until":
        return {"anyOf": [{"enum": ["sign"]}, {"type": "number"}, _TEXT]}
    if field in ("tasks", "modes"):
        folder = shipped("tasks")
        known = sorted([*task_files(folder), *suite_files(folder)]) if field == "tasks" else list(MODES)
        item = {"anyOf": [{"enum": known}, _TEXT]}
        return {"anyOf": [*item["anyOf"], {"type": "array", "items": item}]}
    if field in ("engine", "judge_engine"):
        return {"enum": list(ENGINES)}
    if field in ("max_tokens", "paths"):
        return _COUNTS
    if field == "gen_kwargs":
        keys: Schema = {name: {} for name in sorted({*OWN, *SAMPLING})}
        return {"anyOf": [{"type": "object", "properties": keys}, _TEXT]}
    if field == "program_limits":
        keys = {name: {"type": "number"} for name in ("cpu_s", "wall_s", "memory_mb")}
        return {"anyOf": [{"type": "object", "properties": keys, "additionalProperties": False}, _TEXT]}
    if field == "headers":
        texts = {"type": "array", "items": _TEXT}
        return {"anyOf": [{"type": "object", "additionalProperties": {"type": ["string", "number"]}}, texts]}
    if field == "reuse":
        return {"anyOf": [{"enum": ["auto", "off"]}, _TEXT, {"type": "array", "items": _TEXT}]}
    if TYPES[field] in (dict[str, Any], dict[str, str]):
        return _ARGUMENTS
    found = dict(_OF_TYPES[TYPES[field]])
    if flag.minimum is not None:
        found["minimum"] = flag.minimum
    return found
