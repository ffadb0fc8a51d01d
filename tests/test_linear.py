"""Reading a text costs as much as it is long: none of 100,000 characters takes half a second, whatever is repeated.

A reader is a row: what reads, and the modules whose patterns it uses. `linear.py` makes the texts.
"""

from __future__ import annotations

import os
import random
from functools import partial
from types import ModuleType

import pytest
from linear import LARGE, MOST_S, WHOLE, Reader, fragments, grows_too_fast, of_length, patterns_of, seconds
from linear import texts as made_texts

from cotbench.answers.notation import arithmetic
from cotbench.answers.reading import (
    amounts,
    declines,
    endings,
    expressions,
    extract,
    formulas,
    letters,
    lists,
    nones,
    numbers,
    numerals,
    options,
    parts,
    programs,
    stated,
    statements,
    texts,
    words,
)
from cotbench.answers.reading.letters import closings, elsewhere, heads, mentions, retractions, several, verdicts
from cotbench.answers.reading.programs import find_plan, find_program
from cotbench.types import AnswerType

pytestmark = pytest.mark.patient

OPTIONS = ("red", "a blue hat", "7 m", "none of these")
FRAGMENTS = 400  # of a reader's patterns in one run; COTBENCH_LINEAR=1 tries all
JOINTS = 150  # texts of several fragments, for each reader

SHARED = (statements, endings, parts)
NUMBERS = (numbers, amounts, numerals, declines)
SAID = (stated, declines)
LETTERS = (letters, heads, verdicts, elsewhere, mentions, retractions, closings)
READERS: dict[str, tuple[Reader, tuple[ModuleType, ...]]] = {
    "find_program": (find_program, (programs, *SHARED)),
    "find_plan": (find_plan, (programs, *SHARED)),
    "number": (partial(extract, answer_type=AnswerType.NUMBER), (*NUMBERS, *SHARED)),
    "latex": (partial(extract, answer_type=AnswerType.LATEX), (formulas, *NUMBERS, *SHARED)),
    "letter": (partial(extract, answer_type=AnswerType.LETTER, choices=OPTIONS), (*LETTERS, options, *SHARED)),
    "text": (partial(extract, answer_type=AnswerType.TEXT), (texts, *SAID, *SHARED)),
    "boolean": (partial(extract, answer_type=AnswerType.BOOLEAN), (words, *SAID, *SHARED)),
    "choice": (partial(extract, answer_type=AnswerType.CHOICE, choices=OPTIONS), (words, *SAID, *SHARED)),
    "expression": (partial(extract, answer_type=AnswerType.EXPRESSION), (expressions, arithmetic, *SAID, *SHARED)),
    "list": (partial(extract, answer_type=AnswerType.LIST), (lists, *SAID, *SHARED)),
    "letters": (partial(extract, answer_type=AnswerType.LETTERS, choices=OPTIONS), (several, heads, *SAID, *SHARED)),
    "number-or-none": (partial(extract, answer_type=AnswerType.NUMBER_OR_NONE), (nones, *SAID, *SHARED)),
}
named = pytest.mark.parametrize(("read", "modules"), READERS.values(), ids=READERS)

# Texts that took long once.
KNOWN = {
    "tildes": ("", "~", ""),
    "a fence with a long word": ("```", "_", ""),
    "a language with a long name": ("```python", "a", ""),
    "quotes with backslashes": ("", "def solution()\\'$", ""),
    "triple quotes": ("", "'''\n", ""),
    "definitions without an end": ("", "def a(", ""),
    "a long name that is defined": ("def ", "a", ""),
    "loops without an end": ("", "for ", ""),
    "empty lines": ("x = (", "\n", ""),
    "blocks": ("", "```python\nx = 1\n```\n", ""),
    "blocks of imports": ("", "```python\nimport a\n```\n```python\nb = a\n```\n", ""),
    "marks inside a docstring": ("```python\n'''\n", "     ```\n", ""),
    "marks in one line": ("", "``` ", ""),
    "tags without an end": ("", "<pre> ", ""),
    "a listing's options": ("", "\\begin{minted}[", ""),
    "calls without an end": ("", '"code":"', ""),
    "quotations": ("", "> ```\n", ""),
    "lines of code": ("", "x = 1\n", ""),
    "code and prose": ("", "print(a, b)\nprose\n", ""),
    "names": ("```python\n", "a, ", ""),
    "equations that ask": ("", "=?\n", ""),
    "unknowns that ask": ("", "x = ?\n", ""),
    "letters that ask": ("", "a = b?\n", ""),
    "bold beside ranges": ("the answer is<code>", "**5 to 7\t", "and option"),
    "statements": ("", "Answer: so\n", ""),
    "statements in a line": ("", "the answer is ", ""),
    "boxes": ("", "\\boxed{5} ", ""),
    "boxes left open": ("", "\\boxed{", ""),
    "alternatives": ("", "5 or 6 ", ""),
    "two units": ("", "4 hours and 30 minutes ", ""),
    "number words": ("", "two hundred and ", ""),
    "retractions": ("", "wait, that is wrong. Answer: 5\n", ""),
    "refusals": ("", "cannot ", ""),
    "thoughts": ("", "<think>", ""),
    "invented problems": ("", "Problem: 5\n", ""),
    "fields": ("{", '"answer": 5, ', "}"),
    "options": ("", "A) red ", ""),
    "verdicts": ("", "A is correct ", ""),
    "nothing but marks": ("Answer: ", ".", ""),
    "quotes in quotes": ("Answer: ", '"', ""),
    "initials": ("Answer: ", "J. ", ""),
    "yes or no": ("", "yes or ", ""),
    "not not": ("it is ", "not ", ""),
    "sums": ("Answer: ", "1 + ", ""),
    "open brackets": ("Answer: ", "(", ""),
    "fractions in fractions": ("Answer: ", "\\frac{1}{", ""),
    "items": ("Answer:\n", "1. a\n", ""),
    "items and empty lines": ("Answer:\n", "1. a\n\n", ""),
    "arrows": ("", "a -> ", ""),
    "letters in a list": ("Answer: ", "A, ", ""),
    "letters a line": ("", "A\n", ""),
    "bold": ("", "**a** ", ""),
}


@named
@pytest.mark.parametrize("made", KNOWN.values(), ids=KNOWN)
def test_texts_that_took_long_once(read: Reader, modules: tuple[ModuleType, ...], made: tuple[str, str, str]) -> None:
    assert seconds(read, of_length(made, WHOLE), tries=3) < MOST_S


@named
def test_the_cost_grows_with_the_length_alone(read: Reader, modules: tuple[ModuleType, ...]) -> None:
    """On a sample of the fragments; `COTBENCH_LINEAR=1` tries all, in some minutes."""
    every = fragments(patterns_of(*modules))
    assert len(every) > 50
    chance = random.Random(0)
    found = every if os.environ.get("COTBENCH_LINEAR") else chance.sample(every, min(len(every), FRAGMENTS))
    faults = [fault for made in made_texts(found, JOINTS) if (fault := grows_too_fast(read, made))]
    assert not faults, "\n".join(faults)


def test_a_quadratic_reader_is_found_out() -> None:
    def pairs(text: str) -> int:
        return sum(text.count("x", at) for at in range(0, len(text), 4))

    assert grows_too_fast(pairs, ("", "x", ""))
    assert not grows_too_fast(lambda text: [text.count(c) for c in "abcdefgh" * (LARGE // 200)], ("", "x", ""))


def test_fragments_are_what_patterns_look_for() -> None:
    found = fragments(patterns_of(programs))
    assert {"```", "~~~", "def", "solution", "'''", "<|", "[PYTHON]", "lambda"} <= {text.strip() for text in found}
