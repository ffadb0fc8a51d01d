"""Their verdicts beside ours: how far they agree, why they differ, and what an arm changes under either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import BY_DEFAULT, MINE, QUESTIONS, make_imported, make_record, make_run, write_run

from cotbench.analysis import stats
from cotbench.analysis.agreement import Agreements, TheirArm, TheirDelta, agreement
from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.analysis.theirs import beside, cause_of, codes, readings_of
from cotbench.errors import RunError
from cotbench.store.manifest import Imported, ImportedArm, read_manifest
from cotbench.store.theirs import Reading, TheirsRow, write_theirs
from cotbench.types import Question

PAIR = [("m", "t", "cot", "direct")]


def panel_of(folder: Path) -> Panel:
    return panels_of([load_run(folder)])[0][0]


def found_in(folder: Path) -> Agreements:
    return agreement([panel_of(folder)], PAIR)


def arm(found: Agreements, mode: str, reading: str) -> TheirArm:
    return next(row for row in found.arms if (row.mode, row.reading) == (mode, reading))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Ten questions. Ours: direct right on four, CoT on seven. Theirs: two readings, the stricter one the verdict."""
    return make_imported(tmp_path / "imp", MINE, BY_DEFAULT, printed={"direct": 0.4, "cot": 0.3})


def test_agreement_is_counted(run: Path) -> None:
    row = arm(found_in(run), "cot", "strict")
    assert (row.both_right, row.only_theirs, row.only_ours, row.both_not) == (2, 1, 5, 2)
    assert (row.n, row.agreement.value) == (10, 0.4)
    low, high = stats.wilson(4, 10)
    assert (row.agreement.low, row.agreement.high) == (low, high)
    # Observed 0.4; by chance 0.3 * 0.7 + 0.7 * 0.3 = 0.42.
    assert row.kappa == pytest.approx((0.4 - 0.42) / 0.58)
    assert (row.accuracy, row.printed, row.printed_name, row.ours) == (0.3, 0.3, "exact_match", 0.7)
    assert (row.format, row.version, row.default) == ("lm-eval", "0.4.9", True)


def test_a_printed_figure_that_the_scores_do_not_give_is_told(tmp_path: Path) -> None:
    run = make_imported(tmp_path / "r", MINE, BY_DEFAULT, printed={"direct": 0.4, "cot": 55.0})
    found = found_in(run)
    assert arm(found, "cot", "strict").printed == pytest.approx(0.55)  # it is in percent
    [note] = found.notes
    assert "of cot, the log's reading 'strict' is printed with 55.0% as exact_match, and its scores of 10" in note
    assert "30.0%" in note
    assert not found_in(make_imported(tmp_path / "s", MINE, BY_DEFAULT, printed={"direct": 0.4, "cot": 30})).notes


def test_causes_are_told_apart_and_sum_to_the_disagreements(run: Path) -> None:
    found = found_in(run)
    cot, direct = arm(found, "cot", "strict"), arm(found, "direct", "strict")
    causes = ("they_read_nothing", "we_read_nothing", "other_answers", "same_answer", "unclear")
    assert [getattr(cot, name) for name in causes] == [5, 0, 0, 1, 0]
    assert [getattr(direct, name) for name in causes] == [0, 1, 1, 0, 0]
    for row in found.arms:
        assert sum(getattr(row, name) for name in causes) == row.only_theirs + row.only_ours
    assert (cot.their_unread, cot.our_unread, direct.their_unread, direct.our_unread) == (5, 1, 1, 2)


def test_disagreements_are_listed_under_their_verdict_only(run: Path) -> None:
    found = found_in(run).disagreements
    assert {row.reading for row in found} == {"strict"}
    assert [(row.mode, row.question) for row in found if row.mode == "direct"] == [("direct", "t-3"), ("direct", "t-8")]
    first = found[0]
    assert (first.theirs, first.their_answer, first.ours, first.our_answer) == ("wrong", "2", "right", "1")
    assert (first.cause, first.place, first.gold, first.output) == ("other answers", "direct.jsonl:4", "1", None)


def test_the_reading_that_the_manifest_names_is_the_verdict(run: Path) -> None:
    manifest = read_manifest(run)
    manifest.imported = Imported(
        arms={f"t/{mode}": ImportedArm(format="lm-eval", reading="flexible") for mode in ("direct", "cot")}
    )
    manifest.write(run)
    found = found_in(run)
    assert {(row.reading, row.default) for row in found.arms} == {("flexible", True), ("strict", False)}
    assert [row.reading for row in found.deltas if row.default] == ["flexible"]
    assert arm(found, "cot", "flexible").printed is None


def differences(theirs: Sequence[tuple[float, float]]) -> np.ndarray[Any, Any]:
    return np.array([after - before for before, after in theirs])


def test_the_difference_is_paired_under_both_verdicts(run: Path) -> None:
    row = next(row for row in found_in(run).deltas if row.default)
    direct, cot = ([score for score, _ in BY_DEFAULT[mode]["strict"]] for mode in ("direct", "cot"))
    known = stats.paired(differences(list(zip(direct, cot, strict=True))))  # type: ignore[arg-type]
    assert (row.theirs.value, row.theirs.low, row.theirs.high, row.theirs.p) == (
        pytest.approx(-0.1),
        known.low,
        known.high,
        known.p,
    )
    assert (row.n, row.ours.value) == (10, pytest.approx(0.3))
    # They read all but one direct answer and five of CoT's: four pairs, on which both are right twice.
    assert (row.read_n, row.read.value) == (4, 0.0)
    # We read all but two direct answers and one of CoT's: eight pairs.
    assert (row.ours_read_n, row.ours_read.value) == (8, pytest.approx(3 / 8))
    assert (row.common_n, row.common_theirs.value, row.common_ours.value) == (3, 0.0, 0.0)


def test_bounds_count_what_is_unread_in_both_ways(run: Path) -> None:
    row = next(row for row in found_in(run).deltas if row.default)
    # Theirs: direct 4 of 10 or 5, CoT 3 or 8. Ours: direct 4 or 6, CoT 7 or 8.
    assert (row.bounds.low, row.bounds.high) == (pytest.approx(-0.2), pytest.approx(0.4))
    assert (row.ours_bounds.low, row.ours_bounds.high) == (pytest.approx(0.1), pytest.approx(0.4))


def test_readings_that_both_arms_have_are_compared(run: Path) -> None:
    rows = found_in(run).deltas
    assert [(row.reading, row.reading_baseline, row.default) for row in rows] == [
        ("strict", "strict", True),
        ("flexible", "flexible", False),
    ]
    assert rows[1].theirs.value == pytest.approx(0.4)


def test_arms_whose_verdicts_have_other_names_are_compared_too(tmp_path: Path) -> None:
    theirs = {"direct": {"match": BY_DEFAULT["direct"]["strict"]}, "cot": {"strict": BY_DEFAULT["cot"]["strict"]}}
    [row] = found_in(make_imported(tmp_path / "r", MINE, theirs)).deltas
    assert (row.reading, row.reading_baseline, row.theirs.value) == ("strict", "match", pytest.approx(-0.1))


def test_a_run_that_was_made_here_has_none_of_it(tmp_path: Path) -> None:
    assert found_in(make_run(tmp_path / "r", MINE)) == Agreements()


def test_where_the_log_does_not_say_what_was_read_nothing_is_called_unread(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", MINE)
    rows = [
        TheirsRow(
            question=q.id, mode=mode, place="x:1", readings={"acc": Reading(metric="acc", scores=(float(i % 2),))}
        )
        for mode in MINE
        for i, q in enumerate(QUESTIONS)
    ]
    write_theirs(run, rows)
    found = found_in(run)
    row: TheirDelta = found.deltas[0]
    assert (row.read_n, row.common_n, row.bounds.low) == (None, None, None)
    cot = arm(found, "cot", "acc")
    assert cot.their_unread is None
    assert cot.they_read_nothing == 0
    assert cot.unclear > 0
    assert (cot.format, cot.default) == ("", True)  # without a word in the manifest the first one counts


def test_scores_beyond_one_say_nothing_and_are_told(tmp_path: Path) -> None:
    theirs = {"cot": {"bleu": [(37.5, "1")] * 10}, "direct": {"bleu": [(1.0, "1")] * 10}}
    found = found_in(make_imported(tmp_path / "r", MINE, theirs))
    assert (arm(found, "cot", "bleu").n, arm(found, "cot", "bleu").their_undecided) == (0, 10)
    assert [note for note in found.notes if "10 scores that aren't from 0 to 1" in note]
    assert found.deltas[0].n == 0
    assert found.deltas[0].theirs.value is None


def test_an_answer_that_was_not_read_is_not_right_where_it_has_no_score(tmp_path: Path) -> None:
    theirs = {mode: {"log": [(None, None) if i % 2 else (1.0, "1") for i in range(10)]} for mode in ("direct", "cot")}
    row = arm(found_in(make_imported(tmp_path / "r", MINE, theirs)), "cot", "log")
    assert (row.n, row.their_unread, row.their_undecided, row.accuracy) == (10, 5, 0, 0.5)


def test_what_has_no_verdict_of_ours_is_in_no_denominator(tmp_path: Path) -> None:
    run = make_imported(tmp_path / "r", {"direct": "cccccccccc", "cot": "ecgccccccc"}, BY_DEFAULT)
    found = found_in(run)
    cot = arm(found, "cot", "strict")
    assert (cot.n, cot.our_undecided, cot.questions) == (8, 2, 10)
    assert next(row for row in found.deltas if row.default).n == 8


# --- several outputs ----------------------------------------------------------------------------------------------


def voted(tmp_path: Path, scores: tuple[float | None, ...], answers: tuple[str | None, ...] = ()) -> Path:
    """One question with three outputs under CoT, of which we read two, and one of these rightly; direct has one."""
    question = Question(id="t-0", task="t", text="?")
    votes = {
        "answers": [
            {"answer": "1", "votes": 1, "outcome": "correct"},
            {"answer": "2", "votes": 1, "outcome": "wrong"},
        ],
        "ballots": [0, None, 1],
        "abstained": {"unparsed": 1},
        "margin": 0,
    }
    common = {"question": "t-0", "task": "t", "gold": "1"}
    records = [
        make_record(**common, mode="direct", outcome="wrong", answer="3"),
        make_record(**common, mode="cot", outcome="correct", answer="1", votes=votes),
    ]
    run = write_run(tmp_path / "r", [question], records)
    rows = {"direct": ((0.0,), ("3",)), "cot": (scores, answers)}
    write_theirs(
        run,
        [
            TheirsRow(question="t-0", mode=m, place="x:1", readings={"r": Reading(metric="acc", scores=s, answers=a)})
            for m, (s, a) in rows.items()
        ],
    )
    return run


def test_outputs_with_a_score_each_are_compared_one_by_one(tmp_path: Path) -> None:
    run = voted(tmp_path, (1.0, 1.0, 0.0), ("1", "1", None))
    found = found_in(run)
    row = arm(found, "cot", "r")
    assert (row.n, row.both_right, row.only_theirs, row.both_not) == (3, 1, 1, 1)
    assert (row.we_read_nothing, row.their_unread, row.our_unread) == (1, 1, 1)
    assert [(one.output, one.cause) for one in found.disagreements if one.mode == "cot"] == [(1, "we read nothing")]
    delta = found.deltas[0]
    assert (delta.theirs.value, delta.ours.value) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (delta.bounds.low, delta.bounds.high) == (pytest.approx(2 / 3), pytest.approx(1.0))


def test_one_score_for_all_outputs_stands_beside_what_was_concluded(tmp_path: Path) -> None:
    row = arm(found_in(voted(tmp_path, (1.0,), ("1", "1", "2"))), "cot", "r")
    assert (row.n, row.both_right) == (1, 1)


def test_scores_of_other_outputs_than_ours_are_left_out_and_told(tmp_path: Path) -> None:
    found = found_in(voted(tmp_path, (1.0, 0.0)))
    assert arm(found, "cot", "r").n == 0
    assert any("more or fewer scores than there are outputs on 1 question," in note for note in found.notes)


# --- one question -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "theirs", "ours", "cause"),
    [
        ("number", "18.0", "18", "same answer"),
        ("number", "$18", "18", "same answer"),
        ("number", "19", "18", "other answers"),
        ("boolean", "True", "yes", "same answer"),
        ("boolean", "false", "yes", "other answers"),
        ("letter", "(B)", "B", "same answer"),
        ("letter", "C", "B", "other answers"),
        ("latex", r"\frac{1}{2}", "x + 1", "unclear"),  # SymPy would have to decide
        ("unheard-of", "a", "b", "unclear"),
    ],
)
def test_whether_both_read_the_same_answer(kind: str, theirs: str, ours: str, cause: str, tmp_path: Path) -> None:
    run = make_imported(
        tmp_path / "r",
        {"direct": "c" * 10, "cot": "c" * 10},
        {mode: {"r": [(0.0, theirs)] * 10} for mode in ("direct", "cot")},
    )
    panel = panel_of(run)
    row = beside(panel, panel.cells["cot"], "r").rows[0]._replace(our_answer=ours)
    choices = ("one", "two", "three") if kind == "letter" else ()
    assert cause_of(row, Question(id="q", task="t", text="?", choices=choices), kind, told=True) == cause


def test_letters_for_the_page(run: Path) -> None:
    panel = panel_of(run)
    assert readings_of(panel, panel.cells["cot"]) == ["strict", "flexible"]
    assert codes(panel, panel.cells["direct"]) == "rrrWwwwwRu"
    assert codes(panel, panel.cells["cot"]) == "rrUUUUUwRw"


def test_a_line_that_no_import_writes_ends_a_report(run: Path) -> None:
    (run / "theirs.jsonl").write_text('{"question": "x"}\n')
    with pytest.raises(RunError, match=r"theirs\.jsonl:1: mode is missing"):
        found_in(run)
