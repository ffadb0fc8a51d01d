"""`cotbench import`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import DataDirOption, Flags, JsonOption, OutputDirOption, TasksDirOption, Values, with_flags
from cotbench.cli.running import masked_command
from cotbench.cli.shared import app, guarded, stdout_json
from cotbench.errors import UsageError
from cotbench.types import AnswerType


@app.command(
    "import",
    help="Make a run of logs that another tool wrote: their outputs are read and graded here, question by question, "
    "and stand beside the tool's own verdicts. No model is needed. Then: report, show, score.\n\n"
    "Logs are files or folders of lm-evaluation-harness, and of the other formats that --format names; any JSONL file "
    "with --field. Questions are paired by what they say, never by their place.",
)
@guarded
@with_flags
def import_(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Logs: one for each arm.")],
    *,
    arms: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ARMS",
            help="The arm of each log, in order: direct,cot. NAME=MODE gives one a name of its own. Logs of one "
            "folder have the arms that they say themselves. Without --as the logs' names and settings say it, where "
            "they do.",
            autocompletion=completion.OF_FIELDS["modes"],
        ),
    ] = None,
    task: Annotated[
        str,
        typer.Option(
            "--task",
            "--tasks",
            help="The task that the logs are of: its file reads their rows, so that questions are those of our own "
            "runs. Without it the data set that the logs name says it, where it is one of ours.",
            autocompletion=completion.OF_FIELDS["tasks"],
        ),
    ] = "",
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            "--answer-type",
            help=f"How answers are read, where no task says it: {', '.join(AnswerType)}. Without it the right answers "
            "say it.",
            autocompletion=completion.of_words(*AnswerType),
        ),
    ] = "",
    format_: Annotated[
        str, typer.Option("--format", help="The format of the logs, where it isn't told by itself.")
    ] = "",
    fields: Annotated[
        str,
        typer.Option(
            "--field",
            metavar="PART=KEY,...",
            help="Of JSONL files: where parts stand, as in question=prompt,gold=target,output=completion. Others: id, "
            "choices, reasoning, answer and verdict (the tool's), prompt, group, model, finish_reason, prompt_tokens, "
            "completion_tokens, reasoning_tokens. A key may be a path: messages.0.content.",
        ),
    ] = "",
    questions: Annotated[
        str,
        typer.Option(
            "--questions", metavar="FILE", help="Of JSONL files: the file with questions and golds, joined by id."
        ),
    ] = "",
    answer_pattern: Annotated[
        str,
        typer.Option(
            "--answer-pattern",
            metavar="REGEX",
            help="Of JSONL files: what counts of the tool's answer, where that is a sentence: the first match, as in "
            "'-?[0-9.,]+' for the first number.",
        ),
    ] = "",
    log_task: Annotated[
        str, typer.Option("--log-task", help="Only this task of the tool's, where a folder holds logs of several.")
    ] = "",
    reading: Annotated[
        str,
        typer.Option(
            "--filter",
            "--reading",
            help="Which of the tool's readings (filters, scorers) is set beside ours; by default the strictest.",
        ),
    ] = "",
    model: Annotated[str, typer.Option("--model", "-m", help="The model's name, where logs don't say it.")] = "",
    prelude: Annotated[
        Path | None,
        typer.Option(
            "--program-prelude",
            metavar="FILE",
            help="Python that is run before each program of pal: a study's own functions. Contained as they are.",
        ),
    ] = None,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Pass over lines that can't be read, and name them.")
    ] = False,
    repeated: Annotated[
        bool,
        typer.Option(
            "--repeated-questions",
            help="The data set holds some questions several times: what a log has twice is several questions.",
        ),
    ] = False,
    limits: Annotated[Values, Flags("program_limits")],
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="<int>", help="Processes that compare formulas; all cores by default.")
    ] = None,
    output_dir: OutputDirOption = Path("results"),
    tasks_dir: TasksDirOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make runs of logs that other tools wrote."""
    from cotbench.runs.importing import ImportOptions, import_logs
    from cotbench.terminal.imported import show_imported

    options = ImportOptions(
        paths=logs,
        arms=[name.strip() for name in arms.split(",")] if arms else (),
        task=task,
        kind=kind,
        format=format_,
        fields=_fields(fields),
        questions=questions,
        answer_pattern=answer_pattern,
        log_task=log_task,
        reading=reading,
        model=model,
        prelude=prelude,
        skip_broken=skip_broken,
        repeated=repeated,
        limits=limits["program_limits"],
        tasks_dir=tasks_dir,
        data_dir=data_dir,
    )
    results = import_logs(
        options, output_dir, workers=workers or max(1, min(8, os.cpu_count() or 1)), command=masked_command()
    )
    if as_json:
        stdout_json([result.as_dict() for result in results])
    else:
        show_imported(results, chosen=bool(reading))


def _fields(text: str) -> dict[str, str]:
    """The parts that --field names. Raises UsageError."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, key = (one.strip() for one in part.partition("="))
        if not equals or not name or not key:
            raise UsageError(
                f"--field: expected PART=KEY, found '{part}'.", "As in --field question=prompt,gold=target."
            )
        if name in found:
            raise UsageError(f"--field: '{name}' is named twice.", "Name each part once.")
        found[name] = key
    return found
