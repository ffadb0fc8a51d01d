"""Passages before a question: which an arm shows, how they are found, and that a run is the same however it is made."""

from __future__ import annotations

import json
import random
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import record_rows
from test_resume import SLOW, start, wait_for

from cotbench.errors import UsageError
from cotbench.modes import find_mode
from cotbench.modes.arms import named
from cotbench.modes.context import Context
from cotbench.modes.steps import Search
from cotbench.questions.data import load_data
from cotbench.questions.tasks import find_task
from cotbench.runs import retriever
from cotbench.runs.retriever import Index, Retriever
from cotbench.types import Passage

PLACES = ["Aldby", "Brent", "Corve", "Dunlo", "Eskar", "Fenby", "Gorse", "Hulme", "Ivory", "Jarrow", "Kelso", "Larne"]
RIVERS = ["Amber", "Birch", "Cedar", "Dove", "Ember", "Flint", "Grove", "Heron", "Iris", "Juniper", "Kite", "Lark"]


def rows() -> list[dict[str, Any]]:
    """Questions whose answers rest on two of five passages: which river a place lies on, and how long that is."""
    made = []
    for number, (place, river) in enumerate(zip(PLACES, RIVERS, strict=True)):
        others = [(number + step) % len(PLACES) for step in (1, 2, 3)]
        passages = [
            (f"{river} River", [f"The {river} River is {100 + number} miles long.", " It runs south."]),
            *((f"{PLACES[other]} Castle", [f"The castle of {PLACES[other]} is old."]) for other in others),
            (place, [f"{place} is a town on the {river} River."]),
        ]
        made.append(
            {
                "q": f"How many miles long is the river on which the town of {place} lies?",
                "a": str(100 + number),
                "context": {"title": [title for title, _ in passages], "sentences": [text for _, text in passages]},
                "facts": {"title": [place, f"{river} River", f"{river} River"]},
            }
        )
    return made


TASK = """
name: rivers
about: made-up rivers
source: {file: rivers.jsonl, licence: Apache-2.0}
fields:
  question: q
  gold: a
  passages: {titles: context.title, texts: context.sentences, supporting: facts.title}
gold_reader: plain
answer: {type: number, form: <number>, phrase: where <number> is the number}
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder with a task that has passages."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "rivers.yaml").write_text(TASK)
    write_rows(folder, rows())
    return folder


def write_rows(folder: Path, made: list[dict[str, Any]]) -> None:
    (folder / "rivers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.fixture
def run(main: Cli, tasks: Path, tmp_path: Path) -> Callable[..., Path]:
    """Run arms over the rivers, and return the folder."""

    def call(modes: str, *more: str) -> Path:
        where = tmp_path / "results"
        before = set(where.glob("*"))
        given = ["--task", "rivers", "--tasks-dir", str(tasks), "--mode", modes, "-o", str(where), "-q", *more]
        done = main("run", "--model", "stub", *given)
        assert done.code == 0, done.err
        [folder] = set(where.glob("*")) - before
        return folder

    return call


def shown(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    lines = map(json.loads, (folder / "passages.jsonl").read_text().splitlines())
    return {(row["question"], row["context"]): row for row in lines}


def prompts(folder: Path) -> dict[tuple[str, str], str]:
    """The last message that each arm sent with each question."""
    sent = {
        (line["question"], line["request"]): line["messages"][-1]["text"] for line in map(json.loads, journal(folder))
    }
    return {
        (row["question"], row["mode"]): sent[row["question"], row["requests"][-1][0]] for row in record_rows(folder)
    }


def journal(folder: Path) -> list[str]:
    return (folder / "journal.jsonl").read_text().splitlines()


# --- which passages an arm shows ----------------------------------------------------------------------------------


def test_each_arm_shows_the_passages_that_its_name_says(run: Callable[..., Path]) -> None:
    arms = "cot,cot@context=none|gold|all|retrieved,cot@context=retrieved@k=1@corpus=own"
    folder = run(arms)
    texts = prompts(folder)
    found = shown(folder)
    for question in {question for question, _ in texts}:
        own = {mode: text for (of, mode), text in texts.items() if of == question}
        assert own["cot"] == own["cot@context=none"]
        assert "Passages:" not in own["cot"]
        gold = own["cot@context=gold"]
        assert gold.startswith("Passages:\n\n[1] ")
        assert gold.endswith("Question: " + own["cot"]), "what follows the passages is the prompt without them"
        assert "miles long. It runs south.\n\n[2] " in gold
        assert "is a town on" in gold
        assert "Castle" not in gold
        assert own["cot@context=all"].count("Castle") == 3
        assert "[6]" not in own["cot@context=retrieved"]
        assert "[5]" in own["cot@context=retrieved"]
        one = own["cot@context=retrieved@k=1@corpus=own"]
        assert "[1]" in one
        assert "[2]" not in one
        row = found[question, "retrieved, k 5, corpus task"]
        assert [passage["score"] for passage in row["passages"]] == sorted(
            (passage["score"] for passage in row["passages"]), reverse=True
        )
        for passage in row["passages"]:
            assert passage["text"] in own["cot@context=retrieved"]
    assert {row["supporting"] for row in found.values()} == {2}


@pytest.mark.patient
def test_one_search_serves_all_arms_of_a_question(run: Callable[..., Path]) -> None:
    folder = run("direct@context=retrieved,cot@context=retrieved,pal@context=retrieved,plan-solver@context=retrieved")
    assert {context for _, context in shown(folder)} == {"retrieved, k 5, corpus task"}
    texts: dict[str, set[str]] = {}
    for (question, _), text in prompts(folder).items():
        texts.setdefault(question, set()).add(text.partition("Question: ")[0])
    assert len(texts) == 12
    assert all(len(each) == 1 for each in texts.values()), "what stands before the question is the same for all arms"


def test_no_prompt_says_which_passages_the_answer_rests_on(tmp_path: Path, run: Callable[..., Path]) -> None:
    (tmp_path / "prompts").mkdir()
    asks = "{% macro with_passages(passages, question) %}{{ passages[0] }} {{ question }}{% endmacro %}"
    (tmp_path / "prompts" / "_passages.jinja").write_text(asks)
    folder = run("cot@context=all", "--prompts-dir", str(tmp_path / "prompts"))
    assert all(text.startswith("{'title': ") and "supports" not in text for text in prompts(folder).values())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["shown"]["rivers/cot@context=all"]["own"] == ["_passages.jinja"]


def test_a_template_of_passages_that_has_a_fault_is_named(main: Cli, tasks: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts" / "rivers").mkdir(parents=True)
    given = ["--model", "stub", "--task", "rivers", "--tasks-dir", str(tasks), "-o", str(tmp_path / "r")]
    given += ["--mode", "cot@context=all", "--prompts-dir", str(tmp_path / "prompts")]
    own = tmp_path / "prompts" / "rivers" / "_passages.jinja"
    for text, said in (
        (
            "{% macro with_passages(passages, question) %}{{ passages[0].supports }}{% endmacro %}",
            "no attribute 'supports'",
        ),
        ("{% macro other() %}{% endmacro %}", "with_passages"),
        ("{% macro with_passages(", "rivers/_passages.jinja:1: "),
    ):
        own.write_text(text)
        done = main("run", *given)
        assert done.code == 2, done.err
        assert said in done.err


def test_rows_in_another_order_and_fewer_questions_find_the_same_passages(
    run: Callable[..., Path], tasks: Path
) -> None:
    first = shown(run("cot@context=retrieved"))
    mixed = rows()
    random.Random(1).shuffle(mixed)
    write_rows(tasks, mixed)
    again = shown(run("cot@context=retrieved", "--fresh", "--seed", "7"))
    assert again == first
    few = shown(run("cot@context=retrieved", "--limit", "4"))
    assert len(few) == 4
    assert all(first[key] == row for key, row in few.items())


def test_whoever_shows_no_passages_is_told_that_there_are_some(main: Cli, tasks: Path, tmp_path: Path) -> None:
    given = ["--model", "stub", "--task", "rivers", "--tasks-dir", str(tasks), "-o", str(tmp_path / "r")]
    told = "rivers comes with passages, and no arm here shows them: @context=gold, retrieved or all does"
    assert told in " ".join(main("run", *given, "--mode", "cot").err.split())
    assert "comes with passages" not in main("run", *given, "--mode", "cot@context=none").err
    assert "comes with passages" not in main("run", *given, "--mode", "direct,cot@context=gold").err


def test_a_run_is_reproduced_with_its_passages(main: Cli, run: Callable[..., Path], tmp_path: Path) -> None:
    folder = run("direct@context=retrieved,cot@context=gold")
    done = main("reproduce", folder, "-o", tmp_path / "again")
    assert done.code == 0, done.err
    [again] = (tmp_path / "again").iterdir()
    assert (again / "passages.jsonl").read_bytes() == (folder / "passages.jsonl").read_bytes()


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("cot@context=some", "expected none, gold, retrieved or all"),
        ("cot@k=3", "k is of passages that are retrieved.\nAs in cot@context=retrieved@k=3"),
        ("cot@context=gold@corpus=own", "corpus is of passages that are retrieved"),
        ("cot@context=retrieved@k=0", "expected a whole number from 1 up"),
        ("cot@context=retrieved@corpus=web", "expected own or task"),
    ],
)
def test_a_context_that_is_none_is_refused(mode: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        find_mode(mode)
    assert said in f"{error.value.message}\n{error.value.hint}"


@pytest.mark.parametrize("context", ["gold", "all", "retrieved"])
def test_a_task_without_passages_is_refused_before_anything_is_asked(main: Cli, tmp_path: Path, context: str) -> None:
    arm = f"cot@context={context}"
    done = main("run", "--model", "stub", "--task", "sample", "--mode", arm, "-o", str(tmp_path / "r"))
    assert done.code == 2
    assert f"--mode {arm}: the questions of sample come with no passages." in done.err
    assert not (tmp_path / "r").exists()


def test_a_question_of_which_nothing_supports_the_answer_is_named(main: Cli, tasks: Path, tmp_path: Path) -> None:
    made = rows()
    made[3]["facts"] = {"title": []}
    write_rows(tasks, made)
    given = ["--model", "stub", "--task", "rivers", "--tasks-dir", str(tasks), "-o", str(tmp_path / "r")]
    done = main("run", *given, "--mode", "cot@context=gold")
    assert done.code == 2
    assert "1 of 12 questions of rivers have no passages to be shown" in done.err
    assert main("run", *given, "--mode", "cot@context=all", "-q").code == 0


def test_without_the_package_the_remedy_is_named_before_a_token_is_spent(
    main: Cli, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise retriever.PackageNotFoundError(name)

    monkeypatch.setattr(retriever, "version", missing)
    given = ["--model", "stub", "--task", "rivers", "--tasks-dir", str(tasks), "-o", str(tmp_path / "r")]
    done = main("run", *given, "--mode", "cot@context=retrieved")
    assert done.code == 2
    assert "needs the package bm25s, which isn't installed" in done.err
    assert "pip install 'cotbench[retrieval]'" in done.err
    assert not (tmp_path / "r").exists()
    assert main("run", *given, "--mode", "cot@context=gold|all", "-q").code == 0


def test_bm25s_is_loaded_where_something_is_retrieved_only(run: Callable[..., Path], tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "bm25s"]:
        del sys.modules[name]
    run("cot@context=all")
    assert "bm25s" not in sys.modules
    run("cot@context=retrieved")
    assert "bm25s" in sys.modules


# --- the index ----------------------------------------------------------------------------------------------------


def passages(*texts: str) -> tuple[Passage, ...]:
    return tuple(Passage(title=f"p{number}", text=text) for number, text in enumerate(texts))


def titles(among: tuple[Passage, ...], text: str, most: int) -> list[str]:
    return [found.passage.title for found in Retriever().find(Search(text, among, most))]


def test_of_passages_that_are_equally_near_the_first_goes_first() -> None:
    among = passages("a red fox", "a blue whale", "a red fox", "a red fox", "green grass")
    assert titles(among, "Where is the red fox?", 2) == ["p0", "p2"]
    assert titles(among, "Where is the red fox?", 5) == ["p0", "p2", "p3", "p1", "p4"]
    assert titles(tuple(reversed(among)), "Where is the red fox?", 1) == ["p3"]


@pytest.mark.parametrize("text", ["", "the of and", "zebra", "!!!"])
def test_a_text_with_no_word_of_any_passage_finds_the_first(text: str) -> None:
    among = passages("a red fox", "a blue whale", "")
    assert titles(among, text, 2) == ["p0", "p1"]


def test_passages_without_a_word_are_found_all_the_same() -> None:
    assert titles(passages("", "?"), "red fox", 5) == ["p0", "p1"]


def test_fewer_passages_than_asked_for_are_all_shown() -> None:
    assert sorted(titles(passages("red fox", "blue whale"), "whale", 9)) == ["p0", "p1"]


def test_scores_are_bm25s_own() -> None:
    """Robertson's BM25 with Lucene's idf, worked out here."""
    import math

    texts = ["fox fox den", "fox", "whale sea sea sea"]
    words = [["p0", *texts[0].split()], ["p1", *texts[1].split()], ["p2", *texts[2].split()]]
    average = sum(map(len, words)) / 3
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = []
    for document in words[:2]:
        tf = document.count("fox")
        expected.append(idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(document) / average)))
    found = Index(passages(*texts)).find("fox", 3)
    by_title = {passage.title: score for passage, score in found}
    assert by_title["p0"] == pytest.approx(expected[0], abs=2e-4)
    assert by_title["p1"] == pytest.approx(expected[1], abs=2e-4)
    assert by_title["p2"] == 0


def test_a_task_is_indexed_once_and_single_questions_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Counting(Index):
        def __init__(self, among: tuple[Passage, ...]) -> None:
            made.append(len(among))
            super().__init__(among)

    monkeypatch.setattr(retriever, "Index", Counting)
    whole, few = passages(*(f"word{n}" for n in range(100))), passages("word1", "word2")
    station = Retriever()
    for _ in range(3):
        station.find(Search("word5", whole, 2))
        station.find(Search("word2", few, 2))
    assert made.count(100) == 1
    assert made.count(2) == 3


# --- a run is the same however it is made -------------------------------------------------------------------------

ARMS = (
    "direct@context=none|gold|retrieved,cot@context=retrieved@k=2,plan-cot@context=retrieved,"
    "self-consistency@paths=3@context=retrieved"
)


@pytest.mark.patient
def test_a_run_that_is_killed_and_resumed_has_the_same_files(
    run: Callable[..., Path], main: Cli, tasks: Path, tmp_path: Path
) -> None:
    whole = run(ARMS)
    output = tmp_path / "killed"
    given = ["--task", "rivers", "--tasks-dir", str(tasks), "--mode", ARMS, "-o", str(output), "-q"]
    process = start(["run", "--model", "stub", *given, "--model-args", SLOW])
    folder = wait_for(output, 25, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    recorded = len(journal(folder))
    assert 25 <= recorded < len(journal(whole))
    (folder / "passages.jsonl").unlink()  # as if the disk had lost it
    resumed = main("run", "--resume", folder, "-q", "--json")
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["reused"] >= recorded - 1, "nothing is searched for in another way, and asked anew"
    for name in ("records.jsonl", "passages.jsonl", "questions.jsonl"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_is_graded_again_without_the_package_and_without_the_data(
    run: Callable[..., Path], main: Cli, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(ARMS)
    before = (folder / "records.jsonl").read_bytes()
    (tasks / "rivers.jsonl").unlink()

    def missing(name: str) -> str:
        raise retriever.PackageNotFoundError(name)

    monkeypatch.setattr(retriever, "version", missing)
    done = main("score", folder)
    assert done.code == 0, done.err
    assert (folder / "records.jsonl").read_bytes() == before
    assert main("report", folder, "--no-plots", "--no-page", "-q").code == 0


def test_another_retriever_or_other_passages_are_another_run(
    run: Callable[..., Path], main: Cli, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run("cot@context=retrieved")
    spec = json.loads((folder / "manifest.json").read_text())["spec"]
    assert "bm25s" in spec["stations"]["passages"]
    monkeypatch.setattr(retriever, "K1", 1.2)
    done = main("run", "--resume", folder, "-q")
    assert done.code == 3
    assert "stations.passages" in done.err
    monkeypatch.undo()
    made = rows()
    made[0]["context"]["sentences"][1] = ["The castle is new."]
    write_rows(tasks, made)
    done = main("run", "--resume", folder, "-q")
    assert done.code == 3
    assert "tasks.rivers.passages" in done.err


def test_arms_without_passages_say_nothing_of_them_in_the_spec(run: Callable[..., Path]) -> None:
    folder = run("direct,cot@context=none")
    spec = json.loads((folder / "manifest.json").read_text())["spec"]
    told = json.dumps({**spec, "modes": list(spec["modes"].values())})
    assert "passages" not in told
    assert "context" not in told
    assert not (folder / "passages.jsonl").exists()


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("direct", ["direct@answer=begun@context=none"]),
        ("direct@context=gold", ["direct@answer=begun@context=gold"]),
        ("direct@context=retrieved", ["direct@answer=begun@context=retrieved@k=5"]),
        ("direct@corpus=task@context=retrieved", ["direct@answer=begun@context=retrieved@k=5"]),
        ("direct@context=retrieved@k=2", []),
        ("cot", ["cot@context=gold"]),
        ("cot@context=none", []),
    ],
)
def test_a_name_means_the_arm_that_differs_in_nothing_else(wanted: str, meant: list[str]) -> None:
    there = [f"direct@answer=begun@context={c}" for c in ("none", "gold", "retrieved@k=5")] + ["cot@context=gold"]
    assert named(wanted, there) == meant


@pytest.mark.parametrize(
    ("name", "against"),
    [
        ("cot@context=gold", "direct@context=gold"),
        ("pal@context=retrieved@k=2", "direct@context=retrieved@k=2@corpus=task"),
        ("direct@context=gold", ""),
        ("cot@context=none", ""),
        ("think@context=all", "free@sampling=card@context=all"),
    ],
)
def test_an_arm_is_compared_with_one_that_was_shown_the_same(name: str, against: str) -> None:
    assert find_mode(name).facts.against == against


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "none"),
        ({"context": "gold"}, "gold"),
        ({"context": "retrieved"}, "retrieved, k 5, corpus task"),
        ({"context": "retrieved", "k": 5, "corpus": "task"}, "retrieved, k 5, corpus task"),
        ({"context": "retrieved", "corpus": "own", "k": 2}, "retrieved, k 2, corpus own"),
    ],
)
def test_contexts_that_are_the_same_have_one_name(settings: Mapping[str, Any], name: str) -> None:
    assert Context.of(settings).name == name
    assert bool(Context.of(settings)) == (name != "none")


# --- HotpotQA -----------------------------------------------------------------------------------------------------


@pytest.mark.patient
@pytest.mark.data
def test_recall_of_the_supporting_paragraphs_of_hotpotqa(data_dir: Path) -> None:
    """With bm25s 0.3.16: the share of supporting paragraphs, and of questions with both, of the first 682."""
    data = load_data(find_task("hotpotqa"), data_dir)
    station = Retriever()
    found: dict[tuple[str, int], tuple[float, float]] = {}
    questions = data.questions[:682]
    ranked = {}
    for question in questions:
        own = data.passages[question.id]
        for corpus, among in (("own", own), ("task", data.all_passages)):
            hits = [
                (found.passage.title, found.passage.text) for found in station.find(Search(question.text, among, 10))
            ]
            ranked[question.id, corpus] = [
                place for place, hit in enumerate(hits) if hit in {(p.title, p.text) for p in own if p.supports}
            ]
    for corpus in ("own", "task"):
        for k in (2, 5, 10):
            counts = [sum(place < k for place in ranked[question.id, corpus]) for question in questions]
            found[corpus, k] = sum(counts) / 2 / len(counts), counts.count(2) / len(counts)
    assert {sum(p.supports for p in own) for own in data.passages.values()} == {2}
    expected = {
        ("own", 2): (0.643, 0.339), ("own", 5): (0.855, 0.716), ("own", 10): (1.0, 1.0),
    }  # fmt: skip
    if len(data.questions) == 682:  # of the whole split the corpus is another
        expected |= {("task", 2): (0.559, 0.233), ("task", 5): (0.729, 0.497), ("task", 10): (0.856, 0.717)}
    for place, shares in expected.items():
        assert found[place] == pytest.approx(shares, abs=0.01), place
