"""The questions of a log: read from its rows of data as a task file reads them, else as the log itself has them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.errors import DataError, UsageError
from cotbench.logs import Log, Sample
from cotbench.questions.data import question_hash, read_row
from cotbench.questions.golds import is_formula
from cotbench.questions.tasks import Part, TaskFile
from cotbench.types import LETTERS, AnswerType, Question

_HASHES = re.compile(r"####\s*(.+?)\s*\Z", re.S)
_ONE_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:]?\Z")
_OPTION = re.compile(r"^[ \t]*\(?([A-Z])[).:][ \t]+(\S.*?)[ \t]*$", re.M)
_TRUTH = frozenset({"yes", "no", "true", "false"})
FEATURE = "feature_"  # before what rows say of a question, as columns of our own exports have it
FEW_OPTIONS = 4  # of a question that names letters and whose options can't be found


@dataclass(slots=True)
class Draft:
    """A question of a log before it is known what kind of answers it has. gold: where a task file has read it, else
    None, and `target` is what the log has. place: where it stood first. twin: the number of the draft of the same row
    of data, of which a log has another right answer in other words."""

    text: str
    choices: tuple[str, ...]
    target: tuple[str, ...]
    place: str
    gold: str | None = None
    group: str = ""
    cluster: str = ""
    kind: str = ""
    features: Mapping[str, str] = field(default_factory=dict)
    twin: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The questions of a task, without their ids. of: for each draft the place of its question; None of one whose right
    answer can't be read, and why. kind: of their answers; inferred: how that is known, "" where it is said."""

    drafts: Sequence[Draft]
    golds: Sequence[str]
    of: Sequence[int | None]
    faults: Mapping[int, DataError]
    kind: str
    inferred: str


def _told(row: Mapping[str, Any], name: str) -> str:
    """What a row says of a question by a name that files of questions have, too; "" where it doesn't."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


class Pool:
    """Takes the samples of all logs of a task, each different question once.

    Samples are the same question where the tool's own hash of its row is, or where question, options and gold are."""

    def __init__(self, file: TaskFile | None, kind: str) -> None:
        self.file, self._kind = file, kind
        self.drafts: list[Draft] = []
        self.left_out: dict[str, int] = {}
        self.by_rows: dict[str, bool] = {}  # by the log's path, whether the task file reads its rows
        self.why_not = ""  # why the task file can't
        self._left_out: set[tuple[str, str]] = set()
        self._by_content: dict[tuple[Any, ...], int] = {}
        self._by_key: dict[str, tuple[int, str]] = {}  # a draft, and its row of data
        self._likelihoods = False

    def take(self, log: Log, sample: Sample, number: int) -> int | None:
        """The place of a sample's draft; None where the task leaves such a row out. Raises DataError."""
        self._likelihoods |= log.likelihoods
        draft = self._of_row(log, sample, number) if self.file is not None else None
        if draft is not None and draft.text == "" and draft.gold == "":
            return None
        own = draft is None
        if draft is None:
            draft = self._of_sample(sample)
        content = (draft.text, draft.choices, draft.target if own else draft.gold)
        place = self._by_content.get(content)
        if place is None and own and sample.key:
            place = self._of_key(sample, draft)
        if place is None:
            place = len(self.drafts)
            self.drafts.append(draft)
        self._by_content.setdefault(content, place)
        if own and sample.key and sample.key not in self._by_key:
            self._by_key[sample.key] = place, _digest(sample.row)
        return place

    def _of_key(self, sample: Sample, draft: Draft) -> int | None:
        """The place of the draft that has a sample's hash; None where there is none, or where its right answer is said
        in other words. Raises DataError where the row of data isn't the one that the hash is of."""
        found = self._by_key.get(sample.key)
        if found is None:
            return None
        place, row = found
        first = self.drafts[place]
        if row != _digest(sample.row):
            fault = f"{sample.place}: its hash is that of {first.place}, and its row of data is another one."
            raise DataError(fault, "Copy the logs again, or pass over such lines with --skip-broken.")
        if first.target == draft.target:
            return place
        draft.twin = place
        return None

    def _of_row(self, log: Log, sample: Sample, number: int) -> Draft | None:
        """The draft that a task file makes of a sample's row; None where it can't read the log's rows."""
        assert self.file is not None
        known = self.by_rows.get(str(log.path))
        if known is False or not sample.row:
            self.by_rows.setdefault(str(log.path), False)
            return None
        try:
            row = read_row(self.file, sample.row, number, self._part(log))
        except (DataError, UsageError) as error:
            if known:
                raise DataError(f"{sample.place}: {error.message}", error.hint) from None
            self.by_rows[str(log.path)] = False
            self.why_not = error.message
            return None
        self.by_rows[str(log.path)] = True
        if row.left_out:
            identity = (row.left_out, sample.key or repr(sorted(sample.row.items(), key=lambda pair: pair[0])))
            if identity not in self._left_out:  # a row that several arms have is one
                self._left_out.add(identity)
                self.left_out[row.left_out] = self.left_out.get(row.left_out, 0) + 1
            return Draft(text="", choices=(), target=(), place=sample.place, gold="")
        return Draft(
            text=row.text,
            choices=row.choices,
            target=sample.target,
            place=sample.place,
            gold=row.gold,
            group=row.group,
            cluster=row.cluster,
            kind=row.kind,
            features=row.features,
        )

    def _part(self, log: Log) -> Part | None:
        """The part of the task that a log is of, by its configuration or by the end of its name."""
        parts = self.file.task.parts if self.file is not None else []
        for part in parts:
            if log.config and log.config in (part.config, part.name):
                return part
        ending = sorted((p for p in parts if log.task.endswith(p.name)), key=lambda part: -len(part.name))
        return next(iter(ending), None)

    @staticmethod
    def _of_sample(sample: Sample) -> Draft:
        if not sample.question.strip():
            raise DataError(f"{sample.place}: the question can't be found.", "Name its task by --task.")
        if not sample.target:
            raise DataError(f"{sample.place}: there is no right answer.", "Without one nothing can be graded.")
        return Draft(
            text=sample.question.strip(),
            choices=sample.choices,
            target=sample.target,
            place=sample.place,
            group=sample.group or _told(sample.row, "group"),
            cluster=_told(sample.row, "cluster"),
            features={
                name.removeprefix(FEATURE): value
                for name, value in sample.row.items()
                if name.startswith(FEATURE) and isinstance(value, str)
            },
        )

    def settle(self) -> Settled:
        """Say what kind of answers the questions have, and read their golds by it. Raises DataError where none can."""
        kind, inferred = self._kind_of_all()
        golds: list[str] = []
        kept: list[Draft] = []
        of: list[int | None] = []
        faults: dict[int, DataError] = {}
        known: dict[tuple[Any, ...], int] = {}
        firsts = [draft for draft in self.drafts if draft.twin is None]
        indices = kind == AnswerType.LETTER and all(_is_index(one) for one in firsts if one.gold is None)
        for number, draft in enumerate(self.drafts):
            if draft.twin is not None:
                place = of[draft.twin]
                if place is not None and (other := _other_gold(draft, kind, golds[place])):
                    first = self.drafts[draft.twin].place
                    found = (
                        f"{draft.place}: the right answer is {other!r:.60}, and that of {first} {golds[place]!r:.60}"
                    )
                    remedy = "Both have one row of data. Correct one, or pass over such lines with --skip-broken."
                    faults[number] = DataError(f"{found}.", remedy)
                    place = None
                of.append(place)
                continue
            try:
                gold = draft.gold if draft.gold is not None else _gold(draft, kind, indices=indices)
            except ValueError as error:
                remedy = "Name the kind of answers by --kind, or pass over such lines with --skip-broken."
                faults[number] = DataError(f"{draft.place}: the right answer is {error}.", remedy)
                of.append(None)
                continue
            place = known.setdefault((draft.text, draft.choices, gold), len(kept))
            if place == len(kept):
                kept.append(draft)
                golds.append(gold)
            of.append(place)
        return Settled(drafts=kept, golds=golds, of=of, faults=faults, kind=kind, inferred=inferred)

    def _kind_of_all(self) -> tuple[str, str]:
        if self._kind:
            return self._kind, ""
        if self.file is not None:
            return self.file.task.answer.type, ""
        firsts = [draft for draft in self.drafts if draft.twin is None]
        kind = kind_of(firsts, likelihoods=self._likelihoods)
        return kind, f"{KINDS[kind].name}, from the right answers"


def kind_of(drafts: Sequence[Draft], *, likelihoods: bool = False) -> str:
    """The kind of answers that questions have, by their right answers alone."""
    targets = [target for draft in drafts for target in draft.target]
    of_options = likelihoods or all(_is_index(draft) or _is_option(draft) for draft in drafts)
    if drafts and all(draft.choices for draft in drafts) and of_options:
        return AnswerType.LETTER
    if all(_number(target) is not None for target in targets):
        return AnswerType.NUMBER
    if all(target.casefold() in _TRUTH for target in targets):
        return AnswerType.BOOLEAN
    if all(_ONE_LETTER.match(target) and target.strip("().:").isupper() for target in targets):
        return AnswerType.LETTER
    if any(is_formula(target) or boxed_spans(target) for target in targets):
        return AnswerType.LATEX
    return AnswerType.TEXT


def _digest(row: Mapping[str, Any]) -> str:
    """What tells a row of data from others."""
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


def _other_gold(draft: Draft, kind: str, gold: str) -> str:
    """The right answer that a log says of a question, where it can be read and isn't the one that another log says; ""
    else. Of options the place is said as well as the letter."""
    try:
        said = _gold(draft, kind, indices=False)
    except ValueError:
        return ""
    places = _is_index(draft) and {LETTERS[int(one)] for one in draft.target} == {gold}
    return "" if said == gold or places else said


def _number(target: str) -> str | None:
    found = _HASHES.search(target)
    return canonical_number(found[1] if found else target)


def _is_index(draft: Draft) -> bool:
    return all(one.isdecimal() and int(one) < len(draft.choices) and one not in draft.choices for one in draft.target)


def _is_option(draft: Draft) -> bool:
    letters = LETTERS[: len(draft.choices)]
    found = [_ONE_LETTER.match(one) for one in draft.target]
    return all(
        (match is not None and match[1].upper() in letters) or one in draft.choices
        for one, match in zip(draft.target, found, strict=True)
    )


def _gold(draft: Draft, kind: str, *, indices: bool) -> str:
    """A log's right answer in the form that is compared. Raises ValueError, which says what was found instead."""
    row = KINDS[kind]
    if row.has_choices and row.lettered and not draft.choices:
        draft.choices = options_in(draft.text, draft.target)
    targets = draft.target
    if kind in (AnswerType.NUMBER, AnswerType.DECIMAL, AnswerType.NUMBER_OR_NONE):
        targets = tuple(_number(one) or one for one in targets)
    if kind == AnswerType.LATEX:
        targets = tuple(one[slice(*boxed_spans(one)[-1])] if boxed_spans(one) else one for one in targets)
    if indices:
        targets = tuple(LETTERS[int(one)] for one in targets)
    if len(set(targets)) > 1 and kind not in (AnswerType.TEXT, AnswerType.LETTERS, AnswerType.LIST):
        raise ValueError(f"{', '.join(targets)!r:.60}: several, expected one")
    gold = "\n".join(dict.fromkeys(one.strip() for one in targets))
    return row.task_gold(gold, ()) if canonical_number(gold) == gold else row.file_gold(gold, draft.choices)


def options_in(text: str, target: Sequence[str]) -> tuple[str, ...]:
    """The options that stand in a question, a line each: "(A) ...", "B. ...". Empty texts where there are none."""
    found: list[str] = []
    for letter, option in _OPTION.findall(text):
        if letter == "A":
            found = [option]
        elif found and letter == LETTERS[len(found) % len(LETTERS)]:
            found.append(option)
    least = max((LETTERS.find(one.strip("().: ").upper()[:1]) + 1 for one in target), default=0)
    return tuple(found) if len(found) >= max(2, least) else ("",) * max(FEW_OPTIONS, least)


def questions_of(task: str, settled: Settled, times: Mapping[int, int]) -> tuple[list[list[Question]], dict[str, str]]:
    """The questions with their ids, and the golds by id. times: how many there are of a question that a data set holds
    several times, by its place."""
    order: dict[str, list[tuple[str, str, str, int, int]]] = {}
    for place, (draft, gold) in enumerate(zip(settled.drafts, settled.golds, strict=True)):
        digest = question_hash(draft.text, draft.choices)
        for copy in range(times.get(place, 1)):
            order.setdefault(digest, []).append((gold, draft.group, draft.cluster, place, copy))
    questions: list[list[Question]] = [[] for _ in settled.drafts]
    golds: dict[str, str] = {}
    for digest, same in order.items():
        for count, (gold, group, cluster, place, _) in enumerate(sorted(same)):
            draft = settled.drafts[place]
            identity = f"{task}-{digest}" + (f"-{count + 1}" if count else "")
            golds[identity] = gold
            questions[place].append(
                Question(
                    id=identity,
                    task=task,
                    text=draft.text,
                    choices=draft.choices,
                    group=group,
                    cluster=cluster,
                    kind=draft.kind,
                    features=draft.features,
                )
            )
    return questions, golds
