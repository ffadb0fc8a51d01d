"""What was asked once isn't asked again: a run takes the replies that earlier runs of the same model have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import MockServer, chat, fault

from cotbench.analysis.cost import busy_seconds
from cotbench.analysis.pairing import load_run
from cotbench.runs.earlier import Earlier, Source
from cotbench.store.journal import JOURNAL, Journal, JournalIndex
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.store.records import RECORDS
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

FORTY = 40


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = ({"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(FORTY))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ran(main: Cli, *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    """What `cotbench run` prints as JSON, and what it says beside."""
    done = main("run", "--quiet", "--json", *arguments)
    assert done.code == code, done.err
    return json.loads(done.out) if done.out else {}, done.err


def stub(main: Cli, sums: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    return ran(main, "--model", "stub", "--task", sums, *arguments)


def served(main: Cli, sums: Path, server: MockServer, *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    before = len(server.requests)
    result, said = ran(
        main, "--engine", "openai", "--base-url", server.url, "--model", "m", "--task", sums, *arguments, code=code
    )
    return {**result, "asked": [row.body for row in server.requests[before:]]}, said


def taken(folder: Path | str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for session in read_manifest(Path(folder)).sessions:
        found |= session.get("taken", {})
    return found


def replies(path: str, headers: Any, body: Any, seen: int) -> Any:
    return chat(*[f"It is so.\nAnswer: {place + 1}" for place in range(body.get("n", 1))])


def test_a_reply_serves_one_address_with_one_seed(main: Cli, sums: Path) -> None:
    """Not another replicate, another ordinal or another draw, and never where it failed."""
    first, _ = stub(main, sums, "--mode", "cot", "--limit", 3)
    folder = Path(first["folder"])
    request = Request(messages=(Message(role="user", text="q"),), sampling=Sampling(max_tokens=9, temperature=1.0))
    key, failing = Key("q", request.hash, 0, 0), Key("r", request.hash, 0, 0)
    reply = Reply(completions=(Completion(text="a", finish_reason="stop", completion_tokens=7),), seconds=1.5)
    failed = Reply(completions=(Completion(text="", finish_reason="error", error="no"),))
    journal = Journal(folder / JOURNAL, 0)
    journal.append([(key, request, 5, reply, (), "whose"), (failing, request, 5, failed)])
    journal.close()
    earlier = Earlier((Source(folder, read_manifest(folder)),))
    found = earlier.find(key, request, 5)
    assert found is not None
    assert (found.reply.completions, found.reply.seconds, found.run) == (reply.completions, 1.5, "whose")
    assert JournalIndex(folder / JOURNAL).told(key).seconds == 1.5
    for other, seed in (
        (key._replace(replicate=1), 5),
        (key._replace(ordinal=1), 5),
        (key, 6),
        (key, None),
        (failing, 5),
    ):
        assert earlier.find(other, request, seed) is None


def test_a_larger_limit_and_one_more_arm_ask_only_what_is_new(main: Cli, sums: Path) -> None:
    with MockServer(replies) as server:
        first, _ = served(main, sums, server, "--mode", "cot", "--limit", 10)
        asked = [body for body in first["asked"] if body.get("max_tokens") != 1]
        assert len(asked) >= 10
        second, said = served(main, sums, server, "--mode", "cot,free", "--limit", 25, "--reuse", first["run"])
        # 15 questions more of one arm, 25 of the other one; what is beyond tries the server at its opening.
        assert second["requests"] == 15 + 25
        trials = len(second["asked"]) - second["requests"]
        assert trials == len(first["asked"]) - first["requests"]
        assert f"10 of 50 requests taken from run {first['run']}; --reuse off asks anew." in said
        assert taken(second["folder"])[first["run"]]["replies"] == 10
        # Its folder is whole by itself.
        (Path(first["folder"]) / JOURNAL).unlink()
        before = Path(second["folder"], RECORDS).read_bytes()
        assert main("score", second["folder"]).code == 0
        assert Path(second["folder"], RECORDS).read_bytes() == before
        rows = [json.loads(line) for line in Path(second["folder"], JOURNAL).read_text().splitlines()]
        assert sum(row.get("whence") == first["run"] for row in rows) == 10
        assert len(rows) == 50


def test_a_servers_replies_are_taken_only_where_the_run_is_named(main: Cli, sums: Path) -> None:
    with MockServer(replies) as server:
        first, _ = served(main, sums, server, "--mode", "cot", "--limit", 5)
        second, said = served(main, sums, server, "--mode", "cot", "--limit", 6)
        assert second["requests"] == 6
        assert "taken" not in said
        told = main("run", "--engine", "openai", "--base-url", server.url, "--model", "m", "--task", sums,
                    "--mode", "cot", "--limit", 7, "--dry-run")  # fmt: skip
        assert f"--reuse {second['run']} takes its replies" in " ".join(told.out.split())
        sixth, _ = served(
            main, sums, server, "--mode", "cot", "--limit", 8, "--reuse", f"{first['run']},{second['run']}"
        )
        assert sixth["requests"] == 2


def test_another_model_is_refused(main: Cli, sums: Path) -> None:
    with MockServer(replies) as server:
        first, _ = served(main, sums, server, "--mode", "cot", "--limit", 5)
        asked = len(server.requests)
        _, said = served(
            main,
            sums,
            server,
            "--mode",
            "cot",
            "--limit",
            9,
            "--reuse",
            first["run"],
            "--extra-body",
            '{"x": 1}',
            code=2,
        )
        assert f"--reuse {first['run']}: its replies don't serve this run" in said
        assert 'model_args.extra_body: nothing -> {"x": 1}' in said
        done = main("run", "--model", "stub", "--task", sums, "--mode", "cot", "--reuse", first["run"])
        assert done.code == 2
        assert 'model.engine: "openai" -> "stub"' in done.err
        done = main("run", "--model", "stub", "--task", sums, "--mode", "cot", "--reuse", "none-such")
        assert done.code == 3
        assert "there is no run 'none-such'" in done.err
        assert sum("x" in row.body for row in server.requests[asked:]) <= 4  # trials at the opening


def test_failed_replies_never_serve(main: Cli, sums: Path) -> None:
    def mostly(path: str, headers: Any, body: Any, seen: int) -> Any:
        return fault("no", 400) if "What is 3 + 3" in json.dumps(body["messages"]) else chat("Answer: 1")

    with MockServer(mostly) as server:
        first, _ = served(main, sums, server, "--mode", "cot", code=4)
        server.script = replies
        second, _ = served(main, sums, server, "--mode", "cot,free", "--reuse", first["run"])
        assert second["requests"] == FORTY + 1
        assert taken(second["folder"])[first["run"]]["replies"] == FORTY - 1


def test_the_records_are_those_of_a_run_that_asked_all(main: Cli, sums: Path) -> None:
    modes = ("--mode", "direct,cot,self-consistency,pal")
    stub(main, sums, "--mode", "direct,self-consistency", "--limit", 12, "--paths", 5)
    with_them, said = stub(main, sums, *modes, "--paths", "self-consistency=5")
    anew, other = stub(main, sums, *modes, "--paths", "self-consistency=5", "--fresh", "--reuse", "off")
    assert "requests taken from run" in said
    assert "taken" not in other
    assert (
        with_them["requests"] + sum(row["replies"] for row in taken(with_them["folder"]).values()) == anew["requests"]
    )
    assert Path(with_them["folder"], RECORDS).read_bytes() == Path(anew["folder"], RECORDS).read_bytes()
    lines = [
        {
            json.dumps({**json.loads(line), "whence": "", "crc": ""}, sort_keys=True)
            for line in path.read_text().splitlines()
        }
        for path in (Path(row["folder"], JOURNAL) for row in (with_them, anew))
    ]
    assert lines[0] == lines[1]


def test_another_seed_takes_greedy_replies_and_no_sampled_ones(main: Cli, sums: Path) -> None:
    modes = ("--mode", "cot,self-consistency", "--paths", 3)
    with MockServer(replies) as server:
        first, _ = served(main, sums, server, *modes)
        second, _ = served(main, sums, server, *modes, "--seed", 1, "--reuse", first["run"])
        assert second["requests"] == FORTY  # those of self-consistency
        assert taken(second["folder"])[first["run"]]["replies"] == FORTY
        seeds = [{row.seed for row in JournalIndex(Path(one["folder"], JOURNAL))} for one in (first, second)]
        assert seeds[0] & seeds[1] == {None}


def test_auto_takes_nothing_of_the_stub_with_another_seed_or_shares(main: Cli, sums: Path) -> None:
    """Its replies are made of the run's seed, greedy ones too."""
    stub(main, sums, "--mode", "cot")
    for more in (("--seed", 1), ("--model-args", "cot=0.9"), ("--reuse", "off", "--limit", 30), ("--fresh",)):
        result, said = stub(main, sums, "--mode", "cot", *more)
        assert "taken" not in said
        assert result["requests"] >= 30


@pytest.mark.patient
def test_busy_seconds_are_neither_more_nor_less(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "cot", "--model-args", "in_flight=4,latency_s=0.02")
    second, _ = stub(main, sums, "--mode", "direct,cot")
    runs = [load_run(Path(one["folder"])) for one in (first, second)]
    whole, measured = busy_seconds(runs[0])
    own = runs[1].manifest.sessions[0]["busy_s"]
    both, also = busy_seconds(runs[1])
    assert measured
    assert also
    assert whole is not None
    assert both == pytest.approx(own + whole, abs=0.01)
    assert taken(second["folder"])[first["run"]]["busy_s"] == pytest.approx(whole, abs=0.01)
    # Of a third one that takes them from the second the run that asked is told, with the same seconds.
    third, _ = stub(main, sums, "--mode", "direct,cot,pal")
    assert taken(third["folder"]).keys() == {first["run"], second["run"]}
    assert sum(row["busy_s"] for row in taken(third["folder"]).values()) == pytest.approx(both, abs=0.02)


def test_what_isnt_known_of_the_seconds_stays_unknown(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "cot")
    path = Path(first["folder"], MANIFEST)
    manifest = json.loads(path.read_text())
    del manifest["sessions"][0]["busy_s"]
    path.write_text(json.dumps(manifest))
    second, _ = stub(main, sums, "--mode", "direct,cot")
    assert taken(second["folder"])[first["run"]]["busy_s"] is None
    assert busy_seconds(load_run(Path(second["folder"]))) == (None, False)


def test_a_damaged_run_gives_what_is_good(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "cot")
    path = Path(first["folder"], JOURNAL)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"completions", b"completionz")
    path.write_bytes(b"".join(lines)[:-20])  # and a torn last line
    manifest = Path(first["folder"], MANIFEST)
    manifest.write_text(manifest.read_text().replace('"status": "finished"', '"status": "running"'))
    second, _ = stub(main, sums, "--mode", "direct,cot")
    assert taken(second["folder"])[first["run"]]["replies"] == len(lines) - 2
    (Path(first["folder"]).parent / "odd").mkdir()
    (Path(first["folder"]).parent / "odd" / MANIFEST).write_text("{")
    third, _ = stub(main, sums, "--mode", "direct,cot,pal")
    assert third["requests"] >= FORTY


def test_what_is_fixed_before_the_first_token_takes_no_reply(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "direct,cot", "--limit", 20)
    _, said = stub(main, sums, "--mode", "direct,cot", "--lock", "auto")
    assert "taken" not in said
    done = main(
        "run", "--model", "stub", "--task", sums, "--mode", "direct,cot", "--lock", "auto", "--reuse", first["run"]
    )
    assert done.code == 2
    assert "--lock" in done.err


def test_a_run_that_is_reproduced_asks_again(main: Cli, sums: Path) -> None:
    before, _ = stub(main, sums, "--mode", "cot", "--limit", 5)
    first, _ = stub(main, sums, "--mode", "cot", "--reuse", before["run"])
    shutil.rmtree(before["folder"])  # its replies are in the other folder, too
    done = main("reproduce", first["folder"], "--json")
    assert done.code == 0, done.err
    assert "taken" not in done.err
    gone = main("run", "--resume", first["folder"])
    assert gone.code == 3
    assert f"--reuse: there is no run '{before['run']}'" in gone.err
    assert main("run", "--resume", first["folder"], "--reuse", "off").code == 0


def test_what_would_be_taken_is_told_before(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "cot,self-consistency", "--limit", 10)
    more = ("--mode", "direct,cot,self-consistency", "--limit", 20)
    dry = main("run", "--model", "stub", "--task", sums, *more, "--dry-run")
    known = first["requests"]  # some of them go on with replies that state no answer
    assert dry.code == 0, dry.err
    assert f"at least {known} of about 60 requests taken from run {first['run']}" in " ".join(dry.out.split())
    result, _ = stub(main, sums, *more)
    assert taken(result["folder"])[first["run"]]["replies"] == known


@pytest.mark.parametrize("text", ["", "auto,off", "a,,b"])
def test_what_reuse_cant_be(text: str, main: Cli, sums: Path) -> None:
    done = main("run", "--model", "stub", "--task", sums, "--mode", "cot", "--reuse", text)
    assert done.code == 2
    assert "--reuse: expected auto, off or runs" in done.err


def test_a_second_models_replies_are_taken_too(main: Cli, sums: Path) -> None:
    judged = ("--mode", "best-of-n", "--judge-model", "stub", "--judge-engine", "stub", "--paths", "best-of-n=2")
    first, _ = stub(main, sums, *judged, "--limit", 10)
    second, _ = stub(main, sums, *judged, "--limit", 20)
    assert taken(second["folder"])[first["run"]]["replies"] == first["requests"]
    other, _ = stub(main, sums, *judged, "--judge-args", "sure=0.9", "--limit", 20)
    by_judge = sum(row.to == "judge" for row in JournalIndex(Path(first["folder"], JOURNAL)))
    assert by_judge > 0
    assert other["requests"] >= 20  # the other judge is asked all


def test_arms_that_two_runs_have_alike_are_reported_once(main: Cli, sums: Path) -> None:
    first, _ = stub(main, sums, "--mode", "direct,cot", "--limit", 20)
    second, _ = stub(main, sums, "--mode", "direct,pal")
    done = main("report", first["folder"], second["folder"], "--json", "--no-page", "--no-plots")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    counts = {row["mode"]: row["n"] for row in report["modes"] if row["tag"] == "all"}
    assert counts == {"direct@answer=begun": 40, "cot": 20, "pal": 40}
    [note] = [note for note in report["notes"] if "whose answers are shown" in note]
    assert note == (
        f"sums by stub: {first['run']} has direct@answer=begun as {second['run']} has, whose answers are shown"
    )
    about = next(row for row in report["provenance"] if row["run"] == second["run"])
    assert about["reused"] == {first["run"]: taken(second["folder"])[first["run"]]["replies"]}


def test_runs_of_two_seeds_stand_apart(main: Cli, sums: Path) -> None:
    runs = [stub(main, sums, "--mode", "direct,self-consistency", "--paths", 3, "--seed", seed)[0] for seed in (0, 1)]
    done = main("report", *(run["folder"] for run in runs), "--json", "--no-page", "--no-plots")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert {row["model"] for row in report["modes"]} == {f"stub [{run['run']}]" for run in runs}
    assert any("kept apart, because --seed: 0 in" in note for note in report["notes"])
