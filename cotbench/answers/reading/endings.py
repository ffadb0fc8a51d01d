"""How a text ends: in doubt, broken off, taken back, or with courtesies behind its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import caseless

MAX_WORDS_BELOW = 4  # of an answer on a line of its own
# Where a model takes back what it has stated.
RETRACTS = caseless(
    r"\b(?:(?:wait|hold\son|oops|sorry|hmm|no)\b,?[^.\n]{0,40}\b(?:(?:is|was|['’]s)\s(?:not\sright|not\scorrect"
    r"|wrong|incorrect)|mistake|error)|(?:this|that|which)\s(?:is|was|can['’]?t\sbe)\s(?:wrong|incorrect"
    r"|not\s(?:right|correct))(?=[.,!;]|\s*\Z|\n)|(?:I|we)\s(?:have\s)?made\s(?:a|an)\s(?:\w+\s)?(?:mistake|error)"
    r"|let\s(?:me|us|['’]s)\s(?:correct|redo|recalculate|recompute|re-?check\sthis\sagain)|scratch\sthat|oops|my\s(?:mistake|bad)"
    r"|(?:I|we)\s(?:mis[-\s]?(?:added|counted|calculated|read|took|multiplied)\w*|forgot|overlooked))\b",
    r"\bcorrect(?:ion|ed)\s?:|等等[，,]|不对[，,。]|算错了|说错了|更正|\bno,\sespera\b|\bmoment\s?mal\b",
)
# Where a model puts another answer in the place of what it has stated: "Actually, it's 6".
CORRECTS = caseless(
    r"\b(?:actually|no|rather|instead)\b[,:!]?\s+(?=(?:it['’]?s|it\sis|it\sshould\sbe|that['’]?s"
    r"|the\s\w+\s(?:is|should\sbe))\s)"
)
# What shows, behind a statement, that the model was still thinking when its budget ended.
DOUBTS = caseless(
    r"\b(?:wait|alternatively|hmm|hold\son|(?:but\s)?let(?:\sme|['’]s|\sus)\s(?:just\s)?(?:go\s(?:through|over|back)"
    r"|double|check|verify|re-?\w+|think|see|make\ssure)|re-?read|mistaken(?:ly)?)\b"
)
# What a text ends on that was cut in mid-sentence; one without a mark at its end may still be whole.
CUT = caseless(
    r"(?:\b(?:and|or|the|(?-i:an?)|of|to|is|are|was|that|than|with|for|by|if|because|we|he|she|they|will|would|can"
    r"|then|his|her|their|my|our|from)|[-+/=×÷(,]|\s\*|\banswer\**[:：]\**)\s*\Z"
)
# What is left open: a formula, a list item, an announcement.
_OPEN_AT_END = re.compile(
    r"\\\((?:[^\\]|\\(?!\)))*\Z|\\\[(?:[^\\]|\\(?!\]))*\Z|\\[dt]?frac\s?\{[^{}]*\}?\{?[^{}]*\Z|[:：][\s*_]*\Z"
    r"|\n[ \t]*(?:[-*•]|#{1,6}|\d+[.)])[ \t*]*\Z"
)
WHOLE = re.compile(r"(?:[.!?。！？।|$)\]}\"”』」✅>]|\*\*)\s*\Z")
_THINKING = caseless(r"\b(?:wait|hmm|alternatively|let me (?:see|think|check|re-?\w+|verify|try)|okay,? so|hold on)\b")
_THINKS_FOR = 4_000  # characters of a text's end that show whether it thinks aloud
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)*\]]*\s+(?=[A-Z\"'“*\\$(\[])|(?<=\d[.!?])\s+(?=\d)|\n+")
# What a chat model says when it is done.
_COURTESY = caseless(
    r"\W*(?:(?:let me know|i hope|hope (?:this|that)|feel free|would you like|if you (?:have|need|want|would|'d)"
    r"|please (?:let|feel)|is there anything|do you (?:want|have|need)|happy to|good luck|great job)\b"
    r"|(?:i (?:think|believe|guess) )?(?:so )?(?:that|this)(?: is|['’]s) (?:it"
    r"|(?:the|my|our) (?:final )?(?:answer|result|solution))\W*\Z|done\W*\Z|thank(?:s| you)\b|q\.?e\.?d\b"
    r"|please check|(?:i believe |i think )?this (?:completes|concludes|finishes|matches|agrees|confirms"
    r"|is consistent|is correct)\b\D*\Z|that should be it|[-*_]{3,}\s*\Z|\*?note:|希望|祝你|谢谢)"
)


def broken_off(text: str, start: int) -> bool:
    """Tell whether a text breaks off: in mid-sentence, in a formula, or while it is still in doubt."""
    near = max(start, len(text) - 300)
    if CUT.search(text, max(start, len(text) - 40)) or _OPEN_AT_END.search(text, near):
        return True
    if WHOLE.search(text, max(start, len(text) - 40)):
        return False
    if DOUBTS.search(text, near):
        return True
    words = len(text[text.rfind("\n", near) + 1 :].split())  # of the last line
    return words > MAX_WORDS_BELOW and len(_THINKING.findall(text, max(start, len(text) - _THINKS_FOR))) > 1


def own_end(text: str, start: int) -> int:
    """Find where a text ends without the courtesies behind its answer."""
    end = len(text)
    for left, _ in last_sentences(text, start):
        if not _COURTESY.match(text, left):
            return end
        end = left
    return end


def last_sentences(text: str, start: int, chars: int = 1_500) -> Iterator[Span]:
    """The sentences (or lines) of the end of a text, the last one first; without the space around them."""
    begin = max(start, len(text) - chars)
    cuts = [begin, *(m.end() for m in SENTENCE_END.finditer(text, begin)), len(text)]
    for left, right in zip(reversed(cuts[:-1]), reversed(cuts[1:]), strict=True):
        piece = text[left:right]
        if piece.strip():
            yield left + len(piece) - len(piece.lstrip()), left + len(piece.rstrip())
