"""Placebos of a chain of thought: is it the thought that helps, or the tokens, the format, the time?

Each asks for another arm's reply (`of=cot`), puts something in the place of its thought, and has the answer given at
once behind that, under the prompt of `direct`: so it differs from `direct@answer=begun` in nothing but what is begun
for the model. With filler in the thought's place that is a test of Lanham et al. (2023, arXiv:2307.13702, 2.5), whether
models compute behind dots one of Pfau et al. (2024, arXiv:2404.15758)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cotbench.answers.reading import VAGUE, split_reasoning
from cotbench.answers.reading.parts import thought_in
from cotbench.modes.kit import LINE_END, Kit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.of import OF, of_setting, turn_of
from cotbench.modes.sentences import MOST_STATEMENTS, sentence_at, sentences, without
from cotbench.modes.steps import Flow, Step, borrow, generate, token_ends
from cotbench.types import Begun, Completion, Outcome, Prediction, Question

ANSWER = "answer"  # the turn that is the placebo
_TURN = Turn(name=ANSWER, template="direct", max_tokens=128, answer="begun")
FILLER = " ..."
_SHOWN = VAGUE - {"marked"}  # rules of readings for which nothing in the text is the statement of an answer
# A whole sentence that ends in the word is a step: "It takes 4 rounds to reach the answer."
_HEADED = re.compile(r"\banswer[^\w.!?。！？]*\Z", re.I)
# What is left of a statement whose answer is gone: "**Final answer:**", "Therefore, the area is", marks alone.
_ANNOUNCES = re.compile(rf"(?:[:：=]|\b(?:is|are|be|equals))\W*\Z|{_HEADED.pattern}", re.I)
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model wrote before its answer. hidden: before its visible reply; shown: in it."""

    hidden: str
    shown: str

    def each(self, change: Callable[[str], str]) -> Thought:
        """Change both parts."""
        return Thought(change(self.hidden), change(self.shown))


def thought_of(question: Question, path: Completion, kit: Kit) -> Thought:
    """Return a reply's thought, without the sentences that state its answer."""
    text, hidden = path.begun + path.text, path.reasoning
    parts = split_reasoning(text)
    if parts.thought is not None:  # a server left it in the text
        hidden, text = thought_in(text, parts), "" if parts.unclosed else text[slice(*parts.visible)]

    def read(part: str) -> Prediction:
        return kit.read(question, Completion(text=part, finish_reason=path.finish_reason))

    return Thought(hidden, text).each(lambda part: without_statements(part, read, kit.words))


def without_statements(text: str, read: Callable[[str], Prediction], words: str = "") -> str:
    """Remove the sentence in which the reader finds what a text states as its answer, with everything behind it; then
    those before it that state an answer, one by one. What is only guessed, as the last number of a text that states
    none, is no statement, and stays. words: those of an answer line, which goes whatever it holds."""
    text, behind = text.strip(), True
    for _ in range(MOST_STATEMENTS):
        found = read(text) if text else None
        if found is None or found.answer is None or found.span is None:
            break
        start, end = sentence_at(text, found.span[0])
        if found.rule in _SHOWN and not _HEADED.search(text[:start]):
            break
        rest, behind = _announced(text[:start]) + ("" if behind else text[end:]), False
        text = without(rest, text[start:end])  # which a model may say dozens of times
    last = text.rfind(LINE_END) + 1
    if words and text[last:].lstrip(" *_#").startswith(words):
        text = text[:last]
    return text.strip()


def _announced(text: str) -> str:
    """Remove from a text's end what announces an answer that isn't there any more."""
    pieces = sentences(text)
    while pieces and (_ANNOUNCES.search(pieces[-1]) or not _WORD.search(pieces[-1])):
        pieces.pop()
    return "".join(pieces)


# --- what stands in the place of a thought ------------------------------------------------------------------------

Making = Generator[Step, Any, Thought | None]  # None where it can't be had


def _own(question: Question, kit: Kit, thought: Thought) -> Making:  # noqa: ARG001
    yield from ()
    return thought


def _filler(question: Question, kit: Kit, thought: Thought) -> Making:  # noqa: ARG001
    """As many tokens of dots, in each part."""
    parts = thought.hidden, thought.shown
    counts = [len(ends) for ends in (yield from token_ends(*parts))]
    dots = [FILLER * count for count in counts]  # a token each, or more
    ends = yield from token_ends(*dots)
    cut = [text[: places[:count][-1]] if places else "" for text, places, count in zip(dots, ends, counts, strict=True)]
    return Thought(*cut).each(str.strip)


def _other(question: Question, kit: Kit, thought: Thought) -> Making:
    """The thought of another question, which has another answer."""
    donor = kit.donor(question)
    theirs = yield from kit.informed(donor)
    paths = yield from borrow(donor, theirs.request(donor))
    if not paths:  # over replies on record
        return thought
    return None if paths[0].finish_reason == "error" else thought_of(donor, paths[0], kit)


def _shuffled(question: Question, kit: Kit, thought: Thought) -> Making:
    """Its own sentences in another order; white space between them stays where it is."""
    yield from ()
    return thought.each(lambda part: in_another_order(part, lambda count: kit.shuffled(question, count, ANSWER)))


def in_another_order(text: str, shuffled: Callable[[int], list[int]]) -> str:
    """Put a text's sentences in another order than theirs, where there are several. shuffled: gives the places of so
    many in an order by chance."""
    pieces = sentences(text)
    order = shuffled(len(pieces))
    if order == sorted(order):
        order = [*order[1:], *order[:1]]
    bare = [piece.rstrip() for piece in pieces]
    between = [piece[len(piece.rstrip()) :] for piece in pieces]
    between[-1:] = [""] if between else []
    return "".join(bare[place] + space for place, space in zip(order, between, strict=True))


# --- the modes ----------------------------------------------------------------------------------------------------


def placebo(make: Callable[[Question, Kit, Thought], Making]) -> Callable[[Question, Kit], Flow]:
    """Return the method that puts what `make` makes of a thought in its place."""

    def run(question: Question, kit: Kit) -> Flow:
        [path] = yield from kit.ask(question)
        if path.finish_reason in ("error", "refused"):
            outcome = Outcome.ENGINE_ERROR if path.finish_reason == "error" else Outcome.REFUSED
            return Prediction(answer=None, outcome=outcome, source=path)
        thought = yield from make(question, kit, thought_of(question, path, kit))
        if thought is None:
            return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)
        begun = beginning(thought, kit)
        asked = replace(kit.request(question, ANSWER), begun=begun, after=(path,))
        [[answer]] = yield from generate(asked)
        # What was put before the line is no statement of the model's.
        behind = replace(kit, put=Begun(text=answer.begun.removesuffix(kit.words), thought=begun.thought))
        return (yield from behind.conclude(question, answer, ANSWER))

    return run


def beginning(thought: Thought, kit: Kit) -> Begun:
    """Write a thought and the answer line's words behind it: a hidden one before the visible reply where we hold the
    tokens, which a server doesn't take."""
    hidden = thought.hidden if kit.held else ""
    parts = (thought.shown,) if kit.held else (thought.hidden, thought.shown)
    return Begun(text=LINE_END.join([*filter(None, parts), kit.words]), thought=hidden or None)


_OF = of_setting()
_SHARED: Mapping[str, Any] = {
    "turns": (Turn(template="cot", max_tokens=2048, of=_OF.default), _TURN),
    "settings": {OF: _OF},
    "shape": lambda settings: (turn_of(settings), _TURN),
    "continues": True,
}


def _facts(puts: Literal["control", "dots", "foreign", "order"], label: str, colour: str, marker: str) -> Facts:
    return Facts(label=label, colour=colour, marker=marker, answers_in="words", placebo=puts, of=_OF.default)


OWN = Mode(
    name="own",
    about="a control of placebos: the thought of another arm (of=cot) fed back before an answer at once",
    run=placebo(_own),
    facts=_facts("control", "own thought", "#7A5195", "P"),
    **_SHARED,
)
FILLED = Mode(
    name="filler",
    about="a placebo: as many tokens of dots in the place of the thought (Lanham et al. 2023, arXiv:2307.13702)",
    run=placebo(_filler),
    facts=_facts("dots", "filler", "#B8A9C9", "."),
    **_SHARED,
)
OTHERS = Mode(
    name="other",
    about="a placebo: in the place of the thought that of another question, which has another answer",
    run=placebo(_other),
    borrows=True,
    facts=_facts("foreign", "other's thought", "#8C6D31", "<"),
    **_SHARED,
)
SHUFFLED = Mode(
    name="shuffled",
    about="a placebo: the thought's sentences in another order, without those that state the answer",
    run=placebo(_shuffled),
    facts=_facts("order", "shuffled thought", "#DD5182", "H"),
    **_SHARED,
)
