"""How arms use a tool in a loop: how many blocks of code a question took, how these ended, and what became of the
answers.

Questions with code and without are chosen by the model, which may write none where a question is easy, and more where
it is hard: what is right among them says nothing of what code brings. That is for the arm's difference to another.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.types import ExecutionOutcome

_NO_ERROR = frozenset({ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE})


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """How one arm used its tool, on questions with a verdict. Rates in 0..1, None where their n is 0.

    blocks: how many blocks of code were run, and mean_blocks of them for a question. ended: how many blocks ended how.
    failed: the share of blocks that ended in an error (one that shows nothing is none). n_used: questions with a block
    at least; used: their share; right_used: how often they were answered rightly. n_unused, right_unused: the same of
    questions without one. n_failed: questions of which a block ended in an error; recovered: those of them that were
    answered rightly all the same.
    """

    model: str
    task: str
    mode: str
    n: int
    blocks: int
    mean_blocks: float | None
    ended: dict[str, int]
    failed: float | None
    n_used: int
    used: Interval = field(metadata=columns(value="used", low="used_low", high="used_high"))
    right_used: Interval = field(metadata=columns(value="right_used", low="right_used_low", high="right_used_high"))
    n_unused: int
    right_unused: Interval = field(
        metadata=columns(value="right_unused", low="right_unused_low", high="right_unused_high")
    )
    n_failed: int
    recovered: Interval = field(metadata=columns(value="recovered", low="recovered_low", high="recovered_high"))


@dataclass(frozen=True, kw_only=True)
class ToolBlocks:
    """The questions of an arm for which so many blocks of code were run: their share, and how many were answered
    rightly. n: of all with a verdict."""

    model: str
    task: str
    mode: str
    blocks: int
    questions: int
    share: float
    right: int
    n: int


def tools_of(panel: Panel) -> tuple[list[ToolUse], list[ToolBlocks]]:
    """Return how the arms of a panel that have a tool used it: a row each, and rows by how often they did."""
    cells = [cell for cell in panel.cells.values() if cell.facts.tools and cell.decided.any()]
    return [_use(panel, cell) for cell in cells], [row for cell in cells for row in _blocks(panel, cell)]


def _count(cell: Cell) -> Array:
    """How many blocks were run for each question."""
    return cell.counts("executions")


def _use(panel: Panel, cell: Cell) -> ToolUse:
    decided, counts = cell.decided, _count(cell)
    rows = [row for row, kept in zip(cell.rows, decided.tolist(), strict=True) if kept and row is not None]
    ended = Counter(execution.outcome for row in rows for execution in row.executions)
    blocks = sum(ended.values())
    used = counts > 0
    failed = np.array(
        [row is not None and any(one.outcome not in _NO_ERROR for one in row.executions) for row in cell.rows]
    )

    def share_of(sign: Array, mask: Array) -> Interval:
        return Interval.of(stats.proportion(sign[mask], **panel.design(mask)) if mask.any() else None)

    return ToolUse(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        n=len(rows),
        blocks=blocks,
        mean_blocks=blocks / len(rows),
        ended=dict(ended.most_common()),
        failed=(blocks - sum(ended[outcome] for outcome in _NO_ERROR)) / blocks if blocks else None,
        n_used=int((decided & used).sum()),
        used=share_of(used, decided),
        right_used=share_of(cell.right, decided & used),
        n_unused=int((decided & ~used).sum()),
        right_unused=share_of(cell.right, decided & ~used),
        n_failed=int((decided & failed).sum()),
        recovered=share_of(cell.right, decided & failed),
    )


def _blocks(panel: Panel, cell: Cell) -> list[ToolBlocks]:
    decided, counts = cell.decided, _count(cell)
    n = int(decided.sum())
    rows = []
    for blocks in sorted(set(counts[decided].tolist())):
        mask = decided & (counts == blocks)
        questions, right = int(mask.sum()), int((mask & cell.right).sum())
        rows.append(
            ToolBlocks(
                model=panel.model,
                task=panel.task,
                mode=cell.mode,
                blocks=blocks,
                questions=questions,
                share=questions / n,
                right=right,
                n=n,
            )
        )
    return rows
