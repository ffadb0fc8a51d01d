"""Tools in a loop: the model reasons in words and has Python compute, in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.reading import blamed, block_of
from cotbench.modes.steps import Flow, execute
from cotbench.types import Completion, Execution, ExecutionOutcome, Node, Program, Question

MOST_SHOWN = 2_000  # characters of what a block printed: its end, where an answer or an error stands
NOTHING = "(nothing was printed)"
# How a block ended of which the names are there afterwards: one that was stopped, or is no Python, leaves none.
_LEAVES_NAMES = frozenset({ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE, ExecutionOutcome.RUNTIME_ERROR})


def in_a_loop(question: Question, kit: Kit) -> Flow:
    """Let the model write words and a block of Python, show it what that printed, and let it go on, until it writes no
    block or has had its runs: then its answer is read. ToRA's interleaving (Gou et al. 2023, arXiv:2309.17452).

    A reply ends with its first block, whatever the model wrote behind it: that was written without knowing what the
    block prints, and is neither shown back nor read."""
    calls = kit.setting("calls")
    told: list[dict[str, str]] = []
    replies: list[Completion] = []
    executions: list[Execution] = []
    nodes: list[Node] = []
    names: tuple[str, ...] = ()  # the blocks that are run again for what they define
    while True:
        [path] = yield from kit.ask(question, turns=tuple(told), calls=calls, after=replies[-1:])
        replies.append(path)
        block = block_of(path) if len(executions) < calls else None
        if block is None:
            break
        [execution] = yield from execute(Program(runtime="notebook", code=block.code, earlier=names))
        executions.append(execution)
        if execution.outcome in _LEAVES_NAMES:
            names = (*names, block.code)
        told.append({"reply": block.reply, "output": shown(execution)})
        nodes += _nodes(len(nodes), path, execution, **told[-1])
    reading = yield from kit.conclude(question, path, turns=tuple(told), calls=calls)
    nodes.append(Node(text=path.text, role="answer", parent=len(nodes) - 1 if nodes else None, source=path))
    return replace(blamed(reading, executions), nodes=tuple(nodes))


def shown(execution: Execution) -> str:
    """What a model is shown of a block's run: the end of what it printed, and its error."""
    printed = execution.stdout.strip()
    if len(printed) > MOST_SHOWN:
        printed = "..." + printed[-MOST_SHOWN:]
    if execution.outcome in (ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE):
        return printed or NOTHING
    return f"{printed}\nError: {execution.error}".strip()


def _nodes(place: int, path: Completion, execution: Execution, reply: str, output: str) -> Sequence[Node]:
    """A block and what it printed, as the next of a chain. place: where the first of them stands."""
    ended = "" if execution.outcome is ExecutionOutcome.OK else execution.outcome.value
    return (
        Node(text=reply, role="code", parent=place - 1 if place else None, source=path),
        Node(text=output, role="output", parent=place, why=ended.replace("_", " ")),
    )


TOOLS = Mode(
    name="tools",
    about="reasoning and Python in turn, shown what it printed, at most --mode tools@calls=4 times (ToRA, Gou et al. "
    "2023); greedy",
    turns=(
        Turn(
            template="tools",
            max_tokens=1024,
            given={"turns": ({"reply": "```python\nprint(1)\n```", "output": "1"},) * 2, "calls": 4},
            asked=5,
        ),
    ),
    run=in_a_loop,
    runs="python",
    shows="program",
    facts=Facts(
        label="tools", colour="#117733", marker="P", answers_in="words", reasons=True, beside_vote=True, tools="python"
    ),
)
