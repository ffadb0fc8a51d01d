"""A second model, which judges what the first one writes: its station, and its place in journal, records and prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Json, MockServer, chat, fault

from cotbench.modes import MODES, Facts, Flow, Kit, Mode, Own, Turn
from cotbench.modes.mode import whole
from cotbench.types import Question


def weigh_and_answer(question: Question, kit: Kit) -> Flow:
    """Have some beginnings judged, and go on with the one that is liked best."""
    beginnings = yield from kit.ask(question, "begin")
    given = [{"thought": path.text} for path in beginnings]
    judged = yield from kit.ask_each(question, "judge", given, [[path] for path in beginnings])
    if lost := kit.failed([path for [path] in judged]):
        return lost
    marks = [sum(map(ord, path.text)) % 10 for [path] in judged]
    best = marks.index(max(marks))
    [path] = yield from kit.ask(question, after=[beginnings[best]], thought=beginnings[best].text)
    return kit.read(question, path)


def turns(settings: Any) -> tuple[Turn, ...]:
    return (
        Turn(name="begin", template="w-begin", max_tokens=50, paths=settings["wide"]),
        Turn(
            name="judge", template="w-judge", max_tokens=9, by="judge", given={"thought": "-"}, asked=settings["wide"]
        ),
        Turn(template="w", max_tokens=300, given={"thought": "-"}),
    )


WEIGH = Mode(
    name="weigh",
    about="beginnings are judged, and the best is followed",
    turns=turns({"wide": 2}),
    shape=turns,
    settings={"wide": Own(2, *whole(1), "how many beginnings")},
    run=weigh_and_answer,
    facts=Facts(label="weighed", answers_in="words", beside_vote=True),
)
ASK = '{% from "_shared.jinja" import ask, contract %}{% call user() %}{{ ask(question) }}\n'
TEMPLATES = {
    "w-begin": ASK + "How would you begin?{% endcall %}",
    "w-judge": ASK + "How good a beginning is this, from 0 to 9?\n{{ thought }}{% endcall %}",
    "w": ASK + "Begin so: {{ thought }}\n{{ contract(answer) }}{% endcall %}",
}
JUDGE = ("--judge-model", "big/judge", "--judge-engine", "stub")


@pytest.fixture
def weigh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setitem(MODES, WEIGH.name, WEIGH)
    for name, text in TEMPLATES.items():
        (tmp_path / f"{name}.jinja").write_text(text)
    return ("--model", "stub", "--task", "sample", "--limit", "6", "-q", "--prompts-dir", str(tmp_path))


def rows(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def only(results: Path) -> Path:
    [run] = [path for path in results.iterdir() if path.is_dir()]
    return run


def test_its_replies_are_in_the_journal_with_what_they_build_on_and_its_tokens_apart(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...]
) -> None:
    done = main("run", *weigh, *JUDGE, "--mode", "direct,weigh")
    assert done.code == 0, done.err
    run = only(tmp_path / "results")
    lines = rows(run, "journal.jsonl")
    judged = [line for line in lines if line["template"] == "w-judge"]
    assert judged
    assert all(line["to"] == "judge" for line in judged)
    assert {line["template"] for line in lines if "to" not in line} == {"direct", "w-begin", "w"}
    places = {(line["question"], line["request"], line["ordinal"]): line for line in lines}
    for line in (line for line in lines if line["template"] in ("w-judge", "w")):
        [[request, ordinal, path]] = line["after"]
        parent = places[line["question"], request, ordinal]
        assert parent["template"] == "w-begin"
        assert parent["completions"][path]["text"] in line["messages"][-1]["text"]
    for record in rows(run, "records.jsonl"):
        own = [places[record["question"], *address] for address in record["requests"]]
        second = [line for line in own if line.get("to")]
        told = [sum(line["completions"][0][name] for line in second) for name in ("prompt_tokens", "completion_tokens")]
        if record["mode"] == "weigh":
            assert [record["judge_prompt_tokens"], record["judge_completion_tokens"]] == told
            assert record["completion_tokens"] > record["judge_completion_tokens"] > 0
        else:
            assert "judge_prompt_tokens" not in record
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["spec"]["judge"]["model"] == "big/judge"
    assert manifest["judge"]["engine"] == "stub"
    assert manifest["spec"]["modes"]["sample/weigh"]["settings"] == {"wide": 2}


def test_without_one_the_model_judges_itself(tmp_path: Path, main: Cli, weigh: tuple[str, ...]) -> None:
    assert main("run", *weigh, "--mode", "weigh@wide=3").code == 0
    run = only(tmp_path / "results")
    assert not any("to" in line for line in rows(run, "journal.jsonl"))
    assert all(line["after"] for line in rows(run, "journal.jsonl") if line["template"] != "w-begin")
    assert "judge" not in json.loads((run / "manifest.json").read_text())["spec"]
    begun = [line for line in rows(run, "journal.jsonl") if line["template"] == "w-begin"]
    assert {len(line["completions"]) for line in begun} == {3}, "the arm's setting shapes its turns"


def test_a_run_goes_on_and_is_graded_again_with_the_same_records(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...]
) -> None:
    assert main("run", *weigh, *JUDGE, "--mode", "weigh").code == 0
    run = only(tmp_path / "results")
    records, lines = (run / "records.jsonl").read_bytes(), (run / "journal.jsonl").read_bytes().splitlines(True)
    (run / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    (run / "records.jsonl").unlink()
    assert main("run", *weigh, *JUDGE, "--mode", "weigh").code == 0
    assert (run / "records.jsonl").read_bytes() == records
    assert sorted((run / "journal.jsonl").read_bytes().splitlines(True)) == sorted(lines)
    assert main("run", "--resume", str(run), "-q").code == 0
    assert json.loads(main("score", run, "--json").out)["changes"] == []
    assert (run / "records.jsonl").read_bytes() == records


def test_another_judge_is_another_run(tmp_path: Path, main: Cli, weigh: tuple[str, ...]) -> None:
    for judge in ((), JUDGE, ("--judge-model", "other", "--judge-engine", "stub"), (*JUDGE, "--judge-args", "cot=0.1")):
        assert main("run", *weigh, *judge, "--mode", "weigh").code == 0
    assert len(list((tmp_path / "results").iterdir())) == 4


@pytest.mark.parametrize("away", ["refuses", "fails"])
def test_a_judge_that_is_away_or_refuses_is_an_engine_error_and_never_wrong(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...], away: str
) -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Any:
        if away == "fails":
            return fault("no such judge today", status=400)
        refusal = chat("I can't judge that.")
        refusal["choices"][0]["finish_reason"] = "content_filter"
        return refusal

    with MockServer(script) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url, "--judge-args", "max_retries=0")
        done = main("run", *weigh, *judge, "--mode", "direct,weigh")
    assert done.code == 4, done.err
    records = rows(only(tmp_path / "results"), "records.jsonl")
    outcomes = {record["outcome"] for record in records if record["mode"] == "weigh"}
    assert outcomes == {"engine_error"}
    assert all(record["error"] for record in records if record["mode"] == "weigh")
    assert "engine_error" not in {record["outcome"] for record in records if record["mode"] != "weigh"}


def test_no_server_is_told_another_ones_key(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "first-secret-key")
    with MockServer(lambda *_: chat("5")) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url)
        assert main("run", *weigh, *judge, "--mode", "weigh").code == 0
        assert not any("first-secret-key" in str(seen.headers) for seen in server.requests)
        monkeypatch.setenv("COTBENCH_JUDGE_API_KEY", "second-secret-key")
        assert main("run", *weigh, *judge, "--mode", "weigh", "--fresh").code == 0
        assert any("second-secret-key" in str(seen.headers) for seen in server.requests)
    for run in (tmp_path / "results").iterdir():
        assert not any("secret-key" in path.read_text() for path in run.iterdir() if path.is_file())


def test_what_a_judge_s_engine_says_names_the_judge_s_options(main: Cli, weigh: tuple[str, ...]) -> None:
    with MockServer(lambda *_: chat("5")) as server:
        done = main("run", *weigh, "--judge-model", "absent", "--judge-base-url", server.url, "--mode", "weigh")
    assert (done.code, "--judge-model absent" in done.err, "--judge-args check_model=false" in done.err) == (
        3,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--judge-model", "x", "--mode", "direct,cot"), "none of the modes of this run has anything judged"),
        (("--judge-engine", "stub", "--mode", "weigh"), "--judge-engine: there is no second model"),
        (("--judge-args", "cot=0.5", "--mode", "weigh"), "--judge-args: there is no second model"),
        (("--judge-model", "x", "--judge-engine", "nope", "--mode", "weigh"), "nope"),
        (("--mode", "weigh@wide=0"), "wide is 0; expected a whole number from 1 up"),
        (("--mode", "weigh@deep=3"), "there is nothing called 'deep' to be set"),
        (("--mode", "cot@wide=3"), "there is nothing called 'wide' to be set"),
    ],
)
def test_what_makes_no_sense_is_refused(main: Cli, weigh: tuple[str, ...], options: tuple[str, ...], said: str) -> None:
    done = main("run", *weigh, *options)
    assert (done.code, said in done.err) == (2, True), done.err


def test_the_money_of_a_judge_is_by_its_own_price(tmp_path: Path, main: Cli, weigh: tuple[str, ...]) -> None:
    assert main("run", *weigh, *JUDGE, "--mode", "direct,weigh").code == 0
    run = only(tmp_path / "results")
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\nmodels:\n  stub: {in: 1, out: 10}\n  big/judge: {in: 100, out: 1000}\n")
    done = main("report", run, "--json", "--no-page", "--no-plots", "--prices", prices)
    assert done.code == 0, done.err
    [row] = [c for c in json.loads(done.out)["costs"] if (c["mode"], c["tag"]) == ("weigh", "all")]
    records = [record for record in rows(run, "records.jsonl") if record["mode"] == "weigh"]
    expected = 0.0
    for record in records:
        second = record["judge_prompt_tokens"], record["judge_completion_tokens"]
        own = record["prompt_tokens"] - second[0], record["completion_tokens"] - second[1]
        expected += (own[0] + 10 * own[1] + 100 * second[0] + 1000 * second[1]) / 1e6
    assert row["cost_per_1000"] == pytest.approx(1000 * expected / len(records))
    prices.write_text("currency: USD\nmodels:\n  stub: {in: 1, out: 10}\n")
    told = main("report", run, "--no-page", "--no-plots", "--prices", prices, "--full")
    assert "nothing of the judge big/judge" in " ".join((told.out + told.err).split())


def test_two_judges_of_one_arm_stand_side_by_side_where_the_arms_have_names(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...]
) -> None:
    other = ("--judge-model", "other", "--judge-engine", "stub", "--judge-args", "cot=0.1")
    for judge in (JUDGE, other):
        assert main("run", *weigh, *judge, "--mode", "weigh").code == 0
    refused = main("report", *sorted((tmp_path / "results").iterdir()), "--no-page", "--no-plots")
    assert refused.code == 3
    assert "Their judges differ" in refused.err
    assert "--mode weigh@name=NAME" in refused.err
    for judge, modes in ((JUDGE, "direct,weigh@name=by-big"), (other, "weigh@name=by-other")):
        assert main("run", *weigh, *judge, "--mode", modes, "-o", tmp_path / judge[1]).code == 0
    runs = [only(tmp_path / "big" / "judge"), only(tmp_path / "other")]
    told = main("report", *runs, "--json", "--no-page", "--no-plots", "--to", tmp_path / "report")
    assert told.code == 0, told.err
    assert {row["mode"] for row in json.loads(told.out)["deltas"]} == {"by-big", "by-other"}
