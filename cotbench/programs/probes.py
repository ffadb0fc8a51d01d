"""What `cotbench doctor` runs through the executor itself: things that must be refused, and things that must work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

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


def _python(code: str) -> Program:
    return Program(runtime="python", code=code)


_WORKS = {
    "Python": (_python("def solution():\n    return sum(range(10))"), "45"),
    "an empty environment": (_python("import os\nans = len(os.environ)"), "0"),
    "Python with SymPy": (
        _python("from sympy import *\nx = symbols('x')\nans = integrate(x**2, (x, 0, 3)) + sqrt(12)"),
        "2*sqrt(3) + 9",
    ),
    "a plan": (Program(runtime="sympy", code="x + y = 10\nx - y = 4\nanswer: x"), "7"),
}


# Those that take no time, one for each kind of harm that isn't an endless one, and what must work.
QUICK = (
    "refused: reading a file",
    "refused: writing a file",
    "refused: network",
    "refused: a new process",
    "refused: signals to others",
    "refused: its own limits",
    "works: Python",
    "works: a plan",
)


class Probe(NamedTuple):
    name: str
    ok: bool
    found: str


def probe(*, quick: bool = False) -> Iterator[Probe]:
    """Run all probes, or the quick ones. Raises SandboxError where nothing can be run."""
    programs = {f"refused: {name}": _python(_ATTEMPT.format(body)) for name, body in _ATTEMPTS.items()}
    programs |= {f"stopped: {name}": _python(code) for name, (code, _) in _ENDS.items()}
    programs |= {f"works: {name}": program for name, (program, _) in _WORKS.items()}
    if quick:
        programs = {name: programs[name] for name in QUICK}
    results: dict[str, Execution] = {}
    with Sandbox[str](workers=2, limits=LIMITS) as sandbox:
        for name, program in programs.items():
            sandbox.submit(name, program)
        while sandbox.pending:
            results.update(sandbox.done(1.0))
    for name in programs:
        result, (kind, _, what) = results[name], name.partition(": ")
        found = f"{result.outcome}: {result.error}"
        if kind == "refused":
            found = result.value or found
            ok, found = found.startswith("refused"), found.removeprefix("refused: ")
        elif kind == "stopped":
            ok = result.outcome is _ENDS[what][1]
        else:
            ok = result.value == _WORKS[what][1]
            found = f"{result.value}, {1000 * result.cpu_s:.0f} ms" if result.value else found
        yield Probe(name, ok, found)
