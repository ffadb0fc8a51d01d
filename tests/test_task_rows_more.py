"""Every row of MuSR, BIG-Bench Hard, FOLIO, ProofWriter, GSM-Hard, GSM-Plus, AIME, HotpotQA and Game of 24: question,
options and gold against the raw row.

Where a row can be put together again from what is asked of it, that is done: what comes out must be the row's text, to
the sign. Golds are followed back to what the row calls right by another way than the task file's, and where a gold can
be worked out (a sum, a sorted list, brackets that close), it is. Nothing here knows the task files' patterns.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cotbench.answers.grader import RIGHT, grade_now
from cotbench.answers.kinds import KINDS
from cotbench.doctor import examine_task
from cotbench.programs import Sandbox
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.tasks import Answer, Task, find_task
from cotbench.types import LETTERS, AnswerType, Program, Question

Row = Mapping[str, Any]
NAMES = (
    "musr-murder",
    "musr-objects",
    "musr-teams",
    "bbh",
    "folio",
    "proofwriter",
    "gsm-hard",
    "gsm-plus",
    "aime24",
    "aime25",
    "hotpotqa",
    "game24",
)


class Pair(NamedTuple):
    row: Row
    question: Question
    gold: str


def raw(folder: Path, config: str | None, split: str) -> list[Row]:
    from pyarrow import parquet

    under = folder / config if config and (folder / config).is_dir() else folder
    [path] = under.rglob(f"{split}-*.parquet")
    rows: list[Row] = parquet.read_table(path).to_pylist()
    return rows


def no_answer(name: str, row: Row) -> bool:
    """Whether a row has no one right answer: it is left out. One story of MuSR has the same place twice."""
    return name.startswith("musr-") and stripped(row["choices"]).count(row["answer_choice"].strip()) != 1


@cache
def of_task(name: str, folder: Path) -> tuple[TaskData, list[Row]]:
    """The questions of a task, and the rows of those of them that aren't further ones."""
    source = find_task(name).task.source
    assert source.dataset is not None
    rows = raw(folder / source.dataset, source.config, source.split)
    return questions_of(name, folder), [row for row in rows if not no_answer(name, row)]


@cache
def questions_of(name: str, folder: Path) -> TaskData:
    return load_data(find_task(name), folder)


def pairs(name: str, folder: Path) -> list[Pair]:
    """The questions of a task with their golds and rows, which stand in the same order; further questions come last."""
    data, rows = of_task(name, folder)
    assert len(data.questions) >= len(rows)
    return [Pair(row, q, data.golds[q.id]) for row, q in zip(rows, data.questions, strict=False)]


def amiss(found: Iterable[Any]) -> None:
    listed = list(found)
    assert not listed, f"{len(listed)}: {listed[:5]}"


def sizes(labels: Iterable[str]) -> dict[int, int]:
    """How many labels stand there how often."""
    return dict(Counter(Counter(labels).values()))


# --- the files ----------------------------------------------------------------------------------------------------


def answers_of(task: Task) -> list[Answer]:
    return [task.of(part).answer for part in task.parts] or [task.answer]


@pytest.mark.parametrize("name", NAMES)
def test_its_contract_is_that_of_its_kind(name: str) -> None:
    for answer in answers_of(find_task(name).task):
        kind = KINDS[answer.type]
        assert answer.form == kind.form
        if kind.has_choices and not kind.lettered:
            assert answer.phrase.startswith(f"where {kind.form} is ")
        else:
            assert answer.phrase == kind.phrase


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_a_choice_are_those_that_its_contract_names(name: str) -> None:
    task = find_task(name).task
    for part in [task.of(part) for part in task.parts] or [task.of(None)]:
        if part.fields.choices is not None and part.fields.choices.words:
            *first, last = part.fields.choices.words
            assert part.answer.phrase == f"where <word> is {', '.join(first)} or {last}"
            assert {exemplar.answer for exemplar in part.exemplars} == {*first, last}


@pytest.mark.parametrize("name", NAMES)
def test_it_has_exemplars_of_which_no_two_are_alike(name: str) -> None:
    task = find_task(name).task
    for part in [task.of(part) for part in task.parts] or [task.of(None)]:
        asked = [(exemplar.question, *exemplar.choices) for exemplar in part.exemplars]
        assert 2 <= len(asked) == len(set(asked))
        for exemplar in part.exemplars:
            assert exemplar.rationale and exemplar.rationale == exemplar.rationale.strip()
            assert "Answer:" not in exemplar.rationale, "a second answer line would teach a model to write two"
            if exemplar.choices:
                assert exemplar.answer in LETTERS[: len(exemplar.choices)]


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_no_exemplar_is_a_question_of_the_data(name: str, data_dir: Path) -> None:
    data = questions_of(name, data_dir)
    asked = {" ".join(question.text.split()) for question in data.questions}
    task = find_task(name).task
    ours = [e for part in [task.of(part) for part in task.parts] or [task.of(None)] for e in part.exemplars]
    same = {" ".join(exemplar.question.split()) for exemplar in ours} & asked
    # These say the same of any options.
    assert same <= {"Which sentence has the correct adjective order:", "Which statement is sarcastic?"}


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_no_option_is_empty_or_has_its_label_left(name: str, data_dir: Path) -> None:
    data = questions_of(name, data_dir)
    options = [(q.id, place, option) for q in data.questions for place, option in enumerate(q.choices)]
    amiss(one for one in options if not one[2] or one[2] != one[2].strip())
    marks = [(f"({letter})", f"{letter})", f"{letter}.", f"{letter}:") for letter in LETTERS]
    amiss(one for one in options if one[2].startswith(marks[one[1]]))
    # An option that stands there twice is no right answer.
    rights = [(q.choices, q.choices[LETTERS.index(data.golds[q.id])]) for q in data.questions if lettered(data, q)]
    amiss((choices, right) for choices, right in rights if choices.count(right) > 1)


def lettered(data: TaskData, question: Question) -> bool:
    return bool(question.choices) and KINDS[data.kind_of(question)].lettered


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_each_gold_is_right_when_an_answer_says_it(name: str, data_dir: Path) -> None:
    check = examine_task(name, data_dir)
    assert check.ok, check.wrong
    assert check.asked == check.right == len(questions_of(name, data_dir).questions)


# --- MuSR ---------------------------------------------------------------------------------------------------------

MUSR = {"musr-murder": {2: 250}, "musr-objects": {2: 4, 3: 112, 4: 96, 5: 43}, "musr-teams": {3: 250}}


def literals(text: str) -> list[str]:
    """The texts in a list as Python writes it, by Python's own tokenizer."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [ast.literal_eval(token.string) for token in tokens if token.type == tokenize.STRING]


def stripped(text: str) -> list[str]:
    """The options of a row: some have a space too much."""
    return [option.strip() for option in literals(text)]


@pytest.mark.data
@pytest.mark.parametrize("name", MUSR)
def test_musr(name: str, data_dir: Path) -> None:
    found = pairs(name, data_dir)
    amiss(p.question.id for p in found if p.question.text != f"{p.row['narrative'].strip()}\n\n{p.row['question']}")
    amiss(p.question.id for p in found if list(p.question.choices) != stripped(p.row["choices"]))
    amiss(p for p in found if p.question.choices[LETTERS.index(p.gold)] != p.row["answer_choice"].strip())
    assert Counter(len(p.question.choices) for p in found) == MUSR[name]


@pytest.mark.data
def test_stories_of_musr_that_share_something_are_clusters(data_dir: Path) -> None:
    assert sizes(p.question.cluster for p in pairs("musr-objects", data_dir)) == {4: 63, 3: 1}
    assert sizes(p.question.cluster for p in pairs("musr-murder", data_dir)) == {2: 105, 4: 10}
    assert {p.question.cluster for p in pairs("musr-teams", data_dir)} == {""}
    stories: dict[str, set[str]] = {}
    for p in pairs("musr-objects", data_dir):
        stories.setdefault(p.question.cluster, set()).add(p.row["narrative"])
    assert {len(story) for story in stories.values()} == {1}


# --- BIG-Bench Hard -----------------------------------------------------------------------------------------------

LEFT_OUT = {"movie_recommendation": 1, "ruin_names": 2, "snarks": 2}
YES_NO, VALID = "\nOptions:\n- Yes\n- No", "\nOptions:\n- valid \n- invalid"
BEHIND = {"causal_judgement": YES_NO, "navigate": YES_NO, "formal_fallacies": VALID}  # what isn't asked
BEFORE = {"web_of_lies": "Question: "}


def as_it_stood(question: Question) -> str:
    """The text of the row of which a question was made."""
    if KINDS[question.kind].lettered and question.choices:
        lines = [f"({LETTERS[place]}) {option}" for place, option in enumerate(question.choices)]
        return "\n".join([question.text, "Options:", *lines])
    return BEFORE.get(question.group, "") + question.text + BEHIND.get(question.group, "")


@cache
def of_bbh(folder: Path) -> tuple[list[Pair], dict[str, list[Row]]]:
    """The questions with their rows, and the rows of each part that have none. A row is found by its whole text."""
    data = questions_of("bbh", folder)
    found: list[Pair] = []
    unasked: dict[str, list[Row]] = {}
    for part in sorted(path.name for path in (folder / "lukaemon" / "bbh").iterdir() if path.is_dir()):
        rows = raw(folder / "lukaemon" / "bbh", part, "test")
        for question in (q for q in data.questions if q.group == part):
            same = [row for row in rows if row["input"].strip() == as_it_stood(question)]
            assert same, (part, question.text[:200], question.choices)
            rows = [row for row in rows if row is not same[0]]
            found.append(Pair(same[0], question, data.golds[question.id]))
        unasked[part] = rows
    assert len(found) == len(data.questions)
    return found, unasked


@pytest.mark.data
def test_each_row_of_bbh_can_be_put_together_again(data_dir: Path) -> None:
    found, unasked = of_bbh(data_dir)
    assert len(found) == 6511 - sum(LEFT_OUT.values())
    assert len(unasked) == 27
    assert {part: len(rows) for part, rows in unasked.items() if rows} == LEFT_OUT


@pytest.mark.data
def test_a_row_of_bbh_is_left_out_only_where_it_has_no_answer(data_dir: Path) -> None:
    for rows in of_bbh(data_dir)[1].values():
        for row in rows:
            options = [line[4:] for line in row["input"].splitlines() if line[:1] == "(" and line[2:4] == ") "]
            labelled = row["target"][1:2] in LETTERS[: len(options)] and len(row["target"]) == 3
            assert not labelled or len(set(options)) < 2, row


@pytest.mark.data
def test_golds_of_bbh_are_the_targets(data_dir: Path) -> None:
    for row, question, gold in of_bbh(data_dir)[0]:
        kind = KINDS[question.kind]
        said = {"letter": f"({gold})", "boolean": gold.capitalize()}.get(kind.name, gold)
        target = row["target"].capitalize() if kind.name == "boolean" else row["target"]
        assert said == target, (question.group, row)
        if kind.has_choices and not kind.lettered:
            assert gold in question.choices


@pytest.mark.data
def test_each_part_of_bbh_has_the_kind_of_its_targets(data_dir: Path) -> None:
    kinds: dict[str, set[str]] = {}
    for _, question, _ in of_bbh(data_dir)[0]:
        kinds.setdefault(question.kind, set()).add(question.group)
    assert kinds["boolean"] == {"causal_judgement", "navigate", "sports_understanding", "web_of_lies"}
    assert kinds["choice"] == {"boolean_expressions", "formal_fallacies"}
    assert kinds["number"] == {"multistep_arithmetic_two", "object_counting"}
    assert kinds["list"] == {"dyck_languages", "word_sorting"}
    assert len(kinds["letter"]) == 27 - 4 - 2 - 2 - 2
    assert len(kinds) == 5


# "rutherford", "fitzroy" and so on stand in code point order all the same: the words are in lower case.
def sorted_right(pair: Pair) -> bool:
    words = pair.question.text.split("List:")[1].split()
    return sorted(words) == pair.gold.split()


def closes(pair: Pair) -> bool:
    """Whether all brackets are closed once the gold stands behind the text, and none of the gold is too much."""
    partner = dict(zip(")]}>", "([{<", strict=True))
    open_ones: list[str] = []
    for sign in pair.question.text.split("Input:")[1].split() + pair.gold.split():
        if sign in partner:
            if not open_ones or open_ones.pop() != partner[sign]:
                return False
        else:
            open_ones.append(sign)
    return not open_ones


def evaluates(pair: Pair) -> bool:
    text = pair.question.text.removesuffix("=").removesuffix(" is").strip()
    assert set(text) <= set("0123456789+-*() ") or set(text.split()) <= {"True", "False", "not", "and", "or", "(", ")"}
    return str(eval(text)) == pair.gold  # sums, and words of logic: nothing else is in it


WORKED_OUT = {
    "word_sorting": sorted_right,
    "dyck_languages": closes,
    "multistep_arithmetic_two": evaluates,
    "boolean_expressions": evaluates,
}


@pytest.mark.data
@pytest.mark.parametrize("part", WORKED_OUT)
def test_golds_of_bbh_that_can_be_worked_out_are_right(part: str, data_dir: Path) -> None:
    found = [p for p in of_bbh(data_dir)[0] if p.question.group == part]
    assert len(found) == 250
    amiss(p.row for p in found if not WORKED_OUT[part](p))


# --- FOLIO and ProofWriter ----------------------------------------------------------------------------------------


@pytest.mark.data
def test_folio(data_dir: Path) -> None:
    found = pairs("folio", data_dir)
    for row, question, gold in found:
        premises, conclusion = question.text.split("\n\nConclusion: ")
        assert premises.splitlines()[0] == "Premises:"
        assert [line.strip() for line in premises.splitlines()[1:]] == [
            line.strip() for line in row["premises"].strip().splitlines()
        ]
        assert conclusion == row["conclusion"].strip()
        assert gold == row["label"]
        assert question.choices == ("True", "False", "Uncertain")
    assert Counter(gold for *_, gold in found) == {"True": 72, "Uncertain": 69, "False": 62}
    assert len({p.question.cluster for p in found}) == 73
    assert len({(p.question.cluster, p.row["premises"]) for p in found}) == 73


@pytest.mark.data
def test_proofwriter(data_dir: Path) -> None:
    found = pairs("proofwriter", data_dir)
    for row, question, gold in found:
        facts, statement = question.text.split("\n\nStatement: ")
        assert facts == row["context"].strip()
        asked, _, rest = row["question"].partition("?")  # no statement has one
        assert statement == rest.strip() and statement[0].isupper() and statement.endswith(".")
        assert asked == "Based on the above information, is the following statement true, false, or unknown"
        options = literals(row["options"]) if isinstance(row["options"], str) else row["options"]
        if len(options) == 1:  # a list that holds a list as a text
            options = literals(options[0])
        assert f"{row['answer']}) {gold}" in options
        assert question.features["hops"] == "5" and "-D5-" in row["id"]
        assert row["id"].startswith(f"ProofWriter_{question.features['rules']}-OWA-")
    assert Counter(gold for *_, gold in found) == {"True": 200, "False": 200, "Unknown": 200}
    assert len({p.question.cluster for p in found}) == 457
    assert len({(p.question.cluster, p.row["context"]) for p in found}) == 457, "a cluster is what shares its facts"


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_gsm_hard(data_dir: Path) -> None:
    found = pairs("gsm-hard", data_dir)
    assert len(found) == 1319
    amiss(p.row for p in found if p.question.text != p.row["input"].strip())
    # The target is a float: the gold is the number that this float is shown as, written without an exponent.
    amiss(p for p in found if Fraction(p.gold) != Fraction(repr(p.row["target"])))
    amiss(p for p in found if float(p.gold) != p.row["target"])
    amiss(p for p in found if set(p.gold) - set("-0123456789."))
    assert sum(p.row["target"] < 0 for p in found) == sum(p.gold[0] == "-" for p in found) == 146
    assert sum("." in p.gold for p in found) == 303
    assert not [p for p in found if p.gold.endswith(".0")]


@pytest.mark.data
def test_programs_that_come_with_gsm_hard_give_its_golds_with_decimals(data_dir: Path) -> None:
    """Its targets are what these gave, in floating point: a program that does the same is right."""
    kind = KINDS[AnswerType.DECIMAL]
    wrong = []
    with Sandbox[int](workers=2) as sandbox:
        for row, _, gold in (pair for pair in pairs("gsm-hard", data_dir) if "." in pair.gold):
            value = kind.value(sandbox.run(Program(runtime="python", code=row["code"].strip(), choices=())))
            if value is None or grade_now(value, gold, kind.name) != RIGHT:
                wrong.append((gold, value))
    amiss(wrong)


@pytest.mark.data
def test_gsm_plus(data_dir: Path) -> None:
    found = pairs("gsm-plus", data_dir)
    assert len(found) == 2400
    for row, question, gold in found:
        assert question.text == row["question"].strip()
        assert (gold == "none") == (row["answer"] == "None") == (row["perturbation_type"] == "critical thinking")
        assert gold == "none" or Fraction(gold) == Fraction(row["answer"])
        assert question.group == question.features["perturbed"] == row["perturbation_type"]
    assert {gold for *_, gold in found if "/" in gold} == {"1/3"} or not [gold for *_, gold in found if "/" in gold]


@pytest.mark.data
def test_gsm_plus_brings_its_seeds_with_it(data_dir: Path) -> None:
    data, rows = of_task("gsm-plus", data_dir)
    assert len(data.questions) == 2700
    seeds = {row["seed_question"].strip(): row["seed_answer"] for row in rows}
    own = [q for q in data.questions if q.features["perturbed"] == "seed"]
    assert own == list(data.questions[2400:])
    assert {q.text: Fraction(data.golds[q.id]) for q in own} == {text: Fraction(gold) for text, gold in seeds.items()}
    assert {q.group for q in own} == {"seed"}
    assert sizes(q.cluster for q in data.questions) == {9: 300}
    of_seed = {q.cluster: q.text for q in own}
    amiss(
        question.id
        for row, question in zip(rows, data.questions, strict=False)
        if of_seed[question.cluster] != row["seed_question"].strip()
    )
    by_group = Counter(q.group for q in data.questions)
    assert len(by_group) == 9 and set(by_group.values()) == {300}


@pytest.mark.data
@pytest.mark.parametrize("name", ["aime24", "aime25"])
def test_aime(name: str, data_dir: Path) -> None:
    found = pairs(name, data_dir)
    assert len(found) == 30
    for row, question, gold in found:
        assert question.text == row["problem"].strip()
        assert 0 <= int(gold) <= 999 and gold == str(int(row["answer"]))


# --- HotpotQA -----------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_hotpotqa(data_dir: Path) -> None:
    data, rows = of_task("hotpotqa", data_dir)
    found = pairs("hotpotqa", data_dir)
    assert len(found) in (682, 7405)
    for row, question, gold in found:
        assert question.text == row["question"].strip()
        assert gold.split() == row["answer"].split()
        assert question.features == {"type": row["type"], "level": row["level"]}
        passages = data.passages[question.id]
        assert [p.title for p in passages] == row["context"]["title"]
        for passage, sentences in zip(passages, row["context"]["sentences"], strict=True):
            rest = passage.text
            for sentence in filter(None, sentences):
                before, found_it, rest = rest.partition(sentence)
                assert found_it == sentence and not before.strip()
            assert not rest.strip()
        assert {p.title for p in passages if p.supports} == set(row["supporting_facts"]["title"])
        assert len({p.title for p in passages if p.supports}) == 2
    assert len(data.passages) == len(rows)


# --- the Game of 24 -----------------------------------------------------------------------------------------------


def makes_24(numbers: tuple[Fraction, ...]) -> bool:
    if len(numbers) == 1:
        return numbers[0] == 24
    for a, b, *rest in permutations(numbers):
        results = [a + b, a - b, a * b, *([a / b] if b else [])]
        if any(makes_24((result, *rest)) for result in results):
            return True
    return False


@pytest.mark.data
def test_game_of_24(data_dir: Path) -> None:
    found = pairs("game24", data_dir)
    assert len(found) == 1362
    for place, (row, question, gold) in enumerate(found, 1):
        assert gold == row["Puzzles"]
        first, rest = question.text.split("\n\n")
        assert first == f"Numbers: {row['Puzzles']}" and "24" in rest
        assert int(question.features["rank"]) == row["Rank"] == place
        bands = ("ranks 1 to 900", "ranks 901 to 1,000", "ranks 1,001 to 1,362")
        assert question.group == bands[(place > 900) + (place > 1000)]
        assert max(map(int, gold.split())) <= 13
    amiss(p.gold for p in found[900:1000] if not makes_24(tuple(map(Fraction, p.gold.split()))))
    for exemplar in find_task("game24").task.exemplars:
        assert max(map(int, exemplar.question.splitlines()[0].removeprefix("Numbers: ").split())) > 13
