"""The methods driven by hand, without an engine, and through a run with the stub: votes, programs, plans."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import record_rows

from cotbench.answers.reading.programs import Code
from cotbench.modes import (
    ALIASES,
    MODES,
    Compare,
    Execute,
    Generate,
    Kit,
    read_answer,
    read_execution,
    reasoning_tokens,
)
from cotbench.store.manifest import read_manifest
from cotbench.types import (
    AnswerType,
    Completion,
    Execution,
    ExecutionOutcome,
    Message,
    Outcome,
    Prediction,
    Program,
    Question,
    Request,
    Sampling,
)

QUESTION = Question(id="q", task="t", text="How many?")


class HandKit(Kit):
    """A kit without a task: requests carry what they are for."""

    def __init__(self, answer_type: AnswerType = AnswerType.NUMBER) -> None:
        super().__init__(mode=MODES["cot"], answer_type=answer_type)

    @staticmethod
    def _request(text: str) -> Request:
        return Request(messages=(Message(role="user", text=text),), sampling=Sampling(max_tokens=9))

    def request(self, question: Question, turn: str = "", **given: str) -> Request:
        by = "".join(f" by {value}" for value in given.values())
        return self._request(f"{turn}: {question.text}" if turn else f"{question.text}{by}")


def said(text: str, finish: Any = "stop") -> Completion:
    return Completion(text=text, finish_reason=finish)


def ran(value: str | None = None, outcome: str = "ok", **more: Any) -> Execution:
    return Execution(outcome=ExecutionOutcome(outcome), value=value, **more)


def drive(
    mode: str, *answers: Any, kit: HandKit | None = None, question: Question = QUESTION
) -> tuple[Prediction, list[Any]]:
    """A mode's prediction, and the steps it took, when its steps are answered in turn."""
    flow = MODES[mode].run(question, kit or HandKit())
    steps = [next(flow)]
    for answer in answers:
        try:
            steps.append(flow.send(answer))
        except StopIteration as end:
            return end.value, steps
    raise AssertionError("the flow wants more answers")


def paths(*texts: str) -> list[tuple[Completion, ...]]:
    return [tuple(map(said, texts))]


# --- self-consistency ---------------------------------------------------------------------------------------------


def test_the_majority_wins_and_unread_paths_abstain() -> None:
    texts = ("Answer: 7", "no idea", "Answer: 8", "Answer: 8", "who knows")
    prediction, steps = drive("self-consistency", paths(*texts), [False])
    assert prediction.answer == "8"
    assert prediction.rule == "contract"
    votes = prediction.votes
    assert votes is not None
    assert votes.answers == ("7", "8")
    assert votes.ballots == (0, None, 1, 1, None)
    assert votes.abstained == {"unparsed": 2}
    assert votes.margin == 1
    assert isinstance(steps[0], Generate)
    assert len(steps[0].items) == 1, "one request with n paths, not n requests"
    assert steps[1] == Compare((("7", "8"),))


def test_equal_answers_vote_together() -> None:
    r"""\frac12 and 0.5 are one answer, and outvote 3 although each alone would tie with it."""
    kit = HandKit(AnswerType.LATEX)
    texts = (
        r"Answer: \boxed{3}",
        r"Answer: \boxed{\frac12}",
        r"Answer: \boxed{3}",
        r"Answer: \boxed{0.5}",
        r"Answer: \boxed{1/2}",
    )
    pairs = {("3", r"\frac12"): False, ("3", "0.5"): False, (r"\frac12", "0.5"): True}
    flow = MODES["self-consistency"].run(QUESTION, kit)
    next(flow)
    step = flow.send(paths(*texts))
    assert isinstance(step, Compare)
    with pytest.raises(StopIteration) as end:
        flow.send([pairs.get(pair, pair[1] == "1/2" and pair[0] != "3") for pair in step.items])
    prediction = end.value.value
    assert prediction.answer == r"\frac12"
    assert prediction.votes.ballots == (0, 1, 0, 1, 1)
    assert prediction.votes.answers == ("3", r"\frac12")


def test_a_tie_goes_to_the_answer_reached_first() -> None:
    prediction, _ = drive("self-consistency", paths("Answer: 2", "Answer: 1", "Answer: 1", "Answer: 2"), [False])
    assert prediction.answer == "2"
    assert prediction.votes is not None
    assert prediction.votes.margin == 0


def test_where_all_abstain_the_commonest_reason_stands() -> None:
    replies = [(said("hm"), said("cut in the", "length"), said("cut in the", "length"))]
    prediction, _ = drive("self-consistency", replies)
    assert prediction.outcome is Outcome.TRUNCATED
    assert prediction.votes is not None
    assert prediction.votes.abstained == {"unparsed": 1, "truncated": 2}


def test_a_path_whose_request_failed_spoils_the_vote() -> None:
    prediction, _ = drive("self-consistency", [(said("Answer: 1"), said("", "error"))])
    assert prediction.outcome is Outcome.ENGINE_ERROR


# --- programs -----------------------------------------------------------------------------------------------------

FENCED = "```python\ndef solution():\n    return 13\n```"


def test_a_program_is_run_and_its_value_read() -> None:
    prediction, steps = drive("pal", paths(FENCED), [ran("13", decimal="13")])
    assert steps[1] == Execute((Program(runtime="python", code="def solution():\n    return 13"),))
    assert (prediction.answer, prediction.rule, prediction.votes) == ("13", "program", None)
    assert prediction.span == (10, 40)


def test_a_program_is_found_wherever_a_server_puts_it() -> None:
    """In the reasoning that it splits off too, where the model wrote nothing behind that."""
    for path, span in (
        (Completion(text="", reasoning=f"So:\n{FENCED}\n", finish_reason="stop"), None),
        (Completion(text=f"\n{FENCED}", reasoning="```python\nx = 1\n```", finish_reason="stop"), (11, 41)),
        (Completion(text=f"<think>So:\n{FENCED}\n</think>\n", finish_reason="stop"), (21, 51)),
    ):
        prediction, steps = drive("pal", [(path,)], [ran("13", decimal="13")])
        assert steps[1] == Execute((Program(runtime="python", code="def solution():\n    return 13"),))
        assert (prediction.answer, prediction.span) == ("13", span)


@pytest.mark.parametrize(
    ("execution", "outcome"),
    [
        (ran(outcome="syntax_error"), Outcome.SYNTAX_ERROR),
        (ran(outcome="runtime_error"), Outcome.RUNTIME_ERROR),
        (ran(outcome="timeout"), Outcome.PROGRAM_TIMEOUT),
        (ran(outcome="memory"), Outcome.PROGRAM_MEMORY),
        (ran(outcome="killed"), Outcome.PROGRAM_KILLED),
        (ran(outcome="output_limit"), Outcome.OUTPUT_LIMIT),
        (ran(outcome="no_value"), Outcome.NO_VALUE),
        (ran("a cat"), Outcome.NO_VALUE),
    ],
)
def test_programs_that_fail_are_told_apart(execution: Execution, outcome: Outcome) -> None:
    prediction, _ = drive("pal", paths(FENCED), [execution])
    assert prediction.outcome is outcome


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        (said("It is 13."), Outcome.NO_PROGRAM),
        (said("```python\nx = (1 +", "length"), Outcome.TRUNCATED),
        (said("<think>let me", "stop"), Outcome.NO_PROGRAM),
        (said("<think>let me", "length"), Outcome.TRUNCATED),
        (said("", "error"), Outcome.ENGINE_ERROR),
        (said("I can't help with that", "refused"), Outcome.REFUSED),
    ],
)
def test_without_a_program_nothing_is_run(path: Completion, outcome: Outcome) -> None:
    prediction, steps = drive("pal", [(path,)])
    assert prediction.outcome is outcome
    assert len(steps) == 1


def test_programs_vote_and_failed_ones_abstain() -> None:
    executions = [ran("4", decimal="4"), ran(outcome="runtime_error"), ran("5", decimal="5"), ran("5.0", decimal="5")]
    prediction, steps = drive("pal", paths(FENCED, FENCED, "none", FENCED, FENCED), executions, [False])
    assert len(steps[1].items) == 4
    assert prediction.answer == "5"
    assert prediction.votes is not None
    assert prediction.votes.ballots == (0, None, None, 1, 1)
    assert prediction.votes.abstained == {"runtime_error": 1, "no_program": 1}


@pytest.mark.parametrize(
    ("answer_type", "execution", "answer"),
    [
        (AnswerType.NUMBER, ran("18.0", decimal="18"), "18"),
        (AnswerType.NUMBER, ran("3/4", decimal="0.75"), "0.75"),
        (AnswerType.NUMBER, ran("sqrt(2)", decimal="1.41421356237"), "1.41421356237"),
        (AnswerType.NUMBER, ran("The total is 18 dollars", latex="The total is 18 dollars"), "18"),
        (AnswerType.NUMBER, ran("[1, 2]", latex=r"\left[1, 2\right]"), None),
        (AnswerType.NUMBER, ran("[1 2]", latex="[1 2]"), None),
        (AnswerType.NUMBER, ran("3 4", latex="3 4"), None),
        (AnswerType.NUMBER, ran("x 3 y 4", latex="x 3 y 4"), None),
        (AnswerType.NUMBER, ran("9**9**9", latex="9**9**9"), None),
        (AnswerType.NUMBER, ran("$18", latex="$18"), "18"),
        (AnswerType.NUMBER, ran("Done.", latex="Done.", stdout="Answer: 42\nDone.\n"), "42"),
        (AnswerType.NUMBER, ran("Done.", latex="Done.", stdout="Step 1\nDone.\n"), None),
        (AnswerType.LATEX, ran("The answer is sqrt(3)", latex="The answer is sqrt(3)"), "sqrt(3)"),
        (AnswerType.LATEX, ran("x + 1", latex="x + 1"), "x + 1"),
        (AnswerType.LATEX, ran("sqrt(2)/2", latex=r"\frac{\sqrt{2}}{2}"), r"\frac{\sqrt{2}}{2}"),
        (AnswerType.LETTER, ran("3/4", option="C"), "C"),
        (AnswerType.LETTER, ran("3/4"), None),
    ],
)
def test_values_are_read_by_the_answers_type(answer_type: AnswerType, execution: Execution, answer: str | None) -> None:
    assert read_execution(execution, answer_type, Code(text="", span=(0, 0))).answer == answer


# --- plans --------------------------------------------------------------------------------------------------------

PLAN = "```plan\nanswer: 6 * 7\n```"


def first_request(mode: str) -> Request:
    step = next(MODES[mode].run(QUESTION, HandKit()))
    assert isinstance(step, Generate)
    [request] = step.items
    return request


def test_the_three_plan_modes_begin_with_one_request() -> None:
    assert first_request("plan-direct").hash == first_request("plan-cot").hash == first_request("plan-solver").hash


@pytest.mark.parametrize("mode", ["plan-direct", "plan-cot"])
def test_the_model_carries_its_plan_out(mode: str) -> None:
    prediction, steps = drive(mode, paths(f"<think>hm</think>\n{PLAN}"), paths("Answer: 42"))
    assert steps[1].items[0].messages[0].text == f"How many? by {PLAN}"
    assert prediction.answer == "42"


@pytest.mark.parametrize("mode", ["plan-direct", "plan-cot"])
@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        (said(""), Outcome.PLAN_INVALID),
        (said("", "error"), Outcome.ENGINE_ERROR),
        (said("No.", "refused"), Outcome.REFUSED),
        (said("<think>so long", "length"), Outcome.TRUNCATED),
    ],
)
def test_without_a_plan_there_is_no_second_request(mode: str, path: Completion, outcome: Outcome) -> None:
    prediction, steps = drive(mode, [(path,)])
    assert prediction.outcome is outcome
    assert len(steps) == 1


def test_the_solver_gets_the_plan_and_the_options() -> None:
    question = Question(id="q", task="t", text="Which?", choices=("41", "42"))
    prediction, steps = drive(
        "plan-solver", paths(PLAN), [ran("B", option="B")], kit=HandKit(AnswerType.LETTER), question=question
    )
    assert steps[1] == Execute((Program(runtime="sympy", code="answer: 6 * 7", choices=("41", "42")),))
    assert prediction.answer == "B"


@pytest.mark.parametrize("outcome", ["plan_invalid", "unsolved", "ambiguous"])
def test_plans_that_give_nothing_are_told_apart(outcome: str) -> None:
    prediction, _ = drive("plan-solver", paths(PLAN), [ran(outcome=outcome)])
    assert prediction.outcome is Outcome(outcome)


def test_every_outcome_of_an_execution_has_a_place_in_a_record() -> None:
    for outcome in ExecutionOutcome:
        execution = ran("1" if outcome is ExecutionOutcome.OK else None, outcome=outcome.value)
        prediction = read_execution(execution, AnswerType.NUMBER, Code(text="", span=(0, 0)))
        assert (prediction.answer is None) == (outcome is not ExecutionOutcome.OK)


# --- runs ---------------------------------------------------------------------------------------------------------

ALL = "direct,cot,self-consistency,direct-votes,pal,plan-direct,plan-cot,plan-solver"


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    rows = [{"question": f"What is {i} + {i}? y = {i}", "answer": 2 * i} for i in range(1, 25)]
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(main: Cli, *options: object) -> dict[str, Any]:
    result = main("run", "--model", "stub", *options, "--json", "--quiet")
    assert result.code == 0, result.err
    return json.loads(result.out)


def rows_of(run: dict[str, Any], mode: str) -> Sequence[dict[str, Any]]:
    """Records of a mode, which stands there as the arm that it became."""
    return [row for row in record_rows(Path(run["folder"])) if row["mode"].partition("@")[0] == mode]


def test_all_modes_in_one_run_share_what_they_ask(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(main, "--task", numbers, "--mode", ALL, "--paths", "self-consistency=8", "-o", tmp_path / "r")
    assert done["answers"] == 8 * 24
    silent = sum(row["before"]["replies"] for mode in ALL.split(",") for row in rows_of(done, mode) if "before" in row)
    assert silent
    asked = {
        (row["question"], *key) for mode in ALL.split(",") for row in rows_of(done, mode) for key in row["requests"]
    }
    assert done["requests"] == len(asked)
    assert 8 * 24 < len(asked) <= 8 * 24 + silent, (
        "direct, cot, two votes, pal, one plan for three modes, two that carry it out, and replies gone on with, once "
        "where two were cut at the same place"
    )
    plans = [
        [row["requests"][0][0] for row in rows_of(done, mode)] for mode in ("plan-direct", "plan-cot", "plan-solver")
    ]
    assert plans[0] == plans[1] == plans[2]
    voted = rows_of(done, "self-consistency")
    assert all(len(row["votes"]["ballots"]) == 8 for row in voted)
    assert all(
        sum(a["votes"] for a in row["votes"]["answers"]) + sum(row["votes"]["abstained"].values()) == 8 for row in voted
    )
    right = [a["outcome"] for row in voted for a in row["votes"]["answers"] if a["answer"] == row["gold"]]
    assert set(right) == {"correct"}
    programs = [row for row in rows_of(done, "pal") if row["executions"]]
    assert all(row["executions"][0]["value"] == row["answer"] for row in programs)
    totals = read_manifest(Path(done["folder"])).totals
    assert totals["programs"] == len(programs) + len([r for r in rows_of(done, "plan-solver") if r["executions"]])


def test_votes_over_direct_answers_ask_what_direct_asks(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(main, "--task", numbers, "--mode", "direct,direct-votes", "--paths", "5", "-o", tmp_path / "r")
    direct, votes = rows_of(done, "direct"), rows_of(done, "direct-votes")
    both = [pair for pair in zip(direct, votes, strict=True) if not any("before" in row for row in pair)]
    assert len(both) > 12, "of the others a reply was gone on with"
    assert all(row["prompt_tokens"] == voted["prompt_tokens"] for row, voted in both)
    assert all(len(row["votes"]["ballots"]) == 5 for row in votes)


def test_reasoning_tokens_are_the_engines_or_a_share_of_the_characters() -> None:
    def path(text: str, **more: Any) -> Completion:
        return Completion(text=text, finish_reason="stop", **more)

    assert reasoning_tokens([path("Answer: 1")], 10) == 0
    assert reasoning_tokens([path("<think>" + "x" * 25 + "</think>" + "y" * 40)], 80) == 40
    assert reasoning_tokens([path("y" * 10, reasoning="x" * 30)], 100) == 75
    assert reasoning_tokens([path("y" * 10, reasoning="x" * 30, reasoning_tokens=60)], 100) == 60
    assert reasoning_tokens([path("y"), path("z")], None) is None
    assert reasoning_tokens([path("")], 0) == 0


def test_a_vote_costs_what_all_its_paths_cost(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(main, "--task", numbers, "--mode", "cot,self-consistency", "--paths", "5", "-o", tmp_path / "r")
    one, five = (sum(r["completion_tokens"] for r in rows_of(done, mode)) for mode in ("cot", "self-consistency"))
    assert 4 * one < five < 6 * one
    pairs = list(zip(rows_of(done, "cot"), rows_of(done, "self-consistency"), strict=True))
    alone = [pair for pair in pairs if not any("before" in row for row in pair)]
    assert len(alone) > 12, "of the others a reply was gone on with"
    assert all(a["prompt_tokens"] == b["prompt_tokens"] for a, b in alone), "the prompt is read once for all paths"


def test_sampling_of_each_mode(main: Cli, numbers: Path, tmp_path: Path) -> None:
    options = (
        "--paths",
        "self-consistency=4",
        "--gen-kwargs",
        "self-consistency.temperature=0.5",
        "--max-tokens",
        "plan=99,cot=55",
        "--limit",
        "1",
    )
    done = run(main, "--task", numbers, "--mode", ALL, *options, "-o", tmp_path / "r")
    modes = {
        name.split("/")[1].partition("@")[0]: spec
        for name, spec in read_manifest(Path(done["folder"])).spec_row["modes"].items()
    }
    seen = {
        name: (spec["sampling"]["n"], spec["sampling"]["temperature"], spec["sampling"]["top_p"])
        for name, spec in modes.items()
    }
    assert seen["self-consistency"] == (4, 0.5, 0.95)
    assert seen["cot"] == seen["pal"] == seen["plan-cot"] == (1, 0.0, 1.0)
    assert modes["cot"]["sampling"]["max_tokens"] == 55
    assert {modes[name]["plan"]["sampling"]["max_tokens"] for name in ("plan-direct", "plan-cot", "plan-solver")} == {
        99
    }


def test_programs_vote_where_paths_are_asked_for(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(main, "--task", numbers, "--mode", "pal", "--paths", "3", "-o", tmp_path / "r")
    assert all(len(row["votes"]["ballots"]) == 3 for row in rows_of(done, "pal"))
    sampling = read_manifest(Path(done["folder"])).spec_row["modes"]["sums/pal"]["sampling"]
    assert (sampling["n"], sampling["temperature"]) == (3, 0.7)


@pytest.mark.patient
def test_sympy_is_another_name_of_plan_solver(main: Cli, numbers: Path, tmp_path: Path) -> None:
    assert ALIASES["sympy"] == "plan-solver"
    first = run(main, "--task", numbers, "--mode", "sympy", "-o", tmp_path / "r")
    again = run(main, "--task", numbers, "--mode", "plan-solver", "-o", tmp_path / "r")
    assert first["run"] == again["run"]
    assert again["requests"] == 0
    doubled = main("run", "--model", "stub", "--task", numbers, "--mode", "sympy,plan-solver")
    assert doubled.code == 2
    assert "named twice" in doubled.err


@pytest.mark.patient
def test_the_same_run_ends_with_the_same_records(main: Cli, numbers: Path, tmp_path: Path) -> None:
    """Programs are run again when a run is: that changes nothing."""
    files = []
    for folder in ("a", "b"):
        done = run(main, "--task", numbers, "--mode", ALL, "-o", tmp_path / folder)
        files.append((Path(done["folder"]) / "records.jsonl").read_bytes())
    assert files[0] == files[1]


@pytest.mark.patient
def test_scoring_a_run_again_votes_and_executes_again(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(main, "--task", numbers, "--mode", ALL, "--paths", "4", "-o", tmp_path / "r")
    before = (Path(done["folder"]) / "records.jsonl").read_bytes()
    result = main("score", done["folder"], "--json")
    assert json.loads(result.out)["verdicts_changed"] == 0
    assert (Path(done["folder"]) / "records.jsonl").read_bytes() == before


def test_the_report_has_votes_and_how_questions_ended(main: Cli, numbers: Path, tmp_path: Path) -> None:
    done = run(
        main,
        "--task",
        numbers,
        "--mode",
        "direct,self-consistency,pal",
        "--paths",
        "self-consistency=4",
        "-o",
        tmp_path / "r",
    )
    report = json.loads(main("report", done["folder"], "--no-plots", "--no-page", "--json").out)
    curves = {row["k"]: row for row in report["curves"]}
    assert list(curves) == [1, 2, 4]
    correct = sum(row["outcome"] == "correct" for row in rows_of(done, "self-consistency"))
    assert curves[4]["maj"] == pytest.approx(correct / 24)
    assert curves[1]["maj"] == curves[1]["any"] == curves[1]["mean"] == curves[4]["mean"]
    assert curves[1]["any"] < curves[2]["any"] <= curves[4]["any"]
    ended = {row["mode"]: row["counts"] for row in report["outcomes"]}
    assert sum(ended["pal"].values()) == 24
    text = main("report", done["folder"], "--no-plots", "--no-page", "--full").out
    assert "maj@k" in text
    assert "How questions ended" in text
    assert (Path(done["folder"]) / "report" / "votes.csv").read_text().count("\n") == 4


# --- answers that a server's parser has put elsewhere ---------------------------------------------------------------

SPLIT = [
    # (reasoning, text, finish reason, answer, outcome, rule)
    ("Answer: 11", "", "stop", "11", None, "thought"),
    ("I add 5 and 6. So there are 11 pens.", "", "stop", "11", None, "thought"),
    ("I add.", "Answer: 11", "stop", "11", None, "contract"),
    ("The answer is 12? No.", "Answer: 11", "stop", "11", None, "contract"),
    ("Answer: 11", "", "length", None, Outcome.TRUNCATED, ""),
    ("It can't be determined.", "", "stop", None, Outcome.DECLINED, "declined"),
    ("I add.", "", "stop", None, Outcome.UNPARSED, ""),
    ("I add.", "I'd rather not.", "refused", None, Outcome.REFUSED, ""),
]


@pytest.mark.parametrize(("reasoning", "text", "finish", "answer", "outcome", "rule"), SPLIT)
def test_a_reading_does_not_depend_on_the_parser_of_a_server(
    reasoning: str, text: str, finish: Any, answer: str | None, outcome: Outcome | None, rule: str
) -> None:
    split = Completion(text=text, reasoning=reasoning, finish_reason=finish)
    inline = Completion(text=f"<think>{reasoning}</think>{text}", finish_reason=finish)
    for path in (split, inline):
        got = read_answer(path, AnswerType.NUMBER, ())
        assert (got.answer, got.outcome, got.rule) == (answer, outcome, rule), path
    got = read_answer(split, AnswerType.NUMBER, ())
    assert got.span is None if not text or answer is None else text[slice(*(got.span or (0, 0)))] == answer


@pytest.mark.parametrize(
    "empty",
    ["<think>\n\n</think>\n\n", "<think></think>", "\n</think>\n\n", "[THINK][/THINK]", "<thinking> </thinking>\n"],
)
@pytest.mark.parametrize(("text", "answer"), [("", "11"), ("Answer: 12", "12"), ("<br>", "11")])
def test_an_empty_thought_hides_no_reasoning_that_a_server_split_off(empty: str, text: str, answer: str) -> None:
    """A template may write the empty thought, so that a server takes the answer for reasoning."""
    path = Completion(text=empty + text, reasoning="5 + 6 = 11.\n\nAnswer: 11", finish_reason="stop")
    got = read_answer(path, AnswerType.NUMBER, ())
    assert got.answer == answer
    assert got.span is None if answer == "11" else path.text[slice(*(got.span or (0, 0)))] == answer


OPEN = [
    ("<think>5 + 6 = 11.\n\nAnswer: 11", "stop", "11", None),
    ("<think>5 + 6 = 11.\n\nAnswer: 11", "length", None, Outcome.TRUNCATED),
    ("<think>5 + 6 = 11. Answer: 11? Let me check that.", "stop", None, Outcome.UNPARSED),
    ("<think>Let me see", "stop", None, Outcome.UNPARSED),
    ("<think>Let me see", "length", None, Outcome.TRUNCATED),
]


@pytest.mark.parametrize(("text", "finish", "answer", "outcome"), OPEN)
def test_nothing_is_truncated_that_a_model_ended(
    text: str, finish: Any, answer: str | None, outcome: Outcome | None
) -> None:
    got = read_answer(Completion(text=text, finish_reason=finish), AnswerType.NUMBER, ())
    assert (got.answer, got.outcome) == (answer, outcome)
