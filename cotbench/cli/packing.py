"""`cotbench pack` and `cotbench gc`: the room that runs take on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cotbench.cli import completion
from cotbench.cli.flags import JsonOption, OutputDirOption
from cotbench.cli.shared import app, guarded, stderr, stdout, stdout_json
from cotbench.errors import RunError, UsageError

_UNITS = ("kB", "MB", "GB", "TB")


@app.command(
    help="Pack runs that are over: journal and records take about a quarter of the room, and every command reads them "
    "as before. What was packed is read back and compared before anything is deleted."
)
@guarded
def pack(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Runs, by folder or id.", autocompletion=completion.run_ids),
    ],
    undo: Annotated[
        bool, typer.Option("--undo", help="Unpack them: one journal.jsonl and one records.jsonl, as written.")
    ] = False,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Pack runs, or unpack them."""
    from cotbench.store.lookup import find_run
    from cotbench.store.packing import pack_run, unpack_run

    folders = [find_run(name, output_dir) for name in dict.fromkeys(runs)]
    rows = []
    for folder in folders:
        packed = unpack_run(folder) if undo else pack_run(folder)
        rows.append(packed.as_dict())
        if not as_json:
            before, after = packed.before, packed.after
            parts = (("journal", before.journal, after.journal), ("records", before.records, after.records))
            told = ", ".join(f"{name} {in_units(was)} -> {in_units(now)}" for name, was, now in parts)
            stdout(f"{folder}: {in_units(before.all)} -> {in_units(after.all)} ({told})")
    if as_json:
        stdout_json(rows)


@app.command(
    help="List what is of no use in a folder of runs: what killed processes had begun to write, and runs that were "
    "never asked anything. Only --yes deletes it. No file that may be the only copy of a reply is listed."
)
@guarded
def gc(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete what is listed without it.")] = False,
    output_dir: OutputDirOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """List leftovers, or delete them."""
    from cotbench.store.leftovers import clear, leftovers_in

    if not output_dir.is_dir():
        raise UsageError(f"--output-dir: there is no folder {output_dir}.", "Name the folder that runs are in.")
    found, failed = clear(output_dir) if yes else (leftovers_in(output_dir), [])
    size = sum(one.bytes for one in found)
    if as_json:
        stdout_json({"deleted": yes, "bytes": size, "leftovers": [one.as_dict() for one in found]})
    else:
        for one in found:
            stdout(f"{in_units(one.bytes):>9}  {one.path}: {one.why}")
        if not found:
            stdout(f"There is nothing in {output_dir} that is of no use.")
        else:
            stdout(f"{in_units(size):>9}  {'deleted' if yes else 'in all; `cotbench gc --yes` deletes it'}")
    if failed:
        for message in failed[1:]:
            stderr(message)
        raise RunError(failed[0], "The others are deleted.")


def in_units(size: int) -> str:
    """A number of bytes, in the largest unit of which there is one."""
    value, unit = float(size), "bytes"
    for larger in _UNITS:
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:,.1f} {unit}" if unit != "bytes" else f"{size} bytes"
