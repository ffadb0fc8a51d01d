r"""The alphabet of answers: which runs of letters are names, words, units, or products of variables."""

from __future__ import annotations

import re
from collections.abc import Iterable

import sympy as sp

from cotbench.answers.judging.forms import NotRead
from cotbench.answers.notation.functions import ARC, DIRECT, INVERSE
from cotbench.answers.notation.lexer import Alphabet, Token
from cotbench.answers.notation.units import SHORT

Said = tuple[str, str]  # kind and text of a token

_TOKEN = re.compile(
    r"(?P<space>\s+)|\\text\s*\{(?P<text>[^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
    r"|\\begin\s*\{(?P<begin>[A-Za-z]*matrix|array|[dr]?cases|aligned|smallmatrix)\*?\}|\\end\s*\{(?P<end_env>[A-Za-z]+)\*?\}"
    r"|\\(?P<command>[A-Za-z]+|[{}|%$&#_\\])|(?P<number>\d+(?:\.\d+|\.(?=\\overline|/))?|\.\d+)"
    r"|(?P<word>[A-Za-z]{2,}|[^\W\d_a-zA-Z]+)|(?P<letter>[A-Za-z])"
    r"|(?P<sign><=|>=|!=|[-+*/^_=<>|()\[\]{},;:!'%&\"])"
)

FUNCTIONS = DIRECT | ARC | {name: INVERSE[name[1:]] for name in ("asin", "acos", "atan")}
FUNCTIONS |= {"ln": sp.log, "log": sp.log, "lg": sp.log, "exp": sp.exp}
GREEK = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho sigma tau phi varphi "
    "chi psi omega Delta Omega Gamma Sigma Phi Psi Pi Lambda Theta Upsilon upsilon ell hbar".split()
)
_NAMED = {"sqrt", "pi", "infty", "infinity", "inf", "oo", *FUNCTIONS, *GREEK}
# Functions of several values: commands in LaTeX, \operatorname or \text, or plain words before a bracket.
OF_SEVERAL = frozenset({"gcd", "lcm", "max", "min"})
_CALL = re.compile(r"\s*(?:\(|\\\{)")
# Words of up to three letters; other short runs of letters are products of variables, longer ones are words.
_SHORT_WORDS = frozenset(
    "yes no odd and or to all one two the an is are of red if for any day way per mod th st nd rd pct".split()
)
_ROMAN = re.compile(r"I{2,3}|IV|VI{0,3}|IX")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_JOINING = frozenset({"and", "or", "to", "if", "for", "mod"})
_OPERATIONS = frozenset("+-*/^_")


def _read(kind: str, match: re.Match[str], before: list[Token]) -> tuple[Iterable[Said], int]:
    said, text, end = match[kind], match.string, match.end()
    if kind == "word":
        return _of_word(said, match, before), end
    if kind == "text":
        return _of_text(said, text, end, before), end
    if kind == "command" and said.startswith("var") and said[3:] in GREEK:
        said = said[3:]
    return [(kind, said)], end


tokens_of = Alphabet(_TOKEN, _read, NotRead, "what is {!r}?").tokens


def _is_measured(before: list[Token], *ends: str) -> bool:
    """Whether what stands here may be a unit: behind a number, words, or one of these signs."""
    return bool(before) and (before[-1].kind in ("number", "text", "word") or before[-1].text in ends)


def _of_text(words: str, text: str, end: int, before: list[Token]) -> list[Said]:
    r"""What \text{...} is: words, or the name of a function (\operatorname{lcm}), or a letter with an index."""
    name = words.strip()
    measured = _is_measured(before, "}", ")", "/")
    measured = measured or (len(before) > 1 and before[-2].kind == "text" and before[-1].text in ("cdot", "*", "-"))
    seconds = name == "sec" and measured and not _CALL.match(text, end)
    if (name in FUNCTIONS and not seconds) or name == "cis" or (name in OF_SEVERAL and _CALL.match(text, end)):
        return [("command", name)]
    behind = text[end : end + 1]
    if len(name) == 1 and name.isalpha() and not measured and behind and behind in "_^('":
        return [("letter", name)]
    alone = bool(before) and before[-1].text == "{" and behind == "}"
    if alone and len(name) in (2, 3) and name.isalpha() and name.lower() not in _SHORT_WORDS:
        return [("letter", letter) for letter in name]  # \\frac{\\mathrm{ab}}{c}
    return [("text", words)]


def _of_word(word: str, match: re.Match[str], before: list[Token]) -> list[Said]:
    """What a run of letters is: a name such as sqrt, a word, or a product of variables such as xyz."""
    text, start, end = match.string, match.start(), match.end()
    previous, low = text[start - 1 : start], word.lower()
    if word in OF_SEVERAL and _CALL.match(text, end):
        return [("command", word)]
    letters = [("letter", letter) for letter in word]
    ordinal = previous.isdigit() and word in _ORDINALS
    if low in _SHORT_WORDS and not ordinal and _is_product(word, previous, text[end : end + 1], before):
        return letters
    if word in _NAMED or low in ("infinity", "inf"):
        return [("command", "infty" if low in ("infinity", "inf", "oo") else word)]
    spoken = previous.isspace() and bool(before) and before[-1].kind == "word"  # "The sum is 5"
    short = low in _SHORT_WORDS and (word.islower() or word.isupper() or word.istitle())
    unit = word in SHORT and _is_measured(before, "}", ")", "pi")
    whole = spoken or _ROMAN.fullmatch(word) or len(word) > 3 or not word.isascii() or short or unit
    return [("word", word)] if whole else letters


def _is_product(word: str, before: str, behind: str, out: list[Token]) -> bool:
    r"""Whether what could be a short word is a product of variables: "an+b", "e^{-st}", "2a + nd", "\frac{an}{b}"."""
    if before in _OPERATIONS or behind in _OPERATIONS or before == behind == "=" or (before, behind) == ("{", "}"):
        return True
    return word.lower() not in _JOINING and bool(out) and out[-1].kind == "sign" and out[-1].text in _OPERATIONS
