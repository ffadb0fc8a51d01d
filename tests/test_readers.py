"""What a task file may say of where things stand in a row: columns, texts in them, options, labels, parts, variants."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotbench.doctor import examine_task
from cotbench.errors import DataError, TaskError
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.readers import GOLD_READERS, Choices, Passages, Text
from cotbench.questions.tasks import TaskFile, read_task_file

Row = dict[str, Any]
LETTER = {"type": "letter", "form": "<letter>", "phrase": "where <letter> is the letter of the one right option"}
NUMBER = {"type": "number", "form": "<number>", "phrase": "where <number> is the final number, without its unit"}


def task(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> TaskFile:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    content = {
        "name": "mine",
        "about": "rows of ours",
        "source": {"file": "rows.jsonl", "rows": len(rows)},
        "fields": {"question": "q", "gold": "a", **fields},
        "gold_reader": "plain",
        "answer": NUMBER,
        **keys,
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return read_task_file(path)


def loaded(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> TaskData:
    return load_data(task(folder, rows, fields, **keys))


@pytest.mark.parametrize(
    ("keys", "text", "taken"),
    [
        ({}, " as it is ", "as it is"),
        ({"after": "Q:"}, "Rain fell. Q: How much?", "How much?"),
        ({"after": "Q:"}, "Q: one Q: two", "two"),
        ({"after": "Q:"}, "no such mark", "no such mark"),
        ({"before": r"\bAnswer Choices:"}, "How much? Answer Choices: (A) 1", "How much?"),
        ({"before": "A:"}, "one A: two A: three", "one"),
        ({"after": "Q:", "before": "A:"}, "A: first Q: two A: three", "two"),
        ({"drop": r"\s*\[\d+\]"}, "rain [1] and snow [2]", "rain and snow"),
        ({"drop": r"^A: .*$"}, "Who?\nA: among A and B", "Who?"),
        ({"named": {r"^\d$": "one digit", r"\d\d": "more"}}, "7", "one digit"),
        ({"named": {r"^\d$": "one digit", r"\d\d": "more"}}, "12 of 7", "more"),
        ({"named": {r"^\d$": "one digit"}}, "none of them", "none of them"),
        ({"named": {r"^\d$": "one digit", "": "others"}, "say": "with {}"}, "x", "with others"),
        ({"after": "rank ", "named": {"^1": "first"}}, "of 5, rank 1", "first"),
        ({"say": "Statement: {}\nTrue?"}, " It rains. ", "Statement: It rains.\nTrue?"),
        ({"say": "{}"}, "a {} b", "a {} b"),
    ],
)
def test_a_text_is_taken_out_of_a_column(keys: dict[str, str], text: str, taken: str) -> None:
    assert Text(column="c", **keys).taken(text) == taken


@pytest.mark.parametrize(
    ("keys", "row", "options"),
    [
        ({"column": "o"}, {"o": ["x", "y"]}, ["x", "y"]),
        ({"column": "o.text"}, {"o": {"text": ["x", "y"], "label": ["1", "2"]}}, ["x", "y"]),
        ({"column": "o"}, {"o": '[\'it\\\'s\', "a \\"b\\""]'}, ["it's", 'a "b"']),
        ({"column": "o"}, {"o": '["x", "y"]'}, ["x", "y"]),
        ({"columns": ["s1", "s2"]}, {"s1": "x", "s2": "y"}, ["x", "y"]),
        ({"words": ["True", "False", "Unknown"]}, {}, ["True", "False", "Unknown"]),
        ({"column": "o"}, {"o": {"A": "x", "B": "y", "C": None}}, ["x", "y"]),
        ({"column": "o.text"}, {"o": [{"text": "x", "n": 1}, {"text": "y", "n": 2}]}, ["x", "y"]),
        ({"column": "o", "drop": r"^\([A-E]\)\s*"}, {"o": ["(A)5 (B)", "(B) 7"]}, ["5 (B)", "7"]),
        (
            {"column": "t", "after": "Options:", "each": r"^\([A-Z]\) (.*)$"},
            {"t": "Which?\n(Z) no\nOptions:\n(A) two (of them)\n(B) one"},
            ["two (of them)", "one"],
        ),
        ({"column": "t", "each": r"^- (.*?)\s*$"}, {"t": "Is it?\nOptions:\n- Yes \n- No"}, ["Yes", "No"]),
    ],
)
def test_options_are_taken_out_of_a_row(keys: dict[str, Any], row: Row, options: list[str]) -> None:
    assert Choices(**keys).taken(row) == options


@pytest.mark.parametrize(
    ("keys", "row", "finding"),
    [
        ({"column": "o"}, {"o": "x, y"}, "'x, y'"),
        ({"column": "o.text"}, {"o": {"label": ["1"]}}, "nothing"),
        ({"columns": ["s1", "s2"]}, {"s1": "x", "s2": None}, "no value in the column 's2'"),
        ({"column": "o", "labels": "l"}, {"o": {"a": 1}}, "{'a': 1}"),
    ],
)
def test_what_is_no_list_of_options_is_told(keys: dict[str, Any], row: Row, finding: str) -> None:
    with pytest.raises(ValueError) as caught:
        Choices(**keys).taken(row)
    assert finding in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "gold", "letter"),
    [("l", "2", "B"), (["1", "2"], "1", "A"), (None, "B", "B"), (["0", "1"], 1, "B")],
)
def test_the_label_of_an_option_becomes_its_letter(labels: Any, gold: Any, letter: str, tmp_path: Path) -> None:
    row = {"q": "Which?", "o": ["x", "y"], "l": ["1", "2"], "a": gold}
    choices = {"column": "o", **({"labels": labels} if labels else {})}
    data = loaded(tmp_path, [row], {"choices": choices}, gold_reader="label", answer=LETTER)
    assert list(data.golds.values()) == [letter]


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ({"q": "Which?", "o": ["x", "y"], "l": ["1", "2"], "a": "3"}, "'3', which is not one of the labels 1, 2"),
        ({"q": "Which?", "o": ["x", "y"], "l": ["1", "1"], "a": "1"}, "'1', which is not one of the labels 1, 1"),
        ({"q": "Which?", "o": ["x", "y"], "l": ["1"], "a": "1"}, "2 options with the labels ['1']"),
        ({"q": "Which?", "o": ["x", "y"], "l": None, "a": "1"}, "2 options with the labels nothing"),
    ],
)
def test_a_label_that_is_none_is_told_with_the_row(row: Row, finding: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, [row], {"choices": {"column": "o", "labels": "l"}}, gold_reader="label", answer=LETTER)
    assert "mine.yaml: row 1: the gold reader 'label' finds " in caught.value.message
    assert finding in caught.value.message


@pytest.mark.parametrize(
    ("reader", "value", "gold"),
    [
        ("boolean", True, "yes"),
        ("boolean", "No", "no"),
        ("boolean", 1, "yes"),
        ("boolean", "FALSE", "no"),
        ("any_of", ["New  York", "NYC", "NYC"], "New York\nNYC"),
        ("any_of", "NYC", "NYC"),
        ("indices", [2], "C"),
        ("indices", [3, 0], "AD"),
        ("index", "3", "D"),
        ("flags", [0, 1, 0, 0], "B"),
        ("flags", [True, False, False, True], "AD"),
    ],
)
def test_a_gold_is_read(reader: str, value: Any, gold: str) -> None:
    assert GOLD_READERS[reader](value, ["w", "x", "y", "z"]) == gold


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("boolean", "maybe"),
        ("boolean", None),
        ("any_of", []),
        ("any_of", ["a", None]),
        ("indices", []),
        ("indices", 2),
        ("indices", [4]),
        ("indices", [1, 1]),
        ("indices", [True]),
        ("flags", [0, 0, 0, 0]),
        ("flags", [0, 1]),
        ("flags", [0, 1, 2, 0]),
        ("flags", "0100"),
    ],
)
def test_a_gold_that_cannot_be_read(reader: str, value: Any) -> None:
    with pytest.raises(ValueError):
        GOLD_READERS[reader](value, ["w", "x", "y", "z"])


PASSAGES = Passages(titles="c.t", texts="c.s", supporting="f.t")


def test_passages_have_titles_texts_and_whether_the_answer_rests_on_them() -> None:
    row = {"c": {"t": ["Oslo", "Rome"], "s": [["It rains.", " A lot."], "It is old."]}, "f": {"t": ["Rome", "Rome"]}}
    assert PASSAGES.taken(row) == [("Oslo", "It rains. A lot.", False), ("Rome", "It is old.", True)]


def test_passages_may_say_themselves_whether_the_answer_rests_on_them() -> None:
    where = Passages(titles="p.title", texts="p.text", supporting="p.is")
    row = {"p": [{"title": "Oslo", "text": "Rain.", "is": False}, {"title": "Rome", "text": "Old.", "is": True}]}
    assert where.taken(row) == [("Oslo", "Rain.", False), ("Rome", "Old.", True)]


def test_what_the_options_of_an_object_are_called_may_be_the_gold(tmp_path: Path) -> None:
    row = {"q": "Which?", "o": {"alpha": "x", "beta": "y"}, "a": "beta"}
    data = loaded(tmp_path, [row], {"choices": "o"}, gold_reader="label", answer=LETTER)
    assert [(q.choices, data.golds[q.id]) for q in data.questions] == [(("x", "y"), "B")]


def test_several_columns_may_hold_right_answers(tmp_path: Path) -> None:
    text = {"type": "text", "form": "<answer>", "phrase": "where <answer> is the answer in as few words as possible"}
    rows = [{"q": "Q1", "a": "New York", "more": ["NYC", "New York"]}, {"q": "Q2", "a": "Oslo", "more": None}]
    data = loaded(tmp_path, rows, {"gold": ["a", "more"]}, gold_reader="any_of", answer=text)
    assert list(data.golds.values()) == ["New York\nNYC", "Oslo"]


def test_a_gold_may_stand_in_a_text_and_a_question_in_a_list(tmp_path: Path) -> None:
    rows = [{"q": ["It rains.", "How much?"], "a": "All in all. The answer is 7."}]
    fields = {"question": {"column": "q", "join": " "}, "gold": {"column": "a", "after": "answer is", "drop": r"\.$"}}
    data = loaded(tmp_path, rows, fields)
    assert [(q.text, data.golds[q.id]) for q in data.questions] == [("It rains. How much?", "7")]


@pytest.mark.parametrize(
    "row",
    [
        {"c": {"t": ["Oslo"], "s": [["x"], ["y"]]}, "f": {"t": []}},
        {"c": {"t": "Oslo", "s": [["x"]]}, "f": {"t": []}},
        {"c": {"t": ["Oslo"], "s": [["x"]]}},
    ],
)
def test_passages_that_are_none_are_told(row: Row) -> None:
    with pytest.raises(ValueError, match=r"fields\.passages"):
        PASSAGES.taken(row)


def test_features_clusters_and_groups_are_had_from_parts_of_columns(tmp_path: Path) -> None:
    rows = [
        {"q": "Q1", "a": 1, "id": "story-7_Q1", "depth": 3},
        {"q": "Q2", "a": 2, "id": "story-7_Q2", "depth": None},
    ]
    fields = {
        "cluster": {"column": "id", "before": "_Q"},
        "group": {"say": "all"},
        "features": {"hops": "depth", "story": {"column": "id", "before": "-"}},
    }
    data = loaded(tmp_path, rows, fields)
    assert [q.cluster for q in data.questions] == ["story-7", "story-7"]
    assert [q.group for q in data.questions] == ["all", "all"]
    assert [q.features for q in data.questions] == [{"hops": "3", "story": "story"}, {"story": "story"}]


def test_a_part_of_a_question_that_a_row_lacks_leaves_no_gap(tmp_path: Path) -> None:
    rows = [{"q": "It rains. Q: How much?", "a": 1}, {"q": "Q: How much?", "a": 2}]
    question = [{"column": "q", "before": "Q: "}, {"column": "q", "after": "Q: "}]
    data = loaded(tmp_path, rows, {"question": question})
    assert [q.text for q in data.questions] == ["It rains.\n\nHow much?", "How much?"]


def test_a_feature_may_be_how_many_things_a_list_holds(tmp_path: Path) -> None:
    rows: list[Row] = [{"q": "Q1", "a": 1, "steps": ["one", "two"]}, {"q": "Q2", "a": 2, "steps": []}]
    fields = {"features": {"hops": {"column": "steps", "count": True}}}
    assert [q.features for q in loaded(tmp_path, rows, fields).questions] == [{"hops": "2"}, {"hops": "0"}]
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, [{"q": "Q1", "a": 1, "steps": "one"}], fields)
    assert "row 1: fields.features.hops (steps) is 'one', of which there is nothing to count" in caught.value.message
    assert "expected a list" in caught.value.message


def test_questions_with_the_same_labels_in_any_order_are_of_one_cluster(tmp_path: Path) -> None:
    rows = [
        {"q": "Q1", "a": 1, "x": "Ada", "y": "Bo"},
        {"q": "Q2", "a": 2, "x": "Bo", "y": "Ada"},
        {"q": "Q3", "a": 3, "x": "Bo", "y": None},
    ]
    data = loaded(tmp_path, rows, {"cluster": ["x", "y"]})
    assert [q.cluster for q in data.questions] == ["Ada, Bo", "Ada, Bo", "Bo"]


def test_a_task_may_have_parts_with_kinds_of_answers_of_their_own(tmp_path: Path) -> None:
    rows = [{"q": "Which?\nOptions:\n(A) x\n(B) y", "a": "(B)"}, {"q": "Count.", "a": "7"}]
    parts = [
        {
            "name": "lettered",
            "rows": 1,
            "leave_out": [{"column": "a", "pattern": "^7$", "rows": 1, "why": "have no options"}],
            "fields": {
                "question": {"column": "q", "before": "Options:"},
                "choices": {"column": "q", "after": "Options:", "each": r"^\([A-Z]\) (.*)$"},
                "gold": "a",
            },
            "gold_reader": "letter",
            "answer": LETTER,
        },
        {"name": "counted", "rows": 1, "leave_out": [{"column": "a", "pattern": "B", "rows": 1, "why": "no number"}]},
    ]
    for part in parts:
        part["rows"] = 2
    data = loaded(tmp_path, rows, {}, parts=parts)
    assert [(q.text, q.choices, q.group, q.kind) for q in data.questions] == [
        ("Which?", ("x", "y"), "lettered", "letter"),
        ("Count.", (), "counted", "number"),
    ]
    assert list(data.golds.values()) == ["B", "7"]
    assert data.left_out == {"part 'lettered': have no options": 1, "part 'counted': no number": 1}
    assert data.task.rows == 2
    assert data.task.kinds == ("letter", "number")
    assert [data.task.answer_of(q).type for q in data.questions] == ["letter", "number"]
    assert examine_task(str(tmp_path / "mine.yaml"), None).ok


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    rows = [{"q": "Q1", "a": 1}, {"q": "Q2", "a": "no number"}]
    out = {"column": "a", "pattern": "^no", "rows": 1, "why": "have no number"}
    data = loaded(tmp_path, rows, {}, leave_out=[out])
    assert [q.text for q in data.questions] == ["Q1"]
    with pytest.raises(DataError, match="leave_out says that 2 rows have no number, and there are 1"):
        loaded(tmp_path, rows, {}, leave_out=[{**out, "rows": 2}])


def test_rows_may_bring_the_question_of_which_they_are_variants(tmp_path: Path) -> None:
    rows = [
        {"q": "two and 3", "a": 5, "seed": "two and 2", "seed_a": 4, "how": "numbers"},
        {"q": "2 and two", "a": 4, "seed": "two and 2", "seed_a": 4, "how": "words"},
    ]
    fields = {"cluster": "seed", "group": "how", "features": {"perturbed": "how"}}
    also = {
        "rows": 1,
        "fields": {
            "question": "seed",
            "gold": "seed_a",
            "cluster": "seed",
            "group": {"say": "seed"},
            "features": {"perturbed": {"say": "seed"}},
        },
    }
    data = loaded(tmp_path, rows, fields, also=also)
    assert [(q.text, q.cluster, q.group, q.features) for q in data.questions] == [
        ("two and 3", "two and 2", "numbers", {"perturbed": "numbers"}),
        ("2 and two", "two and 2", "words", {"perturbed": "words"}),
        ("two and 2", "two and 2", "seed", {"perturbed": "seed"}),
    ]
    assert data.task.rows == 3
    with pytest.raises(DataError, match=r"also\.rows is 2 but its rows bring 1 further questions"):
        loaded(tmp_path, rows, fields, also={**also, "rows": 2})


def test_one_of_several_numbers_of_rows_is_fine(tmp_path: Path) -> None:
    rows = [{"q": "Q1", "a": 1}, {"q": "Q2", "a": 2}]
    assert loaded(tmp_path, rows, {}, source={"file": "rows.jsonl", "rows": [7405, 2]}).task.rows == 7405
    with pytest.raises(DataError, match=r"source\.rows is 3 or 4 but .*rows\.jsonl has 2 rows"):
        loaded(tmp_path, rows, {}, source={"file": "rows.jsonl", "rows": [3, 4]})


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"question": {"column": "q", "before": "("}}, "fields.question.1.before: not a regular expression"),
        ({"group": {"column": "q", "named": {"(": "x"}}}, "fields.group.named: not a regular expression"),
        ({"question": {"colunm": "q"}}, "unknown key 'fields.question.1.colunm'; did you mean 'column'?"),
        ({"question": {}}, "give the 'column' that it is in, or only words to 'say'"),
        ({"question": {"column": "q", "say": "x"}}, "'say' has no {} in the place"),
        ({"question": {"column": "q", "count": True, "before": "x"}}, "'count' is of a 'column' that holds a list"),
        ({"cluster": ["c", {"colum": "d"}]}, "unknown key 'fields.cluster.2.colum'; did you mean 'column'?"),
        ({"question": 7}, "a mapping of keys, or a column's name"),
        ({"choices": {"column": "o", "words": ["x"]}}, "give one of 'column', 'columns' and 'words'"),
        ({"choices": {"column": "o", "each": "x"}}, "'each' has no group"),
        ({"choices": {"column": "o", "after": "x"}}, "'after' is for options that stand in a text"),
        ({"choices": {"column": "o", "lables": "x"}}, "unknown key 'fields.choices.lables'; did you mean 'labels'?"),
        ({"cluster": {"column": "c", "drop": "["}}, "fields.cluster.1.drop: not a regular expression"),
    ],
)
def test_a_mistake_in_what_is_read_where_is_explained(fields: Row, finding: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        task(tmp_path, [], fields)
    assert finding in caught.value.message


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        ({"parts": [{"name": "x", "rows": 1}, {"name": "x", "rows": 1}]}, "there are two parts 'x'"),
        ({"parts": [{"name": "x", "rows": 1, "answer": LETTER}]}, "part 'x': answer.type 'letter'"),
        ({"parts": [{"name": "x"}]}, "the key 'parts.1.rows' is missing"),
        ({"parts": [{"name": "x", "rows": 1, "gold_readr": "plain"}]}, "did you mean 'gold_reader'?"),
        ({"leave_out": [{"column": "a", "pattern": "(", "rows": 1, "why": "x"}]}, "not a regular expression"),
    ],
)
def test_a_mistake_in_a_part_is_explained(keys: Row, finding: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        task(tmp_path, [], {}, **keys)
    assert finding in caught.value.message


def test_a_gold_that_cannot_be_reached_is_found(tmp_path: Path) -> None:
    latex = {"type": "latex", "form": "<answer>", "phrase": "where <answer> is the answer"}
    rows = [{"q": "Q1", "a": "x + 1"}, {"q": "Q2", "a": "one of the best players of all time"}]
    task(tmp_path, rows, {}, answer=latex)
    check = examine_task(str(tmp_path / "mine.yaml"), None)
    assert (check.asked, check.right, check.ok) == (2, 1, False)
    [(_, said)] = check.wrong.items()
    assert "one of the best players of all time" in said
