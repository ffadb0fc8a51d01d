"""Best of n: of several chains of thought, the one that a judge finds the best."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from cotbench.answers.reading import split_reasoning
from cotbench.modes.kit import LINE_END, Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, one_of
from cotbench.modes.paths import vote
from cotbench.modes.scores import best_of, mark_of, shown_of
from cotbench.modes.steps import Continue, Flow, Step
from cotbench.types import Begun, Completion, Node, Outcome, Prediction, Question

SCORE, RANK = "score", "rank"
Heard = TypeVar("Heard")
UNSCORED = "unscored"  # the rule by which no path is chosen, since no mark could be read
_JUDGED = Turn(name="judge", template="judge", max_tokens=1024, by="judge", few_shot=False)
_PATHS = 20  # as many as self-consistency draws, so that a run of both draws them once


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of one path: its score, None where it has none or none that can be read, and the replies."""

    score: float | None = None
    said: tuple[Completion, ...] = ()


def best_of_n(question: Question, kit: Kit) -> Flow:
    """Draw several paths, have each judged, and take the answer of the best: the earliest of equals.

    Verifiers (Cobbe et al. 2021, arXiv:2110.14168), where the judge gives marks; a language model as the judge (Zheng
    et al. 2023, arXiv:2306.05685). Its first step is that of self-consistency. Where no score can be read, nothing is
    chosen."""
    paths = yield from kit.ask(question)
    readings = yield from kit.conclude_each(question, paths)
    if any(reading.outcome is Outcome.ENGINE_ERROR for reading in readings):
        return (yield from vote(readings))
    judge = by_rank if kit.setting("judge") == RANK else by_mark
    judgements = yield from judge(question, kit, readings)
    if lost := kit.failed(reply for judgement in judgements for reply in judgement.said):
        return lost
    scores = [judgement.score for judgement in judgements]
    scored = [place for place, score in enumerate(scores) if score is not None]
    best = max(scored, key=lambda place: scores[place] or 0.0) if scored else None  # the first of equals
    chosen = yield from vote(readings, scores, best)
    if best is None and chosen.answer is not None:
        chosen = Prediction(answer=None, outcome=Outcome.UNPARSED, rule=UNSCORED, votes=chosen.votes)
    return replace(chosen, nodes=_nodes(readings, judgements, best))


def by_mark(question: Question, kit: Kit, readings: Sequence[Prediction]) -> Generator[Step, Any, Sequence[Judgement]]:
    """Have each path that states an answer marked by itself. Paths with the same text are asked about once."""
    shown = _candidates(readings)
    first = {text: place for place, text in reversed(shown.items())}
    asked = dict(sorted(first.items(), key=lambda one: one[1]))
    after = [[source] if (source := readings[place].source) else [] for place in asked.values()]
    given = [{"solution": text} for text in asked]
    replies = yield from kit.ask_each(question, "judge", given, after)
    found = yield from heard(question, kit, "judge", given, [reply for [reply] in replies], mark_of, "Score (0 to 10):")
    marks = {text: Judgement(*one) for text, one in zip(asked, found, strict=True)}
    return [marks[shown[place]] if place in shown else Judgement() for place in range(len(readings))]


def by_rank(question: Question, kit: Kit, readings: Sequence[Prediction]) -> Generator[Step, Any, Sequence[Judgement]]:
    """Have the best one named of all different paths that state an answer, shown at once. They stand in an order by
    the run's seed, since judges like what stands first (Wang et al. 2023, arXiv:2305.17926)."""
    shown = _candidates(readings)
    texts = list(dict.fromkeys(shown.values()))
    order = kit.shuffled(question, len(texts))
    best: int | None = 0 if texts else None
    said: tuple[Completion, ...] = ()
    if len(texts) > 1:
        after = [source for place in shown if (source := readings[place].source)]
        solutions = [texts[place] for place in order]
        given = {"solutions": solutions}
        replies = yield from kit.ask(question, "judge", after=after, **given)
        read = partial(best_of, count=len(texts))
        [(named, said)] = yield from heard(question, kit, "judge", [given], replies, read, "Best:")
        best = None if named is None else order[named]
    score = {text: None if best is None else float(texts[best] == text) for text in texts}
    return [Judgement(score[shown[n]], said) if n in shown else Judgement() for n in range(len(readings))]


def heard(
    question: Question,
    kit: Kit,
    turn: str,
    given: Sequence[Mapping[str, Any]],
    replies: Sequence[Completion],
    read: Callable[[Completion], Heard | None],
    words: str,
) -> Generator[Step, Any, list[tuple[Heard | None, tuple[Completion, ...]]]]:
    """Read what a judge says in each reply, beside all the replies that it was read in. One that says nothing of the
    kind is gone on with by the words of its line, where the engine can: small models check, and don't end as they are
    asked to. given: as the replies were asked for; words: with which the line begins."""
    found: list[tuple[Heard | None, tuple[Completion, ...]]] = [(read(reply), (reply,)) for reply in replies]
    silent = [at for at, (value, [reply]) in enumerate(found) if value is None and _can_go_on(kit, turn, reply)]
    requests = [
        replace(kit.going_on(question, _line_after(replies[at], words), turn, **given[at]), after=(replies[at],))
        for at in silent
    ]
    further: Sequence[Sequence[Completion]] = (yield Continue(tuple(requests), judging=True)) if requests else ()
    for at, paths in zip(silent, further, strict=True):
        for path in paths:  # none in a run on record that did not ask
            if path.finish_reason not in ("error", "refused"):
                found[at] = (read(path), (replies[at], path))
    return found


def _can_go_on(kit: Kit, turn: str, reply: Completion) -> bool:
    """Whether a judge's reply can be gone on with: by the run's own model, and not within a thought."""
    if not kit.words or kit.asks_second(turn) or reply.finish_reason not in ("stop", "length"):
        return False
    return bool(reply.text.strip()) and not split_reasoning(reply.text).unclosed


def _line_after(reply: Completion, words: str) -> Begun:
    """What there is of a reply, and the beginning of a line behind an empty one."""
    text = reply.begun + reply.text
    apart = LINE_END * (2 - len(text) + len(text.rstrip(LINE_END)))
    begun = text if text.rstrip().endswith(words) else f"{text}{apart}{words}"
    return Begun(text=begun, thought=reply.reasoning or None)


def _candidates(readings: Sequence[Prediction]) -> dict[int, str]:
    """The texts of the paths that state an answer, by their places."""
    return {
        place: shown_of(reading.source)
        for place, reading in enumerate(readings)
        if reading.answer is not None and reading.source is not None
    }


def _nodes(readings: Sequence[Prediction], judgements: Sequence[Judgement], best: int | None) -> tuple[Node, ...]:
    return tuple(
        Node(
            text=shown_of(reading.source) if reading.source is not None else "",
            role="answer",
            source=reading.source,
            value=judgement.score,
            kept=place == best,
            why="" if place == best else _why(reading, judgement),
            judged=judgement.said,
            ballot=place,
        )
        for place, (reading, judgement) in enumerate(zip(readings, judgements, strict=True))
    )


def _why(reading: Prediction, judgement: Judgement) -> str:
    return "no answer" if reading.answer is None else "unread" if judgement.score is None else "pruned"


def turns(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The turns of best of n: its paths, and what the judge is asked of them."""
    paths = Turn(template="cot", max_tokens=2048, paths=_PATHS)
    if settings["judge"] == RANK:
        given = {"solutions": [EXAMPLE] * _PATHS}
        return paths, replace(_JUDGED, template="judge-rank", given=given)
    return paths, replace(_JUDGED, template="judge", given={"solution": EXAMPLE}, each=True, rewarded="solution")


EXAMPLE = "There are 3 boxes with 4 pens each, so 3 * 4 = 12 pens. 5 are given away: 12 - 5 = 7.\nAnswer: 7"
_JUDGE = Own(SCORE, *one_of(SCORE, RANK), "whether the judge marks each path, or names the best of all")
BEST_OF_N = Mode(
    name="best-of-n",
    about="of --paths chains of thought the one that a judge marks the highest (Cobbe et al. 2021, Zheng et al. 2023); "
    "the judge is --judge-model, or the model itself",
    turns=turns({"judge": SCORE}),
    run=best_of_n,
    shows="rationale",
    settings={"judge": _JUDGE},
    shape=turns,
    facts=Facts(
        label="best of n",
        colour="#882255",
        marker="<",
        answers_in="words",
        reasons=True,
        picks="best",
        beside_vote=True,
    ),
)
