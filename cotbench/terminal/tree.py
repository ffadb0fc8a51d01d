"""A record's tree drawn in lines: a node each, with its value, and whether it was kept or why not.

    ├─ 13 - 9 = 4 (left: 4 4 6)                          20  kept
    │  ├─ 4 + 4 = 8 (left: 6 8)                         2.1  kept
    │  │↓ answer: (4 + 4) * (6 - 3)                          ✗ wrong, chosen
    │  ╰┄ and 7 more that were dropped, best 1.001 (pruned)
    ╰┄ and 6 more that were dropped, best 0.003 (pruned 5, duplicate 1)

A node that alone goes on from another stands below it behind an arrow, as deep as it: a chain isn't a staircase.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from cotbench.analysis.trees import Tree, TreeNode, best, reasons
from cotbench.report import words
from cotbench.report.tame import tame_line
from cotbench.types import Outcome

MOST_LINES = 40  # what was dropped is counted beyond these; what was kept has a line in any case
_CHARS = 400  # of a node's text that are looked at
_SHORT = 60  # characters of a text in which an answer is seen at once
_APART = 2
_UNNAMED = frozenset({"thought", ""})  # roles that go without saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """What a tree is drawn with.

    inner, last: before a node. rail, gap: before what is below it. only: before a node that alone goes on from another.
    folded: before a count. more: where a text is cut. right, wrong: before what the verdict is."""

    inner: str
    last: str
    rail: str
    gap: str
    only: str
    folded: str
    more: str
    right: str
    wrong: str


LINES = Strokes(
    inner="├─ ", last="╰─ ", rail="│  ", gap="   ", only="↓ ", folded="╰┄ ", more="…",
    right="✓ ", wrong="✗ ",
)  # fmt: skip
ASCII = Strokes(
    inner="|- ", last="`- ", rail="|  ", gap="   ", only="v ", folded="`. ", more="...",
    right="", wrong="",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line to be: what stands before its text, the text, and a node's value and what became of it. style: of rich."""

    before: str
    text: str
    value: str = ""
    state: str = ""
    style: str = ""
    state_style: str = ""


def summary(tree: Tree) -> str:
    """Say in a line how many nodes there are, and how many were kept and are right."""
    counted = f"{len(tree.nodes):,} node{'s' * (len(tree.nodes) != 1)}"
    kept = f", {tree.kept:,} kept" if tree.kept < len(tree.nodes) else ""
    candidates = len(tree.candidates)
    right = f", {candidates:,} candidate{'s' * (candidates != 1)}, {tree.right:,} right" if candidates else ""
    return f"{counted}{kept}{right}"


def tree_lines(
    tree: Tree, width: int, *, full: bool = False, ascii_only: bool = False, encoding: str = "utf-8"
) -> list[Text]:
    """Draw a tree in lines of at most so many columns.

    full: with all that was dropped; else as much of it as MOST_LINES leave room for: all of it, or the candidates for
    the answer, or nothing but how much it is. ascii_only: without lines of Unicode's. encoding: what it lacks becomes
    an escape, whose width is known then."""
    strokes = ASCII if ascii_only else LINES
    drawing = _Drawing(tree=tree, width=width, strokes=strokes, encoding=encoding)
    everything = {node.place for node in tree.nodes}
    standing = {node.place for node in tree.nodes if node.stands}
    for shown in (everything, standing | _leading_to(tree.candidates, tree)):
        rows = drawing.rows(shown)
        if full or len(rows) <= MOST_LINES:
            return drawing.lines(rows)
    return drawing.lines(drawing.rows(standing))


def _leading_to(wanted: Sequence[TreeNode], tree: Tree) -> set[int]:
    """The places of some nodes and of all that they go on from."""
    found = {node.place for node in wanted}
    for node in reversed(tree.nodes):
        if any(child.place in found for child in node.children):
            found.add(node.place)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stub:
    """What is still to be drawn: a node, or else a text. before: what stands before it in its line;
    beside, below: what stands before one that alone goes on from it, and before several."""

    before: str
    beside: str = ""
    below: str = ""
    node: TreeNode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    tree: Tree
    width: int
    strokes: Strokes
    encoding: str

    def rows(self, shown: Set[int]) -> list[_Row]:
        """The lines from above to below, with the nodes of these places, and counts of the others."""
        single = len(self.tree.roots) == 1 and self.tree.roots[0].place in shown
        first = [_Stub(before="", node=self.tree.roots[0])] if single else self._level(self.tree.roots, "", shown)
        rows = []
        stack = first[::-1]  # no calls within calls: a chain may be long
        while stack:
            stub = stack.pop()
            if stub.node is None:
                rows.append(_Row(before=self._fit(stub.before), text=stub.text, style="dim"))
                continue
            rows.append(self._row(self._fit(stub.before), stub.node))
            stack += self._next(stub, stub.node.children, shown)[::-1]
        return rows

    def _next(self, stub: _Stub, children: Sequence[TreeNode], shown: Set[int]) -> list[_Stub]:
        """What goes on from a node that is drawn."""
        if len(children) == 1 and children[0].place in shown:
            return [replace(stub, before=stub.beside + self.strokes.only, node=children[0])]
        return self._level(children, stub.below, shown)

    def _level(self, nodes: Sequence[TreeNode], below: str, shown: Set[int]) -> list[_Stub]:
        """What stands at one level: each node that is shown, and how many aren't."""
        strokes = self.strokes
        visible = [node for node in nodes if node.place in shown]
        hidden = [node for node in nodes if node.place not in shown]
        stubs = []
        for number, node in enumerate(visible, 1):
            goes_on = bool(hidden) or number < len(visible)
            rail = strokes.rail if goes_on else strokes.gap
            stroke = strokes.inner if goes_on else strokes.last
            stubs.append(_Stub(before=below + stroke, beside=below + rail[0], below=below + rail, node=node))
        if hidden:
            folded = [one for node in hidden for one in node.below]
            stubs.append(_Stub(before=below + strokes.folded, text=self._encodable(_count(folded, more=bool(visible)))))
        return stubs

    def _row(self, before: str, node: TreeNode) -> _Row:
        row = node.row
        text = self._encodable(" ".join(row.text[:_CHARS].split())) or "(empty)"
        if node.answer is not None and not (len(text) <= _SHORT and node.answer in text):
            text = f"{self._encodable(node.answer[:_CHARS])}: {text}"  # which is at the end of a long text
        said = row.role in _UNNAMED or node.candidate  # a candidate's verdict says that it is an answer
        named = text if said or len(self.tree.roles) == 1 else f"{self._encodable(row.role)}: {text}"
        state, style = self._state(node)
        value = words.worth(row.value)
        weight = "bold" if node.chosen else "" if node.stands else "dim"
        return _Row(before=before, text=named, value=value, state=state, style=weight, state_style=style)

    def _state(self, node: TreeNode) -> tuple[str, str]:
        """What became of a node, and in which style that is said."""
        parts, style = [], ""
        if node.candidate:
            signs = {Outcome.CORRECT: (self.strokes.right, "green"), Outcome.WRONG: (self.strokes.wrong, "red")}
            sign, style = ("", "yellow") if node.outcome is None else signs.get(node.outcome, ("", "yellow"))
            parts.append(sign + words.candidate(node.outcome))
        if node.chosen:
            parts.append("chosen")
        elif not node.row.kept:
            why = self._encodable(node.row.why) or "dropped"
            parts += [why] if why not in parts else []
        elif not node.candidate and self.tree.kept < len(self.tree.nodes):
            parts.append("kept")
        return ", ".join(parts), f"bold {style}".strip() if node.chosen else style

    def _encodable(self, text: str) -> str:
        """A text on one line, as the terminal shows it."""
        return tame_line(text).encode(self.encoding, "backslashreplace").decode(self.encoding)

    def _fit(self, before: str) -> str:
        """What stands before a text, which has at most a quarter of a line: of a deep node the last of it."""
        most = self.width // 4
        more = self.strokes.more
        return before if len(before) <= most else more + before[len(before) - most + len(more) :]

    def lines(self, rows: Sequence[_Row]) -> list[Text]:
        """Set lines in columns: texts, values, and what became of them."""
        nodes = [row for row in rows if row.value or row.state]
        values = max((cell_len(row.value) for row in nodes), default=0)
        states = max((cell_len(row.state) for row in nodes), default=0)
        states = min(states, self.width // 2 - values - 2 * _APART)  # a text has half of a line at least
        aside = sum(_APART + part for part in (values, states) if part)
        longest = max((cell_len(row.before + row.text) for row in rows), default=0)
        room = min(longest, self.width - aside)
        return [self._line(row, room, values, states) for row in rows]

    def _line(self, row: _Row, room: int, values: int, states: int) -> Text:
        aside = bool(row.value or row.state)
        line = Text(self._cut(row.before + row.text, room if aside else self.width), style=row.style)
        if aside:
            line.append(" " * (room - cell_len(line.plain)))
            if values:
                line.append(" " * _APART + row.value.rjust(values))
            if states:
                line.append(" " * _APART)
                line.append(self._cut(row.state, states), style=row.state_style)
        line.rstrip()
        return line

    def _cut(self, text: str, room: int) -> str:
        if cell_len(text) <= room:
            return text
        more = self.strokes.more[: max(room, 0)]
        return set_cell_size(text, max(room - len(more), 0)).rstrip() + more


def _count(folded: Sequence[TreeNode], *, more: bool) -> str:
    """Say how many nodes aren't shown, the value of the best, and why they were dropped. more: others are."""
    number = f"{'and ' if more else ''}{len(folded):,}{' more' if more else ''}"
    worth = best(folded)
    told = f", best {words.worth(worth)}" if worth is not None else ""
    why = reasons(folded).items()
    listed = [name if count == len(folded) else f"{name} {count:,}" for name, count in why]
    reason = f" ({', '.join(listed)})" if listed else ""
    return f"{number} that {'was' if len(folded) == 1 else 'were'} dropped{told}{reason}"
