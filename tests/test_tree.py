"""The tree of what was written on the way to an answer: as it is made, and as a terminal shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import QUESTIONS, make_record, write_run
from rich.cells import cell_len
from terminals import STYLE, in_a_terminal
from trees import Call, addresses, node, random_nodes, searched, tree_record, votes, write_calls

import cotbench
from cotbench.analysis.trees import Tree, parents_of, tree_of
from cotbench.report import words
from cotbench.store.records import Record
from cotbench.terminal.tree import MOST_LINES, summary, tree_lines
from cotbench.types import Key

WIDTHS = range(40, 201)
FIVE = votes(("24", "correct"), ("13", "wrong"), ballots=[1, 0, None, 0, 1])


def tree(record: Record) -> Tree:
    found = tree_of(record)
    assert found is not None
    return found


def drawn(record: Record, width: int = 100, **how: bool) -> list[str]:
    return [line.plain for line in tree_lines(tree(record), width, **how)]


@pytest.fixture(scope="module")
def search() -> Record:
    return tree_record(searched(), votes=FIVE, answer="13")


def test_a_record_without_nodes_has_no_tree() -> None:
    assert tree_of(tree_record([])) is None


def test_a_tree_knows_depths_verdicts_and_the_chosen_candidate(search: Record) -> None:
    made = tree(search)
    assert (len(made.nodes), made.kept, len(made.candidates), made.right) == (93, 20, 5, 2)
    assert summary(made) == "93 nodes, 20 kept, 5 candidates, 2 right"
    assert [one.outcome for one in made.candidates] == ["wrong", "correct", None, "correct", "wrong"]
    assert [one.depth for one in made.candidates] == [3] * 5
    assert [one.chosen for one in made.candidates] == [True, False, False, False, False]
    assert len(made.roots) == 8


def test_the_chosen_candidate_is_the_one_whose_reply_was_read() -> None:
    rows = [node("x", "answer", ballot=n, source=[n, 0]) for n in range(3)]
    record = tree_record(rows, votes=votes(("7", "wrong"), ballots=[0, 0, 0]), answer="7")
    assert [one.chosen for one in tree(record).nodes] == [True, False, False]
    made = tree_of(record, (2, 0))
    assert made is not None and [one.chosen for one in made.nodes] == [False, False, True]


def test_where_nothing_is_chosen_among_the_last_of_what_was_read_is_the_answer() -> None:
    rows = [
        node("print(12)", "code", source=[0, 0]),
        node("12", "output", parent=0),
        node("So 12", "answer", parent=1, source=[1, 0]),
    ]
    made = tree_of(tree_record(rows, answer="12", outcome="correct"), (1, 0))
    assert made is not None and summary(made) == "3 nodes, 1 candidate, 1 right"
    assert [one.chosen for one in made.nodes] == [False, False, True]
    assert tree_lines(made, 80)[-1].plain == "↓ So 12          ✓ right, chosen"


def test_nothing_is_chosen_where_there_is_no_answer() -> None:
    record = tree_record([node("x", "answer", ballot=0)], votes=votes(ballots=[None]), outcome="unparsed")
    assert not tree(record).nodes[0].chosen


def test_what_a_call_builds_on_is_found_among_the_records_calls() -> None:
    class Line:
        after = (("b", 1, 2), ("gone", 0, 0), ("a", 0, 0))

    keys = [Key("q", "a", 0, 0), Key("q", "b", 0, 1), Key("q", "c", 0, 0)]
    assert parents_of(keys, [None, None, Line()]) == [(), (), ((1, 2), (0, 0))]  # type: ignore[list-item]


# --- drawn --------------------------------------------------------------------------------------------------------


def test_a_search_on_a_screen(search: Record) -> None:
    lines = drawn(search, 80)
    assert len(lines) <= MOST_LINES
    assert lines[0].startswith("├─ 7 + 13 = 20 (left: 14 2 9)") and lines[0].split()[-2:] == ["20", "kept"]
    assert lines[3].startswith("│  │  │↓ Answer: (13 - 9)") and lines[3].endswith("✗ wrong, chosen")
    assert "│  │  ╰┄ and 6 more that were dropped, best 21 (pruned)" in lines
    assert "│  ╰┄ 8 that were dropped, best 20 (pruned)" in lines
    assert sum(line.endswith("✓ right") for line in lines) == 2


def test_all_of_a_search_is_there_when_asked_for(search: Record) -> None:
    lines = drawn(search, full=True)
    assert len(lines) == 93 and not any("dropped" in line for line in lines)


def test_a_chain_is_no_staircase() -> None:
    texts = [("It is 12", "answer"), ("The sum is wrong", "criticism"), ("It is 13", "answer")]
    rows = [node(text, role, parent=n - 1 if n else None) for n, (text, role) in enumerate(texts)]
    rows[0] |= {"ballot": 0, "value": 0.5}
    rows[2] |= {"ballot": 1}
    record = tree_record(
        rows, votes=votes(("12", "wrong"), ("13", "correct"), ballots=[0, 1]), answer="13", outcome="correct"
    )
    assert drawn(record) == [
        "It is 12                       0.5  ✗ wrong",
        "↓ criticism: The sum is wrong",
        "↓ It is 13                          ✓ right, chosen",
    ]
    assert drawn(record, ascii_only=True)[1] == "v criticism: The sum is wrong"


def test_a_long_chain_is_drawn() -> None:
    rows = [node(f"step {n}", "code", parent=n - 1 if n else None) for n in range(3000)]
    lines = drawn(tree_record(rows), 40)
    assert len(lines) == 3000 and lines[-1] == "↓ step 2999"


def test_candidates_that_were_not_chosen_have_a_line_where_there_is_room() -> None:
    rows = [node(f"path {n}", "answer", ballot=n, kept=False, why="lower", value=n) for n in range(60)]
    rows[2] |= {"kept": True, "why": ""}
    few = tree_record(rows[:30], votes=votes(("1", "correct"), ballots=[0] * 30), answer="1")
    assert len(drawn(few)) == 30
    many = tree_record(rows, votes=votes(("1", "correct"), ballots=[0] * 60), answer="1")
    assert drawn(many)[-1] == "╰┄ and 58 more that were dropped, best 59 (lower)"


COUNTED = re.compile(r"([\d,]+)(?: more)? that (?:was|were) dropped")


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=pytest.mark.patient) for n in range(4, 12))])
def test_random_trees_keep_to_the_width_and_lose_nothing_that_was_kept(seed: int) -> None:
    marks = [chr(0xAC00 + n) for n in range(200)]  # a letter for each node, which nothing else has
    rows = [
        row | {name: f"{mark}{row[name]}" for name in ("text", "role")}
        for mark, row in zip(marks, random_nodes(seed), strict=False)
    ]
    cast = [n % 3 if n % 3 < 2 else None for n in range(len(rows))]
    record = tree_record(rows, votes=votes(("1", "correct"), ("2", "wrong"), ballots=cast))
    made = tree(record)
    standing = {marks[one.place] for one in made.nodes if one.stands}
    for width in WIDTHS[:: 1 if len(rows) < 20 else 8]:
        for ascii_only in (False, True):
            lines = [line.plain for line in tree_lines(made, width, ascii_only=ascii_only)]
            assert max(map(cell_len, lines)) <= width
            assert all(line.isprintable() for line in lines)
            shown = [letter for line in lines for letter in set(line) & set(marks)]
            assert standing <= set(shown) and len(set(shown)) == len(shown)
            if width > 100:
                counted = [COUNTED.search(line) for line in lines if not set(line) & set(marks)]
                assert len(shown) + sum(int(one[1]) for one in counted if one) == len(rows)
        assert len(tree_lines(made, width, full=True)) == len(rows)


def test_a_terminal_that_lacks_a_letter_gets_an_escape_within_the_width() -> None:
    record = tree_record([node("日本語のテキスト" * 9, kept=n > 0) for n in range(3)])
    lines = tree_lines(tree(record), 60, ascii_only=True, encoding="iso-8859-1")
    assert all(line.plain.isascii() and len(line.plain) <= 60 for line in lines)
    assert lines[0].plain.startswith("|- \\u65e5\\u672c")


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, ""), (20.0, "20"), (1.001, "1.001"), (20.003, "20.003"), (0, "0"), (1e-7, "1e-07"), (-0.5, "-0.5"),
     (1 / 3, "0.333"), (123456789.0, "1.2e+08")],
)  # fmt: skip
def test_values_are_told_shortly(value: float | None, told: str) -> None:
    assert words.worth(value) == told


# --- in `cotbench show` -------------------------------------------------------------------------------------------

CALLS = [
    Call("tot-propose", ["13 - 9 = 4\n4 + 9 = 13"]),
    Call("tot-value", ["sure", "likely", "sure"], after=[(0, 0)], to="judge"),
    Call("tot-answer", ["So:\nAnswer: 12"], after=[(0, 0), (1, 2)]),
    Call("tot-answer", ["So:\nAnswer: 24"], after=[(0, 0)]),
]
ROWS = [
    node("13 - 9 = 4", source=[0, 0], value=20.0, judged=[1]),
    node("4 + 9 = 13", source=[0, 0], value=0.003, judged=[1], kept=False, why="pruned"),
    node("Answer: 12", "answer", parent=0, source=[2, 0], ballot=0),
    node("Answer: 24", "answer", parent=0, source=[3, 0], ballot=1),
]
SEARCHED: dict[str, Any] = {
    "votes": votes(("12", "wrong"), ("24", "correct"), ballots=[0, 1]), "answer": "12", "source": [2, 0],
    "span": [12, 14],
}  # fmt: skip


def searching(folder: Path, rows: Sequence[dict[str, Any]] = ROWS, calls: Sequence[Call] = CALLS, **given: Any) -> Path:
    """A run with one answer of a mode that searches."""
    records = [tree_record(rows, requests=addresses("t-0", calls), **SEARCHED | given)]
    write_run(folder, QUESTIONS[:1], records)
    write_calls(folder, "t-0", calls)
    return folder


def test_a_question_is_shown_with_its_tree_and_each_calls_parents(tmp_path: Path, main: Cli) -> None:
    searching(tmp_path / "results" / "r")
    done = main("show", "r", "t-0")
    assert done.code == 0, done.err
    for piece in (
        "on the way: 4 nodes, 3 kept, 2 candidates, 1 right",
        "├─ 13 - 9 = 4",
        "│  ├─ Answer: 12",
        "✗ wrong, chosen",
        "call 1 (tot-propose): output",
        "call 2 (tot-value, asked of the judge), after call 1: 3 paths",
        "call 3 (tot-answer), after call 1 and call 2 path 3: output",
        "call 4 (tot-answer), after call 1: output",
        "characters 12 to 14",
    ):
        assert piece in done.out, piece
    assert "--full" not in done.out and "abstained" not in done.out


def test_what_a_reward_model_gave_is_said(tmp_path: Path, main: Cli) -> None:
    calls = [*CALLS, Call("reward", [""], after=[(2, 0)], to="judge", score=-1.25)]
    searching(tmp_path / "results" / "r", calls=calls)
    assert "after call 3: output, 0 characters, 7 tokens, score -1.25, ended by stop" in main("show", "t-0").out


def test_of_many_calls_a_line_each_is_shown_unless_all_is_asked_for(tmp_path: Path, main: Cli) -> None:
    calls = [*CALLS, *(Call("tot-value", [f"I would say {n}", "likely"], after=[(3, 0)]) for n in range(20))]
    searching(tmp_path / "results" / "r", searched(), calls)
    brief, full = main("show", "r", "t-0"), main("show", "r", "t-0", "--full")
    assert brief.code == full.code == 0, brief.err + full.err
    assert "calls 5 to 24 (tot-value), after call 4: 2 paths each" in brief.out and "I would say" not in brief.out
    assert "Answer: 12" in brief.out and "--full" in brief.out.splitlines()[-1]
    assert "I would say 19" in full.out and "that were dropped" not in full.out


def test_the_json_has_nodes_and_parents(tmp_path: Path, main: Cli) -> None:
    searching(tmp_path / "results" / "r")
    [row] = [json.loads(line) for line in main("show", "r", "t-0", "--json").out.splitlines()]
    [mode] = row["modes"]
    assert [one.get("after") for one in mode["exchanges"]] == [None, [[0, 0]], [[0, 0], [1, 2]], [[0, 0]]]
    assert mode["exchanges"][1]["to"] == "judge" and mode["deciding"] == [2, 0] and mode["found"] == "12"
    first, second, _, last = mode["nodes"]
    assert first == {
        "text": "13 - 9 = 4", "role": "thought", "parent": None, "source": [0, 0], "value": 20.0, "kept": True,
        "why": "", "judged": [1], "ballot": None, "ending": "", "tokens": None,
        "depth": 0, "answer": None, "outcome": None, "chosen": False,
    }  # fmt: skip
    assert (second["kept"], second["why"]) == (False, "pruned")
    assert (last["answer"], last["outcome"], last["depth"], last["chosen"]) == ("24", "correct", 1, False)


HOSTILE = "\x1b[31mred\x1b[0m \u202egpj.exe \ud800 [bold]x[/bold] \x00"


def test_hostile_nodes_stay_text(tmp_path: Path, main: Cli) -> None:
    calls = [Call("tot", [HOSTILE.replace("\ud800", "")])]
    rows = [node(HOSTILE.replace("\ud800", ""), HOSTILE[:12], why=HOSTILE[:12], kept=n > 0) for n in range(3)]
    searching(tmp_path / "results" / "r", rows, calls, source=[0, 0], span=None)
    for options in ([], ["--full"], ["--json"]):
        done = main("show", "r", "t-0", *options)
        assert done.code == 0, done.err
        assert all(char.isprintable() or char == "\n" for char in done.out)
    assert "[bold]x[/bold]" in main("show", "r", "t-0").out


@pytest.mark.patient
@pytest.mark.parametrize(("columns", "term"), [(40, "xterm"), (72, "dumb"), (200, "xterm-256color")])
def test_a_terminal_gets_lines_that_fit(tmp_path: Path, columns: int, term: str) -> None:
    searching(tmp_path / "results" / "r", searched(), votes=FIVE)
    out = in_a_terminal(columns, ["show", "r", "t-0"], tmp_path, TERM=term, NO_COLOR="")
    lines = [STYLE.sub("", line) for line in out.replace("\r", "").split("\n")]
    start = next(place for place, line in enumerate(lines) if line.startswith("on the way"))
    tree_shown = lines[start + 1 : next(n for n, line in enumerate(lines) if n > start and "call 1" in line)]
    assert len(tree_shown) > 20 and max(map(cell_len, tree_shown)) <= columns
    assert all(line.isascii() for line in tree_shown) == (term == "dumb")
    assert ("\x1b[32m" in out) == (term != "dumb")


@pytest.mark.patient
def test_colours_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    searching(tmp_path / "results" / "r")
    out = in_a_terminal(100, ["show", "r", "t-0"], tmp_path, TERM="xterm", NO_COLOR="1")
    assert "chosen" in out and not re.search("\x1b\\[3[0-9]", out)


# --- as a data frame ----------------------------------------------------------------------------------------------


def test_nodes_are_rows_of_a_frame_that_fits_to_the_outputs(tmp_path: Path) -> None:
    run = cotbench.load(searching(tmp_path / "r"))
    frame = run.nodes
    assert frame["node"].tolist() == [1, 2, 3, 4] and frame["depth"].tolist() == [0, 0, 1, 1]
    assert frame["parent"].isna().tolist() == [True, True, False, False] and frame["parent"].tolist()[2:] == [1, 1]
    assert frame["kept"].tolist() == [True, False, True, True] and frame["why"].tolist()[1] == "pruned"
    assert frame["value"].tolist()[:2] == [20.0, 0.003]
    assert frame["correct"].isna().tolist() == [True, True, False, False]
    assert frame["correct"].tolist()[2:] == [False, True] and frame["chosen"].tolist() == [False, False, True, False]
    where = ["run", "question", "mode", "request", "ordinal", "path"]
    written = frame.merge(run.outputs(), on=where, suffixes=("", "_of_reply"))
    assert written["template"].tolist() == ["tot-propose", "tot-propose", "tot-answer", "tot-answer"]
    assert all(part in whole for part, whole in zip(written["text"], written["text_of_reply"], strict=True))


def test_a_run_without_nodes_has_an_empty_frame_with_the_same_columns(tmp_path: Path) -> None:
    plain = cotbench.load(
        write_run(
            tmp_path / "plain",
            QUESTIONS,
            [make_record(question="t-1", task="t", mode="cot", outcome="wrong", answer="2", gold="1")],
        )
    )
    assert len(plain.nodes) == 0 and list(plain.nodes.columns) == list(
        cotbench.load(searching(tmp_path / "r")).nodes.columns
    )
