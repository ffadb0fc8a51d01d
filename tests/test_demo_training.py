"""The training script from end to end, a few steps of it: what it writes is loaded and repeats with its seed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from cotbench.demo import MODEL
from cotbench.engines import EngineConfig, open_engine
from cotbench.types import Key, Message, Request, Sampling

pytestmark = [pytest.mark.vllm, pytest.mark.slow]  # torch, transformers and ctranslate2 are where vLLM is


def trained(folder: Path, *more: str) -> bytes:
    command = [sys.executable, str(ROOT / "tests" / "training" / "train.py"), str(folder), "--steps", "3", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("model", ["model", "thinker"], ids=["demo", "thinker"])
def test_it_writes_a_model_that_engines_load_and_a_seed_repeats(model: str, tmp_path: Path) -> None:
    shipped_model = MODEL.with_name(model)
    recipe = ("--model", "thinker") if model == "thinker" else ()
    first = trained(tmp_path / "a", "--seed", "7", *recipe)
    assert first != trained(tmp_path / "c", "--seed", "8", *recipe)
    if model == "model":  # the same code repeats the other
        assert first == trained(tmp_path / "b", "--seed", "7", *recipe)
    shipped = {path.relative_to(shipped_model) for path in shipped_model.rglob("*") if path.is_file()}
    made = {path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert made == shipped - {Path("README.md")}
    record = json.loads((tmp_path / "a" / "training.json").read_text())
    assert (record["seed"], record["steps"], record["processes"]) == (7, 3, 2)
    assert record["torch"]
    # The tokenizer is made of the generator's own texts: the same for all seeds, and the same as the shipped one.
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / "c" / name).read_bytes() == (shipped_model / name).read_bytes()
    for name in ("ctranslate2", "transformers"):
        engine = open_engine(name, EngineConfig(model=str(tmp_path / "a")))
        request = Request(messages=(Message(role="user", text="What is d?"),), sampling=Sampling(max_tokens=8))
        engine.submit(Key("q", request.hash, 0, 0), request)
        [(_, reply)] = engine.poll()
        assert reply.completions[0].completion_tokens
        engine.close()


def test_a_model_is_kept_as_it_was_on_the_way(tmp_path: Path) -> None:
    last = trained(tmp_path, "--model", "searcher", "--keep", "2")
    assert (tmp_path / "step-2" / "model.safetensors").read_bytes() != last
    engine = open_engine("ctranslate2", EngineConfig(model=str(tmp_path / "step-2")))
    request = Request(messages=(Message(role="user", text="Numbers: 3 8"),), sampling=Sampling(max_tokens=8))
    engine.submit(Key("q", request.hash, 0, 0), request)
    [(_, reply)] = engine.poll()
    assert reply.completions[0].finish_reason in ("stop", "length")
    engine.close()
