"""`cotbench exec` and `cotbench score`: programs, plans and outputs that exist already."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import Flags, JsonOption, OutputDirOption, Values, with_flags
from cotbench.cli.shared import app, guarded, stderr, stdout, stdout_json
from cotbench.errors import DataError, RequestsFailed, UsageError
from cotbench.runs.parsing import one_of
from cotbench.terminal.printing import say_json
from cotbench.types import AnswerType

_ASKS = re.compile(r"^\s*(?:answer|ask|conclusion|premise)\s*:", re.IGNORECASE | re.MULTILINE)  # lines of plans
MOST_NAMED = 5  # of the lines that can't be used


@app.command("exec")
@guarded
@with_flags
def exec_(
    *,
    file: Annotated[Path, typer.Argument(help="A Python program or a plan; - reads standard input.")],
    runtime: Annotated[
        str, typer.Option(help="python (a program) or sympy (a plan: see prompts/plan-language.md).")
    ] = "python",
    settings: Annotated[Values, Flags("program_limits")],
    allow_unsandboxed_code: Annotated[
        bool, typer.Option("--allow-unsandboxed-code", help="Run it without containment, with this user's rights.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one program or plan as a run would: contained, and within the same limits."""
    from dataclasses import asdict

    from cotbench.programs import Limits, Sandbox, require_containment
    from cotbench.programs.source import MOST_SOURCE_CHARS
    from cotbench.types import Program

    one_of("--runtime", runtime, ("python", "sympy"))
    limits = Limits(**settings["program_limits"])
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as stream:
            # What has no end, such as /dev/zero, is longer than a program may be, as the executor then says.
            content = stream.read(4 * MOST_SOURCE_CHARS + 1)
        code = content.decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror}.", "Name a file, or - for standard input.") from None
    if not allow_unsandboxed_code:
        require_containment()
    with Sandbox[int](workers=1, limits=limits, contained=not allow_unsandboxed_code) as sandbox:
        execution = sandbox.run(Program(runtime="sympy" if runtime == "sympy" else "python", code=code))
    if as_json:
        stdout_json({key: value for key, value in asdict(execution).items() if key != "option"})
        return
    if execution.stdout:
        stdout(execution.stdout.rstrip("\n"))
    decimal = f" (about {execution.decimal})" if execution.decimal and execution.decimal != execution.value else ""
    found = f"{execution.value}{decimal}" if execution.value is not None else execution.error
    stdout(f"{execution.outcome}: {found}")
    stderr(f"{execution.cpu_s:.3f} s of CPU time")
    if runtime == "python" and execution.value is None and _ASKS.search(code):
        stderr("This was run as a Python program, and looks like a plan: --runtime sympy solves plans.")


@app.command(
    help="Grade outputs of any source, or a recorded run again after a change of extraction or grading. "
    "No model is needed.\n\n"
    'A file\'s lines hold {"id", "output", "gold"} and, for letters, "choices" (the options, or how many there are). '
    "A line that can't be used is named,\n"
    'and its outcome is "invalid"; the others are scored all the same, and the exit code is 4.'
)
@guarded
def score(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN",
            help="A .jsonl file of outputs, or a recorded run.",
            autocompletion=completion.run_ids_and_files,
        ),
    ],
    answer_type: Annotated[
        str | None,
        typer.Option(
            help="Of a file's answers: number, latex, letter, text, boolean, choice, expression, list, letters, "
            "number-or-none, decimal (a number that may be rounded).",
            autocompletion=completion.of_words(*AnswerType),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Where a file's lines go, one per output; else to stdout.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of a run: say what would change, and leave its records.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="<int>", help="Processes that compare formulas; all cores by default.")
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Grade a file of outputs, or a run."""
    from cotbench.answers.kinds import KINDS
    from cotbench.runs.rescore import score_run
    from cotbench.runs.score_file import score_file, write_lines
    from cotbench.store.files import FOLDER, is_file, is_there, kind_of
    from cotbench.store.lookup import find_run
    from cotbench.terminal.scores import show_rescored, show_score

    kind = kind_of(Path(source))
    if kind and kind != FOLDER:
        raise DataError(f"{source}: is {kind}, expected a file of JSON lines or a run's folder.", "Name one.")
    processes = workers or max(1, min(8, os.cpu_count() or 1))
    if not is_file(source):
        if answer_type or output:
            option = "--answer-type" if answer_type else "--output"
            if not is_there(source):
                raise DataError(f"{source}: there is no such file.", "Name a file of JSON lines, or a run.")
            remedy = f"{option} is for files of outputs; a run knows its own."
            raise UsageError(f"{source}: is no file but a folder.", remedy)
        rescored = score_run(find_run(source, output_dir), processes, write=not dry_run)
        if as_json:
            stdout_json(rescored.as_dict())
        else:
            show_rescored(rescored, written=not dry_run)
        return
    if answer_type not in KINDS:
        found = f"found '{answer_type}'" if answer_type else "found none"
        raise UsageError(f"--answer-type: expected {', '.join(KINDS)}, {found}.", "It says how answers are read.")
    if dry_run:
        raise UsageError("--dry-run: is for runs; a file of outputs is never changed.")
    target = output and output.absolute()
    if target and (target.is_dir() or not target.parent.is_dir() or target == Path(source).absolute()):
        raise UsageError(f"--output: {output} can't be written.", "Name a new file in a folder that exists.")
    scored, summary = score_file(Path(source), answer_type, processes)
    lines = write_lines(scored)
    if output:
        _write(output, lines)
    elif not as_json:
        say_json(lines.decode())
    if as_json:
        stdout_json({**summary.as_dict(), "file": str(source), "output": str(output) if output else None})
    else:
        show_score(summary, to_stderr=output is None)
    if summary.faults:
        some = "\n".join(summary.faults[:MOST_NAMED])
        raise RequestsFailed(
            f"{len(summary.faults):,} of {summary.outputs:,} lines can't be used; they count nowhere:\n{some}",
            "Correct them, or another --answer-type may be meant; all others are scored.",
        )


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole; a pipe or a device stays what it is, and so does a link."""
    from cotbench.store.files import replace_file

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            replace_file(path.resolve(), [content])
    except OSError as error:
        raise UsageError(f"--output: {path} can't be written: {error.strerror}.", "Name another file.") from None
