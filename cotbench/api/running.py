"""`cotbench.run` and what it returns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from cotbench.api.naming import told_in_python
from cotbench.api.options import Names, Options, options_of, values_of, words
from cotbench.api.shown import percent, plain_table, table_html, visible
from cotbench.errors import Interrupted, RequestsFailed, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from cotbench.analysis.frames import Frames
    from cotbench.api.comparing import Comparison
    from cotbench.runs.session import RunResult
    from cotbench.store.manifest import Manifest


@dataclass(frozen=True, kw_only=True, repr=False)
class Run:
    """A recorded run. folder: where it lies. notes: what was said while it ran, in order.

    requests, new_tokens: what this call asked and had generated; 0 where all was on record."""

    folder: Path
    notes: tuple[str, ...] = ()
    requests: int = 0
    new_tokens: int = 0

    @property
    def id(self) -> str:
        """The run's name, by which commands find it in its folder of results."""
        return self.folder.name

    @cached_property
    def _manifest(self) -> Manifest:
        from cotbench.store.manifest import read_manifest

        return read_manifest(self.folder)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What manifest.json says: spec, options, engine, data, modes, sessions, totals."""
        import msgspec

        content: Mapping[str, Any] = msgspec.to_builtins(self._manifest)
        return content

    @property
    def status(self) -> str:
        """finished, interrupted, failed or running."""
        return str(self._manifest.status)

    @property
    def model(self) -> str:
        return self._manifest.spec.model.model

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(task for task, _ in self._manifest.spec.pairs))

    @property
    def arms(self) -> list[str]:
        """Its arms, by the names that say how each was had (direct@answer=begun)."""
        return list(dict.fromkeys(mode for _, mode in self._manifest.spec.pairs))

    @cached_property
    def frames(self) -> Frames:
        """Its rows as data frames: questions, records, votes, nodes, executions, outputs(), pairs()."""
        from cotbench.api.loading import load

        return load(self.folder)

    @property
    def records(self) -> pd.DataFrame:
        """A row for each question and arm."""
        return self.frames.records

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each task and arm: answers, the share that is right among those with a verdict, mean tokens."""
        groups = self.records.groupby(["task", "mode"], sort=False)
        table = groups.agg(
            answers=("question", "count"), right=("correct", "mean"), tokens=("completion_tokens", "mean")
        )
        return table.reset_index().rename(columns={"mode": "arm"}).astype({"right": "Float64", "tokens": "Float64"})

    def report(self, **asked: Any) -> Comparison:
        """Compare its arms: `cotbench.compare` of this run, with the same arguments."""
        from cotbench.api.comparing import compare

        return compare(self, **asked)

    def _rows(self) -> list[tuple[object, ...]]:
        def number(value: Any) -> Any:
            return None if value is None or value is _na() else value

        return [
            (row.task, row.arm, f"{row.answers:,}", percent(number(row.right)), _tokens(number(row.tokens)))
            for row in self.table.itertuples()
        ]

    _HEADER = ("task", "arm", "answers", "right %", "tokens")

    def __repr__(self) -> str:
        head = f"Run {self.id}: {self.model}, {self.status}"
        return f"{head}\n{plain_table(self._HEADER, self._rows(), left=2)}"

    def _repr_html_(self) -> str:
        head = f"<b>{visible(self.id)}</b>: {visible(self.model)}, {visible(self.status)}"
        return f"<p>{head}</p>{table_html(self._HEADER, self._rows(), left=2)}"


def _na() -> Any:
    import pandas as pd

    return pd.NA


def _tokens(value: Any) -> str:
    return "" if value is None or value != value else f"{value:,.1f}"


@dataclass(repr=False, eq=False)
class RunFailed(RequestsFailed):
    """A run is over, but some requests failed: their answers count nowhere. run: what there is; the same call asks for
    them again."""

    message: str
    hint: str = ""
    run: Run = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__init__(self.message, self.hint)


def run(
    model: str | None = None,
    tasks: Names | None = None,
    arms: Names | None = None,
    *,
    output_dir: str | os.PathLike[str] = "results",
    resume: str | os.PathLike[str] | Run | None = None,
    fresh: bool = False,
    progress: bool = True,
    prices: str | os.PathLike[str] | None = None,
    **options: Unpack[Options],
) -> Run:
    """Run a model over tasks under arms (modes, and what differs from them), and return what is recorded of it.

    The same call again asks for nothing that is on record, and goes on with what was interrupted: a run's folder is
    named by a hash of all that its results depend on, here as on the command line. resume: a run to go on with, whose
    options are taken where none are given. arms: where none are given, direct and cot, and free and think for a model
    with a switch for thinking. fresh: start anew. progress: say how far it is; False says nothing, and
    `Run.notes` has what would have been said. prices: a file of prices, for max_cost.

    What it changes in the process while it works is in docs/python.md; nothing stays but what that says. In the main
    thread Ctrl-C (a notebook's stop button) ends it after what is in flight, and a second one at once; it can be called
    in any thread, and while an event loop runs.

    Raises UsageError, DataError, ModelError, SandboxError or RunError as the command does; Interrupted after Ctrl-C;
    RunFailed, which holds the run, where requests failed.

    >>> import cotbench
    >>> run = cotbench.run("stub", tasks=["sample"], arms=["direct", "cot"], limit=8, progress=False)
    >>> run.status, len(run.records)
    ('finished', 16)
    >>> again = cotbench.run("stub", tasks=["sample"], arms=["direct", "cot"], limit=8, progress=False)
    >>> again.id == run.id, again.requests
    (True, 0)
    """
    asked = {"model": model, "tasks": tasks, "modes": arms}
    asked = {name: value for name, value in asked.items() if value is not None}
    with told_in_python():
        return _run(asked, dict(options), Path(output_dir), resume, fresh=fresh, progress=progress, prices=prices)


def merge(
    shards: str | os.PathLike[str] | Run | Iterable[str | os.PathLike[str] | Run],
    *,
    output_dir: str | os.PathLike[str] = "results",
) -> Run:
    """Make one run of shards, as `cotbench merge` does: what the run would have been, had it not been split.

    shards: runs that were made with shard="1/2" and so on, by folder or id. Where some are missing the run is
    interrupted: merging again adds them, and `run(resume=...)` asks what is missing. Raises UsageError or RunError
    as the command does.

    >>> import cotbench
    >>> asked = dict(tasks=["sample"], arms=["direct", "cot"], limit=8, progress=False, output_dir="split")
    >>> shards = [cotbench.run("stub", shard=f"{n}/2", **asked) for n in (1, 2)]
    >>> whole = cotbench.merge(shards, output_dir="split")
    >>> whole.status, len(whole.records)
    ('finished', 16)
    """
    from cotbench.runs.merge import merge as merged
    from cotbench.store.lookup import find_run

    several = [shards] if isinstance(shards, str | os.PathLike | Run) else list(shards)
    with told_in_python():
        found = [one.folder if isinstance(one, Run) else find_run(os.fspath(one), Path(output_dir)) for one in several]
        return Run(folder=merged(found, Path(output_dir)).folder)


def _run(
    asked: Mapping[str, Any],
    options: dict[str, Any],
    output_dir: Path,
    resume: str | os.PathLike[str] | Run | None,
    *,
    fresh: bool,
    progress: bool,
    prices: str | os.PathLike[str] | None,
) -> Run:
    from cotbench.analysis.prices import read_prices
    from cotbench.api.progress import telling
    from cotbench.processes import handling_interrupts, start_method_open, variables_taken_back
    from cotbench.runs.asked import failed_requests, refuse_engine_as_model
    from cotbench.runs.options import FLAGS, recorded_options
    from cotbench.runs.prepare import make_plan
    from cotbench.runs.session import execute
    from cotbench.store.lookup import find_run
    from cotbench.store.manifest import MANIFEST, read_manifest

    given = values_of({**{name: asked[name] for name in asked if name != "modes"}, **options})
    if "modes" in asked:
        given["modes"] = words(asked["modes"])
    folder = like = None
    if resume is not None:
        folder = resume.folder if isinstance(resume, Run) else find_run(os.fspath(resume), output_dir)
        manifest = read_manifest(folder)
        recorded = recorded_options(folder / MANIFEST, manifest.options)
        like = None if "tasks" in given else manifest
        kept = {name: value for name, value in recorded.items() if FLAGS[name].resumable}
        given = {**kept, **given}
    for name in ("model", "tasks"):
        if not given.get(name):
            example = 'cotbench.run("X", tasks=["mmlu"], arms=["direct", "cot"])'
            raise UsageError(f"run: {name} is missing.", f"As in {example}, or resume=RUN.")
    if "modes" in asked and not given.get("modes"):
        raise UsageError("run: arms is empty.", 'As in cotbench.run("X", tasks=["mmlu"], arms=["direct", "cot"]).')
    given.setdefault("modes", [])
    refuse_engine_as_model(str(given["model"]), {"model_args": {}, **given})
    notes: list[str] = []
    with start_method_open(), variables_taken_back(), telling(progress, notes) as (watch, say):
        plan = make_plan(options_of(given), engine_needed=True, like=like)
        for data in plan.data.values():
            if data.file.note:
                say(data.file.note)
        try:
            result = execute(
                plan,
                output_dir,
                resume=folder,
                fresh=fresh,
                command=["cotbench.run"],
                prices=None if prices is None else read_prices(Path(prices)),
                watch=watch,
                say=say,
                handling=handling_interrupts,
            )
        except Interrupted as error:
            error.hint = f"{error.hint}, or by the same call of cotbench.run."
            raise
    made = _of_result(result, notes)
    if lost := failed_requests(result):
        raise RunFailed(lost.message, lost.hint, run=made)
    return made


def _of_result(result: RunResult, notes: list[str]) -> Run:
    tally = result.tally
    return Run(folder=result.folder, notes=tuple(notes), requests=tally.requests, new_tokens=tally.new_tokens)
