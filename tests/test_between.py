"""Model against model: by hand, with plain loops, with an optimiser, and by simulation."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from scipy import optimize
from test_compare import QUESTIONS, make_run, record, write_run
from test_policies import rows_of
from test_stats_simulated import SIMULATIONS, within

from cotbench.analysis import bounded, stats
from cotbench.analysis.between import Gain, Lead, mirrored, parse_against
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.questions.tagging import is_symbolic
from cotbench.report.between import sentences
from cotbench.report.sections import sections
from cotbench.types import Question


def compared(*folders: Path, **more: Any) -> Comparison:
    return compare([load_run(folder) for folder in folders], **more)


def gain_of(comparison: Comparison, tag: str = "all") -> Gain:
    [row] = [row for row in comparison.gains if row.tag == tag]
    return row


def lead_of(comparison: Comparison, mode: str, tag: str = "all") -> Lead:
    [row] = [row for row in comparison.leads if row.tag == tag and row.mode == mode]
    return row


#          0123456789, of which 0 to 3 hold an "="
A = {"direct": "wwwwccwwce", "cot": "ccccccwccc"}
B = {"direct": "wwccwcwccc", "cot": "cwwwccwwcc"}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return make_run(tmp_path / "results" / "a", A, model="org/a"), make_run(tmp_path / "results" / "b", B, model="b:7")


# --- by hand, and with plain loops --------------------------------------------------------------------------------


def test_a_gain_less_another_by_hand(two: tuple[Path, Path]) -> None:
    row = gain_of(comparison := compared(*two))
    # Pairs 0 to 8. A: +1 +1 +1 +1 0 0 0 +1 0; B: +1 0 -1 -1 +1 0 0 -1 0. Apart: 0 1 2 2 -1 0 0 2 0.
    assert (row.model, row.against, row.mode, row.baseline, row.n) == ("org/a", "b:7", "cot", "direct", 9)
    assert (row.gain.value, row.gain_against.value) == (pytest.approx(5 / 9), pytest.approx(-1 / 9))
    assert (row.difference.value, row.more, row.less) == (pytest.approx(6 / 9), 4, 1)
    # Sums of +-1 +-1 +-2 +-2 +-2 as far from 0 as 6: 8 in 1 way, 6 in 2, each side; of 32.
    assert row.difference.p == row.p_flips == pytest.approx(2 * (1 + 2) / 32)
    assert row.difference.low < 0 < row.difference.value < row.difference.high < 2
    side = gain_of(comparison, "symbolic")
    assert (side.n, side.difference.value, side.gain.value) == (4, 1.25, 1.0)
    ahead = lead_of(comparison, "cot")
    # cot of both, 0 to 9: A cccccc w ccc, B c www cc ww cc.
    assert (ahead.n, ahead.more, ahead.less) == (10, 4, 0)
    assert (ahead.difference.low, ahead.difference.high) == pytest.approx(stats.tango(4, 0, 10), abs=1e-8)
    assert ahead.difference.p == pytest.approx(stats.mcnemar_exact(4, 0))
    assert (ahead.accuracy, ahead.accuracy_against) == (0.9, 0.5)


@pytest.mark.parametrize("seed", range(6))
def test_all_of_it_again_with_plain_loops(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    folders = {}
    for model in ("m1", "m2"):
        records = [
            record(q.id, mode, str(rng.choice(list("cccwwuteg"))))
            for q in QUESTIONS
            for mode in ("direct", "cot")
            if rng.random() < 0.9
        ]
        folders[model] = write_run(tmp_path / model, records, model=model)
    comparison = compared(*folders.values())
    rows = {model: rows_of(folder) for model, folder in folders.items()}

    def right(model: str, mode: str, question: Question) -> int | None:
        row = rows[model].get((mode, question.id))
        if row is None or row["outcome"] in ("engine_error", "grader_timeout"):
            return None
        return int(row["outcome"] == "correct")

    for tag in ("all", "symbolic", "non-symbolic"):
        asked = [q for q in QUESTIONS if tag == "all" or is_symbolic(q) == (tag == "symbolic")]
        apart, ahead = [], []
        for q in asked:
            four = [right(m, mode, q) for m in ("m1", "m2") for mode in ("cot", "direct")]
            if None not in four:
                apart.append((four[0] - four[1]) - (four[2] - four[3]))  # type: ignore[operator]
            one, other = right("m1", "cot", q), right("m2", "cot", q)
            if one is not None and other is not None:
                ahead.append(one - other)
        for row, differences in ((gain_of(comparison, tag), apart), (lead_of(comparison, "cot", tag), ahead)):
            assert row.n == len(differences)
            if differences:
                assert row.difference.value == pytest.approx(sum(differences) / len(differences))
                assert (row.more, row.less) == (sum(d > 0 for d in differences), sum(d < 0 for d in differences))
                assert row.difference.p == pytest.approx(every_flip(differences))
            else:
                assert row.difference.value is None


def every_flip(differences: Sequence[int]) -> float:
    """Over all 2^n ways to flip signs, as they come."""
    reached = abs(sum(differences))
    ways = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(way >= reached for way in ways) / len(ways)


def test_p_is_corrected_within_its_family(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / name, {"direct": "wwwwwwwwcc", "cot": cot, "pal": pal}, model=name)
        for name, cot, pal in (("a", "cccccccccc", "ccccccccww"), ("b", "wwwwwwwwcc", "wwwwwwwwcc"))
    ]
    comparison = compared(*runs)
    rows = [row for row in comparison.gains if row.tag == "all"]
    assert [row.mode for row in rows] == ["cot", "pal"]
    assert [row.p_holm for row in rows] == pytest.approx(stats.holm([row.difference.p or 0 for row in rows]))
    assert {row.family for row in rows} == {2}
    assert "the 2 differences of two models' gains on all questions" in comparison.families["gains"]
    # Three arms of both models.
    assert {row.family for row in comparison.leads if row.tag == "all"} == {3}


def test_with_clusters_it_is_the_clustered_t_test(tmp_path: Path) -> None:
    questions = [replace(q, cluster=f"c{at // 2}") for at, q in enumerate(QUESTIONS)]
    runs = [make_run(tmp_path / n, one, model=n, questions=questions) for n, one in (("a", A), ("b", B))]
    row = gain_of(compared(*runs))
    apart = np.array([0, 1, 2, 2, -1, 0, 0, 2, 0], dtype=float)
    expected = stats.mean(apart, np.array([0, 0, 1, 1, 2, 2, 3, 3, 4]), bound=2.0)
    assert (row.difference.low, row.difference.high, row.difference.p) == (expected.low, expected.high, expected.p)
    assert row.clusters == 5
    # Sums of clusters: 1 4 -1 2 0; flips as far as 6: +8 in 1 way, +6 in 2, each side, of 16.
    assert row.p_flips == pytest.approx(6 / 16, abs=0.02)


# --- the numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("helped", "hurt", "n"), [(3, 1, 8), (0, 0, 8), (30, 5, 100), (5, 0, 30), (8, 0, 8), (1, 7, 8)]
)
def test_of_three_values_it_is_tangos_interval_and_mcnemars_test(helped: int, hurt: int, n: int) -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [helped, hurt, n - helped - hurt])
    got = bounded.estimate(differences, bound=1)
    assert (got.low, got.high) == pytest.approx(stats.tango(helped, hurt, n), abs=1e-8)
    assert got.p == pytest.approx(stats.mcnemar_exact(helped, hurt))


@pytest.mark.parametrize(
    "counts", [(0, 3, 20, 6, 1), (2, 0, 5, 0, 9), (0, 0, 30, 0, 0), (0, 0, 10, 0, 1), (4, 9, 1, 0, 0)]
)
def test_the_ends_are_where_a_score_test_by_an_optimiser_stops_refusing(counts: tuple[int, ...]) -> None:
    """The restricted likelihood is maximised by a general optimiser, over the chances of all five values."""
    values, n = np.arange(-2, 3), sum(counts)
    mean = float(values @ counts) / n
    low, high = bounded.score_interval(dict(zip(values.tolist(), counts, strict=True)), 2)

    def distance(truth: float) -> float:
        seen = np.array(counts) > 0

        def loss(p: Any) -> float:
            return -float(np.array(counts)[seen] @ np.log(np.maximum(p[seen], 1e-12)))

        start = np.full(5, 0.2)
        bounds = [{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "eq", "fun": lambda p: p @ values - truth}]
        found = optimize.minimize(
            loss,
            start,
            bounds=[(0, 1)] * 5,
            constraints=bounds,
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        )
        return abs(mean - truth) / math.sqrt(float(found.x @ (values - truth) ** 2) / n)

    for end in (low, high):
        if abs(end) < 2:
            assert distance(end) == pytest.approx(1.959964, abs=0.02)


def test_the_exact_test_is_that_of_all_flips() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        differences = rng.integers(-2, 3, size=rng.integers(1, 11))
        assert bounded.exact_flips(differences.astype(float)) == pytest.approx(every_flip(differences.tolist()))


# Chances of -2 .. 2, as pairs of models have them: few questions on which they differ, many, lopsided, and far apart.
CHANCES = {
    "sparse": (0.0, 0.03, 0.94, 0.03, 0.0),
    "usual": (0.02, 0.13, 0.70, 0.13, 0.02),
    "wide": (0.1, 0.2, 0.4, 0.2, 0.1),
    "lopsided": (0.0, 0.10, 0.85, 0.0, 0.05),
    "effect": (0.01, 0.09, 0.6, 0.25, 0.05),
    "large": (0.0, 0.02, 0.28, 0.5, 0.2),
    "one-sided": (0.0, 0.0, 0.8, 0.15, 0.05),
    "rare": (0.0, 0.0, 0.95, 0.05, 0.0),
}


@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("name", CHANCES)
def test_intervals_hold_the_truth_and_the_test_keeps_its_level(name: str, n: int) -> None:
    chances, values = np.array(CHANCES[name]), np.arange(-2, 3)
    truth = float(chances @ values)
    rng, draws = np.random.default_rng(n), SIMULATIONS
    held = rejected = 0
    samples, times = np.unique(rng.multinomial(n, chances, size=draws), axis=0, return_counts=True)
    for counts, often in zip(samples, times.tolist(), strict=True):
        got = bounded.estimate(np.repeat(values, counts).astype(float))
        held += often * (got.low <= truth + 1e-9 and truth - 1e-9 <= got.high)
        rejected += often * (got.p is not None and got.p <= 0.05)
    within(held, draws, 0.94, 1.0)
    if truth == 0:
        within(rejected, draws, 0.0, 0.05)


def test_of_clustered_gains_intervals_hold_and_the_test_keeps_its_level() -> None:
    """Sixty passages of one to four questions, whose questions move together."""
    rng, draws = np.random.default_rng(8), 2 * SIMULATIONS
    sizes = np.tile([1, 1, 2, 4], 15)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    held = rejected = by_flips = 0
    for _ in range(draws):
        shared = rng.normal(size=len(sizes))[clusters]
        apart = np.clip(np.rint(0.7 * shared + 0.6 * rng.normal(size=len(clusters))), -2, 2)
        got = bounded.estimate(apart, clusters)
        held += got.low <= 0 <= got.high
        rejected += got.p is not None and got.p <= 0.05
        by_flips += bounded.flips(apart, clusters) <= 0.05
    within(held, draws, 0.94, 0.97)
    within(rejected, draws, 0.0, 0.05)
    within(by_flips, draws, 0.0, 0.05)


# --- what isn't compared ------------------------------------------------------------------------------------------


def test_a_begun_direct_and_one_that_was_asked_for_are_not_one_arm(tmp_path: Path) -> None:
    begun, asked = "direct@answer=begun", "direct@answer=asked"
    runs = [
        make_run(tmp_path / name, {arm: "wwwwccwwcc", "cot": "cccccccccc"}, model=name)
        for name, arm in (("a", begun), ("b", asked))
    ]
    comparison = compared(*runs)
    assert comparison.gains == []
    assert {row.mode for row in comparison.leads} == {"cot"}
    [note] = [note for note in comparison.notes if "isn't compared" in note]
    assert f"a was asked {begun}, and b {asked}" in note
    assert f"--mode {asked}" in note


@pytest.mark.parametrize("unlike", [{"data": "d2"}, {"shots": 4}])
def test_other_data_or_exemplars_are_not_compared(tmp_path: Path, unlike: dict[str, Any]) -> None:
    comparison = compared(make_run(tmp_path / "a", A, model="a"), make_run(tmp_path / "b", B, model="b", **unlike))
    assert comparison.gains == comparison.leads == []
    assert any("a and b aren't compared, because of" in note for note in comparison.notes)


def test_only_shared_questions_count_and_it_is_said(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", {mode: one[:6] for mode, one in A.items()}, model="a", questions=QUESTIONS[:6]),
        make_run(tmp_path / "b", {mode: one[2:] for mode, one in B.items()}, model="b", questions=QUESTIONS[2:]),
    ]
    comparison = compared(*runs)
    assert gain_of(comparison).n == 4
    assert any("share 4 questions; 2 of the one and 4 of the other" in note for note in comparison.notes)


def test_a_rule_that_looks_at_responses_makes_no_sides(two: tuple[Path, Path]) -> None:
    comparison = compared(*two, tag_rule="eq_paper")
    assert {row.tag for row in comparison.gains} == {"all"}


def test_what_was_asked_otherwise_is_said(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, one, model=name) for name, one in (("a", A), ("b", B))]
    path = folders[1] / "manifest.json"
    content = json.loads(path.read_text())
    content["spec"]["modes"]["t/cot"] = {"sampling": {"max_tokens": 99}}
    other = json.loads((folders[0] / "manifest.json").read_text())
    other["spec"]["modes"]["t/cot"] = {"sampling": {"max_tokens": 512}}
    path.write_text(json.dumps(content))
    (folders[0] / "manifest.json").write_text(json.dumps(other))
    row = gain_of(comparison := compared(*folders))
    assert row.unlike == "max_tokens (512, and 99) of cot"
    table = next(one for one in sections(comparison) if one.key == "gains")
    assert "a − b: max_tokens (512, and 99) of cot" in table.about


def test_one_model_is_compared_with_nothing(tmp_path: Path) -> None:
    comparison = compared(make_run(tmp_path / "a", A))
    assert comparison.gains == comparison.leads == []
    assert not {"gains", "leads"} & {table.key for table in sections(comparison)}


def test_of_many_models_each_is_compared_with_the_first(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, A, model=name) for name in "abcde"]
    pairs = {(row.model, row.against) for row in compared(*runs[:4]).gains}
    assert pairs == set(itertools.combinations("abcd", 2))
    comparison = compared(*runs)
    assert {(row.model, row.against) for row in comparison.gains} == {("a", other) for other in "bcde"}
    assert any("each is compared with the first, a," in note for note in comparison.notes)
    more = compared(*runs, against=["c:cot,e:cot"])
    assert ("c", "e") in {(row.model, row.against) for row in more.leads}


# --- what is asked for --------------------------------------------------------------------------------------------


def test_two_arms_of_two_models(two: tuple[Path, Path]) -> None:
    comparison = compared(*two, against=["a:cot,b:7:direct"])
    [row] = [row for row in comparison.leads if row.mode != row.baseline and row.tag == "all"]
    # A's cot cccccc w ccc, B's direct wwcc w c w ccc.
    assert (row.model, row.mode, row.against, row.baseline) == ("org/a", "cot", "b:7", "direct")
    assert (row.more, row.less, row.difference.value) == (3, 0, pytest.approx(0.3))
    [turned] = [
        r for r in compared(*two, against=["b:7:direct,a:cot"]).leads if r.mode != r.baseline and r.tag == "all"
    ]
    assert (turned.model, turned.difference.value) == ("b:7", pytest.approx(-0.3))
    assert turned.difference.low == pytest.approx(-row.difference.high)
    # The same arm of both is there anyhow.
    assert compared(*two, against=["a:cot,b:7:cot"]).leads == compared(*two).leads
    assert any("under" in line and "against" in line for line in sentences(comparison))


BAD = {
    "": "expected MODEL:ARM,MODEL:ARM",
    "a:cot": "expected MODEL:ARM,MODEL:ARM",
    "a:cot,": "expected MODEL:ARM,MODEL:ARM",
    "cot,direct": "expected MODEL:ARM,MODEL:ARM",
    "a:cot,a:direct": "both arms are of org/a",
    "a:cot,c:direct": "has no model 'c'. It has: org/a, b:7",
    "a:pal,b:7:direct": "org/a has no arm 'pal', or several may be meant. It has: direct, cot",
}


@pytest.mark.parametrize(("text", "finding"), BAD.items(), ids=BAD)
def test_what_cannot_be_asked_for(two: tuple[Path, Path], text: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        compared(*two, against=[text])
    assert finding in str(error.value)
    assert "--against" in str(error.value)


def test_names_of_models_may_hold_colons_commas_and_folders() -> None:
    models = ["/data/x,y/m", "qwen:7b", "qwen:7b:q4"]
    got = parse_against("/data/x,y/m:cot, qwen:7b:q4:direct@answer=begun", models)
    assert (got.model, got.mode, got.other, got.other_mode) == (models[0], "cot", models[2], "direct@answer=begun")
    assert parse_against("m:cot,qwen:7b:cot", models).other == "qwen:7b"


# --- gates, files, words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gain[t,cot,model=a,against=b:7] > 50pt", 6 / 9),
        ("gain[t,cot,model=org/a] > 50pt", 6 / 9),
        ("gain[t,cot,model=b:7,against=org/a] < -50pt", -6 / 9),
        ("gain[*,cot,symbolic,model=a] == 1.25", 1.25),
        ("gain_p[t,cot,model=a] < 0.2", 6 / 32),
        ("gain_p_holm[t,cot,model=a] < 0.2", 6 / 32),
        ("gain_n[t,cot,model=a] == 9", 9),
        ("gain_more[t,cot,model=a] == 4", 4),
        ("gain_less[t,cot,model=b:7] == 4", 4),
        ("lead_n[t,cot,model=a] == 10", 10),
        ("lead_more[t,cot,model=a] == 4", 4),
        ("lead_less[t,cot,model=a] == 0", 0),
        ("gain_low[t,cot,model=a] < 0", None),
        ("gain_high[t,cot,model=a] > 0", None),
        ("lead[t,cot,model=a,against=b:7] == 40%", 0.4),
        ("lead[t,cot,model=b:7] == -40%", -0.4),
        ("lead_p[t,cot,model=a] == 0.125", 0.125),
        ("lead[t,cot,model=a,against=b:7,baseline=direct] == 30%", 0.3),
        ("lead[t,direct,model=b:7,against=a,baseline=cot] == -30%", -0.3),
    ],
)
def test_gates(two: tuple[Path, Path], text: str, value: float | None) -> None:
    checked = check_gate(parse_gate(text), compared(*two, against=["a:cot,b:7:direct"]))
    [(place, found)] = checked.holding
    assert "against=" in place
    assert value is None or found == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("gain[t,cot] > 0", "gain is of one model against another"),
        ("lead[t,cot,against=b] > 0", "lead is of one model against another"),
        ("delta[t,cot,against=b] > 0", "delta is of one model"),
        ("gain[t,cot,model=a,against=x] > 0", "has no gain of against 'x'"),
        ("gain[t,pal,model=a] > 0", "has no gain of mode 'pal'"),
    ],
)
def test_gates_that_ask_for_what_is_not_there(two: tuple[Path, Path], text: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        check_gate(parse_gate(text), compared(*two))
    assert finding in str(error.value)


def test_a_mirrored_row_is_that_of_the_runs_in_the_other_order(two: tuple[Path, Path]) -> None:
    forth, back = compared(*two), compared(*reversed(two))
    for row, other in zip([*forth.gains, *forth.leads], [*back.gains, *back.leads], strict=True):
        turned: Any = mirrored(row)  # type: ignore[type-var]
        assert (turned.model, turned.against, turned.more, turned.less) == (
            other.model, other.against, other.more, other.less,
        )  # fmt: skip
        assert turned.difference.value == pytest.approx(other.difference.value)
        assert turned.difference.low == pytest.approx(other.difference.low, abs=1e-6)


def test_page_summary_csv_and_json_say_the_same_number(two: tuple[Path, Path], tmp_path: Path, main: Cli) -> None:
    done = main("report", "a", "b", "--full", "--no-plots", "--to", "out", "--against", "a:cot,b:7:direct")
    assert done.code == 0, done.err
    content = json.loads((tmp_path / "out/report.json").read_text())
    for name, rows in (("gains", content["gains"]), ("leads", content["leads"])):
        with (tmp_path / f"out/{name}.csv").open(encoding="utf-8") as file:
            written = list(csv.DictReader(file))
        assert [row["difference"] for row in written] == [str(row["difference"]) for row in rows]
    shown = "+66.7"
    assert f"{100 * content['gains'][0]['difference']:+.1f}" == shown
    for text in (done.out, (tmp_path / "out/report.html").read_text(), (tmp_path / "out/summary.md").read_text()):
        assert shown in text


def test_sentences(tmp_path: Path) -> None:
    questions = [replace(QUESTIONS[0], id=f"t-{at}", text=f"Question {at}?") for at in range(20)]
    letters = {
        "up": ("w" * 20, "c" * 20), "like": ("w" * 20, "c" * 20), "flat": ("w" * 20, "w" * 20),
        "down": ("c" * 20, "w" * 12 + "c" * 8), "steep": ("c" * 20, "w" * 20),
    }  # fmt: skip
    runs = {
        name: make_run(tmp_path / name, {"direct": direct, "cot": cot}, model=name, questions=questions)
        for name, (direct, cot) in letters.items()
    }
    for one, other, begins in (
        (
            "up",
            "flat",
            "CoT adds 100.0 points more for up than for flat on t (+51.7 to +116.1; +100.0 against 0.0; n = ",
        ),
        (
            "flat",
            "up",
            "CoT adds 100.0 points more for up than for flat on t (+51.7 to +116.1; +100.0 against 0.0; n = ",
        ),
        ("down", "steep", "CoT costs down 40.0 points less than steep on t (+"),
        ("steep", "down", "CoT costs down 40.0 points less than steep on t (+"),
        ("up", "like", "CoT for up against like: no clear difference on t (0.0 points, "),
    ):
        [line] = sentences(compared(runs[one], runs[other]))
        assert line.startswith(begins)


def test_interval_and_test_that_disagree_are_inconclusive(tmp_path: Path) -> None:
    """Five questions of thirty, all one way: the score interval is clear of zero, and 2 / 2^5 is above 0.05."""
    questions = [replace(QUESTIONS[0], id=f"t-{at}", text=f"Question {at}?") for at in range(30)]
    runs = [
        make_run(tmp_path / name, {"direct": "w" * 30, "cot": cot}, model=name, questions=questions)
        for name, cot in (("a", "c" * 5 + "w" * 25), ("b", "w" * 30))
    ]
    row = lead_of(comparison := compared(*runs), "cot")
    assert row.difference.low is not None and row.difference.low > 0
    assert (row.difference.p, row.verdict) == (0.0625, "inconclusive")
    assert row.why == "interval and exact test disagree"
    # Of gains the interval allows for a -2 that was never seen, so it holds 0 here, as the test says.
    assert gain_of(comparison).verdict == "no clear difference"
    [line] = sentences(comparison)
    assert line.startswith("CoT for a against b: no clear difference on t (+16.7 points, ")
    # Eight by themselves would do, but not as one of ten comparisons.
    nine = {f"m{at}": "w" * 30 for at in range(9)}
    many = [
        make_run(tmp_path / f"{name}-many", {"direct": "w" * 30, "cot": cot, **nine}, model=name, questions=questions)
        for name, cot in (("a", "c" * 8 + "w" * 22), ("b", "w" * 30))
    ]
    row = next(row for row in compared(*many).gains if row.tag == "all")
    assert (row.verdict, row.why) == ("inconclusive", "clear by itself, not as one of 10 comparisons")


def test_of_strata_the_interval_is_narrower_and_holds_the_truth() -> None:
    """Half of the questions gain much more than the others: that half is half, and no chance."""
    rng, draws, narrower, held = np.random.default_rng(12), SIMULATIONS, 0, 0
    strata, values = np.repeat([0, 1], 100), np.arange(-2, 3)
    chances = np.array([(0.0, 0.02, 0.28, 0.5, 0.2), (0.05, 0.2, 0.5, 0.2, 0.05)])
    truth = float((chances @ values).mean())
    for _ in range(draws):
        apart = np.concatenate([rng.choice(values, 100, p=own) for own in chances]).astype(float)
        plain, within_strata = bounded.estimate(apart), bounded.estimate(apart, strata=strata)
        narrower += within_strata.high - within_strata.low < plain.high - plain.low
        held += within_strata.low <= truth <= within_strata.high
        assert within_strata.p == plain.p
    assert narrower > 0.95 * draws
    within(held, draws, 0.94, 0.97)


@pytest.mark.parametrize("strata", [False, True])
def test_a_gain_has_the_interval_that_the_table_of_differences_has(strata: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    questions = [
        replace(QUESTIONS[0], id=f"t-{at}", text=f"Question {at}?", group="ab"[at % 2] if strata else "")
        for at in range(120)
    ]
    runs = []
    for name in "ab":
        letters = {mode: "".join(rng.choice(list("cwe"), 120, p=[0.5, 0.49, 0.01])) for mode in ("direct", "cot")}
        runs.append(make_run(tmp_path / name, letters, model=name, questions=questions))
    for folder in runs:  # by itself: there no question is left out for the other model's sake
        comparison = compared(folder)
        [delta] = [row for row in comparison.deltas if row.tag == "all"]
        alone = compared(
            folder,
            make_run(
                tmp_path / f"{folder.name}-2", {"direct": "w" * 120, "cot": "c" * 120}, model="z", questions=questions
            ),
        )
        row = gain_of(alone)
        assert (row.n, row.gain.value, row.gain.low, row.gain.high) == (
            delta.n, delta.delta.value, delta.delta.low, delta.delta.high,
        )  # fmt: skip


def test_the_plot_shows_each_gain_and_the_difference(two: tuple[Path, Path], tmp_path: Path) -> None:
    from cotbench.report.plots import draw

    comparison = compared(*two)
    drawn = {one.stem: one for one in draw(comparison, tmp_path / "plots")}
    row = gain_of(comparison)
    assert drawn["gains"].section == "gains"
    assert "t, cot − direct, a − b:7: +66.7 (" in drawn["gains"].alt
    picture = (tmp_path / "plots" / "gains.svg").read_text()
    for estimate in (row.gain, row.gain_against, row.difference):
        assert f"{100 * (estimate.value or 0):+.1f}".replace("-", "−") in picture
    for name in ("a − b:7", "t: cot − direct", "gain in accuracy, points"):
        assert name in picture
    assert "gains" not in {one.stem for one in draw(compared(two[0]), tmp_path / "alone")}


def test_of_many_blocks_the_plot_shows_those_of_the_main_arm(tmp_path: Path) -> None:
    from cotbench.report.plots import between, looks_of

    arms = dict.fromkeys(("direct", "cot", "pal", *(f"m{at}" for at in range(8))), "cw" * 5)
    comparison = compared(*(make_run(tmp_path / name, arms, model=name) for name in "ab"))
    looks = looks_of(comparison)
    assert len([row for row in comparison.gains if row.tag == "all"]) > between.MOST
    [plot] = between.plots(comparison, looks, ("cot", "direct"))
    assert "t, cot − direct" in plot.alt and "pal" not in plot.alt
