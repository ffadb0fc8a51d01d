"""The typer commands: parse, call one function, print, exit code. Everything heavy is imported inside a command."""

from __future__ import annotations

import gc
import io
import sys
from typing import Annotated

import typer

from cotbench import __version__
from cotbench.cli.shared import EXIT_CODES, app, kebab, stdout

# Each of these adds its commands to `app`, in the order of the help text.
from cotbench.cli import running  # isort: skip
from cotbench.cli import reporting  # isort: skip
from cotbench.cli import showing  # isort: skip
from cotbench.cli import scoring  # isort: skip
from cotbench.cli import looking  # isort: skip

# Looking for cycles again and again among all questions took a tenth of the time.
GC_THRESHOLD = (50_000, 10, 10)

__all__ = ["EXIT_CODES", "GC_THRESHOLD", "app", "looking", "main", "reporting", "running", "scoring", "showing"]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        stdout(f"cotbench {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """The console script. snake_case spellings of options work too: people paste lm-eval's lines."""
    gc.set_threshold(*GC_THRESHOLD)
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    app(args=[kebab(word) for word in words], prog_name="cotbench")
