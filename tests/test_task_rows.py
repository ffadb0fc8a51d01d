"""Every row of the tasks that stand on others' tables: question, options and gold against the raw row.

What is asked is compared with the row in ways that know nothing of the patterns of the task files: texts are looked
for within texts, whatever stands between them must be one of a few known cues and labels, and the letter of the gold is
followed back to the words that the row calls right. Spaces don't count: they are what copies of a set differ in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cotbench.questions.data import TaskData, load_data
from cotbench.questions.tasks import find_task
from cotbench.types import LETTERS, Question

pytestmark = pytest.mark.data

Row = Mapping[str, Any]


class Pair(NamedTuple):
    row: Row
    question: Question
    gold: str


LEFT_OUT = {"gaokao-chemistry": (74, 77)}  # rows from 0: their option D says nothing


@cache
def of_task(name: str, folder: Path) -> tuple[TaskData, list[Row]]:
    from pyarrow import parquet

    source = find_task(name).task.source
    assert source.dataset is not None
    place = folder / source.dataset
    under = place / source.config if source.config and (place / source.config).is_dir() else place
    [path] = under.rglob(f"{source.split}-*.parquet")
    return load_data(find_task(name), folder), parquet.read_table(path).to_pylist()


def pairs(name: str, folder: Path) -> list[Pair]:
    """The questions of a task with their golds and rows, which stand in the same order."""
    data, rows = of_task(name, folder)
    asked = [row for number, row in enumerate(rows) if number not in LEFT_OUT.get(name, ())]
    assert len(asked) == len(data.questions)
    return [Pair(row, q, data.golds[q.id]) for row, q in zip(asked, data.questions, strict=True)]


def squeezed(text: Any) -> str:
    return "".join(str(text).split())


def amiss(found: Iterable[Any]) -> None:
    listed = list(found)
    assert not listed, f"{len(listed)}: {listed[:5]}"


# --- AGIEval: everything stands in one text -----------------------------------------------------------------------

ENGLISH = (
    "lsat-ar",
    "lsat-lr",
    "lsat-rc",
    "sat-math",
    "sat-en",
    "sat-en-without-passage",
    "agieval-aqua",
    "gaokao-english",
)
CHINESE = (
    "gaokao-chinese",
    "gaokao-geography",
    "gaokao-history",
    "gaokao-biology",
    "gaokao-chemistry",
    "gaokao-physics",
    "gaokao-mathqa",
)
AGIEVAL = (*ENGLISH, *CHINESE)
OPENS = {"Q:", "问题："}
LISTS = {"AnswerChoices:", "选项："}
ENDS = {"A:AmongAthroughE,theansweris", "A:AmongAthroughD,theansweris", "答案：从A到D,我们应选择"}
# What stands behind a question: LaTeX's line break; in sixteen rows, the right letter.
BEHIND = {"gaokao-mathqa": ("", "\\\\")}
GIVEN_AWAY = {"gaokao-english": 8, "gaokao-chinese": 8}
NUMBERED = {"gaokao-english": "0123456789．.", "gaokao-chinese": "0123456789、"}  # questions that begin with a number


def labels(letter: str) -> set[str]:
    return {f"({letter})", f"{letter}.", f"{letter}．"}


# Labels that aren't the option's letter: in three rows of gaokao-history "(C)" stands twice, in one of gaokao-chemistry
# two options have none, in one of AQuA-RAT all have two.
ODD_LABELS = {
    "gaokao-history": {"(C)"},
    "gaokao-chemistry": {""},
    "agieval-aqua": {f"({letter}){letter})" for letter in "ABCDE"},
}


def stands(text: str, at: int, spellings: Iterable[str]) -> tuple[int, str]:
    """Where in a text the first of some spellings stands, and which."""
    places = [(start, spelling) for spelling in spellings if (start := text.find(spelling, at)) >= 0]
    assert places, f"none of {list(spellings)} stands in {text[at:]!r:.500}"
    return min(places, key=lambda place: (place[0], -len(place[1])))


@pytest.mark.parametrize("name", AGIEVAL)
def test_nothing_of_a_query_is_lost_but_its_cues_and_labels(name: str, data_dir: Path) -> None:
    behind: list[str] = []
    for row, question, gold in pairs(name, data_dir):
        query, at, between = squeezed(row["query"]), 0, []
        said = [squeezed(part) for part in question.text.split("\n\n") if part.strip()]
        for part in said:
            start, _ = stands(query, at, [part])
            between.append(query[at:start])
            at = start + len(part)
        cues = [gap for gap in between if gap]
        assert len(cues) == 1 and (cues[0].rstrip(NUMBERED.get(name, "")) in OPENS), (cues, row)
        listed, _ = stands(query, at, LISTS)
        behind.append(query[at:listed])
        at = listed + next(len(cue) for cue in LISTS if query.startswith(cue, listed))
        for letter, option in zip(LETTERS, map(squeezed, question.choices), strict=False):
            known = labels(letter) | ODD_LABELS.get(name, set())
            start, spelling = stands(query, at, [label + option for label in known])
            assert start == at, (letter, query[at:start], row)
            at += len(spelling)
        assert query[at:] in ENDS, row
        assert behind[-1] in BEHIND.get(name, ("",)) or (name in GIVEN_AWAY and behind[-1].strip("．") == gold), row
    assert sum(said.strip("．") in tuple("ABCD") for said in behind) == GIVEN_AWAY.get(name, 0)


@pytest.mark.parametrize("name", AGIEVAL)
def test_no_cue_is_left_in_a_question(name: str, data_dir: Path) -> None:
    cues = ("Q: ", "Answer Choices", "Among A", "the answer is", "选项：", "答案：", "我们应选择")
    amiss((q.text[-80:], cue) for _, q, _ in pairs(name, data_dir) for cue in cues if cue in q.text)
    amiss(q.text[:80] for _, q, _ in pairs(name, data_dir) if q.text.startswith("问题"))


@pytest.mark.parametrize("name", AGIEVAL)
def test_the_gold_of_agieval_names_what_its_row_calls_right(name: str, data_dir: Path) -> None:
    for row, question, gold in pairs(name, data_dir):
        assert gold == "".join(LETTERS[place] for place in sorted(row["gold"]))
        for letter in gold:
            option = squeezed(question.choices[LETTERS.index(letter)])
            raw = squeezed(row["choices"][LETTERS.index(letter)])
            assert raw.endswith(option) and len(raw) - len(option) <= 5, (raw, option)


def test_all_right_options_are_wanted_where_there_are_several(data_dir: Path) -> None:
    several = {name: sum(len(gold) > 1 for *_, gold in pairs(name, data_dir)) for name in AGIEVAL}
    assert {name: count for name, count in several.items() if count} == {"gaokao-physics": 35, "gaokao-mathqa": 7}


@pytest.mark.parametrize("name", ["lsat-ar", "lsat-lr", "lsat-rc", "sat-en", "sat-math", "gaokao-english"])
def test_questions_about_one_passage_are_of_one_cluster(name: str, data_dir: Path) -> None:
    passages: dict[str, str] = {}
    for row, question, _ in pairs(name, data_dir):
        passage, _, asked = row["query"].partition("Q: ")
        assert bool(passage.strip()) == bool(question.cluster)
        if passage.strip():
            assert passages.setdefault(question.cluster, passage.strip()) == passage.strip()
            assert question.text.startswith(passage.strip()) and question.text.split("\n\n")[-1][:20] in asked
    assert len(passages) == len(set(passages.values()))


def test_aqua_rat_and_agieval_ask_the_same_questions(data_dir: Path) -> None:
    def asked(name: str) -> set[tuple[str, tuple[str, ...], str]]:
        return {(squeezed(q.text), tuple(map(squeezed, q.choices)), gold) for _, q, gold in pairs(name, data_dir)}

    assert asked("aqua-rat") == asked("agieval-aqua")


# --- the others: columns ------------------------------------------------------------------------------------------


def right_of_arc(row: Row) -> str:
    return str(dict(zip(row["choices"]["label"], row["choices"]["text"], strict=True))[row["answerKey"]])


OTHERS: dict[str, tuple[Any, Any, Any]] = {
    # name: (question, options, the right one) of a row
    "arc-easy": (lambda r: r["question"], lambda r: r["choices"]["text"], right_of_arc),
    "arc-challenge": (lambda r: r["question"], lambda r: r["choices"]["text"], right_of_arc),
    "commonsenseqa": (lambda r: r["question"], lambda r: r["choices"]["text"], right_of_arc),
    "piqa": (
        lambda r: r["goal"],
        lambda r: [r["sol1"], r["sol2"]],
        lambda r: r["sol1"] if not r["label"] else r["sol2"],
    ),
    "winogrande": (
        lambda r: r["sentence"],
        lambda r: [r["option1"], r["option2"]],
        lambda r: r["option" + r["answer"]],
    ),
    "mmlu-pro": (lambda r: r["question"], lambda r: r["options"], lambda r: r["options"][ord(r["answer"]) - ord("A")]),
    "aqua-rat": (
        lambda r: r["question"],
        lambda r: [option.partition(")")[2].removeprefix(f"{option[0]})") for option in r["options"]],
        lambda r: next(o for o in r["options"] if o.startswith(r["correct"])).rpartition(f"{r['correct']})")[2],
    ),
}


FOREIGN_LABELS = {247: 4, 6894: 10, 7043: 1}  # rows of MMLU-Pro, and how many of their options have one


@pytest.mark.parametrize("name", OTHERS)
def test_question_and_options_are_those_of_the_row(name: str, data_dir: Path) -> None:
    asked, options, right = OTHERS[name]
    for row, question, gold in pairs(name, data_dir):
        assert asked(row).strip() in question.text, row
        expected = [option.strip() for option in options(row)]
        places = [n for n, (one, other) in enumerate(zip(question.choices, expected, strict=True)) if one != other]
        if places:  # a wrong label in front of the option
            assert name == "mmlu-pro" and row["question_id"] in FOREIGN_LABELS, row
            assert len(places) == FOREIGN_LABELS[row["question_id"]]
            assert all(expected[n].endswith(f") {question.choices[n]}") for n in places), row
        assert right(row).strip().endswith(question.choices[LETTERS.index(gold)]), row


@pytest.mark.parametrize("name", ["piqa", "winogrande"])
def test_words_around_a_question_are_the_same_everywhere(name: str, data_dir: Path) -> None:
    asked = OTHERS[name][0]
    around = {q.text.replace(asked(row).strip(), "*", 1) for row, q, _ in pairs(name, data_dir)}
    assert len(around) == 1


def test_a_yes_or_no_of_strategyqa_is_that_of_its_row(data_dir: Path) -> None:
    for row, question, gold in pairs("strategyqa", data_dir):
        assert question.text == row["question"].strip()
        assert gold == ("yes" if row["answer"] is True else "no")
        assert question.features == {"hops": str(len(row["decomposition"]))}


def test_the_wrong_index_of_mmlu_pro_is_not_used(data_dir: Path) -> None:
    found = [(row, gold) for row, _, gold in pairs("mmlu-pro", data_dir) if LETTERS[row["answer_index"]] != gold]
    assert [(row["question_id"], gold) for row, gold in found] == [(3983, found[0][0]["answer"])]


# --- all of them --------------------------------------------------------------------------------------------------

LETTERED = (*AGIEVAL, *OTHERS)


@pytest.mark.parametrize("name", LETTERED)
def test_no_option_is_empty_or_still_has_its_label(name: str, data_dir: Path) -> None:
    for _, question, _ in pairs(name, data_dir):
        assert len(question.choices) >= 2
        for letter, option in zip(LETTERS, question.choices, strict=False):
            assert option.strip(), question
            begins = (f"({letter})", f"{letter})", f"{letter}.", f"{letter}．", f"{letter}:")
            assert not option.startswith(begins) or option.startswith(BEGIN_SO.get(name, "-")), (
                letter,
                option,
                question,
            )


# Options that begin like a label and mean something else: the answers to two questions in one, and a name.
BEGIN_SO = {
    "mmlu-pro": (
        "(A) Liability section, (B)",
        "(A) 3.168 gallons (B)",
        "A) 3.46, B)",
        "H.L.A. Hart",
        "(I), (II) and (III)",
    ),
}


@pytest.mark.parametrize("name", [*LETTERED, "strategyqa"])
def test_nothing_has_spaces_around_it(name: str, data_dir: Path) -> None:
    texts = ((q.id, text) for _, q, _ in pairs(name, data_dir) for text in (q.text, *q.choices))
    amiss((which, text[:60]) for which, text in texts if text != text.strip() or not text)


@pytest.mark.parametrize("name", LETTERED)
def test_options_differ(name: str, data_dir: Path) -> None:
    same = [q for _, q, _ in pairs(name, data_dir) if len(set(q.choices)) < len(q.choices)]
    assert len(same) == SAME.get(name, 0), same


# Two options say the same, as in the raw rows; in six rows of CommonsenseQA and four of AQuA-RAT the right one is among
# them, and its letter alone counts as right, as everywhere.
SAME = {"gaokao-mathqa": 1, "mmlu-pro": 1, "commonsenseqa": 24, "lsat-rc": 1, "aqua-rat": 7, "agieval-aqua": 7}


@pytest.mark.parametrize("name", [*LETTERED, "strategyqa"])
def test_rows_that_repeat_a_question_have_ids_of_their_own(name: str, data_dir: Path) -> None:
    data, _ = of_task(name, data_dir)
    assert len({q.id for q in data.questions}) == len(data.questions)
    repeats = len(data.questions) - len({(q.text, q.choices) for q in data.questions})
    assert repeats == REPEATS.get(name, 0)
    assert (
        sum(q.id.rpartition("-")[2].isdecimal() and q.id.count("-") > name.count("-") + 1 for q in data.questions)
        == repeats
    )


REPEATS = {
    "mmlu-pro": 159,
    "gaokao-chemistry": 23,
    "gaokao-chinese": 15,
    "gaokao-english": 11,
    "gaokao-physics": 6,
    "gaokao-mathqa": 3,
    "gaokao-geography": 1,
    "sat-en": 1,
    "sat-en-without-passage": 1,
    "strategyqa": 1,
}


@pytest.mark.parametrize("name", [*LETTERED, "strategyqa"])
def test_no_exemplar_is_a_question_of_the_data(name: str, data_dir: Path) -> None:
    asked = {squeezed(q.text) for _, q, _ in pairs(name, data_dir)}
    amiss(e.question for e in find_task(name).task.exemplars if squeezed(e.question) in asked)
