"""`cotbench merge`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import JsonOption, OutputDirOption
from cotbench.cli.shared import app, guarded, stdout, stdout_json


@app.command()
@guarded
def merge(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Shards, by folder or id.", autocompletion=completion.run_ids),
    ],
    *,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Make one run of shards (`cotbench run --shard 3/8`): what the run would have been, had it not been split.

    Some of them may be merged: what is missing is added by merging again, or asked by `cotbench run --resume`.
    """
    from cotbench.report.words import numbers
    from cotbench.runs.merge import merge as merged
    from cotbench.store.lookup import find_run
    from cotbench.terminal.console import tell

    result = merged([find_run(name, output_dir) for name in runs], output_dir)
    if as_json:
        stdout_json(result.as_dict())
        return
    shards = result.merged
    tell(
        f"{len(shards.numbers):,} of {shards.of:,} shards: {result.answers:,} of {result.expected:,} answers.",
        to_stderr=False,
    )
    if not result.complete:
        if shards.missing:
            stdout(f"Missing: {numbers('shard', shards.missing)}. Merge again with more of them: they are added.")
        if shards.unfinished:
            stdout(f"Not finished: {numbers('shard', shards.unfinished)}.")
        stdout(f"Or ask what is missing here: cotbench run --resume {shlex.quote(str(result.folder))}")
    stdout(f"Report: cotbench report {result.folder}")
    stdout(str(result.folder))
