"""A cascade: answer at once, and think only where that answer is unsure.

How sure the direct answer is is told by the model: by the probability of the option that it takes, among the letters as
the next token (`direct@answer=choice`), or by how many of a few sampled direct answers agree, as of the paths of
`direct-votes@stop=full`. Below tau the arm that `of` names is asked, and its answer counts. So its requests are those
of arms that may run beside it, generated once for all."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, one_of, whole
from cotbench.modes.of import OF, of_setting, turn_of
from cotbench.modes.paths import COT, DIRECT, DIRECT_VOTES, singly, vote
from cotbench.modes.steps import Flow, Step
from cotbench.types import LETTERS, Completion, Outcome, Prediction, Question

BEST, OPTIONS, VOTES = "best", "options", "votes"
TAU, DRAWN = 0.8, 5


def sureness(path: Completion, count: int) -> float:
    """Return the probability of the likeliest of so many options, of all that the options have together."""
    each = [math.exp((path.options or {}).get(letter, -math.inf)) for letter in LETTERS[:count]]
    return max(each) / total if (total := sum(each)) else 1 / count


def agreed(ballots: tuple[int | None, ...]) -> float:
    """Return the share of sampled answers that are the most frequent one; those without an answer are of none."""
    voted = [ballot for ballot in ballots if ballot is not None]
    return max((voted.count(one) for one in set(voted)), default=0) / len(ballots)


def cascade(question: Question, kit: Kit) -> Flow:
    """Answer at once, and think where that is unsure."""
    by_options = kit.setting("by") != VOTES and bool(question.choices)
    direct, sure = yield from (_by_options(question, kit) if by_options else _by_votes(question, kit))
    if direct.outcome is Outcome.ENGINE_ERROR or sure >= kit.setting("tau"):
        return direct
    [path] = yield from kit.ask(question)
    return (yield from kit.conclude(question, path))


def _by_options(question: Question, kit: Kit) -> Generator[Step, Any, tuple[Prediction, float]]:
    """Answer by the likeliest option, and say how likely it is."""
    [path] = yield from kit.ask(question, OPTIONS)
    if path.options is None or path.finish_reason == "error":
        return kit.read(question, path), 0.0
    read = Prediction(answer=path.text, rule="choice", span=(0, len(path.text)), source=path)
    return read, sureness(path, len(question.choices))


def _by_votes(question: Question, kit: Kit) -> Generator[Step, Any, tuple[Prediction, float]]:
    """Answer by a vote of sampled answers, and say how many of them agree."""
    paths = yield from singly(question, kit, kit.setting("votes"), VOTES)
    voted = yield from vote((yield from kit.conclude_each(question, paths, VOTES)))
    # What is recorded is one answer: its ballots are of some questions only, and are no vote of the arm's.
    alone = replace(voted, votes=None, before=None if voted.before is None else replace(voted.before, votes=None))
    return alone, agreed(voted.votes.ballots) if voted.votes is not None else 0.0


def _turns(settings: Mapping[str, Any], thinking: Turn | None = None) -> tuple[Turn, ...]:
    """Return the turn of the mode that thinks, and those of direct answers, as their own arms have them."""
    options = replace(DIRECT.own, name=OPTIONS, of=DIRECT.name, answer="choice")
    votes = replace(DIRECT_VOTES.own, name=VOTES, of=DIRECT_VOTES.name, paths=settings["votes"], set_paths=True)
    return (thinking or turn_of(settings), *(() if settings["by"] == VOTES else (options,)), votes)


def without_options(settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is set otherwise where an engine tells no probabilities of options; None where it takes them."""
    return None if settings["by"] == OPTIONS else {"by": VOTES}


_SETTINGS: Mapping[str, Own] = {
    OF: of_setting(COT.name),
    "tau": Own(TAU, "a number from 0 to 1", lambda value: type(value) in (int, float) and 0 <= value <= 1,
               "how sure a direct answer is to be: it thinks below"),
    "by": Own(BEST, *one_of(BEST, OPTIONS, VOTES), "what tells how sure it is: the probabilities of the options, votes "
              "of sampled direct answers, or options where they can be had (best)"),
    "votes": Own(DRAWN, *whole(2), "how many direct answers are sampled, of by=votes"),
}  # fmt: skip

CASCADE = Mode(
    name="cascade",
    about="the answer at once, and chain of thought or thinking (@of=think) only where the model is less sure of it "
    "than tau",
    turns=_turns({name: own.default for name, own in _SETTINGS.items()}, replace(COT.own, of=COT.name)),
    run=cascade,
    settings=_SETTINGS,
    shape=_turns,
    settles=without_options,
    shows="rationale",
    facts=Facts(label="cascade", colour="#393B79", marker="X", answers_in="words", of=COT.name),
)
