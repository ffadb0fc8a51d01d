"""A judge that is slow, away, refuses, or says nothing that can be read: whose fault it is said to be, and what it
costs the rest of a run."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Answer, Json, MockServer, chat, fault

QUESTIONS = 8
LINES = {
    "how likely its answer is right": "Score: 7",
    "Best:": "Best: 1",
    "Verdict:": "Verdict: wrong",
    "best choice": "The best choice is 1",
}


def good(body: Json) -> Json:
    """A judge's reply of the form that it is asked for."""
    asked = json.dumps(body["messages"])
    line = next((line for words, line in LINES.items() if words in asked), "likely")
    return chat(*[line] * (body.get("n") or 1))


def rows(results: Path) -> list[dict[str, Any]]:
    [run] = [path for path in results.iterdir() if path.is_dir()]
    return [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]


def test_a_judge_that_is_slow_does_not_keep_the_model_waiting(tmp_path: Path, main: Cli) -> None:
    """The judge answers nothing until all questions have come to it, which the model, of two requests at a time, has to
    be asked for meanwhile."""
    all_there, lock, seen = threading.Event(), threading.Lock(), [0]

    def script(path: str, headers: Any, body: Json, times: int) -> Any:
        with lock:
            seen[0] += 1
            if seen[0] == QUESTIONS:
                all_there.set()
        return good(body) if all_there.wait(60) else fault("the others never came")

    with MockServer(script) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url, "--judge-args", "check_model=false")
        model = ("--model", "stub", "--model-args", "in_flight=2,unparsed=0,truncated=0")
        done = main("run", *model, "--task", "sample", "--limit", QUESTIONS, "--mode", "refine@rounds=1", "-q", *judge)
    assert done.code == 0, done.err
    assert server.most_in_flight == QUESTIONS


def test_the_key_that_a_judges_server_refuses_is_the_judges(tmp_path: Path, main: Cli) -> None:
    with MockServer(lambda *_: fault("who are you", status=401)) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url)
        done = main("run", "--model", "stub", "--task", "sample", "--limit", "2", "--mode", "refine", "-q", *judge)
    assert done.code == 3
    assert "the judge: " in done.err
    assert "COTBENCH_JUDGE_API_KEY" in done.err
    assert "OPENAI_API_KEY" not in done.err
    assert "--header" not in done.err


def test_a_request_that_failed_is_told_as_the_judges_in_the_record(tmp_path: Path, main: Cli) -> None:
    with MockServer(lambda *_: fault("no judge today")) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url, "--judge-args", "max_retries=0")
        done = main("run", "--model", "stub", "--task", "sample", "--limit", "2", "--mode", "refine", "-q", *judge)
    assert done.code == 4
    assert {row["error"] for row in rows(tmp_path / "results")} == {"the judge: status 400: no judge today"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--judge-model", ""), "--judge-model is empty"),
        (("--judge-model", "x", "--judge-base-url", ""), "--judge-base-url is empty"),
        (("--judge-model", "x", "--judge-args", "y"), "--judge-args: expected key=value"),
        (("--judge-model", "x", "--judge-engine", "stub", "--judge-args", "y=1"), "--judge-args: engine 'stub'"),
        (("--judge-model", "x", "--judge-engine", "stubb"), "--judge-engine: there is no engine 'stubb'"),
        (("--mode", "tot@b=2,evaluate=vote"), "NAME@key=value@evaluate=vote"),
    ],
)
def test_what_is_wrong_with_a_judge_is_said_before_anything_is_asked(
    main: Cli, options: tuple[str, ...], said: str
) -> None:
    mode = () if "--mode" in options else ("--mode", "refine")
    done = main("run", "--model", "stub", "--task", "sample", "--dry-run", *mode, *options)
    assert (done.code, said in done.err) == (2, True), done.err


def refusing() -> Json:
    reply = chat("I can't judge that.")
    reply["choices"][0]["finish_reason"] = "content_filter"
    return reply


def says(text: str, finish: str = "stop") -> Any:
    return lambda body: chat(*[text] * (body.get("n") or 1), finish=finish)


AWAY: dict[str, Any] = {
    "refuses": lambda _: refusing(),
    "refuses in a field": lambda _: chat(None, refusal="I won't"),
    "fails": lambda _: fault("no judge today"),
    "is down": lambda _: fault("down", status=503),
    "is no such server": lambda _: Answer(body=b"<html>hi</html>", content_type="text/html"),
    "has no choices": lambda _: {"id": "c", "object": "chat.completion", "choices": []},
    "hangs up": lambda body: Answer(body=good(body), cut=True),
}
UNREADABLE: dict[str, Any] = {
    "rubbish": says("lorem ipsum 42?"),
    "nothing": says(""),
    "null": lambda _: chat(None),
    "out of range": says("Score: 11\nBest: 99\nVerdict: maybe\nThe best choice is 99"),
    "below it": says("Score: -3\nBest: 0\nThe best choice is 0"),
    "two": says("Score: 7 or 8\nBest: 1 or 2\n"),
    "in a thought": says("<think>Score: 2\nVerdict: wrong\nBest: 1", finish="length"),
    "cut": says("Score: 1", finish="length"),
}
MODES = "best-of-n,best-of-n@judge=rank,refine,tot,tot@evaluate=value"


@pytest.mark.patient
@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("kind", [*AWAY, *UNREADABLE])
def test_a_judges_failing_is_never_wrong_and_what_cannot_be_read_is_counted(
    tmp_path: Path, main: Cli, kind: str, every: int
) -> None:
    """Of a judge that does so always, and once in five requests; then it is there again."""
    asked, bad = [0], AWAY.get(kind) or UNREADABLE[kind]

    def script(path: str, headers: Any, body: Json, times: int) -> Any:
        asked[0] += 1
        return good(body) if asked[0] % every else bad(body)

    with MockServer(script) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url, "--judge-args", "max_retries=0")
        done = main(
            "run", "--model", "stub", "--task", "sample", "--limit", "3", "--mode", MODES, "--paths", "3", "-q", *judge
        )  # fmt: skip
        records = rows(tmp_path / "results")
        outcomes = Counter(row["outcome"] for row in records)
        [run] = [path for path in (tmp_path / "results").iterdir() if path.is_dir()]
        assert json.loads(main("score", run, "--json").out)["changes"] == []
        if kind in AWAY:
            assert done.code == 4, done.err
            assert outcomes["engine_error"] == len(records) if every == 1 else outcomes["engine_error"]
            assert all(row["error"].startswith("the judge") for row in records if row["outcome"] == "engine_error")
        else:
            assert done.code == 0, done.err
            assert not outcomes["engine_error"]
        failed = sum(path["finish_reason"] == "error" for line in (run / "journal.jsonl").read_text().splitlines()
                     for path in json.loads(line)["completions"][:1])  # fmt: skip
        before, server.script = len(server.requests), lambda path, headers, body, times: good(body)
        again = main("run", "--resume", run, "-q")
        if "refuses" in kind or kind in UNREADABLE:  # on record: it isn't asked again
            assert len(server.requests) - before <= 6, "no more than what is tried at the start"
            assert (again.code, Counter(row["outcome"] for row in rows(tmp_path / "results"))) == (done.code, outcomes)
        else:
            assert again.code == 0, again.err
            assert len(server.requests) - before >= failed > 0
    told = json.loads(main("report", run, "--json", "--no-plots", "--no-page").out)["chosen"]
    unread = sum(row["unread"] for row in told)
    if kind in UNREADABLE:
        assert unread if every == 1 else unread < sum(row["judged"] for row in told)
    else:
        assert not unread
