"""Experiments and their runs: which folders hold them, and the file that stands for a command."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from cotbench.engines.endpoint import public_url, recorded_header
from cotbench.errors import CotbenchError, UsageError
from cotbench.runs.default_modes import ALL, ALWAYS
from cotbench.runs.experiment_schema import SCHEMA_FILE, schema
from cotbench.runs.experiment_values import NOT_IN_FILES, preferred
from cotbench.runs.experiments import Experiment
from cotbench.runs.options import FLAGS, RunOptions
from cotbench.runs.prepare import lasting
from cotbench.runs.provenance import with_home
from cotbench.store.files import cannot_write
from cotbench.store.lookup import list_runs
from cotbench.store.manifest import read_manifest

# What may change between two starts of a run; it is found by the others.
_ASIDE = NOT_IN_FILES | {
    "reuse", "concurrency", "data_dir", "skip_missing", "lock", "headers", "base_url", "judge_base_url", "engine",
    "judge_engine", "ray_address",
}  # fmt: skip


def folders_of(experiment: Experiment, output_dir: Path) -> list[Path | None]:
    """The folder of each run of an experiment, the latest of several; None where there is none."""
    there = list(_there(output_dir))
    found: list[Path | None] = []
    for run in experiment.runs:
        wanted = _told(run.options)
        found.append(next((folder for folder, options in there if _fits(wanted, _told(options))), None))
    return found


def _there(output_dir: Path) -> Iterator[tuple[Path, RunOptions]]:
    for folder in list_runs(output_dir):
        with suppress(CotbenchError, TypeError):
            options = with_home(read_manifest(folder).options)
            yield folder, RunOptions(**{name: value for name, value in options.items() if name in FLAGS})


def _told(options: RunOptions) -> dict[str, Any]:
    """What two starts of one run have in common."""
    row = {name: value for name, value in asdict(options).items() if name not in _ASIDE}
    row |= {name: lasting(row[name]) for name in ("model_args", "judge_args")}
    row |= {"engine": options.generating, "judge_engine": options.judge_engine_name if options.judge_model else None}
    found: dict[str, Any] = json.loads(json.dumps(row))
    return found


def _fits(wanted: Mapping[str, Any], had: Mapping[str, Any]) -> bool:
    if not wanted["modes"] and had["modes"] in ([*ALWAYS], [*ALL]):
        had = {**had, "modes": []}
    return wanted == had


# --- the file of a command ----------------------------------------------------------------------------------------


def save(path: Path, given: Mapping[str, Any], typed: Collection[str]) -> list[str]:
    """Write the file that stands for a command, without keys, and beside it the schema by which editors complete it.

    given: the options; typed: those that were typed. Return notes on what isn't in it. Raises UsageError where the file
    is there already, RunError where it can't be written."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"--save: expected a name that ends in .yaml, found {path}.", "As in --save exp.yaml.")
    if path.exists():
        raise UsageError(f"--save: {path} is there already.", "Choose another name, or remove it.")
    lines = [
        f"# yaml-language-server: $schema=./{SCHEMA_FILE}",
        f"# Run it, or go on with it: cotbench run {path.name}; report: cotbench report {path.name}",
    ]
    content = yaml.safe_dump(
        _content(path.absolute().parent, given, typed), sort_keys=False, allow_unicode=True, default_flow_style=None,
        width=110,
    )  # fmt: skip
    beside = path.with_name(SCHEMA_FILE)
    try:
        path.write_text("\n".join(lines) + "\n" + content, encoding="utf-8")
        if not beside.exists():
            beside.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from None
    left = [FLAGS[name].names.split()[0] for name in NOT_IN_FILES if given[name]]
    hidden = [name for name, value in given["headers"].items() if recorded_header(value) != value]
    notes = [f"{option} isn't in it: type it when you run the file" for option in sorted(left)]
    if hidden:
        variable = f"--header '{hidden[0]}=$VARIABLE'"
        notes.append(
            f"the value of the header {', '.join(hidden)} isn't in it: type it, or name a variable: {variable}"
        )
    return notes


def _content(folder: Path, given: Mapping[str, Any], typed: Collection[str]) -> dict[str, Any]:
    names = [name for name in FLAGS if name in typed and name not in NOT_IN_FILES]
    row: dict[str, Any] = {"models": [given["model"]]}
    for name in names:
        value = given[name]
        if name == "model" or value in (None, [], {}):
            continue
        if name in ("base_url", "judge_base_url"):
            value = public_url(value)
        elif name == "headers":
            value = {header: recorded_header(text) for header, text in value.items()}
        elif name == "gen_kwargs":
            value = {**{key: one for key, one in value.items() if key != "modes"}, **value.get("modes", {})}
        elif name in ("max_tokens", "paths") and list(value) == ["*"]:
            value = value["*"]
        row[preferred(name)] = _near(value, folder)
    return row


def _near(value: Any, folder: Path) -> Any:
    """Absolute names of files below a folder as they are from there: the folder may be moved."""
    if isinstance(value, list):
        return [_near(one, folder) for one in value]
    if isinstance(value, dict):
        return {key: _near(one, folder) for key, one in value.items()}
    if not isinstance(value, str) or not value.startswith("/") or not Path(value).is_relative_to(folder):
        return value
    near = str(Path(value).relative_to(folder))
    return near if "/" in near or "." in near else f"./{near}"
