"""A run's folder that isn't what a run writes: one message each; nothing is followed, waited for or believed."""

from __future__ import annotations

import copy
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, run_cli

import cotbench
from cotbench.errors import RunError
from cotbench.store.files import open_to_read, open_to_write, write_new
from cotbench.store.journal import JOURNAL, read_journal
from cotbench.store.lock import LOCK
from cotbench.store.manifest import MANIFEST
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

MODES = "direct,self-consistency"
COMMANDS = (
    "report r --no-plots --no-page",
    "show r",
    "score r --workers 1 --dry-run",
    "list runs -o .",
    "run --resume r -q",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    done = run_cli(
        "run", "--model", "stub", "--task", "sample", "--mode", MODES, "--paths", "3", "--limit", "3", "-q", cwd=folder
    )
    assert done.code == 0, done.err
    [manifest] = (folder / "results").glob(f"*/{MANIFEST}")
    return manifest.parent


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "r"))


def said(main: Cli, command: str, code: int, *pieces: str) -> None:
    done = main(*command.split())
    assert done.code == code, (command, done.err)
    assert done.err.count("Error: ") == 1
    assert "Traceback" not in done.err
    for piece in pieces:
        assert piece in done.err, command


# --- kinds of files -----------------------------------------------------------------------------------------------

PIPE, FOLDER, SOCKET, LINK_TO_PIPE, DEVICE = "pipe", "folder", "socket", "link to a pipe", "link to a device"


def put(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    if kind == FOLDER:
        path.mkdir()
    elif kind == DEVICE:
        path.symlink_to("/dev/zero")
    elif kind == SOCKET:
        os.mknod(path, 0o140644)
    else:
        pipe = path if kind == PIPE else path.with_name("p")
        os.mkfifo(pipe)
        if pipe != path:
            path.symlink_to(pipe)


@pytest.mark.parametrize("kind", [PIPE, FOLDER, SOCKET, LINK_TO_PIPE, DEVICE])
@pytest.mark.parametrize("name", [MANIFEST, QUESTIONS, RECORDS, JOURNAL])
def test_what_is_no_file_is_not_waited_for(name: str, kind: str, run: Path, main: Cli) -> None:
    put(kind, run / name)
    said(main, COMMANDS[0], 3, f"r/{name}: ")
    for command in COMMANDS[1:]:
        done = main(*command.split())
        assert done.code in (0, 3)
        assert "Traceback" not in done.err
    if name == MANIFEST:
        assert main("list", "runs", "-o", ".").code == 0  # it is no run, and the others are listed


KINDS = {PIPE: "a named pipe", FOLDER: "a folder", SOCKET: "a socket", LINK_TO_PIPE: "a named pipe", DEVICE: "a device"}
ARGUMENTS = {  # a command, the path of the argument, and the exit code
    "list tasks --tasks-dir d": ("d/x.yaml", 2),
    "run --model stub --mode direct --tasks-dir d --task x -q": ("d/x.yaml", 2),
    "run --model stub --mode cot --prompts-dir d --task sample --limit 1 -q": ("d/cot.jinja", 2),
    "run --model stub --mode cot --task d/q.jsonl -q": ("d/q.jsonl", 2),
    "run --model stub --mode cot --task d/q.yaml -q": ("d/q.yaml", 2),
    "run --model stub --mode cot --task ./d/q -q": ("d/q", 2),
    "run --model m --engine replay --model-args path=d/o.jsonl --mode cot --task sample --limit 1 -q": ("d/o.jsonl", 3),
    "score d/o.jsonl --answer-type number": ("d/o.jsonl", 3),
    "score d/o.jsonl": ("d/o.jsonl", 3),
    "report r --tags-file d/t.csv --no-plots --no-page": ("d/t.csv", 3),
    "show r --tags-file d/t.csv": ("d/t.csv", 3),
    "run --model m --engine openai --base-url http://127.0.0.1:9/v1 --mode cot --task sample --extra-body @d/b.json": (
        "d/b.json",
        2,
    ),
}


@pytest.mark.parametrize("kind", [PIPE, LINK_TO_PIPE, DEVICE, FOLDER])
@pytest.mark.parametrize("command", ARGUMENTS)
def test_nor_is_what_is_given_as_a_file(command: str, kind: str, run: Path, tmp_path: Path, main: Cli) -> None:
    path, code = ARGUMENTS[command]
    if kind == FOLDER and not command.startswith(("list", "report", "run --model stub")):
        return  # replay and score take folders, of runs
    (tmp_path / path).parent.mkdir(exist_ok=True)
    put(kind, tmp_path / path)
    said(main, command, code, Path(path).name, f"is {KINDS[kind]}, expected a file")


@pytest.mark.parametrize("kind", [PIPE, FOLDER, SOCKET])
@pytest.mark.parametrize("name", [RECORDS, JOURNAL, LOCK])
def test_nor_written_to(name: str, kind: str, run: Path, main: Cli) -> None:
    put(kind, run / name)
    said(main, "run --resume r -q", 3, f"r/{name}" if name != LOCK else "r: can't be written")


@pytest.mark.parametrize("name", [RECORDS, JOURNAL, LOCK, QUESTIONS, MANIFEST])
def test_no_file_is_written_through_a_link(name: str, run: Path, tmp_path: Path, main: Cli) -> None:
    precious = tmp_path / "precious.txt"
    content = (run / name).read_bytes() if name in (MANIFEST, JOURNAL) else b"mine\n"
    precious.write_bytes(content)
    (run / name).unlink()
    (run / name).symlink_to(precious)
    done = main("run", "--resume", "r", "-q")
    assert precious.read_bytes() == content
    assert "Traceback" not in done.err
    if done.code:
        assert "is a link" in done.err
    else:
        assert not (run / name).is_symlink()
    main("score", "r", "--workers", "1")
    assert precious.read_bytes() == content


def test_nor_is_one_of_a_report(run: Path, tmp_path: Path, main: Cli) -> None:
    names = ("report.html", "summary.md", "report.json", "deltas.csv", "accuracy.svg", "accuracy.png")
    for name in names:
        (tmp_path / f"precious-{name}").write_text("mine")
        (run / "report").mkdir(exist_ok=True)
        (run / "report" / name).symlink_to(tmp_path / f"precious-{name}")
    assert main("report", "r").code == 0
    for name in names:
        assert (tmp_path / f"precious-{name}").read_text() == "mine"
        assert not (run / "report" / name).is_symlink(), name


def test_nor_what_becomes_one_of_a_report(run: Path, tmp_path: Path, main: Cli) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (run / "report").mkdir()
    (run / "report" / "summary.md.tmp").symlink_to(precious)
    done = main("report", "r", "--no-plots")
    assert precious.read_text() == "mine"
    assert (done.code, "is a link" in done.err) == (2, True)


def test_nor_a_whole_report(run: Path, tmp_path: Path, main: Cli) -> None:
    (tmp_path / "elsewhere").mkdir()
    (run / "report").symlink_to(tmp_path / "elsewhere")
    said(main, "report r", 2, "r/report: is a link")
    assert not any((tmp_path / "elsewhere").iterdir())
    assert main("report", "r", "--to", "r/report", "--no-plots", "--no-page").code == 0  # a user's own word


def test_the_ways_to_open(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    with open_to_read(tmp_path / "l") as file:  # data that are kept elsewhere may be read
        assert file.read() == b"x"
    with pytest.raises(FileNotFoundError):
        open_to_read(tmp_path / "none")
    with pytest.raises(RunError, match="is a folder, expected a file"):
        open_to_read(tmp_path)
    with pytest.raises(OSError, match="it is a link"):
        open_to_write(tmp_path / "l", os.O_WRONLY)
    write_new(tmp_path / "l", b"y")
    assert (tmp_path / "f").read_text() == "x"
    assert (tmp_path / "l").read_text() == "y"


# --- entries ------------------------------------------------------------------------------------------------------

RECORD_FAULTS: dict[str, tuple[Any, str]] = {
    "outcome": ("<script>", "outcome is '<script>', expected one of correct, wrong"),
    "votes": ("many", "votes is 'many', expected the votes on each answer, or null"),
    "executions": (7, "executions is 7, expected a list of what came of programs"),
    "answer": ({"a": 1}, "answer is {'a': 1}, expected a text or null"),
    "gold": (None, "gold is None, expected a text"),
    "span": ([9, 1], "span is [9, 1], expected two whole numbers or null"),
    "requests": ([["x"]], "requests is [['x']], expected a list of addresses"),
    "truncated": ("no", "truncated is 'no', expected true or false"),
    "completion_tokens": ("7", "completion_tokens is '7', expected a whole number or null"),
    "question": (["q"], "question is ['q'], expected a text"),
    "rule": (None, "rule is None"),
    "mode": (3, "mode is 3"),
    "score": (2, "score is 2, expected a number from 0 to 1; cotbench"),
}


@pytest.mark.parametrize("name", RECORD_FAULTS)
def test_a_record_of_the_wrong_type_is_named(name: str, run: Path, main: Cli) -> None:
    value, finding = RECORD_FAULTS[name]
    edit_line(run / RECORDS, 2, lambda row: row | {name: value})
    for command in COMMANDS[:3]:
        said(main, command, 3, f"r/{RECORDS}:3: {finding}", "cotbench run --resume RUN")
    with pytest.raises(RunError):
        cotbench.load(run)
    assert main("run", "--resume", "r", "-q").code == 0  # as the message says
    assert main("report", "r", "--no-plots", "--no-page").code == 0


FOREIGN_RECORDS: dict[str, tuple[Any, str]] = {
    "mode": ("cot", "mode is 'cot', expected one of this run"),
    "task": ("gsm8k", "task is 'gsm8k', expected 'sample'"),
    "gold": ("no answer", "gold is 'no answer', expected "),
    "question": ("sample-none", f"{QUESTIONS}: lacks question sample-none"),
}


@pytest.mark.parametrize("name", FOREIGN_RECORDS)
def test_a_record_that_contradicts_the_rest_is_named(name: str, run: Path, main: Cli) -> None:
    """Records are sorted by task and mode, so one that is of neither would be left out in silence."""
    value, finding = FOREIGN_RECORDS[name]
    edit_line(run / RECORDS, 2, lambda row: row | {name: value})
    for command in COMMANDS[:3]:
        place = f"r/{RECORDS}:3: " if name != "question" else "(line 3 of records.jsonl)"
        said(main, command, 3, place, finding, "cotbench run --resume RUN")
    with pytest.raises(RunError):
        cotbench.load(run)
    assert main("run", "--resume", "r", "-q").code == 0  # as the message says
    assert main("report", "r", "--no-plots", "--no-page").code == 0


@pytest.mark.parametrize("content", [None, b"", b"garbage\n" * 3, "cut"], ids=["missing", "empty", "garbage", "cut"])
def test_a_journal_without_its_replies_is_said(content: bytes | str | None, run: Path, main: Cli) -> None:
    whole = main("report", "r", "--no-plots", "--no-page")
    assert (whole.code, "can't be shown" in whole.out) == (0, False)
    assert "Note" not in main("show", "r").err
    if content is None:
        (run / JOURNAL).unlink()
    elif isinstance(content, str):
        lines = (run / JOURNAL).read_bytes().splitlines(keepends=True)
        (run / JOURNAL).write_bytes(b"".join(lines[1:]))
    else:
        (run / JOURNAL).write_bytes(content)
    lost = "1 of 6 answers" if content == "cut" else "6 of 6 answers"
    done = main("report", "r", "--no-plots", "--no-page")
    assert done.code == 0
    for said_of_it in (done.out, (run / "report" / "summary.md").read_text()):
        assert f"the prompts and outputs of {lost} can't be shown" in " ".join(said_of_it.split())
    done = main("show", "r")
    assert done.code == 0
    assert f"Note: r/{JOURNAL} " in done.err
    assert lost in done.err


@pytest.mark.parametrize("count", [-5, 10**18, 10**400])
def test_a_count_that_cannot_be_is_unknown(count: int, run: Path, main: Cli) -> None:
    """Earlier versions recorded what a server said."""
    for at in range(3):
        edit_line(run / RECORDS, at, lambda row: row | {"completion_tokens": count})
    assert main("report", "r", "--no-plots", "--no-page").code == 0
    assert cotbench.load(run).records["completion_tokens"].head(3).isna().all()


@pytest.mark.parametrize(
    ("name", "value"), [("text", 3), ("choices", "AB"), ("group", None), ("gold", ["A"]), ("more", 1)]
)
def test_a_question_of_the_wrong_type_is_named(name: str, value: Any, run: Path, main: Cli) -> None:
    edit_line(run / QUESTIONS, 1, lambda row: row | {name: value})
    for command in COMMANDS[:3]:
        said(main, command, 3, f"r/{QUESTIONS}:2: ")


@pytest.mark.parametrize("name", ["gold", "text", "group"])
@pytest.mark.parametrize("old", [False, True], ids=["", "of an earlier version"])
def test_questions_that_are_not_those_asked_are_refused(old: bool, name: str, tmp_path: Path, main: Cli) -> None:
    assert (
        main(
            "run", "--model", "stub", "--task", "sample", "--mode", "direct", "-q", *([] if old else ["--limit", "9"])
        ).code
        == 0
    )
    [folder] = (tmp_path / "results").iterdir()
    if old:
        if name != "gold":
            pytest.skip("earlier versions recorded no more")
        edit_manifest(folder, ("data", "sample", "asked"), None, delete=True)
    edit_line(folder / QUESTIONS, 0, lambda row: row | {name: "A" if row[name] != "A" else "B"})
    for command in ("report --no-plots --no-page", "show", f"score {folder} --workers 1"):
        said(main, command, 3, QUESTIONS, "aren't those that were asked", "the manifest's is")
    with pytest.raises(RunError, match="aren't those that were asked"):
        cotbench.load(folder)
    assert main("run", "--resume", str(folder), "-q").code == 0
    assert main("report", "--no-plots", "--no-page").code == 0


MANIFEST_FAULTS: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "no model": (("spec", "model"), 3, "spec.model is 3, expected a mapping"),
    "a model without name": (("spec", "model", "model"), "", "spec.model.model is '', expected a model's name"),
    "no tasks": (("spec", "tasks"), {}, "spec.tasks is {}, expected a mapping for each task"),
    "a task's data": (("spec", "tasks", "sample", "data"), None, "spec.tasks.sample.data is None"),
    "no modes": (
        ("spec", "modes"),
        ["sample/cot"],
        "spec.modes is ['sample/cot'], expected a mapping for each task and mode",
    ),
    "a mode of no task": (
        ("spec", "modes"),
        {"cot": {}},
        "spec.modes has 'cot', expected a task of this run and a mode",
    ),
    "sampling": (
        ("spec", "modes", "sample/direct@answer=begun", "sampling"),
        "greedy",
        "sampling is 'greedy', expected a mapping",
    ),
    "status": (("status",), "done", "status is 'done', expected one of running, finished"),
    "options": (("options",), None, "options is None, expected a mapping"),
    "data": (("data",), {"sample": 1}, "data is {'sample': 1}, expected a mapping for each task"),
    "totals": (("totals", "of"), "all", "totals.of is 'all', expected a whole number"),
    "sessions": (("sessions",), 3, "sessions is 3, expected a list"),
    "engine": (("engine",), [], "engine is [], expected a mapping"),
    "another key": (("extra",), 3, "'extra' is nothing that this version knows"),
    "schema": (("schema",), {"x": 1}, "expected schema 1, found {'x': 1}"),
}


@pytest.mark.parametrize("name", MANIFEST_FAULTS)
def test_a_manifest_that_is_absurd_is_one_message(name: str, run: Path, main: Cli) -> None:
    place, value, finding = MANIFEST_FAULTS[name]
    edit_manifest(run, place, value)
    for command in COMMANDS:
        said(main, command, 3, f"r/{MANIFEST}: ", finding)
    with pytest.raises(RunError):
        cotbench.load(run)


@pytest.mark.parametrize(
    ("place", "value", "finding"),
    [
        (("options", "limit"), "six", "options.limit is 'six'"),
        (("options", "modes"), [], "options.modes is [], expected at least one"),
        (("options", "paths"), {"*": "3"}, "options.paths.* is '3'"),
        (("options", "colour"), "red", "options.colour is nothing that this version knows"),
        (("options", "seed"), None, "options.seed is None"),
        (("options", "gen_kwargs"), [], "options.gen_kwargs is []"),
        (("options", "thinking"), "", "options.thinking is ''"),
    ],
)
def test_recorded_options_that_are_none(place: tuple[str, ...], value: Any, finding: str, run: Path, main: Cli) -> None:
    edit_manifest(run, place, value)
    done = main("run", "--resume", "r", "-q")
    assert done.code in (2, 3)
    assert finding in done.err
    assert "Traceback" not in done.err


def test_a_sealed_line_that_cotbench_does_not_write_is_passed_over(run: Path, main: Cli) -> None:
    lines = (run / JOURNAL).read_bytes().splitlines()
    good = json.loads(lines[0])
    bad = [
        good | {"completions": 3},
        good | {"question": None},
        good | {"completions": [{"text": 1, "finish_reason": "stop"}]},
        {"v": 1},
        good | {"sampling": {}},
    ]
    (run / JOURNAL).write_bytes(b"\n".join([*map(sealed, bad), *lines]) + b"\n")
    state = read_journal(run / JOURNAL)
    assert (state.damaged, len(state.replies)) == (len(bad), len(lines))
    for command in COMMANDS:
        assert main(*command.split()).code == 0


@pytest.mark.patient
def test_every_place_made_absurd_ends_in_one_message_or_well(finished: Path, tmp_path: Path, main: Cli) -> None:
    """A sweep: every place of a manifest and of one line of each file, one absurd value each, and one command each."""
    absurd = [None, True, -5, 1e300, "<script>", [], {}, [[1, 2]], {"x": {"y": None}}, 10**400, "\ud800\x1b[2J"]
    cases = []
    for name in (MANIFEST, QUESTIONS, RECORDS, JOURNAL):
        lines = (finished / name).read_text().splitlines()
        docs = [json.loads((finished / name).read_text())] if name == MANIFEST else list(map(json.loads, lines))
        at = next((i for i, doc in enumerate(docs) if doc.get("votes")), 0)
        cases += [(name, at, docs, place) for place in places(docs[at]) if place[:1] != ("sessions",)]
    assert len(cases) > 120
    for number, (name, at, docs, place) in enumerate(cases[::2]):
        value = absurd[number % len(absurd)]
        folder = tmp_path / "r"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder)
        changed = [
            put_at(doc, place, value) if place and i == at else value if i == at else doc for i, doc in enumerate(docs)
        ]
        seal = name == JOURNAL and isinstance(changed[at], dict)
        body = [sealed(row) if seal and i == at else json.dumps(row).encode() for i, row in enumerate(changed)]
        (folder / name).write_bytes(b"\n".join(body) + b"\n")
        for command in (COMMANDS[number % len(COMMANDS)], COMMANDS[(number + 1) % len(COMMANDS)]):
            done = main(*command.split())
            assert done.code in (0, 2, 3), (name, place, value, command, done.err)
            assert "Traceback" not in done.err, (name, place, value, command)
            assert "\x1b" not in done.out + done.err


def test_no_home_folder_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: Cli) -> None:
    home = tmp_path / "home" / "jane.doe"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / "q.jsonl").write_text('{"question": "One and one?", "answer": "2"}\n')
    (home / "p").mkdir()
    (home / "p" / "mine.jinja").write_text("{{ question.text }}")
    assert (
        main(
            "run",
            "--model",
            "stub",
            "--task",
            str(home / "q.jsonl"),
            "--prompts-dir",
            str(home / "p"),
            "--mode",
            "direct",
            "-q",
        ).code
        == 0
    )
    [path] = (tmp_path / "results").glob(f"*/{MANIFEST}")
    assert "jane.doe" not in path.read_text()
    manifest = json.loads(path.read_text())
    assert manifest["data"]["q"]["origin"] == "~/q.jsonl"
    assert manifest["sessions"][0]["command"][0] == "cotbench"
    again = main("run", "--resume", str(path.parent))
    assert again.code == 0, again.err
    assert "nothing new was asked" in again.out


def test_a_run_of_a_model_whose_name_begins_with_a_dash(tmp_path: Path, main: Cli) -> None:
    done = main(
        "run", "--engine", "stub", "--model=-x", "--task", "sample", "--mode", "direct", "--limit", "3", "-o", ".", "-q"
    )
    assert done.code == 0
    folder = done.out.splitlines()[-1]
    assert not Path(folder).name.startswith("-")
    assert main("report", Path(folder).name, "-o", ".", "--no-plots", "--no-page").code == 0


def test_a_bad_manifest_leaves_the_others_in_the_list(run: Path, tmp_path: Path, main: Cli) -> None:
    shutil.copytree(run, tmp_path / "s")
    edit_manifest(run, ("spec",), 3)
    done = main("list", "runs", "-o", ".")
    assert done.code == 3
    assert "stub" in done.out
    assert f"r/{MANIFEST}: spec is 3" in done.err


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*at, key))
    elif isinstance(value, list):
        for place in range(min(1, len(value))):
            yield from places(value[place], (*at, place))


def put_at(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def sealed(row: dict[str, Any]) -> bytes:
    body = json.dumps({key: value for key, value in row.items() if key != "crc"}, separators=(",", ":")).encode()
    return body[:-1] + b',"crc":"%08x"}' % zlib.crc32(body)


def edit_line(path: Path, at: int, change: Any) -> None:
    lines = path.read_text().splitlines()
    lines[at] = json.dumps(change(json.loads(lines[at])))
    path.write_text("".join(f"{line}\n" for line in lines))


def edit_manifest(folder: Path, place: tuple[str, ...], value: Any, *, delete: bool = False) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    changed = put_at(content, place, value)
    if delete:
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        del inner[place[-1]]
    (folder / MANIFEST).write_text(json.dumps(changed))


@pytest.mark.parametrize("times", [0, 2])
def test_a_line_with_other_paths_than_were_asked_for_is_damaged(
    finished: Path, tmp_path: Path, main: Cli, times: int
) -> None:
    """Its request is made again: a mode that asked for one path can't do with none, or two."""
    folder = tmp_path / "r"
    shutil.copytree(finished, folder)
    rows = [json.loads(line) for line in (folder / JOURNAL).read_text().splitlines()]
    at = next(number for number, row in enumerate(rows) if row["sampling"]["n"] == 1)
    rows[at]["completions"] *= times
    body = [sealed(row) for row in rows]
    (folder / JOURNAL).write_bytes(b"\n".join(body) + b"\n")
    done = main("run", "--resume", folder, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["requests"] == 1
    assert "1 damaged journal lines are passed over" in done.err
