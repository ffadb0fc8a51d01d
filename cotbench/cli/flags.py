"""Options of commands: those that several take, and those made from the table in `runs/options.py`.

A command says where in its signature (and so in its help text) which fields of `RunOptions` are typed:

    def command(*, asked: Annotated[Values, Flags("tasks", "modes")], own: Annotated[str, typer.Option(...)] = ""): ...

and gets their values in a dict, parsed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar, get_type_hints

import typer

from cotbench.cli import completion
from cotbench.runs.options import FLAGS, in_order_of_help, typed_as

P = ParamSpec("P")
R = TypeVar("R")
Values = dict[str, Any]


class Flags:
    """Marks a parameter of a command as standing for several fields of RunOptions."""

    def __init__(self, *names: str) -> None:
        self.names = names


def flags_until(last: str) -> Flags:
    """All fields in the order of the help text, up to and with the last one."""
    order = in_order_of_help()
    return Flags(*order[: order.index(last) + 1])


def flags_after(first: str) -> Flags:
    """All fields in the order of the help text that stand behind the first one."""
    order = in_order_of_help()
    return Flags(*order[order.index(first) + 1 :])


def option(name: str) -> Any:
    """What typer must know of a field's option, but its type and default."""
    flag = FLAGS[name]
    return typer.Option(
        *flag.names.split(),
        help=flag.help,
        min=flag.minimum,
        metavar=flag.metavar,
        envvar=flag.variable,
        autocompletion=completion.of_words(*flag.choices) if flag.choices else completion.OF_FIELDS.get(name),
    )


def with_flags(command: Callable[P, R]) -> Callable[P, R]:
    """Put the options of each parameter that is marked with `Flags` in its place, and call the command with their
    values."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[str, ...]] = {}
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        marks = [mark for mark in getattr(hints[name], "__metadata__", ()) if isinstance(mark, Flags)]
        if not marks:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        groups[name] = marks[0].names
        for field in groups[name]:
            kind, default = typed_as(field)
            hint = Annotated[kind, option(field)]  # type: ignore[valid-type]
            parameters.append(
                inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
            )

    @functools.wraps(command)
    def run(*args: P.args, **typed: P.kwargs) -> R:
        for group, names in groups.items():
            typed[group] = {name: FLAGS[name].value(typed.pop(name)) for name in names}
        return command(*args, **typed)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {}  # the signature has them, read already
    return run


# --- options that several commands share --------------------------------------------------------------------------

DataDirOption = Annotated[Path | None, option("data_dir")]
TasksDirOption = Annotated[Path | None, option("tasks_dir")]
OutputDirOption = Annotated[Path, typer.Option("--output-dir", "--output-path", "-o", help="Where runs are written.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
TagRuleOption = Annotated[
    str | None,
    typer.Option(
        "--tag-rule",
        autocompletion=completion.tag_rules,
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
