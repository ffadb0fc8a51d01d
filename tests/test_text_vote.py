"""What most candidates of a search end with, letter by letter: a vote in which what is no answer counts too."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_record, write_run

from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.gates import check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError
from cotbench.store.records import NODE_CHARS, Record, node_rows
from cotbench.types import Node, Question

RIGHT, WRONG, NONE = "correct", "wrong", None
Candidate = tuple[str, str | None]  # its text, and what became of its answer
SEARCHES: list[list[Candidate]] = [
    # Two that are the same beat three that are written in three ways.
    [("Answer: 1 + 2 = 3", RIGHT), ("Answer: 4", WRONG), ("Answer: 2 + 1 = 3", RIGHT), ("Answer: 4", WRONG)],
    # What is no answer votes too, and wins.
    [("Answer: 3", RIGHT), ("8 - 5 = 3 (left: 3)", NONE), ("8 - 5 = 3 (left: 3)", NONE)],
    # Only the last line that says anything is looked at; white space is no difference.
    [("Answer: 4", WRONG), ("First this.\nAnswer: 3\n", RIGHT), ("Or that.\n\nAnswer:  3 \n \n", RIGHT)],
    # Of equal counts the first one's.
    [("Answer: 3", RIGHT), ("Answer: 4", WRONG), ("Answer: 4", WRONG), ("Answer: 3", RIGHT)],
    [("Answer: 4", WRONG), ("Answer: 3", RIGHT)],
    # Upper case is a difference.
    [("ANSWER: 4", WRONG), ("Answer: 3", RIGHT), ("answer: 4", WRONG), ("Answer: 3", RIGHT)],
]
GIVEN = [False, False, True, True, False, True]
QUESTIONS = [Question(id=f"q{n}", task="t", text=f"Question {n}") for n in range(len(SEARCHES))]


def record(question: Question, candidates: Sequence[Candidate], *, mode: str = "tot", **more: Any) -> Record:
    texts = list(dict.fromkeys(outcome for _, outcome in candidates if outcome is not None))
    answers = [{"answer": name, "votes": 1, "outcome": name} for name in texts]
    ballots = [None if outcome is None else texts.index(outcome) for _, outcome in candidates]
    first = candidates[0][1]
    thought = {"text": "Answer: a thought on the way is no candidate", "role": "thought"}
    nodes = [{"text": text, "role": "answer", "ballot": place} for place, (text, _) in enumerate(candidates)]
    return make_record(
        question=question.id, task="t", mode=mode, outcome=first or "unparsed", answer=first, gold="3",
        votes={"answers": answers, "ballots": ballots, "abstained": {}, "margin": 0},
        **{"nodes": [thought, *reversed(nodes)], **more},
    )  # fmt: skip


def compared(folder: Path, rows: Sequence[Record]) -> Comparison:
    return compare([load_run(write_run(folder / "run", QUESTIONS, rows))])


@pytest.fixture
def search(tmp_path: Path) -> Comparison:
    return compared(tmp_path, [record(question, each) for question, each in zip(QUESTIONS, SEARCHES, strict=True)])


def test_the_line_that_most_candidates_end_with_is_what_counts(search: Comparison) -> None:
    [row] = search.chosen
    assert row.text_vote.value == pytest.approx(sum(GIVEN) / len(GIVEN))
    assert row.text_vote.low is not None
    assert row.majority.value != row.text_vote.value, "where equal answers are one, and none doesn't vote, it's another"


@pytest.mark.parametrize("place", range(len(SEARCHES)))
def test_each_question_alone(tmp_path: Path, place: int) -> None:
    rows = [record(QUESTIONS[place], SEARCHES[place])]
    [row] = compare([load_run(write_run(tmp_path / "run", QUESTIONS[place : place + 1], rows))]).chosen
    assert row.text_vote.value == float(GIVEN[place])


def test_of_arms_that_do_not_search_there_is_none(tmp_path: Path) -> None:
    rows = [record(question, each, mode="refine") for question, each in zip(QUESTIONS, SEARCHES, strict=True)]
    [row] = compared(tmp_path, rows).chosen
    assert (row.text_vote.value, row.first.value) == (None, 0.5)


def test_where_a_last_line_is_not_on_record_there_is_no_figure(tmp_path: Path) -> None:
    """Earlier versions cut long texts, and kept nothing of their ends."""
    rows = [record(question, each) for question, each in zip(QUESTIONS[1:], SEARCHES[1:], strict=True)]
    cut = record(QUESTIONS[0], [("x" * NODE_CHARS, RIGHT), ("Answer: 4", WRONG)])
    [row] = compared(tmp_path, [cut, *rows]).chosen
    assert (row.n, row.text_vote.value) == (6, None)


def test_without_nodes_there_is_no_figure(tmp_path: Path) -> None:
    rows = [record(question, each, nodes=[]) for question, each in zip(QUESTIONS, SEARCHES, strict=True)]
    [row] = compared(tmp_path, rows).chosen
    assert row.text_vote.value is None


# --- what a record keeps ------------------------------------------------------------------------------------------


LONG = "On and on.\n" * 100 + "Answer: 3\n\n"


@pytest.mark.parametrize(
    ("text", "ballot", "ending"),
    [
        (LONG, 0, "Answer: 3"),
        (LONG, None, ""),
        ("Answer: 3", 0, ""),
        ("x" * (NODE_CHARS - 1), 0, ""),
        ("x" * NODE_CHARS, 0, "x" * NODE_CHARS),
        ("y\n" + "x" * 1000, 0, "x" * NODE_CHARS),
    ],
)
def test_the_last_line_of_a_candidate_is_kept_where_its_text_is_cut(text: str, ballot: int | None, ending: str) -> None:
    rows = node_rows([Node(text=text, role="answer", ballot=ballot)], [])
    assert isinstance(rows, tuple)
    assert (rows[0].text, rows[0].ending) == (text[:NODE_CHARS], ending)


def test_a_text_that_was_cut_votes_by_its_last_line(tmp_path: Path) -> None:
    texts = [
        (LONG, WRONG),
        ("Answer: 3", RIGHT),
        ("Another way.\n" * 50 + "Answer: 3", RIGHT),
        (LONG[:-4] + "4", WRONG),
    ]
    rows = node_rows([Node(text=text, role="answer", ballot=at) for at, (text, _) in enumerate(texts)], [])
    assert isinstance(rows, tuple)
    nodes = [{"text": row.text, "role": row.role, "ballot": row.ballot, "ending": row.ending} for row in rows]
    [row] = compared(tmp_path, [record(question, texts, nodes=nodes) for question in QUESTIONS]).chosen
    assert row.text_vote.value == 0, "three end alike, and the first of them is wrong"


# --- what is shown ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "holds"),
    [
        ("text_vote_of[t,tot] < 0.51", True),
        ("text_vote_of[t,tot] < 0.5", False),
        ("text_vote_of_high[t,tot] > 0.5", True),
    ],
)
def test_a_gate_on_it(search: Comparison, gate: str, holds: bool) -> None:
    assert check_gate(parse_gate(gate), search).holds is holds


def test_a_gate_on_it_where_there_is_none_is_an_error(tmp_path: Path) -> None:
    rows = [record(question, each, mode="refine") for question, each in zip(QUESTIONS, SEARCHES, strict=True)]
    with pytest.raises(UsageError, match="there is no estimate"):
        check_gate(parse_gate("text_vote_of[t,refine] < 1"), compared(tmp_path, rows))


def test_it_stands_alike_in_every_file_of_a_report(search: Comparison, tmp_path: Path, main: Cli) -> None:
    done = main("report", tmp_path / "run", "--to", tmp_path / "report", "--no-plots", "--full")
    assert done.code == 0, done.err
    [row] = json.loads((tmp_path / "report" / "report.json").read_text())["chosen"]
    with (tmp_path / "report" / "chosen.csv").open(newline="") as file:
        [line] = csv.DictReader(file)
    assert row["text_vote"] == float(line["text_vote"]) == 0.5
    assert row["text_vote_low"] == float(line["text_vote_low"])
    for name in ("summary.md", "report.html"):
        assert "text vote %" in (tmp_path / "report" / name).read_text()
    assert "text vote %" in done.out
