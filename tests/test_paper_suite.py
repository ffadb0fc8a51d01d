"""The paper's whole table on the stub: all rows of its tasks, with the shares that the stub was built with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

from cotbench.engines.stub import SHARES
from cotbench.questions.suites import find_suite
from cotbench.questions.tasks import find_task


@pytest.mark.data
@pytest.mark.patient
def test_all_rows_of_the_papers_table_show_the_stubs_shares(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "--model", "stub", "--task", "paper", "--mode", "direct,cot", "--json", timeout=900)
    assert done.code == 0, done.err
    report = cli("report", "--json", "--no-page", "--no-plots", timeout=900)
    assert report.code == 0, report.err
    content = json.loads(report.out)
    found = find_suite("paper")
    assert found is not None
    tasks = [task for category in found.suite.categories.values() for task in category]
    asked = {(row["task"], row["mode"], row["tag"]): row for row in content["modes"]}
    for task in tasks:
        for mode, arm, with_equals in (
            ("direct", "direct@answer=begun", SHARES["direct"]),
            ("cot", "cot", SHARES["cot_eq"]),
        ):
            assert asked[task, arm, "all"]["n"] == find_task(task).task.rows
            for tag, share in (("symbolic", with_equals), ("non-symbolic", SHARES[mode])):
                row = asked[task, arm, tag]
                if row["n"]:
                    expected = share * (1 + SHARES["unparsed"] + SHARES["truncated"])  # these are gone on with
                    error = (share * (1 - share) / row["n"]) ** 0.5
                    assert row["accuracy"] == pytest.approx(expected, abs=4.5 * error), (task, mode, tag)
    means = {row["category"]: row["delta"] for row in content["categories"] if row["unit"] == "question"}
    assert {"math", "symbolic", "commonsense", "knowledge", "soft"} <= set(means)
    assert means["math"] > means["commonsense"] > 0, "MATH and BBH have questions with '='"
