"""Arms in other words: prompts that differ in their instruction alone, and options in another order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotbench.errors import PromptError, UsageError
from cotbench.modes import MODES, Kit, Mode, find_mode, recorded_mode
from cotbench.modes.prompts import Prompts
from cotbench.modes.repeats import first_of, in_own_letters, order_of, place_of, repeated
from cotbench.questions.tasks import find_task
from cotbench.types import LETTERS, Completion, Options, Outcome, Prediction, Question, Votes

TASKS = ("gsm8k", "mmlu", "logiqa", "strategyqa", "demo")
REWORDED = ("direct", "cot", "free", "draft")
LEAST = 5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("template", REWORDED)
@pytest.mark.parametrize("shots", [0, 2])
def test_a_wording_changes_the_instruction_and_nothing_else(task: str, template: str, shots: int) -> None:
    prompts, asked = Prompts(), find_task(task).task
    *exemplars, last = asked.exemplars
    question = Question(id="q", task=task, text=last.question, choices=tuple(last.choices or ()))
    count, file = prompts.wordings(template, task)
    assert count >= LEAST, file
    plain = [message.text for message in prompts.render(template, asked, question, exemplars[:shots])]
    contract = prompts.shared_texts(asked, question)["contract"]
    shown = prompts.shared_texts(asked, question)["question"]
    words = plain[-1].removeprefix(shown).strip().removesuffix(contract).strip()
    instructions = {words}
    for number in range(1, count + 1):
        reworded = [
            message.text
            for message in prompts.render(f"{template}-wording{number}", asked, question, exemplars[:shots])
        ]
        own = reworded[-1].removeprefix(shown).strip().removesuffix(contract).strip()
        instructions.add(own)
        back = [text.replace(own, words) if words else text.replace(f"{own}\n", "") for text in reworded]
        assert back == plain
    assert len(instructions) == count + 1


def test_a_wordings_hash_is_over_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "cot-wordings.jinja"
    body = '{% set worked = true %}\n{% include "_worded.jinja" %}\n'
    (tmp_path / "cot.jinja").write_text("{% call user() %}{{ question.question }}{% endcall %}")
    file.write_text('{% set wordings = ["One way.", "Another."] %}\n' + body)
    first = Prompts(tmp_path)
    hashes = [first.hash(f"cot-wording{number}", "gsm8k") for number in (1, 2)]
    assert len(set(hashes)) == 2
    file.write_text('{% set wordings = ["One way.", "Another.", "A third."] %}\n' + body)
    second = Prompts(tmp_path)
    assert second.wordings("cot", "gsm8k") == (3, "cot-wordings.jinja")
    assert [second.hash(f"cot-wording{number}", "gsm8k") for number in (1, 2)] == hashes


def test_shipped_wordings_are_not_those_of_a_users_own_template(tmp_path: Path) -> None:
    (tmp_path / "cot.jinja").write_text("{% call user() %}{{ question.question }}{% endcall %}")
    own = Prompts(tmp_path)
    assert own.wordings("cot", "gsm8k") == (0, "cot-wordings.jinja")
    assert own.wordings("direct", "gsm8k")[0] >= LEAST


@pytest.mark.parametrize("text", ["nothing", "{% set wordings = [] %}", "{% set wordings = [1] %}"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cot-wordings.jinja").write_text(text)
    with pytest.raises(PromptError, match=r"cot-wordings.jinja: expected \{% set wordings = "):
        Prompts(tmp_path).wordings("cot", "gsm8k")


# --- arms ---------------------------------------------------------------------------------------------------------


def test_a_repeats_name_says_what_it_repeats() -> None:
    assert place_of("cot@temperature=1@wording=2@replicate=3") == ("cot@temperature=1", 2, 3)
    assert place_of("cot") == ("cot", 0, 0)
    assert first_of("b@replicate=11") == "b"
    assert first_of("cot@replicate=0") == "cot@replicate=0"


@pytest.mark.parametrize(("wording", "replicate"), [(0, 0), (0, 2), (3, 0), (3, 2)])
@pytest.mark.parametrize("name", ["cot", "cot@temperature=1", "cot@prompt=brief@name=b", "self-consistency@paths=3"])
def test_a_repeat_is_found_again_from_its_facts(name: str, wording: int, replicate: int) -> None:
    made = repeated(find_mode(name), wording, replicate)
    again = recorded_mode(made.name, made.facts.as_dict())
    assert (again.name, again.called, again.turns) == (made.name, made.called, made.turns)
    assert again.facts.settings == made.facts.settings


@pytest.mark.parametrize("setting", ["replicate", "wording"])
def test_nobody_types_a_repeat(setting: str) -> None:
    with pytest.raises(UsageError, match=f"'{setting}' is nothing that is typed") as error:
        find_mode(f"cot@{setting}=1")
    assert f"--{setting}s" in error.value.hint


# --- the order of options -----------------------------------------------------------------------------------------

OPTIONS = ("red", "green", "blue", "grey")


def kit_of(mode: Mode, kind: str) -> Kit:
    return Kit(mode=mode, answer_type=kind)


def asked(**more: object) -> Question:
    return Question(**{"id": "q", "task": "t", "text": "Which?", "choices": OPTIONS, **more})  # type: ignore[arg-type]


def test_the_order_is_the_questions_own_and_the_same_under_every_arm() -> None:
    kits = [kit_of(MODES[name], "letter") for name in ("cot", "direct")]
    orders = [[tuple(order_of(asked(id=str(n)), kit, 1)) for n in range(50)] for kit in kits]
    assert orders[0] == orders[1]
    assert len(set(orders[0])) > 10
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders[0])
    assert [tuple(order_of(asked(id=str(n)), kits[0], 2)) for n in range(50)] != orders[0]
    assert [*order_of(asked(), kits[0], 0)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "option", ["None of the above", "Both of these", "A and C", "neither", "All of the options", "A, B and D"]
)
def test_options_that_speak_of_others_keep_their_order(option: str) -> None:
    kit = kit_of(MODES["cot"], "letter")
    for number in range(20):
        question = asked(id=str(number), choices=("red", "green", "blue", option))
        assert [*order_of(question, kit, 1)] == [0, 1, 2, 3]


def test_words_of_the_task_have_no_order() -> None:
    assert [*order_of(asked(), kit_of(MODES["cot"], "choice"), 1)] == [0, 1, 2, 3]


def test_what_is_concluded_is_told_in_the_questions_own_letters() -> None:
    order = (2, 0, 3, 1)  # A shows blue, B red, C grey, D green
    before = Prediction(answer="B")
    told = in_own_letters(
        Prediction(
            answer="A",
            votes=Votes(answers=("A", "D"), ballots=(0, 0, 1), abstained={}, margin=1),
            before=before,
            options=Options(probabilities={"A": 0.4, "B": 0.3, "C": 0.2, "D": 0.1}, mass=1.0),
        ),
        order,
    )
    assert told.answer == "C"
    assert told.votes is not None
    assert told.votes.answers == ("C", "B")
    assert told.before is not None
    assert told.before.answer == "A"
    assert told.options is not None
    assert told.options.probabilities == {"A": 0.3, "B": 0.1, "C": 0.4, "D": 0.2}
    assert [*told.options.probabilities] == ["A", "B", "C", "D"]
    assert in_own_letters(Prediction(answer="AD"), order, several=True).answer == "BC"
    unread = Prediction(answer=None, outcome=Outcome.UNPARSED)
    assert in_own_letters(unread, order) == unread


def test_a_flow_is_given_the_other_order_and_graded_by_the_questions_own() -> None:
    mode = repeated(MODES["cot"], 1, 0)
    kit = kit_of(mode, "letter")
    question = asked(id="7")
    order = order_of(question, kit, 1)
    assert [*order] != [0, 1, 2, 3]
    flow = mode.run(question, kit)
    next(flow)
    shown = LETTERS[[*order].index(2)]  # where blue stands
    with pytest.raises(StopIteration) as end:
        flow.send([(Completion(text=f"Answer: {shown}", finish_reason="stop"),)])
    assert end.value.value.answer == "C"
    assert re.search(shown, end.value.value.source.text)
