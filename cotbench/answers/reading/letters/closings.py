"""The option that a text comes to without stating it: all that it says, or what it ends on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cotbench.answers.reading import options
from cotbench.answers.reading.declines import DECLINES, declines
from cotbench.answers.reading.endings import SENTENCE_END, broken_off, last_sentences, own_end
from cotbench.answers.reading.letters.heads import MARKED, chosen, letter_at, line_end, named_letters, named_low
from cotbench.answers.reading.letters.mentions import CALLED_WRONG, NOT_MINE, STRUCK, SUBJECT, SUPPOSED
from cotbench.answers.reading.options import DENIED, option_named, option_of
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import CJK, WORD_LETTER, caseless
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS, OF_LETTERS, REFUSAL, UNDECIDED, Extraction, Reading, Rule
from cotbench.types import LETTERS

# What a last sentence may come to: "..., which is choice D", "I'm not sure, but B", "I think it's C", "Not A, but B".
_ENDS_IN_LETTER = re.compile(r"[\s(*][A-Z][)*]*\W{0,3}\Z")
_COMES_TO = caseless(
    r"[^\n]*\b(?<!clear\s)(?<!know\s)(?<!tell\s)(?<!see\s)(?<!sure\s)(?<!ask\s)(?<!asks\s)(?:which|that|this"
    r"|it)(?:\sis|['’]s|\sgives|\smeans|\smakes\sit)\s(?:answer\s|option\s"
    r"|choice\s){1,2}[(*]*(?P<a>(?-i:[A-Z]))[)*]*\W{0,3}",
    r"[^\n]*\b(?:not\s(?:\w+\s|100\s?%\s)?(?:sure|certain)|unsure|no\sidea"
    r"|don['’]t\s(?:really\s)?know)\b[^.\n]{0,30}?\b(?:but|so)\s(?:(?:I|my|we)\s\w{1,12}\s){0,2}(?:it['’]s\s"
    r"|it\sis\s)?(?:option\s|choice\s)?[(*]*(?P<b>(?-i:[A-Z]))[)*]*\W{0,3}",
    r"\W{0,3}(?:(?:so|but|well|overall|hmm),?\s)?(?:I|we)\s(?:think|believe|guess|suspect"
    r"|reckon)\s(?:that\s)?(?:it['’]s\s|it\sis\s)?(?:option\s|choice\s)?[(*]*(?P<c>(?-i:[A-Z]))[)*]*\W{0,3}",
    r"\W{0,3}(?:(?:so|it['’]s|it\sis),?\s)?(?:n(?:ot|or)\s[(*]*(?-i:[A-Z])[)*]*[,;]?\s(?:and\s|or\s)?){0,9}n(?:ot"
    r"|or)\s[(*]*(?-i:[A-Z])[)*]*\s?(?:[:;—–-]"
    r"|[.,]\s(?:so|hence|thus|therefore|it['’]s|it\sis),?)\s?[(*]*(?P<d>(?-i:[A-Z]))[)*]*\W{0,3}",
)
_ONLY = re.compile(
    r"(?:<[|/]?\w{1,20}[|]?>\s*)*[\s*_`$<\"(\[{「【]*+[A-Za-z](?:(?P<bare>(?:입니다|이다|です|だ)?(?:[\s*_`$>\").:\]}」】。]"
    rf"|<[|/]?\w{{1,20}}[|]?>)*+\Z)|(?:[).:,]\**+(?:\s|(?=[{CJK}(]))|\s(?=\(|解析|说明|理由|因为|原因|根据))(?P<rest>.*))"
)
_WITH_LETTER = re.compile(r"(?P<own>[^\n]{1,300}?)\s\((?:[Oo]ption\s)?(?P<letter>[A-Z])\)[\s.*]*")
UNFINISHED_CHARS = 400  # of a text whose last line, longer than LINE_CHARS, may break off in a sentence
LINE_CHARS = 80
MAX_FORMULA_CHARS = 60  # of one at a text's end that holds nothing but a letter
LISTED = re.compile(rf"^[ \t*_>-]*+(?:\(?[A-Z][).:、]\**(?:\s|(?=[{CJK}]))|Option\s[A-Z]\b)", re.M)
_LISTED_LOW = re.compile(r"^[ \t*_>-]*+\(?[b-z]\)\s", re.M)
_IN_MID_SENTENCE = re.compile(rf"[{WORD_LETTER}0-9,;\-–(\\+=/]\s*\Z")
_EXPLAINS = caseless(r"\W*(?:explanation|rationale|reason(?:ing)?|justification|because)\b")
_ITEM_LETTER = re.compile(rf"(?:(?<![\w(])[A-Z]\)\s|(?<![{WORD_LETTER}0-9])[A-Z]:(?=[{CJK}]))")
_PREDICATE = caseless(r"\b(?:is|are|was|were|can|could|do|does|don['’]t|must|fail)\b")
_LETTER_IN_FORMULA = re.compile(  # all of a text, or its last line or lines: \\[ \\textbf{C} \\]
    r"(?:\\\[|\\\(|\$\$?)\s{0,3}(?:\\(?:text(?:bf|it)?|math(?:bf|rm|sf)|bf|rm)\s?\{\s?"
    r"|[({]){1,3}(?P<letter>[A-Z])[)}.\s]{0,6}(?:\\\]|\\\)|\$\$?)[\s.]{0,4}\Z"
)
HEADING = re.compile(r"[\s*_`]*\(?[A-Z]\)?[\s*_`.]*\Z")
# A last line that names one letter and says little more: "B", "So, B.", "It's (B)", "..., which is option B."
_LAST = caseless(
    r"(?:\W{0,5}(?:(?:so|thus|hence|therefore|it['’]?s|it\sis|that['’]?s|this\sis|most\slikely|answer|hint|clearly|p"
    r"robably|definitely|obviously|certainly|perhaps|likely|因此|所以|故|是|为)(?:\b|(?<=[因此所以故是为]))\W{0,3}){0,3}(?:option"
    r"|choice|letter)?|[^\n]{0,200}\b(?:it['’]s|(?<!answer\s)(?<!option\s)(?<!choice\s)(?:is|are))\s(?:option\s)?"
    r"|[^\n]{0,60}\b(?:es|c['’]est|est|è|é|ist|het\sis|это|jest|là|adalah)\s(?:(?:la|le|il|die|der|a|o)\s)?"
    r"(?:(?:réponse|respuesta|antwort|risposta|resposta|ответ)\s)?|[^\n.:]{1,40}:|[^\n]*(?:因此|所以|故|综上)[^\n]{0,60}?"
    r"(?:是|为|為|选|選)|.*\b(?:option|choice|opci[óo]n|opzione|op[çc][ãa]o|optie|lettre|letra|вариант|(?:therefore|thus"
    rf"|hence|so),?))\W{{0,4}}(?<![{WORD_LETTER}])(?P<letter>[A-Z])[\W]{{0,4}}(?:です|だ|이다|입니다)?\W{{0,2}}"
)
_HENCE_LETTER = re.compile(
    r"(?:[^\n]*[\s,.;])?(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s[(*]*(?P<letter>[A-Z])[)*]*\W{0,3}"
)
_RELATIVE = re.compile(
    r"[^.\n]{1,120}?\b(?:that|which|who)\s[^.\n]{0,160}?\b(?:not|n['’]t|never|cannot|false"
    r"|incorrect)\b[^.\n]{1,160}\s(?:is|are|was|would\sbe)(?=[\s:*]{1,4}(?:option\s)?\(?[A-Z]\b)"
)
_IF = caseless(r"\W{0,3}(?:if|unless)\s")


def _explained_option(text: str, line: Span, below: Sequence[str], choices: Sequence[str]) -> Extraction | None:
    return option_of(text, line, choices) if below and _EXPLAINS.match("".join(below[:2])) else None


def _option_with_letter(text: str, line: Span, _below: Sequence[str], choices: Sequence[str]) -> Extraction | None:
    both = _WITH_LETTER.fullmatch(text, *line)
    own = option_of(text, both.span("own"), choices) if both else None
    return own if both and own and own.answer == both["letter"] else None


def _formula(text: str, line: Span, _below: Sequence[str], choices: Sequence[str]) -> Extraction | None:
    return chosen(_LETTER_IN_FORMULA.match(text, line[0]), len(choices))


def _first_line(text: str, line: Span, below: Sequence[str], choices: Sequence[str]) -> Extraction | None:
    """The letter of a first line such as "C" or "C) Plane", where that doesn't begin a list or a discussion."""
    first = _ONLY.fullmatch(text, *line)
    found = letter_at(text, *line, len(choices)) if first else None
    if first is None or found is None or (found is UNDECIDED and _PREDICATE.search(text, *line)):
        return None  # "A, B and D can be ruled out. So C."
    if first["bare"] is not None:
        return found
    rest = first.span("rest")
    if own := option_of(text, rest, choices):
        listed = any((m := _ONLY.fullmatch(line)) and m["rest"] for line in below)
        return found if own.answer == found.answer and not listed else None
    if SUBJECT.match(text, found.span[1] if found.span else 0) or CALLED_WRONG.match(first["rest"]):
        return None
    item = _LISTED_LOW if first[0].strip(" (")[:1].islower() else LISTED
    discussed = any(map(item.match, below)) or MARKED.search(text, *rest) or _ITEM_LETTER.search(text, *rest)
    return None if discussed else found


# find(text, its first line, the lines below, options)
ALONE = (
    Rule("option and its reasons", "only", OF_LETTERS, _explained_option),  # "Tungsten", and "Explanation: ..." below
    Rule("option with its letter", "only", OF_LETTERS, _option_with_letter),  # "Tungsten (C)"
    Rule("letter in a formula", "only", OF_LETTERS, _formula),  # "$\\text{C}$"
    Rule("letter alone", "only", OF_LETTERS, _first_line),  # "C", "C. It burns last"
)


def all_it_says(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield what the rows of `ALONE` read in a text that is an answer, or begins with one and explains it."""
    body = text[start:].strip()
    lines = body.splitlines()
    if lines:
        begin = text.index(body, start)
        for rule in ALONE:
            yield from rule.ask(text, (begin, begin + len(lines[0])), lines[1:], choices)


def _is_denied(text: str, last: Span) -> bool:
    """Tell whether a sentence denies what it names; "the only pair that does not fit is (E)" denies nothing."""
    relative = _RELATIVE.match(text, *last)
    return DENIED.search(text, relative.end() if relative else last[0], last[1]) is not None


def _is_struck(text: str, begin: int, end: int) -> bool:
    """Tell whether an option is struck out, or chosen by others, in the sentence in front of it."""
    return bool(STRUCK.search(text, begin, end) or NOT_MINE.search(text, begin, end))


def _one_marked(text: str, last: Span, choices: Sequence[str]) -> Extraction | None:
    marked = [
        found
        for match in MARKED.finditer(text, *last)
        if (found := chosen(match, len(choices)))
        and found.span
        and not SUBJECT.match(text, found.span[1])
        and not _is_struck(text, last[0], found.span[0])
        and not SUPPOSED.search(text, last[0], found.span[0])
    ]
    return marked[-1] if len({one.answer for one in marked}) == 1 and not _is_denied(text, last) else None


def _last_letter(text: str, last: Span, choices: Sequence[str]) -> Extraction | None:
    ending = None if _is_denied(text, last) else _LAST.fullmatch(text, *last)
    count = len(choices)
    if (
        ending
        and (ending["letter"] in LETTERS[:count] or named_low(text, ending, count))
        and len(named_letters(text, *last, count)) <= 1
        and not _is_struck(text, last[0], ending.start("letter"))
    ):
        return Extraction(answer=ending["letter"].upper(), span=ending.span("letter"))
    return None


def _hence(text: str, last: Span, choices: Sequence[str]) -> Extraction | None:
    return chosen(_HENCE_LETTER.fullmatch(text, *last), len(choices))


def _comes_to(text: str, last: Span, choices: Sequence[str]) -> Extraction | None:
    in_letter = _ENDS_IN_LETTER.search(text, last[1] - 8, last[1])
    return chosen(_COMES_TO.fullmatch(text, *last), len(choices)) if in_letter else None


def _own_words(text: str, last: Span, choices: Sequence[str]) -> Extraction | None:
    option = option_of(text, last, choices)
    return option if option or SENTENCE_END.search(text, *last) else option_named(text, last, choices)


def _own_line(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    lines = [(m[0], (m.end(), line_end(text, m.end()))) for m in LISTED.finditer(text, start)]
    given = [(head, own) for head, line in lines if (own := option_of(text, line, choices))]
    one = len({own.answer for _, own in given}) == 1 and str(given[-1][1].answer) in given[-1][0]
    return given[-1][1] if one else None


def _one_in_all(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    if len(text) - start > UNFINISHED_CHARS:
        return None
    named = [
        option
        for sentence in last_sentences(text, start)
        if not _only_supposed(text, sentence, choices) and (option := option_named(text, sentence, choices))
    ]
    if not named or named[0].span is None or text[named[0].span[1] :][:1] not in (".", "!"):
        return None
    low = text[start:].casefold()
    others = (choice for letter, choice in zip(LETTERS, choices, strict=False) if letter != named[0].answer)
    return None if any(choice.casefold().strip(options.AROUND) in low for choice in others) else named[0]


def _closing_formula(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    return chosen(_LETTER_IN_FORMULA.search(text, max(start, len(text) - MAX_FORMULA_CHARS)), len(choices))


def _only_supposed(text: str, span: Span, choices: Sequence[str]) -> bool:
    """Tell whether a sentence supposes an option before it comes to its point: "If you choose (B), you lose it"."""
    begin = options.main_clause(text, span)[0]
    supposed = _IF.match(text, span[0]) if begin > span[0] else None
    return supposed is not None and bool(
        named_letters(text, span[0], begin, len(choices)) or option_named(text, (supposed.end(), begin), choices)
    )


CLOSING_FORMULA = Rule("closing formula", "marked", OF_LETTERS, _closing_formula, vague=True)
# find(text, the last line or sentence, options): all rows are asked about the line before any is about the sentence.
CLOSINGS = (
    Rule("one marked", "marked", OF_LETTERS, _one_marked, vague=True),  # "That must mean (C) then"
    Rule("last letter", "marked", OF_LETTERS, _last_letter, vague=True),  # "So, C."
    Rule("hence", "marked", OF_LETTERS, _hence, vague=True),  # "A, B and D can't be right. So C."
    Rule("comes to", "marked", OF_LETTERS, _comes_to, vague=True),  # "I'm not sure, but C", "not A, not B: C"
    Rule("option's own words", "option", OF_LETTERS, _own_words, vague=True),  # "The wire is of tungsten."
)
# find(text, start, options)
ANYWHERE = (
    Rule("line of its own", "marked", OF_LETTERS, _own_line, vague=True),  # "**C. Tungsten**", in the midst of a text
    Rule("one in all", "option", OF_LETTERS, _one_in_all, vague=True),  # the only option that a short text names
    Rule("opening", "option", OF_LETTERS, options.begins_with_option, vague=True),  # "Tungsten, as it melts late. ..."
)
ENDINGS = (*ALONE, CLOSING_FORMULA, *CLOSINGS, *ANYWHERE)


def what_it_ends_on(text: str, start: int, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield what `CLOSING_FORMULA`, `CLOSINGS` and `ANYWHERE` read; nothing where the text breaks off."""
    body = text[start : own_end(text, start)].rstrip() or text[start:].rstrip()
    line = (max(start, text.rfind("\n", 0, start + len(body)) + 1), start + len(body))
    if not body or (not HEADING.match(text, *line) and broken_off(text[: line[1]], start)):
        return
    yield from CLOSING_FORMULA.ask(text, start, choices)
    sentence = next(last_sentences(text[: line[1]], line[0]), line)
    several = len(_ITEM_LETTER.findall(text, *line)) > 1
    listed = several or (LISTED.match(text, *line) and LISTED.search(text, start, line[0]))
    if len(body) > UNFINISHED_CHARS and line[1] - line[0] > LINE_CHARS and _IN_MID_SENTENCE.search(text, *line):
        return
    for last in (line, sentence):
        if last[1] - last[0] > MAX_ANSWER_CHARS or listed or _only_supposed(text, last, choices):
            continue
        for rule in CLOSINGS:
            yield from rule.ask(text, last, choices)
    for rule in ANYWHERE:
        yield from rule.ask(text, start, choices)
    if declines(text, *sentence):
        yield DECLINES.reads(REFUSAL)
