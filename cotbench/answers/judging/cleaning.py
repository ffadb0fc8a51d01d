r"""One notation for all answers, in LaTeX or plain text: signs, spacing, thousands, \text; no arithmetic.

What models write for LaTeX in plain text is brought to LaTeX ("sqrt(3)/2", "2**(n+1)", "−½ π"), and what doesn't change
a value is dropped (\left, \displaystyle, \, and the like), so that most pairs can be compared as text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cotbench.answers.judging.idioms import choices, plainer
from cotbench.answers.notation.signs import AS_LATEX, closes, lowered, raised

_DELIMITERS = re.compile(r"(?<!\\)(?:\\[()\]]|\\\[(?!\d+(?:pt|em|ex|mm))|\$)")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
_ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|[A-Za-z])|(?:√|\\?(?<![A-Za-z])sqrt)\s*\(")
_TIMES_TEN = re.compile(r"(\d\s?)[xX]\s?10\s?\^")
_OHM = re.compile(r"(?<=[\d}])(\s|\\[,;\s])*(?:Ω|\\Omega(?![A-Za-z]))")
_BOLD = re.compile(r"\*{1,2}([^*]+)\*{1,2}")
_CUBE_ROOT = re.compile(r"∛\s*\(?(\d+(?:\.\d+)?|[A-Za-z])\)?")
_ROOT_OF = re.compile(r"√(?=\s*\{)")
_POWER = re.compile(r"\^\s*\(")
_OVER = re.compile(r"\{([^{}]*)\\(over|choose)(?![A-Za-z])([^{}]*)\}")
_UNIT_VECTOR = re.compile(
    r"\\(?:hat|vec|mathbf|bm|boldsymbol)\s*\{\s*(?:\\(?:mathbf|bm|boldsymbol|text)\s*\{\s*([ijk])\s*\}|\\?([ijk])(?:math)?)\s*\}"
)
_SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|rm|bf|it)(?![A-Za-z])\s*"
)
_BARS = re.compile(r"\\(left|right)\s*(?:\||\\vert(?![A-Za-z]))")
_NORMS = re.compile(r"\\\||\\[lr]?Vert(?![A-Za-z])\s?")
_PRIMES = re.compile(r"\^\s*(?:\{\s*((?:\\prime\s*|')+)\}|((?:\\prime(?![A-Za-z])\s*)))")
_LEFT_DOT = re.compile(r"\\(?:left|right)\s*\.")
_SPACES = re.compile(
    r"(?<!\\)\\[,;:!>\s]|\\(?:quad|qquad|enspace|thinspace|hspace\s*\{[^{}]*\}|phantom\s*\{[^{}]*\}|nobreak)(?![A-Za-z])|(?<!\\)~|\s+"
)
_ROW_SKIP = re.compile(r"(\\\\)\s*\[\d*\.?\d*\s*[a-z]{2}\]")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z]{2})")
_SPACED_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:\s?\{\s*,\s*\}|,?\s*\\[!,]\s*|,|\s)\d{3})+(?![\d,]\d|\d)")
_FONT = re.compile(
    r"\\(?:math(?:rm|bf|it|sf|normal)|operatorname\*?|bm|boldsymbol|textit|textbf|textrm|textnormal|textsf|mbox|hbox|emph)(?![A-Za-z])\s*"
)
_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_ORDINAL = re.compile(r"(?<=\d)\s?\^\s?\{?\s?\\text\s?\{\s?(?:st|nd|rd|th)\s?\}\s?\}?")
_SHORT_FRACTION = re.compile(r"\\frac\s*(?:(\d)\s*(\d)|(\d)\s*\{([^{}]*)\}|\{([^{}]*)\}\s*(\d))")


def _braced(text: str, head: re.Pattern[str], command: str) -> str:
    r"""Calls with round brackets as LaTeX arguments: sqrt(3) is \sqrt{3}, 2^(n+1) is 2^{n+1}."""
    match = head.search(text)
    while match:
        if match[0].endswith("("):
            end = closes(text, match.end() - 1, "()")
            if end < 0:
                return text
            text = text[: match.start()] + command + "{" + text[match.end() : end] + "}" + text[end + 1 :]
        else:
            text = text[: match.start()] + command + "{" + match[1] + "}" + text[match.end() :]
        match = head.search(text, match.start() + len(command))
    return text


def _unboxed(text: str) -> str:
    match = _BOX.search(text)
    while match:
        end = closes(text, match.end(), "{}")
        if end < 0:
            return text
        text = text[: match.start()] + text[match.end() + 1 : end] + text[end + 1 :]
        match = _BOX.search(text)
    return text


def _joined(match: re.Match[str]) -> str:
    """Thousands as one number; of a bracket that holds nothing else, (10,236), they are coordinates."""
    text = match.string
    before, after = text[: match.start()].rstrip(" -"), text[match.end() :].lstrip()
    plain = "," in match[0] and not re.search(r"[{\\]", match[0])
    if plain and before[-1:] in ("(", "[", "{") and after[:1] in (")", "]", "}", "\\"):
        return match[0]
    return re.sub(r"\D", "", match[0])


def plain_to_latex(text: str) -> str:
    r"""Write plain text as LaTeX without $ or \( around it: − is -, √3 is \sqrt{3}, 2**(n+1) is 2^{n+1}."""
    bold = _BOLD.fullmatch(text.strip())
    text = (bold[1] if bold else text).strip("`")
    text = _unboxed(_DELIMITERS.sub(" ", text)) if "\\" in text or "$" in text else text
    text = _CUBE_ROOT.sub(r"\\sqrt[3]{\1}", text) if "∛" in text else text
    text = lowered(_OHM.sub(r"\\text{ ohm}", raised(text, "{}")))
    text = _TIMES_TEN.sub(r"\1\\times 10^", text.translate(AS_LATEX).replace("**", "^"))
    text = _braced(_braced(_ROOT_OF.sub(r"\\sqrt", text), _ROOT, r"\sqrt"), _POWER, "^")
    return text.strip()


@lru_cache(maxsize=256)  # a comparison asks for the same two texts at every step
def clean_latex(text: str) -> str:
    r"""An answer in one notation: spaces single, \left, \dfrac, fonts and thousands separators gone, \text kept."""
    text = plain_to_latex(text)
    text = (choices(text) if "{}" in text else text).replace("{}", "")
    if "\\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    text = _ROW_SKIP.sub(r"\1", text)
    text = _SPACED_GROUPS.sub(_joined, text)
    text = _LEFT_DOT.sub("", text)
    if "|" in text or "ert" in text:
        text = _NORMS.sub("|", _BARS.sub(lambda m: rf"\{m[1][0]}vert ", text))
    if "\\prime" in text or "^{'" in text:
        text = _PRIMES.sub(lambda m: "'" * len(re.findall(r"\\prime|'", m[0])), text)
    text = _SPACES.sub(" ", _SIZES.sub("", text))
    text = _UNIT_VECTOR.sub(lambda m: rf"\hat{{{m[1] or m[2]}}}", _OVER.sub(_of_two, text))
    text = _FONT.sub(r"\\text", text)
    text = re.sub(r"\\[dtc]frac(?![A-Za-z])", r"\\frac", text)
    text = _SHORT_FRACTION.sub(_full_fraction, _ORDINAL.sub("", text))
    text = re.sub(r"\.{3,}\s*$", r"\\ldots", text)
    text = re.sub(r"^\s*(?:\\approx(?![a-z])|=)\s*", "", text)
    return plainer(text.strip().rstrip(" .,;:\\")).strip().rstrip(" .,;:\\")


def _of_two(match: re.Match[str]) -> str:
    r"""{a \\over b} and {n \\choose k} as commands with arguments."""
    return rf"\{'frac' if match[2] == 'over' else 'binom'}{{{match[1]}}}{{{match[3]}}}"


def _full_fraction(match: re.Match[str]) -> str:
    top, bottom = (group for group in match.groups() if group is not None)
    return rf"\frac{{{top}}}{{{bottom}}}"


def without_text(text: str) -> str:
    r"""A text without its \text commands, and the names of segments without their bars."""
    text = re.sub(r"\\overline\s*\{([A-Z]+)\}", r"\1", _TEXT.sub(r"\1", text))
    return re.sub(r"\\[lr]vert(?![A-Za-z])\s?", "|", text) if "vert" in text else text


def same_text(text: str) -> str:
    r"""An answer as it is compared as text.

    It has no \text, no degree sign but in functions, and spaces only where they part two words or two numbers ("1 1/2"
    isn't "11/2").
    """
    text = without_text(clean_latex(text))
    if not _TRIGONOMETRIC.search(text):
        text = re.sub(r"\^\s*\\circ(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}", "", text)
    return re.sub(r"(?<![A-Za-z\d]) | (?![A-Za-z\d])|(?<=[A-Za-z]) (?=\d)|(?<=\d) (?=[A-Za-z])", "", text)


_TRIGONOMETRIC = re.compile(r"sin|cos|tan|cot|sec|csc")


_FILLERS = frozenset(["the", "a", "an", "is", "it", "on", "option", "choice", "graph", "figure", "function", "by"])


def plain_words(text: str) -> str:
    """A text of words without case, punctuation, articles and the like: "(C)", "Graph C", "an ellipse"."""
    text = re.sub(r"[()\"'.*,]|(?<=[^\W\d_])-(?=[^\W\d_])", " ", text.casefold())
    text = text.replace("neither even nor odd", "neither")
    text = "does not exist" if text.strip() == "dne" else text
    return " ".join(re.sub(r"^(\d+)(?:st|nd|rd|th)$", r"\1", word) for word in text.split() if word not in _FILLERS)


_AND_OR = re.compile(r"\b(?:and|or)\b")
_IS_WORDS = re.compile(r"(?:(?:[Aa]n?|[Tt]he) )?[^\W\d_]{3,}(?:[ '\-][^\W\d_]+)*\.?")


def prose(text: str) -> str | None:
    """The words of a text as they are compared; None where it may be mathematics, in which "eat" is "tea"."""
    plain = " ".join(without_text(text).split())
    return plain_words(plain) if _IS_WORDS.fullmatch(plain) and not _AND_OR.search(plain) else None


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_TENS = "thirty forty fifty sixty seventy eighty ninety".split()
_SAID = {word: number for number, word in enumerate(_ONES)} | {word: 10 * ten for ten, word in enumerate(_TENS, 3)}


def number_said(words: str) -> str | None:
    """The number below a hundred that a text is in words: "seven", "twenty one"; None for any other text."""
    parts = [_SAID[word] for word in words.split() if word in _SAID]
    if len(parts) != len(words.split()) or not parts or len(parts) > 2:
        return None
    if len(parts) == 2 and (parts[0] not in range(20, 100, 10) or parts[1] not in range(1, 10)):
        return None
    return str(sum(parts))
