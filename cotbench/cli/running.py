"""`cotbench run`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import JsonOption, OutputDirOption, Values, flags_after, flags_until, with_flags
from cotbench.cli.shared import app, guarded, kebab, stderr, stdout, stdout_json
from cotbench.errors import OutputError, UsageError
from cotbench.runs.asked import failed_requests, refuse_engine_as_model
from cotbench.runs.options import FLAGS, RunOptions, anchored, recorded_options

if TYPE_CHECKING:
    from cotbench.analysis.prices import Prices
    from cotbench.runs.prepare import RunPlan
    from cotbench.runs.session import RunResult


@app.command()
@guarded
@with_flags
def run(
    ctx: typer.Context,
    *,
    experiment: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT",
            help="A YAML file of runs (models x tasks x arms), instead of the options: docs/experiments.md. Options "
            "that are typed go before what it says.",
            autocompletion=completion.experiments,
        ),
    ] = None,
    asked: Annotated[Values, flags_until("seed")],
    output_dir: OutputDirOption = Path("results"),
    resume: Annotated[
        str | None,
        typer.Option(
            help="Go on with this run (its folder or id); refuses if anything it rests on has changed.",
            autocompletion=completion.run_ids,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew even if the same command has a run already.")
    ] = False,
    settings: Annotated[Values, flags_after("seed")],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be asked, and what it is likely to take by earlier runs in --output-dir; and stop.",
        ),
    ] = False,
    probe: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="<int>",
            help="Ask so many questions of each task, say what all of them are likely to take, and stop. The same "
            "command without it goes on from there.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What tokens or GPU-hours cost (YAML or JSON), for --dry-run, --probe and --max-cost."
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a key of EXPERIMENT, as limit=50, gen-kwargs.top_p=0.9 or models.0.engine=stub; the value is "
            "YAML. Repeatable.",
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.yaml",
            help="Write an experiment's file that stands for these options, without keys; and stop.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model over tasks under prompting methods. Ends by naming the run's folder.

    The same command again resumes an unfinished run and generates nothing twice.
    """
    from cotbench.runs.prepare import make_plan
    from cotbench.store.lookup import find_run
    from cotbench.store.manifest import MANIFEST, read_manifest
    from cotbench.terminal.console import tell

    if dry_run and probe is not None:
        raise UsageError("--dry-run asks nothing, and --probe asks some questions.", "Give one of them.")
    counts_money = dry_run or probe is not None or settings.get("max_cost") is not None
    if prices is not None and not (counts_money or asked.get("max_cost") is not None or resume is not None):
        raise UsageError(
            "--prices: a run itself counts no money, unless --max-cost limits it.",
            "It is for --dry-run, --probe, --max-cost and cotbench report.",
        )
    given = anchored({**asked, **settings})
    if experiment is not None or sets:
        from cotbench.cli.experiments import run_experiment

        if resume is not None or save is not None:
            option = "--resume" if resume is not None else "--save"
            raise UsageError(
                f"{option} is of one run, and {experiment or '--set'} of an experiment.", "Give one of them."
            )
        run_experiment(
            experiment,
            given,
            {name for name in given if was_typed(ctx, name, environment=False)},
            sets or [],
            output_dir=output_dir if was_typed(ctx, "output_dir") else None,
            dry_run=dry_run,
            probe=probe,
            prices=prices,
            fresh=fresh,
            quiet=quiet,
            as_json=as_json,
        )
        return
    folder = like = None
    if resume is not None:
        folder = find_run(resume, output_dir)
        manifest = read_manifest(folder)
        recorded = recorded_options(folder / MANIFEST, manifest.options)
        like = None if was_typed(ctx, "tasks") else manifest
        typed = {k: v for k, v in given.items() if was_typed(ctx, k) or not FLAGS[k].resumable}
        given = {**recorded, **typed}
    elif not given["model"]:
        raise UsageError(
            "--model is missing.", "As in: cotbench run --model X --task mmlu --mode cot (or --resume RUN)."
        )
    elif not given["tasks"] or (not given["modes"] and was_typed(ctx, "modes")):
        what = "--task" if not given["tasks"] else "--mode"
        raise UsageError(f"{what} is missing.", "As in: cotbench run --model X --task mmlu --mode direct,cot")
    refuse_engine_as_model(str(given["model"]), given)
    if save is not None:
        from cotbench.cli.experiments import save_command

        save_command(save, given, {name for name in given if was_typed(ctx, name, environment=False)})
        return
    plan = make_plan(RunOptions(**given), engine_needed=not dry_run, like=like)
    for data in () if quiet else plan.data.values():
        if data.file.note:  # what is asked of a task of others, for its user to see
            tell(data.file.note)
    if dry_run:
        say_estimate(plan, output_dir, prices, as_json=as_json)
    elif probe is not None:
        say_probe(plan, output_dir, folder, probe, prices, fresh=fresh, quiet=quiet, as_json=as_json)
    else:
        _run(plan, output_dir, folder, prices, fresh=fresh, quiet=quiet, as_json=as_json)


def say_estimate(plan: RunPlan, output_dir: Path, prices_file: Path | None, *, as_json: bool) -> None:
    """Say what a run would ask and is likely to take, and what its arms differ in that their names don't say."""
    from cotbench.modes.beside import unvoted
    from cotbench.questions.suites import in_words
    from cotbench.report.words import unsaid_lines
    from cotbench.runs.default_modes import before_opening
    from cotbench.runs.default_modes import why as why_not_given
    from cotbench.runs.foreseen import foreseen
    from cotbench.runs.likely import bill, likely, rows_of
    from cotbench.runs.prepare import check_engine, expected_thinking
    from cotbench.runs.shards import held
    from cotbench.runs.shown import lint_of
    from cotbench.runs.until import expected
    from cotbench.terminal.likely import show_estimate

    prices = _prices(prices_file)
    unchecked = check_engine(plan)
    unsaid, alone = lint_of(plan), unvoted(plan.kits)
    found = likely(plan, output_dir)
    rows = rows_of(plan, found, prices)
    known = foreseen(plan, output_dir).in_words(rows[-1]["requests"])
    if not plan.options.modes:
        thinking = before_opening(plan.options, expected_thinking(plan.options))
        known.insert(0, why_not_given(plan.options.model, thinking))
    if plan.options.shard is not None:
        known.insert(0, held(plan.whole, plan.questions, plan.options.shard))
    known[:0] = [*expected(plan)] if plan.options.draws else []
    if as_json:
        stdout_json(rows if found else rows[:-1])  # the last one, of all together, is there for what is likely
        for line in unsaid_lines(unsaid):
            stderr(f"Arms: {line}")
        for line in [*alone, *known]:
            stderr(f"Note: {line}.")
        if unchecked:
            stderr(f"Not checked: {unchecked}.")
    else:
        charged = bill(found, prices, plan.options.model) if found and prices else None
        asked = in_words(plan.chosen, {task: len(questions) for task, questions in plan.questions.items()})
        show_estimate(
            rows,
            found,
            charged,
            unsaid,
            asked=asked,
            skipped=plan.chosen.skipped,
            unchecked=unchecked,
            priced=prices is not None,
        )
        for line in [*alone, *known]:
            stdout(f"Note: {line}.")


def _prices(file: Path | None) -> Prices | None:
    from cotbench.analysis.prices import read_prices

    return None if file is None else read_prices(file)


def say_probe(
    plan: RunPlan,
    output_dir: Path,
    folder: Path | None,
    count: int,
    prices_file: Path | None,
    *,
    fresh: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Ask the first questions of a run, and say what all of it is likely to take."""
    from cotbench.runs.likely import bill, likely, rows_of
    from cotbench.terminal.console import tell
    from cotbench.terminal.likely import show_probe

    if plan.options.shard is not None:
        raise UsageError(
            f"--probe asks the first questions of a run, and --shard {plan.options.shard} a part of all.",
            "Probe the run without --shard: what is likely is told of all of it, and shards in the same --output-dir "
            "take the probe's replies.",
        )
    prices = _prices(prices_file)  # before anything is asked
    result = executed(plan, output_dir, folder, probe=count, prices=prices, fresh=fresh, quiet=quiet)
    tally = result.tally
    found = likely(plan, output_dir, result.folder)
    rows = rows_of(plan, found, prices)
    goes_on = f"cotbench run --resume {shlex.quote(str(result.folder))}"
    if plan.options.max_cost is not None:
        goes_on += f" --prices {shlex.quote(str(prices_file))}"
    over = tally.done == plan.total
    if as_json:
        stdout_json(
            {
                "run": result.folder.name,
                "folder": str(result.folder),
                "probe": count,
                "answers": tally.done,
                "of": plan.total,
                "requests": tally.requests,
                "new_tokens": tally.new_tokens,
                "likely": rows,
                "go_on": None if over else goes_on,
            }
        )
    else:
        charged = bill(found, prices, plan.options.model) if found and prices else None
        asked = f"of the probe: {tally.requests:,} requests, {tally.new_tokens:,} tokens"
        tell(
            f"{tally.done:,} of the run's {plan.total:,} answers are on record ({asked}).",
            to_stderr=False,
        )
        show_probe(rows, found, charged, priced=prices is not None)
        stdout("These are all of the run's answers." if over else "Go on, with these answers kept:")
        stdout(f"Report: cotbench report {result.folder}" if over else f"  {goes_on}")
    if lost := failed_requests(result):
        raise lost


def was_typed(ctx: typer.Context, name: str, *, environment: bool = True) -> bool:
    """Whether a field's option, or the environment variable that stands for it, was given. environment: whether that
    variable counts."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", *(["ENVIRONMENT"] if environment else []))


def executed(
    plan: RunPlan,
    output_dir: Path,
    folder: Path | None,
    *,
    probe: int | None = None,
    prices: Prices | None = None,
    fresh: bool,
    quiet: bool,
) -> RunResult:
    """Run a plan, or the beginning of it, and show how far it is. prices: by which a limit of money is kept."""
    from cotbench.questions.suites import briefly
    from cotbench.runs.default_modes import WHERE_SWITCHED
    from cotbench.runs.session import execute
    from cotbench.terminal.console import tell
    from cotbench.terminal.progress import shown

    options = plan.options
    if not quiet:
        modes = ", ".join(dict.fromkeys(mode for _, mode in plan.kits))
        if not options.modes:
            modes += f" (and {', '.join(WHERE_SWITCHED)}, where the model has a switch for thinking)"
        over = briefly(plan.chosen)
        part = f"shard {' of '.join(options.shard.split('/'))}, " if options.shard else ""
        asked = f"{part}{plan.total:,} answers" if probe is None else f"a probe of {probe:,} questions a task"
        judge = f", judged by {options.judge_model} ({options.judge_engine_name})" if options.judge_model else ""
        tell(f"{options.model} ({options.engine_name}){judge}: {asked} over {over} under {modes}.")
    # A probe's session says beside its command how many it asked; the command is the run's, as others type it again.
    command = masked_command() if probe is None else _without(masked_command(), "--probe", "--prices")
    with shown(quiet) as watch:
        return execute(
            plan,
            output_dir,
            resume=folder,
            fresh=fresh,
            probe=probe,
            command=command,
            prices=prices,
            watch=watch,
            say=tell,
        )


def _without(words: Sequence[str], *options: str) -> list[str]:
    """A command line without some options and their values."""
    left, place = [], 0
    while place < len(words):
        name, equals, _ = words[place].partition("=")
        if kebab(name) in options:
            place += 1 if equals else 2
        else:
            left.append(words[place])
            place += 1
    return left


def _run(
    plan: RunPlan,
    output_dir: Path,
    folder: Path | None,
    prices: Path | None,
    *,
    fresh: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    result = executed(plan, output_dir, folder, prices=_prices(prices), fresh=fresh, quiet=quiet)
    try:
        say_result(result, as_json=as_json)
    except OutputError as error:
        raise OutputError(error.message, f"The run is recorded in {result.folder}.") from None
    if lost := failed_requests(result):
        raise lost


def say_result(result: RunResult, *, as_json: bool) -> None:
    """Print what became of a run."""
    from cotbench.terminal.console import tell

    tally = result.tally
    if as_json:
        counts = {n: getattr(tally, n) for n in ("requests", "reused", "prompt_tokens", "completion_tokens")}
        counts["taken"] = sum(one.replies for one in tally.taken.values())
        folder = {"run": result.folder.name, "folder": str(result.folder)}
        stdout_json({**folder, "answers": tally.done, "outcomes": dict(tally.outcomes), **counts})
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in tally.outcomes.most_common())
        # Of outputs that are replayed nobody may know what they took, and that isn't 0.
        tokens = f", {tally.new_tokens:,} completion tokens" if tally.new_tokens or not tally.requests else ""
        new = f"{tally.requests:,} requests{tokens}"
        new = "nothing new was asked" if result.already_finished or (tally.taken and not tally.requests) else new
        tell(f"{tally.done:,} answers: {outcomes} ({new}).", to_stderr=False)
        stdout(f"Report: cotbench report {result.folder}")
        stdout(str(result.folder))


def masked_command() -> list[str]:
    """The command line for the manifest, without what may hold a key."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    masks = {name: flag.mask for flag in FLAGS.values() if flag.mask for name in flag.names.split()}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        mask = masks.get(kebab(name))
        if mask and equals:
            words[place] = f"{name}={mask(value)}"
        elif mask and place + 1 < len(words):
            words[place + 1] = mask(words[place + 1])
    return words
