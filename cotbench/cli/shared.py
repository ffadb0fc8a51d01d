"""What the commands share: the application, its exit codes, how errors end, and the options that several commands
take."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer
from typer.core import TyperGroup

from cotbench.cli.flags import option
from cotbench.errors import CotbenchError, UsageError, suggest
from cotbench.report.tame import tame
from cotbench.terminal.printing import discard, say, say_json

if TYPE_CHECKING:
    from cotbench.analysis.pairing import Run
    from cotbench.questions.tagging import Rule

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
            text = tame(said())
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
        stderr(f"The latest run, {there[0]}; {more} more in {output_dir} (name runs to pair modes across them).")
    return there[:1]


def lost_outputs(runs: Iterable[Run], *, thorough: bool = True) -> list[str]:
    """A note on each run whose journal lacks replies that its records rest on. thorough: look through large journals
    as well."""
    from cotbench.store.journal import JOURNAL

    notes = []
    for run in runs:
        if run.journal.large and not thorough:
            continue
        lacking = sum(any(key not in run.journal for key in record.keys) for record in run.records)
        if lacking:
            state = "is missing or empty" if run.journal.empty else "lacks replies or is damaged"
            notes.append(
                f"{run.folder / JOURNAL} {state}: the prompts and outputs of {lacking:,} of {len(run.records):,} "
                "answers can't be shown, nor scored again. Restore the file."
            )
    return notes


def own_rules(tags: Sequence[str], files: Sequence[Path]) -> list[Rule]:
    from cotbench.questions.tagging import own_rule, rules_of_file

    found = [own_rule(text) for text in tags] + [rule for path in files for rule in rules_of_file(path)]
    names = [rule.name for rule in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--tag, --tags-file: there are two rules named '{twice[0]}'.", "Give each a name of its own.")
    return found


def known_rule(name: str | None, own: Sequence[Rule]) -> Rule | None:
    """The rule that --tag-rule names; None where it isn't given, and the tasks decide (`tagging.main_rule`)."""
    from cotbench.questions.tagging import RULES

    table = RULES | {rule.name: rule for rule in own}
    if name is not None and name not in table:
        raise UsageError(
            f"--tag-rule: there is no rule '{name}'. Known: {', '.join(table)}.",
            suggest(name, table, "Add your own with --tag or --tags-file."),
        )
    return None if name is None else table[name]


# --- options that several commands share --------------------------------------------------------------------------

DataDirOption = Annotated[Path | None, option("data_dir")]
TasksDirOption = Annotated[Path | None, option("tasks_dir")]
OutputDirOption = Annotated[Path, typer.Option("--output-dir", "--output-path", "-o", help="Where runs are written.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
TagRuleOption = Annotated[
    str | None,
    typer.Option(
        "--tag-rule",
        help="The rule that says which questions are symbolic: eq_question (the default), eq_question_any, "
        "operators, subject (the default for the task demo), eq_paper, eq_response, or one of your own.",
    ),
]
TagsFileOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--tags-file",
        metavar="CSV",
        help="Tags by question id: a column id, and one of 1 and 0 per rule; without one, the ids listed are symbolic.",
    ),
]
