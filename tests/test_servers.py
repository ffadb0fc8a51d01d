"""What servers do that OpenAI's doesn't: one table of behaviours, each with what must come of it.

Every behaviour is met by a greedy request (with a system message, and told not to think) and by a sampled one of three
paths with a stop string. The greedy one is asked twice: what is learnt of a server is learnt once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Answer, Json, MockServer, Script, chat, fault, usage
from test_openai_engine import (
    ANSWERS,
    KEY,
    arguments,
    ask,
    ask_server,
    environment,
    folder_of,
    key_of,
    opened,
    poll,
    records,
    request,
    right,
    task,
    written,
)

from cotbench.engines import client, openai
from cotbench.errors import ModelError, UsageError
from cotbench.types import Message, Request

__all__ = ["environment", "task"]  # fixtures that apply to this file too

TEXT = "Answer: 4"
GREEDY = replace(request(system=True), thinking=False)
SAMPLED = request("What is 2 + 3?", temperature=0.7, top_p=0.95, n=3, stop=("END",))

Refusal = Callable[[Json], "Answer | None"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are the client's own affair, and are tested there."""
    monkeypatch.setattr(client, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(openai, "AGAIN_S", 0.01)


def when(condition: Callable[[Json], bool], message: Any, status: int = 400, **error: Any) -> Refusal:
    """A refusal where a body is so. message: in OpenAI's form, or a body as it is."""
    body = message if isinstance(message, dict | bytes) else {"error": {"message": message, "code": status, **error}}
    return lambda sent: Answer(status=status, body=body) if condition(sent) else None


def has(*names: str) -> Callable[[Json], bool]:
    return lambda body: all(name in body for name in names)


def extra(*names: str) -> Json:
    """FastAPI's list of errors, with the whole body echoed as servers do."""
    return {
        "detail": [
            {
                "type": "extra_forbidden",
                "loc": ["body", name],
                "msg": "Extra inputs are not permitted",
                "input": {"seed": 1, "n": 2, "top_p": 1},
            }
            for name in names
        ]
    }


def system(body: Json) -> bool:
    return any(m["role"] == "system" for m in body["messages"])


def always(body: Json) -> bool:
    return True


def several_paths(body: Json) -> bool:
    return body.get("n", 1) > 1


def other_temperature(body: Json) -> bool:
    return body.get("temperature", 1) != 1


def over_budget(body: Json) -> bool:
    return body.get("max_tokens", 0) > 8


def answers(*refusals: Refusal, text: str = TEXT) -> Script:
    """A server that refuses what any of the refusals is about, and else gives as many paths as it is asked for."""

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        for refusal in refusals:
            if (answer := refusal(body)) is not None:
                return answer
        return chat(*(text for _ in range(body.get("n", 1))))

    return script


def one_each(*refusals: Refusal) -> Script:
    """A server that refuses what any of the refusals is about, and else gives one path a request."""

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        return next((a for refusal in refusals if (a := refusal(body)) is not None), None) or chat(TEXT)

    return script


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A server. says: what warnings hold, in order. lacks: what the last body sent doesn't hold. sent: what it does."""

    script: Script
    says: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    sent: Mapping[str, Any] = field(default_factory=dict)
    of: Request = GREEDY
    most: int = 4  # requests for the first asking


def refused(
    about: str | Callable[[Json], bool],
    message: Any,
    status: int = 400,
    by: Callable[..., Script] = answers,
    **more: Any,
) -> Behaviour:
    """A server that refuses bodies with all the fields named, or of which the condition holds, with one message.

    more: the error's `param`, `code` and `type`, and the fields of Behaviour.
    """
    error = {name: more.pop(name) for name in ("param", "code", "type") if name in more}
    condition = has(*about.split()) if isinstance(about, str) else about
    return Behaviour(script=by(when(condition, message, status, **error)), **more)


GIVEN_TOP_P = {"temperature": 0.7}
BEHAVIOURS: dict[str, Behaviour] = {
    "as it should be": Behaviour(script=answers(), most=1),
    # The system role.
    **{
        f"no system role, {status}": refused(
            system,
            "System role not supported",
            status,
            sent={"messages": [{"role": "user", "content": "Be brief.\n\nWhat is 2 + 2?"}]},
        )
        for status in (400, 422, 500)
    },
    "no system role, FastAPI": refused(
        system,
        {
            "detail": [
                {
                    "type": "literal_error",
                    "loc": ["body", "messages", 0, "role"],
                    "msg": "Input should be 'user' or 'assistant'",
                }
            ]
        },
        422,
    ),
    "no system role, a text": refused(system, b"jinja2.exceptions.TemplateError: System role not supported", 500),
    "no system role, roles alternate": refused(
        system, "Conversation roles must alternate user/assistant/user/assistant/..."
    ),
    "no system role, o1": refused(
        system,
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        param="messages[0].role",
        code="unsupported_value",
    ),
    "no system role, in a reply of success": Behaviour(
        script=answers(
            lambda body: (
                Answer(body={"error": {"message": "System role not supported", "code": 400}}) if system(body) else None
            )
        )
    ),
    **{
        f"no system role, {status} {words[:24]}": refused(
            system, words, status, sent={"messages": [{"role": "user", "content": "Be brief.\n\nWhat is 2 + 2?"}]}
        )
        for status, words in (
            (422, "Input should be 'user' or 'assistant'"),
            (400, "Only user and assistant messages are allowed"),
            (501, "instructions are not available for this model"),
            (503, "System role not supported"),
            (400, "first message must be from user"),
            (400, "Conversations must start with a user turn"),
            (403, "the system role is not supported"),
        )
    },
    # Refusals in other words, in other languages and under odd statuses, that name a field of ours.
    **{
        f"temperature, {status} {words[:24]}": refused(
            "temperature", words, status, says=("temperature",), lacks=("temperature",), most=2
        )
        for status, words in (
            (422, "sampling parameter 'temperature' is fixed by the deployment"),
            (400, "temperature ist nicht erlaubt"),
            (400, "参数 temperature 无效"),
            (400, "temperature?"),
            (403, "temperature is not supported with this model"),
            (405, "temperature is not supported"),
            (404, "unknown field temperature"),
        )
    },
    "no switch, 404": refused(
        "chat_template_kwargs", "unknown field chat_template_kwargs", 404, says=("switch",), most=2
    ),
    "no switch, 413": refused(
        "chat_template_kwargs", "chat_template_kwargs not permitted", 413, says=("switch",), most=2
    ),
    "no seed, in French": refused(
        "seed",
        "seed : champ inconnu",
        of=SAMPLED,
        says=("no seed",),
        lacks=("seed",),
        sent={"top_p": 0.95, "n": 3},
        most=2,
    ),
    "one path, a single completion": refused(
        several_paths, "Only a single completion per request is possible", of=SAMPLED, sent={"n": 1}, most=4
    ),
    "no n, a number of choices": refused(
        "n", "number of choices can't be set", by=one_each, of=SAMPLED, lacks=("n",), most=7
    ),
    # The thinking switch.
    **{
        f"no switch, {status}": refused(
            "chat_template_kwargs",
            extra("chat_template_kwargs"),
            status,
            says=("switch",),
            lacks=("chat_template_kwargs",),
        )
        for status in (400, 422, 500)
    },
    "no switch, OpenAI": refused(
        "chat_template_kwargs",
        "Unrecognized request argument supplied: chat_template_kwargs",
        says=("switch",),
        lacks=("chat_template_kwargs",),
    ),
    "no switch, vLLM's text": refused(
        "chat_template_kwargs",
        "[{'type': 'extra_forbidden', 'loc': ('body', 'chat_template_kwargs'), 'msg': 'Extra inputs are not "
        "permitted', 'input': {'enable_thinking': False}}]",
        says=("switch",),
    ),
    "no switch, unnamed": refused("chat_template_kwargs", "Extra inputs are not permitted", 422, says=("switch",)),
    "no switch, Mistral": refused(
        "chat_template_kwargs",
        {"object": "error", "message": extra("chat_template_kwargs"), "type": "invalid_request_error"},
        422,
        says=("switch",),
    ),
    "no switch, Google": Behaviour(
        script=answers(
            lambda body: (
                Answer(
                    status=400,
                    body=json.dumps(
                        [
                            {
                                "error": {
                                    "code": 400,
                                    "status": "INVALID_ARGUMENT",
                                    "message": (
                                        'Invalid JSON payload received. Unknown name "chat_template_kwargs": Cannot '
                                        "find field."
                                    ),
                                }
                            }
                        ]
                    ).encode(),
                )
                if "chat_template_kwargs" in body
                else None
            )
        ),
        says=("switch",),
    ),
    "no switch, a gateway's text": refused(
        "chat_template_kwargs", json.dumps(extra("chat_template_kwargs")), says=("switch",)
    ),
    "no thinking in one piece, DashScope": refused(
        lambda body: body.get("enable_thinking") is not False,
        "parameter.enable_thinking must be set to false for non-streaming calls",
        code="invalid_parameter_error",
        says=("told not to think",),
        sent={"enable_thinking": False},
    ),
    # The seed.
    **{
        f"no seed, {status}": refused(
            "seed", extra("seed"), status, of=SAMPLED, says=("no seed",), lacks=("seed",), sent=GIVEN_TOP_P
        )
        for status in (400, 422, 500)
    },
    "no seed, Google": refused(
        "seed",
        'Invalid JSON payload received. Unknown name "seed": Cannot find field.',
        of=SAMPLED,
        says=("no seed",),
        lacks=("seed",),
    ),
    "no seed, OpenAI": refused(
        "seed",
        "Unsupported parameter: 'seed' is not supported with this model.",
        param="seed",
        of=SAMPLED,
        says=("no seed",),
    ),
    # Several paths.
    **{
        f"no n, {status}": refused("n", extra("n"), status, by=one_each, of=SAMPLED, lacks=("n",), most=7)
        for status in (400, 422, 500)
    },
    "no n, NVIDIA": refused(
        "n",
        {"detail": "body -> n\n  Extra inputs are not permitted (type=extra_forbidden)"},
        422,
        by=one_each,
        of=SAMPLED,
        lacks=("n",),
        most=7,
    ),
    "one path": refused(
        several_paths, "Invalid n value (currently only n = 1 is supported)", of=SAMPLED, sent={"n": 1}, most=4
    ),
    "one path, FastAPI": refused(
        several_paths,
        {
            "detail": [
                {"type": "less_than_equal", "loc": ["body", "n"], "msg": "Input should be less than or equal to 1"}
            ]
        },
        422,
        of=SAMPLED,
        sent={"n": 1},
    ),
    "one path without a word": Behaviour(script=one_each(), of=SAMPLED, most=3),
    # Temperature and top-p.
    "only temperature 1": refused(
        other_temperature,
        "'temperature' can't be 0 for this model, only 1 is supported",
        says=("temperature",),
        lacks=("temperature",),
    ),
    "only temperature 1, OpenAI": refused(
        other_temperature,
        "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
        param="temperature",
        code="unsupported_value",
        says=("temperature",),
        lacks=("temperature",),
    ),
    "only temperature 1, sampled": refused(
        other_temperature,
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is "
        "supported.",
        of=SAMPLED,
        says=("temperature",),
        lacks=("temperature",),
        sent={"top_p": 0.95},
    ),
    "no temperature": refused(
        "temperature", "temperature is not supported with this model", says=("temperature",), lacks=("temperature",)
    ),
    "no top_p": refused(
        "top_p",
        "top_p is not supported with this model",
        of=SAMPLED,
        says=("top_p",),
        lacks=("top_p",),
        sent=GIVEN_TOP_P,
    ),
    "no top_p, greedy": refused("top_p", "top_p is not supported with this model", most=1),
    "neither": Behaviour(
        script=answers(
            when(has("temperature"), "Unsupported parameter: 'temperature'"),
            when(has("top_p"), "Unsupported parameter: 'top_p'"),
        ),
        of=SAMPLED,
        says=("top_p", "temperature"),
        lacks=("temperature", "top_p"),
    ),
    "not both": refused(
        "temperature top_p",
        "temperature and top_p cannot both be given for this model",
        of=SAMPLED,
        says=("not both",),
        lacks=("top_p",),
        sent=GIVEN_TOP_P,
    ),
    "not both, Anthropic": refused(
        "temperature top_p",
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        of=SAMPLED,
        says=("not both",),
        lacks=("top_p",),
        sent=GIVEN_TOP_P,
    ),
    "not both, greedy": refused(
        "temperature top_p", "temperature and top_p cannot both be given for this model", most=1
    ),
    **{
        f"positive temperature, {words[:20]}": refused(
            lambda body: body["temperature"] <= 0, words, 422, says=("temperature 0.01",), sent={"temperature": 0.01}
        )
        for words in (
            "temperature must be positive",
            "`temperature` must be strictly positive",
            "temperature: must be greater than 0",
            "Input validation error: `temperature` must be > 0.0",
        )
    },
    "positive temperature, but only 1": Behaviour(
        script=answers(
            when(lambda body: body.get("temperature", 1) == 0, "temperature must be positive"),
            when(other_temperature, "temperature must be 1, no other value is allowed"),
        ),
        says=("none was sent",),
        lacks=("temperature",),
    ),
    "temperature is deprecated": refused(
        "temperature", "`temperature` is deprecated for this model.", says=("temperature",), lacks=("temperature",)
    ),
    "LiteLLM": refused(
        "seed",
        "litellm.UnsupportedParamsError: openai does not support parameters: ['seed'], for model=m. To drop "
        "these, set `litellm.drop_params=True`",
        param="None",
        type="None",
        of=SAMPLED,
        says=("seed",),
        lacks=("seed",),
        sent={"n": 3, "top_p": 0.95},
    ),
    "LiteLLM, temperature": refused(
        other_temperature,
        "litellm.UnsupportedParamsError: O-series models don't support temperature=0.0. Only temperature=1 is "
        "supported.",
        says=("temperature",),
        lacks=("temperature",),
    ),
    "Rust's list of fields": refused(
        "seed",
        b"Failed to deserialize the JSON body into the target type: unknown field `seed`, expected one of "
        b"`messages`, `model`, `temperature`, `top_p`, `n`, `stop`, `max_tokens`",
        422,
        of=SAMPLED,
        says=("seed",),
        lacks=("seed",),
        sent={"n": 3, "top_p": 0.95, "temperature": 0.7, "max_tokens": 16, "stop": ["END"]},
        most=2,
    ),
    "Go's unknown field": refused(
        "chat_template_kwargs",
        {"error_code": "BAD_REQUEST", "message": 'Bad request: json: unknown field "chat_template_kwargs"'},
        says=("switch",),
        most=2,
    ),
    "Groq": refused("chat_template_kwargs", "property 'chat_template_kwargs' is unsupported", says=("switch",), most=2),
    "Fireworks": refused(
        "chat_template_kwargs",
        "Extra inputs are not permitted, field: 'chat_template_kwargs', value: {'enable_thinking': False}",
        says=("switch",),
        most=2,
    ),
    "xAI": refused(
        "stop",
        {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: stop"},
        of=SAMPLED,
        says=("stop",),
        lacks=("stop",),
        sent={"n": 3, "top_p": 0.95},
        most=2,
    ),
    "Bedrock": Behaviour(
        script=one_each(
            when(
                has("n"),
                "Malformed input request: #: extraneous key [n] is not permitted, please reformat your input and "
                "try again.",
            ),
            when(has("seed"), "#: extraneous key [seed] is not permitted"),
        ),
        of=SAMPLED,
        says=("seed",),
        lacks=("n", "seed"),
        sent={"stop": ["END"], "top_p": 0.95},
        most=8,
    ),
    "Bedrock's own names": Behaviour(
        script=answers(
            when(
                has("stop"), "This model doesn't support the stopSequences field. Remove stopSequences and try again."
            ),
            when(has("top_p"), "This model doesn't support the topP field. Remove topP and try again."),
        ),
        of=SAMPLED,
        says=("top_p", "stop"),
        lacks=("stop", "top_p"),
        sent={"temperature": 0.7},
    ),
    # Stop strings and the budget.
    "no stop": refused(
        "stop",
        "Unsupported parameter: 'stop' is not supported with this model.",
        param="stop",
        of=SAMPLED,
        says=("stop",),
        lacks=("stop",),
    ),
    "no stop, lm-eval's": refused(
        "stop", "'$.stop' is invalid. Please check the API reference", of=SAMPLED, says=("stop",), lacks=("stop",)
    ),
    "no stop, FastAPI": refused(
        "stop", extra("stop"), 422, of=SAMPLED, says=("stop",), lacks=("stop",), sent={"n": 3, "top_p": 0.95}
    ),
    "max_completion_tokens": refused(
        "max_tokens",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        param="max_tokens",
        sent={"max_completion_tokens": 16},
        lacks=("max_tokens",),
    ),
    "max_completion_tokens, FastAPI": refused(
        "max_tokens", extra("max_tokens"), 422, sent={"max_completion_tokens": 16}, lacks=("max_tokens",)
    ),
    # All at once, as of the strictest.
    "everything": Behaviour(
        script=one_each(
            *(when(has(name), extra(name), 422) for name in ("n", "seed", "stop", "top_p", "temperature", "max_tokens"))
        ),
        of=SAMPLED,
        says=("seed", "top_p", "temperature", "stop"),
        lacks=("n", "seed", "stop", "top_p", "temperature", "max_tokens"),
        most=13,
    ),
    "everything, in one error": refused(
        lambda body: "seed" in body or "n" in body or "top_p" in body,
        extra("seed", "n", "top_p"),
        422,
        by=one_each,
        of=SAMPLED,
        says=("seed", "top_p"),
        lacks=("n", "seed", "top_p"),
        sent={"stop": ["END"]},
        most=10,
    ),
}


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_what_a_server_wants_otherwise_is_learnt_once(behaviour: Behaviour) -> None:
    with MockServer(behaviour.script) as server, opened(server) as engine:
        reply = ask(engine, behaviour.of)
        assert [(path.text, path.finish_reason) for path in reply.completions] == [
            (TEXT, "stop")
        ] * behaviour.of.sampling.n
        first = len(server.requests)
        assert first <= behaviour.most
        body = server.requests[-1].body
        assert not [name for name in behaviour.lacks if name in body]
        assert {name: body.get(name) for name in behaviour.sent} == dict(behaviour.sent)
        again = replace(behaviour.of, messages=(*behaviour.of.messages[:-1], Message(role="user", text="And 3 + 1?")))
        assert {path.text for path in ask(engine, again).completions} == {TEXT}
        assert len(server.requests) - first <= behaviour.of.sampling.n, "what was learnt is remembered"
        info = engine.describe()
    assert len(info.warnings) == len(behaviour.says)
    for piece, warning in zip(behaviour.says, info.warnings, strict=True):
        assert piece in warning
    assert ("seeds" in info.lacks) == any("seed" in piece for piece in behaviour.says)


def test_one_odd_refusal_misleads_no_other_request() -> None:
    """It may be about its own prompt, or a fault that passes."""

    def script(path: str, headers: object, body: Json, seen: int) -> Json | Answer:
        return fault("the system prompt must not be about seeds", 400) if "odd" in str(body) else chat(TEXT)

    odd = replace(GREEDY, messages=(GREEDY.messages[0], Message(role="user", text="odd")))
    with MockServer(script) as server, opened(server) as engine:
        assert ask(engine, odd).completions[0].finish_reason == "error"
        assert ask(engine, GREEDY).completions[0].text == TEXT
        assert server.requests[-1].body["messages"][0]["role"] == "system"
        assert engine.describe().warnings == ()
        assert engine.describe().system_role == "native"


def test_a_fault_that_passes_teaches_nothing() -> None:
    def script(path: str, headers: object, body: Json, seen: int) -> Json | Answer:
        return fault("the system prompt cache is not available", 500) if seen == 1 else chat(TEXT)

    with MockServer(script) as server, opened(server) as engine:
        assert ask(engine, GREEDY).completions[0].text == TEXT
        assert engine.describe().system_role == "native"
        assert len(server.requests) == 2


def test_a_refusal_learnt_while_others_are_on_their_way() -> None:
    with MockServer(answers(when(has("seed"), extra("seed"), 422))) as server, opened(server, concurrency=8) as engine:
        asked = {key_of(f"q{i}", r): r for i in range(24) for r in [request(f"What is {i}?", temperature=0.7)]}
        for key, wanted in asked.items():
            engine.submit(key, wanted)
        replies: dict[Any, Any] = {}
        while len(replies) < len(asked):
            replies.update(poll(engine))
    assert {path.text for reply in replies.values() for path in reply.completions} == {TEXT}
    assert len(server.requests) <= 24 + 16


# --- what can't be left out ---------------------------------------------------------------------------------------

STOPPING: dict[str, tuple[Script, Json, str]] = {
    "the budget": (
        answers(when(over_budget, "max_tokens is too large: 16. The maximum is 8.", param="max_tokens")),
        {},
        "refuses max_tokens",
    ),
    "the budget, DeepSeek": (
        answers(when(over_budget, "Invalid max_tokens value, the valid range of max_tokens is [1, 8]")),
        {},
        "refuses max_tokens",
    ),
    "the budget, Anthropic": (
        answers(when(over_budget, "max_tokens: 16 > 8, which is the maximum allowed number of output tokens")),
        {},
        "refuses max_tokens",
    ),
    "the budget under the host's name": (
        answers(when(over_budget, "max_new_tokens must be <= 8")),
        {},
        "refuses max_tokens",
    ),
    "the budget in Google's name": (
        answers(when(over_budget, "maxOutputTokens is out of range")),
        {},
        "refuses max_tokens",
    ),
    "the budget in both names": (
        answers(
            lambda body: Answer(
                status=422, body=extra(next(name for name in ("max_tokens", "max_completion_tokens") if name in body))
            )
        ),
        {},
        "refuses max_completion_tokens",
    ),
    "the model": (
        answers(when(always, "The model `m` does not exist or you do not have access to it.", code="model_not_found")),
        {},
        "refuses model",
    ),
    "a field of the user's": (
        answers(when(has("top_a"), "Unrecognized request argument supplied: top_a")),
        {"extra_body": {"top_a": 0.1}},
        "refuses top_a",
    ),
    "a field of the user's, FastAPI": (
        answers(when(has("top_a"), extra("top_a"), 422)),
        {"extra_body": {"top_a": 0.1}},
        "refuses top_a",
    ),
    "a value of the user's": (
        answers(
            when(
                has("reasoning_effort"),
                "Unsupported value: 'reasoning_effort' does not support 'huge' with this model.",
                param="reasoning_effort",
            )
        ),
        {"extra_body": {"reasoning_effort": "huge"}},
        "refuses reasoning_effort",
    ),
    "no balance": (answers(when(always, "Insufficient Balance", 402)), {}, "status 402: Insufficient Balance"),
    "no quota": (
        answers(
            when(always, "You exceeded your current quota", 429, type="insufficient_quota", code="insufficient_quota")
        ),
        {},
        "exceeded your current quota",
    ),
    "no right": (answers(when(always, "this key may not use this model", 403)), {}, "refuses the key (403)"),
    "no right, of a role": (
        answers(when(always, "your account may not do so: permission denied", 403)),
        {},
        "refuses the key (403)",
    ),
    "no such model": (answers(when(always, "The model `m` does not exist", 404)), {}, "status 404"),
    "no such way": (answers(when(always, "Method Not Allowed", 405)), {}, "status 405"),
    "401 in a reply of success": (
        lambda *_: {"error": {"code": 401, "message": "No auth credentials found"}},
        {},
        "refuses the key (401)",
    ),
}


@pytest.mark.parametrize(("script", "config", "words"), STOPPING.values(), ids=STOPPING.keys())
def test_what_cant_be_left_out_stops_at_once_with_one_message(script: Script, config: Json, words: str) -> None:
    with MockServer(script) as server, opened(server, **config) as engine:
        engine.submit(key_of("q", GREEDY), GREEDY)
        with pytest.raises(ModelError) as caught:
            poll(engine)
        assert len(server.requests) <= 2
    assert words in caught.value.message
    assert caught.value.hint


def test_a_prompt_that_is_too_long_stops_nothing() -> None:
    """vLLM names max_tokens, and means the prompt."""
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 16. This model's maximum context length is 32 tokens "
        "and your request has 30 input tokens"
    )

    def script(path: str, headers: object, body: Json, seen: int) -> Json | Answer:
        return fault(words) if "long" in str(body) else chat(TEXT)

    long = replace(GREEDY, messages=(Message(role="user", text="long"),))
    with MockServer(script) as server, opened(server) as engine:
        assert "maximum context length" in ask(engine, long).completions[0].error
        assert ask(engine, GREEDY).completions[0].text == TEXT
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (fault("no"), "status 400: no"),
        (Answer(body=b"<html>Sign in</html>", content_type="text/html"), "no JSON object"),
    ],
)
def test_requests_that_all_fail_alike_are_not_all_asked(answer: Answer, words: str) -> None:
    with MockServer(lambda *_: answer) as server, opened(server, concurrency=2) as engine:
        for i in range(100):
            wanted = request(f"What is {i}?")
            engine.submit(key_of(f"q{i}", wanted), wanted)
        with pytest.raises(ModelError, match=words):
            while True:
                poll(engine)
        assert len(server.requests) < 40


# --- replies of success that are none -----------------------------------------------------------------------------

AGAIN: dict[str, Json | Answer] = {
    "an error with a code": {"error": {"code": 429, "message": "slow down"}},
    "502": {"error": {"code": 502, "message": "bad gateway", "metadata": {}}, "id": "x"},
    "a code that is a text": {"error": {"code": "503", "message": "busy"}},
    "a code in words": {"error": {"code": "rate_limit_exceeded", "message": "slow down"}},
    "an error in the choice": {
        "choices": [
            {
                "error": {"code": 502, "message": "the host failed"},
                "finish_reason": "error",
                "message": {"role": "assistant", "content": ""},
            }
        ]
    },
    "overloaded": {"error": {"type": "overloaded_error", "message": "Overloaded"}},
    "no choices": {"choices": []},
    "null choices": {"choices": None},
    "none at all": {"id": "x", "usage": {}},
    "null choices and an error": {
        "choices": None,
        "error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "Too Many Requests"}},
    },
    "white space": Answer(body=b"  \n\n \n"),
    "nothing": Answer(body=b""),
    "an error that is a text": {"error": "Internal error"},
    "a gateway's page": Answer(body=b"<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"),
    "JSON that is cut": Answer(body=b'{"choices": [{"index": 0, "mess'),
    "null": Answer(body=b"null"),
    "half a stream and an error": Answer(
        body=b'data: {"choices": [{"index": 0, "delta": {"content": "Answer: 1"}}]}\n\n'
        b'data: {"error": {"code": 502, "message": "x"}}\n\ndata: [DONE]\n\n'
    ),
    "half a stream": Answer(body=b'data: {"choices": [{"index": 0, "delta": {"content": "Answer: 1"}}]}\n\n'),
}


@pytest.mark.parametrize("answer", AGAIN.values(), ids=AGAIN.keys())
def test_a_reply_of_success_that_is_none_is_asked_again(answer: Json | Answer) -> None:
    reply, server = ask_server(lambda path, headers, body, seen: answer if seen == 1 else chat(TEXT))
    assert reply.completions[0].text == TEXT
    assert len(server.requests) == 2


@pytest.mark.parametrize("answer", AGAIN.values(), ids=AGAIN.keys())
def test_one_that_stays_so_is_an_error(answer: Json | Answer) -> None:
    reply, server = ask_server(lambda *_: answer, retries=2)
    assert reply.completions[0].finish_reason == "error"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        fault("flagged", 400, headers={}),
        Answer(status=400, body={"error": {"code": "content_filter", "message": "filtered"}}),
        Answer(
            status=400,
            body={"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "x"}},
        ),
        Answer(status=403, body={"error": {"code": 403, "message": "m requires moderation. Your input was flagged"}}),
        Answer(body={"error": {"code": "content_filter", "message": "filtered"}}),
        Answer(
            status=500,
            body={
                "error": {"code": "content_filter", "message": "the system prompt is not allowed; seed must be removed"}
            },
        ),
        Answer(status=400, body={"error": {"code": "data_inspection_failed", "message": "x"}}),
    ],
)
def test_what_a_servers_rules_forbid_is_a_refusal(answer: Answer) -> None:
    reply, server = ask_server(lambda *_: answer, GREEDY)
    assert len(server.requests) == 1
    expected = "error" if answer.status == 400 and "flagged" in str(answer.body) else "refused"
    assert reply.completions[0].finish_reason == expected


def test_words_that_arent_known_are_told_once_by_name() -> None:
    with MockServer(lambda *_: chat(TEXT, finish="as the wind blows")) as server, opened(server) as engine:
        for name in "ab":
            wanted = request(name)
            engine.submit(key_of(name, wanted), wanted)
            assert poll(engine)[0][1].completions[0].finish_reason == "stop"
        [warning] = engine.describe().warnings
    assert warning.count("finish_reason 'as the wind blows'") == 1


def test_reasoning_beside_the_completions_tokens_is_added() -> None:
    told = {**usage(20, 5), "total_tokens": 325, "completion_tokens_details": {"reasoning_tokens": 300}}
    reply, _ = ask_server(lambda *_: chat(TEXT) | {"usage": told})
    [path] = reply.completions
    assert (path.prompt_tokens, path.completion_tokens, path.reasoning_tokens) == (20, 305, 300)
    reply, _ = ask_server(lambda *_: chat("a", "b") | {"usage": told}, request(temperature=0.7, n=2))
    assert reply.total_completion_tokens == 305


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + json.dumps(chat(TEXT)).encode(),
        json.dumps(chat(TEXT) | {"logprobs": float("nan"), "x": float("-inf")}).encode(),
        json.dumps(chat(TEXT + "|")).replace("|", "\n").encode(),
        json.dumps(chat(TEXT + "|")).replace("|", "\\ud83d").encode(),
        json.dumps(chat(TEXT) | {"usage": {"prompt_tokens": 20.0, "completion_tokens": 7.0}}).encode(),
    ],
    ids=["byte order mark", "NaN", "a raw line end", "half a character", "counts with points"],
)
def test_json_that_servers_write(body: bytes) -> None:
    reply, _ = ask_server(lambda *_: Answer(body=body))
    assert reply.completions[0].text.startswith(TEXT)
    assert reply.completions[0].completion_tokens == 7


def test_a_stream_that_was_not_asked_for_is_read_and_a_broken_one_is_an_error() -> None:
    event = (
        b'data: {"choices": [{"index": 0, "delta": {"content": "%s"}}], "usage": {"prompt_tokens": 11, '
        b'"completion_tokens": 7}}\n\n'
    )
    reply, _ = ask_server(
        lambda *_: Answer(
            body=event % b"Answer: " + event % b"4" + b"data: [DONE]\n\n", content_type="text/event-stream"
        )
    )
    [path] = reply.completions
    assert (path.text, path.finish_reason, path.completion_tokens) == (TEXT, "stop", 7)
    for broken in (b"data: {", b"data: 4", b'data: {"choices": [4]}', b"data:", event % b"Answ"):
        reply, _ = ask_server(lambda *_, body=broken: Answer(body=body), retries=0)
        assert reply.completions[0].finish_reason == "error"


def test_half_a_character_may_be_sent_on() -> None:
    """In a plan that the model wrote, for example."""
    reply, server = ask_server(answers(), request("a \ud83d b"))
    assert reply.completions[0].text == TEXT
    assert server.requests[0].body["messages"][0]["content"] == "a \ud83d b"


# --- the list of models -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("lab/m:fastest", ["lab/m", "other"]), ("m", ["m:latest"]), ("gemini", ["models/gemini"]), ("lab/m", ["m"]),
        ("M", ["m"]), ("openai/x", ["openai/*"]), ("m@2", ["m"]), ("m", ["m"]), ("m", []),
    ],
)  # fmt: skip
def test_names_that_may_be_the_models(model: str, listed: list[str]) -> None:
    models = {"data": [{"id": name} for name in listed]}
    with MockServer(answers(), models=models) as server, opened(server, model=model) as engine:
        assert ask(engine).completions[0].text == TEXT
        assert server.requests[0].body["model"] == model


@pytest.mark.parametrize("model", ["n", "other/m", "mm", "m-7b"])
def test_names_that_cant_be(model: str) -> None:
    with MockServer(answers(), models={"data": [{"id": "lab/m"}]}) as server:
        with pytest.raises(ModelError, match="doesn't serve it") as caught, opened(server, model=model):
            pass
        assert "check_model=false" in caught.value.hint
        with opened(server, model=model, model_args={"check_model": False}) as engine:
            assert ask(engine).completions[0].text == TEXT


def test_a_list_that_a_key_may_not_see_proves_nothing() -> None:
    with MockServer(answers(), models=fault("this key may not list models", 403)) as server, opened(server) as engine:
        assert ask(engine).completions[0].text == TEXT


# --- what is sent besides -----------------------------------------------------------------------------------------


def test_extra_fields_and_headers_are_sent() -> None:
    body = {"reasoning": {"effort": "high"}, "chat_template_kwargs": {"thinking_budget": 9}}
    _, server = ask_server(answers(), GREEDY, extra_body=body, headers={"api-key": "k-1", "authorization": "Token x"})
    [seen] = server.requests
    assert seen.body["reasoning"] == {"effort": "high"}
    assert seen.body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False, "thinking_budget": 9}
    for sent in (seen, *server.model_requests):
        assert (sent.headers["api-key"], sent.headers["authorization"]) == ("k-1", "Token x")


@pytest.mark.parametrize(("thinking", "sent"), [(True, True), (False, False)])
def test_both_names_of_the_thinking_switch_are_sent(thinking: bool, sent: bool) -> None:
    _, server = ask_server(answers(), replace(GREEDY, thinking=thinking))
    assert server.requests[0].body["chat_template_kwargs"] == {"enable_thinking": sent, "thinking": sent}


def test_a_switch_that_plain_text_has_no_place_for_is_told() -> None:
    with MockServer(answers()) as server, opened(server, chat_template="none", thinking="on") as engine:
        [warning] = engine.describe().warnings
    assert "--thinking on changes nothing" in warning


def test_our_switch_is_dropped_and_the_users_own_stays() -> None:
    refusal = when(
        lambda body: "thinking" in body.get("chat_template_kwargs", {}),
        "unknown key 'enable_thinking' in chat_template_kwargs",
    )
    _, server = ask_server(answers(refusal), GREEDY, extra_body={"chat_template_kwargs": {"budget": 9}})
    assert server.requests[-1].body["chat_template_kwargs"] == {"budget": 9}


def test_other_sampling_keys_are_sent() -> None:
    _, server = ask_server(answers(), request(extra=(("min_p", 0.1), ("reasoning_effort", "low"), ("top_k", 20))))
    body = server.requests[0].body
    assert (body["min_p"], body["reasoning_effort"], body["top_k"]) == (0.1, "low", 20)


# --- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", " ", "\r\n", "\t"])
def test_a_key_with_white_space_at_its_end(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY + end)
    _, server = ask_server(answers())
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("middle", ["\n", "é"])
def test_a_key_that_is_none(middle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}{middle}x")
    with (
        MockServer(answers()) as server,
        pytest.raises(UsageError, match="OPENAI_API_KEY holds") as caught,
        opened(server),
    ):
        pass
    assert KEY not in str(caught.value)
    assert not server.model_requests


def outcomes(folder: Path) -> set[str]:
    return {row["outcome"] for row in records(folder).values()}


def test_a_run_with_fields_headers_and_keys(
    main: Cli, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields are recorded and decide which run it is; of headers, names alone, or the variable that holds the value."""
    monkeypatch.setenv("OWN_KEY", f"{KEY}-own\n")
    more = [
        "--extra-body",
        '{"top_a": 0.5}',
        "--header",
        "api-key=$OWN_KEY",
        "--header=X-Other=s3cretword",
        "--gen-kwargs",
        "top_k=7,reasoning_effort=low",
    ]
    with MockServer(right) as server:
        done = main(*arguments(server, task, *more))
        assert done.code == 0, done.err
        folder = folder_of(tmp_path)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["options"]["headers"] == {"api-key": "$OWN_KEY", "X-Other": "***"}
        assert manifest["spec"]["model_args"]["extra_body"] == {"top_a": 0.5}
        assert manifest["spec"]["model_args"]["headers"] == ["api-key", "x-other"]
        assert {s["top_k"] for s in (m["sampling"] for m in manifest["spec"]["modes"].values())} == {7}
        everything = written(done, folder)
        assert KEY not in everything
        assert "s3cret" not in everything
        assert {seen.headers["api-key"] for seen in server.requests} == {f"{KEY}-own"}
        assert {
            (seen.body["top_k"], seen.body["reasoning_effort"], seen.body["top_a"]) for seen in server.requests
        } == {(7, "low", 0.5)}
        without = main("run", "--resume", folder, "--quiet")
        assert without.code == 2
        assert "--header: the value of X-Other is on no record" in without.err
        again = main(
            "run", "--resume", folder, "--quiet", "--header", "api-key=$OWN_KEY", "--header", "X-Other=s3cretword"
        )
        assert again.code == 0, again.err
        assert "nothing new was asked" in again.out
        other = main(*arguments(server, task, *more[2:]))
        assert other.code == 0, other.err
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_a_key_in_the_addresss_path(main: Cli, task: Path, tmp_path: Path) -> None:
    with MockServer(right) as server:
        original = server.answer

        def answer(method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
            if "broken" in headers.get("x-test", ""):
                return fault(f"no such page: {path}", 404)
            return original(method, path.replace(f"/{KEY}", ""), headers, content)

        server.answer = answer  # type: ignore[method-assign]
        url = server.url.replace("/v1", f"/{KEY}/v1")
        done = main(*arguments(server, task, url=url))
        assert done.code == 0, done.err
        folder = folder_of(tmp_path)
        everything = written(done, folder)
        assert KEY not in everything
        assert "/***/v1" in everything
        without = main("run", "--resume", folder, "--quiet")
        assert without.code == 2
        assert "--base-url" in without.err
        broken = main(*arguments(server, task, "--fresh", "--header", "x-test=broken", url=url))
        assert broken.code == 3
        assert KEY not in broken.err + broken.out
        again = main("run", "--resume", folder, "--quiet", "--base-url", url)
        assert again.code == 0, again.err


def test_a_key_that_a_good_reply_repeats_stands_in_the_raw_completion_alone(
    main: Cli, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json:
        reply = right(path, headers, body, seen)
        choice = reply["choices"][0]
        choice["message"]["content"] = f"Your key is {KEY}.\n{choice['message']['content']}"
        choice["finish_reason"] = f"because of {KEY}"
        return reply

    with MockServer(script, models={"data": [{"id": "m", "root": KEY}]}) as server:
        done = main(*arguments(server, task))
    assert done.code == 0, done.err
    folder = folder_of(tmp_path)
    assert KEY in (folder / "journal.jsonl").read_text()
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "journal.jsonl":
            assert KEY not in path.read_text()
    assert KEY not in done.out + done.err


# --- told in the report -------------------------------------------------------------------------------------------


def test_what_a_server_changed_is_told_when_the_run_ends_and_in_its_report(
    main: Cli, task: Path, tmp_path: Path
) -> None:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        if "temperature" in body:
            return fault("temperature is not supported with this model")
        return right(path, headers, body, seen)

    words = "the server refuses the temperature that was asked for"
    with MockServer(script) as server:
        done = main(*arguments(server, task))
        assert done.code == 0, done.err
        assert words in done.err
        folder = folder_of(tmp_path)
        assert outcomes(folder) == {"correct"}
        assert any(
            words in warning for warning in json.loads((folder / "manifest.json").read_text())["engine"]["warnings"]
        )
        again = main("run", "--resume", folder, "--quiet")
        assert again.code == 0, again.err
    report = main("report", folder, "--no-page")
    assert words in re.sub(r"\s+", " ", report.out), "also after a session that learnt nothing"


@pytest.mark.parametrize(
    ("refusal", "mode"),
    [
        (when(has("chat_template_kwargs"), extra("chat_template_kwargs"), 422), "direct"),
        (when(system, "System role not supported", 500), "direct"),
        (when(has("n"), extra("n"), 422), "self-consistency"),
        (when(has("seed"), extra("seed"), 422), "self-consistency"),
        (
            when(has("temperature", "top_p"), "temperature and top_p cannot both be given for this model"),
            "self-consistency",
        ),
    ],
)
def test_whole_runs_on_servers_that_refuse(refusal: Refusal, mode: str, main: Cli, task: Path, tmp_path: Path) -> None:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        refused = refusal(body)
        if refused is not None:
            return refused
        asked = body["messages"][-1]["content"]
        answer = next(answer for question, answer in ANSWERS.items() if question in asked)
        return chat(*(f"Answer: {answer}" for _ in range(body.get("n", 1))))

    with MockServer(script) as server:
        command = arguments(server, task, *(("--paths", 3) if mode != "direct" else ()))
        command[command.index("direct")] = mode
        done = main(*command)
    assert done.code == 0, done.err
    assert outcomes(folder_of(tmp_path)) == {"correct"}
