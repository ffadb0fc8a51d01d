"""What the prompt of an arm shows, for the manifest and for the lint of the arms (`analysis/lint.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cotbench.analysis.lint import Asked, Unsaid, lint, over_tasks
from cotbench.engines import EngineInfo
from cotbench.modes import TaskKit
from cotbench.modes.prompts import PASSAGES
from cotbench.modes.repeats import is_repeat
from cotbench.runs.prepare import RunPlan, digest
from cotbench.types import Message, Question

MOST = 200  # characters of a system prompt that a manifest holds


def shown_by(plan: RunPlan) -> dict[str, dict[str, Any]]:
    """What the prompts of each task and arm show, by "task/arm"."""
    return {f"{task}/{arm}": _shown(kit, plan.whole[task][0]) for (task, arm), kit in plan.kits.items()}


def _shown(kit: TaskKit, question: Question) -> dict[str, Any]:
    """What the prompt of an arm's own turn shows.

    template: its name. system: the system prompt, a long one as its beginning and a hash; "" where there is none.
    contract: whether it says how to give the answer in the sentence that prompts share. question: whether it has the
    question and its options as prompts share them. shots: how many exemplars it shows. own: the user's own files that
    the prompts of all turns are made of, by name; [] where all of them come with cotbench."""
    turn = kit.mode.own
    messages = kit.example_request(question, turn).messages
    shared = kit.prompts.shared_texts(kit.data.task, question)
    templates = [one.template for one in kit.mode.turns] + ([PASSAGES] if kit.context else [])
    exemplars = kit.data.exemplars(question, kit.num_fewshot, own=kit.own_exemplars)
    return {
        "template": turn.template,
        "system": _short("\n".join(message.text for message in messages if message.role == "system")),
        **{name: _holds(messages, text) for name, text in shared.items()},
        "shots": sum(_holds(messages[:-1], exemplar.question) for exemplar in exemplars),
        "own": sorted({file for name in templates for file in kit.prompts.own_files(name, question.task)}),
    }


def _short(text: str) -> str:
    return text if len(text) <= MOST else f"{text[: MOST // 2]}... ({len(text):,} characters, {digest(text)})"


def _holds(messages: Sequence[Message], text: str) -> bool:
    wanted = " ".join(text.split())
    return any(wanted in " ".join(message.text.split()) for message in messages if message.role == "user")


def lint_of(plan: RunPlan) -> list[Unsaid]:
    """What the arms of a plan differ in that their names don't say, as far as that is known before a model is
    loaded."""
    modes = plan.spec(EngineInfo(engine=plan.options.generating, model=plan.options.model))["modes"]
    shown = shown_by(plan)
    found = []
    for task in plan.data:
        kits = {arm: kit for (of, arm), kit in plan.kits.items() if of == task and not is_repeat(arm)}
        arms = [
            Asked(arm=arm, facts=kit.mode.facts, row=modes[f"{task}/{arm}"], shown=shown[f"{task}/{arm}"])
            for arm, kit in kits.items()
        ]
        found += lint(arms, model=plan.options.model, task=task)
    return over_tasks(found)
