"""`cotbench reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cotbench.cli.flags import Flags, JsonOption, OutputDirOption, Values, with_flags
from cotbench.cli.running import masked_command, say_result, was_typed
from cotbench.cli.shared import app, guarded, stderr, stdout_json
from cotbench.errors import RunError
from cotbench.runs.asked import failed_requests
from cotbench.runs.options import anchored


@app.command()
@guarded
@with_flags
def reproduce(
    ctx: typer.Context,
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="A run's folder or id, its manifest.json, or a report.json.")
    ],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Say what is the same, different or missing, and stop.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Run although something that the results depend on is different.")
    ] = False,
    run: Annotated[str | None, typer.Option("--run", help="Which run, where a report is about several.")] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="RUN", help="Run nothing: compare the results of this run, which is there."),
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    there: Annotated[
        Values,
        Flags(
            "model",
            "model_args",
            "base_url",
            "headers",
            "concurrency",
            "tokenizer",
            "families",
            "judge_model",
            "judge_base_url",
            "judge_args",
        ),
    ],
    code: Annotated[Values, Flags("trust_remote_code", "allow_unsandboxed_code")],
    folders: Annotated[Values, Flags("data_dir", "tasks_dir", "prompts_dir")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a run again as it was, your own or somebody else's, and say how the results compare.

    Looks first whether all that it rested on is here; nothing is asked where something is missing or different.
    """
    from cotbench.runs.reproduce import agreement, checks_of, document, options_for, read_recipe
    from cotbench.store.lookup import find_run
    from cotbench.terminal.reproduced import show_agreement, show_checks

    recipe = read_recipe(manifest, output_dir, run)
    name = recipe.manifest.run
    if compare is not None:
        folder = find_run(compare, output_dir)
        results = agreement(recipe, folder)
        if as_json:
            stdout_json(document(recipe, [], folder, results))
        else:
            show_agreement(name, results)
        return
    given = anchored({**there, **code, **folders})
    options, checks = options_for(recipe, {key: value for key, value in given.items() if was_typed(ctx, key)})
    checks = [*checks, *checks_of(recipe, options, checks)]
    stopping = [one for one in checks if one.stops]
    missing = sum(one.state == "missing" for one in stopping)
    runs = not check and not missing and (not stopping or anyway)
    if not as_json:
        show_checks(name, checks)
    elif not runs:
        stdout_json(document(recipe, checks))
    if not runs:
        if stopping:
            counts = {"missing": missing, "different": len(stopping) - missing}
            said = " and ".join(f"{count} {state}" for state, count in counts.items() if count)
            remedy = "Run it all the same with --anyway." if not missing else "What is missing has its remedy above."
            raise RunError(f"{name} can't be run again as it was: {said}.", remedy)
        return
    folder, error = _run(recipe, options, output_dir, anyway=anyway, quiet=quiet, as_json=as_json)
    results = agreement(recipe, folder)
    if as_json:
        stdout_json(document(recipe, checks, folder, results))
    else:
        show_agreement(name, results)
    if error is not None:
        raise error


def _run(
    recipe: Any, options: Any, output_dir: Path, *, anyway: bool, quiet: bool, as_json: bool
) -> tuple[Path, Exception | None]:
    """Run it; return the new run's folder, and the error of requests that failed."""
    from cotbench.errors import Interrupted
    from cotbench.runs.reproduce import agreeing, plan_for
    from cotbench.runs.session import execute
    from cotbench.terminal.progress import shown

    plan = plan_for(recipe, options)
    agree = agreeing(recipe, anyway=anyway, say=stderr)
    with shown(quiet) as watch:
        try:
            result = execute(
                plan,
                output_dir,
                fresh=True,
                like=recipe.manifest,
                agree=agree,
                command=masked_command(),
                watch=watch,
                say=stderr,
            )
        except Interrupted as error:
            then = f"and then compare: cotbench reproduce {recipe.path} --compare RUN"
            raise Interrupted(error.message, f"{error.hint}\n{then}") from None
    if not as_json:
        say_result(result, as_json=False)
    return result.folder, failed_requests(result)
