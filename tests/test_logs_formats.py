"""Logs of HELM, OpenCompass, lighteval, Every Eval Ever, and tables of the study To CoT or not to CoT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign_logs import aggregate, helm_run, helm_state, instance, jsonl

from cotbench.errors import DataError
from cotbench.logs import every_eval_ever, helm, lighteval, opencompass, to_cot
from cotbench.logs.folders import below
from cotbench.logs.formats import FORMATS, ReadOptions
from cotbench.logs.log import Figure, Log, Sample, Theirs
from cotbench.types import Completion, Message

TIME = "2026-03-01T10-00-00.000001"
LETTERS = ("A", "B", "C", "D")


def read(tool: Any, path: Path, task: str = "") -> Log:
    [log] = tool.read(path, ReadOptions(task=task))
    assert log.format in FORMATS
    return log


def samples(tool: Any, path: Path) -> list[Sample]:
    return list(read(tool, path).samples(None))


# --- HELM -----------------------------------------------------------------------------------------------------------


def test_a_run_of_helm(tmp_path: Path) -> None:
    run = helm_run(tmp_path / "run")
    assert helm.tells(run)
    log = read(helm, run)
    assert (log.task, log.model, log.dataset, log.config) == ("sums:subject=small", "acme/one", "SumsScenario", "small")
    assert (log.split, log.shots, log.kind, log.likelihoods) == ("test", 2, "letter", False)
    assert log.sampling == {"max_tokens": 4, "temperature": 0.0, "stop": ["\n"]}
    assert log.arm == {
        "chain_of_thought": True,
        "use_chain_of_thought": "True",
        "method": "multiple_choice_joint",
        "instructions": "Answer.",
    }
    assert list(log.figures) == [Figure(name="exact_match", value=0.5, reading="exact_match")]
    assert list(log.notes) == ["1 of 2 exemplars are in the first prompt: more didn't fit"]
    first, second = log.samples(None)
    assert first.question == "Two and 0 are?"
    assert (first.choices, first.target, second.target) == (("two", "three"), ("A",), ("B",))
    assert first.messages == (Message(role="user", text="Answer.\nTwo and 0 are?"),)
    assert first.outputs == (
        Completion(text=" A", finish_reason="stop", reasoning="hm", prompt_tokens=11, completion_tokens=3),
    )
    assert second.outputs[0].finish_reason == "length"  # 4 tokens of at most 4
    assert first.readings == {"exact_match": Theirs(metric="exact_match", scores=(1.0,), answers=(None,))}


def test_helm_says_why_an_output_ended(tmp_path: Path) -> None:
    state = helm_state(1)
    state["result"]["completions"][0]["finish_reason"] = {"reason": "stop"}
    log = read(helm, helm_run(tmp_path / "run", states=[state]))
    assert not log.inferred
    [sample] = log.samples(None)
    assert sample.outputs[0].finish_reason == "stop"


def test_trials_are_repeats_and_perturbed_questions_others(tmp_path: Path) -> None:
    again = helm_state(0, train_trial_index=1)
    changed = helm_state(0)
    changed["instance"] = changed["instance"] | {"perturbation": {"name": "typos"}, "input": {"text": "Tow and 0?"}}
    two, failed = helm_state(1), helm_state(2, result={"success": False, "error": "no server", "completions": []})
    two["result"] = {"completions": [{"text": "A", "logprob": -2.0}, {"text": "B", "logprob": -1.0}]}
    found = samples(helm, helm_run(tmp_path / "run", states=[helm_state(0), two, changed, again, failed]))
    assert [(sample.name, len(sample.outputs)) for sample in found] == [
        ("id0", 2),
        ("id1", 2),
        ("id0 typos", 1),
        ("id2", 0),
    ]
    assert found[0].readings["exact_match"].scores == (1.0, None)  # there are no statistics of the second trial
    assert found[1].readings["exact_match"].scores == (None, 0.0)  # HELM grades the likelier one
    assert found[3].error == "no server"


def test_options_that_were_scored_one_by_one(tmp_path: Path) -> None:
    states = [
        helm_state(0, reference_index=at, output_mapping=None, result={"completions": [{"text": "", "logprob": value}]})
        for at, value in enumerate((-3.0, -1.0))
    ]
    log = read(helm, helm_run(tmp_path / "run", "multiple_choice_separate_original", states=states))
    assert (log.likelihoods, log.kind, log.sampling) == (True, "letter", {})
    [sample] = log.samples(None)
    assert (sample.choices, sample.target) == (("two", "three"), ("A",))
    assert sample.outputs == (Completion(text="B", finish_reason="stop", options={"A": -3.0, "B": -1.0}),)


def test_figures_of_several_splits_are_of_none_of_the_log(tmp_path: Path) -> None:
    stats = [{"name": {"name": "num_instances", "split": name}, "mean": 1.0} for name in ("test", "valid")]
    stats.append({"name": {"name": "exact_match", "split": "test"}, "mean": 1.0})
    log = read(helm, helm_run(tmp_path / "run", **{"stats.json": stats}))
    assert not log.figures
    assert "its questions are of 2 splits, test (1), valid (1), and HELM's figures of each by itself" in log.notes


def test_what_helm_hid_is_said(tmp_path: Path) -> None:
    state = helm_state(0)
    state["instance"]["input"]["text"] = "[encrypted_text_12]"
    with pytest.raises(DataError, match=r"request_states\[0\]: its texts are encrypted") as caught:
        samples(helm, helm_run(tmp_path / "run", states=[state]))
    assert "decrypt" in caught.value.hint


def test_a_folder_of_runs(tmp_path: Path) -> None:
    helm_run(tmp_path / "suite" / "one")
    helm_run(tmp_path / "suite" / "two", **{"per_instance_stats.json": None, "stats.json": None})
    logs = helm.read(tmp_path / "suite", ReadOptions(task="sums"))
    assert [log.path.name for log in logs] == ["one", "two"]
    assert "what HELM made of each output isn't recorded" in " ".join(logs[1].notes)
    assert [len(list(log.samples(None))) for log in logs] == [2, 2]
    with pytest.raises(DataError, match="holds no log of HELM"):
        helm.read(tmp_path, ReadOptions())


# --- OpenCompass ----------------------------------------------------------------------------------------------------


def said(question: str, instruction: str = "Think.") -> list[dict[str, str]]:
    return [{"role": "HUMAN", "prompt": f"{instruction}\nQuestion: {question}\nAnswer:"}]


def predictions(folder: Path, name: str, entries: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(entries, indent=4))
    return path


def test_predictions_and_their_results(tmp_path: Path) -> None:
    entries = {
        "0": {"origin_prompt": said("one?"), "prediction": "hm</think>\n\n1", "gold": "1", "res_length": 5},
        "1": {"origin_prompt": said("two?"), "prediction": "3", "gold": ["2", "two"]},
    }
    path = predictions(tmp_path / "predictions" / "acme", "sums", entries)
    details = {"type": "GEN", "0": {"predictions": "1", "correct": True}, "1": {"predictions": "3", "correct": False}}
    predictions(tmp_path / "results" / "acme", "sums", {"accuracy": 50.0, "details": details})
    assert opencompass.tells(path)
    assert opencompass.tells(tmp_path)
    log = read(opencompass, path)
    assert (log.task, log.model, log.shots, log.kind) == ("sums", "acme", None, "")
    assert list(log.figures) == [Figure(name="accuracy", value=50.0, reading="details")]
    assert set(log.inferred) == {"model", "question", "finish_reason"}
    first, second = log.samples(None)
    assert first.place == f"{path}:0"
    assert (first.question, second.question) == ("Question: one?", "Question: two?")
    assert first.outputs == (Completion(text="1", finish_reason="stop", reasoning="hm", completion_tokens=5),)
    assert (first.target, second.target) == (("1",), ("2", "two"))
    assert first.messages == (Message(role="user", text="Think.\nQuestion: one?\nAnswer:"),)
    assert second.readings == {"details": Theirs(metric="accuracy", scores=(0.0,), answers=("3",))}


def test_the_same_question_under_another_instruction_is_the_same(tmp_path: Path) -> None:
    texts = [f"What are {number} and {number}?" for number in range(12)]
    first, second = (
        predictions(
            tmp_path / arm,
            "sums",
            {str(at): {"origin_prompt": said(text, arm), "prediction": "1"} for at, text in enumerate(texts)},
        )
        for arm in ("Answer at once.", "Think.\nExample: 1 + 1 = 2")
    )
    asked = [[sample.question for sample in samples(opencompass, path)] for path in (first, second)]
    assert asked[0] == asked[1] == [f"Question: {text}" for text in texts]


def test_pieces_of_a_data_set_are_one_log(tmp_path: Path) -> None:
    folder = tmp_path / "predictions" / "acme"
    for piece in range(2):
        entries = {str(at): {"origin_prompt": f"{piece}{at}?", "prediction": "1", "gold": 7} for at in range(2)}
        predictions(folder, f"sums_{piece}", entries)
    predictions(folder, "words_0", {"0": {"origin_prompt": "?", "prediction": ["1", "2"]}})
    logs = opencompass.read(tmp_path, ReadOptions())
    assert [log.task for log in logs] == ["sums", "words"]
    found = list(logs[0].samples(None))
    assert [sample.name for sample in found] == ["0", "1", "2", "3"]
    assert found[2].place.endswith("sums_1.json:0")
    assert found[0].target == ("7",)
    [words] = logs[1].samples(None)
    assert [output.text for output in words.outputs] == ["1", "2"]


def test_rounds_over_a_data_set_are_repeats(tmp_path: Path) -> None:
    entries = {
        str(number): {"origin_prompt": f"{number % 2}?", "prediction": str(number), "gold": "0"} for number in range(6)
    }
    path = predictions(tmp_path / "predictions" / "acme", "sums", entries)
    details = [{"correct": number < 3, "pred": "x"} for number in range(6)]
    predictions(tmp_path / "results" / "acme", "sums", {"accuracy": 50.0, "details": details})
    found = samples(opencompass, path)
    assert [[output.text for output in sample.outputs] for sample in found] == [["0", "2", "4"], ["1", "3", "5"]]
    assert found[0].readings["details"].scores == (1.0, 1.0, 0.0)
    entries["6"] = entries["0"]  # no round more, but a question that stands once more than others
    predictions(tmp_path / "predictions" / "acme", "sums", entries)
    assert len(samples(opencompass, path)) == 7


def test_options_by_their_perplexity(tmp_path: Path) -> None:
    entry = {"origin_prompt": "?", "label: A": {"PPL": 3.0}, "label: B": {"PPL": 2.0}, "prediction": "B", "gold": "A"}
    log = read(opencompass, predictions(tmp_path, "sums", {"0": entry}))
    assert (log.likelihoods, log.kind) == (True, "letter")
    [sample] = log.samples(None)
    assert (sample.choices, sample.target, sample.outputs[0].text) == (("A", "B"), ("A",), "B")


def test_lines_of_predictions(tmp_path: Path) -> None:
    rows = [
        {"id": 4, "success": True, "origin_prompt": "one?", "prediction": "1", "gold": "1"},
        {"id": 5, "success": False, "origin_prompt": "two?", "prediction": "", "error_info": "no server"},
    ]
    path = jsonl(tmp_path / "sums.jsonl", *rows)
    assert opencompass.tells(path)
    first, second = samples(opencompass, path)
    assert (first.place, first.name) == (f"{path}:1", "4")
    assert (second.outputs, second.error) == ((), "no server")


def test_conversations_of_opencompass_are_refused(tmp_path: Path) -> None:
    entry = {"origin_prompt": [said("one?"), said("two?")], "prediction": ["1", "2"], "gold": ["1", "2"]}
    path = predictions(tmp_path, "sums", {"0": entry})
    assert "conversations of several rounds: they aren't read" in read(opencompass, path).notes
    with pytest.raises(DataError, match=r"sums\.json:0: is a conversation of 2 rounds, expected one question"):
        samples(opencompass, path)


# --- lighteval ------------------------------------------------------------------------------------------------------


def details(folder: Path, task: str, rows: Sequence[dict[str, Any]]) -> Path:
    folder = folder / "details" / "acme" / "one" / TIME
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"details_{task}_{TIME}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def detail(at: int, **response: Any) -> dict[str, Any]:
    doc = {
        "query": f"Question: {at}?",
        "choices": [f" {at}"],
        "gold_index": [0],
        "id": str(at),
        "sampling_methods": ["GENERATIVE"],
        "generation_size": 3,
        "num_samples": 2,
        "stop_sequences": ["Q:"],
        "instruction": "Answer.",
        "specific": {"subject": "sums"},
    }
    answer = {
        "input": f"Answer.\nQuestion: {at}?",
        "input_tokens": [1, 2],
        "text": [f"<think>hm</think>\n{at}", "5"],
        "text_post_processed": [f"{at}", "5"],
        "output_tokens": [[1, 2, 3, 4], [1]],
        "reasonings": [None, None],
        "logprobs": [],
    }
    return {"doc": doc, "model_response": answer | response, "metric": {"match": float(at == 0), "note": None}}


def results(folder: Path, named: str) -> None:
    path = folder / "results" / "acme" / "one"
    path.mkdir(parents=True)
    told = {
        "config_general": {
            "lighteval_sha": "0123456789abcdef",
            "model_config": {
                "model_name": "acme/one",
                "revision": "main",
                "dtype": "float16",
                "generation_parameters": {"temperature": 0.6, "max_new_tokens": 4, "top_p": None},
            },
        },
        "results": {named: {"match": 0.5, "match_stderr": 0.1}, "all": {"match": 0.9}},
        "config_tasks": {
            named: {"hf_repo": "acme/sums", "hf_subset": "main", "evaluation_splits": ["test"], "num_fewshots": 0}
        },
    }
    (path / f"results_{TIME}.json").write_text(json.dumps(told))


def test_details_of_lighteval(tmp_path: Path) -> None:
    path = details(tmp_path, "sums:small|5", [detail(0), detail(1)])
    results(tmp_path, "sums:small|5")
    assert lighteval.tells(path)
    assert lighteval.tells(tmp_path)
    log = read(lighteval, tmp_path, "sums")
    assert (log.task, log.model, log.revision, log.version) == ("sums:small", "acme/one", "main", "0123456789ab")
    assert (log.dataset, log.config, log.split, log.shots) == ("acme/sums", "main", "test", 5)
    assert log.sampling == {"max_tokens": 4, "temperature": 0.6, "stop": ["Q:"], "n": 2}
    assert log.arm == {"instruction": "Answer."}
    assert list(log.figures) == [Figure(name="match", value=0.5, reading="match", stderr=0.1)]
    first, _ = log.samples(None)
    assert first.place == f"{path}:0"
    assert (first.question, first.target, first.group, first.choices) == ("Question: 0?", ("0",), "sums", ())
    assert first.messages == (Message(role="user", text="Answer.\nQuestion: 0?"),)
    assert first.outputs == (
        Completion(text="0", finish_reason="length", reasoning="hm", prompt_tokens=2, completion_tokens=4),
        Completion(text="5", finish_reason="stop", prompt_tokens=2, completion_tokens=1),
    )
    assert first.readings == {"match": Theirs(metric="match", scores=(1.0,))}


def test_thoughts_of_lighteval_that_stand_apart(tmp_path: Path) -> None:
    [sample] = samples(lighteval, details(tmp_path, "sums", [detail(0, reasonings=["deep", None])]))
    assert sample.outputs[0].reasoning == "deep"
    assert sample.outputs[0].text == "<think>hm</think>\n0"


def test_options_by_their_likelihood(tmp_path: Path) -> None:
    row = detail(0, text=[], logprobs=[-2.0, -1.0])
    row["doc"] |= {"choices": [" yes", " no"], "sampling_methods": ["LOGPROBS"]}
    log = read(lighteval, details(tmp_path, "sums|0", [row]))
    assert (log.likelihoods, log.kind, log.shots) == (True, "letter", 0)
    assert log.notes == ["no results_*.json found: the model's settings aren't recorded"]
    [sample] = log.samples(None)
    assert (sample.choices, sample.target) == (("yes", "no"), ("A",))
    assert sample.outputs == (Completion(text="B", finish_reason="stop", options={"A": -2.0, "B": -1.0}),)


def test_options_of_which_only_letters_are_told(tmp_path: Path) -> None:
    row = detail(0)
    row["doc"] |= {"choices": list(LETTERS), "gold_index": [2]}
    log = read(lighteval, details(tmp_path, "sums|0", [row]))
    [sample] = log.samples(None)
    assert (log.kind, sample.choices, sample.target) == ("letter", LETTERS, ("C",))


def test_a_place_of_gold_that_isnt_there(tmp_path: Path) -> None:
    row = detail(0)
    row["doc"] |= {"gold_index": [3]}
    with pytest.raises(DataError, match=r"parquet:0: doc\.gold_index is a list, expected places among 1 choices"):
        samples(lighteval, details(tmp_path, "sums|0", [row]))


# --- Every Eval Ever ------------------------------------------------------------------------------------------------


def test_instances_and_their_aggregate(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a1_samples.jsonl", instance("q1"), instance("q2", evaluation={"score": 0.0}))
    (tmp_path / "a1.json").write_text(json.dumps(aggregate()))
    assert every_eval_ever.tells(path)
    log = read(every_eval_ever, path)
    assert (log.task, log.model, log.version, log.dataset) == ("sums", "acme/one", "0.3.0", "acme/sums")
    assert log.sampling == {"temperature": 0.2, "max_tokens": 512}
    assert log.shots == 0
    assert log.arm == {"reasoning": True, "num_fewshot": "0", "library": "lm_eval 0.4.9"}
    assert list(log.figures) == [Figure(name="accuracy", value=1.0, reading="sums.accuracy", stderr=0.0)]
    assert log.date == "2025-06-15T15:06:40+00:00"
    first, second = log.samples(None)
    assert (first.place, first.key, first.name) == (f"{path}:1", "hash-q1", "q1")
    assert (first.question, first.target, first.group) == ("Two and q1?", ("4",), "sums")
    assert first.messages == (Message(role="user", text="Q: Two and q1?"),)
    assert first.outputs == (
        Completion(
            text="It is 4.",
            finish_reason="stop",
            reasoning="two, three, four",
            prompt_tokens=9,
            completion_tokens=6,
            reasoning_tokens=3,
        ),
    )
    assert first.readings == {"sums.accuracy": Theirs(metric="accuracy", scores=(1.0,), answers=("4",))}
    assert second.readings["sums.accuracy"].scores == (0.0,)


def test_an_instance_of_the_first_schema(tmp_path: Path) -> None:
    row = instance(
        schema_version="0.2.0",
        evaluation_result_id=None,
        input={"raw": "Two and two?", "reference": "4", "choices": ["3", "4"]},
        output={"raw": "4", "reasoning_trace": "hm"},
    )
    [sample] = samples(every_eval_ever, jsonl(tmp_path / "a.jsonl", row))
    assert (sample.target, sample.choices) == (("4",), ("3", "4"))
    assert (sample.outputs[0].text, sample.outputs[0].reasoning) == ("4", "hm")
    assert set(sample.readings) == {"sums"}


def test_lines_of_one_question_are_repeats_or_other_results(tmp_path: Path) -> None:
    other = {"evaluation_result_id": "sums.f1", "evaluation": {"score": 0.5}}
    rows = [instance("q1"), instance("q2"), instance("q1", **other), instance("q1", output={"raw": ["5"]})]
    rows.append(instance("q2", output={"raw": ["1", "2"]}, answer_attribution=[]))
    found = samples(every_eval_ever, jsonl(tmp_path / "a.jsonl", *rows))
    assert [output.text for output in found[0].outputs] == ["It is 4.", "5"]
    assert found[0].readings["sums.accuracy"].scores == (1.0, 1.0)
    assert found[0].readings["sums.f1"].scores == (0.5,)
    assert [output.completion_tokens for output in found[1].outputs] == [6, None, None]
    assert found[1].readings["sums.accuracy"].scores == (1.0,)  # of all its outputs together


def test_conversations_end_with_the_last_reply(tmp_path: Path) -> None:
    turns = [
        {"turn_idx": 0, "role": "system", "content": "Be brief."},
        {"turn_idx": 1, "role": "user", "content": "Two and two?"},
        {"turn_idx": 2, "role": "assistant", "content": "5"},
        {"turn_idx": 3, "role": "tool", "content": "no"},
        {"turn_idx": 4, "role": "assistant", "content": "4", "reasoning_trace": "hm"},
    ]
    for key in ("messages", "interactions"):
        row = instance(interaction_type="agentic", output=None, **{key: turns})
        [sample] = samples(every_eval_ever, jsonl(tmp_path / "a.jsonl", row))
        assert [message.text for message in sample.messages] == ["Be brief.", "Two and two?"]
        assert (sample.outputs[0].text, sample.outputs[0].reasoning) == ("4", "hm")


def test_a_file_with_several_evaluations(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", instance(), instance(evaluation_name="words"), instance(model_id="acme/two"))
    logs = every_eval_ever.read(path, ReadOptions())
    assert [(log.task, log.model) for log in logs] == [
        ("sums", "acme/one"),
        ("words", "acme/one"),
        ("sums", "acme/two"),
    ]
    assert [len(list(log.samples(None))) for log in logs] == [1, 1, 1]
    assert logs[0].notes == ["no aggregate beside the instances: figures and settings aren't recorded"]


def test_an_instance_without_an_output(tmp_path: Path) -> None:
    [sample] = samples(every_eval_ever, jsonl(tmp_path / "a.jsonl", instance(output=None, error="no server")))
    assert (sample.outputs, sample.error, sample.readings) == ((), "no server", {})


# --- To CoT or not to CoT -------------------------------------------------------------------------------------------

NOT_RUN = "[invalid] - configuration was not run"


def table_row(number: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question": f"Which is {number}?",
        "answer": "None",
        "answerKey": str(number % 2 + 1),
        "choices": json.dumps({"label": ["1", "2"], "text": ["one", "two"]}),
        "additional_information": "{}",
    }
    for arm in to_cot.ARMS:
        ran = arm != "few_shot_direct"
        payload = {"max_tokens": 64, "temperature": 0.0, "choices": [{"finish_reason": "length"}]}
        payload |= {"usage": {"prompt_tokens": 9, "completion_tokens": 4}}
        row |= {
            f"{arm}_model_response": f"{arm} {number}" if ran else NOT_RUN,
            f"{arm}_parsed_model_answer": "A" if ran else NOT_RUN,
            f"{arm}_is_correct": number == 0 and ran,
            f"{arm}_answer_was_parsed": ran,
            f"{arm}_errored": False,
            f"{arm}_messages": json.dumps([{"role": "user", "content": f"{arm}?"}] if ran else NOT_RUN),
            f"{arm}_payload": json.dumps({"raw_payload": payload if ran else NOT_RUN}),
        }
    return row | changes


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_table_of_four_arms(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "Taur_CoT_Analysis_Project___acme__one-7b" / "sums"
    folder.mkdir(parents=True)
    path = folder / f"latest-00000-of-00001.{ending}"
    rows = [table_row(0), table_row(1, zero_shot_cot_answer_was_parsed=False), table_row(2, zero_shot_cot_errored=True)]
    rows[2]["zero_shot_cot_model_response"] = ""
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        jsonl(path, *rows)
    assert to_cot.tells(path)
    logs = to_cot.read(folder, ReadOptions())
    assert [log.arm["arm"] for log in logs] == ["zero_shot_direct", "zero_shot_cot", "few_shot_cot"]
    log = logs[1]
    assert (log.task, log.model, log.kind, log.shots) == ("sums", "acme/one-7b", "letter", 0)
    assert log.arm["chain_of_thought"] is True
    assert log.sampling == {"max_tokens": 64, "temperature": 0.0}
    first, second, third = log.samples(None)
    assert (first.question, first.choices, first.target) == ("Which is 0?", ("one", "two"), ("A",))
    assert second.target == ("B",)
    assert first.messages == (Message(role="user", text="zero_shot_cot?"),)
    assert first.outputs == (
        Completion(text="zero_shot_cot 0", finish_reason="length", prompt_tokens=9, completion_tokens=4),
    )
    assert first.readings == {"parsed": Theirs(metric="is_correct", scores=(1.0,), answers=("A",))}
    assert second.readings["parsed"].answers == (None,)
    assert third.error == "the request failed"


def test_gold_of_questions_without_options(tmp_path: Path) -> None:
    row = table_row(0, choices="{}", answerKey="None", answer="42")
    log = to_cot.read(jsonl(tmp_path / "sums.jsonl", row), ReadOptions())[0]
    assert (log.task, log.kind) == ("sums", "")
    [sample] = log.samples(None)
    assert (sample.target, sample.choices) == (("42",), ())


def test_folders_are_looked_into(tmp_path: Path) -> None:
    inner = tmp_path / "data" / "sums" / "acme" / "one"
    inner.mkdir(parents=True)
    jsonl(inner / "a_samples.jsonl", instance())
    (tmp_path / "loop").symlink_to(tmp_path)
    assert every_eval_ever.tells(tmp_path)
    assert len(every_eval_ever.read(tmp_path, ReadOptions())) == 1
    jsonl(tmp_path / "data" / "table.jsonl", table_row(0))
    assert to_cot.tells(tmp_path)
    assert len(to_cot.read(tmp_path, ReadOptions())) == 3
    assert not lighteval.tells(tmp_path)


def test_a_glance_at_a_folder_ends(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}" / "a.jsonl").write_text("")
    assert len(list(below(tmp_path, ".jsonl"))) == 30
    assert len(list(below(tmp_path, ".jsonl", 33))) == 4
