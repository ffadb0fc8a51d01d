"""What a trainer hands to a reward: completions as texts, and columns with a value for each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotbench.errors import UsageError

Message = Mapping[str, Any]
Completions = Sequence[str] | Sequence[Sequence[Message]]
Rewards = list[float | None]
Reward = Callable[..., Rewards]

_THOUGHTS = ("reasoning_content", "thinking", "reasoning")  # where a parsed message has its thought


def text_of(completion: str | Sequence[Message]) -> str:
    """A completion as one text: of a chat, its last message of the assistant's, its thought before it in <think> marks.

    A chat without such a message (a call of a tool, say) is the empty text."""
    if isinstance(completion, str):
        return completion
    said = [message for message in completion if message.get("role", "assistant") == "assistant"]
    if not said:
        return ""
    text = _content(said[-1].get("content"))
    thought = next((said[-1][name] for name in _THOUGHTS if said[-1].get(name)), "")
    return f"<think>{thought}</think>{text}" if thought else text


def _content(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(part.get("text") or "" for part in content)  # a list of parts, of which some are pictures


def texts_of(completions: Completions) -> list[str]:
    """All completions as texts. Raises UsageError, with its place, for one that is neither a text nor a chat."""
    texts = []
    each: Sequence[str | Sequence[Message]] = completions
    for number, completion in enumerate(each):
        try:
            texts.append(text_of(completion))
        except (TypeError, AttributeError):
            raise UsageError(
                f"completion {number} is {completion!r:.60}, expected a text, or a chat: a list of messages.",
                "Decode it first: tokenizer.decode(ids).",
            ) from None
    return texts


def numbered(reward: str, **settings: object) -> None:
    """Check settings that are numbers. Raises UsageError for one that is none, or isn't finite."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{reward}: {name} is {value!r:.40}, expected a number.", f"As in {reward}({name}=64).")


def counted(reward: str, **settings: object) -> None:
    """Check settings that are whole numbers. Raises UsageError for one that is none."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int):
            found = f"{reward}: {name} is {value!r:.40}, expected a whole number."
            raise UsageError(found, f"As in {reward}({name}=64).")


def tokens_of(columns: Mapping[str, Any], count: int) -> Sequence[Any] | None:
    """The column `completion_ids`, None where there is none. Raises UsageError where a value of it is no list."""
    ids = column(columns, "completion_ids", count)
    for number, each in enumerate(ids or ()):
        if not hasattr(each, "__len__") or isinstance(each, str):
            found = f"completion_ids: value {number} is {each!r:.40}, expected a list of tokens."
            raise UsageError(found, "TRL's trainers hand it to every reward.")
    return ids


def column(columns: Mapping[str, Any], name: str, count: int) -> Sequence[Any] | None:
    """A column by name, None where there is none. Raises UsageError where it hasn't a value for each completion."""
    values = columns.get(name)
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UsageError(
            f"{name} is {values!r:.60}, expected a list with a value for each of {count} completions.",
            f"Give {name} as a column of the data set.",
        )
    if len(values) != count:
        raise UsageError(
            f"{name} has {len(values)} values for {count} completions.", "A column has a value for each completion."
        )
    return values


GOLD = ("solution", "answer", "gold")  # columns that may hold what is right


def gold_column(columns: Mapping[str, Any], name: str | None, count: int) -> Sequence[Any]:
    """The column of what is right: the named one, or the only one of `GOLD` that is there.

    Raises UsageError where there is none, or more than one."""
    there = [name] if name else [each for each in GOLD if columns.get(each) is not None]
    if len(there) > 1:
        raise UsageError(
            f"the columns {' and '.join(there)} may both hold what is right.",
            f'Say which one does: column="{there[-1]}", as in accuracy(column="{there[-1]}").',
        )
    values = column(columns, there[0], count) if there else None
    if values is None:
        wanted = name or ", ".join(GOLD)
        found = ", ".join(sorted(each for each, value in columns.items() if isinstance(value, list))) or "none"
        raise UsageError(
            f"no column says what is right: expected {wanted}, found {found}.",
            'Name the column that does: accuracy(column="NAME").',
        )
    return values


def lengths_of(completions: Completions, columns: Mapping[str, Any]) -> list[int]:
    """How long completions are: in tokens where the trainer says which (`completion_ids`), else in characters."""
    ids = tokens_of(columns, len(completions))
    return [len(each) for each in (ids if ids is not None else texts_of(completions))]


def token_lengths(completions: Completions, columns: Mapping[str, Any], reward: str) -> list[int]:
    """How many tokens completions have. Raises UsageError where the trainer doesn't say (`completion_ids`)."""
    ids = tokens_of(columns, len(completions))
    if ids is None:
        raise UsageError(
            f"{reward} counts tokens, and there is no completion_ids.", "TRL's trainers hand it to every reward."
        )
    return [len(each) for each in ids]
