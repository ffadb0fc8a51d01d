"""A run from its plan to its folder: engine, lock, manifest, journal, loop, records, interrupts.

A run's id is a hash of all that its results depend on, so the same command finds its own folder again and goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any

from msgspec import structs

from cotbench.analysis.prices import Prices
from cotbench.answers.grader import require_workers
from cotbench.answers.kinds import KINDS
from cotbench.engines import Engine, EngineInfo, open_engine
from cotbench.engines.endpoint import public_url, recorded_header
from cotbench.errors import CotbenchError, Interrupted, ModelError, RunError
from cotbench.modes.beside import unvoted
from cotbench.plugins import origin_of
from cotbench.processes import handling_signals
from cotbench.programs import Sandbox
from cotbench.runs.arms import stuck
from cotbench.runs.default_modes import why
from cotbench.runs.earlier import NOTHING, Earlier
from cotbench.runs.fixed import fix
from cotbench.runs.loop import Job, Loop, jobs_of
from cotbench.runs.part import Part, part_of, tally_of
from cotbench.runs.prepare import (
    RunPlan,
    apart,
    differences,
    digest,
    engine_config,
    plugins_of,
    second_config,
)
from cotbench.runs.provenance import circumstance, now, public_path, without_home
from cotbench.runs.retriever import shown_passages, unshown
from cotbench.runs.reuse import in_words, wanted_by
from cotbench.runs.second import open_second
from cotbench.runs.shown import shown_by
from cotbench.runs.stations import Judge, Replies, Ticket
from cotbench.runs.tally import Tally, Watch
from cotbench.runs.until import LIMITS, Until, contrasts_in, limits_of, prices_of
from cotbench.store.journal import JOURNAL, LARGE, Counts, Journal, JournalIndex
from cotbench.store.lock import RunLock
from cotbench.store.manifest import MANIFEST, Manifest, Status, read_manifest
from cotbench.store.passages import write_passages
from cotbench.store.questions import asked_fingerprint, write_questions
from cotbench.store.records import RECORDS, RecordFile
from cotbench.store.segments import segments_of

Handling = Callable[[Callable[[int, FrameType | None], None]], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    folder: Path
    tally: Tally
    already_finished: bool = False


def execute(
    plan: RunPlan,
    output_dir: Path,
    *,
    resume: Path | None = None,
    fresh: bool = False,
    probe: int | None = None,
    like: Manifest | None = None,
    agree: Callable[[dict[str, Any]], None] = lambda _: None,
    command: Sequence[str] = (),
    prices: Prices | None = None,
    watch: Watch = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    handling: Handling = handling_signals,
) -> RunResult:
    """Run a plan, or go on with it, and write its folder.

    resume: the folder that must be gone on with (RunError names what differs, if anything does). fresh: start anew even
    if the same run is there. probe: ask so many questions of each task, and leave the run to be gone on with. like: of
    a run that is run again as it was. agree: is given the spec as it came out, before anything is asked or written, and
    may raise. handling: how signals are handled while it works. prices: by which a limit of money is kept. Raises
    Interrupted after Ctrl-C; whatever is raised, what was recorded is on disk."""
    started = time.monotonic()
    if any(KINDS[kind].judge is not None for kit in plan.kits.values() for kind in kit.data.task.kinds):
        require_workers()  # before a model is loaded
    prices_of(plan.options, prices)  # refused before a model is loaded
    recorded = read_manifest(resume).spec if resume is not None and (resume / MANIFEST).exists() else None
    recorded = recorded if like is None else like.spec
    wanted_by(plan, output_dir, again=like is not None)  # refused before a model is loaded
    with ExitStack() as opened:
        engine = opened.enter_context(closing(open_engine(plan.options.engine_name, engine_config(plan, recorded))))
        second = None
        if (config := second_config(plan, recorded)) is not None:
            second = opened.enter_context(closing(open_second(plan.options.judge_engine_name, config)))
        info = engine.describe()
        info_of_second = None if second is None else second.describe()
        if not plan.options.modes:
            say(f"{why(info.model, info.thinking)}.")
        plan = plan.with_engine(info, recorded, info_of_second)
        if plan.options.until is not None:
            contrasts_in(plan)
        spec = plan.spec(info, info_of_second)
        agree(spec)
        folder = resume or folder_of(output_dir, plan.options.model, spec, fresh=fresh)
        with closing(RunLock(folder)):
            part = part_of(plan, folder, probe)
            tally, reproduces = tally_of(plan, part), like.run if like is not None else ""
            runs = wanted_by(plan, output_dir, folder, fresh=fresh, again=like is not None)
            session = _Session(
                plan, engine, info, folder, say, started, tally, reproduces, probe, part, second, handling, prices
            )
            session.earlier, session.earlier_of_second = runs.of(info), runs.of_second(info_of_second)
            return session.run(spec, command, watch)


def folder_of(output_dir: Path, model: str, spec: Mapping[str, Any], *, fresh: bool = False) -> Path:
    """The folder of a run: by the model's name and what its results depend on. fresh: one that isn't there yet."""
    last = model.rstrip("/").rsplit("/", 1)[-1][:40]
    name = "".join(c if c.isalnum() or c in "-._" else "_" for c in last).lstrip("-._").rstrip("._") or "model"
    base = output_dir / f"{name}-{digest(spec)[:8]}"
    folder, count = base, 1
    while fresh and (folder / MANIFEST).exists():
        count += 1
        folder = base.with_name(f"{base.name}-{count}")
    return folder


@dataclass
class _Session:
    """One start of a run, in its folder, which is locked: what it opens, says, and writes, however it ends."""

    plan: RunPlan
    engine: Engine
    info: EngineInfo
    folder: Path
    say: Callable[[str], None]
    started: float
    tally: Tally
    reproduces: str = ""  # the run that is run again
    probe: int | None = None
    part: Part | None = None  # of the run, where this session doesn't ask all of it
    second: Engine | None = None  # of the second model
    handling: Handling = handling_signals
    prices: Prices | None = None
    earlier: Earlier = NOTHING  # replies of earlier runs
    earlier_of_second: Earlier = NOTHING

    def run(self, spec: dict[str, Any], command: Sequence[str], watch: Watch) -> RunResult:
        """Drive the run to its end. Raises Interrupted after Ctrl-C, and whatever ends it otherwise."""
        plan, folder, tally = self.plan, self.folder, self.tally
        manifest, was_finished = _open_manifest(plan, self.info, spec, folder)
        recorded = JournalIndex(folder / JOURNAL)
        counts = recorded.counts
        fixed = fix(plan, manifest, folder, counts.replies + counts.failed)
        self._say_first(counts)
        if fixed:
            self.say(fixed)
        write_questions(folder, chain.from_iterable(plan.questions.values()), plan.golds)
        if any(kit.context for kit in plan.kits.values()):
            write_passages(folder, shown_passages(plan))
        here = {
            **circumstance(),
            "engine": self.info.engine,
            "engine_version": self.info.version,
            "device": self.info.device,
            **({"reproduces": self.reproduces} if self.reproduces else {}),
            **({"probe": self.probe} if self.probe is not None else {}),
            **({"until": limits} if (limits := limits_of(plan.options)) else {}),
            **({"plugins": used} if (used := plugins_of(plan)) else {}),
            "command": without_home(list(command)),
            "started": now(),
        }
        until = None
        if plan.options.draws and self.part is None:
            until = Until(plan, manifest, recorded, tally, self.prices, self.started)
            manifest.options |= dict.fromkeys(LIMITS) | limits_of(plan.options)
        manifest.stopped = None
        manifest.sessions.append(here)
        manifest.status = "running"
        manifest.totals = {"of": plan.total}
        manifest.judge = {} if self.second is None else self.second.describe().as_dict()
        manifest.modes = {kit.mode.name: kit.mode.facts.as_dict() for kit in plan.kits.values()}
        manifest.shown = shown_by(plan)
        manifest.write(folder)
        journal = Journal(folder / JOURNAL, counts.good_bytes)
        replies = Replies(self.engine, journal, recorded, plan.options.seed, tally, self.earlier)
        replies.lends = any(kit.mode.borrows for kit in plan.kits.values())
        second = None if self.second is None else replies.beside(self.second, self.earlier_of_second)
        judge = Judge(workers=max(1, min(8, os.cpu_count() or 1)))
        sandbox: Sandbox[Ticket] = Sandbox(limits=plan.limits, contained=not plan.options.allow_unsandboxed_code)
        sink = RecordFile(folder / RECORDS)
        if until is None:
            jobs: Iterator[Job] = jobs_of(plan, self.engine.capacity, self.part)
            loop = Loop(jobs, replies, judge, sandbox, sink, tally, watch, second)
        else:
            loop = Loop(until, replies, judge, sandbox, until.into(sink), tally, until.watch(watch), second)
        tally.begin()
        status: Status = "failed"
        try:
            with _interrupts(loop, self.say, self.handling):
                loop.run()
            if until is not None:
                until.end()
            ended = tally.done == plan.total or (until is not None and until.decided)
            status = "finished" if ended else "interrupted"
        except KeyboardInterrupt:
            status = "interrupted"
        except ModelError:
            # The same Ctrl-C may have ended the engine or its server; then there is nothing left to wait for.
            if not tally.stopping:
                raise
            status = "interrupted"
        finally:
            judge.close()
            sandbox.close()
            self._tell_learnt(manifest)
            self._note_end(manifest, here, status)
            kept = None
            if until is not None:
                kept, manifest.stopped = until.kept(), until.stopped()
                manifest.totals |= until.totals()
                until.settle()
            _put_on_disk(journal.close, lambda: sink.finish(kept), lambda: manifest.write(folder))
            loop.close()  # stations of others may fail at it
        if tally.taken:
            taken = {run: one.replies for run, one in tally.taken.items()}
            self.say(f"{in_words(taken, sum(taken.values()) + tally.requests)}; --reuse off asks anew.")
        if tally.fatal:
            self.say(f"Grading ended its worker twice, so these answers are grader_timeout: {', '.join(tally.fatal)}.")
        priced = "" if self.plan.options.max_cost is None else " --prices FILE"  # of which nothing is on record
        if manifest.stopped is not None and until is not None:
            self.say(until.text)
            if status == "interrupted":
                more = f"{manifest.stopped.limit} N{priced}"
                self.say(f"With a larger limit it goes on: cotbench run --resume {folder} {more}")
        elif status == "interrupted" and tally.done < tally.total:
            raise Interrupted(
                f"Interrupted: {tally.done:,} of {tally.total:,} answers are recorded in {folder}.",
                f"Go on with: cotbench run --resume {folder}{priced}",
            )
        return RunResult(folder=folder, tally=tally, already_finished=was_finished and not tally.requests)

    def _say_first(self, recorded: Counts) -> None:
        """Say what is on record, and what the engine says of itself."""
        if recorded.replies or recorded.failed:
            again = f", {recorded.failed} that failed are asked again" if recorded.failed else ""
            damaged = f", {recorded.damaged} damaged journal lines are passed over" if recorded.damaged else ""
            self.say(f"Resuming {self.folder}: {recorded.replies} replies are on record{again}{damaged}.")
        for task, reason in self.plan.chosen.skipped.items():
            self.say(f"Left out: {task}: {reason.removeprefix(f'task {task}: ')}")
        for note in self.info.notes if self.info.engine == "replay" else ():
            self.say(f"replay: {note}.")
        of_second = () if self.second is None else [f"the judge: {told}" for told in self.second.describe().warnings]
        kits = self.plan.kits
        arms = (*stuck(kits.values(), self.info), *unshown(self.plan), *unvoted(kits), *apart(self.plan))
        notes = (*self.info.warnings, *of_second, *arms)
        for note in notes:
            self.say(f"Note: {note}.")
        if (size := self.earlier.size) > LARGE:
            self.say(f"Looking for replies in {len(self.earlier.sources)} earlier runs ({size / 1e9:.1f} GB).")

    def _tell_learnt(self, manifest: Manifest) -> None:
        """Put into the manifest what the engine learnt on the way (of a server, for example), and say what is new.

        What an earlier session learnt stays: the replies that it holds for are on record."""
        info = self.engine.describe()
        for warning in info.warnings:
            if warning not in self.info.warnings:
                self.say(f"Note: {warning}.")
        before = manifest.engine
        if not self.tally.requests and before.get("engine") == info.engine:
            return
        now_known = info.as_dict()
        for name in ("notes", "warnings"):
            now_known[name] = list(dict.fromkeys([*before.get(name, ()), *now_known[name]]))
        if before.get("system_role") == "folded":
            now_known["system_role"] = "folded"
        manifest.engine = now_known

    def _note_end(self, manifest: Manifest, here: dict[str, Any], status: Status) -> None:
        """Put what this session did, and the run's totals, into the manifest."""
        tally = self.tally
        tally.land()
        here |= {
            "ended": now(),
            "wall_s": round(time.monotonic() - self.started, 3),
            "busy_s": round(tally.busy_s, 3),
            "requests": tally.requests,
            "reused": tally.reused,
            **({"taken": {run: _rounded(asdict(one)) for run, one in tally.taken.items()}} if tally.taken else {}),
            "new_tokens": tally.new_tokens,
        }
        programs = {"programs": tally.programs, "program_cpu_s": round(tally.program_cpu_s, 3)}
        manifest.status = status
        manifest.totals = {
            "records": tally.done,
            "of": self.plan.total,
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
            "outcomes": dict(sorted(tally.outcomes.items())),
            **(programs if tally.programs else {}),
            "wall_s": round(sum(session.get("wall_s", 0.0) for session in manifest.sessions), 3),
        }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def _put_on_disk(*steps: Callable[[], None]) -> None:
    """Take all steps that put a run on disk. After a failure (a full disk, say) another must not hide the first."""
    failing = sys.exc_info()[0] is not None
    for step in steps:
        try:
            step()
        except CotbenchError:
            if not failing:
                raise


def _open_manifest(plan: RunPlan, info: EngineInfo, spec: dict[str, Any], folder: Path) -> tuple[Manifest, bool]:
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        if changed := "\n  ".join(differences(manifest.spec_row, json.loads(json.dumps(spec)))):
            raise RunError(
                f"{folder}: can't be resumed, because what its results depend on has changed:\n  {changed}",
                "Undo the change, or start a new run without --resume.",
            )
        if manifest.merged is not None and manifest.places:  # of shards that don't make a whole
            manifest.data, manifest.question_ids, manifest.places = _data_of(plan), _ids_of(plan), {}
        return manifest, manifest.status == "finished"
    if (folder / JOURNAL).exists() or segments_of(folder / JOURNAL):
        raise RunError(
            f"{folder}: holds a journal but no {MANIFEST}.",
            "Restore the manifest, or move the folder away and run again.",
        )
    options = asdict(plan.options)
    for name in ("base_url", "judge_base_url"):
        if options[name]:
            options[name] = public_url(options[name])
    options["headers"] = {name: recorded_header(value) for name, value in plan.options.headers.items()}
    return Manifest(
        run=folder.name,
        status="running",
        spec_row=spec,
        options=without_home(options),
        engine=info.as_dict(),
        data=_data_of(plan),
        question_ids=_ids_of(plan),
        places=plan.places,
        suites=[
            structs.replace(entry, files=without_home(entry.files)) if entry.files else entry
            for entry in plan.chosen.suites
        ],
        skipped={name: public_path(reason) for name, reason in plan.chosen.skipped.items()},
    ), False


def _data_of(plan: RunPlan) -> dict[str, dict[str, Any]]:
    """Where the questions of each task are from."""
    return {
        name: {
            "origin": public_path(str(data.origin)),
            **{name: getattr(data.task.source, name) for name in ("dataset", "revision", "split", "licence")},
            "answer_type": str(data.task.answer.type),
            **({"left_out": dict(data.left_out)} if data.left_out else {}),
            "rows": len(data.questions),
            "questions": len(plan.questions[name]),
            "own_file": None if data.file.shipped else data.file.path.name,
            **({"plugin": str(of)} if (of := origin_of("tasks", name, data.file.path)) else {}),
            **({"taken": dict(data.file.taken)} if data.file.taken else {}),
            "fingerprint": data.fingerprint,
            "asked": asked_fingerprint(plan.questions[name], data.golds),
        }
        for name, data in plan.data.items()
    }


def _ids_of(plan: RunPlan) -> dict[str, list[str]]:
    """The ids of the questions of each task of which some were chosen."""
    return {name: [q.id for q in plan.questions[name]] for name, limit in plan.counts.items() if limit is not None}


def _interrupts(loop: Loop, say: Callable[[str], None], handling: Handling) -> AbstractContextManager[None]:
    """Ctrl-C once: ask nothing more, record what is in flight. Twice, or SIGTERM, or a hang-up: stop now."""

    def handle(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT or loop.tally.stopping:
            raise KeyboardInterrupt
        loop.stop()
        say(
            f"Stopping: waiting for {loop.tally.in_flight} requests in flight. "
            "Press Ctrl-C again to stop now; either way the run can be resumed."
        )

    return handling(handle)
