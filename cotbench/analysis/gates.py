"""`--fail-if`: conditions on a report's figures, for scripts and CI.

    NAME[task,mode(,tag)(,model=M)(,baseline=B)] OP NUMBER        delta[mmlu,cot,symbolic] < 0.05
    NAME[mode(,side)(,rule=R)(,model=M)(,baseline=B)] OP NUMBER   pooled[cot,symbolic] < 0.05

The second is of figures over tasks: pooled, by question, and macro, with tasks as units. side: all (default), the
symbolic or the non-symbolic tasks, or their difference; with rule=R the questions of that side of a tag rule.

    NAME[category,mode(,model=M)(,baseline=B)] OP NUMBER          category[math,cot] < 0.05

The third is over the tasks of a suite's category: category, by question, and category_macro, with tasks as units.

task and category may be `*`, for any. tag: all (default), symbolic or non-symbolic, under the report's tag rule. NUMBER
may be written 0.05, 5% or 5pt (points). A gate holds where it does for any row that it asks about. A figure that can't
be estimated is an error, since a gate that can't be checked must not pass in silence; under `*` it is one where no task
has an estimate.

    mean_score[hotpotqa,cot]            of tasks whose answers may be partly right, as score_delta and score_did
    twin[gsm-plus,cot,distraction]      on perturbed questions less on their seeds: of a kind of perturbation, or all
    gain[mmlu,cot,model=A,against=B]    what the arm brings A more than B
    lead[mmlu,cot,model=A,against=B]    how far A is ahead of B under it; baseline=: B's arm, where it is another
    oracle[mmlu,cot]                    what an oracle that chooses on other paths gets right; oracle_with_luck: one
                                        that chooses on the path it is scored on
    recall[hotpotqa,cot@context=retrieved]      of the passages that answers rest on, the share that was shown;
                                        all_found: of questions, those with all of them; delta_found, delta_lacking:
                                        differences on these and on the others
    over_vote[gsm8k,tot]                an arm with further calls less a vote at equal completion tokens; over_vote_all
                                        at equal tokens in all, over_vote_money at equal money; _spent: by the arm;
                                        _paths: of the vote that costs as much; _vote: its accuracy; _times: what the
                                        arm spent over it; baseline=: which vote
    placebo[gsm8k,filler]               of an arm with something else in the place of a thought: the thought less it;
                                        survives: the share of the thought's gain over baseline= that it keeps
    calls[gsm8k,tot]                    requests of a question, judges' too
    tool_failed[gsm8k,tools]            of the blocks of code that were run, those that ended in an error; tool_used: of
                                        questions, those with a block, tool_recovered: of those with an error, those
                                        that were answered rightly; tool_blocks, right_with_tool, right_without_tool
    agreement[gsm8k,cot]                of imported logs, the share of outputs on which the tool's verdict and ours
                                        agree; agreement_kappa, agreement_n; their_accuracy: by the log's scores;
                                        their_unread: outputs of which they read nothing; their_delta: what the arm
                                        changes under their verdicts, their_delta_read: on the questions that they read
                                        in both arms
    interaction[hotpotqa,cot@context=gold]      what passages, or thinking, add more under this arm's prompt than under
                                        that of baseline=, which has neither
    best_of[gsm8k,best-of-n]            of an arm that chooses among candidates, what the best score gets right; so
                                        first_of, weighted_of, majority_of, mean_of, and any_of (a bound, no method);
                                        text_vote_of, of a search: what most candidates end with, letter by letter;
                                        over_majority; auroc: how well scores tell right from wrong; unread_marks and
                                        tied_marks, shares; judged
    stopped_vote[gsm8k,self-consistency] of a vote that stops early (adaptive, 0.95), had from recorded paths, the share
                                        that is as it would be over all of them; stopped_vote_saving: of tokens;
                                        stopped_vote_paths; stopped_vote_delta; window_vote...: of windows of 5
    cascade_loss[mmlu,think]            what a cascade with a cross-fitted tau loses against always thinking;
                                        cascade_saving: of tokens; cascade_used: the share that thinks;
                                        cascade_accuracy; baseline=: its direct arm
    to_wrong[gsm8k,refine]              right answers that answering again turned wrong; to_right; flips: by how much
                                        more is right
    shipped[mmlu,cot]                   what a policy that chooses among arms gets right, chosen on other questions, of
                                        which cot is the dearest arm; shipped_saving: of its tokens, shipped_loss (_low,
                                        _high): of its accuracy; shipped_tokens, shipped_used; shipped_too_good: by how
                                        much chosen and scored on the same questions would be
    area[gsm8k,early]                   of an arm that answers early: how far agreement with the own answer at the cuts
                                        of a thought is below that at its end; settled: the median share of the thought
                                        at which answers stand; settled_at_0, unsettled, abandoned, disagreement;
                                        wasted: of the thought's tokens, those behind that; wasted_tokens
    flip[gsm8k,cot]                     of repeats of an arm, the share of questions on which not all are alike;
                                        disagree: the chance that two differ; noise: the variance within a question;
                                        reliability: the share right in all repeats, reliability_90 in 90% of them,
                                        reliability_most in more than half
    repeated[gsm8k,cot]                 the difference over all repeats; repeated_flip: of questions, those on which
                                        not all repeats of the arm are alike; repeated_reliability: by how much more
                                        questions are right in all; oracle_repeats: an oracle that chooses on another
                                        repeat
    weighted_delta[mmlu,cot]            in the mix of --weights, as weighted_accuracy and weighted_best, which is of the
                                        best policy; of several tasks together weighted_delta[all tasks,cot]
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from cotbench.analysis.beside import COMPLETION, EVERY, MONEY
from cotbench.analysis.between import mirrored
from cotbench.analysis.cascade import FITTED, WITHIN
from cotbench.analysis.chosen import ALL_ROUNDS, WAYS
from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.analysis.factorial import INTERACTION
from cotbench.analysis.policies import ORACLE_ON_OTHERS, ORACLE_ON_REPEATS
from cotbench.analysis.pooled import DIFFERENCE, QUESTION, TASK
from cotbench.analysis.recall import FOUND, LACKING
from cotbench.analysis.shipping import CROSS_FITTED, NAIVE
from cotbench.errors import UsageError, suggest
from cotbench.modes import ALIASES, Facts
from cotbench.modes.arms import named
from cotbench.modes.stopping import ADAPTIVE, EACH, SURE, WINDOW
from cotbench.questions.drawing import MAY_STOP

OPTION = "--fail-if"
EXAMPLE = f'As in {OPTION} "delta[mmlu,cot,symbolic] < 0.05".'
OF_CATEGORY = f'As in {OPTION} "category[math,cot] < 0.05".'
OVER_TASKS = f'As in {OPTION} "pooled[cot,symbolic] < 0.05".'
ANY = "*"
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_TAGS = {ALL: ALL, SYMBOLIC: SYMBOLIC, OTHER: OTHER, "nonsymbolic": OTHER}


@dataclass(frozen=True)
class _Figure:
    """Where a figure stands. share: whether it may be written in percent or points. unit: of rows over tasks."""

    rows: str  # a list of `Comparison`: modes, deltas, splits or pooled
    path: str  # of the figure in a row
    share: bool = True
    money: bool = False  # whether it takes prices
    unit: str = ""
    side: str = ""  # of rows that are of questions whose support was found, or lacks; of a policy, which


def _with_ends(name: str, rows: str, path: str, unit: str = "") -> dict[str, _Figure]:
    """A difference, the ends of its interval, its p, and p corrected for many."""
    figures = _with_interval(name, rows, path, unit=unit)
    tests = {f"{name}_p": _Figure(rows, f"{path}.p", unit=unit), f"{name}_p_holm": _Figure(rows, "p_holm", unit=unit)}
    return {**figures, **tests}


def _with_interval(name: str, rows: str, path: str, **how: Any) -> dict[str, _Figure]:
    """A figure and the ends of its interval."""
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {f"{name}{end}": _Figure(rows, f"{path}.{part}", **how) for end, part in ends.items()}


def _over_vote(name: str, cost: str) -> dict[str, _Figure]:
    """What an arm is above a vote of equal cost, and what that vote is."""
    own: dict[str, Any] = {"unit": cost, "money": cost == MONEY}
    return {
        **_with_interval(name, "beside", "at_equal", **own),
        **{f"{name}_{part}": _Figure("beside", part, share=False, **own) for part in ("spent", "paths", "times", "n")},
        f"{name}_vote": _Figure("beside", "vote", **own),
    }


def _stopped(name: str, rule: str) -> dict[str, _Figure]:
    """What a vote that stops early by a rule keeps and saves."""
    return {
        **_with_interval(name, "stopped_votes", "unchanged", unit=rule),
        **_with_interval(f"{name}_saving", "stopped_votes", "saving", unit=rule),
        **_with_interval(f"{name}_delta", "stopped_votes", "delta", unit=rule),
        f"{name}_paths": _Figure("stopped_votes", "paths", share=False, unit=rule),
    }


FIGURES: Mapping[str, _Figure] = {
    "delta": _Figure("deltas", "delta.value"),
    "low": _Figure("deltas", "delta.low"),
    "high": _Figure("deltas", "delta.high"),
    "p": _Figure("deltas", "delta.p"),
    "p_holm": _Figure("deltas", "p_holm"),
    "p_mcnemar": _Figure("deltas", "p_mcnemar"),
    "accuracy": _Figure("modes", "accuracy.value"),
    "unread": _Figure("modes", "unread"),
    "truncated": _Figure("modes", "truncated"),
    "tokens": _Figure("modes", "completion.mean", share=False),
    "token_ratio": _Figure("deltas", "token_ratio", share=False),
    "helped": _Figure("deltas", "helped", share=False),
    "hurt": _Figure("deltas", "hurt", share=False),
    "n": _Figure("deltas", "n", share=False),
    "did": _Figure("splits", "difference.value"),
    "share": _Figure("splits", "share.value"),
    "mean_score": _Figure("scores", "score.value"),
    **_with_interval("agreement", "their_arms", "agreement"),
    "agreement_kappa": _Figure("their_arms", "kappa", share=False),
    "agreement_n": _Figure("their_arms", "n", share=False),
    "their_accuracy": _Figure("their_arms", "accuracy"),
    "their_unread": _Figure("their_arms", "their_unread", share=False),
    **_with_interval("their_delta", "their_deltas", "theirs"),
    "their_delta_p": _Figure("their_deltas", "theirs.p"),
    "their_delta_read": _Figure("their_deltas", "read.value"),
    "score_in_part": _Figure("scores", "in_part", share=False),
    **_with_ends("score_delta", "score_deltas", "delta"),
    "score_boot_low": _Figure("score_deltas", "boot.low"),
    "score_boot_high": _Figure("score_deltas", "boot.high"),
    "score_boot_p": _Figure("score_deltas", "boot.p"),
    "score_n": _Figure("score_deltas", "n", share=False),
    "score_more": _Figure("score_deltas", "more", share=False),
    "score_less": _Figure("score_deltas", "less", share=False),
    **_with_ends("score_did", "score_splits", "difference"),
    **{f"stopped_{name}": _Figure("stopped", name, share=False) for name in ("n", "behind", "unknown")},
    "stopped_half_width": _Figure("stopped", "half_width"),
    "stopped_log10_e": _Figure("stopped", "log10_e", share=False),
    **_with_ends("twin", "twins", "difference"),
    "twin_n": _Figure("twins", "n", share=False),
    "cost": _Figure("costs", "cost.value", share=False, money=True),
    "cost_of_pass": _Figure("costs", "cost_of_pass", share=False, money=True),
    "tokens_per_right": _Figure("costs", "tokens_per_right", share=False),
    "uncached_tokens": _Figure("costs", "uncached_prompt_tokens", share=False),
    "cached_tokens": _Figure("costs", "cached_prompt_tokens", share=False),
    "serial_tokens": _Figure("costs", "serial.mean", share=False),
    "seconds_p50": _Figure("costs", "seconds_p50", share=False),
    "seconds_p95": _Figure("costs", "seconds_p95", share=False),
    "more_cost": _Figure("payoffs", "more_cost.value", share=False, money=True),
    **_with_interval("cost_per_extra", "payoffs", "money", share=False, money=True),
    "more_tokens": _Figure("payoffs", "more_tokens.value", share=False),
    **_with_interval("tokens_per_extra", "payoffs", "tokens", share=False),
    **{name: figure for way in WAYS for name, figure in _with_interval(f"{way}_of", "chosen", way).items()},
    **_with_interval("over_majority", "chosen", "over_majority"),
    "over_majority_p": _Figure("chosen", "over_majority.p"),
    **_with_interval("auroc", "chosen", "auroc"),
    "unread_marks": _Figure("chosen", "unread_share"),
    "tied_marks": _Figure("chosen", "tied"),
    "judged": _Figure("chosen", "judged", share=False),
    "to_right": _Figure("flips", "to_right", share=False),
    "to_wrong": _Figure("flips", "to_wrong", share=False),
    **_with_interval("flips", "flips", "delta"),
    "flips_p": _Figure("flips", "delta.p"),
    **{
        f"shipped{end}": _Figure("shipped", part, share=part != "tokens", side=CROSS_FITTED)
        for end, part in {
            "": "accuracy",
            "_saving": "saving",
            "_loss": "loss",
            "_loss_low": "loss_low",
            "_loss_high": "loss_high",
            "_tokens": "tokens",
            "_used": "used",
        }.items()
    },
    "shipped_too_good": _Figure("shipped", "too_good", side=NAIVE),
    "oracle": _Figure("policies", "accuracy", unit=ORACLE_ON_OTHERS),
    "oracle_with_luck": _Figure("policies", "with_luck", unit=ORACLE_ON_OTHERS),
    "oracle_repeats": _Figure("policies", "accuracy", unit=ORACLE_ON_REPEATS),
    "flip": _Figure("noises", "flipped"),
    **_with_interval("disagree", "noises", "disagree"),
    "noise": _Figure("noises", "within", share=False),
    "reliability": _Figure("noises", "reliable_all"),
    "reliability_90": _Figure("noises", "reliable_90"),
    "reliability_most": _Figure("noises", "reliable_most"),
    **_with_ends("repeated", "repeated", "delta"),
    "repeated_flip": _Figure("repeated", "flipped"),
    **_with_interval("repeated_reliability", "repeated", "reliable_all"),
    "weighted_accuracy": _Figure("weighted_modes", "accuracy.value"),
    "weighted_delta": _Figure("weighted_deltas", "delta.value"),
    "weighted_low": _Figure("weighted_deltas", "delta.low"),
    "weighted_high": _Figure("weighted_deltas", "delta.high"),
    "weighted_p": _Figure("weighted_deltas", "delta.p"),
    "weighted_p_holm": _Figure("weighted_deltas", "p_holm"),
    "weighted_n": _Figure("weighted_deltas", "n", share=False),
    "weighted_tokens": _Figure("weighted_modes", "tokens", share=False),
    "weighted_token_ratio": _Figure("weighted_deltas", "token_ratio", share=False),
    "weighted_best": _Figure("weighted_policies", "accuracy"),
    **_with_interval("recall", "recalls", "recall"),
    "all_found": _Figure("recalls", "all_found.value"),
    "precision": _Figure("recalls", "precision"),
    "score_found": _Figure("recalls", "score_found"),
    "score_lacking": _Figure("recalls", "score_lacking"),
    "right_found": _Figure("recalls", "right_found.value"),
    "right_lacking": _Figure("recalls", "right_lacking.value"),
    "tool_used": _Figure("tool_uses", "used.value"),
    "tool_blocks": _Figure("tool_uses", "mean_blocks", share=False),
    "tool_failed": _Figure("tool_uses", "failed"),
    "tool_recovered": _Figure("tool_uses", "recovered.value"),
    "right_with_tool": _Figure("tool_uses", "right_used.value"),
    "right_without_tool": _Figure("tool_uses", "right_unused.value"),
    **_with_interval("area", "early_answers", "area"),
    **_with_interval("settled_at_0", "early_answers", "settled_at_0"),
    **_with_interval("wasted", "early_answers", "wasted_share"),
    **_with_interval("abandoned", "early_answers", "abandoned"),
    **_with_interval("disagreement", "early_answers", "disagreement"),
    "settled": _Figure("early_answers", "settled_p50"),
    "unsettled": _Figure("early_answers", "unsettled"),
    "wasted_tokens": _Figure("early_answers", "wasted_tokens.value", share=False),
    "delta_found": _Figure("supports", "delta.value", side=FOUND),
    "delta_lacking": _Figure("supports", "delta.value", side=LACKING),
    **_with_ends("interaction", "effects", "difference"),
    **_with_interval("score_interaction", "effects", "score"),
    "score_interaction_p": _Figure("effects", "score.p"),
    **_with_ends("gain", "gains", "difference"),
    "gain_n": _Figure("gains", "n", share=False),
    "gain_more": _Figure("gains", "more", share=False),
    "gain_less": _Figure("gains", "less", share=False),
    **_with_ends("lead", "leads", "difference"),
    "lead_n": _Figure("leads", "n", share=False),
    "lead_more": _Figure("leads", "more", share=False),
    "lead_less": _Figure("leads", "less", share=False),
    **_over_vote("over_vote", COMPLETION),
    **_over_vote("over_vote_all", EVERY),
    **_over_vote("over_vote_money", MONEY),
    **_stopped("stopped_vote", ADAPTIVE),
    **_stopped("window_vote", WINDOW),
    **_with_interval("cascade_loss", "cascades", "loss"),
    **_with_interval("cascade_saving", "cascades", "saving"),
    "cascade_used": _Figure("cascades", "used"),
    "cascade_accuracy": _Figure("cascades", "accuracy.value"),
    **_with_ends("placebo", "placebos", "lost"),
    "placebo_n": _Figure("placebos", "n", share=False),
    **_with_interval("survives", "placebos", "share"),
    "calls": _Figure("efforts", "calls", share=False),
    **_with_ends("pooled", "pooled", "delta", unit=QUESTION),
    "pooled_n": _Figure("pooled", "n", share=False, unit=QUESTION),
    **_with_interval("pooled_share", "pooled", "share", unit=QUESTION),
    **_with_ends("macro", "pooled", "delta", unit=TASK),
    "macro_tasks": _Figure("pooled", "k", share=False, unit=TASK),
    "macro_tau2": _Figure("pooled", "tau2", share=False, unit=TASK),
    "macro_i2": _Figure("pooled", "i2", unit=TASK),
    "macro_predicted_low": _Figure("pooled", "predicted.low", unit=TASK),
    "macro_predicted_high": _Figure("pooled", "predicted.high", unit=TASK),
    **_with_interval("macro_weighted", "pooled", "weighted", unit=TASK),
    **_with_interval("macro_reml", "pooled", "reml", unit=TASK),
    "macro_tau2_reml": _Figure("pooled", "tau2_reml", share=False, unit=TASK),
    **_with_ends("category", "categories", "delta", unit=QUESTION),
    "category_n": _Figure("categories", "n", share=False, unit=QUESTION),
    **_with_ends("category_macro", "categories", "delta", unit=TASK),
    "category_macro_predicted_low": _Figure("categories", "predicted.low", unit=TASK),
    "category_macro_predicted_high": _Figure("categories", "predicted.high", unit=TASK),
}
# Rows that no side of the tag has.
_OF_ALL = (
    "policies",
    "shipped",
    "categories",
    "recalls",
    "supports",
    "effects",
    "chosen",
    "flips",
    "tool_uses",
    "beside",
    "efforts",
    "their_arms",
    "their_deltas",
    "stopped_votes",
    "cascades",
    "stopped",
)
ALL_OF = "all questions"
_OF_MODELS = ("gains", "leads")  # rows that are of one model against another
_OF_MIX = ("weighted_modes", "weighted_deltas", "weighted_policies")  # rows that a mix makes
_NOT_OF_DRAWN = frozenset({"placebos", "early_answers", "stopped_votes", "cascades"})
_OF_SCORES = ("scores", "score_deltas", "score_splits")  # rows of tasks whose answers may be partly right
_LEVELS = {ADAPTIVE: SURE, WINDOW: EACH}  # of the rules by which a vote may stop, those of the papers
_OF_SIDES = ("splits", "score_splits")  # rows about both sides of a tag
# Rows about a mode by itself.
_OF_ONE = frozenset(
    {"modes", "costs", "weighted_modes", "scores", "recalls", "chosen", "flips", "tool_uses", "efforts", "their_arms"}
    | {"stopped_votes", "early_answers", "noises"}
)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition.

    text: as it was given. model, baseline: None where it doesn't say; then any model, and the report's first baseline.
    against: of a figure of two models the other one, None where it doesn't say; then any.
    """

    text: str
    name: str
    task: str
    mode: str
    tag: str
    model: str | None
    baseline: str | None
    rule: str | None = None
    against: str | None = None
    operator: str
    number: float


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What became of a gate.

    holding: the rows for which it holds, with their values; open: rows that can't be estimated.
    """

    gate: Gate
    holding: Sequence[tuple[str, float]]
    open: Sequence[str]

    @property
    def holds(self) -> bool:
        return bool(self.holding)


# --- parsing ------------------------------------------------------------------------------------------------------

_SHAPE = re.compile(r"\s*([A-Za-z_]\w*)\s*\[([^\]]*)\]\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*", re.S)
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|pt|pts|points?)?")


def parse_gate(text: str) -> Gate:
    """Read a condition as it is given to the option. Raises UsageError, with what was expected."""
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise _refused(text, "expected NAME[task,mode] OP NUMBER.", EXAMPLE)
    name, inside, sign, number = shape.groups()
    refuse = partial(_refused, text)
    place = parse_place(name, inside, refuse, EXAMPLE)
    value = parse_number(name, number, refuse, share=FIGURES[name].share)
    return Gate(text=text.strip(), name=name, **asdict(place), operator=sign, number=value)


Refuse = Callable[[str, str], UsageError]  # makes the error of what is wrong and its remedy


@dataclass(frozen=True, kw_only=True)
class Place:
    """What stands in the brackets behind a figure. model, baseline, rule, against: None where they aren't named."""

    task: str
    mode: str
    tag: str
    model: str | None
    baseline: str | None
    rule: str | None = None
    against: str | None = None


def parse_place(name: str, inside: str, refuse: Refuse, example: str) -> Place:
    """Read the brackets of a figure. Raises UsageError, with what was expected."""
    if name not in FIGURES:
        known = suggest(name, FIGURES, always=f"Known: {', '.join(FIGURES)}.")
        raise refuse(f"there is no figure '{name}'.", known)
    places, named = _inside(inside, refuse, example)
    figure, tags = FIGURES[name], _TAGS
    if figure.rows == "pooled":
        if not places or len(places) > 2:
            found = "nothing" if not places else f"{len(places)} words"
            raise refuse(f"{name} is over tasks: expected a mode and a side, found {found}.", OVER_TASKS)
        places, tags = [ANY, *places], _TAGS | {DIFFERENCE: DIFFERENCE}
    elif figure.rows == "twins":
        tags = {ALL: ALL, **{place: place for place in places[2:]}}  # kinds of perturbation, as the data have them
    elif "rule" in named:
        raise refuse(f"{name} is under the report's tag rule.", "Leave 'rule=' out; --tag-rule chooses it.")
    if len(places) < 2:
        what, example = ("category", OF_CATEGORY) if figure.rows == "categories" else ("task", example)
        raise refuse(f"expected a {what} and a mode in the brackets, found '{inside}'.", example)
    if len(places) > 3:
        raise refuse(f"expected task, mode and tag, found {len(places)} words.", example)
    task, mode, tag = (*places, ALL)[:3]
    if tag not in tags:
        raise refuse(f"there is no tag '{tag}'.", f"Tags: {', '.join(dict.fromkeys(tags.values()))}.")
    if "rule" in named and tags[tag] == ALL:
        raise refuse("a tag rule has two sides.", f"As in {name}[{mode},symbolic,rule={named['rule']}].")
    if figure.rows in (*_OF_SIDES, *_OF_ALL, *_OF_MIX) and tags[tag] != ALL:
        both = dict.fromkeys(_OF_SIDES, "both sides of the tag")
        what = {**both, **dict.fromkeys(_OF_ALL, ALL_OF)}.get(figure.rows, "a whole mix")
        raise refuse(f"{name} is about {what}.", f"Leave '{tag}' out.")
    if figure.rows in _OF_ONE and "baseline" in named:
        raise refuse(f"{name} has no baseline.", "Leave 'baseline=' out.")
    if figure.rows not in _OF_MODELS and "against" in named:
        raise refuse(f"{name} is of one model.", "Leave 'against=' out.")
    if figure.rows in _OF_MODELS and "model" not in named:
        raise refuse(
            f"{name} is of one model against another.", f'Say of which: "{name}[{task},{mode},model=A,against=B]".'
        )
    return Place(
        task=task,
        mode=ALIASES.get(mode, mode),
        tag=tags[tag],
        model=named.get("model"),
        baseline=ALIASES.get(named.get("baseline", ""), named.get("baseline")),
        rule=named.get("rule"),
        against=named.get("against"),
    )


def parse_number(name: str, number: str, refuse: Refuse, *, share: bool) -> float:
    """Read a number, in percent or points too where it is a share. name: of what it is. Raises UsageError."""
    parts = _NUMBER.fullmatch(number)
    if parts is None or not math.isfinite(float(parts[1])):
        raise refuse(f"'{number}' is no number.", "Write 0.05, 5% or 5pt; one condition an option.")
    if parts[2] and not share:
        raise refuse(f"{name} is no share, so '{number}' says nothing of it.", "Write a plain number.")
    return float(parts[1]) / (100 if parts[2] else 1)


def _refused(text: str, why: str, remedy: str = "") -> UsageError:
    return UsageError(f"{OPTION} {text!r}: {why}", remedy)


def _inside(inside: str, refuse: Refuse, example: str) -> tuple[list[str], dict[str, str]]:
    """Return the words in the brackets, and apart from them those with a name."""
    places: list[str] = []
    named: dict[str, str] = {}
    for part in map(str.strip, _words(inside)):
        quoted = len(part) > 1 and part[0] == part[-1] and part[0] in "\"'"
        part = part[1:-1] if quoted else part
        key, equals, value = (
            (part, "", "")
            if quoted or "@" in part.partition("=")[0]
            else (piece.strip() for piece in part.partition("="))
        )
        if not part or (equals and not value):
            raise refuse(f"a word is missing in '[{inside}]'.", example)
        if not equals and named:
            raise refuse(f"'{part}' stands behind a word with a name.", example)
        if equals and key not in ("model", "baseline", "rule", "against"):
            known = "Known: model=, baseline=, of figures over tasks rule=, of two models against=."
            raise refuse(f"unknown '{key}='.", known)
        if key in named:
            raise refuse(f"'{key}=' is given twice.", example)
        if equals:
            named[key] = value
        else:
            places.append(part)
    return places, named


def _words(inside: str) -> list[str]:
    """Split what stands in the brackets at commas outside of quotation marks, which an arm's name may have."""
    return re.findall(r"""(?:"[^"]*"|'[^']*'|[^,"'])+|(?<=,)(?=,|$)|^(?=,|$)""", inside)


# --- checking -----------------------------------------------------------------------------------------------------


def check_gate(gate: Gate, comparison: Comparison) -> Checked:
    """Look at all rows that a gate asks about.

    Raises UsageError where the report has nothing that it asks about, or no estimate of it.
    """
    path = FIGURES[gate.name].path
    if (
        FIGURES[gate.name].money
        and FIGURES[gate.name].rows == "beside"
        and not any(c.currency for c in comparison.costs)
    ):
        raise _refused(gate.text, f"{gate.name} is in money, and there are no prices.", "Give them with --prices FILE.")
    kind = FIGURES[gate.name].rows
    if comparison.stopped and kind in _NOT_OF_DRAWN and not getattr(comparison, kind):
        found = f"this figure isn't worked out of {MAY_STOP}."
        raise _refused(gate.text, found, "Run without these, or leave the gate out.")
    rows = _rows(gate, comparison)
    if FIGURES[gate.name].money and not any(row.currency for row in rows):
        raise _refused(gate.text, f"{gate.name} is in money, and there are no prices.", "Give them with --prices FILE.")
    holding, unknown = [], []
    for row in rows:
        value = operator.attrgetter(path)(row)
        if value is None or (path in ("helped", "hurt") and not row.n):  # none of no questions
            unknown.append(_place(row))
        elif _OPERATORS[gate.operator](value, gate.number):
            holding.append((_place(row), float(value)))
    if len(unknown) == len(rows) or (unknown and gate.task != ANY):
        reasons = dict.fromkeys(row.unclear for row in rows if getattr(row, "unclear", ""))
        why = "n = 0" if all(map(_is_empty, rows)) else "; ".join(reasons) or "there is no estimate"
        raise _refused(
            gate.text,
            f"can't be checked: {gate.name} of {'; '.join(unknown)}: not estimable ({why}).",
            f"Report more tasks, or ask by question, as {'category' if 'category' in gate.name else 'pooled'} does."
            if FIGURES[gate.name].unit == TASK
            else "Ask about a side that has questions, or leave the gate out.",
        )
    return Checked(gate=gate, holding=holding, open=unknown)


def cautions_of(gate: Gate, comparison: Comparison) -> list[str]:
    """Return what is to be said beside a gate on a difference, whether or not it holds: it is one of budgets, say."""
    if FIGURES[gate.name].rows in _OF_ONE:
        return []
    rows = _rows(gate, comparison)
    if FIGURES[gate.name].rows in ("pooled", "categories"):
        asked = {(row.model, task, row.mode, row.baseline) for row in rows for task in row.tasks}
    elif FIGURES[gate.name].rows in ("supports", "effects"):
        asked = {(row.model, row.task, row.mode, row.baseline) for row in rows}
    else:
        asked = {row.key for row in rows} | {(row.against, *row.key[1:]) for row in rows if hasattr(row, "against")}
    return [
        f"the difference on {caution.task} is one of {caution.kind} more than of reasoning: {caution.text}"
        for caution in comparison.cautions
        if caution.key in asked
    ] + [f"{doubt.mode} on {doubt.task}: {doubt.text}" for doubt in comparison.doubts if doubt.key in asked]


def _rows(gate: Gate, comparison: Comparison) -> list[Any]:
    """Return the rows that a gate is about, at least one. Raises UsageError where there is none."""
    kind = FIGURES[gate.name].rows
    if kind == "pooled":
        rows = _over_tasks(gate, comparison)
    elif kind == "categories" and not comparison.categories:
        remedy = "Name one: --suite paper, core or a file of your own; `cotbench list suites` has them."
        raise _refused(gate.text, "this report is by no suite, so it has no categories.", remedy)
    else:
        rows = [row for row in getattr(comparison, kind) if _is_meant(gate, row)]
    if kind in _OF_MODELS:  # either model may be named first
        rows += [mirrored(row) for row in rows]
    rows = _narrowed(gate, "model", gate.model, rows)
    rows = rows if gate.against is None else _narrowed(gate, "against", gate.against, rows)
    if kind != "pooled":
        rows = _narrowed(
            gate, "category" if kind == "categories" else "task", None if gate.task == ANY else gate.task, rows
        )
    rows = _narrowed(gate, "mode", gate.mode, rows, comparison.facts_of)
    if kind == "twins":
        rows = _narrowed(gate, "tag", gate.tag, rows)
    if kind == "leads":
        rows = _narrowed(gate, "baseline", gate.baseline or _only(row.mode for row in rows), rows, comparison.facts_of)
    elif kind not in _OF_ONE:
        baseline = gate.baseline or next((b for b in comparison.baselines if any(r.baseline == b for r in rows)), None)
        rows = _narrowed(gate, "baseline", baseline, rows, comparison.facts_of)
    return rows


def _is_meant(gate: Gate, row: Any) -> bool:
    """Whether a row is of the questions, and of policies of the oracle, that a gate is about."""
    kind = FIGURES[gate.name].rows
    if kind == "categories":
        return bool(row.unit == FIGURES[gate.name].unit)
    if kind == "policies":
        return bool(row.policy == FIGURES[gate.name].unit)
    if kind == "shipped":
        return bool(row.policy == FIGURES[gate.name].side)
    if kind in ("recalls", "chosen", "tool_uses", "efforts", "stopped"):
        return True
    if kind in ("their_arms", "their_deltas"):
        return bool(row.default)
    if kind == "beside":
        return bool(row.cost == FIGURES[gate.name].unit and (row.first or gate.baseline is not None))
    if kind == "stopped_votes":
        return bool((row.rule, row.level) == (FIGURES[gate.name].unit, _LEVELS[row.rule]))
    if kind == "cascades":
        return bool(row.policy == FITTED and row.goal == WITHIN)
    if kind == "noises":
        return bool(row.default and row.tag == gate.tag)
    if kind == "flips":
        return bool(row.rounds == ALL_ROUNDS)
    if kind == "supports":
        return bool(row.support == FIGURES[gate.name].side)
    if kind == "effects":
        return bool(row.effect == INTERACTION)
    if kind in _OF_MIX:
        return bool(kind != "weighted_policies" or row.best)
    return bool(row.default if kind in _OF_SIDES else kind == "twins" or row.tag == gate.tag)


def _only(names: Iterable[str]) -> str | None:
    known = set(names)
    return known.pop() if len(known) == 1 else None


def _over_tasks(gate: Gate, comparison: Comparison) -> list[Any]:
    """Return the rows over tasks of a gate's unit, rule and side. Raises UsageError where there is none."""
    unit, by_rule = FIGURES[gate.name].unit, gate.rule is not None
    rows: list[Any] = [row for row in comparison.pooled if row.unit == unit and bool(row.rule) == by_rule]
    if not rows:
        remedy = "Leave the gate out."
        if not comparison.pooled:
            raise _refused(gate.text, "this report has no figures over tasks, which take two tasks of a model.", remedy)
        remedy = f"Sides of a tag are pooled by question: {gate.name.replace('macro', 'pooled')} has them."
        raise _refused(gate.text, f"there is no {gate.name} of the sides of a tag rule.", remedy)
    rows = _narrowed(gate, "rule", gate.rule, rows)
    return _narrowed(gate, "side", gate.tag, rows)


def _narrowed(
    gate: Gate, field: str, wanted: str | None, rows: list[Any], facts: Callable[[str], Facts] | None = None
) -> list[Any]:
    """Return the rows whose field is what is wanted, all where it is None. Raises UsageError where none is.

    A model is also known by its name without the organization or folder before it.
    """
    names = dict.fromkeys(str(getattr(row, field)) for row in rows)
    fitting = {
        n
        for n in names
        if n == wanted or (field in ("model", "against") and n.rstrip("/").rsplit("/", 1)[-1] == wanted)
    }
    if field in ("mode", "baseline") and wanted is not None:
        fitting = set(named(wanted, names, facts))
        if len(fitting) > 1:
            found = f"{field} '{wanted}' may be any of {', '.join(sorted(fitting))}."
            raise _refused(gate.text, found, "Name one of them.")
    kept = rows if wanted is None else [row for row in rows if str(getattr(row, field)) in fitting]
    if kept:
        return kept
    if not names:
        raise _refused(gate.text, *_why_none(FIGURES[gate.name]))
    why = f"this report has no {gate.name} of {field} '{wanted}'. It has: {', '.join(names)}."
    example = OF_CATEGORY if field == "category" else EXAMPLE
    raise _refused(gate.text, why, suggest(str(wanted), list(names), example))


# Why a report may have no rows of a kind, and what to do about it.
_NEEDS_A_MIX = ("nothing is weighted here.", "Give a mix of questions: --weights FILE.")
_NEEDS_PARTS = (
    "no answer here is partly right, so mean scores are shares of right answers.",
    "Ask about accuracy, delta or did, or leave the gate out.",
)
_NEEDS_CALLS = (
    "no arm here spends further calls beside a vote.",
    "Run one with self-consistency beside it, or leave the gate out.",
)
_NEEDS_PASSAGES = (
    "no arm here was shown passages.",
    "Run one with @context=, on a task that has passages, or leave it out.",
)
_NEEDS_REPEATS = ("no arm here was repeated.", "Run with --replicates or --wordings, or leave the gate out.")
_NEEDS_VERDICTS = (
    "no run here was imported with its tool's verdicts.",
    "Ask about a run that `cotbench import` made, or leave the gate out.",
)
_WHY_NONE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(_OF_MIX, _NEEDS_A_MIX),
    **dict.fromkeys(_OF_SCORES, _NEEDS_PARTS),
    **dict.fromkeys(("beside", "efforts"), _NEEDS_CALLS),
    **dict.fromkeys(("recalls", "supports"), _NEEDS_PASSAGES),
    **dict.fromkeys(("noises", "repeated"), _NEEDS_REPEATS),
    **dict.fromkeys(("their_arms", "their_deltas"), _NEEDS_VERDICTS),
    "twins": ("no task here has perturbed questions with their seeds.", "Leave the gate out."),
    "stopped": ("no run here stops when it knows.", "Run with --until, or leave the gate out."),
    "placebos": (
        "no arm here puts something in the place of a thought.",
        "Run a placebo beside direct and the thought, or leave the gate out.",
    ),
    "chosen": ("no arm here chooses among candidates.", "Run best-of-n, tot or refine too, or leave the gate out."),
    "stopped_votes": (
        "no arm here votes over all its paths, drawn at random (one that stopped doesn't know of those it left out).",
        "Run self-consistency without @stop= too, or leave the gate out.",
    ),
    "cascades": (
        "no arm that says how sure its direct answers are stands here beside one that always thinks.",
        "Run direct-votes or direct@answer=choice, and cot, beside any cascade; or leave it out.",
    ),
    "flips": ("no arm here answers again.", "Run refine too, or leave the gate out."),
    "early_answers": ("no arm here answers early.", "Run early too, or leave the gate out."),
    "tool_uses": ("no arm here has a tool.", "Run tools, or leave the gate out."),
    "shipped": (
        "no task here has two arms of one call in words, and 30 questions or clusters of them.",
        "Ask more questions, or leave the gate out.",
    ),
    "policies": (
        "an oracle that chooses on other paths needs votes over both modes, drawn at random.",
        "Run self-consistency and direct-votes too, or leave the gate out.",
    ),
}


def _why_none(figure: _Figure) -> tuple[str, str]:
    """Return why a report has no rows of a figure, and what to do about it."""
    kind = figure.rows
    if kind in ("beside", "efforts") and figure.money:
        return "no arm here spends further calls beside a vote at a price.", _NEEDS_CALLS[1]
    if kind == "policies" and figure.unit == ORACLE_ON_REPEATS:
        found = "an oracle that chooses on another repeat needs arms that were repeated."
        return found, "Run with --replicates, or leave the gate out."
    what = "no pairs of models" if kind in _OF_MODELS else "no pairs of modes" if kind not in _OF_ONE else "nothing"
    return _WHY_NONE.get(kind, (f"this report has {what} to ask about.", "Leave the gate out."))


def _is_empty(row: Any) -> bool:
    return not (row.n if hasattr(row, "n") else row.n_symbolic and row.n_other)


def _place(row: Any) -> str:
    of_category = hasattr(row, "category")  # whose side is the category's own
    tag = ALL if of_category else getattr(row, "tag", getattr(row, "side", ALL))
    words = [
        row.mode,
        *([tag] if tag != ALL else []),
        *([f"rule={row.rule}"] if getattr(row, "side", "") and row.rule else []),
    ]
    place = [row.category] if of_category else [row.task] if hasattr(row, "task") else []
    words = [*place, *words, f"model={row.model}"]
    against = [f"against={row.against}"] if hasattr(row, "against") else []
    return ",".join([*words, *against, *([f"baseline={row.baseline}"] if hasattr(row, "baseline") else [])])
