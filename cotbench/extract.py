r"""Completion text -> answer, with the rule and the span that found it. Never sees gold.

One ladder of rules per answer type, used by every mode, from explicit to vague; the first rule that finds anything
decides, and within a rule the last match wins (a model may restate itself).

    rule        what it reads                                              types
    contract    `Answer: ...`, the form every prompt asks for              all
    boxed       the last \boxed{...}                                       all
    hashes      `#### ...`, the form of GSM8K's own solutions              number, latex
    phrase      "the (final|best|correct) answer is ..."                   all
                "(C) is the correct option", "I choose (C)"                letter
    only        the whole output is nothing but an answer; or the first    all
                line is (number, letter)
    marked      the one letter in brackets, bold or alone on the last line letter
    option      the last line is the text of exactly one option            letter
    last_math   the last $...$ of the last paragraph                       latex
    last        the last number of the text                                number

`marked`, `option`, `last_math` and `last` are vague (`VAGUE`): where the text was cut at the token budget
they don't apply, since the last number of a text cut in mid-sentence is an accident. A number or formula that ends
where the text was cut isn't read either: more of it may have been to come.

A model that has answered may run on into a question of its own making; what it writes from there on isn't searched.
Reasoning that a model puts between <think> and </think> is not searched; an unclosed <think> holds no answer.
Spans are character ranges [start, end) of the output as the engine returned it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from cotbench.types import LETTERS, AnswerType

VAGUE = frozenset({"marked", "option", "last_math", "last"})

MAX_WORDS_BELOW = 4  # of an answer on a line of its own
MAX_WORDS = 5  # of an answer that isn't marked as LaTeX: "12 square feet" is one, a sentence isn't
MAX_ANSWER_CHARS = 1_000  # an answer longer than this is not one; MATH's longest gold has 159 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """answer: canonical for numbers ("42", "-0.5", "1/3") and letters ("C"), the text itself for LaTeX; None = unread."""

    answer: str | None
    rule: str = ""
    span: tuple[int, int] | None = None


NOTHING = Extraction(answer=None)

Span = tuple[int, int]

# --- building blocks ----------------------------------------------------------------------------------------------
# Every pattern here must stay linear in the text: runs that touch each other are possessive (`*+`), or bounded.

_THINK_END = "</think>"
_THINK_START = "<think>"

# Digits with thousands separators (comma, or a space of some kind), an optional fraction part or a denominator.
_DIGITS = r"(?>\d{1,3}(?:(?:,(?:\\!)?|\{,\}|\\,|[ \u00a0\u2009\u202f])\d{3})++(?!\d)|\d++)"
_MINUS = r"[-−–‑－]"
_NUMBER = re.compile(
    # A minus that stands apart is a sign only behind ":", "=" or bold: elsewhere it subtracts, or marks an item of a list.
    rf"(?<![\w.])(?<!\d:)(?P<sign>(?<=[:=*]\s){_MINUS}\s|{_MINUS}?)(?P<currency>\\?[$€£¥₹]\s?)?(?P<sign2>{_MINUS}?)"
    r"(?:(?:(?P<units>\d{1,6})\s?)?\\[dtc]?frac\s?(?:\{\s?(?P<n>-?\d+)\s?\}\s?\{\s?(?P<d>\d+)\s?\}|(?P<n1>\d)\s?(?P<d1>\d))"
    r"|(?:(?P<units2>\d{1,6})\s(?=\d{1,2}/\d))?"
    rf"(?:(?P<whole>{_DIGITS})(?P<fraction>\.\d++)?+|(?P<bare>\.\d++))(?![:.]\d)(?:\s?/\s?(?P<denominator>\d+(?:\.\d+)?))?"
    r"(?:[eE](?P<exponent>[-+]?\d{1,2})(?!\w)|\s?(?:\\times|\\cdot|[×*·])\s?10\s?\^\s?\{?(?P<power>-?\d{1,2})(?!\d)\}?)?)"
)
_SEPARATORS = re.compile(r"\{,\}|\\,|\\!|[, \u00a0\u2009\u202f]")

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_SPACES = rf" \t\r\u00a0\u202f{_INVISIBLE}"
_MARKUP = rf"[{_SPACES}>*_`#\-•]*+"
_WRAP = rf"[{_SPACES}*_`#]*+"  # what may stand between "Answer:" and the answer; a "-" is the answer's sign
_CONTRACT = re.compile(
    rf"(?:^|(?<={_THINK_END})|(?<=[.!?;)]\s)|(?<=[,:→]\s)){_MARKUP}(?:(?:the|my)\s)?(?:(?:final|correct|right|best)\s){{0,2}}"
    rf"answer(?:\sline)?{_WRAP}"
    rf"(?:[:：]|(?=\n)){_WRAP}(?:\n{_WRAP}){{0,3}}(?:(?<=\n)[-•]\s)?(?=\S)",
    re.I | re.M,
)
# A number or a formula: "#### Step 2" and "#### 2. Add up" are headings.
_HASHES = re.compile(rf"####(?!#|{_WRAP}(?:[A-Za-z]{{2}}|\d+[.):][ \t]+\S)){_WRAP}(?=\S)")
_PHRASE = re.compile(
    r"\b(?<!wrong\s)(?<!incorrect\s)(?:answer(?:\s++(?:to|for|of)\s++[^.:\n]{1,60}?)?|(?:the|my|correct|right|best|final)\s(?:option|choice))"
    r"(?:\s++(?:is|should\sbe|must\sbe|would\sbe)\b|\s*+=)"
    r"(?:\s++(?:therefore|thus|then|hence|most\slikely|likely|probably|definitely|clearly|obviously|simply|just|indeed|actually"
    r"|exactly|approximately|about|option|choice)\b)*+\s*+[:：]?\s*+(?=\S)",
    re.I,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*+(?:(?P<brace>\{)|(?P<bare>[-+]?\d[^\s$\\{}]*|[A-Za-z](?![A-Za-z])))")
_DENIAL = re.compile(r"(?:not|neither|none)\b", re.I)
_LIST_ITEM = re.compile(r"step\b|\d+[.)]\s+\S", re.I)
_BRACE = re.compile(r"\\.|[{}]", re.S)
_DISPLAY = {"\\[": "\\]", "$$": "$$"}

# Where a model that has answered runs on: the next question it invents, the next turn of a chat it plays.
_RUN_ON = re.compile(
    rf"^{_MARKUP}(?:question|q|problem|human|user){_WRAP}[:：]"
    r"|<\|(?:im_start|im_end|start_header_id|eot_id|endoftext|user)\|>|<(?:start|end)_of_turn>|\[INST\]|^\s?<s>",
    re.I | re.M,
)

_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}+(?!\})")  # words outside commands and \text{..}


def split_reasoning(text: str) -> tuple[int, bool]:
    """Where the visible answer begins, and whether a thought was left open.

    Chat templates may put "<think>" into the prompt, so that the output holds only "</think>".
    """
    end = text.rfind(_THINK_END)
    start = end + len(_THINK_END) if end >= 0 else 0
    return (len(text), True) if text[start:].lstrip().startswith(_THINK_START) else (start, False)


def boxed_spans(text: str) -> list[Span]:
    r"""The content of every closed \boxed{..} or \fbox{..}, in order; \boxed 5 gives "5". Linear in the text."""
    bare: list[Span] = []
    boxes: set[int] = set()  # where a box's content begins
    for match in _BOXED.finditer(text):
        if match["brace"]:
            boxes.add(match.end())
        else:
            bare.append(match.span("bare"))
    if not boxes:
        return bare
    opened: list[int] = []
    closed: list[Span] = []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.end())
        elif match[0] == "}" and opened:
            start = opened.pop()
            if start in boxes and match.start() - start <= MAX_ANSWER_CHARS:
                closed.append((start, match.start()))
    return sorted(bare + closed)


def _phrases(pattern: re.Pattern[str], text: str, start: int) -> Iterator[tuple[Span, bool]]:
    r"""What stands behind each match, to the end of its line or the next match; a display \[..\] to its end. Last first.

    The flag says whether it stands on a line below the match.
    """
    limit = len(text)
    for head in reversed(list(pattern.finditer(text, start))):
        begin, next_head = head.end(), limit
        limit = head.start()
        newline = text.find("\n", begin, next_head)
        end = next_head if newline < 0 else newline
        closer = _DISPLAY.get(text[begin : begin + 2])
        if closer:
            close = text.find(closer, begin + 2, min(next_head, begin + MAX_ANSWER_CHARS))
            end = max(end, close + 2) if close >= 0 else end
        if begin < end:
            yield (begin, end), "\n" in head[0]


def _is_prose(text: str, span: Span, below: bool) -> bool:
    """Whether a phrase denies ("not 5"), or begins a text that "Answer:" is only the heading of. Not for options."""
    start, end = span
    if _DENIAL.match(text, start, end):
        return True
    worked_on = "=" in text[start:end] and text[end : end + 2].strip()  # an equation, and no empty line behind it
    return below and bool(
        worked_on or _LIST_ITEM.match(text, start, end) or len(_WORD.findall(text, start, end)) > MAX_WORDS_BELOW
    )


def _explicit(text: str, start: int, rules: Sequence[str], *, options: bool = False) -> Iterator[tuple[str, Span]]:
    """The phrases that the explicit rules find, rule by rule; where an answer is an option's text, it may be prose."""
    patterns = {"contract": _CONTRACT, "hashes": _HASHES, "phrase": _PHRASE}
    for rule in rules:
        if rule == "boxed":
            yield from (("boxed", span) for span in _boxes_from(text, start))
            continue
        for span, below in _phrases(patterns[rule], text, start):
            if options or not _is_prose(text, span, below):
                yield rule, span


def _boxes_from(text: str, start: int) -> list[Span]:
    return [span for span in reversed(boxed_spans(text)) if span[0] >= start]


def _number_value(match: re.Match[str]) -> str | None:
    whole = _SEPARATORS.sub("", match["whole"] or "0")
    digits = whole + (match["fraction"] or match["bare"] or "")
    if any(len(group) > 256 for group in match.groups() if group):
        return None
    try:
        if match["n"] or match["n1"]:
            value = Fraction(int(match["n"] or match["n1"]), int(match["d"] or match["d1"]))
        else:
            value = Fraction(Decimal(digits)) * Fraction(10) ** int(match["exponent"] or match["power"] or 0)
        if match["denominator"]:
            value /= Fraction(Decimal(match["denominator"]))
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return None
    value += int(match["units"] or match["units2"] or 0)
    return show_number(-value if match["sign"] or match["sign2"] else value)


def show_number(value: Fraction) -> str:
    """The canonical text of an exact number: an integer, a finite decimal, or else a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    scaled = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + scaled[:-places] + "." + scaled[-places:]


def canonical_number(text: str) -> str | None:
    """The canonical form of a text that is a number and nothing else ("1,000" -> "1000", "1/2" -> "0.5"); else None."""
    text = text.strip()
    match = _NUMBER.fullmatch(text)
    return _number_value(match) if match else None


def _numbers(text: str, start: int = 0, end: int | None = None) -> Iterator[Extraction]:
    for match in _NUMBER.finditer(text, start, len(text) if end is None else end):
        value = _number_value(match)
        if value is not None:
            yield Extraction(answer=value, span=match.span())


# --- numbers ------------------------------------------------------------------------------------------------------

_REMARK = re.compile(r"\s\([^()\n]*+\)[\s.*$]*+\Z")  # "12 (since 3 * 4 = 12)"
_BLANK = f" \t\r\n*_`${_INVISIBLE}"


def _number_in(text: str, start: int, end: int) -> Extraction | None:
    """The number of a phrase such as "$18.00 per day" or "3 + 4 = 7 (eggs)": behind the last '=', else the first one."""
    remark = _REMARK.search(text, start, end)
    if remark and next(_numbers(text, start, remark.start()), None):
        end = remark.start()
    equals = text.rfind("=", start, end)
    found = next(_numbers(text, equals + 1, end), None) if equals >= 0 else None
    return found or next(_numbers(text, start, end), None)


def _read_number(text: str, start: int, vague: bool) -> Iterator[tuple[str, Extraction]]:
    for rule, span in _explicit(text, start, ("contract", "boxed", "hashes", "phrase")):
        found = _number_in(text, *span)
        if found:
            yield rule, found
    body = text[start:].strip(_BLANK)
    for whole in (body.strip("(").rstrip(f").{_BLANK}"), body.partition("\n")[0].rstrip(_BLANK)):
        if canonical_number(whole) is not None:
            offset = text.index(whole, start)
            yield from (("only", found) for found in _numbers(text, offset, offset + len(whole)))
    if vague:
        last = deque(_numbers(text, start), maxlen=1)
        yield from (("last", found) for found in last)


# --- letters ------------------------------------------------------------------------------------------------------

# What may stand around a letter that is given as an answer: (C)  **C**  $\text{C}$  <C>  C) Plane  C. Plane  Option C
_LETTER_HEAD = re.compile(
    r"(?:[\s*_`$<\"'“‘(\[{]|\\[(\[]|\\(?:text|textbf|mathrm|mathbf|boxed|fbox)\s*+\{|(?i:option|choice|letter)\b)*+"
    r"(?P<letter>[A-Z])(?![A-Za-z0-9'’°#^]|[-–_]\w|\s*+[=+/≈])"
)
_LOWER_HEAD = re.compile(r"[\s*_`$<\"'(\[{]*+(?P<letter>[a-z])(?:\)\s|[\s*_`$>\"'.)\]}]*+\Z)")
_MARKED = re.compile(r"(?:[(\[<]\s?(?P<a>[A-Z])\s?[)\]>]|\*\*\s?\(?(?P<b>[A-Z])\s?(?:[).:]|\*\*))")
_IS_RIGHT = re.compile(
    r"(?<![Ii]f )(?<![Ii]f \()(?<![Ww]hether )(?:\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s[(*]*(?P<a>[A-Z])\b[)*]*\sis\s(?:the\s)?(?:best|correct|right)\b"
    r"|(?<![\w'’])(?P<b>[A-Z])\b[)*]*\sis\sthe\s(?:best|correct|right)\s(?:answer|option|choice)\b"
    r"|\bI\s?(?:'d|’d|will|would)?\s(?:choose|pick|select|go\swith)\s(?:[Oo]ption\s|[Aa]nswer\s)?[(*]*(?P<c>[A-Z])\b)"
)
_ONLY_LETTER = re.compile(r"[\s*_`$<\"(\[{]*+[A-Za-z](?:(?P<bare>[\s*_`$>\").:\]}]*+\Z)|[).:]\**+\s(?P<rest>.*))")
_SECOND = re.compile(r"[\s)\]*_`]*+(?:,|;|&|and\b|or\b)[\s(\[*_`]*+(?:(?:and|or)\b[\s(\[*_`]*+)?")
_NAMED = re.compile(r"(?<![\w'’.°])(?P<letter>[A-Z])(?![\w'’°]|[-–]\w)")
_AS_A_WORD = re.compile(r"\s+(?!(?:is|because|since|as|seems)\b)[a-z]")


_AROUND = f" \t\r\n*_`$\"'“”‘’{_INVISIBLE}"


def _is_word(text: str, letter: str, start: int, end: int) -> bool:
    """Whether a letter is the article "A" or the pronoun "I" of what follows: "A plane", "I think", not "A is right"."""
    return letter in "AI" and _AS_A_WORD.match(text, start, end) is not None


def _letter_at(text: str, start: int, end: int, count: int) -> Extraction | None:
    """The letter that a phrase begins with, unless it goes on to a second one ("B or C")."""
    match = _LETTER_HEAD.match(text, start, end)
    letters = LETTERS[:count]
    if match is None:
        match = _LOWER_HEAD.match(text, start, end)
        letter = match["letter"].upper() if match else ""
    else:
        letter = match["letter"]
    if match is None or letter not in letters or _is_word(text, match["letter"], match.end("letter"), end):
        return None
    second = _SECOND.match(text, match.end("letter"), end)
    other = _NAMED.match(text, second.end(), end) if second else None
    if other and other["letter"] in letters and not _is_word(text, other["letter"], other.end(), end):
        return None
    return Extraction(answer=letter, span=match.span("letter"))


def _plain_words(text: str) -> str:
    """An option's text without what may stand around it; signs, brackets and operators are part of it."""
    text = re.sub(r"\s+", " ", text).strip(_AROUND).rstrip(".,;:" + _AROUND)
    return re.sub(r"^(?:the|an?)\s(?=\S)", "", text, flags=re.I)


def _option_of(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option whose text a span repeats, if it is exactly one; upper and lower case count only where they decide."""
    said = _plain_words(text[span[0] : span[1]])
    if not said or len(said) > MAX_ANSWER_CHARS:
        return None
    plain = [_plain_words(choice) for choice in choices]
    for hits in (
        [i for i, choice in enumerate(plain) if choice == said],
        [i for i, choice in enumerate(plain) if choice.casefold() == said.casefold()],
    ):
        if len(hits) == 1:
            shown = text[slice(*span)].strip(_AROUND)
            begin = text.index(shown, span[0])
            return Extraction(answer=LETTERS[hits[0]], span=(begin, begin + len(shown)))
    return None


def _option_in(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option that a phrase names: by its text, by its letter, or both."""
    by_text = _option_of(text, span, choices)
    if by_text and len(_plain_words(text[span[0] : span[1]])) > 1:
        return by_text
    return _letter_at(text, *span, len(choices)) or by_text


def _named_letters(text: str, start: int, end: int, count: int) -> set[str]:
    """The options that a text names by a letter that stands alone."""
    named = (m for m in _NAMED.finditer(text, start, end) if m["letter"] in LETTERS[:count])
    return {m["letter"] for m in named if not _is_word(text, m["letter"], m.end(), end)}


# A last line that names one letter and says little more: "B", "So, B.", "It's (B)", "..., which is option B."
_LAST_LETTER = re.compile(
    r"(?:\W{0,5}(?:(?:so|thus|hence|therefore|it['’]?s|it\sis|that['’]?s|this\sis)\b\W{0,3}){0,2}(?:option|choice|letter)?|.*\b(?:option|choice))"
    r"\W{0,4}(?<![A-Za-z])(?P<letter>[A-Z])\W{0,4}",
    re.I,
)


def _read_letter(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[tuple[str, Extraction]]:
    count = len(choices)
    for rule, span in _explicit(text, start, ("contract", "boxed"), options=True):
        found = _option_in(text, span, choices)
        if found:
            yield rule, found
    said = [_option_in(text, span, choices) for _, span in _explicit(text, start, ("phrase",), options=True)]
    for match in _IS_RIGHT.finditer(text, start):
        group = str(match.lastgroup)
        if match[group] in LETTERS[:count] and not _is_word(text, match[group], match.end(group), len(text)):
            said.append(Extraction(answer=match[group], span=match.span(group)))
    for found in sorted(filter(None, said), key=lambda one: one.span or (0, 0), reverse=True):
        yield "phrase", found
    body = text[start:].strip()
    offset = text.index(body, start) if body else start
    lines = body.splitlines()
    if lines:
        first = _ONLY_LETTER.fullmatch(text, offset, offset + len(lines[0]))
        found = _letter_at(text, *first.span(), count) if first else None
        if first and found and _stands_alone(text, first, found, lines, choices):
            yield "only", found
    if vague and lines:
        last = (offset + len(body) - len(lines[-1]), offset + len(body))
        marked = [(m[str(m.lastgroup)], m.span(str(m.lastgroup))) for m in _MARKED.finditer(text, *last)]
        marked = [one for one in marked if one[0] in LETTERS[:count]]
        if len({letter for letter, _ in marked}) == 1:
            yield "marked", Extraction(answer=marked[-1][0], span=marked[-1][1])
        ending = _LAST_LETTER.fullmatch(text, *last) if last[1] - last[0] <= MAX_ANSWER_CHARS else None
        if ending and ending["letter"] in LETTERS[:count] and len(_named_letters(text, *last, count)) <= 1:
            yield "marked", Extraction(answer=ending["letter"], span=ending.span("letter"))
        option = _option_of(text, last, choices)
        if option:
            yield "option", option


def _stands_alone(
    text: str, first: re.Match[str], found: Extraction, lines: Sequence[str], choices: Sequence[str]
) -> bool:
    """Whether a first line such as "C" or "C) Plane" is the answer, not the beginning of a list or of a discussion."""
    if first["bare"] is not None:
        return True
    own = _option_of(text, first.span("rest"), choices)
    if own:
        listed = any((m := _ONLY_LETTER.fullmatch(line)) and m["rest"] for line in lines[1:])
        return own.answer == found.answer and not listed
    return len(lines) == 1 and not _named_letters(text, *first.span("rest"), len(choices))


# --- LaTeX --------------------------------------------------------------------------------------------------------

_MATH = re.compile(
    r"(?<!\\)(?:\$\$(?P<a>(?:[^$\\]|\\.)++)\$\$|\$(?P<b>(?:[^$\\\n]|\\.)++)\$)"
    r"|\\\((?P<c>(?:[^\\]|\\[^()])++)\\\)|\\\[(?P<d>(?:[^\\]|\\[^\[\]])++)\\\]",
    re.S,
)
_ASIDE = re.compile(r"\.\s++(?=[A-Z])|,?\s(?:because|since|where|which|so\sthat)\b|[.,]?\s[Ii]\shope\b")
_JOINT = re.compile(r"[\s,;.*]*+(?:(?:and|or)\b[\s*]*+)?")
_EMPTY_LINE = re.compile(r"\n[ \t\r]*+\n")
_DELIMITER = re.compile(r"\$|\\[()\[\]]")
_SPEAKS = re.compile(r"(?<![\\A-Za-z{])(?:I(?:['’]\w+)?\s[a-z]|(?i:we|you|it|this|that|there|sorry|cannot)\b(?!\}))")
_NO_ANSWER = re.compile(r"<\w+>|[.…?\s]+|\\l?dots|\\[\[(\])]|.*\\(?:boxed|fbox)\b.*", re.S)


def _math_spans(text: str, start: int, end: int) -> list[Span]:
    return [m.span(m.lastgroup) for m in _MATH.finditer(text, start, end) if m.lastgroup]


def _trim(text: str, start: int, end: int) -> Extraction | None:
    """A span without the space, dollars, bold and full stop around it; None where it is empty or a placeholder."""
    if end - start > 4 * MAX_ANSWER_CHARS:
        return None
    while start < end and text[start] in _BLANK:
        start += 1
    while start < end:
        before = text[start : end - 1]
        escaped = (len(before) - len(before.rstrip("\\"))) % 2
        match text[end - 1]:
            case "$" if not escaped:
                end -= 1
            case "\\" | "!" if escaped:  # \\ and \!
                end -= 2
            case char if char in f".,;:*` \t\r\n{_INVISIBLE}":
                end -= 1 + escaped
            case _:
                break
    answer = text[start:end]
    if not 0 < len(answer) <= MAX_ANSWER_CHARS or _NO_ANSWER.fullmatch(answer):
        return None
    return Extraction(answer=answer, span=(start, end))


def _latex_in(text: str, start: int, end: int, boxes: Sequence[Span]) -> Extraction | None:
    """The formula of a phrase: a box in it, else its $...$ (several only as a list), else the phrase if it is short."""
    for nested in _PHRASE.finditer(text, start, end):  # "Answer: The final answer is 5."
        start = nested.end()
    inside = boxes[bisect_left(boxes, (start, 0)) : bisect_left(boxes, (end, 0))]
    if inside:
        return _trim(text, *inside[-1])
    math = _math_spans(text, start, end)
    aside = _ASIDE.search(text, math[0][1] if math else start, end)
    if aside:
        end = aside.start()
        math = [span for span in math if span[1] <= end]
    if math:
        first = len(math) - 1
        while first and _JOINT.fullmatch(_DELIMITER.sub("", text[math[first - 1][1] : math[first][0]])):
            first -= 1
        return _trim(text, math[first][0], math[-1][1])
    if _SPEAKS.search(text, start, end) or len(_WORD.findall(text, start, end)) > MAX_WORDS:
        return None
    return _trim(text, start, end)


def _read_latex(text: str, start: int, vague: bool) -> Iterator[tuple[str, Extraction]]:
    boxes = boxed_spans(text)
    for rule, span in _explicit(text, start, ("contract", "boxed", "hashes", "phrase")):
        found = _trim(text, *span) if rule == "boxed" else _latex_in(text, *span, boxes)
        if found:
            yield rule, found
    if not vague:
        return
    body = text[start:].strip()
    offset = text.index(body, start) if body else start
    if body and "\n" not in body and len(body) <= 100 and len(_WORD.findall(body)) <= 1:
        only = _latex_in(text, offset, offset + len(body), boxes)
        if only:
            yield "only", only
    paragraphs = deque(_EMPTY_LINE.finditer(body), maxlen=1)
    math = _math_spans(text, offset + (paragraphs[0].end() if paragraphs else 0), offset + len(body))
    last = _trim(text, *math[-1]) if math else None
    if last:
        yield "last_math", last


# --- the ladder ---------------------------------------------------------------------------------------------------


def _readings(
    text: str, start: int, vague: bool, answer_type: AnswerType, choices: Sequence[str]
) -> Iterator[tuple[str, Extraction]]:
    if answer_type is AnswerType.NUMBER:
        return _read_number(text, start, vague)
    if answer_type is AnswerType.LETTER:
        return _read_letter(text, start, vague, choices)
    return _read_latex(text, start, vague)


def _own_text(text: str, start: int, answer_type: AnswerType, choices: Sequence[str]) -> str:
    """The text up to where the model, having answered, runs on into a question of its own making."""
    if not _RUN_ON.search(text, start):
        return text
    answered = [found.span[1] for _, found in _readings(text, start, False, answer_type, choices) if found.span]
    run_on = _RUN_ON.search(text, min(answered)) if answered else None
    return text[: run_on.start()] if run_on else text


def extract(text: str, answer_type: AnswerType, choices: Sequence[str] = (), *, truncated: bool = False) -> Extraction:
    """Read the answer of one output.

    choices: the options of a multiple-choice question, in order. truncated: the output was cut at its token budget, so
    vague rules don't apply. Returns `NOTHING`-like extractions with the rule "unclosed_think" or "" where none is found.
    """
    start, unclosed = split_reasoning(text)
    if unclosed:
        return Extraction(answer=None, rule="unclosed_think")
    own = _own_text(text, start, answer_type, choices)
    for rule, found in _readings(own, start, not truncated, answer_type, choices):
        cut_off = truncated and answer_type is not AnswerType.LETTER and found.span and found.span[1] == len(text)
        if not cut_off:
            return Extraction(answer=found.answer, rule=rule, span=found.span)
    return NOTHING
