"""Votes that stop early: the rules, what they would have done with recorded paths, and live arms beside that."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_resume import killed_at, lines

from cotbench.analysis import stopping
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.analysis.stopping import plain_votes, stopped
from cotbench.errors import UsageError
from cotbench.modes import find_mode
from cotbench.modes.stopping import ADAPTIVE, FULL, WINDOW, Stop, leads
from cotbench.modes.votes import Ballot, winner
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections

BALLOTS = st.lists(st.sampled_from([None, 0, 0, 0, 1, 2]), min_size=1, max_size=6)
STOPS = st.sampled_from([Stop(ADAPTIVE, 0.8), Stop(ADAPTIVE, 0.95), Stop(WINDOW, 2), Stop(WINDOW, 3), Stop(FULL)])


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (4, 0), (3, 3), (9, 2), (40, 25)])
def test_how_likely_the_first_answer_leads_is_the_beta_distributions(a: int, b: int) -> None:
    assert leads(a, b) == pytest.approx(stats.beta(a + 1, b + 1).sf(0.5), abs=1e-12)


@pytest.mark.parametrize(
    ("ballots", "stop", "at"),
    [
        ([0, 0, 0, 0, 0, 0], Stop(ADAPTIVE, 0.95), 4),  # 1 - 1/32
        ([0, 0, None, 0, 0, 0], Stop(ADAPTIVE, 0.95), 5),  # who abstains was drawn
        ([0, 1, 0, 1, 0, 1], Stop(ADAPTIVE, 0.95), 6),
        ([0, 0, 0, 0, 0, 1], Stop(WINDOW, 3), 3),
        ([0, 1, 1, 1, 0, 0], Stop(WINDOW, 3), 6),  # three that agree across two windows are none
        ([None] * 6, Stop(WINDOW, 3), 6),  # who abstain don't agree
        ([0, 0, None, 0, 0, 0, 1], Stop(WINDOW, 3), 6),
        ([0] * 6, Stop(FULL), 6),
    ],
)
def test_where_a_rule_stops(ballots: list[Ballot], stop: Stop, at: int) -> None:
    assert stop.at(ballots) == at


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([None, 0, 0, 0, 1, 2]), min_size=1, max_size=30), STOPS)
def test_as_many_paths_as_are_drawn_at_once_never_go_past_the_end(ballots: list[Ballot], stop: Stop) -> None:
    drawn = 0
    while more := stop.least(ballots[:drawn], len(ballots)):
        drawn += more
    assert drawn == stop.at(ballots)


@settings(max_examples=100, deadline=None)
@given(BALLOTS, st.frozensets(st.integers(0, 2)), STOPS)
def test_over_recorded_paths_it_is_the_mean_over_all_orders(
    ballots: list[Ballot], right: frozenset[int], stop: Stop
) -> None:
    orders = list(itertools.permutations(ballots))
    found = []
    for order in orders:
        k = stop.at(order)
        won, whole = winner(order[:k]), winner(order)
        found.append((k, won == whole, won in right, whole in right))
    assert stopped(ballots, right, stop) == pytest.approx(np.mean(found, axis=0), abs=1e-12)
    each = [[winner(order[: k + 1]) in right for k in range(len(ballots))] for order in orders]
    assert plain_votes(ballots, right) == pytest.approx(np.mean(each, axis=0), abs=1e-12)


@pytest.mark.patient
def test_drawn_orders_are_near_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    for _ in range(10):
        ballots = [rng.choice([None, 0, 0, 0, 1, 1, 2]) for _ in range(9)]
        for stop in (Stop(ADAPTIVE, 0.9), Stop(WINDOW, 3)):
            exact = []
            for limit in (10**6, 0):
                monkeypatch.setattr(stopping, "FEW_ORDERS", limit)
                for cached in (stopping._over_orders, stopping._counted):
                    cached.cache_clear()
                exact.append(stopped(ballots, frozenset({0}), stop))
            monkeypatch.undo()
            for cached in (stopping._over_orders, stopping._counted):
                cached.cache_clear()
            whole, drawn = exact
            assert drawn[0] == pytest.approx(whole[0], abs=0.35)
            assert drawn[1:] == pytest.approx(whole[1:], abs=0.08)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("self-consistency@sure=0.9", "stop=adaptive"),
        ("self-consistency@stop=window@sure=0.9", "stop=adaptive"),
        ("direct-votes@stop=adaptive@each=3", "stop=window"),
        ("self-consistency@stop=adaptive@confidence=mean", "weights"),
        ("self-consistency@stop=soon", "expected"),
        ("self-consistency@stop=adaptive@sure=1", "above 0.5"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(arm: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_mode(arm)


def rows_of(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in (folder / "records.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["mode"], {})[row["question"]] = row
    return found


ARMS = "self-consistency@stop=full|adaptive|window"


def run(main: Cli, output: Path, model: str, *more: str) -> Path:
    arguments = ["run", "--model", model, "--task", "demo", "--limit", "30", "--output-dir", str(output), *more]
    assert main(*arguments, "--mode", f"direct,cot,{ARMS}").code == 0
    [folder] = output.iterdir()
    return folder


def is_as_recomputed(folder: Path) -> None:
    rows = rows_of(folder)
    full = rows["self-consistency@stop=full"]
    for arm, stop in (("adaptive", Stop(ADAPTIVE, 0.95)), ("window", Stop(WINDOW, 5))):
        numbers = set()
        for question, row in rows[f"self-consistency@stop={arm}"].items():
            whole = full[question]["votes"]
            k = stop.at(whole["ballots"])
            numbers.add(k)
            assert row["votes"]["ballots"] == whole["ballots"][:k]
            won = winner(whole["ballots"][:k])
            assert row["answer"] == (None if won is None else whole["answers"][won]["answer"])
            verdict = None if won is None else whole["answers"][won]["outcome"]
            assert won is None or row["outcome"] == verdict
            assert set(map(tuple, row["requests"])) <= set(map(tuple, full[question]["requests"]))
        assert len(numbers) > 1


@pytest.mark.patient
def test_a_live_vote_is_what_its_rule_makes_of_all_paths(main: Cli, tmp_path: Path) -> None:
    folder = run(main, tmp_path / "runs", "stub")
    is_as_recomputed(folder)
    written = (folder / "records.jsonl").read_bytes()
    assert main("score", str(folder)).code == 0
    assert (folder / "records.jsonl").read_bytes() == written
    # Ordinals are those of the paths, and stand once in the journal, whoever asked.
    asked = [row["requests"] for row in rows_of(folder)["self-consistency@stop=full"].values()]
    for one in asked:  # between them replies may have been gone on with
        assert [ordinal for address, ordinal, *_ in one if address == one[0][0]] == list(range(20))


@pytest.mark.patient
def test_a_live_vote_of_a_small_model_is_what_its_rule_makes_of_all_paths(main: Cli, tmp_path: Path) -> None:
    is_as_recomputed(
        run(main, tmp_path / "runs", "demo", "--paths", "12", "--max-tokens", "*=64", "--gen-kwargs", "temperature=2")
    )


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    from cotbench import run as run_once

    output = tmp_path_factory.mktemp("runs")
    run_once("stub", tasks=["demo"], arms=["direct", "cot", *[f"self-consistency@stop={one}" for one in
             ("full", "adaptive")]], limit=40, output_dir=output)  # fmt: skip
    [folder] = output.iterdir()
    return compare([load_run(folder)])


@pytest.mark.patient
def test_the_report_tells_of_votes_that_have_all_paths_and_judges_nothing_by_those_that_stop(
    comparison: Comparison,
) -> None:
    assert {row.mode for row in comparison.stopped_votes} == {"self-consistency@stop=full"}
    assert {row.mode for row in comparison.curves} == {"self-consistency@stop=full"}
    policies = {row.policy for row in comparison.policies if "paths" in row.policy}
    assert not any("adaptive" in policy for policy in policies)
    found = {(row.rule, row.level): row for row in comparison.stopped_votes}
    levels = [found[ADAPTIVE, level] for level in (0.8, 0.9, 0.95, 0.99)]
    assert [row.paths for row in levels] == sorted(row.paths for row in levels)
    assert all(row.saving.value is not None and row.unchanged.value is not None for row in levels)
    assert levels[0].saving.value > levels[-1].saving.value > 0
    assert "stopped_votes" in {section.key for section in sections(comparison)}
    assert any("votes unchanged" in text or "leaves 99%" in text for text in headlines(comparison))
    own = found[ADAPTIVE, 0.95].unchanged.value
    checked = check_gate(parse_gate("stopped_vote[demo,self-consistency@stop=full] > 0"), comparison)
    assert checked.holding[0][1] == own
    assert not check_gate(parse_gate("window_vote_saving[demo,self-consistency@stop=full] < 0"), comparison).holds


@pytest.mark.patient
def test_killed_at_random_points_and_resumed_it_is_the_same_run(main: Cli, tmp_path: Path) -> None:
    arms = f"{ARMS},cascade@votes=3@tau=0.9,direct-votes@stop=adaptive"
    whole = tmp_path / "whole"
    plain = ["run", "--model", "stub", "--task", "demo", "--limit", "15", "--mode", arms, "--quiet", "--json"]
    assert main(*plain, "--output-dir", str(whole)).code == 0
    [reference] = whole.iterdir()
    total = lines(reference)
    for point in random.Random(5).sample(range(20, total - 40), 2):
        output = tmp_path / str(point)
        slow = [*plain, "--output-dir", str(output), "--model-args", "in_flight=4,latency_s=0.01"]
        folder = killed_at(point, slow, output)
        assert point <= lines(folder) < total
        assert main(*plain, "--output-dir", str(output)).code == 0
        assert (folder / "records.jsonl").read_bytes() == (reference / "records.jsonl").read_bytes()
        assert lines(folder) == total
