"""A thought within limits, leg by leg, over a tokenizer of characters and a model that says what it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import cases
import pytest

from cotbench.engines.chat import Encoded
from cotbench.engines.phases import Course, leg_seed, text_of, together
from cotbench.engines.thinking import Family, Known, Marks
from cotbench.types import Message, Request, Sampling

MARKS = {"<": "<think>", ">": "</think>"}
ROWS = cases.rows(cases.load("phases"), "case given writes legs becomes")
REQUEST = Request(messages=(Message(role="user", text="q"),), sampling=Sampling(max_tokens=9))
PROMPT = Encoded("q", [ord("q")])


class Characters:
    """A tokenizer whose tokens are characters and the two marks."""

    added_tokens_decoder = {ord(short): mark for short, mark in MARKS.items()}  # noqa: RUF012

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Any:
        for short, mark in MARKS.items():
            text = text.replace(mark, short)
        return SimpleNamespace(input_ids=list(map(ord, text)))

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        return "".join(MARKS.get(chr(token), chr(token)) for token in ids)


CHARACTERS = Characters()
FAMILY = Family(family="f", template=Known())
CHAT: Any = SimpleNamespace(tokenizer=CHARACTERS, marks=Marks(FAMILY, CHARACTERS))


def course(*, limit: int | None = None, least: int = 0, budget: int = 9, room: int = 1_000, **more: Any) -> Course:
    return Course(CHAT.marks, limit=limit, least=least, budget=budget, room=room, **more)


def run(path: Course, writes: Sequence[str], stops: Sequence[str] = ()) -> list[str]:
    """Have a model write so, within what each leg may have; the legs."""
    legs, left = [], list(writes)
    while not path.over:
        leg = path.leg()
        legs.append(f"{leg.most}t" if leg.thinking else str(leg.most))
        assert leg.most > 0, "a leg may write something"
        text = left.pop(0)[: leg.most]
        text, closed, _ = text.partition(">") if leg.thinking else (text, "", "")
        found = [text.find(stop) + len(stop) for stop in stops if not leg.thinking and stop in text]
        text = text[: min(found)] if found else text
        path.take(list(map(ord, (text + closed).rstrip("$"))), (text + closed).endswith("$"), bool(found))
    assert not left, "it wrote all that it was to write"
    return legs


@pytest.mark.parametrize(("case", "given", "writes", "legs", "becomes"), ROWS, ids=[row[0] for row in ROWS])
def test_a_thought_within_limits(
    case: str, given: dict[str, str | None], writes: list[str], legs: str, becomes: dict[str, str]
) -> None:
    numbers = {name: None if value is None else int(value) for name, value in given.items() if name != "open"}
    path = course(**{**numbers, "least": numbers["least"] or 0, "open": given["open"] == "yes"})  # type: ignore[arg-type]
    assert " ".join(run(path, writes)) == legs
    read = together(CHAT, REQUEST, PROMPT._replace(open=path.open), path, ())
    assert {
        "reasoning": read.reasoning,
        "text": read.text,
        "finish": read.finish_reason,
        "tokens": f"{read.completion_tokens} {read.reasoning_tokens}",
    } == becomes


def test_stop_strings_end_the_answer_and_not_the_thought() -> None:
    path = course(limit=8, open=True)
    assert run(path, ["a.b>", "xy.z$"], ["."]) == ["8t", "9"]
    read = together(CHAT, REQUEST, PROMPT._replace(open=True), path, ["."])
    assert (read.reasoning, read.text, read.finish_reason) == ("a.b", "xy", "stop")
    assert (read.completion_tokens, read.reasoning_tokens) == (7, 4), "up to the token that completes the stop string"


@pytest.mark.parametrize(("room", "finish", "text"), [(4, "length", ""), (5, "length", ""), (9, "length", "x")])
def test_a_context_that_is_full_ends_a_course(room: int, finish: str, text: str) -> None:
    """The thought has 4 tokens, and what closes it has 4."""
    path = course(limit=4, room=room, open=True)
    run(path, ["abcdef", "xyz"][: 1 + bool(text)])
    read = together(CHAT, REQUEST, PROMPT._replace(open=True), path, ())
    assert (read.finish_reason, read.text) == (finish, text)


def test_a_model_that_never_thinks_longer_comes_to_an_end() -> None:
    path = course(least=50, budget=60, open=True)
    legs = run(path, [">"] * 50 + ["xy$"])
    assert len(legs) == 51
    assert path.generated == 53


def test_a_course_that_failed_says_why() -> None:
    path = course(open=True, limit=3)
    path.fail("no more")
    read = together(CHAT, REQUEST, PROMPT, path, ())
    assert (read.finish_reason, read.error, read.text) == ("error", "no more", "")


def test_each_leg_of_each_path_has_a_seed_of_its_own() -> None:
    seeds = {leg_seed(seed, path, number) for seed in (0, 1) for path in range(20) for number in range(5)}
    assert len(seeds) == 200
    assert all(0 <= seed < 1 << 31 for seed in seeds)
    assert leg_seed(1, 2, 3) == leg_seed(1, 2, 3)


class Pieces:
    """A tokenizer that leaves out the space before the first piece, as SentencePiece does."""

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        return "".join({1: " Answer", 2: ":", 3: " B"}[token] for token in ids).removeprefix(" ")


def test_what_goes_on_from_a_text_keeps_the_space_before_it() -> None:
    chat: Any = SimpleNamespace(tokenizer=Pieces())
    assert text_of(chat, [3], [1, 2]) == " B"
    assert text_of(chat, [3]) == "B"
