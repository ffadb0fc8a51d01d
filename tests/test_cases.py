"""The tables under `cases/`: a test reads every file, and a slip of the hand in one is an error, not a case less."""

from __future__ import annotations

from pathlib import Path

import cases
import pytest
import yaml

FILES = [path.relative_to(cases.FOLDER) for path in sorted(cases.FOLDER.rglob("*")) if path.is_file()]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_table_says_what_it_is_and_a_test_reads_it(file: Path) -> None:
    assert (cases.FOLDER / file).read_text(encoding="utf-8").startswith("# ")
    assert file.suffix == ".yaml"
    for event in yaml.parse((cases.FOLDER / file).read_text(encoding="utf-8"), cases.Texts):
        assert not getattr(event, "anchor", None), f"{event.start_mark}: quote what begins with & or *"
        assert not getattr(event, "tag", None), f"{event.start_mark}: quote what begins with !"
    name = f'"{file.with_suffix("").as_posix()}"'
    assert any(name in path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    (tmp_path / "table.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    return "table"


def test_scalars_are_texts_but_for_the_sign_of_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = written(tmp_path, monkeypatch, "a:\n- [yes, 2.50, ~]\n- {answer: '~', case: 2026-01-02, output: ~5}\n")
    assert cases.groups(table, "case output answer") == {"a": [("yes", "2.50", None), ("2026-01-02", "~5", "~")]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n- [x, y]\nb: []\na:\n- [z, y]\n", "line 1: keys that are there twice: ['a']"),
        ("a:\n- {case: x, output: y, case: z}\n", "line 2: keys that are there twice: ['case']"),
        ("a:\n- [x, y]\n- [x, z]\n", "rows that are there twice: ['x']"),
        ("a:\n- [x]\n", "must have the fields"),
        ("a:\n- [x, y, z, w]\n", "must have the fields"),
        ("a:\n- {case: x, outptu: y}\n", "must have the fields"),
        ("a:\n- xy\n", "must be a list or a mapping"),
    ],
    ids=["group twice", "field twice", "case twice", "too few", "too many", "misspelt", "no row"],
)
def test_a_slip_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    table = written(tmp_path, monkeypatch, text)
    with pytest.raises(cases.BadTable) as caught:
        cases.groups(table, "case output", optional="answer")
    assert message in str(caught.value)
