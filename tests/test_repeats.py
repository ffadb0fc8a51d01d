"""Runs whose arms are repeated, and what reports say of repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cotbench.analysis.compare import compare
from cotbench.analysis.estimates import ALL
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run, panels_of
from cotbench.analysis.policies import ORACLE_ON_REPEATS
from cotbench.analysis.repeats import NUMERIC, SAMPLING, WORDING, advice, flips, parts_of, reliable
from cotbench.errors import UsageError
from cotbench.report.findings import findings, texts
from cotbench.report.glance import glance
from cotbench.report.repeats import sentences
from cotbench.report.sections import sections
from cotbench.runs.options import RunOptions
from cotbench.runs.prepare import make_plan
from cotbench.runs.rescore import score_run
from cotbench.runs.session import execute
from tests.handmade import record_rows


def ran(folder: Path, **given: Any) -> Path:
    chosen: dict[str, Any] = {"model": "stub", "tasks": ["sample"], "modes": ["direct", "cot@temperature=1"], **given}
    return execute(make_plan(RunOptions(**{"reuse": "off", **chosen})), folder).folder


# --- numbers ------------------------------------------------------------------------------------------------------


def test_flips_and_reliability_are_counted_by_question() -> None:
    right = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]])
    flipped, apart = flips(right)
    assert flipped == 0.5
    assert apart.tolist() == pytest.approx([0, 2 / 3, 2 / 3, 0])
    every, nearly, most = reliable(right)
    assert every.tolist() == [True, False, False, False] == nearly.tolist()
    assert most.tolist() == [True, True, False, False]
    assert reliable(np.array([[1] * 9 + [0]]))[1].all()


def test_variances_of_a_layout_are_those_of_its_mean_squares() -> None:
    values = np.array([[[1, 0], [1, 1]], [[0, 0], [1, 0]], [[1, 1], [1, 1]]], dtype=float)  # by hand
    parts = parts_of(values)
    assert parts.within == pytest.approx((0.5 + 0 + 0 + 0.5 + 0 + 0) / 6)
    cells = values.mean(axis=2)
    left = cells - cells.mean(axis=1, keepdims=True) - cells.mean(axis=0) + cells.mean()
    crossed = float((left**2).sum()) / 2
    assert parts.question_by_wording == pytest.approx(crossed - parts.within / 2)
    assert parts.questions == pytest.approx(cells.mean(axis=1).var(ddof=1) - crossed / 2)
    assert parts.wordings == pytest.approx(cells.mean(axis=0).var(ddof=1) - crossed / 3)


def test_advice_is_a_sentence() -> None:
    errors = {"se_replicates": 0.017, "se_wordings": None, "se_questions": 0.013}
    wanted = "10 more replicates take 0.2 points off the standard error of 1.9, 200 more questions 0.6."
    assert advice(0.019, errors) == wanted
    assert advice(None, errors) == ""


# --- runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_repeats_are_arms_of_their_own_on_record(tmp_path: Path) -> None:
    folder = ran(tmp_path, replicates=2, wordings=2)
    rows = record_rows(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    arms = {row["mode"] for row in rows}
    first = "direct@answer=begun"
    assert {arm for arm in arms if arm.startswith(first)} == {
        first, f"{first}@replicate=1", f"{first}@wording=1", f"{first}@wording=1@replicate=1"
    }  # fmt: skip
    assert manifest["modes"][f"{first}@wording=1@replicate=1"]["settings"] == {
        "answer": "begun", "wording": 1, "replicate": 1
    }  # fmt: skip
    by_arm = {arm: [row for row in rows if row["mode"] == arm] for arm in arms}
    drawn = "cot@temperature=1"
    greedy = [[row["answer"] for row in by_arm[name]] for name in (first, f"{first}@replicate=1")]
    sampled = [[row["answer"] for row in by_arm[name]] for name in (drawn, f"{drawn}@replicate=1")]
    assert greedy[0] == greedy[1]
    assert sampled[0] != sampled[1]
    assert all(len(request) == 3 for row in by_arm[f"{drawn}@replicate=1"] for request in row["requests"])


@pytest.mark.patient
def test_a_run_without_repeats_is_another_one_whose_replies_serve(tmp_path: Path) -> None:
    once = ran(tmp_path)
    again = ran(tmp_path, replicates=2, reuse=str(once))
    assert again.name != once.name
    lines = [
        json.loads(line.rpartition("\t")[0] or line) for line in (again / "journal.jsonl").read_text().splitlines()
    ]
    assert sum("replicate" not in line for line in lines) > 0
    first = {(row["question"], row["mode"]): row for row in record_rows(once)}
    there = [row for row in record_rows(again) if (row["question"], row["mode"]) in first]
    assert there == [first[row["question"], row["mode"]] for row in there]


@pytest.mark.patient
def test_grading_again_gives_the_same_records(tmp_path: Path) -> None:
    folder = ran(tmp_path, replicates=2, wordings=3, tasks=["demo"], limit=20)
    before = (folder / "records.jsonl").read_bytes()
    assert not score_run(folder, workers=1).changes
    assert (folder / "records.jsonl").read_bytes() == before


@pytest.mark.patient
def test_what_cant_be_asked_so_often_is_refused_before_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--wordings 3: pal has 1 on sample, pal.jinja") as error:
        make_plan(RunOptions(model="stub", tasks=["sample"], modes=["direct", "pal"], wordings=3))
    assert "pal-wordings.jinja" in error.value.hint
    with pytest.raises(UsageError, match="--replicates: expected 1 or more, found 0"):
        make_plan(RunOptions(model="stub", tasks=["sample"], modes=["cot"], replicates=0))


# --- reports ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repeated_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ran(tmp_path_factory.mktemp("repeats"), replicates=3, wordings=2, tasks=["demo"], limit=60)


@pytest.mark.patient
def test_tables_are_of_the_first_repeat_and_headlines_of_all(repeated_run: Path) -> None:
    run = load_run(repeated_run)
    [panel], _ = panels_of([run])
    assert [*panel.cells] == ["direct@answer=begun", "cot@temperature=1"]
    assert [len(cells) for cells in panel.repeats.values()] == [6, 6]
    found = compare([run])
    assert {row.mode for row in found.modes} == {*panel.cells}
    [first] = [row for row in found.deltas if row.tag == ALL]
    [whole] = [row for row in found.repeated if row.tag == ALL]
    cot, direct = (np.mean([cell.right.mean() for cell in cells]) for cells in reversed(panel.repeats.values()))
    assert whole.delta.value == pytest.approx(cot - direct)
    assert (whole.replicates, whole.wordings, whole.n) == (3, 2, 60)
    assert first.delta.value == pytest.approx(
        panel.cells["cot@temperature=1"].right.mean() - panel.cells["direct@answer=begun"].right.mean()
    )
    row = glance(found)[-1]
    assert row.difference == whole.delta and row.verdict == whole.verdict
    assert row.repeats == "2 wordings x 3 replicates"
    assert row.accuracy.value == pytest.approx(cot)
    assert "2 wordings x 3 replicates" in texts(findings(found))[0]
    assert "a single one is arbitrary" in sentences(found)[0]
    assert "standard error" in " ".join(sentences(found))
    assert {"repeated", "noises"} <= {section.key for section in sections(found)}


@pytest.mark.patient
def test_kinds_of_noise_are_told_apart(repeated_run: Path) -> None:
    found = compare([load_run(repeated_run)])
    kinds = {(row.mode, row.kind): row for row in found.noises if row.tag == ALL}
    assert {kind for _, kind in kinds} == {NUMERIC, SAMPLING, WORDING}
    assert kinds["direct@answer=begun", NUMERIC].flipped == 0.0
    assert (kinds["cot@temperature=1", SAMPLING].flipped or 0) > 0
    assert kinds["cot@temperature=1", WORDING].default and not kinds["cot@temperature=1", SAMPLING].default
    assert kinds["cot@temperature=1", SAMPLING].within == pytest.approx(
        (kinds["cot@temperature=1", SAMPLING].disagree.value or 0) / 2
    )


@pytest.mark.patient
def test_the_oracle_chooses_on_one_repeat_and_is_scored_on_another(repeated_run: Path) -> None:
    run = load_run(repeated_run)
    [panel], _ = panels_of([run])
    [oracle] = [row for row in compare([run]).policies if row.policy == ORACLE_ON_REPEATS]
    direct, cot = ([cell.right for cell in cells] for cells in panel.repeats.values())
    cheaper = [[c.tokens("completion") for c in cells] for cells in panel.repeats.values()]
    total = []
    for own in range(6):
        for other in range(6):
            if own != other:
                takes = (cot[own] & ~direct[own]) | ((cot[own] == direct[own]) & (cheaper[1][own] < cheaper[0][own]))
                total.append(np.where(takes, cot[other], direct[other]).mean())
    assert oracle.accuracy == pytest.approx(np.mean(total))
    assert oracle.with_luck == pytest.approx(np.mean([(a | b).mean() for a, b in zip(cot, direct, strict=True)]))
    assert oracle.with_luck > oracle.accuracy


@pytest.mark.patient
def test_greedy_repeats_that_are_alike_say_what_a_single_one_does(tmp_path: Path) -> None:
    found = compare([load_run(ran(tmp_path, modes=["direct", "cot"], replicates=2))])
    for row, first in zip(found.repeated, found.deltas, strict=True):
        assert (row.delta, row.n, row.verdict) == (first.delta, first.n, first.verdict)


@pytest.mark.parametrize(
    "gate",
    ["flip[demo,cot] >= 0", "reliability[demo,direct] >= 0", "disagree_high[demo,cot] <= 1", "repeated[demo,cot] < 1",
     "repeated_p_holm[demo,cot] <= 1", "oracle_repeats[demo,cot] > 0", "noise[demo,cot] >= 0",
     "repeated_reliability[demo,cot] < 1"],
)  # fmt: skip
@pytest.mark.patient
def test_gates_ask_about_repeats(repeated_run: Path, gate: str) -> None:
    assert check_gate(parse_gate(gate), compare([load_run(repeated_run)])).holding


@pytest.mark.patient
def test_a_gate_on_repeats_that_arent_there_is_refused(tmp_path: Path) -> None:
    found = compare([load_run(ran(tmp_path))])
    assert found.repeated == found.noises == []
    for gate in ("flip[sample,cot] > 0", "repeated[sample,cot] > 0"):
        with pytest.raises(UsageError, match="no arm here was repeated"):
            check_gate(parse_gate(gate), found)
