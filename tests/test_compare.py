"""Comparisons: small runs by hand, every number once more with pandas, and what may be paired with what."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Cli, run_cli
from handmade import answer_of, make_record, write_journal
from msgspec import structs
from test_stats import brute_cr2

from cotbench.analysis import stats
from cotbench.analysis.compare import compare
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.analysis.pairing import load_run
from cotbench.answers.reading import VAGUE
from cotbench.errors import RunError
from cotbench.modes.arms import base_of
from cotbench.questions.tagging import RULES, Rule, Seen, is_symbolic
from cotbench.store.manifest import Manifest
from cotbench.store.questions import write_questions
from cotbench.store.records import Record
from cotbench.types import Completion, Outcome, Question

# --- runs ---------------------------------------------------------------------------------------------------------

QUESTIONS = [
    Question(id=f"t-{i}", task="t", text=f"What is x if x = {i}?" if i < 4 else f"Question {i}?", cluster="")
    for i in range(10)
]
OUTCOMES = {
    "c": "correct",
    "w": "wrong",
    "u": "unparsed",
    "t": "truncated",
    "e": "engine_error",
    "g": "grader_timeout",
    "r": "refused",
    "d": "declined",
    "n": "no_program",
    "x": "runtime_error",
    "s": "unsolved",
    "a": "ambiguous",
    "p": "plan_invalid",
}


def record(question: str, mode: str, letter: str, **more: Any) -> Record:
    """One letter: c right, w wrong, u unparsed, t truncated, e failed, g grader timeout; the others failed programs."""
    values: dict[str, Any] = {
        "answer": "1" if letter in "cwg" else None,
        "truncated": letter == "t",
        "rule": "last" if letter == "w" else "contract",
        "prompt_tokens": 10,
        "completion_tokens": 4 if mode == "direct" else 40,
    }
    return make_record(question=question, task="t", mode=mode, outcome=OUTCOMES[letter], gold="1", **{**values, **more})


def write_run(
    folder: Path,
    records: Sequence[Record],
    *,
    questions: Sequence[Question] = QUESTIONS,
    modes: Sequence[str] = (),
    revision: str = "r1",
    data: str = "d1",
    shots: int = 0,
    model: str = "m",
    status: str = "finished",
) -> Path:
    """A run's folder, as the runner leaves it. modes: where some have no record."""
    folder.mkdir(parents=True)
    write_questions(folder, questions, {q.id: "1" for q in questions})
    (folder / "records.jsonl").write_bytes(b"".join(one.line() for one in records))
    names = modes or list(dict.fromkeys(one.mode for one in records))
    spec: dict[str, Any] = {
        "model": {
            "engine": "vllm",
            "model": model,
            "revision": revision,
            "chat_template": "model",
            "chat_template_hash": "h",
            "system_role": "native",
        },
        "tasks": {"t": {"data": data}},
        "modes": {f"t/{mode}": {} for mode in names},
        "num_fewshot": shots,
        "arms": 1,  # names are those of arms
        "seed": 0,
    }
    Manifest(run=folder.name, status=status, spec_row=spec, options={"model": model}, engine={}, data={}).write(folder)
    return folder


def make_run(folder: Path, outcomes: Mapping[str, str], **more: Any) -> Path:
    """outcomes: mode -> one letter a question, - for no record."""
    questions = more.get("questions", QUESTIONS)
    records = [
        record(question.id, mode, letter)
        for mode, letters in outcomes.items()
        for question, letter in zip(questions, letters, strict=True)
        if letter != "-"
    ]
    return write_run(folder, records, modes=list(outcomes), **more)


def compared(*folders: Path, **more: Any) -> SimpleNamespace:
    """A comparison as report.json holds it: rows are flat, and there is no NaN whatever is in them."""
    content = compare([load_run(folder) for folder in folders], **more).as_dict()
    json.dumps(content, allow_nan=False)
    for name, rows in content.items():
        if isinstance(rows, list):
            content[name] = [SimpleNamespace(**row) if isinstance(row, dict) else row for row in rows]
    return SimpleNamespace(**content)


def test_a_small_run_by_hand(tmp_path: Path) -> None:
    #                                             0123456789   questions 0 to 3 hold an "="
    folder = make_run(tmp_path / "r", {"direct": "wwwcccuwec", "cot": "cccwcctwcg"})
    comparison = compared(folder)
    modes = {(m.mode, m.tag): m for m in comparison.modes}
    direct = modes["direct", ALL]
    assert (direct.n, direct.correct, direct.undecided) == (9, 4, 1)
    assert direct.unread == pytest.approx(1 / 9)
    assert direct.truncated == 0
    assert direct.vague == pytest.approx(4 / 8)
    cot = modes["cot", ALL]
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
    together = compared(make_run(tmp_path / "one", outcomes))
    apart = compared(*(make_run(tmp_path / mode, {mode: letters}) for mode, letters in outcomes.items()))
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
        compared(*runs)


def test_two_models_stand_side_by_side(tmp_path: Path) -> None:
    outcomes = {"direct": "wwwcccuwwc", "cot": "cccwcctwcc"}
    runs = [make_run(tmp_path / name, outcomes, model=name) for name in ("a", "b")]
    comparison = compared(*runs)
    assert [d.model for d in comparison.deltas if d.tag == ALL] == ["a", "b"]


def test_the_same_mode_twice_is_refused(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, {"direct": "c" * 10}) for name in ("a", "b")]
    with pytest.raises(RunError, match="both hold t under direct"):
        compared(*runs)


def test_different_subsets_are_paired_on_what_they_share(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "a", {"direct": "cccc------"}), make_run(tmp_path / "b", {"cot": "wcccccc---"})]
    comparison = compared(*runs)
    assert comparison.deltas[0].n == 4
    assert any("3 questions have a record under only one" in note for note in comparison.notes)


def test_empty_arms_and_single_modes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", {"direct": "cccc------", "cot": "wccc------"})
    arm = next(d for d in compared(run).deltas if d.tag == OTHER)
    assert (arm.n, arm.delta, arm.low, arm.p) == (0, None, None, None)
    alone = compared(make_run(tmp_path / "b", {"cot": "c" * 10}))
    assert alone.deltas == []
    assert any("nothing to compare with" in note for note in alone.notes)


def test_a_direct_mode_that_reasons_is_flagged(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "c" * 10, "cot": "c" * 10})
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    for record in records:
        record["completion_tokens"] = 300
    (folder / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    assert any("may reason under direct too" in note for note in compared(folder).notes)


CAUTIONS: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
    "direct is cut": ({"direct": "t" * 40, "cot": "c" * 40}, [("budget", "direct")]),
    "direct is unread": ({"direct": "u" * 40, "cot": "c" * 40}, [("reading", "direct")]),
    "direct is refused": ({"direct": "r" * 40, "cot": "c" * 40}, [("refusal", "direct")]),
    "both in part": ({"direct": "t" * 12 + "u" * 8 + "w" * 20, "cot": "c" * 40}, [("budget", "direct")]),
    "cot is cut": ({"direct": "c" * 40, "cot": "t" * 40}, [("budget", "cot")]),
    "both are cut": ({"direct": "t" * 40, "cot": "t" * 30 + "c" * 10}, [("budget", "direct"), ("budget", "cot")]),
    "most of the gain is from unread ones": (
        {"direct": "u" * 12 + "w" * 4 + "c" * 24, "cot": "c" * 40},
        [("reading", "direct")],
    ),
    "most are refused, some unread": ({"direct": "r" * 25 + "u" * 15, "cot": "c" * 40}, [("refusal", "direct")]),
    "most are unread, some refused": ({"direct": "r" * 15 + "u" * 25, "cot": "c" * 40}, [("reading", "direct")]),
    "little of it is": ({"direct": "u" * 4 + "w" * 16 + "c" * 20, "cot": "c" * 40}, []),
    "who declines has lost no answer": ({"direct": "d" * 40, "cot": "c" * 40}, []),
    "none is": ({"direct": "w" * 30 + "c" * 10, "cot": "c" * 40}, []),
    "programs that fail are what the mode does": ({"direct": "c" * 40, "pal": "x" * 40}, []),
}


@pytest.mark.parametrize("name", CAUTIONS)
def test_a_difference_of_budgets_or_reading_is_named_beside_the_headline(name: str, tmp_path: Path, main: Cli) -> None:
    outcomes, expected = CAUTIONS[name]
    asked = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(40)]
    make_run(tmp_path / "results" / "r", outcomes, questions=asked)
    done = main("report", "--no-plots")
    report = tmp_path / "results" / "r" / "report"
    content = json.loads((report / "report.json").read_text())
    assert [(c["kind"], c["of"]) for c in content["cautions"]] == expected
    headline = answer_of(done.out)
    assert ("helps" in headline or "hurts" in headline) == (not expected)
    for text in (headline, (report / "summary.md").read_text(), (report / "report.html").read_text()):
        for kind, of in expected:
            assert f"difference of {kind}" in text
            assert f"of the answers under {of}" in text
    gated = main("report", "--no-plots", "--no-page", "--fail-if", f"delta[t,{list(outcomes)[1]}] > 2")
    assert gated.code == 0
    assert gated.err.count("more than of reasoning") == len(expected)
    read = content["deltas"][0]["read_n"]
    assert (
        not expected
        or ("none was read under both" if not read else f"on the {read} read under both the difference is") in headline
    )


@pytest.mark.parametrize(
    ("direct", "cot", "words", "never"),
    [
        ("u" * 40, "w" * 40, ["100% of the answers under direct could not be read"], "refused"),
        ("u" * 40, "u" * 40, ["under direct could not be read", "under cot could not be read"], "refused"),
        ("r" * 40, "w" * 40, ["100% of the answers under direct were refused;"], "could not be read"),
        (
            "t" * 40,
            "w" * 40,
            ["100% of the answers under direct were cut at their budget (--max-tokens direct=N gives more)"],
            "refused",
        ),
        ("u" * 30 + "w" * 10, "c" + "w" * 39, ["75% of the answers under direct could not be read"], "refused"),
        ("r" * 20 + "u" * 20, "w" * 40, ["under direct were refused or could not be read"], "cut"),
    ],
)
def test_where_there_is_no_difference_none_is_spoken_of(
    direct: str, cot: str, words: list[str], never: str, tmp_path: Path, main: Cli
) -> None:
    asked = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(40)]
    make_run(tmp_path / "results" / "r", {"direct": direct, "cot": cot}, questions=asked)
    headline = answer_of(main("report", "--no-plots", "--no-page").out)
    assert "no clear effect" in headline
    assert "difference of" not in headline
    assert all(piece in headline for piece in words)
    assert never not in headline


def test_reasoning_that_is_cut_makes_an_effect_and_hides_none(tmp_path: Path) -> None:
    asked = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(40)]
    records = [
        record(q.id, mode, letter, completion_tokens=tokens)
        for mode, letter, tokens in (("direct", "t", 128), ("cot", "c", 150))
        for q in asked
    ]
    [note] = compared(write_run(tmp_path / "r", records, questions=asked)).notes
    assert "may reason under direct too, which, cut or unread, makes an effect" in note


def test_answers_that_are_read_wrong_behind_a_cut_are_of_the_budget(tmp_path: Path) -> None:
    asked = [Question(id=f"t-{i}", task="t", text=f"Question {i}?") for i in range(40)]
    for folder, letter, expected in (
        ("a", "w", [("budget", "direct")]),
        ("b", "c", []),
    ):  # of those read right it says nothing
        rows = [
            record(q.id, mode, letter if mode == "direct" else "c", truncated=mode == "direct")
            for mode in ("direct", "cot")
            for q in asked
        ]
        found = compared(write_run(tmp_path / folder, rows, questions=asked)).cautions
        assert [(c.kind, c.of) for c in found] == expected


@pytest.mark.parametrize("reasoning", ["", "Answer: 1"])
@pytest.mark.parametrize("thinking", [None, False])
def test_a_mode_without_any_visible_text_is_named_beside_the_headline(
    thinking: bool | None, reasoning: str, tmp_path: Path, main: Cli
) -> None:
    folder = tmp_path / "results" / "r"
    make_run(folder, {"direct": "u" * 10, "cot": "c" * 10})
    content = json.loads((folder / "manifest.json").read_text())
    content["spec"]["modes"]["t/direct"] = {"thinking": thinking}
    (folder / "manifest.json").write_text(json.dumps(content))
    rows = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    (folder / "records.jsonl").write_text(
        "".join(json.dumps({**row, "requests": [[row["mode"], 0]]}) + "\n" for row in rows)
    )

    def paths(mode: str, at: int) -> list[Completion]:
        return [
            Completion(
                text="Answer: 1" if mode == "cot" else "",
                reasoning=reasoning if mode == "direct" and at else "",
                finish_reason="stop",
            )
        ]

    write_journal(
        folder, {(q.id, mode): paths(mode, at) for at, q in enumerate(QUESTIONS) for mode in ("direct", "cot")}
    )
    said = next(line for line in main("report", "--no-plots", "--no-page").out.splitlines() if "on t: all" in line)
    assert said.startswith("m on t: all 10 visible texts under direct are empty")
    assert ("although the model was asked not to think" in said) == (thinking is False)
    assert ("9 of them have a reasoning text beside" in said) == bool(reasoning)
    assert said.split(": ")[1].split("; ")[0] in (folder / "report" / "summary.md").read_text()
    refused = [{**row, "outcome": "refused"} if row["mode"] == "direct" else row for row in rows]
    (folder / "records.jsonl").write_text(
        "".join(json.dumps({**row, "requests": [[row["mode"], 0]]}) + "\n" for row in refused)
    )
    assert "visible texts" not in main("report", "--no-plots", "--no-page").out, "refusals have no text as a rule"


def test_the_order_of_records_doesnt_matter(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "wwwcccuwec", "cot": "cccwcctwcg"})
    expected = compared(folder)
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(reversed(lines)))
    assert compared(folder).deltas == expected.deltas


# --- every field by hand --------------------------------------------------------------------------------------------

#                 0123456789   questions 0 to 3 hold an "="
LETTERS_OF = {"direct": "wwwcccuwec", "cot": "cccwcctwcg", "pal": "cnxcwcsap-"}


def whole(comparison: SimpleNamespace, mode: str, tag: str = ALL) -> SimpleNamespace:
    return next(d for d in comparison.deltas if d.mode == mode and d.tag == tag)


def test_every_field_of_a_mode_by_hand(tmp_path: Path) -> None:
    records = [
        record(
            question.id,
            "direct",
            letter,
            prompt_tokens=10 * at,
            completion_tokens=at + 1,
            reasoning_tokens=at if at < 5 else None,
            truncated=letter == "t" or at == 3,
        )
        for at, (question, letter) in enumerate(zip(QUESTIONS, "wwwcccuwec", strict=True))
    ]
    got = next(m for m in compared(write_run(tmp_path / "r", records)).modes if m.tag == ALL)
    # Question 8 failed: 9 are decided, 0 to 7 and 9, of which 6 was not read and 0, 1, 2 and 7 were read by a vague
    # rule.
    low, high = stats.wilson(4, 9)
    assert got == SimpleNamespace(
        model="m",
        task="t",
        mode="direct",
        tag=ALL,
        run="r",
        engine="vllm",
        n=9,
        correct=4,
        accuracy=pytest.approx(4 / 9),
        low=low,
        high=high,
        se=pytest.approx(math.sqrt(4 / 9 * 5 / 9 / 8)),
        unit="question",
        clusters=None,
        strata=None,
        unread=pytest.approx(1 / 9),
        truncated=pytest.approx(1 / 9),
        vague=pytest.approx(4 / 8),
        undecided=1,
        mean_prompt_tokens=pytest.approx(370 / 9),
        median_prompt_tokens=40,
        p95_prompt_tokens=pytest.approx(70 + 0.6 * 20),
        mean_reasoning_tokens=2,
        median_reasoning_tokens=2,
        p95_reasoning_tokens=pytest.approx(3.8),
        mean_completion_tokens=pytest.approx(46 / 9),
        median_completion_tokens=5,
        p95_completion_tokens=pytest.approx(8 + 0.6 * 2),
        tokens_per_correct=pytest.approx(46 / 4),
    )


def test_every_field_of_a_delta_by_hand(tmp_path: Path) -> None:
    comparison = compared(make_run(tmp_path / "r", LETTERS_OF), effect=0.1)
    got = whole(comparison, "cot")
    # Pairs 0 to 7; helped 0, 1, 2, hurt 3, both right 4, 5, neither 6, 7.
    low, high = stats.tango(3, 1, 8)
    se = math.sqrt((4 - 8 * 0.25**2) / 7 / 8)
    # 6 was read in neither; of the other 7 pairs helped 3, hurt 1.
    read_low, read_high = stats.tango(3, 1, 7)
    assert got == SimpleNamespace(
        model="m", task="t", mode="cot", baseline="direct", tag=ALL, group="",
        n=8, both_right=2, helped=3, hurt=1, both_wrong=2,
        delta=pytest.approx(0.25), low=low, high=high, se=pytest.approx(se), p=pytest.approx(10 / 16),
        p_mcnemar=pytest.approx(10 / 16), p_clustered=None,
        p_holm=pytest.approx(1.0), p_bonferroni=pytest.approx(1.0), family=2,
        unit="question", clusters=None, strata=None,
        read_n=7, read_delta=pytest.approx(2 / 7), read_low=read_low, read_high=read_high,
        bound_low=pytest.approx((5 - 4) / 8), bound_high=pytest.approx((6 - 3) / 8),
        mde=pytest.approx((1.959964 + 0.841621) * se), n_needed=math.ceil(8 * ((1.959964 + 0.841621) * se / 0.1) ** 2),
        from_wrong=pytest.approx(2 / 8), from_unread=0, from_cut=0, from_failed=0, token_ratio=pytest.approx(10),
        verdict="no clear effect", why="",
    )  # fmt: skip
    pal = whole(comparison, "pal")
    # direct wwwcccuw against pal cnxcwcsa: helped 0, hurt 4, both right 3 and 5, neither 1, 2, 6, 7; 8 failed, 9 has no
    # record.
    assert (pal.n, pal.helped, pal.hurt, pal.both_right, pal.both_wrong) == (8, 1, 1, 2, 4)
    assert (pal.from_wrong, pal.from_failed) == (0, 0)
    assert pal.read_n == 4
    # Lowest with direct's 6 counted right, highest with pal's 1, 2, 6 and 7.
    assert (pal.bound_low, pal.bound_high) == pytest.approx(((3 - 4) / 8, (7 - 3) / 8))


@pytest.mark.parametrize(
    ("base", "mode", "sources"),
    [
        ("w", "c", {"from_wrong": 1}),
        ("u", "c", {"from_unread": 1}),
        ("r", "c", {"from_unread": 1}),
        ("t", "c", {"from_cut": 1}),
        ("n", "c", {"from_failed": 1}),
        ("a", "c", {"from_failed": 1}),
        ("c", "w", {"from_wrong": -1}),
        ("c", "t", {"from_cut": -1}),
        ("c", "u", {"from_unread": -1}),
        ("c", "p", {"from_failed": -1}),
        ("c", "x", {"from_failed": -1}),
        ("wutnc", "cccct", {"from_wrong": 1, "from_unread": 1, "from_failed": 1}),
        ("wuw", "utc", {"from_wrong": 1}),
    ],
)
def test_where_a_difference_comes_from(base: str, mode: str, sources: dict[str, int], tmp_path: Path) -> None:
    fill = "-" * (10 - len(base))
    got = whole(compared(make_run(tmp_path / "r", {"direct": base + fill, "cot": mode + fill})), "cot")
    parts = {name: getattr(got, name) for name in ("from_wrong", "from_unread", "from_cut", "from_failed")}
    assert parts == pytest.approx({name: sources.get(name, 0) / len(base) for name in parts})
    assert sum(parts.values()) == pytest.approx(got.delta)


def test_every_outcome_has_a_source(tmp_path: Path) -> None:
    """A new outcome must be put to one on purpose: here, none that stands for a program is taken for unread."""
    plain = {"correct", "wrong", "unparsed", "declined", "refused", "truncated", "grader_timeout", "engine_error"}
    for outcome in Outcome:
        lost = structs.replace(record("t-0", "cot", "u"), outcome=outcome)
        comparison = compared(write_run(tmp_path / outcome.value, [record("t-0", "direct", "c"), lost]))
        if outcome.value not in plain:
            assert whole(comparison, "cot").from_failed == -1, outcome
        if outcome.value in ("wrong", "declined"):  # an answer was read: that there is none
            assert whole(comparison, "cot").from_wrong == -1, outcome


def test_a_split_by_hand(tmp_path: Path) -> None:
    comparison = compared(make_run(tmp_path / "r", {"direct": "wwwwccwwwc", "cot": "cccwccwcwc"}))
    got = next(s for s in comparison.splits if s.default)
    # Symbolic, 0 to 3: helped 3 of 4. The others: helped 1 of 6, question 7.
    assert (got.rule, got.timing, got.n_symbolic, got.n_other, got.untagged) == (
        "eq_question",
        "pre-treatment",
        4,
        6,
        0,
    )
    assert (got.delta_symbolic, got.low_symbolic, got.high_symbolic) == (0.75, *stats.tango(3, 0, 4))
    assert (got.delta_other, got.low_other, got.high_other) == (pytest.approx(1 / 6), *stats.tango(1, 0, 6))
    expected = stats.contrast(np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 0, 1, 0, 0]))
    assert (got.difference, got.low, got.high, got.p) == pytest.approx(
        (0.75 - 1 / 6, expected.low, expected.high, expected.p)
    )
    assert (got.p_holm, got.p_bonferroni, got.family) == (got.p, got.p, 1)
    assert got.share == pytest.approx(3 / 4)
    # Four questions in ten, all helped: the arms' own intervals leave room for a total of 0.
    assert (got.share_low, got.share_high) == (None, None)
    assert "too near zero" in got.share_unclear
    others = [s for s in comparison.splits if not s.default]
    assert all((s.p_holm, s.family) == (None, None) for s in others)


def test_a_rule_that_says_nothing_of_some(tmp_path: Path) -> None:
    rule = Rule(name="mine", about="", tag=lambda seen: None if seen.question.id > "t-5" else seen.question.id < "t-2")
    folder = make_run(tmp_path / "r", {"direct": "wwwwccwwwc", "cot": "cccwccwcwc"})
    comparison = compared(folder, rules=[rule], tag_rule="mine")
    got = next(s for s in comparison.splits if s.rule == "mine")
    assert (got.n_symbolic, got.n_other, got.untagged, got.default) == (2, 4, 4, True)
    assert (whole(comparison, "cot").n, whole(comparison, "cot", SYMBOLIC).n, whole(comparison, "cot", OTHER).n) == (
        10,
        2,
        4,
    )
    # The share is of the gain over both arms, without the untagged.
    assert got.share == pytest.approx(2 / 3)
    silent = Rule(name="silent", about="", tag=lambda seen: None)
    comparison = compared(folder, rules=[silent], tag_rule="silent")
    assert whole(comparison, "cot", SYMBOLIC).n == whole(comparison, "cot", OTHER).n == 0
    assert any("silent says nothing" in note for note in comparison.notes)


def test_agreement_by_hand(tmp_path: Path) -> None:
    odd = Rule(
        name="odd", about="", tag=lambda seen: None if seen.question.id == "t-9" else int(seen.question.id[2:]) % 2 == 1
    )
    comparison = compared(make_run(tmp_path / "r", {"direct": "w" * 10}), rules=[odd])
    got = next(a for a in comparison.agreements if (a.rule, a.other) == ("eq_question", "odd"))
    # Of 0 to 8: "=" in 0 to 3, odd are 1, 3, 5, 7.
    assert (got.n, got.both, got.only_rule, got.only_other, got.neither) == (9, 2, 2, 2, 3)
    chance = (4 / 9) ** 2 + (5 / 9) ** 2
    assert got.kappa == pytest.approx((5 / 9 - chance) / (1 - chance))


def test_holm_is_over_the_family_that_is_named(tmp_path: Path) -> None:
    modes = {"direct": "wwwwwwwwcc", "cot": "cccccccccc", "pal": "ccccwwwwcc", "plan-direct": "wwwwwwwwww"}
    comparison = compared(make_run(tmp_path / "a", modes), make_run(tmp_path / "b", modes, model="other"))
    rows = [d for d in comparison.deltas if d.tag == ALL]
    assert comparison.families["all"].startswith("the 6 comparisons")
    assert comparison.families["arms"].startswith("the 12 comparisons")
    assert [row.family for row in rows] == [6] * 6
    assert [row.p_holm for row in rows] == pytest.approx(stats.holm([row.p or 0 for row in rows]))
    assert [row.p_bonferroni for row in rows] == pytest.approx([min(1, 6 * (row.p or 0)) for row in rows])
    arms = [d for d in comparison.deltas if d.tag != ALL]
    assert [row.p_holm for row in arms] == pytest.approx(stats.holm([row.p or 0 for row in arms]))


def test_several_baselines_compare_each_pair_once(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", {"direct": "w" * 10, "cot": "c" * 10, "pal": "c" * 5 + "w" * 5})
    pairs = [(d.baseline, d.mode) for d in compared(folder, baselines=("direct", "cot")).deltas if d.tag == ALL]
    assert pairs == [("direct", "cot"), ("direct", "pal"), ("cot", "pal")]


# --- odd runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcomes",
    [
        {"direct": "c---------", "cot": "w---------"},
        {"direct": "c---------", "cot": "-c--------"},
        {"direct": "----------", "cot": "cccccccccc"},
        {"direct": "eeeeeeeeee", "cot": "cccccccccc"},
        {"direct": "gggggggggg", "cot": "gggggggggg"},
        {"direct": "uuuuuuuuuu", "cot": "tttttttttt"},
        {"direct": "cccccccccc", "cot": "cccccccccc"},
        {"direct": "wwwwwwwwww", "cot": "cccccccccc"},
        {"direct": "cccc------", "cot": "wwww------"},
        {"direct": "----cc----", "cot": "----wc----"},
        {"cot": "cwcwcwcwcw"},
        {"direct": "cccwww----", "cot": "----wwwccc", "pal": "nnnnnnnnnn"},
    ],
    ids=lambda outcomes: "/".join(outcomes.values()),
)
@pytest.mark.parametrize("clusters", ["", "own", "one", "two"])
def test_no_run_is_too_odd(outcomes: dict[str, str], clusters: str, tmp_path: Path) -> None:
    """No warnings (they are errors here), no NaN, and None where there is nothing to estimate."""
    name = {"": lambda at: "", "own": str, "one": lambda at: "x", "two": lambda at: str(at % 2)}[clusters]
    questions = [replace(q, cluster=name(at), group=name(at) and f"g{name(at)}") for at, q in enumerate(QUESTIONS)]
    comparison = compared(make_run(tmp_path / "r", outcomes, questions=questions))
    for row in [*comparison.deltas, *comparison.groups]:
        numbers = (row.delta, row.low, row.high, row.p_mcnemar)
        assert all(x is None for x in numbers) if row.n == 0 else all(x is not None for x in numbers)
        # One cluster, or one pair of them, has no test; its interval is all there may be.
        assert (row.p is None) == (row.n == 0 or (row.clusters is not None and row.se is None))
        assert row.p is not None or row.n == 0 or (row.low, row.high) == (-1, 1)
        assert (row.read_delta is None) == (row.read_n == 0)
        if row.low is not None and row.high is not None and row.delta is not None:
            assert -1 <= row.low <= row.delta <= row.high <= 1
            assert row.high - row.low > 0.01
        assert (row.bound_low or 0) <= (row.delta or 0) + 1e-12
        assert (row.delta or 0) <= (row.bound_high or 0) + 1e-12
    for split in comparison.splits:
        assert (split.difference is None) == (not split.n_symbolic or not split.n_other)
        assert (split.share_low is None) == bool(split.share_unclear)
    for policy in comparison.policies:
        assert 0 <= policy.low <= policy.accuracy + 1e-12
        assert policy.accuracy <= policy.high + 1e-12


def test_unknown_tokens(tmp_path: Path) -> None:
    records = [
        record(q.id, mode, "c", prompt_tokens=None, completion_tokens=None if mode == "cot" or at < 3 else 5)
        for at, q in enumerate(QUESTIONS)
        for mode in ("direct", "cot")
    ]
    comparison = compared(write_run(tmp_path / "r", records))
    direct, cot = (next(m for m in comparison.modes if (m.mode, m.tag) == (mode, ALL)) for mode in ("direct", "cot"))
    assert (direct.mean_completion_tokens, direct.mean_prompt_tokens) == (5, None)
    assert (cot.mean_completion_tokens, cot.tokens_per_correct, cot.p95_completion_tokens) == (None, None, None)
    assert whole(comparison, "cot").token_ratio is None


def test_a_crashed_run_is_half_a_run_and_says_so(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "r", {"direct": "wwwcccuwec", "cot": "ccc-------"}, status="running")
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    comparison = compared(folder)
    assert whole(comparison, "cot").n == 2
    assert any("not finished (killed)" in note for note in comparison.notes)
    assert any("8 questions have a record under only one" in note for note in comparison.notes)


@pytest.mark.parametrize("generalise", ["", "subject"])
def test_subjects_are_compared_by_their_questions(generalise: str, tmp_path: Path) -> None:
    """Also on the pairs that were read in both: with the one cluster there is, that interval was -1 to 1."""
    questions = [replace(q, group=f"g{at % 2}", cluster=f"g{at % 2}") for at, q in enumerate(QUESTIONS)]
    folder = make_run(tmp_path / "r", {"direct": "wwwcccuwwc", "cot": "cccwcctwcc"}, questions=questions)
    comparison = compared(folder, generalise=generalise)
    of_all = whole(comparison, "cot")
    expected = ("subject", 2, None) if generalise else ("question", None, 2)
    assert (of_all.unit, of_all.clusters, of_all.strata) == expected
    # g0 holds 0, 2, 4, 6, 8: helped 0, 2 and 8; 6 was read in neither. g1 holds 1, 3, 5, 7, 9: helped 1, hurt 3.
    first, second = comparison.groups
    assert (first.group, first.n, first.helped, first.hurt, first.unit) == ("g0", 5, 3, 0, "question")
    assert (first.clusters, first.strata) == (None, None)
    assert (first.low, first.high) == stats.tango(3, 0, 5)
    assert (first.read_n, first.read_low, first.read_high) == (4, *stats.tango(3, 0, 4))
    assert (second.read_n, second.read_low, second.read_high) == (5, *stats.tango(1, 1, 5))
    assert [row.family for row in comparison.groups] == [2, 2]


# --- the same numbers with pandas ---------------------------------------------------------------------------------


def frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and questions as they stand in the files."""
    records, questions = (
        pd.DataFrame([json.loads(line) for line in (folder / name).read_text().splitlines()])
        for name in ("records.jsonl", "questions.jsonl")
    )
    texts = questions.apply(lambda row: [row["text"], *row["choices"]], axis=1)
    questions["symbolic"] = [is_symbolic(Question(id="", task="", text=t[0], choices=tuple(t[1:]))) for t in texts]
    records["right"] = records["outcome"] == "correct"
    records["decided"] = ~records["outcome"].isin(["engine_error", "grader_timeout"])
    records["read"] = records["answer"].notna()
    return records, questions.set_index("id")


def close(got: float | None, expected: float | None) -> bool:
    if expected is None or (isinstance(expected, float) and math.isnan(expected)):
        return got is None
    return got is not None and got == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


Drawn = tuple[list[str] | None, list[str] | None]


def drawn_by(questions: pd.DataFrame, asked: Sequence[str], group: str = "") -> Drawn:
    """Names of clusters and of strata of some questions, None where there are none."""
    mine = questions.loc[asked]
    real = any(cluster not in ("", own) for cluster, own in zip(questions["cluster"], questions["group"], strict=True))
    clusters = [name or f"alone {at}" for at, name in enumerate(mine["cluster"])] if real else None
    if group:
        return (clusters if clusters and len(set(clusters)) > 1 else None), None
    return clusters, (mine["group"].tolist() if questions["group"].nunique() > 1 else None)


def homes_of(n: int, drawn: Drawn, least: int = 2) -> list[str]:
    """The stratum of each question: those joined that share a cluster, and those that hold too little."""
    clusters, strata = drawn
    names = clusters or [str(at) for at in range(n)]
    homes = list(strata or [""] * n)
    changed = True
    while changed:
        changed = False
        for at, other in itertools.product(range(n), repeat=2):
            if names[at] == names[other] and homes[at] != homes[other]:
                both = (homes[at], homes[other])
                homes = [min(both) if home in both else home for home in homes]
                changed = True
    held = {home: len({name for name, its in zip(names, homes, strict=True) if its == home}) for home in homes}
    single = [home for home in held if held[home] < least]
    if single and sum(held[home] for home in single) < least and len(single) < len(held):
        size = min(held[home] for home in held if home not in single)
        target = next(home for home in sorted(held) if home not in single and held[home] == size)
        return [target if home in single else home for home in homes]
    return ["of one" if home in single else home for home in homes]


def spread(values: Sequence[float], drawn: Drawn) -> tuple[float | None, float | None, float | None]:
    """Standard error, degrees of freedom and p of a mean, with matrices: a regression on what stratum a question is."""
    y = np.array(values, dtype=float)
    n, homes = len(y), homes_of(len(y), drawn)
    names = np.array(drawn[0] or [str(at) for at in range(n)])
    if len(np.unique(names)) < 2:
        return None, None, None
    design = np.array([[float(home == one) for one in sorted(set(homes))] for home in homes])
    value, variance, df = brute_cr2(design, y, names, design.sum(axis=0) / n)
    se = math.sqrt(variance)
    from scipy import stats as scipy_stats

    return se, df, float(2 * scipy_stats.t.sf(abs(value) / se, df)) if se > 1e-12 else None


def put_together(n: int, drawn: Drawn, of_all: tuple[float, float], parts: Any) -> tuple[float, float]:
    """The narrower of two intervals: that of all questions, and one of its strata's. parts: value and ends of some."""
    if drawn[1] is None:
        return of_all
    homes, value, below, above = homes_of(n, drawn, least=50), 0.0, 0.0, 0.0
    for home in set(homes):
        places = [at for at, own in enumerate(homes) if own == home]
        own, low, high = parts(places)
        value += len(places) / n * own
        below += (len(places) / n * (own - low)) ** 2
        above += (len(places) / n * (high - own)) ** 2
    low, high = value - math.sqrt(below), value + math.sqrt(above)
    return (low, high) if high - low < of_all[1] - of_all[0] else of_all


def check_mode(got: SimpleNamespace, records: pd.DataFrame, questions: pd.DataFrame) -> None:
    mine = records[(records["mode"] == got.mode) & records["question"].isin(of_tag(questions, got.tag))]
    decided = mine[mine["decided"]]
    n = len(decided)
    assert (got.n, got.correct, got.undecided) == (n, decided["right"].sum(), len(mine) - n)
    if not n:
        assert got.accuracy is None
        return
    assert close(got.accuracy, decided["right"].mean())
    right, drawn = decided["right"].to_numpy(dtype=float), drawn_by(questions, decided["question"].tolist())
    se, df, _ = spread(right.tolist(), drawn)
    assert close(got.se, 0.0 if se is not None and se < 1e-12 else se)
    clusters = set(drawn[0] or ())
    assert (got.unit, got.clusters) == (("cluster", len(clusters)) if clusters else ("question", None))
    assert got.strata == (len(set(drawn[1])) if drawn[1] else None)
    p, ends = right.mean(), stats.wilson(got.correct, n)
    if clusters and se is None and n > 1:
        ends = (0, 1)
    elif clusters and se and se > 1e-12 and df:
        from scipy import stats as scipy_stats

        # The roots of (p - x)^2 = t^2 x (1 - x) / m, with m as many independent questions as have this standard error.
        t2, m = scipy_stats.t.ppf(0.975, df) ** 2, min(n, p * (1 - p) / se**2)
        ends = tuple(sorted(np.roots([1 + t2 / m, -2 * p - t2 / m, p * p]).real.tolist()))
    assert (got.low, got.high) == pytest.approx(ends, rel=1e-9, abs=1e-9)
    assert close(got.unread, 1 - decided["read"].mean())
    assert close(got.truncated, decided["truncated"].mean())
    read = decided[decided["read"]]
    assert close(got.vague, read["rule"].isin(VAGUE).mean() if len(read) else None)
    for kind in ("prompt", "reasoning", "completion"):
        tokens = pd.to_numeric(decided[f"{kind}_tokens"]).dropna()
        assert close(getattr(got, f"mean_{kind}_tokens"), tokens.mean())
        assert close(getattr(got, f"median_{kind}_tokens"), tokens.median())
        assert close(getattr(got, f"p95_{kind}_tokens"), tokens.quantile(0.95))
    per_question = pd.to_numeric(decided["completion_tokens"]).mean()
    assert close(got.tokens_per_correct, per_question * n / got.correct if got.correct else None)


def of_tag(questions: pd.DataFrame, tag: str) -> pd.Index[str]:
    if tag == ALL:
        return questions.index
    return questions.index[questions["symbolic"] == (tag == SYMBOLIC)]


def check_delta(got: SimpleNamespace, records: pd.DataFrame, questions: pd.DataFrame, effect: float) -> None:
    asked = questions[questions["group"] == got.group].index if got.group else of_tag(questions, got.tag)
    pairs = pd.merge(
        *(records[(records["mode"] == mode) & records["decided"]] for mode in (got.mode, got.baseline)), on="question"
    )
    pairs = pairs[pairs["question"].isin(asked)]
    after, before = pairs["right_x"].astype(bool), pairs["right_y"].astype(bool)
    n, helped, hurt = len(pairs), int((after & ~before).sum()), int((before & ~after).sum())
    assert (got.n, got.helped, got.hurt) == (n, helped, hurt)
    assert (got.both_right, got.both_wrong) == ((after & before).sum(), (~after & ~before).sum())
    if not n:
        assert got.delta is got.low is got.p is got.bound_low is None
        return
    differences = after.astype(int) - before.astype(int)
    assert close(got.delta, differences.mean())
    assert close(got.p_mcnemar, stats.mcnemar_exact(helped, hurt))
    drawn = drawn_by(questions, pairs["question"].tolist(), got.group)
    clustered = drawn[0] is not None
    se, df, p = spread(differences.tolist(), drawn)
    assert close(got.se, 0.0 if se is not None and se < 1e-12 else se)
    assert close(got.p_clustered, p if clustered else None)
    assert close(got.p, p if clustered and (se is None or se > 1e-12) else got.p_mcnemar)
    assert (got.unit, got.clusters) == (("cluster", len(set(drawn[0]))) if drawn[0] else ("question", None))
    assert got.strata == (len(set(drawn[1])) if drawn[1] else None)
    if n > 1 and (not clustered or (se is not None and se < 1e-12)):

        def part(at: list[int]) -> tuple[float, float, float]:
            own = differences.to_numpy()[at]
            return own.mean(), *stats.tango(int((own > 0).sum()), int((own < 0).sum()), len(at))

        of_all = stats.tango(helped, hurt, n)
        expected = of_all if clustered else put_together(n, drawn, of_all, part)
        assert (got.low, got.high) == pytest.approx(expected)
    elif se is not None and df is not None:
        from scipy import stats as scipy_stats

        reach = scipy_stats.t.ppf(0.975, df) * se
        assert (got.low, got.high) == pytest.approx(
            (max(-1, differences.mean() - reach), min(1, differences.mean() + reach))
        )
    else:
        assert (got.low, got.high) == (-1, 1)
    if se is not None and se > 1e-12:
        assert close(got.mde, 2.8015852183 * se) or got.mde == pytest.approx(2.8015852 * se, rel=1e-6)
        assert got.n_needed == pytest.approx(math.ceil(n * (2.8015852 * se / effect) ** 2), abs=1)
    both = pairs[pairs["read_x"] & pairs["read_y"]]
    assert got.read_n == len(both)
    assert close(
        got.read_delta, (both["right_x"].astype(int) - both["right_y"].astype(int)).mean() if len(both) else None
    )
    assert close(got.bound_low, (after.astype(int) - (before | ~pairs["read_y"]).astype(int)).mean())
    assert close(got.bound_high, ((after | ~pairs["read_x"]).astype(int) - before.astype(int)).mean())
    sources = [got.from_wrong, got.from_unread, got.from_cut, got.from_failed]
    assert sum(x or 0 for x in sources) == pytest.approx(got.delta)
    lost, won = pairs[before & ~after]["outcome_x"], pairs[after & ~before]["outcome_y"]
    assert close(got.from_wrong, ((won == "wrong").sum() - (lost == "wrong").sum()) / n)
    assert close(got.from_cut, ((won == "truncated").sum() - (lost == "truncated").sum()) / n)
    counted = pairs[pairs["completion_tokens_x"].notna() & pairs["completion_tokens_y"].notna()]
    here, there = (pd.to_numeric(counted[f"completion_tokens_{side}"]).sum() for side in "xy")
    assert close(got.token_ratio, here / there)


def check_all(comparison: SimpleNamespace, folder: Path) -> None:
    records, questions = frames(folder)
    modes = list(dict.fromkeys(records["mode"]))
    assert {(m.mode, m.tag) for m in comparison.modes} == set(itertools.product(modes, (ALL, SYMBOLIC, OTHER)))
    for mode in comparison.modes:
        check_mode(mode, records, questions)
    baseline = next(mode for mode in modes if base_of(mode) == "direct")
    assert {(d.mode, d.tag) for d in comparison.deltas} == {
        (mode, tag) for mode in modes if mode != baseline for tag in (ALL, SYMBOLIC, OTHER)
    }
    groups = sorted({g for g in questions["group"] if g})
    assert [(d.mode, d.group) for d in comparison.groups] == [(m, g) for m in modes if m != baseline for g in groups]
    for delta in [*comparison.deltas, *comparison.groups]:
        check_delta(delta, records, questions, comparison.effect)
    for family in (
        [d for d in comparison.deltas if d.tag == ALL],
        [d for d in comparison.deltas if d.tag != ALL],
        *([d for d in comparison.groups if d.mode == mode] for mode in modes),
        [s for s in comparison.splits if s.default],
    ):
        tested = [row for row in family if row.p is not None]  # type: ignore[attr-defined]
        p = [row.p for row in tested]  # type: ignore[attr-defined]
        assert [row.p_holm for row in tested] == pytest.approx(stats.holm(p))
        assert [row.p_bonferroni for row in tested] == pytest.approx(stats.bonferroni(p))
        assert all(row.family == len(p) for row in tested)
    for split in comparison.splits:
        tags = {
            identity: RULES[split.rule].tag(
                Seen(question=Question(id="", task="sample", text=q["text"], choices=tuple(q["choices"])))
            )
            for identity, q in questions.iterrows()
        }
        if split.timing == "post-treatment":
            continue  # test_tagging.py recomputes these
        pairs = pd.merge(
            *(records[(records["mode"] == mode) & records["decided"]] for mode in (split.mode, baseline)), on="question"
        )
        pairs["difference"] = pairs["right_x"].astype(int) - pairs["right_y"].astype(int)
        pairs["tag"] = [tags[identity] for identity in pairs["question"]]
        inside, outside = (pairs[pairs["tag"] == tag]["difference"] for tag in (True, False))
        assert (split.n_symbolic, split.n_other) == (len(inside), len(outside))
        assert close(split.delta_symbolic, inside.mean() if len(inside) else None)
        assert close(split.delta_other, outside.mean() if len(outside) else None)
        assert close(split.difference, inside.mean() - outside.mean() if len(inside) and len(outside) else None)
        total = inside.sum() + outside.sum()
        assert close(split.share, inside.sum() / total if len(inside) and len(outside) and total else None)


@pytest.mark.patient
@pytest.mark.parametrize("seed", range(7))
def test_every_number_once_more_on_made_up_runs(seed: int, tmp_path: Path) -> None:
    """With clusters of all kinds, subjects, unknown tokens, and questions that one mode or the other lacks."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 70)) if seed < 5 else 180  # enough for strata that have an interval of their own
    questions = [
        Question(
            id=f"q{at:03}", task="t", text=f"x {'=' if rng.random() < 0.4 else 'is'} {at}?",
            group=f"g{rng.choice(3, p=[0.48, 0.48, 0.04])}" if seed % 2 or seed == 6 else "",
            cluster=("", f"c{rng.integers(0, 6)}", f"c{at // 2}" if rng.random() < 0.5 else "")[seed % 3],
        )
        for at in range(n)
    ]  # fmt: skip
    records = [
        record(
            q.id,
            mode,
            rng.choice(list("ccccwwwutegrnxsap" if mode == "pal" else "cccwwwuteg")),
            completion_tokens=None if seed == 4 and rng.random() < 0.3 else int(rng.integers(1, 200)),
            prompt_tokens=int(rng.integers(1, 50)),
            reasoning_tokens=int(rng.integers(0, 20)) if rng.random() < 0.5 else None,
            truncated=bool(rng.random() < 0.2),
            rule=str(rng.choice([*sorted(VAGUE)[:2], "contract"])),
        )
        for mode in ("direct", "cot", "pal")
        for q in questions
        if rng.random() < 0.93
    ]
    folder = write_run(tmp_path / "r", records, questions=questions)
    check_all(compared(folder, effect=0.05), folder)


@pytest.mark.patient
def test_every_number_once_more_on_a_stub_run(tmp_path: Path) -> None:
    done = run_cli(
        "run",
        "--model",
        "stub",
        "--task",
        "sample",
        "--mode",
        "direct,cot,self-consistency,plan-direct",
        "--output-dir",
        tmp_path,
    )
    assert done.code == 0, done.err
    [folder] = tmp_path.iterdir()
    comparison = compared(folder)
    assert comparison.stub
    check_all(comparison, folder)


# --- the report's files and words ---------------------------------------------------------------------------------


def test_report_files_and_words(tmp_path: Path, main: Cli) -> None:
    folder = make_run(tmp_path / "results" / "a", {"direct": "wwwwwwuwwc", "cot": "ccccccttcc"})
    done = main("report", "a")
    assert done.code == 0, done.err
    # Tango's interval of 7 helped and none hurt of 10.
    low, high = stats.tango(7, 0, 10)
    ends = f"{100 * low:+.1f} to {100 * high:+.1f}"
    answer = answer_of(done.out)
    assert answer.startswith(f"CoT helps on t by 70.0 points ({ends}; n = 10; over all readings +60.0 to +90.0)")
    assert answer.endswith("CoT takes 10x the tokens.")
    report = folder / "report"
    assert {"summary.csv", "summary.md"} <= {p.name for p in report.iterdir()}
    assert "| +100.0 |" in (report / "summary.md").read_text()
    frame = pd.read_csv(report / "summary.csv")
    assert frame[(frame["mode"] == "cot") & (frame["tag"] == "all")].iloc[0]["accuracy"] == 0.8
    pairs = pd.read_csv(report / "deltas.csv")
    row = pairs[(pairs["mode"] == "cot") & (pairs["tag"] == "all")].iloc[0]
    assert (row["helped"], row["hurt"], row["low"], row["high"]) == pytest.approx((7, 0, low, high))


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


def test_pairs_hold_for_every_small_table() -> None:
    """Brute force over all 2x2 tables with up to 4 in a cell: the paired mean is the difference of the accuracies."""
    for a, b, c, d in itertools.product(range(5), repeat=4):
        n = a + b + c + d
        if n:
            differences = np.array([0.0] * a + [1] * b + [-1] * c + [0] * d)
            assert stats.paired(differences).value == pytest.approx((a + b) / n - (a + c) / n)
