"""Rules that reward completions, in the signature that trainers expect: their values, their columns, their workers."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from cotbench import rewards
from cotbench.answers import grader
from cotbench.errors import UsageError
from cotbench.rewards import correct, grading
from cotbench.runs.score_file import score_file

# Needs a worker each: no shortcut tells them equal.
FORMULAS = [(rf"\boxed{{\frac{{x^2-{n * n}}}{{x-{n}}}}}", f"x+{n}") for n in range(2, 8)]


def chat(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text, **more}]


# --- accuracy -------------------------------------------------------------------------------------------------------


def test_accuracy_is_the_reading_and_grading_of_reports() -> None:
    texts = [r"\boxed{5}", "Answer: 6", "I can't tell.", r"The answer is $\frac{1}{2}$.", "5 or 6"]
    assert rewards.accuracy(texts, solution=["5", "5", "5", "0.5", "5"]) == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert rewards.accuracy(list(map(chat, texts)), solution=["5", "5", "5", "0.5", "5"]) == [1.0, 0.0, 0.0, 1.0, 0.0]


def test_the_first_example_of_the_docs_says_what_it_shows() -> None:
    code = re.search(r"^```python\n(.*?)^```", (ROOT / "docs/rewards.md").read_text(), re.M | re.S)
    assert code
    names: dict[str, Any] = {}
    *setup, call = code[1].strip().splitlines()
    exec("\n".join(setup), names)
    said, _, shown = call.partition("  # ")
    assert eval(said, names) == json.loads(shown)


def test_each_kind_by_setting_or_column_or_options() -> None:
    options = ["Boat", "Train", "Plane"]
    assert rewards.accuracy(kind="number")(["Answer: 1,200"], answer=["1200"]) == [1.0]
    assert rewards.accuracy(["Answer: 1,200"], answer=["#### 1200"], kind="number") == [1.0]
    assert rewards.accuracy(["Answer: C", "Answer: no"], gold=["C", "no"], kind=["letter", "boolean"]) == [1.0, 1.0]
    # Without a kind, options make it a letter; what is right is a letter, a text or a place from 0.
    texts = ["(B) is correct.", "Answer: Train", "Answer: C", "Answer: B"]
    golds = ["B", "Train", 1, 1]
    assert rewards.accuracy(texts, answer=golds, choices=[options] * 4) == [1.0, 1.0, 0.0, 1.0]
    # What is right may be a worked solution, as those of MATH and GSM8K.
    worked = [r"So $x = 4$ and the sum is $\boxed{7}$.", "3 + 4 = <<3+4=7>>7 in all\n#### 7"]
    assert rewards.accuracy(["Answer: 7", r"$\boxed{7}$"], answer=worked) == [1.0, 1.0]
    assert rewards.accuracy(["Answer: 7", "Answer: 8"], answer=worked, kind="number") == [1.0, 0.0]
    mixed = rewards.accuracy(["Answer: A", r"$\boxed{2x}$"], answer=["A", "2x"], choices=[options, None])
    assert mixed == [1.0, 1.0]


def test_a_sample_whose_gold_cannot_be_read_is_left_out_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    correct._told.clear()
    told: dict[str, list[Any]] = {}
    figures: dict[str, float] = {}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = rewards.accuracy(
                ["Answer: 5"] * 4,
                solution=["5", "many", "", None],
                kind="number",
                log_extra=told.__setitem__,
                log_metric=figures.__setitem__,
            )
    assert found == [1.0, None, None, None]
    assert told == {
        "gold": ["5", "", "", ""],
        "answer_read": ["5"] * 4,
        "outcome": ["correct", "no_gold", "no_gold", "no_gold"],
    }
    assert figures == {"accuracy/unread": 0.0, "accuracy/left_out": 0.75}
    assert [record.getMessage() for record in caplog.records] == [
        "3 of 4 completions have no reward: what is right can't be read"
    ]


def test_a_text_may_be_worth_a_part() -> None:
    text, gold = ["Answer: the tall tower"], ["a tall old tower"]
    assert rewards.accuracy(kind="text")(text, gold=gold) == [0.0]
    [part] = rewards.accuracy(kind="text", partial=True)(text, gold=gold)
    assert part == pytest.approx(0.8)  # of 2 and 3 words, 2 are the same


def test_a_completion_of_the_most_tokens_is_read_as_cut() -> None:
    text = ["We have 3 apples, and 4 more, so in the end it is 7"]
    assert rewards.accuracy(kind="number")(text, gold=["7"], completion_ids=[[1] * 20]) == [1.0]
    assert rewards.accuracy(kind="number", max_completion_len=20)(text, gold=["7"], completion_ids=[[1] * 20]) == [0.0]
    assert rewards.accuracy(kind="number", max_completion_len=20)(text, gold=["7"], completion_ids=[[1] * 19]) == [1.0]


def test_messages_with_a_thought_apart_with_parts_and_with_tools() -> None:
    apart = chat("It is 7.", reasoning_content="Answer: 6?")
    parts = [{"role": "assistant", "content": [{"type": "text", "text": "Answer: "}, {"type": "text", "text": "7"}]}]
    tools = [{"role": "assistant", "content": None}, {"role": "tool", "content": "9"}, *chat("Answer: 7")]
    unsaid = [{"role": "tool", "content": "7"}]
    assert rewards.accuracy([apart, parts, tools, unsaid], gold=["7"] * 4) == [1.0, 1.0, 1.0, 0.0]
    assert rewards.format([apart, parts]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "no column says what is right: expected solution, answer, gold, found none"),
        ({"target": ["5"]}, "found target"),
        ({"solution": ["5"], "answer": ["5"]}, 'column="answer"'),
        ({"solution": ["5", "6"]}, "solution has 2 values for 1 completions"),
        ({"solution": "5"}, "solution is '5', expected a list"),
        ({"solution": ["5"], "kind": ["roman"]}, "there is no kind of answers 'roman'"),
        ({"solution": ["5"], "choices": ["Boat"]}, "choices holds 'Boat', expected a list of texts"),
    ],
)
def test_columns_that_do_not_fit_are_told(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        rewards.accuracy(["Answer: 5"], **columns)
    assert said in str(caught.value)


def test_settings_that_do_not_fit_are_told() -> None:
    for make in (
        lambda: rewards.accuracy(kind="roman"),
        lambda: rewards.soft_overlong(10, 20),
        lambda: rewards.repetition(ngram_size=0),
        lambda: rewards.repetition(max_penalty=1.0),
        lambda: rewards.language_consistency(language="xx"),
        lambda: rewards.cosine_length(0),
    ):
        with pytest.raises(UsageError):
            make()
    with pytest.raises(TypeError):
        rewards.accuracy(knd="number")
    assert rewards.accuracy(column="target")(["Answer: 5"], target=["5"], answer=["6"]) == [1.0]


def test_the_verdicts_of_score_file(tmp_path: Path) -> None:
    texts = [text for text, _ in FORMULAS] + [r"\boxed{x+9}", "Answer: 5", "nothing", r"\boxed{\frac{2}{4}}"]
    golds = [gold for _, gold in FORMULAS] + ["x+8", "5", "5", r"\frac12"]
    rows = [{"id": n, "output": text, "gold": gold} for n, (text, gold) in enumerate(zip(texts, golds, strict=True))]
    path = tmp_path / "outputs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored, _ = score_file(path, "latex", 1)
    assert rewards.accuracy(texts, solution=golds) == [float(row.outcome == "correct") for row in scored]


# --- forms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("<think>a</think>b", 1),
        ("<think>a\nb</think>\n\nc", 1),
        ("<think>a</think>", 0),
        ("<think>a</think> \n", 0),
        ("<think>a</think>b</think>c", 0),
        ("<think>a<think>b</think>c", 0),
        ("a</think>b", 0),
        ("<think>a", 0),
        ("b", 0),
        ("", 0),
        ("x<think>a</think>b", 0),
    ],
)
def test_format_is_one_block_of_thought_and_a_text(text: str, worth: float) -> None:
    assert rewards.format([text]) == rewards.format([chat(text)]) == [worth]


def test_format_where_the_template_opens_the_thought() -> None:
    opened = rewards.format(opened=True)
    assert opened(["a</think>b", "<think>a</think>b", "b", "a</think>"]) == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("<think>a</think><answer>5</answer>", 1),
        ("<think>\na\n</think>\n<answer>\n5\n</answer>\n", 1),
        ("<think>a</think> so <answer>5</answer>", 0),
        ("<think>a</think><answer>5</answer> done", 0),
        ("<think>a</think><answer> </answer>", 0),
        ("<think>a</think><answer></answer>", 0),
        ("<think>a</think><answer>5", 0),
        ("<answer>5</answer>", 0),
        ("<answer>5</answer><think>a</think>", 0),
        ("<think><answer>5</answer></think><answer>5</answer>", 0),
        ("<think>a</think><answer>5<answer></answer>", 0),
    ],
)
def test_answer_format_is_the_form_of_r1(text: str, worth: float) -> None:
    assert rewards.answer_format([text], solution=["x"]) == [worth]


# --- lengths --------------------------------------------------------------------------------------------------------


def test_length_is_kimi_s_within_the_completions_of_a_prompt() -> None:
    texts = ["Answer: 5", "Answer: 5", "Answer: 6", "Answer: 6", "Answer: 5", "Answer: 6"]
    ids = [[1] * 10, [1] * 30, [1] * 10, [1] * 20, [1] * 7, [1] * 7]
    found = rewards.length(texts, prompts=["p", "p", "p", "p", "q", "q"], completion_ids=ids, gold=["5"] * 6)
    # lambda = 0.5 - (len - 10) / 20; the wrong ones have no more than 0; q's are of one length
    assert found == [0.5, -0.5, 0.0, 0.0, 0.0, 0.0]
    longest = rewards.length(
        texts[:4], prompts=["p"] * 4, completion_ids=[[1] * n for n in (10, 20, 10, 30)], gold=["5"] * 4
    )
    assert longest == [0.5, 0.0, 0.0, -0.5]


def test_length_groups_equal_prompts_wherever_they_stand_and_counts_characters_without_tokens() -> None:
    asked = [[{"role": "user", "content": each}] for each in "pqpq"]
    texts = ["Answer: 5", "Answer: 5", "Well. Answer: 5", "Well, well. Answer: 5"]
    assert rewards.length(texts, prompts=asked, gold=["5"] * 4) == [0.5, 0.5, -0.5, -0.5]
    assert rewards.length(["Answer: 5", "Answer: 55555"], gold=["5", "?"], kind="number") == [0.5, None]


def test_soft_overlong_is_dapo_s() -> None:
    punish = rewards.soft_overlong(max_completion_len=100, soft_punish_cache=20)
    ids = [[1] * n for n in (0, 80, 85, 90, 100, 101)]
    assert punish(completions=["a"] * 6, completion_ids=ids) == [0.0, 0.0, -0.25, -0.5, -1.0, -1.0]
    with pytest.raises(UsageError, match="completion_ids"):
        punish(["a"])


def test_cosine_length_goes_from_value_to_value() -> None:
    reward = rewards.cosine_length(100)
    ids = [[1] * n for n in (0, 50, 100, 200, 0, 100)]
    texts = ["Answer: 5"] * 4 + ["Answer: 6"] * 2
    assert reward(texts, gold=["5"] * 6, completion_ids=ids) == pytest.approx([1.0, 0.75, 0.5, 0.5, -1.0, -0.5])


# --- wording --------------------------------------------------------------------------------------------------------


def test_repetition_over_tokens_and_over_words() -> None:
    two = rewards.repetition(ngram_size=2, max_penalty=-1.0)
    assert two(["", ""], completion_ids=[[1, 2, 3, 4], [5, 5, 5, 5, 5]]) == [0.0, -0.75]
    assert two(["a b A B a b", "a"]) == [pytest.approx(-0.6), 0.0]
    assert rewards.repetition(["no word comes twice here", "again again again again"]) == [0.0, -0.5]


@pytest.mark.parametrize(
    ("language", "text", "share"),
    [
        ("en", "We add both numbers.", 1.0),
        ("en", "We add 三 numbers.", 3 / 4),
        ("en", "<think>We add</think>再加三", 1.0),
        ("en", "再加", 0.0),
        ("en", r"Добавим $\alpha + x$ and \frac{1}{2}", 1 / 2),
        ("zh", "再加 three", 2 / 3),
        ("zh", "所以 $x = \\text{three}$ 是", 1.0),
        ("ru", "Мы складываем числа", 1.0),
        ("ja", "これはペンです", 1.0),
        ("en", "Überprüfen naïve", 1.0),
        ("en", "12 + 5 = 17", None),
        ("en", "", None),
    ],
)
def test_language_consistency_is_the_share_of_words_in_its_letters(
    language: str, text: str, share: float | None
) -> None:
    expected = [None] if share is None else [pytest.approx(share)]
    assert rewards.language_consistency(language=language)([text]) == expected
    assert rewards.language_consistency([text], language=[language]) == expected


# --- in trainers, workers, threads ----------------------------------------------------------------------------------

MADE = [
    *(getattr(rewards, name) for name in rewards.__all__),
    *(rewards.accuracy(kind="number"), rewards.format(opened=True), rewards.length(kind="letter")),
    *(rewards.soft_overlong(9, 3), rewards.repetition(ngram_size=2), rewards.cosine_length(9, kind="number")),
    rewards.language_consistency(language="de"),
]


@pytest.mark.parametrize("reward", MADE, ids=lambda one: one.__name__)
def test_rewards_can_be_pickled_and_have_the_name_under_which_trainers_log(reward: Any) -> None:
    again = pickle.loads(pickle.dumps(reward))
    assert again.__name__ == reward.__name__
    assert reward.__name__ in rewards.__all__
    assert again == reward


def test_no_completions_no_rewards() -> None:
    assert rewards.accuracy([], solution=[]) == rewards.format([]) == rewards.length([], solution=[]) == []


@pytest.mark.patient
def test_formulas_are_compared_from_any_thread_and_in_forked_children() -> None:
    (text, gold), *others = FORMULAS
    assert rewards.accuracy([text], solution=[gold]) == [1.0]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda row: rewards.accuracy([row[0]], solution=[row[1]]), others)) == [[1.0]] * 5
    done = multiprocessing.get_context("fork").SimpleQueue()
    child = multiprocessing.get_context("fork").Process(
        target=lambda: done.put(rewards.accuracy([r"\boxed{\frac{y^2-9}{y+3}}"], solution=["y-3"])), daemon=True
    )
    child.start()
    child.join(60)
    assert (child.exitcode, done.get()) == (0, [1.0])
    assert rewards.accuracy([r"\boxed{\frac{y^2-16}{y+4}}"], solution=["y-4"]) == [1.0]


SCRIPT = """
import os, sys, threading
print("begins", flush=True)
from cotbench import rewards
print(rewards.accuracy([r"\\boxed{\\frac{x^2-4}{x-2}}"], solution=["x+2"]), "torch" in sys.modules, flush=True)
pid = os.fork()
if pid == 0:
    print("child", rewards.accuracy([r"\\boxed{\\frac{x^2-9}{x-3}}"], solution=["x+3"]), flush=True)
    sys.exit(0)
os.waitpid(pid, 0)
print("parent", rewards.accuracy([r"\\boxed{\\frac{x^2-16}{x-4}}"], solution=["x+4"]), flush=True)
"""


@pytest.mark.patient
def test_a_script_without_a_guard_is_not_run_again_in_workers_and_none_are_left(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["begins", "[1.0] False", "child [1.0]", "parent [1.0]"]
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_no_signal_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("a handler was set"))
    monkeypatch.setattr(signal, "setitimer", lambda *_: pytest.fail("a timer was set"))
    monkeypatch.setattr(signal, "alarm", lambda *_: pytest.fail("an alarm was set"))
    assert rewards.accuracy([r"\boxed{\frac{z^2-4}{z-2}}"], solution=["z+2"]) == [1.0]


@pytest.mark.patient
def test_what_takes_too_long_is_left_out_and_the_next_call_has_workers() -> None:
    started = time.monotonic()
    slow = [rf"\boxed{{x^{{x^{{x^{{x^{{x^{{{n}}}}}}}}}}}}}" for n in range(2, 12)]
    found = rewards.accuracy(wait_s=1.0)([*slow, "\\boxed{5}"], solution=["x^3+1"] * 10 + ["5"])
    assert None in found[:10]
    assert found[10] == 1.0
    assert 1.0 not in found[:10]
    assert rewards.accuracy([r"\boxed{\frac{w^2-4}{w-2}}"], solution=["w+2"]) == [1.0]
    assert time.monotonic() - started < 60


@pytest.mark.patient
def test_giving_up_leaves_what_others_wait_for() -> None:
    work: grader.Grader[int] = grader.Grader(1)
    assert work.submit(1, "x^{x^{x^{x^{x^{3}}}}}", "x+1", "latex") is None
    assert work.submit(2, r"\frac{x^2-4}{x-2}", "x+2", "latex") is None
    work.give_up({1})
    assert work.pending == 1
    found: list[Any] = []
    limit = time.monotonic() + 60
    while work.pending and time.monotonic() < limit:
        found += work.done(0.5)
    work.close()
    assert found == [(2, grader.RIGHT)]
    work.forget(0)
    assert work.pending == 0


@pytest.mark.patient
def test_hostile_formulas_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from test_hostile import HEAVY

    started = time.monotonic()
    texts = [rf"\boxed{{{text}}}" for text in HEAVY.values()]
    found = rewards.accuracy(texts, solution=[r"x^3+\frac{1}{2}"] * len(texts))
    assert time.monotonic() - started < 90
    assert 1.0 not in found
    for name in ("format", "answer_format", "repetition", "language_consistency"):
        long = [text * (100_000 // len(text)) for text in ("<think>", "$", "\\(", "`", "a ", "再", "</", "\\[x")]
        began = time.monotonic()
        getattr(rewards, name)(long)
        assert time.monotonic() - began < 10


@pytest.mark.patient
def test_ten_thousand_completions_take_seconds() -> None:
    """Half numbers behind a thought, a third letters, a fifth short LaTeX."""
    texts, golds, kinds, options = [], [], [], []
    words = "so we add the number of apples and then multiply by 3 to get 12 which is " * 8
    for n in range(10_000):
        a, b = n % 37 + 2, n % 23 + 3
        if n % 10 < 5:
            row = (f"<think>{words}</think>\nAnswer: {n}", str(n + n % 2), "number", None)
        elif n % 10 < 8:
            row = (f"{words}\nThe answer is ({'ABCD'[n % 4]}).", "B", "letter", ["one", "two", "three", "four"])
        else:
            gold, said = [(f"{a}x+{b}", f"{b}+{a}x"), (f"\\frac{{{a}}}{{{b}}}", f"\\frac{{{2 * a}}}{{{2 * b}}}")][n % 2]
            row = (f"{words}\n$\\boxed{{{said}}}$", gold, "latex", None)
        for column, value in zip((texts, golds, kinds, options), row, strict=True):
            column.append(value)
    started = time.monotonic()
    found = rewards.accuracy(texts, solution=golds, kind=kinds, choices=options)
    assert time.monotonic() - started < 20  # alone on two cores 4 s; tests share them
    assert None not in found
    assert found[8::10] == found[9::10] == [1.0] * 1000
    assert not math.isnan(sum(map(float, found)))  # type: ignore[arg-type]


def test_workers_are_shared_among_processes_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for side_by_side, workers in (("", 4), ("1", 4), ("4", 2), ("16", 1), ("x", 4)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", side_by_side)
        assert grading._workers() == workers


def test_ending_the_workers_leaves_no_thread() -> None:
    assert rewards.accuracy([r"\boxed{\frac{v^2-4}{v-2}}"], solution=["v+2"]) == [1.0]
    grading.end_workers()
    assert "cotbench-rewards" not in [thread.name for thread in threading.enumerate()]


ALL = ("accuracy", "format", "answer_format", "length", "repetition", "language_consistency")


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("odd", [None, 5, b"Answer: 3", [None], float("nan"), [{"role": "assistant", "content": 5}]])
def test_a_completion_that_is_no_text_is_named(name: str, odd: Any) -> None:
    with pytest.raises(UsageError, match=r"^completion 1 is .*, expected a text, or a chat"):
        getattr(rewards, name)(["Answer: 3", odd], solution=["3", "3"])


@pytest.mark.parametrize("missing", [None, float("nan"), {}, b"3", [None], [float("nan")], object()])
def test_gold_that_is_missing_is_no_zero(missing: Any) -> None:
    found = rewards.accuracy(["Answer: 3"] * 2, solution=["3", missing], kind=["latex", "latex"])
    assert found == [1.0, None]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("accuracy", {"max_completion_len": "x"}),
        ("accuracy", {"wait_s": float("nan")}),
        ("soft_overlong", {"max_completion_len": None, "soft_punish_cache": 1}),
        ("repetition", {"ngram_size": 1.5}),
        ("repetition", {"max_penalty": float("nan")}),
        ("cosine_length", {"max_len": "x"}),
        ("cosine_length", {"max_len": 5, "min_value_wrong": float("nan")}),
    ],
)
def test_a_setting_that_is_no_number_is_said(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"^{name}: .* expected a (whole )?number"):
        getattr(rewards, name)(**settings)


def test_tokens_that_are_no_list_are_said() -> None:
    with pytest.raises(UsageError, match=r"^completion_ids: value 0 is None"):
        rewards.accuracy(max_completion_len=5)(["Answer: 3"], solution=["3"], completion_ids=[None])
