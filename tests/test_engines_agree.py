"""One contract for all engines, on a real model: the one that comes with cotbench.

CTranslate2 runs everywhere and is what the others are held against; transformers, vLLM and vLLM's server run where vLLM
is installed. What an engine can't do it says in `EngineInfo.lacks`, and only that is let go here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from vllm_server import ENV, serving

from cotbench.demo import MODEL
from cotbench.engines import Engine, EngineConfig, open_engine
from cotbench.modes.prompts import Prompts
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.types import Completion, Key, Reply, Request, Sampling

# vLLM and what it imports warn of their own affairs.
pytestmark = pytest.mark.filterwarnings("default")
MODES = ("direct", "cot", "pal", "plan")
ON_VLLM = pytest.mark.vllm, pytest.mark.slow
SAMPLED = Sampling(max_tokens=96, temperature=0.7, n=8)


def config(**more: Any) -> EngineConfig:
    return EngineConfig(**{"model": "demo", **more})


def answers(engine: Engine, requests: Sequence[Request], *, again: int = 0) -> list[Reply]:
    """In order, all in flight together. again: a second asking of the same is another address, as in a run."""
    keys = [Key(f"q{place}", request.hash, 0, again) for place, request in enumerate(requests)]
    for key, request in zip(keys, requests, strict=True):
        engine.submit(key, request)
    found: dict[Key, Reply] = {}
    while len(found) < len(keys):
        found.update(engine.poll())
    assert not engine.poll(), "nothing is left"
    return [found[key] for key in keys]


def one(reply: Reply) -> Completion:
    [path] = reply.completions
    return path


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """40 questions of the demo's test set under four modes."""
    task = find_task("demo").task
    prompts = Prompts()
    return [
        Request(messages=prompts.render(mode, task, question, ()), sampling=Sampling(max_tokens=128))
        for question in load_data(find_task("demo")).questions[::10]
        for mode in MODES
    ]


@pytest.fixture(scope="module")
def reference() -> Iterator[Engine]:
    engine = open_engine("ctranslate2", config())
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def expected(reference: Engine, requests: list[Request]) -> list[Reply]:
    return answers(reference, requests)


def opened(name: str) -> Iterator[Engine]:
    if name == "vLLM's server":
        with serving(MODEL, "demo") as url:
            engine = open_engine("openai", config(base_url=url))
            yield engine
            engine.close()
        return
    arguments = {
        "vllm": {"dtype": "float32", "gpu_memory_utilization": 0.3},
        "transformers": {"dtype": "float32"},
    }
    engine = open_engine(name, config(model_args=arguments.get(name, {})))
    yield engine
    engine.close()


@pytest.fixture(
    scope="module",
    params=["ctranslate2", *(pytest.param(name, marks=ON_VLLM) for name in ("transformers", "vllm", "vLLM's server"))],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    os.environ.update({**ENV, **os.environ})
    yield from opened(request.param)


def test_what_each_engine_lacks(engine: Engine) -> None:
    info = engine.describe()
    assert info.model == "demo"
    assert info.lacks == (("prompt", "path tokens") if info.engine == "openai" else ())


def test_greedy_outputs_are_the_same(engine: Engine, requests: list[Request], expected: list[Reply]) -> None:
    found = answers(engine, requests)
    for reply, other in zip(found, expected, strict=True):
        assert one(reply) == one(other), "text, finish reason, and tokens of prompt and completion"
        assert one(reply).finish_reason == "stop"
    texts = {one(reply).text for reply in found}
    assert len(texts) > len(requests) / 2, "the prompts reach the model"
    assert sum("```python" in text for text in texts) > 20, "it writes programs where it is asked to"


def test_prompts_are_the_same_text_with_one_bos(engine: Engine, requests: list[Request], expected: list[Reply]) -> None:
    found = answers(engine, [replace(request, sampling=Sampling(max_tokens=1)) for request in requests])
    for reply, other in zip(found, expected, strict=True):
        assert one(reply).prompt_tokens == one(other).prompt_tokens
        if "prompt" in engine.describe().lacks:
            assert reply.prompt is None
        else:
            assert reply.prompt == other.prompt
            assert (reply.prompt or "").count("<bos>") == 1


@pytest.mark.vllm
def test_prompts_are_the_same_token_ids(expected: list[Reply]) -> None:
    """The tokenizer read from its files alone, and transformers' own."""
    from cotbench.engines.chat import ChatFormat
    from cotbench.engines.local import chat_format
    from cotbench.engines.tokens import FolderTokenizer

    ours, theirs = ChatFormat(FolderTokenizer(MODEL)), chat_format(EngineConfig(model=str(MODEL)))
    assert (ours.hash, ours.system_role, ours.kind) == (theirs.hash, theirs.system_role, theirs.kind)
    for reply in expected:
        ids = ours.token_ids(reply.prompt or "")
        assert ids == theirs.token_ids(reply.prompt or "")
        assert ids.count(ids[0]) == 1, "one BOS"
        assert len(ids) == one(reply).prompt_tokens
        assert theirs.tokenizer.unk_token_id not in ids


@pytest.mark.parametrize("stop", ["\n", ". ", "wer: ", "never written"])
def test_stop_strings(
    engine: Engine, reference: Engine, requests: list[Request], expected: list[Reply], stop: str
) -> None:
    """The text ends before the stop string, a proper end; tokens up to the one that completes it are counted."""
    cot = [place for place, request in enumerate(requests) if place % len(MODES) == MODES.index("cot")]
    sampling = Sampling(max_tokens=128, stop=(stop, "neither this"))
    found = answers(engine, [replace(requests[place], sampling=sampling) for place in cot])
    for place, reply in zip(cot, found, strict=True):
        whole = one(expected[place])
        assert one(reply).text == whole.text.partition(stop)[0]
        assert one(reply).finish_reason == "stop"
        assert (one(reply).completion_tokens or 0) <= (whole.completion_tokens or 0)
    same = answers(reference, [replace(requests[place], sampling=sampling) for place in cot])
    assert [one(reply).completion_tokens for reply in found] == [one(reply).completion_tokens for reply in same]


@pytest.mark.parametrize("budget", [1, 5])
def test_truncation(engine: Engine, requests: list[Request], expected: list[Reply], budget: int) -> None:
    """A budget that is spent: finish reason "length", as many tokens as the budget, the beginning of the whole text."""
    cut = answers(engine, [replace(request, sampling=Sampling(max_tokens=budget)) for request in requests])
    for reply, whole in zip(cut, expected, strict=True):
        if (one(whole).completion_tokens or 0) > budget:
            assert one(reply).finish_reason == "length"
            assert one(reply).completion_tokens == budget
            assert one(whole).text.startswith(one(reply).text)


def test_the_end_token_counts(engine: Engine, requests: list[Request], expected: list[Reply]) -> None:
    """A budget of exactly the whole text with its end ends properly; one token less is too little."""
    spent = one(expected[0]).completion_tokens or 0
    enough, short = (
        one(answers(engine, [replace(requests[0], sampling=Sampling(max_tokens=budget))])[0])
        for budget in (spent, spent - 1)
    )
    assert (enough.finish_reason, enough.completion_tokens) == ("stop", spent)
    assert (short.finish_reason, short.completion_tokens) == ("length", spent - 1)
    assert short.text == enough.text, "what is missing is the end token"


def test_paths_differ_and_a_seed_repeats_them(engine: Engine, requests: list[Request]) -> None:
    # Sums at once: of those the model is unsure, so that its paths differ.
    sampled = [replace(request, sampling=SAMPLED) for request in requests[: 12 * len(MODES) : len(MODES)]]
    assert all(request.messages[-1].text.endswith("Reply with the answer line alone.") for request in sampled)
    first = answers(engine, sampled)
    for reply in first:
        assert len(reply.completions) == SAMPLED.n
        assert {path.finish_reason for path in reply.completions} <= {"stop", "length"}
    texts = [[path.text for path in reply.completions] for reply in first]
    assert sum(len(set(paths)) > 1 for paths in texts) >= 6, "most questions have paths that differ"
    lacks = engine.describe().lacks
    tokens = [[path.completion_tokens for path in reply.completions] for reply in first]
    if "path tokens" in lacks:
        assert all(counts == [None] * SAMPLED.n for counts in tokens)
        assert all((reply.total_completion_tokens or 0) > SAMPLED.n for reply in first)
    else:
        assert all((count or 0) > 0 for counts in tokens for count in counts)
    other = [[path.text for path in reply.completions] for reply in answers(engine, sampled, again=1)]
    assert other != texts, "asked again it is another draw"
    if "seeds" not in lacks:
        repeated = [[path.text for path in reply.completions] for reply in answers(engine, sampled)]
        assert repeated == texts
        alone = [path.text for path in answers(engine, sampled[:1])[0].completions]
        assert alone == texts[0], "a question's paths don't depend on its neighbours"


def test_a_prompt_longer_than_the_context_is_an_error_of_its_request(engine: Engine, requests: list[Request]) -> None:
    long = replace(requests[0], messages=(replace(requests[0].messages[0], text="apples " * 1_500),))
    failed, fine = answers(engine, [long, requests[0]])
    assert one(failed).finish_reason == "error"
    assert "context" in one(failed).error
    assert one(fine).finish_reason == "stop"
