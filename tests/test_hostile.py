r"""Outputs that nobody would write, and models do: what reading and grading must bear without falling over.

Reading may find nothing in such a text, but it never raises, never takes long, and what it finds lies within the text.
Grading always comes back with a verdict. All is seeded: the same texts in every run. The run of ten thousand texts
takes minutes, so it must be asked for: `pytest -m slow tests/test_hostile.py -s` (it prints what was slowest).
"""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cotbench.answers import grader as workers
from cotbench.answers.grader import Grader
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import MAX_ANSWER_CHARS, VAGUE, extract, show_number
from cotbench.answers.reading.patterns import in_plain_signs
from cotbench.types import LETTERS, AnswerType, Outcome

pytestmark = pytest.mark.patient

NUMBER, LETTER, LATEX = AnswerType.NUMBER, AnswerType.LETTER, AnswerType.LATEX
VERDICTS = {Outcome.CORRECT, Outcome.WRONG, Outcome.GRADER_TIMEOUT}

READING_S = 1.0  # CPU time of one reading
VERDICT_S = 60.0  # wall time until a verdict comes, a worker's start and a second try included
LONG = 100_000  # characters of a text that repeats itself
BATCHES = 20  # of the ten thousand texts
RAW = 1_000  # characters of a text that is handed to the grader as it is

OPTIONS = ("Boat", "Train", "Plane", "25 m")
GOLDS = (
    "5",
    "x+1",
    "\\frac{1}{2}",
    "(1, 2]",
    "1, 2, 3",
    "\\text{Friday}",
    "\\sqrt{3} + 2i",
    "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
    "x^2 + y^2 = 9",
    "12\\text{ cm}",
)

# --- the texts ----------------------------------------------------------------------------------------------------

MARKUP = [
    *(
        "Answer:",
        "answer",
        "ANSWER：",
        "The answer is ",
        "the correct option is ",
        "####",
        "**",
        "__",
        "`",
        "```\n",
        "> ",
    ),
    *(
        "<answer>",
        "</answer>",
        "<letter>",
        '{"answer": "',
        '"}',
        "答案是",
        "【答案】",
        "respuesta: ",
        "Question:",
        "Q: ",
    ),
    *(
        "<think>",
        "</think>",
        "<thinking>",
        "◁think▷",
        "◁/think▷",
        "<|im_end|>",
        "</s>",
        "<|channel|>",
        "assistantfinal",
    ),
    *(
        "A",
        "B)",
        "(C)",
        "**D**",
        "Option A ",
        "A or ",
        " and ",
        " is correct",
        "not ",
        "neither ",
        "Plane",
        "boat",
        "I think",
    ),
    *(
        " ",
        "\t",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        ".",
        ",",
        ":",
        ";",
        "!",
        "?",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "|",
        "&",
        "#",
        "~",
    ),
]
FORMULA = [
    *(
        "\\boxed{",
        "\\boxed",
        "\\fbox{",
        "{",
        "}",
        "\\{",
        "\\}",
        "$",
        "$$",
        "\\$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\",
        "\\\\",
    ),
    *(
        "\\frac{1}{",
        "\\frac12",
        "\\dfrac",
        "\\sqrt{",
        "\\sqrt[3]{",
        "\\text{",
        "\\mathrm{",
        "\\left(",
        "\\right]",
        "\\%",
    ),
    *(
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\begin{cases}",
        "\\pi",
        "\\infty",
        "\\cup",
        "\\pm",
        "\\le",
        "^\\circ",
        "\\cdot",
    ),
    *(
        "\\sum_{k=1}^{9}",
        "\\int_0^1 ",
        "\\lim_{x\\to 0}",
        "\\log_{2}",
        "\\binom{9}{4}",
        "\\overline{3}",
        "\\ldots",
        "\\sin ",
    ),
    *(
        "x",
        "y^2",
        "^{",
        "_{",
        "!",
        "%",
        "=",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "'",
        "|x|",
        "\\ne ",
        "\\in ",
        "\\emptyset",
        "i",
        "e",
    ),
    *(
        "0",
        "1",
        "7.",
        ".5",
        "23,456",
        "1e5",
        "1/2",
        "10^9",
        "-3",
        "1 000",
        "0.333",
        "1_{2}",
        "12:30",
        "5 cm",
        "\\!",
        "\\,",
    ),
]
SCRIPTS = [
    *(
        "٣",
        "৪",
        "４２",
        "二十五",
        "Ⅷ",
        "½",
        "²",
        "𝟜𝟚",
        "๕",
        "①",
        "㊿",
        "Ⓒ",
        "Ｃ",
        "−5",
        "–5",
        "５／２",
        "١٫٥",
        "∞",
        "√3",
        "π",
    ),
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u00a0", "\u202f", "\u3000", "\u0301", "\ufe0f", "\U0001f600"),
    *("\u202e", "\u202c", "\u200f", "\u2066", "\u2069", "\u061c", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"),
    *("\x00", "\x07", "\x08", "\x1b[31m", "\x7f", "\ufffd", "\uffff", "\U000e0041", "\U0010ffff", "שלום", "مرحبا"),
]

# Short, and more work than there is time for, if somebody sets out to do it.
HEAVY = {
    "tower of powers": "5^(5^(5^5))",
    "tower of powers in braces": "5^{5^{5^{5}}}",
    "tower of letters": "x^{x^{x^{x^{x^{x}}}}}",
    "tower of e": "e^{e^{e^{e^{e^{e}}}}}",
    "tower of fractions": "2^{\\frac{1}{2^{\\frac{1}{2^{2^{99}}}}}}",
    "power with a long exponent": "10^{99999999}",
    "power of a power of ten": "2^{10^{10}}",
    "tiny power": "10^{-10^{9}}",
    "power modulo nothing": "7^{7^{7}} \\bmod 10",
    "exponent of a float": "1e999999999",
    "negative exponent of a float": "1e-999999999",
    "decimal of many places": "0." + "3" * 900,
    "digits": "9" * RAW,
    "digits with separators": "123," * 240 + "123",
    "digits behind a power": "x^{" + "9" * 200 + "}",
    "factorial": "(10^9)!",
    "factorial of a factorial": "((9!)!)!",
    "many factorials": "9" + "!" * 300,
    "binomial": "\\binom{10^9}{5 \\cdot 10^8}",
    "long sum": "\\sum_{k=1}^{10^9} k^{k}",
    "long product": "\\prod_{k=1}^{10^8} (k + \\frac{1}{k})",
    "integral": "\\int_0^1 x^{x^{x}} \\sin(x^{-1}) dx",
    "limit": "\\lim_{n \\to \\infty} (1 + \\frac{1}{n})^{n^{n}}",
    "binomial expansion": "(x + 1)^{10000}",
    "many terms": "(a + b + c + d + f + g)^{60}",
    "quotient of powers": "\\frac{x^{5000} - 1}{x - 1}",
    "power of a cosine": "\\cos^{900}(x) + \\sin^{900}(x)",
    "large angle": "\\sin(10^{10^{10}})",
    "nested functions": "\\sin(" * 30 + "x" + ")" * 30,
    "nested roots": "\\sqrt{2 + " * 30 + "2" + "}" * 30,
    "deeply nested roots": "\\sqrt{" * 120 + "2" + "}" * 120,
    "root of a high degree": "\\sqrt[10^9]{2^{10^9} + 1}",
    "sum of roots": " + ".join(f"\\sqrt{{{n}}}" for n in range(2, 62)),
    "sum of cube roots": " + ".join(f"\\sqrt[3]{{{n}}}" for n in range(2, 42)),
    "chain of fractions": "\\frac{1}{1+" * 30 + "x" + "}" * 30,
    "long chain of fractions": "\\frac{1}{" * 110 + "x" + "}" * 110,
    "fractions without braces": "\\frac" * 200 + "12",
    "every sign": "1" + " \\pm 2" * 100,
    "long sum of ones": "1+" * 499 + "1",
    "long list": "1," * 499 + "1",
    "long list of letters": "x, " * 330 + "x",
    "long union": "(0,1)" + " \\cup (2,3)" * 80,
    "long chain of signs": "1 < " * 200 + "x",
    "minus signs": "-" * 900 + "1",
    "primes": "x" + "'" * 900,
    "round brackets": "(" * 500 + "x" + ")" * 498,
    "brackets that don't match": "([{" * 300,
    "bars": "|" * 900,
    "matrix": "\\begin{pmatrix}" + " \\\\ ".join(["a & b & c & d & e & f"] * 20) + "\\end{pmatrix}",
    "determinant": "\\det\\begin{pmatrix}" + " \\\\ ".join(["x & y & z & u & v & w"] * 6) + "\\end{pmatrix}",
    "system of equations": " , ".join(f"x_{{{n}}}^2 + x_{{{n + 1}}} = {n}" for n in range(40)),
    "equation of a high degree": "x^{200} + 3x^{199} - 7x^{3} = 12",
    "percent signs": "5" + "\\%" * 300,
    "commands without end": "\\" * 900,
    "words": "word " * 200,
    "letters": "abcdefghij" * 100,
    "base": "1011_{" * 100 + "2" + "}" * 100,
    "recurring decimals": "0.\\overline{123456789}" * 40,
    "empty braces": "{}" * 500,
    "dollars": "$" * 900,
    "right-to-left": "\u202e" + "x+1" * 200,
    "combining marks": "x" + "\u0301" * 900,
    "null characters": "\x00" * 900,
    "code": "__import__('os').system('exit 1')",
    "attribute": "().__class__.__bases__[0]",
    "lambda": "(lambda f: f(f))(lambda f: f(f))",
}

# Long: each part again and again, up to 100,000 characters.
REPEATED = [
    *(
        "a", "1", " ", "\n", "\r\n", "{", "}", "(", "[", "$", "*", "_", "`", "#", "-", ".", ",", "\\", "\u200b", "\x00",
        "٣",
    ),
    *("\\boxed{", "\\boxed{1}", "\\frac{1}{", "\\sqrt{", "\\frac", "\\text{", "\\(", "\\[", "$$", "\\{", "{}", "\\\\"),
    *(
        "Answer: ", "Answer: 1\n", "Answer:\n", "answer ", "the answer is ", "The answer is C. ", "answer to the ",
        "the final ",
    ),
    *("A ", "(A) ", "A) \n", "A, ", "A or ", "option A ", "Option C is correct. ", "**A** ", "I think ", "not A "),
    *(
        "Boat ", "Plane or ", "25 m ", "1,", "1, ", "1,000 ", "1/2 ", "1 + ", "= 1 ", "- ", "1.", "12:30 ", "10^9 ",
        "x^2 ", "1e5 ",
    ),
    *(
        "<think>", "</think>", "<think></think>", "<answer>", "</answer>", '{"answer": "', "####", "#### 1\n", "</s>",
        "assistantfinal",
    ),
    *(
        "Question: ", "\n\nQuestion: how many? ", "\n\nWhat is it? ", "How many are there and ", "User:", "答案是",
        "respuesta ", "respuesta: la ",
    ),
    *(
        "is ", "is the ", "most likely ", "therefore ", "so ", "it is ", "must be ", "leaves us with ", "matches ",
        "Mr. ", "word\n", "No. ",
    ),
]  # fmt: skip


DEEP = [
    (("{", 10_000), ("}", 10_000)),
    (("\\boxed{", 1), ("{", 10_000), ("5", 1), ("}", 10_001)),
    (("\\boxed{", 10_000), ("5", 1), ("}", 10_000)),
    (("\\sqrt{", 10_000), ("2", 1), ("}", 10_000)),
    (("\\frac{1}{", 10_000), ("2", 1), ("}", 9_999)),
    (("Answer: ", 1), ("(", 10_000), ("5", 1), (")", 10_000)),
    (("Answer: $", 1), ("[", 10_000)),
    (("\\text{", 10_000), ("Answer: 5", 1)),
    (("<think>", 10_000), ("Answer: 5", 1), ("</think>", 10_000)),
]


@dataclass(frozen=True)
class Recipe:
    """A text as parts and how often each comes: what a failing test shows of 100,000 characters."""

    frame: str
    parts: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return self.frame.replace("@", "".join(part * times for part, times in self.parts))


FRAMES = ["@", "@", "Answer: @", "\\boxed{@}", "The answer is $@$.", "#### @", "So it is @", "<think>@</think>@"]

any_characters = st.characters(codec="utf-8")  # of all planes; no surrogates


def short_texts() -> st.SearchStrategy[Recipe]:
    """A few parts of any kind, each once or several times."""
    times = st.one_of(st.just(1), st.just(1), st.integers(1, 40))
    part = st.one_of(
        st.tuples(st.sampled_from(MARKUP + FORMULA + SCRIPTS), times),
        st.tuples(st.sampled_from(FORMULA), times),
        st.tuples(st.text(any_characters, max_size=12), times),
        st.tuples(st.sampled_from(list(HEAVY.values())), st.integers(1, 2)),
    )
    return st.builds(Recipe, st.sampled_from(FRAMES), st.lists(part, max_size=14).map(tuple))


def long_texts() -> st.SearchStrategy[Recipe]:
    """One part again and again, or nested deeply, with something short before and behind."""

    def around(first: Recipe, long: tuple[tuple[str, int], ...], last: Recipe) -> Recipe:
        return Recipe(first.frame, (*first.parts[:5], *long, *last.parts[:5]))

    part = st.one_of(st.sampled_from(REPEATED), st.text(any_characters, min_size=1, max_size=8))
    length = st.sampled_from([3_000, 20_000, LONG])
    long = st.one_of(st.builds(lambda one, chars: ((one, chars // len(one)),), part, length), st.sampled_from(DEEP))
    return st.builds(around, short_texts(), long, short_texts())


def hostile_texts() -> st.SearchStrategy[Recipe]:
    return st.one_of(*[short_texts()] * 15, long_texts())


def hostile_options() -> st.SearchStrategy[tuple[str, ...]]:
    odd = st.lists(short_texts().map(str), min_size=1, max_size=10).map(
        lambda texts: tuple(text[:300] for text in texts)
    )
    return st.one_of(st.just(OPTIONS), st.just(OPTIONS), st.just(()), odd)


# Recipes can be read as they are: nothing is shrunk.
seeded = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


def sample(texts: st.SearchStrategy[Recipe], count: int) -> list[str]:
    """So many different texts, the same ones each time."""
    found: dict[str, None] = {}

    @settings(seeded, max_examples=2 * count)
    @given(texts)
    def collect(text: Recipe) -> None:
        found[str(text)] = None

    collect()
    return list(found)[:count]


# --- reading ------------------------------------------------------------------------------------------------------


class Reader:
    """Reads a text as every type and checks what must hold for any text; keeps what it found and what was slowest."""

    def __init__(self, cut: Sequence[bool] = (False, True)) -> None:
        self.cut = cut
        self.slowest = (0.0, "", "")
        self.readings = 0
        self.too_slow: list[str] = []

    def __call__(self, text: str, options: Sequence[str] = OPTIONS) -> list[str]:
        """The LaTeX answers found."""
        formulas = []
        for kind in AnswerType:
            for truncated in self.cut:
                start = time.thread_time()  # other work on the machine doesn't count
                found = extract(text, kind, options if KINDS[kind].has_choices else (), truncated=truncated)
                used = time.thread_time() - start
                self.readings += 1
                self.slowest = max(self.slowest, (used, kind, text[:200]))
                if used >= READING_S:
                    self.too_slow.append(f"{used:.1f} s to read {len(text)} characters as {kind}: {text[:300]!r}")
                assert (found.answer is None) == (found.span is None)
                if found.answer is None or found.span is None:
                    assert found.rule in ("", "declined", "unclosed_think")
                    continue
                assert 0 <= found.span[0] < found.span[1] <= len(text)
                assert found.rule
                assert not (truncated and found.rule in VAGUE)
                if kind is NUMBER:
                    assert show_number(Fraction(found.answer)) == found.answer
                    assert len(found.answer) <= MAX_ANSWER_CHARS
                elif kind is LETTER:
                    assert found.answer in list(LETTERS[: len(options)])
                elif kind is not LATEX:  # what these make of a text is theirs; it is an answer, and short
                    assert found.answer.strip()
                    assert len(found.answer) <= MAX_ANSWER_CHARS
                else:
                    source = in_plain_signs(text)[slice(*found.span)]
                    assert found.answer == source or all(part in source for part in found.answer.split(", "))
                    assert 0 < len(found.answer) <= MAX_ANSWER_CHARS
                    formulas.append(found.answer)
        return formulas


@settings(seeded, max_examples=40)
@given(hostile_texts(), hostile_options())
def test_reading_bears_anything(text: Recipe, options: tuple[str, ...]) -> None:
    reader = Reader()
    reader(str(text), options)
    assert not reader.too_slow


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY)
def test_reading_bears_heavy_formulas(text: str) -> None:
    reader = Reader()
    for frame in FRAMES[1:5]:
        reader(str(Recipe(frame, ((text, 1),))))
    assert not reader.too_slow


@pytest.mark.parametrize("parts", DEEP, ids=[f"{parts[0][0]} and {parts[-1][0]}" for parts in DEEP])
def test_reading_bears_deep_nesting(parts: tuple[tuple[str, int], ...]) -> None:
    reader = Reader()
    reader(str(Recipe("@", parts)))
    assert not reader.too_slow


@pytest.mark.parametrize("part", REPEATED, ids=map(repr, REPEATED))
def test_reading_time_is_linear(part: str) -> None:
    """50,000 characters of one thing: what takes quadratic time takes many seconds with them."""
    reader = Reader(cut=[False])
    reader(part * (LONG // 2 // len(part)))
    assert not reader.too_slow


# --- grading ------------------------------------------------------------------------------------------------------


class Desk:
    """Hands answers to one grader and waits for their verdicts, so that the time of each can be told."""

    def __init__(self, grader: Grader[int]) -> None:
        self.grader = grader
        self.started: dict[int, tuple[float, str]] = {}
        self.verdicts: dict[int, Outcome] = {}
        self.slowest = (0.0, "")
        self.slowest_at_once = (0.0, "")  # CPU time in this process, where most verdicts fall without a worker
        self.tickets = 0

    def hand_in(self, answers: Iterable[str]) -> None:
        for answer in answers:
            gold = GOLDS[self.tickets % len(GOLDS)]
            self.tickets += 1
            start, cpu = time.monotonic(), time.thread_time()
            verdict = self.grader.submit(self.tickets, answer, gold, LATEX)
            self.slowest_at_once = max(self.slowest_at_once, (time.thread_time() - cpu, answer))
            if verdict is None:
                self.started[self.tickets] = (start, answer)
            else:
                self.verdicts[self.tickets] = verdict.outcome
            while self.grader.pending >= 2:
                self.collect()
        while self.grader.pending:
            self.collect()

    def collect(self) -> None:
        for ticket, verdict in self.grader.done(0.5):
            start, answer = self.started.pop(ticket)
            self.slowest = max(self.slowest, (time.monotonic() - start, answer))
            self.verdicts[ticket] = verdict.outcome
        overdue = [answer for start, answer in self.started.values() if time.monotonic() - start > VERDICT_S]
        assert not overdue, f"no verdict after {VERDICT_S} s: {overdue}"

    def closed(self) -> Counter[Outcome]:
        """The verdicts by kind, each answer having got one."""
        assert set(self.verdicts) == set(range(1, self.tickets + 1))
        assert set(self.verdicts.values()) <= VERDICTS
        assert self.slowest_at_once[0] < READING_S, self.slowest_at_once
        return Counter(self.verdicts.values())


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader[int]]:
    made: Grader[int] = Grader(workers=2)
    yield made
    made.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdicts needn't be good ones here, so a comparison that would take its whole time gets less of it."""
    monkeypatch.setattr(workers, "TIMEOUT_S", 1.0)


def test_grading_bears_anything(grader: Grader[int], hurried: None) -> None:
    desk, read = Desk(grader), Reader()
    for text in sample(hostile_texts(), 40):
        desk.hand_in(dict.fromkeys([*read(text), text[:RAW]]))
    found = desk.closed()
    assert not read.too_slow
    assert found[Outcome.WRONG] > 30


def test_grading_bears_heavy_formulas(grader: Grader[int], hurried: None) -> None:
    desk = Desk(grader)
    desk.hand_in(text[:RAW] for text in HEAVY.values())
    found = desk.closed()
    assert found[Outcome.CORRECT] == 0


# --- memory -------------------------------------------------------------------------------------------------------


def grown(batches: int) -> Iterator[list[int]]:
    """Runs a loop so many times; the bytes that Python holds after each time go into the list that it is given."""
    kept: list[int] = []
    tracemalloc.start()
    try:
        for _ in range(batches):
            yield kept
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()


def test_reading_keeps_nothing() -> None:
    texts = sample(short_texts(), 20)
    for kept in grown(3):
        for text in texts:
            for kind in AnswerType:
                extract(text, kind, OPTIONS)
        assert len(kept) < 3
    assert kept[-1] - kept[0] < 1 << 20, kept


def test_grading_keeps_no_more_than_its_verdicts(grader: Grader[int]) -> None:
    """Memory stays flat over batches of answers of some 1,000 characters, though the verdict on a pair is kept."""
    for kept in grown(3):
        desk = Desk(grader)
        desk.hand_in(f"{n}x + {len(kept)}y" + "\\," * (RAW // 2 - 10) for n in range(60))
        desk.closed()
    assert kept[-1] - kept[0] < 20 << 20, kept


# --- ten thousand -------------------------------------------------------------------------------------------------


def resident_mib() -> int:
    """Memory of this process; where there is no /proc, the most that it ever had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)


@pytest.mark.slow
def test_ten_thousand_hostile_texts(grader: Grader[int], request: pytest.FixtureRequest) -> None:
    """Every text is read as every type; the formulas in it, and the text itself, are graded within the usual limits."""
    if "slow" not in str(request.config.getoption("markexpr")):
        pytest.skip("takes many minutes: pytest -m slow")
    desk, read = Desk(grader), Reader()
    start = time.monotonic()
    held = []
    for batch in range(BATCHES):  # Hypothesis remembers what it has tried: more than reading and grading may keep

        @seed(batch)
        @settings(seeded, derandomize=False, max_examples=10_000 // BATCHES)
        @given(hostile_texts(), hostile_options())
        def read_and_grade(recipe: Recipe, options: tuple[str, ...]) -> None:
            text = str(recipe)
            desk.hand_in(dict.fromkeys([*read(text, options), text[:RAW]]))

        read_and_grade()
        gc.collect()
        held.append(resident_mib())
        print(f"{time.monotonic() - start:.0f} s, {desk.tickets} gradings, {held[-1]} MiB", flush=True)
    found = desk.closed()
    print(f"\n{read.readings} readings, {desk.tickets} gradings in {time.monotonic() - start:.0f} s: {dict(found)}")
    print(f"ended a worker twice: {len(grader.fatal)}")
    print(f"slowest reading (CPU s, type, beginning): {read.slowest!r}")
    print(f"slowest verdict in this process (CPU s, answer): {desk.slowest_at_once!r}")
    print(f"slowest verdict of a worker (s, answer): {desk.slowest!r}")
    print("\n".join(read.too_slow))
    assert not read.too_slow
    assert read.readings >= 6 * 10_000
    assert held[-1] - held[BATCHES // 10] < 80, held  # verdicts are kept, once for each pair; nothing else is
    assert found[Outcome.GRADER_TIMEOUT] < desk.tickets / 20  # the limits stop most of them before their time is up
