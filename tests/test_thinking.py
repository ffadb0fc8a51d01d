"""How thinking is controlled: a zoo of chat templates, families of servers' models, and thoughts in token ids."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotbench.demo import MODEL
from cotbench.engines import EngineConfig
from cotbench.engines.chat import ChatFormat, Encoded
from cotbench.engines.thinking import (
    Family,
    Marks,
    families,
    family_of_name,
    server_fields,
    tokens_within,
    told_of,
    worded,
)
from cotbench.engines.tokens import Encoding, FolderTokenizer
from cotbench.errors import UsageError
from cotbench.types import Begun, Message, Reply, Request, Sampling

TURNS = (Message(role="system", text="S"), Message(role="user", text="Q"))
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "off": {"thinking": False},
    "on": {"thinking": True},
    "begun": {"thinking": False, "begun": Begun(text="A:")},
    "thought": {"thinking": True, "begun": Begun(thought="T", text="A:")},
    "open": {"thinking": True, "begun": Begun(thought="T", open=True)},
    "empty": {"thinking": True, "begun": Begun(thought="", text="A:")},
    "unsaid": {"begun": Begun(thought="", text="A:")},
}


class Animal(NamedTuple):
    """A row of the zoo. tails: what is written, in the order of `WAYS`."""

    case: str
    template: str
    says: str
    tails: tuple[str | None, ...]
    family: str
    model: str


ZOO = [
    Animal(case, template, says, tuple(tails), case if family is None else family, model or "")
    for case, template, says, *tails, family, model in cases.rows(
        cases.load("templates"), f"case template says {' '.join(WAYS)}", "family model"
    )
]
in_the_zoo = pytest.mark.parametrize("animal", ZOO, ids=[animal.case for animal in ZOO])


def request(messages: tuple[Message, ...] = TURNS, **given: Any) -> Request:
    extra = tuple(given.pop("extra", {}).items())
    return Request(messages=messages, sampling=Sampling(max_tokens=8, extra=extra), **given)


def chat_of(template: str, folder: Path, **others: Any) -> ChatFormat:
    file = folder / "own.jinja"
    file.write_text(template, encoding="utf-8")
    return ChatFormat(FolderTokenizer(MODEL), str(file), **others)


def chat_in(animal: Animal, folder: Path) -> ChatFormat:
    return chat_of(animal.template, folder, model=animal.model)


@in_the_zoo
def test_a_family_is_told_by_its_template_and_written_to_in_its_way(animal: Animal, tmp_path: Path) -> None:
    chat = chat_in(animal, tmp_path)
    info = chat.thinking
    assert info.family == animal.family
    assert [word or "-" for word in (info.default, info.off, info.on, info.budget)] == animal.says.split()
    for (way, asked), expected in zip(WAYS.items(), animal.tails, strict=True):
        encoded = chat.encode(request(**asked), 1 << 20)
        if expected is None:
            assert isinstance(encoded, Reply), way
            assert "thought" in encoded.completions[0].error
            continue
        assert isinstance(encoded, Encoded), way
        assert encoded.text == expected, way
        prompt_opens = chat.family is not None and bool(chat._opened(expected))
        assert encoded.open == (way == "open" or prompt_opens), way


def test_every_row_of_the_map_is_in_the_zoo_or_behind_its_makers_server_alone() -> None:
    hosted = {name for name, _ in cases.rows(cases.load("hosted"), "case maker")}
    rows = {row.family: row for row in families()}
    assert {animal.family for animal in ZOO if animal.family} == set(rows) - hosted
    assert hosted <= set(rows)
    assert not [name for name in hosted if rows[name].template], "those who know its template write one like it"


@in_the_zoo
def test_a_row_is_told_by_the_names_that_it_has_too(animal: Animal) -> None:
    if animal.model:
        row = family_of_name(animal.model)
        assert row is not None
        assert row.family == animal.family


@in_the_zoo
def test_what_is_off_ends_in_no_open_thought_and_what_is_on_in_no_closed_one(animal: Animal, tmp_path: Path) -> None:
    chat = chat_in(animal, tmp_path)
    row = chat.family
    if row is None or not row.open:
        return
    for begun in ("", "A:"):
        off = chat.encode(request(thinking=False, begun=Begun(text=begun)), 1 << 20)
        assert isinstance(off, Encoded)
        assert not off.open
    assert not chat.text(request(thinking=True)).rstrip().endswith(row.close)
    for asked in (request(thinking=True), request(thinking=None)):
        text = chat.text(replace(asked, begun=Begun(thought="", text="A:")))
        assert text.endswith("A:")
        tail = text.rpartition("Q")[2]
        assert tail.count(row.close) == 1 or tail.endswith(row.answer + "A:"), "one thought, not two"


@in_the_zoo
def test_efforts_are_handed_to_templates_that_take_them(animal: Animal, tmp_path: Path) -> None:
    chat = chat_in(animal, tmp_path)
    told = [chat.text(request(thinking=True, extra={"reasoning_effort": one})) for one in chat.thinking.efforts]
    assert len(set(told)) == len(told)
    for effort in chat.thinking.efforts:
        off = request(thinking=False, extra={"reasoning_effort": effort})
        if chat.thinking.off == "switch":
            assert chat.text(off) == chat.text(request(thinking=False)), "off is off"


def template_of(name: str) -> str:
    return next(animal.template for animal in ZOO if animal.case == name)


def test_an_effort_and_a_budget_are_handed_to_templates_that_take_them(tmp_path: Path) -> None:
    gpt = chat_of(template_of("gpt-oss"), tmp_path)
    assert gpt.thinking.efforts == ("low", "medium", "high")
    assert "(high)" in gpt.text(request(extra={"reasoning_effort": "high"}))
    seed = chat_of(template_of("seed-oss"), tmp_path)
    assert "(b512)" in seed.text(request(thinking=True, extra={"thinking_budget": 512}))
    assert "(b0)" in seed.text(request(thinking=False, extra={"thinking_budget": 512})), "off is off"
    mistral = chat_of(template_of("mistral"), tmp_path)
    assert "(none)" in mistral.text(request(thinking=False, extra={"reasoning_effort": "high"}))


def test_limits_of_thoughts_are_refused_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a model that thinks"):
        chat_of(template_of("none"), tmp_path).require({"thinking_budget"})
    chat_of(template_of("qwen3"), tmp_path).require({"thinking_budget", "thinking_min"})


@in_the_zoo
def test_switches_and_marks_in_a_question_are_broken_up(animal: Animal, tmp_path: Path) -> None:
    chat = chat_in(animal, tmp_path)
    row = chat.family
    if row is None:
        return
    marks = [mark for mark in (row.open, row.close) if mark and " " not in mark]
    for word in (*row.breaks, *marks):
        asked = request((TURNS[0], Message(role="user", text=f"Is {word} a word?")))
        sent = chat.text(asked)
        assert f"Is {word} a word?" not in sent
        said = sent.replace("\u200b", "").replace(f"Is {word} a word?", "Q")
        assert said == chat.text(request()).replace("\u200b", ""), "the question decides nothing"


def test_what_a_template_writes_around_thoughts_goes_before_what_the_map_says(tmp_path: Path) -> None:
    """A template of the family, in which thoughts stand otherwise than in the row."""
    template = template_of("qwen3").replace(
        "{{ m.content }}",
        "{{ '~<think> ' + m.reasoning_content + ' </think>~' if m.reasoning_content }}{{ m.content }}",
    )
    assert (
        chat_of(template, tmp_path)
        .text(request(thinking=True, begun=Begun(thought="T", text="A:")))
        .endswith("[a]<think>\nT\n</think>\n\nA:")
    ), "more than space around marks is none of the thought's"
    template = template.replace("~", "")
    chat = chat_of(template, tmp_path)
    assert chat.text(request(thinking=True, begun=Begun(thought="T", text="A:"))).endswith("[a]<think> T </think>A:")
    assert chat.text(request(thinking=True, begun=Begun(thought="", text="A:"))).endswith("<think>\n\n</think>\n\nA:")


def test_of_rows_whose_template_fits_the_one_that_the_models_name_is_in_holds(tmp_path: Path) -> None:
    template = template_of("glm-4.5")
    for model, family, temperature in (
        ("m", "glm-4.5", 0.6),
        ("GLM-4.5-Air", "glm-4.5", 0.6),
        ("GLM-4.6", "glm-4.6", 1),
    ):
        told = chat_of(template, tmp_path, model=model).thinking
        assert (told.family, told.sampling["temperature"]) == (family, temperature)
    file = tmp_path / "mine.yaml"
    file.write_text("- family: mine\n  template: {holds: ['[gMASK]']}\n")
    assert chat_of(template, tmp_path, model="GLM-4.6", families=str(file)).thinking.family == "mine", "users' go first"


def test_a_name_tells_of_a_model_whose_template_shows_no_more_than_marks(tmp_path: Path) -> None:
    strips = template_of("a model that does not think, whose template strips thoughts")
    thinks = chat_of(strips, tmp_path, model="Qwen/QwQ-32B").thinking
    assert (thinks.family, thinks.off, thinks.on) == ("qwen3-thinking", "closed", "always")
    plain = chat_of(strips, tmp_path, model="Qwen/Qwen3-4B-Instruct-2507").thinking
    assert (plain.family, plain.off, plain.on) == ("", "never", "")


# What chat templates find in transformers, and so here: the date, the tag around what a model is trained on, a break,
# JSON, and that there are no tools.
GIVEN = """{%- set day = strftime_now("%Y") -%}{{ day }}{{ tools is none }}{{ documents is none }}
{%- for m in messages %}{% if m.role == "assistant" %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}
{{ {"é": m.content, "<": 1} | tojson }}{{ ["a"] | tojson(indent=2) }}{{ {"b": 1, "a": 2} | tojson(sort_keys=true) }}
{%- endif %}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}{{ "<think>" if enable_thinking }}"""


def test_templates_find_what_transformers_gives_them(tmp_path: Path) -> None:
    turns = (*TURNS, Message(role="assistant", text="B"))
    sent = chat_of(GIVEN, tmp_path).text(request(turns, thinking=True))
    assert sent == (
        f'{date.today():%Y}TrueTrue{{"é": "S", "<": 1}}[\n  "a"\n]{{"a": 2, "b": 1}}'
        '{"é": "Q", "<": 1}[\n  "a"\n]{"a": 2, "b": 1}<think>'
    )


@pytest.mark.vllm
@pytest.mark.parametrize("template", [GIVEN, *dict.fromkeys(animal.template for animal in ZOO)])
def test_templates_are_rendered_as_by_transformers(template: str, tmp_path: Path) -> None:
    from cotbench.engines.local import chat_format

    ours = chat_of(template, tmp_path)
    theirs = chat_format(EngineConfig(model=str(MODEL), chat_template=str(tmp_path / "own.jinja")))
    assert ours.thinking == theirs.thinking
    for asked in WAYS.values():
        one, other = (chat.encode(request(**asked), 1 << 20) for chat in (ours, theirs))
        if isinstance(one, Encoded):
            assert one == other


def test_users_rows_go_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("- family: mine\n  template: {holds: ['[a]']}\n  default: on\n  open: '<t>'\n  close: '</t>'\n")
    chat = chat_of(template_of("qwen3"), tmp_path, families=str(file))
    assert (chat.thinking.family, chat.thinking.off, chat.thinking.on) == ("mine", "closed", "always")
    assert chat.text(request(thinking=False)).endswith("[a]<t>\n\n</t>\n\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("family: x", "expected a list of rows"),
        ("- family: x", r"row 1 \(x\): it says neither"),
        ("- {family: x, names: [a], of: 1}", "row 1 .*unknown field `of`"),
        ("- {family: x, names: ['(']}", "no regular expression"),
        ("- {family: x, names: [a], open: '<t>', close: ''}", "both marks"),
        ("- [", "is no YAML"),
    ],
)
def test_a_row_that_can_not_be_read_is_named(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words) as refused:
        families(str(file))
    assert f"--families: {file}" in str(refused.value)


@pytest.mark.parametrize(
    ("model", "family", "off", "on"),
    [
        ("Qwen/Qwen3-8B", "qwen3", {"chat_template_kwargs": {"enable_thinking": False}},
         {"chat_template_kwargs": {"enable_thinking": True}}),
        ("Qwen/Qwen3-4B-Thinking-2507", "qwen3-thinking", {}, {}),
        ("openai/gpt-oss-20b", "gpt-oss", {}, {}),
        ("ByteDance-Seed/Seed-OSS-36B-Instruct", "seed-oss", {"chat_template_kwargs": {"thinking_budget": 0}}, {}),
        ("deepseek-ai/DeepSeek-V3.1", "deepseek-v3.1", {"chat_template_kwargs": {"thinking": False}},
         {"chat_template_kwargs": {"thinking": True}}),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1", {}, {}),
        ("mistralai/Mistral-Small-4-119B", "mistral", {"reasoning_effort": "none"}, {"reasoning_effort": "high"}),
        ("gpt-5.1", "openai-5.1", {"reasoning_effort": "none"}, {"reasoning_effort": "medium"}),
        ("o3-mini", "openai-o", {}, {}),
        ("gemini-2.5-flash", "gemini-2.5-flash", {"reasoning_effort": "none"}, {}),
    ],
)  # fmt: skip
def test_a_server_is_told_by_the_model_s_name(model: str, family: str, off: Any, on: Any) -> None:
    row = family_of_name(model)
    assert row is not None
    assert row.family == family
    assert server_fields(row, False) == off
    assert server_fields(row, True) == on
    assert server_fields(row, None) == {}


@pytest.mark.parametrize("model", ["gpt-4o", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "meta-llama/Llama-3.1-8B", "m"])
def test_models_that_do_not_think_are_in_no_row(model: str) -> None:
    assert family_of_name(model) is None


def test_a_server_is_told_how_much() -> None:
    gpt, claude, seed, nano = map(
        family_of_name, ("gpt-oss-20b", "claude-sonnet-4-5", "seed-oss-36b", "NVIDIA-Nemotron-Nano-9B-v2")
    )
    assert gpt and claude and seed and nano
    assert server_fields(gpt, True, "low") == {"reasoning_effort": "low"}
    assert server_fields(claude, True, None, 2048) == {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert server_fields(seed, None, None, 512) == {"chat_template_kwargs": {"thinking_budget": 512}}
    assert server_fields(nano, False) == {}
    assert worded(TURNS, told_of(nano, False))[0].text == "S\n\n/no_think"


# --- tokens -------------------------------------------------------------------------------------------------------

LINES = [
    "<think>\nOkay, so 3 + 4 is 7.\n</think>\n\nAnswer: 7",
    "I think: wait, let me.\n\n</think>\n\nIt is 7.",
] * 6
THINKS = Family(family="t", names=("t",))
HARMONY = next(row for row in families() if row.family == "gpt-oss")


class Bpe:
    """A byte-level BPE tokenizer of a few lines, which makes marks of pieces, or has them as tokens of their own."""

    def __init__(self, special: tuple[str, ...] = (), size: int = 420) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        self.backend = Tokenizer(models.BPE())
        # One piece a line, so that marks merge with their neighbours.
        self.backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=bool(special))
        self.backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(special),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        self.backend.train_from_iterator(LINES, trainer)
        self.added_tokens_decoder = self.backend.get_added_tokens_decoder()

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Encoding:
        return Encoding(self.backend.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: list[int], *, skip_special_tokens: bool = True) -> str:
        return str(self.backend.decode(ids, skip_special_tokens=skip_special_tokens))


TOKENIZERS = {
    "pieces": (THINKS, Bpe()),
    "merged": (THINKS, Bpe(size=900)),
    "special": (THINKS, Bpe(("<think>", "</think>"))),
    "harmony": (HARMONY, Bpe(("<|channel|>", "<|message|>", "<|end|>", "<|start|>"))),
}
WORDS = st.text("ab 7.\n</>é", max_size=30)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=60, deadline=None)
@given(thought=WORDS, answer=WORDS)
def test_thought_and_answer_are_told_apart_whatever_the_tokens_are(name: str, thought: str, answer: str) -> None:
    row, tokenizer = TOKENIZERS[name]
    marks = Marks(row, tokenizer)
    whole = tokenizer(f"{row.open}{thought}{row.close}{answer}").input_ids
    for ids, opened in ((whole, False), (tokenizer(f"{thought}{row.close}{answer}").input_ids, True)):
        found = marks.split(ids, opened)
        assert found.closed
        assert tokenizer.decode(found.thought) == thought
        assert tokenizer.decode(found.answer) == answer
    cut = marks.split(tokenizer(f"{row.open}{thought}").input_ids, False)
    assert (tokenizer.decode(cut.thought), cut.answer, cut.closed) == (thought, [], False)
    plain = tokenizer(answer).input_ids
    assert marks.split(plain, False) == ([], plain, True)


def test_harmonys_answer_without_a_thought_loses_its_mark() -> None:
    row, tokenizer = TOKENIZERS["harmony"]
    found = Marks(row, tokenizer).split(tokenizer("<|channel|>final<|message|>7").input_ids, False)
    assert (found.thought, tokenizer.decode(found.answer), found.closed) == ([], "7", True)


def test_a_vocabulary_that_merges_a_mark_with_its_neighbours_is_among_the_cases() -> None:
    _, tokenizer = TOKENIZERS["merged"]
    whole = tokenizer("7.\n</think>\n\nAnswer: 7").input_ids
    close = Marks(THINKS, tokenizer).close_ids
    assert not any(whole[i : i + len(close)] == close for i in range(len(whole)))


@settings(max_examples=60, deadline=None)
@given(text=st.sampled_from(LINES), cut=st.integers(1, 40))
def test_the_tokens_of_a_text_within_another_decode_to_it(text: str, cut: int) -> None:
    for _, tokenizer in TOKENIZERS.values():
        assert tokenizer.decode(tokens_within(tokenizer, text[:cut]), skip_special_tokens=False) == text[:cut]


@pytest.mark.parametrize("begun", ["Answer:", "\n\nAnswer: 7", " 7", "<think>\nOkay"])
def test_a_begun_reply_stands_behind_the_tokens_of_the_prompt_alone(begun: str, tmp_path: Path) -> None:
    chat = chat_of(template_of("qwen3"), tmp_path)
    chat.tokenizer = tokenizer = Bpe(size=900)
    tokenizer.apply_chat_template = FolderTokenizer(MODEL).apply_chat_template  # type: ignore[attr-defined]
    alone, both = (chat.encode(request(begun=one), 1 << 20) for one in (None, Begun(text=begun)))
    assert isinstance(alone, Encoded)
    assert isinstance(both, Encoded)
    assert both.ids[: len(alone.ids)] == alone.ids
    assert tokenizer.decode(both.ids[len(alone.ids) :]) == begun
    assert both.open == (begun == "<think>\nOkay")


def test_a_thought_that_is_closed_for_a_model_is_in_the_identity_of_its_runs(tmp_path: Path) -> None:
    """The chat template's hash is that of runs whose prompts had none."""
    told = {
        case: chat_of(template_of(case), tmp_path).info(EngineConfig(model="m"), engine="e")
        for case in ("deepseek-r1", "qwen3")
    }
    assert told["deepseek-r1"].identity()["thoughts"] == "closed"
    assert "thoughts" not in told["qwen3"].identity()
