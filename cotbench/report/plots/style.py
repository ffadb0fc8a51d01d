"""How plots look: colours and marks of modes and models, text that is safe to draw, and pages laid out in inches.

Margins come from the measured widths of labels: a layout engine takes seconds on many axes, and moves them.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cotbench.analysis.compare import Comparison
from cotbench.report import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0  # inches, of every page
EDGE = 0.12  # around it
LABELS = 2.3  # at most for names at the left
SMALL, NORMAL, HEAD = 7.5, 8.5, 10.5  # points
INK, GREY, FAINT, RULE = "#000000", "#555555", "#999999", "#dddddd"
WARNING = "#8b0000"
STUB_TITLE = "STUB, NOT A MODEL: these numbers mean nothing"
BOLD = 1.13  # how much wider bold text is than what is measured
BETWEEN = " · "  # task and model

# Okabe and Ito's colours, told apart by the colour-blind. The marks differ too, for print.
_MODES = {
    "direct": ("#000000", "s"),
    "cot": ("#D55E00", "o"),
    "self-consistency": ("#E69F00", "D"),
    "pal": ("#0072B2", "^"),
    "plan-direct": ("#56B4E9", "v"),
    "plan-cot": ("#CC79A7", "P"),
    "plan-solver": ("#009E73", "X"),
    "direct-votes": ("#7F7F7F", "p"),
}
_SPARE = (
    ("#8C6D00", "h"),
    ("#5B2A86", "<"),
    ("#7A2E00", ">"),
    ("#00506B", "H"),
    ("#4D4D4D", "d"),
    ("#9A1750", "*"),
    ("#3D7A00", "8"),
)
_MODEL_MARKS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What stays the same over all plots of a report. models: names as shown, by the name in the records."""

    modes: Mapping[str, tuple[str, str]]
    models: Mapping[str, str]
    marks: Mapping[str, str]
    stub: bool

    def colour(self, mode: str) -> str:
        return self.modes[mode][0]

    def mark(self, mode: str) -> str:
        return self.modes[mode][1]

    @property
    def several(self) -> bool:
        return len(self.models) > 1

    def named(self, task: str, model: str) -> str:
        """A task, with the model where there are several."""
        return task + BETWEEN + self.models[model] if self.several else task

    def titled(self, title: str) -> str:
        """A title, with the model where there is only one."""
        return title if self.several or not self.models else f"{title} ({next(iter(self.models.values()))})"


def look_of(comparison: Comparison) -> Look:
    names = [row.mode for row in comparison.modes] + [row.mode for row in comparison.deltas]
    names += [row.mode for row in comparison.outcomes] + [row.mode for row in comparison.curves]
    modes = list(dict.fromkeys([*comparison.baselines, *names]))
    unknown = [mode for mode in modes if mode not in _MODES]
    spare = {mode: _SPARE[at % len(_SPARE)] for at, mode in enumerate(unknown)}
    models = list(dict.fromkeys([row.model for row in comparison.modes] + [row.model for row in comparison.deltas]))
    short = [words.short_model(model) for model in models]
    shown = short if len(set(short)) == len(short) else models
    return Look(
        modes={mode: _MODES.get(mode) or spare[mode] for mode in modes},
        models=dict(zip(models, unlike([fit(name, 3.0) for name in shown]), strict=True)),
        marks={model: _MODEL_MARKS[at % len(_MODEL_MARKS)] for at, model in enumerate(models)},
        stub=comparison.stub,
    )


def by_task(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The different (task, model), the models of a task together."""
    unique = list(dict.fromkeys(found))
    tasks = list(dict.fromkeys(task for task, _ in unique))
    return sorted(unique, key=lambda place: tasks.index(place[0]))


# --- text ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _font() -> Any:
    """The font that comes with matplotlib, so that a plot is the same everywhere."""
    import matplotlib as mpl
    from matplotlib.font_manager import get_font

    return get_font(mpl.get_data_path() + "/fonts/ttf/DejaVuSans.ttf")


@lru_cache(maxsize=4096)
def _drawable(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Zs", "Zl", "Zp") or char in "\t\n\r":
        return " "
    if kind[0] == "C":
        return "\N{REPLACEMENT CHARACTER}"
    return char if _font().get_char_index(ord(char)) else "\N{WHITE SQUARE}"


def clean(text: str) -> str:
    """The text on one line, without control characters and without what the font lacks."""
    return " ".join("".join(map(_drawable, unicodedata.normalize("NFC", text))).split())


def plain(text: str) -> str:
    """The text without control characters, for readers that have other fonts."""
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in text).split())


@lru_cache(maxsize=4096)
def _advance(char: str) -> float:
    font = _font()
    font.set_size(1000, 72)
    return float(font.load_char(ord(char)).linearHoriAdvance) / 65536 / 1000


def inches(text: str, size: float = NORMAL) -> float:
    """How wide a clean text is."""
    return sum(map(_advance, text)) * size / 72


def fit(text: str, width: float, size: float = NORMAL) -> str:
    """The clean text, cut in its middle where it is too wide: names differ at both ends."""
    text = clean(text)
    if inches(text, size) <= width:
        return text
    keep = len(text)
    while keep > 4:
        keep -= 1
        head = (keep + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if inches(short, size) <= width:
            return short
    return text[:4] + "…"


def unlike(names: Sequence[str]) -> list[str]:
    """The names, numbered where two look the same."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return out


def shown(names: Sequence[str], width: float, size: float = NORMAL) -> dict[str, str]:
    """Names cut to a width, all different."""
    known = list(dict.fromkeys(names))
    return dict(zip(known, unlike([fit(name, width, size) for name in known]), strict=True))


def widest(texts: Sequence[str], size: float = NORMAL) -> float:
    return max((inches(text, size) for text in texts), default=0.0)


def wrap(text: str, width: float, size: float) -> list[str]:
    lines: list[str] = []
    for word in clean(text).split():
        if lines and inches(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(fit(word, width, size))
    return lines


def listed(parts: Sequence[str], most: int = 12) -> str:
    """What an alternative text holds: the first rows, and how many there are beside them."""
    more = len(parts) - most
    return ". ".join(parts[:most]) + (f". And {more} more in the table." if more > 0 else ".")


def signed(value: float, _place: object = None) -> str:
    """A tick in points: −20, 0, +20."""
    return "0" if abs(value) < 1e-9 else f"{value:+g}".replace("-", "−")


def figure_of(value: float, _place: object = None) -> str:
    """A tick that is a count: 0.5, 20, 1,000."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


# --- pages --------------------------------------------------------------------------------------------------------


@contextmanager
def settings() -> Iterator[None]:
    """matplotlib's own defaults and ours, whatever the user's settings are, for as long as plots are made and saved."""
    import matplotlib as mpl

    process: tuple[str, ...] = (
        "backend",
        "interactive",
        "toolbar",
        "webagg",
        "tk.",
        "savefig.directory",
        "timezone",
        "date.epoch",
    )
    process += ("docstring", "figure.max_open", "figure.raise")
    defaults = dict.items(mpl.rcParamsDefault)
    # Only what a user has changed: setting a deprecated key would warn.
    changed = {str(key): value for key, value in defaults if dict.get(mpl.rcParams, key) != value}
    ours: dict[Any, Any] = {key: value for key, value in changed.items() if not key.startswith(process)}
    ours |= {
        "font.family": "DejaVu Sans",
        "font.size": NORMAL,
        "axes.labelsize": NORMAL,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": NORMAL,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "text.parse_math": False,
        "text.hinting": "no_hinting",  # as clear at 150 dpi, in less time
        "hatch.linewidth": 0.6,
        "svg.fonttype": "none",
        "svg.hashsalt": "cotbench",
    }
    with mpl.rc_context(ours):
        yield


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a key: a mark in a colour (hollow or not), a line, or a hatched patch."""

    label: str
    colour: str
    mark: str = ""
    line: str = ""
    hollow: bool = False
    patch: str | None = None
    size: float = 5.5

    def handle(self) -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        if self.patch is not None:
            return Patch(facecolor=self.colour, hatch=self.patch, edgecolor=INK, linewidth=0.4)
        return Line2D(
            [],
            [],
            color=self.colour,
            marker=self.mark or None,
            linestyle=self.line or "none",
            markerfacecolor="white" if self.hollow else self.colour,
            markersize=self.size,
            linewidth=1.3,
        )


class Page:
    """A figure with a title above, a body of a known height, a key and a note below. Places are in inches from the body's top left."""

    def __init__(self, title: str, body: float, *, stub: bool, key: Sequence[Entry] = (), note: str = "") -> None:
        from matplotlib.figure import Figure

        titles = wrap(title, (WIDTH - 2 * EDGE) / 1.03, HEAD)
        notes = wrap(note, WIDTH - 2 * EDGE, SMALL)
        labels = [fit(entry.label, WIDTH / 2 - 0.6, SMALL) for entry in key]
        columns = _columns([inches(label, SMALL) + 0.5 for label in labels], WIDTH - 2 * EDGE)
        rows = -(-len(labels) // columns)
        top = EDGE + (0.2 if stub else 0) + 0.2 * len(titles) + 0.08
        key_height = 0.17 * rows + (0.1 if rows else 0)
        note_height = 0.14 * len(notes) + (0.08 if notes else 0)
        self.height = top + body + key_height + note_height + EDGE
        self.top = top
        self.figure: Figure = Figure(figsize=(WIDTH, self.height))
        at = EDGE
        if stub:
            self._line(at, STUB_TITLE, size=HEAD, color=WARNING, weight="bold")
            at += 0.2
        for line in titles:
            self._line(at, line, size=HEAD, color=INK)
            at += 0.2
        if rows:
            # A label that begins with an underscore would be left out.
            names = [f" {label}" if label.startswith("_") else label for label in labels]
            self.figure.legend(
                [entry.handle() for entry in key],
                names,
                loc="upper left",
                bbox_to_anchor=(EDGE / WIDTH, 1 - (top + body + 0.04) / self.height),
                ncols=columns,
                fontsize=SMALL,
                frameon=False,
                borderpad=0,
                borderaxespad=0,
                labelspacing=0.45,
                handlelength=1.8,
                columnspacing=1.2,
            )
        for place, line in enumerate(notes):
            self._line(top + body + key_height + 0.06 + 0.14 * place, line, size=SMALL, color=GREY)

    def _line(self, at: float, text: str, **style: Any) -> None:
        self.figure.text(EDGE / WIDTH, 1 - at / self.height, text, ha="left", va="top", **style)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose own box (without labels) is at this place."""
        y = 1 - (self.top + top + height) / self.height
        return self.figure.add_axes((left / WIDTH, y, width / WIDTH, height / self.height))

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        self.figure.text(left / WIDTH, 1 - (self.top + top) / self.height, text, **style)


def _columns(widths: Sequence[float], room: float) -> int:
    """How many columns a key may have. They are filled one after another, the first ones with one more where it doesn't come out even."""
    for columns in range(len(widths), 1, -1):
        each, more = divmod(len(widths), columns)
        ends = list(itertools.accumulate(each + (at < more) for at in range(columns)))
        if sum(max(widths[start:end]) for start, end in zip([0, *ends], ends, strict=False)) <= room:
            return columns
    return 1


def set_rows(axes: Axes, names: Mapping[float, str], count: float, width: float) -> None:
    """Rows from 0 at the top to count, with names at their left and no axis there."""
    axes.set_ylim(count - 0.45, -0.55)
    axes.set_yticks([])
    for at, name in names.items():  # ticks would take several times as long
        axes.text(-0.09 / width, at, name, transform=axes.get_yaxis_transform(), ha="right", va="center_baseline")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", length=2.5, width=0.6)
    axes.grid(axis="x", color=RULE, linewidth=0.5)


def grid(count: int, *, left: float, gutter: float, right: float, most: int = 2) -> tuple[int, float]:
    """How many panels stand side by side, and how wide each is."""
    columns = min(count, most)
    room = WIDTH - EDGE - left - right - EDGE
    return columns, (room - gutter * (columns - 1)) / columns
