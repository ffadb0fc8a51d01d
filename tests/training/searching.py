"""What the models `searcher` and `foreseer` are trained on: puzzles with three numbers, and rows of four sums.

Of both tasks `searcher` learns to write a whole chain of thought, to take one step, to judge, and to write the answer
of given steps, one turn at a time. `foreseer` goes on from it, with puzzles only, and most of all with what may be done
and what can be reached. Chains of thought are solutions, and verdicts hold; what is judged is half of it wrong. No
turn is about a test question, but pairs of numbers that are left of test puzzles are met: puzzles come down to the same
pairs, which is what a judge has an easy time with.

    python tests/training/train.py S --model searcher
    python tests/training/train.py F --model foreseer --begin S
    cotbench run --model F --engine ctranslate2 --tasks-dir tests/training/search/tasks
        --prompts-dir tests/training/search/prompts --task three24 --mode direct,cot,self-consistency,tot
        --paths self-consistency=40
        --max-tokens cot=64,self-consistency=64,tot=32,tot.propose=220,tot.value=6,tot.check=6
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import puzzles
import sums
from conversations import BEGUN, Conversation, Part, Recipe
from puzzles import Move, Numbers, shown, verdict

from cotbench.modes.prompts import Prompts
from cotbench.questions.tasks import Task, find_task
from cotbench.types import Question

HERE = Path(__file__).resolve().parent / "search"
PUZZLE, SUMS = "three24", "four-sums"
Maker = Callable[[bool, random.Random], Conversation]  # held out?


@cache
def _task(name: str) -> tuple[Prompts, Task]:
    return Prompts(HERE / "prompts"), find_task(name, HERE / "tasks").task


def _conversation(task: str, template: str, question: str, turn: str, **given: str) -> Conversation:
    prompts, found = _task(task)
    messages = prompts.render(template, found, Question(id="", task=task, text=question), (), **given)
    return Conversation(asked=messages, turn=(Part(text=turn),))


# --- puzzles ------------------------------------------------------------------------------------------------------


def asked_of(numbers: Numbers) -> str:
    return f"Numbers: {shown(numbers)}\nMake {puzzles.TARGET}."


def answer_of(played: list[Move], numbers: Numbers) -> str:
    return f"{BEGUN} {puzzles.expression(played, numbers)}"


def chain(played: list[Move], numbers: Numbers) -> str:
    return "\n".join([*(move.line for move in played), answer_of(played, numbers)])


def _puzzle(held_out: bool, rng: random.Random) -> Numbers:
    return rng.choice(puzzles.puzzles(held_out))


def _any_puzzle(held_out: bool, rng: random.Random) -> Numbers:
    """One with a solution, or without."""
    if rng.random() < 0.5:
        return _puzzle(held_out, rng)
    every = _every(held_out)
    return rng.choice(every)


@cache
def _every(held_out: bool) -> list[Numbers]:
    every = combinations_with_replacement(range(1, puzzles.HIGHEST + 1), puzzles.COUNT)
    return [one for one in every if puzzles.is_held_out(one) is held_out]


def _direct(held_out: bool, rng: random.Random) -> Conversation:
    numbers = _puzzle(held_out, rng)
    return _conversation(PUZZLE, "direct", asked_of(numbers), answer_of(puzzles.solution(numbers, rng), numbers))


def _cot(held_out: bool, rng: random.Random) -> Conversation:
    numbers = _puzzle(held_out, rng)
    return _conversation(PUZZLE, "cot", asked_of(numbers), chain(puzzles.solution(numbers, rng), numbers))


def _propose(held_out: bool, rng: random.Random) -> Conversation:
    """All moves with the numbers of a puzzle, or with those left after some: with a single one there is none."""
    numbers = left = _any_puzzle(held_out, rng)
    for _ in range(rng.choices((0, 1, 2), (0.4, 0.5, 0.1))[0]):
        left = rng.choice(puzzles.moves(left)).left
    lines = "\n".join(move.line for move in puzzles.moves(left))
    return _conversation(PUZZLE, "tot-propose", asked_of(numbers), lines, left=shown(left), k="")


def _value(held_out: bool, rng: random.Random) -> Conversation:
    """Whether the numbers left can reach 24: as often yes as no."""
    while True:
        numbers = _any_puzzle(held_out, rng)
        for _ in range(1 if rng.random() < 0.75 else 2):
            numbers = rng.choice(puzzles.moves(numbers)).left
        right = puzzles.reachable(numbers)
        if right or rng.random() < 0.3:
            return _conversation(PUZZLE, "tot-value", "-", verdict(right), left=shown(numbers))


def _a_chain(held_out: bool, rng: random.Random) -> tuple[Numbers, list[Move], Numbers, bool]:
    """A puzzle, moves of a chain of thought, the numbers that these are about, and whether it is solved by them."""
    numbers = _puzzle(held_out, rng)
    draw = rng.random()
    if draw < 0.4:
        return numbers, puzzles.solution(numbers, rng), numbers, True
    if draw < 0.6:
        played = puzzles.attempt(numbers, rng)
        return numbers, played, numbers, puzzles.reachable(played[-1].left)
    if draw < 0.8:  # the end is made to fit
        played = puzzles.attempt(numbers, rng)
        last = played[-1]
        if last.result == puzzles.TARGET:
            return numbers, played, numbers, True
        forced = Move(one=last.one, sign=last.sign, other=last.other, result=puzzles.TARGET, left=(puzzles.TARGET,))
        return numbers, [*played[:-1], forced], numbers, False
    others = list(numbers)  # a number is taken for another one
    while True:
        others[rng.randrange(len(others))] = rng.randint(1, puzzles.HIGHEST)
        other = tuple(sorted(others))
        if other != numbers and puzzles.reachable(other) and puzzles.is_held_out(other) is held_out:
            return numbers, puzzles.solution(other, rng), other, False


def _check(held_out: bool, rng: random.Random) -> Conversation:
    numbers, played, of, right = _a_chain(held_out, rng)
    given = {"left": shown(numbers), "steps": "", "reply": answer_of(played, of)}
    return _conversation(PUZZLE, "tot-check", asked_of(numbers), verdict(right), **given)


def _score(held_out: bool, rng: random.Random) -> Conversation:
    numbers, played, of, right = _a_chain(held_out, rng)
    return _conversation(PUZZLE, "judge", asked_of(numbers), _mark(right), solution=chain(played, of))


def _verdict(held_out: bool, rng: random.Random) -> Conversation:
    numbers, played, of, right = _a_chain(held_out, rng)
    return _conversation(PUZZLE, "criticism", asked_of(numbers), _says(right), solution=chain(played, of))


def _answer(held_out: bool, rng: random.Random) -> Conversation:
    numbers = _any_puzzle(held_out, rng)
    played = puzzles.solution(numbers, rng) if puzzles.reachable(numbers) else puzzles.attempt(numbers, rng)
    steps = "\n".join(move.line for move in played)
    return _conversation(PUZZLE, "tot", asked_of(numbers), answer_of(played, numbers), steps=steps)


def _mark(right: bool) -> str:
    return f"Score: {10 if right else 0}"


def _says(right: bool) -> str:
    return f"Verdict: {'correct' if right else 'wrong'}"


# --- rows of sums -------------------------------------------------------------------------------------------------


def _row(held_out: bool, rng: random.Random) -> sums.Row:
    while True:
        row = sums.row(rng)
        if row.held_out is held_out:
            return row


def _row_direct(held_out: bool, rng: random.Random) -> Conversation:
    row = _row(held_out, rng)
    return _conversation(SUMS, "direct", row.question, f"{BEGUN} {row.answer}")


def _row_cot(held_out: bool, rng: random.Random) -> Conversation:
    row = _row(held_out, rng)
    return _conversation(SUMS, "cot", row.question, "\n".join([*row.lines, f"{BEGUN} {row.answer}"]))


def _row_step(held_out: bool, rng: random.Random) -> Conversation:
    row = _row(held_out, rng)
    done = rng.randrange(len(row.lines))
    return _conversation(SUMS, "tot-sample", row.question, row.lines[done], steps="\n".join(row.lines[:done]))


def _with_a_slip(row: sums.Row, rng: random.Random) -> tuple[list[str], int, bool]:
    """The lines of a row up to one of them, in half of the cases with a slip in one; the last result; is it right?"""
    slips = rng.random() < 0.5
    while True:
        length = rng.randint(1, len(row.changes))
        wrong_at = rng.randrange(length) if slips else -1
        lines, values = [], [row.start]
        for place, change in enumerate(row.changes[:length]):
            values.append(sums.slip(values[-1], change, rng) if place == wrong_at else values[-1] + change)
            lines.append(sums.step(values[-2], change, values[-1]))
        if all(0 <= value <= sums.LARGEST for value in values):
            return lines, values[-1], not slips


def _row_value(held_out: bool, rng: random.Random) -> Conversation:
    row = _row(held_out, rng)
    lines, _, right = _with_a_slip(row, rng)
    return _conversation(SUMS, "tot-value", row.question, verdict(right), steps="\n".join(lines))


def _whole(held_out: bool, rng: random.Random) -> tuple[sums.Row, list[str], int, bool]:
    while True:
        row = _row(held_out, rng)
        lines, last, right = _with_a_slip(row, rng)
        if len(lines) == len(row.changes):
            return row, lines, last, right


def _row_check(held_out: bool, rng: random.Random) -> Conversation:
    row, lines, last, right = _whole(held_out, rng)
    given = {"steps": "\n".join(lines), "reply": f"{BEGUN} {last}"}
    return _conversation(SUMS, "tot-check", row.question, verdict(right), **given)


def _row_score(held_out: bool, rng: random.Random) -> Conversation:
    row, lines, last, right = _whole(held_out, rng)
    return _conversation(SUMS, "judge", row.question, _mark(right), solution="\n".join([*lines, f"{BEGUN} {last}"]))


def _row_verdict(held_out: bool, rng: random.Random) -> Conversation:
    row, lines, last, right = _whole(held_out, rng)
    return _conversation(SUMS, "criticism", row.question, _says(right), solution="\n".join([*lines, f"{BEGUN} {last}"]))


def _row_answer(held_out: bool, rng: random.Random) -> Conversation:
    row, lines, last, _ = _whole(held_out, rng)
    return _conversation(SUMS, "tot", row.question, f"{BEGUN} {last}", steps="\n".join(lines))


# --- the recipe ---------------------------------------------------------------------------------------------------

MAKERS: dict[str, Maker] = {
    "puzzle direct": _direct,
    "puzzle cot": _cot,
    "puzzle propose": _propose,
    "puzzle value": _value,
    "puzzle check": _check,
    "puzzle score": _score,
    "puzzle verdict": _verdict,
    "puzzle answer": _answer,
    "sums direct": _row_direct,
    "sums cot": _row_cot,
    "sums step": _row_step,
    "sums value": _row_value,
    "sums check": _row_check,
    "sums score": _row_score,
    "sums verdict": _row_verdict,
    "sums answer": _row_answer,
}


@dataclass(frozen=True, kw_only=True)
class OfTurns(Recipe):
    """What a model learns of turns that modes with judges and searches ask for, each made by its maker."""

    def conversations(self, seed: object) -> Iterator[Conversation]:
        rng = random.Random(f"searcher {seed}")
        kinds, shares = list(self.mix), list(self.mix.values())
        while True:
            yield MAKERS[rng.choices(kinds, shares)[0]](False, rng)

    def held_out(self, per_kind: int) -> Iterator[tuple[str, Iterator[Conversation]]]:
        for kind in self.mix:
            rng = random.Random(f"searcher check {kind}")
            yield kind, (MAKERS[kind](True, rng) for _ in range(per_kind))


SEARCHER = OfTurns(
    name="searcher",
    mix={
        "puzzle direct": 0.02,
        "puzzle cot": 0.15,
        "puzzle propose": 0.15,
        "puzzle value": 0.16,
        "puzzle check": 0.08,
        "puzzle score": 0.04,
        "puzzle verdict": 0.02,
        "puzzle answer": 0.06,
        "sums direct": 0.02,
        "sums cot": 0.1,
        "sums step": 0.06,
        "sums value": 0.06,
        "sums check": 0.03,
        "sums score": 0.02,
        "sums verdict": 0.01,
        "sums answer": 0.02,
    },
    steps=1_600,
)

# What it goes on with (`train.py --begin`): for the most part to say what can be done and what can be reached.
FORESEER = OfTurns(
    name="foreseer",
    mix={
        "puzzle cot": 0.12,
        "puzzle propose": 0.17,
        "puzzle value": 0.5,
        "puzzle check": 0.13,
        "puzzle answer": 0.08,
    },
    steps=600,
    batch=96,
    part=24,
    rate=2e-3,
)


def write(folder: Path) -> None:
    """The files that the tasks read."""
    of_puzzles = [{"numbers": shown(numbers)} for numbers in puzzles.puzzles(True)]
    of_sums = [{"question": row.question, "answer": str(row.answer)} for row in sums.tested()]
    for name, rows in ((PUZZLE, of_puzzles), (SUMS, of_sums)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(HERE / "tasks")
