"""The tables of a report as texts, once for the terminal, Markdown and the page. No arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Agreement, Delta, ModeStats, Paired, Split, Spread
from cotbench.analysis.policies import PlanRow, Policy
from cotbench.analysis.tallies import Curve, Outcomes
from cotbench.report import words
from cotbench.report.words import count, difference, ends, interval, p_value, percent, points


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table of texts.

    key: its anchor, by which plots name the section they belong to. left: how many first columns are names; the others
    are figures. about: the legend that stands below, "" for none. brief: whether the terminal shows it unasked.
    """

    key: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    about: str = ""
    brief: bool = True


Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column's title, and its cell for a row."""

    title: str
    of: Callable[[Row], str]


@dataclass(frozen=True, kw_only=True)
class Table(Generic[Row]):
    """What a section is made of. names: the columns at the left, of which the first is the model's."""

    title: str
    rows: Sequence[Row]
    names: Sequence[Column[Row]]
    figures: Sequence[Column[Row]] = ()
    about: str = ""
    brief: bool = True


def sections(comparison: Comparison) -> list[Section]:
    """Return the tables that have rows. The column of the model is left out where there is only one."""
    first = 1 if len({row.model for row in comparison.modes}) == 1 else 0
    made = []
    for key, table_of in _TABLES.items():
        table = table_of(comparison)
        columns = [*table.names[first:], *table.figures]
        header, rows = (
            [column.title for column in columns],
            [[column.of(row) for column in columns] for row in table.rows],
        )
        if rows:
            left, said = len(table.names) - first, {"title": table.title, "about": table.about}
            made.append(Section(key=key, header=header, rows=rows, left=left, brief=table.brief, **said))
    return made


# --- columns that several tables have ------------------------------------------------------------------------------

_TASK: Sequence[Column[Any]] = (Column("model", lambda r: words.short_model(r.model)), Column("task", lambda r: r.task))
_MODE: Sequence[Column[Any]] = (*_TASK, Column("mode", lambda r: r.mode))
_PAIR: Sequence[Column[Any]] = (*_TASK, Column("mode", lambda r: f"{r.mode} − {r.baseline}"))
_N: Column[Any] = Column("n", lambda r: count(r.n))


def _against(rows: Sequence[Paired]) -> tuple[str, Sequence[Column[Any]]]:
    """Return the baseline for a title, and columns that name it in each row where there are several."""
    baselines = list(dict.fromkeys(row.baseline for row in rows))
    return (baselines[0] if len(baselines) == 1 else "the baseline"), (_PAIR if len(baselines) > 1 else _MODE)


Pair = TypeVar("Pair", Delta, Policy)
_DELTA: Column[Delta] = Column("delta", lambda r: points(r.delta.value) if r.n else "not estimable")
_DELTA_ENDS: Column[Delta] = Column("95% interval", lambda r: ends(r.delta, signed=True))
_HELPED: Column[Delta] = Column("helped", lambda r: count(r.helped if r.n else None))
_HURT: Column[Delta] = Column("hurt", lambda r: count(r.hurt if r.n else None))
_TESTS: Sequence[Column[Delta]] = (
    Column("p", lambda r: p_value(r.delta.p)),
    Column("Holm p", lambda r: p_value(r.p_holm)),
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
            Column("right %", lambda r: percent(r.accuracy.value)),
            Column("95% interval", lambda r: ends(r.accuracy)),
            Column("SE", lambda r: percent(r.accuracy.se, 2)),
            Column("unread %", lambda r: percent(r.unread)),
            Column("cut %", lambda r: percent(r.truncated)),
            Column("vague %", lambda r: percent(r.vague)),
            Column("tokens", lambda r: words.tokens(r.completion.mean)),
            Column("per right", lambda r: words.tokens(r.tokens_per_correct)),
        ],
        about="right: accuracy with its Wilson interval. SE: its standard error in points, clustered where questions "
        "share a passage or a subject, which the interval is not. unread: no answer could be read (counted as not "
        "right). cut: at the token budget (of several paths, any). vague: of the answers read, those that needed a "
        "vague rule. tokens: mean completion tokens per question; per right: per right answer.",
    )


def _deltas(comparison: Comparison) -> Table[Delta]:
    against, names = _against(comparison.deltas)
    families = comparison.families
    family = " and, in arms, ".join(families[name] for name in ("all", "arms") if name in families)
    # An arm that holds all questions says nothing new; the empty one beside it says why.
    whole = {row.key: row.n or None for row in comparison.deltas if row.tag == ALL}
    return Table(
        title=f"Paired differences against {against}, in points",
        rows=[row for row in comparison.deltas if row.tag == ALL or row.n != whole[row.key]],
        names=[*names, Column("questions", lambda r: r.tag)],
        figures=[
            _N,
            _DELTA,
            _DELTA_ENDS,
            Column("both right", lambda r: count(r.both_right if r.n else None)),
            _HELPED,
            _HURT,
            Column("both wrong", lambda r: count(r.both_wrong if r.n else None)),
            *_TESTS,
            Column("MDE", lambda r: percent(r.mde)),
        ],
        about="delta: paired difference in points, with a score interval (Tango), or a t interval clustered where "
        "questions share a passage or a subject (CR2). helped / hurt: questions right under one mode only. p: exact "
        "McNemar; Holm p: of the clustered t test where there are clusters, else McNemar's, corrected over "
        f"{family}. MDE: the smallest true difference in points that so many questions find with 80% power. "
        f"{tag_footnote(comparison)}",
    )


def _share(row: Split) -> str:
    if row.share.value is None:
        return words.DASH
    shown = f"{100 * row.share.value:.0f} ({ends(row.share, digits=0)})".replace("-", "−")
    return "total near 0" if row.share.low is None else shown


_SPLIT: Sequence[Column[Split]] = (
    Column("n symb.", lambda r: count(r.n_symbolic)),
    Column("symbolic", lambda r: difference(r.symbolic, "not estimable")),
    Column("n other", lambda r: count(r.n_other)),
    Column("non-symbolic", lambda r: difference(r.other, "not estimable")),
    Column("difference", lambda r: difference(r.difference)),
    Column("p", lambda r: p_value(r.p_holm if r.default else r.difference.p)),
    Column("share of gain %", _share),
)
_RULE: Column[Split] = Column("rule", lambda r: r.rule + (" *" if r.timing == "post-treatment" else ""))
_SPLIT_ABOUT = (
    "difference: of the two paired differences, with its interval and t test. share of gain: what part of the sum of "
    "both arms' differences falls on symbolic questions, with a bootstrap interval over questions or clusters, or "
    "Fieller's where that is wider; above 100 where the others lose."
)


def _splits(comparison: Comparison) -> Table[Split]:
    rows = [row for row in comparison.splits if row.default and row.difference.value is not None]
    against, names = _against(rows)
    family = comparison.families.get("differences", "")
    return Table(
        title=f"Symbolic against non-symbolic questions: differences against {against}, in points",
        rows=rows,
        names=[*names, _RULE],
        figures=_SPLIT,
        about=f"{_SPLIT_ABOUT} p: corrected by Holm over {family}.",
    )


def _rules(comparison: Comparison) -> Table[Split]:
    against, names = _against(comparison.splits)
    rules = " ".join(f"{rule.name} (version {rule.version}): {rule.about}." for rule in comparison.rules)
    return Table(
        title=f"The same under every tag rule; differences against {against}, in points",
        rows=comparison.splits,
        names=[*names, _RULE],
        figures=_SPLIT,
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
            Column("from wrong", lambda r: points(r.from_wrong)),
            Column("from unread", lambda r: points(r.from_unread)),
            Column("from cut", lambda r: points(r.from_cut)),
            Column("from failed", lambda r: points(r.from_failed)),
            Column("delta, read in both", lambda r: difference(r.read)),
            Column("n read", lambda r: count(r.read_n)),
            Column("bounds", lambda r: ends(r.bounds, signed=True)),
            Column("n needed", lambda r: count(r.n_needed)),
        ],
        about="from wrong: answers read in both and turned right (less those turned wrong); from unread: that became "
        "readable; from cut: that had been cut at the budget; from failed: whose program or plan had failed; they add "
        "up to delta. read in both: the difference on pairs with an answer under both modes. bounds: if all unread "
        "answers counted right in one mode and wrong in the other. n needed: questions like these to find "
        f"{100 * comparison.effect:g} points with 80% power.",
        brief=False,
    )


def _policies(comparison: Comparison) -> Table[Policy]:
    against, names = _against(comparison.policies)
    return Table(
        title=f"Policies: when to use the mode instead of {against}",
        rows=_of_main_mode(comparison, comparison.policies),
        names=[*names, Column("policy", lambda r: r.policy + (f" ({r.rule})" if r.rule else ""))],
        figures=[
            Column("used %", lambda r: percent(r.used)),
            Column("right %", lambda r: percent(r.accuracy)),
            Column("95% interval", lambda r: interval(r.low, r.high)),
            Column("tokens", lambda r: words.tokens(r.tokens)),
            Column("saving %", lambda r: percent(r.saving).replace("-", "−")),
            Column("95% interval", lambda r: interval(r.saving_low, r.saving_high)),
            Column("against always", lambda r: points(_less(r.loss))),
            Column("95% interval", lambda r: interval(_less(r.loss_high), _less(r.loss_low), signed=True)),
        ],
        about="From the recorded answers, with no new generation. used: share of questions that get the mode. tokens: "
        "mean completion tokens per question. saving: of tokens against always using the mode; against always: "
        "accuracy in points against always using it. The oracle knows which mode is right and takes the shorter of "
        "equals: no policy can do better. A vote over k paths of the baseline's prompt is the comparison at about "
        "equal compute.",
    )


def _less(value: float | None) -> float | None:
    return None if value is None else -value


def _plans(comparison: Comparison) -> Table[PlanRow]:
    return Table(
        title="Bad plan or bad execution: who carries out a plan",
        rows=comparison.plans,
        names=[*_TASK, Column("executor", lambda r: r.executor)],
        figures=[
            Column("right", lambda r: _part(r.right, r.n)),
            Column("right on good plans", lambda r: _part(r.right_good, r.good)),
            Column("badly executed", lambda r: count(r.good - r.right_good)),
            Column("right on bad plans", lambda r: _part(r.right_bad, r.bad)),
            Column("right on unusable plans", lambda r: _part(r.right_unusable, r.unusable)),
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
        names=[*names, Column("group", lambda r: r.group)],
        figures=[_N, _DELTA, _DELTA_ENDS, _HELPED, _HURT, *_TESTS],
        about="Holm p: corrected over the subjects or types of one task. Of all modes in deltas.csv and report.json.",
        brief=False,
    )


def _outcomes(comparison: Comparison) -> Table[Outcomes]:
    def ended(row: Outcomes) -> str:
        total = sum(row.counts.values())
        return ", ".join(f"{name} {number:,} ({100 * number / total:.1f}%)" for name, number in row.counts.items())

    names = [*_MODE, Column("how questions ended", ended)]
    return Table(title="How questions ended", rows=comparison.outcomes, names=names)


def _votes(comparison: Comparison) -> Table[Curve]:
    return Table(
        title="Votes",
        rows=comparison.curves,
        names=_MODE,
        figures=[
            Column("k", lambda r: str(r.k)),
            Column("of n", lambda r: str(r.n)),
            Column("maj@k %", lambda r: percent(r.maj)),
            Column("pass@k %", lambda r: percent(r.any)),
            Column("mean@k %", lambda r: percent(r.mean)),
            Column("abstained %", lambda r: percent(r.abstained)),
            Column("tied %", lambda r: percent(r.tied)),
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
            Column("prompt", lambda r: _spread(r.prompt)),
            Column("reasoning", lambda r: _spread(r.reasoning)),
            Column("completion", lambda r: _spread(r.completion)),
            Column("against the baseline", lambda r: words.times(ratios.get((r.model, r.task, r.mode)))),
        ],
        about="Of several paths the sum. reasoning: the part of the completion that stands in a reasoning block, where "
        "there is one.",
        brief=False,
    )


def _spread(spread: Spread) -> str:
    if spread.mean is None:
        return words.DASH
    return " / ".join(map(words.tokens, (spread.mean, spread.median, spread.p95)))


def _agreement(comparison: Comparison) -> Table[Agreement]:
    return Table(
        title="How far the tag rules agree",
        rows=comparison.agreements,
        names=[*_TASK, Column("rule", lambda r: r.rule), Column("other rule", lambda r: r.other)],
        figures=[
            _N,
            Column("both", lambda r: count(r.both)),
            Column("only the first", lambda r: count(r.only_rule)),
            Column("only the other", lambda r: count(r.only_other)),
            Column("neither", lambda r: count(r.neither)),
            Column("kappa", lambda r: words.DASH if r.kappa is None else f"{r.kappa:.2f}".replace("-", "−")),
        ],
        about="both, only, neither: how many questions are called symbolic. kappa: Cohen's; no figure where chance "
        "alone explains any agreement.",
        brief=False,
    )


# In the order of a report.
_TABLES: Mapping[str, Callable[[Comparison], Table[Any]]] = {
    "accuracy": _accuracy,
    "deltas": _deltas,
    "splits": _splits,
    "policies": _policies,
    "plans": _plans,
    "outcomes": _outcomes,
    "votes": _votes,
    "rules": _rules,
    "agreement": _agreement,
    "sources": _sources,
    "groups": _groups,
    "tokens": _tokens,
}
KEYS = tuple(_TABLES)


def tag_footnote(comparison: Comparison) -> str:
    """Return what calls a question symbolic in the main tables, "" where no rule does."""
    for rule in comparison.rules:
        if rule.name == comparison.tag_rule:
            named = f"rule {rule.name}, version {rule.version}, {rule.timing}"
            return f"symbolic: {rule.about} ({named}); n = 0 means that no question is."
    return ""
