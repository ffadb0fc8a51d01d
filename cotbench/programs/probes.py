"""What `cotbench doctor` runs through the executor itself: things that must be refused, and things that must work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cotbench.programs import Limits, Sandbox
from cotbench.types import Execution, ExecutionOutcome, Program

LIMITS = Limits(cpu_s=1, wall_s=10, memory_mb=256)

# Says what became of an attempt: "escaped", or by which error it was refused.
_ATTEMPT = """
import os, signal, socket, subprocess
def attempt():
    {0}
try:
    found = attempt()
    ans = "escaped" if found is None else f"escaped: {{found!r:.40}}"
except BaseException as error:
    ans = f"refused: {{type(error).__name__}}"
"""
_ATTEMPTS = {
    "reading a file": "return open('/etc/hostname').read()",
    "listing a folder": "return os.listdir('/')",
    "writing a file": "open('/tmp/cotbench-probe', 'w').close()",
    "making a folder": "os.mkdir('/tmp/cotbench-probe')",
    "changing a file's mode": "os.chmod('/tmp', 0o1777)",
    "other processes' data": "return open('/proc/1/environ').read()",
    "network": "socket.create_connection(('127.0.0.1', 9), 1)",
    "a local socket": "socket.socketpair()",
    "a new process": "os.waitpid(os.fork() or os._exit(0), 0)",
    "a shell command": "return subprocess.run('id', capture_output=True)",
    "another program": "os.execv('/bin/true', ['true'])",
    "signals to others": "os.kill(os.getppid(), 0)",
    "its own limits": "import resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
}
_ENDS = {
    "an endless loop": ("while True: pass", ExecutionOutcome.TIMEOUT),
    "endless memory": ("x = []\nwhile True: x.append(bytearray(1 << 20))", ExecutionOutcome.MEMORY),
    "endless output": ("while True: print('x' * 1000)", ExecutionOutcome.OUTPUT_LIMIT),
    "a crash": ("import ctypes\nctypes.string_at(0)", ExecutionOutcome.KILLED),
}
_WORKS = {
    "Python": (Program(runtime="python", code="def solution():\n    return sum(range(10))"), "45"),
    "an empty environment": (Program(runtime="python", code="import os\nans = len(os.environ)"), "0"),
    "Python with SymPy": (
        Program(
            runtime="python", code="from sympy import *\nx = symbols('x')\nans = integrate(x**2, (x, 0, 3)) + sqrt(12)"
        ),
        "2*sqrt(3) + 9",
    ),
    "a plan": (Program(runtime="sympy", code="x + y = 10\nx - y = 4\nanswer: x"), "7"),
}


@dataclass(frozen=True, kw_only=True)
class Probe:
    name: str
    ok: bool
    found: str


def probe() -> Iterator[Probe]:
    """Run all probes. Raises SandboxError where nothing can be run."""
    with Sandbox[str](workers=2, limits=LIMITS) as sandbox:
        for name, body in _ATTEMPTS.items():
            sandbox.submit(f"refused: {name}", Program(runtime="python", code=_ATTEMPT.format(body)))
        for name, (code, _) in _ENDS.items():
            sandbox.submit(f"stopped: {name}", Program(runtime="python", code=code))
        for name, (program, _) in _WORKS.items():
            sandbox.submit(f"works: {name}", program)
        results: dict[str, Execution] = {}
        while sandbox.pending:
            results.update(sandbox.done(1.0))
    for name in _ATTEMPTS:
        result = results[f"refused: {name}"]
        found = result.value or f"{result.outcome}: {result.error}"
        yield Probe(name=f"refused: {name}", ok=found.startswith("refused"), found=found.removeprefix("refused: "))
    for name, (_, outcome) in _ENDS.items():
        result = results[f"stopped: {name}"]
        yield Probe(name=f"stopped: {name}", ok=result.outcome is outcome, found=f"{result.outcome}: {result.error}")
    for name, (_, value) in _WORKS.items():
        result = results[f"works: {name}"]
        found = f"{result.value}, {1000 * result.cpu_s:.0f} ms" if result.value else f"{result.outcome}: {result.error}"
        yield Probe(name=f"works: {name}", ok=result.value == value, found=found)
