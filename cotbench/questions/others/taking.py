"""What was found in a task of others -> `TaskFile`: questions in our words, the kind of their answers, and identity.

Nothing here knows whose task it is. What can't be taken over is refused by its name, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.errors import TaskError
from cotbench.questions.others.wording import (
    Listed,
    are_labels,
    bare,
    find_options,
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
    """A question as it was found. gold: the place of the right option, from 0, or all right answers as texts.

    columns: the row that it was made of, where there is one; group: the task that it is of, where several were named;
    cluster: what it shares with others."""

    text: str
    gold: int | tuple[str, ...]
    choices: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Whose task it is. asked: as it was named behind --task. task: what they call it. config: a hash of how they made
    it. data: where its rows come from, for people to read."""

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
    return TaskError(f"--task {asked}: can't be taken over: {reason}.", remedy or "Name another task.")


def name_of(asked: str) -> str:
    """What a task of others is called here: lm-eval:arc_easy is lm-eval-arc_easy."""
    prefix, _, name = asked.partition(":")
    if prefix == "inspect":
        file, _, function = name.rpartition("@")
        name = function or Path(file).stem
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9_.-]+', '_', Path(name).stem if name.endswith('.yaml') else name)}".strip("_")


class _Kind(NamedTuple):
    """A kind of answers, the reader of its gold, and gold as rows hold it."""

    name: str
    reader: str
    golds: Sequence[Any]


def take(items: Sequence[Item], origin: Origin) -> TaskFile:
    """Make a task of the questions of one task of others, or of several whose names are their groups.

    Raises TaskError where they can't be asked or graded here."""
    if not items:
        raise refused(origin.asked, "it has no rows")
    by_group: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_group[item.group].append(item)
    remarks = list(origin.remarks)
    asked: list[Item] = []
    for group in by_group.values():
        cleaned, more = _in_our_words(group, origin)
        asked += cleaned
        remarks += more
    kind = _kind(asked, origin)
    rows = tuple(_row(item, gold) for item, gold in zip(asked, kind.golds, strict=True))
    return _file(rows, kind, origin, tuple(dict.fromkeys(remarks)))


def _row(item: Item, gold: Any) -> dict[str, Any]:
    labels = {"group": item.group, "cluster": item.cluster}
    choices = {"choices": list(item.choices)} if item.choices else {}
    return {"question": item.text, **choices, "answer": gold, **{key: value for key, value in labels.items() if value}}


def _file(rows: tuple[dict[str, Any], ...], kind: _Kind, origin: Origin, remarks: tuple[str, ...]) -> TaskFile:
    fields = {key: key for key in ("choices", "group", "cluster") if any(key in row for row in rows)}
    whose = f"{origin.task} of {origin.package}"
    task = Task.model_validate(
        {
            "name": name_of(origin.asked),
            "about": f"{whose} ({origin.data})",
            "source": {"file": origin.asked, "rows": len(rows)},
            "fields": {"question": "question", "gold": "answer", **fields},
            "gold_reader": kind.reader,
            "answer": {"type": kind.name, "form": KINDS[kind.name].form, "phrase": KINDS[kind.name].phrase},
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
        path=Path(origin.asked),
        hash=_hash([RULES, kind.name, kind.reader, *taken.values()]),
        rows=rows,
        taken=taken,
        note=_note(rows, kind, origin, remarks),
    )


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=True, sort_keys=True).encode()).hexdigest()[:16]


def _note(rows: Sequence[Mapping[str, Any]], kind: _Kind, origin: Origin, remarks: Sequence[str]) -> str:
    """What a user is told: what was taken over, and how its first question is asked."""
    version = f", version {origin.task_version}" if origin.task_version else ""
    head = f"{origin.asked}: {len(rows):,} questions of {origin.data}, from {origin.package} {origin.version}{version}"
    first = " ".join(str(rows[0]["question"]).split())
    shown = first if len(first) <= 300 else f"{first[:200]} ... {first[-90:]}"
    options = "".join(
        f" {letter}) {option:.40}" for letter, option in zip(LETTERS, rows[0].get("choices", ()), strict=False)
    )
    gold = rows[0]["answer"]
    right = LETTERS[gold] if kind.reader == "index" else " | ".join(str(gold).splitlines()[-1 if kind.reader == "hashes" else 0 :])[:60]
    lines = [f"{head}; kind of answer: {kind.name}.", f"  First question: {shown}{options}  [{right}]"]
    return "\n".join([*lines, *(f"  {remark}." for remark in remarks)])


# --- in our words -------------------------------------------------------------------------------------------------


def _in_our_words(items: Sequence[Item], origin: Origin) -> tuple[list[Item], list[str]]:
    """Questions without the frame of a prompt, with options that say something; and what there is to remark."""
    if not any(item.text.strip() for item in items):
        raise refused(origin.asked, "its text is empty: it compares how likely sentences are, and asks nothing")
    framed = without_frame([item.text for item in items])
    items = [replace(item, text=text) for item, text in zip(items, framed, strict=True)]
    remarks: list[str] = []
    if any(item.choices for item in items):
        items = _with_options(items, origin)
        items, spread = _spread(items)
        remarks += spread
    else:
        items = _lettered(items)
    unlabelled = without_label([item.text for item in items])
    return [replace(item, text=text) for item, text in zip(items, unlabelled, strict=True)], remarks


def _with_options(items: Sequence[Item], origin: Origin) -> list[Item]:
    """Questions whose options say something, and aren't listed in the text a second time."""
    for number, item in enumerate(items, 1):
        if not isinstance(item.gold, int) or not 0 <= item.gold < len(item.choices):
            gold = item.gold if isinstance(item.gold, int) else " | ".join(item.gold)
            found = f"row {number}: its right answer ({gold!r:.60}) is none of its {len(item.choices)} options"
            raise refused(origin.asked, found)
    items = [_filled(item) for item in items]
    most, least = max(len(item.choices) for item in items), min(len(item.choices) for item in items)
    if most > len(LETTERS) or least < 2:
        raise refused(origin.asked, f"its questions have {least} to {most} options, and letters are there for 2 to 26")
    if all(are_labels(item.choices) for item in items):
        return _around([_said(item, origin, number) for number, item in enumerate(items, 1)])
    found = [(item, find_options(item.text, own)) for item in items for own in [without_labels(item.choices)]]
    plain = [replace(item, choices=tuple(without_labels(item.choices))) for item, _ in found]
    return _around([(item, listed) for item, (_, listed) in zip(plain, found, strict=True)])


def _filled(item: Item) -> Item:
    """A question without options that say nothing, as data have them that pad rows."""
    kept = [place for place, option in enumerate(item.choices) if option.strip()]
    if len(kept) == len(item.choices) or item.gold not in kept:
        return item
    return replace(item, choices=tuple(item.choices[place] for place in kept), gold=kept.index(item.gold))


def _said(item: Item, origin: Origin, number: int) -> tuple[Item, Listed | None]:
    """A question whose options are only labels: what they say stands in its text, or in a column of its row."""
    columns = [list(map(str, found)) for found in _lists(item.columns) if len(found) == len(item.choices)]
    columns = [without_labels(found) for found in columns if not are_labels(found) and all(one.strip() for one in found)]
    for options in columns:
        if listed := find_options(item.text, options):
            return replace(item, choices=tuple(options)), listed
    if listed := read_options(item.text, [bare(option) for option in item.choices]):
        return replace(item, choices=listed.options), listed
    if columns and (len(columns) == 1 or len({tuple(found) for found in columns}) == 1):
        return replace(item, choices=tuple(columns[0])), None
    shown = ", ".join(item.choices)
    found = f"row {number}: its options are only {shown}, and what they say stands neither in its text nor in a column"
    raise refused(origin.asked, found)


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
    behind = sum(bool(listed and listed.behind) for _, listed in found)
    items = []
    for item, listed in found:
        if listed is None or not listed.question.strip():
            items.append(item)
        elif listed.behind and behind < 0.8 * len(found):
            last = item.choices[-1]
            whole = last if listed.behind in last else f"{last}\n{listed.behind}"
            items.append(replace(item, text=listed.before or item.text, choices=(*item.choices[:-1], whole)))
        else:
            items.append(replace(item, text=listed.question))
    return items


ALWAYS_THERE = 0.95


def _spread(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """Questions whose right options don't all stand in the same place: with letters in a prompt, always answering A
    would be right. Where they do, options that differ by question are put in an order of chance, the same each time."""
    [(place, count)] = Counter(item.gold for item in items).most_common(1)
    if len(items) < 10 or count < ALWAYS_THERE * len(items) or len({item.choices for item in items}) < len(items) / 2:
        return list(items), []
    turned = []
    for item in items:
        order = sorted(range(len(item.choices)), key=lambda n: unit("options", item.text, item.choices[n], n))
        choices = tuple(item.choices[n] for n in order)
        turned.append(replace(item, choices=choices, gold=order.index(int(str(item.gold)))))
    letter = LETTERS[int(str(place))]
    return turned, [f"Options are in an order of chance: {letter} was right in {count:,} of {len(items):,} questions"]


_LABEL_AS_GOLD = re.compile(r"\(?([A-Za-z]|\d)\)?[.:]?")


def _lettered(items: Sequence[Item]) -> list[Item]:
    """Open questions whose right answer is the label of an option that the text lists, as questions with options."""
    golds = [item.gold[0].strip() if isinstance(item.gold, tuple) and len(item.gold) == 1 else "" for item in items]
    if not all(_LABEL_AS_GOLD.fullmatch(gold) for gold in golds) or all(gold.isdigit() for gold in golds):
        return list(items)
    found: list[tuple[Item, Listed | None]] = []
    for item, gold in zip(items, golds, strict=True):
        labels = own_labels(item.text)
        listed = read_options(item.text, labels) if labels else None
        if listed is None or bare(gold).upper() not in labels:
            return list(items)
        own = [list(map(str, one)) for one in _lists(item.columns) if len(one) == len(labels)]
        exact = next((better for one in own if (better := find_options(item.text, without_labels(one)))), None)
        listed = exact or listed
        lettered = replace(item, choices=listed.options, gold=labels.index(bare(gold).upper()))
        found.append((lettered, listed))
    return _around(found)


# --- kinds --------------------------------------------------------------------------------------------------------


def _kind(items: Sequence[Item], origin: Origin) -> _Kind:
    """The kind of answers of questions; rows of all of them hold gold in the same way."""
    with_options = [bool(item.choices) for item in items]
    if all(with_options):
        return _Kind("letter", "index", [item.gold for item in items])
    if any(with_options):
        named = sorted({item.group for item, has in zip(items, with_options, strict=True) if has})
        raise refused(origin.asked, f"some of its tasks have options and others don't ({', '.join(named)[:200]} do)")
    golds = [item.gold if isinstance(item.gold, tuple) else (str(item.gold),) for item in items]
    _there(golds, origin)
    single = [gold[0].strip() for gold in golds] if all(len(gold) == 1 for gold in golds) else []
    for looks, kind in _SINGLE:
        if single and looks(single):
            return kind(single)
    return _Kind("text", "plain", ["\n".join(" ".join(one.split()) for one in gold) for gold in golds])


def _there(golds: Sequence[Sequence[str]], origin: Origin) -> None:
    """Refuse questions whose right answer isn't there."""
    without = [number for number, gold in enumerate(golds, 1) if not any(one.strip() for one in gold)]
    if without:
        found = f"{len(without):,} of its {len(golds):,} rows have no right answer (the first is row {without[0]})"
        raise refused(origin.asked, found)
    if len(golds) >= 10 and len({tuple(gold) for gold in golds}) == 1:
        found = f"the right answer of all its {len(golds):,} rows is {golds[0][0]!r:.60}, which none of them asks for"
        raise refused(origin.asked, found)


def _are_hashes(golds: Sequence[str]) -> bool:
    return all("####" in gold and canonical_number(gold.rpartition("####")[2].strip()) is not None for gold in golds)


def _are_boxed(golds: Sequence[str]) -> bool:
    return all(boxed_spans(gold) for gold in golds)


def _are_numbers(golds: Sequence[str]) -> bool:
    return all(canonical_number(gold) is not None for gold in golds)


_FORMULA = re.compile(r"\\[A-Za-z{(\[]|\^|_\{|\$[^$]+\$|\\boxed")


def _are_formulas(golds: Sequence[str]) -> bool:
    """Whether golds are formulas: most are numbers, have LaTeX's marks, or are as short as variables."""
    marked = [bool(_FORMULA.search(gold)) for gold in golds]
    known = [mark or canonical_number(gold) is not None for mark, gold in zip(marked, golds, strict=True)]
    return any(marked) and sum(known) >= 0.8 * len(golds)


_TRUTH = ({"yes", "no"}, {"true", "false"})


def _are_true_or_not(golds: Sequence[str]) -> bool:
    said = {gold.lower().rstrip(".") for gold in golds}
    return "boolean" in KINDS and any(said <= words for words in _TRUTH)


_SINGLE: tuple[tuple[Callable[[Sequence[str]], bool], Callable[[Sequence[str]], _Kind]], ...] = (
    (_are_hashes, lambda golds: _Kind("number", "hashes", golds)),
    (_are_numbers, lambda golds: _Kind("number", "plain", golds)),
    (_are_boxed, lambda golds: _Kind("latex", "boxed", golds)),
    (_are_formulas, lambda golds: _Kind("latex", "plain", golds)),
    (_are_true_or_not, lambda golds: _Kind("boolean", "plain", golds)),
)
