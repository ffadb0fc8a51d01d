"""The latest run is the one that was started last, whatever was written last."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Cli

from cotbench.store.lookup import list_runs
from cotbench.store.manifest import MANIFEST

RUN = ("run", "--model", "stub", "--task", "sample", "--json", "--mode")


def started(folder: Path, at: str) -> None:
    """Let a run's first session have started at a time."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["sessions"][0]["started"] = at
    path.write_text(json.dumps(manifest))


@pytest.fixture
def two(tmp_path: Path, main: Cli) -> tuple[Path, Path]:
    older, newer = (tmp_path / json.loads(main(*RUN, mode).out)["folder"] for mode in ("cot", "direct"))
    started(older, "2026-01-01T10:00:00+0000")
    started(newer, "2026-01-01T11:30:00+0100")  # half an hour later
    return older, newer


def test_grading_an_older_run_again_doesnt_make_it_the_latest(two: tuple[Path, Path], main: Cli) -> None:
    older, newer = two
    assert main("score", str(older)).code == 0
    assert [row["run"] for row in json.loads(main("list", "runs", "--json").out)] == [newer.name, older.name]
    said = main("report", "--no-page", "--no-plots")
    assert newer.name in said.err
    assert "direct" in said.out
    assert newer.name in main("show").err


def test_going_on_with_an_older_run_starts_it_again(two: tuple[Path, Path], main: Cli) -> None:
    older, _ = two
    main(*RUN, "cot")
    assert list_runs(older.parent)[0] == older


def test_of_a_manifest_that_doesnt_say_it_its_writing_counts(two: tuple[Path, Path]) -> None:
    older, newer = two
    (older / MANIFEST).write_text("{")
    os.utime(older / MANIFEST, (1e9, 1e9))
    assert list_runs(older.parent) == [newer, older]
    os.utime(older / MANIFEST)
    assert list_runs(older.parent) == [older, newer]
