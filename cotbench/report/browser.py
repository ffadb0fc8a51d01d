"""The question browser's data: an index of questions, and the details of as many of them as a size budget holds.

Everything is columns and rows of JSON, compressed (zlib); `assets/page.js` reads it. The index holds what filters and
lists need, of as many questions as have LISTED answers. Details (`details.py`) come in chunks of CHUNK questions. Both
are chosen in the order of what questions tell: those whose verdict a mode changed come first, then the rest; within
both, each task gets the same share of its questions.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import orjson

from cotbench.analysis.compare import Comparison
from cotbench.analysis.pairing import Panel
from cotbench.analysis.theirs import codes
from cotbench.processes import beside
from cotbench.questions.tagging import RULES, Rule
from cotbench.report.details import ANSWER_CHARS, details_of, shortened
from cotbench.report.formulas import Allowance, Formulas
from cotbench.store.records import Record
from cotbench.types import UNDECIDED, Outcome, unit

LISTED = 300_000  # answers; a browser has trouble with many more
CHUNK = 100
WAVE = 64  # chunks that are made before it is looked whether there is room for them
LEVEL = 5
LATEX = 800_000  # characters in outputs that become mathematics: some five seconds of two cores

_OUTCOMES = [outcome.value for outcome in Outcome]
_CODES = {outcome: chr(48 + place) for place, outcome in enumerate(_OUTCOMES)}
_NOT_ASKED = "-"
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Place = tuple[int, int]  # panel, question


@dataclass(frozen=True, kw_only=True)
class Data:
    """Compressed JSON. details: chunks, the most telling first; held: which questions each holds, in order."""

    index: bytes
    details: Sequence[bytes]
    held: Sequence[Sequence[Place]]
    sizes: Sequence[int]  # of the panels
    thin: bool
    megabytes: float
    asked: int  # questions, of which these are all or some

    @property
    def places(self) -> bytes:
        """Which chunk holds which question, and what was left out."""
        told = {"thin": self.thin, "latex": LATEX, "megabytes": self.megabytes}
        if self.asked > sum(self.sizes):
            told["asked"] = self.asked
        return _packed(_places(self.sizes, self.held) | told)

    def within(self, budget: int) -> Data:
        """Leave out the last chunks, as many as it takes."""
        room = _room(self.index, self.sizes, budget)
        ends = np.cumsum([len(chunk) for chunk in self.details])
        keep = int(np.searchsorted(ends, room, side="right"))
        return replace(self, details=self.details[:keep], held=self.held[:keep])


def _room(index: bytes, sizes: Sequence[int], budget: int) -> int:
    """What the index and the places leave of a budget."""
    return max(0, budget - len(index) - 6 * sum(sizes))


def browser_data(
    comparison: Comparison, panels: Sequence[Panel], *, budget: int, megabytes: float, rules: Sequence[Rule] = ()
) -> Data:
    """Make the data. budget: bytes for all of it, compressed; the index always goes in. rules: the user's own."""
    asked = sum(len(panel.questions) for panel in panels)
    panels = _listed(panels, comparison.baselines)
    index = _packed(_index(comparison, panels, rules))
    sizes = [len(panel.questions) for panel in panels]
    room = _room(index, sizes, budget)
    plan = list(_chunks(panels, comparison.baselines))
    voted = any(cell.having("voted").any() for panel in panels for cell in panel.cells.values())
    thin = voted and not _fits(panels, plan, room)
    details, held = _details(panels, plan, room, thin)
    if voted and not thin and sum(map(len, held)) < sum(sizes):
        thin = True
        details, held = _details(panels, plan, room, thin)
    return Data(index=index, details=details, held=held, sizes=sizes, thin=thin, megabytes=megabytes, asked=asked)


def _packed(value: object) -> bytes:
    try:
        content = orjson.dumps(value)
    except TypeError:  # a lone surrogate has no UTF-8
        content = orjson.dumps(_whole(value))
    return zlib.compress(content, LEVEL)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, Mapping):
        return {_whole(key): _whole(entry) for key, entry in value.items()}
    return [_whole(entry) for entry in value] if isinstance(value, list | tuple) else value


def without_surrogates(text: str) -> str:
    """U+FFFD for each lone surrogate: as many characters, so that spans hold."""
    return _SURROGATE.sub("\ufffd", text)


# --- the index ----------------------------------------------------------------------------------------------------


def _index(comparison: Comparison, panels: Sequence[Panel], own: Sequence[Rule]) -> dict[str, Any]:
    table = RULES | {rule.name: rule for rule in own}
    infos = [info for info in comparison.rules if info.name in table]
    modes = list(dict.fromkeys(mode for panel in panels for mode in panel.cells))
    columns = [[row for panel in panels for row in _rows(panel, mode)] for mode in modes]
    questions = [question for panel in panels for question in panel.questions]
    golds = [gold for panel in panels for gold in panel.golds]
    groups = sorted({question.group for question in questions if question.group})
    numbers = {name: number for number, name in enumerate(groups)}
    answers = [list(map(_answer, rows, golds)) for rows in columns]
    texts = [shortened(question.text) for question in questions]
    options = [[shortened(choice) for choice in question.choices] for question in questions]
    shown = list(map(shortened, golds))
    formulas = Formulas()
    maths = {
        "text": _some(map(formulas.of, texts)),
        "options": _some([*found] if any(found := [formulas.of_answer(o) for o in some]) else [] for some in options),
        "gold": _some(map(formulas.of_answer, shown)),
        "answer": [_some(formulas.of_answer(a) if isinstance(a, str) else [] for a in some) for some in answers],
    }
    theirs = [[_theirs(panel, mode) for panel in panels] for mode in modes]
    there = any(code is not None for column in theirs for code in column)
    return {
        **(
            {"theirs": ["".join(_whole_column(*one) for one in zip(column, panels, strict=True)) for column in theirs]}
            if there
            else {}
        ),
        "panels": list(map(_about, panels)),
        "modes": modes,
        "baselines": comparison.baselines,
        "outcomes": _OUTCOMES,
        "undecided": sorted(UNDECIDED),
        "groups": groups,
        "rules": [{"name": info.name, "about": info.about} for info in infos],
        "rule": comparison.tag_rule,
        "id": [question.id for question in questions],
        "text": texts,
        "options": options,
        "gold": shown,
        "group": [numbers.get(question.group, -1) for question in questions],
        "tags": ["".join(_tag_codes(panel, table[info.name]) for panel in panels) for info in infos],
        "outcome": ["".join(_NOT_ASKED if row is None else _CODES[row.outcome] for row in rows) for rows in columns],
        "answer": answers,
        "formulas": formulas.trees,
        "maths": maths,
    }


def _some(found: Iterable[list[Any]]) -> dict[str, list[Any]]:
    """Return what isn't empty, by its place."""
    return {str(place): one for place, one in enumerate(found) if one}


def _about(panel: Panel) -> dict[str, Any]:
    runs = {mode: cell.run.folder.name for mode, cell in panel.cells.items()}
    return {"model": panel.model, "task": panel.task, "n": len(panel.questions), "runs": runs}


def _tag_codes(panel: Panel, rule: Rule) -> str:
    """Return a character a question: 1, 0, or - where the rule has nothing to say."""
    tags = panel.tags(rule)
    return "-" * len(panel.questions) if tags is None else "".join("01-"[tag] for tag in tags.tolist())


def _theirs(panel: Panel, mode: str) -> str | None:
    """What an imported log's tool says of each question, in letters; None where there is nothing of the kind."""
    cell = panel.cells.get(mode)
    return None if cell is None else codes(panel, cell)


def _whole_column(found: str | None, panel: Panel) -> str:
    return found if found is not None else _NOT_ASKED * len(panel.questions)


def _rows(panel: Panel, mode: str) -> Sequence[Record | None]:
    return panel.cells[mode].rows if mode in panel.cells else [None] * len(panel.questions)


def _answer(row: Record | None, gold: str) -> str | int | None:
    """Return the answer to show; 0 stands for the gold answer's own text."""
    if row is None or row.answer is None:
        return None
    return 0 if row.answer == gold else shortened(row.answer, ANSWER_CHARS)


# --- which questions, in which order ------------------------------------------------------------------------------


def _listed(panels: Sequence[Panel], baselines: Sequence[str]) -> Sequence[Panel]:
    """The panels, with as many of their questions as have LISTED answers, the more telling first."""
    room = LISTED
    if sum(len(panel.questions) * len(panel.cells) for panel in panels) <= room:
        return panels
    places: list[list[int]] = [[] for _ in panels]
    for number, questions in _chunks(panels, baselines):
        room -= len(questions) * len(panels[number].cells)
        if room < 0:
            break
        places[number].extend(questions)
    return [panel.part(sorted(own)) for panel, own in zip(panels, places, strict=True)]


class _Chunk(NamedTuple):
    panel: int
    questions: Sequence[int]


def _chunks(panels: Sequence[Panel], baselines: Sequence[str]) -> Iterator[_Chunk]:
    """All questions in chunks, the more telling first."""
    ranked: list[tuple[tuple[int, float, int], _Chunk]] = []
    for number, panel in enumerate(panels):
        flips = _flips(panel, baselines)
        draws = [unit("page", question.id) for question in panel.questions]
        for late, places in enumerate((np.flatnonzero(flips), np.flatnonzero(~flips))):
            order = sorted(places.tolist(), key=draws.__getitem__)
            ranked += [
                ((late, start / len(order), number), _Chunk(number, order[start : start + CHUNK]))
                for start in range(0, len(order), CHUNK)
            ]
    yield from (chunk for _, chunk in sorted(ranked))


def _flips(panel: Panel, baselines: Sequence[str]) -> Any:
    """Which questions a mode turned right or wrong, against the first baseline."""
    flips = np.zeros(len(panel.questions), dtype=bool)
    base = panel.cells.get(baselines[0]) if baselines else None
    if base is not None:
        for cell in panel.cells.values():
            flips |= cell.decided & base.decided & (cell.right != base.right)
    return flips


def _fits(panels: Sequence[Panel], plan: Sequence[_Chunk], room: int) -> bool:
    """Whether all details would go in with all their paths, judged by one chunk of each panel."""
    firsts: dict[int, Sequence[int]] = {}
    for number, questions in plan:
        firsts.setdefault(number, questions[: CHUNK // 4])
    expected = 0.0
    for number, some in sorted(firsts.items()):
        expected += (
            len(_details_of(panels, _Chunk(number, some), False, Allowance(LATEX // 20)))
            / len(some)
            * len(panels[number].questions)
        )
        if expected > room:
            return False
    return True


def _details_of(panels: Sequence[Panel], chunk: _Chunk, thin: bool, allowance: Allowance | None = None) -> bytes:
    number, questions = chunk
    return _packed(details_of(panels[number], number, questions, thin=thin, allowance=allowance))


def _in_waves(panels: Sequence[Panel], plan: Sequence[_Chunk], thin: bool) -> Iterator[tuple[_Chunk, bytes]]:
    """Each chunk with its details; every second one is made by another process."""
    latex = [LATEX // 2, LATEX // 2]  # what either may use, whichever is faster: the same page each time
    for start in range(0, len(plan), WAVE):
        wave = plan[start : start + WAVE]
        others = beside(partial(_pack, panels, wave[1::2], thin, latex[1]), worth=len(wave) > WAVE // 4)
        ours, latex[0] = _pack(panels, wave[::2], thin, latex[0])
        theirs, latex[1] = others()
        for at, chunk in enumerate(wave):
            yield chunk, (theirs if at % 2 else ours)[at // 2]


def _pack(panels: Sequence[Panel], chunks: Sequence[_Chunk], thin: bool, latex: int) -> tuple[list[bytes], int]:
    """Return the chunks' details, and what is left of the characters of LaTeX that may become mathematics."""
    allowance = Allowance(latex)
    return [_details_of(panels, chunk, thin, allowance) for chunk in chunks], allowance.left


def _details(
    panels: Sequence[Panel], plan: Sequence[_Chunk], room: int, thin: bool
) -> tuple[list[bytes], list[list[Place]]]:
    """Chunks until the room is used up, and the places of the questions that each holds, in its order."""
    details: list[bytes] = []
    held: list[list[Place]] = []
    for (number, places), packed in _in_waves(panels, plan, thin):
        full = len(packed) > room
        while len(packed) > room and len(places) > 1:
            places = places[: len(places) // 2]
            packed = _details_of(panels, _Chunk(number, places), thin)
        if len(packed) <= room:
            details.append(packed)
            held.append([(number, place) for place in sorted(places)])
            room -= len(packed)
        if full:
            break
    return details, held


def _places(sizes: Sequence[int], held: Sequence[Sequence[Place]]) -> dict[str, Any]:
    first = np.cumsum([0, *sizes]).tolist()
    chunks, rows = [-1] * first[-1], [-1] * first[-1]
    for number, places in enumerate(held):
        for row, (panel, place) in enumerate(places):
            chunks[first[panel] + place], rows[first[panel] + place] = number, row
    return {"chunk": chunks, "row": rows, "held": sum(map(len, held)), "of": first[-1]}
