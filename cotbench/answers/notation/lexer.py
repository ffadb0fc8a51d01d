"""LaTeX or plain text -> tokens, by an alphabet; and a cursor that a parser moves over them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class Token(NamedTuple):
    """A token. kind: what an alphabet tells apart (number, sign ...), or end; spaced: white space stands before it."""

    kind: str
    text: str
    spaced: bool = False


END = Token("end", "")
Read = Callable[[str, "re.Match[str]", list[Token]], "tuple[Iterable[tuple[str, str]], int]"]


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What a language is written with.

    pattern: its alternatives are named by kinds; `space` and those without a name only part tokens.
    read(kind, match, before): the tokens (kind, text) that a match is, none where it says nothing, and where they end.
    error: raised for what no alternative matches, and beyond `most` tokens.
    """

    pattern: re.Pattern[str]
    read: Read
    error: type[Exception]
    unknown: str
    most: int = 1_000_000

    def tokens(self, text: str) -> list[Token]:
        """The tokens of a text. Raises `error`."""
        tokens: list[Token] = []
        place, spaced = 0, False
        while place < len(text):
            match = self.pattern.match(text, place)
            if match is None:
                raise self.error(self.unknown.format(text[place]))
            kind = match.lastgroup
            if kind is None or kind == "space":
                spaced, place = True, match.end()
                continue
            found, place = self.read(kind, match, tokens)
            for token_kind, said in found:
                tokens.append(Token(token_kind, said, spaced))
                spaced = False
            if len(tokens) > self.most:
                raise self.error("the line is too long")
        return tokens


@dataclass
class Cursor:
    """A place among tokens, which a parser moves on.

    worded: the kinds of tokens that `sees` and `take` compare by their text; error: what `need` raises.
    """

    worded: ClassVar[frozenset[str]] = frozenset({"sign", "name"})
    error: ClassVar[type[Exception]] = ValueError

    tokens: list[Token]
    at: int = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token at the place, or so many behind it; END where there is none."""
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else END

    def sees(self, *texts: str) -> bool:
        token = self.peek()
        return token.kind in self.worded and token.text in texts

    def take(self, *texts: str) -> bool:
        """Move on where one of these texts stands; whether it did."""
        seen = self.sees(*texts)
        self.at += seen
        return seen

    def sees_sign(self, *texts: str) -> bool:
        token = self.peek()
        return token.kind == "sign" and token.text in texts

    def take_sign(self, *texts: str) -> bool:
        seen = self.sees_sign(*texts)
        self.at += seen
        return seen

    def next(self) -> Token:
        """Move on; the token that stood there."""
        token = self.peek()
        self.at += 1
        return token

    def split_number(self) -> None:
        r"""Part the first digit of the number at the place from the others: what \frac and ^ take without braces."""
        text = self.peek().text
        self.tokens[self.at : self.at + 1] = [Token("number", text[0]), Token("number", text[1:])]

    def need(self, text: str) -> None:
        """Move on over a text. Raises `error` where another stands there."""
        if not self.take(text):
            found = self.peek().text
            raise self.error(f"expected {text!r}, found {found!r}" if found else f"expected {text!r} at the end")
