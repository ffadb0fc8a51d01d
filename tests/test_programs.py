"""The program or plan in an output: fences, tags, none, several, cut ones. All outputs were written for this file."""

from __future__ import annotations

import pytest

from cotbench.answers.reading.programs import find_plan, find_program

SOLUTION = "def solution():\n    eggs = 16\n    return eggs - 3"

FOUND = {
    "fenced": (f"```python\n{SOLUTION}\n```", SOLUTION),
    "prose around": (f"Here is it:\n\n```python\n{SOLUTION}\n```\nIt returns 13.", SOLUTION),
    "short name": (f"```py\n{SOLUTION}\n```", SOLUTION),
    "upper case": (f"```Python\n{SOLUTION}\n```", SOLUTION),
    "no name": (f"```\n{SOLUTION}\n```", SOLUTION),
    "tildes": (f"~~~python\n{SOLUTION}\n~~~", SOLUTION),
    "four ticks": (f"````python\n{SOLUTION}\n````", SOLUTION),
    "unclosed": (f"```python\n{SOLUTION}", SOLUTION),
    "in a list": ("1. Like this:\n   ```python\n   ans = 4\n   print(ans)\n   ```", "ans = 4\nprint(ans)"),
    "in a quotation": ("> ```python\n> ans = 4\n> ```", "ans = 4"),
    "carriage returns": (f"```python\n{SOLUTION}\n```\nIt returns 13.\n".replace("\n", "\r\n"), SOLUTION),
    "after a thought": (f"<think>\n```python\nans = 1\n```\n</think>\n```python\n{SOLUTION}\n```", SOLUTION),
    "bare": (SOLUTION, SOLUTION),
    "bare, after prose": (f"The program:\n{SOLUTION}\nThis gives 13.", SOLUTION),
    "bare, with imports": ("import math\nans = math.sqrt(4)\nSo it is 2.", "import math\nans = math.sqrt(4)"),
    "bare, open bracket": ("x = [\n1,\n2,\n]\nans = sum(x)\nDone!", "x = [\n1,\n2,\n]\nans = sum(x)"),
    "bare, docstring": (
        (
            'def solution():\n    """How many?\nQuestion: in a docstring\n    """\n    return 1\n\n\n\n'
            "Question: next?\ndef solution():\n    return 2"
        ),
        'def solution():\n    """How many?\nQuestion: in a docstring\n    """\n    return 1',
    ),
    "the last solution": (
        f"```python\ndef solution():\n    return 1\n```\nWait.\n```python\n{SOLUTION}\n```",
        SOLUTION,
    ),
    "solution before a demo": (f"```python\n{SOLUTION}\n```\nTry:\n```python\nprint(5)\n```", SOLUTION),
    "output isn't code": ("```python\nprint(6 * 7)\n```\n```output\n42\n```\nSo 42.", "print(6 * 7)"),
    "cells": ("```python\nx = 3\n```\nthen\n```python\nprint(x + 1)\n```", "x = 3\nprint(x + 1)"),
    "cells that stand alone": ("```python\nx = 3\n```\nbetter\n```python\ny = 4\nprint(y)\n```", "y = 4\nprint(y)"),
    "imports behind": (
        "```python\nans = sqrt(16)\n```\n```python\nfrom math import sqrt\n```",
        "from math import sqrt\nans = sqrt(16)",
    ),
    "prompts": (">>> x = 2\n>>> print(x)\n2", "x = 2\nprint(x)"),
    "fenced prompts": ("```python\n>>> x = 2\n>>> x + 1\n3\n```", "x = 2\nx + 1"),
    "special tokens": ("Use it:<|python_tag|>print(1)<|eom_id|>", "print(1)"),
    "tags": ("<code>\nprint(1)\n</code>", "print(1)"),
    "a byte order mark": (f"\ufeff```python\n{SOLUTION}\n```", SOLUTION),
    "lines that end as on old Macs": (f"```python\n{SOLUTION}\n```\n".replace("\n", "\r"), SOLUTION),
    "behind text": (f"Here is the program: ```python\n{SOLUTION}\n```", SOLUTION),
    "behind text, no name": (f"Here is the program:```\n{SOLUTION}\n```", SOLUTION),
    "closed behind the last line": (f"```python\n{SOLUTION}```\nIt returns 13.", SOLUTION),
    "text behind the closing mark": (f"```python\n{SOLUTION}\n``` It returns 13.", SOLUTION),
    "a title": (f'```python3 title="a.py"\n{SOLUTION}\n```', SOLUTION),
    "a file name": (f"```python:solution.py\n{SOLUTION}\n```", SOLUTION),
    "attributes": (f"```{{.python .numberLines}}\n{SOLUTION}\n```", SOLUTION),
    "a name in braces": (f"```{{python}}\n{SOLUTION}\n```", SOLUTION),
    "a version": (f"```python3.11\n{SOLUTION}\n```", SOLUTION),
    "a space before the name": (f"``` python\n{SOLUTION}\n```", SOLUTION),
    "the name on a line of its own": (f"```\npython\n{SOLUTION}\n```", SOLUTION),
    "the name on a line of its own, bare": (f"Python\n\n{SOLUTION}", SOLUTION),
    "code beside the mark": ("```python def solution():\n    return 4\n```", "def solution():\n    return 4"),
    "all on one line": ("```python print(6 * 7)```", "print(6 * 7)"),
    "text as its name": (f"```text\n{SOLUTION}\n```", SOLUTION),
    "in a bulleted list": ("- So:\n- ```python\n  ans = 4\n  ```", "ans = 4"),
    "in a block of Markdown": (f"````markdown\n# A\n```python\n{SOLUTION}\n```\n````", SOLUTION),
    "a mark too deep": (f"```python\n{SOLUTION}\n    ```\nDone.", SOLUTION),
    "marks in a docstring": (
        '```python\ndef solution():\n    """\n    ```\n    4\n    ```\n    """\n    return 4\n```',
        'def solution():\n    """\n    ```\n    4\n    ```\n    """\n    return 4',
    ),
    "a mark that closes and opens": ("```python\nx = 3\n```python\nprint(x)\n```", "x = 3\nprint(x)"),
    "all names of a module": (
        "```python\nfrom math import *\n```\n```python\nans = sqrt(16)\n```",
        "from math import *\nans = sqrt(16)",
    ),
    "a cell of commands": ("```python\n!pip install x\n```\n```python\nprint(1)\n```", "print(1)"),
    "numbered prompts": (
        "```python\nIn [1]: x = 2\n\nIn [2]: def f():\n   ...:     return x\nOut[2]: 4\n```",
        "x = 2\n\ndef f():\n    return x",
    ),
    "non-breaking spaces": (
        "def solution():\n\u00a0\u00a0\u00a0\u00a0return 4\nSo it is 4.",
        "def solution():\n    return 4",
    ),
    "tabs": ("```python\ndef f():\n\tx = 1\n    return x\n```", "def f():\n    x = 1\n    return x"),
    "wide tabs": ("```python\ndef f():\n\tx = 1\n        return x\n```", "def f():\n        x = 1\n        return x"),
    "an async function": (
        "Take\nasync def solution():\n    return 4\nThat is all.",
        "async def solution():\n    return 4",
    ),
    "a decorated function": ("@cache\ndef solution():\n    return 4", "@cache\ndef solution():\n    return 4"),
    "HTML": (
        '<pre><code class="language-python">\nans = 4 if 1 &lt; 2 else 3\n</code></pre>',
        "ans = 4 if 1 < 2 else 3",
    ),
    "tags in brackets": (f"[PYTHON]\n{SOLUTION}\n[/PYTHON]\n[TESTS]", SOLUTION),
    "a listing": (f"\\begin{{lstlisting}}[language=Python]\n{SOLUTION}\n\\end{{lstlisting}}", SOLUTION),
    "minted": (f"\\begin{{minted}}{{python}}\n{SOLUTION}\n\\end{{minted}}", SOLUTION),
    "a call": (
        '<tool_call>\n{"name": "python", "arguments": {"code": "def solution():\\n    return 4\\n"}}\n</tool_call>',
        "def solution():\n    return 4",
    ),
    "in a closed thought, with nothing behind it": (f"<think>\n```python\n{SOLUTION}\n```\n</think>\n", SOLUTION),
    "at the end of a thought that isn't closed": (f"<think>So.\n```python\n{SOLUTION}\n```", SOLUTION),
    "another language aside": ("```bash\npip install sympy\n```\n```python\nprint(1)\n```", "print(1)"),
}


@pytest.mark.parametrize(("output", "program"), FOUND.values(), ids=FOUND)
def test_the_program_of_an_output(output: str, program: str) -> None:
    found = find_program(output)
    assert found is not None
    assert found.text == program
    assert not found.cut
    assert output[slice(*found.span)].strip()


NONE = {
    "nothing": "",
    "prose": "The answer is 13, since 16 - 3 = 13.",
    "a thought that isn't closed and goes on": f"<think>\n```python\n{SOLUTION}\n```\nHmm, is that right?",
    "a thought behind which there is an answer": f"<think>\n```python\n{SOLUTION}\n```\n</think>\nIt is 13.",
    "a word in ticks": "Use ```x``` for it.",
    "only output": "```output\n42\n```",
    "a table": "```\n| a | b |\n```",
}


@pytest.mark.parametrize("output", NONE.values(), ids=NONE)
def test_no_program(output: str) -> None:
    assert find_program(output) is None


@pytest.mark.parametrize(
    ("output", "cut"),
    [
        ("```python\nx = 1\nprint(", True),
        ("```python\nx = 1\n```\nThis shows that", False),
        ("def solution():\n    return 1 +", True),
        ("def solution():\n    return 1\nThis means", False),
    ],
)
def test_a_program_that_was_cut_is_told_from_prose_that_was(output: str, cut: bool) -> None:
    found = find_program(output, truncated=True)
    assert found is not None
    assert found.cut is cut
    whole = find_program(output)
    assert whole is not None
    assert not whole.cut


PLANS = {
    "fenced": ("```plan\nx = 1\nanswer: x\n```", "x = 1\nanswer: x"),
    "any fence": ("```\nanswer: 3\n```", "answer: 3"),
    "logic": (
        "Plan:\n```text\npremise: a\nask: must be true\noption A: a\n```",
        "premise: a\nask: must be true\noption A: a",
    ),
    "the last that asks": ("```plan\nanswer: 1\n```\nno:\n```plan\nanswer: 2\n```\n```\nx = 3\n```", "answer: 2"),
    "bare": ("x = 1\nanswer: x", "x = 1\nanswer: x"),
    "an equals sign": ("```plan\nanswer = 4\n```", "answer = 4"),
    "after a thought": ("<think>answer: 1</think>\nanswer: 2", "answer: 2"),
    "carriage returns": ("```plan\r\nx = 1\r\nanswer: x\r\n```\r\n", "x = 1\nanswer: x"),
    "bare, carriage returns": ("x = 1\r\nanswer: x\r\n", "x = 1\nanswer: x"),
    "behind text": ("The plan: ```plan\nanswer: 2\n```", "answer: 2"),
    "another name": ("```solver\nanswer: 2\n```", "answer: 2"),
    "its output": ("```plan\nanswer: 1 + 1\n```\n```output\nanswer: 2\n```", "answer: 1 + 1"),
    "in a closed thought, with nothing behind it": ("<think>\n```plan\nanswer: 2\n```\n</think>", "answer: 2"),
    "at the end of a thought that isn't closed": ("<think>So.\n```plan\nanswer: 2\n```", "answer: 2"),
}


@pytest.mark.parametrize(("output", "plan"), PLANS.values(), ids=PLANS)
def test_the_plan_of_an_output(output: str, plan: str) -> None:
    found = find_plan(output)
    assert found is not None
    assert found.text == plan


def test_no_plan_in_an_empty_or_unfinished_output() -> None:
    assert find_plan("  \n") is None
    assert find_plan("<think>answer: 1") is None
    assert find_plan("<think>```plan\nanswer: 1\n```", truncated=True) is None
    cut = find_plan("```plan\nx = 1\nanswer: x +", truncated=True)
    assert cut is not None
    assert cut.cut
