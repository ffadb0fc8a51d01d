"""The typer commands: parse, call one function, print, exit code. Everything heavy is imported inside a command."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from cotbench import __version__
from cotbench.errors import CotbenchError, DataError, RequestsFailed, UsageError

if TYPE_CHECKING:
    from cotbench.plan import Plan

EXIT_CODES = """Exit codes: 0 ok, 1 a bug in cotbench, 2 usage, 3 data or model not available, 4 finished but some requests failed,
5 reserved for a report's gate, 130 interrupted with a resumable run on disk."""

app = typer.Typer(
    name="cotbench",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=f"Does chain of thought help this model on these questions, by how much, how sure are we, and at what cost?\n\n{EXIT_CODES}",
)

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Errors a user can cause or cure end in one message on stderr and their exit code, without a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CotbenchError as error:
            _stderr(f"Error: {error.message}" if error.exit_code != 130 else error.message)
            if error.hint:
                _stderr(error.hint)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            _stderr("Interrupted.")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `cotbench report | head`: what was wanted has been read
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return run


def _stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _stdout(text: str) -> None:
    print(text, flush=True)  # noqa: T201


# --- options that several commands share --------------------------------------------------------------------------

TaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        "--tasks",
        "-t",
        help="Tasks, by name (`cotbench list tasks`), task file or your own .jsonl; with commas or repeated.",
        show_default=False,
    ),
]
ModeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mode",
        "--modes",
        help="Prompting methods (`cotbench list modes`); with commas or repeated.",
        show_default=False,
    ),
]
FewshotOption = Annotated[
    int, typer.Option("--num-fewshot", "-f", help="Exemplars before the question; 0 is zero-shot.")
]
ExemplarsOption = Annotated[
    str,
    typer.Option(
        "--exemplars",
        help="own (the task file's), split (the data set's, where the task names one), or auto: split, unless a mode shows programs or plans.",
    ),
]
ProgramLimitsOption = Annotated[
    str | None,
    typer.Option(
        "--program-limits",
        help="Of each program that is run, as cpu_s=5,wall_s=30,memory_mb=512 (the defaults).",
        show_default=False,
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-L",
        help="Questions per task: a seeded sample, stratified by group, the same in every mode.",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of --limit and of sampling.")]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="COTBENCH_DATA",
        help="A folder in the Hub's layout, instead of the Hub.",
        show_default=False,
    ),
]
TasksDirOption = Annotated[
    Path | None, typer.Option("--tasks-dir", help="A folder with your own task files (*.yaml).", show_default=False)
]
PromptsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--prompts-dir",
        help="A folder with your own templates (*.jinja); they go before the shipped ones.",
        show_default=False,
    ),
]
OutputDirOption = Annotated[Path, typer.Option("--output-dir", "--output-path", "-o", help="Where runs are written.")]
ChatTemplateOption = Annotated[
    str,
    typer.Option(
        "--chat-template",
        help="auto (the model's own), none (plain text, for base models) or the path of a Jinja file.",
    ),
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Let a model's repository run its own code. Recorded in the manifest."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        _stdout(f"cotbench {__version__}")
        raise typer.Exit


# --- run ----------------------------------------------------------------------------------------------------------


@app.command()
@guarded
def run(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A Hub id, a folder, a server's model name, or 'stub'.", show_default=False),
    ] = None,
    task: TaskOption = None,
    mode: ModeOption = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="vllm (the default), openai, transformers, stub or replay.", show_default=False),
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
            "--gen-kwargs", help="Sampling for every mode, as temperature=0.7,top_p=0.95.", show_default=False
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
            help="Paths that vote, as 20, or self-consistency=40,pal=5. Default: 20 for self-consistency, 1 (greedy) for pal.",
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
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Requests in flight at a server.")] = 64,
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
    from cotbench import options
    from cotbench.plan import RunOptions, estimate, make_plan
    from cotbench.records import find_run, read_manifest

    if thinking not in ("auto", "on", "off"):
        raise UsageError(f"--thinking: expected auto, on or off, found '{thinking}'.")
    given: dict[str, Any] = {
        "model": model,
        "tasks": [_absolute_file(name) for name in options.names(task or [])],
        "modes": options.names(mode or []),
        "engine": engine,
        "model_args": {
            key: _absolute_file(value) if key == "path" else value
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
        "concurrency": concurrency,
        "chat_template": _absolute_file(chat_template),
        "thinking": thinking,
        "trust_remote_code": trust_remote_code,
        "allow_unsandboxed_code": allow_unsandboxed_code,
        "program_limits": options.program_limits(program_limits),
        "data_dir": _absolute(data_dir),
        "tasks_dir": _absolute(tasks_dir),
        "prompts_dir": _absolute(prompts_dir),
    }
    folder = None
    if resume is not None:
        folder = find_run(resume, output_dir)
        # A folder may come from somebody else: it can't switch on their model's code, or take the walls down.
        ours = {"trust_remote_code": trust_remote_code, "allow_unsandboxed_code": allow_unsandboxed_code}
        recorded = {**read_manifest(folder).options, **ours}
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
            _stdout(json.dumps(rows))
            return
        from cotbench.report.tables import show_estimate

        show_estimate(rows)
        return
    _run(plan, output_dir, folder, fresh=fresh, quiet=quiet, as_json=as_json)


def _absolute(path: Path | None) -> str | None:
    """So that a run can be resumed from another folder."""
    return str(path.absolute()) if path else None


def _absolute_file(name: str) -> str:
    """The same for a word that may be a file's path."""
    return str(Path(name).absolute()) if Path(name).exists() and ("." in name or "/" in name) else name


def _was_given(ctx: typer.Context, name: str) -> bool:
    parameter = {"tasks": "task", "modes": "mode"}.get(name, name)
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
    from cotbench.report.progress import shown
    from cotbench.runner import execute

    options = plan.options
    if not quiet:
        modes = ", ".join(dict.fromkeys(mode for _, mode in plan.kits))
        _stderr(
            f"{options.model} ({options.engine_name}): {plan.total:,} answers over {', '.join(plan.data)} under {modes}."
        )
    with shown(quiet) as watch:
        result = execute(plan, output_dir, resume=folder, fresh=fresh, command=_command(), watch=watch, say=_stderr)
    tally = result.tally
    failed = tally.outcomes["engine_error"]
    if as_json:
        _stdout(
            json.dumps(
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
        )
    else:
        outcomes = ", ".join(f"{count:,} {name}" for name, count in tally.outcomes.most_common())
        new = (
            "nothing new was asked"
            if result.already_finished
            else f"{tally.requests:,} requests, {tally.new_tokens:,} completion tokens"
        )
        _stdout(f"{tally.done:,} answers: {outcomes} ({new}).")
        _stdout(f"Report: cotbench report {result.folder}")
        _stdout(str(result.folder))
    if failed:
        [(reason, times)] = tally.errors.most_common(1)
        raise RequestsFailed(
            f"{failed:,} of {tally.done:,} answers are missing because their requests failed; they count nowhere. "
            f"Most often ({times:,}): {reason}",
            f"Ask for them again: cotbench run --resume {result.folder}",
        )


def _command() -> list[str]:
    """The command line for the manifest, without what may hold a key."""
    words = list(sys.argv)
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if _kebab(name) != "--base-url":
            continue
        if equals:
            words[place] = f"{name}={_public(value)}"
        elif place + 1 < len(words):
            words[place + 1] = _public(words[place + 1])
    return words


def _public(url: str) -> str:
    from cotbench.engines.endpoint import public_url

    try:
        return public_url(url)
    except UsageError:
        return "***"


# --- report -------------------------------------------------------------------------------------------------------


@app.command()
@guarded
def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="Runs, by folder or id; the latest one if none is named.", show_default=False
        ),
    ] = None,
    baseline: Annotated[str, typer.Option("--baseline", help="The mode that the others are compared with.")] = "direct",
    output_dir: OutputDirOption = Path("results"),
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Where the report's files go; by default report/ inside the run, or beside them for several runs.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the modes of one or more runs, question by question: tables, summary.csv, summary.md and a plot."""
    from cotbench.compare import compare, load_run
    from cotbench.modes import find_mode
    from cotbench.records import find_run, list_runs, write_atomically
    from cotbench.report.plots import plot_deltas
    from cotbench.report.tables import markdown, show, write_csv, write_votes

    find_mode(baseline, "--baseline")
    if runs:
        folders = [find_run(name, output_dir) for name in dict.fromkeys(runs)]
    else:
        folders = list_runs(output_dir)[:1]
        others = len(list_runs(output_dir)) - 1
        if not folders:
            raise UsageError(
                f"there are no runs in {output_dir}.", "Start one with `cotbench run`, or name --output-dir."
            )
        if others > 0:
            _stderr(
                f"The latest run, {folders[0]}; {others} more in {output_dir} (name runs to pair modes across them)."
            )
    comparison = compare([load_run(folder) for folder in folders], baseline)
    target = to or (folders[0] / "report" if len(folders) == 1 else folders[0].parent / "report")
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_csv(comparison, target / "summary.csv")
        write_votes(comparison, target / "votes.csv")
        write_atomically(target / "summary.md", markdown(comparison).encode())
        if comparison.deltas:
            plot_deltas(comparison, target / "deltas.png")
        else:
            (target / "deltas.png").unlink(missing_ok=True)  # of an earlier report
    except OSError as error:
        raise UsageError(f"{target}: can't be written: {error.strerror}.", "Choose another folder with --to.") from None
    if as_json:
        _stdout(json.dumps(comparison.as_dict()))
        return
    show(comparison)
    _stdout(f"Written to {target}: {', '.join(sorted(p.name for p in target.iterdir() if p.is_file()))}")


# --- exec -------------------------------------------------------------------------------------------------------


@app.command("exec")
@guarded
def exec_(
    file: Annotated[Path, typer.Argument(help="A Python program or a plan; - reads standard input.")],
    runtime: Annotated[
        str, typer.Option("--runtime", help="python (a program) or sympy (a plan: see prompts/plan-language.md).")
    ] = "python",
    program_limits: ProgramLimitsOption = None,
    allow_unsandboxed_code: Annotated[
        bool, typer.Option("--allow-unsandboxed-code", help="Run it without containment, with this user's rights.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one program or plan as a run would: contained, and within the same limits."""
    from dataclasses import asdict

    from cotbench import options
    from cotbench.sandbox import Limits, Sandbox, require_containment
    from cotbench.types import Program

    if runtime not in ("python", "sympy"):
        raise UsageError(f"--runtime: expected python or sympy, found '{runtime}'.")
    limits = Limits(**options.program_limits(program_limits))
    try:
        code = (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror}.", "Name a file, or - for standard input.") from None
    if not allow_unsandboxed_code:
        require_containment()
    with Sandbox[int](workers=1, limits=limits, contained=not allow_unsandboxed_code) as sandbox:
        execution = sandbox.run(Program(runtime="sympy" if runtime == "sympy" else "python", code=code))
    if as_json:
        _stdout(json.dumps({key: value for key, value in asdict(execution).items() if key != "option"}))
        return
    if execution.stdout:
        _stdout(_tame(execution.stdout.rstrip("\n")))
    decimal = f" (about {execution.decimal})" if execution.decimal and execution.decimal != execution.value else ""
    found = f"{execution.value}{decimal}" if execution.value is not None else execution.error
    _stdout(_tame(f"{execution.outcome}: {found}"))
    _stderr(f"{execution.cpu_s:.3f} s of CPU time")


def _tame(text: str) -> str:
    """Without what a terminal would take as a command: a program may have written it."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


# --- score --------------------------------------------------------------------------------------------------------


@app.command()
@guarded
def score(
    source: Annotated[str, typer.Argument(metavar="FILE|RUN", help="A .jsonl file of outputs, or a recorded run.")],
    answer_type: Annotated[
        str | None,
        typer.Option("--answer-type", help="number, latex or letter: of a file's answers.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Where a file's lines go, one per output; else to stdout.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of a run: say what would change, and leave its records.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="Processes that compare formulas; all cores by default.", show_default=False
        ),
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Grade outputs of any source, or a recorded run again after a change of extraction or grading. No model is needed.

    A file's lines hold {"id", "output", "gold"} and, for letters, "choices" (the options, or how many there are).
    """
    from cotbench.records import find_run
    from cotbench.report.scores import show_rescored, show_score
    from cotbench.score import score_file, score_run, write_lines
    from cotbench.types import AnswerType

    processes = workers or max(1, min(8, os.cpu_count() or 1))
    if not Path(source).is_file():
        if answer_type or output:
            option = "--answer-type" if answer_type else "--output"
            if not Path(source).exists():
                raise DataError(f"{source}: there is no such file.", "Name a file of JSON lines, or a run.")
            raise UsageError(
                f"{option}: {source} is no file.", f"{option} is for files of outputs; a run knows its own."
            )
        rescored = score_run(find_run(source, output_dir), processes, write=not dry_run)
        if as_json:
            _stdout(json.dumps(rescored.as_dict()))
        else:
            show_rescored(rescored, written=not dry_run)
        return
    if answer_type not in list(AnswerType):
        found = f"found '{answer_type}'" if answer_type else "found none"
        raise UsageError(f"--answer-type: expected {', '.join(AnswerType)}, {found}.", "It says how answers are read.")
    if dry_run:
        raise UsageError("--dry-run: is for runs; a file of outputs is never changed.")
    if output and (
        output.is_dir() or not output.absolute().parent.is_dir() or output.absolute() == Path(source).absolute()
    ):
        raise UsageError(f"--output: {output} can't be written.", "Name a new file in a folder that exists.")
    scored, summary = score_file(Path(source), AnswerType(answer_type), processes)
    lines = write_lines(scored)
    if output:
        _write(output, lines)
    elif not as_json:
        sys.stdout.buffer.write(lines)
        sys.stdout.flush()
    if as_json:
        _stdout(json.dumps({**summary.as_dict(), "file": str(source), "output": str(output) if output else None}))
    else:
        show_score(summary, to_stderr=output is None)


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole; a pipe or a device stays what it is, and so does a link."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            real = path.resolve()
            temporary = real.with_name(real.name + ".tmp")
            temporary.write_bytes(content)
            temporary.replace(real)
    except OSError as error:
        raise UsageError(f"--output: {path} can't be written: {error.strerror}.", "Name another file.") from None


# --- looking around -----------------------------------------------------------------------------------------------


@app.command("list")
@guarded
def list_(
    what: Annotated[str, typer.Argument(help="tasks, modes, engines or runs.")],
    tasks_dir: TasksDirOption = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """List tasks, modes, engines or runs."""
    rows: list[dict[str, Any]]
    if what == "tasks":
        from cotbench.tasks import find_task, list_task_files

        tasks = [find_task(name, tasks_dir).task for name in list_task_files(tasks_dir)]
        rows = [
            {
                "task": t.name,
                "questions": t.source.rows,
                "answer": t.answer.type.value,
                "source": t.source.dataset or t.source.file,
                "licence": t.source.licence,
                "about": t.about,
            }
            for t in tasks
        ]
    elif what == "modes":
        from cotbench.modes import MODES

        rows = [
            {
                "mode": m.name,
                "templates": ", ".join(f"{name}.jinja" for name in m.templates),
                "max_tokens": m.max_tokens,
                "about": m.about,
            }
            for m in MODES.values()
        ]
    elif what == "engines":
        from cotbench.engines import ENGINES

        rows = [
            {"engine": e.name, "installed": "no" if e.missing() else "yes", "about": e.about} for e in ENGINES.values()
        ]
    elif what == "runs":
        from cotbench.records import list_runs, read_manifest, state_of

        manifests = [(folder, read_manifest(folder)) for folder in list_runs(output_dir)]
        rows = [
            {
                "run": m.run,
                "status": state_of(folder, m),
                "model": m.options["model"],
                "tasks": ",".join(m.options["tasks"]),
                "modes": ",".join(m.options["modes"]),
                "answers": m.totals.get("records"),
            }
            for folder, m in manifests
        ]
    else:
        raise UsageError(f"list: there is no list of '{what}'.", "Use tasks, modes, engines or runs.")
    if as_json:
        _stdout(json.dumps(rows))
        return
    from cotbench.report.tables import show_rows

    show_rows(rows, f"no {what}")


@app.command("show-prompt")
@guarded
def show_prompt(
    task: TaskOption = None,
    mode: ModeOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Render with this model's chat template (needs its tokenizer and the transformers package).",
            show_default=False,
        ),
    ] = None,
    question: Annotated[int, typer.Option("--question", min=1, help="Which question, counted from 1.")] = 1,
    num_fewshot: FewshotOption = 0,
    exemplars: ExemplarsOption = "auto",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    chat_template: ChatTemplateOption = "auto",
    trust_remote_code: TrustOption = False,
    data_dir: DataDirOption = None,
    tasks_dir: TasksDirOption = None,
    prompts_dir: PromptsDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what would be sent for a question: the messages, or with --model the text and its tokens."""
    from cotbench import options
    from cotbench.engines.chat import plain_text
    from cotbench.plan import RunOptions, make_plan

    tasks, modes = options.names(task or []), options.names(mode or [])
    if not tasks or not modes:
        raise UsageError(
            f"{'--task' if not tasks else '--mode'} is missing.", "As in: cotbench show-prompt --task mmlu --mode cot"
        )
    plan = make_plan(
        RunOptions(
            model=model or "stub",
            tasks=tasks,
            modes=modes,
            num_fewshot=num_fewshot,
            exemplars=exemplars,
            limit=limit,
            seed=seed,
            data_dir=_absolute(data_dir),
            tasks_dir=_absolute(tasks_dir),
            prompts_dir=_absolute(prompts_dir),
        )
    )
    chat = None
    if model is not None:
        from cotbench.engines.local import chat_format

        chat = chat_format(model, chat_template, trust_remote_code=trust_remote_code)
    shown: list[dict[str, Any]] = []
    for (name, mode_name), kit in plan.kits.items():
        questions = plan.questions[name]
        if question > len(questions):
            raise UsageError(f"--question {question}: {name} has {len(questions)} questions here.")
        chosen = questions[question - 1]
        request = kit.first_request(chosen)
        row: dict[str, Any] = {
            "task": name,
            "mode": mode_name,
            "question": chosen.id,
            "request": request.hash,
            "sampling": request.sampling.as_dict(),
            "messages": [{"role": m.role, "text": m.text} for m in request.messages],
        }
        if chat is not None:
            text = chat.text(request)
            ids = chat.token_ids(text)
            row |= {"prompt": text, "token_ids": ids, "chat_template": chat.kind, "system_role": chat.system_role}
        elif chat_template == "none":
            row["prompt"] = plain_text(request.messages)
        shown.append(row)
    if as_json:
        _stdout(json.dumps(shown, ensure_ascii=False))
        return
    for row in shown:
        sampling = row["sampling"]
        head = f"{row['task']} / {row['mode']}: {row['question']}, at most {sampling['max_tokens']} tokens, temperature {sampling['temperature']:g}"
        _stdout(f"--- {head} ---")
        if "prompt" in row:
            _stdout(row["prompt"])
            if "token_ids" in row:
                first = " ".join(map(str, row["token_ids"][:8]))
                _stdout(
                    f"--- {len(row['token_ids'])} tokens, beginning {first}; chat template: {row['chat_template']}, system role: {row['system_role']} ---"
                )
        else:
            for message in row["messages"]:
                _stdout(f"[{message['role']}]\n{message['text']}\n")


@app.command()
@guarded
def doctor(
    data_dir: DataDirOption = None, output_dir: OutputDirOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Say what works on this machine."""
    from dataclasses import asdict

    from cotbench.doctor import examine

    checks = examine(data_dir, output_dir)
    if as_json:
        _stdout(json.dumps([asdict(check) for check in checks]))
        return
    from cotbench.report.tables import show_checks

    show_checks(checks)


def main(arguments: list[str] | None = None) -> None:
    """The console script. snake_case spellings of options work too: people paste lm-eval's lines."""
    words = sys.argv[1:] if arguments is None else arguments
    app(args=[_kebab(word) for word in words], prog_name="cotbench")


def _kebab(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value
