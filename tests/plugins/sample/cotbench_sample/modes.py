"""A mode in two turns."""

from cotbench.modes import Facts, Flow, Kit, Mode, Turn
from cotbench.types import Question


def twice(question: Question, kit: Kit) -> Flow:
    """Answer, and answer again with the first answer in view."""
    [first] = yield from kit.ask(question, "first")
    [path] = yield from kit.ask(question, first=first.text)
    return kit.read(question, path)


TWICE = Mode(
    name="twice",
    about="an answer, and a second look at it; greedy",
    turns=(
        Turn(name="first", template="twice-first", max_tokens=400),
        Turn(template="twice", max_tokens=400, given={"first": "-"}),
    ),
    run=twice,
    facts=Facts(label="a second look", answers_in="words"),
)
