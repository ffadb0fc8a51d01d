"""The engine that talks to a server: what is sent, how replies and faults are read, and that no key is written down."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from conftest import Cli, Outcome
from mock_server import Answer, Json, MockServer, Script, chat, completion, fault, says, served, usage

from cotbench.engines import Engine, EngineConfig, open_engine
from cotbench.engines.chat import plain_text
from cotbench.engines.openai import public_url
from cotbench.errors import CotbenchError, ModelError, UsageError
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

KEY = "sk-test-3f9a7c51e2b84d06-never-to-be-seen"
SYSTEM = Message(role="system", text="Be brief.")
WAIT_S = 30.0  # for things that take far less: a test that would hang fails instead


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_LOG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def request(text: str = "What is 2 + 2?", *, system: bool = False, **sampling: Any) -> Request:
    messages = (SYSTEM,) * system + (Message(role="user", text=text),)
    return Request(messages=messages, sampling=Sampling(**{"max_tokens": 16, **sampling}))


def key_of(question: str, asked: Request, ordinal: int = 0) -> Key:
    return Key(question, asked.hash, 0, ordinal)


@contextmanager
def opened(server: MockServer, *, retries: int = 2, timeout_s: float = 10.0, **config: Any) -> Iterator[Engine]:
    arguments = {"max_retries": retries, "timeout_s": timeout_s, **config.pop("model_args", {})}
    engine = open_engine(
        "openai", EngineConfig(**{"model": "m", "base_url": server.url, "model_args": arguments, **config})
    )
    try:
        yield engine
    finally:
        engine.close()


def poll(engine: Engine) -> list[tuple[Key, Reply]]:
    """engine.poll() that can't hang."""
    out: list[Any] = []

    def call() -> None:
        try:
            out.append(engine.poll())
        except BaseException as error:
            out.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert out, "poll doesn't return"
    if isinstance(out[0], BaseException):
        raise out[0]
    found: list[tuple[Key, Reply]] = out[0]
    return found


def collect(engine: Engine, asked: Mapping[Key, Request]) -> dict[Key, Reply]:
    for key, wanted in asked.items():
        engine.submit(key, wanted)
    replies: dict[Key, Reply] = {}
    while len(replies) < len(asked):
        arrived = poll(engine)
        assert arrived, "poll says that nothing is in flight"
        for key, reply in arrived:
            assert key not in replies
            replies[key] = reply
    assert poll(engine) == []
    return replies


def ask(engine: Engine, wanted: Request | None = None) -> Reply:
    wanted = wanted or request()
    return collect(engine, {key_of("q", wanted): wanted})[key_of("q", wanted)]


def ask_server(script: Script, wanted: Request | None = None, **config: Any) -> tuple[Reply, MockServer]:
    with MockServer(script) as server, opened(server, **config) as engine:
        return ask(engine, wanted), server


def always(answer: Json | Answer) -> Script:
    return lambda path, headers, body, seen: answer


def first(answer: Json | Answer, then: Json | Answer) -> Script:
    """One answer when a body comes for the first time, another from then on."""
    return lambda path, headers, body, seen: answer if seen == 1 else then


# --- what is sent -------------------------------------------------------------------------------------------------


def test_a_greedy_request_as_the_server_gets_it() -> None:
    _, server = ask_server(says("4"), request(system=True))
    [seen] = server.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is 2 + 2?"},
        ],
        "temperature": 0.0,
        "max_tokens": 16,
    }


def test_a_sampled_request_says_all_that_it_means() -> None:
    """vLLM puts what the model's card says where a field is missing, so what is the same as a default is sent too."""
    _, server = ask_server(says("4"), request(temperature=1.0, top_p=1.0))
    [seen] = server.requests
    assert (seen.body["temperature"], seen.body["top_p"]) == (1.0, 1.0)
    assert "seed" in seen.body


def test_sampling_is_passed_on() -> None:
    _, server = ask_server(says("4", "5", "6"), request(temperature=0.6, top_p=0.9, n=3, max_tokens=5, stop=("END",)))
    body = server.requests[0].body
    assert {k: body[k] for k in ("temperature", "top_p", "n", "max_tokens", "stop")} == {
        "temperature": 0.6,
        "top_p": 0.9,
        "n": 3,
        "max_tokens": 5,
        "stop": ["END"],
    }


def seeds(order: Callable[[list[Key]], list[Key]] = list, *, run_seed: int = 0) -> dict[str, int]:
    """The seeds the server gets, by question."""
    asked = {}
    for number in range(6):
        wanted = request(f"What is {number} + 1?", temperature=0.7)
        asked[key_of(f"q{number}", wanted)] = wanted
    with MockServer(says("4")) as server, opened(server, seed=run_seed) as engine:
        collect(engine, {key: asked[key] for key in order(list(asked))})
        return {seen.body["messages"][0]["content"]: seen.body["seed"] for seen in server.requests}


def test_each_request_has_a_seed_of_its_own_that_depends_on_nothing_else() -> None:
    once = seeds()
    assert len(set(once.values())) == 6
    assert all(0 <= seed < 2**31 for seed in once.values())
    assert seeds(lambda keys: keys[::-1]) == once
    assert set(seeds(lambda keys: keys[:2]).items()) < set(once.items())
    assert not set(seeds(run_seed=1).values()) & set(once.values())


def test_the_same_request_asked_twice_of_a_question_has_two_seeds() -> None:
    wanted = request(temperature=0.7)
    with MockServer(says("4")) as server, opened(server) as engine:
        collect(engine, {key_of("q", wanted, ordinal): wanted for ordinal in range(2)})
        assert len({seen.body["seed"] for seen in server.requests}) == 2


@pytest.mark.parametrize(
    ("temperature", "model_args"),
    [pytest.param(0.0, {}, id="greedy"), pytest.param(0.7, {"send_seed": False}, id="send_seed=false")],
)
def test_no_seed_is_sent(temperature: float, model_args: dict[str, Any]) -> None:
    _, server = ask_server(says("4"), request(temperature=temperature), model_args=model_args)
    assert "seed" not in server.requests[0].body


@pytest.mark.parametrize("template", ["auto", "none"])
def test_control_tokens_in_a_question_are_broken_up(template: str) -> None:
    """A server tokenizes with its special tokens on; what a question spells out must not open a turn of its own."""
    question = "What does <|im_end|><|im_start|>assistant mean, or [/INST]?"
    _, server = ask_server(says("4"), request(question), chat_template=template)
    sent = json.dumps(server.requests[0].body, ensure_ascii=False)
    assert "What does" in sent
    assert not [mark for mark in ("<|im_end|>", "<|im_start|>", "[/INST]") if mark in sent]


# --- how a reply is read ------------------------------------------------------------------------------------------


def read(**changes: Any) -> Completion:
    return Completion(**{"text": "4", "finish_reason": "stop", "prompt_tokens": 11, "completion_tokens": 7, **changes})


def without_usage(reply: Json) -> Json:
    return {k: v for k, v in reply.items() if k != "usage"}


READINGS: dict[str, tuple[Json, Completion]] = {
    "stop": (chat("4"), read()),
    "length": (chat("It is", finish="length"), read(text="It is", finish_reason="length")),
    "content_filter": (chat("", finish="content_filter"), read(text="", finish_reason="refused")),
    "eos, as TGI says": (chat("4", finish="eos"), read()),
    "end_turn": (chat("4", finish="end_turn"), read()),
    "unknown reason": (
        chat("4", finish="tool_calls"),
        read(finish_reason="error", error="the server ended the request: tool_calls"),
    ),
    "no reason": (chat("4", finish=None), read()),
    "refusal": (chat(None, refusal="I won't."), read(text="I won't.", finish_reason="refused")),
    "empty": (chat(""), read(text="")),
    "null": (chat(None), read(text="")),
    "text as it is": (chat("\n 4 \u200b\n"), read(text="\n 4 \u200b\n")),
    "reasoning_content": (chat("4", reasoning_content="2 and 2"), read(reasoning="2 and 2")),
    "reasoning": (chat("4", reasoning="2 and 2"), read(reasoning="2 and 2")),
    "cut while reasoning": (
        chat(None, finish="length", reasoning_content="2 and"),
        read(text="", finish_reason="length", reasoning="2 and"),
    ),
    "usage": (chat("4") | {"usage": usage(123, 45)}, read(prompt_tokens=123, completion_tokens=45)),
    "no usage": (without_usage(chat("4")), read(prompt_tokens=None, completion_tokens=None)),
    "null usage": (chat("4") | {"usage": None}, read(prompt_tokens=None, completion_tokens=None)),
    "half a usage": (chat("4") | {"usage": {"prompt_tokens": 11}}, read(completion_tokens=None)),
}


@pytest.mark.parametrize(("reply", "expected"), READINGS.values(), ids=READINGS.keys())
def test_reading_a_reply(reply: Json, expected: Completion) -> None:
    got, server = ask_server(always(reply))
    assert got == Reply(completions=(expected,), prompt=None)
    assert len(server.requests) == 1


def test_paths_come_in_the_order_of_their_index() -> None:
    reply = chat("zero", "one", "two", "three")
    reply["choices"] = [reply["choices"][i] for i in (2, 0, 3, 1)]
    got, _ = ask_server(always(reply), request(temperature=0.7, n=4))
    assert [path.text for path in got.completions] == ["zero", "one", "two", "three"]
    # A server counts the tokens of all paths together, so a path's own number is not known.
    assert {(path.prompt_tokens, path.completion_tokens) for path in got.completions} == {(11, None)}


def test_more_choices_than_asked_for() -> None:
    got, _ = ask_server(says("zero", "one", "two"), request(temperature=0.7, n=2))
    assert [path.text for path in got.completions] == ["zero", "one"]


def test_fewer_choices_than_asked_for_and_the_rest_is_asked_for() -> None:
    def script(path: str, headers: object, body: Json, seen: int) -> Json:
        """At most two choices a request, which say what they were drawn with."""
        return chat(*(f"{body['seed'] + i}" for i in range(min(2, body["n"]))))

    wanted = request(temperature=0.7, n=5)
    got, server = ask_server(script, wanted)
    first = server.requests[0].body["seed"]
    assert [(seen.body["n"], seen.body["seed"] - first) for seen in server.requests] == [(5, 0), (3, 2), (1, 4)]
    assert [int(path.text) - first for path in got.completions] == [0, 1, 2, 3, 4], "no noise twice"
    assert got.total_completion_tokens == 3 * 7
    assert [path.completion_tokens for path in got.completions] == [None, None, None, None, 7]


def test_no_choices_after_some() -> None:
    def script(path: str, headers: object, body: Json, seen: int) -> Json:
        return chat("one") if body["n"] == 3 else chat()

    got, _ = ask_server(script, request(temperature=0.7, n=3))
    assert [path.finish_reason for path in got.completions] == ["error"] * 3
    assert "0 choices of 2" in got.completions[0].error


# --- plain text ---------------------------------------------------------------------------------------------------


def test_plain_text_goes_to_the_completions_endpoint() -> None:
    wanted = request(system=True, stop=("END",), temperature=0.7, n=2)
    with MockServer(says(" 4", " 5")) as server, opened(server, chat_template="none") as engine:
        reply = ask(engine, wanted)
        info = engine.describe()
        preview = engine.preview(wanted)
    [seen] = server.requests
    assert seen.path == "/v1/completions"
    assert "messages" not in seen.body
    assert seen.body["prompt"] == "Be brief.\n\nQuestion: What is 2 + 2?\n\nResponse:" == plain_text(wanted.messages)
    assert seen.body["stop"] == ["END", "\nQuestion:"]
    assert seen.body["max_tokens"] == 16
    assert [path.text for path in reply.completions] == [" 4", " 5"]
    assert reply.prompt == seen.body["prompt"] == preview
    assert (info.chat_template, info.system_role) == ("none", "none")


def test_plain_text_stops_before_a_question_of_the_models_own() -> None:
    _, server = ask_server(says(" 4"), chat_template="none")
    assert server.requests[0].body["stop"] == ["\nQuestion:"]


def test_a_reply_in_plain_text_is_read_the_same_way() -> None:
    reply, _ = ask_server(always(completion(" 4", finish="length")), chat_template="none")
    assert reply.completions == (read(text=" 4", finish_reason="length"),)


# --- in flight ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_concurrency_is_a_bound_and_is_used(concurrency: int) -> None:
    asked = {}
    for number in range(16):
        wanted = request(f"What is {number} + 1?")
        asked[key_of(f"q{number}", wanted)] = wanted
    delayed = always(Answer(body=chat("4"), delay_s=0.05))
    with MockServer(delayed) as server, opened(server, concurrency=concurrency) as engine:
        assert engine.capacity >= concurrency
        replies = collect(engine, asked)
    assert set(replies) == set(asked)
    assert server.most_in_flight == concurrency


def test_a_slow_request_holds_up_no_other() -> None:
    slow, quick = request("slow"), request("quick")

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Answer:
        return Answer(body=chat("4"), delay_s=1.0 if "slow" in str(body) else 0.0)

    with MockServer(script) as server, opened(server, concurrency=2) as engine:
        engine.submit(key_of("slow", slow), slow)
        engine.submit(key_of("quick", quick), quick)
        assert [key.question for key, _ in poll(engine)] == ["quick"]
        assert [key.question for key, _ in poll(engine)] == ["slow"]


def test_poll_with_nothing_in_flight() -> None:
    with MockServer(says("4")) as server, opened(server) as engine:
        assert poll(engine) == []


def engine_threads() -> int:
    return sum(thread.name == "openai-engine" for thread in threading.enumerate())


def test_closing_leaves_requests_in_flight_and_no_thread() -> None:
    before = engine_threads()
    with MockServer(always(Answer(body=chat("4"), delay_s=20.0))) as server:
        started = time.monotonic()
        with opened(server, concurrency=2) as engine:
            for number in range(4):
                wanted = request(str(number))
                engine.submit(key_of("q", wanted), wanted)
            while len(server.requests) < 2:
                time.sleep(0.005)
                assert time.monotonic() - started < WAIT_S
        assert time.monotonic() - started < 10
    assert engine_threads() == before


def test_an_engine_that_could_not_be_opened_leaves_no_thread() -> None:
    before = engine_threads()
    with MockServer(says("4"), models=fault("bad key", 401)) as server, pytest.raises(ModelError), opened(server):
        pass
    assert engine_threads() == before


# --- faults that pass ---------------------------------------------------------------------------------------------

PASSING: dict[str, Answer] = {
    "429": fault("slow down", 429),
    "408": fault("too slow", 408),
    "500": fault("oops", 500),
    "503, not JSON": Answer(status=503, body=b"<html>busy</html>", content_type="text/html"),
    "closed in mid-body": Answer(body=chat("a reply that is cut in the middle"), cut=True),
    "closed before the reply": Answer(body=b"", cut=True),
    "no reply in time": Answer(body=chat("too late"), delay_s=3.0),
}


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING.keys())
def test_a_fault_that_passes_is_asked_again(answer: Answer) -> None:
    reply, server = ask_server(first(answer, chat("4")), timeout_s=1.0)
    assert reply.completions == (read(),)
    assert len(server.requests) == 2
    assert server.requests[0].body == server.requests[1].body


def test_retry_after_is_honoured() -> None:
    times: list[float] = []

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        times.append(time.monotonic())
        return fault("slow down", 429, headers={"Retry-After": "1"}) if seen == 1 else chat("4")

    reply, _ = ask_server(script)
    assert reply.completions == (read(),)
    assert 0.95 < times[1] - times[0] < 5  # by itself the client waits for half a second at most


def test_a_seed_survives_a_retry() -> None:
    _, server = ask_server(first(fault("oops", 500), chat("4")), request(temperature=0.7))
    assert len({seen.body["seed"] for seen in server.requests}) == 1
    assert len(server.requests) == 2


# --- faults that stay ---------------------------------------------------------------------------------------------

LASTING: dict[str, tuple[Answer, str]] = {
    "500": (fault("the GPU is on fire", 500), "the GPU is on fire"),
    "429": (fault("slow down", 429), "slow down"),
    "400": (fault("the prompt is too long", 400), "the prompt is too long"),
    "422": (fault("no such field", 422), "no such field"),
    "invalid JSON": (Answer(body=b'{"choices": [{"index": 0, "mess'), ""),
    "HTML": (Answer(body=b"<html>Sign in</html>", content_type="text/html"), ""),
    "nothing": (Answer(body=b""), ""),
    "a list": (Answer(body=b"[1, 2]"), ""),
    "null": (Answer(body=b"null"), ""),
    "an empty object": (Answer(body={}), ""),
    "an error with status 200": (fault("the model is gone", 200), ""),
    "no choices": (Answer(body=chat()), "0 choices of 1"),
    "null choices": (Answer(body=chat() | {"choices": None}), "0 choices of 1"),
    "a choice without a message": (Answer(body=chat() | {"choices": [{"index": 0, "finish_reason": "stop"}]}), ""),
}


@pytest.mark.parametrize(("answer", "words"), LASTING.values(), ids=LASTING.keys())
def test_a_fault_that_stays_is_an_error_and_no_answer(answer: Answer, words: str) -> None:
    reply, server = ask_server(always(answer), retries=0)
    [path] = reply.completions
    assert (path.finish_reason, path.text, path.prompt_tokens) == ("error", "", None)
    assert path.error
    assert words in path.error
    assert len(server.requests) == 1


def test_every_path_of_a_failed_request_is_an_error() -> None:
    reply, _ = ask_server(always(fault("oops", 500)), request(temperature=0.7, n=3), retries=0)
    assert [path.finish_reason for path in reply.completions] == ["error"] * 3


def test_retries_are_bounded() -> None:
    reply, server = ask_server(always(fault("oops", 500, headers={"Retry-After-Ms": "10"})), retries=3)
    assert reply.completions[0].finish_reason == "error"
    assert len(server.requests) == 4


def test_one_bad_request_among_good_ones() -> None:
    asked = {}
    for number in range(8):
        wanted = request(f"number {number}")
        asked[key_of(f"q{number}", wanted)] = wanted

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        return fault("the prompt is too long") if "number 5" in str(body) else chat("4")

    with MockServer(script) as server, opened(server) as engine:
        replies = collect(engine, asked)
    bad = [key.question for key, reply in replies.items() if reply.completions != (read(),)]
    assert bad == ["q5"]


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_that_concerns_all_requests_stops_the_run(status: int) -> None:
    with MockServer(always(fault(f"no, {KEY}", status))) as server, opened(server) as engine:
        engine.submit(key_of("q", request()), request())
        with pytest.raises(ModelError) as caught:
            poll(engine)
        assert len(server.requests) == 1
    assert str(status) in caught.value.message
    assert server.url in caught.value.message
    assert caught.value.hint


# --- servers that want it otherwise -------------------------------------------------------------------------------

# As vLLM, Mistral's and Google's templates, and OpenAI word it.
NO_SYSTEM_ROLE = {
    "Gemma": "System role not supported",
    "OpenAI o1": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    "Mistral 7B v0.1": "Conversation roles must alternate user/assistant/user/assistant/...",
    "Mixtral v0.1": "Only user and assistant roles are supported!",
}


def no_system(message: str = "System role not supported") -> Script:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        return fault(message) if any(m["role"] == "system" for m in body["messages"]) else chat("4")

    return script


@pytest.mark.parametrize("message", NO_SYSTEM_ROLE.values(), ids=NO_SYSTEM_ROLE.keys())
def test_system_message_is_folded_where_the_server_has_no_such_role(message: str) -> None:
    asked = request(system=True)
    with MockServer(no_system(message)) as server, opened(server) as engine:
        assert ask(engine, asked).completions == (read(),)
        assert [m["role"] for m in server.requests[0].body["messages"]] == ["system", "user"]
        assert server.requests[1].body["messages"] == [{"role": "user", "content": "Be brief.\n\nWhat is 2 + 2?"}]
        another = request("What is 3 + 3?", system=True)
        assert collect(engine, {key_of("r", another): another})[key_of("r", another)].completions == (read(),)
        assert len(server.requests) == 3, "what was learnt is remembered"


def test_few_shot_turns_stay_when_the_system_message_is_folded() -> None:
    turns = (
        SYSTEM,
        Message(role="user", text="What is 1 + 1?"),
        Message(role="assistant", text="2"),
        Message(role="user", text="What is 2 + 2?"),
    )
    _, server = ask_server(no_system(), Request(messages=turns, sampling=Sampling(max_tokens=4)))
    assert server.requests[1].body["messages"] == [
        {"role": "user", "content": "Be brief.\n\nWhat is 1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "What is 2 + 2?"},
    ]


MAX_COMPLETION_TOKENS = fault(
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)


def wants_max_completion_tokens(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
    return MAX_COMPLETION_TOKENS if "max_tokens" in body else chat("4")


def test_max_completion_tokens_where_the_server_wants_it() -> None:
    with MockServer(wants_max_completion_tokens) as server, opened(server) as engine:
        assert ask(engine).completions == (read(),)
        bodies = [seen.body for seen in server.requests]
        assert [(b.get("max_tokens"), b.get("max_completion_tokens")) for b in bodies] == [(16, None), (None, 16)]
        ask(engine, request("What is 3 + 3?"))
        assert len(server.requests) == 3, "what was learnt is remembered"


def test_both_at_once() -> None:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        answer = no_system()(path, headers, body, seen)
        return answer if isinstance(answer, Answer) else wants_max_completion_tokens(path, headers, body, seen)

    reply, server = ask_server(script, request(system=True))
    assert reply.completions == (read(),)
    assert len(server.requests) == 3


@pytest.mark.parametrize("script", [no_system(), wants_max_completion_tokens], ids=["system role", "budget"])
def test_requests_sent_before_it_was_learnt_are_asked_again_too(script: Script) -> None:
    """All of the first requests are on their way before the first refusal is back: none of them may fail for it."""
    together = threading.Barrier(6)

    def at_once(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        answer = script(path, headers, body, seen)
        if isinstance(answer, Answer):
            together.wait(WAIT_S)
        return answer

    asked = {}
    for number in range(6):
        wanted = request(f"number {number}", system=True)
        asked[key_of(f"q{number}", wanted)] = wanted
    with MockServer(at_once) as server, opened(server, concurrency=6) as engine:
        replies = collect(engine, asked)
    failed = [reply.completions[0].error for reply in replies.values() if reply.completions != (read(),)]
    assert failed == []
    assert len(server.requests) == 12


def test_a_server_that_keeps_refusing_is_asked_a_few_times_only() -> None:
    reply, server = ask_server(always(fault("the system role is not supported")), request(system=True))
    assert reply.completions[0].finish_reason == "error"
    assert len(server.requests) <= 3


# --- opening ------------------------------------------------------------------------------------------------------


def test_what_it_says_of_itself() -> None:
    listed = served("other", "m")
    listed["data"][1]["root"] = "org/model-7b"
    with MockServer(says("4"), models=listed) as server, opened(server) as engine:
        info = engine.describe()
        assert engine.preview(request(system=True)) == "[system]\nBe brief.\n\n[user]\nWhat is 2 + 2?"
    assert (info.engine, info.model, info.chat_template) == ("openai", "m", "server")
    assert info.revision == "server:org/model-7b"
    assert info.version


@pytest.mark.parametrize(
    "models",
    [
        pytest.param(fault("no such page", 404), id="404"),
        pytest.param(fault("not allowed", 405), id="405"),
        pytest.param(served(), id="none"),
        pytest.param(Answer(body=b"<html></html>", content_type="text/html"), id="HTML"),
        pytest.param(Answer(body=b"{"), id="invalid JSON"),
        pytest.param(Answer(body={"models": ["m"]}), id="another form"),
    ],
)
def test_a_server_that_does_not_list_its_models_is_used_all_the_same(models: Json | Answer) -> None:
    with MockServer(says("4"), models=models) as server, opened(server) as engine:
        assert ask(engine).completions == (read(),)


def test_a_model_that_is_not_served() -> None:
    with (
        MockServer(says("4"), models=served("llama", "qwen")) as server,
        pytest.raises(ModelError) as caught,
        opened(server),
    ):
        pass
    assert all(word in caught.value.message for word in ("--model m", "llama, qwen", server.url))
    assert server.requests == []


def test_a_refused_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with (
        MockServer(says("4"), models=fault(f"wrong key {KEY}", 401)) as server,
        pytest.raises(ModelError) as caught,
        opened(server),
    ):
        pass
    assert "401" in caught.value.message
    assert KEY not in str(caught.value)
    assert "OPENAI_API_KEY" in caught.value.hint


def test_a_server_that_is_not_there() -> None:
    with MockServer(says("4")) as server:
        pass
    with pytest.raises(ModelError, match="can't reach http://127") as caught, opened(server):
        pass
    assert "--base-url" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "kind", "words"),
    [
        pytest.param({"model_args": {"max_retry": 1}}, UsageError, "max_retry", id="unknown argument"),
        pytest.param({"chat_template": "mine.jinja"}, UsageError, "the server renders", id="template file"),
        pytest.param({"base_url": None}, ModelError, "OPENAI_API_KEY", id="neither address nor key"),
        pytest.param({"model_args": {"max_retries": "many"}}, UsageError, "max_retries", id="not a number"),
        pytest.param({"model_args": {"timeout_s": "long"}}, UsageError, "timeout_s", id="not a time"),
        pytest.param({"base_url": "127.0.0.1:8000/v1"}, CotbenchError, "base-url", id="address without a scheme"),
        pytest.param({"base_url": "http://127.0.0.1:port/v1"}, CotbenchError, "base-url", id="port that is no number"),
    ],
)
def test_what_it_can_not_be_opened_with(config: dict[str, Any], kind: type[CotbenchError], words: str) -> None:
    with pytest.raises(kind) as caught:
        open_engine("openai", EngineConfig(**{"model": "m", "base_url": "http://127.0.0.1:9/v1", **config})).close()
    assert words in str(caught.value)


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(says("4")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with opened(server, base_url=None) as engine:
            assert ask(engine).completions == (read(),)


# --- the key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("https://user:secret@host.example/v1", "https://host.example/v1"),
        ("https://token@host.example:8443/v1", "https://host.example:8443/v1"),
        ("https://host.example/v1?api-key=secret", "https://host.example/v1"),
        ("https://user:p%40ss@host.example/v1#frag", "https://host.example/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://user:secret@[::1]/v1", "http://[::1]/v1"),
        (f"https://host.example/{KEY}/v1", "https://host.example/***/v1"),
        ("https://host.example/a/gsk_12345678901/v1", "https://host.example/a/***/v1"),
        ("https://host.example/0123456789abcdef0123456789abcdef/v1", "https://host.example/***/v1"),
        # None of these is a key.
        (
            "https://host.example/openai/deployments/gpt-4o-mini-2024-07-18",
            "https://host.example/openai/deployments/gpt-4o-mini-2024-07-18",
        ),
        ("https://host.example/hf-inference/models/v1", "https://host.example/hf-inference/models/v1"),
        (
            "https://host.example/serving-endpoints/token-bucket/v1",
            "https://host.example/serving-endpoints/token-bucket/v1",
        ),
    ],
)
def test_public_url(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_the_own_key_in_a_path_is_masked_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "abc def\n")
    assert public_url("http://127.0.0.1/abc%20def/v1") == "http://127.0.0.1/***/v1"


@pytest.mark.parametrize(
    "echo", [quote, lambda key: base64.b64encode(key.encode()).decode()], ids=["percent", "Base64"]
)
def test_no_error_holds_the_key_in_another_form(echo: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    key = f"{KEY}+/&"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    said = echo(key) if echo is not quote else quote(key, safe="")
    reply, _ = ask_server(always(fault(f"not allowed: {said}", 400)))
    assert said not in reply.completions[0].error
    assert "not allowed" in reply.completions[0].error


def test_the_key_is_sent_as_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    _, server = ask_server(says("4"))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.model_requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("credentials", "pair"),
    [("user:pass", b"user:pass"), ("token", b"token:"), ("user:p%40ss", b"user:p@ss")],
)
def test_credentials_of_the_address_are_sent_in_a_header_instead_of_the_key(
    credentials: str, pair: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with MockServer(says("4")) as server, opened(server, base_url=server.url_with(credentials)) as engine:
        assert ask(engine).completions == (read(),)
    for sent in (*server.model_requests, *server.requests):
        assert sent.headers["authorization"] == f"Basic {base64.b64encode(pair).decode()}"


# Where a server puts what it was given. Errors are shortened, so a key may also stand where they are cut.
ECHOES: dict[str, Callable[[str], str]] = {
    "as a whole": lambda secret: f"Incorrect API key provided: {secret}.",
    "twice": lambda secret: f"{secret} is not {secret}",
    "behind a long text": lambda secret: "x " * 300 + secret,
    **{f"{n} characters in": lambda secret, n=n: "x" * n + secret for n in (430, 450, 470, 480)},
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("status", [400, 404, 500])
def test_no_error_holds_the_key_or_half_of_it(
    echo: Callable[[str], str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with MockServer(always(fault(echo(KEY), status))) as server, opened(server, retries=0) as engine:
        engine.submit(key_of("q", request()), request())
        try:
            words = poll(engine)[0][1].completions[0].error
        except ModelError as error:
            words = str(error)
    assert words
    assert KEY[:12] not in words


@pytest.mark.parametrize(
    ("credentials", "secret"),
    [
        pytest.param("user:s3cretword", "s3cretword", id="password"),
        pytest.param("s3crettoken@", "s3crettoken", id="token without a password"),
        pytest.param("user:s3cret%40word", "s3cret@word", id="password with an escape"),
        pytest.param("user:s3cretword", base64.b64encode(b"user:s3cretword").decode(), id="the header itself"),
    ],
)
def test_no_error_holds_a_credential_of_the_address(credentials: str, secret: str) -> None:
    with MockServer(always(fault(f"not allowed: {secret}"))) as server:
        url = server.url_with(credentials.removesuffix("@"))
        with opened(server, retries=0, base_url=url) as engine:
            [path] = ask(engine).completions
            info = json.dumps(engine.describe().as_dict())
    assert "not allowed" in path.error
    assert secret not in path.error
    assert "s3cret" not in info


# --- through the command line -------------------------------------------------------------------------------------

QUESTIONS = [
    {"question": "Mia has 3 pens and buys 4 more. How many pens has she?", "answer": "7"},
    {"question": "A bus with 20 seats has 6 empty ones. How many are taken?", "answer": "14"},
    {"question": "How many legs do 5 spiders have?", "answer": "40"},
    {"question": "Half of a class of 24 is absent. How many are there?", "answer": "12"},
]
ANSWERS = {row["question"]: row["answer"] for row in QUESTIONS}
FAST = "max_retries=1,timeout_s=10,continues=false"  # with every request one of the run's own


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return path


def question_in(body: Json) -> str:
    text = body["messages"][-1]["content"] if "messages" in body else body["prompt"].rpartition("Question: ")[2]
    return next(question for question in ANSWERS if text.startswith(question))


def right(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json:
    line = f"Answer: {ANSWERS[question_in(body)]}"
    return completion(line) if path == "/v1/completions" else chat(line)


def arguments(server: MockServer, task: Path, *more: object, url: str | None = None) -> list[object]:
    return [
        *("run", "--engine", "openai", "--base-url", url or server.url, "--model", "m", "--task", task),
        *("--mode", "direct", "--model-args", FAST, "--quiet", *more),
    ]


def folder_of(tmp_path: Path) -> Path:
    [manifest] = (tmp_path / "results").glob("*/manifest.json")
    return manifest.parent


def records(folder: Path) -> dict[str, Json]:
    """Records by the question's text."""
    texts = {row["id"]: row["text"] for row in map(json.loads, (folder / "questions.jsonl").read_text().splitlines())}
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    return {texts[row["question"]]: row for row in rows}


def written(done: Outcome, folder: Path) -> str:
    """All that a person or a program could find of a run."""
    files = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 4
    return "\n".join([done.out, done.err, *files])


def test_run(main: Cli, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with MockServer(right) as server:
        done = main(*arguments(server, task))
    assert done.code == 0, done.err
    assert "4 answers: 4 correct" in done.out
    assert {seen.headers["authorization"] for seen in server.requests} == {f"Bearer {KEY}"}
    folder = folder_of(tmp_path)
    assert KEY not in written(done, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["options"]["base_url"] == server.url
    assert manifest["engine"]["device"] == server.url
    row = records(folder)[QUESTIONS[0]["question"]]
    assert (row["prompt_tokens"], row["completion_tokens"]) == (11, 7)


def test_run_in_a_process_of_its_own(cli: Cli, task: Path, tmp_path: Path) -> None:
    with MockServer(right) as server:
        done = cli(*arguments(server, task, "--concurrency", 2), env={"OPENAI_API_KEY": KEY})
    assert done.code == 0, done.err
    assert done.err == ""
    assert KEY not in written(done, folder_of(tmp_path))


def test_run_with_plain_text(main: Cli, task: Path, tmp_path: Path) -> None:
    with MockServer(right) as server:
        done = main(*arguments(server, task, "--chat-template", "none"))
    assert done.code == 0, done.err
    assert {seen.path for seen in server.requests} == {"/v1/completions"}
    lines = [json.loads(line) for line in (folder_of(tmp_path) / "journal.jsonl").read_text().splitlines()]
    assert {line["prompt"] for line in lines} == {seen.body["prompt"] for seen in server.requests}


def test_run_keeps_to_its_concurrency(main: Cli, task: Path) -> None:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Answer:
        return Answer(body=right(path, headers, body, seen), delay_s=0.4)

    with MockServer(script) as server:
        done = main(*arguments(server, task, "--concurrency", 2))
    assert done.code == 0, done.err
    assert server.most_in_flight == 2


def test_outcomes_of_what_a_server_may_say(main: Cli, task: Path, tmp_path: Path) -> None:
    answers = dict(
        zip(
            ANSWERS,
            [
                chat("Answer: 8"),
                chat("Let me think about the seats", finish="length"),
                chat("", finish="content_filter"),
                chat("12", reasoning_content="Answer: 40"),
            ],
            strict=True,
        )
    )
    with MockServer(lambda path, headers, body, seen: answers[question_in(body)]) as server:
        done = main(*arguments(server, task))
    assert done.code == 0, done.err
    found = records(folder_of(tmp_path))
    assert [found[question]["outcome"] for question in ANSWERS] == ["wrong", "truncated", "refused", "correct"]
    journal = (folder_of(tmp_path) / "journal.jsonl").read_text()
    assert '"reasoning":"Answer: 40"' in journal


@pytest.mark.parametrize("how", ["--resume", "the same command"])
def test_a_request_that_failed_counts_as_nothing_and_is_asked_again(
    main: Cli, task: Path, tmp_path: Path, how: str
) -> None:
    bad = QUESTIONS[2]["question"]

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        if question_in(body) == bad:
            return Answer(body=b'{"choices": [')
        return right(path, headers, body, seen)

    with MockServer(script) as server:
        done = main(*arguments(server, task))
        assert done.code == 4
        assert "1 of 4 answers" in done.err
        assert "--resume" in done.err
        folder = folder_of(tmp_path)
        found = records(folder)
        assert {q: row["outcome"] for q, row in found.items() if row["outcome"] != "correct"} == {bad: "engine_error"}
        assert found[bad]["error"]
        assert found[bad]["answer"] is None
        before = len(server.requests)
        server.script = right
        again = main("run", "--resume", folder, "--quiet") if how == "--resume" else main(*arguments(server, task))
    assert again.code == 0, again.err
    assert [question_in(seen.body) for seen in server.requests[before:]] == [bad]
    assert {row["outcome"] for row in records(folder).values()} == {"correct"}
    assert folder_of(tmp_path) == folder


@pytest.mark.patient
def test_a_key_that_expires_in_mid_run(cli: Cli, task: Path, tmp_path: Path) -> None:
    """The run stops with a remedy, says nothing else, keeps what it has, and goes on with a good key."""
    sent: list[Json] = []

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        sent.append(body)
        if headers["authorization"] != f"Bearer {KEY}":
            return right(path, headers, body, seen)
        if len(sent) == 1:
            return right(path, headers, body, seen)
        if len(sent) == 2:
            return fault(f"expired: {KEY}", 401, delay_s=0.3)
        return Answer(body=right(path, headers, body, seen), delay_s=30)

    with MockServer(script) as server:
        done = cli(*arguments(server, task), env={"OPENAI_API_KEY": KEY})
        assert done.code == 3
        assert "refuses the key (401)" in done.err
        assert len(done.err.splitlines()) == 2, done.err
        folder = folder_of(tmp_path)
        assert KEY not in written(done, folder)
        assert json.loads((folder / "manifest.json").read_text())["status"] == "failed"
        before = len(sent)
        again = cli("run", "--resume", folder, "--quiet", env={"OPENAI_API_KEY": "another"})
    assert again.code == 0, again.err
    assert len(sent) - before == 3
    assert {row["outcome"] for row in records(folder).values()} == {"correct"}


@pytest.mark.parametrize(
    ("models", "words"),
    [
        pytest.param(fault(f"bad {KEY}", 401), ["refuses the key (401)", "OPENAI_API_KEY"], id="wrong key"),
        pytest.param(served("llama", "qwen"), ["--model m", "llama, qwen"], id="wrong name"),
    ],
)
def test_what_stops_a_run_before_it_begins(
    main: Cli,
    task: Path,
    tmp_path: Path,
    models: Json | Answer,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with MockServer(right, models=models) as server:
        done = main(*arguments(server, task))
    assert done.code == 3
    assert not [word for word in words if word not in done.err]
    assert KEY not in done.out + done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "results").exists()


def test_a_key_that_the_server_echoes_is_not_written_down(
    main: Cli, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Answer:
        return fault(f"can't handle {headers['authorization']}")

    with MockServer(script) as server:
        done = main(*arguments(server, task))
    assert done.code == 4
    everything = written(done, folder_of(tmp_path))
    assert "can't handle" in everything
    assert KEY not in everything


@pytest.mark.parametrize("equals", [False, True], ids=["--base-url URL", "--base-url=URL"])
def test_a_password_in_the_address_is_not_written_down(main: Cli, task: Path, tmp_path: Path, equals: bool) -> None:
    def script(path: str, headers: Mapping[str, str], body: Json, seen: int) -> Json | Answer:
        if question_in(body) == QUESTIONS[0]["question"]:
            return fault("user somebody with s3cretword may not ask this")
        return right(path, headers, body, seen)

    with MockServer(script) as server:
        url = server.url_with("somebody:s3cretword")
        command = arguments(server, task, url=url)
        if equals:
            place = command.index("--base-url")
            command[place : place + 2] = [f"--base-url={url}"]
        done = main(*command)
        folder = folder_of(tmp_path)
        everything = written(done, folder)
        assert json.loads((folder / "manifest.json").read_text())["options"]["base_url"] == server.url
        server.script = right
        again = main("run", "--resume", folder, "--quiet", "--base-url", url)
        everything += written(again, folder)
    assert done.code == 4, done.err
    assert again.code == 0, again.err
    assert "may not ask this" in everything
    assert "s3cret" not in everything
    expected = "Basic " + base64.b64encode(b"somebody:s3cretword").decode()
    assert {seen.headers["authorization"] for seen in server.requests} == {expected}
