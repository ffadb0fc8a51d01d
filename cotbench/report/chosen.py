"""The tables of what could be chosen among an arm's candidates, how good a judge's marks are, and what answers again
bring; and the same in words. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.chosen import ALL_ROUNDS, Chosen, ChosenAt, Flips
from cotbench.analysis.compare import Comparison
from cotbench.report.columns import MODE, Column, N, Table
from cotbench.report.words import DASH, count, difference, ends, p_value, percent, points, short_model

BOUND = "a bound, not a method: nobody can choose so without the key"
_HOW = {
    "best": "best score",
    "weighted": "weighted vote",
    "first": "first kept",
    "last": "last round",
}


def _part(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.0f}%)" if whole else DASH


def chosen(comparison: Comparison) -> Table[Chosen]:
    """What each arm's answers are worth beside what else could be chosen among the same candidates."""
    return Table(
        title="Choosing among an arm's candidates: share of right answers",
        rows=comparison.chosen,
        names=MODE,
        figures=[
            N,
            ("picks", lambda r: _HOW.get(r.picks, r.picks)),
            ("of", lambda r: f"{r.candidates:.1f}"),
            ("answers %", lambda r: percent(r.chosen.value)),
            ("95% interval", lambda r: ends(r.chosen)),
            ("first %", lambda r: percent(r.first.value)),
            ("95% interval", lambda r: ends(r.first)),
            ("best score %", lambda r: percent(r.best.value)),
            ("95% interval", lambda r: ends(r.best)),
            ("weighted %", lambda r: percent(r.weighted.value)),
            ("95% interval", lambda r: ends(r.weighted)),
            ("majority %", lambda r: percent(r.majority.value)),
            ("95% interval", lambda r: ends(r.majority)),
            ("text vote %", lambda r: percent(r.text_vote.value)),
            ("95% interval", lambda r: ends(r.text_vote)),
            ("at random %", lambda r: percent(r.mean.value)),
            ("95% interval", lambda r: ends(r.mean)),
            ("answers − majority", lambda r: difference(r.over_majority)),
            ("p", lambda r: p_value(r.over_majority.p)),
            ("bound: any %", lambda r: percent(r.any.value)),
            ("95% interval", lambda r: ends(r.any)),
        ],
        about="of: candidates of a question. answers: what the arm answers; beside it what the same candidates "
        "give: the first, the one with the best score, the answer with the largest sum of scores (weighted), "
        "that of most candidates (majority: equal answers are one, and what is no answer doesn't vote), of a "
        "search what most candidates end with, letter by letter (text vote: what is no answer votes too), one"
        " at random. answers − majority: paired, in points, with McNemar's p (t where there are clusters), "
        "not corrected for many tests; where a judge gave the scores, its tokens come on top, so it isn't at "
        "equal tokens. An arm that weights votes by confidence asks no judge: its scores are the model's own "
        "confidence in each path, and weighted is over all paths, also where the arm keeps the surest. "
        f"any: whether one of the candidates is right, {BOUND}.",
    )


def marks(comparison: Comparison) -> Table[Chosen]:
    """How far a judge could be read, and how well its scores tell right from wrong."""
    return Table(
        title="Scores: how far they are read, and tell right from wrong",
        rows=[row for row in comparison.chosen if row.judged or row.n_mixed],
        names=MODE,
        figures=[
            N,
            ("judged", lambda r: count(r.judged or None)),
            ("continued", lambda r: _part(r.by_courtesy, r.judged)),
            ("unread", lambda r: _part(r.unread, r.judged)),
            ("tied %", lambda r: percent(r.tied)),
            ("n mixed", lambda r: count(r.n_mixed)),
            ("AUROC %", lambda r: percent(r.auroc.value)),
            ("95% interval", lambda r: ends(r.auroc)),
        ],
        about="judged: marks or verdicts that a judge was asked for, or paths whose confidence was; continued: those "
        "that were read only because the judge's reply was gone on with by the words of its line; unread: those that "
        "could not be read, which is counted and not guessed. tied: of questions, those on which different answers "
        "share the best score, so that the order decides. n mixed: questions with right and wrong candidates that have "
        "scores. AUROC: of such pairs within a question, the share in which the right one has the higher score, ties "
        "half; 50 is chance.",
    )


def chosen_at(comparison: Comparison) -> Table[ChosenAt]:
    """What choosing among fewer paths gives."""
    return Table(
        title="Choosing among k of n paths",
        rows=comparison.chosen_at,
        names=MODE,
        figures=[
            ("k", lambda r: str(r.k)),
            ("of n", lambda r: str(r.n)),
            ("best score %", lambda r: percent(r.best.value)),
            ("95% interval", lambda r: ends(r.best)),
            ("weighted %", lambda r: percent(r.weighted.value)),
            ("95% interval", lambda r: ends(r.weighted)),
            ("majority %", lambda r: percent(r.majority.value)),
            ("95% interval", lambda r: ends(r.majority)),
            ("at random %", lambda r: percent(r.mean)),
            ("bound: any %", lambda r: percent(r.any)),
        ],
        about="Expected over all subsets of k paths: best and majority exactly, weighted over drawn subsets where "
        "there are many. k paths with a judge cost more than k that vote, weighted by confidence or not. any: whether "
        f"one of k is right, {BOUND}.",
    )


def flips(comparison: Comparison) -> Table[Flips]:
    """What answering again changed."""
    rounds: Column[Flips] = ("rounds", lambda r: r.rounds)
    return Table(
        title="Answering again: what turned",
        rows=comparison.flips,
        names=[*MODE, rounds],
        figures=[
            N,
            ("again", lambda r: _part(r.again, r.n)),
            ("both right", lambda r: count(r.both_right)),
            ("wrong → right", lambda r: count(r.to_right)),
            ("right → wrong", lambda r: count(r.to_wrong)),
            ("both wrong", lambda r: count(r.both_wrong)),
            ("delta", lambda r: points(r.delta.value)),
            ("95% interval", lambda r: ends(r.delta, signed=True)),
            ("p", lambda r: p_value(r.delta.p)),
            ("McNemar p", lambda r: p_value(r.p_mcnemar)),
        ],
        about="again: questions that were answered again there; on the others the answer stands. p: exact McNemar, or "
        "the t test where there are clusters; not corrected for many tests.",
    )


def sentences(comparison: Comparison) -> list[str]:
    """Return what answering again turned, in a sentence for each arm."""
    several = len({row.model for row in comparison.flips}) > 1
    return [_sentence(row, several) for row in comparison.flips if row.rounds == ALL_ROUNDS]


def _sentence(row: Flips, several: bool) -> str:
    where = f"{row.task} by {short_model(row.model)}" if several else row.task
    return (
        f"Answering again on {where} ({row.mode}): of {row.n:,} answers, {row.to_right:,} turned from wrong to right "
        f"and {row.to_wrong:,} from right to wrong: {difference(row.delta)} points, p {p_value(row.delta.p)}."
    )
