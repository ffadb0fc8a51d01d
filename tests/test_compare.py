"""The statistics against hand-computed tables, published examples and brute force; and what may be paired with what."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli

from cotbench.compare import ALL, OTHER, SYMBOLIC, compare, load_run, mcnemar_exact, paired_interval, wilson
from cotbench.errors import RunError
from cotbench.records import Manifest, Record, write_questions
from cotbench.types import Question


def test_wilson_agrees_with_newcombe_1998() -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (correct, n), expected in published.items():
        assert wilson(correct, n) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("helped", "hurt"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 11)])
def test_mcnemar_is_the_binomial_test_on_discordant_pairs(helped: int, hurt: int) -> None:
    n = helped + hurt
    tail = sum(math.comb(n, k) for k in range(max(helped, hurt), n + 1)) / 2**n
    assert mcnemar_exact(helped, hurt) == pytest.approx(min(1.0, 2 * tail))


def test_paired_interval_by_hand() -> None:
    """10 pairs: 4 helped, 1 hurt. Mean 0.3, sample variance 4.1/9, t(9) = 2.262157."""
    differences = np.array([1, 1, 1, 1, -1, 0, 0, 0, 0, 0])
    mean, low, high, clusters = paired_interval(differences, [""] * 10)
    reach = 2.262157 * math.sqrt(4.1 / 9 / 10)
    assert (mean, low, high) == pytest.approx((0.3, 0.3 - reach, 0.3 + reach), abs=1e-6)
    assert clusters is None


def test_clustered_interval_by_hand() -> None:
    """3 clusters with sums of deviations 0.8, 0.8, -1.6: variance 3/2 * 3.84 / 49, t(2) = 4.302653, cut at -1 and 1."""
    differences = np.array([1, 1, 1, 1, -1, 0, 0])
    clusters = ["a", "a", "b", "b", "c", "c", "c"]
    mean = 3 / 7
    sums = [2 - 2 * mean, 2 - 2 * mean, -1 - 3 * mean]
    reach = 4.302653 * math.sqrt(1.5 * sum(s**2 for s in sums)) / 7
    got = paired_interval(differences, clusters)
    assert got[:3] == pytest.approx((mean, max(-1, mean - reach), min(1, mean + reach)), abs=1e-6)
    assert got[3] == 3


def test_clusters_of_one_are_no_clusters() -> None:
    differences = np.array([1, 0, -1, 1, 1, 0, 0, 1])
    assert paired_interval(differences, [str(i) for i in range(8)])[:3] == pytest.approx(
        paired_interval(differences, [""] * 8)[:3]
    )


@pytest.mark.parametrize("clusters", [[""], ["a"]])
def test_one_question_has_no_interval(clusters: list[str]) -> None:
    assert paired_interval(np.array([1]), clusters)[:3] == (1.0, -1.0, 1.0)


def test_intervals_cover_and_the_pairing_pays() -> None:
    """400 simulated runs with correlated modes: the interval holds the truth in about 95%, and beats the unpaired one."""
    rng = np.random.default_rng(7)
    held, narrower = 0, 0
    for _ in range(400):
        difficulty = rng.random(300)
        before = difficulty < 0.5
        after = (difficulty < 0.5) ^ (rng.random(300) < 0.15)  # 15% of the questions flip: no true difference
        _, low, high, _ = paired_interval(after.astype(int) - before.astype(int), [""] * 300)
        held += low <= 0 <= high
        unpaired = 1.96 * math.sqrt(before.var() / 300 + after.var() / 300)
        narrower += (high - low) / 2 < unpaired
    assert 0.92 <= held / 400 <= 0.98
    assert narrower == 400


# --- runs ---------------------------------------------------------------------------------------------------------

QUESTIONS = [
    Question(id=f"t-{i}", task="t", text=f"What is x if x = {i}?" if i < 4 else f"Question {i}?", cluster="")
    for i in range(10)
]


def make_run(
    folder: Path, outcomes: dict[str, str], *, revision: str = "r1", data: str = "d1", shots: int = 0, model: str = "m"
) -> Path:
    """A run's folder. outcomes: mode -> one letter a question: c right, w wrong, u unparsed, t truncated, e failed, g grader timeout, - none."""
    names = {
        "c": "correct",
        "w": "wrong",
        "u": "unparsed",
        "t": "truncated",
        "e": "engine_error",
        "g": "grader_timeout",
    }
    folder.mkdir(parents=True)
    write_questions(folder, QUESTIONS, {q.id: "1" for q in QUESTIONS})
    records = b""
    for mode, letters in outcomes.items():
        for question, letter in zip(QUESTIONS, letters, strict=True):
            if letter != "-":
                records += Record(
                    question=question.id, task="t", mode=mode, outcome=names[letter], answer="1" if letter in "cwg" else None, gold="1",
                    truncated=letter == "t", rule="last" if letter == "w" else "contract", prompt_tokens=10,
                    completion_tokens=4 if mode == "direct" else 40,
                ).line()  # fmt: skip
    (folder / "records.jsonl").write_bytes(records)
    spec: dict[str, Any] = {
        "model": {"engine": "vllm", "model": model, "revision": revision, "chat_template": "model", "chat_template_hash": "h", "system_role": "native"},
        "tasks": {"t": {"data": data}}, "modes": {f"t/{mode}": {} for mode in outcomes}, "num_fewshot": shots, "seed": 0,
    }  # fmt: skip
    Manifest(run=folder.name, status="finished", spec=spec, options={"model": model}, engine={}, data={}).write(folder)
    return folder


def test_a_small_run_by_hand(tmp_path: Path) -> None:
    #                                             0123456789   questions 0 to 3 hold an "="
    folder = make_run(tmp_path / "r", {"direct": "wwwcccuwec", "cot": "cccwcctwcg"})
    comparison = compare([load_run(folder)])
    stats = {(s.mode, s.tag): s for s in comparison.modes}
    direct = stats["direct", ALL]
    assert (direct.n, direct.correct, direct.undecided) == (9, 4, 1)
    assert direct.unread == pytest.approx(1 / 9)
    assert direct.truncated == 0
    assert direct.vague == pytest.approx(4 / 8)
    cot = stats["cot", ALL]
    assert (cot.n, cot.correct, cot.undecided) == (9, 6, 1)
    assert cot.truncated == cot.unread == pytest.approx(1 / 9)
    deltas = {d.tag: d for d in comparison.deltas}
    whole = deltas[ALL]  # questions 8 and 9 are undecided in one mode
    assert (whole.n, whole.both_right, whole.helped, whole.hurt, whole.both_wrong) == (8, 2, 3, 1, 2)
    assert whole.delta == pytest.approx(2 / 8)
    assert whole.token_ratio == pytest.approx(10)
    assert whole.p == pytest.approx(2 * (4 + 1) / 16)
    assert (deltas[SYMBOLIC].n, deltas[SYMBOLIC].helped, deltas[SYMBOLIC].hurt) == (4, 3, 1)
    assert (deltas[OTHER].n, deltas[OTHER].delta, deltas[OTHER].p) == (4, 0.0, 1.0)


def test_modes_are_paired_across_runs_as_within_one(tmp_path: Path) -> None:
    outcomes = {"direct": "wwwcccuwwc", "cot": "cccwcctwcc"}
    together = compare([load_run(make_run(tmp_path / "one", outcomes))])
    apart = compare([load_run(make_run(tmp_path / mode, {mode: letters})) for mode, letters in outcomes.items()])
    assert apart.deltas == together.deltas


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"revision": "r2"}, "model revision: r1 in a, r2 in b"),
        ({"data": "d2"}, "data: d1 in a, d2 in b"),
        ({"shots": 5}, r"exemplars \(--num-fewshot\): 0 in a, 5 in b"),
    ],
    ids=["revision", "data", "exemplars"],
)
def test_what_isnt_comparable_is_refused_with_the_reason(other: dict[str, Any], reason: str, tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "a", {"direct": "c" * 10}), make_run(tmp_path / "b", {"cot": "w" * 10}, **other)]
    with pytest.raises(RunError, match=reason):
        compare([load_run(run) for run in runs])


def test_two_models_stand_side_by_side(tmp_path: Path) -> None:
    outcomes = {"direct": "wwwcccuwwc", "cot": "cccwcctwcc"}
    runs = [make_run(tmp_path / name, outcomes, model=name) for name in ("a", "b")]
    comparison = compare([load_run(run) for run in runs])
    assert [d.model for d in comparison.deltas if d.tag == ALL] == ["a", "b"]


def test_the_same_mode_twice_is_refused(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, {"direct": "c" * 10}) for name in ("a", "b")]
    with pytest.raises(RunError, match="both hold t under direct"):
        compare([load_run(run) for run in runs])


def test_different_subsets_are_paired_on_what_they_share(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "a", {"direct": "cccc------"}), make_run(tmp_path / "b", {"cot": "wcccccc---"})]
    comparison = compare([load_run(run) for run in runs])
    assert comparison.deltas[0].n == 4
    assert any("3 questions have a record under only one" in note for note in comparison.notes)


def test_empty_arms_and_single_modes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", {"direct": "cccc------", "cot": "wccc------"})
    arm = next(d for d in compare([load_run(run)]).deltas if d.tag == OTHER)
    assert (arm.n, arm.delta, arm.low, arm.p) == (0, None, None, None)
    alone = compare([load_run(make_run(tmp_path / "b", {"cot": "c" * 10}))])
    assert alone.deltas == []
    assert any("nothing to compare with" in note for note in alone.notes)


def test_a_direct_mode_that_reasons_is_flagged(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "c" * 10, "cot": "c" * 10})
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for record in records:
        record["completion_tokens"] = 300
    (folder / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    assert any("may reason under direct too" in note for note in compare([load_run(folder)]).notes)


def test_the_order_of_records_doesnt_matter(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "wwwcccuwec", "cot": "cccwcctwcg"})
    expected = compare([load_run(folder)])
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(reversed(lines)))
    assert compare([load_run(folder)]).deltas == expected.deltas


# --- the report's files and words ---------------------------------------------------------------------------------


def test_report_files_and_words(tmp_path: Path, main: Cli) -> None:
    folder = make_run(tmp_path / "results" / "a", {"direct": "wwwwwwuwwc", "cot": "ccccccttcc"})
    done = main("report", "a")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].startswith(
        "CoT helps m on t by 70.0 points (+35.4 to +100.0; n = 10); it takes 10.0x"
    )
    report = folder / "report"
    assert {p.name for p in report.iterdir()} == {"summary.csv", "summary.md", "deltas.png"}
    assert (report / "deltas.png").read_bytes().startswith(b"\x89PNG")
    assert "| m | t | cot | symbolic | 4 | +100.0 |" in (report / "summary.md").read_text()
    import pandas as pd

    frame = pd.read_csv(report / "summary.csv")
    row = frame[(frame["mode"] == "cot") & (frame["tag"] == "all")].iloc[0]
    assert (row["accuracy"], row["pair_helped"], row["pair_hurt"]) == (0.8, 7, 0)


def test_report_as_json(tmp_path: Path, main: Cli) -> None:
    make_run(tmp_path / "results" / "a", {"direct": "c---------", "cot": "w---------"})
    done = main("report", "a", "--json")
    content = json.loads(done.out)
    assert content["deltas"][0]["delta"] == -1.0
    assert content["deltas"][2]["n"] == 0


def test_a_stub_is_named_in_the_first_line(tmp_path: Path, main: Cli) -> None:
    main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot")
    done = main("report")
    assert done.out.startswith("STUB, NOT A MODEL")
    [markdown] = (tmp_path / "results").glob("*/report/summary.md")
    assert markdown.read_text().startswith("**STUB, NOT A MODEL")


def test_symbolic_tag() -> None:
    from cotbench.tagging import is_symbolic

    table = {
        "Solve x = 3": True, "x=3": True, "is a <= b?": False, "a >= b": False, "a != b": False, "if a == b": False,
        "=====": False, "no sign": False, "f(x) := x": False, "a <= b and c = d": True,
    }  # fmt: skip
    got = {text: is_symbolic(Question(id="q", task="t", text=text)) for text in table}
    assert got == table
    assert is_symbolic(Question(id="q", task="t", text="Which?", choices=("x", "y = 2")))


def test_pairs_hold_for_every_small_table() -> None:
    """Brute force over all 2x2 tables with up to 4 in a cell: the paired mean is the difference of the accuracies."""
    for a, b, c, d in itertools.product(range(5), repeat=4):
        if a + b + c + d == 0:
            continue
        differences = np.array([0] * a + [1] * b + [-1] * c + [0] * d)
        n = a + b + c + d
        assert paired_interval(differences, [""] * n)[0] == pytest.approx((a + b) / n - (a + c) / n)
