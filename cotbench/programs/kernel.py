"""What the Linux kernel offers against a program: a seccomp filter, Landlock, rlimits; set through ctypes, no
privilege needed.

The filter is an allowlist of system calls: memory, the clock, signals to oneself, and reading and writing of what is
open already. It has nothing that takes a path, an address or another process, so files, network, exec, fork and
signals are out of reach whatever a program does in memory. Landlock says the same about files once more, where the
kernel has it.

Nothing waits: there are no other threads, so what a program waits for can't come. Sleeping returns at once, a wait
with a time-out is at its end at once, and one without ends the program. Of futex(2) only waking and waiting is
allowed, since other operations tell which process numbers are in use.

Sources: seccomp(2), landlock(7), linux/seccomp.h, linux/landlock.h, the kernel's tables of system calls.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

from cotbench.processes import libc

# prctl(2)
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_CAPABILITY_VERSION = 0x20080522  # of capset(2)
_SECCOMP_MODE_FILTER = 2
_EFAULT, _EPERM, _ETIMEDOUT = 14, 1, 110
WAITS_FOR_EVER = 31  # how a program ends that does: SIGSYS, which the filter sends, as an exit code

# Landlock's system calls have the same numbers on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1

# linux/audit.h, and the allowed system calls by number. x86_64 also has the calls that are older than arm64.
_ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        """
        read 0 write 1 close 3 fstat 5 lseek 8 mmap 9 mprotect 10 munmap 11 brk 12 rt_sigaction 13 rt_sigprocmask 14
        rt_sigreturn 15 sched_yield 24 mremap 25 madvise 28 nanosleep 35 getpid 39 exit 60 gettimeofday 96
        sigaltstack 131 gettid 186 time 201 futex 202 restart_syscall 219 clock_gettime 228 clock_getres 229
        clock_nanosleep 230 exit_group 231 getrandom 318
        """,
    ),
    "aarch64": (
        0xC00000B7,
        """
        close 57 lseek 62 read 63 write 64 fstat 80 exit 93 exit_group 94 futex 98 nanosleep 101 clock_gettime 113
        clock_getres 114 clock_nanosleep 115 sched_yield 124 restart_syscall 128 sigaltstack 132 rt_sigaction 134
        rt_sigprocmask 135 rt_sigreturn 139 gettimeofday 169 getpid 172 gettid 178 brk 214 munmap 215 mremap 216
        mmap 222 mprotect 226 madvise 233 getrandom 278
        """,
    ),
}
_AT_ONCE = ("nanosleep", "clock_nanosleep")  # return at once: a program that sleeps costs nothing
_NO_EXEC = ("mmap", "mprotect")  # not with PROT_EXEC, the third argument's bit 2
_PROT_EXEC = 4
_FUTEX_WAIT, _FUTEX_WAKE, _FUTEX_WAIT_BITSET, _FUTEX_WAKE_BITSET = 0, 1, 9, 10
_FUTEX_COMMAND = 127  # the bits of futex's second argument that say which operation
_X32_BIT = 0x40000000  # x86_64's second table of system calls

# linux/seccomp.h and linux/filter.h
_KILL, _TRAP, _ERRNO, _ALLOW = 0x80000000, 0x00030000, 0x00050000, 0x7FFF0000
_LOAD, _AND, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _SECOND_ARGUMENT_AT, _THIRD_ARGUMENT_AT, _FOURTH_ARGUMENT_AT = 0, 4, 24, 32, 40


_libc = libc()


def _prctl(option: int, first: int, second: int = 0) -> int:
    """0, or the errno."""
    return ctypes.get_errno() if _libc.prctl(option, first, second, 0, 0) else 0


def missing_features() -> list[str]:
    """The names of what containment needs and this machine lacks; empty where programs can be contained.

    Landlock isn't among them: the filter has no system call that takes a path.
    """
    if sys.platform != "linux":
        return [f"Linux (this is {platform.system()})"]
    if platform.machine() not in _ARCHITECTURES:
        return [f"a table of system calls for {platform.machine()} (there are {', '.join(_ARCHITECTURES)})"]
    if sys.maxsize < 2**32:
        return ["a 64-bit Python"]
    # A filter at address 0 can't be read; a kernel without filters says so before it looks.
    if _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, 0) != _EFAULT:
        return ["seccomp filters (CONFIG_SECCOMP_FILTER)"]
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return ["pidfd_open (Linux 5.3)"]
    return []


def landlock_version() -> int:
    """The kernel's version of Landlock, 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)))


def forbid_files() -> None:
    """Landlock, for this process and its children: no path can be opened, made, removed or changed, no TCP used.

    A kernel without Landlock leaves that to the filter alone.
    """
    version = landlock_version()
    if not version:
        return
    # Each version of the interface knows more rights: files, then network and scopes.
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0
    scopes = 0b01 if version >= 6 else 0  # abstract sockets; signals are the zygote's to send
    attributes = struct.pack("QQQ", files, network, scopes)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0 or _libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "Landlock")
    os.close(ruleset)


def give_up_privileges() -> None:
    """No capability, for root too, no way to get one back (filters need that), and no memory image for anybody."""
    if error := _prctl(_PR_SET_NO_NEW_PRIVS, 1) or _prctl(_PR_SET_DUMPABLE, 0):
        raise OSError(error, "no_new_privs")
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    if _libc.capset(header, bytes(24)):
        raise OSError(ctypes.get_errno(), "capset")


def end_where_waiting_is_for_ever() -> None:
    """Let the C library's _exit answer the filter's signal, so that such an end is told from all others by its exit
    code."""
    _libc.signal(WAITS_FOR_EVER, ctypes.cast(_libc._exit, ctypes.c_void_p))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def seccomp_filter() -> Filter:
    """The allowlist as a program for the kernel. What isn't allowed fails with EPERM; a foreign architecture is
    killed."""
    architecture, table = _ARCHITECTURES[platform.machine()]
    words = iter(table.split())
    calls = {name: int(number) for name, number in zip(words, words, strict=True)}
    allow, refuse = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _ERRNO | _EPERM)
    program = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        _instruction(_JUMP_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1),
        refuse,
    ]
    for name, number in calls.items():
        if name == "futex":
            futex = _futex(allow, refuse)
            program += [_instruction(_JUMP_EQUAL, number, 0, len(futex)), *futex]
        elif name in _AT_ONCE:
            program += [_instruction(_JUMP_EQUAL, number, 0, 1), _instruction(_RETURN, _ERRNO)]
        elif name in _NO_EXEC:
            program += [
                _instruction(_JUMP_EQUAL, number, 0, 4),
                _instruction(_LOAD, _THIRD_ARGUMENT_AT),
                _instruction(_JUMP_SET, _PROT_EXEC, 0, 1),
                refuse,
                allow,
            ]
        else:
            program += [_instruction(_JUMP_EQUAL, number, 0, 1), allow]
    return Filter(b"".join([*program, refuse]))


def _futex(allow: bytes, refuse: bytes) -> list[bytes]:
    """What becomes of a futex call, by its operation and by whether it has a time-out: a pointer, looked at in two
    halves."""
    return [
        _instruction(_LOAD, _SECOND_ARGUMENT_AT),
        _instruction(_AND, _FUTEX_COMMAND),
        _instruction(_JUMP_EQUAL, _FUTEX_WAKE, 7, 0),  # to `allow`
        _instruction(_JUMP_EQUAL, _FUTEX_WAKE_BITSET, 6, 0),
        _instruction(_JUMP_EQUAL, _FUTEX_WAIT, 1, 0),
        _instruction(_JUMP_EQUAL, _FUTEX_WAIT_BITSET, 0, 5),  # to `refuse`
        _instruction(_LOAD, _FOURTH_ARGUMENT_AT),
        _instruction(_JUMP_EQUAL, 0, 0, 4),
        _instruction(_LOAD, _FOURTH_ARGUMENT_AT + 4),
        _instruction(_JUMP_EQUAL, 0, 3, 2),
        allow,
        refuse,
        _instruction(_RETURN, _ERRNO | _ETIMEDOUT),
        _instruction(_RETURN, _TRAP),
    ]


class Filter:
    """A program for the kernel, laid out once, since a child that makes things costs pages."""

    def __init__(self, program: bytes) -> None:
        self._program = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(self._program))
        self._header = ctypes.create_string_buffer(header, len(header))
        self._address = ctypes.addressof(self._header)

    def install(self) -> None:
        """Put this process under the filter, for good. Raises OSError."""
        if error := _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._address):
            raise OSError(error, "seccomp")
