"""Kinds of outputs that were misread once, from `cases/reading/kinds.yaml`; and marks of thoughts of every family."""

from __future__ import annotations

import pytest
from cases import load, rows

from cotbench.answers.reading import DECLINED, extract
from cotbench.types import AnswerType

CASES = [
    pytest.param(AnswerType(answer_type), text, answer, id=f"{kind} {place}")
    for answer_type, kinds in load("reading/kinds").items()
    for kind, table in kinds.items()
    for place, (text, answer) in enumerate(rows(table, "output answer"))
]


@pytest.mark.parametrize(("answer_type", "text", "answer"), CASES)
def test_reading(answer_type: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, answer_type)
    assert (DECLINED if found.rule == DECLINED else found.answer) == answer, found


@pytest.mark.parametrize(("answer_type", "text", "answer"), CASES)
def test_a_thought_before_it_changes_nothing(answer_type: AnswerType, text: str, answer: str | None) -> None:
    found = extract(f"<think>\nThe answer may be 99.\n</think>\n\n{text}", answer_type)
    assert (DECLINED if found.rule == DECLINED else found.answer) == answer, found


# --- marks of thoughts --------------------------------------------------------------------------------------------

MARKS = {
    "tags": ("<think>", "</think>"),
    "other tags": ("<thinking>", "</thinking>"),
    "a vendor's tags": ("<seed:think>", "</seed:think>"),
    "reasoning tags": ("<reasoning>", "</reasoning>"),
    "capitals in brackets": ("[THINK]", "[/THINK]"),
    "diamonds": ("◁think▷", "◁/think▷"),
    "begin and end": ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>\n"),
    "a channel": ("<|channel>thought\n", "<channel|>"),
    "harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "START and END": ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    "inner": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "unused tokens": ("<unused94>thought\n", "<unused95>"),
    "turns": ("<|im_start|>think\n", "<|im_start|>answer\n"),
    "turns without their marks": ("think\n", "\nanswer\n"),
    "an environment": ("\\begin{think}", "\\end{think}"),
    "tags with spaces": ("< think >", "</ think >"),
    "analysis, then a final part": ("<analysis>", "</analysis>\n<final>"),
    "a token and its like with a slash": ("<|thinking|>", "<|/thinking|>"),
    "a short token and its like with a slash": ("<|think|>", "<|/think|>"),
    "a token that starts and one that ends": ("<|thought_start|>", "<|thought_end|>"),
    "tokens that start and end, first": ("<|start_thinking|>", "<|end_thinking|>"),
    "a token that ends": ("<|thinking|>", "<|end_thinking|>"),
    "a token with a name in front": ("<|assistant_thought|>", "<|/assistant_thought|>"),
}
CLOSERS = ("", "<|end_of_solution|>", "<|END_RESPONSE|>", "<|return|>", "<|im_end|>")
FAMILIES = pytest.mark.parametrize(("opens", "closes"), MARKS.values(), ids=MARKS)


@FAMILIES
@pytest.mark.parametrize("behind", CLOSERS)
def test_a_thought_is_not_searched(opens: str, closes: str, behind: str) -> None:
    text = f"{opens}If so, the answer is 5. But no.{closes}Answer: 6{behind}"
    assert extract(text, AnswerType.NUMBER).answer == "6"
    assert extract(text.replace("5", "A").replace("6", "B"), AnswerType.LETTER, ["x"] * 4).answer == "B"


@FAMILIES
def test_an_answer_alone_behind_a_thought(opens: str, closes: str) -> None:
    assert extract(f"{opens}Is it A? The answer is A? No.{closes}B", AnswerType.LETTER, ["x"] * 4).answer == "B"
    assert extract(f"{opens}Is it 5?{closes}6", AnswerType.NUMBER).answer == "6"


@FAMILIES
def test_a_thought_that_is_all_there_is(opens: str, closes: str) -> None:
    text = f"{opens}3 + 3 makes 6.\n\nFinal Answer: The final answer is 6."
    found = extract(text, AnswerType.NUMBER)
    assert (found.answer, found.rule) == ("6", "thought")
    assert extract(text, AnswerType.NUMBER, truncated=True).answer is None
    assert extract(f"{opens}If so, it is 6. Let me see", AnswerType.NUMBER).rule == "unclosed_think"
