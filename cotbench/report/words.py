"""Estimates in words and figures: the one place for signs, digits and dashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, Interval
from cotbench.analysis.lint import Unsaid
from cotbench.analysis.policies import ORACLE, Policy
from cotbench.analysis.weighted import WeightedPolicy
from cotbench.types import Completion

STUB_WARNING = "STUB, NOT A MODEL: these numbers come from the stub engine and mean nothing."
DASH = "–"
NOT_RECORDED = "not recorded"  # in a log; never a 0


def percent(value: float | None, digits: int = 1) -> str:
    """Show a share without its sign: 66.0."""
    # Adding 0.0 makes a rounded -0.0 plain.
    return DASH if value is None else f"{round(100 * value, digits) + 0.0:.{digits}f}"


def points(value: float | None) -> str:
    """Show a difference in percentage points, with its sign: +8.1, −0.4."""
    if value is None:
        return DASH
    return f"{100 * value:+.1f}".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def interval(low: float | None, high: float | None, *, signed: bool = False, digits: int = 1) -> str:
    """Show the ends of an interval, in percent or, signed, in points."""
    if low is None or high is None:
        return DASH
    if signed:
        return f"{points(low)} to {points(high)}"
    return f"{percent(low, digits)} to {percent(high, digits)}".replace("-", "−")


def ends(estimate: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """Show the ends of an estimate's interval, as `interval` does."""
    return interval(estimate.low, estimate.high, signed=signed, digits=digits)


def difference(estimate: Interval, unknown: str = DASH) -> str:
    """Show a difference in points with its interval: +8.1 (+5.0 to +11.2)."""
    return unknown if estimate.value is None else f"{points(estimate.value)} ({ends(estimate, signed=True)})"


def numbers(what: str, given: Sequence[int]) -> str:
    """Show numbers of things, in order, those that follow each other by their ends: shards 1 to 3, 7."""
    spans: list[list[int]] = []
    for number in given:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    said = ", ".join(f"{span[0]} to {span[-1]}" if len(span) > 2 else ", ".join(map(str, span)) for span in spans)
    return f"{what}{'s' * (len(given) != 1)} {said}"


def p_value(value: float | None) -> str:
    """Show a p-value: 0.0312, or <0.0001."""
    if value is None:
        return DASH
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def tokens(value: float | None) -> str:
    """Show a mean number of tokens: 8.3, 1,204."""
    return DASH if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def tokens_of(value: float | None, n: int) -> str:
    """Show a mean number of tokens over n questions, or that it isn't on record."""
    return tokens(value) if value is not None or not n else NOT_RECORDED


def times(value: float | None) -> str:
    """Show how many times as much something is: 3.4x, 12x."""
    return DASH if value is None else f"{value:.0f}x" if value >= 9.95 else f"{value:.1f}x"


def worth(value: float | None) -> str:
    """Show what a node of a tree was found to be worth, to three decimals: 20, 1.001; "" where nobody said."""
    if value is None:
        return ""
    if not 0.001 <= abs(value) < 100_000:
        return f"{value:.2g}" if value else "0"
    return f"{round(value, 3):.8g}"


def figures_of(path: Completion) -> str:
    """Say what a reward model gave a path, and how sure the model was while it wrote it, where that is known."""
    sure = path.confidence
    score = f"score {worth(path.score)}" if path.score is not None else ""
    told = f"confidence {worth(sure.mean)}, lowest {worth(sure.lowest)}" if sure is not None else ""
    return ", ".join(filter(None, (score, told)))


def candidate(outcome: str | None) -> str:
    """Say what the verdict on a candidate for the answer is; None is one in which no answer was read."""
    return {None: "no answer", "correct": "right"}.get(outcome, str(outcome).replace("_", " "))


def count(value: int | None) -> str:
    """Show a whole number: 14,042."""
    return DASH if value is None else f"{value:,}"


def least_to_most(counts: Iterable[int]) -> str:
    """Show whole numbers by the least and the most of them: 300, or 298 to 300."""
    least, *_, most = sorted([*counts] * 2)
    return count(most) if least == most else f"{count(least)} to {count(most)}"


def policy(row: Policy | WeightedPolicy) -> str:
    """Name a policy: with the rule that it chooses by, and of an oracle that luck is in it, or how much it would be."""
    if row.policy == ORACLE:
        return "oracle (a bound, with luck)"
    known = row.with_luck if isinstance(row, Policy) else None
    with_luck = "" if known is None else f" (with luck {percent(known)})"
    return row.policy + (f" ({row.rule})" if row.rule else "") + with_luck


def short_model(model: str) -> str:
    """Return a model's name without the organization or folder before it."""
    return model.rstrip("/").rsplit("/", 1)[-1]


def side_label(comparison: Comparison, tag: str, rule: str | None = None) -> str:
    """Return what the questions of a tag are called: by what the rule looks at. rule: the main one by default."""
    if tag == ALL:
        return "all questions"
    wanted = comparison.tag_rule if rule is None else rule
    known = next((info for info in comparison.rules if info.name == wanted), None)
    if known is None:
        return tag
    return known.symbolic if tag == SYMBOLIC else known.other


def of_questions(comparison: Comparison, tag: str, rule: str | None = None) -> str:
    """Return what says of questions that they are on a side of a tag: `with "="`, `that are symbolic`."""
    label = side_label(comparison, tag, rule)
    if label.startswith("with"):
        return label
    return f"that are {label}" if label in (SYMBOLIC, OTHER) else f"tagged {label}"


# --- sentences ----------------------------------------------------------------------------------------------------


ARMS_ALIKE = "Arms: as far as is known before a model is loaded, they differ only in what their names say."


def unsaid_lines(found: Iterable[Unsaid]) -> list[str]:
    """Return what the lint of the arms found before a run, a line each."""
    return [f"{', '.join(one.tasks)}: {one.text}." for one in found]


def main_mode(comparison: Comparison, deltas: Iterable[Delta]) -> str | None:
    """Return the mode that long tables and plots of a single mode are about: chain of thought, or else the first."""
    modes = [delta.mode for delta in deltas]
    return next((mode for mode in modes if comparison.facts_of(mode).main), modes[0] if modes else None)


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words: a, b and c."""
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])
