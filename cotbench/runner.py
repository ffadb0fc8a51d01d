"""The one loop that drives questions through modes and an engine, and writes the journal.

Every task x mode x question is a flow in one queue over one engine load. A flow whose completion arrives moves on at
once; there is no barrier between modes or tasks, so a long chain of thought never leaves slots idle that short direct
answers could fill. Each reply is in the journal before anything is derived from it; grading runs in other processes.

A run's id is a hash of all that its results depend on, so the same command finds its own folder again and goes on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from cotbench.engines import Engine, EngineInfo, open_engine
from cotbench.errors import CotbenchError, Interrupted, ModelError, RunError
from cotbench.grade import Grader
from cotbench.modes import Flow, Kit, Paths
from cotbench.plan import Plan, differences, digest, engine_config
from cotbench.provenance import circumstance, now
from cotbench.records import (
    JOURNAL,
    MANIFEST,
    RECORDS,
    Journal,
    JournalState,
    Manifest,
    Record,
    RunLock,
    cannot_write,
    read_journal,
    read_manifest,
    write_atomically,
    write_questions,
)
from cotbench.types import Key, Outcome, Prediction, Question, Reply, Request, request_seed

FLUSH_EVERY_S = 1.0  # a report of a run that goes on, or was killed, is at most this far behind


@dataclass(kw_only=True)
class Tally:
    """How far a run is, for progress bars and the manifest."""

    total: int
    done: int = 0
    graded: int = 0
    correct: int = 0
    requests: int = 0
    reused: int = 0
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    new_tokens: int = 0  # completion tokens generated in this session; the others may have been recorded before
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  # what failed requests said
    started: float = field(default_factory=time.monotonic)
    stopping: bool = False


Watch = Callable[[Tally], None]

# --- the loop -----------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Active:
    """A flow that waits for replies: `wanted` are the addresses of its present step."""

    place: int
    question: Question
    kit: Kit
    flow: Flow
    wanted: tuple[Key, ...] = ()
    asked: list[Key] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)


@dataclass(kw_only=True)
class _Finished:
    active: _Active
    prediction: Prediction
    outcome: Outcome | None


class Loop:
    """Drives the flows of a plan. `run` returns when all are finished, or when `stop` was called and nothing is in flight."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        journal: Journal,
        recorded: JournalState,
        grader: Grader[int],
        sink: Callable[[int, Record], None],
        watch: Watch,
    ) -> None:
        self._plan, self._engine, self._journal, self._grader, self._sink, self._watch = (
            plan,
            engine,
            journal,
            grader,
            sink,
            watch,
        )
        # Replies by question, kept until all flows of the question are finished: modes may share a request.
        self._replies: dict[str, dict[Key, Reply]] = defaultdict(dict)
        for key, reply in recorded.replies.items():
            self._replies[key.question][key] = reply
        recorded.replies.clear()  # from here on they go as their questions are finished
        self._open_flows: Counter[str] = Counter()
        self._waiting: dict[Key, list[_Active]] = {}
        self._requests: dict[Key, Request] = {}
        # Finished flows in order, with their outcome once it is known. Records are written in this order, because an
        # answer that equals gold as text is graded at once and others wait: written as they come, the records of a run
        # that is killed would be a choice of the right ones.
        self._finished: deque[_Finished] = deque()
        self._ungraded: dict[int, _Finished] = {}
        self._cancelled = False
        self.tally = Tally(total=plan.total)

    def stop(self) -> None:
        """Ask nothing more; what is in flight is still waited for and recorded."""
        self.tally.stopping = True

    def run(self) -> None:
        flows = self._flows()
        while True:
            room = 0 if self.tally.stopping else self._engine.capacity - len(self._waiting)
            started = 0
            for active in islice(flows, max(room, 0)):
                self._advance(active, None)
                started += 1
            if self.tally.stopping and not self._cancelled:
                self._cancelled = True
                for key in self._engine.cancel():
                    del self._waiting[key], self._requests[key]
            self.tally.in_flight = len(self._waiting)
            arrived = self._engine.poll() if self._waiting else []
            self._take(arrived)
            self._grade_done(0.0)
            self._watch(self.tally)
            if not self._waiting and (self.tally.stopping or not started):
                break
        while self._grader.pending:
            self._grade_done(0.5)
            self._watch(self.tally)

    def _flows(self) -> Iterator[_Active]:
        """Question by question with all its modes, the largest budget first: they share a prefix, and long ones start early."""
        tasks = list(self._plan.data)
        order = {pair: index for index, pair in enumerate(self._plan.kits)}
        place = 0
        for task in tasks:
            kits = sorted(
                ((order[pair], kit) for pair, kit in self._plan.kits.items() if pair[0] == task),
                key=lambda p: (-p[1].sampling.max_tokens, p[0]),
            )
            first = min(index for index, _ in kits)
            for question in self._plan.questions[task]:
                self._open_flows[question.id] = len(kits)
                for index, kit in kits:
                    yield _Active(
                        place=place + index - first, question=question, kit=kit, flow=kit.mode.run(question, kit)
                    )
                place += len(kits)

    def _advance(self, active: _Active, replies: Sequence[Paths] | None) -> None:
        """Move a flow on until it needs something that isn't here."""
        while True:
            try:
                step = next(active.flow) if replies is None else active.flow.send(replies)
            except StopIteration as finished:
                self._finish(active, finished.value)
                return
            active.wanted = tuple(self._address(active, request) for request in step.requests)
            active.asked.extend(active.wanted)
            for key, request in zip(active.wanted, step.requests, strict=True):
                if key in self._replies[active.question.id]:
                    self.tally.reused += 1
                elif key in self._waiting:
                    self._waiting[key].append(active)
                elif self.tally.stopping:
                    return
                else:
                    self._waiting[key] = [active]
                    self._requests[key] = request
                    self._engine.submit(key, request)
            ready = self._ready(active)
            if ready is None:
                return
            replies = ready

    def _address(self, active: _Active, request: Request) -> Key:
        digest = request.hash
        key = Key(active.question.id, digest, active.seen[digest])
        active.seen[digest] += 1
        return key

    def _ready(self, active: _Active) -> list[Paths] | None:
        known = self._replies[active.question.id]
        if any(key not in known for key in active.wanted):
            return None
        replies = [known[key] for key in active.wanted]
        active.replies.extend(replies)
        return [reply.completions for reply in replies]

    def _take(self, arrived: list[tuple[Key, Reply]]) -> None:
        if not arrived:
            return
        seed = self._plan.options.seed
        entries = []
        for key, reply in arrived:
            request = self._requests.pop(key)
            entries.append((key, request, None if request.sampling.greedy else request_seed(seed, key), reply))
        self._journal.append(entries)
        self.tally.requests += len(arrived)
        self.tally.new_tokens += sum(path.completion_tokens or 0 for _, reply in arrived for path in reply.completions)
        for key, reply in arrived:
            self._replies[key.question][key] = reply
            for active in self._waiting.pop(key):
                ready = self._ready(active)
                if ready is not None:
                    self._advance(active, ready)
        self.tally.in_flight = len(self._waiting)

    def _finish(self, active: _Active, prediction: Prediction) -> None:
        identity = active.question.id
        self._open_flows[identity] -= 1
        if not self._open_flows[identity]:
            del self._open_flows[identity], self._replies[identity]
        outcome = prediction.outcome
        if outcome is None:
            assert prediction.answer is not None
            gold = active.kit.data.golds[identity]
            outcome = self._grader.submit(active.place, prediction.answer, gold, active.kit.data.task.answer.type)
        entry = _Finished(active=active, prediction=prediction, outcome=outcome)
        self._finished.append(entry)
        if outcome is None:
            self._ungraded[active.place] = entry
        self._record_decided()

    def _grade_done(self, wait_s: float) -> None:
        for place, verdict in self._grader.done(wait_s):
            self._ungraded.pop(place).outcome = verdict
        self._record_decided()

    def _record_decided(self) -> None:
        while self._finished and self._finished[0].outcome is not None:
            entry = self._finished.popleft()
            assert entry.outcome is not None
            self._record(entry.active, entry.prediction, entry.outcome)

    def _record(self, active: _Active, prediction: Prediction, outcome: Outcome) -> None:
        paths = [path for reply in active.replies for path in reply.completions]
        prompt = _total(reply.prompt_tokens for reply in active.replies)
        completion = _total(path.completion_tokens for path in paths)
        self._sink(
            active.place,
            Record(
                question=active.question.id,
                task=active.question.task,
                mode=active.kit.mode.name,
                outcome=outcome.value,
                answer=prediction.answer,
                gold=active.kit.data.golds[active.question.id],
                rule=prediction.rule,
                span=prediction.span,
                truncated=any(path.finish_reason == "length" for path in paths),
                prompt_tokens=prompt,
                completion_tokens=completion,
                requests=tuple((key.request, key.ordinal) for key in active.asked),
                error=next((path.error for path in paths if path.error), ""),
            ),
        )
        tally = self.tally
        if outcome is Outcome.ENGINE_ERROR:
            tally.errors[next((path.error for path in paths if path.error), "")[:200]] += 1
        tally.done += 1
        tally.outcomes[outcome.value] += 1
        tally.graded += outcome is not Outcome.ENGINE_ERROR
        tally.correct += outcome is Outcome.CORRECT
        tally.prompt_tokens += prompt or 0
        tally.completion_tokens += completion or 0


def _total(counts: Iterator[int | None]) -> int | None:
    values = list(counts)
    return None if not values or None in values else sum(v for v in values if v is not None)


# --- a run --------------------------------------------------------------------------------------------------------


class _RecordFile:
    """records.jsonl: appended to while the run goes on (a killed run has what it had), sorted and complete at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[int, bytes] = {}
        self._flushed = time.monotonic()
        try:
            self._file = path.open("wb", buffering=1 << 16)
        except OSError as error:
            raise cannot_write(path, error) from None

    def __call__(self, place: int, record: Record) -> None:
        line = record.line()
        self._lines[place] = line
        try:
            self._file.write(line)
            if time.monotonic() - self._flushed > FLUSH_EVERY_S:
                self._file.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def finish(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise cannot_write(self._path, error) from None
        write_atomically(self._path, b"".join(line for _, line in sorted(self._lines.items())))


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
        "".join(c if c.isalnum() or c in "-._" else "_" for c in model.rstrip("/").rsplit("/", 1)[-1])[:40].strip("._")
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
    write_questions(folder, list(plan.all_questions.values()), plan.golds)
    session = {**circumstance(), "command": list(command), "started": now()}
    manifest.sessions.append(session)
    manifest.status = "running"
    manifest.totals = {"of": plan.total}
    manifest.write(folder)
    journal = Journal(folder / JOURNAL, recorded.good_bytes)
    grader: Grader[int] = Grader(workers=max(1, min(8, os.cpu_count() or 1)))
    sink = _RecordFile(folder / RECORDS)
    loop = Loop(plan, engine, journal, recorded, grader, sink, watch)
    status = "failed"
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
        _close(manifest, session, loop.tally, status, started, folder, journal, sink)
    tally = loop.tally
    if status == "interrupted":
        raise Interrupted(
            f"Interrupted: {tally.done} of {tally.total} answers are recorded in {folder}.",
            f"Go on with: cotbench run --resume {folder}",
        )
    return RunResult(folder=folder, tally=tally, already_finished=was_finished and not tally.requests)


def _open_manifest(plan: Plan, info: EngineInfo, spec: dict[str, Any], folder: Path) -> tuple[Manifest, bool]:
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        changed = differences(manifest.spec, json.loads(json.dumps(spec)))
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
        from cotbench.engines.endpoint import public_url

        options["base_url"] = public_url(plan.options.base_url)
    limited = plan.options.limit is not None
    return Manifest(
        run=folder.name,
        status="running",
        spec=spec,
        options=options,
        engine=info.as_dict(),
        data={
            name: {
                "origin": str(data.origin),
                "dataset": data.task.source.dataset,
                "revision": data.task.source.revision,
                "split": data.task.source.split,
                "licence": data.task.source.licence,
                "answer_type": data.task.answer.type.value,
                "rows": len(data.questions),
                "questions": len(plan.questions[name]),
                "fingerprint": data.fingerprint,
            }
            for name, data in plan.data.items()
        },
        question_ids={name: [q.id for q in questions] for name, questions in plan.questions.items()} if limited else {},
    ), False


def _close(
    manifest: Manifest,
    session: dict[str, Any],
    tally: Tally,
    status: str,
    started: float,
    folder: Path,
    journal: Journal,
    sink: _RecordFile,
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
