"""A thought within limits: what is generated in which order, for engines that hold the tokens.

A *leg* is one generation. A thought with a budget is a leg that ends with the thought, or when the budget is spent;
then the thought is closed where the model hasn't closed it, and the answer is another leg, with a budget of its own.
A thought with a minimum goes on with "Wait" where the model would close it (s1, arXiv 2501.19393). A `Course` says what
the next leg of one path is, and engines run legs among all others: no path waits for another.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from cotbench.engines.chat import ChatFormat, Encoded
from cotbench.engines.confidence import Meter, measured
from cotbench.engines.thinking import BUDGET, LEAST, Marks
from cotbench.types import Completion, FinishReason, Request


class Leg(NamedTuple):
    """written: what stands behind the prompt so far. most: how many tokens may follow. thinking: whether the leg ends
    with the thought (with its close mark), and no stop string ends it. number: how many legs were before it."""

    written: list[int]
    most: int
    thinking: bool
    number: int


def leg_seed(seed: int, path: int, number: int) -> int:
    """The seed of a leg of one path of a request, in [0, 2**31)."""
    digest = hashlib.sha256(f"{seed}\x1f{path}\x1f{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def token_budget(request: Request) -> int:
    """How many tokens a path may have in all."""
    sampling = request.sampling
    thinks = request.thinking is not False and not (request.begun and request.begun.text)
    thought = dict(sampling.extra).get(BUDGET, 0) if thinks else 0
    return sampling.max_tokens + int(thought)


def course_of(chat: ChatFormat, request: Request, encoded: Encoded, max_len: int) -> Course | None:
    """The course of one path of a request; None where one generation is all that there is to it."""
    marks = chat.marks
    if marks is None or request.options or request.thinking is False or (request.begun and request.begun.text):
        return None
    extra = dict(request.sampling.extra)
    limit = extra.get(BUDGET) if chat.thinking.budget == "engine" else None
    least = int(extra.get(LEAST, 0))
    # Stop strings are the answer's.
    if limit is None and not least and not chat.stops(request):
        return None
    budget = request.sampling.max_tokens if limit is not None else token_budget(request)
    room = max_len - len(encoded.ids)
    course = Course(marks, open=encoded.open, limit=limit, least=least, budget=budget, room=room)
    course.meter = Meter(request.confidence) if request.confidence else None
    return course


class Course:
    """How one path goes.

    open: whether the prompt ends within a thought. limit: the most tokens of the thought, marks and all; None where
    thought and answer share the budget. least: fewer tokens than that are no thought. budget: the most tokens of the
    answer. room: how many tokens fit in the model's context behind the prompt.

    written: what stands behind the prompt. generated: how many tokens the model wrote, also those in whose place others
    were put; thought_tokens: those of its thought among them. meter: of its confidence, which is that of the tokens
    that the model wrote, whatever was put in their place; None where it isn't wanted."""

    def __init__(
        self,
        marks: Marks,
        *,
        open: bool,  # noqa: A002 - as `Encoded.open` has it
        limit: int | None,
        least: int,
        budget: int,
        room: int,
    ) -> None:
        self._marks, self.open = marks, open
        self._limit, self._least = limit, least if limit is None else min(least, limit)
        self._budget, self._room = budget, room
        self._legs = 0
        self._thinking = True
        self._answered = 0  # tokens of the answer so far
        self.written: list[int] = []
        self.generated = self.thought_tokens = 0
        self.finish: FinishReason | None = None
        self.ended = False  # by a token that ends a reply
        self.error = ""
        self.meter: Meter | None = None
        if limit == 0:
            nothing = "" if open else marks.family.nothing
            self._answer(marks.ids(nothing) if nothing else marks.closing_ids)

    @property
    def begun(self) -> bool:
        """Whether anything was generated."""
        return self._legs > 0

    @property
    def over(self) -> bool:
        return self.finish is not None

    def leg(self) -> Leg:
        """The next leg; only where the course isn't over."""
        if self._thinking and self._limit is not None:
            left = self._limit - self.generated
        elif self._thinking or self._limit is None:
            left = self._budget - self.generated
        else:
            left = self._budget - self._answered
        return Leg(list(self.written), min(left, self._left()), self._thinking, self._legs)

    def _left(self) -> int:
        return self._room - len(self.written)

    def fail(self, error: str) -> None:
        self.finish, self.error = "error", error

    def take(self, ids: Sequence[int], ended: bool, stopped: bool = False) -> None:
        """Take what a leg wrote, without the token that ends a reply. ended: whether such a token followed. stopped:
        whether a stop string was written."""
        before, self._legs, self.ended = len(self.written), self._legs + 1, ended
        self.written += ids
        self.generated += len(ids) + ended
        if not self._thinking:
            self._answered += len(ids) + ended
            self.finish = "stop" if ended or stopped else "length"
            return
        split = self._marks.split(self.written, self.open)
        answered = min(len(split.answer), len(self.written) - before)
        self.thought_tokens = self.generated - answered - (ended and split.closed)
        thought = bool(split.thought) or self.open or len(split.answer) < len(self.written)
        short = thought and self.thought_tokens < self._least and self._goes_on()
        if short and (ended or split.closed):
            self.thought_tokens, self.ended = self.generated, False
            if split.closed:
                self.written = self._before_close(split.thought)
            self.written += self._marks.waiting_ids
            if not self._goes_on():
                self._out_of_thought()
        elif split.closed and ended:
            self.finish = "stop"
        elif split.closed:
            self._thinking = False
            self._answered = answered
            used = self.generated if self._limit is None else answered
            if used >= self._budget or self._left() < 1:
                self.finish = "length"
        elif ended and self._limit is None:
            self.finish = "stop"
        else:
            self.ended = False
            self._out_of_thought()

    def _goes_on(self) -> bool:
        most = self._budget if self._limit is None else self._limit
        return self.generated < most and self._left() > len(self._marks.waiting_ids)

    def _out_of_thought(self) -> None:
        """End an open thought: where it has a budget of its own, the answer follows."""
        if self._limit is None or not self._thinking:
            self.finish = "length"
            return
        self._answer(self._marks.closing_after(self._marks.split(self.written, self.open).thought))

    def _answer(self, closing: list[int]) -> None:
        """Write what closes the thought, and have the answer follow."""
        self.written += closing
        self._thinking = False
        if self._left() < 1:
            self.finish = "length"

    def _before_close(self, thought: list[int]) -> list[int]:
        """What was written up to the thought's end, without its close mark."""
        close = self._marks.close_ids
        if self.written[-len(close) :] == close:
            return self.written[: -len(close)]
        return [*([] if self.open else self._marks.open_ids), *thought]


def first_stop(stops: Sequence[str], text: str) -> int | None:
    """Where the first of the stop strings begins."""
    return min((place for place in map(text.find, stops) if place >= 0), default=None)


def text_of(chat: ChatFormat, ids: Sequence[int], before: Sequence[int] = ()) -> str:
    """The text of tokens. before: those that they go on from, whose last decide whether a space stands first.

    A character whose bytes are not complete at the end is left out, as vLLM's detokenizer does."""

    def decoded(tokens: Sequence[int]) -> str:
        return str(chat.tokenizer.decode(list(tokens), skip_special_tokens=True))

    context = list(before)[-8:]
    if context:
        known, whole = decoded(context), decoded([*context, *ids])
        if known and whole.startswith(known):
            return whole[len(known) :].rstrip("\ufffd")
    return decoded(ids).rstrip("\ufffd")


class Written(NamedTuple):
    """What is known of a path when it is read. ids: behind the prompt, without the token that ended it; ended: whether
    there was one. generated, thought_tokens: how many the model wrote, the ending one too, and how many of them in its
    thought; None where it wrote all that is there."""

    ids: Sequence[int]
    ended: bool
    generated: int | None = None
    thought_tokens: int | None = None


def completion(
    chat: ChatFormat, request: Request, encoded: Encoded, path: Written, stops: Sequence[str] = ()
) -> Completion:
    """A path in words: its thought apart from its answer, which ends before the first stop string."""
    answer, reasoning, marks = list(path.ids), "", chat.marks
    generated = len(path.ids) + path.ended if path.generated is None else path.generated
    thought_tokens, closed = path.thought_tokens, True
    if marks is not None:
        split = marks.split(path.ids, encoded.open)
        answer, closed = split.answer, split.closed
        reasoning = text_of(chat, split.thought)
        reasoning = reasoning if reasoning.strip() else ""
        if thought_tokens is None:
            thought_tokens = len(path.ids) - len(answer)
        thought_tokens = min(max(0, thought_tokens), generated)
    own = len(answer) == len(path.ids)  # there is no thought before the answer
    before = encoded.ids if own and request.begun is not None else ()
    text = text_of(chat, answer, before)
    if not own:  # line breaks between the thought's mark and the answer are neither's
        text = text.lstrip("\n")
    finish: FinishReason = "stop" if path.ended else "length"
    cut = first_stop(stops, text) if closed else None
    if cut is not None:  # as vLLM counts: up to the token that completes the stop string
        spent = bisect_left(
            range(len(answer)), True, key=lambda n: first_stop(stops, text_of(chat, answer[:n], before)) is not None
        )
        generated -= len(answer) - spent + path.ended
        text, finish = text[:cut], "stop"
    return Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        completion_tokens=generated,
        reasoning_tokens=thought_tokens,
    )


def together(chat: ChatFormat, request: Request, encoded: Encoded, course: Course, stops: Sequence[str]) -> Completion:
    """The path that a course has made."""
    if course.error:
        return Completion(text="", finish_reason="error", error=course.error)
    path = Written(course.written, course.ended, course.generated, course.thought_tokens)
    return measured(completion(chat, request, encoded, path, stops), course.meter)
