"""Confidence and rewards of models that are loaded here: transformers and vLLM beside numbers that are worked out by
hand from a model's logits. Run where vLLM is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from vllm_server import ENV, serving

from cotbench.engines import Engine, EngineConfig, open_engine
from cotbench.errors import ModelError
from cotbench.types import Confidence, Key, Message, Reply, Request, Sampling

# vLLM and what it imports warn of their own affairs.
pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.filterwarnings("default")]

VLLM: dict[str, Any] = {
    "dtype": "float32", "enforce_eager": True, "max_model_len": 512, "max_num_seqs": 8, "gpu_memory_utilization": 0.3
}  # fmt: skip
TRANSFORMERS: dict[str, Any] = {"dtype": "float32", "batch_size": 3}
WINDOW = 8
WORDS = ("How many apples does she have left?", "Give the answer line.", "Hi", "x^2 + 3x = 12, and what is x then?")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)


def user(text: str, **sampling: Any) -> Request:
    drawn = Sampling(**{"max_tokens": 40, **sampling})
    return Request(messages=(Message(role="user", text=text),), sampling=drawn, confidence=WINDOW)


def talk(asked: str, reply: str) -> Request:
    said = (Message(role="user", text=asked), Message(role="assistant", text=reply))
    return Request(messages=said, sampling=Sampling(max_tokens=1), reward=True)


TALKS = [talk(asked, "Seven of the twelve, so five. " * number + "Answer: 5") for number, asked in enumerate(WORDS)]


def replies(engine: Engine, asked: Sequence[Request]) -> list[Reply]:
    for number, one in enumerate(asked):
        engine.submit(Key(f"q{number}", one.hash, 0, 0), one)
    found: dict[str, Reply] = {}
    while len(found) < len(asked):
        found |= {key.question: reply for key, reply in engine.poll()}
    return [found[f"q{number}"] for number in range(len(asked))]


def opened(engine: str, model: Path, **more: Any) -> Engine:
    arguments = {**(VLLM if engine == "vllm" else TRANSFORMERS), **more}
    return open_engine(engine, EngineConfig(model=str(model), model_args=arguments))


# --- confidence ---------------------------------------------------------------------------------------------------


def by_hand(model: Path, prompt: str) -> tuple[str, tuple[float, float, float, float]]:
    """What the model writes behind a prompt, by the library's own greedy generation, and the measures from the logits
    of all of its tokens at once: over all, the least window, the end, and the tokens' own mean log-probability."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, loaded = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    before = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    with torch.inference_mode():
        whole = loaded.generate(before, attention_mask=torch.ones_like(before), max_new_tokens=40, do_sample=False)
        logits = loaded(whole).logits[0].double()
    written = whole[0, before.shape[1] :]
    logs = torch.log_softmax(logits[before.shape[1] - 1 : -1], dim=-1)
    tokens = (-logs.topk(20).values.mean(-1)).tolist()
    means = [sum(tokens[i : i + WINDOW]) / WINDOW for i in range(len(tokens) - WINDOW + 1)]
    own = logs.gather(1, written[:, None])[:, 0].tolist()
    text = tokenizer.decode(written, skip_special_tokens=True)
    return text, (sum(tokens) / len(tokens), min(means), sum(tokens[-WINDOW:]) / WINDOW, sum(own) / len(own))


def measures(confidence: Confidence | None) -> tuple[float, float, float, float]:
    assert confidence is not None
    assert confidence.logprob is not None
    assert (confidence.window, confidence.top) == (WINDOW, 20)
    return confidence.mean, confidence.lowest, confidence.tail, confidence.logprob


@pytest.fixture(scope="module")
def told(tiny: Path) -> Iterator[dict[str, list[Reply]]]:
    """What both engines tell of the same greedy requests, and of a sampled one."""
    os.environ.update(ENV)
    asked = [*map(user, WORDS), user(WORDS[0], temperature=0.9, n=2)]
    found = {}
    for name in ("transformers", "vllm"):
        engine = opened(name, tiny)
        assert engine.describe().confidence == 20
        found[name] = replies(engine, asked)
        engine.close()
    yield found


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_confidence_is_what_the_logits_say(engine: str, tiny: Path, told: dict[str, list[Reply]]) -> None:
    same = 0
    for reply in told[engine][: len(WORDS)]:
        assert reply.prompt is not None
        [path] = reply.completions
        text, expected = by_hand(tiny, reply.prompt)
        if path.text.rstrip("\ufffd") == text.rstrip("\ufffd"):  # near ties may go either way
            same += 1
            assert measures(path.confidence) == pytest.approx(expected, abs=2e-4)
    assert same >= len(WORDS) - 1


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_each_sampled_path_has_a_confidence_of_its_own(engine: str, told: dict[str, list[Reply]]) -> None:
    one, other = told[engine][-1].completions
    assert one.text != other.text
    assert measures(one.confidence) != measures(other.confidence)


def test_transformers_and_vllm_tell_the_same(told: dict[str, list[Reply]]) -> None:
    pairs = list(zip(told["transformers"], told["vllm"], strict=True))[: len(WORDS)]
    same = [(a.completions[0], b.completions[0]) for a, b in pairs if a.completions[0].text == b.completions[0].text]
    assert len(same) >= len(WORDS) - 1
    for one, other in same:
        assert measures(one.confidence) == pytest.approx(measures(other.confidence), abs=2e-4)


def test_a_long_path_is_measured_in_parts_as_in_one(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotbench.engines import transformers

    engine = opened("transformers", tiny)
    [whole] = replies(engine, [user(WORDS[3])])
    for size in (1, 7, 30):
        monkeypatch.setattr(transformers, "_AT_ONCE", size)
        [parts] = replies(engine, [user(WORDS[3])])
        assert measures(parts.completions[0].confidence) == pytest.approx(
            measures(whole.completions[0].confidence), abs=1e-4
        )
    engine.close()


# --- rewards ------------------------------------------------------------------------------------------------------


def reward_model(folder: Path, tiny: Path, family: str, labels: int = 1) -> Path:
    """A reward model of random weights, whose padding is the token that ends a turn, as of many that there are."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    torch.manual_seed(3)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, initializer_range=0.35, bos_token_id=0,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id, num_labels=labels, dtype="float32",
    )  # fmt: skip
    getattr(transformers, f"{family}ForSequenceClassification")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def rewards(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("rewards")
    return {family: reward_model(place / family, tiny, family) for family in ("Llama", "Qwen2")}


def scores_by_hand(model: Path, asked: Sequence[Request]) -> list[float]:
    """The model's own head over the last hidden state of each conversation, alone and without padding."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = AutoModelForSequenceClassification.from_pretrained(model)
    found = []
    for one in asked:
        turns = [{"role": message.role, "content": message.text} for message in one.messages]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            last = loaded.model(ids).last_hidden_state[0, -1]
            found.append(float(loaded.score(last)[0]))
    return found


@pytest.mark.parametrize("family", ["Llama", "Qwen2"])
def test_transformers_tells_the_models_own_number(family: str, rewards: dict[str, Path]) -> None:
    engine = opened("transformers", rewards[family])
    assert engine.describe().rewards
    found = replies(engine, TALKS)
    with pytest.raises(ModelError, match="it scores replies, and writes none"):
        engine.submit(Key("q", "r", 0, 0), user("Hi"))
    engine.close()
    assert [reply.completions[0].score for reply in found] == pytest.approx(
        scores_by_hand(rewards[family], TALKS), abs=1e-4
    )
    assert len({round(reply.completions[0].score or 0, 3) for reply in found}) == len(TALKS)
    assert found[0].prompt is not None
    assert found[0].prompt.endswith("<|assistant|>\nAnswer: 5<|end|>\n"), "nothing is behind the reply"


def test_vllm_tells_the_models_own_number(rewards: dict[str, Path]) -> None:
    engine = opened("vllm", rewards["Llama"])
    assert engine.describe().rewards
    found = [reply.completions[0] for reply in replies(engine, TALKS)]
    with pytest.raises(ModelError, match="it scores replies, and writes none"):
        engine.submit(Key("q", "r", 0, 0), user("Hi"))
    engine.close()
    assert [path.score for path in found] == pytest.approx(scores_by_hand(rewards["Llama"], TALKS), abs=1e-3)
    assert all(path.completion_tokens == 0 and (path.prompt_tokens or 0) > 10 for path in found)


def test_vllms_server_tells_the_models_own_number(rewards: dict[str, Path]) -> None:
    with serving(rewards["Qwen2"], "judge", "--max-model-len", "512") as url:
        engine = open_engine("openai", EngineConfig(model="judge", base_url=url, wants=frozenset({"rewards"})))
        info = engine.describe()
        found = [reply.completions[0].score for reply in replies(engine, TALKS)]
        engine.close()
    assert info.rewards
    assert "scores are what the server tells at /classify" in info.notes
    assert found == pytest.approx(scores_by_hand(rewards["Qwen2"], TALKS), abs=1e-3)


def test_vllms_server_tells_confidence(tiny: Path, told: dict[str, list[Reply]]) -> None:
    with serving(tiny, "tiny", "--max-model-len", "512") as url:
        engine = open_engine("openai", EngineConfig(model="tiny", base_url=url, wants=frozenset({"confidence"})))
        assert engine.describe().confidence == 20
        found = [reply.completions[0] for reply in replies(engine, [*map(user, WORDS)])]
        engine.close()
    same = [(a, b.completions[0]) for a, b in zip(found, told["vllm"], strict=False) if a.text == b.completions[0].text]
    assert len(same) >= len(WORDS) - 1
    for one, other in same:
        assert measures(one.confidence) == pytest.approx(measures(other.confidence), abs=2e-4)


def test_a_classifier_is_refused(tiny: Path, tmp_path: Path) -> None:
    model = reward_model(tmp_path / "two", tiny, "Llama", labels=2)
    with pytest.raises(ModelError, match="with 2 labels is a classifier; a reward model has one"):
        opened("transformers", model)
