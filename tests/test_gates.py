"""`--fail-if`: how conditions are read, what they ask about, and that one which can't be checked never passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from handmade import make_run

from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.estimates import OTHER, SYMBOLIC
from cotbench.analysis.gates import FIGURES, check_gate, parse_gate
from cotbench.analysis.pairing import load_run
from cotbench.errors import UsageError


@pytest.fixture
def small(tmp_path: Path) -> Comparison:
    """helped 3, hurt 1 of 8 pairs: +0.25; symbolic (4 pairs) helped 3, hurt 1: +0.5; non-symbolic 0."""
    return compare([load_run(make_run(tmp_path / "r", {"direct": "wwwcccuwec", "cot": "cccwcctwcg"}))])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("delta[t,cot] < 0.05", 0.05),
        ("delta[t,cot]<5%", 0.05),
        ("delta[t,cot] < 5pt", 0.05),
        ("delta[t,cot] < 5 points", 0.05),
        (" delta [ t , cot ] < -5pt ", -0.05),
        ("delta[t,cot] < .5", 0.5),
        ("delta[t,cot] < 1e-3", 0.001),
        ("tokens[t,cot] > 1000", 1000.0),
    ],
)
def test_numbers(text: str, number: float) -> None:
    gate = parse_gate(text)
    assert gate.number == pytest.approx(number)
    assert (gate.task, gate.mode, gate.tag) == ("t", "cot", "all")


def test_all_words() -> None:
    gate = parse_gate("p_holm[*,sympy,nonsymbolic,model=org/m-1=x,baseline=cot] >= 0.05")
    assert (gate.name, gate.task, gate.mode, gate.tag) == ("p_holm", "*", "plan-solver", OTHER)
    assert (gate.model, gate.baseline, gate.operator) == ("org/m-1=x", "cot", ">=")


BAD = {
    "": "expected NAME[task,mode] OP NUMBER",
    "delta < 0.05": "expected NAME[task,mode] OP NUMBER",
    "delta[t,cot]": "expected NAME[task,mode] OP NUMBER",
    "delta[t,cot] = 0.05": "expected NAME[task,mode] OP NUMBER",
    "delta[t,cot] < ": "expected NAME[task,mode] OP NUMBER",
    "detla[t,cot] < 0.05": "there is no figure 'detla'",
    "delta[t] < 0.05": "expected a task and a mode",
    "delta[] < 0.05": "a word is missing",
    "delta[t,,cot] < 0.05": "a word is missing",
    "delta[t,cot,all,x] < 0.05": "expected task, mode and tag, found 4 words",
    "delta[t,cot,maths] < 0.05": "there is no tag 'maths'",
    "delta[t,cot,speed=3] < 0.05": "unknown 'speed='",
    "delta[t,cot,model=a,model=b] < 0.05": "'model=' is given twice",
    "delta[model=a,t,cot] < 0.05": "'t' stands behind a word with a name",
    "delta[t,cot] < five": "'five' is no number",
    "delta[t,cot] < nan": "'nan' is no number",
    "delta[t,cot] < 1e999": "'1e999' is no number",
    "delta[t,cot] < 5 or p[t,cot] > 1": "is no number",
    "delta[t,cot] < __import__('os')": "is no number",
    "tokens[t,cot] < 5%": "tokens is no share",
    "did[t,cot,symbolic] < 0": "did is about both sides",
    "accuracy[t,cot,baseline=direct] < 0.5": "accuracy has no baseline",
}


@pytest.mark.parametrize(("text", "finding"), BAD.items(), ids=BAD)
def test_what_is_no_condition(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_gate(text)
    assert finding in str(error.value)
    assert "--fail-if" in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("delta[t,cot] == 25pt", 0.25),
        ("delta[t,cot] <= 0.25", 0.25),
        ("delta[t,cot,symbolic] > 0.4", 0.5),
        ("delta[t,cot,non-symbolic] == 0", 0.0),
        ("delta[*,cot] < 1", 0.25),
        ("low[t,cot] < 0", None),
        ("high[t,cot] > 0", None),
        ("p[t,cot] == 0.625", 0.625),
        ("p_holm[t,cot] >= 0.625", 0.625),
        ("accuracy[t,direct] < 50%", 4 / 9),
        ("unread[t,cot] > 10%", 1 / 9),
        ("truncated[t,cot] > 0.1", 1 / 9),
        ("tokens[t,cot] == 40", 40.0),
        ("token_ratio[t,cot] >= 10", 10.0),
        ("helped[t,cot] == 3", 3.0),
        ("hurt[t,cot] != 0", 1.0),
        ("n[t,cot] < 1000", 8.0),
        ("did[t,cot] > 0.4", 0.5),
        ("share[t,cot] > 0.9", 1.0),
        ("delta[t,cot,model=m,baseline=direct] > 0", 0.25),
    ],
)
def test_what_holds(small: Comparison, text: str, value: float | None) -> None:
    checked = check_gate(parse_gate(text), small)
    assert checked.holds
    [(row, found)] = checked.holding
    assert row.startswith("t,")
    if value is not None:
        assert found == pytest.approx(value)


def test_every_figure_is_a_field(small: Comparison) -> None:
    """Those of other rows are looked at where these are: test_pooled.py, test_costs.py, test_between.py and others."""
    for name in (name for name, figure in FIGURES.items() if figure.rows in ("modes", "deltas", "splits")):
        assert check_gate(parse_gate(f"{name}[t,cot] >= -1000"), small).holds, name


@pytest.mark.parametrize("text", ["delta[t,cot] < 0.25", "delta[t,cot] > 25%", "helped[t,cot,nonsymbolic] > 0"])
def test_what_does_not_hold(small: Comparison, text: str) -> None:
    assert not check_gate(parse_gate(text), small).holds


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("delta[mmlu,cot] < 0", "has no delta of task 'mmlu'. It has: t"),
        ("delta[t,pal] < 0", "has no delta of mode 'pal'. It has: cot"),
        ("delta[t,direct] < 0", "has no delta of mode 'direct'. It has: cot"),
        ("accuracy[t,pal] < 0", "It has: direct, cot"),
        ("delta[t,cot,model=x] < 0", "has no delta of model 'x'. It has: m"),
        ("delta[t,cot,baseline=pal] < 0", "has no delta of baseline 'pal'. It has: direct"),
    ],
)
def test_what_the_report_does_not_have(small: Comparison, text: str, finding: str) -> None:
    with pytest.raises(UsageError) as error:
        check_gate(parse_gate(text), small)
    assert finding in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "delta[t,cot,nonsymbolic] < 0",
        "helped[t,cot,nonsymbolic] > 0",
        "accuracy[*,cot,nonsymbolic] < 1",
        "did[t,cot] < 1",
    ],
)
def test_what_cannot_be_estimated_does_not_pass(tmp_path: Path, text: str) -> None:
    run = load_run(make_run(tmp_path / "r", {"direct": "cccw------", "cot": "wccc------"}))
    with pytest.raises(UsageError, match=r"can't be checked: .* not estimable \(n = 0\)"):
        check_gate(parse_gate(text), compare([run]))


def test_of_any_model_one_is_enough(tmp_path: Path) -> None:
    better, worse = {"direct": "wwwwwwwwww", "cot": "cccccccccc"}, {"direct": "cccccccccc", "cot": "wwwwwwwwww"}
    runs = [make_run(tmp_path / "a", better, model="org/a"), make_run(tmp_path / "b", worse, model="org/b")]
    comparison = compare([load_run(run) for run in runs])
    assert [row for row, _ in check_gate(parse_gate("delta[t,cot] < 0"), comparison).holding] == [
        "t,cot,model=org/b,baseline=direct"
    ]
    assert not check_gate(parse_gate("delta[t,cot,model=a] < 0"), comparison).holds
    assert check_gate(parse_gate("delta[t,cot,model=org/b] < 0"), comparison).holds


# --- the command --------------------------------------------------------------------------------------------------

LEAN = ("--no-page", "--no-plots")


@pytest.fixture
def helped(tmp_path: Path) -> Path:
    return make_run(tmp_path / "results" / "a", {"direct": "wwwwwwuwwc", "cot": "ccccccttcc"})


def test_a_gate_that_holds_is_exit_5_after_all_is_written(helped: Path, main: Cli) -> None:
    done = main("report", "a", *LEAN, "--fail-if", "delta[t,cot] > 5pt", "--fail-if", "delta[t,cot] < 0")
    assert done.code == 5
    assert "--fail-if delta[t,cot] > 5pt: holds: delta of t,cot,model=m,baseline=direct is 0.7." in done.err
    assert "1 of 2 --fail-if conditions hold" in done.err
    assert "CoT helps on t by 70.0 points" in done.out
    assert (helped / "report" / "report.json").is_file()
    assert main("report", "a", *LEAN, "--json", "--fail-if=p[t,cot]<0.05").code == 5


def test_gates_that_do_not_hold_are_silent(helped: Path, main: Cli) -> None:
    done = main("report", "a", *LEAN, "--fail-if", "delta[t,cot] < 5pt", "--fail-if", f"n[t,cot,{SYMBOLIC}] < 4")
    assert (done.code, done.err) == (0, "")


def test_a_gate_that_cannot_be_checked_is_exit_2_and_the_others_are_said(helped: Path, main: Cli) -> None:
    done = main("report", "a", *LEAN, "--fail-if", "delta[t,pal] < 0", "--fail-if", "delta[t,cot] > 0")
    assert done.code == 2
    assert "no delta of mode 'pal'" in done.err
    assert "delta[t,cot] > 0: holds" in done.err


def test_a_condition_is_read_before_anything_is_done(helped: Path, main: Cli) -> None:
    done = main("report", "a", "--fail-if", "delta[t,cot] is low")
    assert (done.code, done.out) == (2, "")
    assert not (helped / "report").exists()
