"""The questions of the task `demo`, and those that its model is trained on: never the same ones.

Two groups. *sums*: a start and three to six steps over small numbers, as a story or as equations; a chain of thought
works them out. *facts*: of a made-up world of towns, open (how many) or with four options; whoever knows the world can
look them up, and reasoning adds nothing.

What is asked for is a question's content, whoever it is about: of a sum the numbers and steps, of a fact the town, what
is asked of it and how. A hash of the content puts one in ten aside for the test set, so that no training question asks
what a test question asks.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cotbench.types import unit

SEED = 1
QUESTIONS = 400
HELD_OUT = 0.1
LARGEST = 20

_NAMES = "Ada Ben Cleo Dan Eve Finn Gus Hana Ivo June Kim Leo Mira Noah Olga Pia Quin Rosa Sam Tess".split()
_THINGS = "apples beads books cards coins eggs keys nuts pears pens rings shells stamps stones".split()
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()
_LETTERS = "abcdfghjkmnpqr"  # not e, i, l, o: numbers, or read as some
_GAINS = "finds gets buys picks".split()
_LOSSES = "loses sells drops lends".split()
_TOWNS = "Arven Belar Corun Dalmo Eskar Fenlo Gardu Helmi Isken Jorva Kestu Lumar".split()
_COUNTED = ("bridges", "towers", "wells")
_KINDS = {
    "animal": (
        "fox owl bear crane wolf hare eagle seal".split(),
        "on the flag",
        "The flag of {town} shows the {value}.",
    ),
    "fruit": ("figs plums limes dates melons quinces grapes olives".split(), "grown", "In {town} they grow {value}."),
    "colour": (
        "red blue green white black yellow brown grey".split(),
        "on the roofs",
        "The roofs of {town} are {value}.",
    ),
}
_OPEN = (
    "How many {what} does {town} have?",
    "How many {what} are there in {town}?",
    "What is the number of {what} in {town}?",
    "{town} has how many {what}?",
    "In {town}, how many {what} are there?",
    "Of {what}, how many does {town} have?",
)
_CHOICE = {
    "animal": ("Which animal is on the flag of {town}?", "What animal does the flag of {town} show?"),
    "fruit": ("Which fruit is grown in {town}?", "What fruit do they grow in {town}?"),
    "colour": ("Which colour are the roofs of {town}?", "What colour do the roofs of {town} have?"),
}


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question with all that a mode may show of its solution. content: what it asks for, whoever it is about."""

    question: str
    answer: str
    group: str
    content: str
    rationale: str
    program: str
    equations: str

    @property
    def held_out(self) -> bool:
        return unit("demo", self.content) < HELD_OUT


def item(rng: random.Random, group: str) -> Item:
    return _sum(rng) if group == "sums" else _fact(rng)


# --- sums ---------------------------------------------------------------------------------------------------------


def _sum(rng: random.Random) -> Item:
    length = rng.randint(3, 6)
    while True:
        start = rng.randint(1, 12)
        steps: list[tuple[str, int]] = []
        values = [start]
        for _ in range(length):
            sign = rng.choice("++--*")
            number = 2 if sign == "*" else rng.randint(1, 9)
            value = {"+": values[-1] + number, "-": values[-1] - number, "*": values[-1] * number}[sign]
            if not 0 <= value <= LARGEST:
                break
            steps.append((sign, number))
            values.append(value)
        else:
            break
    story = rng.random() < 0.5
    order, count = (_DAYS, len(_DAYS)) if story else (_LETTERS, len(_LETTERS) - len(steps))
    first = rng.randrange(count)
    names = [order[(first + at) % len(order)] for at in range(len(values))]
    working = [f"{names[0]}: {start}."]
    for name, before, (sign, n), after in zip(names[1:], values, steps, values[1:], strict=False):
        working.append(f"{name}: {before} {sign} {n} = {after}.")
    lines = [f"{names[0]} = {start}"]
    lines += [f"{name} = {before} {sign} {n}" for name, before, (sign, n) in zip(names[1:], names, steps, strict=False)]
    question = _story(rng, names, start, steps) if story else f"{'. '.join(lines)}. What is {names[-1]}?"
    lines, last = [line.lower() for line in lines], names[-1].lower()
    program = "\n".join(["def solution():", *(f"    {line}" for line in lines), f"    return {last}"])
    return Item(
        question=question,
        answer=str(values[-1]),
        group="sums",
        content=f"{start} {' '.join(f'{sign}{n}' for sign, n in steps)}",
        rationale=" ".join(working),
        program=program,
        equations="\n".join([*lines, f"answer: {last}"]),
    )


def _story(rng: random.Random, days: list[str], start: int, steps: list[tuple[str, int]]) -> str:
    name, things = rng.choice(_NAMES), rng.choice(_THINGS)
    parts = [f"On {days[0]} {name} has {start} {things}."]
    for day, (sign, number) in zip(days[1:], steps, strict=True):
        verb = rng.choice(_GAINS if sign == "+" else _LOSSES)
        parts.append(f"On {day} {name} doubles them." if sign == "*" else f"On {day} {name} {verb} {number}.")
    return f"{' '.join(parts)} How many {things} does {name} have then?"


# --- facts --------------------------------------------------------------------------------------------------------


def _counted(town: str, what: str) -> int:
    return 1 + int(9 * unit("demo world", town, what))


def _kind(town: str, kind: str) -> str:
    values = _KINDS[kind][0]
    return values[int(len(values) * unit("demo world", town, kind))]


def _fact(rng: random.Random) -> Item:
    town = rng.choice(_TOWNS)
    return _open(rng, town) if rng.random() < 0.5 else _choice(rng, town)


def _open(rng: random.Random, town: str) -> Item:
    what, form = rng.choice(_COUNTED), rng.randrange(len(_OPEN))
    number = _counted(town, what)
    return _looked_up(
        question=_OPEN[form].format(what=what, town=town),
        answer=number,
        content=f"{town} {what} {form}",
        rationale=f"{town} has {number} {what}.",
    )


def _choice(rng: random.Random, town: str) -> Item:
    kind = rng.choice(list(_KINDS))
    values, _, sentence = _KINDS[kind]
    value = _kind(town, kind)
    options = [value, *rng.sample([other for other in values if other != value], 3)]
    rng.shuffle(options)
    place = options.index(value) + 1
    lines = [rng.choice(_CHOICE[kind]).format(town=town), *(f"{n}) {option}" for n, option in enumerate(options, 1))]
    return _looked_up(
        question="\n".join(lines),
        answer=place,
        content=f"{town} {kind} {' '.join(options)}",
        rationale=f"{sentence.format(town=town, value=value)} That is option {place}.",
    )


def _looked_up(*, question: str, answer: int, content: str, rationale: str) -> Item:
    return Item(
        question=question,
        answer=str(answer),
        group="facts",
        content=content,
        rationale=rationale,
        program=f"def solution():\n    return {answer}",
        equations=f"answer: {answer}",
    )


# --- the sets -----------------------------------------------------------------------------------------------------


def training(seed: object, facts: float = 0.5) -> Iterator[Item]:
    """Without end; facts: their share, the others are sums."""
    rng = random.Random(f"demo training {seed}")
    while True:
        one = item(rng, "facts" if rng.random() >= 1 - facts else "sums")
        if not one.held_out:
            yield one


def evaluation_set() -> list[Item]:
    """The test questions: half sums, half facts, no two with the same content."""
    rng = random.Random(f"demo test {SEED}")
    found: dict[str, Item] = {}
    for group in ("sums", "facts"):
        wanted = len(found) + QUESTIONS // 2
        while len(found) < wanted:
            one = item(rng, group)
            if one.held_out:
                found.setdefault(one.content, one)
    return list(found.values())


def write(path: Path) -> None:
    """The file that the task reads."""
    rows = [{"question": one.question, "answer": one.answer, "group": one.group} for one in evaluation_set()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2] / "tasks" / "demo" / "questions.jsonl")
