"""Whether a chat endpoint goes on from the beginning of a reply, told by its counts of tokens.

A server is sent an assistant's last message and two fields that have it go on from there (vLLM and SGLang know them;
llama.cpp goes on without them). One that refuses them says so; one that ignores them begins a new turn in silence, so
what it replies proves nothing. What a prompt costs does: a text that is continued adds its own tokens and no more, a
new turn adds the marks that end one turn and begin the next too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

FIELDS: Mapping[str, Any] = {"add_generation_prompt": False, "continue_final_message": True}
# Words whose repetition adds as many tokens as they have alone.
ONCE = "Answer:"
TWICE = f"{ONCE} {ONCE}"

# Counts the tokens of a prompt: of a user's turn, and the beginning of the reply behind it ("" for none) sent with the
# fields; None where the server doesn't tell.
Count = Callable[[str, Mapping[str, Any]], Awaitable[int | None]]


async def why_not(count: Count) -> str:
    """Why a server doesn't go on from the beginning of a reply, in words; "" where it does."""
    alone, once, twice = [await count(*asked) for asked in (("", {}), (ONCE, FIELDS), (TWICE, FIELDS))]
    if alone is None or once is None or twice is None:
        return "it doesn't tell how many tokens a prompt has"
    own = twice - once
    if own <= 0:
        return "a longer beginning costs no more tokens: it leaves the beginning out"
    if once - alone > own:
        return "it begins a new turn behind the beginning"
    # The prompt of the user's turn alone may end with a thought that is closed there, whose tokens hide those of an end
    # of turn: so it must be the field that leaves the end of turn out, or there is none without the fields either.
    bare = await count(ONCE, {})
    if bare == once:
        return ""
    ended = await count(ONCE, {"add_generation_prompt": False})
    if ended is None or ended > once:
        return ""
    return "it ends the turn behind the beginning"


async def arrives(count: Count, beginning: str) -> bool:
    """Whether a beginning gets into the prompt as it is: templates may leave out what looks like a thought."""
    once, more = await count(ONCE, FIELDS), await count(beginning + ONCE, FIELDS)
    return once is not None and more is not None and more - once >= 2  # its two marks at the least
