"""Thinking x prompt, and passages x thought: what each changes where the other is there and where it isn't, and whether
they add up.

Four arms make a square: two prompts, each with a factor and without it. The factor is that the model thinks, or that
passages stand before the question; then one prompt has the model reason or think, and the other doesn't. On the
questions that all four decided there are four simple effects (the factor under each prompt, the prompt with the factor
and without), and the interaction: what the factor adds under the second prompt less what it adds under the first,
question by question.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from cotbench.analysis import bounded, means, stats
from cotbench.analysis.curve import OFF, drawn_of, name_of, prompt_of
from cotbench.analysis.estimates import ALL, Interval, delta_of
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.modes import MODES
from cotbench.modes.arms import THINK
from cotbench.modes.context import CONTEXT, CORPUS, NONE, Context, K

ON = "on"
THINKING, PASSAGES, PROMPT, INTERACTION = "thinking", "passages", "prompt", "interaction"
FACTORS = (THINKING, PASSAGES)
_ASKED = ("", "asked", "begun")  # how an answer is had where it is generated, those first that a thinking arm has too
_OF_THOUGHT = ("effort", "budget", "min")
_OF_CONTEXT = (CONTEXT, K, CORPUS)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One effect in a square of four arms, on the n questions that all four decided. Differences in -2..2.

    factor: thinking or passages, which two of the arms have. first, second: the prompts, each called by the mode that
    asks with it. thinking: how the model thinks in the two: "on", or with an effort or a budget; context: which
    passages it is shown in them; "" where that isn't the factor. effect: thinking, passages, prompt or interaction.
    under: the prompt, or how the factor is, under which it is one, "" for the interaction. mode, baseline: the arm with
    the factor and the second prompt, and that with neither. arms: what is subtracted from what. helped, hurt: questions
    that are right under one of two arms only; None for the interaction. score: the same effect on mean scores, where
    answers may be partly right; its p isn't corrected.
    p: of the interaction by sign flips, exact, or of clustered questions the t test's; of others as `Delta` has it.
    p_holm: corrected over the `family`: the interactions of a report that are of one factor, or the simple effects of
    their squares. unlike: in what the arms differ beside factor and prompt, "" where they don't.
    """

    model: str
    task: str
    first: str
    second: str
    thinking: str
    factor: str = THINKING
    context: str = ""
    effect: str
    under: str
    mode: str = ""
    baseline: str = ""
    arms: str
    n: int
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", se="se", p="p"))
    helped: int | None
    hurt: int | None
    score: Interval = field(
        default_factory=Interval,
        metadata=columns(value="score", low="score_low", high="score_high", se="score_se", p="score_p"),
    )
    p_holm: float | None = None
    family: int | None = None
    unlike: str

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """Which square it is of."""
        return self.model, self.task, self.factor, self.first, self.second, self.level

    @property
    def level(self) -> str:
        """How the factor is in the two arms that have it."""
        return self.context if self.factor == PASSAGES else self.thinking


class Square(NamedTuple):
    """Four arms: the first and the second prompt, without and with a factor. how: the factor is in the other two."""

    first_off: Cell
    first_on: Cell
    second_off: Cell
    second_on: Cell
    how: str
    factor: str = THINKING


def effects_of(panel: Panel) -> list[Effect]:
    """Return the effects of all squares of a panel: five for each, the interaction last."""
    return [effect for square in squares(panel) for effect in _effects(panel, square)]


def corrected(effects: Sequence[Effect]) -> list[Effect]:
    """Return the effects with p corrected for how many tests there are: of interactions, and of simple effects."""
    out = list(effects)
    for of_interaction, factor in itertools.product((True, False), FACTORS):
        places = [
            place
            for place, effect in enumerate(effects)
            if (effect.effect == INTERACTION) == of_interaction
            and effect.factor == factor
            and effect.difference.p is not None
        ]
        p = [effects[place].difference.p or 0.0 for place in places]
        for place, by_holm in zip(places, stats.holm(p), strict=True):
            out[place] = replace(effects[place], p_holm=by_holm, family=len(p))
    return out


# --- which arms make a square -------------------------------------------------------------------------------------


def squares(panel: Panel) -> Iterator[Square]:
    """Yield the squares of a panel: each two prompts that were asked with and without the same kind of thinking.

    Where several arms may stand at a corner, those are taken that differ in nothing else: first the two under one
    prompt, then across prompts.
    """
    off, on = _sorted(panel, lambda cell: (_prompt(panel, cell), _how(cell)), OFF)
    for how, thinking in on.items():
        both = [prompt for prompt in off if prompt in thinking]
        for first, second in itertools.combinations(sorted(both, key=lambda p: _is_worded(off[p][0])), 2):
            corners = (off[first], thinking[first], off[second], thinking[second])
            yield Square(*min(itertools.product(*corners), key=lambda four: _unlikeness(panel, four)), how)
    off, on = _sorted(panel, lambda cell: (_way(panel, cell), Context.of(cell.facts.settings).name), NONE)
    for how, shown in on.items():
        both = [way for way in off if way in shown]
        plain, thought = ([way for way in both if _reasons(off[way][0]) == reasons] for reasons in (False, True))
        for first, second in itertools.product(plain, thought):
            corners = (off[first], shown[first], off[second], shown[second])
            yield Square(*min(itertools.product(*corners), key=lambda four: _unlikeness(panel, four)), how, PASSAGES)


_ByPrompt = dict[tuple[str, ...], list[Cell]]


def _sorted(
    panel: Panel, place: Callable[[Cell], tuple[tuple[str, ...] | None, str | None]], off: str
) -> tuple[_ByPrompt, dict[str, _ByPrompt]]:
    """Sort cells by prompt: those without a factor, and by how it is in them those with it. place: a cell's prompt and
    how the factor is, None where either isn't known; off: what that is in cells without it."""
    without: _ByPrompt = {}
    with_it: dict[str, _ByPrompt] = {}
    for cell in panel.cells.values():
        prompt, how = place(cell)
        if prompt is not None and how is not None:
            (without if how == off else with_it.setdefault(how, {})).setdefault(prompt, []).append(cell)
    return without, with_it


def _way(panel: Panel, cell: Cell) -> tuple[str, ...] | None:
    """Return what tells how an arm comes to its answer from how another does, its passages apart; None where the run
    doesn't say, or the answer isn't written."""
    facts, prompt = cell.facts, prompt_of(panel, cell)
    if not prompt or facts.settings.get("answer", "") not in _ASKED:
        return None
    paths = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling.get("n", 1)
    settings = {key: value for key, value in facts.settings.items() if key not in (*_OF_CONTEXT, "answer")}
    return name_of(cell), prompt, str(paths), json.dumps(settings, sort_keys=True)


def _reasons(cell: Cell) -> bool:
    """Whether an arm is to think in some way before it answers: in words, in a thought, or by a program or plan."""
    facts = cell.facts
    return facts.reasons or facts.thinks == "on" or bool(facts.carries_out)


def _named_way(cell: Cell) -> str:
    """Return what an arm is called but for its passages, and how the answer alone is had."""
    settings = {key: value for key, value in cell.facts.settings.items() if key not in (*_OF_CONTEXT, "answer")}
    told = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    return "@".join([name_of(cell), *told])


def named_prompt(cell: Cell) -> str:
    """Return what a prompt is called: the mode that asks with it, and which of the mode's prompts it is."""
    setting = cell.facts.settings.get("prompt")
    return name_of(cell) + (f"@prompt={setting}" if setting else "")


def _is_worded(cell: Cell) -> bool:
    """Whether an arm's prompt says something on reasoning, for or against: then it comes second."""
    mode = MODES.get(name_of(cell))
    return cell.facts.at_once or bool(mode and mode.shows) or "prompt" in cell.facts.settings


def _prompt(panel: Panel, cell: Cell) -> tuple[str, ...] | None:
    """Return what tells an arm's prompt from another's; None where the run doesn't say, or the answer isn't written."""
    facts, prompt = cell.facts, prompt_of(panel, cell)
    if not prompt or facts.settings.get("answer", "") not in _ASKED or facts.thinks not in ("on", "off"):
        return None
    paths = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling.get("n", 1)
    return prompt, facts.votes_over, facts.carries_out, str(paths), Context.of(facts.settings).name


def _how(cell: Cell) -> str | None:
    """Return how an arm thinks, in words; None where it is set otherwise in a way that no square is about."""
    settings = cell.facts.settings
    if cell.facts.thinks == "off":
        return None if any(key in settings for key in _OF_THOUGHT) else OFF
    return ", ".join(f"{key} {settings[key]}" for key in _OF_THOUGHT if key in settings) or ON


def _unlikeness(panel: Panel, four: Sequence[Cell]) -> tuple[Any, ...]:
    """Return in how much four arms differ beside thinking and prompt, what matters most first."""
    drawn = [drawn_of(panel, cell) for cell in four]
    within = (drawn[0] != drawn[1]) + (drawn[2] != drawn[3])
    across = (drawn[0] != drawn[2]) + (drawn[1] != drawn[3])
    answers = sum(_ASKED.index(cell.facts.settings.get("answer", "")) for cell in four)
    closed = sum(cell.facts.thinks_by == "closed" for cell in four)
    known = ("prompt", THINK, "sampling", *_OF_CONTEXT)
    more = sum(len([key for key in cell.facts.settings if key not in known]) for cell in four)
    return within, across, answers, closed, more


def _unlike(panel: Panel, square: Square) -> str:
    """Say in what four arms differ beside factor and prompt."""
    four, told = square[:4], []
    ways: dict[str, list[str]] = {}
    for cell in four:
        ways.setdefault(drawn_of(panel, cell), []).append(cell.mode)
    if len(ways) > 1:
        shown = [", ".join(f"{key} {value}" for key, value in json.loads(way).items()) for way in ways]
        sides = zip(shown, ways.values(), strict=True)
        told.append("drawn differently: " + "; ".join(f"{way} ({', '.join(modes)})" for way, modes in sides))
    begun = [cell.mode for cell in four if cell.facts.settings.get("answer") == "begun"]
    if begun and len(begun) < len([cell for cell in four if cell.facts.at_once]):
        told.append(f"the answer is begun for the model under {' and '.join(begun)} only")
    return "; ".join(told)


# --- its effects --------------------------------------------------------------------------------------------------


def _effects(panel: Panel, square: Square) -> Iterator[Effect]:
    first_off, first_on, second_off, second_on, how, factor = square
    thinks = factor == THINKING
    called = named_prompt if thinks else _named_way
    asked = np.logical_and.reduce([cell.decided for cell in square[:4]])
    named: dict[str, Any] = {
        "model": panel.model,
        "task": panel.task,
        "first": called(first_off),
        "second": called(second_off),
        "factor": factor,
        "thinking": how if thinks else "",
        "context": "" if thinks else how,
        "mode": second_on.mode,
        "baseline": first_off.mode,
        "n": int(asked.sum()),
        "unlike": _unlike(panel, square),
    }
    simple = (
        (factor, named["first"], first_on, first_off),
        (factor, named["second"], second_on, second_off),
        (PROMPT, OFF if thinks else NONE, second_off, first_off),
        (PROMPT, how, second_on, first_on),
    )
    for effect, under, cell, base in simple:
        delta = delta_of(panel, cell, base, ALL, asked, 1.0)
        named |= {"effect": effect, "under": under, "arms": f"{cell.mode} − {base.mode}"}
        score = _of_scores(panel, square, cell.scores - base.scores, asked)
        yield Effect(**named, difference=delta.delta, helped=delta.helped, hurt=delta.hurt, score=score)
    under_first = np.asarray(first_on.right[asked].astype(float) - first_off.right[asked])
    under_second = np.asarray(second_on.right[asked].astype(float) - second_off.right[asked])
    between = bounded.estimate(under_second - under_first, **panel.design(asked)) if asked.any() else None
    named |= {"effect": INTERACTION, "under": ""}
    named["arms"] = f"({second_on.mode} − {second_off.mode}) − ({first_on.mode} − {first_off.mode})"
    each = (second_on.scores - second_off.scores) - (first_on.scores - first_off.scores)
    score = _of_scores(panel, square, each, asked, bound=2)
    yield Effect(**named, difference=Interval.of(between), helped=None, hurt=None, score=score)


def _of_scores(panel: Panel, square: Square, each: Array, asked: Array, bound: int = 1) -> Interval:
    """Return the mean of differences of scores, in -bound..bound; of nothing where scores are right or wrong alone."""
    if not asked.any() or not any(cell.in_part[asked].any() for cell in square[:4]):
        return Interval()
    found = means.paired(each[asked] / bound, **panel.design(asked))
    low, high, se = (None if end is None else bound * end for end in (found.low, found.high, found.se))
    return Interval(value=bound * found.value, low=low, high=high, se=se, p=found.p)
