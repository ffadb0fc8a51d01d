"""Their verdicts as a user meets them: in a report, its gates and files, in show, on the page, and as a frame."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Cli
from handmade import BY_DEFAULT, MINE, make_imported, make_run, write_journal
from terminals import STYLE, in_a_terminal
from test_page import read_page
from test_page_browser import Tab, no_browser, tab  # noqa: F401

import cotbench
from cotbench.store.manifest import ImportedArm, OnlyHere, read_manifest
from cotbench.types import Completion


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_imported(tmp_path / "imp", MINE, BY_DEFAULT, printed={"direct": 0.4, "cot": 0.3})


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text().splitlines()))


def report(main: Cli, run: Path, *options: str) -> str:
    done = main("report", run, "--no-plots", "--no-page", *options)
    assert done.code == 0, done.err
    return " ".join(done.out.split())


def test_a_report_says_how_far_they_agree_and_what_changes(main: Cli, run: Path) -> None:
    out = report(main, run)
    assert "The log's verdicts on t (lm-eval) agree with ours: direct 80.0%; cot 40.0% (of the 6 others, they" in out
    assert "cot − direct is −10.0 (−40.4 to +20.5) by theirs and +30.0 (−6.1 to +60.3) by ours (n = 10)" in out
    assert "on the 3 that both read in both arms 0.0; over all readings of ours +10.0 to +40.0." in out


def test_all_tables_are_in_a_full_report(main: Cli, run: Path) -> None:
    out = report(main, run, "--full")
    for title in (
        "Their verdicts beside ours",
        "Where their verdicts and ours differ, and why",
        "Differences under their verdicts and under ours, in points",
        "Differences on questions that were read in both arms, in points",
        "Outputs on which their verdict and ours differ",
    ):
        assert title in out
    assert title in (run / "report" / "summary.md").read_text()


def test_files_hold_the_rows(main: Cli, run: Path) -> None:
    report(main, run)
    folder = run / "report"
    arms = rows_of(folder / "their-verdicts.csv")
    assert [(row["mode"], row["reading"], row["agreement"]) for row in arms][2] == ("cot", "strict", "0.4")
    deltas = rows_of(folder / "their-deltas.csv")
    assert (deltas[0]["theirs"], deltas[0]["common_n"]) == ("-0.1", "3")
    assert len(rows_of(folder / "disagreements.csv")) == 8
    whole = json.loads((folder / "report.json").read_text())
    assert whole["their_arms"][0]["agreement"] == 0.8
    assert whole["their_deltas"][0]["ours_bound_low"] == pytest.approx(0.1)
    assert len(whole["disagreements"]) == 8


def test_a_run_that_was_made_here_says_nothing_of_it(main: Cli, tmp_path: Path) -> None:
    run = make_run(tmp_path / "own", MINE)
    out = report(main, run, "--full")
    assert "Their verdict" not in out
    assert "imported" not in (run / "report" / "about.csv").read_text()
    whole = json.loads((run / "report" / "report.json").read_text())
    assert [whole[name] for name in ("their_arms", "their_deltas", "disagreements")] == [[], [], []]
    assert not (run / "report" / "disagreements.csv").exists()


@pytest.mark.parametrize(
    ("gate", "code", "said"),
    [
        ("agreement[t,cot] < 0.5", 5, "agreement of t,cot,model=m is 0.4"),
        ("agreement[t,direct] < 50%", 0, ""),
        ("agreement_kappa[t,cot] < 0", 5, "agreement_kappa of t,cot,model=m is -0.03"),
        ("their_delta[t,cot] < 0", 5, "their_delta of t,cot,model=m,baseline=direct is -0.1"),
        ("their_accuracy[t,cot] > 0.3", 0, ""),
        ("their_unread[t,cot] > 4", 5, "is 5"),
        ("agreement[t,cot,symbolic] < 1", 2, "agreement is about all questions"),
        ("truncated[t,cot] > 0", 2, "there is no estimate"),
    ],
)
def test_gates(main: Cli, run: Path, gate: str, code: int, said: str) -> None:
    done = main("report", run, "--no-plots", "--no-page", "--quiet", "--fail-if", gate)
    assert (done.code, said in done.err + done.out) == (code, True), done.err


def test_a_gate_without_an_imported_run_is_refused(main: Cli, tmp_path: Path) -> None:
    done = main("report", make_run(tmp_path / "own", MINE), "--quiet", "--no-page", "--fail-if", "agreement[t,cot] < 1")
    assert done.code == 2
    assert "no run here was imported with its tool's verdicts" in done.err


def test_what_is_not_recorded_is_never_a_zero(main: Cli, run: Path) -> None:
    out = report(main, run)
    assert "tokens: not recorded." in out
    report(main, run, "--full")
    lines = (run / "report" / "summary.md").read_text().splitlines()
    cut = [line for line in lines if line.startswith("| t | cot | 10 |") and "not recorded" in line]
    assert len(cut) >= 4  # accuracy, audit, costs, policies
    summary = rows_of(run / "report" / "summary.csv")
    assert {row["truncated"] for row in summary if row["tag"] == "all"} == {""}
    audit = rows_of(run / "report" / "audit.csv")
    assert {row["cut"] for row in audit} == {""}
    deltas = rows_of(run / "report" / "deltas.csv")
    assert {row["from_cut"] for row in deltas} == {""}


def test_what_is_recorded_is_shown_as_ever(main: Cli, tmp_path: Path) -> None:
    run = make_imported(tmp_path / "r", {"direct": "c" * 10, "cot": "ct" * 5}, BY_DEFAULT, not_recorded=["prompt"])
    report(main, run, "--full")
    summary = rows_of(run / "report" / "summary.csv")
    assert [row["truncated"] for row in summary if row["tag"] == "all"] == ["0.0", "0.5"]


def test_what_the_logs_say_of_themselves_is_told(main: Cli, run: Path) -> None:
    manifest = read_manifest(run)
    assert manifest.imported is not None
    manifest.imported.arms["t/cot"] = ImportedArm(
        format="inspect",
        version="0.3",
        inferred={"kind": "number, from the targets"},
        not_recorded=["finish_reason"],
        only_here=OnlyHere(count=7, first=["t-8", "t-9"]),
        notes=["It ended in a crash."],
    )
    manifest.write(run)
    out = report(main, run, "--full")
    assert "Note: imp, t/cot: It ended in a crash." in out
    assert "Note: imp, t/cot: 7 questions stand in this log only (t-8, t-9 ...); pairs leave them out." in out
    about = (run / "report" / "about.csv").read_text()
    assert "direct: lm-eval 0.4.9, direct.jsonl (ab12); cot: inspect 0.3" in about
    assert "cot: inferred: kind (number, from the targets)" in about
    assert "direct: without tokens and finish reason; cot: without finish reason" in about


def test_without_the_baseline_it_says_what_logs_can_be_compared_with(main: Cli, run: Path) -> None:
    out = report(main, run, "--baseline", "draft")
    assert "no records under 'draft', so there is nothing to compare with: --baseline direct compares with" in out
    assert "the same command" not in out


def test_differences_of_the_arms_that_the_logs_tell_are_named(main: Cli, run: Path) -> None:
    """A budget too: a name that was given afterwards says nothing of it."""
    manifest = read_manifest(run)
    assert manifest.imported is not None
    manifest.spec_row["modes"] = {
        "t/direct": {"sampling": {"max_tokens": 5, "temperature": 0, "n": 1}},
        "t/cot": {"sampling": {"max_tokens": 512, "temperature": 0.7, "n": 1}},
    }
    manifest.shown = {"t/direct": {"shots": 5}, "t/cot": {"shots": 0}}
    told = {"direct": {"system": "Be brief."}, "cot": {"wording": "own"}}
    for mode, shots in {"direct": 5, "cot": 0}.items():
        log = ImportedArm(format="inspect", reading="strict", told=told[mode], shots=shots)
        manifest.imported.arms[f"t/{mode}"] = log
    manifest.write(run)
    out = report(main, run, "--full")
    for said in (
        "differ in max_tokens (direct: 5; cot: 512)",
        "differ in temperature (direct: 0; cot: 0.7)",
        "differ in the exemplars shown (direct: 5; cot: 0)",
        'differ in the system prompt (direct: "Be brief."; cot: not said)',
        """differ in 'wording' (direct: not said; cot: "own")""",
    ):
        assert f"direct and cot {said}" in out
    about = (run / "report" / "about.csv").read_text()
    assert "direct: 5-shot; cot: 0-shot" in about
    assert "direct: greedy; cot: temperature 0.7" in about


# --- show ---------------------------------------------------------------------------------------------------------


def ids(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines() if line.strip().startswith("t-")]


def test_show_lists_where_they_differ(main: Cli, run: Path) -> None:
    done = main("show", run, "--disagree")
    assert done.code == 0, done.err
    both = ["t-2", "t-3", "t-4", "t-5", "t-6", "t-8"]
    assert sorted(ids(done.out)) == sorted([*both, "t-3", "t-8"])  # under both arms
    assert "8 answers" in done.out
    assert "→" not in done.out
    assert ids(main("show", run, "--disagree", "--mode", "cot").out) == both
    assert "theirs" in done.out
    assert "right: 1" in done.out
    assert ids(main("show", run, "--disagree", "--mode", "direct").out) == ["t-3", "t-8"]
    assert ids(main("show", run, "--disagree", "--reading", "flexible").out) == ["t-7"]
    assert ids(main("show", run, "--disagree", "--outcome", "wrong").out) == ["t-8"]


@pytest.mark.patient
def test_show_has_a_line_for_each_question_on_a_terminal_of_80_columns(run: Path) -> None:
    shown = STYLE.sub("", in_a_terminal(80, ["show", str(run), "--disagree"], ROOT))
    assert len(ids(shown)) == 8
    assert max(len(line.rstrip()) for line in shown.splitlines() if line.strip().startswith("t-")) <= 80
    one = STYLE.sub("", in_a_terminal(80, ["show", str(run), "t-1"], ROOT))
    tags = one.partition("tags: ")[2].partition("──")[0].splitlines()
    assert len(tags) > 2
    assert max(len(line.rstrip()) for line in tags) <= 80


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--disagree", "--reading", "flexi"), "have no reading 'flexi'. They have: strict, flexible."),
        (("--reading", "strict"), "--reading: is for --disagree"),
        (("t-1", "--disagree"), "--disagree: is for lists"),
    ],
)
def test_show_refuses_what_makes_no_sense(main: Cli, run: Path, options: tuple[str, ...], said: str) -> None:
    done = main("show", run, *options)
    assert (done.code, said in done.err) == (2, True), done.err


def test_show_says_that_there_are_no_verdicts(main: Cli, tmp_path: Path) -> None:
    done = main("show", make_run(tmp_path / "own", MINE), "--disagree")
    assert done.code == 2
    assert "no verdicts of another tool" in done.err


def test_show_has_their_verdict_on_a_question(main: Cli, run: Path) -> None:
    reply = [Completion(text="The answer is 1", finish_reason="stop")]
    write_journal(run, {("t-4", "a"): reply})
    rows = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    rows = [row | {"requests": [["a", 0]]} if row["question"] == "t-4" else row for row in rows]
    (run / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main("show", run, "t-4")
    assert "their verdict (cot.jsonl:5):" in done.out
    assert "strict *: they read nothing  (exact_match 0)" in done.out
    assert "flexible: right, they read 1  (exact_match 1)" in done.out
    assert "tokens: not recorded" in done.out
    assert "how it ended: not recorded" in done.out
    row = json.loads(main("show", run, "t-4", "--json").out)["modes"][1]
    assert row["theirs"]["reading"] == "strict"
    assert row["theirs"]["place"] == "cot.jsonl:5"
    assert row["theirs"]["readings"]["flexible"] == {"metric": "exact_match", "scores": [1.0], "answers": ["1"]}
    assert row["not_recorded"] == ["tokens", "finish_reason"]


# --- the page and frames ------------------------------------------------------------------------------------------


def test_the_page_holds_their_verdicts(main: Cli, run: Path) -> None:
    assert main("report", run, "--no-plots").code == 0
    page = read_page(run / "report" / "report.html")
    assert page.index["theirs"] == ["rrrWwwwwRu", "rrUUUUUwRw"]
    own = main("report", make_run(run.parent / "own", MINE), "--no-plots")
    assert own.code == 0
    assert "theirs" not in read_page(run.parent / "own" / "report" / "report.html").index


@no_browser
@pytest.mark.patient
def test_the_page_filters_by_their_verdict_and_shows_it(main: Cli, run: Path, tab: Tab) -> None:  # noqa: F811
    assert main("report", run, "--no-plots").code == 0
    tab.open(run / "report" / "report.html", "#browse?theirs=differ&open=t-4")
    assert tab.ids == ["t-2", "t-3", "t-4", "t-5", "t-6", "t-8"]
    tab.wait(lambda: tab.opened == "t-4")
    body = tab.body()
    assert "Their verdict (cot.jsonl:5)" in body
    assert "nothing read" in body
    assert "not recorded" in body
    tab.open(run / "report" / "report.html")
    tab.choose("theirs", "unread")
    assert tab.ids == ["t-2", "t-3", "t-4", "t-5", "t-6"]
    tab.choose("mode", "direct")
    assert tab.ids == ["t-9"]


def test_a_frame_of_their_verdicts(run: Path) -> None:
    frames = cotbench.load(run)
    theirs = frames.theirs
    assert len(theirs) == 40
    strict = theirs[(theirs["mode"] == "cot") & theirs["default"]]
    assert strict["agree"].sum() == 4
    assert set(strict["verdict"]) == {"right", "wrong", "unread"}
    assert theirs["output"].isna().all()
    assert frames.records["truncated"].isna().all()


def test_a_frame_of_a_run_that_was_made_here_is_empty(tmp_path: Path) -> None:
    frames = cotbench.load(make_run(tmp_path / "own", MINE))
    assert frames.theirs.empty
    assert frames.records["truncated"].dtype == bool


# --- the example --------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_the_example_reads_a_checkout(tmp_path: Path) -> None:
    """With files of the same form, made here, in place of the published ones."""
    there = tmp_path / "checkout"
    outputs = there / "output_dir" / "StrategyQA" / "test"
    for arm, texts in {
        "gpt4_standard": ["The answer is yes.", "The answer is no.", "Yes, it is."],
        "gpt4_COT": ["It floats. So the answer is yes.", "No, since it sinks.", "Yes, ducks swim."],
    }.items():
        (outputs / arm).mkdir(parents=True)
        rows = [
            {"id": i, "answer": text.startswith("The answer is yes") if "answer is" in text else "[invalid]",
             "completion": text, "completions": [text]}
            for i, text in enumerate(texts)
        ]  # fmt: skip
        (outputs / arm / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (there / "data" / "StrategyQA").mkdir(parents=True)
    golds = [{"id": i, "question": f"Does thing {i} float?", "answer": i != 1} for i in range(3)]
    (there / "data" / "StrategyQA" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in golds))
    git = ["git", "-C", str(there), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "made"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    script = tmp_path / "strategyqa.sh"
    text = (ROOT / "docs" / "examples" / "strategyqa.sh").read_text()
    script.write_text("\n".join(f"commit={head}" if line.startswith("commit=") else line for line in text.split("\n")))
    environment = {
        "PATH": f"{Path(shutil.which('git') or '').parent}:/usr/bin:/bin",
        "FAITHFUL_COT": str(there),
        "WORK": str(tmp_path / "work"),
        "COTBENCH": f"{sys.executable} -m cotbench",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", str(script), "--no-plots", "--no-page"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "strategyqa, 3 questions" in said
    assert "agree with ours: direct 66.7%" in said
    again = subprocess.run(
        ["bash", str(script)],
        env=environment | {"WORK": str(tmp_path / "other"), "FAITHFUL_COT": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 3
    assert "name a checkout that holds the commit" in again.stderr
