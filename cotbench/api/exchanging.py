"""`cotbench.import_logs` and `cotbench.export`: in from other tools, and out to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from cotbench.api.naming import told_in_python
from cotbench.api.options import Names, words
from cotbench.api.running import Run
from cotbench.errors import UsageError, suggest
from cotbench.processes import start_method_open

if TYPE_CHECKING:
    from cotbench.exports.training import Options as TrainingOptions

Place = str | os.PathLike[str]


def import_logs(
    logs: Place | Iterable[Place],
    arms: Names | None = None,
    *,
    task: str = "",
    kind: str = "",
    format: str = "",  # noqa: A002 - as the command has it
    fields: Mapping[str, str] | None = None,
    questions: Place = "",
    answer_pattern: str = "",
    log_task: str = "",
    reading: str = "",
    model: str = "",
    prelude: Place | None = None,
    skip_broken: bool = False,
    repeated: bool = False,
    program_limits: Mapping[str, float] | None = None,
    workers: int | None = None,
    output_dir: Place = "results",
    tasks_dir: Place | None = None,
    data_dir: Place | None = None,
) -> list[Run]:
    """Make runs of logs that other tools wrote, one run for each model, as `cotbench import` does.

    arms: the arm of each log, in order; without them the logs' names and settings say it, where they do. fields: of
    JSONL files, where parts stand: {"question": "prompt", "gold": "target"}. The others are as `cotbench import --help`
    has them. Raises UsageError, DataError or RunError as the command does.

    >>> import json, pathlib, cotbench
    >>> for name, answers in {"direct": "46", "cot": "45"}.items():
    ...     lines = [{"prompt": f"{n} + 4?", "target": 4 + n, "reply": f"Answer: {a}"} for n, a in enumerate(answers)]
    ...     _ = pathlib.Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
    >>> fields = {"question": "prompt", "gold": "target", "output": "reply"}
    >>> [run] = cotbench.import_logs(["direct.jsonl", "cot.jsonl"], ["direct", "cot"], fields=fields, model="m")
    >>> run.table[["arm", "right"]].values.tolist()
    [['direct', 0.5], ['cot', 1.0]]
    """
    from cotbench.runs import importing
    from cotbench.runs.options import FLAGS

    several = [logs] if isinstance(logs, str | os.PathLike) else list(logs)
    with told_in_python(), start_method_open():
        if not several:
            raise UsageError("import_logs: no log is named.", "Give the logs, one for each arm.")
        results = importing.import_logs(
            importing.ImportOptions(
                paths=[Path(log) for log in several],
                arms=words(arms),
                task=task,
                kind=kind,
                format=format,
                fields=dict(fields or {}),
                questions=os.fspath(questions),
                answer_pattern=answer_pattern,
                log_task=log_task,
                reading=reading,
                model=model,
                prelude=None if prelude is None else Path(prelude),
                skip_broken=skip_broken,
                repeated=repeated,
                limits=FLAGS["program_limits"].value(program_limits),
                tasks_dir=None if tasks_dir is None else Path(tasks_dir),
                data_dir=None if data_dir is None else Path(data_dir),
            ),
            Path(output_dir),
            workers=workers or max(1, min(8, os.cpu_count() or 1)),
            command=["cotbench.import_logs"],
        )
    return [Run(folder=one.folder, notes=(*one.notes, *one.broken)) for one in results]


class Training(TypedDict, total=False):
    """What is asked of data to train on (`cotbench export --help`)."""

    keep: Literal["shortest", "all"]
    per_question: int | None
    thoughts: Literal["marked", "apart", "dropped"]
    pairs: Literal["right-wrong", "short-long", "both"]
    luck: float
    allow_test: bool


def export(
    run: Place | Run,
    to: str,
    output: Place | None = None,
    *,
    tasks: Names | None = None,
    arms: Names | None = None,
    force: bool = False,
    output_dir: Place = "results",
    **training: Unpack[Training],
) -> list[Path]:
    """Write a run as another tool's log, as tables, or as data to train on, as `cotbench export` does; the files.

    to: inspect, lm-eval, every-eval-ever, parquet, csv, sft or preferences. output: the folder; export/FORMAT in the
    run's by default. tasks, arms: only these. Raises UsageError or RunError as the command does.

    >>> import cotbench
    >>> run = cotbench.run("stub", "sample", ["cot"], limit=4, progress=False)
    >>> sorted(path.name for path in cotbench.export(run, "csv", "there"))[:2]
    ['columns.csv', 'executions.csv']
    """
    from cotbench.analysis.pairing import load_run
    from cotbench.exports.formats import FORMATS
    from cotbench.exports.formats import export as write
    from cotbench.modes.arms import split
    from cotbench.store.lookup import find_run

    with told_in_python():
        if to not in FORMATS:
            raise UsageError(f"to: expected {', '.join(FORMATS)}, found '{to}'.", suggest(str(to), FORMATS))
        folder = run.folder if isinstance(run, Run) else find_run(os.fspath(run), Path(output_dir))
        target = folder / "export" / to if output is None else Path(output)
        written = write(
            load_run(folder),
            FORMATS[to],
            target,
            tasks=words(tasks),
            arms=split(words(arms)),
            options=_asked(to, FORMATS[to].takes, dict(training)),
            force=force,
        )
    return [target / one.name for one in written]


def _asked(to: str, takes: Iterable[str], training: Mapping[str, Any]) -> TrainingOptions:
    """What is asked of training data. Raises UsageError for what isn't about the format, and values that can't be."""
    from cotbench.exports.training import THOUGHTS, Options

    known = {"keep": ("shortest", "all"), "pairs": ("right-wrong", "short-long", "both"), "thoughts": THOUGHTS}
    for name, value in training.items():
        if name not in set(takes):
            raise UsageError(f"{name}: isn't about to='{to}'.", "Leave it out.")
        if name in known and value not in known[name]:
            raise UsageError(f"{name}: expected {', '.join(known[name])}, found '{value}'.")
    return Options(**training)
