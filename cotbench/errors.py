"""The error tree. Each error is something a user can cause or cure, carries a remedy, and has an exit code.

Exit codes: 0 ok, 1 a bug in cotbench, 2 usage, 3 data or model not available (or a run that can't be used as it is),
4 finished but some requests failed or some lines couldn't be scored, 5 a report's --fail-if gate holds, 130
interrupted with a resumable run on disk.

    CotbenchError
    ├── UsageError        2   an option, a task file or a prompt template that says something impossible
    │   ├── TaskError     2   a task file or a user's question file
    │   └── PromptError   2   a prompt template
    ├── UnavailableError  3   something that should be there is not
    │   ├── DataError     3   a data set can't be loaded, or isn't the one the task file pins
    │   ├── ModelError    3   a model, an engine's package or a server can't be used
    │   ├── SandboxError  3   model-written code can't be contained here
    │   ├── RunError      3   a results folder can't be written, read, resumed or compared
    │   └── OutputError   3   what is printed can't be written
    ├── RequestsFailed    4   it finished, but some requests ended in an error, or some lines couldn't be scored
    ├── GateHolds         5   a report was made, and what `--fail-if` asks about is so
    └── Interrupted     130   stopped by the user, resumable
"""

from __future__ import annotations

from collections.abc import Iterable


class CotbenchError(Exception):
    """An error with a place and a finding (`message`) and a remedy (`hint`); shown without a traceback."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(CotbenchError):
    exit_code = 2


class TaskError(UsageError): ...


class PromptError(UsageError): ...


class UnavailableError(CotbenchError):
    exit_code = 3


class DataError(UnavailableError): ...


class ModelError(UnavailableError): ...


class SandboxError(UnavailableError): ...


class RunError(UnavailableError): ...


class OutputError(UnavailableError): ...


class RequestsFailed(CotbenchError):
    exit_code = 4


class GateHolds(CotbenchError):
    exit_code = 5


class Interrupted(CotbenchError):
    exit_code = 130


def suggest(word: str, known: Iterable[str], otherwise: str = "", *, always: str = "") -> str:
    """A remedy for a name that isn't known: the known one that is most like it, or else `otherwise`; then `always`."""
    import difflib  # takes longer to load than an error is worth before there is one

    close = difflib.get_close_matches(word, list(known), n=1)
    guess = f"Did you mean '{close[0]}'?" if close else otherwise
    return f"{guess} {always}".strip()
