"""LaTeX in texts as MathML: where a text has formulas, and what becomes of each.

Formulas stand between dollar signs, `\\(` and `\\)`, `\\[` and `\\]`, in a `\\begin{align}` and its like, or in a
`\\boxed{}`. What latex2mathml makes of one is taken apart and put together again from the elements and attributes that
are listed here, as lists that the page's script makes elements of: no markup is ever passed on. Where that fails, the
text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST = 1_500  # characters of a formula; latex2mathml may take time quadratic in them
BOXED = 400  # characters in a `\\boxed{}`
DEEPEST = 60  # elements in one another
CACHED = 100_000  # formulas

Tree = list[Any]  # a name, attributes if there are any, and children: texts or trees


class Span(NamedTuple):
    """A formula in a text: text[start:end], which is `latex` and what encloses it."""

    start: int
    end: int
    latex: str
    block: bool


@dataclass
class Allowance:
    """How many characters of LaTeX may still become mathematics: in all, and of the question that is at hand."""

    left: int
    each: int = 4_000
    here: int = 0

    def next_question(self) -> None:
        self.here = min(self.each, self.left)

    def take(self, characters: int) -> bool:
        if characters > self.here:
            return False
        self.here -= characters
        self.left -= characters
        return True


@dataclass(kw_only=True)
class Formulas:
    """A table of formulas, each once. allowance: what may still be added; None for any number."""

    allowance: Allowance | None = None
    trees: list[Tree] = field(default_factory=list)
    numbers: dict[tuple[str, bool], int | None] = field(default_factory=dict)

    def of(self, text: str) -> list[int]:
        """Find a text's formulas: where each begins and ends, in UTF-16 units, as JavaScript counts, and its number.

        None where the allowance isn't enough for all: half of a text as mathematics reads worse than none.
        """
        return self._placed(text, list(spans(text)))

    def of_answer(self, text: str) -> list[int]:
        """Do the same with a text that may be a formula as a whole, as answers in LaTeX are."""
        found = list(spans(text))
        if not found and _LOOKS.search(text) and len(text) <= LONGEST and not _prose(text) and "[asy]" not in text:
            found = [Span(0, len(text), text, False)]
        return self._placed(text, found)

    def _placed(self, text: str, found: Sequence[Span]) -> list[int]:
        if self.allowance is not None:
            new = {(span.latex, span.block) for span in found} - self.numbers.keys()
            if new and not self.allowance.take(sum(len(latex) for latex, _ in new)):
                return []
        out: list[int] = []
        wide = not text.isascii()
        seen = units = 0
        for span in found:
            number = self._number(span)
            if number is None:
                continue
            ends = []
            for at in (span.start, span.end):
                units += len(text[seen:at].encode("utf-16-le", "surrogatepass")) // 2 if wide else at - seen
                seen = at
                ends.append(units)
            out += [*ends, number]
        return out

    def _number(self, span: Span) -> int | None:
        key = (span.latex, span.block)
        if key not in self.numbers:
            tree = mathml(span.latex, span.block)
            self.numbers[key] = None if tree is None else len(self.trees)
            self.trees += [] if tree is None else [tree]
        return self.numbers[key]


# --- where formulas are -------------------------------------------------------------------------------------------

_ENVIRONMENT = r"\\begin\{(?P<name>align|aligned|equation|gather|array|cases|[pbvBV]?matrix|split)(?P<star>\*?)\}"
_OPENING = re.compile(rf"\\[\\$]|\$\$?|\\\(|\\\[|\[asy\]|\\boxed\s?\{{|{_ENVIRONMENT}")
_DOLLAR = re.compile(r"\\.|\$|\n[ \t]*\n", re.DOTALL)
_BRACES = re.compile(r"\\.|[{}]|\n[ \t]*\n", re.DOTALL)
_LOOKS = re.compile(r"\\[a-zA-Z%$,!]|[\w)}]\s?\^|(?<![A-Za-z])[A-Za-z]_(?:\d|\{|[A-Za-z]\b)")  # LaTeX without signs
_STRONG = re.compile(r"\\[a-zA-Z,;!%{]|[\^{]|[A-Za-z)]_")
_WORDS = re.compile(r"\\(?:text|mbox|hbox|textbf|textit|textrm|mathrm|operatorname)\s?\{[^{}]*\}|\\[a-zA-Z]+")
_PROSE = re.compile(r"[A-Za-z]{2,},?\s+[A-Za-z]{2,}")
_AMOUNT = re.compile(r"\s?\d[\d,]*(?:\.\d+)?(?:\s*[-+*/=×÷]\s*|\s+x\s+|[.,;:!?)\s]|\s.*[A-Za-z]{2,}.*)?$", re.DOTALL)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def spans(text: str) -> Iterator[Span]:
    """Find the formulas of a text, in their order. Dollar signs that are money are none."""
    at = 0
    while found := _OPENING.search(text, at):
        at = found.end()
        sign = found[0]
        if sign in ("\\\\", "\\$"):
            continue
        if sign == "[asy]":  # a drawing's source
            end = text.find("[/asy]", at)
            at = len(text) if end < 0 else end
            continue
        end, ended = _closing(text, found)
        if end < 0:
            continue
        whole = found["name"] or sign.startswith("\\boxed")
        latex = text[found.start() : ended] if whole else text[at:end]
        following = text[ended : ended + 1]
        if not latex.strip() or (sign == "$" and not _is_mathematics(latex, following)):
            continue
        yield Span(found.start(), ended, latex, sign in ("$$", "\\[") or found["name"] is not None)
        at = ended


def _closing(text: str, opening: re.Match[str]) -> tuple[int, int]:
    """Find where what was opened is closed: where the closing sign begins and ends; -1 where it isn't, or too far."""
    at, sign = opening.end(), opening[0]
    limit = at + (LONGEST if not sign.startswith("\\boxed") else BOXED)
    if opening["name"]:
        sign = f"\\end{{{opening['name']}{opening['star']}}}"
        end = text.find(sign, at, limit)
        return end, end + len(sign)
    if sign in ("\\(", "\\["):
        end = text.find("\\)" if sign == "\\(" else "\\]", at, limit)
        return end, end + 2
    if sign in ("$", "$$"):
        for found in _DOLLAR.finditer(text, at, limit):
            if found[0][0] == "\n":
                break
            if found[0] == "$":
                end = found.start()
                return (end, end + len(sign)) if text.startswith(sign, end) else (-1, -1)
        return -1, -1
    depth = 1
    for found in _BRACES.finditer(text, at, limit):
        if found[0][0] == "\n":
            break
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if not depth:
            return found.start(), found.end()
    return -1, -1


def _is_mathematics(latex: str, following: str) -> bool:
    """Tell a formula between two single dollar signs from what stands between two amounts of money."""
    if _prose(latex):
        return False
    if _STRONG.search(latex):
        return True
    if _AMOUNT.match(latex) and not _NUMBER.fullmatch(latex):
        return False
    return latex.strip() == latex and not following.isdigit()  # Pandoc's rule


def _prose(latex: str) -> bool:
    return bool(_PROSE.search(_WORDS.sub(" ", latex)))


# --- what becomes of one ------------------------------------------------------------------------------------------

_LENGTH = re.compile(r"\d*\.?\d+(?:em|ex|px|pt)")
_TRUTH = re.compile(r"true|false")
_PER = {  # what may stand at which element; "": at any
    "": {
        "mathvariant": re.compile(r"normal|bold|italic|bold-italic|monospace|sans-serif|script|fraktur|double-struck")
    },
    "mo": dict.fromkeys(("stretchy", "fence", "movablelimits", "largeop", "accent"), _TRUTH)
    | {"form": re.compile(r"prefix|postfix|infix"), "minsize": _LENGTH, "maxsize": _LENGTH},
    "mfrac": {"linethickness": re.compile(r"0")},
    "mspace": {"width": _LENGTH},
    "mstyle": {"displaystyle": _TRUTH, "scriptlevel": re.compile(r"[0-2]")},
    "mtable": {"displaystyle": _TRUTH},
    "mtd": {"columnalign": re.compile(r"left|right|center")},
    "mover": {"accent": _TRUTH},
    "menclose": {"notation": re.compile(r"box|updiagonalstrike|downdiagonalstrike")},
}
_TAGS = frozenset(
    "mrow mi mn mo mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover mtable mtr mtd mstyle "
    "menclose mpadded mphantom".split()
)
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}
_SIGNS = ("+", "-", "\u2212", "\u00b1")
_ENDS = (")", "]", "}", "|", "!", "%", "\u27e9", "\u230b", "\u2309")
_CHARACTER = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
_REFUSED = re.compile(  # what defines, repeats, links or styles
    r"\\(?:newcommand|renewcommand|providecommand|def|edef|gdef|let|newenvironment|DeclareMathOperator|unicode|href|"
    r"style|class|verb|includegraphics|require|csname|hspace|kern|rule|raise|lower|move)"
)
_PERCENT = re.compile(r"(?<!\\)%")


@lru_cache(maxsize=CACHED)
def mathml(latex: str, block: bool) -> Tree | None:
    """Return the children of a `math` element, or None where the formula isn't understood."""
    if len(latex) > LONGEST or _REFUSED.search(latex):
        return None
    from latex2mathml.converter import Converter  # reads a table of symbols as it is imported

    try:
        element = Converter(display="block" if block else "inline").convert_to_element(
            _PERCENT.sub(r"\\%", latex)  # which begins a comment, but is a per cent wherever people forget the stroke
        )
        return [_tree(child, DEEPEST) for child in element]
    except Exception:  # it has a dozen of its own, and those that odd texts bring about: StopIteration, IndexError ...
        return None


def _tree(element: Element, deep: int) -> Tree:
    """Rebuild an element from what is allowed. Raises ValueError for what isn't."""
    tag = element.tag
    if tag not in _TAGS or not deep:
        raise ValueError(tag)
    attributes = {
        name: value
        for name, value in element.attrib.items()
        if (allowed := _PER.get(tag, {}).get(name) or _PER[""].get(name)) and allowed.fullmatch(value)
    }
    text = _CHARACTER.sub(lambda found: _character(found[1]), element.text or "")
    if text.startswith("\\") and text != "\\":
        raise ValueError(text)  # a command that it doesn't know
    if tag == "mo" and text == "\u2015":  # the line above, which no browser stretches
        text, attributes = "\u00af", {"stretchy": "true"}
    children: list[Any] = [text] if text else []
    children += [_tree(child, deep - 1) for child in element]
    if len(children) != _CHILDREN.get(tag, len(children)):
        raise ValueError(tag)  # something ended too early
    for before, child in pairwise(children):
        if before[0] == "mo" and before[-1] not in _ENDS and child == ["mo", child[-1]] and child[-1] in _SIGNS:
            child.insert(1, {"form": "prefix"})  # a sign, not an operation
    if tag == "mrow" and len(children) == 1 and not attributes and isinstance(children[0], list):
        return children[0]
    return [tag, *([attributes] if attributes else []), *children]


def _character(code: str) -> str:
    number = int(code, 16)
    if number > 0x10FFFF or 0xD800 <= number < 0xE000 or number < 0x20:
        raise ValueError(code)
    return chr(number)
