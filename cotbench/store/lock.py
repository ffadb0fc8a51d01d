"""The lock that holds a run's folder for one process, and what it tells of a run that says it is running."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from cotbench.errors import RunError
from cotbench.store.files import cannot_write, open_to_read, open_to_write
from cotbench.store.manifest import Manifest

LOCK = ".lock"


class RunLock:
    """Holds a run's folder for one process; the kernel lets go of it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = open_to_write(path, os.O_RDWR)
        except (OSError, ValueError) as error:  # a name that no folder can have, too
            remedy = "Choose another --output-dir, or correct the permissions."
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"{folder}: can't be written: {reason}.", remedy) from None
        if not self._taken():
            owner = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            remedy = "Wait for it, or stop it; then run the same command again."
            raise RunError(f"{folder}: another process ({owner}) is writing this run.", remedy) from None
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._fd)
            raise cannot_write(path, error) from None

    def _taken(self) -> bool:
        """Take the lock. Who looks whether a run goes on (`state_of`) holds it for an instant, and isn't in the way."""
        for wait in (0.02, 0.1, None):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if wait is not None:
                    time.sleep(wait)
            else:
                return True
        return False

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._fd)


def is_held(folder: Path) -> bool:
    """Whether a process holds a run's folder."""
    try:
        with open_to_read(folder / LOCK) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, RunError):
        pass
    return False


def state_of(folder: Path, manifest: Manifest) -> str:
    """Return the manifest's status, or "killed" where that is running and nobody holds the run."""
    if manifest.status != "running":
        return manifest.status
    return "running" if is_held(folder) else "killed"
