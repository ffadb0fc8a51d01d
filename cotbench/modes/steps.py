"""What a mode may ask for while it runs: completions, programs to be run, answers to be compared.

A mode is a generator of steps. Each step is answered with one result for each of its items, in their order. The
helpers below are used with `yield from`, so that a mode reads like the method it is. What answers a step is a station
(`runs/stations.py`)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from cotbench.types import Completion, Execution, Passage, Prediction, Program, Question, Request


@dataclass(frozen=True, slots=True)
class Generate:
    """A step that wants replies to requests, all at once; each result is a tuple of the request's n paths."""

    items: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Continue:
    """A step that wants replies gone on with, each from the `begun` of its request; each result is a tuple of one path,
    or empty where a run that is over doesn't have it. judging: whether they are a judge's, and not answers."""

    items: tuple[Request, ...]
    judging: bool = False


@dataclass(frozen=True, slots=True)
class Consult:
    """A step that wants replies of the second model, all at once; each result is a tuple of the request's n paths."""

    items: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Execute:
    """A step that wants programs run; each result is an Execution."""

    items: tuple[Program, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A step that wants to know which pairs of answers are equal by the rules of grading; each result is a bool."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A text, and the passages among which those that are nearest to it are wanted. most: how many of them."""

    text: str
    among: tuple[Passage, ...]
    most: int


class Found(NamedTuple):
    """A passage that is shown. score: how near it is to what was searched for; None where nothing was."""

    passage: Passage
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Retrieve:
    """A step that wants passages found; each result is a tuple of `Found`, the nearest first."""

    items: tuple[Search, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A step that wants to know where the tokens of texts end; each result is a tuple of places in the text, the last
    of which is its end. They are the model's tokens where the engine has its tokenizer, else words with the white space
    before them. Over replies on record, where nobody knows them, it is empty."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Borrow:
    """A step that wants the reply to a request of another question, which is generated once for both; each result is a
    tuple of the request's n paths, empty over replies on record: what was made of it there is in the replies to it."""

    items: tuple[tuple[Question, Request], ...]


Paths = tuple[Completion, ...]


class Step(Protocol):
    """What a mode yields: `items` are the things it asks for, each of which gets one result."""

    @property
    def items(self) -> tuple[Any, ...]:
        """What is asked for."""


Flow = Generator[Step, Any, Prediction]


def generate(*requests: Request) -> Generator[Step, Any, Sequence[Paths]]:
    """Ask for replies to several requests at once; their paths, a tuple for each request."""
    paths: Sequence[Paths] = (yield Generate(requests)) if requests else ()
    return paths


def consult(*requests: Request) -> Generator[Step, Any, Sequence[Paths]]:
    """Ask the second model for replies to several requests at once; their paths, a tuple for each request."""
    paths: Sequence[Paths] = (yield Consult(requests)) if requests else ()
    return paths


def execute(*programs: Program) -> Generator[Step, Any, Sequence[Execution]]:
    """Have programs run; yields no step where there are none."""
    executions: Sequence[Execution] = (yield Execute(programs)) if programs else ()
    return executions


def retrieve(*searches: Search) -> Generator[Step, Any, Sequence[tuple[Found, ...]]]:
    """Have passages found; yields no step where nothing is searched for."""
    found: Sequence[tuple[Found, ...]] = (yield Retrieve(searches)) if searches else ()
    return found


def compare(pairs: Sequence[tuple[str, str]]) -> Generator[Step, Any, Sequence[bool]]:
    """Have pairs of answers compared; yields no step where there are none."""
    equal: Sequence[bool] = (yield Compare(tuple(pairs))) if pairs else ()
    return equal


def token_ends(*texts: str) -> Generator[Step, Any, Sequence[tuple[int, ...]]]:
    """Ask where the tokens of texts end."""
    ends: Sequence[tuple[int, ...]] = (yield Tokens(texts)) if texts else ()
    return ends


def borrow(question: Question, request: Request) -> Generator[Step, Any, Paths]:
    """Ask for the reply to another question's request."""
    [paths] = yield Borrow(((question, request),))
    return paths  # type: ignore[no-any-return]
