"""How reading searches long texts: from sign to sign, with the same result as the plain way."""

from __future__ import annotations

import random
import re

import pytest

from cotbench.answers.reading import boxed_spans, extract
from cotbench.answers.reading.patterns import Anchors, Starts, caseless
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS


def texts(parts: list[str], count: int, most: int = 14) -> list[str]:
    """Make texts of these parts, in any order."""
    chance = random.Random(0)
    return ["".join(chance.choices(parts, k=chance.randrange(most))) for _ in range(count)]


def test_the_first_of_several_patterns_begins_where_their_alternation_does() -> None:
    starts = Starts(
        at_lines=("ab?:", r"\s?\[q\]"), by_sign={"\n": (r"[ ]*\nq", r"\nx"), "<": ("x>", "b>"), "[": ("i",)}
    )
    plain = caseless("^ab?:", r"^\s?\[q\]", r"\n[ ]*\nq", r"\n\nx", "<x>", "<b>", r"\[i", flags=re.M)
    found = 0
    for text in texts(["a", "A", "b", ":", "<", "x>", "\n", "\n\n", " ", "q", "[", "[q]", "ab:", "i"], 3_000):
        for start, end in ((0, len(text)), (len(text) // 2, len(text)), (1, max(1, len(text) - 1))):
            match = plain.search(text, start, end)
            assert starts.first(text, start, end) == (match.start() if match else None), (text, start, end)
            found += match is not None
    assert found > 1_000


def test_anchors_stand_where_they_are_found_one_by_one() -> None:
    known = ("answer", "ans:", 'choice"', 'option"', "réponse", "答案", "opción")
    anchors = Anchors(*known, shared=('"', "ans"))
    for text in texts([*known, "a", "n", '"', "é", "’", " "], 1_000):
        for start in (0, 3):
            places = [m.start() for one in known for m in re.compile(re.escape(one)).finditer(text, start)]
            assert sorted(anchors.places(text, start)) == sorted(places), text


def boxes_by_a_stack(text: str) -> list[tuple[int, int]]:
    """Find the content of boxes in braces by a stack over all braces of a text."""
    begins = {m.end() for m in re.finditer(r"\\(?:boxed|fbox)\s*\{", text)}
    opened: list[int] = []
    found = []
    for match in re.finditer(r"\\.|[{}]", text, re.S):
        if match[0] == "{":
            opened.append(match.end())
        elif match[0] == "}" and opened and (start := opened.pop()) in begins:
            found.append((start, match.start()))
    return sorted(span for span in found if span[1] - span[0] <= MAX_ANSWER_CHARS)


def test_boxes_are_those_that_a_stack_over_all_braces_finds() -> None:
    for text in texts(["\\boxed{", "\\fbox {", "{", "}", "}", "\\{", "\\}", "\\\\", "7 ", "x" * 600], 4_000):
        assert boxed_spans(text) == boxes_by_a_stack(text), text


@pytest.mark.parametrize(
    ("text", "choices", "answer"),
    [
        ("Answer: B", ("red", "blue"), "B"),
        ("Answer: B", ("blue", "red", "green"), "B"),
        ("Answer: C", ("red", "blue", "green"), "C"),
        ("Answer: C", ("red", "blue"), None),
        ("Answer: blue", ("red", "blue"), "B"),
        ("Answer: blue", ("blue", "red"), "A"),
        ("Answer: blue", ("red", "green"), None),
        ("Answer: B", ("it is B", "it is A"), "B"),
    ],
)
def test_a_short_output_that_was_read_before_is_read_by_the_options_at_hand(
    text: str, choices: tuple[str, ...], answer: str | None
) -> None:
    for others in (("blue", "red"), ("red", "blue"), ("x", "y", "z")):
        extract(text, "letter", others)
    assert extract(text, "letter", choices).answer == answer
