"""Tasks of others, with stand-ins for their packages: what is taken over, what is refused, and what a run records.

`tests/test_bridges.py` asks the packages themselves, where they are installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import load
from conftest import Cli

from cotbench.errors import DataError, TaskError, UnavailableError
from cotbench.questions import others
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.others import of_lm_eval
from cotbench.questions.others.taking import Item, Origin, take
from cotbench.questions.others.wording import (
    are_labels,
    blank,
    common_column,
    find_options,
    own_labels,
    read_options,
    without_frame,
    without_label,
    without_labels,
)
from cotbench.questions.tasks import TaskFile, find_task

CASES = load("others")
ORIGIN = Origin(
    asked="lm-eval:boats",
    package="lm-eval",
    version="0.0.7",
    task="boats",
    task_version="1",
    config="c",
    data="made/up",
)


# --- wording ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES["frames"].values(), ids=CASES["frames"])
def test_a_prompts_frame_is_told_from_the_question(case: dict[str, list[str]]) -> None:
    assert without_label(without_frame(case["texts"])) == case["left"]


@pytest.mark.parametrize(("text", "options", "before", "behind"), CASES["known"])
def test_a_list_of_known_options_is_found(text: str, options: list[str], before: str | None, behind: str) -> None:
    found = find_options(text, options)
    assert (found and (found.before, found.behind)) == (None if before is None else (before, behind))


@pytest.mark.parametrize(("text", "labels", "before", "options"), CASES["labelled"])
def test_options_are_read_behind_their_labels(text: str, labels: list[str], before: str | None, options: Any) -> None:
    found = read_options(text, labels)
    assert (found and (found.before, list(found.options))) == (None if before is None else (before, options))


def test_labels_are_told_from_options_that_say_something() -> None:
    assert are_labels(["A", "B"])
    assert are_labels(["(A)", "(B)"])
    assert are_labels(["1", "2", "3"])
    assert not are_labels(["yes", "no"])
    assert not are_labels(["B", "A"])
    assert without_labels(["(A)boat", "(B) tram"]) == ["boat", "tram"]
    assert without_labels(["A. boat", "tram"]) == ["A. boat", "tram"]
    assert own_labels("Which?\nA. boat\nB. tram\nC. none") == ["A", "B", "C"]
    assert own_labels("Which?\nA boat.") == []


def test_contexts_of_which_one_goes_before_a_text_are_a_question_with_a_blank() -> None:
    contexts = ["The boat hit the pier because the boat", "The boat hit the pier because the pier"]
    assert blank(contexts, "was blind.") == ("The boat hit the pier because the ____ was blind.", ("boat", "pier"))
    assert blank(["Ines", "Tom"], "rows.") == ("____ rows.", ("Ines", "Tom"))
    assert blank(["a boat", "a boat"], "floats") is None


def test_questions_about_one_passage_are_told_by_its_column() -> None:
    long = ["A boat crosses the river. " * 8, "A tram waits at the pier. " * 8]
    rows = [{"passage": long[n // 3], "id": str(n), "topic": "x"} for n in range(6)]
    texts = [f"{row['passage']}\nHow many, {row['id']}?" for row in rows]
    assert common_column(rows, texts) == "passage"
    assert common_column(rows, ["How many?"] * 6) == "", "it isn't shown"
    assert common_column([{"passage": text} for text in long], long) == "", "each is of one question"


# --- kinds --------------------------------------------------------------------------------------------------------


def taken(*items: Item) -> TaskData:
    return load_data(take(items, ORIGIN))


@pytest.mark.parametrize("case", CASES["kinds"], ids=lambda case: case["kind"])
def test_the_kind_of_answers_is_told_by_golds(case: dict[str, Any]) -> None:
    data = taken(*(Item(text=f"Question {n}?", answers=(gold,)) for n, gold in enumerate(case["golds"])))
    assert data.task.kinds == (case["kind"],)
    assert data.golds[data.questions[0].id] == case["first"]


def test_a_few_words_that_come_again_are_named_by_the_contract() -> None:
    data = taken(*(Item(text=f"Argument {n}.", answers=(("valid", "invalid")[n % 2],)) for n in range(40)))
    assert data.task.kinds == ("choice",)
    assert data.task.answer.phrase == "where <word> is invalid or valid"
    assert data.questions[0].choices == ("invalid", "valid")


def test_several_right_texts_are_lines_of_gold() -> None:
    data = taken(Item(text="Which town?", answers=("Hull", "Kingston upon Hull")), Item(text="And?", answers=("Ayr",)))
    assert [data.golds[one.id] for one in data.questions] == ["Hull\nKingston upon Hull", "Ayr"]


def test_several_right_options_are_letters() -> None:
    options = ("boat", "tram", "pier")
    data = taken(
        Item(text="Which float?", choices=options, right=(2, 0)), Item(text="Which?", choices=options, right=(1,))
    )
    assert data.task.kinds == ("letters",)
    assert [data.golds[one.id] for one in data.questions] == ["AC", "B"]


def test_options_whose_right_one_is_always_first_are_put_in_an_order_of_chance() -> None:
    items = [
        Item(text=f"Question {n}?", choices=(f"right {n}", f"wrong {n}", f"bad {n}"), right=(0,)) for n in range(60)
    ]
    file = take(items, ORIGIN)
    data = load_data(file)
    letters = [data.golds[one.id] for one in data.questions]
    assert set(letters) == {"A", "B", "C"}
    assert all(one.choices["ABC".index(data.golds[one.id])].startswith("right") for one in data.questions)
    assert "A was right in 60 of 60 questions" in file.note
    assert take(items, ORIGIN).hash == file.hash, "the same order each time"
    same = [Item(text=f"Question {n}?", choices=("no", "yes"), right=(0,)) for n in range(60)]
    assert {q.choices for q in taken(*same).questions} == {("no", "yes")}, "options that are the same for all stay"


def test_what_a_label_says_is_read_from_the_text_or_from_a_column() -> None:
    listed = "How many oars?\nA. two\nB. four\nAnswer:", "How many masts?\nA. one\nB. two\nAnswer:"
    data = taken(*(Item(text=text, choices=("A", "B"), right=(n,)) for n, text in enumerate(listed)))
    assert [(q.text, q.choices) for q in data.questions] == [
        ("How many oars?", ("two", "four")),
        ("How many masts?", ("one", "two")),
    ]
    data = taken(Item(text="How many oars?", choices=("A", "B"), right=(0,), columns={"options": ["two", "four"]}))
    assert data.questions[0].choices == ("two", "four")
    with pytest.raises(TaskError, match="its options are only A, B"):
        take([Item(text="How many oars?", choices=("A", "B"), right=(0,))], ORIGIN)


def test_an_open_question_whose_gold_is_a_label_of_its_list_has_options() -> None:
    texts = "Which?\nOptions:\n(A) a boat\n(B) a tram", "Where?\nOptions:\n(A) here\n(B) there"
    data = taken(*(Item(text=text, answers=(f"({'BA'[n]})",)) for n, text in enumerate(texts)))
    assert data.task.kinds == ("letter",)
    assert [(q.text, q.choices, data.golds[q.id]) for q in data.questions] == [
        ("Which?", ("a boat", "a tram"), "B"),
        ("Where?", ("here", "there"), "A"),
    ]


def test_a_few_rows_without_a_right_answer_are_left_out_and_remarked_on() -> None:
    golds = ["(A)", "(B)", "a boat", *(f"({'AB'[n % 2]})" for n in range(196)), "neither"]
    items = [Item(text=f"Which, {n}?\n(A) a boat\n(B) a tram", answers=(gold,)) for n, gold in enumerate(golds)]
    file = take(items, ORIGIN)
    data = load_data(file)
    assert data.task.kinds == ("letter",)
    assert [data.golds[q.id] for q in data.questions[:3]] == ["A", "B", "A"]
    assert len(data.questions) == 199
    assert "Left out: 1 of 200 rows" in file.note


def test_a_list_may_have_fewer_options_than_there_are_labels() -> None:
    text = "Which, {}?\n(A) a boat\n(B) a tram\nAnswer:"
    items = [Item(text=text.format(n), choices=("(A)", "(B)", "(C)"), right=(n % 2,)) for n in range(4)]
    assert {q.choices for q in taken(*items).questions} == {("a boat", "a tram")}


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], "it has no rows"),
        ([Item(text=" ", choices=("a", "b"), right=(0,))], "compares how likely sentences are"),
        (
            [Item(text="Which?", choices=("a", "b"), right=(-1,))],
            "row 1 says of none of its 2 options",
        ),
        ([Item(text="Which?", choices=("a",), right=(0,))], "1 to 1 options"),
        (
            [Item(text="Which?", answers=("a",)), Item(text="So?", answers=("",))],
            "row 2 has no right answer",
        ),
        ([Item(text=f"{n}?", answers=("0",)) for n in range(12)], "the right answer is '0' in all its 12 rows"),
        ([Item(text="So?", answers=("a",)), Item(text="W?", choices=("a", "b"), right=(0,))], "1 of its 2 questions"),
    ],
)
def test_what_cant_be_asked_is_refused_by_name(items: list[Item], reason: str) -> None:
    with pytest.raises(TaskError) as error:
        take(items, ORIGIN)
    assert "--task lm-eval:boats: can't be taken over: " in error.value.message
    assert reason in error.value.message


# --- names --------------------------------------------------------------------------------------------------------


def test_names_of_others_have_their_forms(tmp_path: Path) -> None:
    assert others.is_of_others("lm-eval:arc_easy")
    assert not others.is_of_others("lm-eval:")
    assert not others.is_of_others("C:/tasks/mine.yaml")
    assert not others.is_of_others("gsm8k")
    assert others.name_of("lm-eval:arc easy+") == "lm-eval-arc_easy"
    assert others.name_of("lm-eval:tasks/mine.yaml") == "lm-eval-mine"
    assert others.name_of("inspect:evals/mine.py@sums") == "inspect-sums"
    assert others.name_of("inspect:inspect_evals/gsm8k") == "inspect-gsm8k"
    file = tmp_path / "mine.py"
    file.write_text("")
    assert others.looked_for("inspect:/gone/mine.py@sums", [tmp_path]) == f"inspect:{file}@sums"
    assert others.anchored("inspect:mine.py@sums") == f"inspect:{Path.cwd() / 'mine.py'}@sums"
    assert others.anchored("lm-eval:arc_easy") == "lm-eval:arc_easy"


@pytest.mark.parametrize(
    ("module", "asked", "package"),
    [("lm_eval", "lm-eval:arc_easy", "lm-eval"), ("inspect_ai", "inspect:mine.py@sums", "inspect-ai")],
)
def test_a_package_that_isnt_there_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, main: Cli, module: str, asked: str, package: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    done = main("run", "--model", "stub", "--task", asked, "--mode", "direct")
    assert done.code == UnavailableError.exit_code
    assert f"--task {asked}: the package {package} isn't installed here." in done.err
    assert f"pip install {package} into the same environment" in done.err
    assert "Traceback" not in done.err


# --- lm-eval's, by a stand-in -------------------------------------------------------------------------------------


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, Any]]]:
    """The tasks of stand-ins for the packages, which are there for one test."""
    before = set(sys.modules)
    for name in list(sys.modules):
        if name.partition(".")[0] in ("lm_eval", "inspect_ai"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "standins"))
    import lm_eval.tasks  # type: ignore[import-not-found]

    of_lm_eval._index.cache_clear()
    others._found.cache_clear()
    yield lm_eval.tasks.TASKS
    monkeypatch.undo()  # which may put a stand-in back
    of_lm_eval._index.cache_clear()
    others._found.cache_clear()
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("lm_eval", "inspect_ai"):
            del sys.modules[name]


def sums(count: int = 12) -> list[dict[str, Any]]:
    return [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(1, count + 1)]


def boats(count: int = 12) -> list[dict[str, Any]]:
    return [{"question": f"Boat {n}?", "choices": ["sails", "rows", "waits"], "answer": n % 3} for n in range(count)]


def found(name: str, **given: Any) -> TaskFile:
    return find_task(f"lm-eval:{name}", **given)


def test_a_task_of_lm_eval_is_taken_over(tasks: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    tasks["sums"] = {"doc_to_text": "Question: {question}\nAnswer:", "rows": sums(), "description": "Solve."}
    tasks["boats"] = {"output_type": "multiple_choice", "rows": boats(), "dataset_name": "small"}
    file = found("sums")
    data = load_data(file)
    assert [data.questions[0].text, data.golds[data.questions[0].id]] == ["What is 1 + 1?", "2"]
    assert (data.task.name, data.task.kinds, data.origin) == ("lm-eval-sums", ("number",), "made/up (split test)")
    assert file.taken["version"] == "0.0.7"
    assert file.note.splitlines() == [
        "lm-eval:sums: 12 questions of made/up (split test), from lm-eval 0.0.7, version 1.0; kind of answer: number.",
        "  First question: What is 1 + 1?",
        "  Its right answer: 2",
        "  Left out, as not of the question: its description, 'Solve.'.",
    ]
    data = load_data(found("boats"))
    assert data.task.kinds == ("letter",)
    assert data.questions[1].choices == ("sails", "rows", "waits")
    assert data.golds[data.questions[1].id] == "B"
    assert capfd.readouterr().out == "", "what a package prints is in nobody's way"


def test_its_identity_is_that_of_its_rows_and_of_how_it_is_written(tasks: dict[str, Any]) -> None:
    tasks["sums"] = {"rows": sums()}
    first = found("sums").hash
    hashes = {first}
    for change in ({"rows": sums(13)}, {"rows": sums(), "doc_to_text": "Sum: {question}"}, {"rows": sums(), "x": 1}):
        tasks["sums"] = change
        others._found.cache_clear()
        hashes.add(found("sums").hash)
    assert len(hashes) == 4
    tasks["sums"] = {"rows": sums()}
    others._found.cache_clear()
    assert found("sums").hash == first


def test_a_group_is_one_task_whose_groups_are_its_members(tasks: dict[str, Any]) -> None:
    tasks |= {"one": {"rows": sums(4)}, "two": {"rows": sums(3)}, "tag": {"tags": ["two", "one"]}}
    tasks |= {"all": {"group": "all", "task": ["one", {"task": "two", "description": "Again."}]}}
    for name in ("all", "tag"):
        data = load_data(found(name))
        assert data.task.kinds == ("number",)
        assert sorted(q.group for q in data.questions) == ["one"] * 4 + ["two"] * 3


def test_members_of_a_group_may_have_answers_of_several_kinds(tasks: dict[str, Any]) -> None:
    tasks |= {"one": {"rows": sums(4)}, "two": {"rows": boats(5), "output_type": "multiple_choice"}}
    tasks["both"] = {"group": "both", "task": ["one", "two"]}
    data = load_data(found("both"))
    assert data.task.kinds == ("number", "letter")
    assert [(q.group, data.kind_of(q), len(q.choices)) for q in data.questions[3:5]] == [
        ("one", "number", 0),
        ("two", "letter", 3),
    ]
    assert len(data.questions) == 9


REFUSED = [
    ({"output_type": "loglikelihood_rolling"}, "loglikelihood_rolling"),
    ({"output_type": "loglikelihood"}, "how likely the rest of a text is"),
    ({"doc_to_image": "image"}, "images or sound"),
    ({"unsafe_code": True}, "its answers are programs"),
    ({"class": "Mine"}, "a Python class of its own"),
    ({"metric_list": [{"metric": "bleu"}, {"metric": "chrf"}]}, "many wordings of its answers are right (bleu, chrf)"),
    ({"metric_list": [{"metric": "bert_score"}]}, "many wordings"),
    (
        {"output_type": "multiple_choice", "process_results": "f", "metric_list": [{"metric": "likelihood_diff"}]},
        "scored by a function of its own (likelihood_diff)",
    ),
    (
        {
            "output_type": "multiple_choice",
            "process_results": "f",
            "doc_to_target": 0,
            "metric_list": [{"metric": "acc"}],
        },
        "doc_to_target is the same for all rows",
    ),
    ({"test_split": None}, "neither a test nor a validation split"),
    ({"doc_to_text": lambda row: row["nothing"]}, "row 1: lm-eval's functions can't read it (KeyError"),
    ({"doc_to_text": lambda row: ["a", "b"]}, "row 1: its question is a list"),
]


@pytest.mark.parametrize(("written", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_lm_eval_asks_otherwise_is_refused_by_name(tasks: dict[str, Any], written: Any, reason: str) -> None:
    tasks["sums"] = {"rows": sums(), **written}
    with pytest.raises(TaskError) as error:
        found("sums")
    assert error.value.message.startswith("--task lm-eval:sums: can't be taken over: ")
    assert reason in error.value.message


def test_a_group_names_what_of_it_can_be_taken(tasks: dict[str, Any]) -> None:
    tasks |= {"one": {"rows": sums(4)}, "two": {"rows": sums(3), "output_type": "loglikelihood"}}
    tasks["both"] = {"group": "both", "task": ["one", "two"]}
    with pytest.raises(TaskError) as error:
        found("both")
    assert "1 of its 2 tasks can't be: two: it measures how likely the rest of a text is" in error.value.message
    assert error.value.hint == "Name one of the others: one."


def test_a_name_that_lm_eval_doesnt_know_is_guessed(tasks: dict[str, Any]) -> None:
    tasks["arc_easy"] = {"rows": sums()}
    with pytest.raises(TaskError, match="lm-eval has no task 'arc_eazy'") as error:
        found("arc_eazy")
    assert "Did you mean 'arc_easy'?" in error.value.hint


def test_data_sets_come_from_the_folder_that_ours_come_from(tasks: dict[str, Any], tmp_path: Path) -> None:
    from datasets import load_dataset  # type: ignore[import-untyped]

    def loading(row: dict[str, Any]) -> Any:
        import datasets

        return datasets.load_dataset("made/up", "two", split="test")[0]["question"]

    assert load_dataset
    folder = tmp_path / "made" / "up" / "all"
    folder.mkdir(parents=True)
    (folder.parent / "README.md").write_text(
        "---\nconfigs:\n- config_name: all\n  data_files:\n  - {split: test, path: all/test.jsonl}\n---\n"
    )
    rows = [{"question": f"From {part}?", "part": part} for part in ("one", "two", "one", "two")]
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    tasks["sums"] = {"rows": sums(), "doc_to_text": loading}
    assert load_data(found("sums", data_dir=tmp_path)).questions[0].text == "From two?"
    with pytest.raises(DataError, match=r"there is no folder .*made/up") as error:
        found("sums", data_dir=tmp_path / "made")
    assert "name a folder in the Hub's layout, with made/up in it" in error.value.hint


def test_a_run_records_whose_task_it_is_and_is_reported_and_graded_without_the_package(
    tasks: dict[str, Any], main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks["sums"] = {"rows": sums()}
    asked = ("run", "--model", "stub", "--task", "lm-eval:sums", "--mode", "direct,cot")
    dry = main(*asked, "--dry-run")
    assert dry.code == 0, dry.err
    assert "First question: What is 1 + 1?" in dry.err
    done = main(*asked, "--limit", "6")
    assert done.code == 0, done.err
    [run] = (tmp_path / "results").glob("stub-*")
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["data"]["lm-eval-sums"]["taken"]["package"] == "lm-eval"
    assert manifest["data"]["lm-eval-sums"]["taken"]["task"] == "sums"
    again = main("run", "--resume", run)
    assert again.code == 0, again.err
    same = main("reproduce", run, "--check")
    assert same.code == 0, same.err + same.out
    tasks["sums"] = {"rows": sums(13)}
    others._found.cache_clear()
    other = main("run", "--resume", run)
    assert other.code == 3
    assert "tasks.lm-eval-sums" in other.err
    for name in [name for name in sys.modules if name.partition(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    others._found.cache_clear()
    assert main("score", run).code == 0
    report = main("report", run, "--json")
    assert report.code == 0, report.err
    [task] = json.loads(report.out)["provenance"][0]["tasks"]
    assert task["taken"] == "sums (version 1.0) of lm-eval 0.0.7: made/up (split test)"
    missing = json.loads(main("reproduce", run, "--check", "--json").out)
    assert "the package lm-eval isn't installed here" in json.dumps(missing)


def test_the_list_of_tasks_ends_with_the_forms_of_others(main: Cli) -> None:
    assert main("list", "tasks").out.rstrip().endswith("--task lm-eval:NAME or inspect:FILE@NAME")


# --- Inspect's, by a stand-in -------------------------------------------------------------------------------------

FILE = """
from inspect_ai import Task, message, named, sample, task
from beside import ROWS

@task
def sums(fewshot: int = 5, fewshot_seed: int = 42):
    assert fewshot == 0
    return Task([sample(input=text, target=target) for text, target in ROWS])

@task
def boats():
    letters = [["A"], "B", "waits"]
    options = ["sails", "rows", "waits"]
    chats = [[message("user", f"Boat {n}?")] for n in range(3)]
    return Task([sample(input=chat, choices=options, target=letter) for chat, letter in zip(chats, letters)])

@task
def aliases():
    return Task([sample(input=f"Town {n}?", target=["Hull", "Kingston upon Hull"][: n % 2 + 1]) for n in range(4)])

@task
def judged():
    return Task([sample(input="So?", target="y")], scorer=[named("scorer", "model_graded_qa")])

@task
def tools():
    return Task([sample(input="So?", target="y")], solver=[named("solver", "use_tools")])

@task
def agent():
    return Task([sample(input="So?", target="y")], solver=[named("agent", "mine")])

@task
def files():
    return Task([sample(input="So?", target="y", files={"a": "b"})])

@task
def chat():
    return Task([sample(input=[message("system", "s"), message("user", "So?")], target="y")])

@task
def image():
    return Task([sample(input=[message("user", [named("x", "y").__class__(type="image")])], target="y")])

@task
def no_gold():
    return Task([sample(input="So?")])

@task
def wants(level):
    return Task([])

@task
def broken():
    raise ValueError("not today")
"""


@pytest.fixture
def inspect_file(tasks: dict[str, Any], tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("ROWS = [(f'What is {n} + {n}?', str(2 * n)) for n in range(1, 6)]\n")
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    sys.modules.pop("beside", None)
    return path


def test_a_task_of_inspect_is_taken_over(inspect_file: Path) -> None:
    file = find_task(f"inspect:{inspect_file}@sums")
    data = load_data(file)
    assert (data.task.name, data.task.kinds) == ("inspect-sums", ("number",))
    assert [data.questions[4].text, data.golds[data.questions[4].id]] == ["What is 5 + 5?", "10"]
    assert file.note.startswith("inspect:mine.py@sums: 5 questions of made up, from inspect-ai 0.0.9, version 3;")
    assert str(inspect_file.parent) not in file.note + str(file.path)
    data = load_data(find_task(f"inspect:{inspect_file}@boats"))
    assert [(q.text, data.golds[q.id]) for q in data.questions] == [
        ("Boat 0?", "A"),
        ("Boat 1?", "B"),
        ("Boat 2?", "C"),
    ]
    data = load_data(find_task(f"inspect:{inspect_file}@aliases"))
    assert [data.golds[q.id] for q in data.questions[:2]] == ["Hull", "Hull\nKingston upon Hull"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("judged", "graded by a model (model_graded_qa)"),
        ("tools", "its model uses tools or is an agent (use_tools)"),
        ("agent", "its model uses tools or is an agent (mine)"),
        ("files", "sample 1 works in a sandbox (files)"),
        ("chat", "sample 1 is a chat of 2 messages (system, user)"),
        ("image", "sample 1 has more than text in it (image)"),
        ("no_gold", "1 of its 1 rows can't be graded: row 1 has no right answer"),
        ("wants", "its function wants a value for 'level'"),
        ("broken", "its function can't make it (ValueError: not today)"),
    ],
)
def test_what_inspect_asks_otherwise_is_refused_by_name(inspect_file: Path, name: str, reason: str) -> None:
    with pytest.raises(TaskError) as error:
        find_task(f"inspect:{inspect_file}@{name}")
    assert f"@{name}: can't be taken over: " in error.value.message
    assert reason in error.value.message


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("inspect:none.py@sums", 2, "there is no file none.py"),
        ("inspect:mine.py@summs", 2, "Did you mean 'sums'?"),
        ("inspect:mine.py", 2, "mine.py has several tasks; it has: sums, boats"),
        ("inspect:no_such_package/sums", 3, "pip install no-such-package into the same environment"),
        ("inspect:wrong.py@sums", 2, "wrong.py can't be loaded (SyntaxError"),
        ("inspect:needs.py@sums", 3, "needs.py needs the package 'no_such_thing'"),
    ],
)
def test_a_name_that_inspect_cant_have_is_said_to_be_wrong(
    inspect_file: Path, main: Cli, asked: str, code: int, said: str
) -> None:
    inspect_file.with_name("wrong.py").write_text("def\n")
    inspect_file.with_name("needs.py").write_text("import no_such_thing\n")
    done = main("run", "--model", "stub", "--task", asked, "--mode", "direct")
    assert (done.code, said in " ".join(done.err.split())) == (code, True), done.err
    assert "Traceback" not in done.err


def test_a_run_of_an_inspect_task_is_gone_on_with_from_another_folder(
    inspect_file: Path, main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = main("run", "--model", "stub", "--task", "inspect:mine.py@sums", "--mode", "direct", "--limit", "3")
    assert done.code == 0, done.err
    [run] = (tmp_path / "results").glob("stub-*")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    others._found.cache_clear()
    asked = json.loads((run / "manifest.json").read_text())["options"]["tasks"]
    assert asked == [f"inspect:{inspect_file}@sums"]
    assert main("run", "--resume", run).code == 0
    assert main("report", run).code == 0
