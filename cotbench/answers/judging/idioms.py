r"""LaTeX that says what a plainer notation says: environments, repeating decimals, fractions of units, brackets."""

from __future__ import annotations

import re
from collections.abc import Callable

# --- environments -------------------------------------------------------------------------------------------------

_LINES = (
    "aligned|alignedat|align|alignat|gathered|gather|split|equation|eqnarray|multline|flalign|displaymath|math|subarray"
)
_LAYOUT = re.compile(
    rf"\\begin\s*\{{(?P<name>{_LINES})\*?\}}(?:\s*\[[tbc]\])?(?:(?<=at\}})\s*\{{\d\}})?(?P<body>.*?)\\end\s*\{{(?P=name)\*?\}}"
)
_ARRAY = re.compile(
    r"(?P<open>\\lvert ?|\\\{|[\[(|])?\s*\\begin\s*\{array\}\s*(?:\[[tbc]\])?\s*(?:\{[^{}]*\})?"
    r"(?P<body>(?:(?!\\begin|\\end).)*)\\end\s*\{array\}\s*(?P<close>\\rvert|\\\}|[\])|])?"
)
_ROW_END = re.compile(r"\\\\\s*")
_GOES_ON = re.compile(r"(?:=|[<>+]|-|\\(?:le|ge|leq|geq|approx|equiv|cdot|times|Rightarrow|implies)(?![A-Za-z]))\s*")


def _lines(match: re.Match[str]) -> str:
    """The lines of an aligned formula: one that goes on with "=" belongs to the line before it, others are a list."""
    body = match["body"]
    if "\\begin" in body:
        return body
    out = ""
    for line in _ROW_END.split(body):
        line = re.sub(r"(?<!\\)&", "", line).strip().rstrip(",;")
        if line:
            out += line if not out else f" {line}" if _GOES_ON.match(line) else f", {line}"
    return out


def _array(match: re.Match[str]) -> str:
    opener, close = (match["open"] or "").strip(), (match["close"] or "").strip()
    kind = {("(", ")"): "pmatrix", ("[", "]"): "pmatrix", ("|", "|"): "vmatrix", ("\\lvert", "\\rvert"): "vmatrix"}.get(
        (opener, close), "cases" if opener == "\\{" and not close else ""
    )
    if not kind:
        return match[0]
    body = re.sub(r"(?<!\\)&\s*\\text\s*\{\s*(?:if|for|when)?\s*\}\s*(?=&)", "", match["body"])
    return rf"\begin{{{kind}}}{body}\end{{{kind}}}"


# --- numbers ------------------------------------------------------------------------------------------------------

_DOTTED = re.compile(r"(\d*\.\d*)\s*\\dot\s*\{?\s*(\d)\s*\}?(?:\s*(\d*)\s*\\dot\s*\{?\s*(\d)\s*\}?)?(?!\d)")
_BARRED = re.compile(r"(?<=[\d.])(?<!\\)\\(?:bar|overline)\s*(?:\{\s*(\d+)\s*\}|(\d))")
_ROUND = re.compile(r"(?<![\w.)])(\d*\.\d*)\((\d{1,12})\)(?![\w(^])")
_GOES_ON_FOREVER = re.compile(r"(?<![\w.])(\d*\.)(\d{2,30})\s*(?:\\(?:l|c)?dots|\.{3,}|\\ldots)\s*$")


def _shown(match: re.Match[str]) -> str:
    """0.1666... as 0.1\\overline{6}, where the dots leave no doubt: three digits at least, a period twice at least."""
    digits = match[2]
    for period in range(1, len(digits) // 2 + 1):
        times = 1
        while digits[-period * (times + 1) : len(digits) - period * times] == digits[-period:]:
            times += 1
        if times >= 2 and period * times >= 3:
            return rf"{match[1]}{digits[: len(digits) - period * times]}\overline{{{digits[-period:]}}}"
    return match[0]


def in_round_brackets(text: str) -> str:
    r"""0.1(6) read as 0.1\overline{6}, which it may be, where it isn't a product."""
    return _ROUND.sub(r"\1\\overline{\2}", text)


_INDEX = r"(?:\{{\s*(?P<braced_{0}>[\dA-Za-z]+)\s*\}}|(?P<bare_{0}>\d+|[A-Za-z]))"
_PRESCRIPT = re.compile(
    rf"(?:\{{\s*\}}|(?<![\w)}}\]])\s?)[_^]\s*{_INDEX.format('n')}\s*(?:\\text\s*)?(?:\{{(?P<roman>[CP])\}}|(?P<kind>[CP]))\s*_\s*{_INDEX.format('k')}"
)
_NCR = re.compile(r"(?<![\w.}_^])(?P<bare_n>\d{1,3})\s?(?P<kind>[CP])\s?(?P<bare_k>\d{1,3})(?![\w.!^_])")


def _chosen(match: re.Match[str]) -> str:
    found = match.groupdict()
    n, k = (found.get(f"braced_{name}") or found[f"bare_{name}"] or "" for name in "nk")
    if n.isdigit() and k.isdigit() and int(n) < int(k):
        return match[0]
    return rf"\binom{{{n}}}{{{k}}}" if (found.get("roman") or found["kind"]) == "C" else rf"P({n},{k})"


def choices(text: str) -> str:
    r"""{}_7C_4 and 7C4 as \binom{7}{4}."""
    return _NCR.sub(_chosen, _PRESCRIPT.sub(_chosen, text))


# --- units and degrees --------------------------------------------------------------------------------------------

_POWER = r"(?:\s*\^\s*\{?\s*(-?\d)\s*\}?)?"
_UNIT_FRACTION = re.compile(
    rf"\\frac\s*\{{\s*\\text\s*\{{([^{{}}]*)\}}{_POWER}\s*\}}\s*\{{\s*\\text\s*\{{([^{{}}]*)\}}{_POWER}\s*\}}"
)
_DEGREES_IN_FRACTION = re.compile(r"\\frac\s*\{([^{}]*?)\s*\^\s*\{?\s*\\circ\s*\}?\s*\}\s*\{([^{}]*)\}")
_CELSIUS = re.compile(
    r"\\(?:degree)?(?P<scale>[Cc]elsius|[Ff]ahrenheit)(?![A-Za-z])|(?:\^\s*)?\\degree\s?(?P<letter>[CFK])\b"
)


# --- functions and their arguments --------------------------------------------------------------------------------

_FUNCTION_OF = re.compile(r"\s*([A-Za-z])\s?\(\s?([a-z])\s?\)\s*=")
_COMMAND_OR_LETTER = re.compile(r"\\text\s*\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z]")


def one_argument(gold: str, answer: str) -> tuple[str, str]:
    """Two functions of one argument: f(n) = n + 1 is f(x) = x + 1."""
    one, other = _FUNCTION_OF.match(gold), _FUNCTION_OF.match(answer)
    if one is None or other is None or one[1] != other[1] or one[2] == other[2]:
        return gold, answer
    names = {other[2]: one[2], one[2]: r" \xi_0 "}  # of f(a) = ax the x is another
    return gold, _COMMAND_OR_LETTER.sub(lambda m: names.get(m[0], m[0]), answer)


# --- derivatives --------------------------------------------------------------------------------------------------

_D = r"(?:d|\\text\s*\{\s*d\s*\})"
_DERIVATIVE = re.compile(
    rf"\\frac\s*\{{\s*{_D}\s*(?:\^\s*\{{?\s*(?P<order>\d)\s*\}}?)?\s*(?P<name>[A-Za-z]|\\[a-z]+)(?:\s*_\s*(?:\{{(?P<index>[^{{}}]*)\}}|(?P<short>\w)))?(?:\s?\([tx]\))?\s*\}}"
    rf"\s*\{{\s*{_D}\s*(?P<by>[A-Za-z]|\\[a-z]+)\s*(?:\^\s*\{{?\s*\d\s*\}}?)?\s*\}}"
)
_DOTS = re.compile(
    r"\\(?P<dots>d{1,2})ot(?![A-Za-z])\s*(?:\{\s*(?P<braced>[A-Za-z]|\\[a-z]+)\s*\}|(?P<name>[A-Za-z]|\\[a-z]+))"
)
_OF_TIME = re.compile(
    r"((?:\\(?!sin|cos|tan|exp|ln|log|sqrt)[a-z]+|(?<![A-Za-z\\])[A-Za-z]{1,3})(?:'*|\s?_\s?\{?\w+\}?'*|'+_\{\w+\}))\s?\(\s?[tx]\s?\)"
)


def one_derivative(gold: str, answer: str) -> tuple[str, str]:
    r"""Derivatives of two answers in one notation: \frac{dy}{dx} is y'_{dx}, or y' where one has y' or \dot y."""
    texts = [gold, answer]
    plain = any("'" in text or _DOTS.search(text) for text in texts)
    if not plain and not any(_DERIVATIVE.search(text) for text in texts):
        return gold, answer

    if any(match["name"] == "i" for text in texts for match in _DERIVATIVE.finditer(text)):  # a current, no unit
        texts = [_COMMAND_OR_LETTER.sub(lambda m: r"\xi " if m[0] == "i" else m[0], text) for text in texts]

    def primes(match: re.Match[str]) -> str:
        marks, index = "'" * int(match["order"] or 1), match["index"] or match["short"] or ""
        if plain:
            return f" {match['name']}{marks}{'_{' + index + '}' if index else ''} "
        return rf" {match['name']}{marks}_{{{index}d{match['by']}}} "

    out = []
    for text in texts:
        text = _DERIVATIVE.sub(primes, text)
        out.append(_DOTS.sub(lambda m: f"{m['braced'] or m['name']}{chr(39) * len(m['dots'])}", text))
    if any("=" in text for text in out):  # y'(t) + r y(t) = x(t)
        out = [_OF_TIME.sub(r"\1 ", text) for text in out]
    return out[0], out[1]


# --- brackets and words -------------------------------------------------------------------------------------------

_REVERSED = re.compile(r"(?P<left>[\[\]])(?P<low>[^\[\],;]+)[,;](?P<high>[^\[\],;]+)(?P<right>[\[\]])")
_EXCEPT = re.compile(
    r"(?:\\text\s*\{)?\s*(?:all\s)?real\snumbers?\s?(?:\\?\$?x\$?\s)?(?:except|but|other\sthan)(?:\sfor)?\s?\}?\s*(?:x\s?=\s?)?"
    r"(?P<points>[^{}a-z]*(?:\\frac\s*\{[^{}]*\}\s*\{[^{}]*\}[^{}a-z]*)*)",
    re.I,
)
_ABOUT = re.compile(
    r"(?<=[^\s(,;=])\s*[,;]?\s*(?:\(|\\text\s*\{\s*\(?)\s*(?:or\s|which\sis\s|i\.e\.\s)?"
    r"(?:(?:about|approximately|approx\.?|roughly|around)\s*\}?|\\approx(?![a-z]))\s*(?P<value>[^()]*?)\s*\}?\s*\)?\s*\}?\s*$"
)


def _usual_brackets(text: str) -> str:
    """]1, 2[ as (1, 2): where a text begins or ends with a bracket turned round."""
    if not (re.match(r"\s*(?:[A-Za-z]\s*\\in\s*)?\]", text) or text.rstrip().endswith("[")):
        return text
    opened, closed = {"]": "(", "[": "["}, {"[": ")", "]": "]"}
    return _REVERSED.sub(lambda m: f"{opened[m['left']]}{m['low']},{m['high']}{closed[m['right']]}", text)


def _bare(text: str) -> str:
    """A text without braces around all of it: {odd}; {3, 8} is a set."""
    for _ in range(3):
        if text[:1] != "{" or text[-1:] != "}":
            break
        depth = 0
        for at, char in enumerate(text):
            depth += (char in "{([") - (char in "})]")
            if (depth == 0 and at < len(text) - 1) or (depth == 1 and char in ",;"):
                return text
        text = text[1:-1].strip()
    return text


_COLOUR = re.compile(r"\\(?:textcolor\s*\{\w+\}|color\s*\{\w+\}|underline|underbrace|mathstrut)\s*(?=[{\w\\-])")
_FLOURISH = re.compile(r"\\(?:checkmark|blacksquare|square|qquad|qed|Box)(?![A-Za-z])")
_INVERSE = re.compile(r"(?<![A-Za-z\\])([A-Za-z])\s*\^\s*\{?\s*-\s?1\s*\}?\s*(?=\(\s*[a-z]\s*\)\s*=)")
_ASIDE_UNIT = re.compile(r"(?<=[\d}])\s\(([A-Za-z]{2,}(?:\s[A-Za-z]+){0,2})\)\s*$")
_PLAIN_UNIT = re.compile(
    r"(?<=[\d}])\s+((?:[kcm]?m|ft|mi|k?J|[km]?g|k?N|W|mol|L|rad)/(?:s|h|hr|min|mol|m|kg|g|L|cm)(?:\s?\^\s?\{?\d\}?)?)\s*$"
)

_MICRO = re.compile(r"(?<=[\d}\s])\\mu\s?\\text\s*\{\s*(?=[A-Za-z])|\\text\s*\{\s*\\mu\s?(?=[A-Za-z])")
_FAMILY = re.compile(
    r"\\\{\s*(?P<of>[^:|{}]*(?:\{[^{}]*\}[^:|{}]*)*?)\s*(?::|\||\\mid|\\colon|\\vert)\s*"
    r"(?P<where>(?:[A-Za-z]\s?=[^:|{}]*(?:\{[^{}]*\}[^:|{}]*)*?,\s*)?[A-Za-z](?:\s*,\s*[A-Za-z])*\s*\\in\s*\\mathbb\s*\{\s*[ZN]\s*\}[^:|]*)\\\}"
)


def _family(match: re.Match[str]) -> str:
    r"""\{3k : k \in \mathbb{Z}\} as "3k, k in Z", \{x : x = 3k, k \in \mathbb{Z}\} as "x = 3k, k in Z"."""
    name = match["of"].partition("\\in")[0].strip()
    return match["where"] if len(name) == 1 and "=" in match["where"] else f"{match['of']}, {match['where']}"


_SEVERAL_LINES = re.compile(r"\A(?!.*\\begin)(?=(?:[^=]*=){2}).*\Z", re.S)  # with two equations at least
_OR = re.compile(  # inequalities without brackets
    r"\A(?=.*(?:[<>]|\\(?:le|ge|leq|geq|leqslant|geqslant)(?![A-Za-z])))(?!.*(?:[(\[]|\\\{)).*\Z", re.S
)
# Signs of which a text must hold one for an idiom to be tried (most texts hold none), its pattern, and what it becomes.
_IDIOMS: list[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (r"color \under", _COLOUR, ""),
    (r"\check square \qed \Box", _FLOURISH, ""),
    ("/", _PLAIN_UNIT, r" \\text{\1}"),
    ("=", _INVERSE, r"\1_{-1}"),
    (r"\mu", _MICRO, r"\\text{u"),
    (r"\mathbb", re.compile(rf"\A(?:{_FAMILY.pattern})\Z"), _family),
    (r"\\", _SEVERAL_LINES, lambda m: re.sub(r"\s*,?\\\\\s*(?=\S)", ", ", m[0])),
    ("array}", _ARRAY, _array),
    (r"\begin", _LAYOUT, _lines),
    (r"\end", re.compile(r"\s*\.\s*(?=\\\\|\\end)"), " "),
    (r"\ln", re.compile(r"(?<=\\ln)\s*\\mid(?![a-z])(.*?)\\mid(?![a-z])"), r"|\1|"),
    (r"\dot", _DOTTED, lambda m: rf"{m[1]}\overline{{{m[2]}{m[3] or ''}{m[4] or ''}}}"),
    (r"\bar \overline", _BARRED, lambda m: rf"\overline{{{m[1] or m[2]}}}"),
    ("dots", _GOES_ON_FOREVER, _shown),
    ("C P", _PRESCRIPT, _chosen),
    ("C P", _NCR, _chosen),
    (r"\text", _UNIT_FRACTION, lambda m: rf"\text{{{m[1].strip()}{m[2] or ''}/{m[3].strip()}{m[4] or ''}}}"),
    (r"\circ", _DEGREES_IN_FRACTION, r"\\frac{\1}{\2}^\\circ "),
    (r"elsius ahrenheit \degree", _CELSIUS, lambda m: rf"^\circ \text{{{(m['letter'] or m['scale'][0]).upper()}}}"),
    (r"\cup", _OR, lambda m: m[0].replace("\\cup", "\\text{ or }")),
    ("real", _EXCEPT, lambda m: rf"\mathbb{{R}} \setminus \{{{m['points']}\}}"),
    ("about approx roughly", _ABOUT, r" \\approx \g<value>"),
    (")", _ASIDE_UNIT, r" \\text{\1}"),
]  # fmt: skip


def plainer(text: str) -> str:
    """A cleaned text with its idioms brought to the notation that `formula` reads."""
    if text.isdecimal():
        return text
    for signs, pattern, change in _TRIED:
        if any(sign in text for sign in signs):
            text = pattern.sub(change, text)
    return _bare(_usual_brackets(text))


_TRIED = [(signs.split(), pattern, change) for signs, pattern, change in _IDIOMS]
