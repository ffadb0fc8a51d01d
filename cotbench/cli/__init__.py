"""The typer commands: parse, call one function, print, exit code. Everything heavy is imported inside a command."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Annotated

import typer

from cotbench import __version__
from cotbench.cli.shared import EXIT_CODES, app, guarded, kebab, stderr, stdout
from cotbench.errors import OutputError, UsageError
from cotbench.processes import collect_seldom
from cotbench.terminal.printing import discard, lost, open_streams

# Each of these adds its commands to `app`, in the order of the help text.
from cotbench.cli import running  # isort: skip
from cotbench.cli import merging  # isort: skip
from cotbench.cli import reproducing  # isort: skip
from cotbench.cli import reporting  # isort: skip
from cotbench.cli import shipping  # isort: skip
from cotbench.cli import showing  # isort: skip
from cotbench.cli import importing  # isort: skip
from cotbench.cli import scoring  # isort: skip
from cotbench.cli import exporting  # isort: skip
from cotbench.cli import looking  # isort: skip
from cotbench.cli import packing  # isort: skip
from cotbench.cli import starting  # isort: skip
from cotbench.cli import experiments  # isort: skip

__all__ = [
    "EXIT_CODES",
    "app",
    "experiments",
    "exporting",
    "importing",
    "looking",
    "main",
    "merging",
    "packing",
    "reporting",
    "reproducing",
    "running",
    "scoring",
    "shipping",
    "showing",
    "starting",
]


@app.callback(invoke_without_command=True)
@guarded
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        stdout(f"cotbench {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """The console script. snake_case spellings of options work too: people paste lm-eval's lines."""
    open_streams()
    collect_seldom()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=[kebab(word) for word in words], prog_name="cotbench")
    except Exception as error:
        sys.exit(_broken(error))


def _broken(error: Exception) -> int:
    """The exit code after what no command catches: typer's own pages couldn't be printed, or a bug, shown with its
    traceback."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EBADF):
        frames = traceback.extract_tb(error.__traceback__)
        if any(frame.filename.endswith("typer/rich_utils.py") for frame in frames):
            to_stderr = any(frame.name == "rich_format_error" for frame in frames)
            discard(to_stderr=to_stderr)
            if not to_stderr:
                stderr(f"Error: {lost(error)}")
            return UsageError.exit_code if to_stderr else OutputError.exit_code
    stderr("".join(traceback.format_exception(error)).rstrip())
    return 1
