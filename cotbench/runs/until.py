"""Runs that stop when they know (`--until`), or at a limit: questions in a random order, of which the beginning counts.

A look is at the first clusters of the drawn order that are complete, whatever else has been answered: short answers
come first, and would be a biased sample. So where a run stops is a matter of its replies alone and not of when they
came, and its records are those of the beginning by which it was decided, whatever was in flight. That stays in the
journal.

A request that failed is no reason to wait: `analysis/sequence.py` takes its answer for the worst either way."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import Struct, json

from cotbench.analysis.prices import Price, Prices, money
from cotbench.analysis.sequence import ConfidenceSequence, bounds
from cotbench.errors import UsageError
from cotbench.questions.drawing import drawn
from cotbench.runs.goal import DISCORDANCE, SIGN, Goal, contrasts_of
from cotbench.runs.loop import Job
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import RunPlan
from cotbench.runs.provenance import now
from cotbench.runs.tally import Standing, Tally
from cotbench.store.journal import JournalIndex
from cotbench.store.manifest import Manifest, Stopped, StoppedTask
from cotbench.store.records import Record
from cotbench.types import UNDECIDED, Outcome, Question

GOAL = "goal"
LIMITS = ("until", "max_tokens_total", "max_cost", "max_hours")
_TOGETHER = 64  # clusters on record that are looked at together


@dataclass(eq=False)
class _Task:
    """A task under way. clusters: in the order in which they are drawn; numbers: of each question its first job's.
    asked: clusters that were begun; complete: those of the beginning whose records are all there; looked: those that
    the sequences have. stop: after how many it was decided; None before."""

    name: str
    clusters: Sequence[Sequence[Question]]
    numbers: Mapping[str, int]
    arms: Sequence[str]
    baseline: str
    sequences: Mapping[str, ConfidenceSequence]
    asked: int = 0
    complete: int = 0
    looked: int = 0
    stop: int | None = None
    verdicts: dict[str, dict[str, bool | None]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.stop is not None or self.asked == len(self.clusters)

    def take(self, record: Record) -> None:
        """Take an answer; None where it has no verdict."""
        right = None if record.outcome in UNDECIDED else record.outcome is Outcome.CORRECT
        self.verdicts.setdefault(record.question, {})[record.mode] = right
        while self.complete < len(self.clusters) and all(
            len(self.verdicts.get(question.id, ())) == len(self.arms) for question in self.clusters[self.complete]
        ):
            self.complete += 1

    def look(self, goal: Goal) -> None:
        """Bring the sequences to where the beginning is complete, and see whether it is decided."""
        new = self.clusters[self.looked : self.complete]
        if not new or self.stop is not None:
            return
        sizes = np.array([len(cluster) for cluster in new], dtype=float)
        for arm, sequence in self.sequences.items():
            pairs = [
                [bounds(self.verdicts[one.id][arm], self.verdicts[one.id][self.baseline]) for one in cluster]
                for cluster in new
            ]
            ends = np.array([np.sum(cluster, axis=0) for cluster in pairs])
            sequence.add(ends[:, 0], ends[:, 1], sizes)
        self.looked = self.complete
        known = [goal.known(sequence) for sequence in self.sequences.values()]
        if known and all(one[-1] for one in known):
            self.stop = 1 + max(int(one.argmax()) for one in known)

    @property
    def end(self) -> int:
        """How many clusters count."""
        return self.complete if self.stop is None else self.stop

    def questions(self, clusters: int) -> int:
        return sum(map(len, self.clusters[:clusters]))

    def stopped(self) -> StoppedTask:
        return StoppedTask(
            clusters=self.end,
            of_clusters=len(self.clusters),
            questions=self.questions(self.end),
            of=self.questions(len(self.clusters)),
            decided=self.stop is not None,
        )

    def standings(self) -> list[Standing]:
        """What is known of each difference: at the last look, or where it was decided."""
        seen = self.looked if self.stop is None else self.stop
        return [
            Standing(
                task=self.name,
                mode=arm,
                baseline=self.baseline,
                questions=self.questions(seen),
                of=len(self.numbers),
                value=None if not seen or np.isnan(sequence.values[seen - 1]) else float(sequence.values[seen - 1]),
                half_width=float(sequence.highs[seen - 1] - sequence.lows[seen - 1]) / 2 if seen else 1.0,
                log_e=float(sequence.log_es[seen - 1]) if seen else 0.0,
                decided=self.stop is not None,
            )
            for arm, sequence in self.sequences.items()
        ]


class _OnRecord(Struct, frozen=True):
    question: str


@dataclass(eq=False)
class Until:
    """What a drawn run asks next, and when it stops. An iterator of its jobs, that may have none for now and some
    later.

    Jobs whose replies are on record come first, and nothing new is asked before their answers are there: by them it may
    be decided."""

    plan: RunPlan
    manifest: Manifest
    recorded: JournalIndex
    tally: Tally
    prices: Prices | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        options, plan = self.plan.options, self.plan
        contrasts = contrasts_in(plan)
        self.goal = Goal(options.until or "", sum(len(others) for _, others in contrasts.values()))
        self._price = prices_of(options, self.prices)
        self._tasks: dict[str, _Task] = {}
        first = 0
        for task, questions in plan.questions.items():
            arms = [mode for name, mode in plan.kits if name == task]
            baseline, others = contrasts.get(task, ("", ()))
            self._tasks[task] = _Task(
                name=task,
                clusters=drawn(questions, options.seed),
                numbers={one.id: first + place * len(arms) for place, one in enumerate(questions)},
                arms=arms,
                baseline=baseline,
                sequences={arm: ConfidenceSequence(len(questions)) for arm in others},
            )
            first += len(arms) * len(questions)
        stopped = self.manifest.stopped
        self._before = {} if stopped is None else {name: one.clusters for name, one in stopped.tasks.items()}
        read = json.Decoder(_OnRecord).decode
        self._there = {read(line).question for line in self.recorded.lines()}
        self._turns = deque(self._tasks.values())
        self._queue: deque[Job] = deque()
        self._open, self._fresh = 0, False
        self._taken: dict[int, tuple[str, Outcome, int, int, str]] = {}
        self._judged: Counter[str] = Counter()
        self.why = ""

    # --- jobs ---------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Job]:
        return self

    def __next__(self) -> Job:
        if not self._queue and not self._fill():
            raise StopIteration
        self._open += 1
        return self._queue.popleft()

    def _fill(self) -> bool:
        """Make the jobs of the next cluster; whether there is one for now."""
        if self.why:
            return False
        task = next((one for one in self._turns if not one.over and (self._fresh or self._is_on_record(one))), None)
        if task is None and not self._fresh and any(not one.over for one in self._turns):
            if self._open:
                return False
            self._look()  # all that was on record is there
            self._fresh = True
            if not self._stops():
                return self._fill()
            return False
        if task is None:
            return False
        self._turns.remove(task)
        self._turns.append(task)
        kits = [kit for (name, _), kit in self.plan.kits.items() if name == task.name]
        long_first = sorted(enumerate(kits), key=lambda pair: -pair[1].budget)
        golds = self.plan.data[task.name].golds
        for question in task.clusters[task.asked]:
            self._queue += [
                Job(
                    number=task.numbers[question.id] + offset,
                    question=question,
                    gold=golds[question.id],
                    kit=kit,
                    siblings=len(kits),
                )
                for offset, kit in long_first
            ]
        task.asked += 1
        return True

    def _is_on_record(self, task: _Task) -> bool:
        """Whether all of a task's next cluster is on record, and within where the run stopped, if it did."""
        if task.asked >= self._before.get(task.name, len(task.clusters)):
            return False
        return all(question.id in self._there for question in task.clusters[task.asked])

    # --- records ------------------------------------------------------------------------------------------------

    def into(self, sink: Callable[[int, Record], None]) -> Callable[[int, Record], None]:
        """The loop's sink, which takes each record and hands it on. sink: gets the records."""

        def take(number: int, record: Record) -> None:
            sink(number, record)
            self._take(number, record)

        return take

    def _take(self, number: int, record: Record) -> None:
        self._open -= 1
        tokens = (record.prompt_tokens or 0, record.completion_tokens or 0)
        self._taken[number] = (record.task, record.outcome, *tokens, record.mode)
        self._judged["prompt"] += record.judge_prompt_tokens or 0
        self._judged["completion"] += record.judge_completion_tokens or 0
        self._tasks[record.task].take(record)

    def watch(self, watch: Callable[[Tally], None]) -> Callable[[Tally], None]:
        """What is called with the tally as the run goes on. watch: of whoever looks on."""

        def look(tally: Tally) -> None:
            self._look(_TOGETHER if not self._fresh else 1)
            tally.standings = [row for task in self._tasks.values() for row in task.standings()]
            self._stops()
            watch(tally)

        return look

    def _look(self, least: int = 1) -> None:
        for task in self._tasks.values():
            if task.complete - task.looked >= least:
                task.look(self.goal)

    def _stops(self) -> bool:
        """Stop where all is decided, or a limit is reached; whether it does. Not before all on record is there."""
        if not self._fresh or self.why:
            return bool(self.why)
        if self.decided:
            self.why = GOAL
        elif any(not task.over for task in self._tasks.values()):
            self.why = self._limit()
        self.tally.stopping |= bool(self.why)
        return bool(self.why)

    @property
    def decided(self) -> bool:
        """Whether all that was to be known is."""
        return bool(self.goal.word) and all(task.stop is not None for task in self._tasks.values())

    def _limit(self) -> str:
        """The option whose limit is reached; "" where none is."""
        options = self.plan.options
        prompt = sum(row[2] for row in self._taken.values())
        completion = sum(row[3] for row in self._taken.values())
        total = prompt + completion + self._judged.total()
        if options.max_tokens_total is not None and total >= options.max_tokens_total:
            return f"--max-tokens-total {options.max_tokens_total}"
        if options.max_hours is not None:
            before = sum(session.get("wall_s", 0.0) for session in self.manifest.sessions)
            if before + time.monotonic() - self.started >= 3600 * options.max_hours:
                return f"--max-hours {options.max_hours:g}"
        if options.max_cost is not None and self._cost(prompt, completion) >= options.max_cost:
            return f"--max-cost {options.max_cost:g}"
        return ""

    def _cost(self, prompt: int, completion: int) -> float:
        """What the run has cost so far; what of prompts a cache had isn't told while it goes on, and costs in full."""
        busy = sum(session.get("busy_s", 0.0) for session in self.manifest.sessions) + self.tally.busy_s
        own, judge = self._price
        assert own is not None
        spent = money(own, prompt=prompt, completion=completion, busy_s=busy)
        judged = {"prompt": self._judged["prompt"], "completion": self._judged["completion"]}
        return float(spent or 0.0) + (float(money(judge, **judged, busy_s=0.0) or 0.0) if judge is not None else 0.0)

    # --- its end ------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Look at what came last, after the loop."""
        self._look()
        if not self.why and self.decided:
            self.why = GOAL

    def kept(self) -> set[int]:
        """The records that count, by number: where a task was decided, those of the beginning that decided it; where a
        limit was reached, those of the beginning that is complete. Of a run that was interrupted all that are there."""
        kept: set[int] = set()
        for task in self._tasks.values():
            stop = task.complete if task.stop is None and self.why else task.stop
            clusters = task.clusters if stop is None else task.clusters[:stop]
            for cluster in clusters:
                for question in cluster:
                    kept.update(range(task.numbers[question.id], task.numbers[question.id] + len(task.arms)))
        return kept & self._taken.keys()

    def totals(self) -> dict[str, Any]:
        """What the manifest says of the records that count."""
        kept = self.kept()
        rows = [row for number, row in self._taken.items() if number in kept]
        return {
            "records": len(rows),
            "prompt_tokens": sum(row[2] for row in rows),
            "completion_tokens": sum(row[3] for row in rows),
            "outcomes": dict(sorted(Counter(row[1] for row in rows).items())),
        }

    def settle(self) -> None:
        """Let the tally count the records that are kept, and no others."""
        rows = [self._taken[number] for number in self.kept()]
        self.tally.done, self.tally.outcomes = len(rows), Counter(row[1] for row in rows)
        arms = Counter((row[0], row[4], row[1]) for row in rows)
        for (task, mode), arm in self.tally.arms.items():
            of = {outcome: count for (*which, outcome), count in arms.items() if which == [task, mode]}
            arm.done, arm.correct = sum(of.values()), of.get(Outcome.CORRECT, 0)
            arm.graded = arm.done - of.get(Outcome.ENGINE_ERROR, 0)
        self.tally.standings = [row for task in self._tasks.values() for row in task.standings()]

    def stopped(self) -> Stopped | None:
        """Where it stopped, and for what; None where it didn't."""
        if not self.why:
            return None
        tasks = {name: task.stopped() for name, task in self._tasks.items()}
        return Stopped(goal=self.goal.word, why=self.why, at=now(), tasks=tasks)

    @property
    def text(self) -> str:
        """What is said of where it stopped, in sentences."""
        why = self.goal.text if self.why == GOAL else f"{self.why} is reached"
        rows = {name: task.stopped() for name, task in self._tasks.items()}
        several = len(rows) > 1
        counts = [
            f"{row.questions:,} of {row.of:,} questions" + (f" of {name}" if several else "")
            for name, row in rows.items()
        ]
        return f"Stopped after {', '.join(counts)}: {why}."


def limits_of(options: RunOptions) -> dict[str, Any]:
    """What a drawn run stops at, by the names of options."""
    return {name: value for name in LIMITS if (value := getattr(options, name)) is not None}


def expected(plan: RunPlan) -> Iterator[str]:
    """How far a drawn run is likely to come, in sentences without their full stop."""
    yield "questions are asked in a random order, and what is told above is of all of them"
    if (word := plan.options.until) is None:
        return
    goal = Goal(word, sum(len(others) for _, others in contrasts_in(plan).values()))
    effects = (0.10, 0.05, 0.02) if word == SIGN else (0.0,)
    for task, questions in plan.questions.items():
        of = len(questions)
        counts = [
            (f"{100 * effect:g} points take " if effect else "") + f"about {goal.questions(effect, of):,}"
            for effect in effects
        ]
        yield (
            f"--until {word}: of {task}'s {of:,} questions {', '.join(counts)}, where arms answer "
            f"{DISCORDANCE:.0%} of them differently"
        )


def contrasts_in(plan: RunPlan) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """The differences that a plan's run is to know. Raises UsageError where there are none."""
    lock = plan.lock
    kits = ((task, kit.mode) for (task, _), kit in plan.kits.items())
    return contrasts_of(kits, plan.options.until, None if lock is None else lock.baseline)


def prices_of(options: RunOptions, prices: Prices | None) -> tuple[Price | None, Price | None]:
    """The prices of the run's model and of the second one. Raises UsageError where a limit of money has none."""
    if options.max_cost is None:
        return None, None
    price = None if prices is None else prices.of(options.model)
    if price is None:
        lacks = "there is no file of prices" if prices is None else f"it has no price of {options.model}"
        raise UsageError(f"--max-cost: {lacks}.", "As in --max-cost 5 --prices prices.yaml (docs/report.md).")
    return price, prices.of(options.judge_model) if prices is not None and options.judge_model else None
