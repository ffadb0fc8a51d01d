"""Words that are longer than a file's name can be are words: a list of many tasks, a name that somebody mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli

from cotbench.questions.tasks import list_task_files
from cotbench.runs.parsing import absolute_file, absolute_if_there, names
from cotbench.store.files import is_file, is_there

LONG = "x" * 300


def test_a_list_of_all_tasks_is_taken_apart() -> None:
    tasks = sorted(list_task_files())
    assert len(",".join(tasks)) > 255
    assert names([",".join(tasks)]) == tasks


def test_what_is_too_long_for_a_files_name_is_no_file(tmp_path: Path) -> None:
    assert not is_file(LONG) and not is_there(LONG) and not is_file("a\0b")
    assert absolute_file(f"{LONG}.yaml") == f"{LONG}.yaml"
    assert absolute_if_there(LONG) == LONG
    (tmp_path / "there").touch()
    assert is_file(tmp_path / "there") and is_there(tmp_path) and not is_file(tmp_path)


@pytest.mark.parametrize(
    ("typed", "finding"),
    [
        (["run", "--model", "stub", "--mode", "direct", "--task", LONG], "--task: there is no task 'xxx"),
        (["run", "--model", "stub", "--mode", "direct", "--task", f"{LONG}.yaml"], "--task: there is no file xxx"),
        (["run", "--model", "stub", "--mode", "direct", "--task", f"{LONG}.jsonl"], "--task: there is no file xxx"),
        (["report", LONG], "there is no run 'xxx"),
        (["score", LONG], "there is no run 'xxx"),
    ],
)
def test_a_long_word_is_answered_as_any_other(typed: list[str], finding: str, main: Cli) -> None:
    done = main(*typed)
    assert finding in done.err
    assert "Traceback" not in done.err
    assert done.code > 1
