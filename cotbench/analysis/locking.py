"""`--lock`: what is fixed before the first token of a run.

    auto                                        chain of thought against direct on the first task
    delta[mmlu,cot]                             a contrast in the words of `--fail-if`
    delta[mmlu,cot,symbolic,baseline=free]      within a tag, against another baseline
    did[mmlu,cot]                               symbolic against non-symbolic questions
    delta[mmlu,cot], margin=1pt, tag_rule=operators

margin: how large a difference matters (and how much worse than the largest budget is no matter); 2 points where it
isn't said. tag_rule: the rule that says which questions are symbolic; where it isn't said the one that the tasks have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cotbench.analysis.curve import MARGIN
from cotbench.analysis.gates import ANY, Place, parse_number, parse_place
from cotbench.analysis.locked import SPLIT, in_points
from cotbench.errors import UsageError, suggest
from cotbench.modes import BASELINE, Facts
from cotbench.modes.arms import base_of, the_one
from cotbench.questions.tagging import RULES, main_rule
from cotbench.store.manifest import Lock

OPTION = "--lock"
AUTO = "auto"
EXAMPLE = f'As in {OPTION} auto, or {OPTION} "delta[mmlu,cot], margin=2pt, tag_rule=eq_question".'
_FIGURES = ("delta", SPLIT)
_SHAPE = re.compile(r"\s*(?:auto|([A-Za-z_]\w*)\s*\[([^\]]*)\])?\s*(?:(?:^|,)([^\[\]]*))?", re.S)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed. figure, place: of the contrast, None for the one that is the default; margin, tag_rule: None
    where they weren't given."""

    text: str
    figure: str
    place: Place | None
    margin: float | None
    tag_rule: str | None


def parse_lock(text: str) -> Asked:
    """Read what is given to the option. Raises UsageError, with what was expected."""
    refuse = partial(_refused, text)
    shape = _SHAPE.fullmatch(text)
    if shape is None or not text.strip():
        raise refuse("expected auto, or delta[task,mode], and behind it margin= and tag_rule=.", EXAMPLE)
    figure, inside, rest = shape.groups()
    place = None
    if figure:
        if figure not in _FIGURES:
            raise refuse(f"a contrast is of {' or '.join(_FIGURES)}, found '{figure}'.", EXAMPLE)
        place = parse_place(figure, inside, refuse, EXAMPLE)
        if place.task == ANY:
            raise refuse("one contrast is on one task.", EXAMPLE)
        if place.model:
            raise refuse("a run has one model.", "Leave 'model=' out.")
    given = _given(rest, refuse) if rest is not None else {}
    margin = given.get("margin")
    number = None if margin is None else parse_number("margin", margin, refuse, share=True)
    if number is not None and not 0 < number < 1:
        raise refuse(f"margin is {margin}; expected more than 0 and less than 100 points.", "As in margin=2pt.")
    rule = given.get("tag_rule")
    if rule is not None and rule not in RULES:
        found = f"there is no tag rule '{rule}' that comes with cotbench. Known: {', '.join(RULES)}."
        raise refuse(found, suggest(rule, RULES, "A rule of your own can't be fixed."))
    return Asked(text=text, figure=figure or "delta", place=place, margin=number, tag_rule=rule)


def _given(rest: str, refuse: Any) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in rest.split(","):
        key, equals, value = map(str.strip, part.partition("="))
        if not equals or not value or key not in ("margin", "tag_rule"):
            raise refuse(f"expected margin= or tag_rule=, found '{part.strip()}'.", EXAMPLE)
        if key in given:
            raise refuse(f"'{key}=' is given twice.", EXAMPLE)
        given[key] = value
    return given


def _refused(text: str, why: str, remedy: str = "") -> UsageError:
    return UsageError(f"{OPTION} {text!r}: {why}", remedy)


def fixed_by(text: str, tasks: Sequence[str], arms: Mapping[str, Facts]) -> Lock:
    """Return what is fixed for a run of these tasks and arms. Raises UsageError where it has no such contrast."""
    asked, refuse = parse_lock(text), partial(_refused, text)
    place = asked.place or Place(task=tasks[0], mode=_first(arms, refuse), tag="all", model=None, baseline=None)
    if place.task not in tasks:
        raise refuse(f"this run has no task '{place.task}'. It has: {', '.join(tasks)}.", EXAMPLE)
    option, names = f"{OPTION} {text!r}", list(arms)
    mode, baseline = (
        the_one(wanted, names, option, arms.__getitem__) for wanted in (place.mode, place.baseline or BASELINE)
    )
    for wanted, found in ((place.mode, mode), (place.baseline or BASELINE, baseline)):
        if found is None:
            raise refuse(f"this run has no arm '{wanted}'. It has: {', '.join(names)}.", "Add it to --mode.")
    if mode == baseline:
        raise refuse(f"{mode} is compared with itself.", "Name another mode, or another baseline=.")
    rule = RULES[asked.tag_rule] if asked.tag_rule else main_rule(tasks)
    assert mode is not None
    assert baseline is not None
    return Lock(
        figure="did" if asked.figure == SPLIT else "delta",
        task=place.task,
        mode=mode,
        tag=place.tag,
        baseline=baseline,
        margin=MARGIN if asked.margin is None else asked.margin,
        tag_rule=rule.name,
        tag_rule_version=rule.version,
    )


def _first(arms: Mapping[str, Facts], refuse: Any) -> str:
    """The arm that a contrast is about where none is named: chain of thought, else the one that isn't the baseline."""
    others = [arm for arm, facts in arms.items() if (facts.mode or base_of(arm)) != BASELINE]
    found = next((arm for arm in others if arms[arm].main), others[0] if len(others) == 1 else None)
    if found is None:
        raise refuse("there is no chain of thought in this run, and the contrast isn't named.", EXAMPLE)
    return found


def in_words(lock: Lock) -> str:
    """Put what is fixed in the words of the option."""

    def quoted(name: str) -> str:
        return f'"{name}"' if "@" in name else name

    tag = f",{lock.tag}" if lock.tag != "all" else ""
    places = f"{lock.task},{quoted(lock.mode)}{tag},baseline={lock.baseline}"
    rule = f"{lock.tag_rule} (version {lock.tag_rule_version})"
    return f"{lock.figure}[{places}], margin {in_points(lock.margin)}, tag rule {rule}"
