"""Messages that name arguments as Python's callers type them, where they name the command line's options."""

from __future__ import annotations

import re

from cotbench.errors import CotbenchError
from cotbench.runs.options import FLAGS

CALLED = {"modes": "arms"}  # fields of RunOptions that have another name in Python
_OPTIONS = {
    name: CALLED.get(field, field)
    for field, flag in FLAGS.items()
    for name in flag.names.split()
    if name.startswith("--")
}
_OTHERS = {"--answer-type": "kind", "--tag": "tags", "--baseline": "baseline"}
_EXAMPLE = re.compile(r"\bAs in:? (?!`?cotbench )[^\n]*")  # options and their values, as one types them
_VALUED = re.compile(r"(?<![\w-])(--[a-z][a-z-]*\w) ([\w\"'{](?:[^\s]*[\w\"'}])?)")
# A command line is left as it is, up to the end of its line; options that nobody knows lose their dashes.
_OPTION = re.compile(r"(`?cotbench [a-z][a-z-]* [^\n`]*`?)|(?<![\w-])--[a-z][a-z-]*\w")


def _valued(found: re.Match[str]) -> str:
    option, value = found[1], found[2]
    plain = value[0] in "\"'{" or re.fullmatch(r"[\d.]+", value)
    return f"{option}={value}" if plain else f"{option}='{value}'"


def in_python(text: str) -> str:
    """A text with arguments in the place of options, but within command lines.

    >>> in_python("--gen-kwargs: unknown x. Try: cotbench run --limit 3")
    'gen_kwargs: unknown x. Try: cotbench run --limit 3'
    """

    def named(found: re.Match[str]) -> str:
        option = found[0]
        if found[1]:
            return option
        return _OPTIONS.get(option) or _OTHERS.get(option) or option.removeprefix("--").replace("-", "_")

    return _OPTION.sub(named, _EXAMPLE.sub(lambda found: _VALUED.sub(_valued, found[0]), text))


class told_in_python:  # noqa: N801 - a context manager, as `suppress` is one
    """Have the errors of a block name arguments, not options, and begin their traceback here: what is above it is
    cotbench's own, and no help to who can cure them."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, CotbenchError):
            error.message, error.hint = in_python(error.message), in_python(error.hint)
            error.args = (error.message,)
            raise error.with_traceback(None) from None
