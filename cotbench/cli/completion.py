"""What a shell offers behind the options of commands: tasks, modes, engines, runs and other values.

A shell asks at each Tab, so that what takes long to load is imported where it is needed only, and nothing here raises:
a traceback in the middle of a command line helps nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from cotbench import plugins
from cotbench.questions.files import SUFFIXES

Word = tuple[str, str]  # a value, and what it is
Completer = Callable[[typer.Context, str], list[Word]]
_Source = Callable[[Mapping[str, Any]], Iterable[Word]]

_FILES = (*SUFFIXES, ".yaml", ".yml")  # of tasks


def _completer(source: _Source, *, commas: bool = False) -> Completer:
    """What offers the words of a source that begin as what is typed. commas: a list may be typed, of which the last
    word is completed, and those before it aren't offered again."""

    def complete(ctx: typer.Context, incomplete: str) -> list[Word]:
        head, comma, part = incomplete.rpartition(",") if commas else ("", "", incomplete)
        given = set(head.split(",")) if commas else set()
        try:
            words = list(source(ctx.params))
        except Exception:
            return []
        return [(f"{head}{comma}{word}", about) for word, about in words if word.startswith(part) and word not in given]

    return complete


def of_words(*words: str) -> Completer:
    """What offers some words."""
    return _completer(lambda _: [(word, "") for word in words])


def _first(about: str) -> str:
    """The first clause of what is said of a thing."""
    return about.partition(":")[0].partition(";")[0].partition(" (")[0]


def _tasks(params: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.questions.shipped import known_task_files, shipped, suite_files

    own = params.get("tasks_dir")
    folders = [shipped("tasks"), *([Path(own)] if own else [])]
    yield from ((name, "") for name in known_task_files(Path(own) if own else None))
    yield from ((name, "a suite of tasks") for name in suite_files(*folders))
    yield from ((path.name, "a file of yours") for path in sorted(Path().iterdir()) if path.suffix in _FILES)


def _suites(_: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.questions.shipped import shipped, suite_files

    return ((name, "") for name in suite_files(shipped("tasks")))


def _modes(_: Mapping[str, Any]) -> Iterator[Word]:
    """The modes, read from their source: importing them compiles all rules by which answers are read."""
    import ast

    for path in sorted((Path(__file__).parents[1] / "modes").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Mode":
                said = {
                    word.arg: str(word.value.value) for word in node.keywords if isinstance(word.value, ast.Constant)
                }
                if "name" in said:
                    yield said["name"], _first(said.get("about", ""))
    yield from _of_plugins("modes")


def _of_plugins(kind: plugins.Kind) -> Iterator[Word]:
    """What plugins add, by its name alone: nothing of theirs is loaded at a Tab."""
    return ((name, f"of {plugins.origin_of(kind, name)}") for name in plugins.names(kind))


def _engines(_: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.engines import ENGINES

    yield from ((row.name, _first(row.about)) for row in ENGINES.own_rows())
    yield from _of_plugins("engines")


def _model_args(params: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.engines import engine_of
    from cotbench.engines.arguments import arguments_of

    engine = params.get("engine") or engine_of(str(params.get("model")))
    return ((f"{one.name}=", one.about) for one in arguments_of(engine))


def _gen_kwargs(_: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.engines.sampling import KEYS, OWN

    return ((f"{name}=", "") for name in (*OWN, *KEYS))


def _models(_: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.demo import MODELS

    yield from ((name, "comes with cotbench") for name in MODELS)
    yield "stub", "no model: for a try"


def _runs(params: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.store.manifest import MANIFEST

    folder = Path(params.get("output_dir") or "results")
    return ((path.parent.name, "") for path in sorted(folder.glob(f"*/{MANIFEST}")))


def _experiments(_: Mapping[str, Any]) -> Iterator[Word]:
    yield from ((path.name, "") for path in sorted(Path().glob("*.y*ml")))


def _rules(_: Mapping[str, Any]) -> Iterator[Word]:
    from cotbench.questions.tagging import RULES

    yield from ((rule.name, "") for rule in RULES.own_rows())
    yield from _of_plugins("tags")


def _runs_and_files(params: Mapping[str, Any]) -> Iterator[Word]:
    yield from _runs(params)
    yield from ((path.name, "") for path in sorted(Path().glob("*.jsonl")))


run_ids = _completer(_runs)
experiments = _completer(_experiments)
run_ids_and_files = _completer(_runs_and_files)
engines = _completer(_engines)
tag_rules = _completer(_rules)
suites = _completer(_suites)
lists = of_words("tasks", "suites", "modes", "engines", "tags", "runs")
# By the fields of `RunOptions` that stand on the command line; those with choices of their own have these.
OF_FIELDS: Mapping[str, Completer] = {
    "model": _completer(_models),
    "tasks": _completer(_tasks, commas=True),
    "modes": _completer(_modes, commas=True),
    "engine": engines,
    "model_args": _completer(_model_args, commas=True),
    "gen_kwargs": _completer(_gen_kwargs, commas=True),
    "exemplars": of_words("auto", "own", "split"),
    "chat_template": of_words("auto", "none"),
}
