"""Tree of Thoughts, driven by hand and by the stub: what is asked, what is kept, and what ends a search."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cases
import pytest
from conftest import Cli

from cotbench.modes import Compare, Consult, Generate, Kit, Mode, find_mode
from cotbench.modes.states import lines_of, read_choice, read_judgement
from cotbench.modes.tree import tree_of_thoughts
from cotbench.types import Completion, Message, Node, Outcome, Prediction, Question, Request, Sampling

Given = dict[str, Any]
Answerer = Callable[[str, Given], Sequence[str]]  # a turn's name and what it is given -> the texts of its paths


@dataclass(frozen=True, kw_only=True)
class Bare(Kit):
    """A kit whose requests say which turn they are of and what it is given."""

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:
        return Request(
            messages=(Message(role="user", text=json.dumps(given)),),
            sampling=Sampling(max_tokens=1, n=self.mode.turn(turn).paths or 1),
            template=turn,
        )


@dataclass
class Run:
    """What was asked on the way to a prediction: by turn, what it was given, and the completions it builds on."""

    prediction: Prediction
    asked: list[tuple[str, Given, tuple[Completion, ...]]] = field(default_factory=list)

    def turn(self, name: str) -> list[Given]:
        return [given for turn, given, _ in self.asked if turn == name]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.prediction.nodes

    def node(self, text: str) -> Node:
        [found] = [node for node in self.nodes if node.text == text]
        return found


def search(mode: str, text: str, answer: Answerer, *, kind: str = "expression", seed: int = 0) -> Run:
    """Drive the method by hand. A text that begins with "!" is a reply that wasn't had: "!error", "!refused"."""
    arm: Mode = find_mode(mode)
    run = Run(Prediction(answer=None, outcome=Outcome.UNPARSED))
    flow = arm.run(Question(id="q", task="t", text=text), Bare(mode=arm, answer_type=kind, seed=seed))
    try:
        step = next(flow)
        while True:
            if isinstance(step, Compare):
                step = flow.send([same(*pair) for pair in step.items])
                continue
            assert isinstance(step, Generate | Consult)
            replies = []
            for request in step.items:
                given = json.loads(request.messages[0].text)
                texts = answer(request.template, given)
                run.asked.append((request.template, given, request.after))
                paths = [texts[place % len(texts)] for place in range(request.sampling.n)]
                replies.append(tuple(completion(path) for path in paths))
            step = flow.send(replies)
    except StopIteration as end:
        run.prediction = end.value
    return run


def completion(text: str) -> Completion:
    reasons: dict[str, Any] = {"!error": "error", "!refused": "refused"}
    return Completion(text="" if text in reasons else text, finish_reason=reasons.get(text, "stop"))


def same(one: str, other: str) -> bool:
    return value_of(one) == value_of(other)


def value_of(expression: str) -> Fraction | None:
    numbers = "".join(f"Fraction({part})" if part.isdigit() else part for part in _parts(expression))
    try:
        return Fraction(eval(numbers, {"Fraction": Fraction}))  # of the test's own making
    except ZeroDivisionError:
        return None


def _parts(expression: str) -> list[str]:
    spaced = "".join(f" {sign} " if sign in "+-*/()" else sign for sign in expression)
    return spaced.split()


# --- a perfect model of the Game of 24, by another way than the search takes ------------------------------------------


@cache
def made(numbers: tuple[Fraction, ...]) -> frozenset[Fraction]:
    """All values that expressions of these numbers have: of each way to split them into two sides."""
    if len(numbers) == 1:
        return frozenset(numbers)
    values: set[Fraction] = set()
    for mask in range(1, 2 ** (len(numbers) - 1)):
        left = tuple(number for place, number in enumerate(numbers) if mask >> place & 1)
        right = tuple(number for place, number in enumerate(numbers) if not mask >> place & 1)
        for a in made(left):
            for b in made(right):
                values |= {a + b, a - b, b - a, a * b} | ({a / b} if b else set()) | ({b / a} if a else set())
    return frozenset(values)


def numbers_in(text: str) -> list[Fraction]:
    return [Fraction(word) for word in text.split()]


def proposals(left: str) -> list[str]:
    numbers = numbers_in(left)
    steps = []
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            rest = [number for place, number in enumerate(numbers) if place not in (i, j)]
            for sign, value in (("+", a + b), ("-", a - b), ("*", a * b), ("/", a / b if b else None)):
                if i != j and value is not None and not (sign in "+*" and i > j):
                    steps.append(f"{a} {sign} {b} = {value} (left: {' '.join(map(str, [*rest, value]))})")
    return steps


def expression_of(numbers: str, steps: str) -> str:
    """The expression that steps make."""
    texts = [(number, str(number)) for number in numbers_in(numbers)]
    for step in steps.splitlines():
        a, sign, b, _, value = step.split(" (left")[0].split()
        sides = []
        for side in (a, b):
            found = next(one for one in texts if one[0] == Fraction(side))
            texts.remove(found)
            sides.append(found[1])
        texts.append((Fraction(value), f"({sides[0]} {sign} {sides[1]})"))
    [(_, text)] = texts
    return text


def perfect(puzzle: str) -> Answerer:
    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "propose":
            return ["\n".join(proposals(given["left"]))]
        if turn == "value":
            return ["sure" if 24 in made(tuple(sorted(numbers_in(given["left"])))) else "impossible"]
        if turn == "check":
            return ["sure" if value_of(given["reply"].removeprefix("Answer: ")) == 24 else "impossible"]
        assert turn == ""
        return [f"Answer: {expression_of(puzzle, given['steps'])}"]

    return answer


def puzzles(count: int) -> list[str]:
    draw = random.Random(24)
    return [" ".join(str(draw.randint(1, 13)) for _ in range(4)) for _ in range(count)]


ALL = pytest.param(200, marks=pytest.mark.patient)


@pytest.mark.parametrize("mode", ["tot@calls=1000", "tot@search=dfs@calls=1000", "tot@search=dfs@b=1@calls=1000"])
@pytest.mark.parametrize("count", [8, ALL])
def test_with_a_perfect_model_all_solvable_puzzles_are_solved_and_no_others(mode: str, count: int) -> None:
    solvable = 0
    for puzzle in puzzles(count):
        found = search(mode, f"Numbers: {puzzle}", perfect(puzzle)).prediction
        exists = 24 in made(tuple(sorted(numbers_in(puzzle))))
        solvable += exists
        if not exists:
            assert (found.answer, found.outcome) == (None, Outcome.UNPARSED), puzzle
            continue
        assert found.answer is not None, puzzle
        assert value_of(found.answer) == 24
        assert sorted(part for part in _parts(found.answer) if part.isdigit()) == sorted(puzzle.split())
        assert found.votes is not None
        assert found.votes.ballots[0] is not None
    assert 0 < solvable < count


def test_the_method_is_one_short_generator() -> None:
    assert inspect.isgeneratorfunction(tree_of_thoughts)
    assert len(inspect.getsource(tree_of_thoughts).splitlines()) <= 40


# --- breadth first ----------------------------------------------------------------------------------------------------

PUZZLE = "Numbers: 2 3 9 15\n\nMake 24 of them."


def test_who_proposes_sees_the_numbers_that_are_left_and_who_answers_all_steps() -> None:
    run = search("tot@b=1", PUZZLE, perfect("2 3 9 15"))
    lefts = [given["left"] for given in run.turn("propose")]
    assert lefts[0] == "2 3 9 15"
    assert [len(left.split()) for left in lefts] == [4, 3, 2]
    assert all(given["steps"] == "" for given in run.turn("propose"))
    [answered] = run.turn("")
    steps = answered["steps"].splitlines()
    assert len(steps) == 3
    assert steps[-1].endswith("(left: 24)")
    [checked] = run.turn("check")
    assert checked["left"] == "2 3 9 15"
    assert checked["reply"].startswith("Answer: ")
    assert run.prediction.answer is not None


def test_each_request_names_the_completion_that_it_builds_on() -> None:
    run = search("tot@b=1", PUZZLE, perfect("2 3 9 15"))
    assert run.asked[0][2] == ()
    assert all(len(after) == 1 for _, _, after in run.asked[1:])
    [answer] = [node for node in run.nodes if node.role == "answer"]
    [(_, _, after)] = [one for one in run.asked if one[0] == ""]
    assert answer.parent is not None
    assert after[0] is run.nodes[answer.parent].source
    assert all(node.parent is None or node.parent < place for place, node in enumerate(run.nodes))


def test_what_looks_the_same_is_judged_once_and_a_repeated_state_is_worth_nothing() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "propose" and given["left"] == "2 3 9 15":
            same_left = ["2 * 3 = 6 (left: 6 9 15)", "3 * 2 = 6 (left: 6 9 15)"]
            return ["\n".join([*same_left, same_left[0], "9 + 15 = 24 (left: 2 3 24)"])]
        return ["None."] if turn == "propose" else ["likely"]

    run = search("tot@steps=2", PUZZLE, answer)
    first = [given["left"] for given in run.turn("value")]
    assert first == ["6 9 15", "2 3 24"]
    level = [node for node in run.nodes if node.parent is None]
    assert [(node.value, node.why) for node in level] == [(3.0, ""), (3.0, ""), (0.0, ""), (3.0, "")]
    assert level[0].judged == level[1].judged
    assert level[2].judged == ()
    dropped = search("tot@steps=2@b=3", PUZZLE, answer)
    assert [(node.kept, node.why) for node in dropped.nodes[:4]] == [
        (True, ""),
        (True, ""),
        (False, "duplicate"),
        (True, ""),
    ]


def test_values_are_sums_and_of_equals_the_earlier_is_kept() -> None:
    said = {"a": ["sure", "likely", "impossible"], "b": ["likely"] * 3, "c": ["likely"] * 3, "d": ["impossible"] * 3}
    run = search("tot@b=2@thoughts=4@evaluate=value", "Why?", by_word(said), kind="text")
    assert [(node.text, node.value, node.kept, node.why) for node in run.nodes[:4]] == [
        ("a", 21.001, True, ""),
        ("b", 3.0, True, ""),
        ("c", 3.0, False, "beaten"),
        ("d", 0.003, False, "beaten"),
    ]


def by_word(said: dict[str, list[str]]) -> Answerer:
    """A model whose first thoughts are the words, each judged as said; what follows is alike."""

    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "propose":
            return ["on" if given["steps"] else "\n".join(said)]
        if turn == "value":
            return said.get(given["steps"], ["likely"])
        return ["Answer: Paris"] if turn == "" else ["sure"]

    return answer


def test_what_can_not_be_read_adds_nothing_and_a_state_without_any_value_comes_last() -> None:
    said = {"a": ["Hm.", "not sure", "?"], "b": ["impossible"] * 3, "c": ["likely", "well", "well"]}
    run = search("tot@b=2@evaluate=value", "Why?", by_word(said), kind="text")
    assert [(node.text, node.value, node.kept, node.why) for node in run.nodes[:3]] == [
        ("a", None, False, "unread"),
        ("b", 0.003, True, ""),
        ("c", 1.0, True, ""),
    ]
    assert len(run.node("a").judged) == 3
    deep = search("tot@b=2@evaluate=value@search=dfs", "Why?", by_word(said), kind="text")
    assert deep.node("a").why in ("", "not reached"), "depth first doesn't take it for impossible"
    assert deep.node("b").why == "pruned"


def test_a_last_step_that_is_no_answer_is_worth_nothing_and_is_not_judged() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        steps = {"2 3 9 15": "9 + 15 = 24 (left: 24)\n9 + 3 = 12 (left: 12 15)", "12 15": "12 + 15 = 27 (left: 27)"}
        if turn == "propose":
            return [steps[given["left"]]]
        return ["Answer: 9 + 15"] if turn == "" else ["impossible"]

    run = search("tot@steps=2", PUZZLE, answer)
    assert [node.text for node in run.nodes if node.ballot == 0] == ["Answer: 9 + 15"], "judged impossible thrice"
    last = run.node("12 + 15 = 27 (left: 27)")
    assert (last.value, last.kept, last.ballot) == (0.0, True, 1)
    assert "27" not in [given["left"] for given in run.turn("value")]
    assert run.prediction.votes is not None
    assert run.prediction.votes.ballots == (0, None)
    assert run.prediction.votes.scores == (0.003, 0.0)
    judged = search("tot@steps=2@unfinished=judged", PUZZLE, answer)
    assert "27" in [given["left"] for given in judged.turn("value")]
    assert judged.node("12 + 15 = 27 (left: 27)").value == 0.003


def test_a_line_that_does_not_say_what_is_left_is_judged_as_an_answer() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        return ["9 / 2 (not whole)"] if turn == "propose" else ["impossible"]

    run = search("tot@steps=1", PUZZLE, answer)
    assert run.nodes[0].text == "9 / 2 (not whole)"
    two = search("tot@steps=2", PUZZLE, answer)
    assert two.turn("check") == [{"steps": "", "left": "2 3 9 15", "reply": "9 / 2 (not whole)"}]
    assert two.turn("propose")[1]["left"] == "9 / 2 (not whole)"


def test_a_model_that_proposes_nothing_has_no_answer() -> None:
    run = search("tot", PUZZLE, lambda turn, given: [""])
    assert (run.prediction.outcome, run.nodes, len(run.asked)) == (Outcome.UNPARSED, (), 1)


def test_other_questions_have_their_answers_at_the_last_step() -> None:
    run = search("tot", "Why?", by_choice("good"), kind="text")
    assert [turn for turn, _, _ in run.asked] == ["propose", "vote", "propose", "propose", "vote", "", "", "vote"]
    assert [given["k"] for given in run.turn("propose")] == [3, 3, 3]
    assert run.prediction.answer == "Paris"


def test_steps_may_be_drawn_as_paths() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        return {"sample": ["One.\nTwo.", "Three."], "": ["Answer: Paris"]}.get(turn, ["The best choice is 1"])

    run = search("tot@generate=sample@thoughts=4", "Why?", answer, kind="text")
    assert [node.text for node in run.nodes[:4]] == ["One.\nTwo.", "Three.", "One.\nTwo.", "Three."]
    assert [node.value for node in run.nodes[2:4]] == [0.0, 0.0], "repeated"
    assert run.turn("sample")[0] == {"steps": "", "left": ""}


def test_an_answer_that_nobody_could_judge_goes_before_what_is_no_answer() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "":
            return ["I don't know."] if given["steps"].startswith("a") else ["Answer: Paris"]
        return ["Hm."] if turn == "check" else by_word({"a": ["sure"], "b": ["likely"]})(turn, given)

    run = search("tot@evaluate=value", "Why?", answer, kind="text")
    assert [(node.value, node.ballot) for node in run.nodes if node.role == "answer"] == [(0.0, 1), (None, 0)]
    assert run.prediction.answer == "Paris"


def test_steps_without_end_end_with_the_answer() -> None:
    run = search("tot@steps=2000000000@b=1", PUZZLE, perfect("2 3 9 15"))
    assert run.prediction.answer is not None


# --- votes ------------------------------------------------------------------------------------------------------------


def by_choice(word: str, shown: list[list[str]] | None = None) -> Answerer:
    """A model whose judges vote for the state that holds a word, wherever it stands."""

    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "propose":
            return ["bad\nworse\ngood"]
        if turn == "vote":
            if shown is not None:
                shown.append(given["states"])
            place = next(place for place, state in enumerate(given["states"], 1) if word in state)
            return [f"The best choice is {place}", f"The best choice is {place}", "I can't decide."]
        return ["Answer: Paris"]

    return answer


def test_votes_are_counted_for_what_was_shown_in_an_order_by_the_seed() -> None:
    orders = set()
    for seed in range(8):
        shown: list[list[str]] = []
        run = search("tot@b=1", "Why?", by_choice("good", shown), kind="text", seed=seed)
        orders.add(tuple(shown[0]))
        assert [(node.text, node.value, node.kept) for node in run.nodes[:3]] == [
            ("bad", 0.0, False),
            ("worse", 0.0, False),
            ("good", 2.0, True),
        ]
        again: list[list[str]] = []
        search("tot@b=1", "Why?", by_choice("good", again), kind="text", seed=seed)
        assert again == shown
    assert len(orders) > 1


def test_votes_that_can_not_be_read_leave_states_without_a_value() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        return ["a\nb"] if turn == "propose" else ["All of them."] if turn == "vote" else ["Answer: Paris"]

    run = search("tot@b=1", "Why?", answer, kind="text")
    assert [(node.value, node.kept, node.why) for node in run.nodes[:2]] == [(None, True, ""), (None, False, "unread")]


# --- depth first ------------------------------------------------------------------------------------------------------


def test_depth_first_goes_into_the_best_child_and_leaves_out_what_is_impossible() -> None:
    run = search("tot@search=dfs@b=1", PUZZLE, perfect("2 3 9 15"))
    assert len(run.turn("propose")) == 3, "straight down"
    assert {node.why for node in run.nodes} <= {"", "pruned", "not reached"}
    assert all(node.why == "pruned" for node in run.nodes if (node.value or 0) < 1)
    [answer] = [node for node in run.nodes if node.ballot == 0]
    assert answer.role == "answer"


def test_depth_first_ends_at_b_answers() -> None:
    run = search("tot@search=dfs@b=3@evaluate=value", "Why?", by_word({"a": ["likely"], "b": ["sure"]}), kind="text")
    assert [node.ballot for node in run.nodes if node.role == "answer"] == [0, 1]
    one = search("tot@search=dfs@b=1@evaluate=value", "Why?", by_word({"a": ["likely"], "b": ["sure"]}), kind="text")
    assert [given["steps"] for given in one.turn("")] == ["b\non"]
    assert one.node("a").why == "not reached"


# --- the end of what may be asked -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["bfs", "dfs"])
@pytest.mark.parametrize("calls", [1, 2, 3, 7, 20, 50, 90, 300])
def test_no_more_is_asked_than_may_be_and_what_was_kept_is_finished(calls: int, how: str) -> None:
    for puzzle in ("2 3 9 15", "1 1 1 14"):  # the second one can't be solved
        model = perfect(puzzle)

        def answer(turn: str, given: Given) -> Sequence[str]:
            return ["Answer: 1 + 1"] if turn == "" and "(left: 24)" not in given["steps"] else model(turn, given)  # noqa: B023

        run = search(f"tot@search={how}@calls={calls}", f"Numbers: {puzzle}", answer)
        assert len(run.asked) <= calls
        cut = search(f"tot@search={how}@calls=1000", f"Numbers: {puzzle}", answer)
        if len(cut.asked) > calls:
            assert run.turn(""), "something is answered"
            assert run.prediction.answer is not None
    whole = search("tot@calls=1", PUZZLE, lambda turn, given: ["Answer: 2 + 3"])
    assert [turn for turn, _, _ in whole.asked] == [""]
    assert whole.prediction.answer == "2 + 3"


def test_states_that_could_not_be_judged_any_more_are_said_not_to_be_reached() -> None:
    run = search("tot@b=1@calls=3@evaluate=value", "Why?", by_word({"a": ["sure"], "b": ["sure"]}), kind="text")
    assert [turn for turn, _, _ in run.asked] == ["propose", ""]
    assert [(node.text, node.why) for node in run.nodes] == [
        ("a", "not reached"),
        ("b", "not reached"),
        ("Answer: Paris", ""),
    ]


# --- replies that aren't had ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "said", "outcome"),
    [
        ("value", "!error", Outcome.ENGINE_ERROR),
        ("value", "!refused", Outcome.ENGINE_ERROR),
        ("check", "!error", Outcome.ENGINE_ERROR),
        ("check", "!refused", Outcome.ENGINE_ERROR),
        ("propose", "!error", Outcome.ENGINE_ERROR),
        ("propose", "!refused", Outcome.REFUSED),
        ("", "!error", Outcome.ENGINE_ERROR),
    ],
)
@pytest.mark.parametrize("how", ["bfs", "dfs"])
def test_a_reply_that_is_not_had_makes_no_smaller_tree(turn: str, said: str, outcome: Outcome, how: str) -> None:
    model, count = perfect("2 3 9 15"), 0

    def answer(asked: str, given: Given) -> Sequence[str]:
        nonlocal count
        count += asked == turn
        texts = list(model(asked, given))
        return [*texts, said] if asked == turn and asked in ("value", "check") else [said] if asked == turn else texts

    run = search(f"tot@search={how}", PUZZLE, answer)
    assert count
    assert (run.prediction.answer, run.prediction.outcome) == (None, outcome)
    assert run.nodes or turn == "propose"


def test_a_judge_of_votes_that_is_away_is_an_engine_error() -> None:
    for said in ("!error", "!refused"):
        model = by_choice("good")
        run = search("tot", "Why?", lambda turn, g: [said] if turn == "vote" else model(turn, g), kind="text")  # noqa: B023
        assert run.prediction.outcome is Outcome.ENGINE_ERROR


def test_an_answer_that_is_refused_is_a_candidate_without_one() -> None:
    def answer(turn: str, given: Given) -> Sequence[str]:
        if turn == "":
            return ["!refused"] if given["steps"].startswith("a") else ["Answer: Paris"]
        return by_word({"a": ["sure"], "b": ["likely"]})(turn, given)

    run = search("tot@evaluate=value", "Why?", answer, kind="text")
    assert run.prediction.answer == "Paris"
    assert run.prediction.votes is not None
    assert run.prediction.votes.ballots == (0, None)
    assert run.prediction.votes.abstained == {"refused": 1}


# --- what is read in replies ------------------------------------------------------------------------------------------

TABLES = cases.groups("judgements", "case text value", "finish")


@pytest.mark.parametrize(("case", "text", "value", "finish"), TABLES["value"])
def test_a_judgement_is_read_on_its_last_line_or_not_at_all(
    case: str, text: str, value: str | None, finish: str | None
) -> None:
    path = replace_finish(Completion(text=text, finish_reason="stop"), finish)
    assert read_judgement(path) == (None if value is None else float(value))


@pytest.mark.parametrize(("case", "text", "value", "finish"), TABLES["vote"])
def test_a_vote_is_read_on_its_last_line_or_not_at_all(
    case: str, text: str, value: str | None, finish: str | None
) -> None:
    path = replace_finish(Completion(text=text, finish_reason="stop"), finish)
    assert read_choice(path, 5) == (None if value is None else int(value) - 1)


def replace_finish(path: Completion, finish: str | None) -> Completion:
    return Completion(text=path.text, finish_reason="length") if finish == "length" else path


def test_proposals_are_lines_without_the_marks_of_a_list() -> None:
    listed = ["1. 4 + 5 = 9 (left: 6 9)", "- 4 * 5 = 20 (left: 6 20)", "* -1 * 6 = -6 (left: -6)", "5 - 4"]
    text = "\n".join(["Here are the next steps:", "", *listed])
    assert lines_of(Completion(text=text, finish_reason="stop")) == [
        "4 + 5 = 9 (left: 6 9)",
        "4 * 5 = 20 (left: 6 20)",
        "-1 * 6 = -6 (left: -6)",
        "5 - 4",
    ]
    assert lines_of(Completion(text=text, finish_reason="length"))[-1] == "-1 * 6 = -6 (left: -6)"


# --- settings and options ---------------------------------------------------------------------------------------------


def test_settings_shape_the_turns_and_estimates_stay_below_the_cap() -> None:
    names = {name: [turn.name for turn in find_mode(name).turns] for name in (
        "tot", "tot@evaluate=vote", "tot@evaluate=value@generate=sample")}  # fmt: skip
    assert names["tot"] == ["propose", "value", "check", "vote", ""]
    assert names["tot@evaluate=vote"] == ["propose", "vote", ""]
    assert names["tot@evaluate=value@generate=sample"] == ["sample", "value", "check", ""]
    for arm in (*names, "tot@search=dfs", "tot@calls=9", "tot@search=dfs@thoughts=4@steps=5@evaluate=value",
                "tot@steps=2000000000@search=dfs"):  # fmt: skip
        turns, cap = find_mode(arm).turns, find_mode(arm).values["calls"]
        assert 0 < sum(turn.asked for turn in turns) <= cap
        assert 0 < sum(turn.asked_of["expression"] for turn in turns) <= cap
    drawn = find_mode("tot@values=5@thoughts=7@generate=sample@evaluate=vote").turns
    assert [(turn.name, turn.paths, turn.drawn, turn.by) for turn in drawn] == [
        ("sample", 7, True, "model"),
        ("vote", 5, True, "judge"),
        ("", None, True, "model"),
    ]


OWN = """\
name: own
about: puzzles of ours
source: {file: own.jsonl, rows: 6, licence: Apache-2.0}
fields: {question: {column: n, say: "Numbers: {}\\n\\nMake 24."}, gold: n}
gold_reader: plain
answer: expression
exemplars:
  - question: "Numbers: 2 4 6 14\\n\\nMake 24."
    rationale: 14 + 6 = 20, and 2 is left with 4.
    answer: 14 + 6 + 4
"""


@pytest.fixture
def own(tmp_path: Path) -> tuple[str, ...]:
    lines = [{"n": numbers} for numbers in ("2 3 9 15", "1 2 7 14", "3 3 6 18", "2 4 5 15", "1 1 4 20", "1 1 1 14")]
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ("--model", "stub", "--task", str(tmp_path / "own.yaml"), "-q")


@pytest.mark.patient
def test_a_run_that_was_cut_off_goes_on_to_the_same_records_and_grades_to_the_same(
    tmp_path: Path, main: Cli, own: tuple[str, ...]
) -> None:
    options = (*own, "--mode", "tot@thoughts=8,tot@thoughts=8@search=dfs@b=2", "--limit", "3")
    assert main("run", *options).code == 0
    [run] = (tmp_path / "results").iterdir()
    records, journal = (run / "records.jsonl").read_bytes(), (run / "journal.jsonl").read_bytes()
    lines = journal.splitlines(keepends=True)
    assert {line["template"] for line in map(json.loads, lines)} == {"tot-propose", "tot-value", "tot-check", "tot"}
    rows = [json.loads(line) for line in records.splitlines()]
    assert all(row["nodes"] for row in rows)
    assert any(row["outcome"] == "correct" for row in rows)
    for kept in (3, 2 * len(lines) // 3):
        (run / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
        (run / "records.jsonl").unlink()
        assert main("run", *options).code == 0
        assert (run / "records.jsonl").read_bytes() == records
        assert len((run / "journal.jsonl").read_bytes().splitlines()) == len(lines)
    assert json.loads(main("score", run, "--json").out)["changes"] == []
    assert (run / "records.jsonl").read_bytes() == records


def test_arms_that_share_requests_are_graded_again_to_the_same(tmp_path: Path, main: Cli, own: tuple[str, ...]) -> None:
    """The journal says of a shared request what the first of the arms built on."""
    arms = "tot@thoughts=4,tot@thoughts=4@search=dfs,tot@thoughts=3@generate=sample@evaluate=value,tot@evaluate=vote"
    assert main("run", *own, "--mode", arms, "--limit", "3").code == 0
    [run] = (tmp_path / "results").iterdir()
    records = (run / "records.jsonl").read_bytes()
    scored = main("score", run, "--json")
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["changes"] == []
    assert (run / "records.jsonl").read_bytes() == records


def test_every_request_but_the_first_has_its_parents_in_the_journal(
    tmp_path: Path, main: Cli, own: tuple[str, ...]
) -> None:
    assert main("run", *own, "--mode", "tot", "--limit", "2").code == 0
    [run] = (tmp_path / "results").iterdir()
    seen: set[tuple[str, str, int]] = set()
    for line in map(json.loads, (run / "journal.jsonl").read_text().splitlines()):
        parents = line.get("after", [])
        seen.add((line["question"], line["request"], line["ordinal"]))
        assert all((line["question"], request, ordinal) in seen for request, ordinal, _ in parents)
    roots = [
        line for line in map(json.loads, (run / "journal.jsonl").read_text().splitlines()) if not line.get("after")
    ]
    assert [line["template"] for line in roots] == ["tot-propose"] * 2


def test_exemplars_are_shown_where_the_answer_is_asked_for_and_paths_are_of_others(
    tmp_path: Path, main: Cli, own: tuple[str, ...]
) -> None:
    done = main(
        "run", *own[:-1], "--mode", "tot,self-consistency", "--limit", "1", "--num-fewshot", "1", "--paths", "2"
    )
    assert done.code == 0, done.err
    assert "tot: exemplars are shown where the answer is asked for, not in its turns propose, value, check" in done.err
    [run] = (tmp_path / "results").iterdir()
    journal = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    shown = {line["template"]: "14 + 6 + 4" in json.dumps(line["messages"]) for line in journal}
    assert shown["tot"]
    assert shown["cot"]
    assert not shown["tot-propose"]
    assert not shown["tot-value"]
    assert {line["sampling"]["n"] for line in journal if line["template"] == "tot-value"} == {3}
    assert {line["sampling"]["n"] for line in journal if line["template"] == "cot"} == {2}


def test_a_dry_run_counts_the_calls_of_a_kind(main: Cli, own: tuple[str, ...]) -> None:
    rows = json.loads(main("run", *own, "--task", "sample", "--mode", "tot", "--limit", "1", "--dry-run", "--json").out)
    assert {row["task"]: row["requests"] for row in rows} == {"own": 200, "sample": 8}


def answers(run: Path) -> list[tuple[str, str | None]]:
    rows = map(json.loads, (run / "records.jsonl").read_text().splitlines())
    return [(row["outcome"], row["answer"]) for row in rows]


def test_a_search_is_replayed_from_its_journal_and_no_reply_is_taken_for_another(
    tmp_path: Path, main: Cli, own: tuple[str, ...]
) -> None:
    assert main("run", *own, "--mode", "tot@thoughts=8", "--limit", "2").code == 0
    [run] = (tmp_path / "results").iterdir()
    again = ("--engine", "replay", "--model-args", f"path={run}", "--limit", "2", "--mode", "tot@thoughts=8")
    assert main("run", *own, *again, "-o", tmp_path / "same").code == 0
    [same] = (tmp_path / "same").iterdir()
    assert answers(same) == answers(run)

    prompts = tmp_path / "prompts"  # under another prompt nobody knows which of its replies is meant
    prompts.mkdir()
    shipped = Path(__file__).parents[1] / "prompts" / "tot-value.jinja"
    (prompts / "tot-value.jinja").write_text(shipped.read_text().replace("Judge:", "Your judgement:"))
    other = main("run", *own, *again, "-o", tmp_path / "other", "--prompts-dir", prompts)
    assert other.code == 4
    assert "has 0 of 3 outputs for this question and mode" in other.err
