"""Rows -> questions and golds, their ids, and the subset of a run.

Ids are the pairing key of every comparison, so they (and all that hangs on them: gold, group, cluster) must not depend
on the order of rows, which differs between copies of a data set. Small sets are written here, in the Hub's layout where
`datasets` is to read them; tests marked `data` look at the real ones.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Cli

from cotbench.errors import CotbenchError, DataError, TaskError
from cotbench.questions.data import TaskData, load_data, question_hash, select
from cotbench.questions.readers import GOLD_READERS
from cotbench.questions.tasks import Exemplar, Task, TaskFile, find_task, read_task_file, task_of_rows
from cotbench.types import Question

Row = dict[str, Any]

# --- gold readers -------------------------------------------------------------------------------------------------

FOUR = ("red", "green", "blue", "black")


@pytest.mark.parametrize(
    ("reader", "value", "gold"),
    [
        pytest.param("hashes", "He pays 3 + 4 = 7.\n#### 7", "7", id="hashes"),
        pytest.param("hashes", "Many.\n#### 1,234,500", "1234500", id="hashes, thousands"),
        pytest.param("hashes", "Cold.\n#### -5", "-5", id="hashes, sign"),
        pytest.param("hashes", "Half.\n#### 2.50 ", "2.5", id="hashes, decimals"),
        pytest.param("hashes", "First #### 3, no:\n#### 4", "4", id="hashes, the last"),
        pytest.param("boxed", r"So it is \boxed{7}.", "7", id="boxed"),
        pytest.param("boxed", r"\boxed{1} at first, then \boxed{ 2 }", "2", id="boxed, the last"),
        pytest.param("boxed", r"$\boxed{\frac{1}{2^{3}}}$", r"\frac{1}{2^{3}}", id="boxed, nested"),
        pytest.param("boxed", r"$\boxed{\{1, 2\}}$", r"\{1, 2\}", id="boxed, a set"),
        pytest.param("boxed", r"$\fbox{3}$", "3", id="fbox"),
        pytest.param("boxed", r"$\boxed 5$", "5", id="boxed without braces"),
        pytest.param("index", 0, "A", id="index, first"),
        pytest.param("index", 3, "D", id="index, last"),
        pytest.param("letter", "B", "B", id="letter"),
        pytest.param("letter", " d ", "D", id="letter, small"),
        pytest.param("letter", "(C)", "C", id="letter, brackets"),
        pytest.param("letter", "A.", "A", id="letter, dot"),
        pytest.param("plain", r"  \frac12 ", r"\frac12", id="plain"),
        pytest.param("plain", 0, "0", id="plain, zero"),
    ],
)
def test_a_gold_is_read(reader: str, value: Any, gold: str) -> None:
    assert GOLD_READERS[reader](value, FOUR) == gold


@pytest.mark.parametrize(
    ("reader", "value", "finding"),
    [
        pytest.param("hashes", "It is 7.", "no number behind '####'", id="hashes, none"),
        pytest.param("hashes", "It is\n#### seven", "no number behind '####'", id="hashes, a word"),
        pytest.param("hashes", "It is\n####", "no number behind '####'", id="hashes, nothing"),
        pytest.param("hashes", "It is\n#### 7 apples", "no number behind '####'", id="hashes, a unit"),
        pytest.param("boxed", "It is 7.", r"no \boxed", id="boxed, none"),
        pytest.param("boxed", r"It is \boxed{7", r"no \boxed", id="boxed, open"),
        pytest.param("boxed", r"It is \boxed{ }", "", id="boxed, empty"),
        pytest.param("index", 4, "4 is not the index of one of 4 choices", id="index, too large"),
        pytest.param("index", -1, "-1 is not the index", id="index, negative"),
        pytest.param("index", "one", "'one' is not the index of one of 4 choices", id="index, a text"),
        pytest.param("index", 1.5, "1.5 is not the index", id="index, a float"),
        pytest.param("index", True, "True is not the index", id="index, true"),
        pytest.param("letter", "E", "'E' is neither the letter nor the text of one of 4 choices", id="letter, too far"),
        pytest.param("letter", "AB", "'AB' is neither the letter nor the text of one of 4 choices", id="letter, two"),
        pytest.param("letter", "", "'' is neither the letter nor the text of one of 4 choices", id="letter, none"),
        pytest.param("letter", "1", "'1' is neither the letter nor the text of one of 4 choices", id="letter, a digit"),
        pytest.param("plain", "", "the gold answer is empty", id="plain, empty"),
        pytest.param("plain", " \n", "the gold answer is empty", id="plain, blank"),
    ],
)
def test_a_gold_that_cannot_be_read(reader: str, value: Any, finding: str) -> None:
    with pytest.raises(ValueError) as caught:
        GOLD_READERS[reader](value, FOUR)
    assert finding in str(caught.value)


# --- small tasks --------------------------------------------------------------------------------------------------

CONTRACT = {"form": "<x>", "phrase": "where <x> is the answer"}


def letter_task(folder: Path, lines: Sequence[Row], **source: Any) -> TaskFile:
    """A multiple-choice task in a folder of its own, with groups and clusters."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = {
        "name": "tiny",
        "about": "tiny",
        "source": {"file": "rows.jsonl", **source},
        "fields": {"question": "q", "gold": "a", "choices": "options", "group": "subject", "cluster": "page"},
        "gold_reader": "letter",
        "answer": {"type": "letter", **CONTRACT},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_task_file(path)


def row(q: str, a: str = "A", *, options: Any = ("x", "y"), subject: Any = "sums", page: Any = "1") -> Row:
    return {"q": q, "a": a, "options": list(options), "subject": subject, "page": page}


def everything(data: TaskData) -> dict[str, tuple[Question, str]]:
    """All that hangs on an id."""
    return {q.id: (q, data.golds[q.id]) for q in data.questions}


# --- ids ----------------------------------------------------------------------------------------------------------


def test_an_id_is_made_of_the_task_the_question_and_its_options(tmp_path: Path) -> None:
    rows = [row("One?"), row("Two?"), row("Two?", options=("y", "x")), row("Two?", options=("x", "y", "z"))]
    ids = [q.id for q in load_data(letter_task(tmp_path, rows)).questions]
    assert ids == [f"tiny-{question_hash(r['q'], r['options'])}" for r in rows]
    assert len(set(ids)) == 4


def test_what_is_not_asked_is_not_part_of_an_id(tmp_path: Path) -> None:
    one = load_data(letter_task(tmp_path / "1", [row("One?", "A", subject="a", page="1")]))
    two = load_data(letter_task(tmp_path / "2", [row(" One?\n", "B", subject="b", page="2")]))
    assert [q.id for q in one.questions] == [q.id for q in two.questions]


REPEATED = {
    "no repeats": [row("One?"), row("Two?", "B"), row("Three?")],
    "repeats with different golds": [row("One?", "A"), row("One?", "B"), row("Two?"), row("One?", "B")],
    "repeats in different subjects": [
        row("One?", subject="history"),
        row("One?", subject="geography"),
        row("Two?", subject="history"),
    ],
    "repeats on different pages": [row("One?", page="12"), row("Two?", page="12"), row("One?", page="9")],
}


@pytest.mark.parametrize("rows", REPEATED.values(), ids=REPEATED)
def test_nothing_depends_on_the_order_of_rows(rows: list[Row], tmp_path: Path) -> None:
    first = load_data(letter_task(tmp_path / "first", rows))
    assert len(first.questions) == len(rows)
    for number, order in enumerate(itertools.permutations(rows)):
        again = load_data(letter_task(tmp_path / str(number), order))
        assert [q.text for q in again.questions] == [r["q"] for r in order], "questions stay in the order of the rows"
        assert everything(again) == everything(first)
        assert again.fingerprint == first.fingerprint


def test_repeats_are_counted(tmp_path: Path) -> None:
    data = load_data(letter_task(tmp_path, [row("One?", "B"), row("Two?"), row("One?", "A"), row("One?", "B")]))
    digest = question_hash("One?", ("x", "y"))
    by_id = {q.id: data.golds[q.id] for q in data.questions if q.text == "One?"}
    assert by_id == {f"tiny-{digest}": "A", f"tiny-{digest}-2": "B", f"tiny-{digest}-3": "B"}
    assert len({q.id for q in data.questions}) == 4


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([row("One?"), row("Two?", "B")], id="another gold"),
        pytest.param([row("One?"), row("Three?")], id="another question"),
        pytest.param([row("One?")], id="a row less"),
        pytest.param([row("One?"), row("Two?"), row("Two?")], id="a row twice"),
        pytest.param([row("One?"), row("Two?", options=("y", "x"))], id="options in another order"),
    ],
)
def test_the_fingerprint_tells_other_data(rows: list[Row], tmp_path: Path) -> None:
    before = load_data(letter_task(tmp_path / "before", [row("One?"), row("Two?")]))
    assert load_data(letter_task(tmp_path / "after", rows)).fingerprint != before.fingerprint


# --- groups and clusters ------------------------------------------------------------------------------------------


def test_a_long_cluster_goes_by_its_hash(tmp_path: Path) -> None:
    passage = "A passage that several questions are asked about. " * 3
    rows = [row("One?", page=passage), row("Two?", page=passage), row("Three?", page=passage + "!"), row("4?")]
    clusters = [q.cluster for q in load_data(letter_task(tmp_path, rows)).questions]
    assert clusters[0] == clusters[1] != clusters[2]
    assert all(0 < len(cluster) <= 40 for cluster in clusters)
    assert clusters[3] == "1"


@pytest.mark.parametrize(("value", "shown"), [("a", "a"), (7, "7"), (0, "0"), (None, ""), ("", "")], ids=repr)
def test_groups_and_clusters_may_be_numbers(value: Any, shown: str, tmp_path: Path) -> None:
    """0 is a name like any other: taken for "none", the questions of cluster 0 would count as independent."""
    [question] = load_data(letter_task(tmp_path, [row("One?", subject=value, page=value)])).questions
    assert (question.group, question.cluster) == (shown, shown)


@pytest.mark.parametrize("field", ["group", "cluster"])
def test_a_group_or_cluster_column_that_no_row_has_is_an_error(field: str, tmp_path: Path) -> None:
    """A misspelt column would silently give an unstratified subset, or standard errors without clusters."""
    path = letter_task(tmp_path, [row("One?"), row("Two?")]).path
    content = yaml.safe_load(path.read_text())
    content["fields"][field] = "subjct"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(DataError, match="subjct"):
        load_data(read_task_file(path))


def test_a_question_may_be_put_together_from_columns(tmp_path: Path) -> None:
    path = letter_task(tmp_path, [row("Who?", page="A passage. ")]).path
    content = yaml.safe_load(path.read_text())
    content["fields"]["question"] = ["page", "q"]
    path.write_text(yaml.safe_dump(content))
    [question] = load_data(read_task_file(path)).questions
    assert question.text == "A passage.\n\nWho?"


# --- rows that are not right --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "finding"),
    [
        pytest.param({**row("Two?"), "q": None}, "row 2 has no value in the column 'q'", id="question null"),
        pytest.param({"q": "Two?"}, "row 2 has no value in the column 'options' (it has: q)", id="no choices"),
        pytest.param(
            {"q": "Two?", "options": ["x", "y"]}, "no value in the column 'a' (it has: options, q)", id="no gold"
        ),
        pytest.param(row("  "), "row 2: the question is empty", id="question empty"),
        pytest.param(row("Two?", options=["x"]), "expected a list of 2 to 26 choices, found ['x']", id="one choice"),
        pytest.param({**row("Two?"), "options": "x y"}, "2 to 26 choices, found 'x y'", id="choices a text"),
        pytest.param(row("Two?", options=["x"] * 27), "row 2: expected a list of 2 to 26 choices", id="27 choices"),
        pytest.param(
            row("Two?", "C"),
            "the gold reader 'letter' finds 'C' is neither the letter nor the text of one of 2",
            id="gold",
        ),
    ],
)
def test_a_row_that_is_not_right(bad: Row, finding: str, tmp_path: Path) -> None:
    file = letter_task(tmp_path, [row("One?"), bad])
    with pytest.raises(DataError) as caught:
        load_data(file)
    assert caught.value.message.startswith(str(file.path))
    assert finding in caught.value.message
    assert "orrect" in caught.value.hint


NESTED: dict[str, tuple[Row, str]] = {
    "question: an object": (
        {"q": {"text": "Two?"}},
        "row 2: fields.question (q) is an object ({'text': 'Two?'}), expected a text or a number",
    ),
    "question: a list": ({"q": ["Two?"]}, "row 2: fields.question (q) is a list (['Two?'])"),
    "question: true": ({"q": True}, "row 2: fields.question (q) is true or false (True)"),
    "a choice: an object": (
        {"options": ["x", {"text": "y"}]},
        "row 2: fields.choices (options), choice 2, is an object",
    ),
    "a choice: none": ({"options": [None, "y"]}, "row 2: fields.choices (options), choice 1, is nothing (None)"),
    "a choice: a list": ({"options": [["x"], "y"]}, "row 2: fields.choices (options), choice 1, is a list"),
    "group: an object": ({"subject": {"name": "sums"}}, "row 2: fields.group (subject) is an object"),
    "cluster: a list": ({"page": ["A", "passage"]}, "row 2: fields.cluster (page) is a list"),
    "gold: an object": ({"a": {"text": "A"}}, "row 2: fields.gold (a) is an object"),
    "gold: a list": ({"a": ["A"]}, "row 2: fields.gold (a) is a list"),
    "gold: true": ({"a": True}, "row 2: fields.gold (a) is true or false"),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_column_is_an_error_and_not_python_in_a_prompt(name: str, tmp_path: Path) -> None:
    change, finding = NESTED[name]
    file = letter_task(tmp_path, [row("One?"), {**row("Two?"), **change}])
    with pytest.raises(DataError) as caught:
        load_data(file)
    assert caught.value.message.startswith(f"{file.path}: {finding}")
    assert "`fields`" in caught.value.hint


def test_numbers_are_fine_where_texts_are(tmp_path: Path) -> None:
    file = letter_task(
        tmp_path,
        [
            {"q": 12, "a": "3.5", "options": [2, 3.5], "subject": 7, "page": 1.5},
            {**row("Two?"), "subject": None, "page": None},
        ],
    )
    data = load_data(file)
    first, second = data.questions
    assert (first.text, first.choices, first.group, first.cluster, data.golds[first.id]) == (
        "12",
        ("2", "3.5"),
        "7",
        "1.5",
        "B",
    )
    assert (second.group, second.cluster) == ("", "")


@pytest.mark.parametrize("reader", ["hashes", "boxed", "plain"])
def test_a_nested_gold_is_an_error_for_every_reader(reader: str, tmp_path: Path) -> None:
    r"""Even one in which Python's way to write it holds what the reader looks for."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"q": "One?", "a": ["so #### 5", "\\boxed{5}"]}) + "\n")
    content = {
        "name": "tiny",
        "about": "tiny",
        "source": {"file": "rows.jsonl"},
        "fields": {"question": "q", "gold": "a"},
        "gold_reader": reader,
        "answer": {"type": "number", **CONTRACT},
    }
    task = TaskFile(task=Task.model_validate(content), path=tmp_path / "tiny.yaml", hash="")
    with pytest.raises(DataError, match=r"row 1: fields\.gold \(a\) is a list"):
        load_data(task)


@pytest.mark.parametrize(
    "line",
    ['{"question": "One?", "answer": 1, "answer": 2}', '{"question": "One?", "answer": 1, "more": {"a": 1, "a": 2}}'],
)
def test_a_key_that_stands_twice_is_an_error(line: str, tmp_path: Path, main: Cli) -> None:
    (tmp_path / "q.jsonl").write_text(f'{{"question": "Who: you?", "answer": 3}}\n{line}\n')
    done = main("run", "--model", "stub", "--task", "q.jsonl", "--mode", "direct")
    assert done.code == 3
    assert "q.jsonl:2: the key 'a" in done.err
    assert "stands there twice" in done.err


def test_a_number_task_refuses_a_gold_that_is_none(tmp_path: Path) -> None:
    """Otherwise the run ends in the grader, after the model has answered."""
    (tmp_path / "rows.jsonl").write_text('{"q": "How many?", "a": "five apples"}\n')
    task = Task.model_validate(
        {
            "name": "tiny",
            "about": "tiny",
            "source": {"file": "rows.jsonl"},
            "fields": {"question": "q", "gold": "a"},
            "gold_reader": "plain",
            "answer": {"type": "number", **CONTRACT},
        }
    )
    with pytest.raises(CotbenchError, match="five apples"):
        load_data(TaskFile(task=task, path=tmp_path / "tiny.yaml", hash=""))


def test_another_number_of_rows_than_the_task_file_says(tmp_path: Path) -> None:
    file = letter_task(tmp_path, [row("One?"), row("Two?")], rows=3)
    with pytest.raises(DataError) as caught:
        load_data(file)
    assert caught.value.message == f"{file.path}: source.rows is 3 but {tmp_path / 'rows.jsonl'} has 2 rows."
    assert caught.value.hint == "Correct source.rows, or the file."


@pytest.mark.parametrize("content", ["", "\n \n"], ids=["no lines", "blank lines"])
def test_no_rows_at_all(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match="has no rows") as caught:
        load_data(task_of_rows(path))
    assert "at least one question" in caught.value.hint


# --- a data set in the Hub's layout -------------------------------------------------------------------------------

CARD = """\
---
configs:
- config_name: all
  data_files:
  - split: test
    path: test.jsonl
  - split: dev
    path: dev.jsonl
---
"""
DEV = [row(f"{subject} exemplar {n}?", "AB"[n % 2], subject=subject) for n in range(3) for subject in ("hills", "seas")]
# A question of the test split that is in the dev split too, and one that is there in another subject.
TEST = [
    row("A hill?", subject="hills"),
    row("A sea?", subject="seas"),
    row("hills exemplar 0?", "A", subject="hills"),
    row("hills exemplar 0?", "A", subject="seas", options=("x", "y", "z")),
]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the Hub's layout with the data set me/tiny in it."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "hub" / "me" / "tiny"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    for name, rows in (("test", TEST), ("dev", DEV)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    yield tmp_path / "hub"


def hub_task(
    folder: Path, rationales: Any = None, *, split: str = "test", rows: int = 4, dev_rows: int = 6
) -> TaskFile:
    fewshot: Row = {"split": "dev", "rows": dev_rows, "match": "group"}
    if rationales is not None:
        (folder / "why.yaml").write_text(yaml.safe_dump(rationales))
        fewshot["rationales"] = "why.yaml"
    content = {
        "name": "tiny",
        "about": "tiny",
        "source": {"dataset": "me/tiny", "config": "all", "split": split, "revision": "0" * 40, "rows": rows},
        "fields": {"question": "q", "gold": "a", "choices": "options", "group": "subject"},
        "gold_reader": "letter",
        "answer": {"type": "letter", **CONTRACT},
        "fewshot": fewshot,
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_task_file(path)


def test_a_data_set_in_the_hubs_layout(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COTBENCH_DATA", raising=False)
    data = load_data(hub_task(tmp_path), hub)
    assert [q.text for q in data.questions] == [r["q"] for r in TEST]
    assert data.origin == str(hub / "me" / "tiny")
    monkeypatch.setenv("COTBENCH_DATA", str(hub))
    assert everything(load_data(hub_task(tmp_path))) == everything(data)


def test_exemplars_come_from_the_questions_own_group(hub: Path, tmp_path: Path) -> None:
    why = {f"tiny-{question_hash(r['q'], r['options'])}": f"because of {r['q']}" for r in DEV}
    data = load_data(hub_task(tmp_path, why), hub)
    hill, sea, *_ = data.questions
    assert [e.question for e in data.exemplars(hill, 3)] == [f"hills exemplar {n}?" for n in range(3)]
    assert [e.question for e in data.exemplars(sea, 2)] == [f"seas exemplar {n}?" for n in range(2)]
    assert [(e.answer, e.choices) for e in data.exemplars(hill, 2)] == [("A", ["x", "y"]), ("B", ["x", "y"])]
    assert [e.rationale for e in data.exemplars(hill, 1)] == ["because of hills exemplar 0?"]
    assert data.exemplars(hill, 0) == ()


def test_an_exemplar_without_a_rationale_has_none(hub: Path, tmp_path: Path) -> None:
    data = load_data(hub_task(tmp_path, {"tiny-000000000000": "of another question"}), hub)
    assert {e.rationale for e in data.exemplars(data.questions[0], 3)} == {None}


def test_a_question_is_never_its_own_exemplar(hub: Path, tmp_path: Path) -> None:
    data = load_data(hub_task(tmp_path), hub)
    own = data.questions[2]
    assert [e.question for e in data.exemplars(own, 2)] == ["hills exemplar 1?", "hills exemplar 2?"]
    with pytest.raises(TaskError):
        data.exemplars(own, 3)


def test_a_question_is_never_its_own_exemplar_in_a_task_file_either() -> None:
    """A user's exemplars are often rows of the same data: shown with its answer, a question measures nothing."""
    data = listed(Exemplar(question="One?", answer="1"), Exemplar(question="Two?", answer="2"))
    assert [e.question for e in data.exemplars(asked("Three?"), 2)] == ["One?", "Two?"]
    assert [e.question for e in data.exemplars(asked("One?"), 1)] == ["Two?"]


@pytest.mark.parametrize("count", [3, 99])
def test_more_exemplars_than_there_are(count: int, hub: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        listed(Exemplar(question="One?", answer="1"), Exemplar(question="Two?", answer="2")).exemplars(
            asked("3?"), count
        )
    assert caught.value.message == f"--num-fewshot {count}: task tiny has 2 exemplars."
    assert caught.value.hint == "Use --num-fewshot 2 or fewer."
    data = load_data(hub_task(tmp_path), hub)
    with pytest.raises(TaskError) as caught:
        data.exemplars(data.questions[0], count + 1)
    assert caught.value.message == f"--num-fewshot {count + 1}: the group 'hills' of task tiny has 3 exemplars."


def asked(text: str) -> Question:
    return Question(id=f"tiny-{question_hash(text, ())}", task="tiny", text=text)


def listed(*exemplars: Exemplar) -> TaskData:
    """The data of a task whose exemplars stand in its file."""
    task = Task.model_validate(
        {
            "name": "tiny",
            "about": "tiny",
            "source": {"file": "rows.jsonl"},
            "fields": {"question": "q", "gold": "a"},
            "gold_reader": "plain",
            "answer": {"type": "number", **CONTRACT},
            "exemplars": exemplars,
        }
    )
    file = TaskFile(task=task, path=Path("tiny.yaml"), hash="")
    return TaskData(file=file, questions=(), golds={}, fingerprint="", origin="")


@pytest.mark.parametrize(
    ("change", "finding", "remedy"),
    [
        pytest.param({"rows": 5}, "source.rows is 5 but the split 'test' has 4 rows", "source.revision", id="rows"),
        pytest.param({"dev_rows": 7}, "fewshot.rows is 7 but the split 'dev' has 6 rows", "cached", id="few-shot rows"),
        pytest.param({"split": "validation"}, "split 'validation'", "Correct source.split", id="no such split"),
    ],
)
def test_a_data_set_that_is_not_the_pinned_one(
    change: Row, finding: str, remedy: str, hub: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        load_data(hub_task(tmp_path, **change), hub)
    assert finding in caught.value.message
    assert remedy in caught.value.hint


def test_a_data_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_data(hub_task(tmp_path), tmp_path / "nowhere")
    assert caught.value.message == f"task tiny: there is no folder {tmp_path / 'nowhere' / 'me/tiny'}."
    assert "--data-dir" in caught.value.hint and "COTBENCH_DATA" in caught.value.hint


# --- subsets ------------------------------------------------------------------------------------------------------


def strata(*sizes: int) -> tuple[Question, ...]:
    """Questions in groups of these sizes, sorted by group, as MMLU is."""
    return tuple(
        Question(id=f"q{group}-{n}", task="tiny", text=f"{n}?", group=f"g{group}")
        for group, size in enumerate(sizes)
        for n in range(size)
    )


def shares(questions: Sequence[Question], limit: int, seed: int) -> dict[str, float]:
    """Group -> how far its number of chosen questions is from its share."""
    chosen = Counter(q.group for q in select(questions, limit, seed))
    sizes = Counter(q.group for q in questions)
    return {group: abs(chosen[group] - size * limit / len(questions)) for group, size in sizes.items()}


SIZES = {
    "one group": (50,),
    "equal": (20,) * 5,
    "unequal": (400, 100, 60, 30, 9, 1),
    "one large and many small": (500, *(1,) * 50),
    "like MMLU": (1534, 895, 783, *(100 + 7 * n for n in range(40)), *(100,) * 14),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("seed", [0, 1, 20])
def test_a_subset_has_its_size_and_the_order_of_the_data(sizes: tuple[int, ...], seed: int) -> None:
    questions = strata(*sizes)
    place = {q.id: number for number, q in enumerate(questions)}
    for limit in (1, 2, 7, len(questions) // 2, len(questions) - 1):
        chosen = select(questions, limit, seed)
        assert len(chosen) == limit
        places = [place[q.id] for q in chosen]
        assert places == sorted(set(places))


@pytest.mark.parametrize("limit", [None, 30, 31, 1000])
def test_no_limit_or_a_large_one_is_everything(limit: int | None) -> None:
    questions = strata(10, 20)
    assert select(questions, limit, 0) == questions


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9])
def test_each_group_gets_its_share(sizes: tuple[int, ...], part: float) -> None:
    questions = strata(*sizes)
    limit = max(1, round(part * len(questions)))
    for seed in range(5):
        off = shares(questions, limit, seed)
        # Each group is rounded for itself; where fifty groups hold one question each, chance alone moves their number.
        assert max(off.values()) <= (
            5 if len(sizes) > 20 and max(sizes) > 10 * min(sizes) and min(sizes) == 1 else 2
        ), (seed, off)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_larger_limit_contains_a_smaller_one(sizes: tuple[int, ...]) -> None:
    questions = strata(*sizes)
    before: set[Question] = set()
    for limit in sorted({1, 2, 3, 5, 8, len(questions) // 3, len(questions) // 2, len(questions) - 1}):
        chosen = set(select(questions, limit, 0))
        assert before <= chosen
        before = chosen


def test_a_seed_decides_and_nothing_else() -> None:
    questions = strata(40, 30, 20)
    first = select(questions, 15, 7)
    assert select(questions, 15, 7) == first
    assert set(select(questions[::-1], 15, 7)) == set(first), "not the order of the rows"
    others = {select(questions, 15, seed) for seed in range(20)}
    assert len(others) == 20


def test_every_question_may_be_chosen_as_often_as_any_other() -> None:
    """No place of a group is preferred: over many seeds each question comes up about equally often."""
    questions = strata(12, 6, 2)
    seeds = 600
    counts = Counter(q for seed in range(seeds) for q in select(questions, 5, seed))
    expected = seeds * 5 / 20  # 150 with a standard deviation of 10.6
    assert all(abs(counts[q] - expected) < 50 for q in questions), counts


# --- the real data ------------------------------------------------------------------------------------------------

ROWS = {"gsm8k": 1319, "logiqa": 651, "math": 5000, "math500": 500, "mmlu": 14042}
_loaded: dict[str, TaskData] = {}


@pytest.fixture
def real(data_dir: Path) -> Any:
    """name -> its data, each loaded once."""

    def load(name: str) -> TaskData:
        if name not in _loaded:
            _loaded[name] = load_data(find_task(name), data_dir)
        return _loaded[name]

    return load


@pytest.mark.data
@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=ROWS)
def test_the_rows_of_a_data_set(name: str, rows: int, real: Any) -> None:
    data = real(name)
    assert len(data.questions) == len({q.id for q in data.questions}) == len(data.golds) == rows
    assert all(q.text == q.text.strip() and q.id.startswith(f"{name}-") for q in data.questions)
    assert all(data.golds.values())


@pytest.mark.data
def test_mmlu_has_57_subjects_of_at_least_100_questions(real: Any) -> None:
    sizes = Counter(q.group for q in real("mmlu").questions)
    assert len(sizes) == 57
    assert min(sizes.values()) >= 100
    assert all(q.cluster == q.group and len(q.choices) == 4 for q in real("mmlu").questions)


@pytest.mark.data
def test_the_105_repeats_of_mmlu_have_ids_of_their_own(real: Any) -> None:
    questions = real("mmlu").questions
    repeats = [q for q in questions if q.id != f"mmlu-{question_hash(q.text, q.choices)}"]
    assert len(repeats) == 105
    assert all(q.id == f"mmlu-{question_hash(q.text, q.choices)}-2" for q in repeats)
    first = {q.id: q for q in questions}
    assert all(first[q.id.removesuffix("-2")].choices == q.choices for q in repeats)


@pytest.mark.data
def test_mmlus_ids_keep_their_subject_when_rows_are_turned_round(
    real: Any, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most repeats stand in two subjects, so an id must say which of them it is."""
    from cotbench.questions import data as module

    rows = module._rows
    monkeypatch.setattr(module, "_rows", lambda *a: (rows(*a)[0][::-1], rows(*a)[1]))
    turned = load_data(find_task("mmlu"), data_dir)
    assert turned.questions[0].text == real("mmlu").questions[-1].text
    before, after = everything(real("mmlu")), everything(turned)
    assert before.keys() == after.keys()
    moved = [key for key in before if before[key] != after[key]]
    assert len(moved) == 0, moved[:3]


@pytest.mark.data
def test_logiqas_questions_share_557_passages(real: Any) -> None:
    questions = real("logiqa").questions
    assert len({q.cluster for q in questions}) == 557
    assert all(q.cluster and len(q.cluster) <= 40 for q in questions)


@pytest.mark.data
@pytest.mark.parametrize("name", ["math", "math500"])
def test_math_has_seven_types(name: str, real: Any) -> None:
    assert len({q.group for q in real(name).questions}) == 7


@pytest.mark.data
def test_every_exemplar_of_mmlu_has_a_rationale_and_no_rationale_is_left_over(real: Any) -> None:
    data = real("mmlu")
    exemplars = [e for pool in data.pool.values() for e in pool]
    assert len(exemplars) == 285 and {len(pool) for pool in data.pool.values()} == {5}
    assert all(e.rationale and e.rationale.strip() for e in exemplars)
    rationales = yaml.safe_load((data.file.path.parent / "mmlu" / "rationales.yaml").read_text())
    counts = Counter(question_hash(e.question, e.choices) for e in exemplars)
    ids = {f"mmlu-{digest}" + (f"-{n}" if n > 1 else "") for digest, many in counts.items() for n in range(1, many + 1)}
    assert set(rationales) == ids


@pytest.mark.data
def test_every_question_of_mmlu_has_five_exemplars_of_its_subject(real: Any) -> None:
    """Otherwise a five-shot run stops in the middle, at the question that is among its own exemplars."""
    data = real("mmlu")
    for question in data.questions:
        exemplars = data.exemplars(question, 5)
        assert len(exemplars) == 5 and question.text not in {e.question for e in exemplars}


@pytest.mark.data
@pytest.mark.parametrize(("limit", "subjects"), [(100, 50), (500, 57)])
def test_a_small_part_of_mmlu_covers_its_subjects(limit: int, subjects: int, real: Any) -> None:
    for seed in range(3):
        covered = len({q.group for q in select(real("mmlu").questions, limit, seed)})
        assert covered >= subjects
