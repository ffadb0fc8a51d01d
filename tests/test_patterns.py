"""A user's own patterns mean what they mean to Python's `re`, and none holds a command up; our tag rules are linear."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from conftest import Cli
from handmade import make_run, write_run
from test_compare import record

from cotbench.errors import UsageError
from cotbench.questions import patterns
from cotbench.questions.patterns import Pattern
from cotbench.questions.tagging import RULES, Seen
from cotbench.types import Question

TEXTS = (
    "per cent",
    "50%",
    "a{e}b",
    "x{2}",
    "xx",
    "foo{e<=1}",
    "fob",
    "{}",
    "A1 b2",
    "Straße",
    "STRASSE",
    "a]b",
    "[[a]",
    "line\nend",
    "",
    "aaa",
    "٣",
)


@pytest.mark.parametrize(
    "pattern",
    [
        "%|per ?cent", "x{2}", "x{,2}y?$", r"a\{e\}b", "a{e}b", "(?:foo){e<=1}", "{}", r"^\w+ \w+$", "(?i)straße",
        "(?i)strasse", r"[[a]+b", "[a-z&&x]", r"(?s)line.end", r"(?<=a)a(?!a)", r"(\w)\1", "(?P<n>a)(?P=n)",
        "(?x) a  a # twice", r"\d", "a*+a", "(?>a+)a", "[{]", r"\Aa|\Z", "(a)|(?(1)b|c)",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_pattern_means_what_it_means_to_re(pattern: str) -> None:
    own = Pattern(pattern, "--grep")
    assert [own.found_in(text) for text in TEXTS] == [re.search(pattern, text) is not None for text in TEXTS]


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a**",
        r"\p{L}",
        "(?V1)a",
        r"\K",
        "[z-a]",
        "(?P<a>x)(?P<a>y)",
        "x{1000000000}",
        "(?:(?:a{1000}){1000}){1000}",
    ],
)
def test_a_pattern_that_is_none_is_one_message(pattern: str) -> None:
    with pytest.raises(UsageError, match="--grep: "):
        Pattern(pattern, "--grep")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a|a)*$", "a" * 60 + "b"),
        ("(?:a|aa)+$", "a" * 80 + "b"),
        ("(?:a{1,50}){1,50}b", "a" * 4_000),
        (r"(.*.*.*.*.*.*=)+Z$", "x = y " * 400),
    ],
)
def test_a_search_that_takes_too_long_is_one_message(pattern: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "LIMIT_S", 0.3)
    began = time.monotonic()
    with pytest.raises(UsageError, match=r"takes more than 0\.3 s on one text"):
        Pattern(pattern, "--grep").found_in(text)
    assert time.monotonic() - began < 10


def test_many_slow_searches_are_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SLOW_S", 0.0)
    monkeypatch.setattr(patterns, "SLOW_LIMIT_S", 0.01)
    own = Pattern("x.*y", "--tag t=x.*y")
    with pytest.raises(UsageError, match=r"--tag t=x\.\*y: takes more than 0.01 s in all"):
        for _ in range(100_000):
            own.found_in("x" * 1_000)


def test_through_the_commands(tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "LIMIT_S", 0.3)
    questions = [Question(id=f"t-{i}", task="t", text="a" * 60 + f"b{i}") for i in range(10)]
    make_run(tmp_path / "results" / "r", {"direct": "wwwcccuwcc", "cot": "cccwcctwcc"}, questions=questions)
    for command in (("report", "--tag", "t=(a|a)*$", "--no-plots", "--no-page"), ("show", "--grep", "(a|a)*$")):
        done = main(*command)
        assert done.code == 2
        assert "takes more than 0.3 s on one text" in done.err
        assert "repeats inside repeats" in done.err


SHAPES = (
    "$" + "=" * 100_000, "$x" * 50_000, "$ a\n" * 30_000, "1" + " " * 100_000, "<a " * 40_000, "<a b='" * 20_000,
    "1 - a" * 20_000, "<a" + " b=c" * 25_000, "<a" + " b" * 50_000, "$" + "a" * 100_000, "3 *" * 33_000,
    "http://" * 15_000, "<=" * 50_000, ")  " * 33_000, "\\frac" * 20_000,
)  # fmt: skip


@pytest.mark.parametrize("rule", ["operators", "eq_question", "eq_question_any"])
@pytest.mark.parametrize("text", SHAPES, ids=[text[:6] for text in SHAPES])
def test_our_rules_are_linear(rule: str, text: str) -> None:
    began = time.process_time()
    RULES[rule].tag(Seen(question=Question(id="a", task="t", text=text)))
    assert time.process_time() - began < 0.5


DOLLARS = {
    "$x^2$": True,
    "$5 and $10": False,
    "$5 and $x = 2$": True,
    "$ $a+b$": True,
    "$a\n+b$": False,
    "a $ b = c": True,
    "$a$": False,
    "cost $5+tip": False,
    "$$x<y$$": True,
    "$a$ < $b$": True,
}


@pytest.mark.parametrize(("text", "symbolic"), DOLLARS.items())
def test_mathematics_between_dollars(text: str, symbolic: bool) -> None:
    assert RULES["operators"].tag(Seen(question=Question(id="a", task="t", text=text))) is symbolic


def test_a_tags_file_with_a_column_twice(tmp_path: Path, main: Cli) -> None:
    write_run(tmp_path / "results" / "r", [Question(id="t-0", task="t", text="?")], [record("t-0", "cot", "c")])
    (tmp_path / "tags.csv").write_text("id,a,a\nt-0,1,0\n")
    done = main("report", "--tags-file", "tags.csv")
    assert (done.code, "tags.csv: has two columns 'a'" in done.err) == (3, True)
