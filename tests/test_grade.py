r"""Verdicts: numbers and letters exactly, formulas by Math-Verify in worker processes that may hang, die or be closed.

Tests replace `latex_equal`, the function that a worker runs, by functions of this module: a spawned worker can import
them. They are given a pair of texts and nothing else, so a folder's path travels as the gold of a pair.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cotbench import grade
from cotbench.grade import Grader, clean_latex, grade_now, plain_to_latex, too_big
from cotbench.types import AnswerType, Outcome

RIGHT, WRONG, TIMEOUT = Outcome.CORRECT, Outcome.WRONG, Outcome.GRADER_TIMEOUT
LATEX = AnswerType.LATEX

# --- numbers and letters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        pytest.param("42", "42", RIGHT, id="same"),
        pytest.param("42", "43", WRONG, id="different"),
        pytest.param("0.5", "1/2", RIGHT, id="decimal and fraction"),
        pytest.param("0.50", "0.5", RIGHT, id="zero at the end"),
        pytest.param("1000", "1000.0", RIGHT, id="whole and decimal"),
        pytest.param("2/6", "1/3", RIGHT, id="fractions are reduced"),
        pytest.param("1/3", "0.333", WRONG, id="rounded isn't equal"),
        pytest.param("0.3333333333333333", "1/3", WRONG, id="as close as a float can be isn't equal"),
        pytest.param("0.1", "0.1000000000000000055511151231257827", WRONG, id="what a float makes of 0.1"),
        pytest.param("100000000000000000001", "100000000000000000000", WRONG, id="beyond the precision of a float"),
        pytest.param("-5", "5", WRONG, id="sign"),
        pytest.param("-0", "0", RIGHT, id="negative zero"),
        pytest.param("50", "0.5", WRONG, id="percent isn't converted"),
    ],
)
def test_numbers(answer: str, gold: str, verdict: Outcome) -> None:
    assert grade_now(answer, gold, AnswerType.NUMBER) is verdict
    assert grade_now(gold, answer, AnswerType.NUMBER) is verdict


@pytest.mark.parametrize(("answer", "gold", "verdict"), [("A", "A", RIGHT), ("A", "B", WRONG), ("J", "J", RIGHT)])
def test_letters(answer: str, gold: str, verdict: Outcome) -> None:
    assert grade_now(answer, gold, AnswerType.LETTER) is verdict


# --- the clean-up of formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        pytest.param(" x + 1 ", "x+1", id="spaces"),
        pytest.param("\\left( 1, 2 \\right)", "(1,2)", id="left and right"),
        pytest.param("\\leftarrow", "\\leftarrow", id="a command that begins with left"),
        pytest.param("\\dfrac{1}{2}", "\\frac{1}{2}", id="dfrac"),
        pytest.param("\\tfrac{1}{2}", "\\frac{1}{2}", id="tfrac"),
        pytest.param("\\frac12", "\\frac{1}{2}", id="fraction without braces"),
        pytest.param("\\frac 1 2", "\\frac{1}{2}", id="fraction with spaces"),
        pytest.param("\\frac1{10}", "\\frac{1}{10}", id="one brace behind"),
        pytest.param("\\frac{10}3", "\\frac{10}{3}", id="one brace before"),
        pytest.param("\\text{Friday}", "Friday", id="text"),
        pytest.param("\\mbox{Friday}", "Friday", id="mbox"),
        pytest.param("5\\,\\text{cm}", "5cm", id="thin space before a command"),
        pytest.param("5\\,cm", "5cm", id="thin space before a letter"),
        pytest.param("90^\\circ", "90", id="degrees"),
        pytest.param("90^{\\circ}", "90", id="degrees in braces"),
        pytest.param("90°", "90", id="degree sign"),
        pytest.param("25\\%", "25", id="percent"),
        pytest.param("\\$5", "5", id="currency"),
        pytest.param("$5$", "5", id="dollars"),
        pytest.param("\\(5\\)", "5", id="inline math"),
        pytest.param("1$, $2", "1,2", id="list in dollars"),
        pytest.param("5.", "5", id="full stop"),
        pytest.param("10{,}000", "10000", id="LaTeX thousands"),
        pytest.param("10 000", "10000", id="thousands with a space"),
        pytest.param("1 1/2", "1 1/2", id="a mixed number isn't eleven halves"),
        pytest.param("1 2", "1 2", id="two numbers aren't one"),
        pytest.param("10,000", "10,000", id="a comma may be a list: Math-Verify's to read"),
        pytest.param("0.3\\ldots", "0.3\\ldots", id="dots are part of the answer"),
        pytest.param("\u22125", "-5", id="unicode minus"),
        pytest.param("", "", id="empty"),
    ],
)
def test_clean_latex(text: str, clean: str) -> None:
    assert clean_latex(text) == clean
    assert clean_latex(clean) == clean


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("x²", "x^2"),
        ("√3", "\\sqrt{3}"),
        ("2√12", "2\\sqrt{12}"),
        ("√(x+1)", "\\sqrt{x+1}"),
        ("√{3}", "\\sqrt{3}"),
        ("\\sqrt(5)", "\\sqrt{5}"),
        ("\\sqrt{5}", "\\sqrt{5}"),
        ("2**3", "2^3"),
        ("2^(n+1)", "2^{n+1}"),
        ("5^(5^(5^5))", "5^{5^{5^5}}"),
        ("(x+1)^2", "(x+1)^2"),
        ("½", "\\frac12"),
        ("\\begin{pmatrix}1 \\\\[2pt] 2\\end{pmatrix}", "\\begin{pmatrix}1 \\\\[2pt] 2\\end{pmatrix}"),
        ("\\$5", "\\$5"),
    ],
)
def test_plain_to_latex(text: str, latex: str) -> None:
    assert plain_to_latex(text) == latex


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("{" * 10_000 + "5" + "}" * 10_000, WRONG),
        ("(" * 33 + ")" * 33, WRONG),
        ("(" * 32 + ")" * 32, None),
        ("9" * 64, WRONG),
        ("9" * 63, None),
        ("\\frac{1}{2}", None),
    ],
    ids=lambda value: f"{value[:10]} of {len(value)}" if isinstance(value, str) and value else None,
)
def test_size_limits_come_first(text: str, verdict: Outcome | None) -> None:
    assert too_big(text) is (verdict is WRONG)
    assert grade_now(text, "5", LATEX) is verdict


def test_a_gold_beyond_the_limits_still_equals_itself() -> None:
    assert grade_now("9" * 100, "9" * 100, LATEX) is RIGHT


# --- Math-Verify --------------------------------------------------------------------------------------------------

COLUMN = "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"

PAIRS: list[tuple[str, str, str, Outcome]] = [  # reason, gold, answer, verdict
    ("order of a sum", "x+1", "1+x", RIGHT),
    ("simplified root", "2\\sqrt{3}", "\\sqrt{12}", RIGHT),
    ("root without braces", "2\\sqrt3", "\\sqrt{12}", RIGHT),
    ("plain root", "2\\sqrt{3}", "2√3", RIGHT),
    ("root with brackets", "\\sqrt{5}", "sqrt(5)", RIGHT),
    ("thousands", "10000", "10,000", RIGHT),
    ("thousands in gold", "10,000", "10000", RIGHT),
    ("thousands with a negative space", "10,\\!000", "10000", RIGHT),
    ("fraction and decimal", "\\frac12", "0.5", RIGHT),
    ("decimal without a zero", "\\frac{1}{2}", ".5", RIGHT),
    ("where the minus stands", "-\\frac{1}{2}", "\\frac{-1}{2}", RIGHT),
    ("unreduced fraction", "\\frac{1}{2}", "\\frac{2}{4}", RIGHT),
    ("slash", "\\frac{3}{4}", "3/4", RIGHT),
    ("over", "\\frac{1}{2}", "{1 \\over 2}", RIGHT),
    ("mixed number", "1\\frac{4}{5}", "\\frac{9}{5}", RIGHT),
    ("rationalised", "\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", RIGHT),
    ("rounded to three places", "\\frac13", "0.333", WRONG),
    ("rounded to six places", "\\frac13", "0.333333", RIGHT),
    ("rounded root", "\\sqrt{2}", "1.414", WRONG),
    ("rounded pi", "\\pi", "3.14", WRONG),
    ("pi as a sign", "\\frac{\\pi}{2}", "π/2", RIGHT),
    ("spelt column", COLUMN, "\\begin{pmatrix}1\\\\2\\end{pmatrix}", RIGHT),
    ("square brackets of a matrix", COLUMN, "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}", RIGHT),
    (
        "decimals in a matrix",
        "\\begin{pmatrix} 1/2 \\\\ 2 \\end{pmatrix}",
        "\\begin{pmatrix} 0.5 \\\\ 2 \\end{pmatrix}",
        RIGHT,
    ),
    ("row for column", COLUMN, "\\begin{pmatrix} 1 & 2 \\end{pmatrix}", WRONG),
    ("another matrix", COLUMN, "\\begin{pmatrix} 1 \\\\ 3 \\end{pmatrix}", WRONG),
    ("pair", "\\left(\\frac12, 3\\right)", "(0.5,3)", RIGHT),
    ("pair with its unknowns", "(5,7)", "x = 5, y = 7", RIGHT),
    ("pair in dollars", "(5,7)", "x = 5$ and $y = 7", RIGHT),
    ("pair turned round", "(1,2)", "(2,1)", WRONG),
    ("polar pair", "(3,\\frac{\\pi}{2})", "\\left( 3, \\frac{\\pi}{2} \\right)", RIGHT),
    ("closed for half-open", "[1,2)", "[1,2]", WRONG),
    ("open for half-open", "[1,2)", "(1,2)", WRONG),
    ("infinite interval", "(-\\infty, 2]", "(-∞, 2]", RIGHT),
    ("union turned round", "(-\\infty,-1)\\cup(2,\\infty)", "(2,\\infty)\\cup(-\\infty,-1)", RIGHT),
    ("interval with its unknown", "[-2,7]", "x \\in [-2,7]", RIGHT),
    ("inequality for an interval", "[-2,7]", "-2 \\le x \\le 7", WRONG),
    ("interval for an inequality", "-2 \\le x \\le 7", "[-2,7]", RIGHT),
    ("set turned round", "\\{1,2\\}", "\\{2,1\\}", RIGHT),
    ("set without an element", "\\{1,2,3\\}", "\\{1,2\\}", WRONG),
    ("list turned round", "1,2", "2,1", RIGHT),
    ("list with and", "1,2", "1 \\text{ and } 2", RIGHT),
    ("list with or and unknowns", "1,-2", "x=1 \\text{ or } x=-2", RIGHT),
    ("list in dollars", "3,5,7", "3$, $5$, and $7", RIGHT),
    ("list in round math", "1,2", "1\\), \\(2", RIGHT),
    ("list too short", "1,2,3", "1,2", WRONG),
    ("one of the list", "3,4", "3", WRONG),
    ("plus and minus", "3,-3", "\\pm 3", RIGHT),
    ("hedged", "5", "5 \\text{ or } 6", WRONG),
    ("text", "\\text{Friday}", "Friday", RIGHT),
    ("text in another case", "\\text{Friday}", "\\text{friday}", RIGHT),
    ("another text", "\\text{Friday}", "\\text{Monday}", WRONG),
    ("number for text", "\\text{odd}", "3", WRONG),
    ("option letter with brackets", "\\text{(A)}", "A", RIGHT),
    ("another option letter", "\\text{(A)}", "B", WRONG),
    ("unknown given", "5", "x = 5", RIGHT),
    ("unit", "5", "5\\text{ cm}", RIGHT),
    ("unit in gold", "12\\text{ square units}", "12", RIGHT),
    ("bare unit", "12", "12 square units", RIGHT),
    ("currency", "18.90", "\\$18.90", RIGHT),
    ("percent as it stands", "25", "25\\%", RIGHT),
    ("percent as a share", "0.25", "25\\%", RIGHT),
    ("base left out", "52_8", "52", RIGHT),
    ("braces of a base", "4210_5", "4210_{5}", RIGHT),
    ("expanded", "(x+1)^2", "x^2+2x+1", RIGHT),
    ("expanded wrongly", "(x+1)^2", "x^2+2x+2", WRONG),
    ("function of its argument", "y = 2x + 3", "y = 3 + 2x", RIGHT),
    ("identity", "1", "\\sin^2 x + \\cos^2 x", RIGHT),
    ("power", "1024", "2^{10}", RIGHT),
    ("power with stars", "8", "2**3", RIGHT),
    ("the base of a power isn't its value", "2", "2**3", WRONG),
    ("power with brackets", "2^{n+1}", "2^(n+1)", RIGHT),
    ("scientific", "5000", "5 \\times 10^3", RIGHT),
    ("complex", "1+2i", "2i+1", RIGHT),
    ("conjugate", "1+2i", "1-2i", WRONG),
    ("other sign", "2", "-2", WRONG),
    ("unicode minus", "-2", "\u22122", RIGHT),
    ("pi left out", "16\\pi", "16", WRONG),
    ("unknown added", "6", "6x", WRONG),
    ("other unknown", "x", "y", WRONG),
    ("digits of a list", "12", "1,2", WRONG),
    ("not LaTeX", "5", "\\frac{", WRONG),
    ("nothing but a command", "5", "\\sqrt", WRONG),
]

# What Math-Verify still gets wrong; each would need a rule of ours that reads the formula.
MISGRADED: list[tuple[str, str, str, Outcome]] = [
    ("a root of a negative number", "i", "\\sqrt{-1}", RIGHT),
    ("degrees in a function", "\\frac{1}{2}", "\\cos 60^\\circ", RIGHT),
    ("a set for a pair", "(1,2)", "\\{1,2\\}", WRONG),
    ("an answer that breaks off", "2", "2x+", WRONG),
    ("a number within text", "17", "\\text{17 units}", RIGHT),
    ("a plain mixed number", "\\frac{3}{2}", "1 1/2", RIGHT),
]


def drain(grader: Grader[int], limit_s: float = 60.0) -> dict[int, Outcome]:
    verdicts: dict[int, Outcome] = {}
    end = time.monotonic() + limit_s
    while grader.pending:
        assert time.monotonic() < end, f"{grader.pending} pairs without a verdict after {limit_s} s"
        verdicts.update(grader.done(0.2))
    return verdicts


def grade_all(pairs: list[tuple[str, str]], workers: int = 2) -> dict[tuple[str, str], Outcome]:
    """Verdicts of (gold, answer) pairs, submitted in the given order."""
    grader: Grader[int] = Grader(workers)
    try:
        verdicts = {}
        for ticket, (gold, answer) in enumerate(pairs):
            verdict = grader.submit(ticket, answer, gold, LATEX)
            if verdict is not None:
                verdicts[ticket] = verdict
        verdicts.update(drain(grader))
        return {pair: verdicts[ticket] for ticket, pair in enumerate(pairs)}
    finally:
        grader.close()


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], Outcome]:
    return grade_all([(gold, answer) for _, gold, answer, _ in PAIRS + MISGRADED])


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [pytest.param(*pair[1:], id=pair[0]) for pair in PAIRS]
    + [
        pytest.param(*pair[1:], id=pair[0], marks=pytest.mark.xfail(strict=True, reason="Math-Verify 0.9"))
        for pair in MISGRADED
    ],
)
def test_formulas(verdicts: dict[tuple[str, str], Outcome], gold: str, answer: str, verdict: Outcome) -> None:
    assert verdicts[gold, answer] is verdict


def test_order_and_number_of_workers_change_nothing(verdicts: dict[tuple[str, str], Outcome]) -> None:
    pairs = [(gold, answer) for _, gold, answer, _ in PAIRS[::2]]
    for seed, workers in ((1, 1), (2, 3)):
        shuffled = random.Random(seed).sample(pairs, len(pairs))
        assert grade_all(shuffled, workers) == {pair: verdicts[pair] for pair in pairs}


def test_hostile_formulas_end_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "TIMEOUT_S", 1.0)
    answers = [
        "9**9**9**9",
        "9^{9^{9^{9}}}",
        "5^(5^(5^5))",
        "5^{5^{5^{5}}}",
        "10^{10^{10}}",
        "{" * 10_000 + "5" + "}" * 10_000,
        "\\frac{" * 200,
        "9" * 1_000,
    ]
    start = time.monotonic()
    found = grade_all([("5", answer) for answer in answers] + [("9", "9**9**9**9")])
    assert set(found.values()) == {WRONG, TIMEOUT}
    assert found["5", "5^(5^(5^5))"] is TIMEOUT  # not 5, which is where a lenient parser stops
    assert time.monotonic() - start < 30


# --- workers ------------------------------------------------------------------------------------------------------


def sleeps(gold: str, answer: str) -> bool:
    time.sleep(60)
    return True


def sleeps_if_slow(gold: str, answer: str) -> bool:
    return sleeps(gold, answer) if answer == "slow" else True


def leaves_its_pid(gold: str, answer: str) -> bool:
    """One file for each call; the first call then hangs."""
    folder = Path(gold)
    first = not any(folder.iterdir())
    (folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()
    return sleeps(gold, answer) if first and answer == "slow" else True


def dies(gold: str, answer: str) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def runs_out_of_memory(gold: str, answer: str) -> bool:
    (Path(gold) / str(time.monotonic_ns())).touch()
    raise MemoryError


def recurses(gold: str, answer: str) -> bool:
    return recurses(gold, answer)


def fails(gold: str, answer: str) -> bool:
    raise ValueError("no such formula")


def worker_pids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"waited {limit_s} s in vain"
        time.sleep(0.02)


@pytest.fixture
def grader() -> Iterator[Grader[int]]:
    made: Grader[int] = Grader(2)
    yield made
    made.close()


def test_a_comparison_that_hangs_is_no_wrong_answer(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "latex_equal", sleeps_if_slow)
    monkeypatch.setattr(grade, "TIMEOUT_S", 0.5)
    answers = ["fast 0", "slow", "fast 1", "fast 2", "fast 3"]
    for ticket, answer in enumerate(answers):
        assert grader.submit(ticket, answer, "x+1", LATEX) is None
    found = drain(grader, 20)
    assert found == {ticket: TIMEOUT if answer == "slow" else RIGHT for ticket, answer in enumerate(answers)}
    assert grader.submit(9, "slow", "x+1", LATEX) is TIMEOUT  # it isn't tried again


def test_a_killed_worker_is_replaced(grader: Grader[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(grade, "latex_equal", leaves_its_pid)
    monkeypatch.setattr(grade, "TIMEOUT_S", 30.0)
    grader.submit(0, "slow", str(tmp_path), LATEX)
    wait_for(lambda: any(tmp_path.iterdir()))
    [victim] = (int(path.name.split("-")[0]) for path in tmp_path.iterdir())
    assert victim in worker_pids()
    os.kill(victim, signal.SIGKILL)
    assert drain(grader, 20) == {0: RIGHT}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_pair_that_kills_its_worker_is_tried_twice(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "latex_equal", dies)
    grader.submit(0, "answer", "x+1", LATEX)
    assert drain(grader, 20) == {0: TIMEOUT}


def test_a_pool_that_breaks_is_replaced(grader: Grader[int]) -> None:
    grader.submit(0, "1+x", "x+1", LATEX)
    assert drain(grader) == {0: RIGHT}
    for _ in range(2):
        for pid in worker_pids():
            os.kill(pid, signal.SIGKILL)
        for ticket in range(40):
            grader.submit(ticket, f"{ticket}+y", f"y+{ticket + ticket % 2}", LATEX)
    assert drain(grader) == {ticket: WRONG if ticket % 2 else RIGHT for ticket in range(40)}


@pytest.mark.parametrize(
    ("function", "verdict", "calls"),
    [
        pytest.param(runs_out_of_memory, TIMEOUT, 2, id="out of memory: tried again, then undecided"),
        pytest.param(recurses, TIMEOUT, 0, id="too deep: undecided"),
        pytest.param(fails, WRONG, 0, id="not a formula: can't be shown to be equal"),
    ],
)
def test_errors_of_a_comparison(
    grader: Grader[int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    function: Callable[[str, str], bool],
    verdict: Outcome,
    calls: int,
) -> None:
    monkeypatch.setattr(grade, "latex_equal", function)
    grader.submit(0, "answer", str(tmp_path), LATEX)
    assert drain(grader, 20) == {0: verdict}
    assert len(list(tmp_path.iterdir())) == calls


def test_equal_pairs_are_compared_once(grader: Grader[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(grade, "latex_equal", leaves_its_pid)
    for ticket in range(10):
        assert grader.submit(ticket, "a", str(tmp_path), LATEX) is None
    assert grader.submit(10, "b", str(tmp_path), LATEX) is None
    assert grader.pending == 11
    assert drain(grader) == dict.fromkeys(range(11), RIGHT)
    assert grader.submit(11, "a", str(tmp_path), LATEX) is RIGHT
    assert len(list(tmp_path.iterdir())) == 2


def test_what_needs_no_worker_starts_none(grader: Grader[int]) -> None:
    before = worker_pids()
    assert grader.submit(0, "0.5", "1/2", AnswerType.NUMBER) is RIGHT
    assert grader.submit(1, "A", "B", AnswerType.LETTER) is WRONG
    assert grader.submit(2, "\\dfrac12", "\\frac{1}{2}", LATEX) is RIGHT
    assert grader.pending == 0
    assert grader.done(5.0) == []
    assert worker_pids() == before


def test_done_does_not_wait_unless_told(grader: Grader[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "latex_equal", sleeps)
    grader.submit(0, "answer", "x+1", LATEX)
    start = time.monotonic()
    assert grader.done() == []
    assert time.monotonic() - start < 1


# --- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_close_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, busy: bool) -> None:
    before = worker_pids()
    monkeypatch.setattr(grade, "latex_equal", leaves_its_pid)
    grader: Grader[int] = Grader(2)
    grader.submit(0, "slow" if busy else "fast", str(tmp_path), LATEX)
    wait_for(lambda: any(tmp_path.iterdir()))
    started = worker_pids() - before
    assert len(started) == 2
    grader.close()
    assert worker_pids() == before
    assert not any(map(is_running, started))
    grader.close()  # twice does no harm


SCRIPT = """
import sys, time
from pathlib import Path
from pebble.pool import process
from cotbench import grade
from cotbench.types import AnswerType

def hang(gold, answer):
    Path(gold).touch()
    time.sleep(60)

def stop_late(manager, stop=process.WorkerManager.force_stop_workers):
    time.sleep(1)  # between taking the locks away and ending the workers
    stop(manager)

if __name__ == "__main__":
    process.WorkerManager.force_stop_workers = stop_late
    grade.latex_equal, grade.TIMEOUT_S = hang, float(sys.argv[2])
    grader = grade.Grader(1)
    grader.submit(0, "answer", sys.argv[1], AnswerType.LATEX)
    while grader.pending:
        grader.done(0.1)
    grader.close()
"""


def script(tmp_path: Path, timeout_s: float) -> subprocess.Popen[str]:
    (tmp_path / "grading.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "grading.py"), str(tmp_path / "called"), str(timeout_s)]
    root = Path(grade.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def test_close_is_silent_while_a_worker_starts(tmp_path: Path) -> None:
    """A worker is replaced after a timeout; the pool is closed before the new one is up."""
    _, err = script(tmp_path, 0.2).communicate(timeout=60)
    assert err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_workers_die_with_a_killed_run(tmp_path: Path) -> None:
    run = script(tmp_path, 50.0)
    wait_for((tmp_path / "called").exists)
    listed = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    children = [int(pid) for pid in listed]
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert workers
    run.kill()
    run.communicate(timeout=20)
    wait_for(lambda: not any(map(is_running, workers)))


@pytest.mark.parametrize(
    ("answer", "gold", "verdict"),
    [
        ("tea", "eat", WRONG), ("York New", "New York", WRONG), ("evelyn", r"\text{Evelyn}", RIGHT), ("True", r"\text{true}", RIGHT),
        ("Tuesday.", "Tuesday", RIGHT), ("silent", "listen", WRONG),
    ],
)  # fmt: skip
def test_words_are_compared_as_words(answer: str, gold: str, verdict: Outcome) -> None:
    assert grade.grade_now(answer, gold, LATEX) is verdict
