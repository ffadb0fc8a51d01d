"""Sampling keys beyond temperature and top-p, and the thinking switch: what each engine makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli

from cotbench.demo import MODEL
from cotbench.engines import Engine, EngineConfig, ctranslate2, open_engine, transformers
from cotbench.engines.chat import EFFORT, ChatFormat, Encoded, variables
from cotbench.engines.sampling import KEYS
from cotbench.engines.thinking import BUDGET, LEAST
from cotbench.engines.tokens import FolderTokenizer
from cotbench.engines.vllm import VllmEngine, _Flight, _require_keys
from cotbench.errors import UsageError
from cotbench.store.manifest import MANIFEST
from cotbench.types import Completion, Key, Message, Request, Sampling

TURNS = (Message(role="user", text="a = 4. b = a + 3. What is b?\nThink step by step, then give the answer line."),)


def request(thinking: bool | None = None, **sampling: Any) -> Request:
    return Request(messages=TURNS, sampling=Sampling(**{"max_tokens": 48, **sampling}), thinking=thinking)


def has(engine: str) -> set[str]:
    return {name for name, key in KEYS.items() if engine in key.engines}


# --- requests keep their hashes -----------------------------------------------------------------------------------


def test_requests_without_other_keys_have_the_hashes_that_they_had() -> None:
    """Runs recorded before there were other keys are resumed."""
    assert request().hash == "a969e65d451add82"
    assert request(False, temperature=0.7, top_p=0.95, n=20, stop=("END",)).hash == "f92a253a1a6973f0"
    assert request(extra=(("top_k", 5),)).hash != request().hash


# --- engines ------------------------------------------------------------------------------------------------------


def test_the_table_of_keys_is_what_the_engines_map() -> None:
    ours = {EFFORT, BUDGET, LEAST}  # of the chat template, and of engines that hold the tokens
    assert has("transformers") == {*transformers._ALWAYS, *transformers._DRAWN, *ours}
    assert has("ctranslate2") == {*ctranslate2._KEYS, "top_k", *ours}
    assert has("stub") == {BUDGET, LEAST} and has("replay") == set()
    assert has("openai") >= has("vllm") - {BUDGET, LEAST}


@pytest.fixture(scope="module")
def demo() -> Engine:
    return open_engine("ctranslate2", EngineConfig(model="demo"))


def path(engine: Engine, asked: Request) -> Completion:
    engine.submit(Key("q", asked.hash, 0, 0), asked)
    [(_, reply)] = engine.poll()
    return reply.completions[0]


def test_ctranslate2_takes_its_keys(demo: Engine) -> None:
    plain = path(demo, request())
    assert path(demo, request(extra=(("min_tokens", 40),))).completion_tokens > (plain.completion_tokens or 0)  # type: ignore[operator]
    assert path(demo, request(extra=(("repetition_penalty", 5.0),))).text != plain.text
    assert path(demo, request(extra=(("no_repeat_ngram_size", 2),))).text != plain.text
    # Of one token to choose from, the likeliest is drawn at any temperature.
    assert path(demo, request(temperature=2.0, extra=(("top_k", 1),))).text == plain.text
    assert path(demo, request(temperature=0.01, extra=(("top_k", -1),))).text == plain.text, "-1 is all"


def a_vllm(**known: Any) -> Any:
    """What the engine uses of vLLM's package for a request's sampling."""
    return SimpleNamespace(
        SamplingParams=lambda **given: SimpleNamespace(**{**known, **given}),
        sampling_params=SimpleNamespace(RequestOutputKind=SimpleNamespace(FINAL_ONLY="final")),
        __version__="0.0",
    )


def test_vllm_takes_its_keys_as_they_are() -> None:
    engine = VllmEngine.__new__(VllmEngine)
    engine._vllm = a_vllm()
    engine._config = EngineConfig(model="m")
    engine._chat = SimpleNamespace(stops=lambda _: [], marks=None)  # type: ignore[assignment]
    extra = (("min_p", 0.1), (EFFORT, "low"), (BUDGET, 0), (LEAST, 1), ("top_k", 20))
    asked = request(temperature=0.7, extra=extra)
    made = engine._sampling(_Flight(Key("q", "r", 0, 0), asked, Encoded("", [])))
    assert (made.min_p, made.top_k, made.temperature) == (0.1, 20, 0.7)
    assert not hasattr(made, EFFORT), "that is for the chat template"
    assert not hasattr(made, BUDGET)
    assert not hasattr(made, LEAST)


def test_vllm_refuses_by_name_what_its_version_lacks() -> None:
    _require_keys(a_vllm(top_k=0, min_p=0.0), {"top_k", EFFORT})
    with pytest.raises(UsageError, match=r"vLLM 0\.0 has no bad_words"):
        _require_keys(a_vllm(top_k=0), {"top_k", "bad_words"})


@pytest.mark.vllm
def test_vllms_own_sampling_has_the_keys() -> None:
    import vllm

    _require_keys(vllm, has("vllm"))


@pytest.mark.vllm
def test_transformers_own_generation_has_the_keys() -> None:
    from transformers import GenerationConfig

    plain = GenerationConfig()
    assert not [name for name in (transformers._ALWAYS | transformers._DRAWN).values() if not hasattr(plain, name)]


# --- the thinking switch ------------------------------------------------------------------------------------------

SWITCHED = (
    "{% if SWITCH is defined and SWITCH %}T-ON{% elif SWITCH is defined %}T-OFF{% else %}T-DEFAULT{% endif %}{{ "
    "messages[-1].content }}"
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% if thinking is defined and thinking %}x{% endif %}", {"thinking"}),
        (
            "{% if not enable_thinking is defined %}{% set enable_thinking = true %}{% endif %}{{ enable_thinking }}",
            {"enable_thinking"},
        ),
        ("{{ '<thinking>' }}{{ messages[0].thinking }}{{ messages[0]['thinking'] }}", set()),
        ("{# enable_thinking #} reasoning_effort", set()),
        ("{% if reasoning_effort == 'low' %}x{% endif %}", {EFFORT}),
        # A tag of transformers' own, which Jinja doesn't know.
        (
            "{% generation %}{% if enable_thinking %}x{% endif %}{{ '<thinking>' }}{{ m.thinking }}{% endgeneration %}",
            {"enable_thinking"},
        ),
    ],
)
def test_what_a_template_takes(template: str, expected: set[str]) -> None:
    assert variables(template) & {"thinking", "enable_thinking", EFFORT} == expected


@pytest.mark.parametrize("switch", ["thinking", "enable_thinking"])
@pytest.mark.parametrize(("thinking", "text"), [(True, "T-ON"), (False, "T-OFF"), (None, "T-DEFAULT")])
def test_a_template_is_told_under_the_name_that_it_knows(
    switch: str, thinking: bool | None, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(SWITCHED.replace("SWITCH", switch))
    chat = ChatFormat(FolderTokenizer(MODEL), str(file))
    assert chat.text(request(thinking)).startswith(text)
    assert chat.warnings("on") == chat.warnings("off") == ()


def test_a_template_is_told_how_much_to_reason(tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text("{{ reasoning_effort | default('medium') }}{{ messages[-1].content }}")
    chat = ChatFormat(FolderTokenizer(MODEL), str(file))
    chat.require({EFFORT})
    assert chat.text(request(extra=((EFFORT, "high"),))).startswith("high")
    assert chat.text(request()).startswith("medium")


def test_effort_where_the_template_takes_none(main: Cli) -> None:
    done = main(
        "run", "-q", "--model", "demo", "--task", "demo", "--mode", "cot", "--limit", 2, "--gen-kwargs", f"{EFFORT}=low"
    )
    assert done.code == 2
    assert "--gen-kwargs: the model's chat template takes no reasoning_effort" in done.err


@pytest.mark.parametrize("thinking", ["on", "off"])
@pytest.mark.parametrize("template", ["auto", "none"])
def test_a_switch_that_changes_nothing_is_told(thinking: str, template: str, main: Cli, tmp_path: Path) -> None:
    done = main(
        "run",
        "-q",
        "--model",
        "demo",
        "--task",
        "demo",
        "--mode",
        "direct",
        "--limit",
        2,
        "--thinking",
        thinking,
        "--chat-template",
        template,
    )
    assert done.code == 0, done.err
    assert done.err.count(f"--thinking {thinking} changes nothing") == 1
    folder = tmp_path / done.out.splitlines()[-1]
    [warning] = json.loads((folder / MANIFEST).read_text())["engine"]["warnings"]
    assert f"--thinking {thinking} changes nothing" in warning
    assert f"--thinking {thinking} changes nothing" in " ".join(main("report", folder, "--no-page").out.split())
    assert (
        "changes nothing"
        not in main("run", "-q", "--model", "demo", "--task", "demo", "--mode", "direct", "--limit", 2).err
    )
