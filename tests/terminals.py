"""Commands in a terminal of their own."""

from __future__ import annotations

import os
import pty
import re
import struct
import sys
import termios
from fcntl import ioctl
from pathlib import Path

STYLE = re.compile("\x1b\\[[0-9;]*m")


def in_a_terminal(columns: int, arguments: list[str], cwd: Path, *, rows: int = 24, **env: str) -> str:
    """Run a command on a pseudo-terminal of so many columns and rows, and return what it showed."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}  # xdist's
    process, descriptor = pty.fork()
    if process == 0:  # pragma: no cover
        os.chdir(cwd)
        os.execve(sys.executable, [sys.executable, "-m", "cotbench", *arguments], {**inherited, **env})
    ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    out = b""
    while True:
        try:
            part = os.read(descriptor, 1 << 16)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(descriptor)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, out.decode()
    return out.decode()
