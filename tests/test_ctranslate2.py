"""The CTranslate2 engine beyond the contract of all engines: what it takes for a model, and what it says of others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotbench.demo import MODEL
from cotbench.engines import EngineConfig, ctranslate2, open_engine
from cotbench.engines.chat import ChatFormat
from cotbench.engines.tokens import FolderTokenizer
from cotbench.errors import CotbenchError
from cotbench.types import Key, Message, Reply, Request, Sampling

ASKED = "a = 4. b = a + 3. c = b - 2. d = c * 2. What is d?\nThink step by step, then give the answer line."


def request(**more: Any) -> Request:
    return Request(messages=(Message(role="user", text=ASKED),), sampling=Sampling(**{"max_tokens": 64, **more}))


def answer(engine: Any, asked: Request, question: str = "q") -> Reply:
    engine.submit(Key(question, asked.hash, 0, 0), asked)
    [(_, reply)] = engine.poll()
    return reply


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    """A model as ct2-transformers-converter leaves it with --copy_files: everything in one folder."""
    folder = tmp_path / "converted"
    shutil.copytree(MODEL / "ctranslate2", folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(MODEL / name, folder)
    return folder


def test_a_folder_of_the_converter(converted: Path) -> None:
    engine = open_engine("ctranslate2", EngineConfig(model=str(converted)))
    shipped = open_engine("ctranslate2", EngineConfig(model="demo"))
    assert answer(engine, request()) == answer(shipped, request())
    info = engine.describe()
    assert info.revision.startswith("files:")
    assert info.revision != shipped.describe().revision, "whose tokenizer has other files beside it"
    assert (info.dtype, info.device, info.max_model_len, info.chat_template) == ("float32", "cpu", 1024, "model")
    assert engine.preview(request()) == f"<bos><user>{ASKED}<end><assistant>"


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_file_that_is_missing(converted: Path, name: str) -> None:
    (converted / name).unlink()
    with pytest.raises(CotbenchError, match=name) as caught:
        open_engine("ctranslate2", EngineConfig(model=str(converted)))
    assert caught.value.exit_code == 3
    assert "tokenizer.json" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "content"), [("model.bin", b"\x00" * 64), ("tokenizer.json", b"{}"), ("tokenizer.json", b"\xff")]
)
def test_a_file_that_is_broken(converted: Path, name: str, content: bytes) -> None:
    (converted / name).write_bytes(content)
    with pytest.raises(CotbenchError, match=r"can't be (loaded|read)") as caught:
        open_engine("ctranslate2", EngineConfig(model=str(converted)))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"batch_size": 0}, "batch_size"),
        ({"threads": -1}, "threads"),
        ({"compute_type": "int3"}, "int3"),
        ({"hf_token": "x"}, "hf_token"),
    ],
)
def test_arguments_it_doesnt_know(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(CotbenchError, match=says):
        open_engine("ctranslate2", EngineConfig(model="demo", model_args=arguments))


def test_arguments_it_knows() -> None:
    plain = answer(open_engine("ctranslate2", EngineConfig(model="demo")), request())
    for arguments in ({"batch_size": 1}, {"threads": 2}, {"compute_type": "int8"}, {"max_model_len": 60}):
        engine = open_engine("ctranslate2", EngineConfig(model="demo", model_args=arguments))
        [path] = answer(engine, request()).completions
        if "max_model_len" in arguments:
            assert (path.finish_reason, path.prompt_tokens, path.completion_tokens) == (
                "length",
                plain.completions[0].prompt_tokens,
                60 - (path.prompt_tokens or 0),
            )
        else:
            assert path.finish_reason == "stop"
            assert path.completion_tokens == plain.completions[0].completion_tokens


def test_of_a_large_model_paths_cant_be_repeated_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "SMALL", 0)
    engine = open_engine("ctranslate2", EngineConfig(model="demo", model_args={"threads": 1}))
    assert engine.describe().lacks == ("seeds",)
    assert len(answer(engine, request(n=4, temperature=0.7)).completions) == 4


def test_a_mix_of_budgets_and_modes_comes_back_whole() -> None:
    """Requests wait in one queue, and only those alike go together."""
    engine = open_engine("ctranslate2", EngineConfig(model="demo", model_args={"batch_size": 4}))
    kinds = [request(max_tokens=5), request(), request(n=2, temperature=0.7), request(stop=("c:",)), request(n=3)]
    keys = [Key(f"q{i}", kinds[i % 5].hash, 0, 0) for i in range(25)]
    for i, key in enumerate(keys):
        engine.submit(key, kinds[i % 5])
    found: dict[Key, Reply] = {}
    while len(found) < 20:
        found.update(engine.poll())
    left = engine.cancel()  # what waits still can be taken back, and nothing else comes
    assert not engine.poll()
    assert set(found) | set(left) == set(keys)
    assert not set(found) & set(left)
    for key, reply in found.items():
        asked = next(one for one in kinds if one.hash == key.request)
        assert len(reply.completions) == asked.sampling.n
        assert all((path.completion_tokens or 0) <= asked.sampling.max_tokens for path in reply.completions)


def test_plain_text_ends_where_the_next_question_would_begin() -> None:
    engine = open_engine("ctranslate2", EngineConfig(model="demo", chat_template="none"))
    assert engine.describe().chat_template == "none"
    [path] = answer(engine, request()).completions
    assert "\nQuestion:" not in path.text
    assert engine.preview(request()).endswith("\n\nResponse:")


DROPPED = """
from cotbench.engines import EngineConfig, open_engine
from cotbench.types import Key, Message, Request, Sampling

messages = (Message(role="user", text="a = 4. What is a?"),)
asked = Request(messages=messages, sampling=Sampling(max_tokens=4, stop=("z",)))
for _ in range(100):
    engine = open_engine("ctranslate2", EngineConfig(model="demo"))
    engine.submit(Key("q", asked.hash, 0, 0), asked)
    engine.poll()
    del engine
"""


@pytest.mark.patient
def test_a_model_is_never_dropped_by_its_own_thread() -> None:
    """That would abort the process. Where what watches for stop strings holds the engine, it does so soon."""
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def with_config(converted: Path, change: dict[str, Any]) -> FolderTokenizer:
    file = converted / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    return FolderTokenizer(converted)


def test_templates_and_tokens_in_the_forms_that_models_have_them(converted: Path) -> None:
    (converted / "chat_template.jinja").unlink()
    named = [
        {"name": "tool_use", "template": "no"},
        {"name": "default", "template": "{{ bos_token }}{{ messages[0].content | tojson }}"},
    ]
    tokenizer = with_config(converted, {"chat_template": named, "bos_token": {"content": "<bos>", "lstrip": False}})
    assert tokenizer.bos_token_id == 1
    assert (
        ChatFormat(tokenizer).text(
            Request(messages=(Message(role="user", text='é "a"'),), sampling=Sampling(max_tokens=1))
        )
        == '<bos>"é \\"a\\""'
    )
    assert with_config(converted, {"chat_template": None}).chat_template is None
    none = with_config(converted, {"bos_token": None, "eos_token": None})
    assert (none.bos_token_id, none.eos_token_id) == (None, None)


def test_a_template_runs_in_a_sandbox(converted: Path) -> None:
    (converted / "chat_template.jinja").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(CotbenchError, match="template can't be used"):
        ChatFormat(FolderTokenizer(converted))
