"""Tasks of others: `--task lm-eval:NAME` and `--task inspect:FILE@NAME`, where their packages are installed.

Their task gives questions, options and gold; prompts, budgets, reading and grading are ours. Each module loads its
package when it is asked for a task, and not before; `taking` makes a task of what it found, `wording` tells the
question from the prompt around it, `sets` has their data sets loaded from the folder that ours come from.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cotbench.questions.others import lm_eval, of_inspect
from cotbench.questions.others.sets import data_folder
from cotbench.questions.others.taking import name_of
from cotbench.questions.tasks import TaskFile

__all__ = ["FORMS", "find", "is_of_others", "name_of"]

_FINDERS: dict[str, Callable[[str, Path | None], TaskFile]] = {"lm-eval": lm_eval.find, "inspect": of_inspect.find}
FORMS = ("lm-eval:NAME", "inspect:FILE@NAME")


def is_of_others(name: str) -> bool:
    """Whether a name behind --task is of a task of others."""
    return name.partition(":")[0] in _FINDERS and ":" in name


def find(name: str, data_dir: Path | None = None) -> TaskFile:
    """The task of others of a name, with its rows. Raises CotbenchError where it can't be had or taken over."""
    folder = data_folder(data_dir)
    return _found(name, folder, os.getcwd())  # noqa: PTH109 - a key


@cache
def _found(name: str, folder: Path | None, _: str) -> TaskFile:
    """Made once: a run and what it is compared with ask for the same task."""
    return _FINDERS[name.partition(":")[0]](name, folder)
