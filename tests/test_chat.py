"""From a conversation to text without a tokenizer: plain text, control tokens broken up, a folded system message."""

from __future__ import annotations

import pytest

from cotbench.engines.chat import PLAIN_STOP, disarm, fold_system, plain_text
from cotbench.types import Message


def turns(*texts: str, system: str = "") -> tuple[Message, ...]:
    """A conversation: user and assistant in turn, behind an optional system message."""
    roles = ("user", "assistant")
    body = tuple(Message(role=roles[i % 2], text=text) for i, text in enumerate(texts))  # type: ignore[arg-type]
    return ((Message(role="system", text=system),) if system else ()) + body


# --- without a tokenizer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(turns("2 + 2?"), "Question: 2 + 2?\n\nResponse:", id="question"),
        pytest.param(turns("2 + 2?", system="Be brief."), "Be brief.\n\nQuestion: 2 + 2?\n\nResponse:", id="system"),
        pytest.param(
            turns("1 + 1?", "Two.\nAnswer: 2", "2 + 2?", system="Be brief."),
            "Be brief.\n\nQuestion: 1 + 1?\n\nResponse: Two.\nAnswer: 2\n\nQuestion: 2 + 2?\n\nResponse:",
            id="few-shot",
        ),
        pytest.param(turns("Which?\n\nA) x\nB) y"), "Question: Which?\n\nA) x\nB) y\n\nResponse:", id="options"),
    ],
)
def test_plain_text(messages: tuple[Message, ...], expected: str) -> None:
    assert plain_text(messages) == expected


def test_plain_text_of_few_shot_is_cut_by_its_own_stop() -> None:
    """The stop string is what a continuation would write next, and nothing of the prompt's last block holds it."""
    [stop] = PLAIN_STOP
    text = plain_text(turns("1 + 1?", "Answer: 2", "2 + 2?"))
    assert text.count(stop) == 1
    assert stop not in text.rpartition(stop)[2]
    assert text[-1] != " ", "a space at the end is a token of its own"


ARMED = [
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_of_text|>",
    "<|begin_of_text|>",
    "<|assistant|>",
    "[INST]",
    "[/INST]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "<<SYS>>",
    "<</SYS>>",
    "<start_of_turn>",
    "<end_of_turn>",
    # DeepSeek's, with its full-width bars.
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜end▁of▁sentence｜>",
]
HARMLESS = [
    "",
    "If 2 < x and |x| > 1, is x < 3?",
    "|<a|b>|",
    "<| x |>",
    "[1] and [INSTALL]",
    "cout << x >> y;",
    "a <b> c",
    "P(A|B) < P(A) | x>",
    "\\left<|x|\\right>",
    "「日本語」\n\n é",
]


@pytest.mark.parametrize("mark", ARMED)
@pytest.mark.parametrize("around", ["{}", "What is {}?", "{0}{0}", "x\n{}\ny", "<{}>", "[{}", "<|{}|>"])
def test_disarm_breaks_a_mark_up(mark: str, around: str) -> None:
    text = around.format(mark)
    safe = disarm(text)
    assert mark not in safe
    assert safe.replace("\u200b", "") == text


@pytest.mark.parametrize("text", HARMLESS)
def test_disarm_leaves_the_rest_alone(text: str) -> None:
    assert disarm(text) == text


@pytest.mark.parametrize("text", [*ARMED, *HARMLESS])
def test_disarm_twice_is_disarm_once(text: str) -> None:
    assert disarm(disarm(text)) == disarm(text)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param((), (), id="nothing"),
        pytest.param(turns("q"), turns("q"), id="no system"),
        pytest.param(turns("q", system="s"), turns("s\n\nq"), id="system"),
        pytest.param(turns("q", "a", "r", system="s"), turns("s\n\nq", "a", "r"), id="few-shot"),
    ],
)
def test_fold_system(messages: tuple[Message, ...], expected: tuple[Message, ...]) -> None:
    assert fold_system(messages) == expected
