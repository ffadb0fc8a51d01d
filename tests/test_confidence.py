"""How sure a model was of what it wrote: the measures, what engines tell of them, and votes weighted by them."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Answer, Json, MockServer, chat, completion, fault
from test_openai_engine import ask, environment, opened, request
from test_servers import quick

from cotbench.engines import EngineConfig, open_engine
from cotbench.engines.confidence import Meter, windows
from cotbench.engines.replies import told_of_tokens
from cotbench.modes import find_mode
from cotbench.modes.votes import heaviest
from cotbench.types import Completion, Confidence, Key, Message, Request, Sampling

__all__ = ["environment", "quick"]  # fixtures that apply to this file too

WANTS = {"wants": frozenset({"confidence"})}


# --- the measures -------------------------------------------------------------------------------------------------


def by_hand(tokens: Sequence[float], width: int) -> tuple[float, float, float, float]:
    """The four measures by the definitions of the paper, one window after the other."""
    groups = [tokens[i : i + width] for i in range(len(tokens) - width + 1)] or [tokens]
    means = sorted(sum(group) / len(group) for group in groups)
    lowest = means[: max(1, len(means) // 10)]
    last = tokens[-width:]
    return sum(tokens) / len(tokens), means[0], sum(lowest) / len(lowest), sum(last) / len(last)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 63, 300])
@pytest.mark.parametrize("width", [1, 8, 64])
def test_measures_over_windows_are_those_of_the_definitions(length: int, width: int) -> None:
    rng = random.Random(f"{length} {width}")
    places = [[-rng.expovariate(0.2) for _ in range(20)] for _ in range(length)]
    meter = Meter(width)
    for place in places:
        meter.add(place, max(place))
    found = meter.read()
    assert found is not None
    expected = by_hand([-sum(place) / 20 for place in places], width)
    assert (found.mean, found.lowest, found.bottom, found.tail) == pytest.approx(expected, abs=1e-6)
    assert (found.window, found.top) == (width, 20)
    assert found.logprob == pytest.approx(sum(max(place) for place in places) / length, abs=1e-6)


def test_a_window_begins_at_each_token_and_a_short_path_is_one() -> None:
    assert windows([1.0, 2.0, 3.0, 6.0], 2) == [1.5, 2.5, 4.5]
    assert windows([1.0, 2.0], 5) == [1.5]


def test_a_surer_model_has_the_higher_confidence() -> None:
    def of(share: float) -> float:
        meter = Meter(4)
        meter.add([math.log(share), *[math.log((1 - share) / 19)] * 19], math.log(share))
        found = meter.read()
        assert found is not None
        return found.mean

    assert of(0.99) > of(0.6) > of(0.05)


def test_only_as_many_of_the_likeliest_tokens_count_as_are_wanted_and_possible() -> None:
    meter = Meter(4, most=2)
    meter.add([-3.0, -1.0, -2.0], -3.0)  # the token that was drawn is told beside the likeliest
    meter.add([-1.0, -2.0, -math.inf, math.nan, -9_999.0], None)
    found = meter.read()
    assert found is not None
    assert (found.mean, found.top, found.logprob) == (1.5, 2, None)


def test_where_too_little_is_told_there_is_no_confidence() -> None:
    meter = Meter(4)
    meter.add([-0.1], -0.1)  # of one token alone a sure model has the lower measure
    meter.add([], -0.1)
    assert meter.read() is None


def test_the_fewest_tokens_that_were_known_are_told() -> None:
    meter = Meter(4)
    meter.add([-1.0, -1.0, -1.0], -1.0)
    meter.add([-1.0, -1.0], -1.0)
    found = meter.read()
    assert found is not None
    assert found.top == 2


# --- weighted votes -----------------------------------------------------------------------------------------------


def by_all_sums(ballots: Sequence[int | None], weights: Sequence[float | None], keep: float) -> int | None:
    votes = [
        (weight, place)
        for place, (b, weight) in enumerate(zip(ballots, weights, strict=True))
        if b is not None and weight is not None
    ]
    kept = sorted(votes, key=lambda vote: (-vote[0], vote[1]))[: max(1, math.ceil(len(votes) * keep))]
    places = sorted(place for _, place in kept)
    sums = {b: sum(weights[p] or 0 for p in places if ballots[p] == b) for b in {ballots[p] for p in places}}
    best = [place for place in places if sums[ballots[place]] == max(sums.values())]
    return best[0] if best else None


@pytest.mark.parametrize("keep", [1, 0.5, 0.25])
def test_the_answer_with_the_largest_sum_wins(keep: float) -> None:
    ballots: Sequence[int | None] = (0, 1, None)
    for each in itertools.product(ballots, repeat=3):
        for weights in itertools.product((1.0, 2.0, 4.0, None), repeat=3):
            assert heaviest(each, weights, keep) == by_all_sums(each, weights, keep)


def test_one_sure_path_outvotes_two_that_are_not() -> None:
    assert heaviest([0, 0, 1], [1.0, 1.0, 3.0]) == 2
    assert heaviest([0, 0, 1], [1.0, 1.0, 2.0]) == 0, "of equals the one that was reached first"
    assert heaviest([0, 0, 1, 1], [5.0, 1.0, 4.0, 4.0], keep=0.25) == 0, "only the surest votes"


# --- engines ------------------------------------------------------------------------------------------------------


def paths_of(engine: Any, asked: Request) -> tuple[Completion, ...]:
    engine.submit(Key("q", asked.hash, 0, 0), asked)
    [(_, reply)] = engine.poll()
    completions: tuple[Completion, ...] = reply.completions
    return completions


def user(text: str, **more: Any) -> Request:
    sampling = {"max_tokens": 24, **more.pop("sampling", {})}
    return Request(messages=(Message(role="user", text=text),), sampling=Sampling(**sampling), **more)


def test_a_plain_request_is_what_it_was() -> None:
    plain = user("What is 2 + 3?")
    assert plain.hash == "83d78e0455778f7d"
    assert len({plain.hash, replace(plain, confidence=8).hash, replace(plain, confidence=9).hash}) == 3


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.8, "n": 3}], ids=["greedy", "sampled"])
def test_ctranslate2_tells_what_its_logits_say(sampling: dict[str, Any]) -> None:
    numpy = pytest.importorskip("numpy")
    engine: Any = open_engine("ctranslate2", EngineConfig(model="demo"))
    assert engine.describe().confidence == 20
    asked = user("How many towers does Isken have?", sampling=sampling, confidence=5)
    before = engine._chat.encode(asked, 1_000).ids
    for path in paths_of(engine, asked):
        own = engine._chat.tokenizer(path.text, add_special_tokens=False).input_ids
        ids = [*own, engine._chat.tokenizer.eos_token_id] if path.finish_reason == "stop" else own
        assert len(ids) == path.completion_tokens, "the text's tokens are those that were written"
        logits = numpy.asarray(engine._model.forward_batch([before + ids]), dtype=float)[0]
        tokens = []
        for place in range(len(ids)):
            row = logits[len(before) + place - 1]
            logs = sorted(row - numpy.log(numpy.exp(row - row.max()).sum()) - row.max())
            tokens.append(-sum(logs[-20:]) / 20)
        confidence = path.confidence
        assert confidence is not None
        found = (confidence.mean, confidence.lowest, confidence.bottom, confidence.tail)
        assert found == pytest.approx(by_hand(tokens, 5), abs=1e-3)
    [plain, *_] = paths_of(engine, replace(asked, confidence=0))
    assert plain.confidence is None


def places(*rows: Sequence[float]) -> Json:
    """What the chat endpoint tells of tokens: of each the likeliest ones."""
    content = [
        {
            "token": "t",
            "logprob": row[0],
            "top_logprobs": [{"token": f"t{i}", "logprob": value} for i, value in enumerate(row)],
        }
        for row in rows
    ]
    return {"content": content}


ROWS = ((-0.1, -3.0, -5.0), (-0.5, -1.0, -6.0))


def likely(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
    """A server that tells up to 20 likely tokens; its second path is less sure."""
    if path == "/v1/completions":
        reply = completion("Answer: 4")
        told = [{f"token_id:{i}": value for i, value in enumerate(row)} for row in ROWS]
        tokens = {"tokens": ["a", "b"], "token_logprobs": [-0.1, None], "top_logprobs": told}
        reply["choices"][0]["logprobs"] = tokens if body.get("logprobs") else None
        return reply
    reply = chat(*[f"Answer: {i}" for i in range(body.get("n", 1))])
    for i, choice in enumerate(reply["choices"]):
        choice["logprobs"] = (
            places(*[[i * value for value in row] if i else row for row in ROWS]) if body.get("logprobs") else None
        )
    return reply


def test_a_server_tells_each_paths_own() -> None:
    wanted = replace(request(temperature=0.7, n=2), confidence=1)
    with MockServer(likely) as server, opened(server, **WANTS) as engine:
        assert engine.describe().confidence == 3
        first, second = ask(engine, wanted).completions
        assert {name: server.requests[-1].body.get(name) for name in ("logprobs", "top_logprobs")} == {
            "logprobs": True,
            "top_logprobs": 20,
        }
        [plain, _] = ask(engine, replace(wanted, confidence=0)).completions
    assert first.confidence == Confidence(mean=2.6, lowest=2.5, bottom=2.5, tail=2.5, window=1, top=3, logprob=-0.3)
    assert second.confidence == first.confidence
    assert plain.confidence is None
    assert "logprobs" not in server.requests[-1].body


def test_the_completions_endpoint_tells_it_under_other_names() -> None:
    with MockServer(likely) as server, opened(server, chat_template="none", **WANTS) as engine:
        assert engine.describe().confidence == 3
        [path] = ask(engine, replace(request(), confidence=2)).completions
        assert server.requests[-1].body["logprobs"] == 20
    assert path.confidence == Confidence(mean=2.6, lowest=2.6, bottom=2.6, tail=2.6, window=2, top=3)


def test_a_server_that_tells_fewer_is_asked_for_fewer() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        if body.get("top_logprobs", 0) > 5:
            return fault("top_logprobs must be at most 5")
        reply = chat("Answer: 4")
        reply["choices"][0]["logprobs"] = places([-1.0] * body["top_logprobs"])
        return reply

    with MockServer(script) as server, opened(server, **WANTS) as engine:
        info = engine.describe()
        [path] = ask(engine, replace(request(), confidence=8)).completions
    assert (info.confidence, path.confidence and path.confidence.top) == (5, 5)
    assert "the server tells the probabilities of the 5 likeliest tokens at the most" in info.notes


def refuses(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
    return fault("This model does not support logprobs.") if "logprobs" in body else chat("Answer: 4")


def ignores(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
    return chat("Answer: 4")


def one_token(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
    reply = chat("Answer: 4")
    reply["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": []}]}
    return reply


@pytest.mark.parametrize("script", [refuses, ignores, one_token])
def test_an_arm_is_refused_where_a_server_tells_too_little(main: Cli, script: Any) -> None:
    with MockServer(script) as server:
        done = main(
            "run", "--model", "m", "--engine", "openai", "--base-url", server.url, "--task", "sample", "--mode",
            "self-consistency@confidence=lowest", "--paths", "2", "--limit", "1",
        )  # fmt: skip
        asked = [seen.body for seen in server.requests if seen.body.get("n", 1) > 1]
    assert done.code == 2
    assert "self-consistency@confidence=lowest: openai doesn't tell here how sure the model was" in done.err
    assert not asked, "before a token is spent on a question"


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"content": None},
        {"content": [None, 3, {"top_logprobs": "x", "logprob": "y"}]},
        {"content": [{"top_logprobs": [{"logprob": True}, {"logprob": math.nan}, 7, {"logprob": 5}], "logprob": 3}]},
        {"top_logprobs": [None, "x", 3], "token_logprobs": [1]},
    ],
)
def test_whatever_a_server_says_of_tokens_is_no_traceback(told: Any) -> None:
    assert all(not top and own is None for top, own in told_of_tokens({"logprobs": told}))


# --- arms ---------------------------------------------------------------------------------------------------------


STUB = ("run", "--model", "stub", "--task", "sample", "--limit", "12", "--paths", "5", "--json")


def folder_of(out: str) -> Path:
    return Path(json.loads(out)["folder"])


def rows_of(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_arms_of_all_measures_weigh_the_same_paths_and_leave_others_as_they_were(main: Cli, tmp_path: Path) -> None:
    plain = "self-consistency"
    arms = f"{plain},{plain}@confidence=mean|lowest|bottom|tail|likely,{plain}@confidence=mean@keep=0.4"
    done = main(*STUB, "--mode", arms, "--model-args", "sure=1")
    assert done.code == 0, done.err
    folder = tmp_path / folder_of(done.out)
    journal = rows_of(folder / "journal.jsonl")
    weighed = [row for row in journal if row["completions"][0].get("confidence")]
    assert len(weighed) == 12, "one request of each question for all measures"
    records = rows_of(folder / "records.jsonl")
    by_arm: dict[str, list[Json]] = {}
    for row in records:
        by_arm.setdefault(row["mode"], []).append(row)
    for arm, rows in by_arm.items():
        measure = arm.partition("confidence=")[2].partition("@")[0]
        for row in rows:
            votes = row["votes"]
            assert ("scores" in votes) == bool(measure)
            if not measure:
                continue
            [reply] = [r for r in weighed if r["question"] == row["question"]]
            told = [path["confidence"] for path in reply["completions"]]
            assert votes["scores"] == [
                math.exp(one["logprob"]) if measure == "likely" else one[measure] for one in told
            ]
            place = heaviest(votes["ballots"], votes["scores"], 0.4 if "keep" in arm else 1)
            assert place is not None
            won = votes["ballots"][place]
            assert row["answer"] == votes["answers"][won]["answer"]
    manifest = json.loads((folder / "manifest.json").read_text())
    spec = manifest["spec"]["modes"]["sample/self-consistency"]
    assert "settings" not in spec, "a run of earlier versions is gone on with"
    assert manifest["spec"]["modes"]["sample/self-consistency@confidence=mean@keep=0.4"]["settings"] == {
        "confidence": "mean",
        "keep": 0.4,
    }
    # Graded again, the same.
    before = (folder / "records.jsonl").read_bytes()
    again = main("score", folder)
    assert again.code == 0, again.err
    assert (folder / "records.jsonl").read_bytes() == before


def test_what_is_told_of_a_weighted_arm_says_so() -> None:
    weighted, plain = (find_mode(f"self-consistency{more}") for more in ("@confidence=tail@window=32", ""))
    assert (weighted.facts.picks, weighted.facts.votes_over, weighted.own.confidence) == ("weighted", "", 32)
    assert (plain.facts.picks, plain.facts.votes_over, plain.own.confidence) == ("", "cot", 0)
    off = find_mode("self-consistency@confidence=off")
    assert (off.facts.picks, off.own.confidence) == ("", 0)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        (
            "self-consistency@confidence=most",
            "confidence is 'most'; expected off, mean, lowest, bottom, tail or likely",
        ),
        ("self-consistency@keep=0.5", "keep=0.5 is of votes that are weighted by confidence"),
        ("self-consistency@window=9", "window=9 is of votes that are weighted by confidence"),
        ("self-consistency@confidence=mean@keep=0", "keep is 0; expected a share above 0 and up to 1"),
        ("self-consistency@confidence=mean@window=0", "window is 0; expected a whole number from 1 up"),
        ("cot@confidence=mean", "there is nothing called 'confidence' to be set"),
    ],
)
def test_an_arm_that_says_too_much_or_too_little_is_refused(main: Cli, arm: str, said: str) -> None:
    done = main("run", "--model", "stub", "--task", "sample", "--mode", arm)
    assert (done.code, said in done.err) == (2, True), done.err


# --- outputs that exist already -----------------------------------------------------------------------------------


def test_replayed_outputs_have_the_confidence_that_their_lines_say(main: Cli, tmp_path: Path) -> None:
    done = main(*STUB, "--mode", "self-consistency@confidence=lowest")
    assert done.code == 0, done.err
    first = tmp_path / folder_of(done.out)
    journal = rows_of(first / "journal.jsonl")
    outputs = tmp_path / "outputs.jsonl"
    outputs.write_text(
        "".join(
            json.dumps({"id": row["question"], "output": path["text"], "confidence": path["confidence"]["lowest"]})
            + "\n"
            for row in journal
            if row["completions"][0].get("confidence")
            for path in row["completions"]
        )
    )
    wanted = [(row["question"], row["answer"]) for row in rows_of(first / "records.jsonl")]
    for source in (outputs, first):
        done = main(
            "run", "--model", "logged", "--engine", "replay", "--model-args", f"path={source}", "--task", "sample",
            "--limit", "12", "--paths", "5", "--json", "--mode", "self-consistency@confidence=lowest",
        )  # fmt: skip
        assert done.code == 0, done.err
        found = rows_of(tmp_path / folder_of(done.out) / "records.jsonl")
        assert [(row["question"], row["answer"]) for row in found] == wanted
    plain = tmp_path / "plain.jsonl"
    plain.write_text(json.dumps({"id": journal[0]["question"], "output": "Answer: 4"}) + "\n")
    done = main(
        "run", "--model", "logged", "--engine", "replay", "--model-args", f"path={plain}", "--task", "sample",
        "--mode", "self-consistency@confidence=lowest",
    )  # fmt: skip
    assert done.code == 2
    assert "replay doesn't tell here how sure the model was" in done.err
    plain.write_text(
        json.dumps({"id": journal[0]["question"], "output": "Answer: 4", "confidence": {"mean": 3}}) + "\n"
    )
    done = main(
        "run",
        "--model",
        "logged",
        "--engine",
        "replay",
        "--model-args",
        f"path={plain}",
        "--task",
        "sample",
        "--mode",
        "cot",
    )
    assert done.code == 3
    assert "plain.jsonl:1: confidence lowest is None, expected a number" in done.err


def test_a_vote_without_any_confidence_is_no_wrong_answer(main: Cli, tmp_path: Path) -> None:
    done = main(*STUB, "--mode", "self-consistency@confidence=mean")
    folder = tmp_path / folder_of(done.out)
    outputs = tmp_path / "outputs.jsonl"
    replies = [row for row in rows_of(folder / "journal.jsonl") if row["completions"][0].get("confidence")]
    outputs.write_text(
        "".join(
            json.dumps(
                {"id": row["question"], "output": path["text"], **({"confidence": 3} if row is replies[0] else {})}
            )
            + "\n"
            for row in replies
            for path in row["completions"]
        )
    )
    done = main(
        "run", "--model", "logged", "--engine", "replay", "--model-args", f"path={outputs}", "--task", "sample",
        "--limit", "12", "--paths", "5", "--json", "--mode", "self-consistency@confidence=mean",
    )  # fmt: skip
    outcomes = {row["question"]: row["outcome"] for row in rows_of(tmp_path / folder_of(done.out) / "records.jsonl")}
    assert outcomes.pop(replies[0]["question"]) in ("correct", "wrong")
    assert set(outcomes.values()) == {"engine_error"}


# --- thoughts within limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [None, 4, 12], ids=lambda budget: f"budget {budget}")
@pytest.mark.parametrize("drawn", [{}, {"temperature": 0.8, "n": 2}], ids=["greedy", "sampled"])
def test_of_a_thought_within_limits_the_tokens_count_that_the_model_wrote(
    budget: int | None, drawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[int, int] = {}

    class Counting(Meter):
        def add(self, *told: Any) -> None:
            taken[id(self)] = taken.get(id(self), 0) + 1
            kept.append(self)
            super().add(*told)

    kept: list[Meter] = []  # so that no number is given twice
    for module in ("phases", "batched"):
        monkeypatch.setattr(f"cotbench.engines.{module}.Meter", Counting)
    engine: Any = open_engine("ctranslate2", EngineConfig(model="demo-thinker"))
    extra = () if budget is None else (("thinking_budget", budget),)
    sampling = {"max_tokens": 24, "extra": extra, **drawn}
    paths = paths_of(engine, user("What is 17 + 25?", sampling=sampling, confidence=4, thinking=True))
    assert sorted(taken.values()) == sorted(path.completion_tokens or 0 for path in paths)
    assert all(path.confidence is not None and path.confidence.top == 20 for path in paths)
    engine.close()


def test_a_server_that_is_sent_tokens_tells_the_legs_of_a_thought_together() -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Json | Answer:
        reply = completion("so", finish="length")
        level = -1.0 if body["max_tokens"] == 3 else -4.0  # the first leg, or the second
        if body.get("logprobs"):
            told = [{f"token_id:{i}": level - i for i in range(4)}] * body["max_tokens"]
            reply["choices"][0]["logprobs"] = {"top_logprobs": told, "token_logprobs": [level] * body["max_tokens"]}
        reply["choices"][0]["token_ids"] = [20] * body["max_tokens"]
        return reply

    wanted = user("What is 17 + 25?", sampling={"max_tokens": 5, "extra": (("thinking_budget", 3),)}, confidence=2)
    config = {"tokenizer": "demo-thinker", "sampling_keys": frozenset({"thinking_budget"}), **WANTS}
    with MockServer(script) as server, opened(server, **config) as engine:
        [path] = ask(engine, replace(wanted, thinking=True)).completions
        bodies = [seen.body for seen in server.requests][-2:]
    assert [body["max_tokens"] for body in bodies] == [3, 2], "what isn't marked as a thought is the answer's"
    assert all(body["return_tokens_as_token_ids"] is True for body in bodies)
    confidence = path.confidence
    assert confidence is not None
    assert confidence.mean == pytest.approx((3 * 2.5 + 2 * 5.5) / 5)
    assert (confidence.lowest, confidence.tail, confidence.logprob) == (2.5, 5.5, (3 * -1.0 + 2 * -4.0) / 5)
