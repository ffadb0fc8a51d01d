"""The tables of a report that say whether arms are what their names say, and where their answers were read."""

from __future__ import annotations

from cotbench.analysis.audit import CHECKS, Audit, Complied, Reading, ReadingError
from cotbench.analysis.calibration import BINS, Calibration
from cotbench.analysis.compare import Comparison
from cotbench.report.columns import MODE, PAIR, Column, N, Table
from cotbench.report.words import DASH, NOT_RECORDED, count, interval, percent, points


def _part(part: int | None, whole: int) -> str:
    """Show a count with its share: 12 (3%); a dash where it doesn't apply."""
    if part is None or not whole:
        return DASH
    return count(part) if part == 0 else f"{part:,} ({100 * part / whole:.{1 if 20 * part < whole else 0}f}%)"


def audit(comparison: Comparison) -> Table[Audit]:
    """How far each arm could be read."""
    return Table(
        title="Audit of the arms: how far they could be read",
        rows=comparison.audits,
        names=MODE,
        figures=[
            N,
            ("unread", lambda r: _part(r.unread, r.n)),
            ("cut", lambda r: NOT_RECORDED if r.cut is None and r.n else _part(r.cut, r.n)),
            ("continued", lambda r: _part(r.continued, r.n)),
            ("read so", lambda r: _part(r.by_courtesy, r.n)),
            ("right %", lambda r: percent(r.accuracy)),
            ("without %", lambda r: percent(r.accuracy_without)),
        ],
        about="Counts of questions, with their share. continued: replies without an answer line, which"
        " the model was made to go on with by the line's words, whatever the arm; read so: those of which"
        " nothing could be read otherwise. right: accuracy; without: had no reply been gone on with.",
    )


def conduct(comparison: Comparison) -> Table[Audit]:
    """What the replies of each arm are."""
    return Table(
        title="Audit of the arms: what their replies are",
        rows=[row for row in comparison.audits if row.looked],
        names=MODE,
        figures=[
            ("leaked", lambda r: _part(r.leaked, r.looked)),
            ("no thought", lambda r: _part(r.empty, r.looked)),
            ("unasked", lambda r: _part(r.unasked, r.looked)),
            ("answer first", lambda r: _part(r.answer_first, r.looked)),
            ("answer alone", lambda r: _part(r.unreasoned, r.looked)),
            ("complied", lambda r: _part(r.complied, r.looked)),
        ],
        about="leaked: replies with a thought in an arm that is told not to think. no thought: none, or an empty one, "
        "in an arm that thinks. unasked: where no reasoning is asked for, 20 tokens or more before the answer, or "
        "thinking aloud there (let me, wait). answer first (text after), answer alone: where reasoning is asked for. "
        f"{DASH}: doesn't apply. complied: read, uncut, and none of these (an arm that leaves it open may reason).",
    )


def readings(comparison: Comparison) -> Table[Reading]:
    """Where the answers of each arm were read, and by which rule."""
    rule: Column[Reading] = ("rule", lambda r: (r.rule or DASH) + (" (vague)" if r.vague else ""))
    return Table(
        title="Where answers were read, arm by arm",
        rows=comparison.readings,
        names=[*MODE, ("in", lambda r: r.place), rule],
        figures=[N, ("share %", lambda r: percent(r.share))],
        about="in: the reply, what it was continued with, its thought, the options' probabilities, or a "
        "program's value. share: of the answers read. Errors of reading count where two arms differ in "
        "them: half a point of asymmetry is told in a note.",
        brief=False,
    )


def misreading(comparison: Comparison) -> Table[ReadingError]:
    """How far misreading may differ between two arms."""
    return Table(
        title="How far misreading may differ between arms",
        rows=comparison.reading_errors,
        names=PAIR,
        figures=[
            N,
            ("vague %", lambda r: percent(r.vague)),
            ("baseline's %", lambda r: percent(r.vague_baseline)),
            ("checked", lambda r: count(r.checked)),
            ("corrected", lambda r: count(r.corrected)),
            ("errors %", lambda r: DASH if r.checked < CHECKS else percent(r.rate)),
            ("at most, points", lambda r: percent(r.asymmetry)),
        ],
        about="vague: answers that were read by a vague rule (the last number, say), which may be another than the "
        "model's. checked: such readings behind which the model was made to write its answer line, in both arms; "
        f"corrected: by another answer there. errors: the share of these, from {CHECKS} checked on. at most: what "
        "misreading may make of a difference between the arms; all vague readings where their errors aren't known.",
        brief=False,
    )


def complied(comparison: Comparison) -> Table[Complied]:
    """Pairs in which both arms did what they are meant to."""
    return Table(
        title="Pairs in which both arms complied, in points",
        rows=comparison.complied,
        names=PAIR,
        figures=[
            N,
            ("complied in both", lambda r: _part(r.complied, r.n)),
            ("delta, all pairs", lambda r: points(r.delta)),
            ("delta, complied", lambda r: points(r.delta_complied)),
        ],
        about="Such pairs are chosen by what happened, which the arms themselves bring about: so there is no "
        "interval and no test, and the headline is over all pairs.",
        brief=False,
    )


def calibration(comparison: Comparison) -> Table[Calibration]:
    """How good the options' probabilities are."""
    return Table(
        title="Probabilities of the options",
        rows=comparison.calibrations,
        names=MODE,
        figures=[
            N,
            ("Brier", lambda r: _plain(r.brier.value)),
            ("95% interval", lambda r: _ends(r)),
            ("guessing", lambda r: _plain(r.brier_guessing)),
            ("ECE %", lambda r: percent(r.ece)),
            ("sure %", lambda r: percent(r.confidence)),
            ("right %", lambda r: percent(r.accuracy)),
            ("on letters %", lambda r: percent(r.mass)),
        ],
        about="Brier: the squared distance of the probabilities from 1 for the right option and 0 for the "
        "others, summed (0 is best, 2 worst); guessing: that of equal probabilities. ECE: how far "
        f"sureness and accuracy lie apart over {BINS} bins of equal width; too high where questions are "
        "few. sure: of the likeliest option. on letters: what the letters have of the probability of all "
        "tokens.",
    )


def _plain(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}"


def _ends(row: Calibration) -> str:
    low, high = row.brier.low, row.brier.high
    return interval(low, high) if low is None or high is None else f"{low:.3f} to {high:.3f}"
