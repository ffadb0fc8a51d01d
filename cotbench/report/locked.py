"""What was fixed before the first token of a run, and what was looked at after, in words."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, SYMBOLIC
from cotbench.analysis.locked import SPLIT, Locked, in_points
from cotbench.report import words


def sentences(lock: Locked, comparison: Comparison) -> list[str]:
    """Return two sentences: what was fixed, with what came of it; and what else the report looks at."""
    where = f" ({lock.run})" if len(comparison.runs) > 1 else ""
    side = words.of_questions(comparison, lock.tag, lock.rule)
    tag = f", the questions {side}" if lock.tag != ALL else ""
    contrast = f"{lock.mode} against {lock.baseline} on {lock.task}{tag}"
    if lock.figure == SPLIT:
        contrast = f"{words.side_label(comparison, SYMBOLIC, lock.rule)} against other questions, of {contrast}"
    fixed = f"{contrast}; a margin of {in_points(lock.margin)}; the tag rule {lock.rule}, version {lock.version}"
    said = [
        f"Fixed before the first token{where} at {lock.at} (hash {lock.hash}): {fixed}. {_result(lock, comparison)}"
    ]
    if not lock.intact:
        said.append(f"What {lock.run} says was fixed has been changed since: its hash doesn't fit.")
    if lock.after:
        said.append(f"Looked at after, and fixed by nobody beforehand{where}: {'; '.join(lock.after)}.")
    return said


def _result(lock: Locked, comparison: Comparison) -> str:
    found = lock.difference
    if found.value is None:
        return "This report has no estimate of it."
    p = f", p {words.p_value(found.p)}, not corrected" if found.p is not None else ""
    size = f"{words.points(found.value)} points ({words.ends(found, signed=True)}; n = {lock.n:,}{p})"
    cautions = [one for one in comparison.cautions if one.key == lock.key]
    kinds = " and ".join(dict.fromkeys(one.kind for one in cautions))
    but = f", but a difference of {kinds} more than of reasoning" if cautions else ""
    doubt = next((one.text for one in comparison.doubts if one.key == lock.key), "")
    but += f", but {doubt}" if doubt and lock.figure == "delta" and (found.low or 0.0) > 0 else ""
    return f"There it is {size}: {_against_margin(lock)}{but}."


def _against_margin(lock: Locked) -> str:
    low, high, margin = lock.difference.low, lock.difference.high, lock.margin
    if low is None or high is None:
        return "without an interval, so nothing is shown"
    if low > margin:
        return "more than the margin"
    if high < -margin:
        return "a loss of more than the margin"
    if -margin < low and high < margin:
        return "within the margin either way"
    if low > 0:
        return "above 0, but not shown to be more than the margin"
    if high < 0:
        return "below 0, but not shown to be a loss of more than the margin"
    if low > -margin:
        return "not shown to differ from 0, and not worse by more than the margin"
    if high < margin:
        return "not shown to differ from 0, and not better by more than the margin"
    return "not shown to differ from 0, nor to lie within the margin"
