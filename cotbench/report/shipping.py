"""Policies that ship, in words and as files: plain YAML, and a configuration of vLLM Semantic Router.

The router's form is that of its configuration v0.3, in which a model's own row says how it is told to think: as in its
repository (github.com/vllm-project/semantic-router) at commit 0066296, `config/config.yaml`, and in its command line's
own model of it. docs/policies.md says what was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from cotbench.analysis.compare import Comparison
from cotbench.analysis.pairing import Cell
from cotbench.analysis.shipping import (
    BY,
    CROSS_FITTED,
    NAIVE,
    WHOLE,
    Shipped,
    ShippedPiece,
    Shipping,
)
from cotbench.errors import UsageError
from cotbench.questions.shipped import shipped
from cotbench.report import words
from cotbench.report.columns import MODE, N, Table
from cotbench.report.words import interval, percent, points

VERSION = 1
ROUTER, PLAIN = "semantic-router", "yaml"
FORMATS = (PLAIN, ROUTER)
CHECKED = "0066296"  # the router's commit whose form this is
ABOUT = (
    "The figures are of the procedure that chose this policy: rule and arms were chosen on four fifths of the "
    "questions and scored on the others, over {splits} splits. They aren't of this one policy, which was made of all "
    "questions, and they hold for questions like these. naive is what the best choices have on the questions they were "
    "chosen on."
)


def categories() -> dict[str, str]:
    """Return the category of each subject by which the router knows requests."""
    table = yaml.safe_load((shipped("tasks") / "tables" / "mmlu-pro.yaml").read_text(encoding="utf-8"))
    own = {name: name for name in table}
    return own | {subject: name for name, subjects in table.items() for subject in subjects}


# --- words --------------------------------------------------------------------------------------------------------


def policy(row: Shipped) -> str:
    """Say what a row is."""
    if row.policy == CROSS_FITTED:
        return "chosen, on other questions"
    if row.policy == NAIVE:
        return "chosen, on the same ones"
    if row.policy.startswith(BY):
        return f"{row.policy}, on other questions"
    return row.policy


def ship(comparison: Comparison) -> Table[Shipped]:
    """Return the table of policies that could ship, with what is known of them."""
    priced = next((row.currency for row in comparison.shipped if row.currency), "")
    money = [(f"{priced} per 1,000", lambda r: words.DASH if r.cost_per_1000 is None else f"{r.cost_per_1000:,.2f}")]
    margin = next((row.margin for row in comparison.shipped), 0.0)
    return Table(
        title="Policies that ship: chosen on some questions, scored on others",
        rows=comparison.shipped,
        names=[*MODE, ("policy", policy)],
        figures=[
            N,
            ("pieces", lambda r: f"{r.pieces:,}"),
            ("chosen %", lambda r: words.DASH if r.chosen is None else percent(r.chosen, 0)),
            ("used %", lambda r: percent(r.used)),
            ("right %", lambda r: percent(r.accuracy)),
            ("95% interval", lambda r: interval(r.low, r.high)),
            ("too good by", lambda r: words.DASH if r.too_good is None else points(r.too_good)),
            ("tokens", lambda r: words.tokens(r.tokens)),
            ("saving %", lambda r: percent(r.saving).replace("-", "−")),
            ("against always", lambda r: points(_less(r.loss))),
            ("95% interval", lambda r: interval(_less(r.loss_high), _less(r.loss_low), signed=True)),
            *(money if priced else []),
        ],
        about="A policy says by what is known of a question before it is answered (its subject, a pre-treatment tag, a "
        "feature) which arm answers it: the cheapest that is within "
        f"{100 * margin:g} points of the best, by gains that are shrunk towards the task's. on other questions: rule "
        "and arms were chosen on four fifths of the questions and scored on the others, over 20 splits; so it is the "
        "figure of the procedure, not of the one policy that is made of all questions. on the same ones: the best rule "
        "and the best arm of each piece, scored where they were chosen; too good by: so many points more than the same "
        "choosing has on other questions. by RULE: with the rule fixed; chosen: the share of folds that went by it. "
        "mode: the dearest arm, against which saving and accuracy are. `cotbench policy` writes the policy.",
        brief=False,
    )


def _less(value: float | None) -> float | None:
    return None if value is None else -value


def sentence(made: Shipping) -> str:
    """Say what the procedure brings, and of what that is said."""
    own, naive = made.figures, made.naive
    best = made.arms[-1]
    if own.loss is None:
        gives = f"always {best}: no cheaper arm is within {100 * own.margin:g} points of it anywhere"
    else:
        less = f"{points(-own.loss)} points ({interval(_less(own.loss_high), _less(own.loss_low), signed=True)})"
        gives = (
            f"{percent(own.accuracy)}% right for {words.tokens(own.tokens)} tokens a question: {less} against always "
            f"{best}, and {percent(own.saving)}% of its tokens saved"
        )
    too_good = f"{percent(naive.too_good)} points too good" if (naive.too_good or 0) > 0.0005 else "no better than that"
    return (
        f"Choosing rule and arms on four fifths of the questions gives on the others {gives}. This is the figure of "
        f"the procedure, over 20 splits, not of the one policy made of all {own.n:,} questions. Chosen and scored on "
        f"the same questions it would be {percent(naive.accuracy)}%: {too_good}."
    )


# --- plain YAML ---------------------------------------------------------------------------------------------------


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def figures_of(row: Shipped) -> dict[str, Any]:
    """Return the figures of a row, for a file."""
    found = {
        "accuracy": _rounded(row.accuracy),
        "interval": [_rounded(row.low), _rounded(row.high)],
        "tokens": round(row.tokens, 1),
        "used": _rounded(row.used),
        "saving": _rounded(row.saving),
        "loss": _rounded(row.loss),
        "loss_interval": None if row.loss is None else [_rounded(row.loss_low), _rounded(row.loss_high)],
        "too_good": _rounded(row.too_good),
        "cost_per_1000": _rounded(row.cost_per_1000),
        "currency": row.currency or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def as_dict(made: Shipping, runs: Sequence[str]) -> dict[str, Any]:
    """Return a policy as its file has it, and `--json`."""
    by_rule = [row for row in made.rows if row.policy.startswith(BY)]
    return {
        "model": made.panel.model,
        "task": made.panel.task,
        "runs": list(runs),
        "arms": made.arms,
        "margin": made.figures.margin,
        "questions": made.figures.n,
        "rule": made.rule,
        "otherwise": made.otherwise,
        "pieces": [
            {
                "piece": name,
                "use": use,
                "n": made.piece(name, use).n,
                "share": _rounded(made.piece(name, use).share),
                "gains": {
                    row.arm: {"delta": _rounded(row.delta), "shrunk": _rounded(row.shrunk)}
                    for row in made.pieces
                    if row.piece == name and row.arm != made.arms[0]
                },
            }
            for name, use in made.choice.items()
        ],
        "cross_fitted": figures_of(made.figures),
        "naive": figures_of(made.naive),
        "rules_chosen": {row.rule: _rounded(row.chosen) for row in by_rule},
        "beside": {
            row.policy: figures_of(row) for row in made.rows if row.policy not in (CROSS_FITTED, NAIVE) and not row.rule
        },
    }


def plain(made: Sequence[Shipping], runs: Sequence[str], splits: int) -> str:
    """Return the file of some policies."""
    head = "".join(f"# {line}\n" for line in map(sentence, made))
    content = {
        "version": VERSION,
        "about": ABOUT.format(splits=splits),
        "policies": [as_dict(one, runs) for one in made],
    }
    return head + _dumped(content)


def _dumped(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100)


# --- the router ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Switch:
    """How a model is told to think. family: its row of `families.yaml`, "" where it has none. off, on: variables of its
    chat template, with their values; None where it can't be told so. effort, efforts: the variable that says how much,
    and its words; field: whether servers take it as a field of the request. default: on, off or ""."""

    family: str = ""
    off: Mapping[str, Any] | None = None
    on: Mapping[str, Any] | None = None
    effort: str = ""
    efforts: Sequence[str] = field(default_factory=tuple)
    field: bool = False
    default: str = ""


def router(made: Shipping, runs: Sequence[str], switch: Switch, splits: int) -> str:
    """Return a router's configuration for one policy. Raises UsageError where the router can't say what it says."""
    model, known = made.panel.model, sorted(set(categories().values()))
    controls = {cell.mode: _control(cell, switch) for cell in made.cells}
    _told_apart(made, controls)
    pieces = dict.fromkeys(known, made.otherwise)
    pieces |= made.choice if made.rule != WHOLE else {}
    scores = {} if made.rule == WHOLE else {name: made.piece(name, use) for name, use in made.choice.items()}
    reasoning = _reasoning(switch, controls, {*pieces.values()}, model)
    content = {
        "version": "v0.3",
        "providers": {
            "defaults": {"model": model},
            "models": [
                {"name": model, "provider_model_id": model, **({"reasoning": reasoning} if reasoning else {})},
            ],
        },
        "routing": {
            "modelCards": [{"name": model}],
            "signals": {"domains": [_domain(name, use, model, controls, scores) for name, use in pieces.items()]},
            "decisions": [_decision(name, use, model, controls) for name, use in pieces.items()],
        },
    }
    return _comments(made, runs, switch, splits, scores) + _dumped(content)


def _domain(
    name: str, use: str, model: str, controls: Mapping[str, Mapping[str, Any]], scores: Mapping[str, ShippedPiece]
) -> dict[str, Any]:
    own: dict[str, Any] = {"name": name, "mmlu_categories": [name]}
    if name in scores:
        score = {"model": model, "score": _rounded(scores[name].accuracy)}
        own["model_scores"] = [{**score, "use_reasoning": controls[use]["use_reasoning"]}]
    return own


def _decision(name: str, use: str, model: str, controls: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"cotbench_{name.replace(' ', '_')}",
        "description": f"Questions of {name} are answered as under the arm {use}.",
        "priority": 100,
        "rules": {"operator": "AND", "conditions": [{"type": "domain", "name": name}]},
        "modelRefs": [{"model": model, **controls[use]}],
    }


_OTHERWISE = "--format yaml writes it for a router of your own; --arms chooses other arms."


def _control(cell: Cell, switch: Switch) -> dict[str, Any]:
    """Return how the router is told to ask for an arm. Raises UsageError where it can't be."""
    settings, thinks = cell.facts.settings, cell.facts.thinks
    for name in ("budget", "min"):
        if name in settings:
            raise UsageError(
                f"{cell.mode}: a limit of thought (@{name}=) is nothing that Semantic Router can be told.", _OTHERWISE
            )
    if not thinks:
        found = f"{cell.mode}: its run doesn't say whether the model thinks under it, and the router switches that."
        raise UsageError(found, _OTHERWISE)
    effort = settings.get("effort")
    if effort is not None and effort not in switch.efforts:
        raise UsageError(f"{cell.mode}: the model's family has no effort '{effort}' as far as is known.", _OTHERWISE)
    if thinks == "on" and effort is not None:
        return {"use_reasoning": True, "reasoning_effort": effort}
    return {"use_reasoning": thinks == "on"}


def _told_apart(made: Shipping, controls: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises UsageError where two arms that are used would be the same to the router."""
    used = [arm for arm in made.arms if arm in {*made.choice.values(), made.otherwise}]
    for at, arm in enumerate(used):
        for other in used[:at]:
            if controls[arm] == controls[other]:
                found = f"{other} and {arm} differ in their prompts, and Semantic Router switches thinking only."
                raise UsageError(found, f"Name arms that differ in thinking, as in --arms free,think; {_OTHERWISE}")


def _reasoning(
    switch: Switch, controls: Mapping[str, Mapping[str, Any]], used: set[str], model: str
) -> dict[str, Any] | None:
    """Return how the model's own row says that it is told to think. Raises UsageError where the router has no form for
    it, or the model can't be kept from thinking and an arm is to be."""
    off = [arm for arm in used if not controls[arm]["use_reasoning"]]
    on = [arm for arm in used if controls[arm]["use_reasoning"]]
    called = switch.family or model
    if off and switch.off is None and (switch.default == "on" or switch.effort):
        raise UsageError(
            f"{off[0]}: {called} can't be kept from thinking by anything that the router sends (use_reasoning: false).",
            "Choose among efforts, as in --arms think@effort=low,think@effort=high.",
        )
    both = {"modes": ["enabled", "disabled"], "default_mode": "disabled" if switch.default == "off" else "enabled"}
    if switch.effort and switch.efforts:
        turned = {} if switch.off is None else dict(switch.off)
        kind = "top_level_reasoning_effort" if switch.field else "reasoning_effort"
        told: dict[str, Any] = {"type": kind, "parameter": switch.effort, "levels": list(switch.efforts)}
        if switch.effort in turned:
            word = turned[switch.effort]
            levels = list(dict.fromkeys([word, *switch.efforts]))
            return {**told, "levels": levels, "disabled": word, **both}
        if turned:
            [parameter] = turned
            return {**told, "type": "reasoning_effort", "activation_parameter": parameter, **both}
        return {**told, "modes": ["enabled"], "default_mode": "enabled"}
    if switch.off is not None and len(switch.off) == 1:
        [(parameter, value)] = switch.off.items()
        if value is False:
            return {"type": "chat_template_kwargs", "parameter": parameter, **both}
        if isinstance(value, str):
            return {"type": "reasoning_mode", "parameter": parameter, "disabled": value, **both}
    if on and off:
        found = f"{called} is told to think in a way that Semantic Router has no form for, as far as is known."
        raise UsageError(found, _OTHERWISE)
    return None


def _comments(
    made: Shipping, runs: Sequence[str], switch: Switch, splits: int, scores: Mapping[str, ShippedPiece]
) -> str:
    """Return what stands before a router's configuration."""
    unknown = [
        "The model is in no known family, so its switch is taken for the one that most chat templates have: check it."
    ]
    lines = [
        f"Written by `cotbench policy` from {', '.join(runs)}: {made.panel.task} by {made.panel.model}.",
        f"The form is that of vLLM Semantic Router's configuration v0.3 at its commit {CHECKED}. Merge it with yours:",
        "listeners and providers.models[].backend_refs are missing here.",
        ABOUT.format(splits=splits),
        sentence(made),
        *(unknown if not switch.family else []),
        f"Categories that weren't measured get what the task as a whole does, {made.otherwise}."
        if len(scores) < len(set(categories().values()))
        else "",
        *(
            f"{name}: {use}, n = {made.piece(name, use).n:,}, "
            + "; ".join(
                f"{row.arm} {points(row.delta)} points, shrunk {points(row.shrunk)}"
                for row in made.pieces
                if row.piece == name and row.arm != made.arms[0]
            )
            for name, use in made.choice.items()
        ),
    ]
    return "".join(f"# {line}\n" for line in lines if line)
