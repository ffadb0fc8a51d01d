"""Imports without files: the modules that a program may import, read into memory before any program runs.

A program can't open a file, so whatever it imports that isn't loaded already (most of SymPy loads as it is used)
comes from here. Extension modules can't: those that programs use are loaded beforehand, others are not found.
"""

from __future__ import annotations

import importlib
import importlib.util
import marshal
import mmap
import os
import re
import struct
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Literal, NamedTuple

# Loaded before the first program. A fork costs by the memory that a process holds, so programs that use neither SymPy
# nor NumPy run in a process of their own kind, and so do those that name what few use.
PLAIN = """
    abc array ast base64 bisect calendar cmath collections.abc contextlib copy csv ctypes dataclasses datetime decimal
    enum fractions functools gc heapq inspect io itertools json linecache locale math numbers operator os pprint queue
    random re secrets signal statistics string struct sys textwrap threading time timeit traceback types typing
    unicodedata warnings weakref zlib _pickle _statistics _strptime _zoneinfo encodings.latin_1
    encodings.unicode_escape encodings.utf_16 cotbench.answers.shown
"""
SYMBOLIC = """
    mpmath sympy sympy.abc sympy.solvers.diophantine.diophantine sympy.ntheory.modular sympy.calculus.util
    sympy.solvers.inequalities sympy.integrals.manualintegrate sympy.series.gruntz sympy.logic.algorithms.dpll2
    sympy.polys.numberfields sympy.simplify.fu cotbench.plans.symbolic
"""
NUMERIC = "numpy numpy.random numpy.linalg numpy.polynomial numpy.fft"  # where NumPy is installed
LOGIC = "z3 cotbench.plans"  # where z3 is installed
# Extension modules that few programs need, most of them behind a module of another name.
RARE = """
    _asyncio _bz2 _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _contextvars _crypt _curses
    _curses_panel _elementtree _lsprof _lzma _md5 _multibytecodec _multiprocessing _posixshmem _sha1 _sha2 _sha3
    _sha256 _sqlite3 _ssl audioop fcntl grp mmap pyexpat resource syslog termios
"""
# The modules and packages that don't load without them, or do little. Which of them a program imports is told from
# its text, so that a name that is made up as the program runs isn't found.
_RARE_NAMES = frozenset(
    "asyncio audioop bz2 cProfile contextvars crypt curses grp lzma plistlib profile pty pyexpat sqlite3 ssl "
    "syslog termios tty xml xmlrpc".split()
)
_IMPORTED = re.compile(r"(?:^|[;:])[ \t]*+(?:import|from)[ \t]++([\w., \t]++)", re.M)
_ENCODED = re.compile(r"[\"'](?:gb[k\d]|big5|euc|iso.?2022|shift|s_?jis|cp9|johab|hz)", re.I)
_NOT_FOR_PROGRAMS = frozenset(
    {"test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip", "site-packages"}
)
_PYC_HEADER = 16

Kind = Literal["plain", "symbolic", "logic", "numeric", "all"]


class _Stored(NamedTuple):
    """A module's file, and where in memory its byte code is, or its source where that isn't up to date."""

    path: str
    is_package: bool
    compiled: bool
    where: slice


class MemoryFinder:
    """An importer over what `read` took in, once it is sealed."""

    def __init__(self) -> None:
        self._stored: dict[str, _Stored] = {}
        self._content = bytearray()
        self._memory = memoryview(b"")

    def read(self, folder: Path, prefix: str) -> None:
        """Take in the Python files of a folder, as modules under prefix ("" or "package.")."""
        for name, path, is_package in _modules(folder, prefix):
            if name not in sys.modules and name not in self._stored:
                content, compiled = _load(path)
                where = slice(len(self._content), len(self._content) + len(content))
                self._content += content
                self._stored[name] = _Stored(str(path), is_package, compiled, where)

    def seal(self) -> None:
        """Move what was read into a private mapping of a file without a name: a fork has no page table of it to
        copy."""
        if not hasattr(os, "memfd_create"):
            self._memory = memoryview(bytes(self._content))
            return
        file = os.memfd_create("modules")
        with open(file, "wb") as stream:  # noqa: PTH123 - of a descriptor
            stream.write(self._content)
            stream.flush()
            self._memory = memoryview(mmap.mmap(file, len(self._content), mmap.MAP_PRIVATE, mmap.PROT_READ))
        self._content.clear()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        stored = self._stored.get(name)
        if stored is None:
            return None
        spec = ModuleSpec(name, self, origin=stored.path, is_package=stored.is_package)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:  # noqa: ARG002
        return None

    def exec_module(self, module: ModuleType) -> None:
        stored = self._stored[module.__name__]
        content = self._memory[stored.where]
        if stored.compiled:
            code = marshal.loads(content[_PYC_HEADER:])  # noqa: S302 - the interpreter's own cache
        else:
            code = compile(bytes(content), stored.path, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - what importing is


def _modules(folder: Path, prefix: str) -> Iterator[tuple[str, Path, bool]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        stem, dot, kind = entry.name.partition(".")
        if stem in _NOT_FOR_PROGRAMS:
            continue
        inside = Path(entry.path, "__init__.py")
        if entry.is_dir() and inside.is_file():
            yield prefix + entry.name, inside, True
            yield from _modules(Path(entry.path), f"{prefix}{entry.name}.")
        elif dot and kind == "py" and stem != "__init__":
            yield prefix + stem, Path(entry.path), False


def _load(path: Path) -> tuple[bytes, bool]:
    """A module's byte code and True, or its source and False."""
    with suppress(OSError, NotImplementedError):
        content = Path(cache_from_source(str(path))).read_bytes()
        known = path.stat()
        stamp = struct.pack("<4sIII", MAGIC_NUMBER, 0, int(known.st_mtime) & 0xFFFFFFFF, known.st_size & 0xFFFFFFFF)
        if content[:_PYC_HEADER] == stamp:
            return content, True
    return path.read_bytes(), False


def names_rare_modules(code: str) -> bool:
    """Whether a program imports, or may import, what only the process of the kind "all" holds."""
    if _ENCODED.search(code):
        return True
    return any(not _RARE_NAMES.isdisjoint(re.findall(r"\w+", match[1])) for match in _IMPORTED.finditer(code))


def load_all(kind: Kind) -> None:
    """Load what programs use, take the rest into memory, and leave no other way to import anything."""
    for name in (PLAIN + (SYMBOLIC if kind != "plain" else "")).split():
        # Not every Python is built with all of its own extensions.
        with suppress(ImportError) if name.startswith("_") else nullcontext():
            importlib.import_module(name)
    more = {"numeric": NUMERIC, "all": NUMERIC + RARE, "logic": LOGIC}.get(kind, "")
    for name in more.split():
        with suppress(ImportError):
            importlib.import_module(name)
    finder = MemoryFinder()
    finder.read(Path(sysconfig.get_path("stdlib")), "")
    for package in ("sympy", "mpmath", "numpy"):
        if (module := sys.modules.get(package)) and module.__file__:
            finder.read(Path(module.__file__).parent, f"{package}.")
    finder.seal()
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, finder]
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()


def import_paths(packages: Sequence[str]) -> list[str]:
    """The folders from which packages are imported here, for an interpreter that is started without `site`."""
    specs = map(importlib.util.find_spec, packages)
    folders = (str(Path(spec.origin).resolve().parent.parent) for spec in specs if spec and spec.origin)
    return list(dict.fromkeys(folders))
