"""`cotbench run`."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from cotbench.cli.shared import (
    ChatTemplateOption,
    DataDirOption,
    ExemplarsOption,
    FewshotOption,
    JsonOption,
    LimitOption,
    ModeOption,
    OutputDirOption,
    ProgramLimitsOption,
    PromptsDirOption,
    SeedOption,
    TaskOption,
    TasksDirOption,
    TrustOption,
    absolute,
    absolute_file,
    app,
    guarded,
    kebab,
    stderr,
    stdout,
    stdout_json,
)
from cotbench.errors import OutputError, RequestsFailed, RunError, UsageError

if TYPE_CHECKING:
    from cotbench.run.prepare import Plan
    from cotbench.run.session import RunResult


@app.command()
@guarded
def run(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="A Hub id, a folder, a server's model name, 'demo' or 'stub'.", show_default=False
        ),
    ] = None,
    task: TaskOption = None,
    mode: ModeOption = None,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            help="vllm (the default), openai, transformers, ctranslate2, stub or replay.",
            show_default=False,
        ),
    ] = None,
    model_args: Annotated[
        str,
        typer.Option(
            "--model-args",
            "-a",
            help="Arguments of the engine, as k=v,k2=v2 (tensor_parallel_size, max_model_len, dtype ...).",
            show_default=False,
        ),
    ] = "",
    gen_kwargs: Annotated[
        str,
        typer.Option(
            "--gen-kwargs",
            help="Sampling for every mode, as temperature=0.7,top_p=0.9; also top_k, min_p, penalties, reasoning_effort ... where the engine has them.",
            show_default=False,
        ),
    ] = "",
    max_tokens: Annotated[
        str | None,
        typer.Option(
            "--max-tokens",
            help="Budget per answer, as cot=2048,direct=32, or one number for all modes.",
            show_default=False,
        ),
    ] = None,
    paths: Annotated[
        str | None,
        typer.Option(
            "--paths",
            help="Paths that vote, as 20, or self-consistency=40,pal=5. Default: 20 for self-consistency and direct-votes, 1 (greedy) for pal.",
            show_default=False,
        ),
    ] = None,
    num_fewshot: FewshotOption = 0,
    exemplars: ExemplarsOption = "auto",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    output_dir: OutputDirOption = Path("results"),
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            help="Go on with this run (its folder or id); refuses if anything it rests on has changed.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew even if the same command has a run already.")
    ] = False,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Address of an OpenAI-compatible server, with /v1.", show_default=False),
    ] = None,
    extra_body: Annotated[
        str | None,
        typer.Option(
            "--extra-body",
            metavar="JSON|@FILE",
            help="Fields to be added to each request to a server. Recorded, and part of the run's identity.",
            show_default=False,
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="NAME=VALUE",
            help="A header for each request to a server; 'NAME=$VARIABLE' reads the environment. Values are not recorded.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, metavar="<int>", help="Requests in flight at a server.")
    ] = 64,
    chat_template: ChatTemplateOption = "auto",
    thinking: Annotated[
        str,
        typer.Option(
            "--thinking",
            help="auto, on or off: what hybrid models' chat templates are told. auto is off for direct only.",
        ),
    ] = "auto",
    trust_remote_code: TrustOption = False,
    allow_unsandboxed_code: Annotated[
        bool,
        typer.Option(
            "--allow-unsandboxed-code",
            help="Run model-written code without containment, with this user's rights. Recorded in the manifest.",
        ),
    ] = False,
    program_limits: ProgramLimitsOption = None,
    data_dir: DataDirOption = None,
    tasks_dir: TasksDirOption = None,
    prompts_dir: PromptsDirOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many requests and about how many tokens, and stop.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a model over tasks under prompting methods. Ends by naming the run's folder.

    The same command again resumes an unfinished run and generates nothing twice.
    """
    from cotbench.cli import options
    from cotbench.run.prepare import RunOptions, estimate, make_plan
    from cotbench.store.lookup import find_run
    from cotbench.store.manifest import read_manifest

    if thinking not in ("auto", "on", "off"):
        raise UsageError(f"--thinking: expected auto, on or off, found '{thinking}'.")
    given: dict[str, Any] = {
        "model": model,
        "tasks": [absolute_file(name) for name in options.names(task or [])],
        "modes": options.names(mode or []),
        "engine": engine,
        "model_args": {
            key: absolute_file(value) if key == "path" else value
            for key, value in options.key_values("--model-args", model_args).items()
        },
        "gen_kwargs": options.gen_kwargs(gen_kwargs),
        "max_tokens": options.max_tokens(max_tokens),
        "paths": options.paths(paths),
        "num_fewshot": num_fewshot,
        "exemplars": exemplars,
        "limit": limit,
        "seed": seed,
        "base_url": base_url,
        "extra_body": options.extra_body(extra_body),
        "headers": options.headers(header or ()),
        "concurrency": concurrency,
        "chat_template": absolute_file(chat_template),
        "thinking": thinking,
        "trust_remote_code": trust_remote_code,
        "allow_unsandboxed_code": allow_unsandboxed_code,
        "program_limits": options.program_limits(program_limits),
        "data_dir": absolute(data_dir),
        "tasks_dir": absolute(tasks_dir),
        "prompts_dir": absolute(prompts_dir),
    }
    folder = None
    if resume is not None:
        folder = find_run(resume, output_dir)
        # A folder may come from somebody else: it can't switch on their model's code, or take the walls down.
        ours = {"trust_remote_code": trust_remote_code, "allow_unsandboxed_code": allow_unsandboxed_code}
        recorded = {**_recorded(folder, read_manifest(folder).options), **ours}
        given = {**recorded, **{k: v for k, v in given.items() if _was_given(ctx, k)}}
    elif not model:
        raise UsageError(
            "--model is missing.", "As in: cotbench run --model X --task mmlu --mode cot (or --resume RUN)."
        )
    elif not given["tasks"] or not given["modes"]:
        what = "--task" if not given["tasks"] else "--mode"
        raise UsageError(f"{what} is missing.", "As in: cotbench run --model X --task mmlu --mode direct,cot")
    _not_an_engine(str(given["model"]), given)
    chosen = RunOptions(**given)
    plan = make_plan(chosen, engine_needed=not dry_run)
    if dry_run:
        rows = estimate(plan)
        if as_json:
            stdout_json(rows)
            return
        from cotbench.terminal.tables import show_estimate

        show_estimate(rows)
        return
    _run(plan, output_dir, folder, fresh=fresh, quiet=quiet, as_json=as_json)


def _recorded(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The options in a run's manifest. Raises RunError where they aren't what a run records."""
    from pydantic import TypeAdapter, ValidationError

    from cotbench.run.prepare import RunOptions
    from cotbench.run.provenance import with_home
    from cotbench.store.manifest import MANIFEST

    place, remedy = folder / MANIFEST, "Restore the file, or give the options again, without --resume."
    if unknown := options.keys() - {one.name for one in fields(RunOptions)}:
        raise RunError(f"{place}: options.{min(unknown):.40} is nothing that this version knows.", remedy)
    for name, kind in get_type_hints(RunOptions).items():
        try:
            if name in options:
                TypeAdapter(kind).validate_python(options[name], strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, ("options", name, *first["loc"])))
            raise RunError(f"{place}: {where} is {first['input']!r:.60}: {first['msg'].lower()}.", remedy) from None
    if options.get("thinking", "auto") not in ("auto", "on", "off"):
        raise RunError(f"{place}: options.thinking is {options['thinking']!r:.60}, expected auto, on or off.", remedy)
    if missing := {"model", "tasks", "modes"} - options.keys():
        raise RunError(f"{place}: options.{min(missing)} is missing.", remedy)
    return dict(with_home(options))


def _was_given(ctx: typer.Context, name: str) -> bool:
    parameter = {"tasks": "task", "modes": "mode", "headers": "header"}.get(name, name)
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _not_an_engine(model: str, given: dict[str, Any]) -> None:
    """People paste lm-eval's lines, where --model names the engine and the model is in --model_args."""
    pretrained = given["model_args"].get("pretrained") or given["model_args"].get("model")
    if model in ("vllm", "hf", "openai", "local-chat-completions", "local-completions") or pretrained:
        engine = {"hf": "transformers", "vllm": "vllm"}.get(model, "openai")
        raise UsageError(
            f"--model is '{model}': in cotbench --model names the model, and --engine what runs it.",
            f"As in: --engine {engine} --model {pretrained or 'NAME'} (and leave 'pretrained' out of --model-args).",
        )


def _run(plan: Plan, output_dir: Path, folder: Path | None, *, fresh: bool, quiet: bool, as_json: bool) -> None:
    from cotbench.run.session import execute
    from cotbench.terminal.progress import shown

    options = plan.options
    if not quiet:
        modes = ", ".join(dict.fromkeys(mode for _, mode in plan.kits))
        stderr(
            f"{options.model} ({options.engine_name}): {plan.total:,} answers over {', '.join(plan.data)} under {modes}."
        )
    with shown(quiet) as watch:
        result = execute(plan, output_dir, resume=folder, fresh=fresh, command=_command(), watch=watch, say=stderr)
    tally = result.tally
    failed = tally.outcomes["engine_error"]
    try:
        _say_result(result, as_json=as_json)
    except OutputError as error:
        raise OutputError(error.message, f"The run is recorded in {result.folder}.") from None
    if failed:
        [(reason, times)] = tally.errors.most_common(1)
        raise RequestsFailed(
            f"{failed:,} of {tally.done:,} answers are missing because their requests failed; they count nowhere. "
            f"Most often ({times:,}): {reason}",
            f"Ask for them again: cotbench run --resume {result.folder}",
        )


def _say_result(result: RunResult, *, as_json: bool) -> None:
    tally = result.tally
    if as_json:
        stdout_json(
            {
                "run": result.folder.name,
                "folder": str(result.folder),
                "answers": tally.done,
                "outcomes": dict(tally.outcomes),
                "requests": tally.requests,
                "reused": tally.reused,
                "prompt_tokens": tally.prompt_tokens,
                "completion_tokens": tally.completion_tokens,
            }
        )
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in tally.outcomes.most_common())
        new = (
            "nothing new was asked"
            if result.already_finished
            else f"{tally.requests:,} requests, {tally.new_tokens:,} completion tokens"
        )
        stdout(f"{tally.done:,} answers: {outcomes} ({new}).")
        stdout(f"Report: cotbench report {result.folder}")
        stdout(str(result.folder))


def _command() -> list[str]:
    """The command line for the manifest, without what may hold a key."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    hiding = {"--base-url": _public, "--header": _named}
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        hide = hiding.get(kebab(name))
        if hide is None:
            continue
        if equals:
            words[place] = f"{name}={hide(value)}"
        elif place + 1 < len(words):
            words[place + 1] = hide(words[place + 1])
    return words


def _named(header: str) -> str:
    """A header without its value, which may be a key; the variable that holds it is none."""
    from cotbench.engines.endpoint import recorded_header

    name, equals, value = header.partition("=")
    return f"{name}={recorded_header(value)}" if equals else "***"


def _public(url: str) -> str:
    from cotbench.engines.endpoint import public_url

    try:
        return public_url(url)
    except UsageError:
        return "***"
