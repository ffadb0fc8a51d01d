"""Placebos of a thought: what is removed from it, what is put in its place, runs that are resumed and graded again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from test_resume import killed_at

from cotbench.analysis import ratios, stats
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.placebo import NOT_CLEAR, Placebo
from cotbench.engines.stub import StubEngine
from cotbench.errors import UsageError
from cotbench.modes import MODES, Kit, find_mode
from cotbench.modes.placebo import Thought, beginning, in_another_order, thought_of
from cotbench.modes.repeats import repeated
from cotbench.modes.sentences import sentences
from cotbench.modes.steps import Borrow, Generate, Tokens
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.report import placebo as report
from cotbench.runs.donors import donors_of
from cotbench.runs.loop import Job, _Open
from cotbench.runs.stations import word_ends
from cotbench.types import Completion, Outcome, Question, Reply, Request, Sampling

PLACEBOS = {name: mode for name, mode in MODES.items() if mode.facts.placebo}
QUESTION = Question(id="q", task="t", text="What is 3 + 4?")
LETTERED = Question(id="q", task="t", text="Which?", choices=("a", "b", "c"))
STEPS = "3 and 4 are to be added. 3 + 4 = 7."


def kit_of(kind: str = "number", mode: str = "own", **given: Any) -> Kit:
    return Kit(mode=MODES[mode], answer_type=kind, words="Answer:", **given)


def shown(text: str, kind: str = "number", question: Question = QUESTION, finish: str = "stop") -> str:
    return thought_of(question, Completion(text=text, finish_reason=finish), kit_of(kind)).shown  # type: ignore[arg-type]


# --- what is removed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending",
    [
        " The answer is 7.",
        "\nAnswer: 7",
        "\n**Answer:** 7",
        "\nAnswer:\n7",
        "\n\n### Final Answer\n\n**Answer:**\n7\n",
        "\n#### 7",
        "\nSo we get \\boxed{7}.",
        "\nTherefore, the sum is\n\\[\n\\boxed{7}\n\\]",
        "\nAnswer: 7\nI hope this helps! Let me know.",
        " The answer is 7.\nAnswer: 7",
    ],
)
def test_the_sentence_that_states_the_answer_goes_with_all_behind_it(ending: str) -> None:
    assert shown(STEPS + ending) == STEPS


@pytest.mark.parametrize(
    "ending", ["\nAnswer: B", "\nThe answer is (B).", "\n(B)", "\n**B**", " So the correct option is B."]
)
def test_lines_with_a_letter_go(ending: str) -> None:
    steps = "The first is wrong. The third is, too."
    assert shown(steps + ending, "letter", LETTERED) == steps


def test_an_answer_that_is_stated_early_and_again_at_the_end_goes_at_both_places_and_what_is_between_stays() -> None:
    text = "The answer is 7. To check that, 7 - 4 = 3. That is right.\nAnswer: 7"
    assert shown(text) == "To check that, 7 - 4 = 3. That is right."


@pytest.mark.parametrize("again", ["\n\nThe answer is 7.", "\nSo, the answer is 7. The answer is 7!", "\nAnswer: 7"])
def test_an_answer_that_is_stated_in_a_loop_goes_as_often_as_it_is_stated(again: str) -> None:
    assert shown(STEPS + 100 * again) == STEPS
    assert shown(f"{STEPS}{100 * again}\nThe ans", finish="length") == STEPS


def test_a_step_that_speaks_of_the_answer_stays() -> None:
    steps = "Adding goes on up to the answer. It takes 2 rounds to reach the answer."
    assert shown(f"{steps}\n\nSo, the answer is 7.") == steps


def test_a_reply_that_is_nothing_but_an_answer_has_no_thought() -> None:
    assert [shown(text) for text in ("7", "Answer: 7", "**7**")] == ["", "", ""]


def test_what_is_only_guessed_at_stays() -> None:
    assert shown(STEPS) == STEPS  # its last number is read where nothing is stated, and is a step
    assert shown(STEPS + " Then", finish="length") == STEPS + " Then"


def test_an_answer_line_goes_though_nothing_can_be_read_in_it() -> None:
    assert shown(f"{STEPS}\nAnswer: seven or so, or eight") == STEPS


def test_a_hidden_thought_loses_its_answer_too_and_stays_hidden_where_the_engine_takes_it() -> None:
    path = Completion(text="Added up.\nAnswer: 7", finish_reason="stop", reasoning=f"\n{STEPS} So the answer is 7.\n")
    thought = thought_of(QUESTION, path, kit_of())
    assert thought == Thought(STEPS, "Added up.")
    assert thought == thought_of(
        QUESTION,
        Completion(text=f"<think>\n{STEPS} So the answer is 7.\n</think>\nAdded up.\nAnswer: 7", finish_reason="stop"),
        kit_of(),
    )
    held, server = beginning(thought, kit_of(held=True)), beginning(thought, kit_of())
    assert (held.thought, held.text) == (STEPS, "Added up.\nAnswer:")
    assert (server.thought, server.text) == (None, f"{STEPS}\nAdded up.\nAnswer:")


# --- sentences ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("It is 3.5 m. Then 2.", ["It is 3.5 m. ", "Then 2."]),
        ("f: 3. g: 3 * 2 = 6.", ["f: 3. ", "g: 3 * 2 = 6."]),
        ("Dr. Ito has e.g. 4 pens. Ann F. Ito has 5.", ["Dr. Ito has e.g. 4 pens. ", "Ann F. Ito has 5."]),
        ("1. Add up.\n2. Take 3.\n\nDone", ["1. Add up.\n", "2. Take 3.\n\n", "Done"]),
        ('He said "so." Then all came.', ['He said "so." ', "Then all came."]),
        ("The answer is B. So it is.", ["The answer is B. ", "So it is."]),
        ("一共三个。所以是七。", ["一共三个。", "所以是七。"]),
        ("  Well ... so it goes. Yes.\n", ["  Well ... so it goes. ", "Yes.\n"]),
    ],
)
def test_a_text_is_cut_into_its_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
    assert "".join(sentences(text)) == text


def test_sentences_are_shuffled_into_another_order_and_space_stays_where_it_is() -> None:
    assert in_another_order("One. Two.\nThree.", lambda _: [2, 0, 1]) == "Three. One.\nTwo."
    assert in_another_order("One. Two.", lambda count: list(range(count))) == "Two. One."  # never as it was
    assert in_another_order("One.", lambda count: list(range(count))) == "One."
    assert in_another_order("", lambda count: list(range(count))) == ""


# --- the methods, driven by hand ----------------------------------------------------------------------------------


def driven(name: str, path: Completion, lent: tuple[Completion, ...] = ()) -> tuple[Any, Any]:
    """Drive a mode up to the request of its placebo; return this, or None, and the prediction of an answer of 9."""
    flow: Generator[Any, Any, Any] = MODES[name].run(QUESTION, kit_of(mode=name, held=True))
    step, given = next(flow), None
    asked = []
    try:
        while True:
            if isinstance(step, Tokens):
                given = [word_ends(text) for text in step.items]
            elif isinstance(step, Borrow):
                given = [lent]
            else:
                assert isinstance(step, Generate)
                asked.append(step.items[0])
                text = asked[-1].begun.text if asked[-1].begun is not None else ""
                given = [(path if len(asked) == 1 else Completion(text=" 9", finish_reason="stop", begun=text),)]
            step = flow.send(given)
    except StopIteration as end:
        return (asked[1] if len(asked) > 1 else None), end.value


REPLY = Completion(text=f"{STEPS}\nAnswer: 7", finish_reason="stop")


@pytest.mark.parametrize(
    ("name", "begun"),
    [
        ("own", f"{STEPS}\nAnswer:"),
        ("filler", " ".join(["..."] * len(STEPS.split())) + "\nAnswer:"),
        ("other", "Two and two.\nAnswer:"),
        ("shuffled", "3 + 4 = 7. 3 and 4 are to be added.\nAnswer:"),
    ],
)
def test_each_puts_its_own_in_the_place_of_the_thought_and_nothing_in_it_is_read(name: str, begun: str) -> None:
    request, prediction = driven(
        name, REPLY, (Completion(text="Two and two.\nThe answer is 4.", finish_reason="stop"),)
    )
    assert request.begun.text == begun
    assert request.after == (REPLY,)
    assert (prediction.answer, prediction.span) == ("9", (1, 2))


def test_an_empty_answer_is_not_read_in_the_thought_that_was_put_before_it() -> None:
    flow = MODES["own"].run(QUESTION, kit_of())
    next(flow)
    step = flow.send([(REPLY,)])
    empty = Completion(text="", finish_reason="stop", begun=step.items[0].begun.text)
    further = flow.send([(empty,)])  # it is gone on with, as direct is
    assert further.items[0].begun.text == f"{STEPS}\nAnswer:\n"
    with pytest.raises(StopIteration) as end:
        flow.send([()])
    assert end.value.value.outcome is Outcome.UNPARSED


@pytest.mark.parametrize("name", PLACEBOS)
def test_a_thought_that_failed_is_no_verdict(name: str) -> None:
    request, prediction = driven(name, Completion(text="", finish_reason="error", error="gone"))
    assert request is None
    assert prediction.outcome is Outcome.ENGINE_ERROR


def test_a_borrowed_reply_that_failed_is_no_verdict() -> None:
    request, prediction = driven("other", REPLY, (Completion(text="", finish_reason="error", error="gone"),))
    assert request is None
    assert prediction.outcome is Outcome.ENGINE_ERROR


def test_an_arm_that_rests_on_a_thought_has_its_settings_and_says_so() -> None:
    arm = find_mode("filler@of=think@budget=512")
    own, answer = arm.turns
    assert (own.of, own.template, own.tuned["thinking_budget"], answer.template) == ("think", "free", 512, "direct")
    assert arm.facts.of == "think@budget=512"
    with pytest.raises(UsageError, match="there is no mode of this name that asks once"):
        find_mode("own@of=self-consistency")


# --- donors -------------------------------------------------------------------------------------------------------


def test_donors_have_another_gold_and_are_the_same_whatever_the_order() -> None:
    data = load_data(find_task("demo"))
    some = data.questions[:80]
    donors = donors_of("other", data, some, 0)
    assert donors.keys() == {question.id for question in some}
    for own, donor in donors.items():
        assert data.golds[own] != data.golds[donor.id]
        assert donor in some
    assert donors == donors_of("other", data, some[::-1], 0)
    assert donors != donors_of("other", data, some, 1)
    assert len({donor.id for donor in donors.values()}) > 20  # not one for all
    with pytest.raises(UsageError, match="no other question of demo in this run has another right answer"):
        donors_of("other", data, some[:1], 0)


def test_a_question_that_is_alone_of_its_kind_borrows_from_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    rows: list[dict[str, Any]] = [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(5)]
    rows.append({"question": "Which is a fruit?", "choices": ["fig", "owl"], "answer": "A"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = load_data(find_task(str(path)))
    [alone] = [question for question in data.questions if question.choices]
    assert [data.kind_of(question) for question in data.questions].count(data.kind_of(alone)) == 1
    donors = donors_of("other", data, data.questions, 0)
    assert donors[alone.id] != alone
    assert alone not in donors.values()


# --- runs ---------------------------------------------------------------------------------------------------------

RUN = ("--task", "demo", "--mode", ",".join(["direct", "cot", *PLACEBOS]), "--limit", "12", "-q")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.patient
def test_the_thought_fed_back_restores_what_it_gains_and_the_placebos_differ_in_what_is_begun(
    main: Cli, tmp_path: Path
) -> None:
    main("run", "--model", "demo", *RUN, "-o", tmp_path)
    [run] = tmp_path.iterdir()
    records = lines(run / "records.jsonl")
    by_arm = {name: [r["answer"] for r in records if r["mode"] == name] for name in {r["mode"] for r in records}}
    assert by_arm["own"] == by_arm["cot"]
    assert by_arm["filler"] != by_arm["cot"]
    replies = lines(run / "journal.jsonl")
    assert sum(row["template"] == "cot" for row in replies) == 12  # generated once for all
    prompts = {row["prompt"].partition("<assistant>")[0] for row in replies if row["template"] == "direct"}
    assert len(prompts) == 12


@pytest.mark.patient
def test_a_run_that_was_killed_or_torn_anywhere_is_resumed_and_graded_again_byte_for_byte(
    main: Cli, tmp_path: Path
) -> None:
    main("run", "--model", "stub", *RUN, "-o", tmp_path / "whole")
    [whole] = (tmp_path / "whole").iterdir()
    records = (whole / "records.jsonl").read_bytes()
    journal = (whole / "journal.jsonl").read_bytes()
    slow = ["run", "--model", "stub", *RUN, "--model-args", "in_flight=4,latency_s=0.01", "-q"]
    for share in (0.3, 0.7):
        output = tmp_path / f"killed-{share}"
        folder = killed_at(int(share * journal.count(b"\n")), [*slow, "-o", str(output)], output)
        assert (folder / "journal.jsonl").read_bytes().count(b"\n") < journal.count(b"\n")
        main("run", "--resume", folder, "-q")
        assert (folder / "records.jsonl").read_bytes() == records
    for share in (0.15, 0.85):
        torn = tmp_path / f"torn-{share}" / whole.name
        shutil.copytree(whole, torn)
        (torn / "journal.jsonl").write_bytes(journal[: int(share * len(journal))])
        (torn / "records.jsonl").write_bytes(b"")
        main("run", "--resume", torn, "-q")
        assert (torn / "records.jsonl").read_bytes() == records
        assert sorted((torn / "journal.jsonl").read_bytes().splitlines()) == sorted(journal.splitlines())
        main("score", torn)
        assert (torn / "records.jsonl").read_bytes() == records


@pytest.mark.patient
def test_a_borrowed_reply_that_failed_is_asked_again_and_graded_again_without(
    main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main("run", "--model", "stub", *RUN, "-o", tmp_path / "good")
    [good] = (tmp_path / "good").iterdir()
    lost = lines(good / "records.jsonl")[0]["question"]
    whole = StubEngine.poll

    def poll(engine: StubEngine) -> Any:
        gone = Reply(completions=(Completion(text="", finish_reason="error", error="gone"),))
        replies = whole(engine)
        return [
            (key, gone if key.question == lost and not reply.completions[0].begun else reply) for key, reply in replies
        ]

    monkeypatch.setattr(StubEngine, "poll", poll)
    assert main("run", "--model", "stub", *RUN, "-o", tmp_path / "bad").code == 4
    [bad] = (tmp_path / "bad").iterdir()
    failed = [row for row in lines(bad / "records.jsonl") if row["outcome"] == "engine_error"]
    borrowed = [row["error"] for row in failed if row["question"] != lost]
    assert borrowed
    assert set(borrowed) == {"a reply to another question, which it borrows: gone"}
    before = (bad / "records.jsonl").read_bytes()
    assert main("score", bad).code == 0
    assert (bad / "records.jsonl").read_bytes() == before
    monkeypatch.setattr(StubEngine, "poll", whole)
    main("run", "--resume", bad, "-q")
    assert (bad / "records.jsonl").read_bytes() == (good / "records.jsonl").read_bytes()


@pytest.mark.patient
def test_a_shard_refuses_thoughts_of_other_shards(main: Cli, tmp_path: Path) -> None:
    told = main("run", "--model", "stub", *RUN, "--shard", "1/2", "-o", tmp_path)
    assert told.code == 2
    assert "other takes thoughts of" in " ".join(told.err.replace("│", "").split())


# --- figures ------------------------------------------------------------------------------------------------------


def compared(tmp_path: Path, right: dict[str, list[bool]]) -> Comparison:
    count = len(next(iter(right.values())))
    asked = [Question(id=f"t-{i:03}", task="t", text=f"What is {i}{' = ?' if i % 2 else '?'}") for i in range(count)]
    records = [
        make_record(question=question.id, task="t", mode=mode, outcome="correct" if good else "wrong",
                    answer="1" if good else "2", gold="1", rule="contract")
        for mode, row in right.items()
        for question, good in zip(asked, row, strict=True)
    ]  # fmt: skip
    run = write_run(tmp_path / "run", asked, records)
    return compare([load_run(run)], ["direct"])


def halves(*shares: float, count: int = 100) -> list[bool]:
    """So many right of the first and of the second half."""
    half = count // 2
    return [place < share * half for share in shares for place in range(half)]


def row_of(comparison: Comparison, mode: str, tag: str = ALL) -> Placebo:
    return next(row for row in comparison.placebos if (row.mode, row.tag) == (mode, tag))


ARMS = {
    "direct": halves(0.2, 0.2),
    "cot": halves(0.8, 0.8),
    "own": halves(0.8, 0.8),
    "filler": halves(0.2, 0.2),
    "shuffled": halves(0.5, 0.5),
}


def test_the_figures_are_the_thought_less_the_placebo_and_the_share_that_it_keeps(tmp_path: Path) -> None:
    comparison = compared(tmp_path, ARMS)
    own, filler, shuffled = (row_of(comparison, mode) for mode in ("own", "filler", "shuffled"))
    assert (own.lost.value, own.share.value, own.n, own.of) == (0, 1, 100, "cot")
    assert (filler.lost.value, filler.share.value) == (pytest.approx(0.6), 0)
    assert (shuffled.lost.value, shuffled.share.value) == (pytest.approx(0.3), pytest.approx(0.5))
    for row in (own, filler, shuffled):
        assert row.share.low is not None and row.share.high is not None
        assert row.share.low < row.share.value < row.share.high
    assert own.p_holm is None  # the control is no placebo
    assert (filler.family, shuffled.family) == (2, 2)
    assert shuffled.p_holm == pytest.approx(shuffled.lost.p)
    assert filler.p_holm == pytest.approx(2 * (filler.lost.p or 0))
    sides = [row_of(comparison, "shuffled", tag) for tag in (SYMBOLIC, OTHER)]
    assert [row.n for row in sides] == [50, 50]
    [sentence] = report.sentences(comparison)
    assert "filler keeps 0%" in sentence
    assert "it is the thought, not its length" in sentence


def test_where_the_thought_fed_back_is_lost_nothing_is_said_of_the_others(tmp_path: Path) -> None:
    [sentence] = report.sentences(compared(tmp_path, {**ARMS, "own": halves(0.2, 0.2)}))
    assert sentence.endswith(": the thought fed back doesn't restore it, so the others say little.")
    assert "not its length" not in sentence


def test_a_share_of_a_gain_that_is_not_clear_is_none(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {**ARMS, "cot": halves(0.22, 0.2), "own": halves(0.22, 0.2)})
    row = row_of(comparison, "filler")
    assert (row.share, row.unclear) == (Interval(), NOT_CLEAR)
    assert "isn't clear of zero: no share of it is told" in report.sentences(comparison)[0]
    with pytest.raises(UsageError, match="isn't clear of zero"):
        check_gate(parse_gate("survives[t,filler] < 0.5"), comparison)


def test_a_control_that_does_not_restore_the_gain_is_told(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {**ARMS, "own": halves(0.3, 0.3)})
    assert "the thought fed back doesn't restore it" in report.sentences(comparison)[0]


def test_gates_are_on_the_loss_and_on_the_share(tmp_path: Path) -> None:
    comparison = compared(tmp_path, ARMS)
    assert check_gate(parse_gate("placebo[t,filler] >= 60%"), comparison).holds
    assert check_gate(parse_gate("survives[t,shuffled] > 0.4"), comparison).holds
    assert not check_gate(parse_gate("survives_high[t,filler,symbolic] > 0.5"), comparison).holds


def test_a_placebo_without_its_thought_is_noted(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {name: row for name, row in ARMS.items() if name != "cot"})
    assert not comparison.placebos
    assert any("own has nothing to stand beside without cot" in note for note in comparison.notes)


@pytest.mark.patient
def test_fieller_holds_the_share_in_95_of_100_draws() -> None:
    rng = np.random.default_rng(7)
    draws, held, n = 1_000, 0, 300
    for _ in range(draws):
        direct, cot = rng.random(n) < 0.3, rng.random(n) < 0.6
        placebo = np.where(rng.random(n) < 0.4, cot, direct)  # keeps 40 %
        parts, wholes, rest = (a.astype(float) - b for a, b in ((placebo, direct), (cot, direct), (cot, placebo)))
        means = [stats.paired(values) for values in (wholes, parts, rest)]
        found = ratios.share(parts, wholes, stats.mean, *means)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.4 <= found.high
    assert 0.93 < held / draws < 0.97


def test_a_repeat_borrows_the_same_repeat_of_the_other_question() -> None:
    question, donor = (Question(id=f"t-{name}", task="t", text=name) for name in ("a", "b"))
    kit = Kit(mode=repeated(find_mode("other"), 0, 2), answer_type="number")
    flow = _Open(Job(number=0, question=question, gold="1", kit=kit), iter(()))  # type: ignore[arg-type]
    asked = flow.borrows((donor, Request(messages=(), sampling=Sampling(max_tokens=1))))
    assert asked.key is not None
    assert (asked.key.question, asked.key.replicate) == ("t-b", 2)
