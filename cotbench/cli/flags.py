"""Options of commands, made from the table in `run/options.py`.

A command says where in its signature (and so in its help text) which fields of `RunOptions` are typed:

    def command(*, asked: Annotated[Values, Flags("tasks", "modes")], own: Annotated[str, typer.Option(...)] = ""): ...

and gets their values in a dict, parsed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar, get_type_hints

import typer

from cotbench.run.options import FLAGS, in_order_of_help, typed_as

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
