"""What is exported: of each question under an arm what it was asked, all outputs that its answer rests on, and the
verdicts. Formats turn these into what other tools read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from msgspec import UNSET

from cotbench.analysis.pairing import Run
from cotbench.analysis.trees import ballots_by_path, decided_by, parents_of
from cotbench.errors import RunError, UsageError, suggest
from cotbench.exports.conversations import Conversations
from cotbench.modes import Facts, facts_of
from cotbench.modes.arms import the_one
from cotbench.questions.tagging import RULES, Seen, gold_text
from cotbench.store.journal import StoredReply
from cotbench.store.lookup import start_of
from cotbench.store.records import Record
from cotbench.types import UNDECIDED, Completion, FinishReason, Message, Outcome, Question

Place = tuple[int, int]  # a reply among a record's, and a path of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output from which an answer was read.

    text: all that is visible, with what was written for the model as its beginning; reasoning: the thought that stands
    apart from it. finish_reason: how its last part ended. cut: it was cut at its budget on the way. begun: what of the
    text was written for the model, "" where nothing was; completed: it stated no answer and was gone on with by the
    words of an answer line. Counts of tokens are None where the engine didn't tell them. answer, outcome: what it
    answers, and the verdict on it; None where the run doesn't say it of single outputs. decides: it is the first of
    those with the answer that was concluded."""

    text: str
    reasoning: str
    finish_reason: FinishReason
    cut: bool
    begun: str
    completed: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    answer: str | None
    outcome: Outcome | None
    decides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A question under an arm.

    number: of the question among those of its task, from 0: the same under all arms. kind: of its answer. messages:
    what was sent for the first of the outputs, () where only the text that was made of it is on record: `prompt`, ""
    where it isn't.
    sampling: how outputs were drawn. outputs: none where no reply was obtained; several of arms that vote."""

    number: int
    question: Question
    gold: str
    kind: str
    record: Record
    messages: tuple[Message, ...]
    prompt: str
    sampling: Mapping[str, Any]
    seed: int | None
    outputs: tuple[Output, ...]

    @property
    def decided(self) -> bool:
        """Whether there is a verdict."""
        return self.record.outcome not in UNDECIDED

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.record.outcome == Outcome.CORRECT

    @property
    def score(self) -> float:
        """How much of the answer is right, from 0 to 1."""
        return float(self.correct) if self.record.score is UNSET else self.record.score

    @property
    def golds(self) -> list[str]:
        """The right answers: of texts any is right."""
        return [line for line in self.gold.split("\n") if line.strip()] if self.kind == "text" else [self.gold]

    @property
    def tags(self) -> dict[str, bool]:
        """Whether the question is symbolic, by each rule that looks at questions only and says something of it."""
        seen = Seen(question=self.question, gold=gold_text(self.question, self.gold))
        sides = {rule.name: rule.tag(seen) for rule in RULES.values() if rule.timing == "pre-treatment"}
        return {name: side for name, side in sides.items() if side is not None}

    @property
    def said(self) -> list[Message]:
        """What was sent, as messages: where these aren't known, the prompt as a text of the user's."""
        return list(self.messages) or ([Message(role="user", text=self.prompt)] if self.prompt else [])

    @property
    def asked(self) -> str:
        """What was sent, as one text."""
        return self.prompt or "\n\n".join(message.text for message in self.messages)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """All that one arm did with the questions of a task."""

    run: Run
    task: str
    arm: str
    rows: Sequence[Record]
    numbers: Mapping[str, int]
    conversations: Conversations

    @property
    def facts(self) -> Facts:
        """What the run's manifest, or the table of modes, says of the arm."""
        return facts_of(self.arm, self.run.manifest.modes.get(self.arm))

    @property
    def data(self) -> Mapping[str, Any]:
        """Where the manifest says that the questions are from."""
        return self.run.manifest.data.get(self.task, {})

    @property
    def model(self) -> str:
        """The model's name."""
        return self.run.manifest.spec.model.model

    @property
    def votes(self) -> bool:
        """Whether the majority of its outputs decides, so that all of them are what the answer rests on."""
        return not self.facts.picks

    @cached_property
    def decided(self) -> list[Record]:
        """The records with a verdict."""
        return [row for row in self.rows if row.outcome not in UNDECIDED]

    @cached_property
    def accuracy(self) -> float | None:
        """The share of right answers among those with a verdict; None where there is none."""
        right = sum(row.outcome == Outcome.CORRECT for row in self.decided)
        return right / len(self.decided) if self.decided else None

    @cached_property
    def standard_error(self) -> float | None:
        """The standard error of the accuracy as other tools give it: of questions that are drawn one by one. None of
        fewer than two."""
        n = len(self.decided)
        return math.sqrt(self.accuracy * (1 - self.accuracy) / (n - 1)) if n > 1 and self.accuracy is not None else None

    @cached_property
    def in_part(self) -> bool:
        """Whether an answer may be right in part: one has a score that its outcome doesn't say."""
        return any(row.score is not UNSET for row in self.decided)

    @cached_property
    def mean_score(self) -> float | None:
        """The mean score of answers with a verdict; None where there is none."""
        scores = [float(row.outcome == Outcome.CORRECT) if row.score is UNSET else row.score for row in self.decided]
        return sum(scores) / len(scores) if scores else None

    @property
    def left_out(self) -> dict[str, int]:
        """How many questions have no verdict, by their outcome."""
        return dict(Counter(row.outcome.value for row in self.rows if row.outcome in UNDECIDED))

    @property
    def sampling(self) -> Mapping[str, Any]:
        """How the arm's own turn was drawn, by the spec."""
        return self.run.manifest.spec.mode(self.task, self.arm).sampling

    def __iter__(self) -> Iterator[Sample]:
        for row in self.rows:
            yield self.sample(row)

    def sample(self, record: Record) -> Sample:
        """What is on record of a question. Raises RunError where its replies aren't."""
        question = self.run.questions[record.question]
        replies = [self.run.journal.reply(key) for key in record.keys]
        if any(reply is None for reply in replies):
            raise RunError(
                f"{self.run.folder}: its journal lacks a reply to {record.question} under {self.arm}.",
                "Restore the file, or complete the run with `cotbench run --resume RUN`.",
            )
        known = [reply for reply in replies if reply is not None]
        places = self._places(record, known)
        first = known[next(iter(places), (0, 0))[0]] if known else None
        messages: tuple[Message, ...] = ()
        if first is not None:
            messages = self.conversations.messages(self.arm, question, first)
        return Sample(
            number=self.numbers[record.question],
            question=question,
            gold=record.gold,
            kind=question.kind or str(self.data.get("answer_type", "")),
            record=record,
            messages=messages,
            prompt=(first.prompt or "") if first is not None else "",
            sampling=first.sampling if first is not None else {},
            seed=first.seed if first is not None else None,
            outputs=tuple(_outputs(record, known, places)),
        )

    def _places(self, record: Record, replies: Sequence[StoredReply]) -> Mapping[Place, int | None]:
        """Where the outputs stand that count, and the ballot of each; None where there was no vote."""
        votes = record.votes
        there = {(r, p) for r, reply in enumerate(replies) for p in range(len(reply.completions))}
        decided = decided_by(record)
        if votes is not None and self.votes:
            if by_path := {place: ballot for place, ballot in ballots_by_path(record).items() if place in there}:
                return by_path
            count = len(votes.ballots)
            drawn = next((r for r, reply in enumerate(replies) if len(reply.completions) == count), None)
            if drawn is not None:
                return {(drawn, path): path for path in range(count)}
        if decided is None or decided not in there:
            decided = max(there, default=None)
        if decided is None:
            return {}
        return {_beginning_of(decided, record, replies): None}


def _outputs(record: Record, replies: Sequence[StoredReply], places: Mapping[Place, int | None]) -> Iterator[Output]:
    """The outputs that an answer rests on, in the order in which they were drawn. places: where they begin."""
    follows = _continuations(record, replies)
    decided = decided_by(record)
    for place, ballot in places.items():
        chain = [place]
        while (after := follows.get(chain[-1])) is not None and after not in chain:
            chain.append(after)
        parts = [replies[reply].completions[path] for reply, path in chain]
        if parts[0].finish_reason == "error":
            continue
        yield _output(parts, *_verdict(record, ballot), decides=decided in chain)


def _beginning_of(place: Place, record: Record, replies: Sequence[StoredReply]) -> Place:
    """The output of which the one at a place is the end, where that goes on from one; else the place itself."""
    before = {after: start for start, after in _continuations(record, replies).items()}
    seen = {place}
    while (start := before.get(place)) is not None and start not in seen:
        place = start
        seen.add(place)
    return place


def _continuations(record: Record, replies: Sequence[StoredReply]) -> Mapping[Place, Place]:
    """Which output goes on from which: its beginning is all that the other one says, and more.

    The journal says which, but for a request that another arm made first: it names that arm's output, which says the
    same. Then it is the first one of these words that nothing goes on from yet."""
    found: dict[Place, Place] = {}
    for number, parents in enumerate(parents_of(record.keys, list(replies))):
        paths = replies[number].completions
        if not number or len(paths) != 1 or not paths[0].begun or paths[0].finish_reason == "error":
            continue
        earlier = [(r, p) for r, reply in enumerate(replies[:number]) for p in range(len(reply.completions))]
        free = [place for place in (parents or earlier) if place not in found]
        lengths = {place: len(_visible(replies, place)) for place in free}
        begun = paths[0].begun
        fitting = [p for p in free if begun.startswith(_visible(replies, p)) and (parents or lengths[p])]
        if fitting:
            found[max(fitting, key=lengths.__getitem__)] = (number, 0)
    return found


def _visible(replies: Sequence[StoredReply], place: Place) -> str:
    """All that is visible of an output, as far as there is such a one."""
    reply, path = place
    paths = replies[reply].completions
    return paths[path].begun + paths[path].text if path < len(paths) else ""


def _output(parts: Sequence[Completion], answer: str | None, outcome: Outcome | None, *, decides: bool) -> Output:
    first, last = parts[0], parts[-1]
    thought = next((part.reasoning for part in parts if part.reasoning), "")
    return Output(
        text=last.begun + last.text,
        reasoning=thought,
        finish_reason=last.finish_reason,
        cut=any(part.finish_reason == "length" for part in parts),
        begun=first.begun,
        completed=len(parts) > 1,
        prompt_tokens=first.prompt_tokens,
        completion_tokens=_sum([part.completion_tokens for part in parts]),
        reasoning_tokens=_sum([part.reasoning_tokens for part in parts]) if thought else first.reasoning_tokens,
        answer=answer,
        outcome=outcome,
        decides=decides,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else next(iter(known), None)


def _verdict(record: Record, ballot: int | None) -> tuple[str | None, Outcome | None]:
    """What an output answers, and the verdict on it. Of one that abstained nothing was read, so it is not right."""
    votes = record.votes
    if ballot is None or votes is None:
        return record.answer, record.outcome
    voted = votes.ballots[ballot] if ballot < len(votes.ballots) else None
    if voted is None:
        why = next(iter(votes.abstained)) if len(votes.abstained) == 1 else Outcome.UNPARSED
        return None, Outcome(why)
    return votes.answers[voted].answer, votes.answers[voted].outcome


def with_thought(output: Output) -> str:
    """An output as one text, its thought before it in marks: as it is read where no server splits the two."""
    return f"<think>{output.reasoning}</think>{output.text}" if output.reasoning else output.text


def chosen(run: Run, tasks: Sequence[str], arms: Sequence[str], conversations: Conversations) -> list[Asked]:
    """The tasks and arms of a run that are asked for, all of them where none is named. Raises UsageError for a name
    that the run doesn't have, RunError where there is nothing."""
    pairs = run.manifest.spec.pairs
    there = list(dict.fromkeys(task for task, _ in pairs))
    for task in tasks:
        if task not in there:
            found = f"--task: this run has no '{task}'. It has: {', '.join(there)}."
            raise UsageError(found, suggest(task, there))
    names = list(dict.fromkeys(arm for _, arm in pairs))
    wanted = []
    for name in arms:
        arm = the_one(name, names, "--mode", lambda one: facts_of(one, run.manifest.modes.get(one)))
        if arm is None:
            raise UsageError(f"--mode: this run has no '{name}'. It has: {', '.join(names)}.", suggest(name, names))
        wanted.append(arm)
    rows: dict[tuple[str, str], list[Record]] = {pair: [] for pair in pairs}
    for record in run.records:
        rows[record.task, record.mode].append(record)
    numbers: dict[str, int] = {}
    counts: dict[str, int] = {}
    for question in run.questions.values():
        numbers[question.id] = counts.get(question.task, 0)
        counts[question.task] = numbers[question.id] + 1
    found_rows = [
        Asked(run=run, task=task, arm=arm, rows=rows[task, arm], numbers=numbers, conversations=conversations)
        for task, arm in pairs
        if rows[task, arm] and (not tasks or task in tasks) and (not wanted or arm in wanted)
    ]
    if not found_rows:
        raise RunError(
            f"{run.folder}: there is nothing to export: no answer is on record yet.",
            "Let the run get further, or complete it with `cotbench run --resume RUN`.",
        )
    return found_rows


def started(run: Run) -> str:
    """When a run was started, as its manifest writes it; the epoch where that doesn't say it, so that the same run is
    always exported as the same bytes."""
    return start_of(run.manifest.sessions) or "1970-01-01T00:00:00+0000"
