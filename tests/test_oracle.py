"""The oracle: a bound that includes luck, and what is left of it where it chooses on other paths."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_compare import QUESTIONS, compared, record, write_run
from test_policies import voted

from cotbench.analysis import stats
from cotbench.analysis.compare import compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.policies import ORACLE, ORACLE_ON_OTHERS, Policy
from cotbench.errors import UsageError
from cotbench.report.sections import sections
from cotbench.store.records import Record
from cotbench.types import Question

Paths = Sequence[Sequence[bool]]  # for each question, which paths are right


def drawn_run(folder: Path, cot: Paths, direct: Paths, *, questions: Sequence[Question] = QUESTIONS) -> Path:
    """Votes over both modes; a path's answer is 0 where it is right, else 1."""
    records: list[Record] = []
    for question, one, other in zip(questions, cot, direct, strict=True):
        records += [record(question.id, "direct", "c" if other[0] else "w")]
        records += [record(question.id, "cot", "c" if one[0] else "w")]
        for mode, paths, tokens in (("self-consistency", one, 40), ("direct-votes", other, 4)):
            ballots = [0 if right else 1 for right in paths]
            records.append(voted(question.id, mode, ballots, 0, tokens * len(paths)))
    return write_run(folder, records, questions=questions)


def policy_of(policies: Sequence[Policy], name: str) -> Policy:
    [one] = [row for row in policies if row.policy == name and row.mode == "cot" and row.baseline == "direct"]
    return one


def in_plain_loops(cot: Paths, direct: Paths) -> tuple[float, float, float]:
    """Accuracy and use of the oracle over all pairs of paths left out, and its accuracy with luck."""
    score, used, lucky = [], [], []
    for one, other in zip(cot, direct, strict=True):
        for i, j in itertools.product(range(len(one)), range(len(other))):
            rest = [sum(path for at, path in enumerate(paths) if at != out) for paths, out in ((one, i), (other, j))]
            takes = rest[0] / (len(one) - 1) > rest[1] / (len(other) - 1)
            weight = 1 / (len(one) * len(other) * len(cot))
            score.append(weight * (one[i] if takes else other[j]))
            used.append(weight * takes)
            lucky.append(weight * (one[i] or other[j]))
    return sum(score), sum(used), sum(lucky)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_plain_loops_over_all_paths_left_out_give(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    cot, direct = (rng.random((len(QUESTIONS), k)) < rng.random((len(QUESTIONS), 1)) for k in (5, 3))
    got = policy_of(compared(drawn_run(tmp_path / "r", cot.tolist(), direct.tolist())).policies, ORACLE_ON_OTHERS)
    score, used, lucky = in_plain_loops(cot.tolist(), direct.tolist())
    assert (got.accuracy, got.used, got.with_luck) == (pytest.approx(score), pytest.approx(used), pytest.approx(lucky))
    assert got.tokens == pytest.approx(40 * used + 4 * (1 - used))
    assert got.saving == pytest.approx(1 - got.tokens / 40)
    assert got.loss == pytest.approx(cot.mean() - score)
    assert 0 <= got.low <= got.accuracy <= got.high <= 1


def many(count: int) -> list[Question]:
    return [Question(id=f"t-{at}", task="t", text=f"Question {at}?", cluster="") for at in range(count)]


def test_two_equal_noisy_modes_leave_the_oracle_nothing_but_luck(tmp_path: Path) -> None:
    """Each path is right with the same chance under both: 83% with luck, and 67% without."""
    rng, questions = np.random.default_rng(3), many(600)
    ability = rng.choice([0.98, 0.62, 0.25], size=(600, 1), p=[0.35, 0.45, 0.2])
    cot, direct = (rng.random((600, 8)) < ability for _ in range(2))
    policies = compared(drawn_run(tmp_path / "r", cot.tolist(), direct.tolist(), questions=questions)).policies
    bound, honest = policy_of(policies, ORACLE), policy_of(policies, ORACLE_ON_OTHERS)
    assert bound.accuracy > ability.mean() + 0.12
    assert honest.with_luck is not None and honest.with_luck > ability.mean() + 0.12
    assert honest.accuracy == pytest.approx(ability.mean(), abs=0.03)
    assert honest.low <= ability.mean() <= honest.high


def test_what_is_no_luck_is_found(tmp_path: Path) -> None:
    """One mode is right on half of the questions, the other on the other half, nearly always."""
    rng, questions = np.random.default_rng(4), many(300)
    ability = np.where(np.arange(300) % 2, 0.95, 0.1)[:, None]
    cot, direct = rng.random((300, 8)) < ability, rng.random((300, 8)) < ability[::-1]
    policies = compared(drawn_run(tmp_path / "r", cot.tolist(), direct.tolist(), questions=questions)).policies
    got = policy_of(policies, ORACLE_ON_OTHERS)
    assert got.accuracy == pytest.approx(0.95, abs=0.03)
    best = float(np.maximum(ability, ability[::-1]).mean())
    assert got.accuracy - 0.02 <= best <= (got.with_luck or 0) + 0.02


def test_its_accuracy_is_always_the_mean_and_half_of_what_differs(tmp_path: Path) -> None:
    """Which is why one answer of each mode says nothing of luck."""
    rng = np.random.default_rng(5)
    for at in range(5):
        records = [record(q.id, mode, str(rng.choice(list("cw")))) for q in QUESTIONS for mode in ("direct", "cot")]
        got = compared(write_run(tmp_path / str(at), records))
        row = next(row for row in got.deltas if row.tag == "all")
        mean = (2 * row.both_right + row.helped + row.hurt) / (2 * row.n)
        oracle = policy_of(got.policies, ORACLE)
        assert oracle.accuracy == pytest.approx(mean + (row.helped + row.hurt) / (2 * row.n))


def _greedy(folder: Path) -> None:
    path = folder / "manifest.json"
    content: dict[str, Any] = json.loads(path.read_text())
    content["spec"]["modes"]["t/self-consistency"] = {"sampling": {"temperature": 0}}
    path.write_text(json.dumps(content))


def test_without_paths_of_both_modes_drawn_at_random_there_is_none(tmp_path: Path) -> None:
    paths = [[True, False, True]] * len(QUESTIONS)
    whole = drawn_run(tmp_path / "whole", paths, paths)
    assert policy_of(compared(whole).policies, ORACLE_ON_OTHERS)
    greedy = drawn_run(tmp_path / "greedy", paths, paths)
    _greedy(greedy)
    single = drawn_run(tmp_path / "single", [[True]] * len(QUESTIONS), paths)
    lone = tmp_path / "lone"
    rows = load_run(whole).records
    write_run(lone, [row for row in rows if row.mode != "direct-votes"])
    for folder in (greedy, single, lone):
        assert not any(row.policy == ORACLE_ON_OTHERS for row in compared(folder).policies), folder.name


def test_gates_on_the_oracle(tmp_path: Path) -> None:
    paths = [[True, False], [False, True]] * 5
    comparison = compare([load_run(drawn_run(tmp_path / "r", paths, paths[::-1]))])
    oracle = policy_of(comparison.policies, ORACLE_ON_OTHERS)
    for name, value in (("oracle", oracle.accuracy), ("oracle_with_luck", oracle.with_luck)):
        [(_, found)] = check_gate(parse_gate(f"{name}[t,cot] > 0"), comparison).holding
        assert found == value
    none = compare([load_run(write_run(tmp_path / "s", [record("t-0", mode, "c") for mode in ("direct", "cot")]))])
    with pytest.raises(UsageError, match="an oracle that chooses on other paths needs votes"):
        check_gate(parse_gate("oracle[t,cot] > 0"), none)
    with pytest.raises(UsageError, match="oracle is about all questions"):
        parse_gate("oracle[t,cot,symbolic] > 0")


def test_all_alike_is_no_certainty(tmp_path: Path) -> None:
    paths = [[True, True]] * len(QUESTIONS)
    got = policy_of(compared(drawn_run(tmp_path / "r", paths, paths)).policies, ORACLE_ON_OTHERS)
    assert (got.accuracy, got.low) == (1.0, pytest.approx(stats.wilson(10, 10)[0]))


def test_wherever_it_is_shown_it_is_called_a_bound_with_luck(tmp_path: Path) -> None:
    paths = [[True, False], [False, True]] * 5
    comparison = compare([load_run(drawn_run(tmp_path / "r", paths, paths[::-1]))])
    table = next(one for one in sections(comparison) if one.key == "policies")
    cells = [row[table.left - 1] for row in table.rows]
    oracle = policy_of(comparison.policies, ORACLE_ON_OTHERS)
    assert "oracle (a bound, with luck)" in cells and "oracle" not in cells
    assert f"oracle, chosen on other paths (with luck {100 * (oracle.with_luck or 0):.1f})" in cells
    assert "a bound that includes luck" in table.about and "no policy can do better" not in table.about
    from cotbench.report.plots.cost import _KINDS

    assert "with luck" in _KINDS["oracle"][3]
