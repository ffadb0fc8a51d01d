"""An audit of every arm: whether its replies are what its name says, and where its answers were read.

What is counted is questions. Of a question that several paths were drawn for, the text that is looked at is the one in
which its answer was read. Signs in texts are looked for in up to LOOKED questions of an arm, evenly taken, since a
journal may be large; the rest comes from the records of all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from msgspec import UNSET

from cotbench.analysis.estimates import Paired, names_of
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import VAGUE, extract, split_reasoning
from cotbench.answers.reading.parts import run_on, thought_in
from cotbench.answers.reading.patterns import caseless
from cotbench.modes import Facts
from cotbench.modes.arms import budget_of, cant_stop
from cotbench.modes.reading import as_one_text
from cotbench.store.records import Record
from cotbench.store.table import WentOn
from cotbench.types import UNDECIDED, Completion, Outcome

LOOKED = 5_000  # questions of an arm whose texts are looked at
LONG = 20  # tokens before an answer, or behind one, that are taken for reasoning
FEW = 6  # tokens before an answer that are taken for none: "The correct answer is"
MARKS = 4  # tokens of an empty thought: its marks, and a break or two between them
HEAD = 80  # characters in which an answer stands that is given first
ASYMMETRY = 0.005  # of what two arms may have been misread, from which on it is told
CHECKS = 20  # vague readings that must have been checked for their rate of errors to be told
MOST_CUT = 0.02  # of a thinking arm, from which on the headline says it
MOST = 0.5
_A_TOKEN = 4  # characters, where an engine counts no tokens
_ALOUD = caseless(r"\b(?:let me|let['’]?s|let us|wait|hmm+|step by step|step 1)\b")
_OPTION = re.compile(r"^\W{0,4}([A-Z])[).:]", re.M)
_STATED = frozenset({"contract", "boxed", "hashes", "phrase", "only"})
_NOT_WRITTEN = frozenset({"likeliest", "choice"})  # ways to have an answer in which the model writes no text


@dataclass(frozen=True, kw_only=True)
class Audit:
    """How the replies of one arm to one task were. All are counts of questions but the accuracies.

    n: those with a verdict; unread, cut: of these (a begun answer line that was read isn't cut; None where the log that
    an arm was imported from doesn't say how outputs ended). continued: whose reply
    had no answer line and was gone on with by its words (at least one path was); by_courtesy: of n, those read only so;
    correct_without and accuracy_without: had none been gone on with, over n_without questions.

    looked: whose text was looked at, of which are (None: it doesn't apply to this arm, or no text is on record):
    leaked: a thought, though the arm is told not to think. empty: no thought or an empty one, in an arm that thinks.
    unasked: reasoning before the answer in an arm that isn't asked to reason: many tokens, or thinking aloud.
    answer_first: the answer at the beginning and reasons behind it, and unreasoned: the answer alone, in an arm that is
    asked to reason first. complied: read, not cut, and as the arm is meant to be.
    """

    model: str
    task: str
    mode: str
    thinks: str
    thinks_by: str
    n: int
    unread: int
    cut: int | None
    continued: int
    by_courtesy: int
    correct: int
    accuracy: float | None
    n_without: int
    correct_without: int
    accuracy_without: float | None
    looked: int
    leaked: int | None
    empty: int | None
    unasked: int | None
    answer_first: int | None
    unreasoned: int | None
    complied: int | None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How many answers of an arm were read by one rule, in one place.

    place: `reply`; `continued` (what it was gone on with); `thought`; `options` (their probabilities); or `value` (of a
    program or plan). share: of the answers read. vague: whether the rule is.
    """

    model: str
    task: str
    mode: str
    place: str
    rule: str
    vague: bool
    n: int
    share: float


@dataclass(frozen=True, kw_only=True)
class ReadingError(Paired):
    """How far misreading may differ between two arms, from what is known in these runs.

    vague, vague_baseline: shares of answers by vague rules. checked: vague readings of both arms behind which the
    model was then made to write its answer line, and corrected: those whose line says another answer. rate: of
    corrected ones; 1, the most it can be, where fewer than CHECKS were checked. asymmetry: how far apart the shares of
    misread answers are, to be expected at that rate.
    """

    n: int
    vague: float
    vague_baseline: float
    checked: int
    corrected: int
    rate: float
    asymmetry: float


@dataclass(frozen=True, kw_only=True)
class Complied(Paired):
    """Pairs in which both arms did what they are meant to. They are chosen by what happened, which the arms bring
    about, so there is no interval, and no test.

    n: pairs whose texts were looked at; complied: in both arms; right, right_baseline: of these."""

    n: int
    complied: int
    right: int
    right_baseline: int
    delta: float | None
    delta_complied: float | None


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What of an arm belongs beside the headlines. kind: `cut`, `leak` or `stuck`, as in `compare.Caution`."""

    model: str
    task: str
    mode: str
    kind: str
    share: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Audits:
    """The audit of some panels. notes: what else is to be said."""

    arms: list[Audit] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    complied: list[Complied] = field(default_factory=list)
    errors: list[ReadingError] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# --- one text -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one reply is. tokens: in its visible text before the answer, in all of it where none was read there.

    thought: it has one that isn't empty. aloud: the model thinks aloud before the answer. first: the answer stands at
    its beginning, and reasons behind it."""

    thought: bool
    tokens: float
    aloud: bool
    first: bool

    @property
    def reasons(self) -> bool:
        """Whether it reasons before the answer."""
        return self.tokens >= LONG or self.aloud

    @property
    def alone(self) -> bool:
        """Whether next to nothing stands beside the answer."""
        return self.tokens < FEW and not self.aloud and not self.first


def look_at(
    path: Completion, end: int | None, answer_type: str, choices: Sequence[str], *, read_here: bool = True
) -> Looked:
    """Look at a reply. end: where in its text the answer begins that was read, None where it doesn't stand there.

    answer_type: "" where answers given first aren't looked for. read_here: the answer was read in this reply, not in
    what it was gone on with."""
    whole, begin = as_one_text(path)
    parts = split_reasoning(whole)
    thought = bool(thought_in(whole, parts))
    counted = path.reasoning_tokens or 0
    hidden = not thought and parts.thought is None and counted > MARKS  # told by its tokens alone
    start, stop = parts.visible
    stop = run_on(whole, start, stop) or stop
    written = len(path.text) + len(path.reasoning)
    if path.completion_tokens is None or not written:
        a_token = float(_A_TOKEN)
    else:
        known = path.completion_tokens - (counted if not path.reasoning and parts.thought is None else 0)
        a_token = max(written / known, 1.0) if known > 0 else float(_A_TOKEN)
    until = stop if end is None or not read_here else min(max(end + begin, start), stop)
    before = whole[start:until].removeprefix(path.begun)
    stated = _stated_first(whole[start:stop], answer_type, choices) if answer_type else 0
    behind = len(whole[start:stop].strip()) - stated if stated else 0
    return Looked(
        thought=thought or hidden,
        tokens=len(before.strip()) / a_token,
        aloud=_ALOUD.search(before) is not None,
        first=stated > 0 and behind / a_token >= LONG,
    )


def _stated_first(text: str, answer_type: str, choices: Sequence[str]) -> int:
    """Return where the answer ends that a text states at its beginning; 0 where it states none there."""
    text = text.strip()
    line, goes_on = text[:HEAD].partition("\n")[0], len(text) > HEAD
    if goes_on and len(line) == HEAD:
        line = line.rpartition(" ")[0]  # without the word that is cut
    if _OPTION.match(line) and len({found[1] for found in _OPTION.finditer(text)}) > 1:
        return 0  # the options are listed once more
    # As of a cut text only what is stated is read, which is quick; the line's end shows that this part isn't cut.
    found = extract(f"{line}\n", answer_type, choices, truncated=True)
    if found.rule == "only" and text != line and not KINDS[answer_type].opens:
        return 0  # a line of a longer text is no answer of such a kind: "The film is Alien."
    return found.span[1] if found.answer is not None and found.rule in _STATED and found.span is not None else 0


# --- one arm ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Arm:
    """A cell of a panel and what its texts say, by the places of the questions that were looked at."""

    panel: Panel
    cell: Cell

    @cached_property
    def facts(self) -> Facts:
        return self.cell.facts

    @cached_property
    def told_off(self) -> bool:
        """Whether it is told not to think. Runs of versions that wrote no such facts say what requests said."""
        if self.facts.thinks:
            return self.facts.thinks == "off"
        return self.cell.run.manifest.spec.mode(self.panel.task, self.cell.mode).thinking is False

    @property
    def thinking(self) -> bool:
        """Whether it is meant to think, rather than can't be kept from it, and may."""
        may = self.facts.settings.get("budget") != 0
        return self.facts.thinks == "on" and self.facts.thinks_by != "stuck" and may

    @property
    def effort(self) -> str:
        """The effort that its requests ask for; "" for none."""
        sampling = self.cell.run.manifest.spec.mode(self.panel.task, self.cell.mode).sampling
        return str(sampling.get("reasoning_effort") or "")

    @cached_property
    def speaks(self) -> bool:
        """Whether the model writes its answer in words."""
        return self.facts.answers_in == "words" and self.facts.settings.get("answer") not in _NOT_WRITTEN

    @cached_property
    def answer_type(self) -> str:
        """The kind of its answers, for arms that are asked to reason first; "" for others."""
        if not (self.speaks and self.facts.reasons):
            return ""
        data = self.cell.run.manifest.data.get(self.panel.task, {})
        kind = str(data.get("answer_type") or ("letter" if self.panel.questions[0].choices else "number"))
        return kind if kind in KINDS else ""

    @cached_property
    def looked(self) -> Mapping[int, tuple[Looked, int]]:
        """By question: what its text is, and how many replies were gone on with."""
        places = self.cell.decided.nonzero()[0].tolist()
        step = max(1, -(-len(places) // LOOKED))
        found = ((place, self._look(place)) for place in places[::step])
        return {place: look for place, look in found if look is not None}

    def _look(self, place: int) -> tuple[Looked, int] | None:
        row = self.cell.rows[place]
        assert row is not None
        replies = [reply.completions for reply in self.cell.run.journal.replies(row.keys)]
        if not replies or len(replies) != len(row.requests):
            return None
        source = _source(row, replies)
        if source is None:
            return None
        further = _continuations(replies) if row.nodes is UNSET else 0  # of those with nodes the record tells
        path = replies[source[0]][source[1]]
        end, here = row.span[0] if row.span else None, True
        if source[0] >= len(replies) - further:
            earlier = [one for paths in replies[: len(replies) - further] for one in paths]
            path, end, here = _begun_by(path, earlier), None, False
        question = self.panel.questions[place]
        kind = self.answer_type and (question.kind or self.answer_type)
        look = look_at(path, end, kind, question.choices, read_here=here)
        if self.facts.reasons and all(path is not one for one in replies[0]):
            look = replace(look, aloud=True)  # what it has reasoned stands in its earlier replies
        return look, further

    @cached_property
    def audit(self) -> tuple[Audit, Array]:
        """Its row, and which questions were as the arm is meant to be."""
        cell, facts = self.cell, self.facts
        decided = cell.decided
        n = int(decided.sum())
        gone_on = cell.having("gone_on")
        right, cut, unread = cell.right & decided, cut_of(cell) & decided, ~cell.read & decided
        resumed = list(cell.parts(WentOn, gone_on))
        without = [row.before.outcome for row in resumed if row.before is not UNSET]
        n_without = int((decided & ~gone_on).sum()) + sum(outcome not in UNDECIDED for outcome in without)
        right_without = int((cell.right & ~gone_on).sum()) + sum(outcome == Outcome.CORRECT for outcome in without)
        told = facts.answers_in == "words"
        signs: dict[str, Array] = {}
        looks = {place: look for place, (look, _) in self.looked.items()}
        size = len(cell.places)

        def those(sign: Mapping[int, bool]) -> Array:
            mask = np.zeros(size, dtype=bool)
            mask[[place for place, holds in sign.items() if holds]] = True
            return mask

        if looks:
            if self.told_off:
                signs["leaked"] = those({p: look.thought for p, look in looks.items()})
            if self.thinking:
                signs["empty"] = those({p: not look.thought for p, look in looks.items()})
            # What a search reasons it is asked for, in replies of its own.
            if told and self.speaks and not facts.reasons and not self.thinking and facts.picks != "first":
                signs["unasked"] = those({p: look.reasons for p, look in looks.items()})
            if told and self.speaks and facts.reasons:
                signs["answer_first"] = those({p: look.first for p, look in looks.items()})
                signs["unreasoned"] = those({p: look.alone and not look.thought for p, look in looks.items()})
        # An arm that isn't asked to reason, nor for the answer alone, may do either.
        breaches = [mask for name, mask in signs.items() if name != "unasked" or facts.at_once]
        complied = those(dict.fromkeys(looks, True)) & ~unread & ~cut
        for mask in breaches:
            complied &= ~mask
        counts: dict[str, int | None] = {
            name: int(signs[name].sum()) if name in signs else None
            for name in ("leaked", "empty", "unasked", "answer_first", "unreasoned")
        }
        # Those that were gone on with for nothing are told by the texts alone.
        went_on = {place for place, (_, further) in self.looked.items() if further}
        went_on |= set(np.flatnonzero(gone_on).tolist())
        row = Audit(
            model=self.panel.model,
            task=self.panel.task,
            mode=cell.mode,
            thinks=facts.thinks,
            thinks_by=facts.thinks_by,
            n=n,
            unread=int(unread.sum()),
            cut=None if cell.lacks("finish_reason") else int(cut.sum()),
            continued=len(went_on),
            by_courtesy=sum(_by_courtesy(one) for one in resumed),
            correct=int(right.sum()),
            accuracy=float(right.sum()) / n if n else None,
            n_without=n_without,
            correct_without=right_without,
            accuracy_without=right_without / n_without if n_without else None,
            looked=len(looks),
            **counts,
            complied=int(complied.sum()) if looks else None,
        )
        return row, complied

    @cached_property
    def readings(self) -> list[Reading]:
        """Its answers by where and how they were read, the most first."""
        cell, read = self.cell, self.cell.read & self.cell.decided
        in_words = self.facts.answers_in == "words"
        counts: dict[tuple[str, str], list[int]] = {}  # how many, and the place of the first

        def count(row: Record, number: int, first: int) -> None:
            known = counts.setdefault((_place_of(row, cell, in_words=in_words), row.rule), [0, first])
            known[:] = known[0] + number, min(known[1], first)

        gone_on = cell.having("gone_on")
        # Of the others, those that are alike in what a place is told by are counted at once.
        alike = cell.counts("rule").astype(np.int64)
        for sign in ("executions", "placed", "answered"):
            alike = 2 * alike + cell.having(sign)
        plain = np.flatnonzero(read & ~gone_on)
        _, firsts, numbers = np.unique(alike[plain], return_index=True, return_counts=True)
        for first, number in zip(plain[firsts].tolist(), numbers.tolist(), strict=True):
            row = cell.rows[first]
            assert row is not None
            count(row, number, first)
        others = read & gone_on
        for place, row in zip(np.flatnonzero(others).tolist(), cell.parts(Record, others), strict=True):
            count(row, 1, place)
        total = int(read.sum())
        return [
            Reading(
                model=self.panel.model,
                task=self.panel.task,
                mode=self.cell.mode,
                place=place,
                rule=rule,
                vague=rule in VAGUE,
                n=number,
                share=number / total,
            )
            for (place, rule), (number, first) in sorted(counts.items(), key=lambda one: (-one[1][0], one[1][1]))
        ]

    @cached_property
    def checks(self) -> tuple[int, int]:
        """How many readings by vague rules had the model's own answer line behind them, and how many it corrected."""
        given = [
            (row.before.answer, row.answer)
            for row in self.cell.parts(WentOn, self.cell.having("gone_on"))
            if row.before is not UNSET and row.votes is None and row.answer is not None and row.rule not in VAGUE
        ]
        vague = [(before, after) for before, after in given if before is not None]
        return len(vague), sum(before != after for before, after in vague)


def cut_of(cell: Cell) -> Array:
    """Of which questions a reply was cut. One whose answer line was begun is to be no more than that line, so what is
    cut behind an answer there is no loss."""
    begun = cell.facts.settings.get("answer") == "begun"
    return np.asarray(cell.cut & ~cell.read) if begun else cell.cut


def _by_courtesy(row: WentOn) -> bool:
    """Whether an answer was read that couldn't have been, had the reply not been gone on with."""
    return row.before is not UNSET and row.before.answer is None and row.answer is not None


def _place_of(row: Record, cell: Cell, *, in_words: bool) -> str:
    if row.rule in ("likeliest", "choice"):
        return "options"
    if row.rule == "program" or (row.executions and not in_words):
        return "value"
    if row.before is not UNSET:
        if row.nodes is not UNSET and row.source is not UNSET:  # others were asked for behind those gone on with
            reply = cell.run.journal.reply(row.keys[row.source[0]])
            return "continued" if reply is not None and reply.completions[row.source[1]].begun else "reply"
        # Those that were gone on with are the last replies, and the very last is meant where no other is named.
        further = row.source is UNSET or row.source[0] >= len(row.requests) - row.before.replies
        return "continued" if further else "reply"
    return "thought" if row.rule == "thought" or (row.span is None and row.answer is not None) else "reply"


def _source(row: Record, replies: Sequence[Sequence[Completion]]) -> tuple[int, int] | None:
    """The reply and the path in which a record's answer was read, or of the last reply the first path."""
    place = (len(replies) - 1, 0)
    if row.source is not UNSET:
        place = row.source
    elif row.votes is not None:
        first = next((number for number, ballot in enumerate(row.votes.ballots) if ballot is not None), 0)
        place = (len(replies) - 1, _deciding(row, first))
    return place if place[0] < len(replies) and place[1] < len(replies[place[0]]) else None


def _deciding(row: Record, otherwise: int) -> int:
    assert row.votes is not None
    counts = Counter(ballot for ballot in row.votes.ballots if ballot is not None)
    return row.votes.ballots.index(counts.most_common(1)[0][0]) if counts else otherwise


def _continuations(replies: Sequence[Sequence[Completion]]) -> int:
    """How many of the last replies go on from an earlier one."""
    count = 0
    for number in range(len(replies) - 1, 0, -1):
        begun = replies[number][0].begun
        earlier = [one for paths in replies[:number] for one in paths]
        if len(replies[number]) != 1 or not begun or not any(begun.startswith(one.begun + one.text) for one in earlier):
            break
        count += 1
    return count


def _begun_by(path: Completion, earlier: Sequence[Completion]) -> Completion:
    """The reply that a path goes on from: the longest that its beginning begins with."""
    fitting = [one for one in earlier if path.begun.startswith(one.begun + one.text)]
    return max(fitting, key=lambda one: len(one.begun + one.text), default=path)


# --- all of it ----------------------------------------------------------------------------------------------------


def audit(panels: Sequence[Panel], compared: Collection[tuple[str, str, str, str]]) -> Audits:
    """Audit all arms of some panels. compared: (model, task, mode, baseline) of the pairs that are compared."""
    audits = Audits()
    for panel in panels:
        arms = {name: _Arm(panel=panel, cell=cell) for name, cell in panel.cells.items()}
        for arm in arms.values():
            audits.arms.append(arm.audit[0])
            audits.readings.extend(arm.readings)
            audits.notes.extend(_notes(arm))
        audits.remarks.extend(_remarks(list(arms.values())))
        for arm, base in _pairs(panel, arms, compared):
            audits.complied.extend(_complied(arm, base))
            audits.errors.extend(_errors(arm, base))
    audits.notes.extend(_asymmetries(audits.errors))
    return audits


def _remarks(arms: Sequence[_Arm]) -> Iterator[Remark]:
    """Say of the arms of one panel what a reader of the headline has to know of them."""
    for arm in arms:
        row = arm.audit[0]
        names = {"model": row.model, "task": row.task, "mode": row.mode}
        if arm.facts.thinks == "on" and row.n and row.cut is not None and row.cut / row.n > MOST_CUT:
            more = f"--max-tokens {budget_of(row.mode, arm.facts)}=N gives more"
            text = f"{_percent(row.cut, row.n)} of the answers under {row.mode} were cut at their budget ({more})"
            yield Remark(**names, kind="cut", share=row.cut / row.n, text=text)
        if row.leaked and row.leaked >= MOST * row.looked:
            share = _percent(row.leaked, row.looked)
            text = f"{share} of the replies under {row.mode} hold a thought, although the model is told not to think"
            yield Remark(**names, kind="leak", share=row.leaked / row.looked, text=text)
    by_effort: dict[str, list[_Arm]] = {}
    for arm in arms:
        if arm.facts.thinks_by == "stuck":
            by_effort.setdefault(arm.effort, []).append(arm)
    for effort, stuck in by_effort.items():
        row = stuck[0].audit[0]
        text = cant_stop(row.model, [arm.facts.label or arm.cell.mode for arm in stuck], effort)
        yield Remark(model=row.model, task=row.task, mode=row.mode, kind="stuck", share=1.0, text=text)


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.0f}%" if share >= 10 else f"{share:.1f}%"


def _notes(arm: _Arm) -> Iterator[str]:
    """Note where most replies of an arm aren't what it asks for."""
    row = arm.audit[0]
    ways = {
        "give the answer first and reasons after, so that they don't reason before they answer": row.answer_first,
        "give the answer without any reasoning, although it is asked for": row.unreasoned,
        "have no thought on record, although the model is to think": row.empty,
    }
    for way, number in ways.items():
        if number and number >= MOST * row.looked:
            yield f"{row.task} by {row.model}: {_percent(number, row.looked)} of the replies under {row.mode} {way}."


def _asymmetries(rows: Sequence[ReadingError]) -> Iterator[str]:
    """Say, for each task and baseline, how far misreading may make the differences of arms."""
    told: dict[tuple[str, str, str], list[ReadingError]] = {}
    for row in rows:
        if row.asymmetry > ASYMMETRY:
            told.setdefault((row.model, row.task, row.baseline), []).append(row)
    for (model, task, baseline), apart in told.items():
        shares = ", ".join(f"{100 * row.vague:.1f}% under {row.mode}" for row in apart)
        most = max(apart, key=lambda row: row.asymmetry)
        checked, corrected = sum(row.checked for row in apart), sum(row.corrected for row in apart)
        if any(row.checked < CHECKS for row in apart):
            known, about = "how many of these are misread isn't known", "up to"
        else:
            known, about = f"the model's own answer line corrected {corrected:,} of {checked:,} such readings", "some"
        yield (
            f"{task} by {model}: of the answers, vague rules read {100 * most.vague_baseline:.1f}% under {baseline}, "
            f"{shares}; {known}: misreading may make {about} {100 * most.asymmetry:.1f} points of a difference."
        )


def _pairs(
    panel: Panel, arms: Mapping[str, _Arm], compared: Collection[tuple[str, str, str, str]]
) -> Iterator[tuple[_Arm, _Arm]]:
    for model, task, mode, baseline in dict.fromkeys(compared):
        if (model, task) == (panel.model, panel.task) and mode in arms and baseline in arms:
            yield arms[mode], arms[baseline]


def _complied(arm: _Arm, base: _Arm) -> Iterator[Complied]:
    places = sorted(arm.looked.keys() & base.looked.keys())
    if not places:
        return
    both = np.zeros(len(arm.cell.places), dtype=bool)
    both[places] = True
    kept = both & arm.audit[1] & base.audit[1]
    after, before = arm.cell.right.astype(int), base.cell.right.astype(int)
    yield Complied(
        **names_of(arm.panel, arm.cell, base.cell),
        n=len(places),
        complied=int(kept.sum()),
        right=int(after[kept].sum()),
        right_baseline=int(before[kept].sum()),
        delta=float((after - before)[both].mean()),
        delta_complied=float((after - before)[kept].mean()) if kept.any() else None,
    )


def _errors(arm: _Arm, base: _Arm) -> Iterator[ReadingError]:
    both = arm.cell.decided & base.cell.decided
    if not both.any():
        return
    ours, theirs = (float((side.cell.vague & both).sum() / both.sum()) for side in (arm, base))
    checked, corrected = (sum(counts) for counts in zip(arm.checks, base.checks, strict=True))
    rate = corrected / checked if checked >= CHECKS else 1.0
    yield ReadingError(
        **names_of(arm.panel, arm.cell, base.cell),
        n=int(both.sum()),
        vague=ours,
        vague_baseline=theirs,
        checked=checked,
        corrected=corrected,
        rate=rate,
        asymmetry=abs(ours - theirs) * rate,
    )
