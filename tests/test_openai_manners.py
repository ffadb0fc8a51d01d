"""What the engine for servers learns on the way: the thinking switch, requests taken back, a server that is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Answer, MockServer, chat, fault
from test_openai_engine import ask_server, environment, key_of, opened, poll, request

from cotbench.errors import ModelError
from cotbench.store.journal import JOURNAL
from cotbench.store.manifest import MANIFEST

__all__ = ["environment"]  # a fixture that applies to this file too


@pytest.mark.parametrize(("thinking", "sent"), [(False, False), (True, True), (None, None)])
def test_the_thinking_switch_is_sent_where_it_is_set(thinking: bool | None, sent: bool | None) -> None:
    _, server = ask_server(lambda *_: chat("Answer: 4"), replace(request(), thinking=thinking))
    [seen] = server.requests
    assert seen.body.get("chat_template_kwargs", {}).get("enable_thinking") is sent


def test_a_server_that_refuses_the_switch_is_asked_without_it() -> None:
    def script(path: str, headers: object, body: dict[str, object], seen: int) -> object:
        return (
            fault("Unrecognized request argument supplied: chat_template_kwargs")
            if "chat_template_kwargs" in body
            else chat("Answer: 4")
        )

    with MockServer(script) as server, opened(server) as engine:  # type: ignore[arg-type]
        wanted = replace(request(), thinking=False)
        for name in ("a", "b"):
            engine.submit(key_of(name, wanted), wanted)
            [(_, reply)] = poll(engine)
            assert reply.completions[0].text == "Answer: 4"
        assert ["chat_template_kwargs" in r.body for r in server.requests] == [True, False, False]
        assert any("not to think" in note for note in engine.describe().notes)


@pytest.mark.parametrize(
    "refusal",
    [
        "Invalid n value (currently only n = 1 is supported)",
        "'n' : number must be at most 1",
        "n > 1 is not supported",
        "Only one completion choice is allowed",
        "[{'type': 'less_than_equal', 'loc': ['body', 'n'], 'msg': 'Input should be less than or equal to 1'}]",
    ],
)
def test_a_server_that_refuses_several_paths_is_asked_for_one_at_a_time(refusal: str) -> None:
    def script(path: str, headers: object, body: dict[str, Any], seen: int) -> object:
        return fault(refusal) if body["n"] > 1 else chat(f"Answer: {body['seed']}")

    wanted = request(temperature=0.7, n=3)
    with MockServer(script) as server, opened(server) as engine:  # type: ignore[arg-type]
        for name in ("a", "b"):
            engine.submit(key_of(name, wanted), wanted)
            [(_, reply)] = poll(engine)
            assert len({path.text for path in reply.completions}) == 3
            assert {path.completion_tokens for path in reply.completions} == {7}
            assert reply.total_completion_tokens == 21
        assert [seen.body["n"] for seen in server.requests] == [3, 1, 1, 1, 1, 1, 1]
        assert any("fewer paths" in note for note in engine.describe().notes)


def test_requests_that_wait_for_their_turn_are_taken_back() -> None:
    with MockServer(lambda *_: Answer(body=chat("4"), delay_s=0.5)) as server, opened(server, concurrency=2) as engine:
        asked = {key_of(f"q{i}", r): r for i in range(10) for r in [request(f"What is {i}?")]}
        for key, wanted in asked.items():
            engine.submit(key, wanted)
        arrived = [key for key, _ in poll(engine)]
        taken = engine.cancel()
        while more := poll(engine):
            arrived += [key for key, _ in more]
        assert set(arrived) | set(taken) == set(asked)
        assert not set(arrived) & set(taken)
        assert 2 <= len(arrived) <= 4
        assert len(server.requests) == len(arrived)


def test_replies_that_came_before_a_fatal_error_are_not_lost() -> None:
    def script(path: str, headers: object, body: dict[str, list[dict[str, str]]], seen: int) -> object:
        if "What is 9?" in body["messages"][0]["content"]:
            return Answer(status=401, body={"error": {"message": "expired"}}, delay_s=0.3)
        return chat("4")

    with MockServer(script) as server, opened(server, concurrency=20) as engine:  # type: ignore[arg-type]
        for i in range(10):
            wanted = request(f"What is {i}?")
            engine.submit(key_of(f"q{i}", wanted), wanted)
        import time

        time.sleep(1.0)  # so that the error stands behind the others when they are taken
        assert len(poll(engine)) == 9
        with pytest.raises(ModelError, match="refuses the key"):
            poll(engine)


def test_a_server_that_is_gone_stops_the_run() -> None:
    """Not thousands of requests one after another, each with its retries: the run can be resumed."""
    with MockServer(lambda *_: chat("4")) as server, opened(server, retries=0, concurrency=2) as engine:
        server.__exit__(None, None, None)
        for i in range(20):
            wanted = request(f"What is {i}?")
            engine.submit(key_of(f"q{i}", wanted), wanted)
        failed = 0
        with pytest.raises(ModelError, match="can't reach"):
            while True:
                failed += len(poll(engine))
        assert failed <= 6


def test_the_manifest_says_what_was_learnt_of_a_server(tmp_path: Path, main: Cli) -> None:
    def script(path: str, headers: object, body: dict[str, list[dict[str, str]]], seen: int) -> object:
        return fault("System role not supported") if body["messages"][0]["role"] == "system" else chat("Answer: B")

    with MockServer(script) as server:  # type: ignore[arg-type]
        done = main(
            "run", "--engine", "openai", "--base-url", server.url, "--model", "m", "--task", "sample", "--mode", "cot",
            "--limit", "3", "--json",
        )  # fmt: skip
    assert done.code == 0, done.err
    folder = tmp_path / json.loads(done.out)["folder"]
    assert json.loads((folder / MANIFEST).read_text())["engine"]["system_role"] == "folded"
    sent = [json.loads(line)["messages"] for line in (folder / JOURNAL).read_text().splitlines()]
    assert [[m["role"] for m in messages] for messages in sent] == [["user"]] * 3
