"""How far a run is: counts for progress bars, the manifest and what a command says at its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cotbench.store.records import Record
from cotbench.types import Outcome, Reply

# A prompt's token costs about as much time as this share of one that is written: prompts are read many tokens at once.
PROMPT_SHARE = 0.05
FIRST_GUESS = 0.25  # of its budget, that an answer takes, where no answer of any arm has come
FEW = 3  # answers of an arm, below which what they took is told together with that guess
WARM = 20  # programs, before which their pace is that of processes that start
SPAN_S = 30.0  # of the latest past, by which the pace is told


def work_of(told: Reply | Record) -> float:
    """What a reply, or all of an answer's, took of the engine, in tokens that are written."""
    return (told.completion_tokens or 0) + PROMPT_SHARE * (told.prompt_tokens or 0)


@dataclass(kw_only=True)
class ArmTally:
    """Counts of one arm on one task. total: answers that are asked for in this session. most_tokens: that one of them
    may take. runs: whether it has programs or plans carried out. work: tokens that its answers took, those of prompts
    by their share."""

    total: int
    most_tokens: int = 1
    runs: bool = False
    done: int = 0
    graded: int = 0
    correct: int = 0
    programs: int = 0
    work: float = 0.0
    completion_tokens: int = 0

    @property
    def left(self) -> int:
        return self.total - self.done

    @property
    def accuracy(self) -> float | None:
        """The share of right answers among those that have a verdict."""
        return self.correct / self.graded if self.graded else None

    def take(self, record: Record) -> None:
        """Count an answer."""
        self.done += 1
        self.graded += record.outcome != Outcome.ENGINE_ERROR
        self.correct += record.outcome == Outcome.CORRECT
        self.programs += len(record.executions)
        self.work += work_of(record)
        self.completion_tokens += record.completion_tokens or 0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of a difference in a drawn run so far, on the beginning of its questions: its value and half-width,
    the logarithm of the evidence that there is one, and whether that was to be known."""

    task: str
    mode: str
    baseline: str
    questions: int
    of: int
    value: float | None
    half_width: float
    log_e: float
    decided: bool


@dataclass(kw_only=True)
class TakenTally:
    """Replies that were taken from another run: how many, their completion tokens, and the seconds that the engine was
    busy with them there, by their share of that run's tokens; None where that isn't known."""

    replies: int = 0
    tokens: int = 0
    busy_s: float | None = 0.0

    def take(self, tokens: int, busy_s: float | None) -> None:
        """Count a reply."""
        self.replies += 1
        self.tokens += tokens
        self.busy_s = None if self.busy_s is None or busy_s is None else self.busy_s + busy_s


@dataclass(kw_only=True)
class Tally:
    """Counts over the flows of a session of a run.

    total: flows, one for each question and arm. arms: the same by (task, arm). new_tokens: completion tokens generated
    in this session; the others may have been recorded before. new_work, seen_work: what was generated, and all that was
    handed to flows, as `work_of` has it.
    taken: replies that earlier runs had, by the run that asked for them.
    executed and executing: programs that have been carried out, and that wait or are under way. errors: what failed
    requests said. fatal: answers whose comparison ended the grader's worker twice. stopping: nothing more is asked;
    what is in flight is still recorded. standings: of a drawn run's differences. busy_s: the seconds in which the
    engine had something to do."""

    total: int
    arms: dict[tuple[str, str], ArmTally] = field(default_factory=dict)
    done: int = 0
    graded: int = 0
    correct: int = 0
    requests: int = 0
    reused: int = 0
    taken: dict[str, TakenTally] = field(default_factory=dict)
    in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    programs: int = 0
    program_cpu_s: float = 0.0
    new_tokens: int = 0
    new_work: float = 0.0
    seen_work: float = 0.0
    executed: int = 0
    executing: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    fatal: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    stopping: bool = False
    standings: list[Standing] = field(default_factory=list)
    busy_s: float = 0.0
    _seen: float = 0.0
    _flying: dict[int, int] = field(default_factory=dict)  # by station

    def fly(self, count: int, station: object = None) -> None:
        """Say how many requests an engine has from now on; the time since this was last said counts as busy where any
        had some. station: of the engine, where there are several."""
        before = self._flying.get(id(station), 0)
        self._flying[id(station)] = count
        was, self.in_flight = self.in_flight, self.in_flight + count - before
        if not was:
            self._seen = time.monotonic()
        elif not self.in_flight:
            self.busy_s += time.monotonic() - self._seen

    def land(self) -> None:
        """Count the time until now as busy, where an engine has requests."""
        now = time.monotonic()
        if self.in_flight:
            self.busy_s += now - self._seen
        self._seen = now

    def begin(self) -> None:
        """Start the clock: what stood before was reading and loading."""
        self.started = time.monotonic()

    def arm(self, task: str, mode: str) -> ArmTally:
        """The counts of an arm on a task; a new one where nobody has told how many are wanted."""
        return self.arms.setdefault((task, mode), ArmTally(total=0))


Watch = Callable[[Tally], None]


@dataclass
class Clock:
    """Tells how long a run still takes, by the work that is left in each arm and the pace of the latest past.

    An arm's answers differ from another's a hundredfold in length, so what is left is counted in tokens: the mean of
    each arm's answers so far, times those it lacks. Before an arm has answers, its budget is a guide, in the proportion
    in which the others use theirs. Programs are carried out beside the engine, and at their own pace."""

    _past: list[tuple[float, float, int, int]] = field(default_factory=list)  # time, work, programs, answers

    def left_s(self, tally: Tally, now: float | None = None) -> float | None:
        """The seconds that are left; None where that can't be told yet."""
        now = time.monotonic() if now is None else now
        self._note(now, tally)
        if tally.done >= tally.total:
            return 0.0
        engine, programs = self._engine_s(tally), self._programs_s(tally)
        if engine is None:
            return None
        if engine > 0 or programs is not None:
            return max(engine, programs or 0.0)
        # The engine has done all it had to, and what is left is carried out or compared.
        rate = self._rate(2)
        return (tally.total - tally.done) / rate if rate else None

    def _note(self, now: float, tally: Tally) -> None:
        past = self._past
        past.append((now, tally.new_work, tally.executed, tally.done))
        while len(past) > 2 and now - past[1][0] >= SPAN_S:
            del past[0]

    def _rate(self, column: int) -> float | None:
        (then, *first), (now, *last) = self._past[0], self._past[-1]
        grown = last[column] - first[column]
        return grown / (now - then) if now > then and grown > 0 else None

    def _engine_s(self, tally: Tally) -> float | None:
        work = self._work_left(tally)
        if work <= 0 or not tally.in_flight:
            return 0.0 if tally.done and not tally.in_flight else None
        rate = self._rate(0)
        return work / rate if rate and tally.done else None

    def _work_left(self, tally: Tally) -> float:
        """What the engine still has to do, in tokens; what it has done for answers that are under way is off it."""
        arms = tally.arms.values()
        used = sum(arm.work for arm in arms)
        might = sum(arm.done * arm.most_tokens for arm in arms)
        share = used / might if might else FIRST_GUESS
        left = used - tally.seen_work  # what flows have that are under way
        for arm in arms:
            guess = share * arm.most_tokens
            mean = (arm.work + FEW * guess) / (arm.done + FEW) if arm.done < FEW else arm.work / arm.done
            left += mean * arm.left
        return max(left, 0.0)

    def _programs_s(self, tally: Tally) -> float | None:
        """How long the programs take that wait, or are still to be written."""
        wanted = sum(arm.left * arm.programs / arm.done for arm in tally.arms.values() if arm.runs and arm.done)
        waiting = max(wanted, float(tally.executing))
        rate = self._rate(1)
        return waiting / rate if waiting and rate and tally.executing and tally.executed >= WARM else None
