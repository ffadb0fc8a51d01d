"""Tools in a loop: the method driven by hand and over the sandbox, and runs of the stand-in.

What a reply's block is, and what a block shows, stands in cases/tools.yaml.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cases import load, rows
from conftest import Cli
from handmade import make_record, record_rows, write_run
from hostile_programs import ATTACKS, CONTAINED, filled, numbers
from msgspec import structs

from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import load_run
from cotbench.answers.grader import Grader
from cotbench.modes import MODES, Continue, Execute, Generate, Kit
from cotbench.modes.prompts import Prompts
from cotbench.modes.reading import block_of
from cotbench.modes.tools import MOST_SHOWN, NOTHING
from cotbench.programs import TEXT_CHARS, Limits, Sandbox, missing_features
from cotbench.programs.runtime import LINE_CHARS
from cotbench.questions.tasks import find_task, list_task_files
from cotbench.store.journal import JOURNAL
from cotbench.store.records import RECORDS
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
CASES = load("tools")
contained = pytest.mark.skipif(bool(missing_features()), reason=f"no containment here: {', '.join(missing_features())}")


class ToolKit(Kit):
    """A kit without a task: a request's messages are what the turn is given."""

    def __init__(self, calls: int = 4, *, words: str = "") -> None:
        super().__init__(mode=MODES["tools"], answer_type=AnswerType.NUMBER, words=words, values={"calls": calls})

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:
        told = [text for one in given["turns"] for text in (one["reply"], one["output"])]
        messages = tuple(Message(role="user" if at % 2 else "assistant", text=text) for at, text in enumerate(told))
        return Request(messages=messages, sampling=Sampling(max_tokens=9))


def block(code: str) -> str:
    return f"```python\n{code}\n```"


def said(text: str, finish: Any = "stop") -> Completion:
    return Completion(text=text, finish_reason=finish)


def ran(stdout: str = "", outcome: str = "ok", error: str = "") -> Execution:
    lines = stdout.split() if outcome == "ok" else []
    value = lines[-1] if lines else None
    return Execution(outcome=ExecutionOutcome(outcome), value=value, stdout=stdout, error=error)


def drive(
    replies: Sequence[Completion | str], executions: Sequence[Execution] | Sandbox[Any] = (), kit: Kit | None = None
) -> tuple[Prediction, list[Request], list[Program]]:
    """The mode's prediction, what it asked, and what it had run. executions: made up, or by a sandbox."""
    asked: list[Request] = []
    programs: list[Program] = []
    flow = MODES["tools"].run(QUESTION, kit or ToolKit())
    results: Any = None
    while True:
        try:
            step = next(flow) if results is None else flow.send(results)
        except StopIteration as end:
            assert len(asked) == len(replies)
            return end.value, asked, programs
        [item] = step.items
        if isinstance(step, Execute):
            programs.append(item)
            done = executions.run(item) if isinstance(executions, Sandbox) else executions[len(programs) - 1]
            results = [done]
        else:
            assert isinstance(step, Generate | Continue)
            reply = replies[len(asked)]
            asked.append(item)
            path = said(reply) if isinstance(reply, str) else reply
            results = [(structs.replace(path, begun=item.begun.text) if item.begun else path,)]


def shown_by(request: Request) -> list[str]:
    """The outputs that a request shows."""
    return [message.text for message in request.messages[1::2]]


# --- the method, by hand ------------------------------------------------------------------------------------------


def test_a_block_is_run_and_its_output_shown_before_the_answer() -> None:
    first = said(f"I add.\n{block('print(2 + 3)')}")
    prediction, asked, programs = drive([first, "It is five.\nAnswer: 5"], [ran("5\n")])
    assert (prediction.answer, prediction.rule) == ("5", "contract")
    assert programs == [Program(runtime="notebook", code="print(2 + 3)")]
    assert [message.text for message in asked[1].messages] == [first.text, "5"]
    assert [one.after for one in asked] == [(), (first,)]
    chain = [(node.role, node.parent, node.text, node.kept) for node in prediction.nodes]
    assert chain == [
        ("code", None, first.text, True),
        ("output", 0, "5", True),
        ("answer", 1, "It is five.\nAnswer: 5", True),
    ]
    assert prediction.nodes[0].source is first


def test_each_request_builds_on_the_reply_before_it() -> None:
    replies = [said(block(f"print({n})")) for n in range(3)] + [said("Answer: 2")]
    _, asked, _ = drive(replies, [ran("0"), ran("1"), ran("2")])
    assert [one.after for one in asked] == [(), *((reply,) for reply in replies[:3])]
    assert [len(one.messages) for one in asked] == [0, 2, 4, 6]


def test_an_error_is_shown_and_may_be_recovered_from() -> None:
    failed = ran("half\n", "runtime_error", "line 2: ZeroDivisionError: division by zero")
    prediction, asked, _ = drive([block("1 / 0"), block("print(1)"), "Answer: 1"], [failed, ran("1\n")])
    assert prediction.answer == "1"
    assert shown_by(asked[1]) == ["half\nError: line 2: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        ("runtime_error", Outcome.RUNTIME_ERROR),
        ("syntax_error", Outcome.SYNTAX_ERROR),
        ("timeout", Outcome.PROGRAM_TIMEOUT),
        ("memory", Outcome.PROGRAM_MEMORY),
        ("output_limit", Outcome.OUTPUT_LIMIT),
        ("killed", Outcome.PROGRAM_KILLED),
        ("ok", Outcome.UNPARSED),
        ("no_value", Outcome.UNPARSED),
    ],
)
def test_without_an_answer_behind_an_error_the_outcome_is_the_errors(ended: str, outcome: Outcome) -> None:
    prediction, _, _ = drive([block("x"), "I give up."], [ran("7" if ended == "ok" else "", ended, "why")])
    assert (prediction.answer, prediction.outcome) == (None, outcome)


def test_an_error_that_was_mended_isnt_the_outcome() -> None:
    prediction, _, _ = drive([block("x"), block("y"), "Hm."], [ran("", "runtime_error", "why"), ran("3")])
    assert prediction.outcome is Outcome.UNPARSED


def test_what_ended_a_reply_otherwise_stays_the_outcome() -> None:
    failed = [ran("", "runtime_error", "why")]
    assert drive([block("x"), said("So we", "length")], failed)[0].outcome is Outcome.TRUNCATED
    assert drive([block("x"), said("", "refused")], failed)[0].outcome is Outcome.REFUSED
    assert drive([block("x"), said("", "error")], failed)[0].outcome is Outcome.ENGINE_ERROR
    assert drive([block("x"), "Answer: 4"], failed)[0].answer == "4"


def test_a_request_that_failed_is_never_wrong() -> None:
    prediction, _, programs = drive([said("", "error")])
    assert (prediction.outcome, programs) == (Outcome.ENGINE_ERROR, [])


def test_an_answer_in_words_needs_no_code() -> None:
    prediction, asked, programs = drive(["It is four.\nAnswer: 4"])
    assert (prediction.answer, len(asked), programs) == ("4", 1, [])
    assert [(node.role, node.parent) for node in prediction.nodes] == [("answer", None)]


def test_no_more_blocks_are_run_than_an_arm_allows() -> None:
    replies = [block("print(1)"), block("print(2)"), f"{block('print(3)')}\nAnswer: 3"]
    prediction, _, programs = drive(replies, [ran("1"), ran("2")], ToolKit(calls=2))
    assert [program.code for program in programs] == ["print(1)", "print(2)"]
    assert prediction.answer == "3"  # read in the last reply as in any


def test_a_reply_without_an_answer_is_gone_on_with_as_in_every_mode() -> None:
    replies = [block("1 / 0"), "Let me see.", " 5"]
    failed = ran("", "runtime_error", "line 1: ZeroDivisionError: division by zero")
    prediction, asked, _ = drive(replies, [failed], ToolKit(words="Answer:"))
    assert prediction.answer == "5"
    assert prediction.before is not None
    assert prediction.before.outcome is Outcome.RUNTIME_ERROR
    assert prediction.nodes[-1].text == "Let me see.\n\nAnswer: 5"
    assert asked[2].begun is not None
    assert len(asked[2].messages) == 2


def test_a_block_cut_at_the_budget_isnt_run() -> None:
    prediction, _, programs = drive([said("```python\nprint(1", "length")])
    assert (prediction.outcome, programs) == (Outcome.TRUNCATED, [])


def test_only_the_end_of_a_long_output_is_shown() -> None:
    _, asked, _ = drive([block("x"), "Answer: 9"], [ran("a" * 3_000 + "\n9\n")])
    [output] = shown_by(asked[1])
    assert len(output) == MOST_SHOWN + 3
    assert output.startswith("...a")
    assert output.endswith("a\n9")


def test_blocks_that_were_stopped_arent_run_again_for_their_names() -> None:
    ends = [ran("1"), ran("", "timeout", "t"), ran("", "runtime_error", "r"), ran("", "no_value")]
    blocks = [block(name) for name in "abcde"]
    _, _, programs = drive([*blocks, "Answer: 1"], [*ends, ran("1")], ToolKit(calls=5))
    assert [program.earlier for program in programs] == [(), ("a",), ("a",), ("a", "c"), ("a", "c", "d")]


@pytest.mark.parametrize(("case", "text", "code", "reply", "cut"), rows(CASES["blocks"], "case text code", "reply cut"))
def test_the_block_of_a_reply(case: str, text: str, code: str | None, reply: str | None, cut: str | None) -> None:
    found = block_of(said(text, "length" if cut else "stop"))
    assert (found and found.code) == code, case
    if found is not None:
        assert found.reply == (reply or text), case


def test_a_thought_that_a_server_splits_off_isnt_shown_back() -> None:
    path = Completion(text=block("print(1)"), reasoning="Let me see. " + block("print(2)"), finish_reason="stop")
    assert block_of(path) == ("print(1)", block("print(1)"))


# --- the sandbox --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox[Any]]:
    with Sandbox[Any](workers=1, limits=Limits(cpu_s=1)) as sandbox:
        yield sandbox


def _shown() -> list[Any]:
    """The blocks, of which those whose process takes a while to be ready are patient."""
    table = rows(CASES["shown"], "case earlier code ended stdout", "error")
    slow = ("SymPy", "NumPy")
    return [pytest.param(*row, id=row[0], marks=[pytest.mark.patient] * row[0].startswith(slow)) for row in table]


@contained
@pytest.mark.parametrize(("case", "earlier", "code", "ended", "stdout", "error"), _shown())
def test_what_a_block_shows(
    case: str, earlier: list[str], code: str, ended: str, stdout: str, error: str | None, box: Sandbox[Any]
) -> None:
    done = box.run(Program(runtime="notebook", code=code, earlier=tuple(earlier)))
    assert (done.outcome, done.stdout, done.error) == (ended, stdout, error or ""), case
    assert done.value == (stdout.splitlines()[-1] if ended == "ok" else None)


@pytest.mark.patient
@contained
def test_an_endless_loop_is_stopped_and_told_and_the_model_goes_on(box: Sandbox[Any]) -> None:
    replies = [block("x = 6"), block("while True: pass"), block("x * 7"), "Answer: 42"]
    prediction, asked, programs = drive(replies, box)
    assert shown_by(asked[-1]) == [NOTHING, "Error: used 1 s of CPU time", "42"]
    assert programs[-1].earlier == ("x = 6",)
    assert prediction.answer == "42"


@contained
def test_too_much_output_is_stopped_and_its_end_shown(box: Sandbox[Any]) -> None:
    _, asked, _ = drive([block("for i in range(10**7): print(i)"), "Answer: 1"], box)
    [output] = shown_by(asked[-1])
    assert output.endswith("\nError: printed more than 1,000,000 characters")
    assert len(output) < MOST_SHOWN + 100


@contained
def test_of_long_outputs_the_end_is_kept(box: Sandbox[Any]) -> None:
    done = box.run(Program(runtime="notebook", code="print('a' * 50_000)\nprint('end')"))
    assert (len(done.stdout), done.value) == (TEXT_CHARS["stdout"], "end")
    assert done.stdout.endswith("a\nend\n")
    done = box.run(Program(runtime="notebook", code="print('a' * 50_000)"))
    assert done.value == "a" * LINE_CHARS


@contained
@pytest.mark.patient
def test_a_conversation_has_the_same_outputs_every_time() -> None:
    """Chance, hashes and clocks are those of the first time when earlier blocks are run again."""
    replies = [
        block("import random, time\nfound = [random.random(), time.time()]\nprint(found)"),
        block("print(found, {'b', 'a', 'c'}, random.random(), object())"),
        "Answer: 1",
    ]
    once, again = [], []
    for outputs in (once, again):
        with Sandbox[Any](workers=1) as sandbox:
            outputs += shown_by(drive(replies, sandbox)[1][-1])
    assert once == again
    assert once[1].startswith(once[0])


_FOLDERS = ("WATCH", "RECORDS", "REPO", "SITE", "CWD", "TMP")
_PLACES = {"NR", "HARNESS", "PARENT", "CANARY", *_FOLDERS}


def _probes() -> list[Any]:
    """The probes that need nothing of the host but a folder and numbers of processes."""
    quick = [one for one in ATTACKS if one.value == CONTAINED and one.outcomes == {"ok"} and not one.slow]
    return [pytest.param(one, id=one.title) for one in quick if set(re.findall("@([A-Z_]+)@", one.code)) <= _PLACES]


@contained
@pytest.mark.patient
@pytest.mark.parametrize("attack", _probes())
def test_hostile_code_is_contained_as_a_block_and_as_an_earlier_one(
    attack: Any, box: Sandbox[Any], tmp_path: Path
) -> None:
    """The probes of cases/hostile.yaml, which say themselves what they could do."""
    canary = tmp_path / "canary"
    canary.write_text("secret")
    places = {"NR": numbers(platform.machine()), "HARNESS": os.getpid(), "PARENT": os.getppid(), "CANARY": str(canary)}
    places |= dict.fromkeys(_FOLDERS, str(tmp_path))
    code = filled(attack.code, places)
    for program in (
        Program(runtime="notebook", code=f"{code}\nprint(ans)"),
        Program(runtime="notebook", code="print(ans)", earlier=(code,)),
    ):
        done = box.run(program)
        assert (done.outcome, done.value) == ("ok", CONTAINED), done
    assert canary.read_text() == "secret"
    assert list(tmp_path.iterdir()) == [canary]


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "sums.jsonl"
    lines = ({"question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(40))
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    return path


def run(main: Cli, sums: Path, output: Path) -> Path:
    shares = "tools=0.7,tools_error=0.2,unparsed=0.05"
    done = main(
        "run", "--model", "stub", "--task", sums, "--mode", "direct,tools,tools@calls=1", "--output-dir", output,
        "--model-args", shares, "--quiet", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    return Path(json.loads(done.out)["folder"])


@pytest.mark.patient
@contained
def test_a_run_is_the_same_when_resumed_and_when_graded_again(main: Cli, sums: Path, tmp_path: Path) -> None:
    folder = run(main, sums, tmp_path / "whole")
    records, journal = (folder / RECORDS).read_bytes(), (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    of = {mode: [row for row in record_rows(folder) if row["mode"] == mode] for mode in ("tools", "tools@calls=1")}
    assert {len(row["executions"]) for row in of["tools"]} == {0, 1, 2}
    assert {len(row["executions"]) for row in of["tools@calls=1"]} == {0, 1}
    lines = {line["request"]: line for line in map(json.loads, journal)}
    for row in of["tools"]:
        blocks = len(row["executions"])
        assert [node["role"] for node in row["nodes"]] == ["code", "output"] * blocks + ["answer"]
        asked = [address[0] for address in row["requests"]]
        assert len(asked) == blocks + 1 + row.get("before", {"replies": 0})["replies"]
        for before, after in pairwise(asked[: blocks + 1]):
            assert lines[after]["after"] == [[before, 0, 0]]
    assert main("score", folder).code == 0
    assert (folder / RECORDS).read_bytes() == records
    # As one that was killed: half of the replies, a torn line, and no records.
    half = len(journal) // 2
    (folder / JOURNAL).write_bytes(b"".join(journal[:half]) + journal[half][:40])
    (folder / RECORDS).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"status": "running"}))
    done = main("run", "--resume", folder, "--quiet", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["requests"] == len(journal) - half
    assert (folder / RECORDS).read_bytes() == records


@contained
@pytest.mark.patient
def test_what_a_report_says_of_the_stand_ins_blocks_is_what_it_wrote(main: Cli, sums: Path, tmp_path: Path) -> None:
    folder = run(main, sums, tmp_path / "runs")
    gates = ("--fail-if", "tool_used[sums,tools] < 0.5", "--fail-if", "tool_failed[*,tools] > 90%")
    done = main("report", folder, "--full", *gates)
    assert done.code == 0, done.err
    assert "Tools in a loop: how they were used" in done.out
    told = json.loads((folder / "report" / "report.json").read_text())
    assert {use["mode"] for use in told["tool_uses"]} == {"tools", "tools@calls=1"}
    for use in told["tool_uses"]:
        records = [row for row in record_rows(folder) if row["mode"] == use["mode"]]
        blocks = [one["outcome"] for row in records for one in row["executions"]]
        assert (use["n"], use["blocks"]) == (len(records), len(blocks))
        assert use["ended"] == {"ok": blocks.count("ok"), "runtime_error": blocks.count("runtime_error")}
        per = [row for row in told["tool_blocks"] if row["mode"] == use["mode"]]
        assert sum(row["questions"] for row in per) == use["n"]
        assert sum(row["blocks"] * row["questions"] for row in per) == use["blocks"]
    places = {(row["mode"], row["place"]) for row in told["readings"]}
    assert ("tools", "reply") in places
    assert ("tools", "value") not in places  # it answers in words, whatever it has run
    [audit] = [row for row in told["audits"] if row["mode"] == "tools"]
    without = [row for row in record_rows(folder) if row["mode"] == "tools" and not row["executions"]]
    assert audit["unreasoned"] <= len(without)  # behind a block nothing but the answer is asked for
    assert (folder / "report" / "tool-use.csv").read_text().count("\n") == 3
    done = main("report", folder, "--quiet", "--fail-if", "tool_blocks[sums,tools@calls=1] > 0.5")
    assert (done.code, "tool_blocks[sums,tools@calls=1]" in done.err + done.out) == (5, True)


def test_figures_by_hand(tmp_path: Path) -> None:
    ok, stopped, silent = (
        {"outcome": name, "value": value} for name, value in (("ok", "1"), ("timeout", None), ("no_value", None))
    )
    ends: list[tuple[str, list[Any]]] = [
        ("correct", []), ("wrong", []), ("correct", [ok]), ("correct", [stopped, ok]), ("program_timeout", [stopped]),
        ("wrong", [silent, stopped, ok]), ("engine_error", [stopped]), ("correct", [silent, ok]),
    ]  # fmt: skip
    questions = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(len(ends))]
    records = [
        make_record(
            question=question.id, task="t", mode="tools", gold="1", executions=executions, outcome=outcome,
            answer={"correct": "1", "wrong": "2"}.get(outcome),
        )
        for question, (outcome, executions) in zip(questions, ends, strict=True)
    ]  # fmt: skip
    found = compare([load_run(write_run(tmp_path / "run", questions, records))], ["tools"])
    [use] = found.tool_uses
    assert (use.n, use.blocks, use.mean_blocks) == (7, 9, 9 / 7)
    assert use.ended == {"ok": 4, "timeout": 3, "no_value": 2}
    assert use.failed == pytest.approx(3 / 9)
    assert (use.n_used, use.used.value, use.right_used.value) == (5, pytest.approx(5 / 7), pytest.approx(3 / 5))
    assert (use.n_unused, use.right_unused.value) == (2, 0.5)
    assert (use.n_failed, use.recovered.value) == (3, pytest.approx(1 / 3))
    per = [(row.blocks, row.questions, row.right) for row in found.tool_blocks]
    assert per == [(0, 2, 1), (1, 2, 1), (2, 2, 2), (3, 1, 0)]


def test_an_arm_that_has_no_tool_is_in_no_such_table(tmp_path: Path) -> None:
    questions = [Question(id="t-0", task="t", text="Why?")]
    row = {"question": "t-0", "task": "t", "mode": "pal", "outcome": "correct", "answer": "1", "gold": "1"}
    record = make_record(**row, executions=[{"outcome": "ok", "value": "1"}])
    found = compare([load_run(write_run(tmp_path / "run", questions, [record]))], ["pal"])
    assert (found.tool_uses, found.tool_blocks) == ([], [])


# --- the prompt ---------------------------------------------------------------------------------------------------


def test_the_last_output_says_that_no_more_blocks_are_run() -> None:
    task = find_task("gsm8k").task
    question = Question(id="q", task="gsm8k", text="How many are two and two?")
    turns = ({"reply": block("print(2)"), "output": "2"}, {"reply": block("print(4)"), "output": "4"})
    told = Prompts().render("tools", task, question, turns=turns, calls=2)
    assert [message.role for message in told] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert "At most 2 blocks are run" in told[1].text
    assert [("No more blocks" in message.text, "next block" in message.text) for message in told[3::2]] == [
        (False, True), (True, False)
    ]  # fmt: skip
    contract = told[1].text.splitlines()[-1]
    assert all(message.text.endswith(contract) for message in told[3::2])


@contained
@pytest.mark.patient
def test_the_outputs_that_exemplars_show_are_what_their_blocks_print() -> None:
    """By the rules of grading, since they are shown in the form of the answer: 10.35 for a block that prints 207/20.
    Of right expressions there are many: a block may print another one than the exemplar's."""
    prompts, compared = Prompts(), 0
    with Sandbox[Any](workers=2) as sandbox:
        for name in list_task_files():
            task = find_task(name).task
            exemplars = [one for one in task.exemplars if one.program]
            if not exemplars or task.answer.type == AnswerType.EXPRESSION:
                continue
            question = Question(id="q", task=task.name, text="Why?", choices=tuple(exemplars[-1].choices))
            told = prompts.render("tools", task, question, exemplars, turns=(), calls=4)
            body = [message for message in told if message.role != "system"]
            grader = Grader[int](1)
            for number, exemplar in enumerate(exemplars):
                found = block_of(said(body[4 * number + 1].text))
                assert found is not None
                printed = sandbox.run(Program(runtime="notebook", code=found.code)).stdout.strip()
                verdict = grader.submit(number, printed, exemplar.answer, task.answer.type)
                while verdict is None:
                    verdict = next((one for _, one in grader.done(1.0)), None)
                assert verdict.outcome is Outcome.CORRECT, (name, exemplar.answer, printed)
                compared += 1
            grader.close()
    assert compared > 50
