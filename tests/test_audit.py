"""The audit of the arms: what replies are, where they were read, and what of it stands in the headline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import groups
from conftest import Cli
from handmade import OUTCOMES, make_record, write_journal, write_run

from cotbench.analysis import audit as audits
from cotbench.analysis.audit import look_at
from cotbench.analysis.calibration import expected_calibration_error
from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import load_run
from cotbench.modes.arms import base_of
from cotbench.modes.reading import read_answer
from cotbench.report.headlines import headlines
from cotbench.store.records import Record
from cotbench.types import Completion, Question

CHOICES = ("19/5", "7", "5", "35")
CASES = [
    pytest.param(*row[1:], id=f"{group}: {row[0]}")
    for group, rows in groups("audit", "case text signs", "begun thought tokens thought_tokens").items()
    for row in rows
]


@pytest.mark.parametrize(("text", "signs", "begun", "thought", "tokens", "thought_tokens"), CASES)
def test_a_reply_is_told_for_what_it_is(
    text: str, signs: str, begun: str | None, thought: str | None, tokens: str | None, thought_tokens: str | None
) -> None:
    path = Completion(
        text=text,
        finish_reason="stop",
        begun=begun or "",
        reasoning=thought or "",
        completion_tokens=int(tokens) if tokens else None,
        reasoning_tokens=int(thought_tokens) if thought_tokens else None,
    )
    read = read_answer(path, "letter", CHOICES)
    look = look_at(path, read.span[0] if read.span else None, "letter", CHOICES)
    found = {
        "thought": look.thought,
        "reasons": look.reasons,
        "first": look.first,
        "alone": look.alone,
    }
    assert [name for name, holds in found.items() if holds] == signs.split()


# --- runs by hand -------------------------------------------------------------------------------------------------

OFF = {"answers_in": "words", "thinks": "off", "thinks_by": "switch"}
FACTS: dict[str, dict[str, Any]] = {
    "direct@answer=asked": {
        **OFF,
        "label": "direct",
        "mode": "direct",
        "settings": {"answer": "asked"},
        "at_once": True,
    },
    "cot": {**OFF, "label": "CoT", "main": True, "reasons": True},
    "think": {"answers_in": "words", "label": "thinking", "thinks": "on", "thinks_by": "switch"},
}
DIRECT = "direct@answer=asked"
STEPS = "We add 8 to both sides, which gives 5x = 35, and then we divide both sides by 5, so that x is 7. "


def told(folder: Path, facts: Mapping[str, Any], sampling: Mapping[str, Any] | None = None) -> Path:
    """Write facts of modes, and how they are drawn, into a run's manifest."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["modes"] = dict(facts)
    content["data"] = {"t": {"answer_type": "letter"}}
    for mode, given in (sampling or {}).items():
        content["spec"]["modes"][f"t/{mode}"]["sampling"] = given
    path.write_text(json.dumps(content))
    return folder


Replies = Sequence[tuple[str, Completion]]  # an outcome's letter, and the reply


def run_of(folder: Path, arms: Mapping[str, Replies], facts: Mapping[str, Any] = FACTS) -> Path:
    """Write a run with one reply for each question and arm."""
    count = len(next(iter(arms.values())))
    questions = [Question(id=f"t-{i}", task="t", text=f"Question {i}?", choices=CHOICES) for i in range(count)]
    records: list[Record] = []
    journal: dict[tuple[str, str], Sequence[Completion]] = {}
    for mode, replies in arms.items():
        for question, (letter, path) in zip(questions, replies, strict=True):
            read = read_answer(path, "letter", CHOICES)
            records.append(
                make_record(
                    question=question.id,
                    task="t",
                    mode=mode,
                    outcome=OUTCOMES[letter],
                    answer=read.answer if letter in "cw" else None,
                    gold="B",
                    rule=read.rule,
                    span=read.span,
                    truncated=path.finish_reason == "length",
                    requests=[[mode, 0]],
                )
            )
            journal[question.id, mode] = (path,)
    write_run(folder, questions, records)
    write_journal(folder, journal)
    return told(folder, {mode: facts[mode] for mode in arms})


def said(text: str, letter: str = "c", *, thought: str = "", cut: bool = False) -> tuple[str, Completion]:
    return letter, Completion(text=text, finish_reason="length" if cut else "stop", reasoning=thought)


BEGUN = "direct@answer=begun"
BEGUN_FACTS = {**FACTS[DIRECT], "settings": {"answer": "begun"}}
RIGHT, WRONG = said(f"{STEPS}Answer: B"), said(f"{STEPS}Answer: A", "w")
AT_ONCE, UNREAD, CUT = said("Answer: B"), said("No.", "u"), said(STEPS, "t", cut=True)


def test_an_audit_by_hand(tmp_path: Path) -> None:
    arms = {
        DIRECT: [
            said("Answer: B"),
            said("Answer: A", "w"),
            said(f"{STEPS}Answer: B"),  # reasons unasked
            said("Answer: B", thought="5x is 35."),  # leaks
            said("No idea at all.", "u"),
        ],
        "cot": [
            said(f"{STEPS}Answer: B"),
            said(f"{STEPS}Answer: B"),
            said(f"Answer: B\n\n{STEPS}"),  # answers first
            said("Answer: B"),  # answers alone
            said(STEPS, "t", cut=True),
        ],
        "think": [
            said("Answer: B", thought="5x is 35."),
            said("Answer: B", thought="\n\n"),  # thinks nothing
            said("Answer: A", "w", thought="5x is 35."),
            said("Answer: B", thought="5x is 35."),
            said("Answer: B", thought="5x is 35."),
        ],
    }
    comparison = compare([load_run(run_of(tmp_path / "r", arms))])
    direct, cot, think = comparison.audits
    assert (direct.n, direct.unread, direct.cut, direct.looked) == (5, 1, 0, 5)
    assert (direct.leaked, direct.empty, direct.unasked, direct.answer_first) == (1, None, 1, None)
    assert (direct.correct, direct.accuracy, direct.complied) == (3, 0.6, 2)
    assert (cot.unread, cot.cut, cot.leaked, cot.unasked, cot.answer_first, cot.unreasoned) == (1, 1, 0, None, 1, 1)
    assert cot.complied == 2
    assert (think.leaked, think.empty, think.unasked, think.complied) == (None, 1, None, 4)
    pairs = {row.mode: row for row in comparison.complied}
    # Direct complies on questions 0 and 1, where CoT does, too: right 2 of 2 against 1 of 2.
    assert (pairs["cot"].n, pairs["cot"].complied, pairs["cot"].right, pairs["cot"].right_baseline) == (5, 2, 2, 1)
    assert (pairs["cot"].delta, pairs["cot"].delta_complied) == (pytest.approx(1 / 5), pytest.approx(1 / 2))
    assert (pairs["think"].complied, pairs["think"].delta_complied) == (1, 0)
    assert not {"p", "low", "high", "se"} & {*comparison.as_dict()["complied"][0]}


def continued(question: Question, *, before: str, rule: str = "contract", outcome: str = "c", answer: str = "B") -> Any:
    """Make a record of a reply that was gone on with. before: the outcome without, and the answer."""
    return make_record(
        question=question.id,
        task="t",
        mode="cot",
        outcome=OUTCOMES[outcome],
        answer=answer,
        gold="B",
        rule=rule,
        span=[1, 2],
        requests=[["cot", 0], ["more", 0]],
        before={"outcome": OUTCOMES[before[0]], "answer": before[1:] or None, "replies": 1},
    )


def test_accuracy_is_told_with_and_without_the_courtesy(tmp_path: Path) -> None:
    questions = [Question(id=f"t-{i}", task="t", text=f"Question {i}?", choices=CHOICES) for i in range(7)]
    plain = {"task": "t", "mode": "cot", "gold": "B", "rule": "contract", "span": [8, 9]}
    records = [
        make_record(**plain, question="t-0", outcome="correct", answer="B", requests=[["cot", 0]]),
        continued(questions[1], before="u"),
        continued(questions[2], before="wA"),  # guessed before, and otherwise
        continued(questions[3], before="cB", outcome="w", answer="A"),  # guessed rightly before
        # Gone on with for nothing: the record says it by its requests alone.
        make_record(
            question="t-4",
            task="t",
            mode="cot",
            outcome="unparsed",
            answer=None,
            gold="B",
            requests=[["cot", 0], ["more", 0]],
            source=[0, 0],
        ),
        make_record(**plain, question="t-5", outcome="wrong", answer="A", requests=[["cot", 0]]),
        # Guessed, and gone on with in vain: the guess stays.
        make_record(
            **plain | {"rule": "marked", "span": [90, 91]},
            question="t-6",
            outcome="wrong",
            answer="A",
            requests=[["cot", 0], ["more", 0]],
            before={"outcome": "wrong", "answer": "A", "replies": 1},
            source=[0, 0],
        ),
    ]
    folder = write_run(tmp_path / "r", questions, records)
    first, text = {}, f"{STEPS}That is it."
    for number, question in enumerate(questions):
        if number in (0, 5):
            first[question.id, "cot"] = (Completion(text="Answer: B", finish_reason="stop"),)
            continue
        more = "B" if number not in (4, 6) else "who knows"
        first[question.id, "cot"] = (Completion(text=text, finish_reason="stop"),)
        begun = f"{text}\nAnswer:"
        first[question.id, "more"] = (Completion(text=f" {more}", begun=begun, finish_reason="stop"),)
    write_journal(folder, first)
    comparison = compare([load_run(told(folder, {"cot": FACTS["cot"]}))])
    [row] = comparison.audits
    assert (row.n, row.continued, row.by_courtesy) == (7, 5, 1)
    assert (row.correct, row.correct_without, row.n_without) == (3, 2, 7)
    assert (row.accuracy, row.accuracy_without) == (pytest.approx(3 / 7), pytest.approx(2 / 7))
    # What was gone on with reasons: its own text counts, not the line that was asked for.
    assert (row.unreasoned, row.answer_first) == (2, 0)
    places = {(reading.place, reading.rule): reading.n for reading in comparison.readings}
    assert places == {("continued", "contract"): 3, ("reply", "contract"): 2, ("reply", "marked"): 1}


def test_only_so_many_texts_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "LOOKED", 3)
    folder = run_of(tmp_path / "r", {DIRECT: [said("Answer: B")] * 8})
    [row] = compare([load_run(folder)]).audits
    assert (row.n, row.looked, row.complied) == (8, 3, 3)


def test_an_arm_without_texts_is_audited_by_its_records(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "r", {DIRECT: [said("Answer: B"), said("No.", "u")], "cot": [said("Answer: B")] * 2})
    (folder / "journal.jsonl").unlink()
    comparison = compare([load_run(folder)])
    assert [(row.n, row.unread, row.looked) for row in comparison.audits] == [(2, 1, 0), (2, 0, 0)]
    assert {row.leaked for row in comparison.audits} == {row.complied for row in comparison.audits} == {None}
    assert comparison.complied == []


def test_an_answer_line_that_was_begun_is_no_less_for_being_cut_behind_its_answer(tmp_path: Path) -> None:
    replies = [said("Answer: A) 19/5, which", "w", cut=True)] * 8 + [said("Answer:", "t", cut=True)] * 2
    facts = {BEGUN: BEGUN_FACTS, "cot": FACTS["cot"]}
    comparison = compare([load_run(run_of(tmp_path / "r", {BEGUN: replies, "cot": [RIGHT] * 10}, facts))])
    begun = comparison.audits[0]
    assert (begun.unread, begun.cut, begun.complied) == (2, 2, 8)
    assert comparison.cautions == []
    asked = compare([load_run(run_of(tmp_path / "s", {DIRECT: replies, "cot": [RIGHT] * 10}))])
    assert (asked.audits[0].cut, asked.audits[0].complied) == (10, 0)
    [caution] = asked.cautions
    assert (caution.kind, caution.share) == ("budget", 1.0)
    assert "(--max-tokens direct=N gives more)" in caution.text  # options call an arm by its mode


@pytest.mark.parametrize(
    ("mode", "of"), [("own", "cot"), ("filler@of=think@budget=9", "think@budget=9"), ("cascade", "cot")]
)
def test_more_budget_is_had_by_the_name_of_the_arm_that_another_one_rests_on(
    mode: str, of: str, tmp_path: Path
) -> None:
    facts = {DIRECT: FACTS[DIRECT], mode: {**OFF, "label": "m", "mode": base_of(mode), "of": of}}
    cut = [said("So we take the", "t", cut=True)] * 10
    [caution] = compare([load_run(run_of(tmp_path / "r", {DIRECT: [AT_ONCE] * 10, mode: cut}, facts))]).cautions
    assert f"(--max-tokens {base_of(of)}=N gives more)" in caution.text


def test_a_thought_that_may_have_no_token_is_not_missed(tmp_path: Path) -> None:
    mode = "think@budget=0"
    facts = {mode: {**FACTS["think"], "mode": "think", "settings": {"budget": 0}}}
    [row] = compare([load_run(run_of(tmp_path / "r", {mode: [AT_ONCE] * 3}, facts))]).audits
    assert (row.empty, row.complied) == (None, 3)


# --- headlines ----------------------------------------------------------------------------------------------------


def compared(tmp_path: Path, arms: Mapping[str, Replies], facts: Mapping[str, Any] = FACTS) -> list[str]:
    return headlines(compare([load_run(run_of(tmp_path / "r", arms, facts))]))


@pytest.mark.parametrize(
    ("direct", "cot", "words"),
    [
        ([UNREAD] * 24 + [AT_ONCE] * 16, [RIGHT] * 40, "a difference of reading, not of reasoning: 60% of the answers"),
        ([AT_ONCE] * 40, [CUT] * 30 + [RIGHT] * 10, "a difference of budget, and so of reading, not of reasoning"),
        # Even were all unread ones right, 20 of 40 would have been helped.
        ([UNREAD] * 20 + [said("Answer: A", "w")] * 20, [RIGHT] * 40, "a difference of reading more than of reasoning"),
    ],
)
def test_a_difference_of_reading_is_called_so(direct: Replies, cot: Replies, words: str, tmp_path: Path) -> None:
    [line] = compared(tmp_path, {DIRECT: direct, "cot": cot})
    assert words in line
    assert "helps" not in line and "hurts" not in line


def test_bounds_over_all_readings_stand_in_the_headline(tmp_path: Path) -> None:
    direct = [said("Answer: A", "w")] * 30 + [AT_ONCE] * 6 + [UNREAD] * 4
    cot = [RIGHT] * 38 + [CUT] * 2
    [line] = compared(tmp_path, {DIRECT: direct, "cot": cot})
    # 38 less 6 of 40; at least 38 less 10, at most 40 less 6.
    assert "by 80.0 points" in line and "n = 40; over all readings +70.0 to +85.0)" in line


def test_bounds_that_hold_no_difference_are_said_to(tmp_path: Path) -> None:
    direct = [UNREAD] * 18 + [said("Answer: A", "w")] * 2 + [AT_ONCE] * 20
    cot = [RIGHT] * 36 + [WRONG] * 4
    [line] = compared(tmp_path, {DIRECT: direct, "cot": cot})
    assert "over all readings −5.0 to +40.0, so it may be none)" in line


def test_no_bounds_are_told_where_all_was_read(tmp_path: Path) -> None:
    [line] = compared(tmp_path, {DIRECT: [AT_ONCE] * 10, "cot": [RIGHT] * 10})
    assert "over all readings" not in line


@pytest.mark.parametrize(("cut", "says"), [(0, False), (2, False), (3, True)])
def test_more_than_two_percent_of_a_thinking_arm_cut_is_in_the_headline(cut: int, says: bool, tmp_path: Path) -> None:
    thinks = [said("Answer: B", thought="5x")] * (100 - cut) + [said("", "t", thought="5x", cut=True)] * cut
    lines = compared(tmp_path, {DIRECT: [AT_ONCE] * 90 + [said("Answer: A", "w")] * 10, "think": thinks})
    text = f"{cut}.0% of the answers under think were cut at their budget (--max-tokens think=N gives more)."
    assert (f"m on t: {text}" in lines) == says
    assert any("of the answers under think were cut" in line for line in lines) == says


def test_an_arm_that_does_not_think_is_not_told_to_be_cut(tmp_path: Path) -> None:
    lines = compared(tmp_path, {DIRECT: [AT_ONCE] * 20, "cot": [RIGHT] * 19 + [said(f"{STEPS}Answer: B", cut=True)]})
    assert not any("were cut" in line for line in lines)


def test_a_model_that_cannot_stop_thinking_is_in_the_headline(tmp_path: Path) -> None:
    stuck = {mode: {**FACTS[mode], "thinks": "on", "thinks_by": "stuck"} for mode in (DIRECT, "cot")}
    replies = {DIRECT: [said("Answer: B", thought="5x")] * 5, "cot": [RIGHT] * 5}
    folder = run_of(tmp_path / "r", replies, stuck)
    told(folder, stuck, {mode: {"reasoning_effort": "low"} for mode in stuck})
    comparison = compare([load_run(folder)])
    assert headlines(comparison)[1:] == ["m can't stop thinking: its direct and CoT answers think, effort low."]
    # It isn't told to be off, so nothing leaks; nor has it to think.
    assert [(row.leaked, row.empty) for row in comparison.audits] == [(None, None)] * 2


def test_thoughts_in_spite_of_the_switch_are_in_the_headline(tmp_path: Path) -> None:
    direct = [said("Answer: B", thought="5x")] * 6 + [AT_ONCE] * 4
    lines = compared(tmp_path, {DIRECT: direct, "cot": [RIGHT] * 10})
    text = f"60% of the replies under {DIRECT} hold a thought, although the model is told not to think"
    assert lines[1:] == [f"m on t: {text}."]


def test_replies_that_answer_first_are_noted(tmp_path: Path) -> None:
    cot = [said(f"Answer: B\n\n{STEPS}{STEPS}")] * 3 + [RIGHT] * 2
    notes = compare([load_run(run_of(tmp_path / "r", {DIRECT: [AT_ONCE] * 5, "cot": cot}))]).notes
    assert any("60% of the replies under cot give the answer first and reasons after" in note for note in notes)


# --- errors of reading --------------------------------------------------------------------------------------------


def test_misreading_that_may_differ_between_arms_is_noted(tmp_path: Path) -> None:
    """Without checks it may be all of the vague readings; with them, it is what they found."""
    questions = [Question(id=f"t-{i}", task="t", text=f"Question {i}?", choices=CHOICES) for i in range(100)]

    def run(name: str, corrected: int, checked: int) -> Any:
        records = []
        for number, question in enumerate(questions):
            plain = {"question": question.id, "task": "t", "outcome": "correct", "answer": "B", "gold": "B"}
            records.append(make_record(**plain, mode=DIRECT, rule="contract", span=[0, 1]))
            if number < checked:
                records.append(continued(question, before="wA" if number < corrected else "cB"))
            else:
                rule = "marked" if number < checked + 10 else "contract"
                records.append(make_record(**plain, mode="cot", rule=rule, span=[0, 1]))
        return compare(
            [load_run(told(write_run(tmp_path / name, questions, records), {m: FACTS[m] for m in (DIRECT, "cot")}))]
        )

    unknown = run("a", 1, 19)
    [row] = unknown.reading_errors
    assert (row.vague, row.vague_baseline, row.checked, row.rate) == (0.1, 0.0, 19, 1.0)
    assert any(f"read 0.0% under {DIRECT}, 10.0% under cot;" in note and "up to 10.0" in note for note in unknown.notes)
    known = run("b", 2, 20)
    [row] = known.reading_errors
    assert (row.checked, row.corrected, row.rate, row.asymmetry) == (20, 2, 0.1, pytest.approx(0.01))
    assert any("corrected 2 of 20 such readings: misreading may make some 1.0 points" in note for note in known.notes)
    little = run("c", 1, 40)  # a tenth of a fortieth is a quarter of a point
    assert not any("vague" in note for note in little.notes)


# --- probabilities ------------------------------------------------------------------------------------------------

LIKELIEST = "direct@answer=likeliest"
LIKELIEST_FACTS = {
    **OFF,
    "label": "direct (likeliest)",
    "mode": "direct",
    "settings": {"answer": "likeliest"},
    "at_once": True,
}


def with_likeliest(folder: Path, *, arms: Sequence[str] = (DIRECT, "cot", LIKELIEST)) -> Path:
    given = [(0.7, 0.1, 0.1, 0.1), (0.1, 0.9, 0.0, 0.0), (0.25, 0.65, 0.05, 0.05), (0.4, 0.3, 0.2, 0.1)]
    questions = [Question(id=f"t-{i}", task="t", text=f"Question {i}?", choices=CHOICES) for i in range(4)]
    records = []
    for question, shares in zip(questions, given, strict=True):
        answer = "ABCD"[int(np.argmax(shares))]
        for mode in arms:
            plain = {"question": question.id, "task": "t", "mode": mode, "gold": "B"}
            if mode != LIKELIEST:
                records.append(make_record(**plain, outcome="correct", answer="B", rule="contract", span=[0, 1]))
                continue
            options = {"probabilities": dict(zip("ABCD", shares, strict=True)), "mass": 0.9 if answer == "B" else 0.4}
            outcome = "correct" if answer == "B" else "wrong"
            records.append(make_record(**plain, outcome=outcome, answer=answer, rule="likeliest", options=options))
    facts = {**FACTS, LIKELIEST: LIKELIEST_FACTS}
    return told(write_run(folder, questions, records), {mode: facts[mode] for mode in arms})


def test_probabilities_by_hand(tmp_path: Path) -> None:
    comparison = compare([load_run(with_likeliest(tmp_path / "r"))])
    [row] = comparison.calibrations
    # Squares: .49 + .81 + .01 + .01; .01 + .01; .0625 + .1225 + .0025 + .0025; .16 + .49 + .04 + .01
    squares = [1.32, 0.02, 0.19, 0.70]
    assert row.brier.value == pytest.approx(sum(squares) / 4)
    assert row.brier_guessing == pytest.approx(0.75)
    # Each in a bin of its own: .7 wrong, .9 right, .65 right and .7 share one (0.6 to 0.7], .4 wrong.
    assert row.ece == pytest.approx((abs(0.7 - 0 + 0.65 - 1) + abs(0.9 - 1) + 0.4) / 4)
    assert (row.confidence, row.accuracy) == (pytest.approx(2.65 / 4), 0.5)
    assert (row.mass, row.least_mass, row.low_mass) == (pytest.approx(0.65), 0.4, 2)
    places = {reading.place for reading in comparison.readings if reading.mode == LIKELIEST}
    assert places == {"options"}


def test_a_calibration_error_is_none_where_bins_are_as_sure_as_right() -> None:
    assert expected_calibration_error(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.0, 1.0])) == pytest.approx(0)
    assert expected_calibration_error(np.array([0.3, 1.0]), np.array([1.0, 0.0])) == pytest.approx(0.85)


def deltas_of(folder: Path, *baselines: str, asked: Sequence[str] = ()) -> set[tuple[str, str]]:
    comparison = compare([load_run(folder)], baselines, asked=asked)
    return {(row.mode, row.baseline) for row in comparison.deltas}


def test_the_likeliest_option_is_in_no_difference_unless_asked_for(tmp_path: Path) -> None:
    folder = with_likeliest(tmp_path / "r")
    assert deltas_of(folder, "direct") == {("cot", DIRECT)}
    assert any("in no difference" in note and LIKELIEST in note for note in compare([load_run(folder)]).notes)
    assert deltas_of(folder, "direct", LIKELIEST) == {
        ("cot", DIRECT),
        (LIKELIEST, DIRECT),
        ("cot", LIKELIEST),
    }
    assert deltas_of(folder, "direct", asked=[LIKELIEST]) == {("cot", DIRECT), (LIKELIEST, DIRECT)}


def test_the_likeliest_option_never_stands_for_direct(tmp_path: Path) -> None:
    folder = with_likeliest(tmp_path / "r", arms=("cot", LIKELIEST))
    assert deltas_of(folder, "direct") == set()


def test_a_gate_on_the_likeliest_option_asks_for_it(tmp_path: Path, main: Cli) -> None:
    with_likeliest(tmp_path / "results" / "r")
    gate = f'delta[t,"{LIKELIEST}"] < 0'
    done = main("report", "--no-plots", "--no-page", "--fail-if", gate)
    assert (done.code, "delta of t,direct@answer=likeliest" in done.err) == (5, True), done.err


def test_headlines_name_the_baseline_where_two_are_direct(tmp_path: Path) -> None:
    comparison = compare([load_run(with_likeliest(tmp_path / "r"))], ["direct", LIKELIEST])
    assert any(line.startswith("CoT (against direct (likeliest))") for line in headlines(comparison))


# --- one arm ------------------------------------------------------------------------------------------------------


def one_way(folder: Path, mode: str, task: str, *, model: str = "m") -> Path:
    """Write a run of one task under one way of having the answer alone, and under CoT."""
    questions = [Question(id=f"{task}-{i}", task=task, text=f"Question {i}?") for i in range(4)]
    facts = {mode: BEGUN_FACTS if mode == BEGUN else FACTS[DIRECT], "cot": FACTS["cot"]}
    records = [
        make_record(question=q.id, task=task, mode=arm, outcome="correct", answer="1", gold="1", rule="contract")
        for arm in facts
        for q in questions
    ]
    write_run(folder, questions, records, model=model)
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["spec"] |= {"tasks": {task: {"data": "d"}}, "modes": {f"{task}/{arm}": {} for arm in facts}}
    content["modes"] = facts
    path.write_text(json.dumps(content))
    return folder


def test_begun_and_asked_are_one_arm_only_where_that_is_said(tmp_path: Path, main: Cli) -> None:
    results = tmp_path / "results"
    runs = [one_way(results / "a", BEGUN, "s"), one_way(results / "b", DIRECT, "t")]
    apart = main("report", *runs, "--no-plots", "--no-page", "--json")
    assert {row["baseline"] for row in json.loads(apart.out)["deltas"]} == {BEGUN, DIRECT}
    one = main("report", *runs, "--no-plots", "--no-page", "--json", "--one-arm")
    content = json.loads(one.out)
    assert {row["baseline"] for row in content["deltas"]} == {"direct"}
    assert {row["mode"] for row in content["modes"]} == {"direct", "cot"}
    assert any(f"direct is {BEGUN} on s; {DIRECT} on t" in note for note in content["notes"])


def test_one_arm_is_refused_over_models_and_within_a_run(tmp_path: Path, main: Cli) -> None:
    results = tmp_path / "results"
    runs = [one_way(results / "a", BEGUN, "t"), one_way(results / "b", DIRECT, "t", model="other")]
    refused = main("report", *runs, "--no-plots", "--no-page", "--one-arm")
    assert refused.code == 2 and "2 models (m, other)" in refused.err
    both = write_run(
        results / "c",
        [question := Question(id="t-0", task="t", text="Question?")],
        [
            make_record(question=question.id, task="t", mode=mode, outcome="correct", answer="1", gold="1", rule="only")
            for mode in (BEGUN, DIRECT)
        ],
    )
    told(both, {BEGUN: BEGUN_FACTS, DIRECT: FACTS[DIRECT]})
    refused = main("report", both, "--no-plots", "--no-page", "--one-arm")
    assert refused.code == 2 and "both begun and asked for" in refused.err


# --- what is written ----------------------------------------------------------------------------------------------


def test_the_audit_is_in_every_form_of_the_report(tmp_path: Path, main: Cli) -> None:
    run_of(
        tmp_path / "results" / "r",
        {DIRECT: [AT_ONCE] * 3 + [UNREAD], "cot": [RIGHT] * 3 + [said(f"Answer: B\n\n{STEPS}{STEPS}")]},
    )
    done = main("report", "--no-plots", "--full")
    folder = tmp_path / "results" / "r" / "report"
    title = "Audit of the arms: how far they could be read"
    for text in (done.out, (folder / "summary.md").read_text(), (folder / "report.html").read_text()):
        assert title in text and "1 (25%)" in text
    content = json.loads((folder / "report.json").read_text())
    assert [row["answer_first"] for row in content["audits"]] == [None, 1]
    assert [row["complied"] for row in content["complied"]] == [3 - 0]
    header, *rows = (folder / "audit.csv").read_text().splitlines()
    assert header.startswith("model,task,mode,") and len(rows) == 2
    assert {"readings.csv", "complied.csv", "reading_errors.csv"} <= {path.name for path in folder.iterdir()}
    assert "Pairs in which both arms complied" in (folder / "report.html").read_text()
