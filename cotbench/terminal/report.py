"""A report in the terminal: one table, then the answer, within a screen; or all of it.

A screen is 40 lines of 80 columns. What has no room is counted, with where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.text import Text

from cotbench.analysis import verdicts
from cotbench.analysis.categories import Category
from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval
from cotbench.analysis.pooled import QUESTION, TASK, Pooled
from cotbench.analysis.scored import Score, ScoreDelta
from cotbench.report import about, agreement, beside, categories, placebo, pooled, repeats, scored, twins, words
from cotbench.report.cost import priced
from cotbench.report.findings import Finding, findings
from cotbench.report.glance import SAME_PASSAGES, Glance, glance, labels, shown_rules
from cotbench.report.headlines import alone, apart, curves, fixed
from cotbench.report.pooled import FAMILIES
from cotbench.report.sections import sections
from cotbench.report.tame import tame_line
from cotbench.report.words import difference, percent, points, tokens_of
from cotbench.terminal.console import Output, named_table

LINES = 40
MOST_ROWS = 12
MOST_FAMILIES = 24  # rows, and lines of a table of single tasks
FEW = 10  # questions, of which a difference has no colour: its interval isn't beside it
GAP, CLOSE, INDENT = "  ", " ", "  "
SHORT = 16  # columns of a name, at least, where longer ones have a line of their own
OVER_TASKS = "by question: these tasks, all questions alike. by task: tasks like these, of three or more."
MORE = "cotbench report --full"

Row = TypeVar("Row")


# --- the table ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Column(Generic[Row]):
    """A column of figures. title: in up to two lines. rank: those of a higher one go first where room is short; those
    of one above 0 go before anything is set closer."""

    title: tuple[str, str]
    cell: Callable[[Row], Text]
    rank: int = 0

    def width(self, rows: Sequence[Row]) -> int:
        return max(*map(cell_len, self.title), *(cell_len(self.cell(row).plain) for row in rows))


Blocks = Mapping[str, Sequence[tuple[str, Row]]]  # rows with what they are called, under their headings


@dataclass(frozen=True, kw_only=True)
class _Layout(Generic[Row]):
    """How a table is set. names: how wide the column of what rows are called is; longer ones have a line of their
    own."""

    columns: Sequence[_Column[Row]]
    gap: str
    names: int


def _layout(names: int, columns: Sequence[_Column[Row]], rows: Sequence[Row], width: int) -> _Layout[Row]:
    """Return how a table goes into so many columns of a terminal with all its figures whole.

    What is said elsewhere goes first; then figures are set closer; then long names get lines of their own; then
    columns go, until what is left has room. names: how long the longest is.
    """
    ranks = sorted({column.rank for column in columns}, reverse=True)
    tries = [(rank, GAP, names) for rank in (*ranks, 0) if rank >= 0]
    tries += [(0, CLOSE, names), (0, CLOSE, min(names, SHORT))]
    tries += [(rank, CLOSE, size) for rank in ranks if rank < 0 for size in (names, min(names, SHORT), 0)]
    for rank, gap, size in tries:
        kept = [column for column in columns if column.rank <= rank]
        taken = len(INDENT) + sum(column.width(rows) + len(gap) for column in kept)
        if kept and taken + size <= width:
            # A name has all the room that figures leave.
            return _Layout(columns=kept, gap=gap, names=size if gap == GAP else min(names, width - taken))
    least = [column for column in columns if column.rank == ranks[-1]]
    return _Layout(columns=least, gap=CLOSE, names=0)


def _grid(blocks: Blocks[Row], columns: Sequence[_Column[Row]], width: int) -> list[Text]:
    """Return the lines of a table: each block's heading and its rows."""
    rows = [row for block in blocks.values() for _, row in block]
    longest = max(cell_len(label) for block in blocks.values() for label, _ in block)
    layout = _layout(longest, columns, rows, width)
    gap, first = layout.gap, len(INDENT) + layout.names
    widths = [column.width(rows) for column in layout.columns]
    lines = []
    for titles in zip(*(column.title for column in layout.columns), strict=True):
        over = [gap + " " * (size - cell_len(title)) + title for title, size in zip(titles, widths, strict=True)]
        lines.append(Text(" " * first + "".join(over), "bold"))
    for heading, block in blocks.items():
        lines.append(Text(heading, "bold"))
        for label, row in block:
            if cell_len(label) > layout.names:
                lines.append(Text(INDENT + label))
                label = ""
            line = Text(INDENT + label + " " * (first - len(INDENT) - cell_len(label)))
            for column, size in zip(layout.columns, widths, strict=True):
                cell = column.cell(row)
                line.append(gap + " " * (size - cell_len(cell.plain)))
                line.append_text(cell)
            line.rstrip()
            lines.append(line)
    return lines


def _look(estimate: Interval, verdict: str = "") -> str:
    """Return the style of a difference: green or red where its interval is clear of zero, and nothing speaks against
    it."""
    if estimate.low is None or estimate.high is None or verdict in (verdicts.HIGHER, verdicts.LOWER):
        return ""
    return "green" if estimate.low > 0 else "red" if estimate.high < 0 else ""


def _side(rule: str, symbolic: bool) -> Callable[[Glance], Text]:
    def cell(row: Glance) -> Text:
        if row.delta is None:
            return Text("")
        if row.whole(rule, symbolic):
            return Text("all", "dim")  # the difference on all questions says it
        side = row.side(rule, symbolic)
        if side.value is None:
            return Text(words.DASH)
        few = row.count(rule, symbolic) < FEW
        return Text(points(side.value), "dim" if few else _look(side, row.verdict))

    return cell


def _title(label: str) -> tuple[str, str]:
    """Return a label in two lines, broken at its last space or behind its first hyphen."""
    for mark, keep in ((" ", ""), ("-", "-")):
        before, found, after = label.rpartition(mark) if mark == " " else label.partition(mark)
        if found:
            return before + keep, after
    return "", label


def _tasks(comparison: Comparison, rows: Sequence[Glance], width: int) -> list[Text]:
    """Return the lines of the main table: the arms of each task."""
    several = len({row.model for row in rows}) > 1
    panels: dict[tuple[str, str], list[Glance]] = {}
    for row in rows:
        panels.setdefault((row.model, row.task), []).append(row)
    blocks = {}
    for (model, task), arms in panels.items():
        n = words.least_to_most(row.n for row in arms)
        by = f" by {words.short_model(model)}" if several else ""
        over = next((f", over {row.repeats}" for row in arms if row.repeats), "")
        blocks[tame_line(f"{task}{by}, {n} questions{over}")] = [(tame_line(row.label), row) for row in arms]
    sides = [
        _Column(
            title=_title(words.side_label(comparison, tag, rule)),
            cell=_side(rule, tag == SYMBOLIC),
            rank=1 if place else -1,
        )
        for place, rule in enumerate(shown_rules(comparison))
        for tag in (SYMBOLIC, OTHER)
    ]
    spent = _Column[Glance](title=("", "tokens"), cell=lambda r: Text(tokens_of(r.tokens, r.n)), rank=-3)
    columns: list[_Column[Glance]] = [
        _Column(title=("right", "%"), cell=lambda r: Text(percent(r.accuracy.value)), rank=-4),
        _Column(
            title=("difference in points", "(95% interval)"),
            cell=lambda r: Text(
                difference(r.difference, "" if r.delta is None else r.verdict), _look(r.difference, r.verdict)
            ),
            rank=-4,
        ),
        *sides,
        *([spent] if any(row.tokens is not None for row in rows) else []),
        _Column(title=("unread", "%"), cell=lambda r: Text(percent(r.unread)), rank=-2),
    ]
    return _grid(blocks, columns, width)


def _legend(comparison: Comparison, rows: Sequence[Glance], lines: Sequence[Text]) -> str:
    """Say what those of the table's columns hold whose titles don't."""
    rule = comparison.tag_rule
    sides = [words.side_label(comparison, tag, rule) for tag in (SYMBOLIC, OTHER)]
    shown = "\n".join(line.plain for line in lines[:2])
    said = []
    if all(_title(side)[1] in shown for side in sides) and any(row.delta is not None for row in rows):
        said.append(f"{sides[0]}, {sides[1]}: difference on such questions.")
    if "unread" in shown:
        said.append("unread: no answer found.")
    if any(row.n for row in rows) and all(row.tokens is None for row in rows):
        said.append(f"tokens: {words.NOT_RECORDED}.")
    if any(row.baseline and row.baseline not in comparison.baselines for row in rows):
        said.append(SAME_PASSAGES)
    return " ".join(said)


@dataclass(frozen=True, kw_only=True)
class _Family:
    """An arm over a family of tasks: questions count alike, or tasks do."""

    by_question: Pooled
    by_task: Pooled | None


def _over(row: Pooled) -> str:
    """Return what a row is over: its category, or its family of tasks."""
    return row.category if isinstance(row, Category) else row.side


_Narrowed = Callable[[str, list[Pooled]], list[Pooled]]  # keeps some of a family's rows


def _of_all(side: str, rows: list[Pooled]) -> list[Pooled]:
    return rows if side == ALL else []


def _of_arms(pairs: Collection[tuple[str, str, str]]) -> _Narrowed:
    return lambda _, rows: [row for row in rows if row.pair in pairs]


def _families(comparison: Comparison, width: int) -> list[Text]:
    """Return the lines of the table that stands for many: each arm over all tasks and families of them, or over the
    categories of a suite."""
    several = len({row.model for row in comparison.pooled}) > 1
    whole = [row for row in comparison.pooled if not row.rule and row.side in FAMILIES]
    if comparison.categories:
        rows = [*comparison.categories, *(row for row in whole if row.side == ALL)]
        titles = {row.category: row.category for row in comparison.categories} | {ALL: FAMILIES[ALL]}
    else:
        rows, titles = whole, FAMILIES
    found = {(row.pair, _over(row), row.unit): row for row in rows}
    families: dict[tuple[str, str, tuple[str, ...]], list[Pooled]] = {}
    for model, side in product(dict.fromkeys(row.model for row in rows), titles):
        for (_, place, unit), row in found.items():
            if (row.model, place, unit) == (model, side, QUESTION):
                families.setdefault((side, model, tuple(row.tasks)), []).append(row)
    # What there is no room for: arms beside the one that the answer is about, or families.
    main = {row.pair for row in pooled.main_rows(comparison)}
    for narrowed in (_of_arms(main), _of_all) if comparison.categories else (_of_all, _of_arms(main)):
        if sum(map(len, families.values())) > MOST_FAMILIES:
            families = {key: kept for key, rows in families.items() if (kept := narrowed(key[0], rows))}
    blocks: dict[str, list[tuple[str, _Family]]] = {}
    for (side, model, over), some in families.items():
        name = tame_line(titles[side] + (f" by {words.short_model(model)}" if several else ""))
        n = f"({words.least_to_most(row.n for row in some)} questions)"
        heading = f"{name}: {tame_line(', '.join(over))} {n}"
        if cell_len(heading) > width:
            heading = f"{name}: {len(over)} task{'s' * (len(over) != 1)} {n}"
        blocks.setdefault(heading, []).extend(
            (tame_line(row.mode), _Family(by_question=row, by_task=found.get((row.pair, side, TASK)))) for row in some
        )

    def cell(row: Pooled | None) -> Text:
        return Text(words.DASH) if row is None else Text(difference(row.delta), _look(row.delta, row.verdict))

    columns: list[_Column[_Family]] = [
        _Column(title=("difference in points", "by question"), cell=lambda r: cell(r.by_question), rank=-2),
        _Column(title=("(95% interval)", "by task"), cell=lambda r: cell(r.by_task), rank=-1),
    ]
    return _grid(blocks, columns, width)


def _scores(comparison: Comparison, width: int) -> list[Text]:
    """Return the lines of the table of mean scores, of tasks whose answers may be partly right."""
    deltas: dict[tuple[str, str, str], ScoreDelta] = {}
    for delta in comparison.score_deltas:
        if delta.tag == ALL:
            deltas.setdefault((delta.model, delta.task, delta.mode), delta)
    several = len({row.model for row in comparison.scores}) > 1
    panels: dict[tuple[str, str], list[Score]] = {}
    for row in comparison.scores:
        if row.tag == ALL:
            panels.setdefault((row.model, row.task), []).append(row)
    blocks = {}
    for (model, task), arms in panels.items():
        arms.sort(key=lambda r: (r.model, r.task, r.mode) in deltas)
        names = labels([row.mode for row in arms])
        by = f" by {words.short_model(model)}" if several else ""
        blocks[tame_line(f"Scores of {task}{by}")] = [(tame_line(names[row.mode]), row) for row in arms]

    def cell(row: Score) -> Text:
        delta = deltas.get((row.model, row.task, row.mode))
        return Text("") if delta is None else Text(difference(delta.delta), _look(delta.delta, delta.verdict))

    columns: list[_Column[Score]] = [
        _Column(title=("mean", "score %"), cell=lambda r: Text(percent(r.score.value)), rank=-4),
        _Column(title=("difference in points", "(95% interval)"), cell=cell, rank=-4),
        _Column(title=("exact", "match %"), cell=lambda r: Text(percent(r.exact)), rank=-1),
        _Column(title=("", "in part"), cell=lambda r: Text(words.count(r.in_part)), rank=-1),
    ]
    return _grid(blocks, columns, width) if blocks else []


# --- a screen -----------------------------------------------------------------------------------------------------


class Screen:
    """A report on one screen: `begin` prints the table, `end` the answer, when files are written.

    full: all tables, findings and notes are printed, however long that is."""

    def __init__(self, comparison: Comparison, *, full: bool = False) -> None:
        self._comparison = comparison
        self._full = full
        self._console = Output()
        self._used = 0

    def begin(self) -> None:
        """Print the table, and before it all others where all are wanted."""
        comparison, console = self._comparison, self._console
        if comparison.stub:
            self._say(words.STUB_WARNING, "bold red")
        if self._full:
            self._tables()
        rows = glance(comparison)
        many = len(rows) > MOST_ROWS and not self._full
        if many and comparison.pooled:
            lines = _families(comparison, console.width)
        else:
            rows = _fewer(rows, comparison) if many else rows
            lines = _tasks(comparison, rows, console.width) if rows else []
        if (told := _scores(comparison, console.width)) and (self._full or len(lines) + len(told) < MOST_FAMILIES):
            lines += told
        for line in lines:
            whole = cell_len(line.plain) <= console.width  # or a name that has no room in any line
            console.print(line, soft_wrap=whole or not console.is_terminal)
            self._used += 1 if whole else self._height(line.plain)
        over_tasks = many and comparison.pooled
        if lines and (legend := OVER_TASKS if over_tasks else _legend(comparison, rows, lines)):
            self._say(legend, "dim")
        if lines:
            self._say("")

    def end(self, written: str, page: Path | None) -> None:
        """Print notes, then the answer, then where the files are. written: which files, and where."""
        comparison = self._comparison
        found = findings(comparison)

        def text_of(one: Finding) -> str:
            return one.text if self._full else one.brief

        # By how much a reader needs it, and so for what there is room first; printed from the last to the first.
        groups: list[tuple[str, list[str]]] = [
            ("bold", categories.sentences(comparison)),
            ("bold", pooled.sentences(comparison)),
            ("bold" if not comparison.pooled else "", [text_of(one) for one in found if one.main]),
            ("", agreement.sentences(comparison)),
            ("bold", placebo.sentences(comparison)),
            ("bold", beside.sentences(comparison, brief=not self._full)),
            ("", repeats.sentences(comparison)),
            ("", [text_of(one) for one in priced(comparison) if one.main]),
            ("", [*scored.sentences(comparison), *twins.sentences(comparison)]),
            ("bold", apart(comparison)),
            ("", fixed(comparison)),
            ("yellow", alone(comparison) + [f"Arms: {one}" for one in words.unsaid_lines(comparison.unsaid)]),
            ("", curves(comparison)),
            ("", [text_of(one) for one in found if not one.main]),
            ("yellow", [f"Note: {note}" for note in comparison.notes]),
        ]
        said = [text for _, group in groups for text in group]
        last = [written, *([f"Open {page}"] if page is not None else [])]
        room = LINES - self._used - sum(map(self._height, last)) - 1
        shown = len(said) if self._full else self._fitting(said, room)
        if more := len(said) - shown:
            notes = min(more, len(comparison.notes))
            kinds = [
                f"{n:,} more {what}{'s' * (n != 1)}" for n, what in ((more - notes, "finding"), (notes, "note")) if n
            ]
            self._say(f"{' and '.join(kinds)}: {MORE}, or the page.", "dim")
        kept: list[tuple[str, list[str]]] = []
        for style, group in groups:
            kept.append((style, group[:shown]))
            shown -= len(kept[-1][1])
        for style, group in reversed(kept):
            for text in group:
                self._say(text, style)
        for line in last:
            self._say(line)

    def _fitting(self, parts: Sequence[str], room: int) -> int:
        """Return how many of the parts there is room for; the first is shown in any case."""
        heights = [self._height(part) for part in parts]
        if sum(heights) <= room:
            return len(parts)
        shown = 0
        while shown < len(parts) and sum(heights[: shown + 1]) + 1 <= room:
            shown += 1
        return max(shown, min(1, len(parts)))

    def _tables(self) -> None:
        for section in sections(self._comparison):
            if section.key == about.KEY:  # its values are long: lines of it stand where a table would be too wide
                self._say(section.title, "bold")
                for line in about.lines(self._comparison):
                    self._say(f"  {line}")
                self._say("")
                continue
            self._console.print(named_table(section.title, section.header, section.rows, left=section.left))
            if section.about:
                self._say(section.about, "dim")
                self._say("")

    def _height(self, text: str) -> int:
        """How many lines of the terminal a text takes."""
        console = self._console
        return max(1, len(Text(tame_line(text)).wrap(console, console.width))) if console.is_terminal else 1

    def _say(self, text: str, style: str = "") -> None:
        """Print a text, broken at words where there is a terminal: elsewhere lines are whole, for `grep`."""
        self._console.print(text, style=style or None, soft_wrap=not self._console.is_terminal)
        self._used += self._height(text)


def _fewer(rows: list[Glance], comparison: Comparison) -> list[Glance]:
    """Return the rows that a screen has room for: of the arm that long tables are about, and what it is compared
    with; or the first."""
    main = {(one.model, arm) for one in findings(comparison) if one.main for arm in (one.mode, one.baseline)}
    kept = [row for row in rows if (row.model, row.mode) in main] or rows
    shown, lines = [], 0
    for place, row in enumerate(kept):  # each model and task has a heading
        lines += 1 if place and (row.model, row.task) == (kept[place - 1].model, kept[place - 1].task) else 2
        if lines <= MOST_FAMILIES:
            shown.append(row)
    return shown
