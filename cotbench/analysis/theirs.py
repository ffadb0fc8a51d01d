"""What the tool that wrote an imported log says of each output, beside what we say of it.

A *reading* of theirs is what one of the tool's filters or scorers made of the outputs; an arm may have several. Where
it has a score for each output of a question, outputs are compared one by one; where it has one for all of them,
questions. An output is *right* where its score is 1 (or our verdict says so), *unread* where no answer was found in it,
*undecided* where there is no verdict, and else *wrong*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from msgspec import structs

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
    so that an output of which nothing was is known as such. Of an arm with one path for each question the first output
    counts, whatever the log has. unfit: questions whose verdicts can't be compared, since
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
    found = [cell.run.theirs.get((question.id, cell.mode)) for question in panel.questions]
    readings = [None if row is None else row.readings.get(name) for row in found]
    told = any(reading is not None and reading.answers for reading in readings)
    columns = {part: np.full(len(readings), np.nan) for part in ("value", "high", "ours", "ours_high")}
    read = {part: np.zeros(len(readings), dtype=bool) for part in ("read", "ours_read")}
    rows: list[Both] = []
    metrics: dict[str, None] = {}
    unfit = beyond = 0
    for place, (reading, record) in enumerate(zip(readings, cell.rows, strict=True)):
        if reading is None or record is None:
            continue
        if reading.scores or not metrics:
            metrics[reading.metric] = None
        if record.votes is None and len(reading.scores) > 1:  # of repeats the first output counts, as in its record
            reading = structs.replace(reading, scores=reading.scores[:1], answers=reading.answers[:1])
        said, own = _theirs(reading, told=told), _ours(record, len(reading.scores))
        if len(own) != len(said):
            unfit += 1
            continue
        several = len(own) > 1
        rows += [Both(place, n if several else None, *said[n], *own[n]) for n in range(len(own))]
        beyond += sum(score is not None and not 0 <= score <= 1 for score in reading.scores)
        scores = [score or 0.0 for score in reading.scores] or [0.0]  # what nothing was read in isn't right
        found_in = _summed([verdict for verdict, _ in said], scores)
        columns["value"][place], columns["high"][place], read["read"][place] = found_in
        found_in = _summed([verdict for verdict, _ in own], [float(verdict == RIGHT) for verdict, _ in own])
        columns["ours"][place], columns["ours_high"][place], read["ours_read"][place] = found_in
    return Beside(
        reading=name,
        metric=", ".join(metrics),
        default=default,
        rows=rows,
        told=told,
        unfit=unfit,
        beyond=beyond,
        **columns,
        **read,
    )


def _summed(verdicts: Sequence[Said], scores: Sequence[float]) -> tuple[float, float, bool]:
    """The mean score of a question's outputs, the same if all that is unread were right, and whether all were read; nan
    where one of them has no verdict."""
    if len(verdicts) == 1:  # as most questions have it
        if verdicts[0] == OPEN:
            return math.nan, math.nan, False
        return scores[0], 1.0 if verdicts[0] == UNREAD else scores[0], verdicts[0] != UNREAD
    if OPEN in verdicts:
        return math.nan, math.nan, False
    high = sum(1.0 if verdict == UNREAD else score for verdict, score in zip(verdicts, scores, strict=True))
    return sum(scores) / len(scores), high / len(scores), UNREAD not in verdicts


def _theirs(reading: Reading, *, told: bool) -> list[tuple[Said, str | None]]:
    """Their verdict on each output, or on all of them, with what they read."""
    scores, answers = reading.scores, reading.answers
    if len(scores) > 1:
        padded = [*answers, *[None] * (len(scores) - len(answers))]
        pairs = zip(scores, padded, strict=False)
        return [(_said(score, unread=told and answer is None), answer) for score, answer in pairs]
    score = scores[0] if scores else None
    if len(answers) <= 1:
        answer = answers[0] if answers else None
        return [(_said(score, unread=told and answer is None), answer)]
    read = {answer for answer in answers if answer is not None}
    return [(_said(score, unread=told and not read), next(iter(read)) if len(read) == 1 else None)]


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


@lru_cache(maxsize=4_096)  # letters, and yes and no, come again and again
def _same(ours: str, theirs: str, kind: str, choices: tuple[str, ...]) -> bool | None:
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
    return _theirs(reading, told=bool(reading.answers))


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
