"""The tables of a report as texts, once for the terminal, Markdown and the page. No arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Agreement, Delta, ModeStats, Paired, Split, Spread
from cotbench.analysis.policies import ORACLE_ON_OTHERS, ORACLE_ON_REPEATS, PlanRow, Policy
from cotbench.analysis.tallies import Curve, Outcomes
from cotbench.report import words
from cotbench.report.about import about
from cotbench.report.agreement import disagreements, their_arms, their_causes, their_deltas, their_read
from cotbench.report.arms import unsaid
from cotbench.report.audit import audit, calibration, complied, conduct, misreading, readings
from cotbench.report.beside import beside, efforts
from cotbench.report.between import gains, leads
from cotbench.report.budgets import budgets
from cotbench.report.cascade import cascades
from cotbench.report.categories import categories, missing
from cotbench.report.chance import legend
from cotbench.report.chosen import chosen, chosen_at, flips, marks
from cotbench.report.columns import MODE as _MODE
from cotbench.report.columns import PAIR as _PAIR
from cotbench.report.columns import TASK as _TASK
from cotbench.report.columns import Column, Section, Table
from cotbench.report.columns import N as _N
from cotbench.report.cost import costs, payoffs
from cotbench.report.early import early_answers, early_exits, early_free, early_points, early_splits
from cotbench.report.factorial import interaction, passages_and_thought
from cotbench.report.glance import at_a_glance
from cotbench.report.placebo import placebo
from cotbench.report.pooled import across_tasks
from cotbench.report.recall import recall, support
from cotbench.report.repeats import noises, repeated
from cotbench.report.scored import score_deltas, score_splits, scores
from cotbench.report.shipping import ship
from cotbench.report.stopped import stopped
from cotbench.report.stopping import stopped_votes
from cotbench.report.tools import tool_blocks, tool_use
from cotbench.report.twins import twins
from cotbench.report.weighted import mix, weighted_deltas, weighted_modes, weighted_policies
from cotbench.report.words import count, difference, ends, interval, p_value, percent, points


def sections(comparison: Comparison) -> list[Section]:
    """Return the tables that have rows. The column of the model is left out where there is only one."""
    first = 1 if len({row.model for row in comparison.modes}) == 1 else 0
    made = []
    for key, table_of in _TABLES.items():
        table = table_of(comparison)
        columns = [*table.names[first:], *table.figures]
        header, rows = (
            [title for title, _ in columns],
            [[cell(row) for _, cell in columns] for row in table.rows],
        )
        if rows:
            left, said = len(table.names) - first, {"title": table.title, "about": table.about}
            made.append(Section(key=key, header=header, rows=rows, left=left, brief=table.brief, **said))
    return made


# --- columns that several tables have ------------------------------------------------------------------------------


def _against(rows: Sequence[Paired]) -> tuple[str, Sequence[Column[Any]]]:
    """Return the baseline for a title, and columns that name it in each row where there are several."""
    baselines = list(dict.fromkeys(row.baseline for row in rows))
    return (baselines[0] if len(baselines) == 1 else "the baseline"), (_PAIR if len(baselines) > 1 else _MODE)


Pair = TypeVar("Pair", Delta, Policy)
_DELTA: Column[Delta] = ("delta", lambda r: points(r.delta.value) if r.n else "not estimable")
_DELTA_ENDS: Column[Delta] = ("95% interval", lambda r: ends(r.delta, signed=True))
_HELPED: Column[Delta] = ("helped", lambda r: count(r.helped if r.n else None))
_HURT: Column[Delta] = ("hurt", lambda r: count(r.hurt if r.n else None))
_TESTS: Sequence[Column[Delta]] = (
    ("p", lambda r: p_value(r.delta.p)),
    ("Holm p", lambda r: p_value(r.p_holm)),
)


def _of_main_mode(comparison: Comparison, rows: Iterable[Pair]) -> list[Pair]:
    """Return the rows of each model and task that are about the mode that long tables are about."""
    deltas: dict[tuple[str, str], list[Delta]] = {}
    for delta in comparison.deltas:
        deltas.setdefault((delta.model, delta.task), []).append(delta)
    modes = {place: words.main_mode(comparison, compared) for place, compared in deltas.items()}
    return [row for row in rows if row.mode == modes.get((row.model, row.task))]


# --- the tables ---------------------------------------------------------------------------------------------------


def _accuracy(comparison: Comparison) -> Table[ModeStats]:
    return Table(
        title="Accuracy by mode",
        rows=[row for row in comparison.modes if row.tag == ALL],
        names=_MODE,
        figures=[
            _N,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("95% interval", lambda r: ends(r.accuracy)),
            ("SE", lambda r: percent(r.accuracy.se, 2)),
            ("unread %", lambda r: percent(r.unread)),
            ("cut %", lambda r: percent(r.truncated) if r.truncated is not None or not r.n else words.NOT_RECORDED),
            ("vague %", lambda r: percent(r.vague)),
            ("tokens", lambda r: words.tokens_of(r.completion.mean, r.n)),
            ("per right", _per_right),
        ],
        about="right: accuracy with its Wilson interval (of clusters, of as many independent questions as would have "
        "the same standard error). SE: its standard error in points, within strata. unread: no answer could be read "
        "(counted as not right). cut: at the token budget (of several paths, any). vague: of the answers read, those "
        "that needed a vague rule. tokens: mean completion tokens per question; per right: per right answer. "
        f"{legend(comparison)}",
    )


def _per_right(row: ModeStats) -> str:
    if row.completion.mean is None:
        return words.tokens_of(None, row.n)
    return words.tokens(row.tokens_per_correct)  # none where nothing was right


def _deltas(comparison: Comparison) -> Table[Delta]:
    against, names = _against(comparison.deltas)
    families = comparison.families
    family = " and, on sides, ".join(families[name] for name in ("all", "arms") if name in families)
    # A side that holds all questions says nothing new; the empty one beside it says why.
    whole = {row.key: row.n or None for row in comparison.deltas if row.tag == ALL}
    return Table(
        title=f"Paired differences against {against}, in points",
        rows=[row for row in comparison.deltas if row.tag == ALL or row.n != whole[row.key]],
        names=[*names, ("questions", lambda r: words.side_label(comparison, r.tag))],
        figures=[
            _N,
            _DELTA,
            _DELTA_ENDS,
            ("both right", lambda r: count(r.both_right if r.n else None)),
            _HELPED,
            _HURT,
            ("both wrong", lambda r: count(r.both_wrong if r.n else None)),
            *_TESTS,
            ("MDE", lambda r: percent(r.mde)),
        ],
        about="delta: paired difference in points, with a score interval (Tango; over strata where that is narrower), "
        "or a t interval where there are clusters (CR2). helped / hurt: questions right under one mode only. p: exact "
        f"McNemar, or the t test where there are clusters; Holm p: corrected over {family}. MDE: the smallest true "
        f"difference in points that so many questions find with 80% power. {legend(comparison)} "
        f"{tag_footnote(comparison)}",
    )


def _share(row: Split) -> str:
    if row.share.value is None:
        return words.DASH
    shown = f"{100 * row.share.value:.0f} ({ends(row.share, digits=0)})".replace("-", "−")
    return "total near 0" if row.share.low is None else shown


def _split(tagged: str, other: str) -> Sequence[Column[Split]]:
    """The columns of a split whose sides are called so."""
    return (
        (f"n {tagged}", lambda r: count(r.n_symbolic)),
        (tagged, lambda r: difference(r.symbolic, "not estimable")),
        (f"n {other}", lambda r: count(r.n_other)),
        (other, lambda r: difference(r.other, "not estimable")),
        ("difference", lambda r: difference(r.difference)),
        ("p", lambda r: p_value(r.p_holm if r.default else r.difference.p)),
        ("share of gain %", _share),
    )


_RULE: Column[Split] = ("rule", lambda r: r.rule + (" *" if r.timing == "post-treatment" else ""))
_SPLIT_ABOUT = (
    "difference: of the two paired differences, with its interval and t test. share of gain: what part of the sum of "
    "both sides' differences falls on the first side, with a bootstrap interval over questions or clusters, "
    "within strata, or Fieller's where that is wider; above 100 where the others lose."
)


def _splits(comparison: Comparison) -> Table[Split]:
    rows = [row for row in comparison.splits if row.default and row.difference.value is not None]
    against, names = _against(rows)
    family = comparison.families.get("differences", "")
    sides = [words.side_label(comparison, tag) for tag in (SYMBOLIC, OTHER)]
    return Table(
        title=f"Questions {sides[0]} and {sides[1]}: differences against {against}, in points",
        rows=rows,
        names=[*names, _RULE],
        figures=_split(*sides),
        about=f"{_SPLIT_ABOUT} p: corrected by Holm over {family}.",
    )


def _rules(comparison: Comparison) -> Table[Split]:
    against, names = _against(comparison.splits)
    rules = " ".join(f"{rule.name} (version {rule.version}): {rule.about}." for rule in comparison.rules)
    return Table(
        title=f"The same under every tag rule; differences against {against}, in points",
        rows=comparison.splits,
        names=[*names, _RULE],
        figures=_split("tagged", "other"),
        about=f"{_SPLIT_ABOUT} p: corrected by Holm for the default rule, {comparison.tag_rule}, only. "
        f"* post-treatment: the rule looks at responses, which the mode itself writes. {rules}",
        brief=False,
    )


def _sources(comparison: Comparison) -> Table[Delta]:
    against, names = _against(comparison.deltas)
    return Table(
        title=f"Where the differences against {against} come from, in points",
        rows=[row for row in comparison.deltas if row.tag == ALL and row.n],
        names=names,
        figures=[
            _DELTA,
            ("from wrong", lambda r: points(r.from_wrong)),
            ("from unread", lambda r: points(r.from_unread)),
            ("from cut", lambda r: words.NOT_RECORDED if r.from_cut is None else points(r.from_cut)),
            ("from failed", lambda r: points(r.from_failed)),
            ("delta, read in both", lambda r: difference(r.read)),
            ("n read", lambda r: count(r.read_n)),
            ("bounds", lambda r: ends(r.bounds, signed=True)),
            ("n needed", lambda r: count(r.n_needed)),
        ],
        about="from wrong: answers read in both and turned right (less those turned wrong); from unread: that became "
        "readable; from cut: that had been cut at the budget; from failed: whose program or plan had failed; they add "
        "up to delta. read in both: the difference on pairs with an answer under both modes. bounds: if all unread "
        "answers counted right in one mode and wrong in the other. n needed: questions like these to find "
        f"{100 * comparison.effect:g} points with 80% power.",
        brief=False,
    )


_CHOSEN_ON_OTHERS = (
    " Chosen on other paths: by which mode is right on more of the other paths drawn for the votes, scored on the one "
    "left out, against those paths' own accuracy; with luck: had it chosen on the path that it is scored on. What the "
    "best choice for each question would reach lies between the two."
)


_CHOSEN_ON_REPEATS = (
    " Chosen on another repeat: by which arm was right there, scored on a repeat that it didn't choose by, over all "
    "pairs; against those repeats' own accuracy."
)


def _policies(comparison: Comparison) -> Table[Policy]:
    against, names = _against(comparison.policies)
    chosen_on = {row.policy for row in comparison.policies}
    others = _CHOSEN_ON_OTHERS if ORACLE_ON_OTHERS in chosen_on else ""
    others += _CHOSEN_ON_REPEATS if ORACLE_ON_REPEATS in chosen_on else ""
    return Table(
        title=f"Policies: when to use the mode instead of {against}",
        rows=_of_main_mode(comparison, comparison.policies),
        names=[*names, ("policy", words.policy)],
        figures=[
            ("used %", lambda r: percent(r.used)),
            ("right %", lambda r: percent(r.accuracy)),
            ("95% interval", lambda r: interval(r.low, r.high)),
            ("tokens", lambda r: words.NOT_RECORDED if r.tokens is None else words.tokens(r.tokens)),
            ("saving %", lambda r: percent(r.saving).replace("-", "−")),
            ("95% interval", lambda r: interval(r.saving_low, r.saving_high)),
            ("against always", lambda r: points(_less(r.loss))),
            ("95% interval", lambda r: interval(_less(r.loss_high), _less(r.loss_low), signed=True)),
        ],
        about="From the recorded answers, with no new generation. used: share of questions that get the mode. tokens: "
        "mean completion tokens per question. saving: of tokens against always using the mode; against always: "
        "accuracy in points against always using it. The oracle takes the mode that was right, and the shorter of "
        "equals: it chooses and is scored on the same answers, so it is a bound that includes luck, and one answer of "
        f"each mode can't tell how much.{others} A vote over k paths of the baseline's prompt is the comparison at "
        "about equal compute.",
    )


def _less(value: float | None) -> float | None:
    return None if value is None else -value


def _plans(comparison: Comparison) -> Table[PlanRow]:
    return Table(
        title="Bad plan or bad execution: who carries out a plan",
        rows=comparison.plans,
        names=[*_TASK, ("executor", lambda r: r.executor)],
        figures=[
            ("right", lambda r: _part(r.right, r.n)),
            ("right on good plans", lambda r: _part(r.right_good, r.good)),
            ("badly executed", lambda r: count(r.good - r.right_good)),
            ("right on bad plans", lambda r: _part(r.right_bad, r.bad)),
            ("right on unusable plans", lambda r: _part(r.right_unusable, r.unusable)),
        ],
        about="The plan modes share one plan a question. SymPy does what a plan says, so a plan is good where its "
        "solution is right, bad where it is wrong, and unusable where there is none (not in the plan language, "
        "unsolved, ambiguous); what an executor misses of the good plans is bad execution. PAL's program is its own "
        "plan.",
    )


def _part(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.0f}%)" if whole else "")


def _groups(comparison: Comparison) -> Table[Delta]:
    rows = [row for row in _of_main_mode(comparison, comparison.groups) if row.n]
    against, names = _against(rows)
    return Table(
        title=f"By subject or type: differences against {against}, in points",
        rows=sorted(rows, key=lambda r: (r.model, r.task, r.baseline, -(r.delta.value or 0.0), r.group)),
        names=[*names, ("group", lambda r: r.group)],
        figures=[_N, _DELTA, _DELTA_ENDS, _HELPED, _HURT, *_TESTS],
        about="Holm p: corrected over the subjects or types of one task. Of all modes in deltas.csv and report.json.",
        brief=False,
    )


def _outcomes(comparison: Comparison) -> Table[Outcomes]:
    def ended(row: Outcomes) -> str:
        total = sum(row.counts.values())
        return ", ".join(f"{name} {number:,} ({100 * number / total:.1f}%)" for name, number in row.counts.items())

    names = [*_MODE, ("how questions ended", ended)]
    return Table(title="How questions ended", rows=comparison.outcomes, names=names)


def _votes(comparison: Comparison) -> Table[Curve]:
    return Table(
        title="Votes",
        rows=comparison.curves,
        names=_MODE,
        figures=[
            ("k", lambda r: str(r.k)),
            ("of n", lambda r: str(r.n)),
            ("maj@k %", lambda r: percent(r.maj)),
            ("pass@k %", lambda r: percent(r.any)),
            ("mean@k %", lambda r: percent(r.mean)),
            ("abstained %", lambda r: percent(r.abstained)),
            ("tied %", lambda r: percent(r.tied)),
        ],
        about="maj@k: the vote of k of the n paths, pass@k: one of k is right; both over all subsets of k. mean@k: a "
        "single path is right. abstained: of the n paths, those without an answer. tied: of the votes of all n, which "
        "then go to the answer reached first.",
    )


def _tokens(comparison: Comparison) -> Table[ModeStats]:
    ratios: dict[tuple[str, str, str], float | None] = {}
    for delta in comparison.deltas:
        if delta.tag == ALL:  # against the first baseline
            ratios.setdefault((delta.model, delta.task, delta.mode), delta.token_ratio)
    return Table(
        title="Tokens per question: mean / median / 95th percentile",
        rows=[row for row in comparison.modes if row.tag == ALL],
        names=_MODE,
        figures=[
            ("prompt", lambda r: _spread(r.prompt, r.n)),
            ("reasoning", lambda r: _spread(r.reasoning, r.n if r.completion.mean is None else 0)),
            ("completion", lambda r: _spread(r.completion, r.n)),
            ("against the baseline", lambda r: words.times(ratios.get((r.model, r.task, r.mode)))),
        ],
        about="Of several paths the sum. reasoning: the part of the completion that stands in a reasoning block, where "
        "there is one.",
        brief=False,
    )


def _spread(spread: Spread, n: int) -> str:
    """Show how many tokens n questions took; n is 0 of those that there may be none of."""
    if spread.mean is None:
        return words.tokens_of(None, n)
    return " / ".join(map(words.tokens, (spread.mean, spread.median, spread.p95)))


def _agreement(comparison: Comparison) -> Table[Agreement]:
    return Table(
        title="How far the tag rules agree",
        rows=comparison.agreements,
        names=[*_TASK, ("rule", lambda r: r.rule), ("other rule", lambda r: r.other)],
        figures=[
            _N,
            ("both", lambda r: count(r.both)),
            ("only the first", lambda r: count(r.only_rule)),
            ("only the other", lambda r: count(r.only_other)),
            ("neither", lambda r: count(r.neither)),
            ("kappa", lambda r: words.DASH if r.kappa is None else f"{r.kappa:.2f}".replace("-", "−")),
        ],
        about="both, only, neither: how many questions are called symbolic. kappa: Cohen's; no figure where chance "
        "alone explains any agreement.",
        brief=False,
    )


_IN_ORDER: Sequence[Callable[[Comparison], Table[Any]]] = (
    *(
        at_a_glance,
        categories,
        missing,
        _accuracy,
        _deltas,
        stopped,
        their_arms,
        their_causes,
        their_deltas,
        their_read,
    ),
    *(scores, score_deltas, score_splits, twins),
    *(across_tasks, mix, weighted_modes, weighted_deltas, weighted_policies),
    *(
        gains,
        leads,
        interaction,
        passages_and_thought,
        recall,
        support,
        repeated,
        noises,
        placebo,
        beside,
        efforts,
        tool_use,
        tool_blocks,
    ),
    *(early_answers, early_splits, early_exits, early_free, early_points),
    *(budgets, _splits, payoffs, costs),
    *(_policies, ship, cascades, stopped_votes, _plans, _outcomes),
    *(audit, conduct, calibration, readings, misreading, complied, disagreements, unsaid),
    *(chosen, marks, chosen_at, flips),
    *(_votes, _rules, _agreement, _sources, _groups, _tokens, about),
)
_TABLES = {table.__name__.removeprefix("_"): table for table in _IN_ORDER}  # by key
KEYS = tuple(_TABLES)


def tag_footnote(comparison: Comparison) -> str:
    """Return what calls a question symbolic in the main tables, "" where no rule does."""
    for rule in comparison.rules:
        if rule.name == comparison.tag_rule:
            named = f"rule {rule.name}, version {rule.version}, {rule.timing}"
            return f"{rule.symbolic}: {rule.about} ({named}); n = 0 means that no question is."
    return ""
