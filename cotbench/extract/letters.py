r"""Reading the letter of an option: by its letter, by its text, or by both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from cotbench.extract.numbers import canonical_number, concluded_number
from cotbench.extract.parts import INVISIBLE, Span
from cotbench.extract.shapes import (
    CUT,
    MAX_ANSWER_CHARS,
    PLAIN_SIGNS,
    SENTENCE_END,
    UNDECIDED,
    Extraction,
    Reading,
    last_sentences,
    near,
    own_end,
    statements,
)
from cotbench.types import LETTERS

# What may stand around a letter that is given as an answer: (C)  **C**  $\text{C}$  <C>  C) Plane  C. Plane  Option C
_HEAD = re.compile(
    r"(?:[\s*_`$<\"'“‘(\[{]|\\[(\[]|\\(?:text|textbf|mathrm|mathbf|boxed|fbox)\s*+\{"
    r"|<\w+>|(?i:option|choice|letter|answer|both|either)\b(?:\s(?i:is|number)\b)?:?|(?i:the\s(?:letter|option|choice|answer))\b)*+"
    r"(?P<letter>[A-Z])(?![A-Za-z0-9'’°#^]|[-–_]\w|\s*+[=+/≈]|\s?\.\s?[A-Z]\.)"
)
_LOWER_HEAD = re.compile(
    r"[\s*_`$<\"'{\[]*+(?:(?:option|choice)\s)?(?:\((?P<bracketed>[a-z])\)|[(]?(?P<letter>[a-z])(?:\)\s|[\s*_`$>\"'.)\]}]*+\Z))",
    re.I,
)
_MARKED = re.compile(
    r"(?:(?:[(\[]\s?|<(?=[A-Z]>(?!.*</)))(?P<a>[A-Z])\s?[)\]>]|\*\*\s?\(?(?P<b>[A-Z])\s?(?:[).:]|\*\*)|\b[Oo]ption\s(?P<c>[A-Z])\b(?!['’]))"
)
_VERDICT = (
    r"(?:(?:clearly|also|indeed|therefore|thus|definitely)\s)?(?:the\s)?(?:(?:most|only|closest|best|single)\s)?"
    r"(?:correct|right|best|accurate|appropriate|plausible|likely|suitable|reasonable|logical|answer|closest)\b"
)
_VERDICTS = (
    "correct right best accurate appropriate plausible likely suitable reasonable logical answer closest".split()
)
_IS = r"(?:is|seems|appears|would\sbe|must\sbe|should\sbe|looks)(?:\sto\sbe)?(?:\slike)?\s"
_ALSO = re.compile(r"\balso\b")  # then there are two
_SUPPOSED = re.compile(
    r"\b(?:if|whether|neither|nor|suppose|assuming|assume)\s(?:that\s)?(?:the\s)?(?:option|choice|answer|statement)?\s?[(*]*\Z",
    re.I,
)
_OTHERS = re.compile(  # "Many think the answer is A", "it is wrong to say the answer is A"; not "I think"
    r"\b(?!(?:i|we)\b)[a-z']+\s(?:thinks?|believes?|says?|claims?)\s(?:that\s)?(?:the\s)?(?:\w+\s){0,2}(?:answer|option|choice)\s(?:is|was)\W*\Z",
    re.I,
)
_IS_RIGHT = re.compile(
    r"(?:"
    rf"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement)\s[(*$]*(?:\\[a-z]+\{{)?(?P<a>[A-Z])\b[)*}}$]*(?:[,:.]?\s[^.\n,]{{1,60}}?,?)?\s{_IS}{_VERDICT}"
    rf"|(?<![\w'’])(?P<b>[A-Z])\b[)*]*\s{_IS}{_VERDICT}(?!\sif)"
    r"|\b[Mm]aking\s(?:[Oo]ption\s|[Cc]hoice\s)?[(*]*(?P<c>[A-Z])\b[)*]*[^.\n]{0,60}?\b(?:correct|right|best|most|answer)\b)"
)
_SUBJECT = re.compile(r"[)*\]]*\s(?:is|are|was|would|can|could|has|does|may|might)\b")  # "(B) is too soft"
_JUDGED = re.compile(
    r"^[ \t*_>-]*+\(?(?P<letter>[A-Z])[).:]\**\s[^.\n]{0,80}?\bis\s(?:the\s)?(?:correct|right)\b", re.M
)
_POINTS = re.compile(
    r"\bI\s?(?:'d|’d|'ll|’ll|will|would)?\s(?:choose|pick|select|go\swith|say|opt\sfor|answer)\s(?=\S)"
    r"|\b(?:leaves|leaving|left)(?:\s(?:us|me|you|only|just))*\s(?:with\s)?(?:only\s|just\s)?(?=\S)"
    r"|\b(?:corresponds|correspond|closest|equivalent)\sto\s(?:answer\s)?(?=\S)|\bmatch(?:es|ing)?\s(?:with\s)?(?=\S)"
    r"|\bthis\sis\s(?=(?:answer\s|option\s|choice\s)?\(?[A-Z]\b)|\b(?:must|has\sto)\sbe\s(?=\S)|\banswer\s(?=\(?[A-Z]\)?[\s.*]*(?:$|\n))|(?:故|所以|因此)应?选(?:择)?(?!项):?\s?(?=\S)|选项(?=[A-Z]是正确)"
    r"|\b(?:correct|likely|plausible|suitable|accurate|appropriate)\s[^.:\n]{1,80}?\s(?:is|are):?\s*+(?=\*\*\(?[A-Z][).:*]|\*\*Option\s[A-Z]\b)",
    re.M,
)
_POINTERS = (
    "choose|pick|select|go with| say |opt for|answer|leav|left|correspond|closest|equivalent|match|this is|must be|has to be|选"
    "|correct|likely|plausible|suitable|accurate|appropriate"
).split("|")
_ONLY = re.compile(
    r"[\s*_`$<\"(\[{]*+[A-Za-z](?:(?P<bare>[\s*_`$>\").:\]}]*+\Z)|(?:[).:,]\**+|(?=\s\())\s(?P<rest>.*))"
)
_SECOND = re.compile(
    r"[\s)\]*_`\"'}$]*+(?:\([^()\n]{1,60}\)\s?)?(?:,|;|&|/|、|and/or\b|and\b|or\b|und\b|oder\b|et\b|ou\b|y\b|o\b|e\b)[\s(\[*_`\"'{$]*+(?:(?:and|or|option|choice)\b[\s(\[*_`]*+){0,2}"
)
_SEVERAL = re.compile(r"[\s*_`$(\[{]*([A-J]{2,})[\s*_`$)\]}.]*(?:<|\Z)")
_NAMED = re.compile(r"(?<![\w'’.°])(?P<letter>[A-Z])(?![\w'’°]|[-–]\w)")
_AS_A_WORD = re.compile(r"\s+(?!(?:is|because|since|as|seems|for|with|and|or)\b)[a-z]")
# What makes of a named option one that is dismissed or only supposed.
_DENIED = re.compile(
    r"(?:\b(?:not|eliminate[sd]?|incorrect|wrong|false|rule[sd]?\sout|unlike|cannot|if|whether)|n['’]t)\b", re.I
)
_LISTED = re.compile(r"^[ \t*_>-]*+\(?[A-Z][).:]\**\s", re.M)
_EXPLAINS = re.compile(r"\W*(?:explanation|rationale|reason(?:ing)?|justification|because)\b", re.I)
_ITEM = re.compile(r"(?<![\w(])[A-Z]\)\s")
_AROUND = f" \t\r\n*_`$\"'“”‘’{INVISIBLE}"
_LINK = re.compile(r"(?:[\s*_`:\"]|(?:most\slikely|probably|that|the|an?|is)\b)*+", re.I)

# A last line that names one letter and says little more: "B", "So, B.", "It's (B)", "..., which is option B."
_LAST = re.compile(
    r"(?:\W{0,5}(?:(?:so|thus|hence|therefore|it['’]?s|it\sis|that['’]?s|this\sis|most\slikely|answer)\b\W{0,3}){0,3}(?:option|choice|letter)?"
    r"|.*\b(?:option|choice|(?:therefore|thus|hence|so),?))"
    r"\W{0,4}(?<![A-Za-z])(?P<letter>[A-Z])\W{0,4}",
    re.I,
)


def _is_word(text: str, letter: str, start: int, end: int) -> bool:
    """Whether a letter is the article "A" or the pronoun "I" of what follows: "A plane", "I think", not "A is right"."""
    return letter in "AI" and _AS_A_WORD.match(text, start, end) is not None


def _letter_at(text: str, start: int, end: int, count: int) -> Extraction | None:
    """The letter that a phrase begins with; `UNDECIDED` where it goes on to a second one ("B or C")."""
    match = _HEAD.match(text, start, end)
    letters = LETTERS[:count]
    if match is None:
        match = _LOWER_HEAD.match(text, start, end)
        group = "bracketed" if match and match["bracketed"] else "letter"
    else:
        group = "letter"
    several = _SEVERAL.match(text, start, end)
    if several and set(several[1]) <= set(letters) and list(several[1]) == sorted(set(several[1])):
        return UNDECIDED  # "ACD"
    if match is None or (letter := match[group].upper()) not in letters:
        return None
    if _is_word(text, match[group], match.end(group), end):
        return None
    second = _SECOND.match(text, match.end(), end)
    other = _NAMED.match(text, second.end(), end) if second else None
    if other and other["letter"] in letters and not _is_word(text, other["letter"], other.end(), end):
        return UNDECIDED if other["letter"] != letter else Extraction(answer=letter, span=match.span(group))
    return Extraction(answer=letter, span=match.span(group))


# --- by the option's text -----------------------------------------------------------------------------------------


@lru_cache(maxsize=4_096)
def _plain_words(text: str) -> str:
    """An option's text without what may stand around it; signs, brackets and operators are part of it."""
    text = re.sub(r"\\text\s?\{([^{}]*)\}", r"\1", text) if "\\text" in text else text
    text = re.sub(r"(?:\s|\\[,;()])+", " ", text).strip(_AROUND).rstrip(".,;:!" + _AROUND)
    return re.sub(r"^(?:the|an?)\s(?=\S)", "", text, flags=re.I)


_JOINED = re.compile(r"\d\W?\s?[a-z°]*\s(?:or|and|to)\s\W?\Z")  # "between 5 m and"
_GOES_ON = re.compile(r"\s?[A-Za-z°]*\s?[-+*/]\s?\d")
_QUANTITY = re.compile(r"([$€£]?[-−]?[\d.,/]+)\s?([^\d\s]*)")


@lru_cache(maxsize=4_096)
def _quantity(text: str) -> tuple[str, str] | None:
    """A number and its unit: "160.0 m" is "160m"."""
    match = _QUANTITY.fullmatch(text)
    value = canonical_number(match[1]) if match else None
    return None if match is None or value is None else (value, match[2].casefold())


def _same_quantity(said: str, choices: Sequence[str]) -> list[int]:
    value = _quantity(said)
    given = [_quantity(choice) for choice in choices]
    if value is None:
        return []
    return [i for i, one in enumerate(given) if one and one[0] == value[0] and value[1] in (one[1], "")]


def _option_of(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option whose text a span repeats, if it is exactly one; upper and lower case count only where they decide."""
    if span[1] - span[0] > MAX_ANSWER_CHARS:
        return None
    said = _plain_words(text[span[0] : span[1]])
    if not said:
        return None
    plain = [_plain_words(choice) for choice in choices]
    for hits in (
        [i for i, choice in enumerate(plain) if choice == said],
        [i for i, choice in enumerate(plain) if choice.casefold() == said.casefold()],
        _same_quantity(said, plain),
    ):
        if len(hits) == 1:
            shown = text[slice(*span)].strip(_AROUND)
            begin = text.index(shown, span[0])
            return Extraction(answer=LETTERS[hits[0]], span=(begin, begin + len(shown)))
    return None


def _option_first(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option whose text a phrase begins with ("True. Let me explain"), the longest of them."""
    link = _LINK.match(text, *span)
    begin = link.end() if link else span[0]
    said = text[begin : span[1]].casefold()
    found: list[tuple[int, int]] = []
    for index, choice in enumerate(choices):
        words = _plain_words(choice).casefold()
        if (
            len(words) > 1
            and said.startswith(words)
            and not re.match(r"[\w%°]|[.,/:]\d|[-–]\w|\s(?:or|and)\b", said[len(words) :])
        ):
            found.append((len(words), index))
    found.sort(reverse=True)
    if not found or (len(found) > 1 and found[0][0] == found[1][0]):
        return None
    return Extraction(answer=LETTERS[found[0][1]], span=(begin, begin + found[0][0]))


def _option_named(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The one option whose text stands in a sentence, whole words; quantities only where they are what the sentence gives."""
    said = text[span[0] : span[1]].casefold()
    if len(said) > MAX_ANSWER_CHARS:
        return None
    number = concluded_number(text, *span)
    hits: list[tuple[int, int, int]] = []
    for index, choice in enumerate(choices):
        words = _plain_words(choice).casefold()
        quantity = _quantity(words)
        if quantity:
            if (
                number
                and number.span
                and number.answer == quantity[0]
                and not _JOINED.search(said, 0, number.span[0] - span[0])
                and not _GOES_ON.match(text, number.span[1], span[1])
            ):
                hits.append((number.span[0] - span[0], number.span[1] - span[0], index))
        elif len(words) > 1:
            found = re.finditer(rf"(?<![\w-]){re.escape(words)}(?![\w]|-\w)", said)
            hits.extend((*match.span(), index) for match in found)
    whole = [
        one
        for one in hits
        if not any(o[0] <= one[0] and one[1] <= o[1] and o[1] - o[0] > one[1] - one[0] for o in hits)
    ]
    if len({index for *_, index in whole}) != 1:
        return None
    left, right, index = whole[-1]
    if _DENIED.search(said[:left] + " " + said[right:]):
        return None
    return Extraction(answer=LETTERS[index], span=(span[0] + left, span[0] + right))


def _option_in(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option that a phrase names: by its text, by its letter, or both."""
    alone = len(text[slice(*span)].strip(_AROUND)) == 1 and _letter_at(text, *span, len(choices))
    if alone:  # nearly always: a text of one character is asked about only where no option has this letter
        return alone
    by_text = _option_of(text, span, choices)
    if by_text and by_text.span and by_text.span[1] - by_text.span[0] > 1:
        return by_text
    return _letter_at(text, *span, len(choices)) or by_text or _option_first(text, span, choices)


# --- the rules ----------------------------------------------------------------------------------------------------


def _named_letters(text: str, start: int, end: int, count: int) -> set[str]:
    """The options that a text names by a letter that stands alone."""
    named = (m for m in _NAMED.finditer(text, start, end) if m["letter"] in LETTERS[:count])
    return {m["letter"] for m in named if not _is_word(text, m["letter"], m.end(), end)}


def _named_low(text: str, match: re.Match[str], count: int) -> bool:
    """Whether a letter in lower case is an option's name: "option (d)", "(d)"."""
    before = text[match.start() : match.start("letter")].rstrip(" (*").lower()
    bracketed = text[match.start("letter") - 1 : match.start("letter")] == "("
    return match["letter"].upper() in LETTERS[:count] and (bracketed or before.endswith(("option", "choice")))


def _line_end(text: str, start: int) -> int:
    newline = text.find("\n", start)
    return len(text) if newline < 0 else newline


def _said(text: str, start: int, choices: Sequence[str]) -> Iterator[tuple[int, Extraction]]:
    """What phrases say, each with its place: "the answer is ...", "(C) is correct", "that leaves us with C"."""
    count = len(choices)
    for match in near(_IS_RIGHT, text, start, _VERDICTS, before=120, after=20):
        group = str(match.lastgroup)
        supposed = _SUPPOSED.search(text, max(start, match.start() - 30), match.start(group))
        if (
            match[group] in LETTERS[:count]
            and not supposed
            and not _is_word(text, match[group], match.end(group), len(text))
        ):
            also = _ALSO.search(text, match.end(group), match.end())
            yield match.start(group), UNDECIDED if also else Extraction(answer=match[group], span=match.span(group))
    for match in near(_POINTS, text, start, _POINTERS, before=20, after=110):
        end = _line_end(text, match.end())
        found = _letter_at(text, match.end(), end, count)
        if found and match[0].lower().startswith("le"):  # "that leaves (A) the train and (D) the plane"
            left = {m[m.lastgroup or ""] for m in _MARKED.finditer(text, match.end(), end)}
            found = UNDECIDED if len(left & set(LETTERS[:count])) > 1 else found
        if found:
            yield match.end(), found
    judged = {m["letter"]: m for m in _JUDGED.finditer(text, start) if m["letter"] in LETTERS[:count]}
    if len(judged) == 1:  # "C) This is correct, since ..." among others that aren't
        [(letter, match)] = judged.items()
        yield match.start("letter"), Extraction(answer=letter, span=match.span("letter"))


def read_letter(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    text = text.translate(PLAIN_SIGNS)
    for one in statements(text, start, options=True):
        span = one.boxes[-1] if one.boxes else one.span
        others = one.rule == "phrase" and _OTHERS.search(text, max(start, span[0] - 90), span[0])
        found = None if others else _option_in(text, span, choices)
        if found:
            yield one.rule, found
    for _, found in sorted(_said(text, start, choices), key=lambda one: one[0], reverse=True):
        yield "phrase", found
    yield from _only(text, start, choices)
    if vague:
        yield from _vague(text, start, choices)


def _only(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    body = text[start:].strip()
    lines = body.splitlines()
    if not lines:
        return
    offset = text.index(body, start)
    own = _option_of(text, (offset, offset + len(lines[0])), choices)
    if own and len(lines) > 1 and _EXPLAINS.match("".join(lines[1:3])):
        yield "only", own
    first = _ONLY.fullmatch(text, offset, offset + len(lines[0]))
    found = _letter_at(text, *first.span(), len(choices)) if first else None
    if first and found and _stands_alone(text, first, found, lines, choices):
        yield "only", found


def _stands_alone(
    text: str, first: re.Match[str], found: Extraction, lines: Sequence[str], choices: Sequence[str]
) -> bool:
    """Whether a first line such as "C" or "C) Plane" is the answer, not the beginning of a list or of a discussion."""
    if first["bare"] is not None:
        return True
    if _SUBJECT.match(text, found.span[1] if found.span else 0):
        return False
    own = _option_of(text, first.span("rest"), choices)
    if own:
        listed = any((m := _ONLY.fullmatch(line)) and m["rest"] for line in lines[1:])
        return own.answer == found.answer and not listed
    listed = any(_LISTED.match(line) for line in lines[1:])
    return not listed and not _MARKED.search(text, *first.span("rest")) and not _ITEM.search(text, *first.span("rest"))


def _vague(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    body = text[start : own_end(text, start)].rstrip()
    if not body or CUT.search(body[-40:]):
        return
    count = len(choices)
    line = (max(start, text.rfind("\n", 0, start + len(body)) + 1), start + len(body))
    listed = _LISTED.match(text, *line) and _LISTED.search(text, start, line[0])
    for last in (line, next(last_sentences(text[: line[1]], line[0]), line)):
        if last[1] - last[0] > MAX_ANSWER_CHARS or listed:
            continue
        marked = [(m[str(m.lastgroup)], m.span(str(m.lastgroup))) for m in _MARKED.finditer(text, *last)]
        marked = [one for one in marked if one[0] in LETTERS[:count] and not _SUBJECT.match(text, one[1][1])]
        if len({letter for letter, _ in marked}) == 1 and not _DENIED.search(text, *last):
            yield "marked", Extraction(answer=marked[-1][0], span=marked[-1][1])
        ending = _LAST.fullmatch(text, *last)
        if (
            ending
            and (ending["letter"] in LETTERS[:count] or _named_low(text, ending, count))
            and len(_named_letters(text, *last, count)) <= 1
        ):
            yield "marked", Extraction(answer=ending["letter"].upper(), span=ending.span("letter"))
        whole = not SENTENCE_END.search(text, *last)
        option = _option_of(text, last, choices) or (_option_named(text, last, choices) if whole else None)
        if option:
            yield "option", option
    yield from _own_line(text, start, choices)


def _own_line(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    """A line, anywhere, that is an option's letter with its own text ("**C. Plane**"), if no other option has one."""
    lines = [(m.end(), _line_end(text, m.end()), m[0]) for m in _LISTED.finditer(text, start)]
    found = [(head, own) for left, right, head in lines if (own := _option_of(text, (left, right), choices))]
    if found and len({own.answer for _, own in found}) == 1 and str(found[-1][1].answer) in found[-1][0]:
        yield "marked", found[-1][1]
