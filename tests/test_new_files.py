"""Starting points: what `cotbench new-task` and `new-mode` write works at once, and replaces nothing unasked."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome

from cotbench.modes.starting import BASES, template_of
from cotbench.questions.columns import Hints
from cotbench.questions.data import load_data
from cotbench.questions.own import task_of_rows
from cotbench.questions.tasks import read_task_file

Row = dict[str, Any]


def jsonl(*rows: Row) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# Files of questions, by their names.
FILES: dict[str, str] = {
    "numbers.jsonl": jsonl({"prompt": "1 + 1?", "gold": "2 km"}, {"prompt": "1 + 2?", "gold": "#### 3"}),
    "mixed.jsonl": jsonl(
        {"question": "1 + 1?", "answer": 2, "subject": "s"},
        {"question": "Which?", "answer": "y", "options": ["x", "y"], "subject": "t"},
    ),
    "kinds.jsonl": jsonl(
        {"question": "1 + 1?", "answer": "2", "kind": "number"},
        {"question": "Is it?", "answer": "no", "kind": "boolean"},
    ),
    "passages.jsonl": jsonl(
        {"passage": "It rains: a lot.", "question": "Does it?", "answer": True},
        {"passage": None, "question": "Is it?", "answer": False},
    ),
    "letters.csv": "question,A,B,C,answer\nWhich?,x,y,z,3\nWho?,k,l,m,1\n,,,,\n",
    "wrong.csv": "Question,Correct Answer,Incorrect Answer 1\nWhich?,x,y\nWho?,k,l\n",
    "labels.csv": "question,options,answer\nWhich?,A) x | B) y,B\nWho?,A) k | B) l,A\n",
    "odd: name.csv": "frage;antwort\n1 + 1?;2\n",
}
SAID = {"odd: name.csv": ("--columns", "question=frage,answer=antwort")}


def made(main: Cli, folder: Path, name: str, *more: str) -> Outcome:
    (folder / name).write_text(FILES[name])
    return main("new-task", name, *SAID.get(name, ()), *more)


def hinted(name: str) -> Hints:
    said = dict(part.split("=") for part in SAID[name][1].split(",")) if name in SAID else {}
    return Hints(said)


@pytest.mark.parametrize("name", FILES)
def test_a_task_file_asks_the_same_questions_as_its_file(name: str, tmp_path: Path, main: Cli) -> None:
    done = made(main, tmp_path, name)
    assert done.code == 0, done.err
    [path] = tmp_path.glob("*.yaml")
    own, written = load_data(task_of_rows(tmp_path / name, hinted(name))), load_data(read_task_file(path))
    assert own.questions == written.questions and own.golds == written.golds
    assert path.read_text().startswith(f"# A task over {name}, as cotbench understood it:\n#   ")


def test_what_it_says_to_do_next_works(tmp_path: Path, main: Cli) -> None:
    done = made(main, tmp_path, "mixed.jsonl")
    commands = [line.partition(": ")[2] for line in done.out.splitlines() if ": cotbench " in line]
    assert len(commands) == 2
    for command in commands:
        assert main(*shlex.split(command)[1:]).code == 0, command
    assert main("doctor", "--task", "mixed.yaml").code == 0


def test_a_name_and_a_folder_of_ones_own(tmp_path: Path, main: Cli) -> None:
    assert made(main, tmp_path, "numbers.jsonl", "--name", "mine", "--out", "tasks").code == 0
    task = read_task_file(tmp_path / "tasks" / "mine.yaml").task
    assert (task.name, Path(task.source.file or "").name) == ("mine", "numbers.jsonl")
    assert main("run", "--model", "stub", "--task", "mine", "--tasks-dir", "tasks", "--mode", "direct").code == 0
    bad = made(main, tmp_path, "numbers.jsonl", "--name", "../mine")
    assert bad.code == 2 and "a name is made of letters" in bad.err


def test_exemplars_of_the_comment_are_valid_once_the_marks_are_gone(tmp_path: Path, main: Cli) -> None:
    for name in ("numbers.jsonl", "letters.csv"):
        assert made(main, tmp_path, name).code == 0
        path = tmp_path / f"{Path(name).stem}.yaml"
        head, mark, tail = path.read_text().partition("# exemplars:")
        path.write_text(head + (mark + tail).replace("# ", ""))
        assert len(read_task_file(path).task.exemplars) == 1


def test_nothing_is_replaced_unasked(tmp_path: Path, main: Cli) -> None:
    assert made(main, tmp_path, "numbers.jsonl").code == 0
    (tmp_path / "numbers.yaml").write_text("mine")
    again = made(main, tmp_path, "numbers.jsonl")
    assert again.code == 2 and "is there already" in again.err and "--force" in again.err
    assert (tmp_path / "numbers.yaml").read_text() == "mine"
    assert made(main, tmp_path, "numbers.jsonl", "--force").code == 0
    assert (tmp_path / "numbers.yaml").read_text() != "mine"


def test_a_file_that_can_not_be_understood_leaves_nothing(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    done = main("new-task", "odd.csv")
    assert done.code == 2 and "--columns question=COLUMN" in done.err
    (tmp_path / "none.jsonl").write_text("")
    assert "has no rows" in main("new-task", "none.jsonl").err
    assert main("new-task", "nowhere.jsonl").code == 2
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize("base", BASES)
def test_a_template_works_at_once(base: str, tmp_path: Path, main: Cli) -> None:
    done = main("new-mode", "mine", "--of", base, "--prompts-dir", "own words")
    assert done.code == 0, done.err
    commands = [line.partition(": ")[2] for line in done.out.splitlines() if ": cotbench " in line]
    assert len(commands) == 2
    for command in commands:
        said = main(*shlex.split(command)[1:], *(["--limit", "3"] if " run " in command else []))
        assert said.code == 0, f"{command}: {said.err}"
    shots = main(
        "show-prompt", "--task", "demo", "--mode", f"{base}@prompt=mine", "--prompts-dir", "own words", "-f", "1"
    )
    assert shots.out.count("[assistant]") == 1 and BASES[base][0] in shots.out


def test_a_template_is_not_replaced_unasked_and_mistakes_are_told(tmp_path: Path, main: Cli) -> None:
    assert main("new-mode", "mine").code == 0
    again = main("new-mode", "mine")
    assert again.code == 2 and "is there already" in again.err
    assert main("new-mode", "mine", "--force").code == 0
    assert "expected cot, direct or free, found 'pal'" in main("new-mode", "mine", "--of", "pal").err
    assert "a name is made of letters" in main("new-mode", "a b").err
    (tmp_path / "file").write_text("")
    assert "is a file, expected a folder" in main("new-mode", "mine", "--prompts-dir", "file").err
    assert template_of("mine", "cot")[0] == "cot-mine.jinja"
