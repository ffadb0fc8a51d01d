"""The sandbox against the programs of `hostile_programs.py`, judged from outside: by what became of the host.

After every program: the outcome is an expected one, no secret of this process is in what came back, its text is within
limits, the warmed processes are the same and have no children, a decent program still gives the right value, and
nothing of this process or of its files has changed. Nothing here needs a privilege; where the suite runs as root, the
table is run again as `nobody`, in user namespaces and without them.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import math
import os
import platform
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import run_cli
from hostile_programs import ATTACKS, CONTAINED, FORGED_REPORTS, OUTCOMES, PLAN, PRELUDE, Attack, filled, numbers

from cotbench.programs import Limits, Sandbox, missing_features
from cotbench.types import Execution, Program

ROOT = Path(__file__).resolve().parent.parent
AS_ROOT = sys.platform == "linux" and os.getuid() == 0
NESTED = "COTBENCH_HOSTILE_NESTED"  # in the environment of the runs that this file starts of itself: "most" or "probes"
NOBODY = 65534

pytestmark = pytest.mark.skipif(
    bool(missing_features()), reason=f"no containment here: {', '.join(missing_features())}"
)

MOST_TEXT = {"value": 1 << 16, "stdout": 1 << 16, "error": 1 << 12}
HANG_S = 60.0  # for one answer, on a busy machine
SLOW = Limits(cpu_s=1.0, wall_s=4.0)  # of the programs that reach a limit: less than usual, to save time
SLOW_WORKERS = 4
EXTRA_DESCRIPTORS = 1100  # open in this process, as beside a busy engine: the numbers that others get may not matter
PR_SET_CHILD_SUBREAPER = 36


def wanted(attack: Attack) -> bool:
    """Who runs it makes no difference to what a program leaves in memory, nor to how a report is read here."""
    same_for_all = attack.title.startswith(("memory:", "a forged report:"))
    return {"": True, "most": not same_for_all, "probes": attack.value == CONTAINED}[os.environ.get(NESTED, "")]


QUICK = [attack for attack in ATTACKS if not attack.slow and wanted(attack)]
REACHING_LIMITS = [attack for attack in ATTACKS if attack.slow]


def named(attacks: list[Attack]) -> Any:
    return pytest.mark.parametrize("attack", attacks, ids=[attack.title for attack in attacks])


# --- the host, seen from here -------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every file below a folder, with its content and everything about it but its time of last reading."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        about = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        key = str(path.relative_to(folder))
        found[key] = (
            about.st_mode,
            about.st_uid,
            about.st_gid,
            about.st_nlink,
            about.st_mtime_ns,
            about.st_ctime_ns,
            content,
        )
    return found


def processes() -> dict[int, tuple[int, str]]:
    """pid -> parent and state of every process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                found[int(entry.name)] = (int(fields[1]), fields[0])
    return found


def descendants() -> set[int]:
    """The living descendants of this process. Orphans count: this process is their subreaper."""
    table = processes()
    family = {os.getpid()}
    while more := {pid for pid, (parent, _) in table.items() if parent in family} - family:
        family |= more
    return {pid for pid in family if pid != os.getpid() and table[pid][1] not in "ZX"}


def listening(pids: set[int]) -> set[str]:
    """Inodes of the listening sockets that these processes hold."""
    held = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    held.add(str(fd.readlink()))
    inodes = set()
    for name, column, state, place in (("tcp", 3, "0A", 9), ("tcp6", 3, "0A", 9), ("unix", 3, "00010000", 6)):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[column] == state:
                    inodes.add(f"socket:[{fields[place]}]")
    return held & inodes


def myself() -> dict[str, object]:
    """What a program could have changed of this process."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    status["SigCgt"] = f"{int(status['SigCgt'], 16) & ~(3 << 31):x}"  # libc keeps two for its threads
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {
        **{name: resource.getrlimit(getattr(resource, name)) for name in limits},
        **{
            name: status.get(name)
            for name in "Umask Uid Gid Groups SigBlk SigIgn SigCgt NoNewPrivs Seccomp CapEff".split()
        },
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "cpus": os.sched_getaffinity(0),
        "policy": os.sched_getscheduler(0),
        "cwd": Path.cwd(),
        "environment": hash(frozenset(item for item in os.environ.items() if item[0] != "PYTEST_CURRENT_TEST")),
        "group": (os.getpgrp(), os.getsid(0)),
    }


class Hang(AssertionError):
    pass


class Host:
    """A folder with a canary, secrets in every place that a harness keeps some in, listeners, and what they saw."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.token = f"CANARY-{secrets.token_hex(8)}"
        self.watch = folder / "watch"
        self.cwd, self.tmp, self.results = (self.watch / name for name in ("cwd", "tmp", "results"))
        for made in (self.watch, self.cwd, self.tmp, self.results):
            made.mkdir()
        self.canary = self.watch / "canary.txt"
        self.canary.write_text(f"the secret is {self.token}\n")
        self.canary.chmod(0o644)
        self.records = self.results / "records.jsonl"
        self.records.write_text(json.dumps({"question": "q1", "gold": self.token}) + "\n")
        patch.setenv("COTBENCH_CANARY", self.token)
        patch.setenv("OPENAI_API_KEY", f"sk-{self.token}")
        patch.setenv("TMPDIR", str(self.tmp))
        patch.setattr(tempfile, "tempdir", str(self.tmp))
        patch.chdir(self.cwd)
        self.gold = ctypes.create_string_buffer(self.token.encode())
        self.scratch = ctypes.create_string_buffer(b"untouched", 64)
        self.urgent: list[int] = []
        self.runners: list[Runner] = []
        self.largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        signal.signal(signal.SIGURG, lambda number, _: self.urgent.append(number))
        self.tcp, self.udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix, self.abstract = (socket.socket(socket.AF_UNIX) for _ in range(2))
        self.abstract_name = f"cotbench-{secrets.token_hex(4)}"
        os.chdir(self.watch)  # a path of a Unix socket is short
        self.unix.bind("listener")
        os.chdir(self.cwd)
        self.abstract.bind("\0" + self.abstract_name)
        for one in (self.tcp, self.udp, self.unix, self.abstract):
            one.setblocking(False)
            if one is not self.udp:
                one.listen()
        self.family = descendants()
        self.listening = listening({os.getpid()})
        self.me, self.files = myself(), tree(self.watch)
        self.places: dict[str, object] = {
            "HARNESS": os.getpid(),
            "PARENT": os.getppid(),
            "CANARY": str(self.canary),
            "WATCH": str(self.watch),
            "RECORDS": str(self.records),
            "CWD": str(self.cwd),
            "TMP": str(self.tmp),
            "REPO": str(ROOT),
            "SITE": sysconfig.get_path("purelib"),
            "NR": numbers(platform.machine()),
            "ADDRESS": ctypes.addressof(self.gold),
            "LENGTH": len(self.token),
            "SCRATCH": ctypes.addressof(self.scratch),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": str(self.watch / "listener"),
            "ABSTRACT": self.abstract_name,
        }

    def close(self) -> None:
        for one in (self.tcp, self.udp, self.unix, self.abstract):
            one.close()
        signal.signal(signal.SIGURG, signal.SIG_DFL)

    def program(self, attack: Attack) -> Program:
        return Program(runtime=attack.runtime, code=filled(attack.code, self.places))  # type: ignore[arg-type]

    def warmed(self) -> set[int]:
        return {pid for runner in self.runners for pid in runner.box.pids()}

    def strays(self) -> set[int]:
        """Processes of ours that are neither older than this nor warmed ones of a runner in use."""
        return descendants() - self.family - self.warmed()

    def check(self) -> None:
        """Nothing happened here, and no process is there but the warmed ones."""
        deadline = time.monotonic() + 3
        while (strays := self.strays()) and time.monotonic() < deadline:
            time.sleep(0.02)
        commands = {pid: Path(f"/proc/{pid}/stat").read_text() for pid in strays if Path(f"/proc/{pid}/stat").exists()}
        for pid in strays:  # they are ours, and must not stay
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        assert not strays, f"processes left behind: {commands}"
        assert tree(self.watch) == self.files
        assert myself() == self.me
        assert listening({os.getpid()} | self.warmed()) == self.listening
        assert self.scratch.value == b"untouched"
        assert self.gold.value == self.token.encode()
        assert not self.urgent, "a signal came"
        for one in (self.tcp, self.udp, self.unix, self.abstract):
            with pytest.raises(BlockingIOError):
                one.recv(1) if one is self.udp else one.accept()

    def judge(self, attack: Attack, execution: Execution) -> None:
        """What came back is of an expected kind, within limits, and says nothing of this process."""
        well_formed(execution)
        said = f"{execution.outcome} {execution.value!r:.1500} {execution.error!r:.300} {execution.stdout!r:.3000}"
        assert self.token not in repr(execution), f"the secret came out: {said}"
        assert execution.outcome in attack.outcomes, said
        if execution.outcome == "ok" and attack.value is not None:
            assert execution.value == attack.value, said


def well_formed(execution: Execution) -> None:
    assert execution.outcome in OUTCOMES
    assert (execution.value is not None) == (execution.outcome == "ok")
    for name, most in MOST_TEXT.items():
        text = getattr(execution, name)
        assert text is None if name == "value" and text is None else type(text) is str
        assert len(text or "") <= most, f"{name}: {len(text)} characters"
    for name in ("latex", "decimal", "option"):
        text = getattr(execution, name, None)
        assert text is None or (type(text) is str and len(text) <= MOST_TEXT["value"]), f"{name}: {text!r:.80}"
    for seconds in (execution.cpu_s, execution.wall_s):
        assert type(seconds) is float
        assert math.isfinite(seconds)
        assert 0 <= seconds < HANG_S
    json.dumps([execution.value, execution.error, execution.stdout], ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with pytest.MonkeyPatch.context() as patch:
        here = Host(folder, patch)
        yield here
        here.check()
        here.close()
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    shutil.rmtree(folder)


class Runner:
    """A sandbox that is started anew after a program hung it, so that one failure is one failure."""

    def __init__(self, host: Host, limits: Limits | None = None, workers: int = 1) -> None:
        self._host = host
        self._make: Callable[[], Sandbox[Any]] = lambda: Sandbox(workers=workers, limits=limits)
        self.box = self._make()
        host.runners.append(self)

    def all(self, programs: Mapping[Any, Program], hang_s: float = HANG_S) -> dict[Any, Execution]:
        """What came of each; those that are not among the keys had no answer in time."""
        deadline = time.monotonic() + hang_s
        for ticket, program in programs.items():
            self.box.submit(ticket, program)
        came: dict[Any, Execution] = {}
        while len(came) < len(programs) and time.monotonic() < deadline:
            came.update(self.box.done(0.5))
        if len(came) < len(programs):
            self.box.close()
            self.box = self._make()
        return came

    def run(self, program: Program) -> Execution:
        came = self.all({0: program})
        if not came:
            self.warm()
            raise Hang(f"no answer within {HANG_S:g} s")
        return came[0]

    def warm(self) -> None:
        for program, value in DECENT.values():
            assert self.run(program).value == value

    def close(self) -> None:
        self.box.close()
        self._host.runners.remove(self)


# Plain programs and those that use SymPy may have warmed processes of their own: each attack is followed by its like.
DECENT = {
    "plain": (Program(runtime="python", code="def solution():\n    return 6 * 7\n"), "42"),
    "sympy": (Program(runtime="python", code="import sympy\ndef solution():\n    return sympy.Integer(6) * 7\n"), "42"),
    "plan": (Program(runtime="sympy", code="x + 3 = 45\nanswer: x\n"), "42"),
}


def decent(attack: Attack) -> tuple[Program, str]:
    return DECENT["plan" if attack.runtime == PLAN else "sympy" if "sympy" in attack.code else "plain"]


@pytest.fixture(scope="module")
def box(host: Host) -> Iterator[Runner]:
    runner = Runner(host)
    runner.warm()
    host.check()
    yield runner
    runner.close()
    host.check()


# --- the table ----------------------------------------------------------------------------------------------------


@named(QUICK)
def test_quick(attack: Attack, host: Host, box: Runner) -> None:
    warmed = box.box.pids()
    execution = box.run(host.program(attack))
    program, value = decent(attack)
    after = box.run(program)
    assert set(warmed) <= set(box.box.pids()), "the warmed process was lost"  # one of another kind may have come
    host.check()
    assert (after.outcome, after.value) == ("ok", value)
    host.judge(attack, execution)


@pytest.fixture(scope="module")
def slow_results(host: Host) -> Iterator[dict[str, Execution]]:
    """All that reach a limit, side by side, with decent programs between them."""
    runner = Runner(host, SLOW, SLOW_WORKERS)
    programs: dict[str, Program] = {}
    for n, attack in enumerate(REACHING_LIMITS):
        programs[attack.title] = host.program(attack)
        programs[f"decent {n}"] = Program(runtime="python", code=f"ans = {n} * 1000 + 7\n")
    results = runner.all(programs, hang_s=len(REACHING_LIMITS) * SLOW.wall_s + HANG_S)
    host.check()
    yield results
    runner.close()


@pytest.mark.patient
@named(REACHING_LIMITS)
def test_slow(attack: Attack, host: Host, slow_results: dict[str, Execution]) -> None:
    assert attack.title in slow_results, "no answer"
    execution = slow_results[attack.title]
    host.judge(attack, execution)
    assert execution.cpu_s <= SLOW.cpu_s + 1.5
    assert execution.wall_s <= SLOW.wall_s + 10


@pytest.mark.patient
def test_decent_programs_between_those_that_reach_a_limit(slow_results: dict[str, Execution]) -> None:
    wrong = {
        n: slow_results.get(f"decent {n}")
        for n in range(len(REACHING_LIMITS))
        if getattr(slow_results.get(f"decent {n}"), "value", None) != f"{n * 1000 + 7}"
    }
    assert not wrong


def test_the_table_is_a_table() -> None:
    titles = [attack.title for attack in ATTACKS]
    assert len(set(titles)) == len(titles) >= 200
    assert all(attack.outcomes <= OUTCOMES for attack in ATTACKS)
    assert not any("CANARY-0" in attack.code for attack in ATTACKS)
    assert len(FORGED_REPORTS) > 40


# --- programs beside programs -------------------------------------------------------------------------------------


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """The sandbox's own sockets get high numbers then."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(EXTRA_DESCRIPTORS, soft - 200)
    if count < 300:
        pytest.skip(f"no more than {soft} open files are allowed here")
    extra = [os.open(os.devnull, os.O_RDWR)]
    extra += [os.dup(extra[0]) for _ in range(count)]
    yield
    for fd in extra:
        os.close(fd)


def test_forgers_change_no_result_but_their_own(host: Host, many_open_files: None) -> None:
    forgers = [attack for attack in QUICK if "forged" in attack.title or "descriptor" in attack.title]
    programs: dict[Any, Program] = {}
    for n, attack in enumerate(forgers):
        programs[attack.title] = host.program(attack)
        programs[n] = Program(runtime="python", code=f"ans = 'victim {n}'\n")
    runner = Runner(host, SLOW, 2)
    results = runner.all(programs)
    warmed = runner.box.pids()
    runner.close()
    host.check()
    assert {n: getattr(results.get(n), "value", None) for n in range(len(forgers))} == {
        n: f"victim {n}" for n in range(len(forgers))
    }
    assert 2 <= len(warmed) <= 4
    for attack in forgers:
        assert attack.title in results, f"no answer: {attack.title}"
        well_formed(results[attack.title])


SPY = r"""
import gc, re, sys
form = re.compile("MARK-(?:answer|source)-[0-9]+")
found, frame = set(), sys._getframe()
while frame is not None:
    for value in (*frame.f_locals.values(), *frame.f_globals.values()):
        found.update(form.findall(repr(value)))
    frame = frame.f_back
for one in gc.get_objects():
    for inner in gc.get_referents(one):
        if type(inner) in (str, bytes):
            found.update(form.findall(str(inner)))
ans = "; ".join(sorted(found)) or "contained"
"""


@pytest.mark.parametrize("runtime", ["python", "sympy"])
def test_a_program_sees_nothing_of_the_one_before_it(runtime: Any, box: Runner) -> None:
    """Paths of one question run one after the other: a program that copies its neighbour's answer would fake a vote."""
    code = {
        "python": "secret = 'MA' + 'RK-answer-4711'\nprint(secret)\nans = secret  # MARK-source-4711\n",
        "sympy": "answer: 1 # MARK-source-4711\n",
    }
    assert box.run(Program(runtime=runtime, code=code[runtime])).outcome == "ok"
    spy = SPY if runtime == "python" else f"import sympy\n{SPY}"  # in the same warmed process
    assert box.run(Program(runtime="python", code=spy)).value == CONTAINED


OPEN_DESCRIPTORS = """
import os
found = []
for fd in range(5000):
    try:
        os.write(fd, b"")
        found.append(fd)
    except OSError as problem:
        if problem.errno != 9:
            found.append(fd)
ans = str(found)
"""


def test_descriptors_that_are_open_here_are_not_open_there(host: Host, many_open_files: None) -> None:
    """Nor is the socket on which its warmed process answers, whatever its number."""
    runner = Runner(host)
    execution = runner.run(Program(runtime="python", code=OPEN_DESCRIPTORS))
    runner.close()
    assert execution.outcome == "ok"
    assert [fd for fd in json.loads(execution.value or "[]") if fd > 3] == []


def test_what_programs_used_of_memory_was_bounded(host: Host, box: Runner, slow_results: dict[str, Execution]) -> None:
    """The largest of all processes that ended since this began."""
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert largest == host.largest or largest < 1500 << 10, f"{largest >> 10} MiB"


# --- the harness itself -------------------------------------------------------------------------------------------


def test_programs_end_with_the_sandbox(host: Host) -> None:
    """Closed while programs run: they don't run on."""
    runner: Sandbox[int] = Sandbox(workers=2)
    for n in range(4):
        runner.submit(n, Program(runtime="python", code="while True:\n    pass\n"))
    deadline = time.monotonic() + 60
    while len(host.strays()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(host.strays()) == 4  # two warmed processes, a child each
    started = time.monotonic()
    runner.close()
    assert time.monotonic() - started < 10
    host.check()


def test_what_the_kernel_says_of_a_running_program(host: Host) -> None:
    """From outside: filtered, without new privileges, capabilities, foreign descriptors, and under limits."""
    sandbox: Sandbox[int] = Sandbox(workers=1)
    sandbox.submit(0, Program(runtime="python", code="while True:\n    pass\n"))
    deadline = time.monotonic() + 60
    while len(host.strays()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    (pid,) = host.strays() - set(sandbox.pids())
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    files = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    limits = {line[:25].strip(): line[25:].split()[:2] for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
    cwd, environment = Path(f"/proc/{pid}/cwd").readlink(), Path(f"/proc/{pid}/environ").read_bytes()
    sandbox.close()
    host.check()
    assert (status["Seccomp"], status["NoNewPrivs"], status["Threads"]) == ("2", "1", "1")
    assert {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == dict.fromkeys(
        ("CapEff", "CapPrm", "CapInh", "CapAmb"), 0
    )
    assert sorted(files) == [0, 1, 2, 3]
    assert [files[fd] for fd in range(3)] == ["/dev/null"] * 3
    assert files[3].startswith("pipe:")
    assert limits["Max core file size"] == ["0", "0"]
    assert int(limits["Max cpu time"][0]) == 5
    assert int(limits["Max cpu time"][1]) <= 10
    assert int(limits["Max address space"][1]) < 4 << 30
    assert str(cwd) == "/"
    assert host.token.encode() not in environment


HARNESS_TO_KILL = """
import sys, time
from cotbench.programs import Sandbox
from cotbench.types import Program
box = Sandbox(workers=1)
code = (
    "import signal\\nfor n in signal.valid_signals():\\n    try:\\n        signal.signal(n, signal.SIG_IGN)\\n"
    "    except BaseException:\\n        pass\\nwhile True:\\n    pass\\n"
)
box.submit(0, Program(runtime="python", code=code))
time.sleep(120)
"""


def test_programs_end_with_a_harness_that_is_killed(host: Host) -> None:
    """SIGKILL to the process that started the sandbox, while a program runs."""
    harness = subprocess.Popen([sys.executable, "-c", HARNESS_TO_KILL], stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(host.strays()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    there = host.strays()
    harness.kill()
    harness.wait()
    assert len(there) == 3
    host.check()


def test_killing_the_warmed_process_loses_no_program(host: Host) -> None:
    runner: Sandbox[int] = Sandbox(workers=1)
    assert runner.run(Program(runtime="python", code="ans = 1")).value == "1"
    os.kill(runner.pids()[0], signal.SIGKILL)
    assert runner.run(Program(runtime="python", code="ans = 2")).value == "2"
    runner.close()
    host.check()


# --- the command line ---------------------------------------------------------------------------------------------

FILES: dict[str, tuple[bytes, set[str], str | None]] = {
    "surrogates everywhere": (
        b"print('\\ud800')\nans = '\\ud800\\x00\\u2028\\n1'\n",
        {"ok", "no_value", "runtime_error"},
        None,
    ),
    "an error of surrogates": (b"raise ValueError('\\ud800\\x00\\n{}')\n", {"runtime_error"}, None),
    "bytes that are no UTF-8": (b"ans = '\xff\xfe'\n", {"ok", "syntax_error"}, None),
    "a byte-order mark": (b"\xef\xbb\xbfans = 5\n", {"ok", "syntax_error"}, "5"),
    "NUL bytes": (b"ans = 5\0\n", {"ok"}, "5"),
    "a loop, under the limits that everybody gets": (b"while True: pass\n", {"timeout"}, None),
    "a crash": (b"import ctypes\nctypes.string_at(0)\n", {"killed"}, None),
}


@pytest.mark.patient
@pytest.mark.skipif(NESTED in os.environ, reason="once is enough")
@pytest.mark.parametrize("name", FILES)
def test_command_line(name: str, host: Host) -> None:
    source, outcomes, value = FILES[name]
    folder = host.folder / f"cli-{secrets.token_hex(4)}"
    folder.mkdir()
    (folder / "program.py").write_bytes(source)
    done = run_cli("exec", "program.py", "--json", cwd=folder)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    row = json.loads(done.out)
    assert row["outcome"] in outcomes
    assert {"outcome", "value", "error", "stdout", "cpu_s", "wall_s"} <= row.keys()
    assert host.token not in done.out + done.err
    if value is not None and row["outcome"] == "ok":
        assert row["value"] == value
    assert [path.name for path in folder.iterdir()] == ["program.py"]
    host.check()


@pytest.mark.skipif(NESTED in os.environ, reason="once is enough")
@pytest.mark.parametrize(
    "source",
    ["print('a\\x1b]0;title\\x07')\nans = '\\x1b[2J\\x9b1m'\n", "raise ValueError('\\x1b[2J')\n"],
    ids=["answer", "error"],
)
def test_a_program_cannot_write_to_the_terminal(source: str, host: Host) -> None:
    """Without --json a person reads it: escape sequences would be the program's hand on the terminal."""
    folder = host.folder / f"cli-{secrets.token_hex(4)}"
    folder.mkdir()
    (folder / "program.py").write_text(source)
    done = run_cli("exec", "program.py", cwd=folder)
    assert not [c for c in done.out + done.err if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]


# --- as somebody else ---------------------------------------------------------------------------------------------

# Denies user namespaces to whatever it runs, as many containers do: unshare and clone fail where they ask for one,
# clone3 isn't there. Nothing of the machine's settings is touched.
NO_NAMESPACES = r"""
import ctypes, os, struct, sys
unshare, clone, clone3, newuser = *map(int, sys.argv[1:4]), 0x10000000
def step(code, value, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, value)
program = b"".join([
    step(0x20, 0), step(0x15, clone3, 0, 1), step(0x06, 0x00050026),
    step(0x15, unshare, 1, 0), step(0x15, clone, 0, 3), step(0x20, 16), step(0x45, newuser, 0, 1),
    step(0x06, 0x00050001), step(0x06, 0x7FFF0000),
])
code = ctypes.create_string_buffer(program, len(program))
header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, header, 0, 0) == 0
assert libc.unshare(newuser) == -1
os.execv(sys.argv[4], sys.argv[4:])
"""


def interpreter_for_nobody(folder: Path) -> Path:
    """A virtual environment that the user nobody can read, over this one's packages; skips where there is none."""
    own = Path(sys.executable)
    candidates = [
        own,
        Path(f"/usr/bin/python3.{sys.version_info.minor}"),
        Path(f"/usr/local/bin/python3.{sys.version_info.minor}"),
    ]
    packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(ROOT)]
    test = "import sys; sys.path += sys.argv[1:]; import sympy, numpy, pytest, cotbench.programs"
    for candidate in candidates:
        try:
            subprocess.run(
                [candidate, "-I", "-S", "-B", "-c", test, *packages],
                check=True,
                capture_output=True,
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                cwd="/",
                timeout=120,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        subprocess.run([candidate, "-m", "venv", "--without-pip", folder / "venv"], check=True, capture_output=True)
        (pure,) = (folder / "venv" / "lib").glob("python3.*/site-packages")
        (pure / "ours.pth").write_text("\n".join(dict.fromkeys(packages)) + "\n")
        return folder / "venv" / "bin" / "python"
    pytest.skip("no Python of this version, with these packages, can be read by nobody")


@pytest.fixture(scope="module")
def nobody() -> Iterator[tuple[Path, Path]]:
    """An interpreter for nobody, and a folder that is nobody's."""
    folder = Path(tempfile.mkdtemp(prefix="nobody-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        own = folder / "own"
        own.mkdir()
        shutil.chown(own, NOBODY, NOBODY)
        yield interpreter_for_nobody(folder), own
    finally:
        shutil.rmtree(folder)


AS: dict[str, tuple[str, list[str]]] = {
    "as nobody": ("most", []),
    "as nobody in a user namespace": ("probes", ["unshare", "-U"]),
    "as nobody and root of a user namespace": ("probes", ["unshare", "-Ur"]),
    "as nobody where user namespaces are denied": ("probes", ["NO_NAMESPACES"]),
}


@pytest.mark.patient
@pytest.mark.skipif(NESTED in os.environ, reason="once is enough")
@pytest.mark.skipif(not AS_ROOT, reason="only root can become nobody; the table ran without privilege already")
@pytest.mark.parametrize("who", AS)
def test_table_again(who: str, nobody: tuple[Path, Path]) -> None:
    python, own = nobody
    which, wrap = AS[who]
    calls = numbers(platform.machine())
    if wrap[:1] == ["NO_NAMESPACES"]:
        wrap = [str(python), "-c", NO_NAMESPACES, *(str(calls[name]) for name in ("unshare", "clone", "clone3"))]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(own),
        "TMPDIR": str(own),
        NESTED: which,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    plain: dict[str, Any] = {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": [],
        "cwd": own,
        "env": environment,
        "capture_output": True,
        "text": True,
        "stdin": subprocess.DEVNULL,
    }
    if wrap[:1] == ["unshare"] and subprocess.run([*wrap, "true"], **plain).returncode:
        pytest.skip("user namespaces aren't to be had here")
    command = [
        *wrap,
        str(python),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
    ]
    command += [f"--basetemp={own}/pytest", "-k", "test_quick or test_descriptors or test_killing", str(Path(__file__))]
    done = subprocess.run(command, **plain, timeout=600)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert " passed" in done.stdout


def test_prelude_is_python() -> None:
    compile(
        filled(PRELUDE, dict.fromkeys("HARNESS PARENT CANARY WATCH RECORDS REPO SITE CWD TMP NR".split(), 0)),
        "prelude",
        "exec",
    )
