"""`cotbench run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotbench.cli.flags import JsonOption, OutputDirOption, Values, flags_after, flags_until, with_flags
from cotbench.cli.shared import app, guarded, kebab, stderr, stdout, stdout_json
from cotbench.errors import OutputError, RequestsFailed, UsageError
from cotbench.run.options import FLAGS, RunOptions, anchored, recorded_options

if TYPE_CHECKING:
    from cotbench.run.prepare import RunPlan
    from cotbench.run.session import RunResult


@app.command()
@guarded
@with_flags
def run(
    ctx: typer.Context,
    *,
    asked: Annotated[Values, flags_until("seed")],
    output_dir: OutputDirOption = Path("results"),
    resume: Annotated[
        str | None,
        typer.Option(help="Go on with this run (its folder or id); refuses if anything it rests on has changed."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew even if the same command has a run already.")
    ] = False,
    settings: Annotated[Values, flags_after("seed")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many requests and about how many tokens, and stop.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model over tasks under prompting methods. Ends by naming the run's folder.

    The same command again resumes an unfinished run and generates nothing twice.
    """
    from cotbench.run.prepare import make_plan
    from cotbench.store.lookup import find_run
    from cotbench.store.manifest import MANIFEST, read_manifest

    given = anchored({**asked, **settings})
    folder = None
    if resume is not None:
        folder = find_run(resume, output_dir)
        recorded = recorded_options(folder / MANIFEST, read_manifest(folder).options)
        typed = {k: v for k, v in given.items() if was_typed(ctx, k) or not FLAGS[k].resumable}
        given = {**recorded, **typed}
    elif not given["model"]:
        raise UsageError(
            "--model is missing.", "As in: cotbench run --model X --task mmlu --mode cot (or --resume RUN)."
        )
    elif not given["tasks"] or not given["modes"]:
        what = "--task" if not given["tasks"] else "--mode"
        raise UsageError(f"{what} is missing.", "As in: cotbench run --model X --task mmlu --mode direct,cot")
    _not_an_engine(str(given["model"]), given)
    plan = make_plan(RunOptions(**given), engine_needed=not dry_run)
    if dry_run:
        _estimate(plan, as_json=as_json)
    else:
        _run(plan, output_dir, folder, fresh=fresh, quiet=quiet, as_json=as_json)


def _estimate(plan: RunPlan, *, as_json: bool) -> None:
    """Say how much a run would ask, and what its arms differ in that their names don't say."""
    from cotbench.report.words import unsaid_lines
    from cotbench.run.prepare import estimate
    from cotbench.run.shown import lint_of
    from cotbench.terminal.tables import show_estimate

    unsaid = lint_of(plan)
    if as_json:
        stdout_json(estimate(plan))
        for line in unsaid_lines(unsaid):
            stderr(f"Arms: {line}")
    else:
        show_estimate(estimate(plan), unsaid)


def was_typed(ctx: typer.Context, name: str) -> bool:
    """Whether a field's option, or the environment variable that stands for it, was given."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _not_an_engine(model: str, given: dict[str, Any]) -> None:
    """Refuse a line of lm-eval's, where --model names the engine and the model is in --model_args."""
    pretrained = given["model_args"].get("pretrained") or given["model_args"].get("model")
    if model in ("vllm", "hf", "openai", "local-chat-completions", "local-completions") or pretrained:
        engine = {"hf": "transformers", "vllm": "vllm"}.get(model, "openai")
        raise UsageError(
            f"--model is '{model}': in cotbench --model names the model, and --engine what runs it.",
            f"As in: --engine {engine} --model {pretrained or 'NAME'} (and leave 'pretrained' out of --model-args).",
        )


def _run(plan: RunPlan, output_dir: Path, folder: Path | None, *, fresh: bool, quiet: bool, as_json: bool) -> None:
    from cotbench.run.session import execute
    from cotbench.terminal.progress import shown

    options = plan.options
    if not quiet:
        modes = ", ".join(dict.fromkeys(mode for _, mode in plan.kits))
        over = ", ".join(plan.data)
        stderr(f"{options.model} ({options.engine_name}): {plan.total:,} answers over {over} under {modes}.")
    with shown(quiet) as watch:
        result = execute(
            plan, output_dir, resume=folder, fresh=fresh, command=masked_command(), watch=watch, say=stderr
        )
    try:
        say_result(result, as_json=as_json)
    except OutputError as error:
        raise OutputError(error.message, f"The run is recorded in {result.folder}.") from None
    if lost := failed_requests(result):
        raise lost


def failed_requests(result: RunResult) -> RequestsFailed | None:
    """The error of a run of which requests failed; None where all have their answers."""
    tally = result.tally
    failed = tally.outcomes["engine_error"]
    if not failed:
        return None
    [(reason, times)] = tally.errors.most_common(1)
    return RequestsFailed(
        f"{failed:,} of {tally.done:,} answers are missing because their requests failed; they count nowhere. "
        f"Most often ({times:,}): {reason}",
        f"Ask for them again: cotbench run --resume {result.folder}",
    )


def say_result(result: RunResult, *, as_json: bool) -> None:
    """Print what became of a run."""
    tally = result.tally
    if as_json:
        counts = {n: getattr(tally, n) for n in ("requests", "reused", "prompt_tokens", "completion_tokens")}
        folder = {"run": result.folder.name, "folder": str(result.folder)}
        stdout_json({**folder, "answers": tally.done, "outcomes": dict(tally.outcomes), **counts})
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in tally.outcomes.most_common())
        new = f"{tally.requests:,} requests, {tally.new_tokens:,} completion tokens"
        new = "nothing new was asked" if result.already_finished else new
        stdout(f"{tally.done:,} answers: {outcomes} ({new}).")
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
