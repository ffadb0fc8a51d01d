"""The warmed process that forks one contained child per program. Started by `cotbench.programs`, speaks over one
socket.

A request is a line of JSON: runtime, code, choices and limits. The answer is a line of JSON: how the child ended,
what it used, and the text it left (`payload`), which is the program's word and is checked by the reader. A child gets
a pipe of its own and no other way to say anything, so it can speak for no other program.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from cotbench.processes import die_with_parent
from cotbench.programs import kernel, modules, runtime, steady

MOST_PAYLOAD_BYTES = 1 << 20
# As the system says it; programs are told what is the same every time.
_monotonic, _own_number = time.monotonic, os.getpid
_REPORT_FD = 3  # of the child
_CONNECTION_FD = 10  # whatever its number was in the harness


class Zygote:
    """contained: False forks children with limits only, which `--allow-unsandboxed-code` asks for."""

    def __init__(self, connection: socket.socket, *, contained: bool) -> None:
        self._connection = connection
        # The C library's fork, with the interpreter's lock held: Python's own runs hooks that touch hundreds of
        # pages, for threads that this process doesn't have.
        self._fork = ctypes.PyDLL(None).fork
        self._filter = kernel.seccomp_filter() if contained else None
        self._null = os.open(os.devnull, os.O_RDWR)
        self._address_space = _address_space()
        if contained:
            kernel.give_up_privileges()
            kernel.forbid_files()
            kernel.end_where_waiting_is_for_ever()

    def serve(self) -> None:
        """Run programs until the harness closes the socket, or dies."""
        stream = self._connection.makefile("rwb")
        for line in stream:
            stream.write(self._answer(json.loads(line)))
            stream.flush()

    def _answer(self, request: dict[str, Any]) -> bytes:
        """A line of JSON: why the zygote killed the child ("" = it didn't), wait's status, seconds, and what it left.
        Nothing of it stays here, where the next child could look."""
        started = _monotonic()
        reading, writing = os.pipe()
        zygote = _own_number()
        child = self._fork()
        if child == 0:
            self._become(request, writing, zygote)
        os.close(writing)
        # Without it (--allow-unsandboxed-code where there is no Linux) the end of its output stands for a child's end.
        ended = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
        try:
            payload, killed = self._watch(reading, ended, started + request["wall_s"])
        finally:
            os.close(reading)
            if ended is not None:
                os.close(ended)
        if killed:
            os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
        answer = {"killed": killed, "status": status, "payload": payload.decode("utf-8", "replace")}
        answer |= {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": _monotonic() - started}
        return json.dumps(answer).encode() + b"\n"

    def _watch(self, reading: int, ended: int | None, deadline: float) -> tuple[bytes, str]:
        """What a child writes until it has ended; and why it must be killed, if it must. It may close its pipe and go
        on."""
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        if ended is not None:
            poll.register(ended, select.POLLIN)
        poll.register(self._connection, getattr(select, "POLLRDHUP", select.POLLHUP))
        payload = b""
        while True:
            left = deadline - _monotonic()
            events = {fd for fd, _ in poll.poll(max(0.0, left) * 1000)}
            if reading in events:
                piece = os.read(reading, 1 << 16)
                payload += piece
                if len(payload) > MOST_PAYLOAD_BYTES:
                    return b"", "output_limit"
                if not piece and ended is None:
                    return payload, ""
                if not piece:
                    poll.unregister(reading)
            elif ended in events:
                return payload, ""
            elif self._connection.fileno() in events:
                return payload, "abandoned"
            elif left <= 0:
                return payload, "timeout"

    def _become(self, request: dict[str, Any], writing: int, zygote: int) -> NoReturn:
        """The child: give up everything, then run the program. It never returns to the zygote's code."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            die_with_parent(zygote)
            for fd in (0, 1, 2):
                os.dup2(self._null, fd)
            if writing != _REPORT_FD:
                os.dup2(writing, _REPORT_FD)
            os.closerange(_REPORT_FD + 1, 256)  # the zygote has no others
            _limit(request, self._address_space)
            if self._filter is not None:
                self._filter.install()
            content = json.dumps(runtime.run(request)).encode()
            while content:
                content = content[os.write(_REPORT_FD, content) :]
        finally:
            os._exit(0)


def _address_space() -> int | None:
    """Bytes that this process has mapped; None where that isn't told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def _limit(request: dict[str, Any], address_space: int | None) -> None:
    cpu_s = max(1, round(request["cpu_s"]))
    memory = resource.RLIM_INFINITY if address_space is None else address_space + int(request["memory_mb"] * (1 << 20))
    for name, soft, hard in (
        ("RLIMIT_CPU", cpu_s, cpu_s + 1),  # the second is for programs that ignore SIGXCPU
        ("RLIMIT_AS", memory, memory),
        ("RLIMIT_CORE", 0, 0),
        ("RLIMIT_FSIZE", 0, 0),
        ("RLIMIT_NPROC", 0, 0),
        ("RLIMIT_NOFILE", _REPORT_FD + 1, _REPORT_FD + 1),
    ):
        limit = getattr(resource, name)
        ceiling = resource.getrlimit(limit)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(limit, (soft, hard))


# What many programs and plans do, so that SymPy's caches and late imports are there before the first fork.
_REHEARSAL = """
from sympy import *
x, y, n = symbols('x y n')
solve(x**2 - 5*x + 6, x), solve([x + y - 10, x - y - 2], [x, y]), solve([x**2 + y**2 - 25, x - y - 1], [x, y])
simplify((x**2 - 1)/(x - 1)), expand((x + 1)**3), factor(x**3 - 1), diff(sin(x)*x, x)
integrate(x**2, (x, 0, 1)), limit(sin(x)/x, x, 0)
summation(n**2, (n, 1, 10)), sqrt(12), Rational(3, 4), N(pi), latex(sqrt(29)/2)
Matrix([[1, 2], [3, 4]]).det(), solveset(x**2 - 2, x, S.Reals)
symbols('p', positive=True)**2, binomial(5, 2), gcd(12, 18), nsolve(x**2 - 2, x, 1)
solve(x**2 < 4, x), trigsimp(sin(x)**2 + cos(x)**2), nsimplify(0.5)
"""
_REHEARSED_PLANS = (
    "x, y: positive\nx - y = 3\nx * y = 5\nanswer: x + y",
    "n: positive integer\nmod(n, 3) = 2\nmod(n, 5) = 3\nanswer: smallest(n)",
    "x^2 < 4\nanswer: x",
    "price = 12 * 3\ntotal = price + 1/4\noption A: 36.25\noption B: 3\nanswer: total",
    "premise: a -> b\npremise: a\nask: must be true\noption A: b\noption B: not b",
)


_REHEARSED_LOGIC = (
    "premise: all x: A(x) -> some y: B(x, y)\npremise: A(a)\nask: some x: B(a, x)",
    "premise: all x: some y: x != y and B(x, y)\npremise: exactly one x: A(x)\nask: A(a) or B(a, b)",
    "domain: a, b, c\npremise: exactly one x: A(x)\npremise: not A(a)\nask: A(b)",
)


def _rehearse(kind: modules.Kind) -> None:
    time.localtime()
    before = sys.stdin, sys.stdout, sys.stderr, sys.argv
    runtime.run_python("print(1 / 3)\nans = 2", [])
    runtime.run_block("x + 1", ["x = 1"])
    if kind != "plain":
        exec(_REHEARSAL, {})  # noqa: S102
        for plan in (*_REHEARSED_PLANS, *(_REHEARSED_LOGIC if kind == "logic" else ())):
            runtime.run_plan(plan, [])
    sys.stdin, sys.stdout, sys.stderr, sys.argv = before


def main() -> None:
    """Arguments: the socket's descriptor, "contained" or "open", a kind of process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the harness's to handle
    kind: modules.Kind = sys.argv[3]  # type: ignore[assignment]
    steady.fix_chance()
    steady.fix_clock()
    modules.load_all(kind)
    steady.fix_timing()
    steady.fix_numbers(contained=sys.argv[2] == "contained")
    _rehearse(kind)
    steady.rewind()
    sys.set_int_max_str_digits(100_000)
    os.environ.clear()
    os.chdir("/")
    given = int(sys.argv[1])
    connection = socket.socket(fileno=os.dup2(given, _CONNECTION_FD))
    if given != _CONNECTION_FD:
        os.close(given)
    zygote = Zygote(connection, contained=sys.argv[2] == "contained")
    gc.collect()
    gc.set_threshold(20_000, 20, 50)  # a program is short, and looking for garbage touches pages
    gc.freeze()  # so that children don't copy pages by looking for garbage
    connection.sendall(b"ready\n")
    zygote.serve()
