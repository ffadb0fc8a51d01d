"""What could be chosen among candidates: the figures against plain enumeration, and in reports, gates and plots."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from hypothesis import given, settings
from hypothesis import strategies as st

from cotbench.analysis import stats, subsets
from cotbench.analysis.chosen import ALL_ROUNDS
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.subsets import best_at_k, maj_at, sizes, weighted_at_k
from cotbench.errors import UsageError
from cotbench.modes.votes import Ballot, winner
from cotbench.types import Question

PATH = st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, 0.0, 1.0, 7.0, 7.5, 10.0]))
Path_ = tuple[Ballot, float | None]


def chosen_by_score(paths: Sequence[Path_]) -> Ballot:
    """The answer of the best path of some, in plain words."""
    scored = [(ballot, score) for ballot, score in paths if score is not None]
    best = max((score for _, score in scored), default=None)
    return next((ballot for ballot, score in scored if score == best), None)


def chosen_by_sum(paths: Sequence[Path_]) -> Ballot:
    """The answer with the largest sum of scores, of equals the one that was reached first."""
    voting = [(ballot, score) for ballot, score in paths if ballot is not None and score is not None]
    sums: dict[int, float] = {}
    for ballot, score in voting:
        sums[ballot] = sums.get(ballot, 0.0) + score
    return max(sums, key=lambda ballot: round(sums[ballot], 9)) if sums else None


def over_subsets(paths: Sequence[Path_], right: frozenset[int], choose: Any) -> dict[int, float]:
    return {
        k: float(np.mean([choose(some) in right for some in itertools.combinations(paths, k)]))
        for k in sizes(len(paths))
    }


def told(paths: Sequence[Path_]) -> tuple[list[Ballot], list[float | None]]:
    """Ballots and scores; a path without an answer has no score."""
    return [ballot for ballot, _ in paths], [None if ballot is None else score for ballot, score in paths]


@settings(max_examples=60, deadline=None)
@given(st.lists(PATH, min_size=1, max_size=8), st.frozensets(st.integers(0, 2)))
def test_best_and_weighted_at_k_are_means_over_all_subsets(paths: list[Path_], right: frozenset[int]) -> None:
    ballots, scores = told(paths)
    known = list(zip(ballots, scores, strict=True))
    assert best_at_k(ballots, scores, right) == pytest.approx(over_subsets(known, right, chosen_by_score), abs=1e-12)
    assert weighted_at_k(ballots, scores, right) == pytest.approx(over_subsets(known, right, chosen_by_sum), abs=1e-12)


def test_where_subsets_are_many_the_weighted_vote_is_over_drawn_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(4)
    paths = [(chance.choice([0, 1, 2]), float(chance.randint(0, 10))) for _ in range(16)]
    ballots, scores = told(paths)
    drawn = weighted_at_k(ballots, scores, frozenset({1}))
    assert drawn == weighted_at_k(ballots, scores, frozenset({1})), "the same ones every time"
    monkeypatch.setattr(subsets, "FEW_SUBSETS", 20_000)
    subsets._members.cache_clear()
    exact = weighted_at_k(ballots, scores, frozenset({1}))
    subsets._members.cache_clear()
    assert drawn != exact
    assert all(abs(drawn[k] - exact[k]) < 0.08 for k in drawn)
    assert drawn[16] == exact[16]
    assert drawn[1] == exact[1]


# --- rows of a report ---------------------------------------------------------------------------------------------

QUESTIONS = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(6)]
# Of each question: right answers are those called 0; (answer, score) of its paths.
PATHS: list[list[Path_]] = [
    [(0, 9.0), (1, 3.0), (1, 3.0), (0, 2.0)],
    [(1, 8.0), (0, 8.0), (0, 1.0), (None, None)],
    [(1, None), (1, 2.0), (0, 7.0), (2, 7.0)],
    [(0, None), (0, None), (1, None), (None, None)],
    [(0, 0.0), (0, 0.0), (0, 0.0), (0, 0.0)],
    [(1, 5.0), (2, 9.0), (2, 1.0), (1, 1.0)],
]


def votes(paths: Sequence[Path_], *, scored: bool = True) -> dict[str, Any]:
    ballots, scores = told(paths)
    order = list(dict.fromkeys(ballot for ballot in ballots if ballot is not None))
    answers = [{"answer": str(a), "votes": ballots.count(a), "outcome": "wrong" if a else "correct"} for a in order]
    places = [None if ballot is None else order.index(ballot) for ballot in ballots]
    row = {"answers": answers, "ballots": places, "abstained": {}, "margin": 0}
    return {**row, "scores": scores} if scored else row


def nodes(paths: Sequence[Path_]) -> list[dict[str, Any]]:
    """What a judge was asked of each path that states an answer."""
    return [
        {"text": "", "role": "answer", "value": score, "ballot": at, "judged": [] if ballot is None else [at + 1]}
        for at, (ballot, score) in enumerate(zip(*told(paths), strict=True))
    ]


def record(question: Question, mode: str, answer: Ballot, **more: Any) -> Any:
    outcome = "unparsed" if answer is None else "wrong" if answer else "correct"
    text = None if answer is None else str(answer)
    named = {"question": question.id, "task": "t", "mode": mode, "outcome": outcome, "answer": text, "gold": "0"}
    return make_record(**named, **more)


@pytest.fixture
def best(tmp_path: Path) -> Comparison:
    rows = [
        record(question, "best-of-n", chosen_by_score(paths), votes=votes(paths), nodes=nodes(paths))
        for question, paths in zip(QUESTIONS, PATHS, strict=True)
    ]
    rows += [record(question, "direct", 0) for question in QUESTIONS]
    return compare([load_run(write_run(tmp_path / "run", QUESTIONS, rows))])


def test_what_could_be_chosen_is_as_in_plain_words(best: Comparison) -> None:
    [row] = best.chosen
    known = [list(zip(*told(paths), strict=True)) for paths in PATHS]
    assert (row.mode, row.picks, row.n, row.candidates) == ("best-of-n", "best", 6, 4.0)
    assert (row.judged, row.unread, row.unread_share) == (22, 4, 4 / 22)
    assert row.best.value == row.chosen.value == np.mean([chosen_by_score(paths) == 0 for paths in known])
    assert row.weighted.value == np.mean([chosen_by_sum(paths) == 0 for paths in known])
    assert row.majority.value == np.mean([winner([b for b, _ in paths]) == 0 for paths in known])
    assert row.first.value == np.mean([paths[0][0] == 0 for paths in known])
    assert row.any.value == np.mean([any(b == 0 for b, _ in paths) for paths in known])
    assert row.mean.value == pytest.approx(np.mean([np.mean([b == 0 for b, _ in paths]) for paths in known]))
    assert (row.chosen.low, row.chosen.high) == stats.wilson(3, 6)
    # Of the questions with both: 9, 2 against 3, 3; 8, 1 against 8; 7 against 2, 7.
    areas = [2 / 4, 0.5 / 2, 1.5 / 2]
    assert (row.n_mixed, row.auroc.value) == (3, pytest.approx(np.mean(areas)))
    assert row.tied == pytest.approx(2 / 6)
    assert row.over_majority.value == pytest.approx(row.chosen.value - row.majority.value)
    assert row.over_majority.p == stats.mcnemar_exact(1, 2)


def test_over_k_the_curves_are_means_over_all_subsets(best: Comparison) -> None:
    assert [row.k for row in best.chosen_at] == [1, 2, 4]
    known = [list(zip(*told(paths), strict=True)) for paths in PATHS]
    right = frozenset({0})
    for row in best.chosen_at:
        assert row.best.value == pytest.approx(np.mean([over_subsets(p, right, chosen_by_score)[row.k] for p in known]))
        summed = [over_subsets(p, right, chosen_by_sum)[row.k] for p in known]
        assert row.weighted.value == pytest.approx(np.mean(summed))
        assert row.majority.value == pytest.approx(np.mean([maj_at([b for b, _ in p], right, row.k) for p in known]))
        some = [[any(b == 0 for b, _ in few) for few in itertools.combinations(p, row.k)] for p in known]
        assert row.any == pytest.approx(np.mean([np.mean(each) for each in some]))
    [whole] = best.chosen
    last = best.chosen_at[-1]
    assert (last.best, last.weighted, last.majority) == (whole.best, whole.weighted, whole.majority)
    assert not best.curves, "a vote's own table is of arms that vote"


def test_a_judge_that_saw_all_at_once_says_nothing_of_fewer(tmp_path: Path) -> None:
    arm = "best-of-n@judge=rank"
    rows = [record(q, arm, 0, votes=votes([(1, 0.0), (0, 1.0), (1, 0.0), (2, 0.0)])) for q in QUESTIONS]
    comparison = compare([load_run(write_run(tmp_path / "run", QUESTIONS, rows))])
    [row] = comparison.chosen
    assert (row.best.value, row.weighted.value, row.majority.value) == (1.0, None, 0.0)
    assert [(at.k, at.best.value, at.weighted.value) for at in comparison.chosen_at] == [
        (1, None, None),
        (2, None, None),
        (4, 1.0, None),
    ]


def test_marks_below_0_are_no_weights_and_a_reward_model_s_scores_count_by_their_logistic(tmp_path: Path) -> None:
    paths = [(1, -3.0), (1, -3.0), (0, -1.0)]  # logistic: 0.05, 0.05 and 0.27; as they stand, -1 is no vote for 0
    folder = write_run(tmp_path / "run", QUESTIONS, [record(q, "best-of-n", 0, votes=votes(paths)) for q in QUESTIONS])
    [row] = compare([load_run(folder)]).chosen
    assert (row.best.value, row.weighted.value, row.auroc.value) == (1.0, None, 1.0)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "judge": {"rewards": True}}))
    [row] = compare([load_run(folder)]).chosen
    assert (row.weighted.value, row.majority.value) == (1.0, 0.0)


def test_votes_weighted_by_confidence_have_the_same_rows(tmp_path: Path) -> None:
    arm = "self-consistency@confidence=mean"
    rows = [record(q, arm, 0, votes=votes([(1, 1.0), (1, 1.0), (0, 9.0), (None, 2.0)])) for q in QUESTIONS]
    comparison = compare([load_run(write_run(tmp_path / "run", QUESTIONS, rows))])
    [row] = comparison.chosen
    assert (row.picks, row.judged, row.weighted.value, row.majority.value) == ("weighted", 0, 1.0, 0.0)
    assert row.auroc.value == 1.0
    assert [at.k for at in comparison.chosen_at] == [1, 2, 4]


# --- rounds -------------------------------------------------------------------------------------------------------

ROUNDS: list[list[int | None]] = [[1, 0], [0, 1, 0], [0, 0, 1], [0], [1, 1, 0], [1, None]]


@pytest.fixture
def refined(tmp_path: Path) -> Comparison:
    rows = []
    for question, answers in zip(QUESTIONS, ROUNDS, strict=True):
        row = votes([(answer, None) for answer in answers], scored=False)
        rows.append(record(question, "refine", answers[-1], votes=row))
    return compare([load_run(write_run(tmp_path / "run", QUESTIONS, rows))])


def test_flips_are_counted_over_all_rounds_and_by_round(refined: Comparison) -> None:
    told = {
        row.rounds: (row.n, row.again, row.both_right, row.to_right, row.to_wrong, row.both_wrong)
        for row in refined.flips
    }
    assert told == {
        ALL_ROUNDS: (6, 5, 2, 2, 1, 1),
        "1 to 2": (6, 5, 2, 1, 1, 2),
        "2 to 3": (6, 3, 2, 2, 1, 1),
    }
    whole = refined.flips[0]
    assert (whole.p_mcnemar, whole.delta.p) == (stats.mcnemar_exact(2, 1), stats.mcnemar_exact(2, 1))
    assert whole.delta.value == pytest.approx(1 / 6)
    assert (whole.delta.low, whole.delta.high) == stats.tango(2, 1, 6)
    [row] = refined.chosen
    assert (row.picks, row.best.value, row.n_mixed, row.judged) == ("last", None, 0, 0)
    assert row.chosen.value == pytest.approx(4 / 6)
    assert row.first.value == pytest.approx(3 / 6)


# --- what is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "holds"),
    [
        ("best_of[t,best-of-n] < 0.51", True),
        ("best_of_low[t,best-of-n] > 0.5", False),
        ("any_of[t,best-of-n] >= 80%", True),
        ("over_majority[t,best-of-n] < 0", True),
        ("auroc[*,best-of-n] <= 0.5", True),
        ("unread_marks[t,best-of-n] > 10%", True),
        ("tied_marks[t,best-of-n] > 50%", False),
    ],
)
def test_a_gate_on_what_is_chosen(best: Comparison, gate: str, holds: bool) -> None:
    assert check_gate(parse_gate(gate), best).holds is holds


@pytest.mark.parametrize(("gate", "holds"), [("to_wrong[t,refine] > 0", True), ("flips[t,refine] < 10pt", False)])
def test_a_gate_on_what_turned(refined: Comparison, gate: str, holds: bool) -> None:
    assert check_gate(parse_gate(gate), refined).holds is holds


def test_a_gate_on_what_does_not_turn_is_an_error(best: Comparison) -> None:
    with pytest.raises(UsageError, match="no arm here answers again"):
        check_gate(parse_gate("to_right[t,best-of-n] > 0"), best)


def test_a_gate_on_what_has_no_estimate_is_an_error(refined: Comparison) -> None:
    with pytest.raises(UsageError, match="there is no estimate"):
        check_gate(parse_gate("auroc[t,refine] < 1"), refined)


def test_a_gate_on_what_is_chosen_has_no_baseline_and_no_side() -> None:
    with pytest.raises(UsageError, match="has no baseline"):
        parse_gate("best_of[t,best-of-n,baseline=direct] < 1")
    with pytest.raises(UsageError, match="is about all questions"):
        parse_gate("best_of[t,best-of-n,symbolic] < 1")


def test_a_report_says_in_words_that_any_of_them_is_a_bound(tmp_path: Path, main: Cli) -> None:
    """The stub's marks are higher for right paths with a set probability, which the report gives back."""
    options = ("--model", "stub", "--task", "sample", "--limit", "20", "--paths", "4", "-q", "--model-args", "judge=1")
    assert main("run", *options, "--mode", "cot,best-of-n,refine").code == 0
    [run] = [path for path in (tmp_path / "results").iterdir() if path.is_dir()]
    done = main("report", run, "--json", "--no-plots")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    [row] = [row for row in found["chosen"] if row["mode"] == "best-of-n"]
    assert row["auroc"] == 1.0
    assert row["n_mixed"] > 5
    full = " ".join(main("report", run, "--full", "--no-page", "--no-plots").out.split())
    for text in ("bound: any %", "a bound, not a method", "wrong → right", "AUROC %", "Choosing among k of n paths"):
        assert text in full
    page = (run / "report" / "index.html").read_text() if (run / "report" / "index.html").is_file() else ""
    assert "a bound, not a method" in page or not page
    for name in ("chosen", "chosen-at", "flips"):
        assert (run / "report" / f"{name}.csv").read_text().startswith("model,task,mode,")


@pytest.mark.patient
def test_the_report_gives_back_how_often_the_stub_judges_rightly(tmp_path: Path, main: Cli) -> None:
    rows = [{"q": f"What are {n} apples and one?", "a": str(n + 1)} for n in range(800)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "apples.yaml").write_text(
        "name: apples\nabout: apples\nsource: {file: rows.jsonl, rows: 800, licence: Apache-2.0}\n"
        "fields: {question: q, gold: a}\ngold_reader: plain\n"
        "answer: {type: number, form: <answer>, phrase: where <answer> is a number}\n"
    )
    shares = "cot=0.5,judge=0.8,judge-rank=0.7,criticism=0.9,refine=0.6,unparsed=0,truncated=0"
    options = ("--model", "stub", "--task", tmp_path / "apples.yaml", "--paths", "4", "-q", "--model-args", shares)
    done = main("run", *options, "--mode", "best-of-n,best-of-n@judge=rank,refine@rounds=1")
    assert done.code == 0, done.err
    [run] = [path for path in (tmp_path / "results").iterdir() if path.is_dir()]
    found = json.loads(main("report", run, "--json", "--no-plots", "--no-page").out)
    chosen = {row["mode"]: row for row in found["chosen"]}
    assert chosen["best-of-n"]["auroc"] == pytest.approx(0.8, abs=0.05)
    assert chosen["best-of-n@judge=rank"]["auroc"] == pytest.approx(0.7, abs=0.06)
    [turned] = found["flips"]
    wrong, right = turned["to_right"] + turned["both_wrong"], turned["to_wrong"] + turned["both_right"]
    assert turned["to_right"] / wrong == pytest.approx(0.9 * 0.6, abs=0.08)
    assert turned["to_wrong"] / right == pytest.approx(0.1 * 0.4, abs=0.04)


@pytest.mark.patient
def test_plots_show_the_ways_of_choosing(best: Comparison, tmp_path: Path) -> None:
    from cotbench.report.plots import draw

    drawn = {plot.stem: plot for plot in draw(best, tmp_path / "plots")}
    assert "chosen" in drawn
    assert "the bound (any of them)" in drawn["chosen"].alt
    svg = (tmp_path / "plots" / "chosen.svg").read_text()
    for label in ("best score of k", "weighted vote of k", "majority of k", "bound: any of k is right"):
        assert label in svg
