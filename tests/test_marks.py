"""What is read in a judge's reply: marks, the best of several, verdicts. The cases are a table of our own."""

from __future__ import annotations

from typing import Any

import cases
import pytest
from linear import WHOLE, seconds

from cotbench.modes.scores import best_of, mark_of, verdict_of
from cotbench.types import Completion

TABLES = cases.groups("marks", "reply found")
VERDICTS = {"right": True, "wrong": False, None: None}


def said(text: str, finish: Any = "stop") -> Completion:
    return Completion(text=text, finish_reason=finish)


def test_the_corpus_is_large_and_has_what_can_not_be_read() -> None:
    found = [mark for group in ("marks", "cut marks") for _, mark in TABLES[group]]
    assert len(found) >= 80
    assert 30 <= found.count(None) <= len(found) - 30


@pytest.mark.parametrize(("reply", "mark"), TABLES["marks"])
def test_a_mark(reply: str, mark: str | None) -> None:
    assert mark_of(said(reply)) == (None if mark is None else float(mark))


@pytest.mark.parametrize(("reply", "mark"), TABLES["cut marks"])
def test_a_mark_of_a_reply_that_was_cut(reply: str, mark: str | None) -> None:
    assert mark_of(said(reply, "length")) == (None if mark is None else float(mark))


@pytest.mark.parametrize("count", [3, 12])
def test_the_best_of_several(count: int) -> None:
    for reply, number in TABLES[f"best of {'three' if count == 3 else 'twelve'}"]:
        assert best_of(said(reply), count) == (None if number is None else int(number) - 1), reply


@pytest.mark.parametrize(("reply", "verdict"), TABLES["verdicts"])
def test_a_verdict(reply: str, verdict: str | None) -> None:
    assert verdict_of(said(reply)) is VERDICTS[verdict]


@pytest.mark.parametrize(("reply", "verdict"), TABLES["cut verdicts"])
def test_a_verdict_of_a_reply_that_was_cut(reply: str, verdict: str | None) -> None:
    assert verdict_of(said(reply, "length")) is VERDICTS[verdict]


@pytest.mark.parametrize("finish", ["error", "refused"])
def test_a_reply_that_was_not_had_says_nothing(finish: str) -> None:
    assert mark_of(said("Score: 7", finish)) is None
    assert best_of(said("Best: 1", finish), 2) is None
    assert verdict_of(said("Verdict: correct", finish)) is None


def test_a_beginning_that_was_written_for_the_judge_is_a_part_of_what_it_says() -> None:
    assert mark_of(Completion(text=" 8", begun="All steps hold.\nScore:", finish_reason="stop")) == 8


def test_what_a_server_split_off_as_a_thought_is_not_read() -> None:
    assert mark_of(Completion(text="Fine.", reasoning="Score: 8", finish_reason="stop")) is None
    assert mark_of(Completion(text="Score: 2", reasoning="Score: 8", finish_reason="stop")) == 2


def test_a_score_of_a_reward_model_is_taken_as_it_is() -> None:
    assert mark_of(Completion(text="", score=-1.25, finish_reason="stop")) == -1.25
    assert mark_of(Completion(text="Score: 7", score=0.5, finish_reason="stop")) == 0.5


@pytest.mark.parametrize(
    "unit", ["Score: ", "score of ", "7/10 ", "Best: 1 ", "the ", "(", "Verdict: ", "\n7", "0", " "]
)
def test_reading_takes_no_longer_where_a_text_is_long(unit: str) -> None:
    text = unit * (WHOLE // len(unit))
    assert seconds(lambda text: (mark_of(said(text)), best_of(said(text), 3), verdict_of(said(text))), text) < 0.5
