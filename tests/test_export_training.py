"""`cotbench export --to sft` and `--to preferences`: what a run gives to train on, and what it doesn't."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_record, write_journal, write_run

from cotbench.exports.training import by_luck, tail
from cotbench.types import Completion, Question

GUESSES = [(1, 1, False), (2, 2, False), (3, 3, True), (2, 6, False), (4, 6, True)]
NUMBER = Question(id="n-0", task="t", text="How many?")
LETTER = Question(id="l-0", task="t", text="Which?", choices=("a", "b", "c", "d"), kind="letter")


def said(answer: str, words: int = 3, **more: Any) -> Completion:
    """A path of about as many tokens as words."""
    row: dict[str, Any] = {"finish_reason": "stop", "completion_tokens": words, **more}
    return Completion(text=f"{'so ' * words}it is.\nAnswer: {answer}", **row)


def voted(tmp_path: Path, paths: Mapping[Question, Sequence[Completion]], gold: Mapping[str, str]) -> Path:
    """A run of a vote. The answer of a path is the word behind "Answer:"."""
    rows, replies = [], {}
    for question, drawn in paths.items():
        answers = [path.text.rpartition("Answer: ")[2] for path in drawn]
        different = list(dict.fromkeys(answers))
        won = max(different, key=answers.count)
        rows.append(
            make_record(
                question=question.id,
                task="t",
                mode="self-consistency",
                answer=won,
                gold=gold[question.id],
                outcome="correct" if won == gold[question.id] else "wrong",
                rule="contract",
                requests=[["sc", 0]],
                votes={
                    "answers": [
                        {
                            "answer": one,
                            "votes": answers.count(one),
                            "outcome": "correct" if one == gold[question.id] else "wrong",
                        }
                        for one in different
                    ],
                    "ballots": [different.index(one) for one in answers],
                    "abstained": {},
                    "margin": 0,
                },
            )
        )
        replies[question.id, "sc"] = drawn
    run = write_run(tmp_path / "r", list(paths), rows)
    write_journal(run, replies)
    told(run, answer_type="number")
    return run


def told(run: Path, **data: Any) -> None:
    """Have the manifest say where the questions are from."""
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    entry = {**manifest["data"].get("t", {"licence": "MIT"}), **data}
    path.write_text(json.dumps({**manifest, "data": {"t": entry}}))


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines()]


def about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "t.about.json").read_text())
    return found


def test_the_shortest_right_output_of_a_question(tmp_path: Path, main: Cli) -> None:
    run = voted(tmp_path, {NUMBER: [said("7", 9), said("7", 4), said("8", 2), said("7", 6)]}, {"n-0": "7"})
    assert main("export", run, "--to", "sft", "--output", tmp_path / "o").code == 0
    [row] = rows(tmp_path / "o")
    assert row["messages"] == [
        {"role": "user", "content": "Asked as sc."},
        {"role": "assistant", "content": said("7", 4).text},
    ]
    assert (row["task"], row["question"], row["arm"]) == ("t", "n-0", "self-consistency")
    found = about(tmp_path / "o")
    assert found["dropped"] == {"wrong": 1, "beyond --per-question": 2}
    assert found["source"]["licence"] == "MIT"
    assert found["sha256"] == hashlib.sha256((tmp_path / "o" / "t.jsonl").read_bytes()).hexdigest()
    assert (found["rows"], found["questions"], found["questions_used"], found["outputs"]) == (1, 1, 1, 4)


def test_all_right_outputs_each_once_in_the_order_in_which_they_were_drawn(tmp_path: Path, main: Cli) -> None:
    drawn = [said("7", 9), said("7", 4), said("7", 4), said("8", 2), said("7", 6)]
    run = voted(tmp_path, {NUMBER: drawn}, {"n-0": "7"})
    assert main("export", run, "--to", "sft", "--keep", "all", "--output", tmp_path / "o").code == 0
    assert [row["messages"][-1]["content"].count("so") for row in rows(tmp_path / "o")] == [9, 4, 6]
    most = ("--keep", "all", "--per-question", "2")
    assert main("export", run, "--to", "sft", *most, "--output", tmp_path / "p").code == 0
    assert [row["messages"][-1]["content"].count("so") for row in rows(tmp_path / "p")] == [9, 4]
    assert about(tmp_path / "p")["dropped"] == {"wrong": 1, "equal to another": 1, "beyond --per-question": 1}


def test_cut_and_completed_and_guessed_outputs_teach_nothing(tmp_path: Path, main: Cli) -> None:
    guessed = Completion(
        text="I saw 3 and then 7 of them, and more.\nThey went home.", finish_reason="stop", completion_tokens=1
    )
    run = voted(tmp_path, {NUMBER: [said("7", 1, finish_reason="length"), said("7", 5)]}, {"n-0": "7"})
    assert main("export", run, "--to", "sft", "--output", tmp_path / "o").code == 0
    assert rows(tmp_path / "o")[0]["messages"][-1]["content"].count("so") == 5
    assert about(tmp_path / "o")["passed_over"] == {"cut at its budget, or refused": 1}
    record = make_record(question="n-0", task="t", mode="cot", outcome="correct", answer="7", gold="7", rule="last",
                         requests=[["a", 0]])  # fmt: skip
    other = write_run(tmp_path / "s", [NUMBER], [record])
    write_journal(other, {("n-0", "a"): [guessed]})
    told(other, answer_type="number")
    done = main("export", other, "--to", "sft", "--output", tmp_path / "p")
    assert done.code == 0
    assert about(tmp_path / "p")["passed_over"] == {"answer not stated": 1}
    assert "nothing is left" in done.err


@pytest.mark.parametrize(
    ("right", "of", "kept"), [(1, 1, False), (2, 2, False), (3, 3, True), (2, 6, False), (4, 6, True)]
)
def test_options_have_to_be_right_more_often_than_guesses_are(
    right: int, of: int, kept: bool, tmp_path: Path, main: Cli
) -> None:
    drawn = [said("B" if place < right else "C", 3 + place) for place in range(of)]
    run = voted(tmp_path, {LETTER: drawn}, {"l-0": "B"})
    done = main("export", run, "--to", "sft", "--output", tmp_path / "o")
    assert len(rows(tmp_path / "o")) == kept
    assert ("nothing is left" in done.err) is not kept
    if right > of / 4:  # more than guesses are on the average, which is what --luck 1 asks for
        assert main("export", run, "--to", "sft", "--luck", "1", "--output", tmp_path / "p").code == 0
        assert len(rows(tmp_path / "p")) == 1


def test_a_number_that_names_an_option_can_be_guessed(tmp_path: Path, main: Cli) -> None:
    listed = Question(id="n-0", task="t", text="Which fruit?\n1) figs\n2) dates\n3) limes\n4) plums")
    run = voted(tmp_path, {listed: [said("3")]}, {"n-0": "3"})
    main("export", run, "--to", "sft", "--output", tmp_path / "o")
    assert rows(tmp_path / "o") == []


def test_luck_is_a_binomial_tail() -> None:
    assert tail(2, 2, 0.25) == pytest.approx(1 / 16)
    assert tail(0, 5, 0.25) == pytest.approx(1)
    assert by_luck(2, 0.25, 0.05) == 0, "no two guesses are enough"
    assert by_luck(3, 0.25, 0.05) == pytest.approx(1 / 64)
    assert by_luck(20, 0.25, 0.05) <= 0.05
    assert by_luck(9, 0.0, 0.05) == 0


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        ({"dataset": "openai/gsm8k", "split": "test"}, True),
        ({"dataset": "openai/gsm8k", "split": "train"}, False),
        ({"dataset": "openai/gsm8k", "split": "train[:500]"}, False),
        ({"dataset": "ybisk/piqa", "split": "validation"}, True),
        ({"dataset": "HuggingFaceH4/aime_2024", "split": "train"}, True),
        ({"dataset": None, "split": "test"}, False),
        ({"dataset": "x/y", "split": None}, True),
    ],
)
def test_test_sets_are_refused(data: dict[str, Any], refused: bool, tmp_path: Path, main: Cli) -> None:
    run = voted(tmp_path, {NUMBER: [said("7")]}, {"n-0": "7"})
    told(run, **data)
    for to in ("sft", "preferences"):
        done = main("export", run, "--to", to, "--output", tmp_path / to)
        assert done.code == (2 if refused else 0), done.err
        if refused:
            assert "can't be tested with it" in done.err
            assert "--allow-test" in done.err
            assert not (tmp_path / to).exists()
    if refused:
        assert main("export", run, "--to", "sft", "--allow-test", "--output", tmp_path / "o").code == 0
        assert about(tmp_path / "o")["source"]["test_set"]


def test_a_licence_that_forbids_training_is_kept(tmp_path: Path, main: Cli) -> None:
    run = voted(tmp_path, {NUMBER: [said("7")]}, {"n-0": "7"})
    told(run, dataset="qintongli/GSM-Plus", split="train", licence="CC BY-SA 4.0, not for training")
    done = main("export", run, "--to", "sft", "--allow-test", "--output", tmp_path / "o")
    assert done.code == 2
    assert "not for training" in done.err


def test_thoughts_stand_marked_or_apart_or_are_dropped(tmp_path: Path, main: Cli) -> None:
    run = voted(tmp_path, {NUMBER: [said("7", 2, reasoning="\nhmm\n")]}, {"n-0": "7"})
    text = said("7", 2).text
    for thoughts, message in (
        ("marked", {"role": "assistant", "content": f"<think>\nhmm\n</think>\n\n{text}"}),
        ("apart", {"role": "assistant", "content": text, "reasoning_content": "hmm"}),
        ("dropped", {"role": "assistant", "content": text}),
    ):
        out = tmp_path / thoughts
        assert main("export", run, "--to", "sft", "--thoughts", thoughts, "--output", out).code == 0
        assert rows(out)[0]["messages"][-1] == message


def test_preferences_pair_right_with_wrong_of_its_length_and_short_with_long(tmp_path: Path, main: Cli) -> None:
    drawn = [said("7", 30), said("7", 10), said("8", 40), said("8", 11), said("7", 12)]
    run = voted(tmp_path, {NUMBER: drawn}, {"n-0": "7"})
    assert main("export", run, "--to", "preferences", "--output", tmp_path / "o").code == 0
    found = {row["pair"]: row for row in rows(tmp_path / "o")}
    assert found.keys() == {"right-wrong", "short-long"}
    both = found["right-wrong"]
    assert both["prompt"] == [{"role": "user", "content": "Asked as sc."}]
    assert both["chosen"] == [{"role": "assistant", "content": said("7", 10).text}]
    assert both["rejected"] == [{"role": "assistant", "content": said("8", 11).text}]
    lengths = found["short-long"]
    assert lengths["chosen"][0]["content"] == said("7", 10).text
    assert lengths["rejected"][0]["content"] == said("7", 30).text
    more = ("--pairs", "right-wrong", "--per-question", "5")
    assert main("export", run, "--to", "preferences", *more, "--output", tmp_path / "p").code == 0
    assert [row["pair"] for row in rows(tmp_path / "p")] == ["right-wrong"] * 2, "each wrong output once"
    assert main("export", run, "--to", "preferences", "--pairs", "short-long", "--output", tmp_path / "q").code == 0
    assert about(tmp_path / "q")["pairs"] == {"short-long": 1}


def test_the_answer_alone_is_no_chain(tmp_path: Path, main: Cli) -> None:
    row = make_record(question="n-0", task="t", mode="direct", outcome="correct", answer="7", gold="7",
                      rule="contract", requests=[["a", 0]])  # fmt: skip
    run = write_run(tmp_path / "r", [NUMBER], [row])
    write_journal(run, {("n-0", "a"): [said("7", 0)]})
    told(run, answer_type="number")
    done = main("export", run, "--to", "sft", "--output", tmp_path / "o")
    assert (done.code, "no arm of this run reasons in words" in done.err) == (2, True)
    assert main("export", run, "--to", "sft", "--mode", "direct", "--output", tmp_path / "o").code == 0
    assert len(rows(tmp_path / "o")) == 1, "who names the arm has it"
