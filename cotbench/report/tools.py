"""How arms used a tool in a loop, as tables. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.tools import ToolBlocks, ToolUse
from cotbench.report.columns import MODE, N, Table
from cotbench.report.words import DASH, count, ends, percent


def tool_use(comparison: Comparison) -> Table[ToolUse]:
    """How each arm used its tool."""
    return Table(
        title="Tools in a loop: how they were used",
        rows=comparison.tool_uses,
        names=MODE,
        figures=[
            N,
            ("blocks", lambda r: DASH if r.mean_blocks is None else f"{r.mean_blocks:.2f}"),
            ("failed %", lambda r: percent(r.failed)),
            ("with code %", lambda r: percent(r.used.value)),
            ("right %", lambda r: percent(r.right_used.value)),
            ("95% interval", lambda r: ends(r.right_used)),
            ("n without", lambda r: count(r.n_unused)),
            ("right %", lambda r: percent(r.right_unused.value)),
            ("95% interval", lambda r: ends(r.right_unused)),
            ("n with an error", lambda r: count(r.n_failed)),
            ("recovered %", lambda r: percent(r.recovered.value)),
            ("95% interval", lambda r: ends(r.recovered)),
        ],
        about="blocks: of code that were run, for a question. failed: of the blocks, those that ended in an error, "
        "which the model is shown. with code: questions with a block at least; of these, and of those without, what "
        "was answered rightly. recovered: of the questions of which a block ended in an error, those that were "
        "answered rightly all the same. Where to use code is the model's choice, which goes by how hard a question is: "
        "what code brings is told by the differences between arms.",
    )


def tool_blocks(comparison: Comparison) -> Table[ToolBlocks]:
    """How many blocks questions took."""
    ended = {(r.model, r.task, r.mode): _ended(r) for r in comparison.tool_uses}
    first = {(r.model, r.task, r.mode): r.blocks for r in reversed(comparison.tool_blocks)}

    def of_arm(row: ToolBlocks) -> str:
        """How the arm's blocks ended, on its first row."""
        key = row.model, row.task, row.mode
        return ended.get(key, "") if first[key] == row.blocks else ""

    return Table(
        title="Tools in a loop: how many blocks of code questions took",
        rows=comparison.tool_blocks,
        names=[*MODE, ("blocks", lambda r: str(r.blocks))],
        figures=[
            ("questions", lambda r: count(r.questions)),
            ("share %", lambda r: percent(r.share)),
            ("right", lambda r: count(r.right)),
            ("how the arm's blocks ended", of_arm),
        ],
        about="ok: it showed something; no value: it showed nothing; the others ended in an error.",
        brief=False,
    )


def _ended(row: ToolUse) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in row.ended.items())
