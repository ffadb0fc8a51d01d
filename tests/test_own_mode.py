"""A mode in three turns whose number of requests depends on replies, as one adds it: run, reported, graded again."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from conftest import ROOT, Cli

from cotbench.modes import BASELINE, MODES, Facts, Flow, Kit, Mode, Turn
from cotbench.types import Question

# --- the whole of the mode: a method, a row, three templates ------------------------------------------------------


def propose_and_judge(question: Question, kit: Kit) -> Flow:
    """Propose three first thoughts, judge each different one, and answer along the one that is judged best."""
    proposals = yield from kit.ask(question, "propose")
    thoughts = list(dict.fromkeys(path.text.strip() for path in proposals))
    verdicts = yield from kit.ask_each(question, "judge", [{"thought": thought} for thought in thoughts])
    marks = [sum(character.isdigit() for character in path.text) for [path] in verdicts]
    [path] = yield from kit.ask(question, thought=thoughts[marks.index(max(marks))])
    return kit.read(question, path)


WEIGH = Mode(
    name="weigh",
    about="three first thoughts, the best of which is followed",
    turns=(
        Turn(name="propose", template="weigh-propose", max_tokens=200, paths=3),
        Turn(name="judge", template="weigh-judge", max_tokens=20, given={"thought": "-"}, asked=3),
        Turn(template="weigh", max_tokens=500, given={"thought": "-"}),
    ),
    run=propose_and_judge,
    facts=Facts(label="weighed thoughts", answers_in="words"),
)
ASK = '{% from "_shared.jinja" import ask, contract %}{% call user() %}{{ ask(question) }}\n'
TEMPLATES = {
    "weigh-propose": ASK + "How would you begin? One sentence.{% endcall %}",
    "weigh-judge": ASK + "How good a beginning is this, from 0 to 9?\n{{ thought }}{% endcall %}",
    "weigh": ASK + "Begin so: {{ thought }}\n{{ contract(answer) }}{% endcall %}",
}
# ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def weigh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The options of a run with the mode, which is in the table for this test."""
    monkeypatch.setitem(MODES, WEIGH.name, WEIGH)
    for name, text in TEMPLATES.items():
        (tmp_path / f"{name}.jinja").write_text(text)
    return ("--model", "stub", "--task", "sample", "--mode", "direct,weigh", "--limit", "12", "-q",
            "--prompts-dir", str(tmp_path))  # fmt: skip


def journal(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]


def test_the_mode_and_its_templates_are_short() -> None:
    source = Path(__file__).read_text()
    whole = source.split("# ---")[1:3]
    assert len([line for line in "".join(whole).splitlines()[1:] if line.strip()]) <= 40


def test_it_runs_is_reported_shown_and_graded_again(tmp_path: Path, main: Cli, weigh: tuple[str, ...]) -> None:
    assert main("run", *weigh).code == 0
    [run] = (tmp_path / "results").iterdir()
    asked = {name: [row for row in journal(run) if row["template"] == name] for name in TEMPLATES}
    assert len(asked["weigh-propose"]) == len(asked["weigh"]) == 12
    assert 12 < len(asked["weigh-judge"]) < 36, "as many as there are different thoughts"
    records = (run / "records.jsonl").read_bytes()
    counts = {len(row["requests"]) for row in map(json.loads, records.splitlines()) if row["mode"] == "weigh"}
    assert len(counts) > 1
    spec = json.loads((run / "manifest.json").read_text())["spec"]["modes"]["sample/weigh"]
    assert spec["propose"]["sampling"]["n"] == 3
    assert (spec["judge"]["sampling"]["max_tokens"], spec["sampling"]["max_tokens"]) == (20, 500)

    report = main("report", "--json", "--no-page")
    assert report.code == 0, report.err
    delta = next(row for row in json.loads(report.out)["deltas"] if row["mode"] == "weigh" and row["tag"] == "all")
    assert delta["n"] == 12
    assert json.loads((run / "manifest.json").read_text())["modes"]["weigh"]["label"] == "weighed thoughts"
    assert "- weighed thoughts has no clear effect on sample" in (run / "report" / "summary.md").read_text()
    question = json.loads(records.splitlines()[0])["question"]
    assert "How good a beginning" in main("show", question, "--prompts").out
    assert json.loads(main("score", run, "--json").out)["changes"] == []
    assert (run / "records.jsonl").read_bytes() == records


def test_options_name_its_turns(tmp_path: Path, main: Cli, weigh: tuple[str, ...]) -> None:
    options = ("--max-tokens", "weigh=99,weigh.judge=7", "--paths", "weigh.propose=2")
    assert main("run", *weigh, *options).code == 0
    [run] = (tmp_path / "results").iterdir()
    sampling = {row["template"]: (row["sampling"]["max_tokens"], row["sampling"]["n"]) for row in journal(run)}
    assert sampling == {"direct": (8, 1), "weigh-propose": (200, 2), "weigh-judge": (7, 1), "weigh": (99, 1)}
    wrong = main("run", *weigh, "--max-tokens", "weigh.vote=3")
    assert wrong.code == 2
    assert "weigh.vote has no budget of its own in this run" in wrong.err
    assert "direct, weigh, weigh.judge, weigh.propose" in wrong.err


def test_a_dry_run_counts_what_it_asks_at_most(main: Cli, weigh: tuple[str, ...]) -> None:
    rows = json.loads(main("run", *weigh, "--dry-run", "--json").out)
    [row] = [row for row in rows if row["mode"] == "weigh"]
    assert (row["requests"], row["paths"]) == (12 * 5, 12 * 7)
    assert row["completion_tokens_at_most"] == 12 * (3 * 200 + 3 * 20 + 500)


def test_a_name_that_a_turn_does_not_pass_is_an_error_before_a_model_is_loaded(
    tmp_path: Path, main: Cli, weigh: tuple[str, ...]
) -> None:
    (tmp_path / "weigh-judge.jinja").write_text(ASK + "{{ thougt }}{% endcall %}")
    done = main("run", *weigh)
    assert done.code == 2
    assert "weigh-judge.jinja:2: 'thougt' is undefined" in done.err


def test_a_turn_that_a_mode_does_not_declare_is_a_mistake_of_its_author() -> None:
    with pytest.raises(KeyError, match="mode weigh declares no turn 'vote'"):
        WEIGH.turn("vote")
    with pytest.raises(ValueError, match="turns need names of their own"):
        Mode(
            name="m",
            about="",
            turns=(Turn(name="then", template="t", max_tokens=1),),
            run=propose_and_judge,
            facts=Facts(),
        )


def test_no_mode_is_named_outside_modes() -> None:
    """What a mode is stands in `modes/`; a name elsewhere would be a fact that a new mode doesn't have.

    The default baseline is one, as the default of options. Placebos are called by words that are everywhere.
    """
    words = {"own", "other", "shuffled"}
    package = ROOT / "cotbench"
    mathematics = ("plans", "answers", "programs")  # where cot is a function
    of_others = ("logs", "exports")  # words of other tools and of their files: `modes/elsewhere.py` says what they mean
    named = [
        f"{path.relative_to(package)}:{node.lineno}: {node.value}"
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in ("modes", *mathematics, *of_others)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in MODES.keys() - {BASELINE, *words}
    ]
    assert not named
