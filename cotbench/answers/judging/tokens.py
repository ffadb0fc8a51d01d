"""LaTeX or plain text as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from cotbench.answers.judging.forms import NotRead


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # number, letter, command, word, text, sign, begin, end_env
    text: str
    spaced: bool = False  # whether a space stands before it


_TOKEN = re.compile(
    r"(?P<space>\s+)|\\text\s*\{(?P<text>[^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
    r"|\\begin\s*\{(?P<begin>[A-Za-z]*matrix|array|[dr]?cases|aligned|smallmatrix)\*?\}|\\end\s*\{(?P<end>[A-Za-z]+)\*?\}"
    r"|\\(?P<command>[A-Za-z]+|[{}|%$&#_\\])|(?P<number>\d+(?:\.\d+|\.(?=\\overline|/))?|\.\d+)"
    r"|(?P<word>[A-Za-z]{2,}|[^\W\d_a-zA-Z]+)|(?P<letter>[A-Za-z])"
    r"|(?P<sign><=|>=|!=|[-+*/^_=<>|()\[\]{},;:!'%&\"])"
)

_INVERSE_NAMES = {"ln": "log"} | {f"arc{name}": f"a{name}" for name in "sin cos tan sinh cosh tanh".split()}
_FUNCTION_NAMES = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh asin acos atan ln exp"
)
FUNCTIONS = {name: getattr(sp, _INVERSE_NAMES.get(name, name)) for name in _FUNCTION_NAMES.split()} | {
    "log": sp.log,
    "lg": sp.log,
    "arccot": sp.acot,
    "arcsec": sp.asec,
    "arccsc": sp.acsc,
}
GREEK = frozenset(
    (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho sigma tau phi varphi "
        "chi psi omega Delta Omega Gamma Sigma Phi Psi Pi Lambda Theta Upsilon upsilon ell hbar"
    ).split()
)
_NAMED = {"sqrt", "pi", "infty", "infinity", "inf", "oo", *FUNCTIONS, *GREEK}
# Functions of several values: commands in LaTeX, \operatorname or \text where it has none, plain words before a bracket.
OF_SEVERAL = frozenset({"gcd", "lcm", "max", "min"})
_CALL = re.compile(r"\s*(?:\(|\\\{)")
# Words of up to three letters; other short runs of letters are products of variables, longer ones are words.
_SHORT_WORDS = frozenset(
    "yes no odd and or to all one two the an is are of red if for any day way per mod th st nd rd pct".split()
)
# Only behind a number: elsewhere "mg" is m times g.
_SHORT_UNITS = frozenset(
    "cm mm km dm ft in kg gm lb lbs oz yd mi mph hr hrs min sec am pm sq cu ml mg rad deg AM PM".split()
)
_ROMAN = re.compile(r"I{2,3}|IV|VI{0,3}|IX")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_JOINING = frozenset({"and", "or", "to", "if", "for", "mod"})
_OPERATIONS = frozenset("+-*/^_")


def tokens_of(text: str) -> list[Token]:
    out: list[Token] = []
    at, spaced = 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotRead(f"what is {text[at]!r}?")
        before, at = text[at - 1 : at], match.end()
        kind = str(match.lastgroup)
        if kind == "space":
            spaced = True
            continue
        if kind == "word":
            tokens = _of_word(match[kind], before, text, at, out, spaced=spaced)
        elif kind == "text":
            tokens = _of_text(match[kind], text, at, out)
        elif kind == "command" and match[kind].startswith("var") and match[kind][3:] in GREEK:
            tokens = [Token("command", match[kind][3:])]
        else:
            tokens = [Token(kind if kind != "end" else "end_env", match[kind])]
        for token in tokens:
            out.append(Token(token.kind, token.text, spaced))
            spaced = False
    return out


def _of_text(words: str, text: str, end: int, out: list[Token]) -> list[Token]:
    r"""What \text{...} is: words, or the name of a function (\operatorname{lcm}), or a letter with an index."""
    name = words.strip()
    measured = bool(out) and (out[-1].kind in ("number", "text", "word") or out[-1].text in ("}", ")", "/"))
    measured = measured or (len(out) > 1 and out[-2].kind == "text" and out[-1].text in ("cdot", "*", "-"))
    seconds = name == "sec" and measured and not _CALL.match(text, end)
    if (name in FUNCTIONS and not seconds) or name == "cis" or (name in OF_SEVERAL and _CALL.match(text, end)):
        return [Token("command", name)]
    if len(name) == 1 and name.isalpha() and not measured and text[end : end + 1] and text[end] in "_^('":
        return [Token("letter", name)]
    if (
        len(name) in (2, 3)
        and name.isalpha()
        and name.lower() not in _SHORT_WORDS
        and out
        and out[-1].text == "{"
        and text[end : end + 1] == "}"
    ):
        return [Token("letter", letter) for letter in name]  # \\frac{\\mathrm{ab}}{c}
    return [Token("text", words)]


def _of_word(word: str, before: str, text: str, end: int, out: list[Token], *, spaced: bool) -> list[Token]:
    if word in OF_SEVERAL and _CALL.match(text, end):
        return [Token("command", word)]
    ordinal = before.isdigit() and word in _ORDINALS
    if word.lower() in _SHORT_WORDS and not ordinal and _is_product(word, before, text[end : end + 1], out):
        return [Token("letter", letter) for letter in word]
    measured = bool(out) and (out[-1].kind in ("number", "text", "word") or out[-1].text in ("}", ")", "pi"))
    spoken = spaced and bool(out) and out[-1].kind == "word"  # "The sum is 5"
    return list(_split_word(word, measured, spoken))


def _is_product(word: str, before: str, behind: str, out: list[Token]) -> bool:
    r"""Whether what could be a short word is a product of variables: "an+b", "e^{-st}", "2a + nd", "\frac{an}{b}"."""
    if before in _OPERATIONS or behind in _OPERATIONS or before == behind == "=" or (before, behind) == ("{", "}"):
        return True
    return word.lower() not in _JOINING and bool(out) and out[-1].kind == "sign" and out[-1].text in _OPERATIONS


def _split_word(word: str, measured: bool, spoken: bool) -> Iterator[Token]:
    """A run of letters: a name such as sqrt, a word, or a product of variables such as xyz."""
    if word in _NAMED or word.lower() in ("infinity", "inf"):
        yield Token("command", "infty" if word.lower() in ("infinity", "inf", "oo") else word)
    elif (
        spoken
        or _ROMAN.fullmatch(word)
        or len(word) > 3
        or not word.isascii()
        or (word.lower() in _SHORT_WORDS and (word.islower() or word.isupper() or word.istitle()))
        or (measured and word in _SHORT_UNITS)
    ):
        yield Token("word", word)
    else:
        yield from (Token("letter", letter) for letter in word)
