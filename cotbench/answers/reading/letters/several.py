"""Reading all the options that an output calls right, where a question may have several: "AC", "A and C", "(A), (C)".

Policies, beside those of `reading.letters`:

* The answer is the letters in the order of the alphabet; the order in which they are named, and what stands between
  them, say nothing. An option may stand with its own words ("A. red; C. green").
* "A or C" is no answer. All of them, and none of them, are what the text says of the options.
* Where each option is judged ("A is right, B is wrong ..."), those called right are the answer.
* Where nothing of that is said, one option is read as for questions that have one right option.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cotbench.answers.reading.endings import last_sentences, own_end
from cotbench.answers.reading.letters.heads import CLOSE, FREE, OPEN, UNTOUCHED, is_word, option_in
from cotbench.answers.reading.letters.mentions import SUPPOSED, only_mentioned
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import MAX_STATEMENTS, WORD_LETTER, caseless, in_plain_signs
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS, OF_SEVERAL, REFUSAL, UNDECIDED, Extraction, Reading, Rule
from cotbench.answers.reading.stated import gives_none, own_body, stated
from cotbench.answers.reading.statements import BOXED, Statement, statements
from cotbench.types import LETTERS

_WORDS_IN_FRONT = (
    r"(?:(?:the\s)?(?:options?|choices?|letters?|answers?|statements?|both|all\sof|only|opciones|opción|letras|lettres"
    r"|optionen|варианты|вариант|选项|選項|选择|选)(?:\s(?:are|is))?[\s:：]*)"
)
_LEAD = re.compile(
    rf"(?:[\s:：,，]|{OPEN}|\\(?:textbf|text|mathrm|mathbf|boxed)\s?\{{?|{{|\\[(\[]|(?i:{_WORDS_IN_FRONT}))*+"
)
_RUN = re.compile(rf"[A-J]{{2,10}}(?![{WORD_LETTER}0-9]|['’][{WORD_LETTER}])")
_ONE = re.compile(rf"(?P<letter>[A-J])(?![{WORD_LETTER}0-9_'’°#^]|[-–][{WORD_LETTER}0-9_])")
_MARK = re.compile(rf"{CLOSE}{{0,4}}(?:[.:：．)](?=\s|[^\x00-\x7f]|$))?{CLOSE}{{0,3}}")
_JOINT = (
    r"(?:(?:[,;、，；،&/+]|\\\\|\\[,;]|\}\s?\\(?:text|boxed|mathrm)\s?\{|(?:\band\b|\bas\swell\sas\b|\balso\b|\bund\b|\boder\b|\bet\b|\by\b"
    r"|\be\b|\bи\b|\bve\b|和|与|與|及|以及|と|와|과|및)\s?)[\s$]*)"
)
_NEXT = re.compile(
    rf"(?:[\s$]*{_JOINT}{{1,3}}(?:{OPEN}|\\(?:text|boxed|mathrm|textbf)\s?\{{|\\[(\[]|\s|(?i:(?:options?|choices?)\s))*"
    rf"|[ \t]*{OPEN}{{0,3}}|\r?\n[ \t]*(?:[-*•][ \t]*)?{OPEN}{{0,3}})(?=[A-J](?![{WORD_LETTER}]))"
)
_OR = caseless(
    rf"[\s$]*(?:(?:and/or|or|oder|ou|или)\b|或|もしくは|또는)[\s$]*(?:(?:option|choice)\s)?{OPEN}{{0,3}}(?=(?-i:[A-J])(?![{WORD_LETTER}]))"
)
_IN_BRACKETS = re.compile(r"\s?\([^()\n]{1,80}\)")
_OWN_WORDS = re.compile(r"\s?[^\n,;，；、]{1,120}?(?=[,;，；、\n]\s*(?:(?:and|&)\s)?[(\[*]{0,3}[A-J][).:．、])")
_EVERY = caseless(
    r"[\s*_`(\[:]*(?:all\s(?:of\s)?(?:the\s)?(?:(?:above|options|choices|four|statements|them|listed)(?:\soptions)?)\b"
    r"|all(?:\sare)?(?:\s(?:correct|right|true))?(?=\W*\Z)|全选|都[对选]"
    r"|以上都[是对正]|全部(?:正确|选项)?|都正确)"
)
_BUT = caseless(
    r"(?:\s(?:are\s)?(?:correct|right|true))?,?\s(?:except(?:\sfor)?|but|other\sthan|apart\sfrom|excluding)\s(?=\S)"
)
_ALL = caseless(
    r"[\s*_`(\[:]*(?:all|every(?:thing|\soption)?)(?:\s(?:of\s)?(?:the\s)?(?:options|choices|four|statements|them))?"
)
_RANGE = re.compile(
    r"[\s*_`(\[]*(?P<first>[A-J])[)\]*_]*[ \t]?(?:[-–—~]|to|through|thru|bis|至|到)[ \t]?"
    r"[(\[*_]*(?P<last>[A-J])[\s*_`)\].。]*\Z"
)
_LOWER = re.compile(r"[\s*_`(\[]*(?P<own>[a-j](?:(?:[\s,;&/+]|\band\b)*[a-j])*)[\s*_`)\].。]*\Z")
_PARTS = caseless(r"\s*[,;、，；]\s*(?:and\s|und\s)?|\s(?:and|&|und|et|y|и)\s|\s*(?:和|与|及)\s*")
_OPTION_LINE = re.compile(r"[ \t*_>\-•]*[(\[]?(?P<letter>[A-J])[)\].:．、*_]{1,4}[ \t]*(?P<own>[^\n]{1,400})")
_STARTS_SENTENCE = re.compile(r"[A-J]\s(?!(?:and|or|und|et|y)\b)[a-z]")
_SIGNED = re.compile(
    r"^[ \t*_>\-•]*(?:(?P<good>[✓✔✅☑])|[✗✘❌✖])\ufe0f?\s*(?:[Oo]ption\s)?[(\[*]{0,3}(?P<letter>[A-J])(?![A-Za-z])",
    re.M,
)
_NONE = caseless(
    r"[\s*_`(\[:]*(?:none\b|no\s(?:correct\s|right\s)?(?:option|choice|answer)\b|都不(?:对|正确)|没有(?:正确|答案))"
)
_RIGHT = caseless(
    rf"(?:\s(?:are|is|were|was)\s(?:both\s|all\s|also\s|the\s)?(?:correct|right|true|valid|accurate)(?:\s(?:options?"
    rf"|answers?|choices?|ones))?|\s?(?:项|选项|選項)?(?:都|均|也|是)?(?:正确|正確|对))(?![{WORD_LETTER}])"
)
_START = re.compile(rf"{FREE}(?=[A-J]{UNTOUCHED}|[A-J]{{2,10}}(?![{WORD_LETTER}0-9]))")
_CHOSEN = caseless(
    r"(?:故选|所以选|因此选|应选|选择|选|答案[是为]?|故本题选|(?:i|we)\s(?:would\s)?(?:choose|select|pick)"
    r"|(?:answers|options|choices|statements)\s(?:are|is)(?:\s(?:therefore|thus))?(?=[\s:])"
    r"|(?:elijo|wähle|choisis|выбираю)"
    r")[：:\s]*(?:选项|options?\s)?"
)
_WRONG = caseless(
    r"\s(?:is|are|was)(?:n['’]t|\snot)\s(?:correct|right|true)|\s(?:is|are|was)\s(?:wrong|incorrect|false)"
)
_ASKED = re.compile(rf"{CLOSE}{{0,3}}\s?[?？]")
_ENDS = caseless(
    r"[\s*_`$\"'”’)\]}]*(?:\Z|[.,;:!。，；：(（—–-]|<|because\b|since\b|as\b|only\b|are\s(?:correct|right)|is\s(?:correct|right))"
)
_LISTS = re.compile(r"(?:[\s,;、，；&/+()\[\]*_.$\\{}]|and|und|et|y|or|和|与)*")
_DENIES = caseless(r"\b(?:not|neither|nor|excludes?|eliminates?|wrong|incorrect|rules?\sout)\b|n['’]t\b|不|错")
_JOINS_BOXES = re.compile(r"\}[\s$\\)\]]{0,6}(?:,|;|and|&|und|et|、|和)?[\s$\\(\[]{0,6}\\?(?:boxed|fbox)\s?\{")
_LETTERS_BELOW = re.compile(r"(?:[\s*_\-•]*[(\[]?[A-J][)\].*_]{0,3}[ \t]*(?:\r?\n|\Z)){2,10}")
ALONE_CHARS = 160  # behind the letters of an output that begins with them
_JUDGED = caseless(
    r"^[ \t*_>#\-•]*+(?:(?:option|choice|statement|选项)\s?)?[(\[*]{0,3}(?P<letter>(?-i:[A-J]))"
    r"[)\].:：．、*]{1,4}(?P<said>[^\n]{0,400})$",
    flags=re.M,
)
_GOOD = caseless(r"[✓✔✅☑]|\b(?:correct|right|true|valid)\b|(?<!不)正确|(?<!不)正確")
_BAD = caseless(
    r"[✗✘❌✖]|\b(?:in|un)correct\b|\b(?:incorrect|wrong|false|untrue|invalid|ruled\sout)\b|\bnot\s(?:correct|right|true|valid)\b"
    r"|n['’]t\s(?:correct|right|true|valid)|错误|錯誤|不正确|不正確|不对|错"
)


def _named(text: str, begin: int, end: int, count: int) -> Extraction | None:
    """The letters that a phrase begins with; UNDECIDED for alternatives; None where it begins with none."""
    known = LETTERS[:count]
    lead = _LEAD.match(text, begin, end)
    at = lead.end() if lead else begin
    found: list[str] = []
    first = last = at
    while True:
        run = _RUN.match(text, at, end)
        if run and set(run[0]) <= set(known) and len(set(run[0])) == len(run[0]):
            letters, last = list(run[0]), run.end()
        else:
            one = _ONE.match(text, at, end)
            if one is None or one["letter"] not in known:
                break
            if not found and is_word(text, one["letter"], one.end(), end) and not _NEXT.match(text, one.end(), end):
                return None  # "A plane flies"
            letters, last = [one["letter"]], one.end()
        found += letters
        mark = _MARK.match(text, last, end)
        at = mark.end() if mark else last
        other = _OR.match(text, at, end)
        if other:
            return UNDECIDED
        following = _NEXT.match(text, at, end)
        if following is None:
            aside = _IN_BRACKETS.match(text, at, end)  # "A (red) and C (green)"
            following = _NEXT.match(text, aside.end(), end) if aside else None
        if following is None and text[last:at].strip():
            own = _OWN_WORDS.match(text, at, end)  # "A. red; C. green"
            following = _NEXT.match(text, own.end(), end) if own else None
        if following is None or (
            text[last:at].strip().startswith(".") and _STARTS_SENTENCE.match(text, following.end())
        ):
            break  # "A and C. B is too cold"
        at = following.end()
    if not found:
        return None
    return Extraction(answer="".join(sorted(set(found))), span=(first, last))


def _all_but(text: str, begin: int, end: int, count: int) -> Extraction | None:
    """All the options without those that a phrase takes out: "all except B"."""
    every = _ALL.match(text, begin, end)
    but = _BUT.match(text, every.end(), end) if every else None
    left_out = _named(text, but.end(), end, count) if but else None
    if left_out is None or not (left_out.answer and left_out.span):
        return None
    answer = "".join(letter for letter in LETTERS[:count] if letter not in left_out.answer)
    return Extraction(answer=answer, span=(begin, left_out.span[1])) if answer else None


def _whole(text: str, begin: int, end: int, choices: Sequence[str]) -> Extraction | None:
    """What a phrase names that is nothing else: a range of letters, small letters, or the options' own words."""
    if end - begin > MAX_ANSWER_CHARS:
        return None
    known = LETTERS[: len(choices)]
    between = _RANGE.match(text, begin, end)
    if between and between["first"] in known and between["last"] in known and between["first"] < between["last"]:
        answer = known[known.index(between["first"]) : known.index(between["last"]) + 1]
        return Extraction(answer="".join(answer), span=(between.start("first"), between.end("last")))
    lower = _LOWER.match(text, begin, end)
    if lower:
        letters = re.sub(r"\band\b|[^a-j]", "", lower["own"]).upper()
        if len(set(letters)) == len(letters) and set(letters) <= set(known):
            return Extraction(answer="".join(sorted(letters)), span=lower.span("own"))
    said = text[begin:end].strip(" \t\r\n*_`\"'.。")
    words = [choice.strip(" .").casefold() for choice in choices]
    parts = [part.strip(" *_`\"'").casefold() for part in _PARTS.split(said)]
    if len(parts) > 1 and said.casefold() not in words and all(words.count(part) == 1 for part in parts):
        left = text.index(said, begin, end)
        return Extraction(
            answer="".join(sorted({LETTERS[words.index(part)] for part in parts})), span=(left, left + len(said))
        )
    return None


def _options_below(text: str, begin: int, choices: Sequence[str]) -> Extraction | None:
    """The options that stand with their own words on lines of their own."""
    at = text.rfind("\n", 0, begin) + 1
    first = text[at:begin].rstrip("-•* \t")
    at = begin if first else at
    found: dict[str, Span] = {}
    while len(found) < len(choices):
        line = _OPTION_LINE.match(text, at)
        place = LETTERS.index(line["letter"]) if line else len(choices)
        if line is None or place >= len(choices):
            break
        own = choices[place].strip(" .").casefold()
        if not own or not line["own"].strip(" *_`").casefold().startswith(own):
            break
        found[line["letter"]] = line.span("letter")
        if line.end() >= len(text):
            break
        at = line.end() + 1
    if len(found) < 2:
        return None
    spans = list(found.values())
    return Extraction(answer="".join(sorted(found)), span=(spans[0][0], spans[-1][1]))


def _in_phrase(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    begin, end = span
    rest = _all_but(text, begin, end, len(choices)) or _whole(text, begin, end, choices)
    if rest:
        return rest
    every = _EVERY.match(text, begin, end)
    if every:
        return Extraction(answer=LETTERS[: len(choices)], span=(begin, every.end()))
    if _NONE.match(text, begin, end):
        return UNDECIDED
    if gives_none(text, begin, end):
        return REFUSAL
    return _named(text, begin, end, len(choices)) or option_in(text, span, choices)


def _of_statement(text: str, one: Statement, choices: Sequence[str]) -> Extraction | None:
    if len(one.boxes) > 1:
        every = [_in_phrase(text, box, choices) for box in one.boxes]
        letters = {letter for box in every if box and box.answer for letter in box.answer}
        if letters:
            return Extraction(answer="".join(sorted(letters)), span=(one.boxes[0][0], one.boxes[-1][1]))
    begin, end = one.boxes[-1] if one.boxes else one.span
    before = (max(0, begin - 90), begin)
    if one.row.name == "phrase" and (
        SUPPOSED.search(text, *before) or only_mentioned(text, max(0, text.rfind("\n", 0, begin) + 1), begin)
    ):
        return None
    if not one.boxes and (listed := _options_below(text, begin, choices)):
        return listed
    below = None if one.boxes else _LETTERS_BELOW.match(text, begin)
    if below and below.end() > end:
        end = below.end()
    found = _in_phrase(text, (begin, end), choices)
    return None if found and found.span and _ASKED.match(text, found.span[1]) else found


def _joined(text: str, found: Sequence[Statement]) -> list[Statement]:
    """Statements with boxes that are joined taken as one: "\\boxed{A} and \\boxed{C}"."""
    joined: list[Statement] = []
    for one in found:  # the last first
        later = joined[-1] if joined else None
        if later and later.row is one.row is BOXED and _JOINS_BOXES.fullmatch(text, one.span[1], later.span[0]):
            boxes = (one.span, *(later.boxes or (later.span,)))
            joined[-1] = replace(one, boxes=boxes)
        else:
            joined.append(one)
    return joined


# --- without a statement ------------------------------------------------------------------------------------------


def _right(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """The letters that a text calls right: "A and C are correct", "A is right ... C is right", "故选AC".

    What is said of several at once counts as it was said last; options that are called right one by one count together.
    """
    single: dict[str, Span] = {}
    several: Extraction | None = None
    for place in _places(text, start):
        end = min(len(text), place + 200)
        named = _named(text, place, end, len(choices))
        if not (named and named.span and named.answer):
            continue
        mark = _MARK.match(text, named.span[1], end)
        behind = mark.end() if mark else named.span[1]
        right = _RIGHT.match(text, behind, end)
        if right is None or _ASKED.match(text, right.end()):
            if len(named.answer) == 1 and _WRONG.match(text, behind, end):
                single.pop(named.answer, None)
            continue
        if len(named.answer) == 1:
            single[named.answer] = named.span
        else:
            several = named
    for match in deque(_CHOSEN.finditer(text, start), maxlen=MAX_STATEMENTS):
        named = _named(text, match.end(), min(len(text), match.end() + 100), len(choices))
        chosen = named and named.span and named.answer and not _ASKED.match(text, named.span[1])
        if chosen and (several is None or match.end() > (several.span or (0, 0))[0]):
            several = named
    if several is not None or not single:
        return several
    return Extraction(answer="".join(sorted(single)), span=list(single.values())[-1])


def _places(text: str, start: int) -> list[int]:
    """Where letters stand, without those that only go on with a list that began before; the last of them."""
    found: list[int] = []
    last = -1
    for match in _START.finditer(text, start):
        between = text[last : match.start()] if last >= 0 and match.start() - last < 16 else None
        if between is None or not _LISTS.fullmatch(between):
            found.append(match.start())
        last = match.end() + 1
    return found[-64:]


def _judged(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """The options called right where each is judged in a line of its own."""
    right: dict[str, bool] = {}
    span: Span | None = None
    for match in _JUDGED.finditer(text, start):
        if match["letter"] not in LETTERS[: len(choices)]:
            continue
        bad, good = _BAD.search(match["said"]), _GOOD.search(match["said"])
        if bad or good:
            right[match["letter"]] = not bad
            span = match.span("letter")
    for match in _SIGNED.finditer(text, start):
        if match["letter"] in LETTERS[: len(choices)]:
            right[match["letter"]] = match["good"] is not None
            span = match.span("letter")
    if len(right) < len(choices) or span is None or not any(right.values()):
        return None
    return Extraction(answer="".join(sorted(letter for letter, good in right.items() if good)), span=span)


def _alone(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """The letters that are all of a text, or of its first line or lines."""
    begin, end = own_body(text, start)
    newline = text.find("\n", begin, end)
    stop = end if newline < 0 else newline
    below = _LETTERS_BELOW.match(text, begin, end)
    if below and below.end() == end:
        stop = end
    if stop == end and (_NONE.match(text, begin, end) or gives_none(text, begin, end)):
        return UNDECIDED if _NONE.match(text, begin, end) else REFUSAL
    every = _EVERY.match(text, begin, end)
    if every and not text[every.end() : end].strip(" \t\r*_`.!。"):
        return Extraction(answer=LETTERS[: len(choices)], span=every.span())
    found = _named(text, begin, stop, len(choices))
    if found is None or not found.span:
        return found if found is UNDECIDED and stop == end else None
    if stop < end:
        return found if not text[found.span[1] : stop].strip(" \t\r*_`$\"'”’.)]}。") else None
    return found if _ENDS.match(text, found.span[1], stop) and stop - found.span[1] < ALONE_CHARS else None


def _last(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """The letters that the last sentence ends on: "So, A and C."."""
    end = own_end(text, start)
    for left, right in last_sentences(text[:end], start):
        found: Extraction | None = None
        for place in _places(text[:right], left):
            named = _named(text, place, right, len(choices))
            if named and named.span and not text[named.span[1] : right].strip(" \t*_`$\"'”’.)]}。"):
                found = named
        return None if found and found.span and _DENIES.search(text, left, found.span[0]) else found
    return None


# find(text, start, options)
CALLED_RIGHT = Rule("several called right", "phrase", OF_SEVERAL, _right)
EACH_JUDGED = Rule("each judged", "phrase", OF_SEVERAL, _judged)
LETTERS_ALONE = Rule("letters alone", "only", OF_SEVERAL, _alone)
LAST_LETTERS = Rule("last letters", "marked", OF_SEVERAL, _last, vague=True)
SEVERAL_RULES = (EACH_JUDGED, CALLED_RIGHT, LETTERS_ALONE, LAST_LETTERS)


def read_letters(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""
    from cotbench.answers.reading.letters import read_letter  # which knows this module

    text = in_plain_signs(text)

    def instead(place: int) -> Extraction | None:
        return _right(text, place, choices) or _last(text, place, choices)

    every = _joined(text, statements(text, start, options=True))
    yield from stated(every, text, vague, lambda one: _of_statement(text, one, choices), instead)
    for row in SEVERAL_RULES:
        if vague or not row.vague:
            yield from row.ask(text, start, choices)
    yield from read_letter(text, start, vague, choices)
