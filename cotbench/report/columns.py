"""What a section of a report is made of, and the columns that several tables have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cotbench.report import words
from cotbench.report.words import count


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of texts.

    key: its anchor, by which plots name the section they belong to. left: how many first columns are names; the others
    are figures. about: the legend that stands below, "" for none. brief: whether the terminal shows it unasked.
    """

    key: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    about: str = ""
    brief: bool = True


Row = TypeVar("Row")
Column = tuple[str, Callable[[Row], str]]  # its title, and its cell for a row


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """What a section is made of. names: the columns at the left, of which the first is the model's."""

    title: str
    rows: Sequence[Row]
    names: Sequence[Column[Row]]
    figures: Sequence[Column[Row]] = ()
    about: str = ""
    brief: bool = True


TASK: Sequence[Column[Any]] = (("model", lambda r: words.short_model(r.model)), ("task", lambda r: r.task))
MODE: Sequence[Column[Any]] = (*TASK, ("mode", lambda r: r.mode))
PAIR: Sequence[Column[Any]] = (*TASK, ("mode", lambda r: f"{r.mode} − {r.baseline}"))
N: Column[Any] = ("n", lambda r: count(r.n))
