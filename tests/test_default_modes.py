"""Which modes a run has where nobody says any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import MockServer, chat, served

from cotbench.engines import ThinkingInfo
from cotbench.runs.default_modes import default_modes, why
from cotbench.store.manifest import read_manifest

TWO, FOUR = ["direct", "cot"], ["direct", "cot", "free", "think"]


def run(main: Cli, *arguments: object) -> tuple[dict[str, Any], str]:
    done = main("run", "--task", "demo", "--limit", 3, "--json", "--quiet", *arguments)
    assert done.code == 0, done.err
    return json.loads(done.out), done.err


@pytest.mark.parametrize(
    ("known", "modes"),
    [
        (ThinkingInfo(off="never", on=""), TWO),  # it has no thoughts
        (ThinkingInfo(default="on", off="", on="always"), TWO),
        (ThinkingInfo(default="on", off="closed", on="always"), TWO),  # no switch of its own
        (ThinkingInfo(off="unknown", on="unknown"), TWO),  # a server's, whose model is in no row
        (ThinkingInfo(default="on", off="switch", on="switch"), FOUR),
        (ThinkingInfo(default="off", off="never", on="switch"), FOUR),
        (ThinkingInfo(default="on", off="switch", on="always"), FOUR),
        (ThinkingInfo(default="on", off="", on="switch"), TWO),
    ],
)
def test_a_switch_brings_free_and_think(known: ThinkingInfo, modes: list[str]) -> None:
    assert [*default_modes(known)] == modes
    said = why("org/name", known)
    assert said.startswith("No --mode is given: direct, cot")
    assert "name" in said


@pytest.mark.parametrize(("model", "modes"), [("demo", TWO), ("demo-thinker", FOUR), ("stub", FOUR)])
def test_the_open_engine_decides(model: str, modes: list[str], main: Cli) -> None:
    result, said = run(main, "--model", model)
    manifest = read_manifest(Path(result["folder"]))
    assert manifest.options["modes"] == modes
    assert [mode.partition("@")[0] for _, mode in manifest.spec.pairs] == modes
    assert "No --mode is given: direct, cot" in said
    assert ("since" in said) == (modes == FOUR)
    # The same command finds its run, and --resume says nothing of modes.
    again, _ = run(main, "--model", model)
    assert (again["run"], again["requests"]) == (result["run"], 0)
    resumed = main("run", "--resume", result["folder"])
    assert resumed.code == 0
    assert "No --mode" not in resumed.err


@pytest.mark.parametrize(("model", "modes"), [("demo", TWO), ("demo-thinker", FOUR)])
def test_a_dry_run_tells_them(model: str, modes: list[str], main: Cli) -> None:
    done = main("run", "--model", model, "--task", "demo", "--limit", 3, "--dry-run", "--json")
    assert done.code == 0, done.err
    assert [row["mode"].partition("@")[0] for row in json.loads(done.out)] == modes
    assert "Note: No --mode is given: direct, cot" in done.err


def test_a_dry_run_says_what_it_cant_know(main: Cli) -> None:
    done = main("run", "--model", "some/name", "--task", "demo", "--limit", 3, "--dry-run", "--json")
    assert "and free, think if name has a switch for thinking, as is seen when it is loaded" in done.err


@pytest.mark.parametrize(("model", "modes"), [("Qwen3-8B", FOUR), ("plain-7b", TWO)])
def test_a_server_is_known_by_its_models_name(model: str, modes: list[str], main: Cli) -> None:
    with MockServer(lambda *_: chat("Answer: 1"), served(model)) as server:
        result, said = run(main, "--engine", "openai", "--base-url", server.url, "--model", model)
    assert [mode.partition("@")[0] for _, mode in read_manifest(Path(result["folder"])).spec.pairs][:4] == modes
    assert ("isn't known: --mode direct,cot,free,think" in said) == (modes == TWO)


def test_a_budget_for_a_mode_that_isnt_taken_ends_before_a_token(main: Cli, tmp_path: Path) -> None:
    done = main("run", "--model", "demo", "--task", "demo", "--limit", 3, "--max-tokens", "think=100")
    assert done.code == 2
    assert "--max-tokens: think has no budget of its own in this run" in done.err
    assert not (tmp_path / "results").exists()
    result, _ = run(main, "--model", "demo-thinker", "--max-tokens", "think=100")
    manifest = read_manifest(Path(result["folder"]))
    assert manifest.spec_row["modes"]["demo/think"]["sampling"]["max_tokens"] == 100


def test_what_is_asked_for_is_had(main: Cli) -> None:
    result, said = run(main, "--model", "demo-thinker", "--mode", "cot")
    assert read_manifest(Path(result["folder"])).options["modes"] == ["cot"]
    assert "No --mode" not in said
