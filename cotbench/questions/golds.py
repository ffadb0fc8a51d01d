"""Golds as people write them -> the kind of their answers, and the gold reader that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cotbench.answers.reading import boxed_spans, canonical_number
from cotbench.types import AnswerType

_FORMULA = re.compile(
    r"""\\[a-zA-Z]+ | \^ | _\{ | \$[^$]+\$   # LaTeX
      | ^[(\[{].*[)\]}]$                     # a tuple, an interval, a set
      | [\d)}\]]\s*[+*=<>]\s*[\w({\[]
      | [\d)}\]]\s*[-/]\s*(?:[a-z]\b|\()    # 2-x, 1/(n+1); neither 24-hour nor 12/25
      | \b\d*[a-z]\s*[-+*/=<>]\s*(?:\d|[a-z]\b|\()
    """,
    re.X,
)
EACH = "each"  # of --kind: each question is of its own kind


class Reading(NamedTuple):
    """How golds are read: the kind of answers, and the gold reader."""

    kind: str
    reader: str


def is_formula(answer: Any) -> bool:
    """Whether an answer looks like mathematics."""
    return isinstance(answer, str) and _FORMULA.search(answer.strip()) is not None


def is_truth(answer: Any) -> bool:
    """Whether an answer is yes or no."""
    return isinstance(answer, bool) or (
        isinstance(answer, str) and answer.strip().casefold() in ("yes", "no", "true", "false")
    )


def is_number(answer: Any) -> bool:
    """Whether an answer is a number and nothing else."""
    return canonical_number(str(answer)) is not None


# Behind a number: a unit, which is no part of it. Words that are: of scales, of months (a date).
_UNIT = re.compile(
    r"(?P<number>[-+−]?\s?[$€£¥]?\s?\d[\d.,\s/]*?)"
    r"(?:\s?(?:%|°[CF]?|[$€£¥]|km|kg|cm|mm|ml|mg|[mgls]|min|hrs?|ft|mph)|\s[^\W\d][\w²³°/%.-]*(?:\s[^\W\d][\w²³/-]*){0,2})\.?"
)
_NOT_UNITS = re.compile(
    r"\b(?:thousand|million|billion|trillion|hundred|dozen|k|bn|mn|half|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    r"|january|february|march|april|june|july|august|september|october|november|december|am|pm|and|or|to|bc|ad)\b",
    re.I,
)


def number_in(value: Any) -> str | None:
    """The number that a gold is: by itself, behind "####", or before its unit; None where it is none."""
    text = str(value).strip().removesuffix(".")
    if "####" in text:
        text = text.rpartition("####")[2].strip()
    if (plain := canonical_number(text)) is not None or isinstance(value, bool):
        return None if isinstance(value, bool) else plain
    match = _UNIT.fullmatch(text) if len(text) < 60 else None
    if match is None or _NOT_UNITS.search(text):
        return None
    return canonical_number(match["number"].strip())


def _marked(value: Any) -> bool:
    """Whether a number stands behind "####" at the end of a text."""
    head, mark, tail = str(value).rpartition("####")
    return bool(mark and head) and canonical_number(tail.strip()) is not None


def _boxed(value: Any) -> bool:
    return isinstance(value, str) and bool(boxed_spans(value))


def reading_of_all(values: Sequence[Any]) -> Reading:
    """The one kind of golds without options. Where they are of several kinds, they are formulas if any is one, else
    texts."""
    kinds: tuple[tuple[Callable[[Any], bool], Reading], ...] = (
        (is_number, Reading(AnswerType.NUMBER, "plain")),
        (_marked, Reading(AnswerType.NUMBER, "hashes")),
        (is_truth, Reading(AnswerType.BOOLEAN, "boolean")),
        (_boxed, Reading(AnswerType.LATEX, "boxed")),
    )
    for fits, reading in kinds:
        if values and all(map(fits, values)):
            return reading
    if values and all("####" in str(value) or is_number(value) for value in values) and _all_numbers(values):
        return Reading(AnswerType.NUMBER, "number")
    if any(map(is_formula, values)):
        return Reading(AnswerType.LATEX, "plain")
    if values and _all_numbers(values):
        return Reading(AnswerType.NUMBER, "number")
    return Reading(AnswerType.TEXT, "any_of")


def _all_numbers(values: Sequence[Any]) -> bool:
    return all(number_in(value) is not None for value in values)


def kind_of_gold(value: Any) -> str:
    """The kind of one gold without options, by itself."""
    if number_in(value) is not None:
        return AnswerType.NUMBER
    if is_truth(value):
        return AnswerType.BOOLEAN
    return AnswerType.LATEX if is_formula(value) else AnswerType.TEXT


def reading_as(kind: str, values: Sequence[Any]) -> Reading:
    """How golds are read as those of a kind that is named."""
    if kind in (AnswerType.NUMBER, AnswerType.NUMBER_OR_NONE, AnswerType.DECIMAL):
        plain = all(map(is_number, values)) or kind == AnswerType.NUMBER_OR_NONE
        marked = bool(values) and all(map(_marked, values))
        return Reading(kind, "plain" if plain else "hashes" if marked else "number")
    if kind == AnswerType.LATEX:
        return Reading(kind, "boxed" if values and all(map(_boxed, values)) else "plain")
    return Reading(kind, {AnswerType.BOOLEAN: "boolean", AnswerType.TEXT: "any_of"}.get(kind, "plain"))  # type: ignore[call-overload]


READERS_OF_EACH: Mapping[str, str] = {
    AnswerType.NUMBER: "number",
    AnswerType.BOOLEAN: "boolean",
    AnswerType.LATEX: "plain",
    AnswerType.TEXT: "any_of",
}
