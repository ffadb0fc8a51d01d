"""Times of day: half past three is 3:30, and 3:30 p.m. is 15:30."""

from __future__ import annotations

import re

from cotbench.answers.judging.cleaning import clean_latex


def half_of_day(unit: str) -> str:
    match = re.fullmatch(r"([ap])\.?\s?m\.?", unit.strip().lower())
    return match[1] if match else ""


_TIME = re.compile(r"(?:at\s)?(\d{1,2})(?::(\d\d))?(?::00)?\s*(?:([ap])\.?\s?m\b\.?)?", re.I)


def time_of(text: str) -> tuple[int, int, str] | None:
    """A time of day, which must have minutes or a.m./p.m.: hour, minute, and "a", "p" or "" where it isn't said."""
    match = _TIME.fullmatch(
        re.sub(r"\\text\s*\{([^{}]*)\}|[~\\,{}$]", lambda m: m[1] or " ", clean_latex(text)).strip()
    )
    if match is None or not (match[2] or match[3]):
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    return (hour, minute, half) if hour < 24 and minute < 60 else None


def same_time(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Where only one says which half of the day it means, the other may be of 24 hours or of 12."""
    if not one[2] and not other[2]:
        return one == other
    halves = {half or ("p" if hour >= 12 else "a" if hour == 0 else "") for hour, _, half in (one, other)} - {""}
    return len(halves) == 1 and (one[0] % 12, one[1]) == (other[0] % 12, other[1])
