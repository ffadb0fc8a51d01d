"""A run from its plan to its folder: engine, lock, manifest, journal, loop, records, interrupts.

A run's id is a hash of all that its results depend on, so the same command finds its own folder again and goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from cotbench.answers.judging import Grader, require_workers
from cotbench.engines import Engine, EngineInfo, open_engine
from cotbench.engines.endpoint import public_url, recorded_header
from cotbench.errors import CotbenchError, Interrupted, ModelError, RunError
from cotbench.programs import Sandbox
from cotbench.run.loop import Loop, Tally, Ticket, Watch
from cotbench.run.prepare import Plan, differences, digest, engine_config
from cotbench.run.provenance import circumstance, now, public_path, without_home
from cotbench.store.journal import JOURNAL, Journal, read_journal
from cotbench.store.lock import RunLock
from cotbench.store.manifest import MANIFEST, Manifest, Status, read_manifest
from cotbench.store.questions import asked_fingerprint, write_questions
from cotbench.store.records import RECORDS, RecordFile
from cotbench.types import AnswerType

# --- a run --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RunResult:
    folder: Path
    tally: Tally
    already_finished: bool = False


def execute(
    plan: Plan,
    output_dir: Path,
    *,
    resume: Path | None = None,
    fresh: bool = False,
    command: Sequence[str] = (),
    watch: Watch = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Run a plan, or go on with it, and write its folder.

    resume: the folder that must be gone on with (RunError names what differs, if anything does). fresh: start anew even
    if the same run is there. Raises Interrupted after Ctrl-C; whatever is raised, what was recorded is on disk.
    """
    started = time.monotonic()
    if any(kit.data.task.answer.type is AnswerType.LATEX for kit in plan.kits.values()):
        require_workers()  # before a model is loaded
    engine = open_engine(plan.options.engine_name, engine_config(plan))
    try:
        info = engine.describe()
        spec = plan.spec(info)
        folder = resume or _folder(output_dir, plan.options.model, spec, fresh=fresh)
        lock = RunLock(folder)
        try:
            return _run_locked(plan, engine, info, spec, folder, command, watch, say, started)
        finally:
            lock.release()
    finally:
        engine.close()


def _folder(output_dir: Path, model: str, spec: Mapping[str, Any], *, fresh: bool) -> Path:
    name = (
        "".join(c if c.isalnum() or c in "-._" else "_" for c in model.rstrip("/").rsplit("/", 1)[-1])[:40]
        .lstrip("-._")
        .rstrip("._")
        or "model"
    )
    base = output_dir / f"{name}-{digest(spec)[:8]}"
    folder, count = base, 1
    while fresh and (folder / MANIFEST).exists():
        count += 1
        folder = base.with_name(f"{base.name}-{count}")
    return folder


def _run_locked(
    plan: Plan,
    engine: Engine,
    info: EngineInfo,
    spec: dict[str, Any],
    folder: Path,
    command: Sequence[str],
    watch: Watch,
    say: Callable[[str], None],
    started: float,
) -> RunResult:
    manifest, was_finished = _open_manifest(plan, info, spec, folder)
    recorded = read_journal(folder / JOURNAL)
    if recorded.replies or recorded.failed:
        again = f", {len(recorded.failed)} that failed are asked again" if recorded.failed else ""
        damaged = f", {recorded.damaged} damaged journal lines are passed over" if recorded.damaged else ""
        say(f"Resuming {folder}: {len(recorded.replies)} replies are on record{again}{damaged}.")
    if info.engine == "replay":
        for note in info.notes:
            say(f"replay: {note}.")
    for warning in info.warnings:
        say(f"Note: {warning}.")
    write_questions(folder, list(plan.all_questions.values()), plan.golds)
    session = {**circumstance(), "command": without_home(list(command)), "started": now()}
    manifest.sessions.append(session)
    manifest.status = "running"
    manifest.totals = {"of": plan.total}
    manifest.modes = {kit.mode.name: {"answers_in": kit.mode.answers_in} for kit in plan.kits.values()}
    manifest.write(folder)
    journal = Journal(folder / JOURNAL, recorded.good_bytes)
    grader: Grader[Ticket] = Grader(workers=max(1, min(8, os.cpu_count() or 1)))
    contained = not plan.options.allow_unsandboxed_code
    sandbox: Sandbox[tuple[int, int]] = Sandbox(limits=plan.limits, contained=contained)
    sink = RecordFile(folder / RECORDS)
    loop = Loop(plan, engine, journal, recorded, grader, sandbox, sink, watch)
    status: Status = "failed"
    try:
        with _interrupts(loop, say):
            loop.run()
        status = "finished" if loop.tally.done == loop.tally.total else "interrupted"
    except KeyboardInterrupt:
        status = "interrupted"
    except ModelError:
        # The same Ctrl-C may have ended the engine or its server; then there is nothing left to wait for.
        if not loop.tally.stopping:
            raise
        status = "interrupted"
    finally:
        grader.close()
        sandbox.close()
        _tell_learnt(manifest, info, engine.describe(), loop.tally, say)
        _close(manifest, session, loop.tally, status, started, folder, journal, sink)
    tally = loop.tally
    if tally.fatal:
        say(f"Grading ended its worker twice, so these answers are grader_timeout: {', '.join(tally.fatal)}.")
    if status == "interrupted":
        raise Interrupted(
            f"Interrupted: {tally.done} of {tally.total} answers are recorded in {folder}.",
            f"Go on with: cotbench run --resume {folder}",
        )
    return RunResult(folder=folder, tally=tally, already_finished=was_finished and not tally.requests)


def _open_manifest(plan: Plan, info: EngineInfo, spec: dict[str, Any], folder: Path) -> tuple[Manifest, bool]:
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        changed = differences(manifest.spec_row, json.loads(json.dumps(spec)))
        if changed:
            raise RunError(
                f"{folder}: can't be resumed, because what its results depend on has changed:\n  "
                + "\n  ".join(changed),
                "Undo the change, or start a new run without --resume.",
            )
        return manifest, manifest.status == "finished"
    if (folder / JOURNAL).exists():
        raise RunError(
            f"{folder}: holds a journal but no {MANIFEST}.",
            "Restore the manifest, or move the folder away and run again.",
        )
    options = asdict(plan.options)
    if plan.options.base_url:
        options["base_url"] = public_url(plan.options.base_url)
    options["headers"] = {name: recorded_header(value) for name, value in plan.options.headers.items()}
    limited = plan.options.limit is not None
    return Manifest(
        run=folder.name,
        status="running",
        spec_row=spec,
        options=without_home(options),
        engine=info.as_dict(),
        data={
            name: {
                "origin": public_path(str(data.origin)),
                "dataset": data.task.source.dataset,
                "revision": data.task.source.revision,
                "split": data.task.source.split,
                "licence": data.task.source.licence,
                "answer_type": data.task.answer.type.value,
                "rows": len(data.questions),
                "questions": len(plan.questions[name]),
                "fingerprint": data.fingerprint,
                "asked": asked_fingerprint(plan.questions[name], data.golds),
            }
            for name, data in plan.data.items()
        },
        question_ids={name: [q.id for q in questions] for name, questions in plan.questions.items()} if limited else {},
    ), False


def _tell_learnt(
    manifest: Manifest, opened: EngineInfo, info: EngineInfo, tally: Tally, say: Callable[[str], None]
) -> None:
    """Put into the manifest what the engine learnt on the way (of a server, for example), and say what changes what was asked.

    What an earlier session learnt stays: the replies that it holds for are on record.
    """
    for warning in info.warnings:
        if warning not in opened.warnings:
            say(f"Note: {warning}.")
    before = manifest.engine
    if not tally.requests and before.get("engine") == info.engine:
        return
    now_known = info.as_dict()
    for name in ("notes", "warnings"):
        now_known[name] = list(dict.fromkeys([*before.get(name, ()), *now_known[name]]))
    if before.get("system_role") == "folded":
        now_known["system_role"] = "folded"
    manifest.engine = now_known


def _close(
    manifest: Manifest,
    session: dict[str, Any],
    tally: Tally,
    status: Status,
    started: float,
    folder: Path,
    journal: Journal,
    sink: RecordFile,
) -> None:
    """Put everything on disk. After a failure (a full disk, say) one more error must not hide the first."""
    failing = sys.exc_info()[0] is not None
    session |= {
        "ended": now(),
        "wall_s": round(time.monotonic() - started, 3),
        "requests": tally.requests,
        "reused": tally.reused,
    }
    manifest.status = status
    manifest.totals = {
        "records": tally.done,
        "of": tally.total,
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "outcomes": dict(sorted(tally.outcomes.items())),
        **({"programs": tally.programs, "program_cpu_s": round(tally.program_cpu_s, 3)} if tally.programs else {}),
        "wall_s": round(sum(s.get("wall_s", 0.0) for s in manifest.sessions), 3),
    }
    for step in (journal.close, sink.finish, lambda: manifest.write(folder)):
        try:
            step()
        except CotbenchError:
            if not failing:
                raise


@contextmanager
def _interrupts(loop: Loop, say: Callable[[str], None]) -> Generator[None]:
    """Ctrl-C once: ask nothing more, record what is in flight. Twice, or SIGTERM, or a hang-up: stop now."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT or loop.tally.stopping:
            raise KeyboardInterrupt
        loop.stop()
        say(
            f"Stopping: waiting for {loop.tally.in_flight} requests in flight. Press Ctrl-C again to stop now; either way the run can be resumed."
        )

    # A signal that is ignored stays so: that is what nohup asks for.
    ours = [n for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
