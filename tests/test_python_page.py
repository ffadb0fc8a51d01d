"""The code of docs/python.md, run as it stands there."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import cotbench

PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.M | re.S)


def test_every_block_says_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) >= 5
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    names: dict[str, Any] = {}
    for place, block in enumerate(blocks):
        test = doctest.DocTestParser().get_doctest(block, names, f"block {place + 1}", str(PAGE), 0)
        runner.run(test, clear_globs=False)
        names.update(test.globs)
    assert runner.failures == 0
    assert Path("deltas.pdf").stat().st_size > 1_000
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")


def test_the_page_names_every_function() -> None:
    text = PAGE.read_text()
    functions = [name for name in cotbench.__all__ if name.islower() and not name.startswith("__")]
    assert [name for name in functions if f"{name}(" not in text] == []
