"""Runs one program or plan inside the contained process, and says in plain texts what came of it.

A Python program gives its answer in one of the ways that published programs do: a function `solution()` (PAL), a variable `ans`
(Program of Thoughts), what it prints last (ToRA), or the value of its last line. A plan is solved by `cotbench.solver`.
"""

from __future__ import annotations

import ast
import builtins
import decimal
import fractions
import importlib
import io
import sys
import traceback
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from cotbench.sandbox import TEXT_CHARS
from cotbench.values import Shown, show

MOST_SOURCE_CHARS = 1_000_000
MOST_OUTPUT_CHARS = 1_000_000  # of what a program prints; beyond that it is stopped
FILE_NAME = "<program>"
# Names that hold an answer where a program neither defines solution() nor `ans`, nor prints.
_MODULES = ("math", "random", "itertools", "functools", "collections", "statistics", "datetime", "re")
_ANSWER_NAMES = ("answer", "final_answer", "result")

# Let go of when memory runs out, so that there is some to say so.
_RESERVE = bytearray(4 << 20)

Report = dict[str, str | None]


class OutputLimit(BaseException):
    """The program printed too much. No Exception, so that a program's own handlers let it pass."""


class _Printed(io.TextIOBase):
    """stdout in memory."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = MOST_OUTPUT_CHARS

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if type(text) is not str:
            raise TypeError(f"expected a str, found {type(text).__name__}")
        self._parts.append(text[: self._room])
        self._room -= len(text)
        if self._room < 0:
            self._room = 0
            raise OutputLimit
        return len(text)

    @property
    def full(self) -> bool:
        return self._room == 0

    def text(self) -> str:
        return "".join(self._parts)


def report(
    outcome: str, *, shown: Shown | None = None, option: str | None = None, error: str = "", stdout: str = ""
) -> Report:
    """The one form in which results leave the process: every value a text of limited length, or None."""
    texts = {
        "value": shown.value if shown else None,
        "latex": shown.latex if shown else None,
        "decimal": shown.decimal if shown else None,
        "option": option,
        "error": " ".join(error.split()),
        "stdout": stdout,
    }
    return {"outcome": outcome, **{name: text and text[: TEXT_CHARS[name]] for name, text in texts.items()}}


def run_plan(text: str, choices: list[str]) -> Report:
    from cotbench.solver import solve_plan  # not in every warmed process

    try:
        solution = solve_plan(text, choices)
    except MemoryError:
        return report("memory", error="out of memory")
    except RecursionError:
        return report("unsolved", error="nested too deeply")
    option = solution.shown.value if solution.shown and choices else None
    return report(solution.outcome, shown=solution.shown, option=option, error=solution.error)


def run_python(source: str, choices: list[str]) -> Report:
    try:
        body, last = _compiled(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        place = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        return report("syntax_error", error=place + str(reason))
    printed = _Printed()
    sys.stdout, sys.stderr = printed, io.StringIO()
    sys.argv, sys.stdin = ["program"], io.StringIO()
    main = type(sys)("__main__")
    main.__dict__["__builtins__"] = _given()
    sys.modules["__main__"] = main
    try:
        value = _value(body, last, main.__dict__, printed)
    except MemoryError:
        _RESERVE.clear()
        return report("memory", error="out of memory")
    except OutputLimit:
        return report("output_limit", error=_TOO_MUCH, stdout=printed.text())
    except BaseException as error:
        return report("runtime_error", error=_explain(error), stdout=printed.text())
    if printed.full:
        return report("output_limit", error=_TOO_MUCH, stdout=printed.text())
    return _shown(value, choices, printed.text())


_TOO_MUCH = f"printed more than {MOST_OUTPUT_CHARS:,} characters"


@cache
def _given() -> dict[str, Any]:
    """What a program finds without importing it: what `site` adds, and the modules and SymPy's names, which models forget to import."""
    names: dict[str, Any] = {}
    for name in ("sympy", "mpmath", "numpy"):
        if name in sys.modules:
            names[name] = sys.modules[name]
    if "sympy" in names:
        names |= {name: value for name, value in vars(names["sympy"]).items() if not name.startswith("_")}
        names["sp"] = names["sympy"]
    if "numpy" in names:
        names["np"] = names["numpy"]
    for name in _MODULES:
        names[name] = importlib.import_module(name)
    names |= {"Fraction": fractions.Fraction, "Decimal": decimal.Decimal, "exit": sys.exit, "quit": sys.exit}
    return {**names, **vars(builtins)}


def _shown(value: object, choices: list[str], stdout: str) -> Report:
    """The value as text. Its methods are the program's, so this can fail in any way."""
    try:
        shown, option = _read(value, choices)
    except MemoryError:
        return report("memory", error="out of memory", stdout=stdout)
    except BaseException as error:
        return report("runtime_error", error=_explain(error), stdout=stdout)
    if shown is None:
        what = "no value" if value is None else f"a {type(value).__name__}, which is no value"
        return report("no_value", error=f"the program gives {what}", stdout=stdout)
    return report("ok", shown=shown, option=option, stdout=stdout)


def _read(value: object, choices: list[str]) -> tuple[Shown | None, str | None]:
    """A value as text, and the letter of the choice that it is."""
    if value is None:
        return None, None
    if "sympy" not in sys.modules:
        return show(value), None
    from cotbench.solver import values

    shown = values.show(value)
    return shown, values.match_option(shown, value, choices) if shown and choices else None


def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    """The program, and apart from it its last line where that is an expression."""
    if len(source) > MOST_SOURCE_CHARS:
        raise ValueError(f"longer than {MOST_SOURCE_CHARS:,} characters")
    tree = ast.parse(source, FILE_NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), FILE_NAME, "eval")  # type: ignore[attr-defined]
    return compile(tree, FILE_NAME, "exec"), last


def _value(body: CodeType, last: CodeType | None, names: dict[str, Any], printed: _Printed) -> object:
    """What the program gives: solution(), else `ans`, else its last printed line, its last line's value, or a named answer."""
    value = None
    try:
        exec(body, names)  # noqa: S102 - what this process is for
        if last is not None:
            value = eval(last, names)  # noqa: S307
    except SystemExit:
        pass
    solution = names.get("solution")
    if type(solution) is FunctionType and _takes_nothing(solution):
        returned = solution()
        if returned is not None:
            return returned
    if names.get("ans") is not None:
        return names["ans"]
    lines = [line.strip() for line in printed.text().splitlines() if line.strip()]
    if lines:
        return lines[-1]
    if value is not None:
        return value
    return next((names[name] for name in _ANSWER_NAMES if names.get(name) is not None), None)


def _takes_nothing(function: FunctionType) -> bool:
    code = function.__code__
    return code.co_argcount <= len(function.__defaults__ or ()) and not code.co_kwonlyargcount


def _explain(error: BaseException) -> str:
    """ "line 3: ZeroDivisionError: division by zero"; the error's own text may be the program's doing."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == FILE_NAME]
    place = f"line {lines[-1]}: " if lines else ""
    try:
        text = str.__str__(str(error))
    except BaseException:
        text = ""
    name = type.__getattribute__(type(error), "__name__")
    return f"{place}{name}: {text}" if text else f"{place}{name}"
