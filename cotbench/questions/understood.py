"""What was understood of a file of questions, in words: a line before a run, all of it in `cotbench doctor`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotbench.questions.columns import Columns, Hints
from cotbench.questions.files import shown, unit_of
from cotbench.questions.golds import EACH, is_number, number_in
from cotbench.types import AnswerType

Row = Mapping[str, Any]
_WORDS = {
    AnswerType.NUMBER: ("number", "numbers"),
    AnswerType.LETTER: ("letter", "letters"),
    AnswerType.LATEX: ("formula", "formulas"),
    AnswerType.TEXT: ("text", "texts"),
    AnswerType.BOOLEAN: ("yes or no", "yes or no"),
    AnswerType.LETTERS: ("set of letters", "sets of letters"),
}


_LETTER = re.compile(r"\(?[A-J][).:]?")
_COMMA = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")  # 4,5 or 1.000,5; what has three digits there is 1,200
_DOT = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_OTHERWISE = f"--kind {EACH}: each as what it is; --kind number: refuse others"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of questions as it is looked at. lines: the numbers of its rows. options: of each row, none where it has
    none."""

    path: Path
    rows: Sequence[Row]
    lines: Sequence[int]
    columns: Columns
    hints: Hints

    def at(self, place: int) -> str:
        """Where a row stands, as messages name it."""
        return f"{shown(self.path)}{unit_of(self.path)}{self.lines[place]}"

    def line(self, place: int) -> str:
        """The same within a sentence about the file."""
        return f"{'line' if unit_of(self.path) == ':' else 'row'} {self.lines[place]:,}"


def unlike(file: File, places: Sequence[int], kinds: Sequence[str], values: Sequence[Any]) -> list[str]:
    """What is told of golds without options: of those that are of another kind than most, and of what is left out of
    others. places: their rows. kinds, values: of all rows."""
    own = [values[place] for place in places]
    if not own:
        return []
    several = {kinds[place] for place in places}
    remarks = _others(file, places, own, kinds[places[0]]) if len(several) == 1 and file.hints.kind is None else []
    numeric = [values[place] for place in places if kinds[place] == AnswerType.NUMBER]
    if marked := sum("####" in str(value) for value in numeric):
        count = "all" if marked == len(own) else f"{marked:,}"
        remarks.append(f"{count} {'stands' if marked == 1 and count != 'all' else 'stand'} behind ####")
    if units := [value for value in numeric if not is_number(value) and "####" not in str(value)]:
        how = "answer has a unit" if len(units) == 1 else "answers have units"
        remarks.append(f"{len(units):,} {how}, which we leave out ({units[0]!r:.30} is {number_in(units[0])})")
    remarks += _continental(own)
    if several == {AnswerType.LATEX} and all(isinstance(value, str) and "\\boxed" in value for value in own):
        remarks.append("all are what is boxed")
    if all(isinstance(value, str) and _LETTER.fullmatch(value.strip()) for value in own):
        remarks.append("all are letters, and no column holds options (--columns choices=COLUMN, if one does)")
    if len(numeric) == len(own) and set(map(str, own)) == {"0", "1"} and file.hints.kind is None:
        remarks.append("all are 0 or 1 (--kind boolean, where that means no and yes)")
    return remarks


def _continental(own: Sequence[Any]) -> list[str]:
    """What is told of golds that may have a comma before decimals, or a point before thousands."""
    texts = [value.strip() for value in own if isinstance(value, str)]
    commas = [text for text in texts if _COMMA.fullmatch(text) and number_in(text) is None]
    pointed = [text for text in texts if "." in text]
    if commas:
        one = len(commas) == 1
        told = (
            f"{len(commas):,} answer{' has' if one else 's have'} a comma before decimals and {'is' if one else 'are'}"
        )
        return [f"{told} no number here ({commas[0]}: write {commas[0].replace('.', '').replace(',', '.')})"]
    if pointed and all(map(_DOT.fullmatch, pointed)):
        whole = pointed[0].replace(".", "")
        return [
            f"{pointed[0]} is read with a decimal point, as {number_in(pointed[0])} (write {whole}, if that is meant)"
        ]
    return []


def _others(file: File, places: Sequence[int], own: Sequence[Any], kind: str) -> list[str]:
    """What is told of golds that are asked as texts or formulas, where many are numbers."""
    if kind not in (AnswerType.TEXT, AnswerType.LATEX):
        return []
    others = [place for place, value in zip(places, own, strict=True) if number_in(value) is None]
    numbers = len(own) - len(others)
    if not numbers or not others:
        return []
    if 2 * len(others) < len(own):
        word, first = file.line(others[0]).split()
        listed = ", ".join([first, *(file.line(place).split()[1] for place in others[1:3])])
        more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
        said = f"{word} {listed} isn't a number" if len(others) == 1 else f"{word}s {listed}{more} aren't numbers"
        return [f"{said}, so all are asked as {_WORDS[AnswerType(kind)][1]} ({_OTHERWISE})"]
    if kind == AnswerType.TEXT:
        said = "is a number" if numbers == 1 else "are numbers"
        return [f"{numbers:,} of the texts {said} (--kind {EACH} asks each as what it is)"]
    return []


def in_words(
    file: File, kinds: Sequence[str], with_passage: bool, notes: Sequence[str], repeated: Sequence[str]
) -> list[str]:
    """What a user is told before a run. kinds: of each row. notes: on how the file and its golds are read."""
    counts = Counter(kinds)
    said = ", ".join(f"{count:,} {_word(kind, count)}" for kind, count in counts.most_common())
    head = f"{len(file.rows):,} question{'s' * (len(file.rows) != 1)}, {said}"
    return [head, *_roles(file, with_passage), *notes, *repeated]


def in_full(file: File, with_passage: bool) -> list[str]:
    """What is told on top where all is asked for: columns that have no role."""
    unused, left_open = file.columns.unused, file.columns.open
    lines = [
        f"{role}: none, since {' and '.join(among)} may each be it (--columns {role}={among[0]})"
        for role, among in left_open.items()
    ]
    others = [name or "one without a name" for name in unused if not any(name in them for them in left_open.values())]
    if (passage := file.columns.one("passage")) and not with_passage:
        lines.append(f"passage: none, since {passage} doesn't hold texts only")
    return [*lines, *([f"not used: {', '.join(others)}"] if others else [])]


def _word(kind: str, count: int) -> str:
    one, several = _WORDS.get(AnswerType(kind), (kind, kind)) if kind in set(AnswerType) else (kind, kind)
    return one if count == 1 else several


def _roles(file: File, with_passage: bool) -> list[str]:
    """Which columns were taken that aren't called as what they hold."""
    told_of = []
    for role in ("question", "answer", "choices", "passage", "group", "cluster", "kind"):
        columns = file.columns.taken.get(role)
        if columns and columns != (role,):
            if role == "passage" and not with_passage:
                continue
            told_of.append(f"{role}: {'+'.join(columns)}")
        elif role == "passage" and columns and with_passage:
            told_of.append("each with its passage")
    if file.columns.shuffled:
        told_of.append(
            f"options in an order drawn for each question, since {file.columns.one('choices')} is the right one"
        )
    return [", ".join(told_of)] if told_of else []


def repeated(file: File, asked: Sequence[tuple[str, tuple[str, ...]]], golds: Sequence[str]) -> list[str]:
    """What is told of questions that stand in a file several times: they are asked as often."""
    first: dict[Any, int] = {}
    again: list[tuple[int, int]] = []
    for place, question in enumerate(asked):
        if question in first:
            again.append((place, first[question]))
        else:
            first[question] = place
    if not again:
        return []
    differ = [pair for pair in again if golds[pair[0]] != golds[pair[1]]]
    place, before = (differ or again)[0]
    which = f"{file.line(place)} as {file.line(before)}"
    other = f", {len(differ):,} with another answer" if differ else ""
    return [f"{len(again):,} duplicate{'s' * (len(again) != 1)} ({which}{other}; kept)"]
