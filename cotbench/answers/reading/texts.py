"""Reading an answer that is a text: a name, a date, a few words.

Policies, beside those of `reading`:

* A statement's answer ends where its sentence or its line does, or where it begins to explain itself (", because ...",
  ", which ..."); a full stop is no end behind an initial or an abbreviation ("J. R. R. Tolkien", "St. Louis").
* Quotes, bold, a full stop, and words such as "I think it is" around an answer are no part of it; brackets behind it
  are none where they hold words in small letters, "Paris (the capital of France)", else they are one: "Alien (1979)".
* A sentence is taken as it stands ("Answer: The director was Robert Altman."): it isn't gold, and its words are scored.
  Several sentences are an answer by the first of them; more than `MOST_WORDS` words are none.
* "No, they are not" is no; "not Tom but Una" is Una; items on lines of their own are one answer, with commas between.
* Two answers side by side ("Paris or Lyon") are one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.declines import asks_for_more
from cotbench.answers.reading.endings import last_sentences, own_end
from cotbench.answers.reading.parts import MARKUP_TAG, Span
from cotbench.answers.reading.patterns import CJK, caseless
from cotbench.answers.reading.rules import DECLINED, MAX_ANSWER_CHARS, OF_TEXTS, REFUSAL, Extraction, Reading, Rule
from cotbench.answers.reading.stated import gives_none, heads_prose, held, own_body, stated
from cotbench.answers.reading.statements import Statement, statements

MOST_WORDS = 40
MOST_CHARS = 400  # of an output that is nothing but an answer
ALONE_WORDS = 15  # of an output that is nothing but an answer
LINE_WORDS = 8  # of a last line that is one
_AROUND = f" \t\r\n*_`#{INVISIBLE}"
_QUOTES = {
    '"': '"',
    "“": "”",
    "'": "'",
    "‘": "’",
    "«": "»",
    "「": "」",
    "『": "』",
    "„": "“",
    "`": "`",
    "《": "》",
    "”": "”",
}
_PAIRS = {**_QUOTES, "(": ")", "[": "]", "<": ">", "{": "}", "$": "$"}
_LEFT_BY = {'"': '"', "”": "“", "]": "[", "}": "{"}
# A full stop behind these ends no sentence.
_ABBREVIATIONS = frozenset(
    "st mt ft dr mr mrs ms jr sr prof rev gen col capt lt sgt maj cmdr adm gov sen rep hon pres inc ltd co corp bros vs"
    " no nos vol op pp ca ed eds est dept univ ave blvd rd al etc esp jan feb mar apr jun jul aug sep sept oct nov dec"
    " messrs mme mlle sra fr br pt ph approx fig cf viz".split()
)
_STOP = re.compile(r"[.!?。！？](?=[\"'”’)*_\]]{0,3}(?:\s|\Z|(?<=[。！？])))")
# What a sentence behind "!" begins with; a title may go on: "Hey Pa! There's a Goat on the Roof".
_BEGINS = re.compile(
    r"[\"'”’)*_\]\s]*(?:It|He|She|They|This|That|The|I|We|In|Both|Let|No|Yes|Since|Because|As|Note|Hope)\b"
)
_LEAD = caseless(
    r"(?:[\s*_`:：,，]|(?:so|therefore|thus|hence|well|okay|ok)(?=,),"
    r"|(?:the\s)?(?:final\s|correct\s|short\s)?answer(?:(?:\sis)?[:：]|\s?[–—-](?=\s))"
    r"|(?:i(?:['’]d)?\s(?:would\s)?(?:think|believe|guess|say)(?:\sthat)?|my\s(?:best\s)?guess\s(?:is|would\sbe))(?=\s)"
    r"|(?:(?:it|that|this)(?:['’]s|\s(?:is|was|would\sbe|should\sbe|must\sbe))|he\s(?:is|was)|she\s(?:is|was)"
    r"|they\s(?:are|were))(?=\s)(?!\s(?:not|n['’]t)\b)|(?:most\s)?(?:likely|probably)(?=\s))*+"
)
# Where an answer begins to explain itself.
_EXPLAINS = caseless(
    r"[,;]?\s(?:because|since(?=\s(?:it|he|she|they|the|this|that)\b)|as\s(?:stated|mentioned|described|the\s(?:passage"
    r"|text|context)|it|he|she|they|this)\b)",
    r"[,;]\s(?:which|who(?:se|m)?|where|as|so|although|though|but|even\sthough|according\sto|based\son|given\sthat"
    r"|making|thus|hence|therefore|not)\s",
    r",\s(?:then|though|indeed|i\s(?:think|believe|guess|suppose))(?=\W*\Z|[.!])",
    r"\s(?:according\sto|based\son|as\sper)\sthe\s|\s[—–]\s|\s-{1,2}\s(?=(?-i:[a-z]))|\s(?:=>|->|→)\s|;\s",
    r"\s(?:the\s)?(?:final\s)?answer\s?[:：]",
)
_ASIDE = re.compile(r"\s[(\[](?P<own>[a-z]+\s[^()\[\]\n]{1,160})[)\]]\Z")
_ESCAPED = re.compile(r"\\([&%$ \"])")
_CITED = re.compile(r"(?:\s?\[\d{1,3}\])+[.\s]*\Z")
_LINK = re.compile(r"\[([^\[\]\n]{1,200})\]\(https?:[^()\s]{1,300}\)")
_COPULA = re.compile(rf"(?<=[{CJK}])(?:です|でした|である|입니다|이다|이에요|예요)[。.]?\Z")
# "No, they are not": a verdict, and a clause of its own.
_VERDICT = caseless(
    r"(?P<own>yes|no)[,.]\s(?=(?:it|he|she|they|both|neither|this|that|these|those|the|only|there|we|not|because|since)\b)"
)
_NOT_BUT = caseless(r"(?:definitely\s)?not\s[^,;.\n]{1,80},?\sbut\s(?:rather\s|instead\s)?")
# What says that a passage doesn't hold the answer.
_SAYS_NOTHING = caseless(
    r"\b(?:passages?|contexts?|texts?|documents?|paragraphs?|articles?|sources?|information)\s(?:\w+\s){0,2}(?:(?:do|does|did)"
    r"(?:\snot|n['’]t)|never)\s(?:\w{2,14}ly\s)?(?:say|mention|state|specify|provide|contain|tell|give|include|name"
    r"|indicate)\b",
    r"\A[\s*_`\"'“]*(?:(?:it|this)\sis\s|(?:it|this)['’]?s\s)?not\s(?:\w{2,14}ly\s)?(?:mentioned|stated|specified|provided"
    r"|given|found|available|known|named)\b",
)
_BUT = caseless(r"\b(?:but|however|though|yet)\b")
_FENCE = re.compile(r"```\w{0,10}\s*\n(?P<own>[^`]+?)\s*```\s*\Z")
_EXPLANATION = caseless(
    r"\s*[*_#]{0,6}(?:explanation|reason(?:ing|s)?|rationale|justification|note|context|source|evidence|details?"
    r"|erklärung|explicación|explication|解释|解析)\s?[*_]{0,3}[:：]"
)
_BULLET = re.compile(r"[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+(?=\S)")
MOST_ITEMS = 20
MARKED_IN = 3  # words beside what is bold in a sentence that is all of an output
_SHOWN = re.compile(r"\\(?:text(?:bf|it|tt|rm|sf)?|mathrm|mathbf|mathsf|mbox)\s?\{([^{}]*)\}")
_IS_THE_ANSWER = caseless(
    r"(?:^|(?<=[.!?]\s))(?:(?:so|thus|therefore|hence),?\s)?(?P<own>[^\n.!?]{1,160}?)\s(?:is|would\sbe)\s"
    r"(?:the|my)\s(?:(?:final|correct|right)\s)?answer(?=\s*(?:[.!]|$))",
    flags=re.M,
)
_BOLD = re.compile(r"(?:\*\*|__)\s?(?P<own>[^*_\n]{1,160}?)\s?(?:\*\*|__)")
_SENTENCE_WORDS = caseless(
    r"\b(?:is|are|was|were|has|have|had|does|did|do|will|would|can|could|should|must|may|might|i|we|you|let|because"
    r"|therefore|so)\b|['’](?:s|re|m|ll)\s(?:not|a|an|the)\b"
)
_PLACEHOLDER = re.compile(r"(?:[\s*_\"'`]|Answer\s?[:：])*+(?:<\w{1,20}>|\.{3}|…|_{3,})[\s*_\"'.]*\Z")
_HEADING = re.compile(r"[:：]\W*\Z")


def _ends(text: str, begin: int, end: int) -> int:
    """Find where the first sentence of a phrase ends, behind its full stop; initials and abbreviations end none."""
    for stop in _STOP.finditer(text, begin, end):
        if not text[stop.end() : end].strip(" \t\r*_`\"'”’)]}$"):
            return end
        if stop[0] == ".":
            word = re.search(r"[^\W_]+\Z", text[max(begin, stop.start() - 20) : stop.start()])
            following = re.match(r"[\"'”’)*_\]\s]*([^\W_])", text[stop.end() : stop.end() + 8])
            if word and ((len(word[0]) == 1 and word[0].isalpha()) or word[0].casefold() in _ABBREVIATIONS):
                continue
            if following and following[1].islower():
                continue
        elif stop[0] in "!?" and not _BEGINS.match(text, stop.end(), end):
            continue
        return stop.end()
    return end


def _stripped(text: str, begin: int, end: int) -> Span:
    """A span without the space and marks around it, and without quotes that hold all of it."""
    while begin < end:
        first, last = text[begin], text[end - 1]
        if first in _AROUND:
            begin += 1
        elif last in _AROUND or (last in ".。！!,，;；:" and not _keeps_its_stop(text, begin, end)):
            end -= 1
        elif end - begin > 1 and _PAIRS.get(first) == last and not _closes_within(text, begin, end):
            begin, end = begin + 1, end - 1
        elif last in _LEFT_BY and text.find(_LEFT_BY[last], begin, end - 1) < 0:
            end -= 1  # what a field of an object leaves
        else:
            break
    return begin, max(begin, end)


def _closes_within(text: str, begin: int, end: int) -> bool:
    """Tell whether a pair of signs around a span isn't one pair: "(a) and (b)"."""
    return text.find(text[begin], begin + 1, end - 1) >= 0 or text.find(text[end - 1], begin + 1, end - 1) >= 0


def _keeps_its_stop(text: str, begin: int, end: int) -> bool:
    """Tell whether the sign at the end of "Washington, D.C.", "Apple Inc." or "Yahoo!" is the answer's own."""
    if text[end - 1] == "!":
        return not text[begin : end - 1].strip().count(" ")
    word = re.search(r"(?:[^\W\d_]\.)+\Z|[^\W\d_]{1,12}\.\Z", text[max(begin, end - 30) : end])
    if word is None:
        return False
    return word[0].count(".") > 1 or word[0][:-1].casefold() in ("inc", "jr", "sr", "ltd", "co", "corp", "bros", "etc")


def _answer(text: str, begin: int, end: int, *, whole: bool = False) -> Extraction | None:
    """The answer that a phrase gives; whole: a box's content, which has no sentence around it."""
    if not whole:
        end = _ends(text, begin, end)
    if _PLACEHOLDER.match(text, begin, end):
        return None
    lead = _LEAD.match(text, begin, end)
    if lead and lead.end() < end:
        begin = lead.end()
    verdict = None if whole else _VERDICT.match(text, begin, end)
    if verdict and _SENTENCE_WORDS.search(text, verdict.end(), end):
        return Extraction(answer=verdict["own"], span=verdict.span("own"))
    instead = None if whole else _NOT_BUT.match(text, begin, end)
    begin = instead.end() if instead and instead.end() < end else begin
    if not whole:
        quoted = text[begin : begin + 1] in _QUOTES and text.find(_QUOTES[text[begin]], begin + 1, end)
        explained = _EXPLAINS.search(text, max(begin + 1, quoted or 0), end)
        if explained:
            end = explained.start()
    begin, end = _stripped(text, begin, end)
    for around in (_CITED, _COPULA):
        behind = around.search(text[begin:end])
        if behind and behind.start():
            begin, end = _stripped(text, begin, begin + behind.start())
    aside = _ASIDE.search(text[begin:end])
    if aside and not whole:
        begin, end = _stripped(text, begin, begin + aside.start())
    said = text[begin:end]
    if not any(map(str.isalnum, said)) or len(said) > MAX_ANSWER_CHARS or len(said.split()) > MOST_WORDS:
        return None
    return Extraction(answer=_shown(said), span=(begin, end))


def _shown(said: str) -> str:
    r"""An answer without the commands and tags that only show it, on one line."""
    while (plain := _SHOWN.sub(r"\1", said)) != said:
        said = plain
    said = _LINK.sub(r"\1", said)
    said = MARKUP_TAG.sub("", said) if "<" in said else said
    said = (
        said.replace("**", "")
        .replace("\\&", "&")
        .replace("\\%", "%")
        .replace("\\$", "$")
        .replace("\\ ", " ")
        .replace('\\"', '"')
    )
    return " ".join(said.split())


def _of_statement(text: str, one: Statement) -> Extraction | None:
    begin, end = held(one)
    boxed = bool(one.boxes) or one.row.name == "boxed"
    sentence = end if boxed else _ends(text, begin, end)
    if gives_none(text, begin, sentence) or (not boxed and _says_nothing(text[begin:sentence])):
        return REFUSAL
    if not boxed and (items := _items(text, begin, end)):
        return items
    if not boxed and ((_HEADING.search(text, begin, end) and text[end:].strip()) or heads_prose(text, begin, end)):
        return None  # "The answer is as follows:"
    found = _answer(text, begin, end, whole=boxed)
    if found and found.span and text[found.span[1] : found.span[1] + 3].lstrip("*\"' ").startswith(("?", "？")):
        return None  # "Answer: Paris? No."
    return found


def _says_nothing(sentence: str) -> bool:
    """Tell whether a sentence says that what was given doesn't hold the answer."""
    match = _SAYS_NOTHING.search(sentence)
    return match is not None and not _BUT.search(sentence, match.end())


def _items(text: str, begin: int, end: int) -> Extraction | None:
    """Several answers on lines of their own, as items of a list, of which the first is the phrase's."""
    line = text.rfind("\n", 0, begin) + 1
    bullet = _BULLET.match(text, line, end)
    if bullet is None:
        return None
    found = [Extraction(answer=text[begin:end], span=(begin, end))] if bullet.end() <= begin else []
    at = end if found else line - 1
    while len(found) <= MOST_ITEMS and at < len(text):
        bullet = _BULLET.match(text, at + 1)
        if bullet is None:
            break
        newline = text.find("\n", bullet.end())
        at = newline if newline >= 0 else len(text)
        found.append(Extraction(answer=text[bullet.end() : at], span=(bullet.end(), at)))
    spans = [_stripped(text, *one.span) for one in found if one.span]
    said = [_shown(text[slice(*span)]) for span in spans]
    if not 1 < len(said) <= MOST_ITEMS or any(not one or len(one.split()) > LINE_WORDS for one in said):
        return None
    joined = ", ".join(said)
    if len(joined) > MAX_ANSWER_CHARS:
        return None
    return Extraction(answer=joined, span=(spans[0][0], spans[-1][1]))


# --- without a statement ------------------------------------------------------------------------------------------


def _alone(text: str, start: int) -> Extraction | None:
    """All of a text, where it is one line of a few words; or its first line, where that is bold."""
    begin, end = own_body(text, start)
    if begin >= end:
        return None
    fenced = _FENCE.match(text, begin, end)
    begin, end = fenced.span("own") if fenced else (begin, end)
    newline = text.find("\n", begin, end)
    if newline >= 0:
        line = text[begin:newline].strip()
        explained = len(line.split()) <= LINE_WORDS and _EXPLANATION.match(text, newline, end)
        return _answer(text, begin, newline) if explained or _BOLD.fullmatch(line.rstrip(".")) else None
    if end - begin > MOST_CHARS or len(text[begin:end].split()) > ALONE_WORDS or text[end - 1] in "?？:：":
        return None
    if gives_none(text, begin, end) or asks_for_more(text, begin, end) or _says_nothing(text[begin:end]):
        return REFUSAL
    bold = [match.span("own") for match in _BOLD.finditer(text, begin, end)]
    if len(bold) == 1 and len((text[begin : bold[0][0]] + text[bold[0][1] : end]).split()) > MARKED_IN:
        return None  # the row of bold texts reads it
    first = _ends(text, begin, end)
    if text[first:end].strip(" *_`\"'”’)") and _SENTENCE_WORDS.search(text, begin, first):
        return None  # more than one sentence
    return _answer(text, begin, end)


def _is_it(text: str, start: int) -> Extraction | None:
    """What a text calls the answer: "So Paris is the answer."."""
    found = None
    for match in _IS_THE_ANSWER.finditer(text, start):
        found = _answer(text, *match.span("own")) or found
    return found


def _marked(text: str, start: int) -> Extraction | None:
    """The one part of the last sentence that is bold."""
    end = own_end(text, start)
    for left, right in last_sentences(text[:end], start):
        bold = [match.span("own") for match in _BOLD.finditer(text, left, right)]
        return _answer(text, *bold[0]) if len(bold) == 1 else None
    return None


def _last_line(text: str, start: int) -> Extraction | None:
    """A last line of a few words that is no sentence."""
    end = own_end(text, start)
    body = text[start:end].rstrip()
    left = start + body.rfind("\n") + 1
    right = start + len(body)
    line = text[left:right]
    if left <= start or not 0 < len(line.split()) <= LINE_WORDS or line.endswith(("?", ":", "：")):
        return None
    if _SENTENCE_WORDS.search(line) or re.match(r"\s*(?:[-*•]\s|\d+[.)]\s|#)", line):
        return None
    return _answer(text, left, right)


def _declines(text: str, start: int) -> bool:
    """Tell whether the last sentence says that there is no answer."""
    end = own_end(text, start)
    for left, right in last_sentences(text[:end], start):
        return asks_for_more(text, left, right) or gives_none(text, left, right) or _says_nothing(text[left:right])
    return False


# find(text, start)
IS_THE_ANSWER = Rule("is the answer", "phrase", OF_TEXTS, _is_it)
TEXT_ALONE = Rule("text alone", "only", OF_TEXTS, _alone)
TEXT_MARKED = Rule("bold text", "marked", OF_TEXTS, _marked, vague=True)
LAST_LINE = Rule("last line", "last", OF_TEXTS, _last_line, vague=True)
TEXT_RULES = (IS_THE_ANSWER, TEXT_ALONE, TEXT_MARKED, LAST_LINE)


def read_text(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""

    def instead(place: int) -> Extraction | None:
        """What stands in place of an answer that was taken back: the rest of its line, or the last line."""
        line_end = text.find("\n", place)
        rest = _answer(text, place, line_end if line_end >= 0 else len(text))
        return _is_it(text, place) or _marked(text, place) or (rest if rest and _LEAD.match(text, place) else None)

    every = statements(text, start, options=True)
    yield from stated(every, text, vague, lambda one: _of_statement(text, one), instead)
    if not every and _declines(text, start):
        yield DECLINED, REFUSAL
    for row in TEXT_RULES:
        if (vague or not row.vague) and not (every and row is TEXT_ALONE):
            yield from row.ask(text, start)
