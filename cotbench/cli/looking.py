"""Looking around: `cotbench list`, `show-prompt` and `doctor`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cotbench import plugins
from cotbench.cli import completion
from cotbench.cli.flags import DataDirOption, Flags, JsonOption, OutputDirOption, TasksDirOption, Values, with_flags
from cotbench.cli.shared import app, guarded, stderr, stdout, stdout_json
from cotbench.errors import CotbenchError, DataError, RunError, TaskError, UsageError
from cotbench.questions.others import FORMS
from cotbench.questions.shipped import shipped, task_files
from cotbench.runs.options import FLAGS, RunOptions
from cotbench.runs.parsing import listed

Row = dict[str, Any]
# What there is to list, and what makes the row of each; reading one may fail while the others are listed all the same.
Listing = tuple[Iterable[Any], Callable[[Any], Row]]


MOST_ROWS = 10  # of a list, unless --verbose asks for all; a dozen is shown where that is all there are
DOZEN = 12


@app.command("list")
@guarded
def list_(
    what: Annotated[
        str, typer.Argument(help="tasks, suites, modes, engines, tags or runs.", autocompletion=completion.lists)
    ] = "",
    tasks_dir: TasksDirOption = None,
    output_dir: OutputDirOption = Path("results"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="All rows, and all that is known of each.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List tasks, suites of them, modes, engines, tag rules or runs, the latest run first."""
    if not what:
        raise UsageError("list: of what?", f"Use {listed(list(LISTS))}.")
    if what not in LISTS:
        raise UsageError(f"list: there is no list of '{what}'.", f"Use {listed(list(LISTS))}.")
    things, row_of = LISTS[what](tasks_dir, output_dir)
    rows: list[Row] = []
    unreadable: list[CotbenchError] = []
    for thing in things:
        try:
            rows.append(row_of(thing))
        except (TaskError, RunError) as error:
            unreadable.append(error)
    if as_json:
        stdout_json(rows)
    elif rows or not unreadable:
        _show_list(what, rows, verbose=verbose)
    for lost in _lost(what):
        stderr(f"Left out: {lost}.")
    for fault in unreadable[:-1]:
        stderr(f"Error: {fault}")
    if unreadable:
        raise unreadable[-1]


def _show_list(what: str, rows: Sequence[Row], *, verbose: bool) -> None:
    from cotbench.terminal.tables import show_rows

    whole = verbose or len(rows) <= DOZEN or what in SHOWN_WHOLE
    shown = rows if whole else rows[:MOST_ROWS]
    cells = [_spaced(row) if verbose else _brief(row, LISTED.get(what, ())) for row in shown]
    show_rows(cells, f"no {what}", cut="about" if not verbose and len(shown) > DOZEN else "")
    if len(shown) < len(rows):
        stdout(f"and {len(rows) - len(shown):,} more: cotbench list {what} --verbose")
    if what == "tasks":
        stdout(f"Tasks of others, too: --task {' or '.join(FORMS)}")


def _from(kind: plugins.Kind, name: str, path: Path | None = None) -> Row:
    """Where a thing is from, as a row has it: nothing for what is cotbench's or the user's own."""
    origin = plugins.origin_of(kind, name, path)
    return {} if origin is None else {"plugin": str(origin)}


def _lost(what: str) -> list[plugins.Fault]:
    """What can't be used of what plugins add to a list."""
    own = task_files(shipped("tasks")) if what == "tasks" else ()
    return [fault for kind in plugins.KINDS if kind == what for fault in plugins.faults(kind, own)]


SHOWN_WHOLE = frozenset({"tasks", "modes"})  # names that one chooses from, a line each


# What a list shows of each thing without --verbose, by the keys of its rows in JSON.
LISTED: Mapping[str, tuple[str, ...]] = {
    "tasks": ("task", "questions", "answer", "about"),
    "suites": ("suite", "tasks", "about"),
    "modes": ("mode", "max_tokens", "about"),
    "engines": ("engine", "installed", "about"),
    "tags": ("tag", "timing", "about"),
}


def _spaced(row: Row) -> Row:
    """A row as it is shown whole: lists of names may be broken between them, and what is said of several names alike is
    said once."""
    shown = {key: value.replace(",", ", ") if key in ("tasks", "modes") else value for key, value in row.items()}
    if "arguments" in shown:
        names: dict[str, list[str]] = {}
        for name, about in shown["arguments"].items():
            names.setdefault(about, []).append(name)
        shown["arguments"] = "; ".join(f"{', '.join(those)}: {about}" for about, those in names.items())
    if settings := shown.pop("settings", None):
        shown["about"] += "; ".join(["", *(f"@{name}: {about}" for name, about in settings.items())])
    return shown


def _first_clause(about: str) -> str:
    return re.split(r"[:;(]", about)[0].strip()


def _brief(row: Row, keys: Sequence[str]) -> Row:
    """What a list shows of a thing where nobody asks for all: of what is about it the first words."""
    if "run" in row:
        return _brief_run(row)
    brief = {key: _first_clause(row[key]) if key == "about" and "tag" not in row else row[key] for key in keys}
    if brief.get("answer", "").count(",") > 1:
        brief["answer"] = f"{brief['answer'].count(',') + 1} kinds"
    if "plugin" in row:
        brief["about"] += f" [{row['plugin']}]"
    return brief


def _brief_run(row: Row) -> Row:
    """A run in few columns: its state with the answers that there are, and its arms by task without how the answer
    alone is had, which names of arms say where it is asked for."""
    of, answers = row["of"], row["answers"] or 0
    state = f"{row['status']} {answers:,}" + (f"/{of:,}" if of and of != answers else "")
    arms = ", ".join(dict.fromkeys(name.partition("@answer=begun")[0] for name in row["modes"].split(",")))
    what = f"{row['tasks'].replace(',', ', ')}: {arms}"
    return {"run": row["run"], "started": row["started"][5:16].replace("T", " "), "state": state, "asked": what}


def _tasks(tasks_dir: Path | None, _: Path) -> Listing:
    from cotbench.questions.tasks import find_task, list_task_files

    def row(name: str) -> Row:
        file = find_task(name, tasks_dir)
        task = file.task
        return {
            "task": task.name,
            "questions": task.rows,
            "answer": ", ".join(map(str, task.kinds)),
            "source": task.source.dataset or task.source.file,
            "licence": task.source.licence,
            "about": task.about,
            **_from("tasks", name, file.path),
        }

    return list_task_files(tasks_dir), row


def _suites(tasks_dir: Path | None, _: Path) -> Listing:
    from cotbench.questions.suites import list_suite_files, read_suite_file

    def row(path: Path) -> Row:
        suite = read_suite_file(path).suite
        return {
            "suite": suite.name,
            "tasks": len(suite.tasks),
            "about": suite.about,
            "categories": "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in suite.categories.items()),
            "limit_per_category": suite.limit_per_category,
            "missing": "; ".join(f"{one.name} ({one.why})" for one in suite.missing),
        }

    return list_suite_files(tasks_dir).values(), row


def _modes(_: Path | None, __: Path) -> Listing:
    from cotbench.modes import MODES, Mode

    def row(mode: Mode) -> Row:
        templates = ", ".join(f"{name}.jinja" for name in mode.templates)
        own = {name: f"{one.about} ({one.default}; {one.expected})" for name, one in mode.settings.items()}
        budget = mode.own.max_tokens
        told = {"mode": mode.name, "templates": templates, "max_tokens": budget, "about": mode.about, "settings": own}
        return {**told, **_from("modes", mode.name)}

    return MODES.values(), row


def _engines(_: Path | None, __: Path) -> Listing:
    from cotbench.engines import ENGINES, EngineRow
    from cotbench.engines.arguments import arguments_of

    def row(engine: EngineRow) -> Row:
        arguments = {one.name: one.about for one in arguments_of(engine.name)}
        installed = "no" if engine.missing() else "yes"
        told = {"engine": engine.name, "installed": installed, "about": engine.about, "arguments": arguments}
        return {**told, **_from("engines", engine.name)}

    return ENGINES.values(), row


def _tags(_: Path | None, __: Path) -> Listing:
    from cotbench.questions.tagging import RULES, Rule

    def row(rule: Rule) -> Row:
        told = {"tag": rule.name, "version": rule.version, "timing": rule.timing, "about": rule.about}
        return {**told, "sides": ", ".join(rule.sides), **_from("tags", rule.name)}

    return RULES.values(), row


def _runs(_: Path | None, output_dir: Path) -> Listing:
    from cotbench.store.lock import state_of
    from cotbench.store.lookup import list_runs, start_of
    from cotbench.store.manifest import read_manifest

    def row(folder: Path) -> Row:
        manifest = read_manifest(folder)
        pairs = manifest.spec.pairs
        state = state_of(folder, manifest)
        return {
            "run": manifest.run,
            "status": _status(state, manifest.sessions),
            "started": start_of(manifest.sessions),
            "model": manifest.options["model"],
            "tasks": ",".join(dict.fromkeys(task for task, _ in pairs)),
            "modes": ",".join(dict.fromkeys(mode for _, mode in pairs)),
            "answers": _answers(folder) if state == "running" else manifest.totals.get("records"),
            "of": manifest.totals.get("of"),
        }

    return list_runs(output_dir), row


def _answers(folder: Path) -> int:
    """How many answers a run has that goes on: its manifest says so at the end only."""
    from cotbench.store.lines import raw_lines
    from cotbench.store.records import RECORDS

    try:
        return sum(1 for _ in raw_lines(folder / RECORDS))
    except RunError:
        return 0


def _status(status: str, sessions: Sequence[Mapping[str, Any]]) -> str:
    """A run's status; "probed" of one whose first questions were asked only."""
    return "probed" if status == "interrupted" and sessions and sessions[-1].get("probe") else status


LISTS: Mapping[str, Callable[[Path | None, Path], Listing]]
LISTS = {"tasks": _tasks, "suites": _suites, "modes": _modes, "engines": _engines, "tags": _tags, "runs": _runs}


@app.command("show-prompt")
@guarded
@with_flags
def show_prompt(
    *,
    asked: Annotated[Values, Flags("tasks", "modes", "columns", "kind")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="Render with this model's chat template (needs its tokenizer and the transformers package).",
        ),
    ] = None,
    question: Annotated[int, typer.Option(min=1, metavar="<int>", help="Which question, counted from 1.")] = 1,
    exemplars: Annotated[Values, Flags("num_fewshot", "exemplars", "limit", "seed")],
    rendering: Annotated[Values, Flags("chat_template", "families", "trust_remote_code")],
    folders: Annotated[Values, Flags("data_dir", "tasks_dir", "prompts_dir")],
    as_json: JsonOption = False,
) -> None:
    """Print what would be sent for a question: the messages, or with --model the text and its tokens."""
    from cotbench.engines.chat import plain_text
    from cotbench.runs.prepare import make_plan
    from cotbench.runs.retriever import Retriever, informed

    if missing := [FLAGS[name].names.split()[0] for name in ("tasks", "modes") if not asked[name]]:
        raise UsageError(f"{missing[0]} is missing.", "As in: cotbench show-prompt --task mmlu --mode cot")
    plan = make_plan(RunOptions(model=model or "stub", **asked, **exemplars, **folders))
    chat = None
    if model is not None:
        from cotbench.engines import EngineConfig
        from cotbench.engines.local import chat_format

        chat = chat_format(EngineConfig(model=model, **rendering))
    rows, retriever = [], Retriever()
    for (task, mode), kit in plan.kits.items():
        questions = plan.questions[task]
        if question > len(questions):
            raise UsageError(f"--question {question}: {task} has {len(questions)} questions here.")
        chosen = questions[question - 1]
        request = informed(kit, chosen, retriever).example_request(chosen, kit.mode.turns[0])
        row: Row = {"task": task, "mode": mode, "question": chosen.id, "request": request.hash}
        row["sampling"] = request.sampling.as_dict()
        row["messages"] = [{"role": message.role, "text": message.text} for message in request.messages]
        if chat is not None:
            text = chat.text(request)
            ids = chat.token_ids(text)
            row |= {"prompt": text, "token_ids": ids, "chat_template": chat.kind, "system_role": chat.system_role}
        elif rendering["chat_template"] == "none":
            row["prompt"] = plain_text(request.messages)
        rows.append(row)
    if as_json:
        stdout_json(rows)
    else:
        for row in rows:
            _say_prompt(row)


def _say_prompt(row: Row) -> None:
    sampling = row["sampling"]
    stdout(
        f"--- {row['task']} / {row['mode']}: {row['question']}, at most {sampling['max_tokens']} tokens, "
        f"temperature {sampling['temperature']:g} ---"
    )
    if "prompt" not in row:
        for message in row["messages"]:
            stdout(f"[{message['role']}]\n{message['text']}\n")
        return
    stdout(row["prompt"])
    if "token_ids" in row:
        first = " ".join(map(str, row["token_ids"][:8]))
        stdout(
            f"--- {len(row['token_ids'])} tokens, beginning {first}; chat template: {row['chat_template']}, "
            f"system role: {row['system_role']} ---"
        )


@app.command()
@guarded
@with_flags
def doctor(
    *,
    data_dir: DataDirOption = None,
    output_dir: OutputDirOption = Path("results"),
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="<task>[,..]",
            help="Look at tasks instead: load all questions, and grade each gold against itself.",
        ),
    ] = None,
    own: Annotated[Values, Flags("columns", "kind")],
    tasks_dir: TasksDirOption = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address",
            metavar="ADDRESS",
            help="A Ray cluster to look at (auto, or HOST:PORT), else RAY_ADDRESS; none is started.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="All checks, a row each; data sets are loaded, and more is tried.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what works on this machine, in ten rows; or whether a task's data are as they should be."""
    from dataclasses import asdict

    from cotbench.doctor import examine, folded

    if task is not None:
        _doctor_tasks(task, data_dir, tasks_dir, own, as_json=as_json)
        return
    from cotbench.terminal.tables import show_checks

    checks = examine(data_dir, output_dir, thorough=verbose or as_json, ray_address=ray_address)
    if as_json:
        stdout_json([asdict(check) for check in checks])
    else:
        show_checks(checks if verbose else folded(checks))
        if not verbose:
            stdout("All checks, a row each: cotbench doctor --verbose")


def _doctor_tasks(names: str, data_dir: Path | None, tasks_dir: Path | None, own: Values, *, as_json: bool) -> None:
    from dataclasses import asdict

    from cotbench.doctor import examine_task
    from cotbench.questions.columns import Hints
    from cotbench.questions.files import is_table
    from cotbench.questions.suites import expanded
    from cotbench.terminal.tables import show_task

    hints = Hints(**own)
    words = expanded([name.strip() for name in names.split(",") if name.strip()], tasks_dir)
    if (said := "--columns" if hints.columns else "--kind" if hints.kind else "") and not any(map(is_table, words)):
        found = f"{said}: no task of these is a file of questions (.jsonl, .csv ...)."
        raise UsageError(found, "A task file says itself where things stand (docs/adding.md).")
    checks = [examine_task(word, data_dir, tasks_dir, hints) for word in words]
    if as_json:
        stdout_json([{**asdict(check), "ok": check.ok} for check in checks])
    else:
        for check in checks:
            show_task(check)
    if not all(check.ok for check in checks):
        raise typer.Exit(DataError.exit_code)
