"""Logs of Inspect: zip and JSON, whole and crashed, read on demand, each fault with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_logs import header, inspect_members, inspect_sample, zipped

from cotbench.errors import DataError
from cotbench.logs import inspect_logs
from cotbench.logs.formats import FORMATS, ReadOptions
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.types import Completion, Message


def read(path: Path, task: str = "") -> Log:
    [log] = inspect_logs.read(path, ReadOptions(task=task))
    return log


def one(tmp_path: Path, **changes: Any) -> Sample:
    """The sample of a log of one epoch."""
    members = {"header.json": header(), "samples/1_epoch_1.json": inspect_sample(1, **changes)}
    [sample] = read(zipped(tmp_path / "one.eval", members)).samples(None)
    return sample


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_zip_is_read_whatever_packs_it(tmp_path: Path, method: int) -> None:
    path = zipped(tmp_path / "log.eval", inspect_members(), method=method, frames=3)
    assert inspect_logs.tells(path)
    log = read(path)
    samples = list(log.samples(None))
    assert [sample.name for sample in samples] == ["2", "b/1"]  # as the data set has them
    first = samples[0]
    assert first.place == f"{path}:samples/2_epoch_1.json"
    assert first.question == "Two and 2 are?"
    assert first.choices == ("two", "three")
    assert first.target == ("A",)
    assert first.group == "sums"
    assert first.row == {"subject": "sums", "level": 3}
    assert first.messages == (
        Message(role="system", text="Be brief."),
        Message(role="user", text="Two and 2 are?"),
    )
    assert first.outputs == (
        Completion(
            text="ANSWER:\nA",
            finish_reason="stop",
            reasoning="thought 1",
            prompt_tokens=15,
            completion_tokens=20,
            reasoning_tokens=7,
        ),
        Completion(
            text="ANSWER:\nB",
            finish_reason="stop",
            reasoning="thought 2",
            prompt_tokens=15,
            completion_tokens=20,
            reasoning_tokens=7,
        ),
    )
    assert first.readings == {
        "choice": Theirs(metric="accuracy", scores=(1.0, 0.0), answers=("A", "B")),
        "judge/style": Theirs(metric="mean", scores=(0.5, 0.5), answers=(None, None)),
        "judge/tone": Theirs(metric="score", scores=(None, None), answers=(None, None)),
    }
    assert list(log.samples(None)) == samples  # anew each time


def test_what_a_log_says_of_itself(tmp_path: Path) -> None:
    log = read(zipped(tmp_path / "log.eval", inspect_members()))
    assert (log.format, log.version, log.task, log.model) == ("inspect", "0.3.285", "sums/letters", "acme/one")
    assert log.format in FORMATS
    assert (log.dataset, log.date, log.kind) == ("acme/sums", "2026-03-01T10:00:00+00:00", "letter")
    assert log.sampling == {"max_tokens": 64, "temperature": 0.5, "stop": ["END"], "n": 2}
    assert log.model_args == {"device": "cpu"}
    assert log.arm == {
        "subset": "easy",
        "chain_of_thought": True,
        "solvers": "system_message + multiple_choice",
        "system_message.template": "Be brief.",
        "multiple_choice.cot": True,
        "reasoning_effort": "low",
    }
    assert list(log.figures) == [
        Figure(name="accuracy", value=0.75, reading="choice", stderr=0.1),
        Figure(name="mean", value=0.5, reading="judge/style"),
    ]
    assert not log.notes


def test_a_json_log_says_the_same(tmp_path: Path) -> None:
    members = inspect_members()
    samples = [value for name, value in members.items() if name.startswith("samples/")]
    path = tmp_path / "log.json"
    path.write_text(json.dumps(header(samples=samples)))  # with NaN, which is no JSON
    whole = [value | {"scores": {"choice": value["scores"]["choice"]}} for value in samples]
    (tmp_path / "plain.json").write_text(json.dumps(header(samples=whole)))
    assert inspect_logs.tells(path)
    zip_log, log = read(zipped(tmp_path / "log.eval", members)), read(path)
    assert (log.task, log.arm, log.sampling, log.figures) == (
        zip_log.task,
        zip_log.arm,
        zip_log.sampling,
        zip_log.figures,
    )
    for mine, theirs in zip(log.samples(None), zip_log.samples(None), strict=True):
        assert (mine.question, mine.outputs, mine.readings) == (theirs.question, theirs.outputs, theirs.readings)
    [first, _] = log.samples(None)
    assert first.place == f"{path}:samples[2]"
    plain = list(read(tmp_path / "plain.json").samples(None))
    assert [sample.outputs for sample in plain] == [sample.outputs for sample in log.samples(None)]


def test_a_run_that_crashed_leaves_what_it_had(tmp_path: Path) -> None:
    members = inspect_members()
    for name in ("header.json", "summaries.json", "samples/2_epoch_2.json"):
        del members[name]
    log = read(zipped(tmp_path / "log.eval", members))
    assert log.task == "sums/letters"
    assert not log.figures
    assert list(log.notes) == [
        "the run crashed before its log was finished: its results aren't recorded",
        "3 of 4 samples are in the log",
    ]
    assert [len(sample.outputs) for sample in log.samples(None)] == [1, 2]


def test_how_a_run_ended_is_told(tmp_path: Path) -> None:
    told = header(status="error", error={"message": "no server\nat line 1"}, version=3, invalidated=True)
    log = read(zipped(tmp_path / "log.eval", inspect_members(**{"header.json": told})))
    assert list(log.notes) == [
        "the log is of version 3, newer than 2, the last one that is known here",
        "the run ended with the status 'error': no server",
        "somebody marked samples of the log as invalid",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "stop"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "model_length"}, "length"),
        ({"stop_reason": "content_filter"}, "refused"),
        ({"stop_reason": "unknown"}, "stop"),
    ],
)
def test_why_an_output_ended(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    output = {"choices": [{"message": {"content": "A"}, **changes}]}
    assert one(tmp_path, output=output).outputs[0].finish_reason == reason


def test_a_limit_cuts_and_an_error_leaves_no_output(tmp_path: Path) -> None:
    assert one(tmp_path, limit={"type": "token", "limit": 9}).outputs[0].finish_reason == "length"
    lost = one(tmp_path, error={"message": "gone", "traceback": ""}, output={}, scores=None)
    assert (lost.outputs, lost.error, lost.readings) == ((), "gone", {})
    scored = one(tmp_path, error={"message": "gone"}, output={}, scores={"match": {"value": 0}})
    assert scored.readings == {"match": Theirs(metric="score", scores=(0.0,), answers=(None,))}
    silent = one(tmp_path, output={"choices": []}, scores=None)
    assert silent.error == "the log holds no output"


def test_an_epoch_without_an_output_keeps_its_place(tmp_path: Path) -> None:
    failed = inspect_sample(2, 1, output={}, error={"message": "gone"}, scores={})
    members = inspect_members(**{"samples/2_epoch_1.json": failed})
    first = next(iter(read(zipped(tmp_path / "log.eval", members)).samples(None)))
    assert [output.finish_reason for output in first.outputs] == ["error", "stop"]
    assert first.readings["choice"].scores == (None, 0.0)
    assert first.error == ""


def test_tokens_that_nobody_counted_are_none(tmp_path: Path) -> None:
    output = {"choices": [{"message": {"content": "A"}}], "usage": {"input_tokens": 0, "output_tokens": 0}}
    [told] = one(tmp_path, output=output, model_usage={}).outputs
    assert (told.prompt_tokens, told.completion_tokens, told.reasoning_tokens) == (None, None, None)


def test_tokens_of_several_turns_are_of_all(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "A"},
    ]
    usage = {"acme/one": {"input_tokens": 100, "output_tokens": 50}}
    sample = one(tmp_path, messages=turns, model_usage=usage)
    assert sample.outputs[0].completion_tokens == 50
    assert [message.text for message in sample.messages] == ["Well?", "5", "Sure?"]
    tools = [turns[0], turns[1], {"role": "tool", "content": "7"}, turns[3]]
    assert [message.text for message in one(tmp_path, messages=tools).messages] == ["Well?"]


def test_completions_that_were_asked_for_at_once_share_tokens(tmp_path: Path) -> None:
    choices = [{"message": {"content": letter}, "stop_reason": "stop"} for letter in "AB"]
    sample = one(tmp_path, output={"choices": choices, "usage": {"input_tokens": 3, "output_tokens": 9}})
    assert [output.completion_tokens for output in sample.outputs] == [None, None]
    assert sample.readings["choice"].scores == (1.0, None)


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        ("<think>\nhm\n</think>\n\nA", "A", "hm"),
        ("so <think>hm</think> A", "so <think>hm</think> A", ""),
        ("<think>hm", "<think>hm", ""),
        ([{"type": "reasoning", "reasoning": "x9", "redacted": True, "summary": "short"}], "", "short"),
        ([{"type": "reasoning", "reasoning": "x9", "redacted": True}, {"type": "text", "text": "A"}], "A", ""),
        ([{"type": "tool_use", "name": "web"}, {"type": "text", "text": "A"}], "A", ""),
        (None, "", ""),
    ],
)
def test_a_thought_is_told_from_the_answer(tmp_path: Path, content: Any, text: str, thought: str) -> None:
    [output] = one(tmp_path, output={"choices": [{"message": {"content": content}}]}).outputs
    assert (output.text, output.reasoning) == (text, thought)


def test_a_thought_of_early_logs_stands_beside_the_text(tmp_path: Path) -> None:
    message = {"content": "A", "reasoning": "hm"}
    [output] = one(tmp_path, output={"choices": [{"message": message}]}).outputs
    assert (output.text, output.reasoning) == ("A", "hm")


def test_questions_with_other_images_are_other_questions(tmp_path: Path) -> None:
    def asked(image: str) -> list[dict[str, Any]]:
        return [
            {"role": "system", "content": "Look."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image", "image": image}]},
        ]

    first, second = (one(tmp_path, input=asked(image)).question for image in ("data:a", "data:b"))
    assert first.startswith("What is it?\n[image ")
    assert first != second


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("C", 1.0),
        ("I", 0.0),
        ("P", 0.5),
        ("N", 0.0),
        ("yes", 1.0),
        ("False", 0.0),
        ("0.25", 0.25),
        (True, 1.0),
        (3, 3.0),
        ("maybe", None),
        (None, None),
        ("inf", None),
    ],
)
def test_scores_are_numbers_as_inspect_takes_them(tmp_path: Path, value: Any, score: float | None) -> None:
    assert one(tmp_path, scores={"s": {"value": value}}).readings["s"].scores == (score,)


def test_scores_of_logs_that_knew_one_scorer(tmp_path: Path) -> None:
    sample = one(tmp_path, scores=None, score={"value": "C", "answer": "A"})
    assert sample.readings == {"score": Theirs(metric="score", scores=(1.0,), answers=("A",))}


def test_a_sample_in_pieces(tmp_path: Path) -> None:
    shell = inspect_sample("a/1", input="attachment://1", message_refs=[[0, 2], 3])
    for key in ("messages", "attachments", "metadata"):
        del shell[key]
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "attachment://0"}]
    members = {
        "header.json": header(),
        "samples/a/1_epoch_1/sample.json": shell,
        "samples/a/1_epoch_1/messages/0.json": turns,
        "samples/a/1_epoch_1/messages/2.json": [
            {"role": "user", "content": "no"},
            {"role": "assistant", "content": "A"},
        ],
        "samples/a/1_epoch_1/attachments/0.json": ["Well?"],
        "samples/a/1_epoch_1/attachments/1.json": ["The question"],
        "samples/a/1_epoch_1/metadata.json": {"subject": "sums"},
    }
    path = zipped(tmp_path / "log.eval", members)
    [sample] = read(path).samples(None)
    assert sample.question == "The question"
    assert [message.text for message in sample.messages] == ["Be brief.", "Well?"]
    assert sample.group == "sums"
    shell["message_refs"] = [[0, 9]]
    broken = read(zipped(path, members))
    with pytest.raises(DataError, match=r"sample\.json: message_refs\[0\] is a list, expected places among 4"):
        list(broken.samples(None))


def test_faults_have_their_place_and_are_handed_on(tmp_path: Path) -> None:
    members = inspect_members(
        **{
            "samples/2_epoch_1.json": inspect_sample(2, input=5),
            "samples/c_epoch_1.json": b"{",
            "samples/d_epoch_1.json": inspect_sample("d", attachments={}),
        }
    )
    log = read(zipped(tmp_path / "log.eval", members))
    with pytest.raises(DataError, match=r"log\.eval:samples/2_epoch_1\.json: input is 5, expected a text"):
        list(log.samples(None))
    faults: list[Exception] = []
    assert [sample.name for sample in log.samples(faults.append)] == ["b/1"]
    assert [str(fault).partition(".eval:")[2].partition("\n")[0] for fault in faults] == [
        "samples/2_epoch_1.json: input is 5, expected a text.",
        "samples/c_epoch_1.json: isn't valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
        "(char 1).",
        "samples/d_epoch_1.json: refers to the attachment aa, which isn't in it.",
    ]
    assert all("--skip-broken" in str(fault) for fault in faults)


def test_a_sample_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    samples = [inspect_sample(1, scores={}), inspect_sample(2, scores={}), inspect_sample(1, scores={})]
    path.write_text(json.dumps(header(samples=samples)))
    with pytest.raises(DataError, match=r"samples\[2\]: is sample 1 of epoch 1 again, which stands at \[0\]"):
        list(read(path).samples(None))
    faults: list[Exception] = []
    assert len(list(read(path).samples(faults.append))) == 2
    assert len(faults) == 1


@pytest.mark.parametrize("at", ["data", "checksum", "header", "tail", "method"])
def test_a_damaged_zip_is_told(tmp_path: Path, at: str) -> None:
    path = zipped(tmp_path / "log.eval", {"header.json": header(), "samples/1_epoch_1.json": inspect_sample(1)})
    data = bytearray(path.read_bytes())
    name = data.index(b"samples/1_epoch_1.json")
    entry = data.rindex(b"samples/1_epoch_1.json")
    if at == "data":
        data[name + 60] ^= 0xFF
    elif at == "checksum":
        data[entry - 30] ^= 0xFF
    elif at == "header":
        data[name - 30] ^= 0xFF
    elif at == "method":
        data[entry - 36] = 14
    else:
        del data[-30:]
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        list(read(path).samples(None))
    assert "log.eval" in caught.value.message
    assert caught.value.hint


def test_without_zstd_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "log.eval", inspect_members())
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DataError, match="packed by zstd") as caught:
        read(path)
    assert caught.value.hint == "Install it: pip install pyarrow."


def test_a_folder_has_a_log_for_each_file(tmp_path: Path) -> None:
    zipped(tmp_path / "a.eval", inspect_members())
    other = header()
    other["eval"] = other["eval"] | {"task": "sums/numbers"}
    (tmp_path / "b.json").write_text(json.dumps(other | {"samples": []}))
    (tmp_path / "c.json").write_text("{}")
    assert inspect_logs.tells(tmp_path)
    assert [log.task for log in inspect_logs.read(tmp_path, ReadOptions())] == ["sums/letters", "sums/numbers"]
    assert read(tmp_path, "numbers").task == "sums/numbers"
    with pytest.raises(DataError, match="no log of the task number") as caught:
        read(tmp_path, "number")
    assert caught.value.hint == "Did you mean 'sums/numbers'?"
    with pytest.raises(DataError, match="holds no log of Inspect"):
        inspect_logs.read(tmp_path / "..", ReadOptions())


def test_several_letters_may_be_right(tmp_path: Path) -> None:
    told = header()
    told["plan"]["steps"][1]["params"]["multiple_correct"] = True
    members = inspect_members(**{"header.json": told})
    assert read(zipped(tmp_path / "log.eval", members)).kind == "letters"


@pytest.mark.parametrize(
    ("steps", "cot"),
    [
        ([("chain_of_thought", {})], True),
        ([("multiple_choice", {})], False),
        ([("multiple_choice", {"cot": False})], False),
        ([("multiple_choice", {"template": "{question}"})], None),
        ([("generate", {})], None),
    ],
)
def test_whether_a_chain_of_thought_was_asked_for(tmp_path: Path, steps: list[Any], cot: bool | None) -> None:
    plan = {"steps": [{"solver": name, "params": params} for name, params in steps]}
    log = read(zipped(tmp_path / "log.eval", inspect_members(**{"header.json": header(plan=plan)})))
    assert log.arm.get("chain_of_thought") is cot


def test_of_a_log_of_ours_the_solver_is_the_arm_and_said_once(tmp_path: Path) -> None:
    plan = {"steps": [{"solver": "direct@answer=begun", "params": {"answer": "begun"}}]}
    told = header(plan=plan)
    told["eval"]["task_args"] = {"arm": "direct@answer=begun", "answer": "begun", "num_fewshot": 0}
    arm = read(zipped(tmp_path / "log.eval", inspect_members(**{"header.json": told}))).arm
    assert (arm["arm"], arm["answer"]) == ("direct@answer=begun", "begun")
    assert not [name for name in arm if name == "solvers" or name.startswith("direct@")]
