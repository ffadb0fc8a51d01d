"""All plots of a report: which there are, what they are called, and their files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.analysis.compare import Comparison
from cotbench.modes import main_of
from cotbench.report.plots import accuracy, cost, deltas, groups, outcomes, shares, style, votes
from cotbench.store.files import write_new

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawn", "draw", "main_pair", "remove_others"]

DPI = 150
MARK = "cotbench report"  # in every file that we write: only such are ever removed
# Text stays text, so a browser may lack the font that we measure with: the others are no wider than it.
_FONT, _FONTS = b"font-family: 'DejaVu Sans'", b"font-family: 'DejaVu Sans', Verdana, Arial, sans-serif"
_HEAD = 4096  # bytes of a file in which the mark stands


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A plot that was written. stem: its file name without suffix. section: the key of the table it belongs to. alt: for who doesn't see it."""

    stem: str
    title: str
    alt: str
    section: str


def main_pair(comparison: Comparison) -> tuple[str, str] | None:
    """The mode that plots of a single one show, with its baseline: CoT where it was compared. None without a comparison."""
    rows = comparison.deltas
    baseline = next((name for name in comparison.baselines if any(row.baseline == name for row in rows)), None)
    if baseline is None:
        return None
    mode = main_of(row.mode for row in rows if row.baseline == baseline)
    return None if mode is None else (mode, baseline)


def draw(comparison: Comparison, folder: Path) -> list[Drawn]:
    """Write a PNG and an SVG for each plot that has something to show; files of earlier plots that no longer apply go."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with style.settings():
        for one, figure in _plots(comparison):
            for suffix, content in _files(figure(), one.title).items():
                write_new(folder / f"{one.stem}.{suffix}", content)
            drawn.append(one)
    remove_others(folder, {one.stem for one in drawn})
    return drawn


def remove_others(folder: Path, stems: Collection[str]) -> None:
    """Remove plots of an earlier report, but for these: only files that we wrote."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".svg") and path.stem not in stems and _ours(path):
            path.unlink()


def _ours(path: Path) -> bool:
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return MARK.encode() in file.read(_HEAD)


def _files(figure: Figure, title: str) -> dict[str, bytes]:
    """The same figure gives the same bytes: no dates, and fixed names inside."""
    out = {}
    for suffix, metadata in (
        ("png", {"Software": MARK}),
        ("svg", {"Date": None, "Creator": MARK, "Title": title}),
    ):
        buffer = BytesIO()
        options: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if suffix == "png" else {}
        figure.savefig(buffer, format=suffix, dpi=DPI, metadata=metadata, **options)
        out[suffix] = buffer.getvalue()
    out["svg"] = out["svg"].replace(_FONT, _FONTS)
    return out


def _plots(comparison: Comparison) -> Iterator[tuple[Drawn, Callable[[], Figure]]]:
    """All that have something to show, in the order of a report, each with what makes its figure."""
    look = style.look_of(comparison)
    pair = main_pair(comparison)
    stems = _Stems()

    def one(stem: str, title: str, alt: str, section: str) -> Drawn:
        warned = f"{style.STUB_TITLE}. " if comparison.stub else ""
        return Drawn(stem=stems.free(stem), title=style.clean(title), alt=style.plain(warned + alt), section=section)

    for baseline in comparison.baselines:
        rows = deltas.delta_rows(comparison, baseline)
        if rows and pair:
            first = baseline == pair[1]
            yield (
                one(
                    "deltas" if first else f"deltas-vs-{_slug(baseline)}",
                    deltas.deltas_title(look, baseline, [row.mode for row in rows]),
                    deltas.deltas_alt(comparison, look, baseline),
                    "deltas",
                ),
                partial(deltas.deltas_figure, comparison, look, baseline),
            )
    if accuracy.accuracy_rows(comparison):
        yield (
            one("accuracy", accuracy.accuracy_title(look), accuracy.accuracy_alt(comparison, look), "accuracy"),
            partial(accuracy.accuracy_figure, comparison, look),
        )
    if pair and (splits := shares.share_rows(comparison, pair[1])):
        yield (
            one(
                "share",
                shares.share_title(look, pair[1], splits),
                shares.share_alt(comparison, look, pair[1]),
                "splits",
            ),
            partial(shares.share_figure, comparison, look, pair[1]),
        )
    for found in groups.groups_of(comparison, *pair) if pair else ():
        stem = f"groups-{_slug(found.task)}" + (f"-{_slug(look.models[found.model])}" if look.several else "")
        yield (
            one(stem, groups.groups_title(look, found), groups.groups_alt(found, look), "groups"),
            partial(groups.groups_figure, found, look),
        )
    if cost.cost_rows(comparison):
        mode, baseline = pair or ("", "")
        yield (
            one("cost", cost.cost_title(look), cost.cost_alt(comparison, look), "tokens"),
            partial(cost.cost_figure, comparison, look, mode, baseline),
        )
    if votes.vote_rows(comparison):
        yield (
            one("votes", votes.votes_title(look), votes.votes_alt(comparison, look), "votes"),
            partial(votes.votes_figure, comparison, look),
        )
    if outcomes.outcome_rows(comparison):
        yield (
            one("outcomes", outcomes.outcomes_title(look), outcomes.outcomes_alt(comparison, look), "outcomes"),
            partial(outcomes.outcomes_figure, comparison, look),
        )


def _slug(name: str) -> str:
    """A name as a part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "unnamed"


class _Stems:
    """File names that differ, where slugs do not."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, stem: str) -> str:
        name, at = stem, 1
        while name in self._taken:
            at += 1
            name = f"{stem}-{at}"
        self._taken.add(name)
        return name
