"""What takes an answer back, and what says that none of the options is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from cotbench.answers.reading.endings import SENTENCE_END, last_sentences, own_end
from cotbench.answers.reading.letters.heads import letter_behind, named_letters
from cotbench.answers.reading.options import AROUND, option_for_none, option_named
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import OF_LETTERS, UNDECIDED, Extraction, Rule
from cotbench.types import LETTERS

LAST_CHARS = 600  # at a text's end, among which its last sentence is looked for
TAKES_BACK = caseless(
    r"(?<!(?-i:[a-z])\s)\b(?:wait|hold\son|oops|sorry|hmm)\b(?=\W*$|[,.!:;…—–-]"
    r"|\s(?:no|I|that|but|let|maybe|actually|the|this)\b)",
    r"\b(?:on\ssecond\sthought|scratch\sthat|(?:I|we)\s(?:have\s)?made\s(?:a|an)\s(?:\w+\s)?(?:mistake|error)"
    r"|let\s(?:me|us|['’]s)\s(?:correct|redo|recalculate|recompute|reconsider|re-?check|re-?evaluate|re-?examine"
    r"|double[\s-]check)|(?:no|actually|oh),\s(?:that|this)(?:\s(?:is|was)|['’]s|\s(?:isn|wasn)['’]t)\s(?:wrong"
    r"|incorrect|a\smistake|(?:not\s)?(?:right|correct))\b|correction\s?:|actually,\sno\b)",
    r"\b(?:no|actually|rather|correction|on\sreflection),?\s(?:I\s(?:think|believe|mean)\s)?(?:(?:it|that|this|the\s"
    r"(?:(?:correct|right|final)\s)?(?:answer|option|choice))(?:['’]s\s|\s(?:is|was|should\sbe|must\sbe|would\sbe"
    r"|has\sto\sbe)\s))?(?:rather\s|really\s)?(?=(?:option\s|choice\s)?[(*]*(?-i:[A-Z])[)*]*[.!]?\s*(?:$|\n))",
    r"(?:^|[.!?。;,—–-]\s?|\n)(?:(?:no|non|nein|nee|нет|nie|não|perdón|pardon|moment|espera|attends|doch)[,.]\s(?:es"
    r"|c['’]est|ist|es\sist|é|è|это|to|het\sis)\s|(?:いや|いえ|違う|違います|아니[요,]?|不,|不是,))",
    r"(?:^|[,.。!?;\n]\s?)(?:等等|等一下|不对|更正|待って|잠깐|아니[,요])|我(?:算|弄|看|选)错了",
)
_FALSE = caseless(
    r"\b(?:wrong|incorrect|mistake|error|not\s(?:right|correct)|scratch\sthat|correction)\b|不对|更正|错|違|아니"
)
_INSTEAD = caseless(
    r"\b(?:actually|rather|i\smean|i\smeant|make\sthat|correction:?|no|wait|should\sbe|it['’]?s|it\sis"
    r"|that['’]?s)[,:]?\s(?:it['’]?s\s|it\s(?:is|should\sbe)\s|the\sanswer\sis\s)?"
    r"(?=(?:option\s|choice\s)?[(*]*(?-i:[A-Z])[)*]*[.,!]?\s*(?:$|\n|[A-Z]))|(?:(?<!不)(?:应该?|應該?|应当|而)?(?:是|为|為|选|選)"
    r"|いや、?|違います?[。、]?\s?|(?:아니[요,]?|잠깐)[,.]?\s?|\b(?:es|c['’]est|ist|é|è|это|het\sis)\s(?:(?:la|le|il|die|a|o)\s)?)"
    r"\s?(?=(?:选项)?[(「『【*]*(?-i:[A-Z])[)」』】*]*(?:项|입니다|이다|です|だ)?[.,!。！]?\s*(?:$|\n))",
    flags=re.M,
)
# "None of the options is correct", as a text's last word.
_NONE = caseless(
    r"\bnone\sof\s(?:(?:options?|choices|answers|statements)\s)?[(*]*(?-i:[A-J])[)*]*(?:,\s"
    r"|(?:,?\s(?:and|or|nor|&)\s)|/)(?:[(*]*(?-i:[A-J])[)*]*(?:,\s|(?:,?\s(?:and|or|nor|&)\s)|/)){0,8}[(*]*"
    r"(?-i:[A-J])[)*]*\s(?:is|are|seems?|can\sbe|works?|fits?|match\w*|holds?)\b",
    r"(?<!\bas\s)(?<!since\s)(?<!because\s)(?<!while\s)\bnone\sof\s(?:the|these|those|them)\b(?!\s(?:others?|rest"
    r"|remaining)\b)(?:\s(?:given|provided|above|listed|available|answer|offered))*(?:\s(?:options?|choices|answers"
    r"|ones|alternatives|values))?(?:\s(?:given|provided|above|listed|available))?(?:\s\([^()\n]{1,40}\))?\s"
    r"(?:(?:is|are|seems?|appears?|can\sbe|would\sbe)\s(?:\w+\s)?(?:correct|right|valid|true|suitable|appropriate"
    r"|the\s|an?\s)|(?:\w+\s)?(?:match|fit|work|hold|apply|agree|satisf|correspond|describe|answer)\w*\b)",
    r"\bno(?:\s(?:given|listed|provided|answer|correct|right|matching|valid))*\s(?:option|choice|answer)s?\s(?:is"
    r"|are|matches|fits|among|in\sthe|provided|given|listed)\b",
    r"\b(?:is|are)\s(?:not|n['’]t)\s(?:one\sof|among|in|on|listed\sin|listed\samong|available\sin|included\sin"
    r"|provided\sin)\s(?:the|these|those)\s(?:\w+\s)?(?:options|choices|list)\b",
    r"\b(?:correct|right)\s(?:option|answer|choice)\sis\snot\s(?:given|provided|listed|included|available|among|in"
    r"|one)\b",
    r"(?:没有|无)(?:一个)?(?:正确|合适|符合[^\n。]{0,6})的?(?:答案|选项)|(?:所有|全部)的?选项都?(?:是|不)?(?:不正确|错误|不对|正确)(?<!都正确)",
    r"以上(?:选项)?[都均](?:不|错)|\bning[uú]n[ao]\sde\s(?:las|los|estas|estos)\s[^.\n]{1,30}\s(?:es|son)\b",
    r"\baucune?\s(?:des|de\sces)\s[^.\n]{1,30}\s(?:n['’]est|ne\s)",
    r"\bkeine\s(?:der|dieser)\s[^.\n]{1,30}\s(?:ist|stimmt|passt|trifft)\b",
    r"\bnessuna\s(?:delle|di\squeste)\s[^.\n]{1,30}\sè\s",
    r"\bnenhuma\s(?:das|dessas|destas)\s[^.\n]{1,30}\s(?:é|está)\s",
)
# Words of `_NONE` without which it finds nothing in a text of ASCII.
_NONE_WORDS = ("none", "neither", "no ", "not ", "n't ", "ningun", "aucun", "keine", "nessuna", "nenhuma")
NONE_GIVEN = caseless(
    r"[\s*_`(\[:\"]*(?:none\b|neither\b|no\s(?:correct\s|valid\s|right\s)?(?:option|choice|answer)\b"
    r"|not\s(?:given|listed|provided|among|available|in\sthe\s(?:list|options|choices))|(?:无|没有)(?:正确|答案|选项|合适|$)?)"
)
_YET = caseless(r"\b(?:but|however|though|although|closest|nearest|best|so)\b")


def none_of_them(text: str, span: Span, choices: Sequence[str]) -> Extraction:
    """The option that says so, where a text says that none is right, or the one it leaves; else UNDECIDED."""
    named = named_letters(text, *span, len(choices))
    left = [letter for letter in LETTERS[: len(choices)] if letter not in named]
    letter = left[0] if len(left) == 1 else option_for_none(choices)
    if letter is None or letter not in left:
        return UNDECIDED
    said = text[slice(*span)].strip(AROUND + "([:")
    begin = text.index(said, span[0])
    return Extraction(answer=letter, span=(begin, begin + len(said)))


def _last_none(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """UNDECIDED where a text's last sentence says that no option is right, and goes on to no other."""
    begin = max(start, len(text) - LAST_CHARS)
    tail = text[begin:].lower()
    if tail.isascii() and not any(word in tail for word in _NONE_WORDS):
        return None  # most texts, and seen at once
    if _NONE.search(text, begin) is None:
        return None
    end = own_end(text, start)
    for left, right in islice(last_sentences(text[:end], start), 3):
        match = _NONE.search(text, left, right)
        if match is None or _YET.search(text, match.end(), right) or option_named(text, (left, right), choices):
            continue
        others = named_letters(text, match.end(), end, len(choices))
        return None if others else none_of_them(text, match.span(), choices)
    return None


def _instead(text: str, start: int, choices: Sequence[str]) -> list[Extraction]:
    found = (letter_behind(text, match, len(choices)) for match in _INSTEAD.finditer(text, start))
    return [one for one in found if one][::-1]


def _is_false(text: str, start: int, _choices: Sequence[str]) -> Extraction | None:
    sentence = SENTENCE_END.search(text, start)
    return UNDECIDED if _FALSE.search(text, start, sentence.start() if sentence else len(text)) else None


# find(text, start, options): what a text says behind a place where it takes an answer back.
INSTEAD = Rule("instead", "phrase", OF_LETTERS, _instead)
TAKEN_BACK = Rule("taken back", "phrase", OF_LETTERS, _is_false)
NONE_OF_THEM = Rule("none of them", "phrase", OF_LETTERS, _last_none)
RETRACTIONS = (NONE_OF_THEM, INSTEAD, TAKEN_BACK)
