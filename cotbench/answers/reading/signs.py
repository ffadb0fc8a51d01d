"""Signs of other scripts, and which characters are letters, blanks or digits."""

from __future__ import annotations

from cotbench.answers.reading.parts import INVISIBLE

BLANK = f" \t\r\n*_`${INVISIBLE}"
# Letters that a number must not touch: of alphabets that write words apart. Chinese, Japanese, Korean and Thai don't.
WORD_LETTER = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u03bf\u03c1-\u052f"
CJK = r"\u2e80-\u2fff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# The code points of the digit zero in other scripts, nine digits behind each: Arabic, Persian, Devanagari, Thai ...
_ZEROS = (
    0x660,
    0x6F0,
    0x966,
    0x9E6,
    0xA66,
    0xAE6,
    0xB66,
    0xBE6,
    0xC66,
    0xCE6,
    0xD66,
    0xE50,
    0xED0,
    0xF20,
    0x1040,
    0x17E0,
)
# Signs that mean an ASCII sign, one for one, so that spans stay true: full-width forms, circled letters, other digits.
PLAIN_SIGNS = {
    **{zero + i: ord("0") + i for zero in _ZEROS for i in range(10)},
    0x66B: ord("."),
    0x66C: ord(","),
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{0x24B6 + i: ord("A") + i for i in range(26)},
    **{0x24D0 + i: ord("a") + i for i in range(26)},
    0x3000: ord(" "),
}


def in_plain_signs(text: str) -> str:
    """A text with `PLAIN_SIGNS` in it, each in the place of the sign that means it."""
    return text if text.isascii() else text.translate(PLAIN_SIGNS)
