"""The one loop that drives questions through modes and stations: a run's, and that of grading what is on record again.

Every task x mode x question is a flow in one queue over one engine load. A flow moves on as soon as the last result of
its step has come; there is no barrier between modes or tasks, so a long chain of thought never leaves slots idle that
short direct answers could fill. A flow that has ended asks one thing more: whether its answers are right."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec import UNSET, UnsetType

from cotbench.answers.grader import grade_now
from cotbench.modes import (
    Borrow,
    Compare,
    Consult,
    Continue,
    Execute,
    Flow,
    Generate,
    Kit,
    Mode,
    Step,
    Tokens,
    reasoning_tokens,
)
from cotbench.modes.votes import deciding
from cotbench.runs.part import Part
from cotbench.runs.prepare import RunPlan
from cotbench.runs.stations import (
    STATIONS,
    Asked,
    AtOnce,
    Comparison,
    Judge,
    RecordedReplies,
    Replies,
    Station,
    Ticket,
)
from cotbench.runs.tally import Tally, Watch
from cotbench.store.journal import Parents, StoredReply
from cotbench.store.records import (
    Before,
    Record,
    address_in_record,
    execution_row,
    node_rows,
    options_row,
    votes_row,
)
from cotbench.types import Execution, Key, Outcome, Prediction, Question, Reply, Request, Verdict

WAIT_S, MOMENT_S = 0.1, 0.01
# Flows that are open beside those that the engine has: beyond that no new ones are begun, since memory has an end.
MOST_BESIDE = 16_384
JUDGE = "the judge"
BORROWED = "a reply to another question, which it borrows"
JUDGE_DECLINED = f"{JUDGE} would not answer"
_MISSING = object()  # in place of a result that is still to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A question to be asked under a mode. number: its place among the records, from 0.

    recorded: the addresses of its replies where they are on record already; look: gives the line of one. siblings: how
    many jobs its question has. shared: of the addresses on record those that other jobs have, too, so that the line may
    say what another one built on."""

    number: int
    question: Question
    gold: str
    kit: Kit
    siblings: int = 1
    recorded: Sequence[Key] | None = None
    look: Callable[[Key], StoredReply | None] = lambda _: None
    shared: frozenset[Key] = frozenset()


@dataclass(slots=True, eq=False)
class _Open:
    """A job under way: its flow, what its present step waits for, and what has come of it so far."""

    job: Job
    flow: Flow
    steps: int = 0
    step: Step | None = None
    results: list[Any] = field(default_factory=list)  # of the present step; `missing` of them are still to come
    missing: int = 0
    prediction: Prediction | None = None  # once the flow has ended; then `results` are the verdicts
    # Tuples, since most of them stay empty, and tens of thousands of flows are open at once.
    asked: tuple[Key, ...] = ()
    replies: tuple[Reply, ...] = ()
    sizes: tuple[int, ...] = ()  # how many of them each step asked for
    executions: tuple[Execution, ...] = ()
    keys: tuple[Key | None, ...] = ()  # of what the present step asks
    had: tuple[tuple[Key, Reply], ...] = ()
    judgements: tuple[Reply, ...] = ()  # those of the second model
    borrowed: tuple[Reply, ...] = ()  # those to other questions
    lines: dict[Key, StoredReply | None] | None = None  # of what is on record, as far as looked at
    went_on: int = 0  # replies that were gone on with for their answer
    judged_further: bool = False  # whether a judge's was gone on with
    cut: bool = False  # whether a reply was cut at its budget; the line with which it is gone on with may be

    def address(self, request: Request) -> Asked:
        """Give a request its address: one on record, or one by its hash and how often the flow has asked it."""
        key: Key | None
        if self.job.recorded is not None:
            key = self._on_record(request)
        else:
            digest = request.hash
            ordinal = sum(known.request == digest for known in self.asked) if self.asked else 0
            key = Key(self.job.question.id, digest, self.job.kit.replicate, ordinal)
        return self._asks(key, request)

    def _asks(self, key: Key | None, request: Request) -> Asked:
        if key is not None:
            self.asked += (key,)
        self.keys += (key,)
        return Asked(key, request, parents=self._parents(request))

    def _left(self) -> Iterator[tuple[Key, StoredReply]]:
        """The replies on record that haven't been asked for yet, with their lines; up to one that is missing."""
        asked = set(self.asked)
        for key in self.job.recorded or ():
            if key in asked:
                continue
            row = self._line_of(key)
            if row is None:
                return
            yield key, row

    def _on_record(self, request: Request) -> Key | None:
        """Find the address of a request on record: of those that are left the first.

        Of requests that build on paths it is the first that builds on the same ones: where paths are read otherwise
        now, a reply must not be taken for one to another path. What one builds on that other modes asked for, too, was
        told by the first of them: in their order, any of these will do. A reply that goes on from an earlier one was
        not asked for by itself."""
        recorded = self.job.recorded or ()
        if not request.after and not self.went_on and not self.judged_further:
            return next((key for key in recorded if key not in self.asked), None)
        # One that begins the reply itself is asked for before any is gone on with.
        fresh = [(key, row) for key, row in self._left() if request.begun is not None or not self._goes_on(row)]
        if not request.after:
            return fresh[0][0] if fresh else None
        parents = self._parents(request)
        return next((key for key, row in fresh if row.after == parents or key in self.job.shared), None)

    def _goes_on(self, row: StoredReply) -> bool:
        """Whether a reply on record is one with which an earlier one of the flow was gone on with."""
        begun = row.completions[0].begun
        if not begun:
            return False
        # It is asked for with the template of the reply that it goes on from.
        templates = {key: told.template for key in self.asked if (told := self._line_of(key)) is not None}
        earlier = (path for key, reply in self.had if templates.get(key) == row.template for path in reply.completions)
        return any(begun.startswith(path.begun + path.text) for path in earlier)

    def _line_of(self, key: Key) -> StoredReply | None:
        """The line of a reply on record; each is parsed once, however many are looked through for one."""
        self.lines = lines = self.lines if self.lines is not None else {}
        if key not in lines:
            lines[key] = self.job.look(key)
        return lines[key]

    def _parents(self, request: Request) -> Parents:
        """The paths that a request builds on, by their addresses."""
        if not request.after:
            return ()
        known = {
            id(path): (key.request, key.ordinal, place)
            for key, reply in self.had
            for place, path in enumerate(reply.completions)
        }
        return tuple(known[id(path)] for path in request.after if id(path) in known)

    def further(self, request: Request) -> Asked:
        """Give a request that goes on with a reply its address; on record it is found by what it goes on from."""
        recorded = self.job.recorded
        if recorded is None:
            return self.address(request)
        begun = request.begun.text if request.begun is not None else ""
        found = next((key for key, row in self._left() if row.completions[0].begun == begun), None)
        if found is not None:
            return self._asks(found, request)
        self.keys += (None,)
        return Asked(None, request, tuple(recorded))

    def _take(self, replies: Sequence[Reply]) -> Sequence[Any]:
        """Keep the replies of a step, beside their addresses where these are known. One without paths stands for none:
        a run that is over was not asked to go on with a reply with which one would go on now."""
        had = tuple(reply for reply in replies if reply.completions)
        self.replies += had
        if had or not replies:
            self.sizes += (len(had),)
        self.had += tuple((key, reply) for key, reply in zip(self.keys, replies, strict=True) if key is not None)
        self.keys = ()
        return [reply.completions for reply in replies]

    def borrows(self, item: tuple[Question, Request]) -> Asked:
        """Give another question's request its address; its reply isn't one of this flow's. Where all that is on record
        was asked for before, what was to be made of that reply is not: it had failed, and the address is None."""
        question, request = item
        if self.job.recorded is not None and not set(self.job.recorded) - set(self.asked):
            return Asked(None, request, borrowed=True)
        return Asked(Key(question.id, request.hash, self.job.kit.replicate, 0), request, borrowed=True)

    def take_borrowed(self, replies: Sequence[Reply]) -> Sequence[Any]:
        self.borrowed += tuple(replies)
        return [reply.completions for reply in replies]

    def take_further(self, replies: Sequence[Reply]) -> Sequence[Any]:
        assert isinstance(self.step, Continue)
        if self.step.judging:
            self.judged_further = True
        else:
            self.went_on += sum(bool(reply.completions) for reply in replies)
        return self._take(replies)

    def expects(self, ticket: Ticket) -> bool:
        """Whether a result under this ticket is still to come in the present step."""
        known = ticket.step == self.steps and 0 <= ticket.item < len(self.results)
        return known and self.results[ticket.item] is _MISSING

    def comparison(self, pair: tuple[str, str]) -> Comparison:
        """Make the comparison of two answers that a vote asks for: the earlier one stands for gold."""
        return Comparison(pair[1], pair[0], self.job.kit.kind_of(self.job.question))

    def take_replies(self, replies: Sequence[Reply]) -> Sequence[Any]:
        self.cut |= any(path.finish_reason == "length" for reply in replies for path in reply.completions)
        return self._take(replies)

    def take_judgements(self, replies: Sequence[Reply]) -> Sequence[Any]:
        self.judgements += tuple(replies)
        return self._take(replies)

    def take_executions(self, executions: Sequence[Execution]) -> Sequence[Any]:
        self.executions += tuple(executions)
        return executions


@dataclass(frozen=True, slots=True)
class Desk:
    """Where steps of one kind go. work: makes a station's work of one thing that a step asks for; take: makes what the
    flow gets of the step's results, and keeps of them what the record needs."""

    station: Station[Any, Any]
    work: Callable[[_Open, Any], Any] = lambda _, item: item
    take: Callable[[_Open, Sequence[Any]], Sequence[Any]] = lambda _, results: results


def desks(
    replies: Replies | RecordedReplies,
    judge: Judge,
    sandbox: Station[Any, Execution],
    second: Replies | RecordedReplies | None = None,
) -> dict[type, Desk]:
    """Return the table of which kind of step goes to which station; `STATIONS` adds to it as a run goes on. second:
    that of the second model."""
    return {
        **({} if second is None else {Consult: Desk(second, _Open.address, _Open.take_judgements)}),
        Generate: Desk(replies, _Open.address, _Open.take_replies),
        Continue: Desk(replies, _Open.further, _Open.take_further),
        Borrow: Desk(replies, _Open.borrows, _Open.take_borrowed),
        Tokens: Desk(AtOnce(replies.token_ends)),
        Execute: Desk(sandbox, take=_Open.take_executions),
        Compare: Desk(judge, _Open.comparison, lambda _, verdicts: [v.outcome is Outcome.CORRECT for v in verdicts]),
    }


def jobs_of(plan: RunPlan, capacity: int, part: Part | None = None) -> Iterator[Job]:
    """Make the jobs of a run, or of a part of it: question by question with all its modes, the largest budget first.

    So modes share a prefix, and long chains of thought start early. Of the last `capacity` questions the short answers
    come behind all long ones, and fill the slots that the last chains of thought leave idle."""
    number = 0
    some = None if part is None else part.questions
    left = sum(some is None or one.id in some for questions in plan.questions.values() for one in questions)
    last: list[tuple[int, Job]] = []
    for task, questions in plan.questions.items():
        kits = [kit for (name, _), kit in plan.kits.items() if name == task]
        long_first = sorted(enumerate(kits), key=lambda pair: -pair[1].budget)
        golds = plan.data[task].golds
        for question in questions:
            asked = [pair for pair in long_first if part is None or part.has(question.id, pair[1].mode.name)]
            jobs = [
                Job(number=number + offset, question=question, gold=golds[question.id], kit=kit, siblings=len(asked))
                for offset, kit in asked
            ]
            number += len(kits)
            if left > capacity:
                yield from jobs
            else:
                last += [(-kit.budget, job) for (_, kit), job in zip(asked, jobs, strict=True)]
            left -= bool(asked)
    yield from (job for _, job in sorted(last, key=lambda pair: pair[0]))


@dataclass(eq=False)
class Loop:
    """Drives jobs over stations. `run` returns when all are finished, or after `stop` when nothing is in flight.

    sink: gets each record, with its job's number, in the order in which flows finish: an answer that equals gold as
    text is graded at once and others wait, so that written as they come a killed run's would mostly be right ones."""

    jobs: Iterator[Job]
    replies: Replies | RecordedReplies
    judge: Judge
    sandbox: Station[Any, Execution]
    sink: Callable[[int, Record], None]
    tally: Tally
    watch: Watch = lambda _: None
    second: Replies | None = None  # of the second model

    def __post_init__(self) -> None:
        self._desks = desks(self.replies, self.judge, self.sandbox, self.second)
        self._models = [self.replies, *filter(None, [self.second])]
        self._opened: list[Station[Any, Any]] = []
        self._open: dict[int, _Open] = {}
        self._unfinished: Counter[str] = Counter()  # jobs by question
        self._finished: deque[_Open] = deque()

    def stop(self) -> None:
        """Ask nothing more; what is in flight is still waited for and recorded."""
        self.tally.stopping = True

    def run(self) -> None:
        """Drive all jobs to their ends."""
        while True:
            started = self._start()
            stations = [desk.station for desk in self._desks.values()]
            for station in stations:
                self._collect(station, 0.0)
            # An engine in this process only works while it is waited for, so it is, and one of two in turn. Else each
            # of those that have something to do is waited for a moment: none is to be idle until another is done.
            self._models.append(self._models.pop(0))
            here = [model for model in self._models if model.pending and not model.works_alone]
            alone = [model for model in self._models if model.pending and model.works_alone]
            busy = list(dict.fromkeys([*here, *alone, *(station for station in stations if station.pending)]))
            if busy and (here or alone or not started):
                for station in busy[: 1 if here else None]:
                    self._collect(station, WAIT_S if here or len(busy) == 1 else MOMENT_S)
            elif not started and not self._start():  # what was just collected may have brought jobs that wait for it
                break
            self.tally.executing = self.sandbox.pending
            self.watch(self.tally)
        if self._open and not self.tally.stopping:
            flow = next(iter(self._open.values()))
            raise RuntimeError(
                f"{len(self._open)} flows wait for results that never came, the first of them (mode "
                f"{flow.job.kit.mode.name}) for {flow.missing} of its step {flow.step!r:.60}"
            )

    def close(self) -> None:
        """Close the stations that the loop has opened itself."""
        for station in self._opened:
            station.close()

    def _desk(self, step: Step, mode: Mode) -> Desk:
        """Return the desk of a step, which opens its station where this is the first step of its kind."""
        kind = type(step)
        known = kind in self._desks
        if kind not in mode.asks if kind in STATIONS else not known:  # whether another mode has opened it or not
            raise TypeError(
                f"mode {mode.name} yields {step!r:.60}: no station answers it, or it isn't among the mode's `asks`"
            )
        if not known:
            self._opened.append(STATIONS[kind].open())
            self._desks[kind] = Desk(self._opened[-1])
        return self._desks[kind]

    def _start(self) -> int:
        """Begin as many jobs as there is room for; how many."""
        if self.tally.stopping:
            return 0
        room = min(self.replies.room, self.replies.capacity + MOST_BESIDE - len(self._open))
        started = 0
        for job in islice(self.jobs, max(room, 0)):
            self._unfinished[job.question.id] = self._unfinished[job.question.id] or job.siblings
            self._open[job.number] = flow = _Open(job, job.kit.mode.run(job.question, job.kit))
            self._advance(flow, None)
            started += 1
        return started

    def _collect(self, station: Station[Any, Any], wait_s: float) -> None:
        for ticket, result in station.done(wait_s):
            self.tally.executed += station is self.sandbox
            flow = self._open.get(ticket.flow)
            if flow is None or not flow.expects(ticket):
                raise RuntimeError(f"{type(station).__name__} gave a result twice, or for no work of its own: {ticket}")
            flow.results[ticket.item] = result
            flow.missing -= 1
            if flow.prediction is not None and self.judge.is_fatal(ticket):
                self.tally.fatal.append(f"{flow.job.question.id} ({flow.job.kit.mode.name})")
            if flow.missing:
                continue
            if flow.prediction is not None:
                self._record_decided()
            else:
                assert flow.step is not None
                self._advance(flow, self._desk(flow.step, flow.job.kit.mode).take(flow, flow.results))

    def _advance(self, flow: _Open, results: Sequence[Any] | None) -> None:
        """Move a flow on to its next step, or to its end."""
        while True:
            try:
                flow.step = next(flow.flow) if results is None else flow.flow.send(results)
            except StopIteration as end:
                self._finish(flow, end.value)
                return
            desk = self._desk(flow.step, flow.job.kit.mode)
            if flow.step.items:
                self._submit(flow, desk.station, [desk.work(flow, item) for item in flow.step.items])
                return
            results = desk.take(flow, ())

    def _submit(self, flow: _Open, station: Station[Any, Any], work: Sequence[Any]) -> None:
        flow.steps += 1
        flow.results, flow.missing = [_MISSING] * len(work), len(work)
        for index, item in enumerate(work):
            station.submit(Ticket(flow.job.number, flow.steps, index), item)

    def _finish(self, flow: _Open, prediction: Prediction) -> None:
        job, flow.prediction = flow.job, prediction
        if not isinstance(prediction, Prediction):
            raise TypeError(f"mode {job.kit.mode.name} returns {prediction!r:.60}, expected a Prediction")
        self._unfinished[job.question.id] -= 1
        if not self._unfinished[job.question.id]:
            del self._unfinished[job.question.id]
            self.replies.forget(job.question.id)
        answers = [Comparison(answer, job.gold, job.kit.kind_of(job.question)) for answer in prediction.answers]
        self._finished.append(flow)
        self._submit(flow, self.judge, answers)
        if not answers:
            self._record_decided()

    def _record_decided(self) -> None:
        while self._finished and not self._finished[0].missing:
            flow = self._finished.popleft()
            del self._open[flow.job.number]
            record = _record(flow)
            self.sink(flow.job.number, record)
            self._count(flow, record)

    def _count(self, flow: _Open, record: Record) -> None:
        tally = self.tally
        if record.outcome == Outcome.ENGINE_ERROR:
            tally.errors[record.error[:200]] += 1
        tally.done += 1
        tally.arm(record.task, record.mode).take(record)
        tally.outcomes[record.outcome] += 1
        tally.graded += record.outcome != Outcome.ENGINE_ERROR
        tally.correct += record.outcome == Outcome.CORRECT
        tally.prompt_tokens += record.prompt_tokens or 0
        tally.completion_tokens += record.completion_tokens or 0
        tally.programs += len(flow.executions)
        tally.program_cpu_s += sum(execution.cpu_s for execution in flow.executions)


def record_at_once(job: Job, prediction: Prediction, key: Key, reply: Reply) -> Record | None:
    """Make the record of a job that asks once, as a loop would, without one; None where the grader needs a process.

    prediction: what was read in its only reply."""
    kind = job.kit.kind_of(job.question)
    verdicts = [grade_now(answer, job.gold, kind) for answer in prediction.answers]
    if None in verdicts:
        return None
    cut = any(path.finish_reason == "length" for path in reply.completions)
    return _record(
        _Open(
            job,
            iter(()),  # type: ignore[arg-type]
            results=verdicts,
            prediction=prediction,
            asked=(key,),
            replies=(reply,),
            sizes=(1,),
            cut=cut,
        )
    )


def _record(flow: _Open) -> Record:
    """Make the record of a flow that has ended and whose answers have their verdicts."""
    job, prediction, verdicts = flow.job, flow.prediction, flow.results
    assert prediction is not None
    verdict = prediction.concluded(verdicts)
    paths = [path for reply in flow.replies for path in reply.completions]
    completion = _total(reply.completion_tokens for reply in flow.replies)
    return Record(
        question=job.question.id,
        task=job.question.task,
        mode=job.kit.mode.name,
        outcome=verdict.outcome,
        answer=prediction.answer,
        gold=job.gold,
        rule=prediction.rule,
        span=prediction.span,
        truncated=flow.cut,
        prompt_tokens=_total(reply.prompt_tokens for reply in flow.replies),
        completion_tokens=completion,
        judge_prompt_tokens=_of_second(reply.prompt_tokens for reply in flow.judgements),
        judge_completion_tokens=_of_second(reply.completion_tokens for reply in flow.judgements),
        reasoning_tokens=reasoning_tokens(paths, completion),
        requests=tuple(map(address_in_record, flow.asked)),
        error=_failed(flow) or _declined(verdict, prediction),
        votes=votes_row(prediction, verdicts),
        executions=tuple(map(execution_row, flow.executions)),
        before=_before(flow, prediction),
        options=options_row(prediction),
        source=_source(flow, prediction),
        score=UNSET if verdict.own_score is None else verdict.own_score,
        steps=tuple(flow.sizes) if max(flow.sizes, default=1) > 1 else UNSET,
        nodes=node_rows(prediction.nodes, flow.replies),
    )


def _failed(flow: _Open) -> str:
    """What is said of the first request that failed, and that it was the judge's where a second model was asked."""
    for reply in flow.replies:
        for path in reply.completions:
            if path.error:
                return f"{JUDGE}: {path.error}" if any(reply is one for one in flow.judgements) else path.error
    lost = (path.error for reply in flow.borrowed for path in reply.completions if path.error)
    return next((f"{BORROWED}: {error}" for error in lost), "")


def _declined(verdict: Verdict, prediction: Prediction) -> str:
    """Say why there is no verdict, where no request failed: what the method rests on was refused."""
    path = prediction.source
    if verdict.outcome is not Outcome.ENGINE_ERROR or path is None or path.finish_reason != "refused":
        return ""
    return f"{JUDGE_DECLINED}: {path.text.strip() or 'no words'}"[:200]


def _of_second(counts: Iterator[int | None]) -> int | UnsetType | None:
    """The sum of what the second model's replies took; absent where it gave none."""
    values = list(counts)
    return _total(iter(values)) if values else UNSET


def _before(flow: _Open, prediction: Prediction) -> Before | UnsetType:
    """What would have been concluded had no reply been gone on with."""
    before = prediction.before
    if before is None:
        return UNSET
    outcome = before.concluded(flow.results, prediction.answers).outcome
    return Before(outcome=outcome, answer=before.answer, replies=flow.went_on)


def _source(flow: _Open, prediction: Prediction) -> tuple[int, int] | UnsetType:
    """The reply and the path in which the answer was read, unless it is where one would look for it."""
    if len(flow.replies) == 1 and len(flow.replies[0].completions) == 1:
        return UNSET  # there is no other place
    places = [
        (number, index)
        for number, reply in enumerate(flow.replies)
        for index, path in enumerate(reply.completions)
        if path is prediction.source
    ]
    path = deciding(prediction.votes.ballots) if prediction.votes is not None else 0
    usual = (len(flow.replies) - 1, path)
    return places[0] if places and places[0] != usual else UNSET


def _total(counts: Iterator[int | None]) -> int | None:
    values = list(counts)
    if len(values) == 1:
        return values[0]
    return None if not values or None in values else sum(filter(None, values))
