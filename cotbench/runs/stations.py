"""Stations: what a step of a mode asks of, behind one protocol. An engine, the grader, the sandbox, replies on record.

A step's work is handed to a station under tickets; results come back under the same tickets, in any order. The loop
knows no station by name: a table says which kind of step goes where, so that a retriever is one more row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec import structs

from cotbench.answers.grader import Grader
from cotbench.engines import Engine
from cotbench.errors import RunError
from cotbench.modes import Mode
from cotbench.runs.earlier import NOTHING, Earlier
from cotbench.runs.tally import TakenTally, Tally, work_of
from cotbench.store.journal import Entry, Journal, JournalIndex, Parents
from cotbench.types import Completion, Key, Reply, Request, Verdict, request_seed

MOST_VERDICTS = 100_000  # of compared answers that are remembered, for those who answer the same


class Ticket(NamedTuple):
    """What a result is for: the flow, by its number; its step; and which of the items that the step asked for."""

    flow: int
    step: int
    item: int


Work = TypeVar("Work", contravariant=True)
Result = TypeVar("Result", covariant=True)


class Station(Protocol[Work, Result]):
    """Does what a step asks for, beside the loop or within its waits."""

    def submit(self, ticket: Ticket, work: Work) -> None:
        """Take work on; its result comes out of `done` under this ticket. Returns at once."""

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, Result]]:
        """Return results that have come since the last call; with `wait_s`, wait for a first one, some such time."""

    @property
    def pending(self) -> int:
        """How many results are still to come."""

    def close(self) -> None:
        """Let go of processes and files. What is pending is lost."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its address in the journal; the address is None where none is left on record.

    among: the addresses of which one may go on from the request's beginning. parents: the paths that it builds on.
    borrowed: whether it is another question's; of one on record without an address the reply had failed."""

    key: Key | None
    request: Request
    among: tuple[Key, ...] = ()
    parents: Parents = ()
    borrowed: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers of one question, to be compared by the rules of grading."""

    answer: str
    gold: str
    answer_type: str


class Replies:
    """The station of an engine: a reply is in the journal before anybody sees it, and a question's request sent once.
    recorded: what the journal held before, looked up as it is asked for. earlier: the replies of earlier runs, which
    are copied into the journal instead of being asked for again.

    `done` with a wait gives way to an engine that works only while it is waited for until it has at least one reply,
    however long that takes."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        recorded: JournalIndex,
        seed: int,
        tally: Tally,
        earlier: Earlier = NOTHING,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._seed = seed
        self._tally = tally
        self._earlier = earlier
        self._copied: list[Entry] = []  # of earlier runs, to be in the journal before anybody sees them
        self._recorded = recorded
        # Replies by question, kept until all flows of the question are finished: modes may share a request.
        self._known: dict[str, dict[Key, Reply]] = defaultdict(dict)
        self._waiting: dict[Key, tuple[Asked, list[Ticket]]] = {}
        self._ready: list[tuple[Ticket, Reply]] = []
        self._cancelled = False
        self.lends = False  # whether flows ask for replies to other questions, so that none is forgotten
        self._arrives: Callable[[float], bool] | None = getattr(engine, "arrives", None)

    @property
    def works_alone(self) -> bool:
        """Whether the engine works whether it is waited for or not."""
        return self._arrives is not None

    @property
    def room(self) -> int:
        """How many requests the engine would still take."""
        return self._engine.capacity - len(self._waiting)

    @property
    def capacity(self) -> int:
        """How many requests the engine wants in flight."""
        return self._engine.capacity

    @property
    def pending(self) -> int:
        return len(self._waiting) + len(self._ready)

    def submit(self, ticket: Ticket, work: Asked) -> None:
        key = work.key
        assert key is not None
        reply = self._on_record(key)
        if reply is not None:
            self._tally.reused += 1
            self._tally.seen_work += work_of(reply)
            self._ready.append((ticket, reply))
        elif key in self._waiting:
            self._waiting[key][1].append(ticket)
        elif self._earlier.sources and (reply := self._take_earlier(key, work)) is not None:
            self._known[key.question][key] = reply
            self._tally.seen_work += work_of(reply)
            self._ready.append((ticket, reply))
        elif not self._tally.stopping:  # else its flow ends here, and is resumed another time
            self._waiting[key] = (work, [ticket])
            self._engine.submit(key, work.request)
        self._fly()

    def _on_record(self, key: Key) -> Reply | None:
        """The reply to a request that was asked before, in this session or another; None where that failed."""
        known = self._known[key.question]
        reply = known.get(key)
        if reply is None and (row := self._recorded.reply(key)) is not None and not row.failed:
            reply = known[key] = row.reply()
        return reply

    def _take_earlier(self, key: Key, work: Asked) -> Reply | None:
        """The reply of an earlier run; None where none has it."""
        seed = self._seed_of(key, work.request)
        found = self._earlier.find(key, work.request, seed)
        if found is None:
            return None
        self._copied.append((key, work.request, seed, found.reply, work.parents, found.run))
        tally = self._tally.taken.setdefault(found.run, TakenTally())
        tally.take(found.reply.completion_tokens or 0, found.busy_s)
        return found.reply

    def _seed_of(self, key: Key, request: Request) -> int | None:
        """The seed that a request is sampled with; None for a greedy one."""
        return None if request.sampling.greedy else request_seed(self._seed, key)

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, Reply]]:
        if self._copied:
            self._journal.append(self._copied)
            self._copied = []
        self._cancel()
        if self._ready or not self._waiting or not self._due(wait_s):
            results, self._ready = self._ready, []
            return results
        return self._take(self._engine.poll())

    def _due(self, wait_s: float) -> bool:
        """Whether the engine is to be asked for replies."""
        return wait_s > 0 if self._arrives is None else self._arrives(wait_s)

    def forget(self, question: str) -> None:
        """Drop the replies of a question that no flow will ask of again."""
        if not self.lends:
            self._known.pop(question, None)

    def token_ends(self, text: str) -> tuple[int, ...]:
        """Where the tokens of a text end: the model's, where the engine has its tokenizer, else words."""
        told = getattr(self._engine, "token_ends", None)
        found = None if told is None else told(text)
        return word_ends(text) if found is None else tuple(found)

    def beside(self, engine: Engine, earlier: Earlier = NOTHING) -> Replies:
        """Return the station of a second engine, with the same journal and the same replies on record."""
        second = Replies(engine, self._journal, self._recorded, self._seed, self._tally, earlier)
        second._known = self._known
        return second

    def close(self) -> None:
        self._engine.close()

    def _fly(self) -> None:
        self._tally.fly(len(self._waiting), self)

    def _cancel(self) -> None:
        if self._tally.stopping and not self._cancelled:
            self._cancelled = True
            for key in self._engine.cancel():
                del self._waiting[key]
            self._fly()

    def _take(self, arrived: Sequence[tuple[Key, Reply]]) -> list[tuple[Ticket, Reply]]:
        if not arrived:
            return []
        entries = []
        arrived = [(key, _with_beginning(reply, self._waiting[key][0].request)) for key, reply in arrived]
        for key, reply in arrived:
            asked = self._waiting[key][0]
            entries.append((key, asked.request, self._seed_of(key, asked.request), reply, asked.parents))
        self._journal.append(entries)
        self._tally.requests += len(arrived)
        written = sum(reply.completion_tokens or 0 for _, reply in arrived)
        self._tally.new_tokens += written
        self._tally.new_work += sum(work_of(reply) for _, reply in arrived)
        results = []
        for key, reply in arrived:
            self._known[key.question][key] = reply
            tickets = self._waiting.pop(key)[1]
            self._tally.seen_work += len(tickets) * work_of(reply)
            results += [(ticket, reply) for ticket in tickets]
        self._fly()
        return results


def _with_beginning(reply: Reply, request: Request) -> Reply:
    """Put the visible text that was written for the model beside what it wrote, since both are read as one."""
    begun = request.begun.text if request.begun is not None else ""
    if not begun:
        return reply
    return replace(reply, completions=tuple(structs.replace(path, begun=begun) for path in reply.completions))


class RecordedReplies:
    """The station of a run that is over: it has all replies. Raises RunError for one that isn't on record."""

    room = capacity = 4_096
    works_alone = False

    def __init__(self, journal: JournalIndex, lacking: Callable[[Ticket], RunError]) -> None:
        self._journal = journal
        self._lacking = lacking
        self._ready: list[tuple[Ticket, Reply]] = []

    @property
    def pending(self) -> int:
        return len(self._ready)

    def submit(self, ticket: Ticket, work: Asked) -> None:
        if work.borrowed:
            lost = Completion(text="", finish_reason="error", error="it had failed")
            self._ready.append((ticket, Reply(completions=(lost,) if work.key is None else ())))
            return
        if work.among:
            found = self._going_on(work)
            if found is None:
                raise self._lacking(ticket)
            self._ready.append((ticket, found))
            return
        row = self._journal.reply(work.key) if work.key is not None else None
        if row is None:
            raise self._lacking(ticket)
        self._ready.append((ticket, row.reply()))

    def _going_on(self, work: Asked) -> Reply | None:
        """The reply that goes on from a beginning; one without paths where nobody asked for it, None where it may have
        been among those that are missing."""
        begun = work.request.begun.text if work.request.begun is not None else ""
        rows = list(map(self._journal.reply, work.among))
        for row in filter(None, rows):
            if row.completions[0].begun == begun:
                return row.reply()
        return None if None in rows else Reply(completions=())

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, Reply]]:  # noqa: ARG002
        results, self._ready = self._ready, []
        return results

    def forget(self, question: str) -> None:
        """Do nothing: replies stay in the journal."""

    def token_ends(self, text: str) -> tuple[int, ...]:  # noqa: ARG002
        """Return nothing: nobody has the tokenizer, and what was cut by it is on record."""
        return ()

    def close(self) -> None:
        pass


_WORD = re.compile(r"\s*\S+")


def word_ends(text: str) -> tuple[int, ...]:
    """Where the words of a text end, each with the white space before it, the last with what is left at its end."""
    ends = [match.end() for match in _WORD.finditer(text)]
    return (*ends[:-1], len(text)) if text else ()


class AtOnce:
    """The station of what is answered at once, by a function."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        self._ready: list[tuple[Ticket, Any]] = []

    @property
    def pending(self) -> int:
        return len(self._ready)

    def submit(self, ticket: Ticket, work: Any) -> None:
        self._ready.append((ticket, self._answer(work)))

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, Any]]:  # noqa: ARG002
        results, self._ready = self._ready, []
        return results

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRow:
    """A station beside the three that every run has.

    name: in the spec of runs whose modes ask of it. identity: what its answers depend on (an index's fingerprint, a
    version); a run is neither resumed nor graded again with another one. open: opens it, at the first of its steps.
    recorded: what it answers is on the run's record, so that grading again doesn't ask it."""

    name: str
    identity: Callable[[], str]
    open: Callable[[], Station[Any, Any]]
    recorded: bool = False


STATIONS: dict[type, StationRow] = {}  # by the kind of step that asks of it


def identities(modes: Iterable[Mode], but: Collection[str] = ()) -> dict[str, str]:
    """Return what the answers of the stations depend on that these modes ask of, by the stations' names. but: names of
    those that are left out."""
    rows = {STATIONS[kind].name: STATIONS[kind] for mode in modes for kind in mode.asks}
    return {name: row.identity() for name, row in sorted(rows.items()) if name not in but}


class Judge:
    """The station of the grader. What can be decided without another process is decided at once."""

    def __init__(self, workers: int) -> None:
        self._grader: Grader[Ticket] = Grader(workers)
        self._ready: list[tuple[Ticket, Verdict]] = []

    @property
    def pending(self) -> int:
        return self._grader.pending + len(self._ready)

    def submit(self, ticket: Ticket, work: Comparison) -> None:
        verdict = self._grader.submit(ticket, work.answer, work.gold, work.answer_type)
        if verdict is not None:
            self._ready.append((ticket, verdict))

    def done(self, wait_s: float = 0.0) -> Sequence[tuple[Ticket, Verdict]]:
        if not self._ready:  # of these it may be asked whether they are fatal
            self._grader.forget(MOST_VERDICTS)
        results, self._ready = self._ready, []
        return results + self._grader.done(0.0 if results else wait_s)

    def is_fatal(self, ticket: Ticket) -> bool:
        """Whether this comparison ended the grader's worker twice."""
        return ticket in self._grader.fatal

    def close(self) -> None:
        self._grader.close()
