"""passages.jsonl: the passages that arms show before questions, so that a run's folder is complete without the data set
and without what found them. A run of which no arm shows any has no such file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from cotbench.store.files import write_atomically
from cotbench.store.lines import Whole, dump_line, read_lines

PASSAGES = "passages.jsonl"


class ShownPassage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A passage as it stands in a prompt. supports: whether the question's answer rests on it, as the data set says.
    score: how near a retrieved one is to the question; null where all of a kind are shown."""

    title: str
    text: str
    supports: bool
    score: float | None = None


class ShownPassages(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A line: what one question is shown with, in the prompt's order, under all arms of a context.

    context: its name, as `Context.name` has it. supporting: on how many passages the question's answer rests, shown or
    not."""

    question: str
    context: Annotated[str, Meta(min_length=1, description="a context's name")]
    supporting: Whole
    passages: tuple[ShownPassage, ...]


Shown = Mapping[tuple[str, str], ShownPassages]  # by question and context


def write_passages(folder: Path, shown: Iterable[ShownPassages]) -> None:
    """Replace what a run's arms show. Raises RunError."""
    write_atomically(folder / PASSAGES, map(dump_line, shown))


def read_passages(folder: Path) -> Shown:
    """Read what a run's arms show; {} where no file says it. Raises RunError for a file that no run would write."""
    path = folder / PASSAGES
    if not path.exists():
        return {}
    return {(row.question, row.context): row for row in read_lines(path, ShownPassages)}
