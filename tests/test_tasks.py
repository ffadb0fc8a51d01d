"""Task files: every shipped one is complete, every mistake in one is explained, and a user's own .jsonl becomes a task.

A mistake in a task file is the first thing a person who adds a task meets, so each message is checked for its three
parts: the file, what was found there, and the remedy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas
import pytest
import yaml

from cotbench.answers.grader import RIGHT, grade_now
from cotbench.answers.kinds import KINDS
from cotbench.errors import DataError, TaskError
from cotbench.questions.data import load_data
from cotbench.questions.tasks import (
    Answer,
    AsAsked,
    Task,
    TaskFile,
    find_task,
    list_task_files,
    read_task_file,
    shipped,
    task_of_rows,
)
from cotbench.types import LETTERS, AnswerType

SHIPPED = tuple(sorted(set(list_task_files()) - {"demo"}))  # which has tests of its own

# --- what is shipped ----------------------------------------------------------------------------------------------


def test_tasks_that_runs_name_are_still_there() -> None:
    named = """aqua-rat agieval-aqua arc-challenge arc-easy commonsenseqa gaokao-biology gaokao-chemistry gaokao-chinese
        gaokao-english gaokao-geography gaokao-history gaokao-mathqa gaokao-physics gsm8k logiqa lsat-ar lsat-lr lsat-rc
        math math500 mmlu mmlu-pro piqa sample sat-en sat-en-without-passage sat-math strategyqa winogrande"""
    assert set(named.split()) <= set(SHIPPED)


def parts_of(task: Task) -> list[AsAsked]:
    """How its questions are asked and answered: of a task with parts, those of each."""
    return [task.of(part) for part in task.parts] or [task.of(None)]


def has_the_contract_of(answer: Answer, kind: str) -> bool:
    return (answer.type, answer.form, answer.phrase) == (kind, KINDS[kind].form, KINDS[kind].phrase)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_task_loads(name: str) -> None:
    file = find_task(name)
    task = file.task
    assert task.name == name == file.path.stem
    assert task.about
    assert task.source.rows
    assert task.source.licence
    assert len(file.hash) == 16


@pytest.mark.parametrize("name", SHIPPED)
def test_the_same_type_of_answer_has_the_same_contract_in_every_task(name: str) -> None:
    for part in parts_of(find_task(name).task):
        kind = KINDS[part.answer.type]
        if kind.has_choices and not kind.lettered:  # the words are the task's own, and the contract names them
            assert part.answer.form == kind.form
            words = part.fields.choices.words if part.fields.choices is not None else []
            assert words and all(word in part.answer.phrase for word in words)
        else:
            assert has_the_contract_of(part.answer, part.answer.type)


# Data sets of which no commit is known to us; the number of rows is what holds them.
UNPINNED = {
    "hails/agieval-sat-en-without-passage",
    "hails/agieval-aqua-rat",
    *(f"hails/agieval-gaokao-{subject}" for subject in ("english", "chinese", "geography", "history")),
    *(f"hails/agieval-gaokao-{subject}" for subject in ("biology", "chemistry", "physics", "mathqa")),
    "yale-nlp/FOLIO",
    "reasoning-machines/gsm-hard",
    "test-time-compute/game-of-24",
    "renma/ProofWriter",
}


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "sample"])
def test_a_data_set_is_pinned_and_cited(name: str) -> None:
    source = find_task(name).task.source
    assert source.dataset and "/" in source.dataset
    assert source.revision
    pinned = source.revision.startswith("refs/") or len(source.revision) == 40
    assert pinned or (source.revision == "main" and source.dataset in UNPINNED)
    assert source.paper.startswith("https://")


@pytest.mark.parametrize("name", SHIPPED)
def test_each_task_has_exemplars_and_no_two_alike(name: str) -> None:
    for part in parts_of(find_task(name).task):
        questions = [(exemplar.question, tuple(exemplar.choices)) for exemplar in part.exemplars]
        assert len(questions) >= 2
        assert len(set(questions)) == len(questions)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_exemplar_is_complete(name: str) -> None:
    for part in parts_of(find_task(name).task):
        kind = KINDS[part.answer.type]
        for exemplar in part.exemplars:
            for stated in ("question", "rationale", "program", "equations", "answer"):
                text = getattr(exemplar, stated)
                assert text is None or (text and text == text.strip()), (stated, exemplar.question)
            assert exemplar.question and exemplar.rationale and exemplar.answer
            # A second answer line in front of the real one would teach a model to write two.
            assert "Answer:" not in str(exemplar.rationale), exemplar.question
            if kind.has_choices and kind.lettered:
                letters = LETTERS[: len(exemplar.choices)]
                assert set(exemplar.answer) <= set(letters), exemplar.question
                assert len(exemplar.answer) == 1 or kind.name == "letters", exemplar.question
            else:
                assert exemplar.choices == [], exemplar.question


@pytest.mark.parametrize("name", SHIPPED)
def test_all_exemplars_of_a_task_have_a_program_and_equations_or_none_has(name: str) -> None:
    """What is shown to one mode is shown to it for every question: a mode that shows programs takes all or says why."""
    for part in parts_of(find_task(name).task):
        for stated in ("rationale", "program", "equations"):
            having = [getattr(exemplar, stated) is not None for exemplar in part.exemplars]
            assert all(having) or not any(having), stated


@pytest.mark.parametrize("name", ["gsm8k", "math", "math500", "mmlu", "logiqa", "sample"])
def test_tasks_of_numbers_formulas_and_logic_have_programs_and_equations(name: str) -> None:
    assert all(exemplar.program and exemplar.equations for exemplar in find_task(name).task.exemplars)


def test_the_same_questions_under_two_names_have_the_same_exemplars() -> None:
    assert find_task("math500").task.exemplars == find_task("math").task.exemplars
    assert find_task("agieval-aqua").task.exemplars == find_task("aqua-rat").task.exemplars


# --- mistakes in a task file --------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "name": "mine",
    "about": "two questions",
    "source": {"file": "mine/rows.jsonl"},
    "fields": {"question": "question", "gold": "answer"},
    "gold_reader": "plain",
    "answer": {"type": "number", "form": "<number>", "phrase": "where <number> is the result"},
}
HUB = {"dataset": "me/mine", "revision": "a" * 40, "rows": 2}
LETTER = {"type": "letter", "form": "<letter>", "phrase": "where <letter> is the letter"}
DROP = object()


def edited(*edits: tuple[str, Any]) -> dict[str, Any]:
    """GOOD with some dotted keys set, or dropped."""
    content: dict[str, Any] = json.loads(json.dumps(GOOD))
    for path, value in edits:
        *above, last = path.split(".")
        place = content
        for key in above:
            place = place[key]
        if value is DROP:
            del place[last]
        else:
            place[last] = value
    return content


def write_task(folder: Path, content: Any, name: str = "mine") -> Path:
    (folder / "mine").mkdir(exist_ok=True, parents=True)
    (folder / "mine" / "rows.jsonl").write_text('{"question": "One and one?", "answer": "2"}\n')
    path = folder / f"{name}.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_the_good_task_file_is_good(tmp_path: Path) -> None:
    """So that each mistake below is the only one in its file."""
    file = read_task_file(write_task(tmp_path, GOOD))
    assert [q.text for q in load_data(file).questions] == ["One and one?"]


BAD = [
    pytest.param(edited(("gold_raeder", "plain")), "unknown key 'gold_raeder'; did you mean 'gold_reader'?", id="key"),
    pytest.param(edited(("source.fiel", "x")), "unknown key 'source.fiel'; did you mean 'file'?", id="nested key"),
    pytest.param(
        edited(("answer.zzz", 1)), "unknown key 'answer.zzz'; known here: type, form, phrase", id="key like no other"
    ),
    pytest.param(
        edited(("exemplars", [{"question": "Q", "answer": "1", "rational": "r"}])),
        "unknown key 'exemplars.1.rational'; did you mean 'rationale'?",
        id="key of an exemplar",
    ),
    pytest.param(edited(("answer", DROP)), "the key 'answer' is missing", id="missing key"),
    pytest.param(edited(("fields.gold", DROP)), "the key 'fields.gold' is missing", id="missing nested key"),
    pytest.param(
        edited(("exemplars", [{"question": "Q", "answer": "1"}, {"question": "Q"}])),
        "the key 'exemplars.2.answer' is missing",
        id="missing key of an exemplar",
    ),
    pytest.param(edited(("source", {**HUB, "file": "mine/rows.jsonl"})), "give either 'dataset'", id="two sources"),
    pytest.param(edited(("source", {"rows": 2})), "give either 'dataset'", id="no source"),
    pytest.param(
        edited(("source", {**HUB, "revision": None})), "a 'dataset' needs its pinned 'revision'", id="no revision"
    ),
    pytest.param(
        edited(("source", {**HUB, "rows": None})), "and the expected number of 'rows'", id="data set without rows"
    ),
    pytest.param(edited(("answer.type", "letter")), " and fields.choices go together", id="letter"),
    pytest.param(
        edited(("fields.choices", "choices")),
        " and fields.choices go together",
        id="choices without letter",
    ),
    pytest.param(
        edited(("exemplars", [{"question": "Q", "answer": "1", "choices": ["1", "2"]}])),
        "exemplar 1: 'choices' are for tasks whose answer.type is 'letter'",
        id="exemplar with choices",
    ),
    pytest.param(
        edited(
            ("answer", LETTER),
            ("fields.choices", "choices"),
            ("exemplars", [{"question": "Q", "answer": "A", "choices": ["1", "2"]}, {"question": "Q", "answer": "A"}]),
        ),
        "exemplar 2: 'choices'",
        id="exemplar without choices",
    ),
    pytest.param(edited(("answer.type", "numbr")), "answer.type", id="unknown answer type"),
    pytest.param(edited(("gold_reader", "guess")), "(found 'guess')", id="unknown gold reader"),
    pytest.param(edited(("source.rows", "many")), "(found 'many')", id="rows not a number"),
    pytest.param(edited(("name", 7)), "(found 7)", id="name not a text"),
    pytest.param(
        edited(("fewshot", {"split": "dev", "rows": 2, "match": "nearest"})), "fewshot.match", id="unknown match"
    ),
    pytest.param(
        edited(("source.file", "mine/other.jsonl")),
        "names the file 'mine/other.jsonl', which is not in ",
        id="file missing",
    ),
    pytest.param(
        edited(("fewshot", {"split": "dev", "rows": 2, "match": "group", "rationales": "mine/why.yaml"})),
        "names the file 'mine/why.yaml', which is not in ",
        id="rationales missing",
    ),
    pytest.param("[one, two]", "expected a mapping of keys, found list", id="a list"),
    pytest.param("just words", "expected a mapping of keys, found str", id="a text"),
    pytest.param("", "expected a mapping of keys, found NoneType", id="an empty file"),
    pytest.param("name: mine\nabout: [one\nsource: x\n", "bad.yaml:3: not valid YAML: ", id="syntax"),
    pytest.param("name: mine\n\tabout: x\n", "bad.yaml:2: not valid YAML: ", id="tab"),
    pytest.param("name: 'mine\n", "not valid YAML: ", id="open quote"),
]


@pytest.mark.parametrize(("content", "finding"), BAD)
def test_a_mistake_is_explained(content: Any, finding: str, tmp_path: Path) -> None:
    path = write_task(tmp_path, content, "bad")
    with pytest.raises(TaskError) as caught:
        read_task_file(path)
    error = caught.value
    assert error.message.startswith(str(path))
    assert finding in error.message
    assert len(error.hint) > 10, "a remedy"
    assert "pydantic" not in str(error)


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = write_task(tmp_path, edited(("nmae", "x"), ("about", DROP)), "bad")
    with pytest.raises(TaskError) as caught:
        read_task_file(path)
    lines = caught.value.message.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"{path}: ") for line in lines)
    assert "did you mean 'name'?" in caught.value.message and "'about' is missing" in caught.value.message


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"name: \xff\xfe\x00")
    with pytest.raises(TaskError, match=r"bad\.yaml.*not valid YAML"):
        read_task_file(path)


def test_the_hash_covers_the_files_beside_a_task_file(tmp_path: Path) -> None:
    why = edited(("fewshot", {"split": "dev", "rows": 1, "match": "group", "rationales": "mine/why.yaml"}))
    (tmp_path / "mine").mkdir()
    rationales = tmp_path / "mine" / "why.yaml"
    rationales.write_text("a: because\n")
    path = write_task(tmp_path, why)
    hashes = [read_task_file(path).hash]
    rationales.write_text("a: for a reason\n")
    hashes.append(read_task_file(path).hash)
    (tmp_path / "mine" / "rows.jsonl").write_text('{"question": "Two and two?", "answer": "4"}\n')
    hashes.append(read_task_file(path).hash)
    path.write_text(path.read_text() + "# a remark\n")
    hashes.append(read_task_file(path).hash)
    assert len(set(hashes)) == 4
    (tmp_path / "mine" / "else.txt").write_text("no part of the task")
    assert read_task_file(path).hash == hashes[-1]


# --- finding a task -----------------------------------------------------------------------------------------------


def test_a_task_is_found_by_its_name_and_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_task("sample") == find_task(str(shipped("tasks") / "sample.yaml"))
    path = write_task(tmp_path, GOOD, "another_name")
    monkeypatch.chdir(tmp_path)
    assert find_task("another_name.yaml").task.name == "mine", "a path may have any name"
    assert find_task(str(path)).hash == find_task("another_name.yaml").hash


@pytest.mark.parametrize(
    ("asked", "finding", "remedy"),
    [
        pytest.param("sampel", "no task 'sampel'", "Did you mean 'sample'?", id="misspelt"),
        pytest.param("math5000", "no task 'math5000'", "Did you mean 'math500'?", id="misspelt, one of two"),
        pytest.param("qqqq", "no task 'qqqq'", "`cotbench list tasks` names all", id="like no other"),
        pytest.param("qqqq", "no task 'qqqq'", ".jsonl", id="like no other, one's own"),
        pytest.param("none.yaml", "there is no file none.yaml", "cotbench list tasks", id="no such task file"),
        pytest.param("none.jsonl", "there is no file none.jsonl", "question, answer", id="no such .jsonl"),
    ],
)
def test_a_task_that_is_not_there(asked: str, finding: str, remedy: str) -> None:
    with pytest.raises(TaskError) as caught:
        find_task(asked)
    assert caught.value.message.startswith("--task: ")
    assert finding in caught.value.message
    assert remedy in caught.value.hint


def test_tasks_dir_adds_tasks_and_goes_before_the_shipped_ones(tmp_path: Path) -> None:
    write_task(tmp_path, GOOD)
    write_task(tmp_path, edited(("name", "sample"), ("about", "my own sample")), "sample")
    assert find_task("mine", tmp_path).task.about == "two questions"
    assert find_task("sample", tmp_path).task.about == "my own sample"
    assert find_task("sample").task.about != "my own sample"
    assert find_task("gsm8k", tmp_path) == find_task("gsm8k")
    assert list_task_files(tmp_path)["sample"] == tmp_path / "sample.yaml"


def test_tasks_dir_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        find_task("sample", tmp_path / "none")
    assert caught.value.message.startswith("--tasks-dir: ") and "not a folder" in caught.value.message
    assert "*.yaml" in caught.value.hint


def test_a_tasks_name_must_be_its_files_name(tmp_path: Path) -> None:
    path = write_task(tmp_path, GOOD, "yours")
    with pytest.raises(TaskError) as caught:
        find_task("yours", tmp_path)
    assert caught.value.message == f"{path}: name is 'mine' but the file is called yours.yaml."
    assert caught.value.hint == "Make them the same."


# --- a user's own .jsonl ------------------------------------------------------------------------------------------


def jsonl(folder: Path, *rows: dict[str, Any] | str, name: str = "my own.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def two(first: Any, second: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"question": "One?", "answer": first, **more}, {"question": "Two?", "answer": second, **more}]


YES_NO = {"choices": ["yes", "no"]}


@pytest.mark.parametrize(
    ("rows", "kind", "golds"),
    [
        pytest.param(two("B", "a", **YES_NO), AnswerType.LETTER, ["B", "A"], id="letters"),
        pytest.param(two("(B)", "A.", **YES_NO), AnswerType.LETTER, ["B", "A"], id="letters in brackets"),
        pytest.param(two(1, 0, **YES_NO), AnswerType.LETTER, ["B", "A"], id="indices"),
        pytest.param(two("no", "yes", **YES_NO), AnswerType.LETTER, ["B", "A"], id="texts of options"),
        pytest.param(two(7, 0.5), AnswerType.NUMBER, ["7", "0.5"], id="numbers"),
        pytest.param(two("7", "-3"), AnswerType.NUMBER, ["7", "-3"], id="numbers as texts"),
        pytest.param(two("7", "x + 1"), AnswerType.LATEX, ["7", "x + 1"], id="one formula makes it LaTeX"),
        pytest.param(two(r"\frac{1}{2}", r"\sqrt 2"), AnswerType.LATEX, [r"\frac{1}{2}", r"\sqrt 2"], id="latex"),
        pytest.param(two("(1, 2)", "7 cm"), AnswerType.LATEX, ["(1, 2)", "7 cm"], id="a pair makes it LaTeX"),
        pytest.param(two("Oslo", "the 1990s"), "text", ["Oslo", "the 1990s"], id="texts"),
        pytest.param(
            two("Jean-Luc Picard", "24-hour shops"), "text", ["Jean-Luc Picard", "24-hour shops"], id="hyphens"
        ),
        pytest.param(two(["NYC", "New York"], "Oslo"), "text", ["NYC\nNew York", "Oslo"], id="several right texts"),
        pytest.param(two(True, False), "boolean", ["yes", "no"], id="true and false"),
        pytest.param(two("Yes", "no"), "boolean", ["yes", "no"], id="yes and no"),
        pytest.param(two("7", "8", choices=[]), AnswerType.NUMBER, ["7", "8"], id="empty choices are no choices"),
        pytest.param(two("7", "8", choices=None), AnswerType.NUMBER, ["7", "8"], id="null choices are no choices"),
    ],
)
def test_the_kind_of_answer_is_told_from_the_answers(
    rows: list[dict[str, Any]], kind: AnswerType, golds: list[str], tmp_path: Path
) -> None:
    file = find_task(str(jsonl(tmp_path, *rows)))
    assert file.task.name == "my_own"
    assert has_the_contract_of(file.task.answer, kind)
    data = load_data(file)
    assert [q.text for q in data.questions] == ["One?", "Two?"]
    assert all(q.choices == (("yes", "no") if kind is AnswerType.LETTER else ()) for q in data.questions)
    assert [data.golds[q.id] for q in data.questions] == golds


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("1,000", "1000"), ("1/2", "0.5"), ("0.50", "0.5"), ("$18", "18"), ("-2,500.50", "-2500.5"), (1e3, "1000")],
    ids=str,
)
def test_whatever_counts_as_a_number_can_be_graded(gold: Any, answer: str, tmp_path: Path) -> None:
    """What makes a file a task of numbers is a looser reading than the comparison of fractions that grades it."""
    file = find_task(str(jsonl(tmp_path, *two("7", gold))))
    assert file.task.answer.type is AnswerType.NUMBER
    data = load_data(file)
    assert grade_now(answer, data.golds[data.questions[1].id], AnswerType.NUMBER) is RIGHT


def test_group_and_cluster_are_optional_columns(tmp_path: Path) -> None:
    plain = load_data(task_of_rows(jsonl(tmp_path, *two("1", "2"))))
    assert {(q.group, q.cluster) for q in plain.questions} == {("", "")}
    both = load_data(task_of_rows(jsonl(tmp_path, *two("1", "2", group="sums", cluster="sheet 1"))))
    assert {(q.group, q.cluster) for q in both.questions} == {("sums", "sheet 1")}


@pytest.mark.parametrize(
    ("rows", "error", "finding"),
    [
        pytest.param(
            [{"question": "One?", "answer": "A", **YES_NO}, {"question": "Two?", "answer": "B"}],
            TaskError,
            "my own.jsonl:2: has no options, and its answer is a letter",
            id="options forgotten",
        ),
        pytest.param(
            [{"question": "One?", "answer": "1"}, {"question": "Two?"}],
            TaskError,
            "my own.jsonl:2: the key 'answer' is missing",
            id="no answer",
        ),
        pytest.param([{"answer": "1"}], TaskError, "my own.jsonl:1: the key 'question' is missing", id="no question"),
        pytest.param(
            ["", {"question": "One?", "answer": "1"}, "", {"question": "Two?"}],
            TaskError,
            "my own.jsonl:4: the key 'answer' is missing",
            id="no answer behind empty lines",
        ),
        pytest.param(
            ["", {"question": "One?", "answer": "A", **YES_NO}, {"question": "Two?", "answer": "(b)"}],
            TaskError,
            "my own.jsonl:3: has no options",
            id="options forgotten behind an empty line",
        ),
        pytest.param(
            [{"question": "One?", "answer": "1"}, "{'question': 1}"],
            DataError,
            "my own.jsonl:2: not valid JSON: ",
            id="bad JSON",
        ),
        pytest.param(
            ["", {"question": "One?", "answer": "1"}, "oops"],
            DataError,
            "my own.jsonl:3: not valid JSON: ",
            id="bad JSON behind an empty line",
        ),
        pytest.param(['["One?", "1"]'], DataError, "my own.jsonl:1: expected an object, found list", id="a list"),
    ],
)
def test_a_mistake_in_a_users_file_names_its_line(
    rows: list[dict[str, Any] | str], error: type[TaskError | DataError], finding: str, tmp_path: Path
) -> None:
    path = jsonl(tmp_path, *rows)
    with pytest.raises(error) as caught:
        task_of_rows(path)
    assert finding in caught.value.message
    assert caught.value.message.startswith(str(path))
    assert len(caught.value.hint) > 10, "a remedy"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("my own.jsonl", "my_own"), ("set-2.v1.jsonl", "set_2_v1"), ("---.jsonl", "questions"), ("é.jsonl", "questions")],
)
def test_the_name_of_a_users_task_is_safe_in_paths_and_ids(name: str, expected: str, tmp_path: Path) -> None:
    assert task_of_rows(jsonl(tmp_path, *two("1", "2"), name=name)).task.name == expected


def test_the_hash_of_a_users_task_is_that_of_its_file(tmp_path: Path) -> None:
    def read(*rows: dict[str, Any]) -> TaskFile:
        return task_of_rows(jsonl(tmp_path, *rows))

    first, again, other = read(*two("1", "2")), read(*two("1", "2")), read(*two("1", "3"))
    assert first.hash == again.hash != other.hash


def test_a_key_that_stands_twice_in_a_task_file(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("name: t\nabout: one\nabout: two\n")
    with pytest.raises(TaskError, match=r"t\.yaml:3: not valid YAML: the key 'about' stands there twice"):
        read_task_file(path)


# --- other files of questions -------------------------------------------------------------------------------------


def written(folder: Path, name: str) -> Path:
    """Two questions with options in a file of the form that its name says."""
    rows = [
        {"question": "One, or more?", "answer": "B", "choices": ["x", "y, z"], "group": "g"},
        {"question": "Zwei?", "answer": "A", "choices": ["ü", "v"], "group": "g"},
    ]
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps({"version": 1, "data": rows}), encoding="utf-8")
    elif name.endswith(".parquet"):
        pandas.DataFrame(rows).to_parquet(path)
    else:
        table = pandas.DataFrame([{**row, "choices": json.dumps(row["choices"])} for row in rows])
        table.to_csv(path, sep="\t" if name.endswith(".tsv") else ",", index=False, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("name", ["own.json", "own.csv", "own.tsv", "own.parquet"])
def test_a_users_questions_may_be_in_a_table(name: str, tmp_path: Path) -> None:
    data = load_data(find_task(str(written(tmp_path, name))))
    assert [(q.text, q.choices, q.group) for q in data.questions] == [
        ("One, or more?", ("x", "y, z"), "g"),
        ("Zwei?", ("ü", "v"), "g"),
    ]
    assert list(data.golds.values()) == ["B", "A"]


@pytest.mark.parametrize("name", ["own.json", "own.csv", "own.parquet"])
def test_a_task_file_may_name_a_table(name: str, tmp_path: Path) -> None:
    written(tmp_path, name)
    content = edited(("source.file", name), ("source.rows", 2), ("answer", LETTER), ("fields.choices", "choices"))
    data = load_data(read_task_file(write_task(tmp_path, {**content, "gold_reader": "letter"})))
    assert list(data.golds.values()) == ["B", "A"]


@pytest.mark.parametrize(
    ("name", "content", "finding"),
    [
        ("own.json", "[1, 2]", "expected a list of objects, or an object that holds one such list"),
        ("own.json", '{"a": [], "b": []}', "expected a list of objects"),
        ("own.json", "{", "not valid JSON"),
        ("own.csv", "question,answer,answer\nQ,1,2\n", "has two columns 'answer'"),
        ("own.csv", "question,answer\nQ, and more,1\n", "own.csv:2: has more values than the header has names"),
        ("own.csv", "question,wrong\nQ,1\n", "own.csv:2: the key 'answer' is missing"),
        ("own.csv", b"question,answer\nQ\xff,1\n", "can't be read"),
        ("own.parquet", "no table", "not a Parquet file"),
        ("own.json", '[{"question": "Q"}]', "own.json: row 1: the key 'answer' is missing"),
    ],
)
def test_a_mistake_in_a_table_is_told_with_its_place(
    name: str, content: str | bytes, finding: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((DataError, TaskError)) as caught:
        load_data(find_task(str(path)))
    assert finding in caught.value.message
    assert len(caught.value.hint) > 10, "a remedy"
