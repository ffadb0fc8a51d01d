"""The model that thinks when it is switched on: what it is trained on, its files, what it does with a thought, and the
same through every engine: `cotbench run --model demo-thinker`."""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, run_cli
from vllm_server import EAGER, ENV, serving

from cotbench.demo import THINKER as FOLDER
from cotbench.engines.tokens import FolderTokenizer
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.store.journal import JOURNAL
from cotbench.store.records import RECORDS

sys.path.append(str(ROOT / "tests" / "training"))  # its scripts import each other by name
from conversations import CLOSE, NO_THOUGHT, PIECES, THINK, THINKER, Conversation, Part
from evaluate import Model, Reply
from questions import Item, evaluation_set, training

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


@pytest.mark.patient
def test_a_thought_closed_at_its_budget_is_answered_and_the_more_budget_the_better(model: Model) -> None:
    found = []
    for budget in (0, 16, 32, 48, 64):
        replies = model.within(budget, SUMS)
        assert all(re.fullmatch(r"Answer: \d+", reply.text) for reply in replies)
        assert max(reply.thought for reply in replies) <= budget
        found.append(share(replies, SUMS))
    assert found[1] < 0.4 and found[1] + 0.1 < found[2] and found[2] + 0.2 < found[3] <= found[4]
    assert found[0] == share(model.answers(SUMS, "free", False), SUMS), "no budget is thinking off"


@pytest.mark.patient
def test_it_still_thinks_in_the_open_when_asked_and_goes_on_with_a_begun_answer(model: Model) -> None:
    cot = model.answers(SUMS, "cot", False)
    assert share(cot, SUMS) >= 0.85 and all("=" in reply.text for reply in cot)
    for mode, thinks in (("direct", False), ("free", False), ("free", True), ("cot", False)):
        replies = model.answers(SUMS, mode, thinks, "Answer:")
        assert all(re.fullmatch(r"Answer: \d+", reply.text) for reply in replies), (mode, thinks)


# --- through every engine -----------------------------------------------------------------------------------------

STEPS = (0, 8, 16, 24, 32, 48, 64)
ARMS = "direct,free,cot,think,think@budget=" + "|".join(map(str, STEPS))
LIMIT = 80  # half of them sums
SUM_IDS = {one.id for one in load_data(find_task("demo")).questions if one.group == "sums"}
ON_VLLM = pytest.mark.vllm, pytest.mark.slow


@dataclass(frozen=True)
class Run:
    """What a run wrote: its records by (mode, question), its journal's rows by (question, request's hash)."""

    records: Mapping[tuple[str, str], dict[str, Any]]
    asked: Mapping[tuple[str, str], dict[str, Any]]

    def right(self, mode: str, kind: str = "") -> int:
        """How many are right: of all, or of "sums" or "facts"."""
        return sum(
            row["outcome"] == "correct" and (not kind or (question in SUM_IDS) == (kind == "sums"))
            for (name, question), row in self.records.items()
            if name == mode
        )

    def paths(self, mode: str) -> dict[str, dict[str, Any]]:
        """The one path of each question under a mode."""
        return {
            question: self.asked[question, row["requests"][0][0]]["completions"][0]
            for (name, question), row in self.records.items()
            if name == mode
        }


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def through(output: Path, *more: object) -> Run:
    done = run_cli(
        "run", "--model", "demo-thinker", "--task", "demo", "--mode", ARMS, "--limit", LIMIT, "-o", output, "--json",
        *more, env=ENV, timeout=600,
    )  # fmt: skip
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    records = {(row["mode"], row["question"]): row for row in rows(folder / RECORDS)}
    assert len({question for _, question in records}) == LIMIT
    return Run(records, {(row["question"], row["request"]): row for row in rows(folder / JOURNAL)})


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Through CTranslate2, the engine that --model demo-thinker means."""
    return through(tmp_path_factory.mktemp("usual"))


def has_its_knee_where_the_steps_end(run: Run) -> None:
    """Thoughts of sums end after 30 to 54 tokens: fewer gain nothing, and all of the gain is there at 64."""
    curve = [run.right(f"think@budget={step}", "sums") for step in STEPS]
    sums, off = LIMIT / 2, run.right("free", "sums")
    assert max(curve[: STEPS.index(24) + 1]) <= off + 0.15 * sums
    assert off < curve[STEPS.index(32)] < curve[STEPS.index(48)] - 0.2 * sums
    assert curve[STEPS.index(48)] <= curve[STEPS.index(64)] == run.right("think", "sums") >= 0.85 * sums
    facts = [run.right(f"think@budget={step}", "facts") for step in STEPS]
    assert max(facts) - min(facts) <= 0.1 * sums, "facts gain nothing"


@pytest.mark.patient
def test_its_arms_are_what_their_names_say_and_the_curve_has_its_knee_where_the_steps_end(usual: Run) -> None:
    has_its_knee_where_the_steps_end(usual)
    assert usual.right("cot", "sums") >= 0.85 * LIMIT / 2
    assert usual.paths("think@budget=64") == usual.paths("think")
    texts = {question: path["text"] for question, path in usual.paths("free").items()}
    assert {question: path["text"] for question, path in usual.paths("think@budget=0").items()} == texts
    assert not [row for row in usual.records.values() if row["outcome"] not in ("correct", "wrong")], "all are read"
    for mode in {mode for mode, _ in usual.records}:
        name, _, budget = mode.partition("@budget=")
        spent = [path.get("reasoning_tokens") or 0 for path in usual.paths(mode).values()]
        if name == "think" and budget != "0":
            assert all(spent)
            assert max(spent) <= int(budget or 64)
        else:
            assert not any(spent), mode


@pytest.mark.parametrize(
    ("engine", "arguments"),
    [
        pytest.param("transformers", "dtype=float32", marks=ON_VLLM),
        pytest.param("vllm", EAGER, marks=ON_VLLM),
        pytest.param("ctranslate2", "compute_type=int8", marks=pytest.mark.patient),
    ],
)
def test_it_is_the_same_through_other_engines(usual: Run, engine: str, arguments: str, tmp_path: Path) -> None:
    other = through(tmp_path, "--engine", engine, "--model-args", arguments)
    has_its_knee_where_the_steps_end(other)
    if "int8" in arguments:
        for mode in {mode for mode, _ in usual.records}:
            assert other.right(mode) == pytest.approx(usual.right(mode), abs=0.1 * LIMIT), mode
        return
    assert other.asked.keys() == usual.asked.keys()
    for key, row in usual.asked.items():
        same = {name: other.asked[key][name] for name in ("prompt", "completions")}
        assert same == {name: row[name] for name in ("prompt", "completions")}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(FOLDER, "demo-thinker", "--reasoning-parser", "qwen3") as url:
        yield url


# vLLM's server takes no budget that is longer than the context.
SERVED = ("--engine", "openai", "--max-tokens", 200)


@pytest.mark.vllm
@pytest.mark.slow
def test_it_is_the_same_through_a_server_that_is_sent_tokens(usual: Run, server: str, tmp_path: Path) -> None:
    """The thought is ended from here, in a request of its own, as where the model is in this process."""
    other = through(tmp_path, *SERVED, "--base-url", server, "--tokenizer", FOLDER)
    has_its_knee_where_the_steps_end(other)
    for mode in {mode for mode, _ in usual.records}:
        assert other.paths(mode) == usual.paths(mode), mode


@pytest.mark.vllm
@pytest.mark.slow
def test_a_server_that_ends_thoughts_itself_has_the_same_curve(usual: Run, server: str, tmp_path: Path) -> None:
    """Its own limit doesn't count the mark that opens a thought, and no line break is written before its close."""
    other = through(tmp_path, *SERVED, "--base-url", server)
    has_its_knee_where_the_steps_end(other)
    for mode in ("free", "cot", "think"):
        texts = {question: path["text"].strip() for question, path in other.paths(mode).items()}
        assert texts == {question: path["text"].strip() for question, path in usual.paths(mode).items()}
    for step in STEPS:
        mode = f"think@budget={step}"
        assert other.right(mode) == pytest.approx(usual.right(mode), abs=0.1 * LIMIT)
        assert max(path.get("reasoning_tokens") or 0 for path in other.paths(mode).values()) <= step
