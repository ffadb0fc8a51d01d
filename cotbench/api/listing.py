"""What there is: tasks, modes, engines, tag rules, with those that plugins add."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench import plugins
from cotbench.api.naming import told_in_python

if TYPE_CHECKING:
    import pandas as pd


def _frame(rows: list[dict[str, Any]], columns: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=columns.split())


def _from(kind: plugins.Kind, name: str, path: Path | None = None) -> str:
    origin = plugins.origin_of(kind, name, path)
    return "" if origin is None else str(origin)


def list_tasks(tasks_dir: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The tasks that can be asked: name, questions, kinds of answers, licence, what each is, and which plugin's.

    >>> import cotbench
    >>> int(cotbench.list_tasks().set_index("task").loc["gsm8k", "questions"])
    1319
    """
    from cotbench.questions.tasks import find_task, list_task_files

    own = None if tasks_dir is None else Path(tasks_dir)
    rows = []
    with told_in_python():
        for name in list_task_files(own):
            file = find_task(name, own)
            task = file.task
            row = {"task": task.name, "questions": task.rows, "answer": ", ".join(map(str, task.kinds))}
            row |= {"licence": task.source.licence, "about": task.about}
            rows.append(row | {"plugin": _from("tasks", name, file.path)})
    return _frame(rows, "task questions answer licence about plugin")


def list_modes() -> pd.DataFrame:
    """The modes, with the budget of a reply in tokens; an arm is a mode and what differs from it, behind "@".

    >>> import cotbench
    >>> set(cotbench.list_modes()["mode"]) >= {"direct", "cot"}
    True
    """
    from cotbench.modes import MODES

    rows = [
        {"mode": one.name, "max_tokens": one.own.max_tokens, "about": one.about, "plugin": _from("modes", one.name)}
        for one in MODES.values()
    ]
    return _frame(rows, "mode max_tokens about plugin")


def list_engines() -> pd.DataFrame:
    """The engines, and whether what each needs is installed.

    >>> import cotbench
    >>> engines = cotbench.list_engines().set_index("engine")
    >>> bool(engines.loc["stub", "installed"])
    True
    """
    from cotbench.engines import ENGINES

    rows = [
        {"engine": row.name, "installed": not row.missing(), "about": row.about, "plugin": _from("engines", row.name)}
        for row in ENGINES.values()
    ]
    return _frame(rows, "engine installed about plugin")


def list_tags() -> pd.DataFrame:
    """The tag rules, which say which questions are symbolic.

    >>> import cotbench
    >>> cotbench.list_tags()["tag"].iloc[0]
    'eq_question'
    """
    from cotbench.questions.tagging import RULES

    rows = [
        {
            "tag": rule.name,
            "version": rule.version,
            "timing": rule.timing,
            "about": rule.about,
            "plugin": _from("tags", rule.name),
        }
        for rule in RULES.values()
    ]
    return _frame(rows, "tag version timing about plugin")
