"""Reward models: which models are some, what a server tells, and what a run makes of one as its judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Answer, Json, MockServer, chat, fault
from test_openai_engine import ask, environment, opened, request
from test_servers import quick

from cotbench.engines import EngineConfig, open_engine
from cotbench.engines.rewards import kind_of
from cotbench.errors import ModelError
from cotbench.types import Key, Message, Request, Sampling

__all__ = ["environment", "quick"]  # fixtures that apply to this file too

ASKED = Request(
    messages=(
        Message(role="system", text="Be brief."),
        Message(role="user", text="What is 2 + 3?"),
        Message(role="assistant", text="Answer: 5"),
    ),
    sampling=Sampling(max_tokens=1),
    reward=True,
)
WANTS = {"wants": frozenset({"rewards"})}
ONE = {"0": "LABEL_0"}


# --- which models are reward models -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"architectures": ["LlamaForSequenceClassification"], "id2label": ONE}, "conversation"),
        ({"architectures": ["Qwen3ForSequenceClassification"], "num_labels": 1}, "conversation"),
        ({"architectures": ["Qwen2ForRewardModel"]}, "token"),
        ({"architectures": ["LlamaForCausalLM"]}, ""),
        ({"architectures": None}, ""),
        ({}, ""),
    ],
)
def test_a_reward_model_is_known_by_its_configuration(config: Any, kind: str) -> None:
    assert kind_of(config) == kind


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "no", "1": "yes"}}, "2 labels"),
        ({"architectures": ["BertForSequenceClassification"]}, "2 labels"),
        ({"architectures": ["Qwen2ForProcessRewardModel"]}, "doesn't tell one number"),
        ({"architectures": ["BertForTokenClassification"]}, "doesn't tell one number"),
    ],
)
def test_a_classifier_of_another_kind_is_none(config: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind_of(config)


# --- servers ------------------------------------------------------------------------------------------------------

USAGE = {"prompt_tokens": 21, "total_tokens": 21}
DATA: dict[str, Json] = {
    "/classify": {"index": 0, "label": "LABEL_0", "probs": [1.25], "num_classes": 1},
    "/pooling": {"index": 0, "data": [0.5, 1.25]},
    "/score": {"index": 0, "score": 1.25},
}
DATA["tokens at /pooling"] = {"index": 0, "data": [[0.5], [1.25]]}
DATA["/pooling"]["data"] = [1.25]


def rewarding(row: Json) -> Any:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if path.endswith("completions"):
            return fault("The model does not support Chat Completions API", 404)
        return {"object": "list", "data": [row], "usage": USAGE}

    return script


@pytest.mark.parametrize("below", ["", "/v1"], ids=["beside /v1", "below /v1"])
@pytest.mark.parametrize("place", DATA)
def test_a_server_tells_the_score_of_a_reply_where_it_has_a_place_for_it(place: str, below: str) -> None:
    path = below + place.rpartition(" ")[2]
    with MockServer(rewarding(DATA[place]), more=[path]) as server, opened(server, **WANTS) as engine:
        info = engine.describe()
        reply = ask(engine, ASKED)
        body = server.requests[-1].body
        assert server.requests[-1].path == path
        with pytest.raises(ModelError, match="is a reward model: it scores replies, and writes none"):
            ask(engine, request())
    assert info.rewards
    assert f"scores are what the server tells at {path}" in info.notes
    [found] = reply.completions
    assert (found.score, found.text, found.finish_reason) == (1.25, "", "stop")
    assert (found.prompt_tokens, found.completion_tokens) == (21, 0)
    assert body["use_activation"] is False, "the model's own number, with no function over it"
    if path.endswith("/score"):
        assert (body["text_1"], body["text_2"]) == ("Be brief.\n\nWhat is 2 + 3?", "Answer: 5")
    else:
        assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize("numbers", [[0.25, 0.75], [[0.1, 0.2, 0.3]], []])
def test_a_server_of_a_classifier_is_refused(numbers: Any) -> None:
    script = rewarding({"index": 0, "probs": numbers})
    with (
        MockServer(script, more=["/classify"]) as server,
        pytest.raises(ModelError, match=r"its server's /classify: it tells \d numbers"),
        opened(server, **WANTS),
    ):
        pass


@pytest.mark.parametrize(
    "answer", [{"ok": True}, {"data": []}, {"data": [{"probs": "high"}]}, {"data": [{"probs": [True]}]}]
)
def test_a_server_that_answers_anywhere_with_anything_is_no_reward_models(answer: Json) -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return chat("Answer: 4") if path.endswith("completions") else answer

    places = ["/classify", "/pooling", "/score", "/v1/classify", "/v1/pooling", "/v1/score"]
    with MockServer(script, more=places) as server, opened(server, **WANTS) as engine:
        assert not engine.describe().rewards
        assert ask(engine, request()).completions[0].text == "Answer: 4"
        [path] = ask(engine, ASKED).completions
    assert path.finish_reason == "error"
    assert "this model writes replies, and scores none" in path.error


def test_a_server_isnt_asked_for_scores_where_nobody_wants_any() -> None:
    with MockServer(lambda *_: chat("Answer: 4")) as server, opened(server) as engine:
        ask(engine, request())
        assert {seen.path for seen in server.requests} == {"/v1/chat/completions"}


def test_a_score_that_is_no_number_is_an_error_of_its_request() -> None:
    good = {"index": 0, "probs": [1.25]}
    rows = iter([good, {"index": 0, "probs": ["NaN"]}, good])

    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        return {"data": [next(rows)]}

    with MockServer(script, more=["/classify"]) as server, opened(server, **WANTS) as engine:
        [bad] = ask(engine, ASKED).completions
        [fine] = ask(engine, ASKED).completions
    assert (bad.finish_reason, bad.score, fine.score) == ("error", None, 1.25)


# --- engines that write -------------------------------------------------------------------------------------------


def test_a_model_that_writes_scores_nothing() -> None:
    engine: Any = open_engine("ctranslate2", EngineConfig(model="demo"))
    engine.submit(Key("q", ASKED.hash, 0, 0), ASKED)
    [(_, reply)] = engine.poll()
    assert "scores none: it is no reward model" in reply.completions[0].error


# --- runs ---------------------------------------------------------------------------------------------------------

RUN = ("run", "--model", "stub", "--task", "sample", "--limit", "10", "--json")
JUDGE = ("--judge-model", "stub", "--judge-args", "reward=0.9")


def folder_of(out: str) -> Path:
    return Path(json.loads(out)["folder"])


def rows_of(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_reward_model_judges_the_paths_of_best_of_n(main: Cli, tmp_path: Path) -> None:
    done = main(*RUN, "--paths", "4", "--mode", "best-of-n", *JUDGE)
    assert done.code == 0, done.err
    folder = tmp_path / folder_of(done.out)
    journal = rows_of(folder / "journal.jsonl")
    judged = [row for row in journal if row.get("to") == "judge"]
    assert judged
    for row in judged:
        [path] = row["completions"]
        assert path["text"] == ""
        assert -1.5 <= path["score"] <= 1.5
        assert [m["role"] for m in row["messages"]][-2:] == ["user", "assistant"], "the question, and the path"
    records = rows_of(folder / "records.jsonl")
    for record in records:
        votes = record["votes"]
        known = [score for score in votes["scores"] if score is not None]
        if record["answer"] is not None:
            best = votes["ballots"][votes["scores"].index(max(known))]
            assert record["answer"] == votes["answers"][best]["answer"]
        assert record["judge_completion_tokens"] == 0
        assert record["judge_prompt_tokens"] > 0
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["judge"]["rewards"]
    before = (folder / "records.jsonl").read_bytes()
    assert main("score", folder).code == 0
    assert (folder / "records.jsonl").read_bytes() == before
    # The same from the scores on record, which need no reward model.
    scores = tmp_path / "scores.jsonl"
    scores.write_text(
        "".join(
            json.dumps({"id": row["question"], "output": row["messages"][-1]["text"], "score": path["score"]}) + "\n"
            for row in judged
            for path in row["completions"]
        )
    )
    again = main(
        *RUN,
        "--paths",
        "4",
        "--mode",
        "best-of-n",
        "--judge-model",
        "m",
        "--judge-engine",
        "replay",
        "--judge-args",
        f"path={scores}",
    )
    assert again.code == 0, again.err
    found = rows_of(tmp_path / folder_of(again.out) / "records.jsonl")
    assert [(row["answer"], row["votes"]["scores"]) for row in found] == [
        (row["answer"], row["votes"]["scores"]) for row in records
    ]


def test_a_reward_model_that_is_away_makes_no_answer_wrong(main: Cli, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    scores.write_text(json.dumps({"id": "sample-0", "output": "Answer: 1", "score": 1}) + "\n")
    done = main(
        *RUN,
        "--paths",
        "4",
        "--mode",
        "best-of-n",
        "--judge-model",
        "m",
        "--judge-engine",
        "replay",
        "--judge-args",
        f"path={scores}",
    )
    assert done.code == 4, done.err
    outcomes = {row["outcome"] for row in rows_of(tmp_path / folder_of(done.out) / "records.jsonl")}
    assert outcomes <= {"engine_error", "unparsed", "truncated"}
    assert "engine_error" in outcomes


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--mode", "cot", "--model-args", "reward=0.5"), 2, "--model stub is a reward model"),
        (("--mode", "refine", *JUDGE), 2, "refine: its judge is to write, and stub is a reward model"),
        (("--mode", "best-of-n@judge=rank", *JUDGE), 2, "its judge is to write"),
        (("--mode", "cot", "--model-args", "reward=2"), 2, "expected a share between 0 and 1"),
    ],
)
def test_a_reward_model_isnt_asked_to_write(main: Cli, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = main(*RUN, *arguments)
    assert (done.code, said in done.err) == (code, True), done.err
    assert ("A reward model can judge best-of-n." in done.err) == ("its judge is to write" in said)


def test_a_run_that_was_cut_off_ends_with_the_same_records(main: Cli, tmp_path: Path) -> None:
    done = main(*RUN, "--paths", "4", "--mode", "best-of-n,self-consistency@confidence=likely", *JUDGE)
    assert done.code == 0, done.err
    folder = tmp_path / folder_of(done.out)
    records = (folder / "records.jsonl").read_bytes()
    journal = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(journal[: len(journal) // 2]) + journal[-1][:40])
    (folder / "records.jsonl").unlink()
    again = main("run", "--resume", folder)
    assert again.code == 0, again.err
    assert (folder / "records.jsonl").read_bytes() == records
    assert sorted((folder / "journal.jsonl").read_bytes().splitlines(keepends=True)) == sorted(journal)
