"""Perturbed questions beside their seeds: the table, the gate, the rule; and whether its intervals hold the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from test_stats_simulated import SIMULATIONS, within

from cotbench.analysis import stats, twins
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.report.headlines import headlines
from cotbench.types import Question

KINDS = ("digits", "distraction")


def write(folder: Path, rows: list[tuple[str, str, bool, bool]], *, features: bool = True) -> Path:
    """A run of a task "g". rows: cluster, kind of perturbation, and whether direct and cot are right."""
    questions = [
        Question(
            id=f"g-{place}",
            task="g",
            text=f"Question {place} of {cluster}?",
            group=kind,
            cluster=cluster,
            features={"perturbed": kind} if features else {},
        )
        for place, (cluster, kind, _, _) in enumerate(rows)
    ]
    records = [
        make_record(
            question=question.id,
            task="g",
            mode=mode,
            outcome="correct" if row[column] else "wrong",
            answer="1",
            gold="1",
            rule="contract",
            prompt_tokens=1,
            completion_tokens=9,
        )
        for mode, column in (("direct", 2), ("cot", 3))
        for question, row in zip(questions, rows, strict=True)
    ]
    return write_run(folder, questions, records)


def some(n: int = 40, seed: int = 0) -> list[tuple[str, str, bool, bool]]:
    """Seeds that CoT nearly always turns right, and two twins each, of which it turns fewer."""
    rng, rows = np.random.default_rng(seed), []
    for cluster in range(n):
        base = bool(rng.random() < 0.3)
        rows.append((f"s{cluster}", "seed", base, base or bool(rng.random() < 0.9)))
        for kind, chance in zip(KINDS, (0.8, 0.2), strict=True):
            rows.append((f"s{cluster}", kind, base, base or bool(rng.random() < chance)))
    return rows


@pytest.fixture
def compared(tmp_path: Path) -> Comparison:
    return compare([load_run(write(tmp_path / "r", some()))])


def test_each_kind_stands_against_its_own_seeds(compared: Comparison) -> None:
    rows = {row.tag: row for row in compared.twins}
    assert list(rows) == ["all", *KINDS]
    table = some()
    for kind in KINDS:
        row = rows[kind]
        own = np.array([(cot - direct) for _, k, direct, cot in table if k == kind], dtype=float)
        seeds = np.array([(cot - direct) for _, k, direct, cot in table if k == "seed"], dtype=float)
        assert (row.n, row.n_seeds, row.clusters, row.family) == (40, 40, 40, 2)
        assert row.difference.value == pytest.approx((own - seeds).mean())
        assert row.difference.se == pytest.approx((own - seeds).std(ddof=1) / np.sqrt(40))
        assert (row.perturbed.value, row.seed.value) == pytest.approx((own.mean(), seeds.mean()))
    assert rows["distraction"].difference.high is not None and rows["distraction"].difference.high < 0
    whole = rows["all"]
    assert (whole.n, whole.n_seeds) == (80, 40)
    split = next(s for s in compared.splits if s.rule == "perturbed")
    assert split.difference == whole.difference, "all seeds have twins here, so it is the split's difference"
    assert whole.accuracy is not None and whole.accuracy_seed is not None
    assert whole.accuracy < whole.accuracy_seed


def test_a_seed_without_twins_and_a_twin_without_seed_are_in_no_row(tmp_path: Path) -> None:
    rows = [*some(10), ("alone", "seed", False, True), ("other", "digits", True, False)]
    one = compare([load_run(write(tmp_path / "r", rows))])
    assert [(row.tag, row.n, row.n_seeds) for row in one.twins] == [
        ("all", 20, 10),
        ("digits", 10, 10),
        ("distraction", 10, 10),
    ]
    split = next(s for s in one.splits if s.rule == "perturbed")
    assert (split.n_symbolic, split.n_other) == (21, 11)


def test_a_limit_that_parts_most_twins_from_their_seeds_is_told(tmp_path: Path, compared: Comparison) -> None:
    rows = [row for place, row in enumerate(some()) if row[1] != "seed" or place < 30]
    one = compare([load_run(write(tmp_path / "few", rows))])
    [note] = [note for note in one.notes if "seed" in note]
    assert note.startswith("g by m: of 80 perturbed questions 20 have their seed beside them")
    assert not [note for note in compared.notes if "seed" in note]


def test_there_is_no_table_without_features(tmp_path: Path) -> None:
    one = compare([load_run(write(tmp_path / "r", some(5), features=False))])
    assert not one.twins and not [s for s in one.splits if s.rule == "perturbed"]
    only = [row for row in some(5) if row[1] != "seed"]
    assert not compare([load_run(write(tmp_path / "o", only))]).twins


def test_gates_name_a_kind(compared: Comparison) -> None:
    assert check_gate(parse_gate("twin[g,cot,distraction] < 0"), compared).holds
    assert not check_gate(parse_gate("twin[g,cot] > 0"), compared).holds
    assert check_gate(parse_gate("twin_n[g,cot] == 80"), compared).holds
    with pytest.raises(UsageError, match="no twin of tag 'digit'"):
        check_gate(parse_gate("twin[g,cot,digit] < 0"), compared)


def test_a_gate_on_twins_that_are_not_there_says_so(tmp_path: Path) -> None:
    only = compare([load_run(write(tmp_path / "r", some(5), features=False))])
    with pytest.raises(UsageError, match="no task here has perturbed questions"):
        check_gate(parse_gate("twin[g,cot] < 0"), only)


@pytest.mark.patient
def test_it_stands_in_all_files(tmp_path: Path, main: Cli) -> None:
    folder = write(tmp_path / "r", some())
    done = main("report", folder, "--full")
    assert done.code == 0, done.err
    assert "Twins: perturbed questions against" in done.out
    out = folder / "report"
    rows = json.loads((out / "report.json").read_text())["twins"]
    assert {row["tag"] for row in rows} == {"all", *KINDS}
    assert (out / "twins.csv").read_text().count("\n") == len(rows) + 1
    assert "made of, in points" in (out / "summary.md").read_text()
    assert "Twins: perturbed" in (out / "report.html").read_text()
    assert {"twins-g.png", "twins-g.svg", "twins-g-narrow.svg"} <= {path.name for path in out.iterdir()}
    assert "(twins-g.png)" in (out / "summary.md").read_text()


def test_the_headline_says_it_of_the_main_arm(compared: Comparison) -> None:
    [said] = [line for line in headlines(compared) if "perturbed questions" in line]
    assert said.startswith("cot − direct brings") and "less than on the seeds (−" in said


# --- simulations --------------------------------------------------------------------------------------------------


def drawn(rng: Any, sizes: np.ndarray[Any, Any], apart: float, tie: float) -> tuple[Any, ...]:
    """Differences of seeds and twins: with chance `tie` a twin does what its seed does, else it is drawn by itself."""

    def differences(n: int, gain: float) -> np.ndarray[Any, Any]:
        draw = rng.random(n)
        return np.asarray((draw < 0.3 + gain).astype(float) - (draw > 0.85))

    seeds = differences(len(sizes), 0.0)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    same = rng.random(len(clusters)) < tie
    own = np.where(same, seeds[clusters], differences(len(clusters), apart / (1 - tie)))
    return own, seeds, clusters


SHAPES = {"eight of 300": [8] * 300, "eight of 30": [8] * 30, "one to eight of 40": [1, 2, 3, 4, 5, 6, 7, 8] * 5}


@pytest.mark.patient
@pytest.mark.parametrize("tie", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_split_of_seeds_and_twins_covers(shape: str, tie: float) -> None:
    """Seeds and twins are on the two sides of the rule, and alike: the error has to know of that."""
    rng, held, sizes, found = np.random.default_rng(71), 0, np.array(SHAPES[shape]), []
    truth = -0.05
    for _ in range(SIMULATIONS):
        own, seeds, clusters = drawn(rng, sizes, truth, tie)
        codes = (clusters, np.arange(len(sizes)))
        got = stats.difference_in_differences(own, seeds, codes)
        held += got.low <= truth <= got.high
        found.append((got.value, got.se))
    within(held, SIMULATIONS, 0.93, 0.97)
    spread, error = np.std([value for value, _ in found]), np.mean([se for _, se in found])
    assert spread * 0.8 <= error <= spread * 1.25, "the standard error is that of whole clusters"


def test_without_clusters_it_would_be_too_sure_or_too_unsure() -> None:
    """What the covariance is worth: alike twins and seeds taken for strangers have an error that is far off."""
    rng, sizes = np.random.default_rng(72), np.array([1] * 200)
    values, errors = [], []
    for _ in range(SIMULATIONS):
        own, seeds, _ = drawn(rng, sizes, -0.02, 0.8)
        got = stats.difference_in_differences(own, seeds)
        values.append(got.value)
        errors.append(got.se)
    assert np.mean(errors) > 1.7 * np.std(values)


@pytest.mark.patient
@pytest.mark.parametrize("tie", [0.0, 0.8])
@pytest.mark.parametrize("n", [30, 300])
def test_one_kind_against_its_seeds_covers(n: int, tie: float) -> None:
    rng, held, truth = np.random.default_rng(73), 0, -0.05
    for _ in range(SIMULATIONS):
        own, seeds, clusters = drawn(rng, np.ones(n, dtype=int), truth, tie)
        got = twins._difference(own, seeds, clusters, np.arange(n))
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.93, 0.975)
