"""The tables of a report as texts, once for the terminal, Markdown and the page. No arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Delta, ModeStats, Split
from cotbench.analysis.policies import PlanRow, Policy
from cotbench.analysis.tallies import Curve, Outcomes
from cotbench.report.words import (
    DASH,
    count,
    interval,
    main_mode,
    p_value,
    percent,
    points,
    short_model,
    times,
    tokens,
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One table. key: its anchor, by which plots name the section they belong to. left: how many first columns are names; the others are figures.

    about: the legend that stands below, "" for none. brief: whether the terminal shows it without being asked.
    """

    key: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    about: str = ""
    brief: bool = True


KEYS = (
    "accuracy",
    "deltas",
    "splits",
    "policies",
    "plans",
    "outcomes",
    "votes",
    "rules",
    "agreement",
    "sources",
    "groups",
    "tokens",
)


def sections(comparison: Comparison) -> list[Section]:
    """The tables that have rows, in the order of KEYS. The column of the model is left out where there is only one."""
    made: dict[str, Callable[[Comparison], Section]] = {
        "accuracy": _accuracy,
        "deltas": _deltas,
        "splits": _splits,
        "rules": _rules,
        "sources": _sources,
        "policies": _policies,
        "plans": _plans,
        "groups": _groups,
        "outcomes": _outcomes,
        "votes": _votes,
        "tokens": _tokens,
        "agreement": _agreement,
    }
    one_model = len({row.model for row in comparison.modes}) == 1
    out = []
    for key in KEYS:
        section = made[key](comparison)
        if section.rows:
            out.append(_without_model(section) if one_model else section)
    return out


def _without_model(section: Section) -> Section:
    return Section(
        key=section.key,
        title=section.title,
        header=section.header[1:],
        rows=[row[1:] for row in section.rows],
        left=section.left - 1,
        about=section.about,
        brief=section.brief,
    )


def _against(rows: Iterable[Delta | Split | Policy]) -> tuple[str, bool]:
    """The baseline for a title, and whether there are several, so that rows must name theirs."""
    names = list(dict.fromkeys(row.baseline for row in rows))
    return (names[0] if len(names) == 1 else "the baseline"), len(names) > 1


def _pair(mode: str, baseline: str, several: bool) -> str:
    return f"{mode} − {baseline}" if several else mode


# --- one table each -----------------------------------------------------------------------------------------------


def _accuracy(comparison: Comparison) -> Section:
    def row(r: ModeStats) -> list[str]:
        return [
            short_model(r.model),
            r.task,
            r.mode,
            count(r.n),
            percent(r.accuracy),
            interval(r.low, r.high),
            percent(r.se, 2),
            percent(r.unread),
            percent(r.truncated),
            percent(r.vague),
            tokens(r.mean_completion_tokens),
            tokens(r.tokens_per_correct),
        ]

    return Section(
        key="accuracy",
        title="Accuracy by mode",
        header=[
            "model",
            "task",
            "mode",
            "n",
            "right %",
            "95% interval",
            "SE",
            "unread %",
            "cut %",
            "vague %",
            "tokens",
            "per right",
        ],
        rows=[row(r) for r in comparison.modes if r.tag == ALL],
        left=3,
        about=(
            "right: accuracy with its Wilson interval. SE: its standard error in points, clustered where questions share a passage or a subject, which the interval is not. "
            "unread: no answer could be read (counted as not right). cut: at the token budget (of several paths, any). "
            "vague: of the answers read, those that needed a vague rule. tokens: mean completion tokens per question; per right: per right answer."
        ),
    )


def _deltas(comparison: Comparison) -> Section:
    against, several = _against(comparison.deltas)

    def row(r: Delta) -> list[str]:
        head = [short_model(r.model), r.task, _pair(r.mode, r.baseline, several), r.tag]
        if r.n == 0:
            return [*head, "0", "not estimable", *[DASH] * 8]
        return [
            *head,
            count(r.n),
            points(r.delta),
            interval(r.low, r.high, signed=True),
            count(r.both_right),
            count(r.helped),
            count(r.hurt),
            count(r.both_wrong),
            p_value(r.p),
            p_value(r.p_holm),
            percent(r.mde),
        ]

    families = comparison.families
    # An arm that holds all questions says nothing new; the empty one beside it says why.
    whole = {(r.model, r.task, r.mode, r.baseline): r.n or None for r in comparison.deltas if r.tag == ALL}
    return Section(
        key="deltas",
        title=f"Paired differences against {against}, in points",
        header=[
            "model",
            "task",
            "mode",
            "questions",
            "n",
            "delta",
            "95% interval",
            "both right",
            "helped",
            "hurt",
            "both wrong",
            "p",
            "Holm p",
            "MDE",
        ],
        rows=[row(r) for r in comparison.deltas if r.tag == ALL or r.n != whole[r.model, r.task, r.mode, r.baseline]],
        left=4,
        about=(
            "delta: paired difference in points, with a score interval (Tango), or a t interval clustered where questions share a passage or a subject (CR2). "
            "helped / hurt: questions right under one mode only. p: exact McNemar; Holm p: of the clustered t test where there are clusters, else McNemar's, corrected over "
            + " and, in arms, ".join(families[name] for name in ("all", "arms") if name in families)
            + ". MDE: the smallest true difference in points that so many questions find with 80% power. "
            + tag_footnote(comparison)
        ),
    )


def _split_row(r: Split, several: bool) -> list[str]:
    arms = [
        f"{points(d)} ({interval(low, high, signed=True)})" if d is not None else "not estimable"
        for d, low, high in (
            (r.delta_symbolic, r.low_symbolic, r.high_symbolic),
            (r.delta_other, r.low_other, r.high_other),
        )
    ]
    contrast = f"{points(r.difference)} ({interval(r.low, r.high, signed=True)})" if r.difference is not None else DASH
    share = DASH
    if r.share is not None:
        found = f"{100 * r.share:.0f} ({interval(r.share_low, r.share_high, digits=0)})".replace("-", "−")
        share = found if r.share_low is not None else "total near 0"
    return [
        short_model(r.model),
        r.task,
        _pair(r.mode, r.baseline, several),
        r.rule + (" *" if r.timing == "post-treatment" else ""),
        count(r.n_symbolic),
        arms[0],
        count(r.n_other),
        arms[1],
        contrast,
        p_value(r.p_holm if r.default else r.p),
        share,
    ]


_SPLIT_HEADER = [
    "model",
    "task",
    "mode",
    "rule",
    "n symb.",
    "symbolic",
    "n other",
    "non-symbolic",
    "difference",
    "p",
    "share of gain %",
]
_SPLIT_ABOUT = (
    "difference: of the two paired differences, with its interval and t test. share of gain: what part of the sum of both arms' differences falls on symbolic "
    "questions, with a bootstrap interval over questions or clusters, or Fieller's where that is wider; above 100 where the others lose."
)


def _splits(comparison: Comparison) -> Section:
    chosen = [r for r in comparison.splits if r.default and r.difference is not None]
    against, several = _against(chosen)
    family = comparison.families.get("differences", "")
    return Section(
        key="splits",
        title=f"Symbolic against non-symbolic questions: differences against {against}, in points",
        header=_SPLIT_HEADER,
        rows=[_split_row(r, several) for r in chosen],
        left=4,
        about=f"{_SPLIT_ABOUT} p: corrected by Holm over {family}.",
    )


def _rules(comparison: Comparison) -> Section:
    against, several = _against(comparison.splits)
    return Section(
        key="rules",
        title=f"The same under every tag rule; differences against {against}, in points",
        header=_SPLIT_HEADER,
        rows=[_split_row(r, several) for r in comparison.splits],
        left=4,
        about=(
            f"{_SPLIT_ABOUT} p: corrected by Holm for the default rule, {comparison.tag_rule}, only. * post-treatment: the rule looks at responses, which the mode itself "
            "writes. " + " ".join(f"{rule.name} (version {rule.version}): {rule.about}." for rule in comparison.rules)
        ),
        brief=False,
    )


def _sources(comparison: Comparison) -> Section:
    against, several = _against(comparison.deltas)

    def row(r: Delta) -> list[str]:
        return [
            short_model(r.model),
            r.task,
            _pair(r.mode, r.baseline, several),
            points(r.delta),
            *(points(value) for value in (r.from_wrong, r.from_unread, r.from_cut, r.from_failed)),
            f"{points(r.read_delta)} ({interval(r.read_low, r.read_high, signed=True)})" if r.read_n else DASH,
            count(r.read_n),
            interval(r.bound_low, r.bound_high, signed=True),
            count(r.n_needed),
        ]

    return Section(
        key="sources",
        title=f"Where the differences against {against} come from, in points",
        header=[
            "model",
            "task",
            "mode",
            "delta",
            "from wrong",
            "from unread",
            "from cut",
            "from failed",
            "delta, read in both",
            "n read",
            "bounds",
            "n needed",
        ],
        rows=[row(r) for r in comparison.deltas if r.tag == ALL and r.n],
        left=3,
        about=(
            "from wrong: answers read in both and turned right (less those turned wrong); from unread: that became readable; from cut: that had been cut at the budget; "
            "from failed: whose program or plan had failed; they add up to delta. read in both: the difference on pairs with an answer under both modes. bounds: if all "
            f"unread answers counted right in one mode and wrong in the other. n needed: questions like these to find {100 * comparison.effect:g} points with 80% power."
        ),
        brief=False,
    )


def _policies(comparison: Comparison) -> Section:
    against, several = _against(comparison.policies)

    def row(r: Policy) -> list[str]:
        return [
            short_model(r.model),
            r.task,
            _pair(r.mode, r.baseline, several),
            r.policy + (f" ({r.rule})" if r.rule else ""),
            percent(r.used),
            percent(r.accuracy),
            interval(r.low, r.high),
            tokens(r.tokens),
            percent(r.saving).replace("-", "−"),
            interval(r.saving_low, r.saving_high),
            points(r.loss if r.loss is None else -r.loss),
            interval(
                None if r.loss_high is None else -r.loss_high, None if r.loss_low is None else -r.loss_low, signed=True
            ),
        ]

    chosen = [r for r in comparison.policies if r.mode == main_mode(comparison, r.model, r.task)]
    return Section(
        key="policies",
        title=f"Policies: when to use the mode instead of {against}",
        header=[
            "model",
            "task",
            "mode",
            "policy",
            "used %",
            "right %",
            "95% interval",
            "tokens",
            "saving %",
            "95% interval",
            "against always",
            "95% interval",
        ],
        rows=[row(r) for r in chosen],
        left=4,
        about=(
            "From the recorded answers, with no new generation. used: share of questions that get the mode. tokens: mean completion tokens per question. saving: "
            "of tokens against always using the mode; against always: accuracy in points against always using it. The oracle knows which mode is right and takes the shorter "
            "of equals: no policy can do better. A vote over k paths of the baseline's prompt is the comparison at about equal compute."
        ),
    )


def _plans(comparison: Comparison) -> Section:
    def row(r: PlanRow) -> list[str]:
        def of(part: int, whole: int) -> str:
            return f"{part:,} of {whole:,}" + (f" ({100 * part / whole:.0f}%)" if whole else "")

        return [
            short_model(r.model),
            r.task,
            r.executor,
            of(r.right, r.n),
            of(r.right_good, r.good),
            count(r.good - r.right_good),
            of(r.right_bad, r.bad),
            of(r.right_unusable, r.unusable),
        ]

    return Section(
        key="plans",
        title="Bad plan or bad execution: who carries out a plan",
        header=[
            "model",
            "task",
            "executor",
            "right",
            "right on good plans",
            "badly executed",
            "right on bad plans",
            "right on unusable plans",
        ],
        rows=[row(r) for r in comparison.plans],
        left=3,
        about=(
            "The plan modes share one plan a question. SymPy does what a plan says, so a plan is good where its solution is right, bad where it is wrong, and unusable where there "
            "is none (not in the plan language, unsolved, ambiguous); what an executor misses of the good plans is bad execution. PAL's program is its own plan."
        ),
    )


def _groups(comparison: Comparison) -> Section:
    chosen = [r for r in comparison.groups if r.n and r.mode == main_mode(comparison, r.model, r.task)]
    against, several = _against(chosen)

    def row(r: Delta) -> list[str]:
        return [
            short_model(r.model),
            r.task,
            _pair(r.mode, r.baseline, several),
            r.group,
            count(r.n),
            points(r.delta),
            interval(r.low, r.high, signed=True),
            count(r.helped),
            count(r.hurt),
            p_value(r.p),
            p_value(r.p_holm),
        ]

    chosen.sort(key=lambda r: (r.model, r.task, r.baseline, -(r.delta or 0.0), r.group))
    return Section(
        key="groups",
        title=f"By subject or type: differences against {against}, in points",
        header=["model", "task", "mode", "group", "n", "delta", "95% interval", "helped", "hurt", "p", "Holm p"],
        rows=[row(r) for r in chosen],
        left=4,
        about="Holm p: corrected over the subjects or types of one task. Of all modes in deltas.csv and report.json.",
        brief=False,
    )


def _outcomes(comparison: Comparison) -> Section:
    def row(r: Outcomes) -> list[str]:
        total = sum(r.counts.values())
        ended = ", ".join(f"{name} {number:,} ({100 * number / total:.1f}%)" for name, number in r.counts.items())
        return [short_model(r.model), r.task, r.mode, ended]

    return Section(
        key="outcomes",
        title="How questions ended",
        header=["model", "task", "mode", "how questions ended"],
        rows=[row(r) for r in comparison.outcomes],
        left=4,
    )


def _votes(comparison: Comparison) -> Section:
    def row(r: Curve) -> list[str]:
        rates = (r.maj, r.any, r.mean, r.abstained, r.tied)
        return [short_model(r.model), r.task, r.mode, str(r.k), str(r.n), *(percent(value) for value in rates)]

    return Section(
        key="votes",
        title="Votes",
        header=["model", "task", "mode", "k", "of n", "maj@k %", "pass@k %", "mean@k %", "abstained %", "tied %"],
        rows=[row(r) for r in comparison.curves],
        left=3,
        about=(
            "maj@k: the vote of k of the n paths, pass@k: one of k is right; both over all subsets of k. mean@k: a single path is right. "
            "abstained: of the n paths, those without an answer. tied: of the votes of all n, which then go to the answer reached first."
        ),
    )


def _tokens(comparison: Comparison) -> Section:
    def row(r: ModeStats) -> list[str]:
        spreads = (
            (r.mean_prompt_tokens, r.median_prompt_tokens, r.p95_prompt_tokens),
            (r.mean_reasoning_tokens, r.median_reasoning_tokens, r.p95_reasoning_tokens),
            (r.mean_completion_tokens, r.median_completion_tokens, r.p95_completion_tokens),
        )
        return [
            short_model(r.model),
            r.task,
            r.mode,
            *(" / ".join(tokens(value) for value in spread) if spread[0] is not None else DASH for spread in spreads),
            times(_ratio_of(comparison, r)),
        ]

    return Section(
        key="tokens",
        title="Tokens per question: mean / median / 95th percentile",
        header=["model", "task", "mode", "prompt", "reasoning", "completion", "against the baseline"],
        rows=[row(r) for r in comparison.modes if r.tag == ALL],
        left=3,
        about="Of several paths the sum. reasoning: the part of the completion that stands in a reasoning block, where there is one.",
        brief=False,
    )


def _ratio_of(comparison: Comparison, row: ModeStats) -> float | None:
    key = (row.model, row.task, row.mode, ALL)
    return next((d.token_ratio for d in comparison.deltas if (d.model, d.task, d.mode, d.tag) == key), None)


def _agreement(comparison: Comparison) -> Section:
    return Section(
        key="agreement",
        title="How far the tag rules agree",
        header=[
            "model",
            "task",
            "rule",
            "other rule",
            "n",
            "both",
            "only the first",
            "only the other",
            "neither",
            "kappa",
        ],
        rows=[
            [
                short_model(r.model),
                r.task,
                r.rule,
                r.other,
                *(count(value) for value in (r.n, r.both, r.only_rule, r.only_other, r.neither)),
                DASH if r.kappa is None else f"{r.kappa:.2f}".replace("-", "−"),
            ]
            for r in comparison.agreements
        ],
        left=4,
        about="both, only, neither: how many questions are called symbolic. kappa: Cohen's; no figure where chance alone explains any agreement.",
        brief=False,
    )


def tag_footnote(comparison: Comparison) -> str:
    rule = next((rule for rule in comparison.rules if rule.name == comparison.tag_rule), None)
    if rule is None:
        return ""
    return f"symbolic: {rule.about} (rule {rule.name}, version {rule.version}, {rule.timing}); n = 0 means that no question is."
