"""Our rewards in TRL's own trainer, on the model `demo`, and beside TRL's own rewards.

Needs trl and torch (`.ci/install-trl DIR` makes such an environment)."""

from __future__ import annotations

import json
import math
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

trl = pytest.importorskip("trl")
torch = pytest.importorskip("torch")

from agreement_with_trl import OURS, ROOT, UNDECIDED, compared, counted, outputs  # noqa: E402
from trl import rewards as theirs  # noqa: E402

from cotbench import rewards  # noqa: E402
from cotbench.demo import MODEL  # noqa: E402
from cotbench.modes.prompts import Prompts  # noqa: E402
from cotbench.questions.tasks import find_task  # noqa: E402
from cotbench.runs.score_file import score_file  # noqa: E402
from cotbench.types import Question  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]

STEPS, TOKENS = 30, 72
torch.set_num_threads(1)  # of a model of a million parameters, threads wait for each other


def rows(count: int) -> list[dict[str, Any]]:
    """Questions of the task `demo` as its mode cot asks them."""
    task = find_task("demo").task
    lines = (ROOT / "tasks/demo/questions.jsonl").read_text().splitlines()[:count]
    found = [json.loads(line) for line in lines]
    asked = [Prompts().render("cot", task, Question(id="", task="demo", text=row["question"]), ()) for row in found]
    return [
        {"prompt": [{"role": one.role, "content": one.text} for one in messages], "solution": row["answer"]}
        for messages, row in zip(asked, found, strict=True)
    ]


class Kept:
    """A reward that keeps what it was called with and what it said."""

    def __init__(self, reward: Any) -> None:
        self.reward, self.__name__ = reward, reward.__name__
        self.calls: list[tuple[list[Any], dict[str, Any], list[float | None]]] = []

    def __call__(self, completions: list[Any], **columns: Any) -> list[float | None]:
        said = self.reward(completions, **columns)
        self.calls.append((completions, columns, said))
        return said


def test_thirty_steps_with_all_rewards_and_the_verdicts_of_reports(tmp_path: Path) -> None:
    from datasets import Dataset

    ours = [
        rewards.accuracy(kind="number"),
        rewards.format,
        rewards.answer_format,
        rewards.length(kind="number"),
        rewards.soft_overlong(max_completion_len=TOKENS, soft_punish_cache=16),
        rewards.repetition,
        rewards.language_consistency,
        rewards.cosine_length(max_len=TOKENS, kind="number"),
    ]
    kept = [Kept(one) for one in ours]
    config = trl.GRPOConfig(
        output_dir=str(tmp_path / "out"),
        max_steps=STEPS,
        per_device_train_batch_size=8,
        num_generations=4,
        max_completion_length=TOKENS,
        learning_rate=1e-5,
        temperature=1.0,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
        seed=3,
    )
    trainer = trl.GRPOTrainer(
        model=str(MODEL), reward_funcs=kept, args=config, train_dataset=Dataset.from_list(rows(64))
    )
    trainer.train()
    assert trainer.state.global_step == STEPS
    logs = [row for row in trainer.state.log_history if "rewards/accuracy/mean" in row]
    assert len(logs) == STEPS
    assert all(math.isfinite(row["rewards/length/mean"]) for row in logs)
    assert all("accuracy/unread" in row for row in logs)  # what the reward told the trainer's log
    for row, (_, _, said) in zip(logs, kept[0].calls, strict=True):
        assert row["rewards/accuracy/mean"] == pytest.approx(sum(said) / len(said))
    # The same completions in a file, graded as `cotbench score FILE` grades.
    flat = [
        (completion[0]["content"], solution, one)
        for completions, columns, said in kept[0].calls
        for completion, solution, one in zip(completions, columns["solution"], said, strict=True)
    ]
    assert len(flat) == STEPS * 8
    path = tmp_path / "outputs.jsonl"
    path.write_text(
        "".join(json.dumps({"id": n, "output": text, "gold": gold}) + "\n" for n, (text, gold, _) in enumerate(flat))
    )
    scored, _ = score_file(path, "number", 1)
    assert [float(row.outcome == "correct") for row in scored] == [one for _, _, one in flat]
    assert 0 < sum(one for _, _, one in flat) < len(flat)


def test_the_example_of_the_docs_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    monkeypatch.chdir(tmp_path)
    _, example = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/rewards.md").read_text(), re.M | re.S)
    names: dict[str, Any] = {}
    exec(example.replace("max_steps=30", "max_steps=2"), names)
    assert names["trainer"].state.global_step == 2


def test_soft_overlong_and_repetition_and_cosine_are_what_trl_s_are() -> None:
    ids = [[n % 7 for n in range(length)] for length in range(0, 120, 7)]
    texts = ["a"] * len(ids)
    for most, cache in ((100, 20), (100, 0), (100, 100), (63, 14)):
        mine, other = rewards.soft_overlong(most, cache), theirs.get_soft_overlong_punishment(most, cache)
        assert mine(completions=texts, completion_ids=ids) == other(completion_ids=ids)
    for size, penalty in ((1, -1.0), (3, -0.5), (40, -2.0)):
        mine = rewards.repetition(ngram_size=size, max_penalty=penalty)
        other = theirs.get_repetition_penalty_reward(size, penalty)
        assert mine(completions=texts, completion_ids=ids) == other(completion_ids=ids)
    chats = [[{"role": "assistant", "content": rf"\boxed{{{n % 2}}}"}] for n in range(len(ids))]
    golds = ["1"] * len(ids)
    mine, other = rewards.cosine_length(50), theirs.get_cosine_scaled_reward(50)
    assert mine(completions=chats, completion_ids=ids, solution=golds) == pytest.approx(other(chats, golds, ids))


def test_format_differs_from_trl_s_where_nothing_follows_or_a_mark_is_there_twice() -> None:
    texts = {
        "<think>a</think>b": (1, 1),
        "<think>a\nb</think>\n\nc\n": (1, 1),
        "<think></think>b": (1, 1),
        "a</think>b": (0, 0),
        "b": (0, 0),
        "<think>a": (0, 0),
        " <think>a</think>b": (0, 0),
        "<think>a<think>b</think>c": (0, 0),
        "<think>a</think>b<think>c</think>d": (0, 0),
        "<think>a</think>": (0, 1),
        "<think>a</think>b</think>c": (0, 1),
    }
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    assert rewards.format(chats) == [ours for ours, _ in texts.values()]
    assert theirs.think_format_reward(chats) == [other for _, other in texts.values()]


@pytest.mark.data
def test_all_disagreements_with_trl_s_accuracy_are_classified() -> None:
    made = outputs()
    assert len(made) >= 500
    rows = compared(made)
    assert sum(row.ours == row.theirs for row in rows) >= 300
    page = (ROOT / "docs/rewards.md").read_text()
    for cause, found in counted(rows).items():
        written = re.search(rf"^\| {re.escape(cause)} \| (\d+) \| (\d+) \| (\d+) \|$", page, re.M)
        assert written, f"docs/rewards.md has no row for {cause}"
        # TRL's own limit is of wall time: on a busy machine a comparison or two more end in it.
        slack = 0 if cause in (OURS, UNDECIDED) else 2
        assert [int(count) for count in written.groups()] == pytest.approx(found, abs=slack), cause


def test_trl_s_trainers_can_pickle_them() -> None:
    for one in (rewards.accuracy, rewards.accuracy(kind="number"), rewards.length(kind="letter"), rewards.format):
        assert pickle.loads(pickle.dumps(one)).__name__ == one.__name__
