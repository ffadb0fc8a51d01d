"""One contract for all engines, on a real model: the one that comes with cotbench.

CTranslate2 runs everywhere and is what the others are held against; transformers, vLLM and vLLM's server run where vLLM
is installed. What an engine can't do it says in `EngineInfo.lacks`, and only that is let go here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from vllm_server import ENV, serving

from cotbench.demo import MODEL
from cotbench.engines import Engine, EngineConfig, open_engine
from cotbench.engines.tokens import FolderTokenizer
from cotbench.modes.prompts import Prompts
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.types import Begun, Completion, Key, Reply, Request, Sampling

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


TOKENS = "vLLM's server, sent tokens"
SERVED = ("vLLM's server", TOKENS)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(MODEL, "demo") as url:
        yield url


def opened(request: pytest.FixtureRequest, **more: Any) -> Iterator[Engine]:
    os.environ.update({**ENV, **os.environ})
    name, arguments = request.param, {}
    if name in SERVED:
        more["base_url"] = request.getfixturevalue("server")
        more["tokenizer"] = str(MODEL) if name == TOKENS else None
        more["wants"] = frozenset({"continue", "likelihoods"})
        name = "openai"
    elif name != "ctranslate2":
        own = (
            {"gpu_memory_utilization": 0.3, "enforce_eager": True} if name == "vllm" else {}
        )  # compiled in test_vllm.py
        arguments = {"dtype": "float32", **own}
    engine = open_engine(name, config(model_args=arguments, **more))
    yield engine
    engine.close()


@pytest.fixture(
    scope="module",
    params=["ctranslate2", *(pytest.param(name, marks=ON_VLLM) for name in ("transformers", "vllm", *SERVED))],
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    yield from opened(request)


def test_what_each_engine_lacks(engine: Engine) -> None:
    info = engine.describe()
    assert info.model == "demo"
    served = ("prompt", "path tokens") if info.chat_template == "server" else ("path tokens",)
    assert info.lacks == (served if info.engine == "openai" else ())


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


def test_what_goes_on_from_the_beginning_of_an_output_is_its_rest(
    engine: Engine, reference: Engine, requests: list[Request], expected: list[Reply]
) -> None:
    """Token for token, from every prefix of twelve outputs, all in flight together: prompts of many lengths."""
    if not engine.describe().continues:
        pytest.skip("it doesn't go on")
    tokenizer = FolderTokenizer(MODEL)
    begun: list[Request] = []
    rests: list[tuple[str, int]] = []
    for request, reply in list(zip(requests, expected, strict=True))[:36:3]:
        path = one(reply)
        ids = tokenizer(path.text, add_special_tokens=False).input_ids
        assert len(ids) + 1 == path.completion_tokens
        for place in range(1, len(ids)):
            text = tokenizer.decode(ids[:place])
            begun.append(replace(request, begun=Begun(text=text)))
            rests.append((path.text.removeprefix(text), len(ids) + 1 - place))
    assert len(begun) > 300
    found = answers(engine, begun)
    assert [(one(reply).text, one(reply).completion_tokens) for reply in found] == rests
    assert {one(reply).finish_reason for reply in found} == {"stop"}
    prompts = [(reply.prompt or "", one(reply).prompt_tokens) for reply in answers(reference, begun[:50])]
    seen = [(reply.prompt, one(reply).prompt_tokens) for reply in found[:50]]
    if "prompt" in engine.describe().lacks:
        assert seen == [(None, count) for _, count in prompts]
    else:
        assert seen == prompts
    assert all(
        prompt.endswith(request.begun.text)
        for (prompt, _), request in zip(prompts, begun, strict=False)
        if request.begun
    )


def test_the_limits_of_what_goes_on_are_its_own(engine: Engine, requests: list[Request]) -> None:
    """The budget is of what follows, and a stop string that stands in the beginning ends nothing."""
    if engine.describe().continues != "tokens":
        pytest.skip("it holds no tokens")
    cot = requests[MODES.index("cot")]
    [whole] = answers(engine, [cot])
    first, colon, rest = one(whole).text.partition(":")
    begun = replace(cot, begun=Begun(text=first + colon))
    budget, stop = answers(
        engine,
        [
            replace(begun, sampling=Sampling(max_tokens=3)),
            replace(begun, sampling=Sampling(max_tokens=99, stop=(":",))),
        ],
    )
    assert (one(budget).completion_tokens, one(budget).finish_reason) == (3, "length")
    assert rest.startswith(one(budget).text)
    assert (one(stop).text, one(stop).finish_reason) == (rest.partition(":")[0], "stop")


def test_probabilities_of_options(engine: Engine, reference: Engine, requests: list[Request]) -> None:
    """The same from all, to within a thousandth, for prompts of many lengths with other requests among them."""
    if not engine.describe().likelihoods:
        pytest.skip("it tells none")
    digits = tuple("12345678")
    direct = requests[: 10 * len(MODES) : len(MODES)]
    asked = [
        replace(request, begun=Begun(text="Answer:"), options=digits, sampling=Sampling(max_tokens=1))
        for request in direct
    ]
    mixed = answers(engine, [one for pair in zip(asked, direct, strict=True) for one in pair])
    found, plain = mixed[::2], mixed[1::2]
    for reply, other, usual in zip(found, answers(reference, asked), plain, strict=True):
        path, same = one(reply), one(other)
        assert path.options is not None
        assert same.options is not None
        if engine.describe().continues == "server":  # it tells the twenty likeliest tokens
            least = min(path.options.values())
            assert set(path.options) >= {digit for digit in digits if same.options[digit] > least + 1e-3}
        else:
            assert tuple(path.options) == digits
        assert path.options == pytest.approx({digit: same.options[digit] for digit in path.options}, abs=1e-3)
        assert path.text == max(path.options, key=path.options.__getitem__)
        assert 0 < sum(map(math.exp, path.options.values())) <= 1.0001, "among all tokens"
        assert (path.finish_reason, path.completion_tokens) == ("stop", 1)
        assert path.prompt_tokens == same.prompt_tokens
        assert one(usual).options is None
        written = one(usual).text.removeprefix("Answer: ")
        assert path.text == written or written not in digits, "the likeliest is what it writes"
    assert any(one(usual).text.removeprefix("Answer: ") in digits for usual in plain)
    taken = {"server": 'options were read as the tokens " A", and so on'}
    words = taken.get(engine.describe().continues, "option letters were taken as the token ' 1'")
    assert words in engine.describe().notes


def test_options_that_are_no_tokens_are_an_error_of_their_request(engine: Engine, requests: list[Request]) -> None:
    if not engine.describe().likelihoods:
        pytest.skip("it tells none")
    none = replace(requests[0], begun=Begun(text="Answer:"), options=("A", "B"))
    refused, fine = answers(engine, [none, requests[0]])
    assert one(refused).finish_reason == "error"
    served = engine.describe().continues == "server"
    why = "none of the options A, B" if served else "no single token for each of the letters A, B"
    assert why in one(refused).error
    assert one(fine).finish_reason == "stop"


STEPS = """
- family: steps
  names: [demo]
  open: "<assistant>"
  close: "Answer:"
  behind: ""
"""


@pytest.fixture(
    scope="module", params=["ctranslate2", *(pytest.param(n, marks=ON_VLLM) for n in ("transformers", "vllm", TOKENS))]
)
def thinker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo's steps under `cot` taken for a thought, which ends with "Answer:"; what follows is its answer."""
    file = tmp_path_factory.mktemp("families") / "families.yaml"
    file.write_text(STEPS)
    yield from opened(request, families=str(file), sampling_keys=frozenset({"thinking_budget", "thinking_min"}))


def test_a_thought_and_its_limits(thinker: Engine, requests: list[Request], expected: list[Reply]) -> None:
    """The same steps as without marks, cut where they have to be, and answered all the same."""
    cot = [place for place in range(len(requests)) if place % len(MODES) == MODES.index("cot")][:20]
    arms = {
        name: [replace(requests[place], thinking=True, sampling=Sampling(max_tokens=128, extra=extra)) for place in cot]
        for name, extra in (
            ("on", ()),
            ("large", (("thinking_budget", 120),)),
            ("small", (("thinking_budget", 9),)),
            ("none", (("thinking_budget", 0),)),
            ("long", (("thinking_min", 60),)),
        )
    }
    # Hot, since of these steps the model is sure.
    sampling = Sampling(max_tokens=128, temperature=2.0, n=3, extra=(("thinking_budget", 9),))
    arms["sampled"] = [replace(request, sampling=sampling) for request in arms["on"]]
    found = answers(thinker, [request for arm in arms.values() for request in arm])
    replies = {name: found[begin * len(cot) : (begin + 1) * len(cot)] for begin, name in enumerate(arms)}
    for place, (on, large, small, none, long, sampled) in enumerate(zip(*replies.values(), strict=True)):
        whole = one(expected[cot[place]])
        steps, mark, answer = whole.text.rpartition("Answer:")
        assert mark
        assert (one(on).reasoning, one(on).text, one(on).finish_reason) == (steps, answer, "stop")
        assert one(on).completion_tokens == whole.completion_tokens
        assert 0 < (one(on).reasoning_tokens or 0) < (whole.completion_tokens or 0)
        assert (one(large).reasoning, one(large).text) == (steps, answer)
        assert (one(large).completion_tokens, one(large).reasoning_tokens) == (
            one(on).completion_tokens,
            one(on).reasoning_tokens,
        )
        assert one(small).reasoning_tokens == 9
        assert steps.startswith(one(small).reasoning.removesuffix("\n"))
        assert one(small).finish_reason == "stop", "it answers"
        assert 0 < len(one(small).text) < 8
        assert (one(none).reasoning, one(none).reasoning_tokens) == ("", 0)
        assert (one(long).reasoning_tokens or 0) >= 60 or one(long).finish_reason == "length"
        assert one(long).reasoning.startswith(steps), "where it would have ended it goes on ('Wait' is no word of its)"
        assert one(long).reasoning != steps
        assert len(sampled.completions) == 3
        assert all((path.reasoning_tokens or 0) <= 9 for path in sampled.completions)
    assert sum(len({path.reasoning for path in reply.completions}) > 1 for reply in replies["sampled"]) > 5
    drawn = answers(thinker, arms["sampled"])
    assert answers(thinker, arms["sampled"]) == drawn, "a seed repeats each leg"
    assert answers(thinker, arms["sampled"], again=1) != drawn


def test_requests_in_legs_are_taken_back_whole(thinker: Engine, requests: list[Request]) -> None:
    """What has not begun is taken back, once each; what has begun comes to its end."""
    sampling = Sampling(max_tokens=32, temperature=0.7, n=3, extra=(("thinking_budget", 6),))
    asked = [replace(request, thinking=True, sampling=sampling) for request in requests[1:120:4]]
    keys = [Key(f"c{place}", request.hash, 0, 0) for place, request in enumerate(asked)]
    for key, request in zip(keys, asked, strict=True):
        thinker.submit(key, request)
    found = thinker.poll()
    left = thinker.cancel()
    while more := thinker.poll():
        found += more
    assert len(found) + len(left) == len(keys)
    assert {key for key, _ in found} | set(left) == set(keys)
    assert all(len(reply.completions) == 3 for _, reply in found)


def test_a_prompt_longer_than_the_context_is_an_error_of_its_request(engine: Engine, requests: list[Request]) -> None:
    long = replace(requests[0], messages=(structs.replace(requests[0].messages[0], text="apples " * 1_500),))
    failed, fine = answers(engine, [long, requests[0]])
    assert one(failed).finish_reason == "error"
    assert "context" in one(failed).error
    assert one(fine).finish_reason == "stop"
