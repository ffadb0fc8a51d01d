"""`cotbench report`'s options and files: baselines, tag rules, what is written, and what is left of an earlier one."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_run

from cotbench.analysis import voted
from cotbench.report import browser, files
from cotbench.report.files import PAGE
from cotbench.store import journal

LEAN = ("--no-page", "--no-plots")
OUTCOMES = {"direct": "wwwcccuwcc", "cot": "cccwcctwcw", "pal": "ccccccwwww"}


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return make_run(tmp_path / "results" / "a", OUTCOMES)


def report(main: Cli, *arguments: object) -> dict[str, Any]:
    done = main("report", *LEAN, "--json", *arguments)
    assert done.code == 0, done.err
    content: dict[str, Any] = json.loads(done.out)
    return content


def pairs(content: dict[str, Any]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["mode"], row["baseline"]) for row in content["deltas"]))


def test_each_mode_against_direct_and_any_other_baseline(three: Path, main: Cli) -> None:
    assert pairs(report(main)) == [("cot", "direct"), ("pal", "direct")]
    for given in (["--baseline", "cot"], ["--baseline", "direct,cot"], ["--baseline", "cot", "--baseline", "cot"]):
        content = report(main, *given)
        assert content["baselines"] == ["direct", "cot"]
        assert pairs(content) == [("cot", "direct"), ("pal", "direct"), ("pal", "cot")]


def test_direct_is_left_out_where_no_run_has_it_and_another_is_named(tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "a", {mode: OUTCOMES[mode] for mode in ("cot", "pal")})
    content = report(main, "--baseline", "cot")
    assert content["baselines"] == ["cot"]
    assert pairs(content) == [("pal", "cot")]
    assert not any("nothing to compare with" in note for note in content["notes"])
    assert any("nothing to compare with" in note for note in report(main)["notes"])
    assert report(main, "--baseline", "cot,direct")["baselines"] == ["direct", "cot"], "it was asked for"


def symbolic(content: dict[str, Any]) -> int:
    return next(r["n"] for r in content["modes"] if (r["mode"], r["tag"]) == ("direct", "symbolic"))


def test_tag_rules(three: Path, tmp_path: Path, main: Cli) -> None:
    assert symbolic(report(main)) == 4
    content = report(main, "--tag", "late=Question [89]", "--tag-rule", "late")
    assert (symbolic(content), content["tag_rule"]) == (2, "late")
    assert {row["rule"] for row in content["splits"]} >= {"eq_question", "late"}
    (tmp_path / "picked.csv").write_text("id\nt-5\nt-6\nt-7\n")
    assert symbolic(report(main, "--tags-file", "picked.csv", "--tag-rule", "picked")) == 3


def test_the_effect_is_in_points(three: Path, main: Cli) -> None:
    small, large = (report(main, "--effect", points) for points in (1, 10))
    assert (small["effect"], large["effect"]) == (0.01, 0.1)
    needed = [next(r["n_needed"] for r in c["deltas"] if r["mode"] == "cot") for c in (small, large)]
    assert needed[0] > 50 * needed[1]


def test_the_document_is_what_json_prints_and_has_a_schema(three: Path, main: Cli) -> None:
    content = report(main)
    assert json.loads((three / "report" / "report.json").read_text()) == content
    done = main("report", "--json-schema")
    schema = json.loads(done.out)
    assert set(schema["properties"]) == set(content)
    for name, kind in (("modes", "ModeStats"), ("deltas", "Delta"), ("splits", "Split"), ("rules", "RuleInfo")):
        columns = schema["$defs"][kind]["properties"]
        assert content[name] and all(row.keys() == columns.keys() for row in content[name]), kind
    assert done.code == 0


def test_all_files_and_the_page_is_named_last(three: Path, main: Cli) -> None:
    done = main("report")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"Open results/a/report/{PAGE}"
    folder = three / "report"
    there = {path.name for path in folder.iterdir()}
    assert there >= {"summary.csv", "deltas.csv", "splits.csv", "policies.csv", "summary.md", "report.json", PAGE}
    assert "votes.csv" not in there
    assert not any(name.endswith(".tmp") for name in there)
    plots = {name for name in there if name.endswith((".png", ".svg"))}
    assert plots

    # A folder may hold other things too; and what an earlier report left there is told, and stays.
    (folder / "mine.png").write_bytes(b"mine")
    again = main("report", *LEAN)
    last = again.out.splitlines()[-1]
    assert last.startswith("Written to results/a/report (")
    assert re.search(rf"Left there of an earlier report: {PAGE} of [-0-9]+ and {len(plots)} other files", last)
    assert {path.name for path in folder.iterdir()} == there | {"mine.png"}


@pytest.mark.patient
def test_all_files_are_written_where_nobody_reads_the_tables(three: Path) -> None:
    """A reader that leaves, as `head` does in `cotbench report RUN | head -1`, is no error."""
    command = [sys.executable, "-u", "-m", "cotbench", "report", str(three)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == b""
    assert {"summary.md", "report.json", "report.html", "deltas.png"} <= {
        path.name for path in (three / "report").iterdir()
    }


def test_nothing_of_an_earlier_report_goes_and_it_is_told_from_this_one(three: Path, tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "b", {"cot": OUTCOMES["cot"]})
    assert main("report", "a", "--to", "out", "--no-page").code == 0
    there = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    only_a = ("deltas.csv", "splits.csv", "policies.csv", "deltas.png", "deltas.svg")
    done = main("report", "b", "--to", "out", "--no-page", "--full")
    assert done.code == 0
    assert all((tmp_path / "out" / name).read_bytes() == there[name] for name in only_a)
    summary, about = ((tmp_path / "out" / name).read_text() for name in ("summary.md", "about.csv"))
    assert "deltas.png" not in summary.split("Left as they are")[0], "it shows no plot of another report"
    own = about.split(",files,")[1].splitlines()[0].split()
    assert "summary.csv" in own and not set(own) & set(only_a)
    for said in (done.out, summary, about):
        told = said.split("of an earlier report and not of this one")[1].splitlines()[0]
        assert all(name in told for name in only_a) and "summary.csv" not in told


def test_garbage_is_collected_again_afterwards(three: Path, main: Cli) -> None:
    report(main)
    assert gc.isenabled()
    assert main("report", "none").code == 3
    assert gc.isenabled()


@pytest.mark.patient
def test_a_large_report_that_works_beside_itself_is_the_same(
    tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = main(
        "run",
        "--model",
        "stub",
        "--task",
        "sample",
        "--mode",
        "direct,cot,self-consistency",
        "--paths",
        "4",
        "-o",
        tmp_path / "r",
    )
    assert done.code == 0, done.err
    assert main("report", "-o", tmp_path / "r", "--to", tmp_path / "plain").code == 0
    forks: list[int] = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    for module, name in ((files, "LARGE"), (voted, "LARGE"), (journal, "LARGE")):
        monkeypatch.setattr(module, name, 0)
    for name in ("CHUNK", "WAVE"):
        monkeypatch.setattr(browser, name, 8)
    assert main("report", "-o", tmp_path / "r", "--to", tmp_path / "plain-8").code == 0
    assert len(forks) >= 3 or sys.platform != "linux" or os.cpu_count() == 1 or threading.active_count() > 1
    monkeypatch.setattr(threading, "active_count", lambda: 2)  # no fork beside threads
    assert main("report", "-o", tmp_path / "r", "--to", tmp_path / "alone-8").code == 0
    names = sorted(path.name for path in (tmp_path / "plain").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "plain-8").iterdir())
    for name in names:
        beside, alone = ((tmp_path / folder / name).read_bytes() for folder in ("plain-8", "alone-8"))
        assert beside == alone, name
        assert name == PAGE or alone == (tmp_path / "plain" / name).read_bytes(), name
