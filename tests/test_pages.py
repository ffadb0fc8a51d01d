"""The pages that are made of the code, without MkDocs: they name every command, option, field and gate."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest
import yaml
from conftest import ROOT

from cotbench.analysis.gates import FIGURES


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "docs" / "pages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_and_option_is_there(pages: ModuleType) -> None:
    from typer.main import get_command

    from cotbench.cli import app

    text = pages.commands()
    group = get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"## cotbench {name}\n" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert f"`{option}`" in text or f"`{parameter.metavar or option.upper()}`" in text, (name, option)


def test_every_gate_and_every_field_is_there(pages: ModuleType) -> None:
    gates, fields = pages.gates(), pages.report_fields()
    assert [name for name in FIGURES if f"| `{name}` |" not in gates] == []
    assert len(re.findall(r"^\| `\w+` \|", fields, re.M)) > 800
    assert "## Comparison\n" in fields and "## Delta\n" in fields
    assert re.findall(r"^\| `(\w+)` \| .* \|  \|$", fields + pages.files(), re.M) == []  # none without its meaning
    headings = re.findall(r"^## (\w+)$", fields, re.M)
    assert len(headings) == len(set(headings))
    anchors = {f"#{name.lower()}" for name in re.findall(r"^## (\w+)$", fields, re.M)}
    assert set(re.findall(r"\]\((#\w+)\)", fields)) <= anchors


def test_files_of_a_run_are_described(pages: ModuleType) -> None:
    text = pages.files()
    for name in ("Manifest", "RunSpec", "StoredReply", "Record", "Completion"):
        assert f"## {name}\n" in text
    assert "| `finish_reason` | `stop` or `length` or `error` or `refused` |" in text


def test_links_lead_to_pages_or_to_the_repository(pages: ModuleType) -> None:
    assert pages.linked("[x](../prompts/plan-language.md)", "modes.md") == "[x](reference/plan-language.md)"
    assert pages.linked("[x](../tasks/gsm8k.yaml)", "modes.md") == f"[x]({pages.BROWSE}tasks/gsm8k.yaml)"
    assert pages.linked("[x](../engines.md#servers)", "howto/server.md") == "[x](../engines.md#servers)"
    assert pages.linked("[x](docs/adding.md)", "architecture.md") == "[x](adding.md)"
    assert pages.linked("[x](https://arxiv.org/abs/1)", "modes.md") == "[x](https://arxiv.org/abs/1)"


def test_the_site_names_every_page(pages: ModuleType) -> None:
    class Loader(yaml.SafeLoader):
        """Tags of MkDocs' own are passed over."""

    def flat(given: object) -> list[str]:
        if isinstance(given, str):
            return [given]
        parts = given.values() if isinstance(given, dict) else given if isinstance(given, list) else []
        return [page for part in parts for page in flat(part)]

    nav = flat(yaml.load((ROOT / ".mkdocs.yml").read_text(), Loader)["nav"])
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(nav) == written | set(pages.PAGES)
    assert len(nav) == len(set(nav))
