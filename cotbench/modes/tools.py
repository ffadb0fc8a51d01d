"""Tools in a loop: the model reasons in words and has Python compute, in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Own, Turn, whole
from cotbench.modes.reading import blamed, block_of
from cotbench.modes.steps import Flow, execute
from cotbench.types import Completion, Execution, ExecutionOutcome, Node, Program, Question

MOST_SHOWN = 2_000  # characters of what a block printed: its end, where an answer or an error stands
NOTHING = "(nothing was printed)"
# How a block ended of which the names are there afterwards: one that was stopped, or is no Python, leaves none.
_LEAVES_NAMES = frozenset({ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE, ExecutionOutcome.RUNTIME_ERROR})


def in_a_loop(question: Question, kit: Kit) -> Flow:
    """Let the model write words and a block of Python, show it what that printed, and let it go on, until it writes no
    block or no more are run: then its answer is read. ToRA's interleaving (Gou et al. 2023, arXiv:2309.17452).

    A reply that goes on ends with its first block, whatever the model wrote behind it: that was written without knowing
    what the block prints, and is neither shown back nor read. It isn't kept from writing it by a stop string: no string
    ends blocks only, and servers stop at one within a thought, too."""
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
        nodes += _nodes(len(nodes), path, **told[-1])
    reading = yield from kit.conclude(question, path, turns=tuple(told), calls=calls)
    nodes.append(_answer(len(nodes), reading.source or path))
    return replace(blamed(reading, executions), nodes=tuple(nodes))


def shown(execution: Execution) -> str:
    """What a model is shown of a block: the end of what it printed, and its error."""
    printed = execution.stdout.strip()
    if len(printed) > MOST_SHOWN:
        printed = "..." + printed[-MOST_SHOWN:]
    if execution.outcome in (ExecutionOutcome.OK, ExecutionOutcome.NO_VALUE):
        return printed or NOTHING
    return f"{printed}\nError: {execution.error}".strip()


def _nodes(place: int, path: Completion, reply: str, output: str) -> Sequence[Node]:
    """The nodes of a block and of what it printed, the next of a chain. place: of the first of them."""
    code = Node(text=reply, role="code", parent=place - 1 if place else None, source=path)
    return code, Node(text=output, role="output", parent=place)


def _answer(place: int, path: Completion) -> Node:
    text = path.begun + path.text
    return Node(text=text, role="answer", parent=place - 1 if place else None, source=path)


def _turns(settings: Mapping[str, Any]) -> tuple[Turn, ...]:
    calls = settings["calls"]
    example = {"reply": "```python\nprint(1)\n```", "output": "1"}
    given = {"turns": (example,) * min(calls, 2), "calls": calls}
    return (Turn(template="tools", max_tokens=1024, given=given, asked=calls + 1),)


CALLS = Own(4, *whole(1), "how many blocks of Python are run for a question at most")
TOOLS = Mode(
    name="tools",
    about="reasoning and Python in turn: it sees what its block printed, and goes on (ToRA, Gou et al. 2023, "
    "arXiv:2309.17452); greedy",
    turns=_turns({"calls": CALLS.default}),
    settings={"calls": CALLS},
    shape=_turns,
    run=in_a_loop,
    runs="python",
    shows="program",
    facts=Facts(
        label="tools", colour="#44AA99", marker="X", answers_in="words", reasons=True, beside_vote=True, tools="python"
    ),
)
