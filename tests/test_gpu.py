"""What measures on a GPU machine, as far as no GPU is needed: packing, pieces, limits of time, the table."""

from __future__ import annotations

import json
import shutil
import sys
import time
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "tests" / "gpu"))

import pack
import pieces
import run as gpu_run
import table


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, Path]:
    """A file and a folder that fill several pieces."""
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_bytes(bytes(range(256)) * 200)
    (folder / "empty").write_bytes(b"")
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"wheel" * 7_000)
    return {"models/m": folder, "wheels/a.whl": wheel}


def arrive(sent: Path, names: list[str], arrived: Path) -> Path:
    """Bring some pieces, and nothing else, to where they arrive."""
    shutil.rmtree(arrived, ignore_errors=True)
    for name in names:
        shutil.copytree(sent / name, arrived / name)
    return arrived


def test_pieces_that_come_in_any_order_are_joined_to_what_was_cut(contents: dict[str, Path], tmp_path: Path) -> None:
    sent, kept = tmp_path / "sent", tmp_path / "kept"
    cut = pieces.cut(contents, sent, 30_000)
    names = [piece["name"] for piece in cut]
    assert len(names) == 4 and all(piece["bytes"] <= 30_000 for piece in cut)
    assert pieces.collect(tmp_path / "arrived", kept).pack == ""
    first = pieces.collect(arrive(sent, ["02"], tmp_path / "arrived"), kept)
    assert (first.there, first.missing) == (["02"], ["00", "01", "03"])
    assert pieces.collect(arrive(sent, ["03", "00"], tmp_path / "arrived"), kept).missing == ["01"]
    last = pieces.collect(arrive(sent, ["01", "02"], tmp_path / "arrived"), kept)
    assert (last.missing, last.pack) == ([], first.pack)
    pieces.join(kept, tmp_path / "joined")
    assert (tmp_path / "joined/models/m/deep/weights").read_bytes() == bytes(range(256)) * 200
    assert (tmp_path / "joined/models/m/empty").read_bytes() == b""
    assert (tmp_path / "joined/wheels/a.whl").read_bytes() == b"wheel" * 7_000


@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_a_damaged_piece_is_named_and_not_kept(contents: dict[str, Path], tmp_path: Path, damage: str) -> None:
    sent, kept = tmp_path / "sent", tmp_path / "kept"
    pieces.cut(contents, sent, 30_000)
    part = arrive(sent, ["00", "01"], tmp_path / "arrived") / "01" / "part"
    whole = part.read_bytes()
    if damage == "gone":
        part.unlink()
    else:
        part.write_bytes(whole[:-1] if damage == "short" else b"\xff" + whole[1:])
    with pytest.raises(pieces.PieceError, match=r"01/part: is damaged .*Send this piece again"):
        pieces.collect(tmp_path / "arrived", kept)
    shutil.rmtree(tmp_path / "arrived")
    assert pieces.collect(tmp_path / "arrived", kept).there == ["00"]


def test_pieces_of_a_new_pack_replace_those_of_an_old_one(contents: dict[str, Path], tmp_path: Path) -> None:
    sent, kept = tmp_path / "sent", tmp_path / "kept"
    pieces.cut(contents, sent, 30_000)
    old = pieces.collect(arrive(sent, ["00", "01"], tmp_path / "arrived"), kept)
    contents["wheels/a.whl"].write_bytes(b"other")
    pieces.cut(contents, sent, 30_000)
    new = pieces.collect(arrive(sent, ["01"], tmp_path / "arrived"), kept)
    assert new.pack != old.pack and new.there == ["01"]


def test_sums_that_are_not_those_of_their_pieces_are_refused(contents: dict[str, Path], tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    pieces.cut(contents, sent, 30_000)
    sums = json.loads((sent / "00" / "sums.json").read_text())
    sums["pieces"].pop()
    (sent / "00" / "sums.json").write_text(json.dumps(sums))
    with pytest.raises(pieces.PieceError, match="doesn't list pieces"):
        pieces.collect(sent, tmp_path / "kept")


def test_a_list_of_packages_may_leave_versions_and_remarks_out(tmp_path: Path) -> None:
    file = tmp_path / "have.txt"
    file.write_text("# a machine\nTorch==2.11.0\nnumba  # some version\n\nmy_pkg @ file:///x\n")
    assert pack.versions(file) == {"torch": "2.11.0", "numba": pack.NEWEST, "my-pkg": pack.NEWEST}


def test_requirements_that_hold_for_the_machines_python_alone_are_found(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    wanted = ['b>=2; python_version > "3.99"', 'c; python_version < "3.99"', 'd; extra == "x"', "e==1", "f>=3"]
    with zipfile.ZipFile(wheel, "w") as archive:
        lines = "".join(f"Requires-Dist: {text}\n" for text in wanted)
        archive.writestr("a-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{lines}")
    there = {"e": "1.0", "f": "2"}
    assert pack.passed_over([wheel], there, "3.100") == ["b>=2", "f>=3"]
    assert pack.passed_over([wheel], there, "3.12") == ["c", "f>=3"]


@pytest.mark.patient
def test_a_step_that_outlasts_its_limit_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    steps = gpu_run.Steps(1_000, tmp_path / "log.txt", 1)
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(3); open({str(mark)!r}, 'w')"
    parent = f"import subprocess, sys; print('begun', flush=True); subprocess.run([sys.executable, '-c', {child!r}])"
    command = [sys.executable, "-c", parent]
    assert not steps.take("slow", lambda: steps.command(command, 1, {}))
    assert "ended at its limit of 1 s" in steps.done[0]["told"]
    assert "begun" in (tmp_path / "log.txt").read_text()
    time.sleep(2.5)
    assert not mark.exists()


def test_a_step_that_fails_tells_what_it_said_last(tmp_path: Path) -> None:
    steps = gpu_run.Steps(1_000, tmp_path / "log.txt", 1)
    assert not steps.take("bad", lambda: steps.command([sys.executable, "-c", "raise SystemExit('no model')"], 20, {}))
    assert "exit code 1" in steps.done[0]["told"] and "no model" in steps.done[0]["told"]


def test_no_step_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    steps = gpu_run.Steps(gpu_run.RESERVE, tmp_path / "log.txt", 1)
    assert not steps.take("late", lambda: steps.command([sys.executable, "-c", ""], 20, {}))
    assert steps.done[0]["told"] == "FAILED: no time is left"


def test_the_table_shows_arms_beside_bare_vllm_turn_by_turn() -> None:
    def turn(kind: str, number: int, seconds: float, tokens: int) -> dict[str, object]:
        row = {"kind": kind, "model": "m", "arm": "cot", "turn": number, "requests": 10, "cached": 0.5}
        return {**row, "seconds": seconds, "tokens": tokens}

    arm = {"kind": "arm", "model": "m", "arm": "cot", "run": "runs/m/m-1", "seconds": 4.0, "answers": 8, "tokens": 400}
    report = {"task": "t", "mode": "cot", "run": "m-1", "n": 8, "accuracy": 0.5, "unread": 0.125, "truncated": 0.25}
    audit = {
        "task": "t",
        "mode": "cot",
        "thinks": "off",
        "thinks_by": "switch",
        "accuracy_without": 0.375,
        "continued": 2,
    }
    means = {"mean_completion_tokens": 50.0, "mean_reasoning_tokens": 0.0}
    found = {
        "machine": ["a GPU"],
        "settings": {"limit": 8},
        "steps": [{"step": "install", "seconds": 3.0, "done": False, "told": "FAILED: a|b"}],
        "results": [
            {**arm, "cached": 0.25},
            {"kind": "refused", "model": "m", "arm": "think", "why": "m isn't known to think."},
            turn("bare", 0, 2.0, 400), turn("ours", 0, 4.0, 400),
            turn("bare", 1, 2.0, 400), turn("ours", 1, 2.0, 400),
            turn("bare", 2, 2.0, 400),
        ],
        "reports": {"m": {"audits": [audit], "modes": [
            {**report, **means, "tag": "all"}, {**report, **means, "tag": "symbolic", "accuracy": 1.0},
        ]}},
    }  # fmt: skip
    text = table.table(found)
    assert (
        "| m | cot | off (switch) | t | 8 | 50.0 | 37.5 | 12.5 | 2 | 25.0 | 50.0 | 0.0 | 4.0 | 2.0 | 100 | 25.0 |"
        in text
    )
    assert "| m | think | refused: m isn't known to think. |" in text
    assert "| m | cot | 2 | 10 | 400 | 400 | 150 | 200 | 0.750 | 0.500 to 1.000 | 50.0 | 50.0 |" in text
    assert r"| install | FAILED | 3.0 | FAILED: a\|b |" in text
