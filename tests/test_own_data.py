"""A user's own file of questions: what is understood of it, what is told, and what is refused with its place."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas
import pytest
from conftest import ROOT, Cli

from cotbench.errors import CotbenchError, DataError, TaskError, UsageError
from cotbench.questions.columns import Hints
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.files import read_table
from cotbench.questions.own import task_of_rows
from cotbench.questions.readers import of_text
from cotbench.questions.tasks import TaskFile, read_task_file

Row = dict[str, Any]
NO = Hints()


def jsonl(*rows: Row) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(folder: Path, content: str | bytes, hints: Hints = NO, name: str = "my.jsonl") -> tuple[TaskFile, TaskData]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    file = task_of_rows(path, hints)
    return file, load_data(file)


def refused(folder: Path, content: str | bytes, hints: Hints = NO, name: str = "my.jsonl") -> CotbenchError:
    with pytest.raises(CotbenchError) as caught:
        read(folder, content, hints, name)
    assert len(caught.value.hint) > 10, "a remedy"
    return caught.value


def said(**columns: str) -> Hints:
    return Hints({name.removesuffix("_"): column for name, column in columns.items()})


# --- columns ------------------------------------------------------------------------------------------------------

# Headers as data sets have them, with the values of a row each; the options and the golds of two rows.
HEADERS: dict[str, tuple[str, list[list[Any]], tuple[str, ...], list[str]]] = {
    "prompt and target": ("prompt,target", [["One?", "1"], ["Two?", "2"]], (), ["1", "2"]),
    "capitals and spaces": ("Question Text,Correct Answer", [["One?", "1"], ["Two?", "2"]], (), ["1", "2"]),
    "camels": ("id,question,answerKey", [["a", "One?", "1"], ["b", "Two?", "2"]], (), ["1", "2"]),
    "letters": (
        "question,A,B,C,answer",
        [["One?", "x", "y", "z", "C"], ["Two?", "k", "l", "m", "a"]],
        ("x", "y", "z"),
        ["C", "A"],
    ),
    "letters with a name": (
        "question,option_a,option_b,label",
        [["One?", "x", "y", "B"], ["Two?", "k", "l", "A"]],
        ("x", "y"),
        ["B", "A"],
    ),
    "winogrande's": (
        "sentence,option1,option2,answer",
        [["One?", "x", "y", "2"], ["Two?", "k", "l", "1"]],
        ("x", "y"),
        ["B", "A"],
    ),
    "piqa's": ("goal,sol1,sol2,label", [["One?", "x", "y", "0"], ["Two?", "k", "l", "1"]], ("x", "y"), ["A", "B"]),
    "hellaswag's": (
        "ind,ctx_a,ctx_b,ctx,endings,label",
        [[1, "a", "b", "One", '["x", "y", "z"]', "2"], [2, "a", "b", "Two", '["k", "l", "m"]', "0"]],
        ("x", "y", "z"),
        ["C", "A"],
    ),
    "answer before label": ("question,answer,label", [["One?", "1", "5"], ["Two?", "2", "5"]], (), ["1", "2"]),
    "options between bars": (
        "question,options,answer",
        [["One?", "x|y|z", "z"], ["Two?", "k|l|m", "k"]],
        ("x", "y", "z"),
        ["C", "A"],
    ),
    "options with their letters": (
        "question,options,answer",
        [["One?", "A) x\nB) y", "B"], ["Two?", "A) k\nB) l", "A"]],
        ("x", "y"),
        ["B", "A"],
    ),
    "an object of lists, as Python shows it": (
        "question,choices,answerKey",
        [
            ["One?", "{'text': array(['x', 'y'], dtype=object), 'label': array(['1', '2'], dtype=object)}", "2"],
            ["Two?", "{'text': array(['k', 'l'], dtype=object), 'label': array(['1', '2'], dtype=object)}", "1"],
        ],
        ("x", "y"),
        ["B", "A"],
    ),
    "a list as NumPy shows it": (
        "question,choices,answer",
        [["One?", "['x' \"y's\"]", "B"], ["Two?", "['k'\n 'l']", "A"]],
        ("x", "y's"),
        ["B", "A"],
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_columns_are_known_by_their_usual_names(name: str, tmp_path: Path) -> None:
    header, rows, options, golds = HEADERS[name]
    table = pandas.DataFrame(rows, columns=header.split(","))
    _, data = read(tmp_path, table.to_csv(index=False), name="my.csv")
    assert data.questions[0].choices == options
    assert [data.golds[question.id] for question in data.questions] == golds


def test_what_was_guessed_is_told(tmp_path: Path) -> None:
    rows = [
        {"prompt": "One?", "gold": "1", "subject": "s", "extra": 1},
        {"prompt": "Two?", "gold": "2", "subject": "t"},
    ]
    file, data = read(tmp_path, jsonl(*rows))
    assert file.note == "my.jsonl: 2 questions, 2 numbers; question: prompt, answer: gold, group: subject."
    assert file.understood[-1] == "not used: extra"
    assert [question.group for question in data.questions] == ["s", "t"]


@pytest.mark.parametrize(
    ("row", "among", "option"),
    [
        ({"prompt": "One?", "text": "x", "answer": "1"}, "prompt and text", "--columns question=prompt"),
        ({"question": "One?", "label": "1", "target": "2"}, "label and target", "--columns answer=label"),
        (
            {"question": "One?", "answer": "a", "A": "x", "B": "y", "option1": "x", "option2": "y"},
            "A+B and option1+option2",
            "--columns choices=A+B",
        ),
    ],
)
def test_two_columns_that_may_be_it_are_an_error(row: Row, among: str, option: str, tmp_path: Path) -> None:
    error = refused(tmp_path, jsonl(row))
    assert isinstance(error, TaskError)
    assert among in error.message and option in error.hint


def test_of_two_columns_that_may_be_the_group_none_is_taken(tmp_path: Path) -> None:
    file, data = read(tmp_path, jsonl({"question": "One?", "answer": 1, "subject": "s", "topic": "t"}))
    assert data.questions[0].group == ""
    assert "group: none, since subject and topic may each be it (--columns group=subject)" in file.understood


def test_the_user_says_which_column_is_which(tmp_path: Path) -> None:
    row = {"a": "It rains.", "b": "Does it?", "c": "x", "d": "y", "e": "y", "f": "g"}
    hints = said(question="a+b", choices="c+d", answer="e", group="f")
    file, data = read(tmp_path, jsonl(row), hints)
    [question] = data.questions
    assert (question.text, question.choices, question.group) == ("It rains.\n\nDoes it?", ("x", "y"), "g")
    assert data.golds[question.id] == "B"
    assert file.hash != read(tmp_path, jsonl(row), Hints({**hints.columns, "group": "a"}))[0].hash


def test_what_the_user_says_is_checked(tmp_path: Path) -> None:
    row = jsonl({"prompt": "One?", "answer": "1"})
    error = refused(tmp_path, row, said(question="promt"))
    assert isinstance(error, UsageError) and "Did you mean 'prompt'?" in error.hint
    assert "there is no kind 'numbr'" in refused(tmp_path, row, Hints(kind="numbr")).message
    assert "has no options" in refused(tmp_path, row, Hints(kind="letter")).message


def test_a_passage_stands_before_its_question_unless_the_user_says_no(tmp_path: Path) -> None:
    rows = jsonl(*({"question": q, "passage": "It rains.", "answer": True} for q in ("Does it?", "Is it dry?")))
    file, data = read(tmp_path, rows)
    assert [q.text for q in data.questions] == ["It rains.\n\nDoes it?", "It rains.\n\nIs it dry?"]
    assert len({q.cluster for q in data.questions}) == 1 and data.questions[0].cluster
    assert "each with its passage" in file.note
    assert read(tmp_path, rows, said(passage="none"))[1].questions[0].text == "Does it?"


def test_the_right_answer_and_wrong_ones_become_options_in_an_order_drawn_for_each(tmp_path: Path) -> None:
    lines = [f"Which {n}?,right {n},wrong {n},bad {n}" for n in range(30)]
    content = "\n".join(["Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2", *lines])
    file, data = read(tmp_path, content, name="my.csv")
    right = [q.choices["ABC".index(data.golds[q.id])] for q in data.questions]
    assert right == [f"right {n}" for n in range(30)]
    assert set(data.golds.values()) == set("ABC")
    assert "in an order drawn for each question" in file.note


# --- answers ------------------------------------------------------------------------------------------------------


def lettered(*answers: Any, options: Any = ("x", "y", "z"), **more: Any) -> str:
    return jsonl(
        *({"question": f"{n}?", "opts": list(options), "gold": gold, **more} for n, gold in enumerate(answers))
    )


@pytest.mark.parametrize(
    ("content", "golds", "told"),
    [
        (lettered(0, 2), ["A", "C"], "counted from 0"),
        (lettered(1, 3), ["A", "C"], "counted from 1 (line 2 names the last one)"),
        (lettered("1", "3"), ["A", "C"], "counted from 1"),
        (lettered(1.0, 0.0), ["B", "A"], "counted from 0"),
        (lettered("b", "(C)", "A.", "y", "X", "C) z"), ["B", "C", "A", "B", "A", "C"], ""),
        (lettered(20, 35, options=["10", "20", "35"]), ["B", "C"], "texts of options"),
        (lettered([0], [2]), ["A", "C"], "lists of indices"),
        (lettered([0, 2], [1]), ["AC", "B"], "lists of indices"),
        (lettered(["A", "C"], ["B"]), ["AC", "B"], "lists of letters"),
        (lettered([1, 0, 1], [0, 1, 0]), ["AC", "B"], "true or false for each option"),
    ],
)
def test_an_option_is_named_by_letter_text_or_number(content: str, golds: list[str], told: str, tmp_path: Path) -> None:
    file, data = read(tmp_path, content)
    assert [data.golds[question.id] for question in data.questions] == golds
    assert told in file.note


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (lettered(1, 2), "counted from 0 or from 1"),
        (lettered(0, 3), "my.jsonl:1: the answer is 0"),
        (lettered(1, 2, options=["1", "2", "3"]), "is the text of an option, and may be the number of one"),
    ],
)
def test_a_number_that_may_name_two_options_is_an_error(content: str, finding: str, tmp_path: Path) -> None:
    error = refused(tmp_path, content)
    assert finding in error.message and "index=0" in error.hint and "index=1" in error.hint


@pytest.mark.parametrize(("index", "golds"), [("0", ["B", "C"]), ("1", ["A", "B"])])
def test_the_user_says_how_options_are_counted(index: str, golds: list[str], tmp_path: Path) -> None:
    _, data = read(tmp_path, lettered(1, 2), said(index=index))
    assert list(data.golds.values()) == golds
    texts = read(tmp_path, lettered(1, 2, options=["2", "1", "3"]), said(index="none"))[1]
    assert list(texts.golds.values()) == ["B", "A"]


def opened(*answers: Any) -> str:
    return jsonl(*({"question": f"{n}?", "answer": answer} for n, answer in enumerate(answers)))


@pytest.mark.parametrize(
    ("content", "kind", "golds", "told"),
    [
        (opened("So 3 + 4 = <<3+4=7>>7.\n#### 7", "#### 1,200"), "number", ["7", "1200"], "behind ####"),
        (
            opened("12 km", "1,200", "$5.50", "45%", "3 red pens."),
            "number",
            ["12", "1200", "5.5", "45", "3"],
            "'12 km' is 12",
        ),
        (opened("7", "8 May 1990"), "text", ["7", "8 May 1990"], "1 of the texts is a number"),
        (
            opened("4,5", "7"),
            "text",
            ["4,5", "7"],
            "1 answer has a comma before decimals and is no number here (4,5: write 4.5)",
        ),
        (opened("1.000", "2500"), "number", ["1", "2500"], "1.000 is read with a decimal point, as 1 (write 1000, if"),
        (opened(r"It is \boxed{\frac12}.", r"So \boxed{x}."), "latex", [r"\frac12", "x"], "boxed"),
        (opened(True, "No"), "boolean", ["yes", "no"], "2 yes or no"),
        (opened(1, 0), "number", ["1", "0"], "--kind boolean"),
        (opened("1", "2", "3", "Oslo"), "text", ["1", "2", "3", "Oslo"], "line 4 isn't a number"),
        (opened("A", "B."), "text", ["A", "B."], "all are letters, and no column holds options"),
        (jsonl({"question": "1?", "answers": {"text": ["x", "y"], "start": [1]}}), "text", ["x\ny"], "1 text"),
    ],
)
def test_golds_are_read_as_people_write_them(
    content: str, kind: str, golds: list[str], told: str, tmp_path: Path
) -> None:
    file, data = read(tmp_path, content)
    assert file.task.kinds == (kind,)
    assert list(data.golds.values()) == golds
    assert told in file.note


def test_a_kind_that_is_said_is_kept_to_and_other_rows_are_named(tmp_path: Path) -> None:
    content = opened("1", "2", "twelve", "3", "many")
    error = refused(tmp_path, content, Hints(kind="number"))
    assert "my.jsonl:3: answer: 'twelve', which isn't a number" in error.message and "my.jsonl:5" in error.message
    file, _ = read(tmp_path, opened(1, 0), Hints(kind="boolean"))
    assert file.task.kinds == ("boolean",)


def test_each_question_may_be_of_its_own_kind(tmp_path: Path) -> None:
    rows = [
        {"question": "a?", "answer": "7 km"},
        {"question": "b?", "answer": "y", "choices": ["x", "y"]},
        {"question": "c?", "answer": "8", "choices": []},
    ]
    file, data = read(tmp_path, jsonl(*rows))
    assert file.note.startswith("my.jsonl: 3 questions, 2 numbers, 1 letter;")
    assert [(q.kind, q.choices, data.golds[q.id]) for q in data.questions] == [
        ("number", (), "7"),
        ("letter", ("x", "y"), "B"),
        ("number", (), "8"),
    ]
    contracts = [data.task.answer_of(question).type for question in data.questions]
    assert contracts == ["number", "letter", "number"]


def test_open_questions_are_of_one_kind_unless_the_user_asks_for_each(tmp_path: Path) -> None:
    content = opened("7", "yes", "Oslo", "x^2")
    assert read(tmp_path, content)[0].task.kinds == ("latex",)
    _, data = read(tmp_path, content, Hints(kind="each"))
    assert [question.kind for question in data.questions] == ["number", "boolean", "text", "latex"]
    rows = [{"question": f"{n}?", "answer": a, "kind": k} for n, (a, k) in enumerate([("7", "text"), ("8", "number")])]
    assert [question.kind for question in read(tmp_path, jsonl(*rows))[1].questions] == ["text", "number"]
    odd = refused(tmp_path, jsonl(*rows, {"question": "?", "answer": "x", "kind": "odd"}), said(kind="kind"))
    assert "my.jsonl:3: its kind (kind) is 'odd'" in odd.message


@pytest.mark.patient
def test_a_run_of_mixed_kinds_is_graded_reported_and_graded_again(tmp_path: Path, main: Cli) -> None:
    rows = [{"question": f"{n} + 1?", "answer": n + 1} for n in range(4)]
    rows += [{"question": f"Which {n}?", "answer": "x", "choices": ["x", "y"]} for n in range(4)]  # type: ignore[dict-item]
    (tmp_path / "my.jsonl").write_text(jsonl(*rows))
    done = main(
        "run",
        "--model",
        "stub",
        "--task",
        "my.jsonl",
        "--mode",
        "direct,cot",
        "-a",
        "direct=1,cot=1,unparsed=0,truncated=0",
    )
    assert done.code == 0, done.err
    assert "my.jsonl: 8 questions, 4 numbers, 4 letters." in done.err
    [run] = (tmp_path / "results").iterdir()
    records = [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]
    assert {row["outcome"] for row in records} == {"correct"} and len(records) == 16
    assert main("report", str(run), "--no-page", "--no-plots").code == 0
    assert "0 changed their verdict" in main("score", str(run)).out
    [journal] = run.glob("journal.jsonl")
    asked = " ".join(line for line in journal.read_text().splitlines())
    assert "the letter of the one right option" in asked and "the final number" in asked


# --- rows ---------------------------------------------------------------------------------------------------------


def test_bad_rows_are_named_up_to_five_and_counted(tmp_path: Path) -> None:
    error = refused(tmp_path, lettered(*["w"] * 7, "x"))
    assert isinstance(error, DataError)
    lines = error.message.splitlines()
    assert [line.rpartition("my.jsonl:")[2][:1] for line in lines[:5]] == list("12345")
    assert lines[5:] == ["and 2 more rows."]
    broken = refused(tmp_path, '{"question": 1}\nx\n{\n' + "y\n" * 5)
    assert "my.jsonl:2: not valid JSON" in broken.message and "and 2 more lines." in broken.message
    assert refused(tmp_path, "question,answer\na,1\nb,\nc,NaN\n", name="my.csv").message.count("nothing stands in") == 2


def test_duplicates_are_told_and_kept(tmp_path: Path) -> None:
    rows = [{"question": "One?", "answer": a} for a in (1, 1, 2)] + [{"question": "Two?", "answer": 2}]
    file, data = read(tmp_path, jsonl(*rows))
    assert "2 duplicates (line 3 as line 1, 1 with another answer; kept)" in file.note
    assert len(data.questions) == 4


def test_options_that_were_forgotten_are_told(tmp_path: Path) -> None:
    rows = [{"question": "a?", "choices": ["x", "y"], "answer": "A"}, {"question": "b?", "answer": "B"}]
    assert "my.jsonl:2: has no options, and its answer is a letter" in refused(tmp_path, jsonl(*rows)).message


# Contents of files, their names, and what is told of how they are read.
READ: Mapping[str, tuple[bytes, str, str]] = {
    "a byte order mark, semicolons, a quoted line's end": (
        '\ufeffQuestion;Answer\r\n"What is 1,5 + 1,5?\r\nTake care.";3\r\n'.encode(),
        "my.csv",
        "separated by semicolons",
    ),
    "UTF-16 with tabs, as Excel saves it": ("question\tanswer\r\nCafé?\t3\r\n".encode("utf-16"), "my.csv", "UTF-16"),
    "UTF-16 in JSON": (jsonl({"question": "Café?", "answer": 3}).encode("utf-16"), "my.jsonl", "UTF-16"),
    "Excel's line that says what separates": (b"sep=;\r\nquestion;answer\r\nOne?;3\r\n", "my.csv", "1 number"),
    "rows of commas": (b"question,answer,\nOne?,3,\n,,\n", "my.csv", "1 row without any value left out (line 3)"),
    "a list within an object": (b'{"n": 1, "data": [{"question": "One?", "answer": 3}]}', "my.json", "1 number"),
}


@pytest.mark.parametrize("name", READ)
def test_files_are_read_as_programs_write_them(name: str, tmp_path: Path) -> None:
    content, called, told = READ[name]
    file, data = read(tmp_path, content, name=called)
    assert list(data.golds.values()) == ["3"]
    assert told in file.note


REFUSED: Mapping[str, tuple[bytes, str, str, str]] = {
    "Latin-1": ("question,answer\nCafé?,2\n".encode("latin-1"), "my.csv", "my.csv:2: can't be read as UTF-8", "iconv"),
    "Latin-1 in JSON": (
        jsonl({"question": "Café?"}).replace("\\u00e9", "é").encode("latin-1"),
        "my.jsonl",
        ":1: ",
        "'",
    ),
    "a mark that isn't closed": (b'question,answer\na,1\n"b,1\nc,2\n', "my.csv", "my.csv:3: a quotation mark", "Close"),
    "a workbook": (b"PK\x03\x04\x14\x00", "my.csv", "a workbook of Excel", "CSV"),
    "zeros": ("question,answer\n".encode("utf-16-le"), "my.csv", "zero", "UTF-8"),
    "lines called a document": (b'{"question": 1}\n{"question": 2}\n', "my.json", "not valid JSON", ".jsonl"),
    "a document called lines": (b'[\n{"question": 1}\n]', "my.jsonl", "my.jsonl:1", "call it .json"),
    "no such columns": (b"a,b\n1,2\n", "my.csv", "it has: a, b", "--columns question=COLUMN"),
    "true beside options": (lettered(True).encode(), "my.jsonl", "is true or false", "--columns"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_read_is_told_with_its_place_and_remedy(name: str, tmp_path: Path) -> None:
    content, called, finding, remedy = REFUSED[name]
    error = refused(tmp_path, content, name=called)
    assert finding in error.message and remedy in error.hint


def test_parquet_with_lists_objects_and_nothing_is_read(tmp_path: Path) -> None:
    rows = [
        {"stem": "One?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B", "note": float("nan")},
        {"stem": "Two?", "choices": {"text": ["k", "l"], "label": ["A", "B"]}, "answerKey": "A", "note": 1.0},
    ]
    path = tmp_path / "my.parquet"
    pandas.DataFrame(rows).to_parquet(path)
    data = load_data(task_of_rows(path))
    assert list(data.golds.values()) == ["B", "A"] and data.questions[1].choices == ("k", "l")
    assert read_table(path).rows[0][1]["note"] is None


def test_lists_of_numpy_are_no_texts_put_together() -> None:
    assert of_text("['a' 'b\\'s']") == ["a", "b's"]
    assert of_text("['a', 'b']") == ["a", "b"] and of_text("a text") == "a text"


# --- files as they were -------------------------------------------------------------------------------------------

# Ids of questions of earlier versions: a hash of text and options.
IDS = {
    "number": (opened(7, 8), ["my-75a005bcb94b", "my-618210f60106"]),
    "letter": (
        jsonl({"question": "0?", "choices": ["x", "y"], "answer": 1, "group": "g"}),
        ["my-7d234c55a84d"],
    ),
}


@pytest.mark.parametrize("name", IDS)
def test_ids_and_hashes_are_as_they_were(name: str, tmp_path: Path) -> None:
    import hashlib

    content, ids = IDS[name]
    file, data = read(tmp_path, content)
    assert [question.id for question in data.questions] == ids
    assert file.hash == hashlib.sha256(content.encode()).hexdigest()[:16]


# --- mixed kinds in a task file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "finding"),
    [
        ({"mixed": [{"answer": "letter", "gold_reader": "letter"}]}, "go together"),
        ({"mixed": [{"answer": "number", "gold_reader": "number"}]}, "stands there twice"),
        ({"mixed": [{"answer": "list", "gold_reader": "plain"}]}, "is told by a column: fields.kind"),
        ({"fields": {"question": "q", "gold": "a", "kind": "k"}}, "list the others in 'mixed'"),
    ],
)
def test_kinds_that_can_not_be_mixed_are_refused(keys: Row, finding: str, tmp_path: Path) -> None:
    content = {
        "name": "mine",
        "about": "rows",
        "source": {"file": "rows.jsonl"},
        "fields": {"question": "q", "gold": "a"},
        "gold_reader": "number",
        "answer": "number",
        **keys,
    }
    (tmp_path / "rows.jsonl").write_text("")
    (tmp_path / "mine.yaml").write_text(json.dumps(content))
    with pytest.raises(TaskError) as caught:
        read_task_file(tmp_path / "mine.yaml")
    assert finding in caught.value.message


# --- exemplars of a second file -----------------------------------------------------------------------------------


def shots(folder: Path, main: Cli, *more: str, rows: str, exemplars: str) -> str:
    (folder / "my.jsonl").write_text(rows)
    (folder / "worked.jsonl").write_text(exemplars)
    asked = ("--task", "my.jsonl", "--mode", "cot", "--exemplars", "worked.jsonl", *more)
    done = main("show-prompt", *asked)
    return done.out if done.code == 0 else done.err


def test_exemplars_come_from_a_second_file(tmp_path: Path, main: Cli) -> None:
    worked = ("1 and 1 make 2.\n#### 2", "2 and 2 make 4.\n#### 4")
    exemplars = jsonl(*({"question": f"Shown {n}?", "answer": answer} for n, answer in enumerate(worked)))
    out = shots(tmp_path, main, "-f", "2", rows=opened(5, 6), exemplars=exemplars)
    assert "1 and 1 make 2.\nAnswer: 2" in out and "2 and 2 make 4.\nAnswer: 4" in out
    none = shots(tmp_path, main, rows=opened(5, 6), exemplars=exemplars)
    assert "--num-fewshot 2" in none
    other = shots(tmp_path, main, "-f", "1", rows=opened(5, 6), exemplars=opened("Oslo"))
    assert "has answers of the kind text" in other


def test_exemplars_have_columns_of_their_own_and_are_recorded(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "my.csv").write_text("Q;R;S\n1 + 1?;2;s\n")
    (tmp_path / "ex.csv").write_text("Q;R;Why\n2 + 1?;3;It is one more.\n")
    columns = ("--columns", "question=Q,answer=R,group=S,rationale=Why")
    asked = ("run", "--model", "stub", "--task", "my.csv", "--mode", "cot", *columns, "-f", "1")
    done = main(*asked, "--exemplars", "ex.csv")
    assert done.code == 0, done.err
    [run] = (tmp_path / "results").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["spec"]["exemplars"].startswith("file ")
    assert "It is one more." in (run / "journal.jsonl").read_text()
    assert main("run", "--resume", str(run)).code == 0
    (tmp_path / "ex.csv").write_text("Q;R;Why\n2 + 1?;3;It is one more than two.\n")
    assert "exemplars" in main("run", "--resume", str(run)).err
    lost = main(*asked)
    assert lost.code == 2 and "rationale is a column of exemplars" in lost.err


def test_what_is_said_of_a_file_is_part_of_the_run(tmp_path: Path, main: Cli) -> None:
    (tmp_path / "my.jsonl").write_text(opened(1, 0))
    asked = ("run", "--model", "stub", "--task", "my.jsonl", "--mode", "direct", "-q")
    assert main(*asked).code == main(*asked, "--kind", "boolean").code == 0
    assert len(list((tmp_path / "results").iterdir())) == 2
    other = main("run", "--model", "stub", "--task", "sample", "--mode", "direct", "--kind", "number")
    assert other.code == 2 and "no task of this run is a file of questions" in other.err


@pytest.mark.parametrize(
    ("typed", "finding"),
    [
        ("frage=x", "there is nothing called 'frage'"),
        ("question", "expected question=COLUMN"),
        ("question=a,question=b", "is given twice"),
        ("index=2", "expected 0, 1 or none"),
        ("question=x", "no task of these is a file of questions"),
    ],
)
def test_columns_that_can_not_be_read_are_told(typed: str, finding: str, tmp_path: Path, main: Cli) -> None:
    done = main("doctor", "--task", "sample", "--columns", typed)
    assert done.code == 2 and finding in done.err


# --- the page -----------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "own-data.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@pytest.mark.patient
def test_the_page_does_what_it_says(tmp_path: Path, main: Cli) -> None:
    errors: list[str] = []
    for language, content in BLOCK.findall(PAGE):
        if language == "text":
            assert " ".join(content.split()) in " ".join(errors[0].split())
        elif language == "console":
            for command in content.strip().splitlines():
                name, *arguments = shlex.split(command)
                done = main(*arguments)
                assert (name, done.code) == ("cotbench", 0), f"{command}: {done.err}"
                errors.append(done.err)
        else:
            first, _, rest = content.partition("\n")
            (tmp_path / first.removeprefix("# ")).write_text(rest)


# --- whatever a file holds ----------------------------------------------------------------------------------------

VALUES: list[Any] = [
    None, "", 0, 1, 2.5, True, "A", "(C)", "x", "1", "a #### 4", "12 km", "yes", [], ["x", "y"], ["x", None], [1, 2],
    [["x"]], {"text": ["x", "y"], "label": ["A", "B"]},
    {"A": "x", "B": "y"}, "['x','y']", "x|y|z", r"\boxed{2}", 10**30,
]  # fmt: skip
NAMES = ["choices", "options", "prompt", "target", "A", "B", "option1", "option2", "passage", "kind", "incorrect_1", ""]
KINDS_SAID = [None, None, "each", "number", "letter", "latex", "boolean", "letters", "choice"]


@pytest.mark.patient
def test_whatever_a_file_holds_is_understood_or_refused(tmp_path: Path) -> None:
    rng = random.Random(7)
    understood = 0
    for _ in range(1500):
        pools = {name: rng.sample(VALUES, 2) for name in [*rng.sample(NAMES, rng.randint(0, 4)), "answer"]}
        rows = [{"question": "What?", **{name: rng.choice(pool) for name, pool in pools.items()}} for _ in range(3)]
        try:
            file, data = read(tmp_path, jsonl(*rows), Hints(kind=rng.choice(KINDS_SAID)))
        except CotbenchError as error:
            assert "my.jsonl" in error.message and error.hint
            continue
        understood += 1
        assert len(data.questions) == 3 and file.note
    assert understood > 50
