"""What arms were shown of what answers rest on, and passages x thought: figures by hand, or by plain SciPy."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from handmade import make_record, write_run
from msgspec import structs
from scipy import stats as scipy_stats
from test_page_browser import Tab, no_browser, tab  # noqa: F401

from cotbench.analysis import bounded, means, stats
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.factorial import PASSAGES, THINKING
from cotbench.analysis.lint import Asked, lint
from cotbench.analysis.pairing import load_run
from cotbench.analysis.recall import Recall
from cotbench.modes import find_mode
from cotbench.report import factorial, recall
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.store.manifest import read_manifest
from cotbench.store.passages import ShownPassage, ShownPassages, write_passages
from cotbench.store.questions import read_questions
from cotbench.store.records import read_records
from cotbench.types import Question

TEN = 10
RETRIEVED = "retrieved, k 2, corpus task"
# How many of a question's two supporting passages were found among the two that are shown.
HITS = [2, 2, 2, 2, 1, 1, 1, 0, 0, 0]
ARMS = {
    "direct@answer=begun@context=none": "ccwwwwwwww",
    "direct@answer=begun@context=retrieved@k=2": "cccwwcwwww",
    "cot@context=none": "wcccwwwwww",
    "cot@context=retrieved@k=2": "ccccccwwcw",
}


def shown(name: str, hits: Sequence[int], supporting: int = 2, size: int = 2) -> list[ShownPassages]:
    """What is shown with each question: so many passages, of which the first ones are supporting."""
    return [
        ShownPassages(
            question=f"t-{number:02}",
            context=name,
            supporting=supporting,
            passages=tuple(
                ShownPassage(
                    title=f"P{place}",
                    text=f"<b>Text {place}</b> of {number}.",
                    supports=place < hit,
                    score=9.5 - place,
                )
                for place in range(size)
            ),
        )
        for number, hit in enumerate(hits)
    ]


def written(
    folder: Path, arms: Mapping[str, str] = ARMS, rows: Sequence[ShownPassages] = (), clusters: Sequence[str] = ()
) -> Path:
    """Write a run. arms: c right, w wrong, e failed, a letter a question."""
    named = clusters or [""] * TEN
    questions = [Question(id=f"t-{i:02}", task="t", text=f"Question {i}?", cluster=named[i]) for i in range(TEN)]
    words = {"c": "correct", "w": "wrong", "e": "engine_error"}
    records = [
        make_record(
            question=question.id, task="t", mode=mode, outcome=words[letter], gold="1", rule="contract",
            answer={"c": "1", "w": "2"}.get(letter), prompt_tokens=100, completion_tokens=5,
        )
        for mode, letters in arms.items()
        for question, letter in zip(questions, letters, strict=True)
    ]  # fmt: skip
    write_run(folder, questions, records)
    manifest = read_manifest(folder)
    facts = {}
    for mode in arms:
        arm = find_mode(mode)
        manifest.spec_row["modes"][f"t/{mode}"] = {
            "prompt": arm.own.template, "sampling": {"max_tokens": 99, "temperature": 0.0, "top_p": 1.0, "n": 1},
        }  # fmt: skip
        facts[mode] = {**arm.facts.as_dict(), "thinks": "off"}
    structs.replace(manifest, modes=facts).write(folder)
    write_passages(folder, rows or shown(RETRIEVED, HITS))
    return folder


def compared(*folders: Path, **given: Any) -> Comparison:
    return compare([load_run(folder) for folder in folders], **given)


def row_of(comparison: Comparison, mode: str) -> Recall:
    [row] = [row for row in comparison.recalls if row.mode == mode]
    return row


# --- recall -------------------------------------------------------------------------------------------------------


def test_recall_is_the_mean_share_of_supporting_passages_with_a_t_interval(tmp_path: Path) -> None:
    row = row_of(compared(written(tmp_path / "r")), "cot@context=retrieved@k=2")
    shares = np.array(HITS) / 2
    low, high = scipy_stats.t.interval(0.95, TEN - 1, shares.mean(), scipy_stats.sem(shares))
    assert (row.n, row.supporting, row.shown, row.context) == (TEN, 2.0, 2.0, RETRIEVED)
    assert (row.recall.value, row.recall.low, row.recall.high) == pytest.approx((0.55, low, high))
    assert row.precision == pytest.approx(11 / 20)
    assert (row.all_found.value, row.all_found.low, row.all_found.high) == pytest.approx((0.4, *stats.wilson(4, 10)))


def test_accuracy_is_split_by_whether_all_was_shown(tmp_path: Path) -> None:
    row = row_of(compared(written(tmp_path / "r")), "cot@context=retrieved@k=2")
    assert (row.n_found, row.right_found.value) == (4, 1.0)
    assert (row.n_lacking, row.right_lacking.value) == (6, pytest.approx(3 / 6))
    assert row.right_lacking.low == pytest.approx(stats.wilson(3, 6)[0])


def test_arms_that_show_nothing_have_no_recall(tmp_path: Path) -> None:
    comparison = compared(written(tmp_path / "r"))
    assert [row.mode for row in comparison.recalls] == [mode for mode in ARMS if "retrieved" in mode]
    (tmp_path / "r" / "passages.jsonl").unlink()
    bare = compared(tmp_path / "r")
    assert bare.recalls == bare.supports == []
    assert bare.effects, "what arms are called is enough for the square"
    [note] = [note for note in bare.notes if "passages.jsonl" in note]
    assert note.endswith(f"cotbench run --resume {tmp_path / 'r'}")
    assert not any("passages.jsonl" in note for note in comparison.notes)


def test_questions_without_a_verdict_and_without_support_are_left_out(tmp_path: Path) -> None:
    arms = ARMS | {"cot@context=retrieved@k=2": "ecccccwwcw"}
    rows = shown(RETRIEVED, HITS)
    rows[9] = structs.replace(rows[9], supporting=0)
    row = row_of(compared(written(tmp_path / "r", arms, rows)), "cot@context=retrieved@k=2")
    assert row.n == 8
    assert row.recall.value == pytest.approx(np.mean(HITS[1:9]) / 2)


def test_with_clusters_recall_is_clustered(tmp_path: Path) -> None:
    names = [f"c{number // 2}" for number in range(TEN)]
    clustered = row_of(compared(written(tmp_path / "r", clusters=names)), "cot@context=retrieved@k=2").recall
    expected = stats.mean(np.array(HITS) / 2, clusters=np.arange(TEN) // 2, bound=1.0)
    assert clustered.se == pytest.approx(expected.se)
    assert clustered.se is not None and clustered.se > scipy_stats.sem(np.array(HITS) / 2)


def test_all_that_is_shown_of_gold_is_supporting(tmp_path: Path) -> None:
    arms = {mode.replace("retrieved@k=2", "gold"): letters for mode, letters in ARMS.items()}
    comparison = compared(written(tmp_path / "r", arms, shown("gold", [2] * TEN)))
    row = row_of(comparison, "cot@context=gold")
    assert (row.recall.value, row.recall.low, row.recall.high, row.precision) == (1.0, 1.0, 1.0, 1.0)
    assert (row.n_lacking, row.right_lacking.value) == (0, None)
    assert comparison.supports == []
    assert recall.sentences(comparison) == []


def test_what_thought_changes_is_told_apart_by_support(tmp_path: Path) -> None:
    comparison = compared(written(tmp_path / "r"))
    got = {(row.mode, row.baseline, row.support): row for row in comparison.supports}
    pair = ("cot@context=retrieved@k=2", "direct@answer=begun@context=retrieved@k=2")
    assert set(got) == {(*pair, "found"), (*pair, "lacking")}
    found, lacking = got[*pair, "found"], got[*pair, "lacking"]
    assert (found.n, found.delta.value, found.helped, found.hurt) == (4, 0.25, 1, 0)
    assert (lacking.n, lacking.helped, lacking.hurt) == (6, 2, 0)
    assert lacking.delta.value == pytest.approx(2 / 6)
    assert (found.delta.low, found.delta.high) == pytest.approx(stats.tango(1, 0, 4))


# --- what is compared with what -----------------------------------------------------------------------------------


def test_arms_are_compared_with_the_baseline_that_was_shown_the_same(tmp_path: Path) -> None:
    pairs = [(row.mode, row.baseline) for row in compared(written(tmp_path / "r")).deltas if row.tag == "all"]
    none, found = "direct@answer=begun@context=none", "direct@answer=begun@context=retrieved@k=2"
    assert pairs == [(found, none), ("cot@context=none", none), ("cot@context=retrieved@k=2", found)]


def test_another_baseline_is_had_where_it_is_asked_for(tmp_path: Path) -> None:
    none = "direct@answer=begun@context=none"
    comparison = compared(written(tmp_path / "r"), asked=[none])
    pairs = [(row.mode, row.baseline) for row in comparison.deltas if row.tag == "all"]
    assert ("cot@context=retrieved@k=2", none) in pairs
    without = {mode: letters for mode, letters in ARMS.items() if mode != "direct@answer=begun@context=retrieved@k=2"}
    pairs = [(row.mode, row.baseline) for row in compared(written(tmp_path / "s", without)).deltas if row.tag == "all"]
    assert ("cot@context=retrieved@k=2", none) in pairs, "there is no other to compare it with"


def test_the_main_table_says_what_arms_with_passages_are_compared_with(main: Cli, tmp_path: Path) -> None:
    told = "An arm that shows passages is compared with the baseline that shows the same ones."
    folder = written(tmp_path / "r")
    said = main("report", folder, "--no-plots", "--no-page").out
    assert told in " ".join(said.split())
    assert told in (folder / "report" / "summary.md").read_text()
    none = {mode: letters for mode, letters in ARMS.items() if "none" in mode}
    assert told not in " ".join(main("report", written(tmp_path / "s", none), "--no-plots", "--no-page").out.split())


# --- passages x thought -------------------------------------------------------------------------------------------


def test_the_square_of_passages_and_thought_by_hand(tmp_path: Path) -> None:
    effects = {(e.effect, e.under): e for e in compared(written(tmp_path / "r")).effects}
    got = {place: (e.difference.value, e.helped, e.hurt) for place, e in effects.items()}
    assert got == {
        ("passages", "direct"): (pytest.approx(0.2), 2, 0),
        ("passages", "cot"): (pytest.approx(0.4), 4, 0),
        ("prompt", "none"): (pytest.approx(0.1), 2, 1),
        ("prompt", RETRIEVED): (pytest.approx(0.3), 3, 0),
        ("interaction", ""): (pytest.approx(0.2), None, None),
    }
    between = effects["interaction", ""]
    assert (between.factor, between.thinking, between.context) == (PASSAGES, "", RETRIEVED)
    assert (between.mode, between.baseline) == ("cot@context=retrieved@k=2", "direct@answer=begun@context=none")
    arms = {mode: np.array([letter == "c" for letter in letters], dtype=float) for mode, letters in ARMS.items()}
    direct, direct_found, cot, cot_found = arms.values()
    expected = bounded.estimate((cot_found - cot) - (direct_found - direct))
    assert (between.difference.low, between.difference.high, between.difference.p) == (
        expected.low, expected.high, expected.p,
    )  # fmt: skip


def test_each_context_is_a_square_and_only_arms_of_which_one_reasons(tmp_path: Path) -> None:
    arms = ARMS | {
        "direct@answer=begun@context=gold": "c" * 10,
        "cot@context=gold": "c" * 10,
        "draft@context=none": "w" * 10,
        "draft@context=gold": "c" * 10,
        "pal@context=all": "c" * 10,
    }
    rows = [*shown(RETRIEVED, HITS), *shown("gold", [2] * TEN)]
    comparison = compared(written(tmp_path / "r", arms, rows))
    assert {(e.first, e.second, e.context) for e in comparison.effects} == {
        ("direct", "cot", RETRIEVED), ("direct", "cot", "gold"), ("direct", "draft", "gold"),
    }  # fmt: skip
    assert len(factorial.sentences(comparison)) == 2  # of direct and cot the retrieved passages, which one can have


def test_thinking_and_passages_are_families_of_tests_of_their_own(tmp_path: Path) -> None:
    comparison = compared(written(tmp_path / "r"))
    simple = [e for e in comparison.effects if e.effect != "interaction"]
    assert {e.family for e in simple} == {4}
    assert {e.factor for e in comparison.effects} == {PASSAGES}
    assert THINKING not in {e.effect for e in comparison.effects}


def test_sentences_say_what_was_found_and_whether_it_adds_up(tmp_path: Path) -> None:
    said = headlines(compared(written(tmp_path / "r")))
    [square] = [text for text in said if text.startswith("Passages x thought")]
    assert "retrieved passages (k 2, corpus task) have no clear effect (+20.0 points" in square
    assert "together bring +50.0 points, 20.0 points more than the sum of what each brings alone" in square
    [found] = [text for text in said if text.startswith("Retrieval on t")]
    assert found.startswith(
        "Retrieval on t (10 questions; retrieved, k 2, corpus task): 55.0% of the passages that answers rest on were "
    )
    assert "all of them for 40.0% of questions" in found


def test_mean_scores_stand_beside_exact_match_where_answers_are_partly_right(tmp_path: Path) -> None:
    folder = written(tmp_path / "r")
    rows = read_records(folder, read_manifest(folder), *read_questions(folder, read_manifest(folder)))
    part = {("t-04", "cot@context=none"): 0.5, ("t-09", "cot@context=retrieved@k=2"): 0.25}
    scores = [part.get((row.question, row.mode)) for row in rows]
    changed = [
        row if score is None else structs.replace(row, score=score) for row, score in zip(rows, scores, strict=True)
    ]
    (folder / "records.jsonl").write_bytes(b"".join(row.line() for row in changed))
    comparison = compared(folder)
    row = row_of(comparison, "cot@context=retrieved@k=2")
    assert (row.right.value, row.score.value) == (pytest.approx(0.7), pytest.approx(0.725))
    assert (row.score_found, row.score_lacking) == (1.0, pytest.approx(3.25 / 6))
    effects = {(e.effect, e.under): e for e in comparison.effects}
    assert effects["passages", "cot"].score.value == pytest.approx(0.4 + (0.25 - 0.5) / 10)
    assert effects["passages", "direct"].score.value == pytest.approx(0.2)
    between = effects["interaction", ""].score
    arms = {mode: np.array([letter == "c" for letter in letters], dtype=float) for mode, letters in ARMS.items()}
    direct, direct_found, cot, cot_found = arms.values()
    cot[4], cot_found[9] = 0.5, 0.25
    each = (cot_found - cot) - (direct_found - direct)
    assert between.value == pytest.approx(each.mean())
    assert between.p == pytest.approx(means.sign_flips(each))
    assert between.low is not None and between.high is not None
    assert -2 < between.low < each.mean() < between.high < 2
    tables = {section.key: section for section in sections(comparison)}
    assert "score %" in tables["recall"].header and "score, points" in tables["passages_and_thought"].header
    plain = {section.key: section for section in sections(compared(written(tmp_path / "s")))}
    assert "score %" not in plain["recall"].header and "score, points" not in plain["passages_and_thought"].header


def test_more_passages_are_a_curve_that_counts_the_tokens_of_the_prompt(tmp_path: Path) -> None:
    arms = {"cot@context=retrieved@k=1": "c" * 4 + "w" * 6, "cot@context=retrieved@k=2": "c" * 6 + "w" * 4}
    arms["cot@context=retrieved"] = "c" * 7 + "w" * 3
    points = compared(written(tmp_path / "r", arms)).points
    assert [(point.setting, point.level) for point in points] == [("k", "1"), ("k", "2"), ("k", "5")]
    assert {point.spent for point in points} == {105.0}
    assert [point.accuracy.value for point in points] == [0.4, 0.6, 0.7]


# --- what names say -----------------------------------------------------------------------------------------------


def asked(arm: str, where: str = "a", **context: str) -> Asked:
    row = {"prompt": "p", "context": context} if context else {"prompt": "p"}
    return Asked(arm=arm, facts=find_mode(arm).facts, row=row, where=where)


def test_a_name_says_which_passages_are_shown() -> None:
    arms = [
        asked("cot"),
        asked("cot@context=gold", name="gold", prompt="h"),
        asked("cot@context=retrieved", name=RETRIEVED, prompt="h"),
    ]
    assert lint(arms) == []


def test_passages_that_are_written_in_two_ways_are_named() -> None:
    arms = [
        asked("direct@answer=begun"),
        asked("direct@answer=begun@context=gold", name="gold", prompt="h"),
        asked("cot@context=gold", "b", name="gold", prompt="other"),
    ]
    [found] = lint(arms)
    assert found.text == (
        "direct@answer=begun@context=gold and cot@context=gold differ in how passages are written "
        "(direct@answer=begun@context=gold: as in a; cot@context=gold: as in b), which neither name says"
    )


# --- where it is shown --------------------------------------------------------------------------------------------


def test_tables_csv_and_json_hold_the_same_figures(main: Cli, tmp_path: Path) -> None:
    folder = written(tmp_path / "r")
    assert main("report", folder, "--no-plots", "-q").code == 0
    document = json.loads((folder / "report" / "report.json").read_text())
    [row] = [row for row in document["recalls"] if row["mode"].startswith("cot")]
    assert (row["recall"], row["all_found"], row["right_found"]) == (0.55, 0.4, 1.0)
    with (folder / "report" / "recall.csv").open() as file:
        [line] = [line for line in csv.DictReader(file) if line["mode"].startswith("cot")]
    assert math.isclose(float(line["recall_low"]), row["recall_low"])
    with (folder / "report" / "support.csv").open() as file:
        assert [line["support"] for line in csv.DictReader(file)] == ["found", "lacking"]
    with (folder / "report" / "interaction.csv").open() as file:
        assert {line["context"] for line in csv.DictReader(file)} == {RETRIEVED}
    tables = {section.key: section for section in sections(compared(folder))}
    assert tables["passages_and_thought"].rows[-1][1] == "interaction of retrieved passages (k 2, corpus task) and cot"
    assert "interaction" not in tables, "there is no square of thinking and prompt"
    assert tables["recall"].rows[-1][4] == "55.0"
    assert "Passages: what arms were shown" in (folder / "report" / "summary.md").read_text()


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("recall[t,cot@context=retrieved@k=2] < 0.6", 5),
        ("recall[t,cot@context=retrieved@k=2] < 50%", 0),
        ("recall_low[t,direct@context=retrieved@k=2] < 0.5", 5),
        ("all_found[t,cot@context=retrieved@k=2] == 0.4", 5),
        ("precision[t,cot@context=retrieved@k=2] < 0.6", 5),
        ("right_lacking[t,cot@context=retrieved@k=2] == 0.5", 5),
        ("delta_found[t,cot@context=retrieved@k=2] == 25pt", 5),
        ("delta_lacking[t,cot@context=retrieved@k=2] > 40pt", 0),
        ("interaction[t,cot@context=retrieved@k=2] > 10pt", 5),
        ("interaction_p_holm[t,cot@context=retrieved@k=2] < 0.05", 0),
        ("interaction[t,cot@context=retrieved@k=2,baseline=direct@context=none] > 10pt", 5),
        ("delta[t,cot@context=retrieved@k=2] == 30pt", 5),
        ("recall[t,cot@context=none] < 1", 2),
        ("recall[t,cot@context=retrieved@k=2,symbolic] < 1", 2),
        ("interaction[t,cot@context=retrieved@k=2,symbolic] < 1", 2),
        ("recall[t,cot@context=retrieved@k=2,baseline=direct] < 1", 2),
    ],
)
def test_each_figure_has_a_gate(main: Cli, tmp_path: Path, gate: str, code: int) -> None:
    folder = written(tmp_path / "r")
    assert main("report", folder, "--no-plots", "--no-page", "-q", "--fail-if", gate).code == code


def test_show_marks_the_passages_that_the_answer_rests_on(main: Cli, tmp_path: Path) -> None:
    folder = written(tmp_path / "r")
    said = main("show", folder, "t-04", "--mode", "cot@context=retrieved@k=2").out
    assert "passages (retrieved, k 2, corpus task): 2, 1 of the 2 that the answer rests on (✓)" in said
    assert "✓ [1] P0  (score 9.50)" in said
    assert "  [2] P1  (score 8.50)" in said
    assert "<b>Text 0</b> of 4." in said
    document = json.loads(main("show", folder, "t-04", "--mode", "cot@context=retrieved@k=2", "--json").out)
    [mode] = document["modes"]
    assert mode["passages"]["passages"][0] == {
        "title": "P0", "text": "<b>Text 0</b> of 4.", "supports": True, "score": 9.5,
    }  # fmt: skip


def test_passages_that_no_run_writes_are_an_error_with_file_and_line(main: Cli, tmp_path: Path) -> None:
    folder = written(tmp_path / "r")
    path = folder / "passages.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace('"supporting":2', '"supporting":-1')
    path.write_text("\n".join(lines) + "\n")
    done = main("report", folder, "--no-plots", "--no-page", "-q")
    assert done.code == 3
    assert "passages.jsonl:3: " in done.err


@no_browser
@pytest.mark.patient
def test_the_page_marks_them_too(main: Cli, tmp_path: Path, tab: Tab) -> None:  # noqa: F811
    folder = written(tmp_path / "r")
    assert main("report", folder, "--no-plots", "-q").code == 0
    tab.open(folder / "report" / "report.html", "#browse?open=t-04")
    tab.wait(lambda: tab.js("return document.querySelectorAll('.passages').length") == 2)
    told = tab.js("return [...document.querySelectorAll('.passages summary')].map(s => s.textContent)")
    assert told == ["2 passages (retrieved, k 2, corpus task), 1 of the 2 that the answer rests on"] * 2
    marked = tab.js("return [...document.querySelectorAll('.passages .supports')].map(s => s.textContent)")
    assert len(marked) == 2
    assert "P0 (score 9.50): the answer rests on it" in marked[0]
    assert "<b>Text 0</b> of 4." in marked[0], "what a data set holds is text, and never markup"
    assert tab.driver.get_log("browser") == []
