"""What servers do with the beginning of a reply, with thinking and with options: told at the opening, never guessed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mock_models import THOUGHT, Hosted
from mock_server import Answer, Json, MockServer, chat, completion, fault
from test_openai_engine import ask, environment, opened, request
from test_servers import quick

from cotbench import demo
from cotbench.engines import EngineInfo
from cotbench.engines.chat import ChatFormat
from cotbench.engines.continuing import FIELDS
from cotbench.engines.tokens import Encoding, FolderTokenizer
from cotbench.errors import UsageError
from cotbench.types import Begun, Completion, Request

__all__ = ["environment", "quick"]  # fixtures that apply to this file too

CONTINUE = {"wants": frozenset({"continue"})}
OPTIONS = {"wants": frozenset({"continue", "likelihoods"})}
BEGUN = replace(request(), thinking=False, begun=Begun(text="Answer:"))


def told(hosted: Hosted, wanted: Request = BEGUN, **config: Any) -> tuple[Completion, EngineInfo, list[Json]]:
    """One path of the request, what the engine says of itself then, and the bodies that came after the opening."""
    with MockServer(hosted.script) as server, opened(server, **{**CONTINUE, **config}) as engine:
        before = len(server.requests)
        [path] = ask(engine, wanted).completions
        return path, engine.describe(), [seen.body for seen in server.requests[before:]]


# --- continuing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closes", [False, True], ids=["bare", "a closed thought in the generation prompt"])
@pytest.mark.parametrize("continues", ["fields", "always"])
def test_a_server_that_continues_is_told_by_its_counts(continues: Any, closes: bool) -> None:
    path, info, [body] = told(Hosted(continues=continues, closes=closes))
    assert info.continues == "server"
    assert (path.text, path.finish_reason) == (" B", "stop")
    last = body["messages"][-1]
    assert (last["role"], last["content"].removeprefix("<think>\n\n</think>\n\n")) == ("assistant", "Answer:")
    assert {name: body[name] for name in FIELDS} == FIELDS


@pytest.mark.parametrize("closes", [False, True], ids=["bare", "a closed thought in the generation prompt"])
@pytest.mark.parametrize(
    ("continues", "counts", "why"),
    [
        ("ignored", True, "begins a new turn"),
        ("refused", True, "refuses the beginning"),
        ("drops", True, "leaves the beginning out"),
        ("ends", True, "turn behind the beginning"),
        ("fields", False, "doesn't tell how many tokens"),
    ],
)
def test_one_that_doesnt_is_never_sent_a_new_turn(continues: Any, counts: bool, why: str, closes: bool) -> None:
    path, info, bodies = told(Hosted(continues=continues, counts=counts, closes=closes))
    assert info.continues == ""
    assert any(why in note for note in info.notes)
    assert path.finish_reason == "error"
    assert "doesn't go on from the beginning" in path.error
    assert why in path.error
    assert bodies == []


def test_nothing_is_tried_that_no_run_wants() -> None:
    with MockServer(Hosted().script) as server, opened(server) as engine:
        assert server.requests == []
        assert (engine.describe().continues, engine.describe().likelihoods) == ("", False)


@pytest.mark.parametrize(("says", "continues"), [(True, "server"), (False, "")])
def test_who_runs_the_server_may_say_whether_it_continues(says: bool, continues: str) -> None:
    with (
        MockServer(Hosted(counts=False).script) as server,
        opened(server, model_args={"continues": says}, **CONTINUE) as engine,
    ):
        assert server.requests == []
        assert engine.describe().continues == continues
        assert (ask(engine, BEGUN).completions[0].text == " B") is says


def test_a_server_that_stops_continuing_is_found_out() -> None:
    """Another one behind the same gateway: its new turn says again what the reply is begun with."""
    now = [Hosted()]

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        reply = now[0].script(path, headers, body, seen)
        if now[0].continues == "ignored" and isinstance(reply, dict):
            reply["choices"][0]["message"]["content"] = "Answer: C"
        return reply

    with MockServer(script) as server, opened(server, **CONTINUE) as engine:
        assert ask(engine, BEGUN).completions[0].text == " B"
        now[0] = Hosted(continues="ignored")
        other = replace(BEGUN, messages=request("What is 3 + 3?").messages)
        [path] = ask(engine, other).completions
        assert path.finish_reason == "error"
        assert "no longer goes on" in path.error
        assert engine.describe().continues == ""
        asked = len(server.requests)
        assert ask(engine, replace(other, messages=request("And 4?").messages)).completions[0].finish_reason == "error"
        assert len(server.requests) == asked


def test_a_refusal_later_on_is_an_error_of_that_request() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return (
            fault("continue_final_message is set but ...")
            if "odd" in str(body)
            else Hosted().script(path, headers, body, seen)
        )

    with MockServer(script) as server, opened(server, **CONTINUE) as engine:
        odd = replace(BEGUN, messages=request("odd").messages)
        [path] = ask(engine, odd).completions
        assert (path.finish_reason, path.text) == ("error", "")
        assert "refuses a reply that is begun" in path.error
        assert ask(engine, BEGUN).completions[0].text == " B"


def test_what_follows_a_begun_answer_and_was_filed_as_reasoning_is_the_answer() -> None:
    path, info, _ = told(Hosted(files="misfiles"))
    assert (path.text, path.reasoning) == (" B", "")
    assert any("filed what follows a begun answer as reasoning" in warning for warning in info.warnings)


def test_a_thought_cant_be_begun_without_the_tokens() -> None:
    path, _, bodies = told(Hosted(), replace(request(), begun=Begun(thought="", open=True)))
    assert "--tokenizer" in path.error
    assert bodies == []


# --- thinking -----------------------------------------------------------------------------------------------------

OFF = replace(request(), thinking=False)


@pytest.mark.parametrize(
    ("hosted", "thinking", "reasoning", "content"),
    [
        (Hosted(thinks="switch"), False, "", "So it is.\nAnswer: B"),
        (Hosted(thinks="switch"), True, THOUGHT, "So it is.\nAnswer: B"),
        (Hosted(thinks="always"), False, THOUGHT, "So it is.\nAnswer: B"),
        (Hosted(thinks="always", files="leaks"), False, "", f"<think>\n{THOUGHT}\n</think>\n\nSo it is.\nAnswer: B"),
        (Hosted(thinks="always", files="misfiles"), False, f"{THOUGHT}\nSo it is.\nAnswer: B", ""),
    ],
)
def test_thoughts_are_kept_as_they_came(hosted: Hosted, thinking: bool, reasoning: str, content: str) -> None:
    """Whether a switch was obeyed is for the audit to say: nothing is hidden from it."""
    path, _, _ = told(hosted, replace(request(), thinking=thinking))
    assert (path.text, path.reasoning) == (content, reasoning)


@pytest.mark.parametrize(
    ("model", "off", "on", "efforts", "sent"),
    [
        ("m", "unknown", "unknown", (), {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}),
        ("Qwen/Qwen3-8B", "switch", "switch", (), {"chat_template_kwargs": {"enable_thinking": False}}),
        ("openai/gpt-oss-20b", "", "always", ("low", "medium", "high"), {}),
        ("claude-opus-5", "", "always", ("low", "medium", "high"), {}),
        ("gpt-5.2", "switch", "switch", ("none", "low", "medium", "high", "xhigh"), {"reasoning_effort": "none"}),
        ("ByteDance-Seed/Seed-OSS-36B", "switch", "always", (), {"chat_template_kwargs": {"thinking_budget": 0}}),
    ],
)
def test_thinking_is_switched_off_as_the_models_family_says(
    model: str, off: str, on: str, efforts: tuple[str, ...], sent: Json
) -> None:
    _, info, [body] = told(Hosted(), OFF, model=model, wants=frozenset(), model_args={"check_model": False})
    assert (info.thinking.off, info.thinking.on, info.thinking.efforts) == (off, on, efforts)
    names = ("chat_template_kwargs", "reasoning_effort")
    assert {name: body[name] for name in names if name in body} == sent


def test_words_that_switch_thinking_are_written_and_broken_up_in_questions() -> None:
    wanted = replace(request("Is /no_think a word?"), thinking=False)
    config = {"model": "nvidia/NVIDIA-Nemotron-Nano-9B-v2", "wants": frozenset(), "model_args": {"check_model": False}}
    with MockServer(Hosted().script) as server, opened(server, **config) as engine:  # type: ignore[arg-type]
        reply = ask(engine, wanted)
        [seen] = server.requests
    assert seen.body["messages"] == [
        {"role": "system", "content": "/no_think"},
        {"role": "user", "content": "Is /\u200bno_think a word?"},
    ]
    assert reply.messages is not None
    assert [m.text for m in reply.messages] == ["/no_think", "Is /\u200bno_think a word?"]


R1 = {"model": "deepseek-ai/DeepSeek-R1", "model_args": {"check_model": False}}


def test_a_thought_is_closed_for_a_model_without_a_switch_where_the_server_continues() -> None:
    _, info, [body] = told(Hosted(), OFF, **R1)
    assert info.thinking.off == "closed"
    assert body["messages"][-1] == {"role": "assistant", "content": "<think>\n\n</think>\n\n"}
    _, _, [body] = told(Hosted(), BEGUN, **R1)
    assert body["messages"][-1]["content"] == "<think>\n\n</think>\n\nAnswer:"


@pytest.mark.parametrize("model", ["m", "Qwen/Qwen3-8B"])
def test_a_begun_reply_has_the_empty_thought_that_the_generation_prompt_has(model: str) -> None:
    """Templates write it there and not into messages: without it the model would go on from another prompt."""
    config = {"model": model, "model_args": {"check_model": False}}
    with MockServer(Hosted(closes=True).script) as server, opened(server, **CONTINUE, **config) as engine:  # type: ignore[arg-type]
        assert ask(engine, BEGUN).completions[0].text == " B"
        assert server.requests[-1].body["messages"][-1]["content"] == "<think>\n\n</think>\n\nAnswer:"
        assert ask(engine, replace(BEGUN, thinking=None)).completions[0].text == " B"
        assert server.requests[-1].body["messages"][-1]["content"] == "Answer:"
        ask(engine, OFF)
        assert server.requests[-1].body["messages"][-1]["role"] == "user"


@pytest.mark.parametrize("splits", [False, True])
def test_a_thought_is_put_before_a_begun_reply_where_the_template_keeps_it(splits: bool) -> None:
    config = {"model": "Qwen/Qwen3-8B", "model_args": {"check_model": False}}
    wanted = replace(request(), thinking=True, begun=Begun(text="Answer:", thought="Two and two."))
    path, info, [body] = told(Hosted(splits=splits), wanted, **config)
    assert path.text == " B"
    thought = "" if splits else "<think>\nTwo and two.\n</think>\n\n"
    assert body["messages"][-1]["content"] == f"{thought}Answer:"
    assert any("visible text alone" in warning for warning in info.warnings) is splits


def test_it_isnt_closed_where_the_template_leaves_thoughts_out() -> None:
    with MockServer(Hosted(splits=True).script) as server, opened(server, **CONTINUE, **R1) as engine:  # type: ignore[arg-type]
        assert engine.describe().continues == "server"
        assert engine.describe().thinking.off == ""


def test_thinking_that_cant_be_switched_off_is_told_where_it_was_asked_for() -> None:
    _, info, _ = told(
        Hosted(), OFF, model="gpt-oss-20b", thinking="off", wants=frozenset(), model_args={"check_model": False}
    )
    assert any("--thinking off changes nothing" in warning for warning in info.warnings)


def test_an_effort_that_means_off_and_is_refused_is_left_out_and_told() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return (
            fault("Unsupported value: 'reasoning_effort' does not support 'none'")
            if "reasoning_effort" in body
            else chat("4")
        )

    config = {"model": "gpt-5.1", "model_args": {"check_model": False}}
    with MockServer(script) as server, opened(server, **config) as engine:  # type: ignore[arg-type]
        assert ask(engine, OFF).completions[0].text == "4"
        assert engine.describe().thinking.off == ""
        [warning] = engine.describe().warnings
        assert "tells the model not to think" in warning


def _budgeted(limits: bool) -> Any:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if not limits and "thinking_token_budget" in body:
            return fault("thinking_token_budget is set but reasoning_config is not configured.")
        most = body.get("thinking_token_budget", 99)
        return chat("Answer: 4", reasoning_content=" ".join(["so"] * min(most, 9)))

    return script


LIMITED = replace(request(extra=(("thinking_budget", 3),), max_tokens=16), thinking=True)


def test_a_servers_own_limit_of_thoughts_is_used_where_it_keeps_it() -> None:
    with MockServer(_budgeted(True)) as server, opened(server, sampling_keys=frozenset({"thinking_budget"})) as engine:
        assert engine.describe().thinking.budget == "engine"
        [path] = ask(engine, LIMITED).completions
        assert path.reasoning == "so so so"
        body = server.requests[-1].body
        assert (body["thinking_token_budget"], body["max_tokens"]) == (3, 19)
        assert "thinking_budget" not in body


@pytest.mark.parametrize("key", ["thinking_budget", "thinking_min"])
def test_limits_that_a_server_doesnt_keep_are_refused_before_anything_is_asked(key: str) -> None:
    with (
        MockServer(_budgeted(False)) as server,
        pytest.raises(UsageError, match=key) as caught,
        opened(server, sampling_keys=frozenset({key})),
    ):
        pass
    assert "--tokenizer" in caught.value.hint


# --- options ------------------------------------------------------------------------------------------------------

ASKED = replace(BEGUN, options=("A", "B", "C"))


@pytest.mark.parametrize("likeliest", [20, 10, 5])
def test_options_have_the_probabilities_that_the_server_tells(likeliest: int) -> None:
    path, info, bodies = told(Hosted(likeliest=likeliest), ASKED, **OPTIONS)
    assert info.likelihoods
    assert (path.text, path.finish_reason) == ("B", "stop")
    assert path.options == {"B": pytest.approx(math.log(0.6)), "A": pytest.approx(math.log(0.3))}
    assert [(body["max_tokens"], body["logprobs"], body["top_logprobs"]) for body in bodies] == [(1, True, likeliest)]
    assert any('" A"' in note for note in info.notes)


def test_a_server_that_tells_no_probabilities() -> None:
    _, info, _ = told(Hosted(likeliest=0), **OPTIONS)
    assert not info.likelihoods


def test_options_none_of_which_is_likely_are_an_error() -> None:
    path, _, _ = told(Hosted(), replace(ASKED, options=("F", "G")), **OPTIONS)
    assert path.finish_reason == "error"
    assert "none of the options F, G" in path.error


def test_the_completions_endpoint_tells_probabilities_too() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        reply = completion(" B")
        reply["choices"][0]["logprobs"] = {"tokens": [" B"], "top_logprobs": [{" B": -0.5, " A": -1.5, "B": -9.0}]}
        return reply

    with MockServer(script) as server, opened(server, chat_template="none", **OPTIONS) as engine:
        assert (engine.describe().continues, engine.describe().likelihoods) == ("tokens", True)
        [path] = ask(engine, ASKED).completions
        assert path.options == {"B": -0.5, "A": -1.5}
        body = server.requests[-1].body
        assert body["prompt"].endswith("Response: Answer:")
        assert body["logprobs"] == 20


# --- prompts that are rendered here -------------------------------------------------------------------------------

TOKENS = {"tokenizer": str(demo.MODEL)}


def test_with_a_tokenizer_the_tokens_of_the_prompt_are_sent() -> None:
    with MockServer(lambda *_: completion(" 4")) as server, opened(server, **TOKENS) as engine:  # type: ignore[arg-type]
        reply = ask(engine, BEGUN)
        info = engine.describe()
        [seen] = server.requests
    assert seen.path == "/v1/completions"
    assert isinstance(seen.body["prompt"], list)
    assert reply.prompt is not None
    assert reply.prompt.endswith("<assistant>Answer:")
    assert reply.prompt.startswith("<bos>")
    assert (info.continues, info.chat_template) == ("tokens", "model")
    assert "prompt" not in info.lacks


def test_a_server_that_takes_no_tokens_is_sent_the_text() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return completion(" 4") if isinstance(body["prompt"], str) else fault("'prompt' must be a string", 422)

    with MockServer(script) as server, opened(server, **TOKENS) as engine:  # type: ignore[arg-type]
        assert ask(engine, BEGUN).completions[0].text == " 4"
        assert ask(engine, replace(BEGUN, messages=request("And 3?").messages)).completions[0].text == " 4"
        assert [type(seen.body["prompt"]) for seen in server.requests] == [list, str, str]
        assert server.requests[-1].body["prompt"].endswith("And 3?<end><assistant>Answer:")
        assert any("as text" in note for note in engine.describe().notes)


def test_a_text_that_a_server_tokenizes_has_no_mark_that_its_tokenizer_adds() -> None:
    class Adding(FolderTokenizer):
        def __call__(self, text: str, *, add_special_tokens: bool = True) -> Encoding:
            assert self.bos_token_id is not None
            return Encoding([self.bos_token_id] * add_special_tokens + super().__call__(text).input_ids)

    assert ChatFormat(FolderTokenizer(demo.MODEL)).bare_text("<bos>a") == "<bos>a"
    assert ChatFormat(Adding(demo.MODEL)).bare_text("<bos>a") == "a"


THINKER = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)


@pytest.mark.parametrize("ids", [True, False], ids=["tokens", "text alone"])
def test_a_thought_is_kept_within_its_budget_in_two_requests(ids: bool, tmp_path: Path) -> None:
    known = FolderTokenizer(demo.MODEL).backend
    known.add_tokens(["<think>", "</think>"])
    known.save(str(tmp_path / "tokenizer.json"))
    settings = json.loads((demo.MODEL / "tokenizer_config.json").read_text()) | {"chat_template": THINKER}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    chat_format = ChatFormat(FolderTokenizer(tmp_path))

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if not ids and "return_token_ids" in body:
            return fault("return_token_ids: Extra inputs are not permitted", 422)
        prompt = chat_format.tokenizer.decode(body["prompt"], skip_special_tokens=False)
        text, finish = (" 5", "stop") if "</think>" in prompt else ("<think>\n2", "length")
        written = chat_format.tokenizer(text, add_special_tokens=False).input_ids
        reply = completion(text, finish=finish)
        end = [chat_format.tokenizer.eos_token_id] * (finish == "stop")
        reply["choices"][0] |= {"token_ids": written + end} if ids else {}
        reply["usage"] = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(written)}
        return reply

    config = {"tokenizer": str(tmp_path), "sampling_keys": frozenset({"thinking_budget"})}
    with MockServer(script) as server, opened(server, **config) as engine:  # type: ignore[arg-type]
        assert engine.describe().thinking.budget == "engine"
        [path] = ask(engine, LIMITED).completions
        first, second = [seen.body for seen in server.requests][-2:]
        assert not [w for w in engine.describe().warnings if "--tokenizer" in w]
    assert (path.reasoning.strip(), path.text, path.finish_reason) == ("2", " 5", "stop")
    assert (first["max_tokens"], second["max_tokens"]) == (3, 16)
    mark = chat_format.tokenizer("</think>", add_special_tokens=False).input_ids
    assert (first.get("stop_token_ids"), first.get("stop")) == ((mark, None) if ids else (None, ["</think>"]))
    assert "</think>" in chat_format.tokenizer.decode(second["prompt"], skip_special_tokens=False)
    assert path.prompt_tokens == len(first["prompt"])


def test_a_tokenizer_that_isnt_the_models_is_told_by_the_servers_counts() -> None:
    with MockServer(lambda *_: completion(" 4")) as server, opened(server, **TOKENS) as engine:  # type: ignore[arg-type]
        ask(engine, BEGUN)  # the mock counts 11 tokens in every prompt
        assert any("--tokenizer" in warning for warning in engine.describe().warnings)
