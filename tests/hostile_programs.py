"""Programs that mean harm, for `test_sandbox_hostile.py`: those of `cases/hostile.yaml`, and others, computed here.

Sources hold placeholders (`@CANARY@`), which `filled` replaces. They never hold the secret itself.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from cases import groups

CONTAINED = "contained"
PYTHON, PLAN = "python", "sympy"

OUTCOMES = frozenset(
    "ok syntax_error runtime_error timeout memory output_limit killed no_value plan_invalid unsolved ambiguous".split()
)
ENDED = OUTCOMES - {"ok"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A program or plan, its outcomes, its value where that is "ok" (None: any); `slow` where it takes its limit."""

    title: str
    code: str
    outcomes: frozenset[str]
    value: str | None = None
    runtime: str = PYTHON
    slow: bool = False


ATTACKS: list[Attack] = []

# What a descriptor is, "" if it isn't open. Where fstat is refused, one that can't be sought in is a pipe or a socket.
_KINDS = r"""
import errno, os, stat
def kind(fd):
    try:
        kinds = {stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
        return {**kinds, stat.S_IFCHR: "device"}.get(stat.S_IFMT(os.fstat(fd).st_mode), "other")
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


def plain(title: str, code: str, outcomes: str, *, value: str | None = None, slow: bool = False) -> None:
    """Adds a program that runs as it stands."""
    allowed = frozenset(outcomes.split())
    ATTACKS.append(Attack(title=title, code=code, outcomes=allowed, value=value, slow=slow))


def probe(title: str, code: str, outcomes: str, *, value: str | None = None, slow: bool = False) -> None:
    """Adds a program that reports: its body runs behind PRELUDE, and its answer is `report()`."""
    whole = f"{PRELUDE}\nsteps(r'''\n{code}''')\nans = report()\n"
    plain(title, whole, outcomes, value={None: CONTAINED, "any": None}[value], slow=slow)


def plan(title: str, code: str, outcomes: str, *, value: str | None = None, slow: bool = False) -> None:
    """Adds a plan."""
    allowed = frozenset(outcomes.split())
    ATTACKS.append(Attack(title=title, code=code, outcomes=allowed, value=value, runtime=PLAN, slow=slow))


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
request_key 249 218; bpf 321 280; perf_event_open 298 241; userfaultfd 323 282; kexec_load 246 104
kexec_file_load 320 294
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
setsid 112 157; setpgid 109 154; timer_create 222 107; statx 332 291; setrlimit 160 164; setpriority 141 140
getpriority 140 141
sched_setaffinity 203 122; sched_getaffinity 204 123; setitimer 38 103; prlimit64 302 261; pipe2 293 59; dup 32 23
fcntl 72 25; ioctl 16 29; getrusage 98 165; wait4 61 260; poll 7 -; ppoll 271 73; pread64 17 67; pwrite64 18 68
"""


def numbers(machine: str) -> dict[str, int]:
    column = {"x86_64": 1, "aarch64": 2}.get(machine)
    rows = [row.split() for row in _CALLS.replace("\n", ";").split(";") if row.strip()]
    return {} if column is None else {row[0]: int(row[column]) for row in rows if row[column] != "-"}


# Writes what looks like results, in the forms that a harness may read, to every descriptor that is open.
_FORGED = (
    _KINDS
    + r"""
import json, os, stat, struct
def forgeries():
    fields = {"outcome": "ok", "value": "forged", "error": "", "stdout": "forged"}
    fields |= {"cpu_s": 0.0, "wall_s": 0.0, "ticket": 0, "id": 0}
    report = {"outcome": "ok", "value": "forged", "latex": "forged", "decimal": None, "option": None}
    report |= {"error": "", "stdout": ""}
    answer = {"killed": "", "status": 0, "cpu_s": 0.0, "payload": json.dumps(report), "wall_s": 0.0}
    nonsense = {**fields, "value": 7, "outcome": "nonsense", "cpu_s": -1}
    texts = [json.dumps(each) for each in (answer, report, fields, nonsense, [fields])]
    for text in (*texts, '{"outcome": "ok", "value": ' + '[' * 5000, 'null', 'NaN', '\x00' * 64):
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
        for call in (
            lambda: os.set_blocking(fd, False), lambda: os.read(fd, 65536), lambda: os.lseek(fd, 0, 0),
            lambda: os.ftruncate(fd, 0),
        ):
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

BEHIND = {"": "", "kinds": _KINDS, "forgeries": _FORGED}  # what a plain program may use

# --- the table ----------------------------------------------------------------------------------------------------

for _rows in groups("hostile", "case runs outcomes code", optional="value slow behind").values():
    for _title, _runs, _outcomes, _code, _value, _slow, _behind in _rows:
        _add = {"probe": probe, "plain": plain, "plan": plan}[_runs]
        _add(_title, BEHIND[_behind or ""] + _code, _outcomes, value=_value, slow={None: False, "yes": True}[_slow])

# --- what is computed ---------------------------------------------------------------------------------------------

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


_ANY = "ok runtime_error no_value killed output_limit timeout memory syntax_error"
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


_NOT_OK = "plan_invalid unsolved ambiguous timeout memory"
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
