"""Starting points: `cotbench new-task` and `new-mode`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cotbench.cli.flags import Flags, Values, with_flags
from cotbench.cli.shared import app, guarded, stdout
from cotbench.errors import UsageError

Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


@app.command("new-task")
@guarded
@with_flags
def new_task(
    *,
    file: Annotated[Path, typer.Argument(help="Your file of questions: .jsonl, .json, .csv, .tsv or .parquet.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The task's name; that of the file by default.")
    ] = None,
    own: Annotated[Values, Flags("columns", "kind")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Where to write it; beside the file by default."),
    ] = None,
    force: Force = False,
) -> None:
    """Write a task file for your file of questions: what was understood of it, for you to change. It works at once."""
    from cotbench.questions.columns import Hints
    from cotbench.questions.starting import checked_task, task_file_of, write
    from cotbench.terminal.console import tell

    folder = out or file.parent
    called, text, found = task_file_of(file, Hints(**own), name, folder)
    path = folder / f"{called}.yaml"
    write(path, text, force=force)
    checked_task(path)
    tell(found.note, to_stderr=False)
    stdout(f"Wrote {path}")
    place = shlex.quote(_as_a_path(path))
    stdout(f"Look at it: cotbench doctor --task {place}")
    stdout(f"Run it: cotbench run --model demo --task {place} --mode direct,cot --limit 20")


def _as_a_path(path: Path) -> str:
    """A path that `--task` takes for one."""
    return str(path) if path.is_absolute() else f"./{path}"


@app.command("new-mode")
@guarded
def new_mode(
    name: Annotated[str, typer.Argument(help="A name for it, as in cot@prompt=NAME.")],
    of: Annotated[
        str | None,
        typer.Option(
            "--of", metavar="MODE", help="The mode whose words it changes: cot (the default), direct or free."
        ),
    ] = None,
    prompts_dir: Annotated[
        Path, typer.Option("--prompts-dir", metavar="FOLDER", help="Where to write its template.")
    ] = Path("prompts"),
    force: Force = False,
) -> None:
    """Write a template for a mode with words of your own. It works at once; no code is needed."""
    from cotbench.modes.starting import template_of
    from cotbench.questions.starting import write

    if prompts_dir.exists() and not prompts_dir.is_dir():
        raise UsageError(f"--prompts-dir: {prompts_dir} is a file, expected a folder.", "Name another folder.")
    file, text = template_of(name, of or "")
    write(prompts_dir / file, text, force=force)
    of = file.partition("-")[0]
    arm, folder = f"{of}@prompt={name}", shlex.quote(str(prompts_dir))
    others = "direct" if of == "direct" else f"direct,{of}"
    stdout(f"Wrote {prompts_dir / file}")
    stdout(f"See what it sends: cotbench show-prompt --task demo --mode {arm} --prompts-dir {folder}")
    stdout(f"Run it: cotbench run --model demo --task demo --mode {others},{arm} --prompts-dir {folder}")
