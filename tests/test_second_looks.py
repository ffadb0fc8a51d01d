"""What somebody who saw reports for the first time misread or didn't find: plots of all baselines, words, remedies."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotbench.analysis.many import in_words
from cotbench.report.plots.forest import limits_of
from tests.conftest import Cli
from tests.test_recall import written

KINDS = {"all": "comparisons with {} on all questions"}


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({("all", "direct"): 3}, "the 3 comparisons with direct on all questions"),
        (
            {("all", "direct"): 3, ("all", "free"): 1, ("all", "draft"): 2},
            "the comparisons with the same baseline on all questions (3 with direct, 1 with free, 2 with draft)",
        ),
    ],
)
def test_families_of_several_baselines_are_one_list(sizes: dict[tuple[str, str], int], told: str) -> None:
    assert in_words(sizes, KINDS) == {"all": told}


def test_a_usual_interval_is_shown_whole_beside_short_ones() -> None:
    rows = [(-2.5, 0.0, 2.5), (-2.5, 0.0, 2.5), (0.5, 12.0, 23.2)]
    limits = limits_of(rows, floor=-100, ceiling=100, least=4)
    assert (limits.low < -2.5, limits.high > 23.2, limits.note(rows)) == (True, True, "")


def test_an_interval_far_wider_than_the_others_is_still_cut() -> None:
    rows = [(-2.5, 0.0, 2.5), (-2.5, 0.0, 2.5), (-90.0, 0.0, 90.0)]
    assert limits_of(rows, floor=-100, ceiling=100, least=4).high < 90.0


def test_arms_with_a_baseline_of_their_own_are_in_a_plot(main: Cli, tmp_path: Path) -> None:
    folder = written(tmp_path / "r")
    assert main("report", folder, "--quiet").code == 0
    found = {path.name for path in (folder / "report").glob("deltas*.png")}
    assert found == {"deltas.png", "deltas-vs-direct-answer-begun-context-retrieved-k-2.png"}


def test_a_plan_run_as_a_program_is_told_what_solves_it(main: Cli, tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    path.write_text("premise: all x: Cat(x) -> Quiet(x)\npremise: Cat(mia)\nconclusion: Quiet(mia)\n")
    assert "--runtime sympy solves plans" in main("exec", path).err
    solved = main("exec", path, "--runtime", "sympy")
    assert "--runtime" not in solved.err
    path.write_text("answer: int = 6 * 7\nprint(answer)\n")
    assert "--runtime" not in main("exec", path).err


def test_a_gate_on_recall_says_that_no_passages_were_shown(main: Cli, tmp_path: Path) -> None:
    run = main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "-o", tmp_path)
    folder = Path(run.out.strip().splitlines()[-1])
    done = main("report", folder, "--quiet", "--fail-if", "recall[sample,cot] < 1")
    assert done.code == 2
    assert "no arm here was shown passages" in " ".join(done.err.split())
