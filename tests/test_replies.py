"""The one reader of replies, as a table by kind: what hosts send, and what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cotbench.engines.replies import (
    MOST_TOKENS,
    Reader,
    Usage,
    error_status,
    may_pass,
    read_json,
    read_row,
    read_stream,
    read_usage,
    whole,
)
from cotbench.types import Completion

Json = dict[str, Any]


def read(choice: Any, **more: Any) -> Completion:
    return Reader().choice(choice, **more)


def message(content: Any = "Answer: 4", finish: Any = "stop", **more: Any) -> Json:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **more}}


# --- why it ended -------------------------------------------------------------------------------------------------

STOPS = [
    None, "", "null", "none", "stop", "STOP", "Stop", "eos", "eos_token", "EOS_TOKEN", "stop_sequence", "stop-sequence",
    "stopSequence", "COMPLETE", "complete", "completed", "end_turn", "FINISH", "FINISHED", "done", "endoftext",
    "eosFound", "stopStringFound", "STOP_CRITERIA_MET", "word", "FinishReason.STOP", "FINISH_REASON_STOP",
    "FINISH_REASON_UNSPECIFIED", " stop\n", {"type": "stop", "matched": 128009},
    {"reason": "endoftext", "length": None}, {"type": "eos"}, {"type": None}, ["stop"], [], {}, False,
]  # fmt: skip
LENGTHS = [
    "length", "LENGTH", "MAX_TOKENS", "max_tokens", "max-tokens", "maxTokens", "max_output_tokens", "max_new_tokens",
    "model_length", "token_limit", "model_context_window_exceeded", "maxPredictedTokensReached", "contextLengthReached",
    "ERROR_LIMIT", "limit", "incomplete", "max_tokens_exceeded", "max_length_exceeded", "output_limit", "out_of_tokens",
    "context_window", "context_length_exceeded", "tokens_exhausted", "maxLengthReached", "OUTPUT_TOKEN_LIMIT_EXCEEDED",
    "stopped_limit", "token_budget_spent", "output_truncated", "reached_max_tokens", {"type": "length", "length": 16},
    {"type": "max_tokens"}, "FinishReason.MAX_TOKENS", ["length"],
]  # fmt: skip
REFUSALS = [
    "content_filter", "CONTENT_FILTER", "content_filtered", "SAFETY", "safety", "RECITATION", "BLOCKLIST",
    "PROHIBITED_CONTENT", "SPII", "refusal", "ERROR_TOXIC", "guardrail_intervened", "sensitive",
    {"type": "content_filter"},
]  # fmt: skip
ERRORS = [
    "tool_calls", "tool_use", "TOOL_CALL", "function_call", "MALFORMED_FUNCTION_CALL", "abort", "error", "ERROR",
    "cancelled", "USER_CANCEL", "max_time_exceeded", "rate_limit_reached", "time_limit_exceeded", "network_error",
    "insufficient_system_resource", "timeout", {"type": "abort", "message": "out of memory"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        *((word, "stop") for word in STOPS),
        *((word, "length") for word in LENGTHS),
        *((word, "refused") for word in REFUSALS),
        *((word, "error") for word in ERRORS),
    ],
    ids=repr,
)
def test_a_reason_in_any_hosts_words(word: Any, finish: str) -> None:
    reader = Reader()
    path = reader.choice(message(finish=word))
    assert (path.text, path.finish_reason) == ("Answer: 4", finish)
    assert not reader.unknown
    assert bool(path.error) == (finish == "error")
    row = Reader().row({"output": "Answer: 4", "finish_reason": word})
    assert row.finish_reason == finish, "the same in a file"


@pytest.mark.parametrize(
    "word",
    [
        "OTHER",
        "as the wind blows",
        "stop_token_reached",
        "turn_limit",
        "max_steps_reached",
        "the limit that was exceeded is my patience",
        "42",
        42,
        {"type": "wind"},
        {"odd": "form"},
        "停",
    ],
    ids=repr,
)
def test_an_unknown_word_is_no_cut_and_is_noted_once(word: Any) -> None:
    reader = Reader()
    paths = [reader.choice(message(finish=word)) for _ in range(3)]
    assert {(path.text, path.finish_reason) for path in paths} == {("Answer: 4", "stop")}
    assert len(reader.unknown) == (0 if word == {"odd": "form"} else 1)
    assert reader.choice(message("", finish=word)).finish_reason == "error", "without a text nothing is read into it"


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        ({"message": {"content": "4"}}, "stop"),
        ({"message": {"content": "4"}, "finishReason": "MAX_TOKENS"}, "length"),
        ({"message": {"content": "4"}, "stop_reason": "max_tokens"}, "length"),
        ({"message": {"content": "4"}, "finish_reason": None, "stop_reason": "Question:"}, "stop"),
        ({"message": {"content": "4"}, "finish_reason": "stop", "stop_reason": "max_tokens"}, "stop"),
        ({"message": {"content": "4"}, "finish_details": {"type": "max_tokens"}}, "length"),
        ({"message": {"content": "4"}, "stop_reason": "max_tokens_exceeded"}, "length"),
        ({"message": {"content": "4"}, "stop_reason": "Limit exceeded:"}, "stop"),
        ({"message": {"content": "4"}, "truncated": True}, "length"),
        ({"message": {"content": "4"}, "finish_reason": "stop", "truncated": True}, "stop"),
        ({"message": {"content": "4"}, "truncated": False}, "stop"),
        (
            {"message": {"content": "4"}, "finish_reason": None, "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
        ),
        ({"message": {"content": "4"}, "finish_reason": "", "native_finish_reason": "SAFETY"}, "refused"),
    ],
)
def test_where_a_reason_may_stand(choice: Json, finish: str) -> None:
    reader = Reader()
    assert reader.choice(choice).finish_reason == finish
    assert not reader.unknown


@pytest.mark.parametrize(
    ("response", "finish", "anyway"),
    [
        ({"stop_reason": "max_tokens"}, "length", "stop"),
        ({"finish_reason": "length"}, "length", "stop"),
        ({"truncated": True}, "length", "stop"),
        ({"stop_reason": "end_turn"}, "stop", "stop"),
        ({"stop_reason": "refusal"}, "refused", "stop"),
        ({"stop_reason": "Question:"}, "stop", "stop"),
        ({}, "stop", "stop"),
    ],
)
def test_a_reason_that_the_response_gives(response: Json, finish: str, anyway: str) -> None:
    reader = Reader()
    assert reader.choice({"message": {"content": "4"}}, response=response).finish_reason == finish
    assert reader.choice(message("4"), response=response).finish_reason == anyway, "a choice's own goes before it"
    assert not reader.unknown


@pytest.mark.parametrize("word", [None, "", "strange"])
@pytest.mark.parametrize(("tokens", "finish"), [(15, "stop"), (16, "length"), (17, "length"), (None, "stop")])
def test_a_budget_that_is_spent_and_no_reason(word: Any, tokens: int | None, finish: str) -> None:
    path = read(message(finish=word), usage=Usage(completion=tokens, counted=tokens), budget=16)
    assert path.finish_reason == finish
    assert read(message(), usage=Usage(completion=tokens, counted=tokens), budget=16).finish_reason == "stop"


# --- contents -----------------------------------------------------------------------------------------------------

TEXT = {"type": "text", "text": "Answer: 4"}
ANSWERED, REASONED = ("Answer: 4", "", "stop"), ("Answer: 4", "I add.", "stop")  # text, reasoning, why it ended
CONTENTS: dict[str, tuple[Json, tuple[str, str, str]]] = {
    "a text": (message(), ANSWERED),
    "as it is": (message("\n 4 \u200b\n"), ("\n 4 \u200b\n", "", "stop")),
    "one part": (message([TEXT]), ANSWERED),
    "parts of one sentence": (message([{"type": "text", "text": "Answer: "}, {"type": "text", "text": "4"}]), ANSWERED),
    "texts in a list": (message(["Answer: ", "4"]), ANSWERED),
    "a part alone": (message(TEXT), ANSWERED),
    "output_text": (message([{"type": "output_text", "text": "Answer: 4", "annotations": []}]), ANSWERED),
    "no type": (message([{"text": "Answer: 4"}]), ANSWERED),
    "text as an object": (message([{"type": "text", "text": {"value": "Answer: 4", "annotations": []}}]), ANSWERED),
    "a message in the content": (message([{"type": "message", "content": [TEXT]}]), ANSWERED),
    "Gemini's parts": (message({"parts": [{"text": "I add.", "thought": True}, {"text": "Answer: 4"}]}), REASONED),
    "Mistral's thinking": (
        message([{"type": "thinking", "thinking": [{"type": "text", "text": "I add."}]}, TEXT]),
        REASONED,
    ),
    "Anthropic's thinking": (message([{"type": "thinking", "thinking": "I add.", "signature": "x"}, TEXT]), REASONED),
    "redacted thinking": (message([{"type": "redacted_thinking", "data": "x"}, TEXT]), ANSWERED),
    "reasoning part": (message([{"type": "reasoning", "text": "I add."}, TEXT]), REASONED),
    "reasoning's summary": (
        message([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "I add."}]}, TEXT]),
        REASONED,
    ),
    "Bedrock's reasoning": (
        message([{"reasoningContent": {"reasoningText": {"text": "I add."}}}, {"text": "Answer: 4"}]),
        REASONED,
    ),
    "only thinking": (message([{"type": "thinking", "thinking": "Answer: 4"}]), ("", "Answer: 4", "stop")),
    "references": (message([TEXT, {"type": "reference", "reference_ids": [1]}]), ANSWERED),
    "a part without words": (message([{"type": "text"}, TEXT]), ANSWERED),
    "a part that repeats itself": (message([{"type": "text", "text": "Answer: 4", "value": "Answer: 4"}]), ANSWERED),
    "no parts": (message([]), ("", "", "stop")),
    "null": (message(None), ("", "", "stop")),
    "reasoning_content": (message(reasoning_content="I add."), REASONED),
    "reasoning": (message(reasoning="I add."), REASONED),
    "thinking": (message(thinking="I add."), REASONED),
    **{
        f"{name}, {beside}": ({**message(), name: "I add."} if beside else message(**{name: "I add."}), REASONED)
        for name in ("reasoning_content", "thinking_content", "analysis", "think", "thought", "thoughts")
        for beside in ("", "beside the message")
    },
    "reasoning in both places": ({**message(thinking="I add."), "reasoning": "I add."}, REASONED),
    "a name that holds no text": ({**message(), "thinking": True, "analysis": 3}, ANSWERED),
    "reasoning as parts": (
        message(reasoning_content=[{"type": "text", "text": "I "}, {"type": "text", "text": "add."}]),
        REASONED,
    ),
    "reasoning as an object": (message(reasoning={"content": "I add."}), REASONED),
    "reasoning twice": (
        message(reasoning="I add.", reasoning_details=[{"type": "reasoning.text", "text": "I add."}]),
        REASONED,
    ),
    "reasoning_details alone": (
        message(
            reasoning=None,
            reasoning_details=[
                {"type": "reasoning.text", "text": "I add."},
                {"type": "reasoning.encrypted", "data": "x"},
            ],
        ),
        REASONED,
    ),
    "LiteLLM's blocks": (
        message(reasoning_content="I add.", thinking_blocks=[{"type": "thinking", "thinking": "I add."}]),
        REASONED,
    ),
    "reasoning in field and parts": (
        message([{"type": "thinking", "thinking": "I add."}, TEXT], reasoning_content="I add."),
        REASONED,
    ),
    "null reasoning": (message(reasoning_content=None, reasoning=None), ANSWERED),
    "misfiled": (message(None, reasoning_content="Answer: 4"), ("", "Answer: 4", "stop")),
    "misfiled, without a reason": (
        message(None, finish=None, reasoning_content="Answer: 4"),
        ("", "Answer: 4", "stop"),
    ),
    "cut while reasoning": (message(None, finish="length", reasoning_content="I ad"), ("", "I ad", "length")),
    "a refusal": (message(None, refusal="I won't."), ("I won't.", "", "refused")),
    "a refusing part": (message([{"type": "refusal", "refusal": "I won't."}]), ("I won't.", "", "refused")),
    "no refusal": (message(refusal=None), ANSWERED),
    "completions": ({"text": "Answer: 4", "finish_reason": "stop"}, ANSWERED),
    "completions, null message": (
        {"text": "Answer: 4", "message": None, "finish_reason": "length"},
        ("Answer: 4", "", "length"),
    ),
    "a message that is a text": ({"message": "Answer: 4", "finish_reason": "stop"}, ANSWERED),
    "a delta": ({"delta": {"content": "Answer: 4"}, "finish_reason": "stop"}, ANSWERED),
    "cut without a message": ({"index": 0, "finish_reason": "length"}, ("", "", "length")),
    "cut, null message": ({"message": None, "finish_reason": "MAX_TOKENS"}, ("", "", "length")),
    "filtered without a message": ({"finish_reason": "content_filter"}, ("", "", "refused")),
    "filtered with a text": (message("Answer", finish="content_filter"), ("Answer", "", "refused")),
}


@pytest.mark.parametrize(("choice", "expected"), CONTENTS.values(), ids=CONTENTS.keys())
def test_a_content_of_any_form(choice: Json, expected: tuple[str, str, str]) -> None:
    reader = Reader()
    path = reader.choice(choice)
    assert (path.text, path.reasoning, path.finish_reason, path.error) == (*expected, "")
    assert not reader.unknown


STRANGE: dict[str, tuple[Json, str]] = {
    "a picture": (message([{"type": "image_url", "image_url": {"url": "x"}}]), "'image_url'"),
    "a tool's call": (message([{"type": "tool_use", "input": {"x": 4}}]), "'tool_use'"),
    "a number": (message(4), "a number"),
    "a truth value": (message(True), "a truth value"),
    "an object": (message({"answer": 4}), "an object of answer"),
    "an empty object": (message({}), "an object of nothing"),
    "a number for a text": (message([{"type": "text", "text": 4}]), "a number"),
    "numbers in a list": (message([4]), "a number"),
    "thinking and a picture": (message([{"type": "thinking", "thinking": "I add."}, {"type": "image"}]), "'image'"),
    "parts in parts in parts": (message(json.loads("[" * 60 + '"4"' + "]" * 60)), "nested too deeply"),
    "a message that is a number": ({"message": 4, "finish_reason": "stop"}, "int"),
    "a choice without a message": ({"index": 0, "finish_reason": "stop"}, "neither a message nor a text"),
    "a choice of nothing": ({}, "neither a message nor a text"),
    "a call of a tool that was never offered": (message(None, tool_calls=[{"id": "x"}]), "tool call"),
    "nothing, and no reason": (message(None, finish=None), "None"),
    "white space, and no reason": (message(" \n", finish=""), "None"),
}  # fmt: skip


@pytest.mark.parametrize(("choice", "words"), STRANGE.values(), ids=STRANGE.keys())
def test_what_cant_be_read_is_an_error_that_names_it(choice: Json, words: str) -> None:
    path = read(choice)
    assert path.finish_reason == "error"
    assert words in path.error


@pytest.mark.parametrize(
    "part", [{"type": "chart", "data": 1}, {"type": "image_url"}, 7, {"type": "aside", "text": " (4)"}]
)
def test_a_part_that_cant_be_read_beside_a_text_is_noted(part: Any) -> None:
    reader = Reader()
    path = reader.choice(message([TEXT, part]))
    assert path.text == ("Answer: 4 (4)" if isinstance(part, dict) and "text" in part else "Answer: 4")
    assert path.finish_reason == "stop"
    assert len(reader.unknown) == 1
    reader.choice(message([TEXT, part]))
    assert len(reader.unknown) == 1


# --- counts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, 0), (20, 20), (20.0, 20), (MOST_TOKENS, MOST_TOKENS), (None, None), (-1, None), (-0.5, None), (2.5, None),
        (True, None), ("20", 20), ("-1", None), ("2.5", None), ("", None), ("9" * 30, None), ("²", None), ([20], None),
        (10**18, None), (10**400, None), (float("inf"), None), (float("-inf"), None), (float("nan"), None),
        (1e300, None),
    ],
    ids=lambda value: repr(value)[:12],
)  # fmt: skip
def test_a_count_is_a_whole_number_or_unknown(given: Any, expected: int | None) -> None:
    assert whole(given) == expected


def details(reasoning: Any) -> Json:
    return {"completion_tokens_details": {"reasoning_tokens": reasoning}}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}, (20, 5, None)),
        # Beside the completion: the total says so.
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 325, **details(300)}, (20, 305, 300)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 325, "reasoning_tokens": 300}, (20, 305, 300)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 28, **details(3)}, (20, 8, 3)),
        # A part of it.
        ({"prompt_tokens": 20, "completion_tokens": 305, "total_tokens": 325, **details(300)}, (20, 305, 300)),
        ({"prompt_tokens": 20, "completion_tokens": 305, **details(300)}, (20, 305, 300)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, **details(0)}, (20, 5, 0)),
        # More than the completion, and no total: it can't be a part.
        ({"prompt_tokens": 20, "completion_tokens": 5, **details(300)}, (20, 305, 300)),
        # The total says that there are no others: what is said of reasoning isn't believed.
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, **details(300)}, (20, 5, None)),
        ({"prompt_tokens": 20.0, "completion_tokens": 7.0, "total_tokens": 27.0}, (20, 7, None)),
        ({"prompt_tokens": -1, "completion_tokens": 10**400}, (None, None, None)),
        ({"prompt_tokens": 20, "completion_tokens": 5, **details(-3)}, (20, 5, None)),
        ({"input_tokens": 20, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}}, (20, 5, 3)),
        (
            {"promptTokenCount": 20, "candidatesTokenCount": 5, "thoughtsTokenCount": 300, "totalTokenCount": 325},
            (20, 305, 300),
        ),
        ({"promptTokenCount": 20, "candidatesTokenCount": 5, "totalTokenCount": 25}, (20, 5, None)),
        ({"prompt_tokens": "20", "completion_tokens": "5", "total_tokens": "325", **details("300")}, (20, 305, 300)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "completion_tokens_details": None}, (20, 5, None)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "completion_tokens_details": [3]}, (20, 5, None)),
        ({}, (None, None, None)),
        (None, (None, None, None)),
        ([1, 2], (None, None, None)),
    ],
)
def test_usage(usage: Any, expected: tuple[int | None, ...]) -> None:
    found = read_usage(usage)
    assert (found.prompt, found.completion, found.reasoning) == expected


# --- JSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": "x"}', {"a": "x"}),
        (b'\xef\xbb\xbf{"a": "x"}', {"a": "x"}),
        (b'\n\n  {"a": "x"}\n', {"a": "x"}),
        (b'{"a": "x"}\n\x00', {"a": "x"}),
        (b'{"a": NaN, "a": "x"}\x00', {"a": "x"}),
        ('{"a": "x"}\0'.encode("utf-16"), {"a": "x"}),
        (b'{"a": "\\ud83d x"}', {"a": "\ud83d x"}),
        (b'{"a": "x\ny\tz\r"}', {"a": "x\ny\tz\r"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": -Infinity}', {"a": float("-inf")}),
        (b'{"a": 1e999}', {"a": float("inf")}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'{"b": NaN, "a": ' + b"9" * 5_000 + b"}", {"a": float("inf")}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_json_as_servers_write_it(content: bytes, expected: Any) -> None:
    found = read_json(content)
    found.pop("b", None)
    assert found == expected


@pytest.mark.parametrize(
    "content", [b"", b"{", b"<html>", b'{"a": "x}', b"[" * 100_000], ids=lambda value: repr(value)[:12]
)
def test_what_is_no_json(content: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(content)
    with pytest.raises(ValueError, match="not valid JSON"):
        read_row(content)


def test_a_stream_that_nobody_asked_for() -> None:
    events = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "I "}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "add."}}]},
        {"choices": [{"index": 0, "delta": {"content": "Answer: "}}, {"index": 1, "delta": {"content": "5"}}]},
        {"choices": [{"index": 0, "delta": {"content": "4", "reasoning_content": None}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 5}},
    ]
    lines = [": comment", "", *(f"data: {json.dumps(event)}\n" for event in events), "data: [DONE]"]
    reply = read_stream("\n".join(lines).encode())
    assert reply is not None
    first, second = (read(choice) for choice in reply["choices"])
    assert (first.text, first.reasoning, first.finish_reason) == ("Answer: 4", "I add.", "length")
    assert (second.text, second.finish_reason) == ("5", "stop")
    assert read_usage(reply["usage"]).completion == 5
    assert read_stream(json.dumps({"choices": []}).encode()) is None
    plain = read_stream(
        b'data: {"choices": [{"index": 0, "text": "Answer"}]}\n\n'
        b'data: {"choices": [{"index": 0, "text": ": 4"}]}\ndata: [DONE]\n'
    )
    assert plain is not None
    assert read(plain["choices"][0]).text == "Answer: 4"
    failed = read_stream(b'data: {"error": {"code": 429, "message": "slow down"}}')
    assert failed is not None
    assert error_status(failed) == 429


ONE_EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "Answer: 4"}, "finish_reason": "stop"}]}\n\n'


@pytest.mark.parametrize(
    "content",
    [
        ONE_EVENT,
        b"retry: 1000\n\n" + ONE_EVENT,
        b"\xef\xbb\xbf" + ONE_EVENT,
        b"\xef\xbb\xbfretry: 1000\r\n\r\n" + ONE_EVENT.replace(b"\n", b"\r\n"),
        ONE_EVENT.replace(b", ", b",\ndata: ") + b"data: [DONE]\n\n",
        ONE_EVENT.replace(b"[{", b"[\ndata:\ndata: {"),
        b"id: 1\nevent: message\n" + ONE_EVENT,
        ONE_EVENT.replace(b'"finish_reason": "stop"', b'"stop_reason": "end_turn"') + b"data: [DONE]",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_stream_of_any_form(content: bytes) -> None:
    reply = read_stream(content)
    assert reply is not None
    assert [read(choice).text for choice in reply["choices"]] == ["Answer: 4"]


HALF = b'data: {"choices": [{"index": 0, "delta": {"content": "Answer: 1"}, "finish_reason": null}]}\n\n'


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (b'data: {"error": {"code": 502, "message": "x"}}', 502),
        (
            (
                b'data: {"error": {"code": 502, "message": "x"}, "choices": [{"index": 0, "delta": {"content": ""}, '
                b'"finish_reason": "error"}]}'
            ),
            502,
        ),
        (b'data: {"choices": [{"index": 0, "delta": {}, "error": {"code": 503}}]}', 503),
        (b'data: {"error": "the upstream is overloaded"}', 503),
        (b'data: {"error": {"message": "the model is gone"}}', 400),
        (b'event: error\ndata: {"code": 429, "message": "slow down"}', 429),
        (b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}', 503),
        (b'data: {"object": "error", "message": "x", "code": 500}', 500),
    ],
)
@pytest.mark.parametrize("before", [b"", HALF])
@pytest.mark.parametrize("after", [b"", b"\n\ndata: [DONE]\n\n", b"\n\n" + HALF])
def test_a_stream_in_which_an_error_comes_is_that_error(before: bytes, after: bytes, event: bytes, status: int) -> None:
    reply = read_stream(before + event + after)
    assert reply is not None
    assert error_status(reply) == status


@pytest.mark.parametrize(
    "content", [HALF, HALF[:-12], ONE_EVENT + HALF[:-12], ONE_EVENT + HALF[:-12] + b"\n\ndata: [DONE]\n\n"]
)
def test_a_stream_that_breaks_off(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"breaks off|is cut"):
        read_stream(content)


@pytest.mark.parametrize(
    ("content", "passes"),
    [
        (b"null", True), (b"", True), (b'{"choices": [{"ind', True), (b"\xef\xbb\xbf{", True), (b"data: {", True),
        (b"<html><h1>502 Bad Gateway</h1></html>", True), (b"<html>Internal Server Error</html>", True),
        (b"upstream timed out", True), (b"<html>Sign in</html>", False), (b"Welcome to room 1502.", False),
        (b"Hello", False), (b"4", False),
    ],
)  # fmt: skip
def test_what_cant_be_read_and_may_pass(content: bytes, passes: bool) -> None:
    assert may_pass(content) == passes


def test_a_row_keeps_long_numbers() -> None:
    assert (
        read_row(b'{"gold": 123456789012345678901234567890, "output": "x"}')["gold"] == 123456789012345678901234567890
    )


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ({"choices": [message()]}, None),
        ({"choices": [message()], "error": None}, None),
        ({"choices": [message()], "error": {"code": 500}}, None),
        ({"choices": []}, None),
        ({"error": {"code": 429, "message": "x"}}, 429),
        ({"error": {"code": "502", "message": "x"}}, 502),
        ({"error": {"code": 502.0}, "choices": []}, 502),
        ({"error": {"code": "rate_limit_exceeded"}}, 429),
        ({"error": {"type": "overloaded_error"}}, 503),
        ({"error": {"code": None, "type": "invalid_request_error"}}, 400),
        ({"error": "the upstream is overloaded"}, 503),
        ({"error": "Internal error"}, 503),
        ({"error": "Internal Server Error"}, 503),
        ({"error": "upstream replied with status 502"}, 503),
        ({"error": "the token 5021 is not allowed"}, 400),
        ({"error": {"message": "the model is gone"}}, 400),
        ({"error": {"code": 200, "message": "the model is gone"}}, 400),
        ({"object": "error", "message": "too long", "code": 400}, 400),
        (
            {
                "choices": [
                    {"error": {"code": 502, "message": "x"}, "finish_reason": "error", "message": {"content": ""}}
                ]
            },
            502,
        ),
        ({"choices": [{"error": {"code": 502}, **message()}]}, None),
    ],
)
def test_an_error_in_a_reply_of_success(reply: Json, status: int | None) -> None:
    assert error_status(reply) == status
