"""Mean scores, where answers may be partly right: tables, and sentences where they say other than exact match does."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval
from cotbench.analysis.scored import Score, ScoreDelta, ScoreSplit, disagreements
from cotbench.analysis.verdicts import HELPS, HIGHER, HURTS, INCONCLUSIVE, LOWER, NO_EFFECT, NOT_ESTIMABLE
from cotbench.report import words
from cotbench.report.columns import MODE, PAIR, Column, N, Table
from cotbench.report.words import count, difference, ends, interval, p_value, percent, points, side_label

_HOLM: Column[ScoreDelta] = ("Holm p", lambda r: p_value(r.p_holm))


def scores(comparison: Comparison) -> Table[Score]:
    """The table of mean scores: a row for each task, mode and side of the tag."""
    # A side that holds all questions says nothing new; the empty one beside it says why.
    whole = {(row.model, row.task, row.mode): row.n for row in comparison.scores if row.tag == ALL}
    return Table(
        title="Scores",
        rows=[r for r in comparison.scores if r.tag == ALL or r.n != whole[r.model, r.task, r.mode]],
        names=[*MODE, ("questions", lambda r: side_label(comparison, r.tag))],
        figures=[
            N,
            ("mean score %", lambda r: percent(r.score.value) if r.n else "not estimable"),
            ("95% interval", lambda r: ends(r.score)),
            ("SE", lambda r: percent(r.score.se, 2)),
            ("exact match %", lambda r: percent(r.exact)),
            ("in part", lambda r: count(r.in_part)),
        ],
        about="Of tasks with answers that are partly right. mean score: of all answers, where one that can't be read "
        "has 0, with the Wilson interval of as many questions as would have the same standard error. SE: its standard "
        "error in points. exact match: the share that is right, which all other tables are about. in part: answers "
        "whose score isn't that of right or wrong.",
    )


def score_deltas(comparison: Comparison) -> Table[ScoreDelta]:
    """The table of paired differences of mean scores."""
    whole = {row.key: row.n or None for row in comparison.score_deltas if row.tag == ALL}
    family = " and, on sides, ".join(
        comparison.families[name] for name in ("scores", "score arms") if name in comparison.families
    )
    return Table(
        title="Differences of mean scores, in points",
        rows=[r for r in comparison.score_deltas if r.tag == ALL or r.n != whole[r.key]],
        names=[*PAIR, ("questions", lambda r: side_label(comparison, r.tag))],
        figures=[
            N,
            ("mean score", lambda r: points(r.delta.value) if r.n else "not estimable"),
            ("95% interval", lambda r: ends(r.delta, signed=True)),
            ("bootstrap", lambda r: interval(r.boot.low, r.boot.high, signed=True)),
            ("more", lambda r: count(r.more if r.n else None)),
            ("less", lambda r: count(r.less if r.n else None)),
            ("p", lambda r: p_value(r.delta.p)),
            _HOLM,
            ("verdict", lambda r: r.verdict or words.DASH),
            ("exact match", lambda r: difference(r.exact)),
            ("its verdict", lambda r: (r.exact_verdict or words.DASH) + (" !" if r.disagrees else "")),
        ],
        about="mean score: paired difference, with the interval and p of the paired t test (over clusters and within "
        "strata where the task has them); where fewer than 15 scores change, a score interval and sign flips. "
        "bootstrap: the 95% interval of 4,000 draws of questions or whole clusters. more / less: questions whose score "
        f"is higher, or lower, under the first mode. Holm p: corrected over {family}; apart from those of exact match, "
        "which look at the same answers. ! where mean score and exact match say different things.",
    )


def score_splits(comparison: Comparison) -> Table[ScoreSplit]:
    """The table of differences in differences of mean scores, by tag rule."""
    sided = {info.name: (info.symbolic, info.other) for info in comparison.rules}

    def of(row: ScoreSplit) -> str:
        first, second = sided.get(row.rule, (SYMBOLIC, OTHER))
        return f"{row.rule}: {first} / {second}" + (" *" if row.timing == "post-treatment" else "")

    return Table(
        title="Differences of mean scores under every tag rule, in points",
        rows=comparison.score_splits,
        names=[*PAIR, ("rule", of)],
        figures=[
            ("n first", lambda r: count(r.n_symbolic)),
            ("first side", lambda r: _side(r.symbolic)),
            ("n second", lambda r: count(r.n_other)),
            ("second side", lambda r: _side(r.other)),
            ("difference", lambda r: difference(r.difference, "not estimable")),
            ("bootstrap", lambda r: interval(r.boot.low, r.boot.high, signed=True)),
            ("p", lambda r: p_value(r.p_holm if r.default else r.difference.p)),
            ("of exact match", lambda r: points(r.exact)),
        ],
        about="difference: of the two sides' differences of mean scores, first less second, with its interval and t "
        "test, which know of clusters that have questions on both. bootstrap: under the default rule, "
        f"{comparison.tag_rule}, whose p is corrected by Holm. * post-treatment: the rule looks at responses.",
        brief=False,
    )


def _side(estimate: Interval) -> str:
    return difference(estimate, "not estimable")


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return what is to be said where mean scores say other than exact match does: by model, task and pair of arms."""
    several = len({row.model for row in comparison.scores}) > 1
    return [_sentence(row, several) for row in disagreements(comparison.score_deltas)]


_SAID = {
    HELPS: "is up",
    HIGHER: "is up",
    HURTS: "is down",
    LOWER: "is down",
    NO_EFFECT: "has no clear change",
    INCONCLUSIVE: "is inconclusive",
    NOT_ESTIMABLE: "can't be estimated",
}
_MEANT = {
    (HELPS, NO_EFFECT): "answers come nearer to right ones without more of them being right",
    (HURTS, NO_EFFECT): "answers go farther from right ones without fewer of them being right",
}


def _sentence(row: ScoreDelta, several: bool) -> str:
    by = f" by {words.short_model(row.model)}" if several else ""
    p = "" if row.p_holm is None else f", corrected p {p_value(row.p_holm)}"
    why = f" ({row.why})" if row.why else ""
    score = f"the mean score {_SAID[row.verdict]}{why}, {difference(row.delta)} points{p}"
    exact = f"exact match {_SAID[row.exact_verdict]}, {difference(row.exact)}"
    meant = _MEANT.get((row.verdict, row.exact_verdict), "")
    opening = f"Mean scores and exact match differ on {row.task}{by} ({row.mode} − {row.baseline})"
    return f"{opening}: {score}; {exact}{f': {meant}' if meant else ''}."
