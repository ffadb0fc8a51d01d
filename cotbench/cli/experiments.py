"""`cotbench run EXPERIMENT.yaml`, the files that `cotbench run --save` writes, and `cotbench schema`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotbench.cli import completion
from cotbench.cli.shared import app, guarded, stderr, stdout, stdout_json
from cotbench.errors import CotbenchError, Interrupted, UsageError, suggest

if TYPE_CHECKING:
    from cotbench.runs.experiments import Experiment, Planned
    from cotbench.runs.prepare import RunPlan

RESULTS = Path("results")


def run_experiment(
    file: str | None,
    given: Mapping[str, Any],
    typed: Collection[str],
    sets: Sequence[str],
    *,
    output_dir: Path | None,
    dry_run: bool,
    probe: int | None,
    prices: Path | None,
    fresh: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run all runs of a file, one after the other, and report them together.

    All are planned before the first one is started. A run that fails keeps none of the others from being asked."""
    from cotbench.cli.running import say_estimate, say_probe

    experiment = read(file, given, typed, sets)
    output = output_dir or experiment.output_dir or RESULTS
    plans = _plans(experiment, engines_needed=not dry_run)
    if dry_run:
        for planned, plan in zip(experiment.runs, plans, strict=True):
            _head(experiment, planned, as_json=as_json)
            say_estimate(plan, output, prices, as_json=as_json)
        return
    if probe is not None:
        for planned, plan in zip(experiment.runs, plans, strict=True):
            _head(experiment, planned, as_json=as_json)
            say_probe(plan, output, None, probe, prices, fresh=fresh, quiet=quiet, as_json=as_json)
        return
    folders, failure = _run_all(experiment, plans, output, prices, fresh=fresh, quiet=quiet, as_json=as_json)
    target = report_folder(experiment, output)
    if folders:
        _report(folders, target, quiet=quiet or as_json)
        if quiet and not as_json:
            stdout(f"Report: {target}")
    if as_json:
        rows = [{"run": folder.name, "folder": str(folder)} for folder in folders]
        stdout_json({"experiment": experiment.name, "runs": rows, "report": str(target)})
    if failure is not None:
        raise failure


def read(
    file: str | None, given: Mapping[str, Any], typed: Collection[str] = (), sets: Sequence[str] = ()
) -> Experiment:
    """Read an experiment's file. Raises UsageError where it is none."""
    from cotbench.runs.experiments import is_experiment, read_experiment

    if file is None:
        found = "--set changes a key of an experiment, and none is named."
        raise UsageError(found, "As in: cotbench run exp.yaml --set limit=50")
    if not is_experiment(file):
        remedy = f"A model is named by --model: cotbench run --model {file} --task ..."
        raise UsageError(f"cotbench run {file}: expected a file of runs, which ends in .yaml.", remedy)
    return read_experiment(Path(file), given, typed, sets)


def with_experiments(runs: Sequence[str], output_dir: Path, to: Path | None) -> tuple[list[str], Path | None]:
    """Put their runs in the place of experiments' files, and say where a report of them is written. Raises UsageError
    where none of an experiment's runs is there; says it of some."""
    from cotbench.runs.experiment_runs import folders_of
    from cotbench.runs.experiments import is_experiment
    from cotbench.runs.options import defaults
    from cotbench.store.files import is_file

    found: list[str] = []
    for name in runs:
        if not is_experiment(name) or not is_file(name):
            found.append(name)
            continue
        experiment = read(name, defaults())
        output = output_dir if output_dir != RESULTS else experiment.output_dir or RESULTS
        folders = folders_of(experiment, output)
        there = [str(folder) for folder in folders if folder is not None]
        if not there:
            raise UsageError(f"{name}: none of its runs is in {output}.", f"Run it: cotbench run {name}")
        if lacking := [run.name for run, folder in zip(experiment.runs, folders, strict=True) if folder is None]:
            stderr(f"{name}: {len(lacking)} of {len(folders)} runs aren't in {output}: {'; '.join(lacking)}.")
        found += there
        to = to or report_folder(experiment, output)
    return found, to


def report_folder(experiment: Experiment, output_dir: Path) -> Path:
    """Where the report of an experiment is written."""
    return output_dir / f"{experiment.name}-report"


def _plans(experiment: Experiment, *, engines_needed: bool) -> list[RunPlan]:
    """Plan all runs: mistakes show before the first one is started."""
    from cotbench.runs.prepare import check_engine, make_plan

    plans = []
    for planned in experiment.runs:
        try:
            plan = make_plan(planned.options, engine_needed=engines_needed)
            check_engine(plan)
        except UsageError as error:
            raise planned.placed(error) from None
        plans.append(plan)
    return plans


def _head(experiment: Experiment, planned: Planned, *, as_json: bool) -> None:
    number = list(experiment.runs).index(planned) + 1
    (stderr if as_json else stdout)(f"[{number}/{len(experiment.runs)}] {planned.name}")


def _run_all(
    experiment: Experiment,
    plans: Sequence[RunPlan],
    output: Path,
    prices: Path | None,
    *,
    fresh: bool,
    quiet: bool,
    as_json: bool,
) -> tuple[list[Path], CotbenchError | None]:
    """Run all; the folders of those that came to their ends, and the last error. prices: for limits of money."""
    from cotbench.analysis.prices import read_prices
    from cotbench.cli.running import executed, say_result
    from cotbench.runs.asked import failed_requests

    folders: list[Path] = []
    failure: CotbenchError | None = None
    for planned, plan in zip(experiment.runs, plans, strict=True):
        _head(experiment, planned, as_json=as_json)
        try:
            result = executed(
                plan, output, None, prices=None if prices is None else read_prices(prices), fresh=fresh, quiet=quiet
            )
        except Interrupted as error:
            raise Interrupted(error.message, "The same command goes on, and asks nothing twice.") from None
        except CotbenchError as error:
            stderr(f"Error: {error.message}")
            failure = error
            continue
        folders.append(result.folder)
        if not as_json:
            say_result(result, as_json=False)
        if lost := failed_requests(result):
            stderr(f"Error: {lost.message}")
            failure = lost
    return folders, failure


def _report(folders: Sequence[Path], target: Path, *, quiet: bool) -> None:
    from cotbench.cli.reporting import report

    make = report.__wrapped__  # type: ignore[attr-defined]  # without its own exit codes
    make(runs=[str(folder) for folder in folders], to=target, quiet=quiet)


def save_command(path: Path, given: Mapping[str, Any], typed: Collection[str]) -> None:
    """Write the file that stands for a command."""
    from cotbench.runs.experiment_runs import save

    for note in save(path, given, typed):
        stderr(f"Note: {note}.")
    stdout(f"Written: {path}. Run it: cotbench run {path}")


@app.command(help="Print a JSON Schema: experiment, of the files that `cotbench run` takes, for editors.")
@guarded
def schema(
    of: Annotated[str, typer.Argument(metavar="WHAT", autocompletion=completion.of_words("experiment"))],
) -> None:
    from cotbench.runs.experiment_schema import schema as made

    if of != "experiment":
        raise UsageError(f"there is no schema of '{of}'.", suggest(of, ["experiment"], "Known: experiment."))
    stdout(json.dumps(made(), indent=1))
