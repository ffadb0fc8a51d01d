"""The code of docs/adding.md, run as it stands there: each page adds what it says, and its commands work."""

from __future__ import annotations

import json
import re
import shlex
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, Cli, run_cli
from wheels import installed, with_plugins

from cotbench.answers.kinds import KINDS
from cotbench.engines import ENGINES
from cotbench.modes import MODES
from cotbench.runs.stations import STATIONS

TEXT = (ROOT / "docs" / "adding.md").read_text()
PAGES = {page.split("\n", 1)[0]: page for page in re.split(r"^## ", TEXT, flags=re.M)[1:]}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"^(?:#|\{#) ([\w/.-]+)(?: #\})?\n")


ADDED: list[str] = []  # modules of a page


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what a page adds to the tables."""
    kept = [(table, dict(table)) for table in (MODES, KINDS, ENGINES, STATIONS)]
    yield
    for table, content in kept:
        table.clear()
        table.update(content)
    for name in ADDED:
        del sys.modules[name]
    ADDED.clear()


def follow(page: str, folder: Path, main: Cli) -> list[str]:
    """Do what a page says, in a folder; what its commands print."""
    said = []
    for language, content in BLOCK.findall(PAGES[page]):
        named = NAMED.match(content)
        if language == "python":
            assert named
            name = named[1].replace("/", ".").removesuffix(".py")
            module = types.ModuleType(f"{name}_of_the_page" if name in sys.modules else name)
            sys.modules[module.__name__] = module
            ADDED.append(module.__name__)
            exec(compile(content, named[1], "exec"), module.__dict__)
        elif language in ("jinja", "yaml", "jsonl"):
            assert named
            path = folder / named[1]
            path.parent.mkdir(exist_ok=True)
            path.write_text(content[named.end() :])
        else:
            for command in content.strip().splitlines():
                name, *arguments = shlex.split(command)
                assert name == "cotbench"
                done = main(*arguments)
                assert done.code == 0, f"{command}: {done.err}"
                said.append(done.out)
    return said


@pytest.fixture
def run_of(tmp_path: Path) -> Path:
    return tmp_path / "results"


def records(results: Path) -> list[dict[str, object]]:
    [path] = results.glob("*/records.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_a_page_for_each() -> None:
    pages = ["A mode", "A kind of answers", "A task", "A task of others", "A suite", "An engine", "A station"]
    pages.append("A plugin")
    assert list(PAGES) == pages
    assert not [page for page, text in PAGES.items() if len(text.splitlines()) > 115], "a page"


def test_a_mode(tmp_path: Path, main: Cli, run_of: Path) -> None:
    *_, report = follow("A mode", tmp_path, main)
    assert "reflect" in report
    rows = [row for row in records(run_of) if row["mode"] == "reflect"]
    assert len(rows) == 6
    assert all(len(row["requests"]) == 3 for row in rows)  # type: ignore[arg-type]


def test_a_kind_of_answers(tmp_path: Path, main: Cli) -> None:
    [said] = follow("A kind of answers", tmp_path, main)
    rows = [json.loads(line) for line in said.splitlines()]
    assert [(row["answer"], row["outcome"], row["rule"], row.get("score")) for row in rows] == [
        ("7:30", "correct", "clock", None),
        ("7:33", "wrong", "clock", 0.5),
        ("9:15", "correct", "last", None),
    ]


def test_a_task(tmp_path: Path, main: Cli, run_of: Path) -> None:
    follow("A task", tmp_path, main)
    assert {(row["task"], row["mode"], row["gold"]) for row in records(run_of)} == {
        ("ferries", mode, gold) for mode in ("direct@answer=begun", "cot") for gold in ("4", "27")
    }


def test_a_suite(tmp_path: Path, main: Cli, run_of: Path) -> None:
    *_, report = follow("A suite", tmp_path, main)
    assert len(records(run_of)) == 2 * 2 * 20  # of two tasks, under two modes
    assert "By category (walks)" in report


def test_an_engine(tmp_path: Path, main: Cli, run_of: Path) -> None:
    follow("An engine", tmp_path, main)
    assert len(records(run_of)) == 6
    [manifest] = run_of.glob("*/manifest.json")
    assert json.loads(manifest.read_text())["engine"]["engine"] == "parrot"


@pytest.mark.patient
def test_a_plugin(tmp_path: Path) -> None:
    for language, content in BLOCK.findall(PAGES["A plugin"]):
        if language != "console":
            named = NAMED.match(content)
            assert named
            path = tmp_path / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content[named.end() :])
            continue
        install, *commands = content.strip().splitlines()
        assert install == "pip install ./harbour"
        site = installed(tmp_path / "harbour", tmp_path)
        done = [run_cli(*shlex.split(line)[1:], cwd=tmp_path, env=with_plugins(site)) for line in commands]
        assert [one.code for one in done] == [0] * 3, done
        assert "said aloud" in done[1].out or "aloud" in done[1].out
        assert "of boats" in done[1].out
        assert "[cotbench-harbour 0.1.0]" in done[2].out


def test_a_station(tmp_path: Path, main: Cli, run_of: Path) -> None:
    follow("A station", tmp_path, main)
    assert sum(row["mode"] == "with-passage" for row in records(run_of)) == 6
    [journal] = run_of.glob("*/journal.jsonl")
    sent = [json.loads(line) for line in journal.read_text().splitlines()]
    texts = [row["messages"][-1]["text"] for row in sent if row["template"] == "with-passage"]
    assert all(text.startswith(("To solve an equation", "Of several words")) for text in texts)
    run = next(run_of.iterdir())
    assert main("score", run).code == 0
    assert json.loads((run / "manifest.json").read_text())["spec"]["stations"] == {"shelf": "2 passages"}
    [kind] = [kind for kind, row in STATIONS.items() if row.name == "shelf"]
    STATIONS[kind] = replace(STATIONS[kind], identity=lambda: "3 passages")
    other = main("score", run)
    assert other.code == 3
    assert "was run with the station shelf as 2 passages, and it is 3 passages now" in other.err
    resumed = main("run", "--resume", run)
    assert resumed.code == 3
    assert 'stations.shelf: "2 passages" -> "3 passages"' in resumed.err
