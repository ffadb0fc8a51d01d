r"""Programs that mean harm, for `test_sandbox_hostile.py`: each a title, its source, and the outcomes it may have.

Most are probes: they try something forbidden in many ways, catch every error, and answer "contained" or the list of what
succeeded. None would do lasting damage where nothing contained it: files are written below the test's own folder only (and
as unnamed O_TMPFILE elsewhere), other processes get signal 0, forks and memory are bounded, and what root could do to the
whole machine is asked for with arguments that no kernel accepts: EPERM then says that a filter stood in front of it.

Sources hold placeholders (`@CANARY@`), which `filled` replaces. They never hold the secret itself.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

CONTAINED = "contained"
PYTHON, PLAN = "python", "sympy"

OUTCOMES = frozenset(
    "ok syntax_error runtime_error timeout memory output_limit killed no_value plan_invalid unsolved ambiguous".split()
)
ENDED = OUTCOMES - {"ok"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """outcomes: what may become of it. value: the value where that is "ok"; None: any. slow: it takes its limit."""

    title: str
    code: str
    outcomes: frozenset[str]
    value: str | None = None
    runtime: str = PYTHON
    slow: bool = False


ATTACKS: list[Attack] = []

# What a descriptor is, "" if it isn't open. fstat may be refused: then one that can't be sought in is a pipe or a socket.
_KINDS = r"""
import errno, os, stat
def kind(fd):
    try:
        return {stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFCHR: "device"}.get(stat.S_IFMT(os.fstat(fd).st_mode), "other")
    except OSError as problem:
        if problem.errno == errno.EBADF:
            return ""
    try:
        os.lseek(fd, 0, os.SEEK_CUR)
        return "file"
    except OSError as problem:
        return {errno.EBADF: "", errno.ESPIPE: "fifo"}.get(problem.errno, "fifo")
"""

# Placeholders are literals after `filled`, so this runs as it stands.
PRELUDE = (
    _KINDS
    + r"""
import errno, os, sys, time
HARNESS, PARENT, CANARY, WATCH = @HARNESS@, @PARENT@, @CANARY@, @WATCH@
RECORDS, REPO, SITE, CWD, TMP = @RECORDS@, @REPO@, @SITE@, @CWD@, @TMP@
try:
    import ctypes
    LIBC = ctypes.CDLL(None, use_errno=True)
except BaseException as problem:
    ctypes = LIBC = None
    print("no ctypes:", type(problem), problem)
NR, HITS, TRIED, DENIED = @NR@, [], [], {errno.EPERM, errno.EACCES, errno.ENOSYS}

def hit(what, found=None):
    HITS.append(f"{what} -> {found!r:.200}")

class Missing:
    def __init__(self, name):
        self.name = name
    def __getattr__(self, name):
        raise ImportError(f"{self.name} can't be imported")

def load(names):
    for name in names.split():
        try:
            __import__(name)
            globals()[name.split(".")[0]] = sys.modules[name.split(".")[0]]
        except BaseException as problem:
            print("no", name, type(problem).__name__, str(problem)[:60])
            globals().setdefault(name.split(".")[0], Missing(name))

def must(truth, found=None):
    if not truth:
        raise OSError("no")
    return truth if found is None else found

def attempt(what, call, *arguments, **options):
    TRIED.append(what)
    try:
        found = call(*arguments, **options)
    except BaseException as problem:
        print(what, type(problem).__name__, str(problem)[:60])
        return None
    hit(what, found)
    return found

def raw(what, *arguments, number=None):
    number = NR.get(what.split()[0]) if number is None else number
    if LIBC is None or number is None:
        return None
    TRIED.append(what)
    ctypes.set_errno(0)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    LIBC.syscall.restype = ctypes.c_long
    got = LIBC.syscall(ctypes.c_long(number), *wide)
    problem = ctypes.get_errno()
    if got != -1 or problem not in DENIED:
        hit(what, (got, errno.errorcode.get(problem)))
    return got

def forked(what, call, inside=lambda: None):
    TRIED.append(what)
    try:
        pid = call()
    except BaseException as problem:
        print(what, type(problem).__name__, str(problem)[:60])
        return
    if pid == 0:
        try:
            inside()
        finally:
            os._exit(0)
    if pid is not None and pid > 0:
        hit(what, pid)

def steps(source):
    # Statement by statement: one that fails, for want of a module, doesn't keep the others from trying.
    import ast
    for node in ast.parse(source).body:
        try:
            exec(compile(ast.Module([node], []), "<steps>", "exec"), globals())
        except Exception as problem:
            print("line", node.lineno, type(problem).__name__, str(problem)[:60])

def report():
    return "contained" if not HITS else " ;; ".join(HITS)
"""
)


def probe(
    title: str,
    code: str,
    outcomes: str = "ok",
    *,
    value: str | None = CONTAINED,
    slow: bool = False,
) -> None:
    """One that reports: its body runs after PRELUDE, and its answer is `report()`."""
    ATTACKS.append(
        Attack(
            title=title,
            code=f"{PRELUDE}\nsteps(r'''{code}''')\nans = report()\n",
            outcomes=frozenset(outcomes.split()),
            value=value,
            slow=slow,
        )
    )


def plain(title: str, code: str, outcomes: str, *, value: str | None = None, slow: bool = False) -> None:
    """One that runs as it stands."""
    allowed = frozenset(outcomes.split())
    ATTACKS.append(Attack(title=title, code=code, outcomes=allowed, value=value, slow=slow))


def plan(title: str, code: str, outcomes: str, *, slow: bool = False) -> None:
    ATTACKS.append(Attack(title=title, code=code, outcomes=frozenset(outcomes.split()), runtime=PLAN, slow=slow))


def filled(code: str, places: Mapping[str, object]) -> str:
    """The source with every `@NAME@` replaced by the literal of that place, and `@@NAME@@` by its bare text."""
    bare = re.sub(r"@@([A-Z_]+)@@", lambda m: str(places[m[1]]), code)
    return re.sub(r"@([A-Z_]+)@", lambda m: repr(places[m[1]]) if m[1] in places else m[0], bare)


# The numbers of system calls: x86_64, and those of the common table that aarch64 has.
_CALLS = """
fork 57 -; vfork 58 -; clone 56 220; clone3 435 435; execve 59 221; execveat 322 281; kill 62 129; tkill 200 130
tgkill 234 131; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240; pidfd_open 434 434; pidfd_getfd 438 438
pidfd_send_signal 424 424; ptrace 101 117; process_vm_readv 310 270; process_vm_writev 311 271; prlimit64 302 261
sched_setscheduler 144 119; sched_setattr 314 274; ioprio_set 251 30; kcmp 312 272; process_madvise 440 440
process_mrelease 448 448; move_pages 279 239; migrate_pages 256 238; seccomp 317 277; prctl 157 167; unshare 272 97
setns 308 268; mount 165 40; umount2 166 39; chroot 161 51; pivot_root 155 41; keyctl 250 219; add_key 248 217
request_key 249 218; bpf 321 280; perf_event_open 298 241; userfaultfd 323 282; kexec_load 246 104; kexec_file_load 320 294
reboot 169 142; init_module 175 105; finit_module 313 273; delete_module 176 106; personality 135 92; setuid 105 146
setgid 106 144; setresuid 117 147; setresgid 119 149; setgroups 116 159; setfsuid 122 151; capset 126 91; shmget 29 194
semget 64 190; msgget 68 186; mq_open 240 180; mq_unlink 241 181; inotify_init1 294 26; fanotify_init 300 262
timerfd_create 283 85; eventfd2 290 19; signalfd4 289 74; io_uring_setup 425 425; io_uring_enter 426 426
io_uring_register 427 427; io_setup 206 0; open_by_handle_at 304 265; name_to_handle_at 303 264; openat 257 56
openat2 437 437; open 2 -; creat 85 -; memfd_create 319 279; memfd_secret 447 447; swapon 167 224; swapoff 168 225
settimeofday 164 170; clock_settime 227 112; adjtimex 159 171; clock_adjtime 305 266; sethostname 170 161
setdomainname 171 162; syslog 103 116; acct 163 89; quotactl 179 60; iopl 172 -; ioperm 173 -; mlockall 151 230
fsopen 430 430; fspick 433 433; open_tree 428 428; move_mount 429 429; mount_setattr 442 442; fchmodat2 452 452
fchmodat 268 53; chmod 90 -; chown 92 -; truncate 76 45; unlink 87 -; unlinkat 263 35; mkdir 83 -; mkdirat 258 34
rename 82 -; renameat2 316 276; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; mknod 133 -; mknodat 259 33
utimensat 280 88; setxattr 188 5; removexattr 197 14; socket 41 198; socketpair 53 199; splice 275 76; getpid 39 172
setsid 112 157; setpgid 109 154; timer_create 222 107; statx 332 291; setrlimit 160 164; setpriority 141 140; getpriority 140 141
sched_setaffinity 203 122; sched_getaffinity 204 123; setitimer 38 103; prlimit64 302 261; pipe2 293 59; dup 32 23
fcntl 72 25; ioctl 16 29; getrusage 98 165; wait4 61 260; poll 7 -; ppoll 271 73; pread64 17 67; pwrite64 18 68
"""


def numbers(machine: str) -> dict[str, int]:
    column = {"x86_64": 1, "aarch64": 2}.get(machine)
    rows = [row.split() for row in _CALLS.replace("\n", ";").split(";") if row.strip()]
    return {} if column is None else {row[0]: int(row[column]) for row in rows if row[column] != "-"}


# --- time: these reach a limit ------------------------------------------------------------------------------------

plain("a loop without end", "while True:\n    pass\n", "timeout", slow=True)
plain("a sum without end, in C code", "ans = sum(range(10**18))\n", "timeout", slow=True)
plain(
    "an iterator without end, in C code", "import itertools\nans = all(itertools.repeat(True))\n", "timeout", slow=True
)
plain(
    "a regular expression that backtracks for ever",
    "import re\nans = re.fullmatch(r'(a+)+b', 'a' * 64)\n",
    "timeout",
    slow=True,
)
plain(
    "big-integer arithmetic in one C call",
    "import sys\nsys.set_int_max_str_digits(0)\nans = len(str(3 ** 40_000_000))\n",
    "timeout memory",
    slow=True,
)
plain(
    "SymPy factoring the product of two large primes",
    "import sympy\nans = sympy.factorint(sympy.nextprime(10**40 + 7) * sympy.nextprime(10**41 + 9))\n",
    "timeout",
    slow=True,
)
plain(
    "swallowing every exception, BaseException too, in a loop without end",
    """
def forever():
    while True:
        try:
            while True:
                try:
                    raise KeyboardInterrupt
                except BaseException:
                    continue
        except BaseException:
            forever()
        finally:
            continue
forever()
""",
    "timeout",
    slow=True,
)
plain(
    "ignoring SIGXCPU and every other signal, blocking them all, and looping",
    """
import signal
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except BaseException:
        pass
try:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
except BaseException:
    pass
while True:
    pass
""",
    "timeout killed",
    slow=True,
)
plain(
    "raising its own CPU limit, then looping",
    """
import resource
for limits in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (10**6, 10**6)):
    try:
        resource.setrlimit(resource.RLIMIT_CPU, limits)
    except BaseException:
        pass
try:
    resource.setrlimit(resource.RLIMIT_CPU, (resource.getrlimit(resource.RLIMIT_CPU)[1],) * 2)
except BaseException:
    pass
while True:
    pass
""",
    "timeout killed",
    slow=True,
)
plain(
    "many threads that spin, and a main program that ends with an answer",
    """
import threading
def spin():
    while True:
        pass
for _ in range(8):
    threading.Thread(target=spin).start()
ans = 7
""",
    "ok timeout runtime_error",
    value="7",
    slow=True,
)
plain(
    "a loop in atexit, in __del__ and in a finalizer, after the answer",
    """
import atexit, weakref
def spin(*_):
    while True:
        pass
class Late:
    __del__ = spin
atexit.register(spin)
late, keeper = Late(), Late()
weakref.finalize(keeper, spin)
ans = 8
""",
    "ok timeout",
    value="8",
    slow=True,
)
plain(
    "a loop in the __repr__ and __str__ of the answer",
    "class Slow:\n    def __str__(self):\n        while True: pass\n    __repr__ = __format__ = __str__\nans = Slow()\n",
    "timeout no_value",
    slow=True,
)
plain("sleeping for days", "import time\ntime.sleep(10**6)\nans = 1\n", "timeout ok", value="1", slow=True)
plain(
    "a deadlock on a lock",
    "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\nans = 1\n",
    "timeout",
    slow=True,
)
plain(
    "stopping itself with SIGSTOP, SIGTSTP and SIGTTIN",
    """
import os, signal, threading
for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGSTOP):
    for send in (lambda: os.kill(os.getpid(), number), lambda: signal.raise_signal(number),
                 lambda: signal.pthread_kill(threading.get_ident(), number)):
        try:
            send()
        except OSError:
            pass
signal.pause()
""",
    "timeout killed runtime_error no_value",
    slow=True,
)
plain(
    "asking to be traced by its parent, then stopping",
    """
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
libc.ptrace(0, 0, 0, 0)
try:
    signal.raise_signal(signal.SIGSTOP)
    signal.raise_signal(signal.SIGTRAP)
except OSError:
    pass
time.sleep(10**6)
""",
    "timeout killed no_value",
    slow=True,
)
plain(
    "an answer, and a thread that is not a daemon and sleeps for days",
    "import threading, time\nthreading.Thread(target=time.sleep, args=(10**6,)).start()\nans = 9\n",
    "ok timeout runtime_error",
    value="9",
    slow=True,
)
plain(
    "reading from standard input for ever",
    "import sys\ndata = sys.stdin.read() if sys.stdin else ''\nans = 'got ' + repr(data) + repr(input())\n",
    "runtime_error no_value killed",
)
plan("plan: a tower of powers", "answer: 9^9^9^9\n", "unsolved timeout memory plan_invalid", slow=True)
plan("plan: a huge factorial", "answer: factorial(10^10)\n", "unsolved timeout memory plan_invalid", slow=True)
plan(
    "plan: the last digit of a tower",
    "answer: mod(7^7^7^7^7, 10)\n",
    "ok unsolved timeout memory plan_invalid",
    slow=True,
)
plan(
    "plan: a long double sum",
    "answer: sum(sum(gcd(i, j)*is_prime(i+j), i, 1, 10^6), j, 1, 10^6)\n",
    "unsolved timeout memory plan_invalid",
    slow=True,
)
plan("plan: the 10^15th prime", "answer: prime(10^15)\n", "unsolved timeout memory plan_invalid", slow=True)
plan(
    "plan: a product that explodes",
    "answer: expand((a+b+c+d+f+g+h)^400)\n",
    "unsolved timeout memory plan_invalid output_limit ok",
    slow=True,
)
plan(
    "plan: factors of a large number",
    "answer: divisor_count((10^40+121)*(10^41+109))\n",
    "ok unsolved timeout memory plan_invalid",
    slow=True,
)
plan(
    "plan: unknowns that range over billions",
    "x, y, z: positive integers\nx^3 + y^3 + z^3 = 10^18 + 7\nx < 10^9\ny < 10^9\nanswer: smallest(x)\n",
    "ok unsolved ambiguous timeout memory plan_invalid",
    slow=True,
)

# --- other processes ----------------------------------------------------------------------------------------------

probe(
    "forks: fork, vfork, clone, clone3, forkpty",
    r"""
load("pty")
forked("os.fork", os.fork)
forked("os.forkpty", lambda: os.forkpty()[0])
forked("pty.fork", lambda: pty.fork()[0])
if LIBC:
    def call(*numbers):
        LIBC.syscall.restype = ctypes.c_long
        return LIBC.syscall(*map(ctypes.c_long, numbers))
    forked("libc fork", LIBC.fork)
    for name in ("fork", "vfork"):
        if name in NR:
            forked(f"raw {name}", lambda: call(NR[name]))
    forked("raw clone", lambda: call(NR["clone"], 17, 0, 0, 0, 0))
    for flag in (0x02000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x00000100 | 0x4000):
        forked(f"raw clone {flag:#x}", lambda: call(NR["clone"], flag | 17, 0, 0, 0, 0))
    arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
    forked("raw clone3", lambda: LIBC.syscall(ctypes.c_long(NR["clone3"]), arguments, ctypes.c_long(88)))
    raw("clone3 nothing", 0, 0)
""",
)
probe(
    "other programs: subprocess, os.system, popen, posix_spawn, exec in every form",
    r"""
load("subprocess asyncio platform shlex")
target = WATCH + "/planted"
shell = "touch " + shlex.quote(target)
attempt("subprocess.run", subprocess.run, ["/bin/true"])
attempt("subprocess shell", lambda: must(subprocess.call(shell, shell=True) == 0))
attempt("subprocess with preexec", subprocess.run, ["/bin/true"], preexec_fn=os.setsid)
attempt("subprocess.getoutput", lambda: must(subprocess.getoutput("echo 1") == "1"))
attempt("os.system", lambda: must(os.system(shell) == 0))
attempt("os.popen", lambda: must(os.popen("echo 1").read()))
attempt("os.posix_spawn", os.posix_spawn, "/bin/true", ["true"], {})
attempt("os.posix_spawnp", os.posix_spawnp, "true", ["true"], {})
attempt("os.spawnv", lambda: must(os.spawnv(os.P_WAIT, "/bin/true", ["true"]) == 0))
attempt("asyncio", lambda: asyncio.run(asyncio.create_subprocess_exec("/bin/true")))
if LIBC:
    attempt("libc system", lambda: must(LIBC.system(shell.encode()) == 0))
    attempt("libc popen", lambda: must(LIBC.popen(b"true", b"r")))
    raw("execveat nothing", -1, 0, 0, 0, 0)
    raw("execve nothing", 0, 0, 0)
for call in (os.execv, os.execvp):
    attempt(call.__name__, call, "/bin/sh", ["sh", "-c", shell])
attempt("execve", os.execve, "/bin/sh", ["sh", "-c", shell], {})
attempt("execve of an open file", lambda: os.execve(os.open("/bin/sh", os.O_PATH), ["sh", "-c", shell], {}))
attempt("execve of Python", lambda: os.execve(sys.executable, [sys.executable, "-c", f"open({target!r}, 'w')"], {}))
""",
)
probe(
    "multiprocessing and pools of processes",
    r"""
load("multiprocessing multiprocessing.shared_memory concurrent.futures")
for method in ("fork", "spawn", "forkserver"):
    context = multiprocessing.get_context(method)
    attempt(f"Process by {method}", lambda: context.Process(target=int).start())
    attempt(f"Pool by {method}", lambda: context.Pool(1).map(abs, [1]))
attempt("ProcessPoolExecutor", lambda: concurrent.futures.ProcessPoolExecutor(1).submit(abs, 1).result(5))
attempt("Manager", lambda: multiprocessing.Manager().list())
attempt("a semaphore in /dev/shm", multiprocessing.Semaphore)
attempt("a listener", lambda: __import__("multiprocessing.connection").connection.Listener(WATCH + "/listener"))
""",
)
probe(
    "a daemon: two forks, a session of its own, a file later",
    r"""
def daemon():
    os.setsid()
    if os.fork() == 0:
        time.sleep(1)
        open(WATCH + "/planted", "w").close()
        time.sleep(20)
forked("a daemon", os.fork, daemon)
attempt("os.setsid", lambda: must(os.setsid() is None))
attempt("os.setpgid into the harness's", lambda: must(os.setpgid(0, os.getpgid(HARNESS)) is None))
attempt("os.setpgrp", lambda: must(os.getpgrp() != os.getpid() and os.setpgrp() is None))
""",
)
plain(
    "a bounded fork bomb whose children hold the pipes open",
    """
import os, time
made = 0
for _ in range(5):
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
    except OSError:
        pass
ans = made
""",
    "ok runtime_error killed",
    value="0",
)
plain(
    "thousands of threads",
    """
import threading, time
threading.stack_size(65536)
made = 0
try:
    for _ in range(4000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except BaseException as problem:
    print(made, type(problem).__name__)
ans = 'some' if made < 4000 else 'all'
""",
    "ok runtime_error memory killed timeout",
    value="some",
)
probe(
    "signals to the harness, its parent, all processes and all groups (signal 0 and SIGURG)",
    r"""
load("signal threading")
others = {"harness": HARNESS, "its parent": PARENT, "my parent": os.getppid(), "init": 1, "all": -1}
for name, pid in others.items():
    if name == "my parent" and pid == 0:
        continue
    attempt(f"kill {name}", lambda: must(os.kill(pid, 0) is None))
    if pid > 1:
        attempt(f"killpg {name}", lambda: must(os.killpg(os.getpgid(pid), 0) is None))
        attempt(f"kill the group {name}", lambda: must(os.kill(-pid, 0) is None))
        attempt(f"pidfd_open {name}", os.pidfd_open, pid)
        attempt(f"pidfd_send_signal {name}", lambda: must(signal.pidfd_send_signal(os.pidfd_open(pid), 0) is None))
        raw(f"tgkill {name}", pid, pid, 0)
        raw(f"tkill {name}", pid, 0)
        raw(f"kill {name}", pid, 0)
        info = (ctypes.c_int * 32)(0, 0, -1)
        raw(f"rt_sigqueueinfo {name}", pid, 0, info)
        raw(f"rt_tgsigqueueinfo {name}", pid, pid, 0, info)
        if LIBC:
            attempt(f"sigqueue {name}", lambda: must(LIBC.sigqueue(pid, 0, 0) == 0))
            attempt(f"pthread_sigqueue or killpg {name}", lambda: must(LIBC.killpg(pid, 0) == 0))
for pid in (HARNESS, PARENT):
    try:
        os.kill(pid, signal.SIGURG)
        hit("SIGURG", pid)
    except OSError:
        pass
try:
    os.kill(0, signal.SIGURG)
except OSError:
    pass
for neighbour in range(max(2, os.getpid() - 20), os.getpid()):
    attempt(f"kill a neighbour {neighbour}", lambda: must(os.kill(neighbour, 0) is None))
""",
)
probe(
    "owners of pipes: F_SETOWN, SIGIO and timers aimed at the harness",
    r"""
load("fcntl signal")
for fd in range(64):
    if not kind(fd):
        continue
    def aim():
        fcntl.fcntl(fd, fcntl.F_SETOWN, HARNESS)
        fcntl.fcntl(fd, 10, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | fcntl.FASYNC)
        return fcntl.fcntl(fd, fcntl.F_GETOWN) == HARNESS
    attempt(f"F_SETOWN of {fd}", lambda: must(aim()))
if LIBC:
    event = (ctypes.c_int * 16)(0, 0, signal.SIGURG, 4, HARNESS)
    made = ctypes.c_int(0)
    raw("timer_create aimed at the harness", 1, event, ctypes.byref(made))
""",
)
probe(
    "the memory of the harness: ptrace, process_vm_readv and writev, /proc/PID/mem, pidfd_getfd, kcmp",
    r"""
ADDRESS, LENGTH, SCRATCH = @ADDRESS@, @LENGTH@, @SCRATCH@
def from_mem(pid):
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        memory.seek(ADDRESS)
        return memory.read(LENGTH)
def to_mem(pid):
    with open(f"/proc/{pid}/mem", "r+b", 0) as memory:
        memory.seek(SCRATCH)
        return must(memory.write(b"overwritten") > 0)
for pid in (HARNESS, os.getppid()):
    attempt("/proc/PID/mem", from_mem, pid)
    if pid == HARNESS:
        attempt("/proc/PID/mem for writing", to_mem, pid)
    if LIBC and pid:
        def reach(name, remote):
            here = ctypes.create_string_buffer(b"overwritten", 64)
            mine = (ctypes.c_uint64 * 2)(ctypes.addressof(here), 11 if "write" in name else LENGTH)
            theirs = (ctypes.c_uint64 * 2)(remote, 11 if "write" in name else LENGTH)
            if (raw(name, pid, mine, 1, theirs, 1, 0) or -1) > 0:
                hit(name, here.raw)
        reach("process_vm_readv", ADDRESS)
        if pid == HARNESS:
            reach("process_vm_writev", SCRATCH)
        raw("ptrace seize", 0x4206, pid, 0, 0)
        raw("kcmp", pid, os.getpid(), 0, 0, 0)
        raw("process_madvise", -1, 0, 0, 0, 0)
        raw("process_mrelease", -1, 0)
        raw("move_pages", pid, 0, 0, 0, 0, 0)
        raw("pidfd_getfd", -1, 0, 0)
        raw("pidfd_open", pid, 0)
""",
)
probe(
    "limits, priority, scheduling and CPUs of others, and raising its own",
    r"""
load("resource")
for pid in {HARNESS, os.getppid()} - {0}:
    def lower(pid=pid):
        soft, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
        hit("prlimit reads", (soft, hard))
        resource.prlimit(pid, resource.RLIMIT_CORE, (1, hard))
    attempt(f"prlimit {pid}", lambda: must(lower() is None))
    attempt(f"getpriority {pid}", lambda: os.getpriority(os.PRIO_PROCESS, pid) + 100)
    attempt(f"setpriority {pid}", lambda: must(os.setpriority(os.PRIO_PROCESS, pid, 0) is None))
    attempt(f"sched_getaffinity {pid}", os.sched_getaffinity, pid)
    attempt(f"sched_setaffinity {pid}", lambda: must(os.sched_setaffinity(pid, range(os.cpu_count() or 1)) is None))
    attempt(f"sched_getscheduler {pid}", os.sched_getscheduler, pid)
    attempt(f"sched_setscheduler {pid}", lambda: must(os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)) is None))
    attempt(f"getpgid {pid}", os.getpgid, pid)
    attempt(f"getsid {pid}", os.getsid, pid)
    raw(f"ioprio_set {pid}", 1, pid, 0)
    raw(f"sched_setattr {pid}", pid, 0, 0)
    raw("prlimit64 of another", pid, 4, 0, (ctypes.c_uint64 * 2)())
    raw("prlimit64 set", pid, 4, (ctypes.c_uint64 * 2)(1, 2**64 - 1), 0)
    raw("setpriority", 0, pid, 0)
    raw("getpriority", 0, pid)
    raw("sched_setaffinity", pid, 128, (ctypes.c_uint8 * 128)(*[255] * 128))
    raw("sched_getaffinity", pid, 128, (ctypes.c_uint8 * 128)())
for number in (0, 2, 4, 6, 7, 9):
    raw("setrlimit", number, (ctypes.c_uint64 * 2)(2**64 - 1, 2**64 - 1))
    raw("prlimit64 of itself", 0, number, (ctypes.c_uint64 * 2)(2**64 - 1, 2**64 - 1), 0)
raw("setpriority up", 0, 0, -5)
raw("sched_setscheduler", 0, 1, (ctypes.c_int * 1)(1))
attempt("setpriority of the user", lambda: must(os.setpriority(os.PRIO_USER, 0, 0) is None))
attempt("nice -5", lambda: must(os.nice(-5) < 0, "yes"))
attempt("real time", lambda: must(os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) is None))
for name in dir(resource):
    if name.startswith("RLIMIT_") and name != "RLIMIT_RTTIME":
        number = getattr(resource, name)
        try:
            before = resource.getrlimit(number)
        except BaseException:
            continue
        for wanted in ((resource.RLIM_INFINITY,) * 2, (before[1] + 4096,) * 2):
            if before[1] != resource.RLIM_INFINITY:
                attempt(f"raise {name}", lambda: must(resource.setrlimit(number, wanted) is None and resource.getrlimit(number)[1] != before[1]))
""",
)

# --- memory -------------------------------------------------------------------------------------------------------

# Each stops by itself at 2 GiB, should nothing else stop it.
_HOLD = r"""
held, step = [], 16 << 20
try:
    for _ in range(128):
        held.append({more})
finally:
    total = len(held) * step
    del held
ans = f"held {{total >> 20}} MiB"
"""
for _title, _more in (
    ("lists", "[0] * (step // 8)"),
    ("bytearrays", "bytearray(b'x') * step"),
    ("strings", "chr(65 + _ % 26) * step"),
    ("big integers", "(1 << step * 8) - 1"),
    ("dictionaries", "dict.fromkeys(range(step // 100))"),
    ("SymPy symbols", "__import__('sympy').symbols(f'x{_}_:{step // 500}')"),
):
    slow = "SymPy" in _title
    plain(
        f"memory: {_title} until none is left",
        _HOLD.format(more=_more),
        "memory runtime_error killed timeout",
        slow=slow,
    )
plain("memory: a terabyte at once", "ans = bytearray(10**12)\n", "memory runtime_error")
plain("memory: a string times 10**11", "ans = len('abc' * 10**11)\n", "memory runtime_error")
plain(
    "memory: an exponential integer",
    "x = 3\nfor _ in range(40):\n    x = x * x\nans = x % 7\n",
    "memory timeout",
    slow=True,
)
plain(
    "memory: MemoryError swallowed again and again",
    """
held = []
for _ in range(4000):
    try:
        held.append(bytearray(b'x') * (1 << 20))
    except MemoryError:
        pass
ans = 'bounded' if len(held) < 1200 else f'held {len(held)} MiB'
""",
    "ok memory runtime_error killed",
    value="bounded",
)
probe(
    "memory outside the allocator: mmap, shared mmap, memfd, /dev/shm, pipes, threads' stacks",
    r"""
load("mmap threading")
def grab(what, make, limit=1200, size=16 << 20):
    held = []
    try:
        while len(held) * size < limit << 20:
            held.append(make(size))
    except BaseException as problem:
        print(what, len(held) * size >> 20, type(problem).__name__)
    if len(held) * size > 700 << 20:
        hit(what, len(held) * size >> 20)
    for one in held:
        try:
            one.close() if hasattr(one, "close") else isinstance(one, int) and os.close(one)
        except BaseException:
            pass
def mapped(flags):
    def make(size):
        area = mmap.mmap(-1, size, flags=flags)
        for offset in range(0, size, 4096):
            area[offset] = 1
        return area
    return make
def by_libc(flags):
    def make(size):
        LIBC.mmap.restype = ctypes.c_void_p
        where = LIBC.mmap(None, ctypes.c_size_t(size), 3, flags, -1, ctypes.c_long(0))
        must(where and where != 2**64 - 1)
        ctypes.memset(where, 1, size)
        return object()
    return make
for flags in (0x22, 0x21, 0x4022, 0x8022):  # private, shared, without reserve, populated
    grab(f"mmap of libc {flags:#x}", by_libc(flags), limit=720)
grab("malloc", lambda size: ctypes.create_string_buffer(b"x" * size), limit=720)
grab("private mmap", mapped(mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
grab("shared mmap", mapped(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))
def memfd(size):
    fd = os.memfd_create("hold")
    block = b"x" * (1 << 20)
    for _ in range(size >> 20):
        must(os.write(fd, block) == 1 << 20)
    return fd
grab("memfd", memfd)
def unnamed(size):
    fd = os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR)
    for _ in range(size >> 20):
        os.write(fd, b"x" * (1 << 20))
    return fd
grab("/dev/shm", unnamed)
attempt("a terabyte of address space", mmap.mmap, -1, 1 << 40)
raw("memfd_secret", 0)
raw("mlockall", 1)
""",
    "ok memory killed",
)
plain("recursion without end", "def f(n):\n    return f(n + 1) + 1\nans = f(0)\n", "runtime_error")
plain(
    "recursion with the limit raised until the stack is gone",
    """
import sys
sys.setrecursionlimit(2**31 - 1)
class Deep:
    def __getattr__(self, name):
        return getattr(Deep(), name)
    def __repr__(self):
        return repr(Deep())
try:
    repr(Deep())
except MemoryError:
    pass
ans = Deep().x
""",
    "runtime_error killed memory timeout",
)
plain(
    "deep nesting through C code: repr, pickle, json, compile, copy, hash",
    """
import copy, json, pickle, sys
sys.setrecursionlimit(10**8)
deep = []
for _ in range(10**6):
    deep = [deep]
pair = ()
for _ in range(10**6):
    pair = (pair,)
for call in (lambda: hash(pair), lambda: json.dumps(deep), lambda: pickle.dumps(deep), lambda: copy.deepcopy(deep),
             lambda: deep == copy.copy(deep), lambda: compile('-' * 10**6 + '1', 'x', 'eval'), lambda: repr(deep)):
    try:
        call()
    except BaseException as problem:
        print(type(problem).__name__)
ans = 1
""",
    "ok runtime_error killed memory timeout",
)
plain(
    "an answer nested a million deep",
    "x = []\nfor _ in range(10**6):\n    x = [x]\nans = x\n",
    "ok runtime_error no_value killed memory",
)
plain(
    "deep nesting that SymPy meets",
    "import sympy\nans = sympy.sympify('(' * 20000 + '1' + ')' * 20000)\n",
    "ok runtime_error killed memory timeout",
)

# --- output -------------------------------------------------------------------------------------------------------

plain("output without end, in small prints", "while True:\n    print('x' * 100)\n", "output_limit killed timeout")
plain("output without end, in one print", "print('x' * 10**8)\nans = 5\n", "output_limit ok killed memory", value="5")
plain(
    "output without end, written to descriptors 1 and 2 at once",
    """
import os
while True:
    for fd in (1, 2):
        try:
            os.write(fd, b'x' * 65536)
        except OSError as problem:
            if fd == 2 and problem.errno == 9:
                raise
""",
    "output_limit killed timeout runtime_error",
    slow=True,
)
plain(
    "output past every wrapper: sys.__stdout__, buffer, sys.stderr, warnings, faulthandler, libc puts",
    """
import sys, warnings
line = 'y' * 10**6
for _ in range(60):
    for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
        try:
            stream.write(line)
            stream.flush()
            stream.buffer.write(line.encode())
            stream.buffer.flush()
        except Exception:
            pass
    warnings.warn(line)
try:
    import ctypes
    libc = ctypes.CDLL(None)
    for _ in range(60):
        libc.puts(line.encode())
except Exception:
    pass
ans = 6
""",
    "output_limit ok killed memory runtime_error",
    value="6",
)
plain("an answer of 100 MB", "ans = 'z' * 10**8\n", "ok output_limit no_value memory runtime_error")
plain("an answer of a huge integer", "ans = 10 ** 10**6\n", "ok output_limit no_value memory runtime_error timeout")
plain("an exception text of 100 MB", "raise ValueError('e' * 10**8)\n", "runtime_error output_limit memory")
plain(
    "a traceback without end: exceptions chained by the ten thousand",
    "e = None\nfor n in range(20000):\n    try:\n        raise ValueError('e' * 1000) from e\n    except ValueError as caught:\n        e = caught\nraise e\n",
    "runtime_error output_limit memory killed",
)
plain(
    "exceptions whose own text fails, loops or is no text",
    """
class Bad(Exception):
    def __str__(self):
        raise SystemExit(0)
    __repr__ = __str__
    @property
    def args(self):
        raise KeyboardInterrupt
    @property
    def __class__(self):
        raise MemoryError
    @property
    def __traceback__(self):
        return 7
    @property
    def __notes__(self):
        raise GeneratorExit
raise Bad('x')
""",
    "runtime_error no_value killed",
)
plain(
    "exception groups nested a thousand deep with notes",
    "e = ValueError('x')\ne.add_note('n' * 10**6)\nfor _ in range(1000):\n    e = ExceptionGroup('g', [e, e])\nraise e\n",
    "runtime_error output_limit memory timeout killed",
)
plain(
    "an exception class whose name lies",
    'Fake = type(\'MemoryError\\n{"outcome": "ok", "value": "1"}\\n\', (Exception,), {})\nraise Fake(\'{"outcome": "ok", "value": "1"}\')\n',
    "runtime_error",
)
plain("an answer that holds itself", "x = []\nx.append(x)\nans = x\n", "ok no_value runtime_error")
plain("an answer that is not a number", "ans = float('nan')\n", "ok no_value runtime_error")
plain("an answer that is infinite", "ans = float('-inf')\n", "ok no_value runtime_error")
plain(
    "an answer of lone surrogates and NUL",
    'ans = \'\\ud800\\x00\\udfff\\u2028\\x1b[2J\\r\\n{"value": "1"}\'\n',
    "ok no_value runtime_error",
)
plain(
    "output of lone surrogates, NUL and raw bytes",
    "import os, sys\ntry:\n    print('\\ud800\\x00\\udfff')\nexcept UnicodeError:\n    pass\nos.write(1, b'\\xff\\xfe\\x00\\xed\\xa0\\x80')\nans = 3\n",
    "ok runtime_error",
    value="3",
)
plain("an exception of lone surrogates and NUL", "raise ValueError('\\ud800\\x00\\udfff')\n", "runtime_error")
plain(
    "an answer that is a generator without end",
    "import itertools\nans = itertools.count()\n",
    "ok no_value runtime_error timeout",
)
plain(
    "an answer that is a module, a class, a function, bytes",
    "import sys\nans = [sys, type, print, b'\\xff\\x00', memoryview(b'x'), ...]\n",
    "ok no_value runtime_error",
)
plain("nothing at all", "", "no_value")
plain(
    "standard output closed and replaced",
    "import sys, os, io\nsys.stdout.close()\nsys.stderr.close()\nsys.stdout = sys.stderr = None\nsys.stdin = io.StringIO('1' * 10)\nans = 4\n",
    "ok no_value runtime_error",
    value="4",
)
plain(
    "standard output that raises or never ends",
    "import sys\nclass Out:\n    def write(self, text): raise SystemExit(0)\n    flush = write\n    def __getattr__(self, name): raise KeyboardInterrupt\n    def getvalue(self): return 'q' * 10**9\nsys.stdout = sys.stderr = Out()\nans = 4\n",
    "ok no_value runtime_error",
    value="4",
)

# --- secrets and files --------------------------------------------------------------------------------------------

probe(
    "the environment: os.environ, getenv, environ, the strings on the first stack",
    r"""
load("re")
names = ("COTBENCH_CANARY", "OPENAI_API_KEY")
for name in names:
    attempt(f"os.environ {name}", lambda: os.environ[name])
    attempt(f"os.getenv {name}", lambda: must(os.getenv(name)))
    if LIBC:
        LIBC.getenv.restype = LIBC.secure_getenv.restype = ctypes.c_char_p
        attempt(f"getenv {name}", lambda: must(LIBC.getenv(name.encode())))
if LIBC:
    def environ():
        entries, found = ctypes.POINTER(ctypes.c_char_p).in_dll(LIBC, "environ"), []
        while entries and entries[len(found)]:
            found.append(entries[len(found)])
        return [entry for entry in found if entry.startswith(tuple(n.encode() for n in names))]
    attempt("environ", lambda: must(environ()))
    def stack():
        first = ctypes.c_void_p.in_dll(LIBC, "program_invocation_name").value
        LIBC.getauxval.restype = ctypes.c_ulong
        last = LIBC.getauxval(ctypes.c_ulong(31))
        must(0 < last - first < 1 << 22)
        strings = ctypes.string_at(first, last - first)
        print("the first stack", len(strings), strings.count(b"\0"))
        return re.findall(b"(?:COTBENCH_CANARY|OPENAI_API_KEY)=[^\0]*|CANARY-[0-9a-f]{16}", strings)
    attempt("the first stack", lambda: must(stack()))
    attempt("/proc/self/environ", lambda: open("/proc/self/environ", "rb").read())
attempt("by name", lambda: must([k for k in os.environ if re.search("KEY|TOKEN|SECRET|CANARY|COTBENCH|OPENAI", k)]))
print(sorted(os.environ))
""",
    "ok killed",
)
probe(
    "secrets in its own memory: objects, frames, modules, heap and arenas",
    r"""
load("gc re")
form = "CANARY-" + "[0-9a-f]{16}"
seen = 0
for one in gc.get_objects():
    seen += 1
    for inner in gc.get_referents(one):
        try:
            text = inner if type(inner) is str else inner.decode("latin-1") if type(inner) in (bytes, bytearray) else ""
        except BaseException:
            continue
        for found in re.findall(form, text):
            hit("an object", found)
print("objects", seen)
if LIBC:
    ends = os.pipe() if hasattr(os, "pipe") else None
    try:
        ends = os.pipe()
    except OSError:
        ends = None
    def there(address):
        if ends is None:
            return False
        LIBC.write.restype = ctypes.c_ssize_t
        if LIBC.write(ends[1], ctypes.c_void_p(address), ctypes.c_size_t(1)) != 1:
            return False
        os.read(ends[0], 1)
        return True
    LIBC.sbrk.restype = ctypes.c_void_p
    starts = [("heap", (LIBC.sbrk(0) or 4096) - 4096), ("arena", id(object()) & ~4095), ("list", id([[]]) & ~4095), ("stack", ctypes.addressof(ctypes.c_int()) & ~4095)]
    for name, start in starts:
        for step in (-4096, 4096):
            page, count = start, 0
            while count < 30000 and there(page):
                for found in re.findall(form.encode(), ctypes.string_at(page, 4096)):
                    hit(name, found)
                page, count = page + step, count + 1
            print(name, step, count)
""",
    "ok killed timeout",
)
probe(
    "reading files: the canary, results, the repository, /etc, home, in every way Python has",
    r"""
load("codecs configparser fileinput glob importlib.machinery importlib.util io linecache mmap pathlib runpy shutil sqlite3 tokenize urllib.request zipimport")
targets = [CANARY, RECORDS, REPO + "/README.md", REPO + "/pyproject.toml", REPO + "/prompts/cot.jinja", REPO + "/.git/config", "/etc/passwd",
           "/etc/hostname", "/etc/shadow", os.path.expanduser("~/.bashrc"), "/bin/sh", "/var/log/dpkg.log", "/tmp"]
for path in targets:
    attempt(f"open {path}", lambda: open(path, "rb").read(99))
    attempt(f"os.open {path}", lambda: os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 99))
    attempt(f"os.open for writing {path}", lambda: os.open(path, os.O_WRONLY | os.O_NONBLOCK) if path.startswith(WATCH) else must(False))
for path in (CANARY, RECORDS):
    ways = {
        "io.open": lambda: io.open(path).read(), "codecs": lambda: codecs.open(path).read(), "io.FileIO": lambda: io.FileIO(path).readall(),
        "open_code": lambda: io.open_code(path).read(), "pathlib": lambda: pathlib.Path(path).read_bytes(),
        "linecache": lambda: must("".join(linecache.getlines(path))), "tokenize": lambda: tokenize.open(path).read(),
        "fileinput": lambda: list(fileinput.input(path)), "configparser": lambda: must(configparser.ConfigParser().read(path)),
        "copy": lambda: shutil.copyfile(path, WATCH + "/copied"), "copy to stdout": lambda: shutil.copyfile(path, "/dev/stdout"),
        "file:": lambda: urllib.request.urlopen("file://" + path).read(), "runpy": lambda: runpy.run_path(path),
        "loader": lambda: importlib.machinery.SourceFileLoader("x", path).get_data(path), "source": lambda: importlib.machinery.SourceFileLoader("x", path).load_module(),
        "zip": lambda: zipimport.zipimporter(path), "sqlite": lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("select * from sqlite_master").fetchall(),
        "noatime": lambda: os.read(os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0)), 99), "direct": lambda: os.open(path, os.O_RDONLY | getattr(os, "O_DIRECT", 0)),
        "dir_fd": lambda: os.open(os.path.basename(path), os.O_RDONLY, dir_fd=os.open(os.path.dirname(path), os.O_RDONLY)),
        "dir_fd by O_PATH": lambda: os.open(os.path.basename(path), os.O_RDONLY, dir_fd=os.open(os.path.dirname(path), os.O_PATH)),
        "dir_fd guessed": lambda: must([os.open(path.lstrip("/"), os.O_RDONLY, dir_fd=fd) for fd in range(3, 64) if os.path.isdir(f"/proc/self/fd/{fd}")]),
        "through O_PATH": lambda: open(f"/proc/self/fd/{os.open(path, os.O_PATH)}").read(),
        "mmap": lambda: mmap.mmap(os.open(path, os.O_RDONLY), 0, prot=mmap.PROT_READ)[:99],
        "relative": lambda: open(os.path.relpath(path)).read(), "dots": lambda: open("/usr/lib/.." + "/.." + path).read(), "cwd": lambda: open("/proc/self/cwd/../.." + path).read(),
        "root": lambda: open("/proc/self/root" + path).read(), "its root": lambda: open(f"/proc/{HARNESS}/root" + path).read(),
        "scandir": lambda: list(os.scandir(os.path.dirname(path))), "listdir": lambda: os.listdir(os.path.dirname(path)),
        "glob": lambda: must(glob.glob(os.path.dirname(path) + "/*")), "walk": lambda: must([f for _, d, fs in os.walk(os.path.dirname(path)) for f in d + fs]),
    }
    for name, way in ways.items():
        attempt(name, way)
    if LIBC:
        LIBC.fopen.restype = ctypes.c_void_p
        attempt("fopen", lambda: must(LIBC.fopen(path.encode(), b"r")))
        attempt("libc open", lambda: must(LIBC.open(path.encode(), 0) >= 0))
        attempt("dlopen", lambda: ctypes.CDLL(path))
        raw("open", path.encode(), 0)
        raw("openat", -100, path.encode(), 0, 0)
        how = (ctypes.c_uint64 * 3)(0, 0, 0)
        raw("openat2", -100, path.encode(), how, 24)
        raw("creat", (WATCH + "/created").encode(), 0o600)
        handle, mount = ctypes.create_string_buffer((128).to_bytes(4, "little"), 140), ctypes.c_int()
        raw("name_to_handle_at", -100, path.encode(), handle, ctypes.byref(mount), 0)
        raw("open_by_handle_at", -100, handle, 0)
for path in ("/", "/etc", "/home", "/tmp", "/proc", "/sys", "/dev", "/var", REPO, REPO + "/results", WATCH, CWD, "."):
    attempt(f"listdir {path}", os.listdir, path)
    attempt(f"chdir {path}", lambda: os.chdir(path) is None and must(os.listdir(".")))
""",
)
probe(
    "/proc, /sys and /dev: of itself, of the harness, of all",
    r"""
names = "environ mem maps smaps cmdline status stat exe cwd/. root/etc/passwd fd fdinfo auxv task limits mountinfo net/tcp net/unix pagemap syscall stack".split()
for who in ("self", "thread-self", "1", str(HARNESS), str(PARENT), str(os.getppid()), str(os.getpid())):
    for name in names:
        path = f"/proc/{who}/{name}"
        attempt(path, lambda: open(path, "rb").read(99))
        attempt(f"list {path}", os.listdir, path)
for path in "/proc/self/mem /proc/self/oom_score_adj /proc/self/comm /proc/self/coredump_filter /proc/self/uid_map /proc/self/clear_refs".split():
    attempt(f"write {path}", os.open, path, os.O_WRONLY)
for path in ("/proc/meminfo /proc/cpuinfo /proc/version /proc/net/tcp /proc/kallsyms /proc/kcore /proc/keys /proc/mounts /proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id"
             " /proc/sysrq-trigger /sys/kernel/mm /sys/class/net /sys/fs/cgroup /sys/devices/system/cpu/online /sys/kernel/security /sys/kernel/debug"
             " /dev/mem /dev/kmsg /dev/vda /dev/sda /dev/loop0 /dev/ptmx /dev/pts /dev/shm /dev/kvm /dev/fuse /dev/net/tun /dev/userfaultfd /dev/mqueue"
             " /dev/fd /dev/stdin /run /boot").split():
    attempt(path, lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)) is None)
    attempt(f"list {path}", os.listdir, path)
for fd in range(16):
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        attempt(f"/proc/self/fd/{fd} again", os.open, f"/proc/self/fd/{fd}", flags | os.O_NONBLOCK)
        attempt(f"/dev/fd/{fd} again", os.open, f"/dev/fd/{fd}", flags | os.O_NONBLOCK)
attempt("openpty", os.openpty)
attempt("the terminal", os.open, "/dev/tty", os.O_RDWR | os.O_NOCTTY)
""",
)
probe(
    "writing files: create, link, rename, remove, change the canary, in every way",
    r"""
load("dbm logging py_compile shelve shutil sqlite3 stat tempfile zipfile")
new = iter(f"{WATCH}/new{n}" for n in range(10**6))
for flags in ("w", "a", "r+", "w+", "rb+"):
    attempt(f"open canary {flags}", lambda: open(CANARY, flags).close() is None)
for flags in ("w", "x", "a"):
    attempt(f"open new {flags}", lambda: open(next(new), flags).close() is None)
for where in (WATCH, CWD, TMP, "."):
    attempt(f"create in {where}", lambda: os.close(os.open(f"{where}/created", os.O_CREAT | os.O_WRONLY)) is None if where.startswith(WATCH) else must(False))
for where in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/", SITE, REPO, os.path.expanduser("~"), WATCH, CWD, TMP, os.path.dirname(os.__file__), "/usr/lib", "/etc", "."):
    attempt(f"unnamed file in {where}", os.open, where, os.O_TMPFILE | os.O_RDWR)
steps = {
    "truncate": lambda: os.truncate(CANARY, 0) is None, "link": lambda: os.link(CANARY, next(new)) is None, "link out": lambda: os.link("/etc/passwd", next(new)) is None,
    "symlink": lambda: os.symlink(CANARY, next(new)) is None, "mkdir": lambda: os.mkdir(next(new)) is None, "makedirs": lambda: os.makedirs(next(new) + "/a/b") is None,
    "mkfifo": lambda: os.mkfifo(next(new)) is None, "mknod file": lambda: os.mknod(next(new)) is None, "mknod device": lambda: os.mknod(next(new), 0o600 | stat.S_IFCHR, os.makedev(1, 3)) is None,
    "chmod": lambda: os.chmod(CANARY, 0o777) is None, "chmod 2": lambda: os.chmod(CANARY, 0o644, follow_symlinks=True) is None, "utime": lambda: os.utime(CANARY, (1, 1)) is None,
    "chown": lambda: os.chown(CANARY, os.getuid(), os.getgid()) is None, "lchown": lambda: os.lchown(CANARY, os.getuid(), os.getgid()) is None,
    "setxattr": lambda: os.setxattr(CANARY, "user.x", b"1") is None, "getxattr": lambda: os.listxattr(CANARY), "removexattr": lambda: os.removexattr(CANARY, "user.x") is None,
    "chmod folder": lambda: os.chmod(WATCH, 0o777) is None, "tempfile": lambda: tempfile.NamedTemporaryFile(dir=WATCH), "mkdtemp": lambda: tempfile.mkdtemp(dir=WATCH),
    "unnamed temporary": lambda: tempfile.TemporaryFile(dir=WATCH), "copy": lambda: shutil.copytree(os.path.dirname(os.__file__) + "/json", next(new)),
    "sqlite": lambda: sqlite3.connect(next(new)).execute("create table t (x)"), "shelve": lambda: shelve.open(next(new)), "dbm": lambda: dbm.open(next(new), "c"), "log": lambda: logging.FileHandler(next(new)),
    "zip": lambda: zipfile.ZipFile(next(new), "w").writestr("a", "b"), "compile": lambda: py_compile.compile(os.__file__, cfile=next(new), doraise=True), "attach": lambda: sqlite3.connect(":memory:").execute(f"attach '{next(new)}' as d") and must(os.path.exists(f"{WATCH}/new9")),
    "rename": lambda: os.rename(CANARY, next(new)) is None, "replace": lambda: os.replace(CANARY, CANARY + "2") is None, "rename folder": lambda: os.rename(TMP, TMP + "2") is None,
    "unlink": lambda: os.unlink(CANARY) is None, "remove": lambda: os.remove(CANARY) is None, "rmdir": lambda: os.rmdir(TMP) is None,
}
for name, step in steps.items():
    attempt(name, lambda: must(step()))
if LIBC:
    path, other = CANARY.encode(), (WATCH + "/raw").encode()
    for what, *arguments in (
        ("truncate", path, 0), ("chmod", path, 0o777), ("fchmodat", -100, path, 0o777), ("fchmodat2", -100, path, 0o777, 0), ("chown", path, -1, -1), ("utimensat", -100, path, 0, 0),
        ("link", path, other), ("linkat", -100, path, -100, other, 0), ("symlink", path, other), ("symlinkat", path, -100, other), ("rename", path, other), ("renameat2", -100, path, -100, other, 0),
        ("mkdir", other, 0o700), ("mkdirat", -100, other, 0o700), ("mknod", other, 0o100600, 0), ("mknodat", -100, other, 0o100600, 0), ("setxattr", path, b"user.x", b"1", 1, 0),
        ("removexattr", path, b"user.x"), ("unlink", path), ("unlinkat", -100, path, 0), ("mq_unlink", b"no-such-queue-of-ours"),
    ):
        raw(what, *arguments)
""",
)
probe(
    "asking about files: stat, access, readlink, O_PATH, extended attributes, of what it cannot read",
    r"""
for path in (CANARY, RECORDS, REPO + "/README.md", "/etc/passwd", "/home", WATCH):
    for name, call in {"stat": os.stat, "lstat": os.lstat, "access": lambda p: must(os.access(p, os.F_OK)), "exists": lambda p: must(os.path.exists(p)), "statvfs": os.statvfs,
                       "O_PATH": lambda p: os.fstat(os.open(p, os.O_PATH)), "listxattr": os.listxattr, "chdir": lambda p: must(os.chdir(os.path.dirname(p)) is None)}.items():
        attempt(f"{name} {path}", call, path)
    if LIBC:
        raw("statx", -100, path.encode(), 0, 0xFFF, ctypes.create_string_buffer(512))
for path in ("/proc/self/exe", "/proc/self/cwd", f"/proc/{HARNESS}/exe", f"/proc/{HARNESS}/cwd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self"):
    attempt(f"readlink {path}", os.readlink, path)
attempt("getcwd", lambda: must(os.getcwd() not in ("/", "/nonexistent"), os.getcwd()))
""",
    value=None,
)

# --- network ------------------------------------------------------------------------------------------------------

probe(
    "sockets of every family, pairs, listeners",
    r"""
load("socket asyncio selectors")
for family in range(47):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET, socket.SOCK_RDM):
        attempt(f"socket {family} {kind}", lambda: socket.socket(family, kind).close() is None)
attempt("socketpair", socket.socketpair)
attempt("create_server", socket.create_server, ("127.0.0.1", 0))
attempt("create_server v6", lambda: socket.create_server(("::1", 0), family=socket.AF_INET6))
attempt("fromfd", lambda: [socket.fromfd(fd, socket.AF_UNIX, socket.SOCK_STREAM).getpeername() for fd in range(3, 32)])
attempt("a loop of asyncio", lambda: asyncio.run(asyncio.sleep(0, "ran")))
raw("socket", 2, 1, 0)
raw("socketpair", 1, 1, 0, (ctypes.c_int * 2)() if ctypes else 0)
raw("socket vsock", 40, 1, 0)
raw("socket alg", 38, 5, 0)
""",
)
probe(
    "connections to a listener on 127.0.0.1, to a Unix socket by path and by abstract name, datagrams, names",
    r"""
load("asyncio http.client smtplib socket ssl urllib.request xmlrpc.client")
tcp, udp, path, abstract = @TCP@, @UDP@, @UNIX@, "\0" + @ABSTRACT@
def to(family, kind, address):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        s.send(b"hello")
        return address
attempt("tcp", to, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", tcp))
attempt("udp", to, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", udp))
attempt("unix", to, socket.AF_UNIX, socket.SOCK_STREAM, path)
attempt("abstract", to, socket.AF_UNIX, socket.SOCK_STREAM, abstract)
attempt("create_connection", lambda: socket.create_connection(("localhost", tcp), 2).close() is None)
attempt("fast open", lambda: socket.socket().sendto(b"hello", 0x20000000, ("127.0.0.1", tcp)))
attempt("http", lambda: http.client.HTTPConnection("127.0.0.1", tcp, timeout=1).request("GET", "/") is None)
attempt("urllib", lambda: urllib.request.urlopen(f"http://127.0.0.1:{tcp}/", timeout=1))
attempt("asyncio", lambda: asyncio.run(asyncio.open_connection("127.0.0.1", tcp)))
attempt("getaddrinfo", socket.getaddrinfo, "localhost", 80)
attempt("gethostbyname", socket.gethostbyname, "localhost")
attempt("if_nameindex", socket.if_nameindex)
""",
)

# --- the kernel ---------------------------------------------------------------------------------------------------

probe(
    "system calls that no program needs, by number and with arguments that no kernel accepts",
    r"""
one, many, nothing = 1, 0xFFFFFFFF, 0
for what, *arguments in (
    ("unshare user", 0x10000000), ("unshare mount", 0x00020000), ("unshare pid", 0x20000000), ("unshare net", 0x40000000), ("unshare files", 0x400), ("setns", -1, 0), ("mount", 0, 0, 0, 0, 0), ("umount2", one, many),
    ("chroot", one), ("pivot_root", one, one), ("fsopen", one, many), ("fspick", -1, one, many), ("open_tree", -1, one, many), ("move_mount", -1, one, -1, one, many), ("mount_setattr", -1, one, many, 0, 0),
    ("keyctl", 9999), ("add_key", one, one, one, 1, 0), ("request_key", one, one, one, 0), ("bpf", 9999, 0, 0), ("perf_event_open", one, 0, -1, -1, 0), ("userfaultfd", 0xFFFF),
    ("kexec_load", 0, 0, 0, many), ("kexec_file_load", -1, -1, 0, 0, 0xFFFF), ("reboot", 0, 0, 0, 0), ("init_module", 0, 0, 0), ("finit_module", -1, 0, 0xFFFF), ("delete_module", one, 0),
    ("personality", many), ("seccomp strict with flags", 0, many, 0), ("seccomp filter", 1, 0, 0), ("io_setup", 0, 0), ("io_uring_setup", 1, one), ("io_uring_enter", -1, 0, 0, 0, 0, 0), ("io_uring_register", -1, 0, 0, 0),
    ("shmget", 0, 0, 0), ("semget", 0, -1, 0), ("msgget", 0x7FFFFFF7, 0), ("mq_open", 0, 0, 0, 0), ("inotify_init1", 0), ("fanotify_init", many, 0), ("timerfd_create", 1, 0), ("eventfd2", 0, 0), ("signalfd4", -1, 0, 8, 0),
    ("swapon", one, 0), ("swapoff", one), ("settimeofday", one, 0), ("clock_settime", 9999, 0), ("adjtimex", one), ("clock_adjtime", 9999, one), ("sethostname", 0, -1), ("setdomainname", 0, -1),
    ("syslog", 99, 0, 0), ("acct", one), ("quotactl", many, 0, 0, 0), ("iopl", 99), ("ioperm", -1, -1, 1), ("setuid", -1), ("setgid", -1), ("setresuid", -2, -2, -2), ("setresgid", -2, -2, -2), ("setgroups", 1 << 20, 0), ("setfsuid", -1),
    ("capset", one, one), ("migrate_pages", HARNESS, 0, 0, 0), ("memfd_create", b"x", 0), ("splice", -1, 0, -1, 0, 0, 0), ("sched_setscheduler", 0, 9999, one), ("mlockall", 1),
):
    raw(what, *arguments)
""",
)
probe(
    "memory advice that poisons pages of the machine, asked for where nothing is mapped",
    r"""
if LIBC:
    for advice in (100, 101):  # as root, on kernels with CONFIG_MEMORY_FAILURE
        ctypes.set_errno(0)
        got = LIBC.madvise(ctypes.c_void_p(0x1000), ctypes.c_size_t(4096), advice)
        if got == 0 or ctypes.get_errno() not in {*DENIED, errno.EINVAL}:
            hit(f"madvise {advice}", (got, ctypes.get_errno()))
""",
)
probe(
    "prctl: to be dumped, to outlive its parent, to adopt, to leave no_new_privs, to trace",
    r"""
if LIBC:
    for what, *arguments in (
        ("prctl PR_SET_PDEATHSIG", 1, 0, 0, 0, 0), ("prctl PR_SET_CHILD_SUBREAPER", 36, 1, 0, 0, 0), ("prctl PR_SET_SECCOMP", 22, 2, 0, 0, 0), ("prctl PR_CAPBSET_DROP", 24, 9999, 0, 0, 0),
        ("prctl PR_SET_KEEPCAPS", 8, 1, 0, 0, 0), ("prctl PR_SET_SECUREBITS", 28, 0, 0, 0, 0), ("prctl PR_SET_MM", 35, 9999, 0, 0, 0), ("prctl PR_SET_PTRACER", 0x59616D61, -1, 0, 0, 0), ("prctl PR_CAP_AMBIENT", 47, 2, 0, 0, 0),
        ("prctl PR_SET_DUMPABLE", 4, 1, 0, 0, 0),
    ):
        raw(what, *arguments)
    if LIBC.prctl(38, 0, 0, 0, 0) == 0:
        hit("PR_SET_NO_NEW_PRIVS off")
    print("seccomp", LIBC.prctl(21, 0, 0, 0, 0), "no_new_privs", LIBC.prctl(39, 0, 0, 0, 0))
for name in ("setuid", "setgid", "seteuid", "setegid"):
    attempt(name, lambda: must(getattr(os, name)(0) is None))
attempt("setgroups", lambda: must(os.setgroups([0]) is None))
""",
)
probe(
    "system calls of x32: the number with its bit set",
    r"""
for name in ("getpid", "openat", "socket", "clone", "execve", "kill", "ptrace", "mount", "io_uring_setup"):
    arguments = {"openat": (-100, CANARY.encode(), 0, 0), "socket": (2, 1, 0), "kill": (HARNESS, 0), "execve": (0, 0, 0), "mount": (0, 0, 0, 0, 0), "ptrace": (0x4206, HARNESS, 0, 0), "clone": (0x0100, 0, 0, 0, 0), "io_uring_setup": (1, 1)}.get(name, ())
    if name in NR and name != "clone":
        raw(f"{name} of x32", *arguments, number=NR[name] | 0x40000000)
for number in (512, 520, 522, 534, 547):
    raw(f"x32's own {number}", 0, 0, 0, 0, 0, 0, number=number | 0x40000000)
    raw(f"x32's own {number} without its bit", 0, 0, 0, 0, 0, 0, number=number)
for number in (-1, 0x7FFFFFFF, 10**6):
    raw(f"number {number}", 0, 0, 0, number=number)
""",
    "ok killed",
)
probe(
    "int 0x80 from code of its own: the other table of system calls",
    r"""
load("mmap")
code = bytes.fromhex("53b814000000cd805bc3")  # push rbx; mov eax, 20 (getpid of i386); int 0x80; pop rbx; ret
read = bytes.fromhex("53b805000000 89fb 31c9 31d2 cd80 5bc3")  # open(path, 0)
x86 = "fork" in NR
def areas():
    yield "rwx mmap", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    def protected():
        area = mmap.mmap(-1, 4096)
        where = ctypes.addressof(ctypes.c_char.from_buffer(area))
        must(LIBC.mprotect(ctypes.c_void_p(where), ctypes.c_size_t(4096), 7) == 0)
        return area
    yield "mprotect", protected
    def low():
        LIBC.mmap.restype = ctypes.c_void_p
        where = LIBC.mmap(None, ctypes.c_size_t(4096), 7, 0x22 | 0x40, -1, ctypes.c_long(0))
        must(where and where != 2**64 - 1)
        return (ctypes.c_char * 4096).from_address(where)
    yield "mmap below 4 GiB", low
for name, make in areas():
    if not (LIBC and x86):
        break
    try:
        area = make()
    except BaseException as problem:
        print(name, problem)
        continue
    print("executable memory by", name)
    where = ctypes.addressof(ctypes.c_char.from_buffer(area)) if not isinstance(area, ctypes.Array) else ctypes.addressof(area)
    ctypes.memmove(where, code, len(code))
    got = ctypes.CFUNCTYPE(ctypes.c_int)(where)()
    if got not in (-1, -13, -38):
        hit(f"int 0x80 through {name}", got)
    if where < 1 << 31:
        ctypes.memmove(where, read, len(read))
        ctypes.memmove(where + 256, CANARY.encode() + b"\0", len(CANARY.encode()) + 1)
        got = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_long)(where)(where + 256)
        if got not in (-1, -13, -38):
            hit(f"open by int 0x80 through {name}", (got, os.read(got, 99) if got > 0 else ""))
""",
    "ok killed",
)
probe(
    "int 0x80 from bytes found in libc, no code of its own needed",
    r"""
if LIBC and "fork" in NR:
    class Segment(ctypes.Structure):
        _fields_ = [("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("offset", ctypes.c_uint64), ("at", ctypes.c_uint64), ("physical", ctypes.c_uint64), ("in_file", ctypes.c_uint64), ("size", ctypes.c_uint64), ("align", ctypes.c_uint64)]
    class Module(ctypes.Structure):
        _fields_ = [("base", ctypes.c_uint64), ("name", ctypes.c_char_p), ("segments", ctypes.POINTER(Segment)), ("count", ctypes.c_uint16)]
    texts = []
    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Module), ctypes.c_size_t, ctypes.c_void_p)
    def each(module, size, data):
        for n in range(module[0].count):
            segment = module[0].segments[n]
            if segment.kind == 1 and segment.flags & 5 == 5:
                texts.append((module[0].name, module[0].base + segment.at, segment.size))
        return 0
    LIBC.dl_iterate_phdr(each, None)
    gadgets = []
    for name, at, size in texts:
        text = ctypes.string_at(at, size)
        where = text.find(b"\xcd\x80\xc3")
        if where >= 0:
            gadgets.append((name, at + where))
    print(len(texts), "texts", gadgets[:3])
    for name, where in gadgets[:1]:
        # eax is the number of vector registers of a call: 4 is write(?, NULL, 0) of i386
        got = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_long] * 4, *[ctypes.c_double] * 4)(where)(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
        if got not in (-1, -13, -38):
            hit("int 0x80 of libc", got)
""",
    "ok killed",
)
probe(
    "terminal tricks: TIOCSTI, TIOCSCTTY, window size, terminal modes",
    r"""
load("fcntl termios")
for fd in range(3):
    for name in ("TIOCSTI", "TIOCSCTTY", "TIOCNOTTY", "TIOCCONS", "TIOCSETD"):
        if LIBC:
            ctypes.set_errno(0)
            got = LIBC.ioctl(fd, ctypes.c_ulong(getattr(termios, name)), ctypes.c_void_p(1))
            if got == 0 or ctypes.get_errno() == errno.EFAULT:
                hit(name, fd)
    attempt(f"ttyname {fd}", os.ttyname, fd)
    attempt(f"tcgetpgrp {fd}", os.tcgetpgrp, fd)
attempt("ctermid", lambda: os.open(os.ctermid(), os.O_RDWR | os.O_NOCTTY))
attempt("getlogin", os.getlogin)
""",
)

# --- descriptors --------------------------------------------------------------------------------------------------

_FORGED = (
    _KINDS
    + r"""
import json, os, stat, struct
def forgeries():
    fields = {"outcome": "ok", "value": "forged", "error": "", "stdout": "forged", "cpu_s": 0.0, "wall_s": 0.0, "ticket": 0, "id": 0}
    report = {"outcome": "ok", "value": "forged", "latex": "forged", "decimal": None, "option": None, "error": "", "stdout": ""}
    answer = {"killed": "", "status": 0, "cpu_s": 0.0, "payload": json.dumps(report), "wall_s": 0.0}
    for text in (json.dumps(answer), json.dumps(report), json.dumps(fields), json.dumps({**fields, "value": 7, "outcome": "nonsense", "cpu_s": -1}), json.dumps([fields]), '{"outcome": "ok", "value": ' + '[' * 5000, 'null', 'NaN', '\x00' * 64):
        data = text.encode()
        yield data + b"\n"
        for form in (">I", "<I", ">Q", "<Q", ">i"):
            yield struct.pack(form, len(data)) + data
    for form in ("<I", "<Q", ">I"):
        yield struct.pack(form, 2**31 - 5)
def scribble(rounds=1):
    written = []
    for fd in range(2048):
        if kind(fd) not in ("fifo", "socket") and not (fd < 3 and kind(fd)):
            continue
        for call in (lambda: os.set_blocking(fd, False), lambda: os.read(fd, 65536), lambda: os.lseek(fd, 0, 0), lambda: os.ftruncate(fd, 0)):
            try:
                call()
            except OSError:
                pass
        for data in list(forgeries()) * rounds:
            try:
                os.write(fd, data)
                written.append(fd)
            except OSError:
                break
    return written
"""
)
_ANY = "ok runtime_error no_value killed output_limit timeout memory syntax_error"
plain("forged results on every descriptor, then another answer", _FORGED + "scribble()\nans = 'mine'\n", _ANY)
plain(
    "forged results on every descriptor, then a crash",
    _FORGED + "scribble()\nimport ctypes\nctypes.string_at(0)\n",
    _ANY,
)
plain("forged results on every descriptor, then exit 0", _FORGED + "scribble()\nos._exit(0)\n", _ANY)
plain(
    "forged results on every descriptor, then an exception", _FORGED + "scribble()\nraise RuntimeError('mine')\n", _ANY
)
plain(
    "forged results on every descriptor, again and again",
    _FORGED + "for _ in range(300):\n    scribble(3)\nans = 'mine'\n",
    _ANY,
    slow=True,
)
plain(
    "forged results on every descriptor, then sleep",
    _FORGED + "scribble()\nimport time\ntime.sleep(1000)\n",
    _ANY,
    slow=True,
)
plain(
    "every descriptor closed, then an answer",
    "import os\nos.closerange(0, 4096)\nans = 'closed'\n",
    "ok runtime_error no_value killed",
    value="closed",
)
plain(
    "the result's pipe and all others replaced by one another",
    _KINDS
    + """
alive = [fd for fd in range(256) if kind(fd)]
for one in alive:
    for other in alive:
        if one != other:
            try:
                os.dup2(one, other)
            except OSError:
                pass
ans = 'swapped'
""",
    "ok runtime_error no_value killed output_limit",
    value="swapped",
)
probe(
    "what descriptors it was given: files, folders, sockets, doubles of the harness's",
    r"""
load("stat")
given = {fd: kind(fd) for fd in range(2048) if kind(fd)}
print(given)
for fd, what in given.items():
    if fd > 2 and what != "fifo":
        hit(what, fd)
    if what == "file":
        attempt(f"pread {fd}", lambda: must(os.pread(fd, 9, 0)))
        attempt(f"read {fd}", lambda: must(os.read(fd, 9)))
        attempt(f"fchmod {fd}", lambda: must(fd > 2 and os.fchmod(fd, 0o600) is None))
    if what == "folder":
        attempt(f"openat {fd}", lambda: os.listdir(fd))
    attempt(f"fchdir {fd}", lambda: must(os.fchdir(fd) is None))
    attempt(f"fchown {fd}", lambda: must(os.fchown(fd, -1, -1) is None))
    if what in ("fifo", "socket") and LIBC:
        import socket
        attempt(f"SCM_RIGHTS over {fd}", lambda: socket.socket(fileno=os.dup(fd)).sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"\1\0\0\0")]))
if len([fd for fd in given if fd > 2]) > 1:
    hit("more than one", given)
""",
    "ok killed no_value runtime_error",
)

_LEAVE = (
    _KINDS
    + """
data = @DATA@
for fd in range(2048):
    try:
        if fd > 2 and kind(fd) in ("fifo", "socket"):
            rest = data
            while rest:
                rest = rest[os.write(fd, rest):]
    except OSError:
        pass
os._exit(0)
"""
)
_SANE = {"outcome": "ok", "value": "7", "latex": "7", "decimal": "7", "option": None, "error": "", "stdout": ""}


def _forged(**fields: object) -> bytes:
    return json.dumps({**_SANE, **fields}).encode()


_DEEP = b"[" * 200_000
_FIELD = b'{"outcome": "ok", "value": %s, "latex": "7", "decimal": "7", "option": null, "error": "", "stdout": ""}'
# Where these look right to the letter, what they say is taken: the program might as well have answered it.
FORGED_REPORTS = {
    "as it should be": _forged(),
    "an outcome that is no outcome": _forged(outcome="nonsense"),
    **{
        f"an outcome that is {name}": _forged(outcome=value)
        for name, value in {
            "a list": [],
            "an object": {},
            "null": None,
            "true": True,
            "a number": 1,
            "a timeout": "timeout",
            "killed": "killed",
            "syntax_error": "syntax_error",
            "unsolved": "unsolved",
        }.items()
    },
    **{
        f"a value that is {name}": _forged(value=value)
        for name, value in {
            "a list": [1],
            "an object": {"a": 1},
            "true": True,
            "a number": 7,
            "null": None,
            "empty": "",
            "NaN": "nan",
            "a lone surrogate": "\ud800",
            "controls": "\0\x1b[2J\r\n\u2028",
            "formula": "__import__('os').system('id')",
        }.items()
    },
    **{
        f"a long {name}": _forged(**{name: "7" * 900_000})
        for name in ("value", "latex", "decimal", "option", "error", "stdout")
    },
    **{
        f"a {name} that is a list": _forged(**{name: ["x"]})
        for name in ("latex", "decimal", "option", "error", "stdout")
    },
    "texts that are null": _forged(error=None, stdout=None, latex=None, decimal=None),
    "a decimal and an option that are none": _forged(decimal="abc", option="\0nonsense"),
    "a key too many": _forged(extra=1),
    "what only the zygote says": _forged(killed="", status=0, cpu_s=-1.0, wall_s=float("nan"), payload="x"),
    "a key too few": json.dumps({"outcome": "ok", "value": "7"}).encode(),
    "keys twice": _FIELD.replace(b"{", b'{"outcome": [], ', 1) % b'"7"',
    "an error with a value": _forged(outcome="runtime_error"),
    "two of them": _forged() + _forged(),
    "a line of it, and another": _forged() + b"\n" + _forged() + b"\n",
    "not UTF-8": _FIELD % b'"\xff\xfe\xed\xa0\x80"',
    "UTF-16": _forged().decode().encode("utf-16"),
    "a byte-order mark": b"\xef\xbb\xbf" + _forged(),
    "an integer of 900,000 digits": _FIELD % (b"9" * 900_000),
    "an infinite number": _FIELD % b"1e999999999",
    "NaN": b"NaN",
    "a list": b"[]",
    "a text": b'"ok"',
    "null": b"null",
    "nothing": b"",
    "blank": b" \n" * 1000,
    "nested deeply": _DEEP,
    "nested deeply within": _FIELD % (_DEEP + b"]" * 200_000),
    "many keys": json.dumps({str(n): n for n in range(50_000)}).encode(),
    "too long": b"x" * (3 << 20),
    "NUL bytes": b"\0" * 1000,
}
for _title, _data in FORGED_REPORTS.items():
    short = repr(_data) if len(_data) < 5000 else f"__import__('zlib').decompress({zlib.compress(_data)!r})"
    plain(f"a forged report: {_title}", _LEAVE.replace("@DATA@", short), _ANY)

# --- the executor's own code --------------------------------------------------------------------------------------

plain(
    "builtins replaced: print, len, str, repr, isinstance, type, open, exec, BaseException",
    """
import builtins
def liar(*a, **k):
    raise SystemExit(0)
ans = 11
for name in dir(builtins):
    if name[0] != '_' and name not in ('setattr', 'builtins'):
        setattr(builtins, name, liar)
builtins.__import__ = liar
builtins.__build_class__ = liar
""",
    "ok runtime_error no_value killed",
    value="11",
)
plain(
    "json, pickle, struct, os, sys, io, traceback, marshal tampered with",
    """
import io, json, marshal, os, pickle, struct, sys, traceback
ans = 12
def liar(*a, **k):
    return '{"outcome": "ok", "value": "forged", "error": null, "stdout": "", "cpu_s": 0, "wall_s": 0}'
json.JSONEncoder.encode = json.JSONEncoder.iterencode = liar
json.encoder.c_make_encoder = json.encoder.encode_basestring_ascii = liar
for module in (json, pickle, marshal, struct, traceback, io):
    for name in dir(module):
        if name[0] != '_':
            try:
                setattr(module, name, liar)
            except Exception:
                pass
for name in ('write', 'close', 'getpid', 'times', 'waitpid', 'kill'):
    setattr(os, name, liar)
sys.exc_info = sys.exit = sys.excepthook = liar
""",
    "ok runtime_error no_value killed",
)
plain(
    "sys.modules emptied",
    "import sys\nans = 13\nfor name in list(sys.modules):\n    if name != '__main__':\n        sys.modules[name] = None\nsys.modules.clear()\nsys.path[:] = []\nsys.meta_path[:] = []\n",
    "ok runtime_error no_value killed",
    value="13",
)
plain(
    "the executor's frames: walked up to, their globals and locals changed",
    """
import ctypes, sys
frame, ans = sys._getframe(), 14
depth = 0
while frame is not None:
    depth += 1
    if depth > 1:
        for space in (frame.f_globals, frame.f_locals):
            for name in list(space):
                if not name.startswith('__'):
                    try:
                        space[name] = lambda *a, **k: {'outcome': 'ok', 'value': 'forged'}
                    except Exception:
                        pass
        try:
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(1))
        except Exception:
            pass
        try:
            frame.clear()
        except Exception:
            pass
        frame.f_trace = lambda *a: None
    frame = frame.f_back
""",
    "ok runtime_error no_value killed timeout",
)
plain(
    "the executor's functions, found by the collector, given other code",
    """
import gc, types
def liar(*a, **k):
    return 'forged'
ans = 15
changed = 0
for one in gc.get_objects():
    if isinstance(one, types.FunctionType) and (one.__module__ or '').split('.')[0] in ('cotbench', '__main__', '__mp_main__'):
        if one is not liar and not one.__code__.co_freevars:
            one.__code__ = liar.__code__
            changed += 1
    elif isinstance(one, dict) and one.get('ans') == 15 and 'forged' not in one:
        one['forged'] = 1
print(changed)
""",
    "ok runtime_error no_value killed timeout",
)
plain(
    "the executor's modules, found by name, emptied",
    """
import sys
ans = 16
for name, module in list(sys.modules.items()):
    if name.split('.')[0] in ('cotbench', '__main__', 'runtime', 'zygote', 'sandbox') and module is not None:
        for key in list(vars(module)):
            if key not in ('ans', 'sys', 'name', 'module', 'key', '__builtins__'):
                vars(module)[key] = None
""",
    "ok runtime_error no_value killed",
)
probe(
    "cotbench imported: what it can read, what it knows, what it can start",
    r"""
def fetch(name):
    module = __import__(name, fromlist=["x"])
    return module
load("importlib")
for name in ("cotbench", "cotbench.store.records", "cotbench.programs", "cotbench.run.session", "cotbench.cli", "cotbench.questions.data", "cotbench.answers.judging", "cotbench.engines.openai", "conftest", "test_sandbox_hostile", "hostile_programs", "pytest", "_pytest"):
    try:
        module = importlib.import_module(name)
    except BaseException as problem:
        print(name, type(problem).__name__)
        continue
    print(name, "is there")
    for key, value in vars(module).items():
        if "CANARY-" in repr(value)[:10**5] and "COTBENCH_" not in key and "PRELUDE" not in key and name != "hostile_programs":
            hit(name, key)
def read():
    from cotbench.store import records
    return open(RECORDS).read()
attempt("records", read)
def nested():
    from cotbench.programs import Sandbox
    from cotbench.types import Program
    with Sandbox(workers=1) as box:
        return box.run(Program(runtime="python", code="ans = 1"))
attempt("a sandbox in the sandbox", lambda: must(getattr(nested(), "outcome", "") == "ok"))
""",
)
plain("SystemExit(0) after an answer", "ans = 17\nraise SystemExit(0)\n", "ok runtime_error no_value", value="17")
plain("SystemExit with a lie", 'import sys\nsys.exit(\'{"outcome": "ok", "value": "1"}\')\n', "runtime_error no_value")
plain(
    "os._exit(0) after an answer",
    "import os\nans = 18\nprint('18', flush=True)\nos._exit(0)\n",
    "runtime_error no_value killed",
)
plain("KeyboardInterrupt", "raise KeyboardInterrupt('stop the run')\n", "runtime_error")
plain("GeneratorExit", "raise GeneratorExit\n", "runtime_error")
plain(
    "a BaseException of its own",
    "class Mine(BaseException):\n    def __init__(self, *a): self.args = (self,)\nraise Mine\n",
    "runtime_error",
)
plain("MemoryError raised by hand", "raise MemoryError\n", "memory runtime_error")
plain("a timeout raised by hand", "raise TimeoutError('timeout')\n", "runtime_error")
plain(
    "an exception raised later by an alarm, in the executor",
    "import signal\ndef late(*_): raise SystemExit(0)\nsignal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)\nans = 19\n",
    "ok runtime_error no_value killed",
    value="19",
)
plain(
    "an exception raised later by another thread, in the executor",
    "import ctypes, threading\nmain = threading.main_thread().ident\ndef strike():\n    while True:\n        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(SystemExit))\nthreading.Thread(target=strike, daemon=True).start()\nans = 20\n",
    "ok runtime_error no_value killed timeout",
    value="20",
)
plain(
    "tracing, profiling and audit hooks that raise",
    "import sys, threading\ndef hook(*a):\n    raise SystemExit(0)\nans = 21\nthreading.settrace(hook)\nsys.addaudithook(hook)\n",
    "ok runtime_error no_value killed",
    value="21",
)
plain(
    "tracing hooks that raise in the executor's frames",
    "import sys\ndef hook(*a):\n    raise SystemExit(0)\nans = 22\nframe = sys._getframe()\nwhile frame:\n    frame.f_trace = hook\n    frame = frame.f_back\nsys.setprofile(hook)\nsys.settrace(hook)\n",
    "ok runtime_error no_value killed",
    value="22",
)
plain(
    "finalizers that print, raise and exit",
    "import atexit, os, sys, weakref\nclass Late:\n    def __del__(self):\n        print('forged')\n        os._exit(0)\natexit.register(lambda: os._exit(0))\natexit.register(print, 'forged')\nlate = Late()\nlate.me = late\nans = 23\n",
    "ok runtime_error no_value killed",
    value="23",
)
plain(
    "a collector's callback that exits",
    "import gc, os\nans = 24\ngc.callbacks.append(lambda *a: os._exit(0))\ngc.set_threshold(1)\n",
    "ok runtime_error no_value killed",
    value="24",
)
plain(
    "printed JSON like the executor's",
    'print(\'{"outcome": "ok", "value": "forged", "error": null, "stdout": "", "cpu_s": 0.0, "wall_s": 0.0}\')\nprint(\'\\n\' * 3)\nraise ValueError\n',
    "runtime_error",
)
plain(
    "an answer that lies: str, repr, eq, hash, class, reduce, index, format, len, bool",
    """
def boom(*a, **k):
    raise SystemExit(0)
class Liar:
    __str__ = __repr__ = __eq__ = __reduce__ = __reduce_ex__ = __index__ = __format__ = __len__ = __bool__ = boom
    __hash__ = __int__ = __float__ = __iter__ = __contains__ = __getattr__ = __getattribute__ = __dir__ = __sizeof__ = boom
    __class__ = property(boom)
ans = Liar()
""",
    "no_value runtime_error killed ok",
)
plain(
    "an answer whose text is no text",
    "class Odd:\n    def __str__(self): return 5\n    def __repr__(self): return None\nans = Odd()\n",
    "no_value runtime_error ok",
)
plain(
    "an answer that pretends to be a string",
    "class Odd:\n    __class__ = str\n    def __str__(self): return 'said'\nans = Odd()\n",
    "no_value runtime_error ok",
)
plain(
    "a subclass of str that lies",
    "class S(str):\n    def __str__(self): return self\n    def __len__(self): return -5\n    def encode(self, *a): return b'\\xff' * 10**6\n    def __getitem__(self, k): return self\n    def __iter__(self): return iter(lambda: self, 1)\n    def __format__(self, spec): return self\n    def __eq__(self, o): return True\n    __hash__ = None\nans = S('truth')\n",
    "ok no_value runtime_error timeout",
)
plain(
    "a subclass of int that lies",
    "class I(int):\n    def __str__(self): return 'forged' * 10**5\n    __repr__ = __format__ = lambda self, *a: chr(0xd800)\n    def __int__(self): return 10**10000\n    __index__ = __trunc__ = __int__\n    def bit_length(self): return -1\nans = I(5)\n",
    "ok no_value runtime_error output_limit",
)
plain(
    "subclasses of float, list, dict, tuple, Fraction, Decimal, bool-likes that lie",
    "import decimal, fractions\ndef bad(self, *a): raise GeneratorExit\nans = [type('L', (k,), {n: bad for n in ('__repr__', '__str__', '__iter__', '__len__', '__float__', '__int__')})() for k in (float, list, dict, tuple, set, fractions.Fraction, decimal.Decimal)]\n",
    "ok no_value runtime_error",
)
plain(
    "a SymPy object that lies",
    "import sympy\nclass E(sympy.Expr):\n    def _sympystr(self, printer): raise SystemExit(0)\n    def __str__(self): raise KeyboardInterrupt\n    __repr__ = sympify = evalf = doit = _eval_simplify = __str__\n    is_number = property(__str__)\nans = E()\n",
    "ok no_value runtime_error",
)
plain(
    "a pickle that runs code, given as the answer",
    "import os, pickle\nclass Bomb:\n    def __reduce__(self): return (os.mkdir, (@WATCH@ + '/planted',))\nans = pickle.dumps(Bomb(), 0)\n",
    "ok no_value runtime_error",
)
plain(
    "a pickle that runs code, written to every descriptor",
    _KINDS
    + "import os, pickle, stat\nclass Bomb:\n    def __reduce__(self): return (os.mkdir, (@WATCH@ + '/planted',))\ndata = pickle.dumps(Bomb())\nfor fd in range(256):\n    try:\n        if kind(fd) in ('fifo', 'socket'):\n            os.write(fd, data)\n            os.write(fd, len(data).to_bytes(4, 'big') + data)\n            os.write(fd, len(data).to_bytes(4, 'little') + data)\n            os.write(fd, len(data).to_bytes(8, 'little') + data)\n    except OSError:\n        pass\nos._exit(0)\n",
    "no_value runtime_error killed ok output_limit",
)
plain("a crash: reading address 0", "import ctypes\nctypes.string_at(0)\n", "killed runtime_error")
plain(
    "a crash: writing over the interpreter's own objects",
    "import ctypes\nfor one in (None, True, (), 1, '', int, type, print):\n    ctypes.memset(id(one), 0xff, 48)\nans = None\n",
    "killed runtime_error no_value ok timeout memory",
)
plain(
    "a crash: reference counts of None set to 1",
    "import ctypes\nctypes.c_ssize_t.from_address(id(None)).value = 1\nfor _ in range(100):\n    x = [None] * 10\n    del x\nans = 1\n",
    "killed runtime_error no_value ok timeout",
)
plain(
    "a crash: code that marshal made up",
    "import marshal, types\ndef f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([100, 255, 100, 255, 83, 0] * 40), co_consts=())\nans = f()\nans = eval(marshal.loads(marshal.dumps(f.__code__)))\n",
    "killed runtime_error no_value ok timeout",
)
plain(
    "a crash: faulthandler's own",
    "import faulthandler\nfaulthandler.enable()\nfaulthandler._sigsegv()\n",
    "killed runtime_error",
)
plain(
    "a traceback dumped later, with exit",
    "import faulthandler, time\nfaulthandler.dump_traceback_later(0.05, exit=True)\ntime.sleep(2)\nans = 1\n",
    "killed runtime_error no_value ok",
)
plain("abort", "import os\nos.abort()\n", "killed runtime_error")
plain("SIGKILL to itself", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\nans = 1\n", "killed runtime_error")
plain(
    "SIGSEGV, SIGSYS, SIGXCPU, SIGTERM to itself",
    "import os, signal\nfor n in (signal.SIGSEGV, signal.SIGSYS, signal.SIGXCPU, signal.SIGTERM):\n    try:\n        os.kill(os.getpid(), n)\n    except OSError:\n        pass\n    signal.raise_signal(n)\n",
    "killed runtime_error timeout",
)
plain(
    "SIGXCPU pretended, to look like a timeout; SIGXFSZ; SIGUSR1",
    "import signal\nfor n in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXFSZ, signal.SIGVTALRM):\n    signal.raise_signal(n)\nans = 1\n",
    "killed runtime_error timeout ok output_limit",
)

# --- source -------------------------------------------------------------------------------------------------------

plain("a NUL byte in the source", "ans = 1\x00\nans = 2\n", "ok")
plain("a byte-order mark", "\ufeffans = 31\n", "ok syntax_error", value="31")
plain(
    "a cookie for an encoding that isn't",
    "# -*- coding: nonsense -*-\nans = 32\n",
    "ok syntax_error runtime_error",
    value="32",
)
plain(
    "a cookie for another encoding",
    "# -*- coding: utf-7 -*-\nans = 33 #+AAo-ans = 34\n",
    "ok syntax_error runtime_error",
    value="33",
)
plain("lone surrogates in the source", "ans = '\ud800'\n", "syntax_error runtime_error ok no_value")
plain(
    "five megabytes of source",
    "x = 1\n" * 800_000 + "ans = 35\n",
    "ok syntax_error memory timeout runtime_error",
    value="35",
)
plain(
    "a hundred thousand nested parentheses",
    "ans = " + "(" * 100_000 + "1" + ")" * 100_000 + "\n",
    "syntax_error memory runtime_error killed",
)
plain(
    "a hundred thousand unary minuses and a deep chain",
    "ans = " + "-" * 100_000 + "1\n",
    "syntax_error memory runtime_error killed ok",
)
plain(
    "a hundred thousand binary operators",
    "ans = " + "1+" * 100_000 + "1\n",
    "syntax_error memory runtime_error killed ok",
    value="100001",
)
plain(
    "nested blocks and functions",
    "".join(" " * n + "if 1:\n" for n in range(99)) + " " * 99 + "ans = 36\n",
    "ok syntax_error",
    value="36",
)
plain(
    "a constant that folds to gigabytes",
    "ans = len((1,) * 10**9 * 10) if 0 else len(('a' * 4000) * 4000 * 4000)\n",
    "memory runtime_error ok",
)
plain(
    "code that is code: exec, eval, compile of itself",
    "source = 'exec(source)'\nexec(source)\n",
    "runtime_error killed memory",
)
plain(
    "names shadowed: print, ans, solution, __name__",
    "__name__ = '__main__'\n__builtins__ = {}\n__file__ = '/etc/passwd'\ndef print(*a): raise SystemExit\nsolution = 37\nans = 37\n",
    "ok runtime_error no_value",
    value="37",
)
plain(
    "solution that is no function, wants arguments or is a generator",
    "def solution(a, b, *, c):\n    yield 1\n",
    "runtime_error no_value ok",
)
plain("solution that is async", "async def solution():\n    return 1\n", "runtime_error no_value ok")
plain(
    "solution replaced while it runs",
    "def solution():\n    global solution\n    solution = 5\n    del globals()['solution']\n    return 38\n",
    "ok runtime_error no_value",
    value="38",
)
plain("tab and indentation chaos", "if 1:\n\tans = 1\n        ans = 2\n", "syntax_error")
plain("escapes that warn", "ans = len('\\\\d' '\\d') if 1 is 1 else 0\n", "ok syntax_error", value="4")
plain(
    "warnings turned to errors",
    "import warnings\nwarnings.simplefilter('error')\nimport sys\nsys.warnoptions.append('error')\nans = 39\nassert (1, 'always') is not None\n",
    "ok runtime_error",
    value="39",
)

# --- plans --------------------------------------------------------------------------------------------------------

_NOT_OK = "plan_invalid unsolved ambiguous timeout memory"
plan("plan: import in an answer", 'answer: __import__("os").system("touch @@WATCH@@/planted")\n', _NOT_OK)
plan("plan: an attribute walk", "answer: ().__class__.__bases__[0].__subclasses__()\n", _NOT_OK)
plan("plan: eval, exec, open, lambda, import", "answer: eval(exec(open(lambda: import)))\n", _NOT_OK)
plan("plan: a call of sympify", "x = sympify(1)\nanswer: x\n", _NOT_OK)
plan(
    "plan: names that are code",
    "__import__ = 3\n__builtins__(x) = x\nos.system = 4\nanswer: __import__\n",
    f"{_NOT_OK} ok",
)
plan("plan: methods of numbers", "answer: (1).__class__\n", _NOT_OK)
plan("plan: a string that SymPy would evaluate", "answer: 'open(\"@@CANARY@@\").read()'\n", _NOT_OK)
plan(
    "plan: f-strings, backquotes, braces",
    "answer: f\"{open('@@CANARY@@').read()}\"\nanswer: `id`\nanswer: ${HOME}\n",
    f"{_NOT_OK} ok",
)
plan("plan: a walrus, a semicolon, a comprehension", "answer: [x := 1; x for x in (1)]\n", _NOT_OK)
plan(
    "plan: names SymPy knows and the language does not",
    'answer: preview(x, viewer="file", filename="@@WATCH@@/planted")\n',
    _NOT_OK,
)
plan("plan: a function of its own that never ends", "f(x) = f(x + 1)\nanswer: f(1)\n", _NOT_OK)
plan(
    "plan: functions that double",
    "".join(f"f{n + 1}(x) = f{n}(x) + f{n}(x + 1)\n" for n in range(60)).replace("f0(x)", "x").replace("f0(x + 1)", "x")
    + "answer: f60(1)\n",
    f"{_NOT_OK} ok",
    slow=True,
)
plan(
    "plan: definitions that double",
    "a0 = x + 1\n" + "".join(f"a{n + 1} = a{n}*a{n} + y\n" for n in range(60)) + "answer: expand(a60)\n",
    _NOT_OK,
    slow=True,
)
plan("plan: a hundred thousand brackets", "answer: " + "(" * 100_000 + "1" + ")" * 100_000 + "\n", f"{_NOT_OK} ok")
plan("plan: a hundred thousand minus signs", "answer: " + "-" * 100_000 + "1\n", f"{_NOT_OK} ok")
plan("plan: a hundred thousand powers", "answer: " + "1^" * 100_000 + "1\n", f"{_NOT_OK} ok")
plan("plan: two megabytes of sum", "answer: " + "1+" * 1_000_000 + "1\n", f"{_NOT_OK} ok", slow=True)
plan(
    "plan: twenty thousand unknowns",
    "".join(f"x{n} = x{n + 1} + 1\n" for n in range(20_000)) + "x20000 = 0\nanswer: x0\n",
    f"{_NOT_OK} ok",
    slow=True,
)
plan(
    "plan: a number of a million digits",
    "answer: " + "9" * 1_000_000 + "\n",
    f"{_NOT_OK} ok runtime_error output_limit",
)
plan("plan: an exponent of a million digits", "answer: 2^" + "9" * 1_000_000 + " % 7\n", f"{_NOT_OK} ok", slow=True)
plan("plan: a huge decimal exponent", "answer: 1e999999999\n", _NOT_OK + " ok", slow=True)
plan("plan: names in other scripts, controls, surrogates, NUL", "answer: \ud800\x00\u202e\u2028x\x1b\n", _NOT_OK)
plan(
    "plan: a giant formula",
    "".join(f"premise: (p{n} or not p{n * 7 % 300}) -> (p{n * 13 % 300} xor p{(n + 1) % 300})\n" for n in range(3000))
    + "ask: must be true\noption A: p1\noption B: not p1\noption C: p2 and p3\n",
    f"{_NOT_OK} ok",
    slow=True,
)
plan(
    "plan: pigeons and holes",
    "".join("premise: " + " or ".join(f"in{p}_{h}" for h in range(11)) + "\n" for p in range(12))
    + "".join(f"premise: not in{p}_{h} or not in{q}_{h}\n" for h in range(11) for p in range(12) for q in range(p))
    + "ask: could be true\noption A: in0_0\noption B: in1_1\n",
    f"{_NOT_OK} ok",
    slow=True,
)
plan(
    "plan: at most k of a hundred",
    "premise: at_most(50, "
    + ", ".join(f"p{n}" for n in range(100))
    + ")\npremise: at_least(50, "
    + ", ".join(f"p{n}" for n in range(100))
    + ")\nask: must be true\noption A: p1\noption B: p2\n",
    f"{_NOT_OK} ok",
    slow=True,
)
plan(
    "plan: nested not and xor a thousand deep",
    "premise: " + "not (" * 5000 + "p" + ")" * 5000 + "\nask: must be true\noption A: p\noption B: not p\n",
    f"{_NOT_OK} ok",
)
plan("plan: empty", "", "plan_invalid unsolved")
plan(
    "plan: a forged result in a comment and an error",
    '# {"outcome": "ok", "value": "forged"}\nanswer: {"outcome": "ok", "value": "forged"}\n',
    _NOT_OK,
)
