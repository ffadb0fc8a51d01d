"""What a server can do besides replying: tried at the opening, by requests of a token or few, as far as a run wants it.

Whether it goes on from the beginning of a reply, and from which thoughts (`continuing.py`); whether it tells the
probabilities of options, and of likely tokens all along a reply; whether it ends thoughts at a limit; whether its model
is a reward model, and where it tells scores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from cotbench.engines import EngineConfig
from cotbench.engines.client import BadStatus
from cotbench.engines.continuing import Found, arrives, fills, look
from cotbench.engines.endpoint import public_url
from cotbench.engines.faults import Faults
from cotbench.engines.manners import LIKELIEST
from cotbench.engines.replies import Reader, Usage, next_tokens, read_usage, told_of_tokens
from cotbench.engines.rewards import no_reward_model
from cotbench.engines.scores import PLACES, PROBE, Place, SeveralNumbers
from cotbench.engines.thinking import BUDGET, LEAST, Family, server_thinking
from cotbench.errors import UsageError
from cotbench.types import Message, Request, Sampling

_EMPTY = ("<think>\n\n</think>\n\n", "<think></think>", "<think></think>\n")  # as templates write them
_PROBE = (Message(role="user", text="What is 17 + 25 + 38?"),)


@dataclass(slots=True, kw_only=True)
class Abilities:
    """What a server can do, as far as it was tried.

    not_continue: why it doesn't go on from the beginning of a reply; "" where it does. empty, closing: empty thoughts
    that it takes as such a beginning: what its generation prompt has where the model is told not to think, and what
    keeps a model from thinking that can't be told so. take_thoughts: whether it takes whole ones. limit_thoughts:
    whether it ends them at a limit. tell_likelihoods: whether it tells the probabilities of options. likeliest: of how
    many of the likeliest tokens at each place of a reply it tells the probabilities, 0 where it tells none. scores:
    where it tells the score of a reply, which only a reward model's does; not_score: what came of trying instead."""

    not_continue: str
    empty: str = ""
    closing: str = ""
    take_thoughts: bool = False
    limit_thoughts: bool = False
    tell_likelihoods: bool = False
    likeliest: int = 0
    scores: Place | None = None
    not_score: str = ""


class Ask(Protocol):
    """Asks a server what isn't the run's: a request, with a beginning of the reply and fields for it, and with more
    fields. Raises BadStatus or ValueError where it is refused."""

    def __call__(
        self, request: Request, beginning: str = "", fields: Mapping[str, Any] | None = None, more: Any = None
    ) -> Awaitable[dict[str, Any]]: ...


class Score(Protocol):
    """Asks a server for the score of a reply at a place. Raises BadStatus or ValueError where it tells none."""

    def __call__(self, place: Place, request: Request) -> Awaitable[float]: ...


class Trials:
    """Tries a server. says_continues: whether it goes on, where the user says it. kind: what it is sent. row: its
    model's, where its name tells one. refused: which ways to tell a model whether to think the server refuses by now.
    """

    def __init__(
        self,
        config: EngineConfig,
        faults: Faults,
        *,
        says_continues: bool | None,
        kind: Literal["chat", "text", "tokens"],
        row: Family | None,
        ask: Ask,
        score: Score,
        refused: Callable[[], Collection[str]],
    ) -> None:
        self._config, self._faults, self._kind, self._row = config, faults, kind, row
        self._says_continues, self._ask, self._refused, self._score = says_continues, ask, refused, score
        untold = "--model-args says so" if says_continues is False else "it was not tried whether it does"
        self.can = Abilities(not_continue="" if kind != "chat" or says_continues else untold)

    async def all(self) -> None:
        """Try what the run wants of the server. Raises UsageError where it asks for limits that can't be kept."""
        config = self._config
        row = self._row
        if "rewards" in config.wants and await self._tell_scores():
            return  # it does nothing else
        # Where there is no switch, going on from an empty thought may do.
        closes = "off" in config.wants and row is not None and row.off is None and row.can_be_closed
        if ("continue" in config.wants or closes) and self._kind == "chat":
            found = Found("") if self._says_continues is not None else await self.look()
            if self._says_continues is None:
                self.can.not_continue = found.why_not
            if not self.can.not_continue and found.own:
                await self._try_thoughts(found)
        if "likelihoods" in config.wants:
            # Where it refuses the beginning, it was never begun.
            asked = Request(messages=_PROBE, sampling=Sampling(max_tokens=1), thinking=False, options=("A", "B"))
            with suppress(BadStatus, ValueError, LookupError, TypeError):
                self.can.tell_likelihoods = len(next_tokens((await self._ask(asked))["choices"][0])) > 1
        if "confidence" in config.wants:
            await self._try_confidence()
        limits = {BUDGET, LEAST} & config.sampling_keys
        if limits and self._kind != "tokens":
            await self._require_limits(frozenset(limits))

    async def _try_confidence(self) -> None:
        """Try of how many likely tokens the server tells the probabilities: the fewest at any of the first places."""
        asked = Request(messages=_PROBE, sampling=Sampling(max_tokens=4), confidence=1)
        with suppress(BadStatus, ValueError, LookupError, TypeError):
            places = [len(top) for top, _ in told_of_tokens((await self._ask(asked))["choices"][0])]
            self.can.likeliest = min(min(places, default=0), LIKELIEST)

    async def _tell_scores(self) -> bool:
        """Try where the server tells the score of a reply, if anywhere. Raises ModelError where its model is another
        one that doesn't write either: a classifier, or one of embeddings."""
        for place in PLACES:
            try:
                await self._score(place, PROBE)
            except BadStatus:
                continue
            except SeveralNumbers as error:
                raise no_reward_model(self._config.model, f"its server's {place.shown}: {error}") from None
            except ValueError as error:
                self.can.not_score = self.can.not_score or f"{place.shown}: {error}"
            else:
                self.can.scores = place
                return True
        return False

    async def look(self) -> Found:
        """Whether the server goes on from the beginning of a reply, now."""
        try:
            return await look(self._count)
        except (BadStatus, ValueError) as error:
            return Found(f"it refuses the beginning: {self._faults.secrets.clean(error, 200)}")

    async def _try_thoughts(self, found: Found) -> None:
        """Try which thoughts a begun reply may hold: the empty one that the template writes into its generation prompt
        where the model is told not to think, or that keeps a model from thinking that has no switch; and whole ones."""
        row = self._row
        switched = server_thinking(row, refused=self._refused()).off != ""
        empty = _EMPTY if row is None else [row.nothing] if row.can_be_closed else []
        for thought in empty if found.gap > 0 else ():
            with suppress(BadStatus, ValueError):
                if await fills(self._count, found, thought):
                    self.can.empty = thought
                    break
        if row is None or not row.can_be_closed:
            return
        if not switched:
            with suppress(BadStatus, ValueError):
                if self.can.empty or await arrives(self._count, found, row.nothing, 2):  # its two marks at the least
                    self.can.closing = row.nothing
        said = "So it is, as I said."
        with suppress(BadStatus, ValueError):
            whole_thought = row.opening(said) + said + row.closed(said)
            self.can.take_thoughts = await arrives(self._count, found, whole_thought, 7)

    async def _count(self, beginning: str, fields: Mapping[str, Any]) -> int | None:
        """The tokens of a prompt with this beginning of a reply, told not to think."""
        asked = Request(messages=_PROBE, sampling=Sampling(max_tokens=1), thinking=False)
        try:
            response = await self._ask(asked, beginning, fields)
        except BadStatus as error:
            # What a server that has a fault can't do today is nothing to plan a run by.
            if not beginning and error.status >= 500:
                raise self._faults.fatal(error) from None
            raise
        return read_usage(response.get("usage") or response.get("usageMetadata")).prompt

    async def _require_limits(self, limits: frozenset[str]) -> None:
        """Raises UsageError where the server keeps no limits of thoughts, since they were asked for by name."""
        here = public_url(self._faults.url)
        remedy = "Name the model's --tokenizer, so that its thoughts can be ended from here"
        if LEAST in limits:
            raise UsageError(
                f"{LEAST} (@min of an arm): {here} has a model think no longer than it does.", f"{remedy}."
            )
        if self._kind == "text":
            raise UsageError(f"{BUDGET} (@budget of an arm): plain text has no thoughts.", f"{remedy}.")
        if self._row is not None and (self._row.budget or self._row.budget_fields):
            return
        said = ""
        try:
            asked = Request(messages=_PROBE, sampling=Sampling(max_tokens=64), thinking=True)
            free, limited = [await self._ask(asked, more=m) for m in ({}, {"thinking_token_budget": 1})]
            read = [Reader().choice(response["choices"][0], Usage(), 64, response) for response in (free, limited)]
            self.can.limit_thoughts = len(read[1].reasoning) < len(read[0].reasoning)
        except (BadStatus, ValueError, LookupError, TypeError) as error:
            said = f": {self._faults.secrets.clean(error, 300)}"
        if not self.can.limit_thoughts:
            raise UsageError(
                f"{BUDGET} (@budget of an arm): {here} doesn't end thoughts at thinking_token_budget{said}",
                f"Start vLLM's server with --reasoning-parser, or: {remedy[0].lower()}{remedy[1:]}.",
            )
