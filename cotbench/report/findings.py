"""What a report found, in sentences: one text for each model and pair of arms, over all tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cotbench.analysis import verdicts
from cotbench.analysis.compare import MOST, Caution, Comparison
from cotbench.analysis.curve import BUDGET, LEAST
from cotbench.analysis.estimates import ALL, SYMBOLIC, Delta, Split
from cotbench.modes import BASELINE
from cotbench.modes.arms import base_of
from cotbench.report import words
from cotbench.report.chance import new_subjects
from cotbench.report.repeats import over
from cotbench.report.words import difference, ends, listed, p_value, points, short_model, times

# The last two: why it isn't said to help, "" where it may be; over which repeats it is, "" where over one.
Row = tuple[Delta, Split | None, Sequence[Caution], str, str]
Pair = tuple[str, str, str]  # model, mode and baseline


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is said of an arm against its baseline. main: of the arm that long tables are about, against direct.

    brief: the text where a table with the figures stands beside it; of a single task the same."""

    model: str
    mode: str
    baseline: str
    main: bool
    text: str
    brief: str


def findings(comparison: Comparison) -> list[Finding]:
    """Return the answer: a text for each model and pair of arms.

    A difference that comes from budgets, refusals or reading isn't called help or hurt; where there is none, what was
    cut, refused or not read is told by itself. Limits of a thought on a curve have one sentence, the curve's, and
    placebos that of the thought in whose place they are.
    """
    on_curve = {(p.model, p.mode) for p in comparison.points if p.setting in (BUDGET, LEAST) and p.value is not None}
    on_curve -= {(caution.model, caution.mode) for caution in comparison.cautions if caution.baseline}
    on_curve |= {(row.model, row.mode) for row in comparison.placebos}
    splits = {split.key: split for split in comparison.splits if split.default}
    pairs: dict[Pair, list[Row]] = {}
    for delta in comparison.headline:
        if delta.tag == ALL and (delta.model, delta.mode) not in on_curve:
            cautions = [caution for caution in comparison.cautions if caution.key == delta.key]
            doubt = next((one.text for one in comparison.doubts if one.key == delta.key), "")
            repeats = over(comparison, delta.key)
            split = None if repeats else splits.get(delta.key)  # that is of the first repeat
            row = delta, split, cautions, doubt if delta.verdict == verdicts.HIGHER else "", repeats
            pairs.setdefault((delta.model, delta.mode, delta.baseline), []).append(row)
    out = []
    for pair, rows in pairs.items():
        names, main = introduced(comparison, pairs, pair)
        text = _text(names, rows, words.of_questions(comparison, SYMBOLIC))
        brief = text if len(rows) == 1 else _brief(names, rows)
        model, mode, baseline = pair
        out.append(Finding(model=model, mode=mode, baseline=baseline, main=main, text=text, brief=brief))
    return out


def introduced(comparison: Comparison, pairs: Collection[Pair], pair: Pair) -> tuple[dict[str, str], bool]:
    """Return what openings call a pair of arms, and whether it is the main arm against direct. pairs: all there are; a
    model is named where there are several."""
    model, mode, baseline = pair
    labels = [comparison.facts_of(name).label or name for name in (mode, baseline)]
    plain = next((b for m, _, b in pairs if m == model and base_of(b) == BASELINE), None)
    plainly = baseline == plain and base_of(mode) != BASELINE  # of two kinds of direct, either might be meant
    who = labels[0] if plainly else f"{labels[0]} (against {labels[1]})"
    name = short_model(model) if len({m for m, _, _ in pairs}) > 1 else ""
    names = {"who": who, "baseline": labels[1], "model": name and f" {name}", "for": name and f" for {name}"}
    main = mode == words.main_mode(comparison, [d for d in comparison.deltas if d.model == model])
    return names, main and baseline == plain


def alone(comparison: Comparison) -> list[str]:
    """Return what belongs beside the answer and is of one arm by itself: what was cut, leaked, or left empty."""
    found = [caution for caution in comparison.cautions if not caution.baseline]
    told = [c.text if c.kind == "stuck" else f"{short_model(c.model)} on {c.task}: {c.text}" for c in found]
    return [f"{text.removesuffix('.')}." for text in dict.fromkeys(told)]


NAMED = 8  # tasks that a sentence without figures names

_OPENINGS = {
    verdicts.HELPS: "{who} helps{model} ",
    verdicts.HURTS: "{who} hurts{model} ",
    verdicts.HIGHER: "{who} scores higher than {baseline}{for} ",
    verdicts.LOWER: "{who} scores lower than {baseline}{for} ",
    verdicts.INCONCLUSIVE: "What {who} changes{for} is inconclusive ",
    verdicts.NO_EFFECT: "{who} has no clear effect{for} ",
    verdicts.NOT_ESTIMABLE: "What {who} changes{for} can't be estimated ",
}


def _text(names: Mapping[str, str], rows: Sequence[Row], side: str) -> str:
    """Return the sentences of a model and a pair of arms, tasks with the same verdict in one. side: of the tag."""
    said = []
    for verdict, opening in _OPENINGS.items():
        clauses = [
            f"on {delta.task}{_size(delta, repeats)}{_share(split if not cautions else None, delta, side)}"
            f"{_caution(delta, cautions)}{', but ' if doubt and not cautions else '; and ' if doubt else ''}{doubt}"
            for delta, split, cautions, doubt, repeats in rows
            if delta.verdict == verdict
        ]
        if clauses:
            said.append(opening.format_map(names) + "; ".join(clauses) + ".")
    return " ".join([*said, *_tokens(names, rows)])


def _brief(names: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Return the same without figures: on which tasks it is so, and why where that isn't plain."""
    said = []
    for verdict, opening in _OPENINGS.items():
        reasons: dict[str, list[str]] = {}
        for delta, _, cautions, *_others in rows:
            if delta.verdict == verdict:
                doubts = [] if verdict in (verdicts.HIGHER, verdicts.LOWER) else [caution.text for caution in cautions]
                reasons.setdefault("; ".join([*([delta.why] if delta.why else []), *doubts]), []).append(delta.task)
        if reasons:
            parts = [f"on {_named(tasks, len(rows))}{f' ({why})' if why else ''}" for why, tasks in reasons.items()]
            said.append(opening.format_map(names) + "; ".join(parts) + ".")
    return " ".join([*said, *_tokens(names, rows)])


def _named(tasks: Sequence[str], of: int) -> str:
    """Name tasks, or say how many of all there are where their names would be a paragraph."""
    return listed(tasks) if len(tasks) <= NAMED else f"{len(tasks)} of the {of} tasks"


def _tokens(names: Mapping[str, str], rows: Sequence[Row]) -> list[str]:
    ratios = [delta.token_ratio for delta, *_ in rows if delta.token_ratio]
    return [f"{names['who']} takes {_range(ratios)} the tokens."] if ratios else []


def _range(ratios: Sequence[float]) -> str:
    low, high = times(min(ratios)), times(max(ratios))
    return low if low == high else f"{low.removesuffix('x')} to {high}"


def _size(delta: Delta, repeats: str) -> str:
    value = delta.delta.value
    if value is None:
        return f" ({delta.why})"
    inside = f"{ends(delta.delta, signed=True)}; n = {delta.n:,}{new_subjects(delta)}{_bounds(delta)}"
    inside += f", {repeats}" if repeats else ""
    if delta.verdict in verdicts.CLEAR:
        return f" by {abs(100 * value):.1f} points ({inside})"
    if delta.verdict == verdicts.INCONCLUSIVE:
        p = f"p {p_value(delta.uncorrected_p)}"
        if delta.family and delta.family > 1:
            p += f", corrected {p_value(delta.p_holm)}"
        return f" ({delta.why}): {points(value)} points ({inside}; {p})"
    return f": {points(value)} points ({inside})"


def _bounds(delta: Delta) -> str:
    """Say between which ends a difference lies however unread answers are counted, where there are any."""
    if delta.bounds.low == delta.bounds.high:
        return ""
    none = ", so it may be none" if delta.verdict in verdicts.CLEAR and _may_be_none(delta) else ""
    return f"; over all readings {ends(delta.bounds, signed=True)}{none}"


def _may_be_none(delta: Delta) -> bool:
    """Whether there may be no difference, over all ways in which unread answers may be right or wrong."""
    low, high = delta.bounds.low, delta.bounds.high
    return low is not None and high is not None and low <= 0 <= high


def _share(split: Split | None, delta: Delta, side: str) -> str:
    """Say what share of a clear difference falls on the symbolic side, and how much of the questions that side is."""
    if split is None or split.share.value is None or split.share.low is None or delta.verdict not in verdicts.CLEAR:
        return ""
    part = 100 * split.n_symbolic / (split.n_symbolic + split.n_other)
    share = f"{100 * split.share.value:.0f}% ({ends(split.share, digits=0)})"
    return f", of which {share} on the {part:.1f}% of questions {side}"


def _caution(delta: Delta, cautions: Sequence[Caution]) -> str:
    if not cautions:
        return ""
    kinds = " and ".join(dict.fromkeys(caution.kind for caution in cautions))
    texts = " and ".join(caution.text for caution in cautions)
    read = f"on the {delta.read_n:,} read under both the difference is {difference(delta.read)}"
    told = f"{texts}; {read if delta.read_n else 'none was read under both'}"
    if delta.verdict not in (verdicts.HIGHER, verdicts.LOWER):  # there is no difference to speak of
        return f", but {told}"
    if any(caution.share >= MOST for caution in cautions) and _may_be_none(delta):
        # Half of an arm in doubt is 50 points of accuracy in doubt, and here no difference is left of them.
        kinds = kinds if kinds == "reading" else f"{kinds}, and so of reading"
        return f", but this is a difference of {kinds}, not of reasoning: {told}"
    return f", but this is a difference of {kinds} more than of reasoning: {told}"


def texts(found: Iterable[Finding]) -> list[str]:
    """Return the texts of some findings, those about the main arm first."""
    return [one.text for one in sorted(found, key=lambda one: not one.main)]
