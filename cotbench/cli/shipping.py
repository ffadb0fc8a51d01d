"""`cotbench policy`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import JsonOption, OutputDirOption, TagsFileOption
from cotbench.cli.reporting import OwnTagOption
from cotbench.cli.shared import app, guarded, run_folders, stderr, stdout, stdout_json
from cotbench.errors import UsageError, suggest
from cotbench.runs.parsing import names

if TYPE_CHECKING:
    from cotbench.analysis.pairing import Cell, Panel
    from cotbench.analysis.shipping import Shipping
    from cotbench.report.shipping import Switch


@app.command()
@guarded
def policy(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs, by folder or id; the latest one if none is named.",
            autocompletion=completion.run_ids,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the policy is written; nowhere by default.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="yaml|semantic-router",
            help="What is written: plain YAML, or a configuration of vLLM Semantic Router, which knows requests by the "
            "14 categories of MMLU-Pro and switches thinking.",
            autocompletion=completion.of_words("yaml", "semantic-router"),
        ),
    ] = "yaml",
    margin: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy by which an arm must be better than a cheaper one; by default what the run fixed "
            "by --lock, else 2."
        ),
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            help="Which arms may be used; with commas or repeated. By default those that answer in words in one call."
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "--tasks", help="Of which tasks; all by default; with commas or repeated."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What tokens or GPU-hours cost, as `cotbench report` takes it: arms are ordered by it."
        ),
    ] = None,
    value: Annotated[
        float | None,
        typer.Option(
            help="What a right answer is worth, in the currency of --prices: gains are then net of what they cost."
        ),
    ] = None,
    tag: OwnTagOption = None,
    tags_file: TagsFileOption = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Choose for each subject, tag or feature which arm answers, and say what that brings on other questions."""
    from cotbench.analysis.curve import MARGIN
    from cotbench.analysis.folds import SPLITS
    from cotbench.analysis.pairing import load_run, panels_of
    from cotbench.analysis.prices import read_prices
    from cotbench.analysis.shipping import CATEGORY, WHOLE, Shipping, Terms, ship
    from cotbench.questions.drawing import MAY_STOP
    from cotbench.questions.tagging import RULES, own_rules
    from cotbench.report import shipping
    from cotbench.store.files import write_atomically
    from cotbench.terminal.shipping import show_policy

    if form not in shipping.FORMATS:
        found = f"--format: expected {' or '.join(shipping.FORMATS)}, found '{form}'."
        raise UsageError(found, suggest(form, shipping.FORMATS, "As in --format yaml."))
    if margin is not None and not (math.isfinite(margin) and 0 <= margin < 100):
        raise UsageError(f"--margin: expected points from 0 up to below 100, found {margin:g}.", "As in --margin 2.")
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UsageError(f"--value: expected an amount of money above 0, found {value:g}.", "As in --value 0.05.")
    if value is not None and prices is None:
        raise UsageError("--value: what a right answer is worth takes prices.", "Give them with --prices FILE.")
    if out is not None and out.is_dir():
        raise UsageError(f"--out: {out} is a folder, expected a file.", "As in --out policy.yaml.")
    folders = run_folders(runs or [], output_dir)
    loaded = [load_run(folder) for folder in folders]
    panels, notes = panels_of(loaded)
    panels = _of_tasks(panels, names(task))
    locks = [run.manifest.lock for run in loaded if run.manifest.lock is not None]
    fixed = margin / 100 if margin is not None else locks[0].margin if locks else MARGIN
    routed = form == shipping.ROUTER
    terms = Terms(
        margin=fixed,
        prices=read_prices(prices) if prices is not None else None,
        value=value,
        only=(WHOLE, CATEGORY) if routed else (),
        categories=shipping.categories(),
    )
    rules = [*(RULES | {rule.name: rule for rule in own_rules(tag or [], tags_file or [])}).values()]
    made: list[Shipping] = []
    for panel in panels:
        if panel.drawn is not None:
            told = f"a policy's intervals hold at one look, and this is of {MAY_STOP}"
            notes.append(f"{panel.task} by {panel.model}: no policy, since {told}.")
            continue
        found_one = ship(panel, _of_arms(panel, names(arms)), rules, terms)
        if isinstance(found_one, Shipping):
            made.append(found_one)
        else:
            notes.append(f"{panel.task} by {panel.model}: no policy, since {found_one}.")
    if not made:
        raise UsageError("\n  ".join(["there is nothing to make a policy of:", *notes]), "Ask more questions or arms.")
    ids = [folder.name for folder in folders]
    if out is not None:
        if routed and len(made) > 1:
            several = ", ".join(f"{one.panel.task} by {one.panel.model}" for one in made)
            raise UsageError(f"--format {form}: is of one task and one model, found {several}.", "Name one by --task.")
        text = (
            shipping.router(made[0], ids, _switch_of(made[0]), SPLITS) if routed else shipping.plain(made, ids, SPLITS)
        )
        try:
            write_atomically(out, [text.encode()])
        except OSError as error:
            raise UsageError(f"--out: {out} can't be written: {error.strerror or error}.", "Choose another.") from None
    if as_json:
        stdout_json(
            {"version": shipping.VERSION, "policies": [shipping.as_dict(one, ids) for one in made], "notes": notes}
        )
        return
    for one in made:
        show_policy(one)
    for note in dict.fromkeys([*notes, *(note for one in made for note in one.notes)]):
        stderr(f"Note: {note}")
    stdout(f"Written to {out}" if out is not None else "Written nowhere: --out FILE writes it.")


def _of_tasks(panels: Sequence[Panel], wanted: Sequence[str]) -> list[Panel]:
    """Return the panels of the tasks that are named. Raises UsageError where there is none of one."""
    there = list(dict.fromkeys(panel.task for panel in panels))
    for name in wanted:
        if name not in there:
            found = f"--task: there is no task '{name}' in these runs."
            raise UsageError(found, suggest(name, there, always=f"They have: {', '.join(there)}."))
    return [panel for panel in panels if not wanted or panel.task in wanted]


def _of_arms(panel: Panel, wanted: Sequence[str]) -> list[Cell]:
    """Return the arms that are named, or those of one call in words. Raises UsageError where one isn't there."""
    from cotbench.analysis.shipping import is_plain

    if not wanted:
        return [cell for cell in panel.cells.values() if is_plain(cell)]
    found = []
    for name in wanted:
        cell = panel.cell(name)
        if cell is None:
            there = ", ".join(panel.cells)
            raise UsageError(
                f"--arms: {panel.task} by {panel.model} has no one arm '{name}'.",
                suggest(name, list(panel.cells), always=f"It has: {there}."),
            )
        found.append(cell)
    return found


def _switch_of(made: Shipping) -> Switch:
    """Return how the model of a policy is told to think, by its run's manifest and the table of families."""
    from cotbench.engines.thinking import families
    from cotbench.report.shipping import Switch

    known = made.cells[0].run.manifest.engine.get("thinking", {})
    family = known.get("family", "")
    row = next((row for row in families() if row.family == family), None)
    if row is None:
        switched = known.get("off") == "switch"  # by the variable that most templates have
        variables = {"enable_thinking": False} if switched else None
        return Switch(off=variables, on=variables and {"enable_thinking": True}, default=known.get("default", ""))
    return Switch(
        family=family,
        off=row.off.variables if row.off and row.off.variables else None,
        on=row.on.variables if row.on and row.on.variables else None,
        effort=row.effort,
        efforts=row.efforts,
        field=row.effort_field and row.effort == "reasoning_effort",
        default=row.default,
    )
