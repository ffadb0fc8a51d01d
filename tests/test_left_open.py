"""Answers of the kind `number-or-none`: a plan or program whose value depends on what isn't given says that there is
none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cotbench.answers.kinds import KINDS
from cotbench.programs import Sandbox
from cotbench.types import Program


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox[int]]:
    with Sandbox[int](workers=1) as box:
        yield box


@pytest.mark.parametrize(
    ("runtime", "code", "answer"),
    [
        ("sympy", "bags = 9 + morning\nanswer: 6 * bags", "none"),
        ("sympy", "bags = 9 + morning\nmorning = 2\nanswer: 6 * bags", "66"),
        ("sympy", "a + b = 7\nanswer: a", None),  # an ambiguous plan, which is an outcome of its own
        ("sympy", "a + b = 7\nanswer: a + b", "7"),
        ("python", "def solution():\n    return 'none'", "none"),
        ("python", 'def solution():\n    return "It can\'t be determined."', "none"),
        ("python", "from sympy import symbols\ndef solution():\n    return 6 * symbols('bags') + 54", "none"),
        ("python", "def solution():\n    return 66.0", "66"),
        ("python", "def solution():\n    return True", None),
        ("python", "def solution():\n    return [1, 2]", None),
        ("python", "def solution():\n    return float('inf')", None),
    ],
)
def test_a_value_that_depends_on_an_unknown_is_none(
    sandbox: Sandbox[int], runtime: str, code: str, answer: str | None
) -> None:
    execution = sandbox.run(Program(runtime=runtime, code=code, choices=()))
    assert KINDS["number-or-none"].value(execution) == answer, execution
    if answer == "none":
        assert KINDS["number"].value(execution) is None
