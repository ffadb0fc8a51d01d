"""Mean scores beside exact match: by hand and against scipy, in every file, and where the two say different things."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, make_run, write_run
from scipy import stats as scipy_stats
from test_adding import follow, tables  # noqa: F401  # takes back what the page adds

from cotbench.analysis import means, stats
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.types import Question

N = 240


def write(folder: Path, scores: Mapping[str, Sequence[Any]], *, clusters: int = 0, group: bool = False) -> Path:
    """A run of a task "words". scores: by mode; None is a failed request, "x" an answer of which all is right that
    doesn't match. Every third question holds a "="; clusters: how many questions share a passage."""
    n = len(next(iter(scores.values())))
    questions = [
        Question(
            id=f"w-{place:03}",
            task="words",
            text=f"Who is x = {place}?" if place % 3 == 0 else f"Who is number {place}?",
            cluster=f"c{place // clusters}" if clusters else "",
            group=("bridge", "comparison")[place % 2] if group else "",
        )
        for place in range(n)
    ]
    records = []
    for mode, own in scores.items():
        for question, score in zip(questions, own, strict=True):
            outcome = "engine_error" if score is None else "correct" if score == 1 else "wrong"
            recorded = 1.0 if score == "x" else score
            given = {} if recorded in (0, 1, None) and score != "x" else {"score": float(recorded)}
            records.append(
                make_record(
                    question=question.id,
                    task="words",
                    mode=mode,
                    outcome=outcome,
                    answer=None if score is None else "a",
                    gold="g",
                    rule="contract",
                    prompt_tokens=1,
                    completion_tokens=5 if mode == "direct" else 50,
                    **given,
                )
            )
    return write_run(folder, questions, records)


def nearer(n: int = N, seed: int = 3) -> dict[str, list[Any]]:
    """CoT makes half of the answers that aren't right better, and no more of them right."""
    rng = np.random.default_rng(seed)
    before = np.where(rng.random(n) < 0.4, 1.0, np.round(rng.random(n) * 0.6, 2))
    after = np.where((before < 1) & (rng.random(n) < 0.5), np.round(before + 0.3, 2), before)
    return {"direct": before.tolist(), "cot": after.tolist()}


@pytest.fixture
def compared(tmp_path: Path) -> Comparison:
    return compare([load_run(write(tmp_path / "r", nearer(), group=True))])


# --- the figures --------------------------------------------------------------------------------------------------


def test_differences_are_those_of_scipys_paired_t(tmp_path: Path) -> None:
    scores = nearer()
    one = compare([load_run(write(tmp_path / "r", scores))])
    before, after = (np.array(scores[mode], dtype=float) for mode in ("direct", "cot"))
    for tag, mask in {
        "all": np.ones(N, bool),
        "symbolic": np.arange(N) % 3 == 0,
        "non-symbolic": np.arange(N) % 3 > 0,
    }.items():
        [row] = [r for r in one.score_deltas if r.tag == tag]
        known = scipy_stats.ttest_rel(after[mask], before[mask])
        low, high = known.confidence_interval(0.95)
        assert (row.n, row.test, row.unit) == (mask.sum(), "t", "question")
        assert row.delta.value == pytest.approx((after - before)[mask].mean())
        assert (row.delta.low, row.delta.high, row.delta.p) == pytest.approx((low, high, known.pvalue))
        assert (row.score, row.score_baseline) == pytest.approx((after[mask].mean(), before[mask].mean()))
        assert (row.more, row.less) == ((after > before)[mask].sum(), 0)
    split = next(s for s in one.score_splits if s.default)
    welch = scipy_stats.ttest_ind((after - before)[::3], np.delete(after - before, np.s_[::3]), equal_var=False)
    assert split.difference.p == pytest.approx(welch.pvalue)
    for mode, own in (("direct", before), ("cot", after)):
        row = next(r for r in one.scores if r.mode == mode and r.tag == "all")
        assert row.score.value == pytest.approx(own.mean())
        assert row.exact == pytest.approx((own == 1).mean())
        assert row.in_part == ((own > 0) & (own < 1)).sum()


def test_the_bootstrap_is_close_to_scipys(tmp_path: Path) -> None:
    scores = nearer()
    after, before = np.array(scores["cot"], dtype=float), np.array(scores["direct"], dtype=float)
    ours = means.drawn(after - before)
    known = scipy_stats.bootstrap((after - before,), np.mean, method="percentile", rng=np.random.default_rng(1))
    low, high = known.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.005)
    assert ours == means.drawn(after - before), "seeded"


def test_a_cluster_is_drawn_whole_and_counts_on_both_sides() -> None:
    """Ten questions that always agree tell as much as one."""
    rng = np.random.default_rng(4)
    effects = rng.normal(0.1, 0.3, size=30)
    values, clusters = np.repeat(effects, 10), np.repeat(np.arange(30), 10)
    whole, alone = means.drawn(values, clusters), means.drawn(effects)
    assert (whole.low, whole.high) == pytest.approx((alone.low, alone.high), abs=0.01)
    # Both sides of a split move together, cluster by cluster: their difference is known exactly.
    apart = means.drawn_apart(effects + 0.05, effects, (np.arange(30), np.arange(30)))
    assert (apart.low, apart.high) == pytest.approx((0.05, 0.05))
    strangers = means.drawn_apart(effects + 0.05, effects)
    assert strangers.low is not None and strangers.high is not None and strangers.high - strangers.low > 0.2


def test_clusters_and_strata_are_those_of_the_panel(tmp_path: Path) -> None:
    scores = nearer()
    difference = np.array(scores["cot"], dtype=float) - np.array(scores["direct"], dtype=float)
    clustered = compare([load_run(write(tmp_path / "c", scores, clusters=4))])
    [row] = [r for r in clustered.score_deltas if r.tag == "all"]
    known = stats.mean(difference, np.arange(N) // 4, bound=1.0)
    assert (row.unit, row.clusters, row.test) == ("cluster", N // 4, "t")
    assert (row.delta.low, row.delta.high, row.delta.p) == (known.low, known.high, known.p)
    stratified = compare([load_run(write(tmp_path / "s", scores, group=True))])
    [row] = [r for r in stratified.score_deltas if r.tag == "all"]
    known = stats.mean(difference, strata=np.arange(N) % 2, bound=1.0)
    assert (row.strata, row.delta.low) == (2, known.low)
    groups = {r.group: r for r in stratified.score_groups}
    assert groups["bridge"].delta.value == pytest.approx(difference[::2].mean())
    assert groups["comparison"].family == 2


def test_failed_requests_are_in_no_denominator(tmp_path: Path) -> None:
    one = compare([load_run(write(tmp_path / "r", {"direct": [0.5, None, 1, 0], "cot": [1, 1, None, 0.5]}))])
    [row] = [r for r in one.score_deltas if r.tag == "all"]
    assert (row.n, row.delta.value) == (2, 0.5)
    assert [(r.mode, r.n, r.score.value) for r in one.scores if r.tag == "all"] == [
        ("direct", 3, 0.5),
        ("cot", 3, pytest.approx(2.5 / 3)),
    ]


def test_an_answer_may_be_all_right_and_not_match(tmp_path: Path) -> None:
    one = compare([load_run(write(tmp_path / "r", {"direct": [0, 1] * 10, "cot": ["x", 1] * 10}))])
    row = next(r for r in one.scores if r.mode == "cot" and r.tag == "all")
    assert (row.score.value, row.exact, row.in_part) == (1.0, 0.5, 10)
    assert [d.delta.value for d in one.deltas if d.tag == "all"] == [0.0]


def test_where_few_scores_change_signs_are_flipped(tmp_path: Path) -> None:
    """Five of a hundred are better: t would say p 0.02, of five equal changes sign flips say 2 / 32."""
    before = [0.5] * 50 + [0.0] * 50
    after = [0.7] * 5 + before[5:]
    one = compare([load_run(write(tmp_path / "r", {"direct": before, "cot": after}))])
    [row] = [r for r in one.score_deltas if r.tag == "all"]
    assert (row.test, row.delta.p) == ("flips", pytest.approx(2 / 32))
    assert row.delta.low is not None and row.delta.low < 0 < row.delta.low + 0.1
    parts = np.array([0.5, 0.25, -0.1, 0.3])
    sums = [abs(np.dot(parts, signs)) for signs in np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T]
    assert means.sign_flips(parts) == pytest.approx(np.mean([s >= parts.sum() - 1e-9 for s in sums]))


@pytest.mark.parametrize(
    "scores",
    [[0.0], [1.0], [0.5], [0.0] * 30, [1.0] * 30, [0.5] * 30, [0.3, 0.7], [0.0] * 29 + [1.0]],
    ids=["a 0", "a 1", "a half", "all 0", "all 1", "all half", "two", "one 1"],
)
def test_a_mean_score_always_has_an_interval_that_holds_it(scores: list[float]) -> None:
    got = means.mean_score(np.array(scores))
    assert 0 <= got.low <= got.value <= got.high <= 1
    assert got.high - got.low > 0.05, "that all are alike doesn't mean that it is known"
    alike = means.mean_score(np.array(scores * 2), np.arange(len(scores) * 2) // 2)
    assert 0 <= alike.low <= alike.value <= alike.high <= 1


@pytest.mark.parametrize("values", [[0.0], [0.5], [0.0] * 20, [0.5] * 20, [-1.0] * 3, [0.3, -0.3]])
def test_a_difference_always_has_an_interval_that_holds_it(values: list[float]) -> None:
    for clusters in (None, np.arange(len(values)), np.zeros(len(values), dtype=int)):
        got = means.paired(np.array(values), clusters)
        assert -1 <= got.low <= got.value <= got.high <= 1
        assert got.high - got.low > 0.05
        assert got.p is None or 0 < got.p <= 1


# --- what is said -------------------------------------------------------------------------------------------------


def test_where_mean_score_and_exact_match_differ_it_is_said(compared: Comparison) -> None:
    [row] = [r for r in compared.score_deltas if r.tag == "all"]
    assert (row.verdict, row.exact_verdict, row.disagrees) == ("helps", "no clear effect", True)
    [said] = [line for line in headlines(compared) if "Mean scores" in line]
    assert said.startswith("Mean scores and exact match differ on words (cot − direct): the mean score is up, +")
    assert "without more of them being right" in said


def test_where_they_agree_nothing_is_said(tmp_path: Path) -> None:
    scores = {"direct": [0.0, 0.5] * 60, "cot": [1, 0.8] * 60}
    one = compare([load_run(write(tmp_path / "r", scores))])
    [row] = [r for r in one.score_deltas if r.tag == "all"]
    assert (row.verdict, row.exact_verdict, row.disagrees) == ("helps", "helps", False)
    assert not [line for line in headlines(one) if "Mean scores" in line]


def test_a_caution_is_a_caution_for_scores_too(tmp_path: Path) -> None:
    """Most direct answers were unread: then a higher mean score is no help either."""
    folder = write(tmp_path / "r", {"direct": [0.0] * 40, "cot": [0.9] * 20 + [1] * 20})
    path = folder / "records.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        if row["mode"] == "direct":
            row |= {"outcome": "unparsed", "answer": None}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    one = compare([load_run(folder)])
    [row] = [r for r in one.score_deltas if r.tag == "all"]
    assert row.verdict == "higher" and "reading" in row.why


def test_the_bootstrap_has_a_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(means, "drawn", lambda *_, **__: means.Drawn(low=-0.1, high=0.3, p=0.4))
    one = compare([load_run(write(tmp_path / "r", nearer()))])
    [row] = [r for r in one.score_deltas if r.tag == "all"]
    assert (row.verdict, row.why) == ("inconclusive", "interval and bootstrap disagree")


def test_scores_leave_the_tests_of_exact_match_as_they_were(tmp_path: Path) -> None:
    scores = nearer()
    with_scores = compare([load_run(write(tmp_path / "a", scores))])
    whole = {mode: [float(one == 1) for one in own] for mode, own in scores.items()}
    without = compare([load_run(write(tmp_path / "b", whole))])
    assert not (without.scores or without.score_deltas or without.score_groups or without.score_splits)
    assert [d.p_holm for d in with_scores.deltas] == [d.p_holm for d in without.deltas]
    assert {"scores", "score arms", "score differences"} == {*with_scores.families} - {*without.families}
    keys = {section.key for section in sections(without)}
    assert {section.key for section in sections(with_scores)} - keys == {"scores", "score_deltas", "score_splits"}


def test_a_run_with_no_score_reports_none(tmp_path: Path) -> None:
    content = compare([load_run(make_run(tmp_path / "r", {"direct": "cwcwcwcwcw", "cot": "cccccccccc"}))]).as_dict()
    assert [content[key] for key in ("scores", "score_deltas", "score_groups", "score_splits", "twins")] == [[]] * 5


# --- files and gates ----------------------------------------------------------------------------------------------


def test_it_stands_in_all_files_under_the_same_value(tmp_path: Path, main: Cli) -> None:
    folder = write(tmp_path / "r", nearer(), group=True)
    done = main("report", folder)
    assert done.code == 0, done.err
    assert "Scores of words" in done.out
    out = folder / "report"
    content = json.loads((out / "report.json").read_text())
    [row] = [r for r in content["score_deltas"] if r["tag"] == "all"]
    with (out / "score-deltas.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(content["score_deltas"]) + len(content["score_groups"])
    assert float(rows[0]["delta"]) == row["delta"]
    shown = f"{100 * row['delta']:+.1f}"
    summary, page = (out / "summary.md").read_text(), (out / "report.html").read_text()
    assert all(shown in text for text in (done.out, summary, page))
    assert "![Mean scores and exact match" in summary and (out / "scores-narrow.svg").exists()
    assert {"scores.csv", "score-splits.csv"} <= {path.name for path in out.iterdir()}


def test_gates_on_scores(compared: Comparison) -> None:
    for text in (
        "score_delta[words,cot] > 5pt",
        "score_delta_high[words,cot,symbolic] > 0",
        "score_boot_low[words,cot] > 0",
        "score_delta_p_holm[words,cot] < 0.001",
        "mean_score[words,cot] > 50%",
        "score_did[words,cot] < 50%",
        "score_n[words,cot] == 240",
        "score_less[*,cot] == 0",
    ):
        assert check_gate(parse_gate(text), compared).holds, text
    with pytest.raises(UsageError, match="both sides of the tag"):
        parse_gate("score_did[words,cot,symbolic] > 0")
    with pytest.raises(UsageError, match="has no baseline"):
        parse_gate("mean_score[words,cot,baseline=direct] > 0")


def test_a_gate_on_scores_where_there_are_none_says_what_to_ask(tmp_path: Path) -> None:
    one = compare([load_run(make_run(tmp_path / "r", {"direct": "cwcwcwcwcw", "cot": "cccccccccc"}))])
    with pytest.raises(UsageError, match="no answer here is partly right"):
        check_gate(parse_gate("score_delta[t,cot] > 0"), one)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_table_of_scores_keeps_to_the_width(
    tmp_path: Path, compared: Comparison, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    from cotbench.terminal.report import _scores

    lines = [line.plain for line in _scores(compared, columns)]
    assert all(len(line) <= columns for line in lines)
    assert any("cot" in line for line in lines)


def test_the_clock_of_the_guide_is_scored(tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of answers that somebody adds has mean scores with no more to do."""
    monkeypatch.chdir(tmp_path)
    follow("A kind of answers", tmp_path, main)
    (tmp_path / "tasks").mkdir(exist_ok=True)
    rows = [{"q": f"When does ferry {n} leave?", "a": f"{n % 12 + 1}:{n % 5 * 10:02}"} for n in range(30)]
    (tmp_path / "tasks" / "clocks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "tasks" / "clocks.yaml").write_text(
        "name: clocks\nabout: times\nsource: {file: clocks.jsonl, rows: 30, licence: Apache-2.0}\n"
        "fields: {question: q, gold: a}\ngold_reader: plain\n"
        "answer: {type: clock, form: <clock>, phrase: 'where <clock> is the time, as 7:05'}\n"
    )
    outputs = []
    for place, row in enumerate(rows):
        hour, minute = row["a"].split(":")
        for mode, late in (("direct", 7), ("cot", 3)):  # within five minutes, a third of the answers are half right
            minutes = int(minute) + (late if place % 3 == 0 else 0)
            outputs.append({"question": row["q"], "mode": mode, "output": f"Answer: {hour}:{minutes:02}"})
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in outputs))
    asked = "run --engine replay --model m --model-args path=outputs.jsonl --task clocks --tasks-dir tasks --mode"
    done = main(*asked.split(), "direct@answer=asked,cot")
    assert done.code == 0, done.err
    [folder] = (tmp_path / "results").iterdir()
    one = compare([load_run(folder)])
    assert [(r.mode, r.score.value, r.in_part) for r in one.scores if r.tag == "all"] == [
        ("direct@answer=asked", pytest.approx(2 / 3), 0),
        ("cot", pytest.approx(5 / 6), 10),
    ]
    [row_of] = [r for r in one.score_deltas if r.tag == "all"]
    assert (row_of.delta.value, row_of.exact.value) == (pytest.approx(1 / 6), 0.0)
