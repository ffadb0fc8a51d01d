"""A user's own task files over data written as sets of the Hub are, and what is said where one doesn't fit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli

from cotbench.doctor import TaskCheck, examine_task
from cotbench.errors import CotbenchError, DataError, TaskError
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.files import read_rows
from cotbench.questions.tasks import read_task_file, task_of_rows

Row = dict[str, Any]


def written(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> Path:
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    content = {
        "name": "mine",
        "about": "rows of ours",
        "source": {"file": "rows.jsonl"},
        "fields": {"question": "q", "gold": "a", **fields},
        "gold_reader": "plain",
        "answer": "text",
        **keys,
    }
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def loaded(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> TaskData:
    return load_data(read_task_file(written(folder, rows, fields, **keys)))


def error_of(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> CotbenchError:
    with pytest.raises(CotbenchError) as caught:
        loaded(folder, rows, fields, **keys)
    assert "mine.yaml" in caught.value.message and caught.value.hint
    return caught.value


def checked(folder: Path, rows: Sequence[Row], fields: Mapping[str, Any], **keys: Any) -> TaskCheck:
    return examine_task(str(written(folder, rows, fields, **keys)), None)


LETTER: dict[str, Any] = {"gold_reader": "letter", "answer": "letter"}

# How sets of the Hub write a row, with rows of ours: fields, keys, the row, the options and the gold.
WRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any], Row, tuple[str, ...], str]] = {
    "an object of lists": (
        {"choices": {"column": "o.text", "labels": "o.label"}},
        {"gold_reader": "label", "answer": "letter"},
        {"q": "Which?", "o": {"text": ["x", "y"], "label": ["1", "2"]}, "a": "2"},
        ("x", "y"),
        "B",
    ),
    "a column each, labels that YAML reads as numbers": (
        {"choices": {"columns": ["o1", "o2", "o3"], "labels": [1, 2, 3]}},
        {"gold_reader": "label", "answer": "letter"},
        {"q": "Which?", "o1": "x", "o2": "y", "o3": "z", "a": "3"},
        ("x", "y", "z"),
        "C",
    ),
    "a label that a table keeps as 2.0": (
        {"choices": {"column": "o", "labels": [1, 2]}},
        {"gold_reader": "label", "answer": "letter"},
        {"q": "Which?", "o": ["x", "y"], "a": 2.0},
        ("x", "y"),
        "B",
    ),
    "an index that a table keeps as 1.0": (
        {"choices": "o"},
        {"gold_reader": "index", "answer": "letter"},
        {"q": "Which?", "o": ["x", "y"], "a": 1.0},
        ("x", "y"),
        "B",
    ),
    "the last columns empty": (
        {"choices": {"columns": ["o1", "o2", "o3", "o4"], "labels": ["1", "2", "3", "4"]}},
        {"gold_reader": "label", "answer": "letter"},
        {"q": "Which?", "o1": "x", "o2": "y", "o3": None, "o4": None, "a": "2"},
        ("x", "y"),
        "B",
    ),
    "a list that ends with nothing": (
        {"choices": "o"},
        LETTER,
        {"q": "Which?", "o": ["x", "y", None], "a": "A"},
        ("x", "y"),
        "A",
    ),
    "an object as a text": (
        {"choices": "o"},
        {"gold_reader": "label", "answer": "letter"},
        {"q": "Which?", "o": '{"a": "x", "b": "y"}', "a": "b"},
        ("x", "y"),
        "B",
    ),
    "words of one's own": (
        {"choices": {"words": ["True", "False", "N/A"]}},
        {"answer": "choice"},
        {"q": "Is it?", "a": "n/a"},
        ("True", "False", "N/A"),
        "N/A",
    ),
    "several columns of right answers": (
        {"gold": ["a", "more"]},
        {"gold_reader": "any_of"},
        {"q": "Who?", "a": "Ada", "more": []},
        (),
        "Ada",
    ),
    "a passage that isn't there": (
        {"question": [{"column": "p", "optional": True, "say": "Passage: {}"}, "q"]},
        {},
        {"q": "Who?", "p": None, "a": "Ada"},
        (),
        "Ada",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_row_of_the_hub_is_read(name: str, tmp_path: Path) -> None:
    fields, keys, row, options, gold = WRITTEN[name]
    check = checked(tmp_path, [row], fields, **keys)
    data = loaded(tmp_path, [row], fields, **keys)
    assert data.questions[0].text == row["q"]
    assert data.questions[0].choices == options
    assert (list(data.golds.values()), check.right) == ([gold], 1)


def test_an_option_with_nothing_in_it_before_others_is_told(tmp_path: Path) -> None:
    columns = {"choices": {"columns": ["o1", "o2", "o3"]}}
    error = error_of(tmp_path, [{"q": "Which?", "o1": "x", "o2": None, "o3": "z", "a": "A"}], columns, **LETTER)
    assert "row 1" in error.message and "'o2'" in error.message
    error = error_of(tmp_path, [{"q": "Which?", "o": ["x", None, "z"], "a": "A"}], {"choices": "o"}, **LETTER)
    assert "choice 2, is nothing" in error.message


def test_a_column_of_options_that_no_row_has_is_told(tmp_path: Path) -> None:
    columns = {"choices": {"columns": ["o1", "o2", "o_3"]}}
    error = error_of(tmp_path, [{"q": "Which?", "o1": "x", "o2": "y", "o3": "z", "a": "A"}], columns, **LETTER)
    assert "no value in the column 'o_3'" in error.message and "Did you mean 'o3'?" in error.hint


def test_an_optional_column_that_no_row_has_is_told(tmp_path: Path) -> None:
    question = {"question": [{"column": "psg", "optional": True}, "q"]}
    assert "'psg'" in error_of(tmp_path, [{"q": "Who?", "a": "Ada"}], question).message


FIRST = [
    {"q": f"Which of them is it, {n}?", "right": f"right {n}", "w1": f"one {n}", "w2": f"two {n}", "w3": f"three {n}"}
    for n in range(40)
]
COLUMNS = {"columns": ["right", "w1", "w2", "w3"]}


def test_options_of_which_the_first_is_right_are_asked_in_an_order_drawn_for_each_question(tmp_path: Path) -> None:
    fields = {"gold": "right", "choices": {**COLUMNS, "shuffle": True}}
    data = loaded(tmp_path, FIRST, fields, **LETTER)
    for question, row in zip(data.questions, FIRST, strict=True):
        assert sorted(question.choices) == sorted(row[name] for name in COLUMNS["columns"])
        assert question.choices["ABCD".index(data.golds[question.id])] == row["right"]
    places = Counter(data.golds.values())
    assert set(places) == set("ABCD") and max(places.values()) < 20
    assert loaded(tmp_path, FIRST, fields, **LETTER).golds == data.golds  # always the same order
    other = {"gold": "right", "choices": {"columns": COLUMNS["columns"][::-1], "shuffle": True}}
    assert loaded(tmp_path, FIRST, other, **LETTER).golds == data.golds  # however the data order them


def test_all_right_options_are_right_in_another_order(tmp_path: Path) -> None:
    rows = [{"q": f"Which, {n}?", "o": ["yes 1", "yes 2", "no"], "a": [1, 1, 0]} for n in range(6)]
    fields = {"choices": {"column": "o", "shuffle": True}}
    data = loaded(tmp_path, rows, fields, gold_reader="flags", answer="letters")
    assert len({question.choices for question in data.questions}) > 1
    for question in data.questions:
        assert {question.choices["ABC".index(letter)] for letter in data.golds[question.id]} == {"yes 1", "yes 2"}


def test_doctor_says_that_the_right_option_always_stands_first(tmp_path: Path) -> None:
    check = checked(tmp_path, FIRST, {"gold": "right", "choices": COLUMNS}, **LETTER)
    assert check.golds == {"A": 40}
    assert [note for note in check.notes if "40 of 40" in note and "shuffle" in note]
    shuffled = checked(tmp_path, FIRST, {"gold": "right", "choices": {**COLUMNS, "shuffle": True}}, **LETTER)
    assert not shuffled.notes


def test_doctor_says_what_is_odd(tmp_path: Path, main: Cli) -> None:
    rows = [
        {"q": "Which?", "o": ["x", "x", "y"], "a": "A"},
        {"q": "Which?", "o": ["x", "x", "y"], "a": "C"},
        {"q": "And?", "o": ["x", "", "y"], "a": "A"},
    ]
    notes = " ".join(checked(tmp_path, rows, {"choices": "o"}, **LETTER).notes)
    assert "2 questions have an option twice" in notes
    assert "1 questions have an option that says nothing" in notes
    assert "1 question is asked more than once, 1 of them with different golds" in notes
    done = main("doctor", "--task", str(tmp_path / "mine.yaml"))
    assert (done.code, "have an option twice" in " ".join(done.out.split())) == (0, True)


def test_doctor_says_of_an_exemplar_whose_answer_can_not_be_read(tmp_path: Path) -> None:
    exemplars = [{"question": "1 + 1?", "answer": "2"}, {"question": "1 + 2?", "answer": "many"}]
    check = checked(tmp_path, [{"q": "2 + 2?", "a": 4}], {}, answer="number", exemplars=exemplars)
    assert [note.split(" shows")[0] for note in check.notes] == ["exemplar 2"]


def test_doctor_cuts_a_question_of_a_million_characters(tmp_path: Path, main: Cli) -> None:
    path = written(tmp_path, [{"q": "rain " * 200_000, "a": "Ada"}], {})
    done = main("doctor", "--task", str(path))
    assert (done.code, len(done.out) < 10_000, "more characters" in done.out) == (0, True, True)


def test_rows_in_which_nothing_stands_can_be_left_out(tmp_path: Path) -> None:
    rows = [{"q": "One?", "a": "x"}, {"q": "Two?", "a": None}, {"q": "Three?", "a": ""}]
    out = {"column": "a", "pattern": "^$", "rows": 2, "why": "have no answer"}
    data = loaded(tmp_path, rows, {}, leave_out=[out])
    assert ([q.text for q in data.questions], data.left_out) == (["One?"], {"have no answer": 2})
    error = error_of(tmp_path, rows, {})
    assert "row 2" in error.message and "there and empty" in error.message and "leave_out" in error.hint


def test_leaving_out_every_row_and_by_a_column_that_is_not_there_are_told(tmp_path: Path) -> None:
    rows = [{"q": "One?", "a": "x"}]
    every = error_of(tmp_path, rows, {}, leave_out=[{"column": "q", "pattern": "", "rows": 1, "why": "are there"}])
    assert "leaves out all 1 rows" in every.message
    none = error_of(tmp_path, rows, {}, leave_out=[{"column": "qq", "pattern": "x", "rows": 0, "why": "are odd"}])
    assert "'qq'" in none.message and "leave_out" in none.hint


# Rows, fields and keys that don't fit; what is said of them, and of what to do.
FAULTS: dict[str, tuple[Row, dict[str, Any], dict[str, Any], str, str]] = {
    "two right options of one letter": (
        {"q": "W?", "o": ["x", "y"], "a": [1, 1]},
        {"choices": "o"},
        {"gold_reader": "flags", "answer": "letter"},
        "2 right options (AB)",
        "answer.type",
    ),
    "a gold that is no letter": (
        {"q": "W?", "o": ["x", "y"], "a": "w"},
        {"choices": "o"},
        {"answer": "letter"},
        "'w', expected a letter from A to B (fields.gold: a)",
        "gold_reader",
    ),
    "true under the reader of texts": ({"q": "W?", "a": True}, {}, {"answer": "boolean"}, "(True)", "boolean"),
    "a list under the reader of texts": ({"q": "W?", "a": ["x"]}, {}, {}, "is a list", "any_of"),
    "a list without what joins it": ({"q": ["W", "?"], "a": "x"}, {}, {}, "is a list", "`join`"),
    "a misspelt part": (
        {"q": "W?", "c": {"text": ["x", "y"]}, "a": "A"},
        {"choices": "c.texts"},
        LETTER,
        "(it has: c.text)",
        "Did you mean 'c.text'?",
    ),
    "options that are objects": (
        {"q": "W?", "o": [{"key": "A", "value": "x"}, {"key": "B", "value": "y"}], "a": "A"},
        {"choices": "o"},
        LETTER,
        "choice 1, is an object",
        "it has: key, value",
    ),
    "options that are an object of lists": (
        {"q": "W?", "o": {"text": ["x", "y"], "label": ["A", "B"]}, "a": "A"},
        {"choices": "o"},
        LETTER,
        "is an object",
        "it has: label, text",
    ),
    "a passage that says nothing": (
        {"q": "W?", "a": "x", "t": ["one"], "x": [None], "s": [True]},
        {"passages": {"titles": "t", "texts": "x", "supporting": "s"}},
        {},
        "fields.passages (x), passage 1, is nothing",
        "data",
    ),
    "fewer flags than passages": (
        {"q": "W?", "a": "x", "t": ["one", "two"], "x": ["u", "v"], "s": [True]},
        {"passages": {"titles": "t", "texts": "x", "supporting": "s"}},
        {},
        "for each of 2 passages",
        "fields",
    ),
    "passages in a column that isn't there": (
        {"q": "W?", "a": "x"},
        {"passages": {"titles": "t", "texts": "x", "supporting": "s"}},
        {},
        "no value in the column 't'",
        "fields",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_fit_is_told_with_what_to_write(name: str, tmp_path: Path) -> None:
    row, fields, keys, finding, remedy = FAULTS[name]
    error = error_of(tmp_path, [row], fields, **keys)
    assert isinstance(error, DataError) and "row 1" in error.message
    assert finding in error.message and remedy in error.hint


# Keys that can't be, and what is said of them.
KEYS: dict[str, tuple[dict[str, Any], str]] = {
    "a reader of options without any": ({"gold_reader": "index"}, "gold_reader 'index' and fields.choices go together"),
    "a kind with letters without options": ({"answer": "letter"}, "go together, and there are none"),
    "a form without a place": (
        {"answer": {"type": "text", "form": "answer", "phrase": "where it is"}},
        "answer.form: expected a form with a place for the answer",
    ),
    "a number of rows in words": ({"source": {"file": "rows.jsonl", "rows": "many"}}, "source.rows: Input should be"),
    "words that YAML takes for true": (
        {"fields": {"question": "q", "gold": "a", "choices": {"words": [True, "No"]}}, "answer": "choice"},
        "put it in quotes (YAML takes yes, on and true",
    ),
    "an order drawn of words": (
        {"fields": {"question": "q", "gold": "a", "choices": {"words": ["x", "y"], "shuffle": True}}},
        "'shuffle' is for options that differ",
    ),
    "an exemplar that answers with the option's text": (
        {
            "fields": {"question": "q", "gold": "a", "choices": "o"},
            "exemplars": [{"question": "W?", "choices": ["x", "y"], "answer": "x"}],
            **LETTER,
        },
        "exemplar 1: answer is 'x', expected a letter from A to B",
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_can_not_be_are_told_once(name: str, tmp_path: Path) -> None:
    keys, finding = KEYS[name]
    keys = dict(keys)
    error = error_of(tmp_path, [{"q": "W?", "o": ["x", "y"], "a": "A"}], keys.pop("fields", {}), **keys)
    assert isinstance(error, TaskError)
    assert error.message.count("\n") == 0 and finding in error.message


def test_flags_of_passages_may_be_ones_and_zeros(tmp_path: Path) -> None:
    passages = [{"t": "one", "x": "It rains.", "s": 1}, {"t": "two", "x": "It snows.", "s": 0}]
    where = {"passages": {"titles": "p.t", "texts": "p.x", "supporting": "p.s"}}
    data = loaded(tmp_path, [{"q": "W?", "a": "x", "p": passages}, {"q": "V?", "a": "x", "p": []}], where)
    assert [[passage.supports for passage in own] for own in data.passages.values()] == [[True, False]]


def test_an_object_with_an_object_for_each_id_is_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"17": {"q": "One?"}, "18": {"q": "Two?", "id": "own"}}))
    assert [row for _, row in read_rows(path)] == [{"id": "17", "q": "One?"}, {"id": "own", "q": "Two?"}]


def test_a_file_of_questions_is_not_told_of_keys_that_nobody_wrote(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "Which?", "choices": ["x", "y"], "answer": "w"}))
    with pytest.raises(DataError, match=r"rows\.jsonl:1: .*'w'") as caught:
        load_data(task_of_rows(path))
    assert "write a task file" in caught.value.hint and "leave_out" not in caught.value.hint


def test_the_place_of_an_option_may_be_kept_as_a_decimal(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"question": "Which?", "choices": ["x", "y"], "answer": 1.0}))
    assert list(load_data(task_of_rows(path)).golds.values()) == ["B"]


def test_a_table_with_semicolons_is_read_and_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question;answer\nOne, or two?;1\n")
    assert read_rows(path) == [(2, {"question": "One, or two?", "answer": "1"})]
    assert "separated by semicolons" in task_of_rows(path).note


def test_a_configuration_that_the_folder_does_not_name_is_told_with_where_to_name_it(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "me" / "mine"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text(json.dumps({"q": "One?", "a": "x"}))
    source = {"dataset": "me/mine", "config": "main", "revision": "main", "rows": 1}
    file = read_task_file(written(tmp_path, [], {}, source=source))
    with pytest.raises(DataError, match="'main' not found") as caught:
        load_data(file, tmp_path / "hub")
    assert "source.config" in caught.value.hint and "README.md" in caught.value.hint


def test_a_folder_of_runs_is_told_from_a_run(tmp_path: Path, main: Cli) -> None:
    path = written(tmp_path, [{"q": "One?", "a": "x"}], {})
    assert main("run", "--model", "stub", "--task", str(path), "--mode", "direct", "-o", str(tmp_path / "o")).code == 0
    done = main("report", str(tmp_path / "o"))
    assert done.code == 3
    assert "is no run but a folder of runs: stub-" in " ".join(done.err.split())


def test_a_task_of_texts_is_not_called_symbolic_because_it_has_no_options(tmp_path: Path, main: Cli) -> None:
    golds = {"texts": ["Ada Berg", "the Tann"] * 4, "sums": ["12", "7.5"] * 4, "facts": ["yes", "no"] * 4}
    for name, answers in golds.items():
        rows = [json.dumps({"question": f"{name} {n}?", "answer": answer}) for n, answer in enumerate(answers)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    tasks = ",".join(str(tmp_path / f"{name}.jsonl") for name in golds)
    done = main("run", "--model", "stub", "--task", tasks, "--mode", "direct,cot", "-o", str(tmp_path / "o"))
    assert done.code == 0
    [run] = (tmp_path / "o").iterdir()
    assert main("report", str(run), "--no-page", "--no-plots").code == 0
    told = json.loads((run / "report" / "report.json").read_text())
    families = {row["side"]: row["tasks"] for row in told["pooled"] if (row["rule"], row["unit"]) == ("", "question")}
    assert (families["symbolic"], families["non-symbolic"]) == (["sums"], ["texts", "facts"])
