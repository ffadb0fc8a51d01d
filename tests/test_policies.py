"""What one could do with two modes, and plans by who carries them out: once more with plain loops over the records."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import run_cli
from msgspec import structs
from test_compare import QUESTIONS, compared, make_run, record, write_run

from cotbench.analysis import stats
from cotbench.analysis.policies import Policy
from cotbench.modes.votes import winner
from cotbench.questions.tagging import is_symbolic
from cotbench.store.records import Record
from cotbench.types import Outcome


def rows_of(*folders: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(mode, question) -> record, out of the files."""
    rows = [json.loads(line) for folder in folders for line in (folder / "records.jsonl").read_text().splitlines()]
    return {(row["mode"], row["question"]): row for row in rows}


def _find(policies: Sequence[Policy], name: str, mode: str = "cot", rule: str = "") -> Policy:
    [one] = [p for p in policies if p.policy == name and p.mode == mode and p.rule == rule]
    return one


def tokens_run(folder: Path) -> Path:
    """direct wwwcccuwec, 4 + at tokens; cot cccwcctwcg, 40 - at. Questions 0 to 3 hold "="."""
    records = [
        record(q.id, mode, letter, completion_tokens=4 + at if mode == "direct" else 40 - at)
        for mode, letters in (("direct", "wwwcccuwec"), ("cot", "cccwcctwcg"))
        for at, (q, letter) in enumerate(zip(QUESTIONS, letters, strict=True))
    ]
    return write_run(folder, records)


def test_policies_by_hand(tmp_path: Path) -> None:
    policies = compared(tokens_run(tmp_path / "r")).policies
    # Pairs 0 to 7. direct right: 3, 4, 5; cot right: 0, 1, 2, 4, 5. Tokens: direct 4 to 11, cot 40 to 33.
    always, never = _find(policies, "always cot"), _find(policies, "always direct")
    assert (never.n, never.accuracy, never.used, never.tokens) == (8, 3 / 8, 0, 7.5)
    assert (never.low, never.high) == stats.wilson(3, 8)
    assert never.saving == pytest.approx(1 - 60 / 292)
    assert (never.loss, never.loss_low, never.loss_high) == (0.25, *stats.tango(3, 1, 8))
    assert (always.accuracy, always.used, always.tokens) == (5 / 8, 1, 36.5)
    assert (always.saving, always.saving_low, always.loss, always.loss_low) == (None, None, None, None)
    tagged = _find(policies, "cot where symbolic", rule="eq_question")
    # cot on 0 to 3 (right 0, 1, 2), direct on 4 to 7 (right 4, 5).
    assert (tagged.accuracy, tagged.used, tagged.tokens) == (5 / 8, 0.5, (40 + 39 + 38 + 37 + 8 + 9 + 10 + 11) / 8)
    assert tagged.saving == pytest.approx((36 + 35 + 34 + 33 - 8 - 9 - 10 - 11) / 292)
    # Against always cot: it gets all that cot gets.
    assert (tagged.loss, tagged.loss_low, tagged.loss_high) == (0, *stats.tango(0, 0, 8))
    oracle = _find(policies, "oracle")
    assert (oracle.accuracy, oracle.used, oracle.tokens) == (6 / 8, 3 / 8, (40 + 39 + 38 + 7 + 8 + 9 + 10 + 11) / 8)
    assert (oracle.loss, oracle.loss_low, oracle.loss_high) == (-1 / 8, *stats.tango(0, 1, 8))
    saved = np.array([0, 0, 0, 30, 28, 26, 24, 22], dtype=float)
    spent = np.arange(40, 32, -1, dtype=float)
    share = saved.sum() / spent.sum()
    residual = (saved - share * spent) / spent.mean()
    reach = 2.364624 * residual.std(ddof=1) / math.sqrt(8)  # t(7)
    assert (oracle.saving, oracle.saving_low, oracle.saving_high) == pytest.approx(
        (share, share - reach, share + reach)
    )
    assert not any("votes" in p.policy or "paths" in p.policy for p in policies)
    # Only rules that look at the question choose a prompt.
    assert {p.rule for p in policies if p.rule} == {"eq_question", "eq_question_any", "operators", "numbers"}


@pytest.mark.parametrize("seed", range(5))
def test_policies_across_two_runs_with_plain_loops(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    folders = []
    for mode in ("direct", "cot"):
        records = [
            record(q.id, mode, rng.choice(list("cccwwute")), completion_tokens=int(rng.integers(1, 30)))
            for q in QUESTIONS
            if rng.random() < 0.9
        ]
        folders.append(write_run(tmp_path / mode, records))
    policies = compared(*folders).policies
    rows = rows_of(*folders)
    pairs = []
    for q in QUESTIONS:
        both = [rows.get((mode, q.id)) for mode in ("direct", "cot")]
        if all(row and row["outcome"] not in ("engine_error", "grader_timeout") for row in both):
            pairs.append((q, both[0], both[1]))
    for name, choose in (
        ("always direct", lambda q, a, b: False),
        ("always cot", lambda q, a, b: True),
        ("cot where symbolic", lambda q, a, b: is_symbolic(q)),
        ("oracle", lambda q, a, b: b[0] > a[0] or (b[0] == a[0] and b[1] < a[1])),
    ):
        right, spent, used, lost = 0, 0, 0, 0
        for q, before, after in pairs:
            scores = [(row["outcome"] == "correct", row["completion_tokens"]) for row in (before, after) if row]
            take = scores[1] if choose(q, *scores) else scores[0]
            used += choose(q, *scores)
            right, spent, lost = right + take[0], spent + take[1], lost + scores[1][0] - take[0]
        got = _find(policies, name, rule="eq_question" if "symbolic" in name else "")
        n = len(pairs)
        assert (got.n, got.accuracy, got.used) == (n, right / n, used / n)
        assert got.tokens == pytest.approx(spent / n)
        assert got.loss == (None if name == "always cot" else pytest.approx(lost / n))


def test_unknown_tokens_leave_accuracy_alone(tmp_path: Path) -> None:
    records = [
        record(q.id, mode, "c", completion_tokens=None if mode == "cot" else 5)
        for q in QUESTIONS
        for mode in ("direct", "cot")
    ]
    policies = compared(write_run(tmp_path / "r", records)).policies
    assert _find(policies, "always direct").tokens == 5
    assert _find(policies, "always direct").saving is None
    assert _find(policies, "always cot").tokens is None
    assert _find(policies, "oracle").used == 0


@pytest.mark.parametrize("clusters", ["", "one"])
def test_one_question_or_one_cluster_has_no_interval_of_a_saving(clusters: str, tmp_path: Path) -> None:
    questions = [replace(q, cluster=clusters) for q in (QUESTIONS if clusters else QUESTIONS[:1])]
    letters = "c" * len(questions)
    policies = compared(make_run(tmp_path / "r", {"direct": letters, "cot": letters}, questions=questions)).policies
    got = _find(policies, "always direct")
    assert got.saving == pytest.approx(0.9)
    assert (got.saving_low, got.saving_high) == (None, None)
    assert (got.loss, got.loss_low, got.loss_high) == (0, -1, 1)


def test_no_pairs_no_policies(tmp_path: Path) -> None:
    assert compared(make_run(tmp_path / "r", {"direct": "c" * 5 + "-" * 5, "cot": "-" * 5 + "c" * 5})).policies == []


# --- votes at the same cost ---------------------------------------------------------------------------------------


def voted(
    question: str, mode: str, ballots: Sequence[int | None], right: int | None, tokens: int, **more: Any
) -> Record:
    """Answers 0, 1 ... of which `right` is right."""
    counts = max((b for b in ballots if b is not None), default=-1) + 1
    answers = [
        {"answer": str(at), "votes": list(ballots).count(at), "outcome": "correct" if at == right else "wrong"}
        for at in range(counts)
    ]
    won = winner(ballots)
    letter = "u" if won is None else "c" if won == right else "w"
    votes = {"answers": answers, "ballots": list(ballots), "abstained": {}, "margin": 0}
    return record(question, mode, letter, votes=votes, completion_tokens=tokens, **more)


BALLOTS: list[tuple[list[int | None], int | None]] = [
    ([0, 1, 1, 0], 1), ([0, 0, 0, 0], 0), ([0, 1, 2, 2], 0), ([None, 0, None, 1], 1), ([None] * 4, None),
    ([0, 1, 2, 3], 3), ([0, 0, 1, 1], 1), ([0, None, 0, 1], 0), ([0, 1, 1, 1], None), ([0, 1, 0, 1], 0),
]  # fmt: skip


def test_the_baseline_with_votes_at_the_modes_cost(tmp_path: Path) -> None:
    """Paths of 10 tokens against 24 of one chain: 2 of 4 paths, over all 6 subsets of each question."""
    records = []
    for at, (q, (ballots, right)) in enumerate(zip(QUESTIONS, BALLOTS, strict=True)):
        records += [
            record(q.id, "direct", "c" if at % 2 else "w", completion_tokens=10),
            record(q.id, "cot", "cw"[at % 3 == 0], completion_tokens=22 + 4 * (at % 2)),
            voted(q.id, "direct-votes", ballots, right, 40),
        ]
    policies = compared(write_run(tmp_path / "r", records)).policies
    got = _find(policies, "direct-votes, 2 of 4 paths")
    shares = []
    for ballots, right in BALLOTS:
        subsets = list(itertools.combinations(ballots, 2))
        shares.append(sum(winner(s) is not None and winner(s) == right for s in subsets) / len(subsets))
    maj = np.array(shares)
    chain = np.array([at % 3 != 0 for at in range(10)], dtype=float)
    assert (got.n, got.paths, got.tokens, got.used) == (10, 2, 20, 0)
    assert got.accuracy == pytest.approx(maj.mean())
    assert got.saving == pytest.approx(1 - 20 / 24)
    assert got.loss == pytest.approx((chain - maj).mean())
    expected = stats.mean(chain - maj)
    assert (got.loss_low, got.loss_high) == pytest.approx((max(-1, expected.low), min(1, expected.high)))
    assert 0 <= got.low < got.accuracy < got.high <= 1
    # The voting mode isn't compared with itself.
    assert not any("paths" in p.policy for p in policies if p.mode == "direct-votes")


@pytest.mark.parametrize(("chain", "paths"), [(1, 1), (14, 1), (16, 2), (34, 3), (40, 4), (500, 4)])
def test_at_least_one_path_and_at_most_all(chain: int, paths: int, tmp_path: Path) -> None:
    records = []
    for q, (ballots, right) in zip(QUESTIONS, BALLOTS, strict=True):
        records += [record(q.id, "direct", "c"), record(q.id, "cot", "c", completion_tokens=chain)]
        records.append(voted(q.id, "direct-votes", ballots, right, 40))
    got = next(p for p in compared(write_run(tmp_path / "r", records)).policies if p.paths and p.mode == "cot")
    assert (got.paths, got.tokens) == (paths, 10 * paths)


def test_votes_that_are_undecided_or_unpaid_are_left_out(tmp_path: Path) -> None:
    records = []
    for at, (q, (ballots, right)) in enumerate(zip(QUESTIONS, BALLOTS, strict=True)):
        one = voted(q.id, "direct-votes", ballots, right, 40)
        if at == 0:
            assert one.votes is not None
            first, second, *rest = one.votes.answers
            answers = (first, structs.replace(second, outcome=Outcome.GRADER_TIMEOUT), *rest)
            one = structs.replace(one, votes=structs.replace(one.votes, answers=answers))
        records += [record(q.id, "direct", "c"), record(q.id, "cot", "e" if at == 1 else "c"), one]
    got = next(p for p in compared(write_run(tmp_path / "r", records)).policies if p.paths and p.mode == "cot")
    assert (got.n, got.paths) == (8, 4)
    unknown = [structs.replace(one, completion_tokens=None) if one.mode == "direct-votes" else one for one in records]
    assert not any(p.paths for p in compared(write_run(tmp_path / "s", unknown)).policies)


def test_all_votes_right_is_no_certainty(tmp_path: Path) -> None:
    """Ten of ten: the accuracy still has an interval, as where a single answer is right ten times."""
    records = []
    for q in QUESTIONS:
        records += [record(q.id, "direct", "c"), record(q.id, "cot", "c"), voted(q.id, "direct-votes", [0] * 4, 0, 40)]
    got = next(p for p in compared(write_run(tmp_path / "r", records)).policies if p.paths and p.mode == "cot")
    assert (got.accuracy, got.high) == (1, 1)
    assert got.low < 0.8
    assert got.loss_low is not None
    assert got.loss_high is not None
    assert got.loss_low < -0.2 < 0.2 < got.loss_high


# --- plans --------------------------------------------------------------------------------------------------------


def test_plans_by_hand(tmp_path: Path) -> None:
    #                          0123456789
    letters = {
        "plan-direct": "cwcwccwcwe",
        "plan-cot":    "ccwwcuccwc",
        "plan-solver": "ccccwwspac",
        "pal":         "cwncxcccwc",
    }  # fmt: skip
    got = {row.executor: row for row in compared(make_run(tmp_path / "r", {"direct": "c" * 10, **letters})).plans}
    # Question 9 is undecided under plan-direct. The solver's plans are good for 0 to 3, bad for 4 and 5, of no use for
    # 6, 7, 8.
    common = {"model": "m", "task": "t", "n": 9}
    assert got["plan-direct"] == SimpleNamespace(
        **common,
        executor="plan-direct",
        right=5,
        good=4,
        right_good=2,
        bad=2,
        right_bad=2,
        unusable=3,
        right_unusable=1,
    )
    assert got["plan-cot"] == SimpleNamespace(
        **common, executor="plan-cot", right=5, good=4, right_good=2, bad=2, right_bad=1, unusable=3, right_unusable=2
    )
    assert got["plan-solver"] == SimpleNamespace(
        **common,
        executor="plan-solver",
        right=4,
        good=4,
        right_good=4,
        bad=2,
        right_bad=0,
        unusable=3,
        right_unusable=0,
    )
    # A program is its own plan.
    assert got["pal"] == SimpleNamespace(
        **common, executor="pal", right=5, good=5, right_good=5, bad=2, right_bad=0, unusable=2, right_unusable=0
    )
    assert list(got) == ["plan-direct", "plan-cot", "plan-solver", "pal"]
    assert all(row.good + row.bad + row.unusable == row.n for row in got.values())


def test_plans_need_their_judge_and_somebody_else(tmp_path: Path) -> None:
    runs = {
        "a": {"plan-direct": "c" * 10, "pal": "c" * 10},
        "b": {"plan-solver": "c" * 10},
        "c": {"plan-solver": "c" * 5 + "-" * 5, "pal": "-" * 5 + "c" * 5},
    }
    for name, letters in runs.items():
        assert compared(make_run(tmp_path / name, letters)).plans == []


def test_a_stub_run_with_votes(tmp_path: Path) -> None:
    """Over the shipped sample task: the accuracies of the policies are those of the records."""
    done = run_cli(
        "run",
        "--model",
        "stub",
        "--task",
        "sample",
        "--mode",
        "direct,cot,direct-votes,self-consistency",
        "--output-dir",
        tmp_path,
    )
    assert done.code == 0, done.err
    [folder] = tmp_path.iterdir()
    policies, rows = compared(folder).policies, rows_of(folder)
    for mode in ("direct@answer=begun", "cot"):
        mine = [row for (name, _), row in rows.items() if name == mode]
        got = _find(policies, f"always {mode}")
        assert got.accuracy == pytest.approx(sum(row["outcome"] == "correct" for row in mine) / len(mine))
        assert got.tokens == pytest.approx(sum(row["completion_tokens"] for row in mine) / len(mine))
    matched = next(p for p in policies if p.paths and p.mode == "cot")
    votes = [row["votes"] for (name, _), row in rows.items() if name == "direct-votes@answer=begun"]
    assert matched.n == len(votes)
    n = len(votes[0]["ballots"])
    voted = [row for (name, _), row in rows.items() if name == "direct-votes@answer=begun"]
    cost = sum(row["completion_tokens"] for row in voted) / len(votes) / n
    assert matched.paths == max(1, min(n, round(_find(policies, "always cot").tokens / cost)))  # type: ignore[operator]
    # With all paths the vote is the recorded one; with one it is a path taken at random.
    if matched.paths in (1, n):
        rights = [{at for at, a in enumerate(v["answers"]) if a["outcome"] == "correct"} for v in votes]
        won = [
            winner(v["ballots"]) in r if matched.paths == n else sum(b in r for b in v["ballots"]) / n
            for v, r in zip(votes, rights, strict=True)
        ]
        assert matched.accuracy == pytest.approx(sum(won) / len(won))
