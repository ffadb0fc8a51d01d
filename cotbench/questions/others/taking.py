"""What was found in a task of others -> `TaskFile`: questions in our words, the kind of their answers, and identity.

Nothing here knows whose task it is. What can't be taken over is refused by its name, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.errors import TaskError
from cotbench.questions.others import name_of
from cotbench.questions.others.wording import (
    Listed,
    are_labels,
    bare,
    find_options,
    is_cue,
    own_labels,
    read_options,
    without_frame,
    without_label,
    without_labels,
)
from cotbench.questions.tasks import Task, TaskFile
from cotbench.types import LETTERS, unit

RULES = 1  # of how a task of others is read: another number is another task


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question as it was found.

    right: the places of the options that are right, from 0; answers: of a question without options, all right answers.
    columns: the row that it was made of, where there is one. group: the task that it is of, where several were named.
    cluster: what it shares with others."""

    text: str
    choices: tuple[str, ...] = ()
    right: tuple[int, ...] = ()
    answers: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Whose task it is. asked: as it was named behind --task. task: what they call it. config: a hash of how they made
    it. data: where its rows come from, for people to read. remarks: what else a user should know."""

    asked: str
    package: str
    version: str
    task: str
    task_version: str
    config: str
    data: str
    remarks: tuple[str, ...] = ()


def refused(asked: str, reason: str, remedy: str = "") -> TaskError:
    """The error that a task of others can't be taken over, and why."""
    return TaskError(f"--task {asked}: {_REFUSED}{reason}.", remedy or "Name another task.")


EMPTY = "its text is empty: it compares how likely sentences are, and asks nothing"
_REFUSED = "can't be taken over: "


def reason_of(error: TaskError) -> str:
    """Why a task was refused, without its name."""
    return error.message.rpartition(_REFUSED)[2].rstrip(".")


class _Kind(NamedTuple):
    """A kind of answers, the reader of its gold, gold as rows hold it, and what the contract says where that isn't what
    it always says. words: what a kind answers in whose options are words of the task."""

    name: str
    reader: str
    golds: Sequence[Any]
    phrase: str = ""
    words: tuple[str, ...] = ()

    @property
    def answer(self) -> dict[str, str]:
        """The answer contract."""
        row = KINDS[self.name]
        return {"type": self.name, "form": row.form, "phrase": self.phrase or row.phrase}

    def row(self, item: Item, gold: Any) -> dict[str, Any]:
        """A row of the task that is made."""
        options = list(self.words or item.choices)
        labels = {"group": item.group, "cluster": item.cluster}
        more = {"choices": options} if options else {}
        return {"question": item.text, **more, "answer": gold, **{key: value for key, value in labels.items() if value}}


def take(items: Sequence[Item], origin: Origin) -> TaskFile:
    """Make a task of the questions of one task of others, or of several, whose names are their groups.

    Raises TaskError where they can't be asked or graded here."""
    if not items:
        raise refused(origin.asked, "it has no rows")
    by_group: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_group[item.group].append(item)
    remarks = list(origin.remarks)
    found: dict[str, tuple[_Kind, list[dict[str, Any]]]] = {}
    for group, members in by_group.items():
        asked, more = _in_our_words(members, origin)
        kind = _kind(asked, origin)
        found[group] = kind, [kind.row(item, gold) for item, gold in zip(asked, kind.golds, strict=True)]
        remarks += more
    return _file(found, origin, tuple(dict.fromkeys(remarks)))


def _fields(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    own = {key: key for key in ("choices", "group", "cluster") if any(key in row for row in rows)}
    return {"question": "question", "gold": "answer", **own}


def _file(
    found: Mapping[str, tuple[_Kind, Sequence[Mapping[str, Any]]]], origin: Origin, remarks: tuple[str, ...]
) -> TaskFile:
    rows = tuple(row for _, own in found.values() for row in own)
    kinds = [kind for kind, _ in found.values()]
    alike = len({(kind.name, kind.reader, kind.phrase) for kind in kinds}) == 1
    parts = [
        {
            "name": group,
            "config": group,
            "rows": len(own),
            "fields": _fields(own),
            "gold_reader": kind.reader,
            "answer": kind.answer,
        }
        for group, (kind, own) in found.items()
    ]
    task = Task.model_validate(
        {
            "name": name_of(origin.asked),
            "about": f"{origin.task} of {origin.package} ({origin.data})",
            "source": {"file": origin.asked, **({"rows": len(rows)} if alike else {})},
            "fields": _fields(rows if alike else found[next(iter(found))][1]),
            "gold_reader": kinds[0].reader,
            "answer": kinds[0].answer,
            **({} if alike else {"parts": parts}),
        }
    )
    taken = {
        "package": origin.package,
        "version": origin.version,
        "task": origin.task,
        "task_version": origin.task_version,
        "config": origin.config,
        "data": origin.data,
        "rows": _hash(rows),
    }
    return TaskFile(
        task=task,
        path=Path(_short(origin.asked)),
        hash=_hash([RULES, task.model_dump(mode="json", exclude={"source"}, exclude_defaults=True), *taken.values()]),
        rows=rows,
        taken=taken,
        note=_note(rows, kinds, origin, remarks),
    )


def _short(asked: str) -> str:
    """A name without the folder of its file."""
    prefix, _, rest = asked.partition(":")
    return f"{prefix}:{Path(rest).name}" if re.search(r"\.(py|ya?ml)(@|$)", rest) else asked


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()[:16]


def _note(rows: Sequence[Mapping[str, Any]], kinds: Sequence[_Kind], origin: Origin, remarks: Sequence[str]) -> str:
    """What a user is told: what was taken over, and how its first question is asked."""
    version = f", version {origin.task_version}" if origin.task_version else ""
    head = f"{len(rows):,} questions of {origin.data}, from {origin.package} {origin.version}{version}"
    names = list(dict.fromkeys(kind.name for kind in kinds))
    first, kind = rows[0], kinds[0]
    options = [f"{LETTERS[n]}) {option:.40}" for n, option in enumerate(first.get("choices", ())[: len(LETTERS)])]
    gold = first["answer"]
    if kind.reader == "index":
        right = LETTERS[gold]
    else:
        right = " | ".join(str(gold).splitlines()[-1 if kind.reader == "hashes" else 0 :])[:60]
    lines = [
        f"{_short(origin.asked)}: {head}; kind of answer: {', '.join(names)}.",
        "  First question: " + " ".join([_shortened(first["question"]), *([] if kind.words else options)]),
        f"  Its right answer: {right}",
    ]
    return "\n".join([*lines, *(f"  {remark}." for remark in remarks)])


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 300 else f"{words[:190]} ... {words[-100:]}"


# --- in our words -------------------------------------------------------------------------------------------------


def _in_our_words(items: Sequence[Item], origin: Origin) -> tuple[list[Item], list[str]]:
    """Questions without the frame of a prompt, with options that say something; and what there is to remark."""
    if not any(item.text.strip() for item in items):
        raise refused(origin.asked, EMPTY)
    framed = without_frame([item.text for item in items])
    items = [replace(item, text=text) for item, text in zip(items, framed, strict=True)]
    having = sum(bool(item.choices) for item in items)
    if 0 < having < len(items):
        raise refused(origin.asked, f"{having:,} of its {len(items):,} questions have options, and others don't")
    items, left = _gradable(items, origin)
    if having:
        items, unsaid = _with_options(items, origin)
        items, turned = _spread(items)
        more = [*unsaid, *turned]
    else:
        items, more = _lettered(items)
    remarks = [*left, *more]
    unlabelled = without_label([item.text for item in items])
    return [replace(item, text=text) for item, text in zip(items, unlabelled, strict=True)], remarks


MOST_LEFT_OUT = 0.02  # of a task's rows: more, and something else is wrong


def _gradable(items: Sequence[Item], origin: Origin) -> tuple[list[Item], list[str]]:
    """Questions with a right answer; and the remark that a few have none. Refuses more than a few."""
    faults = {number: fault for number, item in enumerate(items, 1) if (fault := _ungradable(item))}
    if len(faults) > MOST_LEFT_OUT * len(items):
        number, fault = next(iter(faults.items()))
        raise refused(origin.asked, f"{len(faults):,} of its {len(items):,} rows can't be graded: row {number} {fault}")
    kept = [item for number, item in enumerate(items, 1) if number not in faults]
    return kept, _left_out(len(faults), len(items))


def _ungradable(item: Item) -> str:
    """Why a question can't be graded; "" where it can."""
    if not item.choices:
        return "" if any(one.strip() for one in item.answers) else "has no right answer"
    known = item.right and all(0 <= place < len(item.choices) for place in item.right)
    return "" if known else f"says of none of its {len(item.choices)} options that it is right"


def _left_out(count: int, of: int) -> list[str]:
    return [f"Left out: {count:,} of {of:,} rows, whose right answer is none that can be given"] if count else []


def _with_options(items: Sequence[Item], origin: Origin) -> tuple[list[Item], list[str]]:
    """Questions whose options say something, and aren't listed in the text a second time; and what to remark."""
    items = [_filled(item) for item in items]
    most, least = max(len(item.choices) for item in items), min(len(item.choices) for item in items)
    if most > len(LETTERS) or least < 2:
        raise refused(origin.asked, f"its questions have {least} to {most} options, and letters are there for 2 to 26")
    if all(are_labels(item.choices) for item in items):
        said = list(map(_said, items))
        if said.count(None) > MOST_LEFT_OUT * len(items):
            number, shown = said.index(None) + 1, ", ".join(items[said.index(None)].choices)
            found = f"row {number}: its options are only {shown}, and what they say stands neither in its text nor in a"
            raise refused(origin.asked, f"{found} column")
        return _around([one for one in said if one is not None]), _left_out(said.count(None), len(said))
    plain = [replace(item, choices=tuple(without_labels(item.choices))) for item in items]
    return _around([(item, find_options(item.text, item.choices)) for item in plain]), []


def _filled(item: Item) -> Item:
    """A question without options that say nothing, as data have them that pad rows."""
    kept = [place for place, option in enumerate(item.choices) if option.strip()]
    if len(kept) == len(item.choices) or not set(item.right) <= set(kept):
        return item
    right = tuple(map(kept.index, item.right))
    return replace(item, choices=tuple(item.choices[place] for place in kept), right=right)


def _said(item: Item) -> tuple[Item, Listed | None] | None:
    """A question whose options are only labels: what they say stands in its text, or in a column of its row; None
    where it doesn't."""
    columns = [list(map(str, found)) for found in _lists(item.columns) if len(found) == len(item.choices)]
    columns = [
        without_labels(found) for found in columns if not are_labels(found) and all(one.strip() for one in found)
    ]
    for options in columns:
        if listed := find_options(item.text, options):
            return replace(item, choices=tuple(options)), listed
    if listed := read_options(item.text, [bare(option) for option in item.choices]):
        return replace(item, choices=listed.options), listed
    labels = own_labels(item.text)[: len(item.choices)]
    fewer = read_options(item.text, labels) if labels and max(item.right) < len(labels) else None
    if fewer is not None:  # as many labels in all rows, and in this one fewer options
        return replace(item, choices=fewer.options), fewer
    if columns and (len(columns) == 1 or len({tuple(found) for found in columns}) == 1):
        return replace(item, choices=tuple(columns[0])), None
    return None


def _lists(columns: Mapping[str, Any]) -> Iterable[Sequence[Any]]:
    """The lists of texts in a row; those of an object under one of its columns too (choices.text)."""
    for value in columns.values():
        if isinstance(value, Mapping):
            yield from _lists(value)
        elif isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
            yield value


def _around(found: Sequence[tuple[Item, Listed | None]]) -> list[Item]:
    """Questions without their lists of options. What stands behind the last option's line is the question where most
    texts have it, and else the rest of that option."""
    last = [listed.behind for _, listed in found if listed is not None and listed.behind]
    if len(last) > 0.9 * len(found) and is_cue(last):
        found = [(item, listed._replace(behind="") if listed else None) for item, listed in found]
    behind = sum(bool(listed and listed.behind) for _, listed in found)
    items = []
    for item, listed in found:
        if listed is None or not listed.question.strip():
            items.append(item)
        elif listed.behind and behind < 0.8 * len(found):
            option = item.choices[-1]
            whole = option if listed.behind in option else f"{option}\n{listed.behind}"
            items.append(replace(item, text=listed.before or item.text, choices=(*item.choices[:-1], whole)))
        else:
            items.append(replace(item, text=listed.question))
    return items


ALWAYS_THERE = 0.95


def _spread(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """Questions whose right options don't all stand in the same place: with letters in a prompt, always answering A
    would be right. Where they do, options that differ by question are put in an order of chance, the same each time."""
    [(right, count)] = Counter(item.right for item in items).most_common(1)
    if len(items) < 10 or count < ALWAYS_THERE * len(items) or len({item.choices for item in items}) < len(items) / 2:
        return list(items), []
    turned = []
    for item in items:
        order = sorted(range(len(item.choices)), key=lambda n: unit("options", item.text, item.choices[n], n))
        choices = tuple(item.choices[n] for n in order)
        turned.append(replace(item, choices=choices, right=tuple(sorted(order.index(n) for n in item.right))))
    letters = "".join(LETTERS[place] for place in right)
    return turned, [f"Options are in an order of chance: {letters} was right in {count:,} of {len(items):,} questions"]


_LABEL_AS_GOLD = re.compile(r"\(?([A-Za-z]|\d)\)?[.:]?")


def _lettered(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """Open questions whose right answer is the label of an option that the text lists, as questions with options.

    A few whose right answer is neither a label nor what an option says are left out, and remarked on."""
    named = [len(item.answers) == 1 and bool(_LABEL_AS_GOLD.fullmatch(item.answers[0].strip())) for item in items]
    few = len(items) - sum(named) <= MOST_LEFT_OUT * len(items)
    if not few or all(
        item.answers[0].strip().isdigit() for item, is_label in zip(items, named, strict=True) if is_label
    ):
        return list(items), []
    found = [_as_listed(item) for item in items]
    kept = [one for one in found if one is not None]
    if len(found) - len(kept) > MOST_LEFT_OUT * len(items):
        return list(items), []
    return _around(kept), _left_out(len(found) - len(kept), len(found))


def _as_listed(item: Item) -> tuple[Item, Listed] | None:
    """An open question as one whose options its text lists; None where the right answer is none of them."""
    gold, labels = item.answers[0].strip(), own_labels(item.text)
    listed = read_options(item.text, labels) if labels else None
    if listed is None:
        return None
    own = [list(map(str, one)) for one in _lists(item.columns) if len(one) == len(labels)]
    saying = [without_labels(one) for one in own if not are_labels(one)]
    listed = next((better for one in saying if (better := find_options(item.text, one))), listed)
    label = bare(gold).upper()
    place = labels.index(label) if label in labels else int(label) - 1 if label.isdigit() else -1
    if listed.options.count(gold) == 1 and label not in labels:
        place = listed.options.index(gold)
    if not 0 <= place < len(labels):
        return None
    return replace(item, choices=listed.options, right=(place,), answers=()), listed


# --- kinds --------------------------------------------------------------------------------------------------------


def _kind(items: Sequence[Item], origin: Origin) -> _Kind:
    """The kind of answers of the questions of one task; its rows hold gold in the same way."""
    if items[0].choices:
        if all(len(item.right) == 1 for item in items):
            return _Kind("letter", "index", [item.right[0] for item in items])
        return _Kind("letters", "plain", ["".join(LETTERS[place] for place in sorted(item.right)) for item in items])
    golds = [item.answers for item in items]
    _asked_for(golds, origin)
    if all(len(gold) == 1 for gold in golds):
        single = [gold[0].strip() for gold in golds]
        for read in (_hashes, _numbers, _boxed, _brackets, _formulas, _truth, _words):
            if kind := read(single):
                return kind
    return _Kind("text", "plain", ["\n".join(" ".join(one.split()) for one in gold if one.strip()) for gold in golds])


def _asked_for(golds: Sequence[Sequence[str]], origin: Origin) -> None:
    """Refuse questions whose right answer is the same whatever is asked: it is graded by something else."""
    if len(golds) >= 10 and len({tuple(gold) for gold in golds}) == 1:
        raise refused(origin.asked, f"the right answer is {golds[0][0]!r:.60} in all its {len(golds):,} rows")


def _hashes(golds: Sequence[str]) -> _Kind | None:
    """GSM8K's worked answers, with the number behind '####'."""
    if all("####" in gold and canonical_number(gold.rpartition("####")[2].strip()) is not None for gold in golds):
        return _Kind("number", "hashes", golds)
    return None


def _numbers(golds: Sequence[str]) -> _Kind | None:
    """Numbers; and where some questions have none (GSM-Plus), none."""
    tails = [gold.rpartition("####")[2].strip() for gold in golds]
    told = [canonical_number(tail) is not None for tail in tails]
    if all(told):
        return _Kind("number", "plain", tails)
    kind = KINDS["number-or-none"]
    try:
        said = [kind.task_gold(tail, ()) for tail in tails]
    except ValueError:
        return None
    return _Kind(kind.name, "plain", said) if any(told) else None


_BRACKETS = re.compile(r"[\[\](){}<>\s]+")


def _brackets(golds: Sequence[str]) -> _Kind | None:
    """Rows of brackets, which are nothing to who compares words."""
    return _Kind("list", "plain", golds) if all(map(_BRACKETS.fullmatch, golds)) else None


def _boxed(golds: Sequence[str]) -> _Kind | None:
    """Worked solutions with the answer in a box."""
    return _Kind("latex", "boxed", golds) if all(boxed_spans(gold) for gold in golds) else None


_WORD = re.compile(r"[^\W\d_]{3}")
_FORMULA = re.compile(r"\\[A-Za-z{(\[]|\^|_\{|\$[^$]+\$")


def _formulas(golds: Sequence[str]) -> _Kind | None:
    """Formulas: some golds have LaTeX's marks, and most of the others are numbers or have no word in them."""
    marked = sum(bool(_FORMULA.search(gold)) for gold in golds)
    known = sum(bool(_FORMULA.search(gold)) or not _WORD.search(gold) for gold in golds)
    return (
        _Kind("latex", "plain", golds) if marked >= 0.02 * len(golds) and marked and known >= 0.8 * len(golds) else None
    )


_TRUTHS = ({"yes", "no"}, {"true", "false"})


def _truth(golds: Sequence[str]) -> _Kind | None:
    """Yes or no, true or false."""
    said = {gold.lower().rstrip(".") for gold in golds}
    for words in _TRUTHS:
        if said <= words:
            phrase = "" if "yes" in words else "where <answer> is true or false"
            return _Kind("boolean", "plain", golds, phrase)
    return None


MOST_WORDS = 6  # that a contract names


def _words(golds: Sequence[str]) -> _Kind | None:
    """A few words that come again and again: valid, invalid. The contract names them, in the order of the alphabet."""
    words = tuple(sorted(set(golds)))
    often = min(Counter(golds).values()) >= 0.02 * len(golds) if golds else False
    short = all(len(word.split()) <= 3 and re.search(r"[^\W\d_]{2}", word) for word in words)
    if not (2 <= len(words) <= MOST_WORDS and len(golds) >= 10 * len(words) and often and short):
        return None
    if len({word.casefold() for word in words}) < len(words):
        return None
    listed = f"{', '.join(words[:-1])} or {words[-1]}"
    return _Kind("choice", "plain", golds, f"where <word> is {listed}", words)
