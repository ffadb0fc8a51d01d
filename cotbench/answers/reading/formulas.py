r"""Reading a formula: which piece of LaTeX, or of plain text, a phrase gives as its answer."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.amounts import concluded_number, number_in
from cotbench.answers.reading.declines import DECLINES, declines
from cotbench.answers.reading.endings import CUT, RETRACTS, SENTENCE_END, last_sentences, own_end
from cotbench.answers.reading.numbers import NEAR_THE_END
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import BLANK, CJK, caseless, in_plain_signs, words
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS, OF_FORMULAS, REFUSAL, UNDECIDED, Extraction, Reading, Rule
from cotbench.answers.reading.statements import BOXED, PHRASE, WORD, boxed_spans, statements

# Words that name a kind of thing a question may ask for, and stand for a formula as its answer.
_KINDS = words(
    "even odd neither increasing decreasing positive negative rational irrational prime composite convergent divergent"
    " true false real imaginary acute obtuse equilateral isosceles scalene linear quadratic injective surjective"
    " bijective"
)
MAX_BOXES = 12  # of one list; more are a text that repeats itself
MAX_WORDS = 5  # of an answer that isn't marked as LaTeX: "12 square feet" is one, a sentence isn't
_DISPLAYS = "equation|align|gather|displaymath|multline|eqnarray|aligned"
_MATH_MARK = re.compile(rf"\\begin\{{(?:{_DISPLAYS})\*?\}}|\\end\{{(?:{_DISPLAYS})\*?\}}|\\.|\$\$|\$|\n", re.S)
_MATH_CLOSES = {"\\(": "\\)", "\\[": "\\]", "$$": "$$", "$": "$"}
_ASIDE = re.compile(
    r"\.\s++(?=[A-Z])|,?\s(?:because|since|where|which|so\sthat|not|rather|instead)\b|[.,]?\s[Ii]\shope\b"
)
_JOINT = re.compile(r"[\s,;.*、，；]*+(?:(?:(?:and|or|et|und|y|o|ou|oder)\b|[和与及或と])[\s*]*+)?")
_BOX_JOINT = re.compile(
    r"[\s,;$*{}]*+(?:\\(?:quad|qquad|[,; \[\]()])|\\text\s?\{[^{}]{0,40}\band\s?\}|\\text\s?\{|and\b|or\b|&"
    r"|[\s,;$*{}]|[A-Za-z]\s?=\s?|(?<=[,;，；$\s])(?:\\[A-Za-z]++|[^=\n$。A-Za-z\\]|[A-Za-z](?![A-Za-z]{2})){1,60}?=\s?"
    r"|\([a-z\d]\)\s?|[，；、和]|(?<=[,;，；、]|\s)[\u4e00-\u9fff]{1,8}[为是为]\s?)*+\\(?:boxed|fbox)\s*+\{?"
)
_EMPTY_LINE = re.compile(r"\n[ \t\r]*+\n")
_DELIMITER = re.compile(r"\$|\\[()\[\]]")
_SPEAKS = re.compile(r"(?<![\\A-Za-z{])(?:I(?:['’]\w+)?\s[a-z]|(?i:we|you|it|this|that|there|sorry|cannot)\b(?!\}))")
_COPULA = re.compile(
    r"(?<!\\)\b(?:is|are|equals?|be|was|were|gives?|gets?|obtain|becomes?|simplif(?:ies|y)\sto|reduces?\sto|evaluate"
    r"s?\sto|comes?\sto|amounts?\sto|yields?|costs?|has|have)\b(?:\s(?:equal\sto|just|only|simply|exactly))?"
)
_TEXT = re.compile(r"\\(?:text|mbox|textbf)\s?\{[^{}]*\}")
_FORMAL = re.compile(r"[-+\d.\\(\[{$]")  # how an answer begins that isn't a sentence
_EQUALS_SIGN = re.compile(r"(?<![<>!=])=(?!=)|≈")
_BOLD_WORDS = re.compile(r"\*\*([^*\n]{1,60})\*\*")
_OF_KIND = caseless(rf"\s*(?:an?\s|\*\*|\$)*({_KINDS})\b(?!\s(?:if|when|for)\b)")
_INTENDS = caseless(  # "So we need to calculate $..$"
    r"\b(?:(?:need|want|have|able|allows?(?:\s\w+)?|try|remains|left|possible)\sto|can|could|will|should|let\sus"
    r"|let['’]s)\s(?:then\s|now\s|simply\s)?(?:calculate|find|compute|determine|evaluate|solve|graph|simplify|use"
    r"|plug|substitute)\b"
)
_CONCLUDING = caseless(r"\W*(?:so|thus|hence|therefore|in\stotal|finally)\b")
_LEAD_WORD = re.compile(
    r"(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s+(?=[^A-Za-z\s$\\*]|[A-Za-z](?![a-z'’])|(?:sin|cos|tan|log|ln)\W)"
)
_NOT = re.compile(r"\bnot\b|n['’]t\b")
_REFUSES = caseless(
    r"\b(?:sorry|cannot|can['’]t|unable|(?:do\snot|don['’]t)\sknow|not\ssure|start(?:ing)?\sover|try\sagain"
    r"|impossible)\b"
)
_STATE = caseless(  # what may be said of an answer that is no answer
    r"(?:(?:the\s)?same\b|similar|analogous|consistent|(?:in)?correct|wrong|right|valid|reasonable|clear|unique"
    r"|unknown|below|above|as\sfollows|given|here|found|verified|confirmed|complete|simple|done)\b"
)
_OPEN_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\Z")
_COUNTED = re.compile(
    r"[\s*]*[A-Za-zÀ-ÿ]{2,}\s(?:(?:[A-Za-zÀ-ÿ']+\s){1,4}[$€£]?\d|[$€£]?\d[^A-Za-zÀ-ÿ]*(?:[a-zà-ÿ]\s)?[a-zà-ÿ']{2})"
)  # "Pam pays $10", a sentence
_HAN = re.compile(rf"[{CJK}\u0e00-\u0e7f]")
# A formula in plain text: numbers, single letters, functions and signs.
_TOKEN = re.compile(
    r"\s?(?:\d[\d,]*(?:\.\d+)?|\.\d+|(?:sqrt|sin|cos|tan|log|ln|pi|exp)(?![a-z])"
    r"|(?<![A-Za-z])[A-Za-zα-ωΑ-Ω](?![A-Za-z'’])|[-−+*/×·÷^=<>≤≥±√∛π∞!%°½⅓⅔¼¾⁰¹²³⁴-⁹⁻ⁿ()\[\]{}|,:]|and(?=\s?\())"
)
_SIGN = re.compile(r"[-−+*/×·÷^=√∛π∞±⁰¹²³⁴-⁹ⁿ½⅓⅔¼¾]|sqrt|\d\s?[a-z](?![a-z])|[(\[]\s?[-−]?\d")
_OPEN_ENDED = re.compile(r"[-−+*/×·÷^=<>≤≥±√(\[{|,:]\s*\Z")
_NO_ANSWER = re.compile(
    r"<\w+>|(?:your\s|the\s|final\s)*answer(?:\shere)?|[.…?\s。，、；：！]+|\\l?dots|\\[\[(\])]\\?|.*\\(?:boxed|fbox)\b.*",
    re.S,
)
_HAN_COPULA = re.compile(r"[为是為=：:]\s*(?=[-−√π(\[\da-zA-Z])")
_WORD_OPERATION = re.compile(r"\d\s(?:choose|cubed|squared|factorial|mod)\b")
# "After 3 turns she faces north."
_ONLY_A_LEAD = caseless(r"\W*(?:after|before|within|with|in|at|for)\s\d+\s[^\d\n]*\Z")
_IN_BOLD_ALONE = re.compile(r"\*\*[A-Za-z][A-Za-z ]{1,40}\*\*(?!\s?[$\d])")
_A_LABEL = caseless(r":\s*\Z|\b(?:answer|note|conclusion|step|remark|final)\b")
_LAST_NAME = re.compile(r"\b(?:is|are|was)\s(?:the\s)?([A-Z][a-z]+(?:\s[A-Z][a-z]+)?)[.\s]*\Z")
_EITHER = re.compile(r"(?<![A-Za-z])([A-Za-z])\s?=\s?[^\s,.]+,?\s(?:or|and)\s\1\s?=\s?[^\s,.]+")  # "x = 2 or x = 5"
_SETS_OUT = caseless(r"\s*(?:let|suppose|assume|first|denote|consider|since|given|we|to)\b")
_CONCLUSION_IN_FORMULA = re.compile(
    r"(?:^|(?<=[.!]\s))(?:[^\S\n]|[*_>#-])*+(?:so|thus|therefore|hence|finally)\b[^\n]*[\d$\\]", re.I | re.M
)


def _math(text: str, start: int, end: int) -> list[tuple[Span, Span]]:
    r"""The formulas between $..$, $$..$$, \(..\) and \[..\], as spans with and without these marks. Read in one go."""
    found: list[tuple[Span, Span]] = []
    opened, begin = "", start
    for mark in _MATH_MARK.finditer(text, start, end):
        sign = mark[0]
        if opened == "$$" and sign == "$":  # "$$5$" is "$5$" behind a dollar
            opened, begin = "$", begin
        closes = opened and (_MATH_CLOSES.get(opened) or opened.replace("begin", "end"))
        if closes and sign.startswith(closes):
            if mark.start() > begin:
                closer = mark.start() + len(closes)
                found.append(((begin - len(opened), closer), (begin, mark.start())))
                opened, begin = ("$", mark.end()) if sign != closes else ("", mark.end())
            else:  # nothing between them
                opened, begin = (sign if sign in _MATH_CLOSES else ""), mark.end()
        elif sign in ("\\(", "\\[") or sign.startswith("\\begin"):
            if opened in ("", sign):
                opened, begin = sign, mark.end()
        elif sign in ("$", "$$"):
            if not opened:
                opened, begin = sign, mark.end()
        elif sign == "\n" and opened == "$":
            opened = ""
    return found


def _math_spans(text: str, start: int, end: int) -> list[Span]:
    return [inner for _, inner in _math(text, start, end)]


def _without_math(text: str, start: int, end: int) -> str:
    """A text with nothing where its formulas stand."""
    cuts = [start, *(place for outer, _ in _math(text, start, end) for place in outer), end]
    return "".join(text[a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True))


def _trim(text: str, start: int, end: int) -> Extraction | None:
    """A span without the space, dollars, bold and full stop around it; None where it is empty or a placeholder."""
    if end - start > 4 * MAX_ANSWER_CHARS:
        return None
    while start < end and text[start] in BLANK:
        start += 1
    while start < end:
        before = text[start : end - 1]
        escaped = (len(before) - len(before.rstrip("\\"))) % 2
        match text[end - 1]:
            case "$" if not escaped:
                end -= 1
            case "\\" | "!" if escaped:  # \\ and \!
                end -= 2
            case char if char in f".,;:*` \t\r\n{INVISIBLE}":
                end -= 1 + escaped
            case _:
                break
    answer = text[start:end]
    if not 0 < len(answer) <= MAX_ANSWER_CHARS or _NO_ANSWER.fullmatch(answer):
        return None
    return Extraction(answer=answer, span=(start, end))


def _boxed(text: str, boxes: Sequence[Span]) -> Extraction | None:
    """The last box; with those in front of it where they are one list ("\\boxed{1} and \\boxed{2}")."""
    if not boxes:
        return None
    parts = [boxes[-1]]
    for span in reversed(boxes[:-1]):
        joint = _BOX_JOINT.fullmatch(text, span[1] + 1, parts[0][0]) if span[1] < parts[0][0] else None
        repeated = text[slice(*span)] in [text[slice(*part)] for part in parts]
        if repeated or joint is None or _EMPTY_LINE.search(joint[0]):
            break
        parts.insert(0, span)
    if len(parts) > MAX_BOXES:
        parts = parts[-1:]
    read = [found for part in parts if (found := _trim(text, *part))]
    if len(read) < 2 or len(read) < len(parts):
        return _trim(text, *boxes[-1])
    if sum(len(str(found.answer)) + 2 for found in read) > MAX_ANSWER_CHARS:
        return read[-1]
    first, last = read[0].span, read[-1].span
    assert first is not None and last is not None
    return Extraction(answer=", ".join(str(found.answer) for found in read), span=(first[0], last[1]))


def _listed(text: str, math: Sequence[Span]) -> Extraction | None:
    """The last $...$, with those in front of it where they are one list."""
    first = len(math) - 1
    while first and _JOINT.fullmatch(_DELIMITER.sub("", text[math[first - 1][1] : math[first][0]])):
        first -= 1
    whole = _trim(text, math[first][0], math[-1][1])
    if whole and first < len(math) - 1 and _HAN.search(text, math[first][0], math[-1][1]):  # "$1$ 和 $2$"
        parts = [found.answer for span in math[first:] if (found := _trim(text, *span)) and found.answer]
        return replace(whole, answer=", ".join(parts))
    return whole


def _formula_in(text: str, start: int, end: int, boxes: Sequence[Span]) -> Extraction | None:
    """The formula of a phrase: a box in it, else its $...$ (several only as a list), else the phrase if it is short."""
    for nested in PHRASE.finditer(text, start, end):  # "Answer: The final answer is 5."
        start = nested.end()
    inside = boxes[bisect_left(boxes, (start, 0)) : bisect_left(boxes, (end, 0))]
    if inside:
        return _boxed(text, inside)
    if _STATE.match(text, start, end):
        return None
    if declines(text, start, end):
        return REFUSAL
    if _WORD_OPERATION.search(text, start, end):
        return None
    if _HAN.search(text, start, end) and not _math_spans(text, start, end):
        return _among_han(text, start, end)
    said, several = text[start:end].strip(), SENTENCE_END.search(text, start, end)
    worded = several and len(WORD.findall(_without_math(text, start, several.start()))) > MAX_WORDS
    if worded or ("\n" in said and not said.startswith(("\\", "$"))):  # a whole solution
        return _concluded(text, start, end)
    math = _math_spans(text, start, end)
    if aside := _ASIDE.search(text, math[0][1] if math else start, end):
        end = aside.start()
        math = [span for span in math if span[1] <= end]
    if math:
        copula = _last_copula(text, start, end, math)
        behind = [span for span in math if copula and span[0] > copula]
        number = concluded_number(text, copula, end) if copula and not behind else None
        if copula and number and number.span and not text[copula : number.span[0]].strip(" $*\\("):
            return _trim(text, *number.span)
        return _listed(text, behind or math)
    if (
        len(WORD.findall(text, start, end)) > MAX_WORDS
        or _COUNTED.match(text, start, end)
        or _SPEAKS.search(text, start, end)
        or _last_copula(text, start, end, ())
    ):
        number = number_in(text, start, end) if _COUNTED.match(text, start, end) else None
        return _concluded(text, start, end) or (_trim(text, *number.span) if number and number.span else None)
    return _trim(text, start, end)


def _among_han(text: str, start: int, end: int) -> Extraction | None:
    """The number in a phrase of Chinese, Japanese, Korean or Thai; the phrase itself where it holds none."""
    behind = list(_HAN_COPULA.finditer(text, start, end))
    plain = _plain_formula(text, behind[-1].end(), end) if behind else None
    if plain and _SIGN.search(str(plain.answer)) and "或" not in text[start:end]:
        return plain
    number = number_in(text, start, end)
    if number and number.span:
        return _trim(text, *number.span)
    return None if any(char.isdigit() for char in text[start:end]) else _trim(text, start, end)


def _plain_formula(text: str, start: int, end: int) -> Extraction | None:
    """The formula in plain text that a phrase begins with: "√66", "16/27 gallons", "200/π square meters"."""
    at, depth = start, 0
    while at < end and (token := _TOKEN.match(text, at, end)):
        sign = token[0].strip()
        depth += (sign in "([{") - (sign in ")]}") if len(sign) == 1 else 0
        if depth < 0:
            break
        at = token.end()
    while at > start and _OPEN_ENDED.search(text, start, at):
        at = len(text[:at].rstrip()) - 1
    words = text[start:at].split(" ")
    if len(words) > 1 and words[-1] in ("a", "A", "I"):  # an article
        at -= 2
    if not any(char.isdigit() or char in "√π∞½" for char in text[start:at]):
        return None
    return _trim(text, start, at)


def _last_copula(text: str, start: int, end: int, math: Sequence[Span]) -> int | None:
    """Find where the last "is" (or the like) of a sentence ends outside the formulas and \\text{..}."""
    inside = [*math, *(m.span() for m in _TEXT.finditer(text, start, end))]
    ends = [m.end() for m in _COPULA.finditer(text, start, end) if not any(a <= m.start() < b for a, b in inside)]
    return ends[-1] if ends else None


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[Span, list[Span]]]:
    """The last sentences, the last one first, with the formulas in them; a display of several lines is one piece."""
    math = _math(text, start, end)
    limit = end
    for left, right in last_sentences(text[:end], start):
        if right > limit:
            continue
        inside = [one for one in math if one[0][0] < right and one[0][1] > left]
        if inside and inside[-1][0][1] > right:
            right = min(limit, inside[-1][0][1])
        if inside and inside[0][0][0] < left:
            left = inside[0][0][0]
            inside = [one for one in math if one[0][0] < right and one[0][1] > left]
        limit = left
        yield (left, right), [span for _, span in inside]


def _concluded(text: str, start: int, end: int) -> Extraction | None:
    """The formula or number that the last sentence with one gives: behind its last "is", else its only one."""
    for (left, right), math in _pieces(text, start, end):
        if declines(text, left, right):
            return REFUSAL
        if _REFUSES.search(text, left, right):
            return None
        if not math and not any(char.isdigit() or char in "\\√π∞" for char in text[left:right]):
            bold = _in_bold(text, left, right)
            if bold or _CONCLUDING.match(text, left, right):
                name = _LAST_NAME.search(text, left, right)  # "Therefore the winner is Carol."
                return bold or (Extraction(answer=name[1], span=name.span(1)) if name else None)
            continue
        if _WORD_OPERATION.search(text, left, right) or _ONLY_A_LEAD.match(text, left, right):
            return None
        if not math and (said := _in_bold(text, left, right)) and _IN_BOLD_ALONE.search(text, left, right):
            return said
        if not math and _HAN.search(text, left, right):
            return _among_han(text, left, right)
        copula = _last_copula(text, left, right, math)
        behind = [span for span in math if copula and span[0] > copula]
        if behind:
            return _listed(text, behind)
        if math and _INTENDS.search(text, left, math[0][0]):
            return None
        if copula and math and (kind := _OF_KIND.match(text, copula, right)):  # "$f$ is an even function"
            return Extraction(answer=kind[1].lower(), span=kind.span(1))
        if copula and "\\" in text[copula:right] and not math and len(WORD.findall(text, copula, right)) <= 2:
            return _trim(text, copula, right)
        if not math and "\\" not in text[left:right] and (plain := _plain(text, left, right, copula)):
            return plain
        number = concluded_number(text, left, right)
        # "$$11 x$$": the number takes a dollar of the formula's for its own, and begins before it.
        if number and number.span and not any(a < number.span[1] and number.span[0] < b for a, b in math):
            if _NOT.search(text, left, right):
                return None  # "so 284 is not divisible by 5"
            given = copula and not text[copula : number.span[0]].strip(" $*\\(the")
            others = (concluded_number(text, *span) for span in ((left, number.span[0]), (number.span[1], right)))
            if given or not any(others) or _CONCLUDING.match(text, left, right):
                return _trim(text, *number.span)
        return _listed(text, math) if math else None
    return None


def _in_bold(text: str, start: int, end: int) -> Extraction | None:
    """The words that a conclusion puts in bold: "she will be facing **east**"."""
    bold = [m for m in _BOLD_WORDS.finditer(text, start, end) if m.start() > start and not _A_LABEL.search(m[1])]
    bold = [m for m in bold if len(WORD.findall(m[1])) <= MAX_WORDS]
    return _trim(text, *bold[-1].span(1)) if len(bold) == 1 else None


def _plain(text: str, start: int, end: int, copula: int | None) -> Extraction | None:
    """The value of a sentence's last equation in plain text, or the formula behind its "is" if that is no number."""
    if either := _EITHER.search(text, start, end):
        return _trim(text, *either.span())
    equals = [m.end() for m in _EQUALS_SIGN.finditer(text, start, end)]
    at = max(equals[-1] if equals else 0, copula or 0)
    if not at or _NOT.search(text, start, end):
        return None
    found = _plain_formula(text, at + len(text[at:end]) - len(text[at:end].lstrip(" *$")), end)
    if found is None or found.span is None:
        return None
    return found if (equals and equals[-1] == at) or _SIGN.search(str(found.answer)) else None


def _sets_out(text: str, start: int, end: int) -> bool:
    """Tell whether a phrase behind "Answer:" is a sentence with which a solution begins, whose result stands below."""
    below = text[end : end + 4_000]
    if not below.strip():
        return False
    if _SETS_OUT.match(text, start, end):
        return True
    return len(WORD.findall(_without_math(text, start, end))) > 1 and _CONCLUSION_IN_FORMULA.search(below) is not None


def read_formula(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""
    text = in_plain_signs(text)
    boxes = [span for span in boxed_spans(text) if span[0] >= start]
    for statement in statements(text, start):
        if statement.row is BOXED:
            found = _boxed(text, boxes[: bisect_right(boxes, statement.span)])
        else:
            worded = statement.row.name in ("contract", "phrase") and not statement.boxes
            heads = worded and _sets_out(text, *statement.span)
            found = None if heads else _formula_in(text, *statement.span, boxes)
        if found and found.span and vague and (retracts := RETRACTS.search(text, found.span[1])):
            yield from _unstated(text, retracts.end(), boxes)
            if len(text) - retracts.end() < NEAR_THE_END:
                yield statement.row.reads(UNDECIDED)  # taken back, with nothing in its place
        if found and (found.span or found == REFUSAL):
            yield statement.row.reads(found)
    if vague:
        yield from _unstated(text, start, boxes)


def _alone(text: str, span: Span, boxes: Sequence[Span]) -> Extraction | None:
    body = text[slice(*span)]
    if lead := _LEAD_WORD.match(body):  # "So x = 3/4.", whose last side is what it concludes
        body = body[lead.end() :]
        if _EQUALS_SIGN.search(body) and "\\" not in body and "$" not in body:
            return None
    words = len(WORD.findall(body))
    short = words <= 1 or (words <= MAX_WORDS and _FORMAL.match(body) and not SENTENCE_END.search(body))
    if not short or len(body) > MAX_ANSWER_CHARS or ("\n" in body and not body.startswith(("\\", "$"))):
        return None
    return _formula_in(text, span[1] - len(body), span[1], boxes)


def _last(text: str, span: Span, _boxes: Sequence[Span]) -> Extraction | None:
    return None if CUT.search(text[slice(*span)][-40:]) else _concluded(text, *_last_paragraph(text, span))


def _last_paragraph(text: str, span: Span) -> Span:
    empty_lines = deque(_EMPTY_LINE.finditer(text, *span), maxlen=1)
    return (empty_lines[0].end() if empty_lines else span[0]), span[1]


# find(text, span of all that it says, boxes)
FORMULA_ALONE = Rule("formula alone", "only", OF_FORMULAS, _alone)
LAST_MARKED_FORMULA = Rule("last formula between marks", "last_math", OF_FORMULAS, _last, vague=True)
LAST_FORMULA = Rule("last formula or number", "last", OF_FORMULAS, _last, vague=True)
FORMULA_RULES = (FORMULA_ALONE, LAST_MARKED_FORMULA, LAST_FORMULA)


def _unstated(text: str, start: int, boxes: Sequence[Span]) -> Iterator[Reading]:
    """Yield what `FORMULA_RULES` read in a text that states nothing."""
    body = text[start : own_end(text, start)].strip()
    if not body or _OPEN_BOX.search(body[-MAX_ANSWER_CHARS:]):
        return
    begin = text.index(body, start)
    span = (begin, begin + len(body))
    yield from FORMULA_ALONE.ask(text, span, boxes)
    last = _last(text, span, boxes)
    if last == REFUSAL:
        yield DECLINES.reads(REFUSAL)
    elif last and last.span:
        in_math = any(left <= last.span[0] < right for left, right in _math_spans(text, *_last_paragraph(text, span)))
        yield (LAST_MARKED_FORMULA if in_math else LAST_FORMULA).reads(last)
