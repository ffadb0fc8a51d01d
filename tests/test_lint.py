"""The lint of the arms: what they differ in that none of their names says, by itself, in dry runs and in reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cases
import pytest
from conftest import Cli

from cotbench.analysis.lint import Asked, lint, over_tasks
from cotbench.modes import MODES, find_mode
from cotbench.questions.shipped import shipped

ROWS = cases.rows(cases.load("lint"), "case arms finds")
OF_RUN = {"engine": "vllm", "version": "1", "cotbench": "1", "seed": "0"}
SHOWN = {"system": "You answer questions.", "contract": True, "question": True, "shots": 0}


def value(text: str) -> Any:
    words = {"yes": True, "no": False}
    try:
        return words[text] if text in words else json.loads(text)
    except ValueError:
        return text


def asked(name: str, given: dict[str, str]) -> Asked:
    """An arm as its mode comes, but for what is given."""
    arm, left = find_mode(name), dict(given)
    turn, begun = arm.own, arm.own.answer in ("begun", "likeliest", "choice")
    thinks, thinks_by = left.pop("thinks", "off switch").split()
    facts = {**arm.facts.as_dict(), "thinks": thinks, "thinks_by": thinks_by}
    run = {n.replace("version", "engine version"): left.pop(n, usual) for n, usual in OF_RUN.items()}
    where = left.pop("run", "a")
    shown = {"template": turn.template, **{n: value(left.pop(n)) if n in left else usual for n, usual in SHOWN.items()}}
    row = {
        "prompt": left.pop("prompt", f"of {turn.template}"),
        "shared": left.pop("shared", "shared"),
        "continued": "Answer:" if left.pop("courtesy", "yes") == "yes" else "",
        **({"begun": {"text": "Answer:"}} if begun else {}),
    }
    votes = (turn.paths or 0) > 1
    tuned = {key: known for key, known in turn.tuned.items() if key != "sampling"}
    sampling = {
        "max_tokens": 8 if begun else turn.max_tokens,
        "temperature": turn.temperature if votes else 0.0,
        "top_p": turn.top_p if votes else 1.0,
        "n": turn.paths or 1,
        "stop": ["\n"] if begun else [],
        **tuned,
    }
    if "stop" in left:
        sampling["stop"] = [left.pop("stop")]
    sampling |= {key: value(text) for key, text in left.items()}
    kind = type(arm.facts).from_dict(facts, arm.facts)
    return Asked(arm=name, facts=kind, row={**row, "sampling": sampling}, run=run, shown=shown, where=where)


@pytest.mark.parametrize(("case", "arms", "finds"), ROWS, ids=[row[0] for row in ROWS])
def test_what_no_name_says_is_named(case: str, arms: dict[str, dict[str, str]], finds: list[str]) -> None:
    found = lint([asked(name, given) for name, given in arms.items()])
    assert [one.text for one in found] == finds, case


def test_what_is_not_known_is_not_compared() -> None:
    """Arms of runs whose manifests say nothing, as those of earlier versions."""
    bare = [Asked(arm=name, facts=find_mode(name).facts, row={}) for name in MODES]
    assert lint(bare) == []
    assert lint([*bare[:1], asked("cot", {"temperature": "1", "run": "b"})]) == []


def test_what_is_the_same_on_several_tasks_is_told_once() -> None:
    arms = [asked("free", {}), asked("cot", {"n": "3"})]
    both = [one for task in ("s", "t") for one in lint(arms, model="m", task=task)]
    [one] = over_tasks([*both, *lint(arms, model="m2", task="t")])[:1]
    assert one.tasks == ["s", "t"]
    assert len(over_tasks([*both, *lint(arms, model="m2", task="t")])) == 2


def dry(main: Cli, *arguments: object) -> list[str]:
    """What a dry run says of arms: the lines from "Arms:" on."""
    done = main("run", "--model", "any", "--dry-run", *arguments)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith("Arms:")) :]


@pytest.mark.parametrize("shots", [0, 2])
def test_what_is_shipped_differs_in_nothing_else(main: Cli, shots: int) -> None:
    for task in ("sample", "demo")[: 2 - shots // 2]:  # of demo there is one exemplar
        briefly = ["cot@prompt=brief"] * (task == "sample")  # the model demo has prompts of its own, and no contract
        modes = [*MODES, *briefly, "think@budget=0|64", "cot@temperature=1", "direct@answer=asked"]
        said = dry(main, "--task", task, "--mode", ",".join(modes), "--num-fewshot", shots)
        assert said == ["Arms: as far as is known before a model is loaded, they differ only in what their names say."]


def test_templates_of_ones_own_are_looked_at_as_they_are_rendered(tmp_path: Path, main: Cli) -> None:
    """A template that lacks the contract and has another persona, asks otherwise, and shows one exemplar of two."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "cot.jinja").write_text(
        "{% call system() %}You reason.{% endcall %}"
        "{% for one in exemplars[:1] %}{% call user() %}{{ one.question }}{% endcall %}"
        "{% call assistant() %}{{ one.answer }}{% endcall %}{% endfor %}"
        "{% call user() %}Think about this: {{ question.question }}{% endcall %}"
    )
    options = ("--task", "sample", "--mode", "free,cot", "--num-fewshot", 2, "--prompts-dir", "p")
    said = "\n".join(dry(main, *options))
    for aspect in ("the system prompt", "the answer contract", "how the question is written", "the exemplars shown"):
        assert f"sample: free and cot differ in {aspect} (free: " in said
    as_json = main("run", "--model", "any", "--dry-run", "--json", *options)
    assert [row["mode"] for row in json.loads(as_json.out)] == ["free", "cot"]
    assert "Arms: sample: free and cot differ in the exemplars shown (free: 2; cot: 1)" in as_json.err


def test_options_of_single_modes_are_named_before_a_token(main: Cli) -> None:
    options = ("--gen-kwargs", "cot.temperature=0.7", "--max-tokens", "cot=1536", "--paths", "pal=3")
    assert dry(main, "--task", "sample", "--mode", "free,cot,pal", *options) == [
        "Arms:",
        "  sample: pal differs from free and cot in the number of paths (pal: 3; there: 1), "
        "which none of their names says.",
        "  sample: free and cot differ in max_tokens (free: 2048; cot: 1536), which neither name says.",
        "  sample: free and cot differ in temperature (free: 0; cot: 0.7), which neither name says.",
    ]


def test_two_runs_that_are_reported_together(tmp_path: Path, main: Cli) -> None:
    """One is drawn otherwise and has no contract: in the terminal, report.json, the summary and the page."""
    (tmp_path / "p").mkdir()
    own = (shipped("prompts") / "cot.jinja").read_text().replace("{{ contract(answer) }}", "End with the answer.")
    (tmp_path / "p" / "cot.jinja").write_text(own)
    stub = ("run", "--model", "stub", "--task", "sample", "--quiet")
    one = main(*stub, "--mode", "direct").out.splitlines()[-1]
    other = main(*stub, "--mode", "cot", "--gen-kwargs", "temperature=0.7", "--prompts-dir", "p").out.splitlines()[-1]
    shown = main("report", one, other, "--no-plots", "--to", "both")
    assert shown.code == 0, shown.err
    content = json.loads((tmp_path / "both" / "report.json").read_text())
    direct = "direct@answer=begun"
    assert [(row["aspect"], row["modes"], row["tasks"]) for row in content["unsaid"]] == [
        ("the answer contract", [direct, "cot"], ["sample"]),
        ("temperature", [direct, "cot"], ["sample"]),
    ]
    assert content["unsaid"][1]["values"] == ["0", "0.7"]
    assert not any("drawn differently" in note for note in content["notes"])
    sentence = f"{direct} and cot differ in temperature ({direct}: 0; cot: 0.7), which neither name says"
    for text in (
        shown.out,
        (tmp_path / "both" / "summary.md").read_text(),
        (tmp_path / "both/report.html").read_text(),
    ):
        assert sentence in text.replace("\\", "")
    alone = main("report", one, "--no-plots", "--json")
    assert json.loads(alone.out)["unsaid"] == []


def test_thinking_for_all_is_said_of_arms_that_are_plain(tmp_path: Path, main: Cli) -> None:
    run = main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot,free", "--thinking", "on", "--quiet")
    assert run.code == 0, run.err
    found = json.loads(main("report", run.out.splitlines()[-1], "--no-plots", "--json").out)["unsaid"]
    facts = json.loads((tmp_path / run.out.splitlines()[-1] / "manifest.json").read_text())["modes"]
    thinking = [name for name, row in facts.items() if row.get("thinks") == "on"]
    assert thinking
    assert [row["modes"] for row in found if row["aspect"] == "thinking"] == [thinking]


def test_a_model_that_cant_be_kept_from_thinking_is_told_once(tmp_path: Path, main: Cli) -> None:
    """The headline says it, in the report's first sentences; the table of what names don't say leaves it there."""
    run = main("run", "--model", "stub", "--task", "sample", "--mode", "direct,cot", "--quiet").out.splitlines()[-1]
    path = tmp_path / run / "manifest.json"
    content = json.loads(path.read_text())
    for facts in content["modes"].values():
        facts |= {"thinks": "on", "thinks_by": "stuck"}
    path.write_text(json.dumps(content))
    report = json.loads(main("report", run, "--no-plots", "--no-page", "--json").out)
    stuck = [row["of"] for row in report["cautions"] if row["kind"] == "stuck"]
    told = [mode for row in report["unsaid"] if row["aspect"] == "thinking" for mode in row["modes"]]
    assert sorted([*stuck, *told]) == sorted(content["modes"])
