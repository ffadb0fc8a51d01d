"""What can rot in the documents: commands, exit codes, the error tree, the table of modules."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

from cotbench import errors
from cotbench.cli import EXIT_CODES, app
from cotbench.engines import ENGINES
from cotbench.modes import MODES
from cotbench.questions.tasks import find_task, list_task_files

README = (ROOT / "README.md").read_text()
PAGES = {path.relative_to(ROOT / "docs").as_posix(): path.read_text() for path in (ROOT / "docs").rglob("*.md")}
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_exit_codes_are_the_same_in_help_documents_and_errors() -> None:
    said = re.findall(r"(\d+) ([a-z][^,.]*)", " ".join(EXIT_CODES.split()))
    assert len(said) == 7
    for code, meaning in said:
        row = re.search(rf"^\| {code} \| (.*) \|$", PAGES["runs.md"], re.M)
        assert row, f"exit code {code} is not in docs/runs.md"
        assert row[1].startswith(meaning.split(" a resumable")[0].strip()[:20])
        assert f"{code} " in " ".join((errors.__doc__ or "").split())


def test_the_error_tree_in_the_docstring_is_the_real_one() -> None:
    doc = errors.__doc__ or ""
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.CotbenchError)]
    for cls in classes:
        line = next((line for line in doc.splitlines() if cls.__name__ in line), None)
        assert line, cls
        if cls is not errors.CotbenchError:
            assert int(line.split(cls.__name__)[1].split()[0]) == cls.exit_code


def test_the_map_of_the_architecture_is_the_tree() -> None:
    doors = {p.name for p in (ROOT / "cotbench").glob("*.py")} - {"__init__.py", "__main__.py"}
    doors |= {f"{p.parent.name}/" for p in (ROOT / "cotbench").glob("*/__init__.py")}
    opening = ARCHITECTURE.split("\n## ")[1]
    assert opening.startswith("Which folder answers which question")
    assert set(re.findall(r"^\| `([\w./]+)` \|", opening, re.M)) == doors
    assert len(doors) <= 22


def test_the_floors_are_those_that_the_linter_holds() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    said = re.search(r"Imports only go down: (.*?)\.\s", ARCHITECTURE, re.S)
    assert said
    assert re.findall(r"`([^`]+)`", said[1]) == contract["layers"]
    assert len(contract["layers"]) <= 12


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", *(f"docs/{page}" for page in PAGES)])
def test_files_that_a_document_names_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    links = [link for link in links if "reference/" not in link]  # made of the code: tests/test_pages.py
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []
    if name not in ("ARCHITECTURE.md", "docs/parts.md"):  # others name files that are written, or were there once
        return
    named = set(re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yaml|jinja|md))`", text))
    folders = ("cotbench", "tests", "docs", "tasks", "prompts")
    there = {str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*")}
    assert [
        file for file in named if "NAME" not in file and not any(f"/{path}".endswith(f"/{file}") for path in there)
    ] == []


def test_pages_that_messages_and_help_texts_name_exist() -> None:
    named = {
        (page, path.name)
        for path in (ROOT / "cotbench").rglob("*.py")
        for page in re.findall(r"\bdocs/((?:[\w-]+/)*[\w-]+\.(?:md|yaml))", path.read_text())
    }
    assert sorted((page, path) for page, path in named if not (ROOT / "docs" / page).exists()) == []


def test_each_word_of_the_glossary_is_explained_once() -> None:
    glossary = ARCHITECTURE.split("\n## Words\n")[1].split("\n## ")[0]
    words = [word for row in re.findall(r"^\| ([^|]+) \|", glossary, re.M)[1:] for word in row.split(", ")]
    assert len(words) == len(set(words))
    assert len(words) >= 20


def test_the_documents_list_every_task_mode_and_engine() -> None:
    tasks = PAGES["tasks.md"]
    for name in list_task_files():
        told = re.search(rf"`{name}`(?: \((\d[\d,]*))?", tasks)
        assert told, name
        if told[1]:
            assert int(told[1].replace(",", "")) == find_task(name).task.rows, name
    assert f"names all {len(list_task_files())}" in tasks
    assert f"**{len(list_task_files())} tasks**" in README
    assert f"**{len(MODES)} modes**" in README
    for mode in MODES.values():
        row = re.search(rf"^\| `{mode.name}` \|.*\| ([\d,]+) tokens \|$", PAGES["modes.md"], re.M)
        assert row, mode.name
        assert int(row[1].replace(",", "")) == mode.own.max_tokens
    for name in ENGINES:
        assert re.search(rf"^\| `{name}`", PAGES["engines.md"], re.M), name


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_readme_has_the_two_commands(name: str) -> None:
    found = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "readme-command"), name], capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_options_named_in_the_documents_exist() -> None:
    from typer.main import get_command

    group = get_command(app)
    options = {opt for command in group.commands.values() for parameter in command.params for opt in parameter.opts}  # type: ignore[attr-defined]
    of_others = {
        *(
            "--num_fewshot",
            "--dist",
            "--install-completion",
            "--strict",
        ),  # lm-eval's spelling, pytest's, the group's, MkDocs'
        *("--enable-prompt-tokens-details", "--enable-cache-report", "--data-parallel-size"),  # of servers
        *("--data-parallel-size-local", "--data-parallel-address", "--data-parallel-start-rank", "--headless"),
        *("--worker-urls", "--policy"),  # of a gateway
        *("--head", "--address", "--port", "--num-cpus", "--include-dashboard", "--nodes"),  # Ray's, SLURM's
        *("--job-name", "--gres", "--cpus-per-task", "--mem", "--time", "--signal", "--requeue", "--help"),  # SLURM's
    }
    for page, text in {"README.md": README, **PAGES}.items():
        if page in ("log.md", "parts.md"):  # what was tried, and programs of others
            continue
        named = set(re.findall(r"(?<![\w-])(--[a-z][a-z_-]+)", text))
        assert named - options - of_others == set(), page
