"""Runs one program, plan or block inside the contained process, and says in plain texts what came of it.

A Python program gives its answer in one of the ways that published programs do: a function `solution()` (PAL), a
variable `ans` (Program of Thoughts), what it prints last (ToRA), or the value of its last line. Where none of them
gives anything, a function that the program only defines is called: `solve()`, `main()`, a method of `Solution`, or
the last one. A plan is solved by `cotbench.plans`.

A block shows what it prints and its last line's value, as in a notebook, and finds the names of those before it.
There is no process that waits for the next block: those before are run again, which gives the same, since nothing that
a program sees differs from run to run (`steady.py`).
"""

from __future__ import annotations

import builtins
import decimal
import fractions
import importlib
import io
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CodeType, CoroutineType, FunctionType
from typing import Any

from cotbench.answers.reading import extract
from cotbench.answers.shown import Shown, show
from cotbench.programs import TEXT_CHARS
from cotbench.programs.printed import value_of
from cotbench.programs.source import FILE_NAME, compiled
from cotbench.types import AnswerType

MOST_OUTPUT_CHARS = 1_000_000  # of what a program prints; beyond that it is stopped
LINE_CHARS = 500  # of the last line that a block shows, as its value
# Names that hold an answer where a program neither defines solution() nor `ans`, nor prints.
_MODULES = ("math", "random", "itertools", "functools", "collections", "statistics", "datetime", "re")
_NUMBERS = {"Fraction": fractions.Fraction, "Decimal": decimal.Decimal}
_ANSWER_NAMES = ("answer", "final_answer", "result")
_MAIN_NAMES = ("solution", "solve", "main", "answer")  # how a function begins that a program defines as a whole
_EARLIER = "<earlier>"  # the file of blocks that are run again: an error's line is one of the block that is shown

# Let go of when memory runs out, so that there is some to say so.
_RESERVE = bytearray(4 << 20)

Report = dict[str, str | None]


class OutputLimit(BaseException):
    """The program printed too much. No Exception, so that a program's own handlers let it pass."""


class _Printed(io.TextIOBase):
    """stdout in memory. room: how many characters more there may be."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.room = MOST_OUTPUT_CHARS

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if type(text) is not str:
            raise TypeError(f"expected a str, found {type(text).__name__}")
        self._parts.append(text[: self.room])
        too_much = len(text) > self.room
        self.room = max(0, self.room - len(text))
        if too_much:
            raise OutputLimit
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)

    def clear(self) -> None:
        """Forget what was printed, as a notebook does when a block begins."""
        self._parts.clear()
        self.room = MOST_OUTPUT_CHARS


def report(
    outcome: str, *, shown: Shown | None = None, option: str | None = None, error: str = "", stdout: str = ""
) -> Report:
    """The one form in which results leave the process: every value a text of limited length, or None."""
    texts = {name: getattr(shown, name) if shown else None for name in ("value", "latex", "decimal")}
    texts |= {"option": option, "error": " ".join(error.split()), "stdout": stdout}
    return {"outcome": outcome, **{name: text and text[: TEXT_CHARS[name]] for name, text in texts.items()}}


def run(request: Mapping[str, Any]) -> Report:
    """Run what is asked for, in the runtime that the request names."""
    if request["runtime"] == "sympy":
        return run_plan(request["code"], request["choices"])
    if request["runtime"] == "notebook":
        return run_block(request["code"], request["earlier"])
    return run_python(request["code"], request["choices"], request["earlier"])


def run_plan(text: str, choices: list[str]) -> Report:
    from cotbench.plans import solve_plan  # not in every warmed process

    try:
        solution = solve_plan(text, choices)
    except MemoryError:
        return report("memory", error="out of memory")
    except RecursionError:
        return report("unsolved", error="nested too deeply")
    return report(solution.outcome, shown=solution.shown, option=solution.option, error=solution.error)


def run_python(source: str, choices: list[str], earlier: Sequence[str] = ()) -> Report:
    """Run a program, behind what it was written for: of that an error is the program's, since it couldn't run."""
    code = _compiled(source)
    if isinstance(code, dict):
        return code
    printed = _Printed()
    names = _main_module(printed)
    try:
        for block in earlier:
            _of_last_line(*compiled(block, _EARLIER), names)
            printed.clear()
        value = _value(*code, names, printed)
        if not printed.room:
            raise OutputLimit
    except BaseException as error:
        return _failed(error, printed.text)
    return _shown(value, choices, printed.text())


def run_block(source: str, earlier: Sequence[str]) -> Report:
    """Run a block behind those before it. What it shows is its stdout, of which the end is kept; the last line of that
    is its value, cut."""
    code = _compiled(source)
    if isinstance(code, dict):
        return code
    printed = _Printed()
    names = _main_module(printed)
    try:
        for block in earlier:
            _run_again(block, names)
            printed.clear()
        value = _of_last_line(*code, names)
        if value is not None:
            printed.write(str.__str__(repr(value)) + "\n")
        if not printed.room:
            raise OutputLimit
    except BaseException as error:
        return _failed(error, lambda: _end_of(printed))
    lines = printed.text().strip().splitlines()
    if not lines:
        return report("no_value", error="the block shows nothing", stdout=_end_of(printed))
    last = Shown(value=lines[-1].strip()[:LINE_CHARS], latex="", decimal=None)
    return report("ok", shown=last, stdout=_end_of(printed))


def _run_again(block: str, names: dict[str, Any]) -> None:
    """Run a block for what it defines. One that ended in an error does so again, at the same place."""
    try:
        _of_last_line(*compiled(block, _EARLIER), names)
    except (MemoryError, OutputLimit):
        raise
    except BaseException:  # noqa: S110 - it was told when the block was run first
        pass


def _of_last_line(body: CodeType, last: CodeType | None, names: dict[str, Any]) -> object:
    """Run code and return its last line's value. `exit()` ends it there."""
    try:
        exec(body, names)  # noqa: S102 - what this process is for
        return None if last is None else _settled(eval(last, names))  # noqa: S307
    except SystemExit:
        return None


def _end_of(printed: _Printed) -> str:
    return printed.text()[-TEXT_CHARS["stdout"] :]


def _compiled(source: str) -> tuple[CodeType, CodeType | None] | Report:
    """The program as code, or the report of one that is no Python."""
    try:
        return compiled(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        place = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        return report("syntax_error", error=place + str(reason))


def _main_module(printed: _Printed) -> dict[str, Any]:
    """The names of a fresh main module, with standard streams in memory."""
    sys.stdout, sys.stderr = printed, io.StringIO()
    sys.argv, sys.stdin = ["program"], io.StringIO()
    main = type(sys)("__main__")
    main.__dict__["__builtins__"] = _given()
    sys.modules["__main__"] = main
    return main.__dict__


def _failed(error: BaseException, printed: Callable[[], str]) -> Report:
    """The report of a program that ended in an exception."""
    if isinstance(error, MemoryError):
        _RESERVE.clear()
        return report("memory", error="out of memory")
    if isinstance(error, OutputLimit):
        return report("output_limit", error=f"printed more than {MOST_OUTPUT_CHARS:,} characters", stdout=printed())
    return report("runtime_error", error=_explain(error), stdout=printed())


@cache
def _given() -> dict[str, Any]:
    """What a program finds without importing it: what `site` adds, and the modules and SymPy's names, which models
    forget to import."""
    names = {name: sys.modules[name] for name in ("sympy", "mpmath", "numpy") if name in sys.modules} | _of_sympy()
    names |= {short: names[name] for short, name in (("sp", "sympy"), ("np", "numpy")) if name in names}
    names |= {name: importlib.import_module(name) for name in _MODULES}
    return {**names, **_NUMBERS, "exit": sys.exit, "quit": sys.exit, **vars(builtins)}


def _of_sympy() -> dict[str, Any]:
    """SymPy's names, where it is loaded."""
    names = vars(sys.modules["sympy"]) if "sympy" in sys.modules else {}
    return {name: value for name, value in names.items() if not name.startswith("_")}


@cache
def _in_values() -> dict[str, Any]:
    """The names that the text of a value may hold: of Python's and NumPy's numbers, and SymPy's."""
    names: dict[str, Any] = dict(_NUMBERS)
    if "numpy" in sys.modules:
        names |= {"np": sys.modules["numpy"], "array": sys.modules["numpy"].array}
    if "sympy" in sys.modules:
        names |= {"mpf": sys.modules["mpmath"].mpf, "mpc": sys.modules["mpmath"].mpc}
    return names | _of_sympy()


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
    if issubclass(type(value), str) and not choices:
        value = value_of(str.__str__(value), _in_values())
    if value is None:
        return None, None
    if "sympy" not in sys.modules:
        return show(value), None
    from cotbench import plans

    shown = plans.show(value)
    if shown is None or not choices:
        return shown, None
    option = plans.match_option(shown, value, choices)
    if option is None and issubclass(type(value), str):  # "The answer is (B)"
        option = extract(shown.value, AnswerType.LETTER, choices).answer
    return shown, option


def _value(body: CodeType, last: CodeType | None, names: dict[str, Any], printed: _Printed) -> object:
    """What the program gives: solution(), else `ans`, else its last printed line, its last line's value, or a named
    answer."""
    value = _of_last_line(body, last, names)
    solution = names.get("solution")
    if solution is not None and _takes_nothing(solution):
        returned = _settled(solution())
        if returned is not None:
            return returned
    if names.get("ans") is not None:
        return names["ans"]
    line = _last_line(printed)
    if line is not None:
        return line
    named = next((names[name] for name in _ANSWER_NAMES if names.get(name) is not None), None)
    if value is not None and not (type(value) is str and "\n" in value and named is not None):  # a closing comment
        return value
    if named is not None:
        return named
    main = _main(names)
    returned = None if main is None else _settled(main())
    return _last_line(printed) if returned is None else returned


def _last_line(printed: _Printed) -> str | None:
    """The last line that says something; `print(f())` prints "None" behind what f prints."""
    lines = (line.strip() for line in reversed(printed.text().splitlines()))
    return next((line for line in lines if line != "None" and any(c.isalnum() or c in "∞∅" for c in line)), None)


def _takes_nothing(function: Any) -> bool:
    """Whether it is a function of the program, perhaps a cached one, that can be called without arguments."""
    if type(function) is not FunctionType:
        function = getattr(function, "__wrapped__", None)
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    given = len(function.__defaults__ or ()), len(function.__kwdefaults__ or ())
    return code.co_argcount <= given[0] and code.co_kwonlyargcount <= given[1]


def _main(names: dict[str, Any]) -> Callable[[], object] | None:
    """The function or method that a program was written for, where it only defines it."""
    whole = names.get("Solution")
    if type(whole) is type:
        methods = [name for name, one in vars(whole).items() if type(one) is FunctionType and not name.startswith("_")]
        bound = [getattr(whole(), name) for name in methods]
        alone = [m for m in bound if m.__func__.__code__.co_argcount <= 1 + len(m.__func__.__defaults__ or ())]
        if alone:
            return min(alone, key=lambda method: not method.__name__.startswith(_MAIN_NAMES))  # type: ignore[no-any-return]
    own = [one for one in names.values() if type(one) is FunctionType and one.__code__.co_filename == FILE_NAME]
    own = [one for one in reversed(own) if _takes_nothing(one) and not one.__name__.startswith("_")]
    return min(own, key=lambda one: not one.__name__.startswith(_MAIN_NAMES), default=None)


def _settled(value: Any) -> Any:
    """What a coroutine returns; it can wait for others, but not for a loop of events, which needs a socket."""
    if type(value) is not CoroutineType:
        return value
    while True:
        try:
            value.send(None)
        except StopIteration as end:
            return end.value


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
