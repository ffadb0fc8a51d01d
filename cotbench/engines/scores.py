"""Rewards from a server: where it tells the score of a reply, what it is sent there, and how it is read.

vLLM's server tells it at three places, by the kind of model: /classify, /pooling and /score. They stand beside /v1, and
some gateways put them below it, so both are tried at the opening, and the first that tells one number is asked from
then on. At all but the last the server renders the conversation by its chat template; the last takes a pair of texts,
the question and the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cotbench.engines.chat import disarmed
from cotbench.types import Message, Request, Sampling

_RAW = {"use_activation": False}  # the model's own number, with no function over it


class SeveralNumbers(ValueError):
    """A server tells several numbers where a reward model has one."""


def _of_conversation(request: Request) -> dict[str, Any]:
    return {"messages": [{"role": m.role, "content": m.text} for m in disarmed(request.messages)], **_RAW}


def _of_pair(request: Request) -> dict[str, Any]:
    *asked, reply = disarmed(request.messages)
    return {"text_1": "\n\n".join(m.text for m in asked), "text_2": reply.text, **_RAW}


def _number(given: Any) -> float:
    """The one number among those that a server tells, or of those of tokens the last. Raises SeveralNumbers where a
    reply has more."""
    if isinstance(given, list) and given and all(isinstance(row, list) for row in given):
        given = given[-1]  # of tokens the last one's
    if isinstance(given, list):
        if len(given) != 1:
            raise SeveralNumbers(f"it tells {len(given)} numbers for a reply")
        [given] = given
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"it tells {given!r:.40} for a reply, expected a number")
    return float(given)


@dataclass(frozen=True, slots=True)
class Place:
    """Where scores are told: a path, beside /v1 or (below) in it. body: what is sent of a request. key: under which
    the number stands in the reply's data."""

    path: str
    body: Callable[[Request], dict[str, Any]]
    key: str
    below: bool = False

    @property
    def shown(self) -> str:
        return f"/v1{self.path}" if self.below else self.path

    def read(self, response: Mapping[str, Any]) -> float:
        """The score in a reply. Raises ValueError where there is none."""
        data = response.get("data")
        row = data[0] if isinstance(data, list) and len(data) == 1 else None
        if not isinstance(row, Mapping) or self.key not in row:
            raise ValueError(f"its reply has no {self.key} for a conversation")
        return _number(row[self.key])


PLACES: tuple[Place, ...] = tuple(
    Place(path, body, key, below)
    for below in (False, True)
    for path, body, key in (
        ("/classify", _of_conversation, "probs"),
        ("/pooling", _of_conversation, "data"),
        ("/score", _of_pair, "score"),
    )
)
PROBE = Request(
    messages=(Message(role="user", text="What is 17 + 25?"), Message(role="assistant", text="Answer: 42")),
    sampling=Sampling(max_tokens=1),
    reward=True,
)
