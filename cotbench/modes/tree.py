"""Tree of Thoughts (Yao et al. 2023, arXiv:2305.10601): a search among the steps that a model could take.

A state is a question and some steps towards its answer. The model writes the next ones (`generate`: several in one
reply, or each in a path of its own), says what each is worth (`evaluate`: each by itself, or all side by side), and the
best are gone on with: breadth first (the paper's algorithm 1) or depth first (algorithm 2). The last step is the
answer, asked for by the mode's own turn and read as everywhere.

As in the authors' code, the values of several judgements are summed, what looks the same to the judge is judged once, a
state that another of its level repeats is worth 0, and so is a last step without an answer. `states.py` has what
differs by the kind of answers."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, one_of, whole
from cotbench.modes.paths import vote
from cotbench.modes.reading import without_answer
from cotbench.modes.states import (
    EXPRESSIONS,
    OTHERS,
    PROMISING,
    Kind,
    Shown,
    kind_of,
    lines_of,
    read_choice,
    read_judgement,
    visible,
)
from cotbench.modes.steps import Flow, Paths, Step
from cotbench.types import AnswerType, Completion, Node, Outcome, Prediction, Question


def tree_of_thoughts(question: Question, kit: Kit) -> Flow:
    """Search for the steps that lead to the answer, and return the answer of the best state in the end."""
    tree = Tree(question, kit)
    kept, leaves, waiting = [tree.root], list[State](), [tree.root]
    try:
        if kit.setting("search") == "bfs":  # algorithm 1: the best b states of each level
            while not all(map(tree.is_over, kept)):
                states = yield from tree.generate(kept)
                yield from tree.evaluate(states)
                kept = tree.best(states)
        else:  # algorithm 2: the best child first, until b answers are found that have a chance
            while waiting and len(leaves) < tree.b:
                state, *others = kept = waiting
                states = yield from tree.generate([state])
                yield from tree.evaluate(states)
                promising = tree.promising(states)
                leaves += [child for child in promising if child.reading]
                waiting = [child for child in promising if not child.reading] + others
            kept = ranked(leaves)
    except OutOfCalls:
        kept = ranked(leaves) or kept[: tree.b]
    except Lost as lost:
        return tree.told(lost.prediction)
    return (yield from tree.conclude(kept))


class OutOfCalls(Exception):
    """The question has had all the requests that it may have."""


class Lost(Exception):
    """A reply was not had without which the search isn't what it is said to be. prediction: what stands for it."""

    def __init__(self, prediction: Prediction) -> None:
        super().__init__()
        self.prediction = prediction


@dataclass(eq=False, slots=True, kw_only=True)
class State:
    """Some steps towards an answer. reply, reading: of one whose last step is the answer: what the model wrote, and
    what was read in it. The rest is as in `types.Node`."""

    steps: tuple[str, ...] = ()
    parent: State | None = None
    source: Completion | None = None
    reply: str = ""
    reading: Prediction | None = None
    value: float | None = None
    judged: Paths = ()
    kept: bool = False
    why: str = ""

    @property
    def text(self) -> str:
        """All its steps, one a line, and its answer."""
        return "\n".join(filter(None, (*self.steps, self.reply)))


class Tree:
    """The search of one question: its states, in the order in which they were written, and what may still be asked."""

    def __init__(self, question: Question, kit: Kit) -> None:
        self.question, self.kit = question, kit
        self.kind = kind_of(kit.kind_of(question), question)
        self.b: int = kit.setting("b") or self.kind.b
        self.steps: int = kit.setting("steps") or self.kind.steps(question)
        self.thoughts: int = kit.setting("thoughts") or self.kind.thoughts
        evaluate = kit.setting("evaluate")
        self.votes = (self.kind.evaluate if evaluate == "auto" else evaluate) == "vote"
        self.calls: int = kit.setting("calls") - self.b  # as many as may have to be finished at the end
        self.root = State()
        self.states: list[State] = []
        self._judged: dict[tuple[str, ...], Paths] = {}  # by what was shown
        self._voted = 0
        self._silent: Completion | None = None  # a reply in which there was no step

    def generate(self, states: Sequence[State]) -> Generator[Step, Any, list[State]]:
        """Have the next steps of states written; one that has its answer stands for itself."""
        going = [state for state in states if not self.is_over(state)]
        self._spend(len(going))
        ending = [state for state in going if self.kind.ends(self._shown(state), self._last(state))]
        further = [state for state in going if state not in ending]
        children = {state: [child] for state, child in zip(ending, (yield from self._finish(ending)), strict=True)}
        children |= yield from self._propose(further)
        new = [child for state in states for child in children.get(state, [state])]
        self.states += [state for state in new if state not in states]
        return new

    def _propose(self, states: Sequence[State]) -> Generator[Step, Any, dict[State, list[State]]]:
        """Have steps proposed in one reply each, or drawn as paths of one request each."""
        sampled = self.kit.setting("generate") == "sample"
        given = [{**self._shown(state), **({} if sampled else {"k": self.thoughts})} for state in states]
        replies = yield from self._ask("sample" if sampled else "propose", given, [[state.source] for state in states])
        children: dict[State, list[State]] = {}
        for state, paths in zip(states, replies, strict=True):
            found = [(path, step) for path in paths for step in self._steps_in(path, one=sampled)]
            found = found if sampled or not self.thoughts else found[: self.thoughts]
            self._silent = self._silent if found else paths[0]
            children[state] = [State(steps=(*state.steps, s), parent=state, source=path) for path, s in found]
        return children

    def _steps_in(self, path: Completion, *, one: bool) -> list[str]:
        lines = lines_of(path)
        return [self.kind.thought(lines)] if one and lines else lines

    def _finish(self, states: Sequence[State]) -> Generator[Step, Any, list[State]]:
        """Have the answers written that the steps of states lead to."""
        given = [{"steps": "\n".join(state.steps)} for state in states]
        replies = yield from self._ask("", given, [[state.source] for state in states])
        answers: list[State] = []
        for state, [path], shown in zip(states, replies, given, strict=True):
            reading = yield from self.kit.conclude(self.question, path, **shown)
            reply = visible(reading.source or path)
            answers.append(State(steps=state.steps, parent=state, source=path, reply=reply, reading=reading))
        return answers

    def evaluate(self, states: Sequence[State]) -> Generator[Step, Any, None]:
        """Have new states judged, those apart that are worth nothing whatever a judge says."""
        seen: set[str] = set()
        worthy: list[State] = []
        for state in states:
            if state.text in seen:
                state.value, state.why = 0.0, "duplicate"
            elif self._has_no_answer(state):
                state.value, state.why = 0.0, "no answer"
            else:
                worthy.append(state)
            seen.add(state.text)
        yield from self._vote(worthy) if self.votes else self._value([state for state in worthy if not state.judged])
        for state in worthy:
            state.why = "unread" if state.judged and state.value is None else ""

    def _has_no_answer(self, state: State) -> bool:
        """Whether a state has no answer where it should, and is worth nothing by that."""
        if state.reading is None and self.kit.setting("unfinished") == "judged":
            return False
        return self.is_over(state) and (state.reading is None or state.reading.answer is None)

    def _value(self, states: Sequence[State]) -> Generator[Step, Any, None]:
        """Have each state judged by itself; once what looks the same."""
        views = [self._view(state) for state in states]
        new: dict[tuple[str, ...], tuple[State, Shown]] = {}
        for state, (key, given) in zip(states, views, strict=True):
            if key not in self._judged:
                new.setdefault(key, (state, given))
        self._spend(len(new))
        for turn in ("value", "check"):
            some = {key: one for key, one in new.items() if key[0] == turn}
            after = [[state.source] for state, _ in some.values()]
            replies = yield from self._ask(turn, [given for _, given in some.values()], after)
            self._judged |= dict(zip(some, replies, strict=True))
        for state, (key, _) in zip(states, views, strict=True):
            state.judged = self._judged[key]
            said = [worth for path in state.judged if (worth := read_judgement(path)) is not None]
            state.value = sum(said) if said else None

    def _view(self, state: State) -> tuple[tuple[str, ...], Shown]:
        """What a judge is shown of a state, and that with its turn as a key."""
        turn, shown = self.kind.judged(self.question, state.steps, state.reply)
        return (turn, *shown.values()), shown

    def _vote(self, states: Sequence[State]) -> Generator[Step, Any, None]:
        """Have the most promising of states voted for. Of a single one nobody has to say anything."""
        if len(states) < 2:
            return
        self._spend(1)
        order = self.kit.shuffled(self.question, len(states), self._voted)
        self._voted += 1
        after = [state.source for state in states]
        [paths] = yield from self._ask("vote", [{"states": [states[place].text for place in order]}], [after])
        chosen = [choice for path in paths if (choice := read_choice(path, len(states))) is not None]
        for shown, place in enumerate(order):
            states[place].judged = paths
            states[place].value = float(chosen.count(shown)) if chosen else None

    def best(self, states: Sequence[State]) -> list[State]:
        """Keep the b best states."""
        best = ranked(states)
        for place, state in enumerate(best):
            state.kept = place < self.b
            state.why = "" if state.kept else state.why or "beaten"
        return best[: self.b]

    def promising(self, states: Sequence[State]) -> list[State]:
        """Leave out states in which no judge sees a chance; the best first. What nobody could be understood on stays:
        that is no judgement. Votes say which is the best, and of none that it has no chance."""
        for state in states:
            low = state.value is not None and state.value < PROMISING and not self.votes
            if low or state.why in ("duplicate", "no answer"):
                state.why = state.why or "pruned"
        return [state for state in ranked(states) if state.why in ("", "unread")]

    def conclude(self, kept: Sequence[State]) -> Flow:
        """Take the answer of the best of the last states; the others' stand beside it as ballots, in order of their
        values. One that is not at its end, because no more may be asked, is finished as it is. kept: the best first."""
        cut = [state for state in kept if not self.is_over(state)]
        try:
            finished = dict(zip(cut, (yield from self._finish(cut)), strict=True))
        except Lost as lost:
            return self.told(lost.prediction)
        self.states += finished.values()
        for state, answer in finished.items():
            answer.value, answer.judged = state.value, state.judged
        last = [finished.get(state, state) for state in kept]
        if not last:
            ended = Completion(text="", finish_reason="stop") if self._silent is None else self._silent
            return self.told(without_answer(ended, Outcome.UNPARSED))
        readings = [state.reading or Prediction(answer=None, outcome=Outcome.UNPARSED) for state in last]
        return self.told((yield from vote(readings, [state.value for state in last], pick=0)), last)

    def told(self, prediction: Prediction, last: Sequence[State] = ()) -> Prediction:
        """Add to a prediction the tree that led to it."""
        for state in self.states:  # what has children was gone on with
            if state.parent is not None:
                state.parent.kept, state.parent.why = True, ""
        for state in last:
            state.kept, state.why = True, ""
        place = {state: number for number, state in enumerate(self.states)}
        nodes = [
            Node(
                text=state.steps[-1] if state.reading is None else state.reply,
                role="thought" if state.reading is None else "answer",
                parent=place.get(state.parent) if state.parent is not None else None,
                source=state.source,
                value=state.value,
                kept=state.kept,
                why=state.why or ("" if state.kept else "not reached"),
                judged=state.judged,
                ballot=last.index(state) if state in last else None,
            )
            for state in self.states
        ]
        return replace(prediction, nodes=tuple(nodes))

    def _shown(self, state: State) -> Shown:
        return self.kind.shown(self.question, state.steps)

    def _last(self, state: State) -> bool:
        return len(state.steps) + 1 >= self.steps

    def is_over(self, state: State) -> bool:
        """Whether a state has its answer, or no step is left for one."""
        return state.reading is not None or len(state.steps) >= self.steps

    def _spend(self, requests: int) -> None:
        """Count requests that are about to be made. Raises OutOfCalls where not all of them may be."""
        if requests > self.calls:
            self.calls = 0
            raise OutOfCalls
        self.calls -= requests

    def _ask(
        self, turn: str, given: Sequence[Mapping[str, Any]], after: Sequence[Iterable[Completion | None]]
    ) -> Generator[Step, Any, Sequence[Paths]]:
        """Ask a turn of several states at once. Raises Lost where a reply isn't had: a smaller tree would pass for the
        whole one. A model that won't answer has refused; a judge that won't is away."""
        behind = [list(dict.fromkeys(id(one) for one in some if one is not None)) for some in after]
        known = {id(one): one for some in after for one in some if one is not None}
        replies = yield from self.kit.ask_each(self.question, turn, given, [[known[i] for i in ids] for ids in behind])
        lasting = ("error",) if not turn else ("error", "refused")  # that no answer is given is an answer like another
        bad = [path for paths in replies for path in paths if path.finish_reason in lasting]
        if lost := self.kit.failed(bad):
            raise Lost(without_answer(bad[0], Outcome.UNPARSED) if turn in ("propose", "sample") else lost)
        return replies


def ranked(states: Iterable[State]) -> list[State]:
    """The best first; of equals the earlier. Last those of which no judgement could be read, and then those that have
    no answer where they should."""
    return sorted(states, key=lambda state: (state.why == "no answer", state.value is None, -(state.value or 0.0)))


# --- the row of the mode --------------------------------------------------------------------------------------------


EXAMPLE = "8 - 5 = 3 (left: 3 3 6)"  # a step, as long as they are of puzzles; for estimates
SAMPLED = 5  # steps that are drawn for a state, where an arm says nothing


def _asked(settings: Mapping[str, Any], kind: Kind, steps: int) -> dict[str, int]:
    """How often each turn is asked at most, of a question of a kind whose puzzles take so many steps."""
    calls, b = settings["calls"], settings["b"] or kind.b
    steps, wide = min(settings["steps"] or steps, calls), settings["thoughts"] or kind.thoughts or calls
    breadth_first = settings["search"] == "bfs"
    expanded = [1]  # states of each level
    while len(expanded) < steps:
        expanded.append(min(expanded[-1] * wide, b if breadth_first else calls))
    proposed = expanded[: steps - (kind is OTHERS)]  # in a puzzle, what isn't ready to be answered is proposed further
    evaluate = settings["evaluate"] if settings["evaluate"] != "auto" else kind.evaluate
    wanted = {
        settings["generate"]: sum(proposed),
        "": expanded[-1],
        "check": expanded[-1] if evaluate == "value" else 0,
        "vote": (steps if breadth_first else sum(expanded)) if evaluate == "vote" else 0,
        "value": sum(wide * count for count in expanded[: steps - 1]) if evaluate == "value" else 0,
    }
    asked: dict[str, int] = {}
    for turn, count in wanted.items():
        asked[turn] = min(count, calls - sum(asked.values()))
    return asked


def _turns(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    """Make the turns by what an arm sets. Temperature 0.7 and top-p 1 are the paper's, of every request."""
    shown = {"steps": "-", "left": ""}

    def judging(name: str, template: str, given: Mapping[str, Any]) -> Turn:
        paths = settings["values"]
        return _turn(name, template, given, max_tokens=1024, by="judge", paths=paths, set_paths=True, few_shot=False)

    generate = {
        "propose": _turn("propose", "tot-propose", {**shown, "k": 3}, max_tokens=1024, few_shot=False),
        "sample": _turn(
            "sample",
            "tot-sample",
            shown,
            max_tokens=512,
            paths=settings["thoughts"] or SAMPLED,
            set_paths=True,
            few_shot=False,
        ),
    }[settings["generate"]]
    valued = (judging("value", "tot-value", shown), judging("check", "tot-check", {**shown, "reply": "-"}))
    voted = (judging("vote", "tot-vote", {"states": ["-", "-"]}),)
    evaluate = {"value": valued, "vote": voted, "auto": (*valued, *voted)}[settings["evaluate"]]
    answer = _turn("", "tot", {"steps": "-"}, max_tokens=2048)
    asked, of_puzzles = _asked(settings, OTHERS, 3), _asked(settings, EXPRESSIONS, 4)
    return tuple(
        replace(turn, asked=asked.get(turn.name, 0), asked_of={AnswerType.EXPRESSION: of_puzzles.get(turn.name, 0)})
        for turn in (generate, *evaluate, answer)
    )


def _turn(name: str, template: str, given: Mapping[str, Any], **more: Any) -> Turn:
    """Make a turn. What it is given depends on the kind of answers where it sees a state."""

    def example(answer_type: str, question: Question) -> Mapping[str, Any]:
        return {**given, **kind_of(answer_type, question).shown(question, (EXAMPLE,))}

    turn = Turn(name=name, template=template, given=given, drawn=True, top_p=1.0, **more)
    return replace(turn, example=example) if "left" in given else turn


_KIND = "0: as the kind of answers has it"
SETTINGS = {
    "b": Own(0, *whole(0), f"how many states are kept, or answers found depth first; {_KIND} (game24 5, others 2)"),
    "thoughts": Own(0, *whole(0), f"how many next steps a state has at most; {_KIND} (game24 all, others 3; drawn: 5)"),
    "steps": Own(0, *whole(0), f"how many steps there are, the answer's among them; {_KIND} (game24 4, others 3)"),
    "values": Own(3, *whole(1), "how many judgements are drawn of a state, or votes among several"),
    "search": Own("bfs", *one_of("bfs", "dfs"), "breadth first, or depth first"),
    "generate": Own("propose", *one_of("propose", "sample"), "next steps in one reply, or each in a path of its own"),
    "evaluate": Own("auto", *one_of("auto", "value", "vote"), "states judged each by itself, or side by side; auto: "
                    "as the kind of answers has it (game24 value, others vote)"),
    "unfinished": Own("zero", *one_of("zero", "judged"), "what a puzzle's last step that isn't its answer is worth: "
                      "nothing, or what a judge says of it"),
    "calls": Own(200, *whole(1), "how many requests a question may take; then what is kept is finished as it is"),
}  # fmt: skip
TOT = Mode(
    name="tot",
    about="Tree of Thoughts (Yao et al. 2023): steps are proposed, judged by the model, and the best gone on with",
    turns=_turns({name: own.default for name, own in SETTINGS.items()}),
    run=tree_of_thoughts,
    shows="rationale",
    settings=SETTINGS,
    shape=_turns,
    facts=Facts(
        label="Tree of Thoughts", colour="#AA4499", marker="p", answers_in="words", picks="first", beside_vote=True
    ),
)
