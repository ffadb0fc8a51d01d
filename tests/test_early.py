"""Early answering: the answer is begun behind cuts of another arm's thought, and after how much of it that stood."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from test_resume import killed_at, lines

from cotbench.analysis.compare import compare
from cotbench.analysis.early import Cuts, early_of
from cotbench.analysis.estimates import ALL
from cotbench.analysis.frames import load
from cotbench.analysis.pairing import load_run
from cotbench.engines import EngineInfo, ThinkingInfo
from cotbench.errors import UsageError
from cotbench.modes import Continue, Generate, Kit, TaskKit, Tokens, find_mode
from cotbench.modes.early import goes_on_freely, shares_of
from cotbench.modes.sentences import sentences
from cotbench.runs.arms import resolve
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import RunPlan, make_plan
from cotbench.runs.stations import word_ends
from cotbench.store.records import RECORDS
from cotbench.types import Begun, Completion, Prediction, Question

QUESTION = Question(id="q-1", task="sums", text="What are 2 and 3 and 4?")
THOUGHT = "First 2 + 3 = 5. Then 5 + 4 = 9."
REPLY = f"{THOUGHT}\nAnswer: 9"


def drive(arm: str, reply: Completion, answers: list[str], kit: Kit | None = None) -> tuple[Prediction, list[Any]]:
    """Drive the flow of an arm by hand; what it concludes, and its steps. answers: behind each cut."""
    kit = kit or Kit(mode=find_mode(arm), answer_type="number", words="Answer:", held=True)
    flow, steps, results = kit.mode.run(QUESTION, kit), [], None
    while True:
        try:
            step = next(flow) if results is None else flow.send(results)
        except StopIteration as end:
            return end.value, steps
        steps.append(step)
        if isinstance(step, Tokens):
            results = [word_ends(text) for text in step.items]
        elif isinstance(step, Continue):
            results = [(Completion(text=" 9", finish_reason="stop", begun=one.begun.text),) for one in step.items]
        elif not isinstance(step, Generate):
            results = [left == right for left, right in step.items]
        elif len(steps) == 1:
            results = [(reply,)]
        else:
            results = [
                (Completion(text=f" {text}", finish_reason="stop", begun=one.begun.text, prompt_tokens=20 + 2 * at),)
                for at, (one, text) in enumerate(zip(step.items, answers, strict=True))
            ]


def test_the_visible_thought_is_cut_without_the_line_that_states_its_answer() -> None:
    reply = Completion(text=REPLY, finish_reason="stop")
    found, steps = drive("early@cuts=50", reply, ["7", "5", "9"])
    begun = [request.begun for request in steps[2].items]
    assert begun == [
        Begun(text="Answer:"),
        Begun(text="First 2 + 3 = 5.\nAnswer:"),
        Begun(text=f"{THOUGHT}\nAnswer:"),
    ]
    assert all(request.after == (reply,) and request.sampling.greedy for request in steps[2].items)
    assert (found.answer, found.votes and found.votes.ballots) == ("9", (0, 1, 2, 0))
    assert [(node.role, node.tokens) for node in found.nodes] == [
        ("answer", None),
        ("cut", 0),
        ("cut", 2),
        ("cut", 4),
    ]


@pytest.mark.parametrize(
    "ending",
    [
        "\n\nThe answer is 9.\n\nSo, the answer is 9.",
        "\nSo the answer is 9.\nAnswer: 9",
        " The answer is 9." + "\n\nThe final answer is 9.\nThe answer is 9." * 30 + "\n\nThe answ",
    ],
)
def test_a_thought_holds_none_of_the_sentences_that_say_its_answer_again_and_again(ending: str) -> None:
    for finish in ("stop", "length"):
        reply = Completion(text=THOUGHT + ending, finish_reason=finish)  # type: ignore[arg-type]
        _, steps = drive("early@cuts=50", reply, ["7", "5", "9"])
        apart = "\n\n" if ending.startswith("\n\n") else "\n"
        assert steps[2].items[-1].begun == Begun(text=f"{THOUGHT}{apart}Answer:")


def test_behind_all_of_a_thought_without_a_statement_the_line_begins_as_where_the_reply_is_gone_on_with() -> None:
    for finish in ("stop", "length"):
        _, steps = drive("early@cuts=50", Completion(text=THOUGHT, finish_reason=finish), ["9"] * 3)  # type: ignore[arg-type]
        [gone_on] = [item for step in steps if isinstance(step, Continue) for item in step.items]
        assert steps[2].items[-1].begun == gone_on.begun


def test_an_answer_that_is_stated_and_then_checked_is_part_of_the_thought() -> None:
    for checked in ("The answer is 9. Check: 9 - 4 = 5.", "The answer is 8. The answer is 9. Or is it 9?"):
        _, steps = drive("early@cuts=50", Completion(text=f"{checked}\nAnswer: 9", finish_reason="stop"), ["9"] * 3)
        assert steps[2].items[-1].begun == Begun(text=f"{checked}\nAnswer:")
    changed = "2 + 3 = 6. The answer is 10. No, 2 + 3 = 5. The answer is 10."
    _, steps = drive("early@cuts=50", Completion(text=f"{changed}\nAnswer: 9", finish_reason="stop"), ["9"] * 3)
    assert steps[2].items[-1].begun == Begun(text=f"{changed}\nAnswer:")


def test_a_number_is_never_cut_where_a_model_reads_it_digit_by_digit() -> None:
    text = "So 1,240 + 3.5 = 1243.5"
    kit = Kit(mode=find_mode("early@cuts=5"), answer_type="number", words="Answer:", held=True)
    flow = kit.mode.run(QUESTION, kit)
    next(flow)
    flow.send([(Completion(text=f"{text}\nAnswer: 7", finish_reason="stop"),)])
    step = flow.send([tuple(range(1, len(text) + 1))])  # tokens are characters
    cut = {request.begun.text.removesuffix("Answer:").rstrip("\n") for request in step.items}
    assert cut == {"", "So", "So 1,240", "So 1,240 +", "So 1,240 + 3.5", "So 1,240 + 3.5 =", text}


def test_a_hidden_thought_is_cut_and_closed() -> None:
    reply = Completion(text="Answer: 9", reasoning=THOUGHT, finish_reason="stop")
    _, steps = drive("early@of=think@cuts=50", reply, ["7", "5", "9"])
    begun = [request.begun for request in steps[2].items]
    assert begun == [Begun(text="Answer:", thought=text) for text in ("", "First 2 + 3 = 5.", THOUGHT)]


def test_with_sentences_it_is_cut_where_the_last_one_ends() -> None:
    reply = Completion(text=REPLY, finish_reason="stop")
    _, steps = drive("early@cuts=25@sentences=on", reply, ["7", "5", "9", "9", "9"])
    texts = [request.begun.text.removesuffix("Answer:").rstrip() for request in steps[2].items]
    assert texts == ["", "", "First 2 + 3 = 5.", "First 2 + 3 = 5.", THOUGHT]


def test_an_answer_behind_a_cut_is_read_in_its_line_alone() -> None:
    found, _ = drive("early@cuts=50", Completion(text=REPLY, finish_reason="stop"), ["7", "", "9"])
    assert found.votes is not None and found.votes.ballots == (0, 1, None, 0)


def test_a_share_of_questions_is_gone_on_with_from_its_cuts() -> None:
    reply = Completion(text=REPLY, finish_reason="stop")
    kit = Kit(mode=find_mode("early@cuts=50@free=1"), answer_type="number", words="Answer:", held=True)
    flow = kit.mode.run(QUESTION, kit)
    next(flow)
    flow.send([(reply,)])
    step = flow.send([word_ends(THOUGHT)])
    behind = [(Completion(text=" 9", finish_reason="stop", begun=one.begun.text),) for one in step.items]
    freely = flow.send(behind)
    assert [request.begun for request in freely.items] == [None, Begun(text="First 2 + 3 = 5.")]
    shares = [goes_on_freely(0, f"q-{number}", {"free": 0.3}) for number in range(2_000)]
    assert 0.26 < np.mean(shares) < 0.34


def test_how_often_a_thought_is_cut_depends_on_the_setting_alone() -> None:
    assert len(shares_of({"cuts": 10})) == 11 and shares_of({"cuts": 50}) == (0.0, 0.5, 1.0)
    for text in ("", "One.", THOUGHT):
        _, steps = drive("early@cuts=50", Completion(text=text, finish_reason="stop"), ["9"] * 3)
        assert len(steps[2].items) == 3
    with pytest.raises(UsageError, match="cuts is 30"):
        find_mode("early@cuts=30")


def test_an_arm_that_rests_on_another_has_its_settings() -> None:
    mode = find_mode("early@of=think@budget=512")
    assert (mode.facts.of, mode.facts.measures, mode.own.tuned["thinking_budget"]) == ("think@budget=512", True, 512)
    assert "thinking_budget" not in mode.turn("cut").tuned
    for several in ("tot", "tools"):
        with pytest.raises(UsageError, match="no mode of this name that asks once"):
            find_mode(f"early@of={several}")


def test_sentences_joined_are_the_text() -> None:
    text = "  So 3.5 is Dr. Who's. Then e.g. 2. Add up!\n\n1. One\nLast"
    assert "".join(sentences(text)) == text and len(sentences(text)) == 5


def plan_of(*arms: str, **more: Any) -> RunPlan:
    return make_plan(RunOptions(model="stub", tasks=("demo",), modes=arms, limit=4, **more))


def test_it_asks_the_request_of_the_arm_that_it_rests_on() -> None:
    plan = plan_of("cot", "early", max_tokens={"cot": 77})
    [question, *_] = plan.questions["demo"]
    own, early = (plan.kits["demo", name].request(question) for name in ("cot", "early"))
    assert own == early and own.hash == early.hash
    assert own.sampling.max_tokens == 77
    assert isinstance(plan.kits["demo", "early"], TaskKit)


def test_a_hidden_thought_is_refused_where_an_engine_takes_none_back() -> None:
    info = EngineInfo(engine="openai", model="m", continues="server", thinking=ThinkingInfo(on="switch", off="switch"))
    with pytest.raises(UsageError, match="can't be given a part of a thought"):
        resolve([find_mode("early@of=think")], info, "auto")
    assert resolve([find_mode("early")], info, "auto")[0].facts.measures


# --- figures ------------------------------------------------------------------------------------------------------


def cuts(agrees: list[list[int]], right: list[list[int]] | None = None, own: list[int] | None = None) -> Cuts:
    table = np.array(agrees, dtype=bool)
    n, wide = table.shape
    none = np.zeros((n, wide - 1), dtype=bool)
    return Cuts(
        shares=np.linspace(0, 1, wide),
        known=np.ones(n, dtype=bool),
        own=np.array(own or [1] * n, dtype=bool),
        agrees=table,
        right=table if right is None else np.array(right, dtype=bool),
        tokens=np.tile(np.linspace(0, 100, wide), (n, 1)),
        likely=np.full((n, wide), np.nan),
        free=np.zeros(n, dtype=bool),
        free_same=none,
        free_agrees=none,
        free_right=none,
    )


def test_an_answer_is_settled_where_it_outlasts_two_more_cuts_and_the_end() -> None:
    made = cuts([[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1], [1, 1, 1, 1, 0]])
    assert made.at.tolist() == [0.0, 1.0, 0.5, 1.0, 1.0]
    assert made.wasted.tolist() == [100.0, 0.0, 50.0, 0.0, 0.0]


def test_the_area_over_the_curve_leaves_out_what_beginning_the_answer_does() -> None:
    assert cuts([[0, 0, 0, 0, 1]]).area.tolist() == [0.875]
    assert cuts([[1, 1, 1, 1, 1]]).area.tolist() == cuts([[0, 0, 0, 0, 0]]).area.tolist() == [0.0]
    assert cuts([[1, 1, 1, 1, 0]]).area.tolist() == [-0.875]


def test_a_right_answer_that_is_wrong_in_the_end_is_abandoned() -> None:
    made = cuts([[0, 0, 0, 1, 1]] * 3, [[0, 1, 0, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]], [0, 1, 0])
    assert made.abandoned.tolist() == [True, False, False]


# --- runs ---------------------------------------------------------------------------------------------------------

ARMS = "direct,cot,early@free=0.3,early@of=think@sentences=on"


def ask(main: Cli, folder: Path, model: str = "stub", arms: str = ARMS, limit: int = 40, *more: object) -> Path:
    done = main("run", "--model", model, "--task", "demo", "--mode", arms, "--limit", limit, "--output-dir", folder,
                "--json", *more)  # fmt: skip
    assert done.code == 0, done.err
    return Path(json.loads(done.out)["folder"])


def test_grading_again_gives_the_same_records(main: Cli, tmp_path: Path) -> None:
    run = ask(main, tmp_path)
    before = (run / RECORDS).read_bytes()
    done = main("score", run)
    assert done.code == 0, done.err
    assert (run / RECORDS).read_bytes() == before


def test_a_thought_is_written_once_for_both_arms(main: Cli, tmp_path: Path) -> None:
    run = ask(main, tmp_path, "stub", "cot,early", 10)
    entries = [json.loads(line) for line in (run / "journal.jsonl").read_bytes().splitlines()]
    assert sum(not line.get("after") for line in entries) == 10
    assert sum(bool(line.get("after")) for line in entries) >= 110


def test_an_arm_that_measures_is_in_no_difference_and_reports_by_itself(main: Cli, tmp_path: Path) -> None:
    found = compare([load_run(ask(main, tmp_path / "both", "stub", "direct,cot,early"))])
    assert {row.mode for row in found.modes} == {"direct@answer=begun", "cot"} == {c.mode for c in found.costs}
    assert load(tmp_path / "both" / found.runs[0]).votes.empty
    assert {row.mode for row in found.deltas} == {"cot"} and not found.curves and not found.chosen
    question = json.loads((tmp_path / "both" / found.runs[0] / RECORDS).read_bytes().splitlines()[0])["question"]
    shown = main("show", tmp_path / "both" / found.runs[0], question, "--mode", "early")
    assert shown.code == 0 and "100%" in shown.out
    alone = ask(main, tmp_path / "alone", "stub", "early")
    done = main("report", alone, "--quiet", "--fail-if", "area[demo,early] > 5")
    assert done.code == 0, done.err
    told = json.loads((alone / "report" / "report.json").read_text())
    [whole] = [row for row in told["early_answers"] if row["tag"] == ALL]
    assert whole["n"] + whole["unanswered"] == 40 and not told["modes"]
    assert len([row for row in told["early_points"] if row["tag"] == ALL]) == 11
    assert "Early answering" in (alone / "report" / "summary.md").read_text()


def test_the_share_behind_each_cut_is_that_of_its_records(main: Cli, tmp_path: Path) -> None:
    run = ask(main, tmp_path, "stub", "cot,early")
    rows = [json.loads(line) for line in (run / RECORDS).read_bytes().splitlines()]
    ballots = [
        row["votes"]["ballots"] for row in rows if row["mode"] == "early" and row["votes"]["ballots"][0] is not None
    ]
    found = compare([load_run(run)])
    points = [point for point in found.early_points if point.tag == ALL]
    for place, point in enumerate(points, 1):
        assert point.agrees.value == pytest.approx(np.mean([one[place] == one[0] for one in ballots]))
    [chosen] = [row for row in found.early_exits if row.chosen]
    assert chosen.n <= len(ballots)


def test_a_dry_run_counts_what_is_asked_behind_cuts(main: Cli, tmp_path: Path) -> None:
    done = main("run", "--model", "stub", "--task", "demo", "--mode", "cot,early@cuts=20", "--limit", 10, "--dry-run",
                "--json", "--output-dir", tmp_path)  # fmt: skip
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    assert {row["mode"]: row["requests"] for row in rows} == {"cot": 10, "early@cuts=20": 60}


@pytest.mark.patient
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_killed_and_resumed_it_has_the_same_records(main: Cli, tmp_path: Path, share: float) -> None:
    whole = ask(main, tmp_path / "whole", "stub", ARMS, 100)
    command = ["run", "--model", "stub", "--task", "demo", "--mode", ARMS, "--limit", "100", "-q"]
    command += ["--model-args", "latency_s=0.05,in_flight=40", "--output-dir", str(tmp_path / "killed")]
    run = killed_at(int(share * lines(whole)), command, tmp_path / "killed")
    assert json.loads((run / "manifest.json").read_text())["status"] == "running"
    done = main("run", "--resume", run)
    assert done.code == 0, done.err
    assert (run / RECORDS).read_bytes() == (whole / RECORDS).read_bytes()


@pytest.mark.patient
@pytest.mark.parametrize(("model", "arms"), [("demo", "cot,early"), ("demo-thinker", "think,early@of=think@free=0.2")])
def test_small_models_are_graded_again_alike(main: Cli, tmp_path: Path, model: str, arms: str) -> None:
    run = ask(main, tmp_path, model, arms, 40)
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    done = main("score", copy)
    assert done.code == 0, done.err
    assert (copy / RECORDS).read_bytes() == (run / RECORDS).read_bytes()
    panel = compare([load_run(run)]).early_answers
    assert all(row.disagreement.value == 0 for row in panel if row.n)
    assert replace(panel[0]) == panel[0] and early_of([], None).rows == []


@pytest.mark.patient
def test_a_disagreement_stands_beside_that_of_repeats(tmp_path: Path, main: Cli) -> None:
    mode = "direct,cot@temperature=1,early@of=cot@temperature=1"
    asked = main("run", "--model", "stub", "--task", "demo", "--mode", mode, "--limit", "80", "--replicates", "3", "-q")
    assert asked.code == 0, asked.err
    report = json.loads(main("report", "--json", "--no-page").out)
    [row] = [row for row in report["early_answers"] if row["tag"] == "all"]
    [noise] = [one for one in report["noises"] if one["mode"].startswith("cot") and one["tag"] == "all"]
    assert row["of"] == "cot@temperature=1"
    assert not [one for one in report["noises"] if one["mode"].startswith("early")], "it measures that arm, and is none"
    assert 0 < row["noise"] < 1
    assert row["n"] == 80 and row["noise"] == pytest.approx(noise["disagree"], abs=0.02)


def test_one_question_has_no_interval_of_tokens_and_its_report_is_json(tmp_path: Path, main: Cli) -> None:
    asked = main("run", "--model", "stub", "--task", "demo", "--mode", "direct,cot,early", "--limit", "1", "-q")
    assert asked.code == 0, asked.err
    done = main("report", "--json", "--no-page")
    assert done.code == 0, done.err
    rows = [row for row in json.loads(done.out)["early_answers"] if row["n"] == 1]
    assert rows
    assert all(row[f"wasted_tokens_{end}"] is None for row in rows for end in ("low", "high"))
