r"""The shapes that answers of every type come in: `Answer:` lines, boxes, phrases; and where an output's own text ends.

Every pattern here must stay linear in the text: runs that touch each other are possessive (`*+`), or bounded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from cotbench.answers.reading.parts import INVISIBLE, SPACES, Span

MAX_WORDS_BELOW = 4  # of an answer on a line of its own
MAX_ANSWER_CHARS = 1_000  # an answer longer than this is not one; MATH's longest gold has 159 characters
MAX_PHRASE_CHARS = 2_000  # of a line that is searched for the answer that it states
MAX_STATEMENTS = 64  # of a text; the last ones are read, more are a text that repeats itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """answer: canonical for numbers ("42", "-0.5", "1/3") and letters ("C"), the text itself for LaTeX; None = unread."""

    answer: str | None
    rule: str = ""
    span: Span | None = None


UNDECIDED = Extraction(answer=None)  # "7 or 8": an answer that is none; nothing vaguer is looked for
DECLINED = "declined"  # the rule that finds that a model says that there is no answer to give

Reading = tuple[str, Extraction]  # rule, what it found

BLANK = f" \t\r\n*_`${INVISIBLE}"

# Letters that a number must not touch: of alphabets that write words apart. Chinese, Japanese, Korean and Thai don't.
LETTER = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u03bf\u03c1-\u052f"
CJK = r"\u2e80-\u2fff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# The code points of the digit zero in other scripts, nine digits behind each: Arabic, Persian, Devanagari, Bengali, Thai ...
_ZEROS = (
    0x660,
    0x6F0,
    0x966,
    0x9E6,
    0xA66,
    0xAE6,
    0xB66,
    0xBE6,
    0xC66,
    0xCE6,
    0xD66,
    0xE50,
    0xED0,
    0xF20,
    0x1040,
    0x17E0,
)
# Signs that mean an ASCII sign, one for one, so that spans stay true: full-width forms, circled letters, other digits.
PLAIN_SIGNS = {
    **{zero + i: ord("0") + i for zero in _ZEROS for i in range(10)},
    0x66B: ord("."),
    0x66C: ord(","),
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **{0x24B6 + i: ord("A") + i for i in range(26)},
    **{0x24D0 + i: ord("a") + i for i in range(26)},
    0x3000: ord(" "),
}

# --- boxes --------------------------------------------------------------------------------------------------------

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*+(?:(?P<brace>\{)|(?P<bare>[-+]?\d[^\s$\\{}]*|[A-Za-z](?![A-Za-z])))")
_BRACE = re.compile(r"\\.|[{}]", re.S)


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


# --- explicit phrases ---------------------------------------------------------------------------------------------

_MARKUP = rf"[{SPACES}>*_`#\-•→➡👉✅✔☑🔹▶★\ufe0f]*+"
_WRAP = rf"[{SPACES}*_`#]*+"  # what may stand between "Answer:" and the answer; a "-" is the answer's sign
_LEAD = r"(?:(?:so|thus|hence|therefore|then|and|now),?\s)?(?:(?:the|my|our)\s)?"
_CONTRACT = re.compile(
    rf"(?:^|(?<=>)|(?<=[.!?;)]\s)|(?<=[,:→]\s)|(?<=[.!?]\s\s)){_MARKUP}{_LEAD}(?:(?:final|correct|right|best|exact"
    r"|short|numeric(?:al)?|direct|concise|overall)[\s_]){0,2}(?:answer|ans)(?:\sline|\schoice"
    rf"|\s\((?:part\s)?[a-z\d]{{1,3}}\)|\s(?:for|to|of)\s[^:\n*]{{1,40}})?{_WRAP}(?:[:：]"
    rf"|(?=\n|\s?\\\[|\s?\$\$)){_WRAP}(?:</?(?:b|strong|em|i|u|p)>{_WRAP})?(?:\n{_WRAP}){{0,3}}(?:(?<=\n)[-•]\s"
    r")?(?=\S)|(?<!\{)<(?:final_)?(?:answer|letter|choice|option|solution|conclusion)>\s*+(?=\S)"
    r"|(?<![<\w/])answer>\s*+(?=[^<\s][^<\n]{0,60}</answer>)|\\text(?:bf)?\s?\{\s?(?:final\s)?answer\s?:?\s?"
    r"(?:\}\s?:?|(?<=[:\s])(?=[^\s}]))\s*+(?=\S)|^\(answer\)\s*+(?=\S)"
    r"|[\"'](?:(?:final|correct|selected|my)[_ ]?)?(?:answer|choice"
    r"|option)(?:[_ ]?(?:letter|choice))?[\"']\s?:\s?[\"']?(?=[^\s\"'])"
    r"|\b(?:final_?)?(?:answer|finish|submit)\(\s?(?:[\"'](?=[^\s\"')])|(?=(?:(?-i:[A-Z])|-?\d[\d.,]*)\s?\)))"
    r"|\b(?-i:Answer|Finish|ANSWER|FINISH)\[\s?[\"']?(?!\d+\]\s?=)(?=[^\s\"'\]])",
    re.I | re.M,
)
# A number or a formula: "#### Step 2" and "#### 2. Add up" are headings.
_BARE_WRAP = rf"[{SPACES}*_`]*+"
_HASHES = re.compile(rf"####(?!#|{_BARE_WRAP}(?:[A-Za-z]{{2}}|\d+[.):][ \t]+\S)){_BARE_WRAP}(?=\S)")
_OF_OPTIONS = ["the", "my", "correct", "right", "best", "final", "likely", "plausible", "suitable", "appropriate"]
_OF_STATEMENTS = ["correct", "likely", "plausible", "suitable", "appropriate", "accurate"]
_NAMED_ANSWERS = [
    *(f"{word} {noun}" for word in _OF_OPTIONS for noun in ("option", "choice")),
    *(f"{word} {noun}" for word in _OF_STATEMENTS for noun in ("statement", "response", "conclusion")),
]
# "The answer is" in other languages, where words stand apart: noun, at most five words more, then a verb or a mark.
_NOUNS = (
    r"respuesta|opci[óo]n|alternativa|r[ée]ponse|antwort|lösung|risposta|opzione|resposta|op[çc][ãa]o|gabarito"
    r"|antwoord|ответ[а-я]{0,2}|вариант|відповідь|odpowied[źz]i?ą?|odpověď|jawaban(?:nya)?|svaret|svar|vastaus"
    r"|απάντηση|răspuns(?:ul)?|letra\scorr?e(?:c)?ta|lettre\scorrecte|lettera\scorretta|option\scorrecte"
    r"|bonne\soption|richtige\s(?:option|aussage|wahl)|richtig|juiste\s(?:optie|keuze)|đáp\sán|câu\strả\slời"
    r"|phương\sán|lựa\schọn"
)
_VERBS = (
    r"es|est|ist|è|é|là|is|jest|to|je|är|er|on|este|είναι|adalah|ialah|lautet|sería|serait|wäre|sarebbe|seria|será"
    r"|będzie|будет"
)
_LINKS = (
    r"(?:\s(?:donc|daher|also|pues|quindi|portanto|dus|więc|entonces|somit|folglich))?(?:\s(?:la|le|il|lo|el|die"
    r"|der|das|de|het|a|o)(?=\s))?(?:\s(?:opci[óo]n|option|optie|opzione|op[çc][ãa]o|alternativa|lettre|letra"
    r"|lettera|letter|buchstabe|вариант|phương\sán|câu))?\s*+(?=\S)"
)
_ELSEWHERE = (
    rf"\b(?:{_NOUNS})(?:\s(?!\(?(?-i:[A-Z])\b|(?:no|non|não|nicht|kein|pas|не|niet|nie|không|bukan|inte|ikke|ei)\b"
    rf"|n['’])[^\s.:,;]{{1,14}}){{0,5}}?(?:\s(?:{_VERBS})\b(?:\s?[:：])?|\s?[:：]|\s[—–-])[*_]*{_LINKS}",
    # Chinese, Japanese and Korean, where words touch.
    r"(?:答案|答え|解答|回答|正解|正答|(?:正确|正確|最佳|最终|最合适|合适)(?:的)?(?:答案|选项|選項|选择|說法|说法|结论|一项)"
    r"|(?:正しい|適切な|最適な)(?:選択肢|答え|もの|の)?(?=は))[】\]]?\s?(?:\([^()\n]{1,20}\))?(?:选项)?(?:只能|应该|應該|应当|应|應|就|便|即|也)?(?:是"
    r"|为|為|は|選|选)?(?:选项|選項|択)?\s*+[:：]?\s*+(?=\S)",
    r"(?:정답|(?<![가-힣])답)\s?(?:\([^()\n]{1,20}\))?(?:은|이|:)?\s?:?\s?(?=\S)",
    # Arabic, Persian, Hebrew; Hindi, Bengali; Thai; Turkish, whose verbs stand behind the answer.
    r"(?:الإجابة|الاجابة|الجواب|الحل|پاسخ|جواب|תשובה)(?:\s(?:الصحيحة|الصحيح|النهائية|النهائي|الأصح|صحیح|درست|نهایی"
    r"|הנכונה|הסופית))?\s?(?:هي|هو|היא)?\s?[:：]?\s?(?:(?:الخيار|الحرف|گزینه)\s)?(?=\S)",
    r"(?:الخيار|الاختيار)\s(?:الصحيح|الأصح|الأنسب)\s?(?:هو)?\s?[:：]?\s?(?=\S)"
    r"|(?:верный|правильный)\s(?:ответ|вариант)\s?(?:[:—–-]\s?)?(?=\S)",
    r"(?:उत्तर|जवाब|सही\sविकल्प|উত্তর)\s?(?:है|होगा|হল|হলো)?\s?[:：]?\s?(?:विकल्प\s)?(?=\S)",
    r"(?:คำตอบ|เฉลย|(?:ตัวเลือก|ข้อ)(?=ที่ถูก))(?:ที่ถูกต้อง|ที่ถูก|สุดท้าย)?\s?(?:คือ|เป็น"
    r"|ได้แก่)?\s?[:：]?\s?(?:ข้อ|ตัวเลือก)?\s?(?=\S)",
    r"(?<![^\s*#✅>(])(?:jibu(?:\s(?:la\smwisho|sahihi))?\s?(?:ni\b|linapaswa\skuwa\b|[:：])|trả\slời\s?[:：]"
    r"|సమాధానం\s?[:：]|பதில்\s?[:：])[\s*]*+(?=\S)",
    r"\b(?:cevap|cevabı|yanıt|doğru\s(?:seçenek|şık))\s?[:：]?\s?(?=\S)",
)
PHRASE = re.compile(
    r"\b(?<!wrong\s)(?<!incorrect\s)(?<!if\s)(?<!if\sthe\s)(?<!whether\sthe\s)(?:answer(?:\s++(?:to|for|of|choice"
    r"|letter|here)\b(?:\s++[^.:\n]{1,60}?)?)?(?:\s\([^()\n]{1,40}\))?"
    rf"|(?:{'|'.join(_NAMED_ANSWERS)})(?:\s++(?:among|of|here|from|out)\b(?:\s++[^.:\n]{{1,40}}?)?)?)(?:\s++(?:is"
    r"|was|should\sbe|must\sbe|would\sbe|will\sbe|has\sto\sbe|comes\s(?:out\s)?to|becomes|equals)\b|['’]s(?=\s)"
    r"|\s*+(?:=|→|->|⇒))(?:\s++(?:therefore|thus|then|hence|most\slikely|likely|probably|definitely|clearly"
    r"|obviously|simply|just|indeed|actually|exactly|approximately|about|option|choice"
    r"|given\sby)\b)*+\s*+[:：]?\s*+(?=\S)",
    re.I,
)
# The same in other languages, for models that answer in the question's own.
_PHRASE_ELSEWHERE = re.compile("|".join(_ELSEWHERE), re.I)
EXPLICIT = ("contract", "boxed", "hashes", "phrase")
_PATTERNS = {"contract": _CONTRACT, "hashes": _HASHES, "phrase": PHRASE, "elsewhere": _PHRASE_ELSEWHERE}
# How far in front of its anchor a match may begin.
_BEFORE = {"contract": 120, "hashes": 1, "phrase": 0, "elsewhere": 20}
# Words without which a pattern can't match, in lower case: looking for them first is ten times faster.
_ANCHORS = {
    "contract": (
        *("answer", "ans:", "ans :", "ans.", "<letter>", "<choice>", "<option>", "<solution>", "<conclusion>"),
        *("finish(", "finish[", "submit(", 'choice"', "choice'", 'option"', "option'", 'letter"', "letter'"),
    ),
    "hashes": ("####",),
    "phrase": ("answer", *_NAMED_ANSWERS),
    "elsewhere": (
        *"respuesta reponse antwort risposta resposta gabarito opcion opzione alternativa antwoord jawaban svar vastaus cevap".split(),
        *"réponse lösung opción opção opçao ответ вариант відповідь odpowied odpověď απάντηση răspuns cevabı yanıt".split(),
        *(
            "doğru seçenek",
            "doğru şık",
            "letra corr",
            "lettre correcte",
            "lettera corretta",
            "option correcte",
            "bonne option",
            "richtig",
            "juiste ",
            "đáp án",
            "câu trả lời",
            "phương án",
            "lựa chọn",
        ),
        *"正しい 適切 最適 الخيار الاختيار верный правильный ตัวเลือก ข้อ 答案 答え 解答 回答 正解 正答 正确 正確 最佳 最终 合适 정답 답 الإجابة الاجابة الجواب الحل پاسخ جواب תשובה".split(),
        *"उत्तर जवाब विकल्प উত্তর คำตอบ เฉลย".split(),
        *("jibu", "trả lời", "సమాధానం", "பதில்"),
    ),
}
# "Each correct answer is worth 5 points": no answer of the text's own.
_ANY_ANSWER = re.compile(r"\b(?:each|every|per|any|an?|if\sthe|no|only\sif)\s(?:\w+\s)?\Z", re.I)
_DENIAL = re.compile(r"(?:not|(?:neither|none)(?=\s+\w))\b", re.I)
_SPECIAL_TOKEN = re.compile(r"<\|[a-z_]+\|>|</[a-z_]+>|<eo[a-z]>|<end_of_turn>")
_LABELLED = re.compile(r"[A-Za-z][A-Za-z ]{1,30}:\s")  # "Storks: 6", the first line of a table
_LIST_ITEM = re.compile(r"step\b|\d+[.)]\s+\S", re.I)
_DISPLAY = {"\\[": "\\]", "$$": "$$"}

WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}+(?!\})")  # words outside commands and \text{..}


@lru_cache(maxsize=4)
def _lower(text: str) -> str:
    """A text in lower case: the same one is asked for by every rule."""
    return text.lower()


@lru_cache(maxsize=64)
def _ascii(anchors: tuple[str, ...]) -> tuple[str, ...]:
    """The anchors that a text of ASCII alone may hold."""
    return tuple(anchor for anchor in anchors if anchor.isascii())


def in_plain_signs(text: str) -> str:
    """A text with `PLAIN_SIGNS` in it, each in the place of the sign that means it."""
    return text if text.isascii() else text.translate(PLAIN_SIGNS)


def near(
    pattern: re.Pattern[str], text: str, start: int, anchors: Sequence[str], before: int, after: int
) -> list[re.Match[str]]:
    """The matches of a pattern, as of `finditer`, that lie so many characters around one of the anchors.

    before: 0 where every match begins with an anchor.
    """
    low = _lower(text)
    if len(low) != len(text):  # a few letters have two in lower case
        return list(pattern.finditer(text, start))
    spots = []
    for anchor in _ascii(tuple(anchors)) if low.isascii() else anchors:
        at = low.find(anchor, start)
        while at >= 0:
            spots.append(at)
            at = low.find(anchor, at + len(anchor))
    found: list[re.Match[str]] = []
    if not before:
        for at in sorted(spots):
            match = pattern.match(text, at, at + after) if not found or at >= found[-1].end() else None
            found += [match] if match else []
        return found
    left = right = start
    for at in [*sorted(spots), len(text) + before + 1]:
        if at - before > right:  # a gap: what lies in front of it is searched in one go
            found += pattern.finditer(text, left, right)
            left = at - before
        right = min(len(text), max(right, at + after))
    return found


_BARE_VALUE = re.compile(r"(-?\d[\d.eE+-]*|true|false|null|[A-Z])\s*[,}\n]")  # of a field of an object, without quotes


def _closer(head: str) -> str:
    """What ends the answer that a tag, a field of an object or a call begins; "" for any other head."""
    if head[0] == "<":
        return "</" + head[1:].strip()
    if head[0] in "\"'":
        return head[-1] if head[-1] in "\"'" else "}"
    opened = head.rstrip(" \"'")[-1:]
    return {"(": ")", "[": "]"}.get(opened, "") if head[-1] in "([\"'" else ""


def _phrases(rule: str, text: str, start: int) -> Iterator[tuple[Span, bool]]:
    r"""What stands behind each match, to the end of its line or the next match; a display \[..\] to its end. Last first.

    The flag says whether it stands on a line below the match.
    """
    limit = len(text)
    for head in reversed(near(_PATTERNS[rule], text, start, _ANCHORS[rule], before=_BEFORE[rule], after=160)):
        begin, next_head = head.end(), limit
        limit = head.start()
        if rule == "phrase" and _ANY_ANSWER.search(text, max(0, limit - 30), limit):
            continue
        closer = _closer(head[0])
        if closer == "}" and (value := _BARE_VALUE.match(text, begin)):
            yield value.span(1), False
            continue
        if closer:
            close = text.find(closer, begin, min(next_head, begin + MAX_ANSWER_CHARS))
            if close > begin:
                yield (begin, close), False
                continue
        newline = text.find("\n", begin, next_head)
        end = next_head if newline < 0 else newline
        display = _DISPLAY.get(text[begin : begin + 2])
        if display:
            close = text.find(display, begin + 2, min(next_head, begin + MAX_ANSWER_CHARS))
            end = max(end, close + 2) if close >= 0 else end
        end = min(end, begin + MAX_PHRASE_CHARS)
        special = _SPECIAL_TOKEN.search(text, begin, end)
        end = special.start() if special else end
        if begin < end:
            yield (begin, end), "\n" in head[0]


def _is_prose(text: str, span: Span, below: bool) -> bool:
    """Whether a phrase denies ("not 5"), or begins a text that "Answer:" is only the heading of. Not for options."""
    start, end = span
    if _DENIAL.match(text, start, end):
        return True
    worked_on = "=" in text[start:end] and text[end : end + 2].strip()  # an equation, and no empty line behind it
    labelled = _LABELLED.match(text, start, end) and text[end : end + 2].strip()
    announced = text[start:end].rstrip(" \t\r*_`").endswith((":", "："))  # "The solutions are:", which stand below
    return below and bool(
        worked_on
        or labelled
        or announced
        or _LIST_ITEM.match(text, start, end)
        or len(WORD.findall(text, start, end)) > MAX_WORDS_BELOW
    )


_MAX_OBJECT_CHARS = 4_000
_FIELD = re.compile(r"[\"']\s?:\s?[\"']?\Z")
_OBJECT_END = re.compile(r"(?:[\"'\]]|\n[ \t]{0,16})\s?\}")


def _place(text: str, span: Span, ends: Callable[[], list[int]]) -> int:
    """Where a phrase counts as stated: at its beginning, or at the end of the object that it is a field of."""
    behind = text[span[1] : span[1] + 3].lstrip("\"' \r")
    if not behind.startswith((",", "\n")) or not _FIELD.search(text, max(0, span[0] - 8), span[0]):
        return span[0]
    following = ends()
    at = bisect_left(following, span[1])
    return following[at] if at < len(following) and following[at] < span[1] + _MAX_OBJECT_CHARS else span[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A place where a text states its answer: the rule that found it, and the span of the phrase that holds the answer.

    boxes: the boxes in that phrase. place: where the answer counts as stated, a field of an object at the object's end,
    so that its reasons, in another field, don't come behind it.
    """

    rule: str
    span: Span
    boxes: tuple[Span, ...] = ()
    place: int


def statements(text: str, start: int, *, options: bool = False, rules: Sequence[str] = EXPLICIT) -> list[Statement]:
    """What the explicit rules find, by its place in the text, the last first: what a text says last is its answer.

    Of statements in one another ("Answer: the answer is 5") the outer gives the rule and the inner the phrase. Where an
    answer is an option's text (options), it may be prose.
    """
    ends = cache(lambda: [match.end() for match in _OBJECT_END.finditer(text, start)])
    found = [
        Statement(rule=rule, span=span, place=_place(text, span, ends))
        for rule in rules
        if rule != "boxed"
        for language in ((rule, "elsewhere") if rule == "phrase" else (rule,))
        for span, below in _phrases(language, text, start)
        if options or not _is_prose(text, span, below)
    ]
    if "boxed" in rules:
        found += [Statement(rule="boxed", span=s, place=s[0]) for s in boxed_spans(text) if s[0] >= start]
    found.sort(key=lambda one: (one.span[0], -one.span[1]))
    kept: list[Statement] = []
    for one in found:
        outer = kept[-1] if kept else None
        if outer is None or outer.rule == "boxed" or one.span[0] >= outer.span[1]:
            kept.append(one)
        elif one.rule == "boxed":
            kept[-1] = replace(outer, boxes=(*outer.boxes, one.span))
        else:
            kept[-1] = replace(outer, span=(one.span[0], min(one.span[1], outer.span[1])), boxes=())
    kept.sort(key=lambda one: one.place)
    return kept[: -MAX_STATEMENTS - 1 : -1]


# Where a model takes back what it has stated.
RETRACTS = re.compile(
    r"\b(?:(?:wait|hold\son|oops|sorry|hmm|no)\b,?[^.\n]{0,40}\b(?:(?:is|was|['’]s)\s(?:not\sright|not\scorrect"
    r"|wrong|incorrect)|mistake|error)|(?:this|that|which)\s(?:is|was|can['’]?t\sbe)\s(?:wrong|incorrect"
    r"|not\s(?:right|correct))(?=[.,!;]|\s*\Z|\n)|(?:I|we)\s(?:have\s)?made\s(?:a|an)\s(?:\w+\s)?(?:mistake|error)"
    r"|let\s(?:me|us|['’]s)\s(?:correct|redo|recalculate|recompute)|scratch\sthat|oops|my\s(?:mistake|bad)"
    r"|(?:I|we)\s(?:mis[-\s]?(?:added|counted|calculated|read|took|multiplied)\w*|forgot|overlooked))\b"
    r"|\bcorrect(?:ion|ed)\s?:|等等[，,]|不对[，,。]|算错了|说错了|更正|\bno,\sespera\b|\bmoment\s?mal\b",
    re.I,
)
# Where a model puts another answer in the place of what it has stated: "Actually, it's 6".
CORRECTS = re.compile(
    r"\b(?:actually|no|rather|instead)\b[,:!]?\s+(?=(?:it['’]?s|it\sis|it\sshould\sbe|that['’]?s)\s)",
    re.I,
)
# What shows, behind a statement, that the model was still thinking when its budget ended.
DOUBTS = re.compile(
    r"\b(?:wait|alternatively|hmm|hold\son|(?:but\s)?let(?:\sme|['’]s"
    r"|\sus)\s(?:just\s)?(?:go\s(?:through|over|back)|double|check|verify|re-?\w+|think|see|make\ssure)|re-?read"
    r"|mistaken(?:ly)?)\b",
    re.I,
)
# What a text ends on that was cut in mid-sentence; one without a mark at its end may still be whole.
CUT = re.compile(
    r"(?:\b(?:and|or|the|(?-i:an?)|of|to|is|are|was|that|than|with|for|by|if|because|we|he|she|they|will|would|can"
    r"|then|his|her|their|my|our|from)|[-+/=×÷(,]|\s\*|\banswer\**[:：]\**)\s*\Z",
    re.I,
)
# What is left open: a formula, a list item, an announcement.
_OPEN_AT_END = re.compile(
    r"\\\((?:[^\\]|\\(?!\)))*\Z|\\\[(?:[^\\]|\\(?!\]))*\Z|\\[dt]?frac\s?\{[^{}]*\}?\{?[^{}]*\Z|[:：][\s*_]*\Z"
    r"|\n[ \t]*(?:[-*•]|#{1,6}|\d+[.)])[ \t*]*\Z"
)
WHOLE = re.compile(r"(?:[.!?。！？।|$)\]}\"”』」✅>]|\*\*)\s*\Z")


_THINKING = re.compile(
    r"\b(?:wait|hmm|alternatively|let me (?:see|think|check|re-?\w+|verify|try)|okay,? so|hold on)\b", re.I
)
_THINKS_FOR = 4_000  # characters of a text's end that show whether it thinks aloud


def broken_off(text: str, start: int) -> bool:
    """Whether a text breaks off: in mid-sentence, in a formula, or while it is still in doubt."""
    near = max(start, len(text) - 300)
    if CUT.search(text, max(start, len(text) - 40)) or _OPEN_AT_END.search(text, near):
        return True
    if WHOLE.search(text, max(start, len(text) - 40)):
        return False
    if DOUBTS.search(text, near):
        return True
    words = len(text[text.rfind("\n", near) + 1 :].split())  # of the last line
    return words > MAX_WORDS_BELOW and len(_THINKING.findall(text, max(start, len(text) - _THINKS_FOR))) > 1


SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)*\]]*\s+(?=[A-Z\"'“*\\$(\[])|(?<=\d[.!?])\s+(?=\d)|\n+")


# What a chat model says when it is done.
_COURTESY = re.compile(
    r"\W*(?:(?:let me know|i hope|hope (?:this|that)|feel free|would you like|if you (?:have|need|want|would|'d)"
    r"|please (?:let|feel)|is there anything|do you (?:want|have|need)|happy to|good luck|great job)\b"
    r"|(?:i (?:think|believe|guess) )?(?:so )?(?:that|this)(?: is|['’]s) (?:it"
    r"|(?:the|my|our) (?:final )?(?:answer|result|solution))\W*\Z|done\W*\Z|thank(?:s| you)\b|q\.?e\.?d\b"
    r"|please check|(?:i believe |i think )?this (?:completes|concludes|finishes|matches|agrees|confirms"
    r"|is consistent|is correct)\b\D*\Z|that should be it|[-*_]{3,}\s*\Z|\*?note:|希望|祝你|谢谢)",
    re.I,
)


def own_end(text: str, start: int) -> int:
    """Where a text ends without the courtesies behind its answer."""
    end = len(text)
    for left, _ in last_sentences(text, start):
        if not _COURTESY.match(text, left):
            return end
        end = left
    return end


def last_sentences(text: str, start: int, chars: int = 1_500) -> Iterator[Span]:
    """The sentences (or lines) of the end of a text, the last one first; without the space around them."""
    begin = max(start, len(text) - chars)
    cuts = [begin, *(m.end() for m in SENTENCE_END.finditer(text, begin)), len(text)]
    for left, right in zip(reversed(cuts[:-1]), reversed(cuts[1:]), strict=True):
        piece = text[left:right]
        if piece.strip():
            yield left + len(piece) - len(piece.lstrip()), left + len(piece.rstrip())
