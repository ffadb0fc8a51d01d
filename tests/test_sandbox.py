"""The executor as runs use it: values, limits, processes that die, refusals; hostile programs are in `test_sandbox_hostile.py`."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli

from cotbench import sandbox as package
from cotbench.records import JOURNAL, read_journal, read_manifest, read_records
from cotbench.sandbox import Limits, Sandbox, missing_features
from cotbench.sandbox.probes import probe
from cotbench.types import Execution, ExecutionOutcome, Program

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
}


@pytest.mark.parametrize(("code", "value"), VALUES.values(), ids=VALUES)
def test_values_of_programs(box: Sandbox[int], code: str, value: str) -> None:
    execution = python(box, code)
    assert (execution.outcome, execution.value, execution.error) == ("ok", value, "")


FAILURES = {
    "syntax": ("def solution(:\n    return 1", "syntax_error", "line 1: "),
    "indentation": ("def solution():\nreturn 1", "syntax_error", "line 2: "),
    "NUL": ("ans = 1\x00", "syntax_error", ""),
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


def test_chance_is_the_same_every_time(box: Sandbox[int]) -> None:
    for code in (
        "import random\nans = random.random()",
        "import numpy as np\nans = float(np.random.rand())",
        "ans = str(list({'a', 'b', 'c', 'd', 'e'}))",
    ):
        assert len({python(box, code).value for _ in range(3)}) == 1, code


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


def test_cpu_time_and_wall_time_are_bounded() -> None:
    with Sandbox[str](workers=2, limits=Limits(cpu_s=1, wall_s=4)) as box:
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
        '{"outcome": "timeout", "value": null, "latex": null, "decimal": null, "option": null, "error": "", "stdout": ""}',
        '{"outcome": "ok", "value": 4, "latex": null, "decimal": null, "option": null, "error": "", "stdout": ""}',
        '{"outcome": "ok", "value": null, "latex": null, "decimal": null, "option": null, "error": "", "stdout": ""}',
        '{"outcome": "ok", "value": "4", "latex": null, "decimal": null, "option": null, "error": "", "stdout": "", "cpu_s": 0}',
    ],
)
def test_what_a_child_may_not_say(payload: str) -> None:
    assert package._report(payload) is None


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


def test_exec_is_zero_whenever_the_executor_worked(main: Cli, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    for code, outcome in (("1/0", "runtime_error"), ("def f(", "syntax_error"), ("while True: pass", "timeout")):
        path.write_text(code)
        result = main("exec", path, "--json", "--program-limits", "cpu_s=1")
        assert result.code == 0
        assert json.loads(result.out)["outcome"] == outcome
    path.write_bytes(b"\xff\xfe not UTF-8")
    assert json.loads(main("exec", path, "--json").out)["outcome"] == "syntax_error"


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
    assert read_manifest(Path(folder)).spec["programs"]["contained"] is False
    assert "without containment (--allow-unsandboxed-code)" in main("report", folder).out


def test_the_walls_of_a_run_are_part_of_what_it_is(main: Cli, tmp_path: Path) -> None:
    wanted = (*run_of("pal", tmp_path), "--json")
    inside = json.loads(main(*wanted).out)["folder"]
    outside = json.loads(main(*wanted, "--allow-unsandboxed-code").out)["folder"]
    assert inside != outside
    refused = main("run", "--resume", outside, "--quiet")
    assert refused.code == 3, "a folder from somebody else can't take the walls down"
    assert "contained" in refused.err


def test_five_thousand_programs_while_the_journal_is_written(main: Cli, tmp_path: Path) -> None:
    rows = (json.dumps({"question": f"{i} = ?", "answer": str(i)}) for i in range(5_000))
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(rows))
    done = main("run", "--model", "stub", "--task", path, "--mode", "pal", "--quiet", "--json", "-o", tmp_path / "r")
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    records = read_records(folder)
    assert len(records) == 5_000
    assert len(read_journal(folder / JOURNAL).replies) == 5_000
    assert all(len(row["executions"]) == 1 for row in records if row["outcome"] in ("correct", "wrong"))
    assert not {row["outcome"] for row in records} - {"correct", "wrong", "no_program", "truncated"}
    assert read_manifest(folder).totals["programs"] > 4_500


def test_outcomes_are_the_documented_ones() -> None:
    said = (Path(__file__).parent.parent / "README.md").read_text().split("`--json` prints one object", 1)[1][:400]
    assert {outcome.value for outcome in ExecutionOutcome} == {o for o in ExecutionOutcome if f"`{o}`" in said}
