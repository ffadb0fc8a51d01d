"""Repeats of an arm: the same request again (replicates), and its instruction in other words (wordings).

    cot                            the first repeat: the arm as it comes
    cot@replicate=1                asked a second time
    cot@wording=1                  with the first of the other wordings of its instruction
    cot@wording=1@replicate=1      ... asked a second time

A repeat is an arm of its own on record, and stands with the first one in reports. Nobody types one: a run makes them of
its arms (`--replicates`, `--wordings`). Under another wording the options of a question stand in another order, too,
the same one under every arm; what is concluded is told in letters of the question as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cotbench.answers.kinds import KINDS
from cotbench.modes.mode import Mode
from cotbench.modes.steps import Flow
from cotbench.types import LETTERS, AnswerType, Prediction, Question

if TYPE_CHECKING:
    from cotbench.modes.kit import Kit

WORDING, REPLICATE = "wording", "replicate"
REPEATS = (WORDING, REPLICATE)  # the settings, in the order in which a name ends with them
_END = re.compile(rf"(?:@{WORDING}=([1-9]\d*))?(?:@{REPLICATE}=([1-9]\d*))?\Z")
_WORDED = re.compile(rf"-{WORDING}[1-9]\d*\Z")
# Options that speak of others, or of where these stand: such a question keeps its order.
_OF_OTHERS = re.compile(
    r"(?i:\b(?:above|below|these|those|both|neither|options?|choices?)\b)|\b[A-H](?:, ?| and | or | & )[A-H]\b"
)


def place_of(name: str) -> tuple[str, int, int]:
    """Tell of an arm's name which arm it repeats, by which wording, and which replicate it is: (name, 0, 0) of one that
    repeats none."""
    found = _END.search(name)
    assert found is not None
    return name[: found.start()], int(found[1] or 0), int(found[2] or 0)


def first_of(name: str) -> str:
    """Return the arm that an arm is a repeat of; one that is none, itself."""
    return place_of(name)[0]


def base_template(name: str) -> str:
    """Return the template that one in other words is of; any other, itself."""
    return _WORDED.sub("", name)


def is_repeat(name: str) -> bool:
    return first_of(name) != name


def repeats_of(mode: Mode, replicates: int, wordings: int) -> Iterator[Mode]:
    """Yield the repeats of an arm, itself first."""
    for wording in range(wordings):
        for replicate in range(replicates):
            yield repeated(mode, wording, replicate)


def repeated(mode: Mode, wording: int, replicate: int) -> Mode:
    """Make a repeat of an arm, whatever has been made of this one before."""
    settings = {name: value for name, value in zip(REPEATS, (wording, replicate), strict=True) if value}
    if not settings:
        return mode
    words = ", ".join(f"{name} {value}" for name, value in settings.items())
    facts = replace(
        mode.facts,
        label=f"{mode.facts.label or mode.name} ({words})",
        mode=mode.called,
        settings={**mode.facts.settings, **settings},
        main=False,
    )
    name = "@".join([mode.name, *(f"{key}={value}" for key, value in settings.items())])
    made = replace(mode, name=name, facts=facts, base=mode.called)
    if not wording:
        return made
    turns = tuple(replace(t, template=f"{t.template}-{WORDING}{wording}") if t is mode.own else t for t in mode.turns)
    return replace(made, turns=turns, run=_reordered(mode.run, wording))


# --- the order of options -------------------------------------------------------------------------------------------


def order_of(question: Question, kit: Kit, wording: int) -> Sequence[int]:
    """Return the order in which a question's options stand under a wording: of each place the option that stands there.
    It is the question's own under the first wording, where options have no letters, and where one speaks of others."""
    count = len(question.choices)
    lettered = count > 1 and KINDS[kit.kind_of(question)].lettered
    if not wording or not lettered or any(map(_OF_OTHERS.search, question.choices)):
        return range(count)
    return kit.shuffled(question, count, WORDING, wording)


def _reordered(run: Callable[[Question, Kit], Flow], wording: int) -> Callable[[Question, Kit], Flow]:
    """Make of a method one that is given each question with its options in another order, and whose prediction is told
    in letters of the question's own."""

    def with_other_order(question: Question, kit: Kit) -> Flow:
        order = order_of(question, kit, wording)
        shown = replace(question, choices=tuple(question.choices[place] for place in order))
        prediction = yield from run(shown, kit)
        if shown.choices == question.choices:
            return prediction
        return in_own_letters(prediction, order, several=kit.kind_of(question) == AnswerType.LETTERS)

    return with_other_order


def in_own_letters(prediction: Prediction, order: Sequence[int], *, several: bool = False) -> Prediction:
    """Tell a prediction on options that stood in some order in the letters that they have in the question. several:
    whether an answer may be several letters."""
    own = {LETTERS[shown]: LETTERS[place] for shown, place in enumerate(order)}

    def letters(answer: str) -> str:
        if several and all(letter in own for letter in answer):
            return "".join(sorted(own[letter] for letter in answer))
        return own.get(answer, answer)

    votes, options = prediction.votes, prediction.options
    return replace(
        prediction,
        answer=None if prediction.answer is None else letters(prediction.answer),
        votes=votes and replace(votes, answers=tuple(map(letters, votes.answers))),
        before=prediction.before and in_own_letters(prediction.before, order, several=several),
        options=options
        and replace(
            options,
            probabilities={
                letter: options.probabilities[shown] for letter, shown in sorted((o, s) for s, o in own.items())
            },
        ),
    )
