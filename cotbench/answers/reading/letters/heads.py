"""How an option's letter looks where it is given as an answer, alone or beside a second one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cotbench.answers.reading.options import AROUND, option_first, option_of
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import WORD_LETTER, caseless
from cotbench.answers.reading.rules import UNDECIDED, Extraction
from cotbench.answers.reading.statements import MAX_PHRASE_CHARS
from cotbench.types import LETTERS

Said = tuple[int, Extraction]  # a place, and the answer that a phrase gives there
# What an option's letter must not touch: `\b` and `\w` would take Chinese and Thai for a part of the same word.
FREE = rf"(?<![{WORD_LETTER}0-9_'’])"
UNTOUCHED = rf"(?![{WORD_LETTER}0-9_'’°#^]|[-–][{WORD_LETTER}0-9_])"
OPEN = r"[(\[{<*_`$\"'“‘「『【《〈]"
CLOSE = r"[)\]}>*_`$\"'”’」』】》〉]"
_OPTION_NOUNS = (  # what may stand before an option's letter in other languages
    r"(?i:opci[óo]n|opzione|op[çc][ãa]o|optie|alternativa|letra|lettre|lettera|buchstabe|odpowied[źz]|opcj[aąę]"
    r"|вариант|буква|опция|phương\sán|câu|lựa\schọn|seçenek|şık|jawaban|pilihan|vastaus|la|le|il|l['’])\s"
    r"|(?:选项|選項|选择|選択肢|选|選|項|보기|선택지|الخيار|الاختيار|الحرف|विकल्प|ข้อ|ตัวเลือก)\s?[:：]?"
)
# What may stand around a letter that is given as an answer: (C)  **C**  $\text{C}$  <C>  C) Plane  C. Plane  Option C
_HEAD = re.compile(
    r"(?:<\w{2,20}>|\{\s{0,8}[\"'](?:letter|option|choice|label|id|key|value"
    r"|answer)[\"']\s?:|[\s*_`$<\"'“‘(\[{「『【《〈]|\\[(\[;:,!]|\}\s?(?=\\)|\\(?:text|textbf|textit|mathrm|mathbf|mathsf"
    r"|boxed|fbox|bf|rm)\s*+\{|(?i:option|choice|letter|answer|both|either)\b(?:\s(?i:is|number|letter)\b)?:?"
    r"|(?i:the\s(?:correct\s)?(?:letter|option|choice|answer))\b"
    rf"|{_OPTION_NOUNS})*+(?P<letter>(?<=['‘])[A-Z](?=['’])|[A-Z](?:(?=['’](?:d[iıuü]r|t[iıuü]r)\b)"
    rf"|(?![{WORD_LETTER}0-9'’°#^]|[-–_][{WORD_LETTER}0-9_]|\s*+[=+/≈]|\s?\.\s?[A-Z]\.|\([a-z0-9]\)\s?=)))"
)
_LOWER_HEAD = caseless(
    r"[\s*_`$<\"'{\[]*+(?:(?:option|choice)\s)?(?:\((?P<bracketed>[a-z])\)"
    r"|[(]?(?P<letter>[a-z])(?:[).:]\s|\s\([^()\n]{1,200}\)\s*+\Z|[\s*_`$>\"'.)\]}]*+\Z))"
)
BUT = (
    r"(?:[,;]?\s?(?:but(?:\srather)?|rather|instead|sondern|sino(?:\sla)?|mais|ma|mas|а|lecz|maar|而是)"
    r"|[;,.—–-]\s?(?:[Ii]t(?:['’]s|\sis)(?:\srather)?|rather))\s*"
)
_NOT_BUT = caseless(  # "not A but B", "not (A), it is (B)"; "AではなくB"
    r"\s*(?:(?:n[o']t|nicht|no|pas|non|não|не|nie|niet|不是|不)\s*(?:option\s|choice\s"
    rf"|la\s)?{OPEN}{{0,3}}[A-Z]{CLOSE}{{0,3}}(?![{WORD_LETTER}]){BUT}"
    rf"|{OPEN}{{0,3}}[A-Z]{CLOSE}{{0,3}}\s?(?:ではなく|じゃなく|(?:가|이|는|은)?\s?아니라|(?:가|이)?\s?아니고|değil,?)[、,]?\s?)"
)
MARKED = re.compile(
    rf"(?:(?:(?<![{WORD_LETTER}0-9)\]])[(\[]\s?|<(?=[A-Z]>(?!.*</)))(?P<a>[A-Z])\s?[)\]>]"
    r"|\*\*\s?\(?(?P<b>[A-Z])\s?(?:[).:]|\*\*)|\b[Oo]ption\s(?P<c>[A-Z])\b(?!['’]))"
)
_SECOND = re.compile(
    r"[\s)\]*_`\"'}$」』】]*+(?:\([^()\n]{1,60}\)\s?)?(?:\\(?:text|textbf|mathrm)\s?\{\s?)?\(?"
    r"(?:,?\s?but(?=\s(?:maybe|perhaps|possibly|also|probably)\b)|,|;|&|/|、|،|和|或者?|及|与|與|以及|または|もしくは|か|と|또는|혹은|와|과"
    r"|및|และ|หรือ|أو|و|या|और|(?:and/or|and|or|und|oder|et|ou|y|o|e|en|of|и|или|oraz|lub|i|ve|veya|và|hoặc|atau"
    r"|dan)\b)[\s(\[*_`\"'{}$「『【]*+(?:\\(?:text|textbf|mathrm|mathbf)\s?\{\s?)?(?:(?:and|or|option|choice|maybe"
    r"|perhaps|possibly|probably|likely|also|even|else|vielleicht|quizás|tal\svez|peut-être|talvez|forse|может\sбыть"
    r"|возможно|아마)(?![^\W\d_])[\s(\[*_`,]*+){0,3}(?:也?(?:有?可能|许|許)(?:是|选)?\s?)?(?:选项|選項)?"
)
# "A B", "(A) (C)", "A  B  D": all that a line holds.
_SIDE_BY_SIDE = re.compile(
    r"(?:(?<!\(.)(?<!\[.)[*_`]*(?:(?:[ \t]+(?:[-–—]\s)?|\\[ ,;:!]\s?)[*_`]*(?P<a>[A-J])[*_`]*){1,9}"
    r"|[)\]][*_`]*(?:[ \t]*[*_`]*[(\[](?P<b>[A-J])[)\]][*_`]*){1,9})[.。$}\s]*(?:\Z|\n|<)"
)
# A second option with its own text: "A) red and B) blue".
_SECOND_NAMED = re.compile(
    r"[)\]*.:]*\s(?P<own>[^.;:\n()]{1,80}?)(?:,?\s(?:and|or|&)\s|[,;]\s)(?:also\s"
    r"|(?:option|choice)\s)?\**(?:\((?P<a>[A-Z])\)|(?P<b>[A-Z])[):.])\**\s"
)
_CLAUSE = caseless(
    r"\b(?:since|because|as|while|which|whereas|but|so|if|than|not|is|are|was|were|from|between|of|with|for|that)\b"
)
_SEVERAL = re.compile(r"[\s*_`$(\[{]*([A-J]{2,})[\s*_`$)\]}.。]*(?:<|\Z)")
_NAMED = re.compile(rf"{FREE}(?<![.°])(?P<letter>[A-Z])(?![{WORD_LETTER}0-9_'’°]|[-–][{WORD_LETTER}0-9_])")
HEAD_CHARS = 200  # in which the letter of a phrase must come
_AS_A_WORD = re.compile(
    r"\s+(?!(?:is|because|since|as|seems|for|with|and|or|fits|works|holds|remains|matches|satisfies|follows)\b)[a-z]"
)
_NEXT_ITEMS = tuple(re.compile(rf"[;,.。\s]\s?\(?{letter}[.:、)]") for letter in "BC")
_ITEM_CHARS = 400
_MARK = re.compile(r"[)\]]?[.:、)]")


def is_word(text: str, letter: str, start: int, end: int) -> bool:
    """Tell whether a letter is an article or a pronoun of what follows: "A plane", "I think", not "A is right"."""
    return letter in "AI" and _AS_A_WORD.match(text, start, end) is not None


def letter_at(text: str, start: int, end: int, count: int) -> Extraction | None:
    """The letter that a phrase begins with; `UNDECIDED` where it goes on to a second one ("B or C")."""
    other_way = _NOT_BUT.match(text, start, end)
    start = other_way.end() if other_way else start
    match = _HEAD.match(text, start, min(end, start + HEAD_CHARS)) or _LOWER_HEAD.match(text, start, end)
    group = str(match and match.lastgroup)
    letters = LETTERS[:count]
    several = _SEVERAL.match(text, start, end)
    if several and set(several[1]) <= set(letters) and list(several[1]) == sorted(set(several[1])):
        return UNDECIDED  # "ACD"
    if match is None or (letter := match[group].upper()) not in letters:
        return None
    if is_word(text, match[group], match.end(group), end):
        return None
    found = Extraction(answer=letter, span=match.span(group))
    second = _SECOND.match(text, match.end(), end)
    other = _NAMED.match(text, second.end(), end) if second else None
    beside = _SIDE_BY_SIDE.match(text, match.end(group), end)
    if beside and (neighbour := beside["a"] or beside["b"]) in letters:
        return UNDECIDED if neighbour != letter else found
    beyond = other and text[other.end() : other.end() + 1] in (")", "]", ".", "")  # "(B, F)" of four options
    known = LETTERS[: max(count, 10)] if beyond else letters
    if other and other["letter"] in known and not is_word(text, other["letter"], other.end(), end):
        return UNDECIDED if other["letter"] != letter else found
    if letter == "A" and _lists_options(text, match.end("letter"), count):
        return None
    named = _SECOND_NAMED.match(text, match.end(), end)
    if named and (named["a"] or named["b"]) in letters.replace(letter, "") and not _CLAUSE.search(named["own"]):
        return UNDECIDED
    return found


def _lists_options(text: str, start: int, count: int) -> bool:
    """Tell whether an A is the first of the options that a text repeats: "A: red; B: blue; C: green"."""
    if not _MARK.match(text, start):
        return False
    for item in _NEXT_ITEMS[: count - 1]:
        following = item.search(text, start, start + _ITEM_CHARS)
        if following is None or text.count("\n", start, following.end()) > 1:
            return False
        start = following.end()
    return True


def option_in(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option that a phrase names: by its text, by its letter, or both."""
    alone = len(text[slice(*span)].strip(AROUND)) == 1 and letter_at(text, *span, len(choices))
    if alone:  # nearly always: a text of one character is asked about only where no option has this letter
        return alone
    by_text = option_of(text, span, choices)
    if by_text and by_text.span and by_text.span[1] - by_text.span[0] > 1:
        return by_text
    return letter_at(text, *span, len(choices)) or by_text or option_first(text, span, choices)


def named_letters(text: str, start: int, end: int, count: int) -> set[str]:
    """The options that a text names by a letter that stands alone."""
    named = (m for m in _NAMED.finditer(text, start, end) if m["letter"] in LETTERS[:count])
    return {m["letter"] for m in named if not is_word(text, m["letter"], m.end(), end)}


def named_low(text: str, match: re.Match[str], count: int) -> bool:
    """Tell whether a letter in lower case is an option's name: "option (d)", "(d)"."""
    before = text[match.start() : match.start("letter")].rstrip(" (*").lower()
    bracketed = text[match.start("letter") - 1 : match.start("letter")] == "("
    return match["letter"].upper() in LETTERS[:count] and (bracketed or before.endswith(("option", "choice")))


def line_end(text: str, start: int) -> int:
    newline = text.find("\n", start, start + MAX_PHRASE_CHARS)
    return min(len(text), start + MAX_PHRASE_CHARS) if newline < 0 else newline


def letter_behind(text: str, match: re.Match[str], count: int) -> Extraction | None:
    """The letter that the rest of a line behind a match begins with, as `letter_at` gives it."""
    return letter_at(text, match.end(), line_end(text, match.end()), count)


def said_behind(text: str, matches: Iterable[re.Match[str]], count: int) -> Iterator[Said]:
    """Yield the option behind each match, where there is one, and its place."""
    return ((match.end(), found) for match in matches if (found := letter_behind(text, match, count)))


def chosen(match: re.Match[str] | None, count: int) -> Extraction | None:
    """The option whose letter the last group of a match is, if there are so many options."""
    group = str(match and match.lastgroup)
    given = match is not None and match[group] in LETTERS[:count]
    return Extraction(answer=match[group], span=match.span(group)) if match and given else None
