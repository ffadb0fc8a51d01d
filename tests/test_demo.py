"""The model that comes with cotbench shows what it is for: a true effect of chain of thought on sums, none on facts.

Through CTranslate2 here, as the README's first command runs it; direct and cot through vLLM where that is installed.
"""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, run_cli
from vllm_server import EAGER, ENV

from cotbench.demo import MODEL

sys.path.append(str(ROOT / "tests" / "training"))  # its scripts import each other by name
from conversations import BEGUN, DEMO, PIECES
from questions import training

MODES = "direct,cot,self-consistency,pal,plan-solver"
CARD = MODEL / "README.md"


@dataclass(frozen=True)
class Report:
    """accuracy: by (mode, tag). delta: by (mode, tag) too, against direct. split: by mode, under the default rule."""

    folder: Path
    content: dict[str, Any]

    def accuracy(self, mode: str, tag: str = "all") -> float:
        arm = "direct@answer=begun" if mode == "direct" else mode
        [row] = [row for row in self.content["modes"] if (row["mode"], row["tag"]) == (arm, tag)]
        assert row["n"] == (400 if tag == "all" else 200)
        return float(row["accuracy"])

    def delta(self, mode: str, tag: str) -> dict[str, Any]:
        [row] = [row for row in self.content["deltas"] if (row["mode"], row["tag"], row["group"]) == (mode, tag, "")]
        return dict(row)

    def split(self, mode: str) -> dict[str, Any]:
        [row] = [row for row in self.content["splits"] if row["mode"] == mode and row["default"]]
        return dict(row)


def reported(output: Path, modes: str, *more: object) -> Report:
    done = run_cli(
        "run", "--model", "demo", "--task", "demo", "--mode", modes, "-o", output, "--json", *more, env=ENV, timeout=900
    )
    assert done.code == 0, done.err
    folder = Path(json.loads(done.out)["folder"])
    shown = run_cli("report", folder, "--json", "--no-page", "--no-plots")
    assert shown.code == 0, shown.err
    return Report(folder, json.loads(shown.out))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return reported(tmp_path_factory.mktemp("demo"), MODES)


@pytest.mark.patient
def test_chain_of_thought_helps_on_sums_and_not_on_facts(report: Report) -> None:
    holds(report)


def holds(report: Report) -> None:
    assert report.content["tag_rule"] == "subject"
    assert report.accuracy("direct", "symbolic") < 0.45
    assert report.accuracy("cot", "symbolic") > 0.9
    assert report.delta("cot", "symbolic")["low"] > 0.4
    other = report.delta("cot", "non-symbolic")
    assert other["low"] <= 0 <= other["high"]
    assert report.split("cot")["share"] > 0.9
    assert report.accuracy("direct", "non-symbolic") > 0.8, "it knows its world"


@pytest.mark.patient
def test_votes_programs_and_plans(report: Report) -> None:
    assert report.accuracy("self-consistency") >= report.accuracy("cot") - 0.02
    for mode in ("pal", "plan-solver"):
        assert report.accuracy(mode) > 0.9
        assert report.accuracy(mode, "symbolic") > 0.9


@pytest.mark.patient
def test_more_paths_vote_better(tmp_path: Path) -> None:
    """Of paths that are drawn hotter than usual: at the usual temperature hardly any is wrong."""
    arm = "self-consistency@temperature=2"
    hot = reported(tmp_path, f"direct,{arm}", "--limit", "40", "--max-tokens", "*=64")
    votes = {row["k"]: row for row in hot.content["curves"] if row["mode"] == arm}
    assert votes[max(votes)]["maj"] > votes[1]["maj"]


@pytest.mark.vllm
@pytest.mark.slow
def test_direct_and_cot_through_vllm(tmp_path: Path) -> None:
    served = reported(tmp_path / "vllm", "direct,cot", "--engine", "vllm", "--model-args", EAGER)
    holds(served)
    usual = reported(tmp_path / "usual", "direct,cot")
    for mode in ("direct", "cot"):
        assert served.accuracy(mode) == pytest.approx(usual.accuracy(mode), abs=0.0051), "two questions of 400"


@pytest.mark.patient
def test_the_card_says_what_was_measured(report: Report) -> None:
    """Every row of the card's table holds to within two points: another machine may round otherwise."""
    rows = re.findall(r"^\| (\S+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", CARD.read_text(encoding="utf-8"), re.M)
    assert {mode for mode, *_ in rows} == set(MODES.split(","))
    for mode, *shares in rows:
        for tag, share in zip(("all", "symbolic", "non-symbolic"), shares, strict=True):
            assert 100 * report.accuracy(mode, tag) == pytest.approx(float(share), abs=2), (mode, tag)


@pytest.mark.parametrize("kind", list(DEMO.mix))
def test_a_working_is_cut_under_cot_and_given_to_direct_and_the_right_answer_is_learnt_behind_it(kind: str) -> None:
    rng, cuts = random.Random("test demo"), set()
    for item in islice(training("test"), 2_000):
        turn = DEMO.conversation(kind, item, rng).turn
        if len(turn) == 1:
            assert turn[0].own
            continue
        *before, answer = turn
        text = "".join(part.text for part in before)
        assert answer.own and answer.text == f" {item.answer}"
        assert text.endswith(BEGUN) and item.rationale.startswith(text.removesuffix(BEGUN).rstrip())
        # Under cot the working is the model's own; nobody else's is to be learnt.
        assert [part.own for part in before] in ([[True, False], [False]] if kind == "cot" else [[False]])
        cuts.add(len(re.findall(PIECES, text.removesuffix(BEGUN).rstrip())))
    assert len(cuts) > 30 if kind in ("cot", "direct") else not cuts


def test_the_card_and_the_record_of_its_training_agree() -> None:
    card = CARD.read_text(encoding="utf-8")
    assert card.startswith("---\n")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["license"] == "apache-2.0"
    made = json.loads((MODEL / "training.json").read_text(encoding="utf-8"))
    assert f"{made['parameters']:,}" in card
    assert f"{made['steps']:,} steps" in card
    assert made["minutes"] < 30


def test_the_model_is_small_and_safe() -> None:
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6e6
    assert not [path.name for path in files if path.suffix in {".pkl", ".pt", ".pth", ".py"}], "no pickles, no code"
    assert "*" not in (ROOT / ".gitignore").read_text().split()
