"""Lists as they are compared: words in order, whatever their case; or brackets in order."""

from __future__ import annotations

from cotbench.answers.reading.lists import BRACKETS


def brackets_of(text: str) -> list[str] | None:
    """The brackets of a text that holds nothing else but space; None for another one."""
    signs = "".join(text.split())
    return list(signs) if signs and set(signs) <= BRACKETS else None


def same_items(gold: str, answer: str) -> bool:
    """Whether two lists in canonical form, items with spaces between them, are the same."""
    one, other = brackets_of(gold), brackets_of(answer)
    if one is not None or other is not None:
        return one == other
    return gold.casefold().split() == answer.casefold().split()
