"""What repeats of an arm say of its noise, and differences whose intervals hold it.

An arm that is asked again answers some questions otherwise: numeric noise where it is greedy (the same request, other
batches), sampling noise where it is drawn, and under other words what the wording does, too. y is 1 where question q is
right under wording w in replicate r, of n questions, K wordings and R replicates of each:

    y = mean + question + wording + question x wording + replicate

Variances are estimated by the method of moments (mean squares of the crossed and nested layout: Searle, Casella and
McCulloch 1992, Variance Components, section 4.3), without a cut at 0: an estimate may be below it by chance.

The mean over questions has the variance of question means, as drawn (clusters, strata: `stats.mean`), which holds
question, question x wording and replicate; wordings are another sample, of few, and add theirs over K. The degrees of
freedom make t reach as far as both together (`_df_of`). Differences are of the same wording and replicate under both
arms, so that what a wording does to both is no error. All of it is over questions that have a verdict in every repeat
that is compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.columns import is_sampled
from cotbench.analysis.estimates import ALL, Delta, Interval, Paired, mean_share
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Design
from cotbench.modes.repeats import place_of

NUMERIC, SAMPLING, WORDING = "numeric", "sampling", "wording"
NEARLY = 0.9  # of its repeats, in which an answer is right that is called reliable
MORE_REPLICATES, MORE_WORDINGS, MORE_QUESTIONS = 10, 5, 200  # of which the advice speaks


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What repeats of an arm say of it, on the questions with a verdict in all of them.

    kind: `numeric` (a greedy arm, asked again), `sampling` (a drawn one), `wording` (under other words, with whatever
    replicates there are). default: whether it is over all repeats of the arm. accuracy: the mean over repeats, with an
    interval that holds questions, replicates and wordings. flipped: the share of questions that are right in some
    repeats and not in others; disagree: the chance that two repeats differ on a question. between_questions,
    between_wordings, question_by_wording, within: variances, which may be below 0 by chance; None where the repeats
    can't tell: of one wording, or of one replicate of each, whose noise is then a part of question_by_wording.
    reliable_*: the share of questions that are right in all repeats, in 90% of them, in more than half."""

    model: str
    task: str
    mode: str
    tag: str
    kind: Literal["numeric", "sampling", "wording"]
    default: bool
    replicates: int
    wordings: int
    n: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high", se="se"))
    flipped: float | None
    disagree: Interval = field(metadata=columns(value="disagree", low="disagree_low", high="disagree_high"))
    between_questions: float | None
    between_wordings: float | None
    question_by_wording: float | None
    within: float | None
    reliable_all: float | None
    reliable_90: float | None
    reliable_most: float | None


@dataclass(frozen=True, kw_only=True)
class RepeatedDelta(Paired):
    """A mode against a baseline over all repeats that both have, on the questions with a verdict in all of them.

    delta: of the means over repeats, with an interval that holds questions, replicates and wordings, which are taken as
    a sample of wordings; df: of its t, None where no answer differs between repeats, so that it is a single one's
    interval and test. p_holm and p_bonferroni: corrected over the `family` of comparisons that `Comparison.families`
    names. flipped, disagree: of the mode, *_baseline: of its baseline, as in `Noise`. reliable_*: by how much the share
    of questions that are right so often is larger under the mode. share_*: what share of the variance of delta comes
    from questions (with question x wording), wordings, replicates. se_*: the standard error with ten replicates more,
    with five wordings more, with 200 questions more like these; None where the repeats can't tell. advice: the same in
    a sentence. verdict, why: by `verdicts.verdict_of`."""

    tag: str
    n: int
    replicates: int
    wordings: int
    unit: str
    clusters: int | None
    strata: int | None
    accuracy: float | None
    baseline_accuracy: float | None
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    df: float | None
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    flipped: float | None
    flipped_baseline: float | None
    disagree: float | None
    disagree_baseline: float | None
    reliable_all: Interval = field(metadata=columns(value="reliable_all", low="all_low", high="all_high"))
    reliable_90: Interval = field(metadata=columns(value="reliable_90", low="reliable_90_low", high="reliable_90_high"))
    reliable_most: Interval = field(metadata=columns(value="reliable_most", low="most_low", high="most_high"))
    share_questions: float | None
    share_wordings: float | None
    share_replicates: float | None
    se_replicates: float | None
    se_wordings: float | None
    se_questions: float | None
    advice: str
    verdict: str = ""
    why: str = ""

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.delta.p

    @property
    def p_clustered(self) -> float | None:
        """The p of a t test; None where it is the exact one."""
        return None if self.df is None else self.delta.p


# --- numbers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Variances of single answers, by where they come from; None where the layout can't tell."""

    questions: float | None
    wordings: float | None
    question_by_wording: float | None
    within: float | None


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A mean over repeats. se: its standard error, with all parts; df: of t. of_questions: the part of its variance
    that question means show; of_wordings: what wordings add to it, at least 0; of_replicates: the part of the first
    that is of replicates, None where unknown."""

    value: float
    se: float | None
    df: float | None
    low: float
    high: float
    p: float | None
    parts: Parts
    of_questions: float | None
    of_wordings: float
    of_replicates: float | None
    clusters: int | None
    strata: int | None


def parts_of(values: Array) -> Parts:
    """Return the variances of values by question, wording and replicate (an array of three dimensions), by the method
    of moments."""
    n, wordings, replicates = values.shape
    cells = values.mean(axis=2)
    questions, words, mean = cells.mean(axis=1), cells.mean(axis=0), float(values.mean())
    within = None
    if replicates > 1:
        within = float(np.square(values - cells[:, :, None]).sum()) / (n * wordings * (replicates - 1))
    if n < 2:
        return Parts(questions=None, wordings=None, question_by_wording=None, within=within)
    of_questions = float(np.square(questions - mean).sum()) / (n - 1)  # of their means
    if wordings < 2:
        between = None if within is None else of_questions - within / replicates
        return Parts(questions=between, wordings=None, question_by_wording=None, within=within)
    left = cells - questions[:, None] - words[None, :] + mean
    crossed = float(np.square(left).sum()) / ((n - 1) * (wordings - 1))
    of_words = float(np.square(words - mean).sum()) / (wordings - 1)
    return Parts(
        questions=of_questions - crossed / wordings,
        wordings=of_words - crossed / n,
        question_by_wording=crossed - (within or 0.0) / replicates,
        within=within,
    )


def repeated_mean(values: Array, design: Design, bound: float = 1.0) -> Repeated:
    """Return the mean of values by question, wording and replicate, with an interval for other questions, replicates
    and wordings. ValueError where there are no questions."""
    n, wordings, replicates = values.shape
    means = values.mean(axis=(1, 2))
    known, parts = stats.mean(means, **design, bound=bound), parts_of(values)
    base: dict[str, Any] = {"value": known.value, "parts": parts, "clusters": known.clusters, "strata": known.strata}
    if known.se is None or known.df is None:
        return Repeated(
            **base, se=None, df=None, low=-bound, high=bound, p=None, of_questions=None, of_wordings=0.0,
            of_replicates=None,
        )  # fmt: skip
    own = known.se**2
    added = max(0.0, _of_wordings(values, design))
    se = math.sqrt(own + added)
    se = se if se >= 1e-12 else 0.0
    df = _df_of((own, known.df), (added, wordings - 1.0)) if added else known.df
    reach = float(special.stdtrit(df, (1 + stats.CONFIDENCE) / 2)) * se
    return Repeated(
        **base,
        se=se,
        df=df,
        low=max(-bound, known.value - reach),
        high=min(bound, known.value + reach),
        p=2 * float(special.stdtr(df, -abs(known.value) / se)) if se > 0 else None,
        of_questions=own,
        of_wordings=added,
        of_replicates=None if parts.within is None else parts.within / (n * wordings * replicates),
    )


def _df_of(*parts: tuple[float, float]) -> float:
    """Return the degrees of freedom with which t reaches as far as the parts of a variance do together, each with its
    own: the ends are those of the modified large-sample method (Graybill and Wang 1980, Journal of the American
    Statistical Association 75:869; Burdick and Graybill 1992, Confidence Intervals on Variance Components). With two or
    three wordings Satterthwaite's would be too many: the variance among so few is often far too small."""
    level = (1 + stats.CONFIDENCE) / 2
    reach = sum(variance * float(special.stdtrit(df, level)) ** 2 for variance, df in parts)
    wanted = math.sqrt(reach / sum(variance for variance, _ in parts))
    low, high = min(df for _, df in parts), max(df for _, df in parts)
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if special.stdtrit(middle, level) > wanted else (low, middle)
    return high


def _of_wordings(values: Array, design: Design) -> float:
    """Return what wordings add to the variance of the mean, less what they seem to for the noise of questions, which
    question means hold already."""
    wordings = int(values.shape[1])
    if wordings < 2:
        return 0.0
    cells = values.mean(axis=2)
    left = cells - cells.mean(axis=1, keepdims=True)
    noise = [stats.mean(left[:, place], **design).se for place in range(wordings)]
    of_noise = sum((se or 0.0) ** 2 for se in noise) / (wordings - 1)
    seen = float(cells.mean(axis=0).var(ddof=1))
    return (seen - float(of_noise)) / wordings


def flips(right: Array) -> tuple[float, Array]:
    """Return the share of questions on which not all repeats are alike, and of each question the chance that two
    differ. right: by question and repeat."""
    repeats = right.shape[1]
    hits = right.sum(axis=1)
    apart = 2 * hits * (repeats - hits) / (repeats * (repeats - 1))
    return float(((hits > 0) & (hits < repeats)).mean()), np.asarray(apart)


def reliable(right: Array) -> tuple[Array, Array, Array]:
    """Return which questions are right in all repeats, in 90% of them, and in more than half."""
    share = right.mean(axis=1)
    return share == 1, share >= NEARLY - 1e-9, share > 1 / 2


# --- rows ---------------------------------------------------------------------------------------------------------


def in_places(cells: Sequence[Cell], places: Sequence[tuple[int, int]]) -> list[Cell]:
    """Return the repeats of an arm that are of some wordings and replicates, in their order."""
    by_place = {place_of(cell.mode)[1:]: cell for cell in cells}
    return [by_place[place] for place in places]


def layout(cells: Sequence[Cell], places: Sequence[tuple[int, int]], mask: Array) -> Array:
    """Return which questions of a mask are right, by question, wording and replicate. places: the wording and replicate
    of each cell to be taken, as a full grid."""
    grid = np.array([cell.right[mask] for cell in in_places(cells, places)], dtype=float)
    wordings = len({wording for wording, _ in places})
    return np.moveaxis(grid.reshape(wordings, len(places) // wordings, -1), 2, 0)


def grid_of(*arms: Sequence[Cell]) -> list[tuple[int, int]]:
    """Return the wordings and replicates that all of some arms have, as many replicates of each wording: in order."""
    shared = set.intersection(*({place_of(cell.mode)[1:] for cell in cells} for cells in arms))
    wordings = sorted({wording for wording, _ in shared})
    common = sorted(set.intersection(*({r for w, r in shared if w == wording} for wording in wordings)))
    return [(wording, replicate) for wording in wordings for replicate in common]


def decided_in(cells: Sequence[Cell], places: Sequence[tuple[int, int]]) -> Array:
    """Return which questions have a verdict in all of some repeats."""
    return np.asarray(np.logical_and.reduce([cell.decided for cell in in_places(cells, places)]))


def noise_of(panel: Panel, sides: Mapping[str, Array]) -> list[Noise]:
    """Return the rows of a panel's arms that were repeated; an arm that measures another one is told of there.
    sides: questions by side of the tag."""
    return [
        _noise(panel, cells, places, tag, mask, default=number == 0)
        for cells in panel.repeats.values()
        if not cells[0].facts.measures
        for number, places in enumerate(_layouts(grid_of(cells)))
        for tag, mask in sides.items()
    ]


def _layouts(places: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return all repeats, and, of several wordings with replicates, those of the template as it is."""
    plain = [place for place in places if place[0] == 0]
    return [places, plain] if len(places) > len(plain) > 1 else [places]


def _noise(
    panel: Panel, cells: Sequence[Cell], places: list[tuple[int, int]], tag: str, mask: Array, *, default: bool
) -> Noise:
    wordings = len({wording for wording, _ in places})
    known = decided_in(cells, places) & mask
    values = layout(cells, places, known)
    about: dict[str, Any] = {
        "model": panel.model,
        "task": panel.task,
        "mode": cells[0].mode,
        "tag": tag,
        "kind": WORDING if wordings > 1 else SAMPLING if is_sampled(_entry(panel, cells[0])) else NUMERIC,
        "default": default,
        "replicates": len(places) // wordings,
        "wordings": wordings,
        "n": len(values),
    }
    if not len(values) or len(places) < 2:
        empty: dict[str, Any] = dict.fromkeys((*_PARTS, "flipped", "reliable_all", "reliable_90", "reliable_most"))
        return Noise(**about, accuracy=Interval(), disagree=Interval(), **empty)
    right, design = values.reshape(len(values), -1), panel.design(known)
    flipped, apart = flips(right)
    found = repeated_mean(values, design)
    every, nearly, most = (float(each.mean()) for each in reliable(right))
    return Noise(
        **about,
        accuracy=_accuracy(found, right, design),
        flipped=flipped,
        disagree=mean_share(apart, design),
        **{name: getattr(found.parts, part) for name, part in _PARTS.items()},
        reliable_all=every,
        reliable_90=nearly,
        reliable_most=most,
    )


def _entry(panel: Panel, cell: Cell) -> Mapping[str, Any]:
    """What the spec of its run says of an arm."""
    return dict(cell.run.manifest.spec_row["modes"].get(f"{panel.task}/{cell.mode}") or {})


_PARTS = {
    "between_questions": "questions",
    "between_wordings": "wordings",
    "question_by_wording": "question_by_wording",
    "within": "within",
}


def _accuracy(found: Repeated, right: Array, design: Design) -> Interval:
    """An accuracy over repeats; where all are alike, that of a single one."""
    if (right == right[:, :1]).all():
        return Interval.of(stats.proportion(right[:, 0] > 0, **design))
    return Interval(value=found.value, low=max(0.0, found.low), high=found.high, se=found.se)


def repeated_deltas(panel: Panel, deltas: Sequence[Delta], sides: Mapping[str, Array]) -> list[RepeatedDelta]:
    """Return a row for each difference of a panel whose arms were both repeated."""
    rows = []
    for delta in deltas:
        arms = [panel.repeats.get(name, ()) for name in (delta.mode, delta.baseline)]
        places = grid_of(*arms) if all(arms) else []
        if delta.tag in sides and len(places) > 1:
            rows.append(_repeated(panel, delta, arms[0], arms[1], places, sides[delta.tag]))
    return rows


def _repeated(
    panel: Panel, delta: Delta, cells: Sequence[Cell], bases: Sequence[Cell], places: list[tuple[int, int]], mask: Array
) -> RepeatedDelta:
    both = decided_in(cells, places) & decided_in(bases, places) & mask
    values, base = (layout(arm, places, both) for arm in (cells, bases))
    n, wordings = len(values), len({wording for wording, _ in places})
    about: dict[str, Any] = {
        **dict(zip(("model", "task", "mode", "baseline"), delta.key, strict=True)),
        "tag": delta.tag,
        "n": n,
        "replicates": len(places) // wordings,
        "wordings": wordings,
        "unit": panel.unit,
    }
    if not n:
        intervals = dict.fromkeys(("delta", "reliable_all", "reliable_90", "reliable_most"), Interval())
        unknown: dict[str, Any] = dict.fromkeys(
            one.name for one in fields(RepeatedDelta) if one.default is MISSING and one.name not in about
        )
        return RepeatedDelta(**{**unknown, **about, **intervals, "advice": ""})
    design = panel.design(both)
    change = values - base
    right, before = values.reshape(n, -1), base.reshape(n, -1)
    found = repeated_mean(change, design)
    interval, df = Interval(value=found.value, low=found.low, high=found.high, se=found.se, p=found.p), found.df
    alike = bool((change == change[:, :1, :1]).all())
    if alike and n == delta.n:  # no noise is seen: that of a single repeat
        interval, df = delta.delta, None if delta.p_clustered is None else found.df
    elif found.se == 0:  # that all are the same doesn't mean that they are known without error
        interval, df = Interval.of(stats.paired(np.rint(change.mean(axis=(1, 2))), **design)), None
    (flipped, apart), (flipped_base, apart_base) = flips(right), flips(before)
    steps = [
        Interval.of(stats.paired(own.astype(float) - other, **design))
        for own, other in zip(reliable(right), reliable(before), strict=True)
    ]
    errors = _errors(found, n, *change.shape[1:])
    of_variance: dict[str, Any] = {**_shares(found), **errors}
    return RepeatedDelta(
        **about,
        **of_variance,
        clusters=found.clusters,
        strata=found.strata,
        accuracy=float(values.mean()),
        baseline_accuracy=float(base.mean()),
        delta=interval,
        df=df,
        flipped=flipped,
        flipped_baseline=flipped_base,
        disagree=float(apart.mean()),
        disagree_baseline=float(apart_base.mean()),
        reliable_all=steps[0],
        reliable_90=steps[1],
        reliable_most=steps[2],
        advice=advice(found.se, errors) if delta.tag == ALL else "",
    )


def headline_of(deltas: Sequence[Delta], repeated: Sequence[RepeatedDelta]) -> list[Delta]:
    """Return the differences that headlines speak of: where arms were repeated those over all repeats, since which of
    them is the first is arbitrary. What else stands in such a row is of the first repeat."""
    over = {(*row.key, row.tag): row for row in repeated if row.n}

    def told(delta: Delta) -> Delta:
        row = None if delta.group else over.get((*delta.key, delta.tag))
        if row is None:
            return delta
        taken = (
            "n",
            "delta",
            "p_clustered",
            "p_holm",
            "p_bonferroni",
            "family",
            "clusters",
            "strata",
            "verdict",
            "why",
        )
        return replace(delta, bounds=Interval(), **{name: getattr(row, name) for name in taken})

    return [told(delta) for delta in deltas]


def in_words(replicates: int, wordings: int) -> str:
    """Say over which repeats a figure is."""
    said = [f"{wordings} wordings"] if wordings > 1 else []
    said += [f"{replicates} replicates"] if replicates > 1 else []
    return " x ".join(said)


def _shares(found: Repeated) -> dict[str, float | None]:
    """Return what share of a mean's variance comes from where."""
    names = ("share_questions", "share_wordings", "share_replicates")
    if not found.se or found.of_questions is None:
        return dict.fromkeys(names)
    whole = found.of_questions + found.of_wordings
    replicates = None if found.of_replicates is None else min(found.of_replicates, found.of_questions)
    of = (found.of_questions - (replicates or 0.0), found.of_wordings, replicates)
    return {name: None if part is None else part / whole for name, part in zip(names, of, strict=True)}


def _errors(found: Repeated, n: int, wordings: int, replicates: int) -> dict[str, float | None]:
    """Return the standard error with more replicates, more wordings, more questions."""
    names = ("se_replicates", "se_wordings", "se_questions")
    if not found.se or found.of_questions is None:
        return dict.fromkeys(names)
    own, words, noise = found.of_questions, found.of_wordings, found.of_replicates
    fewer = replicates / (replicates + MORE_REPLICATES)
    crossed = 0.0 if found.parts.question_by_wording is None else max(0.0, found.parts.question_by_wording)
    by_wording = min(own, crossed / (n * wordings) + (noise or 0.0))  # what is over the number of wordings, too
    less = wordings / (wordings + MORE_WORDINGS)
    variances = (
        None if noise is None else own - min(noise, own) * (1 - fewer) + words,
        None if wordings < 2 else own - by_wording * (1 - less) + words * less,
        own * n / (n + MORE_QUESTIONS) + words,
    )
    return {name: None if v is None else math.sqrt(v) for name, v in zip(names, variances, strict=True)}


def advice(se: float | None, errors: Mapping[str, float | None]) -> str:
    """Say in a sentence what more replicates, wordings and questions would take off a standard error."""
    more = {
        "se_replicates": f"{MORE_REPLICATES} more replicates",
        "se_wordings": f"{MORE_WORDINGS} more wordings",
        "se_questions": f"{MORE_QUESTIONS} more questions",
    }
    known = [(what, error) for name, what in more.items() if (error := errors[name]) is not None]
    if not se or not known:
        return ""
    off = [f"{what} take {100 * (se - error):.1f}" for what, error in known]
    first, *others = off
    rest = "".join(f", {one.replace(' take ', ' ')}" for one in others)
    return f"{first} points off the standard error of {100 * se:.1f}{rest}."
