"""`cotbench merge`: shards put together are what the run would have been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Cli, run_cli
from test_resume import SLOW, lines, start, wait_for

import cotbench
from cotbench.errors import RunError, UsageError
from cotbench.report.about import facts
from cotbench.report.words import numbers
from cotbench.runs import merge as module
from cotbench.runs.merge import merge
from cotbench.store.journal import JOURNAL, read_journal
from cotbench.store.lock import RunLock
from cotbench.store.manifest import MANIFEST, Manifest, read_manifest
from cotbench.store.passages import PASSAGES
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

FILES = (QUESTIONS, RECORDS, PASSAGES)
ROWS = 30


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of which some share a story, and all have a group."""
    path = tmp_path_factory.mktemp("questions") / "stories.jsonl"
    rows = (
        {
            "question": f"Story {n // 3 if n < 18 else n}: what is {n} + {n}?",
            "answer": str(2 * n),
            "group": f"g{n % 2}",
            "cluster": f"story {n // 3}" if n < 18 else "",
        }
        for n in range(ROWS)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ran(output: Path, tasks: Sequence[str | Path], arms: str = "direct,cot", **more: Any) -> Path:
    given = {"reuse": "off", "progress": False, "output_dir": output, **more}
    return cotbench.run("stub", tasks=[str(task) for task in tasks], arms=arms, **given).folder


def split(output: Path, of: int, tasks: Sequence[str | Path], arms: str = "direct,cot", **more: Any) -> list[Path]:
    return [ran(output, tasks, arms, shard=f"{number}/{of}", **more) for number in range(1, of + 1)]


def content(folder: Path, name: str) -> bytes | None:
    return (folder / name).read_bytes() if (folder / name).exists() else None


def assert_same(merged: Path, whole: Path) -> None:
    """That two folders are of the same run, but for the order of replies, and when and where they came."""
    assert merged.name == whole.name
    for name in FILES:
        assert content(merged, name) == content(whole, name), name
    replies, of = (read_journal(folder / JOURNAL) for folder in (merged, whole))
    assert replies.replies == of.replies
    assert (replies.failed, replies.damaged, replies.repeated) == (of.failed, 0, 0)
    mine, theirs = (read_manifest(folder) for folder in (merged, whole))
    for name in Manifest.__struct_fields__:
        if name not in ("sessions", "totals", "merged"):
            assert getattr(mine, name) == getattr(theirs, name), name
    spent = ("wall_s", "program_cpu_s")
    totals = [{k: v for k, v in one.totals.items() if k not in spent} for one in (mine, theirs)]
    assert totals[0] == totals[1]


def told(folder: Path) -> str:
    """What the facts of a report say of shards."""
    return dict(facts(cotbench.compare(folder).estimates))["shard"]


def kill(folder: Path, keep: float) -> None:
    """Leave of a run what one has that was killed: its beginning, with torn last lines."""
    for name in (JOURNAL, RECORDS):
        size = (folder / name).stat().st_size
        os.truncate(folder / name, int(keep * size))
    manifest = read_manifest(folder)
    manifest.status, manifest.totals = "running", {"of": manifest.totals["of"]}
    for key in ("ended", "wall_s"):
        manifest.sessions[-1].pop(key)
    manifest.write(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, stories: Path) -> tuple[Path, list[Path]]:
    """A run, and the four shards of it, which nobody changes."""
    folder = tmp_path_factory.mktemp("made")
    return ran(folder / "whole", [stories, "sample"], limit=20), split(
        folder / "parts", 4, [stories, "sample"], limit=20
    )


@pytest.fixture
def whole(made: tuple[Path, list[Path]]) -> Path:
    return made[0]


@pytest.fixture
def parts(made: tuple[Path, list[Path]], tmp_path: Path) -> list[Path]:
    """Copies of the four shards."""
    return [Path(shutil.copytree(part, tmp_path / "parts" / part.name)) for part in made[1]]


def test_all_shards_are_the_run(whole: Path, parts: list[Path], tmp_path: Path) -> None:
    result = merge([parts[place] for place in (2, 0, 3, 1)], tmp_path)
    assert_same(result.folder, whole)
    assert result.complete
    assert result.as_dict() | {"folder": ""} == {
        "run": whole.name,
        "folder": "",
        "of": 4,
        "merged": [1, 2, 3, 4],
        "missing": [],
        "unfinished": [],
        "answers": 80,
        "expected": 80,
    }
    manifest = read_manifest(result.folder)
    assert manifest.status == "finished"
    assert sorted(session["shard"] for session in manifest.sessions) == [1, 2, 3, 4]
    assert manifest.totals["wall_s"] == pytest.approx(sum(session["wall_s"] for session in manifest.sessions))
    assert cotbench.run(resume=result.folder, progress=False).requests == 0
    assert_same(result.folder, whole)


def test_merging_again_changes_nothing(whole: Path, parts: list[Path], tmp_path: Path) -> None:
    first = merge(parts, tmp_path).folder
    journal, manifest = content(first, JOURNAL), read_manifest(first)
    assert merge(parts[:2], tmp_path).complete
    assert_same(first, whole)
    assert sorted((content(first, JOURNAL) or b"").splitlines()) == sorted((journal or b"").splitlines())
    assert read_manifest(first).sessions == manifest.sessions
    assert read_manifest(first).totals == manifest.totals


@pytest.mark.patient
def test_some_shards_are_a_run_that_is_interrupted_and_others_are_added(
    whole: Path, parts: list[Path], tmp_path: Path, main: Cli
) -> None:
    done = main("merge", parts[0], parts[2], "--output-dir", tmp_path)
    assert done.code == 0
    assert done.out.splitlines()[0] == "2 of 4 shards: 40 of 80 answers."
    assert "Missing: shards 2, 4. Merge again with more of them: they are added." in done.out
    folder = Path(done.out.splitlines()[-1])
    assert f"Or ask what is missing here: cotbench run --resume {folder}" in done.out
    manifest = read_manifest(folder)
    assert (manifest.status, manifest.totals["records"], manifest.totals["of"]) == ("interrupted", 40, 80)
    assert told(folder) == "merged from shards 1, 3 of 4; missing: shards 2, 4"
    for part in (parts[3], parts[1]):
        result = merge([part], tmp_path)
        assert result.folder == folder
    assert result.complete
    assert_same(folder, whole)
    assert told(folder) == "merged from all 4"


@pytest.mark.patient
def test_what_is_missing_is_asked_by_resuming(whole: Path, parts: list[Path], tmp_path: Path, main: Cli) -> None:
    folder = merge(parts[1:3], tmp_path).folder
    missing = sum(lines(part) for part in (parts[0], parts[3]))
    run = cotbench.run(resume=folder, reuse="off", progress=False)
    assert run.requests == missing
    manifest = read_manifest(folder)
    assert manifest.merged is not None
    assert manifest.merged.numbers == [2, 3]
    assert manifest.options.pop("reuse") == "off"
    assert_same(folder, whole)
    assert told(folder) == "merged from shards 2, 3 of 4"
    # What was asked meanwhile stays, and nothing stands there twice.
    assert merge(parts, tmp_path).complete
    assert_same(folder, whole)


@pytest.mark.patient
def test_shards_that_were_killed_are_merged_and_gone_on_with(
    whole: Path, parts: list[Path], tmp_path: Path, main: Cli
) -> None:
    kill(parts[1], 0.4)
    kill(parts[3], 0.7)
    done = main("merge", *parts, "--output-dir", tmp_path, "--json")
    result = json.loads(done.out)
    assert (result["missing"], result["unfinished"]) == ([], [2, 4])
    assert 40 < result["answers"] < 80
    folder = Path(result["folder"])
    manifest = read_manifest(folder)
    assert manifest.merged is not None
    assert [one.status for one in manifest.merged.shards.values()] == ["finished", "killed", "finished", "killed"]
    assert told(folder) == "merged from all 4; not finished: shards 2, 4"
    # One of them is finished where it began, and given again; what the others lack is asked in the run.
    again = cotbench.run(resume=parts[1], reuse="off", progress=False)
    assert again.requests > 0
    assert merge([parts[1]], tmp_path).merged.unfinished == [4]
    run = cotbench.run(resume=folder, reuse="off", progress=False)
    assert 0 < run.requests < 20
    assert_same(folder, whole)


def test_a_run_that_was_begun_without_shards_keeps_its_answers(whole: Path, parts: list[Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / whole.name))
    kill(folder, 0.5)
    kept = set((content(folder, JOURNAL) or b"").splitlines()[:-1])
    result = merge(parts[:2], tmp_path)
    assert result.folder == folder
    assert kept <= set((content(folder, JOURNAL) or b"").splitlines())
    assert 40 < result.answers < 80
    assert read_manifest(folder).places == {}
    assert merge(parts[2:], tmp_path).complete
    assert_same(folder, whole)


@pytest.mark.patient
@pytest.mark.parametrize("point", ["write_questions", MANIFEST, JOURNAL, RECORDS])
@pytest.mark.parametrize("before", [0, 2])
def test_a_merge_that_is_killed_is_made_again(
    point: str, before: int, whole: Path, parts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """point: the file or function behind which it is killed."""
    if before:
        merge(parts[:before], tmp_path)

    class Killed(BaseException): ...

    def killing(write: Callable[..., None], name: str) -> Callable[..., None]:
        def written(*given: Any) -> None:
            write(*given)
            if point in (name, getattr(given[0], "name", "")):
                raise Killed

        return written

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_atomically", killing(module.write_atomically, ""))
        patched.setattr(module, "write_questions", killing(module.write_questions, "write_questions"))
        patched.setattr(Manifest, "write", killing(Manifest.write, MANIFEST))
        with pytest.raises(Killed):
            merge(parts, tmp_path)
    result = merge(parts, tmp_path)
    assert result.complete
    assert_same(result.folder, whole)


def test_the_journal_is_copied_as_it_stands(parts: list[Path], tmp_path: Path) -> None:
    """Also lines that another version wrote, in another order of entries; damaged and doubled ones are left out."""
    path = parts[0] / JOURNAL
    good = path.read_bytes().splitlines(keepends=True)
    damaged = good[0].replace(b'"ordinal":0', b'"ordinal":7')
    path.write_bytes(b"".join([damaged, good[1], *good, good[2][:40]]))
    folder = merge(parts, tmp_path).folder
    copied = (content(folder, JOURNAL) or b"").splitlines(keepends=True)
    assert sorted(copied[: len(good)]) == sorted(good)
    assert len(copied) == sum(lines(part) for part in parts[1:]) + len(good)


# --- refusals -----------------------------------------------------------------------------------------------------


def refused(folders: Sequence[Path], output: Path) -> str:
    with pytest.raises(RunError) as error:
        merge(folders, output)
    assert error.value.hint
    assert not list(output.glob(f"*/{MANIFEST}"))
    return error.value.message


@pytest.mark.patient
def test_what_cannot_be_merged(whole: Path, parts: list[Path], tmp_path: Path, stories: Path) -> None:
    output = tmp_path / "out"
    assert refused([parts[0], whole], output) == (
        f"{whole}: expected a shard (a run with --shard), found a run of all its questions."
    )
    double = Path(shutil.copytree(parts[1], tmp_path / "double"))
    assert refused([parts[1], parts[0], double], output) in {
        f"{one}: is shard 2 of 4, expected another one than {other} is."
        for one, other in ((double, parts[1]), (parts[1], double))
    }
    assert "is shard 1 of 4, expected another one" in refused([parts[0], parts[0]], output)
    other = ran(tmp_path / "three", [stories, "sample"], limit=20, shard="3/3")
    assert refused([parts[0], other], output) == f"{other}: is shard 3 of 3, expected one of 4, as {parts[0]} is."
    warm = ran(tmp_path / "warm", [stories, "sample"], "direct,cot", limit=20, shard="2/4", seed=1, max_tokens=9)
    told = refused([parts[0], warm], output)
    assert told.startswith(f"{warm}: is a shard of another run than {parts[0]}. What they rest on differs:\n")
    assert "\n  seed: 0 -> 1" in told
    assert "\n  modes.stories/cot.sampling.max_tokens: " in told
    with pytest.raises(UsageError):
        merge([], output)


def test_a_shard_that_is_going_on_is_waited_for(parts: list[Path], tmp_path: Path) -> None:
    kill(parts[0], 0.5)
    lock = RunLock(parts[0])
    try:
        assert refused(parts, tmp_path / "out") == (
            f"{parts[0]}: shard 1 of 4 is going on, expected one that has ended."
        )
    finally:
        lock.close()
    assert merge(parts, tmp_path / "out").merged.unfinished == [1]


def test_a_merged_run_is_no_shard(parts: list[Path], tmp_path: Path) -> None:
    folder = merge(parts[:2], tmp_path / "out").folder
    with pytest.raises(RunError, match="found a run that shards were merged into"):
        merge([folder, parts[2]], tmp_path / "out")


@pytest.mark.patient
def test_another_split_is_not_added(parts: list[Path], tmp_path: Path, stories: Path) -> None:
    merge(parts[:2], tmp_path / "out")
    other = split(tmp_path / "two", 2, [stories, "sample"], limit=20)
    with pytest.raises(RunError, match=r"is there already, .*\n  shards: 4 -> 2"):
        merge(other, tmp_path / "out")


def test_files_that_no_shard_writes_are_refused(parts: list[Path], tmp_path: Path) -> None:
    good = (parts[0] / RECORDS).read_bytes()
    (parts[0] / RECORDS).write_bytes(good + good.splitlines(keepends=True)[0].replace(b'"mode":"', b'"mode":"x'))
    with pytest.raises(RunError, match=r"records.jsonl:21: isn't about a question and an arm of this run"):
        merge(parts, tmp_path / "out")
    (parts[0] / RECORDS).write_bytes(good)
    assert merge(parts, tmp_path / "out").complete  # what was begun is in nobody's way
    manifest = read_manifest(parts[1])
    manifest.places["sample"].pop()
    manifest.write(parts[1])
    with pytest.raises(
        RunError, match=r"manifest.json: places.sample has 4 numbers, expected one below 20 for each of 5"
    ):
        merge(parts, tmp_path / "other")
    manifest.places["sample"] = read_manifest(parts[0]).places["sample"]
    manifest.write(parts[1])
    with pytest.raises(RunError, match="two of them stand in one place"):
        merge(parts, tmp_path / "third")


@pytest.mark.patient
def test_what_was_fixed_before_the_first_token_is_fixed_in_the_run(tmp_path: Path) -> None:
    parts = split(tmp_path / "parts", 2, ["sample"], limit=12, lock="auto")
    whole = ran(tmp_path / "whole", ["sample"], limit=12, lock="auto")
    folder = merge(parts, tmp_path).folder
    lock, other = read_manifest(folder).lock, read_manifest(whole).lock
    assert lock is not None
    assert other is not None
    assert lock.at == min(read_manifest(part).lock.at for part in parts)  # type: ignore[union-attr]
    assert lock.hash == read_manifest(folder).seal(lock)
    assert (lock.task, lock.mode, lock.margin) == (other.task, other.mode, other.margin)
    another = ran(tmp_path / "other", ["sample"], limit=12, lock="margin=1pt", shard="2/2")
    with pytest.raises(RunError, match=r"lock.margin: 0.02 -> 0.01"):
        merge([parts[0], another], tmp_path / "out")
    changed = read_manifest(parts[1])
    changed.lock = lock
    changed.write(parts[1])
    with pytest.raises(RunError, match="isn't what its hash is of"):
        merge(parts, tmp_path / "out")


def test_numbers_are_told_by_their_ends() -> None:
    assert numbers("shard", [4]) == "shard 4"
    assert numbers("shard", [1, 2]) == "shards 1, 2"
    assert numbers("shard", [1, 2, 3, 5, 7, 8, 9]) == "shards 1 to 3, 5, 7 to 9"


# --- larger ones --------------------------------------------------------------------------------------------------


def reported(folder: Path) -> dict[str, Any]:
    """What report.json holds of a run, without what says when and where it was made."""
    report = cotbench.compare(folder).to_dict()
    for row in report["provenance"]:
        for name in ("started", "ended", "sessions", "command", "shards", "merged"):
            row.pop(name)
        for name in ("sessions", "merged"):
            row["recipe"].pop(name)
        row["recipe"]["totals"].pop("wall_s")
        row["recipe"]["totals"].pop("program_cpu_s", None)
    return json.loads(json.dumps(report))  # type: ignore[no-any-return]


Sample = tuple[list[str], str, dict[str, Any]]
JUDGED = {"judge_model": "big/judge", "judge_engine": "stub"}
LARGER: dict[str, Sample] = {
    "votes, code and a judge": (
        ["sample", "demo"],
        "direct,self-consistency,pal,best-of-n",
        {"limit": 12, "paths": 3, **JUDGED},
    ),
}
OF_DATA: dict[str, Sample] = {
    "clusters and kinds": (["logiqa", "gsm-plus", "bbh", "lsat-rc", "sample"], "direct,cot", {"limit": 32}),
    "passages": (["hotpotqa", "sample"], "cot", {"limit": 40}),
    "shown passages": (["hotpotqa"], "direct,cot@context=gold,cot@context=retrieved", {"limit": 24}),
    "votes on real ones": (["logiqa", "gsm-plus"], "cot,self-consistency", {"limit": 24, "paths": 3}),
}


def assert_merged_is_whole(sample: Sample, folder: Path) -> None:
    tasks, arms, more = sample
    whole = ran(folder / "whole", tasks, arms, **more)
    merged = merge(split(folder / "parts", 8, tasks, arms, **more), folder).folder
    assert_same(merged, whole)
    first, second = reported(merged), reported(whole)
    for name in first.keys() | second.keys():
        assert first[name] == second[name], name


@pytest.mark.patient
@pytest.mark.parametrize("sample", LARGER.values(), ids=LARGER)
def test_eight_shards_are_the_run_and_its_report(sample: Sample, tmp_path: Path) -> None:
    assert_merged_is_whole(sample, tmp_path)


@pytest.mark.patient
@pytest.mark.data
@pytest.mark.parametrize("sample", OF_DATA.values(), ids=OF_DATA)
def test_eight_shards_of_real_tasks_are_the_run_and_its_report(sample: Sample, tmp_path: Path) -> None:
    assert_merged_is_whole(sample, tmp_path)


@pytest.mark.patient
def test_shards_and_merges_that_are_killed_come_to_the_same_run(stories: Path, tmp_path: Path) -> None:
    asked = ["--model", "stub", "--task", str(stories), "--mode", "direct,cot,self-consistency", "--paths", "3"]
    asked += ["--quiet", "--json", "--reuse", "off"]
    whole = Path(json.loads(run_cli("run", *asked, "--output-dir", tmp_path / "whole").out)["folder"])
    parts = []
    for number, point in ((1, 8), (2, 15), (3, 3)):
        output = tmp_path / f"part{number}"
        words = ["run", *asked, "--shard", f"{number}/3", "--output-dir", str(output), "--model-args", SLOW]
        process = start(words)
        folder = wait_for(output, point, process)
        process.send_signal(signal.SIGKILL if number != 2 else signal.SIGINT)
        process.communicate()
        parts.append(folder)
    merged = json.loads(run_cli("merge", *parts, "--output-dir", tmp_path, "--json").out)
    assert merged["unfinished"] == [1, 2, 3]
    done = run_cli("run", "--resume", parts[0], "--quiet", "--json")
    assert done.code == 0, done.err
    merged = json.loads(run_cli("merge", parts[0], "--output-dir", tmp_path, "--json").out)
    assert merged["unfinished"] == [2, 3]
    process = start(["run", "--resume", merged["folder"], "--quiet"])
    folder = wait_for(tmp_path, lines(Path(merged["folder"])) + 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for part in parts[1:]:
        assert run_cli("run", "--resume", part, "--quiet").code == 0
    merged = json.loads(run_cli("merge", *parts, "--output-dir", tmp_path, "--json").out)
    assert merged["answers"] == merged["expected"]
    assert content(folder, RECORDS) == content(whole, RECORDS)
    assert content(folder, QUESTIONS) == content(whole, QUESTIONS)
    assert read_journal(folder / JOURNAL).replies == read_journal(whole / JOURNAL).replies


SBATCH = """#!/usr/bin/env bash
# Stands for SLURM's: runs each job at once, and prints a job's number.
array=; while [[ $1 == --* ]]; do [[ $1 == --array=* ]] && array=${1#--array=1-}; shift; done
for n in $(seq "${array:-1}"); do SLURM_ARRAY_TASK_ID=$n bash "$@" >&2 || echo "job $n: $?" >&2; done
echo 7
"""


@pytest.mark.patient
def test_the_script_for_slurm_runs_shards_and_merges_them(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{sbatch.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COTBENCH": f"{sys.executable} -m cotbench",
        "MODEL": "stub",
        "TASKS": "sample",
        "SHARDS": "3",
        "WORK": str(tmp_path / "work"),
    }
    script = [str(ROOT / "docs" / "examples" / "slurm-shards.sh")]
    done = subprocess.run([*script, "--limit", "12"], env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 shards: 24 of 24 answers." in done.stderr
    assert "job " not in done.stderr
    [merged] = (tmp_path / "work" / "results").glob(f"*/{MANIFEST}")
    whole = ran(tmp_path / "whole", ["sample"], limit=12)
    for name in FILES:
        assert content(merged.parent, name) == content(whole, name)

    # A job whose time runs out is told so two minutes before: it ends with what it has.
    slow = ["--limit", "200", "--model-args", "in_flight=2,latency_s=0.1"]
    shard = {**env, "STEP": "shard", "SLURM_ARRAY_TASK_ID": "1", "WORK": str(tmp_path / "late"), "TASKS": "demo"}
    job = subprocess.Popen(["bash", *script, *slow], env=shard, stderr=subprocess.PIPE, text=True)
    folder = wait_for(tmp_path / "late" / "shards", 4, job)  # type: ignore[arg-type]
    job.send_signal(signal.SIGINT)
    said = job.communicate(timeout=60)[1]
    assert job.returncode == 130, said
    assert "Interrupted: " in said
    assert read_manifest(folder).status == "interrupted"
