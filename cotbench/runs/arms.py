"""Arms as an engine can have them: what is decided once it is known what the engine and its model can do.

A plain arm never refuses a model: it turns thinking off where that can be done, and is recorded as thinking where it
can't. What an arm asks for by name is had or refused, before any token is spent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cotbench.engines import EngineInfo
from cotbench.engines.confidence import LEAST
from cotbench.engines.sampling import KEYS, OWN, check
from cotbench.errors import UsageError, suggest
from cotbench.modes import FREE, MODES, Mode, TaskKit, Turn
from cotbench.modes.arms import CARD, SETTINGS, THINK, arm, cant_stop
from cotbench.modes.context import Context
from cotbench.modes.repeats import is_repeat

_LIKELY = (
    "It takes the log-probabilities of several likely tokens at each place, which vllm, transformers, ctranslate2 and "
    "servers with top_logprobs tell. Leave confidence= out."
)
THOUGHTS = 16_384  # tokens that a model which thinks may have, where its card says nothing
_TAKEN = frozenset({"reasoning_effort", "thinking_budget", "thinking_min", "max_tokens", "stop"})  # have other names


def check_settings(modes: Sequence[Mode]) -> None:
    """Raise UsageError for a setting that is no key of sampling, and none of ours."""
    keys = {*OWN, *KEYS} - _TAKEN
    for mode in modes:
        for key, value in mode.facts.settings.items():
            if key in SETTINGS or key in mode.settings:
                continue
            if key not in keys:
                known = [*mode.settings, *SETTINGS, *sorted(keys)]
                remedy = suggest(key, known, f"Known: {', '.join(known)}.")
                raise UsageError(f"--mode {mode.name}: there is nothing called '{key}' to be set.", remedy)
            check(key, value, f"--mode {mode.name}")


def wants(mode: Mode, thinking: str) -> set[str]:
    """What an arm needs of an engine beside plain replies (`EngineConfig.wants`). thinking: as of `resolve`."""
    answers = {turn.answer for turn in mode.turns} - {"", "asked"}
    told = {turn.thinking for turn in mode.turns}
    all_on = thinking == "on" and THINK not in mode.facts.settings
    found = {
        # Replies in words that state no answer are gone on with, too.
        "continue": mode.continues
        or bool(answers)
        or mode.own.begun is not None
        or mode.runs is None
        or mode.facts.answers_in == "words",
        "off": False in told and not all_on,
        "thoughts": True in told or (False in told and all_on),
        "likelihoods": mode.hears or bool(answers & {"likeliest", "choice"}),
        "confidence": mode.hears or any(turn.confidence for turn in mode.turns),
    }
    return {name for name, wanted in found.items() if wanted}


def resolve(
    modes: Sequence[Mode], info: EngineInfo, thinking: str, said: Mapping[str, Any] | None = None
) -> list[Mode]:
    """Make of arms what they are with an engine. thinking: what the run was told for all of them: auto, on or off.
    said: how the run says that they are drawn, and under "modes" how single ones are; a model's card yields to it.

    Where an arm thinks and is drawn as its card says, an arm that doesn't think and is drawn alike stands beside it,
    since greedy against sampled mixes two things. Raises UsageError where an arm can't be had."""
    if info.rewards:
        found = f"--model {info.model} is a reward model: it scores replies, and writes none."
        raise UsageError(found, "Name a model that writes, and this one as --judge-model.")
    made = [_resolved(mode, info, thinking, said or {}) for mode in modes]
    drawn = info.thinking.sampling.get("temperature", 0)
    by_card: dict[Context, set[str]] = {}
    for mode, own in zip(modes, made, strict=True):
        if _by_card(mode):
            by_card.setdefault(Context.of(mode.facts.settings), set()).add(own.facts.thinks)
    for context, ways in by_card.items():  # with the same passages in view
        if drawn and "on" in ways and "off" not in ways and FREE.name in MODES:
            beside = arm(FREE, {**context.settings, "sampling": CARD})
            made.append(_resolved(beside, info, thinking, said or {}))
    return made


def check_judge(modes: Sequence[Mode], second: EngineInfo | None) -> None:
    """Raise UsageError where a reward model is to write, which it can't."""
    if second is None or not second.rewards:
        return
    for mode in modes:
        if _has_judge_write(mode):
            found = f"--mode {mode.name}: its judge is to write, and {_short(second)} is a reward model."
            able = [name for name, other in MODES.items() if other.judges and not _has_judge_write(other)]
            raise UsageError(found, f"A reward model can judge {', '.join(able)}." if able else "Leave the arm out.")


def _has_judge_write(mode: Mode) -> bool:
    return any(turn.by == "judge" and not turn.rewarded for turn in mode.turns)


def stuck(kits: Iterable[TaskKit], info: EngineInfo) -> list[str]:
    """Say in a sentence which arms think although they are not meant to, since the model can't be kept from it."""
    found = (kit for kit in kits if kit.mode.facts.thinks_by == "stuck" and not is_repeat(kit.mode.name))
    arms = {kit.mode.facts.label or kit.mode.name: kit for kit in found}
    if not arms:
        return []
    efforts = {dict(kit.sampling[""].extra).get("reasoning_effort") for kit in arms.values()}
    [effort] = efforts if len(efforts) == 1 else [None]
    where = " behind this server" if info.engine == "openai" else ""
    return [cant_stop(info.model, list(arms), effort, where)]


def _short(info: EngineInfo) -> str:
    """The model's name without the folder."""
    return info.model.rstrip("/").rsplit("/", 1)[-1]


def _by_card(mode: Mode) -> bool:
    return bool(mode.facts.settings.get("sampling", mode.own.tuned.get("sampling")) == CARD)


def _resolved(mode: Mode, info: EngineInfo, thinking: str, said: Mapping[str, Any]) -> Mode:
    told = {"on": True, "off": False}.get(thinking)
    settings = mode.facts.settings
    # What an arm is for isn't changed by what all are told.
    if mode.continues and not info.continues:
        found = f"--mode {mode.name}: {info.engine} can't go on from the beginning of a reply, which it is made of."
        raise UsageError(found, "Leave the arm out, or use an engine that can (`cotbench list engines`).")
    mode = _settled(mode, info)
    rests = any(turn.of for turn in mode.turns)
    at_once = rests and any(turn.answer == "begun" for turn in mode.turns)
    if at_once and not info.thinking.off:
        found = f"--mode {mode.name}: {_short(info)} can't be kept from thinking here, and it is to answer at once."
        raise UsageError(found, "Leave the arm out.")
    if mode.hears and mode.own.thinking and info.continues != "tokens":
        found = f"--mode {mode.name}: {info.engine} can't be given a part of a thought, which it is made of."
        raise UsageError(found, "Use an engine that holds the tokens, or let it rest on an arm that doesn't think.")
    wanted = mode.own.thinking if THINK in settings or mode.own.thinking is not False or told is None else told
    facts = _thinks(mode, wanted, info)
    if at_once:  # whatever the arm does that it rests on
        facts = {"thinks": "off", "thinks_by": info.thinking.off}
    if any(turn.confidence for turn in mode.turns) and info.confidence < LEAST:
        found = f"--mode {mode.name}: {info.engine} doesn't tell here how sure the model was of what it wrote."
        raise UsageError(found, _LIKELY)
    answer = mode.own.answer
    if answer:
        answer = _answer(mode, wanted, facts["thinks_by"], info)
        if answer != mode.own.answer:
            given = {"answer": answer, **settings}
            own_name = {} if "@" in mode.name or mode.name == mode.called else {"name": mode.name}
            mode = arm(MODES.get(mode.called, mode), {**given, **own_name})
    stuck = facts["thinks_by"] == "stuck"
    turns = tuple(
        _direct(turn, info, _keys(mode, turn, said))
        if turn.of and turn is not mode.own
        else _turn(
            turn,
            wanted if turn.thinking is False and (turn.of or not rests) else turn.thinking,
            stuck,
            info,
            _keys(mode, turn, said),
        )
        for turn in mode.turns
    )
    if any(turn.of and turn is not mode.own for turn in mode.turns):
        facts = {}  # of some questions it thinks, and of others not
    return replace(mode, turns=turns, facts=replace(mode.facts, **facts))


def _settled(mode: Mode, info: EngineInfo) -> Mode:
    """Return an arm that begins with direct answers as the engine can have these. Raises UsageError where it can't."""
    if mode.settles is None:
        return mode
    if not info.thinking.off:
        found = f"--mode {mode.name}: {_short(info)} can't be kept from thinking here, so it has no direct answer."
        raise UsageError(found, "Leave the arm out.")
    if info.continues and info.likelihoods:
        return mode
    given = mode.settles(mode.values)
    if given is None:
        raise UsageError(f"--mode {mode.name}: {info.engine} doesn't tell how likely options are.", "Use by=votes.")
    if given.items() <= mode.values.items():
        return mode
    own_name = {} if "@" in mode.name or mode.name == mode.called else {"name": mode.name}
    return arm(MODES.get(mode.called, mode), {**mode.facts.settings, **given, **own_name})


def _keys(mode: Mode, turn: Turn, said: Mapping[str, Any]) -> set[str]:
    """The keys of sampling that a run sets of a turn."""
    return {*said, *said.get("modes", {}).get(turn.of or mode.called, {})}


def _direct(turn: Turn, info: EngineInfo, said: Collection[str]) -> Turn:
    """Make of a turn of direct answers, with which an arm begins, what it is in the arm that it is of."""
    answer: Any = ("begun" if info.continues else "asked") if turn.answer == "best" else turn.answer
    return _turn(replace(turn, answer=answer), False, False, info, said)


def _thinks(mode: Mode, wanted: bool | None, info: EngineInfo) -> dict[str, Any]:
    """Say whether the model thinks under an arm, and how that comes. Raises UsageError where it can't be had."""
    known, settings, name = info.thinking, mode.facts.settings, f"--mode {mode.name}"
    model = _short(info)
    if wanted is False and not known.off and settings.get(THINK) == "off":
        remedy = f"Its least effort is {known.efforts[0]}: @effort={known.efforts[0]}." if known.efforts else ""
        raise UsageError(f"{name}: {model} can't be kept from thinking here.", remedy)
    if wanted and not known.on and mode.own.thinking is False and THINK not in settings:
        return {"thinks": known.default, "thinks_by": "unknown"}  # told for all arms: the engine says that it is void
    if wanted and not known.on:
        raise UsageError(
            f"{name}: {model} isn't known to think.",
            "Leave the arm out; where it does think, say how with a row of your own (--families FILE).",
        )
    if mode.own.begun is not None and not info.continues:
        raise UsageError(f"{name}: {info.engine} can't write an empty thought for the model.", "Use free@think=off.")
    effort = mode.own.tuned.get("reasoning_effort")
    if effort is not None and known.efforts and effort not in known.efforts:
        raise UsageError(f"{name}: {model} has no effort '{effort}'.", f"It has: {', '.join(known.efforts)}.")
    for key, called in (("thinking_budget", "budget"), ("thinking_min", "min")):
        if key in mode.own.tuned and not known.budget:
            raise UsageError(f"{name}: {called} can't be kept by {info.engine} for {model}.", "Leave it out.")
    if mode.own.begun is not None:
        return {"thinks": "off", "thinks_by": "closed"}
    if wanted is None:
        return {"thinks": known.default, "thinks_by": ""}
    if wanted:
        return {"thinks": "on", "thinks_by": known.on}
    return {"thinks": "off", "thinks_by": known.off} if known.off else {"thinks": "on", "thinks_by": "stuck"}


def _answer(mode: Mode, wanted: bool | None, thinks_by: str, info: EngineInfo) -> Any:
    """Say how an arm has the answer alone. Raises UsageError where it asks for what can't be had."""
    asked = mode.own.answer
    can = bool(info.continues) and wanted is False and thinks_by != "stuck"
    if asked == "best":
        return "begun" if can else "asked"
    if asked == "asked":
        return asked
    if not can:
        why = "a reply that is begun doesn't think" if info.continues else f"{info.engine} can't begin a reply"
        raise UsageError(f"--mode {mode.name}: {why}.", "Use direct, or direct@answer=asked.")
    if asked in ("likeliest", "choice") and not info.likelihoods:
        raise UsageError(f"--mode {mode.name}: {info.engine} doesn't tell how likely options are.", "Use direct.")
    return asked


def _turn(turn: Turn, thinking: bool | None, stuck: bool, info: EngineInfo, said: Collection[str]) -> Turn:
    """Make of a turn what it is with an engine: whether it thinks, and how it is drawn. said: the keys of sampling that
    the run sets itself."""
    tuned: dict[str, Any] = {**turn.tuned}
    card: Mapping[str, Any] = info.thinking.sampling if tuned.pop("sampling", "own") == CARD else {}
    tuned = {**{key: value for key, value in card.items() if key not in {"max_tokens", *said}}, **tuned}
    budget = turn.max_tokens
    if thinking or stuck:
        budget = int(info.thinking.sampling.get("max_tokens", max(budget, THOUGHTS)))
        if info.max_model_len and "prompt" in info.lacks:
            # Who doesn't know the prompt's tokens can't have the rest of the context, and a server refuses more.
            budget = min(budget, info.max_model_len * 3 // 4)
    if stuck and info.thinking.efforts and "reasoning_effort" not in said:
        tuned.setdefault("reasoning_effort", info.thinking.efforts[0])
    return replace(turn, thinking=thinking, tuned=tuned, max_tokens=budget)
