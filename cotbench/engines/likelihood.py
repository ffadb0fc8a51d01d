"""The probabilities of the options as the next token: which token stands for each letter, and what a reply says.

Behind a word or a colon ("Answer:") a letter is written with its space, as one token where the tokenizer has that
(" A"), which is how models write it; behind a space, a line's beginning or an opening bracket it is written alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from cotbench.engines.chat import ChatFormat
from cotbench.engines.thinking import tokens_within
from cotbench.types import Completion, Request

_OPENING = "([{<\"'“‘«$"


class OptionTokens:
    """The tokens of option letters behind what a request's reply is begun with. notes: the forms that were used, in
    words, for the manifest."""

    def __init__(self, chat: ChatFormat) -> None:
        self._tokenizer = chat.tokenizer
        self._plain = chat.kind == "none"
        self._found = lru_cache(1_024)(self._find)
        self._forms: dict[str, None] = {}

    def of(self, request: Request) -> tuple[int, ...]:
        """One token for each of a request's letters. Raises ValueError where the tokenizer has none."""
        begun = request.begun.text if request.begun is not None else ""
        # A plain text's last line is "Response:", and an open thought ends in a line of its own.
        form, ids = self._found(begun or ("Response:" if self._plain else ""), request.options)
        self._forms[form] = None
        return ids

    def _find(self, before: str, letters: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
        bare = before.rstrip("*_`")
        spaced = bool(bare) and not bare[-1].isspace() and bare[-1] not in _OPENING
        for space in (" ", "") if spaced else ("",):
            ids = [self._one(space + letter, before) for letter in letters]
            if None not in ids and len(set(ids)) == len(ids):
                form = f"option letters were taken as the token {space + letters[0]!r}"
                return form, tuple(token for token in ids if token is not None)
        raise ValueError(f"the tokenizer has no single token for each of the letters {', '.join(letters)}")

    def _one(self, text: str, before: str) -> int | None:
        ids = tokens_within(self._tokenizer, text, before)
        return ids[0] if len(ids) == 1 and self._decoded(ids).strip() == text.strip() else None

    def _decoded(self, ids: Sequence[int]) -> str:
        decode: Any = self._tokenizer.decode
        return str(decode(list(ids), skip_special_tokens=True))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._forms)


def likeliest(logs: Mapping[str, float], prompt_tokens: int | None = None) -> Completion:
    """What a reply says of letters whose probabilities (their natural logarithms) are known."""
    return Completion(
        text=max(logs, key=logs.__getitem__),  # of equal ones, the first
        finish_reason="stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=1,
        options=dict(logs),
    )
