"""Methods that read the answer out of the model's own words: one path (direct, chain of thought), or the majority of
several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.steps import Flow, compare
from cotbench.modes.votes import margin, winner
from cotbench.types import Outcome, Prediction, Question, Votes


def one_path(question: Question, kit: Kit) -> Flow:
    """Ask once and read the answer.

    What tells direct from CoT is the template's instruction and the budget, no more. Driven by hand:

        flow = one_path(question, kit)
        step = next(flow)               # Generate((the request,))
        flow.send([(completion,)])      # ends: StopIteration.value is the prediction
    """
    [path] = yield from kit.ask(question)
    return kit.read(question, path)


def several_paths(question: Question, kit: Kit) -> Flow:
    """Draw several paths and take the answer that most of them reach.

    Self-consistency, where the paths are chains of thought (Wang et al. 2022, arXiv:2203.11171). The first step asks
    for n paths of one request; the second, if paths differ, has their answers compared."""
    paths = yield from kit.ask(question)
    return (yield from vote([kit.read(question, path) for path in paths]))


def vote(readings: Sequence[Prediction]) -> Flow:
    """Take the majority over the readings of several paths, by the rules of `votes.py`.

    Answers that the grader calls equal (1/2 and 0.5) are one. A path whose request failed spoils the vote."""
    if any(reading.outcome is Outcome.ENGINE_ERROR for reading in readings):
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)
    different = list(dict.fromkeys(r.answer for r in readings if r.answer is not None))
    pairs = [(earlier, later) for index, later in enumerate(different) for earlier in different[:index]]
    equal = dict(zip(pairs, (yield from compare(pairs)), strict=True))
    answers: list[str] = []
    number: dict[str, int] = {}  # of the answer among `answers` that each text is equal to
    for answer in different:
        number[answer] = next((i for i, known in enumerate(answers) if equal[known, answer]), len(answers))
        if number[answer] == len(answers):
            answers.append(answer)
    ballots = tuple(None if r.answer is None else number[r.answer] for r in readings)
    abstained = Counter(r.outcome.value for r in readings if r.outcome is not None)
    votes = Votes(answers=tuple(answers), ballots=ballots, abstained=dict(abstained), margin=margin(ballots))
    won = winner(ballots)
    if won is None:
        return Prediction(answer=None, outcome=Outcome(abstained.most_common(1)[0][0]), votes=votes)
    return replace(readings[ballots.index(won)], answer=answers[won], votes=votes)


DIRECT = Mode(
    name="direct",
    about="the answer at once, without reasoning; greedy",
    turns=(Turn(template="direct", max_tokens=128, thinking=False),),
    run=one_path,
    facts=Facts(label="direct", colour="#000000", marker="s", answers_in="words"),
)
COT = Mode(
    name="cot",
    about="chain of thought (Wei et al. 2022, Kojima et al. 2022): reason in writing, then answer; greedy",
    turns=(Turn(template="cot", max_tokens=2048),),
    run=one_path,
    shows="rationale",
    facts=Facts(label="CoT", colour="#D55E00", marker="o", answers_in="words", main=True),
)
SELF_CONSISTENCY = Mode(
    name="self-consistency",
    about="majority vote over --paths chains of thought (Wang et al. 2022); temperature 0.7, top-p 0.95",
    turns=(Turn(template="cot", max_tokens=2048, paths=20),),
    run=several_paths,
    shows="rationale",
    facts=Facts(label="self-consistency", colour="#E69F00", marker="D", answers_in="words", votes_over=COT.name),
)
DIRECT_VOTES = Mode(
    name="direct-votes",
    about="majority vote over --paths direct answers: what CoT's tokens buy without a chain of thought; "
    "temperature 0.7, top-p 0.95",
    turns=(Turn(template="direct", max_tokens=128, paths=20, thinking=False),),
    run=several_paths,
    facts=Facts(label="direct-votes", colour="#7F7F7F", marker="p", answers_in="words", votes_over=DIRECT.name),
)
