"""Programs per second through the executor: `python tests/benchmarks/sandbox.py [programs] [workers]`.

Each figure is the median of five rounds, of programs that differ from one another. Nothing else should run meanwhile.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

from cotbench.programs import Sandbox
from cotbench.types import Program

ROUNDS = 5


def arithmetic(i: int) -> Program:
    code = f"def solution():\n    boxes = {i}\n    each = 12\n    given = boxes // 3\n    return boxes * each - given"
    return Program(runtime="python", code=code)


def printed(i: int) -> Program:
    return Program(
        runtime="python", code=f"import math\nx = [math.sqrt(k) for k in range({i % 50})]\nprint(round(sum(x), 6))"
    )


def sympy_linear(i: int) -> Program:
    code = (
        "from sympy import symbols, Eq, solve\ndef solution():\n    x = symbols('x')\n"
        f"    return solve(Eq(3*x + {i}, 5*x - 4), x)[0]"
    )
    return Program(runtime="python", code=code)


def sympy_roots(i: int) -> Program:
    code = (
        "from sympy import symbols, solve\ndef solution():\n    x = symbols('x')\n"
        f"    return solve(x**2 - {i + 3}*x + {i}, x)[0]"
    )
    return Program(runtime="python", code=code)


def sympy_exact(i: int) -> Program:
    return Program(
        runtime="python",
        code=f"from sympy import Rational\ndef solution():\n    return Rational({i}, 7) + Rational(1, 3)",
    )


def plan_arithmetic(i: int) -> Program:
    return Program(runtime="sympy", code=f"price = {i} * 3\ntax = price / 20\nanswer: price + tax")


def plan_system(i: int) -> Program:
    return Program(runtime="sympy", code=f"x + y = {i + 10}\nx - y = 2\nanswer: x")


def plan_logic(i: int) -> Program:
    text = (
        "premise: a -> b\npremise: b -> not c\npremise: a\nask: must be true\noption A: c\noption B: b\noption C: not a"
    )
    return Program(runtime="sympy", code=text)


KINDS: tuple[Callable[[int], Program], ...] = (
    arithmetic,
    printed,
    sympy_exact,
    sympy_linear,
    sympy_roots,
    plan_arithmetic,
    plan_system,
    plan_logic,
)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else None
    print(
        f"{count} programs a round, {workers or 'default'} workers, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.2f}"
    )
    with Sandbox[int](workers=workers) as box:
        for make in KINDS:
            rates, spent = [], []
            for turn in range(ROUNDS + 1):
                started = time.perf_counter()
                for i in range(count):
                    box.submit(i, make(turn * count + i))
                done = []
                while box.pending:
                    done += [execution for _, execution in box.done(1.0)]
                rates.append(count / (time.perf_counter() - started))
                spent += [execution.cpu_s for execution in done]
                assert all(execution.outcome == "ok" for execution in done), done[0]
            rate = statistics.median(rates[1:])  # the first round starts the processes
            print(
                f"{make.__name__:16} {rate:6.0f} a second, {1000 * statistics.median(spent):5.1f} ms of CPU time each"
            )


if __name__ == "__main__":
    main()
