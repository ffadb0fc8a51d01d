"""What shipped tasks look like as prompts, in full, in `tests/golden/`: no data set is needed to read them.

Prompts are made of the template, the kind of answers and the question: there is a task of every kind, and beside these
the tasks that were there first. The question is the task's own last exemplar, the exemplars its first two. After a
change to a template or a task file that was meant, write the files anew and read the difference:

    COTBENCH_UPDATE_GOLDEN=1 pytest tests/test_golden_prompts.py
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from cotbench.modes import MODES, find_mode
from cotbench.modes.prompts import Prompts
from cotbench.questions.shipped import shipped
from cotbench.questions.tasks import Exemplar, Task, find_task, list_task_files
from cotbench.types import Message, Question

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("COTBENCH_UPDATE_GOLDEN"))
FIRST = ("gsm8k", "math", "math500", "mmlu", "logiqa", "sample")  # demo has short templates of its own
# Of each further kind of answers a task, or a part of one.
OTHERS = ("strategyqa", "gaokao-physics", "folio", "hotpotqa", "game24", "gsm-plus", "gsm-hard", "bbh:word_sorting")
TASKS = (*FIRST, *OTHERS)
TEMPLATES = ("direct", "cot", "cot-brief", "draft", "free", "pal", "plan", "plan-direct", "plan-cot")
WITH_KINDS = ("direct", "cot", "pal", "plan")  # those in which it shows what kind an answer has
FOLLOW_UPS = ("plan-direct", "plan-cot")  # a second request, after the plan
SHOTS = (0, 2)
# Of those that show what was written before, as it is in the examples of their turns: two tasks.
ARMS = ("best-of-n", "best-of-n@judge=rank", "refine", "tot", "tot@generate=sample", "tot@evaluate=vote", "tools")
ON_THE_WAY = {
    turn.template: turn.given for arm in ARMS for turn in find_mode(arm).turns if turn.template not in TEMPLATES
}
OF_DEMO = [name for name in TEMPLATES if (shipped("prompts") / "demo" / f"{name}.jinja").is_file()]


@cache
def task_and_part(name: str) -> tuple[Task, str]:
    task, _, part = name.partition(":")
    return find_task(task).task, part


def exemplars_of(name: str) -> Sequence[Exemplar]:
    task, part = task_and_part(name)
    return task.asked(part).exemplars


def shows_all(task: str, template: str) -> bool:
    """Whether the task's exemplars have what the template shows of them."""
    if template == "pal":
        return all(exemplar.program for exemplar in exemplars_of(task))
    return not template.startswith("plan") or all(exemplar.equations for exemplar in exemplars_of(task))


CASES = [
    *product(FIRST, TEMPLATES, SHOTS),
    *(case for case in product(OTHERS, WITH_KINDS, SHOTS) if case[2] == 0 or shows_all(*case[:2])),
    *product(["demo"], OF_DEMO, (0, 1)),
    *product(("gsm8k", "logiqa"), ON_THE_WAY, (0,)),
]


def name_of(task: str, template: str, shots: int) -> str:
    return f"{task.replace(':', '.')}-{template}-{shots}shot.txt"


def readable(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"[{message.role}]\n{message.text}" for message in messages) + "\n"


def render(task_name: str, template: str, shots: int) -> tuple[Message, ...]:
    (task, part), exemplars = task_and_part(task_name), exemplars_of(task_name)
    last, kind = exemplars[-1], task.asked(part).answer.type
    question = Question(
        id=f"{task.name}-golden", task=task.name, text=last.question, choices=tuple(last.choices), group=part, kind=kind
    )
    plan = f"```plan\n{last.equations or 'answer: 1'}\n```" if template in FOLLOW_UPS else None
    given = ON_THE_WAY.get(template, {"plan": plan})
    return Prompts().render(template, task, question, exemplars[:shots], **given)


@pytest.mark.parametrize(
    ("task", "template", "shots"), CASES, ids=[name_of(*case).removesuffix(".txt") for case in CASES]
)
def test_prompt_is_as_it_was(task: str, template: str, shots: int) -> None:
    messages = render(task, template, shots)
    rounds = 2 * shots + 1 if template in FOLLOW_UPS else shots
    system = [] if task == "demo" else ["system"]
    if template not in ON_THE_WAY:
        assert [m.role for m in messages] == [*system, *["user", "assistant"] * rounds, "user"]
    path = GOLDEN / name_of(task, template, shots)
    text = readable(messages)
    if UPDATE:
        path.write_bytes(text.encode())
    assert path.is_file(), "run COTBENCH_UPDATE_GOLDEN=1 pytest tests/test_golden_prompts.py"
    assert text == path.read_bytes().decode()


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {name_of(*case) for case in CASES}


def test_every_template_is_among_them() -> None:
    there_are = {path.stem for path in shipped("prompts").glob("*.jinja") if not path.name.startswith("_")}
    there_are = {name for name in there_are if not name.endswith("-wordings")}  # of tests/test_wordings.py
    assert there_are == {*TEMPLATES, *ON_THE_WAY}
    assert {turn.template for mode in MODES.values() for turn in mode.turns} <= there_are


def test_every_kind_of_answers_of_shipped_tasks_is_among_them() -> None:
    shown = {task.asked(part).answer.type for name in TASKS for task, part in [task_and_part(name)]}
    assert shown == {kind for name in list_task_files() for kind in find_task(name).task.kinds}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shots", SHOTS)
def test_modes_differ_in_the_instruction_and_the_reasoning_only(task: str, shots: int) -> None:
    """The comparison is fair only if question, options, contract and exemplars' answers are the same in both modes."""
    direct, cot = (render(task, template, shots) for template in ("direct", "cot"))
    assert direct[0] == cot[0]
    for one, other in zip(direct[1:], cot[1:], strict=True):
        ours, theirs = one.text.splitlines(), other.text.splitlines()
        if one.role == "assistant":
            assert ours == theirs[-1:]
            assert len(theirs) > 1
        else:
            differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
            assert [(a[:10], b[:10]) for a, b in differing] == [("Answer at ", "Let's thin")]


@pytest.mark.parametrize(("task", "shots"), [(t, n) for t in TASKS for n in SHOTS if n == 0 or shows_all(t, "plan")])
def test_the_plan_modes_differ_from_direct_and_cot_in_the_plan_only(task: str, shots: int) -> None:
    """What plan-direct and plan-cot are told last is what direct and cot are told, but for "by this plan"."""
    for planned, plain in (("plan-direct", "direct"), ("plan-cot", "cot")):
        ours, theirs = render(task, planned, shots), render(task, plain, shots)
        assert ours[-1].text.splitlines()[-1] == theirs[-1].text.splitlines()[-1]  # the contract
        assert [m.text for m in ours if m.role == "assistant"][1::2] == [
            m.text for m in theirs if m.role == "assistant"
        ]


@pytest.mark.parametrize("task", TASKS)
def test_a_follow_up_begins_with_what_the_plan_was_asked_for(task: str) -> None:
    """So that an engine finds the prefix in its cache."""
    asked = render(task, "plan", 0)
    for template in FOLLOW_UPS:
        assert render(task, template, 0)[: len(asked)] == asked
