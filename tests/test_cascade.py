"""Cascades: live ones beside what is worked out from their arms, and taus that are chosen on other questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli

from cotbench.analysis.cascade import (
    ALWAYS,
    BEST,
    FITTED,
    FIXED,
    NEVER,
    SAME,
    WITHIN,
    _lost,
    _Pair,
    area,
    cascades_of,
    choose,
    fitted,
    taus,
)
from cotbench.analysis.compare import compare
from cotbench.analysis.folds import folds_of
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run, panels_of
from cotbench.errors import UsageError
from cotbench.modes import find_mode
from cotbench.modes.cascade import agreed, sureness
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.types import Completion


def test_how_sure_a_direct_answer_is() -> None:
    path = Completion(text="A", finish_reason="stop", options={"A": np.log(0.3), "B": np.log(0.1), "Z": 0.0})
    assert sureness(path, 2) == pytest.approx(0.75)
    assert agreed((0, 0, None, 1, 0)) == 0.6
    assert agreed((None, None)) == 0.0


def test_a_cascade_asks_as_its_arms_do_and_what_is_set_is_of_the_one_that_thinks() -> None:
    arm = find_mode("cascade@of=think@tau=0.5@budget=512")
    assert [turn.of for turn in arm.turns] == ["think", "direct", "direct-votes"]
    assert arm.turns[0].tuned["thinking_budget"] == 512
    assert all("thinking_budget" not in turn.tuned for turn in arm.turns[1:])
    assert arm.facts.of == "think@budget=512"
    assert [turn.of for turn in find_mode("cascade").turns] == ["cot", "direct", "direct-votes"]
    with pytest.raises(UsageError, match="tau"):
        find_mode("cascade@tau=2")
    with pytest.raises(UsageError, match="asks once"):
        find_mode("cascade@of=tot")


def test_how_often_right_answers_are_surer() -> None:
    assert area(np.array([0.9, 0.8, 0.2]), np.array([1.0, 1.0, 0.0])) == 1.0
    assert area(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == 0.5
    assert area(np.array([0.5]), np.array([1.0])) is None


def pair(n: int, seed: int, gain: float = 0.15) -> _Pair:
    """Direct answers that are right as often as they are sure, and thinking that is right on most."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.2, 1.0, n)
    direct = (rng.random(n) < sure).astype(float)
    thinking = (rng.random(n) < 0.6 + gain + 0.2 * sure).astype(float)
    tokens = np.array([np.full(n, 5.0), np.full(n, 100.0)])
    return _Pair(sure=sure, direct=direct, thinking=thinking, tokens=tokens, money=np.full((2, n), np.nan))


def test_a_tau_within_the_margin_thinks_least_and_one_that_is_best_is_best() -> None:
    one = pair(400, 1)
    tau = choose(one, WITHIN, 0.05)
    tried = taus(one.sure)
    lost = {at: float(np.where(one.sure < at, 0, one.thinking - one.direct).mean()) for at in tried}
    assert lost[tau] <= 0.05
    assert choose(one, WITHIN, 2.0) == tried[0]  # any loss will do, so it never thinks
    assert choose(one, WITHIN, 0.0) >= tau
    assert lost[choose(one, BEST, 0.0)] == min(lost.values())


def test_costs_are_those_of_direct_answers_and_of_thinking_where_it_thinks() -> None:
    one = pair(50, 2)
    figures = one.where(one.sure < 0.5)
    assert figures[:, 1].sum() == 50 * 5 + 100 * int((one.sure < 0.5).sum())
    assert one.where(np.ones(50, dtype=bool), first=False)[:, 1].sum() == 50 * 100


@pytest.mark.patient
def test_a_cross_fitted_cascade_is_as_good_on_fresh_questions_and_a_naive_one_is_not() -> None:
    n, own, naive, fresh = 60, [], [], []
    later = pair(200_000, 10**6)
    for seed in range(300):
        one = pair(n, seed)
        own.append(fitted(one, folds_of(n, splits=5), BEST, 0.02)[:, 0].mean())
        tau = choose(one, BEST, 0.02)
        naive.append(one.where(one.sure < tau)[:, 0].mean())
        # What four fifths of so many questions choose, on others.
        four = choose(one, BEST, 0.02, np.arange(n) < n * 4 // 5)
        fresh.append(later.where(later.sure < four)[:, 0].mean())
    error = np.std(np.array(own) - np.array(fresh)) / np.sqrt(len(own))
    assert abs(np.mean(own) - np.mean(fresh)) < 3 * error
    assert np.mean(naive) - np.mean(fresh) > 5 * np.std(naive) / np.sqrt(len(naive))


@pytest.mark.patient
def test_where_sureness_tells_which_are_hard_most_of_the_thinking_is_saved_and_little_lost() -> None:
    n, shown, costs, losses = 1_000, 0, [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        easy = rng.random(n) < 0.6
        sure = np.where(easy, rng.uniform(0.9, 1.0, n), rng.uniform(0.25, 0.9, n))
        direct = (rng.random(n) < np.where(easy, 0.97, sure)).astype(float)
        thinking = np.where(easy, direct, rng.random(n) < 0.85).astype(float)
        tokens = np.array([np.full(n, 1.0), np.full(n, 600.0)])
        one = _Pair(sure=sure, direct=direct, thinking=thinking, tokens=tokens, money=tokens)
        figures = fitted(one, folds_of(n), WITHIN, 0.02)
        lost = _lost(one.thinking - figures[:, 0], {"clusters": None, "strata": None})
        assert lost.value is not None
        assert lost.high is not None
        shown += lost.high < 0.02
        costs.append(figures[:, 1].mean() / 600)
        losses.append(lost.value)
    assert shown >= 18
    assert max(costs) < 0.5
    assert max(losses) < 0.02


def rows_of(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in (folder / "records.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["mode"], {})[row["question"]] = row
    return found


def lettered(folder: Path, count: int = 40) -> Path:
    path = folder / "lettered.jsonl"
    rows = [
        {"question": f"Which of these is {i}?", "choices": [str(i), str(i + 1), str(i + 2)], "answer": "A"}
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.patient
def test_a_live_cascade_by_options_is_what_its_arms_give_and_asks_nothing_more(main: Cli, tmp_path: Path) -> None:
    arms = "direct@answer=choice,cot,cascade@tau=0.7"
    output = tmp_path / "runs"
    assert main("run", "--model", "stub", "--task", str(lettered(tmp_path)), "--mode", arms, "--output-dir",
                str(output)).code == 0  # fmt: skip
    [folder] = output.iterdir()
    rows = rows_of(folder)
    run = load_run(folder)
    thought = 0
    for question, row in rows["cascade@tau=0.7"].items():
        key = rows["direct@answer=choice"][question]["requests"]
        [reply] = [run.journal.reply(k) for k in next(r for r in run.records if r.question == question
                   and r.mode == "direct@answer=choice").keys]  # fmt: skip
        assert reply is not None
        thinks = sureness(reply.completions[0], 3) < 0.7
        thought += thinks
        of = rows["cot"][question] if thinks else rows["direct@answer=choice"][question]
        assert (row["answer"], row["outcome"]) == (of["answer"], of["outcome"])
        assert row["requests"] == [*key, *(rows["cot"][question]["requests"] if thinks else [])]
    assert 0 < thought < len(rows["cot"])
    written = (folder / "records.jsonl").read_bytes()
    assert main("score", str(folder)).code == 0
    assert (folder / "records.jsonl").read_bytes() == written


@pytest.mark.patient
def test_a_live_cascade_that_thinks_is_what_votes_and_thinking_give(main: Cli, tmp_path: Path) -> None:
    arms = "direct,think,direct-votes@stop=full,cascade@of=think@tau=0.5"
    output = tmp_path / "runs"
    told = main("run", "--model", "demo-thinker", "--task", "demo", "--limit", "40", "--mode", arms, "--paths", "5",
                "--output-dir", str(output))  # fmt: skip
    assert told.code == 0
    [folder] = output.iterdir()
    rows = rows_of(folder)
    own, votes = rows["cascade@of=think@tau=0.5"], rows["direct-votes@stop=full@answer=begun"]
    thought = 0
    for question, row in own.items():
        thinks = agreed(tuple(votes[question]["votes"]["ballots"])) < 0.5
        thought += thinks
        of = rows["think"][question] if thinks else votes[question]
        assert (row["answer"], row["outcome"], row["votes"]) == (of["answer"], of["outcome"], None)
    assert 0 < thought < 40
    panels, _ = panels_of([load_run(folder)])
    [fixed] = [
        row
        for row in cascades_of(panels[0])
        if row.policy == FIXED and row.mode == "think" and row.tau is not None and 0.4 < row.tau <= 0.6
    ]
    assert fixed.used == thought / 40
    assert fixed.tokens == pytest.approx(np.mean([row["completion_tokens"] for row in own.values()]))
    comparison = compare([load_run(folder)])
    kinds = {(row.policy, row.goal) for row in comparison.cascades}
    assert {(NEVER, ""), (ALWAYS, ""), (FITTED, WITHIN), (FITTED, BEST), (SAME, BEST)} <= kinds
    assert any("of always thinking, a cascade" in text for text in headlines(comparison))
    assert "cascades" in {section.key for section in sections(comparison)}
    gate = "cascade_used[demo,think,baseline=direct-votes@stop=full@answer=begun] >= 0"
    assert check_gate(parse_gate(gate), comparison).holds
