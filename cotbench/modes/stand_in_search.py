"""What a stand-in for a model writes in the turns of a search: next steps, what they are worth, votes. Puzzles it
reckons out, so that a search has something true to find; of other questions its thoughts are made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations

from cotbench.answers.judging.expressions import check, joined, reaches

_NUMBERS = re.compile(r"^Numbers: (.+)$", re.M)
_ANSWER = re.compile(r"^Answer: ([^=\n]+)", re.M)
_CHOICE = re.compile(r"^Choice \d+:$", re.M)
_ANY = 1_000_000


def _numbers(prompt: str) -> list[Fraction]:
    """The numbers of a puzzle; none where it isn't one, or says something else in their place."""
    found = _NUMBERS.search(prompt)
    try:
        return [Fraction(number) for number in found[1].split()] if found else []
    except (ValueError, ZeroDivisionError):
        return []


def _steps(prompt: str, right: bool, chance: float) -> list[str]:
    """All steps from some numbers; half of them where the proposer isn't up to it. Else made-up thoughts."""
    numbers = _numbers(prompt)
    if not numbers and not _NUMBERS.search(prompt):
        return [f"Thought {int(chance * _ANY)}, number {n}: look at it from another side." for n in (1, 2, 3)]
    steps: dict[str, None] = {}
    for one, other in combinations(range(len(numbers)), 2):
        rest = [number for place, number in enumerate(numbers) if place not in (one, other)]
        for a, b in ((numbers[one], numbers[other]), (numbers[other], numbers[one])):
            for value, text in joined((a, str(a)), (b, str(b))):
                left = " ".join(map(str, sorted([*rest, value])))
                steps[f"{text[1:-1]} = {value} (left: {left})"] = None
    return list(steps) if right else list(steps)[::2]


def _propose(prompt: str, right: bool, chance: float) -> str:
    return "\n".join(_steps(prompt, right, chance)) or "There is no step."


def _sample(prompt: str, right: bool, chance: float) -> str:
    steps = _steps(prompt, right, chance)
    return steps[int(chance * len(steps))] if steps else "There is no step."


def _value(prompt: str, right: bool, chance: float) -> str:
    numbers = _numbers(prompt)
    if not numbers:
        return ("sure", "likely", "impossible")[int(3 * chance)]
    return "sure" if reaches(tuple(sorted(numbers))) == right else "impossible"


def _check(prompt: str, right: bool, chance: float) -> str:
    numbers, answer = _NUMBERS.search(prompt), _ANSWER.search(prompt)
    if numbers is None:
        return "sure" if chance < 0.5 else "impossible"
    return "sure" if (answer is not None and check(numbers[1], answer[1])) == right else "impossible"


def _vote(prompt: str, right: bool, chance: float) -> str:  # noqa: ARG001
    return f"The best choice is {1 + int(chance * len(_CHOICE.findall(prompt)))}"


# By template: what is written, by the prompt's last message, whether it is right, and a number from 0 to 1 by chance.
SEARCHING: Mapping[str, Callable[[str, bool, float], str]] = {
    "tot-propose": _propose,
    "tot-sample": _sample,
    "tot-value": _value,
    "tot-check": _check,
    "tot-vote": _vote,
}
