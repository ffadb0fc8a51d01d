"""Thoughts that a tool left standing in the text of a reply, between marks."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


def parted(text: str, *, opened: bool = False) -> tuple[str, str]:
    """The thought and what follows it. A thought begins the text with its mark, or by `opened` without one (many chat
    templates write the mark into the prompt); one that isn't closed stays where it is, as does a text without one."""
    head = text.lstrip()
    if head.startswith(_OPEN) and _CLOSE in head:
        thought, _, rest = head[len(_OPEN) :].partition(_CLOSE)
    elif opened and _CLOSE in text and _OPEN not in text:
        thought, _, rest = text.partition(_CLOSE)
    else:
        return "", text
    return thought.strip(), rest.lstrip("\n")
