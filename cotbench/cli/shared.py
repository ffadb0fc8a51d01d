"""What the commands share: the application, its exit codes, and how errors end."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import typer
from typer.core import TyperGroup

from cotbench.errors import CotbenchError, UsageError
from cotbench.report.tame import tame
from cotbench.terminal.printing import discard, say, say_json

EXIT_CODES = (
    "Exit codes: 0 ok, 1 a bug in cotbench, 2 usage, 3 data or model not available, "
    "4 finished but some requests failed or some lines\ncouldn't be scored, 5 a report's --fail-if gate holds, "
    "130 interrupted with a resumable run on disk."
)


class _Commands(TyperGroup):
    """The commands, whose errors of usage are shown as typer shows them, with the arguments in them tamed.

    `cotbench run --help | head` ends well, as `cotbench report | head` does: typer itself would say 1, which means a
    bug here.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _tamed():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _tamed():
            return super().invoke(ctx)


# What typer's validator says of a word that isn't what it should be.
_NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
_NO_NUMBER = "Input should be a valid number, unable to parse string as a number"
_OUTSIDE = "Input should be "  # ... greater than or equal to 1


@contextmanager
def _tamed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        discard()
        raise typer.Exit(0) from None
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # so rich ends whoever prints by it
            raise typer.Exit(0) from None
        raise
    except Exception as error:
        said: Callable[[], str] | None = getattr(error, "format_message", None)
        if said is not None:
            plain = said().replace(_NO_INTEGER, "expected a whole number").replace(_NO_NUMBER, "expected a number")
            text = tame(plain.replace(_OUTSIDE, "expected a number "))
            error.format_message = lambda: text  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="cotbench",
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Does chain of thought help this model on these questions, by how much, how sure are we, and at what "
    f"cost?\n\n{EXIT_CODES}",
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
            stderr(f"Error: {error.message}" if error.exit_code != 130 else error.message)
            if error.hint:
                stderr(error.hint)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            stderr("Interrupted.")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `cotbench report | head`: what was wanted has been read
            discard()
            raise typer.Exit(0) from None

    return run


stdout, stderr = say, functools.partial(say, to_stderr=True)


def stdout_json(value: Any) -> None:
    """One document on one line, in ASCII."""
    say_json(json.dumps(value) + "\n")


def kebab(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def run_folders(runs: Sequence[str], output_dir: Path) -> list[Path]:
    """The runs that are named, or the latest one; says which that is, where there are others."""
    from cotbench.store.lookup import find_run, list_runs

    if runs:
        return [find_run(name, output_dir) for name in dict.fromkeys(runs)]
    there = list_runs(output_dir)
    if not there:
        raise UsageError(f"there are no runs in {output_dir}.", "Start one with `cotbench run`, or name --output-dir.")
    if more := len(there) - 1:
        stderr(f"The latest run, {there[0]}; {more} more in {output_dir} (a RUN names one, or several).")
    return there[:1]
