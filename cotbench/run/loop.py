"""The one loop that drives questions through modes and an engine.

Every task x mode x question is a flow in one queue over one engine load. A flow whose completion arrives moves on at
once; there is no barrier between modes or tasks, so a long chain of thought never leaves slots idle that short direct
answers could fill. Each reply is in the journal before anything is derived from it; grading runs in other processes.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from cotbench.answers.judging import Grader
from cotbench.engines import Engine
from cotbench.modes import Execute, Flow, Generate, Step, TaskKit, reasoning_tokens
from cotbench.programs import Sandbox
from cotbench.run.prepare import Plan
from cotbench.store.journal import Journal, JournalState
from cotbench.store.records import Record, address_in_record, execution_row, votes_row
from cotbench.types import Execution, Key, Outcome, Prediction, Question, Reply, Request, request_seed


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
    programs: int = 0
    program_cpu_s: float = 0.0
    new_tokens: int = 0  # completion tokens generated in this session; the others may have been recorded before
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  # what failed requests said
    fatal: list[str] = field(default_factory=list)  # answers whose comparison ended the grader's worker twice
    started: float = field(default_factory=time.monotonic)
    stopping: bool = False


Watch = Callable[[Tally], None]


@dataclass(kw_only=True)
class _Active:
    """A flow that waits: `wanted` are the addresses of the replies of its present step, `place` its place among the records.

    executions: of all its programs so far. results: of the programs or comparisons of its present step, as they come;
    missing: how many of these are still to come.
    """

    place: int
    question: Question
    kit: TaskKit
    flow: Flow
    wanted: tuple[Key, ...] = ()
    asked: list[Key] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    replies: list[Reply] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    missing: int = 0


@dataclass(kw_only=True)
class _Finished:
    """A flow that has ended, with the answers to be graded and the verdicts on them, which are None until they come.

    Of several answers, a vote's, the winner is one.
    """

    active: _Active
    prediction: Prediction
    verdicts: list[Outcome | None]

    @property
    def decided(self) -> bool:
        return None not in self.verdicts


# What a verdict of the grader is for: an answer of a finished flow, or a comparison that a flow waits for.
Ticket = tuple[Literal["answer", "pair"], int, int]
WAIT_S = 0.1
MOST_PARKED = 16_384  # flows whose programs run or whose answers are compared; beyond that no new ones are begun, since memory has an end


class Loop:
    """Drives the flows of a plan. `run` returns when all are finished, or when `stop` was called and nothing is in flight."""

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        journal: Journal,
        recorded: JournalState,
        grader: Grader[Ticket],
        sandbox: Sandbox[tuple[int, int]],
        sink: Callable[[int, Record], None],
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._journal = journal
        self._grader = grader
        self._sandbox = sandbox
        self._sink = sink
        self._watch = watch
        # Replies by question, kept until all flows of the question are finished: modes may share a request.
        self._replies: dict[str, dict[Key, Reply]] = defaultdict(dict)
        for key, reply in recorded.replies.items():
            self._replies[key.question][key] = reply
        recorded.replies.clear()  # from here on they go as their questions are finished
        self._open_flows: Counter[str] = Counter()
        self._waiting: dict[Key, list[_Active]] = {}
        self._parked: dict[int, _Active] = {}
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
            full = self.tally.stopping or len(self._parked) >= MOST_PARKED
            room = 0 if full else self._engine.capacity - len(self._waiting)
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
            # Where the engine has nothing to do, wait for a program or a comparison that a flow needs to go on.
            idle = not self._waiting and not started
            self._programs_done(WAIT_S if idle and self._sandbox.pending else 0.0)
            self._grade_done(WAIT_S if idle and self._parked and not self._sandbox.pending else 0.0)
            self._watch(self.tally)
            if not self._waiting and not self._parked and (self.tally.stopping or not started):
                break
        while self._grader.pending:
            self._grade_done(0.5)
            self._watch(self.tally)

    def _flows(self) -> Iterator[_Active]:
        """Question by question with all its modes, the largest budget first: they share a prefix, and long ones start early.

        Of the last questions, as many as the engine takes at once, the short answers come behind all long ones: so
        they fill the slots that the last chains of thought leave idle.
        """
        place, left = 0, sum(map(len, self._plan.questions.values()))
        last: list[_Active] = []
        for task, questions in self._plan.questions.items():
            kits = [kit for (name, _), kit in self._plan.kits.items() if name == task]
            long_first = sorted(enumerate(kits), key=lambda pair: -pair[1].sampling.max_tokens)
            for question in questions:
                self._open_flows[question.id] = len(kits)
                active = [
                    _Active(place=place + offset, question=question, kit=kit, flow=kit.mode.run(question, kit))
                    for offset, kit in long_first
                ]
                if left > self._engine.capacity:
                    yield from active
                else:
                    last += active
                place += len(kits)
                left -= 1
        yield from sorted(last, key=lambda active: -active.kit.sampling.max_tokens)

    def _advance(self, active: _Active, results: Sequence[Any] | None) -> None:
        """Move a flow on until it needs something that isn't here."""
        while True:
            try:
                step = next(active.flow) if results is None else active.flow.send(results)
            except StopIteration as finished:
                self._finish(active, finished.value)
                return
            ready = self._begin(active, step)
            if ready is None:
                return
            results = ready

    def _begin(self, active: _Active, step: Step) -> Sequence[Any] | None:
        """Start what a step wants; its results where they are here already."""
        if isinstance(step, Generate):
            return self._ask(active, step)
        self._parked[active.place] = active
        wanted = step.programs if isinstance(step, Execute) else step.pairs
        active.results, active.missing = [None] * len(wanted), len(wanted)
        if isinstance(step, Execute):
            for index, program in enumerate(step.programs):
                self._sandbox.submit((active.place, index), program)
            return None
        for index, pair in enumerate(step.pairs):
            verdict = self._compare(active, index, pair)
            if verdict is not None:
                active.results[index] = verdict is Outcome.CORRECT
                active.missing -= 1
        if active.missing:
            return None
        return self._unpark(active)

    def _ask(self, active: _Active, step: Generate) -> Sequence[Any] | None:
        active.wanted = tuple(self._address(active, request) for request in step.requests)
        active.asked.extend(active.wanted)
        for key, request in zip(active.wanted, step.requests, strict=True):
            if key in self._replies[active.question.id]:
                self.tally.reused += 1
            elif key in self._waiting:
                self._waiting[key].append(active)
            elif self.tally.stopping:
                return None
            else:
                self._waiting[key] = [active]
                self._requests[key] = request
                self._engine.submit(key, request)
        return self._ready(active)

    def _compare(self, active: _Active, index: int, pair: tuple[str, str]) -> Outcome | None:
        """Whether two answers of one question are equal, by the rules of grading."""
        return self._grader.submit(("pair", active.place, index), pair[1], pair[0], active.kit.data.task.answer.type)

    def _unpark(self, active: _Active) -> list[Any]:
        del self._parked[active.place]
        active.executions += [result for result in active.results if isinstance(result, Execution)]
        return active.results

    def _arrived(self, place: int, index: int, result: Any) -> None:
        """One result of a parked flow; the last one lets it go on."""
        active = self._parked[place]
        active.results[index] = result
        active.missing -= 1
        if not active.missing:
            self._advance(active, self._unpark(active))

    def _programs_done(self, wait_s: float) -> None:
        for (place, index), execution in self._sandbox.done(wait_s):
            self.tally.programs += 1
            self.tally.program_cpu_s += execution.cpu_s
            self._arrived(place, index, execution)

    def _address(self, active: _Active, request: Request) -> Key:
        digest = request.hash
        key = Key(active.question.id, digest, 0, active.seen[digest])
        active.seen[digest] += 1
        return key

    def _ready(self, active: _Active) -> list[Any] | None:
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
        self.tally.new_tokens += sum(reply.completion_tokens or 0 for _, reply in arrived)
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
        gold, answer_type = active.kit.data.golds[identity], active.kit.data.task.answer.type
        verdicts = [
            self._grader.submit(("answer", active.place, index), answer, gold, answer_type)
            for index, answer in enumerate(prediction.answers)
        ]
        entry = _Finished(active=active, prediction=prediction, verdicts=verdicts)
        self._finished.append(entry)
        if not entry.decided:
            self._ungraded[active.place] = entry
        self._record_decided()

    def _grade_done(self, wait_s: float) -> None:
        for ticket, verdict in self._grader.done(wait_s):
            kind, place, index = ticket
            if kind == "pair":
                self._arrived(place, index, verdict is Outcome.CORRECT)
                continue
            entry = self._ungraded[place]
            entry.verdicts[index] = verdict
            if entry.decided:
                del self._ungraded[place]
            if ticket in self._grader.fatal:
                self.tally.fatal.append(f"{entry.active.question.id} ({entry.active.kit.mode.name})")
        self._record_decided()

    def _record_decided(self) -> None:
        while self._finished and self._finished[0].decided:
            self._record(self._finished.popleft())

    def _record(self, entry: _Finished) -> None:
        active, prediction = entry.active, entry.prediction
        outcome = prediction.concluded(entry.verdicts)
        paths = [path for reply in active.replies for path in reply.completions]
        prompt = _total(reply.prompt_tokens for reply in active.replies)
        completion = _total(reply.completion_tokens for reply in active.replies)
        self._sink(
            active.place,
            Record(
                question=active.question.id,
                task=active.question.task,
                mode=active.kit.mode.name,
                outcome=outcome,
                answer=prediction.answer,
                gold=active.kit.data.golds[active.question.id],
                rule=prediction.rule,
                span=prediction.span,
                truncated=any(path.finish_reason == "length" for path in paths),
                prompt_tokens=prompt,
                completion_tokens=completion,
                reasoning_tokens=reasoning_tokens(paths, completion),
                requests=tuple(map(address_in_record, active.asked)),
                error=next((path.error for path in paths if path.error), ""),
                votes=votes_row(prediction, entry.verdicts),
                executions=tuple(map(execution_row, active.executions)),
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
