"""Tasks of others: `--task lm-eval:NAME` and `--task inspect:FILE@NAME`, where their packages are installed.

Their task gives questions, options and gold; prompts, budgets, reading and grading are ours. `of_lm_eval` and
`of_inspect` load their package when a task of it is asked for, and not before; `taking` makes a task of what was found,
`wording` tells the question from the prompt around it, `sets` has their data sets loaded from the folder that ours come
from. This module is light: names are looked at wherever options are read.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotbench.questions.tasks import TaskFile

_MODULES = {"lm-eval": "of_lm_eval", "inspect": "of_inspect"}
FORMS = ("lm-eval:NAME", "inspect:FILE@NAME")  # as a person types them


def is_of_others(name: str) -> bool:
    """Whether a name behind --task is of a task of others."""
    prefix, colon, rest = name.partition(":")
    return bool(colon and rest) and prefix in _MODULES


def name_of(asked: str) -> str:
    """What a task of others is called here: lm-eval:arc_easy is lm-eval-arc_easy."""
    prefix, _, name = asked.partition(":")
    if prefix == "inspect":
        _, at, function = name.rpartition("@")
        name = function if at else Path(name).stem
    elif name.endswith((".yaml", ".yml")):
        name = Path(name).stem
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', name).strip('_')}"


def _parted(asked: str) -> tuple[str, str, str]:
    """A name as what stands before its file, the file, and what stands behind it; no file where it names none."""
    prefix, _, rest = asked.partition(":")
    file, at, function = rest.rpartition("@") if prefix == "inspect" else (rest, "", "")
    file, behind = (file, at + function) if at else (rest, "")
    return (f"{prefix}:", file, behind) if file.endswith((".py", ".yaml", ".yml")) else (asked, "", "")


def anchored(asked: str) -> str:
    """The same name with its file absolute, so that it means the same in another working directory."""
    before, file, behind = _parted(asked)
    return f"{before}{Path(file).expanduser().absolute()}{behind}" if file else asked


def looked_for(asked: str, places: Iterable[Path]) -> str:
    """The same name with its file where it is now: where it was, or else under its name in one of some folders."""
    before, file, behind = _parted(asked)
    if not file or Path(file).is_file():
        return asked
    found = next((place / Path(file).name for place in places if (place / Path(file).name).is_file()), Path(file))
    return f"{before}{found}{behind}"


def find(asked: str, data_dir: Path | None = None) -> TaskFile:
    """The task of others of a name, with its rows. Raises CotbenchError where it can't be had or taken over."""
    from cotbench.questions.others.sets import data_folder

    return _found(_relative(asked), data_folder(data_dir), Path.cwd())


def _relative(asked: str) -> str:
    """The same name with its file as a person would say it: from the working directory, where that is shorter."""
    before, file, behind = _parted(asked)
    if not file or not Path(file).is_relative_to(Path.cwd()):
        return asked
    return f"{before}{Path(file).relative_to(Path.cwd())}{behind}"


@cache
def _found(asked: str, folder: Path | None, _: Path) -> TaskFile:
    """Made once: a run and what it is compared with ask for the same task."""
    module = importlib.import_module(f"cotbench.questions.others.{_MODULES[asked.partition(':')[0]]}")
    found: TaskFile = module.find(asked, folder)
    return found
