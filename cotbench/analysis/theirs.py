"""What the tool that wrote an imported log says of each output, beside what we say of it.

A *reading* of theirs is what one of the tool's filters or scorers made of the outputs; an arm may have several. Where
it has a score for each output of a question, outputs are compared one by one; where it has one for all of them,
questions. An output is *right* where its score is 1 (or our verdict says so), *unread* where no answer was found in it,
*undecided* where there is no verdict, and else *wrong*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from cotbench.analysis.pairing import OUTCOMES, Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import extract
from cotbench.store.records import Record
from cotbench.store.theirs import Reading
from cotbench.types import UNDECIDED, Outcome, Question, Verdict

Said = Literal["right", "wrong", "unread", "undecided"]
RIGHT: Said = "right"
WRONG: Said = "wrong"
UNREAD: Said = "unread"
OPEN: Said = "undecided"

THEY_READ_NOTHING = "they read nothing"
WE_READ_NOTHING = "we read nothing"
OTHER_ANSWERS = "other answers"
SAME_ANSWER = "same answer"
UNCLEAR = "unclear"
CAUSES = (THEY_READ_NOTHING, WE_READ_NOTHING, OTHER_ANSWERS, SAME_ANSWER, UNCLEAR)

_NO_VERDICT = frozenset({outcome for outcome in OUTCOMES if outcome in UNDECIDED})
_WRONG = frozenset({Outcome.WRONG, Outcome.DECLINED})


class Both(NamedTuple):
    """An output under two verdicts. place: of its question in the panel. output: its number among the question's, from
    0; None where all of them have one verdict. their_answer: None where they read nothing, or don't say what."""

    place: int
    output: int | None
    theirs: Said
    their_answer: str | None
    ours: Said
    our_answer: str | None

    @property
    def decided(self) -> bool:
        """Whether there are two verdicts."""
        return OPEN not in (self.theirs, self.ours)

    @property
    def disagrees(self) -> bool:
        """Whether one of them is right, and the other isn't."""
        return self.decided and (self.theirs == RIGHT) != (self.ours == RIGHT)


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """One reading of an arm, beside ours.

    rows: the outputs that the log has this reading of, in the panel's order. told: whether the log says what was read,
    so that an output of which nothing was is known as such. unfit: questions whose verdicts can't be compared, since
    there are more or fewer outputs than scores. beyond: scores that aren't from 0 to 1, which say neither right nor
    wrong. value, ours: of each question of the panel the mean over its outputs, nan without a verdict; high, ours_high:
    the same if all that is unread were right; read, ours_read: where all outputs were read."""

    reading: str
    metric: str
    default: bool
    rows: Sequence[Both]
    told: bool
    unfit: int
    beyond: int
    value: Array
    high: Array
    read: Array
    ours: Array
    ours_high: Array
    ours_read: Array

    @property
    def decided(self) -> Array:
        """Which questions have both verdicts on all their outputs."""
        return np.asarray(~np.isnan(self.value) & ~np.isnan(self.ours))


def readings_of(panel: Panel, cell: Cell) -> list[str]:
    """The names of an arm's readings, the one that is its verdict where none is named first; [] where it has none."""
    theirs = cell.run.theirs
    rows = (theirs.get((question.id, cell.mode)) for question in panel.questions) if theirs else ()
    names = list(dict.fromkeys(name for row in rows if row is not None for name in row.readings))
    chosen = verdict_of(cell, names)
    return sorted(names, key=lambda name: name != chosen)


def verdict_of(cell: Cell, names: Sequence[str]) -> str:
    """Which of some readings is the tool's verdict where none is named: the one that the manifest says, or the first;
    "" of none."""
    arm = cell.imported
    return arm.reading if arm is not None and arm.reading in names else next(iter(names), "")


def beside(panel: Panel, cell: Cell, name: str, *, default: bool = False) -> Beside:
    """Put one reading of an arm beside ours. default: whether it is the arm's verdict where none is named."""
    theirs, size = cell.run.theirs, len(panel.questions)
    value, high, ours, ours_high = (np.full(size, np.nan) for _ in range(4))
    read, ours_read = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    rows: list[Both] = []
    metrics: dict[str, None] = {}
    unfit = beyond = 0
    found = [theirs.get((question.id, cell.mode)) for question in panel.questions]
    told = any(row is not None and name in row.readings and row.readings[name].answers for row in found)
    for place, (row, record) in enumerate(zip(found, cell.rows, strict=True)):
        if row is None or record is None or name not in row.readings:
            continue
        reading = row.readings[name]
        if reading.scores or not metrics:
            metrics[reading.metric] = None
        own, outs = _ours(record, len(reading.scores)), len(reading.scores)
        if len(own) != max(outs, 1):
            unfit += 1
            continue
        beyond += sum(score is not None and not 0 <= score <= 1 for score in reading.scores)
        several = len(own) > 1
        said = list(_theirs(reading, told=told))
        rows += [
            Both(place, number if several else None, verdict, answer, *one)
            for number, ((verdict, answer), one) in enumerate(zip(said, own, strict=True))
        ]
        if all(verdict != OPEN for verdict, _ in said):
            unread = [verdict == UNREAD for verdict, _ in said]
            scores = [score or 0.0 for score in reading.scores] or [0.0]  # what nothing was read in isn't right
            value[place] = sum(scores) / len(scores)
            high[place] = sum(1 if lost else s for lost, s in zip(unread, scores, strict=True)) / len(scores)
            read[place] = not any(unread)
        if all(verdict != OPEN for verdict, _ in own):
            ours[place] = sum(verdict == RIGHT for verdict, _ in own) / len(own)
            ours_high[place] = sum(verdict in (RIGHT, UNREAD) for verdict, _ in own) / len(own)
            ours_read[place] = all(verdict != UNREAD for verdict, _ in own)
    return Beside(
        reading=name, metric=", ".join(metrics), default=default, rows=rows, told=told, unfit=unfit, beyond=beyond,
        value=value, high=high, read=read, ours=ours, ours_high=ours_high, ours_read=ours_read,
    )  # fmt: skip


def _theirs(reading: Reading, *, told: bool) -> Iterator[tuple[Said, str | None]]:
    """Their verdict on each output, or on all of them, with what they read."""
    if len(reading.scores) < 2:
        read = dict.fromkeys(answer for answer in reading.answers if answer is not None)
        score = reading.scores[0] if reading.scores else None
        yield _said(score, unread=told and not read), next(iter(read)) if len(read) == 1 else None
        return
    for number, score in enumerate(reading.scores):
        answer = reading.answers[number] if number < len(reading.answers) else None
        yield _said(score, unread=told and answer is None), answer


def _said(score: float | None, *, unread: bool) -> Said:
    if score == 1:
        return RIGHT
    if score is not None and not 0 <= score <= 1:
        return OPEN
    return UNREAD if unread else OPEN if score is None else WRONG


def _ours(record: Record, scores: int) -> list[tuple[Said, str | None]]:
    """Our verdict on each output, with what we read; of a question with one score in all, on what was concluded."""
    votes = record.votes
    if votes is None or scores < 2:
        return [(_of_outcome(record.outcome), record.answer)]
    out: list[tuple[Said, str | None]] = []
    for ballot in votes.ballots:
        voted = None if ballot is None else votes.answers[ballot]
        said = UNREAD if voted is None else OPEN if voted.outcome is None else _of_outcome(voted.outcome)
        out.append((said, None if voted is None else voted.answer))
    return out


def _of_outcome(outcome: Outcome) -> Said:
    if outcome == Outcome.CORRECT:
        return RIGHT
    return WRONG if outcome in _WRONG else OPEN if outcome in _NO_VERDICT else UNREAD


# --- why they differ ----------------------------------------------------------------------------------------------


def cause_of(both: Both, question: Question, kind: str, *, told: bool) -> str:
    """Why two verdicts differ, one of CAUSES, as far as that can be told; "" where they don't."""
    if not both.disagrees:
        return ""
    if both.ours == UNREAD:
        # Right without an answer is a score that rests on more than on what was read.
        return UNCLEAR if told and both.their_answer is None else WE_READ_NOTHING
    if both.their_answer is None:
        return THEY_READ_NOTHING if both.theirs == UNREAD else UNCLEAR
    same = _same(both.our_answer or "", both.their_answer, question.kind or kind, question.choices)
    return UNCLEAR if same is None else SAME_ANSWER if same else OTHER_ANSWERS


def _same(ours: str, theirs: str, kind: str, choices: Sequence[str]) -> bool | None:
    """Whether two answers are one by our rules; None where that can't be told at once."""
    if _plain(ours) == _plain(theirs):
        return True
    if kind not in KINDS:
        return None
    read = extract(theirs[:_MOST], kind, choices).answer
    if read is None:
        return False
    if read == ours:
        return True
    score = KINDS[kind].quick(ours, read)
    if score is None:
        return None
    return score.outcome == Outcome.CORRECT if isinstance(score, Verdict) else score == 1


_MOST = 2_000  # characters of an answer of theirs that is read by our rules


def _plain(text: str) -> str:
    return "".join(text.split()).strip("$.()").casefold()


def said_of(reading: Reading) -> list[tuple[Said, str | None]]:
    """Their verdict on each output of one question, or on all of them, with what they read: for showing one."""
    return list(_theirs(reading, told=bool(reading.answers)))


def codes(panel: Panel, cell: Cell) -> str | None:
    """A letter for each question, by the arm's verdict where no reading is named: in capitals where theirs and ours
    differ (on one of its outputs at least); r: right (all outputs), w: wrong, u: unread, o: undecided, -: the log has
    none. None where it has none of any question."""
    names = readings_of(panel, cell)
    if not names:
        return None
    said: dict[int, list[Both]] = {}
    for row in beside(panel, cell, names[0]).rows:
        said.setdefault(row.place, []).append(row)
    letters = ["-"] * len(panel.questions)
    for place, rows in said.items():
        verdicts = {row.theirs for row in rows}
        worst = next(verdict for verdict in (OPEN, UNREAD, WRONG, RIGHT) if verdict in verdicts)
        letter = _LETTERS[worst]
        letters[place] = letter.upper() if any(row.disagrees for row in rows) else letter
    return "".join(letters)


_LETTERS: Mapping[Said, str] = {RIGHT: "r", WRONG: "w", UNREAD: "u", OPEN: "o"}


def kind_of(panel: Panel, cell: Cell) -> str:
    """The kind of a task's answers, as its run says; of a question with a kind of its own that one counts."""
    data: Mapping[str, object] = cell.run.manifest.data.get(panel.task, {})
    return str(data.get("answer_type") or ("letter" if panel.questions and panel.questions[0].choices else "number"))
