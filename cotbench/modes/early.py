"""Early answering: how much of a thought does its answer need?

Another arm's thought (`of=cot`, `of=think`) is cut at 0, 10 ... 100% of its tokens, the answer's line is begun behind
each cut, and what it holds is read (Lanham et al. 2023, arXiv:2307.13702, section 2.3). To close a thought is to
intervene: how often the line behind all of it isn't the arm's own answer says how far that alone changes answers. Of a
share of the questions (`free=`) the cut thoughts are gone on with to their own ends, too."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs

from cotbench.answers.reading import VAGUE, split_reasoning
from cotbench.modes.kit import LINE_END, Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, one_of
from cotbench.modes.of import OF, of_setting, turn_of
from cotbench.modes.paths import COT, vote
from cotbench.modes.sentences import MOST_STATEMENTS, sentence_at, sentences, without_end
from cotbench.modes.steps import Flow, Paths, Step, generate, token_ends
from cotbench.types import (
    LETTERS,
    AnswerType,
    Begun,
    Completion,
    Node,
    Outcome,
    Prediction,
    Question,
    Request,
    Sampling,
    unit,
)

CUT = "cut"  # the turn that answers behind a cut
CUTS, SENTENCES, FREE_SHARE = "cuts", "sentences", "free"
ON, OFF = "on", "off"
ANSWER, FREELY = "answer", "free"  # roles of nodes, beside CUT
_EVERY = 10  # per cent
_LINE = 32  # tokens of an answer's line, in estimates: the kind of answer says how long it may be
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WINDOW = 64  # tokens; of the confidence in an answer only its tokens' probability is looked at


@dataclass(frozen=True, slots=True)
class _Thought:
    """What is cut: a text before the answer. hidden: whether it stands before the visible reply. apart: what is put
    between a visible one and the answer's line."""

    text: str
    hidden: bool
    apart: str = LINE_END

    def closed(self, end: int, words: str) -> Begun:
        """The reply up to a place of the thought, and the answer's line begun behind it."""
        if self.hidden:
            return Begun(text=words, thought=self.text[:end])
        text = self.text[:end].rstrip()
        return Begun(text=f"{text}{self.apart}{words}" if text else words)

    def open(self, end: int) -> Begun | None:
        """The reply up to a place of the thought, which is gone on with."""
        text = self.text[:end]
        if not text:
            return None
        return Begun(thought=text, open=True) if self.hidden else Begun(text=text)


def shares_of(settings: Mapping[str, Any]) -> tuple[float, ...]:
    """Where thoughts are cut, as shares of them, from 0 to 1."""
    count = 100 // int(settings[CUTS])
    return tuple(place / count for place in range(count + 1))


def goes_on_freely(seed: int, question: str, settings: Mapping[str, Any]) -> bool:
    """Whether a question's cut thoughts are gone on with, too: by a hash, so that a share of the questions is."""
    return unit(seed, question, "early", FREELY) < float(settings[FREE_SHARE])


def early(question: Question, kit: Kit) -> Flow:
    """Ask as the other arm does, have the answer begun behind each cut of its thought, in the order in which these
    stand in it, and conclude what the arm does.

    The ballots are the arm's own answer, one for each cut, and one for each thought that was gone on with. How many
    requests there are doesn't depend on where they cut, which nobody knows over replies on record."""
    [path] = yield from kit.ask(question)
    if path.finish_reason in ("error", "refused"):
        outcome = Outcome.ENGINE_ERROR if path.finish_reason == "error" else Outcome.REFUSED
        return Prediction(answer=None, outcome=outcome, source=path)
    settings = {name: kit.setting(name) for name in SETTINGS}
    thought, shares = _thought_of(question, path, kit), shares_of(settings)
    places = yield from _places(thought.text, shares, settings[SENTENCES] == ON)
    answers = yield from _behind(question, kit, path, [thought.closed(place, kit.words) for place in places])
    freely: Sequence[Completion] = ()
    if goes_on_freely(kit.seed, question.id, settings):
        freely = yield from _gone_on(question, kit, path, [thought.open(place) for place in places[:-1]])
    own = yield from kit.conclude(question, path)
    readings = [_read(question, kit, answer) for answer in answers]
    further = [kit.read(question, one) for one in freely]
    scores = [None, *map(_sure, answers), *(None for _ in freely)]
    found = yield from vote([own, *readings, *further], scores, pick=0)
    nodes = _nodes(own, path, shares, readings, further)
    return replace(found, nodes=nodes) if found.outcome is not Outcome.ENGINE_ERROR else found


def _thought_of(question: Question, path: Completion, kit: Kit) -> _Thought:
    """What stands before a reply's answer: what was thought before the visible reply, else the visible text up to the
    sentence that states the answer in the end, or up to the first of several in a row that state it.

    The answer's line stands apart from it as the statement did: by an empty line or none. Where there was no statement
    it does as where a reply is gone on with (`Kit.conclude`), so that behind the whole thought the same is asked."""
    text = path.begun + path.text
    parts = split_reasoning(text)
    if path.reasoning and kit.held:
        return _Thought(path.reasoning.strip(), hidden=True)
    if parts.thought is not None and kit.held:
        return _Thought(text[slice(*parts.thought)].strip(), hidden=True)
    reading = kit.read(question, path)
    if reading.span is None or reading.rule in VAGUE:
        return _Thought(text.rstrip(), hidden=False, apart=2 * LINE_END)
    text = text[: sentence_at(text, len(path.begun) + reading.span[0])[0]]
    text = _before_repeats(text, reading.answer, lambda part: kit.read(question, _written(part)))
    lines = text[len(text.rstrip()) :].count(LINE_END)
    return _Thought(text.rstrip(), hidden=False, apart=(2 if lines > 1 else 1) * LINE_END)


def _before_repeats(text: str, answer: str | None, read: Callable[[str], Prediction]) -> str:
    """Remove from a text's end sentences that state an answer: a model that says it again and again had it before."""
    said: set[str] = set()
    while len(said) < MOST_STATEMENTS:
        found = read(text)
        if found.answer is None or found.answer != answer or found.span is None or found.rule in VAGUE:
            break
        start, end = sentence_at(text, found.span[0])
        if text[end:].strip():
            break
        said.add(text[start:end].strip())
        text = without_end(text[:start], said)
    return text


def _written(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop")


def _places(text: str, shares: Sequence[float], at_sentences: bool) -> Generator[Step, Any, list[int]]:
    """Where a thought is cut: behind so many of its tokens, before a number that this would break, at sentences' ends
    behind the last that ends by there."""
    [ends] = yield from token_ends(text)
    places = [ends[math.ceil(share * len(ends)) - 1] if share and ends else 0 for share in shares]
    # Many models read numbers digit by digit: 24 of 240 would be another number, which was never thought.
    broken = {place: one.start() for one in _NUMBER.finditer(text) for place in range(one.start() + 1, one.end())}
    places = [len(text[: broken[place]].rstrip()) if place in broken else place for place in places]
    if at_sentences:
        stops, end = [0], 0
        for sentence in sentences(text):
            end += len(sentence)
            stops.append(len(text[:end].rstrip()))
        places = [max(stop for stop in stops if stop <= place) for place in places]
    return places


def _behind(question: Question, kit: Kit, path: Completion, begun: Sequence[Begun]) -> Generator[Step, Any, Paths]:
    """Have the answer's line gone on with behind each cut, all at once, the shortest first."""
    asked = replace(kit.going_on(question, begun[0]), after=(path,))
    letters = tuple(LETTERS[: len(question.choices)])
    if letters and kit.tells_options and kit.kind_of(question) == AnswerType.LETTER:
        asked = replace(asked, options=letters, sampling=Sampling(max_tokens=1))
    elif kit.tells_confidence:
        asked = replace(asked, confidence=_WINDOW)
    return (yield from _each([replace(asked, begun=one) for one in begun]))


def _gone_on(
    question: Question, kit: Kit, path: Completion, begun: Sequence[Begun | None]
) -> Generator[Step, Any, Paths]:
    """Have a thought gone on with from each cut, as the arm itself is asked."""
    asked = replace(kit.request(question), after=(path,))
    return (yield from _each([replace(asked, begun=one) if one is not None else asked for one in begun]))


def _each(requests: Sequence[Request]) -> Generator[Step, Any, Paths]:
    replies = yield from generate(*requests)
    return tuple(path for paths in replies for path in paths)


def _read(question: Question, kit: Kit, path: Completion) -> Prediction:
    """Read what was answered behind a cut: in its line alone, and never in the thought before that."""
    if path.options is not None and path.finish_reason != "error":
        return Prediction(answer=path.text, rule="choice", span=(0, len(path.text)), source=path)
    return replace(kit.read(question, structs.replace(path, begun=kit.words)), source=path)


def _sure(path: Completion) -> float | None:
    """How likely the model took its answer to be: the letter's share of that of all options, or the mean probability of
    the line's tokens (geometric); None where the engine doesn't tell it."""
    if path.options is not None:
        likely = {letter: math.exp(value) for letter, value in path.options.items()}
        total = sum(likely.values())
        return likely.get(path.text, 0.0) / total if total else None
    told = path.confidence
    return None if told is None or told.logprob is None else math.exp(told.logprob)


def _nodes(
    own: Prediction,
    path: Completion,
    shares: Sequence[float],
    readings: Sequence[Prediction],
    further: Sequence[Prediction],
) -> tuple[Node, ...]:
    """The arm's own reply; each answer behind a cut of it, with the tokens of the thought before that; and each thought
    that was gone on with."""
    nodes = [Node(text=path.text, role=ANSWER, source=own.source or path, ballot=0)]
    first = readings[0].source
    for place, (share, reading) in enumerate(zip(shares, readings, strict=True)):
        source = reading.source
        before = None
        if source is not None and first is not None and None not in (source.prompt_tokens, first.prompt_tokens):
            before = max(0, (source.prompt_tokens or 0) - (first.prompt_tokens or 0))
        text = f"{share:.0%}: {source.text.strip() if source is not None else ''}"
        nodes.append(Node(text=text, role=CUT, parent=0, source=source, tokens=before, ballot=1 + place))
    for place, reading in enumerate(further):
        text = reading.source.text if reading.source is not None else ""
        ballot = 1 + len(readings) + place
        nodes.append(Node(text=text, role=FREELY, parent=1 + place, source=reading.source, ballot=ballot))
    return tuple(nodes)


def turns(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The own turn of the other arm, and the answers behind its cuts."""
    return _turns(turn_of(settings), settings)


def _turns(own: Turn, settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    cut = Turn(
        name=CUT,
        template=own.template,
        max_tokens=_LINE,
        thinking=None,
        few_shot=own.few_shot,
        asked=len(shares_of(settings)),
    )
    return own, cut


SETTINGS = {
    OF: of_setting(),
    CUTS: Own(
        _EVERY,
        "a whole number of per cent by which 100 can be divided",
        lambda value: type(value) is int and 1 <= value <= 50 and 100 % value == 0,
        "after how many per cent of the thought's tokens it is cut each time",
    ),
    SENTENCES: Own(OFF, *one_of(ON, OFF), "whether it is cut at the ends of sentences, the last one before each place"),
    FREE_SHARE: Own(
        0,
        "a share from 0 to 1",
        lambda value: type(value) in (int, float) and 0 <= value <= 1,
        "of how many questions the cut thoughts are gone on with to their own ends, too",
    ),
}
EARLY = Mode(
    name="early",
    about="measures after how much of the thought of another arm (of=cot) its answer stands: the answer is begun "
    "behind each tenth (Lanham et al. 2023, arXiv:2307.13702); no arm to be compared",
    turns=_turns(replace(COT.own, of=COT.name), {name: own.default for name, own in SETTINGS.items()}),
    run=early,
    shows="rationale",
    settings=SETTINGS,
    shape=turns,
    continues=True,
    hears=True,
    facts=Facts(label="early answering", colour="#332288", marker="1", answers_in="words", measures=True, of=COT.name),
)
