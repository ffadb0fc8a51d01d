"""Reading a list that an output answers with: words in order, or brackets that close what is open.

Policies, beside those of `reading`:

* A list is a sequence of words, or of single brackets: commas, line breaks, numbers of items, quotes and brackets
  around it only part them, so that "[b, a]", "b a" and a numbered list of b and a are one answer.
* A list of brackets is one where nothing but brackets is said: "] ) >", "])>", "']', ')', '>'".
* In a list with commas the "and" in front of the last item is no item; in one without it may be a word.
* What stands in front of a colon announces the list ("The sorted words are: b a").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.declines import asks_for_more
from cotbench.answers.reading.endings import own_end
from cotbench.answers.reading.parts import MARKUP_TAG, Span
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS, OF_LISTS, REFUSAL, Extraction, Reading, Rule
from cotbench.answers.reading.stated import gives_none, heads_prose, held, own_body, stated
from cotbench.answers.reading.statements import Statement, statements

BRACKETS = frozenset("()[]{}<>")
MOST_CHARS = 2_000
MOST_ITEMS = 200
_ITEM = re.compile(rf"[ \t>{INVISIBLE}]*(?:\(?\d{{1,3}}[.):][ \t]+|[-*•+][ \t]+)(?=\S)")
_NUMBERED = re.compile(r"(?:^|[\s,;])\(?\d{1,3}[.)]\s+(?=\S)")
_PART = re.compile(r"\s*(?:[,;，、؛،|\n]|(?:-+>|=>|→|⇒|➜|<(?=\s))\s?|\\\\)\s*")
_ASIDE = re.compile(r"(?<=\S)\s+\([^()\n]{1,80}\)[\s.*_`]*\Z")
_LAST_TWO = caseless(r"\A(\S+)\s(?:and|und|y|et|e|и|&)\s(\S+)\Z")
_AND = caseless(r"(?:and|und|y|et|e|und|и|&)\s+(?=\S)")
_COLON = re.compile(r"[:：]")
_LETTER = re.compile(r"[A-Za-z\u0400-\u04ff\u4e00-\u9fff]")
# "The words in order are ant, bee and cat": what announces a list without a colon; what stands in front of brackets.
_SAYS = caseless(
    r"[\s*_`\"]*(?:(?:sure|okay|ok|certainly|well)[!,.]\s)?(?:so,?\s)?(?:the|these|my|here\s(?:is|are)\sthe)\s[^:,.;\n]{0,60}?"
    r"\b(?:words|list|items?|order|sequence|brackets?|parenthes[ie]s|names|letters)\b[^:,.;\n]{0,60}?"
    r"\b(?:is|are|becomes?|would\sbe|will\sbe|reads?)\s(?=\S+(?:\s\S|,))"
)
_SURE = caseless(r"[\s*_`]*(?:sure|okay|ok|certainly|well)[!,.]\s(?=\S)")
_BRACKETS_BEHIND = caseless(
    r"\b(?:is|are|by|with|be|becomes|needs?|add|adding|get)\s[\s\"'`*“‘]{0,4}(?P<own>[()\[\]{}<>](?:[()\[\]{}<>\s\"'`*,.”’]|and\s)*)\Z"
)
_LIST_WORDS = caseless(r"\b(?:sorted|order\w*|list|words|sequence|alphabetical\w*|answer|result|brackets)\b")
_SHOWN = re.compile(r"\\(?:text(?:bf|it|tt|rm|sf)?|mathrm|mathbf|mathtt|boxed)\s?\{([^{}]*)\}")
_ESCAPED = re.compile(r"\\([{}\[\]()<>_&%$#])|\\(lbrace|rbrace|langle|rangle|lbrack|rbrack|left|right)(?![a-z])")
_NAMED = {
    "lbrace": "{",
    "rbrace": "}",
    "langle": "<",
    "rangle": ">",
    "lbrack": "[",
    "rbrack": "]",
    "left": "",
    "right": "",
}
_QUOTED_BRACKET = re.compile(r"[\"'“”‘’`]\s?([()\[\]{}<>])\s?[\"'“”‘’`]")
_NOT_BRACKETS = re.compile(r"[\s,;`\"'“”‘’*$.。、，]+")
_EDGES = " \t\r\n*_`$\"'“”‘’«»()[]{}<>" + INVISIBLE
_STOP = re.compile(r"[.!。](?=[\"'”’)*_`\]\s]*(?:\Z|\n|\s+[A-Z(]))")
_SENTENCE_WORDS = caseless(
    r"\b(?:is|are|was|were|has|have|had|does|did|do|will|would|can|could|should|must|i|we|you|let|because|therefore|the"
    r"|this|that|these|then|so|not)\b"
)
_SO = caseless(
    r"[\s*_`]*+(?:(?:so|thus|therefore|hence|finally),?\s*+)?(?:the\s)?(?:sorted|final|ordered|correct|result\w*|"
    r"alphabetical\w*|complete\w*|remaining|closing)\b[^\n:]{0,80}[:：]\s*"
)


def _plain(said: str) -> str:
    """A text without LaTeX around and in it."""
    if "\\" in said:
        while (plain := _SHOWN.sub(r"\1", said)) != said:
            said = plain
        said = _ESCAPED.sub(lambda m: m[1] or _NAMED[m[2]], said)
        said = re.sub(r"\\[,;:!quad ]{1,5}", " ", said)
    return MARKUP_TAG.sub(" ", said) if "<" in said and re.search(r"<\w", said) else said


def _behind_words(said: str) -> int:
    """The place behind the last colon of the first line that words stand in front of, and something behind; else 0.

    Looks at each character once, whatever the phrase: a pattern that tries every letter takes long where no colon is.
    """
    line_end = said.find("\n")
    begin = behind = 0
    for colon in _COLON.finditer(said, 0, len(said) if line_end < 0 else line_end):
        if colon.end() < len(said) and _LETTER.search(said, begin, colon.start()):
            behind = colon.end()
        begin = colon.end()
    return behind


def items_of(said: str) -> list[str]:
    """The items of a phrase that is a list; none where it is empty, or too long."""
    said = _plain(said)
    quoted = _QUOTED_BRACKET.findall(said)
    if quoted and not re.search(r"\w", said):
        return quoted
    bare = _NOT_BRACKETS.sub("", said)
    if bare and set(bare) <= BRACKETS:
        return list(bare) if len(bare) <= MOST_ITEMS else []
    behind = _behind_words(said)
    if behind and said[behind:].strip(" \t\r\n*_`."):
        said = said[behind:].lstrip()
        return items_of(said) if said.count(":") + said.count("：") < 3 else []
    brackets = _BRACKETS_BEHIND.search(said)
    if brackets:
        return [sign for sign in brackets["own"] if sign in BRACKETS]
    for heads in (_SAYS, _SURE):
        head = heads.match(said)
        said = said[head.end() :] if head else said
    stop = _STOP.search(said)
    said = said[: stop.start()] if stop else said
    said = said if said.lstrip().startswith("(") else _ASIDE.sub("", said)
    said = _NUMBERED.sub(", ", f" {said}")
    parts = [part.strip(_EDGES) for part in _PART.split(said)]
    parts = [part for part in parts if part]
    if len(parts) > 1:
        parts[-1] = _AND.sub("", parts[-1], count=1) if _AND.match(parts[-1]) else _LAST_TWO.sub(r"\1 \2", parts[-1])
    elif re.search(r"[\"'“‘`]\s+[\"'“‘`]", said):
        parts = re.split(r"[\"'“”‘’`]\s+[\"'“”‘’`]", parts[0]) if parts else []
    words = [word.strip(_EDGES) for part in parts for word in part.split()]
    words = [word.rstrip(".,;:!") if len(word) > 1 else word for word in words]
    words = [word for word in words if any(map(str.isalnum, word))]
    return words if len(words) <= MOST_ITEMS else []


def _listed(text: str, begin: int, end: int) -> Span:
    """A span with the lines below that go on with its list: items, or words that stand alone on their lines."""
    first = text[begin:end]
    line_start = text.rfind("\n", 0, begin) + 1
    is_item = bool(_ITEM.match(text, line_start, end) or _ITEM.match(text, begin, end))
    if not is_item and len(items_of(first)) != 1 and not first.rstrip().endswith((",", "[", "(", "{")):
        return begin, end
    at = end
    while at < len(text) and at - begin < MOST_CHARS:
        line_end = text.find("\n", at + 1)
        line_end = len(text) if line_end < 0 else line_end
        line = text[at + 1 : line_end]
        bare = line.strip()
        item = _ITEM.match(line)
        if not bare:
            following = text[line_end + 1 :].lstrip("\n ")[:200]
            if not (is_item and _ITEM.match(following)):
                break
        elif (is_item and not item) or (
            not item
            and (len(bare.split()) > 1 or bare.endswith((":", ".")))
            and not bare.endswith((",", "]", ")", "}"))
        ):
            break
        if line_end >= len(text):
            at = len(text)
            break
        at = line_end
    return begin, at


def _found(text: str, begin: int, end: int) -> Extraction | None:
    while begin < end and text[begin].isspace():
        begin += 1
    while begin < end and text[end - 1].isspace():
        end -= 1
    stop = _STOP.search(text, begin, end)
    if stop and items_of(text[begin : stop.start()]):
        end = stop.start()
    answer = " ".join(items_of(text[begin:end]))
    return Extraction(answer=answer, span=(begin, end)) if 0 < len(answer) <= MAX_ANSWER_CHARS else None


def _of_statement(text: str, one: Statement) -> Extraction | None:
    begin, end = held(one)
    if one.boxes or one.row.name == "boxed":
        return _found(text, begin, end)
    if gives_none(text, begin, end):
        return REFUSAL
    if heads_prose(text, begin, end):
        return None
    if text[begin:end].rstrip(" \t\r*_`").endswith((":", "：")):  # "The sorted words are:", and the list below
        below = re.compile(r"\s*").match(text, end)
        begin = below.end() if below else end
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
    begin, end = _listed(text, begin, end)
    return _found(text, begin, end)


# --- without a statement ------------------------------------------------------------------------------------------


def _is_list(said: str, *, alone: bool) -> bool:
    """Tell whether a line is a list and nothing else: brackets, words between commas, or (alone) a few words."""
    bare = _NOT_BRACKETS.sub("", _plain(said))
    if bare and set(bare) <= BRACKETS:
        return True
    if said.rstrip().endswith(("?", ":", "!")):
        return False
    parts = [part.strip(_EDGES + ".") for part in _PART.split(said.strip())]
    if len(parts) > 1 and parts[-1] and _AND.match(parts[-1]):
        parts[-1] = _AND.sub("", parts[-1], count=1)
    parts = [part for part in parts if part]
    if len(parts) > 2 and all(len(part.split()) == 1 for part in parts):
        return True
    few = len(parts) == 2 and all(len(part.split()) == 1 for part in parts)
    return alone and (few or (len(parts) == 1 and not _SENTENCE_WORDS.search(said) and not said.rstrip().endswith(".")))


def _lines(text: str, start: int, end: int) -> list[Span]:
    found, at = [], start
    for line in text[start:end].splitlines(keepends=True):
        if line.strip():
            found.append((at, at + len(line.rstrip())))
        at += len(line)
    return found


def _alone(text: str, start: int) -> Extraction | None:
    """All of a text that is a list: on one line, or an item a line."""
    start, end = own_body(text, start)
    if end - start > MOST_CHARS:
        return None
    lines = [span for span in _lines(text, start, end) if not text[slice(*span)].strip().startswith("```")]
    if not lines:
        return None
    if gives_none(text, start, end) or asks_for_more(text, start, end):
        return REFUSAL
    if len(lines) == 1:
        return _found(text, *lines[0]) if _is_list(text[slice(*lines[0])], alone=True) else None
    items = all(_ITEM.match(text, *span) for span in lines)
    single = all(len(text[slice(*span)].split()) == 1 for span in lines)
    return _found(text, lines[0][0], lines[-1][1]) if items or single else None


def _last(text: str, start: int) -> Extraction | None:
    """The list on a text's last line, or the list of items that it ends with."""
    end = own_end(text, start)
    lines = _lines(text, max(start, end - MOST_CHARS), end)
    lines = [span for span in lines if text[slice(*span)].strip() not in ("```", "$$", "\\]")]
    if not lines:
        return None
    left, right = lines[-1]
    announced = _SO.match(text, left, right)
    if announced and announced.end() < right:
        return _found(text, announced.end(), right)
    if _ITEM.match(text, left, right):
        first = len(lines) - 1
        while first and _ITEM.match(text, *lines[first - 1]):
            first -= 1
        block = lines[first:]
        plain = all(len(text[slice(*span)].split()) <= 2 for span in block)
        return _found(text, block[0][0], right) if len(block) > 1 and plain else None
    above = text[slice(*lines[-2])] if len(lines) > 1 else ""
    heads = above.rstrip(" *_").endswith((":", "：")) and _LIST_WORDS.search(above) is not None
    if _is_list(text[left:right], alone=heads):
        return _found(text, left, right)
    if gives_none(text, left, right) or asks_for_more(text, left, right):
        return REFUSAL
    if brackets := _BRACKETS_BEHIND.search(text, left, right):
        return _found(text, *brackets.span("own"))
    colon = text.rfind(": ", left, right)
    if colon > 0 and _is_list(text[colon + 1 : right], alone=False):
        return _found(text, colon + 1, right)
    return None


# find(text, start)
LIST_ALONE = Rule("list alone", "only", OF_LISTS, _alone)
LAST_LIST = Rule("last list", "last", OF_LISTS, _last, vague=True)
LIST_RULES = (LIST_ALONE, LAST_LIST)


def read_list(text: str, start: int, vague: bool, _: Sequence[str] = ()) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""

    def instead(place: int) -> Extraction | None:
        return _last(text, place)

    every = statements(text, start, options=True)
    yield from stated(every, text, vague, lambda one: _of_statement(text, one), instead)
    for row in LIST_RULES:
        if (vague or not row.vague) and not (every and row is LIST_ALONE):
            yield from row.ask(text, start)
