"""The alphabet of plans: a line of one as tokens; Unicode signs and LaTeX commands become plain ones on the way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cotbench.answers.notation import lexer
from cotbench.answers.notation.lexer import END, Alphabet, Token
from cotbench.answers.notation.signs import AS_PLAIN, VULGAR, raised
from cotbench.plans.failures import PlanInvalid

Node = TypeVar("Node")

MAX_TOKENS = 5_000  # in one line
MAX_DEPTH = 60  # of brackets, signs and exponents within each other

_MIXED = re.compile(rf"(?<![\w.^])(\d+) ?([{VULGAR}])")
_WRAPPED = re.compile(r"\\(?:text|mathrm|mathbf|mathit|textbf|textit|operatorname\*?|mbox)\s?\{([^{}]*)\}")
_MATRIX = re.compile(r"\\begin\{([pbvB]?matrix|array)\}(?:\{[lcr|]*\})?(.*?)\\end\{\1\}", re.S)
_THOUSANDS = re.compile(r"(?<![\w.,])(\$?)(\d{1,3}(?:,\d{3})+)(?![\w,])")
_THOUSAND_ZERO = re.compile(r",0\d\d(?!\d)")

_COMMANDS = {
    **dict.fromkeys("cdot times ast".split(), "*"),
    **dict.fromkeys("le leq leqslant".split(), "<="),
    **dict.fromkeys("ge geq geqslant".split(), ">="),
    **dict.fromkeys("ne neq".split(), "!="),
    **dict.fromkeys("land wedge".split(), "∧"),
    **dict.fromkeys("lor vee".split(), "∨"),
    **dict.fromkeys("neg lnot".split(), "¬"),
    **dict.fromkeys("to rightarrow Rightarrow implies longrightarrow".split(), "->"),
    **dict.fromkeys("iff leftrightarrow Leftrightarrow".split(), "<->"),
    **dict.fromkeys("vert lvert rvert mid".split(), "|"),
    "div": "/",
    "lt": "<",
    "gt": ">",
    "equiv": "≡",
    **dict.fromkeys("circ degree".split(), "°"),
    "lbrace": "{",
    "rbrace": "}",
    "lbrack": "[",
    "rbrack": "]",
}
_NAMES = {"infty": "oo", "bmod": "mod", "mod": "mod", "in": "in", "cup": "U", "oplus": "xor", "varepsilon": "epsilon"}
_DROPPED = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits quad qquad dollar".split()
)
_TAKING = frozenset("frac sqrt binom root curt lfloor rfloor lceil rceil sum prod pmod overline".split())
_FRACTIONS = {"dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom"}
_ALIASES = {"**": "^", "==": "=", ":=": "=", "<>": "!=", "&&": "&", "=<": "<=", "<==>": "<->", "<=>": "<->"}
_ALIASES |= {"==>": "->", "-->": "->", "=>": "->", "===": "="}

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+(?![\w.]))?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|\\(?P<escaped>[{}%|#_&])"
    r"|\\[,;:! ]|\\\\|\\[()\[\]]|[$`]"
    r"|(?P<sign><==>|<->|<=>|-->|->|===|==>|=>|<=|=<|>=|==|!=|<>|:=|\*\*|&&|//|[-+*/^%!()\[\]{}|,=<>~&;:°≡∧∨¬?])"
)
_SUBSCRIPT = re.compile(r"\{([^{}]*)\}")
_PRIMES = re.compile(r"'+(?!\w)")


def plain(text: str) -> str:
    """The text with Unicode signs, LaTeX spacing and matrices in the plain notation; names stay as they are."""
    text = _MIXED.sub(r"(\1+\2)", text).translate(AS_PLAIN).replace("\\$", " ")
    text = unicodedata.normalize("NFKC", raised(text, "()"))
    if "\\" in text or "{" in text:
        text = re.sub(r"_\s?\\(?:text|mathrm)\{", "_{", text)
        text = re.sub(r"\\(sum|prod)\s?(?:\\limits)?\s?_\s?\{", r"\\\1{", text)
        text = _WRAPPED.sub(lambda m: " " + re.sub(r"\s+", "_", m[1].strip()) + " " if m[1].strip() else " ", text)
        text = re.sub(r"\^\s?(?:\\circ\b|\{\s?\\circ\s?\})", "°", text)
        text = text.replace("{,}", ",").replace("{:}", ":")
        text = re.sub(r"(?<=\d)\\[,!](?=\d{3})", "", text)
        text = re.sub(r"\\(left|right)\s?\.", " ", text)
        text = _MATRIX.sub(_matrix, text)
    text = re.sub(r"(?<=\d)_(?=\d{3})", "", text)
    text = re.sub(r"(?<![\w\\])(sum|prod)_\{(?=\w+\s?=)", r"\\\1{", text)
    text = re.sub(r"\b(?:math|sympy|sp|np|numpy)\.(?=[A-Za-z])", "", text)
    return _THOUSANDS.sub(_joined, text) if "," in text else text


def _matrix(match: re.Match[str]) -> str:
    rows = [f"[{row.replace('&', ',')}]" for row in match[2].split("\\\\") if row.strip()]
    text = f"matrix([{', '.join(rows)}])"
    return f"det({text})" if match[1] == "vmatrix" else text


def _joined(match: re.Match[str]) -> str:
    """Thousands as one number, unless their commas part arguments."""
    apart = not match[1] and not _THOUSAND_ZERO.search(match[2]) and _separates(match.string, match.start())
    return match[0] if apart else match[2].replace(",", "")


def _separates(text: str, at: int) -> bool:
    """Whether commas around `at` separate arguments or elements: in any bracket but one that only groups a sum."""
    opened: list[int] = []
    for i, char in enumerate(text[:at]):
        if char in "([{":
            opened.append(i)
        elif char in ")]}" and opened:
            opened.pop()
    if not opened:
        return False
    start = opened[-1]
    called = start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_")
    if text[start] != "(" or called:
        return True
    depth, end = 1, start
    while depth and end + 1 < len(text):
        end += 1
        depth += (text[end] in "([{") - (text[end] in ")]}")
    inside = _THOUSANDS.sub("0", text[start + 1 : end])
    return "," in inside or not re.search(r"[-+*/]", inside)


def _read(kind: str, match: re.Match[str], _: list[Token]) -> tuple[list[tuple[str, str]], int]:
    said, end = match[kind], match.end()
    if kind == "command":
        kind, said = _command(said)
        if kind == "dropped":
            return [], end
    elif kind == "escaped":
        kind = "sign"
    if kind == "name":
        said, end = _with_subscript(said, match.string, end)
    return [(kind, _ALIASES.get(said, said) if kind == "sign" else said)], end


_ALPHABET = Alphabet(_TOKEN, _read, PlanInvalid, "unexpected {!r}", MAX_TOKENS)


def tokenize(text: str) -> list[Token]:
    """Tokens of a plain text, END last. Raises PlanInvalid for a sign that the language doesn't have."""
    return [*_ALPHABET.tokens(text), END]


@dataclass
class Cursor(lexer.Cursor):
    """A cursor of the plan language, which bounds how deep a parser goes."""

    error = PlanInvalid
    depth: int = 0

    def end(self) -> None:
        if self.peek().kind != "end":
            raise PlanInvalid(f"unexpected {self.peek().text!r}")

    def deeper(self, rule: Callable[[], Node]) -> Node:
        """What a rule reads one level deeper. Raises PlanInvalid where that is too deep."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise PlanInvalid("too deeply nested")
        node = rule()
        self.depth -= 1
        return node


def _command(name: str) -> tuple[str, str]:
    name = _FRACTIONS.get(name, name)
    if name in _COMMANDS:
        return "sign", _COMMANDS[name]
    if name in _DROPPED:
        return "dropped", name
    if name in _TAKING:
        return "latex", name
    if name in ("begin", "end", "int", "infinity"):
        raise PlanInvalid(f"unknown command \\{name}")
    return "name", _NAMES.get(name, name)


def _with_subscript(name: str, text: str, at: int) -> tuple[str, int]:
    r"""x_{1} -> x_1, \log_2 -> log_2, f' -> f'."""
    if not name.endswith("_") and text[at : at + 1] == "_":
        name, at = name + "_", at + 1
    if name.endswith("_") and len(name) > 1:
        if match := _SUBSCRIPT.match(text, at):
            inner = re.sub(r"\W+", "_", match[1].replace("\\", "")).strip("_")
            name, at = (name + inner if inner else name[:-1]), match.end()
        elif match := re.compile(r"\d|[^\W\d]\w*").match(text, at):
            name, at = name + match[0], match.end()
    if match := _PRIMES.match(text, at):
        name, at = name + match[0], match.end()
    return name, at
