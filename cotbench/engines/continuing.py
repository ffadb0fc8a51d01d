"""Whether a chat endpoint goes on from the beginning of a reply, told by its counts of tokens.

A server is sent an assistant's last message and two fields that have it go on from there (vLLM and SGLang know them;
llama.cpp goes on without them). One that refuses them says so; one that ignores them begins a new turn in silence, so
what it replies proves nothing. What a prompt costs does: a text that is continued adds its own tokens and no more, a
new turn adds the marks that end one turn and begin the next too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

FIELDS: Mapping[str, Any] = {"add_generation_prompt": False, "continue_final_message": True}
# Words whose repetition adds as many tokens as they have alone.
ONCE = "Answer:"
TWICE = f"{ONCE} {ONCE}"

# Counts the tokens of a prompt: of a user's turn, and the beginning of the reply behind it ("" for none) sent with the
# fields; None where the server doesn't tell.
Count = Callable[[str, Mapping[str, Any]], Awaitable[int | None]]


class Found(NamedTuple):
    """What a server's counts say. why_not: why it doesn't go on from the beginning of a reply, in words; "" where it
    does. alone: the tokens of a user's turn, told not to think; own: those that the beginning adds by itself. gap: by
    how many tokens its generation prompt is longer than the header of a message that is begun: those of an empty
    thought, as a rule, which a begun message is sent without."""

    why_not: str
    alone: int = 0
    own: int = 0
    gap: int = 0


async def look(count: Count) -> Found:
    """Whether a server goes on from the beginning of a reply."""
    alone, once, twice = [await count(*asked) for asked in (("", {}), (ONCE, FIELDS), (TWICE, FIELDS))]
    if alone is None or once is None or twice is None:
        return Found("it doesn't tell how many tokens a prompt has")
    own = twice - once
    if own <= 0:
        return Found("a longer beginning costs no more tokens: it leaves the beginning out")
    if once - alone > own:
        return Found("it begins a new turn behind the beginning")
    found = Found("", alone, own, own - (once - alone))
    # The prompt of the user's turn alone may end with a thought that is closed there, whose tokens hide those of an end
    # of turn: so it must be the field that leaves the end of turn out, or there is none without the fields either.
    if await count(ONCE, {}) == once:
        return found
    ended = await count(ONCE, {"add_generation_prompt": False})
    return found if ended is None or ended > once else Found("it ends the turn behind the beginning")


async def arrives(count: Count, found: Found, beginning: str, least: int) -> bool:
    """Whether a beginning gets into the prompt, and adds so many tokens at the least: templates may leave out what
    looks like a thought."""
    more = await count(beginning + ONCE, FIELDS)
    return more is not None and more - (found.alone - found.gap + found.own) >= least


async def fills(count: Count, found: Found, beginning: str) -> bool:
    """Whether a beginning is just what the generation prompt has and a begun message lacks."""
    more = await count(beginning + ONCE, FIELDS)
    return more is not None and more - found.own == found.alone
