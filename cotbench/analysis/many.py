"""Tests that belong together: p corrected for how many there are, and their families in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from cotbench.analysis import stats


class Tested(Protocol):
    """A row with a test, and with fields for its correction: p_holm, p_bonferroni and family."""

    @property
    def uncorrected_p(self) -> float | None: ...


Row = TypeVar("Row", bound=Tested)


def by_family(rows: Sequence[Row], family: Callable[[Row], Any]) -> tuple[list[Row], dict[Any, int]]:
    """Return the rows with p corrected for how many tests their family holds, and the families' sizes.

    family: the family of a row, None for rows that are in none.
    """
    members: dict[Any, dict[int, float]] = {}  # places of rows, with their p
    for place, row in enumerate(rows):
        if row.uncorrected_p is not None and family(row) is not None:
            members.setdefault(family(row), {})[place] = row.uncorrected_p
    out = list(rows)
    for tests in members.values():
        p = list(tests.values())
        for place, by_holm, by_bonferroni in zip(tests, stats.holm(p), stats.bonferroni(p), strict=True):
            out[place] = replace(rows[place], p_holm=by_holm, p_bonferroni=by_bonferroni, family=len(p))  # type: ignore[type-var]
    return out, {name: len(tests) for name, tests in members.items()}


def in_words(sizes: Mapping[tuple[str, str], int], kinds: Mapping[str, str]) -> dict[str, str]:
    """Return what p of each kind is corrected over. sizes: of families, by kind and baseline. kinds: in words, with a
    place for the baseline."""
    by_kind: dict[str, dict[str, int]] = {}
    for (kind, baseline), size in sizes.items():
        by_kind.setdefault(kind, {})[baseline] = size
    told = {}
    for kind, each in by_kind.items():
        if len(each) == 1:
            told[kind] = "".join(f"the {size} {kinds[kind].format(baseline)}" for baseline, size in each.items())
        else:
            counted = ", ".join(f"{size} with {baseline}" for baseline, size in each.items())
            told[kind] = f"the {kinds[kind].format('the same baseline')} ({counted})"
    return told
