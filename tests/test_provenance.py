"""What a report says of its runs: in report.json, summary.md, about.csv, plots and the terminal; and no key in it."""

from __future__ import annotations

import csv
import fcntl
import json
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_run
from PIL import Image

from cotbench.analysis.compare import compare
from cotbench.analysis.pairing import load_run
from cotbench.analysis.provenance import masked, recipe_of
from cotbench.errors import RunError
from cotbench.report import about
from cotbench.report.files import left_over
from cotbench.store.journal import JournalIndex
from cotbench.store.lock import LOCK, RunLock
from cotbench.store.manifest import MANIFEST, manifest_from, read_manifest

RUN = ("run", "-q", "--model", "stub", "--task", "demo", "--mode", "direct,cot")
LEAN = ("--no-page", "--no-plots")


def provenance(main: Cli, *arguments: object) -> list[dict[str, Any]]:
    done = main("report", *LEAN, "--json", *arguments)
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)["provenance"]
    return found


def test_a_report_says_how_its_run_was_made(main: Cli) -> None:
    assert main(*RUN, "--limit", "12", "--max-tokens", "cot=99", "--seed", "7").code == 0
    [run] = provenance(main)
    assert (run["model"], run["engine"], run["seed"], run["limit"], run["answers"]) == ("stub", "stub", 7, 12, 24)
    assert run["command"] == (
        "cotbench run -q --model stub --task demo --mode direct,cot --limit 12 --max-tokens cot=99 --seed 7"
    )
    assert run["cotbench"] and run["started"] and run["python"] and run["again"] == "cotbench reproduce report.json"
    [task] = run["tasks"]
    assert (task["questions"], task["of"], task["chosen"], task["shipped"]) == (12, 400, True, True)
    arms = {arm["mode"]: arm for arm in run["arms"]}
    assert arms["cot"]["max_tokens"] == 99 and arms["cot"]["temperature"] == 0.0
    assert {arm["whose"] for arm in arms.values()} == {"shipped"}
    assert arms["direct@answer=begun"]["begun"] == "Answer:"
    recipe = manifest_from(run["recipe"], Path("report.json"))
    recorded = read_manifest(Path("results", run["run"]))
    assert recipe.spec_row == recorded.spec_row and recipe.options == recorded.options
    assert recipe.question_ids == {} != recorded.question_ids


def test_an_own_prompt_doesnt_look_like_a_shipped_one(main: Cli, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "prompts"
    own = tmp_path / "prompts"
    own.mkdir()
    text = next(shipped.glob("cot.jinja")).read_text()
    (own / "cot.jinja").write_text(text.replace("{% endcall %}", "Breathe first.\n{% endcall %}"))
    (own / "direct.jinja").write_text((shipped / "direct.jinja").read_text())  # the same as it is shipped
    assert main(*RUN, "--limit", "5", "--task", "sample", "--prompts-dir", own).code == 0
    [run] = provenance(main)
    whose = {(arm["task"], arm["mode"].split("@")[0]): (arm["whose"], arm["own_files"]) for arm in run["arms"]}
    assert whose["sample", "cot"] == ("own", ["cot.jinja"])
    assert whose["sample", "direct"][0] == "shipped"
    assert str(own) not in json.dumps(run["arms"])
    told = dict(about.facts(compare([load_run(Path("results", run["run"]))])))
    assert "own (cot.jinja)" in told["prompts"]


def test_what_an_old_run_doesnt_say_is_not_recorded(tmp_path: Path) -> None:
    with tarfile.open(Path(__file__).with_name("fixtures") / "old_runs.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    comparison = compare([load_run(tmp_path / "runs" / "demo-df97535c")])
    [run] = comparison.provenance
    assert run.processor is None and run.commit is None
    assert {arm.mode for arm in run.arms} >= {"direct", "cot"}, "as the run itself calls them"
    assert {arm.whose for arm in run.arms} == {None}, "a folder of templates was named; whether it was used isn't known"
    told = dict(about.facts(comparison))
    assert f"whose: {about.NOT_RECORDED}" in told["prompts"]
    assert not any(about.NOT_RECORDED in line for line in about.lines(comparison))


def test_a_run_that_says_next_to_nothing_is_told_as_that(tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "a", {"direct": "wwwcccuwcc", "cot": "cccwcctwcw"})
    [run] = provenance(main)
    assert run["command"] is None and run["cotbench"] == [] and run["started"] is None and run["limit"] is None
    told = dict(about.facts(compare([load_run(tmp_path / "results" / "a")])))
    assert {what for what, value in told.items() if value.startswith(about.NOT_RECORDED)} >= {
        "date",
        "command",
        "device",
    }


def test_what_runs_share_is_said_once_and_what_differs_of_each(main: Cli, tmp_path: Path) -> None:
    for seed, task in ((1, "demo"), (2, "sample")):
        command = ("run", "-q", "--model", "stub", "--mode", "direct,cot", "--task", task)
        assert main(*command, "--limit", "6", "--seed", str(seed), "-o", f"s{seed}").code == 0
    runs = [load_run(next(Path(f"s{seed}").iterdir())) for seed in (1, 2)]
    rows = about.rows(compare(runs))
    by_fact: dict[str, list[about.About]] = {}
    for row in rows:
        by_fact.setdefault(row.what, []).append(row)
    assert [row.run for row in by_fact["model"]] == [""]
    assert [(row.run, row.value) for row in by_fact["seed"]] == [
        (run.folder.name, f"seed {seed}") for run, seed in zip(runs, (1, 2), strict=True)
    ]
    lines = about.lines(compare(runs))
    assert 3 <= len(lines) <= 8 and all(len(line) < 320 for line in lines)
    assert lines[-1] == "Again: cotbench reproduce report.json --run RUN"


def test_every_file_of_a_report_says_which_run_it_is_about(main: Cli, tmp_path: Path) -> None:
    assert main(*RUN, "--limit", "20").code == 0
    done = main("report", "--to", "out", "--full")
    assert done.code == 0, done.err
    out = tmp_path / "out"
    run = next((tmp_path / "results").iterdir()).name
    with (out / "about.csv").open() as file:
        rows = list(csv.DictReader(file))
    told = {row["what"]: row["value"] for row in rows}
    assert told["reproduce"] == "cotbench reproduce report.json" and told["tasks"].startswith("demo: 20 of 400")
    assert set(told["files"].split()) == {path.name for path in out.iterdir()}
    assert "left over" not in told
    assert "## About this run\n" in (out / "summary.md").read_text()
    assert "About this run<" in (out / "report.html").read_text()
    assert "Command: cotbench run" in done.out
    for path in out.glob("*.png"):
        with Image.open(path) as image:
            assert image.info["Identifier"] == run and "engine: stub" in image.info["Description"], path.name
    for path in out.glob("*.svg"):
        head = path.read_text()[:4096]
        assert f"<dc:identifier>{run}</dc:identifier>" in head and "engine: stub" in head and "cotbench report" in head


def test_a_file_that_isnt_ours_isnt_said_to_be_left_of_an_earlier_report(tmp_path: Path) -> None:
    some = compare([load_run(make_run(tmp_path / "results" / "a", {"direct": "wwwcccuwcc"}))])
    (tmp_path / "deltas.csv").write_text("model\n")
    (tmp_path / "mine.csv").write_text("x\n")
    (tmp_path / "report.html").symlink_to(tmp_path / "mine.csv")
    told = left_over(some, tmp_path, {"summary.csv"})
    assert "deltas.csv of" in told and "mine.csv" not in told and "report.html" not in told
    assert left_over(some, tmp_path, {"deltas.csv"}) == ""
    assert left_over(some, tmp_path, (), brief=True) == "Left there of an earlier report: 1 file"


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    {
        '--extra-body {"api_key": "abc"}': '--extra-body {"api_key": "***"}',
        "hf_token=made-up,dtype=auto": "hf_token=***,dtype=auto",
        "http://me:secret@host/v1": "http://***@host/v1",
        "Authorization: Bearer abcdef": "Authorization: Bearer ***",
        "api-key=$AZURE_KEY": "api-key=$AZURE_KEY",
        "max_tokens=20": "max_tokens=20",
        "hf-internal-testing/tiny": "hf-internal-testing/tiny",
        "the key is turned": "the key is turned",
    }.items(),
)
def test_keys_are_masked_and_nothing_else_is(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked({"a": [text, 1, None]}) == {"a": [shown, 1, None]}


def test_no_key_of_a_manifest_comes_out(tmp_path: Path, main: Cli) -> None:
    """Whoever wrote it: earlier versions masked less, and a folder may come from elsewhere."""
    folder = make_run(tmp_path / "results" / "a", {"direct": "wwwcccuwcc", "cot": "cccwcctwcw"})
    content = json.loads((folder / MANIFEST).read_text())
    secret = "made-up-" + "k7" * 8
    content["options"] |= {"extra_body": {"user": {"password": secret}}, "base_url": f"http://u:{secret}@h/v1"}
    content["sessions"] = [
        {"command": ["cotbench", "run", "--api-key", secret, "-a", f"token={secret}", "--header", f"api-key={secret}"]}
    ]
    (folder / MANIFEST).write_text(json.dumps(content))
    assert secret in json.dumps(content)
    assert secret not in json.dumps(recipe_of(read_manifest(folder)))
    done = main("report", "--to", "out")
    assert done.code == 0, done.err
    assert secret not in done.out
    for path in (tmp_path / "out").iterdir():
        assert secret.encode() not in path.read_bytes(), path.name
    assert "***" in (tmp_path / "out" / "report.json").read_text()


# --- while a run goes on ----------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_a_run_that_goes_on_is_reported_again_and_again(tmp_path: Path) -> None:
    """By another process, which says how far it is, finds no fault, and changes nothing of the run's own."""
    slow = ["--model-args", "latency_s=0.05,in_flight=2", "--limit", "150", "-o", str(tmp_path / "results")]
    command = [sys.executable, "-m", "cotbench", *RUN, *slow]
    seen, last = [], ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            folders = list((tmp_path / "results").glob("*/manifest.json"))
            if not folders:
                time.sleep(0.05)
                continue
            report = [sys.executable, "-m", "cotbench", "report", str(folders[0].parent), "--json", *LEAN]
            done = subprocess.run([*report, "--to", str(tmp_path / "out")], capture_output=True, text=True)
            if done.returncode == 3:
                assert "there are no records yet" in done.stderr and "It is going on" in done.stderr
                continue
            assert done.returncode == 0 and not done.stderr, done.stderr
            content = json.loads(done.stdout)
            [run] = content["provenance"]
            seen.append(run["answers"])
            notes = [note for note in content["notes"] if "so far" in note]
            if process.poll() is None:
                last = notes[0]
                assert f"is going on: so far {run['answers']} of 300 answers" in last
            assert not any("damaged" in note for note in content["notes"])
        assert process.wait() == 0
    assert last, "the run was over before it could be reported"
    assert seen == sorted(seen) and seen[0] < 300
    folder = next((tmp_path / "results").iterdir())
    assert {path.name for path in folder.iterdir()} == {
        ".lock", "journal.jsonl", "manifest.json", "questions.jsonl", "records.jsonl"
    }  # fmt: skip
    assert read_manifest(folder).status == "finished"


def test_a_run_that_has_only_begun_has_no_records_and_no_fault(main: Cli, tmp_path: Path) -> None:
    assert main(*RUN, "--limit", "5").code == 0
    folder = next((tmp_path / "results").iterdir())
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, "status": "running"}))
    (folder / "records.jsonl").unlink()
    lock = RunLock(folder)
    try:
        done = main("report")
        assert done.code == 3
        assert "there are no records yet" in done.err and "ask again in some seconds" in done.err
    finally:
        lock.close()


def test_who_looks_whether_a_run_goes_on_isnt_in_the_way_of_one_that_starts(tmp_path: Path) -> None:
    RunLock(tmp_path).close()
    with (tmp_path / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        threading.Timer(0.03, lambda: fcntl.flock(file, fcntl.LOCK_UN)).start()
        RunLock(tmp_path).close()
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(RunError, match="another process"):
            RunLock(tmp_path)


def test_lines_that_come_while_a_journal_is_looked_at_are_left_for_later(main: Cli, tmp_path: Path) -> None:
    assert main(*RUN, "--limit", "10").code == 0
    folder = next((tmp_path / "results").iterdir())
    whole = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    growing = tmp_path / "journal.jsonl"
    growing.write_bytes(b"".join(whole[:8]))
    index = JournalIndex(growing)
    with growing.open("ab") as file:
        file.writelines(whole[8:])
    assert len(list(index)) == 8
