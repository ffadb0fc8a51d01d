"""Methods that read the answer out of the model's own words: one path (direct, chain of thought), or the majority of
several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cotbench.modes.confident import OFF, SETTINGS, confidences, facts_of, window_of
from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.steps import Flow, Paths, Step, compare, generate
from cotbench.modes.stopping import SETTINGS as STOPPING
from cotbench.modes.stopping import Stop, stop_of, told_of
from cotbench.modes.votes import Ballot, heaviest, margin, winner
from cotbench.types import LETTERS, Begun, Completion, Options, Outcome, Prediction, Question, Votes


def one_path(question: Question, kit: Kit) -> Flow:
    """Ask once and read the answer.

    What tells direct from CoT is the template's instruction and the budget, no more. Driven by hand:

        flow = one_path(question, kit)
        step = next(flow)               # Generate((the request,))
        flow.send([(completion,)])      # ends: StopIteration.value is the prediction
    """
    [path] = yield from kit.ask(question)
    return (yield from kit.conclude(question, path))


def answer_alone(question: Question, kit: Kit) -> Flow:
    """Ask for the answer alone: in words, or for the probabilities of the options."""
    if kit.mode.own.answer == "likeliest":
        return (yield from likeliest(question, kit))
    [path] = yield from kit.ask(question)
    if path.options is not None and path.finish_reason != "error":
        return _chosen(path)
    return (yield from kit.conclude(question, path))


def read_at_once(question: Question, kit: Kit, path: Completion) -> Prediction | None:
    """Read the only reply of a method that asks once, as its flow would without going on with it; None of methods that
    do more than that."""
    if kit.words or kit.mode.own.answer == "likeliest":
        return None
    if kit.mode.run is answer_alone and path.options is not None and path.finish_reason != "error":
        return _chosen(path)
    return kit.read(question, path) if kit.mode.run in (one_path, answer_alone) else None


def _chosen(path: Completion) -> Prediction:
    return Prediction(answer=path.text, rule="choice", span=(0, len(path.text)), source=path)


def likeliest(question: Question, kit: Kit) -> Flow:
    """Take the option that is likeliest on the average over all orders round, each option once at each letter, so that
    a model's liking for a letter helps none (Zheng et al. 2023, arXiv:2309.03882, cyclic permutation)."""
    count = len(question.choices)
    turned = [replace(question, choices=(*question.choices[k:], *question.choices[:k])) for k in range(count)]
    replies = yield from generate(*(kit.request(one) for one in turned))
    paths = [path for [path] in replies]
    failed = next((path for path in paths if path.finish_reason == "error"), None)
    if failed is not None:
        return kit.read(question, failed)
    shares = [0.0] * count
    mass = 0.0
    for shift, path in enumerate(paths):
        each = [math.exp((path.options or {}).get(letter, -math.inf)) for letter in LETTERS[:count]]
        total = sum(each)
        mass += total / count
        for place, probability in enumerate(each):
            shares[(place + shift) % count] += (probability / total if total else 1 / count) / count
    best = max(range(count), key=shares.__getitem__)
    options = Options(probabilities=dict(zip(LETTERS, shares, strict=False)), mass=mass)
    return Prediction(answer=LETTERS[best], rule="likeliest", options=options, source=paths[0])


def several_paths(question: Question, kit: Kit) -> Flow:
    """Draw several paths and take the answer that most of them reach.

    Self-consistency, where the paths are chains of thought (Wang et al. 2022, arXiv:2203.11171). The first step asks
    for n paths of one request; the second, if paths differ, has their answers compared."""
    if stop := stop_of(kit.settings):
        return (yield from until(stop, question, kit))
    paths = yield from kit.ask(question)
    return (yield from vote((yield from kit.conclude_each(question, paths))))


def sure_paths(question: Question, kit: Kit) -> Flow:
    """Draw several paths, as above; where the arm says so, each votes with the weight of the model's confidence in it
    (DeepConf, Fu et al. 2025, arXiv:2508.15260), or only those do of which it was surest; or it stops early."""
    if "stop" in kit.mode.settings and (stop := stop_of(kit.settings)):
        return (yield from until(stop, question, kit))
    paths = yield from kit.ask(question)
    readings = yield from kit.conclude_each(question, paths)
    measure = kit.setting("confidence") if "confidence" in kit.mode.settings else OFF
    if measure == OFF:
        return (yield from vote(readings))
    keep = kit.setting("keep")
    weights = confidences(paths, measure)
    answered = [weight for weight, reading in zip(weights, readings, strict=True) if reading.answer is not None]
    if answered and not any(weight is not None for weight in answered):
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)  # the engine told nothing to weight votes by
    return (yield from vote(readings, weights, lambda ballots: heaviest(ballots, weights, keep)))


def until(stop: Stop, question: Question, kit: Kit) -> Flow:
    """Draw paths until a rule stops, as many at once as it takes at least before it may, and take the answer that most
    of them reach."""
    readings: list[Prediction] = []
    voted = None
    while more := stop.least(voted.votes.ballots if voted and voted.votes else (), kit.most_paths):
        paths = yield from singly(question, kit, more)
        readings += yield from kit.conclude_each(question, paths)
        voted = yield from vote(readings)
        if voted.votes is None:  # a request failed
            break
    assert voted is not None
    return voted


def singly(question: Question, kit: Kit, count: int, turn: str = "") -> Generator[Step, Any, Paths]:
    """Ask for several paths of a turn, each by a request of its own: the same whatever their number is."""
    asked = kit.request(question, turn)
    replies = yield from generate(*[replace(asked, sampling=replace(asked.sampling, n=1))] * count)
    return tuple(path for [path] in replies)


def vote(
    readings: Sequence[Prediction],
    scores: Sequence[float | None] = (),
    pick: int | Callable[[Sequence[Ballot]], int | None] | None = None,
) -> Flow:
    """Take the majority over the readings of several paths, by the rules of `votes.py`, or the answer of one of them.

    Answers that the grader calls equal (1/2 and 0.5) are one. A path whose request failed spoils the vote. Where paths
    were gone on with, what the vote would be without that stands beside it. scores: what each path was given. pick:
    the place of the path that was chosen otherwise than by majority, or what chooses it once it is known which answers
    are equal; the ballots then say what the others answer."""
    if any(reading.outcome is Outcome.ENGINE_ERROR for reading in readings):
        return Prediction(answer=None, outcome=Outcome.ENGINE_ERROR)
    firsts = [reading.before or reading for reading in readings]
    different = list(dict.fromkeys(r.answer for r in (*readings, *firsts) if r.answer is not None))
    pairs = [(earlier, later) for index, later in enumerate(different) for earlier in different[:index]]
    equal = dict(zip(pairs, (yield from compare(pairs)), strict=True))
    equal |= {(later, earlier): same for (earlier, later), same in equal.items()}
    voted = _concluded(readings, equal, scores, pick)
    went_on = any(reading.before is not None for reading in readings)
    return replace(voted, before=_concluded(firsts, equal, scores, pick)) if went_on else voted


def _concluded(
    readings: Sequence[Prediction],
    equal: Mapping[tuple[str, str], bool],
    scores: Sequence[float | None],
    pick: int | Callable[[Sequence[Ballot]], int | None] | None,
) -> Prediction:
    """Conclude a vote, or a choice. equal: whether two answers are, in either order."""
    answers: list[str] = []
    number: dict[str, int] = {}  # of the answer among `answers` that each text is equal to
    for answer in dict.fromkeys(r.answer for r in readings if r.answer is not None):
        number[answer] = next((i for i, known in enumerate(answers) if equal[known, answer]), len(answers))
        if number[answer] == len(answers):
            answers.append(answer)
    ballots = tuple(None if r.answer is None else number[r.answer] for r in readings)
    abstained = Counter(r.outcome.value for r in readings if r.outcome is not None)
    votes = Votes(
        answers=tuple(answers),
        ballots=ballots,
        abstained=dict(abstained),
        margin=margin(ballots),
        scores=tuple(scores),
    )
    place = pick(ballots) if callable(pick) else pick
    if place is not None:
        won = ballots[place]
        own = None if won is None else answers[won]
        return replace(readings[place], answer=own, votes=votes, before=None)
    won = winner(ballots) if pick is None else None
    if won is None:
        return Prediction(answer=None, outcome=Outcome(abstained.most_common(1)[0][0]), votes=votes)
    return replace(readings[ballots.index(won)], answer=answers[won], votes=votes, before=None)


DIRECT = Mode(
    name="direct",
    about="the answer at once, without reasoning: its line is begun for the model, or asked for in words; greedy",
    turns=(Turn(template="direct", max_tokens=128, answer="best"),),
    run=answer_alone,
    facts=Facts(label="direct", colour="#000000", marker="s", answers_in="words", at_once=True),
)
FREE = Mode(
    name="free",
    about="the question and how to give the answer, no word on reasoning, and no thinking; greedy",
    turns=(Turn(template="free", max_tokens=2048),),
    run=one_path,
    facts=Facts(label="free", colour="#8C564B", marker="*", answers_in="words"),
)
COT = Mode(
    name="cot",
    about="chain of thought (Wei et al. 2022, Kojima et al. 2022): reason in writing, then answer; greedy",
    turns=(Turn(template="cot", max_tokens=2048),),
    run=one_path,
    shows="rationale",
    facts=Facts(label="CoT", colour="#D55E00", marker="o", answers_in="words", main=True, reasons=True),
)
DRAFT = Mode(
    name="draft",
    about="chain of draft (Xu et al. 2025, arXiv:2502.18600): reason in writing, a few words a step; greedy",
    turns=(Turn(template="draft", max_tokens=1024),),
    run=one_path,
    shows="rationale",
    facts=Facts(label="draft", colour="#BCBD22", marker="h", answers_in="words", reasons=True),
)
THINK = Mode(
    name="think",
    about="the prompt of free, and the model thinks before its visible reply; drawn as its card says",
    turns=(Turn(template="free", max_tokens=16_384, thinking=True, tuned={"sampling": "card"}),),
    run=one_path,
    facts=Facts(
        label="thinking", colour="#17BECF", marker="d", answers_in="words", against=f"{FREE.name}@sampling=card"
    ),
)
NO_THINK = Mode(
    name="no-think",
    about="the prompt of free, and an empty thought is written for a model that would think (Ma et al. 2025, "
    "arXiv:2504.09858); drawn as its card says",
    turns=(Turn(template="free", max_tokens=2048, thinking=None, begun=Begun(thought=""), tuned={"sampling": "card"}),),
    run=one_path,
    facts=Facts(label="no thinking", colour="#9EDAE5", marker="8", answers_in="words"),
)
_CHAINS = Turn(template="cot", max_tokens=2048, paths=20)


def _chains(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    stop_of(settings)  # which refuses what doesn't go together
    return (replace(_CHAINS, confidence=window_of(settings)),)


SELF_CONSISTENCY = Mode(
    name="self-consistency",
    about="majority vote over --paths chains of thought (Wang et al. 2022); temperature 0.7, top-p 0.95",
    turns=(_CHAINS,),
    run=sure_paths,
    settings={**SETTINGS, **STOPPING},
    shape=_chains,
    tells=lambda settings: {**facts_of(settings), **told_of(settings)},
    shows="rationale",
    facts=Facts(
        label="self-consistency", colour="#E69F00", marker="D", answers_in="words", votes_over=COT.name, reasons=True
    ),
)
_ANSWERS = Turn(template="direct", max_tokens=128, paths=20, answer="best")


def _answers(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    stop_of(settings)  # which refuses what doesn't go together
    return (_ANSWERS,)


DIRECT_VOTES = Mode(
    name="direct-votes",
    about="majority vote over --paths direct answers: what CoT's tokens buy without a chain of thought; "
    "temperature 0.7, top-p 0.95",
    turns=(_ANSWERS,),
    run=several_paths,
    settings=STOPPING,
    shape=_answers,
    tells=told_of,
    facts=Facts(
        label="direct-votes", colour="#7F7F7F", marker="p", answers_in="words", votes_over=DIRECT.name, at_once=True
    ),
)
