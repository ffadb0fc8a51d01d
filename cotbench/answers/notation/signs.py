r"""Signs of Unicode as LaTeX and as plain text: "≤" is \le in an answer and <= in a plan."""

from __future__ import annotations

import re

# Signs that mean the same; what they are in LaTeX; what they are in a plan. A dot leaves them as they are.
_TABLE = r"""
    −–‑     -                   -
    —‐﹣    .                   -
    ×       \times              *
    ·⋅      \cdot               *
    ∙∗      .                   *
    ÷       \div                /
    ⁄       /                   /
    ∕       .                   /
    ’′      '                   '
    ‘       .                   '
    ″       ''                  .
    “”      "                   .
    ∣       |                   |
    │       .                   |
    ≤       \le                 <=
    ⩽≦      .                   <=
    ≥       \ge                 >=
    ⩾≧      .                   >=
    ≠       \ne                 !=
    ≈       \approx             .
    ≡       \equiv              .
    ≔       .                   :=
    ±       \pm                 .
    ∞       \infty              oo
    π       \pi                 pi
    √       .                   \root
    ∛       .                   \curt
    °       ^\circ              .
    º       ^\circ              °
    ˚       ^\circ              .
    ℃       ^\circ\text{C}      .
    ℉       ^\circ\text{F}      .
    ¢       \text{cents}        .
    ∪       \cup                U
    ∩       \cap                .
    ∈       \in                 in
    ∅       \emptyset           .
    ∖       \setminus           .
    ℝ       \mathbb{R}          .
    ℤ       \mathbb{Z}          .
    ⟨       \langle             .
    ⟩       \rangle             .
    ⌊       \lfloor             \lfloor
    ⌋       \rfloor             \rfloor
    ⌈       \lceil              \lceil
    ⌉       \rceil              \rceil
    ∑       \sum                .
    …       \ldots              .
    ∧       \land               .
    ∨       \lor                .
    ⊕⊻      .                   xor
    ⊥       .                   false
    →⇒⟹⟶⊃   .                   ->
    ↔⇔⟺⟷    .                   <->
"""
_GREEK = "alpha beta gamma delta epsilon theta lambda mu rho sigma phi omega Delta Omega"
_VULGAR = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8)}
VULGAR = "".join(_VULGAR)
_ROWS = [row.split() for row in _TABLE.strip().splitlines()]
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"  # invisible characters without a width
FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # signs, as ASCII has them
_SPACES = "\u00a0\u2009\u202f"


def _parted(text: str) -> str:
    r"""A sign's text with the space behind it that keeps \le and x apart."""
    return re.sub(r"(\\[A-Za-z]+)(?=$|\\)", r"\1 ", text)


def _word(text: str) -> str:
    return f" {text} " if text.isalpha() or text in ("->", "<->") else _parted(text)


AS_LATEX = str.maketrans(
    {sign: _parted(latex) for signs, latex, _ in _ROWS if latex != "." for sign in signs}
    | {sign: rf"\{name} " for sign, name in zip("αβγδεθλμρσφωΔΩ", _GREEK.split(), strict=True)}
    | {sign: rf"\frac{{{top}}}{{{bottom}}}" for sign, (top, bottom) in _VULGAR.items()}
    | {**dict.fromkeys("€£¥₹", r"\$"), **dict.fromkeys(INVISIBLE, ""), **dict.fromkeys(_SPACES + "\u2003", " ")}
    | FULL_WIDTH
)
AS_PLAIN = str.maketrans(
    {sign: _word(plain) for signs, _, plain in _ROWS if plain != "." for sign in signs}
    | {sign: f"({top}/{bottom})" for sign, (top, bottom) in _VULGAR.items()}
    | {**dict.fromkeys("€£¥₹" + INVISIBLE + "\u2061\u2062", ""), **dict.fromkeys(_SPACES + "\u2007\t", " ")}
)

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED_RUN, _LOWERED_RUN = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+"), re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")


def raised(text: str, brackets: str) -> str:
    """Small raised digits as exponents in brackets: x² is x^{2} with "{}", x^(2) with "()"."""
    return _RAISED_RUN.sub(lambda run: f"^{brackets[0]}{run[0].translate(_RAISED)}{brackets[1]}", text)


def lowered(text: str) -> str:
    """Small lowered digits as indices: x₂ is x_{2}."""
    return _LOWERED_RUN.sub(lambda run: f"_{{{run[0].translate(_LOWERED)}}}", text)


def closes(text: str, opened: int, pair: str) -> int:
    """Where the bracket that opens at `opened` closes, or -1. pair: the two brackets."""
    depth = 0
    for place in range(opened, len(text)):
        depth += (text[place] == pair[0]) - (text[place] == pair[1])
        if depth == 0:
            return place
    return -1
