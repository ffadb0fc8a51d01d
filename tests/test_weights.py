"""A user's own mix of questions: with plain loops, by simulation, and what is refused."""

from __future__ import annotations

import csv
import html
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from test_compare import QUESTIONS, make_run, record, write_run
from test_policies import rows_of
from test_stats_simulated import SIMULATIONS, within

from cotbench.analysis import stats
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.policies import ORACLE
from cotbench.analysis.weighted import WeightedDelta, WeightedMode, estimate
from cotbench.analysis.weights import fitted, read_weights
from cotbench.errors import DataError, UsageError
from cotbench.questions.tagging import is_symbolic
from cotbench.report.sections import sections
from cotbench.report.weighted import sentences
from cotbench.types import Question

SIXTY = "symbolic: 60\nnon-symbolic: 40\n"
#          0123456789, of which 0 to 3 hold an "="
LETTERS = {"direct": "wwwcccuwec", "cot": "cccwcctwcg"}


def mixed(content: str, *folders: Path, **more: Any) -> Comparison:
    path = folders[0].parent / "mix.yaml"
    path.write_text(content)
    return compare([load_run(folder) for folder in folders], weights=read_weights(path), **more)


def mode_of(comparison: Comparison, mode: str, task: str = "t") -> WeightedMode:
    [row] = [row for row in comparison.weighted_modes if (row.mode, row.task) == (mode, task)]
    return row


def delta_of(comparison: Comparison, mode: str = "cot", task: str = "t") -> WeightedDelta:
    [row] = [row for row in comparison.weighted_deltas if (row.mode, row.task) == (mode, task)]
    return row


# --- by hand, and with plain loops --------------------------------------------------------------------------------


def test_sixty_percent_symbolic_by_hand(tmp_path: Path) -> None:
    comparison = mixed(SIXTY, make_run(tmp_path / "r", LETTERS))
    # direct: 1 of 4 with "=", 3 of 5 decided without; cot: 3 of 4, and of 4, 5, 6, 7, 8 three.
    assert mode_of(comparison, "direct").accuracy.value == pytest.approx(0.6 * 1 / 4 + 0.4 * 3 / 5)
    assert mode_of(comparison, "direct").plain == pytest.approx(4 / 9)
    assert mode_of(comparison, "cot").accuracy.value == pytest.approx(0.6 * 3 / 4 + 0.4 * 3 / 5)
    # Pairs 0 to 7: +1 +1 +1 -1, and 0 0 0 0.
    row = delta_of(comparison)
    assert (row.n, row.delta.value, row.plain) == (8, pytest.approx(0.6 * 2 / 4), 2 / 8)
    # Bonett and Price: half a question more each way, one more in all, for each of two parts.
    more, less, count = np.array([3.5, 0.5]), np.array([1.5, 0.5]), np.array([5.0, 5.0])
    means = (more - less) / count
    pooled = (more.sum() + less.sum()) / 10 - means.mean() ** 2  # parts of fewer than five share a variance
    se = math.sqrt((0.36 + 0.16) * pooled / 4)
    centre = 0.6 * means[0] + 0.4 * means[1]
    assert (row.delta.low, row.delta.high) == pytest.approx((centre - 1.959964 * se, centre + 1.959964 * se), abs=1e-6)
    assert row.delta.p == pytest.approx(math.erfc(centre / se / math.sqrt(2)))
    assert [(part.part, part.given, part.share) for part in comparison.weights] == [
        ("symbolic", 60, 0.6), ("non-symbolic", 40, 0.4),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_tasks_sides_and_groups_with_plain_loops(seed: int, tmp_path: Path) -> None:
    """Two tasks, one of them by side of the tag; then by group."""
    rng = np.random.default_rng(seed)
    questions = {
        task: [
            Question(
                id=f"{task}-{at}", task=task, text=f"x = {at}" if at % 3 else f"Q {at}", cluster="", group=f"g{at % 2}"
            )
            for at in range(40)
        ]
        for task in ("t", "u")
    }
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    folders = []
    for task, own in questions.items():
        records = [
            replace_task(record(q.id, mode, str(rng.choice(list("ccwwe")))), task)
            for q in own
            for mode in ("direct", "cot")
        ]
        folders.append(in_task(write_run(tmp_path / task, records, questions=own), task))
        rows |= rows_of(folders[-1])

    def share(places: list[tuple[float, list[Question]]], mode: str) -> float:
        total = sum(weight for weight, _ in places)
        out = 0.0
        for weight, some in places:
            known = [rows[mode, q.id]["outcome"] for q in some if rows[mode, q.id]["outcome"] != "engine_error"]
            out += weight / total * sum(one == "correct" for one in known) / len(known)
        return out

    sides = [[q for q in questions["u"] if is_symbolic(q) == side] for side in (True, False)]
    mix = "tasks:\n  t: 1\n  u: {symbolic: 3, non-symbolic: 2}\n"
    got = mixed(mix, *folders)
    places = [(1.0, questions["t"]), (3.0, sides[0]), (2.0, sides[1])]
    for mode in ("direct", "cot"):
        assert mode_of(got, mode, "all tasks").accuracy.value == pytest.approx(share(places, mode))
    assert {row.task for row in got.weighted_modes} == {"all tasks"}
    groups = [[q for q in questions["u"] if q.group == name] for name in ("g0", "g1")]
    got = mixed("groups: {u/g0: 0.25, u/g1: 0.75}", *folders)
    expected = share([(0.25, groups[0]), (0.75, groups[1])], "cot")
    assert mode_of(got, "cot", "u").accuracy.value == pytest.approx(expected)
    assert not any("were scaled" in note for note in got.notes)
    # By side over both tasks, and within each.
    got = mixed("symbolic: 7\nnon-symbolic: 3\n", *folders)
    whole = [[q for own in questions.values() for q in own if is_symbolic(q) == side] for side in (True, False)]
    assert mode_of(got, "cot", "all tasks").accuracy.value == pytest.approx(
        share([(7.0, whole[0]), (3.0, whole[1])], "cot")
    )
    assert mode_of(got, "cot", "u").accuracy.value == pytest.approx(share([(7.0, sides[0]), (3.0, sides[1])], "cot"))
    assert any("the shares sum to 10 and were scaled: symbolic 70%, non-symbolic 30%" in note for note in got.notes)


def replace_task(row: Any, task: str) -> Any:
    from msgspec import structs

    return structs.replace(row, task=task)


def in_task(folder: Path, task: str) -> Path:
    """Call the task of a run otherwise in its manifest."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["spec"]["tasks"] = {task: content["spec"]["tasks"]["t"]}
    content["spec"]["modes"] = {
        name.replace("t/", f"{task}/", 1): row for name, row in content["spec"]["modes"].items()
    }
    path.write_text(json.dumps(content))
    return folder


def test_with_the_questions_own_shares_nothing_changes(tmp_path: Path) -> None:
    comparison = mixed(
        "symbolic: 4\nnon-symbolic: 6", make_run(tmp_path / "r", {"direct": "wc" * 5, "cot": "ccccccwcww"})
    )
    row = delta_of(comparison)
    assert row.delta.value == pytest.approx(row.plain)


def test_policies_in_a_mix(tmp_path: Path) -> None:
    """CoT helps with "=" and hurts without: which policy is best depends on the mix."""
    folder = make_run(tmp_path / "r", {"direct": "wwwwcccccc", "cot": "ccccwwwwww"})
    for mix, best in (
        (SIXTY, "cot where symbolic"),
        ("symbolic: 1", "always cot"),
        ("nonsymbolic: 1", "always direct"),
    ):
        comparison = mixed(mix, folder)
        by_name = {row.policy: row for row in comparison.weighted_policies if row.rule in ("", "eq_question")}
        # Of equals, that with the fewest tokens: 40 of cot, 4 of direct.
        [chosen] = {row.policy for row in comparison.weighted_policies if row.best}
        assert chosen == best
        assert by_name[ORACLE].accuracy >= by_name[best].accuracy and not by_name[ORACLE].best
    comparison = mixed(SIXTY, folder)
    rows = {row.policy: row for row in comparison.weighted_policies if row.rule in ("", "eq_question")}
    assert rows["always cot"].accuracy == pytest.approx(0.6) and rows["always direct"].accuracy == pytest.approx(0.4)
    assert rows["cot where symbolic"].tokens == pytest.approx(0.6 * 40 + 0.4 * 4)
    assert rows["cot where symbolic"].used == pytest.approx(0.6)
    assert rows["always direct"].loss == pytest.approx(0.2)
    [line] = sentences(comparison)
    assert 'In your mix (with "=" 60%, without "=" 40%)' in line and "Best policy there: cot where symbolic" in line


def test_p_is_corrected_over_all_of_one_baseline(tmp_path: Path) -> None:
    letters = {"direct": "w" * 10, "cot": "c" * 10, "pal": "cc" + "w" * 8}
    rows = mixed(SIXTY, make_run(tmp_path / "r", letters)).weighted_deltas
    assert [row.p_holm for row in rows] == pytest.approx(stats.holm([row.delta.p or 0 for row in rows]))
    assert [(row.verdict, row.family) for row in rows] == [("helps", 2), ("no clear effect", 2)]


# --- the intervals ------------------------------------------------------------------------------------------------

# Sizes of parts, their shares, and in each the chance to be right, or to be helped and hurt.
ACCURACIES: Mapping[str, tuple[Any, Any, Any]] = {
    "two of fifteen": ([15, 15], [60, 40], [0.8, 0.5]),
    "nearly all right": ([15, 15], [60, 40], [0.97, 0.9]),
    "few of what counts": ([10, 90], [60, 40], [0.8, 0.5]),
    "five of 305": ([5, 300], [90, 10], [0.7, 0.5]),
    "four of ten": ([10] * 4, [40, 30, 20, 10], [0.8, 0.5, 0.9, 0.3]),
    "57 of five": ([5] * 57, [1] * 57, [0.8] * 57),
    "57 of one": ([1] * 57, [1] * 57, [0.8] * 57),
}
DIFFERENCES: Mapping[str, tuple[Any, Any, Any]] = {
    "none": ([15, 15], [60, 40], [(0.1, 0.1), (0.05, 0.05)]),
    "against one another": ([15, 15], [50, 50], [(0.3, 0.1), (0.1, 0.3)]),
    "large": ([15, 15], [60, 40], [(0.8, 0.05), (0.5, 0.05)]),
    "one way only": ([15, 15], [60, 40], [(0.5, 0.0), (0.1, 0.0)]),
    "few of what counts": ([10, 90], [60, 40], [(0.6, 0.05), (0.05, 0.05)]),
    "eight of ten": ([10] * 8, [1] * 8, [(0.85, 0.02)] * 8),
    "57 of five": ([5] * 57, [1] * 57, [(0.2, 0.05)] * 57),
    "none of 57": ([5] * 57, [*range(1, 58)], [(0.1, 0.1)] * 57),
}


@pytest.mark.parametrize("name", ACCURACIES)
def test_weighted_accuracies_hold_the_truth(name: str) -> None:
    sizes, shares, chances = (np.array(column, dtype=float) for column in ACCURACIES[name])
    shares /= shares.sum()
    parts, rng, held = np.repeat(np.arange(len(sizes)), sizes.astype(int)), np.random.default_rng(1), 0
    for _ in range(2 * SIMULATIONS):
        got = estimate((rng.random(len(parts)) < chances[parts]).astype(float), parts, shares, paired=False)
        held += got.low <= shares @ chances <= got.high
    within(held, 2 * SIMULATIONS, 0.94, 1.0)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_weighted_differences_hold_the_truth_and_tests_keep_their_level(name: str) -> None:
    sizes, shares, chances = (np.array(column, dtype=float) for column in DIFFERENCES[name])
    shares /= shares.sum()
    truth = float(shares @ (chances[:, 0] - chances[:, 1]))
    parts, rng = np.repeat(np.arange(len(sizes)), sizes.astype(int)), np.random.default_rng(2)
    held = rejected = 0
    for _ in range(2 * SIMULATIONS):
        draw = rng.random(len(parts))
        values = (draw < chances[parts, 0]).astype(float) - (draw > 1 - chances[parts, 1])
        got = estimate(values, parts, shares, paired=True)
        held += got.low <= truth + 1e-12 and truth - 1e-12 <= got.high
        assert got.p is not None
        rejected += got.p <= 0.05
        inside = got.low <= 0 <= got.high
        assert inside == (got.p >= 0.05) or got.value in (got.low, got.high)
    within(held, 2 * SIMULATIONS, 0.94, 1.0)
    if abs(truth) < 1e-12:
        within(rejected, 2 * SIMULATIONS, 0.0, 0.05)


def test_with_clusters_weighted_differences_hold_the_truth() -> None:
    """Eighty passages of one to five questions, most of them on one side of the tag or the other, some on both."""
    rng, draws, held, rejected = np.random.default_rng(3), 2 * SIMULATIONS, 0, 0
    sizes = np.tile([1, 2, 4, 5], 20)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    leans = rng.random(len(sizes))[clusters]
    parts = (rng.random(len(clusters)) < np.where(leans < 0.4, 0.05, np.where(leans < 0.8, 0.95, 0.5))).astype(int)
    shares = np.array([0.75, 0.25])
    for _ in range(draws):
        shared = rng.normal(size=len(sizes))[clusters]
        values = np.clip(np.rint(0.6 * shared + 0.4 * rng.normal(size=len(clusters))), -1, 1)
        got = estimate(values, parts, shares, clusters, paired=True)
        held += got.low <= 0 <= got.high
        rejected += got.p is not None and got.p <= 0.05
    within(held, draws, 0.94, 0.98)
    within(rejected, draws, 0.0, 0.05)


def test_one_cluster_has_no_interval() -> None:
    got = estimate(np.array([1.0, 0.0, 1.0]), np.array([0, 1, 1]), np.array([0.5, 0.5]), np.zeros(3), paired=True)
    assert (got.low, got.high, got.se, got.p) == (-1, 1, None, None)


# --- what is refused ----------------------------------------------------------------------------------------------

REFUSED = {
    "": "expected a mapping of shares, found nothing",
    "- symbolic\n": "expected a mapping of shares, found a list",
    "symbolic: [": "mix.yaml:1: is neither YAML nor JSON",
    "symbolic: 1\nsymbolic: 2": "mix.yaml:2: is neither YAML nor JSON: 'symbolic' stands twice",
    "symbolik: 60": "'symbolik' is no key of a mix; expected tags, tasks, groups or rule",
    "tags: {symbolik: 1}": "tags: there is no side 'symbolik'; expected symbolic or non-symbolic",
    "tags: {symbolic: 1}\ntasks: {t: 1}": "expected one of tags, tasks, groups, found tags and tasks",
    "rule: eq_question": "expected one of tags, tasks, groups, found none",
    "tags: 5": "tags: expected a share for each of them, found 5",
    "symbolic: -1\nnon-symbolic: 2": "tags: symbolic: expected a number from 0 up, found -1",
    "symbolic: sixty": "expected a number from 0 up, found 'sixty'",
    "symbolic: true": "expected a number from 0 up, found True",
    "symbolic: .nan": "expected a number from 0 up, found nan",
    "symbolic: 1.0e+308\nnon-symbolic: 1.0e+308": "expected a number from 0 up, found 1e+308",
    f"symbolic: 1{'0' * 400}\nnon-symbolic: 1": "expected a number from 0 up, found 1000",
    "[" * 3000: "mix.yaml: is nested too deeply to be a mix of shares",
    "symbolic: 0\nnon-symbolic: 0": "tags: all shares are 0",
    "tasks: {x: 1}": "this report has no task 'x'. It has: t",
    "groups: {maths: 1}": "no task of this report has a group 'maths'. Known: none",
    "groups: {t/maths: 1}": "t has no group 'maths'",
    "tasks: {t: {symbolic: 1, maths: 1}}": "sides of a tag and groups stand side by side",
    "rule: nothing\ntags: {symbolic: 1}": "rule: there is no tag rule 'nothing'. Known: eq_question,",
    "rule: operators\ntasks: {t: 1}": "rule: no share here is of a side of a tag",
}


@pytest.mark.parametrize(("content", "finding"), REFUSED.items(), ids=[repr(content)[:40] for content in REFUSED])
def test_what_is_refused(tmp_path: Path, content: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        mixed(content, make_run(tmp_path / "r", LETTERS))
    assert finding in str(error.value)
    assert "mix.yaml" in str(error.value)


def test_a_tag_without_questions_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "r", {mode: one[4:] for mode, one in LETTERS.items()}, questions=QUESTIONS[4:])
    with pytest.raises(UsageError) as error:
        mixed(SIXTY, folder)
    assert str(error.value).splitlines() == [
        f"{tmp_path}/mix.yaml: symbolic has the share 60 and no questions under the tag rule eq_question in t by m. "
        "Questions by part: symbolic 0, non-symbolic 6.",
        "Give it the share 0, or add runs that have it.",
    ]
    assert mode_of(mixed("symbolic: 0\nnon-symbolic: 40", folder), "direct").n == 5


def test_a_group_that_two_tasks_have_needs_its_task(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("groups: {law: 1}")
    with pytest.raises(UsageError, match="a and b both have a group 'law'"):
        fitted(read_weights(path), {"a": ["law"], "b": ["law"]})
    path.write_text("groups: {b/law: 1, c: 2}")
    assert [part.part for part in fitted(read_weights(path), {"a": ["law", "c"], "b": ["law"]}).parts] == [
        "b law",
        "a c",
    ]
    path.write_text("groups: {a/c: 1, c: 2}")
    with pytest.raises(UsageError, match="'a c' has two shares"):
        fitted(read_weights(path), {"a": ["c"]})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_weights(tmp_path / "none.yaml")


def test_what_is_in_no_part_counts_for_nothing_and_it_is_said(tmp_path: Path) -> None:
    questions = [replace(q, group="ab"[at % 2]) for at, q in enumerate(QUESTIONS)]
    folder = make_run(tmp_path / "r", {"direct": "wc" * 5, "cot": "cw" * 5}, questions=questions)
    comparison = mixed("groups: {a: 1}", folder)
    assert mode_of(comparison, "cot").accuracy.value == 1.0 and mode_of(comparison, "cot").n == 5
    assert any("5 of 10 questions are in no part of the mix" in note for note in comparison.notes)


# --- files, gates, words ------------------------------------------------------------------------------------------


def test_page_summary_csv_and_json_say_the_same_and_that_it_is_weighted(tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "a", LETTERS)
    (tmp_path / "mix.json").write_text('{"symbolic": 60, "non-symbolic": 40}')
    done = main("report", "a", "--full", "--no-plots", "--to", "out", "--weights", "mix.json")
    assert done.code == 0, done.err
    content = json.loads((tmp_path / "out/report.json").read_text())
    for key, name in (("modes", "weighted"), ("deltas", "weighted-deltas"), ("policies", "weighted-policies")):
        with (tmp_path / f"out/{name}.csv").open(encoding="utf-8") as file:
            written = list(csv.DictReader(file))
        figure = "delta" if key == "deltas" else "accuracy"
        assert [row[figure] for row in written] == [str(row[figure]) for row in content[f"weighted_{key}"]]
    [row] = content["weighted_deltas"]
    assert f"{100 * row['delta']:+.1f}" == "+30.0"
    title = 'Weighted to your mix (with "=" 60%, without "=" 40%): paired differences, in points'
    for text in (done.out, (tmp_path / "out/report.html").read_text(), (tmp_path / "out/summary.md").read_text()):
        assert "+30.0" in text
        assert title in " ".join(html.unescape(text.replace("\\", "")).split())
    assert [part["share"] for part in content["weights"]] == [0.6, 0.4]


def test_a_bad_mix_is_told_before_anything_is_written(tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "a", LETTERS)
    (tmp_path / "mix.yaml").write_text("symbolic: much")
    done = main("report", "a", "--weights", "mix.yaml")
    assert done.code == 2 and "Traceback" not in done.err
    assert "mix.yaml: tags: symbolic: expected a number from 0 up, found 'much'." in done.err
    assert not (tmp_path / "results" / "a" / "report").exists()
    assert main("report", "a", "--weights", "none.yaml").code == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("weighted_accuracy[t,cot] > 50%", 0.69),
        ("weighted_delta[t,cot] > 25pt", 0.3),
        ("weighted_delta[*,cot,model=m,baseline=direct] == 0.3", 0.3),
        ("weighted_n[t,cot] == 8", 8),
        ("weighted_tokens[t,cot] == 40", 40),
        ("weighted_token_ratio[t,cot] == 10", 10),
        ("weighted_low[t,cot] < 0", None),
        ("weighted_high[t,cot] > 0", None),
        ("weighted_p[t,cot] > 0.05", None),
        ("weighted_p_holm[t,cot] > 0.05", None),
        ("weighted_best[t,cot] > 50%", None),
    ],
)
def test_gates(tmp_path: Path, text: str, value: float | None) -> None:
    comparison = mixed(SIXTY, make_run(tmp_path / "r", LETTERS))
    [(_, found)] = check_gate(parse_gate(text), comparison).holding
    assert value is None or found == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("weighted_delta[t,cot,symbolic] > 0", "weighted_delta is about a whole mix"),
        ("weighted_accuracy[t,cot,baseline=direct] > 0", "weighted_accuracy has no baseline"),
        ("weighted_delta[t,cot] > 0", "nothing is weighted here.\nGive a mix of questions: --weights FILE."),
    ],
)
def test_gates_that_cannot_be_checked(tmp_path: Path, text: str, finding: str) -> None:
    comparison = compare([load_run(make_run(tmp_path / "r", LETTERS))])
    with pytest.raises(UsageError) as error:
        check_gate(parse_gate(text), comparison)
    assert finding in str(error.value)


def test_without_a_mix_nothing_is_weighted(tmp_path: Path) -> None:
    comparison = compare([load_run(make_run(tmp_path / "r", LETTERS))])
    assert not any("Weighted" in table.title for table in sections(comparison))
    assert comparison.weighted_modes == comparison.weights == []
