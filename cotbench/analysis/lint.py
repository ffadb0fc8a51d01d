"""A lint of the arms: what they differ in that none of their names says.

An arm's name says its mode and, behind "@", what was set. What a mode means by itself is known of it (`Facts`, turns):
direct is short and its answer may be begun, a vote is drawn, think thinks. All else that was in fact asked is to be the
same for all arms that stand side by side. Each aspect is compared between all arms of a panel; those that differ in it
without a name's saying so are one finding. Who has two arms differ on purpose, and says so in a name, hears nothing.

It works from what a run's plan or its manifest says, so that a dry run and a report find the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cotbench.modes import MODES, Facts, Turn
from cotbench.modes.arms import CARD, THINK, base_of
from cotbench.modes.kit import LINE_END

NOT_SET = "not set"
NOT_SAID = "not said"  # by a log, of what another log says
FEW = 3  # arms that are named where others differ from them
_OWN = ("max_tokens", "n", "stop")  # keys of sampling that have aspects of their own
_ONLY_SAMPLED = ("top_p", "top_k", "min_p")  # without effect on a greedy reply
_SETTING_OF = {"reasoning_effort": "effort", "thinking_budget": "budget", "thinking_min": "min"}
_CALLED = {"reasoning_effort": "effort", "thinking_budget": "the thought's budget", "thinking_min": "the least thought"}
_ONE_TOKEN = ("likeliest", "choice")  # ways to have an answer of which one token is drawn


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked under one arm.

    row: the arm's entry in the run's spec. run: what holds for all arms of its run (`of_run`). shown: what its prompt
    shows, as the manifest has it (`runs/shown.py`); {} where that isn't known. where: the run's name. logs: of an
    imported arm, what its log says of it beside sampling; None of an arm that was asked here."""

    arm: str
    facts: Facts
    row: Mapping[str, Any]
    run: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    logs: Mapping[str, Any] | None = None

    @property
    def mode(self) -> str:
        return self.facts.mode or base_of(self.arm)

    @property
    def turn(self) -> Turn | None:
        """The mode's own turn as the table has it; None of a mode that isn't there any more."""
        return MODES[self.mode].own if self.mode in MODES else None

    @property
    def sampling(self) -> Mapping[str, Any]:
        return self.row.get("sampling") or {}

    @property
    def in_words(self) -> bool:
        return self.facts.answers_in == "words"

    @property
    def greedy(self) -> bool:
        return not self.sampling.get("temperature")

    @property
    def votes(self) -> bool:
        """Whether it is by its mode that several paths are drawn."""
        return self.turn is not None and (self.turn.paths or 0) > 1

    @property
    def by_chance(self) -> bool:
        """Whether it is by its mode that replies are drawn, rather than greedy."""
        return self.votes or (self.turn is not None and self.turn.drawn)

    @property
    def several(self) -> bool:
        """Whether several paths are drawn."""
        return int(self.sampling.get("n", 1)) > 1

    @property
    def by_card(self) -> bool:
        """Whether it is by its mode that replies are drawn as the model's card says."""
        return self.turn is not None and self.turn.tuned.get("sampling") == CARD and "sampling" not in self.told

    @property
    def told(self) -> Mapping[str, Any]:
        """What the name sets."""
        return self.facts.settings

    def drawn(self, key: str) -> Any:
        """The value of a key of sampling; None where it isn't known, or without effect."""
        if not self.sampling or (self.greedy and key in _ONLY_SAMPLED):
            return None
        if self.logs is not None:  # what a log doesn't say isn't known
            return self.sampling.get(key)
        return self.sampling.get(key, NOT_SET)


def of_run(manifest: Any) -> dict[str, Any]:
    """What a manifest says of all arms of its run. Of what it doesn't say there is no entry."""
    spec = manifest.spec
    versions = dict.fromkeys(session["cotbench"] for session in manifest.sessions if session.get("cotbench"))
    found = {
        "engine": spec.model.engine,
        "engine version": manifest.engine.get("version"),
        "cotbench": " and ".join(versions),
        "seed": manifest.spec_row.get("seed"),
        "programs": spec.programs,
    }
    return {name: value for name, value in found.items() if value not in (None, "", {})}


@dataclass(frozen=True, kw_only=True)
class Unsaid:
    """Something in which arms differ, or that they have, and that none of their names says.

    tasks: where it is so. modes: the arms, and values: what each of them has, in words. text: all of it in one
    sentence."""

    model: str
    tasks: list[str]
    aspect: str
    modes: list[str]
    values: list[str]
    text: str


@dataclass(frozen=True, kw_only=True)
class _Aspect:
    """One thing that is compared.

    value: of an arm; None where it isn't known or doesn't apply, and then nothing is compared. said: whether the names
    of two arms whose values differ say so; it is given all arms, too. shown: a value in words."""

    name: str
    value: Callable[[Asked], Any]
    said: Callable[[Asked, Asked, Sequence[Asked]], bool] = lambda *_: False
    shown: Callable[[Asked, Any], str] = lambda _, value: _words(value)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:g}" if type(value) in (int, float) and abs(value) < 1e6 else json.dumps(value, ensure_ascii=False)


# --- when a name says it ------------------------------------------------------------------------------------------


def _sets(*names: str) -> Callable[[Asked, Asked, Sequence[Asked]], bool]:
    """Say it where one of the two names sets one of these."""
    return lambda a, b, _: any(name in arm.told for arm in (a, b) for name in names)


def _one_run(a: Asked, b: Asked, _: Sequence[Asked]) -> bool:
    """Within a run, what prompts share is a matter of their templates, which other aspects compare."""
    return bool(a.where == b.where)


def _answer_differs(a: Asked, b: Asked) -> bool:
    """Whether two arms of which both want the answer alone have it in different ways."""
    ways = [arm.told["answer"] for arm in (a, b) if "answer" in arm.told]
    return len(set(ways)) > 1


def _drawing_said(key: str) -> Callable[[Asked, Asked, Sequence[Asked]], bool]:
    def said(a: Asked, b: Asked, arms: Sequence[Asked]) -> bool:
        if any({_SETTING_OF.get(key, key), "sampling"} & arm.told.keys() for arm in (a, b)):
            return True
        if key in ("temperature", *_ONLY_SAMPLED) and (a.by_chance != b.by_chance or a.several != b.several):
            return True  # several paths are drawn, or that they are is told of the number of paths
        return a.by_card != b.by_card and _has_companion(a if a.by_card else b, arms)

    return said


def _has_companion(arm: Asked, arms: Sequence[Asked]) -> bool:
    """Whether an arm that doesn't think and is drawn alike stands beside one that is drawn by the card."""

    def drawn(one: Asked) -> dict[str, Any]:
        return {key: value for key, value in one.sampling.items() if key not in (*_OWN, *_SETTING_OF)}

    return any(one.facts.thinks != "on" and not one.by_card and drawn(one) == drawn(arm) for one in arms)


def _paths_said(a: Asked, b: Asked, _: Sequence[Asked]) -> bool:
    return "paths" in {*a.told, *b.told} or a.votes != b.votes


def _rank(arm: Asked) -> tuple[bool, bool, int]:
    """How long replies are meant to be: with a thought, in words, at once; and by the mode's own budget."""
    assert arm.turn is not None
    return arm.facts.thinks == "on", not arm.facts.at_once, arm.turn.max_tokens


def _budget(arm: Asked) -> Any:
    limited = "thinking_budget" in arm.sampling  # then max_tokens is of what follows the thought
    return None if arm.turn is None or limited else arm.sampling.get("max_tokens")


def _budget_said(a: Asked, b: Asked, _: Sequence[Asked]) -> bool:
    if a.logs is not None or b.logs is not None:
        return False  # what another tool calls direct has a budget that nobody here knows
    if {"max_tokens", "budget", "min"} & {*a.told, *b.told} or _answer_differs(a, b):
        return True
    shorter, longer = sorted((a, b), key=_rank)
    return _rank(shorter) < _rank(longer) and _budget(shorter) < _budget(longer)


def _thinks(arm: Asked) -> Any:
    return (arm.facts.thinks, arm.facts.thinks_by) if arm.facts.thinks else None


def _says_thinking(arm: Asked) -> bool:
    """Whether a name speaks of thinking: by its mode, or by what it sets."""
    own = arm.turn
    by_mode = own is None or own.thinking is not False or own.begun is not None
    return by_mode or bool({THINK, "effort", "budget", "min"} & arm.told.keys())


def _thinking_said(a: Asked, b: Asked, _: Sequence[Asked]) -> bool:
    both_think = a.facts.thinks == b.facts.thinks == "on"  # which is told of each that doesn't say so
    return both_think or _says_thinking(a) or _says_thinking(b)


_HOW = {
    ("on", "stuck"): "on, since the model can't be kept from it",
    ("on", "switch"): "on, by its chat template's switch",
    ("on", "always"): "on, as always",
    ("on", "unknown"): "on, as the server is told",
    ("off", "switch"): "off, by its chat template's switch",
    ("off", "closed"): "off, by an empty thought that is written for it",
    ("off", "never"): "off, since the model has no thoughts",
    ("off", "unknown"): "off, as the server is told",
}


def _how(value: tuple[str, str]) -> str:
    return _HOW.get(value, value[0])


# --- the aspects --------------------------------------------------------------------------------------------------


def _run_has(name: str) -> Callable[[Asked], Any]:
    return lambda arm: arm.run.get(name)


def _shows(name: str, *, in_words: bool = True) -> Callable[[Asked], Any]:
    return lambda arm: arm.shown.get(name) if arm.in_words or not in_words else None


def _begun(arm: Asked) -> Any:
    begun = arm.row.get("begun")
    return begun.get("text") or None if isinstance(begun, Mapping) else None


def _courtesy(arm: Asked) -> Any:
    if not arm.row or not arm.in_words or arm.told.get("answer") in _ONE_TOKEN:
        return None
    return arm.row.get("continued") or ""


def _stops(arm: Asked) -> Any:
    if "stop" not in arm.sampling:
        return None
    line = (LINE_END,) if _begun(arm) else ()  # the rest of a line that was begun ends with it
    return sorted(set(arm.sampling["stop"]) - set(line))


def _plan(arm: Asked) -> Any:
    plan = arm.row.get("plan")
    return plan.get("sampling") if isinstance(plan, Mapping) else None


def _context(part: str) -> Callable[[Asked], Any]:
    """What a run says of the passages that an arm shows; "" of an arm that shows none."""

    def of(arm: Asked) -> Any:
        context = arm.row.get("context")
        return (context or {}).get(part, "") if arm.row else None

    return of


def _as_in(arm: Asked, _: Any) -> str:
    return f"as in {arm.where}"


_SHARED = "what prompts share (persona, answer contract)"
_OF_PROMPTS = ("the system prompt", "the answer contract", "how the question is written")
_ASPECTS: Sequence[_Aspect] = (
    _Aspect(name="the engine", value=_run_has("engine")),
    _Aspect(
        name="the engine's version",
        value=_run_has("engine version"),
        said=lambda a, b, _: a.run.get("engine") != b.run.get("engine"),  # which is told already
    ),
    _Aspect(name="cotbench's version", value=_run_has("cotbench")),
    _Aspect(name="the seed", value=_run_has("seed"), said=lambda a, b, _: a.greedy or b.greedy),
    _Aspect(
        name="the template",
        # By name: two templates of one name that aren't the same. Modes have templates of their own.
        value=lambda arm: arm.row.get("prompt"),
        said=lambda a, b, _: not a.shown.get("template") or a.shown.get("template") != b.shown.get("template"),
        shown=_as_in,
    ),
    _Aspect(
        name="the system prompt",
        value=lambda arm: arm.shown.get("system") if arm.logs is None else None,  # of logs see `_of_logs`
        said=_sets("prompt"),
        shown=lambda _, value: f'"{value}"' if value else "none",
    ),
    _Aspect(
        name="the answer contract",
        value=_shows("contract"),
        shown=lambda _, value: "as prompts share it" if value else "in its own words, or none",
    ),
    _Aspect(
        name="how the question is written",
        value=_shows("question", in_words=False),
        shown=lambda _, value: "as prompts share it" if value else "in its own way",
    ),
    _Aspect(name="the exemplars shown", value=_shows("shots", in_words=False)),
    _Aspect(
        name=_SHARED,
        value=lambda arm: arm.row.get("shared") if arm.in_words else None,
        said=_one_run,
        shown=_as_in,
    ),
    _Aspect(name="the words that begin the reply", value=_begun, shown=lambda _, value: f'"{value}"'),
    _Aspect(
        name="the courtesy of having replies without an answer line gone on with",
        value=_courtesy,
        shown=lambda _, value: f'by "{value}"' if value else "none",
    ),
    _Aspect(name="stop strings", value=_stops),
    _Aspect(name="the number of paths", value=lambda arm: arm.sampling.get("n"), said=_paths_said),
    _Aspect(name="max_tokens", value=_budget, said=_budget_said),
    _Aspect(name="how the shared plan is drawn", value=_plan),
    _Aspect(name="thinking", value=_thinks, said=_thinking_said, shown=lambda _, value: _how(value)),
    _Aspect(name="the passages shown", value=_context("name"), said=_sets("context", "k", "corpus")),
    _Aspect(
        name="how passages are written",
        value=_context("prompt"),
        said=lambda a, b, _: not _context("prompt")(a) or not _context("prompt")(b),  # whether there are any is told
        shown=_as_in,
    ),
    _Aspect(
        name="the limits of programs",
        value=lambda arm: arm.run.get("programs") if arm.facts.carries_out or arm.facts.tools else None,
    ),
)


def _drawing(arms: Sequence[Asked]) -> list[_Aspect]:
    """An aspect for each other key of sampling that some arm has."""
    keys = dict.fromkeys(key for arm in arms for key in arm.sampling if key not in _OWN)
    return [_Aspect(name=_CALLED.get(key, key), value=_drawn(key), said=_drawing_said(key)) for key in keys]


def _drawn(key: str) -> Callable[[Asked], Any]:
    return lambda arm: arm.drawn(key)


_MOST_CHARS = 60  # of what a log says, in a finding
_SAID_BY_NAMES = frozenset({"arm", "chain_of_thought", "model_args"})  # of a log, and told otherwise
_OF_LOGS = {
    "template": "the prompt's template",
    "description": "what stands before the prompt",
    "system": "the system prompt",
    "chat_template": "the chat template",
    "task_version": "the task's version",
    "limit": "the limit of questions",
    "fewshot_as_multiturn": "how exemplars are sent",
    "revision": "the model's revision",
    "version": "the tool's version",
}


def _of_logs(arms: Sequence[Asked]) -> list[_Aspect]:
    """An aspect for each thing that logs say of imported arms beside sampling."""
    keys = dict.fromkeys(key for arm in arms for key in arm.logs or () if key not in _SAID_BY_NAMES)
    return [_Aspect(name=_OF_LOGS.get(key, f"'{key}'"), value=_logged(key), shown=_cut_short) for key in keys]


def _logged(key: str) -> Callable[[Asked], Any]:
    return lambda arm: None if arm.logs is None else arm.logs.get(key, NOT_SAID)


def _cut_short(_: Asked, value: Any) -> str:
    text = " ".join(_words(value).split())
    if value == NOT_SAID:
        return NOT_SAID
    return f'"{text}"' if len(text) <= _MOST_CHARS else f'"{text[:_MOST_CHARS]}..."'


# --- findings -----------------------------------------------------------------------------------------------------


def lint(arms: Sequence[Asked], *, model: str = "", task: str = "", known: Collection[str] = ()) -> list[Unsaid]:
    """Return what the arms of one panel differ in, or have, without any name's saying so; a finding for each aspect.

    known: arms of which is said elsewhere that they think."""
    found = [one for aspect in _ASPECTS for one in _differing(aspect, arms)]
    found += [one for aspect in _of_logs(arms) for one in _differing(aspect, arms)]
    found += _joined([one for aspect in _drawing(arms) for one in _differing(aspect, arms)])
    if any(name in _OF_PROMPTS for name, _ in found):
        found = [(name, group) for name, group in found if name != _SHARED]  # what of it differs is told
    told = set(known) | {arm.arm for name, group in found if name == "thinking" for arm, _ in group}
    unsaid = [Unsaid(model=model, tasks=[task], **_finding(name, group)) for name, group in found]
    quietly = [arm for arm in arms if arm.facts.thinks == "on" and not _says_thinking(arm) and arm.arm not in told]
    ways = dict.fromkeys(arm.facts.thinks_by for arm in quietly)
    unsaid += [_thinking(model, task, [arm for arm in quietly if arm.facts.thinks_by == way]) for way in ways]
    return unsaid


_Valued = tuple[Asked, str]  # an arm, and its value in words
_Found = tuple[str, list[_Valued]]  # in what, and the arms that differ in it


def _joined(found: Sequence[_Found]) -> list[_Found]:
    """Make one finding of those in which the same arms differ."""
    joined: dict[tuple[str, ...], list[_Found]] = {}
    for one in found:
        joined.setdefault(tuple(arm.arm for arm, _ in one[1]), []).append(one)
    out = []
    for same in joined.values():
        columns = zip(*(group for _, group in same), strict=True)
        values = [(column[0][0], ", ".join(value for _, value in column)) for column in columns]
        out.append((_and([name for name, _ in same]), values))
    return out


def _differing(aspect: _Aspect, arms: Sequence[Asked]) -> list[_Found]:
    """Return the groups of arms that differ in an aspect, each with their values in words."""
    values = [aspect.value(arm) for arm in arms]
    known = [place for place, value in enumerate(values) if value is not None]
    pairs = [
        (i, j)
        for i in known
        for j in known
        if i < j and values[i] != values[j] and not aspect.said(arms[i], arms[j], arms)
    ]
    groups: list[set[int]] = []
    for pair in pairs:
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in joined] + [set(pair).union(*joined)]
    return [(aspect.name, [(arms[i], aspect.shown(arms[i], values[i])) for i in sorted(group)]) for group in groups]


def asked_otherwise(first: Asked, second: Asked) -> list[tuple[str, str, str]]:
    """Return in what one arm was asked otherwise of one model than of another: the aspect, and what each has in words.

    How a model is told to think is its own matter, as its chat template is; whether it thinks isn't.
    """
    out = []
    for aspect in (*_ASPECTS, *_drawing((first, second))):
        values = [aspect.value(arm) for arm in (first, second)]
        same = values[0] == values[1] or None in values or aspect.name == "the engine's version"
        if aspect.name == "the seed" and first.greedy and second.greedy:
            continue
        if aspect.name == "thinking" and not same and values[0][0] == values[1][0]:
            continue
        if not same:
            out.append((aspect.name, aspect.shown(first, values[0]), aspect.shown(second, values[1])))
    return out


def _finding(name: str, group: Sequence[_Valued]) -> dict[str, Any]:
    """Put a finding in words. Where most arms have the same, those that haven't are said to differ from them."""
    shown: dict[str, list[str]] = {}  # arms by what they have
    for arm, value in group:
        shown.setdefault(value, []).append(arm.arm)
    modes = [arm.arm for arm, _ in group]
    usual, most = max(shown.items(), key=lambda entry: len(entry[1]))
    few = [arm for arm in modes if arm not in most]
    values = [f"{_and(names)}: {value}" for value, names in shown.items()]
    differ = f"{_and(modes)} differ in {name}"
    if 2 < len(modes) < 2 * len(most):
        values = [*(f"{_and(names)}: {value}" for value, names in shown.items() if value != usual), f"there: {usual}"]
        others = _and(most) if len(most) <= FEW else f"the other {len(most)}"
        differ = f"{_and(few)} {'differs' if len(few) == 1 else 'differ'} from {others} in {name}"
    nobody = "neither name says" if len(modes) == 2 else "none of their names says"
    text = f"{differ} ({'; '.join(values)}), which {nobody}"
    return {"aspect": name, "modes": modes, "values": [value for _, value in group], "text": text}


def _thinking(model: str, task: str, arms: Sequence[Asked]) -> Unsaid:
    """The finding on arms that think, all in the same way, and whose names don't say so."""
    names = [arm.arm for arm in arms]
    thinking = _how((arms[0].facts.thinks, arms[0].facts.thinks_by))
    nobody = {1: "its name doesn't say", 2: "neither name says"}.get(len(names), "none of their names says")
    text = f"{_and(names)} think{'s' if len(names) == 1 else ''} ({thinking}), which {nobody}"
    return Unsaid(model=model, tasks=[task], aspect="thinking", modes=names, values=[thinking] * len(names), text=text)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def over_tasks(found: Iterable[Unsaid]) -> list[Unsaid]:
    """Return the findings, those that are the same on several tasks of a model once."""
    merged: dict[tuple[str, str], Unsaid] = {}
    for one in found:
        known = merged.get((one.model, one.text))
        merged[one.model, one.text] = replace(known, tasks=[*known.tasks, *one.tasks]) if known else one
    return list(merged.values())
