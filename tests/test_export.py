"""`cotbench export`: logs of other tools and tables. What these tools make of them: test_export_others.py."""

from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import Cli, run_cli
from handmade import QUESTIONS, make_record, make_run, write_journal, write_run

from cotbench.analysis.frames import Frames
from cotbench.analysis.pairing import load_run
from cotbench.exports.columns import FRAMES, meaning
from cotbench.exports.conversations import Conversations
from cotbench.exports.formats import FORMATS
from cotbench.exports.samples import Asked, chosen
from cotbench.types import Completion

LOGS = ("inspect", "lm-eval", "every-eval-ever")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the stub under arms of one path, of several, and with a criticism."""
    folder = tmp_path_factory.mktemp("stub")
    modes = "direct,cot,self-consistency,refine"
    done = run_cli(
        "run", "--model", "stub", "--task", "sample", "--mode", modes, "--paths", "5", "--limit", "16", cwd=folder
    )
    assert done.code == 0, done.err
    return next((folder / "results").iterdir())


def asked(run: Path, *arms: str) -> list[Asked]:
    loaded = load_run(run)
    return chosen(loaded, [], arms, Conversations(loaded))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def accuracies(run: Path) -> dict[str, float]:
    frame = Frames([load_run(run)]).records
    return {str(arm): float(share) for arm, share in frame.groupby("mode")["correct"].mean().items()}


# --- what is exported -------------------------------------------------------------------------------------------------


def test_all_paths_that_vote_are_outputs_with_their_verdicts(stub: Path) -> None:
    [one] = asked(stub, "self-consistency")
    frame = Frames([load_run(stub)]).votes
    for sample in one:
        own = frame[(frame["question"] == sample.question.id) & (frame["mode"] == "self-consistency")]
        assert [output.outcome for output in sample.outputs if output.answer] == list(own["outcome"].dropna())
        assert [output.answer or "" for output in sample.outputs] == list(own["answer"].fillna(""))
        assert sum(output.decides for output in sample.outputs) == (sample.record.answer is not None)


def test_messages_are_as_sent(stub: Path) -> None:
    for one in asked(stub):
        for sample in one:
            assert sample.messages
            assert sample.messages[-1].role == "user"


def test_messages_of_a_rendered_prompt_are_believed_where_the_requests_hash_is_theirs(tmp_path: Path) -> None:
    done = run_cli("run", "--model", "demo", "--task", "demo", "--mode", "direct,cot", "--limit", "4", cwd=tmp_path)
    assert done.code == 0, done.err
    [run] = (tmp_path / "results").iterdir()
    for one in asked(run):
        for sample in one:
            assert "<assistant>" in sample.prompt
            assert [message.role for message in sample.messages] == ["user"]
            assert sample.question.text in sample.messages[0].text
    text = (run / "questions.jsonl").read_text()
    other = text.replace("How many", "How very many").replace("What", "What, then,")
    (run / "questions.jsonl").write_text(other)
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["data"]["demo"]["asked"]
    manifest["data"]["demo"].pop("fingerprint")
    (run / "manifest.json").write_text(json.dumps(manifest))
    loaded = load_run(run)
    conversations = Conversations(loaded)
    [cot] = chosen(loaded, [], ["cot"], conversations)
    assert [sample.messages for sample in cot] == [()] * 4, "what wasn't sent isn't taken for what was"
    assert conversations.unknown == 4


def _gone_on(tmp_path: Path) -> Path:
    """A reply that stated nothing, was gone on with, and then answered."""
    first = Completion(text="It is hard to say.", finish_reason="length", completion_tokens=5, prompt_tokens=3)
    then = Completion(text=" 1", begun="It is hard to say.\n\nAnswer:", finish_reason="stop", completion_tokens=2)
    row = make_record(
        question="t-0", task="t", mode="cot", outcome="correct", answer="1", gold="1", rule="contract",
        truncated=True, requests=[["a", 0], ["b", 0]], source=[1, 0],
    )  # fmt: skip
    folder = write_run(tmp_path / "r", QUESTIONS, [row])
    write_journal(folder, {("t-0", "a"): [first], ("t-0", "b"): [then]})
    raw = (folder / "journal.jsonl").read_text().splitlines()
    import zlib

    line = json.loads(raw[1])
    line.pop("crc")
    line["after"] = [["a", 0, 0]]
    order = ["v", "question", "request", "ordinal", "template", "sampling", "after", "messages", "completions"]
    body = json.dumps({name: line[name] for name in order}, separators=(",", ":")).encode()
    sealed = body[:-1] + b',"crc":"%08x"}' % zlib.crc32(body)
    (folder / "journal.jsonl").write_bytes(raw[0].encode() + b"\n" + sealed + b"\n")
    return folder


def test_a_reply_that_was_gone_on_with_is_one_output(tmp_path: Path) -> None:
    [one] = asked(_gone_on(tmp_path))
    [sample] = one
    [output] = sample.outputs
    assert output.text == "It is hard to say.\n\nAnswer: 1"
    assert (output.completed, output.cut, output.decides) == (True, True, True)
    assert output.completion_tokens == 7
    assert sample.messages[-1].text == "Asked as a.", "what was asked first"


# --- formats ----------------------------------------------------------------------------------------------------------


def test_every_log_says_the_accuracy_of_the_report(stub: Path, main: Cli, tmp_path: Path) -> None:
    expected = accuracies(stub)
    for to in LOGS:
        done = main("export", stub, "--to", to, "--output", tmp_path / to, "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["to"] == to
    found: dict[str, dict[str, float]] = {to: {} for to in LOGS}
    for path in (tmp_path / "inspect").glob("*.eval"):
        with zipfile.ZipFile(path) as log:
            header = json.loads(log.read("header.json"))
        arm = header["eval"]["task_args"]["arm"]
        found["inspect"][arm] = header["results"]["scores"][0]["metrics"]["accuracy"]["value"]
    for path in (tmp_path / "lm-eval").rglob("results_*.json"):
        row = json.loads(path.read_text())
        found["lm-eval"][row["cotbench"]["arm"]] = row["results"]["sample"]["exact_match,cotbench"]
    for path in (tmp_path / "every-eval-ever").rglob("*.json"):
        [result] = json.loads(path.read_text())["evaluation_results"]
        arm = result["generation_config"]["additional_details"]["arm"]
        found["every-eval-ever"][arm] = result["score_details"]["score"]
    for to in LOGS:
        assert found[to] == pytest.approx(expected), to


def _samples(path: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as log:
        for name in log.namelist():
            if name.startswith("samples/"):
                yield json.loads(log.read(name))


def test_an_inspect_log_holds_all_paths_the_one_that_decided_first(stub: Path, main: Cli, tmp_path: Path) -> None:
    assert main("export", stub, "--to", "inspect", "--mode", "self-consistency", "--output", tmp_path / "o").code == 0
    [path] = (tmp_path / "o").iterdir()
    run = load_run(stub)
    records = {row.question: row for row in run.records if row.mode == "self-consistency"}
    for row in _samples(path):
        record = records[row["id"]]
        assert len(row["output"]["choices"]) == 5
        assert row["scores"]["cotbench"]["value"] == ("C" if record.outcome == "correct" else "I")
        assert row["scores"]["cotbench"].get("answer") == record.answer
        assert row["metadata"]["tag_eq_question"] is ("=" in run.questions[row["id"]].text)
        first = row["output"]["choices"][0]["message"]["content"]
        assert row["output"]["completion"] == first
        assert record.answer is None or f"Answer: {record.answer}" in first


def test_an_inspect_log_keeps_thoughts_apart_and_failures_unscored(tmp_path: Path, main: Cli) -> None:
    rows = [
        make_record(question="t-0", task="t", mode="think", outcome="correct", answer="1", gold="1", rule="contract",
                    requests=[["a", 0]], prompt_tokens=3, completion_tokens=9, reasoning_tokens=6),
        make_record(question="t-1", task="t", mode="think", outcome="engine_error", answer=None, gold="1",
                    requests=[["a", 0]], error="no reply came"),
    ]  # fmt: skip
    run = write_run(tmp_path / "r", QUESTIONS, rows)
    path = Completion(text="Answer: 1", reasoning="One it is.", finish_reason="stop")
    lost = Completion(text="", finish_reason="error", error="no reply came")
    write_journal(run, {("t-0", "a"): [path], ("t-1", "a"): [lost]})
    assert main("export", run, "--to", "inspect", "--output", tmp_path / "o").code == 0
    thought, failed = _samples(next((tmp_path / "o").iterdir()))
    content = thought["output"]["choices"][0]["message"]["content"]
    assert content == [{"type": "reasoning", "reasoning": "One it is."}, {"type": "text", "text": "Answer: 1"}]
    usage = {"input_tokens": 3, "output_tokens": 9, "reasoning_tokens": 6, "total_tokens": 12}
    assert thought["output"]["usage"] == usage
    assert failed["scores"] == {}
    assert failed["error"]["message"] == "no reply came"
    for to in ("lm-eval", "every-eval-ever"):
        done = main("export", run, "--to", to, "--output", tmp_path / to)
        assert done.code == 0
        assert "left out: 1 engine_error" in done.out, "nothing is lost in silence"
        [file] = (tmp_path / to).rglob("*samples*.jsonl")
        [row] = lines(file)
        if to == "lm-eval":
            assert row["resps"] == [["<think>One it is.</think>Answer: 1"]]
        else:
            assert row["output"] == {"raw": ["Answer: 1"], "reasoning_trace": ["One it is."]}
            assert row["token_usage"]["reasoning_tokens"] == 6


def test_the_samples_of_lm_eval_are_hashed_as_it_does(stub: Path, main: Cli, tmp_path: Path) -> None:
    assert main("export", stub, "--to", "lm-eval", "--output", tmp_path / "o").code == 0
    files = sorted((tmp_path / "o").rglob("samples_sample_*.jsonl"))
    assert len(files) == 4
    hashes = set()
    for file in files:
        rows = lines(file)
        hashes.add(tuple(row["doc_hash"] for row in rows))
        for row in rows:
            doc = json.dumps(row["doc"], indent=2, ensure_ascii=False)
            assert row["doc_hash"] == hashlib.sha256(doc.encode()).hexdigest()
            assert row["target_hash"] == hashlib.sha256(row["target"].encode()).hexdigest()
            arguments = row["arguments"]["gen_args_0"]
            assert row["prompt_hash"] == hashlib.sha256(arguments["arg_0"].encode()).hexdigest()
            assert {"until", "max_gen_toks", "temperature", "do_sample"} <= arguments["arg_1"].keys()
            assert set(row["metrics"]) <= row.keys()
    assert len(hashes) == 1, "the same questions have the same hashes in every arm"


def test_every_eval_ever_has_its_checksum_and_hashes(stub: Path, main: Cli, tmp_path: Path) -> None:
    assert main("export", stub, "--to", "every-eval-ever", "--mode", "cot", "--output", tmp_path / "o").code == 0
    [path] = (tmp_path / "o").rglob("*.json")
    aggregate = json.loads(path.read_text())
    detail = aggregate["detailed_evaluation_results"]
    samples = tmp_path / "o" / detail["file_path"]
    assert samples.name == f"{path.stem}_samples.jsonl"
    assert hashlib.sha256(samples.read_bytes()).hexdigest() == detail["checksum"]
    rows = lines(samples)
    assert detail["total_rows"] == len(rows)
    for row in rows:
        content = {"raw": row["input"]["raw"], "reference": row["input"]["reference"]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert row["sample_hash"] == hashlib.sha256(text.encode()).hexdigest()
        assert row["evaluation_id"] == aggregate["evaluation_id"]
        assert row["evaluation_result_id"] == aggregate["evaluation_results"][0]["evaluation_result_id"]


def test_the_same_run_is_exported_as_the_same_bytes(stub: Path, main: Cli, tmp_path: Path) -> None:
    for to in (*LOGS, "csv"):
        content = []
        for number in (1, 2):
            folder = tmp_path / f"{to}{number}"
            assert main("export", stub, "--to", to, "--output", folder).code == 0
            content.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
        assert content[0] == content[1], to


def test_tables_are_the_frames(stub: Path, main: Cli, tmp_path: Path) -> None:
    frames = Frames([load_run(stub)])
    for to in ("parquet", "csv"):
        assert main("export", stub, "--to", to, "--output", tmp_path / to).code == 0
    for name in ("questions", "records", "votes", "nodes", "executions"):
        whole = getattr(frames, name)
        read = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        assert list(read.columns) == list(whole.columns)
        assert len(read) == len(whole)
        plain = pd.read_csv(tmp_path / "csv" / f"{name}.csv")
        assert list(plain.columns) == list(whole.columns)
        assert len(plain) == len(whole)
    read = pd.read_parquet(tmp_path / "parquet" / "records.parquet")
    pd.testing.assert_series_equal(read["correct"], frames.records["correct"])
    pairs = pd.read_parquet(tmp_path / "parquet" / "pairs.parquet")
    assert set(pairs["mode"]) == {"cot", "self-consistency", "refine"}
    assert int(pairs["helped"].sum()) == sum(
        int(frames.pairs(arm)["helped"].sum()) for arm in ("cot", "self-consistency", "refine")
    )
    choices = [json.loads(text) for text in pd.read_csv(tmp_path / "csv" / "questions.csv")["choices"]]
    assert choices == [list(each) for each in frames.questions["choices"]]


def test_every_column_is_in_the_data_dictionary(stub: Path, main: Cli, tmp_path: Path) -> None:
    assert main("export", stub, "--to", "csv", "--output", tmp_path / "o").code == 0
    with (tmp_path / "o" / "columns.csv").open() as file:
        told = {(row["file"], row["column"]): row["meaning"] for row in csv.DictReader(file)}
    for name in ("questions", *FRAMES):
        for column in pd.read_csv(tmp_path / "o" / f"{name}.csv").columns:
            assert told[f"{name}.csv", column], (name, column)
    assert meaning("records", "feature_hops") == "what the data say of the question: hops"


def test_only_what_is_asked_for(stub: Path, main: Cli, tmp_path: Path) -> None:
    assert main("export", stub, "--to", "csv", "--mode", "cot,refine", "--output", tmp_path / "o").code == 0
    assert set(pd.read_csv(tmp_path / "o" / "records.csv")["mode"]) == {"cot", "refine"}
    assert set(pd.read_csv(tmp_path / "o" / "outputs.csv")["mode"]) == {"cot", "refine"}


def test_what_no_file_can_hold_becomes_an_escape(tmp_path: Path, main: Cli) -> None:
    row = make_record(question="t-0", task="t", mode="cot", outcome="correct", answer="1", gold="1",
                      rule="contract", requests=[["a", 0]])  # fmt: skip
    run = write_run(tmp_path / "r", QUESTIONS, [row])
    write_journal(run, {("t-0", "a"): [Completion(text="\ud800 Answer: 1", finish_reason="stop")]})
    for to in FORMATS:
        done = main("export", run, "--to", to, "--output", tmp_path / to)
        assert done.code == 0, (to, done.err)
        for path in (tmp_path / to).rglob("*"):
            if path.suffix in (".json", ".jsonl", ".csv"):
                path.read_text(encoding="utf-8")


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_errors_say_what_to_do(stub: Path, main: Cli, tmp_path: Path) -> None:
    for arguments, code, words in (
        ((), 2, "--to: expected inspect, lm-eval"),
        (("--to", "inspct"), 2, "Did you mean 'inspect'?"),
        (("--to", "inspect", "--mode", "tot"), 2, "this run has no 'tot'"),
        (("--to", "inspect", "--task", "gsm8k"), 2, "this run has no 'gsm8k'. It has: sample."),
        (("--to", "inspect", "--keep", "all"), 2, "--keep: isn't about --to inspect"),
        (("--to", "sft", "--keep", "most"), 2, "--keep"),
    ):
        done = main("export", stub, *arguments, "--output", tmp_path / "o")
        assert (done.code, words in done.err) == (code, True), done.err
        assert not (tmp_path / "o").exists()


def test_nothing_is_overwritten_unless_asked(stub: Path, main: Cli, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("mine")
    done = main("export", stub, "--to", "csv", "--output", tmp_path / "o")
    assert done.code == 2
    assert "holds files already" in done.err
    assert "--force" in done.err
    assert main("export", stub, "--to", "csv", "--output", tmp_path / "o", "--force").code == 0
    assert (tmp_path / "o" / "mine.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    done = main("export", stub, "--to", "csv", "--output", tmp_path / "file")
    assert (done.code, "is no folder" in done.err) == (2, True)


def test_a_run_that_goes_on_says_so_and_an_empty_one_has_nothing(tmp_path: Path, main: Cli) -> None:
    run = make_run(tmp_path / "r", {"direct": "cwcw------", "cot": "cc--------"})
    write_journal(run, {})
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "status": "interrupted"}))
    done = main("export", run, "--to", "csv", "--output", tmp_path / "o")
    assert done.code == 0
    assert "Note: r is not finished: the 6 answers that are on record so far are exported." in done.err
    (run / "records.jsonl").write_bytes(b"")
    done = main("export", run, "--to", "csv", "--output", tmp_path / "p")
    assert done.code == 3
    assert "there is nothing to export" in done.err


def test_a_lost_reply_is_an_error(tmp_path: Path, main: Cli) -> None:
    row = make_record(question="t-0", task="t", mode="cot", outcome="wrong", answer="1", gold="2",
                      rule="contract", requests=[["a", 0]])  # fmt: skip
    run = write_run(tmp_path / "r", QUESTIONS, [row])
    done = main("export", run, "--to", "inspect", "--output", tmp_path / "o")
    assert done.code == 3
    assert "its journal lacks a reply to t-0 under cot" in done.err
    assert not list((tmp_path / "o").glob("*")), "no half of a log is left"


def test_completion_offers_every_format() -> None:
    from cotbench.cli.exporting import TO

    assert tuple(FORMATS) == TO
