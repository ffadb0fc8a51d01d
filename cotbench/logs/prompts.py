"""Prompts as tools keep them: their messages, and what of a prompt is the question where both stand together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from cotbench.types import Message

INFERRED = "the part of a prompt that differs from question to question"


_ROLES: dict[str, Literal["system", "assistant"]] = {
    "system": "system",
    "assistant": "assistant",
    "SYSTEM": "system",
    "BOT": "assistant",
}


def message(role: str, content: Any) -> Message:
    """A message as it was sent: its content is a text, or a list of parts of which the texts are taken."""
    if isinstance(content, list):
        texts = (one.get("text") if isinstance(one, dict) else one for one in content)
        content = "\n".join(text for text in texts if isinstance(text, str))
    text = content if isinstance(content, str) else "" if content is None else str(content)
    return Message(role=_ROLES.get(role, "user"), text=text)


class Frame(NamedTuple):
    """What stands before and behind the question in all prompts of a log: whole lines, or "" where they share none."""

    before: str = ""
    behind: str = ""

    def question(self, prompt: str) -> str:
        """The question in a prompt; the whole prompt where nothing else would be left."""
        end = len(prompt) - len(self.behind)
        inner = prompt[len(self.before) : end].strip()
        return inner if prompt.startswith(self.before) and prompt.endswith(self.behind) and inner else prompt.strip()


def frame_of(prompts: Iterable[str]) -> Frame:
    """What prompts have in common, cut back to whole lines, so that no question loses its first words to it."""
    before: str | None = None
    behind, several, first = "", False, ""
    for prompt in prompts:
        if before is None:
            before, behind, first = prompt, prompt[::-1], prompt
            continue
        several = several or prompt != first
        before = _shared(before, prompt)
        behind = _shared(behind, prompt[::-1])
    if before is None or not several:
        return Frame()
    ending = behind[::-1]
    cut = ending.find("\n")
    return Frame(before[: before.rfind("\n") + 1], ending[cut:] if cut >= 0 else "")


def _shared(one: str, other: str) -> str:
    """How two texts begin alike."""
    if other.startswith(one):
        return one
    low, high = 0, min(len(one), len(other)) + 1
    while high - low > 1:  # they are alike up to low, and not up to high
        middle = (low + high) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle)
    return one[:low]
