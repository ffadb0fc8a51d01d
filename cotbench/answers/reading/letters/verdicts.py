"""Verdicts in passing, in English: "(C) is correct", "that leaves us with C", "A) wrong B) right"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cotbench.answers.reading.letters import heads
from cotbench.answers.reading.letters.elsewhere import ELSEWHERE
from cotbench.answers.reading.letters.heads import CLOSE, FREE, MARKED, Said, chosen, letter_behind, said_behind
from cotbench.answers.reading.letters.mentions import NOT_MINE, SUPPOSED
from cotbench.answers.reading.patterns import (
    MAX_STATEMENTS,
    WORD_LETTER,
    Anchors,
    anchors,
    caseless,
    either,
    near,
    words,
)
from cotbench.answers.reading.rules import OF_LETTERS, UNDECIDED, Extraction, Reading, Rule
from cotbench.types import LETTERS

_RATHER = caseless(
    r"(?:\b(?:not|nicht|no\ses|non\sè|não\sé|не|nie\sjest|niet|n['’]est\spas)\s|n['’]t\s|不是)(?:option\s|choice\s"
    rf"|la\s)?{heads.OPEN}{{0,3}}[A-Z]{CLOSE}{{0,3}}(?![{WORD_LETTER}]){heads.BUT}(?=\S)"
)
_RATHERS = anchors("_but_ _sino_ _mais_ sondern _ma_ _mas_ _а_ _lecz_ _maar_ it's_ it’s_ it_is_ 而是 rather_")
_IS = r"(?:is|remains|stays|seems|appears|would\sbe|must\sbe|should\sbe|looks)(?:\sto\sbe)?(?:\slike)?\s"
_VERDICT = (
    r"(?:(?:clearly|also|indeed|therefore|thus|definitely)\s)?(?:the\s)?(?:(?:most|only|closest|best|single)\s)?"
    r"(?:correct|right|best|accurate|appropriate|plausible|likely|suitable|reasonable|logical|answer|closest)\b"
)
_FITS = (
    r"(?:(?:fits|matches|works|suits|corresponds|aligns|answers|describes)\s(?:it\s|this\s|these\s"
    r"|the\s[^.,\n]{1,40}\s)?(?:best|most\s\w+|exactly|perfectly)\b|holds\b(?!\s\w))"
)
_VERDICTS = anchors(
    "correct right best accurate appropriate plausible likely suitable reasonable logical answer closest holds",
    "exactly perfectly most remains _left _it_is _it_must",
)
_OR_THIS = re.compile(r"(?<![A-Za-z])[A-Z][)\]*]*,?\s(?:and|or|nor|&)\s(?:[Oo]ption\s|[Cc]hoice\s)?[(*\[]*\Z")
_NONE_OF = caseless(r"\b(?:none|neither|not\sall)\b[^.\n]{0,30}\Z")
_ALSO = re.compile(r"\balso\b")  # then there are two
_IS_RIGHT = either(
    r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement)\s[(*$]*(?:\\[a-z]+\{)?(?P<a>[A-Z])\b[)*}$]*"
    rf"(?:[,:.]?\s[^.\n,]{{1,60}}?,?)?\s(?:{_IS}{_VERDICT}|{_FITS})",
    rf"(?<![\w'’])(?P<b>[A-Z])\b[)*]*\s(?:{_IS}{_VERDICT}(?!\sif)|{_FITS})",
    rf"(?<![\w'’])(?P<d>[A-Z])\)\**\s(?:[^\s.:;]|\.\d){{1,20}}(?:\s[^\s.:;]{{1,12}})?\s{_IS}{_VERDICT}(?!\sif)",
    r"(?<![\w'’])[(*]*(?P<left>[A-Z])[)*]*\s(?:alone\s|only\s)?(?:remains|it\sis|it\smust\sbe"
    r"|(?:is|['’]s)\s(?:(?:all|what)\s(?:that['’]s|that\sis|is)\s)?left"
    r"|is\sthe\s(?:only|last)\s(?:\w+\s)?(?:left|remaining|standing|possible))(?=[.!,;*]|\s*$)",
    r"\b[Mm]aking\s(?:[Oo]ption\s|[Cc]hoice\s)?[(*]*(?P<c>[A-Z])\b[)*]*[^.\n]{0,60}?\b(?:correct|right|best|most"
    r"|answer)\b",
    flags=re.M,
)
_BEFORE_NEXT = r"(?:(?![\s(][A-Z][).:])[^.\n])"  # up to the next option's label
_JUDGED = re.compile(
    r"^[ \t*_>-]*+(?:[Oo]ption\s)?\(?(?P<letter>[A-Z])[).:]\**(?:\s?\**(?:[Cc]orrect|[Rr]ight)\b"
    rf"|\s{_BEFORE_NEXT}{{0,80}}?\bis\s(?:the\s)?(?:correct|right)\b"
    rf"|{_BEFORE_NEXT}{{0,80}}?[-–—:(]\s?\**(?:[Cc]orrect|[Rr]ight)\b|(?:(?![\s(][A-Z][).:])[^\n]){{0,80}}?[✅✓✔])",
    re.M,
)
# Each option judged in a row: "A) ✗ B) ✓", "A is false, B is true", "A错，B对".
_JUDGEMENTS = caseless(
    rf"{FREE}(?:(?:option|choice|statement|选项|選項)\s?)?\(?(?P<letter>[A-Z])[)\]]?[.:、：]?\**\s?(?:选项|選項|项|項)?\s?(?:is\s"
    r"|are\s|ist\s|est\s|es\s|è\s|é\s|は|가\s|이\s|는\s|은\s|[-–—=]\s?|是|为)?\**(?:(?P<right>[✓✔✅☑]|正确|正確|对(?![于比应称])|對"
    r"|正しい|正解|맞|옳|(?:correct|right|true|yes|richtig|wahr|vrai|juste|correct[oa]|verdader[oa]|corrett[oa]|corret[oa]"
    r"|верно|правильно)\b)|(?P<wrong>[✗✘❌×]|错|錯|误|不正确|不正確|不对|誤|間違|틀|(?:incorrect|wrong|false|no|not\s(?:correct"
    r"|right|true)|falsch|faux|incorrect[oa]|fals[oa]|errad[oa]|sbagliat[oa]|неверно|неправильно)\b))"
)
_BETWEEN_JUDGEMENTS = re.compile(
    r"(?:误|誤|い|り|です|[은습]?니다|음|림|的)?[\W_]{0,6}(?:(?:and|but|while|und|et|y|e|и|而)\b)?[\W_]{0,3}"
)
_JUDGING = anchors(  # a row judges at least one of the options wrong
    "✗ ✘ ❌ × 错 錯 误 不正 不对 誤 間違 틀 неверно неправильно incorrect wrong fals faux errad sbagliat",
    "_no, _no. _no; not_correct not_right not_true",
)
_POINTS = either(
    r"\b(?:[Pp]ick|[Gg]uess|[Ss]election)\s(?:is|would\sbe)\s(?=\S)",
    r"\b(?:I|[Ww]e)\s?(?:'d|’d|'ll|’ll|will|would|should|must)?\s(?:choose|pick|select|go\swith|say|opt\sfor"
    r"|answer)\s(?=\S)",
    r"\b(?:leaves|leaving|left)(?:\s(?:us|me|you|only|just))*\s(?:with\s)?(?:only\s|just\s)?(?=\S)",
    r"\b(?:corresponds|correspond|closest|equivalent)\sto\s(?:answer\s)?(?=\S)|\bmatch(?:es|ing)?\s(?:with\s)?(?=\S)",
    r"\bthis\sis\s(?=(?:answer\s|option\s|choice\s)?\(?[A-Z]\b)",
    r"\b(?:must|has\sto)\sbe\s(?=\S)|\banswer\s(?=\(?[A-Z]\)?[\s.*]*(?:$|\n))",
    r"\b(?:correct|right|likely|plausible|suitable|accurate|appropriate|best|closest|nearest)\s[^.:\n]{1,80}?\s(?:is"
    r"|are):?\s*+(?=\*{0,2}\([A-Z]\)|\*\*[A-Z][).:*]|[A-Z](?:[.:)]\s|[.)]*$)|\**[Oo]ption\s[A-Z]\b)",
    r"\b(?:is|be|are)\s(?=\*\*\(?[A-Z][).:]\s)",
    r"\b[Oo]nly\s(?:option|choice"
    r"|answer)\s(?=[(*]*[A-Z][)*]*\s(?:holds|works|fits|remains|is|can|matches|satisfies)\b)",
    r"\b[Oo]nly\s(?=[(*]*[A-Z][)*]*\s(?:holds|works|fits|remains|matches|satisfies"
    r"|is\s(?:possible|left|correct|right|true|valid))\b)",
    flags=re.M,
)
_POINTERS = anchors(
    "choose pick select guess go_with _say_ opt_for answer leav left correspond closest equivalent match this_is",
    "must_be has_to_be correct right likely plausible suitable accurate appropriate best nearest only_",
    "is_** be_** are_**",
)
_GIVEN = either(
    r"\b(?i:(?:final|submit|select|give|set|return|choose|pick|my|provide|report)_?(?:final_?)?(?:answer|option"
    r"|choice|letter)|submit|choose|select|print|answer|finish|final)(?:\(\s?(?:\w{1,20}\s?[=:]\s?)?"
    r"(?:[\"'](?P<a>[A-Z])[\"']|(?P<b>[A-Z]))\s?\)|\[\s?[\"']?(?P<c>[A-Z])[\"']?\s?\])",
    r"\b(?i:(?:final|correct|my|selected)?_?(?:answer|choice|option|letter|ans|result))\s?(?::\s?str\s?)?(?:="
    r"|:=)\s?[\"'](?P<d>[A-Z])[\"']",
    r"\breturn\s[\"'](?P<e>[A-Z])[\"'](?=\s{0,3};?[ \t\r]{0,3}(?:$|\n|\}|`))",
    r"\\(?:math(?:bf|rm|sf)|text(?:bf|it)?)\s?\{\s?(?i:(?:final\s|correct\s)?answer)\s?:?\s?\}\s?:?(?:\s|\\[;:,!]"
    r"|\\q?quad){0,6}\\(?:math(?:bf|rm|sf)|text(?:bf|it)?|boxed)\s?\{\s?\(?(?P<f>[A-Z])\)?\.?\s?\}",
)
_GIVING = Anchors(
    *("answer\\", "answer:", "answer }", "answer} ", " answer[", "finish[", "submit["),
    *("r_answer", "t_answer", "l_answer"),
    *(f"{sign}{quote}" for sign in ("(", "[", "=", "= ", "return ") for quote in "\"'"),
    *(f"{word}(" for word in ("answer", "option", "choice", "letter", "submit", "choose", "select", "finish", "final")),
)
_LABEL = caseless(
    r"^[ \t*_>#-]*+(?:(?:the|my|your)\s)?(?:(?:correct|right|best|final|chosen|selected|closest|my)\s)(?:option"
    r"|choice|letter|selection|pick|statement|alternative)[*_]*\s?(?:is)?[:：][*_]*\s*+(?=\S)",
    flags=re.M,
)
_LABELS = anchors("option choice letter selection pick statement alternative")
# "The true claim is C", "the right order is shown in option C".
_CLAIMS = words("claim statement assertion proposition sentence one inference conclusion description reading")
_TRUE_ONE = re.compile(
    rf"\b(?:true|valid|false|incorrect|invalid|wrong)\s(?:{_CLAIMS})\s(?:is|must\sbe):?\s*+"
    r"(?=(?:[Oo]ption\s|[Cc]hoice\s)?\*{0,2}(?:\([A-Z]\)|[A-Z](?:[.:)]\s|[.)*]*$)))|\b(?:correct|right|true|best"
    r"|valid|answer)\s[^.:\n]{0,60}?\b(?:shown|given|listed|stated|described|found|represented|expressed|written"
    r"|seen)\s(?:in|by|as|under|at)\s(?=(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s[(*]*[A-Z]\b[)*]*\s*(?:[.;!,]|$))",
    re.M,
)
_TRUE_ONES = Anchors(
    *("true ", "false ", "valid ", "wrong ", "incorrect "),
    *(f" {word} {noun} " for word in ("in", "by", "as") for noun in ("option", "choice", "answer")),
)
# "The product is:", with the option on a line of its own below.
_HEADS_OPTION = re.compile(r"\b(?:is|are|be|option|with)\s?:[*_]*[ \t\r]*\n\s*(?=[*_>]*\(?[A-Z][).:])")
_COLONS = Anchors(
    *(f":{stars}{spaces}{end}" for stars in ("", "**") for spaces in ("", " ", "  ") for end in ("\n", "\r\n"))
)
_ITEM_LINE = re.compile(r"^[ \t*_>]*+\(?(?P<letter>[A-J])[).:]", re.M)


def _right(text: str, start: int, count: int) -> Iterator[Said]:
    for match in near(_IS_RIGHT, text, start, _VERDICTS, before=120, after=20)[-MAX_STATEMENTS:]:
        found = chosen(match, count)
        begin, end = match.span(str(match.lastgroup))
        if (
            found is None
            or SUPPOSED.search(text, max(start, match.start() - 30), begin)
            or _NONE_OF.search(text, max(start, begin - 40), begin)
            or (match.lastgroup != "left" and heads.is_word(text, str(found.answer), end, len(text)))
        ):
            continue
        also = _ALSO.search(text, end, match.end()) or _OR_THIS.search(text, max(start, begin - 24), begin)
        yield begin, UNDECIDED if also else found


def _pointed(text: str, start: int, count: int) -> Iterator[Said]:
    for match in near(_POINTS, text, start, _POINTERS, before=20, after=110)[-MAX_STATEMENTS:]:
        if match[0].startswith("answer") and NOT_MINE.search(text, max(start, match.start() - 48), match.end()):
            continue
        found = letter_behind(text, match, count)
        if found and match[0].lower().startswith("le"):  # "that leaves (A) the train and (D) the plane"
            line = (match.end(), heads.line_end(text, match.end()))
            left = {marked[marked.lastgroup or ""] for marked in MARKED.finditer(text, *line)}
            found = UNDECIDED if len(left & set(LETTERS[:count])) > 1 else found
        if found:
            yield match.end(), found


def _true_one(text: str, start: int, count: int) -> Iterator[Said]:
    return said_behind(text, near(_TRUE_ONE, text, start, _TRUE_ONES, before=90, after=30)[-1:], count)


def _below(text: str, start: int, count: int) -> Iterator[Said]:
    heads = near(_HEADS_OPTION, text, start, _COLONS, before=12, after=24)[-1:]
    for place, found in said_behind(text, heads, count):
        if not any(item["letter"] != found.answer for item in _ITEM_LINE.finditer(text, place)):
            yield place, found


def _rather(text: str, start: int, count: int) -> Iterator[Said]:
    return said_behind(text, near(_RATHER, text, start, _RATHERS, before=24, after=16)[-MAX_STATEMENTS:], count)


def _row_of_judgements(text: str, start: int, count: int) -> list[re.Match[str]]:
    """The last judgements of options that follow each other: "A) ✗ B) ✗ C) ✓ D) ✗"."""
    row: list[re.Match[str]] = []
    for match in near(_JUDGEMENTS, text, start, _JUDGING, before=48, after=48)[-MAX_STATEMENTS:]:
        if match["letter"] not in LETTERS[:count]:
            continue
        follows = row and _BETWEEN_JUDGEMENTS.fullmatch(text, row[-1].end(), match.start())
        row = [*row, match] if follows else [match]
    return row


def _judged_in_a_row(text: str, start: int, count: int) -> Iterator[Said]:
    row = _row_of_judgements(text, start, count)
    right = [judgement for judgement in row if judgement["right"]]
    if len(right) == 1 and len({judgement["letter"] for judgement in row}) == len(row) >= min(3, count):
        yield right[0].start("letter"), Extraction(answer=right[0]["letter"], span=right[0].span("letter"))


def _judged_alone(text: str, start: int, count: int) -> Iterator[Said]:
    judged = {one.answer: one for match in _JUDGED.finditer(text, start) if (one := chosen(match, count))}
    if len(judged) == 1 and len(_row_of_judgements(text, start, count)) < 2:
        yield from ((found.span[0], found) for found in judged.values() if found.span)


def _given(text: str, start: int, count: int) -> Iterator[Said]:
    given = [chosen(match, count) for match in near(_GIVEN, text, start, _GIVING, before=60, after=40)]
    yield from [(found.span[0], found) for found in given if found and found.span][-1:]


def _labelled(text: str, start: int, count: int) -> Iterator[Said]:
    yield from [*said_behind(text, near(_LABEL, text, start, _LABELS, before=24, after=24), count)][-1:]


# find(text, start, count of options): where an answer is given in passing, and which. Of all that these rows give, the
# last in the text comes first; of two in one place, the earlier row's.
VERDICTS = (
    Rule("verdict", "phrase", OF_LETTERS, _right),  # "(C) is correct", "option D fits best"
    Rule("pointer", "phrase", OF_LETTERS, _pointed),  # "I choose C", "that leaves us with D"
    Rule("true one", "phrase", OF_LETTERS, _true_one),  # "the true claim is (C)", "is shown in option D"
    Rule("option below", "phrase", OF_LETTERS, _below),  # "the metal is:", with an option on the next line
    Rule("not this but that", "phrase", OF_LETTERS, _rather),  # "not A but C"
    Rule("judged in a row", "phrase", OF_LETTERS, _judged_in_a_row),  # "A) ✗ B) ✗ C) ✓ D) ✗"
    Rule("judged alone", "phrase", OF_LETTERS, _judged_alone),  # "C) Correct, since ..." among others that aren't
    *ELSEWHERE,
    Rule("call or assignment", "phrase", OF_LETTERS, _given),  # submit_answer("C"), my_choice = 'D'
    Rule("label", "phrase", OF_LETTERS, _labelled),  # "Correct option: C"
)


def said(text: str, start: int, choices: Sequence[str]) -> list[Reading]:
    """Collect what `VERDICTS` give, by place, the last first."""
    given = [(place, rule.reads(found)) for rule in VERDICTS for place, found in rule.find(text, start, len(choices))]
    return [reading for _, reading in sorted(given, key=lambda one: one[0], reverse=True)]
