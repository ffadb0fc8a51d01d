"""The journal: what was written is found again, what was damaged is told from it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cotbench.errors import RunError
from cotbench.store.journal import JOURNAL, Journal, read_journal
from cotbench.store.lines import dump_line, fault_of, load_line
from cotbench.store.lock import RunLock
from cotbench.store.lookup import find_run
from cotbench.store.manifest import MANIFEST, Manifest, RunSpec, read_manifest
from cotbench.store.records import VoteRow
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling, request_seed

REQUEST = Request(messages=(Message(role="user", text="What is 2 + 2?"),), sampling=Sampling(max_tokens=8))


def reply(text: str, finish: str = "stop") -> Reply:
    error = "broken" if finish == "error" else ""
    return Reply(
        completions=(Completion(text=text, finish_reason=finish, completion_tokens=1, error=error),), prompt="p"
    )  # type: ignore[arg-type]


def write(path: Path, *replies: tuple[str, Reply]) -> None:
    journal = Journal(path, read_journal(path).good_bytes)
    journal.append([(Key(question, REQUEST.hash, 0, 0), REQUEST, None, answer) for question, answer in replies])
    journal.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / JOURNAL
    write(path, ("a", reply("one")), ("b", reply("two")), ("c", reply("three")))
    return path


def test_what_was_written_is_read_back(journal: Path) -> None:
    state = read_journal(journal)
    assert {key.question: r for key, r in state.replies.items()} == {
        "a": reply("one"),
        "b": reply("two"),
        "c": reply("three"),
    }
    assert (state.damaged, state.repeated, state.good_bytes) == (0, 0, journal.stat().st_size)


def test_every_line_is_plain_json_with_what_was_sent(journal: Path) -> None:
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert rows[0]["prompt"] == "p"
    assert rows[0]["sampling"]["max_tokens"] == 8
    assert rows[0]["completions"] == [{"text": "one", "finish_reason": "stop", "completion_tokens": 1}]
    journal.unlink()
    sent = Reply(completions=reply("x").completions)
    write(journal, ("d", sent))
    assert json.loads(journal.read_text())["messages"] == [{"role": "user", "text": "What is 2 + 2?"}]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_cut_off(journal: Path, cut: int) -> None:
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size - cut)
    assert {key.question for key in read_journal(journal).replies} == {"a", "b"}
    write(journal, ("c", reply("again")))
    state = read_journal(journal)
    assert {key.question: r.completions[0].text for key, r in state.replies.items()} == {
        "a": "one",
        "b": "two",
        "c": "again",
    }
    assert state.damaged == 0


def test_a_flipped_byte_costs_that_line_only(journal: Path) -> None:
    content = bytearray(journal.read_bytes())
    place = content.index(b"two")
    content[place] ^= 1
    journal.write_bytes(content)
    state = read_journal(journal)
    assert {key.question for key in state.replies} == {"a", "c"}
    assert state.damaged == 1


def test_a_duplicated_line_counts_once(journal: Path) -> None:
    first = journal.read_bytes().splitlines(keepends=True)[0]
    journal.write_bytes(journal.read_bytes() + first)
    state = read_journal(journal)
    assert (len(state.replies), state.repeated) == (3, 1)


def test_a_failed_request_is_asked_again_and_its_success_counts(journal: Path) -> None:
    write(journal, ("d", reply("", "error")), ("e", reply("", "error")))
    assert {key.question for key in read_journal(journal).failed} == {"d", "e"}
    write(journal, ("d", reply("four")))
    state = read_journal(journal)
    assert {key.question for key in state.failed} == {"e"}
    assert state.replies[Key("d", REQUEST.hash, 0, 0)] == reply("four")


def test_lines_of_a_future_schema_are_refused(journal: Path) -> None:
    import zlib

    row = json.loads(journal.read_bytes().splitlines()[0])
    del row["crc"]
    row["v"] = 99
    body = json.dumps(row, separators=(",", ":")).encode()
    journal.write_bytes(body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body))
    with pytest.raises(RunError, match="schema 99"):
        read_journal(journal)


def test_lone_surrogates_survive() -> None:
    completion = Completion(text="broken \ud800 text", finish_reason="stop")
    assert load_line(dump_line(completion), Completion) == completion


def test_a_failed_write_leaves_no_half_line(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = journal.read_bytes()
    real = os.write
    calls = []

    def half(fd: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(RunError, match="No space left on device"):
        write(journal, ("d", reply("lost")))
    assert journal.read_bytes() == before


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    with pytest.raises(RunError, match=rf"another process \({os.getpid()}\)"):
        RunLock(tmp_path)
    lock.close()
    RunLock(tmp_path).close()


def manifest(run: str) -> Manifest:
    return Manifest(run=run, status="finished", spec_row={}, options={}, engine={}, data={})


def test_runs_are_found_by_folder_id_and_beginning(tmp_path: Path) -> None:
    for name in ("model-abc", "model-abd", "other-1"):
        (tmp_path / name).mkdir()
        manifest(name).write(tmp_path / name)
    assert find_run(str(tmp_path / "model-abc"), tmp_path).name == "model-abc"
    assert find_run("other", tmp_path).name == "other-1"
    with pytest.raises(RunError, match="may be any of model-abc, model-abd"):
        find_run("model", tmp_path)
    with pytest.raises(RunError, match="there is no run 'nothing'"):
        find_run("nothing", tmp_path)
    with pytest.raises(RunError, match=r"there is no run 'model-\*'"):  # a name, and no pattern
        find_run("model-*", tmp_path)


def test_what_is_wrong_is_said_of_the_innermost_place() -> None:
    model = {"engine": "e", "model": "m", "revision": None, "chat_template": None, "chat_template_hash": None}
    spec = {"model": model, "tasks": {"t": {"data": "d"}}, "modes": {"t/cot": {}}, "num_fewshot": 0}
    assert fault_of(spec, RunSpec) is None
    for changed, expected in (
        (spec | {"num_fewshot": True}, "num_fewshot is True, expected a whole number or null"),
        (spec | {"model": model | {"engine": ""}}, "model.engine is '', expected an engine's name"),
        (spec | {"model": {"engine": "e"}}, "model.model is missing, expected a model's name"),
        (spec | {"modes": {"t/cot": {"thinking": 1}}}, "modes.t/cot.thinking is 1, expected true, false or null"),
        (spec | {"programs": {"cpu_s": "x"}}, "programs.cpu_s is 'x', expected a number, true or false"),
        (
            spec | {"modes": {"u/cot": {}}},
            "spec.modes has 'u/cot', expected a task of this run and a mode, as 'gsm8k/cot'",
        ),
        ([], "expected an object"),
    ):
        assert fault_of(changed, RunSpec) == expected
    votes = {"answers": [{"answer": "1", "votes": 1, "outcome": "right"}], "ballots": [0], "abstained": {}, "margin": 1}
    assert str(fault_of(votes, VoteRow)).startswith("answers[0].outcome is 'right', expected one of correct, wrong")
    votes["answers"] = []
    assert fault_of(votes, VoteRow) == "ballots is [0], expected for each path the place of an answer or null"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "can't be read"),
        ("{", "can't be read"),
        ("[]", "schema"),
        ('{"schema": 99}', "found 99"),
        ('{"schema": 1}', "missing"),
    ],
)
def test_a_broken_manifest_is_one_message(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(RunError, match=message):
        read_manifest(tmp_path)


def test_request_identity() -> None:
    other_label = Request(messages=REQUEST.messages, sampling=REQUEST.sampling, template="cot")
    assert other_label.hash == REQUEST.hash
    assert other_label == REQUEST
    different = [
        Request(messages=(Message(role="user", text="What is 2 + 3?"),), sampling=REQUEST.sampling),
        Request(messages=REQUEST.messages, sampling=Sampling(max_tokens=9)),
        Request(messages=REQUEST.messages, sampling=Sampling(max_tokens=8, temperature=0.7)),
        Request(messages=REQUEST.messages, sampling=REQUEST.sampling, thinking=False),
    ]
    assert len({REQUEST.hash, *(r.hash for r in different)}) == 5


def test_seeds_depend_on_run_and_address_only() -> None:
    keys = [Key(q, r, 0, n) for q in ("q1", "q2") for r in ("r1", "r2") for n in (0, 1)]
    seeds = [request_seed(0, key) for key in keys]
    assert len(set(seeds)) == len(keys)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert request_seed(1, keys[0]) != seeds[0] == request_seed(0, keys[0])


def test_the_first_replicate_has_the_seeds_of_runs_before_there_were_any() -> None:
    first, second = Key("gsm8k-0123456789ab", "0123456789abcdef", 0, 0), Key("q", "r", 0, 1)
    assert [request_seed(0, first), request_seed(7, first)] == [1654343902, 483173319]
    assert [request_seed(0, second), request_seed(7, second)] == [196267003, 669402774]
    others = {request_seed(0, first._replace(replicate=number)) for number in range(5)}
    assert len(others) == 5
