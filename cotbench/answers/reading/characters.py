"""Signs of other scripts, and which characters are letters, blanks or digits."""

from __future__ import annotations

from cotbench.answers.reading.parts import INVISIBLE

BLANK = f" \t\r\n*_`${INVISIBLE}"
# Letters that a number must not touch: of alphabets that write words apart. Chinese, Japanese, Korean and Thai don't.
WORD_LETTER = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u03bf\u03c1-\u052f"
CJK = r"\u2e80-\u2fff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# The digit zero in other scripts, whose code points nine digits follow: Arabic, Persian, Devanagari, Thai ...
_ZEROS = "\u0660\u06f0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u0f20\u1040\u17e0"
# Signs that mean an ASCII sign, one for one, so that spans stay true: full-width forms, circled letters, other digits.
PLAIN_SIGNS = {
    **{ord(zero) + i: ord("0") + i for zero in _ZEROS for i in range(10)},
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
