"""Packages of pure Python, built and installed without a build backend and without a network, for tests of plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from conftest import ROOT


def wheel_of(project: Path, to: Path) -> Path:
    """Build the wheel of a project of pure Python by hand: a build backend isn't installed, and there is no network."""
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    name, version = about["name"].replace("-", "_"), about["version"]
    info = f"{name}-{version}.dist-info"
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())
        for group, rows in about["entry-points"].items()
    )
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": points,
    }
    wheel = to / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(project.rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and path.name != "pyproject.toml":
                archive.write(path, path.relative_to(project))
        for place, content in files.items():
            archive.writestr(place, content)
        record = "".join(f"{place},,\n" for place in [*archive.namelist(), f"{info}/RECORD"])
        archive.writestr(f"{info}/RECORD", record)
    return wheel


def installed(project: Path, to: Path) -> Path:
    """Have pip install a project, and return the folder in which its packages are then."""
    options = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check", "--target", str(to / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel_of(project, to))], check=True)
    return to / "site"


def with_plugins(*folders: Path) -> dict[str, str]:
    """The environment of a process that has the packages of these folders."""
    return {"PYTHONPATH": os.pathsep.join(map(str, [ROOT, *folders])), "COLUMNS": "100"}
