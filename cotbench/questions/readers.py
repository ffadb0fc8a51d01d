r"""Readers of rows: how a task file says where a question, its options, its gold and its labels stand in a row.

A task file holds no code. Where a column holds just what is wanted, its name is enough; where it doesn't, a mapping
says what to do with it, in this order:

    column    which column, or a part of one that holds an object: `choices.text`
    after     what stands behind the last match of this pattern, all of it where there is none
    before    what stands before the first match of this pattern, all of it where there is none
    drop      every match of this pattern is left out
    named     what it is called: patterns and names, of which the first counts whose pattern is found in it
    say       words around it, which stands where "{}" is; without a column, just these words
    count     true: how many things the list holds that stands there, instead of what stands there
    join      what stands between the texts of a list that stands there
    optional  true: in some rows nothing stands there, and the question does without it (a passage that only some have)

A part of a column is named with points: `choices.text`, also where `choices` is a list of objects, each with a `text`.
Of a cluster, there may be several of these: questions for which all of them are the same, in any order, belong
together.

Options (`fields.choices`) are a column that holds a list, or a mapping:

    column    a column that holds a list, an object (label: option), or a text that holds one
    columns   a column for each option
    words     the options themselves, the same for all questions
    labels    what the options are called in the data, where that isn't A, B, C: a column, or a list of labels
    each      the options stand in a text: each match of this pattern is one, its first group what it says
    after     they stand behind the last match of this pattern
    drop      left out of each option: "(A) "
    shuffle   true: they are asked in an order drawn for each question, always the same one, since in the data the right
              one always stands in the same place

Where a list or the last columns end with nothing, the question has fewer options. A text may also hold an object, as
JSON or Python writes it. Numbers that a table keeps as 1.0 are the index, or the label, 1.

Patterns are Python's regular expressions, in which "." doesn't match a line's end and "^" is the beginning of a line.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.questions.golds import number_in
from cotbench.types import LETTERS, AnswerType, unit

MISSING = object()


STRICT = ConfigDict(extra="forbid", frozen=True)  # of what a task file holds


class _Strict(BaseModel):
    model_config = STRICT


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


class Text(_Strict):
    """Where a text stands in a row; the module's docstring says what its keys mean."""

    column: str | None = None
    after: str | None = None
    before: str | None = None
    drop: str | None = None
    named: dict[str, str] = {}
    say: str | None = None
    count: bool = False
    join: str | None = None
    optional: bool = False

    @field_validator("after", "before", "drop")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            _compiled(value)
        return value

    @field_validator("named")
    @classmethod
    def _patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for pattern in value:
            _compiled(pattern)
        return value

    @model_validator(mode="after")
    def _something(self) -> Text:
        if self.count and (self.column is None or self.after or self.before or self.drop or self.join is not None):
            raise ValueError("'count' is of a 'column' that holds a list, as it stands there")
        if self.join is not None and self.column is None:
            raise ValueError("'join' is of a 'column' that holds a list of texts")
        if self.optional and self.column is None:
            raise ValueError("'optional' is of a 'column' in which some rows have nothing")
        if self.column is None and (self.say is None or self.after or self.before or self.drop or self.named):
            raise ValueError("give the 'column' that it is in, or only words to 'say'")
        if self.column is not None and self.say is not None and "{}" not in self.say:
            raise ValueError("'say' has no {} in the place of what the column holds")
        return self

    @property
    def of(self) -> str:
        """What it is called in a message."""
        return self.column or "say"

    @property
    def is_plain(self) -> bool:
        """Whether it is what stands in the column, as it stands there."""
        return self.model_fields_set <= {"column"} or self == Text(column=self.column)

    def text(self, value: Any) -> str:
        """The text that the column's value is, or how many things it holds. Raises ValueError."""
        if self.join is not None and isinstance(value, list):
            return self.join.replace("\\n", "\n").join(map(plain_text, value))
        if not self.count:
            return plain_text(value)
        if not isinstance(value, list):
            raise ValueError(f"{value!r:.80}, of which there is nothing to count")
        return str(len(value))

    def taken(self, text: str) -> str:
        """What is taken of the text of the column."""
        if self.after is not None and (found := list(_compiled(self.after).finditer(text))):
            text = text[found[-1].end() :]
        if self.before is not None and (first := _compiled(self.before).search(text)):
            text = text[: first.start()]
        if self.drop is not None:
            text = _compiled(self.drop).sub("", text)
        text = text.strip()
        text = next((name for pattern, name in self.named.items() if _compiled(pattern).search(text)), text)
        return text if self.say is None else self.say.replace("{}", text)


def _column(value: Any) -> Any:
    """A column's name is enough where it holds just what is wanted."""
    return {"column": value} if isinstance(value, str) else value


def _words(value: Any) -> Any:
    """Numbers in a list of words are words, too: YAML reads 1 as a number."""
    whole = isinstance(value, list)
    return [str(one) if whole and type(one) is int else one for one in value] if whole else value


def _labels(value: Any) -> Any:
    value = _words(value)
    if (
        isinstance(value, list)
        and (other := next((one for one in value if not isinstance(one, str)), None)) is not None
    ):
        raise ValueError(f"Input should be a column's name or a list of texts: {in_quotes(other)}")
    return value


def in_quotes(value: Any) -> str:
    """What to do where YAML reads something else than a text."""
    words = "yes, on and true" if value is True else "no, off and false" if value is False else ""
    return "put it in quotes" + (f" (YAML takes {words} without them for {str(value).lower()})" if words else "")


Where = Annotated[Text, BeforeValidator(_column)]
Several = Annotated[list[Where], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


class Choices(_Strict):
    """Where the options of a question stand in a row; the module's docstring says what its keys mean."""

    column: str | None = None
    columns: list[str] = []
    words: Annotated[list[str], BeforeValidator(_words)] = []
    labels: Annotated[str | list[str] | None, BeforeValidator(_labels)] = None
    each: str | None = None
    after: str | None = None
    drop: str | None = None
    shuffle: bool = False

    @field_validator("each", "after", "drop")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            _compiled(value)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Choices:
        if sum(map(bool, (self.column, self.columns, self.words))) != 1:
            raise ValueError("give one of 'column', 'columns' and 'words'")
        if self.each is not None and _compiled(self.each).groups < 1:
            raise ValueError("'each' has no group for what an option says")
        if self.after is not None and self.each is None:
            raise ValueError("'after' is for options that stand in a text: give 'each', too")
        if self.shuffle and self.words:
            raise ValueError("'shuffle' is for options that differ between questions, not for 'words'")
        return self

    @property
    def of(self) -> str:
        """What they are called in a message."""
        return self.column or ", ".join(self.columns) or "words"

    def taken(self, row: Mapping[str, Any]) -> list[Any]:
        """The options of a row, as they stand there. Raises ValueError, which says what was found instead."""
        if self.words:
            return list(self.words)
        if self.columns:
            found = [(name, value_of(row, name)) for name in self.columns]
            while len(found) > 2 and found[-1][1] is MISSING:
                found.pop()
            if absent := [name for name, value in found if value is MISSING]:
                raise ValueError(f"no value in the column '{absent[0]}'")
            options = [value for _, value in found]
        else:
            options = self._in_column(row)
            if isinstance(options, Mapping) and self.labels is None:  # an object: what the options are called, and say
                options = [option for option in options.values() if option is not None]
        if not isinstance(options, list):
            raise ValueError(f"{'nothing' if options is MISSING else repr(options):.80}")
        while options and options[-1] is None:
            options = options[:-1]
        drop = _compiled(self.drop) if self.drop is not None else None
        return [drop.sub("", one) if drop is not None and isinstance(one, str) else one for one in options]

    def _in_column(self, row: Mapping[str, Any]) -> Any:
        """What the column of the options holds, of a text what stands in it."""
        value = MISSING if self.column is None else value_of(row, self.column)
        return self.taken_of(value) if isinstance(value, str) else value

    def taken_of(self, text: str) -> Any:
        """The options that stand in a text: by a pattern, else a list as Python or JSON writes it."""
        if self.each is not None:
            if self.after is not None and (found := list(_compiled(self.after).finditer(text))):
                text = text[found[-1].end() :]
            return [match[1] for match in _compiled(self.each).finditer(text)]
        return of_text(text)

    def called(self, row: Mapping[str, Any], count: int) -> Sequence[str]:
        """What the options are called in the data. Raises ValueError."""
        labels = value_of(row, self.labels) if isinstance(self.labels, str) else self.labels
        options = self._in_column(row) if labels is None else None
        if isinstance(options, Mapping):
            labels = [label for label, option in options.items() if option is not None]
        if labels is None:
            return list(LETTERS[:count])
        if isinstance(self.labels, list) and len(self.labels) > count and not self.each and not self.words:
            labels = self.labels[:count]  # the last options have nothing in this row
        if not isinstance(labels, list) or len(labels) != count:
            raise ValueError(f"{count} options with the labels {'nothing' if labels is MISSING else repr(labels):.80}")
        return [_whole(label) for label in labels]

    def drawn(self, text: str, choices: Sequence[str]) -> list[int]:
        """The places of a question's options in the order in which they are asked.

        The order depends on the question and what its options say, and not on how the data order them."""
        places = range(len(choices))
        return sorted(places, key=lambda at: unit(0, "options", text, choices[at])) if self.shuffle else list(places)


Options = Annotated[Choices, BeforeValidator(_column)]

_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_OF_NUMPY = re.compile(rf"\[\s*{_QUOTED}(?:\s+{_QUOTED})+\s*\]", re.S)  # a list without commas, as NumPy shows it
_ARRAY = re.compile(r"array\((\[.*?\])\s*(?:,\s*dtype=\w+)?\)", re.S)


def of_text(text: str) -> Any:
    """What a text holds, as JSON, Python or NumPy write it: a list, an object; the text itself where it holds none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if _OF_NUMPY.fullmatch(text.strip()):  # Python would make one text of all of them
        return [ast.literal_eval(token) for token in re.findall(_QUOTED, text)]
    for written in (text, _ARRAY.sub(r"\1", text)):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(written)
    return text


def as_list(value: Any) -> Any:
    """A list, also where it is written in a text; anything else as it is."""
    found = of_text(value) if isinstance(value, str) and value.strip().startswith("[") else value
    return found if isinstance(found, list) else value


def has_options(where: Choices, row: Mapping[str, Any]) -> bool:
    """Whether there is anything in a row where its options stand."""
    if where.words:
        return True
    values = [value_of(row, name) for name in where.columns or [where.column or ""]]
    return any(value is not MISSING and value not in ("", [], {}) for value in values)


class Passages(_Strict):
    """Where passages stand in a row that may help to answer its question: three columns that hold lists.

    titles, texts: of each passage; a text may be a list of sentences. supporting: the titles of those that the answer
    rests on, once or several times; or true and false, for each passage."""

    titles: str
    texts: str
    supporting: str

    def taken(self, row: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
        """Title, text and whether the answer rests on it, of each passage. Raises ValueError."""
        places = (self.titles, self.texts, self.supporting)
        titles, texts, supporting = (value_of(row, name) for name in places)
        for name, value in zip(places, (titles, texts, supporting), strict=True):
            if not isinstance(value, list):
                raise ValueError(f"fields.passages ({name}) is {kind_of_value(value)}, expected a list")
        if len(titles) != len(texts):
            raise ValueError(f"fields.passages: {len(titles)} titles and {len(texts)} texts")
        whole: list[str] = []
        for number, text in enumerate(texts, 1):
            try:
                whole.append("".join(map(plain_text, text)) if isinstance(text, list) else plain_text(text))
            except ValueError as error:
                raise ValueError(
                    f"fields.passages ({self.texts}), passage {number}, is {error}, expected a text"
                ) from None
        named = ["" if title is None else str(title) for title in titles]
        return list(zip(named, whole, self._flags(named, supporting), strict=True))

    def _flags(self, titles: Sequence[str], supporting: Sequence[Any]) -> list[bool]:
        """Whether the answer rests on each passage. Raises ValueError."""
        rests_on = set(map(str, supporting))
        as_flags = [
            flag for flag in supporting if isinstance(flag, bool) or (flag in (0, 1) and str(flag) not in titles)
        ]
        if not as_flags:
            return [title in rests_on for title in titles]
        if len(as_flags) != len(titles) or len(supporting) != len(titles):
            found = f"fields.passages ({self.supporting}) is {list(supporting)!r:.60}"
            raise ValueError(f"{found}, expected titles, or true or false for each of {len(titles)} passages")
        return list(map(bool, as_flags))


def value_of(row: Mapping[str, Any], path: str) -> Any:
    """The value of a column, or of a part of one ("choices.text"); MISSING where there is none, or nothing in it."""
    value: Any = row.get(path, MISSING)
    if value is MISSING and "." in path:
        value = row
        for part in path.split("."):
            if isinstance(value, list) and all(isinstance(one, Mapping) and part in one for one in value):
                value = [one[part] for one in value]
            else:
                value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
    return MISSING if value is None else value


def has_column(row: Mapping[str, Any], path: str) -> bool:
    """Whether a row has a column, or a part of one, with anything in it or nothing."""
    return path in row or value_of(row, path) is not MISSING


def plain_text(value: Any) -> str:
    """A text, or a number as its digits. Raises ValueError for anything else: it would stand in the prompt as Python
    writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    raise ValueError(f"{kind_of_value(value)} ({value!r:.80})")


def kind_of_value(value: Any) -> str:
    """What a value is, in words."""
    if value is MISSING:
        return "nothing"
    kind = {bool: "true or false", list: "a list", dict: "an object", str: "a text", type(None): "nothing"}
    return kind.get(type(value), f"a {type(value).__name__}")


def _whole(value: Any) -> str:
    """A text, or a number as its digits: tables keep 1 as 1.0 where other rows have nothing."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# --- gold ---------------------------------------------------------------------------------------------------------


def _hashes(value: Any, _: Sequence[str]) -> str:
    """GSM8K: the number behind '####' at the end of the worked answer; thousands commas removed."""
    head, mark, tail = str(value).rpartition("####")
    number = canonical_number(tail.strip()) if mark else None
    if number is None or not head:
        raise ValueError("no number behind '####'")
    return number


def _boxed(value: Any, _: Sequence[str]) -> str:
    r"""MATH: the content of the last \boxed{..} or \fbox{..} of the worked solution (90 of 5,000 have several)."""
    spans = boxed_spans(str(value))
    content = str(value)[slice(*spans[-1])].strip() if spans else ""
    if not content:
        raise ValueError(r"no \boxed{..} with something in it")
    return content


def _number(value: Any, _: Sequence[str]) -> str:
    """A number, by itself, before its unit ("12 km") or behind "####"; thousands commas removed."""
    number = number_in(value)
    if number is None:
        raise ValueError(f"{value!r:.60}, which isn't a number")
    return number


def _place(value: Any, choices: Sequence[str]) -> str:
    """The number of the right option, counted from 1."""
    whole = _whole(value).strip()
    if isinstance(value, bool) or not whole.isdecimal() or not 1 <= int(whole) <= len(choices):
        raise ValueError(f"{value!r} is not the number of one of {len(choices)} choices, counted from 1")
    return LETTERS[int(whole) - 1]


def _index(value: Any, choices: Sequence[str]) -> str:
    if (isinstance(value, str) and value.strip().isdecimal()) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(choices):
        raise ValueError(f"{value!r} is not the index of one of {len(choices)} choices")
    return LETTERS[value]


def _indices(value: Any, choices: Sequence[str]) -> str:
    """AGIEval: a list of the indices of all right options; or of their letters."""
    value = as_list(value)
    if not isinstance(value, list) or not value or len(set(map(str, value))) < len(value):
        raise ValueError(f"{value!r:.60}, expected a list of different indices")
    letters = all(isinstance(one, str) and not one.strip().isdecimal() for one in value)
    return "".join(sorted((_letter if letters else _index)(one, choices) for one in value))


def _flags(value: Any, choices: Sequence[str]) -> str:
    """A list with true or 1 for each right option, and false or 0 for each other one."""
    value = as_list(value)
    if not isinstance(value, list) or len(value) != len(choices) or any(flag not in (0, 1) for flag in value):
        raise ValueError(f"{value!r:.60}, expected true or false for each of {len(choices)} choices")
    if not any(value):
        raise ValueError(f"{value!r:.60}: none of the options is right")
    return "".join(letter for letter, flag in zip(LETTERS, value, strict=False) if flag)


def _letter(value: Any, choices: Sequence[str]) -> str:
    text = str(value).strip()
    letter = text.strip("().").upper()
    if len(letter) == 1 and letter in LETTERS[: len(choices)]:
        return letter
    if list(choices).count(text) == 1:
        return LETTERS[list(choices).index(text)]
    said, options = _alike(text), list(map(_alike, choices))
    if options.count(said) == 1:  # in other capitals, with other spaces
        return LETTERS[options.index(said)]
    labelled = re.match(r"\(?([A-Za-z])[).:]\s*(.+)", text, re.S)  # "B) Paris"
    if labelled and labelled[1].upper() in LETTERS[: len(choices)]:
        letter = labelled[1].upper()
        if options[LETTERS.index(letter)] == _alike(labelled[2]):
            return letter
    raise ValueError(f"{value!r} is neither the letter nor the text of one of {len(choices)} choices")


def _alike(text: str) -> str:
    """A text without what option and gold may differ in."""
    return " ".join(text.split()).casefold()


def _plain(value: Any, _: Sequence[str]) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r:.60}, which is neither a text nor a number")
    text = str(value).strip()
    if not text:
        raise ValueError("the gold answer is empty")
    return text


def _any_of(value: Any, _: Sequence[str]) -> str:
    """Several right answers, of which any will do: a list of texts, or one. They become the lines of the gold."""
    several = value if isinstance(value, list) else [value]
    lines = [" ".join(_plain(one, ()).split()) for one in several]
    if not lines:
        raise ValueError("an empty list of gold answers")
    return "\n".join(dict.fromkeys(lines))


_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


def _boolean(value: Any, _: Sequence[str]) -> str:
    """true or false, "Yes" or "no", 1 or 0."""
    text = str(value).strip().casefold()
    if text not in _TRUE | _FALSE:
        raise ValueError(f"{value!r:.60}, which is neither yes nor no")
    return "yes" if text in _TRUE else "no"


def _label(value: Any, _: Sequence[str], labels: Sequence[str] = ()) -> str:
    """What the right option is called in the data."""
    label = str(value).strip()
    if label not in labels:
        label = label.removesuffix(".0")
    if isinstance(value, bool) or list(labels).count(label) != 1:
        raise ValueError(f"{value!r:.60}, which is not one of the labels {', '.join(labels)}")
    return LETTERS[list(labels).index(label)]


GOLD_READERS: dict[str, Callable[[Any, Sequence[str]], str]] = {
    "hashes": _hashes,
    "boxed": _boxed,
    "index": _index,
    "place": _place,
    "indices": _indices,
    "flags": _flags,
    "letter": _letter,
    "label": _label,
    "number": _number,
    "plain": _plain,
    "any_of": _any_of,
    "boolean": _boolean,
}
PLACES = frozenset({"index", "place", "letter", "label"})  # read which of the options is right
OF_OPTIONS = PLACES | {"indices", "flags"}  # say something only where there are options
AS_IT_IS = frozenset({"index", "place", "indices", "flags", "any_of", "boolean"})  # say themselves what they expect


def gold_readers() -> dict[str, Callable[[Any, Sequence[str]], str]]:
    """Return all readers of gold by name: those of all tasks, and those that kinds of answers have of their own."""
    own = {name: read for kind in KINDS.values() for name, read in kind.gold_readers.items()}
    return {**GOLD_READERS, **own}


def read_gold(reader: str, kind: str, value: Any, choices: Sequence[str], labels: Sequence[str]) -> str:
    """Read a gold in the form in which it is compared. Raises ValueError, whose text says what was found instead.

    labels: what the options are called in the data. Where options are words and the data name a letter or a place, the
    gold is the word."""
    row = KINDS[kind]
    gold = _label(value, choices, labels) if reader == "label" else gold_readers()[reader](value, choices)
    if reader in PLACES and row.has_choices and not row.lettered:
        gold = choices[LETTERS.index(gold)]
    gold = row.task_gold(gold, choices)
    if kind == AnswerType.LETTER and gold not in list(LETTERS[: len(choices)]):
        if len(gold) > 1 and set(gold) <= set(LETTERS[: len(choices)]) and reader in ("indices", "flags"):
            raise ValueError(
                f"{len(gold)} right options ({gold}), of which the answer.type 'letters' would ask for all"
            )
        raise ValueError(f"{gold!r:.60}, expected a letter from A to {LETTERS[len(choices) - 1]}")
    return gold
