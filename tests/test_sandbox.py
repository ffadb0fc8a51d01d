"""The executor as runs use it: values, limits, processes that die, refusals; `test_sandbox_hostile.py` has the rest."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import record_rows

from cotbench import programs as package
from cotbench.programs import Limits, Sandbox, missing_features
from cotbench.programs.probes import probe
from cotbench.store.journal import JOURNAL, read_journal
from cotbench.store.manifest import read_manifest
from cotbench.types import Execution, ExecutionOutcome, Program

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    bool(missing_features()), reason=f"no containment here: {', '.join(missing_features())}"
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox[int]]:
    with Sandbox[int](workers=2) as sandbox:
        yield sandbox


def python(box: Sandbox[int], code: str, *choices: str) -> Execution:
    return box.run(Program(runtime="python", code=code, choices=choices))


# --- what a program gives -----------------------------------------------------------------------------------------

VALUES = {
    "solution": ("def solution():\n    eggs = 16 - 3\n    return eggs * 2", "26"),
    "solution, called too": ("def solution():\n    return 5\nprint(solution())", "5"),
    "solution that prints": ("def solution():\n    print(7)\nsolution()", "7"),
    "ans": ("a = 3\nans = a * 4", "12"),
    "print": ("total = 3 * 4\nprint(total)", "12"),
    "the last print": ("print('first')\nprint(9)\n", "9"),
    "a sentence": ("print(f'The answer is {6 * 7}')", "The answer is 42"),
    "the last line": ("x = 6\nx * 7", "42"),
    "a named answer": ("result = 8", "8"),
    "ans beside a dict called solution": ("solution = {'x': 1}\nans = 2", "2"),
    "solution with an argument that has a default": ("def solution(n=4):\n    return n", "4"),
    "main": ("if __name__ == '__main__':\n    print(3)", "3"),
    "exit": ("print(4)\nexit()", "4"),
    "sys.exit": ("import sys\nprint(4)\nsys.exit(1)", "4"),
    "a float": ("ans = 0.1 + 0.2", "0.3"),
    "a whole float": ("ans = 18.0", "18"),
    "a Fraction": ("from fractions import Fraction\nans = Fraction(6, 8)", "3/4"),
    "a Decimal": ("from decimal import Decimal\nans = Decimal('1.50')", "1.5"),
    "a bool": ("ans = 3 > 2", "True"),
    "one in a list": ("ans = [5]", "5"),
    "a tuple": ("ans = (1, 2.5)", "(1, 2.5)"),
    "a set": ("ans = {2, 1}", "{1, 2}"),
    "a dict": ("ans = {'x': 1, 'y': 2}", "{x: 1, y: 2}"),
    "SymPy": ("from sympy import *\nx = symbols('x')\nans = solve(x**2 - 2, x)[1]", "sqrt(2)"),
    "SymPy without its import": ("x = symbols('x')\nans = solve(Eq(2*x, 3), x)[0]", "3/2"),
    "a matrix": ("import sympy as sp\nans = sp.Matrix([[1, 2], [3, 4]]).det()", "-2"),
    "NumPy": ("import numpy as np\nans = np.array([1, 2, 3]).sum()", "6"),
    "a module without its import": ("ans = math.factorial(5)", "120"),
    "a late import": ("from sympy.stats import Die, P\nans = P(Die('X', 6) > 4)", "1/3"),
    "a big number": ("ans = 2 ** 200", str(2**200)),
    "an input that isn't there": ("try:\n    input()\nexcept EOFError:\n    ans = 'none'", "none"),
    "names of its own": ("def print(x):\n    return x\nmath = 3\nans = math + 1", "4"),
    "a class and recursion": (
        "class A:\n    def f(self, n):\n        return 1 if n < 2 else n * self.f(n - 1)\nans = A().f(6)",
        "720",
    ),
    "a clock": ("import time\ntime.sleep(5)\nans = time.time() > 1.7e9", "True"),
    # What a program is written for, where it is only defined.
    "a cached solution": ("from functools import cache\n@cache\ndef solution():\n    return 5", "5"),
    "solution with a keyword that has a default": ("def solution(*, n=4):\n    return n", "4"),
    "an async solution": ("import asyncio\nasync def solution():\n    await asyncio.sleep(0)\n    return 5", "5"),
    "an async main": ("async def main():\n    return 5\nmain()", "5"),
    "main, not called": ("def helper(x):\n    return x\ndef main():\n    print(helper(3))", "3"),
    "the last function, not called": ("def eggs():\n    return 3\ndef total():\n    return eggs() + 1", "4"),
    "a class Solution": (
        "class Solution:\n    def add(self, x):\n        return x\n    def solve(self):\n        return self.add(9)",
        "9",
    ),
    "a closing comment": ("result = 3\n'''Three\napples'''", "3"),
    # What is printed, with its type lost.
    "a printed float": ("print(0.1 + 0.2)", "0.3"),
    "a float in a sentence": ("print(f'Total: {0.1 + 0.2} m')", "Total: 0.3 m"),
    "digits beyond a float's": ("print('0.1234567890123456789012')", "0.1234567890123456789012"),
    "a printed list of one": ("print([5])", "5"),
    "a printed list": ("print([1, 2])", "[1, 2]"),
    "a printed dict of one": ("print({'x': 5})", "5"),
    "a printed Fraction": ("from fractions import Fraction\nprint([Fraction(1, 2)])", "1/2"),
    "a printed complex number": ("print(3 + 4j)", "3 + 4*i"),
    "a printed NumPy number": ("import numpy as np\nprint([np.float64(5.0)])", "5"),
    "a printed solution": ("from sympy import *\nx = symbols('x')\nprint(solve([x - 5], [x]))", "5"),
    "a printed root": ("from sympy import *\nprint(cbrt(2))", "2^(1/3)"),
    "a printed open interval": ("from sympy import *\nprint(Interval.open(1, 2))", "(1, 2)"),
    "a printed complex root": ("from sympy import *\nprint(2 + 3*I)", "2 + 3*i"),
    "a printed matrix": ("from sympy import *\nprint(Matrix([[1, 2], [3, 4]]))", "[[1, 2], [3, 4]]"),
    "a printed tower": ("import sympy\nprint('9**9**9**9')", "9**9**9**9"),
    "a printed call": ("print('exit()')", "exit()"),
    "None behind it": ("def solution():\n    print(42)\nprint(solution())", "42"),
    "a line below it": ("print(42)\nprint('-----')", "42"),
    "a small NumPy float": ("import numpy as np\nans = np.float32(0.1)", "0.1"),
    "mpmath": ("import mpmath\nans = mpmath.mpf('2.5')", "2.5"),
}


@pytest.mark.parametrize(("code", "value"), VALUES.values(), ids=VALUES)
def test_values_of_programs(box: Sandbox[int], code: str, value: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value, execution.error) == ("ok", value, "")


SOLUTION = "def solution():\n    return 13"
MENDED = {
    "a byte order mark": "\ufeff" + SOLUTION,
    "a notebook's commands": f"!pip install sympy\n%matplotlib inline\n%%time\n{SOLUTION}",
    "a command in a block": "def solution():\n    !ls\n    return 13",
    "a shell's line": f"pip install sympy\n{SOLUTION}\n$ python program.py",
    "fences": f"```python\n{SOLUTION}\n```",
    "a closing sentence": f"{SOLUTION}\nThis returns 13.",
    "closing lines": f"{SOLUTION}\n\n**Answer: 13**\n---\nSo we get 13 apples.\n\\[ x = 13 \\]",
    "an opening sentence": f"Here is the program:\n{SOLUTION}",
    "a heading": f"{SOLUTION}\nExplanation:\nTotal: 13 apples",
    "Chinese": f"{SOLUTION}\n因此答案是13。",
    "non-breaking spaces": "def solution():\n\u00a0\u00a0\u00a0\u00a0return 13",
    "curly quotes": "print(“13”)",
    "an apostrophe in curly quotes": "x = “it's”\nprint(13)",
    "a minus sign": "x = 20 − 7\nprint(x)",
    "signs of other widths": "x = 13 × 1\nif x ≥ 2：\n    print（x）",
    "words that are data": "x = {'Red apples': 13,\n 'Green apples': 5}\nprint(x['Red apples'])\nThis prints 13 now.",
    "an indentation of all lines": "    x = 13\n    if x:\n        y = x\n    print(y)",
    "an indentation that the first line lost": "x = 6\n    y = 7\n    print(x + y)",
    "an indentation below a sentence": "Here is the code:\n    x = 13\n    print(x)",
    "an indented program with a text": '    x = """\n1\n"""\n    print(12 + int(x))',
    "an indented command": "x = 13\n    !conda install -y numpy\nprint(x)",
    "commands in a block": "if True:\n    !conda install -y numpy\n    !ls\nprint(13)",
    "a command above others in a block": "if True:\n    !ls\n    x = 13\nprint(x)",
    "a shell's lines": "x = !ls\nprint(13 + len(x))",
    "a timed value": "t = %time 13\nprint(t)",
    "a timed line": "%time x = 13\nprint(x)",
    "a timed value with options": "t = %timeit -n 10 -o 13\nprint(t)",
    "a turn's end": "print(13)<|im_end|>",
    "a turn's end on its own line": "print(13)\n<|eot_id|>\n",
    "a turn's beginning": "<|im_start|>assistant\nprint(13)</s>",
    "NUL": "print(13)\x00",
    "NUL within": "x = 13\x00\nprint(x)",
    "Ctrl-Z": "print(13)\x1a",
    "a notebook's prompt": "In [1]: x=13\nIn [2]: x",
    "a notebook's prompts": "In [1]: def f():\n   ...:     return 13\n   ...: \nIn [2]: print(f())\nOut[2]: 13",
    "Python's prompts": ">>> def f():\n...     return 13\n... \n>>> print(f())\n12\n",
    "a docstring": (
        'def solution():\n    """Five apples and\n    eight pears"""\n    return 13\nThe function returns 13.'
    ),
}


@pytest.mark.parametrize("code", MENDED.values(), ids=MENDED)
def test_what_a_chat_leaves_in_a_program_is_passed_over(box: Sandbox[int], code: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value, execution.error) == ("ok", "13", "")


FAILURES = {
    "a broken line": ("x = 5 apples\nprint(13)", "syntax_error", "line 1: "),
    "a broken line below a sentence": ("So we add them.\nx = 5 +\nprint(13)", "syntax_error", "line 1: "),
    "a name with a space": ("apples = 5\napples left = 3\nprint(apples)", "syntax_error", "line 2: "),
    "Python 2": ("x = 3\nresult = 4\nprint x", "syntax_error", "line 3: "),
    "a percent sign that divides": ("x = (7\n% 4\nprint(x)", "syntax_error", "line 1: "),
    "an input": ("x = int(input())", "runtime_error", "line 1: EOFError"),
    "a printed nan": ("print(float('nan'))", "no_value", ""),
    "only None printed": ("print(None)", "no_value", "the program gives no value"),
    "a loop of events": ("import asyncio\nasync def f():\n    return 1\nprint(asyncio.run(f()))", "runtime_error", ""),
    "syntax": ("def solution(:\n    return 1", "syntax_error", "line 1: "),
    "indentation": ("def solution():\nreturn 1", "syntax_error", "line 2: "),
    "exception": ("x = 1\ny = x / 0", "runtime_error", "line 2: ZeroDivisionError: division by zero"),
    "inside solution": ("def solution():\n    return {}['a']", "runtime_error", "line 2: KeyError: 'a'"),
    "no such module": ("import scipy_of_another_name", "runtime_error", "line 1: ModuleNotFoundError"),
    "nothing": ("x = 1", "no_value", "the program gives no value"),
    "only comments": ("# nothing yet", "no_value", "the program gives no value"),
    "None": ("def solution():\n    return None", "no_value", "the program gives no value"),
    "a function": ("ans = len", "no_value", "the program gives a builtin_function_or_method"),
    "not a number": ("ans = float('nan')", "no_value", ""),
    "memory": ("x = [0] * 10**10", "memory", "out of memory"),
    "output": ("while True: print('a' * 999)", "output_limit", "printed more than 1,000,000 characters"),
    "killed": ("import os\nos._exit(3)", "killed", "ended without a result"),
    "recursion": ("def f(n): return f(n + 1)\nf(0)", "runtime_error", "line 1: RecursionError"),
}


@pytest.mark.parametrize(("code", "outcome", "error"), FAILURES.values(), ids=FAILURES)
def test_ways_in_which_programs_fail(box: Sandbox[int], code: str, outcome: str, error: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value) == (outcome, None)
    assert execution.error.startswith(error)


@pytest.mark.parametrize(
    ("code", "choices", "option"),
    [
        ("ans = 'B'", ("x", "y"), "B"),
        ("ans = '(b)'", ("x", "y"), "B"),
        ("ans = 'blue whale'", ("Blue Whale", "Cat"), "A"),
        ("ans = 0.75", ("1/2", "3/4", "1"), "B"),
        ("ans = 1/3", ("0.25", "0.33", "0.5"), "B"),
        ("ans = 600", ("0.6 J", "600 J", "6 J"), "B"),
        ("from sympy import sqrt\nans = sqrt(8)", (r"$2\sqrt{2}$", r"$\sqrt{2}$"), "A"),
        ("ans = 5", ("1", "2"), None),
        ("ans = 'E'", ("1", "2"), None),
        ("print('The answer is (B)')", ("x", "y"), "B"),
        ("print('Option B')", ("x", "y"), "B"),
        ("print(['B'])", ("x", "y"), "B"),
        ("print('A or B')", ("x", "y"), None),
        ("ans = ['A', 'B']", ("x", "y"), None),
    ],
)
def test_a_value_is_mapped_to_its_option(
    box: Sandbox[int], code: str, choices: tuple[str, ...], option: str | None
) -> None:
    execution = python(box, code, *choices)
    assert (execution.outcome, execution.option) == ("ok", option)


def test_a_plan_is_solved(box: Sandbox[int]) -> None:
    execution = box.run(Program(runtime="sympy", code="x, y: positive\nx - y = 3\nx*y = 5\nanswer: x + y"))
    assert (execution.outcome, execution.value, execution.latex) == ("ok", "sqrt(29)", r"\sqrt{29}")
    assert execution.decimal == "5.38516480713"
    options = box.run(Program(runtime="sympy", code="answer: 6 * 7", choices=("41", "42")))
    assert (options.value, options.option) == ("B", "B")
    assert box.run(Program(runtime="sympy", code="x^2 = 4\nanswer: x")).outcome == "ambiguous"


# --- independence -------------------------------------------------------------------------------------------------


def test_programs_leave_nothing_to_the_next(box: Sandbox[int]) -> None:
    for code in (
        "import builtins\nbuiltins.len = lambda x: 0\nimport math\nmath.pi = 3\nans = 1",
        "import sympy\nsympy.sqrt = None\nsympy.Integer(2).__class__.x = 1\nans = 1",
    ):
        assert python(box, code).value == "1"
    assert python(box, "import math\nans = len([1, 2]) + (math.pi > 3.14)").value == "3"
    assert python(box, "from sympy import sqrt\nans = sqrt(4)").value == "2"


CHANCE = {
    "random": (
        "import random\nrandom.seed()\n"
        "ans = str([random.random(), random.Random().random(), random.sample(range(99), 9)])"
    ),
    "the system's": (
        "import os, random, secrets, uuid\n"
        "ans = str([os.urandom(4), random.SystemRandom().random(), secrets.randbelow(10**9), uuid.uuid4()])"
    ),
    "NumPy's": (
        "import numpy as np\n"
        "ans = str([np.random.rand(), np.random.default_rng().random(), np.random.RandomState().rand()])"
    ),
    "SymPy's": (
        "import sympy\n"
        "ans = str([sympy.core.random.random_complex_number(), sympy.randprime(1, 10**9), hash(sympy.Dummy('x'))])"
    ),
    "OpenSSL's": "import ssl\nans = ssl.RAND_bytes(4).hex()",
    "a number of the process": (
        "import os, posix, threading\n"
        "ans = str([os.getpid(), os.getppid(), os.getpgrp(), posix.getpid(), threading.get_native_id()])"
    ),
    "an id of this moment": "import uuid\nans = str(uuid.uuid1())",
    "an id of this moment, beside OpenSSL": "import ssl, uuid\nans = str(uuid.uuid1())",
    "a seed of this moment": "import random, time\nrandom.seed(time.time())\nans = random.random()",
    "the time": (
        "import time\n"
        "ans = str([time.time(), time.time_ns(), time.clock_gettime(time.CLOCK_REALTIME), time.ctime(), "
        "time.localtime(), time.strftime('%X')])"
    ),
    "the date": (
        "from datetime import date, datetime, timezone\n"
        "ans = str([datetime.now(), datetime.now(timezone.utc), datetime.utcnow(), datetime.today(), date.today()])"
    ),
    "the program's own timing": (
        "import time\nt = time.perf_counter(), time.process_time(), time.monotonic()\nsum(range(10**5))\n"
        "ans = str([time.perf_counter() - t[0], time.process_time() - t[1], time.monotonic() - t[2]])"
    ),
    "timeit's": "import timeit\nans = str([timeit.timeit('1 + 1', number=100), timeit.Timer('1 + 1').autorange()])",
    "what it used": "import os, resource\nans = str([os.times(), resource.getrusage(resource.RUSAGE_SELF)])",
    "hashes": "ans = sum(hash(c) % 10 for c in 'abc')",
    "a set of texts": "d = {'red': 1, 'green': 2, 'blue': 3}\nprint(d[list(set(d))[0]])",
    "a set of tuples": "ans = str([text for text, _ in {('a', 1), ('b', 2), ('c', None)}])",
    "a set with None": "print([x for x in {None, 'a', 1, 2.5, (), len, int, str, Ellipsis}])",
    "a set of types": "print([one.__name__ for one in {int, str, float, list, dict, set, ValueError, KeyError}])",
}


@pytest.mark.patient
def test_chance_is_the_same_every_time_in_every_process() -> None:
    """A value never depends on which warmed process runs a program, nor on what that process has run before."""
    values: dict[str, list[str | None]] = {name: [] for name in CHANCE}
    for turn in range(2):
        with Sandbox[str](workers=2) as box:
            for i, name in enumerate([*CHANCE, *reversed(CHANCE), *CHANCE]):
                box.submit(name, Program(runtime="python", code=CHANCE[name]))
                box.submit("", Program(runtime="python", code=f"print({'x' * (i * 997 + turn)!r})"))
            while box.pending:
                for name, execution in box.done(1.0):
                    if name:
                        assert execution.outcome == "ok", execution
                        values[name].append(execution.value)
    fixed = Path("/proc/sys/kernel/randomize_va_space").exists() and _addresses_can_be_fixed()
    for name, found in values.items():
        assert len(found) == 6
        if fixed or name not in ("a set with None", "a set of types"):
            assert len(set(found)) == 1, name


CLOCKS = {
    "dates stay of their types": (
        "from datetime import datetime\n"
        "ans = type(datetime.now()) is datetime and repr(datetime.now()).startswith('datetime.datetime(')"
    ),
    "of a subclass too": "from datetime import datetime\nclass D(datetime): pass\nans = type(D.now()) is D",
    "in a zone": (
        "from datetime import datetime, timedelta, timezone\nz = timezone(timedelta(hours=5))\n"
        "ans = datetime.now(z).utcoffset() == timedelta(hours=5)"
    ),
    "all clocks say the same": (
        "import time\nfrom datetime import date, datetime\n"
        "ans = {datetime.now().year, date.today().year, time.localtime().tm_year, int(time.strftime('%Y'))} == {2024}"
    ),
    "what is given is taken": (
        "import time\n"
        "ans = time.ctime(0) == time.asctime(time.gmtime(0)) == 'Thu Jan  1 00:00:00 1970' and time.strftime('%Y', "
        "time.gmtime(0)) == '1970'"
    ),
    "a look moves them": "import time\na, b, c = time.time(), time.time(), time.time_ns()\nans = a < b < c / 1e9",
    "one may wait by looking": "import time\nt = time.time()\nwhile time.time() - t < 2:\n    pass\nans = True",
}


@pytest.mark.parametrize("code", CLOCKS.values(), ids=CLOCKS)
def test_clocks_begin_at_a_fixed_date_and_go_forward(box: Sandbox[int], code: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value, execution.error) == ("ok", "True", "")


@pytest.mark.patient
def test_a_clock_that_stands_takes_no_limit_away() -> None:
    with Sandbox[int](workers=1, limits=Limits(cpu_s=1, wall_s=20)) as box:
        execution = python(box, "import time\nwhile True:\n    time.sleep(-0.0)")
        assert (execution.outcome, execution.error) == ("timeout", "used 1 s of CPU time")


def _addresses_can_be_fixed() -> bool:
    """Whether personality(2) takes ADDR_NO_RANDOMIZE, which some containers refuse. In a process of its own."""
    ask = "import ctypes; raise SystemExit(ctypes.CDLL(None).personality(0x40000) < 0)"
    return subprocess.run([sys.executable, "-c", ask], check=False).returncode == 0


def test_two_draws_differ(box: Sandbox[int]) -> None:
    assert python(box, "import random, os\nans = random.Random().random() != random.Random().random()").value == "True"
    assert python(box, "import os\nans = os.urandom(8) != os.urandom(8)").value == "True"


WAITS = {
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nans = lock.acquire(timeout=99)",
    "an event": "import threading\nans = threading.Event().wait(99)",
    "a queue": "import queue\ntry:\n    queue.Queue().get(timeout=99)\nexcept queue.Empty:\n    ans = False",
    "a simple queue": (
        "import queue\ntry:\n    queue.SimpleQueue().get(timeout=99)\nexcept queue.Empty:\n    ans = False"
    ),
    "a condition": (
        "import threading\nwith threading.Condition() as c:\n    pass\nc = threading.Condition()\nwith c:\n"
        "    ans = c.wait_for(lambda: False, timeout=99)"
    ),
    "a semaphore": "import threading\nans = threading.Semaphore(0).acquire(timeout=99)",
    "sleeping until": (
        "import time\nend = time.monotonic() + 99\nwhile time.monotonic() < end:\n    time.sleep(1)\nans = False"
    ),
}


@pytest.mark.parametrize("code", WAITS.values(), ids=WAITS)
def test_waiting_takes_no_time(box: Sandbox[int], code: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value) == ("ok", "False")
    assert execution.wall_s < 5


def test_sleeping_moves_the_clock(box: Sandbox[int]) -> None:
    code = "import time\nt = time.time(), time.monotonic(), time.perf_counter()\ntime.sleep(7.5)\n"
    code += "ans = [round(b - a, 1) for a, b in zip(t, (time.time(), time.monotonic(), time.perf_counter()))]"
    assert python(box, code).value == "[7.5, 7.5, 7.5]"
    assert python(box, "import time\ntime.sleep(-1)").error == "line 2: ValueError: sleep length must be non-negative"


def test_waiting_for_what_cannot_come_ends_at_once(box: Sandbox[int]) -> None:
    for code in (
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\nans = 1",
        "import queue\nqueue.Queue().get()",
    ):
        execution = python(box, code)
        assert (execution.outcome, execution.error) == ("timeout", "waits for what can't come")
        assert execution.wall_s < 5


def test_futex_tells_nothing_of_other_processes(box: Sandbox[int]) -> None:
    """FUTEX_LOCK_PI would answer EPERM for a task that exists and ESRCH for one that doesn't."""
    number = {"x86_64": 202, "aarch64": 98}[platform.machine()]
    code = f"""
import ctypes
libc, found = ctypes.CDLL(None, use_errno=True), set()
for task in (1, {os.getpid()}, 2**22 - 5):
    word = ctypes.c_uint32(task)
    for operation in (6, 7, 13):
        libc.syscall({number}, ctypes.byref(word), operation, 0, None, None, 0)
        found.add(ctypes.get_errno())
ans = found
"""
    assert python(box, code).value == "1"  # EPERM, every time


# Named in the README; the last ones are of other systems.
ABSENT = "tkinter turtle idlelib readline ensurepip lib2to3 test nis ossaudiodev spwd".split()
FOREIGN = "msilib msvcrt nt winreg winsound turtledemo antigravity this dbm".split()


def test_the_standard_library_is_there(box: Sandbox[int]) -> None:
    names = sorted(name for name in sys.stdlib_module_names - {*FOREIGN, *ABSENT} if not name.startswith("_"))
    code = (
        f"import bz2\nmissing = []\nfor name in {names}:\n    try:\n        __import__(name)\n"
        "    except ImportError:\n        missing.append(name)\nans = str(missing)"
    )
    assert python(box, code).value == "[]"
    said = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    assert [name for name in ABSENT if f"`{name}`" not in said] == []


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("import sqlite3\nc = sqlite3.connect(':memory:')\nans = c.execute('select 2 + 3').fetchone()[0]", "5"),
        ("import bz2, lzma\nans = bz2.decompress(bz2.compress(b'a')) == lzma.decompress(lzma.compress(b'a'))", "True"),
        ("import plistlib\nans = plistlib.loads(plistlib.dumps({'a': 7}))", "7"),
        ("import xml.etree.ElementTree as tree\nans = tree.fromstring('<a><b>3</b></a>').find('b').text", "3"),
        ("from contextvars import ContextVar\nans = ContextVar('x', default=4).get()", "4"),
        ("ans = len('数'.encode('gbk'))", "2"),
        ("import hashlib\nans = hashlib.md5(b'x').hexdigest()[:4]", "9dd4"),
    ],
)
def test_modules_that_few_programs_use(box: Sandbox[int], code: str, value: str) -> None:
    execution = python(box, code)
    assert (execution.value, execution.error) == (value, "")


def test_many_programs_keep_their_tickets(box: Sandbox[int]) -> None:
    for i in range(200):
        code = f"def solution():\n    return {i} ** 2" if i % 5 else f"raise ValueError({i})"
        box.submit(i, Program(runtime="python", code=code))
    results: dict[int, Execution] = {}
    while box.pending:
        results.update(box.done(1.0))
    assert sorted(results) == list(range(200))
    for i, execution in results.items():
        assert execution.value == (str(i * i) if i % 5 else None)


# --- limits and deaths --------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_cpu_time_and_wall_time_are_bounded() -> None:
    """CPU time ends what computes; wall time what waits for ever, which only an uncontained program can."""
    with Sandbox[str](workers=2, limits=Limits(cpu_s=1, wall_s=4), contained=False) as box:
        box.submit("busy", Program(runtime="python", code="while True: pass"))
        box.submit(
            "stuck",
            Program(runtime="python", code="import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"),
        )
        results: dict[str, Execution] = {}
        while box.pending:
            results.update(box.done(1.0))
    assert {name: e.outcome for name, e in results.items()} == {"busy": "timeout", "stuck": "timeout"}
    assert 0.8 < results["busy"].cpu_s < 2.5
    assert results["stuck"].cpu_s < 0.5
    assert 3.5 < results["stuck"].wall_s < 8


@pytest.mark.patient
def test_the_memory_limit_is_beyond_what_the_warmed_process_has() -> None:
    with Sandbox[int](workers=1, limits=Limits(memory_mb=64)) as box:
        assert python(box, "x = bytearray(40 << 20)\nans = len(x)").value == str(40 << 20)
        assert python(box, "x = bytearray(80 << 20)\nans = len(x)").outcome == "memory"
        assert python(box, "import sympy\nx = bytearray(40 << 20)\nans = len(x)").value == str(40 << 20)


def pids_of(box: Sandbox[Any]) -> list[int]:
    return [process.pid for process in box._processes.values()]


def test_a_warmed_process_that_dies_is_replaced() -> None:
    with Sandbox[int](workers=1) as box:
        assert python(box, "ans = 1").value == "1"
        [pid] = pids_of(box)
        os.kill(pid, signal.SIGKILL)
        assert python(box, "ans = 2").value == "2"
        box.submit(3, Program(runtime="python", code="n = 0\nfor i in range(10**7): n += 1\nans = n"))
        time.sleep(0.3)
        os.kill(pids_of(box)[0], signal.SIGKILL)
        [(ticket, execution)] = [one for _ in range(600) for one in box.done(0.1)][:1]
        assert (ticket, execution.value) == (3, str(10**7))


def test_nothing_is_left_when_it_closes() -> None:
    box = Sandbox[int](workers=2)
    python(box, "ans = 1")
    python(box, "import sympy\nans = 1")
    pids = pids_of(box)
    box.submit(1, Program(runtime="python", code="while True: pass"))
    time.sleep(0.2)
    started = time.monotonic()
    box.close()
    assert time.monotonic() - started < 5
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_process_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_BOOT", "raise SystemExit('no luck today')")
    with Sandbox[int](workers=1) as box, pytest.raises(package.SandboxError, match="didn't start: no luck today"):
        python(box, "ans = 1")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[" * 100_000,
        "9" * 10_000,
        '{"outcome": "ok"}',
        (
            '{"outcome": "timeout", "value": null, "latex": null, "decimal": null, "option": null, "error": "", '
            '"stdout": ""}'
        ),
        '{"outcome": "ok", "value": 4, "latex": null, "decimal": null, "option": null, "error": "", "stdout": ""}',
        '{"outcome": "ok", "value": null, "latex": null, "decimal": null, "option": null, "error": "", "stdout": ""}',
        (
            '{"outcome": "ok", "value": "4", "latex": null, "decimal": null, "option": null, "error": "", "stdout": '
            '"", "cpu_s": 0}'
        ),
    ],
)
def test_what_a_child_may_not_say(payload: str) -> None:
    assert package._report(payload) is None


@pytest.mark.patient
def test_the_doctors_probes_hold() -> None:
    results = list(probe())
    assert len(results) > 15
    assert [one for one in results if not one.ok] == []


# --- the command line ---------------------------------------------------------------------------------------------


def test_exec_says_what_came_of_a_program(main: Cli, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("def solution():\n    print('working')\n    return 6 * 7\n")
    result = main("exec", path, "--json")
    assert result.code == 0
    [line] = result.out.splitlines()
    row = json.loads(line)
    assert {"outcome", "value", "error", "stdout", "cpu_s", "wall_s"} <= row.keys()
    assert (row["outcome"], row["value"], row["stdout"]) == ("ok", "42", "working\n")
    assert "ok: 42" in main("exec", path).out


@pytest.mark.patient
def test_exec_is_zero_whenever_the_executor_worked(main: Cli, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    for code, outcome in (("1/0", "runtime_error"), ("def f(", "syntax_error"), ("while True: pass", "timeout")):
        path.write_text(code)
        result = main("exec", path, "--json", "--program-limits", "cpu_s=1")
        assert result.code == 0
        assert json.loads(result.out)["outcome"] == outcome
    path.write_bytes(b"\xff\xfe not UTF-8")
    assert json.loads(main("exec", path, "--json").out)["outcome"] == "syntax_error"


@pytest.mark.patient
def test_exec_reads_as_far_as_a_program_may_be_long(main: Cli, tmp_path: Path) -> None:
    endless = json.loads(main("exec", "/dev/zero", "--json").out)
    assert (endless["outcome"], endless["error"]) == ("syntax_error", "longer than 1,000,000 characters")
    path = tmp_path / "program.py"
    path.write_bytes(b"\xef\xbb\xbfans = 1 + 1\r\nprint(ans)\r\n")
    assert json.loads(main("exec", path, "--json").out)["value"] == "2"
    path.write_text("ans = 5\n" + "#" * 999_000)
    assert json.loads(main("exec", path, "--json").out)["value"] == "5"


def test_exec_solves_plans(main: Cli, tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    path.write_text("x + y = 10\nx - y = 4\nanswer: x / 2")
    row = json.loads(main("exec", path, "--runtime", "sympy", "--json").out)
    assert (row["outcome"], row["value"], row["decimal"]) == ("ok", "7/2", "3.5")
    path.write_text("no plan at all, sorry")
    assert json.loads(main("exec", path, "--runtime", "sympy", "--json").out)["outcome"] == "plan_invalid"


def run_of(modes: str, output: Path) -> tuple[object, ...]:
    stub = ("run", "--model", "stub", "--task", "sample", "--limit", "4", "--quiet")
    return (*stub, "--mode", modes, "-o", output / "r")


@pytest.mark.patient
def test_without_containment_code_is_refused_unless_allowed(
    main: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "missing_features", lambda: ["seccomp filters (CONFIG_SECCOMP_FILTER)"])
    path = tmp_path / "program.py"
    path.write_text("ans = 4")
    wanted = run_of("direct,pal", tmp_path)
    for words in (("exec", path), wanted):
        result = main(*words)
        assert result.code == 3
        assert "it lacks seccomp filters (CONFIG_SECCOMP_FILTER)" in result.err
        assert "--allow-unsandboxed-code" in result.err
    assert main("exec", path, "--allow-unsandboxed-code").out.startswith("ok: 4")
    assert main(*run_of("direct", tmp_path)).code == 0, "what runs no program needs no containment"
    done = main(*wanted, "--allow-unsandboxed-code", "--json")
    assert done.code == 0, done.err
    folder = json.loads(done.out)["folder"]
    assert read_manifest(Path(folder)).spec.contained is False
    assert "without containment (--allow-unsandboxed-code)" in main("report", folder).out


@pytest.mark.patient
def test_the_walls_of_a_run_are_part_of_what_it_is(main: Cli, tmp_path: Path) -> None:
    wanted = (*run_of("pal", tmp_path), "--json")
    inside = json.loads(main(*wanted).out)["folder"]
    outside = json.loads(main(*wanted, "--allow-unsandboxed-code").out)["folder"]
    assert inside != outside
    refused = main("run", "--resume", outside, "--quiet")
    assert refused.code == 3, "a folder from somebody else can't take the walls down"
    assert "contained" in refused.err


@pytest.mark.patient
def test_five_thousand_programs_while_the_journal_is_written(main: Cli, tmp_path: Path) -> None:
    rows = (json.dumps({"question": f"{i} = ?", "answer": str(i)}) for i in range(5_000))
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(rows))
    done = main("run", "--model", "stub", "--task", path, "--mode", "pal", "--quiet", "--json", "-o", tmp_path / "r")
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    records = record_rows(folder)
    assert len(records) == 5_000
    assert len(read_journal(folder / JOURNAL).replies) == 5_000
    assert all(len(row["executions"]) == 1 for row in records if row["outcome"] in ("correct", "wrong"))
    assert not {row["outcome"] for row in records} - {"correct", "wrong", "no_program", "truncated"}
    assert read_manifest(folder).totals["programs"] > 4_500


def test_outcomes_are_the_documented_ones() -> None:
    said = (
        (Path(__file__).parent.parent / "docs" / "programs.md")
        .read_text()
        .split("`--json` prints one object", 1)[1][:400]
    )
    assert {outcome.value for outcome in ExecutionOutcome} == {o for o in ExecutionOutcome if f"`{o}`" in said}
