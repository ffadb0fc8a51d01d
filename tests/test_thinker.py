"""The model that thinks when it is switched on: what it is trained on, its files, and what it does with a thought."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from conftest import ROOT

from cotbench import demo
from cotbench.engines.tokens import FolderTokenizer

sys.path.append(str(ROOT / "tests" / "training"))  # its scripts import each other by name
from conversations import CLOSE, NO_THOUGHT, PIECES, THINK, THINKER, Conversation, Part
from evaluate import Model, Reply
from questions import Item, evaluation_set, training

FOLDER = Path(demo.__file__).with_name("thinker")
TURNS = [{"role": "user", "content": "What is d?"}]


def some(kind: str, number: int = 400) -> Iterator[tuple[Item, Conversation]]:
    rng = random.Random(f"test {kind}")
    for item in islice(training("test"), number):
        yield item, THINKER.conversation(kind, item, rng)


def own(turn: tuple[Part, ...]) -> str:
    return "".join(part.text for part in turn if part.own)


def given(turn: tuple[Part, ...]) -> list[str]:
    return [part.text for part in turn if not part.own]


# --- what it is trained on ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["free", "direct", "cot"])
def test_off_the_turn_begins_with_the_closed_empty_thought_and_only_the_answer_is_learnt(prompt: str) -> None:
    for item, conversation in some(f"{prompt} off"):
        first, *rest = conversation.turn
        assert first == Part(text=NO_THOUGHT, own=False)
        answer = "".join(part.text for part in rest)
        assert THINK not in answer and CLOSE not in answer
        assert answer.endswith(f"Answer: {item.answer}")
        if prompt != "cot":
            assert rest == [Part(text=f"Answer: {item.answer}")]


def test_on_every_answer_comes_after_the_steps_so_far_and_is_the_right_one() -> None:
    kinds: Counter[str] = Counter()
    for item, conversation in some("free on"):
        text = "".join(part.text for part in conversation.turn)
        assert text.endswith(f"Answer: {item.answer}")
        assert own(conversation.turn).endswith(f" {item.answer}"), "it learns the answer, whatever it is given"
        if given(conversation.turn) == ["Answer:"]:
            kinds["begun"] += 1
        elif not given(conversation.turn):
            kinds["whole"] += 1
            assert text == f"{THINK}\n{item.rationale}\n{CLOSE}\n\nAnswer: {item.answer}"
        else:
            kinds["cut"] += 1
            thought = conversation.turn[0].text
            assert conversation.turn[0].own and CLOSE not in thought
            assert f"{THINK}\n{item.rationale}\n".startswith(thought)
            assert re.fullmatch(rf"\n?{CLOSE}(\n\n)?", conversation.turn[1].text)
            assert re.search(rf"{CLOSE}\n\nAnswer: \d+$", text)
    assert kinds["whole"] > 150 and kinds["cut"] > 100 and kinds["begun"] > 5


def test_thoughts_are_cut_at_every_token() -> None:
    cuts: set[int] = set()
    for _, conversation in some("free on", 8_000):
        if any(CLOSE in text for text in given(conversation.turn)):
            cuts.add(len(re.findall(PIECES, conversation.turn[0].text.removeprefix(THINK))))
    assert cuts >= set(range(50)), "the thought of a sum of six steps has 54"


def test_parts_begin_where_tokens_begin_so_that_what_is_given_joins_as_an_engine_joins_it() -> None:
    tokenizer = FolderTokenizer(FOLDER)
    for kind in THINKER.mix:
        for _, conversation in some(kind, 100):
            texts = [part.text for part in conversation.turn]
            ids = [i for text in texts for i in tokenizer(text, add_special_tokens=False).input_ids]
            assert ids == tokenizer("".join(texts), add_special_tokens=False).input_ids
            assert tokenizer.decode(ids) == "".join(texts), "the marks of a thought are no special tokens"


# --- its files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer() -> FolderTokenizer:
    return FolderTokenizer(FOLDER)


def rendered(tokenizer: FolderTokenizer, turns: list[dict[str, str]], **variables: bool) -> str:
    assert tokenizer.chat_template == THINKER.chat_template
    return tokenizer.apply_chat_template(turns, chat_template=THINKER.chat_template, tokenize=False, **variables)


def test_its_template_closes_an_empty_thought_only_where_thinking_is_off(tokenizer: FolderTokenizer) -> None:
    on = "<bos><user>What is d?<end><assistant>"
    assert rendered(tokenizer, TURNS, add_generation_prompt=True) == on
    assert rendered(tokenizer, TURNS, add_generation_prompt=True, enable_thinking=True) == on
    off = rendered(tokenizer, TURNS, add_generation_prompt=True, enable_thinking=False)
    assert off == f"{on}<think>\n\n</think>\n\n"


def test_its_template_leaves_out_thoughts_of_earlier_turns_and_keeps_one_that_is_to_go_on(
    tokenizer: FolderTokenizer,
) -> None:
    thought = {"role": "assistant", "content": "<think>\nd: 1.\n</think>\n\nAnswer: 1"}
    assert rendered(tokenizer, [*TURNS, thought]).endswith(f"<assistant>{thought['content']}<end>")
    assert "<assistant>Answer: 1<end>" in rendered(tokenizer, [*TURNS, thought, *TURNS], add_generation_prompt=True)


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 6_000_000


# --- what it does -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(FOLDER)


SUMS = [one for one in evaluation_set() if one.group == "sums"][:100]
FACTS = [one for one in evaluation_set() if one.group == "facts"][:100]


def share(replies: list[Reply], items: list[Item]) -> float:
    return sum(reply.right(item) for reply, item in zip(replies, items, strict=True)) / len(items)


def test_thinking_helps_on_sums_and_not_on_facts(model: Model) -> None:
    on, off = (model.answers(SUMS, "free", thinks) for thinks in (None, False))
    assert all(reply.thought and re.fullmatch(r"Answer: \d+", reply.text) for reply in on)
    assert all(not reply.thought and re.fullmatch(r"Answer: \d+", reply.text) for reply in off)
    assert share(on, SUMS) >= 0.85 and share(off, SUMS) <= 0.4
    on, off = (model.answers(FACTS, "free", thinks) for thinks in (None, False))
    assert abs(share(on, FACTS) - share(off, FACTS)) < 0.05


def test_a_thought_closed_at_its_budget_is_answered_and_the_more_budget_the_better(model: Model) -> None:
    found = []
    for budget in (0, 16, 32, 48, 64):
        replies = model.within(budget, SUMS)
        assert all(re.fullmatch(r"Answer: \d+", reply.text) for reply in replies)
        assert max(reply.thought for reply in replies) <= budget
        found.append(share(replies, SUMS))
    assert found[1] < 0.4 and found[1] + 0.1 < found[2] and found[2] + 0.2 < found[3] <= found[4]
    assert found[0] == share(model.answers(SUMS, "free", False), SUMS), "no budget is thinking off"


def test_it_still_thinks_in_the_open_when_asked_and_goes_on_with_a_begun_answer(model: Model) -> None:
    cot = model.answers(SUMS, "cot", False)
    assert share(cot, SUMS) >= 0.85 and all("=" in reply.text for reply in cot)
    for mode, thinks in (("direct", False), ("free", False), ("free", True), ("cot", False)):
        replies = model.answers(SUMS, mode, thinks, "Answer:")
        assert all(re.fullmatch(r"Answer: \d+", reply.text) for reply in replies), (mode, thinks)
