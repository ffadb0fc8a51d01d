"""`cotbench export`: a run as another tool's log, as tables, or as data to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cotbench.cli import completion
from cotbench.cli.flags import DataDirOption, JsonOption, OutputDirOption, TasksDirOption, option
from cotbench.cli.shared import app, guarded, run_folders, stderr, stdout, stdout_json
from cotbench.errors import UsageError, suggest
from cotbench.runs.parsing import names, one_of

if TYPE_CHECKING:
    from cotbench.exports.files import Written
    from cotbench.exports.formats import Format

TO = ("inspect", "lm-eval", "every-eval-ever", "parquet", "csv", "sft", "preferences")
PromptsDirOption = Annotated[Path | None, option("prompts_dir")]


@app.command(
    help="Write a run as another tool's log, as tables, or as data to train on.\n\n"
    "inspect, lm-eval and every-eval-ever are logs; parquet and csv the frames of cotbench.load; sft and preferences "
    "what a model\nwas right about, as chats. docs/export.md says what each holds, and what it can't."
)
@guarded
def export(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run, by folder or id; the latest one if none is named.",
            autocompletion=completion.run_ids,
        ),
    ] = None,
    to: Annotated[
        str,
        typer.Option("--to", metavar="FORMAT", help=f"{', '.join(TO)}.", autocompletion=completion.of_words(*TO)),
    ] = "",
    output: Annotated[
        Path | None, typer.Option(help="The folder that is written; by default export/FORMAT in the run's folder.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option("--task", "-t", help="Only these tasks; with commas.")] = None,
    mode: Annotated[list[str] | None, typer.Option("--mode", "-m", help="Only these arms; with commas.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Of sft: shortest (the default) or all right outputs of a question."),
    ] = None,
    pairs: Annotated[
        str | None, typer.Option(help="Of preferences: right-wrong, short-long, or both (the default).")
    ] = None,
    per_question: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="<int>",
            help="Of sft and preferences: at most so many of a question; 1, and all of --keep all.",
        ),
    ] = None,
    thoughts: Annotated[
        str | None,
        typer.Option(
            help="Of sft and preferences: a thought stands marked by <think> in the reply (the default), apart from it "
            "as reasoning_content, or is dropped."
        ),
    ] = None,
    luck: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="<float>",
            help="Of sft and preferences: a question counts where more of its outputs are right than by guessing, and "
            "guesses would have as many right with at most this probability; 0.05.",
        ),
    ] = None,
    allow_test: Annotated[
        bool, typer.Option("--allow-test", help="Of sft and preferences: take questions of a test set all the same.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    tasks_dir: TasksDirOption = None,
    prompts_dir: PromptsDirOption = None,
    data_dir: DataDirOption = None,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Export a run."""
    from cotbench.analysis.pairing import load_run
    from cotbench.exports.formats import FORMATS, summary
    from cotbench.exports.formats import export as write
    from cotbench.modes.arms import split
    from cotbench.store.lock import state_of

    if to not in FORMATS:
        found = f"found '{to}'" if to else "found none"
        raise UsageError(f"--to: expected {', '.join(FORMATS)}, {found}.", suggest(to, FORMATS) if to else "")
    given: dict[str, Any] = {
        "keep": keep,
        "pairs": pairs,
        "per_question": per_question,
        "thoughts": thoughts,
        "luck": luck,
        "allow_test": allow_test or None,
    }
    options = _options(FORMATS[to], {name: value for name, value in given.items() if value is not None})
    [folder] = run_folders([run] if run is not None else [], output_dir)
    loaded = load_run(folder)
    target = output or folder / "export" / to
    written = write(
        loaded,
        FORMATS[to],
        target,
        tasks=names(task),
        arms=split(names(mode)),
        options=options,
        force=force,
        folders={"tasks_dir": tasks_dir, "prompts_dir": prompts_dir, "data_dir": data_dir},
    )
    if not loaded.finished:
        state = "going on" if state_of(folder, loaded.manifest) == "running" else "not finished"
        stderr(
            f"Note: {folder.name} is {state}: the {len(loaded.records):,} answers that are on record so far are "
            "exported."
        )
    if as_json:
        stdout_json(summary(loaded, FORMATS[to], target, written))
        return
    _show(written, target)


def _options(to: Format, given: dict[str, Any]) -> Any:
    """Check what is asked of training data. Raises UsageError for an option that isn't about the format."""
    from cotbench.exports.training import THOUGHTS, Options

    for name in given:
        if name not in to.takes:
            typed = f"--{name.replace('_', '-')}"
            raise UsageError(f"{typed}: isn't about --to {to.name}.", "Leave it out.")
    known = {"keep": ("shortest", "all"), "pairs": ("right-wrong", "short-long", "both"), "thoughts": THOUGHTS}
    for name, words in known.items():
        if name in given:
            one_of(f"--{name}", given[name], words)
    return Options(**given)


def _show(written: list[Written], target: Path) -> None:
    """Say what was written, and what wasn't."""
    for one in written:
        if one.beside:
            continue
        what = ", ".join(filter(None, (one.task, one.arm))) or one.name
        stdout(f"{what}: {one.rows:,} row{'s' if one.rows != 1 else ''}")
        for why, count in one.left_out.items():
            stdout(f"    left out: {count:,} {why}")
        for note in one.notes:
            stderr(f"Note: {one.task}: {note}.")
    stdout(f"{len(written)} files in {target}")
