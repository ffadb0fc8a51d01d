"""Refine: answer, have the answer criticised, answer again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cotbench.modes.judged import EXAMPLE, heard
from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, one_of, whole
from cotbench.modes.paths import vote
from cotbench.modes.scores import shown_of, verdict_of
from cotbench.modes.steps import Flow
from cotbench.types import Completion, Node, Outcome, Prediction, Question

JUDGE, NONE = "judge", "none"


def refine(question: Question, kit: Kit) -> Flow:
    """Answer, criticise, and answer again with answer and criticism in view, until the critic finds the answer right or
    all rounds are over: Self-Refine (Madaan et al. 2023, arXiv:2303.17651), which may turn right answers wrong (Huang
    et al. 2023, arXiv:2310.01798).

    The first step is that of cot. Without a critic the model is told to check its answer, and no more."""
    [path] = yield from kit.ask(question)
    readings = [(yield from kit.conclude(question, path))]
    nodes = [_answered(readings[0], None)]
    for _ in range(kit.setting("rounds")):
        answer = readings[-1].source or path
        if readings[-1].outcome is Outcome.ENGINE_ERROR:
            break
        given, after = {"solution": shown_of(answer), "criticism": ""}, [answer]
        if kit.setting("critic") != NONE:
            shown = {"solution": given["solution"]}
            replies = yield from kit.ask(question, "criticism", after=after, **shown)
            if lost := kit.failed(replies):
                return lost
            [(right, said)] = yield from heard(question, kit, "criticism", [shown], replies, verdict_of, "Verdict:")
            nodes.append(_criticised(right, said, len(nodes) - 1))
            if right:
                break
            given["criticism"], after = shown_of(said[0]), [answer, said[0]]
        [path] = yield from kit.ask(question, "again", after=after, **given)
        readings.append((yield from kit.conclude(question, path, "again", **given)))
        nodes.append(_answered(readings[-1], len(nodes) - 1, len(readings) - 1))
    last = yield from vote(readings, pick=len(readings) - 1)
    return replace(last, nodes=tuple(nodes))


def _answered(reading: Prediction, parent: int | None, ballot: int = 0) -> Node:
    text = shown_of(reading.source) if reading.source is not None else ""
    return Node(text=text, role="answer", parent=parent, source=reading.source, ballot=ballot)


def _criticised(right: bool | None, said: tuple[Completion, ...], parent: int) -> Node:
    text, value = shown_of(said[0]), None if right is None else float(right)
    return Node(text=text, role="criticism", parent=parent, source=said[0], value=value, judged=said)


def turns(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The turns of refine: the answer, its criticism where there is a critic, and the answer again."""
    answer, rounds = Turn(template="cot", max_tokens=2048), settings["rounds"]
    given = {"solution": EXAMPLE}
    criticism = Turn(
        name="criticism", template="criticism", max_tokens=1024, by="judge", few_shot=False, given=given, asked=rounds
    )
    given = {**given, "criticism": "" if settings["critic"] == NONE else "The second step is wrong."}
    again = Turn(name="again", template="refine", max_tokens=2048, given=given, asked=rounds)
    return (answer, again) if settings["critic"] == NONE else (answer, criticism, again)


SETTINGS = {
    "rounds": Own(2, *whole(1), "how often an answer is criticised and given again, at most"),
    "critic": Own(JUDGE, *one_of(JUDGE, NONE), "who criticises: the judge, or nobody, and the model is told to check"),
}
REFINE = Mode(
    name="refine",
    about="answer, criticise, answer again (Madaan et al. 2023), which can hurt (Huang et al. 2023): up to rounds=2; "
    "critic=none only says to check; self-consistency at as many tokens is what it is measured by",
    turns=turns({"rounds": 2, "critic": JUDGE}),
    run=refine,
    shows="rationale",
    settings=SETTINGS,
    shape=turns,
    facts=Facts(
        label="refine", colour="#117733", marker=">", answers_in="words", reasons=True, picks="last", beside_vote=True
    ),
)
