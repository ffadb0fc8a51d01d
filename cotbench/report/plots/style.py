"""How plots look: colours and marks of modes and models, text that is safe to draw, and pages laid out in inches.

Each plot is drawn in two layouts: one for a desk, a paper or a slide, and a narrow one for a telephone, whose text can
be read there. What depends on the layout asks `layout()` while a figure is made.

Margins come from the measured widths of labels: a layout engine takes seconds on many axes, and moves them.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Patch
from matplotlib.text import Text

from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.plots.colours import on_white

EDGE = 0.12  # inches, around each page
SMALL, NORMAL, HEAD = 7.5, 8.5, 10.5  # points
INK, GREY, FAINT, RULE = "#1b1f24", "#59636e", "#868e97", "#dfe3e8"
WARNING = "#8b0000"
STUB_TITLE = "STUB, NOT A MODEL: these numbers mean nothing"
BOLD = 1.13  # how much wider bold text is than what is measured
BETWEEN = " · "  # task and model

Pair = tuple[str, str]  # a mode and its baseline


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A width, in inches, and what depends on it. labels: at most for names at the left; names: their points."""

    width: float
    labels: float
    names: float
    narrow: bool = False


WIDE = Layout(width=9.4, labels=2.3, names=NORMAL)
NARROW = Layout(width=3.9, labels=1.45, names=SMALL, narrow=True)  # 340 px show its smallest text in 9 px
_LAYOUT = ContextVar("layout", default=WIDE)
WIDTH, LABELS = WIDE.width, WIDE.labels


def layout() -> Layout:
    """Return the layout in which figures are made just now."""
    return _LAYOUT.get()


@contextmanager
def laid_out(wanted: Layout) -> Iterator[None]:
    """Make figures in a layout."""
    token = _LAYOUT.set(wanted)
    try:
        yield
    finally:
        _LAYOUT.reset(token)


@dataclass(frozen=True)
class Look:
    """A mode's colour and mark in all plots."""

    colour: str
    mark: str


# For modes without a look of their own. The marks differ too, for print.
_SPARE_COLOURS = ("#8C6D00", "#5B2A86", "#7A2E00", "#00506B", "#4D4D4D", "#9A1750", "#3D7A00")
_SPARE = tuple(map(Look, _SPARE_COLOURS, "h<>Hd*8"))
_MODEL_MARKS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">")


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What stays the same over all plots of a report. models: names as shown, by the name in the records."""

    modes: Mapping[str, Look]
    models: Mapping[str, str]
    marks: Mapping[str, str]  # of models
    stub: bool

    def colour(self, mode: str) -> str:
        return self.modes[mode].colour

    def mark(self, mode: str) -> str:
        return self.modes[mode].mark

    @property
    def several(self) -> bool:
        return len(self.models) > 1

    def named(self, task: str, model: str) -> str:
        """Return a task's name, with the model's where there are several."""
        return task + BETWEEN + self.models[model] if self.several else task

    def titled(self, title: str) -> str:
        """Return a title, with the model's name where there is only one."""
        return title if self.several or not self.models else f"{title} ({next(iter(self.models.values()))})"


def looks_of(comparison: Comparison) -> Looks:
    """Choose the looks of a report's modes and models: two that are in it never look the same, up to seven unknown."""
    rows: list[Any] = [*comparison.modes, *comparison.deltas, *comparison.outcomes, *comparison.curves]
    modes = dict.fromkeys([*comparison.baselines, *(row.mode for row in rows)])
    spare = itertools.cycle(_SPARE)
    models = list(dict.fromkeys([row.model for row in comparison.modes] + [row.model for row in comparison.deltas]))
    short = [words.short_model(model) for model in models]
    names = short if len(set(short)) == len(short) else models
    facts = {mode: comparison.facts_of(mode) for mode in modes}  # which may say nothing, or what can't be drawn
    drawn = {mode for mode, of in facts.items() if is_color_like(of.colour) and of.marker in MarkerStyle.markers}
    return Looks(
        modes={m: Look(_seen(of.colour), of.marker) if m in drawn else next(spare) for m, of in facts.items()},
        models=dict(zip(models, unlike([fit(name, 3.0) for name in names]), strict=True)),
        marks=dict(zip(models, itertools.cycle(_MODEL_MARKS), strict=False)),
        stub=comparison.stub,
    )


def _seen(colour: str) -> str:
    """Return a colour that shows on white: itself, or darkened. What is neither is as it was said."""
    dark = on_white(to_hex(colour))
    return colour if dark == to_hex(colour) else dark


@dataclass(frozen=True)
class Plot:
    """A plot that has something to show."""

    section: str  # the key of the table it belongs to
    stem: str  # its file's name, if no other plot has it
    title: str
    alt: str  # for who doesn't see it
    figure: Callable[[], Figure]  # draws it


def by_task(places: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the different (task, model), the models of a task together."""
    tasks = list(dict.fromkeys(task for task, _ in places))
    return sorted(dict.fromkeys(places), key=lambda place: tasks.index(place[0]))


# --- text ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _font(bold: bool = False) -> Any:
    """Return the font that comes with matplotlib, so that a plot is the same everywhere."""
    return get_font(mpl.get_data_path() + f"/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf")


@lru_cache(maxsize=4096)
def _drawable(char: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] == "Z" or char in "\t\n\r":
        return " "
    if kind[0] == "C":
        return "\N{REPLACEMENT CHARACTER}"
    return char if _font().get_char_index(ord(char)) else "\N{WHITE SQUARE}"


def clean(text: str) -> str:
    """Return a text on one line, without control characters and without what the font lacks."""
    return " ".join("".join(map(_drawable, unicodedata.normalize("NFC", text))).split())


def plain(text: str) -> str:
    """Return a text without control characters, for readers that have other fonts."""
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).split())


@lru_cache(maxsize=4096)
def _advance(char: str, bold: bool) -> float:
    font = _font(bold)
    font.set_size(1000, 72)
    return float(font.load_char(ord(char)).linearHoriAdvance) / 65536 / 1000


@lru_cache(maxsize=4096)
def _width(text: str, bold: bool) -> float:
    return sum(_advance(char, bold) for char in text)


def inches(text: str, size: float = NORMAL, *, bold: bool = False) -> float:
    """Return how wide a clean text is. size: in points."""
    return _width(text, bold) * size / 72


class _Line(Text):
    """A text on one line. matplotlib's layout of a text takes longer than all else in a plot, and isn't needed here."""

    _DROPS = MappingProxyType({"top": 0.8, "center": 0.37, "center_baseline": 0.37, "baseline": 0.0})  # to the baseline

    def draw(self, renderer: Any, *args: Any, **kwargs: Any) -> None:
        """Draw it where a text with this alignment belongs."""
        text = self.get_text()
        if self.get_bbox_patch() is not None or self.get_rotation() or not (text and self.get_visible()):
            super().draw(renderer, *args, **kwargs)
            return
        pixels, size = renderer.points_to_pixels(1.0), float(self.get_fontsize())
        x, y = self.get_transform().transform(self.get_unitless_position())
        share = {"left": 0.0, "center": 0.5}.get(self.get_horizontalalignment(), 1.0)
        x -= share and share * inches(text, size, bold=self.get_fontweight() == "bold") * 72 * pixels
        y -= self._DROPS[self.get_verticalalignment()] * size * pixels
        if renderer.flipy():
            y = renderer.get_canvas_width_height()[1] - y
        renderer.open_group("text", self.get_gid())
        gc = renderer.new_gc()
        gc.set_foreground(self.get_color())
        renderer.draw_text(gc, x, y, text, self.get_fontproperties(), 0.0, ismath=False, mtext=self)
        gc.restore()
        renderer.close_group("text")


def put_text(on: Axes | Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Write a text on one line at a place of axes or of a figure."""
    if text:
        on.add_artist(_Line(x, y, text, clip_on=False, **style))


def fit(text: str, width: float, size: float = NORMAL) -> str:
    """Return a text, clean, and cut in its middle where it is too wide: names differ at both ends."""
    text = clean(text)
    if inches(text, size) <= width:
        return text
    shorter = (f"{text[: (keep + 1) // 2]}…{text[len(text) - keep // 2 :]}" for keep in range(len(text) - 1, 3, -1))
    return next((short for short in shorter if inches(short, size) <= width), text[:4] + "…")


def unlike(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where two look the same."""
    seen = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [name if number == 1 else f"{name} #{number}" for name, number in zip(names, seen, strict=True)]


def shown(names: Sequence[str], width: float, size: float = NORMAL) -> dict[str, str]:
    """Return names cut to a width, all different, by the whole name."""
    known = list(dict.fromkeys(names))
    return dict(zip(known, unlike([fit(name, width, size) for name in known]), strict=True))


def widest(texts: Sequence[str], size: float = NORMAL) -> float:
    return max((inches(text, size) for text in texts), default=0.0)


def slug(name: str) -> str:
    """Return a name as a part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "unnamed"


def wrap(text: str, width: float, size: float) -> list[str]:
    """Return a text in lines that fit into a width."""
    lines: list[str] = []
    for word in clean(text).split():
        if lines and inches(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(fit(word, width, size))
    return lines


def listed(parts: Sequence[str], most: int = 12) -> str:
    """Return what an alternative text holds: the first rows, and how many there are beside them."""
    more = len(parts) - most
    return ". ".join(parts[:most]) + (f". And {more} more in the table." if more > 0 else ".")


def signed(value: float, _place: object = None) -> str:
    """Label a tick in points: −20, 0, +20."""
    return "0" if abs(value) < 1e-9 else f"{value:+g}".replace("-", "−")


def figure_of(value: float, _place: object = None) -> str:
    """Label a tick that is a count: 0.5, 20, 1,000."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


# --- pages --------------------------------------------------------------------------------------------------------


@contextmanager
def settings() -> Iterator[None]:
    """Set matplotlib's own defaults and ours, whatever the user's are, for as long as plots are made and saved."""
    process = "backend interactive toolbar webagg tk. savefig.directory timezone date.epoch docstring figure.max_open"
    kept = (*process.split(), "figure.raise")
    # Only what a user has changed: setting a deprecated key would warn.
    changed = ((key, value) for key, value in dict.items(mpl.rcParamsDefault) if dict.get(mpl.rcParams, key) != value)
    ours: dict[Any, Any] = {key: value for key, value in changed if not str(key).startswith(kept)}
    ours |= {
        "font.family": "DejaVu Sans",
        **dict.fromkeys(("font.size", "axes.labelsize", "ytick.labelsize"), NORMAL),
        "xtick.labelsize": SMALL,
        "axes.linewidth": 0.6,
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "text.parse_math"), False),
        **dict.fromkeys(("axes.axisbelow", "axes.unicode_minus"), True),
        "text.hinting": "no_hinting",  # as clear at 150 dpi, in less time
        "hatch.linewidth": 0.6,
        "svg.fonttype": "none",
        "svg.hashsalt": "cotbench",
    }
    with mpl.rc_context(ours):
        yield


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a key: a mark in a colour (hollow or not), a line, or a hatched patch. fill: as in `filled`."""

    label: str
    colour: str
    mark: str = ""
    line: str = ""
    hollow: bool = False
    fill: str = "full"
    patch: str | None = None
    size: float = 5.5

    def handle(self) -> Any:
        if self.patch is not None:
            return Patch(facecolor=self.colour, hatch=self.patch, edgecolor=INK, linewidth=0.4)
        style: dict[str, Any] = {"color": self.colour, "linestyle": self.line or "none", "linewidth": 1.3}
        style |= filled(self.colour, "none" if self.hollow else self.fill)
        return Line2D([], [], marker=self.mark or None, markersize=self.size, **style)


def filled(colour: str, fill: str) -> dict[str, Any]:
    """Return how a mark is drawn: full, none (hollow), or with its left or top half filled."""
    half = fill if fill in ("left", "top") else "full"
    return {"fillstyle": half, "markerfacecolor": "white" if fill == "none" else colour, "markerfacecoloralt": "white"}


class Page:
    """A figure with a title above, a body of a known height, a key and a note below.

    Places are in inches from the body's top left.
    """

    def __init__(self, title: str, body: float, *, looks: Looks, note: str, key: Sequence[Entry] = ()) -> None:
        self.width = layout().width
        room = self.width - 2 * EDGE
        titles = wrap(title, room / 1.03, HEAD)
        notes = wrap(note, room, SMALL)
        most = room - 0.5 if layout().narrow else self.width / 2 - 0.6
        labels = [fit(entry.label, most, SMALL) for entry in key]
        columns = _columns([inches(label, SMALL) + 0.5 for label in labels], room)
        rows = -(-len(labels) // columns)
        warnings = wrap(STUB_TITLE, room / BOLD, HEAD) if looks.stub else []
        self.top = EDGE + 0.2 * (len(warnings) + len(titles)) + 0.08
        key_height = 0.153 * rows + (0.1 if rows else 0)
        self.height = self.top + body + key_height + 0.14 * len(notes) + (0.08 if notes else 0) + EDGE
        self.figure: Figure = Figure(figsize=(self.width, self.height))
        for number, line in enumerate([*warnings, *titles]):
            look = {"color": WARNING, "weight": "bold"} if number < len(warnings) else {"color": INK}
            self.text(EDGE, 0.2 * number + EDGE - self.top, line, va="top", size=HEAD, **look)
        for number, line in enumerate(notes):
            self.text(EDGE, body + key_height + 0.06 + 0.14 * number, line, va="top", size=SMALL, color=GREY)
        if rows:
            # A label that begins with an underscore would be left out.
            shown = [f" {label}" if label.startswith("_") else label for label in labels]
            corner = EDGE / self.width, 1 - (self.top + body + 0.04) / self.height
            spaces = {"borderpad": 0, "borderaxespad": 0, "labelspacing": 0.45, "handlelength": 1.8}
            style: dict[str, Any] = {"fontsize": SMALL, "frameon": False, "columnspacing": 1.2, "ncols": columns}
            handles = [entry.handle() for entry in key]
            self.figure.legend(handles, shown, loc="upper left", bbox_to_anchor=corner, **style, **spaces)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes whose own box (without labels) is at a place."""
        y = 1 - (self.top + top + height) / self.height
        return self.figure.add_axes((left / self.width, y, width / self.width, height / self.height))

    def bold(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write a heading whose middle is at a height."""
        self.text(left, top, text, va="center", fontsize=NORMAL, weight="bold", **style)

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        put_text(self.figure, left / self.width, 1 - (self.top + top) / self.height, text, **style)


def width_of(axes: Axes) -> float:
    """Return how wide axes are, in inches."""
    return float(axes.get_position().width * axes.figure.bbox.width / axes.figure.dpi)


def height_of(axes: Axes) -> float:
    """Return how high axes are, in inches."""
    return float(axes.get_position().height * axes.figure.bbox.height / axes.figure.dpi)


def _columns(widths: Sequence[float], room: float) -> int:
    """Return how many columns a key may have.

    They are filled one after another, the first ones with one more where it doesn't come out even.
    """
    for columns in range(len(widths), 1, -1):
        filled = np.array_split(widths, columns)
        if sum(map(max, filled)) <= room:
            return columns
    return 1
