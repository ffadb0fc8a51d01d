"""`cotbench reproduce` of runs that a second model judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome

QUESTION = {"question": "Ann has 3 apples and buys 4 more. How many has she?", "answer": "7"}
PATHS = ["3 times 4.\nAnswer: 12", "3 and 4.\nAnswer: 7"]


@pytest.fixture
def judged(tmp_path: Path, main: Cli) -> Path:
    """A run of which the judge's outputs are replayed from a file of their own."""
    chains = [{"question_part": "Ann", "mode": "cot", "output": text} for text in PATHS]
    marks = [{"question_part": "Ann", "mode": "judge", "prompt": text, "output": f"Score: {4 * place + 3}"}
             for place, text in enumerate(PATHS)]  # fmt: skip
    for name, rows in {"q": [QUESTION], "chains": chains, "marks": marks}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main("run", "--engine", "replay", "--model", "m", "--model-args", "path=chains.jsonl", "--task", "q.jsonl",
                "--mode", "best-of-n", "--paths", "2", "-q", "--judge-model", "grader", "--judge-engine", "replay",
                "--judge-args", "path=marks.jsonl")  # fmt: skip
    assert done.code == 0, done.err
    return Path(done.out.splitlines()[-1])


def states(done: Outcome) -> dict[str, str]:
    return {check["what"]: check["state"] for check in json.loads(done.out)["checks"]}


def change_manifest(folder: Path, options: dict[str, Any], judge: dict[str, Any]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["options"].update(options)
    manifest["spec"]["judge"].update(judge)
    path.write_text(json.dumps(manifest))


def test_it_is_run_again_with_its_judge(judged: Path, main: Cli) -> None:
    done = main("reproduce", judged, "-q", "--json")
    assert done.code == 0, done.err
    assert states(done)["judge"] == states(done)["settings"] == "same"
    said = main("reproduce", judged, "-q")
    assert said.code == 0, said.err
    assert "All 1 answers are the same." in said.out


def test_another_judge_stops_it(judged: Path, main: Cli) -> None:
    marks = Path("marks.jsonl").read_text()
    Path("marks.jsonl").write_text(marks.replace("Score: 7", "Score: 6"))
    done = main("reproduce", judged, "--check", "--json")
    assert (done.code, states(done)["judge"], states(done)["model"]) == (3, "different", "same")
    Path("marks.jsonl").rename("gone.jsonl")
    gone = main("reproduce", judged, "--check", "--json")
    assert (gone.code, states(gone)["judge"]) == (3, "missing")
    Path("gone.jsonl").write_text(marks)
    assert main("reproduce", judged, "--check", "--judge-args", "path=gone.jsonl").code == 0, "it lies elsewhere"


def test_a_judge_with_other_arguments_is_another(judged: Path, main: Cli) -> None:
    change_manifest(judged, {}, {"temperature": 2})
    done = main("reproduce", judged, "--check", "--json")
    assert (done.code, states(done)["judge.temperature"]) == (3, "different")


def test_no_key_is_sent_to_a_judge_that_only_a_recipe_names(
    judged: Path, main: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {"judge_engine": "openai", "judge_base_url": "https://judge.example/v1", "judge_args": {}}
    change_manifest(judged, served, {"engine": "openai"})
    asked = []

    def looked_up(engine: str, _: object) -> str:
        asked.append(engine)
        return ""

    monkeypatch.setattr("cotbench.runs.reproduce.revision_here", looked_up)
    monkeypatch.setenv("COTBENCH_JUDGE_API_KEY", "made-up")
    for more in ((), ("--anyway",)):
        done = main("reproduce", judged, "-q", "--json", *more)
        assert (done.code, states(done)["--judge-base-url"]) == (3, "missing")
        assert "Your key would be sent there" in done.out
        assert "openai" not in asked
    meant = main("reproduce", judged, "--check", "--json", "--judge-base-url", "https://judge.example/v1")
    assert "--judge-base-url" not in states(meant)
    monkeypatch.delenv("COTBENCH_JUDGE_API_KEY")
    assert "--judge-base-url" not in states(main("reproduce", judged, "--check", "--json"))
